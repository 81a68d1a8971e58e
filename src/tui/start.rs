//! From the options of a run to the window.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::app::Tab;
use super::core::{BenchSetup, Setup, VirtualCard};
use super::{cards, suite, window};
use crate::app::campaign::CampaignOptions;
use crate::app::{App, AppError, Options, ReaderChoice, open_pcsc, trace_error};
use crate::conformance::expected::Expectations;
use crate::entropy::{Entropy, SeededEntropy, SystemEntropy};
use crate::family::lab::Lab;
use crate::family::profile::Profile;
use crate::journal::JournalError;
use crate::journal::policy::SettlementPolicy;
use crate::journal::sqlite::{Selection, SqliteReader};
use crate::journal::view::OrderView;
use crate::report::slip::{self, Heading};
use crate::time::Moment;

/// Decided orders that the list goes back to; what is unresolved is shown however old it is.
const ORDERS_MAX: u32 = 500;

/// What the conformance suite is told in files.
#[derive(Debug, Clone, Default)]
pub struct SuiteFiles {
    /// ICS and IXIT, instead of the profile's.
    pub statement: Option<PathBuf>,
    /// Cases, besides the built-in ones.
    pub cases: Vec<PathBuf>,
    /// Already read.
    pub expectations: Expectations,
}

/// Opens journal, card and reader as `options` say, then the window at the `first` screen, until the person leaves; whether
/// they leave an order behind of which it is not known what came of it.
pub fn run(options: &Options, files: SuiteFiles, first: Tab) -> Result<bool, AppError> {
    let suite = suite_setup(options, files)?;
    let cases = suite.options.review()?;
    if let Some(case) = suite.expectations.unknown(&cases).first() {
        return Err(AppError::Usage(format!("expected results: there is no case {case}")));
    }
    let mut app = App::open(options)?;
    let clock = app.clock.clone();
    let (trace_clock, ring, trace) = (app.clock.clone(), app.trace.clone(), app.trace.clone());
    // The file of `--trace` belongs to the reader with which the run begins.
    let untraced = Options { trace: None, ..options.clone() };
    let policy = app.policy;
    let journal_clock = app.clock.clone();
    let reader = app.journal.another_reader()?;
    let bench = bench(&mut app, options)?;
    let clock_doubt = app.clock_doubt()?;
    let new_journal = app.journal.is_new().then(|| app.journal.reader().path().display().to_string());
    let orders_for = app.terminal.config_mut().orders_for.clone();
    let setup = Setup {
        profile: options.profile.clone(),
        currency: app.currency,
        terminal: app.terminal,
        journal: Box::new(app.journal),
        orders: Box::new(move || orders(&reader, policy, journal_clock.now())),
        entropy: app.entropy,
        reader: app.reader,
        ring: app.trace,
        bench,
        orders_for,
        gives_at_real_readers: options.gives_at_real_readers(),
        slip: Box::new(move |outcome| slip::of(outcome, Heading { test_keys: true, policy })),
        open_reader: Box::new(move |name| {
            open_pcsc(name, &untraced, &trace_clock, &ring).map_err(|error| error.to_string())
        }),
        notice: new_journal.map(|path| format!("a new journal was made: {path}")).or(clock_doubt),
    };
    // A run that repeats cannot depend on what is plugged in meanwhile.
    let watch = options.seed.is_none();
    let ended = window::open(setup, suite, clock, watch, first).map_err(AppError::Window);
    if let Some(reason) = trace_error(&trace, options.trace.as_deref()) {
        // Nothing depends on its being read.
        let _ = writeln!(io::stderr(), "untorn: {reason}");
    }
    ended
}

fn suite_setup(options: &Options, files: SuiteFiles) -> Result<suite::Setup, AppError> {
    Ok(suite::Setup {
        expectations: files.expectations,
        options: CampaignOptions {
            profile: options.profile.clone(),
            card: options.card.as_ref().map(|card| card.0.clone()),
            journal: options.journal.clone(),
            suite: options.variant()?.map(str::to_owned),
            statement: files.statement,
            cases: files.cases,
            ..CampaignOptions::default()
        },
        begins_virtual: options.reader == ReaderChoice::Virtual,
        seed: options.seed.unwrap_or_default(),
        runs: PathBuf::from("runs"),
    })
}

/// The newest orders and all that are unresolved.
fn orders(reader: &SqliteReader, policy: SettlementPolicy, now: Moment) -> Result<Vec<OrderView>, JournalError> {
    let mut found = BTreeMap::new();
    for selection in [Selection::Latest(ORDERS_MAX), Selection::Unresolved] {
        found.extend(reader.orders(&selection)?.into_iter().map(|order| (order.order, order)));
    }
    let mut orders: Vec<OrderView> = found.into_values().collect();
    for order in &mut orders {
        order.settle(policy, now);
    }
    Ok(orders)
}

/// The person's own card first, then one of each other built-in profile: to see what another card does.
fn bench(app: &mut App, options: &Options) -> Result<Option<BenchSetup>, AppError> {
    let Some(own) = &app.card else { return Ok(None) };
    own.slot.remove();
    let mut cards = vec![cards::of(&*own.profile.profile, own.card())?];
    for (number, name) in own.profile.family.profiles().into_iter().enumerate() {
        if name != own.profile.profile.name() {
            cards.push(other(&*own.profile.family.profile(name)?, options.seed, number as u64)?);
        }
    }
    let (slot, tears, failure) = (own.slot.clone(), own.tears.clone(), own.failure.clone());
    let roles = own.profile.family.lab().map(<dyn Lab>::roles).unwrap_or_default();
    Ok(Some(BenchSetup { slot, tears, roles, cards, failure }))
}

fn other(profile: &dyn Profile, seed: Option<u64>, number: u64) -> Result<VirtualCard, AppError> {
    let mut entropy: Box<dyn Entropy> = match seed {
        // Not the stream of the terminal or of another card.
        Some(seed) => Box::new(SeededEntropy::new(seed.wrapping_add(0x6265_6E63_6800).wrapping_add(number))),
        None => Box::new(SystemEntropy),
    };
    // A card of this run alone: the next run's must not be taken for it.
    let own = profile.with_own_id(&mut *entropy);
    Ok(cards::fresh(own.as_deref().unwrap_or(profile), entropy)?)
}
