//! The list of deliberate defects from which one is chosen for the next run.

use super::keys::KeyCommand;
use super::search::contains;
use crate::conformance::mutant::{Mutant, Site};
use crate::sim::mutants;

/// Lines that a page key moves.
const PAGE: usize = 10;

/// State of the list.
#[derive(Debug)]
pub struct Picker {
    mutants: Vec<Mutant>,
    /// Only those whose name or description contains it.
    pub text: String,
    /// Which line is chosen; the first is to have none.
    pub at: usize,
}

impl Picker {
    /// With this one chosen so far.
    pub fn new(chosen: Option<&str>) -> Self {
        // Those of the suite itself are nothing that a case could be run on.
        let mutants: Vec<Mutant> =
            mutants::mutants().into_iter().filter(|mutant| mutant.site != Site::Harness).collect();
        let at = mutants.iter().position(|mutant| Some(mutant.name) == chosen).map_or(0, |index| index + 1);
        Self { mutants, text: String::new(), at }
    }

    /// The mutants that are listed, below the line for none.
    pub fn listed(&self) -> Vec<&Mutant> {
        let found = |mutant: &&Mutant| contains(mutant.name, &self.text) || contains(mutant.defect, &self.text);
        self.mutants.iter().filter(found).collect()
    }

    /// Changes what is looked for; the first that is found is chosen.
    pub fn typed(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.text);
        // With it a search begins on the screen behind this list.
        if self.text.starts_with('/') {
            self.text.remove(0);
        }
        self.at = usize::from(!self.text.is_empty() && !self.listed().is_empty());
    }

    /// What was chosen, once it is.
    pub fn obey(&mut self, command: KeyCommand) -> Option<Option<&'static str>> {
        let last = self.listed().len();
        self.at = match command {
            KeyCommand::Accept => {
                let index = self.at.checked_sub(1);
                return Some(index.and_then(|index| self.listed().get(index).map(|mutant| mutant.name)));
            }
            KeyCommand::Erase => {
                self.typed(|text| {
                    text.pop();
                });
                return None;
            }
            KeyCommand::Up => self.at.saturating_sub(1),
            KeyCommand::Down => self.at + 1,
            KeyCommand::PageUp => self.at.saturating_sub(PAGE),
            KeyCommand::PageDown => self.at + PAGE,
            KeyCommand::First => 0,
            KeyCommand::Last => last,
            _ => self.at,
        }
        .min(last);
        None
    }
}
