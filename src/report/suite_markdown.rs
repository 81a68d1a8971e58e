//! A test run as Markdown, for a pull request or a CI summary.

use std::fmt::Write as _;

use super::suite_log::{self, one_line};
use super::suite_text::sentence;
use crate::conformance::result::{CaseResult, End, Standing, TestReport};

/// As GitHub Flavored Markdown.
pub fn write(report: &TestReport) -> String {
    let mut text = format!("# Conformance of {}: {}\n\n", escape(&report.statement), report.end());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}\n", sentence(report.end()));
    let _ = write!(text, "untorn {}, {}, seed {}", escape(&report.untorn), escape(&report.binding), report.seed);
    if let Some((part, parts)) = report.shard {
        let _ = write!(text, ", part {part} of {parts}");
    }
    if let Some(begun) = report.begun {
        let _ = write!(text, ", {begun}");
    }
    text.push_str("\n\n| result | cases |\n|---|---:|\n");
    for standing in Standing::ALL {
        let _ = writeln!(text, "| {standing} | {} |", report.count(standing));
    }
    for trouble in report.troubles() {
        let _ = write!(text, "\n**{}** {}\n", trouble.end, escape(&trouble.text));
    }
    let open: Vec<&CaseResult> = report
        .results
        .iter()
        .filter(|result| result.verdict().is_some() && result.standing() != Standing::Passed)
        .collect();
    if !open.is_empty() {
        text.push_str("\n## What did not pass\n");
        for result in open {
            section(&mut text, result);
        }
    }
    text.push_str("\n## All cases\n\n| result | case | purpose |\n|---|---|---|\n");
    for result in &report.results {
        let _ = writeln!(text, "| {} | {} | {} |", result.standing(), escape(&result.id), escape(&result.purpose));
    }
    text
}

fn section(text: &mut String, result: &CaseResult) {
    let _ = write!(text, "\n### {}: {}\n\n{}\n", escape(&result.id), result.standing(), escape(&result.purpose));
    let reason = result.reason().unwrap_or("no reason was given");
    let _ = write!(text, "\n- {}\n", escape(reason));
    if let (Standing::Expected, Some(expected)) = (result.standing(), &result.expected) {
        let _ = writeln!(text, "- expected until {}: {}", escape(&expected.until), escape(&expected.reason));
    }
    if !result.requirements.is_empty() {
        let _ = writeln!(text, "- requirements: {}", escape(&result.requirements.join(", ")));
    }
    let _ = writeln!(text, "- again: untorn test \\-\\-replay {}", escape(&result.replay));
    if result.standing().end() != End::Clean && !result.evidence.is_empty() {
        let log = suite_log::text(result);
        // A fence longer than any inside it.
        let longest = log.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let _ = write!(text, "\n{fence}text\n{log}{fence}\n");
    }
}

/// As plain text on one line: what Markdown or HTML would read otherwise is escaped (CommonMark 0.31.2, 2.4).
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '(' | ')' | '#' | '!' | '|' | '~' | '&' | '@'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
