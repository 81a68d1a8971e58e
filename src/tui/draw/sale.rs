//! The counter: amount, prompts, PIN, result.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::layout::{row, scrolled, wrapped};
use super::words;
use crate::journal::record::OrderKind;
use crate::money::Money;
use crate::report::outcome::alarm_sentence;
use crate::terminal::event::{Again, Lost, Outcome, OutcomeKind, Prompt};
use crate::time::Moment;
use crate::tui::app::App;
use crate::tui::font::big;
use crate::tui::snapshot::{Bench, Phase, ToRefund};

/// Below this there are no big letters and no empty lines.
const ROOMY: u16 = 18;
/// Columns of the bar that shows how long a card is still waited for.
const BAR_WIDTH: u64 = 30;
/// Columns of the seconds beside it.
const SECONDS_WIDTH: u16 = 13;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, now: Moment) {
    let mut lines = match &app.snapshot.phase {
        Phase::Idle if !app.snapshot.unseen.is_empty() => return super::journal::open_records(frame, area, app),
        Phase::Idle => amount(app, area),
        Phase::Waiting { prompt, until } => waiting(app, area, prompt, now.millis_until(*until)),
        Phase::Working { value_moving } => working(app, area, *value_moving),
        Phase::AskPin { tries_left } => pin(app, *tries_left),
        Phase::Done(outcome) => {
            let lines = squeezed(done(app, area, outcome), area);
            return scrolled(frame, area, app, lines, &app.outcome);
        }
    };
    lines = squeezed(lines, area);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), area);
}

/// Without the empty lines where there is no room for them: what says how much, what became of it and what to do stands first.
fn squeezed(mut lines: Vec<Line<'static>>, area: Rect) -> Vec<Line<'static>> {
    if area.height < ROOMY {
        lines.retain(|line| line.width() > 0);
    }
    lines
}

/// A word three lines high where there is room, one line high where there is none.
fn headline(text: &str, style: Style, area: Rect) -> Vec<Line<'static>> {
    match big(text, area.width).filter(|_| area.height >= ROOMY) {
        Some(lines) => lines.into_iter().map(|line| Line::styled(line, style)).collect(),
        None => vec![Line::styled(text.to_owned(), style)],
    }
}

fn amount(app: &App, area: Rect) -> Vec<Line<'static>> {
    let mut kinds = Vec::new();
    for (kind, key) in [(OrderKind::Sale, 's'), (OrderKind::TopUp, 't'), (OrderKind::Refund, 'f')] {
        let chosen = kind == app.kind;
        kinds.push(Span::styled(
            format!(" {} ", words::kind(kind)),
            if chosen { app.theme.chosen() } else { app.theme.quiet() },
        ));
        kinds.push(Span::styled(if chosen { "   ".to_owned() } else { format!(" {key} ") }, app.theme.accent()));
    }
    let money = Money::new(app.amount, app.snapshot.currency);
    let mut lines = vec![Line::from(kinds), Line::default()];
    lines.extend(headline(&money.to_string(), app.theme.strong(), area));
    lines.push(Line::default());
    if app.kind == OrderKind::Refund {
        lines.extend(to_refund(app, &app.snapshot.to_refund));
    }
    lines.push(step(app, "0-9", "type the amount"));
    lines.push(step(app, "Enter", "ask for the card"));
    if let Some(bench) = &app.snapshot.bench {
        lines.push(step(app, "p", "put the virtual card on the reader"));
        lines.push(step(app, "a", "first: have it torn away half-way"));
        lines.push(Line::default());
        lines.extend(bench_rows(app, bench));
    }
    lines.push(journal_row(app));
    lines
}

fn to_refund(app: &App, found: &ToRefund) -> Vec<Line<'static>> {
    match found {
        ToRefund::NotLookedFor => Vec::new(),
        ToRefund::Nothing => vec![row(app, "Gives back", "nothing: no paid sale in the journal".to_owned())],
        ToRefund::Open { order, amount } => vec![
            row(app, "Gives back", "the card's newest sale".to_owned()),
            row(app, "Decided first", format!("order {order}, {amount}")),
            Line::default(),
        ],
        ToRefund::Sale { order, card, amount, left, .. } => {
            let rest = if left == amount { String::new() } else { format!(", {left} left") };
            vec![
                row(app, "Gives back", format!("order {order}, {amount}{rest}")),
                row(app, "Paid with", format!("card {card}")),
                Line::default(),
            ]
        }
    }
}

fn step(app: &App, key: &str, what: &str) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{key:>5}"), app.theme.accent()), Span::raw(format!("  {what}"))])
}

fn bench_rows(app: &App, bench: &Bench) -> Vec<Line<'static>> {
    let name = bench.cards.get(bench.selected).cloned().unwrap_or_default();
    let place = if bench.on_reader { "on the reader" } else { "in your hand" };
    let mut rows = vec![row(app, "Virtual card", format!("{name}, {place}"))];
    if let Some((at, tear)) = bench.armed {
        let mut line = row(app, "Tear", format!("ARMED {at}, {tear}"));
        line.spans[1].style = app.theme.unknown();
        rows.push(line);
    }
    rows
}

fn journal_row(app: &App) -> Line<'static> {
    let orders = app.snapshot.orders.len();
    let open = app.snapshot.orders.iter().filter(|order| order.state.is_unresolved()).count();
    let mut line = row(
        app,
        "Journal",
        match (orders, open) {
            (0, _) => "no orders yet".to_owned(),
            (1, 0) => "1 order, decided".to_owned(),
            (1, _) => "1 order, UNRESOLVED".to_owned(),
            (orders, 0) => format!("{orders} orders, all decided"),
            (orders, open) => format!("{orders} orders, {open} UNRESOLVED"),
        },
    );
    if open > 0 {
        line.spans[1].style = app.theme.unknown();
    }
    line
}

fn waiting(app: &App, area: Rect, prompt: &Prompt, left_ms: u64) -> Vec<Line<'static>> {
    let theme = app.theme;
    let mut lines = vec![Line::styled(words::wanted(app.snapshot.wanted), theme.strong()), Line::default()];
    lines.extend(asked(app, area, prompt));
    lines.push(Line::default());
    lines.extend(countdown(app, area.width, left_ms));
    lines.push(Line::default());
    if let Some(bench) = &app.snapshot.bench {
        if !bench.on_reader {
            lines.push(step(app, "p", "put the virtual card on the reader"));
            if matches!(prompt, Prompt::Retouch(_) | Prompt::BalanceCheck(_)) {
                lines.push(step(app, "c", "take another card first"));
            }
        }
        lines.push(step(app, "Esc", stop(prompt)));
        lines.push(Line::default());
        lines.extend(bench_rows(app, bench));
    } else {
        lines.push(step(app, "Esc", stop(prompt)));
    }
    lines
}

/// What is asked for: first what it is about and what to do, then why.
fn asked(app: &App, area: Rect, prompt: &Prompt) -> Vec<Line<'static>> {
    let theme = app.theme;
    let why = |text: String, style: Style| {
        let lines = wrapped(&text, area.width.into()).into_iter().map(move |line| Line::styled(line, style));
        std::iter::once(Line::default()).chain(lines)
    };
    let mut lines = match prompt {
        Prompt::Present => return headline("TOUCH CARD", theme.accent(), area),
        Prompt::PresentAgain(_) => headline("TOUCH AGAIN", theme.accent(), area),
        Prompt::Retouch(_) | Prompt::OtherCard => headline("UNRESOLVED", theme.unknown(), area),
        Prompt::BalanceCheck(_) => headline("CHECK BALANCE", theme.unknown(), area),
    };
    lines.push(Line::default());
    if prompt.is_other_card() {
        lines.push(Line::styled("This is another card. It is not charged.", theme.bad()));
    }
    match prompt {
        Prompt::Present => {}
        Prompt::PresentAgain(lost) => {
            let what = lost.told().map_or_else(|| "The card left too early.".to_owned(), words::sentence);
            lines.extend(why(format!("{what} Nothing was taken."), Style::new()).skip(1));
        }
        Prompt::Retouch(_) | Prompt::OtherCard => {
            lines.push(Line::styled("Touch the SAME card once more.", theme.strong()));
            lines.push(Line::raw("Take no other payment until this is decided."));
            let what =
                prompt.no_answer().map_or_else(|| "The card left before its answer came.".to_owned(), words::sentence);
            lines.extend(why(format!("処理未了  {what}"), theme.unknown()));
        }
        Prompt::BalanceCheck(again) => {
            let which = if prompt.is_other_card() { "Touch the SAME card" } else { "Touch the card" };
            lines.push(Line::styled(format!("{which} to see its balance."), theme.strong()));
            lines.extend(app.snapshot.held_before.map(|held| Line::raw(format!("It held {held} before."))));
            let what = match again {
                Some(Again::Lost(Lost::CardLeft)) => "The card left too early.".to_owned(),
                Some(Again::Lost(Lost::NoAnswer(what))) => words::sentence(what),
                None | Some(Again::OtherCard) => "The unresolved slip is issued.".to_owned(),
            };
            lines.extend(why(what, Style::new()));
        }
    }
    lines
}

const fn stop(prompt: &Prompt) -> &'static str {
    match prompt {
        Prompt::Retouch(_) | Prompt::OtherCard => "stop: print the unresolved slip",
        Prompt::BalanceCheck(_) => "stop: leave it at the slip",
        Prompt::Present | Prompt::PresentAgain(_) => "stop",
    }
}

fn countdown(app: &App, width: u16, left_ms: u64) -> Vec<Line<'static>> {
    // Rounded up: "0 s" is never shown while there is time.
    let seconds = left_ms.div_ceil(1000);
    let bar = BAR_WIDTH.min(u64::from(width.saturating_sub(SECONDS_WIDTH)));
    let full = seconds.min(bar) as usize;
    let rest = bar as usize - full;
    vec![Line::from(vec![
        Span::styled("━".repeat(full), app.theme.accent()),
        Span::styled("─".repeat(rest), app.theme.quiet()),
        Span::styled(format!("  {seconds} s left"), app.theme.strong()),
    ])]
}

fn working(app: &App, area: Rect, value_moving: bool) -> Vec<Line<'static>> {
    let theme = app.theme;
    let what = if value_moving { "The order is with the card." } else { "Reading the card." };
    let mut lines = vec![Line::styled(words::wanted(app.snapshot.wanted), theme.strong()), Line::default()];
    lines.extend(headline("DO NOT REMOVE", theme.accent(), area));
    lines.push(Line::default());
    lines.push(Line::styled("Do not remove the card.", theme.strong()));
    lines.push(Line::raw(what));
    lines
}

/// Longest PIN (ISO 9564-1:2017, 8.1).
const PIN_DOTS_MAX: usize = 12;

fn pin(app: &App, tries_left: Option<u8>) -> Vec<Line<'static>> {
    let theme = app.theme;
    let typed = app.pin_digits();
    let mut lines = vec![
        Line::styled(words::wanted(app.snapshot.wanted), theme.strong()),
        Line::default(),
        Line::from(vec![
            Span::styled("PIN  ", theme.accent()),
            Span::styled("● ".repeat(typed.min(PIN_DOTS_MAX)), theme.strong()),
            Span::styled(if typed > PIN_DOTS_MAX { "too long" } else { "" }, theme.bad()),
            Span::styled("_ ".repeat(4_usize.saturating_sub(typed)), theme.quiet()),
        ]),
        Line::default(),
    ];
    lines.extend(tries_left.map(|left| Line::styled(format!("Wrong PIN, tries left: {left}."), theme.bad())));
    lines.push(Line::raw("Leave the card where it is."));
    lines.push(Line::default());
    lines.push(step(app, "Enter", "confirm, after 4 to 12 digits"));
    lines.push(step(app, "Esc", "no PIN: cancel"));
    lines
}

fn done(app: &App, area: Rect, outcome: &Outcome) -> Vec<Line<'static>> {
    let (word, style) = words::outcome(outcome, app.theme);
    let text_width = usize::from(area.width);
    let mut lines = headline(word, style, area);
    lines.push(Line::default());
    for alarm in &outcome.alarms {
        let lines_of = wrapped(&alarm_sentence(alarm), text_width);
        lines.extend(lines_of.into_iter().map(|line| Line::styled(line, app.theme.bad())));
    }
    for sentence in words::meaning(outcome, app.snapshot.wanted) {
        lines.extend(wrapped(&sentence, text_width).into_iter().map(Line::raw));
    }
    for settled in &outcome.settled {
        let (sentence, style) = words::settled(settled, app.theme);
        lines.extend(wrapped(&sentence, text_width).into_iter().map(|line| Line::styled(line, style)));
    }
    match &outcome.result {
        OutcomeKind::Balance => lines.extend(balances(app, outcome)),
        OutcomeKind::History(items) => lines.extend(items.iter().map(|item| {
            Line::raw(format!("{}  {:<8} {:>14}  holds {:>14}", item.time, item.what, item.amount, item.balance_after))
        })),
        _ => {}
    }
    if let Some(slip) = &app.snapshot.slip {
        lines.push(Line::default());
        lines.extend(
            slip.lines()
                .map(|line| Line::from(vec![Span::styled("│ ", app.theme.quiet()), Span::raw(line.to_owned())])),
        );
    }
    lines
}

fn balances(app: &App, outcome: &Outcome) -> Vec<Line<'static>> {
    let Some(card) = &outcome.card else { return Vec::new() };
    let mut lines = vec![row(app, "Card", card.card.to_string())];
    for logical in &card.balances {
        lines.push(row(app, &format!("Logical card {}", logical.id), logical.balance.to_string()));
    }
    lines.extend(card.inactive.iter().map(|why| row(app, "Not active", why.clone())));
    lines
}
