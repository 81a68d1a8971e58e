//! Cases as data: what a file says, and what becomes of it with a card.

use super::*;
use crate::card::memory::Memory;
use crate::card::{self, Card};
use crate::conformance::error::RigError;
use crate::conformance::evidence::Seen;
use crate::conformance::facility::Facility;
use crate::conformance::result::{CaseResult, Status};
use crate::conformance::rig::{Ledger, Rig, Subject};
use crate::conformance::runner::{Subjects, Unobserved, run_case};
use crate::conformance::statement::{SecretText, Statement};
use crate::conformance::verdict::Verdict;

/// INS 01 answers AA 01 02 03; 02 answers its data; 03 is refused; 04 counts, over resets too; 05 answers in two pieces; 06 is silent; 20 is
/// VERIFY, whose PIN is 31 until CHANGE REFERENCE DATA 24 gives it another.
struct TestCard {
    memory: Memory,
    count: u8,
    pin: u8,
}

impl Card for TestCard {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.memory.power_on();
        Some(vec![0x3B, 0x00])
    }

    fn process(&mut self, command: &[u8]) -> card::Answer {
        card::Answer::Response(match command.get(1) {
            Some(0x01) => vec![0xAA, 0x01, 0x02, 0x03, 0x90, 0x00],
            Some(0x02) => [&command[5..], &[0x90, 0x00]].concat(),
            Some(0x04) => {
                self.count += 1;
                vec![self.count, 0x90, 0x00]
            }
            Some(0x05) => vec![0x01, 0x61, 0x01],
            Some(0x06) => return card::Answer::Mute,
            Some(0x20 | 0x24) if command.get(5) != Some(&self.pin) => {
                self.count += 1;
                vec![0x63, 0xC2]
            }
            Some(0x24) => {
                self.pin = *command.last().unwrap();
                vec![0x90, 0x00]
            }
            Some(0x20) => vec![0x90, 0x00],
            Some(0xC0) => vec![0x02, 0x90, 0x00],
            _ => vec![0x6A, 0x82],
        })
    }

    fn power_off(&mut self) {
        self.memory.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}

fn file(steps: &str) -> String {
    format!("suite = 'toy'\n[[case]]\nid = 'TOY-STEP-001'\npurpose = 'A purpose.'\nrisk = 'read_only'\n{steps}")
}

fn step(lines: &str) -> String {
    format!("[[case.step]]\n{lines}\n")
}

fn run_steps(steps: &[&str]) -> CaseResult {
    let steps: String = steps.iter().map(|lines| step(lines)).collect();
    run_text(&file(&steps), Some(Vec::new()))
}

/// `ledger`: what was written to it so far; `None` for one that forbids all.
fn run_text(text: &str, ledger: Option<Vec<String>>) -> CaseResult {
    let cases = parse_cases(text).unwrap();
    let statement = Statement { name: "toy".to_owned(), ..Statement::default() }.text("toy.id", "0A 0B");
    let secrets = [("toy.pin", "31"), ("toy.long", "31323334"), ("toy.word", "pin"), ("toy.none", "")];
    let secrets = secrets.map(|(name, secret)| (name.to_owned(), SecretText::new(secret))).into();
    let statement = Statement { secrets, ..statement };
    let mut subject = Ledgered { statement, ledger };
    run_case(&cases[0], &mut Subjects::card(&mut subject), 1, &mut Unobserved)
}

/// A card with a ledger.
struct Ledgered {
    statement: Statement,
    ledger: Option<Vec<String>>,
}

impl Subject for Ledgered {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        "in process".to_owned()
    }

    fn facilities(&self) -> Vec<Facility> {
        Vec::new()
    }

    fn rig(&mut self, _: u64) -> Result<Rig, RigError> {
        let rig = Rig::in_process(TestCard { memory: Memory::from_image(vec![0]), count: 0, pin: 0x31 });
        Ok(rig.with_ledger(Box::new(TwoAtMost(self.ledger.clone()))))
    }
}

fn no_more() -> RigError {
    RigError::Spared("no more".to_owned())
}

/// Two failures in a row.
struct TwoAtMost(Option<Vec<String>>);

impl Ledger for TwoAtMost {
    fn before_failure(&mut self, secret: &str) -> Result<(), RigError> {
        let failed = self.0.as_mut().filter(|failed| failed.len() < 2).ok_or_else(no_more)?;
        failed.push(secret.to_owned());
        Ok(())
    }

    fn after_success(&mut self, secret: &str) -> Result<(), RigError> {
        self.0.as_mut().ok_or_else(no_more)?.retain(|failed| failed != secret);
        Ok(())
    }
}

fn passes(steps: &[&str]) {
    let result = run_steps(steps);
    assert_eq!(result.verdict(), Some(Verdict::Pass), "{steps:?}: {:?}", result.reason());
}

fn comes_to(steps: &[&str], verdict: Verdict, reason: &str) {
    let result = run_steps(steps);
    assert_eq!((result.verdict(), result.reason()), (Some(verdict), Some(reason)), "{steps:?}");
}

#[test]
fn a_file_says_all_that_a_case_is() {
    let text = "suite = 'toy'\n[[case]]\nid = 'TOY-STEP-001'\npurpose = 'A purpose.'\nrevision = 3\nrequirements = ['REQ']\n\
                needs = ['toy']\nkills = ['mutant']\ntwin = 'TOY-STEP-002'\nrisk = 'writes'\n[[case.step]]\nsend = '00010000'\nexpect = '9000'\n";
    let case = &parse_cases(text).unwrap()[0];
    assert_eq!((case.name().as_str(), case.suite.as_str(), case.risk), ("TOY-STEP-001@3", "toy", Risk::Writes));
    assert_eq!((&case.requirements[..], &case.needs[..]), (&["REQ".to_owned()][..], &["toy".to_owned()][..]));
    assert_eq!((&case.kills[..], case.twin.as_deref()), (&["mutant".to_owned()][..], Some("TOY-STEP-002")));
}

#[test]
fn what_comes_back_is_looked_at() {
    passes(&["send = '00010000'\nexpect = ['6A82', '90??']\ndata = 'A? 01 *'\nat_least = 4"]);
    for (lines, reason) in [
        (
            "send = '00030000'\nexpect = ['9000', '61??']",
            "status word: expected 9000 (done) or 61??, got 6A82 (file or application not found)",
        ),
        ("send = '00010000'\nexpect = '9000'\ndata = 'AA 01 ??'", "data: expected AA01??, got AA010203"),
        ("send = '00010000'\nexpect = '9000'\nat_least = 5", "data: expected 5 octets or more, got 4"),
    ] {
        comes_to(&["reset = 'cold'", lines], Verdict::Fail, &format!("step 2: does not hold: {reason}"));
    }
}

#[test]
fn saved_octets_and_values_of_the_statement_have_names() {
    passes(&[
        "send = '00010000'\nexpect = '9000'\nsave = { id = { offset = 1, length = 2 }, all = {} }",
        "send = '00020000 02 ${id}'\nexpect = '9000'\ndata = '0102'",
        "send = '00020000 04 ${all}'\nexpect = '9000'\ndata = 'AA ${id} 03'",
        "send = '00020000 02 ${toy.id}'\nexpect = '9000'\ndata = '0A0B'",
    ]);
    comes_to(
        &["send = '00010000'\nexpect = '9000'\nsave = { id = { offset = 3, length = 2 } }"],
        Verdict::Fail,
        "step 1: save id: expected octets 3 to 5, got 4 octets of data",
    );
    comes_to(
        &["send = '00020000 ${id}'\nexpect = '9000'"],
        Verdict::Error,
        "step 1: ${id}: no step saved it, and the statement has no such text",
    );
}

#[test]
fn pieces_are_put_together_only_where_the_step_says_so() {
    passes(&["send = '0005000000'\nexpect = '6101'\ndata = '01'"]);
    passes(&["send = '0005000000'\nwhole = true\nexpect = '9000'\ndata = '0102'"]);
}

#[test]
fn a_tear_is_before_the_command_or_after_it() {
    let count = "send = '00040000'\nexpect = '9000'\ndata = ";
    passes(&["send = '00040000'\ntear = 'before'", "reset = 'cold'", &format!("{count}'01'")]);
    passes(&["send = '00040000'\ntear = 'after'", "reset = 'cold'", &format!("{count}'02'")]);
}

#[test]
fn silence_and_a_wrong_preamble_are_inconclusive() {
    assert_eq!(run_steps(&["send = '00060000'\nexpect = '9000'"]).verdict(), Some(Verdict::Inconclusive));
    comes_to(
        &["send = '00030000'\nexpect = '9000'\npreamble = true", "send = '00010000'\nexpect = '9000'"],
        Verdict::Inconclusive,
        "step 1: in the preamble: does not hold: status word: expected 9000 (done), got 6A82 (file or application not found)",
    );
}

#[test]
fn what_is_no_step_is_refused_with_its_place() {
    for (lines, reason) in [
        ("preamble = true", "expected either reset or send"),
        ("reset = 'cold'\nsend = '00010000'", "expected either reset or send"),
        ("reset = 'cold'\nexpect = '9000'", "a reset has no answer to look at"),
        ("send = '00010000'", "expect: a status word is missing"),
        ("send = '00010000'\nexpect = []", "expect: a status word is missing"),
        ("send = '00010000'\nexpect = '90'", "expect: expected four digits, got \"90\""),
        ("send = '00010000'\nexpect = '90*'", "expect: expected four digits, got \"90*\""),
        ("send = '0001??00'\nexpect = '9000'", "send: expected octets, got a pattern"),
        ("send = ' '\nexpect = '9000'", "send: expected octets, got none"),
        ("send = '0x010000'\nexpect = '9000'", "send: expected hexadecimal digits, ?, or * at the end, got 'x'"),
        ("send = '00010000'\ntear = 'after'\nexpect = '9000'", "a torn command has no answer to look at"),
    ] {
        let error = parse_cases(&file(&(step("reset = 'cold'") + &step(lines)))).unwrap_err();
        assert_eq!(error.to_string(), format!("cases: TOY-STEP-001, step 2: {reason}"));
    }
    let torn = step("send = '00010000'\ntear = 'before'") + &step("send = '00010000'\nexpect = '9000'");
    let error = parse_cases(&file(&torn)).unwrap_err().to_string();
    assert_eq!(error, "cases: TOY-STEP-001, step 2: the card is without power after a tear: expected a reset");
}

#[test]
fn what_is_no_case_is_refused_with_its_place() {
    let good = file(&step("send = '00010000'\nexpect = '9000'"));
    for (from, to, reason) in [
        ("TOY-STEP-001", "toy", "cases: toy: expected an id of capitals and digits with hyphens, as AREA-TOPIC-001"),
        ("A purpose.", " ", "cases: TOY-STEP-001: the purpose is empty"),
    ] {
        assert_eq!(parse_cases(&good.replace(from, to)).unwrap_err().to_string(), reason);
    }
    let twice = good.clone() + good.strip_prefix("suite = 'toy'\n").unwrap();
    assert_eq!(parse_cases(&twice).unwrap_err().to_string(), "cases: TOY-STEP-001: the id stands twice");
    for wrong in ["", "suite = 1", &good.replace("risk", "rsik"), &good.replace("read_only", "none"), &file("")] {
        assert!(matches!(parse_cases(wrong), Err(StepsError::Syntax(_))), "{wrong:?}");
    }
}

#[test]
fn the_example_is_well_formed() {
    let cases = parse_cases(include_str!("../../examples/openpgp.toml")).unwrap();
    assert!(cases.len() >= 5 && cases.iter().all(|case| case.risk == Risk::ReadOnly));
    let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert!(cases.iter().filter_map(|case| case.twin.as_deref()).all(|twin| ids.contains(&twin)));
}

/// Which commands went out, by INS.
fn sent(result: &CaseResult) -> Vec<String> {
    let command = |seen: &Seen| match seen {
        Seen::Command { octets, .. } => Some(octets[2..4].to_owned()),
        _ => None,
    };
    result.evidence.iter().filter_map(|line| command(&line.what)).collect()
}

#[test]
fn a_postamble_runs_whatever_came_before_and_its_failure_is_said() {
    let after = |expect: &str| format!("send = '00040000'\nexpect = '{expect}'\npostamble = true");
    let (fails, passes) = ("send = '00030000'\nexpect = '9000'", "send = '00010000'\nexpect = '9000'");
    let failed = "step 1: does not hold: status word: expected 9000 (done), got 6A82 (file or application not found)";
    let not_as_it_was = "in the postamble, so that the card may not be as it was: step 2: does not hold: status word: expected 6A82 (file or application not found), got 9000 (done)";
    for (step, expect, verdict, reason) in [
        (passes, "9000", Verdict::Pass, None),
        (fails, "9000", Verdict::Fail, Some(failed.to_owned())),
        (passes, "6A82", Verdict::Inconclusive, Some(not_as_it_was.to_owned())),
        (fails, "6A82", Verdict::Fail, Some(format!("{failed}; {not_as_it_was}"))),
    ] {
        let result = run_steps(&[step, &after(expect)]);
        assert_eq!((result.verdict(), result.reason()), (Some(verdict), reason.as_deref()), "{step} {expect}");
        assert_eq!(sent(&result).last().map(String::as_str), Some("04"));
        if step == fails {
            let Status::Ran { rests_on: Some(line), .. } = result.status else { panic!("no line") };
            assert!(
                matches!(&result.evidence[line as usize - 1].what, Seen::Check { held: false, what } if what.contains("6A82"))
            );
        }
    }
    let wrong = step(&after("9000")) + &step("reset = 'cold'");
    let error = parse_cases(&file(&wrong)).unwrap_err().to_string();
    assert_eq!(error, "cases: TOY-STEP-001: a step behind the postamble, which comes last");
}

#[test]
fn an_attempt_at_a_secret_is_counted_before_it_is_sent_and_not_sent_beyond_the_limit() {
    let costs = |steps: &[&str]| {
        let steps: String = steps.iter().map(|lines| step(lines)).collect();
        file(&steps).replace("read_only", "costs_a_try")
    };
    let right = "send = '00200081 01 31'\ntries = 'pin'\nexpect = '9000'";
    let wrong = "send = '00200081 01 32'\ntries = 'pin'\nexpect = '63C?'";
    let torn = "send = '00200081 01 31'\ntries = 'pin'\ntear = 'after'";
    let bracketed = costs(&[right, wrong, wrong, right, wrong]);
    assert_eq!(run_text(&bracketed, Some(Vec::new())).verdict(), Some(Verdict::Pass), "what was right is right again");
    for (text, before, times) in [
        (costs(&[wrong, wrong, wrong]), vec![], 2),
        (costs(&[wrong, wrong, right]), vec![], 2),
        (costs(&[wrong, wrong]), vec!["pin"; 1], 1),
        (costs(&[right, wrong, torn, "reset = 'cold'", wrong]), vec![], 3),
    ] {
        let ledger = before.into_iter().map(str::to_owned).collect();
        let result = run_text(&text, Some(ledger));
        assert_eq!((result.verdict(), sent(&result).len()), (Some(Verdict::Inconclusive), times), "{text}");
    }
    assert!(sent(&run_text(&costs(&[right]), None)).is_empty(), "a ledger that cannot be written forbids");
    // What was right before the PIN was changed is not any more, and counts.
    let changed = "send = '00240081 02 31 33'\ntries = 'pin'\nexpect = '9000'";
    let result = run_text(&costs(&[right, changed, wrong, wrong, right]), Some(Vec::new()));
    assert_eq!((result.verdict(), sent(&result).len()), (Some(Verdict::Inconclusive), 4));
}

#[test]
fn verify_is_not_sent_unless_it_is_said_to_try_a_secret() {
    let result = run_steps(&["send = '00200081 01 32'\nexpect = '63C?'"]);
    assert_eq!((result.verdict(), sent(&result).len()), (Some(Verdict::Error), 0));
    passes(&["send = '00200081'\nexpect = '63C2'"]);
    // The kin of VERIFY and EXTERNAL AUTHENTICATE too, and a length field that does not fit keeps no card from looking.
    for command in ["00260081 01 32", "00280081 01 32", "00820081 01 32", "002C0081 01 32", "00200081 05 32"] {
        let result = run_steps(&[&format!("send = '{command}'\nexpect = '63C?'")]);
        assert_eq!((result.verdict(), sent(&result).len()), (Some(Verdict::Error), 0), "{command}");
    }
    let error = |text: String| parse_cases(&text).unwrap_err().to_string();
    let tries = step("send = '00200081 01 32'\ntries = 'pin'\nexpect = '63C?'");
    assert_eq!(error(file(&tries)), "cases: TOY-STEP-001: a case that only reads tries no secret");
    let without = file(&step("reset = 'cold'")).replace("read_only", "costs_a_try");
    let expected = "cases: TOY-STEP-001: it costs a try, and no step says of which secret: tries = \"pin\"";
    assert_eq!(error(without), expected);
}

#[test]
fn a_secret_of_the_statement_stands_where_the_log_masks_it_and_nowhere_else() {
    let case = |lines: &str| file(&step(&format!("tries = 'pin'\n{lines}"))).replace("read_only", "costs_a_try");
    let result = run_text(&case("send = '00200081 01 ${toy.pin}'\nexpect = '9000'"), Some(Vec::new()));
    assert_eq!(result.verdict(), Some(Verdict::Pass), "{:?}", result.reason());
    let shown = format!("{:?}", result.evidence);
    assert!(shown.contains("0020008101FF") && !shown.contains("002000810131"), "{shown}");
    let shown_else = "a secret stands only in the data of VERIFY and its kin: the rest is shown in the log";
    for (lines, reason) in [
        ("send = '0C200081 01 ${toy.pin}'\nexpect = '9000'", shown_else),
        ("send = '00020000 01 ${toy.pin}'\nexpect = '9000'", shown_else),
        ("send = '002000${toy.pin}'\nexpect = '9000'", shown_else),
        ("send = '0020 ${toy.long}'\nexpect = '9000'", shown_else),
        ("send = '00200081 ${toy.long}'\nexpect = '9000'", shown_else),
        ("send = '00200081 01 ${toy.word}'\nexpect = '9000'", "${toy.word}: expected octets in hexadecimal"),
        ("send = '00200081 01 ${toy.none}'\nexpect = '9000'", "${toy.none}: expected octets in hexadecimal"),
        (
            "send = '00010000'\nexpect = '9000'\ndata = '${toy.pin}'",
            "${toy.pin}: no step saved it, and the statement has no such text",
        ),
    ] {
        let result = run_text(&case(lines), Some(Vec::new()));
        assert_eq!((result.verdict(), result.reason()), (Some(Verdict::Error), Some(&*format!("step 1: {reason}"))));
    }
    comes_to(
        &["send = '00020000 01 ${toy.pin}'\nexpect = '9000'"],
        Verdict::Error,
        "step 1: ${toy.pin}: no step saved it, and the statement has no such text",
    );
}

#[test]
fn what_the_statement_must_give_is_a_secret_only_where_one_is_tried() {
    let lines = step("send = '00200081 01 ${toy.pin}'\ntries = 'pin'\nexpect = '9000'")
        + &step("send = '00020000 02 ${toy.id}'\nexpect = '9000'\ndata = '${toy.id}'");
    let values = |lines: &str| {
        let cases = parse_cases(&file(lines).replace("read_only", "costs_a_try")).unwrap();
        cases.into_iter().flat_map(|case| case.values).collect::<Vec<_>>()
    };
    assert_eq!(values(&lines), [Wanted::text("toy.id"), Wanted::octets("toy.pin")]);
    let shown = step("send = '00020000 01 ${toy.pin}'\nexpect = '9000'");
    for both in [lines.clone() + &shown, shown + &lines] {
        assert_eq!(values(&both), [Wanted::text("toy.id"), Wanted::text("toy.pin")], "what is shown is no secret");
    }
}

#[test]
fn a_mistake_is_told_without_the_line_it_stands_in() {
    for lines in [
        "send = '00200081 04 31323334",
        "send = '00200081 04 3132333'\nexpect = '9000'",
        "send = '00200081 04 31323334??'\nexpect = '9000'",
        "send = '00200081 04 31323334${'\nexpect = '9000'",
        "send = '00200081 04 31323334${}'\nexpect = '9000'",
    ] {
        let error = parse_cases(&file(&step(lines))).unwrap_err().to_string();
        assert!(!error.contains("3132"), "{error}");
    }
}
