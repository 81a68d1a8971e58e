//! A card for the tests of this folder: it remembers octets and can misbehave on request.

use crate::card::memory::Memory;
use crate::card::{Answer, Card};

pub(crate) const ATR: [u8; 5] = [0x3B, 0x81, 0x01, 0x55, 0xD5];

pub(crate) struct ToyCard {
    memory: Memory,
    pending: Vec<u8>,
    chained: Vec<u8>,
    delay_ms: u32,
    /// Every command that reached it.
    pub(crate) seen: Vec<Vec<u8>>,
}

impl ToyCard {
    pub(crate) fn new() -> Self {
        Self::from_image(vec![0; 1024])
    }

    pub(crate) fn from_image(image: Vec<u8>) -> Self {
        let memory = Memory::from_image(image);
        Self { memory, pending: Vec::new(), chained: Vec::new(), delay_ms: 0, seen: Vec::new() }
    }

    /// INS B0 reads Le octets at P1P2; D6 writes the data there; D0 adds one to octet 0 and then says 6C01 unless Le is 01;
    /// C0 gives pending octets; CA makes P1P2 octets pending (61xx); EE is silent; EF gives P1P2 octets; DA collects a chain
    /// and gives its length; DE asks for answers to be held back P1P2 milliseconds from now on.
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let at = usize::from(*command.get(2)?) << 8 | usize::from(*command.get(3)?);
        let ok = |mut data: Vec<u8>| {
            data.extend([0x90, 0x00]);
            Some(data)
        };
        match command[1] {
            0xB0 => {
                let len = if command[4] == 0 { 256 } else { usize::from(command[4]) };
                ok(self.memory.read(at, len).ok()?)
            }
            0xD6 => {
                self.memory.write(at, &command[5..]).ok()?;
                ok(Vec::new())
            }
            0xD0 => {
                let count = self.memory.read(0, 1).ok()?[0] + 1;
                self.memory.write(0, &[count]).ok()?;
                if command.get(4) == Some(&1) { ok(vec![count]) } else { Some(vec![0x6C, 0x01]) }
            }
            0xCA => {
                self.pending = (0..at).map(|index| index as u8).collect();
                Some(vec![0x61, u8::try_from(at).unwrap_or(0)])
            }
            0xC0 => {
                let len = self.pending.len().min(if command[4] == 0 { 256 } else { usize::from(command[4]) });
                let mut data: Vec<_> = self.pending.drain(..len).collect();
                data.extend(match self.pending.len() {
                    0 => [0x90, 0x00],
                    rest => [0x61, u8::try_from(rest).unwrap_or(0)],
                });
                Some(data)
            }
            0xEE => None,
            0xEF => ok(vec![0x5A; at]),
            0xDA => {
                self.chained.extend(&command[5..5 + usize::from(command[4])]);
                if command[0] & 0x10 != 0 {
                    return ok(Vec::new());
                }
                let len = std::mem::take(&mut self.chained).len();
                ok(vec![(len >> 8) as u8, len as u8])
            }
            0xDE => {
                self.delay_ms = at as u32;
                ok(Vec::new())
            }
            _ => Some(vec![0x6D, 0x00]),
        }
    }
}

impl Card for ToyCard {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.memory.power_on();
        self.pending.clear();
        self.chained.clear();
        Some(ATR.to_vec())
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        self.seen.push(command.to_vec());
        self.answer(command).map_or(Answer::Mute, Answer::Response)
    }

    fn power_off(&mut self) {
        self.memory.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn delay_ms(&self) -> u32 {
        self.delay_ms
    }
}
