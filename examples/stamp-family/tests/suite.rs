//! What the family gets: the suite of its chip, its own cases, and proof that these notice something.

use stamp_family::badge::{self, Badges};
use stamp_family::{NAME, Stamps};
use untorn::app::{identity, suites};
use untorn::conformance::case::Case;
use untorn::conformance::rig::InProcessSubject;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::family::conversation::{Conversation, Passed};
use untorn::family::{self, Family};
use untorn::report::traceability;
use untorn::wire::hex;

/// From the SELECT on, and not before it.
fn its_octets_are_explained() {
    let octets = |text: &str| hex::parse(text).expect("hexadecimal");
    let (select, done) = (octets("00A4040007F05354414D505300"), octets("9000"));
    let (stamp, values) = (
        octets("80320000185354414D50303031000000030000002A000000006955B90000"),
        octets("000000030000002A000000006955B9000103112233449000"),
    );
    let command = |octets| Passed::Command { octets, masked: false };
    let passed =
        [Passed::Answer(&done), command(&select), Passed::Answer(&done), command(&stamp), Passed::Answer(&values)];
    let explained = Conversation::explain(passed);
    let told: Vec<String> = explained.into_iter().flatten().map(|explanation| explanation.listing()).collect();
    assert!(told[3].contains("INS 32: ADD STAMP") && told[3].contains("counter 00 00 00 03: 3"), "{}", told[3]);
    assert!(told[4].contains("what 01: stamp") && told[4].contains("stamps 03: 3"), "{}", told[4]);
    let unselected = Conversation::explain([command(&stamp)]);
    assert!(!unselected[0].as_ref().is_some_and(|explanation| explanation.listing().contains("ADD STAMP")));
}

/// One test for all: the families of a process are given once.
#[test]
fn the_family_passes_and_its_mutants_do_not() {
    let own: [Box<dyn Family>; 2] = [Box::new(Stamps), Box::new(Badges)];
    let families = family::built_in().into_iter().chain(own).collect();
    family::use_these(families).expect("nobody has asked for families yet");
    let cases = suites::cases();

    let statement = Stamps.statement(NAME).expect("there is this profile");
    let make = |seed| Stamps.virtual_card(NAME, seed, None);
    let mut subject = InProcessSubject::new(statement, make);
    let report = run(&cases, &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved);
    let ran: Vec<_> = report.results.iter().filter(|result| result.verdict().is_some()).collect();
    for result in &ran {
        assert_eq!(result.verdict(), Some(Verdict::Pass), "{}: {:?}", result.id, result.reason());
    }
    // All of both suites that the statement's claims ask for: nothing is blocked.
    let statement = Stamps.statement(NAME).expect("there is this profile");
    let holds =
        |need: &String| need.strip_prefix('!').map_or_else(|| statement.claims(need), |not| !statement.claims(not));
    let claimed = |case: &&Case| case.needs.iter().all(holds);
    for suite in ["iso7816_4", NAME] {
        let all = cases.iter().filter(|case| case.suite == suite).filter(claimed).count();
        assert_eq!(ran.iter().filter(|result| result.suite == suite).count(), all, "{suite} as a whole");
    }

    let card = || Stamps.virtual_card(NAME, 1, None).expect("there is this profile");
    let statement = Stamps.statement(NAME).expect("there is this profile");
    assert!(identity::fits(&statement, card()).is_ok());
    let other = identity::fits(&statement.text("iso7816_4.aid", "F0534C414D5053"), card()).expect_err("another name");
    assert!(other.to_string().contains("its name: claimed F0534C414D5053, the card says F05354414D5053"), "{other}");

    for mutant in Stamps.mutants() {
        let declared = |case: &&Case| case.kills.iter().any(|name| name == mutant.name);
        let declared: Vec<Case> = cases.iter().filter(declared).cloned().collect();
        let statement = Stamps.statement(NAME).expect("there is this profile");
        let make = |seed| Stamps.virtual_card(NAME, seed, Some(mutant.name));
        let mut subject = InProcessSubject::new(statement, make);
        let report = run(&declared, &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved);
        let failed = report.results.iter().any(|result| result.verdict() == Some(Verdict::Fail));
        assert!(failed, "{} is not noticed", mutant.name);
    }

    its_octets_are_explained();

    let badge = Badges.statement(badge::NAME).expect("there is this profile");
    let mut subject = InProcessSubject::new(badge, |seed| Badges.virtual_card(badge::NAME, seed, None));
    let report = run(&cases, &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved);
    let verdicts: Vec<_> =
        report.results.iter().filter_map(|result| Some((&result.suite, result.verdict()?))).collect();
    assert!(verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Pass), "{verdicts:?}");
    let of = |suite: &str| verdicts.iter().filter(|(of, _)| *of == suite).count();
    assert!(of("iso7816_4") > 20 && of(badge::NAME) == 1, "{verdicts:?}");

    for (catalogue, cases) in [(Stamps.requirements(), Stamps.cases()), (Badges.requirements(), Badges.cases())] {
        let catalogue = catalogue.expect("the catalogue is well-formed");
        let gaps = traceability::gaps(&cases, &[catalogue], &[]);
        assert!(gaps.is_empty(), "{gaps:#?}");
    }
}
