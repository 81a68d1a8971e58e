//! Commands of the purse, right and wrong (specs/purse.md, clause 1).

use super::client::{Opener, command_name, each_suite, select};
use crate::conformance::case::Case;
use crate::conformance::tester::{Answer, Tester};
use crate::conformance::verdict::OrStop;
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{Role, Suite, ins};

/// GET DATA 0101: so many octets, each its place modulo 251.
const PATTERN_LEN: usize = 600;

const PROTECTED: [u8; 5] = [ins::VERIFY, ins::READ, ins::GET_RECEIPT, ins::TRANSACT, ins::ACK];

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    let case = |id, purpose| Case::new(id, purpose);
    vec![
        case(
            "CMD-ORDER-001",
            "What is wrong in a command is told in the order class, instruction, parameters, length, security.",
        )
        .proves(&["REQ-CMD-1"])
        .twin("AUT-OPEN-001")
        .kills(&["suite-not-offered-reached"])
        .body(precedence),
        case(
            "CMD-INSIDE-001",
            "Inside a session every refusal carries an R-MAC over its status word, and the session goes on.",
        )
        .proves(&["REQ-CMD-3", "REQ-CMD-1", "REQ-SES-3"])
        .twin("SES-ANSWER-001")
        .kills(&["refusal-without-mac", "status-outside-mac"])
        .body(|tester| each_suite(tester, refusals_inside)),
        case("CMD-OUTSIDE-001", "Protected commands without session are refused, whatever their parameters.")
            .proves(&["REQ-CMD-3"])
            .twin("SES-CHAIN-001")
            .kills(&["handshake-skipped"])
            .body(protected_outside),
        case("CMD-PRIVATE-001", "Receipts and records are not given to who has not authenticated itself.")
            .proves(&["REQ-CMD-3", "REQ-SES-4"])
            .twin("SES-ANSWER-001")
            .kills(&["receipt-for-anyone"])
            .writes()
            .body(unauthenticated),
        case("CMD-PLAIN-001", "A command stripped of its protection is refused inside a session, and ends it.")
            .proves(&["REQ-CMD-3"])
            .twin("SES-CHAIN-001")
            .kills(&["plain-accepted", "plain-keeps-session"])
            .body(|tester| each_suite(tester, stripped)),
        case("CMD-SELECT-001", "A failed SELECT of another application leaves the session.")
            .proves(&["REQ-CMD-4"])
            .kills(&["failed-select-deselects"])
            .writes()
            .body(|tester| each_suite(tester, failed_select)),
        case("CMD-DATA-001", "GET DATA gives its two texts whole, however they are fetched.")
            .proves(&["REQ-CMD-2"])
            .kills(&["long-answer-seam"])
            .body(long_answers),
        case("CMD-CHAIN-001", "AUTH comes in parts where it must; no other command of the purse does.")
            .proves(&["REQ-CMD-5"])
            .needs(&["iso7816_4.chaining"])
            .kills(&["chain-last-part-only", "unchainable-chained"])
            .body(|tester| each_suite(tester, chained_auth)),
    ]
}

fn command(cla: u8, ins: u8, p1: u8, data: &[u8]) -> Vec<u8> {
    crate::wire::apdu::Command::new(cla, ins, p1, 0).with_data(data).with_le(256).emit()
}

/// A bare status word.
fn expect(tester: &mut Tester<'_>, command: &[u8], status: u16) -> OrStop {
    let answer = tester.send(command)?;
    tester.expect_status(&answer, status)?;
    tester.check(answer.data.is_empty(), "a refusal carries no data")
}

fn protected_outside(tester: &mut Tester<'_>) -> OrStop {
    select(tester)?;
    for ins in PROTECTED {
        for (p1, data) in [(0, &[1_u8, 1, 1][..]), (0, &[0; 16]), (0xFF, &[0; 16]), (0, &[])] {
            expect(tester, &command(0x84, ins, p1, data), 0x6982)?;
        }
    }
    Ok(())
}

fn unauthenticated(tester: &mut Tester<'_>) -> OrStop {
    for suite in super::client::suites(tester) {
        let debit = [Operation::Debit { logical_card: 1, amount: 1 }];
        let paid = Opener::new(suite, Role::Debit).pay(tester, &debit)?;
        tester.power_on()?;
        select(tester)?;
        for cla in [0x80, 0x84] {
            expect(tester, &command(cla, ins::GET_RECEIPT, 0, &paid.body.transaction.0), 0x6982)?;
            expect(tester, &command(cla, ins::READ, 0, &[1, 1, 1]), 0x6982)?;
        }
    }
    Ok(())
}

fn stripped(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    for ins in PROTECTED {
        let mut session = Opener::new(suite, Role::Debit).open(tester)?.session;
        expect(tester, &command(0x80, ins, 0, &[1, 1, 1]), 0x6982)?;
        session.expect_ended(tester, "after a plain command")?;
    }
    Ok(())
}

fn failed_select(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let mut opened = Opener::new(suite, Role::Debit).open(tester)?;
    let other = [0x00, 0xA4, 0x04, 0x00, 0x09, 0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 0x00];
    expect(tester, &other, 0x6A82)?;
    let order = opened.order(tester, &[Operation::Debit { logical_card: 1, amount: 1 }]);
    opened.session.pay(tester, &order).map(|_| ())
}

fn precedence(tester: &mut Tester<'_>) -> OrStop {
    let known = if tester.claims("purse.epc1") { 1 } else { 2 };
    select(tester)?;
    let table: &[(&[u8], u16)] = &[
        (&[0xA0, 0x86, 0xFF, 0xFF, 0x05], 0x6E00),
        (&[0x88, 0x86, known, 0x01, 0x00], 0x6E00),
        (&[0x80, 0xFF, 0xFF, 0xFF, 0x05], 0x6D00),
        (&[0x80, 0xA4, 0x04, 0x00, 0x00], 0x6D00),
        (&[0x84, 0x86, known, 0x01, 0x00], 0x6D00),
        (&[0x80, 0x86, 0x00, 0x01, 0x05], 0x6A86),
        (&[0x80, 0x86, 0x03, 0x01, 0x05], 0x6A86),
        (&[0x00, 0xCA, 0x01, 0x02, 0x00], 0x6A86),
        (&[0x80, 0x86, known, 0x01], 0x6700),
        (&[0x80, 0x86, known, 0x01, 0x01, 0x00], 0x6700),
        (&[0x00, 0xCA, 0x01, 0x00, 0x01, 0x00, 0x00], 0x6700),
    ];
    for (command, status) in table {
        expect(tester, command, *status)?;
    }
    for suite in [Suite::Epc1, Suite::Epc2] {
        if !super::client::suites(tester).contains(&suite) {
            expect(tester, &[0x80, 0x86, suite.p1(), 0x01, 0x01, 0x00], 0x6A86)?;
        }
    }
    Ok(())
}

fn refusals_inside(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let mut session = Opener::new(suite, Role::Debit).open(tester)?.session;
    let table: &[(u8, [u8; 2], &[u8], u16)] = &[
        (0xFF, [0, 0], &[], 0x6D00),
        (ins::AUTH, [0, 0], &[], 0x6D00),
        (ins::TRANSACT, [0, 1], &[], 0x6A86),
        (ins::VERIFY, [0, 0], b"1234", 0x6A86),
        (ins::GET_RECEIPT, [2, 0], &[], 0x6A86),
        (ins::READ, [0, 0], &[1, 1], 0x6700),
        (ins::ACK, [0, 0], &[1; 15], 0x6700),
        (ins::GET_RECEIPT, [0, 1], &[1; 16], 0x6700),
        (ins::TRANSACT, [0, 0], &[], 0x6A80),
        // A terminal for debits collects: it may acknowledge all that there are.
        (ins::ACK, [0, 0], &[0xEE; 16], 0x6A88),
    ];
    for &(ins, parameters, plaintext, expected) in table {
        let (data, status) = session.send(tester, ins, parameters, plaintext)?;
        tester.expect_alone(&command_name(ins, parameters), &Answer { data, status }, expected)?;
    }
    session.expect_alive(tester)
}

fn long_answers(tester: &mut Tester<'_>) -> OrStop {
    select(tester)?;
    let about = tester.send_once(&[0x00, 0xCA, 0x01, 0x00, 0x00])?;
    tester.expect_status(&about, 0x9000)?;
    tester.check_equal("octets of GET DATA 0100", &256, &about.data.len())?;
    let pieces = tester.send_once(&[0x00, 0xCA, 0x01, 0x00, 0x64])?;
    tester.check_equal("the same in pieces", &about, &pieces)?;
    let pattern: Vec<u8> = (0..PATTERN_LEN).map(|place| (place % 251) as u8).collect();
    let got = tester.send_once(&[0x00, 0xCA, 0x01, 0x01, 0x00])?;
    tester.check_octets("GET DATA 0101", &pattern, &got.data)
}

fn chained_auth(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    let r0 = select(tester)?;
    let (data, waiting) = opener.auth(tester, &r0)?;
    let [cla, ins, p1, p2] = opener.header();
    let (first, last) = data.split_at(data.len() / 20 * 20);
    for part in first.chunks(20) {
        let part = crate::wire::apdu::Command::new(cla | 0x10, ins, p1, p2).with_data(part).emit();
        expect(tester, &part, 0x9000)?;
    }
    let mut session = opener.succeed(tester, last, waiting)?.0.session;
    let mut protected = session.clone().protect(ins::VERIFY, [0, 1], b"1234");
    protected[0] |= 0x10;
    expect(tester, &protected, 0x6884)?;
    session.expect_alive(tester)
}
