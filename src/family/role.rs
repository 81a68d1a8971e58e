//! What a command does in an order. Tears are asked for by it, for "the third command" is not always the one that moves value: with a PIN
//! it is the fourth, and GET RESPONSE counts too.

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
