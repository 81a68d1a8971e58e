//! REQ-RUL-13: the system's clock is set while a window or a suite is at work: no wait, no verdict and no money is another for it. libfaketime stands between
//! the program and its clock; the time that passes is left alone, as a set clock leaves it.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::kills::{Held, Order, check};
use support::screen::Screen;
use support::untorn::Desk;

const SALE: Order = Order { arguments: &[], moves: -380, number: 1 };
const MORNING: &str = "@2026-03-01 10:00:00";
/// Before cards can be dated, an hour to and fro, a day on, years on, and after a card's last second.
const JUMPS: [&str; 6] = [
    "@1995-01-01 00:00:00",
    "@2026-03-01 09:00:00",
    "@2026-03-01 11:00:00",
    "@2026-03-02 10:00:00",
    "@2056-03-01 10:00:00",
    "@2107-01-01 00:00:00",
];

/// The library that lies about the time; `None` where it is not installed, which in CI is a failure.
fn library() -> Option<PathBuf> {
    let places = std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok).map(|place| place.path());
    let found = places.map(|place| place.join("faketime/libfaketime.so.1")).find(|library| library.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "libfaketime is not installed");
        println!("SKIPPED: libfaketime is not installed");
    }
    found
}

/// The same command with a clock that shows what stands in the file `clock`.
fn with_clock<'c>(command: &'c mut Command, library: &Path, folder: &Path) -> &'c mut Command {
    std::fs::write(folder.join("clock"), MORNING).unwrap();
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", folder.join("clock"));
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

#[test]
fn a_clock_set_between_tear_and_retouch_changes_nothing_in_the_window() {
    let Some(library) = library() else { return };
    for jump in JUMPS {
        let desk = Desk::new(&[]);
        desk.run(&["balance"]).ended(0);
        let before = Held::by(&desk);
        let mut window = desk.command(&[]);
        with_clock(&mut window, &library, desk.path()).env("TERM", "xterm-256color");
        let mut screen = Screen::start(&window, (40, 120));
        screen.wait_for("type the amount");
        screen.type_keys("380vva");
        screen.wait_for("ARMED");
        screen.type_keys("\r");
        screen.wait_for("s left");
        screen.type_keys("p");
        screen.wait_for("Touch the SAME card once more.");
        std::fs::write(desk.path().join("clock"), jump).unwrap();
        // A screen of its own, so that the window has looked at the clock since.
        screen.type_keys("?");
        screen.wait_for("While a card is awaited");
        screen.type_keys("?");
        screen.wait_for("Touch the SAME card once more.");
        screen.wait_for("s left");
        screen.type_keys("p");
        screen.wait_for("next customer");
        screen.type_keys("\rq");
        assert_eq!(screen.wait().status.code(), Some(0), "{jump}");
        let order = desk.json(0, &["journal", "show", "1"])["order"].clone();
        assert_eq!(order["state"], "paid", "{jump}: {order}");
        // 2026-03-01 10:00:00Z.
        let dated = order["started"].as_u64().unwrap();
        assert_eq!(dated / 60_000, 1_772_359_200_000 / 60_000, "{jump}: {order}");
        check(&desk, SALE, &before);
    }
}

#[test]
fn a_suite_comes_to_the_same_verdicts_whatever_the_clock_shows() {
    let Some(library) = library() else { return };
    let desk = Desk::new(&[]);
    let verdicts = |clock: Option<&str>| {
        let mut command = desk.command(&["--json", "test", "TRM-*", "SES-*", "AUT-*", "--seed", "1"]);
        if let Some(clock) = clock {
            with_clock(&mut command, &library, desk.path());
            std::fs::write(desk.path().join("clock"), clock).unwrap();
        }
        let output = command.output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), json["counts"].clone(), json["results"].as_array().map(Vec::len))
    };
    let right = verdicts(None);
    assert_eq!(right.0, Some(0), "{right:?}");
    for jump in JUMPS {
        assert_eq!(verdicts(Some(jump)), right, "{jump}");
    }
}

/// A journal that is ahead of the clock: one of the two is wrong, and a person is told, in the shell, in JSON and in the window.
#[test]
fn a_journal_from_a_time_that_has_not_come_is_told() {
    let Some(library) = library() else { return };
    let desk = Desk::new(&[]);
    let at = |clock: &str, words: &[&str]| {
        let mut command = desk.command(words);
        with_clock(&mut command, &library, desk.path());
        std::fs::write(desk.path().join("clock"), clock).unwrap();
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(at("@2026-03-01 10:00:00", &["pay", "100"]).0, Some(0));
    let (code, _, told) = at("@2026-03-01 11:00:00", &["pay", "100"]);
    assert!(code == Some(0) && !told.contains("the clock"), "{told}");
    for (clock, is_told) in
        [("@2026-03-01 10:59:59", true), ("@2024-02-29 10:00:00", true), ("@2026-03-01 11:00:01", false)]
    {
        let (code, stdout, told) = at(clock, &["--json", "balance"]);
        let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(code, Some(0));
        assert_eq!(told.contains("the journal's last line is of 2026-03-01 11:00:00Z"), is_told, "{clock}: {told}");
        assert_eq!(json["clock_doubt"].is_string(), is_told, "{clock}: {json}");
    }
    let mut window = desk.command(&[]);
    with_clock(&mut window, &library, desk.path()).env("TERM", "xterm-256color");
    let mut screen = Screen::start(&window, (40, 160));
    screen.wait_for("! the clock shows 2026-03-01 10:00:00Z, and the journal's last line is of 2026-03-01 11:00:00Z");
}
