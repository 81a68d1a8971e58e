//! A card that is in session: its open records, then the order (specs/terminal.md, clause 2).

use super::event::{Action, OutcomeKind, Settled, Verdict};
use super::kernel::{Draft, Finding, Proof, Refusal, RefusalReason, Task};
use super::state::{AfterAcknowledge, AfterRecord, Attempt, State, Touch};
use super::{OrdersFor, Request, Terminal};
use crate::entropy::Entropy;
use crate::journal::record::{Entry, Intent, OrderKind, Resolution, Source};
use crate::money::Money;
use crate::time::Moment;

const STOPPED: &str = "the card is on the stop list";

impl Terminal {
    /// A card is there: opens its session for what the request asks.
    pub(super) fn open(&mut self, now: Moment, entropy: &mut dyn Entropy) -> Action {
        // Where no card gets orders, no right to give one is asked for either.
        let purpose = self.run.request.kind().filter(|_| self.config.orders_for != OrdersFor::NoCard);
        self.open_for(purpose, now, entropy)
    }

    fn open_for(&mut self, purpose: Option<OrderKind>, now: Moment, entropy: &mut dyn Entropy) -> Action {
        self.run(Task::Open { purpose }, State::Opening { purpose }, now, entropy)
    }

    /// No session could be opened.
    pub(super) fn not_opened(&mut self, purpose: Option<OrderKind>, finding: Finding) -> Action {
        match finding {
            Finding::Refused(_) | Finding::NotOurs(_) if self.run.pending().is_some() => self.wait_for_the_same_card(),
            // The session that was to block the card of the stop list.
            Finding::Refused(_) if purpose == Some(OrderKind::Block) && !self.run.asks_for(OrderKind::Block) => self
                .refuse(RefusalReason::NotActive, "the card is on the stop list, and this terminal may not block it"),
            Finding::Refused(refusal) => self.finish(OutcomeKind::Refused(refusal)),
            Finding::NotOurs(reason) => self.finish(OutcomeKind::CardFault(reason)),
            finding => self.mistake(&finding, "opening a session"),
        }
    }

    // Open records first: no new order before all of this card's are looked into (REQ-RUL-3).

    pub(super) fn next_open_record(&mut self, mut touch: Touch, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match touch.open.pop_front() {
            Some(record) => {
                let intent = record.intent;
                self.run(Task::Resolve(intent.clone()), State::Resolving(touch, intent), now, entropy)
            }
            // While an order is pending the card was compared when it came first, and the record itself is resolved by its history.
            None => match self.run.pending().cloned() {
                Some(pending) => self.pending_met(touch, pending, now, entropy),
                None => self.compare(touch, now, entropy),
            },
        }
    }

    /// What the card says of an attempt whose end was not known.
    pub(super) fn resolved(
        &mut self,
        touch: Touch,
        intent: Intent,
        finding: Finding,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Action {
        let (resolution, verdict) = match finding {
            Finding::Happened(Proof { balance_after, evidence }) => (
                Resolution::Paid { balance_after, evidence: evidence.clone(), by: Source::Retouch },
                Verdict::Paid { balance_after, evidence },
            ),
            Finding::DidNotHappen(reason) => {
                (Resolution::NotPaid { reason: reason.clone(), by: Source::Retouch }, Verdict::NotPaid { reason })
            }
            Finding::CannotTell(reason) => {
                self.run.settled.push(Settled { intent, verdict: Verdict::StillOpen { reason } });
                return self.next_open_record(touch, now, entropy);
            }
            finding => return self.mistake(&finding, "resolving an open record"),
        };
        self.settle(touch, Settled { intent, verdict }, resolution)
    }

    fn settle(&mut self, mut touch: Touch, settled: Settled, resolution: Resolution) -> Action {
        touch.comparison.learn(&settled.intent, &resolution);
        let (order, attempt) = (settled.intent.order, settled.intent.attempt);
        self.state = State::Recording(AfterRecord::Settle(touch, settled));
        Action::Record(Entry::Resolved { order, attempt, resolution })
    }

    pub(super) fn after_comparison(&mut self, touch: Touch, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match self.run.request {
            Request::Balance => self.finish(OutcomeKind::Balance),
            Request::History => self.run(Task::History, State::Listing, now, entropy),
            Request::Resolve => self.finish(OutcomeKind::Resolved),
            Request::Order { .. } | Request::Refund { .. } => self.order(touch, now, entropy),
        }
    }

    // The order.

    pub(super) fn order(&mut self, touch: Touch, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let card = touch.card;
        let (order, kind, amount) = match self.run.request {
            Request::Order { order, kind, amount } => (order, kind, amount),
            // What is left of the sale is known once the sale is.
            Request::Refund { order, amount, .. } => {
                (order, OrderKind::Refund, amount.unwrap_or(Money::new(0, card.balance.currency)))
            }
            Request::Balance | Request::History | Request::Resolve => {
                return self.finish(OutcomeKind::Internal("an order without a request".to_owned()));
            }
        };
        if touch.comparison.holds_up {
            return self.refuse(RefusalReason::Contradiction, "the card contradicts the journal, see the alarm");
        }
        if !self.config.orders_for.permits(&card.card) {
            let detail = format!("card {} was not named as the card that gets orders", card.card);
            return self.refuse(RefusalReason::NotNamed, &detail);
        }
        let attempt = self.run.disproved().map_or(1, |disproved| disproved.attempt + 1);
        let mut draft = Draft { order, attempt, kind, amount, refund_of: None, previous: None };
        if kind != OrderKind::Block && self.config.stop_list.contains(&card.card) {
            if !self.config.block_stopped || card.inactive.is_some() {
                return self.refuse(RefusalReason::NotActive, STOPPED);
            }
            // The right to give value is not the right to block: where the keys differ it takes a session of its own.
            if touch.purpose != Some(OrderKind::Block) {
                return self.open_for(Some(OrderKind::Block), now, entropy);
            }
            draft.kind = OrderKind::Block;
            draft.amount.minor = 0;
        }
        if let Some(reason) = card.inactive {
            return self.refuse(RefusalReason::NotActive, &reason);
        }
        // A transaction id is lent to the same order on the same card again (REQ-TRM-5): another card may have come meanwhile,
        // since nothing is pending any more.
        let same = |disproved: &&Intent| disproved.kind == draft.kind && disproved.card == card.card;
        draft.previous = self.run.disproved().filter(same).cloned();
        if let (Request::Refund { of, .. }, OrderKind::Refund) = (&self.run.request, draft.kind) {
            let action = Action::FindSale { card: card.card, of: of.clone() };
            self.state = State::ChoosingSale(draft);
            return action;
        }
        self.run(Task::Order(draft), State::Ordering, now, entropy)
    }

    /// The kernel has prepared the order: it is written down before it may be sent (REQ-RUL-1).
    pub(super) fn commit(&mut self, intent: Intent) -> Action {
        self.state = State::Committing;
        Action::Commit(Intent { policy: Some(self.config.policy), ..intent })
    }

    /// The card's own answer to the order.
    pub(super) fn executed(&mut self, finding: Finding) -> Action {
        let Some(intent) = self.run.pending().cloned() else {
            return self.finish(OutcomeKind::Internal("an answer to no order".to_owned()));
        };
        let (order, attempt) = (intent.order, intent.attempt);
        let (resolution, after) = match finding {
            Finding::Happened(Proof { balance_after, evidence }) => (
                Resolution::Paid { balance_after, evidence: evidence.clone(), by: Source::Answer },
                AfterRecord::Acknowledge(OutcomeKind::Paid { intent: Box::new(intent), balance_after, evidence }),
            ),
            Finding::Refused(refusal) => (
                Resolution::NotPaid { reason: refusal.detail.clone(), by: Source::Answer },
                AfterRecord::End(OutcomeKind::Refused(refusal)),
            ),
            finding => return self.mistake(&finding, "sending the order"),
        };
        self.state = State::Recording(after);
        Action::Record(Entry::Resolved { order, attempt, resolution })
    }

    pub(super) fn refuse(&mut self, reason: RefusalReason, detail: &str) -> Action {
        self.finish(OutcomeKind::Refused(Refusal { reason, said: None, detail: detail.to_owned() }))
    }

    // What is durable now.

    pub(super) fn recorded(&mut self, after: AfterRecord, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match after {
            AfterRecord::Settle(touch, settled) => {
                let paid = matches!(settled.verdict, Verdict::Paid { .. });
                let intent = settled.intent.clone();
                self.run.settled.push(settled);
                // ACK is a write: a card that gets no orders is only read (REQ-RUL-10), and a missing ACK costs nothing.
                if paid && self.config.orders_for.permits(&intent.card) {
                    let next = State::Acknowledging(AfterAcknowledge::NextOpenRecord(touch));
                    self.run(Task::Acknowledge(intent), next, now, entropy)
                } else {
                    self.next_open_record(touch, now, entropy)
                }
            }
            AfterRecord::Alarm(touch, alarm) => self.alarmed(touch, *alarm, now, entropy),
            AfterRecord::Acknowledge(outcome) => {
                self.run.attempt = Attempt::None;
                let OutcomeKind::Paid { intent, .. } = &outcome else { return self.finish(outcome) };
                let task = Task::Acknowledge((**intent).clone());
                let outcome = Box::new(self.outcome(outcome));
                self.run(task, State::Acknowledging(AfterAcknowledge::End(outcome)), now, entropy)
            }
            AfterRecord::End(outcome) => {
                self.run.attempt = Attempt::None;
                self.finish(outcome)
            }
            AfterRecord::Slip(reason) => self.slip_issued(reason, now),
        }
    }

    pub(super) fn acknowledged(&mut self, after: AfterAcknowledge, now: Moment, entropy: &mut dyn Entropy) -> Action {
        match after {
            AfterAcknowledge::NextOpenRecord(touch) => self.next_open_record(touch, now, entropy),
            AfterAcknowledge::NextContradiction(touch) => self.next_contradiction(touch, now, entropy),
            AfterAcknowledge::End(outcome) => Action::Finish(outcome),
        }
    }
}
