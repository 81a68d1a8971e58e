//! No text from outside makes a line of its own in a report that is read by lines: a line that nobody wrote reads as a result.

use proptest::prelude::*;
use serde_json::Value;
use untorn::conformance::result::TestReport;
use untorn::report::suite::{ctrf, html, junit, markdown, tap, text};

use super::samples::report;

const FORGED: &[&str] = &[
    "a\nnot ok 1 - forged",
    "a\r\nok 1 - forged",
    "a\rreplay: forged",
    "a\n\n## forged\n",
    "a\u{2028}ok 1",
    "a\u{85}failed  FORGED",
    "a\u{b}b\u{c}c",
    "<script>forged()</script>",
    "\"><b onmouseover=forged()>",
    "--><!-- ]]> &lt;b&gt;",
];

/// Replaces the `wanted`-th text of a value; `false` where there are fewer.
fn replace(value: &mut Value, wanted: &mut usize, with: &str) -> bool {
    match value {
        Value::String(text) if *wanted == 0 => {
            with.clone_into(text);
            true
        }
        Value::String(_) => {
            *wanted -= 1;
            false
        }
        Value::Array(items) => items.iter_mut().any(|item| replace(item, wanted, with)),
        Value::Object(fields) => fields.values_mut().any(|field| replace(field, wanted, with)),
        _ => false,
    }
}

/// The report with this text in the place of its `number`-th; `None` where there are fewer.
fn with(report: &Value, number: usize, text: &str) -> Option<Value> {
    let mut changed = report.clone();
    replace(&mut changed, &mut number.clone(), text).then_some(changed)
}

/// `None` where the text that was replaced is one of a few words, such as a verdict: it cannot hold another.
fn read(report: Value) -> Option<TestReport> {
    serde_json::from_value(report).ok()
}

/// Lines as readers count them: whatever Unicode calls a line break ends one (Unicode 16.0, 5.8).
fn lines(text: &str) -> usize {
    let ends = |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.replace("\r\n", "\n").chars().filter(|c| ends(*c)).count()
}

/// Where a page or a document begins something: a tag, or a name of JSON.
fn begins(text: &str, mark: &str) -> usize {
    text.matches(mark).count()
}

fn all_lines(report: &TestReport) -> [(&'static str, usize); 6] {
    [
        ("text", lines(&text::write(report, true))),
        ("tap", lines(&tap::write(report))),
        ("markdown", lines(&markdown::write(report))),
        ("junit", lines(&junit::write(report)) + begins(&junit::write(report), "<")),
        ("html", begins(&html::write(report, &[]), "<")),
        ("ctrf", begins(&ctrf::write(report), "\":")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_text_from_outside_makes_a_line_of_its_own(report in report()) {
        let report = serde_json::to_value(&report).unwrap();
        for number in 0.. {
            let Some(plain) = with(&report, number, "a") else { break };
            let Some(plain) = read(plain) else { continue };
            let expected = all_lines(&plain);
            for forged in FORGED {
                let Some(changed) = with(&report, number, forged).and_then(read) else { continue };
                prop_assert_eq!(all_lines(&changed), expected, "text {} as {:?}", number, forged);
            }
        }
    }
}
