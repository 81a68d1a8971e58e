//! The payment terminal in a terminal window. The only user of ratatui and crossterm.
//!
//! [`core`] runs in a thread of its own and owns terminal, journal and reader. What it shows are [`snapshot`]s; the
//! window draws those, turns keys into commands by one table ([`keys`]), and never calls the core or holds a lock.
//! The conformance [`suite`] runs in another thread in the same way; what it shows are its [`verdicts`].

pub mod app;
pub mod cards;
pub mod core;
pub mod draw;
pub mod font;
pub mod keys;
pub mod mutant_picker;
pub mod position;
mod search;
#[cfg(test)]
mod size_tests;
pub mod snapshot;
pub mod start;
pub mod suite;
#[cfg(test)]
mod suite_tests;
pub mod suite_view;
#[cfg(test)]
mod tests;
pub mod theme;
pub mod verdicts;
pub mod watched;
pub mod window;

pub use start::{SuiteFiles, run};
