//! Several values in one atomic step: a journal with a checksum, and one flag write that is the commit point.
//!
//! In this order: all new values, absolute, into the journal; the flag; the values to their places; the flag away. Whatever is
//! torn, at power-up [`CommitArea::recover`] finds either a flag that fits the journal, and does the last two again, or any other
//! flag, and the old values. The flag carries the checksum of its journal, so that a flag that came about by chance or belongs
//! to an older journal fits none.
//!
//! A flag that was half written may read differently each time, so a recovery makes its decision firm before it acts on it. It
//! does so in a second place: written anew where it stands, a good flag could be torn and lost when half of the values are already
//! in theirs.

pub mod defect;

use std::ops::Range;

use crate::card::memory::{Memory, PowerLost};

/// Octets of the flag in its two places, the second only used by recovery.
pub const FLAG_LEN: usize = 2 * FLAG_PLACE_LEN;
/// A mark, and the checksum of the journal.
const FLAG_PLACE_LEN: usize = 8;
/// Octets that a journal needs besides its entries.
pub const JOURNAL_OVERHEAD: usize = 2;
/// Octets that an entry needs besides its values.
pub const ENTRY_OVERHEAD: usize = 3;

const COMMITTED: [u8; 4] = [0xC3, 0x5A, 0x96, 0xE1];
/// No flag in either place.
const IDLE: [u8; FLAG_LEN] = [0; FLAG_LEN];

/// A working copy of a part of the memory. It remembers what was changed; nothing is written before [`CommitArea::commit`].
#[derive(Debug, Clone)]
pub struct PendingWrites {
    base: usize,
    octets: Vec<u8>,
    changed: Vec<Range<usize>>,
}

impl PendingWrites {
    /// A copy of this range of the memory.
    pub fn read(memory: &mut Memory, range: Range<usize>) -> Result<Self, PowerLost> {
        let octets = memory.read(range.start, range.len())?;
        Ok(Self { base: range.start, octets, changed: Vec::new() })
    }

    /// `len` octets at this offset of the memory, as they would be after a commit.
    ///
    /// # Panics
    /// Outside the range that was read: the layout is the card's own, so that is our bug.
    pub fn at(&self, offset: usize, len: usize) -> &[u8] {
        &self.octets[offset - self.base..][..len]
    }

    /// The same as an array.
    pub fn fixed<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut octets = [0; N];
        octets.copy_from_slice(self.at(offset, N));
        octets
    }

    /// New octets at this offset of the memory; panics as [`PendingWrites::at`] does.
    pub fn set(&mut self, offset: usize, octets: &[u8]) {
        self.octets[offset - self.base..][..octets.len()].copy_from_slice(octets);
        let mut range = offset..offset + octets.len();
        // One entry for what overlaps or touches: the fewer entries, the fewer writes.
        self.changed.retain(|other| {
            let touches = other.start <= range.end && range.start <= other.end;
            if touches {
                range = other.start.min(range.start)..other.end.max(range.end);
            }
            !touches
        });
        self.changed.push(range);
    }

    /// Whether anything was set.
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What was set, in the order in which it was set last.
    pub(super) fn changed(&self) -> &[Range<usize>] {
        &self.changed
    }

    /// The same draft as if only these of [`PendingWrites::changed`] had been set.
    pub(super) fn only(&self, indices: Range<usize>) -> Self {
        Self { base: self.base, octets: self.octets.clone(), changed: self.changed[indices].to_vec() }
    }

    /// Length of the entries(2), then for each entry offset(2), length(1), values.
    pub(super) fn entries(&self) -> Vec<u8> {
        let mut octets = vec![0; JOURNAL_OVERHEAD];
        for range in &self.changed {
            // A range longer than an entry's length octet can say becomes several entries.
            for start in range.clone().step_by(usize::from(u8::MAX)) {
                let len = (range.end - start).min(usize::from(u8::MAX));
                octets.extend_from_slice(&(start as u16).to_be_bytes());
                octets.push(len as u8);
                octets.extend_from_slice(self.at(start, len));
            }
        }
        let len = (octets.len() - JOURNAL_OVERHEAD) as u16;
        octets[..JOURNAL_OVERHEAD].copy_from_slice(&len.to_be_bytes());
        octets
    }
}

/// Where journal and flag lie in the memory.
#[derive(Debug, Clone)]
pub struct CommitArea {
    /// First octet of the flag.
    pub flag: usize,
    /// The journal's octets.
    pub area: Range<usize>,
}

impl CommitArea {
    /// Writes an empty journal: a new memory.
    pub fn format(&self, image: &mut [u8]) {
        image[self.flag..self.flag + FLAG_LEN].copy_from_slice(&IDLE);
        image[self.area.clone()].fill(0);
    }

    /// All that the draft changed takes effect, or nothing of it. On `Ok` it is durable; after `Err` power-up decides.
    ///
    /// # Panics
    /// When the changes do not fit into the journal: half of a transaction would be none, and the sizes are the card's own.
    pub fn commit(&self, memory: &mut Memory, draft: &PendingWrites) -> Result<(), PowerLost> {
        if !draft.is_changed() {
            return Ok(());
        }
        self.commit_entries(memory, &draft.entries())
    }

    pub(super) fn commit_entries(&self, memory: &mut Memory, entries: &[u8]) -> Result<(), PowerLost> {
        assert!(entries.len() <= self.area.len(), "the journal of {} octets is too small", self.area.len());
        memory.write(self.area.start, entries)?;
        memory.write(self.flag, &flag_of(entries))?;
        self.apply(memory, entries)
    }

    /// At power-up: finishes a committed transaction, drops any other; `true` when there was one to finish. On `Err` nothing has
    /// been decided that a second power-up would decide otherwise.
    pub fn recover(&self, memory: &mut Memory) -> Result<bool, PowerLost> {
        let Some(Committed { entries, found }) = self.committed(memory)? else {
            // Also where it reads idle: that may be the chance reading of a flag that was half written.
            memory.write(self.flag, &IDLE)?;
            return Ok(false);
        };
        // Firm before anything is done with it, and not where it was read: see above. Where both read valid, one is firm.
        match found {
            [true, true] => {}
            [true, false] => memory.write(self.flag + FLAG_PLACE_LEN, &flag_of(&entries))?,
            [false, _] => memory.write(self.flag, &flag_of(&entries))?,
        }
        self.apply(memory, &entries)?;
        Ok(true)
    }

    /// The journal, if a flag says that it counts.
    pub(super) fn committed(&self, memory: &mut Memory) -> Result<Option<Committed>, PowerLost> {
        let flags = memory.read(self.flag, FLAG_LEN)?;
        let (first, second) = flags.split_at(FLAG_PLACE_LEN);
        if !first.starts_with(&COMMITTED) && !second.starts_with(&COMMITTED) {
            return Ok(None);
        }
        let Some(journal) = self.entries(memory)? else { return Ok(None) };
        let valid = flag_of(&journal);
        let found = [first == valid, second == valid];
        Ok(found.contains(&true).then_some(Committed { entries: journal, found }))
    }

    /// The journal cut to its length, if it is well-formed; whether it counts is another matter.
    pub(super) fn entries(&self, memory: &mut Memory) -> Result<Option<Vec<u8>>, PowerLost> {
        let mut journal = memory.read(self.area.start, self.area.len())?;
        let len = JOURNAL_OVERHEAD + usize::from(u16::from_be_bytes([journal[0], journal[1]]));
        if len > journal.len() {
            return Ok(None);
        }
        journal.truncate(len);
        Ok(self.stays_in_place(&journal, memory.image().len()).then_some(journal))
    }

    /// Whether all entries lie in the memory and none over flag or journal: an image from outside may say anything.
    fn stays_in_place(&self, journal: &[u8], memory_len: usize) -> bool {
        let mut entries = &journal[JOURNAL_OVERHEAD..];
        while let [high, low, len, rest @ ..] = entries {
            let start = usize::from(u16::from_be_bytes([*high, *low]));
            let range = start..start + usize::from(*len);
            let clear = |other: &Range<usize>| range.end <= other.start || other.end <= range.start;
            let flag = self.flag..self.flag + FLAG_LEN;
            if range.end > memory_len || !clear(&flag) || !clear(&self.area) || rest.len() < range.len() {
                return false;
            }
            entries = &rest[range.len()..];
        }
        entries.is_empty()
    }

    pub(super) fn apply(&self, memory: &mut Memory, journal: &[u8]) -> Result<(), PowerLost> {
        let mut entries = &journal[JOURNAL_OVERHEAD..];
        while let [high, low, len, rest @ ..] = entries {
            let (values, after) = rest.split_at(usize::from(*len).min(rest.len()));
            memory.write(usize::from(u16::from_be_bytes([*high, *low])), values)?;
            entries = after;
        }
        memory.write(self.flag, &IDLE)
    }
}

/// A journal that counts.
pub(super) struct Committed {
    pub(super) entries: Vec<u8>,
    /// In which places its flag was read.
    found: [bool; 2],
}

fn flag_of(journal: &[u8]) -> [u8; FLAG_PLACE_LEN] {
    let mut flag = [0; FLAG_PLACE_LEN];
    flag[..4].copy_from_slice(&COMMITTED);
    flag[4..].copy_from_slice(&crc32(journal).to_be_bytes());
    flag
}

/// CRC-32 as in ISO/IEC/IEEE 8802-3 (reflected polynomial EDB88320), an octet at a time.
const fn crc32(octets: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let mut index = 0;
    while index < octets.len() {
        crc = (crc >> 8) ^ CRC_TABLE[((crc ^ octets[index] as u32) & 0xFF) as usize];
        index += 1;
    }
    !crc
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::memory::{Cut, Torn};

    const JOURNAL: CommitArea = CommitArea { flag: 0, area: 16..72 };
    const DATA: Range<usize> = 72..104;

    fn memory() -> Memory {
        let mut image = vec![0x11; 104];
        JOURNAL.format(&mut image);
        Memory::from_image(image)
    }

    fn change(memory: &mut Memory) -> Result<(), PowerLost> {
        let mut draft = PendingWrites::read(memory, DATA)?;
        draft.set(74, &[0x22; 4]);
        draft.set(90, &[0x33; 6]);
        draft.set(78, &[0x44; 2]);
        JOURNAL.commit(memory, &draft)
    }

    #[test]
    fn checksum_of_the_catalogues() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn what_touches_is_one_entry() {
        let mut memory = memory();
        change(&mut memory).unwrap();
        assert_eq!(memory.writes(), 5, "journal, flag, two entries, flag");
        assert_eq!(memory.image()[72..80], [0x11, 0x11, 0x22, 0x22, 0x22, 0x22, 0x44, 0x44]);
    }

    #[test]
    #[should_panic(expected = "too small")]
    fn a_journal_too_small_is_never_half_used() {
        let mut memory = memory();
        let draft = |memory: &mut Memory| {
            let mut draft = PendingWrites::read(memory, 8..104).unwrap();
            draft.set(8, &[0; 90]);
            draft
        };
        let draft = draft(&mut memory);
        let _ = JOURNAL.commit(&mut memory, &draft);
    }

    fn modes(seeds: u64) -> Vec<Torn> {
        let mut modes = vec![Torn::Nothing, Torn::All, Torn::Erased];
        modes.extend([1, 4, 7].map(Torn::Prefix));
        modes.extend((0..seeds).map(Torn::Random));
        modes.extend((0..seeds).map(Torn::Unstable));
        modes
    }

    /// Powers up with a cut at each write of the recovery in turn until none is left, then compares.
    fn power_up(memory: &Memory, depth: usize, seen: &mut dyn FnMut(&[u8], u64)) {
        let mut whole = memory.clone();
        whole.power_on();
        let before = whole.writes();
        JOURNAL.recover(&mut whole).unwrap();
        let writes = whole.writes() - before;
        let image = whole.image()[DATA].to_vec();
        JOURNAL.recover(&mut whole).unwrap();
        assert_eq!(whole.image()[DATA], image[..], "decided once");
        seen(&image, writes);
        if depth == 0 {
            return;
        }
        for torn in modes(1) {
            for after_writes in 0..writes {
                let mut memory = memory.clone();
                memory.power_on();
                memory.arm(Cut { after_writes, torn });
                assert_eq!(JOURNAL.recover(&mut memory), Err(PowerLost));
                power_up(&memory, depth - 1, seen);
            }
        }
    }

    /// REQ-TRX-1, REQ-TRX-8: every write, every mode, and again twice during recovery.
    #[test]
    fn before_or_after_whatever_is_torn() {
        let old = memory().image()[DATA].to_vec();
        let mut done = memory();
        change(&mut done).unwrap();
        let new = done.image()[DATA].to_vec();
        let (mut kept, mut changed) = (0_u64, 0_u64);
        for torn in modes(8) {
            for after_writes in 0..5 {
                let mut memory = memory();
                memory.arm(Cut { after_writes, torn });
                assert_eq!(change(&mut memory), Err(PowerLost));
                let past_commit = after_writes > 1;
                power_up(&memory, 2, &mut |image, _| {
                    assert!(image == old || image == new, "{torn:?} at {after_writes}");
                    assert!(!past_commit || image == new, "committed, then undone: {torn:?} at {after_writes}");
                    if image == old { kept += 1 } else { changed += 1 }
                });
            }
        }
        assert!(kept > 1000 && changed > 1000, "{kept} kept, {changed} changed");
    }
}
