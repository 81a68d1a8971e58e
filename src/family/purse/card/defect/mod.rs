//! Deliberate defects of the virtual purse, for the suite's own test.

pub mod access;
pub mod commit;
mod guards;
mod keys;
pub mod rules;
mod steps;

use crate::card::chip::Chip;
use crate::card::chip::defect::WrongChip;

/// A virtual card that may have a deliberate defect.
pub type MutantCard<E> = Chip<super::Purse<E, rules::Wrong>, WrongChip>;
