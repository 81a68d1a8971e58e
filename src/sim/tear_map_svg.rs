//! The tear map as a picture: time runs from left to right, a square is a tear, its colour what became of the order.

use std::fmt::Write as _;

use super::field::When;
use super::tear_map::{Cell, Decision, Panel, TearMap, Way, same_story};

/// A square and the gap to the next, in pixels.
const SQUARE: u64 = 15;
const STEP: u64 = 17;
/// The narrowest command, for its name.
const COMMAND_MIN: u64 = 54;
const COMMAND_GAP: u64 = 7;
/// Names of the ways, left of the squares.
const LABELS: u64 = 70;
const EXCHANGE_ROWS: u64 = 3;
/// From the rows of exchanges to those of writes.
const ROWS_GAP: u64 = 8;
const PANEL_HEAD: u64 = 38;
const PANEL_HEIGHT: u64 = PANEL_HEAD + 9 * STEP + ROWS_GAP + 22;
const MARGIN: u64 = 28;
const HEAD: u64 = 128;

/// A command of an order with what is torn in it.
struct Block<'m> {
    name: &'static str,
    exchanges: Vec<&'m Cell>,
    writes: Vec<&'m Cell>,
}

impl Block<'_> {
    /// Numbers of its writes.
    fn columns(&self) -> Vec<u64> {
        let mut columns: Vec<u64> = self.writes.iter().map(|cell| cell.number).collect();
        columns.dedup();
        columns
    }

    fn width(&self) -> u64 {
        (self.columns().len() as u64 * STEP).max(COMMAND_MIN)
    }
}

/// As SVG, which needs nothing else.
pub fn write(map: &TearMap) -> String {
    let mut columns: Vec<Vec<&Panel>> = Vec::new();
    for panel in &map.panels {
        match columns.iter_mut().find(|column| column.first().is_some_and(|first| first.variant == panel.variant)) {
            Some(column) => column.push(panel),
            None => columns.push(vec![panel]),
        }
    }
    let wide = |column: &Vec<&Panel>| column.iter().map(|panel| width(panel)).max().unwrap_or(0);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0) as u64;
    let (full, height) =
        (MARGIN + columns.iter().map(|column| wide(column) + MARGIN).sum::<u64>(), rows * PANEL_HEIGHT);
    let mut svg = head(full.max(760), HEAD + height, map);
    let mut x = MARGIN;
    for column in &columns {
        for (row, panel) in (0..).zip(column) {
            draw(&mut svg, panel, x, HEAD + row * PANEL_HEIGHT);
        }
        x += wide(column) + MARGIN;
    }
    svg.push_str("</svg>\n");
    svg
}

/// Colour of the square, colour of its letters, letters before the number of touches.
const fn look(decision: Decision) -> (&'static str, &'static str, &'static str) {
    match decision {
        Decision::NotBegun => ("#e5e7eb", "#6b7280", "–"),
        Decision::NotPaid => ("#bfdbfe", "#1e3a8a", "N"),
        Decision::FoundNotPaid => ("#3b82c4", "#ffffff", "N"),
        Decision::FoundPaid => ("#23875c", "#ffffff", "P"),
        Decision::Paid => ("#b5e3c8", "#14532d", "P"),
    }
}

fn head(width: u64, height: u64, map: &TearMap) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"10\" fill=\"#1f2937\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    text(
        &mut svg,
        MARGIN,
        34,
        "font-size=\"18\" font-weight=\"bold\"",
        "Where an order is torn, and what becomes of it",
    );
    let line = "Time runs from left to right. Above, the exchange is torn; below, the power goes at that write to the card's memory and \
                leaves it so. The card stays away;";
    text(&mut svg, MARGIN, 54, "font-size=\"11\"", line);
    let line = "the next touch decides what is open. The number: touches that this took. If a rule were broken, there would be no picture.";
    text(&mut svg, MARGIN, 69, "font-size=\"11\"", line);
    let mut x = MARGIN;
    for decision in Decision::ALL {
        let all = || map.panels.iter().flat_map(|panel| &panel.cells).filter(|cell| cell.decision == decision);
        let count = all().count();
        if count == 0 {
            continue;
        }
        let touches = all().map(|cell| cell.touches).max().unwrap_or(0);
        squares(&mut svg, &[(x, 86, SQUARE)], decision, touches, &decision.to_string());
        let words = format!("{decision} ({count})");
        text(&mut svg, x + 21, 97, "font-size=\"11\"", &words);
        x += 40 + words.len() as u64 * 6;
    }
    svg
}

fn text(svg: &mut String, x: u64, y: u64, look: &str, words: &str) {
    // Writing to a string cannot fail. No word of a map needs escaping.
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" {look}>{words}</text>");
}

/// Left, top and width of a square.
type Place = (u64, u64, u64);

/// Squares with one story, which a pointer over them shows.
fn squares(svg: &mut String, places: &[Place], decision: Decision, touches: u32, title: &str) {
    let (fill, ink, letter) = look(decision);
    let letters = if touches == 0 { letter.to_owned() } else { format!("{letter}{touches}") };
    let _ = writeln!(svg, "<g><title>{title}</title><g fill=\"{fill}\">");
    for (x, y, width) in places {
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{SQUARE}\" rx=\"2\"/>");
    }
    let _ = writeln!(svg, "</g><g fill=\"{ink}\" font-size=\"9\" text-anchor=\"middle\">");
    for (x, y, width) in places {
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{letters}</text>", x + width / 2, y + 11);
    }
    svg.push_str("</g></g>\n");
}

/// The commands of an order, in time.
fn blocks(panel: &Panel) -> Vec<Block<'_>> {
    let up: Vec<&Cell> = panel.of(true).filter(|cell| cell.command == "reset").collect();
    let mut blocks = Vec::new();
    if !up.is_empty() {
        blocks.push(Block { name: "power-up", exchanges: Vec::new(), writes: up });
    }
    for exchange in panel.of(false).filter(|cell| cell.way == Way::Exchange(When::Before)) {
        let same = |cell: &&Cell| cell.exchange == exchange.exchange && cell.command != "reset";
        let (exchanges, writes) = (panel.of(false).filter(same).collect(), panel.of(true).filter(same).collect());
        blocks.push(Block { name: exchange.command, exchanges, writes });
    }
    blocks
}

fn width(panel: &Panel) -> u64 {
    LABELS + blocks(panel).iter().map(|block| block.width() + COMMAND_GAP).sum::<u64>()
}

fn draw(svg: &mut String, panel: &Panel, x: u64, y: u64) {
    let title = format!("{} under {}", panel.order, panel.variant);
    text(svg, x, y + 12, "font-size=\"13\" font-weight=\"bold\"", &title);
    let (top, below) = (y + PANEL_HEAD, y + PANEL_HEAD + EXCHANGE_ROWS * STEP + ROWS_GAP);
    for (first, writes) in [(top, false), (below, true)] {
        for (row, way) in (0..).zip(ways(panel, writes)) {
            let look = "text-anchor=\"end\" fill=\"#4b5563\"";
            text(svg, x + LABELS - 8, first + row * STEP + 11, look, &way.to_string());
        }
    }
    let mut left = x + LABELS;
    let mut placed: Vec<(Place, &Cell)> = Vec::new();
    for block in blocks(panel) {
        let look = "font-size=\"9\" text-anchor=\"middle\" fill=\"#4b5563\"";
        text(svg, left + block.width() / 2, top - 5, look, block.name);
        for (row, cell) in (0..).zip(&block.exchanges) {
            placed.push(((left, top + row * STEP, block.width() - 2), cell));
        }
        let columns = block.columns();
        let indent = (block.width() - columns.len() as u64 * STEP) / 2;
        for (column, number) in (0..).zip(&columns) {
            for (row, cell) in (0..).zip(block.writes.iter().filter(|cell| cell.number == *number)) {
                placed.push(((left + indent + column * STEP, below + row * STEP, SQUARE), cell));
            }
        }
        left += block.width() + COMMAND_GAP;
    }
    while let Some((_, first)) = placed.first().copied() {
        let (alike, others): (Vec<_>, Vec<_>) = placed.into_iter().partition(|(_, cell)| same_story(first, cell));
        placed = others;
        let places: Vec<Place> = alike.into_iter().map(|(place, _)| place).collect();
        squares(svg, &places, first.decision, first.touches, &story(first));
    }
}

/// The rows of a panel.
fn ways(panel: &Panel, writes: bool) -> Vec<Way> {
    panel.of(writes).take_while(|cell| cell.number == 0).map(|cell| cell.way).collect()
}

/// What a pointer over a square shows.
fn story(cell: &Cell) -> String {
    let Cell { seen, shown, written, found, at_once, .. } = cell;
    format!(
        "the terminal saw: {seen}\nshowed: {shown}\nwrote down: {written}\nthe next touch found: {found}\n\
         with the card back at once: {at_once}"
    )
}
