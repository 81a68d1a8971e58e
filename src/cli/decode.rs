//! Explains octets.

use std::io::Read;

use serde_json::json;

use super::Report;
use super::arguments::{Decode, usage};
use crate::app::AppError;
use crate::family::purse::data::TAGS;
use crate::wire::hex;
use crate::wire::pretty::{guess, listing_with};

/// Longest input that is read from the standard input: twice the longest command in hexadecimal, with room for spaces.
const INPUT_MAX: u64 = 1 << 20;

pub(super) fn run(decode: &Decode) -> Result<Report, AppError> {
    let text = if decode.hex == ["-"] { read_input()? } else { decode.hex.join(" ") };
    let octets = hex::parse(text.trim()).map_err(|error| usage(format!("not hexadecimal octets: {error}")))?;
    let format = decode.format.unwrap_or_else(|| guess(&octets));
    let text = listing_with(format, &octets, &[TAGS]);
    let lines: Vec<&str> = text.lines().collect();
    let json = json!({
        "result": "decoded", "format": format.name(), "octets": hex::encode(&octets), "listing": lines, "exit": 0
    });
    Ok(Report::done(text.clone(), json))
}

fn read_input() -> Result<String, AppError> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(INPUT_MAX).read_to_string(&mut text);
    read.map_err(|error| usage(format!("cannot read the standard input: {error}")))?;
    Ok(text)
}
