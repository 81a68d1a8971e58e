//! A journal in memory, for simulated worlds: it survives a simulated kill of the terminal, not the end of the process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::{CardReference, Entry, Intent, OrderNumber};
use super::{Belief, Committed, Journal, JournalError, OpenRecord, rules, select_beliefs};
use crate::time::Moment;

/// A journal in memory. Clones share the entries, as two runs of one terminal share a file.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    entries: Arc<Mutex<Vec<(Moment, Entry)>>>,
}

impl MemoryJournal {
    /// All entries, oldest first.
    pub fn entries(&self) -> Vec<(Moment, Entry)> {
        self.lock().clone()
    }

    /// Takes in an entry that another journal has checked.
    pub(crate) fn hold(&self, entry: Entry, time: Moment) {
        self.lock().push((time, entry));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Moment, Entry)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn commit(&mut self, intent: Intent, now: Moment) -> Result<Committed, JournalError> {
        let entry = Entry::Intent(intent.clone());
        let mut entries = self.lock();
        rules::check(&entry, entries.iter().map(|(_, entry)| entry))?;
        entries.push((now, entry));
        Ok(Committed { intent })
    }

    fn append(&mut self, entry: Entry, now: Moment) -> Result<(), JournalError> {
        if matches!(entry, Entry::Intent(_)) {
            return Err(rules::contradiction(&entry, "an intent is written by commit only"));
        }
        let mut entries = self.lock();
        rules::check(&entry, entries.iter().map(|(_, entry)| entry))?;
        entries.push((now, entry));
        Ok(())
    }

    fn open(&mut self, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, JournalError> {
        let entries = self.lock();
        let later = |intent: &Intent, wanted: fn(&Entry) -> bool| {
            let same = |entry: &Entry| entry.order() == intent.order && entry.attempt() == intent.attempt;
            entries.iter().any(|(_, entry)| same(entry) && wanted(entry))
        };
        let intents = entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Intent(intent) if card.is_none_or(|card| *card == intent.card) => Some(intent),
            _ => None,
        });
        Ok(intents
            .filter(|intent| !later(intent, |entry| matches!(entry, Entry::Resolved { .. })))
            .map(|intent| OpenRecord {
                intent: intent.clone(),
                is_final: later(intent, |entry| matches!(entry, Entry::UnresolvedFinal { .. })),
                is_acknowledged: later(intent, |entry| matches!(entry, Entry::Acknowledged { .. })),
            })
            .collect())
    }

    fn beliefs(&mut self, card: &CardReference, transactions: &[String]) -> Result<Vec<Belief>, JournalError> {
        let entries = self.lock();
        let attempts = entries.iter().enumerate().rev().filter_map(|(index, (_, entry))| match entry {
            Entry::Intent(intent) if intent.card == *card => {
                let mut belief = Belief::of(intent.clone());
                entries[index..].iter().for_each(|(_, entry)| belief.add(entry));
                Some(Ok(belief))
            }
            _ => None,
        });
        select_beliefs(attempts, transactions)
    }

    fn entries_of(&mut self, card: Option<&CardReference>, visit: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
        let entries = self.lock();
        let intent =
            |entry: &Entry| matches!(entry, Entry::Intent(intent) if card.is_none_or(|card| *card == intent.card));
        let orders: BTreeSet<_> =
            entries.iter().filter(|(_, entry)| intent(entry)).map(|(_, entry)| entry.order()).collect();
        entries.iter().filter(|(_, entry)| orders.contains(&entry.order())).for_each(|(_, entry)| visit(entry.clone()));
        Ok(())
    }

    fn next_order(&mut self) -> Result<OrderNumber, JournalError> {
        let last = self.lock().iter().map(|(_, entry)| entry.order().0).max().unwrap_or(0);
        rules::number_after(last)
    }
}
