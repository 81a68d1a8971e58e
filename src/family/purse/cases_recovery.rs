//! Processing not completed: the card left before its answer came (specs/purse.md, clauses 6 and 10).

use crate::conformance::case::Case;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![]
}
