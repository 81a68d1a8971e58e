//! The people at a shell: prompts on the standard error, Ctrl-C is the operator's stop.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use std::time::Duration;

use super::pin::NoPin;
use super::{pin, tell};
use crate::app::{App, AppError, Clock, Signal, stop};
use crate::reader::{LinkErrorKind, Reader, Reset};
use crate::secret::Pin;
use crate::session::{Arrival, Desk};
use crate::terminal::event::{Action, Again, Lost, Prompt};
use crate::time::Moment;

/// How often a reader is looked at for a card.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a card that stays and gives no whole answer is left alone before it is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// Where prompts go.
pub(super) enum Prompts {
    /// To the standard error.
    Shown,
    /// Nowhere.
    Silent,
    /// Here.
    Kept(Vec<String>),
}

/// A shell as the desk of a terminal.
#[allow(clippy::struct_excessive_bools, reason = "each is an answer of its own to what came of the last wait")]
pub(super) struct ShellDesk {
    clock: Clock,
    stop: Arc<AtomicBool>,
    pin_file: Option<PathBuf>,
    /// How long a pipe with the PIN is waited at.
    pub(super) pin_wait: Duration,
    is_virtual: bool,
    kill_at_action: Option<u64>,
    actions: u64,
    last_problem: Option<String>,
    /// The last prompt, and how often a card had come or left then.
    told: Option<(Prompt, Option<u64>)>,
    /// The last prompt was for a card that had given no whole answer.
    no_answer: bool,
    /// Where prompts go.
    pub(super) prompts: Prompts,
    /// The torn virtual card is put back.
    pub(super) retouch: bool,
    /// The last wait ended without a card.
    pub(super) no_card: bool,
    /// Why the last question for a PIN got none.
    pub(super) no_pin: Option<NoPin>,
}

impl ShellDesk {
    /// The desk of this terminal. From now on Ctrl-C and a termination signal stop the next wait for a card, and nothing
    /// else: between a command and its answer a terminal does not stop.
    pub(super) fn new(app: &App, pin_file: Option<PathBuf>, quiet: bool) -> Result<Self, AppError> {
        Ok(Self {
            clock: app.clock.clone(),
            stop: stop_flag()?,
            pin_file,
            pin_wait: Duration::from_secs(30),
            is_virtual: app.card.is_some(),
            kill_at_action: crate::app::KillAt::from_environment().action,
            actions: 0,
            last_problem: None,
            told: None,
            no_answer: false,
            prompts: if quiet { Prompts::Silent } else { Prompts::Shown },
            retouch: true,
            no_card: false,
            no_pin: None,
        })
    }

    /// Whether the operator has stopped.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Why an order ended before it began, in one word of the JSON.
    pub(super) fn reason(&self) -> &'static str {
        match &self.no_pin {
            _ if self.is_stopped() => "stopped",
            Some(why) => why.name(),
            None if self.no_card && self.no_answer => "no-answer",
            None if self.no_card => "no-card",
            None => "other",
        }
    }

    fn arrived(&mut self, arrival: Arrival) -> Arrival {
        self.no_card = arrival == Arrival::TimeOut;
        arrival
    }

    fn show(&mut self, prompt: &Prompt) {
        let text = words(prompt);
        // BEL where something went wrong: the person looks at the card, not at the screen.
        let bell = if matches!(prompt, Prompt::Present | Prompt::BalanceCheck(None)) { &b""[..] } else { b"\x07" };
        match &mut self.prompts {
            Prompts::Shown => {
                // Nothing depends on its being heard.
                let _ = io::stderr().write_all(bell);
                tell(&text);
            }
            Prompts::Kept(kept) => kept.push(text),
            Prompts::Silent => {}
        }
    }

    /// Tells once why there is no card, where that is more than its not being there yet.
    fn show_problem(&mut self, kind: LinkErrorKind, detail: String) {
        if kind != LinkErrorKind::Removed && self.last_problem.as_ref() != Some(&detail) {
            tell(&format!("Waiting: {detail}"));
            self.last_problem = Some(detail);
        }
    }
}

impl Desk for ShellDesk {
    fn now(&mut self) -> Moment {
        self.clock.now()
    }

    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, until: Moment) -> Arrival {
        // Who has stopped the wait for the card is not asked to wait for its balance.
        if self.stop.load(Ordering::Relaxed) {
            return self.arrived(Arrival::Stop);
        }
        self.no_answer = prompt.no_answer().is_some();
        // Once for a card that stays and is tried again and again.
        let told = (prompt.clone(), reader.card_events());
        if !self.no_answer || told.1.is_none() || self.told.as_ref() != Some(&told) {
            self.show(prompt);
        } else if !self.is_virtual {
            std::thread::sleep(RETRY_EVERY);
        }
        self.told = Some(told);
        if self.is_virtual && !self.retouch && *prompt != Prompt::Present {
            return self.arrived(Arrival::TimeOut);
        }
        self.last_problem = None;
        // The wrong card may lie there for long: it has to leave before another look is worth it.
        let mut must_leave = prompt.is_other_card() && !self.is_virtual;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return self.arrived(Arrival::Stop);
            }
            if !self.is_virtual && *prompt != Prompt::Present && self.clock.now() >= until {
                return self.arrived(Arrival::TimeOut);
            }
            match reader.activate(Reset::Cold) {
                Ok(_) if must_leave => reader.deactivate(),
                Ok(_) => return self.arrived(Arrival::Card),
                Err(error) => {
                    must_leave &= error.kind != LinkErrorKind::Removed;
                    self.show_problem(error.kind, error.detail);
                }
            }
            // A virtual card that does not come up now never does.
            if self.is_virtual || self.clock.now() >= until {
                return self.arrived(Arrival::TimeOut);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn ask_pin(&mut self, tries_left: Option<u8>) -> Option<Pin> {
        let asked = pin::ask(self.pin_file.as_deref(), tries_left, &self.stop, self.pin_wait);
        asked.map_err(|why| self.no_pin = Some(why)).ok()
    }

    fn checkpoint(&mut self, _number: u64, action: &Action) {
        stop::note(action);
        crate::app::reached(self.kill_at_action, self.actions);
        self.actions += 1;
    }
}

/// A prompt in words.
fn words(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Present => "Touch or insert the card.".to_owned(),
        Prompt::PresentAgain(Lost::CardLeft) => {
            "The card left too early, nothing was moved. Touch it again.".to_owned()
        }
        Prompt::PresentAgain(Lost::NoAnswer(why)) => {
            format!("No whole answer came, nothing was moved: {why}. Touch the card again.")
        }
        Prompt::Retouch(Lost::CardLeft) => "NOT COMPLETED (処理未了). Touch the SAME card once more.".to_owned(),
        Prompt::Retouch(Lost::NoAnswer(why)) => {
            format!("NOT COMPLETED (処理未了): {why}. Touch the SAME card once more.")
        }
        Prompt::OtherCard => "That is another card. Touch the SAME card as before.".to_owned(),
        Prompt::BalanceCheck(again) => {
            let what = match again {
                None => "The unresolved slip is issued.".to_owned(),
                Some(Again::OtherCard) => "That is another card, of which nothing was taken.".to_owned(),
                Some(Again::Lost(Lost::CardLeft)) => "The card left too early.".to_owned(),
                Some(Again::Lost(Lost::NoAnswer(why))) => format!("No whole answer came: {why}."),
            };
            format!("{what} Touch the card of the slip to see its balance; Ctrl-C ends it.")
        }
    }
}

/// The signal that came, if one did.
pub(super) fn signal() -> Option<Signal> {
    stop::signal().and_then(Signal::numbered)
}

/// Raised by Ctrl-C, by a termination signal, and when the shell goes away; what does not look at it is cut off a little later.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>, AppError> {
    stop::watch().map_err(|error| AppError::Usage(format!("cannot watch for signals: {error}")))
}
