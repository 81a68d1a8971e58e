//! A recorded trace is a card: it answers as the recording did, to the commands of the recording and to no others.

use crate::malformed;
use crate::reader::trace::{Mask, TraceEvent, Traced, mask_pins};
use crate::reader::{Activation, Capabilities, LinkError, LinkErrorKind, Reader, Reset};
use crate::wire::hex;

/// A reader that gives what was recorded.
///
/// Matching is strict: the same activations and commands in the same order. At the first difference it stops for good;
/// every later call gives the same error, `NotSent`, for nothing was sent anywhere.
pub struct Replay {
    events: Vec<TraceEvent>,
    next: usize,
    mask: Mask,
    difference: Option<String>,
}

/// A line of a recording that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the recording: {}", malformed::json(source))]
pub struct ReplayError {
    line: usize,
    source: serde_json::Error,
}

impl Replay {
    /// Reads the lines that a [`Trace`](crate::reader::trace::Trace) with the usual mask wrote; empty lines are skipped.
    ///
    /// ```
    /// use untorn::reader::{Reader, Reset, replay::Replay};
    /// let mut card = Replay::parse(concat!(
    ///     r#"{"number":1,"micros":0,"event":"activate","reset":"cold"}"#, "\n",
    ///     r#"{"number":1,"micros":0,"event":"answer_to_reset","octets":"3B00"}"#, "\n",
    /// ))?;
    /// assert_eq!(card.activate(Reset::Cold).unwrap().atr, [0x3B, 0x00]);
    /// assert_eq!(card.finish(), Ok(()));
    /// # Ok::<(), untorn::reader::replay::ReplayError>(())
    /// ```
    pub fn parse(lines: &str) -> Result<Self, ReplayError> {
        let lines = lines.lines().enumerate().filter(|(_, text)| !text.trim().is_empty());
        let mut events = lines
            .map(|(index, text)| serde_json::from_str(text).map_err(|source| ReplayError { line: index + 1, source }))
            .collect::<Result<Vec<TraceEvent>, _>>()?;
        // A key passed nowhere.
        events.retain(|event| !matches!(event.what, Traced::Key { .. }));
        Ok(Self { events, next: 0, mask: mask_pins, difference: None })
    }

    /// Compares masked commands through this mask, the one with which they were recorded.
    #[must_use]
    pub fn with_mask(mut self, mask: Mask) -> Self {
        self.mask = mask;
        self
    }

    /// Whether the whole recording was played without a difference; otherwise which exchange differed or was not reached.
    pub fn finish(&self) -> Result<(), String> {
        if let Some(difference) = &self.difference {
            return Err(difference.clone());
        }
        let rest = self.events[self.next..].iter().find(|event| event.what != Traced::Deactivate);
        match rest {
            None => Ok(()),
            Some(event) => Err(format!("the recording goes on at exchange {}: {}", event.number, said(&event.what))),
        }
    }

    /// Steps over the question, when it is the recorded one, and gives what was recorded as its outcome.
    fn play(&mut self, question: &Traced) -> Result<Traced, LinkError> {
        if let Some(difference) = &self.difference {
            return Err(LinkError::new(LinkErrorKind::NotSent, difference.clone()));
        }
        // Powering off carries nothing that could differ.
        while self.events.get(self.next).is_some_and(|event| event.what == Traced::Deactivate) {
            self.next += 1;
        }
        let recorded = self.events.get(self.next);
        if recorded.is_none_or(|event| event.what != *question) {
            let difference = match recorded {
                Some(event) => {
                    format!("exchange {}: expected {}, got {}", event.number, said(&event.what), said(question))
                }
                None => format!("the recording has ended, got {}", said(question)),
            };
            self.difference = Some(difference.clone());
            return Err(LinkError::new(LinkErrorKind::NotSent, difference));
        }
        self.next += 2;
        match self.events.get(self.next - 1).map(|event| event.what.clone()) {
            Some(Traced::Failed { kind, detail }) => Err(LinkError::new(kind, detail)),
            Some(outcome) => Ok(outcome),
            None => Err(LinkError::new(LinkErrorKind::Unknown, "the recording ends before the answer")),
        }
    }

    fn broken(&mut self, outcome: &Traced) -> LinkError {
        let difference = format!("the recording is damaged: expected an answer, got {}", said(outcome));
        self.difference = Some(difference.clone());
        LinkError::new(LinkErrorKind::Unknown, difference)
    }
}

impl Reader for Replay {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        match self.play(&Traced::Activate { reset })? {
            Traced::AnswerToReset { octets } => Ok(Activation { atr: octets }),
            other => Err(self.broken(&other)),
        }
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        response.clear();
        let shown = (self.mask)(command);
        let masked = shown.is_some();
        match self.play(&Traced::Command { octets: shown.unwrap_or_else(|| command.to_vec()), masked })? {
            Traced::Response { octets } if octets.len() >= 2 => {
                *response = octets;
                Ok(())
            }
            Traced::Response { octets } => Err(LinkError::too_short(&octets)),
            other => Err(self.broken(&other)),
        }
    }

    fn deactivate(&mut self) {}

    fn capabilities(&self) -> Capabilities {
        let command_len_max = crate::reader::in_process::COMMAND_LEN_MAX_EXTENDED;
        Capabilities { name: "recording".to_owned(), command_len_max, command_len_min: 1 }
    }
}

fn said(what: &Traced) -> String {
    match what {
        Traced::Activate { reset: Reset::Cold } => "a cold reset".to_owned(),
        Traced::Activate { reset: Reset::Warm } => "a warm reset".to_owned(),
        Traced::AnswerToReset { octets } => format!("answer to reset {}", hex::encode(octets)),
        Traced::Command { octets, masked: false } => format!("command {}", hex::encode(octets)),
        Traced::Command { octets, masked: true } => format!("command {} (masked)", hex::encode(octets)),
        Traced::Response { octets } => format!("response {}", hex::encode(octets)),
        Traced::Failed { kind, .. } => format!("failure: {kind}"),
        Traced::Deactivate => "power off".to_owned(),
        Traced::Key { of, .. } => format!("key of {}", hex::encode(of)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::in_process::Slot;
    use crate::reader::toy::{ATR, ToyCard};
    use crate::reader::trace::{Trace, TraceRing};

    /// Activates, writes, verifies, is met with silence.
    fn recorded() -> String {
        let ring = TraceRing::new(100);
        let mut reader = Trace::new(Slot::with_card(ToyCard::new()).reader("bench"), || 0).with_ring(ring.clone());
        let mut response = Vec::new();
        reader.activate(Reset::Cold).unwrap();
        reader.transmit(&[0, 0xB0, 0, 0, 1], &mut response).unwrap();
        reader.transmit(&[0, 0x20, 0, 0x80, 1, 0x31], &mut response).unwrap();
        reader.transmit(&[0, 0xEE, 0, 0], &mut response).unwrap_err();
        reader.deactivate();
        ring.snapshot().iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
    }

    #[test]
    fn a_recording_answers_as_the_card_did() {
        let mut replay = Replay::parse(&recorded()).unwrap();
        let mut response = Vec::new();
        assert_eq!(replay.activate(Reset::Cold).unwrap().atr, ATR);
        replay.transmit(&[0, 0xB0, 0, 0, 1], &mut response).unwrap();
        assert_eq!(response, [0, 0x90, 0x00]);
        replay.transmit(&[0, 0x20, 0, 0x80, 1, 0x31], &mut response).unwrap();
        assert_eq!(
            replay.finish().unwrap_err(),
            "the recording goes on at exchange 4: command 00EE0000",
            "one exchange is left"
        );
        assert_eq!(replay.transmit(&[0, 0xEE, 0, 0], &mut response).unwrap_err().kind, LinkErrorKind::Mute);
        assert!(response.is_empty());
        replay.deactivate();
        assert_eq!(replay.finish(), Ok(()));
    }

    #[test]
    fn the_first_difference_is_named_and_final() {
        let mut replay = Replay::parse(&recorded()).unwrap();
        replay.activate(Reset::Cold).unwrap();
        let error = replay.transmit(&[0, 0xB0, 0, 0, 2], &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind, LinkErrorKind::NotSent);
        assert_eq!(error.detail, "exchange 2: expected command 00B0000001, got command 00B0000002");
        assert_eq!(replay.transmit(&[0, 0xB0, 0, 0, 1], &mut Vec::new()).unwrap_err(), error);
        assert_eq!(replay.finish(), Err(error.detail));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        assert!(Replay::parse("\n{").err().unwrap().to_string().starts_with("line 2 of the recording: "));
        let odd = r#"{"number":1,"micros":0,"event":"response","octets":"9"}"#;
        assert!(Replay::parse(odd).err().unwrap().to_string().contains("expected a second hexadecimal digit"));
        let two_answers = r#"{"number":1,"micros":0,"event":"activate","reset":"cold"}
{"number":1,"micros":0,"event":"deactivate"}"#;
        assert_eq!(
            Replay::parse(two_answers).unwrap().activate(Reset::Cold).unwrap_err().detail,
            "the recording is damaged: expected an answer, got power off"
        );
        assert_eq!(
            Replay::parse("").unwrap().activate(Reset::Warm).unwrap_err().detail,
            "the recording has ended, got a warm reset"
        );
    }
}
