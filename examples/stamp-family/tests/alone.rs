//! The family in a program that has no other: nothing of it needs those that untorn brings along. It is torn everywhere, its terminal meets
//! cards that lie, and what is wrong on purpose is noticed.

use std::collections::BTreeSet;
use std::sync::Once;

use stamp_family::badge::{self, Badges};
use stamp_family::{NAME, Stamps};
use untorn::app::suites;
use untorn::conformance::case::Body;
use untorn::conformance::mutant::Mutant;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::family::error::FamilyError;
use untorn::family::lab::Lab;
use untorn::family::profile::TillSetup;
use untorn::family::settings::Settings;
use untorn::family::{self, Family};
use untorn::sim::explore::{Explored, Explorer, Ledger, Plan, Unwatched, replay};
use untorn::sim::mutants;
use untorn::sim::tear_map::{Decision, TearMap};
use untorn::sim::terminal_subject::{OwnTerminal, variants};

/// The laboratory, once the process has its families.
fn lab() -> &'static dyn Lab {
    static GIVEN: Once = Once::new();
    GIVEN.call_once(|| {
        family::use_these(vec![Box::new(Stamps), Box::new(Badges)]).expect("nobody has asked for families yet");
    });
    Stamps.lab().expect("it can be torn")
}

fn plan(depth: usize, mutant: Option<&str>) -> Plan {
    let lab = lab();
    let (variants, trials) = (lab.variants().to_vec(), lab.trials().to_vec());
    Plan { lab, depth, variants, trials, seed: 0, mutant: mutant.map(str::to_owned) }
}

fn explore(plan: Plan) -> Explored {
    Explorer::new(plan).expect("its cards take orders").run(2, Ledger::new(), &Unwatched)
}

/// No stamp is given twice, none is lost, and what is shown is what is written: at every exchange and every write, and in the recovery again.
#[test]
fn no_tear_breaks_a_rule() {
    let explored = explore(plan(2, None));
    println!("{:?}", explored.counts);
    assert!(explored.violation.is_none(), "{}", explored.violation.expect("there is one"));
    assert!(explored.is_clean(), "{explored:?}");
    assert!(explored.counts.card_runs > 40_000 && explored.counts.protocol_runs > 2_000, "{:?}", explored.counts);
}

/// By hand: the first is sent again by the explorer, and so is stamped twice; the second is torn between its two writes.
#[test]
fn the_explorer_finds_what_a_card_does_wrong_when_it_is_torn() {
    for mutant in ["stamped-twice", "stamp-without-journal"] {
        let violation = explore(plan(1, Some(mutant))).violation.unwrap_or_else(|| panic!("{mutant} is not found"));
        println!("{mutant}: {violation}");
        let token = violation.token.parse().expect("a token");
        let again = replay(lab(), &token, Some(mutant.to_owned())).expect("a run of this laboratory");
        assert_eq!(again.rule, Some(violation.rule), "{mutant}");
        assert_eq!(replay(lab(), &token, None).expect("a run of this laboratory").rule, None, "{mutant}");
    }
}

/// By hand: until the order is sent nothing has begun; from then on the card's visits tell.
#[test]
fn the_tear_map_shows_where_a_stamp_is_given() {
    use Decision::{FoundNotPaid, FoundPaid, NotBegun};
    let lab = lab();
    let map = TearMap::draw(lab, 0, lab.variants(), &lab.trials()[..1]).expect("no rule is broken");
    let cells: Vec<_> = map.panels[0].of(false).map(|cell| (cell.command, cell.decision)).collect();
    let each = |command, decisions: [Decision; 3]| decisions.map(|decision| (command, decision));
    let expected = [
        each("SELECT", [NotBegun; 3]),
        each("GET", [NotBegun; 3]),
        // Before, after, mid-answer.
        each("ADD STAMP", [FoundNotPaid, FoundPaid, FoundPaid]),
    ];
    assert_eq!(cells, expected.concat());
}

/// Of the suite `terminal` only that which a stamp card has no use for.
const NOT_FOR_STAMPS: [&str; 9] = [
    "TRM-TOPUP-001",
    "TRM-REFUND-001",
    "TRM-CURRENCY-001",
    "TRM-PIN-001",
    "TRM-PIN-002",
    "TRM-KILL-003",
    "TRM-DURABLE-002",
    "TRM-DURABLE-003",
    "TRM-BLOCK-001",
];

#[test]
fn our_own_terminal_passes_all_that_a_stamp_card_has_a_use_for() {
    lab();
    let (lab, variant) = variants().next().expect("it has a terminal");
    let mut terminal = OwnTerminal::new(lab, variant);
    let report =
        run(&suites::cases(), &Selection::default(), &mut Subjects::terminal(&mut terminal), 1, &mut Unobserved);
    let of_terminals: BTreeSet<String> =
        suites::cases().into_iter().filter(|case| matches!(case.body, Body::Terminal(_))).map(|case| case.id).collect();
    let mut left_out = Vec::new();
    for result in report.results.iter().filter(|result| of_terminals.contains(&result.id)) {
        match result.verdict() {
            Some(verdict) => assert_eq!(verdict, Verdict::Pass, "{}: {:?}", result.replay, result.reason()),
            None => left_out.push(result.id.as_str()),
        }
    }
    assert_eq!(left_out, NOT_FOR_STAMPS);
}

/// Defects of the terminal itself that show only where a card knows an acknowledgement, a blocking, a session or a PIN.
const NOT_WITH_STAMPS: [&str; 6] = [
    "acknowledged-before-durable",
    "stopped-card-not-blocked",
    "settled-twice",
    "resent-after-reconnect",
    "goes-on-after-reset",
    "secrets-written",
];

#[test]
fn every_mutant_is_killed() {
    let own = lab().terminal_mutants().into_iter().chain(Stamps.mutants());
    let own: BTreeSet<&str> = own.map(|mutant: Mutant| mutant.name).collect();
    let matrix = mutants::run(&suites::cases(), &[], 0, &mut ()).expect("its cards can be made");
    assert!(
        matrix.false_alarms.is_empty() && matrix.errors.is_empty(),
        "{:?} {:?}",
        matrix.false_alarms,
        matrix.errors
    );
    let killed = |name: &str| matrix.rows.iter().any(|row| row.name == name && row.killed);
    let not_noticed: Vec<&str> = own.into_iter().filter(|name| !killed(name)).collect();
    assert!(not_noticed.is_empty(), "{not_noticed:?}");
    let survivors: Vec<&str> = matrix.survivors().iter().map(|row| row.name).collect();
    assert_eq!(survivors, NOT_WITH_STAMPS, "of the terminal itself");
}

#[test]
fn a_badge_takes_no_orders_and_is_not_torn() {
    lab();
    assert!(Badges.lab().is_none());
    let profile = Badges.profile(badge::NAME).expect("there is this profile");
    let settings = Settings::default();
    let refused = profile.kernel(&TillSetup { settings: &settings, is_for_real_cards: false, key_log: None });
    assert_eq!(refused.err(), Some(FamilyError::NoTill(badge::NAME.to_owned())));
}

/// A stamp is worth something: at a real reader nobody gives one by mistake.
#[test]
fn a_right_that_there_is_not_is_refused_with_what_there_is() {
    let profile = Stamps.profile(NAME).expect("there is this profile");
    let settings: Settings = ["stamps.grant=debit".parse().expect("a setting")].into_iter().collect();
    let refused = profile.kernel(&TillSetup { settings: &settings, is_for_real_cards: false, key_log: None });
    let told = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(told, r#"stamps.grant: expected stamp and coffee, with commas, got "debit""#);
}
