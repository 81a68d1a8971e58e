//! The cases of the purse, in the order in which they run. Each file is about one clause of specs/purse.md.

use super::{
    cases_atomicity, cases_authentication, cases_life_cycle, cases_messaging, cases_pin, cases_proof, cases_recovery,
    cases_refusal, cases_ring, cases_terminal, cases_terminal_lies, cases_terminal_records, cases_transaction,
};
use crate::conformance::case::Case;

/// Name of the suite.
pub(super) const SUITE: &str = "purse";

/// All of them.
pub(super) fn all() -> Vec<Case> {
    [
        cases_authentication::cases(),
        cases_messaging::cases(),
        cases_pin::cases(),
        cases_transaction::cases(),
        cases_refusal::cases(),
        cases_atomicity::cases(),
        cases_recovery::cases(),
        cases_proof::cases(),
        cases_ring::cases(),
        cases_life_cycle::cases(),
        cases_terminal::cases(),
        cases_terminal_lies::cases(),
        cases_terminal_records::cases(),
    ]
    .concat()
}
