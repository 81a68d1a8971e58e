//! Orders whose end is not known: the same card once more, the centre, the unresolved slip (specs/terminal.md, clause 1).

use super::event::{Action, Again, CentreAnswer, Lost, OutcomeKind, Prompt, Verdict};
use super::state::{AfterRecord, Attempt, State, Touch};
use super::{ATTEMPTS_MAX, Terminal};
use crate::entropy::Entropy;
use crate::journal::record::{Entry, Intent, Resolution, Source};
use crate::time::Moment;

impl Terminal {
    /// The card left, or what it said is not authentic.
    pub(super) fn lost(&mut self, state: &State, why: Lost, now: Moment) -> Action {
        match state {
            // The order is under way: from here on nobody knows, and only evidence helps (REQ-RUL-2).
            State::Executing => {
                self.run.deadline = now.plus_millis(self.config.retouch_ms);
                self.wait(Prompt::Retouch(why))
            }
            _ if self.run.slip.is_some() => self.wait(Prompt::BalanceCheck(Some(Again::Lost(why)))),
            _ if self.run.pending().is_some() => self.wait(Prompt::Retouch(why)),
            _ => self.wait(Prompt::PresentAgain(why)),
        }
    }

    pub(super) fn wait_for_the_same_card(&mut self) -> Action {
        let is_over = self.run.slip.is_some();
        self.wait(if is_over { Prompt::BalanceCheck(Some(Again::OtherCard)) } else { Prompt::OtherCard })
    }

    pub(super) fn give_up(&mut self, prompt: &Prompt, reason: &str) -> Action {
        let reason = reason.to_owned();
        match (prompt, self.run.pending().cloned()) {
            (Prompt::BalanceCheck(_), Some(_)) => self.finish_unresolved(),
            (_, Some(intent)) if self.config.ask_centre => {
                self.state = State::AskingCentre(reason);
                Action::AskCentre(intent)
            }
            (_, Some(intent)) => self.issue_slip(&intent, reason),
            (_, None) => self.finish(OutcomeKind::Cancelled(reason)),
        }
    }

    /// A card was met while an attempt is pending. What it said of that attempt, if it is the card, stands in `settled`.
    pub(super) fn pending_met(
        &mut self,
        touch: Touch,
        pending: Intent,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Action {
        let Some(index) = self.run.settled.iter().position(|settled| settled.intent.is_same_attempt(&pending)) else {
            return self.wait_for_the_same_card();
        };
        match self.run.settled.remove(index).verdict {
            Verdict::Paid { balance_after, evidence } => {
                self.run.attempt = Attempt::None;
                self.finish(OutcomeKind::Paid { intent: Box::new(pending), balance_after, evidence })
            }
            Verdict::NotPaid { reason } if self.run.slip.is_some() || pending.attempt >= ATTEMPTS_MAX => {
                self.run.attempt = Attempt::None;
                self.finish(OutcomeKind::NotPaid { intent: Box::new(pending), reason })
            }
            Verdict::NotPaid { .. } => {
                self.run.attempt = Attempt::Disproved(pending);
                self.order(touch, now, entropy)
            }
            Verdict::StillOpen { .. } if self.run.slip.is_some() => self.finish_unresolved(),
            Verdict::StillOpen { reason } => self.issue_slip(&pending, reason),
        }
    }

    fn issue_slip(&mut self, intent: &Intent, reason: String) -> Action {
        let (order, attempt, balance_before) = (intent.order, intent.attempt, intent.balance_before);
        self.state = State::Recording(AfterRecord::Slip(reason.clone()));
        Action::Record(Entry::UnresolvedFinal { order, attempt, balance_before, reason })
    }

    /// The slip is durable: it may be shown, and the balance may be looked at.
    pub(super) fn slip_issued(&mut self, reason: String, now: Moment) -> Action {
        self.run.slip = Some(reason);
        if self.config.balance_check_ms == 0 {
            return self.finish_unresolved();
        }
        self.run.deadline = now.plus_millis(self.config.balance_check_ms);
        self.wait(Prompt::BalanceCheck(None))
    }

    pub(super) fn centre_answered(&mut self, answer: CentreAnswer, reason: &str) -> Action {
        let Some(intent) = self.run.pending().cloned() else {
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
        self.state = State::Recording(AfterRecord::End(outcome));
        Action::Record(Entry::Resolved { order: intent.order, attempt: intent.attempt, resolution })
    }

    fn finish_unresolved(&mut self) -> Action {
        let reason = self.run.slip.clone().unwrap_or_default();
        match self.run.pending().cloned() {
            Some(intent) => self.finish(OutcomeKind::Unresolved { intent: Box::new(intent), reason }),
            None => self.finish(OutcomeKind::Internal("unresolved without an order".to_owned())),
        }
    }
}
