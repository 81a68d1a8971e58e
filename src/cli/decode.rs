//! Explains octets, one string of them or a whole log.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{Decode, usage};
use super::{Report, decode_one, write_out};
use crate::app::{AppError, Exit, read_text};
use crate::family::{self, conversation::Passed};
use crate::quoted::quoted;
use crate::wire::explain::{self, Explanation};
use crate::wire::frame::{Sender, Turn};
use crate::wire::guess::{Reading, guess};
use crate::wire::pretty::Format;
use crate::wire::recording::{Direction, Event, Recording, Silence};
use crate::wire::{hex, lines, paste};

/// Longest input that is no log, and longest line of a log, in octets: several of the longest commands in hexadecimal.
const INPUT_MAX: usize = 1 << 20;

/// Most octets that the exchanges of a log may have with `--json`, which prints one object at the end.
const JSON_MAX: usize = 16 << 20;

/// The argument, where a line of a log begins with `->` or `-->` as the mark `=>` of the same meaning: no option begins so.
pub(super) fn arrow(argument: OsString) -> OsString {
    let line = argument.to_str().and_then(|text| text.strip_prefix("-->").or_else(|| text.strip_prefix("->")));
    match line {
        Some(line) => format!("=>{line}").into(),
        None => argument,
    }
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
    let mut conversation = Conversation::new(with_json);
    if let Some(path) = &decode.key_log {
        conversation.keys(path)?;
    }
    if decode.hex.is_empty() || decode.hex == ["-"] {
        return from_input(decode.format, io::stdin().lock(), conversation);
    }
    let text = decode.hex.join(" ");
    match (paste::octets(text.trim()), decode.format) {
        (Ok(octets), format) => Ok(decode_one::report(format, &octets)),
        (Err(error), None) => {
            conversation.text(&text)?;
            conversation.end()?;
            if conversation.heard > 0 { Ok(conversation.report()) } else { Err(not_octets(&error)) }
        }
        (Err(error), Some(_)) => Err(not_octets(&error)),
    }
}

fn not_octets(error: &dyn std::fmt::Display) -> AppError {
    usage(format!("not hexadecimal octets: {error}"))
}

/// Octets, or a log: which of them it is, the first line that says who speaks decides.
fn from_input(
    format: Option<Format>,
    mut input: impl BufRead,
    mut conversation: Conversation,
) -> Result<Report, AppError> {
    let mut text = String::new();
    let mut is_too_long = false;
    loop {
        let mut line = Vec::new();
        let read = (&mut input).take(INPUT_MAX as u64 + 1).read_until(b'\n', &mut line);
        if read.map_err(|error| usage(format!("cannot read the standard input: {error}")))? == 0 {
            break;
        }
        let is_log = conversation.heard > 0;
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
        if conversation.heard > 0 {
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
    conversation.end()?;
    if conversation.heard > 0 {
        return Ok(conversation.report());
    }
    if is_too_long {
        return Err(usage(format!("the standard input is longer than {INPUT_MAX} octets: decode it in pieces")));
    }
    if let (None, Some(found)) = (format, lines::conversation(&text)) {
        conversation.recording = Recording::default();
        conversation.instead = found.instead;
        found.events.iter().try_for_each(|event| conversation.event(event))?;
        conversation.end()?;
        return Ok(conversation.report());
    }
    let octets = paste::octets(text.trim()).map_err(|error| not_octets(&error))?;
    Ok(decode_one::report(format, &octets))
}

/// A log that is explained while it is read.
struct Conversation {
    recording: Recording,
    family: family::conversation::Conversation,
    /// What is not told yet: a later event may complete it. The first has the number `told` in the conversation.
    waiting: VecDeque<(Event, Option<Explanation>)>,
    told: usize,
    with_json: bool,
    /// Commands, answers and resets so far.
    heard: u64,
    /// Of the exchange that was told last.
    number: u64,
    counts: [u64; 3],
    json: Vec<Value>,
    json_octets: usize,
    /// The last frame of the reader.
    asked: Vec<u8>,
    /// What all of it is as the rows of one string, where nothing tells that it is not.
    instead: Option<Reading>,
}

impl Conversation {
    fn new(with_json: bool) -> Self {
        Self {
            recording: Recording::default(),
            family: family::conversation::Conversation::default(),
            waiting: VecDeque::new(),
            told: 0,
            with_json,
            heard: 0,
            number: 0,
            counts: [0; 3],
            json: Vec::new(),
            json_octets: 0,
            asked: Vec::new(),
            instead: None,
        }
    }

    /// The keys that another log holds.
    fn keys(&mut self, path: &Path) -> Result<(), AppError> {
        let mut recording = Recording::default();
        let text = read_text("read the keys", path)?;
        let events: Vec<Event> = text.lines().flat_map(|line| recording.line(line)).collect();
        let mut keys = events.iter().filter(|event| event.direction == Direction::Key).peekable();
        if keys.peek().is_none() {
            let expected = r#"expected lines such as {"event":"key","of":"04..","secret":"7A.."}"#;
            return Err(usage(format!("{} holds no keys: {expected}", quoted(path.display().to_string()))));
        }
        keys.try_for_each(|event| self.event(event))
    }

    fn text(&mut self, text: &str) -> Result<(), AppError> {
        text.lines().try_for_each(|line| self.line(line))
    }

    fn line(&mut self, line: &str) -> Result<(), AppError> {
        let events = self.recording.line(line);
        events.into_iter().try_for_each(|event| self.event(&event))
    }

    fn event(&mut self, event: &Event) -> Result<(), AppError> {
        self.heard += u64::from(counted(event.direction).is_some());
        let format = format_of(event);
        let octets = &event.octets;
        let explained = self.family.next(match (event.direction, format) {
            (Direction::Reset, _) => Passed::Reset,
            (Direction::Silence(Silence::PowerOff), _) => Passed::PowerOff,
            (Direction::Silence(Silence::NoAnswer), _) => Passed::Silence,
            (Direction::Key, _) => Passed::Key { of: &event.of, secret: octets },
            (_, Format::Frame) => Passed::Other,
            (Direction::Command, _) => Passed::Command { octets, masked: event.masked },
            (Direction::Response, _) => Passed::Answer(octets),
        });
        self.waiting.push_back((event.clone(), None));
        for (number, explanation) in explained {
            let place = number.checked_sub(self.told).and_then(|at| self.waiting.get_mut(at));
            if let Some((_, explained)) = place {
                *explained = Some(explanation);
            }
        }
        self.tell(self.family.settled())
    }

    /// Tells what passed before the event of this number.
    fn tell(&mut self, number: usize) -> Result<(), AppError> {
        while self.told < number
            && let Some((event, explanation)) = self.waiting.pop_front()
        {
            self.told += 1;
            self.tell_event(&event, explanation.as_ref())?;
        }
        Ok(())
    }

    fn tell_event(&mut self, event: &Event, explanation: Option<&Explanation>) -> Result<(), AppError> {
        let Some((which, arrow, name)) = counted(event.direction) else { return Ok(()) };
        // An answer belongs to the command before it.
        self.number += u64::from(event.direction != Direction::Response || self.number == 0);
        self.counts[which] += 1;
        let format = format_of(event);
        let explanation = match (explanation, format) {
            (_, Format::Frame) => self.frame(event),
            (Some(explanation), _) => explanation.clone(),
            (None, _) => explain::explain(format, &event.octets, &[]),
        };
        let listing = explanation.listing();
        let time = event.time.as_ref().map_or(String::new(), |time| format!("  ({time})"));
        let number = self.number;
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
                "time": event.time, "listing": lines, "explanation": explanation,
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

    /// A frame, in the light of the reader's one before it.
    fn frame(&mut self, event: &Event) -> Explanation {
        let sender = if event.direction == Direction::Command { Sender::Reader } else { Sender::Card };
        let turn = Turn { sender: Some(sender), asked: &self.asked };
        let explanation = explain::frame(&event.octets, turn, &[]);
        if sender == Sender::Reader {
            self.asked.clone_from(&event.octets);
        }
        explanation
    }

    /// The log ends here.
    fn end(&mut self) -> Result<(), AppError> {
        if let Some(event) = self.recording.end() {
            self.event(&event)?;
        }
        self.tell(usize::MAX)
    }

    /// What it was, in all.
    fn report(self) -> Report {
        let [commands, responses, resets] = self.counts;
        let passed_over = self.recording.passed_over;
        let detail = format!(
            "Commands: {commands}, answers: {responses}, answers to reset: {resets}; other lines, passed over: {passed_over}."
        );
        let ambiguous = self.instead.map(|one| {
            let title = one.format.title();
            format!(
                "Ambiguous: the lines may be the rows of one string too, a {title} ({}). Then give it in one line.",
                one.why
            )
        });
        let json = json!({
            "format": "conversation", "commands": commands, "responses": responses, "resets": resets,
            "passed_over": passed_over, "exchanges": self.json, "ambiguous": ambiguous,
        });
        let more = ambiguous.map_or(String::new(), |words| format!("{words}\n"));
        Report::new(Exit::Done, format!("{detail}\n{more}"), "decoded", detail, json)
    }
}

/// Where a direction is counted, its arrow and its name in JSON; `None` where nobody says anything.
const fn counted(direction: Direction) -> Option<(usize, &'static str, &'static str)> {
    match direction {
        Direction::Command => Some((0, "->", "command")),
        Direction::Response => Some((1, "<-", "response")),
        Direction::Reset => Some((2, "<-", "reset")),
        Direction::Silence(_) | Direction::Key => None,
    }
}

/// The direction is known: what was sent is a command, unless the log shows frames or it has the right checksum of one.
fn format_of(event: &Event) -> Format {
    let guessed = guess(&event.octets);
    match (event.direction, guessed) {
        (Direction::Reset, _) => Format::Atr,
        (Direction::Silence(_) | Direction::Key, _) => Format::Data,
        _ if event.is_frame => Format::Frame,
        (_, Format::Frame) | (Direction::Response, Format::Ats | Format::StatusWord) => guessed,
        (Direction::Command, _) => Format::CommandApdu,
        (Direction::Response, _) => Format::ResponseApdu,
    }
}
