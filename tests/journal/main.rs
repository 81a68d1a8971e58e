//! The journal on disk: alike the one in memory, recognises what is not its own, notices damage, survives kills.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up should stop")]

mod alike;
mod damage;
mod export;
mod foreign;
mod processes;
mod rules;
mod samples;
