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

/// Columns of the bar that shows how long a card is still waited for.
const BAR_WIDTH: u64 = 30;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, now: Moment) {
    let lines = match &app.snapshot.phase {
        Phase::Idle if !app.snapshot.unseen.is_empty() => return super::journal::open_records(frame, area, app),
        Phase::Idle => amount(app, area.width),
        Phase::Waiting { prompt, until } => waiting(app, area.width, prompt, now.millis_until(*until)),
        Phase::Working { value_moving } => working(app, area.width, *value_moving),
        Phase::AskPin { tries_left } => pin(app, *tries_left),
        Phase::Done(outcome) => {
            return scrolled(frame, area, app, done(app, area.width, outcome), &app.outcome);
        }
    };
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), area);
}

/// A word three lines high where there is room, one line high where there is none.
fn headline(text: &str, style: Style, width: u16) -> Vec<Line<'static>> {
    match big(text, width) {
        Some(lines) => lines.into_iter().map(|line| Line::styled(line, style)).collect(),
        None => vec![Line::styled(text.to_owned(), style)],
    }
}

fn amount(app: &App, width: u16) -> Vec<Line<'static>> {
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
    lines.extend(headline(&money.to_string(), app.theme.strong(), width));
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
    if let Some((after, tear)) = bench.armed {
        let mut line = row(app, "Tear", format!("ARMED exchange {}, {tear}", after + 1));
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

fn waiting(app: &App, width: u16, prompt: &Prompt, left_ms: u64) -> Vec<Line<'static>> {
    let theme = app.theme;
    let mut lines = vec![Line::styled(words::wanted(app.snapshot.wanted), theme.strong()), Line::default()];
    match prompt {
        Prompt::Present => lines.extend(headline("TOUCH CARD", theme.accent(), width)),
        Prompt::PresentAgain(why) => {
            lines.extend(headline("TOUCH AGAIN", theme.accent(), width));
            lines.push(Line::default());
            match why.told() {
                None => lines.push(Line::raw("The card left too early. Nothing was taken.")),
                Some(why) => {
                    let text = format!("{} Nothing was taken.", words::sentence(why));
                    lines.extend(wrapped(&text, width.into()).into_iter().map(Line::raw));
                }
            }
        }
        Prompt::Retouch(_) | Prompt::OtherCard => {
            lines.extend(headline("UNRESOLVED", theme.unknown(), width));
            lines.push(Line::default());
            match prompt {
                Prompt::Retouch(Lost::NoAnswer(why)) => {
                    let text = format!("処理未了  {}", words::sentence(why));
                    let text = wrapped(&text, width.into()).into_iter();
                    lines.extend(text.map(|line| Line::styled(line, theme.unknown())));
                }
                _ => lines.push(Line::styled("処理未了  The card left before its answer came.", theme.unknown())),
            }
            lines.push(Line::default());
            if *prompt == Prompt::OtherCard {
                lines.push(Line::styled("This is another card. It is not charged.", theme.bad()));
            }
            lines.push(Line::styled("Touch the SAME card once more.", theme.strong()));
            lines.push(Line::raw("Take no other payment until this is decided."));
        }
        Prompt::BalanceCheck(again) => {
            lines.extend(headline("CHECK BALANCE", theme.unknown(), width));
            lines.push(Line::default());
            let (text, style) = match again {
                None => ("The unresolved slip is issued.".to_owned(), Style::new()),
                Some(Again::OtherCard) => ("This is another card. It is not charged.".to_owned(), theme.bad()),
                Some(Again::Lost(Lost::CardLeft)) => ("The card left too early.".to_owned(), Style::new()),
                Some(Again::Lost(Lost::NoAnswer(why))) => (words::sentence(why), theme.unknown()),
            };
            lines.extend(wrapped(&text, width.into()).into_iter().map(|line| Line::styled(line, style)));
            let which = if *again == Some(Again::OtherCard) { "Touch the SAME card" } else { "Touch the card" };
            lines.push(Line::styled(format!("{which} to see its balance."), theme.strong()));
            lines.extend(app.snapshot.held_before.map(|held| Line::raw(format!("It held {held} before."))));
        }
    }
    lines.push(Line::default());
    lines.extend(countdown(app, left_ms));
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

const fn stop(prompt: &Prompt) -> &'static str {
    match prompt {
        Prompt::Retouch(_) | Prompt::OtherCard => "stop: print the unresolved slip",
        Prompt::BalanceCheck(_) => "stop: leave it at the slip",
        Prompt::Present | Prompt::PresentAgain(_) => "stop",
    }
}

fn countdown(app: &App, left_ms: u64) -> Vec<Line<'static>> {
    // Rounded up: "0 s" is never shown while there is time.
    let seconds = left_ms.div_ceil(1000);
    let full = seconds.min(BAR_WIDTH) as usize;
    let rest = BAR_WIDTH as usize - full;
    vec![Line::from(vec![
        Span::styled("━".repeat(full), app.theme.accent()),
        Span::styled("─".repeat(rest), app.theme.quiet()),
        Span::styled(format!("  {seconds} s left"), app.theme.strong()),
    ])]
}

fn working(app: &App, width: u16, value_moving: bool) -> Vec<Line<'static>> {
    let theme = app.theme;
    let what = if value_moving { "The order is with the card." } else { "Reading the card." };
    let mut lines = vec![Line::styled(words::wanted(app.snapshot.wanted), theme.strong()), Line::default()];
    lines.extend(headline("DO NOT REMOVE", theme.accent(), width));
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

fn done(app: &App, width: u16, outcome: &Outcome) -> Vec<Line<'static>> {
    let (word, style) = words::outcome(outcome, app.theme);
    let text_width = usize::from(width);
    let mut lines = headline(word, style, width);
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
