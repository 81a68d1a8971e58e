//! Explains one string of octets, in the ways in which it can be read.

use std::fmt::Write as _;

use serde_json::json;

use super::Report;
use crate::family;
use crate::family::conversation::Conversation;
use crate::wire::explain::{self, Explanation, Told};
use crate::wire::guess::{Reading, guess, readings};
use crate::wire::hex;
use crate::wire::pretty::{Format, listing_with};

/// The octets as `format`, or as what they look like.
pub(super) fn report(asked: Option<Format>, octets: &[u8]) -> Report {
    let readings = readings(octets);
    let format = asked.unwrap_or_else(|| guess(octets));
    // A command is explained by a family only where it is surely one of its own: by more than its instruction.
    let of_family = of_family(format, octets).filter(|_| asked.is_none());
    // A person who asked for another format does not need our guess.
    let guessed = readings.first().is_some_and(|first| first.format == format);
    let mut text = match &of_family {
        Some(explanation) => explanation.listing(),
        None => listing_with(format, octets, &family::tags()),
    };
    if let Some(name) = of_family.as_ref().and_then(|explanation| explanation.family) {
        let _ = writeln!(
            text,
            "Read so because: its contents are those of the family {name}. As any card may read it: --as {format}."
        );
    } else if let (true, [first, second]) = (guessed, &readings[..]) {
        let _ = writeln!(
            text,
            "Read so because: {}. It may be a {} too ({}): --as {}.",
            first.why,
            second.format.title(),
            second.why,
            second.format
        );
    }
    let lines: Vec<&str> = text.lines().collect();
    let reading =
        |reading: &Reading| json!({ "format": reading.format.name(), "sure": reading.sure, "why": reading.why });
    let json = json!({
        "format": format.name(),
        "octets": hex::encode(octets),
        "listing": lines,
        "readings": readings.iter().map(reading).collect::<Vec<_>>(),
        "explanation": of_family.or_else(|| of_any_card(format, octets)),
    });
    let detail = format!("{} octets, read as {}.", octets.len(), format.name());
    Report::done(text.clone(), "decoded", detail, json)
}

fn of_family(format: Format, octets: &[u8]) -> Option<Explanation> {
    match format {
        Format::CommandApdu => Conversation::command_alone(octets),
        Format::ResponseApdu => Conversation::answer_alone(octets),
        _ => None,
    }
}

fn of_any_card(format: Format, octets: &[u8]) -> Option<Explanation> {
    match format {
        Format::CommandApdu => Some(explain::command(octets, false, Told::default(), &family::tags())),
        Format::ResponseApdu | Format::StatusWord => Some(explain::response(octets, Told::default(), &family::tags())),
        _ => None,
    }
}
