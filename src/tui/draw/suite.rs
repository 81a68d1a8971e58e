//! The conformance suite: a tree of suites and cases, their verdicts as they come, how far the run is.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::layout::{WIDE, columns, cut, pane, scrolled, wrapped};
use super::{case, words};
use crate::conformance::result::Standing;
use crate::counted::counted;
use crate::report::suite::log::duration;
use crate::tui::app::{App, Tab};
use crate::tui::mutant_picker::Picker;
use crate::tui::suite_view::Row;
use crate::tui::verdicts::{CaseLine, Ended, Progress, Turn};

/// Columns of the bar of the whole run, and of a suite's own.
const BAR_WIDTH: usize = 24;
const SUITE_BAR_WIDTH: usize = 12;
/// Columns of a case's id and of its verdict.
const ID_WIDTH: usize = 18;
const VERDICT_WIDTH: usize = 14;
/// Columns of a defect's name.
const MUTANT_WIDTH: usize = 34;
/// How many of [`Standing::ALL`] are verdicts; they come first.
const VERDICTS: usize = 5;
/// Lines below a narrow tree that explain the chosen line.
const ABOUT_LINES: u16 = 5;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    if let Some(picker) = &app.suite.picker {
        let inner = pane(frame, area, app, "Deliberate defects", true);
        return mutants(frame, inner, app, picker);
    }
    if area.width >= WIDE {
        let columns = [Constraint::Percentage(50), Constraint::Percentage(50)];
        let [left, right] = Layout::horizontal(columns).areas(area);
        let shows_case = app.suite.evidence.is_some();
        let inner = pane(frame, left, app, Tab::Suite.title(), !shows_case);
        tree(frame, inner, app);
        let inner = pane(frame, right, app, "Case", shows_case);
        chosen(frame, inner, app);
        return;
    }
    let inner = pane(frame, area, app, Tab::Suite.title(), true);
    if app.suite.evidence.is_some() {
        return chosen(frame, inner, app);
    }
    let rows = [Constraint::Min(0), Constraint::Length(ABOUT_LINES.min(inner.height / 3))];
    let [top, below] = Layout::vertical(rows).areas(inner);
    tree(frame, top, app);
    let about = about(app, usize::from(below.width));
    // An empty line between, where there is room for one.
    let gap = usize::from(about.len() < usize::from(below.height));
    let about: Vec<Line<'_>> = std::iter::repeat_n(Line::default(), gap).chain(about).collect();
    frame.render_widget(Paragraph::new(about), below);
}

/// The chosen case with its log, or what can be said of the chosen suite.
fn chosen(frame: &mut Frame<'_>, area: Rect, app: &App) {
    match (app.suite.case(), &app.suite.evidence) {
        (Some(entry), Some(scroll)) => scrolled(frame, area, app, case::lines(app, entry, area.width), scroll),
        (Some(entry), None) => {
            let top = crate::tui::position::Position::default();
            scrolled(frame, area, app, case::lines(app, entry, area.width), &top);
        }
        _ => frame.render_widget(Paragraph::new(about(app, usize::from(area.width))), area),
    }
}

fn tree(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let head = head(app, usize::from(area.width));
    let rows = [Constraint::Length(head.len() as u16), Constraint::Min(0)];
    let [top, below] = Layout::vertical(rows).areas(area);
    frame.render_widget(Paragraph::new(head), top);
    let rows = app.suite.rows();
    if rows.is_empty() {
        let text = if app.suite.search.is_empty() { "Nothing has failed." } else { "No case is found." };
        return frame.render_widget(Line::styled(format!("{text} Esc shows all cases."), app.theme.quiet()), below);
    }
    let at = app.suite.index(&rows);
    let room = usize::from(below.height).max(1);
    // The chosen line in the middle, as far as there is something above and below it.
    let from = at.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    let lines: Vec<Line<'_>> = rows
        .iter()
        .enumerate()
        .skip(from)
        .take(room)
        .map(|(index, row)| match row {
            Row::Suite(name) => suite_line(app, name, index == at, usize::from(below.width)),
            Row::Case(entry) => case_line(app, entry, index == at, usize::from(below.width)),
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), below);
}

/// What is under test, and how far the run is; an empty line below.
fn head(app: &App, width: usize) -> Vec<Line<'static>> {
    let picture = &app.suite.picture;
    let theme = app.theme;
    let mut lines: Vec<Line<'static>> =
        wrapped(&subject(app), width).into_iter().map(|line| Line::styled(line, theme.quiet())).collect();
    if let Some(notice) = &picture.notice {
        lines.extend(wrapped(notice, width).into_iter().map(|line| Line::styled(line, theme.bad())));
    }
    match (&picture.run, &picture.ended) {
        (Some(run), _) => lines.push(progress(app, run)),
        (None, Some(ended)) => lines.extend(ended_lines(app, ended, width)),
        (None, None) => lines.push(Line::from(vec![
            Span::styled(format!("{}. ", counted(picture.cases.len(), "case")), theme.strong()),
            Span::styled("a", theme.accent()),
            Span::raw(" runs them all, "),
            Span::styled("r", theme.accent()),
            Span::raw(" what is chosen, "),
            Span::styled("m", theme.accent()),
            Span::raw(" has it with a defect."),
        ])),
    }
    // A real card has none.
    let at_virtual = app.snapshot.readers.get(app.snapshot.reader).is_none_or(|reader| reader.is_virtual);
    let wished = app.suite.mutant.filter(|_| at_virtual);
    if wished
        .is_some_and(|wished| picture.subject.as_ref().and_then(|subject| subject.mutant.as_deref()) != Some(wished))
    {
        let text = format!("The next run is with the deliberate defect {}.", wished.unwrap_or_default());
        lines.extend(wrapped(&text, width).into_iter().map(|line| Line::styled(line, theme.unknown())));
    }
    if app.suite.types || !app.suite.search.is_empty() {
        let cursor = if app.suite.types { "_" } else { "" };
        lines.push(Line::from(vec![
            Span::styled("Only with ", theme.unknown()),
            Span::styled(format!("{}{cursor}", app.suite.search), theme.accent()),
            Span::raw("; "),
            Span::styled("Esc", theme.accent()),
            Span::raw(" shows all cases."),
        ]));
    }
    if app.suite.only_failures {
        lines.push(Line::from(vec![
            Span::styled("Only what did not pass; ", theme.unknown()),
            Span::styled("f", theme.accent()),
            Span::raw(" shows all cases."),
        ]));
    }
    lines.push(Line::default());
    lines
}

fn subject(app: &App) -> String {
    let in_use = app.snapshot.readers.get(app.snapshot.reader);
    let reader = in_use.filter(|line| !line.is_virtual).map(|line| line.name.as_str());
    let subject = app.suite.picture.subject.as_ref();
    let known = subject.filter(|subject| app.suite.picture.run.is_some() || subject.reader.as_deref() == reader);
    match (known, reader) {
        (Some(subject), _) => match (&subject.reader, &subject.identity) {
            (None, _) => match &subject.mutant {
                None => format!("On virtual subjects of the suite's own: {}.", subject.statement),
                Some(mutant) => {
                    format!("On virtual subjects of the suite's own, with the defect {mutant}: {}.", subject.statement)
                }
            },
            (Some(reader), identity) => {
                let identity = identity.as_deref().unwrap_or_default();
                let rights = if subject.only_reads {
                    "It was not named with --card, so only cases that read are run."
                } else {
                    "It was named, so it is written to."
                };
                format!("It is {identity} at {reader}: {}. {rights}", subject.statement)
            }
        },
        (None, Some(reader)) => {
            format!("A run is on the card at {reader}: only cases that read, unless it was named with --card.")
        }
        (None, None) => "A run is on virtual subjects of the suite's own.".to_owned(),
    }
}

fn progress(app: &App, run: &Progress) -> Line<'static> {
    let theme = app.theme;
    let full = (run.done * BAR_WIDTH).checked_div(run.of).unwrap_or(BAR_WIDTH);
    let left = match run.micros_left() {
        _ if run.stopping => "stopping".to_owned(),
        // Rounded up: "0 s" is never shown while there is something to do.
        Some(micros) => format!("{} s left", micros.div_ceil(1_000_000).max(1)),
        None => String::new(),
    };
    let mut spans = vec![
        Span::styled("━".repeat(full), theme.accent()),
        Span::styled("─".repeat(BAR_WIDTH - full), theme.quiet()),
        Span::styled(format!("  {}/{}  {left:<9}", run.done, run.of), theme.strong()),
    ];
    if run.not_passed > 0 {
        spans.push(Span::styled(format!("  {} not passed", run.not_passed), theme.bad()));
    }
    spans.push(Span::styled(format!("  {}", run.case), theme.quiet()));
    Line::from(spans)
}

fn ended_lines(app: &App, ended: &Ended, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut line = Line::from(Span::styled(format!("Ended after {}: ", duration(ended.micros)), app.theme.strong()));
    for (index, (standing, count)) in ended.counts.iter().enumerate() {
        let comma = if index + 1 < ended.counts.len() { ", " } else { "" };
        let count = format!("{count} {standing}");
        if line.width() + count.len() + comma.len() > width {
            lines.push(std::mem::take(&mut line));
        }
        line.push_span(Span::styled(count, words::standing(*standing, app.theme).2));
        line.push_span(comma);
    }
    lines.push(line);
    if let Some(kept) = &ended.kept {
        let text = format!("Report and logs: {}", kept.display());
        lines.extend(wrapped(&text, width).into_iter().map(Line::raw));
    } else {
        lines.push(Line::from(vec![
            Span::styled("w", app.theme.accent()),
            Span::raw(" keeps report and logs in a folder."),
        ]));
    }
    lines
}

/// The list from which a defect is chosen, and what is typed to find one.
fn mutants(frame: &mut Frame<'_>, area: Rect, app: &App, picker: &Picker) {
    let theme = app.theme;
    let width = usize::from(area.width);
    let text =
        "What is tested from now on has this defect, and cases should fail. * money or authentication is at stake.";
    let mut lines: Vec<Line<'_>> =
        wrapped(text, width).into_iter().map(|line| Line::styled(line, theme.quiet())).collect();
    lines.push(Line::from(vec![Span::raw("Only with "), Span::styled(format!("{}_", picker.text), theme.accent())]));
    lines.push(Line::default());
    let room = usize::from(area.height).saturating_sub(lines.len()).max(1);
    let none = ("none", false, "Everything as it should be.");
    let listed = picker.listed().into_iter().map(|mutant| (mutant.name, mutant.critical, mutant.defect));
    let rows: Vec<_> = std::iter::once(none).chain(listed).collect();
    let from = picker.at.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    for (index, (name, critical, defect)) in rows.into_iter().enumerate().skip(from).take(room) {
        let (mark, style) = if index == picker.at { ("▸ ", theme.accent()) } else { ("  ", Style::new()) };
        let star = if critical { "*" } else { " " };
        let head = format!("{mark}{name:<MUTANT_WIDTH$} {star} ");
        let defect = cut(defect, width.saturating_sub(columns(&head)));
        let quiet = if index == picker.at { style } else { theme.quiet() };
        lines.push(Line::from(vec![Span::styled(head, style), Span::styled(defect, quiet)]));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn standing(entry: &CaseLine) -> Standing {
    entry.result.standing()
}

fn suite_line(app: &App, name: &str, chosen: bool, width: usize) -> Line<'static> {
    let theme = app.theme;
    let cases: Vec<&CaseLine> = app.suite.picture.cases_of(name).collect();
    let base = if chosen { theme.accent() } else { theme.strong() };
    let mark = if chosen { "▸ " } else { "  " };
    let fold = if app.suite.is_unfolded(name) { "▾" } else { "▹" };
    let head = Span::styled(format!("{mark}{fold} {name:<11}"), base);
    let waits = cases.iter().filter(|entry| entry.turn != Turn::None).count();
    let known = |kind| cases.iter().filter(|entry| entry.turn == Turn::None && standing(entry) == kind).count();
    let counted = Standing::ALL
        .into_iter()
        .map(|kind| (known(kind), [kind.name(), words::short(kind)], words::standing(kind, theme).2));
    // What the run under way has still to do is more than what it leaves out.
    let mut counted: Vec<(usize, [&str; 2], Style)> = counted.collect();
    counted.insert(VERDICTS, (waits, ["to come", "to come"], theme.accent()));
    counted.retain(|(count, ..)| *count > 0);
    // A number is never left out: the words get short, then the bar goes.
    let lines = [(0, true), (1, true), (1, false)].map(|(form, with_bar)| {
        let mut spans = vec![head.clone()];
        if with_bar {
            spans.extend(bar(app, &cases));
        }
        for (index, (count, words, style)) in counted.iter().enumerate() {
            spans.push(Span::raw(if index == 0 { "  " } else { ", " }));
            spans.push(Span::styled(format!("{count} {}", words[form]), *style));
        }
        Line::from(spans)
    });
    let fits = |line: &&Line<'_>| line.width() <= width;
    let line = lines.iter().find(fits).or(lines.last());
    line.cloned().unwrap_or_default()
}

/// A suite's cases as one bar: what ran is thick. A single failure is never too small to be seen.
fn bar(app: &App, cases: &[&CaseLine]) -> Vec<Span<'static>> {
    let theme = app.theme;
    let known: Vec<&&CaseLine> = cases.iter().filter(|entry| entry.turn == Turn::None).collect();
    let cells = |count: usize| if count == 0 { 0 } else { (count * SUITE_BAR_WIDTH / cases.len().max(1)).max(1) };
    let count = |wanted: &[Standing]| known.iter().filter(|entry| wanted.contains(&standing(entry))).count();
    let bad = cells(count(&[Standing::Failed, Standing::Error]));
    let open = cells(count(&[Standing::Inconclusive, Standing::Expected])).min(SUITE_BAR_WIDTH - bad);
    let ran = count(&[Standing::Passed]);
    let all_known = count(&[Standing::NotRun]) == 0 && known.len() == cases.len();
    let rest = SUITE_BAR_WIDTH - bad - open;
    let good = if ran > 0 && all_known { rest } else { cells(ran).min(rest) };
    vec![
        Span::styled("━".repeat(good), theme.good()),
        Span::styled("━".repeat(open), theme.unknown()),
        Span::styled("━".repeat(bad), theme.bad()),
        Span::styled("─".repeat(rest - good), theme.quiet()),
    ]
}

fn case_line(app: &App, entry: &CaseLine, chosen: bool, width: usize) -> Line<'static> {
    let theme = app.theme;
    let base = if chosen { theme.accent() } else { Style::new() };
    let (sign, word, style) = words::turn(entry, theme);
    let mark = if chosen { "▸ " } else { "  " };
    let room = width.saturating_sub(4 + ID_WIDTH + 1 + VERDICT_WIDTH + 2 + 1);
    Line::from(vec![
        Span::styled(format!("{mark}  {:<ID_WIDTH$} ", entry.result.id), base),
        Span::styled(format!("{sign} {word:<VERDICT_WIDTH$} "), style),
        Span::styled(cut(&entry.result.purpose, room), if chosen { base } else { theme.quiet() }),
    ])
}

/// What the chosen line is about, below or beside the tree.
fn about(app: &App, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme;
    let styled = |text: &str, style: Style| -> Vec<Line<'static>> {
        wrapped(text, width).into_iter().map(|line| Line::styled(line, style)).collect()
    };
    match app.suite.row() {
        Some(Row::Case(entry)) => {
            let mut lines = styled(&entry.result.purpose, Style::new());
            if let Some(reason) = words::reason(entry) {
                lines.extend(styled(reason, words::turn(entry, theme).2));
            }
            lines
        }
        Some(Row::Suite(name)) => {
            let cases = app.suite.picture.cases_of(name).count();
            let text = format!("{name}: {}. Enter lists them.", counted(cases, "case"));
            let mut lines = styled(&text, Style::new());
            lines
                .extend(styled(&format!("Without a window: untorn test {name}{}", words::options(app)), theme.quiet()));
            lines
        }
        None => Vec::new(),
    }
}
