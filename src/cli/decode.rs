//! Explains octets, one string of them or a whole log.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Read};

use serde_json::{Value, json};

use super::arguments::{Decode, usage};
use super::{Report, write_out};
use crate::app::{AppError, Exit};
use crate::family;
use crate::wire::guess::{Reading, guess, readings};
use crate::wire::pretty::{Format, listing_with};
use crate::wire::recording::{Direction, Event, Recording};
use crate::wire::{hex, lines, paste};

/// Longest input that is no log, and longest line of a log, in octets: several of the longest commands in hexadecimal.
const INPUT_MAX: usize = 1 << 20;

/// Most octets that the exchanges of a log may have with `--json`, which prints one object at the end.
const JSON_MAX: usize = 16 << 20;

/// The argument, where a line of a log begins with `->` or `-->` as the mark `=>` of the same meaning: no option begins so.
pub(super) fn arrow(argument: OsString) -> OsString {
    let line = argument.to_str().and_then(|text| text.strip_prefix("-->").or_else(|| text.strip_prefix("->")));
    line.map_or_else(|| argument.clone(), |line| format!("=>{line}").into())
}

pub(super) fn run(decode: &Decode, with_json: bool) -> Result<Report, AppError> {
    match explained(decode, with_json) {
        // The reader of a long log has seen enough.
        Err(AppError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Report::silent(Exit::Done)),
        explained => explained,
    }
}

fn explained(decode: &Decode, with_json: bool) -> Result<Report, AppError> {
    if decode.hex.is_empty() && io::stdin().is_terminal() {
        return Err(usage("nothing to decode: give octets, or a log through the standard input".to_owned()));
    }
    if decode.hex.is_empty() || decode.hex == ["-"] {
        return from_input(decode.format, io::stdin().lock(), with_json);
    }
    let text = decode.hex.join(" ");
    match (paste::octets(text.trim()), decode.format) {
        (Ok(octets), format) => Ok(one(format, &octets)),
        (Err(error), None) => {
            let mut conversation = Conversation::new(with_json);
            conversation.text(&text)?;
            conversation.ended()?.ok_or_else(|| not_octets(&error))
        }
        (Err(error), Some(_)) => Err(not_octets(&error)),
    }
}

fn not_octets(error: &dyn std::fmt::Display) -> AppError {
    usage(format!("not hexadecimal octets: {error}"))
}

fn one(format: Option<Format>, octets: &[u8]) -> Report {
    let readings = readings(octets);
    let format = format.unwrap_or_else(|| guess(octets));
    let mut text = listing_with(format, octets, &family::tags());
    // A person who asked for another format does not need our guess.
    let guessed = readings.first().is_some_and(|first| first.format == format);
    if let (true, [first, second]) = (guessed, &readings[..]) {
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
    });
    let detail = format!("{} octets, read as {}.", octets.len(), format.name());
    Report::done(text.clone(), "decoded", detail, json)
}

/// Octets, or a log: which of them it is, the first line that says who speaks decides.
fn from_input(format: Option<Format>, mut input: impl BufRead, with_json: bool) -> Result<Report, AppError> {
    let mut conversation = Conversation::new(with_json);
    let mut text = String::new();
    let mut is_too_long = false;
    loop {
        let mut line = Vec::new();
        let read = (&mut input).take(INPUT_MAX as u64 + 1).read_until(b'\n', &mut line);
        if read.map_err(|error| usage(format!("cannot read the standard input: {error}")))? == 0 {
            break;
        }
        let is_log = conversation.exchanges > 0;
        let line = match String::from_utf8(line) {
            Ok(line) => line,
            Err(error) if !is_log && format.is_some() => {
                return Err(usage(format!("the standard input is no text: {error}")));
            }
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        if format.is_none() && line.len() <= INPUT_MAX {
            conversation.line(&line)?;
        }
        if conversation.exchanges > 0 {
            text = String::new();
        } else if text.len() + line.len() <= INPUT_MAX {
            text.push_str(&line);
        } else {
            is_too_long = true;
        }
        if is_too_long && format.is_some() {
            break;
        }
    }
    if let Some(report) = conversation.ended()? {
        return Ok(report);
    }
    if is_too_long {
        return Err(usage(format!("the standard input is longer than {INPUT_MAX} octets: decode it in pieces")));
    }
    if let (None, Some(events)) = (format, lines::conversation(&text)) {
        let mut conversation = Conversation::new(with_json);
        events.iter().try_for_each(|event| conversation.event(event))?;
        if let Some(report) = conversation.ended()? {
            return Ok(report);
        }
    }
    let octets = paste::octets(text.trim()).map_err(|error| not_octets(&error))?;
    Ok(one(format, &octets))
}

/// A log that is explained while it is read.
struct Conversation {
    recording: Recording,
    with_json: bool,
    exchanges: u64,
    counts: [u64; 3],
    json: Vec<Value>,
    json_octets: usize,
}

impl Conversation {
    fn new(with_json: bool) -> Self {
        Self {
            recording: Recording::default(),
            with_json,
            exchanges: 0,
            counts: [0; 3],
            json: Vec::new(),
            json_octets: 0,
        }
    }

    fn text(&mut self, text: &str) -> Result<(), AppError> {
        text.lines().try_for_each(|line| self.line(line))
    }

    fn line(&mut self, line: &str) -> Result<(), AppError> {
        let events = self.recording.line(line);
        events.into_iter().try_for_each(|event| self.event(&event))
    }

    fn event(&mut self, event: &Event) -> Result<(), AppError> {
        // An answer belongs to the command before it.
        self.exchanges += u64::from(event.direction != Direction::Response || self.exchanges == 0);
        let (which, arrow, name) = match event.direction {
            Direction::Command => (0, "->", "command"),
            Direction::Response => (1, "<-", "response"),
            Direction::Reset => (2, "<-", "reset"),
        };
        self.counts[which] += 1;
        let format = format_of(event);
        let listing = listing_with(format, &event.octets, &family::tags());
        let time = event.time.as_ref().map_or(String::new(), |time| format!("  ({time})"));
        let number = self.exchanges;
        if self.with_json {
            self.json_octets += event.octets.len();
            if self.json_octets > JSON_MAX {
                return Err(usage(format!(
                    "a log of more than {JSON_MAX} octets needs text or pieces: one object holds no more"
                )));
            }
            let lines: Vec<&str> = listing.lines().collect();
            self.json.push(json!({
                "number": number, "direction": name, "format": format.name(), "octets": hex::encode(&event.octets),
                "time": event.time, "listing": lines,
            }));
            return Ok(());
        }
        let mut lines = listing.lines();
        let mut text = format!("{number:>4} {arrow} {}{time}\n", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "     {line}");
        }
        write_out(text.as_bytes()).map_err(AppError::Output)
    }

    /// What it was, in all; `None` where no line said who speaks.
    fn ended(mut self) -> Result<Option<Report>, AppError> {
        if let Some(event) = self.recording.end() {
            self.event(&event)?;
        }
        let [commands, responses, resets] = self.counts;
        if commands + responses + resets == 0 {
            return Ok(None);
        }
        let passed_over = self.recording.passed_over;
        let detail = format!(
            "Commands: {commands}, answers: {responses}, answers to reset: {resets}; other lines, passed over: {passed_over}."
        );
        let json = json!({
            "format": "conversation", "commands": commands, "responses": responses, "resets": resets,
            "passed_over": passed_over, "exchanges": self.json,
        });
        Ok(Some(Report::new(Exit::Done, format!("{detail}\n"), "decoded", detail, json)))
    }
}

/// The direction is known: what was sent is a command, unless it has the right checksum of a frame.
fn format_of(event: &Event) -> Format {
    let guessed = guess(&event.octets);
    match (event.direction, guessed) {
        (Direction::Reset, _) => Format::Atr,
        (_, Format::Frame) | (Direction::Response, Format::Ats | Format::StatusWord) => guessed,
        (Direction::Command, _) => Format::CommandApdu,
        (Direction::Response, _) => Format::ResponseApdu,
    }
}
