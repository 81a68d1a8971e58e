//! Deterministic worlds: cards, terminals and people in one thread, torn and killed where a scenario says so.

pub mod field;
pub mod harness;
pub mod mutants;
pub mod tear;
