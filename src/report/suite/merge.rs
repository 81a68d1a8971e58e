//! The parts of one run, put together again.

use std::collections::BTreeSet;

use crate::conformance::result::{CaseResult, Declared, TestReport};
use crate::conformance::runner::doubt_without_twin;
use crate::counted::counted;
use crate::quoted::quoted;

/// One report of all parts (`--shard i/n`), its cases in the order of the suite. The durations add up; it began when the first part did.
///
/// # Errors
/// They are not the parts of one run, or not all of them, or a case stands in two: in words.
pub fn merge(parts: Vec<TestReport>) -> Result<TestReport, String> {
    let mut parts = parts;
    let of = check_parts(&parts)?;
    parts.sort_by_key(|part| part.shard);
    check_alike(&parts)?;
    let mut ids = BTreeSet::new();
    if let Some(twice) = parts.iter().flat_map(|part| &part.results).find(|result| !ids.insert(result.id.as_str())) {
        return Err(format!("case {} stands in two parts", twice.id));
    }
    let total: usize = parts.iter().map(|part| part.results.len()).sum();
    for (index, part) in parts.iter().enumerate() {
        // Parts take turns: the first has the first case, and one more than the last at most.
        let expected = total.saturating_sub(index).div_ceil(of);
        if part.results.len() != expected {
            return Err(format!(
                "part {} of {of} has {}, expected {expected} of {total}: were the same cases asked for?",
                index + 1,
                counted(part.results.len(), "case")
            ));
        }
    }
    Ok(put_together(parts, total))
}

/// How many parts there are.
fn check_parts(parts: &[TestReport]) -> Result<usize, String> {
    let mut seen = BTreeSet::new();
    let mut of = None;
    for part in parts {
        let Some((number, count)) = part.shard else {
            return Err(format!("the report of {} is no part: it was not made with --shard", part.statement));
        };
        if *of.get_or_insert(count) != count {
            return Err(format!("part {number} is of {count}, another is of {}", of.unwrap_or_default()));
        }
        if number == 0 || number > count {
            return Err(format!("there is no part {number} of {count}"));
        }
        if !seen.insert(number) {
            return Err(format!("part {number} of {count} is given twice"));
        }
    }
    let of = of.ok_or("no report is given")?;
    // Counted, not listed: a report may claim to be one of a thousand million.
    if let Some(missing) = (1..=of).find(|number| !seen.contains(number)) {
        return Err(format!("part {missing} of {of} is missing; {} of {of} are given", seen.len()));
    }
    Ok(of as usize)
}

fn check_alike(parts: &[TestReport]) -> Result<(), String> {
    let told = |part: &TestReport| {
        [
            ("statement", part.statement.clone()),
            ("seed", part.seed.to_string()),
            ("binding", part.binding.clone()),
            ("what was tested", tested(part)),
            ("version of untorn", part.untorn.clone()),
            ("version of the report", part.schema.to_string()),
        ]
    };
    let Some(first) = parts.first().map(told) else { return Ok(()) };
    for part in parts {
        for ((name, expected), (_, got)) in first.iter().zip(told(part)) {
            if *expected != got {
                return Err(format!(
                    "the parts are not of one run: {name}: {expected} and {got}",
                    expected = quoted(expected),
                    got = quoted(got)
                ));
            }
        }
    }
    Ok(())
}

/// All but the part: a run of a mutant, or of other cases, is another run.
fn tested(part: &TestReport) -> String {
    let facts = part.facts().into_iter().filter(|(name, _)| *name != "part");
    facts.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// Checked before: at least one, in order, each with its share.
fn put_together(parts: Vec<TestReport>, total: usize) -> TestReport {
    let mut whole = TestReport {
        results: Vec::with_capacity(total),
        stale_expectations: Vec::new(),
        shard: None,
        ..parts[0].clone()
    };
    whole.micros = parts.iter().fold(0, |sum, part| sum.saturating_add(part.micros));
    whole.begun = parts.iter().filter_map(|part| part.begun).min();
    whole.interrupted = parts.iter().any(|part| part.interrupted);
    let mut results: Vec<std::vec::IntoIter<CaseResult>> = Vec::with_capacity(parts.len());
    for part in parts {
        for stale in part.stale_expectations {
            if !whole.stale_expectations.contains(&stale) {
                whole.stale_expectations.push(stale);
            }
        }
        for (own, other) in whole.declared.iter_mut().zip(part.declared) {
            // Where this part tried it, and those before did not.
            if own.what == other.what && own.seen == Declared::NOT_TRIED {
                *own = other;
            }
        }
        results.push(part.results.into_iter());
    }
    while whole.results.len() < total {
        whole.results.extend(results.iter_mut().filter_map(Iterator::next));
    }
    // A case and its twin may have been in different parts.
    doubt_without_twin(&mut whole.results);
    whole
}
