//! One order, one tear, what people do next, and whether the money is right afterwards.
//!
//! A [`Scenario`] says all of that; [`Setting::run`] plays it and checks the rules of specs/terminal.md, clause 2. The same scenario
//! gives the same run, octet by octet.

use std::fmt;

use super::books::{Books, card_id};
use super::field::{Field, Loss, Recorded, SimulatedCard, When};
use crate::card::memory::{Cut, Torn};
use crate::difference::plain;
use crate::entropy::SeededEntropy;
use crate::family::purse::card::PurseCard;
use crate::family::purse::data::{Role, Suite, TerminalId};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::kernel::PurseKernel;
use crate::family::purse::kernel::sam::{Grant, SoftSam};
use crate::family::purse::profile::PurseProfile;
use crate::journal::Journal;
use crate::journal::memory::MemoryJournal;
use crate::journal::record::{Entry, Intent, OrderKind, OrderNumber, Resolution};
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
    /// The same; the cardholder mistypes once.
    SaleAfterWrongPin,
    /// A sale on a card whose ring of receipts is full.
    SaleOnFullRing,
    /// A top-up.
    TopUp,
    /// A refund of the sale before.
    Refund,
}

impl Trial {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Sale, Self::SaleWithPin, Self::SaleAfterWrongPin, Self::SaleOnFullRing, Self::TopUp, Self::Refund];

    const fn kind(self) -> OrderKind {
        match self {
            Self::Sale | Self::SaleWithPin | Self::SaleAfterWrongPin | Self::SaleOnFullRing => OrderKind::Sale,
            Self::TopUp => OrderKind::TopUp,
            Self::Refund => OrderKind::Refund,
        }
    }

    const fn amount(self) -> u32 {
        match self {
            Self::Sale | Self::SaleOnFullRing => 1_250,
            Self::SaleWithPin | Self::SaleAfterWrongPin => 12_500,
            Self::TopUp => 3_000,
            Self::Refund => FIRST_SALE,
        }
    }
}

/// Where it is torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tear {
    /// At an exchange, from 0.
    Exchange(u64, When),
    /// At a write of the card's memory, counted over all exchanges.
    Write(Cut),
    /// The terminal is killed before this action, from 0: between a write to its journal and what it does next, too.
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
    pub tear: Option<Tear>,
    /// Where it is torn again: an exchange or an action is counted from the first tear on, and where that was the end of the
    /// request, a write or an action in the touch that follows.
    pub again: Option<Tear>,
    /// What follows.
    pub then: Then,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} under {}, torn at {}", plain(&self.trial), self.suite, plain(&self.tear))?;
        if let Some(again) = self.again {
            write!(f, " and {again}", again = plain(&again))?;
        }
        write!(f, ", then {}", plain(&self.then))
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

/// What a run showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Whether the tear happened; a scenario beyond the end of the run has none.
    pub torn: bool,
    /// Whether the second tear happened.
    pub torn_again: bool,
    /// What came of it, step by step.
    pub story: Story,
}

/// What a terminal saw, said and wrote down, until nothing was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The first tear.
    pub seen: Option<Loss>,
    /// How the request ended; `None` when the terminal was killed.
    pub ended: Option<OutcomeKind>,
    /// Cards that were held into the field within the request.
    pub presented: u32,
    /// The journal when the request ended.
    pub written: Vec<Entry>,
    /// Touches after it, until nothing was open.
    pub touches: u32,
    /// What these added to the journal.
    pub found: Vec<Entry>,
}

const FIRST_SALE: u32 = 700;
const FOREIGN_SALE: u32 = 310;
const NEXT_SALE: u32 = 90;
/// What the cardholder types, one after the other; then nothing.
const RIGHT_PIN: &[&str] = &["1234", "1234", "1234"];
const WRONG_PIN_FIRST: &[&str] = &["0000", "1234", "1234"];
/// Actions of one request, far above what any needs.
const STEPS_MAX: u64 = 2_000;

/// Cards personalised once, copied for each run.
#[derive(Debug)]
pub struct Setting {
    suite: Suite,
    cards: Vec<SimulatedCard>,
    /// Card 0 after so many sales that its ring is full.
    full: SimulatedCard,
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
        Self::made(suite, 0, None)
    }

    /// The same with this randomness; the cards have this defect.
    ///
    /// # Errors
    /// There is no such defect; or with the defect no order can be made, in words.
    pub fn made(suite: Suite, seed: u64, mutant: Option<&str>) -> Result<Self, String> {
        let scheme = Scheme::test();
        let mut profile = PurseProfile::built_in("default").map_err(|error| error.to_string())?.with_suites(&[suite]);
        let mut cards = Vec::new();
        for number in 0..2 {
            profile.card_id = card_id(number);
            let entropy = SeededEntropy::new(seed.wrapping_mul(2).wrapping_add(number as u64));
            cards.push(PurseCard::made(&profile, entropy, mutant)?);
        }
        let roles = vec![Role::Debit, Role::Credit, Role::Refund, Role::Read];
        let grant = Grant { roles, logical_cards: vec![(1, 1)] };
        let module =
            |number| SoftSam::new(&scheme, TerminalId([0x54, 0x49, 0x4C, 0x4C, 0, 0, 0, number]), Some(suite), &grant);
        let modules: Result<_, _> = [1, 2, 3].map(module).into_iter().collect();
        let modules = modules.map_err(|error| error.to_string())?;
        let mut setting = Self { suite, full: cards[0].clone(), cards, modules, sold: None };
        let field = Field::new(setting.cards.clone());
        let mut till = setting.till(2);
        setting.sold = Some(till.sell(&field, FIRST_SALE)?);
        setting.cards[0] = field.inspect(0, Clone::clone);
        for _ in 0..profile.ring {
            till.sell(&field, NEXT_SALE)?;
        }
        setting.full = field.inspect(0, Clone::clone);
        Ok(setting)
    }

    /// Suite of cards and terminals.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The first card, before any order.
    pub fn card(&self) -> &SimulatedCard {
        &self.cards[0]
    }

    /// A terminal that has just been switched on, with an empty journal.
    fn till(&self, module: usize) -> Till {
        let sam = self.modules[module].restarted();
        let terminal = Terminal::new(Config::default(), Box::new(PurseKernel::new(Box::new(sam), vec![1])));
        let entropy = SeededEntropy::new(1_000 + module as u64);
        let now = Moment::from_seconds(1_701_224_448);
        Till { terminal, journal: MemoryJournal::default(), entropy, now, presented: 0 }
    }

    /// The field as it is before an order.
    fn field(&self, trial: Trial) -> Field {
        let mut cards = self.cards.clone();
        if trial == Trial::SaleOnFullRing {
            cards[0] = self.full.clone();
        }
        Field::new(cards)
    }

    /// Plays a scenario.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn run(&self, scenario: &Scenario) -> Result<Played, Violation> {
        self.play(scenario, None).map_err(|rule| Violation { scenario: scenario.to_string(), rule })
    }

    /// Plays a scenario without a tear of its own; in this exchange a tear inside the card leaves the card like this.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn run_with_torn_card(&self, scenario: &Scenario, exchange: u64, card: SimulatedCard) -> Result<(), String> {
        self.play(scenario, Some((exchange, card))).map(drop)
    }

    /// Every command of an order that nothing tears, with the card as it was before it.
    pub fn record(&self, trial: Trial) -> Vec<Recorded> {
        let field = self.field(trial);
        field.record();
        let scenario = Scenario { trial, suite: self.suite, tear: None, again: None, then: Then::Never };
        self.till(0).run_torn(&field, &scenario, self.till(1), self.sold.clone());
        field.take_recorded()
    }

    /// A card that came out of a tear must still be good for a sale, and its books right from there on.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn sell_on(&self, card: SimulatedCard) -> Result<(), String> {
        let field = Field::new(vec![card, self.cards[1].clone()]);
        let before = Books::of(&field);
        let mut till = self.till(0);
        till.sell(&field, NEXT_SALE)?;
        before.check(&field, &[&till.journal])
    }

    fn play(&self, scenario: &Scenario, replacement: Option<(u64, SimulatedCard)>) -> Result<Played, String> {
        let field = self.field(scenario.trial);
        let before = Books::of(&field);
        let (mut till, foreign) = (self.till(0), self.till(1));
        let foreign_journal = foreign.journal.clone();
        arm(&field, scenario);
        if let Some((exchange, card)) = replacement {
            field.replace_at(exchange, card);
        }
        let outcome = till.run_torn(&field, scenario, foreign, self.sold.clone());
        let torn = match scenario.tear {
            Some(Tear::Kill(_)) => outcome.is_none(),
            _ => field.torn() > 0,
        };
        let killed_again = scenario.kills_after_tear() && outcome.is_none();
        field.take_cut_back(0);
        let journals = [&till.journal, &foreign_journal];
        if let Some(outcome) = &outcome {
            check_outcome(outcome, &till.journal)?;
        }
        let presented = till.presented;
        // The terminal starts anew: what it knew is in its journal, or lost.
        let mut till = Till { journal: till.journal.clone(), ..self.till(0) };
        let mut story = Story {
            seen: field.first_loss(),
            ended: outcome.map(|outcome| outcome.result),
            presented,
            written: entries(&till.journal),
            touches: 0,
            found: Vec::new(),
        };
        let (torn_in_retouch, touches) = Self::converge(&field, &mut till, scenario)?;
        let torn_again = torn_in_retouch || killed_again;
        story.found = entries(&till.journal).split_off(story.written.len());
        story.touches = touches;
        before.check(&field, &journals)?;
        till.sell(&field, NEXT_SALE)?;
        before.check(&field, &[&till.journal, &foreign_journal])?;
        field.take_fault().map_or(Ok(Played { torn, torn_again, story }), Err)
    }

    /// At most two clean touches of the card leave nothing open; a second tear tears a touch before them, if it has not torn the request.
    /// Whether it tore, and how many clean touches it took.
    fn converge(field: &Field, till: &mut Till, scenario: &Scenario) -> Result<(bool, u32), String> {
        let torn_again = match (scenario.tear, scenario.again) {
            // A kill within the request has been seen already.
            (_, None) | (Some(Tear::Exchange(..)), Some(Tear::Kill(_))) => false,
            (_, Some(Tear::Write(cut))) => {
                field.cut(0, cut);
                let _torn = till.ask(field, Request::Resolve, vec![Presented::Card(0)], None);
                !field.take_cut_back(0)
            }
            (_, Some(Tear::Kill(action))) => {
                till.ask(field, Request::Resolve, vec![Presented::Card(0)], Some(Kill::At(action))).is_none()
            }
            (Some(Tear::Exchange(..)), Some(Tear::Exchange(..))) => {
                if field.torn() < 2 {
                    let _torn = till.ask(field, Request::Resolve, vec![Presented::Card(0)], None);
                }
                field.torn() >= 2
            }
            (_, Some(Tear::Exchange(exchange, when))) => {
                let before = field.torn();
                field.tear_at([(exchange, when)]);
                let _torn = till.ask(field, Request::Resolve, vec![Presented::Card(0)], None);
                field.torn() > before
            }
        };
        field.take_tears_back();
        let open = |till: &mut Till| till.journal.open(None).map_err(|error| error.to_string());
        let mut touches = 0;
        // Torn before anything was sent, the order may have gone to the other card.
        for card in [0, 0, 1, 1] {
            if !open(till)?.is_empty() {
                touches += 1;
                let _ = till.ask(field, Request::Resolve, vec![Presented::Card(card)], None);
            }
        }
        match open(till)?.first() {
            Some(record) => Err(format!("after two touches order {} is still open", record.intent.order)),
            None => Ok((torn_again, touches)),
        }
    }
}

fn entries(journal: &MemoryJournal) -> Vec<Entry> {
    journal.entries().into_iter().map(|(_, entry)| entry).collect()
}

impl Scenario {
    /// The second tear is a kill within the request that the first has torn.
    const fn kills_after_tear(&self) -> bool {
        matches!((self.tear, self.again), (Some(Tear::Exchange(..)), Some(Tear::Kill(_))))
    }
}

fn arm(field: &Field, scenario: &Scenario) {
    match (scenario.tear, scenario.again) {
        (Some(Tear::Exchange(first, when)), Some(Tear::Exchange(second, again))) => {
            field.tear_at([(first, when), (second, again)]);
        }
        (Some(Tear::Exchange(exchange, when)), _) => field.tear_at([(exchange, when)]),
        (Some(Tear::Write(cut)), _) => field.cut(0, cut),
        (Some(Tear::Kill(_)) | None, _) => {}
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
    /// Cards held into the field within the last request.
    presented: u32,
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
        let kill = match (scenario.tear, scenario.again, scenario.then) {
            (Some(Tear::Kill(action)), ..) => Some(Kill::At(action)),
            (_, Some(Tear::Kill(action)), _) if scenario.kills_after_tear() => Some(Kill::AfterTear(action)),
            (.., Then::TerminalKilled) => Some(Kill::AfterTear(0)),
            _ => None,
        };
        let order = self.next_order();
        let amount = yen(scenario.trial.amount());
        let request = Request::Order { order, kind: scenario.trial.kind(), amount, refund_of: sold };
        let pins = match scenario.trial {
            Trial::SaleAfterWrongPin => WRONG_PIN_FIRST,
            _ => RIGHT_PIN,
        };
        self.ask_with(field, request, presented, kill, pins)
    }

    /// A sale that must succeed; its transaction id.
    fn sell(&mut self, field: &Field, amount: u32) -> Result<String, String> {
        match self.order(field, OrderKind::Sale, amount, vec![Presented::Card(0)]).result {
            OutcomeKind::Paid { intent, .. } => Ok(crate::family::transaction_of(&intent).unwrap_or_default()),
            OutcomeKind::Unresolved { reason, .. } => Err(format!("a sale that nothing tears is unresolved: {reason}")),
            other => Err(format!("a sale that nothing tears ends as {other}", other = plain(&other))),
        }
    }

    fn order(&mut self, field: &Field, kind: OrderKind, amount: u32, presented: Vec<Presented>) -> Outcome {
        let order = self.next_order();
        let request = Request::Order { order, kind, amount: yen(amount), refund_of: None };
        self.ask(field, request, presented, None).unwrap_or_else(|| Outcome {
            result: OutcomeKind::Internal("the request has no end".to_owned()),
            settled: Vec::new(),
            alarms: Vec::new(),
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
        self.ask_with(field, request, presented, kill, RIGHT_PIN)
    }

    fn ask_with(
        &mut self,
        field: &Field,
        request: Request,
        presented: Vec<Presented>,
        kill: Option<Kill>,
        pins: &'static [&'static str],
    ) -> Option<Outcome> {
        let mut reader = Exchange::new(field.reader(), nothing_is_idempotent);
        let count = presented.len();
        let mut people = People { field, presented: presented.into_iter(), now: self.now, pins: pins.iter() };
        let mut world =
            World { reader: &mut reader, journal: &mut self.journal, desk: &mut people, entropy: &mut self.entropy };
        let mut run = Run::begin(&mut self.terminal, request, &mut world);
        let mut steps_after_tear = 0;
        for step in 0..STEPS_MAX {
            let is_torn = field.torn() > 0;
            let killed = match kill {
                Some(Kill::At(action)) => step == action,
                Some(Kill::AfterTear(action)) => is_torn && steps_after_tear == action,
                None => false,
            };
            steps_after_tear += u64::from(is_torn);
            if killed {
                field.lift();
                return None;
            }
            match run.step(&mut world) {
                Progress::Running(next) => run = next,
                Progress::Finished(outcome) => {
                    field.lift();
                    self.now = people.now;
                    self.presented = (count - people.presented.len()) as u32;
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
    /// The action so many after the first tear.
    AfterTear(u64),
}

struct People<'a> {
    field: &'a Field,
    presented: std::vec::IntoIter<Presented>,
    now: Moment,
    pins: std::slice::Iter<'static, &'static str>,
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
                    self.field.tear_at([(exchange, When::Before)]);
                    card
                }
                Presented::CardUsedElsewhere(card, mut till) => {
                    if let Err(fault) = till.sell(self.field, FOREIGN_SALE) {
                        self.field.report(format!("at another terminal {fault}"));
                    }
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
        self.pins.next().and_then(|digits| Pin::parse(digits).ok())
    }
}

const fn yen(minor: u32) -> Money {
    Money::new(minor, Currency::JPY)
}

/// The torn modes that a sweep tries; one prefix stands for all.
pub const TORN_MODES: [Torn; 6] =
    [Torn::Nothing, Torn::All, Torn::Prefix(3), Torn::Erased, Torn::Random(7), Torn::Unstable(7)];
