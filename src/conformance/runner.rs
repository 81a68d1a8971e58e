//! Runs cases one after the other: a fresh activation for each, its log kept, its verdict final. No case is tried twice.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::case::{Body, Case};
use super::evidence::{Line, Seen};
use super::facility::Facility;
use super::result::{CaseResult, SCHEMA, Status, TestReport, UnderTest};
use super::rig::Subject;
use super::selection::Selection;
use super::statement::Statement;
use super::terminal_tester::{TerminalSubject, TerminalTester};
use super::tester::Tester;
use super::token::Token;
use super::verdict::{OrStop, Stop, Verdict, caught};
use crate::crypto::kdf::sha256;

/// Who looks on: progress, clock, and the wish to stop.
pub trait Observer {
    /// Before the first case: the report as it would be if nothing more came.
    fn planned(&mut self, _report: &TestReport) {}
    /// A case begins; `index` from 0.
    fn begin(&mut self, _case: &Case, _index: usize, _of: usize) {}
    /// It ended.
    fn end(&mut self, _result: &CaseResult) {}
    /// A line of a case's log, as it comes: number 1 is the first of a run of its body, and a case that is made shorter has several.
    /// Not told where cases run at once.
    fn line(&mut self, _case: &Case, _line: &Line) {}
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
    /// What a command line says to reach them, each word with a space before it; nothing for what is under test by itself.
    pub options: String,
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

    /// Why no further case can run, in words.
    pub fn lost(&self) -> Option<String> {
        self.card.as_deref().and_then(Subject::lost)
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
        result(case, subjects, case_seed(seed, &case.id), None, barred.unwrap_or(Status::NotRun))
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
        declared: Vec::new(),
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
        if report.results[index].status != Status::NotRun {
            continue;
        }
        report.interrupted = report.interrupted || observer.stop() || subjects.lost().is_some();
        if report.interrupted {
            continue;
        }
        if let Some(blocked) = blocked_behind(case, &report.results) {
            report.results[index].status = blocked;
            continue;
        }
        observer.begin(case, index, chosen.len());
        report.results[index] = run_case(case, subjects, case_seed(seed, &case.id), observer);
        observer.end(&report.results[index]);
    }
    doubt_without_twin(&mut report.results);
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
    // Clock, log and the wish to stop are one person's.
    let observer = RefCell::new(observer);
    let mut clock = || observer.borrow_mut().micros().saturating_sub(begun);
    let mut sink = |line: &Line| observer.borrow_mut().line(case, line);
    let ran = match (&case.body, &mut subjects.card, &mut subjects.terminal) {
        (Body::Card(body), Some(subject), _) => {
            let has_fresh_cards = subject.facilities().contains(&Facility::FreshCard);
            let mut run = |cuts: Option<&str>| on_card(&**body, &mut **subject, seed, cuts, &mut clock, &mut sink);
            let first = run(cuts);
            match &case.shorter {
                Some(shorter) if has_fresh_cards && cuts.is_none() => {
                    shortest(first, &**shorter, run, || observer.borrow_mut().stop())
                }
                _ => first,
            }
        }
        (Body::Terminal(body), _, Some(subject)) => on_terminal(&**body, &mut **subject, seed, &mut clock, &mut sink),
        _ => Ran::barred(Stop::inconclusive("there is nothing under test")),
    };
    let Ran { ended, evidence, cuts } = ran;
    let status = status(ended, &evidence);
    let micros = clock();
    CaseResult { micros, evidence, ..result(case, subjects, seed, cuts, status) }
}

/// One run of a body.
struct Ran {
    ended: OrStop,
    evidence: Vec<Line>,
    cuts: Option<String>,
}

impl Ran {
    const fn barred(stop: Stop) -> Self {
        Self { ended: Err(stop), evidence: Vec::new(), cuts: None }
    }

    /// What failed, without numbers: those change as a sequence gets shorter.
    fn failure(&self) -> Option<String> {
        let stop = self.ended.as_ref().err().filter(|stop| stop.verdict == Verdict::Fail)?;
        let word = |word: &str| if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word }.to_owned();
        let words: Vec<String> = stop.reason.split(|c: char| !c.is_alphanumeric()).map(word).collect();
        Some(words.join(" "))
    }
}

/// Runs that a failure may cost more, to shorten its record.
const SHORTER_RUNS_MAX: usize = 400;

/// The shortest record with which the case still fails in the same way, by leaving out what can be left out. Who wants the run to stop
/// gets the shortest so far.
fn shortest(
    first: Ran,
    shorter: &dyn Fn(&str) -> Vec<String>,
    mut run: impl FnMut(Option<&str>) -> Ran,
    stop: impl Fn() -> bool,
) -> Ran {
    let mut best = first;
    let mut runs = 0;
    let failure = best.failure();
    while failure.is_some()
        && let Some(cuts) = &best.cuts
    {
        let left = SHORTER_RUNS_MAX.saturating_sub(runs);
        let tries = shorter(cuts).into_iter().take(left).take_while(|_| !stop());
        let next = tries.map(|cuts| run(Some(&cuts))).inspect(|_| runs += 1).find(|ran| ran.failure() == failure);
        match next {
            Some(next) => best = next,
            None => break,
        }
    }
    best
}

/// The seed of what is under test is one of its own: a tester that draws what the card draws would be one with it.
fn on_card(
    body: &dyn Fn(&mut Tester<'_>) -> OrStop,
    subject: &mut dyn Subject,
    seed: u64,
    cuts: Option<&str>,
    clock: &mut dyn FnMut() -> u64,
    sink: &mut dyn FnMut(&Line),
) -> Ran {
    let mut rig = match subject.rig(case_seed(seed, "card")) {
        Ok(rig) => rig,
        Err(error) => return Ran::barred(error.into()),
    };
    let mut tester = Tester::new(&mut rig, subject.statement(), seed, clock).with_cuts(cuts).with_sink(sink);
    let ended = match tester.power_on() {
        Ok(_) => caught(|| body(&mut tester)),
        Err(stop) => Err(stop),
    };
    let is_silent = ended.as_ref().is_err_and(|stop| stop.verdict == Verdict::Inconclusive);
    if is_silent {
        tester.miss_card();
    }
    let ended = match subject.lost() {
        None => ended,
        Some(reason) if is_silent => Err(Stop::inconclusive(reason)),
        // Of two cards nothing is known of either.
        Some(reason) => Err(Stop::error(reason)),
    };
    let cuts = tester.recorded_cuts();
    let (ended, evidence) = tester.finish(ended);
    Ran { ended, evidence, cuts }
}

fn on_terminal(
    body: &dyn Fn(&mut TerminalTester<'_>) -> OrStop,
    subject: &mut dyn TerminalSubject,
    seed: u64,
    clock: &mut dyn FnMut() -> u64,
    sink: &mut dyn FnMut(&Line),
) -> Ran {
    let mut rig = match subject.open(case_seed(seed, "terminal")) {
        Ok(rig) => rig,
        Err(error) => return Ran::barred(error.into()),
    };
    let mut tester = TerminalTester::new(&mut rig, subject.statement(), seed, clock).with_sink(sink);
    let ended = caught(|| body(&mut tester));
    let (ended, evidence) = tester.finish(ended);
    Ran { ended, evidence, cuts: None }
}

fn status(ended: OrStop, evidence: &[Line]) -> Status {
    let rests_on = evidence.iter().rev().find_map(|line| match line.what {
        Seen::Verdict { rests_on, .. } => Some(rests_on),
        _ => None,
    });
    match ended {
        Ok(()) => Status::Ran { verdict: Verdict::Pass, reason: None, rests_on: None },
        Err(Stop { verdict, reason }) => Status::Ran { verdict, reason: Some(reason), rests_on: rests_on.flatten() },
    }
}

fn result(case: &Case, subjects: &Subjects<'_>, seed: u64, cuts: Option<String>, status: Status) -> CaseResult {
    let token = Token {
        case: case.id.clone(),
        revision: case.revision,
        profile: subjects.of(case).map_or_else(|| "-".to_owned(), |(statement, _)| statement.name.clone()),
        seed,
        cuts: cuts.unwrap_or_else(|| Token::NO_CUTS.to_owned()),
    };
    CaseResult {
        id: case.id.clone(),
        revision: case.revision,
        suite: case.suite.clone(),
        purpose: case.purpose.clone(),
        requirements: case.requirements.clone(),
        twin: case.twin.clone(),
        risk: case.risk,
        status,
        replay: format!("{token}{}", subjects.options),
        micros: 0,
        expected: None,
        evidence: Vec::new(),
        evidence_file: None,
    }
}

/// Why a case says nothing: one that it is behind ran and did not pass, or is blocked in this way itself.
fn blocked_behind(case: &Case, results: &[CaseResult]) -> Option<Status> {
    let result_of = |id: &String| results.iter().find(|result| result.id == *id);
    let first = case.behind.iter().filter_map(result_of).find(|result| match &result.status {
        Status::Ran { verdict, .. } => *verdict != Verdict::Pass,
        Status::Blocked { reason } => reason.starts_with(BEHIND),
        _ => false,
    })?;
    Some(Status::Blocked {
        reason: match &first.status {
            Status::Ran { reason: Some(reason), .. } => format!("{BEHIND}{}: {reason}", first.id),
            _ => first.reason().unwrap_or_default().to_owned(),
        },
    })
}

/// How such a reason begins.
const BEHIND: &str = "see ";

/// The same where cases ran at once: what did not pass behind such a case is blocked afterwards. `cases` are those of the results.
pub fn block_behind(cases: &[&Case], results: &mut [CaseResult]) {
    for (index, case) in cases.iter().enumerate() {
        let passed = results[index].verdict() == Some(Verdict::Pass);
        if let Some(blocked) = blocked_behind(case, results).filter(|_| !passed && results[index].verdict().is_some()) {
            results[index].status = blocked;
        }
    }
}

/// A refusal counts only where its valid twin was accepted: else it may have come for any reason. A twin that is in doubt itself shows
/// nothing accepted either. One that did not run says nothing either way.
pub fn doubt_without_twin(results: &mut [CaseResult]) {
    // Each round doubts one more at least, or is the last.
    for _ in 0..=results.len() {
        let told = |result: &CaseResult| {
            let why = result.reason().map_or_else(String::new, |reason| format!(" ({reason})"));
            Some((result.id.clone(), (result.verdict()?, why)))
        };
        let verdicts: BTreeMap<String, (Verdict, String)> = results.iter().filter_map(told).collect();
        let mut has_changed = false;
        for result in results.iter_mut() {
            let Some(twin) = &result.twin else { continue };
            let Some((verdict, why)) = verdicts.get(twin).filter(|(verdict, _)| *verdict != Verdict::Pass) else {
                continue;
            };
            if let Status::Ran { verdict: own @ Verdict::Pass, reason, .. } = &mut result.status {
                *own = Verdict::Inconclusive;
                *reason =
                    Some(format!("its valid twin {twin} came to {verdict}{why}: the refusal may have another reason"));
                has_changed = true;
            }
        }
        if !has_changed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Card;
    use crate::conformance::error::RigError;
    use crate::conformance::rig::InProcessSubject;
    use crate::reader::toy::ToyCard;

    fn ran(cuts: &str, reason: &str) -> Ran {
        Ran { ended: Err(Stop::fail(reason)), evidence: Vec::new(), cuts: Some(cuts.to_owned()) }
    }

    /// Leaves one octet out.
    fn shorter(cuts: &str) -> Vec<String> {
        (0..cuts.len()).map(|at| format!("{}{}", &cuts[..at], &cuts[at + 1..])).collect()
    }

    #[test]
    fn a_failure_is_shortened_only_to_the_same_failure() {
        let run = |cuts: Option<&str>| {
            let cuts = cuts.unwrap_or_default();
            ran(cuts, if cuts.contains('b') { "balance: expected 90, got 100" } else { "no answer" })
        };
        let short = shortest(ran("abc", "balance: expected 12, got 7"), &shorter, run, || false);
        assert_eq!(short.cuts.as_deref(), Some("b"));
    }

    #[test]
    fn who_wants_the_run_to_stop_waits_for_no_shortening() {
        let runs = std::cell::Cell::new(0);
        let run = |cuts: Option<&str>| {
            runs.set(runs.get() + 1);
            ran(cuts.unwrap_or_default(), "the same")
        };
        let short = shortest(ran("abcdef", "the same"), &shorter, run, || runs.get() == 2);
        assert_eq!((short.cuts.as_deref(), runs.get()), (Some("cdef"), 2));
    }

    #[test]
    fn a_case_that_drops_what_a_check_said_is_in_error() {
        let make = |_| Ok::<_, RigError>(Box::new(ToyCard::new()) as Box<dyn Card>);
        let mut subject = InProcessSubject::new(Statement::default(), make);
        let mut verdict = |checks: &'static [bool]| {
            let case = Case::new("TOY-001", "A purpose.").body(move |tester| {
                for held in checks {
                    let _dropped = tester.check(*held, "something");
                }
                Ok(())
            });
            let result = run_case(&case, &mut Subjects::card(&mut subject), 0, &mut Unobserved);
            (result.verdict(), result.rests_on(), result.evidence.last().map(|line| line.what.clone()))
        };
        assert_eq!(verdict(&[true]).0, Some(Verdict::Pass));
        let (ended, rests_on, last) = verdict(&[true, false, true]);
        assert_eq!((ended, rests_on), (Some(Verdict::Error), Some(3)), "reset, holds, broken");
        assert!(matches!(last, Some(Seen::Verdict { verdict: Verdict::Error, .. })), "{last:?}");
    }

    /// Who looks on sees each line as it comes.
    #[test]
    fn the_log_is_told_line_by_line() {
        struct Lines(Vec<Line>);
        impl Observer for Lines {
            fn line(&mut self, case: &Case, line: &Line) {
                assert_eq!(case.id, "TOY-001");
                self.0.push(line.clone());
            }
        }
        let make = |_| Ok::<_, RigError>(Box::new(ToyCard::new()) as Box<dyn Card>);
        let mut subject = InProcessSubject::new(Statement::default(), make);
        let case = Case::new("TOY-001", "A purpose.").body(|tester| tester.send(&[0, 0xB0, 0, 0, 1]).map(drop));
        let mut lines = Lines(Vec::new());
        let result = run_case(&case, &mut Subjects::card(&mut subject), 0, &mut lines);
        assert!(result.evidence.len() > 3 && lines.0 == result.evidence, "{:?}", lines.0);
    }

    /// Who wants the run to stop when nothing is left to run has missed nothing.
    #[test]
    fn a_run_is_interrupted_only_where_a_case_was_missed() {
        struct StopAfter(usize);
        impl Observer for StopAfter {
            fn end(&mut self, _: &CaseResult) {
                self.0 -= 1;
            }
            fn stop(&mut self) -> bool {
                self.0 == 0
            }
        }
        let make = |_| Ok::<_, RigError>(Box::new(ToyCard::new()) as Box<dyn Card>);
        let case = |id: &str| Case::new(id, "A purpose.").body(|_| Ok(()));
        let cases = [case("TOY-001"), case("TOY-002"), case("TOY-003").needs(&["toy.more"])];
        for (after, interrupted, last) in [
            (1, true, Status::NotRun),
            (2, false, Status::Ran { verdict: Verdict::Pass, reason: None, rests_on: None }),
        ] {
            let mut subject = InProcessSubject::new(Statement::default(), make);
            let subjects = &mut Subjects::card(&mut subject);
            let report = run(&cases, &Selection::default(), subjects, 1, &mut StopAfter(after));
            assert_eq!((report.interrupted, &report.results[1].status), (interrupted, &last), "after {after}");
            assert!(matches!(report.results[2].status, Status::NotApplicable { .. }));
        }
    }
}
