//! The suite of terminals, whatever cards they take: what an order comes to, and what becomes of one whose end is not known
//! (specs/terminal.md, clauses 1 and 2). It asks for a command by its role; what cryptograms and certificates of a card must be, its
//! family's own cases ask.

mod alarms;
pub mod checks;
mod lies;
mod orders;
mod records;

use crate::conformance::case::Case;
use crate::conformance::review::with_values;
use crate::conformance::wanted::Wanted;

/// All of them, in the order in which they run.
pub fn cases() -> Vec<Case> {
    with_values([orders::cases(), lies::cases(), alarms::cases(), records::cases()].concat(), &values())
}

/// The values that a claim needs, or that its lack needs.
fn values() -> Vec<(&'static str, Wanted)> {
    vec![
        ("terminal", Wanted::text("terminal.card_profile")),
        ("terminal", Wanted::text("terminal.order").optional()),
        ("terminal", Wanted::number("terminal.amount").optional()),
        ("!terminal.one_currency", Wanted::text("terminal.other_currency_profile")),
        ("terminal.words", Wanted::text("terminal.says_paid")),
        ("terminal.words", Wanted::text("terminal.says_again")),
        ("terminal.pin", Wanted::secret("terminal.pin")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only the cases of a family named them once, so a program without that family refused no statement that lacks one.
    #[test]
    fn every_case_names_the_values_without_which_it_cannot_run() {
        for case in cases() {
            let asks = |name: &str| case.values.iter().any(|wanted| wanted.name == name && !wanted.optional);
            assert!(asks("terminal.card_profile"), "{}", case.id);
            assert_eq!(asks("terminal.other_currency_profile"), case.id.starts_with("TRM-CURRENCY"), "{}", case.id);
            assert_eq!(asks("terminal.says_paid"), case.id.starts_with("TRM-WORDS"), "{}", case.id);
        }
    }
}
