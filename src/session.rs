//! Carries out what the terminal decides: the one loop between terminal, reader, journal and people.
//!
//! It takes an [`Action`], does it, and brings back the [`Event`]; it decides nothing. Before each action it calls
//! [`Desk::checkpoint`], so that a test can kill the process at every one of them.

use crate::entropy::Entropy;
use crate::family;
use crate::journal::Journal;
use crate::journal::record::Intent;
use crate::reader::Reader;
use crate::secret::Pin;
use crate::terminal::Terminal;
use crate::terminal::event::{Action, CentreAnswer, Event, Outcome, Prompt, Request};
use crate::terminal::kernel::Outgoing;
use crate::time::Moment;

/// Most times that one request lets a card come: with 30 seconds of waiting nobody touches a reader more often.
const PRESENTATIONS_MAX: u32 = 256;

/// The people at the terminal, and its clock.
pub trait Desk {
    /// The time.
    fn now(&mut self) -> Moment;

    /// Shows the prompt and waits until a card is activated in `reader`, `until` has passed, or the operator stops.
    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, until: Moment) -> Arrival;

    /// Asks the cardholder for the PIN; `None` when none is given.
    fn ask_pin(&mut self, tries_left: Option<u8>) -> Option<Pin>;

    /// Asks the upper system; a desk without one says [`CentreAnswer::Unreachable`].
    fn ask_centre(&mut self, _attempt: &Intent) -> CentreAnswer {
        CentreAnswer::Unreachable
    }

    /// Shows the outcome of an order whose record is durable, before the card is told so: the cardholder need not wait for that
    /// exchange and may take the card. [`run`] gives the same outcome when it ends.
    fn show(&mut self, _outcome: &Outcome) {}

    /// Called before each action, with its number from 0.
    fn checkpoint(&mut self, _number: u64, _action: &Action) {}
}

/// What ended the wait for a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// A card is there and has answered to reset.
    Card,
    /// Nothing came in time.
    TimeOut,
    /// The operator pressed stop.
    Stop,
}

/// What a request needs of the world.
pub struct World<'a> {
    /// Carries short and long answers whole: wrap a raw one in [`crate::reader::exchange::Exchange`].
    pub reader: &'a mut dyn Reader,
    /// Where records become durable.
    pub journal: &'a mut dyn Journal,
    /// People and clock.
    pub desk: &'a mut dyn Desk,
    /// Nonces, ephemeral keys, transaction ids.
    pub entropy: &'a mut dyn Entropy,
}

/// Runs one request to its end. The card is powered off afterwards.
pub fn run(terminal: &mut Terminal, request: Request, world: &mut World<'_>) -> Outcome {
    let mut run = Run::begin(terminal, request, world);
    loop {
        match run.step(world) {
            Progress::Running(next) => run = next,
            Progress::Finished(outcome) => return outcome,
        }
    }
}

/// A request under way. Dropping it is what a kill leaves: the terminal's memory is gone, card and journal are as they are.
pub struct Run<'t> {
    terminal: &'t mut Terminal,
    action: Action,
    number: u64,
    presentations: u32,
}

/// What one step came to.
pub enum Progress<'t> {
    /// There is more to do.
    Running(Run<'t>),
    /// The request has ended.
    Finished(Outcome),
}

impl<'t> Run<'t> {
    /// The first action is decided, nothing is done yet.
    pub fn begin(terminal: &'t mut Terminal, request: Request, world: &mut World<'_>) -> Self {
        let action = terminal.begin(request, world.desk.now());
        Self { terminal, action, number: 0, presentations: 0 }
    }

    /// What comes next.
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// Carries out one action and lets the terminal decide on the next.
    pub fn step(self, world: &mut World<'_>) -> Progress<'t> {
        let Self { terminal, action, number, mut presentations } = self;
        world.desk.checkpoint(number, &action);
        presentations += u32::from(matches!(action, Action::WaitForCard { .. }));
        let event = match action {
            Action::Finish(outcome) => {
                world.reader.deactivate();
                return Progress::Finished(*outcome);
            }
            Action::WaitForCard { .. } if presentations > PRESENTATIONS_MAX => Event::TimeOut,
            action => carry_out(action, world),
        };
        let now = world.desk.now();
        let action = terminal.advance(event, now, world.entropy);
        Progress::Running(Self { terminal, action, number: number + 1, presentations })
    }
}

fn carry_out(action: Action, world: &mut World<'_>) -> Event {
    match action {
        Action::WaitForCard { prompt, until } => {
            world.reader.deactivate();
            match world.desk.await_card(world.reader, &prompt, until) {
                Arrival::Card => Event::CardPresent,
                Arrival::TimeOut => Event::TimeOut,
                Arrival::Stop => Event::Stop,
            }
        }
        Action::Transmit(command) => transmit(&command, world),
        Action::Acknowledge { outcome, command } => {
            world.desk.show(&outcome);
            transmit(&command, world)
        }
        Action::LookUp { card, shown } => {
            let known =
                world.journal.open(Some(&card)).and_then(|open| Ok((open, world.journal.beliefs(&card, &shown)?)));
            journalled(known, |(open, beliefs)| Event::Known { open, beliefs })
        }
        Action::FindSale { card, of } => journalled(family::refund::find(world.journal, Some(&card), &of), Event::Sale),
        Action::Commit(intent) => {
            let now = world.desk.now();
            journalled(world.journal.commit(intent, now), Event::Committed)
        }
        Action::Record(entry) => {
            let now = world.desk.now();
            journalled(world.journal.append(entry, now), |()| Event::Recorded)
        }
        Action::AskPin { tries_left } => world.desk.ask_pin(tries_left).map_or(Event::NoPin, Event::Pin),
        Action::AskCentre(attempt) => Event::Centre(world.desk.ask_centre(&attempt)),
        // `step` ends before it would carry out an end.
        Action::Finish(_) => Event::Stop,
    }
}

fn transmit(command: &Outgoing, world: &mut World<'_>) -> Event {
    let mut response = Vec::new();
    match world.reader.transmit(command.octets(), &mut response) {
        Ok(()) => Event::Answer(response),
        Err(error) => Event::Lost(error),
    }
}

fn journalled<T>(result: Result<T, crate::journal::JournalError>, event: impl FnOnce(T) -> Event) -> Event {
    result.map_or_else(|error| Event::JournalFailed(error.to_string()), event)
}
