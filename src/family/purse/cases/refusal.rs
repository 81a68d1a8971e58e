//! TRANSACT: what it refuses, with the reason inside the R-MAC and without effect (specs/purse.md, clause 6, REQ-TRX-7).

use super::client::{Opener, each_suite, order};
use super::order::{refuses, till, unchanged};
use super::picture::{credit, debit, logical_cards, look, provide, records, refund, wallet};
use super::postamble::then_all_tries;
use super::transaction::above_limit;
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::data::transact::{FILE_LINEAR, OPERATIONS_MAX, Operation};
use crate::family::purse::data::{Role, Suite, TransactionId, ins, refusal};
use crate::wire::status::StatusWord;

const TWIN: &str = "TRX-DEBIT-001";

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [amounts(), limits(), refunds(), orders(), whole(), with_pin()].concat()
}

fn amounts() -> Vec<Case> {
    vec![
        Case::new("TRX-AMOUNT-001", "A debit above the balance is refused, by one or by as much as an amount can say.")
            .proves(&["REQ-TRX-4", "REQ-TRX-7"])
            .kills(&["debit-wraps", "amount-signed"])
            .twin(TWIN)
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = till(suite);
                    let balance = opener.state(tester)?.balance;
                    for amount in [balance.saturating_add(1), i32::MAX as u32 + 1, u32::MAX] {
                        refuses(tester, &opener, &[debit(amount)], refusal::BALANCE_TOO_SMALL)?;
                    }
                    Ok(())
                })
            }),
        Case::new("TRX-AMOUNT-002", "An amount of zero, or of other than four octets, is malformed.")
            .proves(&["REQ-TRX-4", "REQ-TRX-7"])
            .kills(&["zero-amount-accepted", "amount-of-three-octets"])
            .twin(TWIN)
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = till(suite);
                    refuses(tester, &opener, &[debit(0)], StatusWord::WRONG_DATA)?;
                    for value in [&[1, 0, 0, 1][..], &[1, 0, 0, 0, 0, 1], &[1], &[]] {
                        refuses_octets(tester, &opener, &[&[0x80, value.len() as u8], value].concat())?;
                    }
                    Ok(())
                })
            }),
    ]
}

fn limits() -> Vec<Case> {
    vec![
        Case::new("TRX-CREDIT-002", "A top-up over the maximum is refused, by one or by as much as an amount can say.")
            .proves(&["REQ-TRX-4", "REQ-TRX-7"])
            .kills(&["credit-over-maximum", "credit-wraps"])
            .twin("TRX-CREDIT-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 1)?;
                    let opener = Opener::new(suite, Role::Credit).everything();
                    let (_, picture) = look(tester, &opener)?;
                    let room =
                        picture.details.first().map_or(0, |detail| detail.maximum.saturating_sub(detail.balance));
                    for amount in [room.saturating_add(1), u32::MAX] {
                        refuses(tester, &opener, &[credit(amount)], refusal::MAXIMUM_EXCEEDED)?;
                    }
                    Ok(())
                })
            }),
        Case::new("TRX-COUNT-002", "A counter never counts below zero.")
            .proves(&["REQ-TRX-7"])
            .kills(&["count-down-wraps"])
            .twin("TRX-COUNT-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = till(suite);
                    let (_, picture) = look(tester, &opener)?;
                    let held = picture.details.first().map_or(0, |detail| detail.counter);
                    let number = held.saturating_add(1);
                    let count = Operation::Count { logical_card: 1, up: false, number };
                    refuses(tester, &opener, &[count], refusal::BALANCE_TOO_SMALL)
                })
            }),
    ]
}

/// An order whose operations are these octets: malformed.
fn refuses_octets(tester: &mut Tester<'_>, opener: &Opener, operations: &[u8]) -> OrStop {
    let (mut opened, before) = look(tester, opener)?;
    let mut octets = opened.order(tester, &[]).emit();
    octets.extend_from_slice(operations);
    let (_, status) = opened.session.send(tester, ins::TRANSACT, [0, 0], &octets)?;
    tester.check_equal("status word of TRANSACT", &StatusWord::WRONG_DATA, &status)?;
    unchanged(tester, opener, &before)
}

fn refunds() -> Vec<Case> {
    vec![
        Case::new("TRX-REFUND-002", "Refunds of a debit together never exceed it.")
            .proves(&["REQ-TRX-5", "REQ-TRX-7"])
            .kills(&["refund-unlimited", "refund-repeatable"])
            .twin("TRX-REFUND-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 3)?;
                    let of = Opener::new(suite, Role::Debit).pay(tester, &[debit(3)])?.body.transaction;
                    let opener = Opener::new(suite, Role::Refund).everything();
                    let refused = |tester: &mut Tester<'_>, operations: &[Operation]| {
                        refuses(tester, &opener, operations, refusal::NOT_REFUNDABLE)
                    };
                    refused(tester, &[refund(4, of)])?;
                    refused(tester, &[refund(2, of), refund(2, of)])?;
                    opener.pay(tester, &[refund(2, of)])?;
                    refused(tester, &[refund(2, of)])?;
                    let last = opener.pay(tester, &[refund(1, of)])?.body.transaction;
                    refused(tester, &[refund(1, of)])?;
                    tester.note("a refund is no debit, and an unknown TTID none either");
                    refused(tester, &[refund(1, last)])?;
                    refused(tester, &[refund(1, TransactionId([0xEE; 16]))])
                })
            }),
        Case::new("TRX-REFUND-003", "A refund goes to the logical card that paid, and to no other.")
            .proves(&["REQ-TRX-5", "REQ-TRX-7"])
            .needs(&["purse.many"])
            .kills(&["refund-of-any-logical-card"])
            .twin("TRX-REFUND-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 1)?;
                    let of = Opener::new(suite, Role::Debit).pay(tester, &[debit(1)])?.body.transaction;
                    let other = logical_cards(tester).last().copied().unwrap_or(1);
                    let operation = Operation::Refund { logical_card: other, amount: 1, of };
                    refuses(tester, &wallet(tester, suite, Role::Refund), &[operation], refusal::NOT_REFUNDABLE)
                })
            }),
    ]
}

fn orders() -> Vec<Case> {
    vec![
        Case::new("TRX-EXPTC-001", "An order whose expTC is not TC+1 is refused, be it below or above.")
            .proves(&["REQ-TRX-3", "REQ-TRX-7"])
            .kills(&["expected-tc-ignored", "expected-tc-may-lead"])
            .twin(TWIN)
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = till(suite);
                    let (mut opened, before) = look(tester, &opener)?;
                    let next = before.counter.wrapping_add(1);
                    for wrong in [next.wrapping_sub(1), next.wrapping_add(1), u32::MAX] {
                        let order = order(tester, wrong, &[debit(1)]);
                        opened.session.refuse(tester, &order, StatusWord::CONDITIONS_NOT_SATISFIED)?;
                    }
                    unchanged(tester, &opener, &before)
                })
            }),
        Case::new("TRX-RIGHTS-001", "A key does the operations of its role and no others.")
            .proves(&["REQ-TRX-7"])
            .kills(&["operation-rights-not-checked"])
            .twin("TRX-CREDIT-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 1)?;
                    let of = Opener::new(suite, Role::Debit).pay(tester, &[debit(1)])?.body.transaction;
                    let operations =
                        [(Role::Debit, debit(1)), (Role::Credit, credit(1)), (Role::Refund, refund(1, of))];
                    for role in Role::ALL {
                        for (_, operation) in operations.iter().filter(|(own, _)| *own != role) {
                            let opener = Opener::new(suite, role).everything();
                            let operation = std::slice::from_ref(operation);
                            refuses(tester, &opener, operation, StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
                        }
                    }
                    Ok(())
                })
            }),
        Case::new("TRX-FORM-001", "An order without operations, with nine, or with an unknown one is malformed.")
            .proves(&["REQ-TRX-7"])
            .kills(&["refused-order-partly-kept", "tc-advances-on-refusal"])
            .twin("TRX-LARGEST-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = till(suite);
                    let one = [0x80, 5, 1, 0, 0, 0, 1];
                    refuses_octets(tester, &opener, &[])?;
                    refuses_octets(tester, &opener, &one.repeat(OPERATIONS_MAX + 1))?;
                    refuses_octets(tester, &opener, &[&one[..], &[0x88, 5, 1, 0, 0, 0, 1]].concat())?;
                    refuses_octets(tester, &opener, &[&one[..], &[0x80, 9, 1]].concat())?;
                    partly(tester, suite)
                })
            }),
    ]
}

/// The second of two operations is refused: the first has no effect either.
fn partly(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    provide(tester, suite, 2)?;
    let opener = till(suite);
    let balance = opener.state(tester)?.balance;
    refuses(tester, &opener, &[debit(1), debit(balance)], refusal::BALANCE_TOO_SMALL)?;
    let record = records(tester, 1, FILE_LINEAR)?.wrapping_add(1);
    let write = Operation::WriteRecord { logical_card: 1, record, data: [0x5A; 16] };
    refuses(tester, &opener, &[debit(1), write], StatusWord::RECORD_NOT_FOUND)
}

fn whole() -> Vec<Case> {
    vec![
        Case::new(
            "TRX-REFUSE-001",
            "What a refused order did before its refusal is gone, then and after SELECT and reset.",
        )
        .proves(&["REQ-TRX-1", "REQ-TRX-7"])
        .kills(&["refused-order-partly-kept", "select-commits-part"])
        .twin(TWIN)
        .writes()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                partly(tester, suite)?;
                let opener = till(suite);
                let (_, before) = look(tester, &opener)?;
                tester.power_on()?;
                unchanged(tester, &opener, &before)
            })
        }),
    ]
}

fn with_pin() -> Vec<Case> {
    vec![
        Case::new(
            "TRX-PINLIMIT-002",
            "Without the PIN, debits of one order are refused that exceed the limit together.",
        )
        .proves(&["REQ-TRX-10", "REQ-TRX-7"])
        .needs(&["purse.pin"])
        .kills(&["pin-limit-per-debit", "pin-limit-ignored"])
        .twin("TRX-PINLIMIT-001")
        .writes()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                let opener = till(suite);
                let halves = above_limit(tester, &opener)?;
                let sum = halves.iter().map(Operation::amount).sum();
                refuses(tester, &opener, &[debit(sum)], refusal::VERIFICATION_REQUIRED)?;
                refuses(tester, &opener, &halves, refusal::VERIFICATION_REQUIRED)
            })
        }),
        Case::new("TRX-TRIES-001", "A refused order gives no PIN try back: the counter lies outside transactions.")
            .revision(2)
            .proves(&["REQ-PIN-1", "REQ-TRX-7"])
            .needs(&["purse.pin"])
            .kills(&["abort-refunds-tries"])
            .writes()
            .body(|tester| then_all_tries(tester, |tester| each_suite(tester, tries_stay_spent))),
    ]
}

fn tries_stay_spent(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let pin = tester.secret("purse.pin")?;
    if tester.number("purse.pin_tries")? < 3 {
        return Err(Stop::inconclusive("with fewer than three tries this would block the card"));
    }
    let wrong: String = pin.chars().map(|digit| if digit == '9' { '8' } else { '9' }).collect();
    let mut opened = Opener::new(suite, Role::Debit).open(tester)?;
    let all = opened.session.verify(tester, pin)?;
    tester.check_equal("status word of the right PIN", &StatusWord::OK, &all)?;
    let first = opened.session.verify(tester, &wrong)?;
    let too_much = opened.order(tester, &[debit(u32::MAX)]);
    opened.session.refuse(tester, &too_much, refusal::BALANCE_TOO_SMALL)?;
    let second = opened.session.verify(tester, &wrong)?;
    tester.check_equal("tries after the second wrong PIN", &StatusWord(first.0.wrapping_sub(1)), &second)
}
