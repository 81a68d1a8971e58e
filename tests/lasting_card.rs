//! The suite on a card that must live on: one card for all cases, a ledger of failed authentications, no hand on its memory. No case is
//! barred by what a case before it left, and whatever defect the card has, it is active and has its tries when the run is over.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use untorn::app::AppError;
use untorn::app::identity::identify;
use untorn::app::ledger::FileLedger;
use untorn::app::subjects::RealCard;
use untorn::card::memory::Memory;
use untorn::card::{Answer, Card};
use untorn::conformance::result::{CaseResult, TestReport};
use untorn::conformance::risk::Risk;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::statement::Statement;
use untorn::conformance::verdict::Verdict;
use untorn::entropy::SeededEntropy;
use untorn::family::families;
use untorn::family::purse::card::defect::MutantCard;
use untorn::family::purse::card::inspection::Inspection;
use untorn::family::purse::data::LifeCycle;
use untorn::family::purse::profile::PurseProfile;
use untorn::reader::Reader;
use untorn::reader::in_process::{Slot, shared};

/// A card that the test looks into while it lies at the reader.
#[derive(Clone)]
struct Looked(Arc<Mutex<MutantCard<SeededEntropy>>>);

impl Looked {
    fn inspect(&self) -> Inspection {
        self.0.lock().unwrap().inspect()
    }
}

impl Card for Looked {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.0.lock().unwrap().reset()
    }
    fn process(&mut self, command: &[u8]) -> Answer {
        self.0.lock().unwrap().process(command)
    }
    fn power_off(&mut self) {
        self.0.lock().unwrap().power_off();
    }
    fn memory(&mut self) -> &mut Memory {
        unreachable!("a real card's memory is out of reach")
    }
}

/// A card, what is claimed of it, and the ledger of its person.
struct Lasting {
    card: Looked,
    statement: Statement,
    folder: TempDir,
}

impl Lasting {
    fn new(mutant: Option<&str>) -> Self {
        Self::of("default", |_| {}, mutant)
    }

    /// Of this profile, but for a change.
    fn of(profile: &str, change: impl FnOnce(&mut PurseProfile), mutant: Option<&str>) -> Self {
        let statement = families()[0].statement(profile).unwrap();
        let mut profile = PurseProfile::built_in(profile).unwrap();
        change(&mut profile);
        let statement = statement.number("purse.pin_tries", profile.pin_tries.into());
        let card = MutantCard::made(&profile, SeededEntropy::new(3), mutant).unwrap();
        Self { card: Looked(Arc::new(Mutex::new(card))), statement, folder: tempfile::tempdir().unwrap() }
    }

    /// Runs these cases as at a reader, with what a person allows who has named the card.
    fn run(&self, patterns: &[&str], seed: u64) -> TestReport {
        let slot = Slot::new();
        slot.insert(shared(self.card.clone()));
        let ledger = FileLedger::at(self.folder.path().join("ledger.json"), "");
        let identity = identify(&self.statement, Box::new(slot.reader("bench")), &ledger).unwrap();
        let ledger = ledger.of(identity.name());
        let open = move || -> Result<Box<dyn Reader>, AppError> { Ok(Box::new(slot.reader("bench"))) };
        let subject = RealCard::new(self.statement.clone(), "bench".to_owned(), Box::new(open));
        let mut subject = subject.only(identity, ledger);
        let patterns = patterns.iter().map(ToString::to_string).collect();
        let selection = Selection { patterns, risk_max: Risk::Writes, ..Selection::default() };
        run(&families()[0].cases(), &selection, &mut Subjects::card(&mut subject), seed, &mut Unobserved)
    }

    fn inspect(&self) -> Inspection {
        self.card.inspect()
    }
}

#[test]
fn every_case_that_may_run_passes_one_after_the_other() {
    let card = Lasting::new(None);
    let report = card.run(&["purse"], 1);
    let ran: Vec<_> = report.results.iter().filter(|result| result.verdict().is_some()).collect();
    for result in &ran {
        assert_eq!(result.verdict(), Some(Verdict::Pass), "{}: {:?}", result.id, result.reason());
    }
    println!("{} of {} cases run on a card that lives on", ran.len(), report.results.len());
    assert!(ran.len() > 60);
    let left = card.inspect();
    assert_eq!((left.life_cycle, left.pin_tries), (LifeCycle::Active, Some(3)));
}

#[test]
fn a_card_with_a_defect_is_active_and_has_its_tries_afterwards() {
    for (mutant, patterns) in [
        ("blocked-card-shows-nothing", &["LIF-*"][..]),
        ("blocked-card-pays", &["LIF-*"]),
        ("operation-rights-not-checked", &["LIF-*", "TRX-RIGHTS-001"]),
        ("life-cycle-any-change", &["LIF-*"]),
        ("tries-back-at-reset", &["PIN-*"]),
        ("tries-back-at-auth", &["PIN-*"]),
        ("no-pin-costs-try", &["PIN-*"]),
        ("pin-compared-in-part", &["PIN-*"]),
        ("wrong-pin-keeps-verification", &["PIN-*"]),
        ("abort-refunds-tries", &["TRX-TRIES-001"]),
        ("debit-twice", &["MOD-*"]),
    ] {
        let card = Lasting::new(Some(mutant));
        let report = card.run(patterns, 1);
        let failed = report.results.iter().any(|result| result.verdict() == Some(Verdict::Fail));
        assert!(failed, "{mutant} is not noticed: {:?}", report.results.iter().map(|r| &r.status).collect::<Vec<_>>());
        let left = card.inspect();
        assert_eq!((left.life_cycle, left.pin_tries), (LifeCycle::Active, Some(3)), "{mutant}");
    }
}

/// What would block it is not sent, and the case says so.
#[test]
fn a_pin_of_few_tries_is_not_blocked() {
    for tries in [1, 2] {
        let card = Lasting::of("default", |profile| profile.pin_tries = tries, None);
        let report = card.run(&["PIN-*", "TRX-TRIES-001", "RGT-VERIFY-001", "MOD-SEQUENCE-001"], 1);
        let verdicts: Vec<_> = report.results.iter().filter_map(CaseResult::verdict).collect();
        assert!(verdicts.len() > 7 && !verdicts.contains(&Verdict::Fail) && !verdicts.contains(&Verdict::Error));
        let reasons: String = report.results.iter().filter_map(|result| result.reason()).collect();
        assert!(reasons.contains("wrong PINs in a row would block"), "{reasons}");
        assert_eq!(card.inspect().pin_tries, Some(tries));
    }
}

/// A sequence may leave more on the card than may be taken from it without the PIN.
#[test]
fn balances_are_as_they_were_where_every_debit_needs_the_pin() {
    let without_limit =
        |profile: &mut PurseProfile| profile.logical_cards.iter_mut().for_each(|card| card.pin_limit = 0);
    let card = Lasting::of("default", without_limit, None);
    let balances = |card: &Lasting| card.inspect().logical_cards.iter().map(|card| card.balance).collect::<Vec<_>>();
    let before = balances(&card);
    for seed in 1..=30 {
        let report = card.run(&["MOD-SEQUENCE-001"], seed);
        let result = &report.results[0];
        assert_eq!(result.verdict(), Some(Verdict::Pass), "seed {seed}: {:?}", result.reason());
        assert_eq!(balances(&card), before, "seed {seed}");
    }
}

/// Nothing would ever give a count back that was made for a PIN that is not there.
#[test]
fn a_card_without_a_pin_loses_no_tries_of_it() {
    let card = Lasting::of("phone", |_| {}, None);
    for seed in 1..=3 {
        let report = card.run(&["PIN-*", "MOD-SEQUENCE-001"], seed);
        for result in report.results.iter().filter(|result| result.verdict().is_some()) {
            assert_eq!(result.verdict(), Some(Verdict::Pass), "seed {seed}, {}: {:?}", result.id, result.reason());
        }
        let ran = |id: &str| report.results.iter().any(|result| result.id == id && result.verdict().is_some());
        assert!(ran("PIN-NONE-001") && ran("MOD-SEQUENCE-001"));
    }
}
