//! A test run in the Common Test Report Format (CTRF, <https://ctrf.io>, specification 0.1.0).

use serde_json::{Value, json};

use super::log;
use crate::conformance::result::{CaseResult, Standing, TestReport, Trouble};

/// As JSON.
pub fn write(report: &TestReport) -> String {
    let troubles = report.troubles();
    let cases = report.results.iter().map(case);
    let tests: Vec<Value> = cases.chain(troubles.iter().enumerate().map(run_case)).collect();
    let count = |status: &str| tests.iter().filter(|test| test["status"] == status).count();
    let start = report.begun.map_or(0, crate::time::Moment::millis);
    let document = json!({
        "reportFormat": "CTRF",
        "specVersion": "0.1.0",
        "generatedBy": format!("untorn {}", report.untorn),
        "results": {
            "tool": { "name": "untorn", "version": report.untorn },
            "summary": {
                "tests": tests.len(),
                "passed": count("passed"),
                "failed": count("failed"),
                "skipped": count("skipped"),
                "pending": count("pending"),
                "other": count("other"),
                "start": start,
                "stop": start.saturating_add(report.micros / 1000),
            },
            "extra": {
                "statement": report.statement, "binding": report.binding, "seed": report.seed.to_string(), "shard": report.shard,
                "under_test": report.under_test,
            },
            "tests": tests,
        },
    });
    format!("{document:#}\n")
}

const fn status(standing: Standing) -> &'static str {
    match standing {
        Standing::Passed => "passed",
        // A reader looks at "failed" to know whether all is well, and nowhere else.
        Standing::Failed | Standing::Error | Standing::Inconclusive => "failed",
        Standing::Expected => "other",
        Standing::Blocked | Standing::NotApplicable => "skipped",
        Standing::NotRun => "pending",
    }
}

fn case(result: &CaseResult) -> Value {
    let standing = result.standing();
    let mut test = json!({
        "name": result.id,
        "status": status(standing),
        "rawStatus": standing.name(),
        "duration": result.micros / 1000,
        "suite": [result.suite],
        "tags": result.requirements,
        "extra": {
            "purpose": result.purpose, "revision": result.revision, "risk": result.risk, "replay": result.replay, "expected": result.expected,
        },
    });
    if let Some(reason) = result.reason() {
        test["message"] = reason.into();
    }
    if !matches!(standing, Standing::Passed) && !result.evidence.is_empty() {
        test["trace"] = log::text(result).into();
    }
    test
}

fn run_case((index, trouble): (usize, &Trouble)) -> Value {
    json!({
        "name": format!("run-{}", index + 1),
        "status": "failed",
        "rawStatus": trouble.end.to_string(),
        "duration": 0,
        "suite": ["run"],
        "message": trouble.text,
    })
}
