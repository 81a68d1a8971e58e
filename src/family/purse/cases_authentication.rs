//! SELECT and AUTH (specs/purse.md, clauses 2 to 4).

use super::cases::SUITE;
use super::cases_client::{offer, select};
use crate::conformance::case::Case;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(SUITE, "SEL-FRESH-001", "Each SELECT draws a nonce and an ephemeral key that were not seen before.")
            .proves(&["REQ-SEL-1"])
            .kills(&["nonce-constant"])
            .body(|tester| {
                let first = select(tester)?;
                let second = select(tester)?;
                let (first, second) = (offer(&first)?, offer(&second)?);
                let nonces = |offer: &super::data_session::SelectAnswer| offer.epc1.as_ref().map(|epc1| epc1.nonce);
                if tester.claims("purse.epc1") {
                    tester.check(nonces(&first) != nonces(&second), "two nonces differ")?;
                }
                if tester.claims("purse.epc2") {
                    tester.check(first.epc2 != second.epc2, "two ephemeral keys differ")?;
                }
                Ok(())
            }),
    ]
}
