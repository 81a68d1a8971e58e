//! Every octet explained: for whatever passes between a terminal and a card of the purse, the fields of its explanation lie side by side
//! from the first octet to the last, and none of them is left without a name.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::collections::BTreeMap;

use untorn::app::suites::cases;
use untorn::conformance::evidence::Seen;
use untorn::conformance::result::CaseResult;
use untorn::conformance::rig::InProcessSubject;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::family::conversation::{Conversation, Passed};
use untorn::family::families;
use untorn::wire::explain::{Explanation, Field, partition};
use untorn::wire::hex;

/// The evidence of a case as a conversation, and each event's octets.
fn explained(result: &CaseResult) -> Vec<(Vec<u8>, Option<Explanation>)> {
    let octets = |seen: &Seen| match seen {
        Seen::Command { octets, .. } | Seen::Response { octets } => hex::parse(octets).unwrap(),
        _ => Vec::new(),
    };
    let all: Vec<Vec<u8>> = result.evidence.iter().map(|line| octets(&line.what)).collect();
    let keys: Vec<(Vec<u8>, Vec<u8>)> = result
        .evidence
        .iter()
        .map(|line| match &line.what {
            Seen::Key { of, secret } => (hex::parse(of).unwrap(), hex::parse(secret).unwrap()),
            _ => (Vec::new(), Vec::new()),
        })
        .collect();
    let passed = result.evidence.iter().zip(&all).zip(&keys).map(|((line, octets), (of, secret))| match &line.what {
        Seen::AnswerToReset { .. } => Passed::Reset,
        Seen::PowerOff => Passed::PowerOff,
        Seen::Command { masked, .. } => Passed::Command { octets, masked: *masked },
        Seen::Response { .. } => Passed::Answer(octets),
        Seen::NoAnswer { .. } => Passed::Silence,
        Seen::Key { .. } => Passed::Key { of, secret },
        _ => Passed::Other,
    });
    let explained = Conversation::explain(passed);
    all.into_iter().zip(explained).collect()
}

/// The names of all fields without fields inside them, plain text included.
fn leaves(fields: &[Field], found: &mut BTreeMap<String, u64>) {
    for field in fields {
        if field.fields.is_empty() {
            *found.entry(field.name.clone()).or_default() += 1;
        }
        leaves(&field.fields, found);
        leaves(field.plain.as_ref().map_or(&[], |plain| &plain.fields), found);
    }
}

#[test]
fn every_octet_of_the_whole_suite_is_in_one_field() {
    let family = &families()[0];
    let statement = family.statement("default").unwrap();
    let mut subject = InProcessSubject::new(statement, |seed| family.virtual_card("default", seed, None));
    let report = run(&cases(), &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved);
    let (mut names, mut octets, mut apdus) = (BTreeMap::new(), 0, 0);
    for result in &report.results {
        for (passed, explanation) in explained(result) {
            let Some(explanation) = explanation else { continue };
            partition(&explanation.fields, 0, passed.len())
                .unwrap_or_else(|gap| panic!("{}: {}: {gap}", result.id, hex::encode(&passed)));
            leaves(&explanation.fields, &mut names);
            if explanation.fields.iter().any(|f| f.name=="data") { println!("DATA {} {} {}", result.id, explanation.summary, hex::encode(&passed[..passed.len().min(40)])); }
            let t=explanation.listing(); if t.contains("not known") || t.contains("wrong") || t.contains("not seen") { println!("KEY {} {} {}", result.id, explanation.summary, t.lines().filter(|l| l.contains("not known")||l.contains("wrong")||l.contains("not seen")).next().unwrap()); }
            (octets, apdus) = (octets + passed.len(), apdus + 1);
        }
    }
    for (name, count) in &names {
        println!("{count:>8}  {name}");
    }
    println!("{octets} octets of {apdus} commands and answers, {} names", names.len());
    assert!(apdus > 1000, "{apdus}");
}
