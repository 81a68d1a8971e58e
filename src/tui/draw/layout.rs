//! What the panes of the window share: frames, rows, lines that are broken or cut.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Paragraph};

use crate::tui::app::App;
use crate::tui::position::Position;

/// From this width on sale, exchange and bench stand side by side.
pub(super) const WIDE: u16 = 120;

/// A frame in a wide window, a margin in a narrow one, where each column counts.
pub(super) fn pane(frame: &mut Frame<'_>, area: Rect, app: &App, title: &str, has_focus: bool) -> Rect {
    if area.width < WIDE && frame.area().width < WIDE {
        return margin(area);
    }
    let style = if has_focus { app.theme.accent() } else { app.theme.quiet() };
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(style)
        .title(Span::styled(format!(" {title} "), style))
        .padding(Padding::new(1, 1, 1, 0));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

pub(super) fn margin(area: Rect) -> Rect {
    Block::new().padding(Padding::horizontal(2)).inner(area)
}

/// Shows `lines` from the line that `scroll` says, and what is above and below in words.
pub(super) fn scrolled(frame: &mut Frame<'_>, area: Rect, app: &App, lines: Vec<Line<'static>>, scroll: &Position) {
    let height = usize::from(area.height);
    let max = lines.len().saturating_sub(height);
    let from = scroll.at_most(max);
    let below = max - from;
    frame.render_widget(Paragraph::new(lines.into_iter().skip(from).take(height).collect::<Vec<_>>()), area);
    let mut hint = Vec::new();
    if from > 0 {
        hint.push(format!("↑ {from} more"));
    }
    if below > 0 {
        hint.push(format!("↓ {below} more"));
    }
    if !hint.is_empty() && height > 2 {
        let line = Rect { y: area.y + area.height - 1, height: 1, ..area };
        let hint = Span::styled(format!(" {} ", hint.join("  ")), app.theme.accent());
        // Not a styled line: its style would cover the text to its left as well.
        frame.render_widget(Line::from(hint).right_aligned(), line);
    }
}

/// Text in lines of at most `width` columns, broken between words where that can be.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let indent = text.chars().take_while(|letter| *letter == ' ').count().min(width / 2);
    let mut lines = vec![" ".repeat(indent)];
    let mut used = indent;
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        let space = usize::from(used > indent);
        if used + space + columns(&word) > width && used > indent {
            lines.push(" ".repeat(indent));
            used = indent;
        } else if space > 0 {
            word.insert(0, ' ');
        }
        for letter in word.chars() {
            let letter_width = columns(letter.encode_utf8(&mut [0; 4]));
            if used + letter_width > width && used > indent {
                lines.push(" ".repeat(indent));
                used = indent;
            }
            if let Some(line) = lines.last_mut() {
                line.push(letter);
            }
            used += letter_width;
        }
    }
    lines
}

/// As much of a text as has room.
pub(super) fn cut(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if columns(&short) + columns(letter.encode_utf8(&mut [0; 4])) >= room {
            break;
        }
        short.push(letter);
    }
    format!("{}…", short.trim_end())
}

pub(super) fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// A name, quiet, and its value.
pub(super) fn row(app: &App, name: &str, value: impl Into<String>) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{name:<15} "), app.theme.quiet()), Span::raw(value.into())])
}

/// The same for a long value, in as many lines as it takes.
pub(super) fn rows(app: &App, name: &str, value: &str, width: usize) -> Vec<Line<'static>> {
    let parts = wrapped(value, width.saturating_sub(16).max(8)).into_iter().enumerate();
    parts.map(|(index, part)| row(app, if index == 0 { name } else { "" }, part)).collect()
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(wrapped("  touch the same card", 11), ["  touch the", "  same card"]);
        assert_eq!(wrapped("0123456789", 4), ["0123", "4567", "89"]);
        assert_eq!(wrapped("処理未了", 4), ["処理", "未了"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
