//! What a card declares of itself, bit by bit: card service data, card capabilities, life cycle (ISO/IEC 7816-4:2020, 12.1.1 and 7.4.10).

use super::field::Field;

/// Card service data, tag 43.
pub(crate) fn service_data(octet: u8) -> Vec<String> {
    let selection = [(0x80, "by full name"), (0x40, "by partial name")];
    let objects = [(0x20, "in EF.DIR"), (0x10, "in EF.ATR/INFO")];
    let by = match octet & 0x0E {
        0x08 => "READ BINARY",
        0x00 => "READ RECORD",
        0x04 => "GET DATA",
        _ => "a command that is reserved",
    };
    let root = if octet & 1 == 0 { "with a master file" } else { "without a master file" };
    vec![
        format!("{octet:02X}: selection of applications {}", named(octet, &selection, "not told")),
        format!("data objects {}", named(octet, &objects, "in neither EF.DIR nor EF.ATR/INFO")),
        format!("these files are read with {by}; card {root}"),
    ]
}

/// Card capabilities, tag 47: up to three software function tables.
pub(crate) fn card_capabilities(value: &[u8], base: usize) -> Vec<Field> {
    let field = |(index, octet): (usize, &u8)| {
        let (meaning, note) = match index {
            0 => (format!("selection {}", named(*octet, &SELECTION, "in no way told")), None),
            1 => coding(*octet),
            2 => functions(*octet),
            _ => (String::new(), None),
        };
        let name = format!("software function table {}", index + 1);
        Field::new(base + index, &[*octet], name, meaning).with_notes(note.into_iter().collect())
    };
    value.iter().enumerate().map(field).collect()
}

const SELECTION: [(u8, &str); 8] = [
    (0x80, "by full name"),
    (0x40, "by partial name"),
    (0x20, "by path"),
    (0x10, "by file identifier"),
    (0x08, "implicit"),
    (0x04, "by short file identifier"),
    (0x02, "by record number"),
    (0x01, "by record identifier"),
];

fn coding(octet: u8) -> (String, Option<String>) {
    let write = match (octet >> 5) & 3 {
        0 => "one time only",
        1 => "in a way of its own",
        2 => "by OR",
        _ => "by AND",
    };
    let tlv = if octet & 0x80 != 0 { "files of BER-TLV supported" } else { "no files of BER-TLV" };
    let first = if octet & 0x10 != 0 { "may begin a tag" } else { "begins no tag: it is filling" };
    let unit = match octet & 0x0F {
        0 => "half an octet".to_owned(),
        1 => "1 octet".to_owned(),
        power => format!("{} octets", 1_u32 << (power - 1)),
    };
    (format!("{tlv}; WRITE commands write {write}"), Some(format!("FF {first}; data unit of {unit}")))
}

fn functions(octet: u8) -> (String, Option<String>) {
    let functions = [(0x80, "command chaining"), (0x40, "extended Lc and Le"), (0x20, "lengths told in EF.ATR/INFO")];
    let by = [(0x10, "by the card"), (0x08, "by the terminal")];
    let channels = match (octet & 0x18, octet & 7) {
        (0, _) => "logical channels: the basic one only".to_owned(),
        (_, 7) => format!("logical channels: 8 or more, numbers given {}", named(octet, &by, "")),
        (_, low) => format!("logical channels: at most {}, numbers given {}", low + 1, named(octet, &by, "")),
    };
    (named(octet, &functions, "no chaining, no extended lengths"), Some(channels))
}

fn named(octet: u8, bits: &[(u8, &'static str)], none: &'static str) -> String {
    let names: Vec<&str> = bits.iter().filter(|(bit, _)| octet & bit != 0).map(|(_, name)| *name).collect();
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

/// Life cycle status (table 14).
pub(crate) const fn life_cycle(octet: u8) -> &'static str {
    match octet {
        0x00 => "no information",
        0x01 => "creation",
        0x03 => "initialisation",
        0x04 | 0x06 => "operational, deactivated",
        0x05 | 0x07 => "operational, activated",
        0x0C..=0x0F => "termination",
        0x10..=0xFF => "proprietary",
        _ => "reserved",
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::hex;
    use crate::wire::pretty::{Format, listing};

    fn of(capabilities: &str) -> String {
        listing(Format::BerTlv, &[&[0x47, 0x03][..], &hex::parse(capabilities).unwrap()].concat())
    }

    /// Each bit by hand from the tables of ISO/IEC 7816-4:2020, 12.1.1.9.
    #[test]
    fn each_bit_of_the_three_tables_has_its_words() {
        for (octets, words) in [
            ("80 00 00", "80: selection by full name"),
            (
                "1F 00 00",
                "by file identifier, implicit, by short file identifier, by record number, by record identifier",
            ),
            ("00 21 00", "21: no files of BER-TLV; WRITE commands write in a way of its own"),
            ("00 21 00", "FF begins no tag: it is filling; data unit of 1 octet"),
            ("00 F3 00", "F3: files of BER-TLV supported; WRITE commands write by AND"),
            ("00 F3 00", "FF may begin a tag; data unit of 4 octets"),
            ("00 00 C0", "C0: command chaining, extended Lc and Le"),
            ("00 00 C0", "logical channels: the basic one only"),
            ("00 00 13", "logical channels: at most 4, numbers given by the card"),
            ("00 00 1F", "logical channels: 8 or more, numbers given by the card, by the terminal"),
        ] {
            assert!(of(octets).contains(words), "{octets}: {words} in\n{}", of(octets));
        }
    }
}
