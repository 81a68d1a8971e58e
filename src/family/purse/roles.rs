//! What a command of the purse does in a payment, told by its header: tears are asked for by it, for "the third command" is not always
//! the one that moves value (with a PIN it is the fourth, and GET RESPONSE counts too).

use super::data::ins;
use crate::reader::IsCommand;

/// Channel bits and chaining bit of CLA.
const CLASS_MASK: u8 = !0x13;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandRole {
    /// SELECT.
    Select,
    /// AUTH.
    Authenticate,
    /// VERIFY.
    Verify,
    /// TRANSACT.
    Value,
    /// ACK.
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

    /// Whether a command plays this role.
    pub fn test(self) -> IsCommand {
        match self {
            Self::Select => |command| is(command, 0x00, ins::SELECT),
            Self::Authenticate => |command| is(command, 0x80, ins::AUTH),
            Self::Verify => |command| is(command, 0x84, ins::VERIFY),
            Self::Value => |command| is(command, 0x84, ins::TRANSACT),
            Self::Acknowledge => |command| is(command, 0x84, ins::ACK),
        }
    }
}

fn is(command: &[u8], cla: u8, ins: u8) -> bool {
    matches!(command, [class, instruction, ..] if (class & CLASS_MASK, *instruction) == (cla, ins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_plays_one_role_at_most() {
        for (header, role) in [
            ([0x00, 0xA4], Some("select")),
            ([0x03, 0xA4], Some("select")),
            ([0x80, 0x86], Some("authenticate")),
            ([0x91, 0x86], Some("authenticate")),
            ([0x84, 0x20], Some("verify")),
            ([0x86, 0xD8], Some("value")),
            ([0x84, 0xDA], Some("acknowledge")),
            ([0x00, 0xC0], None),
            ([0x84, 0xCA], None),
            ([0x00, 0x20], None),
        ] {
            let played: Vec<_> = CommandRole::ALL.iter().filter(|role| role.test()(&header)).collect();
            assert_eq!(played.first().map(|role| role.name()), role, "{header:02X?}");
            assert!(played.len() <= 1, "{header:02X?}");
        }
        assert!(CommandRole::ALL.iter().all(|role| CommandRole::named(role.name()) == Some(*role)));
    }
}
