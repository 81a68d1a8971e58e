//! What lies in reports/ and is made by the program is what the program makes now. The mutation matrix is held against its page where it
//! is made: tests/conformance.rs.

use std::fs;

use untorn::app::campaign::{Campaign, CampaignOptions};
use untorn::app::suites;
use untorn::conformance::result::{Status, TestReport, UnderTest};
use untorn::conformance::runner;
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::family::families;
use untorn::report::suite::markdown;
use untorn::report::traceability;
use untorn::sim::tear_map::{self, TearMap};
use untorn::sim::tear_map_svg;
use untorn::suite::iso7816_4::declared::declared;
use untorn::wire::hex;

use super::support::fresh::is_fresh;

fn kept(name: &str) -> String {
    fs::read_to_string(format!("reports/{name}")).unwrap()
}

#[test]
fn the_traceability_is_that_of_the_cases() {
    let text = traceability::write(&suites::cases(), &suites::requirements().unwrap(), &suites::exceptions().unwrap());
    is_fresh("traceability.md", &text);
}

/// That each case passes is shown by tests/conformance.rs; which there are, what they say and which apply is compared here.
#[test]
fn the_reference_results_are_of_all_cases_there_are() {
    let options = CampaignOptions { profile: "default".to_owned(), ..CampaignOptions::default() };
    let mut campaign = Campaign::open(&options).unwrap();
    let (cases, subjects) = campaign.parts();
    let selection = Selection::default();
    let mut report =
        TestReport { interrupted: false, ..runner::plan(&selection.choose(cases), &selection, &subjects, 0) };
    for result in report.results.iter_mut().filter(|result| result.status == Status::NotRun) {
        result.status = Status::Ran { verdict: Verdict::Pass, reason: None, rests_on: None };
    }
    let atr = families()[0].virtual_card("default", 0, None).unwrap().reset().map(|atr| hex::encode(&atr));
    let of_card = TestReport { under_test: UnderTest { atr, ..UnderTest::default() }, ..report.clone() };
    report.declared = declared(&of_card, &families()[0].statement("default").unwrap());
    // When it was made is the last word of its head.
    let head = |text: &str| text.lines().find(|line| line.contains(", seed 0")).unwrap().to_owned();
    let (there, now) = (kept("reference.md"), markdown::write(&report));
    let dated = format!("{}, {}", head(&now), head(&there).rsplit(", ").next().unwrap());
    is_fresh("reference.md", &now.replacen(&head(&now), &dated, 1));
}

#[test]
fn the_tear_map_is_what_tears_do_now() {
    let lab = families()[0].lab().unwrap();
    let map = TearMap::draw(lab, 0, lab.variants(), lab.trials()).unwrap();
    is_fresh("tear-map.md", &tear_map::markdown(&map));
    is_fresh("tear-map.svg", &tear_map_svg::write(&map));
}
