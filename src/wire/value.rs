//! What the value of a data object says, where a public table gives it a meaning: lists as lists, bits and digits in words.
//!
//! A meaning is shown beside the octets, never instead of them.

use super::pretty::Listing;
use super::tlv::Tag;
use super::{capabilities, dol, emv_bits, hex, status};

/// Lists what `value`, of the object `tag` inside `template`, says. Nothing is listed of a value that is no plain one of its kind.
pub(crate) fn list(listing: &mut Listing<'_>, template: Option<Tag>, tag: Tag, offset: usize, value: &[u8]) {
    if is_object_list(template, tag, value) {
        return dol::list(listing, offset, value);
    }
    match (tag.0, value) {
        (0x94, [_, ..]) if value.len().is_multiple_of(4) => list_locator(listing, offset, value),
        (0x8E, [_, _, _, _, _, _, _, _, rules @ ..]) if rules.len().is_multiple_of(2) => {
            list_cvm(listing, offset, value);
        }
        (0x43, [octet]) => capabilities::list_service_data(listing, offset, *octet),
        (0x47, [_, ..]) => capabilities::list_capabilities(listing, offset, value),
        (0x80, [a, b, locator @ ..]) if template.is_none() && is_format_1(locator) => {
            listing.line(offset, &format!("Application Interchange Profile (AIP): {a:02X} {b:02X}"));
            listing.nested(|listing| {
                emv_bits::list(listing, Tag(0x82), offset, &[*a, *b]);
            });
            listing.line(offset + 2, &format!("Application File Locator (AFL), {}", super::count(locator.len())));
            listing.nested(|listing| list_locator(listing, offset + 2, locator));
        }
        (0x9F4D, [file, records]) => {
            listing.line(offset, &format!("log in the file with short identifier {file}, {records} records"));
        }
        _ if template.is_none_or(|template| !is_file_control(template)) => {
            if !emv_bits::list(listing, tag, offset, value)
                && let Some(words) = words(tag, value)
            {
                listing.line(offset, &words);
            }
        }
        (0x8A, [octet]) => listing.line(offset, capabilities::life_cycle(*octet)),
        _ => {}
    }
}

const fn is_file_control(template: Tag) -> bool {
    matches!(template.0, 0x62 | 0x64)
}

/// Whether an element is itself a list of tags and lengths, in every kernel: CDOL1, CDOL2, PDOL, DDOL, Log Format (EMV 4.4 Book 3, 5.4).
pub(crate) const fn is_list(tag: Tag) -> bool {
    matches!(tag.0, 0x8C | 0x8D | 0x9F38 | 0x9F49 | 0x9F4F)
}

/// Tags whose value is a list of tags and lengths (EMV 4.4 Book 3, 5.4; kernels 2 and 3).
fn is_object_list(template: Option<Tag>, tag: Tag, value: &[u8]) -> bool {
    let is_kind = match tag.0 {
        // Inside file control information and secure messaging these have other meanings.
        0x8C | 0x8D | 0x97 => !template.is_some_and(|template| matches!(template.0, 0x62 | 0x64 | 0x6F | 0x7D)),
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
fn list_locator(listing: &mut Listing<'_>, offset: usize, value: &[u8]) {
    for (index, entry) in value.chunks(4).enumerate() {
        let &[file, first, last, signed] = entry else { return };
        let plain = if is_locator_entry(entry) { "" } else { "; no such entry is allowed" };
        let text =
            format!("short file identifier {}, records {first} to {last}, {signed} of them signed{plain}", file >> 3);
        listing.line(offset + 4 * index, &text);
    }
}

/// EMV 4.4 Book 3, 10.5 and annex C3.
fn list_cvm(listing: &mut Listing<'_>, offset: usize, value: &[u8]) {
    let (Some((x, rest)), true) = (value.split_first_chunk::<4>(), value.len() >= 8) else { return };
    let Some((y, rules)) = rest.split_first_chunk::<4>() else { return };
    listing.line(offset, &format!("amount X {}, amount Y {}", u32::from_be_bytes(*x), u32::from_be_bytes(*y)));
    for (index, rule) in rules.chunks(2).enumerate() {
        let &[method, condition] = rule else { return };
        let then = if method & 0x40 != 0 { "else the next rule" } else { "else it fails" };
        let text = format!("{method:02X} {condition:02X}: {}, {}; {then}", cvm(method), cvm_condition(condition));
        listing.line(offset + 8 + 2 * index, &text);
    }
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
        (0x99, &[sw1, sw2]) => Some(status::StatusWord::from_bytes([sw1, sw2]).meaning()),
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
