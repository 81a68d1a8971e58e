//! Historical octets, of an answer to reset and of an answer to select, by their category indicator (ISO/IEC 7816-4:2020, 12.1.1), and
//! what a reader writes there for a contactless card (PC/SC Workgroup, Interoperability Specification, Part 3, 3.1.3.2.3).

use super::status::StatusWord;
use super::{capabilities, compact_tlv, hex, pcsc_part3, pretty::Listing};

/// Lists them. `contactless` says that the interface octets are those that a reader makes for a contactless card.
pub(crate) fn list(listing: &mut Listing<'_>, base: usize, input: &[u8], contactless: bool) {
    match input {
        _ if contactless && is_type_b(input) => list_type_b(listing, base, input),
        // ISO/IEC 7816-4:2020, 12.1.1: life cycle status and status word stand in the last three octets.
        [0x00, objects @ .., life_cycle, sw1, sw2] => {
            listing.line(base, "category 00: data objects, then a status indicator");
            compact_tlv::list(listing, base + 1, objects);
            let offset = base + input.len() - 3;
            let meaning = capabilities::life_cycle(*life_cycle);
            listing.line(offset, &format!("life cycle status {life_cycle:02X}: {meaning}"));
            listing.line(offset + 1, &format!("status {}", StatusWord::from_bytes([*sw1, *sw2])));
        }
        // It looks like compact-TLV and is not.
        [0x80, 0x4F, length, rid @ .., s, n1, n2, _, _, _, _] if usize::from(*length) == input.len() - 3 => {
            list_storage_card(listing, base, rid, *s, [*n1, *n2]);
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

fn list_storage_card(listing: &mut Listing<'_>, base: usize, rid: &[u8], standard: u8, name: [u8; 2]) {
    listing.line(base, "category 80, storage card by PC/SC part 3");
    listing.value(base + 1, "registered application provider", base + 3, rid);
    if rid != pcsc_part3::RID {
        let expected = hex::spaced(&pcsc_part3::RID);
        return listing
            .line(base + 3, &format!("not the PC/SC Workgroup, {expected}: what follows may have other meanings"));
    }
    let offset = base + 3 + rid.len();
    let meaning = pcsc_part3::standard(standard).unwrap_or("not in the table");
    listing.line(offset, &format!("standard {standard:02X}: {meaning}"));
    let [n1, n2] = name;
    let meaning =
        pcsc_part3::card_name(u16::from_be_bytes(name)).unwrap_or("not in the table: the maker of the reader knows");
    listing.line(offset + 1, &format!("card name {n1:02X} {n2:02X}: {meaning}"));
}

/// Whether eight octets are those of an ATQB: application data, protocol information, then the MBLI in the high half of the last
/// (PC/SC part 3, 3.1.3.2.3.2). The bits that ISO/IEC 14443-3:2018, 7.9.4 reserves must be zero, and the card must know part 4. A
/// card of type A whose ATS begins with a category and goes on in good order is left to it.
fn is_type_b(octets: &[u8]) -> bool {
    let &[category, _, _, _, rates, sizes, waiting, mbli] = octets else { return false };
    let is_compact = |objects: &[u8]| compact_tlv::iter(objects).all(|object| object.is_ok());
    let is_category = match category {
        0x80 => is_compact(&octets[1..]),
        0x00 => [waiting, mbli] == [0x90, 0x00] && is_compact(&octets[1..5]),
        _ => false,
    };
    !is_category && mbli.trailing_zeros() >= 4 && rates & 0x08 == 0 && sizes & 0x09 == 0x01 && sizes >> 4 <= 12
}

fn list_type_b(listing: &mut Listing<'_>, base: usize, octets: &[u8]) {
    let [a0, a1, a2, a3, rates, sizes, waiting, mbli] = *octets else { return };
    listing.line(base, "card of type B by PC/SC part 3: not historical octets but parts of its ATQB");
    listing.line(base, &format!("application data: {}", hex::spaced(&[a0, a1, a2, a3])));
    listing.line(base + 4, &format!("protocol information: {}", hex::spaced(&[rates, sizes, waiting])));
    listing.nested(|listing| list_protocol_information(listing, base + 4, [rates, sizes, waiting]));
    let meaning = if mbli >> 4 == 0 { "the card tells no length of its buffer" } else { "buffer for chained frames" };
    listing.line(base + 7, &format!("MBLI {}: {meaning}", mbli >> 4));
}

/// ISO/IEC 14443-3:2018, 7.9.4.
pub(crate) fn list_protocol_information(listing: &mut Listing<'_>, base: usize, [rates, sizes, waiting]: [u8; 3]) {
    listing.line(base, &format!("{rates:02X}: {}", super::ats::bit_rates(rates)));
    let frame = super::ats::frame_size(sizes >> 4).map_or("reserved".to_owned(), |size| size.to_string());
    let part_4 = if sizes & 1 == 1 { "ISO/IEC 14443-4 supported" } else { "ISO/IEC 14443-4 not supported" };
    listing.line(base + 1, &format!("{sizes:02X}: frame size of the card {frame}, {part_4}"));
    let with = |bit: u8| if waiting & bit != 0 { "supported" } else { "not supported" };
    listing.line(
        base + 2,
        &format!(
            "{waiting:02X}: frame waiting time integer {}, node address (NAD) {}, card identifier (CID) {}",
            waiting >> 4,
            with(2),
            with(1)
        ),
    );
}
