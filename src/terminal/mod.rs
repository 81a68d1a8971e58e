//! Decides, never does: [`Terminal::advance`] takes one event and gives one action (specs/terminal.md).
//!
//! The terminal knows no family: what a card's octets mean is the [`kernel`]'s. It sends nothing, writes nothing and reads no
//! clock; whoever drives it does, so that every gap between an action and its event is a point at which it can be killed.

mod contradiction;
pub mod event;
pub mod kernel;
mod order;
pub mod refund;
mod state;
mod unresolved;

use std::collections::{BTreeSet, VecDeque};

use crate::difference::plain;
use crate::entropy::Entropy;
use crate::journal::policy::SettlementPolicy;
use crate::journal::record::{CardReference, OrderKind};
use crate::time::Moment;
use event::{Action, Event, Lost, Outcome, OutcomeKind, Prompt, Request};
use kernel::{Finding, Input, Kernel, Question, Refusal, RefusalReason, Step, Task};
use state::{AfterAcknowledge, Attempt, Comparison, Run, State, Touch};

/// How this terminal behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How long WAIT_CARD waits, in milliseconds.
    pub wait_card_ms: u64,
    /// How long UNRESOLVED_RETOUCH waits for the same card, in milliseconds.
    pub retouch_ms: u64,
    /// How long BALANCE_CHECK is offered after the unresolved slip, in milliseconds; 0 for not at all.
    pub balance_check_ms: u64,
    /// Ask the upper system before the unresolved slip is issued (AUTO_CONFIRM).
    pub ask_centre: bool,
    /// How the scheme settles the orders; written down with each.
    pub policy: SettlementPolicy,
    /// Cards that get no order.
    pub stop_list: BTreeSet<CardReference>,
    /// Block a card of the stop list where it is met.
    pub block_stopped: bool,
    /// Which cards get orders; all others are only read.
    pub orders_for: OrdersFor,
}

/// Which cards get orders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OrdersFor {
    /// Every card of the scheme.
    #[default]
    AnyCard,
    /// This one, which a person has named.
    ThisCard(CardReference),
    /// None, for nobody has named one.
    NoCard,
}

impl OrdersFor {
    fn permits(&self, card: &CardReference) -> bool {
        match self {
            Self::AnyCard => true,
            Self::ThisCard(named) => named == card,
            Self::NoCard => false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            wait_card_ms: 30_000,
            retouch_ms: 30_000,
            balance_check_ms: 0,
            ask_centre: false,
            policy: SettlementPolicy::default(),
            stop_list: BTreeSet::new(),
            block_stopped: false,
            orders_for: OrdersFor::AnyCard,
        }
    }
}

/// Attempts that one request makes before it leaves the sale to the operator: each needs a card that left and came back.
const ATTEMPTS_MAX: u32 = 16;

/// A payment terminal without hands.
pub struct Terminal {
    config: Config,
    kernel: Box<dyn Kernel>,
    state: State,
    run: Run,
}

impl Terminal {
    /// A terminal of this family, idle.
    pub fn new(config: Config, kernel: Box<dyn Kernel>) -> Self {
        Self { config, kernel, state: State::Idle, run: Run::new(Request::Resolve, Moment::default()) }
    }

    /// How it behaves; changes count from the next request.
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Starts a request; an unfinished one is dropped, its open attempt stays in the journal.
    pub fn begin(&mut self, request: Request, now: Moment) -> Action {
        // An order that cannot be dated is refused before a card is asked for.
        let dated = if request.kind().is_some() { self.kernel.can_date(now) } else { Ok(()) };
        self.run = Run::new(request, now.plus_millis(self.config.wait_card_ms));
        match dated {
            Ok(()) => self.wait(Prompt::Present),
            Err(refusal) => self.finish(OutcomeKind::Refused(refusal)),
        }
    }

    /// Takes what happened, says what to do.
    pub fn advance(&mut self, event: Event, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match (std::mem::replace(&mut self.state, State::Idle), event) {
            (State::Waiting(_), Event::CardPresent) => self.open(now, entropy),
            (State::Waiting(prompt), Event::TimeOut) => {
                let why = match &prompt {
                    Prompt::PresentAgain(why) | Prompt::Retouch(why) => why.told(),
                    _ => None,
                };
                let reason = why.map(|why| format!("no whole answer came in time: {why}"));
                self.give_up(&prompt, reason.as_deref().unwrap_or("no card came in time"))
            }
            (State::Waiting(prompt), Event::Stop) => self.give_up(&prompt, "stopped by the operator"),
            (State::LookingUp(mut touch), Event::Known { open, beliefs }) => {
                touch.open = open.into();
                touch.comparison.beliefs = beliefs;
                self.next_open_record(touch, now, entropy)
            }
            (State::ChoosingSale(draft), Event::Sale(found)) => self.sale_found(draft, &found, now, entropy),
            (State::AskingPin, Event::Pin(pin)) => self.resume(Input::Pin(pin), State::Ordering, now, entropy),
            (State::AskingPin, Event::NoPin) => self.finish(OutcomeKind::Cancelled("no PIN was given".to_owned())),
            (State::Committing, Event::Committed(committed)) => {
                self.run.attempt = Attempt::Pending(committed.intent().clone());
                self.resume(Input::Committed(committed), State::Executing, now, entropy)
            }
            (State::Recording(after), Event::Recorded) => self.recorded(after, now, entropy),
            (State::AskingCentre(reason), Event::Centre(answer)) => self.centre_answered(answer, &reason),
            // What was shown stands, whatever comes instead of an answer.
            (State::Acknowledging(AfterAcknowledge::End(outcome)), event) if !matches!(event, Event::Answer(_)) => {
                Action::Finish(outcome)
            }
            (_, Event::JournalFailed(reason)) => self.finish(OutcomeKind::JournalFault(reason)),
            // The acknowledgement is off the critical path: a lost one costs nothing (REQ-TRM-7).
            (State::Acknowledging(after), Event::Lost(_)) => self.acknowledged(after, now, entropy),
            (state, Event::Answer(response)) if state.expects_answer() => {
                self.resume(Input::Answer(&response), state, now, entropy)
            }
            (state, Event::Lost(error)) if state.expects_answer() => self.lost(&state, Lost::from(&error), now),
            (state, event) => {
                let (event, state) = (plain(&event), state.name());
                self.finish(OutcomeKind::Internal(format!("{event} came while {state}")))
            }
        }
    }

    // The kernel's steps.

    fn run(&mut self, task: Task, state: State, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let step = self.kernel.begin(task, now, entropy);
        self.follow(step, state, now, entropy)
    }

    fn resume(&mut self, input: Input<'_>, state: State, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let step = self.kernel.resume(input, now, entropy);
        self.follow(step, state, now, entropy)
    }

    fn follow(&mut self, step: Step, state: State, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match (step, state) {
            (Step::Send(command), state) => {
                let shown = match &state {
                    State::Acknowledging(AfterAcknowledge::End(outcome)) => Some(outcome.clone()),
                    _ => None,
                };
                self.state = state;
                match shown {
                    Some(outcome) => Action::Acknowledge { outcome, command },
                    None => Action::Transmit(command),
                }
            }
            // Whatever the kernel makes of it: an acknowledgement costs nothing.
            (_, State::Acknowledging(after)) => self.acknowledged(after, now, entropy),
            (Step::Ask(Question::Pin { tries_left }), State::Ordering) => {
                self.state = State::AskingPin;
                Action::AskPin { tries_left }
            }
            (Step::Commit(intent), State::Ordering) => self.commit(*intent),
            (Step::Done(finding), state) => self.found(state, finding, now, entropy),
            (step @ (Step::Ask(_) | Step::Commit(_)), state) => {
                let (step, state) = (plain(&step), state.name());
                self.finish(OutcomeKind::Internal(format!("the kernel came to {step} while {state}")))
            }
        }
    }

    fn found(&mut self, state: State, finding: Finding, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match (state, finding) {
            (state, Finding::Broken(reason)) => self.lost(&state, Lost::NoAnswer(reason), now),
            (State::Opening { purpose }, Finding::Opened(card)) => {
                let action = Action::LookUp { card: card.card.clone(), shown: card.shown.clone() };
                self.run.card = Some(card.clone());
                let (open, comparison) = (VecDeque::new(), Comparison::default());
                self.state = State::LookingUp(Touch { card, purpose, open, comparison });
                action
            }
            (State::Opening { purpose }, finding) => self.not_opened(purpose, finding),
            (State::Resolving(touch, intent), finding) => self.resolved(touch, intent, finding, now, entropy),
            (State::Comparing(touch), Finding::Compared(found)) => self.compared(touch, found, now, entropy),
            (State::Ordering, Finding::Refused(refusal)) => self.finish(OutcomeKind::Refused(refusal)),
            (State::Executing, finding) => self.executed(finding),
            (State::Listing, Finding::History(items)) => self.finish(OutcomeKind::History(items)),
            (state, finding) => self.mistake(&finding, state.name()),
        }
    }

    /// A kernel found what its task cannot come to.
    fn mistake(&mut self, finding: &Finding, doing: &str) -> Action {
        let finding = plain(finding);
        self.finish(OutcomeKind::Internal(format!("the kernel found {finding} while {doing}")))
    }

    // Cards that come and go.

    fn wait(&mut self, prompt: Prompt) -> Action {
        self.run.card = None;
        self.state = State::Waiting(prompt.clone());
        Action::WaitForCard { prompt, until: self.run.deadline }
    }

    // The end.

    fn finish(&mut self, result: OutcomeKind) -> Action {
        self.state = State::Idle;
        Action::Finish(Box::new(self.outcome(result)))
    }

    fn outcome(&mut self, result: OutcomeKind) -> Outcome {
        let settled = std::mem::take(&mut self.run.settled);
        let alarms = std::mem::take(&mut self.run.alarms);
        let result = match result {
            // The sale that was asked for is refused; what happened is the blocking in its place.
            OutcomeKind::Paid { intent, .. }
                if intent.kind == OrderKind::Block && !self.run.asks_for(OrderKind::Block) =>
            {
                OutcomeKind::Refused(Refusal {
                    reason: RefusalReason::NotActive,
                    said: None,
                    detail: "the card is on the stop list and is blocked now".to_owned(),
                })
            }
            result => result,
        };
        // Whatever ended the request: while nobody knows what became of its order, no screen may call it refused or failed.
        let result = match (std::mem::replace(&mut self.run.attempt, Attempt::None), result) {
            (Attempt::Pending(intent), result) if !matches!(result, OutcomeKind::Unresolved { .. }) => {
                OutcomeKind::Unresolved { intent: Box::new(intent), reason: result.why() }
            }
            (_, result) => result,
        };
        let slip_issued = self.run.slip.is_some();
        let gives_back = self.run.gives_back.clone();
        Outcome { result, settled, alarms, card: self.run.card.clone(), gives_back, slip_issued }
    }
}
