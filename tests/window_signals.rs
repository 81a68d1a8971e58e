//! The window in a terminal of the test's own, ended by each signal in each of its states: the screen is whole, the journal is whole and
//! agrees with the card, an order that is given up has its slip, and the process ends as the signal says.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use rustix::process::Signal;
use support::kills::{Held, Order, check, state_of};
use support::screen::Screen;
use support::untorn::Desk;
use untorn::journal::view::OrderState;

/// What the sale that the tests begin does.
const SALE: Order = Order { arguments: &[], moves: -380, number: 1 };
/// The middle line of 250 in big digits.
const BIG_250: &str = "▄▀▀  ▀▀▀▄ █  █";

/// How a state is reached: keys, and what stands on the screen when they have done their work. `v` makes a virtual card slow, `vv` fast.
type Steps = &'static [(&'static str, &'static str)];

/// Each state of the window, and what a signal leaves there.
const STATES: &[(&str, Steps, Leaves)] = &[
    ("first", &[("", "type the amount")], Leaves::Nothing),
    ("amount typed", &[("250", BIG_250)], Leaves::Nothing),
    ("waiting for the card", &[("380\r", "s left")], Leaves::Nothing),
    ("processing", &[("380v\r", "s left"), ("p", "Reading the card.")], Leaves::Paid),
    ("the order is with the card", &[("380v\r", "s left"), ("p", "The order is with the card.")], Leaves::Paid),
    ("armed tear", &[("380a", "ARMED value")], Leaves::Nothing),
    ("unresolved", RETOUCH, Leaves::Unresolved),
    ("balance check", BALANCE, Leaves::Slip),
    ("PIN", &[("12000vv\r", "s left"), ("p", "confirm, after")], Leaves::Nothing),
    ("result", &[("380vv\r", "s left"), ("p", "next customer")], Leaves::Shown),
    ("exchange", &[("\t", "decode")], Leaves::Nothing),
    ("bench", &[("\t", "decode"), ("\t", "moment")], Leaves::Nothing),
    ("journal", &[("\t", "decode"), ("\t", "moment"), ("\t", "No orders")], Leaves::Nothing),
    ("readers", &[("\x1b[Z", "all"), ("\x1b[Z", "use this reader")], Leaves::Nothing),
    ("suite", &[("\x1b[Z", "all")], Leaves::Nothing),
    ("suite running", &[("\x1b[Z", "all"), ("a", "stop")], Leaves::Nothing),
    ("help", &[("?", "as on a cash register")], Leaves::Nothing),
];

const RETOUCH: Steps = &[("380vva", "ARMED"), ("\r", "s left"), ("p", "Touch the SAME card once more.")];
const BALANCE: Steps = &[
    ("380vva", "ARMED"),
    ("\r", "s left"),
    ("p", "Touch the SAME card once more."),
    ("\x1b", "The unresolved slip is issued."),
];

/// What a signal leaves of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// Nothing was begun, or nothing had moved.
    Nothing,
    /// The exchanges under way are finished: it is paid, and the slip is printed.
    Paid,
    /// It was paid and shown before.
    Shown,
    /// Unresolved; the slip is issued by the signal.
    Unresolved,
    /// Unresolved; the slip was issued before.
    Slip,
}

fn each_state(signal: Signal) {
    for (name, steps, leaves) in STATES {
        let desk = Desk::new(&[]);
        let before = Held::by(&desk);
        let mut command = desk.command(&["--wait", "600"]);
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        let mut screen = Screen::start(&command, (24, 80));
        screen.wait_for("type the amount");
        for (keys, text) in *steps {
            screen.type_keys(keys);
            screen.wait_for(text);
        }
        let left = screen.signal(signal);
        println!("{name}, {signal:?}: {:?}", left.took);
        let about = format!("{name}, {signal:?}: {left:?}");
        if signal == Signal::KILL {
            assert_eq!(left.signal(), Some(9), "{about}");
        } else {
            ends_in_good_order(&desk, signal, *leaves, &left, &about);
        }
        desk.run(&["resolve"]).ended(0);
        check(&desk, SALE, &before);
    }
}

fn ends_in_good_order(desk: &Desk, signal: Signal, leaves: Leaves, left: &support::screen::Left, about: &str) {
    assert!(left.is_whole, "the terminal is as it was: {about}");
    let (code, state, slip) = match leaves {
        Leaves::Nothing => (None, None, None),
        Leaves::Paid => (None, Some(OrderState::Paid), Some("RECEIPT")),
        Leaves::Shown => (None, Some(OrderState::Paid), None),
        Leaves::Unresolved | Leaves::Slip => (Some(2), Some(OrderState::OpenFinal), Some("not known")),
    };
    assert_eq!((left.status.code(), left.signal()), (code, code.is_none().then_some(signal.as_raw())), "{about}");
    assert_eq!(state_of(desk, 1), state, "{about}");
    assert!(slip.is_none_or(|word| left.text.contains(word)), "{slip:?} on paper: {about}");
}

#[test]
fn sigterm() {
    each_state(Signal::TERM);
}

#[test]
fn sigint() {
    each_state(Signal::INT);
}

#[test]
fn sighup() {
    each_state(Signal::HUP);
}

/// Nothing can be put back by a process that is killed; the journal is whole all the same.
#[test]
fn sigkill() {
    each_state(Signal::KILL);
}
