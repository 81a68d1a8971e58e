//! The command line's view of reports.

use std::fs;
#[cfg(target_os = "linux")]
use std::process::Stdio;

use untorn::conformance::result::{CaseResult, Status, TestReport};
use untorn::conformance::verdict::Verdict;
use untorn::report::suite::json;

use super::samples::{of, of_case, passed};
use super::support::untorn::Desk;

fn write(desk: &Desk, name: &str, report: &TestReport) {
    fs::write(desk.path().join(name), json::write(report)).unwrap();
}

/// The exit code is that of the run, in whatever form it is shown.
#[test]
fn a_report_is_shown_in_every_form_and_ends_like_its_run() {
    let desk = Desk::new(&[]);
    let pass = || of_case("TOY-A-001", passed());
    let bad = |verdict| -> Vec<CaseResult> {
        let status = Status::Ran { verdict, reason: Some("why <it> is so".to_owned()), rests_on: None };
        vec![pass(), of_case("TOY-A-002", status)]
    };
    let runs = [
        (vec![pass()], 0),
        (bad(Verdict::Fail), 1),
        (bad(Verdict::Inconclusive), 2),
        (bad(Verdict::Error), 2),
        (Vec::new(), 2),
    ];
    for (cases, exit) in runs {
        write(&desk, "run.json", &of(cases));
        for form in ["text", "html", "junit", "ctrf", "tap", "markdown", "json"] {
            let out = desk.run(&["report", "show", "run.json", "--format", form]).ended(exit).stdout;
            desk.run(&["report", "show", "run.json", "--format", form, "--out", "out"]).ended(exit);
            assert_eq!(fs::read_to_string(desk.path().join("out")).unwrap(), out, "{form}");
        }
    }
    fs::write(desk.path().join("run.json"), "{}").unwrap();
    desk.run(&["report", "show", "run.json"]).ended(3);
    desk.run(&["report", "show", "none.json"]).ended(3);
}

#[test]
fn parts_of_a_run_are_merged_only_when_all_are_there() {
    let desk = Desk::new(&[]);
    for (part, id) in [(1, "TOY-A-001"), (2, "TOY-A-002")] {
        let report = TestReport { shard: Some((part, 2)), ..of(vec![of_case(id, passed())]) };
        write(&desk, &format!("{part}.json"), &report);
    }
    let missing = desk.run(&["report", "merge", "1.json", "--out", "whole.json"]).ended(3);
    assert!(missing.stderr.contains("part 2 of 2 is missing"), "{missing:?}");
    assert!(!desk.path().join("whole.json").exists());
    desk.run(&["report", "merge", "2.json", "1.json", "--out", "whole.json"]).ended(0);
    let shown = desk.run(&["report", "show", "whole.json"]).ended(0).stdout;
    assert_eq!(shown, "2 passed, 0 failed: clean\n");
}

/// So many cases that each further one costs the rewriting of a long report: the run cannot be over before the signal comes.
#[cfg(target_os = "linux")]
fn many_cases() -> String {
    let case = |number| {
        format!(
            "[[case]]\nid = 'MANY-A-{number}'\npurpose = 'An unknown instruction is refused.'\nrisk = 'read_only'\n\
             [[case.step]]\nsend = '00FE000000'\nexpect = '6D00'\n"
        )
    };
    (1000..4000).map(case).fold("suite = 'many'\n".to_owned(), |text, case| text + &case)
}

/// Ctrl-C in mid-run: the report is whole, and says which cases did not run.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_a_run_and_its_report_says_so() {
    use rustix::fs::inotify;
    let desk = Desk::new(&[]);
    fs::write(desk.path().join("many.toml"), many_cases()).unwrap();
    let out = desk.path().join("out");
    fs::create_dir(&out).unwrap();
    let watch = inotify::init(inotify::CreateFlags::empty()).unwrap();
    inotify::add_watch(&watch, &out, inotify::WatchFlags::MOVED_TO).unwrap();
    let mut run = desk.command(&["test", "many", "--cases", "many.toml", "--out", "out"]);
    let mut child = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Returns when the report takes its place for the first time: the run has begun.
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    inotify::Reader::new(&watch, &mut buffer).next().unwrap();
    let id = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let report = json::read(&fs::read_to_string(out.join("report.json")).unwrap()).unwrap();
    assert!(report.interrupted);
    let not_run = report.results.iter().filter(|result| result.status == Status::NotRun).count();
    assert!(report.results.len() == 3000 && not_run > 0, "{not_run} of {}", report.results.len());
    let logs = report.results.iter().filter(|result| result.verdict().is_some());
    assert!(logs.filter_map(|result| result.evidence_file.as_ref()).all(|log| out.join(log).exists()));
    let shown = desk.run(&["report", "show", "out"]).ended(2).stdout;
    assert!(shown.contains(&format!("{not_run} not run")), "{shown}");
}

/// What a failure prints is one command, and it fails in the same way: with the statement, the defect and the name that they have.
#[test]
fn the_command_that_a_failure_prints_repeats_it() {
    let desk = Desk::new(&[]);
    let statement =
        "name = \"shop/till 1's card\"\nclaims = ['iso7816_4']\n[values]\n'iso7816_4.aid' = 'F04550555253450001'\n";
    fs::write(desk.path().join("my card.toml"), statement).unwrap();
    let asked = ["test", "ISO-INS-001", "--statement", "my card.toml", "--mutant", "unknown-instruction-accepted"];
    let failed = desk.run(&asked).ended(1).stdout;
    let again = failed.lines().find_map(|line| line.trim().strip_prefix("again: untorn ")).unwrap();
    let line = format!("{} {again}", env!("CARGO_BIN_EXE_untorn"));
    let mut shell = std::process::Command::new("sh");
    let repeated = super::support::untorn::ran(shell.args(["-c", &line]).current_dir(desk.path())).ended(1);
    let reason = failed.lines().skip_while(|line| !line.starts_with("failed")).nth(1).unwrap().trim();
    assert!(repeated.stdout.contains(&format!("fail: {reason}")), "{reason} is not in {repeated:?}");
}

/// Before a command they would be lost without a word.
#[test]
fn files_for_the_window_are_refused_where_there_is_none() {
    let desk = Desk::new(&[]);
    let ran = desk.run(&["--statement", "mine.toml", "test", "--list"]).ended(3);
    assert!(ran.stderr.contains("--statement before a command is for the window"), "{ran:?}");
    let ran = desk.run(&["--cases", "mine.toml"]).ended(3);
    assert!(ran.stderr.contains("--cases needs a terminal window"), "{ran:?}");
}
