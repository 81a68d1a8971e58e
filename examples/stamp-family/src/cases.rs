//! What must hold of a stamp card, seen from outside: only commands, answers, and the power that goes.
//!
//! A card under test may come with any stamps on it, so that each case begins by looking.

use untorn::card::memory::{Cut, Torn};
use untorn::conformance::case::Case;
use untorn::conformance::tester::{Answer, Tester};
use untorn::conformance::verdict::{OrStop, Stop};
use untorn::difference::plain;

use crate::data::{COFFEE, Deed, Order, Picture, Receipt, STAMPS_MAX, Visit, VisitId, checked, ins};

const SELECT: &[u8] = b"\x00\xA4\x04\x00\x07\xF0STAMPS\x00";
const GET_COUNT: [u8; 5] = [0x80, 0xCA, 0x00, 0x00, 0x00];
const GET_CARD: [u8; 5] = [0x80, 0xCA, 0x00, 0x02, 0x00];
/// 2026-01-01, of every visit.
const TIME: u32 = 1_767_225_600;
/// More writes than a command of this card has.
const WRITES_MAX: u64 = 16;
const MODES: [Torn; 6] = [Torn::Nothing, Torn::All, Torn::Prefix(1), Torn::Erased, Torn::Random(1), Torn::Unstable(1)];

pub fn all() -> Vec<Case> {
    [counting(), refusing(), redeeming(), torn()].concat()
}

fn counting() -> Vec<Case> {
    vec![
        Case::new("STAMP-GET-001", "Count and card say the same, each time, and the card's answer has its checksum.")
            .revision(2)
            .proves(&["REQ-STAMP-1", "REQ-STAMP-9"])
            .body(|tester| {
                let first = look(tester)?;
                let answer = tester.send(&GET_COUNT)?;
                tester.expect_status(&answer, 0x9000)?;
                let [high, low] = first.coffees.to_be_bytes();
                tester.check_equal("the count", &vec![first.stamps, high, low], &answer.data)?;
                let second = look(tester)?;
                tester.check_equal("the second look", &first, &second)
            }),
        Case::new("STAMP-ADD-001", "A visit adds one stamp, is found, and adds none when it is sent again.")
            .revision(2)
            .proves(&["REQ-STAMP-2", "REQ-STAMP-3"])
            .writes()
            .kills(&["stamped-twice"])
            .body(|tester| {
                let before = make_room(tester)?;
                let order = next(tester, &before);
                let found_before = find(tester, order.visit)?;
                tester.check_equal("found before", &None, &found_before)?;
                let expected = receipt(&before, &order, Deed::Stamp)?;
                for _ in 0..2 {
                    let answered = send(tester, Deed::Stamp, &order)?;
                    tester.check_equal("the receipt", &expected, &answered)?;
                    check_done(tester, &before, &expected)?;
                }
                let found = find(tester, order.visit)?;
                tester.check_equal("found afterwards", &Some(expected), &found)
            }),
        Case::new("STAMP-ADD-003", "Of nine visits the last eight are found, each sent again adds nothing.")
            .proves(&["REQ-STAMP-2", "REQ-STAMP-3", "REQ-STAMP-9"])
            .writes()
            .kills(&["stamped-twice"])
            .body(|tester| {
                let mut orders = Vec::new();
                for _ in 0..=crate::data::RING {
                    let before = make_room(tester)?;
                    let order = next(tester, &before);
                    let stamped = send(tester, Deed::Stamp, &order)?;
                    orders.push((order, stamped));
                }
                let last = look(tester)?;
                for (order, receipt) in &orders[1..] {
                    let found = find(tester, order.visit)?;
                    tester.check_equal("found", &Some(*receipt), &found)?;
                    let again = send(tester, Deed::Stamp, order)?;
                    tester.check_equal("sent again", receipt, &again)?;
                }
                let forgotten = find(tester, orders[0].0.visit)?;
                tester.check_equal("the ninth from the end", &None, &forgotten)?;
                let now = look(tester)?;
                tester.check_equal("the card", &last, &now)
            }),
    ]
}

fn refusing() -> Vec<Case> {
    vec![
        Case::new("STAMP-ADD-002", "A full card takes no stamp.")
            .revision(2)
            .proves(&["REQ-STAMP-4"])
            .writes()
            .kills(&["more-stamps-than-fit"])
            .twin("STAMP-ADD-001")
            .body(|tester| {
                let before = fill(tester, STAMPS_MAX)?;
                let order = next(tester, &before);
                refused(tester, &before, Deed::Stamp, &order, 0x6985)
            }),
        Case::new(
            "STAMP-ADD-004",
            "An order with a counter that is not the next is refused, for a stamp and for a coffee.",
        )
        .proves(&["REQ-STAMP-7"])
        .writes()
        .kills(&["stamp-counter-not-checked"])
        .twin("STAMP-ADD-001")
        .body(|tester| {
            let before = fill(tester, COFFEE)?;
            for counter in [before.counter, before.counter.wrapping_sub(1), before.counter + 2, 0, u32::MAX] {
                let order = Order { counter, ..next(tester, &before) };
                refused(tester, &before, Deed::Stamp, &order, 0x6985)?;
                refused(tester, &before, Deed::Coffee, &order, 0x6985)?;
            }
            Ok(())
        }),
        Case::new("STAMP-ADD-005", "An order for another card is refused, by whichever bit the card differs.")
            .proves(&["REQ-STAMP-8"])
            .writes()
            .kills(&["any-cards-order"])
            .twin("STAMP-ADD-001")
            .body(|tester| {
                let before = fill(tester, COFFEE)?;
                for octet in 0..before.card.len() {
                    let mut order = next(tester, &before);
                    order.card[octet] ^= 1 << (octet % 8);
                    refused(tester, &before, Deed::Stamp, &order, 0x6A80)?;
                    refused(tester, &before, Deed::Coffee, &order, 0x6A80)?;
                }
                Ok(())
            }),
    ]
}

fn redeeming() -> Vec<Case> {
    vec![
        Case::new("STAMP-REDEEM-001", "Ten stamps are one coffee, and the same visit sent again is not a second one.")
            .revision(2)
            .proves(&["REQ-STAMP-5", "REQ-STAMP-3"])
            .writes()
            .body(|tester| {
                let before = fill(tester, 2 * COFFEE)?;
                let order = next(tester, &before);
                let expected = receipt(&before, &order, Deed::Coffee)?;
                for _ in 0..2 {
                    let answered = send(tester, Deed::Coffee, &order)?;
                    tester.check_equal("the receipt", &expected, &answered)?;
                    check_done(tester, &before, &expected)?;
                }
                Ok(())
            }),
        Case::new("STAMP-REDEEM-002", "Nine stamps are none.")
            .revision(2)
            .proves(&["REQ-STAMP-5"])
            .writes()
            .kills(&["coffee-for-nine"])
            .twin("STAMP-REDEEM-001")
            .body(|tester| {
                let before = fill(tester, COFFEE - 1)?;
                let order = next(tester, &before);
                refused(tester, &before, Deed::Coffee, &order, 0x6985)
            }),
    ]
}

fn torn() -> Vec<Case> {
    vec![
        Case::new(
            "STAMP-TORN-001",
            "ADD STAMP is torn at each write: it happened or not, and sent again it is one stamp.",
        )
        .revision(2)
        .proves(&["REQ-STAMP-3", "REQ-STAMP-6"])
        .cuts()
        .kills(&["stamp-without-journal"])
        .body(|tester| each_write(tester, Deed::Stamp)),
        Case::new(
            "STAMP-TORN-002",
            "REDEEM is torn at each write: it happened or not, and sent again it is one coffee.",
        )
        .revision(2)
        .proves(&["REQ-STAMP-3", "REQ-STAMP-6"])
        .cuts()
        .kills(&["stamp-without-journal"])
        .body(|tester| each_write(tester, Deed::Coffee)),
    ]
}

/// Tears the order at each write in each mode, until it had no such write.
fn each_write(tester: &mut Tester<'_>, deed: Deed) -> OrStop {
    for torn in MODES {
        let mut cuts = 0;
        while tear(tester, deed, Cut { after_writes: cuts, torn })? {
            cuts += 1;
            tester.check(cuts < WRITES_MAX, "the command has an end")?;
        }
        tester.check(cuts > 0, "the command writes")?;
    }
    Ok(())
}

/// `false` when the command had no such write.
fn tear(tester: &mut Tester<'_>, deed: Deed, cut: Cut) -> OrStop<bool> {
    let before = match deed {
        Deed::Stamp => make_room(tester)?,
        Deed::Coffee => fill(tester, COFFEE)?,
    };
    let order = next(tester, &before);
    let torn = tester.send_cut(&command(deed, &order), cut)?.is_none();
    if torn {
        // The recovery is torn at the same write, if it has so many; then it is left in peace.
        tester.power_on_cut(cut)?;
        tester.power_on()?;
    }
    let expected = receipt(&before, &order, deed)?;
    let now = look(tester)?;
    let found = find(tester, order.visit)?;
    match found {
        None => tester.check_equal("the card without the visit", &before, &now)?,
        Some(found) => tester.check_equal("the receipt that is found", &expected, &found)?,
    }
    tester.check(torn || found.is_some(), "what nothing tears has happened")?;
    // What a terminal does that got no answer.
    let again = send(tester, deed, &order)?;
    tester.check_equal("the receipt when it was sent again", &expected, &again)?;
    check_done(tester, &before, &expected)?;
    Ok(torn)
}

/// Refused with this, and nothing has changed.
fn refused(tester: &mut Tester<'_>, before: &Picture, deed: Deed, order: &Order, status: u16) -> OrStop {
    let answer = tester.send(&command(deed, order))?;
    tester.expect_status(&answer, status)?;
    let now = look(tester)?;
    tester.check_equal("the card", before, &now)
}

/// The card is what it was before, and has this visit.
fn check_done(tester: &mut Tester<'_>, before: &Picture, receipt: &Receipt) -> OrStop {
    let mut visits = before.visits.clone();
    visits.insert(0, receipt.visit);
    visits.truncate(crate::data::RING);
    let coffees = before.coffees + u16::from(receipt.visit.deed == Deed::Coffee);
    let Picture { card, .. } = *before;
    let (counter, stamps) = (receipt.counter, receipt.visit.stamps);
    let now = look(tester)?;
    tester.check_equal("the card", &Picture { card, counter, stamps, coffees, visits }, &now)
}

/// What the card must answer.
fn receipt(before: &Picture, order: &Order, deed: Deed) -> OrStop<Receipt> {
    let stamps = match deed {
        Deed::Stamp => before.stamps.checked_add(1),
        Deed::Coffee => before.stamps.checked_sub(COFFEE),
    };
    let stamps =
        stamps.ok_or_else(|| Stop::error(format!("{deed} with {} stamps", before.stamps, deed = plain(&deed))))?;
    Ok(Receipt { counter: before.counter + 1, visit: Visit { id: order.visit, time: order.time, deed, stamps } })
}

/// The next order of a visit that nobody has made.
fn next(tester: &mut Tester<'_>, card: &Picture) -> Order {
    Order { card: card.card, counter: card.counter + 1, visit: tester.random(), time: TIME }
}

fn command(deed: Deed, order: &Order) -> Vec<u8> {
    let ins = if deed == Deed::Stamp { ins::ADD_STAMP } else { ins::REDEEM };
    let data = order.emit();
    [&[0x80, ins, 0x00, 0x00, data.len() as u8], &data[..], &[0x00]].concat()
}

/// Sends an order that must be carried out; its receipt.
fn send(tester: &mut Tester<'_>, deed: Deed, order: &Order) -> OrStop<Receipt> {
    let answer = tester.send(&command(deed, order))?;
    tester.expect_status(&answer, 0x9000)?;
    receipt_of(&answer)
}

fn find(tester: &mut Tester<'_>, visit: VisitId) -> OrStop<Option<Receipt>> {
    let answer = tester.send(&[&[0x80, ins::FIND_VISIT, 0x00, 0x00, 0x08], &visit[..], &[0x00]].concat())?;
    tester.expect_status_in(&answer, &[0x9000, 0x6A88])?;
    if answer.status.0 == 0x6A88 { Ok(None) } else { receipt_of(&answer).map(Some) }
}

fn whole(answer: &Answer) -> OrStop<&[u8]> {
    checked(&answer.data).ok_or_else(|| Stop::fail(format!("the checksum is wrong: {:02X?}", answer.data)))
}

fn receipt_of(answer: &Answer) -> OrStop<Receipt> {
    Receipt::parse(whole(answer)?).map_err(|error| Stop::fail(format!("receipt: {error}")))
}

/// The name that the application gives itself when it is selected: 84 inside 6F (ISO/IEC 7816-4:2020, 7.4.3).
pub fn name(tester: &mut Tester<'_>) -> OrStop<Vec<u8>> {
    let selected = tester.send(SELECT)?;
    tester.expect_status(&selected, 0x9000)?;
    match &selected.data[..] {
        [0x6F, _, 0x84, len, name @ ..] if name.len() == usize::from(*len) => Ok(name.to_vec()),
        other => Err(Stop::fail(format!("answer to SELECT: expected 6F with 84, got {other:02X?}"))),
    }
}

/// Selects the application and looks at the card.
pub fn look(tester: &mut Tester<'_>) -> OrStop<Picture> {
    let selected = tester.send(SELECT)?;
    tester.expect_status(&selected, 0x9000)?;
    let answer = tester.send(&GET_CARD)?;
    tester.expect_status(&answer, 0x9000)?;
    Picture::parse(whole(&answer)?).map_err(|error| Stop::fail(format!("the card: {error}")))
}

/// A card that takes one more stamp.
fn make_room(tester: &mut Tester<'_>) -> OrStop<Picture> {
    let card = look(tester)?;
    if card.stamps < STAMPS_MAX { Ok(card) } else { fill(tester, STAMPS_MAX - COFFEE) }
}

/// A card with so many stamps: what is too many is drunk.
fn fill(tester: &mut Tester<'_>, stamps: u8) -> OrStop<Picture> {
    tester.preamble(|tester| {
        loop {
            let card = look(tester)?;
            let deed = match card.stamps {
                have if have == stamps => return Ok(card),
                have if have > stamps && have >= COFFEE => Deed::Coffee,
                _ => Deed::Stamp,
            };
            let order = next(tester, &card);
            send(tester, deed, &order)?;
        }
    })
}
