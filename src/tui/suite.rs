//! The thread of the conformance suite: it owns the subjects, takes [`Ask`]s and shows [`Picture`]s. It shares nothing with
//! the core, whose sale goes on meanwhile. Virtual subjects are its own: no case touches a card of the bench.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::verdicts::{CaseLine, Picture, Subject};
use crate::app::campaign::{Campaign, CampaignOptions};
use crate::app::run_folder::{RunFolder, make_fresh};
use crate::app::suites;
use crate::conformance::case::Case;
use crate::conformance::evidence::Line;
use crate::conformance::expected::Expectations;
use crate::conformance::result::{CaseResult, Status, TestReport};
use crate::conformance::risk::Risk;
use crate::conformance::runner::{self, Observer, Subjects};
use crate::conformance::selection::Selection;
use crate::time::Moment;

/// What the person at the window wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Run what these patterns choose (none: all) on what is at this reader (`None`: virtual subjects).
    Run {
        /// PC/SC name.
        reader: Option<String>,
        /// As in [`Selection::patterns`].
        patterns: Vec<String>,
        /// A deliberate defect of virtual subjects, instead of the one with which the window was opened.
        mutant: Option<String>,
    },
    /// Keep report and logs of the last run in a folder.
    Write,
    /// End the run after the case under way.
    Stop,
}

/// What was asked while a run was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// That it goes on.
    GoOn,
    /// That it ends.
    Stop,
}

/// Where the thread meets the person: a channel, or a script.
pub trait Seat {
    /// Microseconds, from whatever moment.
    fn micros(&mut self) -> u64;

    /// The date, for the name of a report's folder.
    fn now(&mut self) -> Moment;

    /// The suite looks like this now.
    fn show(&mut self, picture: Arc<Picture>);

    /// What to do next; `None` when nobody is there any more.
    fn next(&mut self) -> Option<Ask>;

    /// Whether the run is to end; never waits.
    fn wish(&mut self) -> Wish;
}

/// What the runs of a window have in common.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Profile, named card, suite of our own terminal; reader and patterns come with each [`Ask`].
    pub options: CampaignOptions,
    /// The window begins with virtual cards.
    pub begins_virtual: bool,
    /// The seed of each run.
    pub seed: u64,
    /// Verdicts that are known and accepted for a while.
    pub expectations: Expectations,
    /// Where folders of reports are made: what a real card did cannot be asked for again.
    pub runs: PathBuf,
}

/// The suite behind the window.
pub struct Suite {
    setup: Setup,
    picture: Picture,
    /// Of the last run.
    report: Option<TestReport>,
}

impl Suite {
    /// Nothing is opened yet.
    pub fn new(setup: Setup) -> Self {
        let picture = Picture { options: setup.options.clone(), ..Picture::default() };
        Self { setup, picture, report: None }
    }

    /// Does what the person asks for until they leave.
    pub fn serve(&mut self, seat: &mut dyn Seat) {
        self.picture.cases = unopened(&self.setup.options);
        if self.setup.begins_virtual {
            // Virtual subjects say at once which cases do not apply. Why they cannot be had is told when a run is asked for.
            let _ = self.open(None, None);
        }
        loop {
            seat.show(Arc::new(self.picture.clone()));
            match seat.next() {
                Some(Ask::Run { reader, patterns, mutant }) => self.run(reader, patterns, mutant, seat),
                Some(Ask::Write) => self.write(seat.now()),
                // A key pressed a little late does no harm.
                Some(Ask::Stop) => {}
                None => return,
            }
        }
    }

    /// Opens the subjects anew, as the card at a reader may be another one by now. What is known of the same subject stays.
    fn open(&mut self, reader: Option<String>, mutant: Option<String>) -> Result<Campaign, String> {
        let mut options = CampaignOptions { reader: reader.clone(), ..self.setup.options.clone() };
        options.mutant = mutant.or(options.mutant).filter(|_| reader.is_none());
        // For payments it stays; what a real card can do, its statement says.
        options.suite = options.suite.filter(|_| reader.is_none());
        let mutant = options.mutant.clone();
        let mut campaign = Campaign::open(&options).map_err(|error| error.to_string())?;
        let identity = campaign.identity.as_ref().map(ToString::to_string);
        let risk_max = campaign.risk_max;
        let (cases, subjects) = campaign.parts();
        let selection = Selection { risk_max, ..Selection::default() };
        let plan = runner::plan(&selection.choose(cases), &selection, &subjects, self.setup.seed);
        let only_reads = risk_max == Risk::ReadOnly;
        let subject = Some(Subject { reader, mutant, statement: plan.statement.clone(), identity, only_reads });
        if self.picture.subject != subject {
            self.picture.cases = entries(cases, plan.results);
            self.picture.ended = None;
            self.report = None;
            self.picture.subject = subject;
        }
        Ok(campaign)
    }

    /// What a real card did is kept already.
    fn write(&mut self, date: Moment) {
        let (Some(report), Some(ended)) = (&self.report, &mut self.picture.ended) else { return };
        if ended.kept.is_some() {
            return;
        }
        let written = make_fresh(&self.setup.runs, &digits(date))
            .and_then(|folder| RunFolder::create(&folder, report.clone())?.finish(report.clone()).map(|()| folder));
        match written {
            Ok(folder) => ended.kept = Some(folder),
            Err(error) => self.picture.notice = Some(error.to_string()),
        }
    }

    fn run(&mut self, reader: Option<String>, patterns: Vec<String>, mutant: Option<String>, seat: &mut dyn Seat) {
        let mut campaign = match self.open(reader, mutant) {
            Ok(campaign) => campaign,
            Err(notice) => {
                self.picture.notice = Some(notice);
                return;
            }
        };
        self.picture.notice = None;
        let selection = Selection { patterns, shard: None, risk_max: campaign.risk_max };
        let begun = seat.micros();
        let date = seat.now();
        let fresh = campaign.identity.is_some().then(|| make_fresh(&self.setup.runs, &digits(date))).transpose();
        let folder = match fresh {
            Ok(folder) => folder,
            Err(error) => {
                self.picture.notice = Some(error.to_string());
                return;
            }
        };
        let mut watch = Watch::new(&mut self.picture, seat, begun, folder);
        let mut report = campaign.run(&selection, self.setup.seed, &mut watch);
        report.begun = Some(date);
        let today: String = date.to_string().chars().take(10).collect();
        self.setup.expectations.apply(&mut report, &today);
        let kept = watch.finish(&report);
        if !report.stale_expectations.is_empty() {
            self.picture.notice = Some(format!("stale expectation: {}", report.stale_expectations.join("; ")));
        }
        self.picture.finish(&report, kept);
        self.report = Some(report);
    }
}

/// `20260105090000`.
fn digits(date: Moment) -> String {
    date.to_string().chars().filter(char::is_ascii_digit).collect()
}

/// All cases, before anything is known of what they would run on.
fn unopened(options: &CampaignOptions) -> Vec<CaseLine> {
    // What is wrong with files is told when the window opens, and again with a run.
    let cases = options.review().unwrap_or_else(|_| suites::cases());
    let selection = Selection::default();
    let mut results = runner::plan(&selection.choose(&cases), &selection, &Subjects::default(), 0).results;
    for result in &mut results {
        result.status = Status::NotRun;
    }
    entries(&cases, results)
}

fn entries(cases: &[Case], results: Vec<CaseResult>) -> Vec<CaseLine> {
    cases.iter().zip(results).map(|(case, result)| CaseLine::new(case, result)).collect()
}

/// Makes a picture of what happens, and keeps the logs of a real card.
pub(super) struct Watch<'s> {
    picture: &'s mut Picture,
    seat: &'s mut dyn Seat,
    begun: u64,
    /// Where the report is kept.
    kept: Option<PathBuf>,
    folder: Option<RunFolder>,
    stops: bool,
}

impl<'s> Watch<'s> {
    /// Of a run that has `begun` then; its report goes to the folder `kept`.
    pub(super) fn new(picture: &'s mut Picture, seat: &'s mut dyn Seat, begun: u64, kept: Option<PathBuf>) -> Self {
        Self { picture, seat, begun, kept, folder: None, stops: false }
    }

    fn show(&mut self) {
        self.seat.show(Arc::new(self.picture.clone()));
    }

    /// A report that cannot be kept ends the run.
    fn keep(&mut self, keep: impl FnOnce(&mut Option<RunFolder>, &Path) -> Result<(), crate::app::AppError>) {
        let Some(path) = &self.kept else { return };
        if let Err(error) = keep(&mut self.folder, path) {
            self.picture.notice = Some(error.to_string());
            self.kept = None;
            self.stops = true;
        }
    }

    fn finish(mut self, report: &TestReport) -> Option<PathBuf> {
        self.keep(|folder, _| folder.take().map_or(Ok(()), |folder| folder.finish(report.clone())));
        self.kept
    }
}

impl Observer for Watch<'_> {
    fn planned(&mut self, report: &TestReport) {
        self.keep(|folder, path| {
            *folder = Some(RunFolder::create(path, report.clone())?.durable());
            Ok(())
        });
        self.picture.plan(report);
        self.show();
    }

    fn begin(&mut self, case: &Case, _: usize, _: usize) {
        self.picture.begin(&case.id);
        self.show();
    }

    fn end(&mut self, result: &CaseResult) {
        let micros = self.seat.micros().saturating_sub(self.begun);
        self.picture.end(result, micros);
        self.keep(|folder, _| folder.as_mut().map_or(Ok(()), |folder| folder.record(result)));
        self.show();
    }

    fn line(&mut self, case: &Case, line: &Line) {
        self.keep(|folder, _| folder.as_mut().map_or(Ok(()), |folder| folder.line(&case.id, line)));
    }

    fn stop(&mut self) -> bool {
        if self.seat.wish() == Wish::Stop {
            self.stops = true;
        }
        if let Some(run) = self.picture.run.as_mut().filter(|run| self.stops && !run.stopping) {
            run.stopping = true;
            self.show();
        }
        self.stops
    }

    fn micros(&mut self) -> u64 {
        self.seat.micros()
    }
}
