//! Octets in the forms in which people paste them: hexadecimal with any separators, C and Java arrays, escaped strings, dumps.

use super::{WireError, hex};

/// The octets of `text`. Taken are hexadecimal with white space, `:`, `-`, `,`, `.`, `_` or nothing between octets; `0x` and `\x` before
/// them; arrays in braces or brackets, with casts; quotes; comments to the end of a line; offsets and texts of a dump; decimal arrays.
///
/// ```
/// use untorn::wire::paste;
/// for text in ["0x3B, 0x65", "3B-65", "3b:65", r#""\x3b\x65""#, "{0x3B,0x65};", "(byte)0x3B, (byte)0x65", "[59, 101]"] {
///     assert_eq!(paste::octets(text).unwrap(), [0x3B, 0x65], "{text}");
/// }
/// assert_eq!(paste::octets("3B 6").unwrap_err().to_string(), "at octet 4: expected a second hexadecimal digit, got the end");
/// ```
///
/// # Errors
/// The first character that cannot be one of these, as [`hex::parse`] names it.
pub fn octets(text: &str) -> Result<Vec<u8>, WireError> {
    hex::parse(text).or_else(|error| dump(text).or_else(|| tokens(text)).ok_or(error))
}

/// Rows of an offset, octets, and the octets as text.
fn dump(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for row in text.lines().filter(|row| !row.trim().is_empty()) {
        let (offset, rest) = row.trim().split_once(|character: char| character == ':' || character.is_whitespace())?;
        let is_offset = (4..=8).contains(&offset.len()) && usize::from_str_radix(offset, 16) == Ok(octets.len());
        if !is_offset {
            return None;
        }
        // Two spaces or a bar end the octets.
        let rest = rest.trim_start_matches([' ', ':']);
        let rest = rest.split('|').next().unwrap_or(rest);
        let mut row_octets = Vec::new();
        for group in rest.split("  ").take(2) {
            match hex::parse(group) {
                Ok(octets) if row_octets.len() + octets.len() <= 32 => row_octets.extend(octets),
                _ => break,
            }
        }
        octets.extend(row_octets);
    }
    (!octets.is_empty()).then_some(octets)
}

fn tokens(text: &str) -> Option<Vec<u8>> {
    let lines: Vec<&str> = text.lines().map(without_comment).collect();
    let text = lines.join("\n").replace("(byte)", " ").replace("\\x", " 0x").replace("\\X", " 0x");
    // A declaration before an array is not part of it.
    let text = match (text.find('{'), text.rfind('}')) {
        (Some(start), Some(end)) if start < end => text.get(start + 1..end)?,
        _ => text.as_str(),
    };
    let is_between = |character: char| character.is_whitespace() || "{}[]()\"',;:._|".contains(character);
    let tokens: Vec<&str> = text.split(is_between).filter(|token| !token.is_empty() && *token != "b").collect();
    if let Some(octets) = decimal(text, &tokens) {
        return Some(octets);
    }
    let mut octets = Vec::new();
    for token in tokens.iter().flat_map(|token| token.split('-')).filter(|token| !token.is_empty()) {
        octets.extend(octet_token(token)?);
    }
    (!octets.is_empty()).then_some(octets)
}

/// `0x4`, `0xA4`, `A4`, `A4h`, `00A40400`.
fn octet_token(token: &str) -> Option<Vec<u8>> {
    let token = token.strip_suffix(['h', 'H']).unwrap_or(token);
    match token.strip_prefix("0x").or_else(|| token.strip_prefix("0X")) {
        Some(digit) if digit.len() == 1 => Some(vec![u8::from_str_radix(digit, 16).ok()?]),
        Some(digits) => hex::parse(digits).ok(),
        None => hex::parse(token).ok(),
    }
}

/// Numbers of an array that can be no hexadecimal octets: one of them is negative, or has one or three digits.
fn decimal(text: &str, tokens: &[&str]) -> Option<Vec<u8>> {
    let is_one = tokens.iter().any(|token| token.starts_with('-') || token.len() != 2);
    if !text.contains(',') || !is_one || tokens.is_empty() {
        return None;
    }
    let number = |token: &&str| match token.parse::<i16>() {
        // A negative number is an octet of Java: the low octet of either.
        Ok(number @ -128..=255) => Some(number.to_be_bytes()[1]),
        _ => None,
    };
    tokens.iter().map(number).collect()
}

fn without_comment(line: &str) -> &str {
    let end = ["//", "#", "/*"].iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
    line.get(..end).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each way to write octets: before all, before each, between, behind all.
    const FORMS: &[(&str, &str, &str, &str)] = &[
        ("", "", "", ""),
        ("", "", " ", "\n"),
        ("", "", "-", ""),
        ("", "", ":", ""),
        ("", "", ".", ""),
        ("", "", ", ", ""),
        ("", "0x", ", ", ""),
        ("{", "0x", ",", "}"),
        ("uint8_t command[] = { ", "0x", ", ", " };  // SELECT 00"),
        ("new byte[] {", "(byte)0x", ", ", "};"),
        ("(byte) ", "0x", ", (byte) ", ""),
        ("\"", "\\x", "", "\""),
        ("b'", "\\x", "", "'"),
        ("[", "0x", ", ", "]"),
        ("", "", " ", " # what follows is a comment"),
    ];

    proptest! {
        #[test]
        fn octets_in_each_form(octets in prop::collection::vec(any::<u8>(), 1..40), form in 0..FORMS.len(), upper: bool, wrapped: bool) {
            let (before, each, between, after) = FORMS[form];
            let one = |octet: &u8| if upper { format!("{each}{octet:02X}") } else { format!("{each}{octet:02x}") };
            let between = if wrapped && between.contains([',', ' ']) { format!("{between}\n  ") } else { between.to_owned() };
            let text = format!("{before}{}{after}", octets.iter().map(one).collect::<Vec<_>>().join(&between));
            prop_assert_eq!(super::octets(&text).unwrap(), octets, "{}", text);
        }

        #[test]
        fn rows_of_a_dump(octets in prop::collection::vec(any::<u8>(), 1..60), xxd: bool) {
            let mut text = String::new();
            for (row, octets) in octets.chunks(16).enumerate() {
                let cells: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
                let ascii: String = octets.iter().map(|&o| if o.is_ascii_graphic() { char::from(o) } else { '.' }).collect();
                let line = if xxd {
                    let pairs: Vec<String> = cells.chunks(2).map(<[String]>::concat).collect();
                    format!("{:08x}: {:<39}  {ascii}\n", 16 * row, pairs.join(" "))
                } else {
                    format!("{:08x}  {}  |{ascii}|\n", 16 * row, cells.join(" "))
                };
                text.push_str(&line);
            }
            prop_assert_eq!(super::octets(&text).unwrap(), octets, "{}", text);
        }

        #[test]
        fn any_text_is_answered(text: String) {
            let _ = super::octets(&text);
        }
    }

    #[test]
    fn numbers_of_an_array() {
        assert_eq!(octets("[0, -92, 4, 0, 255]").unwrap(), [0x00, 0xA4, 0x04, 0x00, 0xFF]);
        assert_eq!(octets("{0x0, 0xA4}").unwrap(), [0x00, 0xA4]);
        assert!(octets("SELECT").is_err() && octets("xyz").is_err());
    }
}
