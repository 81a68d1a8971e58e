//! The result of a run: the one model that all reports are written from.

use serde::{Deserialize, Serialize};

use super::case::Risk;
use super::evidence::Line;
use super::verdict::Verdict;
use crate::time::Moment;

/// Version of the JSON form.
pub const SCHEMA: u32 = 1;

/// A run of a suite. A run that was interrupted is whole too: what did not run says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of this program.
    pub untorn: String,
    /// Name of the statement.
    pub statement: String,
    /// How the subject was reached.
    pub binding: String,
    /// The seed of the whole run.
    pub seed: u64,
    /// When it began; nothing in runs without a clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Moment>,
    /// How long it took, microseconds.
    pub micros: u64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Which part of the cases: `[i, n]`, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<(u32, u32)>,
    /// In the order of the suite.
    pub results: Vec<CaseResult>,
    /// Entries of the expectation file that do not fit any more, in words. Each makes the run fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_expectations: Vec<String>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// Stable id.
    pub id: String,
    /// Revision of the case.
    pub revision: u32,
    /// Suite.
    pub suite: String,
    /// What it proves, in a sentence.
    pub purpose: String,
    /// Requirements in specs/.
    pub requirements: Vec<String>,
    /// What it does to a card.
    pub risk: Risk,
    /// What came of it.
    #[serde(flatten)]
    pub status: Status,
    /// Repeats it exactly: `untorn test --replay TOKEN`.
    pub replay: String,
    /// Microseconds.
    pub micros: u64,
    /// Why a verdict other than pass was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// The log. Empty where it is kept in a file of its own, which `evidence_file` names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Line>,
    /// JSONL, relative to the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_file: Option<String>,
}

/// What came of a case: a verdict, or a result of selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It ran.
    Ran {
        /// With this verdict.
        verdict: Verdict,
        /// Why it is no pass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The line of the log on which the verdict rests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rests_on: Option<u32>,
    },
    /// What it is about is not claimed.
    NotApplicable {
        /// Which claim.
        reason: String,
    },
    /// It applies and was not run.
    Blocked {
        /// What would be needed.
        reason: String,
    },
    /// The run ended before it.
    NotRun,
}

/// An expectation that a verdict met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Why.
    pub reason: String,
    /// The last day on which it counts, `YYYY-MM-DD`.
    pub until: String,
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Passed.
    pub pass: usize,
    /// Inconclusive, expected or not.
    pub inconclusive: usize,
    /// Failed, expected or not.
    pub fail: usize,
    /// Test case errors.
    pub error: usize,
    /// Not applicable.
    pub not_applicable: usize,
    /// Blocked.
    pub blocked: usize,
    /// Not run.
    pub not_run: usize,
    /// Of the verdicts other than pass: expected.
    pub expected: usize,
}

/// How a run ends; the numbers are exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Every case that ran passed, or did what was expected of it.
    Clean = 0,
    /// A case failed unexpectedly, or an expectation is stale.
    Failed = 1,
    /// An error, an unexpected inconclusive, an interruption, or nothing ran at all.
    Inconclusive = 2,
}

impl CaseResult {
    /// The verdict, if it ran.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.status {
            Status::Ran { verdict, .. } => Some(verdict),
            _ => None,
        }
    }

    /// Why it is no pass, or did not run.
    pub fn reason(&self) -> Option<&str> {
        match &self.status {
            Status::Ran { reason, .. } => reason.as_deref(),
            Status::NotApplicable { reason } | Status::Blocked { reason } => Some(reason),
            Status::NotRun => Some("the run ended before it"),
        }
    }
}

impl TestReport {
    /// How many of each.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for result in &self.results {
            let count = match &result.status {
                Status::Ran { verdict: Verdict::Pass, .. } => &mut summary.pass,
                Status::Ran { verdict: Verdict::Inconclusive, .. } => &mut summary.inconclusive,
                Status::Ran { verdict: Verdict::Fail, .. } => &mut summary.fail,
                Status::Ran { verdict: Verdict::Error, .. } => &mut summary.error,
                Status::NotApplicable { .. } => &mut summary.not_applicable,
                Status::Blocked { .. } => &mut summary.blocked,
                Status::NotRun => &mut summary.not_run,
            };
            *count += 1;
            summary.expected += usize::from(result.expected.is_some());
        }
        summary
    }

    /// How the run ends. A run in which nothing passed is never clean: it has shown nothing.
    pub fn end(&self) -> End {
        let unexpected =
            |verdict| self.results.iter().any(|result| result.verdict() == Some(verdict) && result.expected.is_none());
        if unexpected(Verdict::Fail) || !self.stale_expectations.is_empty() {
            return End::Failed;
        }
        let ran = self.results.iter().any(|result| result.verdict().is_some());
        let open = unexpected(Verdict::Error) || unexpected(Verdict::Inconclusive) || self.interrupted || !ran;
        if open { End::Inconclusive } else { End::Clean }
    }
}
