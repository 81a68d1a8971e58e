//! What a terminal writes down (specs/terminal.md): intents before value moves, and what became of them.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::kind::OrderKind;
use super::policy::SettlementPolicy;
use crate::money::Money;
use crate::time::Moment;

/// Number of an order in its journal, from 1, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderNumber(pub u32);

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// A card as the journal knows it: the family's card id in hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CardReference(pub String);

impl fmt::Display for CardReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One attempt of an order, made durable before the command that can move value.
///
/// An order has more than one only after an earlier one was proved not to have happened (REQ-TRM-5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Which order.
    pub order: OrderNumber,
    /// From 1.
    pub attempt: u32,
    /// What it does.
    pub kind: OrderKind,
    /// Card family, by its name.
    pub family: String,
    /// To which card.
    pub card: CardReference,
    /// The value to move.
    pub amount: Money,
    /// As the card said just before.
    pub balance_before: Money,
    /// When it was decided.
    pub time: Moment,
    /// How the scheme settles it: the policy that held then. `None` in journals of before that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<SettlementPolicy>,
    /// What the family needs to send the order and to judge it later, as JSON of its own.
    pub family_data: serde_json::Value,
}

impl Intent {
    /// Whether both are one attempt of one order.
    pub fn is_same_attempt(&self, other: &Self) -> bool {
        (self.order, self.attempt) == (other.order, other.attempt)
    }

    /// Whether the family's data name this transaction, in the family's own hex.
    pub fn mentions(&self, transaction: &str) -> bool {
        self.family_data.to_string().contains(transaction)
    }
}

/// How an attempt ended. Only authentic evidence makes one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "resolution", rename_all = "kebab-case")]
pub enum Resolution {
    /// The card did it.
    Paid {
        /// Balance after it.
        balance_after: Money,
        /// What proves it: the family's own octets, in hex.
        evidence: String,
        /// How it was learnt.
        by: Source,
    },
    /// The card did not, and never will.
    NotPaid {
        /// Why that is certain.
        reason: String,
        /// How it was learnt.
        by: Source,
    },
}

/// How a resolution was learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The authentic answer to the order itself.
    Answer,
    /// The card, touched again.
    Retouch,
    /// The upper system.
    UpperSystem,
}

/// A card contradicts what the journal holds of it. It changes no resolution: people must look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// How.
    #[serde(rename = "alarm")]
    pub kind: AlarmKind,
    /// What the journal holds, in words.
    pub believed: String,
    /// The journal's evidence: the family's own octets, in hex; empty where it has none.
    pub believed_evidence: String,
    /// What the card shows, in words.
    pub found: String,
    /// The card's evidence: the family's own octets, in hex.
    pub found_evidence: String,
}

/// How a card contradicts the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// It has an authentic receipt of an order that the journal holds for not paid.
    Receipt,
    /// Its history is not the one that the journal has proved: it is a copy, was restored, or has lost a record.
    History,
}

impl Alarm {
    /// Whether this is the same contradiction, seen again.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.found_evidence) == (other.kind, &other.found_evidence)
    }
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// An attempt is about to be sent. Only [`super::Journal::commit`] writes it.
    Intent(Intent),
    /// An attempt ended.
    Resolved {
        /// Which order.
        order: OrderNumber,
        /// Which attempt of it.
        attempt: u32,
        /// How.
        #[serde(flatten)]
        resolution: Resolution,
    },
    /// The terminal gave up waiting: the unresolved slip was issued (未了確定). The attempt stays open.
    UnresolvedFinal {
        /// Which order.
        order: OrderNumber,
        /// Which attempt of it.
        attempt: u32,
        /// For the slip.
        balance_before: Money,
        /// Time-out, operator, centre.
        reason: String,
    },
    /// The operator has seen an open record after a restart and goes on without resolving it.
    Acknowledged {
        /// Which order.
        order: OrderNumber,
        /// Which attempt of it.
        attempt: u32,
    },
    /// A card contradicts what is written of this attempt.
    Alarm {
        /// Which order.
        order: OrderNumber,
        /// Which attempt of it.
        attempt: u32,
        /// How.
        #[serde(flatten)]
        alarm: Alarm,
    },
}

impl Entry {
    /// The order that it belongs to.
    pub const fn order(&self) -> OrderNumber {
        match self {
            Self::Intent(intent) => intent.order,
            Self::Resolved { order, .. }
            | Self::UnresolvedFinal { order, .. }
            | Self::Acknowledged { order, .. }
            | Self::Alarm { order, .. } => *order,
        }
    }

    /// The attempt that it belongs to.
    pub const fn attempt(&self) -> u32 {
        match self {
            Self::Intent(intent) => intent.attempt,
            Self::Resolved { attempt, .. }
            | Self::UnresolvedFinal { attempt, .. }
            | Self::Acknowledged { attempt, .. }
            | Self::Alarm { attempt, .. } => *attempt,
        }
    }
}
