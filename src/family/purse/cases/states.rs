//! A card that has a life behind it may be in a state in which a case can show nothing: the case says which, and accuses nobody. Of a
//! balance that is at its end the test takes care itself.

use std::sync::Arc;

use super::client::suites;
use super::picture::wallet;
use crate::conformance::case::{Body, Case};
use crate::conformance::risk::Risk;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::data::session::{CardState, LogicalCardDetail};
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{LifeCycle, Role};

/// More orders than a case sends. A counter that is nearer to its end bars the cases that send any.
const ORDERS_MAX: u32 = 10_000;
/// What cases take from a card and give to it without a look at its balance, and more.
const ROOM: u32 = 1_000;

const BLOCKED: &str = "the card is blocked";
const TERMINATED: &str = "the card is terminated";
const PERSONALISED: &str = "the card is not active yet";
const PIN_BLOCKED: &str = "the PIN is blocked";
const COUNTED_OUT: &str = "the transaction counter is at its end";
const NO_ROOM: &str = "a balance is nearly nothing, or nearly its maximum";

/// Whoever identifies the card sees its state.
pub(in crate::family::purse) fn note(tester: &mut Tester<'_>, state: &CardState) {
    match state.life_cycle {
        LifeCycle::Active => {}
        LifeCycle::Blocked => tester.found_in(BLOCKED),
        LifeCycle::Terminated => tester.found_in(TERMINATED),
        LifeCycle::Personalised => tester.found_in(PERSONALISED),
    }
    if state.flags & CardState::PIN_BLOCKED != 0 {
        tester.found_in(PIN_BLOCKED);
    }
    if state.transaction_counter > u32::MAX - ORDERS_MAX {
        tester.found_in(COUNTED_OUT);
    }
    if state.details.iter().any(|detail| missing(detail).is_some()) {
        tester.found_in(NO_ROOM);
    }
}

/// The same case, for a card in whatever state: what writes needs an active card, what is about the PIN one that is not blocked. A
/// sequence learns the state first, and goes on from there.
pub(super) fn in_any_state(case: Case) -> Case {
    let Body::Card(body) = &case.body else { return case };
    let (body, orders) = (Arc::clone(body), case.risk >= Risk::Writes);
    let learns = case.id.starts_with("MOD-");
    let mut barring: Vec<&str> = Vec::new();
    if orders {
        barring.push(COUNTED_OUT);
    }
    if orders && !learns {
        barring.extend([BLOCKED, TERMINATED, PERSONALISED]);
    }
    if case.needs.iter().any(|need| need == "purse.pin") {
        barring.push(PIN_BLOCKED);
    }
    case.body(move |tester| {
        if let Some(state) = barring.iter().find(|state| tester.was_in(state)) {
            return Err(Stop::inconclusive(format!("{state}, and was before this case")));
        }
        if orders && !learns && tester.was_in(NO_ROOM) {
            tester.preamble(make_room)?;
        }
        body(tester)
    })
}

/// What makes room above and below the balance, where it is missing.
fn missing(detail: &LogicalCardDetail) -> Option<(Role, Operation)> {
    let (logical_card, above) = (detail.id, detail.maximum.saturating_sub(detail.balance));
    let room = ROOM.min(detail.maximum / 2);
    if detail.balance < room {
        let amount = room - detail.balance;
        return Some((Role::Credit, Operation::Credit { logical_card, amount }));
    }
    (above < room).then(|| (Role::Debit, Operation::Debit { logical_card, amount: room - above }))
}

fn make_room(tester: &mut Tester<'_>) -> OrStop {
    let suite = suites(tester).first().copied().ok_or_else(|| Stop::error("the statement claims no suite"))?;
    let details = wallet(tester, suite, Role::Read).state(tester)?.details;
    for (role, operation) in details.iter().filter_map(missing) {
        wallet(tester, suite, role).pay(tester, &[operation])?;
    }
    tester.power_on().map(drop)
}
