//! Random sequences of commands, resets and tears against the plain model: in process by the hundred thousand steps, through PC/SC by
//! the hundred. A failure is shortened and prints the token that repeats it.
//!
//! `UNTORN_MODEL_STEPS` says how many steps the run in process has; a million takes some ten minutes in a release build.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::time::Instant;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use untorn::app::suites::cases;
use untorn::conformance::case::Case;
use untorn::conformance::result::CaseResult;
use untorn::conformance::rig::{InProcessSubject, Subject};
use untorn::conformance::runner::{Subjects, Unobserved, case_seed, replay, run_case};
use untorn::conformance::token::Token;
use untorn::conformance::verdict::Verdict;
use untorn::family::purse::cases::model::steps::{DRAWN_LEN, ModelStep, emit, parse};
use untorn::family::{Family, purse::Purse};

/// The case that may do everything.
const CASE: &str = "MOD-SEQUENCE-002";
/// Steps of the longest sequence.
const STEPS_MAX: usize = 60;

fn case(id: &str) -> Case {
    cases().into_iter().find(|case| case.id == id).unwrap()
}

fn in_process(profile: &'static str, mutant: Option<&'static str>) -> impl Subject {
    InProcessSubject::new(Purse.statement(profile).unwrap(), move |seed| Purse.virtual_card(profile, seed, mutant))
}

/// A card and a seed, and what is done to it: any step may follow any other.
struct Sequences;

impl ReferenceStateMachine for Sequences {
    type State = (&'static str, u64);
    type Transition = ModelStep;

    fn init_state() -> BoxedStrategy<Self::State> {
        let profiles = vec!["default", "default", "default", "euro", "epc1-only", "epc1-only", "epc2-only", "phone"];
        (select(profiles), 0..1000_u64).boxed()
    }

    fn transitions(_: &Self::State) -> BoxedStrategy<ModelStep> {
        any::<[u8; DRAWN_LEN]>().prop_map(|octets| ModelStep::drawn(&octets)).boxed()
    }

    fn apply(state: Self::State, _: &ModelStep) -> Self::State {
        state
    }
}

/// Repeats what the token of these steps says; how it failed, and the token.
fn repeat(case: &Case, subject: &mut dyn Subject, seed: u64, steps: &[ModelStep]) -> Result<(), TestCaseError> {
    let (profile, cuts) = (subject.statement().name.clone(), emit(steps));
    let token = Token { case: case.id.clone(), revision: case.revision, profile, seed, cuts };
    let result = replay(case, &mut Subjects::card(subject), &token, &mut Unobserved);
    match result.verdict() {
        Some(Verdict::Pass) => Ok(()),
        verdict => {
            let reason = result.reason().unwrap_or_default();
            Err(TestCaseError::fail(format!("{verdict:?}: {reason}\nuntorn test --replay {token}")))
        }
    }
}

/// Runs sequences until so many steps were made; how many sequences that took.
fn run_sequences(
    steps_wanted: usize,
    mut run: impl FnMut(&'static str, u64, &[ModelStep]) -> Result<(), TestCaseError>,
) -> u32 {
    let sequences = u32::try_from(steps_wanted * 2 / STEPS_MAX).unwrap();
    let config = Config { cases: sequences, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let run = RefCell::new(&mut run);
    let ran = runner.run(&Sequences::sequential_strategy(1..STEPS_MAX), |((profile, seed), steps, seen)| {
        if let Some(seen) = seen {
            seen.fetch_add(steps.len(), Ordering::SeqCst);
        }
        (run.borrow_mut())(profile, seed, &steps)
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
    sequences
}

#[test]
fn any_sequence_leaves_a_card_that_the_model_knows() {
    let default = if cfg!(debug_assertions) { 3_000 } else { 100_000 };
    let wanted = std::env::var("UNTORN_MODEL_STEPS").map_or(default, |steps| steps.parse().unwrap());
    let case = case(CASE);
    let (begun, mut steps_made) = (Instant::now(), 0_u32);
    let sequences = run_sequences(wanted, |profile, seed, steps| {
        steps_made += steps.len() as u32;
        repeat(&case, &mut in_process(profile, None), seed, steps)
    });
    let rate = f64::from(steps_made) / begun.elapsed().as_secs_f64();
    println!("{sequences} sequences of {steps_made} steps in process, {rate:.0} steps/s");
}

#[test]
#[cfg(all(feature = "pcsc", target_os = "linux"))]
fn any_sequence_through_pcsc_leaves_a_card_that_the_model_knows() {
    use untorn::app::campaign::{Campaign, CampaignOptions};
    let Some(pcscd) = support::pcscd::Pcscd::start() else { return };
    let options = CampaignOptions {
        profile: "default".to_owned(),
        reader: Some(support::pcscd::READER.to_owned()),
        serve: Some(pcscd.address()),
        ..CampaignOptions::default()
    };
    let mut campaign = Campaign::open(&options).unwrap();
    let case = case(CASE);
    let (_, mut subjects) = campaign.parts();
    let subject = subjects.card.as_deref_mut().unwrap();
    let (begun, mut steps_made) = (Instant::now(), 0_u32);
    let sequences = run_sequences(300, |_, seed, steps| {
        steps_made += steps.len() as u32;
        repeat(&case, subject, seed, steps)
    });
    let rate = f64::from(steps_made) / begun.elapsed().as_secs_f64();
    println!("{sequences} sequences of {steps_made} steps through PC/SC, {rate:.0} steps/s");
}

/// How a case ends on a mutant.
fn with_mutant(id: &str, mutant: &'static str) -> CaseResult {
    run_case(
        &case(id),
        &mut Subjects::card(&mut in_process("default", Some(mutant))),
        case_seed(1, id),
        &mut Unobserved,
    )
}

#[test]
fn a_seeded_defect_is_found_shortened_and_repeated() {
    for id in ["MOD-SEQUENCE-001", CASE] {
        let found = with_mutant(id, "debit-twice");
        assert_eq!(found.verdict(), Some(Verdict::Fail), "{:?}", found.reason());
        let token: Token = found.replay.parse().unwrap();
        let steps = parse(&token.cuts).unwrap();
        assert!(steps.len() <= 2, "{}", found.replay);
        let mut mutant = in_process("default", Some("debit-twice"));
        let again = replay(&case(id), &mut Subjects::card(&mut mutant), &token, &mut Unobserved);
        assert_eq!((again.verdict(), again.reason()), (Some(Verdict::Fail), found.reason()));
        assert_eq!(again.evidence, found.evidence, "the token repeats it exactly");
        assert!(repeat(&case(id), &mut in_process("default", None), token.seed, &steps).is_ok());
    }
}

/// What the cases find of all mutants there are, for people; those that they declare are held to in tests/conformance.rs.
#[test]
#[ignore = "a listing: every mutant, and how short its failure gets"]
fn mutants_that_the_model_finds() {
    let mutants = Purse.mutants();
    let mut found = Vec::new();
    for mutant in &mutants {
        for id in ["MOD-SEQUENCE-001", CASE] {
            let result = with_mutant(id, mutant.name);
            if result.verdict() == Some(Verdict::Fail) {
                println!("{:<40} {} {:?}", mutant.name, result.replay, result.reason());
                found.push((id, mutant.name));
            }
        }
    }
    for id in ["MOD-SEQUENCE-001", CASE] {
        let names: Vec<&str> = found.iter().filter(|(by, _)| *by == id).map(|(_, name)| *name).collect();
        println!("{id} finds {} of {}: {names:?}", names.len(), mutants.len());
    }
}
