//! What a run leaves behind is valid at any moment.

use std::fs;

use untorn::app::run_folder::{RunFolder, read};
use untorn::conformance::evidence::{Line, Seen};
use untorn::conformance::result::{CaseResult, End, Status, TestReport};

use super::samples::{failed, of, of_case, passed};

fn planned() -> TestReport {
    let not_run = |id| of_case(id, Status::NotRun);
    TestReport { interrupted: true, ..of(vec![not_run("TOY-A-001"), not_run("TOY-A-002")]) }
}

fn done(id: &str, status: Status) -> CaseResult {
    let line = |number, text: &str| Line { number, micros: 1, what: Seen::Note { text: text.to_owned() } };
    CaseResult { evidence: vec![line(1, "one"), line(2, "two\nlines")], ..of_case(id, status) }
}

#[test]
fn a_run_that_stops_anywhere_leaves_a_valid_report() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("runs/mine");
    let mut run = RunFolder::create(&folder, planned()).unwrap();
    assert_eq!(read(&folder).unwrap(), planned());

    run.record(&done("TOY-A-001", passed())).unwrap();
    let halfway = read(&folder).unwrap();
    assert_eq!(halfway.end(), End::Inconclusive);
    assert_eq!(halfway.results[0].status, passed());
    assert_eq!(halfway.results[0].evidence, done("TOY-A-001", passed()).evidence);
    assert_eq!(halfway.results[1].status, Status::NotRun);

    run.record(&done("TOY-A-002", failed())).unwrap();
    let whole = of(vec![done("TOY-A-001", passed()), done("TOY-A-002", failed())]);
    run.finish(whole.clone()).unwrap();
    let mut again = read(&folder.join("report.json")).unwrap();
    assert_eq!(again.results[1].evidence_file.as_deref(), Some("TOY-A-002.jsonl"));
    again.results.iter_mut().for_each(|result| result.evidence_file = None);
    assert_eq!(again, whole);
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn an_earlier_run_is_replaced_and_nothing_else_is() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let mut run = RunFolder::create(folder, planned()).unwrap();
    run.record(&done("TOY-A-001", passed())).unwrap();
    RunFolder::create(folder, planned()).unwrap();
    assert!(!folder.join("TOY-A-001.jsonl").exists());

    fs::write(folder.join("thesis.txt"), "years").unwrap();
    RunFolder::create(folder, planned()).unwrap_err();
    assert!(folder.join("thesis.txt").exists() && folder.join("report.json").exists());
}

#[test]
fn logs_of_other_folders_are_not_read_and_ids_share_no_file() {
    let place = tempfile::tempdir().unwrap();
    let (a, b) = ("A_B", "A/B");
    let whole = of(vec![done(a, passed()), done(b, failed())]);
    RunFolder::create(place.path(), planned()).unwrap().finish(whole.clone()).unwrap();
    let again = read(place.path()).unwrap();
    assert_eq!(again.results[1].evidence, whole.results[1].evidence);
    assert_ne!(again.results[0].evidence_file, again.results[1].evidence_file);

    fs::write(place.path().join("outside.jsonl"), "").unwrap();
    let inner = place.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for name in ["../outside.jsonl", "/etc/passwd", "..", "", "inner/x"] {
        let mut report = whole.clone();
        report.results[0].evidence.clear();
        report.results[0].evidence_file = Some(name.to_owned());
        fs::write(inner.join("report.json"), untorn::report::suite_json::write(&report)).unwrap();
        let error = read(&inner).unwrap_err().to_string();
        assert!(error.contains("outside its folder"), "{name}: {error}");
    }
}
