//! The books of a simulated world: what the cards held before, what the journals prove since, what the cards hold now.

use std::collections::{BTreeMap, BTreeSet};

use super::field::Field;
use crate::family::lab::Held;
use crate::journal::memory::MemoryJournal;
use crate::journal::record::{CardReference, Entry, OrderKind, Resolution};

/// The cards before anything.
pub(super) struct Books {
    cards: [Held; 2],
}

impl Books {
    pub(super) fn of(field: &Field) -> Self {
        Self { cards: [0, 1].map(|card| field.inspect(card, |card| card.held())) }
    }

    /// Nothing created, nothing lost, everything written, nothing twice; for each card by itself.
    pub(super) fn check(&self, field: &Field, journals: &[&MemoryJournal]) -> Result<(), String> {
        for (number, before) in self.cards.iter().enumerate() {
            let (reference, now) = field.inspect(number, |card| (card.card(), card.held()));
            let (mut expected, mut commits) = (before.total, 0);
            for journal in journals {
                let (value, count) = proved(journal, &reference)?;
                expected += value;
                commits += count;
            }
            if now.total != expected {
                return Err(format!("the journals prove {expected} on card {number}, it holds {}", now.total));
            }
            let (first, last) = (before.commits, now.commits);
            if last != first + commits {
                return Err(format!(
                    "the journals prove {commits} commits of card {number}, it went from {first} to {last}"
                ));
            }
            field.inspect(number, |card| card.flaw()).map_or(Ok(()), Err)?;
        }
        Ok(())
    }
}

/// What a journal's proved orders changed on this card, and how many they are.
fn proved(journal: &MemoryJournal, card: &CardReference) -> Result<(i64, u64), String> {
    let (mut value, mut count) = (0, 0);
    let entries = journal.entries();
    let mut paid = BTreeSet::new();
    let mut lent = BTreeMap::new();
    for (_, entry) in &entries {
        if let Entry::Alarm { alarm, .. } = entry {
            return Err(format!("an alarm of a right card: {}; {}", alarm.believed, alarm.found));
        }
        let Entry::Intent(intent) = entry else { continue };
        // A family without transaction ids lends none.
        let first = crate::family::transaction_of(intent).map(|id| lent.entry(id).or_insert(&intent.card));
        if first.is_some_and(|first| **first != intent.card) {
            return Err(format!("order {} goes to two cards under one transaction id", intent.order));
        }
        let resolutions = entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Resolved { order, attempt, resolution } if (*order, *attempt) == (intent.order, intent.attempt) => {
                Some(resolution)
            }
            _ => None,
        });
        let resolutions: Vec<_> = resolutions.collect();
        if resolutions.len() > 1 {
            return Err(format!("order {} is resolved {} times", intent.order, resolutions.len()));
        }
        if matches!(resolutions.first(), Some(Resolution::Paid { .. })) {
            if !paid.insert(intent.order) {
                return Err(format!("order {} is paid twice", intent.order));
            }
            if intent.card != *card {
                continue;
            }
            count += 1;
            let amount = i64::from(intent.amount.minor);
            value += if intent.kind == OrderKind::Sale { -amount } else { amount };
        }
    }
    Ok((value, count))
}
