//! What the view sees: a picture of the terminal at one moment, never changed after it is made.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::conformance::role::TearAt;
use crate::family::profile::Section;
use crate::journal::record::{CardReference, OrderKind, OrderNumber};
use crate::journal::view::OrderView;
use crate::money::{Currency, Money};
use crate::reader::fault::Fault;
use crate::reader::trace::TraceEvent;
use crate::terminal::event::{Outcome, Prompt};
use crate::time::Moment;

/// The terminal at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Name of the profile, for the title line.
    pub profile: Arc<str>,
    /// What amounts are typed in.
    pub currency: Currency,
    /// What the terminal is doing.
    pub phase: Phase,
    /// When the deadline in `phase` was last looked at.
    pub taken: Moment,
    /// The paper of the outcome in `phase`.
    pub slip: Option<Arc<str>>,
    /// What the card held before the order whose unresolved slip was issued in this request.
    pub held_before: Option<Money>,
    /// The request under way, or the last one.
    pub wanted: Option<Wanted>,
    /// Which of [`Self::readers`] is in use.
    pub reader: usize,
    /// Readers to choose from; the virtual one first.
    pub readers: Arc<[ReaderLine]>,
    /// The virtual card's bench; absent where a real reader is in use.
    pub bench: Option<Bench>,
    /// The last exchanges, oldest first.
    pub trace: Arc<[TraceEvent]>,
    /// Orders, newest first.
    pub orders: Arc<[OrderView]>,
    /// What a refund would give back, once somebody has asked.
    pub to_refund: ToRefund,
    /// Attempts of earlier runs that must be looked at before a new order.
    pub unseen: Arc<BTreeSet<(OrderNumber, u32)>>,
    /// What went wrong outside of a request, in words.
    pub notice: Option<String>,
    /// How often the bell has rung.
    pub bells: u32,
}

/// What the terminal is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the operator.
    Idle,
    /// WAIT_CARD, UNRESOLVED_RETOUCH or BALANCE_CHECK, until then.
    Waiting {
        /// What the cardholder is told.
        prompt: Prompt,
        /// When the terminal gives up.
        until: Moment,
    },
    /// A card is being worked with.
    Working {
        /// The order has gone out and its answer is not in yet, or not durable.
        value_moving: bool,
    },
    /// The cardholder is asked for the PIN.
    AskPin {
        /// After a wrong one.
        tries_left: Option<u8>,
    },
    /// How the last request ended.
    Done(Box<Outcome>),
}

/// The sale that a refund would give back: the newest paid one of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToRefund {
    /// Nobody has asked.
    #[default]
    NotLookedFor,
    /// The journal holds no paid sale.
    Nothing,
    /// The newest sale of the card that is touched: this newer one is open, and only its card can tell whether it was paid.
    Open {
        /// Its number.
        order: OrderNumber,
        /// What was to be paid.
        amount: Money,
    },
    /// This one.
    Sale {
        /// Its number.
        order: OrderNumber,
        /// Its transaction, in hex.
        transaction: String,
        /// Whose card.
        card: CardReference,
        /// What was paid.
        amount: Money,
        /// What of it is not given back yet.
        left: Money,
    },
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Move value.
    Order(OrderKind, Money),
    /// Show the balance.
    Balance,
    /// Show the card's own record.
    History,
    /// Resolve what is open on the touched card.
    Resolve,
}

/// A reader that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderLine {
    /// Its name.
    pub name: String,
    /// Whether it is the one on the bench.
    pub is_virtual: bool,
    /// Whether a card is there.
    pub has_card: bool,
}

/// The bench of the virtual cards.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Names of the cards.
    pub cards: Arc<[String]>,
    /// Which one is in the hand.
    pub selected: usize,
    /// Whether it is on the reader.
    pub on_reader: bool,
    /// When it will be lifted, exchanges counted from now, and how.
    pub armed: Option<(TearAt, ArmedTear)>,
    /// How often a card was torn away.
    pub torn: usize,
    /// How long each exchange is drawn out, so that a hand can keep up, in milliseconds.
    pub pace_ms: u64,
    /// What is in the card, for whoever may look inside.
    pub sheet: Arc<[Section]>,
}

/// At which moment of an exchange the card is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArmedTear {
    /// Before the command reaches it.
    Before,
    /// After it has done what it was told, before its answer.
    After,
    /// While it answers.
    MidAnswer,
}

impl ArmedTear {
    /// All, in the order of an exchange.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::MidAnswer];

    /// As the reader's fault.
    pub const fn fault(self) -> Fault {
        match self {
            Self::Before => Fault::RemovedBefore,
            Self::After => Fault::RemovedAfter,
            Self::MidAnswer => Fault::RemovedWhileAnswering { octets: 1 },
        }
    }
}

impl fmt::Display for ArmedTear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before the command",
            Self::After => "after execution",
            Self::MidAnswer => "mid-answer",
        })
    }
}
