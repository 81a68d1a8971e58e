//! What octets look like. Only a guess: several formats overlap.

use super::apdu::{Command, Response};
use super::pretty::{Format, begins_with_filling};
use super::status::Kind;
use super::{atr, ats, dol, tag, tlv};

/// Whether octets look like a format.
type Check = fn(&[u8]) -> bool;

/// What octets look like. Only a guess: several formats overlap, and the answer is never an error.
///
/// ```
/// use untorn::wire::{guess::guess, pretty::Format};
/// assert_eq!(guess(&[0x00, 0xA4, 0x04, 0x00]), Format::CommandApdu);
/// assert_eq!(guess(&[0x6F, 0x02, 0x84, 0x00]), Format::BerTlv);
/// assert_eq!(guess(&[0x6F, 0x02, 0x84, 0x00, 0x90, 0x00]), Format::ResponseApdu);
/// ```
pub fn guess(octets: &[u8]) -> Format {
    let checks: [(Format, Check); 9] = [
        (Format::StatusWord, |octets| octets.len() == 2 && ends_with_status(octets)),
        (Format::Atr, |octets| atr::Atr::parse(octets).is_ok()),
        (Format::Dol, is_known_dol),
        // Before BER-TLV, of which 90 00 is an empty object too.
        (Format::ResponseApdu, |octets| octets.strip_suffix(&[0x90, 0x00]).is_some_and(is_ber_tlv)),
        (Format::BerTlv, |octets| is_ber_tlv(octets) && has_known_tags(octets)),
        (Format::CommandApdu, is_usual_command),
        (Format::ResponseApdu, |octets| octets.len() > 2 && ends_with_status(octets)),
        (Format::Ats, |octets| ats::Ats::parse(octets).is_ok()),
        (Format::BerTlv, is_ber_tlv),
    ];
    if let Some((format, _)) = checks.iter().find(|(_, check)| check(octets)) {
        return *format;
    }
    // Nothing fits as a whole: what does it begin like?
    match octets {
        [0x3B | 0x3F, ..] => Format::Atr,
        [0x00..=0x1F | 0x80..=0x9F, ..] => Format::CommandApdu,
        _ => Format::BerTlv,
    }
}

fn ends_with_status(octets: &[u8]) -> bool {
    Response::parse(octets).is_ok_and(|response| match response.status.kind() {
        Kind::Undefined => false,
        // DESFire's 91xx; other proprietary words are too rare to be believed.
        Kind::Proprietary => response.status.sw1() == 0x91,
        _ => true,
    })
}

fn is_ber_tlv(octets: &[u8]) -> bool {
    !begins_with_filling(octets) && tlv::is_well_formed(octets, 0)
}

fn has_known_tags(octets: &[u8]) -> bool {
    tlv::iter(octets).all(|object| object.is_ok_and(|object| tag::name(object.tag).is_some()))
}

fn is_known_dol(octets: &[u8]) -> bool {
    !octets.is_empty()
        && dol::iter(octets).all(|entry| entry.is_ok_and(|entry| tag::name(entry.tag).is_some()))
        && !is_ber_tlv(octets)
}

/// A command with a class in use and an instruction that is not a status word (ISO/IEC 7816-3:2006, 10.3.2: INS 6X and 9X are invalid).
fn is_usual_command(octets: &[u8]) -> bool {
    Command::parse(octets).is_ok_and(|command| {
        matches!(command.cla, 0x00..=0x1F | 0x80..=0x9F | 0xA0 | 0xFF) && !matches!(command.ins >> 4, 6 | 9)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hex;

    #[test]
    fn guesses() {
        for (text, format) in [
            ("9000", Format::StatusWord),
            ("63C2", Format::StatusWord),
            ("91AF", Format::StatusWord),
            ("80A80000028300 00", Format::CommandApdu),
            ("00B2010C00", Format::CommandApdu),
            ("905A00000301020300", Format::CommandApdu),
            ("0084000008", Format::CommandApdu),
            ("FFCA000000", Format::CommandApdu),
            ("9F3602005A", Format::BerTlv),
            ("70055A0347617390 00", Format::ResponseApdu),
            ("04A1B2C39000", Format::ResponseApdu),
            ("3B8F8001804F0CA000000306030001000000006A", Format::Atr),
            ("3B81", Format::Atr),
            ("0675778102 80", Format::Ats),
            ("9F02069F03069F1A0295055F2A029A039C019F3704", Format::Dol),
            ("8407A0000000041010", Format::BerTlv),
            ("", Format::BerTlv),
        ] {
            assert_eq!(guess(&hex::parse(text).unwrap()), format, "{text}");
        }
    }
}
