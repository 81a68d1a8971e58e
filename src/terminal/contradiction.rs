//! Cards that contradict the journal (REQ-RUL-11): what the terminal does once a card is compared with what is held of it.

use super::Terminal;
use super::kernel::{Contradiction, Task};
use super::state::{AfterAcknowledge, AfterRecord, State, Touch};
use crate::entropy::Entropy;
use crate::journal::record::{AlarmKind, Entry};
use crate::terminal::event::Action;
use crate::time::Moment;

impl Terminal {
    /// All open records of the card are looked into: the card is compared with the rest, then the request goes on.
    pub(super) fn compare(&mut self, mut touch: Touch, now: Moment, entropy: &mut dyn Entropy) -> Action {
        let beliefs = std::mem::take(&mut touch.comparison.beliefs);
        if beliefs.is_empty() {
            return self.after_comparison(touch, now, entropy);
        }
        self.run(Task::Compare(beliefs), State::Comparing(touch), now, entropy)
    }

    pub(super) fn compared(
        &mut self,
        mut touch: Touch,
        found: Vec<Contradiction>,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Action {
        touch.comparison.found = found.into();
        self.next_contradiction(touch, now, entropy)
    }

    /// One after the other is written down, unless it is already.
    pub(super) fn next_contradiction(&mut self, mut touch: Touch, now: Moment, entropy: &mut dyn Entropy) -> Action {
        while let Some(found) = touch.comparison.found.pop_front() {
            let same = |alarm: &Contradiction| {
                alarm.intent.is_same_attempt(&found.intent) && alarm.alarm.is_same(&found.alarm)
            };
            // The card left and came again within this request.
            if self.run.alarms.iter().any(same) {
                touch.comparison.holds_up = true;
            } else if found.is_known {
                touch.comparison.holds_up |= found.holds_up();
                self.run.alarms.push(found);
            } else {
                let (order, attempt, alarm) = (found.intent.order, found.intent.attempt, found.alarm.clone());
                self.state = State::Recording(AfterRecord::Alarm(touch, Box::new(found)));
                return Action::Record(Entry::Alarm { order, attempt, alarm });
            }
        }
        self.after_comparison(touch, now, entropy)
    }

    /// The alarm is durable. Of a receipt the card is told that it has arrived: it need not be shown for ever.
    pub(super) fn alarmed(
        &mut self,
        mut touch: Touch,
        alarm: Contradiction,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Action {
        touch.comparison.holds_up = true;
        let intent = alarm.intent.clone();
        let tells = alarm.alarm.kind == AlarmKind::Receipt && self.config.orders_for.permits(&intent.card);
        self.run.alarms.push(alarm);
        if !tells {
            return self.next_contradiction(touch, now, entropy);
        }
        let next = State::Acknowledging(AfterAcknowledge::NextContradiction(touch));
        self.run(Task::Acknowledge(intent), next, now, entropy)
    }
}
