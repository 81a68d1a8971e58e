//! Rights inside a session (specs/purse.md, clause 5).

use super::client::{Opener, command_name, each_suite};
use super::postamble::then_all_tries;
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{LifeCycle, Rights, Role, Suite, ins};
use crate::wire::status::StatusWord;

/// Another terminal than that of the other cases.
const OTHER: [u8; 8] = *b"OTHER TT";

/// What lacks a right.
const REFUSED: StatusWord = StatusWord::SECURITY_STATUS_NOT_SATISFIED;

const DEBIT: Operation = Operation::Debit { logical_card: 1, amount: 1 };

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [commands(), reach()].concat()
}

/// REQ-SES-4
fn commands() -> Vec<Case> {
    let case = |id, purpose| Case::new(id, purpose).proves(&["REQ-SES-4"]);
    vec![
        case(
            "RGT-READ-001",
            "Without the right to read neither records nor receipts are given, and the session goes on.",
        )
        .needs(&["purse.epc2"])
        .twin("SES-ANSWER-001")
        .kills(&["read-without-right", "receipt-without-right"])
        .writes()
        .body(unreadable),
        case("RGT-ACK-001", "Who collects, or made the receipt, acknowledges it.")
            .kills(&["ack-own-only"])
            .writes()
            .body(|tester| each_suite(tester, acknowledged)),
        case("RGT-ACK-002", "Another terminal's receipt is not acknowledged without the right to collect.")
            .needs(&["purse.epc2"])
            .twin("RGT-ACK-001")
            .kills(&["ack-without-right"])
            .writes()
            .body(|tester| {
                let paid = Opener::new(Suite::Epc2, Role::Debit).pay(tester, &[DEBIT])?;
                acknowledge(tester, &with_rights(0x5F).at(OTHER), &paid.body.transaction.0, REFUSED)?;
                acknowledge(tester, &with_rights(0x03), &paid.body.transaction.0, StatusWord::OK)
            }),
        case("RGT-VERIFY-001", "A terminal that may not debit may not try PINs either.")
            .revision(2)
            .needs(&["purse.pin"])
            .twin("PIN-RIGHT-001")
            .kills(&["verify-without-right"])
            .body(|tester| then_all_tries(tester, |tester| each_suite(tester, unverifiable))),
    ]
}

/// REQ-SES-5, REQ-SES-6
fn reach() -> Vec<Case> {
    vec![
        Case::new("RGT-LIST-001", "A session reaches the logical cards in its list.")
            .proves(&["REQ-SES-5"])
            .needs(&["purse.many"])
            .kills(&["listed-unreadable"])
            .writes()
            .body(|tester| each_suite(tester, inside_the_list)),
        Case::new("RGT-LIST-002", "A session reaches no logical card outside its list.")
            .proves(&["REQ-SES-5", "REQ-TRX-7"])
            .needs(&["purse.many"])
            .twin("RGT-LIST-001")
            .kills(&["list-ignored"])
            .body(|tester| each_suite(tester, outside_the_list)),
        Case::new("RGT-SHOWN-001", "Who collects is shown unratified receipts of other terminals.")
            .proves(&["REQ-SES-6"])
            .kills(&["own-receipts-shown"])
            .writes()
            .body(|tester| each_suite(tester, shown_to_collectors)),
        Case::new("RGT-SHOWN-002", "Who does not collect is neither shown nor counted receipts of other terminals.")
            .proves(&["REQ-SES-6"])
            .needs(&["purse.epc2"])
            .twin("RGT-SHOWN-001")
            .kills(&["all-receipts-shown"])
            .writes()
            .body(|tester| {
                Opener::new(Suite::Epc2, Role::Debit).pay(tester, &[DEBIT])?;
                // A terminal that never did anything with this card.
                let stranger = shown(with_rights(0x5F)).at(tester.random());
                let state = stranger.state(tester)?;
                tester.check_equal(
                    "receipts counted and shown",
                    &(0, 0),
                    &(state.unratified_count, state.unratified.len()),
                )
            }),
    ]
}

fn with_rights(rights: u16) -> Opener {
    Opener { rights: Rights(rights), ..Opener::new(Suite::Epc2, Role::Debit) }
}

fn shown(mut opener: Opener) -> Opener {
    opener.options.unratified = true;
    opener
}

fn acknowledge(tester: &mut Tester<'_>, opener: &Opener, transaction: &[u8; 16], expected: StatusWord) -> OrStop {
    let mut session = opener.open(tester)?.session;
    let (_, status) = session.send(tester, ins::ACK, [0, 0], transaction)?;
    tester.check_equal("ACK", &expected, &status)?;
    session.expect_alive(tester)
}

fn unreadable(tester: &mut Tester<'_>) -> OrStop {
    let paid = Opener::new(Suite::Epc2, Role::Debit).pay(tester, &[DEBIT])?;
    let mut session = with_rights(0x02).open(tester)?.session;
    let by_counter = paid.body.transaction_counter.to_be_bytes();
    for (ins, parameters, plaintext) in [
        (ins::READ, [0, 0], &[1, 1, 1][..]),
        (ins::READ, [0, 0], &[1, 2, 1]),
        (ins::GET_RECEIPT, [0, 0], &paid.body.transaction.0),
        (ins::GET_RECEIPT, [1, 0], &paid.body.transaction.0),
        (ins::GET_RECEIPT, [0, 1], &by_counter),
    ] {
        let (_, status) = session.send(tester, ins, parameters, plaintext)?;
        tester.check_equal(&command_name(ins, parameters), &REFUSED, &status)?;
    }
    let (_, status) = session.send(tester, ins::ACK, [0, 0], &paid.body.transaction.0)?;
    tester.check_equal("ACK of its own", &StatusWord::OK, &status)
}

fn unverifiable(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let pin = tester.secret("purse.pin")?;
    let status = Opener::new(suite, Role::Debit).open(tester)?.session.verify(tester, pin)?;
    tester.check_equal("VERIFY with the right to debit", &StatusWord::OK, &status)?;
    let mut session = Opener::new(suite, Role::Read).open(tester)?.session;
    let status = session.verify(tester, pin)?;
    tester.check_equal("VERIFY without it", &REFUSED, &status)?;
    session.expect_alive(tester)
}

fn acknowledged(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    let before = opener.state(tester)?.balance;
    let paid = opener.pay(tester, &[DEBIT])?;
    tester.check_equal("balance", &(before - 1), &paid.body.balance_after)?;
    acknowledge(tester, &opener.clone().at(OTHER), &paid.body.transaction.0, StatusWord::OK)
}

fn inside_the_list(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit).cards(&[2]);
    let before = opener.state(tester)?.balance;
    let debit = Operation::Debit { logical_card: 2, amount: 1 };
    let paid = opener.pay(tester, &[debit])?;
    tester.check_equal("balance", &(before - 1), &paid.body.balance_after)?;
    let mut session = opener.open(tester)?.session;
    let (_, status) = session.read(tester, 2, 1, 1)?;
    tester.check(status != REFUSED, "READ of the logical card in the list is not refused for that")
}

fn shown_to_collectors(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    let before = opener.state(tester)?;
    let paid = opener.pay(tester, &[DEBIT])?;
    tester.check_equal("balance", &(before.balance - 1), &paid.body.balance_after)?;
    let state = shown(opener).at(OTHER).state(tester)?;
    tester.check(state.unratified_count > 0 && !state.unratified.is_empty(), "receipts are shown")
}

fn outside_the_list(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let mut opened = Opener::new(suite, Role::Debit).cards(&[2]).open(tester)?;
    let (_, status) = opened.session.read(tester, 1, 1, 1)?;
    tester.check_equal("READ", &REFUSED, &status)?;
    let second = Operation::Debit { logical_card: 2, amount: 1 };
    let mut orders = vec![vec![DEBIT]];
    // What is refused for the card's state or for its amount is refused before the next one is looked at.
    if opened.state.life_cycle == LifeCycle::Active && opened.state.balance > 0 {
        orders.push(vec![second, DEBIT]);
    }
    for operations in orders {
        let order = opened.order(tester, &operations);
        opened.session.refuse(tester, &order, REFUSED)?;
    }
    Ok(())
}
