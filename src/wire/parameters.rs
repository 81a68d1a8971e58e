//! P1 and P2 of interindustry commands in words (ISO/IEC 7816-4:2020, clause 11).

use super::instruction;

/// P1 and P2 of an interindustry command in words. `None` in a proprietary class and for instructions whose parameters are not known
/// here: a wrong word would be worse than none.
///
/// ```
/// use untorn::wire::parameters::words;
/// let [p1, p2] = words([0x00, 0xB2, 0x01, 0x0C]).unwrap();
/// assert_eq!(p1, "record number 1");
/// assert_eq!(p2, "short EF identifier 1, the record with the number in P1");
/// assert_eq!(words([0x80, 0xB2, 0x01, 0x0C]), None);
/// ```
pub fn words([cla, ins, p1, p2]: [u8; 4]) -> Option<[String; 2]> {
    instruction::name(cla, ins)?;
    let words = match ins {
        0xA4 => select(p1, p2),
        0xB2 | 0xB3 | 0xD2 | 0xDC | 0xDD | 0x0C => record(ins, p1, p2),
        0xE2 => [none(p1), file(p2 >> 3, reserved_unless(p2.trailing_zeros() >= 3, "appended"))],
        0xB0 | 0xD0 | 0xD6 | 0x0E => binary(p1, p2),
        0xB1 | 0xD1 | 0xD7 | 0x0F => odd_binary(p1, p2),
        0xCA | 0xDA => data_object(p1, p2),
        0xCB | 0xDB => odd_data_object(p1, p2),
        0x70 => channel(p1, p2),
        0xC0 | 0xC2 | 0xC3 => [none(p1), none(p2)],
        0x20 | 0x21 | 0x24 | 0x25 | 0x26 | 0x28 | 0x2C | 0x2D => [verification(ins, p1), reference(p2)],
        0x82 | 0x86 | 0x87 | 0x88 => [algorithm(p1), reference(p2)],
        0x84 => [algorithm(p1), none(p2)],
        0x22 => security_environment(p1, p2),
        0x2A | 0x2B => [security_object(p1, "comes back"), security_object(p2, "is sent")],
        _ => return None,
    };
    Some(words)
}

fn none(octet: u8) -> String {
    if octet == 0 { "no further information".to_owned() } else { RESERVED.to_owned() }
}

const RESERVED: &str = "reserved";

fn reserved_unless(holds: bool, words: &str) -> &str {
    if holds { words } else { RESERVED }
}

/// 11.2.2, tables 62 and 63.
fn select(p1: u8, p2: u8) -> [String; 2] {
    let how = match p1 {
        0x00 => "by file identifier: MF, DF or EF; the MF where there is no data",
        0x01 => "a DF below the current one, by file identifier",
        0x02 => "an EF below the current DF, by file identifier",
        0x03 => "the DF above the current one",
        0x04 => "by DF name, such as an application identifier",
        0x08 => "by path from the MF",
        0x09 => "by path from the current DF",
        0x10 => "a data object in the current template",
        0x13 => "the template above the current data object",
        _ => RESERVED,
    };
    let occurrence = ["first or only occurrence", "last occurrence", "next occurrence", "previous occurrence"];
    let answer = [
        "file control information (FCI) comes back",
        "control parameters (FCP) come back",
        "management data (FMD) comes back",
        "nothing comes back, or what the card chooses",
    ];
    let how_many = occurrence[usize::from(p2 & 3)];
    let what = answer[usize::from(p2 >> 2 & 3)];
    let p2 = if p2 >> 4 == 0 { format!("{how_many}, {what}") } else { RESERVED.to_owned() };
    [how.to_owned(), p2]
}

/// A short identifier in five bits, and the rest in words.
fn file(identifier: u8, rest: &str) -> String {
    match identifier {
        0 => format!("current EF, {rest}"),
        31 => RESERVED.to_owned(),
        identifier => format!("short EF identifier {identifier}, {rest}"),
    }
}

/// 11.4.2, tables 83 and 84.
fn record(ins: u8, p1: u8, p2: u8) -> [String; 2] {
    let by_number = p2 & 4 != 0;
    let p1 = match (p1, by_number) {
        (0, _) => "the current record".to_owned(),
        (0xFF, _) => RESERVED.to_owned(),
        (number, true) => format!("record number {number}"),
        (identifier, false) => format!("record identifier {identifier:02X}"),
    };
    let updates = matches!(ins, 0xDC | 0xDD | 0xD2);
    let how = match p2 & 7 {
        0 => "first record with the identifier in P1",
        1 => "last record with the identifier in P1",
        2 => "next record with the identifier in P1",
        3 => "previous record with the identifier in P1",
        4 => "the record with the number in P1",
        5 if ins == 0xDD => "part of the record with the number in P1, joined by logical OR",
        6 if ins == 0xDD => "part of the record with the number in P1, joined by logical AND",
        7 if ins == 0xDD => "part of the record with the number in P1, joined by exclusive OR",
        5 if !updates => "all records from the number in P1 to the last",
        6 if !updates => "all records from the last to the number in P1",
        _ => RESERVED,
    };
    [p1, file(p2 >> 3, how)]
}

/// 11.3.1: an even instruction.
fn binary(p1: u8, p2: u8) -> [String; 2] {
    if p1 & 0x80 == 0 {
        let offset = u16::from_be_bytes([p1, p2]);
        return [
            "offset, upper octet".to_owned(),
            format!("offset, lower octet: from octet {offset} of the current EF"),
        ];
    }
    let p1 = if p1 & 0x60 == 0 { file(p1 & 0x1F, "offset in P2") } else { RESERVED.to_owned() };
    [p1, format!("from octet {p2}")]
}

/// 11.3.1: an odd instruction, whose offset is in the data.
fn odd_binary(p1: u8, p2: u8) -> [String; 2] {
    match [p1, p2] {
        [0, 0] => ["with P2: the current EF".to_owned(), "with P1: the current EF".to_owned()],
        [0, short @ 1..=30] => ["with P2: a short EF identifier".to_owned(), format!("short EF identifier {short}")],
        _ => file_identifier(p1, p2),
    }
}

fn file_identifier(p1: u8, p2: u8) -> [String; 2] {
    let words = format!("file identifier {p1:02X}{p2:02X}");
    [format!("{words}, upper octet"), format!("{words}, lower octet")]
}

/// 11.4.3, and 7816-4:2005, table 74, for the ranges.
fn data_object(p1: u8, p2: u8) -> [String; 2] {
    let both = |words: &str| [format!("with P2: {words}"), format!("with P1: {words}")];
    match [p1, p2] {
        [0, 0x40..=0xFF] => ["the tag is in P2".to_owned(), format!("data object {p2:02X}")],
        [1, number] => ["proprietary to the card".to_owned(), format!("number {number:02X}, proprietary to the card")],
        [2, tag] => ["the SIMPLE-TLV tag is in P2".to_owned(), format!("SIMPLE-TLV data object {tag:02X}")],
        [0x40..=0xFF, _] => both(&format!("data object {p1:02X}{p2:02X}")),
        _ => both(RESERVED),
    }
}

/// 11.4.3: an odd instruction names a file, and its data the objects in it.
fn odd_data_object(p1: u8, p2: u8) -> [String; 2] {
    match [p1, p2] {
        [0, 0] => ["with P2: the current EF".to_owned(), "with P1: the current EF".to_owned()],
        [0x3F, 0xFF] => ["with P2: the current DF".to_owned(), "with P1: the current DF".to_owned()],
        _ => file_identifier(p1, p2),
    }
}

/// 11.1.2.
fn channel(p1: u8, p2: u8) -> [String; 2] {
    let p1_words = match p1 {
        0x00 => "open",
        0x40 => "reset",
        0x80 => "close",
        _ => RESERVED,
    };
    let p2 = match (p1, p2) {
        (0x00, 0) => "the card chooses the channel".to_owned(),
        (_, 0) => "the channel in CLA".to_owned(),
        (_, number @ 1..=19) => format!("channel {number}"),
        _ => RESERVED.to_owned(),
    };
    [p1_words.to_owned(), p2]
}

/// 11.6.
fn verification(ins: u8, p1: u8) -> String {
    let words = match (ins, p1) {
        (0x20 | 0x21, 0x00) => "verify, or ask for the tries that are left",
        (0x20 | 0x21, 0xFF) => "take the verification back",
        (0x24 | 0x25, 0x00) => "the old value, then the new one",
        (0x24 | 0x25, 0x01) | (0x2C | 0x2D, 0x02) => "the new value alone",
        (0x26 | 0x28, 0x00) => "the value is sent",
        (0x26 | 0x28, 0x01) => "no value is sent",
        (0x2C | 0x2D, 0x00) => "resetting code, then the new value",
        (0x2C | 0x2D, 0x01) => "resetting code alone",
        (0x2C | 0x2D, 0x03) => "no data",
        _ => RESERVED,
    };
    words.to_owned()
}

/// 11.6.1, table 106: a key, a password.
fn reference(p2: u8) -> String {
    let scope = if p2 & 0x80 == 0 { "of the whole card" } else { "of the current DF" };
    match p2 {
        0 => "no further information".to_owned(),
        _ if p2 & 0x60 != 0 => RESERVED.to_owned(),
        _ => format!("reference data {} {scope}", p2 & 0x1F),
    }
}

fn algorithm(p1: u8) -> String {
    if p1 == 0 {
        "no further information".to_owned()
    } else {
        format!("algorithm {p1:02X}, by the card's own numbering")
    }
}

/// 11.6.11, tables 121 and 122.
fn security_environment(p1: u8, p2: u8) -> [String; 2] {
    let action = match p1 & 0x0F {
        1 => "set",
        2 => return ["store".to_owned(), format!("security environment {p2}")],
        3 => return ["restore".to_owned(), format!("security environment {p2}")],
        4 => return ["erase".to_owned(), format!("security environment {p2}")],
        _ => RESERVED,
    };
    let uses = [
        (0x10, "secure messaging in commands"),
        (0x20, "secure messaging in answers"),
        (0x40, "computing, deciphering, internal authentication, key agreement"),
        (0x80, "verifying, enciphering, external authentication"),
    ];
    let uses: Vec<&str> = uses.iter().filter(|(bit, _)| p1 & bit != 0).map(|(_, words)| *words).collect();
    let p1 = if uses.is_empty() { action.to_owned() } else { format!("{action} for {}", uses.join(", and ")) };
    let template = match p2 {
        0xA4 => "template for authentication",
        0xA6 => "template for key agreement",
        0xAA => "template for hashes",
        0xB4 => "template for checksums",
        0xB6 => "template for signatures",
        0xB8 => "template for confidentiality",
        _ => RESERVED,
    };
    [p1, template.to_owned()]
}

/// ISO/IEC 7816-8:2021, 5.2: the tag of what comes back, and of what is sent.
fn security_object(tag: u8, direction: &str) -> String {
    match object_name(tag) {
        _ if tag == 0 => format!("nothing {direction}"),
        Some(object) => format!("{object} {direction}"),
        None => format!("data object {tag:02X} {direction}"),
    }
}

/// What PERFORM SECURITY OPERATION calls the object with this tag.
pub(crate) const fn object_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0x80 => "plain value",
        0x82 | 0x84 => "cryptogram",
        0x86 => "padding indicator and cryptogram",
        0x8E => "cryptographic checksum",
        0x90 => "hash",
        0x9A => "input of a signature",
        0x9E => "signature",
        0xA0 => "template for a hash",
        0xA2 => "template for a checksum",
        0xA8 => "template for a signature",
        0xAC | 0xBC => "template for a signature's input",
        0xAE | 0xBE => "template for a certificate",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from ISO/IEC 7816-4:2020.
    #[test]
    fn parameters_in_words() {
        for (header, p1, p2) in [
            ([0x00, 0xA4, 0x04, 0x00], "by DF name", "first or only occurrence, file control information (FCI)"),
            ([0x00, 0xA4, 0x02, 0x0C], "an EF below the current DF", "nothing comes back"),
            ([0x00, 0xA4, 0x08, 0x04], "by path from the MF", "control parameters (FCP)"),
            ([0x00, 0xA4, 0x04, 0x02], "by DF name", "next occurrence"),
            ([0x00, 0xA4, 0x05, 0x10], "reserved", "reserved"),
            ([0x00, 0xB2, 0x02, 0x14], "record number 2", "short EF identifier 2, the record with the number in P1"),
            ([0x00, 0xB2, 0x01, 0x05], "record number 1", "current EF, all records from"),
            ([0x00, 0xB2, 0x00, 0x02], "the current record", "current EF, next record"),
            ([0x00, 0xB2, 0x07, 0x00], "record identifier 07", "current EF, first record"),
            ([0x00, 0xDC, 0x01, 0x05], "record number 1", "current EF, reserved"),
            ([0x00, 0xB0, 0x01, 0x00], "offset, upper octet", "from octet 256 of the current EF"),
            ([0x00, 0xB0, 0x81, 0x10], "short EF identifier 1, offset in P2", "from octet 16"),
            ([0x00, 0xB1, 0x00, 0x00], "the current EF", "the current EF"),
            ([0x00, 0xB1, 0x3F, 0x00], "file identifier 3F00", "lower octet"),
            ([0x00, 0xCA, 0x00, 0x6E], "the tag is in P2", "data object 6E"),
            ([0x00, 0xCA, 0x9F, 0x36], "data object 9F36", "data object 9F36"),
            ([0x00, 0xCA, 0x01, 0x01], "proprietary to the card", "number 01"),
            ([0x00, 0x70, 0x00, 0x00], "open", "the card chooses the channel"),
            ([0x00, 0x70, 0x80, 0x02], "close", "channel 2"),
            ([0x00, 0xC0, 0x00, 0x00], "no further information", "no further information"),
            ([0x00, 0x20, 0x00, 0x81], "verify", "reference data 1 of the current DF"),
            ([0x00, 0x20, 0xFF, 0x01], "take the verification back", "reference data 1 of the whole card"),
            ([0x00, 0x22, 0x41, 0xA4], "set for computing", "template for authentication"),
            ([0x00, 0x2A, 0x9E, 0x9A], "signature comes back", "input of a signature is sent"),
        ] {
            let [in_p1, in_p2] = words(header).unwrap();
            assert!(in_p1.contains(p1), "{}: {in_p1}", crate::wire::hex::encode(&header));
            assert!(in_p2.contains(p2), "{}: {in_p2}", crate::wire::hex::encode(&header));
        }
    }

    #[test]
    fn what_is_not_interindustry_has_no_words() {
        assert_eq!(words([0x80, 0xA4, 0x04, 0x00]), None);
        assert_eq!(words([0x00, 0xD8, 0x00, 0x00]), None);
    }

    #[test]
    fn every_parameter_of_every_instruction_has_words_or_none_has() {
        for ins in 0..=u8::MAX {
            let known = words([0x00, ins, 0, 0]).is_some();
            for p in 0..=u8::MAX {
                for header in [[0x00, ins, p, 0], [0x00, ins, 0, p], [0x00, ins, p, p]] {
                    let found = words(header);
                    assert_eq!(found.is_some(), known, "{header:02X?}");
                    assert!(found.is_none_or(|words| words.iter().all(|word| !word.is_empty())), "{header:02X?}");
                }
            }
        }
    }
}
