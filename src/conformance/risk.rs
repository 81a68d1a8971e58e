//! What a case may do to a card.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a case does to a card; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing is written.
    ReadOnly,
    /// A try of a key or PIN may be spent, and is won back.
    CostsATry,
    /// Balances, records or counters change.
    Writes,
    /// What it does cannot be undone: a card is terminated, a PIN blocked.
    Irreversible,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ReadOnly => "read-only",
            Self::CostsATry => "costs a try",
            Self::Writes => "writes",
            Self::Irreversible => "irreversible",
        })
    }
}
