//! An explanation: which octets are which field, what each is called, and what its value means in words. Listings and JSON come from it.

use serde::Serialize;

use super::apdu::{Command, Response};
use super::class::{Class, Range, SecureMessaging};
use super::context::{Context, Names, is_secured};
pub use super::field::{Field, Parts, Plain, clipped, partition};
use super::format::Format;
use super::frame::{self, Turn};
pub use super::objects::objects;
use super::status::StatusWord;
use super::tlv::{self, Tag};
use super::{
    Fault, WireError, atr, ats, compact_tlv, count, desfire, dol, field, instruction, known_commands, objects,
    parameters, value,
};

/// A command or an answer, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// In one line, such as `SELECT of an application`.
    pub summary: String,
    /// Command or answer.
    pub title: &'static str,
    /// The family that explains it; `None` where ISO/IEC 7816-4 alone does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<&'static str>,
    /// Side by side, from the first octet to the last.
    pub fields: Vec<Field>,
}

/// What somebody who knows the application adds to a command or an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What the instruction is called.
    pub name: Option<String>,
    /// P1 and P2 in words.
    pub parameters: Option<[String; 2]>,
    /// The data, offsets counted from its first octet.
    pub data: Option<Vec<Field>>,
    /// The status word in words.
    pub status: Option<String>,
    /// The whole in a few words.
    pub summary: Option<String>,
    /// The family that says so.
    pub family: Option<&'static str>,
}

/// Octets of a format, explained; `names` are asked first.
///
/// ```
/// use untorn::wire::explain::explain;
/// use untorn::wire::pretty::Format;
/// let explained = explain(Format::Dol, &[0x9F, 0x37, 0x04], &[]);
/// assert_eq!(explained.fields[0].name, "9F37 Unpredictable Number");
/// ```
pub fn explain(format: Format, octets: &[u8], names: Names<'_>) -> Explanation {
    let fields = match format {
        Format::CommandApdu => return command(octets, false, Told::default(), names),
        Format::ResponseApdu => return response(octets, Told::default(), names),
        Format::Frame => return frame(octets, Turn::default(), names),
        Format::StatusWord => status(octets),
        Format::BerTlv => data_objects(octets, names),
        Format::CompactTlv => compact_tlv::fields(octets, 0),
        Format::Dol => dol::fields(names, octets, 0),
        Format::Atr => atr::fields(octets),
        Format::Ats => ats::fields(octets),
        Format::Data => plain("octets", octets, 0),
    };
    let summary = match octets {
        &[sw1, sw2] if format == Format::StatusWord => StatusWord::from_bytes([sw1, sw2]).to_string(),
        _ => format.title().to_owned(),
    };
    Explanation { summary, title: format.title(), family: None, fields }
}

/// A frame, in the light of who sent it and what stood before it.
pub fn frame(octets: &[u8], turn: Turn<'_>, names: Names<'_>) -> Explanation {
    let title = Format::Frame.title();
    Explanation { summary: title.to_owned(), title, family: None, fields: frame::fields(names, octets, turn) }
}

/// Data objects, also behind the category octet with which the content of EF.ATR/INFO begins (ISO/IEC 7816-4:2005, 8.2.1.1).
fn data_objects(octets: &[u8], names: Names<'_>) -> Vec<Field> {
    let context = Context::of_data(octets);
    if !tlv::is_ef_atr(octets) {
        return objects::fields(names, octets, 0, context);
    }
    let mut parts = Parts::new(octets, 0);
    parts.leaf(1, "category", |_| "content of EF.ATR/INFO: data objects follow".to_owned());
    parts.rest(|octets, base| objects::fields(names, octets, base, context));
    parts.done()
}

fn status(octets: &[u8]) -> Vec<Field> {
    match octets {
        [] => Vec::new(),
        &[sw1, sw2] => vec![status_field(0, StatusWord::from_bytes([sw1, sw2]), None)],
        &[sw1, sw2, ref rest @ ..] => {
            let mut fields = vec![status_field(0, StatusWord::from_bytes([sw1, sw2]), None)];
            fields.extend(field::stopped(rest, 2, Fault::wrong(rest, "the end of the status word")));
            fields
        }
        [_] => field::stopped(octets, 0, Fault::short(octets, "SW1 SW2", 2)),
    }
}

fn status_field(offset: usize, status: StatusWord, told: Option<String>) -> Field {
    let notes = status.elsewhere().filter(|_| told.is_none()).map(str::to_owned);
    let meaning = told.unwrap_or_else(|| status.meaning());
    Field::new(offset, &status.to_bytes(), "SW1-SW2", meaning).with_notes(notes.into_iter().collect())
}

fn plain(name: &str, octets: &[u8], base: usize) -> Vec<Field> {
    let text = value::printable(octets).map_or(String::new(), |text| format!("\"{text}\""));
    if octets.is_empty() { Vec::new() } else { vec![Field::new(base, octets, name, text)] }
}

const DATA: &str = "data";

/// What the data of an interindustry command are, where its parameters say it.
fn name_of_data(command: &Command<'_>) -> &'static str {
    match (instruction::name(command.cla, command.ins), command.p1) {
        _ if is_secured(command.cla) => DATA,
        (Some("SELECT"), 0x00..=0x02) => "file identifier",
        (Some("SELECT"), 0x04) => "DF name",
        (Some("SELECT"), 0x08 | 0x09) => "path",
        (Some("PERFORM SECURITY OPERATION"), _) if !matches!(command.data, [0xA6, ..]) => one_object(command.p2),
        _ => DATA,
    }
}

/// What an answer to PERFORM SECURITY OPERATION is.
fn name_of_answer(command: &Command<'_>) -> &'static str {
    match instruction::name(command.cla, command.ins) {
        Some("PERFORM SECURITY OPERATION") if !is_secured(command.cla) => one_object(command.p1),
        _ => DATA,
    }
}

/// ISO/IEC 7816-8:2021, 5.2: of a primitive object the value alone is sent, of a template the objects in it.
fn one_object(tag: u8) -> &'static str {
    parameters::object_name(tag).filter(|_| tag & 0x20 == 0).unwrap_or(DATA)
}

/// Data of a command or an answer, explained by nobody in particular; the first octet stands at `base`.
fn data(octets: &[u8], base: usize, name: &str, context: Context, names: Names<'_>) -> Vec<Field> {
    if name == DATA && is_objects(octets, context) {
        return objects::fields(names, octets, base, context);
    }
    plain(name, octets, base)
}

/// Whether octets are data objects throughout, or begin so clearly as some that a broken one is worth showing where it breaks.
fn is_objects(octets: &[u8], context: Context) -> bool {
    let is_of_context = || Tag::parse(octets).is_ok_and(|tag| context.names().iter().any(|(known, _)| *known == tag));
    // Where objects must stand, one level of them is enough.
    let is_level = || context != Context::Top && tlv::iter(octets).all(|object| object.is_ok());
    !begins_with_filling(octets)
        && (tlv::is_well_formed(octets, 0) || tlv::is_broken(octets) || is_of_context() || is_level())
}

/// Whether octets begin with what stands between data objects.
pub(crate) fn begins_with_filling(octets: &[u8]) -> bool {
    tlv::padding(octets).len() < octets.len() && !tlv::begins_with_ff_tag(octets)
}

/// A command APDU.
///
/// ```
/// use untorn::wire::explain::{Told, command, partition};
/// let octets = [0x00, 0xA4, 0x04, 0x00, 0x02, 0x3F, 0x00];
/// let explained = command(&octets, false, Told::default(), &[]);
/// assert_eq!(explained.summary, "SELECT");
/// assert_eq!(explained.fields[1].meaning, "SELECT");
/// assert_eq!(partition(&explained.fields, 0, octets.len()), Ok(()));
/// ```
pub fn command(octets: &[u8], masked: bool, told: Told, names: Names<'_>) -> Explanation {
    let mut parts = Parts::new(octets, 0);
    let family = told.family;
    let header: [u8; 4] = octets.first_chunk().copied().unwrap_or_default();
    let name = told.name.or_else(|| name_of_instruction(octets));
    let is_native = family.is_none() && octets.len() >= header.len() && desfire::wraps(header);
    let native = is_native.then(|| [1, 2].map(|_| "always 00".to_owned()));
    let words = told.parameters.or(native).or_else(|| parameters::words(header));
    let [p1, p2] = words.unwrap_or_else(|| [1, 2].map(|number| format!("parameter {number} of this instruction")));
    parts.leaf(1, "CLA", |octets| match octets[0] {
        _ if is_native => "wraps a native command (MIFARE DESFire)".to_owned(),
        class => class_meaning(Class(class)),
    });
    let unnamed = "an instruction that has no name in this class";
    parts.leaf(1, "INS", |_| name.clone().unwrap_or_else(|| unnamed.to_owned()));
    parts.leaf(1, "P1", |_| p1).leaf(1, "P2", |_| p2);
    parts.rest(|body, _| match Command::parse(octets) {
        Ok(command) => fields_of_body(&command, body, masked, told.data, names),
        Err(error) => broken_body(
            &Command { data: body, ..Command::new(header[0], header[1], header[2], header[3]) },
            &error,
            masked,
            names,
        ),
    });
    if octets.len() < header.len() {
        parts.remark(format!("truncated at octet {}: expected CLA INS P1 P2", octets.len()));
    }
    let summary = told.summary.or(name).unwrap_or_else(|| format!("INS {:02X}", header[1]));
    Explanation { summary, title: "command APDU", family, fields: parts.done() }
}

fn fields_of_body(
    command: &Command<'_>,
    body: &[u8],
    masked: bool,
    told: Option<Vec<Field>>,
    names: Names<'_>,
) -> Vec<Field> {
    let form = if command.extended { "extended " } else { "" };
    let le_len = command.le_len();
    let mut parts = Parts::new(body, 4);
    parts.leaf(body.len() - command.data.len() - le_len, &format!("{form}Lc"), |_| {
        format!("{} of data", count(command.data.len()))
    });
    parts.each(command.data.len(), |_, offset| match told {
        Some(fields) => fields.into_iter().map(|field| field.shifted(offset)).collect(),
        None => data_of(command, offset, masked, names),
    });
    if let Some(le) = command.le {
        parts.leaf(le_len, &format!("{form}Le"), |_| format!("up to {} expected", count(le as usize)));
    }
    parts.done()
}

/// The data of a command, explained by nobody in particular; their first octet stands at `base`.
pub(crate) fn data_of(command: &Command<'_>, base: usize, masked: bool, names: Names<'_>) -> Vec<Field> {
    match command.data {
        [] => Vec::new(),
        data if masked => vec![Field::new(base, data, name_of_data(command), "a PIN, masked with FF")],
        octets if desfire::wraps(command.header()) => desfire::fields(command.ins, octets, base),
        octets => data(octets, base, name_of_data(command), Context::of_command(command), names),
    }
}

/// What stands behind the header of a command whose lengths do not fit: each octet by its place, and what is wrong where it is wrong. The data
/// of `bare` are all of it.
fn broken_body(bare: &Command<'_>, error: &WireError, masked: bool, names: Names<'_>) -> Vec<Field> {
    let body = bare.data;
    let mut parts = Parts::new(body, 4);
    // ISO/IEC 7816-3:2006, 12.1.3: a first octet of zero, with others behind it, begins extended lengths.
    let (form, lc_len, le_len) = if body[0] == 0 { ("extended ", 3, 2) } else { ("", 1, 1) };
    let lc = body.get(..lc_len).map_or(0, |lc| lc.iter().fold(0, |lc, octet| lc << 8 | usize::from(*octet)));
    let there = lc.min(body.len().saturating_sub(lc_len));
    parts.leaf(lc_len, &format!("{form}Lc"), |_| match there {
        _ if lc == 0 => "no Lc: it is never zero".to_owned(),
        _ if there < lc => format!(
            "{} of data, of which {} there",
            count(lc),
            if there == 1 { "1 is".to_owned() } else { format!("{there} are") }
        ),
        _ => format!("{} of data", count(lc)),
    });
    parts.each(there, |octets, offset| data_of(&Command { data: octets, ..*bare }, offset, masked, names));
    if lc > 0 {
        parts.leaf(le_len, &format!("{form}Le"), |_| String::new());
    }
    parts.rest(|octets, offset| vec![Field::new(offset, octets, "behind the command", "no part of it")]);
    let mut fields = parts.done();
    let at = fields.iter().position(|field| field.offset >= error.offset).unwrap_or(fields.len());
    let offset = fields.get(at).map_or(4 + body.len(), |field| field.offset);
    fields.insert(at, Field::remark(offset, format!("wrongly formed {error}"), ""));
    fields
}

/// The name of a command; in a proprietary class whose name it is, for others may use the same octets for something else.
fn name_of_instruction(octets: &[u8]) -> Option<String> {
    let &[cla, ins, ref rest @ ..] = octets else { return None };
    let parameter = |index: usize| rest.get(index).copied().unwrap_or(0);
    match instruction::name(cla, ins) {
        Some(name) => Some(name.to_owned()),
        None => known_commands::name(cla, ins, parameter(0), parameter(1)),
    }
}

fn class_meaning(class: Class) -> String {
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

/// A response APDU of which nobody knows the command.
pub fn response(octets: &[u8], told: Told, names: Names<'_>) -> Explanation {
    answer(None, octets, told, names)
}

/// A response APDU in the light of its command.
pub fn answer(asked: Option<&Command<'_>>, octets: &[u8], told: Told, names: Names<'_>) -> Explanation {
    let title = Format::ResponseApdu.title();
    let Ok(response) = Response::parse(octets) else {
        let fields = field::stopped(octets, 0, Fault::short(octets, "SW1 SW2", 2));
        let fields = if octets.is_empty() { Vec::new() } else { fields };
        return Explanation { summary: "an answer that was cut off".to_owned(), title, family: None, fields };
    };
    let context = asked.map_or_else(|| Context::of_data(response.data), Context::of_answer);
    let name = asked.map_or(DATA, name_of_answer);
    let head = asked.map(Command::header);
    let mut fields = told.data.unwrap_or_else(|| match head {
        Some(head) if desfire::wraps(head) => plain(DATA, response.data, 0),
        _ => data(response.data, 0, name, context, names),
    });
    let status = match (told.status, head) {
        (None, Some(head)) => {
            Some(response.status.meaning_after(head)).filter(|meaning| *meaning != response.status.meaning())
        }
        (told, _) => told,
    };
    let status = status_field(response.data.len(), response.status, status);
    let words = format!("{:04X} {}", response.status.0, status.meaning);
    fields.push(status);
    let summary = told.summary.map_or(words.clone(), |summary| format!("{words}: {summary}"));
    Explanation { summary, title, family: told.family, fields }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hex;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn a_select_command_field_by_field() {
        let octets = [0x00, 0xA4, 0x04, 0x0C, 0x02, 0x3F, 0x00, 0x00];
        assert_eq!(
            command(&octets, false, Told::default(), &[]).listing(),
            "command APDU, 8 octets
    0  CLA 00: interindustry, channel 0
    1  INS A4: SELECT
    2  P1 04: by DF name, such as an application identifier
    3  P2 0C: first or only occurrence, nothing comes back, or what the card chooses
    4  Lc 02: 2 octets of data
    5  DF name: 3F00
    7  Le 00: up to 256 octets expected
"
        );
    }

    #[test]
    fn a_part_of_a_field_says_which_part() {
        let fields = vec![Field::new(0, &[1, 2, 3, 4], "TID", ""), Field::new(4, &[5], "opts", "")];
        let first = clipped(&fields, &(0..3));
        assert_eq!((first.len(), first[0].name.as_str()), (1, "TID, octets 1 to 3 of 4"));
        let second = clipped(&fields, &(3..5));
        assert_eq!((second[0].name.as_str(), second[1].name.as_str()), ("TID, octets 4 to 4 of 4", "opts"));
        assert_eq!(partition(&second, 3, 5), Ok(()));
    }

    /// One object deep inside is broken, and what is around it is read (a public report of a GlobalPlatform card).
    #[test]
    fn a_broken_object_is_shown_where_it_breaks_and_the_rest_as_a_tree() {
        let octets = hex::parse("6F0E8408A0000000000000009F6501FF9000").unwrap();
        let text = response(&octets, Told::default(), &[]).listing();
        assert!(text.contains("84 Dedicated File (DF) name"), "{text}");
        let cut_off =
            response(&hex::parse("6F208408A0000000000000009F6501FF9000").unwrap(), Told::default(), &[]).listing();
        assert!(cut_off.contains("truncated at octet 2: expected 32 octets of value"), "{cut_off}");
        assert!(cut_off.contains("84 Dedicated File (DF) name"), "{cut_off}");
        assert!(cut_off.contains("9F65"), "{cut_off}");
    }

    #[test]
    fn a_gap_and_an_overlap_are_found() {
        let at = |offset, len| Field::new(offset, &vec![0; len], "field", "");
        assert!(partition(&[at(0, 2), at(3, 1)], 0, 4).is_err());
        assert!(partition(&[at(0, 2), at(1, 3)], 0, 4).is_err());
        assert!(partition(&[at(0, 2)], 0, 4).is_err());
        assert!(partition(&[at(0, 4).of(vec![at(0, 3)])], 0, 4).is_err());
        assert_eq!(partition(&[at(0, 4).of(vec![at(0, 3), at(3, 1)])], 0, 4), Ok(()));
    }

    /// The octets that stand in the listing, in its order.
    fn leaves(fields: &[Field], listed: &mut Vec<u8>) {
        for field in fields {
            if field.fields.is_empty() {
                listed.extend(&field.octets);
            } else {
                listed.extend(&field.octets[..field.head]);
                leaves(&field.fields, listed);
            }
        }
    }

    /// By hand from ISO/IEC 7816-3:2006, 12.1.3: each octet by its place, and what is wrong where it is.
    #[test]
    fn a_command_whose_lengths_do_not_fit_is_shown_octet_by_octet() {
        for (octets, lines) in [
            (
                "80A80000048302",
                &[
                    "    4  Lc 04: 4 octets of data, of which 2 are there\n",
                    "    5  wrongly formed at octet 5: expected 4 octets of command data, got 2 octets, then the end\n",
                ][..],
            ),
            (
                "00A4040002 3F00 00 1122",
                &[
                    "    5  DF name: 3F00\n",
                    "    7  Le: 00\n",
                    "    8  wrongly formed at octet 8: expected the end of the command, got 11\n",
                    "    8  behind the command 1122: no part of it\n",
                ],
            ),
            (
                "00B000000000000102",
                &["    4  extended Lc 00 00 00: no Lc: it is never zero\n", "    7  behind the command 0102"],
            ),
            ("00A4040000", &["    4  Le 00: up to 256 octets expected\n"]),
            ("00A404000001", &["    4  extended Lc 0001: cut off: 2 of 3 octets\n"]),
            ("00D6000000000101 05", &["    7  data: 01\n", "    8  extended Le 05: cut off: 1 of 2 octets\n"]),
            ("00A4", &["    1  INS A4: SELECT\n", "    2  truncated at octet 2: expected CLA INS P1 P2\n"]),
        ] {
            let text = command(&hex::parse(octets).unwrap(), false, Told::default(), &[]).listing();
            for line in lines {
                assert!(text.contains(line), "{octets}: {line:?} in\n{text}");
            }
        }
    }

    fn likely() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![
            any::<u8>(),
            0..6u8,
            Just(0xFFu8),
            Just(0x70),
            Just(0x80),
            Just(0x6F),
            Just(0x81),
            Just(0x3B),
            Just(0x9F)
        ];
        prop_oneof![vec(any::<u8>(), 0..80), vec(octet, 0..60)]
    }

    proptest! {
        /// Every octet is explained once, whatever the octets are and whatever they are read as: what is listed, put together, is what was given.
        #[test]
        fn the_octets_of_any_format_are_all_listed(octets in likely()) {
            for format in Format::ALL {
                let explained = explain(format, &octets, &[]);
                prop_assert_eq!(partition(&explained.fields, 0, octets.len()), Ok(()), "{} {}", format, hex::encode(&octets));
                let mut listed = Vec::new();
                leaves(&explained.fields, &mut listed);
                prop_assert_eq!(&listed, &octets, "{}", format);
            }
        }

        /// Every octet is explained once, whatever the octets are.
        #[test]
        fn the_fields_of_any_octets_lie_side_by_side(octets in likely(), cut in 0..80usize) {
            for explained in [command(&octets, false, Told::default(), &[]), response(&octets, Told::default(), &[])] {
                prop_assert_eq!(partition(&explained.fields, 0, octets.len()), Ok(()));
                let cut = cut.min(octets.len());
                prop_assert_eq!(partition(&clipped(&explained.fields, &(0..cut)), 0, cut), Ok(()));
                prop_assert_eq!(partition(&clipped(&explained.fields, &(cut..octets.len())), cut, octets.len()), Ok(()));
                prop_assert!(!explained.listing().is_empty());
            }
        }
    }
}
