//! Selection (specs/iso7816_4.md, clause 8).

use super::case;
use super::client::{NO_APPLICATION, aid, must_read_on, read_on, reads_as, refused, select, select_command};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{Outcome, Stop};
use crate::wire::tlv::{self, Tag};

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [found(), not_found()].concat()
}

fn found() -> Vec<Case> {
    vec![
        case("ISO-SEL-001", "SELECT with the application's identifier succeeds, and again.", &[])
            .proves(&["REQ-ISO-SEL-1"])
            .kills(&["wrong-length-hint"])
            .body(|tester| {
                let without_le = {
                    let mut command = select_command(&aid(tester)?, 0);
                    command.pop();
                    command
                };
                select(tester)?;
                let answer = tester.send_whole(&without_le)?;
                tester.expect_status(&answer, 0x9000)?;
                select(tester).map(drop)
            }),
        case("ISO-SEL-002", "Control information in the answer to SELECT is BER-TLV and names the application.", &[])
            .proves(&["REQ-ISO-SEL-2"])
            .kills(&["le-zero-as-none"])
            .body(control_information),
        case("ISO-SEL-003", "What is selected can be used, after a second SELECT too.", &["read"])
            .proves(&["REQ-ISO-SEL-1"])
            .kills(&["le-zero-as-none"])
            .body(|tester| {
                select(tester)?;
                let first = must_read_on(tester, 0)?;
                select(tester)?;
                let second = must_read_on(tester, 0)?;
                tester.check_octets("what is read after a second SELECT", &first, &second)
            }),
        case("ISO-SEL-008", "A reset takes the card back to what was selected at first.", &["read"])
            .proves(&["REQ-ISO-SEL-5"])
            .kills(&["selection-survives-reset"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                let before = read_on(tester, 0)?;
                for cold in [true, false] {
                    select(tester)?;
                    if cold {
                        tester.power_on()?
                    } else {
                        tester.warm_reset()?
                    };
                    reads_as(tester, 0, &before, "selection")?;
                }
                Ok(())
            }),
    ]
}

fn not_found() -> Vec<Case> {
    vec![
        case("ISO-SEL-004", "SELECT with an identifier that the card does not have is refused.", &[])
            .proves(&["REQ-ISO-SEL-3", "REQ-ISO-SW-1", "REQ-ISO-SW-2"])
            .kills(&["data-with-error-status"])
            .twin("ISO-SEL-001")
            .body(select_another),
        case("ISO-SEL-005", "SELECT with an identifier that only begins with the application's is refused.", &[])
            .proves(&["REQ-ISO-SEL-3"])
            .kills(&["aid-prefix-selects"])
            .twin("ISO-SEL-001")
            .body(|tester| {
                let longer = [&aid(tester)?[..], &[0x5A]].concat();
                if longer.len() > 16 {
                    tester.note("the identifier is as long as one can be: nothing begins with it");
                    return Ok(());
                }
                let answer = tester.send(&select_command(&longer, 0))?;
                refused(tester, &answer, NO_APPLICATION)
            }),
        case("ISO-SEL-006", "A refused SELECT leaves the application selected.", &["read"])
            .proves(&["REQ-ISO-SEL-4"])
            .kills(&["failed-select-deselects"])
            .body(|tester| {
                select(tester)?;
                let before = must_read_on(tester, 0)?;
                tester.preamble(select_another)?;
                let after = must_read_on(tester, 0)?;
                tester.check_octets("what is read after a refused SELECT", &before, &after)
            }),
        case("ISO-SEL-007", "A refused SELECT selects nothing.", &["read"])
            .proves(&["REQ-ISO-SEL-4"])
            .kills(&["failed-select-selects"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                let before = read_on(tester, 0)?;
                tester.preamble(select_another)?;
                reads_as(tester, 0, &before, "a refused SELECT")
            }),
    ]
}

/// SELECT of the identifier with its last octet changed: same length, same provider. It must be refused.
fn select_another(tester: &mut Tester<'_>) -> Outcome {
    let mut other = aid(tester)?;
    if let Some(last) = other.last_mut() {
        *last ^= 0x55;
    }
    let answer = tester.send(&select_command(&other, 0))?;
    refused(tester, &answer, NO_APPLICATION)
}

/// ISO/IEC 7816-4:2020, 7.4.3: template 6F (control information) or 62 (control parameters), the name in 84. A card may send other
/// octets, or none, unless it is our profile's.
fn control_information(tester: &mut Tester<'_>) -> Outcome {
    let answer = select(tester)?;
    if !matches!(answer.first(), Some(0x6F | 0x62)) {
        let strict = tester.claims("iso7816_4.strict");
        return tester.check(!strict, "the answer to SELECT is control information");
    }
    let path = [Tag(u32::from(answer[0])), Tag(0x84)];
    let name = tlv::find_path(&answer, &path).map_err(|error| Stop::fail(format!("control information: {error}")))?;
    let aid = aid(tester)?;
    match name {
        Some(name) => tester.check(name.starts_with(&aid), "the name in 84 begins with the identifier"),
        None => Ok(()),
    }
}
