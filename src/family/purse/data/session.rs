//! What opens a session: the SELECT answer, options, certificates, STATE (specs/purse.md, clauses 2 to 5).

use std::fmt;

use super::transact::{RECEIPT_BODY_LEN, ReceiptBody};
use super::{AID, LifeCycle, Link, Rights, Suite, TransactionId};
use crate::crypto::ec::{POINT_LEN, Point, PrivateKey, SIGNATURE_LEN};
use crate::money::Currency;
use crate::time::Moment;
use crate::wire::fields::Fields;
use crate::wire::tlv::{self, Tag};
use crate::wire::{WireError, hex};

/// What the SELECT answer R0 says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectAnswer {
    /// Bits of [`Suite::bit`].
    pub suites: u8,
    /// EPC1: card nonce, enciphered card id, key version.
    pub epc1: Option<Epc1Offer>,
    /// EPC2: ephemeral point, X|Y, not yet checked to be on the curve.
    pub epc2: Option<[u8; POINT_LEN]>,
}

/// What R0 carries for EPC1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epc1Offer {
    /// Nc.
    pub nonce: [u8; 8],
    /// ECID.
    pub enciphered_card_id: [u8; 8],
    /// kvn.
    pub key_version: u8,
}

const VERSION: u8 = 1;

impl SelectAnswer {
    /// The octets of R0, as the card sends them.
    pub fn emit(&self) -> Vec<u8> {
        let mut inner = Vec::with_capacity(100);
        tlv::push(&mut inner, Tag(0xC1), &[VERSION, self.suites]);
        if let Some(offer) = &self.epc1 {
            tlv::push(&mut inner, Tag(0xC2), &offer.nonce);
            tlv::push(&mut inner, Tag(0xC3), &offer.enciphered_card_id);
        }
        if let Some(point) = &self.epc2 {
            tlv::push(&mut inner, Tag(0xC4), point);
        }
        if let Some(offer) = &self.epc1 {
            tlv::push(&mut inner, Tag(0xC5), &[offer.key_version]);
        }
        let mut body = Vec::with_capacity(120);
        tlv::push(&mut body, Tag(0x84), &AID);
        tlv::push(&mut body, Tag(0xA5), &inner);
        let mut r0 = Vec::with_capacity(124);
        tlv::push(&mut r0, Tag(0x6F), &body);
        r0
    }

    /// Reads R0. Tags that this version does not know are passed over; R0 as a whole is authenticated later.
    pub fn parse(r0: &[u8]) -> Result<Self, WireError> {
        let body = required(r0, Tag(0x6F))?;
        let aid = required(body, Tag(0x84))?;
        if aid != AID {
            return Err(WireError::new(4, format!("AID {}", hex::encode(&AID)), hex::encode(aid)));
        }
        let inner = required(body, Tag(0xA5))?;
        let [version, suites] = fixed(inner, Tag(0xC1))?.ok_or_else(|| missing(Tag(0xC1)))?;
        if version != VERSION {
            return Err(WireError::new(0, "version 01", format!("{version:02X}")));
        }
        let epc1 = match (fixed(inner, Tag(0xC2))?, fixed(inner, Tag(0xC3))?, fixed(inner, Tag(0xC5))?) {
            (Some(nonce), Some(enciphered_card_id), Some([key_version])) => {
                Some(Epc1Offer { nonce, enciphered_card_id, key_version })
            }
            _ => None,
        };
        Ok(Self { suites, epc1, epc2: fixed(inner, Tag(0xC4))? })
    }

    /// Whether the card offers this suite with all that it needs.
    pub fn offers(&self, suite: Suite) -> bool {
        let present = match suite {
            Suite::Epc1 => self.epc1.is_some(),
            Suite::Epc2 => self.epc2.is_some(),
        };
        self.suites & suite.bit() != 0 && present
    }
}

fn missing(tag: Tag) -> WireError {
    WireError::new(0, format!("tag {:02X}", tag.0), "none")
}

fn required(octets: &[u8], tag: Tag) -> Result<&[u8], WireError> {
    tlv::find(octets, tag)?.ok_or_else(|| missing(tag))
}

/// The value of a tag that has exactly `N` octets, if it is there.
fn fixed<const N: usize>(octets: &[u8], tag: Tag) -> Result<Option<[u8; N]>, WireError> {
    let Some(value) = tlv::find(octets, tag)? else { return Ok(None) };
    let refuse = |_| WireError::new(0, format!("{N} octets in tag {:02X}", tag.0), value.len().to_string());
    value.try_into().map(Some).map_err(refuse)
}

/// What the terminal asks for in AUTH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The logical cards of the session, ascending, 1 to 8 of them.
    pub logical_cards: Vec<u8>,
    /// Ask for a [`LogicalCardDetail`] each.
    pub details: bool,
    /// Ask for unratified receipts.
    pub unratified: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { logical_cards: vec![1], details: false, unratified: false }
    }
}

impl Options {
    /// The octets; empty for the default.
    pub fn emit(&self) -> Vec<u8> {
        let mut opts = Vec::new();
        if self.logical_cards != [1] {
            tlv::push(&mut opts, Tag(0x90), &self.logical_cards);
        }
        let wanted = u8::from(self.details) | (u8::from(self.unratified) << 1);
        if wanted != 0 {
            tlv::push(&mut opts, Tag(0x91), &[wanted]);
        }
        opts
    }

    /// Reads opts; tags other than 90 and 91 are passed over.
    pub fn parse(opts: &[u8]) -> Result<Self, WireError> {
        let mut options = Self::default();
        if let Some(list) = tlv::find(opts, Tag(0x90))? {
            let ascending = list.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || list.is_empty() || !list.iter().all(|id| (1..=8).contains(id)) {
                return Err(WireError::new(0, "1 to 8 logical cards from 01 to 08, ascending", hex::encode(list)));
            }
            options.logical_cards = list.to_vec();
        }
        if let Some([wanted]) = fixed(opts, Tag(0x91))? {
            options.details = wanted & 1 != 0;
            options.unratified = wanted & 2 != 0;
        }
        Ok(options)
    }
}

/// Whose certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A terminal.
    Terminal,
    /// A card.
    Card,
}

/// Octets of a certificate.
pub const CERTIFICATE_LEN: usize = 148;
const CERTIFICATE_SIGNED_LEN: usize = 84;
/// 2016-01-01, in days since 1970-01-01: day 0 of certificates.
pub const CERTIFICATE_EPOCH_DAY: u16 = 16_801;

/// A certificate (clause 4). Reading one proves nothing: call [`Certificate::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Terminal or card.
    pub subject: Subject,
    /// Operator that vouches for it.
    pub issuer: u32,
    /// TID or CID.
    pub subject_id: [u8; 8],
    /// First day, counted from 2016-01-01.
    pub not_before: u16,
    /// Last day.
    pub not_after: u16,
    /// Rights of a terminal.
    pub rights: Rights,
    /// Public key X|Y, not yet checked to be on the curve.
    pub point: [u8; POINT_LEN],
    /// r|s.
    pub signature: [u8; SIGNATURE_LEN],
}

impl Certificate {
    /// The octets.
    pub fn emit(&self) -> [u8; CERTIFICATE_LEN] {
        let mut octets = [0; CERTIFICATE_LEN];
        octets[0] = 1;
        octets[1] = match self.subject {
            Subject::Terminal => b'T',
            Subject::Card => b'C',
        };
        octets[2..6].copy_from_slice(&self.issuer.to_be_bytes());
        octets[6..14].copy_from_slice(&self.subject_id);
        octets[14..16].copy_from_slice(&self.not_before.to_be_bytes());
        octets[16..18].copy_from_slice(&self.not_after.to_be_bytes());
        octets[18..20].copy_from_slice(&self.rights.0.to_be_bytes());
        octets[20..CERTIFICATE_SIGNED_LEN].copy_from_slice(&self.point);
        octets[CERTIFICATE_SIGNED_LEN..].copy_from_slice(&self.signature);
        octets
    }

    /// Reads the octets; judges only their form.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(octets);
        let version = fields.octet("certificate version")?;
        if version != 1 {
            return Err(WireError::new(0, "certificate version 01", format!("{version:02X}")));
        }
        let subject = match fields.octet("certificate role")? {
            b'T' => Subject::Terminal,
            b'C' => Subject::Card,
            other => return Err(WireError::new(1, "role 'T' or 'C'", format!("{other:02X}"))),
        };
        let certificate = Self {
            subject,
            issuer: fields.u32("issuer")?,
            subject_id: fields.take("subject id")?,
            not_before: fields.u16("first day")?,
            not_after: fields.u16("last day")?,
            rights: Rights(fields.u16("rights")?),
            point: fields.take("public key")?,
            signature: fields.take("signature")?,
        };
        fields.end()?;
        Ok(certificate)
    }

    /// Signs with the authority's key; what `signature` held is replaced.
    #[must_use]
    pub fn signed(mut self, authority: &PrivateKey) -> Self {
        self.signature = authority.sign(&self.emit()[..CERTIFICATE_SIGNED_LEN]);
        self
    }

    /// Signature and key; role and validity are the caller's to judge. The subject's public key on success.
    pub fn verify(&self, authority: &Point) -> Result<Point, crate::crypto::ec::EcError> {
        let point = Point::new(&self.point)?;
        authority.verify(&self.emit()[..CERTIFICATE_SIGNED_LEN], &self.signature)?;
        Ok(point)
    }

    /// Whether it is valid at that moment.
    pub fn is_valid_at(&self, now: Moment) -> bool {
        let day = now.day().checked_sub(CERTIFICATE_EPOCH_DAY.into());
        day.is_some_and(|day| (self.not_before.into()..=self.not_after.into()).contains(&day))
    }

    /// First and last day of its validity, as dates.
    pub fn validity(&self) -> (String, String) {
        let date = |day: u16| Moment::from_day(u32::from(day) + u32::from(CERTIFICATE_EPOCH_DAY)).date();
        (date(self.not_before), date(self.not_after))
    }
}

/// One logical card as STATE shows it (record C0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalCardDetail {
    /// 1 to 8.
    pub id: u8,
    /// Whose it is.
    pub operator: u32,
    /// Minor units.
    pub balance: u32,
    /// What the balance counts.
    pub currency: Currency,
    /// Most that the balance may become.
    pub maximum: u32,
    /// The counter of rides, stamps and the like.
    pub counter: u32,
    /// Debits above it need the cardholder's PIN.
    pub pin_limit: u32,
}

/// An unratified receipt as STATE shows it (record C1).
#[derive(Clone, PartialEq, Eq)]
pub struct SealedReceipt {
    /// What the card wrote.
    pub body: ReceiptBody,
    /// RM, 8 or 16 octets; only the upper system can check it.
    pub seal: Vec<u8>,
}

impl fmt::Debug for SealedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedReceipt").field("body", &self.body).field("seal", &hex::Octets(&self.seal)).finish()
    }
}

impl SealedReceipt {
    /// body|RM.
    pub fn emit(&self) -> Vec<u8> {
        let mut octets = self.body.emit().to_vec();
        octets.extend_from_slice(&self.seal);
        octets
    }

    /// Reads body|RM of this suite.
    pub fn parse(octets: &[u8], suite: Suite) -> Result<Self, WireError> {
        let mut fields = Fields::new(octets);
        let body = ReceiptBody::parse(fields.slice(RECEIPT_BODY_LEN, "receipt body")?)?;
        let seal = fields.slice(suite.mac_len(), "receipt MAC")?.to_vec();
        fields.end()?;
        Ok(Self { body, seal })
    }
}

/// STATE: what the card says of itself once the terminal has proved itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardState {
    /// Life cycle.
    pub life_cycle: LifeCycle,
    /// TC: transactions committed in the card's life.
    pub transaction_counter: u32,
    /// Of the session's first logical card.
    pub balance: u32,
    /// Of the session's first logical card.
    pub currency: Currency,
    /// TTID of the last commit, zeros before the first.
    pub last_transaction: TransactionId,
    /// Bits of [`CardState::PIN_PRESENT`] and the like; unknown ones are kept.
    pub flags: u8,
    /// Head of the receipt chain.
    pub link: Link,
    /// Receipts that no terminal has acknowledged, as far as the session may see.
    pub unratified_count: u8,
    /// Details, where asked for.
    pub details: Vec<LogicalCardDetail>,
    /// Unratified receipts, where asked for, oldest first.
    pub unratified: Vec<SealedReceipt>,
}

impl CardState {
    /// The card has a PIN.
    pub const PIN_PRESENT: u8 = 0x01;
    /// The device has verified its holder.
    pub const VERIFIED_ON_DEVICE: u8 = 0x02;
    /// No PIN tries are left.
    pub const PIN_BLOCKED: u8 = 0x04;

    /// The octets.
    pub fn emit(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(64);
        octets.push(self.life_cycle as u8);
        octets.extend_from_slice(&self.transaction_counter.to_be_bytes());
        octets.extend_from_slice(&self.balance.to_be_bytes());
        octets.extend_from_slice(&self.currency.to_bcd());
        octets.extend_from_slice(&self.last_transaction.0);
        octets.push(self.flags);
        octets.extend_from_slice(&self.link.0);
        octets.push(self.unratified_count);
        for detail in &self.details {
            tlv::push(&mut octets, Tag(0xC0), &detail.emit());
        }
        for receipt in &self.unratified {
            tlv::push(&mut octets, Tag(0xC1), &receipt.emit());
        }
        octets
    }

    /// Reads STATE of a session of this suite.
    pub fn parse(octets: &[u8], suite: Suite) -> Result<Self, WireError> {
        let mut fields = Fields::new(octets);
        let code = fields.octet("status")?;
        let life_cycle =
            LifeCycle::from_code(code).ok_or_else(|| WireError::new(0, "status 00 to 03", format!("{code:02X}")))?;
        let mut state = Self {
            life_cycle,
            transaction_counter: fields.u32("TC")?,
            balance: fields.u32("balance")?,
            currency: currency(&mut fields)?,
            last_transaction: TransactionId(fields.take("last TTID")?),
            flags: fields.octet("flags")?,
            link: Link(fields.take("LINK")?),
            unratified_count: fields.octet("number of unratified receipts")?,
            details: Vec::new(),
            unratified: Vec::new(),
        };
        for object in tlv::iter(fields.rest()) {
            let object = object?;
            match object.tag {
                Tag(0xC0) => state.details.push(LogicalCardDetail::parse(object.value)?),
                Tag(0xC1) => state.unratified.push(SealedReceipt::parse(object.value, suite)?),
                _ => {}
            }
        }
        Ok(state)
    }
}

fn currency(fields: &mut Fields<'_>) -> Result<Currency, WireError> {
    let digits = fields.take("currency")?;
    Currency::from_bcd(digits)
        .ok_or_else(|| fields.wrong("a currency of decimal digits before it".to_owned(), hex::encode(&digits)))
}

impl LogicalCardDetail {
    fn emit(&self) -> [u8; 23] {
        let mut octets = [0; 23];
        octets[0] = self.id;
        octets[1..5].copy_from_slice(&self.operator.to_be_bytes());
        octets[5..9].copy_from_slice(&self.balance.to_be_bytes());
        octets[9..11].copy_from_slice(&self.currency.to_bcd());
        octets[11..15].copy_from_slice(&self.maximum.to_be_bytes());
        octets[15..19].copy_from_slice(&self.counter.to_be_bytes());
        octets[19..].copy_from_slice(&self.pin_limit.to_be_bytes());
        octets
    }

    fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(octets);
        let detail = Self {
            id: fields.octet("logical card")?,
            operator: fields.u32("operator")?,
            balance: fields.u32("balance")?,
            currency: currency(&mut fields)?,
            maximum: fields.u32("maximum")?,
            counter: fields.u32("counter")?,
            pin_limit: fields.u32("PIN limit")?,
        };
        fields.end()?;
        Ok(detail)
    }
}
