//! Defects of the terminal's decisions, built around a terminal that decides rightly: into its kernel (here), its journal
//! (`sim::faulty_journal`), its configuration and its people (`sim::terminal_driver`). The terminal itself knows none.

use crate::entropy::Entropy;
use crate::journal::record::{Intent, Resolution, Source};
use crate::terminal::event::{Outcome, OutcomeKind};
use crate::terminal::kernel::{Draft, Finding, Input, Kernel, Refusal, RefusalReason, Step, Task};
use crate::time::Moment;

crate::defect::defects! {
    /// A deliberate defect of what the terminal decides.
    pub enum TerminalDefect {
        RetryWithoutEvidence => ("retry-without-evidence", true, "A touch again issues a new order without asking the card what became of the first."),
        TimeOutIsFailure => ("time-out-is-failure", true, "An order whose end is not known is void when the time runs out."),
        TimeOutIsSuccess => ("time-out-is-success", true, "An order whose end is not known is paid when the time runs out."),
        StopDropsPending => ("stop-drops-pending", true, "The operator's stop makes an order void whose end is not known."),
        OtherCardRecovers => ("other-card-recovers", true, "Another card that is touched instead is taken for the same."),
        ContradictionsIgnored => ("contradictions-ignored", true, "What a card shows is not compared with what the journal holds of it."),
        OpenRecordsIgnored => ("open-records-ignored", true, "A new order does not look for the card's open records."),
        PaidBeforeDurable => ("paid-before-durable", true, "Paid is shown before the evidence is durable."),
        AcknowledgedBeforeDurable => ("acknowledged-before-durable", true, "The card is told that its receipt arrived before that is durable."),
        SlipNotRecorded => ("slip-not-recorded", true, "The unresolved slip is shown without being written down."),
        FreshTransactionOnRetry => ("fresh-transaction-on-retry", true, "An order that is sent again has another transaction id."),
        StopListSkippedOnRecovery => ("stop-list-skipped-on-recovery", true, "A stopped card whose old record was just resolved gets an order."),
        StopListIgnored => ("stop-list-ignored", true, "The stop list is not looked at."),
        StoppedCardNotBlocked => ("stopped-card-not-blocked", false, "A stopped card is refused, and not blocked where the operator wants that."),
        AttemptsUnbounded => ("attempts-unbounded", false, "One request makes any number of attempts."),
        BalanceCheckOrders => ("balance-check-orders", true, "At the balance check after the slip the order is sent again."),
        CentreSilenceIsNotPaid => ("centre-silence-is-not-paid", true, "A centre that does not know or answer makes an order void."),
        InauthenticIsRefusal => ("inauthentic-is-refusal", true, "An answer to the order that is not authentic counts as a refusal."),
    }
}

/// A family's kernel as a terminal with the defect uses it.
pub fn misled(kernel: Box<dyn Kernel>, defect: Option<TerminalDefect>) -> Box<dyn Kernel> {
    match defect {
        None => kernel,
        Some(defect) => Box::new(Misled { kernel, defect, pending: None, is_executing: false, receipt: None }),
    }
}

/// A kernel between which and the terminal something is wrong.
struct Misled {
    kernel: Box<dyn Kernel>,
    defect: TerminalDefect,
    /// The order that was sent last, until its own answer decides it.
    pending: Option<Intent>,
    is_executing: bool,
    /// What proves the order, while the card is told too early that this has arrived.
    receipt: Option<Finding>,
}

impl Misled {
    fn is_pending(&self, intent: &Intent) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.is_same_attempt(intent))
    }

    fn passed_on(&mut self, step: Step, now: Moment, entropy: &mut dyn Entropy) -> Step {
        let Step::Done(finding) = step else { return step };
        if let Some(receipt) = self.receipt.take() {
            return Step::Done(receipt);
        }
        let answers_order = std::mem::take(&mut self.is_executing);
        match finding {
            Finding::Broken(_) if answers_order && self.defect == TerminalDefect::InauthenticIsRefusal => {
                let detail = "the card answered wrongly".to_owned();
                Step::Done(Finding::Refused(Refusal { reason: RefusalReason::Other, said: None, detail }))
            }
            Finding::Happened(_) if answers_order => self.happened(finding, now, entropy),
            Finding::Opened(mut view) => {
                if let (TerminalDefect::OtherCardRecovers, Some(pending)) = (self.defect, &self.pending) {
                    view.card = pending.card.clone();
                }
                Step::Done(Finding::Opened(view))
            }
            finding => Step::Done(finding),
        }
    }

    fn happened(&mut self, finding: Finding, now: Moment, entropy: &mut dyn Entropy) -> Step {
        match self.pending.take() {
            Some(intent) if self.defect == TerminalDefect::AcknowledgedBeforeDurable => {
                self.receipt = Some(finding);
                let step = self.kernel.begin(Task::Acknowledge(intent), now, entropy);
                self.passed_on(step, now, entropy)
            }
            _ => Step::Done(finding),
        }
    }
}

impl Kernel for Misled {
    fn begin(&mut self, task: Task, now: Moment, entropy: &mut dyn Entropy) -> Step {
        self.receipt = None;
        self.is_executing = false;
        let task = match (self.defect, task) {
            (TerminalDefect::ContradictionsIgnored, Task::Compare(_)) => {
                return Step::Done(Finding::Compared(Vec::new()));
            }
            (TerminalDefect::RetryWithoutEvidence | TerminalDefect::OtherCardRecovers, Task::Resolve(intent))
                if self.is_pending(&intent) =>
            {
                return Step::Done(Finding::DidNotHappen("a card is here again".to_owned()));
            }
            (TerminalDefect::FreshTransactionOnRetry, Task::Order(draft)) => {
                Task::Order(Draft { previous: None, ..draft })
            }
            (_, task) => task,
        };
        let step = self.kernel.begin(task, now, entropy);
        self.passed_on(step, now, entropy)
    }

    fn resume(&mut self, input: Input<'_>, now: Moment, entropy: &mut dyn Entropy) -> Step {
        if let Input::Committed(committed) = &input {
            self.pending = Some(committed.intent().clone());
            self.is_executing = true;
        }
        let step = self.kernel.resume(input, now, entropy);
        self.passed_on(step, now, entropy)
    }

    fn can_date(&self, now: Moment) -> Result<(), Refusal> {
        self.kernel.can_date(now)
    }
}

impl TerminalDefect {
    /// What is written down instead of an unresolved end for this reason; `None` where that is written down.
    pub(super) fn resolution(self, intent: &Intent, reason: &str) -> Option<Resolution> {
        let (by, balance_after) = (Source::Retouch, intent.balance_before);
        let (timed_out, stopped) = (reason.contains("came in time"), reason.starts_with("stopped"));
        match self {
            Self::TimeOutIsSuccess if timed_out => {
                Some(Resolution::Paid { balance_after, evidence: String::new(), by })
            }
            Self::TimeOutIsFailure if timed_out => Some(Resolution::NotPaid { reason: reason.to_owned(), by }),
            Self::StopDropsPending if stopped => Some(Resolution::NotPaid { reason: reason.to_owned(), by }),
            _ => None,
        }
    }

    /// What is shown instead of this outcome.
    pub(super) fn shown(self, outcome: Outcome) -> Outcome {
        let OutcomeKind::Unresolved { intent, reason } = &outcome.result else { return outcome };
        let result = match self.resolution(intent, reason) {
            None => return outcome,
            Some(Resolution::Paid { balance_after, evidence, .. }) => {
                OutcomeKind::Paid { intent: intent.clone(), balance_after, evidence }
            }
            Some(Resolution::NotPaid { reason, .. }) => OutcomeKind::Cancelled(reason),
        };
        Outcome { result, slip_issued: false, ..outcome }
    }
}
