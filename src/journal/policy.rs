//! What a record counts for: one settlement policy a scheme, as a table (specs/terminal.md, clause 3).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::kind::OrderKind;
use crate::quoted::quoted;
use crate::time::Moment;

/// How a scheme settles sales that were not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettlementPolicy {
    /// Not a sale until the card's next touch anywhere proves it.
    #[default]
    OnNextTouch,
    /// As above, or until the centre decides; claims only within [`SettlementPolicy::claim_days`].
    OnConfirmation,
    /// A sale at once, taken off if it is disproved.
    AtOnce,
    /// Never established; the customer pays again.
    Redo,
}

/// What is known of an attempt, for settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// Nobody knows.
    Open,
    /// The unresolved slip is out, and still nobody knows.
    OpenFinal,
    /// Paid, and no slip said otherwise: by the answer, or at a retouch while the sale still ran.
    PaidAtOnce,
    /// Paid, as it turned out after the unresolved slip was issued.
    PaidLater,
    /// Not paid, and never counted for anything.
    NotPaid,
    /// Not paid, as it turned out after the unresolved slip was issued.
    Disproved,
}

/// What a record counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Booking {
    /// In the sales total.
    Sale,
    /// Held apart until somebody knows.
    Unresolved,
    /// In the sales total, although nobody knows yet.
    ProvisionalSale,
    /// Was in the sales total and is taken off.
    TakenOff,
    /// Not a sale.
    NotSale,
    /// The cardholder has it to claim: paid twice, or was told of value that the card never got.
    OwedToCardholder,
    /// The card got it twice, and was paid for once.
    OwedByCardholder,
}

impl SettlementPolicy {
    /// The four policies.
    pub const ALL: [Self; 4] = [Self::OnNextTouch, Self::OnConfirmation, Self::AtOnce, Self::Redo];

    /// The table. A sale that is booked wrongly is the operator's loss or the cardholder's; of value that a card gets it is the other's.
    pub const fn booking(self, kind: OrderKind, known: Known) -> Booking {
        let gives = matches!(kind, OrderKind::TopUp | OrderKind::Refund);
        match (known, self) {
            (Known::PaidLater, Self::Redo) if gives => Booking::OwedByCardholder,
            (Known::Disproved, Self::AtOnce) if gives => Booking::OwedToCardholder,
            (Known::PaidAtOnce, _) | (Known::PaidLater, Self::OnNextTouch | Self::OnConfirmation | Self::AtOnce) => {
                Booking::Sale
            }
            (Known::PaidLater, Self::Redo) => Booking::OwedToCardholder,
            // While the card may still be touched again the sale is simply not over, under any policy.
            (Known::Open, _) | (Known::OpenFinal, Self::OnNextTouch | Self::OnConfirmation) => Booking::Unresolved,
            (Known::OpenFinal, Self::AtOnce) => Booking::ProvisionalSale,
            (Known::OpenFinal, Self::Redo)
            | (Known::NotPaid, _)
            | (Known::Disproved, Self::OnNextTouch | Self::OnConfirmation | Self::Redo) => Booking::NotSale,
            (Known::Disproved, Self::AtOnce) => Booking::TakenOff,
        }
    }

    /// Days within which the centre takes claims; an older unresolved record is shown as overdue.
    pub const fn claim_days(self) -> Option<u32> {
        match self {
            Self::OnConfirmation => Some(55),
            _ => None,
        }
    }

    /// Whether an unresolved record of then is too old to be claimed (REQ-POL-2).
    pub fn is_overdue(self, then: Moment, now: Moment) -> bool {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        self.claim_days().is_some_and(|days| then.millis_until(now) > u64::from(days) * DAY_MS)
    }
}

impl fmt::Display for SettlementPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnNextTouch => "on-next-touch",
            Self::OnConfirmation => "on-confirmation",
            Self::AtOnce => "at-once",
            Self::Redo => "redo",
        })
    }
}

impl std::str::FromStr for SettlementPolicy {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|policy| policy.to_string() == text).ok_or_else(|| {
            format!("expected on-next-touch, on-confirmation, at-once or redo, got {text}", text = quoted(text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_end_after_55_days() {
        // 55 * 86,400,000 ms.
        let (then, last) = (Moment::from_millis(1_000), Moment::from_millis(4_752_001_000));
        assert!(!SettlementPolicy::OnConfirmation.is_overdue(then, last));
        assert!(SettlementPolicy::OnConfirmation.is_overdue(then, last.plus_millis(1)));
        assert!(!SettlementPolicy::OnConfirmation.is_overdue(last, then), "a clock set back");
        for policy in [SettlementPolicy::OnNextTouch, SettlementPolicy::AtOnce, SettlementPolicy::Redo] {
            assert!(!policy.is_overdue(then, last.plus_millis(1)), "{policy}");
        }
    }

    /// The whole table, as specs/terminal.md prints it: of a sale, and where it is another for what a card gets.
    #[test]
    fn the_table() {
        use Booking as B;
        use Known as K;
        let known = [K::Open, K::OpenFinal, K::PaidAtOnce, K::PaidLater, K::NotPaid, K::Disproved];
        let rows = [
            (SettlementPolicy::OnNextTouch, [B::Unresolved, B::Unresolved, B::Sale, B::Sale, B::NotSale, B::NotSale]),
            (
                SettlementPolicy::OnConfirmation,
                [B::Unresolved, B::Unresolved, B::Sale, B::Sale, B::NotSale, B::NotSale],
            ),
            (SettlementPolicy::AtOnce, [B::Unresolved, B::ProvisionalSale, B::Sale, B::Sale, B::NotSale, B::TakenOff]),
            (SettlementPolicy::Redo, [B::Unresolved, B::NotSale, B::Sale, B::OwedToCardholder, B::NotSale, B::NotSale]),
        ];
        for (policy, bookings) in rows {
            assert_eq!(known.map(|known| policy.booking(OrderKind::Sale, known)), bookings, "{policy}");
            for kind in [OrderKind::TopUp, OrderKind::Refund] {
                let mut bookings = bookings;
                match policy {
                    SettlementPolicy::AtOnce => bookings[5] = B::OwedToCardholder,
                    SettlementPolicy::Redo => bookings[3] = B::OwedByCardholder,
                    _ => {}
                }
                assert_eq!(known.map(|known| policy.booking(kind, known)), bookings, "{policy}, {kind}");
            }
        }
    }
}
