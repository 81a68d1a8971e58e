//! Drives untorn's terminal for the conformance suite: journal in memory, people who do as the case says, power that can fail.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use super::faulty_journal::FaultyJournal;
use super::session_defect::SessionDefect;
use super::terminal_defect::{TerminalDefect, misled};
use crate::card::Answer;
use crate::conformance::error::RigError;
use crate::conformance::lower_tester::LowerTester;
use crate::conformance::statement::SecretText;
use crate::conformance::terminal_tester::{
    Centre, Ended, OperatorOrder, Record, RecordState, Setting, Shown, TerminalUnderTest,
};
use crate::difference::plain;
use crate::entropy::SeededEntropy;
use crate::family::lab::{Lab, PlainOrders, Tills, TrialCard};
use crate::family::profile::KeyLog;
use crate::family::transaction_of;
use crate::journal::policy::SettlementPolicy;
use crate::journal::record::{CardReference, Entry, Intent, OrderKind};
use crate::journal::view::{OrderState, OrderView, Orders};
use crate::journal::{Journal, OpenRecord};
use crate::money::{Currency, Money};
use crate::reader::exchange::Exchange;
use crate::reader::trace::{Trace, TraceRing};
use crate::reader::{Activation, Capabilities, LinkError, LinkErrorKind, Reader, Reset};
use crate::report::outcome::{sentence, settled_sentence};
use crate::report::slip;
use crate::secret::Pin;
use crate::session::{Arrival, Desk, Progress, Run, World};
use crate::terminal::event::{Action, CentreAnswer, Outcome, OutcomeKind, Prompt, RefundOf, Request, Verdict};
use crate::terminal::kernel::Kernel;
use crate::terminal::{Config, Terminal};
use crate::time::Moment;

/// Actions of one request, far above what any needs.
const STEPS_MAX: u32 = 5_000;
/// Attempts after which a terminal gives an order up.
const ATTEMPTS_MAX: usize = 16;
/// Events that the trace keeps.
const TRACE_EVENTS: usize = 10_000;
const DAY_MS: u64 = 86_400_000;
const BEGIN: Moment = Moment::from_seconds(1_701_224_448);

/// Which defects are on; at most one is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Defects {
    pub(super) terminal: Option<TerminalDefect>,
    pub(super) kernel: Option<&'static str>,
    pub(super) session: Option<SessionDefect>,
}

/// untorn's terminal in this process.
pub(super) struct Driver {
    lower: LowerTester,
    tills: Box<dyn Tills>,
    currency: Currency,
    terminal: Terminal,
    journal: FaultyJournal,
    entropy: SeededEntropy,
    now: Moment,
    setting: Setting,
    defects: Defects,
    /// A terminal with a defect carries on with the card that lies there.
    is_ordered_anew: bool,
    trace: TraceRing,
    log: String,
}

impl Driver {
    pub(super) fn new(
        lower: LowerTester,
        lab: &'static dyn Lab,
        variant: &str,
        defects: Defects,
        seed: u64,
    ) -> Result<Self, RigError> {
        let log = lower.clone();
        let key_log: KeyLog = Arc::new(move |of: &[u8], secret: &[u8]| log.key(of, secret));
        let tills = lab.tills(Some(variant), defects.kernel, Some(key_log))?;
        let terminal = switched_on(tills.kernel(0), defects);
        Ok(Self {
            lower,
            tills,
            currency: lab.currency(),
            terminal,
            journal: FaultyJournal::new(defects.session, defects.terminal),
            entropy: SeededEntropy::new(seed),
            now: BEGIN,
            setting: Setting::default(),
            defects,
            is_ordered_anew: false,
            trace: TraceRing::new(TRACE_EVENTS),
            log: String::new(),
        })
    }

    fn has(&self, defect: SessionDefect) -> bool {
        self.defects.session == Some(defect)
    }

    fn policy(&self) -> SettlementPolicy {
        let named = self.setting.policy.as_ref().and_then(|name| name.parse().ok());
        if self.has(SessionDefect::PolicyIgnored) { SettlementPolicy::AtOnce } else { named.unwrap_or_default() }
    }

    fn request(&mut self, request: Request, order: Option<&OperatorOrder>) -> Result<Shown, RigError> {
        self.set_stop_list()?;
        let link = Link { lower: self.lower.clone(), defect: self.defects.session };
        let repeats = if self.has(SessionDefect::RepeatedAfter6c) { |_: &[u8]| true } else { may_repeat };
        let mut reader = Exchange::new(Trace::new(link, || 0).with_ring(self.trace.clone()), repeats);
        let mut people = People {
            lower: &self.lower,
            pin: order.and_then(|order| order.pin.as_ref()),
            stops: order.is_some_and(|order| order.stops),
            centre: self.setting.centre,
            defects: self.defects,
            card_lies_there: self.is_ordered_anew,
            now: self.now,
            text: String::new(),
            log: &mut self.log,
        };
        let mut world =
            World { reader: &mut reader, journal: &mut self.journal, desk: &mut people, entropy: &mut self.entropy };
        let mut run = Run::begin(&mut self.terminal, request, &mut world);
        for _ in 0..STEPS_MAX {
            if self.lower.take_kill() {
                let text = people.text;
                self.now = people.now;
                self.restart()?;
                return Ok(Shown { ended: Ended::Killed, settled: Vec::new(), text, detail: String::new() });
            }
            match run.step(&mut world) {
                Progress::Running(next) => run = next,
                Progress::Finished(outcome) => {
                    let text = people.text;
                    self.now = people.now;
                    let outcome = match self.defects.terminal {
                        Some(defect) => defect.shown(outcome),
                        None => outcome,
                    };
                    return Ok(self.show(&outcome, text));
                }
            }
        }
        Err(RigError::Internal("the request found no end".to_owned()))
    }

    fn order_once(&mut self, order: &OperatorOrder) -> Result<Shown, RigError> {
        let number = self.journal.next_order()?;
        let amount = Money::new(order.amount, self.currency);
        let request = match order.kind {
            OrderKind::Refund => Request::Refund { order: number, amount: Some(amount), of: RefundOf::Newest },
            kind => Request::Order { order: number, kind, amount },
        };
        self.request(request, Some(order))
    }

    /// Whether a terminal with a defect goes on with an order that it should give up.
    fn orders_anew(&self, shown: &Shown) -> bool {
        let is_wrong = match self.defects.terminal {
            Some(TerminalDefect::AttemptsUnbounded) => {
                self.orders().last().is_some_and(|order| order.attempts.len() >= ATTEMPTS_MAX)
            }
            Some(TerminalDefect::BalanceCheckOrders) => self.setting.checks_balance,
            _ => false,
        };
        is_wrong && shown.ended == Ended::NotPaid
    }

    /// The stop list as the terminal looks at it.
    fn set_stop_list(&mut self) -> Result<(), RigError> {
        let is_overlooked = match self.defects.terminal {
            Some(TerminalDefect::StopListIgnored) => true,
            Some(TerminalDefect::StopListSkippedOnRecovery) => !self.journal.open(None)?.is_empty(),
            _ => false,
        };
        let stopped = self.setting.stop_list.iter().filter(|_| !is_overlooked).cloned().map(CardReference);
        self.terminal.config_mut().stop_list = stopped.collect::<BTreeSet<_>>();
        Ok(())
    }

    fn show(&self, outcome: &Outcome, mut text: String) -> Shown {
        for settled in &outcome.settled {
            text.push_str(&settled_sentence(settled));
            text.push('\n');
        }
        text.push_str(&sentence(outcome));
        let heading = slip::Heading { test_keys: true, policy: self.policy() };
        text.push_str(&slip::of(outcome, heading).unwrap_or_default());
        let ended = ended(&outcome.result);
        if ended == Ended::Unresolved && self.has(SessionDefect::AsksToPayAgain) {
            text.push_str("Please pay again; it may be made anew.");
        }
        let settled = outcome.settled.iter().map(|settled| (settled.intent.amount.minor, verdict(&settled.verdict)));
        let detail = if ended == Ended::Fault { sentence(outcome) } else { String::new() };
        Shown { ended, settled: settled.collect(), text, detail }
    }

    fn holds_up(&mut self) -> Result<bool, RigError> {
        let open = self.journal.open(None)?;
        let held = open.iter().any(OpenRecord::holds_up_orders);
        Ok(held && !self.has(SessionDefect::RestartHoldsNothingUp))
    }

    fn orders(&self) -> Vec<OrderView> {
        let mut orders = Orders::default();
        self.journal.entries().iter().for_each(|(time, entry)| orders.add(*time, entry));
        orders.by_number()
    }
}

impl TerminalUnderTest for Driver {
    fn set(&mut self, setting: &Setting) -> Result<(), RigError> {
        let config = self.terminal.config_mut();
        config.block_stopped =
            setting.blocks_stopped && self.defects.terminal != Some(TerminalDefect::StoppedCardNotBlocked);
        config.ask_centre = setting.centre.is_some();
        config.balance_check_ms = if setting.checks_balance { 30_000 } else { 0 };
        self.setting = setting.clone();
        Ok(())
    }

    fn order(&mut self, order: &OperatorOrder) -> Result<Shown, RigError> {
        if self.holds_up()? {
            let text = "an earlier order is unresolved".to_owned();
            return Ok(Shown { ended: Ended::HeldUp, settled: Vec::new(), text, detail: String::new() });
        }
        let mut shown = self.order_once(order)?;
        while self.orders_anew(&shown) {
            self.is_ordered_anew = true;
            let next = self.order_once(order);
            self.is_ordered_anew = false;
            shown = next?;
        }
        Ok(shown)
    }

    fn resolve(&mut self) -> Result<Shown, RigError> {
        self.request(Request::Resolve, None)
    }

    fn restart(&mut self) -> Result<(), RigError> {
        self.journal.lose_power();
        self.terminal = switched_on(self.tills.kernel(0), self.defects);
        self.set(&self.setting.clone())
    }

    fn acknowledge(&mut self) -> Result<(), RigError> {
        for OpenRecord { intent, .. } in self.journal.open(None)? {
            let Intent { order, attempt, .. } = intent;
            let entry = self.journal.acknowledgement(order, attempt);
            self.journal.append(entry, self.now)?;
        }
        Ok(())
    }

    fn close_day(&mut self) -> Result<(), RigError> {
        self.journal.close_day();
        Ok(())
    }

    fn pass_days(&mut self, days: u32) -> Result<(), RigError> {
        self.now = self.now.plus_millis(u64::from(days) * DAY_MS);
        self.journal.pass_days(days);
        Ok(())
    }

    fn records(&mut self) -> Result<Vec<Record>, RigError> {
        let (policy, now) = (self.policy(), self.now);
        let entries = self.journal.entries();
        let transactions = |order: &OrderView| {
            let intents = entries.iter().filter_map(|(_, entry)| match entry {
                Entry::Intent(intent) if intent.order == order.order => transaction_of(intent),
                _ => None,
            });
            intents.collect()
        };
        let record = |order: &OrderView| Record {
            amount: order.amount.minor,
            state: match order.state {
                OrderState::Paid => RecordState::Paid,
                OrderState::NotPaid => RecordState::NotPaid,
                OrderState::Open | OrderState::OpenFinal | OrderState::Acknowledged => {
                    let slip = order.attempts.last().is_some_and(|attempt| attempt.slip.is_some());
                    if slip { RecordState::OpenFinal } else { RecordState::Open }
                }
            },
            booking: serde_json::to_value(policy.booking(order.kind, order.known()))
                .ok()
                .and_then(|name| name.as_str().map(str::to_owned)),
            is_overdue: Some(
                order.state.is_unresolved()
                    && policy.is_overdue(order.started, now)
                    && !self.has(SessionDefect::NeverOverdue),
            ),
            transactions: transactions(order),
        };
        Ok(self.orders().iter().map(record).collect())
    }

    fn written(&mut self) -> Result<String, RigError> {
        let unwritten = |error: serde_json::Error| RigError::Internal(error.to_string());
        let journal = serde_json::to_string(&self.journal.entries()).map_err(unwritten)?;
        let trace = serde_json::to_string(&self.trace.snapshot()).map_err(unwritten)?;
        Ok(format!("{journal}\n{trace}\n{}", self.log))
    }
}

fn switched_on(kernel: Box<dyn Kernel>, defects: Defects) -> Terminal {
    Terminal::new(Config::default(), misled(kernel, defects.terminal))
}

/// SELECT may be sent again after `6Cxx`; of a session's commands none may.
fn may_repeat(command: &[u8]) -> bool {
    matches!(command, [0x00, 0xA4, ..])
}

const fn ended(result: &OutcomeKind) -> Ended {
    match result {
        OutcomeKind::Paid { .. } => Ended::Paid,
        OutcomeKind::Refused(_) => Ended::Refused,
        OutcomeKind::NotPaid { .. } => Ended::NotPaid,
        OutcomeKind::Unresolved { .. } => Ended::Unresolved,
        OutcomeKind::Cancelled(_) => Ended::Cancelled,
        OutcomeKind::Balance | OutcomeKind::History(_) | OutcomeKind::Resolved => Ended::Resolved,
        OutcomeKind::CardFault(_) => Ended::CardFault,
        OutcomeKind::JournalFault(_) | OutcomeKind::Internal(_) => Ended::Fault,
    }
}

const fn verdict(verdict: &Verdict) -> RecordState {
    match verdict {
        Verdict::Paid { .. } => RecordState::Paid,
        Verdict::NotPaid { .. } => RecordState::NotPaid,
        Verdict::StillOpen { .. } => RecordState::Open,
    }
}

/// The link to the lower tester, and what a driver with a defect makes of it.
struct Link {
    lower: LowerTester,
    defect: Option<SessionDefect>,
}

impl Reader for Link {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        self.lower.reader().activate(reset)
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        let mut reader = self.lower.reader();
        let sent = reader.transmit(command, response);
        let again = match self.defect {
            Some(SessionDefect::ResentAfterReconnect) => true,
            // PC/SC tells of the reset once; whoever passes over that is at the step where it was.
            Some(SessionDefect::GoesOnAfterReset) => command.first() == Some(&0x84),
            _ => false,
        };
        if sent.is_ok() || !again || !self.lower.next_touch() {
            return sent;
        }
        reader.activate(Reset::Warm)?;
        reader.transmit(command, response)
    }

    fn deactivate(&mut self) {
        self.lower.power_off();
    }

    fn capabilities(&self) -> Capabilities {
        self.lower.reader().capabilities()
    }
}

/// The people at the terminal: they hold what the lower tester has, type the PIN, press stop.
struct People<'a> {
    lower: &'a LowerTester,
    pin: Option<&'a SecretText>,
    stops: bool,
    centre: Option<Centre>,
    defects: Defects,
    /// The card of the request before has not been taken away.
    card_lies_there: bool,
    now: Moment,
    text: String,
    log: &'a mut String,
}

impl Desk for People<'_> {
    fn now(&mut self) -> Moment {
        self.now = self.now.plus_millis(1);
        self.now
    }

    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, _until: Moment) -> Arrival {
        let _ = writeln!(self.text, "{prompt}", prompt = plain(&prompt));
        if std::mem::take(&mut self.card_lies_there) && reader.activate(Reset::Cold).is_ok() {
            return Arrival::Card;
        }
        while self.lower.next_touch() {
            if reader.activate(Reset::Cold).is_ok() {
                return Arrival::Card;
            }
        }
        if self.stops { Arrival::Stop } else { Arrival::TimeOut }
    }

    fn ask_pin(&mut self, _tries_left: Option<u8>) -> Option<Pin> {
        // Once: a wrong one is not typed again.
        let typed = self.pin.take()?.expose();
        if self.defects.session == Some(SessionDefect::SecretsWritten) {
            let _ = writeln!(self.log, "PIN entered: {typed}");
        }
        Pin::parse(typed).ok()
    }

    fn ask_centre(&mut self, _attempt: &Intent) -> CentreAnswer {
        match self.centre {
            _ if self.defects.terminal == Some(TerminalDefect::CentreSilenceIsNotPaid) => CentreAnswer::NotPaid,
            Some(Centre::NotPaid) => CentreAnswer::NotPaid,
            Some(Centre::Unknown) => CentreAnswer::Unknown,
            Some(Centre::Unreachable) | None => CentreAnswer::Unreachable,
        }
    }

    fn checkpoint(&mut self, _number: u64, action: &Action) {
        let sends = matches!(action, Action::Transmit(command) if command.moves_value());
        if sends && self.defects.session == Some(SessionDefect::ApprovedEarly) {
            self.text.push_str("Done: approved\n");
        }
    }
}

/// A plain order on a card at another terminal, which works as it should.
pub(super) fn pay_at(
    kernel: Box<dyn Kernel>,
    card: &mut dyn TrialCard,
    PlainOrders { kind, after, .. }: PlainOrders,
    number: u64,
) -> Result<(), RigError> {
    let mut terminal = switched_on(kernel, Defects::default());
    let mut journal = FaultyJournal::new(None, None);
    let held = card.held();
    // Another transaction id each time: its journal is a new one.
    let (lower, mut log, mut entropy) = (LowerTester::default(), String::new(), SeededEntropy::new(number));
    let people = People {
        lower: &lower,
        pin: None,
        stops: false,
        centre: None,
        defects: Defects::default(),
        card_lies_there: false,
        now: BEGIN,
        text: String::new(),
        log: &mut log,
    };
    let order = journal.next_order()?;
    let amount = Money::new(after, held.currency);
    let request = Request::Order { order, kind, amount };
    let mut reader = Exchange::new(Direct(card), may_repeat);
    let mut desk = AtOnce(people);
    let mut world = World { reader: &mut reader, journal: &mut journal, desk: &mut desk, entropy: &mut entropy };
    match crate::session::run(&mut terminal, request, &mut world).result {
        OutcomeKind::Paid { .. } => Ok(()),
        other => Err(RigError::Internal(format!("the {kind} at another terminal: {other}", other = plain(&other)))),
    }
}

/// People whose card lies at the reader already.
struct AtOnce<'a>(People<'a>);

impl Desk for AtOnce<'_> {
    fn now(&mut self) -> Moment {
        self.0.now()
    }

    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, _until: Moment) -> Arrival {
        let arrives = *prompt == Prompt::Present && reader.activate(Reset::Cold).is_ok();
        if arrives { Arrival::Card } else { Arrival::TimeOut }
    }

    fn ask_pin(&mut self, tries_left: Option<u8>) -> Option<Pin> {
        self.0.ask_pin(tries_left)
    }
}

/// A reader with a card that lies there.
struct Direct<'a>(&'a mut dyn TrialCard);

impl Reader for Direct<'_> {
    fn activate(&mut self, _reset: Reset) -> Result<Activation, LinkError> {
        let removed = || LinkError::new(LinkErrorKind::Removed, "the card does not come up");
        self.0.reset().map(|atr| Activation { atr }).ok_or_else(removed)
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        match self.0.process(command) {
            Answer::Response(octets) => {
                *response = octets;
                Ok(())
            }
            Answer::Mute => Err(LinkError::new(LinkErrorKind::Unknown, "the card is silent")),
        }
    }

    fn deactivate(&mut self) {
        self.0.power_off();
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "elsewhere".to_owned(), command_len_max: 261, command_len_min: 1 }
    }
}
