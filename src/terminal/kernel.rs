//! What the terminal asks of a card family: the one door through which a family's terminal side is reached.

use crate::entropy::Entropy;
use crate::journal::record::{Alarm, AlarmKind, CardReference, Intent, OrderKind, OrderNumber};
use crate::journal::{Belief, Committed};
use crate::money::{Currency, Money};
use crate::secret::Pin;
use crate::time::Moment;

/// The terminal side of a card family: commands out, answers in, findings at the end.
///
/// A kernel works through one [`Task`] at a time, step by step. It sends nothing itself and keeps no session key: those stay in its
/// SAM. Each [`Step`] but the last is answered by one [`Input`] of its kind.
pub trait Kernel: Send {
    /// Begins a task; an unfinished one is dropped.
    fn begin(&mut self, task: Task, now: Moment, entropy: &mut dyn Entropy) -> Step;

    /// Goes on with the task, now that its last step is done.
    fn resume(&mut self, input: Input<'_>, now: Moment, entropy: &mut dyn Entropy) -> Step;

    /// Refuses a time that this family's orders cannot bear.
    fn can_date(&self, now: Moment) -> Result<(), Refusal>;
}

/// What a kernel is asked to do with the card that is there.
#[derive(Debug)]
pub enum Task {
    /// Select the application and authenticate each other.
    Open {
        /// With which right; `None` only reads.
        purpose: Option<OrderKind>,
    },
    /// Find out what became of an attempt on this very card.
    Resolve(Intent),
    /// Compare what the card shows with what the journal holds of it, the newest attempt first, once its open records are resolved.
    Compare(Vec<Belief>),
    /// Prepare the order, have it made durable, and send it.
    Order(Draft),
    /// Tell the card that this receipt has arrived.
    Acknowledge(Intent),
    /// Read the receipts that the card still holds, newest first.
    History,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// A command for the card; [`Input::Answer`] answers it. A card that is lost instead ends the task.
    Send(Outgoing),
    /// A question to the people at the terminal; [`Input::Pin`] answers it. Where they give no answer the task ends.
    Ask(Question),
    /// Make this durable before value moves; [`Input::Committed`] answers it, and the command that moves value is made of that.
    Commit(Box<Intent>),
    /// The task is over.
    Done(Finding),
}

/// How a step ended.
#[derive(Debug)]
pub enum Input<'a> {
    /// The whole answer to the command.
    Answer(&'a [u8]),
    /// What the cardholder typed.
    Pin(Pin),
    /// The intent is durable.
    Committed(Committed),
}

/// What only people can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The cardholder's PIN.
    Pin {
        /// After a wrong one.
        tries_left: Option<u8>,
    },
}

/// Octets for the card. One that can move value can only be made from a [`Committed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    octets: Vec<u8>,
    moves_value: bool,
}

impl Outgoing {
    /// A command that moves no value.
    pub const fn plain(octets: Vec<u8>) -> Self {
        Self { octets, moves_value: false }
    }

    /// A command that moves the value of an intent that is durable.
    pub fn value(_durable: &Committed, octets: Vec<u8>) -> Self {
        Self { octets, moves_value: true }
    }

    /// What to send.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Whether the card may have moved value once this was sent.
    pub const fn moves_value(&self) -> bool {
        self.moves_value
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Both sides have proved themselves.
    Opened(CardView),
    /// The attempt happened; this proves it.
    Happened(Proof),
    /// The attempt did not happen, and never will; the reason in words.
    DidNotHappen(String),
    /// The card cannot tell any more; the reason in words.
    CannotTell(String),
    /// How the card contradicts the journal; nothing where it does not.
    Compared(Vec<Contradiction>),
    /// The card refused, authentically, or the kernel before anything was sent: nothing happened.
    Refused(Refusal),
    /// Acknowledged, or not: it does not matter.
    Acknowledged,
    /// What the card still holds, newest first.
    History(Vec<HistoryItem>),
    /// What came is not authentic or not well-formed. Of an order under way nothing is known.
    Broken(String),
    /// The card is not one of this family, or does not let itself be authenticated.
    NotOurs(String),
}

/// A card contradicts what the journal holds of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The attempt.
    pub intent: Intent,
    /// How, with both pieces of evidence.
    pub alarm: Alarm,
    /// The journal holds this alarm already.
    pub is_known: bool,
}

impl Contradiction {
    /// Whether the card gets no order, and people must look. A receipt that they have been told of holds nothing up any more; a card
    /// with another history does for ever.
    pub fn holds_up(&self) -> bool {
        !self.is_known || self.alarm.kind == AlarmKind::History
    }
}

/// Evidence that an order happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Balance after it.
    pub balance_after: Money,
    /// The family's octets, in hex.
    pub evidence: String,
}

/// A card after authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardView {
    /// Which card.
    pub card: CardReference,
    /// Whether it moves value; if not, why.
    pub inactive: Option<String>,
    /// What pays at this terminal; the first of `balances`.
    pub balance: Money,
    /// Sales above it need the PIN; `None` where the card asks for none.
    pub pin_above: Option<u32>,
    /// No PIN tries are left.
    pub pin_blocked: bool,
    /// All logical cards that the session sees.
    pub balances: Vec<LogicalBalance>,
    /// Receipts that no terminal has acknowledged.
    pub unratified: u8,
    /// The transactions whose receipts it has shown of its own accord, as the family prints them.
    pub shown: Vec<String>,
}

/// One logical card of a [`CardView`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogicalBalance {
    /// Its id.
    pub id: u8,
    /// Whose.
    pub operator: u32,
    /// What it holds.
    pub balance: Money,
    /// Its counter.
    pub counter: u32,
}

/// One line of a card's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryItem {
    /// The card's transaction counter.
    pub counter: u32,
    /// In words: debit, top-up.
    pub what: String,
    /// How much.
    pub amount: Money,
    /// Balance after it.
    pub balance_after: Money,
    /// By the terminal's clock.
    pub time: Moment,
    /// The family's id of the transaction, in hex.
    pub transaction: String,
}

/// An order before it meets its card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Which order.
    pub order: OrderNumber,
    /// From 1.
    pub attempt: u32,
    /// What it does.
    pub kind: OrderKind,
    /// How much.
    pub amount: Money,
    /// For a refund: the transaction to give back, in hex.
    pub refund_of: Option<String>,
    /// The attempt before this one, proved not to have happened: its transaction id is used again (REQ-TRM-5).
    pub previous: Option<Intent>,
}

/// An authentic refusal, or one of the terminal's own before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as a kind.
    pub reason: RefusalReason,
    /// What the card said, where it was the card, as the family writes it.
    pub said: Option<String>,
    /// In words.
    pub detail: String,
}

/// Why an order is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// Too little on the card.
    BalanceTooSmall,
    /// More than the card may hold.
    MaximumExceeded,
    /// Nothing to give back.
    NotRefundable,
    /// Blocked, terminated, not active.
    NotActive,
    /// The cardholder must be verified.
    PinRequired,
    /// No PIN tries are left.
    PinBlocked,
    /// This terminal may not do it.
    NoRight,
    /// Another currency.
    Currency,
    /// A real card that nobody has named.
    NotNamed,
    /// It contradicts the journal.
    Contradiction,
    /// The terminal's clock, or the dates of a certificate, are wrong.
    Clock,
    /// Anything else that the card refuses.
    Other,
}

impl Refusal {
    /// The order is in one currency, the card in another.
    pub fn currency(order: Currency, card: Currency) -> Self {
        let detail = format!("the order is in {order}, the card holds {card}");
        Self { reason: RefusalReason::Currency, said: None, detail }
    }
}
