//! `untorn test`: runs the conformance suite and says what came of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::arguments::{Global, Test};
use super::report::exit;
use super::{Report, desk, tell};
use crate::app::campaign::{Campaign, CampaignOptions};
use crate::app::run_folder::RunFolder;
use crate::app::{AppError, Clock, Exit, ReaderChoice};
use crate::conformance::case::Case;
use crate::conformance::expected::Expectations;
use crate::conformance::result::{CaseResult, Status, TestReport};
use crate::conformance::runner::{self, Observer};
use crate::conformance::selection::Selection;
use crate::conformance::token::Token;
use crate::conformance::verdict::Verdict;
use crate::report::suite_text;

pub(super) fn run(global: &Global, test: &Test) -> Result<Report, AppError> {
    let options = options(global, test);
    let mut campaign = Campaign::open(&options)?;
    for warning in &campaign.warnings {
        tell(&format!("untorn: warning: {warning}"));
    }
    let selection = Selection { patterns: test.patterns.clone(), shard: test.shard, risk_max: campaign.risk_max };
    if let Some(pattern) = selection.unmatched(&campaign.cases).first() {
        return Err(AppError::Usage(format!("{pattern:?} is no suite and no case; see untorn test --list")));
    }
    if test.list {
        return Ok(list(&mut campaign, &selection));
    }
    if let Some(token) = &test.replay {
        return replay(&mut campaign, token, test.out.clone());
    }
    let expectations = test.expect.as_deref().map(read_expectations).transpose()?.unwrap_or_default();
    if let Some(case) = expectations.unknown(&campaign.cases).first() {
        return Err(AppError::Usage(format!("expected results: there is no case {case}")));
    }
    if let (Some(identity), None) = (&campaign.identity, &options.card) {
        tell(&format!(
            "Card {identity}: only cases that read are run. Name it with --card {identity} to run the others."
        ));
    }
    let clock = Clock::system();
    let out = out(test, &options, &clock);
    let mut watch = Watch::new(&selection, &campaign.cases, out.clone())?;
    let seed = global.seed().unwrap_or_default();
    let begun = clock.now();
    let mut report = campaign.run(&selection, seed, &mut watch);
    watch.bar.finish_and_clear();
    report.begun = Some(begun);
    expectations.apply(&mut report, &today(&clock));
    let kept = watch.finish(&report);
    let mut text = suite_text::write(&report, test.verbose);
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
    let json = json!({ "report": report, "out": out });
    Ok(Report::new(exit, text, "test", suite_text::summary(&report), json))
}

fn options(global: &Global, test: &Test) -> CampaignOptions {
    let general = global.options();
    CampaignOptions {
        reader: match general.reader {
            ReaderChoice::Virtual => None,
            ReaderChoice::Pcsc(name) => Some(name),
        },
        serve: test.serve,
        profile: general.profile,
        statement: test.statement.clone(),
        cases: test.cases.clone(),
        wait_seconds: global.wait.unwrap_or_default(),
        card: general.card.map(|card| card.0),
        suite: general.suite,
        terminal: test.terminal_statement.clone(),
        mutant: test.mutant.clone(),
    }
}

/// Where the logs go. What a real card did cannot be asked for again, so it is always kept; a virtual card does the same again.
fn out(test: &Test, options: &CampaignOptions, clock: &Clock) -> Option<PathBuf> {
    let named = test.out.clone();
    named.or_else(|| {
        let time: String = clock.now().to_string().chars().filter(char::is_ascii_digit).collect();
        options.reader.as_ref().map(|_| Path::new("runs").join(time))
    })
}

fn read_expectations(path: &Path) -> Result<Expectations, AppError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| AppError::file("read the expected results", path, source))?;
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
    Report::done(text, "cases", format!("{} cases", list.len()), json!({ "cases": list }))
}

fn replay(campaign: &mut Campaign, token: &Token, out: Option<PathBuf>) -> Result<Report, AppError> {
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
    let mut watch = Watch { out, ..Watch::silent()? };
    watch.planned(&planned);
    let result = runner::replay(case, &mut subjects, token, &mut watch);
    watch.finish(&TestReport {
        interrupted: false,
        micros: result.micros,
        results: vec![result.clone()],
        ..planned
    })?;
    let mut text = String::new();
    for line in &result.evidence {
        let _ = writeln!(text, "{:>4}  {}", line.number, line.what);
    }
    let exit = match result.verdict() {
        Some(Verdict::Pass) => Exit::Done,
        Some(Verdict::Fail) => Exit::Failed,
        _ => Exit::Unresolved,
    };
    let detail = result.reason().unwrap_or("It passes.").to_owned();
    Ok(Report::new(exit, text, "replay", detail, json!({ "case": result })))
}

/// Progress, the wish to stop, the clock, and the logs as they come.
struct Watch {
    bar: ProgressBar,
    clock: Clock,
    stop: Arc<AtomicBool>,
    out: Option<PathBuf>,
    folder: Option<RunFolder>,
    /// Why no more logs are written; the run ends then.
    trouble: Option<AppError>,
}

impl Watch {
    fn new(selection: &Selection, cases: &[Case], out: Option<PathBuf>) -> Result<Self, AppError> {
        let count = selection.choose(cases).len() as u64;
        // Hidden where the standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed}, {eta} left, {msg}") {
            bar.set_style(style);
        }
        Ok(Self { bar, out, ..Self::silent()? })
    }

    fn silent() -> Result<Self, AppError> {
        let stop = desk::stop_flag()?;
        Ok(Self { bar: ProgressBar::hidden(), clock: Clock::system(), stop, out: None, folder: None, trouble: None })
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
            self.folder = self.note(RunFolder::create(&out, planned));
        }
    }

    fn begin(&mut self, case: &Case, _: usize, _: usize) {
        self.bar.set_message(case.id.clone());
    }

    fn end(&mut self, result: &CaseResult) {
        self.bar.inc(1);
        if let Some(folder) = &mut self.folder {
            let recorded = folder.record(result);
            self.note(recorded);
        }
    }

    fn stop(&mut self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.trouble.is_some()
    }

    fn micros(&mut self) -> u64 {
        self.clock.micros()
    }
}
