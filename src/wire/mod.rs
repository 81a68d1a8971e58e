//! Octets to values and back. Pure: no clock, no file, no randomness.
//!
//! Reading is done with nom on whole messages; every error says at which octet, what was expected and what was there.
//! Nothing is dropped: unknown tags, bits and status words survive reading and writing.

pub mod apdu;
pub mod atr;
pub mod ats;
pub mod class;
pub mod compact_tlv;
pub mod dol;
mod error;
pub mod fields;
pub mod hex;
pub mod pretty;
pub mod status;
pub mod tag;
pub mod tlv;

pub use error::WireError;
pub(crate) use error::{Fault, Parsed, count, octets, one_octet};
