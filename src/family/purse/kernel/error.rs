//! Why the security module does not do what it is asked for.

use crate::crypto::des::WeakKey;
use crate::crypto::ec::EcError;
use crate::family::purse::data::Suite;
use crate::time::Moment;
use crate::wire::WireError;

/// The module does not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SamError {
    /// Card: its octets are not what the specification asks for.
    #[error("the card's answer is malformed: {0}")]
    Malformed(#[from] WireError),
    /// Card: what it sent does not authenticate it.
    #[error("{0} of the card is not authentic")]
    NotAuthentic(&'static str),
    /// Clock or certificate: what is authentic is not valid at the terminal's time.
    #[error(
        "the terminal's clock says {now}, {whose} certificate is valid from {from} to {to}: one of the two is wrong"
    )]
    NotValidNow {
        /// "the card's" or "this terminal's".
        whose: &'static str,
        /// By the terminal's clock.
        now: Moment,
        /// First day.
        from: String,
        /// Last day.
        to: String,
    },
    /// Card: it does not offer the suite.
    #[error("the card does not offer suite {0}")]
    SuiteNotOffered(Suite),
    /// Terminal: it was not given the key or the right.
    #[error("this terminal was not given the {0} right")]
    NoRight(&'static str),
    /// Terminal: no session is open.
    #[error("no session is open")]
    NoSession,
    /// Scheme: a key is weak.
    #[error("{0}")]
    Weak(#[from] WeakKey),
    /// Card or scheme: elliptic curve.
    #[error("{0}")]
    Curve(#[from] EcError),
    /// Our bug: the intent is not one of this family.
    #[error("the intent is not one of a purse: {0}")]
    Intent(String),
}
