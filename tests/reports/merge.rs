//! The parts of a run together again.

use untorn::conformance::case::Case;
use untorn::conformance::result::{CaseResult, TestReport};
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::report::suite::merge::merge;

use super::samples::{failed, of, of_case, passed};

/// The parts that `--shard` makes of these cases.
fn parts(ids: &[&str], of_parts: u32) -> Vec<TestReport> {
    let cases: Vec<Case> = ids.iter().map(|id| Case::new(id, "A purpose.")).collect();
    let part = |number| {
        let selection = Selection { shard: Some((number, of_parts)), ..Selection::default() };
        let results = selection.choose(&cases).iter().map(|case| of_case(&case.id, passed())).collect();
        TestReport { shard: Some((number, of_parts)), micros: 10, ..of(results) }
    };
    (1..=of_parts).map(part).collect()
}

#[test]
fn parts_in_any_order_give_the_run_in_the_order_of_the_suite() {
    let ids = ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6", "A-7"];
    for of_parts in 1..=8 {
        let mut given = parts(&ids, of_parts);
        given.reverse();
        let whole = merge(given).unwrap();
        let merged: Vec<&str> = whole.results.iter().map(|result| result.id.as_str()).collect();
        assert_eq!(merged, ids, "{of_parts} parts");
        assert_eq!((whole.shard, whole.micros), (None, 10 * u64::from(of_parts)));
    }
}

#[test]
fn what_is_bad_in_a_part_is_bad_in_the_whole() {
    let mut given = parts(&["A-1", "A-2", "A-3"], 2);
    given[1].results[0].status = failed();
    given[0].interrupted = true;
    given[1].stale_expectations = vec!["A-9: expired".to_owned()];
    let whole = merge(given).unwrap();
    assert!(whole.interrupted);
    assert_eq!(whole.results[1].status, failed());
    assert_eq!(whole.stale_expectations.len(), 1);
}

#[test]
fn what_is_no_run_is_refused() {
    let good = || parts(&["A-1", "A-2", "A-3"], 3);
    let refused = |change: &dyn Fn(&mut Vec<TestReport>), word: &str| {
        let mut given = good();
        change(&mut given);
        let error = merge(given).unwrap_err();
        assert!(error.contains(word), "{error}");
    };
    refused(&|given| given.clear(), "no report");
    refused(&|given| drop(given.remove(1)), "part 2 of 3 is missing");
    refused(&|given| given.push(given[0].clone()), "twice");
    refused(&|given| given[1].seed = 8, "seed");
    refused(&|given| given[1].statement = "other".to_owned(), "statement");
    refused(&|given| given[2].shard = None, "no part");
    refused(&|given| given[2].shard = Some((3, 4)), "is of 4");
    refused(&|given| given[2].shard = Some((4, 3)), "no part 4");
    refused(&|given| given[2].results[0].id = "A-1".to_owned(), "stands in two");
    refused(&|given| given[2].results.push(of_case("A-8", passed())), "expected");
    refused(&|given| given[0].shard = Some((1, u32::MAX)), "is of");
}

/// A twin that failed in one part leaves the refusal in another in doubt, and what rests on that refusal too.
#[test]
fn a_case_and_its_twin_are_judged_together_whatever_parts_they_were_in() {
    let mut given = parts(&["A-1", "A-2", "A-3", "A-4"], 4);
    given[0].results[0].status = failed();
    given[2].results[0].twin = Some("A-1".to_owned());
    given[1].results[0].twin = Some("A-3".to_owned());
    given[3].results[0].twin = Some("A-9".to_owned());
    let whole = merge(given).unwrap();
    let verdicts: Vec<_> = whole.results.iter().map(CaseResult::verdict).collect();
    let expected = [Verdict::Fail, Verdict::Inconclusive, Verdict::Inconclusive, Verdict::Pass];
    assert_eq!(verdicts, expected.map(Some), "A-9 did not run, so it says nothing");
    assert!(whole.results[1].reason().unwrap().contains("A-3"), "{:?}", whole.results[1].reason());
}
