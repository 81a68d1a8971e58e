//! What cases about a terminal share: touches, and checks of what it shows and writes down. The cases of a family about a terminal that
//! takes its cards use them too.

use crate::conformance::case::Case;
use crate::conformance::lower_tester::{At, CardHandle, Touch, Truth, Twist};
use crate::conformance::role::CommandRole;
use crate::conformance::terminal_tester::{CardKind, Ended, RecordState, Shown, TerminalTester};
use crate::conformance::verdict::OrStop;
use crate::journal::record::OrderKind;

/// A case of the suite "terminal".
pub(crate) fn case(id: &str, purpose: &str) -> Case {
    Case::new(id, purpose).of_suite("terminal").needs(&["terminal"])
}

/// A touch at which the order goes wrong.
pub fn at_order(card: CardHandle, twist: Twist) -> Touch {
    Touch::of(card).with(At::Role(CommandRole::Value), twist)
}

/// Orders among the commands that the terminal has sent since this was asked last.
pub fn orders_sent(tester: &mut TerminalTester<'_>) -> Vec<Vec<u8>> {
    let commands: Vec<Vec<u8>> = tester.commands().into_iter().map(|(_, command)| command).collect();
    commands.into_iter().filter(|command| tester.role(command) == Some(CommandRole::Value)).collect()
}

/// The card has got so many plain orders since, and nothing else.
pub fn check_orders(tester: &mut TerminalTester<'_>, card: CardHandle, before: &Truth, orders: u32) -> OrStop {
    let plain = tester.plain_order()?;
    let moved = i64::from(plain.amount) * i64::from(orders);
    check_moved(tester, card, before, (if plain.kind == OrderKind::Sale { -moved } else { moved }, orders))
}

/// The card has got this much since, in this many commits; less than nothing where it was taken from it.
pub fn check_moved(
    tester: &mut TerminalTester<'_>,
    card: CardHandle,
    before: &Truth,
    (moved, commits): (i64, u32),
) -> OrStop {
    let after = tester.truth(card);
    tester.check_equal("moved to the card", &moved, &(i64::from(after.balance) - i64::from(before.balance)))?;
    tester.check_equal("commits", &commits, &(after.commits - before.commits))
}

/// The request ended so.
pub fn check_ended(tester: &mut TerminalTester<'_>, shown: &Shown, expected: Ended) -> OrStop {
    tester.check_equal("shown", &expected, &shown.ended)
}

/// A plain order at which this happened and whose card did not come again: it must be shown as unresolved.
pub fn unresolved(tester: &mut TerminalTester<'_>, card: CardHandle, twist: Twist) -> OrStop {
    let shown = tester.order(&tester.plain_order()?, vec![at_order(card, twist)])?;
    check_ended(tester, &shown, Ended::Unresolved)
}

/// The one older record that was looked into came to this, where the terminal says so.
pub fn check_settled(tester: &mut TerminalTester<'_>, shown: &Shown, expected: RecordState) -> OrStop {
    if !tester.claims("terminal.settled") {
        return Ok(());
    }
    let amount = tester.plain_order()?.amount;
    tester.check_equal("older record", &vec![(amount, expected)], &shown.settled)
}

/// A request to look into the one open record came to this. A terminal that says nothing of the record says by the end whether it is
/// still open.
pub fn check_resolved(tester: &mut TerminalTester<'_>, shown: &Shown, expected: RecordState) -> OrStop {
    if tester.claims("terminal.settled") {
        return check_settled(tester, shown, expected);
    }
    check_ended(tester, shown, if expected.is_open() { Ended::Unresolved } else { Ended::Resolved })
}

/// States of the records, oldest first, where they can be asked.
pub fn check_records(tester: &mut TerminalTester<'_>, expected: &[RecordState]) -> OrStop {
    if !tester.claims("terminal.records") {
        return Ok(());
    }
    let states: Vec<RecordState> = tester.records()?.iter().map(|record| record.state).collect();
    tester.check_equal("records", &expected.to_vec(), &states)
}

/// This touch leaves the one open record open.
pub fn stays_open(tester: &mut TerminalTester<'_>, touch: Touch) -> OrStop {
    let shown = tester.resolve(vec![touch])?;
    let decided = shown.settled.iter().any(|(_, state)| !state.is_open());
    tester.check(!decided, "nothing is decided")?;
    if !tester.claims("terminal.settled") {
        check_ended(tester, &shown, Ended::Unresolved)?;
    }
    check_records(tester, &[RecordState::OpenFinal])
}

/// At this touch the terminal sends no order, and says nothing of a payment.
pub fn no_order(tester: &mut TerminalTester<'_>, kind: &CardKind, touch: impl FnOnce(CardHandle) -> Touch) -> OrStop {
    let card = tester.card_of(kind)?;
    let before = tester.truth(card);
    let shown = tester.order(&tester.plain_order()?, vec![touch(card)])?;
    let sent = orders_sent(tester).len();
    tester.check_equal("orders sent", &0, &sent)?;
    tester.check(shown.ended.says_nothing_happened(), "it is shown that nothing happened")?;
    check_orders(tester, card, &before, 0)
}

/// An answer without its status word.
pub fn data_of(answer: &[u8]) -> &[u8] {
    &answer[..answer.len().saturating_sub(2)]
}

/// An answer with one bit of this octet changed.
pub fn with_bit(answer: &[u8], octet: usize) -> Vec<u8> {
    let mut changed = answer.to_vec();
    if let Some(octet) = changed.get_mut(octet) {
        *octet ^= 0x01;
    }
    changed
}
