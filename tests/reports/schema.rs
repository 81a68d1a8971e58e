//! Reports against their schemas.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use untorn::report::suite::{json, junit};

use super::samples::report;

fn schema() -> jsonschema::Validator {
    let schema = fs::read_to_string("reports/test-report.schema.json").unwrap();
    jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap()
}

#[test]
fn every_report_fits_the_schema_and_nothing_less_does() {
    let schema = schema();
    let mut runner = TestRunner::deterministic();
    for _ in 0..256 {
        let report = report().new_tree(&mut runner).unwrap().current();
        let value: Value = serde_json::from_str(&json::write(&report)).unwrap();
        if let Some(error) = schema.iter_errors(&value).next() {
            panic!("{error} at {}", error.instance_path());
        }
        for name in ["schema", "untorn", "statement", "binding", "seed", "micros", "interrupted", "results"] {
            let mut less = value.clone();
            less.as_object_mut().unwrap().remove(name);
            assert!(!schema.is_valid(&less), "without {name}");
        }
    }
}

#[test]
fn a_case_that_contradicts_itself_does_not_fit() {
    let schema = schema();
    let good = |status: Value| {
        let mut case = json!({
            "id": "TOY-A-001", "revision": 1, "suite": "toy", "purpose": "p", "requirements": [], "risk": "read_only",
            "replay": "r", "micros": 0,
        });
        case.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        json!({
            "schema": 1, "untorn": "0.1.0", "statement": "s", "binding": "b", "seed": 1, "micros": 0, "interrupted": false,
            "results": [case],
        })
    };
    assert!(schema.is_valid(&good(json!({ "status": "ran", "verdict": "fail", "reason": "r" }))));
    assert!(schema.is_valid(&good(json!({ "status": "not_applicable", "reason": "r" }))));
    for wrong in [
        json!({}),
        json!({ "status": "ran" }),
        json!({ "status": "ran", "verdict": "perhaps" }),
        json!({ "status": "not_applicable" }),
        json!({ "status": "not_applicable", "reason": "r", "verdict": "pass" }),
        json!({ "status": "not_run", "verdict": "pass" }),
        json!({ "status": "ran", "verdict": "pass", "else": 1 }),
    ] {
        assert!(!schema.is_valid(&good(wrong.clone())), "{wrong}");
    }
}

/// By libxml2, which nobody here wrote. Where xmllint is not installed this is left out, but not in CI.
#[test]
fn junit_fits_its_schema() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..32 {
        let text = junit::write(&report().new_tree(&mut runner).unwrap().current());
        let Some(found) = xmllint(&text) else {
            assert!(std::env::var_os("CI").is_none(), "xmllint is missing");
            return;
        };
        assert_eq!(found, "", "{text}");
    }
    let wrong =
        "<testsuites><testsuite name='a' tests='1' failures='0' errors='0'><testcase/></testsuite></testsuites>";
    assert_ne!(xmllint(wrong).unwrap(), "");
}

/// What it has to say; `None` where there is no such program.
fn xmllint(text: &str) -> Option<String> {
    let mut child = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", "reports/junit.xsd", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { String::new() } else { said })
}
