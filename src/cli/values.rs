//! What the options take, told in our words where it is something else.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::quoted::quoted;

/// A type of whole numbers that begin at 0.
pub(super) trait Number: FromStr {
    const LARGEST: u64;
}

impl Number for u32 {
    const LARGEST: u64 = u32::MAX as u64;
}

impl Number for u64 {
    const LARGEST: u64 = u64::MAX;
}

pub(super) fn number<T: Number>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("expected a number from 0 to {}, got {}", T::LARGEST, quoted(text)))
}

/// vpcd listens at IPv4 addresses only, and `localhost` is also one of IPv6.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("expected an address and a port, such as 127.0.0.1:35963, got {}", quoted(text));
    let found: Vec<SocketAddr> = text.to_socket_addrs().map_err(|_| wrong())?.collect();
    found.iter().find(|address| address.is_ipv4()).or_else(|| found.first()).copied().ok_or_else(wrong)
}

/// Which of how many parts of a run.
pub(super) fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    let wrong = |expected: &str| format!("expected {expected}, got {}", quoted(text));
    match parts {
        Some((part, of)) if (1..=of).contains(&part) => Ok((part, of)),
        Some((_, of)) if of > 0 => Err(wrong(&format!("a part from 1/{of} to {of}/{of}"))),
        _ => Err(wrong("I/N, such as 2/4: the second of four parts")),
    }
}
