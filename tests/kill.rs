//! The terminal's process dies by SIGKILL at every action and at every write of the card, in sale, top-up and refund; and
//! once more while it resolves. Nothing is lost, doubled or left in doubt.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use support::kills::{Held, KILLED, Order, check, resolve_and_check, state_of};
use support::untorn::Desk;
use untorn::journal::view::OrderState;

/// More points than a run has: a loop that goes on for ever is a failure.
const POINTS_MAX: u64 = 100;

/// A desk with one sale behind it.
fn desk() -> Desk {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "1000"]).ended(0);
    desk
}

/// Runs until each point of this kind in turn; gives how often the process died.
fn at_every(kind: &str, order: Order) -> u64 {
    let base = desk();
    let before = Held::by(&base);
    let mut happened = 0;
    for number in 0..POINTS_MAX {
        let desk = base.copy();
        let ran = desk.run_until(&format!("{kind}:{number}"), order.arguments);
        if ran.signal.is_none() {
            ran.ended(0);
            assert!(check(&desk, order, &before), "an order that is not killed happens");
            assert!(happened > 0 && happened < number, "{happened} of {number}: killed before and after the commit");
            return number;
        }
        assert_eq!(ran.signal, Some(KILLED), "{ran:?}");
        assert!(!ran.stdout.contains("RECEIPT"), "no receipt before the end: {ran:?}");
        if resolve_and_check(&desk, order, &before) {
            happened += 1;
        } else {
            // What did not happen can be done, once.
            desk.run(order.arguments).ended(0);
            assert_eq!(Held::by(&desk).balance, before.balance + order.moves);
        }
    }
    panic!("more than {POINTS_MAX} points of {kind}");
}

/// As above, and each time that a record is open the resolving dies too, at every point of it.
fn twice_at_every(kind: &str, order: Order) -> u64 {
    let base = desk();
    let before = Held::by(&base);
    let mut kills = 0;
    for number in 0..POINTS_MAX {
        let torn = base.copy();
        let ran = torn.run_until(&format!("{kind}:{number}"), order.arguments);
        if ran.signal.is_none() {
            return kills;
        }
        if state_of(&torn, order.number) != Some(OrderState::Open) {
            continue;
        }
        for second in 0..POINTS_MAX {
            let desk = torn.copy();
            let ran = desk.run_until(&format!("{kind}:{second}"), &["resolve"]);
            if ran.signal.is_none() {
                break;
            }
            assert_eq!(ran.signal, Some(KILLED), "{ran:?}");
            kills += 2;
            resolve_and_check(&desk, order, &before);
        }
    }
    panic!("more than {POINTS_MAX} points of {kind}");
}

const SALE: Order = Order { arguments: &["pay", "1250"], moves: -1250, number: 2 };
const TOP_UP: Order = Order { arguments: &["topup", "2000"], moves: 2000, number: 2 };
const REFUND: Order = Order { arguments: &["refund", "400"], moves: 400, number: 2 };

fn in_every_way(name: &str, order: Order) {
    let (actions, writes) = (at_every("action", order), at_every("write", order));
    let twice = twice_at_every("action", order) + twice_at_every("write", order);
    println!("{name}: killed {actions} times at an action, {writes} at a write, {twice} in pairs");
    // SELECT, AUTH, TRANSACT, ACK each have an action, and so do the card, the look-up, the intent and the resolution.
    assert!(actions >= 8 && writes >= 3, "{actions} actions, {writes} writes");
}

#[test]
fn a_sale() {
    in_every_way("sale", SALE);
}

#[test]
fn a_top_up() {
    in_every_way("top-up", TOP_UP);
}

#[test]
fn a_refund() {
    in_every_way("refund", REFUND);
}
