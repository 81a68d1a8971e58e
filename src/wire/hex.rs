//! Hexadecimal text, as people paste it.

use std::fmt;

use nom::Parser as _;

use super::{Fault, Parsed, WireError, one_octet};

/// The octets of a hexadecimal text. White space, colons and a `0x` before an octet are passed over; the two digits of an
/// octet stand together. The offset in the error counts octets of the text.
///
/// ```
/// use untorn::wire::hex;
/// assert_eq!(hex::parse("0x6f:1A\n 84 0e").unwrap(), [0x6F, 0x1A, 0x84, 0x0E]);
/// assert_eq!(hex::parse("6F 1").unwrap_err().to_string(), "at octet 4: expected a second hexadecimal digit, got the end");
/// ```
pub fn parse(text: &str) -> Result<Vec<u8>, WireError> {
    let mut octets = Vec::with_capacity(text.len() / 2);
    let mut rest = separators(text.as_bytes());
    while !rest.is_empty() {
        let (after, octet) = octet(rest).map_err(|error| in_text(text, &Fault::unwrap(error)))?;
        octets.push(octet);
        rest = separators(after);
    }
    Ok(octets)
}

/// Upper-case hexadecimal without separators.
pub fn encode(octets: &[u8]) -> String {
    digits(octets, "")
}

/// Upper-case hexadecimal with a space between octets, as people read it.
pub fn spaced(octets: &[u8]) -> String {
    digits(octets, " ")
}

/// Octets whose `Debug` is upper-case hexadecimal, for values that hold them.
///
/// ```
/// use untorn::wire::hex::Octets;
/// assert_eq!(format!("{:?}", Some(Octets(&[0x6F, 0x1A]))), "Some(6F1A)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Octets<'a>(pub &'a [u8]);

impl fmt::Debug for Octets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(self.0))
    }
}

fn digits(octets: &[u8], separator: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(octets.len() * (2 + separator.len()));
    for (index, octet) in octets.iter().enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        text.push(char::from(DIGITS[usize::from(octet >> 4)]));
        text.push(char::from(DIGITS[usize::from(octet & 15)]));
    }
    text
}

/// What is left after white space, colons and one `0x`.
fn separators(input: &[u8]) -> &[u8] {
    let start = input.iter().position(|&c| !c.is_ascii_whitespace() && c != b':').unwrap_or(input.len());
    let rest = &input[start..];
    rest.strip_prefix(b"0x").or_else(|| rest.strip_prefix(b"0X")).unwrap_or(rest)
}

fn octet(input: &[u8]) -> Parsed<'_, u8> {
    (digit("a hexadecimal digit"), digit("a second hexadecimal digit"))
        .map(|(high, low)| (high << 4) | low)
        .parse(input)
}

fn digit(what: &'static str) -> impl Fn(&[u8]) -> Parsed<'_, u8> {
    move |input| {
        let (rest, character) = one_octet(what)(input)?;
        match char::from(character).to_digit(16) {
            Some(digit) => Ok((rest, digit as u8)),
            None => Err(Fault::wrong(input, what)),
        }
    }
}

/// The error with the character that stood there, for a person who pasted text and not octets.
fn in_text(text: &str, fault: &Fault<'_>) -> WireError {
    let mut error = fault.at(0, text.len());
    if let Some(character) = text.get(error.offset..).and_then(|rest| rest.chars().next()) {
        error.got = format!("'{}'", character.escape_debug());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_paste() {
        assert!(parse("").unwrap().is_empty());
        assert!(parse(" \n").unwrap().is_empty());
        assert_eq!(parse("90 00").unwrap(), [0x90, 0x00]);
        assert_eq!(parse("0x90 0X00").unwrap(), [0x90, 0x00]);
        assert_eq!(parse("00:a4:04\r\n00\t").unwrap(), [0x00, 0xA4, 0x04, 0x00]);
    }

    #[test]
    fn what_is_no_hexadecimal_says_where() {
        for (text, offset, got) in [
            ("9G", 1, "'G'"),
            ("9", 1, "the end"),
            ("90 0", 4, "the end"),
            ("9 0", 1, "' '"),
            ("90é0", 2, "'é'"),
            ("0x", 2, ""),
        ] {
            match parse(text) {
                Ok(octets) => assert_eq!((octets, got), (vec![], ""), "{text:?}"),
                Err(error) => assert_eq!((error.offset, error.got.as_str()), (offset, got), "{text:?}"),
            }
        }
    }

    #[test]
    fn upper_case_out() {
        assert_eq!(encode(&[0x0A, 0xBC]), "0ABC");
        assert_eq!(spaced(&[0x0A, 0xBC]), "0A BC");
        assert_eq!(spaced(&[]), "");
    }

    proptest! {
        #[test]
        fn round_trip(octets: Vec<u8>) {
            prop_assert_eq!(&parse(&encode(&octets)).unwrap(), &octets);
            prop_assert_eq!(&parse(&spaced(&octets).to_lowercase()).unwrap(), &octets);
        }

        #[test]
        fn any_text_is_answered(text: String) {
            let _ = parse(&text);
        }
    }
}
