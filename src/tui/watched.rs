//! The exchanges that a person looks at, explained. What was explained once is kept: a session's keys are not worked out at each frame.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::family::conversation::{Conversation, Passed};
use crate::reader::trace::{TraceEvent, Traced};
use crate::wire::explain::Explanation;

/// The explanation of the last exchanges, which follows them as they come.
#[derive(Default)]
pub struct Watched(RefCell<Kept>);

#[derive(Default)]
struct Kept {
    conversation: Conversation,
    events: VecDeque<TraceEvent>,
    explained: VecDeque<Option<Explanation>>,
    /// Events that have left the front.
    gone: usize,
}

impl Watched {
    /// What each of these events means; `None` where it explains itself.
    pub fn explain<T>(&self, trace: &[TraceEvent], then: impl FnOnce(&VecDeque<Option<Explanation>>) -> T) -> T {
        let mut kept = self.0.borrow_mut();
        kept.follow(trace);
        then(&kept.explained)
    }
}

impl Kept {
    /// Drops what has left at the front, and hears what has come at the end.
    fn follow(&mut self, trace: &[TraceEvent]) {
        let left = trace.first().and_then(|first| self.events.iter().position(|event| event == first));
        let left = left.unwrap_or(self.events.len());
        let goes_on = self.events.iter().skip(left).zip(trace).all(|(kept, now)| kept == now);
        if !goes_on || left == self.events.len() {
            *self = Self::default();
        } else {
            self.events.drain(..left);
            self.explained.drain(..left);
            self.gone += left;
        }
        for event in trace.iter().skip(self.events.len()) {
            self.events.push_back(event.clone());
            self.explained.push_back(None);
            for (number, explanation) in self.conversation.next(passed(&event.what)) {
                if let Some(place) = number.checked_sub(self.gone).and_then(|at| self.explained.get_mut(at)) {
                    *place = Some(explanation);
                }
            }
        }
    }
}

/// An event of a trace as what a conversation is made of.
fn passed(what: &Traced) -> Passed<'_> {
    match what {
        Traced::AnswerToReset { .. } => Passed::Reset,
        Traced::Command { octets, masked } => Passed::Command { octets, masked: *masked },
        Traced::Response { octets } => Passed::Answer(octets),
        Traced::Failed { .. } => Passed::Silence,
        Traced::Deactivate => Passed::PowerOff,
        Traced::Key { of, secret } => Passed::Key { of, secret },
        Traced::Activate { .. } => Passed::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64, what: Traced) -> TraceEvent {
        TraceEvent { number, micros: 0, what }
    }

    fn command(number: u64, octets: &[u8]) -> TraceEvent {
        event(number, Traced::Command { octets: octets.to_vec(), masked: false })
    }

    #[test]
    fn events_that_leave_at_the_front_take_nothing_with_them() {
        let select = [0x00, 0xA4, 0x04, 0x00, 9, 0xF0, 0x45, 0x50, 0x55, 0x52, 0x53, 0x45, 0x00, 0x01];
        let trace = [
            event(1, Traced::AnswerToReset { octets: vec![0x3B] }),
            command(2, &select),
            event(2, Traced::Response { octets: vec![0x90, 0x00] }),
            command(3, &[0x84, 0xD8, 0x00, 0x00, 1, 0]),
            event(3, Traced::Response { octets: vec![0x69, 0x82] }),
        ];
        let watched = Watched::default();
        let last = |trace: &[TraceEvent]| {
            watched
                .explain(trace, |all| (all.len(), all.back().and_then(Option::as_ref).map(|last| last.summary.clone())))
        };
        last(&trace[..3]);
        // The SELECT has left, and is remembered all the same.
        assert_eq!(last(&trace[2..4]), (2, Some("TRANSACT".to_owned())));
        assert_eq!(last(&trace[3..]), (2, Some("6982 no session is open".to_owned())));
        // Another conversation is not the same one.
        assert_eq!(
            last(&[command(9, &[0x84, 0xD8, 0x00, 0x00, 1, 0])]),
            (1, Some("PUT KEY (GlobalPlatform)".to_owned()))
        );
    }
}
