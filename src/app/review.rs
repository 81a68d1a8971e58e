//! What is told of a person's files, mutant and statement before anything is touched.

use std::path::{Path, PathBuf};

use super::{AppError, external_terminal, read_text, suites};
use crate::conformance::case::{Body, Case};
use crate::conformance::review;
use crate::conformance::statement::Statement;
use crate::conformance::terminal_tester::TerminalSubject;
use crate::family::families;
use crate::quoted::quoted;
use crate::sim::terminal_subject::{self, OwnTerminal};

/// The built-in cases and those of these files. An id is one case's: patterns, tokens and logs go by it.
pub(super) fn all_cases(files: &[PathBuf]) -> Result<Vec<Case>, AppError> {
    let built_in = suites::cases().into_iter().map(|case| (format!("the built-in suite {}", case.suite), case));
    let mut all: Vec<(String, Case)> = built_in.collect();
    let of_files = all.len();
    for path in files {
        for case in read_cases(path)? {
            let (id, place) = (&case.id, path.display().to_string());
            if let Some((other, _)) = all.iter().find(|(_, listed)| listed.id == *id) {
                return Err(AppError::Usage(format!(
                    "case {id} stands in {place} and in {other}; give one of them another id"
                )));
            }
            all.push((place, case));
        }
    }
    for (place, case) in &all[of_files..] {
        strange_words(case, &all)
            .map_err(|reason| AppError::Usage(format!("{place}: cases: {}: {reason}", case.id)))?;
    }
    Ok(all.into_iter().map(|(_, case)| case).collect())
}

/// What can be said of a file's case only together with all others.
fn strange_words(case: &Case, all: &[(String, Case)]) -> Result<(), String> {
    let ids = || all.iter().map(|(_, other)| other.id.as_str());
    if let Some(twin) = case.twin.as_ref().filter(|twin| ids().all(|id| id != **twin)) {
        return Err(format!("twin: there is no case {twin}{}", review::perhaps(twin, ids()), twin = quoted(twin)));
    }
    let (known, built_in) = (suites::cases(), built_in_claims());
    let claims = review::claims_of(&known, built_in.iter().map(String::as_str));
    review::strange_need(case, &claims).map_or(Ok(()), Err)
}

/// The static review of a person's statement; what they should know of it although it can be used.
pub(super) fn statement(
    statement: &Statement,
    path: &Path,
    cases: &[Case],
    is_tested: fn(&Body) -> bool,
) -> Result<Vec<String>, AppError> {
    let built_in = built_in_claims();
    let claims = review::claims_of(cases, built_in.iter().map(String::as_str));
    let tested = cases.iter().filter(|case| is_tested(&case.body));
    let path = path.display();
    let wrong = review::statement(statement, &claims, tested);
    if !wrong.is_empty() {
        return Err(AppError::Usage(format!("{path}: statement: {}", wrong.join("; "))));
    }
    let idle = review::idle_values(statement, cases, &external_terminal::values());
    let built_in = built_in.iter().map(String::as_str).collect();
    let idle = [idle, review::near_needs(statement, cases, &built_in)].concat();
    Ok(idle.iter().map(|idle| format!("{path}: statement: {idle}")).collect())
}

/// Of a card or of our own terminal; one that the chosen profile has not is refused where the card is made.
pub(super) fn mutant(name: &str) -> Result<(), AppError> {
    let of_families = families().iter().flat_map(|family| family.mutants());
    let known: Vec<&str> = of_families.chain(terminal_subject::mutants()).map(|mutant| mutant.name).collect();
    if known.contains(&name) {
        return Ok(());
    }
    let near = review::perhaps(name, known);
    Err(AppError::Usage(format!(
        "no card and no terminal has a mutant {name}{near}; see untorn mutants --list",
        name = quoted(name)
    )))
}

pub(super) fn read_statement(path: &Path) -> Result<Statement, AppError> {
    let text = read_text("read the statement", path)?;
    Statement::parse(&text).map_err(|error| AppError::Usage(format!("{}: {error}", path.display())))
}

fn read_cases(path: &Path) -> Result<Vec<Case>, AppError> {
    let text = read_text("read the cases", path)?;
    crate::conformance::steps::parse_cases(&text)
        .map_err(|error| AppError::Usage(format!("{}: {error}", path.display())))
}

/// What our own cards and terminal claim, for of some of it bodies ask and no case needs it; and what built-in cases need.
fn built_in_claims() -> Vec<String> {
    let profiles = families().iter().flat_map(|family| family.profiles().into_iter().map(move |name| (family, name)));
    let of_cards = profiles.filter_map(|(family, name)| family.statement(name).ok());
    let of_terminal =
        terminal_subject::variants().map(|(lab, variant)| OwnTerminal::new(lab, variant).statement().clone());
    let claimed = of_cards.chain(of_terminal).flat_map(|statement| statement.claims);
    let needed = suites::cases().into_iter().flat_map(|case| case.needs);
    claimed.chain(needed.map(|need| need.trim_start_matches('!').to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_stands_twice_is_refused_with_both_places() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, id: &str| {
            let path = folder.path().join(name);
            let text = format!(
                "suite = 'toy'\n[[case]]\nid = '{id}'\npurpose = 'p.'\nrisk = 'read_only'\n[[case.step]]\nsend = '00CA0000'\nexpect = '9000'\n"
            );
            std::fs::write(&path, text).unwrap();
            path
        };
        let (mine, twice, built_in) =
            (file("mine", "TOY-A-001"), file("twice", "TOY-A-001"), file("iso", "ISO-CLA-001"));
        assert!(all_cases(std::slice::from_ref(&mine)).is_ok());
        let error = |files: &[PathBuf]| all_cases(files).unwrap_err().to_string();
        let both = error(&[mine.clone(), twice.clone()]);
        assert!(both.contains(mine.to_str().unwrap()) && both.contains(twice.to_str().unwrap()), "{both}");
        let both = error(&[built_in]);
        assert!(both.contains("ISO-CLA-001 stands in") && both.contains("the built-in suite iso7816_4"), "{both}");
    }
}
