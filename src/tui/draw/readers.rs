//! Readers to choose from, as they come and go.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::layout::wrapped;
use crate::tui::app::App;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let readers = &app.snapshot.readers;
    let chosen = app.reader.at_most(readers.len().saturating_sub(1));
    let mut lines = Vec::new();
    for (index, reader) in readers.iter().enumerate() {
        let style = if index == chosen { app.theme.accent() } else { ratatui::style::Style::new() };
        let mark = if index == chosen { "▸ " } else { "  " };
        let mut spans = vec![Span::styled(format!("{mark}{}", reader.name), style)];
        let about = match (reader.is_virtual, reader.has_card) {
            (true, _) => "  the card bench",
            (false, true) => "  card present",
            (false, false) => "  no card",
        };
        spans.push(Span::styled(about, app.theme.quiet()));
        if index == app.snapshot.reader {
            spans.push(Span::styled("  in use", app.theme.good()));
        }
        lines.push(Line::from(spans));
    }
    lines.push(Line::default());
    let text = if cfg!(feature = "pcsc") {
        "PC/SC readers appear here as they are plugged in. A real card gets orders only where it was named with --card."
    } else {
        "This untorn was built without PC/SC."
    };
    lines.extend(wrapped(text, usize::from(area.width)).into_iter().map(|line| Line::styled(line, app.theme.quiet())));
    frame.render_widget(Paragraph::new(lines), area);
}
