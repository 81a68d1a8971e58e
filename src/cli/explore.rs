//! `untorn explore`: tears every order everywhere and says what broke.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::arguments::Global;
use super::{Report, desk, tell};
use crate::app::{AppError, Clock, Exit};
use crate::conformance::token::Token;
use crate::family::purse::data::Suite;
use crate::sim::explore::{self, Counts, DEPTH_MAX, Explored, Explorer, Ledger, Order, Plan, Watcher};

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
  untorn explore --replay explore@1/epc1.sale/0/c2w1:erased+r0:nothing

Exit codes: 0 no rule is broken; 1 a rule is broken; 2 stopped before the end; 3 command line or a file wrong.";

#[derive(Debug, Args)]
#[command(after_help = EXPLORE_HELP)]
pub(super) struct Explore {
    /// Most tears of one run, 1 to 3; the third is of the card's recovery only and takes some hundred times as long
    #[arg(long, value_name = "TEARS", default_value_t = 1, value_parser = depth)]
    pub(super) depth: usize,
    /// Only this order; may be repeated
    #[arg(long = "order", value_name = "NAME", value_parser = orders())]
    pub(super) orders: Vec<Order>,
    /// Give the card a deliberate defect, which should be found
    #[arg(long, value_name = "NAME")]
    pub(super) mutant: Option<String>,
    /// Threads [default: as many as there are processors]
    #[arg(long, value_name = "NUMBER", value_parser = jobs)]
    pub(super) jobs: Option<usize>,
    /// Write down what is done, and go on from there
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,
    /// Play one run again and show its steps
    #[arg(long, value_name = "TOKEN", value_parser = token, conflicts_with_all = ["depth", "orders", "jobs", "resume"])]
    pub(super) replay: Option<Token>,
}

fn depth(text: &str) -> Result<usize, String> {
    let depth = text.parse().ok().filter(|depth| (1..=DEPTH_MAX).contains(depth));
    depth.ok_or_else(|| format!("expected 1 to {DEPTH_MAX}, got {text:?}"))
}

/// More than any machine has use for; each takes memory of its own.
const JOBS_MAX: usize = 512;

fn jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs| (1..=JOBS_MAX).contains(jobs));
    jobs.ok_or_else(|| format!("expected 1 to {JOBS_MAX}, got {text:?}"))
}

fn token(text: &str) -> Result<Token, String> {
    let expected = "expected a token that untorn explore printed, such as explore@1/epc1.sale/0/c2w1:erased+r0:nothing";
    text.parse().map_err(|error| format!("{expected}: {error}"))
}

fn orders() -> impl TypedValueParser<Value = Order> {
    PossibleValuesParser::new(Order::ALL.map(|(name, _)| name))
        .try_map(|name| Order::by_name(&name).ok_or_else(|| format!("there is no order {name:?}")))
}

pub(super) fn run(global: &Global, explore: &Explore) -> Result<Report, AppError> {
    if let Some(token) = &explore.replay {
        return replay(token, explore.mutant.clone());
    }
    let all = || Order::ALL.iter().map(|(_, order)| *order).collect();
    let plan = Plan {
        depth: explore.depth,
        suites: global.options().suite.map_or_else(|| vec![Suite::Epc1, Suite::Epc2], |suite| vec![suite]),
        orders: if explore.orders.is_empty() { all() } else { explore.orders.clone() },
        seed: global.seed().unwrap_or_default(),
        mutant: explore.mutant.clone(),
    };
    let name = plan.name();
    let file = explore.resume.as_ref().map(|path| ResumeFile { path: path.clone(), plan: name });
    let ledger = file.as_ref().map(ResumeFile::read).transpose()?.unwrap_or_default();
    let before: u64 = ledger.values().map(|counts| counts.card_runs).sum();
    let explorer = Explorer::new(plan).map_err(AppError::Usage)?;
    let watch = Watch::new(explorer.items(), &ledger, file, desk::stop_flag()?);
    let threads =
        explore.jobs.or_else(|| std::thread::available_parallelism().ok().map(std::num::NonZero::get)).unwrap_or(1);
    let begun = Instant::now();
    let explored = explorer.run(threads, ledger, &watch);
    let seconds = begun.elapsed().as_secs_f64();
    watch.end()?;
    // Of what was done now: what was done before took no time today.
    let card_runs = explored.counts.card_runs.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = card_runs as f64 / (explored.counts.card_micros.max(1) as f64 / 1e6);
    Ok(report(&explored, threads, seconds, rate))
}

fn report(explored: &Explored, threads: usize, seconds: f64, rate: f64) -> Report {
    let Explored { items, done, counts, violation } = explored;
    let (exit, result) = match violation {
        Some(_) => (Exit::Failed, "violation"),
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
        "{} torn runs: {} of a card by itself, {} of the whole protocol, {} of these from distinct images.",
        counts.runs(),
        counts.card_runs,
        counts.protocol_runs,
        counts.images
    );
    let _ =
        writeln!(text, "{seconds:.1} s with {threads} threads; a thread makes {rate:.0} torn runs of a card a second.");
    let detail = match violation {
        Some(violation) => format!("{}: {}", violation.command, violation.rule),
        None if done < items => format!("Stopped before the end: {done} of {items} pieces of work are done."),
        None => format!("No violation in {} torn runs.", counts.runs()),
    };
    if violation.is_none() {
        let _ = writeln!(text, "{detail}");
    }
    let json = json!({
        "items": items, "done": done, "counts": counts, "runs": counts.runs(), "violation": violation,
        "threads": threads, "seconds": seconds, "card_runs_per_second": rate,
    });
    Report::new(exit, text, result, detail, json)
}

fn replay(token: &Token, mutant: Option<String>) -> Result<Report, AppError> {
    let replayed = explore::replay(token, mutant).map_err(AppError::Usage)?;
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

/// Progress for people, and for going on later.
struct Watch {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
    clock: Clock,
    file: Option<ResumeFile>,
    state: Mutex<State>,
}

struct State {
    runs: u64,
    saved: Instant,
    ledger: Ledger,
    failed: Option<AppError>,
}

impl Watch {
    fn new(items: usize, ledger: &Ledger, file: Option<ResumeFile>, stop: Arc<AtomicBool>) -> Self {
        // Hidden where the standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(items as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed} {eta} left {msg}") {
            bar.set_style(style);
        }
        bar.set_position(ledger.len() as u64);
        bar.reset_eta();
        let state = State { runs: 0, saved: Instant::now(), ledger: ledger.clone(), failed: None };
        Self { bar, stop, clock: Clock::system(), file, state: Mutex::new(state) }
    }

    /// Writes down what is done; the first failure is what is said at the end.
    fn end(self) -> Result<(), AppError> {
        self.bar.finish_and_clear();
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.failed {
            return Err(error);
        }
        if let Some(file) = &self.file {
            file.write(&state.ledger)?;
            if self.stop.load(Ordering::Relaxed) {
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
        self.bar.inc(1);
        self.bar.set_message(format!("{} runs", state.runs));
        let Some(file) = &self.file else { return };
        state.ledger.clone_from(ledger);
        if state.saved.elapsed() >= SAVE_EVERY && state.failed.is_none() {
            state.failed = file.write(ledger).err();
            state.saved = Instant::now();
        }
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
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
    /// [`Plan::name`].
    plan: String,
    done: Ledger,
}

impl ResumeFile {
    /// What is done; nothing where there is no file yet.
    fn read(&self) -> Result<Ledger, AppError> {
        let octets = match fs::read(&self.path) {
            Ok(octets) => octets,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Ledger::new()),
            Err(error) => return Err(AppError::file("read", &self.path, error)),
        };
        let shown = self.path.display();
        let resumed: Resumed =
            serde_json::from_slice(&octets).map_err(|error| AppError::Usage(format!("{shown}: {error}")))?;
        if resumed.plan != self.plan {
            let (other, this) = (resumed.plan, &self.plan);
            return Err(AppError::Usage(format!("{shown} is of another exploration: {other}; this one is {this}")));
        }
        Ok(resumed.done)
    }

    /// The whole file or the one before it, whatever happens meanwhile.
    fn write(&self, ledger: &Ledger) -> Result<(), AppError> {
        let resumed = Resumed { plan: self.plan.clone(), done: ledger.clone() };
        let fresh = beside(&self.path);
        let write = || {
            let mut file = File::create(&fresh)?;
            serde_json::to_writer(&mut file, &resumed)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)
        };
        write().map_err(|error| AppError::file("write", &self.path, error))
    }
}

/// A name in the same directory, so that it can be renamed.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}
