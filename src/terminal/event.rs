//! What goes into the terminal and what comes out of it: one action, then one event, then the next action.

use super::kernel::{CardView, Contradiction, HistoryItem, Outgoing, Refusal};
use crate::journal::record::{CardReference, Entry, Intent, OrderKind, OrderNumber};
use crate::journal::{Belief, Committed, OpenRecord};
use crate::money::Money;
use crate::reader::LinkError;
use crate::secret::Pin;
use crate::time::Moment;

/// What the operator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Move value.
    Order {
        /// From the journal.
        order: OrderNumber,
        /// What it does.
        kind: OrderKind,
        /// How much.
        amount: Money,
    },
    /// Give a sale back. Which one is decided when all that was open on the card is resolved.
    Refund {
        /// From the journal.
        order: OrderNumber,
        /// How much; `None` for what is left of the sale.
        amount: Option<Money>,
        /// Which sale.
        of: RefundOf,
    },
    /// Show the balance.
    Balance,
    /// Show the card's own record.
    History,
    /// Resolve the open records of whatever card is touched.
    Resolve,
}

impl Request {
    /// What it does to a card, where it is an order.
    pub const fn kind(&self) -> Option<OrderKind> {
        match self {
            Self::Order { kind, .. } => Some(*kind),
            Self::Refund { .. } => Some(OrderKind::Refund),
            Self::Balance | Self::History | Self::Resolve => None,
        }
    }
}

/// Which sale a refund gives back; transactions in the family's own hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOf {
    /// The newest sale of the card that is touched.
    Newest,
    /// The newest sale of the card, which must be this one, for a person was shown it as that.
    Shown(String),
    /// This one, which may be another terminal's.
    Transaction(String),
}

/// The sale that a refund gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivesBack {
    /// Its transaction, in hex.
    pub transaction: String,
    /// Its attempt that happened; `None` for a sale that this journal does not hold.
    pub sale: Option<Box<Intent>>,
}

/// What a journal says of the sale that a refund asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaleFound {
    /// The sale.
    pub paid: Option<PaidSale>,
    /// The one that it may be instead: its end is not known.
    pub open: Option<Intent>,
}

/// A sale that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidSale {
    /// Its attempt that happened.
    pub sale: Intent,
    /// Its transaction, in hex.
    pub transaction: String,
    /// What of it is not given back yet.
    pub left: Money,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A card answered to reset.
    CardPresent,
    /// The whole answer to the last [`Action::Transmit`] or [`Action::Acknowledge`].
    Answer(Vec<u8>),
    /// That command brought no answer.
    Lost(LinkError),
    /// The last [`Action::LookUp`] found this.
    Known {
        /// What is open.
        open: Vec<OpenRecord>,
        /// What is to be compared with the card, the newest attempt first.
        beliefs: Vec<Belief>,
    },
    /// The last [`Action::FindSale`] found this.
    Sale(SaleFound),
    /// The last [`Action::Commit`] is durable.
    Committed(Committed),
    /// The last [`Action::Record`] is durable.
    Recorded,
    /// The journal could not do what the last action asked.
    JournalFailed(String),
    /// The cardholder typed a PIN.
    Pin(Pin),
    /// The cardholder gave none.
    NoPin,
    /// What the centre knows of the attempt that the last [`Action::AskCentre`] named.
    Centre(CentreAnswer),
    /// The deadline of the last [`Action::WaitForCard`] has passed.
    TimeOut,
    /// The operator pressed stop while a card was awaited.
    Stop,
}

/// What the upper system says of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CentreAnswer {
    /// It happened.
    Paid {
        /// Balance after it.
        balance_after: Money,
        /// The record that proves it.
        evidence: String,
    },
    /// It did not.
    NotPaid,
    /// It does not know either.
    Unknown,
    /// It cannot be asked.
    Unreachable,
}

/// What to do now. Exactly one event answers it; between the two lies a crash point.
#[derive(Debug)]
pub enum Action {
    /// Show the prompt and wait for a card, the deadline or the operator.
    WaitForCard {
        /// What to show.
        prompt: Prompt,
        /// When to give up.
        until: Moment,
    },
    /// Send this, once.
    Transmit(Outgoing),
    /// The order is done and that is durable: show it at once, then send this, once, and its answer changes nothing. The card
    /// may have left.
    Acknowledge {
        /// What [`Action::Finish`] will say too.
        outcome: Box<Outcome>,
        /// Tells the card that its receipt has arrived.
        command: Outgoing,
    },
    /// Find the open records of this card, and what is held of it.
    LookUp {
        /// Which card.
        card: CardReference,
        /// The transactions whose receipts it has shown.
        shown: Vec<String>,
    },
    /// Find the sale of this card that is to be given back.
    FindSale {
        /// Which card.
        card: CardReference,
        /// Which sale.
        of: RefundOf,
    },
    /// Make the intent durable.
    Commit(Intent),
    /// Make the entry durable.
    Record(Entry),
    /// Ask the cardholder for the PIN; tries left where a wrong one was given.
    AskPin {
        /// After a wrong one.
        tries_left: Option<u8>,
    },
    /// Ask the upper system what became of this attempt (AUTO_CONFIRM).
    AskCentre(Intent),
    /// The end of this request.
    Finish(Box<Outcome>),
}

/// What the cardholder is told while a card is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// WAIT_CARD: touch or insert the card.
    Present,
    /// WAIT_CARD again: no whole answer came before anything could happen.
    PresentAgain(Lost),
    /// UNRESOLVED_RETOUCH: touch the same card once more.
    Retouch(Lost),
    /// UNRESOLVED_RETOUCH: that was another card; the same card, please.
    OtherCard,
    /// BALANCE_CHECK: the unresolved slip is out; the card's balance can be looked at. Why it is asked for again, after the first time.
    BalanceCheck(Option<Again>),
}

impl Prompt {
    /// Whether another card was met than the one that is asked for: it has to leave before another look is worth it.
    pub const fn is_other_card(&self) -> bool {
        matches!(self, Self::OtherCard | Self::BalanceCheck(Some(Again::OtherCard)))
    }

    /// What came instead of an answer, where it is not known that the card left.
    pub fn no_answer(&self) -> Option<&str> {
        match self {
            Self::PresentAgain(why) | Self::Retouch(why) | Self::BalanceCheck(Some(Again::Lost(why))) => why.told(),
            Self::Present | Self::OtherCard | Self::BalanceCheck(None | Some(Again::OtherCard)) => None,
        }
    }
}

/// Why a card whose balance is to be seen is asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// That was another card.
    OtherCard,
    /// It did not answer whole.
    Lost(Lost),
}

/// Why a card is asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It left.
    CardLeft,
    /// No whole and authentic answer came, and it is not known that the card left; what came instead.
    NoAnswer(String),
}

impl Lost {
    /// What came instead of an answer.
    pub fn told(&self) -> Option<&str> {
        match self {
            Self::CardLeft => None,
            Self::NoAnswer(what) => Some(what),
        }
    }
}

impl From<&LinkError> for Lost {
    fn from(error: &LinkError) -> Self {
        if error.card_left { Self::CardLeft } else { Self::NoAnswer(error.detail.clone()) }
    }
}

/// How a request ended, and all that screen, slip and `--json` show of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What came of the request itself.
    pub result: OutcomeKind,
    /// Older records that this touch resolved.
    pub settled: Vec<Settled>,
    /// What a card has shown that contradicts the journal, durable before it is shown.
    pub alarms: Vec<Contradiction>,
    /// The card that was met last.
    pub card: Option<CardView>,
    /// For a refund: the sale that it gives back, once that is chosen.
    pub gives_back: Option<GivesBack>,
    /// The unresolved slip was issued within this request, also where BALANCE_CHECK decided it afterwards.
    pub slip_issued: bool,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutcomeKind {
    /// CONFIRMED_PAID. One receipt.
    Paid {
        /// The attempt that happened.
        intent: Box<Intent>,
        /// Balance after it.
        balance_after: Money,
        /// The family's octets, in hex.
        evidence: String,
    },
    /// The card or the terminal refused; nothing happened.
    Refused(Refusal),
    /// CONFIRMED_NOT_PAID after the unresolved slip, or by the centre. The sale may be made anew.
    NotPaid {
        /// The attempt that did not happen.
        intent: Box<Intent>,
        /// Why that is certain.
        reason: String,
    },
    /// UNRESOLVED_FINAL (未了確定). One unresolved slip.
    Unresolved {
        /// The open attempt.
        intent: Box<Intent>,
        /// Why the terminal stopped waiting.
        reason: String,
    },
    /// The operator stopped, or no card came, before anything could happen.
    Cancelled(String),
    /// Balance enquiry: see [`Outcome::card`].
    Balance,
    /// What the card still holds.
    History(Vec<HistoryItem>),
    /// The touched card had nothing open, or all of it is in [`Outcome::settled`].
    Resolved,
    /// The card could not be worked with; nothing happened.
    CardFault(String),
    /// The journal could not be read or written; nothing was sent after that, and nothing is in doubt.
    JournalFault(String),
    /// An event came that does not belong to the last action: our bug, or the driver's.
    Internal(String),
}

impl OutcomeKind {
    /// What ended the request, in words: for an attempt that it leaves open.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.detail.clone(),
            Self::JournalFault(reason) => format!("the journal failed: {reason}"),
            Self::Internal(reason) => format!("untorn made a mistake: {reason}"),
            Self::Cancelled(reason)
            | Self::CardFault(reason)
            | Self::NotPaid { reason, .. }
            | Self::Unresolved { reason, .. } => reason.clone(),
            Self::Paid { .. } | Self::Balance | Self::History(_) | Self::Resolved => "the request ended".to_owned(),
        }
    }
}

/// An older record that a touch resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The attempt.
    pub intent: Intent,
    /// Paid, not paid, or still open.
    pub verdict: Verdict,
}

/// What is known of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It happened.
    Paid {
        /// Balance after it.
        balance_after: Money,
        /// The family's octets, in hex.
        evidence: String,
    },
    /// It did not and never will.
    NotPaid {
        /// Why that is certain.
        reason: String,
    },
    /// Only the upper system can tell.
    StillOpen {
        /// Why the card cannot.
        reason: String,
    },
}
