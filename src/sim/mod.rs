//! Deterministic worlds: cards, terminals and people in one thread, torn and killed where a scenario says so.
//!
//! [`tear`] plays one scenario; [`explore`] plays all of them.

mod books;
pub mod cuts;
pub mod explore;
pub mod field;
pub mod tear;
pub mod torn_card;
