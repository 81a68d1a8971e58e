//! Identifiers, instructions, rights and refusals of the purse (specs/purse.md, clauses 1 and 5).

pub mod session;
pub mod transact;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::crypto::kdf::sha256;
use crate::entropy::Entropy;
use crate::wire::hex;
use crate::wire::status::StatusWord;
use crate::wire::tlv::Tag;

/// Application identifier.
pub const AID: [u8; 9] = [0xF0, 0x45, 0x50, 0x55, 0x52, 0x53, 0x45, 0x00, 0x01];

/// Instruction octets.
pub mod ins {
    /// VERIFY.
    pub const VERIFY: u8 = 0x20;
    /// MANAGE CHANNEL.
    pub const MANAGE_CHANNEL: u8 = 0x70;
    /// AUTH.
    pub const AUTH: u8 = 0x86;
    /// SELECT.
    pub const SELECT: u8 = 0xA4;
    /// READ.
    pub const READ: u8 = 0xB2;
    /// GET RESPONSE.
    pub const GET_RESPONSE: u8 = 0xC0;
    /// GET RECEIPT.
    pub const GET_RECEIPT: u8 = 0xCA;
    /// TRANSACT.
    pub const TRANSACT: u8 = 0xD8;
    /// ACK.
    pub const ACK: u8 = 0xDA;
}

/// Refusals that only this application gives (clause 6).
pub mod refusal {
    use super::StatusWord;

    /// Balance too small.
    pub const BALANCE_TOO_SMALL: StatusWord = StatusWord(0x9401);
    /// Maximum exceeded.
    pub const MAXIMUM_EXCEEDED: StatusWord = StatusWord(0x9402);
    /// No such debit in the ring, or more than is left of it.
    pub const NOT_REFUNDABLE: StatusWord = StatusWord(0x9403);
    /// Card blocked, terminated or not yet active.
    pub const NOT_ACTIVE: StatusWord = StatusWord(0x9404);
    /// Has taken over already, or is not fresh.
    pub const TAKEN_OVER: StatusWord = StatusWord(0x9405);
    /// Amount above the PIN limit and cardholder not verified.
    pub const VERIFICATION_REQUIRED: StatusWord = StatusWord(0x9410);

    /// What they mean; `None` for a status word that is none of them.
    pub const fn words(status: StatusWord) -> Option<&'static str> {
        Some(match status {
            BALANCE_TOO_SMALL => "balance too small",
            MAXIMUM_EXCEEDED => "maximum exceeded",
            NOT_REFUNDABLE => "no such debit in the ring, or more than is left of it",
            NOT_ACTIVE => "the card is blocked, terminated or not yet active",
            TAKEN_OVER => "the card has taken over already, or is not fresh",
            VERIFICATION_REQUIRED => "amount above the PIN limit, and the cardholder is not verified",
            _ => return None,
        })
    }

    /// The four digits and what they mean: [`StatusWord::told`] knows no words for these.
    pub fn told(status: StatusWord) -> String {
        words(status).map_or_else(|| status.told(), |words| format!("{:04X} ({words})", status.0))
    }
}

/// Tags of this application, for listings.
pub const TAGS: &[(Tag, &str)] = &[
    (Tag(0x6F), "file control information"),
    (Tag(0x84), "application identifier"),
    (Tag(0xA5), "proprietary information"),
    (Tag(0xC1), "version and suites"),
    (Tag(0xC2), "card nonce Nc"),
    (Tag(0xC3), "enciphered card id ECID"),
    (Tag(0xC4), "card ephemeral point Ec"),
    (Tag(0xC5), "key version"),
];

/// The two protocol suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Suite {
    /// Two-key triple DES, derived keys.
    Epc1,
    /// P-256 and AES-128, certificates.
    Epc2,
}

impl Suite {
    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Epc1 => "epc1",
            Self::Epc2 => "epc2",
        }
    }

    /// The suite of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Epc1, Self::Epc2].into_iter().find(|suite| suite.name() == name)
    }

    /// P1 of AUTH.
    pub const fn p1(self) -> u8 {
        match self {
            Self::Epc1 => 1,
            Self::Epc2 => 2,
        }
    }

    /// From P1 of AUTH.
    pub const fn from_p1(p1: u8) -> Option<Self> {
        match p1 {
            1 => Some(Self::Epc1),
            2 => Some(Self::Epc2),
            _ => None,
        }
    }

    /// Its bit in C1 of the SELECT answer.
    pub const fn bit(self) -> u8 {
        self.p1()
    }

    /// Octets of a MAC.
    pub const fn mac_len(self) -> usize {
        match self {
            Self::Epc1 => 8,
            Self::Epc2 => 16,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Epc1 => "EPC1",
            Self::Epc2 => "EPC2",
        })
    }
}

macro_rules! octet_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let octets = hex::parse(&text).map_err(serde::de::Error::custom)?;
                octets.try_into().map(Self).map_err(|octets: Vec<u8>| {
                    serde::de::Error::custom(format!(concat!("expected ", $len, " octets, got {}"), octets.len()))
                })
            }
        }
    };
}

octet_id!(
    /// CID: identifies a card within the scheme. Shown only to authentic terminals.
    CardId, 8
);
octet_id!(
    /// TID: identifies a terminal (a SAM) within the scheme.
    TerminalId, 8
);
octet_id!(
    /// TTID: terminal id(8), terminal sequence(4), random(4). One order, for ever.
    TransactionId, 16
);
octet_id!(
    /// LINK: the head of the card's receipt chain.
    Link, 8
);

impl CardId {
    /// An id of its own for a card of the test scheme: "UNTO", then what is drawn.
    pub fn drawn(entropy: &mut dyn Entropy) -> Self {
        let mut id = *b"UNTO\0\0\0\0";
        entropy.fill(&mut id[4..]);
        Self(id)
    }
}

impl Link {
    /// With which the life of a card begins (clause 6): the nonce is drawn for its personalisation alone.
    pub fn first(nonce: [u8; 16], card: CardId) -> Self {
        let mut link = [0; 8];
        link.copy_from_slice(&sha256(&[b"EPLK", &nonce, &card.0])[..8]);
        Self(link)
    }
}

impl TransactionId {
    /// From its parts.
    pub fn new(terminal: TerminalId, sequence: u32, random: [u8; 4]) -> Self {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&terminal.0);
        octets[8..12].copy_from_slice(&sequence.to_be_bytes());
        octets[12..].copy_from_slice(&random);
        Self(octets)
    }

    /// The terminal that made it.
    pub fn terminal(&self) -> TerminalId {
        let mut octets = [0; 8];
        octets.copy_from_slice(&self.0[..8]);
        TerminalId(octets)
    }
}

/// What a session may do (clause 5), with the logical cards of REQ-AU2-3 in the upper octet.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(pub u16);

impl Rights {
    /// Read records and receipts.
    pub const READ: Self = Self(0x01);
    /// Take value.
    pub const DEBIT: Self = Self(0x02);
    /// Top up.
    pub const CREDIT: Self = Self(0x04);
    /// Give back the value of a debit.
    pub const REFUND: Self = Self(0x08);
    /// Life cycle, take-over.
    pub const ADMINISTER: Self = Self(0x10);
    /// See and acknowledge other terminals' receipts.
    pub const COLLECT: Self = Self(0x20);
    /// Block by stop list.
    pub const BLOCK: Self = Self(0x40);

    /// Whether all of `wanted` is there.
    pub const fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Whether a certificate with these rights permits this logical card (REQ-AU2-3).
    pub const fn permits_logical_card(self, id: u8) -> bool {
        let mask = match (self.0 >> 8) as u8 {
            0 => 1,
            mask => mask,
        };
        matches!(id, 1..=8) && mask & (1 << (id - 1)) != 0
    }
}

impl std::ops::BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({:04X})", self.0)
    }
}

/// The role of an EPC1 key: the upper half of AUTH's P2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sale.
    Debit = 0,
    /// Top-up.
    Credit = 1,
    /// Refund.
    Refund = 2,
    /// Enquiry.
    Read = 3,
    /// Issuer's desk.
    Administer = 4,
}

impl Role {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Debit, Self::Credit, Self::Refund, Self::Read, Self::Administer];

    /// From the upper half of P2.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// P2 of AUTH for a key of this version, 1 to 15.
    pub const fn key_reference(self, version: u8) -> u8 {
        ((self as u8) << 4) | (version & 0x0F)
    }

    /// What a key of this role opens.
    pub const fn rights(self) -> Rights {
        Rights(match self {
            Self::Debit => 0x63,
            Self::Credit => 0x25,
            Self::Refund => 0x29,
            Self::Read => 0x21,
            Self::Administer => 0x71,
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
            Self::Refund => "refund",
            Self::Read => "read",
            Self::Administer => "administer",
        })
    }
}

/// Life cycle state of the card: the first octet of STATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LifeCycle {
    /// Moves value.
    Active = 0,
    /// Not yet handed out.
    Personalised = 1,
    /// On a stop list.
    Blocked = 2,
    /// For good.
    Terminated = 3,
}

impl LifeCycle {
    /// From its code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Active),
            1 => Some(Self::Personalised),
            2 => Some(Self::Blocked),
            3 => Some(Self::Terminated),
            _ => None,
        }
    }
}

impl fmt::Display for LifeCycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Personalised => "personalised",
            Self::Blocked => "blocked",
            Self::Terminated => "terminated",
        })
    }
}
