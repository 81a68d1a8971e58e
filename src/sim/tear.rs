//! One order, one tear, what people do next, and whether the money is right afterwards.
//!
//! A [`Scenario`] says all of that; [`Setting::run`] plays it and checks the rules of specs/terminal.md, clause 2. The same scenario
//! gives the same run, octet by octet.

use std::fmt;

use super::field::{Field, When};
use crate::card::memory::{Cut, Torn};
use crate::entropy::SeededEntropy;
use crate::family::purse::card::PurseCard;
use crate::family::purse::card_inspection::Inspection;
use crate::family::purse::data::{CardId, Role, Suite, TerminalId};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::kernel::PurseKernel;
use crate::family::purse::kernel_sam::{Grant, SoftSam};
use crate::family::purse::profile::Profile;
use crate::journal::Journal;
use crate::journal::memory::MemoryJournal;
use crate::journal::record::{CardReference, Entry, Intent, OrderKind, OrderNumber, Resolution};
use crate::money::{Currency, Money};
use crate::reader::exchange::{Exchange, nothing_is_idempotent};
use crate::reader::{Reader, Reset};
use crate::secret::Pin;
use crate::session::{Arrival, Desk, Progress, Run, World};
use crate::terminal::event::{Outcome, OutcomeKind, Prompt, Request};
use crate::terminal::{Config, Terminal};
use crate::time::Moment;

/// The order under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trial {
    /// A sale below the PIN limit.
    Sale,
    /// A sale above it.
    SaleWithPin,
    /// A top-up.
    TopUp,
    /// A refund of the sale before.
    Refund,
}

impl Trial {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sale, Self::SaleWithPin, Self::TopUp, Self::Refund];

    const fn kind(self) -> OrderKind {
        match self {
            Self::Sale | Self::SaleWithPin => OrderKind::Sale,
            Self::TopUp => OrderKind::TopUp,
            Self::Refund => OrderKind::Refund,
        }
    }

    const fn amount(self) -> u32 {
        match self {
            Self::Sale => 1_250,
            Self::SaleWithPin => 12_500,
            Self::TopUp => 3_000,
            Self::Refund => FIRST_SALE,
        }
    }
}

/// Where it is torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tear {
    /// Nowhere.
    None,
    /// At an exchange.
    Exchange(u64, When),
    /// At a write of the card's memory, and perhaps at a write of the recovery too.
    Write(Cut, Option<Cut>),
    /// The terminal is killed before this action.
    Kill(u64),
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    /// The same card is touched again.
    SameCard,
    /// Another card, then the same.
    OtherCard,
    /// Nothing, until the terminal gives up.
    Never,
    /// The card makes a sale at another terminal, then comes back.
    AnotherTerminal,
    /// The terminal is killed at once and started again.
    TerminalKilled,
    /// The same card comes back and leaves again in the middle of the session, then another card.
    SwappedInRetry,
}

impl Then {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SameCard,
        Self::OtherCard,
        Self::Never,
        Self::AnotherTerminal,
        Self::TerminalKilled,
        Self::SwappedInRetry,
    ];
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scenario {
    /// What is ordered.
    pub trial: Trial,
    /// Under which suite.
    pub suite: Suite,
    /// Where it is torn.
    pub tear: Tear,
    /// What follows.
    pub then: Then,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} under {}, torn at {:?}, then {:?}", self.trial, self.suite, self.tear, self.then)
    }
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{scenario}: {rule}")]
pub struct Violation {
    /// Which run.
    pub scenario: String,
    /// What is wrong.
    pub rule: String,
}

/// What a run showed of its own size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Played {
    /// Whether the tear happened; a scenario beyond the end of the run has none.
    pub torn: bool,
    /// Whether the second cut happened.
    pub torn_again: bool,
}

const FIRST_SALE: u32 = 700;
const FOREIGN_SALE: u32 = 310;
const NEXT_SALE: u32 = 90;
/// Actions of one request, far above what any needs.
const STEPS_MAX: u64 = 2_000;

/// Cards personalised once, copied for each run.
#[derive(Debug)]
pub struct Setting {
    cards: Vec<PurseCard<SeededEntropy>>,
    modules: Vec<SoftSam>,
    /// Transaction id of the sale before, for refunds.
    sold: Option<String>,
}

impl Setting {
    /// Two cards of the default profile, with one sale made on the first.
    ///
    /// # Errors
    /// Our own profiles and test keys are wrong, in words.
    pub fn new(suite: Suite) -> Result<Self, String> {
        let scheme = Scheme::test();
        let mut profile = Profile::built_in("default").map_err(|error| error.to_string())?.with_suites(&[suite]);
        let mut cards = Vec::new();
        for number in 0..2 {
            profile.card_id = card_id(number);
            let entropy = SeededEntropy::new(number as u64);
            cards.push(PurseCard::personalise(&profile, &scheme, entropy).map_err(|error| error.to_string())?);
        }
        let roles = vec![Role::Debit, Role::Credit, Role::Refund, Role::Read];
        let grant = Grant { roles, logical_cards: vec![(1, 1)] };
        let module =
            |number| SoftSam::new(&scheme, TerminalId([0x54, 0x49, 0x4C, 0x4C, 0, 0, 0, number]), Some(suite), &grant);
        let modules: Result<_, _> = [1, 2, 3].map(module).into_iter().collect();
        let mut setting = Self { cards, modules: modules.map_err(|error| error.to_string())?, sold: None };
        let field = Field::new(setting.cards.clone());
        let mut till = setting.till(2);
        let outcome = till.order(&field, OrderKind::Sale, FIRST_SALE, vec![Presented::Card(0)]);
        let OutcomeKind::Paid { intent, .. } = &outcome.result else {
            return Err(format!("the first sale fails: {:?}", outcome.result));
        };
        setting.sold = crate::family::transaction_of(intent);
        setting.cards[0] = field.inspect(0, Clone::clone);
        Ok(setting)
    }

    /// A terminal that has just been switched on, with an empty journal.
    fn till(&self, module: usize) -> Till {
        let sam = self.modules[module].restarted();
        let terminal = Terminal::new(Config::default(), Box::new(PurseKernel::new(Box::new(sam), vec![1])));
        let entropy = SeededEntropy::new(1_000 + module as u64);
        Till { terminal, journal: MemoryJournal::default(), entropy, now: Moment::from_seconds(1_701_224_448) }
    }

    /// Plays a scenario.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn run(&self, scenario: &Scenario) -> Result<Played, Violation> {
        self.play(scenario).map_err(|rule| Violation { scenario: scenario.to_string(), rule })
    }

    fn play(&self, scenario: &Scenario) -> Result<Played, String> {
        let field = Field::new(self.cards.clone());
        let before = Books::of(&field);
        let (mut till, foreign) = (self.till(0), self.till(1));
        let foreign_journal = foreign.journal.clone();
        arm(&field, scenario.tear);
        let outcome = till.run_torn(&field, scenario, foreign, self.sold.clone());
        let torn = match scenario.tear {
            Tear::Kill(_) => outcome.is_none(),
            _ => field.is_torn(),
        };
        field.tear_at(u64::MAX, When::Before);
        field.take_cut_back(0);
        let journals = [&till.journal, &foreign_journal];
        if let Some(outcome) = &outcome {
            check_outcome(outcome, &till.journal)?;
        }
        // The terminal starts anew: what it knew is in its journal, or lost.
        let mut till = Till { journal: till.journal.clone(), ..self.till(0) };
        let torn_again = Self::converge(&field, &mut till, scenario)?;
        before.check(&field, &journals)?;
        let next = till.order(&field, OrderKind::Sale, NEXT_SALE, vec![Presented::Card(0)]);
        if !matches!(next.result, OutcomeKind::Paid { .. }) {
            return Err(format!("the card is no good any more: the next sale ends as {:?}", next.result));
        }
        before.check(&field, &[&till.journal, &foreign_journal])?;
        Ok(Played { torn, torn_again })
    }

    /// At most two clean touches leave nothing open; a second cut tears a touch before them.
    fn converge(field: &Field, till: &mut Till, scenario: &Scenario) -> Result<bool, String> {
        let mut torn_again = false;
        if let Tear::Write(_, Some(second)) = scenario.tear {
            field.cut(0, second);
            let _torn = till.ask(field, Request::Resolve, vec![Presented::Card(0)], None);
            torn_again = !field.take_cut_back(0);
        }
        for _ in 0..2 {
            let _ = till.ask(field, Request::Resolve, vec![Presented::Card(0)], None);
        }
        let open = till.journal.open(None).map_err(|error| error.to_string())?;
        match open.first() {
            Some(record) => Err(format!("after two touches order {} is still open", record.intent.order)),
            None => Ok(torn_again),
        }
    }
}

fn arm(field: &Field, tear: Tear) {
    match tear {
        Tear::None | Tear::Kill(_) => {}
        Tear::Exchange(exchange, when) => field.tear_at(exchange, when),
        Tear::Write(cut, _) => field.cut(0, cut),
    }
}

/// What is said at the end must be what is written.
fn check_outcome(outcome: &Outcome, journal: &MemoryJournal) -> Result<(), String> {
    let entries = journal.entries();
    let resolved = |intent: &Intent, wanted: fn(&Resolution) -> bool| {
        entries.iter().any(|(_, entry)| match entry {
            Entry::Resolved { order, attempt, resolution } => {
                (*order, *attempt) == (intent.order, intent.attempt) && wanted(resolution)
            }
            _ => false,
        })
    };
    let paid = |intent: &Intent| resolved(intent, |resolution| matches!(resolution, Resolution::Paid { .. }));
    match &outcome.result {
        OutcomeKind::Paid { intent, .. } if !paid(intent) => Err("shown as paid, not written as paid".to_owned()),
        OutcomeKind::Unresolved { intent, .. } if resolved(intent, |_| true) => {
            Err("shown as unresolved, written as resolved".to_owned())
        }
        OutcomeKind::Internal(reason) => Err(format!("internal error: {reason}")),
        OutcomeKind::Refused(_) | OutcomeKind::Cancelled(_) | OutcomeKind::CardFault(_) => {
            let unknown = entries.iter().any(|(_, entry)| match entry {
                Entry::Intent(intent) => {
                    !resolved(intent, |resolution| matches!(resolution, Resolution::NotPaid { .. }))
                }
                _ => false,
            });
            if unknown { Err("shown as not having happened, which nobody knows".to_owned()) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

/// A terminal with its journal.
struct Till {
    terminal: Terminal,
    journal: MemoryJournal,
    entropy: SeededEntropy,
    now: Moment,
}

/// What people hold into the field, one after the other; then nothing, until the time is up.
enum Presented {
    Card(usize),
    /// It leaves before this exchange.
    CardTornAt(usize, u64),
    /// After it was used at another terminal.
    CardUsedElsewhere(usize, Box<Till>),
}

impl Till {
    fn run_torn(&mut self, field: &Field, scenario: &Scenario, foreign: Till, sold: Option<String>) -> Option<Outcome> {
        let mut presented = vec![Presented::Card(0)];
        match scenario.then {
            Then::SameCard => presented.extend([Presented::Card(0), Presented::Card(0)]),
            Then::OtherCard => presented.extend([Presented::Card(1), Presented::Card(0), Presented::Card(0)]),
            Then::AnotherTerminal => {
                presented.extend([Presented::CardUsedElsewhere(0, Box::new(foreign)), Presented::Card(0)]);
            }
            // SELECT and AUTH go well; the third exchange is VERIFY or TRANSACT.
            Then::SwappedInRetry => {
                presented.extend([Presented::CardTornAt(0, 2), Presented::Card(1), Presented::Card(0)]);
            }
            Then::Never | Then::TerminalKilled => {}
        }
        let kill = match (scenario.tear, scenario.then) {
            (Tear::Kill(action), _) => Some(Kill::At(action)),
            (_, Then::TerminalKilled) => Some(Kill::OnceTorn),
            _ => None,
        };
        let order = self.next_order();
        let amount = yen(scenario.trial.amount());
        let request = Request::Order { order, kind: scenario.trial.kind(), amount, refund_of: sold };
        self.ask(field, request, presented, kill)
    }

    fn order(&mut self, field: &Field, kind: OrderKind, amount: u32, presented: Vec<Presented>) -> Outcome {
        let order = self.next_order();
        let request = Request::Order { order, kind, amount: yen(amount), refund_of: None };
        self.ask(field, request, presented, None).unwrap_or_else(|| Outcome {
            result: OutcomeKind::Internal("the request has no end".to_owned()),
            settled: Vec::new(),
            card: None,
            slip_issued: false,
        })
    }

    fn next_order(&mut self) -> OrderNumber {
        self.journal.next_order().unwrap_or(OrderNumber(0))
    }

    /// `None` when the terminal was killed, or found no end.
    fn ask(
        &mut self,
        field: &Field,
        request: Request,
        presented: Vec<Presented>,
        kill: Option<Kill>,
    ) -> Option<Outcome> {
        let mut reader = Exchange::new(field.reader(), nothing_is_idempotent);
        let mut people = People { field, presented: presented.into_iter(), now: self.now, wrong_pins: 0 };
        let mut world =
            World { reader: &mut reader, journal: &mut self.journal, desk: &mut people, entropy: &mut self.entropy };
        let mut run = Run::begin(&mut self.terminal, request, &mut world);
        for step in 0..STEPS_MAX {
            let killed = match kill {
                Some(Kill::At(action)) => step == action,
                Some(Kill::OnceTorn) => field.is_torn(),
                None => false,
            };
            if killed {
                field.lift();
                return None;
            }
            match run.step(&mut world) {
                Progress::Running(next) => run = next,
                Progress::Finished(outcome) => {
                    field.lift();
                    self.now = people.now;
                    return Some(outcome);
                }
            }
        }
        None
    }
}

#[derive(Clone, Copy)]
enum Kill {
    At(u64),
    OnceTorn,
}

struct People<'a> {
    field: &'a Field,
    presented: std::vec::IntoIter<Presented>,
    now: Moment,
    wrong_pins: u8,
}

impl Desk for People<'_> {
    fn now(&mut self) -> Moment {
        self.now = self.now.plus_millis(1);
        self.now
    }

    fn await_card(&mut self, reader: &mut dyn Reader, _prompt: &Prompt, _until: Moment) -> Arrival {
        for presented in self.presented.by_ref() {
            let card = match presented {
                Presented::Card(card) => card,
                Presented::CardTornAt(card, exchange) => {
                    self.field.tear_at(exchange, When::Before);
                    card
                }
                Presented::CardUsedElsewhere(card, mut till) => {
                    let sale = till.order(self.field, OrderKind::Sale, FOREIGN_SALE, vec![Presented::Card(card)]);
                    assert!(
                        matches!(sale.result, OutcomeKind::Paid { .. }),
                        "the sale at the other terminal: {sale:?}"
                    );
                    card
                }
            };
            self.field.present(card);
            if reader.activate(Reset::Cold).is_ok() {
                return Arrival::Card;
            }
        }
        Arrival::TimeOut
    }

    fn ask_pin(&mut self, _tries_left: Option<u8>) -> Option<Pin> {
        self.wrong_pins += 1;
        Pin::parse("1234").ok().filter(|_| self.wrong_pins < 4)
    }
}

const fn yen(minor: u32) -> Money {
    Money::new(minor, Currency::JPY)
}

/// The cards before anything.
struct Books {
    cards: [Inspection; 2],
}

impl Books {
    fn of(field: &Field) -> Self {
        Self { cards: [0, 1].map(|card| field.inspect(card, PurseCard::inspect)) }
    }

    /// Nothing created, nothing lost, everything written, nothing twice; for each card by itself.
    fn check(&self, field: &Field, journals: &[&MemoryJournal]) -> Result<(), String> {
        for (number, before) in self.cards.iter().enumerate() {
            let (reference, now) =
                (CardReference(card_id(number).to_string()), field.inspect(number, PurseCard::inspect));
            let (mut expected, mut commits) = (balance(before), 0);
            for journal in journals {
                let (value, count) = proved(journal, &reference)?;
                expected += value;
                commits += count;
            }
            if balance(&now) != expected {
                let held = balance(&now);
                return Err(format!("the journals prove {expected} on card {number}, it holds {held}"));
            }
            let (first, last) = (before.transaction_counter, now.transaction_counter);
            if i64::from(last) != i64::from(first) + commits {
                return Err(format!(
                    "the journals prove {commits} commits of card {number}, it went from {first} to {last}"
                ));
            }
            check_chain(&now)?;
        }
        Ok(())
    }
}

const fn card_id(number: usize) -> CardId {
    CardId([0x53, 0x49, 0x4D, 0, 0, 0, 0, number as u8])
}

fn balance(card: &Inspection) -> i64 {
    card.logical_cards.iter().map(|card| i64::from(card.balance)).sum()
}

/// What a journal's proved orders changed on this card, and how many they are.
fn proved(journal: &MemoryJournal, card: &CardReference) -> Result<(i64, i64), String> {
    let (mut value, mut count) = (0, 0);
    let entries = journal.entries();
    let mut paid = std::collections::BTreeSet::new();
    let mut lent = std::collections::BTreeMap::new();
    for (_, entry) in &entries {
        let Entry::Intent(intent) = entry else { continue };
        let first = lent.entry(crate::family::transaction_of(intent)).or_insert(&intent.card);
        if **first != intent.card {
            return Err(format!("order {} goes to two cards under one transaction id", intent.order));
        }
        let resolutions = entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Resolved { order, attempt, resolution } if (*order, *attempt) == (intent.order, intent.attempt) => {
                Some(resolution)
            }
            _ => None,
        });
        let resolutions: Vec<_> = resolutions.collect();
        if resolutions.len() > 1 {
            return Err(format!("order {} is resolved {} times", intent.order, resolutions.len()));
        }
        if matches!(resolutions.first(), Some(Resolution::Paid { .. })) {
            if !paid.insert(intent.order) {
                return Err(format!("order {} is paid twice", intent.order));
            }
            if intent.card != *card {
                continue;
            }
            count += 1;
            let amount = i64::from(intent.amount.minor);
            value += if intent.kind == OrderKind::Sale { -amount } else { amount };
        }
    }
    Ok((value, count))
}

/// Each receipt names the LINK before it, and the last one leads to the card's.
fn check_chain(card: &Inspection) -> Result<(), String> {
    let mut ring: Vec<_> = card.ring.iter().map(|receipt| &receipt.body).collect();
    ring.sort_by_key(|body| body.transaction_counter);
    for pair in ring.windows(2) {
        if pair[1].transaction_counter == pair[0].transaction_counter + 1 && pair[1].previous_link != pair[0].link() {
            return Err(format!("the receipt chain breaks at {}", pair[1].transaction_counter));
        }
    }
    match ring.last() {
        Some(last) if last.link() != card.link || last.transaction_counter != card.transaction_counter => {
            Err("the last receipt is not the card's last transaction".to_owned())
        }
        _ => Ok(()),
    }
}

/// The torn modes that a sweep tries; one prefix stands for all.
pub const TORN_MODES: [Torn; 6] =
    [Torn::Nothing, Torn::All, Torn::Prefix(3), Torn::Erased, Torn::Random(7), Torn::Unstable(7)];
