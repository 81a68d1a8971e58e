//! What a case sees of the world: a card behind a link, the statement, seeded randomness, a log.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Deref, DerefMut};

use super::error::RigError;
use super::evidence::{Line, Seen};
use super::judge::Judge;
use super::rig::Rig;
use super::statement::Statement;
use super::verdict::{OrStop, Stop, caught, with_postamble};
use crate::card::memory::Cut;
use crate::counted::counted;
use crate::crypto::kdf::sha256;
use crate::difference::plain;
use crate::entropy::SeededEntropy;
use crate::reader::fault::Fault;
use crate::reader::in_process::lock;
use crate::reader::trace::mask_pins;
use crate::reader::{LinkError, LinkErrorKind, Reader, Reset};
use crate::wire::hex;
use crate::wire::status::{Kind, StatusWord};

/// An answer: data and status word.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Data, without the status word.
    pub data: Vec<u8>,
    /// SW1 SW2.
    pub status: StatusWord,
}

impl Answer {
    /// A status word that says that the command was not carried out, or not to its end: `64xx` to `6Fxx` but `6Cxx`.
    pub fn is_refusal(&self) -> bool {
        matches!(self.status.kind(), Kind::CheckingError | Kind::ExecutionError)
    }

    /// A status word that says that it was carried out, with a remark or without: `9000`, `62xx`, `63xx` (ISO/IEC 7816-4:2020, 5.6).
    pub fn is_done(&self) -> bool {
        matches!(self.status.kind(), Kind::Success | Kind::Warning | Kind::TriesLeft(_))
    }
}

/// As it came: data, then the status word.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.data.as_slice() {
            [] => f.write_str(&self.status.told()),
            data => write!(f, "{} {}", hex::encode(data), self.status.told()),
        }
    }
}

/// The lower tester of a card under test. It has been activated before a body begins and is powered off afterwards.
pub struct Tester<'r> {
    rig: &'r mut Rig,
    judge: Judge<'r>,
    cuts: Option<String>,
    recorded: Option<String>,
    /// What was tried and accepted, as digests: a PIN may be among it.
    accepted: BTreeSet<[u8; 32]>,
    /// States of a card that has a life behind it, in which some of the cases can show nothing.
    states: BTreeSet<String>,
    /// The class in which the card took GET RESPONSE, by the class of the command before it.
    get_response: BTreeMap<u8, u8>,
}

impl<'r> Deref for Tester<'r> {
    type Target = Judge<'r>;

    fn deref(&self) -> &Self::Target {
        &self.judge
    }
}

impl DerefMut for Tester<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.judge
    }
}

/// In the ledger: all keys of a card together.
const KEY: &str = "key";

fn attempt(secret: &str, with: &[u8]) -> [u8; 32] {
    sha256(&[secret.as_bytes(), &[0], with])
}

impl<'r> Tester<'r> {
    /// A tester whose randomness is `seed`'s; `clock` gives microseconds.
    pub fn new(rig: &'r mut Rig, statement: &'r Statement, seed: u64, clock: &'r mut dyn FnMut() -> u64) -> Self {
        if let Some(card) = &rig.card {
            lock(card).memory().record_writes();
        }
        let judge = Judge::new(statement, seed, clock);
        Self {
            rig,
            judge,
            cuts: None,
            recorded: None,
            accepted: BTreeSet::new(),
            states: BTreeSet::new(),
            get_response: BTreeMap::new(),
        }
    }

    /// The same with the `cuts` of a replay token.
    #[must_use]
    pub fn with_cuts(self, cuts: Option<&str>) -> Self {
        Self { cuts: cuts.map(str::to_owned), ..self }
    }

    /// The same with somebody who sees each line of the log as it comes.
    #[must_use]
    pub fn with_sink(self, sink: &'r mut dyn FnMut(&Line)) -> Self {
        Self { judge: self.judge.with_sink(sink), ..self }
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

    // The card.

    /// Power off, power on. No answer to reset is inconclusive.
    pub fn power_on(&mut self) -> OrStop<Vec<u8>> {
        self.activate(Reset::Cold)
    }

    /// The reset line.
    pub fn warm_reset(&mut self) -> OrStop<Vec<u8>> {
        self.activate(Reset::Warm)
    }

    fn activate(&mut self, reset: Reset) -> OrStop<Vec<u8>> {
        self.identify()?;
        match self.rig.reader.activate(reset) {
            Ok(activation) => {
                self.log(Seen::AnswerToReset { octets: hex::encode(&activation.atr) });
                self.check_unmoved()?;
                Ok(activation.atr)
            }
            Err(error) => Err(self.silence(&error)),
        }
    }

    /// Before a case, and wherever another card may have come since, the guard looks who is there. Not at each power-up: what a card
    /// keeps over a reset could not be seen any more behind the commands by which it is identified.
    fn identify(&mut self) -> OrStop {
        // Taken out while it works, for it powers the card on itself.
        let Some(mut guard) = self.rig.guard.take() else { return Ok(()) };
        let events = self.rig.reader.card_events();
        if self.rig.card_events.is_some() && self.rig.card_events == events {
            self.rig.guard = Some(guard);
            return Ok(());
        }
        self.note("which card it is");
        // With randomness of its own: the case's is the same with and without a guard.
        let entropy = std::mem::replace(self.entropy(), SeededEntropy::new(0));
        let identified = guard.identify(self);
        *self.entropy() = entropy;
        self.rig.guard = Some(guard);
        if identified.is_err() {
            self.power_off();
        }
        self.rig.card_events = identified.as_ref().ok().and(events);
        identified
    }

    /// Whether a card lies at the reader, as far as the reader knows.
    pub fn is_card_there(&mut self) -> bool {
        let activated = self.rig.reader.activate(Reset::Cold);
        !activated.is_err_and(|error| error.kind == LinkErrorKind::Removed)
    }

    /// A case ended without an answer: the guard looks whether there is a card at all.
    pub(super) fn miss_card(&mut self) {
        if let Some(mut guard) = self.rig.guard.take() {
            guard.miss(self);
            self.rig.guard = Some(guard);
        }
    }

    /// The card that was powered on is the one that the guard knows.
    fn check_unmoved(&mut self) -> OrStop {
        let known = self.rig.card_events;
        if self.rig.guard.is_none() || known.is_none() || self.rig.reader.card_events() == known {
            return Ok(());
        }
        self.rig.card_events = None;
        self.power_off();
        Err(Stop::inconclusive("a card came or left while it was powered on"))
    }

    /// Power off.
    pub fn power_off(&mut self) {
        self.rig.reader.deactivate();
        self.log(Seen::PowerOff);
    }

    /// A command and its answer. No answer is inconclusive: silence is neither acceptance nor refusal.
    pub fn send(&mut self, command: &[u8]) -> OrStop<Answer> {
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

    pub(super) fn learn_get_response_class(&mut self, cla: u8, class: u8) {
        self.get_response.insert(cla, class);
    }

    pub(super) fn learnt_get_response_class(&self, cla: u8) -> Option<u8> {
        self.get_response.get(&cla).copied()
    }

    /// Writes down a secret by which the log can be explained: under public test keys only.
    pub fn key(&mut self, of: &[u8], secret: &[u8]) {
        self.log(Seen::Key { of: hex::encode(of), secret: hex::encode(secret) });
    }

    /// Sends a command and takes the card away around it: before it, after its execution, while it answers. The card is without
    /// power afterwards.
    pub fn send_torn(&mut self, command: &[u8], fault: Fault) {
        self.log(Seen::Torn { how: plain(&fault) });
        self.rig.plan.arm(0, fault);
        // What comes of it is the subject of what follows, and is in the log.
        let _ = self.exchange(command);
    }

    /// Sends a command and cuts the power at a write of the card's memory. `None`: the power was cut, and is off now. An answer means
    /// that the command has fewer writes.
    pub fn send_cut(&mut self, command: &[u8], cut: Cut) -> OrStop<Option<Answer>> {
        self.arm(cut)?;
        let answer = self.exchange(command);
        if self.disarm()? {
            return answer.map(Some).map_err(|error| Stop::inconclusive(format!("expected an answer: {error}")));
        }
        Ok(None)
    }

    /// Powers the card on and cuts the power at a write of its recovery; `true` when that happened, and then the power is off.
    pub fn power_on_cut(&mut self, cut: Cut) -> OrStop<bool> {
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

    /// Whether the power can be cut inside a command; a case that cannot do without declares it, [`Case::cuts`](super::case::Case::cuts).
    pub fn can_cut(&self) -> bool {
        self.rig.card.is_some()
    }

    // A card that was used before.

    /// Who identifies the card notes the states in which it was found: before the case, so that what the case itself does to it is no
    /// excuse.
    pub fn found_in(&mut self, state: &str) {
        self.states.insert(state.to_owned());
    }

    /// Whether the card was found in this state before the case.
    pub fn was_in(&self, state: &str) -> bool {
        self.states.contains(state)
    }

    // Attempts at secrets, which a card that must live on has few of.

    /// To be called before a secret is tried: counted at a card that must live on, and inconclusive where there were too many. What
    /// succeeded before in this case, so that it is known to be right, is not counted: with it tries are won back.
    pub fn before_attempt(&mut self, secret: &str, with: &[u8]) -> OrStop {
        if self.accepted.contains(&attempt(secret, with)) { Ok(()) } else { self.before_failed_attempt(secret) }
    }

    /// The same for what must be refused, or torn: always counted.
    pub fn before_failed_attempt(&mut self, secret: &str) -> OrStop {
        self.ledger(|ledger| ledger.before_failure(secret))
    }

    /// To be called when it was accepted.
    pub fn after_good_attempt(&mut self, secret: &str, with: &[u8]) -> OrStop {
        self.accepted.insert(attempt(secret, with));
        self.ledger(|ledger| ledger.after_success(secret))
    }

    /// To be called when a secret was changed: what was accepted before may be wrong now, and counts.
    pub fn forget_accepted(&mut self) {
        self.accepted.clear();
    }

    /// To be called before an authentication with a key that must fail.
    pub fn before_failed_authentication(&mut self) -> OrStop {
        self.before_failed_attempt(KEY)
    }

    /// To be called before one that should succeed: the statement may name the wrong keys.
    pub fn before_authentication(&mut self) -> OrStop {
        self.before_attempt(KEY, &[])
    }

    /// To be called after one that succeeded.
    pub fn after_good_authentication(&mut self) -> OrStop {
        self.after_good_attempt(KEY, &[])
    }

    /// Steps whose failed authentications are counted in another ledger.
    pub fn counted_in<T>(&mut self, ledger: Box<dyn super::rig::Ledger>, steps: impl FnOnce(&mut Self) -> T) -> T {
        let own = self.rig.ledger.replace(ledger);
        let done = steps(self);
        self.rig.ledger = own;
        done
    }

    fn ledger(&mut self, entry: impl FnOnce(&mut dyn super::rig::Ledger) -> Result<(), RigError>) -> OrStop {
        match self.rig.ledger.as_deref_mut() {
            Some(ledger) => entry(ledger).map_err(|error| Stop::inconclusive(error.to_string())),
            None => Ok(()),
        }
    }

    fn arm(&mut self, cut: Cut) -> OrStop {
        let card = self.card()?;
        self.log(Seen::Torn { how: plain(&cut) });
        lock(&card).memory().arm(cut);
        Ok(())
    }

    /// `true` when the cut had not happened.
    fn disarm(&mut self) -> OrStop<bool> {
        let card = self.card()?;
        Ok(lock(&card).memory().disarm())
    }

    fn card(&self) -> OrStop<crate::reader::in_process::SharedCard> {
        self.rig.card.clone().ok_or_else(|| Stop::error("the test system has no hand on the card's memory"))
    }

    fn silence(&mut self, error: &LinkError) -> Stop {
        self.log(Seen::NoAnswer { kind: error.kind, detail: error.detail.clone() });
        Stop::inconclusive(format!("no answer to reset: {error}"))
    }

    // What is seen.

    /// Fails unless both are the same octets.
    pub fn check_octets(&mut self, what: &str, expected: &[u8], got: &[u8]) -> OrStop {
        self.check_equal(what, &hex::Octets(expected), &hex::Octets(got))
    }

    /// Fails unless the answer is this status word and nothing else.
    pub fn expect_alone(&mut self, what: &str, answer: &Answer, expected: u16) -> OrStop {
        let held = answer.status.0 == expected && answer.data.is_empty();
        let expected = StatusWord(expected).told();
        let what = match answer.data.len() {
            _ if held => format!("{what}: {expected} alone"),
            0 => format!("{what}: expected {expected} alone, got {}", answer.status.told()),
            octets => {
                let with = counted(octets, "octet");
                format!("{what}: expected {expected} alone, got {} with {with}", answer.status.told())
            }
        };
        self.log(Seen::Check { what: what.clone(), held });
        if held { Ok(()) } else { Err(Stop::fail(what)) }
    }

    /// Fails unless the status word is this one.
    pub fn expect_status(&mut self, answer: &Answer, expected: u16) -> OrStop {
        self.expect_status_in(answer, &[expected])
    }

    /// Fails unless the status word is one of these.
    pub fn expect_status_in(&mut self, answer: &Answer, expected: &[u16]) -> OrStop {
        let held = expected.contains(&answer.status.0);
        let words: Vec<String> = expected.iter().map(|word| StatusWord(*word).told()).collect();
        let what = if held {
            format!("status word: {}", answer.status.told())
        } else {
            format!("status word: expected {}, got {}", words.join(" or "), answer.status.told())
        };
        self.log(Seen::Check { what: what.clone(), held });
        if held { Ok(()) } else { Err(Stop::fail(what)) }
    }

    /// A failure in here says nothing about the purpose: it becomes inconclusive.
    pub fn preamble<T>(&mut self, steps: impl FnOnce(&mut Self) -> OrStop<T>) -> OrStop<T> {
        steps(self).map_err(Stop::in_preamble)
    }

    /// Steps, and whatever comes of them a postamble that makes the card as it was. What goes wrong in it is said beside what went wrong
    /// before; alone it is inconclusive. It begins with the card as the steps left it, perhaps without power.
    ///
    /// ```
    /// # use untorn::conformance::tester::Tester;
    /// # use untorn::conformance::verdict::OrStop;
    /// # fn change(_: &mut Tester<'_>) -> OrStop { Ok(()) }
    /// # fn change_back(tester: &mut Tester<'_>) -> OrStop { tester.power_on().map(drop) }
    /// # fn body(tester: &mut Tester<'_>) -> OrStop {
    /// tester.with_postamble(change, change_back)
    /// # }
    /// ```
    pub fn with_postamble<T>(
        &mut self,
        steps: impl FnOnce(&mut Self) -> OrStop<T>,
        postamble: impl FnOnce(&mut Self) -> OrStop,
    ) -> OrStop<T> {
        let ended = caught(|| steps(self));
        self.note("postamble");
        // The verdict rests on what was seen before.
        let rests_on = self.rests_on().filter(|_| ended.is_err());
        let after = postamble(self);
        *self.rests_on() = rests_on.or(*self.rests_on());
        with_postamble(ended, after)
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
    pub(super) fn finish(mut self, ended: OrStop) -> (OrStop, Vec<Line>) {
        self.power_off();
        self.judge.finish(ended)
    }
}
