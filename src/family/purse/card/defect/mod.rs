//! Deliberate defects of the virtual purse, for the suite's own test.

pub mod access;
pub mod commit;
mod guards;
pub mod rules;

/// A virtual card that may have a deliberate defect.
pub type MutantCard<E> = crate::card::chip::Chip<super::Purse<E, rules::Wrong>>;
