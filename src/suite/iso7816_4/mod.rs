//! Organisation, security and commands for interchange (ISO/IEC 7816-4:2020), for any card.

use crate::conformance::case::Case;

/// Name of the suite.
const SUITE: &str = "iso7816_4";

/// Its cases, in the order in which they run.
pub fn cases() -> Vec<Case> {
    vec![
        Case::new(SUITE, "ISO-INS-001", "An instruction that the card does not know answers 6D00.")
            .needs(&["iso7816_4"])
            .kills(&["unknown-instruction-accepted"])
            .body(|tester| {
                let answer = tester.send(&[0x00, 0xFE, 0x00, 0x00])?;
                tester.expect_status(&answer, 0x6D00)
            }),
    ]
}
