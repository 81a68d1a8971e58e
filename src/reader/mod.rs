//! How a card is reached. Raw octets, one physical exchange at a time, no judgement.
//!
//! Readers: `in_process`, `pcsc`, `replay`. Wrappers that are readers themselves: `trace`, `fault`, `exchange`.
//! The other way round, `vpcd` shows a virtual card to PC/SC, and `persistent` with `state_file` keeps one over a restart.

pub mod exchange;
pub mod fault;
pub mod in_process;
#[cfg(feature = "pcsc")]
pub mod pcsc;
#[cfg(feature = "pcsc")]
pub mod pcsc_watch;
pub mod persistent;
pub mod replay;
pub mod state_file;
#[cfg(test)]
pub(crate) mod toy;
pub mod trace;
pub mod vpcd;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Whether a command is one of those that are meant, told by its octets.
#[derive(Clone)]
pub struct IsCommand(Arc<Test>);

type Test = dyn Fn(&[u8]) -> bool + Send + Sync;

impl IsCommand {
    /// Those for which this is true.
    pub fn new(is_it: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_it))
    }

    /// Whether this command is one.
    pub fn is(&self, command: &[u8]) -> bool {
        (self.0)(command)
    }
}

impl std::fmt::Debug for IsCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IsCommand")
    }
}

/// How a card is brought to life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// Power off and on again (ISO/IEC 7816-3:2006, 6.2.2).
    Cold,
    /// The reset line only (ISO/IEC 7816-3:2006, 6.2.3).
    Warm,
}

/// A card that has answered to reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// The answer to reset, or the one that PC/SC part 3 makes of a contactless card's ATS.
    pub atr: Vec<u8>,
}

/// What a reader can carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The name by which a person picks it.
    pub name: String,
    /// Longest command in octets, 261 for short APDUs only.
    pub command_len_max: usize,
    /// Shortest command in octets: `vpcd` cannot carry one octet, which is its own control message.
    pub command_len_min: usize,
}

/// A link to one card.
///
/// `transmit` sends these octets and no others: it never follows `61xx` or `6Cxx` by itself, for a suite must be able to
/// send what is malformed and to see what came. [`exchange`] is the wrapper that follows them.
pub trait Reader: Send {
    /// Powers the card and returns its answer to reset.
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError>;

    /// One command out, one answer in. `response` is cleared first; on `Ok` it holds at least the two octets of the status word.
    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError>;

    /// Powers the card off.
    fn deactivate(&mut self);

    /// What this reader can carry.
    fn capabilities(&self) -> Capabilities;

    /// How often a card came or left, from whatever moment: while the number stays the same, so does the card. `None` where nobody
    /// counts, and each card may be another one.
    fn card_events(&mut self) -> Option<u64> {
        None
    }

    /// The protocol that was agreed with the card at its last activation, T=0 or T=1; `None` where that is not known.
    fn protocol(&self) -> Option<u8> {
        None
    }
}

impl<R: Reader + ?Sized> Reader for Box<R> {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        (**self).activate(reset)
    }
    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        (**self).transmit(command, response)
    }
    fn deactivate(&mut self) {
        (**self).deactivate();
    }
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }
    fn card_events(&mut self) -> Option<u64> {
        (**self).card_events()
    }
    fn protocol(&self) -> Option<u8> {
        (**self).protocol()
    }
}

/// What is known when an exchange brought no answer. The kind decides what a terminal may believe; `detail` is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LinkError {
    /// What is known.
    pub kind: LinkErrorKind,
    /// Which operation, and what the system said.
    pub detail: String,
    /// Whether it is known that the card left. It changes nothing in what may be believed of the command.
    pub card_left: bool,
}

/// What is known of a command that brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkErrorKind {
    /// The command did not reach the card: nothing can have happened.
    NotSent,
    /// Sent, or perhaps sent, and no whole answer came: anything may have happened.
    Unknown,
    /// No card is there. A command under way when it left counts as `Unknown`, not as this.
    Removed,
    /// A card is there and does not answer.
    Mute,
}

impl LinkError {
    /// An error of this kind, with the operation that failed.
    pub fn new(kind: LinkErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), card_left: kind == LinkErrorKind::Removed }
    }

    /// The card left while a command was under way.
    pub fn torn(detail: impl Into<String>) -> Self {
        Self { card_left: true, ..Self::new(LinkErrorKind::Unknown, detail) }
    }

    /// The reader said that all went well and gave less than a status word. PC/SC shows a card that was taken away like this, and so
    /// does a reader or a driver that loses octets.
    pub fn too_short(answer: &[u8]) -> Self {
        let got = match answer {
            [] => "0".to_owned(),
            octets => format!("{} ({})", octets.len(), crate::wire::hex::spaced(octets)),
        };
        let whose = "the card was taken away, or the reader or its driver lost the rest";
        Self::new(LinkErrorKind::Unknown, format!("expected an answer of at least 2 octets, got {got}: {whose}"))
    }
}

impl fmt::Display for LinkErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "the command was not sent",
            Self::Unknown => "no answer came, what the card did is unknown",
            Self::Removed => "no card",
            Self::Mute => "the card does not answer",
        })
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.kind;
        write!(f, "{known}: {}", self.detail)
    }
}
