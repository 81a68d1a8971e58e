//! One case of the conformance suite: what it proves, what came of it, and its log, with what the octets mean.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::layout::{row, rows, wrapped};
use super::words;
use crate::conformance::evidence::{self, Seen};
use crate::report::suite::log::{self, Meanings};
use crate::tui::app::App;
use crate::tui::theme::Theme;
use crate::tui::verdicts::CaseLine;

/// Columns before the text of a line of the log.
const MARGIN: usize = 7;
/// Lines of a remark or of a check that held.
const TITLE_LINES: usize = 3;
/// Lines of octets shown of one that is not explained.
const OCTET_LINES: usize = 2;

pub(super) fn lines(app: &App, entry: &CaseLine, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let theme = app.theme;
    let result = &entry.result;
    let (sign, word, style) = words::turn(entry, theme);
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{}  ", result.id), theme.strong()),
        Span::styled(format!("{sign} {word}"), style),
        Span::styled(format!("  {}", log::duration(result.micros)), theme.quiet()),
    ])];
    lines.extend(wrapped(&result.purpose, width).into_iter().map(Line::raw));
    if let Some(reason) = words::reason(entry) {
        lines.extend(wrapped(reason, width).into_iter().map(|line| Line::styled(line, style)));
    }
    lines.push(Line::default());
    if !result.requirements.is_empty() {
        lines.extend(rows(app, "Requirements", &result.requirements.join(", "), width));
    }
    lines.push(row(app, "Risk", result.risk.to_string()));
    if !entry.kills.is_empty() {
        lines.extend(rows(app, "Finds", &entry.kills.join(", "), width));
    }
    lines.extend(entry.twin.as_ref().map(|twin| row(app, "Valid twin", twin.to_string())));
    if result.evidence.is_empty() {
        lines.extend(rows(app, "Headless", &format!("untorn test {}{}", result.id, words::options(app)), width));
        return lines;
    }
    lines.extend(rows(app, "Headless", &format!("untorn test --replay {}", result.replay), width));
    lines.push(Line::default());
    let mut before = 0;
    let meanings = app.suite.meanings(result);
    for line in log::shown(result) {
        if line.number > before + 1 {
            let text = format!("     … {} lines", line.number - before - 1);
            lines.push(Line::styled(text, theme.quiet()));
        }
        before = line.number;
        lines.extend(logged(app, line, &meanings, result.rests_on() == Some(line.number), width));
    }
    lines
}

/// A line of the log: its sign and what it means, its octets below.
fn logged(app: &App, line: &evidence::Line, meanings: &Meanings, rests: bool, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme;
    let (sign, style) = look(&line.what, theme);
    let octets = match &line.what {
        Seen::AnswerToReset { octets } | Seen::Command { octets, .. } | Seen::Response { octets } => Some(octets),
        _ => None,
    };
    let listing = app.suite.explains.then(|| meanings.listing(line)).flatten();
    let title = match (&listing, octets) {
        (Some(listing), _) => listing.lines().next().unwrap_or_default().to_owned(),
        (None, Some(_)) => meanings.of(line).unwrap_or_else(|| "reset, the card answers".to_owned()),
        (None, None) => words::logged(&line.what),
    };
    let arrow = if rests { ">" } else { " " };
    let mut lines = Vec::new();
    let mut parts = wrapped(&title, width.saturating_sub(MARGIN + 1).max(8));
    // What was as expected may be long, and need not be read; what was not is never cut.
    let is_broken = rests || matches!(line.what, Seen::Verdict { .. } | Seen::Check { held: false, .. });
    if parts.len() > TITLE_LINES && !is_broken {
        parts.truncate(TITLE_LINES);
        parts.iter_mut().next_back().into_iter().for_each(|last| last.push('…'));
    }
    for (index, part) in parts.into_iter().enumerate() {
        let head = if index == 0 { format!("{arrow}{:>3} {sign} ", line.number) } else { " ".repeat(MARGIN) };
        lines.push(Line::from(vec![Span::styled(head, style), Span::styled(part, style)]));
    }
    if rests {
        lines.push(Line::styled(format!("{}the verdict rests on this", " ".repeat(MARGIN)), theme.quiet()));
    }
    match (listing, octets) {
        (Some(listing), _) => lines.extend(explained(theme, &listing, width)),
        (None, Some(octets)) => lines.extend(bare(theme, octets, width)),
        (None, None) => {}
    }
    lines
}

/// The lines of a listing under its title. The offset in front is quiet, what stands there is not.
fn explained(theme: Theme, listing: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for text in listing.lines().skip(1) {
        let (offset, rest) = text.split_at_checked(5).unwrap_or(("", text));
        for (index, part) in wrapped(rest, width.saturating_sub(MARGIN + 6).max(8)).into_iter().enumerate() {
            let offset = if index == 0 { offset } else { "" };
            let margin = " ".repeat(MARGIN - 1);
            let offset = Span::styled(format!("{margin}{offset:>5} "), theme.quiet());
            lines.push(Line::from(vec![offset, Span::raw(part)]));
        }
    }
    lines
}

/// The octets themselves, in as many lines as one may spend on them.
fn bare(theme: Theme, octets: &str, width: usize) -> Vec<Line<'static>> {
    // Whole octets, three columns each.
    let each = (width.saturating_sub(MARGIN) / 3).max(1);
    let pairs: Vec<&str> = (0..octets.len()).step_by(2).filter_map(|at| octets.get(at..at + 2)).collect();
    let mut lines: Vec<String> = pairs.chunks(each).map(|chunk| chunk.join(" ")).collect();
    if lines.len() > OCTET_LINES {
        lines.truncate(OCTET_LINES);
        if let Some(last) = lines.last_mut() {
            last.truncate(last.len().saturating_sub(3));
            last.push_str(" …");
        }
    }
    let margin = " ".repeat(MARGIN);
    lines.into_iter().map(|line| Line::styled(format!("{margin}{line}"), theme.quiet())).collect()
}

fn look(seen: &Seen, theme: Theme) -> (char, Style) {
    match seen {
        Seen::AnswerToReset { .. } => ('○', theme.strong()),
        Seen::PowerOff => ('○', theme.quiet()),
        Seen::Command { .. } => ('→', theme.accent()),
        Seen::Response { .. } => ('←', theme.strong()),
        Seen::NoAnswer { .. } => ('✗', theme.unknown()),
        Seen::Torn { .. } => ('⚡', theme.unknown()),
        Seen::Written { .. } => ('▪', theme.quiet()),
        Seen::Note { .. } | Seen::Key { .. } => ('·', Style::new()),
        Seen::Check { held: true, .. } => ('✓', theme.good()),
        Seen::Check { held: false, .. } => ('✗', theme.bad()),
        Seen::Verdict { verdict, .. } => words::verdict(*verdict, theme),
    }
}
