//! Deterministic worlds: cards, terminals and people in one thread, torn and killed where a scenario says so.

mod faulty_journal;
pub mod field;
pub mod harness;
pub mod mutants;
pub mod session_defect;
pub mod tear;
mod terminal_driver;
pub mod terminal_subject;
