//! A small reader for each form, written from what the form's own document says and not from the writer.

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;
use untorn::conformance::result::{End, Standing, TestReport};
use untorn::report::suite::{ctrf, html, json, junit, markdown, tap, text};

use super::samples::{self, report};

/// What a program that knows only the form makes of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Passed,
    Failed,
    /// An error or something inconclusive, where the form tells it from a failure.
    Error,
    /// Skipped, pending, other, to do.
    Left,
}

fn expected(standing: Standing) -> Read {
    match standing {
        Standing::Passed => Read::Passed,
        Standing::Failed => Read::Failed,
        Standing::Error | Standing::Inconclusive => Read::Error,
        Standing::Expected | Standing::Blocked | Standing::NotApplicable | Standing::NotRun => Read::Left,
    }
}

/// Ids and what was read of the cases, then of the run. `tells_errors`: whether the form tells errors from failures.
fn compare(report: &TestReport, read: &[(String, Read)], tells_errors: bool) {
    let flat = |read| if !tells_errors && read == Read::Error { Read::Failed } else { read };
    let (cases, run) = read.split_at(report.results.len());
    for (result, (id, read)) in report.results.iter().zip(cases) {
        assert_eq!((&result.id, flat(expected(result.standing()))), (id, *read));
    }
    assert_eq!(run.len(), report.troubles().len());
    let bad = read.iter().any(|(_, read)| matches!(read, Read::Failed | Read::Error));
    assert_eq!(
        bad,
        report.end() != End::Clean,
        "the whole reads as {} and is {}",
        if bad { "bad" } else { "good" },
        report.end()
    );
    if tells_errors {
        let failed = read.iter().any(|(_, read)| *read == Read::Failed);
        assert_eq!(failed, report.end() == End::Failed);
    }
}

// JUnit XML.

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).unwrap()?;
    Some(attribute.unescape_value().unwrap().into_owned())
}

/// Cases in document order, and the sums that the outermost element claims: tests, failures, errors.
fn read_junit(text: &str) -> (Vec<(String, Read)>, [usize; 3]) {
    let mut reader = Reader::from_str(text);
    let (mut cases, mut sums) = (Vec::new(), [0; 3]);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return (cases, sums),
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                b"testsuites" => {
                    sums =
                        ["tests", "failures", "errors"].map(|name| attribute(&element, name).unwrap().parse().unwrap());
                }
                b"testcase" => cases.push((attribute(&element, "name").unwrap(), Read::Passed)),
                b"failure" => cases.last_mut().unwrap().1 = Read::Failed,
                b"error" => cases.last_mut().unwrap().1 = Read::Error,
                b"skipped" => cases.last_mut().unwrap().1 = Read::Left,
                _ => {}
            },
            // No character that XML has not, after its references are resolved too.
            Event::Text(text) => {
                let text = text.decode().unwrap();
                assert!(text.chars().all(|c| c >= ' ' || matches!(c, '\n' | '\t')), "{text:?}");
            }
            _ => {}
        }
    }
}

// TAP.

fn read_tap(text: &str) -> Vec<(String, Read)> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("TAP version 14"));
    let planned: usize = lines.next().unwrap().strip_prefix("1..").unwrap().parse().unwrap();
    let mut points = Vec::new();
    for line in lines.filter(|line| !line.starts_with([' ', '#'])) {
        let (ok, rest) = match line.strip_prefix("not ok ") {
            Some(rest) => (false, rest),
            None => (true, line.strip_prefix("ok ").unwrap()),
        };
        let (number, rest) = rest.split_once(" - ").unwrap();
        assert_eq!(number.parse::<usize>().unwrap(), points.len() + 1);
        let id = rest.split(' ').next().unwrap().to_owned();
        // A directive begins at a '#' that is not escaped.
        let plain = rest.replace("\\\\", "__").replace("\\#", "__");
        let directive = plain.split_once(" # ").map(|(_, directive)| directive.to_ascii_uppercase());
        let left = directive.is_some_and(|directive| directive.starts_with("SKIP") || directive.starts_with("TODO"));
        let read = match (ok, left) {
            (_, true) => Read::Left,
            (true, false) => Read::Passed,
            (false, false) => Read::Failed,
        };
        points.push((id, read));
    }
    assert_eq!(points.len(), planned);
    points
}

// CTRF.

fn read_ctrf(text: &str) -> Vec<(String, Read)> {
    let document: Value = serde_json::from_str(text).unwrap();
    let results = &document["results"];
    let tests = results["tests"].as_array().unwrap();
    let statuses = ["passed", "failed", "skipped", "pending", "other"];
    for status in statuses {
        let count = tests.iter().filter(|test| test["status"] == status).count();
        assert_eq!(results["summary"][status], count);
    }
    assert_eq!(results["summary"]["tests"], tests.len());
    let read = |test: &Value| match test["status"].as_str().unwrap() {
        "passed" => Read::Passed,
        "failed" => Read::Failed,
        "skipped" | "pending" | "other" => Read::Left,
        other => panic!("{other}"),
    };
    tests.iter().map(|test| (test["name"].as_str().unwrap().to_owned(), read(test))).collect()
}

// Markdown: the table of all cases.

fn read_markdown(text: &str) -> Vec<(String, String)> {
    let table = text.split("\n## All cases\n").nth(1).unwrap();
    table
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            (cells[1].to_owned(), cells[0].trim_start_matches("| ").to_owned())
        })
        .collect()
}

// HTML: elements by their tags, as a browser sees them: a '<' in text is always escaped.

fn read_html(text: &str) -> Vec<(String, String)> {
    let body = text.split("<section class=\"cases\">").nth(1).unwrap();
    let open = "<details class=\"case ";
    let cases = body.split(open).skip(1).map(|case| {
        let class = case.split('"').next().unwrap();
        let id = case.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
        (id.to_owned(), class.replace('-', " "))
    });
    cases.collect()
}

proptest! {
    #[test]
    fn json_comes_back_as_it_was(report in report()) {
        prop_assert_eq!(json::read(&json::write(&report)).unwrap(), report);
    }

    #[test]
    fn junit_says_of_each_case_what_it_came_to(report in report()) {
        let (read, sums) = read_junit(&junit::write(&report));
        let count = |wanted: Read| read.iter().filter(|(_, read)| *read == wanted).count();
        prop_assert_eq!(sums, [read.len(), count(Read::Failed), count(Read::Error)]);
        // Cases stand by suite: in the report's order within each.
        let mut sorted = report.clone();
        let mut suites: Vec<String> = Vec::new();
        for result in &report.results {
            if !suites.contains(&result.suite) {
                suites.push(result.suite.clone());
            }
        }
        sorted.results.sort_by_key(|result| suites.iter().position(|suite| *suite == result.suite));
        compare(&sorted, &read, true);
    }

    #[test]
    fn tap_says_of_each_case_what_it_came_to(report in report()) {
        compare(&report, &read_tap(&tap::write(&report)), false);
    }

    #[test]
    fn ctrf_says_of_each_case_what_it_came_to(report in report()) {
        compare(&report, &read_ctrf(&ctrf::write(&report)), false);
    }

    #[test]
    fn markdown_says_of_each_case_what_it_came_to(report in report()) {
        let text = markdown::write(&report);
        let expected: Vec<(String, String)> =
            report.results.iter().map(|result| (result.id.clone(), result.standing().to_string())).collect();
        prop_assert_eq!(read_markdown(&text), expected);
        let title = text.lines().next().unwrap();
        prop_assert!(title.ends_with(&format!(": {}", report.end())), "{}", title);
        for standing in Standing::ALL {
            let line = format!("| {standing} | {} |\n", report.count(standing));
            prop_assert!(text.contains(&line), "{}", line);
        }
    }

    #[test]
    fn html_says_of_each_case_what_it_came_to(report in report()) {
        let text = html::write(&report, &[]);
        let mut expected: Vec<(String, String)> =
            report.results.iter().map(|result| (result.id.clone(), result.standing().to_string())).collect();
        let mut read = read_html(&text);
        read.sort();
        expected.sort();
        prop_assert_eq!(read, expected);
        let end = format!("<span class=\"end {0}\">{0}</span>", report.end());
        prop_assert!(text.contains(&end), "{}", end);
        // The page's own script, and no other.
        prop_assert_eq!(text.matches("<script").count(), 1);
        prop_assert_eq!(text.matches("http").count(), 0);
    }

    #[test]
    fn text_ends_with_how_the_run_ended(report in report()) {
        let text = text::write(&report, true);
        let last = text.lines().last().unwrap();
        prop_assert!(last.ends_with(&format!(": {}", report.end())), "{}", last);
    }
}

#[test]
fn a_run_without_an_end_or_without_a_case_reads_as_passed_nowhere() {
    let mut interrupted = samples::of(vec![samples::of_case("TOY-A-001", samples::passed())]);
    interrupted.interrupted = true;
    for report in [interrupted, samples::of(Vec::new())] {
        assert_eq!(report.end(), End::Inconclusive);
        assert_eq!(read_junit(&junit::write(&report)).1[2], 1);
        assert!(tap::write(&report).contains("\nnot ok "));
        assert!(read_ctrf(&ctrf::write(&report)).iter().any(|(_, read)| *read == Read::Failed));
    }
}

#[test]
fn what_junit_cannot_hold_is_replaced_and_the_rest_comes_back() {
    let mut case = samples::of_case("TOY-A-001", samples::passed());
    case.suite = "a\u{1}<\"'&>\r\n\tb".to_owned();
    let text = junit::write(&samples::of(vec![case]));
    let name = text.split("<testcase classname=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(name, "a\u{FFFD}&lt;&quot;&apos;&amp;&gt;&#13;&#10;&#9;b");
}
