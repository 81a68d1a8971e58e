//! The suite of terminals, whatever cards they take: what an order comes to, and what becomes of one whose end is not known
//! (specs/terminal.md, clauses 1 and 2). It asks for a command by its role; what cryptograms and certificates of a card must be, its
//! family's own cases ask.

mod alarms;
pub(crate) mod checks;
pub(crate) mod lies;
mod orders;
mod records;

use crate::conformance::case::Case;

/// All of them, in the order in which they run.
pub fn cases() -> Vec<Case> {
    [orders::cases(), lies::cases(), alarms::cases(), records::cases()].concat()
}
