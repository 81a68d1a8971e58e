//! The command line's view of reports.

use std::fs;

use untorn::conformance::result::{CaseResult, Status, TestReport};
use untorn::conformance::verdict::Verdict;
use untorn::report::suite_json;

use super::samples::{of, of_case, passed};
use super::support::untorn::Desk;

fn write(desk: &Desk, name: &str, report: &TestReport) {
    fs::write(desk.path().join(name), suite_json::write(report)).unwrap();
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
