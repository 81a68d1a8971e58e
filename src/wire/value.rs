//! What the value of a data object says, where a public table gives it a meaning: lists as lists, bits and digits in words.
//!
//! A meaning is shown beside the octets, never instead of them.

use super::context::{self, Context, Names};
use super::field::{Field, Parts};
use super::tlv::Tag;
use super::{capabilities, dol, emv_bits, hex};

/// What a value says: in words, line by line, or as fields inside it.
#[derive(Debug, Default)]
pub(crate) struct Said {
    meaning: String,
    notes: Vec<String>,
    fields: Vec<Field>,
}

impl Said {
    /// The field, whose value stands behind `head` octets, with what its value says.
    pub(crate) fn of(self, field: Field, head: usize) -> Field {
        let meaning = if self.meaning.is_empty() { field.meaning.clone() } else { self.meaning };
        Field { head, meaning, notes: self.notes, fields: self.fields, ..field }
    }

    fn words(meaning: String) -> Self {
        Self { meaning, ..Self::default() }
    }

    fn notes(notes: Vec<String>) -> Self {
        Self { notes, ..Self::default() }
    }

    fn fields(fields: Vec<Field>) -> Self {
        Self { fields, ..Self::default() }
    }
}

/// What `value`, of the object `tag` in this context, says; its first octet stands at `offset`. Nothing is said of a value that is no plain
/// one of its kind, but its text where it is text.
pub(crate) fn said(names: Names<'_>, context: Context, tag: Tag, offset: usize, value: &[u8]) -> Said {
    if is_object_list(context, tag, value) {
        return Said::fields(dol::fields(names, value, offset));
    }
    let said = match (tag.0, value) {
        (0x8A, [octet]) if matches!(context, Context::FileControl | Context::Environment) => {
            Said::words(capabilities::life_cycle(*octet).to_owned())
        }
        _ if context::words(context, tag, value).is_some() => {
            Said::words(context::words(context, tag, value).unwrap_or_default())
        }
        _ if context.decides(tag) => Said::default(),
        _ => known(context, tag, offset, value),
    };
    let is_silent = said.meaning.is_empty() && said.notes.is_empty() && said.fields.is_empty();
    match printable(value).filter(|_| is_silent) {
        Some(text) => Said::words(format!("\"{text}\"")),
        None => said,
    }
}

/// The text of octets that are printable ASCII throughout; two or three octets are rarely meant as text.
pub(crate) fn printable(octets: &[u8]) -> Option<&str> {
    let is_text = octets.len() > 3 && octets.iter().all(|octet| (0x20..0x7F).contains(octet));
    if is_text { str::from_utf8(octets).ok() } else { None }
}

fn known(context: Context, tag: Tag, offset: usize, value: &[u8]) -> Said {
    match (tag.0, value) {
        (0x94, [_, ..]) if value.len().is_multiple_of(4) => Said::fields(locator(offset, value)),
        (0x8E, [_, _, _, _, _, _, _, _, rules @ ..]) if rules.len().is_multiple_of(2) => {
            Said::fields(cvm_list(offset, value))
        }
        (0x43, [octet]) => Said::notes(capabilities::service_data(*octet)),
        (0x47, [_, ..]) => Said::fields(capabilities::card_capabilities(value, offset)),
        (0x80, [_, _, rest @ ..]) if context == Context::Top && is_format_1(rest) => {
            let (profile, rest) = value.split_at(2);
            let bits = emv_bits::fields(Tag(0x82), offset, profile).unwrap_or_default();
            let profile = Field::new(offset, profile, "Application Interchange Profile (AIP)", "").of(bits);
            let locator =
                Field::new(offset + 2, rest, "Application File Locator (AFL)", "").of(locator(offset + 2, rest));
            Said::fields(vec![profile, locator])
        }
        (0x9F4D, [file, records]) => {
            Said::words(format!("log in the file with short identifier {file}, {records} records"))
        }
        _ => match emv_bits::fields(tag, offset, value) {
            Some(fields) => Said::fields(fields),
            None => Said::words(words(tag, value).unwrap_or_default()),
        },
    }
}

/// Whether an element is itself a list of tags and lengths, in every kernel: CDOL1, CDOL2, PDOL, DDOL, Log Format (EMV 4.4 Book 3, 5.4).
pub(crate) const fn is_list(tag: Tag) -> bool {
    matches!(tag.0, 0x8C | 0x8D | 0x9F38 | 0x9F49 | 0x9F4F)
}

/// Tags whose value is a list of tags and lengths (EMV 4.4 Book 3, 5.4; kernels 2 and 3).
fn is_object_list(context: Context, tag: Tag, value: &[u8]) -> bool {
    let is_kind = match tag.0 {
        // In file control information, secure messaging and their like these have other meanings.
        0x8C | 0x8D | 0x97 => !context.decides(tag),
        0x9F38 | 0x9F49 | 0x9F4F | 0x9F51 | 0x9F5B | 0x9F69 | 0x5D | 0xDF_811A => true,
        _ => false,
    };
    is_kind && !value.is_empty() && dol::iter(value).all(|entry| entry.is_ok())
}

/// An AIP and an AFL without tags, in an answer to GET PROCESSING OPTIONS (EMV 4.4 Book 3, 6.5.8.4).
fn is_format_1(locator: &[u8]) -> bool {
    !locator.is_empty() && locator.len().is_multiple_of(4) && locator.chunks(4).all(is_locator_entry)
}

fn is_locator_entry(entry: &[u8]) -> bool {
    matches!(entry, [file, first, last, signed] if file.trailing_zeros() >= 3 && (1..=30).contains(&(file >> 3)) && *first > 0 && first <= last && *signed <= last - first + 1)
}

/// EMV 4.4 Book 3, 10.2.
fn locator(offset: usize, value: &[u8]) -> Vec<Field> {
    let entry = |(index, entry): (usize, &[u8])| {
        let &[file, first, last, signed] = entry else { return Field::new(offset + 4 * index, entry, "no entry", "") };
        let plain = if is_locator_entry(entry) { "" } else { "; no such entry is allowed" };
        let text =
            format!("short file identifier {}, records {first} to {last}, {signed} of them signed{plain}", file >> 3);
        Field::new(offset + 4 * index, entry, "entry", text)
    };
    value.chunks(4).enumerate().map(entry).collect()
}

/// EMV 4.4 Book 3, 10.5 and annex C3.
fn cvm_list(offset: usize, value: &[u8]) -> Vec<Field> {
    let mut parts = Parts::new(value, offset);
    let amount = |octets: &[u8]| octets.iter().fold(0_u32, |sum, octet| sum << 8 | u32::from(*octet)).to_string();
    parts.leaf(4, "amount X", amount).leaf(4, "amount Y", amount);
    while parts.left() > 0 {
        parts.leaf(2, "rule", |rule| {
            let (method, condition) = (rule[0], rule[1]);
            let then = if method & 0x40 != 0 { "else the next rule" } else { "else it fails" };
            format!("{}, {}; {then}", cvm(method), cvm_condition(condition))
        });
    }
    parts.done()
}

pub(crate) const fn cvm(method: u8) -> &'static str {
    match method & 0x3F {
        0x00 => "fail",
        0x01 => "plain PIN checked by the card",
        0x02 => "enciphered PIN checked online",
        0x03 => "plain PIN checked by the card, and signature",
        0x04 => "enciphered PIN checked by the card",
        0x05 => "enciphered PIN checked by the card, and signature",
        0x06 => "facial biometric checked by the card",
        0x08 => "finger biometric checked by the card",
        0x1E => "signature",
        0x1F => "no verification required",
        0x20..=0x2F => "a method of the payment system",
        0x30..=0x3E => "a method of the issuer",
        _ => "a method that is reserved or not available",
    }
}

pub(crate) const fn cvm_condition(condition: u8) -> &'static str {
    match condition {
        0x00 => "always",
        0x01 => "if unattended cash",
        0x02 => "if neither unattended cash, manual cash nor cashback",
        0x03 => "if the terminal supports it",
        0x04 => "if manual cash",
        0x05 => "if cashback",
        0x06 => "if under amount X",
        0x07 => "if over amount X",
        0x08 => "if under amount Y",
        0x09 => "if over amount Y",
        0x80..=0xFF => "a condition of the payment system",
        _ => "a condition that is reserved",
    }
}

/// Dates, amounts, numbers in words (EMV 4.4 Book 3, Annex A).
fn words(tag: Tag, value: &[u8]) -> Option<String> {
    match (tag.0, value) {
        (0x5F24 | 0x5F25 | 0x9A, &[year, month, day]) if is_date(year, month, day) => {
            Some(format!("year {year:02X}, month {month:02X}, day {day:02X}"))
        }
        (0x9F21, &[hour, minute, second]) if hour <= 0x23 && minute <= 0x59 && second <= 0x59 && is_digits(value) => {
            Some(format!("{hour:02X}:{minute:02X}:{second:02X}"))
        }
        (0x9F02 | 0x9F03, [_, _, _, _, _, _]) if is_digits(value) => {
            let digits = hex::encode(value);
            let digits = digits.trim_start_matches('0');
            Some(format!("{} in the currency's smallest unit", if digits.is_empty() { "0" } else { digits }))
        }
        (0x9F36 | 0x9F13, &[high, low]) => Some(format!("{}", u16::from_be_bytes([high, low]))),
        (0x9F17, [tries]) => Some(format!("tries left: {tries}")),
        (0x9C, [kind]) => transaction_type(*kind).map(str::to_owned),
        (0x87, [priority]) if priority & 0x70 == 0 => {
            let confirm = if priority & 0x80 != 0 { ", only when the cardholder confirms" } else { "" };
            Some(match priority & 15 {
                0 => format!("no priority{confirm}"),
                number => format!("priority {number}{confirm}"),
            })
        }
        (0x5F2D, languages) if languages.len().is_multiple_of(2) && languages.len() <= 8 && !languages.is_empty() => {
            let text: Vec<&str> = languages.chunks(2).filter_map(|pair| str::from_utf8(pair).ok()).collect();
            let is_code = |code: &&str| code.chars().all(|letter| letter.is_ascii_alphabetic());
            (text.iter().all(is_code) && text.len() * 2 == languages.len()).then(|| text.join(", "))
        }
        (0x9F27, [information]) => Some(cryptogram(*information).to_owned()),
        (0x9F34, &[method, condition, result]) => {
            let result = match result {
                0 => "not known",
                1 => "failed",
                2 => "successful",
                _ => "reserved",
            };
            Some(format!("{}, {}: {result}", cvm(method), cvm_condition(condition)))
        }
        _ => None,
    }
}

fn is_digits(octets: &[u8]) -> bool {
    octets.iter().all(|octet| octet >> 4 < 10 && octet & 15 < 10)
}

fn is_date(year: u8, month: u8, day: u8) -> bool {
    is_digits(&[year, month, day]) && (1..=0x12).contains(&month) && (1..=0x31).contains(&day)
}

/// EMV 4.4 Book 3, Annex A, with ISO 8583:1987's codes.
const fn transaction_type(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0x00 => "purchase",
        0x01 => "cash",
        0x09 => "purchase with cashback",
        0x17 => "manual cash",
        0x20 => "refund",
        0x30 | 0x31 => "balance inquiry",
        _ => return None,
    })
}

/// EMV 4.4 Book 3, 6.5.5.4.
const fn cryptogram(information: u8) -> &'static str {
    match information >> 6 {
        0 => "AAC: declined",
        1 => "TC: approved",
        2 => "ARQC: goes online",
        _ => "reserved",
    }
}

/// Whether `length` octets are plausible for this element when a list asks for it.
pub(crate) fn fits(tag: Tag, length: u8) -> Option<bool> {
    let allowed: &[u8] = match tag.0 {
        0x9F01..=0x9F03 => &[6],
        0x81 | 0x9F04 | 0x9F37 | 0x9F1B | 0x9F6A | 0x9F18 | 0x9F3A => &[4],
        0x9F1A | 0x5F2A | 0x5F28 | 0x9F36 | 0x9F09 | 0x9F15 | 0x9B | 0x82 | 0x8A | 0x9F45 | 0x9F42 | 0x9F3C
        | 0x9F08 | 0x9F07 | 0x9F6C | 0x9F4D | 0x5F30 | 0x9F13 => &[2],
        0x95 | 0x9F40 | 0x9F0D | 0x9F0E | 0x9F0F => &[5],
        0x9A | 0x9F21 | 0x9F33 | 0x9F34 | 0x5F24 | 0x5F25 => &[3],
        0x9C | 0x9F35 | 0x9F39 | 0x9F27 | 0x5F36 | 0x5F34 | 0x5F57 | 0x9F53 | 0x9F44 | 0x9F22 | 0x9F17 => &[1],
        0x9F26 | 0x9F1E | 0x9F1C => &[8],
        0x98 | 0x9F7C => &[20],
        0x9F16 => &[15],
        0x9F66 => &[2, 4],
        0x9F41 => &[2, 3, 4],
        0x91 => &[8, 9, 10, 11, 12, 13, 14, 15, 16],
        0x9F4C => &[2, 3, 4, 5, 6, 7, 8],
        0x9F1D => &[1, 2, 3, 4, 5, 6, 7, 8],
        0x9F06 | 0x84 | 0x4F => &[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        _ => return None,
    };
    Some(allowed.contains(&length))
}
