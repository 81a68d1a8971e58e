//! What a command does in an order. Tears are asked for by it, for "the third command" is not always the one that moves value: with a PIN
//! it is the fourth, and GET RESPONSE counts too.

use std::fmt;
use std::sync::Arc;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandRole {
    /// Selects the application.
    Select,
    /// Authenticates card and terminal.
    Authenticate,
    /// Verifies the cardholder.
    Verify,
    /// Moves value.
    Value,
    /// Tells the card that its receipt has arrived.
    Acknowledge,
}

impl CommandRole {
    /// In the order of a sale.
    pub const ALL: [Self; 5] = [Self::Select, Self::Authenticate, Self::Verify, Self::Value, Self::Acknowledge];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Authenticate => "authenticate",
            Self::Verify => "verify",
            Self::Value => "value",
            Self::Acknowledge => "acknowledge",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for CommandRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Tells the role of a command in the orders of one family.
#[derive(Clone)]
pub struct Roles(Arc<RoleOf>);

type RoleOf = dyn Fn(&[u8]) -> Option<CommandRole> + Send + Sync;

impl Roles {
    /// As this function says.
    pub fn new(role_of: impl Fn(&[u8]) -> Option<CommandRole> + Send + Sync + 'static) -> Self {
        Self(Arc::new(role_of))
    }

    /// The role of a command; `None` for a command that plays none.
    pub fn of(&self, command: &[u8]) -> Option<CommandRole> {
        (self.0)(command)
    }
}

impl Default for Roles {
    /// No command plays a role.
    fn default() -> Self {
        Self::new(|_| None)
    }
}

/// At which command a card is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TearAt {
    /// The first that plays this role.
    Role(CommandRole),
    /// After so many others.
    Exchange(u64),
}

impl fmt::Display for TearAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => f.write_str(role.name()),
            Self::Exchange(after) => write!(f, "exchange {}", after.saturating_add(1)),
        }
    }
}
