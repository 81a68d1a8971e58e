//! The cases of the purse, in the order in which they run. Each file is about one clause of specs/purse.md.

use super::{
    cases_atomicity, cases_authentication, cases_authentication_epc1, cases_authentication_epc2, cases_commands,
    cases_life_cycle, cases_messaging, cases_model, cases_pin, cases_proof, cases_recovery, cases_refusal,
    cases_rights, cases_ring, cases_selection, cases_terminal, cases_terminal_alarms, cases_terminal_lies,
    cases_terminal_records, cases_transaction,
};
use super::{cases_statement, cases_states};
use crate::conformance::case::{Case, Risk};
use crate::conformance::review::with_values;

/// Name of the suite.
pub(super) const SUITE: &str = "purse";

/// All of them. A case that looks for a refusal spends, at a card with a defect, what a refusal costs there; so does one about the PIN.
pub(super) fn all() -> Vec<Case> {
    let tries = |case: &Case| case.twin.is_some() || case.id.starts_with("AU") || case.id.starts_with("PIN-");
    with_values(every(), &cases_statement::values())
        .into_iter()
        .map(|case| if tries(&case) { Case { risk: case.risk.max(Risk::CostsATry), ..case } } else { case })
        .map(cases_states::in_any_state)
        .collect()
}

fn every() -> Vec<Case> {
    [
        cases_commands::cases(),
        cases_selection::cases(),
        cases_authentication::cases(),
        cases_authentication_epc1::cases(),
        cases_authentication_epc2::cases(),
        cases_messaging::cases(),
        cases_rights::cases(),
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
        cases_terminal_alarms::cases(),
        cases_terminal_records::cases(),
        cases_model::cases(),
    ]
    .concat()
}
