//! Each form of a test report, read again: no failing run reads as passed, and nothing that did not run as passed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where something is missing")]

mod cli;
mod folder;
mod formats;
mod fresh;
mod heads;
mod lines;
mod merge;
mod samples;
mod schema;
#[path = "../support/mod.rs"]
mod support;
