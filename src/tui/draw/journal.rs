//! Orders, and what became of them.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::layout::{row, rows, scrolled, wrapped};
use super::words;
use crate::journal::record::{OrderKind, Resolution, Source};
use crate::journal::view::{AttemptView, OrderView};
use crate::tui::app::App;

/// The whole journal, or one order of it.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    if app.snapshot.orders.is_empty() {
        let line = Line::styled("No orders yet.", app.theme.quiet());
        return frame.render_widget(line, area);
    }
    list_or_order(frame, area, app);
}

/// What has to be looked at before the first order of this run.
pub(super) fn open_records(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let text = "An earlier run ended while the outcome was unknown. Touch that card to resolve it, or acknowledge that \
                you go on without. No new sale before that.";
    let mut lines = vec![Line::styled("OPEN RECORDS  処理未了", app.theme.unknown())];
    lines.extend(wrapped(text, usize::from(area.width)).into_iter().map(Line::raw));
    lines.push(Line::default());
    let rows = [Constraint::Length(u16::try_from(lines.len()).unwrap_or(u16::MAX)), Constraint::Min(0)];
    let [head, body] = Layout::vertical(rows).areas(area);
    frame.render_widget(Paragraph::new(lines), head);
    list_or_order(frame, body, app);
}

fn list_or_order(frame: &mut Frame<'_>, area: Rect, app: &App) {
    match (&app.detail, app.chosen_order()) {
        (Some(scroll), Some(order)) => scrolled(frame, area, app, whole(app, order, area.width), scroll),
        _ => list(frame, area, app),
    }
}

fn list(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let listed = app.listed();
    let chosen = app.order.at_most(listed.len().saturating_sub(1));
    let narrow = area.width < 72;
    let head = if narrow {
        "  ORDER   KIND       AMOUNT  STATE"
    } else {
        "  ORDER   TIME              KIND           AMOUNT  STATE"
    };
    let room = usize::from(area.height).saturating_sub(1).max(1);
    let from = (chosen + 1).saturating_sub(room);
    let mut lines = vec![Line::styled(head, app.theme.quiet())];
    for (index, order) in listed.iter().enumerate().skip(from).take(room) {
        lines.push(line(app, order, index == chosen, narrow));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn line(app: &App, order: &OrderView, chosen: bool, narrow: bool) -> Line<'static> {
    let style = words::state(order.state, app.theme);
    let mark = if chosen { "▸ " } else { "  " };
    let amount = order.amount.to_string();
    let text = if narrow {
        format!("{}  {:<7}{amount:>10}  ", order.order, order.kind.to_string())
    } else {
        // Without the seconds: the state has to fit, in words.
        let time: String = order.started.to_string().chars().take(16).collect();
        format!("{}  {time:<16}  {:<8}{amount:>13}  ", order.order, order.kind.to_string())
    };
    let base = if chosen { app.theme.accent() } else { ratatui::style::Style::new() };
    Line::from(vec![Span::styled(mark, base), Span::styled(text, base), Span::styled(order.words(), style)])
}

fn whole(app: &App, order: &OrderView, width: u16) -> Vec<Line<'static>> {
    let style = words::state(order.state, app.theme);
    let mut lines = vec![
        Line::from(vec![
            Span::styled(
                format!("{} {}  {}  ", words::kind(order.kind), order.order, order.amount),
                app.theme.strong(),
            ),
            Span::styled(order.words(), style),
        ]),
        Line::default(),
        row(app, "Started", order.started.to_string()),
        row(app, "Last change", order.changed.to_string()),
        row(app, "Card", order.card.to_string()),
        row(app, "Family", order.family.clone()),
        row(app, "Balance before", order.balance_before.to_string()),
    ];
    lines.extend(order.balance_after.map(|after| row(app, "Balance after", after.to_string())));
    lines.extend(order.policy.map(|policy| row(app, "Settled", policy.to_string())));
    for attempt in &order.attempts {
        lines.push(Line::default());
        lines.extend(attempted(app, order.kind, attempt, usize::from(width)));
    }
    lines
}

fn attempted(app: &App, kind: OrderKind, attempt: &AttemptView, width: usize) -> Vec<Line<'static>> {
    let style = words::state(attempt.state, app.theme);
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("Attempt {}  ", attempt.attempt), app.theme.strong()),
        Span::styled(attempt.state.words(kind), style),
    ])];
    lines.extend(rows(app, "Journalled", &format!("{}, before it was sent", attempt.time), width));
    if let Some(slip) = &attempt.slip {
        lines.extend(rows(app, "Slip", &format!("{}: {}", slip.time, slip.reason), width));
    }
    lines.extend(attempt.acknowledged.map(|time| row(app, "Acknowledged", time.to_string())));
    if let Some(resolution) = &attempt.resolution {
        let (by, evidence) = match resolution {
            Resolution::Paid { by, evidence, .. } => (by, format!("evidence {evidence}")),
            Resolution::NotPaid { by, reason } => (by, reason.clone()),
        };
        let by = match by {
            Source::Answer => "by the card's answer",
            Source::Retouch => "by the card, touched again",
            Source::UpperSystem => "by the upper system",
        };
        lines.push(row(app, "Decided", by));
        lines.extend(rows(app, "", &evidence, width));
    }
    lines
}
