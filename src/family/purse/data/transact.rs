//! TRANSACT: the order, its operations, the receipt, the chain (specs/purse.md, clause 6).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CardId, LifeCycle, Link, Rights, TransactionId};
use crate::crypto::kdf::sha256;
use crate::money::Currency;
use crate::wire::fields::Fields;
use crate::wire::tlv::{self, Tag};
use crate::wire::{WireError, hex};

/// Most operations in one TRANSACT.
pub const OPERATIONS_MAX: usize = 8;
/// Octets of a record.
pub const RECORD_LEN: usize = 16;
/// Octets of a receipt body.
pub const RECEIPT_BODY_LEN: usize = 68;

const LAYOUT: u8 = 1;
/// File 01: records written by number.
pub const FILE_LINEAR: u8 = 1;
/// File 02: records appended, the oldest falls out.
pub const FILE_CYCLIC: u8 = 2;

/// The plaintext of TRANSACT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactOrder {
    /// TC seen in STATE, and one.
    pub expected_counter: u32,
    /// TTID.
    pub transaction: TransactionId,
    /// Terminal's clock, seconds since 1970.
    pub time: u32,
    /// 1 to 8.
    pub operations: Vec<Operation>,
}

/// One change of one logical card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// 80: take value.
    Debit {
        /// 1 to 8.
        logical_card: u8,
        /// Minor units, not 0.
        amount: u32,
    },
    /// 81: write a record of the linear file.
    WriteRecord {
        /// 1 to 8.
        logical_card: u8,
        /// From 1.
        record: u8,
        /// The record.
        data: [u8; RECORD_LEN],
    },
    /// 82: append to the cyclic file.
    AppendRecord {
        /// 1 to 8.
        logical_card: u8,
        /// The record.
        data: [u8; RECORD_LEN],
    },
    /// 83: count down or up.
    Count {
        /// 1 to 8.
        logical_card: u8,
        /// Up, or down.
        up: bool,
        /// By how much.
        number: u32,
    },
    /// 84: give back value of an earlier debit.
    Refund {
        /// 1 to 8.
        logical_card: u8,
        /// Minor units, not 0.
        amount: u32,
        /// TTID of the debit.
        of: TransactionId,
    },
    /// 85: top up.
    Credit {
        /// 1 to 8.
        logical_card: u8,
        /// Minor units, not 0.
        amount: u32,
    },
    /// 86: change the life cycle.
    LifeCycle {
        /// To which state.
        status: LifeCycle,
    },
    /// 87: take over the value of a replaced card.
    TakeOver {
        /// 1 to 8.
        logical_card: u8,
        /// Minor units, not 0.
        amount: u32,
        /// The replaced card.
        from: CardId,
        /// Its LINK, as the upper system knows it.
        link: Link,
    },
}

/// In words, for a log: what it changes, by how much, on which logical card.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debit { logical_card, amount } => write!(f, "debit of {amount} from logical card {logical_card}"),
            Self::WriteRecord { logical_card, record, data } => {
                write!(f, "record {record} of logical card {logical_card} becomes {}", hex::encode(data))
            }
            Self::AppendRecord { logical_card, data } => {
                write!(f, "{} appended to the cyclic file of logical card {logical_card}", hex::encode(data))
            }
            Self::Count { logical_card, up, number } => {
                let direction = if *up { "up" } else { "down" };
                write!(f, "counter of logical card {logical_card} {direction} by {number}")
            }
            Self::Refund { logical_card, amount, of } => {
                write!(f, "refund of {amount} to logical card {logical_card}, of the debit {of}")
            }
            Self::Credit { logical_card, amount } => write!(f, "credit of {amount} to logical card {logical_card}"),
            Self::LifeCycle { status } => write!(f, "the card becomes {status}"),
            Self::TakeOver { logical_card, amount, from, link } => {
                write!(f, "logical card {logical_card} takes over {amount} from card {from} with LINK {link}")
            }
        }
    }
}

impl Operation {
    const fn tag(&self) -> Tag {
        Tag(match self {
            Self::Debit { .. } => 0x80,
            Self::WriteRecord { .. } => 0x81,
            Self::AppendRecord { .. } => 0x82,
            Self::Count { .. } => 0x83,
            Self::Refund { .. } => 0x84,
            Self::Credit { .. } => 0x85,
            Self::LifeCycle { .. } => 0x86,
            Self::TakeOver { .. } => 0x87,
        })
    }

    /// The logical card that it changes; `None` for the card as a whole.
    pub const fn logical_card(&self) -> Option<u8> {
        match self {
            Self::Debit { logical_card, .. }
            | Self::WriteRecord { logical_card, .. }
            | Self::AppendRecord { logical_card, .. }
            | Self::Count { logical_card, .. }
            | Self::Refund { logical_card, .. }
            | Self::Credit { logical_card, .. }
            | Self::TakeOver { logical_card, .. } => Some(*logical_card),
            Self::LifeCycle { .. } => None,
        }
    }

    /// The rights of which any one suffices.
    pub const fn rights(&self) -> &'static [Rights] {
        match self {
            Self::Debit { .. }
            | Self::WriteRecord { .. }
            | Self::AppendRecord { .. }
            | Self::Count { up: false, .. } => &[Rights::DEBIT],
            Self::Count { up: true, .. } | Self::Credit { .. } => &[Rights::CREDIT],
            Self::Refund { .. } => &[Rights::REFUND],
            Self::LifeCycle { status: LifeCycle::Blocked } => &[Rights::BLOCK, Rights::ADMINISTER],
            Self::LifeCycle { .. } | Self::TakeOver { .. } => &[Rights::ADMINISTER],
        }
    }

    /// How the receipt names it.
    pub const fn receipt_type(&self) -> ReceiptType {
        match self {
            Self::Debit { .. } => ReceiptType::Debit,
            Self::WriteRecord { .. } | Self::AppendRecord { .. } | Self::Count { .. } => ReceiptType::Data,
            Self::Refund { .. } => ReceiptType::Refund,
            Self::Credit { .. } => ReceiptType::TopUp,
            Self::LifeCycle { .. } => ReceiptType::LifeCycle,
            Self::TakeOver { .. } => ReceiptType::TakeOver,
        }
    }

    /// The value that it moves, 0 where it moves none.
    pub const fn amount(&self) -> u32 {
        match self {
            Self::Debit { amount, .. }
            | Self::Refund { amount, .. }
            | Self::Credit { amount, .. }
            | Self::TakeOver { amount, .. } => *amount,
            _ => 0,
        }
    }

    fn emit(&self, into: &mut Vec<u8>) {
        let mut value = Vec::with_capacity(24);
        value.push(self.logical_card().unwrap_or(0));
        match self {
            Self::Debit { amount, .. } | Self::Credit { amount, .. } => value.extend_from_slice(&amount.to_be_bytes()),
            Self::WriteRecord { record, data, .. } => {
                value.extend_from_slice(&[FILE_LINEAR, *record]);
                value.extend_from_slice(data);
            }
            Self::AppendRecord { data, .. } => {
                value.push(FILE_CYCLIC);
                value.extend_from_slice(data);
            }
            Self::Count { up, number, .. } => {
                value.push(u8::from(*up));
                value.extend_from_slice(&number.to_be_bytes());
            }
            Self::Refund { amount, of, .. } => {
                value.extend_from_slice(&amount.to_be_bytes());
                value.extend_from_slice(&of.0);
            }
            Self::LifeCycle { status } => value.push(*status as u8),
            Self::TakeOver { amount, from, link, .. } => {
                value.extend_from_slice(&amount.to_be_bytes());
                value.extend_from_slice(&from.0);
                value.extend_from_slice(&link.0);
            }
        }
        tlv::push(into, self.tag(), &value);
    }

    fn parse(object: &tlv::Tlv<'_>) -> Result<Self, WireError> {
        let mut fields = Fields::new(object.value);
        let logical_card = fields.octet("logical card")?;
        let operation = match object.tag {
            Tag(0x80) => Self::Debit { logical_card, amount: fields.u32("amount")? },
            Tag(0x81) => {
                expect_octet(&mut fields, FILE_LINEAR, "file 01")?;
                Self::WriteRecord { logical_card, record: fields.octet("record")?, data: fields.take("data")? }
            }
            Tag(0x82) => {
                expect_octet(&mut fields, FILE_CYCLIC, "file 02")?;
                Self::AppendRecord { logical_card, data: fields.take("data")? }
            }
            Tag(0x83) => {
                let up = match fields.octet("direction")? {
                    0 => false,
                    1 => true,
                    other => return Err(fields.wrong("00 or 01 before it".to_owned(), format!("{other:02X}"))),
                };
                Self::Count { logical_card, up, number: fields.u32("number")? }
            }
            Tag(0x84) => Self::Refund {
                logical_card,
                amount: fields.u32("amount")?,
                of: TransactionId(fields.take("TTID of the debit")?),
            },
            Tag(0x85) => Self::Credit { logical_card, amount: fields.u32("amount")? },
            Tag(0x86) => {
                let code = fields.octet("status")?;
                let status = LifeCycle::from_code(code)
                    .ok_or_else(|| fields.wrong("status 00 to 03 before it".to_owned(), format!("{code:02X}")))?;
                Self::LifeCycle { status }
            }
            Tag(0x87) => Self::TakeOver {
                logical_card,
                amount: fields.u32("amount")?,
                from: CardId(fields.take("CID of the replaced card")?),
                link: Link(fields.take("its LINK")?),
            },
            Tag(other) => return Err(WireError::new(0, "operation 80 to 87", format!("{other:02X}"))),
        };
        fields.end()?;
        if operation.logical_card().is_none() && logical_card != 0 {
            return Err(WireError::new(0, "logical card 00, the card as a whole", format!("{logical_card:02X}")));
        }
        Ok(operation)
    }
}

fn expect_octet(fields: &mut Fields<'_>, octet: u8, what: &'static str) -> Result<(), WireError> {
    match fields.octet(what)? {
        got if got == octet => Ok(()),
        got => Err(fields.wrong(format!("{what} before it"), format!("{got:02X}"))),
    }
}

impl TransactOrder {
    /// The octets.
    pub fn emit(&self) -> Vec<u8> {
        let mut octets = vec![LAYOUT];
        octets.extend_from_slice(&self.expected_counter.to_be_bytes());
        octets.extend_from_slice(&self.transaction.0);
        octets.extend_from_slice(&self.time.to_be_bytes());
        for operation in &self.operations {
            operation.emit(&mut octets);
        }
        octets
    }

    /// Reads the octets; judges their form, not whether the card can do it.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(octets);
        expect_octet(&mut fields, LAYOUT, "layout 01")?;
        let expected_counter = fields.u32("expected TC")?;
        let transaction = TransactionId(fields.take("TTID")?);
        let time = fields.u32("time")?;
        let operations: Vec<Operation> =
            tlv::iter(fields.rest()).map(|object| Operation::parse(&object?)).collect::<Result<_, _>>()?;
        if operations.is_empty() || operations.len() > OPERATIONS_MAX {
            return Err(WireError::new(25, "1 to 8 operations", operations.len().to_string()));
        }
        Ok(Self { expected_counter, transaction, time, operations })
    }

    /// The operation that the receipt speaks of: the first that moves value or changes the life cycle, else the first.
    pub fn principal(&self) -> Option<&Operation> {
        let moves = |operation: &&Operation| operation.receipt_type() != ReceiptType::Data;
        self.operations.iter().find(moves).or_else(|| self.operations.first())
    }

    /// What the receipt binds of the order: the first 16 octets of SHA-256 over the plaintext.
    pub fn digest(&self) -> [u8; 16] {
        let mut digest = [0; 16];
        digest.copy_from_slice(&sha256(&[&self.emit()])[..16]);
        digest
    }
}

/// What a receipt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptType {
    /// Value taken.
    Debit = 1,
    /// Value added.
    TopUp = 2,
    /// Value given back.
    Refund = 3,
    /// Records and counters only.
    Data = 4,
    /// Blocked, activated, terminated.
    LifeCycle = 5,
    /// Value of a replaced card taken over.
    TakeOver = 6,
}

impl ReceiptType {
    /// From its code.
    pub fn from_code(code: u8) -> Option<Self> {
        let all = [Self::Debit, Self::TopUp, Self::Refund, Self::Data, Self::LifeCycle, Self::TakeOver];
        all.into_iter().find(|receipt_type| *receipt_type as u8 == code)
    }
}

impl fmt::Display for ReceiptType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debit => "sale",
            Self::TopUp => "top-up",
            Self::Refund => "refund",
            Self::Data => "data",
            Self::LifeCycle => "life cycle",
            Self::TakeOver => "take-over",
        })
    }
}

/// What the card writes of one commit.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiptBody {
    /// CID.
    pub card: CardId,
    /// TC of this commit.
    pub transaction_counter: u32,
    /// TTID of the order.
    pub transaction: TransactionId,
    /// Of the principal operation.
    pub receipt_type: ReceiptType,
    /// Of the principal operation, minor units.
    pub amount: u32,
    /// Of its logical card.
    pub currency: Currency,
    /// Of its logical card, after the commit.
    pub balance_after: u32,
    /// As the order gave it.
    pub time: u32,
    /// [`TransactOrder::digest`].
    pub order_digest: [u8; 16],
    /// LINK before this commit.
    pub previous_link: Link,
}

impl fmt::Debug for ReceiptBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiptBody")
            .field("card", &self.card)
            .field("transaction_counter", &self.transaction_counter)
            .field("transaction", &self.transaction)
            .field("receipt_type", &self.receipt_type)
            .field("amount", &self.amount)
            .field("currency", &self.currency)
            .field("balance_after", &self.balance_after)
            .field("time", &self.time)
            .field("order_digest", &hex::Octets(&self.order_digest))
            .field("previous_link", &self.previous_link)
            .finish()
    }
}

impl ReceiptBody {
    /// The octets.
    pub fn emit(&self) -> [u8; RECEIPT_BODY_LEN] {
        let mut octets = [0; RECEIPT_BODY_LEN];
        octets[0] = LAYOUT;
        octets[1..9].copy_from_slice(&self.card.0);
        octets[9..13].copy_from_slice(&self.transaction_counter.to_be_bytes());
        octets[13..29].copy_from_slice(&self.transaction.0);
        octets[29] = self.receipt_type as u8;
        octets[30..34].copy_from_slice(&self.amount.to_be_bytes());
        octets[34..36].copy_from_slice(&self.currency.to_bcd());
        octets[36..40].copy_from_slice(&self.balance_after.to_be_bytes());
        octets[40..44].copy_from_slice(&self.time.to_be_bytes());
        octets[44..60].copy_from_slice(&self.order_digest);
        octets[60..].copy_from_slice(&self.previous_link.0);
        octets
    }

    /// Reads the octets.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(octets);
        expect_octet(&mut fields, LAYOUT, "receipt version 01")?;
        let (card, transaction_counter, transaction) =
            (CardId(fields.take("CID")?), fields.u32("TC")?, TransactionId(fields.take("TTID")?));
        let code = fields.octet("type")?;
        let receipt_type = ReceiptType::from_code(code)
            .ok_or_else(|| fields.wrong("type 01 to 06 before it".to_owned(), format!("{code:02X}")))?;
        let amount = fields.u32("amount")?;
        let digits = fields.take("currency")?;
        let currency = Currency::from_bcd(digits)
            .ok_or_else(|| fields.wrong("a currency of decimal digits before it".to_owned(), hex::encode(&digits)))?;
        let body = Self {
            card,
            transaction_counter,
            transaction,
            receipt_type,
            amount,
            currency,
            balance_after: fields.u32("balance after")?,
            time: fields.u32("time")?,
            order_digest: fields.take("digest")?,
            previous_link: Link(fields.take("previous LINK")?),
        };
        fields.end()?;
        Ok(body)
    }

    /// LINK after this commit; a terminal can compute it before it sends the order.
    pub fn link(&self) -> Link {
        let digest = sha256(&[b"EPLK", &self.previous_link.0, &self.emit()]);
        let mut link = [0; 8];
        link.copy_from_slice(&digest[..8]);
        Link(link)
    }
}

/// What the card's key signs on request, of a receipt body as it stands on the wire.
pub fn signed_message(body: &[u8]) -> Vec<u8> {
    [b"EPSG".as_slice(), body].concat()
}
