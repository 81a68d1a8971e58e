//! Makes records durable and reads them back. It alone can issue the token without which no value moves.

pub mod chain;
pub(crate) mod file;
mod kind;
pub mod listing;
pub mod memory;
pub mod policy;
pub mod record;
mod reserve;
mod rules;
pub mod sqlite;
pub mod verify;
pub mod view;

use crate::time::Moment;
use record::{Alarm, CardReference, Entry, Intent, OrderNumber, Resolution};

/// A journal of one terminal.
pub trait Journal: Send {
    /// Makes the intent durable, and only then gives it back as a token. Refuses an attempt that exists already, and a new one while
    /// an earlier one of the order is open or paid.
    fn commit(&mut self, intent: Intent, now: Moment) -> Result<Committed, JournalError>;

    /// Makes a later entry durable. Refuses what contradicts the journal: anything about an attempt that it does not hold or that is
    /// resolved, and [`Entry::Intent`], which only [`Journal::commit`] may write.
    fn append(&mut self, entry: Entry, now: Moment) -> Result<(), JournalError>;

    /// Attempts without resolution, oldest first; of one card, or of all.
    fn open(&mut self, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, JournalError>;

    /// What is held of this card, to be compared with what it shows: its attempts from the newest back to the newest that is paid, and
    /// those that name one of these transactions; the newest first.
    fn beliefs(&mut self, card: &CardReference, transactions: &[String]) -> Result<Vec<Belief>, JournalError>;

    /// Gives all entries of the orders of one card, or of all cards, to `visit`, oldest first.
    fn entries_of(&mut self, card: Option<&CardReference>, visit: &mut dyn FnMut(Entry)) -> Result<(), JournalError>;

    /// A number that no order has had, survivors of a crash included.
    fn next_order(&mut self) -> Result<OrderNumber, JournalError>;
}

/// What the journal holds of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belief {
    /// The attempt.
    pub intent: Intent,
    /// How it ended; `None` while that is not known.
    pub resolution: Option<Resolution>,
    /// Contradictions that are written down already.
    pub alarms: Vec<Alarm>,
}

impl Belief {
    fn of(intent: Intent) -> Self {
        Self { intent, resolution: None, alarms: Vec::new() }
    }

    /// Takes in a later line.
    fn add(&mut self, entry: &Entry) {
        if (entry.order(), entry.attempt()) != (self.intent.order, self.intent.attempt) {
            return;
        }
        match entry {
            Entry::Resolved { resolution, .. } => self.resolution = Some(resolution.clone()),
            Entry::Alarm { alarm, .. } => self.alarms.push(alarm.clone()),
            Entry::Intent(_) | Entry::UnresolvedFinal { .. } | Entry::Acknowledged { .. } => {}
        }
    }

    fn is_paid(&self) -> bool {
        matches!(self.resolution, Some(Resolution::Paid { .. }))
    }
}

/// Of a card's attempts, the newest first, those that [`Journal::beliefs`] gives.
fn select_beliefs(
    attempts: impl Iterator<Item = Result<Belief, JournalError>>,
    transactions: &[String],
) -> Result<Vec<Belief>, JournalError> {
    let mut wanted: Vec<&String> = transactions.iter().collect();
    let (mut beliefs, mut before_paid) = (Vec::new(), true);
    for attempt in attempts {
        let belief = attempt?;
        let named = wanted.iter().any(|transaction| belief.intent.mentions(transaction));
        let is_paid = belief.is_paid();
        if before_paid || named {
            beliefs.push(belief);
        }
        if before_paid && is_paid {
            before_paid = false;
            // All attempts under one transaction id follow each other on their card.
            wanted.retain(|transaction| !beliefs.iter().any(|belief| belief.intent.mentions(transaction)));
        }
        if !before_paid && wanted.is_empty() {
            break;
        }
    }
    Ok(beliefs)
}

/// An attempt whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRecord {
    /// The attempt.
    pub intent: Intent,
    /// The unresolved slip was issued.
    pub is_final: bool,
    /// The operator has seen it after a restart.
    pub is_acknowledged: bool,
}

impl OpenRecord {
    /// Whether no new order is taken before somebody has looked into it (REQ-RUL-7).
    pub const fn holds_up_orders(&self) -> bool {
        !self.is_final && !self.is_acknowledged
    }
}

/// Proof that an intent is durable; the only way to send its order.
///
/// It has no public constructor, so that sending before journalling does not compile:
///
/// ```compile_fail
/// # fn intent() -> untorn::journal::record::Intent { unimplemented!() }
/// let committed = untorn::journal::Committed { intent: intent() };
/// ```
#[derive(Debug)]
pub struct Committed {
    intent: Intent,
}

impl Committed {
    /// What was made durable, and thereby what may be sent.
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }
}

/// The journal cannot do it. Nothing that it held is lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("the journal {path} is in use by another untorn process: end that one, or name another journal")]
    InUse {
        /// Which file.
        path: String,
    },
    /// No journal is there to be read.
    #[error("there is no journal at {path}: a first sale or top-up makes one there")]
    Missing {
        /// Which file.
        path: String,
    },
    /// The file is no journal of ours.
    #[error("{path} is not a journal of untorn ({reason}); it was not touched")]
    Foreign {
        /// Which file.
        path: String,
        /// How it shows.
        reason: String,
    },
    /// A later version of untorn wrote the file.
    #[error(
        "the journal {path} has format {version}, this untorn knows format {known} only: use a later one; it was not touched"
    )]
    Newer {
        /// Which file.
        path: String,
        /// The format of the file.
        version: u32,
        /// The latest format known here.
        known: u32,
    },
    /// The file is damaged, or was changed from outside.
    #[error("the journal {path} is damaged: {reason}; it was not touched")]
    Corrupt {
        /// Which file.
        path: String,
        /// Where and how.
        reason: String,
    },
    /// The operating system or the disk.
    #[error("the journal cannot {operation}: {reason}")]
    Storage {
        /// What was being done.
        operation: String,
        /// What the system said.
        reason: String,
    },
    /// The entry contradicts what the journal holds: our bug.
    #[error("the journal refuses the entry for order {order}, attempt {attempt}: {reason}")]
    Contradiction {
        /// Which order.
        order: OrderNumber,
        /// Which attempt.
        attempt: u32,
        /// How.
        reason: String,
    },
}
