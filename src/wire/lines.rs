//! Bare octets, one string a line: a conversation where the lines alternate between commands and answers.

use super::format::Format;
use super::guess::{Reading, readings};
use super::paste;
use super::recording::{Direction, Event};

/// What bare lines are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// What each says.
    pub events: Vec<Event>,
    /// What the lines are as the rows of one string, where nothing tells that they are not: two rows are as likely a command and its answer.
    pub instead: Option<Reading>,
}

/// The conversation that the lines of `text` are, or nothing where one line does not fit its place: then they are rows of one string.
/// Each command must be whole and each line must read best as what its place asks for. They are rows of one string too where their shape
/// says so: a row that ends with a separator, one that is indented behind the first, or two that are one whole command or one answer of data
/// objects.
///
/// ```
/// use untorn::wire::lines::conversation;
/// assert_eq!(conversation("00A40400023F00\n9000\n").unwrap().events.len(), 2);
/// assert!(conversation("6F0B8407A0000000\n031010A500").is_none());
/// assert!(conversation("00A40400023F00,\n9000").is_none());
/// ```
#[must_use]
pub fn conversation(text: &str) -> Option<Lines> {
    let rows: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if is_continued(&rows) {
        return None;
    }
    let mut events: Vec<Event> = Vec::new();
    for line in &rows {
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
    let instead = one_string(text, &events);
    let is_one = instead.is_some_and(|one| one.format != Format::ResponseApdu || one.why.starts_with("data objects"));
    (events.len() > 1 && !is_one).then_some(Lines { events, instead })
}

/// Whether the shape of the rows says that they go on: a separator at the end of one, or one that stands further in than the first.
fn is_continued(rows: &[&str]) -> bool {
    let indent = |row: &str| row.len() - row.trim_start().len();
    let first = rows.first().map_or(0, |row| indent(row));
    let has_next = rows.len().saturating_sub(1);
    rows.iter().take(has_next).any(|row| row.trim_end().ends_with([',', '\\', ':', '-']))
        || rows.iter().skip(1).any(|row| indent(row) > first)
}

/// What two lines are as one string, where that is sure; nothing where a blank line stands between them, where the second is longer, as no row
/// behind another is, or where the spaces between octets are not the same.
fn one_string(text: &str, events: &[Event]) -> Option<Reading> {
    let [first, second] = events else { return None };
    let lines: Vec<&str> = text.trim().lines().collect();
    let [above, below] = lines[..] else { return None };
    let is_spaced = |line: &str| line.trim().contains([' ', '-', ':']);
    if second.octets.len() > first.octets.len() || is_spaced(above) != is_spaced(below) {
        return None;
    }
    let joined = [&first.octets[..], &second.octets].concat();
    readings(&joined).first().copied().filter(|reading| reading.sure)
}
