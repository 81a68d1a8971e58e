//! What a test system is able to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the test system must be able to do besides sending commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facility {
    /// Cut the power inside a command, at a write of the card's memory.
    Cut,
    /// A card of its own for each case, which may be ruined.
    FreshCard,
}

impl fmt::Display for Facility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "cutting the power inside a command",
            Self::FreshCard => "a card that may be ruined",
        })
    }
}
