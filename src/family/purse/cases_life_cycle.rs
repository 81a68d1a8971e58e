//! Life cycle and replacement (specs/purse.md, clause 9).

use crate::conformance::case::Case;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![]
}
