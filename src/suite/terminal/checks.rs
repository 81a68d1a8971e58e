//! What the cases about a terminal share: amounts, touches, and checks of what it shows and writes down.

use crate::conformance::case::Case;
use crate::conformance::lower_tester::{At, CardHandle, Touch, Truth, Twist};
use crate::conformance::role::CommandRole;
use crate::conformance::terminal_tester::{Ended, Order, RecordState, Shown, TerminalTester};
use crate::conformance::verdict::Outcome;

/// Below the PIN limit of every profile, and no palindrome in any notation.
pub(crate) const AMOUNT: u32 = 1_250;

/// A case of the suite "terminal".
pub(crate) fn case(id: &str, purpose: &str) -> Case {
    Case::new(id, purpose).of_suite("terminal").needs(&["terminal"])
}

/// A touch at which the order goes wrong.
pub(crate) fn at_order(card: CardHandle, twist: Twist) -> Touch {
    Touch::of(card).with(At::Role(CommandRole::Value), twist)
}

/// Orders among the commands that the terminal has sent since this was asked last.
pub(crate) fn orders_sent(tester: &mut TerminalTester<'_>) -> Vec<Vec<u8>> {
    let commands: Vec<Vec<u8>> = tester.commands().into_iter().map(|(_, command)| command).collect();
    commands.into_iter().filter(|command| tester.role(command) == Some(CommandRole::Value)).collect()
}

/// The card has paid this amount since, in this many commits.
pub(crate) fn check_paid(
    tester: &mut TerminalTester<'_>,
    card: CardHandle,
    before: &Truth,
    (amount, commits): (u32, u32),
) -> Outcome {
    let after = tester.truth(card);
    tester.check_equal(
        "taken from the card",
        &i64::from(amount),
        &(i64::from(before.balance) - i64::from(after.balance)),
    )?;
    tester.check_equal("commits", &commits, &(after.commits - before.commits))
}

pub(crate) fn check_ended(tester: &mut TerminalTester<'_>, shown: &Shown, expected: Ended) -> Outcome {
    tester.check_equal("shown", &expected, &shown.ended)
}

/// An order of [`AMOUNT`] at which this happened and whose card did not come again: it must be shown as unresolved.
pub(crate) fn unresolved(tester: &mut TerminalTester<'_>, card: CardHandle, twist: Twist) -> Outcome {
    let shown = tester.order(&Order::sale(AMOUNT), vec![at_order(card, twist)])?;
    check_ended(tester, &shown, Ended::Unresolved)
}

/// The one older record that was looked into came to this, where the terminal says so.
pub(super) fn check_settled(tester: &mut TerminalTester<'_>, shown: &Shown, expected: RecordState) -> Outcome {
    if !tester.claims("terminal.settled") {
        return Ok(());
    }
    tester.check_equal("older record", &vec![(AMOUNT, expected)], &shown.settled)
}

/// A request to look into the one open record came to this. A terminal that says nothing of the record says by the end whether it is
/// still open.
pub(super) fn check_resolved(tester: &mut TerminalTester<'_>, shown: &Shown, expected: RecordState) -> Outcome {
    if tester.claims("terminal.settled") {
        return check_settled(tester, shown, expected);
    }
    check_ended(tester, shown, if expected.is_open() { Ended::Unresolved } else { Ended::Resolved })
}

/// States of the records, oldest first, where they can be asked.
pub(crate) fn check_records(tester: &mut TerminalTester<'_>, expected: &[RecordState]) -> Outcome {
    if !tester.claims("terminal.records") {
        return Ok(());
    }
    let states: Vec<RecordState> = tester.records()?.iter().map(|record| record.state).collect();
    tester.check_equal("records", &expected.to_vec(), &states)
}
