//! A case's log for people: what octets mean is said by the decoder, never typed.

use std::collections::BTreeMap;

use crate::conformance::evidence::{Line, Seen};
use crate::conformance::result::{CaseResult, Standing};
use crate::counted::counted;
use crate::family::conversation::{Conversation, Passed};
use crate::wire::apdu::Command;
use crate::wire::explain::Explanation;
use crate::wire::hex;
use crate::wire::pretty::{Format, listing};

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
            let writes: Vec<String> =
                writes.iter().map(|(at, len)| format!("{} at {at}", counted(*len, "octet"))).collect();
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

/// What the octets of a log mean, each answer in the light of its command. What was enciphered is shown where the log holds its keys.
#[derive(Debug, Clone, Default)]
pub struct Meanings(BTreeMap<u32, Explanation>);

impl Meanings {
    /// Of a whole log. What passed is not read octet by octet, and there is much of it: nothing is deciphered there that costs time.
    ///
    /// ```
    /// use untorn::conformance::evidence::{Line, Seen};
    /// use untorn::report::suite::log::Meanings;
    /// let line = Line { number: 1, micros: 0, what: Seen::Response { octets: "01026A82".to_owned() } };
    /// let meanings = Meanings::of_lines(std::slice::from_ref(&line), true);
    /// assert_eq!(meanings.of(&line).unwrap(), "6A82 file or application not found, 2 octets of data");
    /// ```
    pub fn of_lines(lines: &[Line], with_keys: bool) -> Self {
        let octets = |text: &str| hex::parse(text).unwrap_or_default();
        let mut conversation = Conversation::default();
        let mut explained = BTreeMap::new();
        for line in lines {
            let next = match &line.what {
                Seen::AnswerToReset { .. } => conversation.next(Passed::Reset),
                Seen::PowerOff => conversation.next(Passed::PowerOff),
                Seen::Command { octets: text, masked } => {
                    conversation.next(Passed::Command { octets: &octets(text), masked: *masked })
                }
                Seen::Response { octets: text } => conversation.next(Passed::Answer(&octets(text))),
                Seen::NoAnswer { .. } => conversation.next(Passed::Silence),
                Seen::Key { of, secret } if with_keys => {
                    conversation.next(Passed::Key { of: &octets(of), secret: &octets(secret) })
                }
                _ => conversation.next(Passed::Other),
            };
            // A log may begin anywhere; the conversation counts from 0.
            let number = |index: usize| lines.get(index).map_or(0, |line| line.number);
            explained.extend(next.into_iter().map(|(index, explanation)| (number(index), explanation)));
        }
        Self(explained)
    }

    /// Of a case's log.
    pub fn of_case(result: &CaseResult) -> Self {
        Self::of_lines(&result.evidence, result.standing() != Standing::Passed)
    }

    /// What a line means, on one line; `None` where there is nothing to explain.
    pub fn of(&self, line: &Line) -> Option<String> {
        let explanation = self.0.get(&line.number)?;
        let masked = matches!(line.what, Seen::Command { masked: true, .. });
        let masked = if masked { ", PIN masked" } else { "" };
        Some(format!("{}{}{masked}", explanation.summary, with_data(data_len(&line.what))))
    }

    /// What a line means, field by field.
    pub fn explanation(&self, line: &Line) -> Option<&Explanation> {
        self.0.get(&line.number)
    }

    /// The octets of a line explained one by one; `None` where the line has none.
    pub fn listing(&self, line: &Line) -> Option<String> {
        match &line.what {
            Seen::AnswerToReset { octets } => Some(listing(Format::Atr, &hex::parse(octets).ok()?)),
            _ => self.0.get(&line.number).map(Explanation::listing),
        }
    }
}

fn data_len(seen: &Seen) -> usize {
    match seen {
        Seen::Command { octets, .. } => {
            hex::parse(octets).map_or(0, |octets| Command::parse(&octets).map_or(0, |command| command.data.len()))
        }
        Seen::Response { octets } => (octets.len() / 2).saturating_sub(2),
        _ => 0,
    }
}

fn with_data(len: usize) -> String {
    if len == 0 { String::new() } else { format!(", {} of data", counted(len, "octet")) }
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
    let meanings = Meanings::of_case(result);
    shown(result).map(|line| self::line(result, line, &meanings)).collect()
}

/// The same with all its lines.
pub fn whole_text(result: &CaseResult) -> String {
    let meanings = Meanings::of_case(result);
    result.evidence.iter().map(|line| self::line(result, line, &meanings)).collect()
}

/// One line of it, with its end.
fn line(result: &CaseResult, line: &Line, meanings: &Meanings) -> String {
    let arrow = if result.rests_on() == Some(line.number) { ">" } else { " " };
    let meaning = meanings.of(line).map_or(String::new(), |meaning| format!("  ({meaning})"));
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
