//! Verdicts that are known and accepted for a while: a file of entries with a reason and a last day.

use serde::Deserialize;

use super::result::{Expected, Status, TestReport};
use super::verdict::Verdict;
use crate::malformed;
use crate::quoted::quoted;

/// The file.
///
/// ```
/// use untorn::conformance::expected::Expectations;
/// let text = "[[expect]]\ncase = 'ISO-CLA-001'\nverdict = 'fail'\nreason = 'firmware 1.2, reported'\nuntil = '2027-01-31'\n";
/// assert_eq!(Expectations::parse(text).unwrap().expect.len(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    /// One for each case.
    #[serde(default)]
    pub expect: Vec<ExpectedResult>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedResult {
    /// Id of the case, whole.
    pub case: String,
    /// `fail` or `inconclusive`; an error is never expected.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// The last day on which it counts, `YYYY-MM-DD`; in the file a text or a date.
    #[serde(deserialize_with = "day")]
    pub until: String,
}

/// TOML has dates of its own: `until = 2029-12-31` is no mistake.
fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a day, YYYY-MM-DD, as a text or as a date")]
    enum Day {
        Text(String),
        Date(toml::value::Datetime),
    }
    Ok(match Day::deserialize(deserializer)? {
        Day::Text(text) => text,
        Day::Date(date) => date.to_string(),
    })
}

impl Expectations {
    /// From TOML.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed: Self =
            toml::from_str(text).map_err(|error| format!("expected results: {}", malformed::toml(text, &error)))?;
        for (index, entry) in parsed.expect.iter().enumerate() {
            if !matches!(entry.verdict, Verdict::Fail | Verdict::Inconclusive) {
                let case = &entry.case;
                return Err(format!(
                    "expected results: {case}: expected \"fail\" or \"inconclusive\", got {}",
                    entry.verdict
                ));
            }
            if entry.reason.trim().is_empty() {
                return Err(format!("expected results: {}: a reason is missing", entry.case));
            }
            if !is_date(&entry.until) {
                return Err(format!(
                    "expected results: {}: until: expected YYYY-MM-DD, got {}",
                    entry.case,
                    quoted(&entry.until)
                ));
            }
            if parsed.expect[..index].iter().any(|earlier| earlier.case == entry.case) {
                return Err(format!("expected results: {} has two entries", entry.case));
            }
        }
        Ok(parsed)
    }

    /// Marks the verdicts that were expected, and lists the entries that do not fit any more: expired, or another verdict came, or
    /// the case does not apply. An entry for a case that was not among those chosen says nothing, nor does one for a case
    /// that the run did not come to or may not run here, as without `--card`. `today` is `YYYY-MM-DD`.
    pub fn apply(&self, report: &mut TestReport, today: &str) {
        for entry in &self.expect {
            let Some(result) = report.results.iter_mut().find(|result| result.id == entry.case) else { continue };
            if matches!(result.status, Status::NotRun | Status::Blocked { .. }) {
                continue;
            }
            if entry.until.as_str() < today {
                report
                    .stale_expectations
                    .push(format!("{}: expired on {} ({})", entry.case, entry.until, entry.reason));
            } else if result.verdict() == Some(entry.verdict) {
                result.expected = Some(Expected { reason: entry.reason.clone(), until: entry.until.clone() });
            } else {
                let expected = entry.verdict;
                let got = result.standing();
                let got = result.verdict().map_or_else(|| got.to_string(), |verdict| verdict.to_string());
                report.stale_expectations.push(format!("{}: expected {expected}, got {got}", entry.case));
            }
        }
    }

    /// Entries for cases that do not exist.
    pub fn unknown<'e>(&'e self, known: &[super::case::Case]) -> Vec<&'e str> {
        let exists = |entry: &&ExpectedResult| known.iter().any(|case| case.id == entry.case);
        self.expect.iter().filter(|entry| !exists(entry)).map(|entry| entry.case.as_str()).collect()
    }
}

/// A calendar date.
fn is_date(text: &str) -> bool {
    time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::case::Case;
    use crate::conformance::runner::{Subjects, plan};
    use crate::conformance::selection::Selection;

    const UNTIL_2030: &str =
        "[[expect]]\ncase = 'TOY-001'\nverdict = 'fail'\nreason = 'firmware 1.2'\nuntil = '2030-12-31'\n";

    fn stale(status: Status, today: &str) -> Vec<String> {
        let case = Case::new("TOY-001", "A purpose.");
        let mut report = plan(&[&case], &Selection::default(), &Subjects::default(), 0);
        report.results[0].status = status;
        Expectations::parse(UNTIL_2030).unwrap().apply(&mut report, today);
        report.stale_expectations
    }

    #[test]
    fn an_expectation_fits_the_verdict_that_it_names_and_nothing_else() {
        let ran = |verdict| Status::Ran { verdict, reason: None, rests_on: None };
        let barred = || "the claim is not made".to_owned();
        assert!(stale(ran(Verdict::Fail), "2030-12-31").is_empty());
        assert_eq!(stale(ran(Verdict::Pass), "2030-12-31"), ["TOY-001: expected fail, got pass"]);
        let not_applicable = stale(Status::NotApplicable { reason: barred() }, "2030-12-31");
        assert_eq!(not_applicable, ["TOY-001: expected fail, got not applicable"]);
        assert!(stale(Status::Blocked { reason: barred() }, "2030-12-31").is_empty(), "the card was not named");
        assert!(stale(Status::NotRun, "2030-12-31").is_empty(), "the run did not come to it");
        assert!(stale(ran(Verdict::Fail), "2031-01-01")[0].contains("expired"));
    }
}
