//! An explanation: which octets are which field, what each is called, and what its value means in words.
//!
//! The fields of one level lie side by side, without a gap and without an overlap, so that every octet is explained once. A field
//! made of others holds them in turn, behind `head` octets of its own (tag and length of a data object). Where what was enciphered is
//! known, its plain text stands beside the cipher text with offsets of its own.

use std::fmt::Write as _;
use std::ops::Range;

use serde::{Serialize, Serializer};

use super::apdu::{Command, Response};
use super::class::Class;
use super::pretty::class_meaning;
use super::tag::{self, Dictionary};
use super::tlv::{self, Tag, Tlv};
use super::{WireError, count, hex, instruction, parameters};

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Where it begins, counted from the head of the command, answer or plain text.
    pub offset: usize,
    /// Its octets.
    #[serde(serialize_with = "as_hex")]
    pub octets: Vec<u8>,
    /// How many of them are tag and length of a data object.
    #[serde(skip)]
    pub head: usize,
    /// What it is called.
    pub name: String,
    /// What its value means; empty where its octets are all that there is to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub meaning: String,
    /// The fields that it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// What was enciphered in it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<Plain>,
}

/// The plain text of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plain {
    /// How it became known.
    pub how: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

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

fn as_hex<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(octets))
}

impl Field {
    /// A field whose octets say all, or with its value in words.
    pub fn new(offset: usize, octets: &[u8], name: impl Into<String>, meaning: impl Into<String>) -> Self {
        let (octets, name, meaning) = (octets.to_vec(), name.into(), meaning.into());
        Self { offset, octets, head: 0, name, meaning, fields: Vec::new(), plain: None }
    }

    /// Made of these.
    #[must_use]
    pub fn of(mut self, fields: Vec<Self>) -> Self {
        self.fields = fields;
        self
    }

    /// With what was enciphered in it.
    #[must_use]
    pub fn with_plain(mut self, how: impl Into<String>, fields: Vec<Self>) -> Self {
        self.plain = Some(Plain { how: how.into(), fields });
        self
    }

    /// A data object, its value made of these fields or, without any, in words.
    pub fn object(object: &Tlv<'_>, name: &str, meaning: impl Into<String>, fields: Vec<Self>) -> Self {
        let field = Self::new(object.offset, object.octets, format!("{} {name}", object.tag), meaning);
        Self { head: object.value_offset() - object.offset, fields, ..field }
    }

    /// Behind its tag and length, its value.
    pub fn value(&self) -> &[u8] {
        self.octets.get(self.head..).unwrap_or_default()
    }

    /// Where it ends.
    pub fn end(&self) -> usize {
        self.offset + self.octets.len()
    }

    /// The same, this many octets further on.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Self {
        self.offset += by;
        self.fields = self.fields.into_iter().map(|field| field.shifted(by)).collect();
        self
    }

    /// What of it lies in `range`; its plain text goes with its last octet.
    fn clipped(&self, range: &Range<usize>) -> Option<Self> {
        let (from, to) = (self.offset.max(range.start), self.end().min(range.end));
        if from == self.offset && to == self.end() {
            return Some(self.clone());
        }
        let octets = self.octets.get(from.checked_sub(self.offset)?..to.checked_sub(self.offset)?)?;
        if octets.is_empty() {
            return None;
        }
        let name = format!(
            "{}, octets {} to {} of {}",
            self.name,
            from - self.offset + 1,
            to - self.offset,
            self.octets.len()
        );
        Some(Self {
            offset: from,
            octets: octets.to_vec(),
            head: (self.offset + self.head).saturating_sub(from).min(octets.len()),
            name,
            meaning: self.meaning.clone(),
            fields: clipped(&self.fields, range),
            plain: self.plain.clone().filter(|_| to == self.end()),
        })
    }
}

/// The fields, as far as they lie in `range`.
pub fn clipped(fields: &[Field], range: &Range<usize>) -> Vec<Field> {
    fields.iter().filter_map(|field| field.clipped(range)).collect()
}

/// Whether the fields lie side by side from `from` to `to`, and so do the fields inside each of them.
///
/// # Errors
/// The first octet at which they do not, in words.
pub fn partition(fields: &[Field], from: usize, to: usize) -> Result<(), String> {
    let mut at = from;
    for field in fields {
        if field.offset != at {
            return Err(format!(
                "{} begins at octet {}, what is before it ends at octet {at}",
                field.name, field.offset
            ));
        }
        at = field.end();
        if !field.fields.is_empty() {
            partition(&field.fields, field.offset + field.head, at)?;
        }
        if let Some(plain) = &field.plain {
            partition(&plain.fields, 0, plain.fields.iter().map(|field| field.octets.len()).sum())?;
        }
    }
    if at == to { Ok(()) } else { Err(format!("explained up to octet {at} of {to}")) }
}

/// Cuts octets into fields, one after the other. What is too short becomes a field that says so.
#[derive(Debug)]
pub struct Parts<'a> {
    octets: &'a [u8],
    base: usize,
    at: usize,
    fields: Vec<Field>,
}

impl<'a> Parts<'a> {
    /// Of these octets, the first of which is at `base`.
    pub const fn new(octets: &'a [u8], base: usize) -> Self {
        Self { octets, base, at: 0, fields: Vec::new() }
    }

    /// Octets that are left.
    pub const fn left(&self) -> usize {
        self.octets.len() - self.at
    }

    /// The next `len` octets; `explain` makes their meaning.
    pub fn leaf(&mut self, len: usize, name: &str, explain: impl FnOnce(&[u8]) -> String) -> &mut Self {
        self.group(len, name, |octets, _| (explain(octets), Vec::new()))
    }

    /// The next `len` octets; `explain` gets them and their offset and makes their meaning and the fields inside them.
    pub fn group(
        &mut self,
        len: usize,
        name: &str,
        explain: impl FnOnce(&[u8], usize) -> (String, Vec<Field>),
    ) -> &mut Self {
        if len == 0 {
            return self;
        }
        let offset = self.base + self.at;
        let octets = &self.octets[self.at..self.octets.len().min(self.at + len)];
        if octets.len() == len {
            let (meaning, fields) = explain(octets, offset);
            self.fields.push(Field::new(offset, octets, name, meaning).of(fields));
        } else if !octets.is_empty() {
            self.fields.push(Field::new(offset, octets, name, format!("cut off: {} of {len} octets", octets.len())));
        }
        self.at += octets.len();
        self
    }

    /// All that is left, explained by `explain`; nothing where nothing is left.
    pub fn rest(&mut self, explain: impl FnOnce(&'a [u8], usize) -> Vec<Field>) -> &mut Self {
        if self.left() > 0 {
            self.fields.extend(explain(&self.octets[self.at..], self.base + self.at));
            self.at = self.octets.len();
        }
        self
    }

    /// The fields.
    pub fn done(mut self) -> Vec<Field> {
        self.rest(|octets, offset| vec![Field::new(offset, octets, "more than the layout has", "")]);
        self.fields
    }
}

/// Data objects; `None` where the octets are none throughout.
pub fn objects(octets: &[u8], base: usize, explain: &mut dyn FnMut(&Tlv<'_>) -> Field) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    for object in tlv::iter(octets) {
        let object = object.ok()?;
        fields.push(explain(&Tlv { offset: object.offset + base, ..object }));
    }
    // Filling between objects is no object: then the octets are shown as they are.
    partition(&fields, base, base + octets.len()).ok()?;
    Some(fields)
}

/// Names data objects, and shows them as far as they go: octets between them are filling, and where one is broken a field says how.
struct Tree<'n> {
    names: &'n [Dictionary<'n>],
}

impl Tree<'_> {
    fn name(&self, template: Option<Tag>, tag: Tag) -> &str {
        tag::name_in(self.names, tag)
            .or_else(|| template.and_then(tag::within).and_then(|within| tag::name_in(&[within], tag)))
            .or_else(|| tag::name(tag))
            .unwrap_or("data object of the application")
    }

    fn fields(&self, octets: &[u8], base: usize, template: Option<Tag>, depth: usize) -> Vec<Field> {
        let mut fields = Vec::new();
        let mut at = 0;
        for object in tlv::iter(octets) {
            let from = object
                .as_ref()
                .map_or_else(|_| octets.len() - tlv::padding(&octets[at..]).len(), |object| object.offset);
            fields.extend(filling(&octets[at..from], base + at));
            match object {
                Ok(object) => {
                    at = from + object.octets.len();
                    fields.push(self.object(&Tlv { offset: from + base, ..object }, template, depth));
                }
                Err(error) => {
                    at = octets.len();
                    fields.push(self.broken(&octets[from..], base + from, base, &error, template, depth));
                }
            }
        }
        fields.extend(filling(&octets[at..], base + at));
        fields
    }

    fn object(&self, object: &Tlv<'_>, template: Option<Tag>, depth: usize) -> Field {
        let inside = object.tag.is_constructed() && !object.is_indefinite() && depth < tlv::DEPTH_MAX;
        let inside = inside.then(|| self.fields(object.value, object.value_offset(), Some(object.tag), depth + 1));
        Field::object(object, self.name(template, object.tag), "", inside.unwrap_or_default())
    }

    /// The object that breaks off, with all that is left. A template shows what is there of its objects.
    fn broken(
        &self,
        octets: &[u8],
        offset: usize,
        base: usize,
        error: &WireError,
        template: Option<Tag>,
        depth: usize,
    ) -> Field {
        let place = WireError { offset: base + error.offset, ..error.clone() };
        let Some((tag, head)) = tlv::head(octets) else {
            return Field::new(offset, octets, "no data object", format!("broken {place}"));
        };
        let field =
            Field::new(offset, octets, format!("{tag} {}", self.name(template, tag)), format!("broken {place}"));
        let inside = tag.is_constructed() && depth < tlv::DEPTH_MAX;
        let inside = inside.then(|| self.fields(&octets[head..], offset + head, Some(tag), depth + 1));
        Field { head, fields: inside.unwrap_or_default(), ..field }
    }
}

fn filling(octets: &[u8], offset: usize) -> Option<Field> {
    (!octets.is_empty()).then(|| Field::new(offset, octets, "filling", ""))
}

const DATA: &str = "data";

/// What the data of an interindustry command are, where its parameters say it.
fn name_of_data(command: &Command<'_>) -> &'static str {
    match (instruction::name(command.cla, command.ins), command.p1) {
        (Some("SELECT"), 0x00..=0x02) => "file identifier",
        (Some("SELECT"), 0x04) => "DF name",
        (Some("SELECT"), 0x08 | 0x09) => "path",
        _ => DATA,
    }
}

/// Data of a command or an answer, explained by nobody in particular.
fn data(octets: &[u8], name: &str, template: Option<Tag>, names: &[Dictionary<'_>], masked: bool) -> Vec<Field> {
    let plain = |meaning| vec![Field::new(0, octets, name, meaning)];
    match octets {
        [] => Vec::new(),
        _ if masked => plain("a PIN, masked with FF"),
        _ if name == DATA && (tlv::is_well_formed(octets, 0) || tlv::is_broken(octets)) => {
            Tree { names }.fields(octets, 0, template, 0)
        }
        _ => plain(""),
    }
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
pub fn command(octets: &[u8], masked: bool, told: Told, names: &[Dictionary<'_>]) -> Explanation {
    let mut parts = Parts::new(octets, 0);
    let family = told.family;
    let header: [u8; 4] = octets.first_chunk().copied().unwrap_or_default();
    let name = told.name.or_else(|| instruction::name(header[0], header[1]).map(str::to_owned));
    let words = told.parameters.or_else(|| parameters::words(header));
    let [p1, p2] = words.unwrap_or_else(|| [1, 2].map(|number| format!("parameter {number} of this instruction")));
    parts.leaf(1, "CLA", |octets| class_meaning(Class(octets[0])));
    let unnamed = "an instruction that has no name in this class";
    parts.leaf(1, "INS", |_| name.clone().unwrap_or_else(|| unnamed.to_owned()));
    parts.leaf(1, "P1", |_| p1).leaf(1, "P2", |_| p2);
    parts.rest(|body, offset| match Command::parse(octets) {
        Ok(command) => fields_of_body(&command, body, masked, told.data, names),
        Err(error) => vec![Field::new(offset, body, "no body of a command", error.to_string())],
    });
    let summary = told.summary.or(name).unwrap_or_else(|| format!("INS {:02X}", header[1]));
    Explanation { summary, title: "command APDU", family, fields: parts.done() }
}

fn fields_of_body(
    command: &Command<'_>,
    body: &[u8],
    masked: bool,
    told: Option<Vec<Field>>,
    names: &[Dictionary<'_>],
) -> Vec<Field> {
    let form = if command.extended { "extended " } else { "" };
    let le_len = command.le_len();
    let lc_len = body.len() - command.data.len() - le_len;
    let mut parts = Parts::new(body, 4);
    if lc_len > 0 {
        parts.leaf(lc_len, &format!("{form}Lc"), |_| format!("{} of data", count(command.data.len())));
    }
    let secured = command.class().secure_messaging() != super::class::SecureMessaging::None && command.cla < 0x80;
    let fields =
        told.unwrap_or_else(|| data(command.data, name_of_data(command), secured.then_some(Tag(0x7D)), names, masked));
    let mut fields: Vec<_> = fields.into_iter().map(|field| field.shifted(4 + lc_len)).collect();
    parts.at += command.data.len();
    parts.fields.append(&mut fields);
    if let Some(le) = command.le {
        parts.leaf(le_len, &format!("{form}Le"), |_| format!("up to {} expected", count(le as usize)));
    }
    parts.done()
}

/// A response APDU.
pub fn response(octets: &[u8], told: Told, names: &[Dictionary<'_>]) -> Explanation {
    let title = "response APDU";
    let Ok(response) = Response::parse(octets) else {
        let fields = vec![Field::new(0, octets, "no status word", "cut off: an answer has two octets at least")];
        let fields = if octets.is_empty() { Vec::new() } else { fields };
        return Explanation { summary: "an answer that was cut off".to_owned(), title, family: None, fields };
    };
    let mut fields = told.data.unwrap_or_else(|| data(response.data, DATA, None, names, false));
    let meaning = told.status.unwrap_or_else(|| response.status.meaning());
    let status = format!("{:04X} {meaning}", response.status.0);
    fields.push(Field::new(response.data.len(), &response.status.to_bytes(), "SW1-SW2", meaning));
    let summary = told.summary.map_or(status.clone(), |summary| format!("{status}: {summary}"));
    Explanation { summary, title, family: told.family, fields }
}

/// Octets in one row of hexadecimal.
const ROW_LEN: usize = 16;
/// Octets that are written without a space between them, as one thing.
const CLOSE_LEN: usize = 2;

impl Explanation {
    /// As an indented listing: offset, name, octets, meaning. Before an offset in plain text stands `=`.
    ///
    /// ```
    /// use untorn::wire::explain::{Told, response};
    /// let text = response(&[0x6A, 0x82], Told::default(), &[]).listing();
    /// assert_eq!(text, "response APDU, 2 octets\n    0  SW1-SW2 6A82: file or application not found\n");
    /// ```
    pub fn listing(&self) -> String {
        let mut text = format!("{}, {}\n", self.title, count(self.fields.iter().map(|field| field.octets.len()).sum()));
        for field in &self.fields {
            list(&mut text, field, 0, "");
        }
        text
    }
}

fn line(text: &mut String, mark: &str, offset: usize, indent: usize, words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:>5}  {:indent$}{words}", format!("{mark}{offset}"), "", indent = 2 * indent);
}

fn list(text: &mut String, field: &Field, indent: usize, mark: &str) {
    let Field { offset, name, meaning, fields, .. } = field;
    let value = field.value();
    let said = if meaning.is_empty() { String::new() } else { format!(": {meaning}") };
    let octets = if value.len() <= CLOSE_LEN { hex::encode(value) } else { hex::spaced(value) };
    if !fields.is_empty() {
        line(text, mark, *offset, indent, &format!("{name}, {}{said}", count(value.len())));
    } else if value.is_empty() {
        line(text, mark, *offset, indent, &format!("{name}, empty{said}"));
    } else if value.len() <= ROW_LEN {
        let octets = if meaning.is_empty() { format!(": {octets}") } else { format!(" {octets}") };
        line(text, mark, *offset, indent, &format!("{name}{octets}{said}"));
    } else {
        line(text, mark, *offset, indent, &format!("{name}, {}{said}", count(value.len())));
        for (row, octets) in value.chunks(ROW_LEN).enumerate() {
            line(text, mark, offset + field.head + row * ROW_LEN, indent + 1, &hex::spaced(octets));
        }
    }
    for field in fields {
        list(text, field, indent + 1, mark);
    }
    if let Some(plain) = &field.plain {
        let len = plain.fields.iter().map(|field| field.octets.len()).sum();
        line(text, "=", 0, indent + 1, &format!("plain text, {}: {}", count(len), plain.how));
        for field in &plain.fields {
            list(text, field, indent + 2, "=");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert!(cut_off.contains("broken at octet 2: expected 32 octets of value"), "{cut_off}");
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

    fn likely() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![any::<u8>(), 0..6u8, Just(0xFFu8), Just(0x70), Just(0x80), Just(0x6F), Just(0x81)];
        prop_oneof![vec(any::<u8>(), 0..80), vec(octet, 0..60)]
    }

    proptest! {
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
