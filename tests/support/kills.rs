//! What must hold of a desk after its terminal was killed in the middle of an order, however the card is reached.
//!
//! Card and journal are looked at with the library, not with the binary: that is ten times as fast, and no witness in its
//! own cause.

use untorn::app::{LoadedProfile, Options, VirtualCard};
use untorn::journal::record::OrderNumber;
use untorn::journal::sqlite::{Selection, SqliteReader};
use untorn::journal::view::OrderState;

use super::untorn::Desk;

/// SIGKILL.
pub const KILLED: i32 = 9;

/// What the card holds, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub balance: i64,
    pub transactions: i64,
    /// Transaction ids of the ring, oldest first.
    pub receipts: Vec<String>,
}

impl Held {
    /// Looks into the card's state file; no terminal and no other process may have it open.
    #[track_caller]
    pub fn by(desk: &Desk) -> Self {
        let options = Options { state: Some(desk.state()), ..Options::default() };
        let profile = LoadedProfile::load(&options).unwrap();
        let found = VirtualCard::open(profile, &options).unwrap().sheet().unwrap().json;
        let receipts = found["receipts"].as_array().unwrap();
        Self {
            balance: found["logical_cards"][0]["balance"]["minor"].as_i64().unwrap(),
            transactions: found["transaction_counter"].as_i64().unwrap(),
            receipts: receipts.iter().map(|receipt| receipt["transaction"].as_str().unwrap().to_owned()).collect(),
        }
    }
}

/// What the journal knows of an order; `None` where it was never begun.
#[track_caller]
pub fn state_of(desk: &Desk, order: u32) -> Option<OrderState> {
    let journal = SqliteReader::open(desk.journal()).unwrap();
    let found = journal.orders(&Selection::One(OrderNumber(order))).unwrap();
    assert!(found.len() <= 1, "an order is in the journal once: {found:?}");
    found.first().map(|found| found.state)
}

/// An order, as the command line says it, and what it does to the balance.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub arguments: &'static [&'static str],
    pub moves: i64,
    /// Its number in the journal.
    pub number: u32,
}

/// Resolves what is open, then checks that nothing is lost, doubled or in doubt. `true` when the order happened.
///
/// `before` is what the card held before the order.
#[track_caller]
pub fn resolve_and_check(desk: &Desk, order: Order, before: &Held) -> bool {
    let open = state_of(desk, order.number) == Some(OrderState::Open);
    if open {
        let blocked = desk.json(5, &["pay", "1"]);
        assert_eq!(blocked["result"], "blocked", "an open record holds up sales: {blocked}");
    }
    let resolved = desk.json(0, &["resolve"]);
    assert_eq!(resolved["unresolved"].as_array().unwrap().len(), 0, "{resolved}");
    assert_eq!(resolved["settled"].as_array().unwrap().len(), usize::from(open), "{resolved}");
    check(desk, order, before)
}

/// The card's own record and the journal tell the same.
#[track_caller]
pub fn check(desk: &Desk, order: Order, before: &Held) -> bool {
    let after = Held::by(desk);
    let state = state_of(desk, order.number);
    let happened = state == Some(OrderState::Paid);
    assert!(happened || matches!(state, None | Some(OrderState::NotPaid)), "{state:?} is no end");
    let times = i64::from(happened);
    assert_eq!(after.balance, before.balance + times * order.moves, "value is kept: {state:?}");
    assert_eq!(after.transactions, before.transactions + times, "it happened once or not at all: {state:?}");
    let mut distinct = after.receipts.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), after.receipts.len(), "no transaction is in the card twice");
    assert_eq!(SqliteReader::open(desk.journal()).unwrap().verify().unwrap().fault, None);
    happened
}
