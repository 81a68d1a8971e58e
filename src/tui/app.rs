//! The state of the window itself: what is typed, chosen and scrolled. Keys go in, [`Told`]s come out.

use std::sync::Arc;

use crossterm::event::KeyEvent;
use zeroize::Zeroizing;

use super::core::Instruction;
use super::keys::{self, Key, KeyCommand, Mode};
use super::position::Position;
use super::snapshot::{ArmedTear, Phase, Snapshot, ToRefund, Wanted};
use super::suite::Ask;
use super::suite_view::SuiteView;
use super::theme::Theme;
use super::watched::Watched;
use crate::conformance::role::{CommandRole, TearAt};
use crate::journal::record::{OrderKind, OrderNumber};
use crate::journal::view::{AttemptView, OrderView};
use crate::money::Money;
use crate::secret::Pin;
use crate::terminal::event::Prompt;

/// Largest amount that can be typed, in minor units: nine digits fit every screen.
const AMOUNT_MAX: u32 = 999_999_999;
/// Digits that are kept of what is typed for a PIN: more than any PIN has, so that the beginning of a longer one never passes for it.
const PIN_TYPED_MAX: usize = 64;
/// Exchanges that can be chosen to tear, behind the roles.
const EXCHANGES: u64 = 20;
/// The screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// Amount, prompts, results.
    Sale,
    /// What goes over the link.
    Exchange,
    /// The virtual card.
    Bench,
    /// Orders.
    Journal,
    /// Readers.
    Readers,
    /// The conformance suite.
    Suite,
}

impl Tab {
    /// All, from left to right.
    pub const ALL: [Self; 6] = [Self::Sale, Self::Exchange, Self::Bench, Self::Journal, Self::Readers, Self::Suite];

    /// What is written on it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Sale => "Sale",
            Self::Exchange => "Exchange",
            Self::Bench => "Card bench",
            Self::Journal => "Journal",
            Self::Readers => "Readers",
            Self::Suite => "Suite",
        }
    }
}

/// What a key has to tell a thread behind the window.
#[derive(Debug)]
pub enum Told {
    /// The one of the sale.
    Core(Instruction),
    /// The one of the conformance suite.
    Suite(Ask),
}

/// The amount that a refund begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// It was typed, or is none.
    No,
    /// The sale is looked for.
    Asked,
    /// It stands there, and the first digit replaces it.
    Shown,
}

/// The window.
#[allow(clippy::struct_excessive_bools, reason = "each says another thing, and all combinations occur")]
pub struct App {
    /// The last picture of the terminal.
    pub snapshot: Arc<Snapshot>,
    /// How things look.
    pub theme: Theme,
    /// Which screen has the focus.
    pub tab: Tab,
    /// What the amount will be.
    pub kind: OrderKind,
    /// What is typed, in minor units.
    pub amount: u32,
    /// Whether what is left of the sale to be given back becomes the amount, or is it.
    offer: Offer,
    /// Line of the exchange pane at its top; its end while it follows.
    pub exchange: Position,
    /// What it shows, explained.
    pub watched: Watched,
    /// Whether the exchange pane shows the newest.
    pub follows: bool,
    /// Whether it is the other way round: octets explained in a narrow pane, one line each in a wide one.
    pub other_decoding: bool,
    /// Chosen order.
    pub order: Position,
    /// Whether that order is shown whole, and from which line.
    pub detail: Option<Position>,
    /// Chosen reader.
    pub reader: Position,
    /// First line of a long result.
    pub outcome: Position,
    /// The conformance suite.
    pub suite: SuiteView,
    /// Why a key did nothing, until the next one.
    pub said: Option<&'static str>,
    /// Whether the window is large enough to be drawn.
    pub is_seen: bool,
    /// The exchange to tear, from 1.
    pub tear_at: TearAt,
    /// How to tear it.
    pub tear: ArmedTear,
    /// Whether the keys are shown, and from which line.
    pub help: Option<Position>,
    /// Where they were asked for: these come first.
    pub help_for: Mode,
    /// The person was asked whether to leave a run that is under way.
    asked_to_leave: bool,
    /// The keys were asked for while a card was worked with, so they stay when its result comes.
    help_stays: bool,
    /// The person leaves when the result is there.
    pub leaves_after: bool,
    /// The person has left.
    pub leaving: bool,
    pin: Zeroizing<String>,
}

impl App {
    /// A window onto this.
    pub fn new(snapshot: Arc<Snapshot>, theme: Theme) -> Self {
        Self {
            snapshot,
            theme,
            tab: Tab::Sale,
            kind: OrderKind::Sale,
            amount: 0,
            offer: Offer::No,
            exchange: Position::default(),
            watched: Watched::default(),
            follows: true,
            other_decoding: false,
            order: Position::default(),
            detail: None,
            reader: Position::default(),
            outcome: Position::default(),
            suite: SuiteView::default(),
            said: None,
            is_seen: true,
            // The third exchange of a payment without PIN moves the value: the sale that nobody knows the end of.
            tear_at: TearAt::Role(CommandRole::Value),
            tear: ArmedTear::After,
            help: None,
            help_for: Mode::Amount,
            asked_to_leave: false,
            help_stays: false,
            leaves_after: false,
            leaving: false,
            pin: Zeroizing::default(),
        }
    }

    /// Takes a new picture; `true` when the bell has to ring.
    pub fn take(&mut self, snapshot: Arc<Snapshot>) -> bool {
        let before = std::mem::replace(&mut self.snapshot, snapshot);
        if before.phase != self.snapshot.phase {
            self.phase_changed();
        }
        if let (Offer::Asked, ToRefund::Sale { left, .. }) = (self.offer, &self.snapshot.to_refund) {
            self.amount = left.minor;
            self.offer = Offer::Shown;
        }
        if self.snapshot.bench.is_none() && self.tab == Tab::Bench {
            self.tab = Tab::Sale;
        }
        self.snapshot.bells != before.bells
    }

    /// What somebody has to see comes to the front.
    fn phase_changed(&mut self) {
        self.pin = Zeroizing::default();
        match &self.snapshot.phase {
            Phase::AskPin { .. }
            | Phase::Done(_)
            | Phase::Waiting { prompt: Prompt::Retouch(_) | Prompt::OtherCard | Prompt::BalanceCheck(_), .. } => {
                self.tab = Tab::Sale;
                if !(self.help_stays && matches!(self.snapshot.phase, Phase::Done(_))) {
                    self.help = None;
                }
                self.help_stays = false;
                self.outcome.set(0);
            }
            _ => {}
        }
        if matches!(self.snapshot.phase, Phase::Done(_)) {
            // Whoever pays next is not given a refund.
            self.amount_of(OrderKind::Sale);
            self.amount = 0;
            self.leaving |= self.leaves_after;
        }
    }

    /// What the keyboard is for.
    pub fn mode(&self) -> Mode {
        if self.help.is_some() {
            return Mode::Help;
        }
        match self.tab {
            Tab::Sale => match self.snapshot.phase {
                Phase::Idle if !self.snapshot.unseen.is_empty() => self.detail_or(Mode::OpenRecords),
                Phase::Idle => Mode::Amount,
                Phase::Waiting { .. } => Mode::Waiting,
                Phase::Working { .. } => Mode::Working,
                Phase::AskPin { .. } => Mode::Pin,
                Phase::Done(_) => Mode::Outcome,
            },
            Tab::Exchange => Mode::Exchange,
            Tab::Bench => Mode::Bench,
            Tab::Journal => self.detail_or(Mode::Journal),
            Tab::Readers => Mode::Readers,
            Tab::Suite => self.suite.mode(),
        }
    }

    fn detail_or(&self, list: Mode) -> Mode {
        if self.detail.is_some() { Mode::Order } else { list }
    }

    /// Whether this screen can be shown at the moment.
    pub fn has(&self, tab: Tab) -> bool {
        tab != Tab::Bench || self.snapshot.bench.is_some()
    }

    /// Digits of the PIN typed so far; the digits themselves stay here.
    pub fn pin_digits(&self) -> usize {
        self.pin.len()
    }

    /// The orders that the list in front shows.
    pub fn listed(&self) -> Vec<&OrderView> {
        let only_unseen = self.tab == Tab::Sale;
        self.snapshot.orders.iter().filter(|order| !only_unseen || self.unseen_attempt(order).is_some()).collect()
    }

    /// The order that is chosen in that list.
    pub fn chosen_order(&self) -> Option<&OrderView> {
        let listed = self.listed();
        listed.get(self.order.at_most(listed.len().saturating_sub(1))).copied()
    }

    fn unseen_attempt<'o>(&self, order: &'o OrderView) -> Option<&'o AttemptView> {
        order.attempts.iter().find(|attempt| self.snapshot.unseen.contains(&(order.order, attempt.attempt)))
    }

    /// A key was pressed.
    pub fn press(&mut self, event: &KeyEvent) -> Option<Told> {
        let (key, digit) = Key::of(event)?;
        self.said = None;
        let asked_to_leave = std::mem::take(&mut self.asked_to_leave);
        let mode = self.mode();
        let command = keys::command(mode, if mode.is_typed() { key.typed() } else { key })?;
        // What nobody sees, nobody asks for; to stop and to leave are always safe.
        if !self.is_seen && !matches!(command, KeyCommand::Stop | KeyCommand::Quit) {
            return None;
        }
        if command == KeyCommand::Letter {
            event.code.as_char().into_iter().for_each(|letter| self.suite.letter(letter));
            return None;
        }
        if command == KeyCommand::Quit && key == Key::Char('q') && self.suite.picture.run.is_some() && !asked_to_leave {
            self.asked_to_leave = true;
            self.said = Some("a run of the suite is under way: q again leaves, s on its screen ends it");
            return None;
        }
        if self.tab == Tab::Suite && mode != Mode::Help && !command.is_of_the_window() {
            return match self.suite.obey(command, self.real_reader().map(str::to_owned)) {
                Ok(ask) => ask.filter(|ask| self.admits(ask)).map(Told::Suite),
                Err(why) => {
                    self.said = Some(why);
                    None
                }
            };
        }
        let instruction = self.obey(mode, command, digit)?;
        if matches!(instruction, Instruction::Begin(_)) && self.real_reader().is_some_and(|at| self.suite.runs_at(at)) {
            self.said = Some("the suite works with the card at this reader: stop it first, s on its screen");
            return None;
        }
        Some(Told::Core(instruction))
    }

    /// The PC/SC reader in use, where it is no virtual one.
    fn real_reader(&self) -> Option<&str> {
        let line = self.snapshot.readers.get(self.snapshot.reader)?;
        (!line.is_virtual).then_some(line.name.as_str())
    }

    /// Two do not work with one card.
    fn admits(&mut self, ask: &Ask) -> bool {
        let at_reader = matches!(ask, Ask::Run { reader: Some(_), .. });
        if at_reader && !matches!(self.snapshot.phase, Phase::Idle | Phase::Done(_)) {
            self.said = Some("the card at this reader is paid with at the moment: end that first");
            return false;
        }
        true
    }

    fn obey(&mut self, mode: Mode, command: KeyCommand, digit: u8) -> Option<Instruction> {
        match command {
            KeyCommand::Digit => self.typed(mode, digit),
            KeyCommand::Erase => self.erase(mode),
            KeyCommand::Accept => return self.accept(mode),
            KeyCommand::ModeSale => self.amount_of(OrderKind::Sale),
            KeyCommand::ModeTopUp => self.amount_of(OrderKind::TopUp),
            KeyCommand::ModeRefund => {
                self.amount_of(OrderKind::Refund);
                self.offer = if self.amount == 0 { Offer::Asked } else { Offer::No };
                return Some(Instruction::FindSale);
            }
            KeyCommand::Balance => return Some(Instruction::Begin(Wanted::Balance)),
            KeyCommand::History => return Some(Instruction::Begin(Wanted::History)),
            KeyCommand::Resolve => return self.resolve(),
            KeyCommand::Acknowledge => return self.acknowledge(),
            KeyCommand::Stop => return Some(Instruction::Stop),
            KeyCommand::Back => return self.back(mode),
            KeyCommand::Up
            | KeyCommand::Down
            | KeyCommand::PageUp
            | KeyCommand::PageDown
            | KeyCommand::First
            | KeyCommand::Last => {
                self.step(mode, command);
            }
            KeyCommand::Earlier => self.tear_at = neighbour(self.tear_at, false),
            KeyCommand::Later => self.tear_at = neighbour(self.tear_at, true),
            KeyCommand::Present => return Some(Instruction::Present),
            KeyCommand::Lift => return Some(Instruction::Lift),
            KeyCommand::Arm => return Some(Instruction::Arm(self.tear_at, self.tear)),
            KeyCommand::Disarm => return Some(Instruction::Disarm),
            KeyCommand::NextCard => return Some(Instruction::NextCard),
            KeyCommand::NextPace => return Some(Instruction::NextPace),
            KeyCommand::NextTab => self.turn(1),
            KeyCommand::PreviousTab => self.turn(Tab::ALL.len() - 1),
            KeyCommand::Decode => self.other_decoding = !self.other_decoding,
            KeyCommand::Help => {
                self.help = Some(Position::default());
                self.help_for = mode;
                self.help_stays = mode == Mode::Working;
            }
            KeyCommand::QuitAfter => self.leaves_after = true,
            KeyCommand::Quit => {
                self.leaving = true;
                return Some(Instruction::Quit);
            }
            // What belongs to the suite's screen alone never gets here.
            _ => {}
        }
        None
    }

    /// What is typed is of this kind; what was only offered is away.
    fn amount_of(&mut self, kind: OrderKind) {
        self.kind = kind;
        self.drop_offer();
    }

    fn drop_offer(&mut self) {
        if std::mem::replace(&mut self.offer, Offer::No) == Offer::Shown {
            self.amount = 0;
        }
    }

    /// Why the amount that is typed cannot be given back.
    fn against_refund(&self) -> Option<&'static str> {
        match &self.snapshot.to_refund {
            _ if self.kind != OrderKind::Refund => None,
            ToRefund::Nothing => Some("the journal holds no paid sale that could be given back"),
            ToRefund::Sale { left, .. } if left.minor == 0 => Some("all of that sale is given back already"),
            ToRefund::Sale { left, .. } if self.amount > left.minor => Some("that is more than is left of the sale"),
            ToRefund::Sale { .. } | ToRefund::Open { .. } | ToRefund::NotLookedFor => None,
        }
    }

    fn typed(&mut self, mode: Mode, digit: u8) {
        if mode == Mode::Pin {
            if self.pin.len() < PIN_TYPED_MAX {
                // Longer than any PIN from the start, so that no digit is left behind where the text grew.
                self.pin.reserve(PIN_TYPED_MAX);
                self.pin.push(char::from(b'0' + digit));
            }
        } else {
            self.drop_offer();
            let longer = self.amount.checked_mul(10).and_then(|amount| amount.checked_add(u32::from(digit)));
            self.amount = longer.filter(|amount| *amount <= AMOUNT_MAX).unwrap_or(self.amount);
        }
    }

    fn erase(&mut self, mode: Mode) {
        if mode == Mode::Pin {
            self.pin.pop();
        } else {
            self.drop_offer();
            self.amount /= 10;
        }
    }

    fn accept(&mut self, mode: Mode) -> Option<Instruction> {
        match mode {
            Mode::Amount if self.against_refund().is_some() => {
                self.said = self.against_refund();
                None
            }
            Mode::Amount if self.amount > 0 => {
                let amount = Money::new(self.amount, self.snapshot.currency);
                Some(Instruction::Begin(Wanted::Order(self.kind, amount)))
            }
            Mode::Pin => {
                let pin = Pin::parse(&std::mem::take(&mut self.pin)).ok();
                if pin.is_none() {
                    self.said = Some("that was no PIN, and the card was not asked: a PIN is 4 to 12 digits");
                }
                pin.map(|pin| Instruction::Pin(Some(pin)))
            }
            Mode::Outcome => Some(Instruction::Dismiss),
            Mode::Readers => {
                let idle = matches!(self.snapshot.phase, Phase::Idle | Phase::Done(_));
                let last = self.snapshot.readers.len().saturating_sub(1);
                idle.then(|| Instruction::PickReader(self.reader.at_most(last)))
            }
            Mode::Journal | Mode::OpenRecords => {
                self.detail = self.chosen_order().is_some().then(Position::default);
                None
            }
            _ => None,
        }
    }

    fn resolve(&mut self) -> Option<Instruction> {
        if !matches!(self.snapshot.phase, Phase::Idle | Phase::Done(_)) {
            return None;
        }
        self.detail = None;
        self.tab = Tab::Sale;
        Some(Instruction::Begin(Wanted::Resolve))
    }

    fn acknowledge(&mut self) -> Option<Instruction> {
        let (order, attempt) = self.acknowledgeable()?;
        self.detail = None;
        Some(Instruction::Acknowledge(order, attempt))
    }

    /// The attempt of the chosen order that nobody has acknowledged yet.
    pub fn acknowledgeable(&self) -> Option<(OrderNumber, u32)> {
        let order = self.chosen_order()?;
        let waits = |attempt: &&AttemptView| attempt.resolution.is_none() && attempt.acknowledged.is_none();
        order.attempts.iter().rev().find(waits).map(|attempt| (order.order, attempt.attempt))
    }

    fn back(&mut self, mode: Mode) -> Option<Instruction> {
        match mode {
            Mode::Help => self.help = None,
            Mode::Order => self.detail = None,
            Mode::Suite | Mode::Search | Mode::Mutants | Mode::Case if self.suite.back() => {}
            Mode::Amount => {
                self.amount_of(OrderKind::Sale);
                self.amount = 0;
            }
            Mode::Outcome => return Some(Instruction::Dismiss),
            _ => self.tab = Tab::Sale,
        }
        None
    }

    fn step(&mut self, mode: Mode, command: KeyCommand) {
        match mode {
            Mode::Help => self.help.iter().for_each(|help| help.step(command)),
            Mode::Order => self.detail.iter().for_each(|detail| detail.step(command)),
            Mode::Outcome => self.outcome.step(command),
            Mode::Readers => self.reader.step(command),
            Mode::Exchange => {
                self.follows = command == KeyCommand::Last;
                self.exchange.step(command);
            }
            Mode::Bench => {
                let now = ArmedTear::ALL.iter().position(|tear| *tear == self.tear).unwrap_or(0);
                let step = if command == KeyCommand::Up { ArmedTear::ALL.len() - 1 } else { 1 };
                self.tear = ArmedTear::ALL[(now + step) % ArmedTear::ALL.len()];
            }
            _ => self.order.step(command),
        }
    }

    fn turn(&mut self, steps: usize) {
        let count = Tab::ALL.len();
        let mut index = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        loop {
            index = (index + steps) % count;
            if self.has(Tab::ALL[index]) {
                break;
            }
        }
        self.tab = Tab::ALL[index];
        self.detail = None;
        self.order.set(0);
        self.reader.set(self.snapshot.reader);
    }
}

/// The choice before or behind this one: the roles of an order, then its exchanges by number.
fn neighbour(at: TearAt, forwards: bool) -> TearAt {
    let roles = CommandRole::ALL.into_iter().map(TearAt::Role);
    let choices: Vec<TearAt> = roles.chain((0..EXCHANGES).map(TearAt::Exchange)).collect();
    let now = choices.iter().position(|choice| *choice == at).unwrap_or(0);
    let next = if forwards { (now + 1).min(choices.len() - 1) } else { now.saturating_sub(1) };
    choices.get(next).copied().unwrap_or(at)
}
