//! Fields: which octets are one, what each is called, and what its value means.
//!
//! The fields of one level lie side by side, without a gap and without an overlap, so that every octet is explained once. A field
//! made of others holds them in turn, behind `head` octets of its own (tag and length of a data object). A field without octets is a remark
//! on the place where it stands. Where what was enciphered is known, its plain text stands beside the cipher text with offsets of its own.

use std::ops::Range;

use serde::{Serialize, Serializer};

use super::tlv::Tlv;
use super::{Fault, Parsed, hex, trailer};

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
    /// What else is to be said of its value, line by line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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

fn as_hex<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(octets))
}

impl Field {
    /// A field whose octets say all, or with its value in words.
    pub fn new(offset: usize, octets: &[u8], name: impl Into<String>, meaning: impl Into<String>) -> Self {
        let (octets, name, meaning) = (octets.to_vec(), name.into(), meaning.into());
        Self { offset, octets, head: 0, name, meaning, notes: Vec::new(), fields: Vec::new(), plain: None }
    }

    /// A remark on the place `offset`.
    pub fn remark(offset: usize, name: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self::new(offset, &[], name, meaning)
    }

    /// With so many octets of tag and length before its value.
    #[must_use]
    pub const fn with_head(mut self, head: usize) -> Self {
        self.head = head;
        self
    }

    /// With these lines about its value.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
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
            notes: self.notes.clone(),
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

    /// The next `len` octets as fields side by side, which `explain` makes.
    pub fn each(&mut self, len: usize, explain: impl FnOnce(&'a [u8], usize) -> Vec<Field>) -> &mut Self {
        let octets = &self.octets[self.at..self.octets.len().min(self.at + len)];
        if !octets.is_empty() {
            self.fields.extend(explain(octets, self.base + self.at));
            self.at += octets.len();
        }
        self
    }

    /// A remark on what comes next.
    pub fn remark(&mut self, words: impl Into<String>) -> &mut Self {
        self.fields.push(Field::remark(self.base + self.at, words, ""));
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

/// Why reading of `input`, which stands at `base`, stopped, and all of it, for what broke begins at its head.
pub(crate) fn stopped(input: &[u8], base: usize, error: nom::Err<Fault<'_>>) -> Vec<Field> {
    let (_, how, why) = fault(&Fault::unwrap(error), base, input.len());
    let rest = (!input.is_empty()).then(|| Field::new(base, input, NOT_READ, ""));
    std::iter::once(Field::remark(base, how, why)).chain(rest).collect()
}

/// What is left where reading stopped.
pub(crate) const NOT_READ: &str = "not read";

/// Where reading of `len` octets at `base` stopped, `truncated at octet 4`, and why.
pub(crate) fn fault(fault: &Fault<'_>, base: usize, len: usize) -> (usize, String, String) {
    let how = if fault.is_truncation() { "truncated" } else { "wrong" };
    let error = fault.at(base, len);
    (
        error.offset,
        format!("{how} at octet {}", error.offset),
        format!("expected {}, got {}", error.expected, error.got),
    )
}

/// Fields of which a reader says where each begins: each ends where the next one begins.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    octets: &'a [u8],
    fields: Vec<Field>,
}

impl<'a> Rows<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { octets, fields: Vec::new() }
    }

    /// A field begins here.
    pub(crate) fn at(&mut self, offset: usize, name: impl Into<String>, meaning: impl Into<String>) {
        self.fields.push(Field::remark(offset, name, meaning));
    }

    /// One that is made of these.
    pub(crate) fn group(&mut self, offset: usize, name: &str, fields: Vec<Field>) {
        self.fields.push(Field::remark(offset, name, "").of(fields));
    }

    /// The fields, then why reading stopped and what is left. `check` makes of the octets that were read what a lone octet behind them may
    /// be.
    pub(crate) fn done(mut self, walked: Parsed<'a, ()>, check: impl FnOnce(&[u8]) -> Option<u8>) -> Vec<Field> {
        let len = self.octets.len();
        let stop = walked.err().map(Fault::unwrap);
        let at = stop.as_ref().map_or(len, |stop| stop.at(0, len).offset);
        // Octets beyond the most that there may be were read all the same.
        let begun = self.fields.last().map_or(0, |last| last.fields.last().map_or(last.offset, Field::end));
        let end = if begun > at { len } else { at };
        let starts: Vec<usize> = self.fields.iter().skip(1).map(|field| field.offset).chain([end]).collect();
        for (field, to) in self.fields.iter_mut().zip(starts) {
            field.octets = self.octets.get(field.offset..to).unwrap_or_default().to_vec();
        }
        if let Some(stop) = stop {
            let (_, how, why) = fault(&stop, 0, len);
            self.fields.push(Field::remark(end, how, why));
            let (body, rest) = self.octets.split_at(end);
            let words = if stop.is_excess() { trailer::words(body, rest, check(body)) } else { String::new() };
            if !rest.is_empty() {
                self.fields.push(Field::new(end, rest, NOT_READ, words));
            }
        }
        self.fields
    }
}
