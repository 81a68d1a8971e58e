//! The mutation matrix: every deliberate defect against the cases that declare to notice it.
//!
//! A mutant is killed when a case that declares it fails on it and passes on the reference with the same seed. Inconclusive is no kill:
//! a time-out would kill everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::harness::{Harness, HarnessDefect, SELF_TESTS};
use super::terminal_subject::{self, OwnTerminal};
use crate::conformance::case::{Body, Case};
use crate::conformance::mutant::{Mutant, Site};
use crate::conformance::result::CaseResult;
use crate::conformance::rig::InProcessSubject;
use crate::conformance::runner::{self, Observer, Subjects, Unobserved};
use crate::conformance::selection::Selection;
use crate::conformance::verdict::Verdict;
use crate::counted::counted;
use crate::family::{Family, families};

/// What came of all mutants.
#[derive(Debug, Clone, Serialize)]
pub struct Matrix {
    /// One for each mutant.
    pub rows: Vec<Row>,
    /// Cases that do not pass on a reference, with why. There must be none.
    pub false_alarms: Vec<String>,
    /// Cases that declare no mutant.
    pub orphans: Vec<String>,
    /// Names that cases declare and no mutant has.
    pub unknown: Vec<String>,
    /// Cases that went wrong themselves on a mutant, with why. There must be none: what a card may do wrong, a case must bear.
    pub errors: Vec<String>,
    /// Mutants that were asked for; fewer rows where the run was stopped.
    pub asked: usize,
}

/// Who looks on while the matrix is made.
pub trait Watcher {
    /// So many steps come: cases on what has no defect, then mutants.
    fn planned(&mut self, _steps: usize) {}
    /// A step begins, from 0.
    fn begins(&mut self, _step: usize, _what: &str) {}
    /// Whether to end with what is known.
    fn stop(&mut self) -> bool {
        false
    }
}

/// Nobody.
impl Watcher for () {}

/// One mutant.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// `card`, `terminal` or `harness`.
    pub site: Site,
    /// What is wrong, in a sentence.
    pub defect: &'static str,
    /// Money or authentication is at stake.
    pub critical: bool,
    /// Cases that declare it and what they came to, each on the profile where it showed most: a failure first, then an error.
    pub cases: Vec<(String, Option<Verdict>)>,
    /// A case failed on it.
    pub killed: bool,
}

impl Matrix {
    /// How many are killed, and how many there are; of the critical ones only, if so asked.
    pub fn score(&self, critical_only: bool) -> (usize, usize) {
        let counted = || self.rows.iter().filter(|row| row.critical || !critical_only);
        (counted().filter(|row| row.killed).count(), counted().count())
    }

    /// Mutants that no case noticed.
    pub fn survivors(&self) -> Vec<&Row> {
        self.rows.iter().filter(|row| !row.killed).collect()
    }

    /// Whether the suite is as good as it claims: everything killed, no false alarm, every declaration means something.
    pub fn is_clean(&self) -> bool {
        let lists = [&self.false_alarms, &self.unknown, &self.errors];
        self.survivors().is_empty() && lists.iter().all(|list| list.is_empty())
    }

    /// Whether the run was stopped before its end.
    pub fn is_interrupted(&self) -> bool {
        self.rows.len() < self.asked
    }

    /// In one sentence, or two.
    pub fn score_line(&self) -> String {
        let ((killed, all), (critical, of)) = (self.score(false), self.score(true));
        let stopped = match self.rows.len() {
            done if done == self.asked => String::new(),
            0 => return format!("Stopped before the first of {}", counted(self.asked, "mutant")),
            done => format!("Stopped after {done} of {}: ", counted(self.asked, "mutant")),
        };
        format!(
            "{stopped}{killed} of {} killed; of those with money or authentication at stake {critical} of {of}; {}",
            counted(all, "mutant"),
            counted(self.false_alarms.len(), "false alarm")
        )
    }

    /// As a page to keep: one line for each mutant.
    pub fn markdown(&self) -> String {
        let mut text = format!("# Mutation matrix\n\n{}.\n\n", self.score_line());
        text.push_str("`untorn mutants --out FILE` makes this page. * money or authentication is at stake.\n\n");
        text.push_str("| mutant | | defect | cases that declare it |\n|---|---|---|---|\n");
        for row in &self.rows {
            let cases: Vec<String> = row
                .cases
                .iter()
                .map(|(case, verdict)| match verdict {
                    Some(Verdict::Fail) => case.clone(),
                    Some(other) => format!("{case} ({other})"),
                    None => format!("{case} (not applicable)"),
                })
                .collect();
            let (mark, survived) = (if row.critical { "*" } else { "" }, if row.killed { "" } else { "**survived** " });
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| `{}` | {mark} | {survived}{} | {} |", row.name, row.defect, cases.join(", "));
        }
        text
    }
}

/// All mutants there are.
pub fn mutants() -> Vec<Mutant> {
    let cards = families().iter().flat_map(|family| family.mutants());
    let terminals = terminal_subject::mutants();
    let harness = HarnessDefect::ALL.iter().map(|(_, description)| Mutant::harness(description));
    cards.chain(terminals).chain(harness).collect()
}

/// Runs the matrix. `only`: mutants with these names and the cases that declare them, everything when empty; what is looked for in the
/// whole (orphans, unknown names) is looked for only there.
pub fn run(cases: &[Case], only: &[String], seed: u64, watcher: &mut dyn Watcher) -> Result<Matrix, String> {
    let all = mutants();
    let is_chosen = |name: &str| only.is_empty() || only.iter().any(|chosen| chosen == name);
    let chosen: Vec<&Mutant> = all.iter().filter(|mutant| is_chosen(mutant.name)).collect();
    let concerned: Vec<Case> =
        cases.iter().filter(|case| only.is_empty() || case.kills.iter().any(|name| is_chosen(name))).cloned().collect();
    let steps = (references().count() + terminal_subject::variants().count()) * concerned.len();
    watcher.planned(steps + chosen.len());
    let mut bench = Bench { cases: &concerned, seed, reference: BTreeMap::new(), errors: Vec::new() };
    let false_alarms = bench.run_references(watcher)?;
    let mut rows = Vec::new();
    for (index, mutant) in chosen.iter().enumerate() {
        if watcher.stop() {
            break;
        }
        watcher.begins(steps + index, mutant.name);
        rows.push(bench.row(mutant)?);
    }
    if !only.is_empty() {
        let (orphans, unknown) = Default::default();
        return Ok(Matrix { rows, false_alarms, orphans, unknown, errors: bench.errors, asked: chosen.len() });
    }
    let names: BTreeSet<&str> = all.iter().map(|mutant| mutant.name).collect();
    let declared = cases.iter().flat_map(|case| &case.kills).map(String::as_str);
    let declared: BTreeSet<&str> =
        declared.chain(SELF_TESTS.iter().flat_map(|test| test.kills.iter().copied())).collect();
    Ok(Matrix {
        rows,
        false_alarms,
        orphans: cases.iter().filter(|case| case.kills.is_empty()).map(|case| case.id.clone()).collect(),
        unknown: declared.difference(&names).map(ToString::to_string).collect(),
        errors: bench.errors,
        asked: chosen.len(),
    })
}

/// The profiles of all families, with the family.
fn references() -> impl Iterator<Item = (&'static dyn Family, &'static str)> {
    families().iter().flat_map(|family| family.profiles().into_iter().map(|profile| (&**family, profile)))
}

struct Bench<'c> {
    cases: &'c [Case],
    seed: u64,
    /// Verdicts on the reference, by profile and case.
    reference: BTreeMap<(String, String), Verdict>,
    /// Of cases on mutants.
    errors: Vec<String>,
}

/// Where the cases of the suite itself run.
const HARNESS: &str = "harness";

impl<'c> Bench<'c> {
    /// Every case on every reference; what does not pass comes back.
    fn run_references(&mut self, watcher: &mut dyn Watcher) -> Result<Vec<String>, String> {
        let mut alarms = Vec::new();
        let of_cards: Vec<&Case> = self.cases.iter().filter(|case| matches!(case.body, Body::Card(_))).collect();
        let mut look = Look { watcher, steps: 0, at: "" };
        for (family, profile) in references() {
            look.at = profile;
            for result in self.on_card(family, profile, None, &of_cards, &mut look)? {
                self.book(profile, &result, &mut alarms);
            }
            look.steps += self.cases.len();
        }
        let of_terminals: Vec<&Case> =
            self.cases.iter().filter(|case| matches!(case.body, Body::Terminal(_))).collect();
        for (lab, variant) in terminal_subject::variants() {
            look.at = "terminal";
            let terminal = OwnTerminal::new(lab, variant);
            for result in self.on_terminal(terminal, &of_terminals, &mut look) {
                self.book(variant, &result, &mut alarms);
            }
            look.steps += self.cases.len();
        }
        for test in SELF_TESTS {
            let ended = (test.body)(Harness::default());
            let verdict = ended.as_ref().map_or_else(|stop| stop.verdict, |()| Verdict::Pass);
            if let Err(stop) = ended {
                alarms.push(format!("{}: {}", test.id, stop.reason));
            }
            self.reference.insert((HARNESS.to_owned(), test.id.to_owned()), verdict);
        }
        Ok(alarms)
    }

    fn book(&mut self, profile: &str, result: &CaseResult, alarms: &mut Vec<String>) {
        let Some(verdict) = result.verdict() else { return };
        if verdict != Verdict::Pass {
            let reason = result.reason().unwrap_or_default();
            alarms.push(format!("{} on {profile}: {verdict}: {reason}", result.id));
        }
        self.reference.insert((profile.to_owned(), result.id.clone()), verdict);
    }

    fn row(&mut self, mutant: &Mutant) -> Result<Row, String> {
        let cases = match mutant.site {
            Site::Card => self.card_row(mutant)?,
            Site::Terminal => self.terminal_row(mutant),
            Site::Harness => self.harness_row(mutant),
        };
        let killed = cases.iter().any(|(_, verdict)| *verdict == Some(Verdict::Fail));
        let Mutant { name, site, defect, critical } = *mutant;
        Ok(Row { name, site, defect, critical, cases, killed })
    }

    fn declaring(&self, mutant: &Mutant) -> Vec<&'c Case> {
        self.cases.iter().filter(|case| case.kills.iter().any(|name| name == mutant.name)).collect()
    }

    fn card_row(&mut self, mutant: &Mutant) -> Result<Vec<(String, Option<Verdict>)>, String> {
        let mut best: Best = self.declaring(mutant).iter().map(|case| (case.id.clone(), None)).collect();
        for family in families().iter().filter(|family| family.mutants().contains(mutant)) {
            for profile in family.profiles() {
                let open: Vec<&Case> =
                    self.declaring(mutant).into_iter().filter(|case| best[&case.id] != Some(Verdict::Fail)).collect();
                for result in self.on_card(&**family, profile, Some(mutant.name), &open, &mut Unobserved)? {
                    self.note(&mut best, mutant, profile, result.verdict(), &result.id);
                }
            }
        }
        Ok(best.into_iter().collect())
    }

    fn terminal_row(&mut self, mutant: &Mutant) -> Vec<(String, Option<Verdict>)> {
        let declaring = self.declaring(mutant);
        let mut best: Best = declaring.iter().map(|case| (case.id.clone(), None)).collect();
        for (lab, variant) in terminal_subject::variants() {
            // A defect of one family's terminal side is none of another's.
            let Ok(terminal) = OwnTerminal::new(lab, variant).with_mutant(mutant.name) else { continue };
            for result in self.on_terminal(terminal, &declaring, &mut Unobserved) {
                self.note(&mut best, mutant, variant, result.verdict(), &result.id);
            }
        }
        best.into_iter().collect()
    }

    /// What a case came to counts only where the reference passes.
    fn note(&mut self, best: &mut Best, mutant: &Mutant, profile: &str, verdict: Option<Verdict>, case: &str) {
        if self.reference.get(&(profile.to_owned(), case.to_owned())) != Some(&Verdict::Pass) {
            return;
        }
        if verdict == Some(Verdict::Error) {
            self.errors.push(format!("{case} on {}, {profile}", mutant.name));
        }
        if let Some(seen) = best.get_mut(case).filter(|seen| shows(verdict) > shows(**seen)) {
            *seen = verdict;
        }
    }

    fn harness_row(&mut self, mutant: &Mutant) -> Vec<(String, Option<Verdict>)> {
        let defect = HarnessDefect::by_name(mutant.name);
        let declaring: Vec<_> = SELF_TESTS.iter().filter(|test| test.kills.contains(&mutant.name)).collect();
        let mut best = declaring.iter().map(|test| (test.id.to_owned(), None)).collect();
        for test in declaring {
            let verdict = (test.body)(Harness(defect)).map_or_else(|stop| stop.verdict, |()| Verdict::Pass);
            self.note(&mut best, mutant, HARNESS, Some(verdict), test.id);
        }
        best.into_iter().collect()
    }

    fn on_card(
        &self,
        family: &dyn Family,
        profile: &str,
        mutant: Option<&str>,
        cases: &[&Case],
        observer: &mut dyn Observer,
    ) -> Result<Vec<CaseResult>, String> {
        let make = |seed| family.virtual_card(profile, seed, mutant);
        let mut subject = InProcessSubject::new(family.statement(profile).map_err(|error| error.to_string())?, make);
        Ok(self.run(cases, &mut Subjects::card(&mut subject), observer))
    }

    fn on_terminal(&self, mut terminal: OwnTerminal, cases: &[&Case], observer: &mut dyn Observer) -> Vec<CaseResult> {
        self.run(cases, &mut Subjects::terminal(&mut terminal), observer)
    }

    /// Without their twins: here the reference's pass is what a failure is held against.
    fn run(&self, cases: &[&Case], subjects: &mut Subjects<'_>, observer: &mut dyn Observer) -> Vec<CaseResult> {
        let cases: Vec<Case> = cases.iter().map(|case| (*case).clone()).collect();
        runner::run(&cases, &Selection::default(), subjects, self.seed, observer).results
    }
}

/// Passes on how far a reference is.
struct Look<'w> {
    watcher: &'w mut dyn Watcher,
    /// That came before it.
    steps: usize,
    /// Which it is.
    at: &'static str,
}

impl Observer for Look<'_> {
    fn begin(&mut self, case: &Case, index: usize, _: usize) {
        self.watcher.begins(self.steps + index, &format!("{} without a defect, {}", self.at, case.id));
    }

    fn stop(&mut self) -> bool {
        self.watcher.stop()
    }
}

/// What each case came to where it showed most.
type Best = BTreeMap<String, Option<Verdict>>;

/// How much a verdict shows of a mutant: a failure on one profile is a kill whatever went wrong on another.
const fn shows(verdict: Option<Verdict>) -> u8 {
    match verdict {
        None => 0,
        Some(Verdict::Pass) => 1,
        Some(Verdict::Inconclusive) => 2,
        Some(Verdict::Error) => 3,
        Some(Verdict::Fail) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_before_an_error_and_only_where_the_reference_passes() {
        let mutant = mutants().into_iter().find(|mutant| mutant.site == Site::Card).unwrap();
        let passes = |profile: &str| ((profile.to_owned(), "A-1".to_owned()), Verdict::Pass);
        for (first, second) in [(Verdict::Fail, Verdict::Error), (Verdict::Error, Verdict::Fail)] {
            let reference = [passes("p"), passes("q")].into_iter().collect();
            let mut bench = Bench { cases: &[], seed: 0, reference, errors: Vec::new() };
            let mut best: Best = [("A-1".to_owned(), None)].into_iter().collect();
            bench.note(&mut best, &mutant, "p", Some(first), "A-1");
            bench.note(&mut best, &mutant, "q", Some(second), "A-1");
            bench.note(&mut best, &mutant, "no reference", Some(Verdict::Error), "A-1");
            assert_eq!(best["A-1"], Some(Verdict::Fail));
            assert_eq!(bench.errors.len(), 1, "the error is told, too: {:?}", bench.errors);
        }
    }

    #[test]
    fn a_self_test_that_does_not_pass_on_the_right_suite_kills_nothing() {
        let mutant = mutants().into_iter().find(|mutant| mutant.name == "oracle-always-pass").unwrap();
        let row = |verdict| {
            let reference = SELF_TESTS.iter().map(|test| ((HARNESS.to_owned(), test.id.to_owned()), verdict)).collect();
            Bench { cases: &[], seed: 0, reference, errors: Vec::new() }.row(&mutant).unwrap()
        };
        assert!(row(Verdict::Pass).killed);
        assert!(!row(Verdict::Inconclusive).killed);
    }
}
