//! Long answers (specs/iso7816_4.md, clause 5).

use super::case::case;
use super::client::{begin_long, done, get_response, long, long_header, open, read_header, reset, select};
use super::refusal::{NOTHING_WAITS, nothing_done, refused};
use crate::conformance::case::Case;
use crate::conformance::long_answer::with_le;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [pieces(), nothing_waits(), others()].concat()
}

fn pieces() -> Vec<Case> {
    vec![
        case("ISO-GRS-008", "The long answer of the statement is one.", &["get_response"])
            .proves(&["REQ-ISO-GRS-1"])
            .kills(&["le-zero-as-none"])
            .body(|tester| {
                tester.preamble(select)?;
                long(tester).map(drop)
            }),
        case("ISO-GRS-001", "61xx says how many octets wait, and GET RESPONSE gives them.", &["get_response"])
            .proves(&["REQ-ISO-GRS-1"])
            .kills(&["long-answer-count-wrong"])
            .body(counted),
        case("ISO-GRS-002", "The pieces of an answer are the answer, of whatever sizes.", &["get_response"])
            .revision(2)
            .proves(&["REQ-ISO-GRS-2"])
            .kills(&["long-answer-seam", "le-ignored"])
            .body(|tester| {
                tester.preamble(select)?;
                let whole = long(tester)?;
                for first in [0x01, 0x40, 0xFF] {
                    let pieced = in_pieces(tester, first)?;
                    tester.check(pieced == whole, format!("pieces of {first} octets make the same answer"))?;
                }
                Ok(())
            }),
    ]
}

fn nothing_waits() -> Vec<Case> {
    vec![
        case("ISO-GRS-003", "After the last piece GET RESPONSE is refused.", &["get_response"])
            .proves(&["REQ-ISO-GRS-4", "REQ-ISO-SW-2"])
            .kills(&["answer-given-again"])
            .twin("ISO-GRS-001")
            .body(|tester| {
                tester.preamble(select)?;
                tester.preamble(long)?;
                let command = get_response(tester, 0, 0x00)?;
                let answer = tester.send(&command)?;
                nothing_done(tester, &answer, NOTHING_WAITS)
            }),
        case("ISO-GRS-004", "After a reset GET RESPONSE is refused.", &["get_response"])
            .proves(&["REQ-ISO-GRS-4"])
            .kills(&["answer-survives-reset"])
            .twin("ISO-GRS-001")
            .body(|tester| {
                for cold in [true, false] {
                    tester.preamble(select)?;
                    tester.preamble(begin_long)?;
                    reset(tester, cold)?;
                    let command = get_response(tester, 0, 0x00)?;
                    let answer = tester.send(&command)?;
                    nothing_done(tester, &answer, NOTHING_WAITS)?;
                }
                Ok(())
            }),
    ]
}

fn others() -> Vec<Case> {
    vec![
        case(
            "ISO-GRS-005",
            "GET RESPONSE gives the rest of the last answer, not of one before.",
            &["get_response", "read"],
        )
        .proves(&["REQ-ISO-GRS-3"])
        .kills(&["previous-answer-given"])
        .body(|tester| {
            tester.preamble(select)?;
            let long = tester.preamble(long)?;
            tester.preamble(begin_long)?;
            let header = read_header(tester, 0)?;
            let second = tester.send(&[&header[..], &[0x01]].concat())?;
            let command = get_response(tester, 0, second.status.sw2())?;
            let answer = tester.send(&command)?;
            let given_before = answer.data.len() > 1 && long.windows(answer.data.len()).any(|part| part == answer.data);
            tester.check(!given_before, "GET RESPONSE gives nothing of the answer before the last")
        }),
        case("ISO-GRS-006", "Any other command drops what waits.", &["get_response", "strict"])
            .proves(&["REQ-ISO-GRS-6"])
            .kills(&["previous-answer-given"])
            .twin("ISO-GRS-001")
            .body(|tester| {
                for other in [&[0x00, 0x5E, 0x00, 0x00][..], &[0x20, 0xA4, 0x04, 0x00], &[0x00, 0xC0, 0x01, 0x00, 0x00]]
                {
                    tester.preamble(select)?;
                    tester.preamble(begin_long)?;
                    tester.send(other)?;
                    let command = get_response(tester, 0, 0x00)?;
                    let answer = tester.send(&command)?;
                    refused(tester, &answer, NOTHING_WAITS)?;
                }
                Ok(())
            }),
        case(
            "ISO-GRS-007",
            "What waits on one channel is not given on another.",
            &["get_response", "logical_channels"],
        )
        .revision(2)
        .proves(&["REQ-ISO-GRS-5"])
        .kills(&["answer-crosses-channels"])
        .twin("ISO-GRS-001")
        .body(|tester| {
            // Nothing is selected on the other: an application need not be shareable.
            let channel = tester.preamble(open)?;
            tester.preamble(select)?;
            tester.preamble(begin_long)?;
            let command = get_response(tester, channel, 0x00)?;
            let answer = tester.send(&command)?;
            nothing_done(tester, &answer, NOTHING_WAITS)
        }),
    ]
}

/// Pieces of one answer, so that a card that always promises more is left in the end: 65,536 octets in pieces of 256.
const PIECES_MAX: usize = 256;

/// Each 61xx with xx other than 00 is followed by exactly that many octets.
fn counted(tester: &mut Tester<'_>) -> OrStop {
    tester.preamble(select)?;
    let mut answer = begin_long(tester)?;
    let mut octets = answer.data.len();
    tester.check(octets <= 256, "at most 256 octets in a piece")?;
    for _ in 0..PIECES_MAX {
        if answer.status.sw1() != 0x61 {
            break;
        }
        let waiting = answer.status.sw2();
        let command = get_response(tester, 0, waiting)?;
        answer = tester.send(&command)?;
        let got = answer.data.len();
        if waiting == 0 {
            tester.check((1..=256).contains(&got), "61 00 is followed by 1 to 256 octets")?;
        } else {
            tester.check_equal("octets that 61xx announced", &usize::from(waiting), &got)?;
        }
        octets += got;
    }
    done(tester, &answer)?;
    tester.check(octets > 256, "iso7816_4.long_answer answers more than 256 octets")
}

/// The long answer, fetched with this Le again and again. A card may ask for another, once for each piece (6Cxx, REQ-ISO-LE-3).
fn in_pieces(tester: &mut Tester<'_>, le: u8) -> OrStop<Vec<u8>> {
    let header = long_header(tester)?;
    let mut command = [&header[..], &[le]].concat();
    let (mut data, mut permitted) = (Vec::new(), le);
    // Even octet by octet the answer ends: it is no longer than an extended Le could ask for.
    for _ in 0..=65_536 {
        let mut answer = tester.send(&command)?;
        if answer.status.sw1() == 0x6C
            && let Some(again) = with_le(&command, answer.status.sw2())
        {
            permitted = answer.status.sw2();
            answer = tester.send(&again)?;
        }
        let most = if permitted == 0 { 256 } else { usize::from(permitted) };
        tester.check(answer.data.len() <= most, format!("at most {most} octets in a piece"))?;
        data.append(&mut answer.data);
        if answer.status.sw1() != 0x61 {
            done(tester, &answer)?;
            return Ok(data);
        }
        let waiting = answer.status.sw2();
        permitted = if waiting == 0 { le } else { waiting.min(le) };
        command = get_response(tester, 0, permitted)?.to_vec();
    }
    Err(Stop::fail("61xx never ends"))
}
