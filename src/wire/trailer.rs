//! What stands behind the end of a format: a checksum that a sniffer left there, a status word, filling.

use super::status::{Kind, StatusWord};
use super::{count, crc};

/// What `rest`, behind the end of `body`, is; empty where it is nothing that is known. `check` is the exclusive-or that a lone octet there may
/// be.
pub(crate) fn words(body: &[u8], rest: &[u8], check: Option<u8>) -> String {
    meaning(body, rest, check).unwrap_or_default()
}

fn meaning(body: &[u8], rest: &[u8], check: Option<u8>) -> Option<String> {
    match rest {
        [0x00, ..] if rest.iter().all(|&octet| octet == 0) => Some(format!("filling of 00, {}", count(rest.len()))),
        [0xFF, ..] if rest.iter().all(|&octet| octet == 0xFF) => Some(format!("filling of FF, {}", count(rest.len()))),
        [octet] if check == Some(*octet) => {
            Some(format!("{octet:02X}: the exclusive-or of the octets before it, as a TCK is"))
        }
        [low, high] => Some(two(body, [*low, *high])),
        [low, high, more @ ..] if crc::name(body, [*low, *high]).is_some() => Some(format!(
            "{}, then {}",
            two(body, [*low, *high]),
            meaning(&[], more, None).unwrap_or_else(|| count(more.len()))
        )),
        [more @ .., sw1, sw2] if is_likely(StatusWord::from_bytes([*sw1, *sw2])) => {
            let status = StatusWord::from_bytes([*sw1, *sw2]);
            Some(match meaning(body, more, check) {
                Some(before) => format!("{before}, then status word {status}"),
                None => format!("{}, then status word {status}", count(more.len())),
            })
        }
        _ => None,
    }
}

fn two(body: &[u8], octets: [u8; 2]) -> String {
    let status = StatusWord::from_bytes(octets);
    match crc::name(body, octets) {
        Some(name) => format!("{name} of the octets before it: right"),
        None if is_likely(status) => format!("status word {status}"),
        None => {
            let [a, b] = crc::a(body).to_le_bytes();
            format!("no CRC of the octets before it: CRC_A would be {a:02X} {b:02X}")
        }
    }
}

fn is_likely(status: StatusWord) -> bool {
    matches!(status.kind(), Kind::Success | Kind::BytesAvailable(_)) || status.has_name()
}
