//! Historical octets, of an answer to reset and of an answer to select, by their category indicator (ISO/IEC 7816-4:2020, 12.1.1).

use super::status::StatusWord;
use super::{compact_tlv, pretty::Listing};

/// Lists them.
pub(crate) fn list(listing: &mut Listing<'_>, base: usize, input: &[u8]) {
    match input {
        // ISO/IEC 7816-4:2020, 12.1.1: life cycle status and status word stand in the last three octets.
        [0x00, objects @ .., life_cycle, sw1, sw2] => {
            listing.line(base, "category 00: data objects, then a status indicator");
            compact_tlv::list(listing, base + 1, objects);
            let offset = base + input.len() - 3;
            listing.line(offset, &format!("life cycle status {life_cycle:02X}"));
            listing.line(offset + 1, &format!("status {}", StatusWord::from_bytes([*sw1, *sw2])));
        }
        // PC/SC Workgroup, Part 3, 3.1.3.2.3: a storage card's ATR made by the reader. It looks like compact-TLV and is not.
        [0x80, 0x4F, length, rid @ .., s, n1, n2, _, _, _, _] if usize::from(*length) == input.len() - 3 => {
            listing.line(base, "category 80, storage card by PC/SC part 3");
            listing.value(base + 1, "registered application provider", base + 3, rid);
            let offset = base + 3 + rid.len();
            listing.line(offset, &format!("standard {s:02X}"));
            listing.line(offset + 1, &format!("card name {n1:02X} {n2:02X}"));
        }
        [0x80, objects @ ..] => {
            listing.line(base, "category 80: data objects");
            compact_tlv::list(listing, base + 1, objects);
        }
        [0x10, reference @ ..] => {
            listing.value(base, "category 10: reference of directory data", base + 1, reference);
        }
        [category, rest @ ..] => {
            let meaning = if (0x81..=0x8F).contains(category) { "reserved" } else { "proprietary" };
            listing.value(base, &format!("category {category:02X}: {meaning}"), base + 1, rest);
        }
        [] => {}
    }
}
