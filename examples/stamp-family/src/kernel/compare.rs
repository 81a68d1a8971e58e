//! What a card shows beside what the journal holds of it.
//!
//! Each attempt has proved a point of the card's history: that its counter had made this visit. A card that is the same card has that
//! visit there still, or has forgotten it.

use untorn::journal::Belief;
use untorn::journal::record::{Alarm, AlarmKind, Resolution};
use untorn::terminal::kernel::Contradiction;
use untorn::wire::hex;

use super::StampIntent;
use crate::data::{Picture, Receipt, VisitId};

struct Held<'b> {
    belief: &'b Belief,
    stamp: StampIntent,
}

/// How the card contradicts what is held.
pub(super) fn contradictions(card: &Picture, beliefs: &[Belief]) -> Vec<Contradiction> {
    let held: Vec<Held<'_>> = beliefs.iter().filter_map(Held::of).collect();
    let history = held.iter().find_map(|held| held.against_history(card));
    let receipts =
        (1..=card.counter).rev().map_while(|counter| Some(Receipt { counter, visit: *card.visit(counter)? }));
    receipts.filter_map(|receipt| against_receipt(&held, receipt)).chain(history).collect()
}

/// A visit of an order that is held for not made: by each of its attempts, since one of several may have been.
fn against_receipt(held: &[Held<'_>], receipt: Receipt) -> Option<Contradiction> {
    let attempts: Vec<&Held<'_>> = held.iter().filter(|held| held.stamp.order.visit == receipt.visit.id).collect();
    let newest = attempts.first()?;
    let reasons: Option<Vec<&str>> = attempts.iter().map(|held| held.not_paid()).collect();
    let (reason, intent) = (*reasons?.first()?, &newest.belief.intent);
    Some(newest.contradiction(Alarm {
        kind: AlarmKind::Receipt,
        believed: format!("order {} ({} of {}) is not paid: {reason}", intent.order, intent.kind, intent.amount),
        believed_evidence: newest.point(),
        found: format!("the card has it, as visit {}", receipt.counter),
        found_evidence: hex::encode(&receipt.emit()),
    }))
}

impl<'b> Held<'b> {
    /// `None` for a record that is not a stamp card's, and so cannot be of this card.
    fn of(belief: &'b Belief) -> Option<Self> {
        StampIntent::of(&belief.intent).ok().map(|stamp| Self { belief, stamp })
    }

    fn not_paid(&self) -> Option<&str> {
        match &self.belief.resolution {
            Some(Resolution::NotPaid { reason, .. }) => Some(reason),
            _ => None,
        }
    }

    /// The last point that this attempt has proved.
    fn proved(&self) -> (u32, VisitId) {
        let Receipt { counter, visit } = self.stamp.receipt;
        match self.belief.resolution {
            Some(Resolution::Paid { .. }) => (counter, visit.id),
            _ => (counter.saturating_sub(1), self.stamp.before),
        }
    }

    fn point(&self) -> String {
        let (counter, visit) = self.proved();
        hex::encode(&[&counter.to_be_bytes()[..], &visit].concat())
    }

    fn against_history(&self, card: &Picture) -> Option<Contradiction> {
        let (counter, visit) = self.proved();
        let found = if card.counter < counter {
            format!("the card is back at visit {}: it is a copy, or was restored", card.counter)
        } else if card.id_at(counter).is_some_and(|id| id != visit) {
            format!("the card's visit {counter} is another one: it has another history")
        } else {
            return None;
        };
        let last = card.id_at(card.counter).unwrap_or_default();
        Some(self.contradiction(Alarm {
            kind: AlarmKind::History,
            believed: format!("at order {} the card stood at visit {counter}", self.belief.intent.order),
            believed_evidence: self.point(),
            found,
            found_evidence: hex::encode(&[&card.counter.to_be_bytes()[..], &last].concat()),
        }))
    }

    fn contradiction(&self, alarm: Alarm) -> Contradiction {
        let is_known = self.belief.alarms.iter().any(|known| known.is_same(&alarm));
        Contradiction { intent: self.belief.intent.clone(), alarm, is_known }
    }
}
