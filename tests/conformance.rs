//! The suite on the reference cards: every case passes, and each mutant is killed by a case that says so.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where something is missing")]

#[path = "support/mod.rs"]
mod support;

use untorn::app::suites::{cases, orphans};
use untorn::conformance::result::CaseResult;
use untorn::conformance::rig::InProcessSubject;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::statement::Statement;
use untorn::conformance::verdict::Verdict;
use untorn::family::families;
use untorn::sim::mutants;

#[test]
fn all_cases_pass_on_every_reference_card() {
    for family in families() {
        for profile in family.profiles() {
            let statement = family.statement(profile).unwrap();
            let mut subject = InProcessSubject::new(statement, |seed| family.virtual_card(profile, seed, None));
            let report = run(&cases(), &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved);
            for result in &report.results {
                if let Some(verdict) = result.verdict() {
                    assert_eq!(verdict, Verdict::Pass, "{profile}: {}: {:?}", result.replay, result.reason());
                }
            }
        }
    }
}

/// Of cards, terminals and of the suite itself.
#[test]
fn every_mutant_is_killed_by_a_case_that_declares_it() {
    let matrix = mutants::run(&cases(), &[], 0, &mut ()).unwrap();
    let survivors: Vec<_> = matrix.survivors().iter().map(|row| (row.name, row.cases.clone())).collect();
    assert!(survivors.is_empty(), "survivors: {survivors:?}");
    assert!(matrix.false_alarms.is_empty(), "false alarms: {:?}", matrix.false_alarms);
    assert!(matrix.unknown.is_empty(), "declared, and no mutant: {:?}", matrix.unknown);
    let reasons: Vec<String> = orphans().unwrap().into_iter().map(|orphan| orphan.case).collect();
    let without = |case: &&String| !reasons.contains(case);
    assert_eq!(matrix.orphans.iter().find(without), None, "a case without a mutant and without a reason");
    assert_eq!(
        reasons.iter().find(|case| !matrix.orphans.contains(case)),
        None,
        "a reason that is not needed any more"
    );
    support::fresh::is_fresh("mutants.md", &matrix.markdown());
    println!("{:?} killed, {:?} of the critical ones", matrix.score(false), matrix.score(true));
}

/// No case of this suite claims a mutant that it does not notice, and none notices nothing.
#[test]
fn cases_of_iso7816_4_notice_each_mutant_that_they_declare() {
    let family = &families()[0];
    let cases = untorn::suite::iso7816_4::cases();
    let mut empty_claims = Vec::new();
    for case in &cases {
        let has_reason = orphans().unwrap().iter().any(|orphan| orphan.case == case.id);
        assert!(case.kills.is_empty() == has_reason, "{} notices nothing", case.id);
        for mutant in &case.kills {
            let statement = family.statement("default").unwrap();
            let mut subject =
                InProcessSubject::new(statement, |seed| family.virtual_card("default", seed, Some(mutant)));
            let only = Selection { patterns: vec![case.id.clone()], ..Selection::default() };
            let report = run(&cases, &only, &mut Subjects::card(&mut subject), 1, &mut Unobserved);
            if report.results[0].verdict() != Some(Verdict::Fail) {
                empty_claims.push(format!("{} on {mutant}: {:?}", case.id, report.results[0].status));
            }
        }
    }
    assert!(empty_claims.is_empty(), "{}", empty_claims.join("\n"));
}

/// A statement that gives an identifier and nothing else: what needs more does not apply, and none is in error. Exact status words are
/// not asked for then, but to carry out what is unknown is wrong all the same.
#[test]
fn a_statement_that_claims_little_bars_what_it_does_not_speak_of() {
    let family = &families()[0];
    let aid = "F04550555253450001";
    let statement =
        Statement { name: "bare".to_owned(), ..Statement::default() }.claim("iso7816_4").text("iso7816_4.aid", aid);
    let cases = untorn::suite::iso7816_4::cases();
    for (mutant, noticed) in [(None, false), (Some("unknown-instruction-accepted"), true)] {
        let make = |seed| family.virtual_card("default", seed, mutant);
        let mut subject = InProcessSubject::new(statement.clone(), make);
        let report = run(&cases, &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved);
        let verdicts: Vec<Verdict> = report.results.iter().filter_map(CaseResult::verdict).collect();
        assert!(verdicts.len() >= 8 && verdicts.len() < cases.len() / 2, "{} cases apply", verdicts.len());
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Pass | Verdict::Fail)), "{verdicts:?}");
        assert_eq!(verdicts.contains(&Verdict::Fail), noticed, "{mutant:?}");
    }
}

/// As people read them: status words as four digits, octets as hexadecimal.
#[test]
fn reasons_show_status_words_and_octets_in_hexadecimal() {
    let family = &families()[0];
    for (mutant, case, shown) in [
        (
            "refusals-differ",
            "AUT-FAIL-001",
            "expected 6982 (security status not satisfied) alone, got 6A88 (referenced data not found)",
        ),
        (
            "refusal-talks",
            "AUT-FAIL-001",
            "expected 6982 (security status not satisfied) alone, got 6982 (security status not satisfied) with 8 octets",
        ),
        ("debit-key-credits", "AU1-ROLE-002", "expected 6982 (security status not satisfied), got 9000 (done)"),
        (
            "certificate-rights-ignored",
            "AU2-RIGHTS-002",
            "expected 6982 (security status not satisfied), got 9000 (done)",
        ),
        ("ack-without-right", "RGT-ACK-002", "expected 6982 (security status not satisfied), got 9000 (done)"),
        ("session-survives-sm-error", "SES-MAC-001", "expected 6982 (security status not satisfied) alone, got "),
        (
            "command-mac-unverified",
            "SES-MAC-001",
            "expected 6988 (secure messaging data objects incorrect) alone, got ",
        ),
        ("verify-without-right", "RGT-VERIFY-001", "expected 6982 (security status not satisfied), got 9000 (done)"),
        (
            "tries-off-by-one",
            "PIN-RIGHT-001",
            "expected 63C2 (warning, counter at 2), got 63C3 (warning, counter at 3)",
        ),
        ("selection-survives-reset", "ISO-SEL-008", "reading on channel 0"),
    ] {
        let statement = family.statement("default").unwrap();
        let mut subject = InProcessSubject::new(statement, |seed| family.virtual_card("default", seed, Some(mutant)));
        let only = Selection { patterns: vec![case.to_owned()], ..Selection::default() };
        let report = run(&cases(), &only, &mut Subjects::card(&mut subject), 1, &mut Unobserved);
        let reason = report.results[0].reason().unwrap_or_default();
        assert!(reason.contains(shown), "{case} on {mutant}: {reason}");
        let evidence = serde_json::to_string(&report.results[0].evidence).unwrap();
        for decimal in ["27010", "36864", "StatusWord", "[0, ", "[1, 2"] {
            assert!(!evidence.contains(decimal), "{case} on {mutant}: {decimal} in {reason}");
        }
    }
}
