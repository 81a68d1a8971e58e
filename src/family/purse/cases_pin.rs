//! VERIFY (specs/purse.md, clause 8).

use crate::conformance::case::Case;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![]
}
