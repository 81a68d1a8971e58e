//! The payment terminal in a terminal window. The only user of ratatui and crossterm.
//!
//! [`core`] runs in a thread of its own and owns terminal, journal and reader. What it shows are [`snapshot`]s; the
//! window draws those, turns keys into commands by one table ([`keys`]), and never calls the core or holds a lock.

pub mod app;
pub mod core;
pub mod draw;
pub mod font;
pub mod hidden;
pub mod keys;
pub mod purse;
pub mod snapshot;
pub mod start;
#[cfg(test)]
mod tests;
pub mod theme;
pub mod window;

pub use start::run;
