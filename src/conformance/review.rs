//! The static review (ITU-T X.290 (1995), 7.2): do statement and cases speak of the same things? Before anything is touched, for a slip
//! of the keyboard in a claim reads as "not applicable", and that as clean.

use crate::quoted::quoted;
use std::collections::BTreeSet;

use super::case::Case;
use super::statement::Statement;
use super::wanted::Wanted;

/// Names closer than this are named as what was perhaps meant (Jaro-Winkler, 0 to 1).
const NEAR: f64 = 0.8;
/// As many of them.
const NEAREST_MAX: usize = 3;
/// How a card is identified, and which number it must have; no case asks for them.
const IDENTITY: [&str; 2] = ["identity", "identity.number"];

/// Adds to each case the values that its claims need: of the table's claims those that are its suite or stand in its needs.
#[must_use]
pub fn with_values(cases: Vec<Case>, table: &[(&str, Wanted)]) -> Vec<Case> {
    let told = |mut case: Case| {
        let of_case = |claim: &str| case.suite == claim || case.needs.iter().any(|need| need == claim);
        let wanted: Vec<Wanted> =
            table.iter().filter(|(claim, _)| of_case(claim)).map(|(_, wanted)| wanted.clone()).collect();
        case.values.extend(wanted);
        case
    };
    cases.into_iter().map(told).collect()
}

/// What claims there are: what cases need, and what `more` lists because it is asked for in no other way.
pub fn claims_of<'a>(cases: &'a [Case], more: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let needed = cases.iter().flat_map(|case| &case.needs).map(|need| need.strip_prefix('!').unwrap_or(need));
    needed.chain(more).collect()
}

/// What is wrong with the statement in the light of these cases, each in a sentence: claims that mean nothing, values that are missing.
/// `under_test` are the cases that it is about.
pub fn statement<'c>(
    statement: &Statement,
    claims: &BTreeSet<&str>,
    under_test: impl IntoIterator<Item = &'c Case>,
) -> Vec<String> {
    let strange = statement.claims.iter().filter(|claim| !claims.contains(claim.as_str()));
    let mut wrong: Vec<String> = strange
        .map(|claim| match perhaps(claim, claims.iter().copied()) {
            near if near.is_empty() => {
                format!(
                    "no case knows the claim {claim}; is the file of its cases (--cases) missing?",
                    claim = quoted(claim)
                )
            }
            near => format!("no case knows the claim {claim}{near}", claim = quoted(claim)),
        })
        .collect();
    let mut seen: Vec<&Wanted> = Vec::new();
    for case in under_test.into_iter().filter(|case| applies(case, statement)) {
        for wanted in case.values.iter().filter(|wanted| !wanted.optional && !wanted.is_given_by(statement)) {
            if !seen.contains(&wanted) {
                seen.push(wanted);
                let needs: Vec<&str> = case.needs.iter().map(String::as_str).collect();
                wrong.push(format!("{} is missing: {} needs it ({})", wanted.told(), case.id, needs.join(", ")));
            }
        }
    }
    wrong
}

/// Values that no case asks for, each in a sentence. `more` are names that are asked for in another way.
pub fn idle_values(statement: &Statement, cases: &[Case], more: &[&str]) -> Vec<String> {
    let asked = |name: &str| {
        let by_case = cases.iter().flat_map(|case| &case.values).any(|wanted| wanted.is(name));
        by_case || IDENTITY.contains(&name) || more.contains(&name)
    };
    let names: BTreeSet<&str> = cases.iter().flat_map(|case| &case.values).map(|w| w.name.as_str()).collect();
    let given = statement.values.keys().chain(statement.secrets.keys());
    given
        .filter(|name| !asked(name))
        .map(|name| {
            format!("nothing asks for the value {name}{}", perhaps(name, names.iter().copied()), name = quoted(name))
        })
        .collect()
}

/// A need of a case from a file that can never be met: a part of a vocabulary that is known and has no such part.
pub fn strange_need(case: &Case, claims: &BTreeSet<&str>) -> Option<String> {
    let first = |claim: &str| claim.split('.').next().unwrap_or_default().to_owned();
    let known: BTreeSet<String> = claims.iter().map(|claim| first(claim)).collect();
    let need = case.needs.iter().find(|need| {
        let need = need.strip_prefix('!').unwrap_or(need);
        !claims.contains(need) && known.contains(&first(need))
    })?;
    Some(format!("needs: there is no claim {need}{}", perhaps(need, claims.iter().copied()), need = quoted(need)))
}

/// Needs that are not claimed and read like a slip for one that is, each in a sentence. `built_in` are words that are no slip.
pub fn near_needs(statement: &Statement, cases: &[Case], built_in: &BTreeSet<&str>) -> Vec<String> {
    let dots = |claim: &str| claim.matches('.').count();
    let mut told = Vec::new();
    for case in cases {
        for need in &case.needs {
            let claim = need.strip_prefix('!').unwrap_or(need);
            let alike = statement.claims.iter().map(String::as_str).filter(|other| dots(other) == dots(claim));
            let near = perhaps(claim, alike);
            if !statement.claims(claim) && !built_in.contains(claim) && !near.is_empty() {
                told.push(format!("{} needs {need}, which is not claimed{near}", case.id, need = quoted(need)));
            }
        }
    }
    told
}

fn applies(case: &Case, statement: &Statement) -> bool {
    case.needs.iter().all(|need| match need.strip_prefix('!') {
        Some(claim) => !statement.claims(claim),
        None => statement.claims(need),
    })
}

/// `; perhaps "that"`, where something is near.
pub fn perhaps<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let near: Vec<String> = near.iter().take(NEAREST_MAX).map(|(_, name)| quoted(name)).collect();
    if near.is_empty() { String::new() } else { format!("; perhaps {}", near.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Vec<Case> {
        let case = |id, need: &str| Case::new(id, "A purpose.").needs(&["toy", need]);
        let table = [("toy", Wanted::text("toy.aid")), ("toy.pin", Wanted::secret("toy.pin"))];
        with_values(vec![case("TOY-READ-001", "toy.read"), case("TOY-PIN-001", "toy.pin")], &table)
    }

    fn reviewed(text: &str) -> Vec<String> {
        let (cases, given) = (cases(), Statement::parse(text).unwrap());
        statement(&given, &claims_of(&cases, []), &cases)
    }

    #[test]
    fn a_claim_that_no_case_knows_is_named_with_the_one_that_was_meant() {
        let wrong = reviewed("name = 'x'\nclaims = ['toy', 'toy.reed']\n");
        assert_eq!(wrong, [r#"no case knows the claim "toy.reed"; perhaps "toy.read" or "toy""#]);
        assert_eq!(reviewed("name = 'x'\nclaims = ['toy']\n"), [""; 0], "no case applies, so nothing is missing");
    }

    #[test]
    fn a_value_of_the_wrong_kind_or_place_is_missing() {
        let told = r#"[values] "toy.aid" (a text) is missing: TOY-READ-001 needs it (toy, toy.read)"#;
        let claims = "name = 'x'\nclaims = ['toy', 'toy.read']\n[values]\n";
        assert_eq!(reviewed(&format!("{claims}'toy.aid' = 1\n")), [told]);
        assert_eq!(reviewed(&format!("{claims}'toy.aid' = 'A0'\n")), [""; 0]);
        let pin = "name = 'x'\nclaims = ['toy', 'toy.pin']\n[values]\n'toy.aid' = 'A0'\n'toy.pin' = '1234'\n";
        assert!(reviewed(pin)[0].starts_with(r#"[secrets] "toy.pin" (a text) is missing"#));
    }

    #[test]
    fn a_value_that_nobody_asks_for_is_told() {
        let given = Statement::parse("name = 'x'\n[values]\n'toy.ade' = 'A0'\nidentity = '00CA'\nmore = 1\n").unwrap();
        let idle = idle_values(&given, &cases(), &["more"]);
        assert_eq!(idle, [r#"nothing asks for the value "toy.ade"; perhaps "toy.aid" or "toy.pin""#]);
    }

    #[test]
    fn a_need_that_reads_like_a_claim_is_told() {
        let given = Statement::parse("name = 'x'\nclaims = ['newcomer']\n").unwrap();
        let case = |need: &str| [Case::new("MINE-1", "A purpose.").needs(&[need])];
        let built_in = BTreeSet::from(["newcomers"]);
        let told = near_needs(&given, &case("newcommer"), &built_in);
        assert_eq!(told, [r#"MINE-1 needs "newcommer", which is not claimed; perhaps "newcomer""#]);
        for need in ["newcomer", "newcomer.pin", "newcomers", "other"] {
            assert_eq!(near_needs(&given, &case(need), &built_in), [""; 0], "{need}");
        }
    }

    #[test]
    fn a_need_outside_a_known_vocabulary_is_strange_and_a_word_of_one_s_own_is_not() {
        let (cases, claims) = (cases(), ["toy", "toy.read"]);
        let claims = claims_of(&cases, claims);
        let needs = |need: &str| strange_need(&Case::new("MINE-1", "A purpose.").needs(&[need]), &claims);
        assert!(needs("toy.strickt").unwrap().contains("no claim \"toy.strickt\""));
        assert!(needs("!toy.reed").unwrap().contains("toy.read"));
        assert_eq!((needs("toy.read"), needs("mine.own")), (None, None));
    }
}
