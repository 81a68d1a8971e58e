//! Frames as a sniffer or the log of a driver shows them: blocks of ISO/IEC 14443-4:2018, 7.1 and frames of 14443-3 with their CRC, and
//! T=1 blocks of ISO/IEC 7816-3:2006, 11.3.

use super::guess::guess;
use super::pretty::{Format, Listing};
use super::{count, crc, hex};

/// Whether `octets` end with a CRC_A or CRC_B that is right.
pub(crate) fn has_right_crc(octets: &[u8]) -> bool {
    matches!(octets, [body @ .., low, high] if !body.is_empty() && crc::name(body, [*low, *high]).is_some())
}

/// Whether `octets` are a T=1 block: the length counts its information, and the exclusive-or of all octets is zero.
pub(crate) fn is_t1_block(octets: &[u8]) -> bool {
    matches!(octets, [nad, pcb, len, ..] if nad & 0x88 == 0 && is_t1_control(*pcb) && usize::from(*len) + 4 == octets.len())
        && octets.iter().fold(0, |sum, octet| sum ^ octet) == 0
}

/// ISO/IEC 7816-3:2006, 11.3.2.2.
const fn is_t1_control(pcb: u8) -> bool {
    match pcb >> 6 {
        0 | 1 => pcb.trailing_zeros() >= 5,
        2 => pcb & 0x2C == 0 && pcb & 3 < 3,
        _ => matches!(pcb, 0xC0..=0xC4 | 0xE0..=0xE4),
    }
}

pub(crate) fn list(listing: &mut Listing<'_>, octets: &[u8]) {
    match octets {
        _ if has_right_crc(octets) => list_contactless(listing, octets),
        [_, _, len, ..] if usize::from(*len) + 4 == octets.len() => list_t1(listing, octets),
        _ => {
            listing.line(0, "no right checksum of a contactless frame, and no T=1 block");
            listing.rows(0, octets);
        }
    }
}

fn list_t1(listing: &mut Listing<'_>, octets: &[u8]) {
    let [nad, pcb, len, information @ .., check] = octets else { return };
    listing.line(0, &format!("NAD {nad:02X}: from {} to {}", nad & 7, (nad >> 4) & 7));
    let kind = match pcb >> 6 {
        0 | 1 => format!(
            "I-block number {}{}",
            (pcb >> 6) & 1,
            if pcb & 0x20 != 0 { ", more of the chain follows" } else { "" }
        ),
        2 => format!("R-block, number {} expected, {}", (pcb >> 4) & 1, t1_error(*pcb)),
        _ => format!("S-block, {}", t1_supervision(*pcb)),
    };
    listing.line(1, &format!("PCB {pcb:02X}: {kind}"));
    listing.line(2, &format!("LEN {len:02X}: {}", count((*len).into())));
    if pcb & 0x80 == 0 {
        list_information(listing, 3, information);
    } else if !information.is_empty() {
        listing.value(3, "information", 3, information);
    }
    let expected = octets[..octets.len() - 1].iter().fold(0, |sum, octet| sum ^ octet);
    let verdict = if *check == expected { "right".to_owned() } else { format!("wrong, expected {expected:02X}") };
    listing.line(octets.len() - 1, &format!("LRC {check:02X}: {verdict}"));
}

const fn t1_error(pcb: u8) -> &'static str {
    match pcb & 15 {
        0 => "no error",
        1 => "redundancy code or parity error",
        _ => "other error",
    }
}

const fn t1_supervision(pcb: u8) -> &'static str {
    match pcb {
        0xC0 => "request to resynchronise",
        0xE0 => "response to resynchronise",
        0xC1 => "request of an information field size",
        0xE1 => "response to an information field size",
        0xC2 => "request to abort",
        0xE2 => "response to abort",
        0xC3 => "request of more waiting time",
        0xE3 => "response to more waiting time",
        0xE4 => "programming voltage error",
        _ => "reserved",
    }
}

fn list_contactless(listing: &mut Listing<'_>, octets: &[u8]) {
    let (body, checksum) = octets.split_at(octets.len() - 2);
    match body {
        [sak] => listing.line(0, &format!("SAK {sak:02X}: {}", sak_meaning(*sak))),
        [0xE0, parameter] => {
            let size = super::ats::frame_size(parameter >> 4).map_or("reserved".to_owned(), |size| size.to_string());
            listing
                .line(0, &format!("RATS, frame size of the reader {size}, card identifier (CID) {}", parameter & 15));
        }
        [0x50, 0x00] => listing.line(0, "HLTA: the card goes to sleep"),
        [level @ (0x93 | 0x95 | 0x97), 0x70, uid @ ..] => {
            listing.value(0, &format!("SELECT of cascade level {}", (level - 0x91) / 2), 2, uid);
        }
        [0xD0..=0xDF, 0x11, rates] => listing.line(0, &format!("PPS, bit rates {rates:02X}")),
        [0x05, afi, parameter] => {
            listing.line(0, &format!("REQB or WUPB, application family {afi:02X}, {parameter:02X}"));
        }
        [0x50, a, b, c, d, rest @ ..] if rest.len() >= 7 => {
            listing.line(0, "ATQB");
            listing.line(1, &format!("identifier (PUPI): {}", hex::spaced(&[*a, *b, *c, *d])));
            listing.value(5, "application data", 5, &rest[..4]);
            listing.nested(|listing| {
                super::historical::list_protocol_information(listing, 9, [rest[4], rest[5], rest[6]]);
            });
        }
        [0x1D, rest @ ..] => listing.value(0, "ATTRIB", 1, rest),
        [0x60 | 0x61, block] => {
            let key = if body[0] == 0x60 { 'A' } else { 'B' };
            listing.line(0, &format!("MIFARE Classic: authenticate block {block} with key {key}"));
        }
        [0x30, block] => listing.line(0, &format!("MIFARE: read block or page {block}")),
        [pcb, rest @ ..] => list_block(listing, *pcb, rest),
        [] => {}
    }
    let [low, high] = [checksum[0], checksum[1]];
    let name = crc::name(body, [low, high]).unwrap_or("CRC");
    listing.line(body.len(), &format!("{name} {low:02X} {high:02X}: right"));
}

/// ISO/IEC 14443-3:2018, 6.5.3.4, table 9.
const fn sak_meaning(sak: u8) -> &'static str {
    match (sak & 0x04 != 0, sak & 0x20 != 0) {
        (true, _) => "UID not complete, the next cascade level follows",
        (_, true) => "UID complete, ISO/IEC 14443-4 supported",
        _ => "UID complete, ISO/IEC 14443-4 not supported",
    }
}

/// ISO/IEC 14443-4:2018, 7.1.2.
fn list_block(listing: &mut Listing<'_>, pcb: u8, rest: &[u8]) {
    let with_cid = pcb & 0x08 != 0;
    let (kind, has_information) = match pcb {
        _ if pcb & 0xE2 == 0x02 => {
            let chain = if pcb & 0x10 != 0 { ", more of the chain follows" } else { "" };
            (format!("I-block number {}{chain}", pcb & 1), true)
        }
        _ if pcb & 0xE6 == 0xA2 => {
            let sense = if pcb & 0x10 != 0 { "not acknowledged" } else { "acknowledged" };
            (format!("R-block number {}, {sense}", pcb & 1), false)
        }
        _ if pcb & 0xF7 == 0xC2 => ("S-block, DESELECT".to_owned(), false),
        _ if pcb & 0xF7 == 0xF2 => ("S-block, more waiting time".to_owned(), false),
        _ => {
            listing.line(0, "data of a frame");
            let octets: Vec<u8> = std::iter::once(pcb).chain(rest.iter().copied()).collect();
            return listing.rows(0, &octets);
        }
    };
    listing.line(0, &format!("PCB {pcb:02X}: {kind}"));
    let (offset, rest) = match rest {
        [cid, rest @ ..] if with_cid => {
            listing.line(1, &format!("CID {:X}", cid & 15));
            (2, rest)
        }
        _ => (1, rest),
    };
    // A node address may stand here too (bit 3 of an I-block).
    let (offset, rest) = match rest {
        [nad, rest @ ..] if has_information && pcb & 0x04 != 0 => {
            listing.line(offset, &format!("NAD {nad:02X}"));
            (offset + 1, rest)
        }
        _ => (offset, rest),
    };
    if has_information {
        list_information(listing, offset, rest);
    } else if !rest.is_empty() {
        listing.value(offset, "parameter", offset, rest);
    }
}

fn list_information(listing: &mut Listing<'_>, offset: usize, octets: &[u8]) {
    match guess(octets) {
        format @ (Format::CommandApdu | Format::ResponseApdu | Format::StatusWord) => {
            listing.line(offset, &format!("inside it a {}, {}", format.title(), count(octets.len())));
            listing.inside(offset, |listing| listing.body(format, octets));
        }
        _ => listing.value(offset, "information", offset, octets),
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::hex;
    use crate::wire::pretty::{Format, listing};

    #[test]
    fn what_stands_inside_a_frame_is_explained_at_its_own_octets() {
        // By hand: the exclusive-or of the octets before the last.
        let text = listing(Format::Frame, &hex::parse("00 00 05 00 84 00 00 08 89").unwrap());
        for line in ["1  PCB 00: I-block number 0", "    4    INS 84: GET CHALLENGE", "    8  LRC 89: right"] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn frames_of_public_recordings() {
        // Proxmark/proxmark3, issues 11 and 567.
        for (frame, words) in [
            ("08 B6 DD", "SAK 08: UID complete, ISO/IEC 14443-4 not supported"),
            ("E0 50 BC A5", "RATS, frame size of the reader 64"),
            ("50 00 57 CD", "HLTA"),
            ("93 70 92 C0 45 6B 7C 05 CD", "SELECT of cascade level 1"),
        ] {
            let text = listing(Format::Frame, &hex::parse(frame).unwrap());
            assert!(text.contains(words) && text.contains("CRC_A"), "{text}");
        }
    }
}
