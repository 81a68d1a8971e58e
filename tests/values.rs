//! What is said of options that are wrong or missing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use support::untorn::Desk;

/// A refusal for want of a right names the right, and the hint lists all that there are, this one among them.
#[test]
fn a_missing_right_is_named_with_how_to_give_it() {
    for (right, given, order) in [
        ("debit", "credit,refund,read", "pay"),
        ("credit", "debit,read,refund", "topup"),
        ("refund", "debit,credit,read", "refund"),
    ] {
        let desk = Desk::new(&[]);
        desk.run(&["pay", "100"]).ended(0);
        let refused = desk.run(&["--grant", given, order, "10"]).ended(1).stdout;
        assert!(refused.contains(&format!("not given the {right} right")), "{refused}");
        assert!(refused.contains("Add it to --grant, which takes debit, credit, refund and read"), "{refused}");
    }
}

/// The words in which the standard library and clap's own parsers refuse a value: they say nothing of what is expected.
const NOT_OURS: [&str; 6] =
    ["invalid digit", "target type", "socket address", "cannot parse", "empty string", "failed to lookup"];

/// Whatever is wrong with a number or an address, the refusal says what is expected and what came.
#[test]
fn a_value_that_an_option_does_not_take_is_told_with_what_it_takes() {
    let desk = Desk::new(&[]);
    let wrong =
        ["abc", "", "1.5", "0x10", "99999999999999999999999", "\u{ff11}", "1 2", "5/4", "0/4", "4/0", "a/b", "1/2/3"];
    let options: [&[&str]; 9] = [
        &["pay", "1", "--seed"],
        &["pay", "1", "--wait"],
        &["resolve", "--acknowledge"],
        &["journal", "show"],
        &["journal", "list", "--latest"],
        &["card", "serve", "--listen"],
        &["card", "serve", "--vpcd"],
        &["test", "--shard"],
        &["explore", "--depth"],
    ];
    for option in options {
        for value in wrong {
            let told = desk.run(&[option, &[value]].concat()).ended(3).stderr;
            assert!(told.contains("expected ") && told.contains("got "), "{option:?} {value:?}: {told}");
            assert!(NOT_OURS.iter().all(|words| !told.contains(words)), "{option:?} {value:?}: {told}");
        }
    }
}

/// Whichever file it is, and however it is broken: it is named, and the parser's own words are not said.
#[test]
fn a_file_that_cannot_be_read_as_what_it_must_be_is_named_with_what_is_wrong_in_ours() {
    let desk = Desk::new(&[]);
    let place = tempfile::tempdir().unwrap();
    let json = ["", "{", "[1,", "{\"a\":", "nonsense", "[]", "7", "\"1234\"", "{\"plan\":1234}", "{} {}"];
    let toml = ["[values", "name = ", "name = 1", "name = \"x", "= 1", "[[[", "name = 1\nname = 2", "7"];
    let readers: [(&[&str], &[&str], &[&str]); 6] = [
        (&["report", "show"], &json, &[]),
        (&["explore", "--order", "sale", "--resume"], &json, &[]),
        (&["card", "info", "--profile"], &toml, &[]),
        (&["test", "ISO-SEL-009", "--statement"], &toml, &[]),
        (&["test", "ISO-SEL-009", "--cases"], &toml, &[]),
        (&["test", "ISO-SEL-009", "--expect"], &toml, &[]),
    ];
    for (before, texts, after) in readers {
        for (index, text) in texts.iter().enumerate() {
            let file = place.path().join(format!("broken-{index}.toml"));
            std::fs::write(&file, text).unwrap();
            let file = file.display().to_string();
            let told = desk.run(&[before, &[&file], after].concat()).ended(3).stderr;
            assert!(told.contains(&file), "{before:?} {text:?}: {told}");
            for words in ["EOF", "invalid type", "invalid value", "1234", "1e3", " at line "] {
                assert!(!told.contains(words), "{before:?} {text:?}: {told}");
            }
        }
    }
}
