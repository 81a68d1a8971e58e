//! `untorn test` and its kin with the files that people write, and with mistakes in them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use support::untorn::{Desk, Ran};

const STATEMENT: &str = r#"
name = "newcomer"
claims = ["iso7816_4", "iso7816_4.read", "toy"]
[values]
"iso7816_4.aid" = "F0554E544F524E01"
"iso7816_4.read_command" = "00CA0100"
"toy.serial" = "0102030405"
"#;

const CASES: &str = r#"
suite = "toy"
[[case]]
id = "TOY-READ-001"
purpose = "SELECT finds nothing under a wrong name."
needs = ["toy"]
risk = "read_only"
[[case.step]]
send = "00A40400 05 ${toy.serial}"
expect = "6A82"
"#;

/// Runs `test` with these files, on virtual cards.
fn tested(statement: &str, cases: &str, more: &[&str]) -> Ran {
    let desk = Desk::new(&[]);
    std::fs::write(desk.path().join("st.toml"), statement).unwrap();
    std::fs::write(desk.path().join("cases.toml"), cases).unwrap();
    desk.run(&[&["test", "toy", "--statement", "st.toml", "--cases", "cases.toml"], more].concat())
}

#[test]
fn files_without_a_mistake_are_clean_and_warn_of_nothing() {
    let ran = tested(STATEMENT, CASES, &[]).ended(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("1 passed, 0 failed: clean\n", ""));
}

/// A slip of the keyboard must not read as "not applicable", and that as clean.
#[test]
fn a_name_that_nothing_knows_is_told_before_anything_runs() {
    let twin = CASES.replace("risk =", "twin = \"TOY-REED-001\"\nrisk =");
    let other_need = CASES.replace("[\"toy\"]", "[\"toy\", \"iso7816_4.strickt\"]");
    for (statement, cases, told) in [
        (
            STATEMENT.to_owned(),
            twin,
            r#"cases.toml: cases: TOY-READ-001: twin: there is no case "TOY-REED-001"; perhaps "TOY-READ-001""#,
        ),
        (
            STATEMENT.to_owned(),
            other_need,
            r#"needs: there is no claim "iso7816_4.strickt"; perhaps "iso7816_4.strict""#,
        ),
        (
            STATEMENT.replace(".read\"", ".reed\""),
            CASES.to_owned(),
            r#"st.toml: statement: no case knows the claim "iso7816_4.reed"; perhaps "iso7816_4.read""#,
        ),
        (
            STATEMENT.replace("\"toy.serial\" = ", "\"toy.sirial\" = "),
            CASES.to_owned(),
            r#"[values] "toy.serial" (a text) is missing: TOY-READ-001 needs it (toy)"#,
        ),
        (
            STATEMENT.replace("\"iso7816_4.read_command\" = ", "\"other\" = "),
            CASES.to_owned(),
            r#"[values] "iso7816_4.read_command" (a text) is missing"#,
        ),
    ] {
        let ran = tested(&statement, &cases, &[]).ended(3);
        assert!(ran.stderr.contains(told), "{told}: {ran:?}");
        assert!(ran.stdout.is_empty(), "{ran:?}");
    }
}

#[test]
fn a_value_that_nothing_asks_for_is_a_warning() {
    let ran = tested(&(STATEMENT.to_owned() + "\"iso7816_4.ade\" = \"00\"\n"), CASES, &[]).ended(0);
    assert!(ran.stderr.contains(r#"nothing asks for the value "iso7816_4.ade"; perhaps "iso7816_4.aid""#), "{ran:?}");
}

#[test]
fn a_case_that_proves_nothing_is_no_case() {
    let (head, _) = CASES.split_once("[[case.step]]").unwrap();
    for steps in [
        "[[case.step]]\nreset = 'warm'\n",
        "[[case.step]]\nsend = '00A4040000'\nexpect = '9000'\npreamble = true\n",
        "[[case.step]]\nsend = '00A4040000'\nexpect = '????'\n",
        "[[case.step]]\nsend = '00A4040000'\nexpect = ['9000', '????']\ndata = '*'\n",
    ] {
        let ran = tested(STATEMENT, &(head.to_owned() + steps), &[]).ended(3);
        assert!(ran.stderr.contains("cases.toml: cases: TOY-READ-001: it proves nothing"), "{steps}: {ran:?}");
    }
    let some = "[[case.step]]\nsend = '00A4040000'\nexpect = '????'\ndata = ''\n";
    assert_ne!(tested(STATEMENT, &(head.to_owned() + some), &[]).code, Some(3), "that there is no data is something");
}

/// Of what a run has done, its folder tells; of a repeated case too.
#[test]
fn a_replay_keeps_its_log_where_it_is_told_to() {
    let desk = Desk::new(&[]);
    let ran = desk.run(&["test", "--replay", "ISO-CLA-001@1/default/7/-", "--out", "kept"]).ended(0);
    assert!(ran.stdout.contains("00A4"), "{ran:?}");
    assert!(desk.path().join("kept/ISO-CLA-001.jsonl").exists());
    assert_eq!(desk.run(&["report", "show", "kept"]).ended(0).stdout, "1 passed, 0 failed: clean\n");
}

#[test]
fn an_option_that_a_command_has_no_use_for_is_refused() {
    let desk = Desk::new(&[]);
    for arguments in [
        &["test", "ISO-CLA-001", "--trace", "t"][..],
        &["test", "ISO-CLA-001", "--pin-file", "-"],
        &["mutants", "--list", "--reader", "ACS"],
        &["--stop-list", "x", "report", "traceability"],
        &["test", "--list", "--out", "x"],
    ] {
        let ran = desk.run(arguments).ended(3);
        assert!(ran.stderr.contains("has no use for") || ran.stderr.contains("cannot be used with"), "{ran:?}");
    }
}
