//! A reader whose card is a value in this program: no driver, no socket, no thread.
//!
//! A [`Slot`] is where a card lies. Its clones share it: one stays with the [`InProcess`] reader, another with whoever
//! inserts and removes cards while the reader is in use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::card::{Answer, Card};
use crate::reader::{Activation, Capabilities, LinkError, LinkErrorKind, Reader, Reset};

/// Longest command APDU: 4 octets of header, 3 of Lc, 65,535 of data, 2 of Le (ISO/IEC 7816-3:2006, 12.1.3, case 4E).
pub const COMMAND_LEN_MAX_EXTENDED: usize = 4 + 3 + 65_535 + 2;
/// Longest short command APDU: 4 octets of header, Lc, 255 of data, Le (ISO/IEC 7816-3:2006, 12.1.3, case 4S).
pub const COMMAND_LEN_MAX_SHORT: usize = 4 + 1 + 255 + 1;
/// Longest answer to a short command: 256 octets and the status word.
const RESPONSE_LEN_MAX_SHORT: usize = 256 + 2;

/// A card that several holders look at: the reader that it lies in, a bench that shows its memory.
pub type SharedCard = Arc<Mutex<Box<dyn Card>>>;

/// Makes a card shareable.
pub fn shared(card: impl Card + 'static) -> SharedCard {
    Arc::new(Mutex::new(Box::new(card)))
}

/// Locks what may be shared with a thread that died: a card's state is as valid after a panic as after a lost field.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place for one card. Clones are the same place.
///
/// ```
/// use untorn::reader::in_process::Slot;
/// use untorn::reader::{LinkErrorKind, Reader, Reset};
///
/// let slot = Slot::new();
/// let mut reader = slot.reader("bench");
/// assert_eq!(reader.activate(Reset::Cold).unwrap_err().kind, LinkErrorKind::Removed);
/// ```
#[derive(Clone, Default)]
pub struct Slot(Arc<Mutex<SlotState>>);

#[derive(Default)]
struct SlotState {
    card: Option<SharedCard>,
    powered: bool,
    held_back_ms: u64,
    events: u64,
}

impl Slot {
    /// An empty slot.
    pub fn new() -> Self {
        Self::default()
    }

    /// A slot with this card in it.
    pub fn with_card(card: impl Card + 'static) -> Self {
        let slot = Self::new();
        slot.insert(shared(card));
        slot
    }

    /// Puts a card in, unpowered; the card that lay there comes back.
    pub fn insert(&self, card: SharedCard) -> Option<SharedCard> {
        let before = self.remove();
        let mut state = lock(&self.0);
        state.card = Some(card);
        state.events += 1;
        before
    }

    /// Takes the card out; it loses its power, between two commands.
    ///
    /// To lose power in the middle of a command, arm a [`Cut`](crate::card::memory::Cut) in the card's memory.
    pub fn remove(&self) -> Option<SharedCard> {
        let mut state = lock(&self.0);
        let was_powered = std::mem::take(&mut state.powered);
        let card = state.card.take();
        state.events += u64::from(card.is_some());
        if let Some(card) = &card
            && was_powered
        {
            lock(card).power_off();
        }
        card
    }

    /// The card that lies here.
    pub fn card(&self) -> Option<SharedCard> {
        lock(&self.0).card.clone()
    }

    /// How long the answers of cards in this slot would have been held back ([`Card::delay_ms`]), in milliseconds, all together: this
    /// driver adds up and does not wait.
    pub fn held_back_ms(&self) -> u64 {
        lock(&self.0).held_back_ms
    }

    /// A reader for this slot that carries every command APDU there is.
    pub fn reader(&self, name: impl Into<String>) -> InProcess {
        InProcess { slot: self.clone(), name: name.into(), short_only: false }
    }
}

/// The reader of a [`Slot`].
///
/// What its errors say: `Removed` when no card lies there; `NotSent` when the card has no power or the reader can't carry
/// the command; `Unknown` when the card lost its power while it worked, or gave fewer octets than a status word; `Mute`
/// when the card still has power and said nothing. After `Mute` too the card may have done anything.
pub struct InProcess {
    slot: Slot,
    name: String,
    short_only: bool,
}

impl InProcess {
    /// The same reader, but as narrow as one that knows short APDUs only: refuses extended length fields,
    /// loses answers of more than 256 octets and a status word.
    #[must_use]
    pub fn short_only(mut self) -> Self {
        self.short_only = true;
        self
    }

    /// The slot that it reads.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    fn check_command(&self, command: &[u8]) -> Result<(), LinkError> {
        let capabilities = self.capabilities();
        if !(capabilities.command_len_min..=capabilities.command_len_max).contains(&command.len()) {
            return Err(not_sent(format!(
                "{} carries commands of {} to {} octets, got {}",
                self.name,
                capabilities.command_len_min,
                capabilities.command_len_max,
                command.len()
            )));
        }
        // ISO/IEC 7816-3:2006, 12.1.3: a fifth octet of 00 with more behind it begins an extended length field.
        if self.short_only && command.len() > 5 && command[4] == 0 {
            return Err(not_sent(format!("{} carries short APDUs only, got an extended length field", self.name)));
        }
        Ok(())
    }

    fn check_answer(&self, answer: &[u8]) -> Result<(), LinkError> {
        if answer.len() < 2 {
            return Err(LinkError::too_short(answer));
        }
        if self.short_only && answer.len() > RESPONSE_LEN_MAX_SHORT {
            return Err(unknown(format!(
                "{} carries answers of at most {RESPONSE_LEN_MAX_SHORT} octets, got {}",
                self.name,
                answer.len()
            )));
        }
        Ok(())
    }
}

impl Reader for InProcess {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        let mut state = lock(&self.slot.0);
        let card = state.card.clone().ok_or_else(|| removed(&self.name))?;
        let mut card = lock(&card);
        if reset == Reset::Cold && state.powered {
            card.power_off();
        }
        let atr = card.reset();
        state.powered = atr.is_some();
        match atr {
            Some(atr) => Ok(Activation { atr }),
            None => Err(LinkError::new(LinkErrorKind::Mute, "no answer to reset")),
        }
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        response.clear();
        self.check_command(command)?;
        let mut state = lock(&self.slot.0);
        let card = state.card.clone().ok_or_else(|| removed(&self.name))?;
        if !state.powered {
            return Err(not_sent(format!("the card in {} is not activated", self.name)));
        }
        let mut card = lock(&card);
        let answer = card.process(command);
        state.held_back_ms = state.held_back_ms.saturating_add(card.delay_ms().into());
        match answer {
            Answer::Response(octets) => {
                self.check_answer(&octets)?;
                *response = octets;
                Ok(())
            }
            // An access of no octets changes nothing and still needs power.
            Answer::Mute if card.memory().read(0, 0).is_err() => {
                state.powered = false;
                Err(LinkError::torn("the card lost its power while it worked"))
            }
            Answer::Mute => Err(LinkError::new(LinkErrorKind::Mute, "the card has power and gave no answer")),
        }
    }

    fn deactivate(&mut self) {
        let mut state = lock(&self.slot.0);
        if std::mem::take(&mut state.powered)
            && let Some(card) = &state.card
        {
            lock(card).power_off();
        }
    }

    fn capabilities(&self) -> Capabilities {
        let command_len_max = if self.short_only { COMMAND_LEN_MAX_SHORT } else { COMMAND_LEN_MAX_EXTENDED };
        Capabilities { name: self.name.clone(), command_len_max, command_len_min: 1 }
    }

    fn card_events(&mut self) -> Option<u64> {
        Some(lock(&self.slot.0).events)
    }
}

fn removed(name: &str) -> LinkError {
    LinkError::new(LinkErrorKind::Removed, format!("no card lies in {name}"))
}

fn not_sent(detail: String) -> LinkError {
    LinkError::new(LinkErrorKind::NotSent, detail)
}

fn unknown(detail: String) -> LinkError {
    LinkError::new(LinkErrorKind::Unknown, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::memory::{Cut, Torn, Write};
    use crate::reader::persistent::{Persist, Persistent};
    use crate::reader::toy::{ATR, ToyCard};

    fn transmit(reader: &mut InProcess, command: &[u8]) -> Result<Vec<u8>, LinkErrorKind> {
        let mut response = vec![0xA5];
        reader.transmit(command, &mut response).map_err(|error| error.kind)?;
        Ok(response)
    }

    #[test]
    fn a_card_answers_and_keeps_its_memory_over_a_reset() {
        let mut reader = Slot::with_card(ToyCard::new()).reader("bench");
        assert_eq!(transmit(&mut reader, &[0, 0xB0, 0, 0, 1]), Err(LinkErrorKind::NotSent), "not activated yet");
        assert_eq!(reader.activate(Reset::Cold).unwrap().atr, ATR);
        assert_eq!(transmit(&mut reader, &[0, 0xD6, 0, 0, 1, 0x42]), Ok(vec![0x90, 0x00]));
        reader.activate(Reset::Warm).unwrap();
        assert_eq!(transmit(&mut reader, &[0, 0xB0, 0, 0, 1]), Ok(vec![0x42, 0x90, 0x00]));
        reader.deactivate();
        assert_eq!(transmit(&mut reader, &[0, 0xB0, 0, 0, 1]), Err(LinkErrorKind::NotSent));
    }

    /// REQ-AU1-2
    #[test]
    fn what_a_card_holds_back_is_added_up() {
        let slot = Slot::with_card(Persistent::new(ToyCard::new(), Nowhere));
        let mut reader = slot.reader("bench");
        reader.activate(Reset::Cold).unwrap();
        for (command, sum) in [([0, 0xDE, 0, 100], 100), ([0, 0xDE, 1, 0], 356), ([0, 0xDE, 0, 0], 356)] {
            assert_eq!(transmit(&mut reader, &command), Ok(vec![0x90, 0x00]));
            assert_eq!(slot.held_back_ms(), sum);
        }
    }

    struct Nowhere;

    impl Persist for Nowhere {
        fn persist(&mut self, _: &[Write]) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_removed_card_has_lost_its_power_and_another_may_take_its_place() {
        let slot = Slot::with_card(ToyCard::new());
        let mut reader = slot.reader("bench");
        reader.activate(Reset::Cold).unwrap();
        let card = slot.remove().unwrap();
        assert!(lock(&card).memory().read(0, 0).is_err());
        assert_eq!(transmit(&mut reader, &[0, 0xB0, 0, 0, 1]), Err(LinkErrorKind::Removed));
        slot.insert(card);
        assert_eq!(transmit(&mut reader, &[0, 0xB0, 0, 0, 1]), Err(LinkErrorKind::NotSent));
        reader.activate(Reset::Cold).unwrap();
        assert!(transmit(&mut reader, &[0, 0xB0, 0, 0, 1]).is_ok());
    }

    #[test]
    fn power_lost_while_working_is_unknown_and_silence_with_power_is_mute() {
        let slot = Slot::with_card(ToyCard::new());
        let mut reader = slot.reader("bench");
        reader.activate(Reset::Cold).unwrap();
        assert_eq!(transmit(&mut reader, &[0, 0xEE, 0, 0]), Err(LinkErrorKind::Mute));
        lock(&slot.card().unwrap()).memory().arm(Cut { after_writes: 0, torn: Torn::Nothing });
        assert_eq!(transmit(&mut reader, &[0, 0xD6, 0, 0, 1, 0x42]), Err(LinkErrorKind::Unknown));
        assert_eq!(transmit(&mut reader, &[0, 0xB0, 0, 0, 1]), Err(LinkErrorKind::NotSent));
    }

    #[test]
    fn a_short_reader_refuses_what_it_cannot_carry() {
        let mut reader = Slot::with_card(ToyCard::new()).reader("bench").short_only();
        reader.activate(Reset::Cold).unwrap();
        assert_eq!(transmit(&mut reader, &[0, 0xB0, 0, 0, 0, 1, 0]), Err(LinkErrorKind::NotSent));
        assert_eq!(transmit(&mut reader, &[0; 262]), Err(LinkErrorKind::NotSent));
        assert_eq!(transmit(&mut reader, &[]), Err(LinkErrorKind::NotSent));
        assert_eq!(transmit(&mut reader, &[0, 0xB0, 0, 0, 0]).unwrap().len(), 258);
        assert_eq!(transmit(&mut reader, &[0, 0xEF, 1, 1]), Err(LinkErrorKind::Unknown), "257 octets do not fit");
    }
}
