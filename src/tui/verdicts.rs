//! What the screen of the conformance suite sees: cases, what came of each, how far a run is. Never changed after it is shown.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::campaign::CampaignOptions;
use crate::conformance::case::Case;
use crate::conformance::result::{CaseResult, Standing, Status, TestReport};

/// The suite at one moment.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// On what the results were gained; nothing before a first run at a real reader.
    pub subject: Option<Subject>,
    /// In the order in which they run.
    pub cases: Vec<CaseLine>,
    /// The run under way.
    pub run: Option<Progress>,
    /// How the last run ended.
    pub ended: Option<Ended>,
    /// Why a run did not begin, or cannot go on.
    pub notice: Option<String>,
    /// What the window was opened with: files, profile, named card.
    pub options: CampaignOptions,
}

/// What is under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// PC/SC name of the reader; `None` for virtual subjects in this process.
    pub reader: Option<String>,
    /// A deliberate defect of virtual subjects.
    pub mutant: Option<String>,
    /// Names of the statements.
    pub statement: String,
    /// Identity of a real card.
    pub identity: Option<String>,
    /// The card was not named, so nothing may be written to it.
    pub only_reads: bool,
}

/// A case, and the last that is known of it.
#[derive(Debug, Clone)]
pub struct CaseLine {
    /// The result; before its first run what selection says of it.
    pub result: Arc<CaseResult>,
    /// Defects that it is there to find.
    pub kills: Arc<[String]>,
    /// The case that shows the same thing accepted.
    pub twin: Option<Arc<str>>,
    /// Its part in the run under way.
    pub turn: Turn,
}

/// A case's part in the run under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Turn {
    /// None, or it is over.
    #[default]
    None,
    /// It will come.
    Waits,
    /// It is its turn.
    Runs,
}

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// At a real reader.
    pub at_reader: bool,
    /// Cases that run.
    pub of: usize,
    /// Those that have ended.
    pub done: usize,
    /// Of these did not pass.
    pub not_passed: usize,
    /// Since it began.
    pub micros: u64,
    /// The case whose turn it is, or was last.
    pub case: String,
    /// It ends before the next case.
    pub stopping: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How many cases stand how, in the order of [`Standing::ALL`].
    pub counts: Vec<(Standing, usize)>,
    /// How long it took.
    pub micros: u64,
    /// Where its report lies.
    pub kept: Option<PathBuf>,
}

impl Progress {
    /// Microseconds until its end, if the cases to come take as long as those that were; nothing before the first has ended.
    pub fn micros_left(&self) -> Option<u64> {
        let done = u64::try_from(self.done).ok().filter(|done| *done > 0)?;
        let left = u64::try_from(self.of.saturating_sub(self.done)).ok()?;
        Some(self.micros / done * left)
    }
}

impl CaseLine {
    /// A case of which nothing more is known than this.
    pub fn new(case: &Case, result: CaseResult) -> Self {
        Self {
            result: Arc::new(result),
            kills: case.kills.clone().into(),
            twin: case.twin.as_deref().map(Arc::from),
            turn: Turn::None,
        }
    }

    /// It ran, and did not pass.
    pub fn is_suspect(&self) -> bool {
        is_suspect(&self.result)
    }
}

fn is_suspect(result: &CaseResult) -> bool {
    matches!(result.standing(), Standing::Failed | Standing::Error | Standing::Inconclusive | Standing::Expected)
}

impl Picture {
    /// The names of the suites, in the order of their first cases.
    pub fn suites(&self) -> Vec<&str> {
        let mut suites: Vec<&str> = Vec::new();
        for entry in &self.cases {
            if !suites.contains(&entry.result.suite.as_str()) {
                suites.push(&entry.result.suite);
            }
        }
        suites
    }

    /// The cases of a suite.
    pub fn cases_of(&self, suite: &str) -> impl Iterator<Item = &CaseLine> {
        self.cases.iter().filter(move |entry| entry.result.suite == suite)
    }

    /// A run begins; this is its report as it would be if nothing more came.
    pub fn plan(&mut self, report: &TestReport) {
        self.ended = None;
        let mut of = 0;
        for planned in &report.results {
            let Some(entry) = self.entry(&planned.id) else { continue };
            if planned.status == Status::NotRun {
                entry.turn = Turn::Waits;
                of += 1;
            } else {
                entry.result = Arc::new(planned.clone());
            }
        }
        let at_reader = self.subject.as_ref().is_some_and(|subject| subject.reader.is_some());
        self.run = Some(Progress { at_reader, of, ..Progress::default() });
    }

    /// It is a case's turn.
    pub fn begin(&mut self, id: &str) {
        if let Some(entry) = self.entry(id) {
            entry.turn = Turn::Runs;
        }
        if let Some(run) = &mut self.run {
            id.clone_into(&mut run.case);
        }
    }

    /// A case has ended, so long after the run began.
    pub fn end(&mut self, result: &CaseResult, micros: u64) {
        self.take(result);
        if let Some(run) = &mut self.run {
            run.done += 1;
            run.not_passed += usize::from(is_suspect(result));
            run.micros = micros;
        }
    }

    /// The run has ended: what only then was known counts. Cases that it did not come to keep what is known of them.
    pub fn finish(&mut self, report: &TestReport, kept: Option<PathBuf>) {
        report.results.iter().filter(|result| result.status != Status::NotRun).for_each(|result| self.take(result));
        self.cases.iter_mut().for_each(|entry| entry.turn = Turn::None);
        self.run = None;
        let counts = Standing::ALL.into_iter().map(|standing| (standing, report.count(standing)));
        let counts = counts.filter(|(_, count)| *count > 0).collect();
        self.ended = Some(Ended { counts, micros: report.micros, kept });
    }

    fn take(&mut self, result: &CaseResult) {
        if let Some(entry) = self.entry(&result.id) {
            entry.result = Arc::new(result.clone());
            entry.turn = Turn::None;
        }
    }

    fn entry(&mut self, id: &str) -> Option<&mut CaseLine> {
        self.cases.iter_mut().find(|entry| entry.result.id == id)
    }
}
