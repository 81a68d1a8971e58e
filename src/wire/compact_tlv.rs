//! Compact-TLV data objects of historical octets (ISO/IEC 7816-4:2020, 12.1.1): one octet of tag and length, then the value.

use super::context::Context;
use super::field::{Field, stopped};
use super::tlv::Tag;
use super::{Parsed, WireError, octets, one_octet, tag, value};

/// One object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactTlv<'a> {
    /// High half of the first octet, 0 to 15.
    pub tag: u8,
    /// At most 15 octets.
    pub value: &'a [u8],
    /// Where its first octet stands.
    pub offset: usize,
}

impl CompactTlv<'_> {
    /// The interindustry tag that it abbreviates: `4X`.
    pub const fn interindustry_tag(&self) -> Tag {
        Tag(0x40 | self.tag as u32)
    }
}

/// The objects of `input` in order; after an error the iterator is at its end.
///
/// ```
/// use untorn::wire::compact_tlv;
/// let object = compact_tlv::iter(&[0x73, 0xC0, 0x01, 0x80]).next().unwrap().unwrap();
/// assert_eq!((object.interindustry_tag().0, object.value), (0x47, &[0xC0, 0x01, 0x80][..]));
/// ```
pub fn iter(input: &[u8]) -> impl Iterator<Item = Result<CompactTlv<'_>, WireError>> {
    super::each(input, object).map(|found| found.map(|(offset, (tag, value))| CompactTlv { tag, value, offset }))
}

/// Appends an object. A tag above 15 or a value longer than 15 octets has no compact form: `false`, and nothing is appended.
#[must_use]
pub fn push(octets: &mut Vec<u8>, tag: u8, value: &[u8]) -> bool {
    let fits = tag < 16 && value.len() < 16;
    if fits {
        octets.push((tag << 4) | value.len() as u8);
        octets.extend_from_slice(value);
    }
    fits
}

fn object(input: &[u8]) -> Parsed<'_, (u8, &[u8])> {
    let (rest, first) = one_octet("a compact tag and length")(input)?;
    let (rest, value) = octets(usize::from(first & 15), "value")(rest)?;
    Ok((rest, (first >> 4, value)))
}

/// The objects as fields; what cannot be read stands behind them.
pub(crate) fn fields(input: &[u8], base: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let offset = base + input.len() - rest.len();
        match object(rest) {
            Ok((after, (tag, value))) => {
                let interindustry = Tag(0x40 | u32::from(tag));
                let name = format!("{tag:X} {}", tag::name(interindustry).unwrap_or("unknown"));
                let said = value::said(&[], Context::Template, interindustry, offset + 1, value);
                fields.push(said.of(Field::new(offset, &rest[..rest.len() - after.len()], name, ""), 1));
                rest = after;
            }
            Err(error) => {
                fields.extend(stopped(rest, offset, error));
                break;
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn the_historical_octets_of_an_openpgp_card() {
        // 3B DA 18 FF 81 B1 FE 75 1F 03 | 00 31 C5 73 C0 01 40 00 90 00 | 0C: after the category 00, before the status.
        let objects: Vec<CompactTlv<'_>> = iter(&[0x31, 0xC5, 0x73, 0xC0, 0x01, 0x40]).map(Result::unwrap).collect();
        assert_eq!(objects[0], CompactTlv { tag: 3, value: &[0xC5], offset: 0 });
        assert_eq!(objects[1], CompactTlv { tag: 7, value: &[0xC0, 0x01, 0x40], offset: 2 });
    }

    #[test]
    fn what_is_cut_off_says_where() {
        let mut objects = iter(&[0x31, 0xC5, 0x73, 0xC0]);
        assert!(objects.next().unwrap().is_ok());
        let error = objects.next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "at octet 3: expected 3 octets of value, got 1 octet, then the end");
        assert!(objects.next().is_none());
        assert!(!push(&mut Vec::new(), 16, &[]) && !push(&mut Vec::new(), 1, &[0; 16]));
    }

    proptest! {
        #[test]
        fn round_trip(objects in vec((0..16u8, vec(any::<u8>(), 0..16)), 0..6)) {
            let mut octets = Vec::new();
            for (tag, value) in &objects {
                prop_assert!(push(&mut octets, *tag, value));
            }
            let read: Vec<_> = iter(&octets).map(|object| object.unwrap()).map(|o| (o.tag, o.value.to_vec())).collect();
            prop_assert_eq!(read, objects);
        }
    }
}
