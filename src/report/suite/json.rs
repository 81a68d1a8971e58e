//! A test run as JSON: the model itself. reports/test-report.schema.json describes it.

use crate::conformance::result::{SCHEMA, TestReport};
use crate::malformed;

/// Indented, with a line feed at its end.
pub fn write(report: &TestReport) -> String {
    // Strings, numbers and lists only: nothing in it can fail to be written.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// From JSON.
///
/// # Errors
/// No test report, or one of another version, in words.
pub fn read(text: &str) -> Result<TestReport, String> {
    let report: TestReport =
        serde_json::from_str(text).map_err(|error| format!("not a test report: {}", malformed::json(&error)))?;
    if report.schema != SCHEMA {
        return Err(format!("a test report of version {}, expected version {SCHEMA}", report.schema));
    }
    Ok(report)
}
