//! What an order does to the card.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an order does to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderKind {
    /// Takes value.
    Sale,
    /// Gives value back.
    Refund,
    /// Adds value.
    TopUp,
    /// Blocks the card (stop list).
    Block,
}

impl fmt::Display for OrderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
            Self::TopUp => "top-up",
            Self::Block => "block",
        })
    }
}
