//! How the window ends where it cannot begin, and where a person leaves it: the codes of the one table, with the reason on the terminal.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::fs;

use support::screen::Screen;
use support::untorn::Desk;
use untorn::journal::sqlite::SqliteJournal;

/// What is wrong, what is said on the command line, the code, and a word of the reason.
type Row = (&'static str, fn(&Desk), &'static [&'static str], i32, &'static str);

const ROWS: [Row; 9] = [
    ("no such profile", |_| {}, &["--profile", "gold"], 3, "expected one of"),
    ("a profile that is no file", |_| {}, &["--profile", "."], 3, "expected a file, got a directory"),
    ("a right that there is not", |_| {}, &["--grant", "fly"], 3, "fly"),
    ("no such reader", |_| {}, &["--reader", "there is none"], 4, "untorn: "),
    (
        "a memory of something else",
        |desk| fs::write(desk.state(), "somebody's letter").unwrap(),
        &[],
        3,
        "not a state file",
    ),
    ("a memory that breaks off", |desk| fs::write(desk.state(), "UNTO").unwrap(), &[], 1, "breaks off"),
    (
        "a journal of something else",
        |desk| fs::write(desk.journal(), "somebody's letter").unwrap(),
        &[],
        3,
        "not a journal",
    ),
    ("a journal that was emptied", |desk| fs::write(desk.journal(), "").unwrap(), &[], 1, "empty"),
    (
        "a stop list that is none",
        |desk| fs::write(desk.path().join("stop"), "zz").unwrap(),
        &["--stop-list", "stop"],
        3,
        "stop list",
    ),
];

fn window(desk: &Desk, arguments: &[&str]) -> Screen {
    let mut command = desk.command(&[]);
    command.args(arguments).env("TERM", "xterm-256color");
    Screen::start(&command, (24, 100))
}

#[test]
fn a_window_that_cannot_open_says_why_and_ends_as_a_command_does() {
    for (what, spoil, arguments, code, word) in ROWS {
        let desk = Desk::new(&[]);
        spoil(&desk);
        let left = window(&desk, arguments).wait();
        assert_eq!(left.status.code(), Some(code), "{what}: {}", left.text);
        assert!(left.text.contains(word), "{what}: {}", left.text);
        assert!(left.is_whole, "{what}: the terminal is as it was");
    }
}

#[test]
fn a_journal_that_another_process_uses_is_told() {
    let desk = Desk::new(&[]);
    let held = SqliteJournal::open(desk.journal()).unwrap();
    let left = window(&desk, &[]).wait();
    assert!(left.status.code() == Some(1) && left.text.contains("in use by another"), "{}", left.text);
    drop(held);
    let mut screen = window(&desk, &[]);
    screen.wait_for("type the amount");
    screen.type_keys("q");
    let left = screen.wait();
    assert!(left.status.code() == Some(0) && left.is_whole, "{}", left.text);
}

/// What failed can be repeated: its command stands on the terminal when the window has gone, in one piece.
#[test]
fn the_commands_that_repeat_a_failure_are_left_behind() {
    let desk = Desk::new(&[]);
    let case = "suite = \"mine\"\n[[case]]\nid = \"MINE-SEL-001\"\npurpose = \"Nobody has this name.\"\nneeds = [\"iso7816_4\"]\n\
                risk = \"read_only\"\n[[case.step]]\nsend = \"00A40400 05 A000000099 00\"\nexpect = \"9000\"\n";
    fs::write(desk.path().join("mine.toml"), case).unwrap();
    let mut screen = window(&desk, &["--cases", "mine.toml"]);
    screen.wait_for("runs them all");
    screen.type_keys("\x1b[F");
    screen.wait_for("▸ ▹ mine");
    screen.type_keys("r");
    screen.wait_for("Ended after");
    screen.type_keys("q");
    let left = screen.wait();
    assert!(left.text.contains("MINE-SEL-001: untorn test --replay MINE-SEL-001@1/"), "{}", left.text);
}
