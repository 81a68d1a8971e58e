//! What every report says of what was tested, and how long one may be that goes into a comment.

use untorn::conformance::evidence::{Line, Seen};
use untorn::conformance::result::{TestReport, UnderTest};
use untorn::report::suite::{ctrf, html, junit, markdown, merge, tap, text};

use crate::samples::{failed, of, of_case, passed};

fn of_mutant() -> TestReport {
    let under_test = UnderTest {
        profile: Some("euro".to_owned()),
        mutant: Some("debit-twice".to_owned()),
        card: Some("554E544F524E0001".to_owned()),
        atr: Some("3B80800101".to_owned()),
        protocol: Some("T=1".to_owned()),
        selection: vec!["TOY-A".to_owned()],
    };
    TestReport { under_test, shard: Some((2, 3)), ..of(vec![of_case("TOY-A-001", passed())]) }
}

#[test]
fn every_head_says_what_was_tested() {
    let report = of_mutant();
    let html = html::write(&report, &[]);
    let (markdown, junit) = (markdown::write(&report), junit::write(&report));
    for text in [html.as_str(), &markdown, &junit, &ctrf::write(&report), &tap::write(&report)] {
        for said in ["debit-twice", "euro", "554E544F524E0001", "3B80800101", "TOY-A"] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    for text in [html, markdown, text::write(&report, false), tap::write(&report)] {
        assert!(text.contains("toy, mutant debit-twice"), "a mutant is not the card: {text}");
    }
    assert!(junit.contains(r#"<property name="part" value="2 of 3"/>"#));
}

#[test]
fn parts_of_other_mutants_or_selections_are_not_of_one_run() {
    let part = |number, id: &str| TestReport { shard: Some((number, 2)), ..of(vec![of_case(id, passed())]) };
    let told = |under_test: UnderTest| {
        let second = TestReport { under_test, ..part(2, "TOY-A-002") };
        merge::merge(vec![part(1, "TOY-A-001"), second])
    };
    assert!(told(UnderTest::default()).is_ok());
    let mutant = UnderTest { mutant: Some("debit-twice".to_owned()), ..UnderTest::default() };
    assert!(told(mutant).unwrap_err().contains("debit-twice"));
    let selection = UnderTest { selection: vec!["TOY-*".to_owned()], ..UnderTest::default() };
    assert!(told(selection).unwrap_err().contains("TOY-*"));
}

/// GitHub takes 65,536 characters.
#[test]
fn markdown_fits_into_a_comment() {
    let mut results = Vec::new();
    for index in 0..2_000 {
        let mut result = of_case(&format!("TOY-A-{index:04}"), failed());
        let line =
            |number| Line { number, micros: 0, what: Seen::Note { text: format!("note {number} {}", "x".repeat(90)) } };
        result.evidence = (1..200).map(line).collect();
        result.purpose = "*".repeat(9_000);
        results.push(result);
    }
    let text = markdown::write(&of(results));
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    assert!(text.contains("| failed | 2000 |") && text.contains("TOY-A-0000"), "{text}");
    assert!(text.contains("note 199 ") && !text.contains("note 1 x"), "of a log the end is what counts");
    assert!(text.contains("more did not pass; there is no room for them here."), "what is left out is said");
}
