//! The formats that octets may have.

use crate::quoted::quoted;
use std::fmt;
use std::str::FromStr;

/// What octets can be listed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A command APDU.
    CommandApdu,
    /// A response APDU.
    ResponseApdu,
    /// SW1 SW2 alone.
    StatusWord,
    /// BER-TLV data objects.
    BerTlv,
    /// Compact-TLV data objects.
    CompactTlv,
    /// A data object list.
    Dol,
    /// An answer to reset.
    Atr,
    /// An answer to select.
    Ats,
    /// A contactless frame with its checksum, or a T=1 block.
    Frame,
    /// Octets of no known format.
    Data,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CommandApdu,
        Self::ResponseApdu,
        Self::StatusWord,
        Self::BerTlv,
        Self::CompactTlv,
        Self::Dol,
        Self::Atr,
        Self::Ats,
        Self::Frame,
        Self::Data,
    ];

    /// The name by which a person picks it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CommandApdu => "command",
            Self::ResponseApdu => "response",
            Self::StatusWord => "status",
            Self::BerTlv => "ber-tlv",
            Self::CompactTlv => "compact-tlv",
            Self::Dol => "dol",
            Self::Atr => "atr",
            Self::Ats => "ats",
            Self::Frame => "frame",
            Self::Data => "data",
        }
    }

    /// What it is called in a sentence.
    pub const fn title(self) -> &'static str {
        match self {
            Self::CommandApdu => "command APDU",
            Self::ResponseApdu => "response APDU",
            Self::StatusWord => "status word",
            Self::BerTlv => "BER-TLV data objects",
            Self::CompactTlv => "compact-TLV data objects",
            Self::Dol => "data object list",
            Self::Atr => "answer to reset",
            Self::Ats => "answer to select",
            Self::Frame => "frame",
            Self::Data => "data of no known format",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the formats'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is no format: expected one of {}", quoted(got), Format::ALL.map(Format::name).join(", "))]
pub struct FormatError {
    got: String,
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        let found = Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| FormatError { got: name.to_owned() })
    }
}
