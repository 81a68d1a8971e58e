//! The instruction octet and P1-P2 (specs/iso7816_4.md, clause 2).

use super::case::case;
use super::client::{aid, begin_long, get_response, must_read_on, on, open, read_on, reads_as, select, select_command};
use super::refusal::{INSTRUCTION, PARAMETERS, in_each_state, refused};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;

/// Assigned by no part of ISO/IEC 7816. Not `FE` or `E6`, which look as good: they terminate a card or its application
/// (ISO/IEC 7816-9:2017).
const UNKNOWN: [u8; 2] = [0x5E, 0x7E];
/// No instructions at all: on the contacts of T=0 they would be procedure octets (ISO/IEC 7816-4:2020, 5.5).
const INVALID: [u8; 4] = [0x60, 0x6F, 0x90, 0x9F];

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [instructions(), parameters()].concat()
}

fn instructions() -> Vec<Case> {
    vec![
        // Revision 2: other instructions than FE, with which it could have terminated a card.
        case("ISO-INS-001", "An instruction that the card does not know is refused.", &[])
            .revision(3)
            .proves(&["REQ-ISO-INS-1", "REQ-ISO-SW-2"])
            .kills(&["unknown-instruction-accepted", "instruction-accepted-elsewhere"])
            .twin("ISO-SEL-001")
            .body(|tester| in_each_state(tester, |tester, channel| all_refused(tester, channel, &UNKNOWN))),
        case("ISO-INS-002", "An instruction that the application does not know is refused.", &["read"])
            .proves(&["REQ-ISO-INS-1"])
            .kills(&["unknown-instruction-accepted"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                tester.preamble(select)?;
                all_refused(tester, 0, &UNKNOWN)
            }),
        case("ISO-INS-003", "Instructions 6X and 9X are refused.", &[])
            .revision(2)
            .proves(&["REQ-ISO-INS-2"])
            .kills(&["unknown-instruction-accepted"])
            .twin("ISO-SEL-001")
            .body(|tester| in_each_state(tester, |tester, channel| all_refused(tester, channel, &INVALID))),
        case("ISO-INS-004", "A refused instruction leaves the application selected.", &["read"])
            .proves(&["REQ-ISO-INS-3"])
            .kills(&["refusal-deselects"])
            .body(|tester| {
                select(tester)?;
                let before = must_read_on(tester, 0)?;
                tester.preamble(|tester| all_refused(tester, 0, &UNKNOWN))?;
                let after = must_read_on(tester, 0)?;
                tester.check_octets("what is read after a refusal", &before, &after)
            }),
    ]
}

fn parameters() -> Vec<Case> {
    vec![
        case("ISO-PAR-001", "SELECT with reserved P1 or P2 is refused.", &[])
            .revision(2)
            .proves(&["REQ-ISO-PAR-1", "REQ-ISO-SW-2"])
            .kills(&["parameters-unchecked"])
            .twin("ISO-SEL-001")
            .body(|tester| in_each_state(tester, reserved_selects)),
        case("ISO-PAR-002", "SELECT with reserved P1 or P2 selects nothing.", &["read"])
            .proves(&["REQ-ISO-PAR-1"])
            .kills(&["parameters-unchecked"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                let before = read_on(tester, 0)?;
                for [p1, p2] in RESERVED_SELECT {
                    let mut command = select_command(tester, &aid(tester)?, 0)?;
                    (command[2], command[3]) = (p1, p2);
                    tester.send(&command)?;
                    reads_as(tester, 0, &before, "SELECT with reserved P1-P2")?;
                }
                Ok(())
            }),
        case("ISO-PAR-003", "GET RESPONSE with P1-P2 other than 0000 is refused.", &["get_response"])
            .proves(&["REQ-ISO-PAR-1"])
            .kills(&["parameters-unchecked"])
            .twin("ISO-GRS-001")
            .body(|tester| {
                for [p1, p2] in [[0x01, 0x00], [0x00, 0x01]] {
                    tester.preamble(select)?;
                    tester.preamble(begin_long)?;
                    let [cla, ins, _, _, le] = get_response(tester, 0, 0x00)?;
                    let answer = tester.send(&[cla, ins, p1, p2, le])?;
                    refused(tester, &answer, PARAMETERS)?;
                }
                Ok(())
            }),
        case("ISO-PAR-004", "MANAGE CHANNEL with reserved P1 is refused.", &["logical_channels"])
            .proves(&["REQ-ISO-PAR-1"])
            .kills(&["parameters-unchecked"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                let channel = tester.preamble(open)?;
                for p1 in [0x01, 0x7F] {
                    let answer = tester.send(&[0x00, 0x70, p1, channel])?;
                    refused(tester, &answer, PARAMETERS)?;
                }
                Ok(())
            }),
    ]
}

/// P1 that no edition gives a meaning, and P2 with a reserved upper half (ISO/IEC 7816-4:2020, 11.1.1).
const RESERVED_SELECT: [[u8; 2]; 3] = [[0x7F, 0x00], [0x04, 0x80], [0x04, 0xF0]];

fn reserved_selects(tester: &mut Tester<'_>, channel: u8) -> OrStop {
    for [p1, p2] in RESERVED_SELECT {
        let mut command = select_command(tester, &aid(tester)?, channel)?;
        (command[2], command[3]) = (p1, p2);
        let answer = tester.send(&command)?;
        refused(tester, &answer, PARAMETERS)?;
    }
    Ok(())
}

fn all_refused(tester: &mut Tester<'_>, channel: u8, instructions: &[u8]) -> OrStop {
    for &ins in instructions {
        let answer = tester.send(&[on(0x00, channel), ins, 0x00, 0x00])?;
        refused(tester, &answer, INSTRUCTION)?;
    }
    Ok(())
}
