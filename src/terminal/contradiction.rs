//! Cards that contradict the journal (REQ-RUL-11): what the terminal does once a card is compared with what is held of it.

use std::collections::VecDeque;

use super::kernel::{Contradiction, Task};
use super::{AfterAcknowledge, AfterRecord, State, Terminal};
use crate::entropy::Entropy;
use crate::journal::Belief;
use crate::journal::record::{AlarmKind, Entry, Intent, Resolution};
use crate::terminal::event::Action;
use crate::time::Moment;

/// What is known of the card in session besides its open records.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// What the journal holds of it, until that is compared.
    pub(super) beliefs: Vec<Belief>,
    /// What is still to be written down or shown.
    found: VecDeque<Contradiction>,
    /// It gets no order: it contradicts the journal in a way that nobody has been told before, or has another history.
    pub(super) holds_up: bool,
}

impl Comparison {
    /// What the journal holds changes with each record that is resolved.
    pub(super) fn learn(&mut self, intent: &Intent, resolution: &Resolution) {
        let belief = self.beliefs.iter_mut().find(|belief| is_same_attempt(&belief.intent, intent));
        if let Some(belief) = belief {
            belief.resolution = Some(resolution.clone());
        }
    }
}

fn is_same_attempt(one: &Intent, other: &Intent) -> bool {
    (one.order, one.attempt) == (other.order, other.attempt)
}

impl Terminal {
    /// All open records of the card are looked into: the card is compared with the rest, then the request goes on.
    pub(super) fn compare(&mut self, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let beliefs = std::mem::take(&mut self.comparison.beliefs);
        if beliefs.is_empty() {
            return self.after_comparison(now, entropy);
        }
        self.run(Task::Compare(beliefs), State::ExpectCompared, now, entropy)
    }

    pub(super) fn compared(&mut self, found: Vec<Contradiction>, now: Moment, entropy: &mut dyn Entropy) -> Action {
        self.comparison.found = found.into();
        self.next_contradiction(now, entropy)
    }

    /// One after the other is written down, unless it is already.
    pub(super) fn next_contradiction(&mut self, now: Moment, entropy: &mut dyn Entropy) -> Action {
        while let Some(found) = self.comparison.found.pop_front() {
            let same = |alarm: &Contradiction| {
                is_same_attempt(&alarm.intent, &found.intent) && alarm.alarm.is_same(&found.alarm)
            };
            // The card left and came again within this request.
            if self.alarms.iter().any(same) {
                self.comparison.holds_up = true;
            } else if found.is_known {
                self.comparison.holds_up |= found.holds_up();
                self.alarms.push(found);
            } else {
                let (order, attempt, alarm) = (found.intent.order, found.intent.attempt, found.alarm.clone());
                self.state = State::ExpectRecorded(AfterRecord::Alarm(Box::new(found)));
                return Action::Record(Entry::Alarm { order, attempt, alarm });
            }
        }
        self.after_comparison(now, entropy)
    }

    /// The alarm is durable. Of a receipt the card is told that it has arrived: it need not be shown for ever.
    pub(super) fn alarmed(&mut self, alarm: Contradiction, now: Moment, entropy: &mut dyn Entropy) -> Action {
        self.comparison.holds_up = true;
        let intent = alarm.intent.clone();
        let tells = alarm.alarm.kind == AlarmKind::Receipt && self.config.orders_for.permits(&intent.card);
        self.alarms.push(alarm);
        if !tells {
            return self.next_contradiction(now, entropy);
        }
        let next = State::ExpectAcknowledged(AfterAcknowledge::NextContradiction);
        self.run(Task::Acknowledge(intent), next, now, entropy)
    }
}
