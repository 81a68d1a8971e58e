//! What goes over the link, decoded.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::layout::{cut, scrolled, wrapped};
use crate::reader::trace::{TraceEvent, Traced};
use crate::reader::{LinkErrorKind, Reset};
use crate::tui::app::App;
use crate::tui::position::Position;
use crate::wire::explain::Explanation;
use crate::wire::hex;
use crate::wire::pretty::{Format, listing};

/// Columns below which octets behind a name say nothing.
const ROOM_FOR_OCTETS: usize = 12;
/// Columns that a listing needs for a row of sixteen octets.
const DECODED_WIDTH: usize = 58;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let width = usize::from(area.width);
    let show = if (width >= DECODED_WIDTH) == app.other_decoding { short } else { decoded };
    let trace = &app.snapshot.trace;
    let powered = |index: usize| trace[..index].last().is_some_and(|before| before.what != Traced::Deactivate);
    // The terminal powers off before it waits; where there was no power that is no news.
    let news = trace.iter().enumerate().filter(|(index, event)| match event.what {
        Traced::Deactivate => powered(*index),
        Traced::Key { .. } => false,
        _ => true,
    });
    let lines: Vec<_> = app.watched.explain(trace, |explained| {
        let meaning = |index: usize| explained.get(index).and_then(Option::as_ref);
        news.flat_map(|(index, event)| show(app, event, meaning(index), width)).collect()
    });
    if lines.is_empty() {
        let text = "Nothing has gone over the link yet. Every command and answer will be listed and decoded here.";
        let lines: Vec<_> =
            wrapped(text, width).into_iter().map(|line| Line::styled(line, app.theme.quiet())).collect();
        return frame.render_widget(Paragraph::new(lines), area);
    }
    if app.follows {
        app.exchange.to_end();
    }
    scrolled(frame, area, app, lines, &app.exchange);
}

/// One line for an event, as far as it goes: what it is, then its octets.
fn short(app: &App, event: &TraceEvent, meaning: Option<&Explanation>, width: usize) -> Vec<Line<'static>> {
    let (arrow, octets, style) = match &event.what {
        Traced::Command { octets, .. } => ('→', octets, app.theme.accent()),
        Traced::Response { octets } | Traced::AnswerToReset { octets } => ('←', octets, app.theme.strong()),
        _ => return decoded(app, event, meaning, width),
    };
    let said = meaning.map_or("answer to reset", |meaning| &meaning.summary);
    let head = cut(&format!("{:>3} {arrow} {said}", event.number), width);
    let mut line = vec![Span::styled(head.clone(), style)];
    let room = width.saturating_sub(head.chars().count() + 2);
    if room >= ROOM_FOR_OCTETS {
        let mut text = hex::spaced(octets);
        if text.len() > room {
            text.truncate(room.saturating_sub(1) / 3 * 3);
            text.push('…');
        }
        line.push(Span::styled(format!("  {text}"), app.theme.quiet()));
    }
    vec![Line::from(line)]
}

fn decoded(app: &App, event: &TraceEvent, meaning: Option<&Explanation>, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme;
    let number = event.number;
    match &event.what {
        Traced::Activate { reset } => {
            let how = match reset {
                Reset::Cold => "cold reset",
                Reset::Warm => "warm reset",
            };
            vec![Line::default(), Line::styled(format!("{number:>3} ○ {how}"), theme.strong())]
        }
        Traced::AnswerToReset { octets } => {
            block(app, '←', number, &listing(Format::Atr, octets), theme.strong(), width)
        }
        Traced::Command { .. } => block(app, '→', number, &explained(meaning), theme.accent(), width),
        Traced::Response { .. } => block(app, '←', number, &explained(meaning), theme.strong(), width),
        Traced::Failed { kind, detail } => {
            let style = if *kind == LinkErrorKind::Unknown { theme.unknown() } else { theme.bad() };
            let known = match kind {
                LinkErrorKind::NotSent => "not sent",
                LinkErrorKind::Unknown => "NO ANSWER, what the card did is unknown",
                LinkErrorKind::Removed => "no card",
                LinkErrorKind::Mute => "the card does not answer",
            };
            let lines = wrapped(&format!("{number:>3} ✗ {known}: {detail}"), width);
            lines.into_iter().map(|line| Line::styled(line, style)).collect()
        }
        Traced::Deactivate => vec![Line::styled("    ○ power off", theme.quiet())],
        Traced::Key { .. } => Vec::new(),
    }
}

/// What it is and what each of its octets means.
fn explained(meaning: Option<&Explanation>) -> String {
    meaning.map_or_else(String::new, |meaning| {
        let listing = meaning.listing();
        let (title, fields) = listing.split_once('\n').unwrap_or((&listing, ""));
        format!("{} ({title})\n{fields}", meaning.summary)
    })
}

/// A listing under its arrow and number.
fn block(app: &App, arrow: char, number: u64, listing: &str, style: Style, width: usize) -> Vec<Line<'static>> {
    let mut texts = listing.lines();
    let title = texts.next().unwrap_or_default();
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{number:>3} {arrow} "), style),
        Span::styled(title.to_owned(), style),
    ])];
    for text in texts {
        // The offset in front is quiet, what stands there is not.
        let (offset, rest) = text.split_at_checked(5).unwrap_or(("", text));
        for (index, part) in wrapped(rest, width.saturating_sub(6)).into_iter().enumerate() {
            let offset = if index == 0 { offset } else { "" };
            lines.push(Line::from(vec![Span::styled(format!("{offset:>5} "), app.theme.quiet()), Span::raw(part)]));
        }
    }
    lines
}

impl Position {
    fn to_end(&self) {
        self.set(usize::MAX);
    }
}
