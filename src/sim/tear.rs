//! One order, one tear, what people do next, and whether the money is right afterwards.
//!
//! A [`Scenario`] says all of that; [`Setting::run`] plays it and checks the rules of specs/terminal.md, clause 2. The same scenario
//! gives the same run, octet by octet.

use std::fmt;

use super::books::Books;
use super::field::{Field, Loss, Recorded, SimulatedCard, When};
use crate::card::memory::{Cut, Torn};
use crate::conformance::role::CommandRole;
use crate::difference::plain;
use crate::entropy::SeededEntropy;
use crate::family::lab::{Act, Lab, Ordered, PlainOrders, Tills, Trial};
use crate::journal::Journal;
use crate::journal::memory::MemoryJournal;
use crate::journal::record::{Entry, Intent, OrderKind, OrderNumber, Resolution};
use crate::money::{Currency, Money};
use crate::reader::exchange::{Exchange, nothing_is_idempotent};
use crate::reader::{Reader, Reset};
use crate::secret::Pin;
use crate::session::{Arrival, Desk, Progress, Run, World};
use crate::terminal::event::{Outcome, OutcomeKind, Prompt, RefundOf, Request};
use crate::terminal::{Config, Terminal};
use crate::time::Moment;

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
    /// The card gets an order at another terminal, then comes back.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// What is tried.
    pub trial: Trial,
    /// What is ordered in it.
    pub ordered: Ordered,
    /// Under which variant of the protocol.
    pub variant: &'static str,
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
        write!(f, "{} under {}, torn at {}", self.trial.name, self.variant, plain(&self.tear))?;
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

/// What the cardholder types where it does not matter; then nothing.
const RIGHT_PIN: &[&str] = &["1234", "1234", "1234"];
/// Actions of one request, far above what any needs.
const STEPS_MAX: u64 = 2_000;

/// Cards and terminals of one variant, made once and copied for each run.
pub struct Setting {
    lab: &'static dyn Lab,
    variant: &'static str,
    tills: Box<dyn Tills>,
    cards: [SimulatedCard; 2],
    /// Card 0 after so many further plain orders.
    used: Vec<(u32, SimulatedCard)>,
    /// Transaction id of the order before, for refunds.
    sold: Option<String>,
    /// Exchanges of a session before the order, or the PIN that it needs: a card is swapped in front of these.
    opening: u64,
}

impl Setting {
    /// Two cards, with one plain order made on the first; the seed is their randomness, and they have this defect.
    ///
    /// # Errors
    /// There is no such defect; or with the defect no order can be made, in words.
    pub fn new(lab: &'static dyn Lab, variant: &'static str, seed: u64, mutant: Option<&str>) -> Result<Self, String> {
        let cards = lab.cards(variant, seed, mutant).map_err(|error| error.to_string())?;
        let tills = lab.tills(Some(variant), None, None).map_err(|error| error.to_string())?;
        let mut setting = Self { lab, variant, tills, cards, used: Vec::new(), sold: None, opening: 0 };
        let field = Field::new(setting.cards.to_vec());
        let mut till = setting.till(2);
        field.record();
        setting.sold = Some(till.give(&field, till.plain.before)?);
        let opens = |it: &Recorded| !matches!(lab.role(&it.command), Some(CommandRole::Verify | CommandRole::Value));
        setting.opening = field.take_recorded().iter().take_while(|it| opens(it)).count() as u64;
        setting.cards[0] = field.inspect(0, Clone::clone);
        let mut wanted: Vec<u32> =
            orders(lab).map(|ordered| ordered.orders_before).filter(|count| *count > 0).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut made = 0;
        for count in wanted {
            for _ in made..count {
                till.give(&field, till.plain.after)?;
            }
            made = count;
            setting.used.push((count, field.inspect(0, Clone::clone)));
        }
        Ok(setting)
    }

    /// The family's laboratory.
    pub fn lab(&self) -> &'static dyn Lab {
        self.lab
    }

    /// Variant of the protocol.
    pub const fn variant(&self) -> &'static str {
        self.variant
    }

    /// The first card, before any order.
    pub const fn card(&self) -> &SimulatedCard {
        &self.cards[0]
    }

    /// The command after which the application is selected.
    pub fn select(&self) -> Vec<u8> {
        self.lab.select()
    }

    /// A terminal that has just been switched on, with an empty journal.
    fn till(&self, number: u8) -> Till {
        let terminal = Terminal::new(Config::default(), self.tills.kernel(number));
        let entropy = SeededEntropy::new(1_000 + u64::from(number));
        let (now, plain, currency) =
            (Moment::from_seconds(1_701_224_448), self.lab.plain_orders(), self.lab.currency());
        Till {
            terminal,
            journal: MemoryJournal::default(),
            entropy,
            now,
            plain,
            currency,
            opening: self.opening,
            presented: 0,
        }
    }

    /// The field as it is before an order.
    fn field(&self, ordered: &Ordered) -> Field {
        let used = self.used.iter().find(|(count, _)| *count == ordered.orders_before);
        let first = used.map_or(&self.cards[0], |(_, card)| card);
        Field::new(vec![first.clone(), self.cards[1].clone()])
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
        let Act::Order(ordered) = trial.act else { return Vec::new() };
        let field = self.field(&ordered);
        field.record();
        let scenario = Scenario { trial, ordered, variant: self.variant, tear: None, again: None, then: Then::Never };
        self.till(0).run_torn(&field, &scenario, self.till(1), self.sold.clone());
        field.take_recorded()
    }

    /// A card that came out of a tear must still be good for an order, and its books right from there on.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn order_on(&self, card: SimulatedCard) -> Result<(), String> {
        let field = Field::new(vec![card, self.cards[1].clone()]);
        let before = Books::of(&field);
        let mut till = self.till(0);
        till.give(&field, till.plain.after)?;
        before.check(&field, &[&till.journal])
    }

    fn play(&self, scenario: &Scenario, replacement: Option<(u64, SimulatedCard)>) -> Result<Played, String> {
        let field = self.field(&scenario.ordered);
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
        till.give(&field, till.plain.after)?;
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
    plain: PlainOrders,
    currency: Currency,
    /// As [`Setting::opening`].
    opening: u64,
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
            // The session is opened; then comes the PIN or the order.
            Then::SwappedInRetry => {
                presented.extend([Presented::CardTornAt(0, self.opening), Presented::Card(1), Presented::Card(0)]);
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
        let Ordered { kind, amount, pins, .. } = scenario.ordered;
        let amount = Money::new(amount, self.currency);
        let request = match (kind, sold) {
            (OrderKind::Refund, Some(sold)) => {
                Request::Refund { order, amount: Some(amount), of: RefundOf::Transaction(sold) }
            }
            _ => Request::Order { order, kind, amount },
        };
        self.ask_with(field, request, presented, kill, pins)
    }

    /// A plain order that must succeed; its transaction id.
    fn give(&mut self, field: &Field, amount: u32) -> Result<String, String> {
        let kind = self.plain.kind;
        match self.order(field, kind, amount, vec![Presented::Card(0)]).result {
            OutcomeKind::Paid { intent, .. } => Ok(crate::family::transaction_of(&intent).unwrap_or_default()),
            OutcomeKind::Unresolved { reason, .. } => {
                Err(format!("a {kind} that nothing tears is unresolved: {reason}"))
            }
            other => Err(format!("a {kind} that nothing tears ends as {other}", other = plain(&other))),
        }
    }

    fn order(&mut self, field: &Field, kind: OrderKind, amount: u32, presented: Vec<Presented>) -> Outcome {
        let order = self.next_order();
        let request = Request::Order { order, kind, amount: Money::new(amount, self.currency) };
        self.ask(field, request, presented, None).unwrap_or_else(|| Outcome {
            result: OutcomeKind::Internal("the request has no end".to_owned()),
            settled: Vec::new(),
            alarms: Vec::new(),
            card: None,
            gives_back: None,
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
                    if let Err(fault) = till.give(self.field, till.plain.elsewhere) {
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

/// The orders among the trials.
fn orders(lab: &dyn Lab) -> impl Iterator<Item = Ordered> {
    lab.trials().iter().filter_map(|trial| match trial.act {
        Act::Order(ordered) => Some(ordered),
        Act::Bare(_) => None,
    })
}

/// The torn modes that a sweep tries; one prefix stands for all.
pub const TORN_MODES: [Torn; 6] =
    [Torn::Nothing, Torn::All, Torn::Prefix(3), Torn::Erased, Torn::Random(7), Torn::Unstable(7)];
