//! TRANSACT: what it does (specs/purse.md, clause 6). What it refuses is in `refusal`.

use super::client::{Opener, each_suite, scheme};
use super::order::{executes, till};
use super::picture::{credit, debit, look, provide, refund, wallet};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::data::session::SealedReceipt;
use crate::family::purse::data::transact::{Operation, ReceiptBody};
use crate::family::purse::data::{Link, Role, Suite};
use crate::family::purse::keys::SuiteKey;
use crate::wire::status::StatusWord;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [value(), repeats(), receipts(), with_pin()].concat()
}

fn value() -> Vec<Case> {
    vec![
        Case::new("TRX-DEBIT-001", "A debit takes its amount from the balance, once, and TC rises by one.")
            .proves(&["REQ-TRX-3"])
            .kills(&["debit-twice", "tc-not-advanced"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 1)?;
                    executes(tester, &till(suite), &[debit(1)])
                })
            }),
        Case::new("TRX-CREDIT-001", "A top-up adds its amount to the balance, once.")
            .proves(&["REQ-TRX-3", "REQ-TRX-4"])
            .kills(&["tc-not-advanced", "receipt-type-always-debit"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    executes(tester, &Opener::new(suite, Role::Credit).everything(), &[credit(1)])
                })
            }),
        Case::new("TRX-REFUND-001", "A debit can be given back in parts, up to its amount.")
            .proves(&["REQ-TRX-5"])
            .kills(&["refund-once-only", "receipt-type-always-debit"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 3)?;
                    let of = Opener::new(suite, Role::Debit).pay(tester, &[debit(3)])?.body.transaction;
                    let opener = Opener::new(suite, Role::Refund).everything();
                    executes(tester, &opener, &[refund(1, of)])?;
                    executes(tester, &opener, &[refund(1, of), refund(1, of)])
                })
            }),
        Case::new("TRX-LARGEST-001", "An order of eight operations does all eight.")
            .proves(&["REQ-TRX-1"])
            .kills(&["eighth-operation-dropped"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 8)?;
                    executes(tester, &wallet(tester, suite, Role::Debit), &vec![debit(1); 8])
                })
            }),
        Case::new("TRX-COUNT-001", "The counter counts up and down, in one step with TC.")
            .proves(&["REQ-TRX-3"])
            .kills(&["tc-not-advanced", "link-skips-data"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let count = |up| [Operation::Count { logical_card: 1, up, number: 2 }];
                    executes(tester, &Opener::new(suite, Role::Credit).everything(), &count(true))?;
                    executes(tester, &till(suite), &count(false))
                })
            }),
    ]
}

fn repeats() -> Vec<Case> {
    vec![
        Case::new("TRX-REPEAT-001", "A TTID repeated in its session answers the same receipt and executes nothing.")
            .proves(&["REQ-TRX-2"])
            .kills(&["repeat-executes-again", "repeat-refused"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 2)?;
                    let opener = till(suite);
                    let mut opened = opener.open(tester)?;
                    let order = opened.order(tester, &[debit(1)]);
                    let first = opened.session.pay(tester, &order)?;
                    let second = opened.session.pay(tester, &order)?;
                    tester.check_equal("receipt of the repeated order", &first, &second)?;
                    let balance = opener.state(tester)?.balance;
                    tester.check_equal("balance", &first.body.balance_after, &balance)
                })
            }),
        Case::new("TRX-REPEAT-002", "A TTID repeated at a second tap answers the same receipt and executes nothing.")
            .proves(&["REQ-TRX-2"])
            .kills(&["retap-executes-again", "repeat-executes-again"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 2)?;
                    let opener = till(suite);
                    let mut opened = opener.open(tester)?;
                    let order = opened.order(tester, &[debit(1)]);
                    let first = opened.session.pay(tester, &order)?;
                    tester.power_on()?;
                    let second = opener.open(tester)?.session.pay(tester, &order)?;
                    tester.check_equal("receipt of the repeated order", &first, &second)?;
                    let balance = opener.state(tester)?.balance;
                    tester.check_equal("balance", &first.body.balance_after, &balance)
                })
            }),
        Case::new("TRX-REPEAT-003", "A TTID repeated after other orders, and after ACK, answers the receipt of then.")
            .proves(&["REQ-TRX-2"])
            .kills(&["repeat-of-earlier-executes", "repeat-after-ack-executes", "repeat-shows-balance-of-now"])
            .writes()
            .body(repeated_later),
    ]
}

fn repeated_later(tester: &mut Tester<'_>) -> OrStop {
    each_suite(tester, |tester, suite| {
        provide(tester, suite, 6)?;
        let opener = till(suite);
        let mut opened = opener.open(tester)?;
        let order = opened.order(tester, &[debit(1)]);
        let first = opened.session.pay(tester, &order)?;
        let last = opener.pay(tester, &[debit(1)])?;
        for acknowledge in [false, true] {
            let mut opened = opener.open(tester)?;
            if acknowledge {
                let status = opened.session.acknowledge(tester, order.transaction)?;
                tester.check_equal("status word of ACK", &StatusWord::OK, &status)?;
            }
            let again = opened.session.pay(tester, &order)?;
            tester.check_equal("receipt of the repeated order", &first, &again)?;
            let balance = opener.state(tester)?.balance;
            tester.check_equal("balance", &last.body.balance_after, &balance)?;
        }
        Ok(())
    })
}

fn receipts() -> Vec<Case> {
    vec![
        Case::new("TRX-RECEIPT-001", "A receipt binds card, order and result, under the card's receipt key.")
            .proves(&["REQ-TRX-2", "REQ-TRX-9"])
            .kills(&["receipt-type-always-debit"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let (mut opened, before) = look(tester, &Opener::new(suite, Role::Credit).everything())?;
                    let order = opened.order(tester, &[credit(2)]);
                    let (_, body) = before.after(opened.card, &order)?;
                    let receipt = opened.session.pay(tester, &order)?;
                    tester.check_equal("receipt", &body, &receipt.body)?;
                    check_seal(tester, suite, &receipt)
                })
            }),
        Case::new("TRX-LINK-002", "LINK of a card is never zeros, before its first receipt neither.")
            .proves(&["REQ-TRX-11"])
            .kills(&["chain-begins-with-zeros"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let link = Opener::new(suite, Role::Read).state(tester)?.link;
                    tester.check(link != Link::default(), "LINK in STATE is not zeros")
                })
            }),
        Case::new("TRX-LINK-001", "LINK runs over receipts of every kind, each naming the LINK before it.")
            .proves(&["REQ-TRX-9"])
            .kills(&["link-broken", "link-skips-data"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 4)?;
                    let count = Operation::Count { logical_card: 1, up: true, number: 1 };
                    let paying = Opener::new(suite, Role::Debit);
                    let mut link = paying.state(tester)?.link;
                    let mut of = None;
                    for (role, operation) in [
                        (Role::Debit, Some(debit(2))),
                        (Role::Credit, Some(credit(1))),
                        (Role::Credit, Some(count)),
                        (Role::Refund, None),
                    ] {
                        let operation = operation.or(of.map(|of| refund(1, of))).into_iter().collect::<Vec<_>>();
                        let body: ReceiptBody = Opener::new(suite, role).pay(tester, &operation)?.body;
                        of = of.or(Some(body.transaction));
                        tester.check_equal("LINK before, in the receipt", &link, &body.previous_link)?;
                        link = body.link();
                        let state = paying.state(tester)?;
                        tester.check_equal("LINK in STATE", &link, &state.link)?;
                    }
                    Ok(())
                })
            }),
    ]
}

/// RM by the receipt key, which the test system knows.
fn check_seal(tester: &mut Tester<'_>, suite: Suite, receipt: &SealedReceipt) -> OrStop {
    let key = scheme(tester)?.receipt_key(receipt.body.card, suite);
    let key = SuiteKey::new(suite, *key.expose()).map_err(|error| Stop::error(error.to_string()))?;
    tester.check(key.mac(&receipt.body.emit()).verify(&receipt.seal), "RM is that of the card's receipt key")
}

fn with_pin() -> Vec<Case> {
    vec![
        Case::new("TRX-PINLIMIT-001", "With the PIN, debits may exceed the PIN limit together.")
            .proves(&["REQ-TRX-10"])
            .needs(&["purse.pin"])
            .kills(&["verification-ignored"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = till(suite);
                    let halves = above_limit(tester, &opener)?;
                    let pin = tester.secret("purse.pin")?;
                    let mut opened = opener.open(tester)?;
                    let verified = opened.session.verify(tester, pin)?;
                    tester.check_equal("status word of VERIFY", &StatusWord::OK, &verified)?;
                    let order = opened.order(tester, &halves);
                    let receipt = opened.session.pay(tester, &order)?;
                    let sum = halves.iter().map(Operation::amount).sum();
                    Opener::new(suite, Role::Refund).pay(tester, &[refund(sum, receipt.body.transaction)])?;
                    Ok(())
                })
            }),
    ]
}

/// Two debits of logical card 1, each at or below its PIN limit, together one above it; the card holds that much.
pub(super) fn above_limit(tester: &mut Tester<'_>, opener: &Opener) -> OrStop<Vec<Operation>> {
    let (_, picture) = look(tester, opener)?;
    let limit = picture.details.first().map_or(u32::MAX, |detail| detail.pin_limit);
    if limit == u32::MAX || limit < 2 {
        return Err(Stop::inconclusive(format!(
            "logical card 1 has a PIN limit of {limit}: no two debits can cross it"
        )));
    }
    provide(tester, opener.suite, limit + 1)?;
    Ok(vec![debit(limit / 2), debit(limit - limit / 2 + 1)])
}
