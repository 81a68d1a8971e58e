//! Deterministic worlds: cards, terminals and people in one thread, torn and killed where a scenario says so.
//!
//! [`tear`] plays one scenario; [`explore`] plays all of them.

mod books;
pub mod cuts;
pub mod explore;
mod faulty_journal;
pub mod field;
pub mod harness;
pub mod mutants;
pub mod session_defect;
pub mod tear;
pub mod tear_map;
pub mod tear_map_svg;
pub mod terminal_defect;
mod terminal_driver;
pub mod terminal_subject;
pub mod torn_card;
