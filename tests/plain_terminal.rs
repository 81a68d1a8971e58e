//! Terminals that can do less: without a cursor, without UTF-8, too small.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use rustix::process::Signal;
use support::screen::Screen;
use support::untorn::{Desk, ran};

/// Lines and columns.
const USUAL: (u16, u16) = (24, 80);

#[test]
fn a_terminal_without_a_cursor_gets_the_demonstration_as_text() {
    for name in [None, Some(""), Some("dumb"), Some("unknown")] {
        let desk = Desk::new(&[]);
        let mut command = desk.command(&["--seed", "7"]);
        if let Some(name) = name {
            command.env("TERM", name);
        }
        let mut screen = Screen::start(&command, USUAL);
        screen.wait_for("3. The journal.");
        assert!(!screen.raw().contains(&0x1B), "no escape sequence for TERM {name:?}");
        assert!(screen.wait().status.success());
    }
}

#[test]
fn a_locale_without_utf_8_gets_ascii() {
    for locale in [["LC_ALL", "C"], ["LC_CTYPE", "POSIX"], ["LANG", "ja_JP.EUC-JP"], ["LANG", ""]] {
        let desk = Desk::new(&[]);
        let torn = ["pay", "380", "--tear", "3", "--no-retouch"];
        for arguments in [&torn[..], &["journal", "list"], &["--json", "journal", "list"], &["demo"], &["--help"]] {
            let ran = ran(desk.command(arguments).env_remove("LANG").env(locale[0], locale[1]));
            assert!(ran.stdout.is_ascii() && ran.stderr.is_ascii(), "{locale:?} {arguments:?}: {ran:?}");
        }
        let mut command = desk.command(&["--wait", "600"]);
        command.env_remove("LANG").env(locale[0], locale[1]).env("TERM", "xterm");
        let mut screen = Screen::start(&command, (50, 200));
        screen.wait_for("type the amount");
        screen.type_keys("\x1b[Z");
        screen.wait_for("failures");
        assert!(screen.raw().is_ascii(), "{locale:?}: {}", screen.text());
        screen.signal(Signal::TERM);
    }
}

#[test]
fn a_window_that_is_too_small_says_both_sizes() {
    let desk = Desk::new(&[]);
    let mut command = desk.command(&[]);
    command.env("TERM", "xterm");
    let mut screen = Screen::start(&command, (7, 40));
    screen.wait_for("Needs 30x11, has 40x7");
    assert!(screen.signal(Signal::TERM).is_whole);
}
