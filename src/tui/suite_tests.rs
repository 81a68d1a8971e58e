//! The screen of the conformance suite, with its real thread's work done in this one, on real virtual subjects.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Tab, Told};
use super::core::{Core, Instruction};
use super::snapshot::{Phase, ReaderLine, Snapshot, Wanted};
use super::suite::{Ask, Seat, Setup, Suite, Watch, Wish};
use super::tests::{LARGE, Person, SMALL, setup};
use super::verdicts::{Picture, Progress, Subject, Turn};
use crate::app::campaign::{Campaign, CampaignOptions};
use crate::conformance::expected::Expectations;
use crate::conformance::result::{Standing, TestReport};
use crate::conformance::runner;
use crate::conformance::selection::Selection;
use crate::journal::memory::MemoryJournal;
use crate::journal::record::OrderKind;
use crate::money::{Currency, Money};
use crate::time::Moment;

/// Asks one thing after the other, looks at everything, and wants a run stopped when it is asked for the `stop_at`th time.
#[derive(Default)]
struct Script {
    asks: VecDeque<Ask>,
    seen: Vec<Arc<Picture>>,
    micros: u64,
    asked: usize,
    stop_at: Option<usize>,
}

impl Seat for Script {
    fn micros(&mut self) -> u64 {
        self.micros += 1_000;
        self.micros
    }

    fn now(&mut self) -> Moment {
        Moment::default()
    }

    fn show(&mut self, picture: Arc<Picture>) {
        self.seen.push(picture);
    }

    fn next(&mut self) -> Option<Ask> {
        self.asks.pop_front()
    }

    fn wish(&mut self) -> Wish {
        self.asked += 1;
        if self.stop_at.is_some_and(|at| self.asked > at) { Wish::Stop } else { Wish::GoOn }
    }
}

fn options(mutant: Option<&str>) -> CampaignOptions {
    CampaignOptions { profile: "default".to_owned(), mutant: mutant.map(str::to_owned), ..CampaignOptions::default() }
}

/// All pictures of a thread that is asked this.
fn serve(mutant: Option<&str>, asks: &[Ask]) -> Vec<Arc<Picture>> {
    let setup = Setup { options: options(mutant), begins_virtual: true, ..Setup::default() };
    let mut script = Script { asks: asks.iter().cloned().collect(), ..Script::default() };
    Suite::new(setup).serve(&mut script);
    script.seen
}

fn run(patterns: &[&str]) -> Ask {
    Ask::Run { reader: None, patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(), mutant: None }
}

/// How long cases took is another time in every run, and how often the clock is asked depends on the cores there are.
fn timeless(picture: &Picture) -> Arc<Picture> {
    let mut picture = picture.clone();
    for entry in &mut picture.cases {
        Arc::make_mut(&mut entry.result).micros = 0;
    }
    picture.ended.iter_mut().for_each(|ended| ended.micros = 6_000);
    Arc::new(picture)
}

/// A window at the suite.
fn window(size: (u16, u16), picture: &Picture) -> Person {
    let mut person = Person::new(size, Vec::new());
    Core::new(setup(&MemoryJournal::default(), 7)).serve(&mut person);
    let app = person.app.as_mut().unwrap();
    app.tab = Tab::Suite;
    app.suite.take(timeless(picture));
    person
}

fn press(app: &mut App, keys: &[KeyCode]) -> Option<Told> {
    keys.iter().fold(None, |_, code| app.press(&KeyEvent::new(*code, KeyModifiers::NONE)))
}

fn letter(app: &mut App, letter: char) -> Option<Told> {
    press(app, &[KeyCode::Char(letter)])
}

fn look(name: &str, person: &mut Person) {
    let text = person.text();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn tree_run_failures_and_evidence_look_as_they_were_reviewed() {
    let idle = serve(None, &[]).pop().unwrap();
    let finished = serve(Some("nonce-constant"), &[run(&["AUT-NONCE-*"])]).pop().unwrap();
    for (size, suffix) in [(SMALL, "80x24"), (LARGE, "200x50")] {
        let mut person = window(size, &idle);
        look(&format!("suite-idle-{suffix}"), &mut person);

        let mut person = window(size, &idle);
        letter(person.app.as_mut().unwrap(), 'a');
        person.app.as_mut().unwrap().suite.take(timeless(&running()));
        look(&format!("suite-running-{suffix}"), &mut person);

        let mut person = window(size, &finished);
        letter(person.app.as_mut().unwrap(), 'f');
        press(person.app.as_mut().unwrap(), &[KeyCode::Down]);
        look(&format!("suite-failures-{suffix}"), &mut person);
        press(person.app.as_mut().unwrap(), &[KeyCode::Enter]);
        look(&format!("suite-evidence-{suffix}"), &mut person);
        letter(person.app.as_mut().unwrap(), 'd');
        press(person.app.as_mut().unwrap(), &[KeyCode::End]);
        let text = person.text();
        assert!(text.contains("balance 00 00 42 B8: 17,080 JPY"), "octets are explained:\n{text}");
    }
}

/// Half of a run, in the order in which one core alone would do it.
fn running() -> Picture {
    let mut campaign = Campaign::open(&options(Some("nonce-constant"))).unwrap();
    let selection = Selection { patterns: vec!["AUT-*".to_owned()], ..Selection::default() };
    let mut picture = (*serve(None, &[]).pop().unwrap()).clone();
    let (cases, mut subjects) = campaign.parts();
    let chosen = selection.choose(cases);
    picture.plan(&runner::plan(&chosen, &selection, &subjects, 0));
    for (index, case) in chosen.iter().take(5).enumerate() {
        picture.begin(&case.id);
        let seed = runner::case_seed(0, &case.id);
        let result = runner::run_case(case, &mut subjects, seed, &mut runner::Unobserved);
        picture.end(&result, (index as u64 + 1) * 700_000);
    }
    picture.begin(&chosen[5].id);
    picture
}

#[test]
fn verdicts_come_one_by_one_and_the_run_says_how_it_ended() {
    let seen = serve(Some("nonce-constant"), &[run(&["AUT-NONCE-*"]), run(&["AUT-NONCE-001"])]);
    let done: Vec<usize> = seen.iter().filter_map(|picture| Some(picture.run.as_ref()?.done)).collect();
    assert!(done.windows(2).all(|pair| pair[0] <= pair[1] || pair[1] == 0), "{done:?}");
    let of = seen.iter().find_map(|picture| Some(picture.run.as_ref()?.of)).unwrap();
    assert!(of > 2 && done.contains(&of), "{done:?} of {of}");
    let last = seen.last().unwrap();
    assert!(last.run.is_none());
    assert_eq!(last.ended.as_ref().unwrap().counts, [(Standing::Passed, 1)], "of the run of one case");
    // What the first run found stays.
    let standing = |id: &str| last.cases.iter().find(|entry| entry.result.id == id).unwrap().result.standing();
    assert_eq!(standing("AUT-NONCE-001"), Standing::Passed);
    assert_eq!(standing("AUT-NONCE-003"), Standing::Failed);
    assert_eq!(standing("ISO-SEL-001"), Standing::NotRun);
}

#[test]
fn a_run_can_be_stopped_and_what_was_known_stays() {
    let before = serve(None, &[run(&["ISO-SEL-*"])]).pop().unwrap();
    let mut picture = (*before).clone();
    let mut script = Script { stop_at: Some(2), ..Script::default() };
    let mut campaign = Campaign::open(&options(None)).unwrap();
    let selection = Selection { patterns: vec!["ISO-SEL-*".to_owned()], ..Selection::default() };
    let report: TestReport = {
        let mut watch = Watch::new(&mut picture, &mut script, 0, None);
        let (cases, mut subjects) = campaign.parts();
        runner::run(cases, &selection, &mut subjects, 0, &mut watch)
    };
    assert_eq!(report.count(Standing::Passed), 2);
    assert!(script.seen.iter().any(|picture| picture.run.as_ref().is_some_and(|run| run.stopping)));
    assert!(picture.cases.iter().any(|entry| entry.turn == Turn::Waits));
    picture.finish(&report, None);
    assert!(picture.run.is_none() && picture.cases.iter().all(|entry| entry.turn == Turn::None));
    assert!(
        picture
            .cases_of("iso7816_4")
            .filter(|entry| entry.result.id.starts_with("ISO-SEL"))
            .all(|entry| { entry.result.standing() == Standing::Passed })
    );
}

#[test]
fn a_reader_that_cannot_be_opened_is_said() {
    let at = Ask::Run { reader: Some("no such reader".to_owned()), patterns: Vec::new(), mutant: None };
    let seen = serve(None, &[at]);
    let last = seen.last().unwrap();
    assert!(last.run.is_none() && last.notice.is_some());
    let notice = last.notice.as_ref().unwrap();
    let first_words: String = notice.chars().take(20).collect();
    let text = window(SMALL, last).text();
    assert!(text.contains(&first_words), "expected {notice:?} in\n{text}");
}

#[test]
fn keys_choose_what_is_run() {
    let mut person = window(SMALL, &serve(None, &[]).pop().unwrap());
    let app = person.app.as_mut().unwrap();
    let asked = |told: Option<Told>| match told {
        Some(Told::Suite(Ask::Run { reader: None, patterns, .. })) => patterns,
        told => panic!("{told:?}"),
    };
    assert_eq!(asked(letter(app, 'a')), Vec::<String>::new());
    assert_eq!(asked(letter(app, 'r')), ["iso7816_4"]);
    press(app, &[KeyCode::Enter, KeyCode::Down]);
    assert_eq!(asked(letter(app, 'r')), ["ISO-ATR-001"]);
    press(app, &[KeyCode::Enter, KeyCode::Right]);
    assert_eq!(asked(letter(app, 'r')), ["ISO-SEL-009"], "the next case, shown whole");
    press(app, &[KeyCode::Esc, KeyCode::Left, KeyCode::Down]);
    assert_eq!(asked(letter(app, 'r')), ["terminal"], "folded from inside");
    assert!(letter(app, 's').is_none(), "nothing runs");
    app.suite.take(Arc::new(running()));
    assert!(letter(app, 'a').is_none(), "one run after the other");
    assert!(matches!(letter(app, 's'), Some(Told::Suite(Ask::Stop))));
}

#[test]
fn the_tree_goes_along_with_a_run_until_the_person_moves() {
    let idle = serve(None, &[]).pop().unwrap();
    let mut person = window(SMALL, &idle);
    let app = person.app.as_mut().unwrap();
    letter(app, 'a');
    let running = running();
    let at = running.run.as_ref().unwrap().case.clone();
    app.suite.take(Arc::new(running.clone()));
    assert_eq!(app.suite.case().unwrap().result.id, at);
    let ended = Arc::new(Picture { run: None, ..running.clone() });
    app.suite.take(ended.clone());
    assert!(app.suite.case().is_none(), "back where the person was");

    letter(app, 'a');
    app.suite.take(Arc::new(running));
    press(app, &[KeyCode::Up]);
    app.suite.take(ended);
    let before = |entry: &&crate::tui::verdicts::CaseLine| entry.result.id < at;
    assert!(app.suite.case().is_some_and(|entry| before(&entry)), "the case above stays chosen");
}

#[test]
fn sale_and_suite_never_work_with_the_same_real_card() {
    let mut person = window(SMALL, &running());
    let app = person.app.as_mut().unwrap();
    let line = ReaderLine { name: "ACME".to_owned(), is_virtual: false, has_card: true };
    let at_acme = |phase: Phase| {
        Arc::new(Snapshot {
            readers: Arc::new([line.clone()]),
            reader: 0,
            phase,
            bench: None,
            ..(*app.snapshot).clone()
        })
    };
    let (idle, working) = (at_acme(Phase::Idle), at_acme(Phase::Working { value_moving: true }));
    let picture = app.suite.picture.clone();
    let subject = |reader: Option<&str>| {
        Some(Subject {
            reader: reader.map(str::to_owned),
            mutant: None,
            statement: "default".to_owned(),
            identity: None,
            only_reads: true,
        })
    };

    app.take(idle.clone());
    for (reader, sells) in [(Some("ACME"), false), (None, true)] {
        app.suite.take(Arc::new(Picture { subject: subject(reader), ..(*picture).clone() }));
        app.tab = Tab::Sale;
        letter(app, '5');
        let begun = press(app, &[KeyCode::Enter]);
        let sale = Wanted::Order(OrderKind::Sale, Money::new(app.amount, Currency::JPY));
        assert_eq!(matches!(&begun, Some(Told::Core(Instruction::Begin(wanted))) if *wanted == sale), sells);
        assert_eq!(app.said.is_some(), !sells);
    }

    app.tab = Tab::Suite;
    app.suite.take(Arc::new(Picture { run: None::<Progress>, subject: None, ..(*picture).clone() }));
    assert!(matches!(letter(app, 'a'), Some(Told::Suite(Ask::Run { reader: Some(reader), .. })) if reader == "ACME"));
    app.take(working);
    assert!(letter(app, 'a').is_none());
    assert!(app.said.is_some());
    assert!(person.text().contains("paid with at the moment"), "a plain notice");
}

#[test]
fn the_suite_is_drawn_at_any_size() {
    let picture = running();
    for size in [(1, 1), (30, 8), (31, 9), (60, 10), (119, 12), (120, 10), (500, 9)] {
        let mut person = window(size, &picture);
        for keys in ["", "\n", "f", "d"] {
            keys.chars().for_each(|key| {
                let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
                press(person.app.as_mut().unwrap(), &[code]);
            });
            person.text();
        }
    }
}

/// What `test` takes on the command line, the window takes too.
#[test]
fn cases_and_expectations_in_files_count_in_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.toml");
    let case = |id: &str| {
        format!(
            "[[case]]\nid = '{id}'\npurpose = 'p.'\nrisk = 'read_only'\n[[case.step]]\nsend = '00FE0000'\nexpect = '9000'\n"
        )
    };
    std::fs::write(&path, format!("suite = 'toy'\n{}{}", case("TOY-A-001"), case("TOY-A-002"))).unwrap();
    let entry = |id: &str, verdict: &str| {
        format!("[[expect]]\ncase = '{id}'\nverdict = '{verdict}'\nreason = 'r'\nuntil = '2999-12-31'\n")
    };
    let text = entry("TOY-A-001", "fail") + &entry("TOY-A-002", "inconclusive");
    let setup = Setup {
        options: CampaignOptions { cases: vec![path], ..options(None) },
        begins_virtual: true,
        expectations: Expectations::parse(&text).unwrap(),
        ..Setup::default()
    };
    let mut script = Script { asks: [run(&["toy"])].into(), ..Script::default() };
    Suite::new(setup).serve(&mut script);
    let picture = script.seen.pop().unwrap();
    let standings: Vec<Standing> = picture.cases_of("toy").map(|entry| entry.result.standing()).collect();
    assert_eq!(standings, [Standing::Expected, Standing::Failed]);
    assert_eq!(picture.notice.as_deref(), Some("stale expectation: TOY-A-002: expected inconclusive, got fail"));
}

#[test]
fn escape_undoes_search_and_filter_before_it_leaves_the_screen() {
    let mut person = window(SMALL, &serve(None, &[]).pop().unwrap());
    let app = person.app.as_mut().unwrap();
    letter(app, 'f');
    letter(app, '/');
    "nonce-003?".chars().for_each(|key| assert!(letter(app, key).is_none(), "{key} is text"));
    assert_eq!(app.suite.search, "nonce-003?");
    press(app, &[KeyCode::Backspace, KeyCode::Enter]);
    assert!(app.suite.rows().is_empty(), "no such case has failed");
    assert!(letter(app, 'r').is_none() && app.said.is_some_and(|said| said.contains("nothing is listed")));
    press(app, &[KeyCode::Esc]);
    assert!(app.tab == Tab::Suite && app.suite.search.is_empty() && app.suite.only_failures);
    press(app, &[KeyCode::Esc]);
    assert!(app.tab == Tab::Suite && !app.suite.only_failures);
    press(app, &[KeyCode::Esc]);
    assert!(app.tab == Tab::Sale);
}

#[test]
fn a_search_lists_cases_and_a_run_of_the_suite_runs_these() {
    let mut person = window(SMALL, &serve(None, &[]).pop().unwrap());
    let app = person.app.as_mut().unwrap();
    letter(app, '/');
    "aut-nonce-00".chars().for_each(|key| drop(letter(app, key)));
    let ids: Vec<String> = app.suite.rows().iter().skip(1).map(|row| format!("{row:?}")).collect();
    assert!(ids.len() > 2 && ids.iter().all(|row| row.contains("AUT-NONCE-00")), "{ids:?}");
    press(app, &[KeyCode::Enter, KeyCode::Home]);
    let Some(Told::Suite(Ask::Run { patterns, .. })) = letter(app, 'r') else { panic!("a run is asked for") };
    assert_eq!(patterns.len(), ids.len());
    assert!(person.text().contains("Only with aut-nonce-00"));
}

#[test]
fn a_defect_is_chosen_and_its_cases_fail() {
    let mut person = window(SMALL, &serve(None, &[]).pop().unwrap());
    let app = person.app.as_mut().unwrap();
    letter(app, 'm');
    "nonce-const".chars().for_each(|key| drop(letter(app, key)));
    let text = person.text();
    assert!(text.contains("▸ nonce-constant") && text.contains("none"), "{text}");
    let app = person.app.as_mut().unwrap();
    press(app, &[KeyCode::Enter]);
    letter(app, '/');
    "AUT-NONCE-003".chars().for_each(|key| drop(letter(app, key)));
    press(app, &[KeyCode::Enter]);
    assert!(person.text().contains("The next run is with the deliberate defect nonce-constant."));
    let Some(Told::Suite(ask)) = letter(person.app.as_mut().unwrap(), 'r') else { panic!("a run is asked for") };
    let last = serve(None, &[ask]).pop().unwrap();
    assert_eq!(last.ended.as_ref().unwrap().counts[0], (Standing::Failed, 1));
    let mut person = window(SMALL, &last);
    assert!(person.text().contains("with the defect nonce-constant"), "{}", person.text());
    letter(person.app.as_mut().unwrap(), 'm');
    press(person.app.as_mut().unwrap(), &[KeyCode::Home, KeyCode::Enter]);
    assert_eq!(person.app.as_ref().unwrap().suite.mutant, None);
}

#[test]
fn a_run_is_kept_in_a_folder_where_it_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let setup = Setup { options: options(None), begins_virtual: true, runs: runs.clone(), ..Setup::default() };
    let mut script = Script { asks: [run(&["ISO-SEL-*"]), Ask::Write].into(), ..Script::default() };
    Suite::new(setup).serve(&mut script);
    let last = script.seen.last().unwrap();
    let kept = last.ended.as_ref().unwrap().kept.clone().unwrap();
    assert!(kept.starts_with(&runs));
    let report = crate::app::run_folder::read(&kept).unwrap();
    assert!(report.count(Standing::Passed) > 3 && report.results.iter().all(|result| !result.evidence.is_empty()));
    let mut person = window(LARGE, last);
    assert!(person.text().contains("Report and logs: "));
    assert!(letter(window(SMALL, &serve(None, &[]).pop().unwrap()).app.as_mut().unwrap(), 'w').is_none());
}

#[test]
fn who_quits_in_mid_run_is_asked_once() {
    let mut person = window(SMALL, &running());
    let app = person.app.as_mut().unwrap();
    assert!(letter(app, 'q').is_none() && !app.leaving);
    assert!(app.said.is_some_and(|said| said.contains("q again leaves")));
    press(app, &[KeyCode::Down]);
    assert!(letter(app, 'q').is_none() && !app.leaving, "another key takes the question back");
    letter(app, 'q');
    assert!(app.leaving);
}

#[test]
fn help_begins_with_the_screen_that_one_is_on() {
    let mut person = window(SMALL, &serve(None, &[]).pop().unwrap());
    letter(person.app.as_mut().unwrap(), '?');
    let text = person.text();
    assert!(text.lines().nth(2).unwrap().contains("In the conformance suite"), "{text}");
    assert!(!text.contains("At the counter"), "{text}");
}

#[test]
fn a_small_window_shows_its_screen_and_its_keys() {
    let mut person = window((40, 11), &serve(None, &[]).pop().unwrap());
    let text = person.text();
    assert!(text.lines().next().unwrap().contains("◂ Suite ▸"), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.contains("open") && last.contains("r run") && last.contains("? help"), "{text}");
}

/// `--suite` says in which protocol the terminal pays; what a real card can do, its statement says.
#[test]
fn the_protocol_of_payments_keeps_no_real_card_from_its_test() {
    let options = CampaignOptions { suite: Some("epc2".to_owned()), ..options(None) };
    let ask = Ask::Run { reader: Some("there is no such reader".to_owned()), patterns: Vec::new(), mutant: None };
    let mut script = Script { asks: [ask].into(), ..Script::default() };
    Suite::new(Setup { options, ..Setup::default() }).serve(&mut script);
    let notice = script.seen.last().unwrap().notice.clone().unwrap();
    assert!(!notice.contains("--suite"), "{notice}");
}

/// Whatever the width: no number of a suite's line is cut off or left out.
#[test]
fn the_numbers_of_a_suite_are_all_of_its_cases_at_each_width() {
    let seen = serve(Some("parameters-unchecked"), &[run(&["iso7816_4", "TRM-SALE-001"])]);
    let picture = seen.last().unwrap();
    let suites: BTreeSet<&str> = picture.cases.iter().map(|entry| entry.result.suite.as_str()).collect();
    for width in (44..=200).step_by(3) {
        let mut person = window((width, 40), picture);
        let text = person.text();
        for suite in &suites {
            let line = text.lines().find(|line| line.contains(&format!("▹ {suite}"))).unwrap();
            let line = line.split('│').find(|part| part.contains(*suite)).unwrap();
            let (_, counts) = line.split_once(*suite).unwrap();
            let number = |word: &str| word.parse::<usize>().ok();
            let sum: usize = counts.split_whitespace().filter_map(number).sum();
            assert_eq!(sum, picture.cases_of(suite).count(), "{width}: {line}");
        }
    }
}
