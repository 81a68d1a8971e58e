//! An explanation as an indented listing.

use std::fmt::Write as _;

use super::explain::Explanation;
use super::field::Field;
use super::{count, hex};

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
    let Field { offset, name, meaning, notes, fields, .. } = field;
    let value = field.value();
    let said = if meaning.is_empty() { String::new() } else { format!(": {meaning}") };
    let octets = if value.len() <= CLOSE_LEN { hex::encode(value) } else { hex::spaced(value) };
    if field.octets.is_empty() {
        line(text, mark, *offset, indent, &format!("{name}{said}"));
    } else if !fields.is_empty() {
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
    for note in notes {
        line(text, mark, offset + field.head, indent + 1, note);
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
