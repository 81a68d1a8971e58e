//! A card whose memory is saved before each answer leaves it.

use std::sync::{Arc, OnceLock};

use crate::card::memory::{Memory, Write};
use crate::card::{Answer, Card};

/// Where the writes of a card are made durable.
pub trait Persist: Send {
    /// Makes these writes durable, in order. When this returns `Ok`, they survive.
    fn persist(&mut self, writes: &[Write]) -> std::io::Result<()>;
}

/// Why a card could not be saved; empty while all is well. Clones share it.
pub type Failure = Arc<OnceLock<String>>;

/// A card that hands its writes to a [`Persist`] after each reset, command and loss of power, **before** the answer is
/// given. Whoever holds an answer can so rely on the saved state to contain what the answer says; and what is saved is
/// always a state in which the card could have been torn.
///
/// When saving fails the card is silent from then on, as a card with a broken memory is: an answer would promise what
/// is not durable. [`Persistent::failure`] tells why.
pub struct Persistent<C, P> {
    card: C,
    store: P,
    failure: Failure,
}

impl<C: Card, P: Persist> Persistent<C, P> {
    /// Wraps a card that was made from the very image that the store holds.
    pub fn new(mut card: C, store: P) -> Self {
        card.memory().record_writes();
        Self { card, store, failure: Failure::default() }
    }

    /// A handle that shows why saving failed; keep it before the card goes into a reader.
    pub fn failure(&self) -> Failure {
        self.failure.clone()
    }

    /// `true` when everything written so far is durable.
    fn save(&mut self) -> bool {
        if self.failure.get().is_some() {
            return false;
        }
        let writes = self.card.memory().take_recorded();
        if writes.is_empty() {
            return true;
        }
        match self.store.persist(&writes) {
            Ok(()) => true,
            Err(error) => {
                // The first reason is the one that counts, and save() is not reached after it.
                let _ = self.failure.set(format!("the card's state could not be saved: {}", crate::disk::said(&error)));
                self.card.power_off();
                false
            }
        }
    }
}

impl<C: Card, P: Persist> Card for Persistent<C, P> {
    fn reset(&mut self) -> Option<Vec<u8>> {
        let atr = self.card.reset();
        if self.save() { atr } else { None }
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        let answer = self.card.process(command);
        if self.save() { answer } else { Answer::Mute }
    }

    fn power_off(&mut self) {
        self.card.power_off();
        self.save();
    }

    fn memory(&mut self) -> &mut Memory {
        self.card.memory()
    }

    fn delay_ms(&self) -> u32 {
        self.card.delay_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::in_process::Slot;
    use crate::reader::toy::ToyCard;
    use crate::reader::{LinkErrorKind, Reader, Reset};
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Saved(Arc<Mutex<Vec<Write>>>, bool);

    impl Persist for Saved {
        fn persist(&mut self, writes: &[Write]) -> std::io::Result<()> {
            if self.1 {
                return Err(std::io::Error::other("disc full"));
            }
            self.0.lock().unwrap().extend_from_slice(writes);
            Ok(())
        }
    }

    const WRITE: [u8; 6] = [0, 0xD6, 0, 3, 1, 0x42];

    #[test]
    fn what_was_answered_is_saved() {
        let saved = Saved::default();
        let mut card = Persistent::new(ToyCard::new(), saved.clone());
        card.reset().unwrap();
        assert_eq!(card.process(&WRITE), Answer::Response(vec![0x90, 0x00]));
        assert_eq!(*saved.0.lock().unwrap(), [Write { offset: 3, octets: vec![0x42] }]);
    }

    #[test]
    fn a_card_that_cannot_be_saved_is_silent_and_says_why() {
        let card = Persistent::new(ToyCard::new(), Saved(Arc::default(), true));
        let failure = card.failure();
        let mut reader = Slot::with_card(card).reader("bench");
        reader.activate(Reset::Cold).unwrap();
        let mut response = Vec::new();
        assert_eq!(reader.transmit(&WRITE, &mut response).unwrap_err().kind, LinkErrorKind::Unknown);
        assert!(response.is_empty());
        assert_eq!(failure.get().unwrap(), "the card's state could not be saved: disc full");
        assert_eq!(reader.activate(Reset::Cold).unwrap_err().kind, LinkErrorKind::Mute);
    }
}
