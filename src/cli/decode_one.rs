//! Explains one string of octets, in the ways in which it can be read.

use std::fmt::Write as _;

use serde_json::json;

use super::Report;
use crate::family::conversation::Conversation;
use crate::wire::explain::{Explanation, explain};
use crate::wire::guess::{Reading, guess, readings};
use crate::wire::hex;
use crate::wire::pretty::Format;

/// The octets as `format`, or as what they look like.
pub(super) fn report(asked: Option<Format>, octets: &[u8]) -> Report {
    let readings = readings(octets);
    let format = asked.unwrap_or_else(|| guess(octets));
    // A command is explained by a family only where it is surely one of its own: by more than its instruction.
    let of_family = of_family(format, octets).filter(|_| asked.is_none());
    // A person who asked for another format does not need our guess.
    let guessed = readings.first().is_some_and(|first| first.format == format);
    let explanation = of_family.unwrap_or_else(|| explain(format, octets, &[]));
    let mut text = explanation.listing();
    if let Some(name) = explanation.family {
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
        "explanation": explanation,
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
