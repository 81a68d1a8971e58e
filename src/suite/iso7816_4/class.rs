//! The class octet (specs/iso7816_4.md, clause 1).

use super::case::case;
use super::client::{aid, must_read_on, read_command, select, select_command};
use super::refusal::{CLASS, INSTRUCTION, PARAMETERS, named, refused};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;

/// Of the range that ISO/IEC 7816-4:2020, 5.4.1 reserves: first, last, and with each bit of the first range's layout.
const RESERVED: [u8; 6] = [0x20, 0x21, 0x24, 0x28, 0x30, 0x3F];

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case("ISO-CLA-001", "SELECT in a reserved class is refused.", &[])
            .revision(2)
            .proves(&["REQ-ISO-CLA-1", "REQ-ISO-SW-2"])
            .kills(&["unknown-class-as-interindustry"])
            .twin("ISO-SEL-001")
            .body(|tester| {
                reserved_classes(tester)?;
                tester.preamble(select)?;
                named("with the application selected", tester, reserved_classes)
            }),
        case("ISO-CLA-002", "A command of the application is refused in a reserved class.", &["read"])
            .proves(&["REQ-ISO-CLA-1"])
            .kills(&["unknown-class-as-interindustry"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                tester.preamble(select)?;
                for class in RESERVED {
                    let mut command = read_command(tester, 0)?;
                    command[0] = class;
                    let answer = tester.send(&command)?;
                    refused(tester, &answer, CLASS)?;
                }
                must_read_on(tester, 0).map(drop)
            }),
        case("ISO-CLA-003", "Class, instruction, P1-P2 and length are looked at in this order.", &["strict"])
            .proves(&["REQ-ISO-CLA-2"])
            .kills(&["length-before-class"])
            .twin("ISO-SEL-001")
            .body(|tester| {
                // Each has an Lc with too little data behind it besides.
                for (command, expected) in [
                    ([0x20, 0x5E, 0x7F, 0x7F, 0x05, 0x00], CLASS),
                    ([0x00, 0x5E, 0x7F, 0x7F, 0x05, 0x00], INSTRUCTION),
                    ([0x00, 0xA4, 0x7F, 0x7F, 0x05, 0x00], PARAMETERS),
                ] {
                    let answer = tester.send(&command)?;
                    refused(tester, &answer, expected)?;
                }
                Ok(())
            }),
    ]
}

fn reserved_classes(tester: &mut Tester<'_>) -> OrStop {
    for class in RESERVED {
        let mut command = select_command(tester, &aid(tester)?, 0)?;
        command[0] = class;
        let answer = tester.send(&command)?;
        refused(tester, &answer, CLASS)?;
    }
    Ok(())
}
