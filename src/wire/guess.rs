//! What octets look like. Only a guess: several formats overlap, so each reading comes with its reason, and a second one where there is
//! one.
//!
//! The rules stand in one table, the strongest first. What a person pastes is a command or an answer far more often than anything else,
//! so a rule for another format asks for more: a data object list for known tags of fitting lengths, a frame for a right checksum.

use super::apdu::{Command, Response};
use super::explain::begins_with_filling;
use super::format::Format;
use super::status::StatusWord;
use super::{atr, ats, crc, dol, frame, instruction, known_commands, tag, tlv, value};

/// One way to read octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// As what.
    pub format: Format,
    /// Why, as a person would say it.
    pub why: &'static str,
    /// Whether the octets hardly allow another reading.
    pub sure: bool,
}

/// When a rule holds.
type Check = fn(&[u8]) -> bool;

/// A rule: what the octets are, whether that is sure, why, and when.
type Rule = (Format, bool, &'static str, Check);

/// The strongest first.
const RULES: &[Rule] = &[
    (Format::StatusWord, true, "two octets of a status word with a public meaning", |o| {
        is_status(o) && status(o).has_name()
    }),
    (Format::Frame, true, "SELECT of ISO/IEC 14443-3 with a right BCC", frame::is_select),
    (
        Format::Frame,
        false,
        "a frame without checksum of ISO/IEC 14443-3, by which a card is found",
        frame::is_activation,
    ),
    (Format::StatusWord, false, "two octets in the range of status words", is_status),
    (Format::Atr, true, "TS, a structure that ends with the octets, and a right TCK where there is one", |o| {
        o.len() > 2 && atr::Atr::parse(o).is_ok()
    }),
    (Format::Ats, true, "TL counts the octets before a right CRC_A", is_ats_with_crc),
    (Format::Frame, true, "a right checksum of a contactless frame", frame::has_right_crc),
    (Format::Dol, true, "known tags, each with a length that its element has", |o| is_dol(o) && dol_entries(o) > 1),
    (Format::BerTlv, true, "data objects of EF.ATR/INFO behind a category octet", |o| {
        tlv::is_ef_atr(o) && !is_known_command(o)
    }),
    (Format::ResponseApdu, true, "data objects to the end, then a status word", |o| {
        behind_data(o).is_some_and(|data| is_ber_tlv(data) && is_sound(data) && !is_known_command(o))
    }),
    (Format::BerTlv, true, "data objects of known tags to the end", |o| {
        is_ber_tlv(o)
            && has_known_tags(o)
            && is_sound(o)
            && (matches!(o, [0x40..=0x7F, ..]) || !is_known_command(o))
            && !is_small_universal(o)
    }),
    (Format::BerTlv, false, "data objects of universal tags to the end, which small numbers are too", |o| {
        is_ber_tlv(o) && has_known_tags(o) && is_sound(o) && !is_known_command(o)
    }),
    (Format::ResponseApdu, false, "ends with status word 9000", |o| {
        o.len() <= 5 && ends_with_done(o) && !is_whole_command(o)
    }),
    (Format::ResponseApdu, false, "a short answer that ends with status word 9000", |o| {
        o.len() <= 5 && ends_with_done(o)
    }),
    (Format::CommandApdu, true, "a known command whose lengths fit", |o| {
        is_known_command(o) && !(matches!(o, [0x40..=0x7F, ..]) && ends_with_done(o))
    }),
    (Format::Ats, true, "TL counts the octets, and TA, TB and TC follow", |o| {
        ats::Ats::parse(o).is_ok_and(|ats| ats.ta.is_some() && ats.tb.is_some() && ats.tc.is_some())
    }),
    (Format::Frame, true, "a T=1 block with right length and check", frame::is_t1_block),
    (Format::Atr, true, "TS and a structure whose TCK is wrong or with octets behind it", is_atr_with_fault),
    (Format::Dol, false, "a known tag with a length that its element has", is_dol),
    (Format::Atr, false, "TS and a structure at whose end octets are missing", is_atr_cut_off),
    (Format::ResponseApdu, true, "ends with status word 9000", ends_with_done),
    (Format::ResponseApdu, false, "data objects of which one is broken, then a status word", |o| {
        behind_data(o).is_some_and(tlv::is_broken)
    }),
    (Format::BerTlv, false, "data objects to the end", |o| is_ber_tlv(o) && is_sound(o) && has_a_known_tag(o)),
    (Format::Ats, false, "TL counts the octets", |o| {
        o.len() > 2 && ats::Ats::parse(o).is_ok_and(|ats| ats.ta.or(ats.tb).or(ats.tc).is_some())
    }),
    (Format::Dol, false, "begins as a list of known tags, each with a length that its element has", is_dol_cut_off),
    (Format::CommandApdu, false, "the lengths of a command fit", |o| is_whole_command(o) && o.len() > 5),
    (Format::ResponseApdu, false, "ends with a status word that has a public meaning", |o| behind_data(o).is_some()),
    (Format::Frame, false, "four octets and a right BCC, as an identifier has in anticollision", frame::is_identifier),
    (Format::CommandApdu, false, "four octets of a header, or five with Le", |o| {
        is_whole_command(o) && !is_invalid_ins(o)
    }),
    (Format::BerTlv, false, "data objects to the end", |o| o.len() > 2 && is_ber_tlv(o)),
    (Format::Dol, false, "a list of known tags", is_list_of_known),
    (Format::BerTlv, false, "data objects of which one is broken", tlv::is_broken),
    (Format::Atr, false, "begins with TS", |o| matches!(o, [0x3B, ..] | [0x3F, _, _, ..])),
    (Format::CommandApdu, false, "begins as a known command", |o| o.len() > 4 && is_known_header(o)),
    (Format::Ats, false, "TL is one, and nothing follows", |o| o == [0x01]),
    (Format::Data, false, "no format fits", |_| true),
];

/// The ways to read `octets`, the likeliest first: one where it is sure, else two where a second rule holds.
///
/// ```
/// use untorn::wire::{guess::readings, pretty::Format};
/// let readings = readings(&[0x00, 0xCA, 0x90, 0x00]);
/// assert_eq!(readings.iter().map(|reading| reading.format).collect::<Vec<_>>(), [Format::ResponseApdu, Format::CommandApdu]);
/// ```
pub fn readings(octets: &[u8]) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::with_capacity(2);
    for &(format, sure, why, check) in RULES {
        let is_another = readings.first().is_none_or(|first| first.format != format && format != Format::Data);
        if is_another && check(octets) {
            readings.push(Reading { format, why, sure: sure && readings.is_empty() });
            if readings.len() == 2 || readings[0].sure {
                break;
            }
        }
    }
    readings
}

/// The likeliest.
///
/// ```
/// use untorn::wire::{guess::guess, pretty::Format};
/// assert_eq!(guess(&[0x00, 0xA4, 0x04, 0x00]), Format::CommandApdu);
/// assert_eq!(guess(&[0x6F, 0x02, 0x84, 0x00]), Format::BerTlv);
/// assert_eq!(guess(&[0x6F, 0x02, 0x84, 0x00, 0x90, 0x00]), Format::ResponseApdu);
/// ```
pub fn guess(octets: &[u8]) -> Format {
    readings(octets).first().map_or(Format::Data, |reading| reading.format)
}

fn status(octets: &[u8]) -> StatusWord {
    match octets {
        [.., sw1, sw2] => StatusWord::from_bytes([*sw1, *sw2]),
        _ => StatusWord(0),
    }
}

fn is_status(octets: &[u8]) -> bool {
    matches!(octets, [0x61..=0x6F | 0x90..=0x9F, _])
}

fn ends_with_done(octets: &[u8]) -> bool {
    octets.len() > 2 && octets.ends_with(&[0x90, 0x00])
}

/// What stands before a status word with a public meaning, at least one octet.
fn behind_data(octets: &[u8]) -> Option<&[u8]> {
    let response = Response::parse(octets).ok()?;
    (!response.data.is_empty() && response.status.has_name()).then_some(response.data)
}

fn is_ber_tlv(octets: &[u8]) -> bool {
    !begins_with_filling(octets) && tlv::is_well_formed(octets, 0) && !is_rather_filled(octets)
}

/// Whether octets are data objects only where a `00` at their end is filling, though it may be the end of a status word, or an Le.
fn is_rather_filled(octets: &[u8]) -> bool {
    let end = tlv::iter(octets).map_while(Result::ok).last().map_or(0, |last| last.offset + last.octets.len());
    end < octets.len() && (ends_with_done(octets) || octets.len() == 5 && has_usual_class(octets))
}

fn has_known_tags(octets: &[u8]) -> bool {
    tlv::iter(octets).all(|object| object.is_ok_and(|object| tag::name(object.tag).is_some()))
}

/// Primitive objects of universal tags alone: tags and lengths are small numbers, which any data may have.
fn is_small_universal(octets: &[u8]) -> bool {
    tlv::iter(octets).all(|object| object.is_ok_and(|object| object.tag.0 < 0x20))
}

fn has_a_known_tag(octets: &[u8]) -> bool {
    tlv::iter(octets).any(|object| object.is_ok_and(|object| tag::name(object.tag).is_some()))
}

/// Whether no element of digits has a value that is none.
fn is_sound(octets: &[u8]) -> bool {
    tlv::iter(octets).map_while(Result::ok).all(|object| {
        dol::representation(object.tag) != dol::Representation::Numeric
            || object.value.iter().all(|octet| octet >> 4 < 10 && octet & 15 < 10)
    })
}

fn is_whole_command(octets: &[u8]) -> bool {
    Command::parse(octets).is_ok()
}

/// ISO/IEC 7816-3:2006, 10.3.2: INS 6X and 9X are invalid.
fn is_invalid_ins(octets: &[u8]) -> bool {
    matches!(octets, [_, 0x60..=0x6F | 0x90..=0x9F, ..]) && !is_known_header(octets)
}

/// A command whose class and instruction have a public name, or one of a proprietary class whose Lc is right.
fn is_known_command(octets: &[u8]) -> bool {
    is_whole_command(octets)
        && (is_known_header(octets)
            || (octets.len() > 5 && !ends_with_done(octets) && has_usual_class(octets) && !is_invalid_ins(octets)))
}

fn has_usual_class(octets: &[u8]) -> bool {
    matches!(
        octets,
        [0x00 | 0x04 | 0x08 | 0x0C | 0x80 | 0x84 | 0x8C | 0x90 | 0xA0 | 0xB0 | 0xC0 | 0xD0 | 0xE0 | 0xF0 | 0xFF, ..]
    )
}

fn is_known_header(octets: &[u8]) -> bool {
    let &[cla, ins, p1, p2, ..] = octets else { return false };
    instruction::name(cla, ins).is_some() || known_commands::name(cla, ins, p1, p2).is_some()
}

fn is_ats_with_crc(octets: &[u8]) -> bool {
    let [body @ .., low, high] = octets else { return false };
    body.len() > 2
        && ats::Ats::parse(body).is_ok_and(|ats| ats.ta.or(ats.tb).or(ats.tc).is_some())
        && crc::name(body, [*low, *high]) == Some("CRC_A")
}

fn is_atr_with_fault(octets: &[u8]) -> bool {
    matches!(octets, [0x3B | 0x3F, _, _, _, ..])
        && (1..=octets.len()).rev().any(|end| end > 3 && atr::Atr::parse_unchecked(&octets[..end]).is_ok())
}

/// An answer to reset of which the TCK or some historical octets are missing.
fn is_atr_cut_off(octets: &[u8]) -> bool {
    matches!(octets, [0x3B | 0x3F, _, _, ..])
        && atr::Atr::parse_unchecked(octets)
            .is_err_and(|error| error.expected.contains("TCK") || error.expected.contains("historical"))
}

/// At least four entries of known tags, whatever their lengths.
fn is_list_of_known(octets: &[u8]) -> bool {
    let is_known =
        |entry: Result<dol::DolEntry, _>| entry.is_ok_and(|entry: dol::DolEntry| tag::name(entry.tag).is_some());
    dol_entries(octets) > 3 && dol::iter(octets).all(is_known)
}

fn dol_entries(octets: &[u8]) -> usize {
    dol::iter(octets).count()
}

/// A list of elements each of which has the length that is asked for, or is a proprietary one beside such.
fn is_dol(octets: &[u8]) -> bool {
    let mut fitting = 0;
    for entry in dol::iter(octets) {
        let Ok(entry) = entry else { return false };
        // No list asks for another list: a known one with its tag and length is a data object.
        if value::is_list(entry.tag) {
            return false;
        }
        match value::fits(entry.tag, entry.length) {
            Some(true) => fitting += 1,
            None if entry.length > 0 && is_askable(entry.tag) => {}
            _ => return false,
        }
    }
    fitting * 2 > dol_entries(octets)
}

/// An element that has no one length: private ones, and known ones of two octets.
fn is_askable(tag: tlv::Tag) -> bool {
    !tag.is_constructed() && tag.0 > 0xFF && (tag::name(tag).is_some() || matches!(tag.0, 0xDF00..=0xDFFF))
}

/// The same where the last entry is not there whole, behind two others.
fn is_dol_cut_off(octets: &[u8]) -> bool {
    let entries: Vec<dol::DolEntry> = dol::iter(octets).map_while(Result::ok).collect();
    let end = entries.last().map_or(0, |last| last.offset + last.tag.emitted_len() + 1);
    entries.len() > 1 && octets.len() - end < 4 && is_dol(&octets[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hex;

    #[test]
    fn guesses() {
        for (text, format) in [
            ("9000", Format::StatusWord),
            ("9F38039F6604", Format::BerTlv),
            ("9F38189F66049F02069F03069F1A0295055F2A029A039C019F3704", Format::BerTlv),
            ("9F4F109F02069F27019F1A025F2A029A039C01", Format::BerTlv),
            ("63C2", Format::StatusWord),
            ("91AF", Format::StatusWord),
            ("9404", Format::StatusWord),
            ("920F", Format::StatusWord),
            ("9302", Format::StatusWord),
            ("6F42", Format::StatusWord),
            ("80A80000028300 00", Format::CommandApdu),
            ("00B2010C00", Format::CommandApdu),
            ("905A00000301020300", Format::CommandApdu),
            ("0084000008", Format::CommandApdu),
            ("FFCA000000", Format::CommandApdu),
            ("80CA9F1700", Format::CommandApdu),
            ("80CA9F3600", Format::CommandApdu),
            ("80CA9F4F00", Format::CommandApdu),
            ("B05800000E", Format::CommandApdu),
            ("BC5800000E", Format::CommandApdu),
            ("C05800000E", Format::CommandApdu),
            ("D05800000E", Format::CommandApdu),
            ("F05800000E", Format::CommandApdu),
            ("9F3602005A", Format::BerTlv),
            ("9F6C021000", Format::BerTlv),
            ("5F340101", Format::BerTlv),
            ("70055A0347617390 00", Format::ResponseApdu),
            ("04A1B2C39000", Format::ResponseApdu),
            ("01809000", Format::ResponseApdu),
            ("3B8F8001804F0CA000000306030001000000006A", Format::Atr),
            ("3B81", Format::Atr),
            ("3B800101", Format::Atr),
            ("3B84800101112003369000", Format::Atr),
            ("0675778102 80", Format::Ats),
            ("06757781028002F0", Format::Ats),
            ("9F02069F03069F1A0295055F2A029A039C019F3704", Format::Dol),
            ("95059F1A029A03", Format::Dol),
            ("9F3704", Format::Dol),
            ("8407A0000000041010", Format::BerTlv),
            ("8043 01 B8 46 04 04 B0 EC C1 47 03 94 01 80", Format::BerTlv),
            ("0000050084000008 89", Format::Frame),
            ("9902909000", Format::ResponseApdu),
            ("E001000000", Format::CommandApdu),
            ("C003010203 9000", Format::ResponseApdu),
            ("6725 9044 15 000011113D17121301170280455552015100 06 9000", Format::ResponseApdu),
            ("88041234AA", Format::Frame),
            ("0084000084", Format::CommandApdu),
            ("8084000004", Format::CommandApdu),
            ("500057CE", Format::Frame),
            ("26", Format::Frame),
            ("52", Format::Frame),
            ("9320", Format::Frame),
            ("93708804A1B29F", Format::Frame),
            ("93708804A1B29F0000", Format::Frame),
            ("5000", Format::Frame),
            ("E080", Format::Frame),
            ("4403", Format::Frame),
            ("", Format::Data),
            ("3F00", Format::Data),
        ] {
            assert_eq!(guess(&hex::parse(text).unwrap()), format, "{text}");
        }
    }

    #[test]
    fn a_doubtful_one_has_two_readings_and_a_sure_one_one() {
        let formats = |text: &str| readings(&hex::parse(text).unwrap()).iter().map(|r| r.format).collect::<Vec<_>>();
        assert_eq!(formats("00CA9000"), [Format::ResponseApdu, Format::CommandApdu]);
        assert_eq!(formats("00A4040000"), [Format::CommandApdu]);
        // Zeros are what anything may be.
        assert!(readings(&[0; 4]).iter().all(|reading| reading.format != Format::Frame && !reading.sure));
        for small in ["030133040144", "0201050401AA", "04021234", "0C0141"] {
            assert!(!readings(&hex::parse(small).unwrap())[0].sure, "{small}");
        }
    }
}
