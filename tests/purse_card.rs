//! The virtual purse through raw APDUs, against specs/purse.md, clauses 1 to 9. No terminal code here: only the layouts and
//! key schedules that both sides share, and those have their own vectors.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod purse_card {
    mod auth;
    mod commands;
    mod desk;
    mod ring_and_pin;
    mod session;
    mod torn;
    mod transact;
    mod vectors;
}
