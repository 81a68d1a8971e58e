//! Receipt and unresolved slip as plain text, 40 columns wide.
//!
//! While it is not known whether value moved, no slip asks anybody to pay again; the unresolved slip (処理未了) carries the
//! balance before and the rule by which a person decides from the balance after.

use std::fmt::Write as _;

use crate::family;
use crate::journal::policy::SettlementPolicy;
use crate::journal::record::{Intent, OrderKind};
use crate::money::Money;
use crate::terminal::event::{GivesBack, Outcome, OutcomeKind};
use crate::terminal::kernel::Contradiction;

/// Columns of a slip.
pub const WIDTH: usize = 40;

/// What a slip says besides the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// The keys are public test keys: the slip says so.
    pub test_keys: bool,
    /// What an unresolved record counts for.
    pub policy: SettlementPolicy,
}

/// The slip of an outcome that has one: a receipt where value moved, the unresolved slip where that is not known; then one for each alarm.
///
/// ```
/// use untorn::report::slip::{Heading, of};
/// use untorn::terminal::event::{Outcome, OutcomeKind};
/// let heading = Heading { test_keys: true, policy: Default::default() };
/// let result = OutcomeKind::Cancelled("no card came in time".to_owned());
/// let outcome = Outcome { result, settled: vec![], alarms: vec![], card: None, gives_back: None, slip_issued: false };
/// assert_eq!(of(&outcome, heading), None);
/// ```
pub fn of(outcome: &Outcome, heading: Heading) -> Option<String> {
    let first = match &outcome.result {
        OutcomeKind::Paid { intent, balance_after, .. } => {
            Some(receipt(intent, outcome.gives_back.as_ref(), *balance_after, heading))
        }
        OutcomeKind::Unresolved { intent, reason } => {
            Some(unresolved(intent, outcome.gives_back.as_ref(), reason, heading))
        }
        _ => None,
    };
    let slips: Vec<_> = first.into_iter().chain(outcome.alarms.iter().map(|found| alarm(found, heading))).collect();
    (!slips.is_empty()).then(|| slips.join("\n"))
}

/// The slip of an alarm: what the journal holds, what the card shows, each with its evidence.
pub fn alarm(contradiction: &Contradiction, heading: Heading) -> String {
    let Contradiction { intent, alarm, .. } = contradiction;
    let mut slip = Slip::default();
    slip.rule('=');
    slip.centred("ALARM");
    slip.centred("the card contradicts the journal");
    slip.test_keys(heading);
    slip.rule('-');
    for (whose, words, evidence) in
        [("Journal", &alarm.believed, &alarm.believed_evidence), ("Card", &alarm.found, &alarm.found_evidence)]
    {
        slip.text(&format!("{whose}: {words}."));
        slip.octets(evidence);
        slip.rule('-');
    }
    slip.text("No booking was changed. Settle it by hand, with both pieces of evidence.");
    slip.rule('-');
    slip.identify(intent);
    slip.rule('=');
    slip.0
}

/// The receipt of an order that is proved to have happened.
pub fn receipt(intent: &Intent, of: Option<&GivesBack>, balance_after: Money, heading: Heading) -> String {
    let mut slip = Slip::default();
    slip.rule('=');
    slip.centred("RECEIPT");
    slip.test_keys(heading);
    slip.rule('-');
    slip.pair(title(intent.kind), &intent.amount.to_string());
    slip.gives_back(of);
    slip.pair("Balance before", &intent.balance_before.to_string());
    slip.pair("Balance after", &balance_after.to_string());
    slip.rule('-');
    slip.identify(intent);
    slip.rule('=');
    slip.0
}

/// The slip of an order of which nobody knows whether it happened.
pub fn unresolved(intent: &Intent, of: Option<&GivesBack>, reason: &str, heading: Heading) -> String {
    let mut slip = Slip::default();
    slip.rule('=');
    slip.centred("UNRESOLVED  処理未了");
    slip.centred("processing not completed");
    slip.test_keys(heading);
    slip.rule('-');
    slip.pair(title(intent.kind), &intent.amount.to_string());
    slip.gives_back(of);
    slip.pair("Balance before", &intent.balance_before.to_string());
    slip.pair("Balance after", "not known");
    slip.rule('-');
    slip.text(&format!("It is not known whether the card did it ({reason})."));
    for line in rule(intent) {
        slip.text(&line);
    }
    slip.rule('-');
    slip.identify(intent);
    slip.pair("Settled", &heading.policy.to_string());
    slip.rule('=');
    slip.0
}

/// How a person decides from the balance that the card shows now.
fn rule(intent: &Intent) -> [String; 3] {
    let before = intent.balance_before;
    let after = match intent.kind {
        OrderKind::Sale => before.minor.checked_sub(intent.amount.minor),
        OrderKind::Refund | OrderKind::TopUp => before.minor.checked_add(intent.amount.minor),
        OrderKind::Block => None,
    };
    let (was, new) = match intent.kind {
        OrderKind::Sale => ("it was paid, do not charge again", "the sale may be made anew"),
        OrderKind::Refund => ("it was given back", "the refund may be made anew"),
        OrderKind::TopUp => ("it was topped up", "the top-up may be made anew"),
        OrderKind::Block => ("it was blocked", "the card may be blocked anew"),
    };
    let done =
        after.map_or_else(String::new, |minor| format!("Card shows {}: {was}.", Money::new(minor, before.currency)));
    [
        "Touch the card again at this terminal, or look at its balance:".to_owned(),
        done,
        format!(
            "Card shows {before}, as before: it did not happen, {new}. Anything else: the card was used since, only its record tells."
        ),
    ]
}

/// All but the last four characters hidden.
///
/// ```
/// assert_eq!(untorn::report::slip::masked("554E544F524E0001"), "************0001");
/// ```
pub fn masked(card: &str) -> String {
    let hidden = card.chars().count().saturating_sub(4);
    "*".repeat(hidden).chars().chain(card.chars().skip(hidden)).collect()
}

const fn title(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Sale => "Sale",
        OrderKind::Refund => "Refund",
        OrderKind::TopUp => "Top-up",
        OrderKind::Block => "Block",
    }
}

#[derive(Default)]
struct Slip(String);

impl Slip {
    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{}", text.trim_end());
    }

    fn rule(&mut self, of: char) {
        self.line(&of.to_string().repeat(WIDTH));
    }

    fn centred(&mut self, text: &str) {
        let left = WIDTH.saturating_sub(columns(text)) / 2;
        self.line(&format!("{}{text}", " ".repeat(left)));
    }

    /// Name to the left, value to the right; the value goes below where both do not fit.
    fn pair(&mut self, name: &str, value: &str) {
        if columns(name) + 1 + columns(value) > WIDTH {
            self.line(name);
            self.line(&format!("{value:>WIDTH$}"));
            return;
        }
        let gap = WIDTH - columns(name) - columns(value);
        self.line(&format!("{name}{}{value}", " ".repeat(gap)));
    }

    /// Wrapped between words.
    fn text(&mut self, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && columns(&line) + 1 + columns(word) > WIDTH {
                self.line(&line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(&line);
        }
    }

    /// As many digits a line as there is room for.
    fn octets(&mut self, hex: &str) {
        let digits: Vec<char> = hex.chars().collect();
        digits.chunks(WIDTH).for_each(|line| self.line(&line.iter().collect::<String>()));
    }

    fn test_keys(&mut self, heading: Heading) {
        if heading.test_keys {
            self.centred("*** TEST KEYS, NO VALUE ***");
        }
    }

    /// The sale by which the amount was paid.
    fn gives_back(&mut self, of: Option<&GivesBack>) {
        match of {
            Some(GivesBack { sale: Some(sale), .. }) => {
                self.pair("Gives back", &format!("order {}", sale.order));
                self.pair("Paid then", &sale.amount.to_string());
                self.pair("Paid at", &sale.time.to_string());
            }
            Some(GivesBack { sale: None, transaction }) => self.pair("Gives back", transaction),
            None => {}
        }
    }

    fn identify(&mut self, intent: &Intent) {
        self.pair("Card", &masked(&intent.card.0));
        self.pair("Order", &intent.order.to_string());
        self.pair("Time", &intent.time.to_string());
        if let Some(transaction) = family::transaction_of(intent) {
            self.pair("Transaction", &transaction);
        }
    }
}

/// Columns that a text takes where Japanese characters take two.
fn columns(text: &str) -> usize {
    text.chars().map(|char| if ('\u{2E80}'..='\u{FFDC}').contains(&char) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::{CardReference, OrderNumber};
    use crate::money::Currency;
    use crate::time::Moment;

    const HEADING: Heading = Heading { test_keys: true, policy: SettlementPolicy::OnNextTouch };

    fn intent(kind: OrderKind, amount: u32) -> Intent {
        Intent {
            order: OrderNumber(7),
            attempt: 1,
            kind,
            family: "none".to_owned(),
            card: CardReference("554E544F524E0001".to_owned()),
            amount: Money::new(amount, Currency::JPY),
            balance_before: Money::new(17_080, Currency::JPY),
            time: Moment::from_seconds(1_701_224_448),
            policy: None,
            family_data: serde_json::Value::Null,
        }
    }

    /// The public worked example of unresolved slips: slip 17,080, enquiry 15,830, so 1,250 was paid.
    #[test]
    fn the_unresolved_slip_carries_the_worked_rule() {
        let slip = unresolved(&intent(OrderKind::Sale, 1_250), None, "no card came in time", HEADING);
        insta::assert_snapshot!(slip, @r"
        ========================================
                  UNRESOLVED  処理未了
                processing not completed
              *** TEST KEYS, NO VALUE ***
        ----------------------------------------
        Sale                           1,250 JPY
        Balance before                17,080 JPY
        Balance after                  not known
        ----------------------------------------
        It is not known whether the card did it
        (no card came in time).
        Touch the card again at this terminal,
        or look at its balance:
        Card shows 15,830 JPY: it was paid, do
        not charge again.
        Card shows 17,080 JPY, as before: it did
        not happen, the sale may be made anew.
        Anything else: the card was used since,
        only its record tells.
        ----------------------------------------
        Card                    ************0001
        Order                             000007
        Time                2023-11-29 02:20:48Z
        Settled                    on-next-touch
        ========================================
        ");
        assert!(!slip.to_lowercase().contains("pay again"));
    }

    #[test]
    fn a_top_up_is_seen_by_a_higher_balance() {
        let slip = unresolved(&intent(OrderKind::TopUp, 1_000), None, "stopped by the operator", HEADING);
        assert!(slip.contains("18,080 JPY: it was topped up"), "{slip}");
    }

    #[test]
    fn no_line_is_wider_than_the_paper() {
        let mut wide = intent(OrderKind::Refund, u32::MAX);
        wide.balance_before.minor = u32::MAX;
        let foreign = GivesBack { transaction: "AB".repeat(16), sale: None };
        let held = GivesBack { sale: Some(Box::new(wide.clone())), ..foreign.clone() };
        for slip in
            [receipt(&wide, Some(&held), wide.amount, HEADING), unresolved(&wide, Some(&foreign), "a reason", HEADING)]
        {
            assert!(slip.lines().all(|line| columns(line) <= WIDTH), "{slip}");
        }
    }

    #[test]
    fn a_receipt_of_real_keys_does_not_speak_of_test_keys() {
        let real = Heading { test_keys: false, ..HEADING };
        let slip = receipt(&intent(OrderKind::Sale, 1_250), None, Money::new(15_830, Currency::JPY), real);
        assert!(!slip.contains("TEST") && slip.contains("15,830 JPY"), "{slip}");
        assert!(!slip.contains("554E"), "the card's id is masked: {slip}");
    }
}
