//! Defects of the journal, and the wrong ways that they take.
//!
//! They stand apart from the right way, which knows nothing of them: a card with one of them commits and recovers by it.

use super::{CommitArea, FLAG_LEN, JOURNAL_OVERHEAD, PendingWrites};
use crate::card::memory::{Memory, PowerLost};

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

impl JournalDefect {
    /// [`CommitArea::commit`] with the defect.
    ///
    /// # Errors
    /// The power went.
    pub fn commit(self, journal: &CommitArea, memory: &mut Memory, draft: &PendingWrites) -> Result<(), PowerLost> {
        if !draft.is_changed() {
            return Ok(());
        }
        let ranges = draft.changed();
        let entries = draft.entries();
        match self {
            JournalDefect::BalanceBeforeLog => ranges.iter().try_for_each(|range| write(memory, draft, range)),
            JournalDefect::LogBeforeBalance => ranges.iter().rev().try_for_each(|range| write(memory, draft, range)),
            JournalDefect::EraseBeforeWrite => ranges.iter().try_for_each(|range| {
                memory.write(range.start, &vec![0xFF; range.len()])?;
                write(memory, draft, range)
            }),
            JournalDefect::EachValueAlone => (0..ranges.len())
                .try_for_each(|index| journal.commit_entries(memory, &draft.only(index..index + 1).entries())),
            JournalDefect::JournalTooSmall => {
                let fits = (0..=ranges.len()).rev().find(|&count| draft.only(0..count).entries().len() <= SMALL);
                let fits = fits.unwrap_or(0);
                journal.commit_entries(memory, &draft.only(0..fits).entries())?;
                ranges[fits..].iter().try_for_each(|range| write(memory, draft, range))
            }
            JournalDefect::ValuesBeforeCommit => {
                memory.write(journal.area.start, &entries)?;
                ranges.iter().try_for_each(|range| write(memory, draft, range))?;
                journal.commit_entries(memory, &entries)
            }
            JournalDefect::NoChecksum => {
                memory.write(journal.area.start, &entries)?;
                ranges.iter().try_for_each(|range| write(memory, draft, range))?;
                memory.write(journal.area.start, &[0; JOURNAL_OVERHEAD])
            }
            JournalDefect::FlagNotFirm => {
                memory.write(journal.area.start, &entries)?;
                memory.write(journal.flag, &[1])?;
                journal.apply(memory, &entries)
            }
            JournalDefect::FirstValueOnly | JournalDefect::FlagClearedFirst | JournalDefect::PartCommittedAtReset => {
                journal.commit_entries(memory, &entries)
            }
        }
    }

    /// [`CommitArea::recover`] with the defect.
    ///
    /// # Errors
    /// The power went.
    pub fn recover(self, journal: &CommitArea, memory: &mut Memory) -> Result<bool, PowerLost> {
        let committed = journal.committed(memory)?.map(|committed| committed.entries);
        match (self, committed) {
            (JournalDefect::FirstValueOnly, Some(entries)) => {
                write_first(memory, &entries)?;
                memory.write(journal.flag, &[0; FLAG_LEN])?;
                Ok(true)
            }
            (JournalDefect::FlagClearedFirst, Some(entries)) => {
                memory.write(journal.flag, &[0; FLAG_LEN])?;
                journal.apply(memory, &entries)?;
                Ok(true)
            }
            (JournalDefect::NoChecksum, _) => {
                let Some(entries) = journal.entries(memory)? else { return Ok(false) };
                journal.apply(memory, &entries)?;
                memory.write(journal.area.start, &[0; JOURNAL_OVERHEAD])?;
                Ok(true)
            }
            (JournalDefect::PartCommittedAtReset, None) => {
                if let Some(entries) = journal.entries(memory)? {
                    write_first(memory, &entries)?;
                }
                Ok(false)
            }
            (JournalDefect::FlagNotFirm, _) => {
                let set = memory.read(journal.flag, 1)?[0] & 1 == 1;
                let entries = if set { journal.entries(memory)? } else { None };
                if let Some(entries) = &entries {
                    journal.apply(memory, entries)?;
                }
                Ok(entries.is_some())
            }
            _ => journal.recover(memory),
        }
    }
}

/// The first entry to its place.
fn write_first(memory: &mut Memory, journal: &[u8]) -> Result<(), PowerLost> {
    match &journal[JOURNAL_OVERHEAD..] {
        [high, low, len, rest @ ..] if rest.len() >= usize::from(*len) => {
            memory.write(usize::from(u16::from_be_bytes([*high, *low])), &rest[..usize::from(*len)])
        }
        _ => Ok(()),
    }
}

fn write(memory: &mut Memory, draft: &PendingWrites, range: &std::ops::Range<usize>) -> Result<(), PowerLost> {
    memory.write(range.start, draft.at(range.start, range.len()))
}
