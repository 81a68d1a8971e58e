//! A case's log for people: what octets mean is said by the decoder, never typed.

use crate::conformance::evidence::{Line, Seen};
use crate::conformance::result::CaseResult;
use crate::family;
use crate::wire::apdu::{Command, Response};
use crate::wire::hex;
use crate::wire::instruction;
use crate::wire::pretty::{Format, listing_with};

/// What a line is called.
pub const fn kind(seen: &Seen) -> &'static str {
    match seen {
        Seen::AnswerToReset { .. } => "reset",
        Seen::Command { .. } => "command",
        Seen::Response { .. } => "answer",
        Seen::NoAnswer { .. } => "silence",
        Seen::Torn { .. } => "tear",
        Seen::Written { .. } => "memory",
        Seen::PowerOff => "power off",
        Seen::Note { .. } => "note",
        Seen::Key { .. } => "key",
        Seen::Check { held: true, .. } => "holds",
        Seen::Check { held: false, .. } => "broken",
        Seen::Verdict { .. } => "verdict",
    }
}

/// What it says, in hexadecimal where it is octets.
pub fn content(seen: &Seen) -> String {
    match seen {
        Seen::AnswerToReset { octets } | Seen::Command { octets, .. } | Seen::Response { octets } => octets.clone(),
        Seen::NoAnswer { detail, .. } => detail.clone(),
        Seen::Torn { how } => how.clone(),
        Seen::Written { writes } => {
            let writes: Vec<String> = writes.iter().map(|(at, len)| format!("{len} octets at {at}")).collect();
            writes.join(", ")
        }
        Seen::PowerOff => String::new(),
        Seen::Note { text } => text.clone(),
        Seen::Key { of, secret } => {
            let of: String = of.chars().take(16).collect();
            format!("Z1 of the AUTH with Et {of}...: {secret}")
        }
        Seen::Check { what, .. } => what.clone(),
        Seen::Verdict { verdict, reason, .. } => match reason {
            Some(reason) => format!("{verdict}: {reason}"),
            None => verdict.to_string(),
        },
    }
}

/// What its octets mean, on one line; `None` where there is nothing to explain.
///
/// ```
/// use untorn::conformance::evidence::Seen;
/// use untorn::report::suite_log::meaning;
/// let seen = Seen::Response { octets: "01026A82".to_owned() };
/// assert_eq!(meaning(&seen).unwrap(), "6A82 file or application not found, 2 octets of data");
/// ```
pub fn meaning(seen: &Seen) -> Option<String> {
    match seen {
        Seen::Command { octets, masked } => {
            let octets = hex::parse(octets).ok()?;
            let (cla, ins) = (*octets.first()?, *octets.get(1)?);
            let name = instruction::name(cla, ins).map_or_else(|| format!("INS {ins:02X}"), str::to_owned);
            let data_len = Command::parse(&octets).map_or(0, |command| command.data.len());
            let masked = if *masked { ", PIN masked" } else { "" };
            Some(format!("{name}{}{masked}", with_data(data_len)))
        }
        Seen::Response { octets } => {
            let octets = hex::parse(octets).ok()?;
            let response = Response::parse(&octets).ok()?;
            Some(format!("{}{}", response.status, with_data(response.data.len())))
        }
        _ => None,
    }
}

fn with_data(len: usize) -> String {
    match len {
        0 => String::new(),
        1 => ", 1 octet of data".to_owned(),
        len => format!(", {len} octets of data"),
    }
}

/// The octets explained one by one; `None` where the line has none.
pub fn listing(seen: &Seen) -> Option<String> {
    let (format, octets) = match seen {
        Seen::AnswerToReset { octets } => (Format::Atr, octets),
        Seen::Command { octets, .. } => (Format::CommandApdu, octets),
        Seen::Response { octets } => (Format::ResponseApdu, octets),
        _ => return None,
    };
    Some(listing_with(format, &hex::parse(octets).ok()?, &family::tags()))
}

/// Lines shown of a long log: its head, its end, and what is around the line on which the verdict rests.
const HEAD_LINES: u32 = 100;
const TAIL_LINES: u32 = 100;
const AROUND_LINES: u32 = 30;

/// The lines of a log worth showing; the numbers of those left out can be seen from those that are there.
pub fn shown(result: &CaseResult) -> impl Iterator<Item = &Line> {
    let last = result.evidence.last().map_or(0, |line| line.number);
    let rests_on = result.rests_on();
    result.evidence.iter().filter(move |line| {
        line.number <= HEAD_LINES
            || line.number.saturating_add(TAIL_LINES) > last
            || rests_on.is_some_and(|rests_on| rests_on.abs_diff(line.number) <= AROUND_LINES)
    })
}

/// The log as text, an arrow before the line on which the verdict rests.
pub fn text(result: &CaseResult) -> String {
    shown(result).map(|line| self::line(result, line)).collect()
}

/// One line of it, with its end.
pub fn line(result: &CaseResult, line: &Line) -> String {
    let arrow = if result.rests_on() == Some(line.number) { ">" } else { " " };
    let meaning = meaning(&line.what).map_or(String::new(), |meaning| format!("  ({meaning})"));
    let content = one_line(&content(&line.what));
    format!("{arrow}{:>4} {:<9} {content}{meaning}\n", line.number, kind(&line.what))
}

/// On one line: what breaks a line or is no printable character becomes a space.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

/// `0.412 s`, `12.5 ms`, `80 µs`; empty for 0, which is what a run without a clock has.
pub fn duration(micros: u64) -> String {
    match micros {
        0 => String::new(),
        1..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        _ => format!("{}.{:03} s", micros / 1_000_000, micros / 1000 % 1000),
    }
}
