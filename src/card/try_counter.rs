//! A counter of tries that no tear sets back.
//!
//! One cell a try. A cell counts as a try only while it reads exactly `A5`; a try spends one cell with one write before
//! anything is compared, and a success makes the spent cells fresh again, each with a write of its own. So a torn write costs
//! one try at most and gives none: a comparison needs a whole write to a fresh cell, and there are only so many. Cells that
//! read differently each time change nothing in that. No sequence number, no checksum and no decision at power-up is needed.

use super::memory::{Memory, PowerLost};

/// A try that is left.
const FRESH: u8 = 0xA5;
/// A try that was spent; so is any other value.
const SPENT: u8 = 0x5A;

/// Most tries: `63Cx` can say no more.
pub const TRIES_MAX: u8 = 15;

/// Where the cells lie.
#[derive(Debug, Clone, Copy)]
pub struct TryCounter {
    /// First cell.
    pub offset: usize,
    /// How many, at most [`TRIES_MAX`].
    pub tries: u8,
}

impl TryCounter {
    /// All tries fresh: a new memory.
    pub fn format(&self, image: &mut [u8]) {
        image[self.offset..self.offset + usize::from(self.tries)].fill(FRESH);
    }

    /// Tries that are left.
    pub fn left(&self, memory: &mut Memory) -> Result<u8, PowerLost> {
        let cells = memory.read(self.offset, usize::from(self.tries))?;
        Ok(cells.iter().map(|&cell| u8::from(cell == FRESH)).sum())
    }

    /// Spends a try: `true` when there was one, and then it is durable that it is gone.
    pub fn spend(&self, memory: &mut Memory) -> Result<bool, PowerLost> {
        let cells = memory.read(self.offset, usize::from(self.tries))?;
        let Some(index) = cells.iter().position(|&cell| cell == FRESH) else { return Ok(false) };
        memory.write(self.offset + index, &[SPENT])?;
        Ok(true)
    }

    /// All tries again.
    pub fn restore(&self, memory: &mut Memory) -> Result<(), PowerLost> {
        let cells = memory.read(self.offset, usize::from(self.tries))?;
        for (index, _) in cells.iter().enumerate().filter(|(_, cell)| **cell != FRESH) {
            memory.write(self.offset + index, &[FRESH])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::memory::{Cut, Torn};

    const COUNTER: TryCounter = TryCounter { offset: 1, tries: 3 };

    fn memory() -> Memory {
        let mut image = vec![0; 5];
        COUNTER.format(&mut image);
        Memory::from_image(image)
    }

    #[test]
    fn counts_down_and_is_restored() {
        let mut memory = memory();
        for left in [2, 1, 0] {
            assert_eq!(COUNTER.spend(&mut memory), Ok(true));
            assert_eq!(COUNTER.left(&mut memory), Ok(left));
        }
        assert_eq!(COUNTER.spend(&mut memory), Ok(false));
        COUNTER.restore(&mut memory).unwrap();
        assert_eq!(COUNTER.left(&mut memory), Ok(3));
        assert_eq!((memory.image()[0], memory.image()[4]), (0, 0), "no cell but its own");
    }

    /// REQ-PIN-2: all sequences of whole and torn tries, in every mode, never give more comparisons than tries.
    #[test]
    fn no_tear_gives_a_try() {
        let modes = [None, Some(Torn::Nothing), Some(Torn::All), Some(Torn::Erased)]
            .into_iter()
            .chain((0..4).map(|seed| Some(Torn::Unstable(seed))))
            .chain((0..4).map(|seed| Some(Torn::Random(seed))))
            .collect::<Vec<_>>();
        let mut state = vec![(memory(), 0_u8, 0_u8)];
        for _ in 0..5 {
            let mut next = Vec::new();
            for (memory, compared, torn_tries) in &state {
                for torn in &modes {
                    let mut memory = memory.clone();
                    if let Some(torn) = *torn {
                        memory.arm(Cut { after_writes: 0, torn });
                    }
                    let (mut compared, mut torn_tries) = (*compared, *torn_tries);
                    match COUNTER.spend(&mut memory) {
                        Ok(true) => compared += 1,
                        Ok(false) => {}
                        Err(PowerLost) => torn_tries += 1,
                    }
                    memory.disarm();
                    memory.power_on();
                    assert!(compared <= COUNTER.tries, "{compared} comparisons");
                    let left = COUNTER.left(&mut memory).unwrap();
                    assert!(left + compared + torn_tries >= COUNTER.tries, "a torn try cost more than one");
                    next.push((memory, compared, torn_tries));
                }
            }
            next.truncate(20_000);
            state = next;
        }
    }

    /// A torn success costs nothing that was left before it.
    #[test]
    fn a_torn_restore_takes_nothing_away() {
        for torn in [Torn::Nothing, Torn::All, Torn::Erased, Torn::Random(1), Torn::Unstable(1)] {
            for after_writes in 0..2 {
                let mut memory = memory();
                COUNTER.spend(&mut memory).unwrap();
                COUNTER.spend(&mut memory).unwrap();
                memory.arm(Cut { after_writes, torn });
                assert_eq!(COUNTER.restore(&mut memory), Err(PowerLost));
                memory.power_on();
                assert!((1..=3).contains(&COUNTER.left(&mut memory).unwrap()));
            }
        }
    }
}
