//! A failure tells what each status word means, the expected and the one that came, in every form in which a report is read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use untorn::app::suites::{cases, requirements};
use untorn::conformance::result::TestReport;
use untorn::conformance::rig::InProcessSubject;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::family::families;
use untorn::report::suite::{html, junit, markdown, text};

/// What the case comes to on a card with this defect.
fn report(mutant: &str, case: &str) -> TestReport {
    let family = &families()[0];
    let statement = family.statement("default").unwrap();
    let mutant = mutant.to_owned();
    let mut subject = InProcessSubject::new(statement, move |seed| family.virtual_card("default", seed, Some(&mutant)));
    let cases: Vec<_> = cases().into_iter().filter(|one| one.id == case).collect();
    assert_eq!(cases.len(), 1, "{case}");
    run(&cases, &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved)
}

#[test]
fn each_form_of_a_report_tells_the_words_of_the_standard_and_of_the_purse() {
    let requirements = requirements().unwrap();
    for (mutant, case, wanted) in [
        ("ack-without-right", "RGT-ACK-002", "expected 6982 (security status not satisfied), got 9000 (done)"),
        ("debit-wraps", "TRX-AMOUNT-001", "expected 9401 (balance too small), got 9000 (done)"),
        (
            "refusals-differ",
            "AUT-FAIL-001",
            "expected 6982 (security status not satisfied) alone, got 6A88 (referenced data not found)",
        ),
    ] {
        let report = report(mutant, case);
        for (form, told) in [
            ("text", text::write(&report, true)),
            ("HTML", html::write(&report, &requirements)),
            ("Markdown", markdown::write(&report)),
            ("JUnit", junit::write(&report)),
        ] {
            assert!(told.contains(wanted), "{case} as {form}: {wanted} in\n{told}");
        }
    }
}

/// No status word stands without its meaning where one was expected and another came, whatever the defect.
#[test]
fn no_failure_of_any_mutant_tells_a_bare_status_word() {
    let family = &families()[0];
    let mut told = 0;
    for mutant in family.mutants() {
        for case in
            cases().iter().filter(|case| case.suite == "purse" && case.kills.iter().any(|name| name == mutant.name))
        {
            let report = report(mutant.name, &case.id);
            let reason = report.results[0].reason().unwrap_or_default().to_owned();
            if reason.contains("status word") {
                told += 1;
                let bare = reason.split(" got ").nth(1).is_some_and(|got| got.len() == 4);
                assert!(!bare && reason.contains(" ("), "{} {}: {reason}", mutant.name, case.id);
            }
        }
    }
    assert!(told > 10, "{told}");
}
