//! A reader that writes down everything that goes through it.
//!
//! Each event goes, as it happens, to a [`TraceRing`] that a screen can look at, and as one line of JSON to a file. The
//! command is written before it is sent, so that a program that dies leaves on record what it had sent. The lines are
//! what [`replay`](crate::reader::replay) reads:
//!
//! ```json
//! {"number":1,"micros":120,"event":"command","octets":"00A40400","masked":false}
//! {"number":1,"micros":1310,"event":"response","octets":"9000"}
//! ```

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use serde::{Deserialize, Serialize};

use crate::reader::in_process::lock;
use crate::reader::{Activation, Capabilities, LinkError, LinkErrorKind, Reader, Reset};

/// One thing that happened at a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEvent {
    /// Activations and exchanges are counted together from 1; a question and what came of it have the same number.
    pub number: u64,
    /// The clock that the trace was given, microseconds.
    pub micros: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: Traced,
}

/// What happened at a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Traced {
    /// The card is about to be activated.
    Activate {
        /// How.
        reset: Reset,
    },
    /// The card answered to reset.
    AnswerToReset {
        /// The ATR.
        #[serde(with = "octets_as_text")]
        octets: Vec<u8>,
    },
    /// A command is about to be sent.
    Command {
        /// The command APDU.
        #[serde(with = "octets_as_text")]
        octets: Vec<u8>,
        /// Whether a secret in it was replaced.
        masked: bool,
    },
    /// The answer to it.
    Response {
        /// Data and status word.
        #[serde(with = "octets_as_text")]
        octets: Vec<u8>,
    },
    /// No answer, to a command or to a reset.
    Failed {
        /// What is known.
        kind: LinkErrorKind,
        /// For people.
        detail: String,
    },
    /// The card was powered off.
    Deactivate,
    /// A secret of a session by which it can be explained, under public test keys only. In the ring; in the file only
    /// [`with_keys`](Trace::with_keys).
    Key {
        /// What it belongs to.
        #[serde(with = "octets_as_text")]
        of: Vec<u8>,
        /// The secret.
        #[serde(with = "octets_as_text")]
        secret: Vec<u8>,
    },
}

/// What a trace shows of a command: `None` when it may be shown as it is.
pub type Mask = fn(&[u8]) -> Option<Vec<u8>>;

/// Whether the data of this instruction is a PIN. ISO/IEC 7816-4:2020, 11.6: VERIFY 20 and 21, CHANGE REFERENCE DATA 24 and 25,
/// DISABLE and ENABLE VERIFICATION REQUIREMENT 26 and 28, RESET RETRY COUNTER 2C and 2D.
pub const fn has_pin(instruction: u8) -> bool {
    matches!(instruction, 0x20 | 0x21 | 0x24 | 0x25 | 0x26 | 0x28 | 0x2C | 0x2D)
}

/// Replaces by `FF` what follows the length field of a VERIFY or its kin ([`has_pin`]) without secure messaging:
/// there the data is a PIN in clear.
///
/// ```
/// use untorn::reader::trace::mask_pins;
/// assert_eq!(mask_pins(&[0x00, 0x20, 0x00, 0x80, 0x02, 0x31, 0x32]), Some(vec![0x00, 0x20, 0x00, 0x80, 0x02, 0xFF, 0xFF]));
/// assert_eq!(mask_pins(&[0x00, 0xB0, 0x00, 0x80, 0x02]), None);
/// ```
pub fn mask_pins(command: &[u8]) -> Option<Vec<u8>> {
    if command.len() <= 5 || !has_pin(command[1]) {
        return None;
    }
    // ISO/IEC 7816-4:2020, 5.4.1: secure messaging in bits 4 and 3 of a first interindustry class, in bit 6 of a further one.
    let secured = if command[0] & 0x40 == 0 { command[0] & 0x0C != 0 } else { command[0] & 0x20 != 0 };
    if secured {
        return None;
    }
    let mut shown = command.to_vec();
    shown[5..].fill(0xFF);
    Some(shown)
}

/// The last events of a trace. Clones share them.
#[derive(Debug, Clone)]
pub struct TraceRing {
    events: Arc<Mutex<VecDeque<TraceEvent>>>,
    /// Keys that were noted since the last event.
    keys: Arc<Mutex<Vec<TraceEvent>>>,
    capacity: usize,
    write_error: Arc<OnceLock<String>>,
}

impl TraceRing {
    /// A ring that keeps the last `capacity` events.
    pub fn new(capacity: usize) -> Self {
        Self { events: Arc::default(), keys: Arc::default(), capacity, write_error: Arc::default() }
    }

    /// A copy of what it holds, oldest first.
    pub fn snapshot(&self) -> Vec<TraceEvent> {
        lock(&self.events).iter().cloned().collect()
    }

    /// Why writing to the file stopped: a trace that can't be written never stops a payment, but it is to be told at its end.
    pub fn write_error(&self) -> Option<&str> {
        self.write_error.get().map(String::as_str)
    }

    /// Notes a secret of the session that comes next.
    pub fn note_key(&self, of: &[u8], secret: &[u8]) {
        let (number, micros) = lock(&self.events).back().map_or((0, 0), |event| (event.number, event.micros));
        let what = Traced::Key { of: of.to_vec(), secret: secret.to_vec() };
        let key = TraceEvent { number, micros, what };
        lock(&self.keys).push(key.clone());
        self.push(key);
    }

    fn push(&self, event: TraceEvent) {
        let mut events = lock(&self.events);
        events.push_back(event);
        while events.len() > self.capacity {
            events.pop_front();
        }
    }
}

/// A reader that records what passes.
pub struct Trace<R> {
    inner: R,
    clock: Box<dyn FnMut() -> u64 + Send>,
    writer: Option<Box<dyn Write + Send>>,
    ring: Option<TraceRing>,
    mask: Mask,
    with_keys: bool,
    number: u64,
}

impl<R: Reader> Trace<R> {
    /// Wraps a reader. The clock gives microseconds, from whatever moment. PINs are masked; nothing is recorded until a
    /// ring or a writer is given.
    pub fn new(inner: R, clock: impl FnMut() -> u64 + Send + 'static) -> Self {
        let clock = Box::new(clock);
        Self { inner, clock, writer: None, ring: None, mask: mask_pins, with_keys: false, number: 0 }
    }

    /// Records into this ring.
    #[must_use]
    pub fn with_ring(mut self, ring: TraceRing) -> Self {
        self.ring = Some(ring);
        self
    }

    /// Records into this file, one line of JSON an event, flushed at each.
    #[must_use]
    pub fn with_writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Some(Box::new(writer));
        self
    }

    /// Records the keys that its ring is told into the file too: of virtual cards, whose keys are public.
    #[must_use]
    pub fn with_keys(mut self) -> Self {
        self.with_keys = true;
        self
    }

    /// Shows commands through this mask. For test data only: `|_| None`.
    #[must_use]
    pub fn with_mask(mut self, mask: Mask) -> Self {
        self.mask = mask;
        self
    }

    /// The reader inside.
    pub fn inner(&mut self) -> &mut R {
        &mut self.inner
    }

    fn record(&mut self, what: Traced) {
        let keys = self.ring.as_ref().map(|ring| std::mem::take(&mut *lock(&ring.keys))).unwrap_or_default();
        if self.with_keys {
            for key in &keys {
                self.write(key);
            }
        }
        let event = TraceEvent { number: self.number, micros: (self.clock)(), what };
        self.write(&event);
        if let Some(ring) = &self.ring {
            ring.push(event);
        }
    }

    fn write(&mut self, event: &TraceEvent) {
        if let Some(writer) = &mut self.writer {
            let line = serde_json::to_string(event).map_err(std::io::Error::from);
            if let Err(error) = line.and_then(|line| writeln!(writer, "{line}")).and_then(|()| writer.flush()) {
                if let Some(ring) = &self.ring {
                    // The first reason is the one that counts, and nothing is written after it.
                    let _ = ring.write_error.set(format!(
                        "the trace stops at exchange {}: {}",
                        self.number,
                        crate::disk::said(&error)
                    ));
                }
                self.writer = None;
            }
        }
    }

    fn record_failure(&mut self, error: &LinkError) {
        self.record(Traced::Failed { kind: error.kind, detail: error.detail.clone() });
    }
}

impl<R: Reader> Reader for Trace<R> {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        self.number += 1;
        self.record(Traced::Activate { reset });
        let outcome = self.inner.activate(reset);
        match &outcome {
            Ok(activation) => self.record(Traced::AnswerToReset { octets: activation.atr.clone() }),
            Err(error) => self.record_failure(error),
        }
        outcome
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        self.number += 1;
        let shown = (self.mask)(command);
        let masked = shown.is_some();
        self.record(Traced::Command { octets: shown.unwrap_or_else(|| command.to_vec()), masked });
        let outcome = self.inner.transmit(command, response);
        match &outcome {
            Ok(()) => self.record(Traced::Response { octets: response.clone() }),
            Err(error) => self.record_failure(error),
        }
        outcome
    }

    fn deactivate(&mut self) {
        self.record(Traced::Deactivate);
        self.inner.deactivate();
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn card_events(&mut self) -> Option<u64> {
        self.inner.card_events()
    }
}

/// Octets in JSON: hexadecimal text.
mod octets_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::wire::hex;

    pub(super) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(octets))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        hex::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::in_process::Slot;
    use crate::reader::toy::ToyCard;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>, bool);

    impl Write for Sink {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            if self.1 {
                return Err(std::io::Error::other("disc full"));
            }
            self.0.lock().unwrap().write(octets)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn ticking() -> impl FnMut() -> u64 + Send {
        let mut now = 0;
        move || {
            now += 10;
            now
        }
    }

    #[test]
    fn every_event_is_one_line_of_json() {
        let sink = Sink::default();
        let mut reader =
            Trace::new(Slot::with_card(ToyCard::new()).reader("bench"), ticking()).with_writer(sink.clone());
        let mut response = Vec::new();
        reader.activate(Reset::Cold).unwrap();
        reader.transmit(&[0, 0xD6, 0, 0, 1, 0x42], &mut response).unwrap();
        reader.transmit(&[0, 0xEE, 0, 0], &mut response).unwrap_err();
        reader.deactivate();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let expected = r#"{"number":1,"micros":10,"event":"activate","reset":"cold"}
{"number":1,"micros":20,"event":"answer_to_reset","octets":"3B810155D5"}
{"number":2,"micros":30,"event":"command","octets":"00D600000142","masked":false}
{"number":2,"micros":40,"event":"response","octets":"9000"}
{"number":3,"micros":50,"event":"command","octets":"00EE0000","masked":false}
{"number":3,"micros":60,"event":"failed","kind":"mute","detail":"the card has power and gave no answer"}
{"number":3,"micros":70,"event":"deactivate"}
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn a_pin_never_reaches_ring_or_file() {
        let (sink, ring) = (Sink::default(), TraceRing::new(2));
        let mut reader = Trace::new(Slot::with_card(ToyCard::new()).reader("bench"), ticking())
            .with_writer(sink.clone())
            .with_ring(ring.clone());
        reader.activate(Reset::Cold).unwrap();
        reader.transmit(&[0, 0x20, 0, 0x80, 3, 0x31, 0x32, 0x33], &mut Vec::new()).unwrap();
        let events = ring.snapshot();
        assert_eq!(events.len(), 2, "the ring keeps the last two");
        assert_eq!(
            events[0].what,
            Traced::Command { octets: vec![0, 0x20, 0, 0x80, 3, 0xFF, 0xFF, 0xFF], masked: true }
        );
        assert!(!String::from_utf8(sink.0.lock().unwrap().clone()).unwrap().contains("313233"));
    }

    #[test]
    fn secure_messaging_and_other_instructions_are_shown() {
        assert_eq!(mask_pins(&[0x0C, 0x20, 0, 0x80, 1, 0x31]), None);
        assert_eq!(mask_pins(&[0x60, 0x20, 0, 0x80, 1, 0x31]), None);
        assert_eq!(mask_pins(&[0x40, 0x20, 0, 0x80, 1, 0x31]), Some(vec![0x40, 0x20, 0, 0x80, 1, 0xFF]));
        for instruction in [0x21, 0x24, 0x25, 0x26, 0x28, 0x2C, 0x2D] {
            let shown = mask_pins(&[0x00, instruction, 0, 0x80, 1, 0x31]);
            assert_eq!(shown, Some(vec![0x00, instruction, 0, 0x80, 1, 0xFF]), "ISO/IEC 7816-4:2020, 11.6");
        }
        for instruction in [0x22, 0x27, 0x2A, 0x82, 0x88] {
            assert_eq!(mask_pins(&[0x00, instruction, 0, 0x80, 1, 0x31]), None, "INS {instruction:02X} has no PIN");
        }
        assert_eq!(mask_pins(&[0x00, 0x20, 0, 0x80]), None, "asks for the tries left, carries nothing");
        assert_eq!(
            mask_pins(&[0x00, 0x24, 0, 1, 0, 0, 1, 9]),
            Some(vec![0, 0x24, 0, 1, 0, 0xFF, 0xFF, 0xFF]),
            "an extended length may go, a digit may not stay"
        );
    }

    #[test]
    fn a_full_disc_stops_the_trace_and_not_the_payment() {
        let sink = Sink(Arc::default(), true);
        let ring = TraceRing::new(2);
        let reader = Trace::new(Slot::with_card(ToyCard::new()).reader("bench"), ticking()).with_writer(sink);
        let mut reader = reader.with_ring(ring.clone());
        reader.activate(Reset::Cold).unwrap();
        assert_eq!(ring.write_error(), Some("the trace stops at exchange 1: disc full"));
        reader.transmit(&[0, 0xD6, 0, 0, 1, 0x42], &mut Vec::new()).unwrap();
    }
}
