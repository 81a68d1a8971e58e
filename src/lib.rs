//! **untorn**: a payment terminal in a terminal window, and proof that cards and terminals survive a torn transaction.
//!
//! The modules stand in the order in which a payment walks through them:
//!
//! 1. [`reader`] reaches a card: PC/SC, in process, `vpcd`, a recording. It moves octets and judges nothing.
//! 2. [`card`] is the engine of virtual cards; [`family`] holds one folder a card family, both its card and its terminal side.
//! 3. [`terminal`] decides what happens next and does nothing itself.
//! 4. [`journal`] makes records durable, and alone can issue the token without which no value moves.
//! 5. [`sim`] shakes all of it: tears, kills, other terminals.
//! 6. `tui` and `cli` show it; nothing else knows them.
//!
//! Below them lie [`wire`] (octets to values and back) and [`crypto`] (one door to the primitives), and the small
//! values that everybody shares: [`money`], [`secret`], [`time`], [`entropy`]. [`difference`] tells two values apart for people, [`counted`] counts for them, [`malformed`]
//! says what is wrong with a file.
//!
//! Who may import whom is written in `CONTRIBUTING.md` and enforced by `tests/tidy.rs`.

pub mod app;
pub mod card;
pub mod cli;
pub mod conformance;
pub mod counted;
pub mod crypto;
pub mod defect;
pub mod difference;
mod disk;
pub mod entropy;
pub mod family;
pub mod journal;
mod locked;
pub mod malformed;
pub mod money;
pub mod quoted;
pub mod reader;
pub mod report;
pub mod secret;
pub mod session;
pub mod sim;
pub mod suite;
pub mod terminal;
pub mod time;
pub mod tui;
pub mod wire;
