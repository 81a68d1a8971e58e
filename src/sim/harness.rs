//! Defects of the suite itself, and the cases that notice them: a suite that is not tested proves nothing.
//!
//! A [`Harness`] runs cases, applies expectations and writes reports as the program does. With a defect it does one of these wrongly.
//! The cases give it a card of which they know what is wrong, and look whether it says so.

use std::sync::Arc;

use crate::card::memory::Memory;
use crate::card::{Answer, Card};
use crate::conformance::case::Case;
use crate::conformance::error::RigError;
use crate::conformance::expected::Expectations;
use crate::conformance::result::{CaseResult, Status, TestReport};
use crate::conformance::rig::InProcessSubject;
use crate::conformance::runner::{self, Subjects, Unobserved};
use crate::conformance::selection::Selection;
use crate::conformance::statement::Statement;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop, Verdict};
use crate::difference::difference;
use crate::entropy::{Entropy, SeededEntropy};
use crate::family::families;
use crate::report::suite::{ctrf, junit};

crate::defect::defects! {
    /// A deliberate defect of the suite.
    pub enum HarnessDefect {
        OracleAlwaysPass => ("oracle-always-pass", true, "Every case that ran passes."),
        NotApplicableInverted => ("not-applicable-inverted", true, "A case is not applicable when what it needs is claimed."),
        SilenceIsRefusal => ("silence-is-refusal", true, "Where no answer came, the card counts as having refused."),
        JunitLosesFailures => ("junit-loses-failures", true, "The JUnit report shows failures as passed."),
        CtrfRelabelsFailures => ("ctrf-relabels-failures", true, "The CTRF report shows failures as skipped."),
        KeyOfZeros => ("key-of-zeros", true, "A key among the published vectors is all zeros."),
        SeedIgnored => ("seed-ignored", true, "A run with the same seed is another run."),
        ExpectationSwallows => ("expectation-swallows", true, "An expectation for one case accepts the failures of all."),
        ExpectationNeverExpires => ("expectation-never-expires", true, "An expectation counts after its last day."),
        AutomaticRetry => ("automatic-retry", true, "A case that failed is run again, and its better verdict counts."),
    }
}

/// The suite's machinery, as it is or with one defect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Harness(pub Option<HarnessDefect>);

impl Harness {
    fn has(self, defect: HarnessDefect) -> bool {
        self.0 == Some(defect)
    }

    fn run(self, cases: &[Case], statement: &Statement, seed: u64) -> TestReport {
        let mut statement = statement.clone();
        if self.has(HarnessDefect::NotApplicableInverted) {
            let needed = cases.iter().flat_map(|case| &case.needs);
            let inverted = needed.filter(|claim| !statement.claims(claim)).cloned().collect();
            statement.claims = inverted;
        }
        let seed = if self.has(HarnessDefect::SeedIgnored) { random_seed(cases) } else { seed };
        // One card for all runs: what it remembers, a second try meets.
        let card = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let make = move |seed| Ok::<_, RigError>(Box::new(Odd::new(seed, Arc::clone(&card))) as _);
        let mut subject = InProcessSubject::new(statement, make);
        let mut once =
            || runner::run(cases, &Selection::default(), &mut Subjects::card(&mut subject), seed, &mut Unobserved);
        let mut report = once();
        if self.has(HarnessDefect::AutomaticRetry) {
            for (first, second) in report.results.iter_mut().zip(once().results) {
                if second.verdict() < first.verdict() {
                    *first = second;
                }
            }
        }
        for result in &mut report.results {
            self.judge(&mut result.status);
        }
        report
    }

    fn judge(self, status: &mut Status) {
        let Status::Ran { verdict, .. } = status else { return };
        let passes = self.has(HarnessDefect::OracleAlwaysPass)
            || (self.has(HarnessDefect::SilenceIsRefusal) && *verdict == Verdict::Inconclusive);
        if passes {
            *verdict = Verdict::Pass;
        }
    }

    fn expect(self, expectations: &Expectations, report: &mut TestReport, today: &str) {
        let today = if self.has(HarnessDefect::ExpectationNeverExpires) { "0000-01-01" } else { today };
        expectations.apply(report, today);
        if self.has(HarnessDefect::ExpectationSwallows) {
            let any = report.results.iter().find_map(|result| result.expected.clone());
            for result in &mut report.results {
                result.expected.clone_from(&any);
            }
        }
    }

    fn junit(self, report: &TestReport) -> String {
        let text = junit::write(report);
        if self.has(HarnessDefect::JunitLosesFailures) { text.replace("<failure", "<system-out") } else { text }
    }

    fn ctrf(self, report: &TestReport) -> String {
        let text = ctrf::write(report);
        if self.has(HarnessDefect::CtrfRelabelsFailures) { text.replace("\"failed\"", "\"skipped\"") } else { text }
    }

    fn vectors(self) -> Vec<String> {
        let published = families().iter().flat_map(|family| family.vectors());
        let mut vectors: Vec<String> = published.map(|text| (*text).to_owned()).collect();
        if self.has(HarnessDefect::KeyOfZeros) {
            vectors.push(format!("{{\"card_key\": \"{}\"}}", "00".repeat(16)));
        }
        vectors
    }
}

/// Another seed for each list of cases that is made.
fn random_seed(cases: &[Case]) -> u64 {
    cases.as_ptr() as u64
}

/// A card of which it is known what is wrong: INS 01 is accepted, 02 refused with 6D00, 03 not answered, 04 refused the first time and
/// accepted afterwards, 05 gives eight octets of its seed; all else 6D00.
struct Odd {
    memory: Memory,
    entropy: SeededEntropy,
    refusals: Arc<std::sync::atomic::AtomicU32>,
}

impl Odd {
    fn new(seed: u64, refusals: Arc<std::sync::atomic::AtomicU32>) -> Self {
        Self { memory: Memory::from_image(vec![0]), entropy: SeededEntropy::new(seed), refusals }
    }
}

impl Card for Odd {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.memory.power_on();
        Some(vec![0x3B, 0x00])
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        let refused = Answer::Response(vec![0x6D, 0x00]);
        match command.get(1) {
            Some(0x03) => Answer::Mute,
            Some(0x04) if self.refusals.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => refused,
            Some(0x01 | 0x04) => Answer::Response(vec![0x90, 0x00]),
            Some(0x05) => {
                let mut octets = vec![0; 10];
                self.entropy.fill(&mut octets[..8]);
                octets[8] = 0x90;
                Answer::Response(octets)
            }
            _ => refused,
        }
    }

    fn power_off(&mut self) {
        self.memory.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}

/// A case of the suite about itself.
#[derive(Clone, Copy)]
pub struct SelfTest {
    /// Stable id.
    pub id: &'static str,
    /// One sentence.
    pub purpose: &'static str,
    /// Defects of the suite that it notices.
    pub kills: &'static [&'static str],
    /// What it does.
    pub body: fn(Harness) -> OrStop,
}

/// All of them.
pub const SELF_TESTS: &[SelfTest] = &[
    SelfTest {
        id: "HAR-VERDICT-001",
        purpose: "A case that sees the opposite of its purpose fails, and the run with it.",
        kills: &["oracle-always-pass"],
        body: |harness| {
            let report = harness.run(&[expects("TOY-001", 0x01, 0x6D00)], &Statement::default(), 1);
            equal("verdict", &Some(Verdict::Fail), &report.results[0].verdict())
        },
    },
    SelfTest {
        id: "HAR-APPLIES-001",
        purpose: "A case whose claim is made runs, and one whose claim is not made does not.",
        kills: &["not-applicable-inverted"],
        body: |harness| {
            let cases =
                [expects("TOY-001", 0x01, 0x6D00).needs(&["made"]), expects("TOY-002", 0x02, 0x6D00).needs(&["not"])];
            let report = harness.run(&cases, &Statement::default().claim("made"), 1);
            let ran: Vec<_> = report.results.iter().map(CaseResult::verdict).collect();
            equal("verdicts", &vec![Some(Verdict::Fail), None], &ran)
        },
    },
    SelfTest {
        id: "HAR-SILENCE-001",
        purpose: "A card that says nothing where it must refuse has not refused.",
        kills: &["silence-is-refusal"],
        body: |harness| {
            let report = harness.run(&[expects("TOY-001", 0x03, 0x6D00)], &Statement::default(), 1);
            equal("verdict", &Some(Verdict::Inconclusive), &report.results[0].verdict())
        },
    },
    SelfTest {
        id: "HAR-JUNIT-001",
        purpose: "The JUnit report of a run has its failures.",
        kills: &["junit-loses-failures"],
        body: |harness| {
            let failures = harness.junit(&a_failing_run(harness)).matches("<failure").count();
            equal("failures", &1, &failures)
        },
    },
    SelfTest {
        id: "HAR-CTRF-001",
        purpose: "The CTRF report of a run has its failures.",
        kills: &["ctrf-relabels-failures"],
        body: |harness| {
            let text = harness.ctrf(&a_failing_run(harness));
            let json: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| Stop::error(format!("CTRF: {error}")))?;
            let tests = json["results"]["tests"].as_array().cloned().unwrap_or_default();
            equal("failures", &1, &tests.iter().filter(|test| test["status"] == "failed").count())
        },
    },
    SelfTest {
        id: "HAR-VECTORS-001",
        purpose: "No key among the published vectors is degenerate: a defect that uses none would agree with it.",
        kills: &["key-of-zeros"],
        body: |harness| {
            for text in harness.vectors() {
                let json: serde_json::Value =
                    serde_json::from_str(&text).map_err(|error| Stop::error(format!("vectors: {error}")))?;
                if let Some(name) = degenerate_key(&json) {
                    return Err(Stop::fail(format!("{name} is one octet repeated")));
                }
            }
            Ok(())
        },
    },
    SelfTest {
        id: "HAR-SEED-001",
        purpose: "The same seed gives the same run, octet by octet.",
        kills: &["seed-ignored"],
        body: |harness| {
            let run = |cases: &[Case]| {
                let report = harness.run(cases, &Statement::default(), 7);
                report.results.into_iter().map(|result| result.evidence).collect::<Vec<_>>()
            };
            let (first, second) = (vec![draws()], vec![draws()]);
            equal("evidence", &run(&first), &run(&second))
        },
    },
    SelfTest {
        id: "HAR-EXPECT-001",
        purpose: "An expectation accepts the failure of its own case and of no other.",
        kills: &["expectation-swallows"],
        body: |harness| {
            let cases = [expects("TOY-001", 0x01, 0x6D00), expects("TOY-OTHER", 0x01, 0x6D00)];
            let mut report = harness.run(&cases, &Statement::default(), 1);
            harness.expect(&expectation("TOY-OTHER", "2030-01-01")?, &mut report, "2026-01-01");
            let expected: Vec<_> = report.results.iter().map(|result| result.expected.is_some()).collect();
            equal("expected", &vec![false, true], &expected)
        },
    },
    SelfTest {
        id: "HAR-EXPECT-002",
        purpose: "An expectation does not count after its last day.",
        kills: &["expectation-never-expires"],
        body: |harness| {
            let mut report = a_failing_run(harness);
            harness.expect(&expectation("TOY-001", "2025-12-31")?, &mut report, "2026-01-01");
            equal("stale entries", &1, &report.stale_expectations.len())
        },
    },
    SelfTest {
        id: "HAR-RETRY-001",
        purpose: "A case that fails once has failed.",
        kills: &["automatic-retry"],
        body: |harness| {
            let report = harness.run(&[expects("TOY-001", 0x04, 0x9000)], &Statement::default(), 1);
            equal("verdict", &Some(Verdict::Fail), &report.results[0].verdict())
        },
    },
];

fn expects(id: &str, ins: u8, status: u16) -> Case {
    Case::new(id, "The card answers as it should.").body(move |tester: &mut Tester<'_>| {
        let answer = tester.send(&[0x00, ins, 0x00, 0x00])?;
        tester.expect_status(&answer, status)
    })
}

fn draws() -> Case {
    Case::new("TOY-DRAW", "Card and tester draw.").body(|tester: &mut Tester<'_>| {
        tester.send(&[0x00, 0x05, 0x00, 0x00, 0x08])?;
        let drawn = u64::from_be_bytes(tester.random());
        tester.note(drawn);
        Ok(())
    })
}

fn a_failing_run(harness: Harness) -> TestReport {
    harness.run(&[expects("TOY-001", 0x01, 0x6D00), expects("TOY-002", 0x02, 0x6D00)], &Statement::default(), 1)
}

fn expectation(case: &str, until: &str) -> OrStop<Expectations> {
    let text = format!("[[expect]]\ncase = '{case}'\nverdict = 'fail'\nreason = 'known'\nuntil = '{until}'\n");
    Expectations::parse(&text).map_err(Stop::error)
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, got: &T) -> OrStop {
    if expected == got { Ok(()) } else { Err(Stop::fail(format!("{what}: {}", difference(expected, got)))) }
}

/// The name of a key that is one octet repeated.
fn degenerate_key(json: &serde_json::Value) -> Option<String> {
    /// Octets of the shortest key.
    const KEY_LEN_MIN: usize = 8;
    match json {
        serde_json::Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let is_key = ["key", "master", "private", "KA", "KP"].iter().any(|word| name.contains(word));
            let octets = value.as_str().filter(|_| is_key).and_then(|text| crate::wire::hex::parse(text).ok());
            match octets {
                Some(octets) if octets.len() >= KEY_LEN_MIN && octets.iter().all(|octet| *octet == octets[0]) => {
                    Some(name.clone())
                }
                _ => degenerate_key(value),
            }
        }),
        serde_json::Value::Array(items) => items.iter().find_map(degenerate_key),
        _ => None,
    }
}
