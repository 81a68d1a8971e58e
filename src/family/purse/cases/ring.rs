//! The ring of receipts and ACK (specs/purse.md, clause 7).

use super::client::{each_suite, suites};
use super::order::{paid, till};
use super::picture::{debit, look, provide};
use super::recovery::settle;
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::crypto::ec::Point;
use crate::family::purse::data::transact::{RECEIPT_BODY_LEN, ReceiptBody, signed_message};
use crate::family::purse::data::{Suite, TransactionId, ins};
use crate::wire::status::StatusWord;

/// Fewest places that a ring may have (REQ-RNG-1).
const PLACES_MIN: u64 = 8;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [places(), acknowledgement(), signatures()].concat()
}

fn places() -> Vec<Case> {
    vec![
        Case::new(
            "RNG-PLACE-001",
            "The ring holds as many receipts as claimed, eight at least, and hands each of them out.",
        )
        .proves(&["REQ-RNG-1", "REQ-RNG-3"])
        .kills(&["ring-too-small"])
        .writes()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                let places = tester.number("purse.ring")?;
                tester.check(places >= PLACES_MIN, "at least eight places are claimed")?;
                let paid = fill(tester, suite)?;
                for body in paid {
                    expect(tester, suite, &body, true)?;
                }
                Ok(())
            })
        }),
        Case::new(
            "RNG-PLACE-002",
            "A new receipt takes the place of the oldest acknowledged one, and only then of the oldest.",
        )
        .proves(&["REQ-RNG-1"])
        .kills(&["ring-evicts-unacknowledged"])
        .writes()
        .body(|tester| each_suite(tester, who_goes_first)),
    ]
}

/// As many orders as there are places, none acknowledged.
fn fill(tester: &mut Tester<'_>, suite: Suite) -> OrStop<Vec<ReceiptBody>> {
    let places = tester.number("purse.ring")? as u32;
    provide(tester, suite, places + 4)?;
    (0..places).map(|_| Ok(till(suite).pay(tester, &[debit(1)])?.body)).collect()
}

/// Whether this receipt is in the ring.
fn expect(tester: &mut Tester<'_>, suite: Suite, body: &ReceiptBody, held: bool) -> OrStop {
    let found = till(suite).open(tester)?.session.receipt(tester, &body.transaction.0)?.map(|receipt| receipt.body);
    let expected = if held { Ok(body.clone()) } else { Err(StatusWord::REFERENCED_DATA_NOT_FOUND) };
    tester.check_equal("GET RECEIPT", &expected, &found)
}

fn who_goes_first(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let paid = fill(tester, suite)?;
    let [oldest, second, third, .., last] = &paid[..] else {
        return Err(Stop::error("a ring of fewer than four places"));
    };
    for body in [last, third] {
        acknowledge(tester, suite, body.transaction, StatusWord::OK)?;
    }
    // Which one goes with each further order.
    for gone in [third, last, oldest] {
        expect(tester, suite, gone, true)?;
        till(suite).pay(tester, &[debit(1)])?;
        expect(tester, suite, gone, false)?;
        expect(tester, suite, second, true)?;
    }
    settle(tester, &till(suite))
}

fn acknowledgement() -> Vec<Case> {
    vec![
        Case::new(
            "RNG-ACK-001",
            "ACK marks its receipt and changes nothing else; repeated, it changes nothing at all.",
        )
        .proves(&["REQ-RNG-2"])
        .kills(&["ack-ignored", "ack-toggles"])
        .writes()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                settle(tester, &till(suite))?;
                provide(tester, suite, 2)?;
                let paid = till(suite).pay(tester, &[debit(1)])?.body;
                let (_, before) = look(tester, &till(suite))?;
                for _ in 0..3 {
                    acknowledge(tester, suite, paid.transaction, StatusWord::OK)?;
                    let (opened, after) = look(tester, &till(suite))?;
                    tester.check_equal("unratified receipts", &0, &opened.state.unratified_count)?;
                    tester.check(before == after, "ACK changes no balance, record or counter")?;
                }
                Ok(())
            })
        }),
        Case::new("RNG-ACK-002", "ACK of an unknown TTID is refused and marks nothing.")
            .proves(&["REQ-RNG-2"])
            .kills(&["ack-of-unknown-accepted"])
            .twin("RNG-ACK-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let before = till(suite).state(tester)?;
                    let unknown = TransactionId(tester.random());
                    acknowledge(tester, suite, unknown, StatusWord::REFERENCED_DATA_NOT_FOUND)?;
                    let after = till(suite).state(tester)?;
                    tester.check_equal("STATE", &before, &after)
                })
            }),
        Case::new("RNG-GET-001", "GET RECEIPT of a TTID or TC that is not in the ring finds nothing.")
            .proves(&["REQ-RNG-3"])
            .kills(&["unknown-receipt-answered"])
            .twin("RNG-PLACE-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let paid = paid(tester, suite)?;
                    let mut opened = till(suite).open(tester)?;
                    let next = paid.transaction_counter.wrapping_add(1).to_be_bytes();
                    let unknown: [u8; 16] = tester.random();
                    for key in [&unknown[..], &[0; 16], &next] {
                        let found = opened.session.receipt(tester, key)?.map(|receipt| receipt.body);
                        tester.check_equal("GET RECEIPT", &Err(StatusWord::REFERENCED_DATA_NOT_FOUND), &found)?;
                    }
                    Ok(())
                })
            }),
    ]
}

fn acknowledge(tester: &mut Tester<'_>, suite: Suite, transaction: TransactionId, expected: StatusWord) -> OrStop {
    let status = till(suite).open(tester)?.session.acknowledge(tester, transaction)?;
    tester.check_equal("status word of ACK", &expected, &status)
}

fn signatures() -> Vec<Case> {
    vec![
        Case::new(
            "RNG-SIGN-001",
            "The signature of a receipt verifies under the card's certificate, in sessions of either suite.",
        )
        .proves(&["REQ-RNG-4"])
        .needs(&["purse.epc2"])
        .kills(&["signature-without-context"])
        .writes()
        .body(|tester| {
            let opened = till(Suite::Epc2).open(tester)?;
            let certificate = opened.certificate.ok_or_else(|| Stop::error("an EPC2 session without certC"))?;
            let point = Point::new(&certificate.point).map_err(|error| Stop::fail(format!("certC: {error}")))?;
            for suite in suites(tester) {
                let paid = paid(tester, suite)?;
                let (data, status) = signed(tester, suite, paid.transaction)?;
                tester.check_equal("status word of GET RECEIPT", &StatusWord::OK, &status)?;
                let (body, signature) = data.split_at(RECEIPT_BODY_LEN.min(data.len()));
                tester.check_octets("receipt", &paid.emit(), body)?;
                let verified = signature
                    .try_into()
                    .is_ok_and(|signature| point.verify(&signed_message(&paid.emit()), signature).is_ok());
                tester.check(verified, "the signature verifies under the key in certC")?;
            }
            Ok(())
        }),
        Case::new("RNG-SIGN-002", "A card without a key says that it signs nothing.")
            .proves(&["REQ-RNG-4"])
            .needs(&["!purse.epc2"])
            .kills(&["unsigned-for-signed"])
            .twin("RNG-PLACE-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let paid = paid(tester, suite)?;
                    let (_, status) = signed(tester, suite, paid.transaction)?;
                    tester.check_equal("status word of GET RECEIPT", &StatusWord::FUNCTION_NOT_SUPPORTED, &status)
                })
            }),
    ]
}

fn signed(tester: &mut Tester<'_>, suite: Suite, transaction: TransactionId) -> OrStop<(Vec<u8>, StatusWord)> {
    till(suite).open(tester)?.session.send(tester, ins::GET_RECEIPT, [1, 0], &transaction.0)
}
