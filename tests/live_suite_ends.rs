//! What ends a run of the suite from outside: the card leaves, the service goes, the card never answers. The run ends with one reason where
//! nothing can be asked of the card any more; nothing of this reads as passed or failed.

#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where something is missing")]

mod support;

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use support::pcscd::{Pcscd, READER};
use support::purse::ServedPurse;
use support::virtual_card::{Seen, VirtualCard};
use untorn::app::AppError;
use untorn::app::identity::{self, Identity};
use untorn::app::ledger::FileLedger;
use untorn::app::run_folder::{self, RunFolder};
use untorn::app::subjects::RealCard;
use untorn::card::memory::Memory;
use untorn::card::{Answer, Card};
use untorn::conformance::case::Case;
use untorn::conformance::evidence::Seen as Logged;
use untorn::conformance::result::{CaseResult, End, TestReport};
use untorn::conformance::runner::{Observer, Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::family::families;
use untorn::family::purse::data::{CardId, Suite};
use untorn::reader::Reader;
use untorn::reader::in_process::shared;
use untorn::reader::pcsc::PcscReader;

/// A call to the service that takes longer is given up; here so short that the test need not wait for the usual half minute.
const DEADLINE: Duration = Duration::from_secs(1);

fn purse_card() -> Box<dyn Card> {
    families()[0].virtual_card("default", 1, None).unwrap()
}

fn at_reader() -> RealCard {
    let statement = families()[0].statement("default").unwrap();
    RealCard::new(statement, READER.to_owned(), Box::new(open_reader))
}

fn open_reader() -> Result<Box<dyn Reader>, AppError> {
    let reader = PcscReader::open_exactly(READER).map_err(|error| AppError::Reader(error.to_string()))?;
    Ok(Box::new(reader.with_deadline(DEADLINE)))
}

fn only(patterns: &[&str]) -> Selection {
    Selection { patterns: patterns.iter().map(ToString::to_string).collect(), ..Selection::default() }
}

/// Does something before the case with this index, and keeps the folder of the run.
struct Before<'a> {
    folder: Option<RunFolder>,
    path: &'a std::path::Path,
    acts: Vec<(usize, Box<dyn FnOnce() + 'a>)>,
}

impl Observer for Before<'_> {
    fn planned(&mut self, report: &TestReport) {
        self.folder = Some(RunFolder::create(self.path, report.clone()).unwrap());
    }

    fn begin(&mut self, _: &Case, index: usize, _: usize) {
        while let Some(next) = self.acts.pop_if(|(at, _)| *at <= index) {
            next.1();
        }
    }

    fn end(&mut self, result: &CaseResult) {
        self.folder.as_mut().unwrap().record(result).unwrap();
    }
}

#[test]
fn the_card_leaves_and_then_the_service() {
    let Some(mut pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let card = VirtualCard::present(&shared(purse_card()), &pcscd);
    seen.wait_inserted();
    let folder = tempfile::tempdir().unwrap();
    let lift = Box::new(move || {
        card.control.stop();
        card.end().unwrap();
        seen.wait_removed();
    });
    let stop = Box::new(|| pcscd.stop());
    // The last comes first.
    let acts: Vec<(usize, Box<dyn FnOnce() + '_>)> = vec![(4, stop), (2, lift)];
    let mut observer = Before { folder: None, path: folder.path(), acts };
    let mut subject = at_reader();
    let selection = only(&["ISO-SEL-*"]);
    let report =
        run(&untorn::suite::iso7816_4::cases(), &selection, &mut Subjects::card(&mut subject), 1, &mut observer);
    observer.folder.take().unwrap().finish(report.clone()).unwrap();
    let verdicts: Vec<_> = report.results.iter().map(CaseResult::verdict).collect();
    let silent = Some(Verdict::Inconclusive);
    assert_eq!(verdicts[..5], [Some(Verdict::Pass), Some(Verdict::Pass), silent, silent, silent]);
    assert!(verdicts.len() > 5 && verdicts[5..].iter().all(Option::is_none), "{verdicts:?}");
    assert!(report.interrupted && report.end() == End::Inconclusive);
    let reasons: Vec<_> = report.results.iter().map(|result| result.reason().unwrap_or_default()).collect();
    assert!(reasons[2].contains("no answer to reset"), "{reasons:?}");
    let kept = run_folder::read(folder.path()).unwrap();
    assert_eq!(kept.results.len(), report.results.len());
    assert!(kept.results[..3].iter().all(|result| !result.evidence.is_empty()), "the logs are kept");
}

/// 159 cases that say nothing but "no answer" say nothing: one reason, and the rest was not run.
#[test]
fn a_card_that_was_named_leaves_for_good() {
    let Some(pcscd) = Pcscd::start() else { return };
    let card = ServedPurse::present(&pcscd, &[Suite::Epc1, Suite::Epc2], CardId([0x11; 8]));
    let folder = tempfile::tempdir().unwrap();
    let ledger = FileLedger::at(folder.path().join("ledger.json"), "");
    let statement = families()[0].statement("default").unwrap();
    let identity = identity::identify(&statement, open_reader().unwrap(), &ledger).unwrap();
    let mut subject = at_reader().only(identity, ledger);
    let lift = Box::new(|| card.take_away());
    let run_path = folder.path().join("run");
    let mut observer = Before { folder: None, path: &run_path, acts: vec![(1, lift)] };
    let cards = &mut Subjects::card(&mut subject);
    let report = run(&untorn::suite::iso7816_4::cases(), &only(&["ISO-SEL-*"]), cards, 1, &mut observer);
    let verdicts: Vec<_> = report.results.iter().map(CaseResult::verdict).collect();
    assert_eq!(verdicts[..2], [Some(Verdict::Pass), Some(Verdict::Inconclusive)]);
    assert!(verdicts[2..].iter().all(Option::is_none) && report.interrupted, "{verdicts:?}");
    let reason = report.results[1].reason().unwrap();
    assert!(reason.contains("1111111111111111 has left the reader and did not come back"), "{reason}");
}

/// A card that was named, and another in its place between two cases: nothing is written to that one.
#[test]
fn the_card_is_swapped() {
    let Some(pcscd) = Pcscd::start() else { return };
    let suites = [Suite::Epc1, Suite::Epc2];
    let (here, there) = (CardId([0x11; 8]), CardId([0x22; 8]));
    let first = ServedPurse::present(&pcscd, &suites, here);
    let folder = tempfile::tempdir().unwrap();
    let ledger = FileLedger::at(folder.path().join("ledger.json"), "");
    let statement = families()[0].statement("default").unwrap();
    let identity = identity::identify(&statement, open_reader().unwrap(), &ledger).unwrap();
    assert_eq!(identity, Identity::Card(here.to_string()));
    let mut subject = at_reader().only(identity, ledger);
    let second = Mutex::new(None);
    let swap = Box::new(|| {
        first.take_away();
        let other = ServedPurse::present(&pcscd, &suites, there);
        *second.lock().unwrap() = Some((other.inspect(), other));
    });
    let run_path = folder.path().join("run");
    let mut observer = Before { folder: None, path: &run_path, acts: vec![(1, swap)] };
    let selection = only(&["TRX-DEBIT-001", "TRX-CREDIT-001", "TRX-REPEAT-001"]);
    let report = run(&families()[0].cases(), &selection, &mut Subjects::card(&mut subject), 1, &mut observer);
    observer.folder.take().unwrap().finish(report.clone()).unwrap();
    drop(observer);
    let verdicts: Vec<_> = report.results.iter().map(CaseResult::verdict).collect();
    assert_eq!(verdicts, [Some(Verdict::Pass), Some(Verdict::Error), None], "{:?}", report.results[0].reason());
    let reason = report.results[1].reason().unwrap();
    assert!(reason.contains("the card was swapped") && reason.contains(&there.to_string()), "{reason}");
    assert!(report.interrupted && report.end() == End::Inconclusive);
    let kept = run_folder::read(&run_path).unwrap();
    assert!(!kept.results[1].evidence.is_empty(), "the log is kept");
    let (before, second) = second.into_inner().unwrap().unwrap();
    assert_eq!(second.inspect(), before);
}

/// What a reset leaves could not be seen behind the commands that identify a card: they come once a case while it lies still.
#[test]
fn the_card_that_lies_still_is_looked_at_once_a_case() {
    let Some(pcscd) = Pcscd::start() else { return };
    let _card = ServedPurse::present(&pcscd, &[Suite::Epc1, Suite::Epc2], CardId([0x11; 8]));
    let folder = tempfile::tempdir().unwrap();
    let ledger = FileLedger::at(folder.path().join("ledger.json"), "");
    let statement = families()[0].statement("default").unwrap();
    let identity = identity::identify(&statement, open_reader().unwrap(), &ledger).unwrap();
    let mut subject = at_reader().only(identity, ledger);
    let selection = only(&["ISO-GRS-004"]);
    let cards = &mut Subjects::card(&mut subject);
    let report = run(&untorn::suite::iso7816_4::cases(), &selection, cards, 1, &mut Unobserved);
    let result = &report.results[0];
    assert_eq!(result.verdict(), Some(Verdict::Pass), "{:?}", result.reason());
    let looked = |seen: &Logged| matches!(seen, Logged::Note { text } if text == "which card it is");
    let resets = result.evidence.iter().filter(|line| matches!(line.what, Logged::AnswerToReset { .. })).count();
    assert_eq!((result.evidence.iter().filter(|line| looked(&line.what)).count(), resets), (1, 4));
}

/// Answers to reset, and to no command until it is let go.
struct Stubborn {
    card: Box<dyn Card>,
    let_go: Mutex<Receiver<()>>,
}

impl Card for Stubborn {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.card.reset()
    }

    fn process(&mut self, _: &[u8]) -> Answer {
        // The end of the other side is what is waited for.
        let _ = self.let_go.lock().unwrap().recv();
        Answer::Mute
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        self.card.memory()
    }
}

#[test]
fn a_card_that_never_answers_holds_nobody_up() {
    let Some(pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let (held, let_go) = mpsc::channel();
    let stubborn = Stubborn { card: purse_card(), let_go: Mutex::new(let_go) };
    let card = VirtualCard::present(&shared(stubborn), &pcscd);
    seen.wait_inserted();
    let mut subject = at_reader();
    let selection = only(&["ISO-SEL-001", "ISO-SEL-002"]);
    let folder = tempfile::tempdir().unwrap();
    let mut observer = Before { folder: None, path: folder.path(), acts: Vec::new() };
    let report =
        run(&untorn::suite::iso7816_4::cases(), &selection, &mut Subjects::card(&mut subject), 1, &mut observer);
    // The service waits for the card as long as it is there; it could not be ended either.
    drop(held);
    drop(card);
    assert_eq!(report.results.len(), 2);
    for result in &report.results {
        assert_eq!(result.verdict(), Some(Verdict::Inconclusive), "{:?}", result.reason());
        assert!(
            result.evidence.iter().any(|line| matches!(line.what, Logged::NoAnswer { .. })),
            "{:?}",
            result.evidence
        );
    }
    assert!(report.results[0].reason().unwrap().contains("no answer within"), "{:?}", report.results[0].reason());
    let kept = run_folder::read(folder.path()).unwrap();
    assert!(kept.results.iter().all(|result| result.verdict() == Some(Verdict::Inconclusive)));
}
