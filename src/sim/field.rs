//! A reader's field with two cards near it, one of which may be in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::card::memory::Cut;
use crate::card::{Answer, Card};
use crate::entropy::SeededEntropy;
use crate::family::purse::card::PurseCard;
use crate::reader::{Activation, Capabilities, LinkError, LinkErrorKind, Reader, Reset};

/// What happens to an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// The card leaves before the command reaches it.
    Before,
    /// The card executes the command and leaves before it answers.
    After,
    /// The answer arrives with its last octet before the status word changed; the card leaves with the next command.
    Garbled,
}

impl When {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Garbled];
}

/// The field. Clones are the same field.
#[derive(Debug, Clone)]
pub struct Field(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    cards: Vec<PurseCard<SeededEntropy>>,
    present: Option<usize>,
    exchanges: u64,
    tear: Option<(u64, When)>,
    torn: bool,
}

impl Field {
    /// With these cards near it, none in it.
    pub fn new(cards: Vec<PurseCard<SeededEntropy>>) -> Self {
        Self(Arc::new(Mutex::new(State { cards, present: None, exchanges: 0, tear: None, torn: false })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings this card into the field, in place of whatever is in it.
    pub fn present(&self, card: usize) {
        let mut state = self.lock();
        state.lift();
        state.present = Some(card);
    }

    /// Takes the card out.
    pub fn lift(&self) {
        self.lock().lift();
    }

    /// The exchange with this index, counted from 0 since now, is torn.
    pub fn tear_at(&self, exchange: u64, when: When) {
        let mut state = self.lock();
        state.exchanges = 0;
        state.tear = Some((exchange, when));
    }

    /// A write of this card's memory is torn.
    pub fn cut(&self, card: usize, cut: Cut) {
        self.lock().cards[card].memory().arm(cut);
    }

    /// Takes an unused cut back; `true` when there was one.
    pub fn take_cut_back(&self, card: usize) -> bool {
        self.lock().cards[card].memory().disarm()
    }

    /// Whether a tear, or a cut, has happened.
    pub fn is_torn(&self) -> bool {
        self.lock().torn
    }

    /// Exchanges since the field was made or a tear was set.
    pub fn exchanges(&self) -> u64 {
        self.lock().exchanges
    }

    /// Looks at a card without touching it.
    pub fn inspect<T>(&self, card: usize, look: impl FnOnce(&PurseCard<SeededEntropy>) -> T) -> T {
        look(&self.lock().cards[card])
    }

    /// The reader of this field.
    pub fn reader(&self) -> FieldReader {
        FieldReader(self.clone())
    }
}

impl State {
    fn lift(&mut self) {
        if let Some(card) = self.present.take() {
            self.cards[card].power_off();
        }
    }

    fn lose(&mut self, detail: &str) -> LinkError {
        self.torn = true;
        self.lift();
        LinkError::new(LinkErrorKind::Unknown, detail)
    }
}

/// The reader of a [`Field`].
#[derive(Debug)]
pub struct FieldReader(Field);

impl Reader for FieldReader {
    fn activate(&mut self, _reset: Reset) -> Result<Activation, LinkError> {
        let mut state = self.0.lock();
        let removed = || LinkError::new(LinkErrorKind::Removed, "nothing in the field");
        let card = state.present.ok_or_else(removed)?;
        match state.cards[card].reset() {
            Some(atr) => Ok(Activation { atr }),
            None => Err(state.lose("the card lost power while it came up")),
        }
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        response.clear();
        let mut state = self.0.lock();
        let removed = || LinkError::new(LinkErrorKind::Removed, "nothing in the field");
        let card = state.present.ok_or_else(removed)?;
        let tear = state.tear.filter(|(exchange, _)| *exchange == state.exchanges).map(|(_, when)| when);
        state.exchanges += 1;
        if tear == Some(When::Before) {
            return Err(state.lose("lifted before the command"));
        }
        match state.cards[card].process(command) {
            Answer::Mute => return Err(state.lose("the card lost power")),
            Answer::Response(_) if tear == Some(When::After) => return Err(state.lose("lifted before the answer")),
            Answer::Response(octets) => *response = octets,
        }
        if tear == Some(When::Garbled) {
            state.torn = true;
            if let Some(octet) = response.len().checked_sub(3).and_then(|last| response.get_mut(last)) {
                *octet ^= 1;
            } else {
                for octet in response.iter_mut() {
                    *octet ^= 1;
                }
            }
        }
        Ok(())
    }

    fn deactivate(&mut self) {
        let mut state = self.0.lock();
        if let Some(card) = state.present {
            state.cards[card].power_off();
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "simulated field".to_owned(), command_len_max: 261, command_len_min: 1 }
    }
}
