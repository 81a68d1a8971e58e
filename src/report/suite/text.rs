//! A test run for a person at a shell: what did not pass, and how many of each.

use std::fmt::Write as _;

use super::log::one_line;
use crate::conformance::result::{CaseResult, End, Standing, TestReport};

/// What a person has to know; with `all`, what passed, is blocked or does not apply too.
pub fn write(report: &TestReport, all: bool) -> String {
    let mut text = String::new();
    if report.under_test.mutant.is_some() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<14} {}", "tested", one_line(&report.subject()));
    }
    let quiet = [Standing::Passed, Standing::Blocked, Standing::NotApplicable, Standing::NotRun];
    for result in report.results.iter().filter(|result| all || !quiet.contains(&result.standing())) {
        case(&mut text, result);
    }
    declared(&mut text, report, all);
    for trouble in report.troubles() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<14} {}", trouble.end, one_line(&trouble.text));
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

/// `210 passed, 1 failed, 3 not applicable: failed`.
pub fn summary(report: &TestReport) -> String {
    let counts: Vec<String> = Standing::ALL
        .into_iter()
        .map(|standing| (report.count(standing), standing))
        .filter(|(count, standing)| *count > 0 || matches!(standing, Standing::Passed | Standing::Failed))
        .map(|(count, standing)| format!("{count} {standing}"))
        .collect();
    let stale = match report.stale_expectations.len() {
        0 => String::new(),
        1 => ", 1 stale expectation".to_owned(),
        count => format!(", {count} stale expectations"),
    };
    format!("{}{stale}: {}", counts.join(", "), report.end())
}

/// The run as a whole in a sentence.
pub const fn sentence(end: End) -> &'static str {
    match end {
        End::Clean => "Every case that ran passed, or did what was expected of it.",
        End::Failed => "What the specification asks for was seen not to hold, or an expectation is stale.",
        End::Inconclusive => "Nothing was seen to be wrong, but not everything was seen.",
    }
}

/// What the card declares: all of it, or what does not agree with what was claimed or seen.
fn declared(text: &mut String, report: &TestReport, all: bool) {
    for row in report.declared.iter().filter(|row| all || row.differs) {
        let mark = if row.differs { "differs" } else { "declared" };
        let (what, declared, seen) = (one_line(&row.what), one_line(&row.declared), one_line(&row.seen));
        let _ = writeln!(text, "{mark:<14} {what:<22} declared: {declared}; observed: {seen}");
    }
}

fn case(text: &mut String, result: &CaseResult) {
    let _ = writeln!(text, "{:<14} {:<22} {}", result.standing(), one_line(&result.id), one_line(&result.purpose));
    if let Some(reason) = result.reason() {
        let _ = writeln!(text, "{:<14} {}", "", one_line(reason));
    }
    if let (Standing::Expected, Some(expected)) = (result.standing(), &result.expected) {
        let _ = writeln!(text, "{:<14} until {}: {}", "", one_line(&expected.until), one_line(&expected.reason));
    } else if result.standing().end() != End::Clean {
        let _ = writeln!(text, "{:<14} again: untorn test --replay {}", "", one_line(&result.replay));
    }
}
