//! The suite on untorn's own terminal: every case passes, and each mutant is killed by a case that says so.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use untorn::app::suites::cases;
use untorn::conformance::case::{Body, Case};
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::family::purse::data::Suite;
use untorn::sim::terminal_subject::{OwnTerminal, mutants};

fn terminal_cases() -> Vec<Case> {
    cases().into_iter().filter(|case| matches!(case.body, Body::Terminal(_))).collect()
}

#[test]
fn all_cases_pass_on_our_own_terminal() {
    let cases = terminal_cases();
    let mut broken = Vec::new();
    for suite in [Suite::Epc1, Suite::Epc2] {
        for seed in [1, 2] {
            let mut subject = OwnTerminal::new(suite);
            let report =
                run(&cases, &Selection::default(), &mut Subjects::terminal(&mut subject), seed, &mut Unobserved);
            for result in &report.results {
                let claims_not = result.reason().is_some_and(|reason| reason.contains("purse.epc"));
                if result.verdict() != Some(Verdict::Pass) && !claims_not {
                    broken.push(format!("{}: {:?}", result.replay, result.reason()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_terminal_mutant_is_killed_by_a_case_that_declares_it() {
    let cases = terminal_cases();
    let mut survivors = Vec::new();
    for mutant in mutants() {
        let declared: Vec<Case> =
            cases.iter().filter(|case| case.kills.iter().any(|name| name == mutant.name)).cloned().collect();
        let killed = [Suite::Epc1, Suite::Epc2].into_iter().any(|suite| {
            let mut subject = OwnTerminal::new(suite).with_mutant(mutant.name).unwrap();
            let report =
                run(&declared, &Selection::default(), &mut Subjects::terminal(&mut subject), 1, &mut Unobserved);
            report.results.iter().any(|result| result.verdict() == Some(Verdict::Fail))
        });
        if !killed {
            survivors.push(mutant.name);
        }
    }
    assert!(survivors.is_empty(), "survivors: {survivors:?}");
}

#[test]
fn every_case_names_only_mutants_that_there_are() {
    let known: Vec<&str> = mutants().iter().map(|mutant| mutant.name).collect();
    for case in terminal_cases() {
        for name in &case.kills {
            assert!(known.contains(&name.as_str()), "{} kills {name}, which there is not", case.id);
        }
    }
}
