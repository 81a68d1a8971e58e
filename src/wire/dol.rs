//! Data object lists: tags and lengths that a card asks for, and the data that a terminal builds from them
//! (EMV 4.4 Book 3, 5.4).

use super::context::{Context, Names};
use super::field::{Field, stopped};
use super::tlv::{self, Tag};
use super::{Parsed, WireError, one_octet};

/// One entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DolEntry {
    /// What is asked for.
    pub tag: Tag,
    /// How many octets of it, 0 to 255.
    pub length: u8,
    /// Where its tag stands.
    pub offset: usize,
}

/// How a data element is written, as far as cutting and padding ask (EMV 4.4 Book 3, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    /// Format n: digits to the right, zeros before them.
    Numeric,
    /// Format cn: digits to the left, F after them.
    CompressedNumeric,
    /// All others: a, an, ans, b.
    Other,
}

/// The entries of a list in order; after an error the iterator is at its end.
///
/// ```
/// use untorn::wire::{dol, tlv::Tag};
/// let entries: Result<Vec<_>, _> = dol::iter(&[0x9F, 0x37, 0x04, 0x95, 0x05]).collect();
/// assert_eq!(entries.unwrap().iter().map(|e| (e.tag, e.length)).collect::<Vec<_>>(), [(Tag(0x9F37), 4), (Tag(0x95), 5)]);
/// ```
pub fn iter(input: &[u8]) -> impl Iterator<Item = Result<DolEntry, WireError>> {
    super::each(input, entry).map(|found| found.map(|(offset, (tag, length))| DolEntry { tag, length, offset }))
}

/// Appends an entry.
pub fn push(octets: &mut Vec<u8>, tag: Tag, length: u8) {
    tag.emit_into(octets);
    octets.push(length);
}

fn entry(input: &[u8]) -> Parsed<'_, (Tag, u8)> {
    let (rest, tag) = tlv::tag(input)?;
    let (rest, length) = one_octet("the length asked for")(rest)?;
    Ok((rest, (tag, length)))
}

/// The data that a list asks for, in its order, without tags. `lookup` gives a value or `None` when it has none.
///
/// ```
/// use untorn::wire::dol;
/// // Amount of three octets into six, an unknown tag of two.
/// let data = dol::build(&[0x9F, 0x02, 0x06, 0xDF, 0x01, 0x02], |tag| (tag.0 == 0x9F02).then_some(&[0x01, 0x23, 0x45]));
/// assert_eq!(data.unwrap(), [0, 0, 0, 0x01, 0x23, 0x45, 0, 0]);
/// ```
pub fn build<V: AsRef<[u8]>>(input: &[u8], mut lookup: impl FnMut(Tag) -> Option<V>) -> Result<Vec<u8>, WireError> {
    let mut data = Vec::new();
    for entry in iter(input) {
        let DolEntry { tag, length, .. } = entry?;
        // EMV 4.4 Book 3, 5.4: a constructed object is asked for in vain, like an unknown one.
        let value = if tag.is_constructed() { None } else { lookup(tag) };
        match value {
            Some(value) => fit(&mut data, value.as_ref(), length.into(), representation(tag)),
            None => data.resize(data.len() + usize::from(length), 0),
        }
    }
    Ok(data)
}

/// Appends `value` cut or padded to `length` octets (EMV 4.4 Book 3, 5.4): numeric at its left, all others at their right;
/// numeric and others are padded with zeros, compressed numeric with F.
pub fn fit(data: &mut Vec<u8>, value: &[u8], length: usize, representation: Representation) {
    let missing = length.saturating_sub(value.len());
    match representation {
        Representation::Numeric => {
            data.resize(data.len() + missing, 0);
            data.extend_from_slice(&value[value.len().saturating_sub(length)..]);
        }
        Representation::CompressedNumeric | Representation::Other => {
            let padding = if representation == Representation::CompressedNumeric { 0xFF } else { 0 };
            data.extend_from_slice(&value[..value.len().min(length)]);
            data.resize(data.len() + missing, padding);
        }
    }
}

/// How the data elements of EMV 4.4 Book 3, Annex A are written; [`Representation::Other`] for all that are not there.
pub const fn representation(tag: Tag) -> Representation {
    match tag.0 {
        0x9A | 0x9C | 0x5F24 | 0x5F25 | 0x5F28 | 0x5F2A | 0x5F30 | 0x5F34 | 0x5F36 | 0x9F01 | 0x9F02 | 0x9F03
        | 0x9F11 | 0x9F15 | 0x9F1A | 0x9F21 | 0x9F35 | 0x9F39 | 0x9F3B | 0x9F3C | 0x9F3D | 0x9F41 | 0x9F42 | 0x9F43
        | 0x9F44 => Representation::Numeric,
        0x5A | 0x9F20 => Representation::CompressedNumeric,
        _ => Representation::Other,
    }
}

/// The entries as fields, then how much they ask for; or what cannot be read.
pub(crate) fn fields(names: Names<'_>, input: &[u8], base: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut rest = input;
    let mut total = 0;
    while !rest.is_empty() {
        let offset = base + input.len() - rest.len();
        match entry(rest) {
            Ok((after, (tag, length))) => {
                let name = format!("{tag} {}", Context::Top.name(names, tag));
                let field = Field::new(offset, &rest[..rest.len() - after.len()], name, super::count(length.into()));
                fields.push(field.with_head(tag.emitted_len()));
                total += usize::from(length);
                rest = after;
            }
            Err(error) => {
                fields.extend(stopped(rest, offset, error));
                return fields;
            }
        }
    }
    fields.push(Field::remark(base + input.len(), format!("asks for {}", super::count(total)), ""));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The PDOL of the worked example in EMV 4.4 Book 3 terms: each rule of 5.4 once, derived by hand.
    #[test]
    fn each_rule_of_cutting_and_padding() {
        for (tag, value, length, expected) in [
            (0x9F02, &[0x00, 0x01, 0x23][..], 2, &[0x01, 0x23][..]),
            (0x9F02, &[0x12], 3, &[0x00, 0x00, 0x12]),
            (0x5A, &[0x12, 0x34, 0x5F], 5, &[0x12, 0x34, 0x5F, 0xFF, 0xFF]),
            (0x5A, &[0x12, 0x34, 0x5F], 2, &[0x12, 0x34]),
            (0x9F37, &[0x11, 0x22, 0x33, 0x44], 2, &[0x11, 0x22]),
            (0x95, &[0x80], 3, &[0x80, 0x00, 0x00]),
            (0x70, &[0x80], 3, &[0x00, 0x00, 0x00]),
            (0x95, &[0x80], 0, &[]),
        ] {
            let mut dol = Vec::new();
            push(&mut dol, Tag(tag), length);
            assert_eq!(build(&dol, |_| Some(value)).unwrap(), expected, "{tag:X}");
        }
    }

    #[test]
    fn a_list_that_is_cut_off_builds_nothing() {
        let error = build(&[0x95, 0x05, 0x9F, 0x37], |_| None::<&[u8]>).unwrap_err();
        assert_eq!(error.to_string(), "at octet 4: expected the length asked for, got the end");
    }

    proptest! {
        #[test]
        fn as_many_octets_as_asked_for(lengths in vec((0x1F..0x80u32, any::<u8>()), 0..8), value: Vec<u8>) {
            let mut dol = Vec::new();
            for (low, length) in &lengths {
                push(&mut dol, Tag(0x9F00 | low), *length);
            }
            let read: Vec<(u32, u8)> = iter(&dol).map(|e| e.unwrap()).map(|e| (e.tag.0 & 0xFF, e.length)).collect();
            let total: usize = lengths.iter().map(|(_, length)| usize::from(*length)).sum();
            prop_assert_eq!(&read, &lengths);
            prop_assert_eq!(build(&dol, |_| Some(&value)).unwrap().len(), total);
        }
    }
}
