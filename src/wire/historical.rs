//! Historical octets, of an answer to reset and of an answer to select, by their category indicator (ISO/IEC 7816-4:2020, 12.1.1), and
//! what a reader writes there for a contactless card (PC/SC Workgroup, Interoperability Specification, Part 3, 3.1.3.2.3).

use super::field::{Field, Parts};
use super::status::StatusWord;
use super::{capabilities, compact_tlv, hex, pcsc_part3, value};

/// Their fields. `contactless` says that the interface octets are those that a reader makes for a contactless card.
pub(crate) fn fields(input: &[u8], base: usize, contactless: bool) -> Vec<Field> {
    let mut parts = Parts::new(input, base);
    match input {
        _ if contactless && is_type_b(input) => type_b(&mut parts),
        // ISO/IEC 7816-4:2020, 12.1.1: life cycle status and status word stand in the last three octets.
        [0x00, _, _, _, ..] => {
            parts.leaf(1, "category", |_| "data objects, then a status indicator".to_owned());
            parts.each(input.len() - 4, compact_tlv::fields);
            parts.leaf(1, "life cycle status", |octets| capabilities::life_cycle(octets[0]).to_owned());
            parts.leaf(2, "status", |octets| StatusWord::from_bytes([octets[0], octets[1]]).meaning());
        }
        // It looks like compact-TLV and is not.
        [0x80, 0x4F, length, _, _, _, _, _, _, _, ..] if usize::from(*length) == input.len() - 3 => {
            storage_card(&mut parts, input.len() - 10);
        }
        [0x80, ..] => {
            parts.leaf(1, "category", |_| "data objects".to_owned()).rest(compact_tlv::fields);
        }
        [0x10, ..] => {
            parts.leaf(1, "category", |_| "reference of directory data".to_owned()).rest(plain);
        }
        [category, ..] => {
            let meaning = if (0x81..=0x8F).contains(category) { "reserved" } else { "proprietary" };
            parts.leaf(1, "category", |_| meaning.to_owned()).rest(plain);
        }
        [] => {}
    }
    parts.done()
}

fn plain(octets: &[u8], offset: usize) -> Vec<Field> {
    let text = value::printable(octets).map_or(String::new(), |text| format!("\"{text}\""));
    vec![Field::new(offset, octets, "octets", text)]
}

fn storage_card(parts: &mut Parts<'_>, rid_len: usize) {
    parts.leaf(1, "category", |_| "storage card by PC/SC part 3".to_owned());
    let mut is_known = true;
    parts.leaf(2, "application identifier", |_| "tag and length".to_owned());
    parts.leaf(rid_len, "registered application provider", |rid| {
        is_known = rid == pcsc_part3::RID;
        if is_known {
            return "PC/SC Workgroup".to_owned();
        }
        let expected = hex::spaced(&pcsc_part3::RID);
        format!("not the PC/SC Workgroup, {expected}: what follows may have other meanings")
    });
    if !is_known {
        parts.rest(plain);
        return;
    }
    parts.leaf(1, "standard", |octets| pcsc_part3::standard(octets[0]).unwrap_or("not in the table").to_owned());
    parts.leaf(2, "card name", |octets| {
        let number = u16::from_be_bytes([octets[0], octets[1]]);
        pcsc_part3::card_name(number).unwrap_or("not in the table: the maker of the reader knows").to_owned()
    });
    parts.leaf(4, "reserved", |_| String::new());
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

fn type_b(parts: &mut Parts<'_>) {
    parts.remark("card of type B by PC/SC part 3: not historical octets but parts of its ATQB");
    parts.leaf(4, "application data", |_| String::new());
    parts.group(3, "protocol information", |octets, offset| (String::new(), protocol_information(octets, offset)));
    parts.leaf(1, "MBLI", |octets| match octets[0] >> 4 {
        0 => "MBLI 0: the card tells no length of its buffer".to_owned(),
        mbli => format!("MBLI {mbli}: buffer for chained frames"),
    });
}

/// ISO/IEC 14443-3:2018, 7.9.4.
pub(crate) fn protocol_information(octets: &[u8], base: usize) -> Vec<Field> {
    let mut parts = Parts::new(octets, base);
    parts.leaf(1, "bit rates", |octets| super::ats::bit_rates(octets[0]));
    parts.leaf(1, "frame size and protocol", |octets| {
        let sizes = octets[0];
        let frame = super::ats::frame_size(sizes >> 4).map_or("reserved".to_owned(), |size| size.to_string());
        let part_4 = if sizes & 1 == 1 { "ISO/IEC 14443-4 supported" } else { "ISO/IEC 14443-4 not supported" };
        format!("frame size of the card {frame}, {part_4}")
    });
    parts.leaf(1, "waiting time and options", |octets| {
        let waiting = octets[0];
        let with = |bit: u8| if waiting & bit != 0 { "supported" } else { "not supported" };
        format!(
            "frame waiting time integer {}, node address (NAD) {}, card identifier (CID) {}",
            waiting >> 4,
            with(2),
            with(1)
        )
    });
    parts.done()
}
