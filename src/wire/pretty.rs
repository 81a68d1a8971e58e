//! Every format as an indented listing, also where it is cut off or wrong: what could be read, where it stopped and why,
//! then the rest in hexadecimal. Offsets are decimal and count from the head of the input, as in [`WireError`].
//!
//! A listing shows values as they are, account numbers included: it is for whoever already holds the octets.

use crate::quoted::quoted;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use super::apdu::{self, Command, Response};
use super::class::{Class, Range, SecureMessaging};
use super::guess::guess;
use super::status::StatusWord;
use super::tag::{self, Dictionary};
use super::tlv::{self, Tag};
use super::{Fault, WireError, atr, ats, compact_tlv, count, dol, frame, hex, instruction, known_commands, parameters};

/// What octets can be listed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A command APDU.
    CommandApdu,
    /// A response APDU.
    ResponseApdu,
    /// SW1 SW2 alone.
    StatusWord,
    /// BER-TLV data objects.
    BerTlv,
    /// Compact-TLV data objects.
    CompactTlv,
    /// A data object list.
    Dol,
    /// An answer to reset.
    Atr,
    /// An answer to select.
    Ats,
    /// A contactless frame with its checksum, or a T=1 block.
    Frame,
    /// Octets of no known format.
    Data,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CommandApdu,
        Self::ResponseApdu,
        Self::StatusWord,
        Self::BerTlv,
        Self::CompactTlv,
        Self::Dol,
        Self::Atr,
        Self::Ats,
        Self::Frame,
        Self::Data,
    ];

    /// The name by which a person picks it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CommandApdu => "command",
            Self::ResponseApdu => "response",
            Self::StatusWord => "status",
            Self::BerTlv => "ber-tlv",
            Self::CompactTlv => "compact-tlv",
            Self::Dol => "dol",
            Self::Atr => "atr",
            Self::Ats => "ats",
            Self::Frame => "frame",
            Self::Data => "data",
        }
    }

    /// What it is called in a sentence.
    pub const fn title(self) -> &'static str {
        match self {
            Self::CommandApdu => "command APDU",
            Self::ResponseApdu => "response APDU",
            Self::StatusWord => "status word",
            Self::BerTlv => "BER-TLV data objects",
            Self::CompactTlv => "compact-TLV data objects",
            Self::Dol => "data object list",
            Self::Atr => "answer to reset",
            Self::Ats => "answer to select",
            Self::Frame => "frame",
            Self::Data => "data of no known format",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the formats'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is no format: expected one of {}", quoted(got), Format::ALL.map(Format::name).join(", "))]
pub struct FormatError {
    got: String,
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        let found = Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| FormatError { got: name.to_owned() })
    }
}

/// Hexadecimal text as a listing, as `format` or as what it looks like.
///
/// ```
/// use untorn::wire::pretty;
/// assert_eq!(pretty::decode("6A82", None).unwrap(), "status word, 2 octets\n    0  6A82 file or application not found\n");
/// ```
pub fn decode(text: &str, format: Option<Format>) -> Result<String, WireError> {
    let octets = hex::parse(text)?;
    Ok(listing(format.unwrap_or_else(|| guess(&octets)), &octets))
}

/// The listing of `octets`, with the tags of [`tag::COMMON`].
///
/// ```
/// use untorn::wire::pretty::{Format, listing};
/// assert_eq!(
///     listing(Format::BerTlv, &[0x6F, 0x04, 0x84, 0x05, 0x31, 0x50]),
///     "BER-TLV data objects, 6 octets
///     0  6F  File Control Information (FCI) Template, 4 octets
///     2    84  Dedicated File (DF) name
///     4      truncated at octet 4: expected 5 octets of value, got 2 octets, then the end
///     4      31 50
/// ");
/// ```
pub fn listing(format: Format, octets: &[u8]) -> String {
    listing_with(format, octets, &[])
}

/// The same with a family's own dictionaries, which are asked before [`tag::COMMON`].
pub fn listing_with(format: Format, octets: &[u8], dictionaries: &[Dictionary<'_>]) -> String {
    let mut listing = Listing { text: String::new(), indent: 0, base: 0, dictionaries };
    listing.text = format!("{}, {}\n", format.title(), count(octets.len()));
    listing.body(format, octets);
    listing.text
}

/// Octets in one row of hexadecimal.
const ROW_LEN: usize = 16;

/// A listing that grows.
pub(crate) struct Listing<'d> {
    text: String,
    indent: usize,
    /// Where the head of what is being listed stands in the whole input.
    base: usize,
    dictionaries: &'d [Dictionary<'d>],
}

impl<'d> Listing<'d> {
    /// All lines of `octets`.
    pub(crate) fn body(&mut self, format: Format, octets: &[u8]) {
        match format {
            Format::CommandApdu => list_command(self, octets),
            Format::ResponseApdu => list_response(self, octets),
            Format::StatusWord => list_status(self, octets),
            Format::BerTlv => list_objects(self, octets),
            Format::CompactTlv => compact_tlv::list(self, 0, octets),
            Format::Dol => dol::list(self, 0, octets),
            Format::Atr => atr::list(self, 0, octets),
            Format::Ats => ats::list(self, 0, octets),
            Format::Frame => frame::list(self, octets),
            Format::Data => self.value(0, "octets", 0, octets),
        }
    }

    /// Lines one level further in, whose offsets count from `base`.
    pub(crate) fn inside(&mut self, base: usize, lines: impl FnOnce(&mut Self)) {
        self.base += base;
        self.nested(lines);
        self.base -= base;
    }

    /// One line about what stands at `offset`.
    pub(crate) fn line(&mut self, offset: usize, text: &str) {
        let offset = self.base + offset;
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{offset:>5}  {:indent$}{text}", "", indent = 2 * self.indent);
    }

    /// Lines one level further in.
    pub(crate) fn nested(&mut self, lines: impl FnOnce(&mut Self)) {
        self.indent += 1;
        lines(self);
        self.indent -= 1;
    }

    /// A name and its value: on one line, or in rows below it. Text is shown as text too.
    pub(crate) fn value(&mut self, offset: usize, name: &str, value_offset: usize, value: &[u8]) {
        let text = printable(value).map_or(String::new(), |text| format!("  \"{text}\""));
        if value.is_empty() {
            self.line(offset, &format!("{name}, empty"));
        } else if value.len() <= ROW_LEN {
            self.line(offset, &format!("{name}: {}{text}", hex::spaced(value)));
        } else {
            self.line(offset, &format!("{name}, {}{text}", count(value.len())));
            self.nested(|listing| listing.rows(value_offset, value));
        }
    }

    /// Octets in hexadecimal, a row at a time.
    pub(crate) fn rows(&mut self, offset: usize, octets: &[u8]) {
        for (index, row) in octets.chunks(ROW_LEN).enumerate() {
            self.line(offset + index * ROW_LEN, &hex::spaced(row));
        }
    }

    /// Why reading of `input`, which stands at `base`, stopped, and what is left of it.
    pub(crate) fn stopped(&mut self, base: usize, input: &[u8], error: nom::Err<Fault<'_>>) {
        let fault = Fault::unwrap(error);
        let how = if fault.is_truncation() { "truncated" } else { "wrong" };
        let error = fault.at(self.base + base, input.len());
        let offset = error.offset - self.base;
        self.line(offset, &format!("{how} {error}"));
        self.rows(offset, input.get(offset - base..).unwrap_or(&[]));
    }

    /// What a tag is called inside `template`.
    pub(crate) fn name(&self, template: Option<Tag>, tag: Tag) -> &'d str {
        tag::name_in(self.dictionaries, tag)
            .or_else(|| template.and_then(tag::within).and_then(|dictionary| tag::name_in(&[dictionary], tag)))
            .or_else(|| tag::name(tag))
            .unwrap_or(if tag.is_constructed() { "unknown template" } else { "unknown" })
    }
}

/// The text of octets that are printable ASCII throughout; two or three octets are rarely meant as text.
fn printable(octets: &[u8]) -> Option<&str> {
    let is_text = octets.len() > 3 && octets.iter().all(|octet| (0x20..0x7F).contains(octet));
    if is_text { str::from_utf8(octets).ok() } else { None }
}

fn list_command(listing: &mut Listing<'_>, input: &[u8]) {
    let parameters = input.first_chunk().and_then(|header| parameters::words(*header));
    for (offset, (octet, name)) in input.iter().zip(["CLA", "INS", "P1", "P2"]).enumerate() {
        let meaning = match offset {
            0 => class_meaning(Class(*octet)),
            1 => instruction_meaning(input),
            _ => parameters.as_ref().map_or(String::new(), |words| words[offset - 2].clone()),
        };
        let separator = if meaning.is_empty() { "" } else { ": " };
        listing.line(offset, &format!("{name} {octet:02X}{separator}{meaning}"));
    }
    match apdu::command(input) {
        Ok((_, command)) => list_body(listing, &command, input.len()),
        Err(error) => listing.stopped(0, input, error),
    }
}

fn list_body(listing: &mut Listing<'_>, command: &Command<'_>, len: usize) {
    let form = if command.extended { "extended " } else { "" };
    let le_len = command.le_len();
    if !command.data.is_empty() {
        listing.line(4, &format!("{form}Lc: {}", count(command.data.len())));
        let secured = command.class().secure_messaging() != SecureMessaging::None && command.cla < 0x80;
        list_data(listing, len - le_len - command.data.len(), command.data, secured.then_some(Tag(0x7D)));
    }
    if let Some(le) = command.le {
        listing.line(len - le_len, &format!("{form}Le: up to {} expected", count(le as usize)));
    }
    listing.line(len, &format!("end of case {}", command.case().name()));
}

fn list_response(listing: &mut Listing<'_>, input: &[u8]) {
    match Response::parse(input) {
        Ok(response) => {
            if !response.data.is_empty() {
                list_data(listing, 0, response.data, None);
            }
            list_status_word(listing, response.data.len(), response.status);
        }
        Err(_) => listing.stopped(0, input, Fault::short(input, "SW1 SW2", 2)),
    }
}

/// Data objects, also behind the category octet with which the content of EF.ATR/INFO begins (ISO/IEC 7816-4:2005, 8.2.1.1).
fn list_objects(listing: &mut Listing<'_>, input: &[u8]) {
    match input {
        [category, objects @ ..] if tlv::is_ef_atr(input) => {
            listing.line(0, &format!("category {category:02X} of EF.ATR/INFO: data objects follow"));
            tlv::list(listing, 1, objects, None, 0);
        }
        _ => tlv::list(listing, 0, input, None, 0),
    }
}

fn list_status(listing: &mut Listing<'_>, input: &[u8]) {
    match input {
        [sw1, sw2] => list_status_word(listing, 0, StatusWord::from_bytes([*sw1, *sw2])),
        [sw1, sw2, rest @ ..] => {
            list_status_word(listing, 0, StatusWord::from_bytes([*sw1, *sw2]));
            listing.stopped(2, rest, Fault::wrong(rest, "the end of the status word"));
        }
        _ => listing.stopped(0, input, Fault::short(input, "SW1 SW2", 2)),
    }
}

fn list_status_word(listing: &mut Listing<'_>, offset: usize, status: StatusWord) {
    listing.line(offset, &status.to_string());
    if let Some(meaning) = status.elsewhere() {
        listing.nested(|listing| listing.line(offset, meaning));
    }
}

/// Data of a command or response: data objects where they are some, also where one of them is broken, else hexadecimal.
fn list_data(listing: &mut Listing<'_>, base: usize, data: &[u8], template: Option<Tag>) {
    if begins_like_objects(data) {
        listing.line(base, &format!("data, {}", count(data.len())));
        listing.nested(|listing| tlv::list(listing, base, data, template, 0));
    } else {
        listing.value(base, "data", base, data);
    }
}

/// Whether octets are data objects throughout, or begin so clearly as some that a broken one is worth showing where it breaks.
pub(crate) fn begins_like_objects(data: &[u8]) -> bool {
    !begins_with_filling(data) && (tlv::is_well_formed(data, 0) || tlv::is_broken(data))
}

pub(crate) fn begins_with_filling(octets: &[u8]) -> bool {
    tlv::padding(octets).len() < octets.len() && !tlv::begins_with_ff_tag(octets)
}

/// The name of a command; in a proprietary class whose name it is, for others may use the same octets for something else.
fn instruction_meaning(input: &[u8]) -> String {
    let [cla, ins, rest @ ..] = input else { return String::new() };
    let parameter = |index: usize| rest.get(index).copied().unwrap_or(0);
    match instruction::name(*cla, *ins) {
        Some(name) => name.to_owned(),
        None => known_commands::name(*cla, *ins, parameter(0), parameter(1)).unwrap_or_default(),
    }
}

pub(super) fn class_meaning(class: Class) -> String {
    let range = match class.range() {
        Range::First | Range::Further => "interindustry",
        Range::Reserved => "reserved",
        Range::Proprietary if matches!(class.0, 0x80 | 0xA0..) => "proprietary",
        Range::Proprietary => "proprietary, in the interindustry layout",
        Range::Invalid => "for the reader (PC/SC part 3), no class of a card",
    };
    let channel = class.channel().map_or(String::new(), |channel| format!(", channel {channel}"));
    let chaining = if class.chaining() { ", more of the chain follows" } else { "" };
    let secure_messaging = match class.secure_messaging() {
        SecureMessaging::None => "",
        SecureMessaging::Proprietary => ", proprietary secure messaging",
        SecureMessaging::Standard => ", secure messaging",
        SecureMessaging::HeaderAuthenticated => ", secure messaging with the header under the checksum",
    };
    format!("{range}{channel}{chaining}{secure_messaging}")
}

#[cfg(test)]
mod tests {
    use super::*;
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
    4  Lc: 7 octets
    5  data: A0 00 00 00 04 10 10
   12  Le: up to 256 octets expected
   13  end of case 4S
"
        );
    }

    #[test]
    fn an_fci_with_its_status_word() {
        assert_eq!(
            decoded("6F 15 84 07 A0 00 00 00 04 10 10 A5 0A 50 05 44 65 62 69 74 88 01 01 90 00"),
            "response APDU, 25 octets
    0  data, 23 octets
    0    6F  File Control Information (FCI) Template, 21 octets
    2      84  Dedicated File (DF) name: A0 00 00 00 04 10 10
   11      A5  proprietary template, 10 octets
   13        50  Application Label: 44 65 62 69 74  \"Debit\"
   20        88  Short File Identifier (SFI): 01
   23  9000 done
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
   11    3  card service data: C5
   12      C5: selection of applications by full name, by partial name
   12      data objects in neither EF.DIR nor EF.ATR/INFO
   12      these files are read with GET DATA; card without a master file
   13    7  card capabilities: C0 01 40
   14      C0: selection by full name, by partial name
   15      01: no files of BER-TLV; WRITE commands write one time only
   15      FF begins no tag: it is filling; data unit of 1 octet
   16      40: extended Lc and Le
   16      logical channels: the basic one only
   17    life cycle status 00: no information
   18    status 9000 done
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
    0  9F37  Unpredictable Number, 4 octets
    3  9F02  Amount, Authorised (Numeric), 6 octets
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
    2  P1 00
    3  P2 00
    5  truncated at octet 5: expected 4 octets of command data, got 2 octets, then the end
    5  83 02
"
        );
        assert_eq!(
            listing(Format::StatusWord, &[0x90, 0x00, 0x61]),
            "status word, 3 octets\n    0  9000 done\n    2  wrong at octet 2: expected the end of the status word, got 61\n    2  61\n"
        );
    }

    #[test]
    fn an_object_after_a_broken_template_is_still_read() {
        let text = listing(Format::BerTlv, &[0x70, 0x03, 0x5A, 0x08, 0x47, 0x9F, 0x36, 0x02, 0x00, 0x01]);
        assert!(text.contains("truncated at octet 4: expected 8 octets of value, got 1 octet, then the end"), "{text}");
        assert!(text.contains("    5  9F36  Application Transaction Counter (ATC): 00 01"), "{text}");
    }

    #[test]
    fn secure_messaging_objects_by_their_own_names() {
        let text = decoded("0C B0 00 00 0D 97 01 04 8E 08 ED 67 05 41 7E 96 BA 55 00");
        assert!(text.contains("8E  cryptographic checksum: ED 67 05 41 7E 96 BA 55"), "{text}");
        assert!(text.contains("97  Ne: 04"), "{text}");
    }

    #[test]
    fn a_family_names_its_own_tags() {
        const OWN: Dictionary<'static> = &[(Tag(0xC1), "version and suites")];
        assert!(listing_with(Format::BerTlv, &[0xC1, 0x01, 0x01], &[OWN]).contains("C1  version and suites: 01"));
        assert!(listing(Format::BerTlv, &[0xD1, 0x01, 0x01]).contains("D1  unknown: 01"));
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
            for row in cut.get(2..).unwrap_or(&[]).chunks(ROW_LEN) {
                prop_assert!(text.contains(&hex::spaced(row)), "{}", text);
            }
        }
    }
}
