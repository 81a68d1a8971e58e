//! The ring of receipts (specs/purse.md, clause 7).

use crate::conformance::case::Case;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![]
}
