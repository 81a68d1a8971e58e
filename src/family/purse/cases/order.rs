//! An order between two looks at the card: most cases of value are one of these.

use super::client::{Opened, Opener, order};
use super::picture::{Picture, check_picture, debit, look, provide};
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;
use crate::family::purse::data::transact::{Operation, ReceiptBody, TransactOrder};
use crate::family::purse::data::{Role, Suite, ins};
use crate::wire::status::StatusWord;

/// A terminal that debits and asks for everything.
pub(super) fn till(suite: Suite) -> Opener {
    Opener::new(suite, Role::Debit).everything()
}

/// An order that fits the card as it was just seen, and was not sent yet.
pub(super) struct Planned {
    pub(super) opened: Opened,
    pub(super) order: TransactOrder,
    pub(super) before: Picture,
    /// What it makes of the card, if it is not refused.
    pub(super) after: Picture,
    /// Its receipt.
    pub(super) body: ReceiptBody,
}

impl Planned {
    /// The TRANSACT as octets; the session has gone on.
    pub(super) fn command(&mut self) -> Vec<u8> {
        self.opened.session.protect(ins::TRANSACT, [0, 0], &self.order.emit())
    }
}

/// Opens a session, looks at everything, and makes an order.
pub(super) fn plan(tester: &mut Tester<'_>, opener: &Opener, operations: &[Operation]) -> OrStop<Planned> {
    let (opened, before) = look(tester, opener)?;
    let order = order(tester, before.counter.wrapping_add(1), operations);
    let (after, body) = before.after(opened.card, &order)?;
    Ok(Planned { opened, order, before, after, body })
}

/// One order that must succeed: its receipt in all fields, and then the card as a whole.
pub(super) fn executes(tester: &mut Tester<'_>, opener: &Opener, operations: &[Operation]) -> OrStop {
    let Planned { mut opened, order, after, body, .. } = plan(tester, opener, operations)?;
    let receipt = opened.session.pay(tester, &order)?;
    tester.check_equal("receipt", &body, &receipt.body)?;
    finds(tester, opener, "the card is as the order makes it", &after)
}

/// An order that must be refused with this status word, and leave everything as it was.
pub(super) fn refuses(
    tester: &mut Tester<'_>,
    opener: &Opener,
    operations: &[Operation],
    expected: StatusWord,
) -> OrStop {
    let Planned { mut opened, order, before, .. } = plan(tester, opener, operations)?;
    opened.session.refuse(tester, &order, expected)?;
    unchanged(tester, opener, &before)
}

/// Looks at the card again after a refusal.
pub(super) fn unchanged(tester: &mut Tester<'_>, opener: &Opener, before: &Picture) -> OrStop {
    finds(tester, opener, "a refusal leaves the card unchanged", before)
}

/// Looks at the card, which must be as expected.
pub(super) fn finds(tester: &mut Tester<'_>, opener: &Opener, what: &str, expected: &Picture) -> OrStop {
    let (_, found) = look(tester, opener)?;
    check_picture(tester, what, expected, &found)
}

/// A debit of one unit, which the card is given before where it has none; its receipt.
pub(super) fn paid(tester: &mut Tester<'_>, suite: Suite) -> OrStop<ReceiptBody> {
    provide(tester, suite, 1)?;
    Ok(till(suite).pay(tester, &[debit(1)])?.body)
}
