//! The screen of the conformance suite, as far as it is the window's own: what is chosen, unfolded, filtered and scrolled.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::keys::{KeyCommand, Mode};
use super::mutant_picker::Picker;
use super::position::Position;
use super::search::contains;
use super::suite::Ask;
use super::verdicts::{CaseLine, Picture};
use crate::conformance::result::CaseResult;
use crate::report::suite::log::Meanings;

/// Lines that a page key moves.
const PAGE: usize = 10;

/// A line of the tree.
#[derive(Debug, Clone, Copy)]
pub enum Row<'p> {
    /// A suite.
    Suite(&'p str),
    /// One of its cases.
    Case(&'p CaseLine),
}

impl Row<'_> {
    fn key(&self) -> &str {
        match self {
            Self::Suite(name) => name,
            Self::Case(entry) => &entry.result.id,
        }
    }
}

/// State of the screen.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each says another thing, and all combinations occur")]
pub struct SuiteView {
    /// The last picture of the suite.
    pub picture: Arc<Picture>,
    /// Name of the suite or id of the case that is chosen, for lines come and go under a filter; empty: the first.
    chosen: String,
    unfolded: BTreeSet<String>,
    /// The tree goes along with the run, until the person moves in it.
    follows: bool,
    /// Cases that did not pass are shown and no others.
    pub only_failures: bool,
    /// Of these, those whose id or purpose contains it.
    pub search: String,
    /// It is being typed.
    pub types: bool,
    /// A deliberate defect is being chosen.
    pub picker: Option<Picker>,
    /// The one that was chosen.
    pub mutant: Option<&'static str>,
    /// Whether the chosen case is shown whole, and from which line.
    pub evidence: Option<Position>,
    /// Octets of the log are explained one by one.
    pub explains: bool,
    /// The log that was explained last, by its case and length.
    explained: RefCell<Option<(String, usize, Arc<Meanings>)>>,
}

impl SuiteView {
    /// What the octets of a case's log mean; kept, since it is asked for at each frame.
    pub fn meanings(&self, result: &CaseResult) -> Arc<Meanings> {
        let mut kept = self.explained.borrow_mut();
        let known = kept.as_ref().filter(|(case, len, _)| *case == result.replay && *len == result.evidence.len());
        if let Some((_, _, meanings)) = known {
            return Arc::clone(meanings);
        }
        let meanings = Arc::new(Meanings::of_case(result));
        *kept = Some((result.replay.clone(), result.evidence.len(), Arc::clone(&meanings)));
        meanings
    }

    /// The lines of the tree. A filter unfolds every suite in which it finds something, and shows no other.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for suite in self.picture.suites() {
            let listed = |entry: &&CaseLine| self.lists(entry);
            let cases: Vec<&CaseLine> = self.picture.cases_of(suite).filter(listed).collect();
            if cases.is_empty() {
                continue;
            }
            rows.push(Row::Suite(suite));
            if self.is_unfolded(suite) {
                rows.extend(cases.into_iter().map(Row::Case));
            }
        }
        rows
    }

    fn lists(&self, entry: &CaseLine) -> bool {
        let found = || contains(&entry.result.id, &self.search) || contains(&entry.result.purpose, &self.search);
        (!self.only_failures || entry.is_suspect()) && found()
    }

    /// Whether not all cases are shown.
    fn is_filtered(&self) -> bool {
        self.only_failures || !self.search.is_empty()
    }

    /// Whether a suite's cases are listed.
    pub fn is_unfolded(&self, suite: &str) -> bool {
        let follows = || self.followed().is_some_and(|entry| entry.result.suite == suite);
        self.is_filtered() || self.unfolded.contains(suite) || follows()
    }

    /// The case to which the run has come, while the tree goes along with it.
    fn followed(&self) -> Option<&CaseLine> {
        let run = self.picture.run.as_ref().filter(|_| self.follows)?;
        self.picture.cases.iter().find(|entry| entry.result.id == run.case)
    }

    /// The person goes on by themselves from where the run has come to.
    fn settle(&mut self) {
        if let Some(result) = self.followed().map(|entry| entry.result.clone()) {
            self.unfolded.insert(result.suite.clone());
            self.chosen.clone_from(&result.id);
        }
        self.follows = false;
    }

    /// Which of these lines is chosen. Where a filter or a fold has hidden it: its suite.
    pub fn index(&self, rows: &[Row<'_>]) -> usize {
        let at = |key: &str| rows.iter().position(|row| row.key() == key);
        let chosen = self.followed().map_or(self.chosen.as_str(), |entry| &entry.result.id);
        let suite = || self.picture.cases.iter().find(|entry| entry.result.id == chosen);
        at(chosen).or_else(|| at(&suite()?.result.suite)).unwrap_or(0)
    }

    /// The chosen line.
    pub fn row(&self) -> Option<Row<'_>> {
        let rows = self.rows();
        rows.get(self.index(&rows)).copied()
    }

    /// The case that is chosen.
    pub fn case(&self) -> Option<&CaseLine> {
        match self.row() {
            Some(Row::Case(entry)) => Some(entry),
            _ => None,
        }
    }

    /// Whether a run is under way that works with a card at this reader.
    pub fn runs_at(&self, reader: &str) -> bool {
        let subject = self.picture.subject.as_ref().and_then(|subject| subject.reader.as_deref());
        self.picture.run.is_some() && subject == Some(reader)
    }

    /// Takes a new picture.
    pub fn take(&mut self, picture: Arc<Picture>) {
        self.picture = picture;
        if self.case().is_none() {
            self.evidence = None;
        }
    }

    /// The suite's thread is gone.
    pub fn lost(&mut self) {
        let picture = Arc::make_mut(&mut self.picture);
        picture.run = None;
        picture.notice = Some("The suite has ended by a fault of untorn's. The sale goes on.".to_owned());
    }

    /// What the keyboard is for.
    pub fn mode(&self) -> Mode {
        match self.picker {
            Some(_) => Mode::Mutants,
            None if self.evidence.is_some() => Mode::Case,
            None if self.types => Mode::Search,
            None => Mode::Suite,
        }
    }

    /// Takes the last thing back that was opened or left out; `false` where there is nothing of that kind.
    pub fn back(&mut self) -> bool {
        if self.picker.take().is_some() || self.evidence.take().is_some() {
            return true;
        }
        self.settle();
        let had_search = std::mem::take(&mut self.types) || !self.search.is_empty();
        self.search.clear();
        had_search || std::mem::take(&mut self.only_failures)
    }

    /// A letter of what is looked for.
    pub fn letter(&mut self, letter: char) {
        match &mut self.picker {
            Some(picker) => picker.typed(|text| text.push(letter)),
            None => self.search.push(letter),
        }
    }

    /// Does what a key asks for, or says why not; `reader` is the one in use, `None` the virtual one.
    pub fn obey(&mut self, command: KeyCommand, reader: Option<String>) -> Result<Option<Ask>, &'static str> {
        match command {
            KeyCommand::Run | KeyCommand::RunAll if self.picture.run.is_some() => Err("a run is under way: s ends it"),
            KeyCommand::RunAll => {
                self.follows = true;
                Ok(Some(self.ask(reader, Vec::new())))
            }
            KeyCommand::Run => {
                let row = self.row().ok_or("nothing is listed that could be run: Esc shows all cases")?;
                let listed = |suite| self.picture.cases_of(suite).filter(|entry| self.lists(entry));
                let (patterns, follows) = match row {
                    Row::Suite(suite) if self.is_filtered() => {
                        (listed(suite).map(|entry| entry.result.id.clone()).collect(), false)
                    }
                    Row::Suite(_) => (vec![row.key().to_owned()], true),
                    Row::Case(_) => (vec![row.key().to_owned()], false),
                };
                self.follows = follows;
                Ok(Some(self.ask(reader, patterns)))
            }
            KeyCommand::StopRun => Ok(self.picture.run.is_some().then_some(Ask::Stop)),
            KeyCommand::Write if self.picture.run.is_some() => {
                Err("the run is under way: its report can be kept when it has ended")
            }
            KeyCommand::Write if self.picture.ended.is_none() => Err("nothing has run yet: there is no report to keep"),
            KeyCommand::Write => Ok(Some(Ask::Write)),
            KeyCommand::PickMutant if reader.is_some() => {
                Err("a real card has no deliberate defect: choose the virtual reader for that")
            }
            KeyCommand::PickMutant => {
                self.picker = Some(Picker::new(self.mutant));
                Ok(None)
            }
            _ => {
                if let Some(picker) = &mut self.picker {
                    if let Some(chosen) = picker.obey(command) {
                        self.mutant = chosen;
                        self.picker = None;
                    }
                } else {
                    self.settle();
                    self.look(command);
                }
                Ok(None)
            }
        }
    }

    fn ask(&self, reader: Option<String>, patterns: Vec<String>) -> Ask {
        Ask::Run { reader, patterns, mutant: self.mutant.map(str::to_owned) }
    }

    /// What is shown, and how.
    fn look(&mut self, command: KeyCommand) {
        match command {
            KeyCommand::Search => self.types = true,
            KeyCommand::Accept if self.types => self.types = false,
            KeyCommand::Erase => {
                self.search.pop();
            }
            KeyCommand::OnlyFailures => self.only_failures = !self.only_failures,
            KeyCommand::Decode => self.explains = !self.explains,
            KeyCommand::Accept => self.open(),
            KeyCommand::Unfold => self.fold(false),
            KeyCommand::Fold => self.fold(true),
            KeyCommand::PreviousCase => self.neighbour(false),
            KeyCommand::NextCase => self.neighbour(true),
            _ => match &self.evidence {
                Some(evidence) => evidence.step(command),
                None => self.step(command),
            },
        }
    }

    fn open(&mut self) {
        match self.row() {
            Some(Row::Suite(name)) => self.fold(self.is_unfolded(name)),
            Some(Row::Case(_)) => self.evidence = Some(Position::default()),
            None => {}
        }
    }

    /// Folds or unfolds the chosen suite; folding from a case goes to its suite.
    fn fold(&mut self, fold: bool) {
        let suite = match self.row() {
            Some(Row::Suite(name)) => name.to_owned(),
            Some(Row::Case(entry)) if fold => entry.result.suite.clone(),
            _ => return,
        };
        if fold {
            self.unfolded.remove(&suite);
        } else {
            self.unfolded.insert(suite.clone());
        }
        self.chosen = suite;
    }

    fn step(&mut self, command: KeyCommand) {
        let rows = self.rows();
        let (now, last) = (self.index(&rows), rows.len().saturating_sub(1));
        let next = match command {
            KeyCommand::Up => now.saturating_sub(1),
            KeyCommand::Down => now + 1,
            KeyCommand::PageUp => now.saturating_sub(PAGE),
            KeyCommand::PageDown => now + PAGE,
            KeyCommand::First => 0,
            KeyCommand::Last => last,
            _ => now,
        };
        self.choose(next.min(last));
    }

    /// The case before or after the one that is shown, over the bounds of suites that are unfolded.
    fn neighbour(&mut self, next: bool) {
        let rows = self.rows();
        let now = self.index(&rows);
        let is_case = |index: &usize| matches!(rows[*index], Row::Case(_));
        let found =
            if next { (now + 1..rows.len()).find(is_case) } else { (0..now.min(rows.len())).rev().find(is_case) };
        if let Some(index) = found {
            self.choose(index);
            self.evidence = Some(Position::default());
        }
    }

    fn choose(&mut self, index: usize) {
        let key = self.rows().get(index).map(|row| row.key().to_owned());
        self.chosen = key.unwrap_or_default();
    }
}
