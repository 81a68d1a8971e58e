//! What goes over the link, decoded.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{scrolled, wrapped};
use crate::reader::trace::{TraceEvent, Traced};
use crate::reader::{LinkErrorKind, Reset};
use crate::tui::app::{App, Position};
use crate::wire::pretty::{Format, listing};

/// Columns that a listing needs for a row of sixteen octets.
const DECODED_WIDTH: usize = 58;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let width = usize::from(area.width);
    let show = if (width >= DECODED_WIDTH) == app.other_decoding { short } else { decoded };
    let trace = &app.snapshot.trace;
    let powered = |index: usize| trace[..index].last().is_some_and(|before| before.what != Traced::Deactivate);
    // The terminal powers off before it waits; where there was no power that is no news.
    let news = trace.iter().enumerate().filter(|(index, event)| event.what != Traced::Deactivate || powered(*index));
    let lines: Vec<_> = news.flat_map(|(_, event)| show(app, event, width)).collect();
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

/// One line for an event, as far as it goes.
fn short(app: &App, event: &TraceEvent, width: usize) -> Vec<Line<'static>> {
    let (arrow, octets, style) = match &event.what {
        Traced::Command { octets, .. } => ('→', octets, app.theme.accent()),
        Traced::Response { octets } | Traced::AnswerToReset { octets } => ('←', octets, app.theme.strong()),
        _ => return decoded(app, event, width),
    };
    let (from, status) = match &event.what {
        // The status word first: it is what one looks for.
        Traced::Response { octets } => match octets.split_last_chunk::<2>() {
            Some((_, [sw1, sw2])) => (2, format!("{sw1:02X}{sw2:02X} ")),
            None => (0, String::new()),
        },
        _ => (0, String::new()),
    };
    let text: Vec<_> = octets[..octets.len() - from].iter().map(|octet| format!("{octet:02X}")).collect();
    let mut text = text.join(" ");
    let room = width.saturating_sub(7 + status.len());
    if text.len() > room {
        text.truncate(room.saturating_sub(1) / 3 * 3);
        text.push('…');
    }
    vec![Line::from(vec![Span::styled(format!("{:>3} {arrow} {status}", event.number), style), Span::raw(text)])]
}

fn decoded(app: &App, event: &TraceEvent, width: usize) -> Vec<Line<'static>> {
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
        Traced::Command { octets, masked } => {
            let mut lines = block(app, '→', number, &listing(Format::CommandApdu, octets), theme.accent(), width);
            if *masked {
                lines.push(Line::styled("      the PIN is masked with FF", theme.quiet()));
            }
            lines
        }
        Traced::Response { octets } => {
            block(app, '←', number, &listing(Format::ResponseApdu, octets), theme.strong(), width)
        }
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
    }
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
