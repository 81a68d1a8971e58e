//! The answer to reset (specs/iso7816_4.md, clause 10).

use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::wire::atr::Atr;
use crate::wire::hex;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![
        // Behind no other case: nothing is selected.
        Case::new("ISO-ATR-001", "The answer to reset is whole, and its check octet is right.")
            .needs(&["iso7816_4"])
            .proves(&["REQ-ISO-ATR-1"])
            .kills(&["answer-to-reset-unchecked"])
            .body(|tester| {
                for cold in [true, false] {
                    well_formed(tester, cold)?;
                }
                Ok(())
            }),
    ]
}

fn well_formed(tester: &mut Tester<'_>, cold: bool) -> OrStop {
    let octets = if cold { tester.power_on()? } else { tester.warm_reset()? };
    let told = Atr::parse(&octets).map(drop).map_err(|error| error.to_string());
    let what = match &told {
        Ok(()) => format!("answer to reset {}", hex::encode(&octets)),
        Err(error) => format!("answer to reset {}: {error}", hex::encode(&octets)),
    };
    // A reader makes it of a contactless card's ATS (PC/SC part 3, 3.1.3.2.3.1): then it may be the reader that is wrong.
    if told.is_err() && matches!(octets.as_slice(), [0x3B, 0x80..=0x8F, 0x80, 0x01, ..]) {
        return Err(Stop::inconclusive(format!("{what}; of a contactless card the reader makes it")));
    }
    tester.check(told.is_ok(), what)
}
