//! Every exchange and every write torn, every recovery torn again: the rules of specs/terminal.md, clause 2, hold.
//!
//! A failure prints its scenario, and each run depends on nothing else: `cargo test --release --test tear` repeats it.

#![allow(clippy::unwrap_used, reason = "a setting that cannot be made should stop the test")]

use untorn::card::memory::Cut;
use untorn::family::purse::data::Suite;
use untorn::sim::field::When;
use untorn::sim::tear::{Scenario, Setting, TORN_MODES, Tear, Then, Trial};

/// Above what any order needs, so that a loop that does not end fails.
const BOUND: u64 = 64;

struct Sweep {
    setting: Setting,
    suite: Suite,
    runs: u32,
    violations: Vec<String>,
}

impl Sweep {
    fn new(suite: Suite) -> Self {
        Self { setting: Setting::new(suite).unwrap(), suite, runs: 0, violations: Vec::new() }
    }

    /// Whether the tear happened, and the second one.
    fn run(&mut self, trial: Trial, tear: Tear, then: Then) -> (bool, bool) {
        self.runs += 1;
        let scenario = Scenario { trial, suite: self.suite, tear, then };
        match self.setting.run(&scenario) {
            Ok(played) => (played.torn, played.torn_again),
            Err(violation) => {
                self.violations.push(violation.to_string());
                (true, true)
            }
        }
    }

    /// Runs with 0, 1, 2 ... until one is beyond the end.
    fn while_torn(&mut self, mut run: impl FnMut(&mut Self, u64) -> bool) {
        let reached = (0..BOUND).take_while(|&index| run(self, index)).count();
        assert!(reached > 0 && (reached as u64) < BOUND, "{reached} tears happened");
    }

    fn end(self, name: &str) {
        let shown = self.violations.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
        println!("{name}, {}: {} runs, {} violations", self.suite, self.runs, self.violations.len());
        assert!(self.violations.is_empty(), "{} of {} runs break a rule:\n{shown}", self.violations.len(), self.runs);
    }
}

fn exchanges(suite: Suite) {
    let mut sweep = Sweep::new(suite);
    for trial in Trial::ALL {
        for when in When::ALL {
            for then in Then::ALL {
                sweep.while_torn(|sweep, index| sweep.run(trial, Tear::Exchange(index, when), then).0);
            }
        }
    }
    sweep.end("every exchange");
}

#[test]
fn every_exchange_epc1() {
    exchanges(Suite::Epc1);
}

#[test]
fn every_exchange_epc2() {
    exchanges(Suite::Epc2);
}

fn writes(suite: Suite) {
    let mut sweep = Sweep::new(suite);
    for trial in Trial::ALL {
        for torn in TORN_MODES {
            for then in Then::ALL {
                let tear = |after_writes| Tear::Write(Cut { after_writes, torn }, None);
                sweep.while_torn(|sweep, index| sweep.run(trial, tear(index), then).0);
            }
        }
    }
    sweep.end("every write");
}

#[test]
fn every_write_epc1() {
    writes(Suite::Epc1);
}

#[test]
fn every_write_epc2() {
    writes(Suite::Epc2);
}

/// The recovery is torn too, at each of its writes, in each mode. The cards differ by suite only before they write.
#[test]
fn every_write_of_the_recovery() {
    let mut sweep = Sweep::new(Suite::Epc1);
    for trial in Trial::ALL {
        for first in TORN_MODES {
            for second in TORN_MODES {
                sweep.while_torn(|sweep, write| {
                    let cut = Cut { after_writes: write, torn: first };
                    let mut torn = false;
                    for again in 0..BOUND {
                        let tear = Tear::Write(cut, Some(Cut { after_writes: again, torn: second }));
                        let played = sweep.run(trial, tear, Then::Never);
                        torn = played.0;
                        if !played.1 {
                            break;
                        }
                    }
                    torn
                });
            }
        }
    }
    sweep.end("every write of the recovery");
}

#[test]
fn killed_at_every_action() {
    for suite in [Suite::Epc1, Suite::Epc2] {
        let mut sweep = Sweep::new(suite);
        for trial in Trial::ALL {
            sweep.while_torn(|sweep, action| sweep.run(trial, Tear::Kill(action), Then::SameCard).0);
        }
        sweep.end("killed at every action");
    }
}

#[test]
fn nothing_torn() {
    let mut sweep = Sweep::new(Suite::Epc1);
    for trial in Trial::ALL {
        sweep.run(trial, Tear::None, Then::SameCard);
    }
    sweep.end("nothing torn");
}
