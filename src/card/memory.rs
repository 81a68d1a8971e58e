//! Non-volatile memory of a virtual card: an image that can be cut at any single write.
//!
//! A cut models the moment at which the field or the contacts are lost. What the cell array then holds depends on the
//! technology, so a cut names a [`Torn`] mode. After a cut every access fails with [`PowerLost`] until
//! [`Memory::power_on`], so that code which forgets to propagate the loss cannot go on as if nothing had happened.

use std::ops::Range;

use crate::entropy::{Entropy, SeededEntropy};

/// What a torn write leaves in the octets that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Torn {
    /// The old content: the charge pump had not started.
    Nothing,
    /// The new content: the cut came just after.
    All,
    /// The first octets new, the others old; the count is taken modulo the length of the write.
    Prefix(usize),
    /// All octets `FF`: erased, not yet programmed.
    Erased,
    /// Octets of this seed.
    Random(u64),
    /// Bits that differ between old and new read differently each time, until they are written again.
    Unstable(u64),
}

/// Where the power goes: at the write with this index, counted from 0 since [`Memory::arm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    /// How many writes still succeed.
    pub after_writes: u64,
    /// What the next one leaves.
    pub torn: Torn,
}

/// The card has no power: nothing can be read or written until it is powered on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("power lost")]
pub struct PowerLost;

/// One write that reached the cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// First octet of the image.
    pub offset: usize,
    /// The octets that the image holds there now.
    pub octets: Vec<u8>,
}

#[derive(Debug, Clone)]
struct UnstableCells {
    offset: usize,
    old: Vec<u8>,
    new: Vec<u8>,
    noise: SeededEntropy,
}

/// The memory image with its cut.
#[derive(Debug, Clone)]
pub struct Memory {
    image: Vec<u8>,
    powered: bool,
    cut: Option<Cut>,
    writes: u64,
    unstable: Vec<UnstableCells>,
    recorded: Option<Vec<Write>>,
}

impl Memory {
    /// An erased memory of `len` octets, powered.
    pub fn new(len: usize) -> Self {
        Self::from_image(vec![0xFF; len])
    }

    /// A memory that holds this image, powered.
    pub fn from_image(image: Vec<u8>) -> Self {
        Self { image, powered: true, cut: None, writes: 0, unstable: Vec::new(), recorded: None }
    }

    /// The cells as they are, without power and without noise: for saving, and for an oracle that looks from outside.
    pub fn image(&self) -> &[u8] {
        &self.image
    }

    /// Whether every read of this range gives the same.
    pub fn is_stable(&self, range: &Range<usize>) -> bool {
        self.unstable.iter().all(|cells| {
            cells
                .old
                .iter()
                .zip(&cells.new)
                .enumerate()
                .all(|(index, (old, new))| old == new || !range.contains(&(cells.offset + index)))
        })
    }

    /// Copies `len` octets at `offset`.
    ///
    /// # Panics
    /// When the range lies outside the image: the layout is the card's own, so that is our bug.
    pub fn read(&mut self, offset: usize, len: usize) -> Result<Vec<u8>, PowerLost> {
        if !self.powered {
            return Err(PowerLost);
        }
        let mut octets = self.image[offset..offset + len].to_vec();
        for cells in &mut self.unstable {
            cells.disturb(offset, &mut octets);
        }
        Ok(octets)
    }

    /// Writes `octets` at `offset`: one write, the unit that a cut tears.
    ///
    /// # Panics
    /// When the range lies outside the image: the layout is the card's own, so that is our bug.
    pub fn write(&mut self, offset: usize, octets: &[u8]) -> Result<(), PowerLost> {
        if !self.powered {
            return Err(PowerLost);
        }
        self.writes += 1;
        match self.cut.take() {
            Some(Cut { after_writes: 0, torn }) => {
                self.tear(offset, octets, torn);
                self.powered = false;
                Err(PowerLost)
            }
            pending => {
                self.cut = pending.map(|cut| Cut { after_writes: cut.after_writes - 1, ..cut });
                self.store(offset, octets);
                Ok(())
            }
        }
    }

    /// The power goes at a later write; replaces an earlier cut that has not happened.
    pub fn arm(&mut self, cut: Cut) {
        self.cut = Some(cut);
    }

    /// Takes a cut back; `true` when it had not happened yet.
    pub fn disarm(&mut self) -> bool {
        self.cut.take().is_some()
    }

    /// Power is back. An armed cut stays armed, so that a recovery can be torn too.
    pub fn power_on(&mut self) {
        self.powered = true;
    }

    /// Power goes, between two writes.
    pub fn power_off(&mut self) {
        self.powered = false;
    }

    /// How many writes were begun since this memory was made, torn ones included.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// From now on writes are recorded for [`Memory::take_recorded`].
    pub fn record_writes(&mut self) {
        self.recorded.get_or_insert_default();
    }

    /// What was written since the last call, in order.
    pub fn take_recorded(&mut self) -> Vec<Write> {
        self.recorded.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn store(&mut self, offset: usize, octets: &[u8]) {
        self.image[offset..offset + octets.len()].copy_from_slice(octets);
        for cells in &mut self.unstable {
            cells.settle(offset, octets);
        }
        self.unstable.retain(|cells| cells.old != cells.new);
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Write { offset, octets: octets.to_vec() });
        }
    }

    fn tear(&mut self, offset: usize, octets: &[u8], torn: Torn) {
        match torn {
            Torn::Nothing => {}
            Torn::All => self.store(offset, octets),
            Torn::Prefix(count) => self.store(offset, &octets[..count % octets.len().max(1)]),
            Torn::Erased => self.store(offset, &vec![0xFF; octets.len()]),
            Torn::Random(seed) => {
                let mut random = vec![0; octets.len()];
                SeededEntropy::new(seed).fill(&mut random);
                self.store(offset, &random);
            }
            Torn::Unstable(seed) => {
                let old = self.image[offset..offset + octets.len()].to_vec();
                // A later, wholly new image must not read as stable by chance: the noise lies over old and new alike.
                self.store(offset, &old);
                let noise = SeededEntropy::new(seed);
                self.unstable.push(UnstableCells { offset, old, new: octets.to_vec(), noise });
            }
        }
    }
}

impl UnstableCells {
    /// Bits that differ between old and new come out at random in what was read.
    fn disturb(&mut self, offset: usize, octets: &mut [u8]) {
        for (index, (old, new)) in self.old.iter().zip(&self.new).enumerate() {
            let Some(target) = (self.offset + index).checked_sub(offset).and_then(|at| octets.get_mut(at)) else {
                continue;
            };
            let mut noise = [0];
            self.noise.fill(&mut noise);
            *target ^= (old ^ new) & noise[0];
        }
    }

    /// Cells that were written again are stable.
    fn settle(&mut self, offset: usize, octets: &[u8]) {
        for index in 0..self.old.len() {
            if (offset..offset + octets.len()).contains(&(self.offset + index)) {
                self.new[index] = self.old[index];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn torn(torn: Torn) -> Memory {
        let mut memory = Memory::from_image(vec![0x11; 8]);
        memory.arm(Cut { after_writes: 1, torn });
        assert_eq!(memory.write(0, &[0x22]), Ok(()));
        assert_eq!(memory.write(2, &[0x33; 4]), Err(PowerLost));
        assert_eq!(memory.read(0, 1), Err(PowerLost), "no access without power");
        memory.power_on();
        memory
    }

    #[test]
    fn each_mode_leaves_what_it_says() {
        assert_eq!(torn(Torn::Nothing).image(), [0x22, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11]);
        assert_eq!(torn(Torn::All).image(), [0x22, 0x11, 0x33, 0x33, 0x33, 0x33, 0x11, 0x11]);
        assert_eq!(torn(Torn::Prefix(3)).image(), [0x22, 0x11, 0x33, 0x33, 0x33, 0x11, 0x11, 0x11]);
        assert_eq!(torn(Torn::Erased).image(), [0x22, 0x11, 0xFF, 0xFF, 0xFF, 0xFF, 0x11, 0x11]);
        assert_ne!(torn(Torn::Random(1)).image()[2..6], torn(Torn::Random(2)).image()[2..6]);
    }

    #[test]
    fn unstable_bits_read_differently_until_written_again() {
        let mut memory = torn(Torn::Unstable(1));
        let reads: Vec<_> = (0..32).map(|_| memory.read(0, 8).unwrap()).collect();
        assert!(reads.iter().any(|read| read != &reads[0]));
        assert!(reads.iter().all(|read| read[..2] == [0x22, 0x11] && read[6..] == [0x11, 0x11]));
        assert!(reads.iter().flatten().all(|octet| [0x22, 0x11, 0x33, 0x31, 0x13].contains(octet)));
        assert!(!memory.is_stable(&(0..8)) && memory.is_stable(&(6..8)));
        memory.write(2, &[0x44; 4]).unwrap();
        assert!(memory.is_stable(&(0..8)));
        assert!((0..32).all(|_| memory.read(2, 4).unwrap() == [0x44; 4]));
    }
}
