//! Windows of all sizes: what is taken is seen, and what is seen is whole.
#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use crossterm::event::KeyCode;

use super::tests::Act::{Miss, Press, Resize, See, Type};
use super::tests::{SMALL, play};

#[test]
fn a_window_of_any_size_is_drawn() {
    play(
        SMALL,
        vec![
            Resize(20, 5),
            Type("a1250\n"),
            Resize(1, 1),
            Type("p"),
            Resize(5, 20),
            Type("p"),
            Resize(500, 3),
            Type("\n\t?\t"),
            Resize(119, 60),
        ],
    );
}

/// At every size at which it takes an order: how much, what became of it, and what to do.
#[test]
fn every_window_that_takes_orders_shows_what_they_come_to() {
    for width in [30, 31, 39, 40, 59, 60, 61, 79, 80, 99, 100, 119, 120, 160, 200] {
        for height in [11, 12, 13, 15, 18, 21, 40] {
            // In big letters where there is room; the word beside them is the same in both.
            let unresolved = if height == 40 { "処理未了" } else { "UNRESOLVED" };
            play(
                (width, height),
                vec![
                    Type("1250\n"),
                    See("1,250"),
                    See("s left"),
                    Type("\u{1b}\na1250\np"),
                    See("1,250"),
                    See(unresolved),
                    See("SAME"),
                    Type("cp"),
                    See("1,250"),
                    See("another"),
                    See("SAME"),
                    Press(KeyCode::Esc),
                    See(unresolved),
                    See("1,250"),
                    See("Touch this card"),
                ],
            );
        }
    }
}

/// Keys that nobody can see the effect of have none, but those that stop and leave.
#[test]
fn a_window_that_cannot_be_seen_takes_no_order() {
    for (width, height) in [(20, 5), (29, 24), (80, 10), (1, 1), (200, 3)] {
        play(
            (width, height),
            vec![Type("1250\nap"), Resize(80, 24), Miss("1,250"), See("type the amount"), See("no orders yet")],
        );
        play(
            SMALL,
            vec![
                Type("a1250\np"),
                See("SAME card"),
                Resize(width, height),
                Type("p"),
                Press(KeyCode::Esc),
                Resize(80, 24),
                See("1,250 JPY"),
                See("UNRESOLVED"),
            ],
        );
    }
}

#[test]
fn a_window_too_small_says_so() {
    play(
        SMALL,
        vec![Resize(10, 3), See("30x11"), See("10x3"), Resize(29, 24), See("Needs"), Resize(30, 11), Miss("Needs")],
    );
}

/// Each choice at the bench, on the narrowest screen that has it beside the sale.
#[test]
fn what_is_armed_is_read_whole() {
    for size in [(80, 24), (120, 40), (200, 50)] {
        for presses in 0..9 {
            for moment in ["before the command", "after execution", "mid-answer"] {
                let mut script = vec![Type("\t\t")];
                script.extend((0..4).map(|_| Press(KeyCode::Left)));
                script.extend((0..presses).map(|_| Press(KeyCode::Right)));
                script.extend(
                    (0..["after execution", "mid-answer", "before the command"]
                        .iter()
                        .position(|m| *m == moment)
                        .unwrap())
                        .map(|_| Press(KeyCode::Down)),
                );
                script.extend([Press(KeyCode::Enter), See("ARMED: "), See(moment)]);
                let names = ["select,", "authenticate,", "verify,", "value,", "acknowledge,", "exchange 1,"];
                script.extend(names.get(presses).map(|name| See(name)));
                play(size, script);
            }
        }
    }
}
