//! All keys, out of the table that also obeys them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::layout::scrolled;
use crate::tui::app::App;
use crate::tui::keys::{self, Mode};
use crate::tui::position::Position;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, scroll: &Position) {
    scrolled(frame, area, app, lines(app), scroll);
}

fn lines(app: &App) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    // Where one is comes first, what belongs to it after that.
    let first = Mode::ALL.iter().position(|mode| *mode == app.help_for).unwrap_or(0);
    for mode in Mode::ALL.into_iter().cycle().skip(first).take(Mode::ALL.len()) {
        lines.push(Line::styled(title(mode), app.theme.strong()));
        let mut help: Vec<(String, &str)> = Vec::new();
        for binding in keys::bindings(mode) {
            match help.iter_mut().find(|(_, words)| *words == binding.help) {
                Some((keys, _)) => *keys = format!("{keys} {}", binding.key.name()),
                None => help.push((binding.key.name(), binding.help)),
            }
        }
        for (keys, words) in help {
            lines.push(Line::from(vec![Span::styled(format!("  {keys:<12}"), app.theme.accent()), Span::raw(words)]));
        }
        lines.push(Line::default());
    }
    lines
}

const fn title(mode: Mode) -> &'static str {
    match mode {
        Mode::Amount => "At the counter",
        Mode::OpenRecords => "While open records of earlier runs wait",
        Mode::Waiting => "While a card is awaited",
        Mode::Working => "While a card is worked with",
        Mode::Pin => "While the PIN is typed",
        Mode::Outcome => "When a result is shown",
        Mode::Exchange => "In the exchange",
        Mode::Bench => "At the card bench",
        Mode::Journal => "In the journal",
        Mode::Order => "In one order",
        Mode::Readers => "Among the readers",
        Mode::Suite => "In the conformance suite",
        Mode::Search => "While a case is looked for",
        Mode::Mutants => "Among the deliberate defects",
        Mode::Case => "In one of its cases",
        Mode::Help => "Here",
    }
}
