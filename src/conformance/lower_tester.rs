//! The lower tester of a terminal under test (ITU-T X.290 (1995), 3.3.56): the cards that are held to the terminal, one touch after the
//! other, and what goes wrong at each exchange. It knows no family: what a lie is made of, the case says. What a case wants to happen and
//! does not, it tells: a verdict cannot rest on it.
//!
//! In process it is a [`Reader`]; behind vpcd whoever serves it passes the terminal's commands to [`LowerTester::process`].

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::error::RigError;
use super::evidence::Seen;
use super::role::{CommandRole, Roles};
use crate::card::{Answer, Card};
use crate::reader::in_process::lock;
use crate::reader::trace::mask_pins;
use crate::reader::{Activation, Capabilities, LinkError, LinkErrorKind, Reader, Reset};
use crate::wire::hex;

/// A card of the test system, which knows the truth about itself.
pub trait TestCard: Card {
    /// What it holds, as it would find it at its next power-up.
    fn truth(&self) -> Truth;

    /// A copy with the memory as it is now: put in the field later, it is a card that was set back.
    fn copy(&self) -> Box<dyn TestCard>;

    /// Gets an order at some other terminal that works as it should; its randomness is of this number.
    ///
    /// # Errors
    /// It did not, in words.
    fn pay_elsewhere(&mut self, number: u64) -> Result<(), RigError>;
}

/// What a card of the test system holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// Its id, as terminals show it.
    pub id: String,
    /// Minor units, of what pays.
    pub balance: u32,
    /// Commits in its life.
    pub commits: u32,
    /// It moves value no more.
    pub is_blocked: bool,
}

/// One of the cards at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardHandle(usize);

/// Which exchange of a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// By number, from 0.
    Exchange(u64),
    /// The next command with this instruction code.
    Instruction(u8),
    /// Every command with this instruction code.
    Every(u8),
    /// The next command that plays this role.
    Role(CommandRole),
    /// Every command that plays this role.
    EveryRole(CommandRole),
}

/// An exchange that the lower tester passes on, or does not.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// Command APDU of the terminal.
    pub command: &'a [u8],
    /// What the card answered; empty when it was not asked.
    pub honest: &'a [u8],
    /// The answer before this one that went to the terminal, in this touch.
    pub before: &'a [u8],
}

/// Makes the answer that goes to the terminal.
pub type Lie = Arc<dyn Fn(&Exchange<'_>) -> Vec<u8> + Send + Sync>;

/// What goes wrong.
#[derive(Clone)]
pub enum Twist {
    /// The card leaves before the command.
    LostBefore,
    /// The card has done what it was told and leaves before its answer.
    LostAfter,
    /// The terminal loses its power before the card has the command.
    KilledBefore,
    /// The terminal loses its power before it has the answer.
    KilledAfter,
    /// The card never gets the command; this comes instead of its answer.
    Instead(Lie),
    /// The card has done what it was told; this comes instead of its answer.
    Changed(Lie),
}

impl Twist {
    /// The card never gets the command; these octets come back.
    pub fn instead(octets: &[u8]) -> Self {
        let octets = octets.to_vec();
        Self::Instead(Arc::new(move |_| octets.clone()))
    }

    /// The card has done what it was told; what comes back is made of its answer.
    pub fn changed(lie: impl Fn(&Exchange<'_>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::Changed(Arc::new(lie))
    }
}

impl fmt::Debug for Twist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Twist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LostBefore => "the card leaves before it has the command",
            Self::LostAfter => "the card leaves before it answers",
            Self::KilledBefore => "the terminal is killed before the card has the command",
            Self::KilledAfter => "the terminal is killed before it has the answer",
            Self::Instead(_) => "an answer that is not the card's, which never has the command",
            Self::Changed(_) => "the card's answer is changed",
        })
    }
}

/// Says where, within a sentence.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(number) => write!(f, "exchange {number}"),
            Self::Instruction(code) => write!(f, "a command {code:02X}"),
            Self::Every(code) => write!(f, "every command {code:02X}"),
            Self::Role(role) => write!(f, "the command for {role}"),
            Self::EveryRole(role) => write!(f, "every command for {role}"),
        }
    }
}

/// A card held to the terminal, until it leaves or the next is held there. All of it must happen, or the case has not come to its
/// point; what need not, says so.
#[derive(Debug, Clone)]
pub struct Touch {
    /// `None`: nobody comes, until the terminal's time runs out.
    card: Option<CardHandle>,
    must_come: bool,
    twists: Vec<Planned>,
}

/// Something that is to go wrong.
#[derive(Debug, Clone)]
struct Planned {
    at: At,
    twist: Twist,
    must_happen: bool,
}

impl Touch {
    /// This card, and nothing goes wrong.
    pub const fn of(card: CardHandle) -> Self {
        Self { card: Some(card), must_come: true, twists: Vec::new() }
    }

    /// Nobody comes, and the terminal's time runs out once.
    pub const fn nobody() -> Self {
        Self { card: None, must_come: true, twists: Vec::new() }
    }

    /// Something goes wrong at an exchange, which there must be.
    #[must_use]
    pub fn with(mut self, at: At, twist: Twist) -> Self {
        self.twists.push(Planned { at, twist, must_happen: true });
        self
    }

    /// Something goes wrong at an exchange if there is one: a terminal may do without.
    #[must_use]
    pub fn if_asked(mut self, at: At, twist: Twist) -> Self {
        self.twists.push(Planned { at, twist, must_happen: false });
        self
    }

    /// The terminal may end, or have nothing to say to the card, before this touch.
    #[must_use]
    pub fn if_awaited(self) -> Self {
        Self { must_come: false, ..self }
    }
}

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// This goes to the terminal.
    Answer(Vec<u8>),
    /// The card is gone, or silent.
    Gone,
}

/// The lower tester. Clones are the same one.
#[derive(Clone, Default)]
pub struct LowerTester(Arc<Mutex<TesterState>>);

#[derive(Default)]
struct TesterState {
    cards: Vec<Box<dyn TestCard>>,
    touches: VecDeque<Touch>,
    present: Option<Present>,
    commands: Vec<(CardHandle, Vec<u8>)>,
    seen: Vec<Seen>,
    /// What was to happen at the touches that are over, and has not.
    missed: Vec<String>,
    kill_wanted: bool,
    killed: bool,
    /// Orders at other terminals so far.
    paid_elsewhere: u64,
    roles: Roles,
}

struct Present {
    card: CardHandle,
    touch: Touch,
    exchanges: u64,
    before: Vec<u8>,
    /// Indices of twists that have happened.
    used: BTreeSet<usize>,
}

impl LowerTester {
    /// Without cards; `roles` tells what a command of the terminal does.
    pub fn new(roles: Roles) -> Self {
        Self(Arc::new(Mutex::new(TesterState { roles, ..TesterState::default() })))
    }

    /// What a command does in an order.
    pub fn role(&self, command: &[u8]) -> Option<CommandRole> {
        self.lock().roles.of(command)
    }

    fn lock(&self) -> MutexGuard<'_, TesterState> {
        lock(&self.0)
    }

    /// Takes a card to hand.
    pub fn add(&self, card: Box<dyn TestCard>) -> CardHandle {
        let mut state = self.lock();
        state.cards.push(card);
        CardHandle(state.cards.len() - 1)
    }

    /// A card as it is now, as another one.
    pub fn copy(&self, card: CardHandle) -> CardHandle {
        let copy = self.lock().cards[card.0].copy();
        self.add(copy)
    }

    /// What a card holds.
    pub fn truth(&self, card: CardHandle) -> Truth {
        self.lock().cards[card.0].truth()
    }

    /// What will be held to the terminal, one after the other, at its next request.
    pub fn hold(&self, touches: Vec<Touch>) {
        let mut state = self.lock();
        state.leave();
        (state.kill_wanted, state.killed) = (false, false);
        state.missed.clear();
        state.touches = touches.into();
    }

    /// The card that is there leaves, and the next comes; `false` when nobody does.
    pub fn next_touch(&self) -> bool {
        let mut state = self.lock();
        state.leave();
        let Some(touch) = state.touches.pop_front() else { return false };
        let Some(card) = touch.card else { return false };
        state.present = Some(Present { card, touch, exchanges: 0, before: Vec::new(), used: BTreeSet::new() });
        true
    }

    /// The card gets an order at another terminal: another one each time.
    ///
    /// # Errors
    /// It did not, in words.
    pub fn pay_elsewhere(&self, card: CardHandle) -> Result<(), RigError> {
        let mut state = self.lock();
        state.paid_elsewhere += 1;
        let number = state.paid_elsewhere;
        state.cards[card.0].pay_elsewhere(number)
    }

    /// The card that is there leaves.
    pub fn leave(&self) {
        self.lock().leave();
    }

    /// Whether a card is there.
    pub fn is_present(&self) -> bool {
        self.lock().present.is_some()
    }

    /// Id of the card that comes next.
    pub fn next_id(&self) -> Option<String> {
        let state = self.lock();
        let card = state.touches.front().and_then(|touch| touch.card)?;
        Some(state.cards[card.0].truth().id)
    }

    /// Power on, or reset.
    pub fn reset(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        let card = state.present.as_ref()?.card;
        let atr = state.cards[card.0].reset();
        state.seen.extend(atr.iter().map(|atr| Seen::AnswerToReset { octets: hex::encode(atr) }));
        atr
    }

    /// Power off.
    pub fn power_off(&self) {
        let mut state = self.lock();
        if let Some(card) = state.present.as_ref().map(|present| present.card) {
            state.cards[card.0].power_off();
            state.seen.push(Seen::PowerOff);
        }
    }

    /// A command of the terminal.
    pub fn process(&self, command: &[u8]) -> Passed {
        self.lock().process(command)
    }

    /// Whether the terminal is to lose its power now. It says so once.
    pub fn take_kill(&self) -> bool {
        std::mem::take(&mut self.lock().kill_wanted)
    }

    /// Whether the terminal was to lose its power, since touches were held to it.
    pub(super) fn has_killed(&self) -> bool {
        self.lock().killed
    }

    /// What was to happen at these touches and has not, in words, now that the request is over.
    pub(super) fn take_missed(&self) -> Vec<String> {
        let mut state = self.lock();
        state.leave();
        let missed = std::mem::take(&mut state.missed);
        let left = std::mem::take(&mut state.touches).into_iter().filter(|touch| touch.must_come);
        missed.into_iter().chain(left.map(|touch| state.no_touch(touch.card))).collect()
    }

    /// The commands that the terminal has sent since this was asked last, and to which card.
    pub fn take_commands(&self) -> Vec<(CardHandle, Vec<u8>)> {
        std::mem::take(&mut self.lock().commands)
    }

    /// Writes down a secret by which the log can be explained: under public test keys only.
    pub fn key(&self, of: &[u8], secret: &[u8]) {
        self.lock().seen.push(Seen::Key { of: hex::encode(of), secret: hex::encode(secret) });
    }

    /// What was seen since this was asked last.
    pub(super) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.lock().seen)
    }

    /// Its reader, in this process.
    pub fn reader(&self) -> LowerReader {
        LowerReader(self.clone())
    }
}

impl TesterState {
    fn leave(&mut self) {
        if let Some(present) = self.present.take() {
            self.over(&present);
            self.seen.push(Seen::PowerOff);
        }
    }

    /// A touch is over: what it has missed is noted.
    fn over(&mut self, Present { card, touch, exchanges, used, .. }: &Present) {
        self.cards[card.0].power_off();
        if *exchanges == 0 {
            let missed = touch.must_come.then(|| self.no_touch(touch.card));
            return self.missed.extend(missed);
        }
        let left = touch.twists.iter().enumerate().filter(|(index, twist)| twist.must_happen && !used.contains(index));
        self.missed.extend(left.map(|(_, Planned { at, twist, .. })| format!("{twist}, at {at}")));
    }

    fn no_touch(&self, card: Option<CardHandle>) -> String {
        match card {
            Some(card) => format!("card {} is held there and gets a command", self.cards[card.0].truth().id),
            None => "a card is awaited and nobody comes".to_owned(),
        }
    }

    fn process(&mut self, command: &[u8]) -> Passed {
        let Some(mut present) = self.present.take() else { return Passed::Gone };
        let card = present.card;
        let shown = mask_pins(command);
        let masked = shown.is_some();
        self.seen.push(Seen::Command { octets: hex::encode(shown.as_deref().unwrap_or(command)), masked });
        self.commands.push((card, command.to_vec()));
        let (index, twist) = present.next_twist(command, self.roles.of(command)).unzip();
        self.seen.extend(twist.iter().map(|twist| Seen::Torn { how: twist.to_string() }));
        let reaches_card = !matches!(twist, Some(Twist::LostBefore | Twist::KilledBefore | Twist::Instead(_)));
        let honest = match reaches_card.then(|| self.cards[card.0].process(command)) {
            Some(Answer::Response(octets)) => octets,
            Some(Answer::Mute) => return self.gone(&present, "the card is silent"),
            None => Vec::new(),
        };
        let exchange = Exchange { command, honest: &honest, before: &present.before };
        let lie = match &twist {
            Some(Twist::Instead(lie) | Twist::Changed(lie)) => Some(lie(&exchange)),
            _ => None,
        };
        // A change that changes nothing has not happened.
        if lie.as_ref() != Some(&honest) {
            present.used.extend(index);
        }
        let answer = match &twist {
            Some(Twist::LostBefore | Twist::LostAfter) => return self.gone(&present, "the card has left"),
            Some(Twist::KilledBefore | Twist::KilledAfter) => {
                (self.kill_wanted, self.killed) = (true, true);
                return self.gone(&present, "the terminal has lost its power");
            }
            _ => lie.unwrap_or(honest),
        };
        self.seen.push(Seen::Response { octets: hex::encode(&answer) });
        present.before.clone_from(&answer);
        self.present = Some(present);
        Passed::Answer(answer)
    }

    fn gone(&mut self, present: &Present, detail: &str) -> Passed {
        self.over(present);
        self.seen.push(Seen::NoAnswer { kind: LinkErrorKind::Unknown, detail: detail.to_owned() });
        Passed::Gone
    }
}

impl Present {
    /// What goes wrong at this exchange, and its index.
    fn next_twist(&mut self, command: &[u8], role: Option<CommandRole>) -> Option<(usize, Twist)> {
        let number = self.exchanges;
        self.exchanges += 1;
        let instruction = command.get(1).copied();
        let matching = self.touch.twists.iter().enumerate().find(|(index, planned)| match planned.at {
            At::Exchange(wanted) => wanted == number,
            At::Instruction(wanted) => Some(wanted) == instruction && !self.used.contains(index),
            At::Every(wanted) => Some(wanted) == instruction,
            At::Role(wanted) => Some(wanted) == role && !self.used.contains(index),
            At::EveryRole(wanted) => Some(wanted) == role,
        });
        matching.map(|(index, planned)| (index, planned.twist.clone()))
    }
}

/// The reader of a [`LowerTester`] in this process.
pub struct LowerReader(LowerTester);

impl Reader for LowerReader {
    fn activate(&mut self, _reset: Reset) -> Result<Activation, LinkError> {
        let atr = self.0.reset().ok_or_else(|| LinkError::new(LinkErrorKind::Removed, "no card is held here"))?;
        Ok(Activation { atr })
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        response.clear();
        if !self.0.is_present() {
            return Err(LinkError::new(LinkErrorKind::Removed, "no card is held here"));
        }
        match self.0.process(command) {
            Passed::Answer(octets) if octets.len() >= 2 => {
                *response = octets;
                Ok(())
            }
            Passed::Answer(octets) => Err(LinkError::too_short(&octets)),
            Passed::Gone => Err(LinkError::torn("the card left in the middle of it")),
        }
    }

    fn deactivate(&mut self) {
        self.0.power_off();
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "lower tester".to_owned(), command_len_max: 261, command_len_min: 1 }
    }
}
