//! BER-TLV data objects (ISO/IEC 7816-4:2020, 6.3; ISO/IEC 8825-1:2021, 8.1).
//!
//! [`iter`] walks one level without copying or allocating; [`Tlv::children`] goes one level down with offsets that stay
//! counted from the outermost input. What stands between objects (`00`, `FF`) is passed over, and what an object was on
//! the wire stays in [`Tlv::octets`], so that a length in more octets than needed survives.

use std::fmt;

use super::{Fault, Parsed, WireError, octets, one_octet, tag};

/// Templates inside templates that are followed when an indefinite length is measured.
pub const DEPTH_MAX: usize = 16;

/// A tag as its octets stand on the wire, one to four: `Tag(0x84)`, `Tag(0x9F02)`, `Tag(0xFF8106)`. Any number can be written;
/// one that is no tag (`0`, `9F`, `9F02FF`) is not read back as itself.
///
/// ```
/// use untorn::wire::tlv::{Tag, TagClass};
/// assert_eq!(Tag(0x9F02).to_string(), "9F02");
/// assert!(Tag(0x6F).is_constructed() && !Tag(0x9F02).is_constructed());
/// assert_eq!(Tag(0x9F02).class(), TagClass::ContextSpecific);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u32);

/// The class of a tag (ISO/IEC 8825-1:2021, 8.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TagClass {
    /// `00` to `3F`.
    Universal,
    /// `40` to `7F`.
    Application,
    /// `80` to `BF`.
    ContextSpecific,
    /// `C0` to `FF`.
    Private,
}

impl Tag {
    /// Octets on the wire, 1 to 4.
    pub const fn emitted_len(self) -> usize {
        match self.0 {
            0..=0xFF => 1,
            0x100..=0xFFFF => 2,
            0x1_0000..=0xFF_FFFF => 3,
            _ => 4,
        }
    }

    /// First octet.
    pub const fn first_octet(self) -> u8 {
        (self.0 >> (8 * (self.emitted_len() - 1))) as u8
    }

    /// Whether the value is made of data objects.
    pub const fn is_constructed(self) -> bool {
        self.first_octet() & 0x20 != 0
    }

    /// Its class.
    pub const fn class(self) -> TagClass {
        match self.first_octet() >> 6 {
            0 => TagClass::Universal,
            1 => TagClass::Application,
            2 => TagClass::ContextSpecific,
            _ => TagClass::Private,
        }
    }

    /// Reads one tag at the head of `input`.
    pub fn parse(input: &[u8]) -> Result<Self, WireError> {
        tag(input).map(|(_, tag)| tag).map_err(|error| Fault::unwrap(error).at(0, input.len()))
    }

    /// Appends its octets.
    pub fn emit_into(self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(&self.0.to_be_bytes()[4 - self.emitted_len()..]);
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$X}", self.0, width = 2 * self.emitted_len())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// A data object, borrowed from the octets that it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// Its tag.
    pub tag: Tag,
    /// Its value; without the end-of-contents octets where the length was indefinite.
    pub value: &'a [u8],
    /// Where its tag stands, counted from the head of the outermost input.
    pub offset: usize,
    /// The whole object as it was on the wire.
    pub octets: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// Where its value stands, counted as `offset` is.
    pub fn value_offset(&self) -> usize {
        let trailer = if self.is_indefinite() { END_OF_CONTENTS.len() } else { 0 };
        self.offset + self.octets.len() - self.value.len() - trailer
    }

    /// Whether its length was indefinite: `80`, and two zero octets at the end.
    pub fn is_indefinite(&self) -> bool {
        self.octets.get(self.tag.emitted_len()) == Some(&0x80)
    }

    /// The data objects inside, whose offsets go on counting from the outermost input.
    pub fn children(&self) -> Iter<'a> {
        Iter { rest: self.value, end: self.value_offset() + self.value.len() }
    }
}

/// The data objects of one level. After an error the iterator is at its end.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
    /// Offset of the end of `rest`: the offset of what is left follows from its length.
    end: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Tlv<'a>, WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let input = padding(self.rest);
        if input.is_empty() {
            self.rest = input;
            return None;
        }
        let offset = self.end - input.len();
        match object(input) {
            Ok((rest, (tag, value))) => {
                self.rest = rest;
                Some(Ok(Tlv { tag, value, offset, octets: &input[..input.len() - rest.len()] }))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(Fault::unwrap(error).at(offset, input.len())))
            }
        }
    }
}

/// The data objects of `input`, one level, in order.
///
/// ```
/// use untorn::wire::tlv::{self, Tag};
/// let fci = [0x6F, 0x04, 0x84, 0x02, 0x3F, 0x00];
/// let template = tlv::iter(&fci).next().unwrap().unwrap();
/// let name = template.children().next().unwrap().unwrap();
/// assert_eq!((name.tag, name.value, name.offset), (Tag(0x84), &[0x3F, 0x00][..], 2));
/// ```
#[inline]
pub const fn iter(input: &[u8]) -> Iter<'_> {
    Iter { rest: input, end: input.len() }
}

/// The value of the one object with this tag on the top level of `input`.
///
/// # Errors
/// Octets that are no data objects, before or after the one that was sought; and a second object of the same tag, for whoever takes the
/// first and whoever takes the last would read two different messages.
pub fn find(input: &[u8], tag: Tag) -> Result<Option<&[u8]>, WireError> {
    only(iter(input), tag).map(|found| found.map(|object| object.value))
}

/// The value at the end of a path of tags, each looked for on one level, as [`find`] does: `[Tag(0x6F), Tag(0x84)]`.
pub fn find_path<'a>(input: &'a [u8], path: &[Tag]) -> Result<Option<&'a [u8]>, WireError> {
    let mut level = iter(input);
    let mut value = Some(input);
    for &tag in path {
        match only(level, tag)? {
            Some(object) => {
                value = Some(object.value);
                level = object.children();
            }
            None => return Ok(None),
        }
    }
    Ok(value)
}

fn only(level: Iter<'_>, tag: Tag) -> Result<Option<Tlv<'_>>, WireError> {
    let mut found = None;
    for object in level {
        let object = object?;
        if object.tag == tag {
            if found.is_some() {
                return Err(WireError::new(object.offset, format!("tag {tag} once"), "a second one"));
            }
            found = Some(object);
        }
    }
    Ok(found)
}

/// Appends an object with its length in the fewest octets.
///
/// ```
/// use untorn::wire::tlv::{self, Tag};
/// let mut octets = Vec::new();
/// tlv::push(&mut octets, Tag(0x9F36), &[0x00, 0x01]);
/// assert_eq!(octets, [0x9F, 0x36, 0x02, 0x00, 0x01]);
/// ```
pub fn push(octets: &mut Vec<u8>, tag: Tag, value: &[u8]) {
    tag.emit_into(octets);
    push_length(octets, value.len());
    octets.extend_from_slice(value);
}

/// Octets that [`push`] appends.
pub const fn emitted_len(tag: Tag, value_len: usize) -> usize {
    let length_len = match value_len {
        0..=0x7F => 1,
        0x80..=0xFF => 2,
        0x100..=0xFFFF => 3,
        0x1_0000..=0xFF_FFFF => 4,
        _ => 5,
    };
    tag.emitted_len() + length_len + value_len
}

/// Appends a length field in the fewest octets (ISO/IEC 7816-4:2020, 6.3).
pub fn push_length(octets: &mut Vec<u8>, length: usize) {
    let wide = (length as u32).to_be_bytes();
    match length {
        0..=0x7F => octets.push(wide[3]),
        0x80..=0xFF => octets.extend_from_slice(&[0x81, wide[3]]),
        0x100..=0xFFFF => octets.extend_from_slice(&[0x82, wide[2], wide[3]]),
        0x1_0000..=0xFF_FFFF => octets.extend_from_slice(&[0x83, wide[1], wide[2], wide[3]]),
        _ => octets.extend_from_slice(&[0x84, wide[0], wide[1], wide[2], wide[3]]),
    }
}

/// What stands before the next object: `00`, and `FF` where it cannot begin a tag.
///
/// Erased memory leaves both between objects. `00` never begins a tag. `FF` does where EMV's contactless kernels use it (`FF8106`):
/// an `FF` is filling when another `FF` follows it, when the octet after it cannot be the second of a tag (ISO/IEC 7816-4:2020,
/// 6.3: `00` to `1E` and `80`), or when it is the last. A tag of `FF` `FF` is therefore never read; nobody has allotted one.
/// The rule is our own: a card may say in its data coding octet whether `FF` begins tags, but the octets alone do not carry that.
#[inline]
pub(crate) fn padding(mut input: &[u8]) -> &[u8] {
    while let Some(rest) = filling(input) {
        input = rest;
    }
    input
}

/// What is left after one octet or one run of filling; `None` when there is none.
#[inline]
fn filling(input: &[u8]) -> Option<&[u8]> {
    match *input {
        [0x00, ref rest @ ..] => Some(rest),
        [0xFF] => Some(&[]),
        [0xFF, 0xFF, ..] => {
            let end = input.iter().position(|&octet| octet != 0xFF).unwrap_or(input.len());
            Some(&input[end..])
        }
        [0xFF, 0x00..=0x1E | 0x80, ..] => Some(&input[1..]),
        _ => None,
    }
}

/// One object at the head of `input`: its tag and value.
#[inline]
pub(crate) fn object(input: &[u8]) -> Parsed<'_, (Tag, &[u8])> {
    let (at_length, tag) = tag(input)?;
    let (rest, length) = length(at_length)?;
    match length {
        Some(length) => {
            let (rest, value) = octets(length, "value")(rest)?;
            Ok((rest, (tag, value)))
        }
        None if tag.is_constructed() => {
            let (after, value) = indefinite(rest, DEPTH_MAX)?;
            Ok((after, (tag, value)))
        }
        // ISO/IEC 8825-1:2021, 8.1.3.2: a primitive object has a definite length.
        None => Err(Fault::wrong(at_length, "a definite length")),
    }
}

/// A tag of one to four octets (ISO/IEC 7816-4:2020, 6.3; four are this program's limit, the standard's is three).
#[inline]
pub(crate) fn tag(input: &[u8]) -> Parsed<'_, Tag> {
    let (mut rest, first) = one_octet("a tag")(input)?;
    if first == 0 {
        return Err(Fault::wrong(input, "a tag"));
    }
    let mut tag = u32::from(first);
    if first & 0x1F != 0x1F {
        return Ok((rest, Tag(tag)));
    }
    for index in 0..3 {
        let at = rest;
        let (after, next) = one_octet("the next octet of a tag")(at)?;
        // ISO/IEC 8825-1:2021, 8.1.2.4.2: the number has no leading zeros.
        if index == 0 && next == 0x80 {
            return Err(Fault::wrong(at, "a tag number without leading zeros"));
        }
        tag = (tag << 8) | u32::from(next);
        rest = after;
        if next & 0x80 == 0 {
            return Ok((rest, Tag(tag)));
        }
    }
    Err(Fault::wrong(input, "a tag of at most four octets"))
}

/// A length of one to five octets (ISO/IEC 7816-4:2020, 6.3); `None` is the indefinite form of ISO/IEC 8825-1:2021, 8.1.3.6.
#[inline]
fn length(input: &[u8]) -> Parsed<'_, Option<usize>> {
    let (rest, first) = one_octet("a length")(input)?;
    match first {
        0x00..=0x7F => Ok((rest, Some(first.into()))),
        0x80 => Ok((rest, None)),
        0x81..=0x84 => {
            let (rest, octets) = octets(usize::from(first & 0x7F), "length")(rest)?;
            Ok((rest, Some(octets.iter().fold(0, |length, &octet| (length << 8) | usize::from(octet)))))
        }
        _ => Err(Fault::wrong(input, "a length of at most four octets after the first")),
    }
}

/// What stands side by side on one level.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// Octets between objects.
    Filling { offset: usize, octets: &'a [u8] },
    /// An object; `doubtful` where its first octet, an `FF`, may be filling as well.
    Object { object: Tlv<'a>, doubtful: bool },
    /// All that is left from an object on that ends too early or is wrong.
    Broken { offset: usize, octets: &'a [u8], fault: Fault<'a> },
}

/// All of `input`, piece by piece, up to the first object that is broken.
pub(crate) fn pieces(input: &[u8]) -> Vec<Piece<'_>> {
    let reading = FirstOctet::of(input);
    let mut pieces = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let offset = input.len() - rest.len();
        let at = reading.padding(rest);
        if at.len() < rest.len() {
            pieces.push(Piece::Filling { offset, octets: &rest[..rest.len() - at.len()] });
            rest = at;
            continue;
        }
        match object(at) {
            Ok((after, (tag, value))) => {
                let object = Tlv { tag, value, offset, octets: &at[..at.len() - after.len()] };
                let doubtful = reading == FirstOctet::EitherTagOrFilling && filling(at).is_some();
                pieces.push(Piece::Object { object, doubtful });
                rest = after;
            }
            Err(error) => {
                pieces.push(Piece::Broken { offset, octets: at, fault: Fault::unwrap(error) });
                break;
            }
        }
    }
    pieces
}

/// How an `FF` before `01` to `1E` is read on one level of a listing. Such tags are in use (EMV 4.4 Book 3, Annex B, and templates of
/// vendors), and `FF` is filling in erased memory too: the reading that lets the level be read to its end is right. [`iter`], which
/// programs read with, takes filling always: what it reads must not depend on what follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FirstOctet {
    Filling,
    Tag,
    EitherTagOrFilling,
}

impl FirstOctet {
    fn of(input: &[u8]) -> Self {
        let is_doubtful = input.windows(2).any(|pair| matches!(pair, [0xFF, 0x01..=0x1E]));
        match is_doubtful && Self::Tag.reads_to_the_end(input, DEPTH_MAX) {
            false => Self::Filling,
            true if Self::Filling.reads_to_the_end(input, DEPTH_MAX) => Self::EitherTagOrFilling,
            true => Self::Tag,
        }
    }

    fn padding(self, input: &[u8]) -> &[u8] {
        if self == Self::Filling {
            return padding(input);
        }
        let mut rest = input;
        while !matches!(rest, [0xFF, 0x01..=0x1E, ..])
            && let Some(after) = filling(rest)
        {
            // A run of FF may end in the FF that begins a tag.
            rest = match after {
                [0x01..=0x1E, ..] if after.len() + 1 < rest.len() => &rest[rest.len() - after.len() - 1..],
                _ => after,
            };
        }
        rest
    }

    /// Whether this level and those below it, down to [`DEPTH_MAX`], are data objects to their ends.
    fn reads_to_the_end(self, input: &[u8], depth: usize) -> bool {
        let mut rest = self.padding(input);
        while !rest.is_empty() {
            let Ok((after, (tag, value))) = object(rest) else { return false };
            if tag.is_constructed() && depth < DEPTH_MAX && !self.reads_to_the_end(value, depth + 1) {
                return false;
            }
            rest = self.padding(after);
        }
        true
    }
}

/// Whether `input` is data objects throughout, those inside constructed ones included, and at least one.
pub(crate) fn is_well_formed(input: &[u8], depth: usize) -> bool {
    let reads = |reading: FirstOctet| reading.reads_to_the_end(input, depth);
    !padding(input).is_empty() && (reads(FirstOctet::Filling) || reads(FirstOctet::Tag))
}

/// The tag at the head of `input`, and how many octets tag and length have; `None` where one of them cannot be read.
pub(crate) fn head(input: &[u8]) -> Option<(Tag, usize)> {
    let (at_length, tag) = tag(input).ok()?;
    let (rest, _) = length(at_length).ok()?;
    Some((tag, input.len() - rest.len()))
}

/// Whether `input` is data objects of which one is broken: the first has a known tag and is cut off itself, or reaches the end, or
/// known ones follow it.
pub(crate) fn is_broken(input: &[u8]) -> bool {
    let Ok((at_length, first)) = tag(input) else { return false };
    let Ok((rest, Some(length))) = length(at_length) else { return false };
    if tag::name(first).is_none() {
        return false;
    }
    let known = iter(input).map_while(Result::ok).take_while(|object| tag::name(object.tag).is_some()).take(3).count();
    let is_template = first.is_constructed() && length > 2;
    match length {
        _ if known >= 3 => true,
        _ if is_template && length == rest.len() => true,
        _ if !is_template => false,
        // A template that was cut off.
        _ if length > rest.len() => tag(rest).is_ok_and(|(_, inner)| tag::name(inner).is_some()),
        // One whose length is too short by a little.
        _ => {
            let (value, after) = rest.split_at(length);
            let begins_well = object(value).is_ok_and(|(_, (inner, _))| tag::name(inner).is_some());
            begins_well && (after.len() <= 3 || tag(after).is_ok_and(|(_, next)| tag::name(next).is_some()))
        }
    }
}

/// Whether `input` begins with a tag of `FF` and `01` to `1E` that lets it be read to its end.
pub(crate) fn begins_with_ff_tag(input: &[u8]) -> bool {
    matches!(input, [0xFF, 0x01..=0x1E, ..]) && FirstOctet::of(input) != FirstOctet::Filling
}

/// Whether `input` is the content of EF.ATR/INFO with a category octet: data objects behind it, the first of tag `41` to `4F`.
pub(crate) fn is_ef_atr(input: &[u8]) -> bool {
    matches!(input, [0x00 | 0x80, 0x41..=0x4F, ..])
        && !(input[0] == 0x80 && is_well_formed(input, 0))
        && is_well_formed(&input[1..], 0)
}

const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// The value of an indefinite length: objects up to two zero octets, which are taken and not part of it.
fn indefinite(input: &[u8], depth: usize) -> Parsed<'_, &[u8]> {
    if depth == 0 {
        return Err(Fault::wrong(input, "indefinite lengths at most 16 deep"));
    }
    let mut rest = input;
    loop {
        if let Some(after) = rest.strip_prefix(&END_OF_CONTENTS) {
            return Ok((after, &input[..input.len() - rest.len()]));
        }
        if let Some(after) = filling(rest) {
            rest = after;
            continue;
        }
        if rest.is_empty() {
            return Err(Fault::short(rest, "end-of-contents", 2));
        }
        let (after_tag, tag) = tag(rest)?;
        rest = match length(after_tag)? {
            (after, Some(length)) => octets(length, "value")(after)?.0,
            (after, None) if tag.is_constructed() => indefinite(after, depth - 1)?.0,
            (_, None) => return Err(Fault::wrong(after_tag, "a definite length")),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn tags(input: &[u8]) -> Vec<u32> {
        iter(input).map(|object| object.unwrap().tag.0).collect()
    }

    /// The answer to SELECT of EMV 4.4 Book 1, 11.3.4, with a payment system's AID.
    const FCI: [u8; 29] = [
        0x6F, 0x1B, 0x84, 0x07, 0xA0, 0x00, 0x00, 0x00, 0x04, 0x10, 0x10, 0xA5, 0x10, 0x50, 0x0A, 0x4D, 0x61, 0x73,
        0x74, 0x65, 0x72, 0x43, 0x61, 0x72, 0x64, 0x9F, 0x11, 0x01, 0x01,
    ];

    #[test]
    fn a_file_control_information_template() {
        let template = iter(&FCI).next().unwrap().unwrap();
        let inside: Vec<Tlv<'_>> = template.children().map(Result::unwrap).collect();
        assert_eq!(
            inside.iter().map(|object| (object.tag.0, object.offset)).collect::<Vec<_>>(),
            [(0x84, 2), (0xA5, 11)]
        );
        assert_eq!(inside[1].children().map(|object| object.unwrap().offset).collect::<Vec<_>>(), [13, 25]);
        let label = find_path(&FCI, &[Tag(0x6F), Tag(0xA5), Tag(0x50)]).unwrap();
        assert_eq!(label, Some(&b"MasterCard"[..]));
        assert_eq!(find_path(&FCI, &[Tag(0x6F), Tag(0x50)]).unwrap(), None);
    }

    /// The answer of a Calypso card to SELECT of `1TIC.ICA`, without its status word.
    #[test]
    fn a_template_with_tags_of_two_octets() {
        let octets =
            crate::wire::hex::parse("6F238409315449432E49434131A516BF0C13C708000000001122334453070A3C2005141001");
        let octets = octets.unwrap();
        let path = [Tag(0x6F), Tag(0xA5), Tag(0xBF0C), Tag(0xC7)];
        assert_eq!(find_path(&octets, &path).unwrap(), Some(&[0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44][..]));
        assert_eq!(find_path(&octets, &path[..1]).unwrap().map(<[u8]>::len), Some(0x23));
    }

    #[test]
    fn tags_of_one_to_four_octets() {
        for (octets, tag) in [
            (&[0x5A][..], 0x5A),
            (&[0x9F, 0x02], 0x9F02),
            (&[0xFF, 0x81, 0x06], 0xFF_8106),
            (&[0xDF, 0x81, 0x82, 0x03], 0xDF81_8203),
        ] {
            assert_eq!(Tag::parse(octets).unwrap(), Tag(tag));
            let mut emitted = vec![0xA5];
            Tag(tag).emit_into(&mut emitted);
            assert_eq!(&emitted[1..], octets);
        }
        for (octets, message) in [
            (&[][..], "at octet 0: expected a tag, got the end"),
            (&[0x00], "at octet 0: expected a tag, got 00"),
            (&[0x9F], "at octet 1: expected the next octet of a tag, got the end"),
            (&[0x9F, 0x80, 0x01], "at octet 1: expected a tag number without leading zeros, got 80"),
            (&[0xDF, 0x81, 0x82, 0x83, 0x04], "at octet 0: expected a tag of at most four octets, got DF"),
        ] {
            assert_eq!(Tag::parse(octets).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn every_form_of_length() {
        for (length, field) in [
            (0x7F, &[0x7F][..]),
            (0x80, &[0x81, 0x80]),
            (0xFF, &[0x81, 0xFF]),
            (0x100, &[0x82, 0x01, 0x00]),
            (0xFFFF, &[0x82, 0xFF, 0xFF]),
            (0x1_0000, &[0x83, 0x01, 0x00, 0x00]),
            // Longer than needed: taken, and kept in `octets`.
            (0x05, &[0x81, 0x05]),
            (0x05, &[0x84, 0x00, 0x00, 0x00, 0x05]),
        ] {
            let octets = [&[0x80], field, &vec![0xA5; length]].concat();
            let object = iter(&octets).next().unwrap().unwrap();
            assert_eq!((object.value.len(), object.value_offset()), (length, 1 + field.len()));
            assert_eq!(object.octets, octets);
        }
        assert_eq!(
            iter(&[0x80, 0x85, 0, 0, 0, 0, 0]).next().unwrap().unwrap_err().to_string(),
            "at octet 1: expected a length of at most four octets after the first, got 85"
        );
    }

    #[test]
    fn what_is_cut_off_says_where() {
        for (octets, message) in [
            (&[0x84][..], "at octet 1: expected a length, got the end"),
            (&[0x84, 0x82, 0x01], "at octet 2: expected 2 octets of length, got 1 octet, then the end"),
            (&[0x84, 0x03, 0xA0], "at octet 2: expected 3 octets of value, got 1 octet, then the end"),
        ] {
            let after_another = [&[0x50, 0x00], octets].concat();
            assert_eq!(iter(octets).next().unwrap().unwrap_err().to_string(), message);
            let mut objects = iter(&after_another);
            assert!(objects.next().unwrap().is_ok());
            assert_eq!(
                objects.next().unwrap().unwrap_err().offset,
                2 + iter(octets).next().unwrap().unwrap_err().offset
            );
            assert_eq!(objects.next(), None);
        }
    }

    #[test]
    fn indefinite_lengths() {
        let octets = [0x70, 0x80, 0x5A, 0x01, 0x00, 0x70, 0x80, 0x81, 0x00, 0x00, 0x00, 0x00, 0x00, 0x82, 0x00];
        let objects: Vec<Tlv<'_>> = iter(&octets).map(Result::unwrap).collect();
        assert_eq!(objects.len(), 2);
        assert_eq!((objects[0].value, objects[0].value_offset()), (&octets[2..11], 2));
        assert_eq!(objects[0].octets, &octets[..13]);
        let inner = objects[0].children().nth(1).unwrap().unwrap();
        assert_eq!((inner.tag, inner.value, inner.offset), (Tag(0x70), &octets[7..9], 5));
        assert_eq!(iter(&[0x5A, 0x80, 0, 0]).next().unwrap().unwrap_err().offset, 1);
        assert_eq!(iter(&[0x70, 0x80, 0x5A, 0x00]).next().unwrap().unwrap_err().offset, 4);
        assert_eq!(iter(&[0x70, 0x80].repeat(40)).next().unwrap().unwrap_err().offset, 34);
    }

    #[test]
    fn filling_between_objects() {
        assert_eq!(tags(&[0x00, 0x81, 0x00, 0x00, 0x00, 0x82, 0x00, 0x00]), [0x81, 0x82]);
        assert_eq!(tags(&[0xFF, 0xFF, 0x5A, 0x00, 0xFF]), [0x5A]);
        assert_eq!(tags(&[0x81, 0x00, 0xFF, 0x00, 0xFF, 0xFF, 0xFF]), [0x81]);
        // One FF before what can go on as a tag is that tag: EMV Contactless Book C-2, A.1, has FF8105 and FF8106.
        assert_eq!(tags(&[0xFF, 0x81, 0x06, 0x00]), [0xFF_8106]);
        assert!(tags(&[]).is_empty());
    }

    #[test]
    fn a_second_object_of_the_same_tag_is_an_error() {
        let octets = [0x81, 0x01, 0x07, 0x82, 0x00, 0x81, 0x01, 0x08];
        let error = find(&octets, Tag(0x81)).unwrap_err();
        assert_eq!(error.to_string(), "at octet 5: expected tag 81 once, got a second one");
        assert_eq!(find(&octets, Tag(0x82)).unwrap(), Some(&[][..]));
        assert_eq!(find(&octets, Tag(0x83)).unwrap(), None);
        assert!(find(&[0x81, 0x00, 0x82, 0x05], Tag(0x81)).is_err(), "what follows is read too");
    }

    /// Tags as the wire can carry them; without `FF` `FF`, which is filling.
    fn any_tag() -> impl Strategy<Value = Tag> {
        let first = (1..=0xFFu8).prop_filter("short form", |octet| octet & 0x1F != 0x1F);
        let long = (0..8u8).prop_map(|octet| (octet << 5) | 0x1F);
        prop_oneof![
            first.prop_map(|octet| Tag(octet.into())),
            (long, 0x1F..0x80u8).prop_map(|(first, last)| Tag(u32::from_be_bytes([0, 0, first, last]))),
            (0..8u8, 0x81..0xFFu8, 0..0x80u8).prop_map(|(first, middle, last)| Tag(u32::from_be_bytes([
                0,
                (first << 5) | 0x1F,
                middle,
                last
            ]))),
        ]
    }

    proptest! {
        #[test]
        fn values_to_octets_to_values(
            objects in vec((any_tag(), vec(any::<u8>(), 0..300), 0..3usize), 0..8),
        ) {
            let mut octets = Vec::new();
            for (tag, value, zeros) in &objects {
                octets.extend(vec![0; *zeros]);
                let before = octets.len();
                push(&mut octets, *tag, value);
                prop_assert_eq!(octets.len() - before, emitted_len(*tag, value.len()));
            }
            let read: Vec<(Tag, Vec<u8>)> =
                iter(&octets).map(|object| object.unwrap()).map(|object| (object.tag, object.value.to_vec())).collect();
            let written: Vec<(Tag, Vec<u8>)> = objects.into_iter().map(|(tag, value, _)| (tag, value)).collect();
            prop_assert_eq!(read, written);
        }

        /// Nothing is dropped: objects and what stands between them are the input again.
        #[test]
        fn octets_to_values_to_octets(octets in prop_oneof![vec(any::<u8>(), 0..40), vec(prop_oneof![Just(0xFFu8), 0..4u8, Just(0x70), Just(0x80)], 0..24)]) {
            let mut end = 0;
            for object in iter(&octets) {
                let Ok(object) = object else { break };
                prop_assert!(octets[end..object.offset].iter().all(|&octet| octet == 0 || octet == 0xFF));
                end = object.offset + object.octets.len();
                prop_assert_eq!(&octets[object.offset..end], object.octets);
                prop_assert_eq!(&octets[object.value_offset()..][..object.value.len()], object.value);
                for child in object.children().filter_map(Result::ok) {
                    prop_assert_eq!(&octets[child.offset..][..child.octets.len()], child.octets);
                }
            }
        }
    }
}
