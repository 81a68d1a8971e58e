//! A reader's field with two cards near it, one of which may be in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::card::memory::Cut;
use crate::card::{Answer, Card};
use crate::family::lab::TrialCard;
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

/// A card of a simulated world.
pub type SimulatedCard = Box<dyn TrialCard>;

/// A command on its way to card 0, and the card as it was just before.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Number of the exchange, from 0.
    pub exchange: u64,
    /// Before the command.
    pub card: SimulatedCard,
    /// Command APDU.
    pub command: Vec<u8>,
}

/// What a terminal sees of a tear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Number of the exchange, from 0; of a reset, that of the exchange that would have been next.
    pub exchange: u64,
    /// CLA and INS of its command; `None`: the card did not answer to reset.
    pub header: Option<[u8; 2]>,
    /// An answer came, and is not what the card sent.
    pub changed: bool,
}

/// The field. Clones are the same field.
#[derive(Debug, Clone)]
pub struct Field(Arc<Mutex<FieldState>>);

#[derive(Debug)]
struct FieldState {
    cards: Vec<SimulatedCard>,
    present: Option<usize>,
    exchanges: u64,
    tears: VecDeque<(u64, When)>,
    replacement: Option<(u64, SimulatedCard)>,
    recorded: Option<Vec<Recorded>>,
    torn: u32,
    first_loss: Option<Loss>,
    fault: Option<String>,
}

impl Field {
    /// With these cards near it, none in it.
    pub fn new(cards: Vec<SimulatedCard>) -> Self {
        Self(Arc::new(Mutex::new(FieldState {
            cards,
            present: None,
            exchanges: 0,
            tears: VecDeque::new(),
            replacement: None,
            recorded: None,
            torn: 0,
            first_loss: None,
            fault: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, FieldState> {
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

    /// These exchanges are torn: the first counted from 0 since now, each other from 0 since the one before was torn.
    pub fn tear_at(&self, tears: impl IntoIterator<Item = (u64, When)>) {
        let mut state = self.lock();
        state.exchanges = 0;
        state.tears = tears.into_iter().collect();
    }

    /// No further tears; `true` when some had not happened.
    pub fn take_tears_back(&self) -> bool {
        !std::mem::take(&mut self.lock().tears).is_empty()
    }

    /// In the exchange with this index card 0 becomes this one and gives no answer: what a tear inside the command left of it.
    pub fn replace_at(&self, exchange: u64, card: SimulatedCard) {
        self.lock().replacement = Some((exchange, card));
    }

    /// From now on exchanges with card 0 are recorded.
    pub fn record(&self) {
        self.lock().recorded.get_or_insert_default();
    }

    /// What was recorded.
    pub fn take_recorded(&self) -> Vec<Recorded> {
        self.lock().recorded.take().unwrap_or_default()
    }

    /// Something that must not happen in this world, in words; the first counts.
    pub fn report(&self, fault: String) {
        self.lock().fault.get_or_insert(fault);
    }

    /// What was reported.
    pub fn take_fault(&self) -> Option<String> {
        self.lock().fault.take()
    }

    /// A write of this card's memory is torn.
    pub fn cut(&self, card: usize, cut: Cut) {
        self.lock().cards[card].memory().arm(cut);
    }

    /// Takes an unused cut back; `true` when there was one.
    pub fn take_cut_back(&self, card: usize) -> bool {
        self.lock().cards[card].memory().disarm()
    }

    /// How many tears and cuts have happened.
    pub fn torn(&self) -> u32 {
        self.lock().torn
    }

    /// What the first of them looked like.
    pub fn first_loss(&self) -> Option<Loss> {
        self.lock().first_loss
    }

    /// Looks at a card without touching it.
    pub fn inspect<T>(&self, card: usize, look: impl FnOnce(&SimulatedCard) -> T) -> T {
        look(&self.lock().cards[card])
    }

    /// The reader of this field.
    pub fn reader(&self) -> FieldReader {
        FieldReader(self.clone())
    }
}

impl FieldState {
    fn lift(&mut self) {
        if let Some(card) = self.present.take() {
            self.cards[card].power_off();
        }
    }

    fn note(&mut self, exchange: u64, command: &[u8]) {
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Recorded { exchange, card: self.cards[0].clone(), command: command.to_vec() });
        }
    }

    fn count(&mut self, loss: Loss) {
        self.torn += 1;
        self.first_loss.get_or_insert(loss);
    }

    fn lose(&mut self, exchange: u64, header: Option<[u8; 2]>, detail: &str) -> LinkError {
        self.count(Loss { exchange, header, changed: false });
        self.lift();
        LinkError::torn(detail)
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
        let next = state.exchanges;
        let atr = state.cards[card].reset();
        atr.map(|atr| Activation { atr }).ok_or_else(|| state.lose(next, None, "the card lost power while it came up"))
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        response.clear();
        let mut state = self.0.lock();
        let removed = || LinkError::new(LinkErrorKind::Removed, "nothing in the field");
        let card = state.present.ok_or_else(removed)?;
        let (exchange, header) = (state.exchanges, command.first_chunk().copied());
        state.exchanges += 1;
        let due = state.tears.pop_front_if(|(index, _)| *index == exchange).map(|(_, when)| when);
        if due.is_some() {
            state.exchanges = 0;
        }
        if card == 0 {
            state.note(exchange, command);
            if let Some((_, replacement)) = state.replacement.take_if(|(index, _)| *index == exchange) {
                state.cards[0] = replacement;
                return Err(state.lose(exchange, header, "the card lost power"));
            }
        }
        if due == Some(When::Before) {
            return Err(state.lose(exchange, header, "lifted before the command"));
        }
        match state.cards[card].process(command) {
            Answer::Mute => return Err(state.lose(exchange, header, "the card lost power")),
            Answer::Response(_) if due == Some(When::After) => {
                return Err(state.lose(exchange, header, "lifted before the answer"));
            }
            Answer::Response(octets) => *response = octets,
        }
        if due == Some(When::Garbled) {
            state.count(Loss { exchange, header, changed: true });
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
