//! The virtual card from inside, and the hand that holds it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::layout::columns;
use crate::tui::app::{App, Tab};
use crate::tui::snapshot::{ArmedTear, Bench};

/// From this width on hand and card stand side by side.
const TWO_COLUMNS: u16 = 70;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let Some(bench) = &app.snapshot.bench else { return };
    let mut hand = hand(app, bench);
    hand.push(Line::default());
    hand.extend(tear(app, bench));
    if area.width >= TWO_COLUMNS {
        let columns = [Constraint::Percentage(50), Constraint::Percentage(50)];
        let [left, right] = Layout::horizontal(columns).areas(area);
        frame.render_widget(Paragraph::new(hand), left);
        frame.render_widget(Paragraph::new(sheet(app, bench, right.width)), right);
    } else {
        hand.push(Line::default());
        hand.extend(sheet(app, bench, area.width));
        frame.render_widget(Paragraph::new(hand), area);
    }
}

fn sheet(app: &App, bench: &Bench, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for section in bench.sheet.iter() {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(section.title.clone(), app.theme.strong()));
        lines.extend(section.rows.iter().map(|row| spread(app, &row.name, &row.value, usize::from(width))));
    }
    lines
}

fn hand(app: &App, bench: &Bench) -> Vec<Line<'static>> {
    let theme = app.theme;
    let name = bench.cards.get(bench.selected).cloned().unwrap_or_default();
    let place = if bench.on_reader { " ON THE READER " } else { " in your hand " };
    let style = if bench.on_reader { theme.chosen() } else { theme.strong() };
    vec![
        Line::from(vec![Span::styled(name, theme.strong()), Span::raw(" "), Span::styled(place, style)]),
        Line::styled(format!("card {} of {}, c for another", bench.selected + 1, bench.cards.len()), theme.quiet()),
        Line::styled(
            match bench.pace_ms {
                0 => "full speed, v slows down".to_owned(),
                ms => format!("{ms} ms an exchange, v changes that"),
            },
            theme.quiet(),
        ),
    ]
}

fn tear(app: &App, bench: &Bench) -> Vec<Line<'static>> {
    let theme = app.theme;
    let mut lines = vec![Line::styled("Tear the next touch", theme.strong())];
    let arrows = if app.tab == Tab::Bench { ("◂ ", " ▸") } else { ("", "") };
    lines.push(Line::from(vec![
        Span::raw("  at "),
        Span::styled(format!("{}{}{}", arrows.0, app.tear_at, arrows.1), theme.accent()),
    ]));
    for kind in ArmedTear::ALL {
        let chosen = kind == app.tear;
        let mark = if chosen { "●" } else { "○" };
        lines.push(Line::styled(format!("  {mark} {kind}"), if chosen { theme.accent() } else { theme.quiet() }));
    }
    match bench.armed {
        Some((at, tear)) => {
            // In two lines: the widest of both does not fit the column in one.
            lines.push(Line::styled(format!("  ARMED: {at},"), theme.unknown()));
            lines.push(Line::styled(format!("    {tear}"), theme.unknown()));
        }
        None => lines.push(Line::styled("  not armed, a arms it", theme.quiet())),
    }
    lines.push(Line::styled(format!("  torn so far: {}", bench.torn), theme.quiet()));
    lines
}

/// Name to the left, value to the right, no wider than a column that the eye can follow.
fn spread(app: &App, name: &str, value: &str, width: usize) -> Line<'static> {
    const WIDTH_MAX: usize = 52;
    let gap = width.min(WIDTH_MAX).saturating_sub(2 + columns(name) + columns(value)).max(1);
    Line::from(vec![
        Span::styled(format!("  {name}"), app.theme.quiet()),
        Span::raw(format!("{}{value}", " ".repeat(gap))),
    ])
}
