//! What the terminal is waiting for, and what a request has come to so far.

use std::collections::VecDeque;

use super::event::{GivesBack, Outcome, OutcomeKind, Prompt, Request, Settled};
use super::kernel::{CardView, Contradiction, Draft};
use crate::journal::record::{Intent, OrderKind, Resolution};
use crate::journal::{Belief, OpenRecord};
use crate::time::Moment;

/// What the terminal is waiting for, with all that is valid while it waits, and nothing else.
#[derive(Debug)]
pub(super) enum State {
    /// No request is under way.
    Idle,
    /// WAIT_CARD, UNRESOLVED_RETOUCH or BALANCE_CHECK.
    Waiting(Prompt),
    /// The card's session is being opened, for orders of this kind.
    Opening { purpose: Option<OrderKind> },
    /// The journal is being asked what it holds of the card.
    LookingUp(Touch),
    /// The card is being asked what became of this attempt.
    Resolving(Touch, Intent),
    /// What the journal holds is being compared with the card.
    Comparing(Touch),
    /// The journal is being asked which sale this refund gives back.
    ChoosingSale(Draft),
    /// The kernel is preparing the order. Nothing has been sent that can move value.
    Ordering,
    /// The cardholder is being asked for the PIN.
    AskingPin,
    /// The intent is being made durable.
    Committing,
    /// PROCESSING: the order may have been sent.
    Executing,
    /// The card's receipts are being read.
    Listing,
    /// An entry is being made durable.
    Recording(AfterRecord),
    /// The card is being told that its receipt has arrived.
    Acknowledging(AfterAcknowledge),
    /// AUTO_CONFIRM: the upper system is being asked; why the terminal gave up waiting for the card.
    AskingCentre(String),
}

/// What follows once an entry is durable.
#[derive(Debug)]
pub(super) enum AfterRecord {
    /// The attempt of an open record is decided: the next one, please.
    Settle(Touch, Settled),
    /// An alarm is written down; this one, please.
    Alarm(Touch, Box<Contradiction>),
    /// The order's own answer is decided.
    End(OutcomeKind),
    /// The order happened: show it, tell the card, then end.
    Acknowledge(OutcomeKind),
    /// The unresolved slip is out, for this reason.
    Slip(String),
}

/// What follows once the card was told, or could not be.
#[derive(Debug)]
pub(super) enum AfterAcknowledge {
    /// The card's next open record.
    NextOpenRecord(Touch),
    /// The next way in which the card contradicts the journal.
    NextContradiction(Touch),
    /// It was shown before the card was told.
    End(Box<Outcome>),
}

/// A card in session, until an order is given to its kernel or the card leaves.
#[derive(Debug)]
pub(super) struct Touch {
    /// What the card said.
    pub(super) card: CardView,
    /// What the session was opened for.
    pub(super) purpose: Option<OrderKind>,
    /// Its open records that are still to be looked into.
    pub(super) open: VecDeque<OpenRecord>,
    /// How it agrees with the journal.
    pub(super) comparison: Comparison,
}

/// What is known of the card in session besides its open records.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// What the journal holds of it, until that is compared.
    pub(super) beliefs: Vec<Belief>,
    /// What is still to be written down or shown.
    pub(super) found: VecDeque<Contradiction>,
    /// It gets no order: it contradicts the journal in a way that nobody has been told before, or has another history.
    pub(super) holds_up: bool,
}

impl Comparison {
    /// What the journal holds changes with each record that is resolved.
    pub(super) fn learn(&mut self, intent: &Intent, resolution: &Resolution) {
        let belief = self.beliefs.iter_mut().find(|belief| belief.intent.is_same_attempt(intent));
        if let Some(belief) = belief {
            belief.resolution = Some(resolution.clone());
        }
    }
}

impl State {
    /// Whether a command is under way.
    pub(super) const fn expects_answer(&self) -> bool {
        matches!(
            self,
            Self::Opening { .. }
                | Self::Resolving(..)
                | Self::Comparing(_)
                | Self::Ordering
                | Self::Executing
                | Self::Listing
                | Self::Acknowledging(_)
        )
    }

    /// In words, for the report of a mistake.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Waiting(_) => "waiting for a card",
            Self::Opening { .. } => "opening a session",
            Self::LookingUp(_) => "looking up open records",
            Self::Resolving(..) => "resolving an open record",
            Self::Comparing(_) => "comparing the card with the journal",
            Self::ChoosingSale(_) => "choosing the sale to give back",
            Self::Ordering => "preparing the order",
            Self::AskingPin => "asking for the PIN",
            Self::Committing => "committing the intent",
            Self::Executing => "sending the order",
            Self::Listing => "reading the card's history",
            Self::Recording(_) => "recording an entry",
            Self::Acknowledging(_) => "acknowledging a receipt",
            Self::AskingCentre(_) => "asking the centre",
        }
    }
}

/// What a request has come to so far. It outlives cards that come and go.
#[derive(Debug)]
pub(super) struct Run {
    /// What the operator wants.
    pub(super) request: Request,
    /// When the terminal stops waiting for a card.
    pub(super) deadline: Moment,
    /// The attempt that it has made.
    pub(super) attempt: Attempt,
    /// Why the unresolved slip was issued; from then on the order is given up and only looked after.
    pub(super) slip: Option<String>,
    /// Older records that were looked into.
    pub(super) settled: Vec<Settled>,
    /// For a refund: the sale that it gives back.
    pub(super) gives_back: Option<GivesBack>,
    /// Contradictions that are to be shown.
    pub(super) alarms: Vec<Contradiction>,
    /// The card that was met last, unless it has left.
    pub(super) card: Option<CardView>,
}

/// The newest attempt of a request.
#[derive(Debug)]
pub(super) enum Attempt {
    /// None was made, or its end is durable.
    None,
    /// It may have happened.
    Pending(Intent),
    /// It was proved not to have happened: it may be made again.
    Disproved(Intent),
}

impl Run {
    pub(super) fn new(request: Request, deadline: Moment) -> Self {
        let (settled, alarms) = (Vec::new(), Vec::new());
        Self { request, deadline, attempt: Attempt::None, slip: None, settled, gives_back: None, alarms, card: None }
    }

    /// The attempt whose end is not known.
    pub(super) const fn pending(&self) -> Option<&Intent> {
        match &self.attempt {
            Attempt::Pending(intent) => Some(intent),
            Attempt::None | Attempt::Disproved(_) => None,
        }
    }

    /// The attempt before the next one.
    pub(super) const fn disproved(&self) -> Option<&Intent> {
        match &self.attempt {
            Attempt::Disproved(intent) => Some(intent),
            Attempt::None | Attempt::Pending(_) => None,
        }
    }

    /// Whether orders of this kind were asked for.
    pub(super) fn asks_for(&self, wanted: OrderKind) -> bool {
        self.request.kind() == Some(wanted)
    }
}
