//! Every format as an indented listing, also where it is cut off or wrong: what could be read, where it stopped and why,
//! then the rest in hexadecimal. Offsets are decimal and count from the head of the input, as in [`WireError`].
//!
//! A listing shows values as they are, account numbers included: it is for whoever already holds the octets.

use super::explain::explain;
pub use super::format::{Format, FormatError};
use super::guess::guess;
use super::tag::Dictionary;
use super::{WireError, hex};

/// Hexadecimal text as a listing, as `format` or as what it looks like.
///
/// ```
/// use untorn::wire::pretty;
/// assert_eq!(pretty::decode("6A82", None).unwrap(), "status word, 2 octets\n    0  SW1-SW2 6A82: file or application not found\n");
/// ```
pub fn decode(text: &str, format: Option<Format>) -> Result<String, WireError> {
    let octets = hex::parse(text)?;
    Ok(listing(format.unwrap_or_else(|| guess(&octets)), &octets))
}

/// The listing of `octets`, with the tags that [`crate::wire::tag`] knows.
///
/// ```
/// use untorn::wire::pretty::{Format, listing};
/// assert_eq!(
///     listing(Format::BerTlv, &[0x6F, 0x04, 0x84, 0x02, 0x31, 0x50]),
///     "BER-TLV data objects, 6 octets
///     0  6F File Control Information (FCI) Template, 4 octets
///     2    84 Dedicated File (DF) name: 3150
/// ");
/// ```
pub fn listing(format: Format, octets: &[u8]) -> String {
    listing_with(format, octets, &[])
}

/// The same with a family's own dictionaries, which are asked first.
pub fn listing_with(format: Format, octets: &[u8], dictionaries: &[Dictionary<'_>]) -> String {
    explain(format, octets, dictionaries).listing()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tlv::{self, Tag};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn decoded(text: &str) -> String {
        decode(text, None).unwrap()
    }

    #[test]
    fn a_select_command() {
        assert_eq!(
            decoded("00 A4 04 00 07 A0 00 00 00 04 10 10 00"),
            "command APDU, 13 octets
    0  CLA 00: interindustry, channel 0
    1  INS A4: SELECT
    2  P1 04: by DF name, such as an application identifier
    3  P2 00: first or only occurrence, file control information (FCI) comes back
    4  Lc 07: 7 octets of data
    5  DF name: A0 00 00 00 04 10 10
   12  Le 00: up to 256 octets expected
"
        );
    }

    #[test]
    fn an_fci_with_its_status_word() {
        assert_eq!(
            decoded("6F 15 84 07 A0 00 00 00 04 10 10 A5 0A 50 05 44 65 62 69 74 88 01 01 90 00"),
            "response APDU, 25 octets
    0  6F File Control Information (FCI) Template, 21 octets
    2    84 Dedicated File (DF) name: A0 00 00 00 04 10 10
   11    A5 proprietary template, 10 octets
   13      50 Application Label 44 65 62 69 74: \"Debit\"
   20      88 Short File Identifier (SFI): 01
   23  SW1-SW2 9000: done
"
        );
    }

    #[test]
    fn an_answer_to_reset() {
        assert_eq!(
            decoded("3B DA 18 FF 81 B1 FE 75 1F 03 00 31 C5 73 C0 01 40 00 90 00 0C"),
            "answer to reset, 21 octets
    0  TS 3B: direct convention
    1  T0 DA: TA TC TD follow, historical octets: 10
    2  TA1 18: F=372, at most 5.0 MHz, D=12
    3  TC1 FF: extra guard time 255: the least the protocol knows
    4  TD1 81: T=1, TD follow
    5  TD2 B1: T=1, TA TB TD follow
    6  TA3 FE: T=1 information field size of the card 254
    7  TB3 75: T=1 block waiting time integer 7, character waiting time integer 5
    8  TD3 1F: T=15, TA follow
    9  TA4 03: clock stop not supported, classes AB
   10  historical octets, 10 octets
   10    category 00: data objects, then a status indicator
   11    3 card service data: C5
   12      C5: selection of applications by full name, by partial name
   12      data objects in neither EF.DIR nor EF.ATR/INFO
   12      these files are read with GET DATA; card without a master file
   13    7 card capabilities, 3 octets
   14      software function table 1 C0: selection by full name, by partial name
   15      software function table 2 01: no files of BER-TLV; WRITE commands write one time only
   15        FF begins no tag: it is filling; data unit of 1 octet
   16      software function table 3 40: extended Lc and Le
   16        logical channels: the basic one only
   17    life cycle status 00: no information
   18    status 9000: done
   20  TCK 0C: right
"
        );
    }

    #[test]
    fn an_answer_to_reset_cut_off_and_one_with_a_wrong_check() {
        assert_eq!(
            listing(Format::Atr, &[0x3B, 0x81, 0x80]),
            "answer to reset, 3 octets
    0  TS 3B: direct convention
    1  T0 81: TD follow, historical octets: 1
    2  TD1 80: T=0, TD follow
    3  truncated at octet 3: expected TD, got the end
"
        );
        assert!(listing(Format::Atr, &[0x3B, 0x81, 0x80, 0x01, 0x80, 0x81]).ends_with("TCK 81: wrong, expected 80\n"));
    }

    #[test]
    fn an_answer_to_select() {
        assert_eq!(
            decoded("06 75 77 81 02 80"),
            "answer to select, 6 octets
    0  TL 06: 6 octets
    1  T0 75: frame size of the card 64
    2  TA(1) 77: kbit/s to the card 106 212 424 848, from the card 106 212 424 848
    3  TB(1) 81: frame waiting time integer 8, start-up guard time integer 1
    4  TC(1) 02: card identifier (CID) supported, node address (NAD) not supported
    5  historical octets, 1 octet
    5    category 80: data objects
"
        );
    }

    #[test]
    fn a_data_object_list() {
        assert_eq!(
            decoded("9F 37 04 9F 02 06"),
            "data object list, 6 octets
    0  9F37 Unpredictable Number 04: 4 octets
    3  9F02 Amount, Authorised (Numeric) 06: 6 octets
    6  asks for 10 octets
"
        );
    }

    #[test]
    fn what_is_cut_off_is_shown_with_its_rest() {
        assert_eq!(
            listing(Format::CommandApdu, &[0x80, 0xA8, 0x00, 0x00, 0x04, 0x83, 0x02]),
            "command APDU, 7 octets
    0  CLA 80: proprietary, channel 0
    1  INS A8: GET PROCESSING OPTIONS (EMV)
    2  P1 00: parameter 1 of this instruction
    3  P2 00: parameter 2 of this instruction
    4  Lc 04: 4 octets of data, of which 2 are there
    5  wrongly formed at octet 5: expected 4 octets of command data, got 2 octets, then the end
    5  data: 8302
"
        );
        assert_eq!(
            listing(Format::StatusWord, &[0x90, 0x00, 0x61]),
            "status word, 3 octets\n    0  SW1-SW2 9000: done\n    2  wrong at octet 2: expected the end of the status word, got 61\n    2  not read: 61\n"
        );
    }

    #[test]
    fn an_object_after_a_broken_template_is_still_read() {
        let text = listing(Format::BerTlv, &[0x70, 0x03, 0x5A, 0x08, 0x47, 0x9F, 0x36, 0x02, 0x00, 0x01]);
        assert!(text.contains("truncated at octet 4: expected 8 octets of value, got 1 octet, then the end"), "{text}");
        assert!(text.contains("    5  9F36 Application Transaction Counter (ATC) 0001: 1"), "{text}");
    }

    #[test]
    fn secure_messaging_objects_by_their_own_names() {
        let text = decoded("0C B0 00 00 0D 97 01 04 8E 08 ED 67 05 41 7E 96 BA 55 00");
        assert!(text.contains("8E cryptographic checksum: ED 67 05 41 7E 96 BA 55"), "{text}");
        assert!(text.contains("97 Ne 04: up to 4 octets expected"), "{text}");
    }

    #[test]
    fn a_family_names_its_own_tags() {
        const OWN: Dictionary<'static> = &[(Tag(0xC1), "version and suites")];
        assert!(listing_with(Format::BerTlv, &[0xC1, 0x01, 0x01], &[OWN]).contains("C1 version and suites: 01"));
        assert!(listing(Format::BerTlv, &[0xD1, 0x01, 0x01]).contains("D1 unknown: 01"));
    }

    #[test]
    fn a_length_in_more_octets_than_needed_is_shown() {
        let text = listing(Format::BerTlv, &[0x70, 0x81, 0x06, 0x9F, 0x36, 0x82, 0x00, 0x01, 0x07]);
        assert!(text.contains("length 81 06, where fewer octets do"), "{text}");
        assert!(text.contains("length 82 00 01, where fewer octets do"), "{text}");
    }

    #[test]
    fn templates_without_end_do_not_overflow() {
        let mut deep = vec![0x70; 2];
        for _ in 0..5000 {
            let mut outer = Vec::new();
            tlv::push(&mut outer, Tag(0x70), &deep);
            deep = outer;
        }
        assert!(listing(Format::BerTlv, &deep).len() > deep.len());
        let _ = guess(&deep);
    }

    #[test]
    fn names_are_read_back() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("tlv".parse::<Format>().unwrap_err().to_string().contains("ber-tlv, compact-tlv"));
    }

    /// Octets that reach deep into the parsers more often than random ones do.
    fn likely() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![any::<u8>(), 0..6u8, Just(0xFFu8), Just(0x70), Just(0x80), Just(0x3B), Just(0x81)];
        prop_oneof![vec(any::<u8>(), 0..80), vec(octet, 0..60)]
    }

    proptest! {
        #[test]
        fn no_octets_break_a_listing(octets in likely()) {
            let _ = guess(&octets);
            for format in Format::ALL {
                let text = listing(format, &octets);
                prop_assert!(text.ends_with('\n'));
                prop_assert!(text.lines().skip(1).all(|line| line.as_bytes()[..5].trim_ascii_start().iter().all(u8::is_ascii_digit)));
            }
        }

        /// Every octet of a value stands in the listing, however the input is cut.
        #[test]
        fn a_cut_listing_says_so(value in vec(any::<u8>(), 1..40), cut in any::<prop::sample::Index>()) {
            let mut octets = Vec::new();
            tlv::push(&mut octets, Tag(0x5A), &value);
            let cut = &octets[..=cut.index(octets.len() - 1)];
            let text = listing(Format::BerTlv, cut);
            prop_assert!(text.contains("truncated at octet"), "{}", text);
            for row in cut.get(2..).unwrap_or(&[]).chunks(16) {
                prop_assert!(text.replace(' ', "").contains(&hex::encode(row)), "{}", text);
            }
        }
    }
}
