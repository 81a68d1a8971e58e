//! A test run as Markdown, for a pull request or a CI summary.

use std::fmt::Write as _;

use super::log::{self, one_line};
use super::text::sentence;
use crate::conformance::result::{CaseResult, End, Standing, TestReport};

/// What GitHub takes as a comment, in characters; less than it, so that a script can add a line of its own.
pub const LEN_MAX: usize = 60_000;
/// Of it, what the end of one log may take.
const LOG_LEN_MAX: usize = 4_000;
/// Room for the table of all cases, without which a page says less than it may.
const CASES_LEN_MAX: usize = 30_000;
/// A text that somebody else chose takes no more of the head than this.
const FACT_LEN_MAX: usize = 1_000;
/// As many of what is wrong with the run as a whole.
const TROUBLES_MAX: usize = 5;

/// As GitHub Flavored Markdown, [`LEN_MAX`] characters at most: the summary always, of what did not pass as much as there is room for.
pub fn write(report: &TestReport) -> String {
    let mut text = head(report);
    let open: Vec<&CaseResult> = report
        .results
        .iter()
        .filter(|result| result.verdict().is_some() && result.standing() != Standing::Passed)
        .collect();
    let sections: Vec<String> = open.iter().map(|result| section(result)).collect();
    let all = all_cases(report);
    let all_len = all.chars().count();
    let shows_all = all_len <= CASES_LEN_MAX;
    let room = LEN_MAX.saturating_sub(text.chars().count() + if shows_all { all_len } else { 0 } + FACT_LEN_MAX);
    if !open.is_empty() {
        text.push_str("\n## What did not pass\n");
        let mut left = room;
        // The first that does not fit ends it: a list with holes would look whole.
        let fit = sections.iter().take_while(|section| {
            let len = section.chars().count();
            left = left.saturating_sub(len);
            left > 0
        });
        let shown = fit.map(|section| text.push_str(section)).count();
        if shown < open.len() {
            let more = open.len() - shown;
            let _ = write!(text, "\n{more} more did not pass; there is no room for them here. {WHERE_ALL_IS}\n");
        }
    }
    if shows_all {
        text.push_str(&all);
    } else {
        let _ =
            write!(text, "\nThere is no room here for a list of all {} cases. {WHERE_ALL_IS}\n", report.results.len());
    }
    text
}

/// Rows of what a card declares; ours have at most some fifteen.
const DECLARED_MAX: usize = 24;
/// Characters of one cell of them.
const DECLARED_LEN_MAX: usize = 200;

const WHERE_ALL_IS: &str =
    "All of them, with their logs, are in the report as HTML, JUnit or JSON (untorn report show).";

fn head(report: &TestReport) -> String {
    let mut text = format!("# Conformance of {}: {}\n\n", escape(&cut(&report.subject(), FACT_LEN_MAX)), report.end());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}\n", sentence(report.end()));
    let _ = write!(text, "untorn {}, {}, seed {}", short(&report.untorn), short(&report.binding), report.seed);
    for (name, value) in report.facts() {
        let _ = write!(text, ", {name} {}", short(&value));
    }
    if let Some(begun) = report.begun {
        let _ = write!(text, ", {begun}");
    }
    text.push_str("\n\n| result | cases |\n|---|---:|\n");
    for standing in Standing::ALL {
        let _ = writeln!(text, "| {standing} | {} |", report.count(standing));
    }
    for trouble in report.troubles().iter().take(TROUBLES_MAX) {
        let _ = write!(text, "\n**{}** {}\n", trouble.end, short(&trouble.text));
    }
    declared(&mut text, report);
    text
}

fn declared(text: &mut String, report: &TestReport) {
    if report.declared.is_empty() {
        return;
    }
    text.push_str("\n## Declared, observed\n\n| | declared | observed | |\n|---|---|---|---|\n");
    for row in report.declared.iter().take(DECLARED_MAX) {
        let mark = if row.differs { "differs" } else { "" };
        let cell = |text: &str| escape(&cut(text, DECLARED_LEN_MAX));
        let (what, declared, seen) = (cell(&row.what), cell(&row.declared), cell(&row.seen));
        let _ = writeln!(text, "| {what} | {declared} | {seen} | {mark} |");
    }
}

fn all_cases(report: &TestReport) -> String {
    let mut text = "\n## All cases\n\n| result | case | purpose |\n|---|---|---|\n".to_owned();
    for result in &report.results {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | {} | {} |", result.standing(), escape(&result.id), escape(&result.purpose));
    }
    text
}

fn short(text: &str) -> String {
    escape(&cut(text, FACT_LEN_MAX))
}

/// So many characters of it, and a sign where that is not all.
fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{} [...]", &text[..end]),
        None => text.to_owned(),
    }
}

/// A case that did not pass. Whole, or cut where it is longer than a case may be.
fn section(result: &CaseResult) -> String {
    let mut text = String::new();
    let _ = write!(text, "\n### {}: {}\n\n{}\n", escape(&result.id), result.standing(), short(&result.purpose));
    let reason = result.reason().unwrap_or("no reason was given");
    let _ = write!(text, "\n- {}\n", short(reason));
    if let (Standing::Expected, Some(expected)) = (result.standing(), &result.expected) {
        let _ = writeln!(text, "- expected until {}: {}", short(&expected.until), short(&expected.reason));
    }
    if !result.requirements.is_empty() {
        let _ = writeln!(text, "- requirements: {}", short(&result.requirements.join(", ")));
    }
    let _ = writeln!(text, "- again: untorn test \\-\\-replay {}", escape(&result.replay));
    if result.standing().end() != End::Clean && !result.evidence.is_empty() {
        let log = excerpt(&log::text(result));
        // A fence longer than any inside it.
        let longest = log.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let _ = write!(text, "\n{fence}text\n{log}{fence}\n");
    }
    text
}

/// The end of a log, where the verdict stands.
fn excerpt(log: &str) -> String {
    let len = log.chars().count();
    if len <= LOG_LEN_MAX {
        return log.to_owned();
    }
    let mut lines: Vec<&str> = Vec::new();
    let mut left = LOG_LEN_MAX;
    for line in log.lines().rev() {
        let Some(rest) = left.checked_sub(line.chars().count() + 1) else { break };
        left = rest;
        lines.push(line);
    }
    lines.reverse();
    format!("[the beginning of the log is left out here]\n{}\n", lines.join("\n"))
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
