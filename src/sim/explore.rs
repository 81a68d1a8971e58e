//! The tear explorer: every place where an order can be torn, and every place where its recovery can be torn again.
//!
//! Two levels, since a whole payment costs a thousand times what a torn write costs.
//!
//! **The card.** Each command of each order that writes is torn at every write, in every way ([`super::torn_card`]), and so is the
//! recovery, as deep as asked. Whatever is torn, the card holds afterwards, octet by octet, what it held before or what is right
//! after; what is decided stays decided; of a PIN at most one try is lost and none is gained; no session survives.
//!
//! **The protocol.** Terminal, kernel, journal and card play the order with a tear at every exchange, at every write, and with the
//! terminal killed before every action, and with a second tear of either kind in what follows; what people do next varies. And each
//! distinct image that the first level leaves goes once through the protocol, with the order open in the terminal's journal. That is
//! exhaustive: without power a card is nothing but its image, so two cuts that leave the same image are the same for every
//! terminal. (Cells that read differently each time are not part of the image; of those cuts one stands for all, and the
//! first level has shown that nothing of what the card holds is such a cell.) The rules are those of [`super::tear`].
//!
//! **The smallest first.** Work is in the order of size: no tear, one, two; within that early writes and simple ways first. The first
//! violation in that order is reported, whatever thread finds it and whatever else was found meanwhile. So nothing has to be
//! shrunk: every smaller run has been made and broke no rule.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::cuts::Cuts;
use super::field::{Field, Recorded, When};
use super::tear::{Played, Scenario, Setting, TORN_MODES, Tear, Then};
use super::torn_card::{Broken, TornCommand, Walk};
use crate::card::memory::{Cut, Torn};
use crate::conformance::rig::Rig;
use crate::conformance::role::CommandRole;
use crate::conformance::tester::Tester;
use crate::conformance::token::Token;
use crate::conformance::verdict::OrStop;
use crate::crypto::kdf::sha256;
use crate::difference::plain;
use crate::family::lab::{Act, Lab, Ordered, Trial};
use crate::quoted::quoted;
use crate::wire::hex;

/// Most tears of one run.
pub const DEPTH_MAX: usize = 3;
/// Of the token's case: what a token of an earlier explorer says may be something else here.
const REVISION: u32 = 1;
const CASE: &str = "explore";
/// Exchanges, writes or actions of one order, far above what any needs.
const BOUND: u64 = 256;

/// What to explore.
#[derive(Clone)]
pub struct Plan {
    /// Whose cards and terminals.
    pub lab: &'static dyn Lab,
    /// Tears of one run, 1 to [`DEPTH_MAX`]. The third is of the card's recovery only.
    pub depth: usize,
    /// Variants of the protocol.
    pub variants: Vec<&'static str>,
    /// What is ordered.
    pub trials: Vec<Trial>,
    /// Randomness of cards and of writes that leave anything.
    pub seed: u64,
    /// A deliberate defect of the card.
    pub mutant: Option<String>,
}

impl Plan {
    /// In words, all that a person can ask for.
    fn name(&self) -> String {
        let orders: Vec<&str> = self.trials.iter().map(|trial| trial.name).collect();
        let mutant = self.mutant.as_deref().unwrap_or("none");
        let (version, depth, seed) = (env!("CARGO_PKG_VERSION"), self.depth, self.seed);
        format!("{version} depth={depth} {} {} seed={seed} mutant={mutant}", self.variants.join("+"), orders.join("+"))
    }
}

/// How much was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Torn runs of a card by itself.
    pub card_runs: u64,
    /// Torn runs of the whole protocol.
    pub protocol_runs: u64,
    /// Images taken through the protocol, each distinct within its first write.
    pub images: u64,
    /// What the torn runs of cards by themselves took, microseconds of one thread each; not written down.
    #[serde(skip)]
    pub card_micros: u64,
}

impl Counts {
    /// All torn runs.
    pub const fn runs(&self) -> u64 {
        self.card_runs + self.protocol_runs
    }

    fn add(&mut self, other: &Self) {
        self.card_runs += other.card_runs;
        self.protocol_runs += other.protocol_runs;
        self.images += other.images;
        self.card_micros += other.card_micros;
    }
}

/// A broken rule and how to see it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Variant and order.
    pub command: String,
    /// What is wrong.
    pub rule: String,
    /// `explore@1/VARIANT.ORDER/SEED/CUTS`.
    pub token: String,
    /// What happens, step by step.
    pub steps: Vec<String>,
    /// The deliberate defect of the card, which is not in the token.
    pub mutant: Option<String>,
}

/// What came of an exploration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explored {
    /// Pieces of work there are.
    pub items: usize,
    /// Of these done, those of earlier explorations that this one continued included.
    pub done: usize,
    /// In these.
    pub counts: Counts,
    /// The smallest.
    pub violation: Option<Violation>,
    /// What could not be explored, and why: without a violation this is no clean end either.
    pub gaps: Vec<String>,
}

impl Explored {
    /// Everything was explored, and no rule is broken.
    pub const fn is_clean(&self) -> bool {
        self.violation.is_none() && self.gaps.is_empty() && self.done == self.items
    }
}

/// What was done, for going on later.
pub type Ledger = BTreeMap<String, Counts>;

/// Who looks on, from whatever thread.
pub trait Watcher: Sync {
    /// An item is done; `ledger` has it.
    fn done(&self, _counts: &Counts, _ledger: &Ledger) {}
    /// Asked often.
    fn stop(&self) -> bool {
        false
    }
    /// Microseconds, from whatever moment; without a clock all is 0.
    fn micros(&self) -> u64 {
        0
    }
}

/// Nobody looks on.
pub struct Unwatched;

impl Watcher for Unwatched {}

/// A piece of work.
#[derive(Debug, Clone, Copy)]
struct Item {
    setting: usize,
    trial: Trial,
    kind: Kind,
}

/// What is torn, where a number is left open: at every one there is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Untorn,
    Exchange(When, Then),
    Write(Torn, Then),
    Kill,
    ExchangeTwice(When, When, Then),
    ExchangeThenKill(When),
    KillThenExchange(When),
    KillTwice,
    /// Write of a command, both by index; with so many cuts.
    Card {
        command: usize,
        write: usize,
        depth: usize,
    },
}

/// Everything that is prepared for an exploration.
pub struct Explorer {
    plan: Plan,
    settings: Vec<Setting>,
    commands: Vec<(usize, Trial, TornCommand)>,
    items: Vec<Item>,
    /// The card is so defective that not even untorn orders work.
    broken: Option<Violation>,
    /// Orders of which nothing could be recorded.
    gaps: Vec<String>,
    /// [`BOUND`], but in tests.
    bound: u64,
}

/// How a piece of work ended that broke no rule.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    Stopped,
    /// There is more than the bound lets be seen.
    Bound,
}

impl End {
    const fn of(finished: bool) -> Self {
        if finished { Self::Done } else { Self::Stopped }
    }
}

impl Explorer {
    /// Makes the cards, records the orders, lists the work.
    ///
    /// # Errors
    /// There is no such mutant, in words.
    pub fn new(plan: Plan) -> Result<Self, String> {
        let (settings, commands, items, gaps) = Default::default();
        let mut explorer = Self { plan, settings, commands, items, broken: None, gaps, bound: BOUND };
        let lab = explorer.plan.lab;
        for variant in explorer.plan.variants.clone() {
            let Some(name) = explorer.plan.mutant.clone() else {
                explorer.settings.push(Setting::new(lab, variant, explorer.plan.seed, None)?);
                continue;
            };
            // Whether there is such a mutant, apart from whether its cards can be sold with.
            lab.cards(variant, explorer.plan.seed, Some(&name)).map_err(|error| error.to_string())?;
            match Setting::new(lab, variant, explorer.plan.seed, Some(&name)) {
                Ok(setting) => explorer.settings.push(setting),
                Err(rule) => {
                    let cuts = Cuts::Order { tear: None, again: None, then: Then::SameCard };
                    let first = lab.trials().first().map_or("", |trial| trial.name);
                    explorer.broken = Some(explorer.violation(variant, first, &cuts, rule, Vec::new()));
                    return Ok(explorer);
                }
            }
        }
        explorer.record();
        explorer.list();
        Ok(explorer)
    }

    fn record(&mut self) {
        for (index, setting) in self.settings.iter().enumerate() {
            for &trial in &self.plan.trials {
                let recorded = match trial.act {
                    Act::Order(_) => setting.record(trial),
                    Act::Bare(act) => bare(setting, self.plan.seed, act),
                };
                let torn = |recorded| TornCommand::new(setting.lab(), setting.select(), recorded);
                let commands: Vec<TornCommand> = recorded.iter().filter_map(torn).collect();
                // A defective card may refuse it. Then there is nothing to tear, and nothing is shown.
                if !commands.iter().any(TornCommand::moves_value) {
                    let (variant, trial) = (setting.variant(), trial.name);
                    self.gaps.push(format!("{variant}.{trial}: no command that moves value could be recorded"));
                }
                self.commands.extend(commands.into_iter().map(|command| (index, trial, command)));
            }
        }
    }

    fn list(&mut self) {
        let places: Vec<(usize, Trial)> = (0..self.settings.len())
            .flat_map(|setting| self.plan.trials.iter().map(move |&trial| (setting, trial)))
            .collect();
        for depth in 0..=self.plan.depth {
            // Of a card by itself first: there a violation says which octets are wrong.
            for (command, (setting, trial, torn)) in self.commands.iter().enumerate().filter(|_| depth > 0) {
                let kinds = (0..torn.writes()).map(|write| Kind::Card { command, write, depth });
                self.items.extend(kinds.map(|kind| Item { setting: *setting, trial: *trial, kind }));
            }
            for &(setting, trial) in &places {
                self.items.extend(shapes(trial, depth).into_iter().map(|kind| Item { setting, trial, kind }));
            }
        }
    }

    /// What must be the same where an interrupted exploration goes on: the plan, the commands with the images that they begin and end
    /// with and every write between them, and the pieces of work. So a card or terminal that does something else begins anew; one that
    /// recovers otherwise with the same writes does not show here.
    pub fn name(&self) -> String {
        let mut digest = sha256(&[&REVISION.to_be_bytes()]);
        for (_, _, command) in &self.commands {
            digest = sha256(&[&digest, &command.digest()]);
        }
        for index in 0..self.items.len() {
            digest = sha256(&[&digest, self.item_name(index).as_bytes()]);
        }
        format!("{} work={}", self.plan.name(), hex::encode(&digest[..8]))
    }

    /// Pieces of work.
    pub fn items(&self) -> usize {
        self.items.len()
    }

    /// Explores what `ledger` has not, with so many threads.
    pub fn run(&self, threads: usize, ledger: Ledger, watcher: &dyn Watcher) -> Explored {
        let next = AtomicUsize::new(0);
        // Index of the first item known to break a rule: those before it are finished, those after it do not matter.
        let first = AtomicUsize::new(usize::MAX);
        let state = Mutex::new((ledger, BTreeMap::new(), BTreeMap::new()));
        let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let idle = || watcher.stop() || first.load(Ordering::Relaxed) < index;
                let Some(item) = self.items.get(index).filter(|_| !idle()) else { return };
                let name = self.item_name(index);
                if lock().0.contains_key(&name) {
                    continue;
                }
                let mut counts = Counts::default();
                match self.explore(item, &mut counts, watcher, &idle) {
                    Ok(End::Stopped) => return,
                    Ok(End::Bound) => {
                        let gap = format!("{name}: more than {} places to tear it, the rest was not seen", self.bound);
                        lock().2.insert(index, gap);
                    }
                    Ok(End::Done) => {
                        let mut state = lock();
                        state.0.insert(name, counts);
                        watcher.done(&counts, &state.0);
                    }
                    Err(violation) => {
                        first.fetch_min(index, Ordering::Relaxed);
                        lock().1.insert(index, violation);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(work);
            }
        });
        let (ledger, mut violations, beyond) = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut counts = Counts::default();
        let names: Vec<String> = (0..self.items.len()).map(|index| self.item_name(index)).collect();
        let done: Vec<&Counts> = names.iter().filter_map(|name| ledger.get(name)).collect();
        for item in &done {
            counts.add(item);
        }
        let violation = violations.pop_first().map(|(_, violation)| violation).or_else(|| self.broken.clone());
        let mut gaps: Vec<String> = self.gaps.iter().cloned().chain(beyond.into_values()).collect();
        if self.items.is_empty() && violation.is_none() {
            gaps.push("there is nothing to explore".to_owned());
        }
        Explored { items: self.items.len(), done: done.len(), counts, violation, gaps }
    }

    /// Its name in the ledger. The number makes it unique: words for people may be the same for two kinds.
    fn item_name(&self, index: usize) -> String {
        let item = &self.items[index];
        let what = match item.kind {
            Kind::Card { command, write, depth } => format!("c{}w{write}@{depth}", self.commands[command].2.exchange),
            other => plain(&other),
        };
        format!("{}.{} {index} {what}", self.settings[item.setting].variant(), item.trial.name)
    }

    fn violation(&self, variant: &str, trial: &str, cuts: &Cuts, rule: String, steps: Vec<String>) -> Violation {
        let command = format!("{variant}.{trial}");
        let token = Token {
            case: CASE.to_owned(),
            revision: REVISION,
            profile: command.clone(),
            seed: self.plan.seed,
            cuts: cuts.to_string(),
        };
        Violation { command, rule, token: token.to_string(), steps, mutant: self.plan.mutant.clone() }
    }

    fn explore(
        &self,
        item: &Item,
        counts: &mut Counts,
        watcher: &dyn Watcher,
        stop: &dyn Fn() -> bool,
    ) -> Result<End, Violation> {
        let setting = &self.settings[item.setting];
        match (item.kind, item.trial.act) {
            (Kind::Card { command, write, depth }, _) => {
                let trial = item.trial;
                let command = &self.commands[command].2;
                let begun = watcher.micros();
                let mut walk = Walk::new(command, self.plan.seed, stop);
                let walked = walk.all(write, depth);
                counts.card_micros += watcher.micros().saturating_sub(begun);
                let finished = walked.map_err(|broken| self.broken_card(setting, trial, command, broken))?;
                counts.card_runs += walk.runs;
                let all = finished && self.follow_all(setting, trial, command, &walk.distinct, counts, stop)?;
                Ok(End::of(all))
            }
            (kind, Act::Order(ordered)) => {
                Sweep { explorer: self, setting, trial: item.trial, ordered, counts, stop }.all(kind)
            }
            (_, Act::Bare(_)) => self.check_whole(setting, item.trial).map(|()| End::Done),
        }
    }

    /// What nothing tears is right: without that no tear proves anything.
    fn check_whole(&self, setting: &Setting, trial: Trial) -> Result<(), Violation> {
        let own = |(index, listed, _): &&(usize, Trial, TornCommand)| {
            *listed == trial && self.settings[*index].variant() == setting.variant()
        };
        for (_, _, command) in self.commands.iter().filter(own) {
            command.check_whole().map_err(|broken| self.broken_card(setting, trial, command, broken))?;
        }
        Ok(())
    }

    fn broken_card(&self, setting: &Setting, trial: Trial, command: &TornCommand, broken: Broken) -> Violation {
        let Broken { cuts, rule } = broken;
        let steps = command.explain(&cuts);
        let cuts = Cuts::Card { exchange: command.exchange, cuts, then: None };
        self.violation(setting.variant(), trial.name, &cuts, rule, steps)
    }

    fn follow_all(
        &self,
        setting: &Setting,
        trial: Trial,
        command: &TornCommand,
        distinct: &[Vec<Cut>],
        counts: &mut Counts,
        stop: &dyn Fn() -> bool,
    ) -> Result<bool, Violation> {
        for cuts in distinct {
            if stop() {
                return Ok(false);
            }
            command.check_again(cuts).map_err(|broken| self.broken_card(setting, trial, command, broken))?;
            counts.images += 1;
            counts.protocol_runs += 1;
            let then = Then::SameCard;
            if let Err(rule) = follow(setting, trial, command, cuts, then) {
                let steps = command.explain(cuts);
                let cuts = Cuts::Card { exchange: command.exchange, cuts: cuts.clone(), then: Some(then) };
                return Err(self.violation(setting.variant(), trial.name, &cuts, rule, steps));
            }
        }
        Ok(true)
    }
}

/// Takes the card that these cuts leave through the protocol.
fn follow(setting: &Setting, trial: Trial, command: &TornCommand, cuts: &[Cut], then: Then) -> Result<(), String> {
    let card = command.torn_card(cuts).ok_or_else(|| "there is no such write".to_owned())?;
    match trial.act {
        Act::Order(ordered) => {
            let variant = setting.variant();
            let scenario = Scenario { trial, ordered, variant, tear: None, again: None, then };
            setting.run_with_torn_card(&scenario, command.exchange, card)
        }
        Act::Bare(_) => setting.order_on(card),
    }
}

/// What is torn with so many tears.
fn shapes(trial: Trial, depth: usize) -> Vec<Kind> {
    let mut kinds = Vec::new();
    match (trial.act, depth) {
        (_, 0) => kinds.push(Kind::Untorn),
        (Act::Order(_), 1) => {
            for then in Then::ALL {
                kinds.extend(When::ALL.map(|when| Kind::Exchange(when, then)));
                kinds.extend(TORN_MODES.map(|torn| Kind::Write(torn, then)));
            }
            kinds.push(Kind::Kill);
        }
        (Act::Order(_), 2) => {
            for when in When::ALL {
                for then in [Then::SameCard, Then::OtherCard, Then::Never] {
                    kinds.extend(When::ALL.map(|again| Kind::ExchangeTwice(when, again, then)));
                }
                kinds.extend([Kind::ExchangeThenKill(when), Kind::KillThenExchange(when)]);
            }
            kinds.push(Kind::KillTwice);
        }
        // The third tear is of a recovery of the card.
        _ => {}
    }
    kinds
}

/// Plays an order with a tear at every place.
struct Sweep<'a> {
    explorer: &'a Explorer,
    setting: &'a Setting,
    trial: Trial,
    ordered: Ordered,
    counts: &'a mut Counts,
    stop: &'a dyn Fn() -> bool,
}

impl Sweep<'_> {
    fn all(&mut self, kind: Kind) -> Result<End, Violation> {
        let same = Then::SameCard;
        match kind {
            Kind::Untorn => {
                self.explorer.check_whole(self.setting, self.trial)?;
                self.play(None, None, same).map(|_| End::Done)
            }
            Kind::Exchange(when, then) => self.once(|at| Tear::Exchange(at, when), then),
            Kind::Write(torn, then) => self.once(|after_writes| Tear::Write(Cut { after_writes, torn }), then),
            Kind::Kill => self.once(Tear::Kill, same),
            Kind::ExchangeTwice(first, again, then) => {
                self.twice(|at| Tear::Exchange(at, first), |at| Tear::Exchange(at, again), then)
            }
            Kind::ExchangeThenKill(when) => self.twice(|at| Tear::Exchange(at, when), Tear::Kill, same),
            Kind::KillThenExchange(when) => self.twice(Tear::Kill, |at| Tear::Exchange(at, when), same),
            Kind::KillTwice => self.twice(Tear::Kill, Tear::Kill, same),
            Kind::Card { .. } => Ok(End::Done),
        }
    }

    /// At 0, 1, 2 ... until one is beyond the end.
    fn once(&mut self, tear: impl Fn(u64) -> Tear, then: Then) -> Result<End, Violation> {
        for at in 0..self.explorer.bound {
            if (self.stop)() {
                return Ok(End::Stopped);
            }
            if !self.play(Some(tear(at)), None, then)?.torn {
                return Ok(End::Done);
            }
        }
        Ok(End::Bound)
    }

    fn twice(&mut self, tear: impl Fn(u64) -> Tear, again: impl Fn(u64) -> Tear, then: Then) -> Result<End, Violation> {
        for at in 0..self.explorer.bound {
            let mut is_last = false;
            for second in 0..self.explorer.bound {
                if (self.stop)() {
                    return Ok(End::Stopped);
                }
                let played = self.play(Some(tear(at)), Some(again(second)), then)?;
                if !played.torn {
                    return Ok(End::Done);
                }
                if !played.torn_again {
                    is_last = true;
                    break;
                }
            }
            if !is_last {
                return Ok(End::Bound);
            }
        }
        Ok(End::Bound)
    }

    fn play(&mut self, tear: Option<Tear>, again: Option<Tear>, then: Then) -> Result<Played, Violation> {
        let (trial, ordered, variant) = (self.trial, self.ordered, self.setting.variant());
        let scenario = Scenario { trial, ordered, variant, tear, again, then };
        match self.setting.run(&scenario) {
            Ok(played) => {
                // Only what was torn as often as it was meant to be counts.
                let meant = played.torn && (again.is_none() || played.torn_again);
                self.counts.protocol_runs += u64::from(meant);
                Ok(played)
            }
            Err(violation) => {
                let cuts = Cuts::Order { tear, again, then };
                let steps = vec![scenario.to_string()];
                Err(self.explorer.violation(variant, trial.name, &cuts, violation.rule, steps))
            }
        }
    }
}

/// The commands that move value of an order that a tester sends.
fn bare(setting: &Setting, seed: u64, act: fn(&mut Tester<'_>, &str) -> OrStop) -> Vec<Recorded> {
    let field = Field::new(vec![setting.card().clone()]);
    field.present(0);
    field.record();
    let mut rig = Rig::new(Box::new(field.reader()), None);
    let (mut clock, statement) = (|| 0, setting.lab().statement());
    let mut tester = Tester::new(&mut rig, &statement, seed, &mut clock);
    let done = act(&mut tester, setting.variant());
    let recorded = if done.is_ok() { field.take_recorded() } else { Vec::new() };
    let moves = |it: &Recorded| setting.lab().role(&it.command) == Some(CommandRole::Value);
    recorded.into_iter().filter(moves).collect()
}

/// The trial of this name.
pub fn trial_named(lab: &dyn Lab, name: &str) -> Option<Trial> {
    lab.trials().iter().find(|trial| trial.name == name).copied()
}

/// Variant and trial of a token; `None` where the laboratory has them not.
pub fn place(lab: &dyn Lab, token: &Token) -> Option<(&'static str, Trial)> {
    let (variant, trial) = token.profile.split_once('.')?;
    let variant = lab.variants().iter().find(|listed| **listed == variant)?;
    Some((variant, trial_named(lab, trial)?))
}

/// One run again, as a token says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// What happens.
    pub steps: Vec<String>,
    /// The broken rule.
    pub rule: Option<String>,
}

/// Plays the run of a token once more; `mutant` is not in the token.
///
/// # Errors
/// It is no token of this explorer, or there is no such order or mutant, in words.
pub fn replay(lab: &'static dyn Lab, token: &Token, mutant: Option<String>) -> Result<Replayed, String> {
    if (token.case.as_str(), token.revision) != (CASE, REVISION) {
        return Err(format!("replay: expected a token of {CASE}@{REVISION}, got {}@{}", token.case, token.revision));
    }
    let (variant, trial) =
        place(lab, token).ok_or_else(|| format!("replay: expected VARIANT.ORDER, got {}", quoted(&token.profile)))?;
    let cuts: Cuts = token.cuts.parse().map_err(|error: super::cuts::CutsError| error.to_string())?;
    let plan = Plan { lab, depth: 0, variants: vec![variant], trials: vec![trial], seed: token.seed, mutant };
    let explorer = Explorer::new(plan)?;
    if let Some(Violation { steps, rule, .. }) = &explorer.broken {
        return Ok(Replayed { steps: steps.clone(), rule: Some(rule.clone()) });
    }
    explorer.replay(trial, &cuts)
}

impl Explorer {
    fn replay(&self, trial: Trial, cuts: &Cuts) -> Result<Replayed, String> {
        let setting = &self.settings[0];
        match (cuts, trial.act) {
            (Cuts::Card { exchange, cuts, then }, _) => {
                let command = self.commands.iter().map(|(.., command)| command).find(|it| it.exchange == *exchange);
                let command = command.ok_or_else(|| format!("exchange {exchange} of that order writes nothing"))?;
                let broken = command.run(cuts).err().map(|broken| broken.rule);
                let rule = match then {
                    Some(then) if broken.is_none() => follow(setting, trial, command, cuts, *then).err(),
                    _ => broken,
                };
                Ok(Replayed { steps: command.explain(cuts), rule })
            }
            (Cuts::Order { tear, again, then }, Act::Order(ordered)) => {
                let (variant, tear, again, then) = (setting.variant(), *tear, *again, *then);
                let scenario = Scenario { trial, ordered, variant, tear, again, then };
                let played = setting.run(&scenario);
                let mut steps = vec![scenario.to_string()];
                if let Ok(played) = &played {
                    steps.push(format!("torn: {}, torn again: {}", played.torn, played.torn_again));
                }
                Ok(Replayed { steps, rule: played.err().map(|violation| violation.rule) })
            }
            (Cuts::Order { .. }, Act::Bare(_)) => Err("no terminal gives this order: tear its command".to_owned()),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.command, self.rule)?;
        for step in &self.steps {
            writeln!(f, "  {step}")?;
        }
        write!(f, "  again: untorn explore --replay {}", self.token)?;
        self.mutant.as_ref().map_or(Ok(()), |mutant| write!(f, " --mutant {mutant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::families;

    /// The first family that can be torn, under its first variant.
    fn plan(depth: usize, orders: &[&str], seed: u64) -> Plan {
        let lab = families().iter().find_map(|family| family.lab()).unwrap();
        let trials = orders.iter().map(|name| trial_named(lab, name).unwrap()).collect();
        Plan { lab, depth, variants: vec![lab.variants()[0]], trials, seed, mutant: None }
    }

    #[test]
    fn what_lies_beyond_the_bound_is_told_and_is_no_clean_end() {
        let plan = plan(2, &["sale"], 0);
        let mut explorer = Explorer::new(plan).unwrap();
        // SELECT, AUTH, TRANSACT, ACK: at one more it would be seen that there is no fifth.
        explorer.bound = 4;
        let is_of_exchanges = |item: &Item| {
            let once = matches!(item.kind, Kind::Untorn | Kind::Exchange(When::Before, Then::Never));
            once || matches!(item.kind, Kind::ExchangeTwice(When::Before, When::Before, Then::Never))
        };
        explorer.items.retain(is_of_exchanges);
        let explored = explorer.run(1, Ledger::new(), &Unwatched);
        assert_eq!((explored.gaps.len(), explored.done, explored.items), (2, 1, 3), "{:?}", explored.gaps);
        assert!(!explored.is_clean() && explored.violation.is_none());
        explorer.bound = BOUND;
        assert!(explorer.run(1, Ledger::new(), &Unwatched).is_clean());
    }

    #[test]
    fn an_exploration_goes_on_only_with_the_same_work() {
        let plan = |seed| plan(1, &["sale"], seed);
        let explorer = || Explorer::new(plan(0)).unwrap();
        assert_eq!(explorer().name(), explorer().name());
        assert_ne!(explorer().name(), Explorer::new(plan(1)).unwrap().name());
        let (mut fewer, mut other) = (explorer(), explorer());
        fewer.items.pop();
        other.commands.swap(0, 1);
        assert!(fewer.name() != explorer().name() && other.name() != explorer().name());
    }

    #[test]
    fn an_exploration_of_nothing_is_not_clean() {
        let plan = plan(1, &[], 0);
        assert!(!Explorer::new(plan).unwrap().run(1, Ledger::new(), &Unwatched).is_clean());
    }
}
