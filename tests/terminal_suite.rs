//! The suite on untorn's own terminal: every case passes, and each mutant is killed by a case that says so.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use untorn::app::suites::cases;
use untorn::conformance::case::{Body, Case};
use untorn::conformance::error::RigError;
use untorn::conformance::lower_tester::{At, Touch, Twist};
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::statement::{SecretText, Statement};
use untorn::conformance::terminal_tester::{
    Ended, OperatorOrder, Record, Setting, Shown, TerminalRig, TerminalSubject, TerminalUnderTest,
};
use untorn::conformance::verdict::Verdict;
use untorn::family::families;
use untorn::sim::terminal_subject::{OwnTerminal, mutants, variants};

fn terminal_cases() -> Vec<Case> {
    cases().into_iter().filter(|case| matches!(case.body, Body::Terminal(_))).collect()
}

#[test]
fn all_cases_pass_on_our_own_terminal() {
    let cases = terminal_cases();
    let mut broken = Vec::new();
    for (lab, variant) in variants() {
        for seed in [1, 2] {
            let mut subject = OwnTerminal::new(lab, variant);
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
        let killed = variants().any(|(lab, variant)| {
            let mut subject = OwnTerminal::new(lab, variant).with_mutant(mutant.name).unwrap();
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

/// Of two touches of two cards: what goes wrong at the first, and whether that can happen to a terminal that works.
type Row = (&'static str, fn(Touch) -> Touch, bool);

const TOUCHES: &[Row] = &[
    ("the answer is lost at the order", |touch| touch.with(At::Instruction(0xD8), Twist::LostAfter), true),
    ("no such instruction is sent", |touch| touch.with(At::Instruction(0xFE), Twist::LostBefore), false),
    ("there are not so many exchanges", |touch| touch.with(At::Exchange(900), Twist::KilledAfter), false),
    (
        "nor any of which all would be answered so",
        |touch| touch.with(At::Every(0xFE), Twist::instead(&[0x90, 0])),
        false,
    ),
    ("the sale is paid, and nobody needs another card", |touch| touch, false),
];

#[test]
fn what_a_case_rests_on_must_have_happened_or_it_does_not_pass() {
    for (name, twisted, happens) in TOUCHES {
        let case = Case::new("TRM-DOUBT-001", "Whatever happens.").terminal(move |tester| {
            let (card, other) = (tester.card()?, tester.card()?);
            tester.order(&OperatorOrder::sale(1), vec![twisted(Touch::of(card)), Touch::of(other)])?;
            Ok(())
        });
        let mut subject = OwnTerminal::new(families()[0].lab().unwrap(), "epc1");
        let subjects = &mut Subjects::terminal(&mut subject);
        let report = run(&[case], &Selection::default(), subjects, 1, &mut Unobserved);
        let expected = if *happens { Verdict::Pass } else { Verdict::Inconclusive };
        assert_eq!(report.results[0].verdict(), Some(expected), "{name}: {:?}", report.results[0].reason());
        println!("{name}: {:?}", report.results[0].reason());
    }
}

/// A terminal that touches no card and always says the same.
struct Parrot {
    says: Result<Shown, String>,
    own: OwnTerminal,
    statement: Statement,
}

impl Parrot {
    fn new(says: Result<Shown, String>) -> Self {
        let own = OwnTerminal::new(families()[0].lab().unwrap(), "epc2");
        Self { says, statement: own.statement().clone(), own }
    }
}

fn nothing_but(ended: Ended) -> Shown {
    Shown { ended, settled: Vec::new(), text: String::new(), detail: String::new() }
}

impl TerminalSubject for Parrot {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        "in process".to_owned()
    }

    fn open(&mut self, seed: u64) -> Result<TerminalRig, RigError> {
        Ok(TerminalRig { terminal: Box::new(Says(self.says.clone())), ..self.own.open(seed)? })
    }
}

struct Says(Result<Shown, String>);

impl TerminalUnderTest for Says {
    fn set(&mut self, _: &Setting) -> Result<(), RigError> {
        Ok(())
    }

    fn order(&mut self, _: &OperatorOrder) -> Result<Shown, RigError> {
        self.0.clone().map_err(RigError::Terminal)
    }

    fn resolve(&mut self) -> Result<Shown, RigError> {
        self.order(&OperatorOrder::sale(0))
    }

    fn restart(&mut self) -> Result<(), RigError> {
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), RigError> {
        Ok(())
    }

    fn close_day(&mut self) -> Result<(), RigError> {
        Ok(())
    }

    fn pass_days(&mut self, _: u32) -> Result<(), RigError> {
        Ok(())
    }

    fn records(&mut self) -> Result<Vec<Record>, RigError> {
        Ok(Vec::new())
    }

    fn written(&mut self) -> Result<String, RigError> {
        Ok(String::new())
    }
}

#[test]
fn a_terminal_that_touches_no_card_passes_nothing_whatever_it_says() {
    let cases = terminal_cases();
    let mut passed = Vec::new();
    for ended in Ended::ALL {
        let mut subject = Parrot::new(Ok(nothing_but(ended)));
        let report = run(&cases, &Selection::default(), &mut Subjects::terminal(&mut subject), 1, &mut Unobserved);
        let passes = report.results.iter().filter(|result| result.verdict() == Some(Verdict::Pass));
        passed.extend(passes.map(|result| format!("{} by saying {ended:?}", result.id)));
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}

/// What the terminal shows, how it ended and why nothing is known of it.
#[test]
fn a_secret_that_a_terminal_repeats_is_in_no_log() {
    let repeated = "the PIN was 97531".to_owned();
    let shown = |ended| Shown { text: repeated.clone(), detail: repeated.clone(), ..nothing_but(ended) };
    for says in [Ok(shown(Ended::Paid)), Ok(shown(Ended::Fault)), Err(repeated.clone())] {
        let mut subject = Parrot::new(says.clone());
        subject.statement.secrets.insert("terminal.pin".to_owned(), SecretText::new("97531"));
        let case = Case::new("TRM-MASK-001", "Whatever happens.").terminal(|tester| {
            let card = tester.card()?;
            tester.order(&OperatorOrder::sale(1), vec![Touch::of(card)]).map(drop)
        });
        let subjects = &mut Subjects::terminal(&mut subject);
        let report = run(&[case], &Selection::default(), subjects, 1, &mut Unobserved);
        let told = format!("{:?}", report.results[0]);
        assert!(told.contains("the PIN was ****") && !told.contains("97531"), "{says:?}: {told}");
    }
}
