//! The card is gone before an order, or before its answer: what the next tap finds (specs/purse.md, clause 10, REQ-TRM-3).
//!
//! Each row of that table rests on what a card shows. These cases look at the card's side of it, and need no hand on its memory.

use super::client::{Opener, each_suite, order, select};
use super::order::{Planned, finds, plan, till};
use super::picture::{check_picture, debit, look, provide};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::data::transact::TransactOrder;
use crate::family::purse::data::{Suite, TransactionId, ins};
use crate::reader::fault::Fault;
use crate::wire::status::StatusWord;

/// Ways in which an answer is lost after the card has given it.
const LOST_ANSWERS: [Fault; 2] = [Fault::RemovedAfter, Fault::RemovedWhileAnswering { octets: 9 }];
/// Another terminal.
const FOREIGN: [u8; 8] = *b"UNTORN F";

/// A debit of one unit around which the card is taken away, and is back. Its session is over.
pub(super) fn tear(tester: &mut Tester<'_>, opener: &Opener, fault: Fault) -> OrStop<Planned> {
    provide(tester, opener.suite, 4)?;
    let mut torn = plan(tester, opener, &[debit(1)])?;
    let command = torn.command();
    tester.send_torn(&command, fault);
    tester.power_on()?;
    Ok(torn)
}

/// An order of this very terminal.
fn order_of(tester: &mut Tester<'_>, opener: &Opener, expected_counter: u32) -> TransactOrder {
    let mut order = order(tester, expected_counter, &[debit(1)]);
    order.transaction = TransactionId::new(opener.terminal, u32::from_be_bytes(tester.random()), tester.random());
    order
}

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [not_paid(), paid(), undone(), others()].concat()
}

fn not_paid() -> Vec<Case> {
    vec![
        Case::new(
            "RCV-NEVER-001",
            "An order that never came leaves TC and LINK as before, and can still be paid once.",
        )
        .proves(&["REQ-TRX-3", "REQ-TRX-6", "REQ-TRM-3", "REQ-TRM-5"])
        .kills(&["tc-advances-at-reset"])
        .writes()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                let torn = tear(tester, &till(suite), Fault::RemovedBefore)?;
                let (mut opened, found) = look(tester, &till(suite))?;
                check_picture(tester, "the card is as before the order", &torn.before, &found)?;
                let receipt = opened.session.receipt(tester, &torn.order.transaction.0)?.err();
                tester.check_equal("GET RECEIPT", &Some(StatusWord::REFERENCED_DATA_NOT_FOUND), &receipt)?;
                let receipt = opened.session.pay(tester, &torn.order)?;
                tester.check_equal("receipt", &torn.body, &receipt.body)?;
                finds(tester, &till(suite), "the order was executed once", &torn.after)
            })
        }),
        Case::new(
            "RCV-LATE-001",
            "An order that arrives after a new AUTH is refused: what was not paid then never will be.",
        )
        .proves(&["REQ-TRM-4", "REQ-SES-1"])
        .kills(&["late-order-executed"])
        .twin("RCV-NEVER-001")
        .writes()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                provide(tester, suite, 2)?;
                let mut planned = plan(tester, &till(suite), &[debit(1)])?;
                let late = planned.command();
                till(suite).open(tester)?;
                let answer = tester.send(&late)?;
                tester.expect_status(&answer, 0x6988)?;
                finds(tester, &till(suite), "nothing was executed", &planned.before)
            })
        }),
    ]
}

fn paid() -> Vec<Case> {
    vec![
        Case::new(
            "RCV-LOSTRESP-001",
            "A lost answer: the order stands, STATE says so, and its receipt is there to fetch.",
        )
        .proves(&["REQ-TRX-6", "REQ-RNG-3", "REQ-TRM-3"])
        .kills(&[
            "lost-response-rolls-back",
            "state-tc-behind",
            "state-link-behind",
            "state-last-ttid-hidden",
            "state-balance-behind",
            "outcome-hidden",
            "acknowledged-at-commit",
            "receipt-by-tc-unknown",
        ])
        .writes()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                settle(tester, &till(suite))?;
                for fault in LOST_ANSWERS {
                    let torn = tear(tester, &till(suite), fault)?;
                    stands(tester, suite, &torn)?;
                }
                Ok(())
            })
        }),
        Case::new("RCV-RETAP-001", "A lost answer, then the same TTID again: the same receipt, and no second debit.")
            .proves(&["REQ-TRX-2", "REQ-TRX-6", "REQ-TRM-5"])
            .kills(&["retap-executes-again", "repeat-executes-again", "repeat-refused"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    for fault in LOST_ANSWERS {
                        let torn = tear(tester, &till(suite), fault)?;
                        let receipt = till(suite).open(tester)?.session.pay(tester, &torn.order)?;
                        tester.check_equal("receipt", &torn.body, &receipt.body)?;
                        finds(tester, &till(suite), "the order was executed once", &torn.after)?;
                    }
                    Ok(())
                })
            }),
    ]
}

/// Whether the torn order counts, by everything that a terminal can ask.
fn stands(tester: &mut Tester<'_>, suite: Suite, torn: &Planned) -> OrStop {
    let (mut opened, found) = look(tester, &till(suite))?;
    check_picture(tester, "STATE is that of after the order", &torn.after, &found)?;
    let listed = opened.state.unratified.iter().any(|receipt| receipt.body == torn.body);
    tester.check(listed, "STATE lists the receipt as unratified")?;
    let counter = torn.body.transaction_counter.to_be_bytes();
    for key in [&torn.order.transaction.0[..], &counter] {
        let receipt = opened.session.receipt(tester, key)?.map(|receipt| receipt.body);
        tester.check_equal("GET RECEIPT", &Ok(torn.body.clone()), &receipt)?;
    }
    Ok(())
}

/// In the preamble: acknowledges whatever no terminal has acknowledged.
pub(super) fn settle(tester: &mut Tester<'_>, opener: &Opener) -> OrStop {
    /// More sessions than any ring needs, each with up to four receipts.
    const SESSIONS_MAX: usize = 64;
    tester.preamble(|tester| {
        for _ in 0..SESSIONS_MAX {
            let mut opened = opener.open(tester)?;
            if opened.state.unratified.is_empty() {
                return Ok(());
            }
            for receipt in std::mem::take(&mut opened.state.unratified) {
                opened.session.acknowledge(tester, receipt.body.transaction)?;
            }
        }
        Err(Stop::inconclusive("ACK does not make unratified receipts fewer"))
    })
}

fn undone() -> Vec<Case> {
    vec![
        Case::new("RCV-DURABLE-001", "An order that was answered is durable: without power it is not lost.")
            .proves(&["REQ-TRX-6"])
            .kills(&["acknowledged-before-durable", "lost-response-rolls-back"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    provide(tester, suite, 1)?;
                    let receipt = till(suite).pay(tester, &[debit(1)])?;
                    tester.power_on()?;
                    let state = till(suite).state(tester)?;
                    tester.check_equal("TC", &receipt.body.transaction_counter, &state.transaction_counter)?;
                    tester.check_equal("balance", &receipt.body.balance_after, &state.balance)?;
                    tester.check_equal("LINK", &receipt.body.link(), &state.link)
                })
            }),
        Case::new(
            "RCV-ABORT-001",
            "Nothing that ends a session undoes its commit: neither an error nor SELECT nor reset.",
        )
        .proves(&["REQ-TRX-6"])
        .kills(&["abort-undoes-commit"])
        .writes()
        .body(|tester| each_suite(tester, ended_in_every_way)),
    ]
}

fn ended_in_every_way(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    provide(tester, suite, 3)?;
    for end in ["a wrong MAC", "SELECT", "a warm reset"] {
        tester.note(format!("the session ends by {end}"));
        let mut opened = till(suite).open(tester)?;
        let order = opened.order(tester, &[debit(1)]);
        let receipt = opened.session.pay(tester, &order)?;
        match end {
            "SELECT" => drop(select(tester)?),
            "a warm reset" => drop(tester.warm_reset()?),
            _ => {
                let mut command = opened.session.protect(ins::ACK, [0, 0], &order.transaction.0);
                // The octet before Le is the last of the MAC.
                if let Some(octet) = command.iter_mut().rev().nth(1) {
                    *octet ^= 1;
                }
                let answer = tester.send(&command)?;
                tester.expect_status(&answer, 0x6988)?;
            }
        }
        let state = till(suite).state(tester)?;
        tester.check_equal("TC", &receipt.body.transaction_counter, &state.transaction_counter)?;
        tester.check_equal("balance", &receipt.body.balance_after, &state.balance)?;
    }
    Ok(())
}

fn others() -> Vec<Case> {
    vec![
        Case::new(
            "RCV-FOREIGN-001",
            "Another terminal in between: its receipt in the place of expTC disproves the torn order.",
        )
        .proves(&["REQ-TRM-3", "REQ-TRX-9", "REQ-RNG-3"])
        .kills(&["receipt-by-tc-unknown", "expected-tc-ignored"])
        .writes()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                let torn = tear(tester, &till(suite), Fault::RemovedBefore)?;
                let foreign = till(suite).at(FOREIGN);
                let order = order_of(tester, &foreign, torn.order.expected_counter);
                let theirs = foreign.open(tester)?.session.pay(tester, &order)?.body;
                let mut opened = till(suite).open(tester)?;
                let counter = torn.order.expected_counter.to_be_bytes();
                let found = opened.session.receipt(tester, &counter)?.map(|receipt| receipt.body);
                tester.check_equal("receipt in the place of expTC", &Ok(theirs.clone()), &found)?;
                tester.check_equal("its prevLINK", &torn.before.link, &theirs.previous_link)?;
                opened.session.refuse(tester, &torn.order, StatusWord::CONDITIONS_NOT_SATISFIED)
            })
        }),
        Case::new("RCV-GONE-001", "When a receipt has left the ring, the next one's prevLINK still proves it.")
            .proves(&["REQ-TRM-3", "REQ-TRX-9", "REQ-RNG-1"])
            .kills(&["link-broken"])
            .writes()
            .body(|tester| each_suite(tester, receipt_gone)),
    ]
}

fn receipt_gone(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let ring = tester.number("purse.ring")? as u32;
    provide(tester, suite, ring + 5)?;
    settle(tester, &till(suite))?;
    // Not the first of the card's life: that one has nothing before it.
    till(suite).pay(tester, &[debit(1)])?;
    let torn = tear(tester, &till(suite), Fault::RemovedAfter)?;
    settle(tester, &till(suite))?;
    for _ in 0..ring {
        till(suite).pay(tester, &[debit(1)])?;
    }
    let mut opened = till(suite).open(tester)?;
    if opened.session.receipt(tester, &torn.order.transaction.0)?.is_ok() {
        return Err(Stop::inconclusive(format!(
            "the ring holds more than the {ring} receipts that the statement names"
        )));
    }
    let next = torn.body.transaction_counter.wrapping_add(1).to_be_bytes();
    let next = opened.session.receipt(tester, &next)?.map(|receipt| receipt.body.previous_link);
    tester.check_equal("prevLINK of the next receipt", &Ok(torn.body.link()), &next)
}
