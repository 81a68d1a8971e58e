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
    let ran = desk.run(&["test", "--replay", "ISO-CLA-001@2/default/7/-", "--out", "kept"]).ended(0);
    assert!(ran.stdout.contains("20A40400"), "{ran:?}");
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

/// The blocks of docs/test-files.md of this kind.
fn examples(kind: &str) -> Vec<String> {
    let text = std::fs::read_to_string("docs/test-files.md").unwrap();
    let begin = format!("```toml {kind}\n");
    text.split(&begin).skip(1).map(|block| block.split_once("\n```").unwrap().0.to_owned() + "\n").collect()
}

#[test]
fn the_examples_of_the_docs_are_taken() {
    let desk = Desk::new(&[]);
    let (statements, cases, expect) = (examples("statement"), examples("cases"), examples("expect"));
    assert_eq!((statements.len(), cases.len(), expect.len()), (2, 1, 1));
    for (name, text) in [("st.toml", &statements[0]), ("cases.toml", &cases[0]), ("expect.toml", &expect[0])] {
        std::fs::write(desk.path().join(name), text).unwrap();
    }
    let files = ["test", "mine", "--statement", "st.toml", "--cases", "cases.toml"];
    let ran = desk.run(&[&files[..], &["--expect", "expect.toml"]].concat());
    // It is no OpenPGP card: what counts is that the cases are run.
    assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
    assert!(ran.stdout.contains("MINE-READ-001"), "{ran:?}");
    assert_eq!(ran.stderr, "", "no warning");
    let listed = desk.run(&[&files[..], &["--list"]].concat()).ended(0).stdout;
    assert_eq!(listed.lines().filter(|line| !line.contains("not applicable")).count(), 3, "{listed}");
    untorn::conformance::statement::Statement::parse(&statements[1]).unwrap();
}

/// Whoever reads the tables meets every word that the files may have.
#[test]
fn the_tables_of_the_docs_are_whole() {
    let text = std::fs::read_to_string("docs/test-files.md").unwrap();
    for name in untorn::app::external_terminal::values() {
        let last = name.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("`{name}`")) || text.contains(&format!("`.{last}`")), "{name}");
    }
    // What is not known is answered with all that is.
    for (key, table) in [("[[case]]\nnone = 1\n", "case"), ("[[case]]\n[[case.step]]\nnone = 1\n", "step")] {
        let told = tested(STATEMENT, &format!("suite = 'toy'\n{key}"), &[]).ended(3).stderr;
        let (_, known) = told.split_once("expected one of ").unwrap_or_else(|| panic!("{table}: {told}"));
        let names: Vec<&str> = known.lines().next().unwrap().split('`').skip(1).step_by(2).collect();
        assert!(names.len() > 7, "{names:?}");
        // `case.step` is a table of its own.
        let missing = names.iter().find(|name| **name != "step" && !text.contains(&format!("| `{name}` |")));
        assert_eq!(missing, None, "{table}");
    }
}

#[test]
fn a_slip_in_a_number_or_a_name_says_what_was_expected() {
    let desk = Desk::new(&[]);
    for (arguments, told) in [
        (&["test", "--mutant", "debit-twize"][..], r#"has a mutant "debit-twize"; perhaps "debit-twice""#),
        (&["explore", "--jobs", "0"], "expected 1 to 512, got \"0\""),
        (&["explore", "--jobs", "100000"], "expected 1 to 512"),
        (&["explore", "--replay", "garbage"], "such as explore@1/"),
        (&["test", "ISO-[CL]*"], "is no suite and no case"),
    ] {
        let ran = desk.run(arguments).ended(3);
        assert!(ran.stderr.contains(told), "{told}: {ran:?}");
    }
}

#[test]
fn a_report_is_shown_without_the_logs_that_were_left_behind() {
    let desk = Desk::new(&[]);
    desk.run(&["test", "ISO-CLA-001", "--out", "kept"]).ended(0);
    std::fs::copy(desk.path().join("kept/report.json"), desk.path().join("alone.json")).unwrap();
    for format in ["text", "tap", "junit", "markdown"] {
        let ran = desk.run(&["report", "show", "alone.json", "--format", format]).ended(0);
        assert!(ran.stderr.contains("without the logs"), "{ran:?}");
    }
}

/// What a redirection has written before is not replaced.
#[test]
fn a_report_goes_behind_what_a_redirection_has_written() {
    let desk = Desk::new(&[]);
    desk.run(&["test", "ISO-CLA-001", "--out", "kept"]).ended(0);
    let script =
        format!("echo before; {} report show kept --format tap --out /dev/stdout", env!("CARGO_BIN_EXE_untorn"));
    let redirected = std::fs::File::create(desk.path().join("all")).unwrap();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(desk.path()).stdout(redirected);
    assert!(command.status().unwrap().success());
    let all = std::fs::read_to_string(desk.path().join("all")).unwrap();
    assert!(all.starts_with("before\n") && all.contains("TAP version 14"), "{all}");
}

/// Where the logs cannot be kept nothing is run: at a real card that would be commands of which nobody has a record.
#[test]
fn a_place_for_logs_that_cannot_be_is_told_before_anything_runs() {
    let desk = Desk::new(&[]);
    std::fs::write(desk.path().join("taken"), "mine").unwrap();
    for out in ["taken", ".", "/dev/stdout"] {
        let ran = desk.run(&["test", "ISO-CLA-001", "--out", out]).ended(3);
        assert!(ran.stdout.is_empty() && ran.stderr.contains(out), "{ran:?}");
    }
    assert_eq!(std::fs::read_to_string(desk.path().join("taken")).unwrap(), "mine");
}

#[test]
fn a_stale_expectation_is_said_in_the_last_line() {
    let desk = Desk::new(&[]);
    let entry = "[[expect]]\ncase = 'ISO-CLA-001'\nverdict = 'fail'\nreason = 'old'\nuntil = 2999-12-31\n";
    std::fs::write(desk.path().join("expect.toml"), entry).unwrap();
    let ran = desk.run(&["test", "ISO-CLA-001", "--expect", "expect.toml"]).ended(1);
    assert!(ran.stdout.ends_with("1 passed, 0 failed, 1 stale expectation: failed\n"), "{ran:?}");
    std::fs::write(desk.path().join("expect.toml"), entry.replace("2999-12-31", "7")).unwrap();
    let ran = desk.run(&["test", "ISO-CLA-001", "--expect", "expect.toml"]).ended(3);
    assert!(ran.stderr.contains("expected a day, YYYY-MM-DD"), "{ran:?}");
}

/// What was seen at a card cannot be asked for again: a disk that is full does not swallow it.
#[test]
fn a_disk_that_is_full_swallows_no_verdicts() {
    let desk = Desk::new(&[]);
    // The report of two cases is shorter than the limit of 32 blocks, the log of GRS-002 longer.
    let script = format!(
        "ulimit -f 32; exec {} test ISO-SEL-001 ISO-GRS-002 --out kept --verbose",
        env!("CARGO_BIN_EXE_untorn")
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(desk.path());
    let ran = support::untorn::ran(&mut command).ended(2);
    assert!(ran.stderr.contains("what is kept is not whole"), "{ran:?}");
    assert!(ran.stdout.contains("passed"), "{ran:?}");
    let left = std::fs::read_dir(desk.path().join("kept")).unwrap().map(|file| file.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().ends_with(".new")), "no half of a file stays");
}

/// It would take all memory before anything was said.
#[test]
fn what_has_no_end_is_no_input() {
    let desk = Desk::new(&[]);
    let endless: [&[&str]; 7] = [
        &["--profile", "/dev/zero", "balance"],
        &["--stop-list", "/dev/zero", "pay", "100"],
        &["test", "--statement", "/dev/zero"],
        &["test", "--cases", "/dev/zero"],
        &["test", "--expect", "/dev/zero"],
        &["report", "show", "/dev/zero"],
        &["explore", "--resume", "/dev/zero"],
    ];
    for arguments in endless {
        let ran = desk.run(arguments).ended(3);
        assert!(ran.stderr.contains("/dev/zero") && ran.stderr.contains("expected a file, got a device"), "{ran:?}");
    }
    let mut command = desk.command(&["balance", "--state", "/dev/zero"]);
    let ran = command.output().unwrap();
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    let ran = desk.run(&["journal", "list", "--journal", "/dev/zero"]).ended(3);
    assert!(ran.stderr.contains("/dev/zero"), "{ran:?}");
}
