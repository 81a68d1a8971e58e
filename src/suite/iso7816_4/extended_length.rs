//! Extended length fields (specs/iso7816_4.md, clause 6).

use super::case::case;
use super::client::{SelectForm, aid, done, get_response, long, long_header, select};
use super::refusal::{LENGTH, refused};
use crate::conformance::case::Case;
use crate::conformance::tester::{Answer, Tester};
use crate::conformance::verdict::OrStop;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [of_data(), of_answers()].concat()
}

fn of_data() -> Vec<Case> {
    vec![
        case("ISO-EXT-001", "SELECT with extended lengths does what it does with short ones.", &["extended_length"])
            .revision(2)
            .proves(&["REQ-ISO-EXT-1"])
            .kills(&["extended-le-zero-as-none"])
            .body(|tester| {
                let short = select(tester)?;
                let with_le = SelectForm::of(tester)?.le.is_some();
                let extended = select_extended(tester, &aid(tester)?, with_le)?;
                done(tester, &extended)?;
                tester.check_equal("octets of the answer", &short.len(), &extended.data.len())
            }),
        case("ISO-EXT-002", "Both octets of an extended Lc count.", &["extended_length"])
            .proves(&["REQ-ISO-EXT-2"])
            .kills(&["extended-lc-modulo"])
            .twin("ISO-EXT-001")
            .body(|tester| {
                // Whose Lc modulo 256 is the length of the identifier.
                let padded = [aid(tester)?, vec![0x00; 256]].concat();
                let answer = select_extended(tester, &padded, false)?;
                refused(tester, &answer, LENGTH)
            }),
    ]
}

fn of_answers() -> Vec<Case> {
    vec![
        case("ISO-EXT-003", "An extended Le of 0000 gives the whole answer.", &["extended_length", "get_response"])
            .proves(&["REQ-ISO-EXT-3"])
            .kills(&["extended-le-zero-as-none"])
            .body(|tester| {
                tester.preamble(select)?;
                let whole = tester.preamble(long)?;
                let header = long_header(tester)?;
                let answer = tester.send_whole(&[&header[..], &[0x00, 0x00, 0x00]].concat())?;
                done(tester, &answer)?;
                tester.check(answer.data == whole, "the answer is that of the short command")
            }),
        case("ISO-EXT-004", "Both octets of an extended Le count.", &["extended_length", "get_response"])
            .revision(2)
            .proves(&["REQ-ISO-EXT-3", "REQ-ISO-LE-1"])
            .kills(&["extended-le-modulo", "le-ignored"])
            .body(|tester| {
                tester.preamble(select)?;
                let whole = tester.preamble(long)?;
                let header = long_header(tester)?;
                let mut answer = tester.send(&[&header[..], &[0x00, 0x01, 0x01]].concat())?;
                if answer.status.sw1() == 0x61 && answer.data.is_empty() {
                    // It hands nothing out but to GET RESPONSE.
                    let command = get_response(tester, 0, answer.status.sw2())?;
                    answer = tester.send(&command)?;
                }
                let got = answer.data.len();
                // A card may give less at a time (REQ-ISO-EXT-4), but hardly one octet of 257.
                tester.check((2..=257).contains(&got), format!("expected 2 to 257 octets, got {got}"))?;
                tester.check(whole.starts_with(&answer.data), "what came begins the answer")
            }),
        case(
            "ISO-EXT-005",
            "What an extended Le permits comes in one piece.",
            &["extended_length", "get_response", "strict"],
        )
        .proves(&["REQ-ISO-EXT-4"])
        .kills(&["extended-le-zero-as-none", "extended-le-modulo"])
        .body(|tester| {
            tester.preamble(select)?;
            let whole = tester.preamble(long)?;
            let header = long_header(tester)?;
            for le in [[0x00, 0x00], (whole.len() as u16).to_be_bytes()] {
                let answer = tester.send(&[&header[..], &[0x00], &le].concat())?;
                tester.expect_status(&answer, 0x9000)?;
                tester.check(answer.data == whole, "the whole answer at once")?;
            }
            Ok(())
        }),
    ]
}

/// SELECT with extended lengths, with Le 0000 or without Le.
fn select_extended(tester: &mut Tester<'_>, aid: &[u8], with_le: bool) -> OrStop<Answer> {
    let lc = (aid.len() as u16).to_be_bytes();
    let le: &[u8] = if with_le { &[0x00, 0x00] } else { &[] };
    // 5.3.4 lets a card split its answer all the same.
    let SelectForm { class, p2, .. } = SelectForm::of(tester)?;
    tester.send_whole(&[&[class, 0xA4, 0x04, p2, 0x00], &lc[..], aid, le].concat())
}
