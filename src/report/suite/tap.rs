//! A test run in the Test Anything Protocol, version 14 (<https://testanything.org/tap-version-14-specification.html>).

use std::fmt::Write as _;

use super::log::{self, one_line};
use crate::conformance::result::{CaseResult, Standing, TestReport};

/// As text.
pub fn write(report: &TestReport) -> String {
    let troubles = report.troubles();
    let mut text = format!("TAP version 14\n1..{}\n", report.results.len() + troubles.len());
    // Writing to a string cannot fail.
    let _ = write!(text, "# {}, {}, seed {}", one_line(&report.subject()), one_line(&report.binding), report.seed);
    for (name, value) in report.facts() {
        let _ = write!(text, ", {name} {}", one_line(&value));
    }
    text.push('\n');
    for (index, result) in report.results.iter().enumerate() {
        case(&mut text, index + 1, result);
    }
    for (index, trouble) in troubles.iter().enumerate() {
        let number = report.results.len() + index + 1;
        let _ = writeln!(text, "not ok {number} - run-{} {}", index + 1, escape(&trouble.text));
        block(&mut text, &[("verdict", &trouble.end.to_string())]);
    }
    text
}

fn case(text: &mut String, number: usize, result: &CaseResult) {
    let standing = result.standing();
    let reason = result.reason().unwrap_or_default();
    let ok = match standing {
        Standing::Failed | Standing::Error | Standing::Inconclusive | Standing::Expected => "not ok",
        Standing::Passed | Standing::Blocked | Standing::NotApplicable | Standing::NotRun => "ok",
    };
    let directive = match standing {
        Standing::Passed | Standing::Failed | Standing::Error | Standing::Inconclusive => String::new(),
        Standing::Expected => {
            let expected = result.expected.as_ref();
            let why = expected.map(|expected| format!("until {}: {}", expected.until, expected.reason));
            format!(" # TODO {}", escape(&why.unwrap_or_default()))
        }
        Standing::Blocked | Standing::NotApplicable | Standing::NotRun => {
            format!(" # SKIP {standing}: {}", escape(reason))
        }
    };
    let _ = writeln!(text, "{ok} {number} - {} {}{directive}", escape(&result.id), escape(&result.purpose));
    if ok == "not ok" {
        let verdict = result.verdict().map(|verdict| verdict.to_string()).unwrap_or_default();
        let log = log::text(result);
        block(text, &[("verdict", &verdict), ("message", reason), ("replay", &result.replay), ("log", &log)]);
    }
}

/// Diagnostics in YAML; a string in JSON is one in YAML too (YAML 1.2, 1.3).
fn block(text: &mut String, pairs: &[(&str, &str)]) {
    text.push_str("  ---\n");
    for (name, value) in pairs {
        let value = serde_json::Value::from(*value).to_string();
        // These end a line of YAML 1.1, within quotes too (YAML 1.2, 5.4).
        let value = value.replace('\u{85}', "\\u0085").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        let _ = writeln!(text, "  {name}: {value}");
    }
    text.push_str("  ...\n");
}

/// On one line, and without beginning a directive.
fn escape(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}
