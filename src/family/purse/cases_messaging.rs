//! Secure messaging, and what a session may do (specs/purse.md, clause 5).

use crate::conformance::case::Case;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![]
}
