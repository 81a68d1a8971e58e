//! The cases of the purse, in the order in which they run. Each file is about one clause of specs/purse.md.

mod atomicity;
mod authentication;
pub(super) mod claims;
pub mod client;
mod commands;
mod life_cycle;
mod messaging;
pub mod model;
mod order;
pub(super) mod picture;
mod pin;
mod postamble;
mod proof;
mod recovery;
mod refusal;
mod rights;
mod ring;
mod selection;
pub(super) mod statement;
pub(super) mod states;
mod terminal;
mod transaction;

use crate::conformance::case::Case;
use crate::conformance::review::with_values;
use crate::conformance::risk::Risk;

/// All of them. A case that looks for a refusal spends, at a card with a defect, what a refusal costs there; so does one about the PIN.
pub(super) fn all() -> Vec<Case> {
    let tries = |case: &Case| case.twin.is_some() || case.id.starts_with("AU") || case.id.starts_with("PIN-");
    // Which values a case asks for hangs on its suite too.
    let every = every().into_iter().map(|case| case.of_suite("purse")).collect();
    with_values(every, &statement::values())
        .into_iter()
        .map(|case| if tries(&case) { Case { risk: case.risk.max(Risk::CostsATry), ..case } } else { case })
        .map(states::in_any_state)
        .collect()
}

fn every() -> Vec<Case> {
    [
        commands::cases(),
        selection::cases(),
        authentication::cases(),
        authentication::epc1::cases(),
        authentication::epc2::cases(),
        messaging::cases(),
        rights::cases(),
        pin::cases(),
        transaction::cases(),
        refusal::cases(),
        atomicity::cases(),
        recovery::cases(),
        proof::cases(),
        ring::cases(),
        life_cycle::cases(),
        terminal::cases(),
        model::cases(),
    ]
    .concat()
}
