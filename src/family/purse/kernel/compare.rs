//! What a card shows beside what the journal holds of it (specs/purse.md, REQ-TRM-9).
//!
//! Each attempt on a card has proved two things, whatever became of it: that the card stood at expTC-1 with the LINK before the order, and,
//! where it was paid, that its next receipt is the order's. Every history of that card goes through these points.

use super::intent::PurseIntent;
use crate::family::purse::data::Link;
use crate::family::purse::data::session::{CardState, SealedReceipt};
use crate::journal::Belief;
use crate::journal::record::{Alarm, AlarmKind, Resolution};
use crate::terminal::kernel::Contradiction;
use crate::wire::hex;

/// What is held of the card, the newest attempt first.
pub(super) struct Comparison(Vec<Held>);

struct Held {
    belief: Belief,
    purse: PurseIntent,
}

impl Comparison {
    /// Records that are not a purse's, and so cannot be of this card, are left out.
    pub(super) fn of(beliefs: Vec<Belief>) -> Self {
        let held = |belief: Belief| PurseIntent::of(&belief.intent).ok().map(|purse| Held { belief, purse });
        Self(beliefs.into_iter().filter_map(held).collect())
    }

    /// The counter whose receipt is still to be asked for: the one that follows what was proved last, unless that is the last of all.
    pub(super) fn wants<'a>(
        &self,
        state: &CardState,
        mut seen: impl Iterator<Item = &'a SealedReceipt>,
    ) -> Option<u32> {
        let (counter, _) = self.0.first()?.proved();
        let next = counter.checked_add(1).filter(|next| state.transaction_counter >= *next)?;
        (!seen.any(|receipt| receipt.body.transaction_counter == next)).then_some(next)
    }

    /// How the card contradicts what is held; it has said that it has no receipt of the counter `missing`.
    pub(super) fn judge<'a>(
        &self,
        state: &CardState,
        seen: impl Iterator<Item = &'a SealedReceipt> + Clone,
        missing: Option<u32>,
    ) -> Vec<Contradiction> {
        let against_state = self.0.first().and_then(|newest| newest.against_state(state, missing));
        let other_history = against_state.or_else(|| {
            let held = self.0.iter().filter_map(|held| seen.clone().find_map(|receipt| held.against_chain(receipt)));
            held.into_iter().next()
        });
        let receipts = seen.filter_map(|receipt| self.against_receipt(receipt));
        receipts.chain(other_history).collect()
    }

    /// A receipt of an order that is held for not paid. One order may have several attempts under one transaction id, and one of them
    /// may have happened.
    fn against_receipt(&self, receipt: &SealedReceipt) -> Option<Contradiction> {
        let mut attempts = self.0.iter().filter(|held| held.is_of(receipt)).peekable();
        let newest = *attempts.peek()?;
        let reason = attempts.map(Held::not_paid).collect::<Option<Vec<_>>>()?.first().copied()?;
        let intent = &newest.belief.intent;
        Some(newest.contradiction(Alarm {
            kind: AlarmKind::Receipt,
            believed: format!("order {} ({} of {}) is not paid: {reason}", intent.order, intent.kind, intent.amount),
            believed_evidence: newest.point(),
            found: format!("the card has its receipt, as transaction {}", receipt.body.transaction_counter),
            found_evidence: hex::encode(&receipt.emit()),
        }))
    }
}

impl Held {
    /// The last point in the card's history that this attempt has proved: counter and LINK.
    fn proved(&self) -> (u32, Link) {
        let receipt = &self.purse.receipt;
        match self.belief.resolution {
            Some(Resolution::Paid { .. }) => (receipt.transaction_counter, receipt.link()),
            _ => (receipt.transaction_counter.saturating_sub(1), receipt.previous_link),
        }
    }

    fn not_paid(&self) -> Option<&str> {
        match &self.belief.resolution {
            Some(Resolution::NotPaid { reason, .. }) => Some(reason),
            _ => None,
        }
    }

    fn is_of(&self, receipt: &SealedReceipt) -> bool {
        let (ours, theirs) = (&self.purse.receipt, &receipt.body);
        (ours.transaction, ours.transaction_counter) == (theirs.transaction, theirs.transaction_counter)
    }

    /// The card stands before the point, or at it with another LINK, or has forgotten how it came from there to where it stands.
    fn against_state(&self, state: &CardState, missing: Option<u32>) -> Option<Contradiction> {
        let ((counter, link), now) = (self.proved(), state.transaction_counter);
        let found = if now < counter {
            format!("the card is back at transaction {now}: it is a copy, or was restored")
        } else if now == counter && state.link != link {
            format!("the card stands at transaction {now} with LINK {}: it has another history", state.link)
        } else if missing == Some(now) {
            format!("the card has no receipt of its last transaction, {now}")
        } else {
            return None;
        };
        let octets = [&now.to_be_bytes()[..], &state.link.0, &state.last_transaction.0].concat();
        Some(self.other_history(found, &octets))
    }

    /// A receipt that no history through the points of this attempt has.
    fn against_chain(&self, receipt: &SealedReceipt) -> Option<Contradiction> {
        let (ours, theirs) = (&self.purse.receipt, &receipt.body);
        let (counter, is_paid) = (theirs.transaction_counter, self.proved().0 == ours.transaction_counter);
        let fits = match counter.checked_sub(ours.transaction_counter) {
            None if ours.transaction_counter - counter == 1 => theirs.link() == ours.previous_link,
            Some(0) if is_paid => theirs == ours,
            Some(0) => theirs.previous_link == ours.previous_link,
            Some(1) if is_paid => theirs.previous_link == ours.link(),
            _ => true,
        };
        let found = || format!("the card's transaction {counter} belongs to another history");
        (!fits).then(|| self.other_history(found(), &receipt.emit()))
    }

    fn other_history(&self, found: String, evidence: &[u8]) -> Contradiction {
        let ((counter, link), order) = (self.proved(), self.belief.intent.order);
        let believed_evidence = match &self.belief.resolution {
            Some(Resolution::Paid { evidence, .. }) => evidence.clone(),
            _ => self.point(),
        };
        self.contradiction(Alarm {
            kind: AlarmKind::History,
            believed: format!("at order {order} the card stood at transaction {counter} with LINK {link}"),
            believed_evidence,
            found,
            found_evidence: hex::encode(evidence),
        })
    }

    /// Counter and LINK as the card showed them before the order.
    fn point(&self) -> String {
        let receipt = &self.purse.receipt;
        let before = receipt.transaction_counter.saturating_sub(1).to_be_bytes();
        hex::encode(&[&before[..], &receipt.previous_link.0].concat())
    }

    fn contradiction(&self, alarm: Alarm) -> Contradiction {
        let is_known = self.belief.alarms.iter().any(|known| known.is_same(&alarm));
        Contradiction { intent: self.belief.intent.clone(), alarm, is_known }
    }
}
