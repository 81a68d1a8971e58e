//! `untorn test`: runs the conformance suite and says what came of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::{Global, Test};
use super::progress::Progress;
use super::report::exit;
use super::{Report, tell};
use crate::app::campaign::{Campaign, CampaignOptions};
use crate::app::run_folder::{RunFolder, make_fresh, prepare};
use crate::app::{AppError, Clock, Exit, ReaderChoice, read_text};
use crate::conformance::case::Case;
use crate::conformance::evidence::Line;
use crate::conformance::expected::Expectations;
use crate::conformance::result::{CaseResult, Status, TestReport};
use crate::conformance::runner::{self, Observer};
use crate::conformance::selection::Selection;
use crate::conformance::token::Token;
use crate::conformance::verdict::Verdict;
use crate::counted::counted;
use crate::quoted::quoted;
use crate::report::suite::{log, text};

pub(super) fn run(global: &Global, test: &Test) -> Result<Report, AppError> {
    let options = options(global, test)?;
    let mut campaign = Campaign::open(&options)?;
    for warning in &campaign.warnings {
        tell(&format!("untorn: warning: {warning}"));
    }
    let selection = Selection { patterns: test.patterns.clone(), shard: test.shard, risk_max: campaign.risk_max };
    if let Some(pattern) = selection.unmatched(&campaign.cases).first() {
        return Err(AppError::Usage(format!(
            "{pattern} is no suite and no case; see untorn test --list",
            pattern = quoted(pattern)
        )));
    }
    if test.list {
        return Ok(list(&mut campaign, &selection));
    }
    if let Some(notice) = campaign.identity.as_ref().and_then(|identity| identity.notice(options.card.is_some())) {
        tell(&notice);
    }
    let clock = Clock::system();
    let out = out(test, &options, &clock)?;
    if let Some(token) = &test.replay {
        let watch = Watch { out, at_reader: options.reader.is_some(), ..Watch::silent()? };
        return replay(&mut campaign, token, watch);
    }
    let expectations = test.files.expect.as_deref().map(read_expectations).transpose()?.unwrap_or_default();
    if let Some(case) = expectations.unknown(&campaign.cases).first() {
        return Err(AppError::Usage(format!("expected results: there is no case {case}")));
    }
    prepare_told(out.as_deref())?;
    let mut watch = Watch::new(&selection, &campaign.cases, out.clone(), options.reader.is_some())?;
    let seed = global.seed().unwrap_or_default();
    let begun = clock.now();
    let mut report = campaign.run(&selection, seed, &mut watch);
    watch.progress.bar.finish_and_clear();
    report.begun = Some(begun);
    expectations.apply(&mut report, &today(&clock));
    let kept = watch.finish(&report);
    if let Some(reason) = campaign.lost() {
        tell(&format!("untorn: the run was ended: {reason}"));
    }
    let mut text = text::write(&report, test.verbose);
    let mut exit = exit(report.end());
    if let Err(error) = kept {
        if report.results.iter().all(|result| result.verdict().is_none()) {
            return Err(error);
        }
        // What was seen is said all the same: at a real card it cannot be asked for again.
        tell(&format!("untorn: {error}; the run ended there, and what is kept is not whole"));
        exit = if exit == Exit::Done { Exit::Unresolved } else { exit };
    } else if let Some(out) = &out {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "In {}: untorn report show {0} --format html --out report.html", out.display());
    }
    // A tree of all logs takes a tenth of the time of the run: only for those who asked.
    let json = if global.json { json!({ "report": report, "out": out }) } else { json!({}) };
    Ok(Report::new(exit, text, "test", text::summary(&report), json))
}

fn options(global: &Global, test: &Test) -> Result<CampaignOptions, AppError> {
    let general = global.options();
    let suite = general.variant()?.map(str::to_owned);
    Ok(CampaignOptions {
        reader: match general.reader {
            ReaderChoice::Virtual => None,
            ReaderChoice::Pcsc(name) => Some(name),
        },
        serve: test.serve,
        profile: general.profile,
        statement: test.files.statement.clone(),
        kind: test.kind.clone(),
        cases: test.files.cases.clone(),
        wait_seconds: global.wait.unwrap_or_default(),
        card: general.card.map(|card| card.0),
        journal: general.journal,
        despite_open: test.force,
        suite,
        terminal: test.terminal_statement.clone(),
        mutant: test.mutant.clone(),
    })
}

/// Where the logs go. What a real card did cannot be asked for again, so it is always kept; a virtual card does the same again.
fn out(test: &Test, options: &CampaignOptions, clock: &Clock) -> Result<Option<PathBuf>, AppError> {
    if test.out.is_some() || options.reader.is_none() {
        return Ok(test.out.clone());
    }
    let time: String = clock.now().to_string().chars().filter(char::is_ascii_digit).collect();
    make_fresh(Path::new("runs"), &time).map(Some)
}

/// Makes room for the run that begins.
fn prepare_told(out: Option<&Path>) -> Result<(), AppError> {
    if let Some(folder) = out
        && prepare(folder)?
    {
        tell(&format!("untorn: the earlier run in {} is replaced", folder.display()));
    }
    Ok(())
}

pub(super) fn read_expectations(path: &Path) -> Result<Expectations, AppError> {
    let text = read_text("read the expected results", path)?;
    Expectations::parse(&text).map_err(|error| AppError::Usage(format!("{}: {error}", path.display())))
}

/// `YYYY-MM-DD`, UTC.
fn today(clock: &Clock) -> String {
    clock.now().to_string().chars().take(10).collect()
}

fn list(campaign: &mut Campaign, selection: &Selection) -> Report {
    let (cases, subjects) = campaign.parts();
    let chosen = selection.choose(cases);
    let plan = runner::plan(&chosen, selection, &subjects, 0);
    let mut text = String::new();
    let mut list = Vec::new();
    for (case, planned) in chosen.iter().zip(&plan.results) {
        let runs = planned.status == Status::NotRun;
        let mark = if runs { String::new() } else { format!("  ({})", planned.standing()) };
        let _ = writeln!(text, "{:<22} {:<12} {}{mark}", case.name(), case.risk, case.purpose);
        list.push(json!({
            "id": case.id, "revision": case.revision, "suite": case.suite, "purpose": case.purpose,
            "risk": case.risk, "requirements": case.requirements, "kills": case.kills, "runs": runs,
        }));
    }
    Report::done(text, "cases", counted(list.len(), "case"), json!({ "cases": list }))
}

fn replay(campaign: &mut Campaign, token: &Token, mut watch: Watch) -> Result<Report, AppError> {
    let risk_max = campaign.risk_max;
    let (cases, mut subjects) = campaign.parts();
    let case = cases.iter().find(|case| case.id == token.case);
    let case = case.ok_or_else(|| AppError::Usage(format!("replay: there is no case {}", token.case)))?;
    let statement = subjects.statement_of(case).unwrap_or("-").to_owned();
    if (case.revision, &statement) != (token.revision, &token.profile) {
        return Err(AppError::Usage(format!(
            "replay: the token is of {}@{} on {}, here is {} on {statement}",
            token.case,
            token.revision,
            token.profile,
            case.name()
        )));
    }
    // Repeating is running: what may not be done to this card may not be repeated either.
    let allowed = Selection { risk_max, ..Selection::default() };
    let planned = runner::plan(&[case], &allowed, &subjects, token.seed);
    if let Some(result) = planned.results.first().filter(|result| result.status != Status::NotRun) {
        let reason = result.reason().unwrap_or_default();
        return Err(AppError::Usage(format!("replay: {} is {}: {reason}", token.case, result.standing())));
    }
    prepare_told(watch.out.as_deref())?;
    watch.planned(&planned);
    let result = runner::replay(case, &mut subjects, token, &mut watch);
    watch.finish(&TestReport {
        interrupted: false,
        micros: result.micros,
        results: vec![result.clone()],
        ..planned
    })?;
    let text = log::whole_text(&result);
    let exit = match result.verdict() {
        Some(Verdict::Pass) => Exit::Done,
        Some(Verdict::Fail) => Exit::Failed,
        _ => Exit::Unresolved,
    };
    let detail = result.reason().unwrap_or("It passes.").to_owned();
    Ok(Report::new(exit, text, "replay", detail, json!({ "case": result })))
}

/// What a wish to stop waits for.
const UNTIL: &str = "this case";

/// Progress, the wish to stop, the clock, and the logs as they come.
struct Watch {
    progress: Progress,
    clock: Clock,
    out: Option<PathBuf>,
    /// What a real card did cannot be asked for again.
    at_reader: bool,
    folder: Option<RunFolder>,
    /// Why no more logs are written; the run ends then.
    trouble: Option<AppError>,
}

impl Watch {
    fn new(selection: &Selection, cases: &[Case], out: Option<PathBuf>, at_reader: bool) -> Result<Self, AppError> {
        let progress = Progress::new(selection.choose(cases).len(), UNTIL)?;
        Ok(Self { out, at_reader, ..Self::of(progress) })
    }

    fn silent() -> Result<Self, AppError> {
        Ok(Self::of(Progress::silent(UNTIL)?))
    }

    fn of(progress: Progress) -> Self {
        Self { progress, clock: Clock::system(), out: None, at_reader: false, folder: None, trouble: None }
    }

    fn note<T>(&mut self, done: Result<T, AppError>) -> Option<T> {
        done.map_err(|error| self.trouble = Some(error)).ok()
    }

    fn finish(self, report: &TestReport) -> Result<(), AppError> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        self.folder.map_or(Ok(()), |folder| folder.finish(report.clone()))
    }
}

impl Observer for Watch {
    fn planned(&mut self, report: &TestReport) {
        if let Some(out) = self.out.clone() {
            let planned = TestReport { begun: Some(self.clock.now()), ..report.clone() };
            let folder = RunFolder::create(&out, planned);
            self.folder = self.note(if self.at_reader { folder.map(RunFolder::durable) } else { folder });
        }
    }

    fn begin(&mut self, case: &Case, _: usize, _: usize) {
        self.progress.bar.set_message(case.id.clone());
    }

    fn end(&mut self, result: &CaseResult) {
        self.progress.bar.inc(1);
        if let Some(folder) = &mut self.folder {
            let recorded = folder.record(result);
            self.note(recorded);
        }
    }

    fn line(&mut self, case: &Case, line: &Line) {
        if let Some(folder) = &mut self.folder {
            let written = folder.line(&case.id, line);
            self.note(written);
        }
    }

    fn stop(&mut self) -> bool {
        self.progress.stops() || self.trouble.is_some()
    }

    fn micros(&mut self) -> u64 {
        self.clock.micros()
    }
}
