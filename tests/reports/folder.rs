//! What a run leaves behind is valid at any moment.

use std::fs;

use untorn::app::run_folder::{RunFolder, make_fresh, prepare, read};
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
    assert!(prepare(folder).unwrap(), "there was one");
    RunFolder::create(folder, planned()).unwrap();
    assert!(!folder.join("TOY-A-001.jsonl").exists());

    fs::write(folder.join("thesis.txt"), "years").unwrap();
    RunFolder::create(folder, planned()).unwrap_err();
    assert!(folder.join("thesis.txt").exists() && folder.join("report.json").exists());
}

/// Of a real card, which no seed makes again: it stays, and the new run does not begin.
#[test]
fn an_earlier_run_of_a_real_card_is_never_replaced() {
    for (card, atr) in [(Some("0102"), None), (None, Some("3B00")), (Some("0102"), Some("3B00"))] {
        let place = tempfile::tempdir().unwrap();
        let mut real = planned();
        (real.under_test.card, real.under_test.atr) = (card.map(str::to_owned), atr.map(str::to_owned));
        let mut run = RunFolder::create(place.path(), real).unwrap();
        run.record(&done("TOY-A-001", passed())).unwrap();
        let refused = RunFolder::create(place.path(), planned()).map(drop).unwrap_err().to_string();
        assert!(refused.contains("a run at a real card"), "{refused}");
        assert!(place.path().join("TOY-A-001.jsonl").exists() && place.path().join("report.json").exists());
    }
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
        fs::write(inner.join("report.json"), untorn::report::suite::json::write(&report)).unwrap();
        let error = read(&inner).unwrap_err().to_string();
        assert!(error.contains("outside its folder"), "{name}: {error}");
    }
}

/// A process that dies in the middle of a case: what the card did until then can be read.
#[test]
fn each_line_of_a_log_is_kept_as_it_comes() {
    let place = tempfile::tempdir().unwrap();
    let mut run = RunFolder::create(place.path(), planned()).unwrap();
    let log = done("TOY-A-001", passed()).evidence;
    for line in &log {
        run.line("TOY-A-001", line).unwrap();
    }
    drop(run);
    let mut file = fs::File::options().append(true).open(place.path().join("TOY-A-001.jsonl")).unwrap();
    std::io::Write::write_all(&mut file, b"{\"number\":3,\"mic").unwrap();
    let left = read(place.path()).unwrap();
    assert_eq!((&left.results[0].evidence, &left.results[0].status), (&log, &Status::NotRun));
    assert_eq!(left.end(), End::Inconclusive);
    // A case that begins anew has a new log.
    let mut run = RunFolder::create(place.path(), planned()).unwrap();
    for line in [&log[0], &log[1], &log[0]] {
        run.line("TOY-A-001", line).unwrap();
    }
    assert_eq!(read(place.path()).unwrap().results[0].evidence, log[..1]);
}

#[test]
fn only_what_a_run_wrote_is_removed() {
    let report = untorn::report::suite::json::write(&planned());
    let holds = |files: &[(&str, &str)]| {
        let place = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(place.path().join(name), text).unwrap();
        }
        let taken = RunFolder::create(place.path(), planned()).is_ok();
        (taken, fs::read_dir(place.path()).unwrap().count())
    };
    // The report alone is left: that of the run which begins.
    assert_eq!(holds(&[("report.json", &report), ("TOY-A-001.jsonl", ""), (".report.json.17.new", "{")]), (true, 1));
    assert_eq!(holds(&[("report.json", &report), ("measurements.jsonl", "years")]), (false, 2));
    assert_eq!(holds(&[("report.json", "{\"title\":\"mine\"}"), ("TOY-A-001.jsonl", "")]), (false, 2));
    assert_eq!(holds(&[("report.json", &report), (".notes.new", "years")]), (false, 2));
    assert_eq!(holds(&[("TOY-A-001.jsonl", "years")]), (false, 1));
}

#[test]
fn two_runs_of_one_second_have_a_folder_each() {
    let place = tempfile::tempdir().unwrap();
    let parent = place.path().join("runs");
    let names = [(); 3].map(|()| make_fresh(&parent, "20260105090000").unwrap());
    assert_eq!(
        names.map(|name| name.strip_prefix(&parent).unwrap().display().to_string()),
        ["20260105090000", "20260105090000-2", "20260105090000-3"]
    );
}
