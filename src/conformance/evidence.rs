//! What was seen: one line for everything that passed, in the order in which it passed. Secrets are masked before they get here.

use serde::{Deserialize, Serialize};

use super::verdict::{OrStop, Stop, Verdict};
use crate::reader::LinkErrorKind;

/// One line of a case's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// From 1. A verdict points at the line on which it rests.
    pub number: u32,
    /// Since the case began, microseconds; 0 in runs without a clock.
    pub micros: u64,
    /// What was seen.
    #[serde(flatten)]
    pub what: Seen,
}

/// What was seen. Octets are upper-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Seen {
    /// The card was powered on and answered.
    AnswerToReset {
        /// ATR.
        octets: String,
    },
    /// A command goes out.
    Command {
        /// Command APDU.
        octets: String,
        /// A PIN in it was replaced.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        masked: bool,
    },
    /// Its answer.
    Response {
        /// Response APDU.
        octets: String,
    },
    /// No answer.
    NoAnswer {
        /// What is known.
        kind: LinkErrorKind,
        /// For people.
        detail: String,
    },
    /// The card is taken away, or its power cut, by the test system.
    Torn {
        /// Where and how.
        how: String,
    },
    /// The card wrote to its memory; offsets and lengths, in order. Only where the memory is at hand.
    Written {
        /// Octets of the image and their count.
        writes: Vec<(usize, usize)>,
    },
    /// The card was powered off.
    PowerOff,
    /// What a case says about what it does; the plaintext of protected commands among it.
    Note {
        /// In words.
        text: String,
    },
    /// A secret of the test system, for who explains what was enciphered: of public test keys only.
    Key {
        /// What it belongs to.
        of: String,
        /// The secret.
        secret: String,
    },
    /// Something was checked.
    Check {
        /// What.
        what: String,
        /// Whether it held.
        held: bool,
    },
    /// The end.
    Verdict {
        /// What it came to.
        verdict: Verdict,
        /// Why, when it is no pass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The line on which it rests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rests_on: Option<u32>,
    },
}

/// The log of a case while it runs.
pub(super) struct Log<'r> {
    clock: &'r mut dyn FnMut() -> u64,
    sink: Option<&'r mut dyn FnMut(&Line)>,
    lines: Vec<Line>,
    /// The line of what went wrong last.
    pub(super) rests_on: Option<u32>,
    /// The first check that did not hold.
    broken: Option<u32>,
}

impl<'r> Log<'r> {
    /// An empty one; `clock` gives microseconds.
    pub(super) fn new(clock: &'r mut dyn FnMut() -> u64) -> Self {
        Self { clock, sink: None, lines: Vec::new(), rests_on: None, broken: None }
    }

    /// Each line goes there too, as it comes.
    pub(super) fn with_sink(self, sink: &'r mut dyn FnMut(&Line)) -> Self {
        Self { sink: Some(sink), ..self }
    }

    pub(super) fn add(&mut self, what: Seen) {
        let number = self.lines.len() as u32 + 1;
        if matches!(what, Seen::Check { held: false, .. } | Seen::NoAnswer { .. }) {
            self.rests_on = Some(number);
        }
        if matches!(what, Seen::Check { held: false, .. }) {
            self.broken.get_or_insert(number);
        }
        let micros = (self.clock)();
        let line = Line { number, micros, what };
        if let Some(sink) = &mut self.sink {
            sink(&line);
        }
        self.lines.push(line);
    }

    /// Ends it with how the body ended. A body that saw a check not hold and came to its end all the same has dropped what the check
    /// said: that is no pass, and the case's own error.
    pub(super) fn finish(mut self, ended: OrStop) -> (OrStop, Vec<Line>) {
        let dropped = |line| Err(Stop::error(format!("the check on line {line} did not hold, and the case went on")));
        let ended = match self.broken {
            Some(line) if ended.is_ok() => dropped(line),
            _ => ended,
        };
        let rests_on = self.rests_on.filter(|_| ended.is_err());
        let (verdict, reason) = match &ended {
            Ok(()) => (Verdict::Pass, None),
            Err(stop) => (stop.verdict, Some(stop.reason.clone())),
        };
        self.add(Seen::Verdict { verdict, reason, rests_on });
        (ended, self.lines)
    }
}
