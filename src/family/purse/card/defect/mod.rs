//! Deliberate defects of the virtual purse, for the suite's own test.

pub mod access;
pub mod commit;
pub(super) mod sabotage;
