//! What card and terminal tell each other, octet by octet. Both sides share these layouts and nothing else.

use untorn::crypto::kdf::sha256;
use untorn::wire::WireError;

/// Name of the application.
pub const AID: &[u8] = b"\xF0STAMPS";
/// Class of its commands.
pub const CLASS: u8 = 0x80;
/// Stamps that one coffee costs.
pub const COFFEE: u8 = 10;
/// Stamps that a card holds at most.
pub const STAMPS_MAX: u8 = 99;
/// Visits that a card remembers.
pub const RING: usize = 8;
/// The visit that nobody makes.
pub const NO_VISIT: VisitId = [0xFF; 8];

/// Id of a card.
pub type CardId = [u8; 8];
/// Id of a visit: the number of the order, then four octets at random.
pub type VisitId = [u8; 8];

/// Instruction codes.
pub mod ins {
    /// One stamp more.
    pub const ADD_STAMP: u8 = 0x32;
    /// Ten stamps for a coffee.
    pub const REDEEM: u8 = 0x34;
    /// The receipt of a visit.
    pub const FIND_VISIT: u8 = 0x36;
    /// The count (P2 00), the terms (01), the card (02).
    pub const GET: u8 = 0xCA;
}

/// What a visit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// ADD STAMP.
    Stamp = 1,
    /// REDEEM.
    Coffee = 2,
}

impl Deed {
    /// How many stamps there are afterwards; `None` where the card cannot do it.
    pub fn after(self, stamps: u8) -> Option<u8> {
        match self {
            Self::Stamp => Some(stamps + 1).filter(|stamps| *stamps <= STAMPS_MAX),
            Self::Coffee => stamps.checked_sub(COFFEE),
        }
    }
}

/// The data of ADD STAMP and REDEEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// For this card only.
    pub card: CardId,
    /// The card's counter once it is done.
    pub counter: u32,
    /// An order of the same visit is the same order.
    pub visit: VisitId,
    /// Seconds since 1970, by the terminal's clock.
    pub time: u32,
}

/// A visit as the card remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Which.
    pub id: VisitId,
    /// When.
    pub time: u32,
    /// What.
    pub deed: Deed,
    /// Stamps after it.
    pub stamps: u8,
}

/// What a card answers to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The card's counter after the visit.
    pub counter: u32,
    /// The visit.
    pub visit: Visit,
}

/// All that a card says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Which card.
    pub card: CardId,
    /// Visits in its life.
    pub counter: u32,
    /// Stamps now.
    pub stamps: u8,
    /// Coffees in its life.
    pub coffees: u16,
    /// The last visits, the newest first.
    pub visits: Vec<Visit>,
}

/// Octets of a [`Visit`].
pub const VISIT_LEN: usize = 14;
/// Octets of an [`Order`].
pub const ORDER_LEN: usize = 24;
/// Octets at the end of an answer that show that it came whole. They prove nothing against who means to deceive: there is no key.
pub const CHECKSUM_LEN: usize = 4;

/// Takes octets one after the other.
struct Octets<'a> {
    all: &'a [u8],
    at: usize,
}

impl Octets<'_> {
    fn next<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        let rest = &self.all[self.at..];
        let taken = rest
            .first_chunk()
            .ok_or_else(|| WireError::new(self.at, format!("{what}, {N} octets"), format!("{} octets", rest.len())))?;
        self.at += N;
        Ok(*taken)
    }

    fn end(&self) -> Result<(), WireError> {
        let left = self.all.len() - self.at;
        if left == 0 { Ok(()) } else { Err(WireError::new(self.at, "the end", format!("{left} octets more"))) }
    }

    fn visit(&mut self) -> Result<Visit, WireError> {
        let (id, time) = (self.next("visit")?, u32::from_be_bytes(self.next("time")?));
        let [deed, stamps] = self.next("deed and stamps")?;
        let deed = match deed {
            1 => Deed::Stamp,
            2 => Deed::Coffee,
            other => return Err(WireError::new(self.at - 2, "01 or 02", format!("{other:02X}"))),
        };
        Ok(Visit { id, time, deed, stamps })
    }
}

impl Order {
    /// From octets.
    ///
    /// # Errors
    /// Another length.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut octets = Octets { all: octets, at: 0 };
        let order = Self {
            card: octets.next("card")?,
            counter: u32::from_be_bytes(octets.next("counter")?),
            visit: octets.next("visit")?,
            time: u32::from_be_bytes(octets.next("time")?),
        };
        octets.end().map(|()| order)
    }

    /// To octets.
    pub fn emit(&self) -> Vec<u8> {
        [&self.card[..], &self.counter.to_be_bytes(), &self.visit, &self.time.to_be_bytes()].concat()
    }
}

impl Visit {
    /// From octets.
    ///
    /// # Errors
    /// Another length, or a deed that there is not.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut octets = Octets { all: octets, at: 0 };
        let visit = octets.visit()?;
        octets.end().map(|()| visit)
    }

    /// To octets.
    pub fn emit(&self) -> [u8; VISIT_LEN] {
        let mut octets = [0; VISIT_LEN];
        octets[..8].copy_from_slice(&self.id);
        octets[8..12].copy_from_slice(&self.time.to_be_bytes());
        octets[12..].copy_from_slice(&[self.deed as u8, self.stamps]);
        octets
    }
}

impl Receipt {
    /// From octets whose checksum was looked at.
    ///
    /// # Errors
    /// Another length, or a deed that there is not.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut octets = Octets { all: octets, at: 0 };
        let receipt = Self { counter: u32::from_be_bytes(octets.next("counter")?), visit: octets.visit()? };
        octets.end().map(|()| receipt)
    }

    /// To octets, with the checksum.
    pub fn emit(&self) -> Vec<u8> {
        with_checksum([&self.counter.to_be_bytes()[..], &self.visit.emit()].concat())
    }
}

impl Picture {
    /// From octets whose checksum was looked at.
    ///
    /// # Errors
    /// Another length, or a deed that there is not.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let mut octets = Octets { all: octets, at: 0 };
        let (card, counter) = (octets.next("card")?, u32::from_be_bytes(octets.next("counter")?));
        let ([stamps], coffees) = (octets.next("stamps")?, u16::from_be_bytes(octets.next("coffees")?));
        let mut visits = Vec::new();
        while visits.len() < RING && octets.end().is_err() {
            visits.push(octets.visit()?);
        }
        octets.end()?;
        Ok(Self { card, counter, stamps, coffees, visits })
    }

    /// To octets, with the checksum.
    pub fn emit(&self) -> Vec<u8> {
        let head = [&self.card[..], &self.counter.to_be_bytes(), &[self.stamps], &self.coffees.to_be_bytes()].concat();
        let visits = self.visits.iter().flat_map(Visit::emit);
        with_checksum(head.into_iter().chain(visits).collect())
    }

    /// The visit that made the counter this; `None` for one that the card has forgotten, or has not made.
    pub fn visit(&self, counter: u32) -> Option<&Visit> {
        self.visits.get(usize::try_from(self.counter.checked_sub(counter)?).ok()?)
    }

    /// The visit that made the counter this; of a card without visits [`NO_VISIT`].
    pub fn id_at(&self, counter: u32) -> Option<VisitId> {
        if counter == 0 { Some(NO_VISIT) } else { self.visit(counter).map(|visit| visit.id) }
    }
}

fn checksum(octets: &[u8]) -> [u8; CHECKSUM_LEN] {
    let [a, b, c, d, ..] = sha256(&[octets]);
    [a, b, c, d]
}

fn with_checksum(mut octets: Vec<u8>) -> Vec<u8> {
    let checksum = checksum(&octets);
    octets.extend(checksum);
    octets
}

/// The octets before the checksum; `None` where it is not theirs.
pub fn checked(octets: &[u8]) -> Option<&[u8]> {
    let (rest, sum) = octets.split_last_chunk()?;
    (checksum(rest) == *sum).then_some(rest)
}
