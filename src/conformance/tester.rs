//! What a case sees of the world: a card behind a link, the statement, seeded randomness, a log.

use std::fmt;

use super::check::check_equal;
use super::evidence::{Line, Log, Seen};
use super::rig::Rig;
use super::statement::{Statement, Value};
use super::verdict::{Outcome, Stop};
use crate::card::memory::Cut;
use crate::entropy::{Entropy, SeededEntropy};
use crate::reader::fault::Fault;
use crate::reader::in_process::lock;
use crate::reader::trace::mask_pins;
use crate::reader::{LinkError, LinkErrorKind, Reader, Reset};
use crate::wire::hex;
use crate::wire::status::StatusWord;

/// An answer: data and status word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Data, without the status word.
    pub data: Vec<u8>,
    /// SW1 SW2.
    pub status: StatusWord,
}

/// The lower tester of a card under test. It has been activated before a body begins and is powered off afterwards.
pub struct Tester<'r> {
    rig: &'r mut Rig,
    statement: &'r Statement,
    entropy: SeededEntropy,
    cuts: Option<String>,
    recorded: Option<String>,
    log: Log<'r>,
}

impl<'r> Tester<'r> {
    /// A tester whose randomness is `seed`'s; `clock` gives microseconds.
    pub fn new(rig: &'r mut Rig, statement: &'r Statement, seed: u64, clock: &'r mut dyn FnMut() -> u64) -> Self {
        if let Some(card) = &rig.card {
            lock(card).memory().record_writes();
        }
        let entropy = SeededEntropy::new(seed);
        Self { rig, statement, entropy, cuts: None, recorded: None, log: Log::new(clock) }
    }

    /// The same with the `cuts` of a replay token.
    #[must_use]
    pub fn with_cuts(self, cuts: Option<&str>) -> Self {
        Self { cuts: cuts.map(str::to_owned), ..self }
    }

    /// The same with somebody who sees each line of the log as it comes.
    #[must_use]
    pub fn with_sink(self, sink: &'r mut dyn FnMut(&Line)) -> Self {
        Self { log: self.log.with_sink(sink), ..self }
    }

    // What a replay token repeats.

    /// What the case recorded when it failed, and is asked to repeat.
    pub fn cuts(&self) -> Option<&str> {
        self.cuts.as_deref()
    }

    /// The case's own record of where it tore, for the token that repeats this failure: no spaces.
    pub fn record_cuts(&mut self, cuts: String) {
        self.recorded = Some(cuts);
    }

    pub(super) fn recorded_cuts(&mut self) -> Option<String> {
        self.recorded.take()
    }

    // The statement.

    /// Whether the statement claims it.
    pub fn claims(&self, claim: &str) -> bool {
        self.statement.claims(claim)
    }

    /// A text of the IXIT; its lack is an error of the statement.
    pub fn text(&self, name: &str) -> Outcome<&'r str> {
        self.statement.text_of(name)
    }

    /// A number of the IXIT; its lack is an error of the statement.
    pub fn number(&self, name: &str) -> Outcome<u64> {
        match self.statement.values.get(name) {
            Some(Value::Number(number)) => Ok(*number),
            _ => Err(Stop::error(format!("the statement gives no number {name:?}"))),
        }
    }

    /// A secret of the IXIT; its lack is an error of the statement.
    pub fn secret(&self, name: &str) -> Outcome<&'r str> {
        self.statement.secret_of(name).map(super::statement::SecretText::expose)
    }

    // Randomness.

    /// Random octets of the case's seed.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.entropy.fill(&mut octets);
        octets
    }

    /// The case's randomness, for what draws keys and nonces.
    pub fn entropy(&mut self) -> &mut SeededEntropy {
        &mut self.entropy
    }

    // The card.

    /// Power off, power on. No answer to reset is inconclusive.
    pub fn power_on(&mut self) -> Outcome<Vec<u8>> {
        self.activate(Reset::Cold)
    }

    /// The reset line.
    pub fn warm_reset(&mut self) -> Outcome<Vec<u8>> {
        self.activate(Reset::Warm)
    }

    fn activate(&mut self, reset: Reset) -> Outcome<Vec<u8>> {
        match self.rig.reader.activate(reset) {
            Ok(activation) => {
                self.log(Seen::AnswerToReset { octets: hex::encode(&activation.atr) });
                Ok(activation.atr)
            }
            Err(error) => Err(self.silence(&error)),
        }
    }

    /// Power off.
    pub fn power_off(&mut self) {
        self.rig.reader.deactivate();
        self.log(Seen::PowerOff);
    }

    /// A command and its answer. No answer is inconclusive: silence is neither acceptance nor refusal.
    pub fn send(&mut self, command: &[u8]) -> Outcome<Answer> {
        match self.exchange(command) {
            Ok(answer) => Ok(answer),
            Err(error) => Err(Stop::inconclusive(format!("expected an answer, got none: {error}"))),
        }
    }

    /// A command whose answer may be missing; what is known then comes back.
    pub fn exchange(&mut self, command: &[u8]) -> Result<Answer, LinkError> {
        let shown = mask_pins(command);
        let masked = shown.is_some();
        self.log(Seen::Command { octets: hex::encode(shown.as_deref().unwrap_or(command)), masked });
        let mut response = Vec::new();
        let sent = self.rig.reader.transmit(command, &mut response);
        self.log_writes();
        if let Err(error) = sent {
            self.log(Seen::NoAnswer { kind: error.kind, detail: error.detail.clone() });
            return Err(error);
        }
        self.log(Seen::Response { octets: hex::encode(&response) });
        let Some((data, &[sw1, sw2])) = response.split_last_chunk::<2>() else {
            let detail = format!("expected at least a status word, got {} octets", response.len());
            return Err(LinkError::new(LinkErrorKind::Unknown, detail));
        };
        Ok(Answer { data: data.to_vec(), status: StatusWord(u16::from_be_bytes([sw1, sw2])) })
    }

    /// Sends a command and takes the card away around it: before it, after its execution, while it answers. The card is without
    /// power afterwards.
    pub fn send_torn(&mut self, command: &[u8], fault: Fault) {
        self.log(Seen::Torn { how: format!("{fault:?}") });
        self.rig.plan.arm(0, fault);
        // What comes of it is the subject of what follows, and is in the log.
        let _ = self.exchange(command);
    }

    /// Sends a command and cuts the power at a write of the card's memory. `None`: the power was cut, and is off now. An answer means
    /// that the command has fewer writes.
    pub fn send_cut(&mut self, command: &[u8], cut: Cut) -> Outcome<Option<Answer>> {
        self.arm(cut)?;
        let answer = self.exchange(command);
        if self.disarm()? {
            return answer.map(Some).map_err(|error| Stop::inconclusive(format!("expected an answer: {error}")));
        }
        Ok(None)
    }

    /// Powers the card on and cuts the power at a write of its recovery; `true` when that happened, and then the power is off.
    pub fn power_on_cut(&mut self, cut: Cut) -> Outcome<bool> {
        self.arm(cut)?;
        let activated = self.rig.reader.activate(Reset::Cold);
        let cut = !self.disarm()?;
        match activated {
            Ok(activation) => self.log(Seen::AnswerToReset { octets: hex::encode(&activation.atr) }),
            Err(error) if !cut => return Err(self.silence(&error)),
            Err(error) => self.log(Seen::NoAnswer { kind: error.kind, detail: error.detail }),
        }
        Ok(cut)
    }

    /// Writes to the card's memory so far.
    pub fn writes(&mut self) -> Outcome<u64> {
        self.card().map(|card| lock(&card).memory().writes())
    }

    /// To be called before an authentication with a key that may fail: at a card that must live on it is counted, and inconclusive when
    /// there were too many.
    pub fn before_failed_authentication(&mut self) -> Outcome {
        self.ledger(|ledger| ledger.before_failure("key"))
    }

    /// To be called after an authentication with a key that succeeded.
    pub fn after_good_authentication(&mut self) -> Outcome {
        self.ledger(|ledger| ledger.after_success("key"))
    }

    /// To be called before any PIN is sent, right or wrong: a statement may have the wrong one.
    pub fn before_pin(&mut self) -> Outcome {
        self.ledger(|ledger| ledger.before_failure("pin"))
    }

    /// To be called after a PIN was accepted.
    pub fn after_good_pin(&mut self) -> Outcome {
        self.ledger(|ledger| ledger.after_success("pin"))
    }

    fn ledger(&mut self, entry: impl FnOnce(&mut dyn super::rig::Ledger) -> Result<(), String>) -> Outcome {
        match self.rig.ledger.as_deref_mut() {
            Some(ledger) => entry(ledger).map_err(Stop::inconclusive),
            None => Ok(()),
        }
    }

    fn arm(&mut self, cut: Cut) -> Outcome {
        let card = self.card()?;
        self.log(Seen::Torn { how: format!("{cut:?}") });
        lock(&card).memory().arm(cut);
        Ok(())
    }

    /// `true` when the cut had not happened.
    fn disarm(&mut self) -> Outcome<bool> {
        let card = self.card()?;
        Ok(lock(&card).memory().disarm())
    }

    fn card(&self) -> Outcome<crate::reader::in_process::SharedCard> {
        self.rig.card.clone().ok_or_else(|| Stop::error("the test system has no hand on the card's memory"))
    }

    fn silence(&mut self, error: &LinkError) -> Stop {
        self.log(Seen::NoAnswer { kind: error.kind, detail: error.detail.clone() });
        Stop::inconclusive(format!("no answer to reset: {error}"))
    }

    // What is seen.

    /// A remark in the log.
    pub fn note(&mut self, text: impl fmt::Display) {
        self.log(Seen::Note { text: text.to_string() });
    }

    /// Fails unless `held`.
    pub fn check(&mut self, held: bool, what: impl fmt::Display) -> Outcome {
        let what = what.to_string();
        self.log(Seen::Check { what: what.clone(), held });
        if held { Ok(()) } else { Err(Stop::fail(format!("does not hold: {what}"))) }
    }

    /// Fails unless both are equal, and says what differs; the log has both whole.
    pub fn check_equal<T: PartialEq + fmt::Debug>(&mut self, what: &str, expected: &T, got: &T) -> Outcome {
        check_equal(&mut self.log, what, expected, got)
    }

    /// Fails unless the status word is this one.
    pub fn expect_status(&mut self, answer: &Answer, expected: u16) -> Outcome {
        self.expect_status_in(answer, &[expected])
    }

    /// Fails unless the status word is one of these.
    pub fn expect_status_in(&mut self, answer: &Answer, expected: &[u16]) -> Outcome {
        let words: Vec<String> = expected.iter().map(|word| format!("{word:04X}")).collect();
        let what = format!("status word: expected {}, got {:04X}", words.join(" or "), answer.status.0);
        let held = expected.contains(&answer.status.0);
        self.log(Seen::Check { what: what.clone(), held });
        if held { Ok(()) } else { Err(Stop::fail(what)) }
    }

    /// A failure in here says nothing about the purpose: it becomes inconclusive.
    pub fn preamble<T>(&mut self, steps: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        steps(self).map_err(Stop::in_preamble)
    }

    fn log(&mut self, what: Seen) {
        self.log.add(what);
    }

    fn log_writes(&mut self) {
        let Some(card) = &self.rig.card else { return };
        let writes = lock(card).memory().take_recorded();
        if !writes.is_empty() {
            let writes = writes.iter().map(|write| (write.offset, write.octets.len())).collect();
            self.log(Seen::Written { writes });
        }
    }

    /// Ends the log with how the body ended; what it came to.
    pub(super) fn finish(mut self, ended: Outcome) -> (Outcome, Vec<Line>) {
        self.power_off();
        self.log.finish(ended)
    }
}
