//! What became of each order: the lines of a journal folded together, for the list on screen and on paper.

use std::collections::BTreeMap;

use serde::Serialize;

use super::policy::{Known, SettlementPolicy};
use super::record::{Alarm, CardReference, Entry, Intent, OrderKind, OrderNumber, Resolution};
use crate::money::Money;
use crate::time::Moment;

/// What is known of an attempt, and of an order by its last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// Its end is not known.
    Open,
    /// Its end is not known, and the unresolved slip was issued.
    OpenFinal,
    /// Its end is not known, and the operator has seen that after a restart; the slip may have been issued, too.
    Acknowledged,
    /// Proved to have happened.
    Paid,
    /// Proved not to have happened.
    NotPaid,
}

impl OrderState {
    /// In words, of an order of this kind.
    pub const fn words(self, kind: OrderKind) -> &'static str {
        match (self, kind) {
            (Self::Open, _) => "UNRESOLVED",
            (Self::OpenFinal, _) => "UNRESOLVED (slip issued)",
            (Self::Acknowledged, _) => "UNRESOLVED (acknowledged)",
            (Self::Paid, OrderKind::Sale) => "paid",
            (Self::Paid, OrderKind::Refund) => "refunded",
            (Self::Paid, OrderKind::TopUp) => "topped up",
            (Self::Paid, OrderKind::Block) => "blocked",
            (Self::NotPaid, OrderKind::Sale) => "not paid",
            (Self::NotPaid, OrderKind::Refund) => "not refunded",
            (Self::NotPaid, OrderKind::TopUp) => "not topped up",
            (Self::NotPaid, OrderKind::Block) => "not blocked",
        }
    }

    /// Whether the end is not known.
    pub const fn is_unresolved(self) -> bool {
        matches!(self, Self::Open | Self::OpenFinal | Self::Acknowledged)
    }
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderView {
    /// Its number.
    pub order: OrderNumber,
    /// What it does.
    pub kind: OrderKind,
    /// Card family.
    pub family: String,
    /// The card of the last attempt.
    pub card: CardReference,
    /// The value to move.
    pub amount: Money,
    /// Of the last attempt: an earlier one was always proved not to have happened.
    pub state: OrderState,
    /// As the card said before the last attempt.
    pub balance_before: Money,
    /// After the last attempt, once it is proved to have happened.
    pub balance_after: Option<Money>,
    /// When its first line was written, in ms since 1970.
    pub started: Moment,
    /// When its last line was written.
    pub changed: Moment,
    /// How the scheme settles it, as written down with the last attempt; `None` in journals of before that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<SettlementPolicy>,
    /// Unresolved, and too old to be claimed; known once [`OrderView::settle`] was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overdue: Option<bool>,
    /// From the first.
    pub attempts: Vec<AttemptView>,
}

/// One attempt of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    /// From 1.
    pub attempt: u32,
    /// Which card.
    pub card: CardReference,
    /// When its intent was written.
    pub time: Moment,
    /// As the card said.
    pub balance_before: Money,
    /// What is known of it.
    pub state: OrderState,
    /// The last unresolved slip.
    pub slip: Option<Slip>,
    /// When the operator last saw it after a restart.
    pub acknowledged: Option<Moment>,
    /// How it ended.
    pub resolution: Option<Resolution>,
    /// When that was written.
    pub resolved: Option<Moment>,
    /// What a card has shown that contradicts it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmView>,
}

/// A card's contradiction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlarmView {
    /// When it was written.
    pub time: Moment,
    /// What it says.
    #[serde(flatten)]
    pub alarm: Alarm,
}

/// An unresolved slip (未了確定).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slip {
    /// When it was written.
    pub time: Moment,
    /// Printed on it, to compare with the card later.
    pub balance_before: Money,
    /// Time-out, operator, centre.
    pub reason: String,
}

/// Folds lines, oldest first, into orders.
#[derive(Debug, Clone, Default)]
pub struct Orders(BTreeMap<OrderNumber, OrderView>);

impl Orders {
    /// Takes in one more line. One that no journal would hold, about an attempt without intent, changes nothing.
    pub fn add(&mut self, time: Moment, entry: &Entry) {
        if let Entry::Intent(intent) = entry {
            self.begin(time, intent);
            return;
        }
        let Some(order) = self.0.get_mut(&entry.order()) else { return };
        let Some(attempt) = order.attempts.iter_mut().find(|attempt| attempt.attempt == entry.attempt()) else {
            return;
        };
        order.changed = time;
        match entry {
            Entry::Intent(_) => {}
            Entry::Resolved { resolution, .. } => {
                attempt.resolution = Some(resolution.clone());
                attempt.resolved = Some(time);
            }
            Entry::UnresolvedFinal { balance_before, reason, .. } => {
                attempt.slip = Some(Slip { time, balance_before: *balance_before, reason: reason.clone() });
            }
            Entry::Acknowledged { .. } => attempt.acknowledged = Some(time),
            Entry::Alarm { alarm, .. } => attempt.alarms.push(AlarmView { time, alarm: alarm.clone() }),
        }
        attempt.state = attempt.judge();
        order.follow_last();
    }

    fn begin(&mut self, time: Moment, intent: &Intent) {
        let attempt = AttemptView {
            attempt: intent.attempt,
            card: intent.card.clone(),
            time,
            balance_before: intent.balance_before,
            state: OrderState::Open,
            slip: None,
            acknowledged: None,
            resolution: None,
            resolved: None,
            alarms: Vec::new(),
        };
        let order = self.0.entry(intent.order).or_insert_with(|| OrderView {
            order: intent.order,
            kind: intent.kind,
            family: intent.family.clone(),
            card: intent.card.clone(),
            amount: intent.amount,
            state: OrderState::Open,
            balance_before: intent.balance_before,
            balance_after: None,
            started: time,
            changed: time,
            policy: None,
            overdue: None,
            attempts: Vec::new(),
        });
        order.attempts.push(attempt);
        order.amount = intent.amount;
        order.policy = intent.policy;
        order.changed = time;
        order.follow_last();
    }

    /// The orders, by number.
    pub fn by_number(self) -> Vec<OrderView> {
        self.0.into_values().collect()
    }

    /// The orders, the highest number first.
    pub fn latest_first(self) -> Vec<OrderView> {
        self.0.into_values().rev().collect()
    }
}

impl OrderView {
    /// Settles by `policy` an order that came without one, and sees whether the time to claim it is over (REQ-POL-2).
    pub fn settle(&mut self, policy: SettlementPolicy, now: Moment) {
        let policy = *self.policy.get_or_insert(policy);
        let sent = self.attempts.last().map_or(self.started, |last| last.time);
        self.overdue = Some(self.state.is_unresolved() && policy.is_overdue(sent, now));
    }

    /// What is known of it, for settlement. An acknowledgement says nothing about value: what counts is whether the slip is out.
    pub fn known(&self) -> Known {
        let Some(last) = self.attempts.last() else { return Known::Open };
        match &last.resolution {
            Some(Resolution::Paid { .. }) if last.slip.is_none() => Known::PaidAtOnce,
            Some(Resolution::Paid { .. }) => Known::PaidLater,
            Some(Resolution::NotPaid { .. }) if last.slip.is_none() => Known::NotPaid,
            Some(Resolution::NotPaid { .. }) => Known::Disproved,
            None if last.slip.is_some() => Known::OpenFinal,
            None => Known::Open,
        }
    }

    /// What is known of it, in words.
    pub const fn words(&self) -> &'static str {
        if matches!(self.overdue, Some(true)) { "UNRESOLVED (overdue)" } else { self.state.words(self.kind) }
    }

    /// The same with the alarms, where there are any.
    pub fn words_with_alarms(&self) -> String {
        let alarmed = self.attempts.iter().any(|attempt| !attempt.alarms.is_empty());
        format!("{}{}", self.words(), if alarmed { ", ALARM" } else { "" })
    }

    fn follow_last(&mut self) {
        let Some(last) = self.attempts.last() else { return };
        self.card.clone_from(&last.card);
        self.state = last.state;
        self.balance_before = last.balance_before;
        self.balance_after = match last.resolution {
            Some(Resolution::Paid { balance_after, .. }) => Some(balance_after),
            _ => None,
        };
    }
}

impl AttemptView {
    const fn judge(&self) -> OrderState {
        match (&self.resolution, self.acknowledged, &self.slip) {
            (Some(Resolution::Paid { .. }), _, _) => OrderState::Paid,
            (Some(Resolution::NotPaid { .. }), _, _) => OrderState::NotPaid,
            (None, Some(_), _) => OrderState::Acknowledged,
            (None, None, Some(_)) => OrderState::OpenFinal,
            (None, None, None) => OrderState::Open,
        }
    }
}
