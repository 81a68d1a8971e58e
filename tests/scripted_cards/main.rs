//! Cards from public reports, as tables of commands and answers: whoever does what its standard permits is failed by no case, and what is
//! wrong by a clause is. Each file in cards/ names its report, and beside each verdict other than pass the clause on which it rests.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

mod card;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use card::{Manner, Rule, Scripted};
use serde::Deserialize;
use untorn::conformance::error::RigError;
use untorn::conformance::result::{CaseResult, Status, TestReport};
use untorn::conformance::rig::InProcessSubject;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::statement::{Statement, Value};
use untorn::conformance::verdict::Verdict;
use untorn::wire::hex;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The report, or document and clause.
    source: String,
    /// What came of the card there, and what is right.
    about: String,
    kind: Option<String>,
    /// More than those of base.toml.
    #[serde(default)]
    claims: BTreeSet<String>,
    /// Of base.toml's, not claimed.
    #[serde(default)]
    drops: BTreeSet<String>,
    #[serde(default)]
    values: BTreeMap<String, Value>,
    manner: Option<Manner>,
    atr: Option<String>,
    /// Cases that do not pass.
    #[serde(default)]
    verdicts: BTreeMap<String, Expected>,
    /// The cases that say why block others.
    #[serde(default)]
    blocks: bool,
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    verdict: Verdict,
    clause: String,
    /// Words of the reason.
    #[serde(default)]
    says: String,
}

fn read(path: &Path) -> File {
    toml::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripted_cards"))
}

fn cards() -> Vec<(String, File)> {
    let mut paths: Vec<_> = fs::read_dir(folder().join("cards")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(path))).collect()
}

fn tested(name: &str, file: &File, kind: Option<&str>) -> TestReport {
    let base = read(&folder().join("base.toml"));
    let claims = base.claims.iter().chain(&file.claims).filter(|claim| !file.drops.contains(*claim)).cloned().collect();
    let values = base.values.into_iter().chain(file.values.clone()).collect();
    let statement =
        Statement { name: name.to_owned(), kind: file.kind.clone(), claims, values, ..Statement::default() };
    let statement = statement.of_kind(kind).unwrap();
    statement.review().unwrap();
    let rules: Vec<Rule> = file.rule.iter().chain(&base.rule).cloned().collect();
    let manner = file.manner.or(base.manner).unwrap();
    let atr = hex::parse(file.atr.as_ref().or(base.atr.as_ref()).unwrap()).unwrap();
    let make = |_| {
        Ok::<_, RigError>(Box::new(Scripted::new(rules.clone(), manner, atr.clone())) as Box<dyn untorn::card::Card>)
    };
    let mut subject = InProcessSubject::new(statement, make);
    let cases = untorn::suite::iso7816_4::cases();
    run(&cases, &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved)
}

fn told(result: &CaseResult) -> String {
    format!("{} {}: {}", result.id, result.standing(), result.reason().unwrap_or_default())
}

/// One line for each case that does not come to what the file says.
fn differences(name: &str, file: &File, kind: Option<&str>) -> Vec<String> {
    let report = tested(name, file, kind);
    let mut wrong = Vec::new();
    for result in &report.results {
        let expected = file.verdicts.get(&result.id);
        let right = match (&result.status, expected) {
            (Status::Ran { verdict, reason, .. }, Some(expected)) => {
                *verdict == expected.verdict && reason.as_deref().unwrap_or_default().contains(&expected.says)
            }
            (Status::Ran { verdict, .. }, None) => *verdict == Verdict::Pass,
            (Status::Blocked { .. }, _) => file.blocks && expected.is_none(),
            (_, expected) => expected.is_none(),
        };
        if !right {
            wrong.push(format!("{name} ({kind:?}): {}", told(result)));
        }
    }
    let known = |id: &&String| report.results.iter().any(|result| result.id == **id);
    wrong.extend(file.verdicts.keys().find(|id| !known(id)).map(|id| format!("{name}: there is no case {id}")));
    wrong
}

#[test]
fn no_card_is_accused_but_of_what_its_file_says() {
    let cards = cards();
    let mut wrong = Vec::new();
    for (name, file) in &cards {
        assert!(!file.source.is_empty() && !file.about.is_empty(), "{name}");
        assert!(file.verdicts.values().all(|expected| !expected.clause.is_empty()), "{name}");
        wrong.extend(differences(name, file, None));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cards.len() >= 20, "{} cards", cards.len());
}

/// What a kind permits is never more than the standard lets a card do: no verdict gets worse by naming one. Of a card of another kind it
/// may be inconclusive.
#[test]
fn no_kind_makes_an_accusation() {
    for (name, file) in cards().iter().filter(|(_, file)| !file.blocks && file.kind.is_none()) {
        for kind in ["iso", "javacard"] {
            let wrong = differences(name, file, Some(kind));
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }
}

/// A base that answers everything would make every file pass.
#[test]
fn each_defect_of_a_file_is_noticed_only_because_of_its_rules() {
    let base = read(&folder().join("base.toml"));
    let plain = File { rule: Vec::new(), ..read(&folder().join("cards/fido32.toml")) };
    assert!(!base.rule.is_empty());
    assert!(!differences("fido32 without its rules", &plain, None).is_empty());
}
