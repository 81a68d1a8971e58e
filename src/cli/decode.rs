//! Explains octets.

use std::io::Read;

use serde_json::json;

use super::Report;
use super::arguments::{Decode, usage};
use crate::app::AppError;
use crate::family;
use crate::wire::guess::guess;
use crate::wire::hex;
use crate::wire::pretty::listing_with;

/// Longest input that is taken from the standard input, in octets: several of the longest commands in hexadecimal.
const INPUT_MAX: usize = 1 << 20;

pub(super) fn run(decode: &Decode) -> Result<Report, AppError> {
    let text = if decode.hex == ["-"] { read_input()? } else { decode.hex.join(" ") };
    let octets = hex::parse(text.trim()).map_err(|error| usage(format!("not hexadecimal octets: {error}")))?;
    let format = decode.format.unwrap_or_else(|| guess(&octets));
    let text = listing_with(format, &octets, &family::tags());
    let lines: Vec<&str> = text.lines().collect();
    let json = json!({ "format": format.name(), "octets": hex::encode(&octets), "listing": lines });
    let detail = format!("{} octets, read as {}.", octets.len(), format.name());
    Ok(Report::done(text.clone(), "decoded", detail, json))
}

fn read_input() -> Result<String, AppError> {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(INPUT_MAX as u64 + 1).read_to_end(&mut text);
    read.map_err(|error| usage(format!("cannot read the standard input: {error}")))?;
    if text.len() > INPUT_MAX {
        return Err(usage(format!("the standard input is longer than {INPUT_MAX} octets: decode it in pieces")));
    }
    String::from_utf8(text).map_err(|error| usage(format!("the standard input is no text: {error}")))
}
