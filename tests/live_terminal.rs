//! Anybody's terminal: programs at a PC/SC reader, their cards shown by vpcd. Our own binary comes to the verdicts that our terminal has
//! in process; one by other means fails where it should.
#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, reason = "a test stops where something is missing")]

mod support;

use std::process::Command;
use std::time::Instant;

use support::pcscd::{Pcscd, READER};
use untorn::app::external_terminal::ExternalTerminal;
use untorn::app::suites::cases;
use untorn::conformance::case::{Body, Case};
use untorn::conformance::result::CaseResult;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::statement::Statement;
use untorn::conformance::terminal_tester::TerminalSubject;
use untorn::conformance::verdict::Verdict;
use untorn::family::families;
use untorn::report::suite::log;
use untorn::sim::terminal_subject::OwnTerminal;

/// Seconds that our program waits for a card that comes again: several times what it takes, and paid by the few cases in which it does
/// not come. Where the case is about that, it waits one second.
const WAIT_RETOUCH: u32 = 8;
const WAIT_NOBODY: u32 = 1;
/// The example, with our binary by its path and this wait.
fn own_statement(wait: u32) -> Statement {
    let text = include_str!("../examples/terminal-statement.toml");
    let untorn = format!("\"{} --journal", env!("CARGO_BIN_EXE_untorn"));
    let text = text.replace("\"untorn --journal", &untorn).replace("--wait 8", &format!("--wait {wait}"));
    Statement::parse(&text).unwrap()
}

fn terminal_cases(wanted: impl Fn(&Case) -> bool) -> Vec<Case> {
    let is_terminal = |case: &Case| matches!(case.body, Body::Terminal(_));
    cases().into_iter().filter(|case| is_terminal(case) && wanted(case)).collect()
}

fn results(cases: &[Case], subject: &mut dyn TerminalSubject) -> Vec<CaseResult> {
    run(cases, &Selection::default(), &mut Subjects::terminal(subject), 1, &mut Unobserved).results
}

fn log(result: &CaseResult) -> String {
    let text = log::whole_text(result);
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    format!("{}: {:?}\n{}", result.id, result.status, lines.join("\n"))
}

#[test]
fn a_program_comes_to_the_verdicts_of_the_engine() {
    let Some(pcscd) = Pcscd::start() else { return };
    let (mut ran, mut differ) = (0, Vec::new());
    for (wait, retouch) in [(WAIT_RETOUCH, true), (WAIT_NOBODY, false)] {
        let begun = Instant::now();
        let cases = terminal_cases(|case| case.needs.iter().any(|claim| claim == "terminal.retouch") == retouch);
        let here = results(&cases, &mut OwnTerminal::new(families()[0].lab().unwrap(), "epc2"));
        let mut program = ExternalTerminal::new(own_statement(wait), pcscd.address(), READER).unwrap();
        let there = results(&cases, &mut program);
        let both = here.iter().zip(&there).filter(|(_, there)| there.verdict().is_some());
        for (here, there) in both {
            ran += 1;
            if here.verdict() != there.verdict() {
                differ.push(log(there));
            }
        }
        println!("{} cases with a wait of {wait} s, in {} s", there.len(), begun.elapsed().as_secs());
    }
    assert!(differ.is_empty(), "{} of {ran} differ:\n{}", differ.len(), differ.join("\n"));
    assert_eq!(ran, 41, "and all were run that such a program can be asked for");
}

/// Talks much, shows who may read what it was given, and dies of itself.
const DIES: &str =
    "stat -c '%a' \"$1\" \"$2\"; echo \"pin $(cat \"$2\")\"; echo \"$1\"; yes | head -c 1000000; kill -SEGV $$\n";

#[test]
fn a_terminal_that_dies_by_itself_has_not_lost_its_power() {
    let Some(pcscd) = Pcscd::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let script = place.path().join("terminal.sh");
    std::fs::write(&script, DIES).unwrap();
    let text = format!(
        "name = 'dies'\nclaims = ['terminal', 'terminal.kill', 'terminal.words', 'purse', 'purse.epc2']\n[values]\n'terminal.card_profile' = 'default'\n'terminal.says_paid' = 'Done'\n\
         'terminal.command' = 'sh {} {{directory}} {{pin_file}}'\n[secrets]\n'terminal.pin' = '5678'\n",
        script.display()
    );
    let mut program = ExternalTerminal::new(Statement::parse(&text).unwrap(), pcscd.address(), READER).unwrap();
    for id in ["TRM-WORDS-002", "TRM-POOR-001"] {
        let result = results(&terminal_cases(|case| case.id == id), &mut program).remove(0);
        assert_eq!(result.verdict(), Some(Verdict::Fail), "{}", log(&result));
        assert_eq!(result.reason(), Some("the terminal broke down: it died of signal 11 (SIGSEGV)"));
        let shown: Vec<String> =
            log(&result).lines().filter_map(|line| Some(line.split_once("shows: ")?.1.to_owned())).collect();
        assert_eq!(shown[..2], ["700", "600"], "{}", log(&result));
        assert_eq!(shown.contains(&"pin ****".to_owned()), id == "TRM-POOR-001", "the PIN is masked");
        let directory = shown.iter().find(|line| line.starts_with('/')).unwrap();
        assert!(!std::path::Path::new(directory).exists(), "{directory}");
    }
}

/// What a first try at a terminal does wrong is found: it says that nothing happened when it does not know.
#[test]
fn a_naive_terminal_in_python_fails_where_it_must() {
    let has_modules = Command::new("/usr/bin/python3").args(["-c", "import smartcard, cryptography"]).output();
    if !has_modules.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "python3-pyscard and python3-cryptography are not installed");
        eprintln!("SKIPPED: /usr/bin/python3 has no modules smartcard and cryptography");
        return;
    }
    let Some(pcscd) = Pcscd::start() else { return };
    let statement = Statement::parse(include_str!("../examples/naive-terminal/statement.toml")).unwrap();
    // A claim too many is found out, too.
    let statement = statement.claim("terminal.retouch");
    let mut program = ExternalTerminal::new(statement, pcscd.address(), READER).unwrap();
    let rows = [
        ("TRM-SALE-001", Verdict::Pass, ""),
        ("TRM-POOR-001", Verdict::Pass, ""),
        ("TRM-TAG-001", Verdict::Pass, ""),
        ("TRM-CURRENCY-001", Verdict::Fail, "moved to the card: expected 0, got -1250"),
        ("TRM-TIMEOUT-001", Verdict::Fail, "shown: expected unresolved, got refused"),
        ("TRM-NOISE-001", Verdict::Fail, "the terminal broke down: exit code 1,"),
        ("TRM-RETOUCH-001", Verdict::Inconclusive, "this did not happen: card 554E544F524E0701 is held there"),
    ];
    for (id, verdict, reason) in rows {
        let result = results(&terminal_cases(|case| case.id == id), &mut program).remove(0);
        assert_eq!(result.verdict(), Some(verdict), "{}", log(&result));
        assert!(result.reason().unwrap_or_default().starts_with(reason), "{}", log(&result));
    }
}
