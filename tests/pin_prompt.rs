//! The PIN that a person types at a shell: in a terminal of the test's own.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, dead_code, reason = "a test stops where something is missing")]

mod support;

use std::io::{BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use support::untorn::Desk;

const PROMPT: &[u8] = b"PIN (not shown; Esc for none): ";

/// Answers each prompt with these keys, all at once; what was shown, and the exit code.
fn pay(answers: &[&str]) -> (String, Option<i32>) {
    let desk = Desk::new(&[]);
    let pay = desk.command(&["pay", "12000"]);
    let words = std::iter::once(pay.get_program()).chain(pay.get_args()).map(|word| word.to_str().unwrap());
    // Who waits for more keys is ended, and has failed.
    let mut script = Command::new("timeout");
    script.args(["20", "script", "--quiet", "--return", "--command"]).arg(words.collect::<Vec<_>>().join(" "));
    let mut child = script.arg("/dev/null").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).bytes());
    let mut shown = Vec::new();
    for answer in answers {
        let from = shown.len();
        while !shown[from..].ends_with(PROMPT) {
            shown.push(output.next().expect("it asks").unwrap());
        }
        input.write_all(answer.as_bytes()).unwrap();
    }
    // The input stays open to the end: its end would be one more key.
    shown.extend(output.map_while(Result::ok));
    let ended = child.wait().unwrap();
    drop(input);
    (String::from_utf8_lossy(&shown).into_owned(), ended.code())
}

/// As a person pastes it, or a script sends it.
#[test]
fn keys_may_come_together_and_enter_as_return_or_line_feed() {
    for answers in [&["1234\r"][..], &["1234\n"], &["9999\r", "1234\r"], &["9999\r1234\r"]] {
        let (shown, code) = pay(answers);
        assert!(code == Some(0) && shown.contains("sale of 12,000 JPY"), "{answers:?}: {shown}");
        assert!(!shown.contains("1234"), "not shown: {shown}");
    }
}

#[test]
fn escape_is_no_pin() {
    let (shown, code) = pay(&["12\u{1b}"]);
    assert!(code == Some(1) && shown.contains("no PIN was given"), "{shown}");
}

/// What cannot be a PIN costs no try: it is asked for again, and the right one then pays. However much of it there is.
#[test]
fn what_cannot_be_a_pin_never_goes_to_the_card() {
    for wrong in ["", "123", "1234567890123", "12a4", "1 234", "١٢٣٤", &"1".repeat(64), &"1".repeat(3_900)] {
        let (shown, code) = pay(&[&format!("{wrong}\r"), "1234\r"]);
        assert_eq!(code, Some(0), "{wrong:?}: {shown}");
        assert!(shown.contains("the card was not asked: a PIN is 4 to 12 digits"), "{wrong:?}: {shown}");
        assert!(!shown.contains("Wrong PIN"), "{wrong:?}: {shown}");
    }
}

#[test]
fn a_line_can_be_mended_and_other_keys_are_no_digits() {
    for keys in ["1239\u{7f}4", "99\u{15}1234", "12\u{1b}[D34", "\u{1b}OP12\u{1b}[3~34", "12é\u{8}34"] {
        let (shown, code) = pay(&[&format!("{keys}\r")]);
        assert!(code == Some(0) && !shown.contains("Wrong PIN"), "{keys:?}: {shown}");
    }
}

/// It ends the command as it does anywhere else.
#[test]
fn ctrl_c_is_a_signal() {
    for typed in ["\u{3}", "12\u{3}"] {
        let (shown, code) = pay(&[typed]);
        assert!(code == Some(130) && shown.contains("nothing was moved"), "{typed:?}: {code:?} {shown}");
    }
}
