//! Octets with digits left open, and texts in which names stand for octets.

use std::fmt;

use crate::wire::hex;

/// Octets, of which single digits may be left open (`?`), and the end (`*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Digits, most significant first; `None` for any.
    digits: Vec<Option<u8>>,
    /// Any octets may follow.
    open_end: bool,
}

impl Pattern {
    /// From hex digits, `?` and white space, perhaps with `*` at the end.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (body, open_end) = match text.trim_end().strip_suffix('*') {
            Some(body) => (body, true),
            None => (text, false),
        };
        let digit = |c: char| match c {
            '?' => Ok(None),
            c => c
                .to_digit(16)
                .map(|digit| Some(digit as u8))
                .ok_or_else(|| format!("expected hexadecimal digits, ?, or * at the end, got '{}'", c.escape_debug())),
        };
        let digits = body.chars().filter(|c| !c.is_whitespace()).map(digit).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { digits, open_end })
    }

    /// Whether no digit is said.
    pub(super) fn is_open(&self) -> bool {
        self.digits.iter().all(Option::is_none)
    }

    /// Whether it is of so many whole octets and no more.
    pub(super) fn is_of_octets(&self, count: usize) -> bool {
        self.digits.len() == 2 * count && !self.open_end
    }

    /// Whether these octets fit.
    pub(super) fn matches(&self, octets: &[u8]) -> bool {
        let mut digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]);
        let begins =
            self.digits.iter().all(|open| digits.next().is_some_and(|digit| open.is_none_or(|own| own == digit)));
        begins && (self.open_end || digits.next().is_none())
    }

    /// The octets, where nothing is left open.
    pub(super) fn octets(&self) -> Option<Vec<u8>> {
        let digits = self.digits.iter().copied().collect::<Option<Vec<u8>>>()?;
        let whole = !self.open_end && digits.len().is_multiple_of(2);
        whole.then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digit in &self.digits {
            match digit {
                Some(digit) => write!(f, "{digit:X}")?,
                None => f.write_str("?")?,
            }
        }
        f.write_str(if self.open_end { "*" } else { "" })
    }
}

/// A pattern with names in it: `${name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(String),
}

impl Template {
    /// Checks all but what the names stand for. What is wrong is told without the text: a command may hold a PIN.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or("${ without }")?;
            if name.is_empty() {
                return Err("${} without a name".to_owned());
            }
            pieces.extend([Piece::Text(before.to_owned()), Piece::Name(name.to_owned())]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let template = Self(pieces);
        for (index, piece) in template.0.iter().enumerate() {
            let Piece::Text(piece) = piece else { continue };
            let pattern = Pattern::parse(piece)?;
            // What a name stands for is whole octets, and nothing follows an open end.
            let last = index + 1 == template.0.len();
            if !pattern.digits.len().is_multiple_of(2) || (pattern.open_end && !last) {
                return Err("expected two digits for each octet, and * at the end only".to_owned());
            }
        }
        Ok(template)
    }

    /// Its names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Whether every octet fits, if only there are enough.
    pub(super) fn is_open(&self) -> bool {
        self.0.len() == 1 && self.0.iter().all(|piece| matches!(piece, Piece::Text(text) if text.trim() == "*"))
    }

    /// Whether digits or the end are left open.
    pub(super) fn has_wildcards(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains(['?', '*'])))
    }

    /// The pattern, with octets for each name.
    pub(super) fn fill(&self, octets: impl Fn(&str) -> Result<Vec<u8>, String>) -> Result<Pattern, String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Name(name) => text.push_str(&hex::encode(&octets(name)?)),
            }
        }
        Pattern::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_leaves_digits_and_the_end_open() {
        for (pattern, octets, fits) in [
            ("9000", &[0x90, 0x00][..], true),
            ("61??", &[0x61, 0xFF], true),
            ("61??", &[0x62, 0xFF], false),
            ("6A8?", &[0x6A, 0x82], true),
            ("6A8?", &[0x6A, 0x92], false),
            ("61??", &[0x61], false),
            ("61", &[0x61, 0x00], false),
            ("4f 06 *", &[0x4F, 0x06, 0x01], true),
            ("4F06*", &[0x4F, 0x06], true),
            ("4F06*", &[0x4F], false),
            ("", &[], true),
            ("*", &[], true),
            ("", &[0x00], false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(octets), fits, "{pattern} {octets:02X?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["9G00", "90*00", "-", "**"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        for text in ["90 0", "${", "${}", "9${a}0", "${a", "00*${a}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_stand_for_octets() {
        let template = Template::parse("4F ${a}?? ${b} *").unwrap();
        let octets = |name: &str| match name {
            "a" => Ok(vec![0x01, 0x02]),
            "b" => Ok(Vec::new()),
            _ => Err(format!("no {name}")),
        };
        assert_eq!(template.fill(octets).unwrap().to_string(), "4F0102??*");
        assert_eq!(Template::parse("${c}").unwrap().fill(octets).unwrap_err(), "no c");
    }
}
