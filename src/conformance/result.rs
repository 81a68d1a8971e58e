//! The result of a run: the one model that all reports are written from.

use serde::{Deserialize, Serialize};

use super::evidence::Line;
use super::risk::Risk;
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
    /// What exactly was tested.
    #[serde(default, skip_serializing_if = "UnderTest::is_empty")]
    pub under_test: UnderTest,
    /// What the card declares in its answer to reset, beside what is claimed and what the run saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<Declared>,
    /// In the order of the suite.
    pub results: Vec<CaseResult>,
    /// Entries of the expectation file that do not fit any more, in words. Each makes the run fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_expectations: Vec<String>,
}

/// One thing that a card declares of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// What it is about.
    pub what: String,
    /// What the card says.
    pub declared: String,
    /// What was seen of it.
    pub seen: String,
    /// Whether declaration, claim and observation contradict each other.
    pub differs: bool,
}

impl Declared {
    /// What is seen of something that no case of the run is about.
    pub const NOT_TRIED: &str = "not tried";

    /// Whether a case of the run was about it.
    pub fn is_tried(&self) -> bool {
        !self.seen.ends_with(Self::NOT_TRIED)
    }
}

/// What was tested, as far as the names of the statements do not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderTest {
    /// Card profile, where the cards were virtual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The deliberate defect that it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
    /// Identity of a real card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Its answer to reset, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atr: Option<String>,
    /// The protocol that the reader agreed with it, `T=0` or `T=1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The suites and patterns that were asked for; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<String>,
}

impl UnderTest {
    /// Whether it was a card that nobody here made.
    pub const fn is_real(&self) -> bool {
        self.profile.is_none() && (self.card.is_some() || self.atr.is_some())
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
    /// The case that shows the same thing accepted; without its pass this one's refusal is in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<String>,
    /// What it does to a card.
    pub risk: Risk,
    /// What came of it.
    #[serde(flatten)]
    pub status: Status,
    /// Repeats it exactly behind `untorn test --replay`: the token, then the options by which the same subject is reached.
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

/// How a case counts. Every report is written from this, so that none reads better than the run was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The purpose was seen.
    Passed,
    /// The opposite was seen.
    Failed,
    /// The case itself went wrong.
    Error,
    /// Neither was seen.
    Inconclusive,
    /// It failed or was inconclusive, and an expectation says why that is accepted for a while.
    Expected,
    /// It applies and was not run.
    Blocked,
    /// What it is about is not claimed.
    NotApplicable,
    /// The run ended before it.
    NotRun,
}

/// What is wrong with a run as a whole, beyond its cases. A format that knows cases only is given it as one more case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// How the run ends for it: never clean.
    pub end: End,
    /// One sentence.
    pub text: String,
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

impl Standing {
    /// All of them, in the order in which people look for them.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::Failed,
        Self::Error,
        Self::Inconclusive,
        Self::Expected,
        Self::Blocked,
        Self::NotApplicable,
        Self::NotRun,
    ];

    /// How a run ends that has only cases of this standing.
    pub const fn end(self) -> End {
        match self {
            Self::Failed => End::Failed,
            Self::Error | Self::Inconclusive | Self::NotRun => End::Inconclusive,
            Self::Passed | Self::Expected | Self::Blocked | Self::NotApplicable => End::Clean,
        }
    }

    /// In one or two words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Inconclusive => "inconclusive",
            Self::Expected => "expected",
            Self::Blocked => "blocked",
            Self::NotApplicable => "not applicable",
            Self::NotRun => "not run",
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Clean => "clean",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        })
    }
}

impl CaseResult {
    /// The verdict, if it ran.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.status {
            Status::Ran { verdict, .. } => Some(verdict),
            _ => None,
        }
    }

    /// How it counts. An error is never expected, and an expectation makes no pass of anything.
    pub fn standing(&self) -> Standing {
        match &self.status {
            Status::Ran { verdict: Verdict::Pass, .. } => Standing::Passed,
            Status::Ran { verdict: Verdict::Error, .. } => Standing::Error,
            Status::Ran { .. } if self.expected.is_some() => Standing::Expected,
            Status::Ran { verdict: Verdict::Inconclusive, .. } => Standing::Inconclusive,
            Status::Ran { verdict: Verdict::Fail, .. } => Standing::Failed,
            Status::NotApplicable { .. } => Standing::NotApplicable,
            Status::Blocked { .. } => Standing::Blocked,
            Status::NotRun => Standing::NotRun,
        }
    }

    /// The line of the log on which the verdict rests.
    pub fn rests_on(&self) -> Option<u32> {
        match self.status {
            Status::Ran { rests_on, .. } => rests_on,
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
    /// What was tested, for a title: a card with a deliberate defect is not the card.
    pub fn subject(&self) -> String {
        match &self.under_test.mutant {
            Some(mutant) => format!("{}, mutant {mutant}", self.statement),
            None => self.statement.clone(),
        }
    }

    /// What heads say of the run besides, by name; nothing where there is nothing to say.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let UnderTest { profile, mutant, card, atr, protocol, selection } = &self.under_test;
        let part = self.shard.map(|(part, parts)| format!("{part} of {parts}"));
        let asked = (!selection.is_empty()).then(|| selection.join(" "));
        let facts = [
            ("profile", profile.clone()),
            ("mutant", mutant.clone()),
            ("card", card.clone()),
            ("ATR", atr.clone()),
            ("protocol", protocol.clone()),
            ("selection", asked),
            ("part", part),
        ];
        facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// How many cases stand so.
    pub fn count(&self, standing: Standing) -> usize {
        self.results.iter().filter(|result| result.standing() == standing).count()
    }

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
            summary.expected += usize::from(result.standing() == Standing::Expected);
        }
        summary
    }

    /// What is wrong with the run as a whole.
    pub fn troubles(&self) -> Vec<Trouble> {
        let stale = |text: &String| Trouble { end: End::Failed, text: format!("stale expectation: {text}") };
        let mut troubles: Vec<Trouble> = self.stale_expectations.iter().map(stale).collect();
        let not_run = self.count(Standing::NotRun);
        if self.interrupted || not_run > 0 {
            let text = format!("the run was stopped before its end; cases that did not run: {not_run}");
            troubles.push(Trouble { end: End::Inconclusive, text });
        } else if self.results.iter().all(|result| result.verdict().is_none()) {
            troubles.push(Trouble { end: End::Inconclusive, text: "no case ran: nothing was shown".to_owned() });
        }
        troubles
    }

    /// How the run ends: a failure counts before everything else. A run in which no case ran is not clean: it has shown nothing.
    pub fn end(&self) -> End {
        let of_cases = self.results.iter().map(|result| result.standing().end());
        let ends: Vec<End> = of_cases.chain(self.troubles().iter().map(|trouble| trouble.end)).collect();
        let has = |end| ends.contains(&end);
        if has(End::Failed) {
            End::Failed
        } else if has(End::Inconclusive) {
            End::Inconclusive
        } else {
            End::Clean
        }
    }
}
