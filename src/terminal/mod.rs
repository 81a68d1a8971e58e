//! Decides, never does: [`Terminal::advance`] takes one event and gives one action (specs/terminal.md).
//!
//! The terminal knows no family: what a card's octets mean is the [`kernel`]'s. It sends nothing, writes nothing and reads no
//! clock; whoever drives it does, so that every gap between an action and its event is a point at which it can be killed.

mod contradiction;
pub mod event;
pub mod kernel;

use std::collections::BTreeSet;

use crate::difference::plain;
use crate::entropy::Entropy;
use crate::journal::OpenRecord;
use crate::journal::policy::SettlementPolicy;
use crate::journal::record::{CardReference, Entry, Intent, OrderKind, Resolution, Source};
use crate::time::Moment;
use contradiction::Comparison;
use event::{Action, CentreAnswer, Event, Lost, Outcome, OutcomeKind, Prompt, Request, Settled, Verdict};
use kernel::{CardView, Contradiction, Draft, Finding, Kernel, Proof, Refusal, RefusalReason, Step, Task};

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

const STOPPED: &str = "the card is on the stop list";

/// What the terminal is waiting for.
#[derive(Debug)]
#[allow(clippy::enum_variant_names, reason = "a state is named for what it waits for")]
enum State {
    ExpectRequest,
    /// In WAIT_CARD, UNRESOLVED_RETOUCH or BALANCE_CHECK.
    ExpectCard(Prompt),
    ExpectOpened,
    ExpectLookUp,
    ExpectResolved(Intent),
    ExpectCompared,
    ExpectPin,
    ExpectPinVerified,
    ExpectCommitted,
    ExpectExecuted,
    ExpectHistory,
    ExpectRecorded(AfterRecord),
    ExpectAcknowledged(AfterAcknowledge),
    ExpectCentre(String),
}

/// What follows once an entry is durable.
#[derive(Debug)]
enum AfterRecord {
    /// The attempt of an open record is decided: the next one, please.
    Settle(Settled),
    /// An alarm is written down; this one, please.
    Alarm(Box<Contradiction>),
    /// The order's own answer is decided.
    End(OutcomeKind),
    /// The order happened: show it, tell the card, then end.
    Acknowledge(OutcomeKind),
    /// The unresolved slip is out.
    Slip(String),
}

/// What follows once the card was told, or could not be.
#[derive(Debug)]
enum AfterAcknowledge {
    NextOpenRecord,
    NextContradiction,
    /// It was shown before the card was told.
    End(Box<Outcome>),
}

/// A payment terminal without hands.
pub struct Terminal {
    config: Config,
    kernel: Box<dyn Kernel>,
    state: State,
    request: Request,
    deadline: Moment,
    /// The attempt of this request whose end is not known.
    pending: Option<Intent>,
    /// The attempt of this request that was proved not to have happened, to be sent again.
    previous: Option<Intent>,
    queue: Vec<OpenRecord>,
    settled: Vec<Settled>,
    comparison: Comparison,
    alarms: Vec<Contradiction>,
    card: Option<CardView>,
    pin_verified: bool,
    /// What the session was opened for.
    purpose: Option<OrderKind>,
    blocking: bool,
    /// Why the slip was issued; from then on the sale is given up and only looked after.
    slip: Option<String>,
}

impl Terminal {
    /// A terminal of this family, idle.
    pub fn new(config: Config, kernel: Box<dyn Kernel>) -> Self {
        Self {
            config,
            kernel,
            state: State::ExpectRequest,
            request: Request::Resolve,
            deadline: Moment::default(),
            pending: None,
            previous: None,
            queue: Vec::new(),
            settled: Vec::new(),
            comparison: Comparison::default(),
            alarms: Vec::new(),
            card: None,
            pin_verified: false,
            purpose: None,
            blocking: false,
            slip: None,
        }
    }

    /// How it behaves; changes count from the next request.
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// The attempt whose end is not known, while a request runs.
    pub const fn pending(&self) -> Option<&Intent> {
        self.pending.as_ref()
    }

    /// The card in session, as it was when it was opened.
    pub const fn card(&self) -> Option<&CardView> {
        self.card.as_ref()
    }

    /// Starts a request; an unfinished one is dropped, its open attempt stays in the journal.
    pub fn begin(&mut self, request: Request, now: Moment) -> Action {
        self.request = request;
        self.deadline = now.plus_millis(self.config.wait_card_ms);
        self.pending = None;
        self.previous = None;
        self.settled.clear();
        self.alarms.clear();
        self.card = None;
        self.blocking = false;
        self.slip = None;
        // An order that cannot be dated is refused before a card is asked for.
        let dated = if matches!(self.request, Request::Order { .. }) { self.kernel.can_date(now) } else { Ok(()) };
        match dated {
            Ok(()) => self.wait(Prompt::Present),
            Err(refusal) => self.finish(OutcomeKind::Refused(refusal)),
        }
    }

    /// Takes what happened, says what to do.
    pub fn advance(&mut self, event: Event, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let state = std::mem::replace(&mut self.state, State::ExpectRequest);
        match (state, event) {
            (State::ExpectCard(_), Event::CardPresent) => {
                self.pin_verified = false;
                let purpose = match self.request {
                    // Where no card gets orders, no right to give one is asked for either.
                    Request::Order { kind, .. } if self.config.orders_for != OrdersFor::NoCard => Some(kind),
                    _ => None,
                };
                self.open(purpose, now, entropy)
            }
            (State::ExpectCard(prompt), Event::TimeOut) => {
                let why = match &prompt {
                    Prompt::PresentAgain(why) | Prompt::Retouch(why) => why.told(),
                    _ => None,
                };
                let reason = why.map(|why| format!("no whole answer came in time: {why}"));
                self.give_up(&prompt, reason.as_deref().unwrap_or("no card came in time"))
            }
            (State::ExpectCard(prompt), Event::Stop) => self.give_up(&prompt, "stopped by the operator"),
            (State::ExpectLookUp, Event::Known { open, beliefs }) => {
                self.queue = open;
                self.comparison.beliefs = beliefs;
                self.next_open_record(now, entropy)
            }
            (State::ExpectPin, Event::Pin(pin)) => {
                self.run(Task::VerifyPin(pin), State::ExpectPinVerified, now, entropy)
            }
            (State::ExpectPin, Event::NoPin) => self.finish(OutcomeKind::Cancelled("no PIN was given".to_owned())),
            (State::ExpectCommitted, Event::Committed(committed)) => {
                self.pending = Some(committed.intent().clone());
                self.run(Task::Execute(committed), State::ExpectExecuted, now, entropy)
            }
            (State::ExpectRecorded(after), Event::Recorded) => self.recorded(after, now, entropy),
            (State::ExpectCentre(reason), Event::Centre(answer)) => self.centre_answered(answer, &reason),
            // What was shown stands, whatever comes instead of an answer.
            (State::ExpectAcknowledged(AfterAcknowledge::End(outcome)), event)
                if !matches!(event, Event::Answer(_)) =>
            {
                Action::Finish(outcome)
            }
            (_, Event::JournalFailed(reason)) => self.finish(OutcomeKind::JournalFault(reason)),
            // The acknowledgement is off the critical path: a lost one costs nothing (REQ-TRM-7).
            (State::ExpectAcknowledged(after), Event::Lost(_)) => self.acknowledged(after, now, entropy),
            (state, Event::Answer(response)) if state.expects_answer() => {
                let step = self.kernel.answer(&response, entropy);
                self.follow(step, state, now, entropy)
            }
            (state, Event::Lost(error)) if state.expects_answer() => self.lost(&state, Lost::from(&error), now),
            (state, event) => self.finish(OutcomeKind::Internal(format!(
                "{event} came in state {state}",
                event = plain(&event),
                state = plain(&state)
            ))),
        }
    }

    fn open(&mut self, purpose: Option<OrderKind>, now: Moment, entropy: &mut dyn Entropy) -> Action {
        self.purpose = purpose;
        self.run(Task::Open { purpose }, State::ExpectOpened, now, entropy)
    }

    fn run(&mut self, task: Task, state: State, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let step = self.kernel.begin(task, now);
        self.follow(step, state, now, entropy)
    }

    fn follow(&mut self, step: Step, state: State, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match step {
            Step::Send(command) => {
                let shown = match &state {
                    State::ExpectAcknowledged(AfterAcknowledge::End(outcome)) => Some(outcome.clone()),
                    _ => None,
                };
                self.state = state;
                match shown {
                    Some(outcome) => Action::Acknowledge { outcome, command },
                    None => Action::Transmit(command),
                }
            }
            Step::Done(finding) => self.found(state, finding, now, entropy),
        }
    }

    fn found(&mut self, state: State, finding: Finding, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match (state, finding) {
            (State::ExpectOpened, Finding::Opened(view)) => {
                let (card, shown) = (view.card.clone(), view.shown.clone());
                self.card = Some(view);
                self.comparison = Comparison::default();
                self.state = State::ExpectLookUp;
                Action::LookUp { card, shown }
            }
            (State::ExpectOpened, Finding::NotOurs(reason)) => self.not_ours(reason),
            (State::ExpectResolved(intent), Finding::Happened(proof)) => self.settle_paid(intent, proof),
            (State::ExpectResolved(intent), Finding::DidNotHappen(reason)) => {
                let resolution = Resolution::NotPaid { reason: reason.clone(), by: Source::Retouch };
                self.settle(intent, resolution, Verdict::NotPaid { reason })
            }
            (State::ExpectResolved(intent), Finding::CannotTell(reason)) => {
                self.settled.push(Settled { intent, verdict: Verdict::StillOpen { reason } });
                self.next_open_record(now, entropy)
            }
            (State::ExpectCompared, Finding::Compared(contradictions)) => self.compared(contradictions, now, entropy),
            (State::ExpectPinVerified, Finding::PinVerified) => {
                self.pin_verified = true;
                self.order(now, entropy)
            }
            (State::ExpectPinVerified, Finding::PinWrong(0)) => {
                self.refuse(RefusalReason::PinBlocked, "no PIN tries are left")
            }
            (State::ExpectPinVerified, Finding::PinWrong(left)) => {
                self.state = State::ExpectPin;
                Action::AskPin { tries_left: Some(left) }
            }
            (State::ExpectExecuted, Finding::Happened(proof)) => self.executed(proof),
            (State::ExpectExecuted, Finding::Refused(refusal)) => self.refused_by_card(refusal),
            (State::ExpectHistory, Finding::History(items)) => self.finish(OutcomeKind::History(items)),
            (State::ExpectOpened, Finding::Refused(_)) if self.pending.is_some() => self.wait_for_the_same_card(),
            // The session that was to block the card of the stop list.
            (State::ExpectOpened, Finding::Refused(_)) if self.opens_to_block_instead() => self
                .refuse(RefusalReason::NotActive, "the card is on the stop list, and this terminal may not block it"),
            (State::ExpectOpened | State::ExpectPinVerified, Finding::Refused(refusal)) => {
                self.finish(OutcomeKind::Refused(refusal))
            }
            (State::ExpectAcknowledged(after), _) => self.acknowledged(after, now, entropy),
            (state, Finding::Broken(reason)) => self.lost(&state, Lost::NoAnswer(reason), now),
            (state, finding) => self.finish(OutcomeKind::Internal(format!(
                "{finding} was found in state {state}",
                state = plain(&state),
                finding = plain(&finding)
            ))),
        }
    }

    // Cards that come and go.

    fn wait(&mut self, prompt: Prompt) -> Action {
        self.card = None;
        self.state = State::ExpectCard(prompt.clone());
        Action::WaitForCard { prompt, until: self.deadline }
    }

    /// The card left, or what it said is not authentic.
    fn lost(&mut self, state: &State, why: Lost, now: Moment) -> Action {
        match state {
            // The order is under way: from here on nobody knows, and only evidence helps (unresolved.md, rule 2).
            State::ExpectExecuted => {
                self.deadline = now.plus_millis(self.config.retouch_ms);
                self.wait(Prompt::Retouch(why))
            }
            _ if self.slip.is_some() => self.wait(Prompt::BalanceCheck),
            _ if self.pending.is_some() => self.wait(Prompt::Retouch(why)),
            _ => self.wait(Prompt::PresentAgain(why)),
        }
    }

    fn wait_for_the_same_card(&mut self) -> Action {
        self.wait(if self.slip.is_some() { Prompt::BalanceCheck } else { Prompt::OtherCard })
    }

    fn opens_to_block_instead(&self) -> bool {
        self.purpose == Some(OrderKind::Block) && !matches!(self.request, Request::Order { kind: OrderKind::Block, .. })
    }

    fn not_ours(&mut self, reason: String) -> Action {
        if self.pending.is_some() { self.wait_for_the_same_card() } else { self.finish(OutcomeKind::CardFault(reason)) }
    }

    fn give_up(&mut self, prompt: &Prompt, reason: &str) -> Action {
        let reason = reason.to_owned();
        match (prompt, self.pending.clone()) {
            (Prompt::BalanceCheck, Some(_)) => self.finish_unresolved(),
            (_, Some(intent)) if self.config.ask_centre => {
                self.state = State::ExpectCentre(reason);
                Action::AskCentre(intent)
            }
            (_, Some(intent)) => self.issue_slip(&intent, reason),
            (_, None) => self.finish(OutcomeKind::Cancelled(reason)),
        }
    }

    // Open records first: no new order before all of this card's are looked into (unresolved.md, rule 4).

    fn next_open_record(&mut self, now: Moment, entropy: &mut dyn Entropy) -> Action {
        if self.queue.is_empty() {
            return self.after_open_records(now, entropy);
        }
        let intent = self.queue.remove(0).intent;
        self.run(Task::Resolve(intent.clone()), State::ExpectResolved(intent), now, entropy)
    }

    fn settle_paid(&mut self, intent: Intent, proof: Proof) -> Action {
        let Proof { balance_after, evidence } = proof;
        let resolution = Resolution::Paid { balance_after, evidence: evidence.clone(), by: Source::Retouch };
        self.settle(intent, resolution, Verdict::Paid { balance_after, evidence })
    }

    fn settle(&mut self, intent: Intent, resolution: Resolution, verdict: Verdict) -> Action {
        self.comparison.learn(&intent, &resolution);
        let entry = Entry::Resolved { order: intent.order, attempt: intent.attempt, resolution };
        self.state = State::ExpectRecorded(AfterRecord::Settle(Settled { intent, verdict }));
        Action::Record(entry)
    }

    fn after_open_records(&mut self, now: Moment, entropy: &mut dyn Entropy) -> Action {
        // While an order is pending the card was compared when it came first, and the record itself is resolved by its history.
        match self.pending.clone() {
            Some(pending) => self.pending_met(pending, now, entropy),
            None => self.compare(now, entropy),
        }
    }

    fn after_comparison(&mut self, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match self.request {
            Request::Balance => self.finish(OutcomeKind::Balance),
            Request::History => self.run(Task::History, State::ExpectHistory, now, entropy),
            Request::Resolve => self.finish(OutcomeKind::Resolved),
            Request::Order { .. } => self.order(now, entropy),
        }
    }

    /// A card was met while an attempt is pending. What it said of that attempt, if it is the card, stands in `settled`.
    fn pending_met(&mut self, pending: Intent, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let same_attempt =
            |settled: &Settled| settled.intent.order == pending.order && settled.intent.attempt == pending.attempt;
        let Some(index) = self.settled.iter().position(same_attempt) else {
            return self.wait_for_the_same_card();
        };
        match self.settled.remove(index).verdict {
            Verdict::Paid { balance_after, evidence } => {
                self.pending = None;
                self.finish(OutcomeKind::Paid { intent: Box::new(pending), balance_after, evidence })
            }
            Verdict::NotPaid { reason } if self.slip.is_some() || pending.attempt >= ATTEMPTS_MAX => {
                self.pending = None;
                self.finish(OutcomeKind::NotPaid { intent: Box::new(pending), reason })
            }
            Verdict::NotPaid { .. } => {
                self.pending = None;
                self.previous = Some(pending);
                self.order(now, entropy)
            }
            Verdict::StillOpen { .. } if self.slip.is_some() => self.finish_unresolved(),
            Verdict::StillOpen { reason } => self.issue_slip(&pending, reason),
        }
    }

    // The order.

    fn order(&mut self, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let (Request::Order { order, kind, amount, refund_of }, Some(card)) = (self.request.clone(), &self.card) else {
            return self.finish(OutcomeKind::Internal("an order without a request or a card".to_owned()));
        };
        if self.comparison.holds_up {
            return self.refuse(RefusalReason::Contradiction, "the card contradicts the journal, see the alarm");
        }
        if !self.config.orders_for.permits(&card.card) {
            let detail = format!("card {} was not named as the card that gets orders", card.card);
            return self.refuse(RefusalReason::NotNamed, &detail);
        }
        let attempt = self.previous.as_ref().map_or(1, |previous| previous.attempt + 1);
        let mut draft = Draft { order, attempt, kind, amount, refund_of, previous: None };
        if kind != OrderKind::Block && self.config.stop_list.contains(&card.card) {
            if !self.config.block_stopped || card.inactive.is_some() {
                return self.refuse(RefusalReason::NotActive, STOPPED);
            }
            // The right to give value is not the right to block: where the keys differ it takes a session of its own.
            if self.purpose != Some(OrderKind::Block) {
                return self.open(Some(OrderKind::Block), now, entropy);
            }
            self.blocking = true;
            draft.kind = OrderKind::Block;
            draft.amount.minor = 0;
        }
        // A transaction id is lent to the same order on the same card again (REQ-TRM-5): another card may have come meanwhile,
        // since nothing is pending any more.
        let same = |previous: &Intent| previous.kind == draft.kind && previous.card == card.card;
        draft.previous = self.previous.clone().filter(same);
        if let Some(reason) = card.inactive.clone() {
            return self.refuse(RefusalReason::NotActive, &reason);
        }
        let asks_pin = draft.kind == OrderKind::Sale && card.pin_above.is_some_and(|limit| amount.minor > limit);
        let pin_blocked = card.pin_blocked;
        // Prepared before the PIN is asked for: whoever has too little on the card need not type it. Afterwards anew.
        let intent = match self.kernel.prepare(&draft, now, entropy) {
            Ok(intent) => Intent { policy: Some(self.config.policy), ..intent },
            Err(refusal) => return self.finish(OutcomeKind::Refused(refusal)),
        };
        if asks_pin && !self.pin_verified {
            if pin_blocked {
                return self.refuse(RefusalReason::PinBlocked, "no PIN tries are left");
            }
            self.state = State::ExpectPin;
            return Action::AskPin { tries_left: None };
        }
        self.state = State::ExpectCommitted;
        Action::Commit(intent)
    }

    fn executed(&mut self, proof: Proof) -> Action {
        let Some(intent) = self.pending.clone() else {
            return self.finish(OutcomeKind::Internal("an answer to no order".to_owned()));
        };
        let Proof { balance_after, evidence } = proof;
        let resolution = Resolution::Paid { balance_after, evidence: evidence.clone(), by: Source::Answer };
        let entry = Entry::Resolved { order: intent.order, attempt: intent.attempt, resolution };
        let outcome = OutcomeKind::Paid { intent: Box::new(intent), balance_after, evidence };
        self.state = State::ExpectRecorded(AfterRecord::Acknowledge(outcome));
        Action::Record(entry)
    }

    fn refused_by_card(&mut self, refusal: Refusal) -> Action {
        let Some(intent) = self.pending.clone() else {
            return self.finish(OutcomeKind::Internal("a refusal of no order".to_owned()));
        };
        let resolution = Resolution::NotPaid { reason: refusal.detail.clone(), by: Source::Answer };
        let entry = Entry::Resolved { order: intent.order, attempt: intent.attempt, resolution };
        self.state = State::ExpectRecorded(AfterRecord::End(OutcomeKind::Refused(refusal)));
        Action::Record(entry)
    }

    fn refuse(&mut self, reason: RefusalReason, detail: &str) -> Action {
        self.finish(OutcomeKind::Refused(Refusal { reason, status: None, detail: detail.to_owned() }))
    }

    // What is durable now.

    fn recorded(&mut self, after: AfterRecord, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match after {
            AfterRecord::Settle(settled) => {
                let paid = matches!(settled.verdict, Verdict::Paid { .. });
                let intent = settled.intent.clone();
                self.settled.push(settled);
                // ACK is a write: a card that gets no orders is only read (REQ-RUL-10), and a missing ACK costs nothing.
                if paid && self.config.orders_for.permits(&intent.card) {
                    let next = State::ExpectAcknowledged(AfterAcknowledge::NextOpenRecord);
                    self.run(Task::Acknowledge(intent), next, now, entropy)
                } else {
                    self.next_open_record(now, entropy)
                }
            }
            AfterRecord::Alarm(alarm) => self.alarmed(*alarm, now, entropy),
            AfterRecord::Acknowledge(outcome) => {
                self.pending = None;
                let OutcomeKind::Paid { intent, .. } = &outcome else { return self.finish(outcome) };
                let task = Task::Acknowledge((**intent).clone());
                let outcome = Box::new(self.outcome(outcome));
                self.run(task, State::ExpectAcknowledged(AfterAcknowledge::End(outcome)), now, entropy)
            }
            AfterRecord::End(outcome) => {
                self.pending = None;
                self.finish(outcome)
            }
            AfterRecord::Slip(reason) => {
                self.slip = Some(reason);
                if self.config.balance_check_ms == 0 {
                    return self.finish_unresolved();
                }
                self.deadline = now.plus_millis(self.config.balance_check_ms);
                self.wait(Prompt::BalanceCheck)
            }
        }
    }

    fn acknowledged(&mut self, after: AfterAcknowledge, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match after {
            AfterAcknowledge::NextOpenRecord => self.next_open_record(now, entropy),
            AfterAcknowledge::NextContradiction => self.next_contradiction(now, entropy),
            AfterAcknowledge::End(outcome) => Action::Finish(outcome),
        }
    }

    // Unresolved.

    fn issue_slip(&mut self, intent: &Intent, reason: String) -> Action {
        let (order, attempt, balance_before) = (intent.order, intent.attempt, intent.balance_before);
        self.state = State::ExpectRecorded(AfterRecord::Slip(reason.clone()));
        Action::Record(Entry::UnresolvedFinal { order, attempt, balance_before, reason })
    }

    fn centre_answered(&mut self, answer: CentreAnswer, reason: &str) -> Action {
        let Some(intent) = self.pending.clone() else {
            return self.finish(OutcomeKind::Internal("the centre answered for no order".to_owned()));
        };
        let (resolution, outcome) = match answer {
            CentreAnswer::Paid { balance_after, evidence } => (
                Resolution::Paid { balance_after, evidence: evidence.clone(), by: Source::UpperSystem },
                OutcomeKind::Paid { intent: Box::new(intent.clone()), balance_after, evidence },
            ),
            CentreAnswer::NotPaid => {
                let why = "the upper system has no such transaction and will not take it any more".to_owned();
                (
                    Resolution::NotPaid { reason: why.clone(), by: Source::UpperSystem },
                    OutcomeKind::NotPaid { intent: Box::new(intent.clone()), reason: why },
                )
            }
            CentreAnswer::Unknown => {
                return self.issue_slip(&intent, format!("{reason}; the upper system does not know"));
            }
            CentreAnswer::Unreachable => {
                return self.issue_slip(&intent, format!("{reason}; the upper system cannot be asked"));
            }
        };
        self.state = State::ExpectRecorded(AfterRecord::End(outcome));
        Action::Record(Entry::Resolved { order: intent.order, attempt: intent.attempt, resolution })
    }

    fn finish_unresolved(&mut self) -> Action {
        let reason = self.slip.clone().unwrap_or_default();
        match self.pending.clone() {
            Some(intent) => self.finish(OutcomeKind::Unresolved { intent: Box::new(intent), reason }),
            None => self.finish(OutcomeKind::Internal("unresolved without an order".to_owned())),
        }
    }

    fn finish(&mut self, result: OutcomeKind) -> Action {
        self.state = State::ExpectRequest;
        Action::Finish(Box::new(self.outcome(result)))
    }

    fn outcome(&mut self, result: OutcomeKind) -> Outcome {
        let settled = std::mem::take(&mut self.settled);
        let alarms = std::mem::take(&mut self.alarms);
        let result = match result {
            // The sale that was asked for is refused; what happened is the blocking in its place.
            OutcomeKind::Paid { .. } if self.blocking => OutcomeKind::Refused(Refusal {
                reason: RefusalReason::NotActive,
                status: None,
                detail: "the card is on the stop list and is blocked now".to_owned(),
            }),
            result => result,
        };
        // Whatever ended the request: while nobody knows what became of its order, no screen may call it refused or failed.
        let result = match (self.pending.take(), result) {
            (None, result) | (Some(_), result @ OutcomeKind::Unresolved { .. }) => result,
            (Some(intent), result) => OutcomeKind::Unresolved { intent: Box::new(intent), reason: result.why() },
        };
        let slip_issued = self.slip.is_some();
        Outcome { result, settled, alarms, card: self.card.clone(), slip_issued }
    }
}

impl State {
    /// Whether a command is under way.
    const fn expects_answer(&self) -> bool {
        matches!(
            self,
            Self::ExpectOpened
                | Self::ExpectResolved(_)
                | Self::ExpectCompared
                | Self::ExpectPinVerified
                | Self::ExpectExecuted
                | Self::ExpectHistory
                | Self::ExpectAcknowledged(_)
        )
    }
}
