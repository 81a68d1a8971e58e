//! What was seen: one line for everything that passed, in the order in which it passed. Secrets are masked before they get here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::verdict::{Outcome, Verdict};
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

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnswerToReset { octets } => write!(f, "reset    {octets}"),
            Self::Command { octets, masked } => {
                write!(f, "command  {octets}{}", if *masked { " (PIN masked)" } else { "" })
            }
            Self::Response { octets } => write!(f, "answer   {octets}"),
            Self::NoAnswer { detail, .. } => write!(f, "silence  {detail}"),
            Self::Torn { how } => write!(f, "tear     {how}"),
            Self::Written { writes } => {
                let lengths: Vec<String> = writes.iter().map(|(at, len)| format!("{len} at {at}")).collect();
                write!(f, "memory   {}", lengths.join(", "))
            }
            Self::PowerOff => f.write_str("power off"),
            Self::Note { text } => write!(f, "note     {text}"),
            Self::Check { what, held } => write!(f, "{}  {what}", if *held { "holds  " } else { "BROKEN " }),
            Self::Verdict { verdict, reason, rests_on } => {
                write!(f, "verdict  {verdict}")?;
                if let Some(reason) = reason {
                    write!(f, ": {reason}")?;
                }
                rests_on.map_or(Ok(()), |line| write!(f, " (line {line})"))
            }
        }
    }
}

/// The log of a case while it runs.
pub(super) struct Log<'r> {
    clock: &'r mut dyn FnMut() -> u64,
    lines: Vec<Line>,
    /// The line of what went wrong last.
    pub(super) rests_on: Option<u32>,
}

impl<'r> Log<'r> {
    /// An empty one; `clock` gives microseconds.
    pub(super) fn new(clock: &'r mut dyn FnMut() -> u64) -> Self {
        Self { clock, lines: Vec::new(), rests_on: None }
    }

    pub(super) fn add(&mut self, what: Seen) {
        let number = self.lines.len() as u32 + 1;
        if matches!(what, Seen::Check { held: false, .. } | Seen::NoAnswer { .. }) {
            self.rests_on = Some(number);
        }
        let micros = (self.clock)();
        self.lines.push(Line { number, micros, what });
    }

    /// Ends it with how the body ended.
    pub(super) fn finish(mut self, ended: &Outcome) -> Vec<Line> {
        let rests_on = self.rests_on.filter(|_| ended.is_err());
        let (verdict, reason) = match ended {
            Ok(()) => (Verdict::Pass, None),
            Err(stop) => (stop.verdict, Some(stop.reason.clone())),
        };
        self.add(Seen::Verdict { verdict, reason, rests_on });
        self.lines
    }
}
