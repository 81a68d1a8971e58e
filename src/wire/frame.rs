//! Frames as a sniffer or the log of a driver shows them: blocks of ISO/IEC 14443-4:2018, 7.1 and frames of 14443-3, those of the activation
//! too, and T=1 blocks of ISO/IEC 7816-3:2006, 11.3.
//!
//! Frames of the activation have no checksum of their own, or one octet of it: REQA, ATQA, anticollision. What they are, who sent them and
//! what stood before them says; [`Turn`] tells it.

use super::context::Names;
use super::explain::explain;
use super::field::{Field, Parts};
use super::format::Format;
use super::guess::guess;
use super::{ats, count, crc, desfire, hex, historical};

/// Who sent a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The reader, PCD.
    Reader,
    /// The card, PICC.
    Card,
}

/// What is known of a frame beside its octets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn<'a> {
    /// Who sent it, where that is known.
    pub sender: Option<Sender>,
    /// The last frame of the reader before it; empty where none is known.
    pub asked: &'a [u8],
}

impl Turn<'_> {
    fn may_be(self, sender: Sender) -> bool {
        self.sender.is_none_or(|known| known == sender)
    }

    fn is(self, sender: Sender) -> bool {
        self.sender == Some(sender)
    }
}

/// Whether `octets` end with a CRC_A or CRC_B that is right.
pub(crate) fn has_right_crc(octets: &[u8]) -> bool {
    matches!(octets, [body @ .., low, high] if !body.is_empty() && crc::name(body, [*low, *high]).is_some())
}

/// Whether `octets` are a T=1 block: the length counts its information, and the exclusive-or of all octets is zero. Of zeros alone that says
/// nothing.
pub(crate) fn is_t1_block(octets: &[u8]) -> bool {
    matches!(octets, [nad, pcb, len, ..] if nad & 0x88 == 0 && is_t1_control(*pcb) && usize::from(*len) + 4 == octets.len())
        && check(octets) == 0
        && octets.iter().any(|&octet| octet != 0)
}

/// ISO/IEC 7816-3:2006, 11.3.2.2.
const fn is_t1_control(pcb: u8) -> bool {
    match pcb >> 6 {
        0 | 1 => pcb.trailing_zeros() >= 5,
        2 => pcb & 0x2C == 0 && pcb & 3 < 3,
        _ => matches!(pcb, 0xC0..=0xC4 | 0xE0..=0xE4),
    }
}

/// SELECT of the activation with a right BCC, whatever its checksum.
pub(crate) fn is_select(octets: &[u8]) -> bool {
    matches!(octets, [0x93 | 0x95 | 0x97, 0x70, identifier @ ..] if matches!(identifier.len(), 5 | 7) && check(&identifier[..5]) == 0)
}

/// A frame of the activation without a checksum, or HLTA with a wrong one: REQA, WUPA, anticollision, HLTA, RATS, and the usual values of ATQA.
pub(crate) const fn is_activation(octets: &[u8]) -> bool {
    match *octets {
        [0xE0, parameter] => parameter >> 4 <= 8 && parameter & 15 < 15,
        [0x26 | 0x52]
        | [0x93 | 0x95 | 0x97, 0x20]
        | [0x50 | 0x02 | 0x04 | 0x42 | 0x44 | 0x48, 0x00]
        | [0x50, 0x00, _, _]
        | [0x04 | 0x44, 0x03] => true,
        _ => false,
    }
}

/// Four octets of an identifier and their check.
pub(crate) fn is_identifier(octets: &[u8]) -> bool {
    // The Le of a command without parameters may be the exclusive-or of its class and instruction by chance.
    matches!(octets, [_, _, third, fourth, _] if [*third, *fourth] != [0, 0]) && check(octets) == 0
}

/// The exclusive-or of all octets.
fn check(octets: &[u8]) -> u8 {
    octets.iter().fold(0, |sum, octet| sum ^ octet)
}

pub(crate) fn fields(names: Names<'_>, octets: &[u8], turn: Turn<'_>) -> Vec<Field> {
    if let Some(fields) = activation(octets, turn) {
        return fields;
    }
    match octets {
        [] => Vec::new(),
        _ if has_right_crc(octets) => with_crc(names, octets, turn),
        [_, _, len, ..] if usize::from(*len) + 4 == octets.len() && (turn.sender.is_none() || is_t1_block(octets)) => {
            t1(names, octets)
        }
        [_, _, _, _] if turn.is(Sender::Card) && matches!(turn.asked, [0x60 | 0x61, _, _, _]) => {
            vec![Field::new(0, octets, "nonce of the card", "MIFARE Classic: from here on frames are enciphered")]
        }
        [body @ .., _, _] if !body.is_empty() => {
            let expected = hex::spaced(&crc::a(body).to_le_bytes());
            let words =
                format!("no right checksum of a contactless frame (CRC_A would be {expected}), and no T=1 block");
            vec![Field::remark(0, words, ""), Field::new(0, octets, "octets", "")]
        }
        _ => vec![Field::new(0, octets, "octets", "too few for a frame with a checksum")],
    }
}

/// Frames by which a card is found and chosen (ISO/IEC 14443-3:2018, 6.4 and 6.5); `None` where it is none.
fn activation(octets: &[u8], turn: Turn<'_>) -> Option<Vec<Field>> {
    let mut parts = Parts::new(octets, 0);
    let after_anticollision = matches!(turn.asked, [0x93 | 0x95 | 0x97, 0x20..=0x6F, ..]);
    match octets {
        [0x26] if turn.may_be(Sender::Reader) => {
            parts.leaf(1, "REQA", |_| "asks cards that are not asleep for an ATQA; 7 bits, no checksum".to_owned());
        }
        [0x52] if turn.may_be(Sender::Reader) => {
            parts.leaf(1, "WUPA", |_| "asks all cards, also those asleep, for an ATQA; 7 bits, no checksum".to_owned());
        }
        [0x93 | 0x95 | 0x97, valid, ..] if turn.may_be(Sender::Reader) && is_cascade(octets, *valid) => {
            cascade(&mut parts, octets);
        }
        [0x50, 0x00] | [0x50, 0x00, _, _] if turn.may_be(Sender::Reader) => {
            parts.leaf(2, "HLTA", |_| "the card goes to sleep".to_owned());
            checksum(&mut parts, octets);
        }
        [0xE0, _] | [0xE0, _, _, _] if turn.may_be(Sender::Reader) => {
            parts.leaf(1, "RATS", |_| "asks for an answer to select".to_owned());
            parts.leaf(1, "parameter", |octets| {
                let size = ats::frame_size(octets[0] >> 4).map_or("reserved".to_owned(), |size| size.to_string());
                format!("frame size of the reader {size}, card identifier (CID) {}", octets[0] & 15)
            });
            checksum(&mut parts, octets);
        }
        [answer] if turn.is(Sender::Card) => {
            let words = if *answer == 0x0A { "acknowledged" } else { "not acknowledged" };
            parts.leaf(1, "4 bits", |_| words.to_owned());
        }
        [_, _] if turn.may_be(Sender::Card) => {
            parts.leaf(2, "ATQA", |octets| atqa(octets[0], octets[1]));
        }
        [_, _, _, _, _] if turn.may_be(Sender::Card) && (after_anticollision || check(octets) == 0) => {
            identifier(&mut parts);
        }
        [_, _, _] if turn.is(Sender::Card) && is_after_select(turn) => {
            parts.leaf(1, "SAK", |octets| sak_meaning(octets[0]).to_owned());
            checksum(&mut parts, octets);
        }
        _ => return None,
    }
    Some(parts.done())
}

const fn is_after_select(turn: Turn<'_>) -> bool {
    matches!(turn.asked, [0x93 | 0x95 | 0x97, 0x70, ..])
}

/// Whether the octets behind SEL and NVB are as many as NVB counts: all of an identifier with BCC and CRC, or a part of it.
const fn is_cascade(octets: &[u8], valid: u8) -> bool {
    let (whole, bits) = ((valid >> 4) as usize, valid & 15);
    match valid {
        0x70 => matches!(octets.len(), 7 | 9),
        0x20..=0x67 => bits < 8 && octets.len() == whole + (bits > 0) as usize,
        _ => false,
    }
}

/// ANTICOLLISION and SELECT (6.5.3.1).
fn cascade(parts: &mut Parts<'_>, octets: &[u8]) {
    let (level, valid) = ((octets[0] - 0x91) / 2, octets[1]);
    let command = if valid == 0x70 { "SELECT" } else { "ANTICOLLISION" };
    parts.leaf(1, "SEL", |_| format!("{command} of cascade level {level}"));
    parts.leaf(1, "NVB", |_| match valid {
        0x70 => "the whole identifier follows".to_owned(),
        0x20 => "nothing of the identifier is known".to_owned(),
        _ => format!("{} and {} bits of the frame are valid", count((valid >> 4).into()), valid & 15),
    });
    if valid == 0x70 {
        identifier(parts);
        checksum(parts, octets);
    } else {
        parts.rest(|octets, offset| vec![Field::new(offset, octets, "beginning of the identifier", "")]);
    }
}

/// Four octets of an identifier and their check (6.5.4).
fn identifier(parts: &mut Parts<'_>) {
    let mut expected = 0;
    parts.leaf(4, "identifier (UID)", |octets| {
        expected = check(octets);
        let words = if octets[0] == 0x88 { "cascade tag 88: the rest is of the next level" } else { "" };
        words.to_owned()
    });
    parts.leaf(1, "BCC", |octets| verdict(octets, &[expected]));
}

/// A CRC_A at the end, right or wrong; nothing where it was left out.
fn checksum(parts: &mut Parts<'_>, octets: &[u8]) {
    if parts.left() == 2 {
        let expected = crc::a(&octets[..octets.len() - 2]).to_le_bytes();
        parts.leaf(2, "CRC_A", |octets| verdict(octets, &expected));
    }
}

fn verdict(got: &[u8], expected: &[u8]) -> String {
    if got == expected { "right".to_owned() } else { format!("wrong, expected {}", hex::spaced(expected)) }
}

/// 6.5.2, table 4: the first octet on the wire is the lower one.
fn atqa(low: u8, high: u8) -> String {
    let size = match low >> 6 {
        0 => "identifier of 4 octets",
        1 => "identifier of 7 octets",
        2 => "identifier of 10 octets",
        _ => "identifier of a reserved size",
    };
    let anticollision =
        if low.trailing_zeros() >= 5 { "no bit frame anticollision" } else { "bit frame anticollision" };
    let own = if high.trailing_zeros() >= 4 { String::new() } else { format!(", proprietary {:X}", high & 0x0F) };
    format!("{size}, {anticollision}{own}")
}

fn with_crc(names: Names<'_>, octets: &[u8], turn: Turn<'_>) -> Vec<Field> {
    let (body, checksum) = octets.split_at(octets.len() - 2);
    let mut parts = Parts::new(octets, 0);
    match body {
        [_, _, ..] if turn.is(Sender::Card) && matches!(turn.asked, [0xE0, ..]) => {
            parts.each(body.len(), |body, _| ats::fields(body));
        }
        [command, ..] if turn.may_be(Sender::Reader) && storage(body).is_some() => {
            let words = storage(body).unwrap_or_default();
            parts.leaf(1, "command", |_| words);
            let name = if matches!(command, 0x30 | 0x3A | 0x39 | 0x60 | 0x61 | 0xA0) { "place" } else { "parameters" };
            parts.leaf(body.len() - 1, name, |_| String::new());
        }
        // The first octets of blocks that stand alone are no SAK: bit 8 is clear there.
        [sak] if turn.may_be(Sender::Card) && (sak & 0x80 == 0 || is_after_select(turn)) => {
            parts.leaf(1, "SAK", |octets| sak_meaning(octets[0]).to_owned());
        }
        [0xD0..=0xDF, 0x11, _] => {
            parts.leaf(1, "PPSS", |octets| format!("PPS, card identifier (CID) {}", octets[0] & 15));
            parts.leaf(1, "PPS0", |_| "PPS1 follows".to_owned());
            parts.leaf(1, "PPS1", |octets| format!("bit rates {:02X}", octets[0]));
        }
        [0x05, _, _] => {
            parts.leaf(1, "APf", |_| "REQB or WUPB".to_owned());
            parts.leaf(
                1,
                "AFI",
                |octets| if octets[0] == 0 { "all application families".to_owned() } else { String::new() },
            );
            parts.leaf(1, "PARAM", |octets| {
                let who = if octets[0] & 8 != 0 { "WUPB" } else { "REQB" };
                format!("{who}, {} slots", 1_u32 << (octets[0] & 7))
            });
        }
        [0x50, ..] if body.len() >= 12 => {
            parts.leaf(1, "ATQB", |_| String::new());
            parts.leaf(4, "identifier (PUPI)", |_| String::new());
            parts.leaf(4, "application data", |_| String::new());
            parts.group(3, "protocol information", |octets, at| {
                (String::new(), historical::protocol_information(octets, at))
            });
            parts.leaf(body.len() - 12, "more protocol information", |_| String::new());
        }
        [0x1D, ..] => {
            parts.leaf(1, "ATTRIB", |_| String::new());
            parts.leaf(body.len() - 1, "identifier and parameters", |_| String::new());
        }
        [..] => block(names, &mut parts, body, turn),
    }
    let name = crc::name(body, [checksum[0], checksum[1]]).unwrap_or("CRC");
    parts.leaf(2, name, |_| "right".to_owned());
    parts.done()
}

/// Commands of MIFARE Classic, Ultralight and NTAG, which stand in frames by themselves (NXP data sheets MF1S50, MF0ULX1, NTAG21x).
fn storage(body: &[u8]) -> Option<String> {
    Some(match *body {
        [key @ (0x60 | 0x61), place] => {
            let key = if key == 0x60 { 'A' } else { 'B' };
            format!("MIFARE Classic: authenticate block {place} with key {key}")
        }
        [0x30, place] => format!("MIFARE: read block or page {place}"),
        [0x3A, from, to] => format!("NTAG: read pages {from} to {to}"),
        [0xA0, place] => format!("MIFARE: write block {place}"),
        [0xA2, place, _, _, _, _] => format!("MIFARE Ultralight: write page {place}"),
        [0x1B, _, _, _, _] => "NTAG: authenticate with a password".to_owned(),
        [0x39, counter] => format!("NTAG: read counter {counter}"),
        [0x3C, 0x00] => "NTAG: read the maker's signature".to_owned(),
        [0xB0, place] => format!("MIFARE Classic: transfer to block {place}"),
        [0xC0, place] => format!("MIFARE Classic: decrement block {place}"),
        [0xC1, place] => format!("MIFARE Classic: increment block {place}"),
        _ => return None,
    })
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
fn block(names: Names<'_>, parts: &mut Parts<'_>, body: &[u8], turn: Turn<'_>) {
    let &[pcb, ..] = body else { return };
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
            parts.leaf(body.len(), "data of a frame", |_| String::new());
            return;
        }
    };
    parts.leaf(1, "PCB", |_| kind);
    if pcb & 0x08 != 0 && parts.left() > 2 {
        parts.leaf(1, "CID", |octets| format!("card identifier {}", octets[0] & 15));
    }
    // A node address may stand here too (bit 3 of an I-block).
    if has_information && pcb & 0x04 != 0 && parts.left() > 2 {
        parts.leaf(1, "NAD", |_| "node address".to_owned());
    }
    let left = parts.left() - 2;
    if has_information {
        information(names, parts, left, turn);
    } else {
        parts.leaf(left, "parameter", |_| String::new());
    }
}

/// What a block carries; DESFire's native commands and answers stand in blocks without a command APDU around them.
fn information(names: Names<'_>, parts: &mut Parts<'_>, len: usize, turn: Turn<'_>) {
    parts.group(len, "information", |octets, offset| match guess(octets) {
        format @ (Format::CommandApdu | Format::ResponseApdu | Format::StatusWord) => {
            let inside = explain(format, octets, names).fields.into_iter().map(|field| field.shifted(offset)).collect();
            (format!("inside it a {}", format.title()), inside)
        }
        _ => (native(octets, turn).unwrap_or_default(), Vec::new()),
    });
}

/// A native command of a DESFire, or the answer to one: its first octet is the instruction, or the status.
fn native(octets: &[u8], turn: Turn<'_>) -> Option<String> {
    let &first = octets.first()?;
    let asked = match turn.asked {
        [pcb, ins, ..] if pcb & 0xEE == 0x02 => desfire::name(*ins),
        _ => None,
    };
    match turn.sender? {
        Sender::Reader => Some(format!("if a DESFire is asked, its native {}", desfire::name(first)?)),
        Sender::Card => Some(format!("if a DESFire was asked, {} to {}", desfire::status(first)?, asked?)),
    }
}

fn t1(names: Names<'_>, octets: &[u8]) -> Vec<Field> {
    let mut parts = Parts::new(octets, 0);
    let (pcb, len) = (octets[1], usize::from(octets[2]));
    parts.leaf(1, "NAD", |octets| format!("from {} to {}", octets[0] & 7, (octets[0] >> 4) & 7));
    parts.leaf(1, "PCB", |_| match pcb >> 6 {
        0 | 1 => {
            let chain = if pcb & 0x20 != 0 { ", more of the chain follows" } else { "" };
            format!("I-block number {}{chain}", (pcb >> 6) & 1)
        }
        2 => format!("R-block, number {} expected, {}", (pcb >> 4) & 1, t1_error(pcb)),
        _ => format!("S-block, {}", t1_supervision(pcb)),
    });
    parts.leaf(1, "LEN", |_| count(len));
    if pcb & 0x80 == 0 {
        information(names, &mut parts, len, Turn::default());
    } else {
        parts.leaf(len, "information", |_| String::new());
    }
    let expected = check(&octets[..octets.len() - 1]);
    parts.leaf(1, "LRC", |octets| verdict(octets, &[expected]));
    parts.done()
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

    /// By hand from ISO/IEC 14443-3:2018, 6.4 and 6.5; the checksum of `95 70 01 02 03 04 04` is that of annex B, worked out bit by bit
    /// in `tests/decode_kinds.rs`.
    #[test]
    fn frames_without_a_checksum_are_told_by_their_sender_and_by_what_was_asked() {
        use super::{Sender, Turn, fields};
        let said = |text: &str, sender, asked: &str| {
            let (octets, asked) = (hex::parse(text).unwrap(), hex::parse(asked).unwrap());
            let fields = fields(&[], &octets, Turn { sender: Some(sender), asked: &asked });
            fields.iter().map(|field| format!("{} {}", field.name, field.meaning)).collect::<Vec<_>>().join("; ")
        };
        for (text, sender, asked, words) in [
            ("26", Sender::Reader, "", "REQA"),
            ("52", Sender::Reader, "", "WUPA"),
            ("44 03", Sender::Card, "26", "ATQA identifier of 7 octets, bit frame anticollision, proprietary 3"),
            ("04 00", Sender::Card, "52", "ATQA identifier of 4 octets"),
            ("93 20", Sender::Reader, "", "ANTICOLLISION of cascade level 1; NVB nothing"),
            ("95 20", Sender::Reader, "", "ANTICOLLISION of cascade level 2"),
            ("88 04 A1 B2 9F", Sender::Card, "93 20", "cascade tag 88: the rest is of the next level; BCC right"),
            ("88 04 A1 B2 9E", Sender::Card, "93 20", "BCC wrong, expected 9F"),
            ("95 70 01 02 03 04 04", Sender::Reader, "", "SELECT of cascade level 2"),
            ("95 70 01 02 03 04 05 00 00", Sender::Reader, "", "BCC wrong, expected 04; CRC_A wrong"),
            (
                "20 FC 70",
                Sender::Card,
                "95 70 01 02 03 04 04",
                "SAK UID complete, ISO/IEC 14443-4 supported; CRC_A right",
            ),
            (
                "20 FC 71",
                Sender::Card,
                "95 70 01 02 03 04 04",
                "SAK UID complete, ISO/IEC 14443-4 supported; CRC_A wrong",
            ),
            ("50 00 57 CE", Sender::Reader, "", "HLTA the card goes to sleep; CRC_A wrong, expected 57 CD"),
            ("E0 80 31 73", Sender::Reader, "", "frame size of the reader 256, card identifier (CID) 0; CRC_A right"),
            ("06 75 77 81 02 80 02 F0", Sender::Card, "E0 80 31 73", "TL 6 octets"),
            ("0A", Sender::Card, "A0 04 26 87", "acknowledged"),
            ("02 60 16 4E", Sender::Reader, "", "if a DESFire is asked, its native GetVersion"),
            (
                "02 AF 04 01 01 01 00 1A 05 38 8A",
                Sender::Card,
                "02 60 16 4E",
                "additional frame, more follows to GetVersion",
            ),
        ] {
            let said = said(text, sender, asked);
            assert!(said.contains(words), "{text}: {words} in {said}");
        }
    }

    #[test]
    fn frames_of_public_recordings() {
        // Proxmark/proxmark3, issues 11 and 567.
        for (frame, words) in [
            ("08 B6 DD", "SAK 08: UID complete, ISO/IEC 14443-4 not supported"),
            ("E0 50 BC A5", "frame size of the reader 64"),
            ("50 00 57 CD", "HLTA 5000: the card goes to sleep"),
            ("93 70 92 C0 45 6B 7C 05 CD", "SEL 93: SELECT of cascade level 1"),
            ("C2 E0 B4", "PCB C2: S-block, DESELECT"),
        ] {
            let text = listing(Format::Frame, &hex::parse(frame).unwrap());
            assert!(text.contains(words) && text.contains("CRC_A") && text.contains(": right"), "{text}");
        }
    }
}
