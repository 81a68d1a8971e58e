//! Bare octets, one string a line: a conversation where the lines alternate between commands and answers.

use super::guess::readings;
use super::paste;
use super::pretty::Format;
use super::recording::{Direction, Event};

/// The conversation that the lines of `text` are, or nothing where one line does not fit its place: then they are rows of one string.
/// Each command must be whole and each line must read best as what its place asks for.
///
/// ```
/// use untorn::wire::lines::conversation;
/// assert_eq!(conversation("00A40400023F00\n9000\n").unwrap().len(), 2);
/// assert!(conversation("6F0B8407A0000000\n031010A500").is_none());
/// ```
#[must_use]
pub fn conversation(text: &str) -> Option<Vec<Event>> {
    let mut events: Vec<Event> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let octets = paste::octets(line.trim()).ok()?;
        let best = readings(&octets).first().copied()?;
        let is_asked = events.last().is_some_and(|last| last.direction == Direction::Command);
        let direction = match best.format {
            Format::Atr if best.sure && !is_asked => Direction::Reset,
            Format::CommandApdu if best.sure && !is_asked => Direction::Command,
            Format::ResponseApdu | Format::StatusWord if is_asked => Direction::Response,
            _ => return None,
        };
        events.push(Event::new(direction, octets, None));
    }
    (events.len() > 1).then_some(events)
}
