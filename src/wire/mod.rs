//! Octets to values and back. Pure: no clock, no file, no randomness.
//!
//! Reading is done with nom on whole messages; every error says at which octet, what was expected and what was there.
//! Nothing is dropped: unknown tags, bits and status words survive reading and writing.

pub mod apdu;
pub mod atr;
pub mod ats;
mod capabilities;
mod ccid_log;
pub mod class;
pub mod compact_tlv;
pub mod context;
mod crc;
pub(crate) mod desfire;
pub mod dol;
mod emv_bits;
mod error;
pub mod explain;
mod field;
pub mod fields;
mod format;
pub mod frame;
pub mod guess;
pub mod hex;
mod historical;
pub mod instruction;
mod known_commands;
pub mod lines;
mod listing;
mod objects;
pub mod parameters;
pub mod paste;
mod pcsc_part3;
pub mod pretty;
pub mod recording;
pub mod status;
mod status_proprietary;
pub mod tag;
mod tag_more;
pub mod tlv;
mod trailer;
mod value;

pub use error::WireError;
pub(crate) use error::{Fault, Parsed, count, octets, one_octet};

/// The objects of `input` in order, each with where it stands; after an error the iterator is at its end.
fn each<'a, T>(
    input: &'a [u8],
    object: impl Fn(&'a [u8]) -> Parsed<'a, T>,
) -> impl Iterator<Item = Result<(usize, T), WireError>> {
    let mut rest = input;
    std::iter::from_fn(move || {
        let at = rest;
        if at.is_empty() {
            return None;
        }
        let offset = input.len() - at.len();
        rest = &[];
        Some(match object(at) {
            Ok((after, object)) => {
                rest = after;
                Ok((offset, object))
            }
            Err(error) => Err(Fault::unwrap(error).at(offset, at.len())),
        })
    })
}
