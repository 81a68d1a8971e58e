//! The PIN that a person types at a shell: in a terminal of the test's own.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, dead_code, reason = "a test stops where something is missing")]

mod support;

use std::io::{BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use support::untorn::Desk;

const PROMPT: &[u8] = b"PIN (not shown; Esc for none): ";

/// Answers each prompt with these keys, all at once; what was shown, and whether it ended well.
fn pay(answers: &[&str]) -> (String, bool) {
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
    (String::from_utf8_lossy(&shown).into_owned(), ended.success())
}

/// As a person pastes it, or a script sends it.
#[test]
fn keys_may_come_together_and_enter_as_return_or_line_feed() {
    for answers in [&["1234\r"][..], &["1234\n"], &["9999\r", "1234\r"]] {
        let (shown, ended_well) = pay(answers);
        assert!(ended_well && shown.contains("sale of 12,000 JPY"), "{answers:?}: {shown}");
        assert!(!shown.contains("1234"), "not shown: {shown}");
    }
}

#[test]
fn escape_is_no_pin() {
    let (shown, ended_well) = pay(&["12\u{1b}"]);
    assert!(!ended_well && shown.contains("no PIN was given"), "{shown}");
}
