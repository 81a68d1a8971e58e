//! What a card keeps for a terminal that lost its answer, until that has it: the unratified receipt (specs/purse.md, clause 7).

use super::client::{Opener, each_suite, select, select_on};
use super::order::till;
use super::picture::{debit, provide};
use super::recovery::{settle, tear};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;
use crate::family::purse::data::{Suite, TransactionId, ins};
use crate::reader::fault::Fault;
use crate::wire::status::StatusWord;

/// More sessions than anybody tears in a row.
const TORN_SESSIONS: u32 = 12;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [pending(), delivered()].concat()
}

fn pending() -> Vec<Case> {
    vec![
        Case::new("RCV-PENDING-001", "A receipt stays unratified over SELECT, reset and other orders, until ACK.")
            .proves(&["REQ-RNG-2"])
            .kills(&["acknowledged-at-commit", "select-acknowledges", "reset-acknowledges", "ack-ignored"])
            .writes()
            .body(|tester| each_suite(tester, pending_until_ack)),
        Case::new("RCV-SECONDTEAR-001", "Tears in the recovery take neither the receipt away nor its mark.")
            .proves(&["REQ-RNG-2", "REQ-RNG-3"])
            .kills(&["second-tear-forgets-pending", "receipt-delivered-once"])
            .writes()
            .body(|tester| each_suite(tester, torn_recovery)),
        Case::new("RCV-FREE-001", "Unratified receipts, even a ring full of them, bar no further order.")
            .proves(&["REQ-RNG-1"])
            .kills(&["pending-for-ever", "full-ring-bars"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let ring = tester.number("purse.ring")? as u32;
                    provide(tester, suite, ring + 4)?;
                    tear(tester, &till(suite), Fault::RemovedAfter)?;
                    for _ in 0..=ring {
                        till(suite).pay(tester, &[debit(1)])?;
                    }
                    settle(tester, &till(suite))
                })
            }),
    ]
}

/// Fails unless exactly this one receipt is unratified.
fn expect_pending(tester: &mut Tester<'_>, suite: Suite, expected: Option<TransactionId>) -> OrStop {
    let state = till(suite).state(tester)?;
    let listed: Vec<_> = state.unratified.iter().map(|receipt| receipt.body.transaction).collect();
    tester.check_equal("unratified receipts", &expected.into_iter().collect::<Vec<_>>(), &listed)?;
    tester.check_equal("their number", &listed.len(), &usize::from(state.unratified_count))
}

fn pending_until_ack(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    settle(tester, &till(suite))?;
    let torn = tear(tester, &till(suite), Fault::RemovedAfter)?;
    let pending = Some(torn.order.transaction);
    for _ in 0..3 {
        select(tester)?;
        expect_pending(tester, suite, pending)?;
        tester.power_on()?;
        expect_pending(tester, suite, pending)?;
        tester.warm_reset()?;
        expect_pending(tester, suite, pending)?;
    }
    let status = till(suite).open(tester)?.session.acknowledge(tester, torn.order.transaction)?;
    tester.check_equal("status word of ACK", &StatusWord::OK, &status)?;
    expect_pending(tester, suite, None)
}

/// The terminal reads the receipt, acknowledges it, and is torn each time.
fn torn_recovery(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    settle(tester, &till(suite))?;
    let torn = tear(tester, &till(suite), Fault::RemovedAfter)?;
    let transaction = torn.order.transaction;
    for (instruction, fault) in [
        (ins::GET_RECEIPT, Fault::RemovedBefore),
        (ins::GET_RECEIPT, Fault::RemovedAfter),
        (ins::GET_RECEIPT, Fault::RemovedWhileAnswering { octets: 20 }),
        (ins::ACK, Fault::RemovedBefore),
    ] {
        let mut opened = till(suite).open(tester)?;
        let command = opened.session.protect(instruction, [0, 0], &transaction.0);
        tester.send_torn(&command, fault);
        tester.power_on()?;
        expect_pending(tester, suite, Some(transaction))?;
    }
    let mut opened = till(suite).open(tester)?;
    let receipt = opened.session.receipt(tester, &transaction.0)?.map(|receipt| receipt.body);
    tester.check_equal("GET RECEIPT", &Ok(torn.body), &receipt)?;
    let command = opened.session.protect(ins::ACK, [0, 0], &transaction.0);
    tester.send_torn(&command, Fault::RemovedAfter);
    tester.power_on()?;
    expect_pending(tester, suite, None)
}

fn delivered() -> Vec<Case> {
    vec![
        Case::new("RCV-PROOF-001", "A receipt is handed out again and again, before and after ACK, and reads alike.")
            .proves(&["REQ-RNG-3", "REQ-TRX-2"])
            .kills(&["receipt-delivered-once", "outcome-hidden"])
            .writes()
            .body(|tester| each_suite(tester, handed_out_again)),
        Case::new("RCV-PRIVATE-001", "What recovery reads is shown in an authentic session only.")
            .proves(&["REQ-CMD-3"])
            .kills(&["receipt-without-authentication"])
            .twin("RCV-PROOF-001")
            .writes()
            .body(|tester| each_suite(tester, shown_to_nobody_else)),
        Case::new(
            "RCV-TORNAUTH-001",
            "AUTH that is torn costs nothing, however often: no try, no receipt, no session.",
        )
        .proves(&["REQ-AU1-2", "REQ-TRX-6"])
        .kills(&["torn-auth-bars"])
        .body(|tester| each_suite(tester, torn_auth)),
    ]
}

fn handed_out_again(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    provide(tester, suite, 1)?;
    let first = till(suite).pay(tester, &[debit(1)])?;
    let counter = first.body.transaction_counter.to_be_bytes();
    for acknowledge in [false, true] {
        let mut opened = till(suite).open(tester)?;
        if acknowledge {
            opened.session.acknowledge(tester, first.body.transaction)?;
        }
        for key in [&first.body.transaction.0[..], &counter, &first.body.transaction.0] {
            let again = opened.session.receipt(tester, key)?;
            tester.check_equal("GET RECEIPT", &Ok(first.clone()), &again)?;
        }
        tester.power_on()?;
    }
    Ok(())
}

fn shown_to_nobody_else(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let torn = tear(tester, &till(suite), Fault::RemovedAfter)?;
    let (transaction, counter) = (torn.order.transaction.0, torn.body.transaction_counter.to_be_bytes());
    select(tester)?;
    for class in [0x80, 0x84] {
        for (instruction, p2, data) in [
            (ins::GET_RECEIPT, 0, &transaction[..]),
            (ins::GET_RECEIPT, 1, &counter),
            (ins::READ, 0, &[1, 1, 1]),
            (ins::ACK, 0, &transaction),
        ] {
            let head = [class, instruction, 0, p2, data.len() as u8];
            let answer = tester.send(&[&head[..], data, &[0]].concat())?;
            tester.expect_status(&answer, 0x6982)?;
            tester.check(answer.data.is_empty(), "a refusal carries no data")?;
        }
    }
    Ok(())
}

fn torn_auth(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let before = till(suite).state(tester)?;
    for fault in [Fault::RemovedBefore, Fault::RemovedAfter, Fault::RemovedWhileAnswering { octets: 30 }] {
        for _ in 0..TORN_SESSIONS / 2 {
            let opener: Opener = till(suite);
            let r0 = select_on(tester, opener.channel)?;
            let (data, _) = opener.auth(tester, &r0)?;
            tester.send_torn(&opener.auth_command(&data), fault);
            tester.power_on()?;
        }
    }
    let after = till(suite).state(tester)?;
    tester.check_equal("STATE after many torn AUTH", &before, &after)
}
