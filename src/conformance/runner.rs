//! Runs cases one after the other: a fresh activation for each, its log kept, its verdict final. No case is tried twice.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::case::{Body, Case, Facility};
use super::evidence::{Line, Seen};
use super::result::{CaseResult, SCHEMA, Status, TestReport, UnderTest};
use super::rig::Subject;
use super::selection::Selection;
use super::statement::Statement;
use super::terminal_tester::{TerminalSubject, TerminalTester};
use super::tester::Tester;
use super::token::Token;
use super::verdict::{Outcome, Stop, Verdict};
use crate::crypto::kdf::sha256;

/// Who looks on: progress, clock, and the wish to stop.
pub trait Observer {
    /// Before the first case: the report as it would be if nothing more came.
    fn planned(&mut self, _report: &TestReport) {}
    /// A case begins; `index` from 0.
    fn begin(&mut self, _case: &Case, _index: usize, _of: usize) {}
    /// It ended.
    fn end(&mut self, _result: &CaseResult) {}
    /// Asked before each case.
    fn stop(&mut self) -> bool {
        false
    }
    /// Microseconds, from whatever moment. Without a clock all is 0 and the log the same in every run.
    fn micros(&mut self) -> u64 {
        0
    }
}

/// Nobody looks on.
pub struct Unobserved;

impl Observer for Unobserved {}

/// What is under test: a card, a terminal, or both. A case for which there is none is blocked.
#[derive(Default)]
pub struct Subjects<'s> {
    /// A card.
    pub card: Option<&'s mut dyn Subject>,
    /// A terminal.
    pub terminal: Option<&'s mut dyn TerminalSubject>,
    /// What reports say of them besides.
    pub told: UnderTest,
}

impl<'s> Subjects<'s> {
    /// A card only.
    pub fn card(subject: &'s mut dyn Subject) -> Self {
        Self { card: Some(subject), ..Self::default() }
    }

    /// A terminal only.
    pub fn terminal(subject: &'s mut dyn TerminalSubject) -> Self {
        Self { terminal: Some(subject), ..Self::default() }
    }

    /// Statement and facilities of the subject of this case.
    fn of(&self, case: &Case) -> Option<(&Statement, Vec<Facility>)> {
        match &case.body {
            Body::Card(_) => self.card.as_deref().map(|subject| (subject.statement(), subject.facilities())),
            Body::Terminal(_) => self.terminal.as_deref().map(|subject| (subject.statement(), subject.facilities())),
        }
    }

    /// Name of the statement of the subject of this case.
    pub fn statement_of(&self, case: &Case) -> Option<&str> {
        self.of(case).map(|(statement, _)| statement.name.as_str())
    }

    fn bars(&self, case: &Case, selection: &Selection) -> Option<Status> {
        match (self.of(case), &case.body) {
            (Some((statement, facilities)), _) => selection.bars(case, statement, &facilities),
            (None, Body::Card(_)) => Some(Status::Blocked { reason: "there is no card under test".to_owned() }),
            (None, Body::Terminal(_)) => Some(Status::Blocked { reason: "there is no terminal under test".to_owned() }),
        }
    }

    /// What reports say of it: names of the statements, and how the subjects are reached.
    fn names(&self) -> (String, String) {
        let card = self.card.as_deref().map(|subject| (subject.statement().name.clone(), subject.binding()));
        let terminal = self.terminal.as_deref().map(|subject| (subject.statement().name.clone(), subject.binding()));
        let (names, bindings): (Vec<String>, Vec<String>) = card.into_iter().chain(terminal).unzip();
        (names.join(" + "), bindings.join(" + "))
    }
}

/// The seed of one case in a run with this seed.
pub fn case_seed(run_seed: u64, case: &str) -> u64 {
    let digest = sha256(&[&run_seed.to_be_bytes(), case.as_bytes()]);
    digest.iter().take(8).fold(0, |seed, octet| seed << 8 | u64::from(*octet))
}

/// The report of a run that is stopped before its first case: a result for each that is chosen, not run or barred.
pub fn plan(cases: &[&Case], selection: &Selection, subjects: &Subjects<'_>, seed: u64) -> TestReport {
    let planned = |case: &&Case| {
        let barred = subjects.bars(case, selection);
        result(case, subjects, case_seed(seed, &case.id), barred.unwrap_or(Status::NotRun))
    };
    let (statement, binding) = subjects.names();
    TestReport {
        schema: SCHEMA,
        untorn: env!("CARGO_PKG_VERSION").to_owned(),
        statement,
        binding,
        seed,
        begun: None,
        micros: 0,
        interrupted: true,
        shard: selection.shard,
        under_test: UnderTest { selection: selection.patterns.clone(), ..subjects.told.clone() },
        results: cases.iter().map(planned).collect(),
        stale_expectations: Vec::new(),
    }
}

/// Runs what the selection chooses, in the order of `cases`.
pub fn run(
    cases: &[Case],
    selection: &Selection,
    subjects: &mut Subjects<'_>,
    seed: u64,
    observer: &mut dyn Observer,
) -> TestReport {
    let begun = observer.micros();
    let chosen = selection.choose(cases);
    let mut report = plan(&chosen, selection, subjects, seed);
    observer.planned(&report);
    report.interrupted = false;
    for (index, case) in chosen.iter().enumerate() {
        report.interrupted = report.interrupted || observer.stop();
        if report.interrupted || report.results[index].status != Status::NotRun {
            continue;
        }
        observer.begin(case, index, chosen.len());
        report.results[index] = run_case(case, subjects, case_seed(seed, &case.id), observer);
        observer.end(&report.results[index]);
    }
    doubt_without_twin(&mut report.results, &chosen);
    report.micros = observer.micros().saturating_sub(begun);
    report
}

/// Runs one case with this very seed. A failure whose case records where it tore is made as short as it gets, where each try can have
/// a card of its own.
pub fn run_case(case: &Case, subjects: &mut Subjects<'_>, seed: u64, observer: &mut dyn Observer) -> CaseResult {
    run_case_at(case, subjects, seed, None, observer)
}

/// Repeats what a replay token says, once.
pub fn replay(case: &Case, subjects: &mut Subjects<'_>, token: &Token, observer: &mut dyn Observer) -> CaseResult {
    let cuts = (token.cuts != Token::NO_CUTS).then_some(token.cuts.as_str());
    run_case_at(case, subjects, token.seed, cuts, observer)
}

fn run_case_at(
    case: &Case,
    subjects: &mut Subjects<'_>,
    seed: u64,
    cuts: Option<&str>,
    observer: &mut dyn Observer,
) -> CaseResult {
    let begun = observer.micros();
    let mut clock = || observer.micros().saturating_sub(begun);
    let ran = match (&case.body, &mut subjects.card, &mut subjects.terminal) {
        (Body::Card(body), Some(subject), _) => {
            let has_fresh_cards = subject.facilities().contains(&Facility::FreshCard);
            let mut run = |cuts: Option<&str>| on_card(&**body, &mut **subject, seed, cuts, &mut clock);
            let first = run(cuts);
            match &case.shorter {
                Some(shorter) if has_fresh_cards && cuts.is_none() => shortest(first, &**shorter, run),
                _ => first,
            }
        }
        (Body::Terminal(body), _, Some(subject)) => on_terminal(&**body, &mut **subject, seed, &mut clock),
        _ => Ran::barred(Stop::inconclusive("there is nothing under test")),
    };
    let Ran { ended, evidence, cuts } = ran;
    let status = status(ended, &evidence);
    let micros = observer.micros().saturating_sub(begun);
    let mut result = CaseResult { micros, evidence, ..result(case, subjects, seed, status) };
    if let Some(cuts) = cuts {
        // The token ends with what the case did not record.
        result.replay.truncate(result.replay.len() - Token::NO_CUTS.len());
        result.replay.push_str(&cuts);
    }
    result
}

/// One run of a body.
struct Ran {
    ended: Outcome,
    evidence: Vec<Line>,
    cuts: Option<String>,
}

impl Ran {
    const fn barred(stop: Stop) -> Self {
        Self { ended: Err(stop), evidence: Vec::new(), cuts: None }
    }

    fn failed(&self) -> bool {
        self.ended.as_ref().is_err_and(|stop| stop.verdict == Verdict::Fail)
    }
}

/// Runs that a failure may cost more, to shorten its record.
const SHORTER_RUNS_MAX: usize = 400;

/// The shortest record with which the case still fails, by leaving out what can be left out.
fn shortest(first: Ran, shorter: &dyn Fn(&str) -> Vec<String>, mut run: impl FnMut(Option<&str>) -> Ran) -> Ran {
    let mut best = first;
    let mut runs = 0;
    while best.failed()
        && let Some(cuts) = &best.cuts
    {
        let left = SHORTER_RUNS_MAX.saturating_sub(runs);
        let next = shorter(cuts).iter().take(left).map(|cuts| run(Some(cuts))).inspect(|_| runs += 1).find(Ran::failed);
        match next {
            Some(next) => best = next,
            None => break,
        }
    }
    best
}

/// The seed of what is under test is one of its own: a tester that draws what the card draws would be one with it.
fn on_card(
    body: &dyn Fn(&mut Tester<'_>) -> Outcome,
    subject: &mut dyn Subject,
    seed: u64,
    cuts: Option<&str>,
    clock: &mut dyn FnMut() -> u64,
) -> Ran {
    let mut rig = match subject.rig(case_seed(seed, "card")) {
        Ok(rig) => rig,
        Err(reason) => return Ran::barred(Stop::inconclusive(reason)),
    };
    let mut tester = Tester::new(&mut rig, subject.statement(), seed, clock).with_cuts(cuts);
    let ended = match tester.power_on() {
        Ok(_) => caught(|| body(&mut tester)),
        Err(stop) => Err(stop),
    };
    let cuts = tester.recorded_cuts();
    let evidence = tester.finish(&ended);
    Ran { ended, evidence, cuts }
}

fn on_terminal(
    body: &dyn Fn(&mut TerminalTester<'_>) -> Outcome,
    subject: &mut dyn TerminalSubject,
    seed: u64,
    clock: &mut dyn FnMut() -> u64,
) -> Ran {
    let mut rig = match subject.open(case_seed(seed, "terminal")) {
        Ok(rig) => rig,
        Err(reason) => return Ran::barred(Stop::inconclusive(reason)),
    };
    let mut tester = TerminalTester::new(&mut rig, subject.statement(), seed, clock);
    let ended = caught(|| body(&mut tester));
    let evidence = tester.finish(&ended);
    Ran { ended, evidence, cuts: None }
}

/// A body that panics is an error of the case, and the next case runs.
fn caught(body: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Stop::error(format!("the case panicked: {}", text.unwrap_or("without a message"))))
    })
}

fn status(ended: Outcome, evidence: &[Line]) -> Status {
    let rests_on = evidence.iter().rev().find_map(|line| match line.what {
        Seen::Verdict { rests_on, .. } => Some(rests_on),
        _ => None,
    });
    match ended {
        Ok(()) => Status::Ran { verdict: Verdict::Pass, reason: None, rests_on: None },
        Err(Stop { verdict, reason }) => Status::Ran { verdict, reason: Some(reason), rests_on: rests_on.flatten() },
    }
}

fn result(case: &Case, subjects: &Subjects<'_>, seed: u64, status: Status) -> CaseResult {
    let token = Token {
        case: case.id.clone(),
        revision: case.revision,
        profile: subjects.of(case).map_or_else(|| "-".to_owned(), |(statement, _)| statement.name.clone()),
        seed,
        cuts: Token::NO_CUTS.to_owned(),
    };
    CaseResult {
        id: case.id.clone(),
        revision: case.revision,
        suite: case.suite.clone(),
        purpose: case.purpose.clone(),
        requirements: case.requirements.clone(),
        risk: case.risk,
        status,
        replay: token.to_string(),
        micros: 0,
        expected: None,
        evidence: Vec::new(),
        evidence_file: None,
    }
}

/// A refusal counts only where its valid twin was accepted: else it may have come for any reason. A twin that did not run says
/// nothing either way.
pub fn doubt_without_twin(results: &mut [CaseResult], chosen: &[&Case]) {
    let verdicts: Vec<(String, Verdict)> =
        results.iter().filter_map(|result| Some((result.id.clone(), result.verdict()?))).collect();
    for (result, case) in results.iter_mut().zip(chosen) {
        let Some(twin) = &case.twin else { continue };
        let Some((_, verdict)) = verdicts.iter().find(|(id, _)| id == twin) else { continue };
        if let Status::Ran { verdict: own @ Verdict::Pass, reason, .. } = &mut result.status
            && *verdict != Verdict::Pass
        {
            *own = Verdict::Inconclusive;
            *reason = Some(format!("its valid twin {twin} came to {verdict}: the refusal may have another reason"));
        }
    }
}
