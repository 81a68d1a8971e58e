//! `untorn test`: runs the conformance suite and says what came of it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::arguments::{Global, Test};
use super::{Report, desk, tell};
use crate::app::campaign::{Campaign, CampaignOptions};
use crate::app::{AppError, Clock, Exit, ReaderChoice};
use crate::conformance::case::Case;
use crate::conformance::expected::Expectations;
use crate::conformance::result::{CaseResult, End, Status, Summary, TestReport};
use crate::conformance::runner::{self, Observer, Subjects};
use crate::conformance::selection::Selection;
use crate::conformance::token::Token;
use crate::conformance::verdict::Verdict;

pub(super) fn run(global: &Global, test: &Test) -> Result<Report, AppError> {
    let mut campaign = Campaign::open(&options(global, test))?;
    let selection = Selection { patterns: test.patterns.clone(), shard: test.shard, risk_max: campaign.risk_max };
    if let Some(pattern) = selection.unmatched(&campaign.cases).first() {
        return Err(AppError::Usage(format!("{pattern:?} is no suite and no case; see untorn test --list")));
    }
    if test.list {
        return Ok(list(&campaign, &selection));
    }
    if let Some(token) = &test.replay {
        return replay(&mut campaign, token);
    }
    let expectations = test.expect.as_deref().map(read_expectations).transpose()?.unwrap_or_default();
    if let Some(case) = expectations.unknown(&campaign.cases).first() {
        return Err(AppError::Usage(format!("expected results: there is no case {case}")));
    }
    if let (Some(identity), None) = (&campaign.identity, &global.options().card) {
        tell(&format!(
            "Card {identity}: only cases that read are run. Name it with --card {identity} to run the others."
        ));
    }
    let clock = Clock::system();
    let mut watch = Watch::new(&selection, &campaign.cases, desk::stop_flag()?);
    let seed = global.seed().unwrap_or_default();
    let mut report =
        runner::run(&campaign.cases, &selection, &mut Subjects::card(&mut *campaign.subject), seed, &mut watch);
    watch.bar.finish_and_clear();
    report.begun = Some(clock.now());
    expectations.apply(&mut report, &today(&clock));
    let detail = summary_line(&report.summary());
    let json = json!({ "summary": report.summary(), "report": report });
    Ok(Report::new(exit(report.end()), text(&report, test.verbose), "test", detail, json))
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
        card: general.card.map(|card| card.0),
        mutant: test.mutant.clone(),
    }
}

fn read_expectations(path: &std::path::Path) -> Result<Expectations, AppError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| AppError::file("read the expected results", path, source))?;
    Expectations::parse(&text).map_err(|error| AppError::Usage(format!("{}: {error}", path.display())))
}

/// `YYYY-MM-DD`, UTC.
fn today(clock: &Clock) -> String {
    clock.now().to_string().chars().take(10).collect()
}

const fn exit(end: End) -> Exit {
    match end {
        End::Clean => Exit::Done,
        End::Failed => Exit::Failed,
        End::Inconclusive => Exit::Unresolved,
    }
}

// What is shown.

fn list(campaign: &Campaign, selection: &Selection) -> Report {
    let mut text = String::new();
    let mut cases = Vec::new();
    for case in selection.choose(&campaign.cases) {
        let barred = selection.bars(case, campaign.subject.statement(), &campaign.subject.facilities());
        let mark = match &barred {
            None => "",
            Some(Status::NotApplicable { .. }) => "  (not applicable)",
            Some(_) => "  (blocked)",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<22} {:<12} {}{mark}", case.name(), case.risk, case.purpose);
        cases.push(json!({
            "id": case.id, "revision": case.revision, "suite": case.suite, "purpose": case.purpose,
            "risk": case.risk, "requirements": case.requirements, "kills": case.kills, "runs": barred.is_none(),
        }));
    }
    let detail = format!("{} cases", cases.len());
    Report::done(text, "cases", detail, json!({ "cases": cases }))
}

fn replay(campaign: &mut Campaign, token: &Token) -> Result<Report, AppError> {
    let found = campaign.cases.iter().find(|case| case.id == token.case);
    let case = found.ok_or_else(|| AppError::Usage(format!("replay: there is no case {}", token.case)))?;
    let statement = campaign.subject.statement().name.clone();
    if (case.revision, &statement) != (token.revision, &token.profile) {
        return Err(AppError::Usage(format!(
            "replay: the token is of {}@{} on {}, here are {} on {statement}",
            token.case,
            token.revision,
            token.profile,
            case.name()
        )));
    }
    let mut watch = Watch::silent(desk::stop_flag()?);
    let result = runner::replay(case, &mut Subjects::card(&mut *campaign.subject), token, &mut watch);
    let mut text = String::new();
    for line in &result.evidence {
        let _ = writeln!(text, "{:>4}  {}", line.number, line.what);
    }
    let verdict = result.verdict().unwrap_or(Verdict::Error);
    let exit = match verdict {
        Verdict::Pass => Exit::Done,
        Verdict::Fail => Exit::Failed,
        Verdict::Inconclusive | Verdict::Error => Exit::Unresolved,
    };
    let detail = result.reason().unwrap_or("passed").to_owned();
    Ok(Report::new(exit, text, "replay", detail, json!({ "case": result })))
}

fn text(report: &TestReport, verbose: bool) -> String {
    let mut text = String::new();
    for result in &report.results {
        let ran_well = matches!(result.status, Status::Ran { verdict: Verdict::Pass, .. });
        if verbose || !(ran_well || matches!(result.status, Status::NotApplicable { .. } | Status::Blocked { .. })) {
            line(&mut text, result);
        }
    }
    for stale in &report.stale_expectations {
        let _ = writeln!(text, "stale expectation: {stale}");
    }
    let _ = writeln!(text, "{}", summary_line(&report.summary()));
    if report.interrupted {
        let _ = writeln!(text, "Stopped before the end.");
    }
    text
}

fn line(text: &mut String, result: &CaseResult) {
    let word = match &result.status {
        Status::Ran { verdict, .. } => verdict.to_string(),
        Status::NotApplicable { .. } => "not applicable".to_owned(),
        Status::Blocked { .. } => "blocked".to_owned(),
        Status::NotRun => "not run".to_owned(),
    };
    let _ = writeln!(text, "{word:<14} {:<22} {}", result.id, result.purpose);
    if let Some(reason) = result.reason() {
        let _ = writeln!(text, "{:<14} {reason}", "");
    }
    if let Some(expected) = &result.expected {
        let _ = writeln!(text, "{:<14} expected until {}: {}", "", expected.until, expected.reason);
    } else if result.verdict().is_some_and(|verdict| verdict != Verdict::Pass) {
        let _ = writeln!(text, "{:<14} again: untorn test --replay {}", "", result.replay);
    }
}

fn summary_line(summary: &Summary) -> String {
    let Summary { pass, inconclusive, fail, error, not_applicable, blocked, not_run, expected } = summary;
    let mut line = format!("{pass} passed, {fail} failed, {inconclusive} inconclusive, {error} errors");
    for (count, what) in
        [(not_applicable, "not applicable"), (blocked, "blocked"), (not_run, "not run"), (expected, "expected")]
    {
        if *count > 0 {
            let _ = write!(line, ", {count} {what}");
        }
    }
    line
}

// Progress.

struct Watch {
    bar: ProgressBar,
    clock: Clock,
    stop: Arc<AtomicBool>,
}

impl Watch {
    fn new(selection: &Selection, cases: &[Case], stop: Arc<AtomicBool>) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(selection.choose(cases).len() as u64),
            // Hidden where the standard error is no terminal.
            ProgressDrawTarget::stderr(),
        );
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { bar, clock: Clock::system(), stop }
    }

    fn silent(stop: Arc<AtomicBool>) -> Self {
        Self { bar: ProgressBar::hidden(), clock: Clock::system(), stop }
    }
}

impl Observer for Watch {
    fn begin(&mut self, case: &Case, _: usize, _: usize) {
        self.bar.set_message(case.id.clone());
    }

    fn end(&mut self, _: &CaseResult) {
        self.bar.inc(1);
    }

    fn stop(&mut self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn micros(&mut self) -> u64 {
        self.clock.micros()
    }
}
