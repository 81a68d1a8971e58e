//! What a case about a terminal sees: cards to hold to it, a request to make at it, what it shows, what it has written down.
//!
//! The terminal is a [`TerminalUnderTest`], the upper tester's way to it; the cards are a [`LowerTester`]'s. A verdict rests on the
//! truth of the cards, never on the terminal's word alone.

use std::ops::{Deref, DerefMut};

use super::error::RigError;
use super::evidence::Line;
use super::facility::Facility;
use super::judge::Judge;
use super::lower_tester::{CardHandle, LowerTester, TestCard, Touch, Truth};
use super::role::CommandRole;
use super::statement::{SecretText, Statement};
use super::verdict::{OrStop, Stop};
use crate::difference::plain;
use crate::journal::record::OrderKind;
use crate::quoted::quoted;

/// Of a plain order where the statement says nothing: below the PIN limit of every profile, and no palindrome in any notation.
const AMOUNT: u32 = 1_250;
/// Lines of what a terminal shows at one request that go into the log.
const SHOWN_LINES_MAX: usize = 200;

/// An implementation under test that is a terminal.
pub trait TerminalSubject {
    /// What is claimed of it.
    fn statement(&self) -> &Statement;

    /// How it is reached, for people.
    fn binding(&self) -> String;

    /// What the test system can do.
    fn facilities(&self) -> Vec<Facility> {
        Vec::new()
    }

    /// A terminal for one case, with an empty journal, and the cards of the test system; the seed is their randomness.
    ///
    /// # Errors
    /// No terminal, in words.
    fn open(&mut self, seed: u64) -> Result<TerminalRig, RigError>;
}

/// What one case works with.
pub struct TerminalRig {
    /// Holds the cards; the terminal reaches them through it.
    pub lower: LowerTester,
    /// The terminal.
    pub terminal: Box<dyn TerminalUnderTest>,
    /// Makes cards.
    pub make: MakeTestCard,
}

/// Makes a card of the test system.
pub type MakeTestCard = Box<dyn FnMut(&CardKind) -> Result<Box<dyn TestCard>, RigError>>;

/// What card is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardKind {
    /// Tells apart cards that are otherwise alike; the tester counts them, from 1.
    pub number: u8,
    /// A profile of the family.
    pub profile: String,
    /// Its certificate.
    pub certificate: CardCertificate,
}

/// The certificate of a card; all else of it is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardCertificate {
    /// As it should be.
    Good,
    /// Another authority vouches for it.
    OtherAuthority,
    /// It is a terminal's.
    OfATerminal,
    /// It has ended.
    Ended,
}

impl CardKind {
    /// A card of this profile.
    pub fn new(profile: &str) -> Self {
        Self { number: 0, profile: profile.to_owned(), certificate: CardCertificate::Good }
    }
}

/// What the operator asks for.
#[derive(Debug, Clone)]
pub struct OperatorOrder {
    /// What it does.
    pub kind: OrderKind,
    /// Minor units of the terminal's currency.
    pub amount: u32,
    /// What the cardholder types, if asked.
    pub pin: Option<SecretText>,
    /// The operator presses stop when no other card comes; else the time runs out.
    pub stops: bool,
}

impl OperatorOrder {
    /// A sale; the cardholder types no PIN.
    pub const fn sale(amount: u32) -> Self {
        Self::new(OrderKind::Sale, amount)
    }

    /// An order; the cardholder types no PIN.
    pub const fn new(kind: OrderKind, amount: u32) -> Self {
        Self { kind, amount, pin: None, stops: false }
    }
}

/// How a terminal is set up; it counts from the next request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setting {
    /// Ids of cards that get no order.
    pub stop_list: Vec<String>,
    /// A card of the stop list is blocked where it is met.
    pub blocks_stopped: bool,
    /// What a centre says when it is asked; `None`: there is none.
    pub centre: Option<Centre>,
    /// The settlement policy by name; `None` for the terminal's own.
    pub policy: Option<String>,
    /// After the unresolved slip the balance is offered.
    pub checks_balance: bool,
}

/// What a centre says of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Centre {
    /// It did not happen.
    NotPaid,
    /// It does not know.
    Unknown,
    /// It does not answer.
    Unreachable,
}

/// How a request ended, as it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The order happened.
    Paid,
    /// It did not happen and may be made anew.
    NotPaid,
    /// Card or terminal refused it; nothing happened.
    Refused,
    /// Whether it happened is not known.
    Unresolved,
    /// Given up before anything could happen.
    Cancelled,
    /// Not begun: an earlier order must be looked into first.
    HeldUp,
    /// The open records of the card were looked into.
    Resolved,
    /// The card could not be worked with; nothing happened.
    CardFault,
    /// Neither of these: the terminal's own fault.
    Fault,
    /// Nothing was shown: the terminal lost its power.
    Killed,
}

impl Ended {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Paid,
        Self::NotPaid,
        Self::Refused,
        Self::Unresolved,
        Self::Cancelled,
        Self::HeldUp,
        Self::Resolved,
        Self::CardFault,
        Self::Fault,
        Self::Killed,
    ];

    /// Whether it says that nothing was moved.
    pub const fn says_nothing_happened(self) -> bool {
        matches!(self, Self::NotPaid | Self::Refused | Self::Cancelled | Self::HeldUp | Self::CardFault)
    }
}

/// What was shown of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// How it ended.
    pub ended: Ended,
    /// Older records that it looked into: amount, and what it said of them.
    pub settled: Vec<(u32, RecordState)>,
    /// All texts and prompts, in their order.
    pub text: String,
    /// What else is known of how it ended, for people: an exit code, a signal.
    pub detail: String,
}

/// What a terminal says of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// Not known.
    Open,
    /// Not known, and the unresolved slip is out.
    OpenFinal,
    /// Happened.
    Paid,
    /// Did not happen.
    NotPaid,
}

impl RecordState {
    /// Whether the end is not known.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::OpenFinal)
    }
}

/// A record of the terminal: one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Minor units.
    pub amount: u32,
    /// What is known.
    pub state: RecordState,
    /// What it counts for in the day's total, in the words of specs/terminal.md, clause 3; where it can be asked.
    pub booking: Option<String>,
    /// It is too old to be claimed; where it can be asked.
    pub is_overdue: Option<bool>,
    /// The transaction id of each attempt; where it can be asked.
    pub transactions: Vec<String>,
}

/// The upper tester's way to a terminal. What cannot be asked or done is an error in words, and inconclusive.
pub trait TerminalUnderTest {
    /// Changes its setting.
    fn set(&mut self, setting: &Setting) -> Result<(), RigError>;

    /// Places an order while the lower tester holds its cards there. A terminal that loses its power meanwhile shows [`Ended::Killed`].
    fn order(&mut self, order: &OperatorOrder) -> Result<Shown, RigError>;

    /// Asks for the open records of the card that is held there to be looked into.
    fn resolve(&mut self) -> Result<Shown, RigError>;

    /// It loses its power, and starts again with what is durable.
    fn restart(&mut self) -> Result<(), RigError>;

    /// The operator has seen all open records and goes on.
    fn acknowledge(&mut self) -> Result<(), RigError>;

    /// The day is closed.
    fn close_day(&mut self) -> Result<(), RigError>;

    /// Days go by.
    fn pass_days(&mut self, days: u32) -> Result<(), RigError>;

    /// Its records, oldest first.
    fn records(&mut self) -> Result<Vec<Record>, RigError>;

    /// All that it has written down anywhere: journal, trace, log.
    fn written(&mut self) -> Result<String, RigError>;
}

/// The tester of a terminal under test.
pub struct TerminalTester<'r> {
    rig: &'r mut TerminalRig,
    judge: Judge<'r>,
    said: String,
    cards: u8,
}

impl<'r> Deref for TerminalTester<'r> {
    type Target = Judge<'r>;

    fn deref(&self) -> &Self::Target {
        &self.judge
    }
}

impl DerefMut for TerminalTester<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.judge
    }
}

impl<'r> TerminalTester<'r> {
    /// A tester whose randomness is `seed`'s; `clock` gives microseconds.
    pub fn new(
        rig: &'r mut TerminalRig,
        statement: &'r Statement,
        seed: u64,
        clock: &'r mut dyn FnMut() -> u64,
    ) -> Self {
        Self { rig, judge: Judge::new(statement, seed, clock), said: String::new(), cards: 0 }
    }

    /// The same with somebody who sees each line of the log as it comes.
    #[must_use]
    pub fn with_sink(self, sink: &'r mut dyn FnMut(&Line)) -> Self {
        Self { judge: self.judge.with_sink(sink), ..self }
    }

    // The cards.

    /// A card of the profile that the statement names; no two have the same id.
    pub fn card(&mut self) -> OrStop<CardHandle> {
        let profile = self.text("terminal.card_profile")?;
        self.card_of(&CardKind::new(profile))
    }

    /// A card of this kind.
    pub fn card_of(&mut self, kind: &CardKind) -> OrStop<CardHandle> {
        let count = self.cards.checked_add(1).ok_or_else(|| Stop::error("a case has at most 255 cards"))?;
        self.cards = count;
        let card = (self.rig.make)(&CardKind { number: count, ..kind.clone() })
            .map_err(|error| Stop::error(error.to_string()))?;
        let handle = self.rig.lower.add(card);
        let Truth { id, balance, .. } = self.rig.lower.truth(handle);
        self.note(format!("card {id} holds {balance}"));
        Ok(handle)
    }

    /// A copy of the card as it is now: held there later, it is the card set back.
    pub fn copy(&mut self, card: CardHandle) -> CardHandle {
        self.rig.lower.copy(card)
    }

    /// The card gets an order at another terminal, which works as it should.
    ///
    /// A card that cannot, after what the terminal under test did to it, shows nothing of what the case is about.
    pub fn pay_elsewhere(&mut self, card: CardHandle) -> OrStop {
        self.note("the card gets an order at another terminal");
        Ok(self.rig.lower.pay_elsewhere(card)?)
    }

    /// What a card holds, by itself.
    pub fn truth(&mut self, card: CardHandle) -> Truth {
        let truth = self.rig.lower.truth(card);
        self.note(format!("card {} holds {} after {} commits", truth.id, truth.balance, truth.commits));
        truth
    }

    /// What a command of the terminal does in an order.
    pub fn role(&self, command: &[u8]) -> Option<CommandRole> {
        self.rig.lower.role(command)
    }

    /// The commands that the terminal has sent since this was asked last, and to which card.
    pub fn commands(&mut self) -> Vec<(CardHandle, Vec<u8>)> {
        self.rig.lower.take_commands()
    }

    // The terminal.

    /// An order that any card of the statement's profile takes.
    pub fn plain_order(&self) -> OrStop<OperatorOrder> {
        let kind = match self.text("terminal.order") {
            Ok("top-up") => OrderKind::TopUp,
            Ok("sale") | Err(_) => OrderKind::Sale,
            Ok(other) => {
                return Err(Stop::error(format!("terminal.order: expected sale or top-up, got {}", quoted(other))));
            }
        };
        let amount = match self.number("terminal.amount") {
            Ok(number) => u32::try_from(number).map_err(|_| Stop::error("terminal.amount is too large"))?,
            Err(_) => AMOUNT,
        };
        Ok(OperatorOrder::new(kind, amount))
    }

    /// Changes the terminal's setting.
    pub fn set(&mut self, setting: &Setting) -> OrStop {
        self.note(plain(setting));
        Ok(self.rig.terminal.set(setting)?)
    }

    /// Places an order, while these touches come one after the other.
    pub fn order(&mut self, order: &OperatorOrder, touches: Vec<Touch>) -> OrStop<Shown> {
        self.note(format!("order: {} of {}", order.kind, order.amount));
        self.rig.lower.hold(touches);
        let shown = self.rig.terminal.order(order);
        self.shown(shown)
    }

    /// Has the open records of these touches looked into.
    pub fn resolve(&mut self, touches: Vec<Touch>) -> OrStop<Shown> {
        self.note("resolve");
        self.rig.lower.hold(touches);
        let shown = self.rig.terminal.resolve();
        self.shown(shown)
    }

    /// Takes note of what was seen and shown. A terminal that broke down fails whatever was asked; where the touches did not go as the
    /// case wants them, it has not come to its point.
    fn shown(&mut self, shown: Result<Shown, RigError>) -> OrStop<Shown> {
        let missed = self.rig.lower.take_missed();
        for seen in self.rig.lower.take_seen() {
            self.log(seen);
        }
        let shown = shown.map_err(|error| Stop::inconclusive(self.masked(&error.to_string())))?;
        let shown = Shown { detail: self.masked(&shown.detail), ..shown };
        self.note_text(&shown.text);
        self.note(format!("ended: {}{} {}", plain(&shown.ended), list(&shown.settled), shown.detail).trim_end());
        self.said.push_str(&shown.text);
        match (shown.ended, self.rig.lower.has_killed(), missed.first()) {
            (Ended::Fault, ..) => Err(Stop::fail(format!("the terminal broke down: {}", shown.detail))),
            (Ended::Killed, false, _) => Err(Stop::error("the terminal lost its power, and nobody took it")),
            (ended, true, _) if ended != Ended::Killed => Err(Stop::inconclusive(format!(
                "this did not happen: the terminal is killed; it ended by itself: {ended}",
                ended = plain(&ended)
            ))),
            (.., Some(missed)) => Err(Stop::inconclusive(format!("this did not happen: {missed}"))),
            (.., None) => Ok(shown),
        }
    }

    /// Without the secrets of the statement, which a terminal may have repeated.
    fn masked(&self, text: &str) -> String {
        let mask = |text: String, secret: &SecretText| text.replace(secret.expose(), "****");
        let secrets = self.statement().secrets.values().filter(|secret| !secret.expose().is_empty());
        secrets.fold(text.to_owned(), mask)
    }

    /// What the terminal has shown, its secrets masked.
    fn note_text(&mut self, text: &str) {
        let text = self.masked(text);
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        for line in lines.iter().take(SHOWN_LINES_MAX) {
            self.note(format!("shows: {line}"));
        }
        if lines.len() > SHOWN_LINES_MAX {
            self.note(format!("shows {} lines more", lines.len() - SHOWN_LINES_MAX));
        }
    }

    /// The terminal loses its power and starts again.
    pub fn restart(&mut self) -> OrStop {
        self.note("the terminal loses its power and starts again");
        Ok(self.rig.terminal.restart()?)
    }

    /// The operator has seen all open records.
    pub fn acknowledge(&mut self) -> OrStop {
        self.note("the operator acknowledges the open records");
        Ok(self.rig.terminal.acknowledge()?)
    }

    /// The day is closed.
    pub fn close_day(&mut self) -> OrStop {
        self.note("the day is closed");
        Ok(self.rig.terminal.close_day()?)
    }

    /// Days go by.
    pub fn pass_days(&mut self, days: u32) -> OrStop {
        self.note(format!("{days} days go by"));
        Ok(self.rig.terminal.pass_days(days)?)
    }

    /// The terminal's records, oldest first.
    pub fn records(&mut self) -> OrStop<Vec<Record>> {
        let records = self.rig.terminal.records()?;
        for Record { amount, state, booking, is_overdue, .. } in &records {
            self.note(format!(
                "record: {amount} {state} {booking} overdue {is_overdue}",
                state = plain(&state),
                booking = plain(&booking),
                is_overdue = plain(&is_overdue)
            ));
        }
        Ok(records)
    }

    /// All that the terminal has shown and written down so far.
    pub fn said_and_written(&mut self) -> OrStop<String> {
        let written = self.rig.terminal.written()?;
        Ok(format!("{}{written}", self.said))
    }

    /// A failure in here says nothing about the purpose: it becomes inconclusive.
    pub fn preamble<T>(&mut self, steps: impl FnOnce(&mut Self) -> OrStop<T>) -> OrStop<T> {
        steps(self).map_err(Stop::in_preamble)
    }

    /// Ends the log with how the body ended; what it came to.
    pub(super) fn finish(self, ended: OrStop) -> (OrStop, Vec<Line>) {
        self.judge.finish(ended)
    }
}

/// What the upper tester cannot do or ask leaves the purpose open.
fn list(settled: &[(u32, RecordState)]) -> String {
    settled
        .iter()
        .fold(String::new(), |text, (amount, state)| format!("{text}, older {amount}: {state}", state = plain(&state)))
}
