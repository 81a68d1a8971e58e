//! Defects of the journal, and the wrong ways that they take.
//!
//! They stand apart from the right way, which would drown in them: it has one line for all of them where it begins to write and one
//! where it recovers.

use super::memory::{Memory, PowerLost};
use super::transaction::{Draft, FLAG_LEN, JOURNAL_OVERHEAD, Journal};

crate::defect::defects! {
    /// A deliberate defect of the journal.
    pub enum JournalDefect {
        BalanceBeforeLog => ("balance-before-log", true, "Values are written in place without a journal, the balance first: a tear leaves a balance without log."),
        LogBeforeBalance => ("log-before-balance", true, "Values are written in place without a journal, the log first: a tear leaves a log without balance."),
        EraseBeforeWrite => ("erase-before-write", true, "Values are erased in place before they are written: a tear leaves FF for a balance."),
        EachValueAlone => ("several-cards-one-by-one", true, "Each value has a commit of its own: a tear leaves one logical card new and another old."),
        ValuesBeforeCommit => ("uncommitted-write-visible", true, "Values go to their places before the commit point, and a power-up does not take them back."),
        JournalTooSmall => ("journal-capacity-exceeded", true, "What does not fit into the journal is written without it, and nobody says so."),
        FirstValueOnly => ("multi-block-write-partly-new", true, "Recovery writes the first block of a committed transaction and forgets the others."),
        FlagClearedFirst => ("recovery-not-idempotent", true, "Recovery clears the commit flag before it writes the values: a second tear leaves half of them."),
        NoChecksum => ("torn-journal-replayed", true, "A journal counts by its length alone, without flag and checksum: a torn one is replayed."),
        PartCommittedAtReset => ("reset-commits-part", true, "At power-up the first value of a transaction that was not committed is kept."),
        FlagNotFirm => ("unstable-bits-undetected", true, "The commit flag is one bit, read anew at each power-up: a bit that is not stable decides twice."),
    }
}

/// Octets of the journal that is too small: enough for a plain debit.
const SMALL: usize = 160;

impl Journal {
    pub(super) fn commit_wrongly(
        &self,
        defect: JournalDefect,
        memory: &mut Memory,
        draft: &Draft,
    ) -> Result<(), PowerLost> {
        let ranges = draft.changed();
        let entries = draft.entries();
        match defect {
            JournalDefect::BalanceBeforeLog => ranges.iter().try_for_each(|range| write(memory, draft, range)),
            JournalDefect::LogBeforeBalance => ranges.iter().rev().try_for_each(|range| write(memory, draft, range)),
            JournalDefect::EraseBeforeWrite => ranges.iter().try_for_each(|range| {
                memory.write(range.start, &vec![0xFF; range.len()])?;
                write(memory, draft, range)
            }),
            JournalDefect::EachValueAlone => (0..ranges.len())
                .try_for_each(|index| self.commit_entries(memory, &draft.only(index..index + 1).entries())),
            JournalDefect::JournalTooSmall => {
                let fits = (0..=ranges.len()).rev().find(|&count| draft.only(0..count).entries().len() <= SMALL);
                let fits = fits.unwrap_or(0);
                self.commit_entries(memory, &draft.only(0..fits).entries())?;
                ranges[fits..].iter().try_for_each(|range| write(memory, draft, range))
            }
            JournalDefect::ValuesBeforeCommit => {
                memory.write(self.area.start, &entries)?;
                ranges.iter().try_for_each(|range| write(memory, draft, range))?;
                self.commit_entries(memory, &entries)
            }
            JournalDefect::NoChecksum => {
                memory.write(self.area.start, &entries)?;
                ranges.iter().try_for_each(|range| write(memory, draft, range))?;
                memory.write(self.area.start, &[0; JOURNAL_OVERHEAD])
            }
            JournalDefect::FlagNotFirm => {
                memory.write(self.area.start, &entries)?;
                memory.write(self.flag, &[1])?;
                self.apply(memory, &entries)
            }
            JournalDefect::FirstValueOnly | JournalDefect::FlagClearedFirst | JournalDefect::PartCommittedAtReset => {
                self.commit_entries(memory, &entries)
            }
        }
    }

    /// `None` where the right way is taken.
    pub(super) fn recover_wrongly(
        &self,
        defect: JournalDefect,
        memory: &mut Memory,
    ) -> Result<Option<bool>, PowerLost> {
        let committed = self.committed(memory)?.map(|committed| committed.entries);
        match (defect, committed) {
            (JournalDefect::FirstValueOnly, Some(entries)) => {
                self.write_first(memory, &entries)?;
                memory.write(self.flag, &[0; FLAG_LEN])?;
                Ok(Some(true))
            }
            (JournalDefect::FlagClearedFirst, Some(entries)) => {
                memory.write(self.flag, &[0; FLAG_LEN])?;
                self.apply(memory, &entries)?;
                Ok(Some(true))
            }
            (JournalDefect::NoChecksum, _) => {
                let Some(entries) = self.entries(memory)? else { return Ok(Some(false)) };
                self.apply(memory, &entries)?;
                memory.write(self.area.start, &[0; JOURNAL_OVERHEAD])?;
                Ok(Some(true))
            }
            (JournalDefect::PartCommittedAtReset, None) => {
                if let Some(entries) = self.entries(memory)? {
                    self.write_first(memory, &entries)?;
                }
                Ok(Some(false))
            }
            (JournalDefect::FlagNotFirm, _) => {
                let set = memory.read(self.flag, 1)?[0] & 1 == 1;
                let entries = if set { self.entries(memory)? } else { None };
                if let Some(entries) = &entries {
                    self.apply(memory, entries)?;
                }
                Ok(Some(entries.is_some()))
            }
            _ => Ok(None),
        }
    }

    /// The first entry to its place.
    fn write_first(&self, memory: &mut Memory, journal: &[u8]) -> Result<(), PowerLost> {
        match &journal[JOURNAL_OVERHEAD..] {
            [high, low, len, rest @ ..] if rest.len() >= usize::from(*len) => {
                memory.write(usize::from(u16::from_be_bytes([*high, *low])), &rest[..usize::from(*len)])
            }
            _ => Ok(()),
        }
    }
}

fn write(memory: &mut Memory, draft: &Draft, range: &std::ops::Range<usize>) -> Result<(), PowerLost> {
    memory.write(range.start, draft.at(range.start, range.len()))
}
