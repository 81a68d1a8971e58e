//! A test run as JUnit XML, as Jenkins and its many followers read it: reports/junit.xsd.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::escape::{escape, partial_escape};
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::name::QName;

use super::log;
use crate::conformance::result::{CaseResult, End, Standing, TestReport, Trouble};

/// The suite of what is wrong with the run as a whole.
const RUN: &str = "run";

/// As a document in UTF-8.
pub fn write(report: &TestReport) -> String {
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory cannot fail.
    let _ = document(&mut out, report);
    let mut text = String::from_utf8(out.into_inner()).unwrap_or_default();
    text.push('\n');
    text
}

type Out = Writer<Vec<u8>>;

fn document(out: &mut Out, report: &TestReport) -> io::Result<()> {
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let troubles = report.troubles();
    let mut suites: Vec<&str> = Vec::new();
    for result in &report.results {
        if !suites.contains(&result.suite.as_str()) {
            suites.push(&result.suite);
        }
    }
    let all: Vec<&CaseResult> = report.results.iter().collect();
    let mut counts = Counts::of(&all);
    counts.add(&troubles);
    let name = format!("untorn {}", report.subject());
    let attributes = [("name", name), ("time", seconds(report.micros))].into_iter().chain(counts.attributes());
    start(out, "testsuites", attributes)?;
    for suite in suites {
        let cases: Vec<&CaseResult> = report.results.iter().filter(|result| result.suite == suite).collect();
        let micros = cases.iter().fold(0_u64, |sum, case| sum.saturating_add(case.micros));
        let counts = Counts::of(&cases);
        start_suite(out, report, suite, micros, &counts)?;
        for result in cases {
            case(out, result)?;
        }
        end(out, "testsuite")?;
    }
    if !troubles.is_empty() {
        let mut counts = Counts::default();
        counts.add(&troubles);
        start_suite(out, report, RUN, 0, &counts)?;
        for (index, trouble) in troubles.iter().enumerate() {
            run_case(out, index, trouble)?;
        }
        end(out, "testsuite")?;
    }
    end(out, "testsuites")
}

#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of(cases: &[&CaseResult]) -> Self {
        let mut counts = Self { tests: cases.len(), ..Self::default() };
        for case in cases {
            match case.standing() {
                Standing::Passed => {}
                Standing::Failed => counts.failures += 1,
                Standing::Error | Standing::Inconclusive => counts.errors += 1,
                _ => counts.skipped += 1,
            }
        }
        counts
    }

    fn add(&mut self, troubles: &[Trouble]) {
        self.tests += troubles.len();
        let failures = troubles.iter().filter(|trouble| trouble.end == End::Failed).count();
        self.failures += failures;
        self.errors += troubles.len() - failures;
    }

    /// Those that the outermost element may have too.
    fn attributes(&self) -> impl Iterator<Item = (&'static str, String)> {
        [("tests", self.tests), ("failures", self.failures), ("errors", self.errors)]
            .map(|(name, count)| (name, count.to_string()))
            .into_iter()
    }
}

fn start_suite(out: &mut Out, report: &TestReport, name: &str, micros: u64, counts: &Counts) -> io::Result<()> {
    let named = [("name", name.to_owned()), ("time", seconds(micros)), ("skipped", counts.skipped.to_string())];
    // A moment beyond the calendar has no such form.
    let begun = report.begun.map(|moment| moment.to_string()).filter(|moment| moment.ends_with('Z'));
    let timestamp = begun.map(|moment| ("timestamp", moment.replacen(' ', "T", 1)));
    start(out, "testsuite", named.into_iter().chain(counts.attributes()).chain(timestamp))?;
    start(out, "properties", [])?;
    let properties = [
        ("binding", report.binding.clone()),
        ("seed", report.seed.to_string()),
        ("statement", report.statement.clone()),
        ("untorn", report.untorn.clone()),
    ];
    for (name, value) in properties.into_iter().chain(report.facts()) {
        empty(out, "property", [("name", name.to_owned()), ("value", value)])?;
    }
    end(out, "properties")
}

fn case(out: &mut Out, result: &CaseResult) -> io::Result<()> {
    let named = [("classname", result.suite.clone()), ("name", result.id.clone()), ("time", seconds(result.micros))];
    start(out, "testcase", named)?;
    let reason = result.reason().unwrap_or_default();
    let standing = result.standing();
    let typed = |kind: &str, message: &str| [("type", kind.to_owned()), ("message", message.to_owned())];
    match standing {
        Standing::Passed => {}
        Standing::Failed => {
            start(out, "failure", typed("fail", reason))?;
            text(out, &log::text(result))?;
            end(out, "failure")?;
        }
        Standing::Error | Standing::Inconclusive => {
            start(out, "error", typed(standing.name(), reason))?;
            text(out, &log::text(result))?;
            end(out, "error")?;
        }
        Standing::Expected => {
            let verdict = result.verdict().map(|verdict| verdict.to_string()).unwrap_or_default();
            let why = result.expected.as_ref().map(|expected| format!("until {}: {}", expected.until, expected.reason));
            let message = format!("expected {verdict} {}; {reason}", why.unwrap_or_default());
            empty(out, "skipped", typed("expected", &message))?;
        }
        Standing::NotApplicable | Standing::Blocked | Standing::NotRun => {
            empty(out, "skipped", typed(standing.name(), &format!("{standing}: {reason}")))?;
        }
    }
    start(out, "system-out", [])?;
    text(out, &about(result))?;
    end(out, "system-out")?;
    end(out, "testcase")
}

/// What the form has no place for.
fn about(result: &CaseResult) -> String {
    format!(
        "{}\nrevision: {}\nrequirements: {}\nrisk: {}\nreplay: {}\n",
        log::one_line(&result.purpose),
        result.revision,
        log::one_line(&result.requirements.join(" ")),
        result.risk,
        log::one_line(&result.replay)
    )
}

fn run_case(out: &mut Out, index: usize, trouble: &Trouble) -> io::Result<()> {
    let name = format!("{RUN}-{}", index + 1);
    start(out, "testcase", [("classname", RUN.to_owned()), ("name", name), ("time", seconds(0))])?;
    let element = if trouble.end == End::Failed { "failure" } else { "error" };
    empty(out, element, [("type", RUN.to_owned()), ("message", trouble.text.clone())])?;
    end(out, "testcase")
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

// Elements. Attributes are escaped here: what the parser would turn into spaces (XML 1.0, 3.3.3) is written as a reference.

type Named = (&'static str, String);

fn element(name: &'static str, attributes: impl IntoIterator<Item = Named>) -> BytesStart<'static> {
    let mut element = BytesStart::new(name);
    for (key, value) in attributes {
        let value = line_ends(&escape(printable(&value)).replace('\t', "&#9;").replace('\n', "&#10;"));
        element.push_attribute(Attribute { key: QName(key.as_bytes()), value: Cow::Owned(value.into_bytes()) });
    }
    element
}

fn start(out: &mut Out, name: &'static str, attributes: impl IntoIterator<Item = Named>) -> io::Result<()> {
    out.write_event(Event::Start(element(name, attributes)))
}

fn empty(out: &mut Out, name: &'static str, attributes: impl IntoIterator<Item = Named>) -> io::Result<()> {
    out.write_event(Event::Empty(element(name, attributes)))
}

fn end(out: &mut Out, name: &'static str) -> io::Result<()> {
    out.write_event(Event::End(BytesEnd::new(name)))
}

fn text(out: &mut Out, text: &str) -> io::Result<()> {
    let escaped = line_ends(&partial_escape(printable(text)));
    out.write_event(Event::Text(BytesText::from_escaped(escaped)))
}

/// What ends a line elsewhere than in XML is a reference, so that nobody who reads by lines takes the rest for one of its own.
fn line_ends(text: &str) -> String {
    let ends = ['\r', '\u{85}', '\u{2028}', '\u{2029}'];
    ends.into_iter().fold(text.to_owned(), |text, end| text.replace(end, &format!("&#{};", u32::from(end))))
}

/// XML 1.0, 2.2: most control characters cannot stand in a document, not as references either.
fn printable(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'));
    text.chars().map(|c| if allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}
