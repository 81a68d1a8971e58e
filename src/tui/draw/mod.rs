//! Draws a snapshot. Everything here is a function of window state, snapshot and time; nothing waits, locks or asks.

mod bench;
mod case;
mod exchange;
mod help;
mod journal;
mod layout;
mod readers;
mod sale;
mod suite;
mod words;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use self::layout::{WIDE, columns, margin, pane};
use super::app::{App, Tab};
use super::keys::{self, Binding, KeyCommand, Mode};
use crate::report::plain::{self, Charset};
use crate::time::Moment;

/// Columns of the sale in a wide window: room for a slip and its margins; more where there is more.
const SALE_WIDTH: u16 = 46;
/// Columns of the bench in a wide window.
const BENCH_WIDTH: u16 = 38;
/// Columns that the exchange keeps before the sale gets more.
const EXCHANGE_WIDTH: u16 = 40;

/// Below this the keys of the place have the bottom line to themselves, but for help.
const NARROW: u16 = 60;
/// Below this an amount or a prompt would be cut, so that it could be misread.
const WIDTH_MIN: u16 = 30;
const HEIGHT_MIN: u16 = 11;

/// Whether a window of this size is drawn: what nobody sees, nobody can have asked for.
pub fn fits(width: u16, height: u16) -> bool {
    width >= WIDTH_MIN && height >= HEIGHT_MIN
}

/// Draws the whole window as it is at `now`.
pub fn draw(frame: &mut Frame<'_>, app: &App, now: Moment) {
    let area = frame.area();
    if !fits(area.width, area.height) {
        let text =
            format!("Needs {WIDTH_MIN}x{HEIGHT_MIN}, has {}x{}: too small; no order is taken", area.width, area.height);
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let rows = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
    ];
    let [title, _, body, notice, bottom] = Layout::vertical(rows).areas(frame.area());
    title_line(frame, title, app);
    if let Some(scroll) = &app.help {
        let inner = pane(frame, body, app, "Keys", true);
        help::draw(frame, inner, app, scroll);
    } else {
        panes(frame, body, app, now);
    }
    if let Some(text) = app.said.or(app.snapshot.notice.as_deref()) {
        frame.render_widget(Line::styled(format!(" ! {text}"), app.theme.bad()), notice);
    }
    bottom_line(frame, bottom, app);
    make_plain(frame.buffer_mut(), app.theme.charset);
}

/// The last look at what is drawn: nothing from outside turns text around, and a terminal that knows ASCII only gets nothing else.
fn make_plain(buffer: &mut Buffer, charset: Charset) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.contains(plain::is_unsafe) {
            cell.set_symbol("?");
        } else if charset == Charset::Ascii && !symbol.is_ascii() {
            // A wide character has a second cell: its words stand beside it in English.
            let is_wide = columns(symbol) > 1;
            let letter = symbol.chars().next().map_or(' ', |letter| if is_wide { ' ' } else { plain::ascii(letter) });
            cell.set_char(letter);
        }
    }
}

fn panes(frame: &mut Frame<'_>, body: Rect, app: &App, now: Moment) {
    match app.tab {
        Tab::Journal => {
            let inner = pane(frame, body, app, Tab::Journal.title(), true);
            journal::draw(frame, inner, app);
        }
        Tab::Readers => {
            let inner = pane(frame, body, app, Tab::Readers.title(), true);
            readers::draw(frame, inner, app);
        }
        Tab::Suite => suite::draw(frame, body, app),
        _ if body.width >= WIDE => side_by_side(frame, body, app, now),
        Tab::Exchange => exchange::draw(frame, margin(body), app),
        Tab::Bench => bench::draw(frame, margin(body), app),
        Tab::Sale => sale::draw(frame, margin(body), app, now),
    }
}

fn side_by_side(frame: &mut Frame<'_>, body: Rect, app: &App, now: Moment) {
    let bench_width = if app.snapshot.bench.is_some() { BENCH_WIDTH } else { 0 };
    let spare = body.width.saturating_sub(SALE_WIDTH + bench_width + EXCHANGE_WIDTH);
    let columns = [Constraint::Length(SALE_WIDTH + spare.min(14)), Constraint::Min(0), Constraint::Length(bench_width)];
    let [sale, exchange, bench] = Layout::horizontal(columns).areas(body);
    let inner = pane(frame, sale, app, Tab::Sale.title(), app.tab == Tab::Sale);
    sale::draw(frame, inner, app, now);
    let inner = pane(frame, exchange, app, Tab::Exchange.title(), app.tab == Tab::Exchange);
    exchange::draw(frame, inner, app);
    if bench_width > 0 {
        let inner = pane(frame, bench, app, Tab::Bench.title(), app.tab == Tab::Bench);
        bench::draw(frame, inner, app);
    }
}

fn title_line(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let name = || vec![Span::styled(" untorn ", app.theme.strong()), Span::raw(" ")];
    let mut spans = name();
    for tab in Tab::ALL.into_iter().filter(|tab| app.has(*tab)) {
        let style = if tab == app.tab { app.theme.chosen() } else { app.theme.quiet() };
        spans.push(Span::styled(format!(" {} ", tab.title()), style));
    }
    let mut tabs = Line::from(spans);
    if tabs.width() > usize::from(area.width) {
        // The screen that one is on, and that there are others.
        let mut spans = name();
        spans.push(Span::styled(format!(" ◂ {} ▸ ", app.tab.title()), app.theme.chosen()));
        tabs = Line::from(spans);
    }
    let room = usize::from(area.width).saturating_sub(tabs.width() + 1);
    frame.render_widget(tabs, area);
    let snapshot = &app.snapshot;
    let reader = snapshot.readers.get(snapshot.reader).map_or("no reader", |reader| reader.name.as_str());
    // The reader matters more than the profile where only one of them has room.
    let places = [format!("{} · {reader} ", snapshot.profile), format!("{reader} ")];
    if let Some(place) = places.into_iter().find(|place| columns(place) <= room) {
        frame.render_widget(Line::from(Span::styled(place, app.theme.quiet())).right_aligned(), area);
    }
}

/// The keys that count now: those of the place to the left, those of the whole window to the right.
fn bottom_line(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let mode = app.mode();
    let general: &[KeyCommand] = if area.width < NARROW {
        &[KeyCommand::Help]
    } else {
        &[KeyCommand::NextTab, KeyCommand::Help, KeyCommand::Quit]
    };
    let (right, left): (Vec<_>, Vec<_>) =
        labelled(app, mode).into_iter().partition(|(_, binding)| general.contains(&binding.command));
    let right = Line::from(hints(app, &right, usize::from(area.width)));
    let room = usize::from(area.width).saturating_sub(right.width());
    frame.render_widget(Line::from(hints(app, &left, room)), area);
    if right.width() <= usize::from(area.width) {
        frame.render_widget(right.right_aligned(), area);
    }
}

/// Keys with the same label share it.
fn labelled(app: &App, mode: Mode) -> Vec<(String, &'static Binding)> {
    let mut labels: Vec<(String, &Binding)> = Vec::new();
    for binding in keys::bindings(mode).filter(|binding| !binding.label.is_empty() && applies(app, binding)) {
        match labels.last_mut() {
            Some((keys, last)) if last.label == binding.label => keys.push_str(&binding.key.name()),
            _ => labels.push((binding.key.name(), binding)),
        }
    }
    labels
}

fn applies(app: &App, binding: &Binding) -> bool {
    let on_bench = app.snapshot.bench.as_ref();
    match binding.command {
        KeyCommand::Present => on_bench.is_some_and(|bench| !bench.on_reader),
        KeyCommand::Lift => on_bench.is_some_and(|bench| bench.on_reader),
        // On the bench itself Enter says so already.
        KeyCommand::Arm => on_bench.is_some() && (app.mode() != Mode::Bench || binding.label == "arm"),
        KeyCommand::Run | KeyCommand::RunAll | KeyCommand::PickMutant => app.suite.picture.run.is_none(),
        KeyCommand::StopRun => app.suite.picture.run.is_some(),
        KeyCommand::Write => app.suite.picture.ended.as_ref().is_some_and(|ended| ended.kept.is_none()),
        KeyCommand::Acknowledge => app.acknowledgeable().is_some(),
        KeyCommand::Resolve => app.chosen_order().is_some_and(|order| order.state.is_unresolved()),
        _ => true,
    }
}

fn hints(app: &App, labels: &[(String, &Binding)], room: usize) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut used = 1;
    for (keys, binding) in labels {
        let width = keys.chars().count() + 1 + binding.label.len() + 2;
        if used + width > room {
            break;
        }
        used += width;
        spans.push(Span::styled(format!(" {keys}"), app.theme.accent()));
        spans.push(Span::raw(format!(" {} ", binding.label)));
    }
    spans
}
