//! The engine of virtual cards. It knows no reader and no terminal.

pub mod application;
pub mod chip;
pub mod memory;
pub mod transaction;
pub mod try_counter;

/// What a card gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Data and status word.
    Response(Vec<u8>),
    /// Nothing: the card lost power, or keeps silent.
    Mute,
}

/// A virtual card as its contacts see it. The same card runs in process, behind `vpcd` and behind a virtual CCID reader.
pub trait Card: Send {
    /// Power on, or the reset line: volatile state is lost, an interrupted commit is finished or dropped, the answer to reset comes out.
    /// `None` when the card does not come up.
    fn reset(&mut self) -> Option<Vec<u8>>;

    /// One command APDU in, one answer out. Never panics, whatever the octets.
    fn process(&mut self, command: &[u8]) -> Answer;

    /// Power off.
    fn power_off(&mut self);

    /// The non-volatile memory: its image, its cuts, what was written since it was last saved.
    fn memory(&mut self) -> &mut memory::Memory;

    /// How long a driver holds back the last answer, in milliseconds: a card slows down guessing. The card itself knows no clock. A card
    /// around another one hands this on.
    fn delay_ms(&self) -> u32 {
        0
    }
}

impl<C: Card + ?Sized> Card for Box<C> {
    fn reset(&mut self) -> Option<Vec<u8>> {
        (**self).reset()
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        (**self).process(command)
    }

    fn power_off(&mut self) {
        (**self).power_off();
    }

    fn memory(&mut self) -> &mut memory::Memory {
        (**self).memory()
    }

    fn delay_ms(&self) -> u32 {
        (**self).delay_ms()
    }
}
