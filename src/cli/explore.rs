//! `untorn explore`: tears every order everywhere and says what broke.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::arguments::Global;
use super::progress::Progress;
use super::{Report, tell};
use crate::app::whole_file::write_whole;
use crate::app::{AppError, Clock, Exit, Work, read_text};
use crate::conformance::token::Token;
use crate::counted::counted;
use crate::family::families;
use crate::family::lab::{Lab, Trial};
use crate::malformed;
use crate::quoted::quoted;
use crate::sim::explore::{self, Counts, DEPTH_MAX, Explored, Explorer, Ledger, Plan, Watcher, trial_named};
use crate::sim::tear_map::{self, TearMap};
use crate::sim::tear_map_svg;

/// How often the work done is written down.
const SAVE_EVERY: Duration = Duration::from_secs(1);

const EXPLORE_HELP: &str = "\
Virtual cards and terminals in this process. Every order is torn at every exchange, at every write of the card's memory in every way \
that a write can tear, and with the terminal killed before every action; with depth 2 what follows is torn again at every place.

Examples:
  untorn explore
  untorn explore --depth 2 --resume explore.json
  untorn --suite epc1 explore --order sale --order refund
  untorn explore --mutant debit-twice
  untorn explore --map tear-map.svg
  untorn explore --replay explore@1/epc1.sale/0/c2w1:erased+r0:nothing

Exit codes: 0 no rule is broken; 1 a rule is broken; 2 stopped before the end, or something could not be explored; 3 command line or a file wrong.";

#[derive(Debug, Args)]
#[command(after_help = EXPLORE_HELP)]
pub(super) struct Explore {
    /// Most tears of one run, 1 to 3; the third is of the card's recovery only and takes some hundred times as long
    #[arg(long, value_name = "TEARS", default_value_t = 1, value_parser = depth)]
    pub(super) depth: usize,
    /// Only this order; may be repeated
    #[arg(long = "order", value_name = "NAME", value_parser = orders())]
    pub(super) orders: Vec<String>,
    /// Give the card a deliberate defect, which should be found
    #[arg(long, value_name = "NAME")]
    pub(super) mutant: Option<String>,
    /// Threads [default: as many as there are processors]
    #[arg(long, value_name = "NUMBER", value_parser = jobs)]
    pub(super) jobs: Option<usize>,
    /// Write down what is done, and go on from there
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,
    /// Draw a map of what comes of one tear at each place, as Markdown or, to a name that ends in .svg, as a picture; may be
    /// repeated
    #[arg(long = "map", value_name = "FILE", conflicts_with_all = ["depth", "mutant", "jobs", "resume"])]
    pub(super) maps: Vec<PathBuf>,
    /// Play one run again and show its steps
    #[arg(long, value_name = "TOKEN", value_parser = token, conflicts_with_all = ["depth", "orders", "jobs", "resume", "maps"])]
    pub(super) replay: Option<Token>,
}

fn depth(text: &str) -> Result<usize, String> {
    let depth = text.parse().ok().filter(|depth| (1..=DEPTH_MAX).contains(depth));
    depth.ok_or_else(|| format!("expected 1 to {DEPTH_MAX}, got {text}", text = quoted(text)))
}

/// More than any machine has use for; each takes memory of its own.
const JOBS_MAX: usize = 512;

fn jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs| (1..=JOBS_MAX).contains(jobs));
    jobs.ok_or_else(|| format!("expected 1 to {JOBS_MAX}, got {text}", text = quoted(text)))
}

fn token(text: &str) -> Result<Token, String> {
    let expected = "expected a token that untorn explore printed, such as explore@1/epc1.sale/0/c2w1:erased+r0:nothing";
    text.parse().map_err(|error| format!("{expected}: {error}"))
}

fn orders() -> PossibleValuesParser {
    let labs = families().iter().filter_map(|family| family.lab());
    PossibleValuesParser::new(labs.flat_map(Lab::trials).map(|trial| trial.name).collect::<Vec<_>>())
}

/// The first laboratory of the families that are meant in which there is what is asked for; where there is none, the first of all: it says
/// what is missing.
fn lab(global: &Global, explore: &Explore) -> Result<&'static dyn Lab, AppError> {
    let labs: Vec<&'static dyn Lab> = global.options().families()?.iter().filter_map(|family| family.lab()).collect();
    let has_all = |lab: &&&'static dyn Lab| {
        let has_orders = explore.orders.iter().all(|name| trial_named(**lab, name).is_some());
        has_orders && explore.replay.as_ref().is_none_or(|token| explore::place(**lab, token).is_some())
    };
    let none = || AppError::Usage("explore: no family that is meant can be torn".to_owned());
    labs.iter().find(has_all).or(labs.first()).copied().ok_or_else(none)
}

fn trials(lab: &dyn Lab, names: &[String]) -> Result<Vec<Trial>, AppError> {
    if names.is_empty() {
        return Ok(lab.trials().to_vec());
    }
    let named = |name: &String| {
        let unknown = || AppError::Usage(format!("--order: there is no order {}", quoted(name)));
        trial_named(lab, name).ok_or_else(unknown)
    };
    names.iter().map(named).collect()
}

pub(super) fn run(global: &Global, explore: &Explore) -> Result<Report, AppError> {
    let lab = lab(global, explore)?;
    if let Some(token) = &explore.replay {
        return replay(lab, token, explore.mutant.clone());
    }
    let variant = lab.variant_set(&global.options().settings)?;
    let plan = Plan {
        lab,
        depth: explore.depth,
        variants: variant.map_or_else(|| lab.variants().to_vec(), |variant| vec![variant]),
        trials: trials(lab, &explore.orders)?,
        seed: global.seed().unwrap_or_default(),
        mutant: explore.mutant.clone(),
    };
    if !explore.maps.is_empty() {
        return map(&plan, &explore.maps);
    }
    let explorer = Explorer::new(plan).map_err(AppError::Usage)?;
    let file = explore.resume.as_ref().map(|path| ResumeFile { path: path.clone(), plan: explorer.name() });
    let ledger = file.as_ref().map(ResumeFile::read).transpose()?.unwrap_or_default();
    let before: u64 = ledger.values().map(|counts| counts.card_runs).sum();
    let watch = Watch::new(explorer.items(), &ledger, file)?;
    let threads =
        explore.jobs.or_else(|| std::thread::available_parallelism().ok().map(std::num::NonZero::get)).unwrap_or(1);
    let begun = Instant::now();
    let explored = explorer.run(threads, ledger, &watch);
    let seconds = begun.elapsed().as_secs_f64();
    let kept = watch.end();
    // Of what was done now: what was done before took no time today.
    let card_runs = explored.counts.card_runs.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = card_runs as f64 / (explored.counts.card_micros.max(1) as f64 / 1e6);
    let mut report = report(&explored, threads, seconds, rate);
    if let Err(error) = kept {
        // What was found is said all the same.
        tell(&format!("untorn: {error}; what was explored is not kept"));
        if report.work == Work::Whole {
            report.work = Work::of(error.exit());
            report.json["exit"] = (error.exit() as u8).into();
        }
    }
    Ok(report)
}

fn report(explored: &Explored, threads: usize, seconds: f64, rate: f64) -> Report {
    let Explored { items, done, counts, violation, gaps } = explored;
    let (exit, result) = match violation {
        Some(_) => (Exit::Failed, "violation"),
        None if !gaps.is_empty() => (Exit::Unresolved, "incomplete"),
        None if done < items => (Exit::Unresolved, "stopped"),
        None => (Exit::Done, "explored"),
    };
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let Some(violation) = violation {
        let _ = writeln!(text, "VIOLATION in {violation}");
    }
    let _ = writeln!(
        text,
        "{}: {} of a card by itself, {} of the whole protocol, {} of these from distinct images.",
        counted(counts.runs(), "torn run"),
        counts.card_runs,
        counts.protocol_runs,
        counts.images
    );
    // Too few runs have no rate: the time is that of their preparation.
    if counts.card_runs > 0 {
        let threads = counted(threads, "thread");
        let _ = writeln!(text, "{seconds:.1} s with {threads}; a thread makes {rate:.0} torn runs of a card a second.");
    }
    for gap in gaps {
        let _ = writeln!(text, "NOT EXPLORED {gap}");
    }
    let detail = match violation {
        Some(violation) => format!("{}: {}", violation.command, violation.rule),
        None if !gaps.is_empty() => format!("Not everything could be explored: {}.", gaps.join("; ")),
        None if done < items => format!("Stopped before the end: {done} of {items} pieces of work are done."),
        None => format!("No violation in {}.", counted(counts.runs(), "torn run")),
    };
    if violation.is_none() {
        let _ = writeln!(text, "{detail}");
    }
    let json = json!({
        "items": items, "done": done, "counts": counts, "runs": counts.runs(), "violation": violation, "gaps": gaps,
        "threads": threads, "seconds": seconds, "card_runs_per_second": rate,
    });
    Report::new(exit, text, result, detail, json)
}

fn replay(lab: &'static dyn Lab, token: &Token, mutant: Option<String>) -> Result<Report, AppError> {
    let replayed = explore::replay(lab, token, mutant).map_err(AppError::Usage)?;
    let mut text = String::new();
    for step in &replayed.steps {
        let _ = writeln!(text, "{step}");
    }
    let detail = replayed.rule.clone().unwrap_or_else(|| "No rule is broken.".to_owned());
    let _ = writeln!(text, "{detail}");
    let exit = if replayed.rule.is_some() { Exit::Failed } else { Exit::Done };
    let json = json!({ "steps": replayed.steps, "rule": replayed.rule, "token": token.to_string() });
    Ok(Report::new(exit, text, "replay", detail, json))
}

fn map(plan: &Plan, files: &[PathBuf]) -> Result<Report, AppError> {
    let map = TearMap::draw(plan.lab, plan.seed, &plan.variants, &plan.trials).map_err(AppError::Internal)?;
    for path in files {
        let is_picture = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"));
        let text = if is_picture { tear_map_svg::write(&map) } else { tear_map::markdown(&map) };
        write_whole(path, text.as_bytes())?;
    }
    let places: usize = map.panels.iter().map(|panel| panel.cells.len()).sum();
    let detail = format!("{} of {}; no rule is broken.", counted(places, "tear"), counted(map.panels.len(), "order"));
    Ok(Report::done(format!("{detail}\n"), "map", detail, json!({ "places": places, "files": files })))
}

/// Progress for people, and for going on later.
struct Watch {
    progress: Progress,
    clock: Clock,
    file: Option<ResumeFile>,
    state: Mutex<WatchState>,
}

struct WatchState {
    runs: u64,
    saved: Instant,
    ledger: Ledger,
    failed: Option<AppError>,
}

impl Watch {
    fn new(items: usize, ledger: &Ledger, file: Option<ResumeFile>) -> Result<Self, AppError> {
        let progress = Progress::new(items, "what is under way")?;
        progress.bar.set_position(ledger.len() as u64);
        progress.bar.reset_eta();
        let state = WatchState { runs: 0, saved: Instant::now(), ledger: ledger.clone(), failed: None };
        Ok(Self { progress, clock: Clock::system(), file, state: Mutex::new(state) })
    }

    /// Writes down what is done; the first failure is what is said at the end.
    fn end(self) -> Result<(), AppError> {
        self.progress.bar.finish_and_clear();
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.failed {
            return Err(error);
        }
        if let Some(file) = &self.file {
            file.write(&state.ledger)?;
            if self.progress.stops() {
                tell(&format!("Stopped. The same command with --resume {} goes on.", file.path.display()));
            }
        }
        Ok(())
    }
}

impl Watcher for Watch {
    fn done(&self, counts: &Counts, ledger: &Ledger) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.runs += counts.runs();
        self.progress.bar.inc(1);
        self.progress.bar.set_message(counted(state.runs, "run"));
        let Some(file) = &self.file else { return };
        state.ledger.clone_from(ledger);
        if state.saved.elapsed() >= SAVE_EVERY && state.failed.is_none() {
            state.failed = file.write(ledger).err();
            state.saved = Instant::now();
        }
    }

    fn stop(&self) -> bool {
        self.progress.stops()
    }

    fn micros(&self) -> u64 {
        self.clock.micros()
    }
}

/// Where the work done is written down.
struct ResumeFile {
    path: PathBuf,
    plan: String,
}

#[derive(Serialize, Deserialize)]
struct Resumed {
    /// [`Explorer::name`].
    plan: String,
    done: Ledger,
}

impl ResumeFile {
    /// What is done; nothing where there is no file yet.
    fn read(&self) -> Result<Ledger, AppError> {
        let text = match read_text("read what is explored already", &self.path) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(Ledger::new()),
            Err(error) => return Err(error),
        };
        let shown = self.path.display();
        let resumed: Resumed = serde_json::from_str(&text).map_err(|error| {
            AppError::Usage(format!("{shown} is no record of an exploration: {}", malformed::json(&error)))
        })?;
        if resumed.plan != self.plan {
            let (other, this) = (resumed.plan, &self.plan);
            return Err(AppError::Usage(format!("{shown} is of another exploration: {other}; this one is {this}")));
        }
        Ok(resumed.done)
    }

    /// The whole file or the one before it, whatever happens meanwhile.
    fn write(&self, ledger: &Ledger) -> Result<(), AppError> {
        let resumed = Resumed { plan: self.plan.clone(), done: ledger.clone() };
        let text = serde_json::to_string(&resumed).map_err(|error| AppError::Internal(error.to_string()))?;
        write_whole(&self.path, format!("{text}\n").as_bytes())
    }
}
