//! Anybody's terminal: our own binary as a program at a PC/SC reader, its cards shown by vpcd, comes to the verdicts that it has in process.
#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, reason = "a test stops where something is missing")]

mod support;

use support::pcscd::{Pcscd, READER};
use untorn::app::external_terminal::ExternalTerminal;
use untorn::app::suites::cases;
use untorn::conformance::result::TestReport;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::statement::Statement;
use untorn::conformance::verdict::Verdict;
use untorn::family::purse::data::Suite;
use untorn::reader::Reader;
use untorn::reader::pcsc::PcscReader;
use untorn::sim::terminal_subject::OwnTerminal;

/// Of each kind some: each unresolved order costs a time-out, so the long tables are left to the other binding.
const CASES: [&str; 8] = [
    "TRM-SALE-001",
    "TRM-POOR-001",
    "TRM-CURRENCY-001",
    "TRM-RETOUCH-*",
    "TRM-TIMEOUT-*",
    "TRM-TAG-002",
    "TRM-CERT-*",
    "TRM-RESEND-002",
];

/// How untorn is run. A card that comes again is seen within the time-out, one that does not is not waited for long.
fn statement() -> Statement {
    let untorn = env!("CARGO_BIN_EXE_untorn");
    let with = "--journal {directory}/journal.db --reader {reader} --wait 4 --suite epc2 --pin-file {pin_file}";
    let text = format!(
        "name = 'untorn-binary'\nclaims = ['terminal', 'terminal.retouch', 'purse', 'purse.epc2']\n[values]\n\
         'terminal.command' = '{untorn} {with} --card {{card}} pay {{amount}}'\n\
         'terminal.command.resolve' = '{untorn} {with} resolve'\n\
         'terminal.card_profile' = 'default'\n'terminal.other_currency_profile' = 'euro'\n\
         'terminal.reader' = '{READER}'\n'terminal.says_held_up' = 'Nothing new is sold before'\n"
    );
    Statement::parse(&text).unwrap()
}

fn verdicts(report: &TestReport) -> Vec<(String, Option<Verdict>, Option<String>)> {
    report.results.iter().map(|r| (r.id.clone(), r.verdict(), r.reason().map(str::to_owned))).collect()
}

#[test]
fn a_program_comes_to_the_verdicts_of_the_engine() {
    let Some(pcscd) = Pcscd::start() else { return };
    let patterns = CASES.iter().map(ToString::to_string).collect();
    let (cases, selection) = (cases(), Selection { patterns, ..Selection::default() });
    let mut own = OwnTerminal::new(Suite::Epc2);
    let expected = verdicts(&run(&cases, &selection, &mut Subjects::terminal(&mut own), 1, &mut Unobserved));
    let open = Box::new(|| Ok(Box::new(PcscReader::open(READER).unwrap()) as Box<dyn Reader>));
    let mut program = ExternalTerminal::new(statement(), pcscd.address(), open).unwrap();
    let got = verdicts(&run(&cases, &selection, &mut Subjects::terminal(&mut program), 1, &mut Unobserved));
    for (id, verdict, reason) in &got {
        println!("{id} {verdict:?} {reason:?}");
    }
    assert_eq!(got, expected);
    assert!(got.iter().all(|(_, verdict, _)| *verdict == Some(Verdict::Pass)));
}
