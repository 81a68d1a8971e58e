//! The cases of the purse, in the order in which they run. Each file is about one clause of specs/purse.md.

use super::{
    cases_authentication, cases_life_cycle, cases_messaging, cases_model, cases_pin, cases_recovery, cases_ring,
    cases_transaction,
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
        cases_recovery::cases(),
        cases_ring::cases(),
        cases_life_cycle::cases(),
        cases_model::cases(),
    ]
    .concat()
}
