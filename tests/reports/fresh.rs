//! What lies in reports/ and is made by the program is what the program makes now. The mutation matrix is held against its page where it
//! is made: tests/conformance.rs.

use std::fs;

use untorn::app::campaign::{Campaign, CampaignOptions};
use untorn::app::suites;
use untorn::conformance::result::{Status, TestReport};
use untorn::conformance::runner;
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::family::purse::data::Suite;
use untorn::report::{suite_markdown, traceability};
use untorn::sim::explore::Order;
use untorn::sim::tear_map::{self, TearMap};
use untorn::sim::tear_map_svg;

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
    // When it was made stands behind the seed.
    let date =
        kept("reference.md").lines().find_map(|line| line.split_once(", seed 0").map(|(_, date)| date.to_owned()));
    let text = suite_markdown::write(&report).replacen(", seed 0", &format!(", seed 0{}", date.unwrap_or_default()), 1);
    is_fresh("reference.md", &text);
}

/// In a debug build, which is some thirty times slower, two orders must do.
#[test]
fn the_tear_map_is_what_tears_do_now() {
    let whole = !cfg!(debug_assertions);
    let orders = Order::ALL.into_iter().filter(|(name, _)| whole || ["sale", "refund"].contains(name));
    let orders: Vec<Order> = orders.map(|(_, order)| order).collect();
    let map = TearMap::draw(0, &[Suite::Epc1, Suite::Epc2], &orders).unwrap();
    if whole {
        is_fresh("tear-map.md", &tear_map::markdown(&map));
        is_fresh("tear-map.svg", &tear_map_svg::write(&map));
        return;
    }
    let (now, kept) = (tear_map::markdown(&map), kept("tear-map.md"));
    let listed = |order: &str| kept.contains(&format!("\n## {order} under epc1\n"));
    assert!(Order::ALL.iter().all(|(name, order)| *order == Order::ThreeCards || listed(name)), "make reports");
    for panel in now.split("\n## ").skip(1) {
        let title = panel.lines().next().unwrap();
        let old = kept.split("\n## ").find(|old| old.lines().next() == Some(title)).unwrap_or_default();
        for (old, new) in old.trim_end().lines().zip(panel.trim_end().lines()) {
            assert_eq!(old, new, "{title} in reports/tear-map.md; `make reports` makes it anew");
        }
        assert_eq!(old.trim_end().len(), panel.trim_end().len(), "{title} in reports/tear-map.md: make reports");
    }
}
