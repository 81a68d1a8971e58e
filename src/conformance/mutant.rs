//! Mutants: one named, deliberate defect each. A suite that does not notice them proves nothing.

use serde::Serialize;

use crate::defect::Description;

/// What the defect is built into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// A virtual card.
    Card,
    /// A terminal.
    Terminal,
    /// The suite itself.
    Harness,
}

/// A deliberate defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutant {
    /// By which it is switched on, and by which cases declare that they kill it.
    pub name: &'static str,
    /// What it is built into.
    pub site: Site,
    /// What is wrong, in a sentence.
    pub defect: &'static str,
    /// Money or authentication is at stake.
    pub critical: bool,
}

impl Mutant {
    const fn at(site: Site, description: &Description) -> Self {
        let Description { name, critical, text } = *description;
        Self { name, site, defect: text, critical }
    }

    /// A mutant card.
    pub const fn card(description: &Description) -> Self {
        Self::at(Site::Card, description)
    }

    /// A mutant terminal.
    pub const fn terminal(description: &Description) -> Self {
        Self::at(Site::Terminal, description)
    }

    /// A mutant of the suite.
    pub const fn harness(description: &Description) -> Self {
        Self::at(Site::Harness, description)
    }
}
