//! Test reports of all kinds.

use proptest::prelude::*;
use untorn::conformance::evidence::{Line, Seen};
use untorn::conformance::result::{CaseResult, Declared, Expected, SCHEMA, Status, TestReport, UnderTest};
use untorn::conformance::risk::Risk;
use untorn::conformance::verdict::Verdict;
use untorn::reader::LinkErrorKind;
use untorn::time::Moment;

/// Text as a card, a host or a person may give it: markup, quotes, line feeds, controls, directives of TAP, all of Unicode.
fn text() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "",
        "<b>&amp;\"'</b>",
        "a # SKIP b",
        "x | y \\ z",
        "\u{0}\u{1b}[31m\r\n\tend",
        "]]> -->",
        "</script><script>alert(1)</script>",
        "ok 1 - \u{FFFE}\u{2028}",
        "```\nnot ok 7\n```",
        "処理未了",
    ]);
    prop_oneof![awkward.prop_map(str::to_owned), "\\PC{0,12}", "[a-z ]{1,20}"]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(Verdict::ALL.to_vec())
}

fn seen() -> impl Strategy<Value = Seen> {
    let octets = prop::collection::vec(any::<u8>(), 0..12).prop_map(|octets| untorn::wire::hex::encode(&octets));
    prop_oneof![
        octets.clone().prop_map(|octets| Seen::AnswerToReset { octets }),
        (octets.clone(), any::<bool>()).prop_map(|(octets, masked)| Seen::Command { octets, masked }),
        prop_oneof![octets, text()].prop_map(|octets| Seen::Response { octets }),
        text().prop_map(|detail| Seen::NoAnswer { kind: LinkErrorKind::Mute, detail }),
        text().prop_map(|how| Seen::Torn { how }),
        prop::collection::vec((any::<usize>(), any::<usize>()), 0..3).prop_map(|writes| Seen::Written { writes }),
        Just(Seen::PowerOff),
        text().prop_map(|text| Seen::Note { text }),
        (text(), any::<bool>()).prop_map(|(what, held)| Seen::Check { what, held }),
        (verdict(), prop::option::of(text()), prop::option::of(any::<u32>()))
            .prop_map(|(verdict, reason, rests_on)| Seen::Verdict { verdict, reason, rests_on }),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        4 => Just(Status::Ran { verdict: Verdict::Pass, reason: None, rests_on: None }),
        4 => (verdict(), prop::option::of(text()), prop::option::of(0_u32..6))
            .prop_map(|(verdict, reason, rests_on)| Status::Ran { verdict, reason, rests_on }),
        1 => text().prop_map(|reason| Status::NotApplicable { reason }),
        1 => text().prop_map(|reason| Status::Blocked { reason }),
        1 => Just(Status::NotRun),
    ]
}

fn result() -> impl Strategy<Value = CaseResult> {
    let expected = prop::option::weighted(0.3, (text(), text()).prop_map(|(reason, until)| Expected { reason, until }));
    let risk = prop::sample::select(vec![Risk::ReadOnly, Risk::CostsATry, Risk::Writes, Risk::Irreversible]);
    let evidence = prop::collection::vec(seen(), 0..5);
    (
        (prop_oneof![Just("purse".to_owned()), Just("iso7816_4".to_owned()), text()], any::<u32>(), text()),
        (prop::collection::vec(text(), 0..3), risk, status(), any::<u64>(), expected, evidence),
    )
        .prop_map(|((suite, revision, purpose), (requirements, risk, status, micros, expected, evidence))| {
            CaseResult {
                id: String::new(),
                revision,
                suite,
                replay: format!("{purpose}/1"),
                purpose,
                requirements,
                twin: None,
                risk,
                status,
                micros,
                expected,
                evidence: (1..).zip(evidence).map(|(number, what)| Line { number, micros: 7, what }).collect(),
                evidence_file: None,
            }
        })
}

fn under_test() -> impl Strategy<Value = UnderTest> {
    let may_be = || prop::option::of(text());
    ((may_be(), may_be(), may_be(), may_be(), may_be()), prop::collection::vec(text(), 0..3)).prop_map(
        |((profile, mutant, card, atr, protocol), selection)| UnderTest {
            profile,
            mutant,
            card,
            atr,
            protocol,
            selection,
        },
    )
}

fn declared() -> impl Strategy<Value = Declared> {
    (text(), text(), text(), any::<bool>()).prop_map(|(what, declared, seen, differs)| Declared {
        what,
        declared,
        seen,
        differs,
    })
}

/// Any report. Ids are such as cases have: stable words, each once.
pub(crate) fn report() -> impl Strategy<Value = TestReport> {
    (
        (text(), text(), any::<u64>(), prop::option::of(any::<u64>()), any::<u64>()),
        (prop_oneof![Just(UnderTest::default()), under_test()], prop::collection::vec(declared(), 0..3)),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, (1_u32..9, 1_u32..9)),
        prop::collection::vec(result(), 0..6),
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(text(), 1..3)],
    )
        .prop_map(
            |(
                (statement, binding, seed, begun, micros),
                (under_test, declared),
                interrupted,
                shard,
                mut results,
                stale_expectations,
            )| {
                for (index, result) in results.iter_mut().enumerate() {
                    result.id = format!("ABC-TOPIC-{index:03}");
                }
                TestReport {
                    schema: SCHEMA,
                    untorn: "0.1.0".to_owned(),
                    statement,
                    binding,
                    seed,
                    begun: begun.map(Moment::from_millis),
                    micros,
                    interrupted,
                    shard,
                    under_test,
                    declared,
                    results,
                    stale_expectations,
                }
            },
        )
}

/// A report of one case.
pub(crate) fn of_case(id: &str, status: Status) -> CaseResult {
    CaseResult {
        id: id.to_owned(),
        revision: 1,
        suite: "toy".to_owned(),
        purpose: "A purpose.".to_owned(),
        requirements: vec!["A-1".to_owned()],
        twin: None,
        risk: Risk::ReadOnly,
        status,
        replay: format!("{id}@1/toy/7/-"),
        micros: 0,
        expected: None,
        evidence: Vec::new(),
        evidence_file: None,
    }
}

/// A report of these.
pub(crate) fn of(results: Vec<CaseResult>) -> TestReport {
    TestReport {
        schema: SCHEMA,
        untorn: "0.1.0".to_owned(),
        statement: "toy".to_owned(),
        binding: "in process".to_owned(),
        seed: 7,
        begun: None,
        micros: 0,
        interrupted: false,
        shard: None,
        under_test: UnderTest::default(),
        declared: Vec::new(),
        results,
        stale_expectations: Vec::new(),
    }
}

pub(crate) fn passed() -> Status {
    Status::Ran { verdict: Verdict::Pass, reason: None, rests_on: None }
}

pub(crate) fn failed() -> Status {
    Status::Ran { verdict: Verdict::Fail, reason: Some("expected 9000, got 6A82".to_owned()), rests_on: Some(2) }
}
