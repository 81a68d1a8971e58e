//! Which card it is, and what comes of it when it is another one.

use std::sync::{Arc, Mutex};

use super::*;
use crate::app::subjects::RealCard;
use crate::card::memory::Memory;
use crate::card::{Answer, Card};
use crate::conformance::case::Case;
use crate::conformance::evidence::Seen;
use crate::conformance::result::{CaseResult, Status, TestReport};
use crate::conformance::rig::Subject;
use crate::conformance::runner::{Subjects, Unobserved, run};
use crate::conformance::selection::Selection;
use crate::conformance::statement::Statement;
use crate::reader::in_process::{SharedCard, Slot, shared};

/// Answers a command with its own number, and remembers all commands.
struct Numbered {
    number: Vec<u8>,
    commands: Arc<Mutex<Vec<Vec<u8>>>>,
    memory: Memory,
}

const IDENTIFY: [u8; 4] = [0x80, 0x01, 0x00, 0x00];
const OTHER: [u8; 4] = [0x80, 0x02, 0x00, 0x00];

impl Card for Numbered {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.memory.power_on();
        Some(vec![0x3B, 0x00])
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        self.commands.lock().unwrap().push(command.to_vec());
        Answer::Response([&self.number[..], &[0x90, 0x00]].concat())
    }

    fn power_off(&mut self) {
        self.memory.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}

fn numbered(number: &[u8]) -> (SharedCard, Arc<Mutex<Vec<Vec<u8>>>>) {
    let commands = Arc::default();
    let (number, memory) = (number.to_vec(), Memory::from_image(vec![0]));
    (shared(Numbered { number, commands: Arc::clone(&commands), memory }), commands)
}

fn statement(identity: Option<&str>) -> Statement {
    let statement = Statement { name: "toy".to_owned(), ..Statement::default() };
    identity.into_iter().fold(statement, |statement, identity| statement.text("identity", identity))
}

/// What becomes of a run of these cases at this slot, at the card that lies there now.
fn run_at(slot: &Slot, statement: &Statement, cases: &[Case]) -> (TestReport, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = FileLedger::at(folder.path().join("ledger.json"), "");
    let identity = identify(statement, Box::new(slot.reader("toy")), &ledger).unwrap();
    let open = {
        let slot = slot.clone();
        Box::new(move || Ok(Box::new(slot.reader("toy")) as Box<dyn Reader>))
    };
    let mut subject = RealCard::new(statement.clone(), "toy".to_owned(), open).only(identity, ledger);
    let report = run(cases, &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved);
    (report, subject.lost())
}

fn case(id: &str, body: impl Fn(&mut Tester<'_>) -> OrStop + Send + Sync + 'static) -> Case {
    Case::new(id, "A purpose.").writes().body(body)
}

fn looks(result: &CaseResult) -> usize {
    let looked = |seen: &Seen| matches!(seen, Seen::Note { text } if text == "which card it is");
    result.evidence.iter().filter(|line| looked(&line.what)).count()
}

#[test]
fn a_card_that_takes_the_place_of_another_gets_nothing_but_the_question_who_it_is() {
    let slot = Slot::new();
    let ((first, first_had), (second, second_had)) = (numbered(&[1]), numbered(&[2]));
    slot.insert(first);
    let place = slot.clone();
    let swaps = case("TOY-SWAP-001", move |tester| {
        tester.send(&OTHER)?;
        place.insert(second.clone());
        // Whoever goes on all the same reaches no card.
        let _ = tester.power_on();
        assert!(tester.send(&OTHER).is_err());
        Ok(())
    });
    let next = case("TOY-SWAP-002", |tester| tester.send(&OTHER).map(drop));
    let (report, lost) = run_at(&slot, &statement(Some("80010000")), &[swaps, next]);
    let reason = "the card was swapped: the run began with card 01, now there is card 02";
    assert_eq!(lost.as_deref(), Some(reason));
    assert_eq!((report.results[0].verdict(), report.results[0].reason()), (Some(Verdict::Error), Some(reason)));
    assert!(report.interrupted && report.results[1].status == Status::NotRun);
    assert_eq!(looks(&report.results[0]), 2, "the log is kept");
    assert!(first_had.lock().unwrap().contains(&OTHER.to_vec()));
    assert_eq!(*second_had.lock().unwrap(), [IDENTIFY.to_vec()]);
}

#[test]
fn the_card_is_looked_at_before_each_case_and_where_it_left_and_not_at_each_reset() {
    let slot = Slot::new();
    let (card, had) = numbered(&[1]);
    slot.insert(card.clone());
    let resets = case("TOY-SAME-001", |tester| {
        tester.power_on()?;
        tester.warm_reset()?;
        tester.send(&OTHER).map(drop)
    });
    let place = slot.clone();
    let leaves = case("TOY-SAME-002", move |tester| {
        place.remove();
        place.insert(card.clone());
        tester.power_on()?;
        tester.send(&OTHER).map(drop)
    });
    let (report, lost) = run_at(&slot, &statement(Some("80010000")), &[resets, leaves]);
    assert_eq!(lost, None);
    let seen: Vec<_> = report.results.iter().map(|result| (result.verdict(), looks(result))).collect();
    assert_eq!(seen, [(Some(Verdict::Pass), 1), (Some(Verdict::Pass), 2)]);
    let asked = had.lock().unwrap().iter().filter(|command| **command == IDENTIFY).count();
    assert_eq!(asked, 4, "once at the beginning of the run");
}

/// One reason, not one for each case that is left.
#[test]
fn a_card_that_leaves_and_does_not_come_back_ends_the_run() {
    let slot = Slot::new();
    slot.insert(numbered(&[1]).0);
    let place = slot.clone();
    let leaves = case("TOY-GONE-001", move |tester| {
        place.remove();
        tester.send(&OTHER).map(drop)
    });
    let next = |id| case(id, |tester| tester.send(&OTHER).map(drop));
    let cases = [leaves, next("TOY-GONE-002"), next("TOY-GONE-003")];
    let (report, lost) = run_at(&slot, &statement(Some("80010000")), &cases);
    let reason = "card 01 has left the reader and did not come back within 2 seconds";
    assert_eq!(lost.as_deref(), Some(reason));
    assert_eq!((report.results[0].verdict(), report.results[0].reason()), (Some(Verdict::Inconclusive), Some(reason)));
    assert!(report.interrupted && report.results[1..].iter().all(|result| result.status == Status::NotRun));
}

#[test]
fn a_card_that_does_not_say_any_more_who_it_is_ends_the_run() {
    let slot = Slot::new();
    let ((first, _), (second, had)) = (numbered(&[1]), numbered(&[]));
    slot.insert(first);
    let place = slot.clone();
    let swaps = case("TOY-SWAP-001", move |tester| {
        place.insert(second.clone());
        tester.power_on().map(drop)
    });
    let (report, lost) = run_at(&slot, &statement(Some("80010000")), &[swaps]);
    assert!(lost.unwrap().contains("does not say any more who it is"));
    assert_eq!(report.results[0].verdict(), Some(Verdict::Error));
    assert_eq!(*had.lock().unwrap(), [IDENTIFY.to_vec()]);
}

#[test]
fn a_card_is_written_to_only_when_it_is_named_and_has_a_name() {
    let permission = |identity: &Identity, named| identity.permission(named).ok();
    let card = Identity::Card("AB01".to_owned());
    assert_eq!(permission(&card, None), Some(Risk::ReadOnly));
    assert_eq!(permission(&card, Some("ab01")), Some(Risk::Writes), "and never ruined");
    assert_eq!(permission(&card, Some("AB02")), None);
    let of_type = Identity::Type("3B00".to_owned());
    assert_eq!(permission(&of_type, Some("3B00")), Some(Risk::Writes));
    let unknown = Identity::Unknown("3B00".to_owned());
    assert_eq!(permission(&unknown, None), Some(Risk::ReadOnly));
    assert_eq!(permission(&unknown, Some("3B00")), None);
    let notice = |identity: &Identity, named| identity.notice(named).unwrap_or_default();
    assert_eq!(notice(&card, true), "");
    assert!(notice(&card, false).contains("--card AB01"));
    assert!(notice(&of_type, true).contains("any card of this type"));
    assert!(notice(&unknown, false).contains("identity = \"atr\""));
}

#[test]
fn an_answer_to_reset_names_a_card_only_where_the_statement_says_so_and_nothing_is_no_name() {
    let identity = |word: Option<&str>, number: &[u8]| {
        let (slot, folder) = (Slot::new(), tempfile::tempdir().unwrap());
        slot.insert(numbered(number).0);
        let ledger = FileLedger::at(folder.path().join("ledger.json"), "");
        identify(&statement(word), Box::new(slot.reader("toy")), &ledger).map_err(|error| error.to_string())
    };
    assert_eq!(identity(None, &[1]), Ok(Identity::Unknown("3B00".to_owned())));
    assert_eq!(identity(Some("atr"), &[1]), Ok(Identity::Type("3B00".to_owned())));
    assert_eq!(identity(Some("80010000"), &[0xA5, 1]), Ok(Identity::Card("A501".to_owned())));
    let empty = "cannot identify the card: what should tell it from others is empty";
    assert_eq!(identity(Some("80010000"), &[]), Err(empty.to_owned()));
    assert!(identity(Some("serial"), &[1]).unwrap_err().contains("expected \"atr\" or commands"));
    assert_eq!(identity(Some("80020000, 80010000"), &[7]), Ok(Identity::Card("07".to_owned())));
}

#[test]
fn a_success_that_identifies_gives_back_the_tries_of_the_card_that_it_is() {
    use crate::conformance::rig::Ledger;
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = FileLedger::at(folder.path().join("ledger.json"), "A");
    ledger.before_failure("key").unwrap();
    ledger.before_failure("key").unwrap();
    let unidentified = Unidentified::new(&ledger, "3B00");
    let mut counting = unidentified.clone();
    counting.before_failure("key").unwrap();
    counting.before_failure("key").unwrap();
    assert!(Unidentified::new(&ledger, "3B00").before_failure("key").is_err(), "over runs too");
    counting.after_success("key").unwrap();
    unidentified.identified("A").unwrap();
    ledger.before_failure("key").unwrap();
    Unidentified::new(&ledger, "3B00").before_failure("key").unwrap();
}
