//! Data objects as fields, as far as they go: octets between them are filling, and where one is broken its field says how.

use super::context::{Context, Names};
use super::field::{Field, fault, partition};
use super::tlv::{self, Piece, Tag, Tlv};
use super::{hex, value};

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

/// The objects of one level and, down to [`tlv::DEPTH_MAX`], those inside them; the first octet stands at `base`.
pub(crate) fn fields(names: Names<'_>, octets: &[u8], base: usize, context: Context) -> Vec<Field> {
    Tree { names }.fields(octets, base, context, 0)
}

/// Names data objects.
struct Tree<'n> {
    names: Names<'n>,
}

impl Tree<'_> {
    fn fields(&self, octets: &[u8], base: usize, context: Context, depth: usize) -> Vec<Field> {
        let field = |piece: Piece<'_>| match piece {
            Piece::Filling { offset, octets } => Field::new(base + offset, octets, "filling", ""),
            Piece::Object { object, doubtful } => {
                let object = Tlv { offset: base + object.offset, ..object };
                let mut field = self.object(&object, context, depth);
                if doubtful {
                    field
                        .notes
                        .push("FF read as the beginning of a tag; as filling the rest can be read too".to_owned());
                }
                field
            }
            Piece::Broken { offset, octets, fault } => self.broken(octets, base + offset, &fault, context, depth),
        };
        tlv::pieces(octets).into_iter().map(field).collect()
    }

    fn object(&self, object: &Tlv<'_>, context: Context, depth: usize) -> Field {
        let (tag, at) = (object.tag, object.value_offset());
        let field = Field::object(object, context.name(self.names, tag), "", Vec::new());
        let head = field.head;
        let length = &object.octets[tag.emitted_len()..head];
        let is_long = !object.is_indefinite() && tlv::emitted_len(tag, object.value.len()) < object.octets.len();
        let long = is_long.then(|| format!("length {}, where fewer octets do", hex::spaced(length)));
        let with_length = |mut field: Field| {
            field.notes.splice(0..0, long.clone());
            field
        };
        if !tag.is_constructed() || depth >= tlv::DEPTH_MAX {
            return with_length(value::said(self.names, context, tag, at, object.value).of(field, head));
        }
        let mut fields = self.fields(object.value, at, context.inside(tag), depth + 1);
        let end = at + object.value.len();
        if !object.is_indefinite() {
            return with_length(field.of(fields));
        }
        fields.push(Field::new(end, &object.octets[end - object.offset..], "end of contents", ""));
        Field { meaning: "indefinite length".to_owned(), ..field.of(fields) }
    }

    /// The object that breaks off, with all that is left. A template shows what is there of its objects.
    fn broken(&self, octets: &[u8], offset: usize, stop: &super::Fault<'_>, context: Context, depth: usize) -> Field {
        let (_, how, why) = fault(stop, offset, octets.len());
        let place = format!("{how}: {why}");
        let Ok(tag) = Tag::parse(octets) else { return Field::new(offset, octets, "no data object", place) };
        let head = tlv::head(octets).map_or(tag.emitted_len(), |(_, head)| head);
        let name = format!("{tag} {}", context.name(self.names, tag));
        let field = Field::new(offset, octets, name, place).with_head(head);
        if !tag.is_constructed() || depth >= tlv::DEPTH_MAX {
            return field;
        }
        let fields = self.fields(&octets[head..], offset + head, context.inside(tag), depth + 1);
        field.of(fields)
    }
}
