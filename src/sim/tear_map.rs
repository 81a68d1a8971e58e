//! The tear map: every place where an order can be torn once, and what came of it. What [`super::explore`] judges, to be looked at.
//!
//! Each place is played twice. First the card stays away: the terminal gives up, and whatever it left open the next touch decides.
//! Then the card comes back at once, within the request. Both obey the rules of [`super::tear`], or there is no map.

use std::fmt::{self, Write as _};

use super::field::{Loss, When};
use super::tear::{Scenario, Setting, Story, TORN_MODES, Tear, Then};
use crate::card::memory::{Cut, Torn};
use crate::family::lab::{Act, Lab, Ordered, Trial};
use crate::journal::record::{Entry, Resolution, Source};
use crate::terminal::event::OutcomeKind;

/// Exchanges or writes of one order, far above what any has.
const PLACES_MAX: u64 = 256;

/// The map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TearMap {
    /// Randomness of cards.
    pub seed: u64,
    /// One for each variant and order.
    pub panels: Vec<Panel>,
}

/// An order under a variant of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    /// As the family names it.
    pub variant: &'static str,
    /// As the explorer names it.
    pub order: &'static str,
    /// Exchanges first, then writes, each in order.
    pub cells: Vec<Cell>,
}

/// A place, and what came of a tear there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Exchange or write, from 0.
    pub number: u64,
    /// How it is torn.
    pub way: Way,
    /// The exchange that it falls into, from 0; of a card that was coming up, the one that would have been next.
    pub exchange: u64,
    /// The command under way: `TRANSACT`; `reset` where the card was coming up.
    pub command: &'static str,
    /// What the terminal saw of it.
    pub seen: String,
    /// What it showed when the card stayed away.
    pub shown: String,
    /// What it had written down then.
    pub written: String,
    /// What the next touch found.
    pub found: String,
    /// Of both in one word.
    pub decision: Decision,
    /// Touches after the request until nothing was open.
    pub touches: u32,
    /// How the same order ends when the card comes back at once.
    pub at_once: String,
}

/// In which way a place is torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// An exchange.
    Exchange(When),
    /// A write to the card's memory.
    Write(Torn),
}

/// What became of the order when the card stayed away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing was written down, and nothing moved.
    NotBegun,
    /// The request itself ended as paid.
    Paid,
    /// The request itself ended as not paid.
    NotPaid,
    /// Left unresolved, and found paid by a later touch.
    FoundPaid,
    /// Left unresolved, and found not paid by a later touch.
    FoundNotPaid,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::NotBegun, Self::NotPaid, Self::FoundNotPaid, Self::FoundPaid, Self::Paid];
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBegun => "nothing begun, nothing to resolve",
            Self::Paid => "paid within the request",
            Self::NotPaid => "not paid within the request",
            Self::FoundPaid => "unresolved, then found paid",
            Self::FoundNotPaid => "unresolved, then found not paid",
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exchange(When::Before) => "before",
            Self::Exchange(When::After) => "after",
            Self::Exchange(When::Garbled) => "mid-answer",
            Self::Write(Torn::Nothing) => "nothing",
            Self::Write(Torn::All) => "all",
            Self::Write(Torn::Prefix(_)) => "prefix",
            Self::Write(Torn::Erased) => "erased",
            Self::Write(Torn::Random(_)) => "random",
            Self::Write(Torn::Unstable(_)) => "unstable",
        })
    }
}

impl TearMap {
    /// Plays everything.
    ///
    /// # Errors
    /// A rule is broken, or our own cards cannot be made: in words.
    pub fn draw(lab: &'static dyn Lab, seed: u64, variants: &[&'static str], trials: &[Trial]) -> Result<Self, String> {
        let mut panels = Vec::new();
        for &variant in variants {
            let setting = Setting::new(lab, variant, seed, None)?;
            for &trial in trials {
                // What no terminal orders has no story to tell.
                let Act::Order(ordered) = trial.act else { continue };
                panels.push(Panel { variant, order: trial.name, cells: cells(&setting, trial, ordered)? });
            }
        }
        Ok(Self { seed, panels })
    }
}

impl Panel {
    /// The cells of exchanges, or those of writes.
    pub fn of(&self, writes: bool) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(move |cell| matches!(cell.way, Way::Write(_)) == writes)
    }
}

fn cells(setting: &Setting, trial: Trial, ordered: Ordered) -> Result<Vec<Cell>, String> {
    let mut cells = Vec::new();
    let exchanges = |at, way: When| (Tear::Exchange(at, way), Way::Exchange(way));
    place(setting, (trial, ordered), &mut cells, |at| When::ALL.map(|when| exchanges(at, when)).to_vec())?;
    let writes = |at, torn| (Tear::Write(Cut { after_writes: at, torn }), Way::Write(torn));
    place(setting, (trial, ordered), &mut cells, |at| TORN_MODES.map(|torn| writes(at, torn)).to_vec())?;
    Ok(cells)
}

/// At 0, 1, 2 ... in each way, until one is beyond the end.
fn place(
    setting: &Setting,
    (trial, ordered): (Trial, Ordered),
    cells: &mut Vec<Cell>,
    ways: impl Fn(u64) -> Vec<(Tear, Way)>,
) -> Result<(), String> {
    for number in 0..PLACES_MAX {
        for (tear, way) in ways(number) {
            let play = |then| {
                let (variant, tear) = (setting.variant(), Some(tear));
                let scenario = Scenario { trial, ordered, variant, tear, again: None, then };
                setting.run(&scenario).map_err(|violation| violation.to_string())
            };
            let away = play(Then::Never)?;
            if !away.torn {
                return Ok(());
            }
            cells.push(cell(setting.lab(), (number, way), &away.story, &play(Then::SameCard)?.story));
        }
    }
    Err(format!("an order with more than {PLACES_MAX} places to tear it"))
}

fn cell(lab: &dyn Lab, (number, way): (u64, Way), away: &Story, back: &Story) -> Cell {
    Cell {
        number,
        way,
        exchange: away.seen.map_or(number, |loss| loss.exchange),
        command: command(lab, away.seen),
        seen: seen(lab, away.seen),
        shown: shown(away.ended.as_ref()),
        written: in_words(&away.written),
        found: in_words(&away.found),
        decision: decide(away),
        touches: away.touches,
        at_once: at_once(back),
    }
}

fn command(lab: &dyn Lab, loss: Option<Loss>) -> &'static str {
    loss.and_then(|loss| loss.header).map_or("reset", |header| lab.command_name(&header))
}

fn seen(lab: &dyn Lab, loss: Option<Loss>) -> String {
    let answer = if loss.is_some_and(|loss| loss.changed) { "a changed answer" } else { "no answer" };
    format!("{answer} to {}", command(lab, loss))
}

fn shown(ended: Option<&OutcomeKind>) -> String {
    let word = match ended {
        Some(OutcomeKind::Paid { .. }) => "receipt",
        Some(OutcomeKind::NotPaid { .. }) => "not paid",
        Some(OutcomeKind::Unresolved { .. }) => "unresolved slip",
        Some(OutcomeKind::Refused(_)) => "refusal",
        Some(OutcomeKind::Cancelled(_)) => "cancelled",
        Some(OutcomeKind::CardFault(_)) => "card fault",
        Some(OutcomeKind::JournalFault(_)) => "journal fault",
        Some(OutcomeKind::Balance | OutcomeKind::History(_) | OutcomeKind::Resolved) => "no order",
        Some(OutcomeKind::Internal(_)) | None => "nothing",
    };
    word.to_owned()
}

/// The entries of a journal: `attempt 1, unresolved`.
fn in_words(entries: &[Entry]) -> String {
    let words: Vec<String> = entries.iter().map(entry_in_words).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn entry_in_words(entry: &Entry) -> String {
    let by = |source: &Source| match source {
        Source::Answer => "by the answer",
        Source::Retouch => "by the card's record",
        Source::UpperSystem => "by the upper system",
    };
    match entry {
        Entry::Intent(intent) => format!("attempt {}", intent.attempt),
        Entry::Resolved { resolution: Resolution::Paid { by: source, .. }, .. } => format!("paid {}", by(source)),
        Entry::Resolved { resolution: Resolution::NotPaid { by: source, .. }, .. } => {
            format!("not paid {}", by(source))
        }
        Entry::UnresolvedFinal { .. } => "unresolved".to_owned(),
        Entry::Acknowledged { .. } => "acknowledged".to_owned(),
        Entry::Alarm { .. } => "alarm".to_owned(),
    }
}

fn decide(away: &Story) -> Decision {
    let paid = |entries: &[Entry], wanted: bool| {
        entries.iter().any(|entry| match entry {
            Entry::Resolved { resolution, .. } => matches!(resolution, Resolution::Paid { .. }) == wanted,
            _ => false,
        })
    };
    if away.written.is_empty() {
        Decision::NotBegun
    } else if paid(&away.written, true) {
        Decision::Paid
    } else if paid(&away.found, true) {
        Decision::FoundPaid
    } else if paid(&away.found, false) {
        Decision::FoundNotPaid
    } else {
        Decision::NotPaid
    }
}

fn at_once(back: &Story) -> String {
    let touches = back.presented.saturating_sub(1) + back.touches;
    let attempts = back.written.iter().filter(|entry| matches!(entry, Entry::Intent(_))).count();
    let mut text = shown(back.ended.as_ref());
    // Writing to a string cannot fail.
    let _ = write!(text, " after {touches} more");
    if attempts > 1 {
        let _ = write!(text, ", {attempts} attempts");
    }
    text
}

// As Markdown.

const HEAD: &str = "# Tear map

Made by `untorn explore --map reports/tear-map.md --map reports/tear-map.svg`; not to be edited.

Every order is torn once, at every exchange and at every write to the card's memory in every way that a write can tear. The card then
stays away: the terminal gives up, and what it left open is decided by the next touch. \"At once\" is the same tear with the card back within
the request: what that ended with, and how many touches more it took. No run breaks a rule; two tears, kills of the terminal and other
cards are in `untorn explore --depth 2`.

![The tear map](tear-map.svg)

- **before**: the card leaves before the command reaches it; **after**: it has carried the command out; **mid-answer**: the answer arrives changed.
- **nothing**: the old octets stay; **all**: the new ones are there; **prefix**: the first three are new; **erased**: all are `FF`;
  **random**: anything; **unstable**: each read gives something else.
";

/// As Markdown: a table for each panel; neighbours with the same story in one line.
pub fn markdown(map: &TearMap) -> String {
    let mut text = HEAD.to_owned();
    for panel in &map.panels {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n## {} under {}\n\n| torn | the terminal saw | showed | wrote down | the next touch found | touches | at once |\n\
             |---|---|---|---|---|---:|---|\n",
            panel.order, panel.variant
        );
        for (place, cell) in exchange_lines(panel).into_iter().chain(write_lines(panel)) {
            let Cell { seen, shown, written, found, touches, at_once, .. } = cell;
            let _ = writeln!(text, "| {place} | {seen} | {shown} | {written} | {found} | {touches} | {at_once} |");
        }
    }
    text
}

/// Whether the same happened, wherever it was.
pub(super) fn same_story(a: &Cell, b: &Cell) -> bool {
    Cell { number: b.number, way: b.way, ..a.clone() } == *b
}

/// The ways of one exchange or write, those with the same story together.
fn ways_of<'p>(cells: &[&'p Cell], number: u64) -> Vec<(Vec<Way>, &'p Cell)> {
    let mut lines: Vec<(Vec<Way>, &Cell)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.number == number) {
        match lines.iter_mut().find(|(_, listed)| same_story(listed, cell)) {
            Some((ways, _)) => ways.push(cell.way),
            None => lines.push((vec![cell.way], cell)),
        }
    }
    lines
}

fn list(ways: &[Way], all: usize) -> String {
    if ways.len() == all {
        return "any way".to_owned();
    }
    let names: Vec<String> = ways.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn exchange_lines(panel: &Panel) -> Vec<(String, &Cell)> {
    let cells: Vec<&Cell> = panel.of(false).collect();
    let count = cells.last().map_or(0, |cell| cell.number + 1);
    let lines = |number| {
        let line = move |(ways, cell): (Vec<Way>, _)| {
            let ways: Vec<String> = ways.iter().map(ToString::to_string).collect();
            (format!("exchange {number}: {}", ways.join(", ")), cell)
        };
        ways_of(&cells, number).into_iter().map(line)
    };
    (0..count).flat_map(lines).collect()
}

fn write_lines(panel: &Panel) -> Vec<(String, &Cell)> {
    let cells: Vec<&Cell> = panel.of(true).collect();
    let count = cells.last().map_or(0, |cell| cell.number + 1);
    let mut lines = Vec::new();
    let mut first = 0;
    for number in 0..count {
        let (this, next) = (ways_of(&cells, number), ways_of(&cells, number + 1));
        let alike = this.len() == next.len()
            && this.iter().zip(&next).all(|((ways, a), (others, b))| ways == others && same_story(a, b));
        if alike {
            continue;
        }
        let place = if first == number { format!("write {number}") } else { format!("writes {first} to {number}") };
        lines
            .extend(this.into_iter().map(|(ways, cell)| (format!("{place}: {}", list(&ways, TORN_MODES.len())), cell)));
        first = number + 1;
    }
    lines
}
