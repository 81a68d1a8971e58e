//! No verdict hangs on the luck of a seed: what is right passes at every one, what is wrong is noticed at every one, and each seed walks
//! its own path.
//!
//! `UNTORN_SEEDS=N` (4 without it; `make nightly` takes 32) says how many seeds, `UNTORN_SEEDS=1318..1319` which ones;
//! `UNTORN_CASES='SES-*'` which cases.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where something is missing")]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use untorn::app::suites::cases;
use untorn::conformance::evidence::{Line, Seen};
use untorn::conformance::result::TestReport;
use untorn::conformance::rig::InProcessSubject;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::family::families;
use untorn::sim::mutants;
use untorn::sim::terminal_subject::OwnTerminal;

const SEEDS: Range<u64> = 0..4;

fn seeds() -> Range<u64> {
    let Ok(said) = std::env::var("UNTORN_SEEDS") else { return SEEDS };
    let number = |text: &str| text.parse().expect("UNTORN_SEEDS is N or FIRST..END");
    said.split_once("..").map_or_else(|| 0..number(&said), |(first, end)| number(first)..number(end))
}

/// Does all the work on all cores; what came of it, in the order of the work.
fn at_once<W: Sync, R: Send>(work: &[W], job: impl Fn(&W) -> R + Sync) -> Vec<R> {
    let jobs = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (next, (sender, done)) = (AtomicUsize::new(0), mpsc::channel());
    std::thread::scope(|scope| {
        for sender in (0..jobs).map(|_| sender.clone()) {
            let (next, job) = (&next, &job);
            scope.spawn(move || {
                while let Some((index, piece)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, work.get(i)?)))
                {
                    sender.send((index, job(piece))).unwrap();
                }
            });
        }
    });
    drop(sender);
    let mut results: Vec<(usize, R)> = done.into_iter().collect();
    assert_eq!(results.len(), work.len(), "a thread ended before its work was done");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What is tested: a reference card, or our own terminal under a suite.
#[derive(Clone, Copy)]
enum Reference {
    Card(&'static str),
    Terminal(&'static str),
}

impl Reference {
    fn all() -> Vec<Self> {
        let cards = families().iter().flat_map(|family| family.profiles()).map(Self::Card);
        cards.chain(["epc1", "epc2"].map(Self::Terminal)).collect()
    }

    fn run(self, seed: u64, patterns: Vec<String>) -> TestReport {
        let selection = Selection { patterns, ..Selection::default() };
        match self {
            Self::Card(profile) => {
                let family = families().iter().find(|family| family.profiles().contains(&profile)).unwrap();
                let make = |seed| family.virtual_card(profile, seed, None);
                let mut card = InProcessSubject::new(family.statement(profile).unwrap(), make);
                run(&cases(), &selection, &mut Subjects::card(&mut card), seed, &mut Unobserved)
            }
            Self::Terminal(suite) => {
                let mut terminal = OwnTerminal::new(families()[0].lab().unwrap(), suite);
                run(&cases(), &selection, &mut Subjects::terminal(&mut terminal), seed, &mut Unobserved)
            }
        }
    }

    /// What runs it again.
    fn words(self) -> String {
        match self {
            Self::Card(profile) => format!("--profile {profile}"),
            Self::Terminal(suite) => format!("--suite {}", suite.to_string().to_lowercase()),
        }
    }
}

#[test]
fn what_is_right_passes_at_every_seed() {
    let work: Vec<(Reference, u64)> =
        seeds().flat_map(|seed| Reference::all().into_iter().map(move |reference| (reference, seed))).collect();
    let cases = || std::env::var("UNTORN_CASES").into_iter().collect();
    let reports = at_once(&work, |(reference, seed)| reference.run(*seed, cases()));
    let mut false_alarms = Vec::new();
    let mut verdicts = 0;
    for ((reference, seed), report) in work.iter().zip(&reports) {
        for result in report.results.iter().filter(|result| result.verdict().is_some()) {
            verdicts += 1;
            if result.verdict() != Some(Verdict::Pass) {
                let again = format!("untorn test {} {} --seed {seed}", result.id, reference.words());
                false_alarms.push(format!("{again}: {}", result.reason().unwrap_or_default()));
            }
        }
    }
    assert!(verdicts > 0, "nothing ran");
    println!("{verdicts} verdicts at seeds {:?}, {} false alarms", seeds(), false_alarms.len());
    assert!(false_alarms.is_empty(), "{}", false_alarms.join("\n"));
}

#[test]
fn what_is_wrong_is_noticed_at_every_seed() {
    let work: Vec<u64> = seeds().collect();
    let matrices = at_once(&work, |seed| mutants::run(&cases(), &[], *seed, &mut ()).unwrap());
    let mut wrong = Vec::new();
    for (seed, matrix) in work.iter().zip(&matrices) {
        let survived = matrix.survivors().into_iter().map(|row| format!("{} survived: {:?}", row.name, row.cases));
        let errors = matrix.errors.iter().chain(&matrix.false_alarms).cloned();
        wrong.extend(survived.chain(errors).map(|what| format!("untorn mutants --seed {seed}: {what}")));
    }
    // What one case notices at one seed it notices at all: else it was luck.
    for (first, other) in matrices.iter().zip(&work).skip(1).map(|(matrix, seed)| (&matrices[0], (matrix, seed))) {
        let (matrix, seed) = other;
        for (row, again) in first.rows.iter().zip(&matrix.rows).filter(|(row, again)| row.cases != again.cases) {
            wrong.push(format!(
                "untorn mutants {} --seed {seed}: {:?}, and {:?} at seed {}",
                row.name, again.cases, row.cases, work[0]
            ));
        }
    }
    println!("{} mutants at seeds {:?}", matrices[0].rows.len(), seeds());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The steps of sequences come from the run's seed: the same again at the same one, others at another.
#[test]
fn each_seed_walks_a_path_of_its_own() {
    let steps = |seed| {
        let report = Reference::Card("epc1-only").run(seed, vec!["MOD-SEQUENCE-*".to_owned()]);
        let lines = report.results.into_iter().flat_map(|result| result.evidence);
        let step = |line: Line| match line.what {
            Seen::Note { text } if text.starts_with("step ") => Some(text),
            _ => None,
        };
        lines.filter_map(step).collect::<Vec<String>>()
    };
    let paths: Vec<_> = (0..4).map(steps).collect();
    assert!(paths.iter().all(|path| path.len() > 100), "{:?}", paths.iter().map(Vec::len).collect::<Vec<_>>());
    assert_eq!(paths.iter().collect::<BTreeSet<_>>().len(), paths.len());
    assert_eq!(steps(3), paths[3]);
}
