//! Every order torn everywhere, and every recovery torn again: the rules hold. And where a defect is built in, the explorer finds it and
//! names the smallest tear that shows it.
//!
//! A failure prints its token: `untorn explore --replay TOKEN` repeats it.

#![allow(clippy::unwrap_used, reason = "a setting that cannot be made should stop the test")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use untorn::family::Family;
use untorn::family::lab::{Lab, Trial};
use untorn::family::purse::Purse;
use untorn::sim::explore::{Counts, Explored, Explorer, Ledger, Plan, Unwatched, Watcher, replay, trial_named};
use untorn::sim::tear_map::{Decision, TearMap};
use untorn::sim::tear_map_svg;

fn lab() -> &'static dyn Lab {
    Purse.lab().unwrap()
}

fn trial(name: &str) -> Trial {
    trial_named(lab(), name).unwrap()
}

fn plan(depth: usize) -> Plan {
    let lab = lab();
    Plan { lab, depth, variants: lab.variants().to_vec(), trials: lab.trials().to_vec(), seed: 0, mutant: None }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// With a clock, for the rate.
struct Timed(Instant);

impl Watcher for Timed {
    fn micros(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap()
    }
}

fn explore(plan: Plan) -> Explored {
    Explorer::new(plan).unwrap().run(threads(), Ledger::new(), &Unwatched)
}

/// In a debug build, which is some thirty times slower, one tear must do.
#[test]
fn no_tear_breaks_a_rule() {
    let depth = if cfg!(debug_assertions) { 1 } else { 2 };
    let begun = Instant::now();
    let explored = Explorer::new(plan(depth)).unwrap().run(threads(), Ledger::new(), &Timed(begun));
    let (seconds, counts) = (begun.elapsed().as_secs_f64(), explored.counts);
    println!("depth {depth}: {} torn runs, {counts:?}, {seconds:.1} s with {} threads", counts.runs(), threads());
    let rate = counts.card_runs.saturating_mul(1_000_000) / counts.card_micros.max(1);
    println!("torn runs of a card: {rate} a second and thread");
    assert!(explored.violation.is_none(), "{}", explored.violation.unwrap());
    assert!(explored.is_clean(), "{explored:?}");
    let expected = if depth == 2 { 1_000_000 } else { 10_000 };
    assert!(counts.runs() >= expected, "{} torn runs", counts.runs());
}

/// The smallest plan in which a tear of the card can be seen.
fn sale(mutant: Option<&str>) -> Plan {
    let trials = vec![trial("sale")];
    Plan { lab: lab(), depth: 2, variants: vec!["epc1"], trials, seed: 0, mutant: mutant.map(str::to_owned) }
}

/// By hand: the balance is written at once, and then the power is lost; the flag is whole, the recovery has taken it away and written
/// the balance. One that is wrong in every order needs no tear.
const SMALLEST: [(&str, &str); 3] = [
    ("debit-twice", "explore@1/epc1.sale/0/-,same-card"),
    ("balance-before-log", "explore@1/epc1.sale/0/c2w0:all"),
    ("recovery-not-idempotent", "explore@1/epc1.sale/0/c2w1:all+r1:all"),
];

#[test]
fn a_defect_is_found_at_its_smallest_tear_and_again_by_its_token() {
    for (mutant, smallest) in SMALLEST {
        let violation = explore(sale(Some(mutant))).violation.unwrap_or_else(|| panic!("{mutant} is not found"));
        println!("{mutant}: {violation}");
        assert_eq!(violation.token, smallest, "{mutant}");
        let token = violation.token.parse().unwrap();
        let again = replay(lab(), &token, Some(mutant.to_owned())).unwrap();
        assert_eq!(again.rule, Some(violation.rule), "{mutant}");
        // The right card loses its power at that place, too, where it has such a write, and breaks no rule.
        assert_ne!(replay(lab(), &token, None).unwrap().rule, again.rule, "{mutant}");
    }
}

#[test]
fn the_first_violation_does_not_depend_on_the_threads() {
    let found = |threads| {
        let explorer = Explorer::new(sale(Some("balance-before-log"))).unwrap();
        explorer.run(threads, Ledger::new(), &Unwatched).violation.map(|violation| violation.token)
    };
    assert!(found(1).is_some());
    assert_eq!(found(1), found(4));
}

/// Stops after so many pieces of work.
struct Impatient {
    left: AtomicUsize,
    ledger: Mutex<Ledger>,
}

impl Watcher for Impatient {
    fn done(&self, _: &Counts, ledger: &Ledger) {
        self.left.fetch_sub(1, Ordering::Relaxed);
        self.ledger.lock().unwrap().clone_from(ledger);
    }

    fn stop(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn what_was_stopped_and_goes_on_comes_to_the_same() {
    let plan = Plan { depth: 1, ..sale(None) };
    let whole = explore(plan.clone());
    let impatient = Impatient { left: AtomicUsize::new(20), ledger: Mutex::default() };
    let explorer = Explorer::new(plan).unwrap();
    let stopped = explorer.run(1, Ledger::new(), &impatient);
    assert!(stopped.done == 20 && stopped.done < stopped.items, "{stopped:?}");
    let ledger = impatient.ledger.into_inner().unwrap();
    assert_eq!(explorer.run(1, ledger, &Unwatched), whole);
}

/// By hand, of one sale: before the commit flag is whole nothing has happened, from then on the card has paid; the answer to ACK is not needed.
#[test]
fn the_tear_map_shows_where_a_sale_commits() {
    use Decision::{FoundNotPaid, FoundPaid, NotBegun, Paid};
    let map = TearMap::draw(lab(), 0, &["epc1"], &[trial("sale"), trial("three-cards")]).unwrap();
    let [panel] = &map.panels[..] else { panic!("no terminal gives an order over three cards") };
    let decisions = |number: u64, writes: bool| -> Vec<Decision> {
        panel.of(writes).filter(|cell| cell.number == number).map(|cell| cell.decision).collect()
    };
    let commands: Vec<&str> = panel.of(false).step_by(3).map(|cell| cell.command).collect();
    assert_eq!(commands, ["SELECT", "AUTH", "TRANSACT", "ACK"]);
    assert_eq!(decisions(1, false), [NotBegun; 3]);
    assert_eq!(decisions(2, false), [FoundNotPaid, FoundPaid, FoundPaid], "before, after, mid-answer");
    assert_eq!(decisions(3, false), [Paid; 3]);
    // In the order of the torn modes; the second leaves the whole flag.
    let flag = [FoundNotPaid, FoundPaid, FoundNotPaid, FoundNotPaid, FoundNotPaid, FoundNotPaid];
    assert_eq!((decisions(1, true), decisions(2, true)), (vec![FoundNotPaid; 6], flag.to_vec()));
    assert_eq!(decisions(3, true), [FoundPaid; 6]);
    assert!(panel.cells.iter().all(|cell| cell.touches <= 1 && !cell.seen.is_empty()));
    assert_eq!(
        tear_map_svg::write(&map).matches("<rect").count(),
        1 + 4 + panel.cells.len(),
        "a square for each, four in the legend"
    );
}

/// Cards on which nobody gets as far as the order, or whose order writes nothing: no tear of it was seen, so nothing was shown.
#[test]
fn an_order_that_cannot_be_recorded_is_told_and_is_no_clean_end() {
    let orders = [("acknowledged-before-durable", "three-cards"), ("verification-ignored", "sale-with-pin")];
    for (mutant, order) in orders {
        let plan = Plan { depth: 1, trials: vec![trial(order)], ..sale(Some(mutant)) };
        let explored = explore(plan);
        assert!(!explored.is_clean(), "{mutant}");
        assert_eq!(explored.gaps, [format!("epc1.{order}: no command that moves value could be recorded")]);
    }
}
