//! A journal in memory with the defects that a journal of ours cannot have.

use super::session_defect::SessionDefect;
use super::terminal_defect::TerminalDefect;
use crate::journal::memory::MemoryJournal;
use crate::journal::record::{CardReference, Entry, Intent, OrderNumber, Resolution, Source};
use crate::journal::{Belief, Committed, Journal, JournalError, OpenRecord};
use crate::time::Moment;

/// Open records that a journal keeps whose log is full.
const FULL: usize = 4;
/// Days after which a journal that forgets has forgotten.
const FORGOTTEN_DAYS: u32 = 30;

/// The journal.
pub(super) struct FaultyJournal {
    kept: MemoryJournal,
    defect: Option<SessionDefect>,
    /// Of the terminal, where it shows in what is written down or found.
    terminal_defect: Option<TerminalDefect>,
    days: u32,
    /// Committed since the last order number was given out.
    committed: Vec<OrderNumber>,
    /// What a journal that books twice had resolved before the kill.
    resolved_before: Vec<Intent>,
}

impl FaultyJournal {
    pub(super) fn new(defect: Option<SessionDefect>, terminal_defect: Option<TerminalDefect>) -> Self {
        let (kept, committed, resolved_before) = Default::default();
        Self { kept, defect, terminal_defect, days: 0, committed, resolved_before }
    }

    pub(super) fn entries(&self) -> Vec<(Moment, Entry)> {
        self.kept.entries()
    }

    fn has(&self, defect: SessionDefect) -> bool {
        self.defect == Some(defect)
    }

    /// What is left of it when the power comes back.
    pub(super) fn lose_power(&mut self) {
        let entries = self.entries();
        match self.defect {
            Some(SessionDefect::IntentForgotten) => {
                let later = |order: OrderNumber| entries.iter().filter(|(_, entry)| entry.order() == order).count() > 1;
                self.keep(|entry| later(entry.order()));
            }
            Some(SessionDefect::JournalNotFlushed) => {
                let last = entries.last().map(|(_, entry)| entry.clone());
                self.keep(|entry| Some(entry) != last.as_ref());
            }
            Some(SessionDefect::PendingDroppedAtRestart) => self.drop_open(),
            Some(SessionDefect::SettledTwice) => {
                let by_retouch = |order: OrderNumber| {
                    entries.iter().any(|(_, entry)| match entry {
                        Entry::Resolved { order: of, resolution: Resolution::Paid { by, .. }, .. } => {
                            *of == order && *by == Source::Retouch
                        }
                        _ => false,
                    })
                };
                let intents = entries.iter().filter_map(|(_, entry)| match entry {
                    Entry::Intent(intent) if by_retouch(intent.order) => Some(intent.clone()),
                    _ => None,
                });
                self.resolved_before = intents.collect();
            }
            _ => {}
        }
    }

    pub(super) fn close_day(&mut self) {
        if self.has(SessionDefect::PendingDroppedAtDayClose) {
            self.drop_open();
        }
    }

    pub(super) fn pass_days(&mut self, days: u32) {
        self.days += days;
        if self.has(SessionDefect::PendingExpires) && self.days > FORGOTTEN_DAYS {
            self.drop_open();
        }
    }

    /// What is written down when the operator has seen an open record.
    pub(super) fn acknowledgement(&self, order: OrderNumber, attempt: u32) -> Entry {
        if !self.has(SessionDefect::AcknowledgeCloses) {
            return Entry::Acknowledged { order, attempt };
        }
        let resolution = Resolution::NotPaid { reason: "seen".to_owned(), by: Source::UpperSystem };
        Entry::Resolved { order, attempt, resolution }
    }

    /// What a terminal with a defect writes down; `None` for nothing.
    fn written(&self, entry: Entry) -> Option<Entry> {
        let Some(defect) = self.terminal_defect else { return Some(entry) };
        match entry {
            Entry::UnresolvedFinal { .. } if defect == TerminalDefect::SlipNotRecorded => None,
            Entry::Resolved { resolution: Resolution::Paid { by: Source::Answer, .. }, .. }
                if defect == TerminalDefect::PaidBeforeDurable =>
            {
                None
            }
            Entry::UnresolvedFinal { order, attempt, ref reason, .. } => {
                let resolution = self.intent(order, attempt).and_then(|intent| defect.resolution(&intent, reason));
                Some(resolution.map_or(entry.clone(), |resolution| Entry::Resolved { order, attempt, resolution }))
            }
            entry => Some(entry),
        }
    }

    fn intent(&self, order: OrderNumber, attempt: u32) -> Option<Intent> {
        self.entries().into_iter().find_map(|(_, entry)| match entry {
            Entry::Intent(intent) if (intent.order, intent.attempt) == (order, attempt) => Some(intent),
            _ => None,
        })
    }

    fn drop_open(&mut self) {
        let open: Vec<OrderNumber> =
            self.kept.open(None).unwrap_or_default().iter().map(|record| record.intent.order).collect();
        self.keep(|entry| !open.contains(&entry.order()));
    }

    fn keep(&mut self, wanted: impl Fn(&Entry) -> bool) {
        let entries = self.entries();
        self.kept = MemoryJournal::default();
        for (time, entry) in entries.into_iter().filter(|(_, entry)| wanted(entry)) {
            // What followed from what is gone does not follow any more.
            let _ = match entry {
                Entry::Intent(intent) => self.kept.commit(intent, time).map(|_| ()),
                other => self.kept.append(other, time),
            };
        }
    }
}

impl Journal for FaultyJournal {
    fn commit(&mut self, intent: Intent, now: Moment) -> Result<Committed, JournalError> {
        let open = self.kept.open(None)?;
        let victim = match self.defect {
            Some(SessionDefect::UnresolvedOverwritten) => open.iter().find(|record| record.intent.card == intent.card),
            Some(SessionDefect::LogFullDropsOldest) if open.len() >= FULL => open.first(),
            _ => None,
        };
        if let Some(victim) = victim.map(|record| record.intent.order) {
            self.keep(|entry| entry.order() != victim);
        }
        self.committed.push(intent.order);
        self.kept.commit(intent, now)
    }

    fn append(&mut self, entry: Entry, now: Moment) -> Result<(), JournalError> {
        let Some(entry) = self.written(entry) else { return Ok(()) };
        let again = self.resolved_before.iter().position(|intent| intent.order == entry.order());
        match (again, &entry) {
            (Some(index), Entry::Resolved { attempt: 1, resolution, .. }) => {
                let (mut intent, resolution) = (self.resolved_before.remove(index), resolution.clone());
                intent.order = self.kept.next_order()?;
                let order = intent.order;
                self.kept.commit(intent, now)?;
                self.kept.append(Entry::Resolved { order, attempt: 1, resolution }, now)
            }
            _ => self.kept.append(entry, now),
        }
    }

    fn open(&mut self, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, JournalError> {
        let Some(card) = card else { return self.kept.open(None) };
        if self.has(SessionDefect::UnresolvedOverwritten) {
            return Ok(Vec::new());
        }
        let mut open = self.kept.open(Some(card))?;
        if self.terminal_defect == Some(TerminalDefect::OpenRecordsIgnored) {
            open.retain(|record| self.committed.contains(&record.intent.order));
        }
        let again = self.resolved_before.iter().filter(|intent| intent.card == *card).cloned();
        open.extend(again.map(|intent| OpenRecord { intent, is_final: false, is_acknowledged: false }));
        Ok(open)
    }

    fn beliefs(&mut self, card: &CardReference, transactions: &[String]) -> Result<Vec<Belief>, JournalError> {
        self.kept.beliefs(card, transactions)
    }

    fn entries_of(&mut self, card: Option<&CardReference>, visit: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
        self.kept.entries_of(card, visit)
    }

    fn next_order(&mut self) -> Result<OrderNumber, JournalError> {
        self.committed.clear();
        self.kept.next_order()
    }
}
