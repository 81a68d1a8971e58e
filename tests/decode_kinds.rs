//! What `decode` makes of the kinds of octets that people paste: broken, padded, with a checksum behind, cut off.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::collection::vec;
use proptest::prelude::*;
use untorn::wire::atr::Atr;
use untorn::wire::hex;
use untorn::wire::pretty::{Format, listing};
use untorn::wire::tlv::{self, Tag};

fn shown(format: Format, text: &str) -> String {
    listing(format, &hex::parse(text).unwrap())
}

fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
}

fn right_atr(protocol: u8, historical: &[u8]) -> Vec<u8> {
    let mut octets = vec![0x3B, 0x80 | historical.len() as u8, protocol];
    octets.extend_from_slice(historical);
    if protocol != 0 {
        octets.push(octets[1..].iter().fold(0, |sum, octet| sum ^ octet));
    }
    octets
}

/// Trailers of each kind, and how they are called.
const TRAILERS: [(&str, &str); 4] = [
    ("9000", "status word 9000 done"),
    ("0000000000", "filling of 00"),
    ("FFFF", "filling of FF"),
    ("6A82", "6A82 file or application not found"),
];

proptest! {
    /// ISO/IEC 7816-3:2006, 8.2.5: the check value covers T0 to the last historical octet, whatever was pasted with it.
    #[test]
    fn octets_behind_an_answer_to_reset_do_not_touch_its_check(
        historical in vec(any::<u8>(), 0..12), protocol in 1..15u8, trailer in 0..TRAILERS.len(), flip: bool,
    ) {
        let mut octets = right_atr(protocol, &historical);
        prop_assert!(Atr::parse(&octets).is_ok());
        let last = octets.len() - 1;
        if flip {
            octets[last] ^= 0x5A;
        }
        let tck = octets[last];
        octets.extend(hex::parse(TRAILERS[trailer].0).unwrap());
        let text = listing(Format::Atr, &octets);
        let verdict = if flip { format!("TCK {tck:02X}: wrong, expected {:02X}", tck ^ 0x5A) } else { format!("TCK {tck:02X}: right") };
        prop_assert!(text.contains(&verdict), "{}", text);
        prop_assert!(text.contains(&format!("wrong at octet {}", last + 1)), "{}", text);
        prop_assert!(text.contains(TRAILERS[trailer].1), "{}", text);
    }

    /// Whatever stands before an answer to reset, it is found and explained.
    #[test]
    fn an_answer_to_reset_behind_garbage_is_found(garbage in vec(0x80..=0xFFu8, 1..6), historical in vec(any::<u8>(), 0..10)) {
        let atr = right_atr(1, &historical);
        let text = listing(Format::Atr, &[&garbage[..], &atr].concat());
        prop_assert!(text.contains("an answer to reset begins here") && text.contains(": right"), "{}", text);
    }

    /// A tag of FF and 01 to 1E is a tag where the octets can be read to their end with it (EMV 4.4 Book 3, Annex B).
    #[test]
    fn tags_that_begin_with_ff_are_tags(low in 1..=0x1Eu8, value in vec(any::<u8>(), 1..20), before: bool) {
        let mut inner = Vec::new();
        tlv::push(&mut inner, Tag(0xDF01), &value);
        let mut octets = Vec::new();
        if before {
            tlv::push(&mut octets, Tag(0x9F36), &[0, 1]);
        }
        tlv::push(&mut octets, Tag(0xFF00 | u32::from(low)), &inner);
        tlv::push(&mut octets, Tag(0x9F02), &[0, 0, 0, 0, 1, 0]);
        let text = listing(Format::BerTlv, &octets);
        let expected = [format!("  FF{low:02X} "), "  DF01 ".to_owned(), "  9F02 ".to_owned()];
        prop_assert!(expected.iter().all(|line| text.contains(line)), "{}", text);
        let in_answer = listing(Format::ResponseApdu, &[&octets[..], &[0x90, 0x00]].concat());
        prop_assert!(expected.iter().all(|line| in_answer.contains(line)), "{}", in_answer);
    }

    /// One broken object deep inside: all before it and behind its template is shown, and the octet at which it breaks.
    #[test]
    fn a_tree_is_shown_as_far_as_it_goes(label in vec(0x41..0x5Bu8, 1..10), excess in 1..90u8, before in 0..3usize) {
        let mut name = Vec::new();
        for _ in 0..before {
            tlv::push(&mut name, Tag(0x87), &[1]);
        }
        tlv::push(&mut name, Tag(0x50), &label);
        let breaks_at = name.len();
        name.extend([0x5F, 0x2D, 2 + excess, b'e', b'n']);
        let mut fci = Vec::new();
        tlv::push(&mut fci, Tag(0x84), &[0xA0, 0, 0, 0, 3, 0x10, 0x10]);
        let inner_at = fci.len() + 2;
        tlv::push(&mut fci, Tag(0xA5), &name);
        tlv::push(&mut fci, Tag(0x9F36), &[0, 7]);
        let mut octets = Vec::new();
        tlv::push(&mut octets, Tag(0x6F), &fci);
        let place = format!("truncated at octet {}:", 2 + inner_at + breaks_at + 3);
        for (format, octets) in [
            (Format::ResponseApdu, [&octets[..], &[0x90, 0x00]].concat()),
            (Format::BerTlv, octets.clone()),
        ] {
            let text = listing(format, &octets);
            for line in ["  6F ", "  84 ", "  A5 ", "  50 ", "  5F2D ", "  9F36 ", &place] {
                prop_assert!(text.contains(line), "{:?} in {}", line, text);
            }
        }
    }

    /// An answer to select with its CRC_A behind, or with other octets: explained to its end, then the excess.
    #[test]
    fn an_answer_to_select_longer_than_it_says(historical in vec(any::<u8>(), 0..12), crc: bool) {
        let mut octets = vec![5 + historical.len() as u8, 0x78, 0x77, 0x81, 0x02];
        octets.extend_from_slice(&historical);
        let checksum = crc_a(&octets).to_le_bytes();
        octets.extend(if crc { checksum } else { [checksum[0] ^ 1, checksum[1]] });
        let text = listing(Format::Ats, &octets);
        for line in ["TL", "T0 78", "TA(1) 77", "TB(1) 81", "TC(1) 02", &format!("wrong at octet {}", octets.len() - 2)] {
            prop_assert!(text.contains(line), "{:?} in {}", line, text);
        }
        let verdict = if crc { "CRC_A of the octets before it: right".to_owned() } else { format!("CRC_A would be {:02X} {:02X}", checksum[0], checksum[1]) };
        prop_assert!(text.contains(&verdict) || text.contains("status word"), "{}", text);
    }
}

/// ISO/IEC 14443-3:2018, annex B, bit by bit, for the tests.
fn crc_a(octets: &[u8]) -> u16 {
    let mut crc = 0x6363_u16;
    for octet in octets {
        for bit in 0..8 {
            let feedback = (crc ^ (u16::from(*octet) >> bit)) & 1;
            crc = (crc >> 1) ^ (feedback * 0x8408);
        }
    }
    crc
}

#[test]
fn a_storage_card_has_its_name_and_a_card_of_type_b_its_fields() {
    has(
        &shown(Format::Atr, "3B8F8001804F0CA0000003060300030000000068"),
        &["standard 03: ISO/IEC 14443 A, part 3", "card name 0003: MIFARE Ultralight", "TCK 68: right"],
    );
    for (atr, data, information) in [
        ("3B88800100000000338181003A", "00 00 00 00", "33 81 81"),
        ("3B8880011C2D9411F7718500BE", "1C 2D 94 11", "F7 71 85"),
        ("3B88800100000000B3717100BA", "00 00 00 00", "B3 71 71"),
    ] {
        let text = shown(Format::Atr, atr);
        has(
            &text,
            &["card of type B", &format!("application data: {data}"), &format!("bit rates {}:", &information[..2])],
        );
        has(&text, &["MBLI 0", "supported", ": right"]);
    }
}

#[test]
fn lists_inside_templates_are_lists() {
    has(
        &shown(Format::ResponseApdu, "6F1B8407A0000000031010A5109F38069F66049F02065F2D04656E6A619000"),
        &[
            "9F66 Terminal Transaction Qualifiers",
            "9F02 Amount, Authorised (Numeric) 06: 6 octets",
            "asks for 10 octets",
            "en, ja",
        ],
    );
    has(
        &shown(Format::ResponseApdu, "7713 8202 3900 9408 08010100 10010301 9F36 02 0107 9000"),
        &[
            "39: DDA supported, cardholder verification supported, terminal risk management to be performed, CDA supported",
            "short file identifier 1, records 1 to 1, 0 of them signed",
            "short file identifier 2, records 1 to 3, 1 of them signed",
            "263",
        ],
    );
    has(
        &shown(Format::ResponseApdu, "800E 7C00 08010100 10010301 18010200 9000"),
        &["Application Interchange Profile (AIP), 2 octets", "octet 1 7C:", "short file identifier 3, records 1 to 2"],
    );
    has(
        &shown(Format::BerTlv, "8E0C 00000000 00000000 4203 1F00"),
        &[
            "rule 4203: enciphered PIN checked online, if the terminal supports it; else the next rule",
            "rule 1F00: no verification required, always",
        ],
    );
}

#[test]
fn the_readers_own_commands_have_names() {
    for (command, name) in [
        ("FFCA000000", "the identifier (UID)"),
        ("FFCA010000", "the historical octets of the card's ATS"),
        ("FF82000006FFFFFFFFFFFF", "LOAD KEYS"),
        ("FFB0000410", "READ BINARY"),
        ("FFD600041000000000000000000000000000000000", "UPDATE BINARY"),
        ("FF860000050100046000", "GENERAL AUTHENTICATE"),
        ("FFC20001049502300000", "TRANSPARENT EXCHANGE"),
        ("FF70076B07A005A003A0018000", "vendor's own command"),
    ] {
        has(&shown(Format::CommandApdu, command), &[name, "for the reader"]);
    }
}
