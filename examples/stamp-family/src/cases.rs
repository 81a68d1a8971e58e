//! What must hold of a stamp card, seen from outside: only commands, answers, and the power that goes.
//!
//! A card under test may come with any stamps on it, so that each case begins by looking.

use untorn::card::memory::{Cut, Torn};
use untorn::conformance::case::Case;
use untorn::conformance::tester::{Answer, Tester};
use untorn::conformance::verdict::{Outcome, Stop};
use untorn::difference::plain;

const SELECT: &[u8] = b"\x00\xA4\x04\x00\x07\xF0STAMPS\x00";
const GET_COUNT: [u8; 5] = [0x80, 0xCA, 0x00, 0x00, 0x00];
const REDEEM: [u8; 5] = [0x80, 0x34, 0x00, 0x00, 0x00];
const FULL: u8 = 10;
/// More writes than a command of this card has.
const WRITES_MAX: u64 = 16;
const MODES: [Torn; 6] = [Torn::Nothing, Torn::All, Torn::Prefix(1), Torn::Erased, Torn::Random(1), Torn::Unstable(1)];

pub fn all() -> Vec<Case> {
    [counting(), redeeming(), torn()].concat()
}

fn counting() -> Vec<Case> {
    vec![
        Case::new("STAMP-GET-001", "GET COUNT answers stamps and coffees, the same each time.")
            .proves(&["REQ-STAMP-1"])
            .body(|tester| {
                let first = look(tester)?;
                let second = look(tester)?;
                tester.check_equal("the second count", &first, &second)
            }),
        Case::new("STAMP-ADD-001", "A visit adds one stamp, is found, and adds none when it is sent again.")
            .proves(&["REQ-STAMP-2", "REQ-STAMP-3"])
            .writes()
            .kills(&["stamped-twice"])
            .body(|tester| {
                let before = make_room(tester)?;
                let visit = tester.random();
                let found_before = is_found(tester, visit)?;
                tester.check_equal("found before", &false, &found_before)?;
                for _ in 0..2 {
                    let answer = tester.send(&add_stamp(visit))?;
                    tester.expect_status(&answer, 0x9000)?;
                    let count = count_of(&answer)?;
                    tester.check_equal("the answer's count", &before.with_one_more(), &count)?;
                    let now = look(tester)?;
                    tester.check_equal("the card's count", &before.with_one_more(), &now)?;
                }
                let found_afterwards = is_found(tester, visit)?;
                tester.check_equal("found afterwards", &true, &found_afterwards)
            }),
        Case::new("STAMP-ADD-002", "A full card takes no stamp.")
            .proves(&["REQ-STAMP-4"])
            .writes()
            .twin("STAMP-ADD-001")
            .body(|tester| {
                let before = fill(tester, FULL)?;
                let visit = tester.random();
                let answer = tester.send(&add_stamp(visit))?;
                tester.expect_status(&answer, 0x6985)?;
                let now = look(tester)?;
                tester.check_equal("the card's count", &before, &now)
            }),
    ]
}

fn redeeming() -> Vec<Case> {
    vec![
        Case::new("STAMP-REDEEM-001", "Ten stamps are one coffee.").proves(&["REQ-STAMP-5"]).writes().body(|tester| {
            let before = fill(tester, FULL)?;
            let answer = tester.send(&REDEEM)?;
            tester.expect_status(&answer, 0x9000)?;
            let now = look(tester)?;
            tester.check_equal("the card's count", &Count { stamps: 0, coffees: before.coffees + 1 }, &now)
        }),
        Case::new("STAMP-REDEEM-002", "Nine stamps are none.")
            .proves(&["REQ-STAMP-5"])
            .writes()
            .kills(&["redeemed-with-nine"])
            .twin("STAMP-REDEEM-001")
            .body(|tester| {
                let before = fill(tester, FULL - 1)?;
                let answer = tester.send(&REDEEM)?;
                tester.expect_status(&answer, 0x6985)?;
                let now = look(tester)?;
                tester.check_equal("the card's count", &before, &now)
            }),
    ]
}

fn torn() -> Vec<Case> {
    vec![
        Case::new(
            "STAMP-TORN-001",
            "ADD STAMP is torn at each write: it happened or not, and sent again it is one stamp.",
        )
        .proves(&["REQ-STAMP-3", "REQ-STAMP-6"])
        .cuts()
        .kills(&["stamp-without-journal"])
        .body(|tester| each_write(tester, tear_add_stamp)),
        Case::new("STAMP-TORN-002", "REDEEM is torn at each write: it happened or not.")
            .proves(&["REQ-STAMP-6"])
            .cuts()
            .body(|tester| each_write(tester, tear_redeem)),
    ]
}

/// Runs `tear` with a cut at each write in each mode, until a command had no such write.
fn each_write(tester: &mut Tester<'_>, tear: fn(&mut Tester<'_>, Cut) -> Outcome<bool>) -> Outcome {
    for torn in MODES {
        let mut cuts = 0;
        while tear(tester, Cut { after_writes: cuts, torn })? {
            cuts += 1;
            tester.check(cuts < WRITES_MAX, "the command has an end")?;
        }
        tester.check(cuts > 0, "the command writes")?;
    }
    Ok(())
}

/// `false` when the command had no such write.
fn tear_add_stamp(tester: &mut Tester<'_>, cut: Cut) -> Outcome<bool> {
    let before = make_room(tester)?;
    let visit = tester.random();
    let torn = tester.send_cut(&add_stamp(visit), cut)?.is_none();
    if torn {
        power_on_torn(tester, cut)?;
    }
    let now = look(tester)?;
    let happened = is_found(tester, visit)?;
    let expected = if happened { before.with_one_more() } else { before };
    tester.check_equal("the count for what is found", &expected, &now)?;
    // What a terminal does that got no answer.
    let again = tester.send(&add_stamp(visit))?;
    tester.expect_status(&again, 0x9000)?;
    let now = look(tester)?;
    tester.check_equal("the count when it was sent again", &before.with_one_more(), &now)?;
    Ok(torn)
}

fn tear_redeem(tester: &mut Tester<'_>, cut: Cut) -> Outcome<bool> {
    let before = fill(tester, FULL)?;
    let torn = tester.send_cut(&REDEEM, cut)?.is_none();
    if torn {
        power_on_torn(tester, cut)?;
    }
    let now = look(tester)?;
    let after = Count { stamps: 0, coffees: before.coffees + 1 };
    tester.check(
        now == after || (torn && now == before),
        format!("before {before}, now {now}", before = plain(&before), now = plain(&now)),
    )?;
    Ok(torn)
}

/// The recovery is torn at the same write, if it has so many; then it is left in peace.
fn power_on_torn(tester: &mut Tester<'_>, cut: Cut) -> Outcome {
    tester.power_on_cut(cut)?;
    tester.power_on().map(drop)
}

/// What GET COUNT answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    stamps: u8,
    coffees: u16,
}

impl Count {
    fn with_one_more(self) -> Self {
        Self { stamps: self.stamps + 1, ..self }
    }
}

fn count_of(answer: &Answer) -> Outcome<Count> {
    match answer.data[..] {
        [stamps @ 0..=FULL, high, low] => Ok(Count { stamps, coffees: u16::from_be_bytes([high, low]) }),
        _ => Err(Stop::fail(format!("count: expected 3 octets, the first 00 to 0A, got {:02X?}", answer.data))),
    }
}

/// The name that the application gives itself when it is selected: 84 inside 6F (ISO/IEC 7816-4:2020, 7.4.3).
pub fn name(tester: &mut Tester<'_>) -> Outcome<Vec<u8>> {
    let selected = tester.send(SELECT)?;
    tester.expect_status(&selected, 0x9000)?;
    match &selected.data[..] {
        [0x6F, _, 0x84, len, name @ ..] if name.len() == usize::from(*len) => Ok(name.to_vec()),
        other => Err(Stop::fail(format!("answer to SELECT: expected 6F with 84, got {other:02X?}"))),
    }
}

/// Selects the application and counts.
fn look(tester: &mut Tester<'_>) -> Outcome<Count> {
    let selected = tester.send(SELECT)?;
    tester.expect_status(&selected, 0x9000)?;
    let answer = tester.send(&GET_COUNT)?;
    tester.expect_status(&answer, 0x9000)?;
    count_of(&answer)
}

fn add_stamp(visit: [u8; 4]) -> Vec<u8> {
    [&[0x80, 0x32, 0x00, 0x00, 0x04], &visit[..], &[0x00]].concat()
}

fn is_found(tester: &mut Tester<'_>, visit: [u8; 4]) -> Outcome<bool> {
    let answer = tester.send(&[&[0x80, 0x36, 0x00, 0x00, 0x04], &visit[..]].concat())?;
    tester.expect_status_in(&answer, &[0x9000, 0x6A88])?;
    Ok(answer.status.0 == 0x9000)
}

/// A card that takes one more stamp: a full one is redeemed.
fn make_room(tester: &mut Tester<'_>) -> Outcome<Count> {
    let count = look(tester)?;
    if count.stamps < FULL {
        return Ok(count);
    }
    tester.preamble(|tester| {
        let answer = tester.send(&REDEEM)?;
        tester.expect_status(&answer, 0x9000)?;
        look(tester)
    })
}

/// A card with so many stamps.
fn fill(tester: &mut Tester<'_>, stamps: u8) -> Outcome<Count> {
    tester.preamble(|tester| {
        let mut count = make_room(tester)?;
        while count.stamps < stamps {
            let visit = tester.random();
            let answer = tester.send(&add_stamp(visit))?;
            tester.expect_status(&answer, 0x9000)?;
            count = look(tester)?;
        }
        Ok(count)
    })
}
