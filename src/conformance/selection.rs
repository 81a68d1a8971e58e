//! Which cases run: the patterns that a person gives, the claims of the statement, the risk that is allowed.

use super::case::Case;
use super::facility::Facility;
use super::result::Status;
use super::risk::Risk;
use super::statement::Statement;

/// What is asked for and what is allowed.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Suites by name, or cases by id, `*` and `?` standing for any octets and any one. None: all.
    pub patterns: Vec<String>,
    /// The i-th of n parts, from 1.
    pub shard: Option<(u32, u32)>,
    /// The most that cases may do to the card.
    pub risk_max: Risk,
}

impl Default for Selection {
    fn default() -> Self {
        Self { patterns: Vec::new(), shard: None, risk_max: Risk::Irreversible }
    }
}

impl Selection {
    /// Whether a person asked for it.
    ///
    /// ```
    /// use untorn::conformance::case::Case;
    /// use untorn::conformance::selection::Selection;
    /// let selection = Selection { patterns: vec!["TRN-*".to_owned()], ..Selection::default() };
    /// assert!(selection.asks_for(&Case::new("TRN-LOSTRESP-004", "A purpose.")));
    /// assert!(!selection.asks_for(&Case::new("AUT-NONCE-001", "A purpose.")));
    /// ```
    pub fn asks_for(&self, case: &Case) -> bool {
        self.patterns.is_empty()
            || self.patterns.iter().any(|pattern| *pattern == case.suite || matches(pattern, &case.id))
    }

    /// Patterns that ask for none of these cases.
    pub fn unmatched<'s>(&'s self, cases: &[Case]) -> Vec<&'s str> {
        let finds = |pattern: &&String| cases.iter().any(|case| **pattern == case.suite || matches(pattern, &case.id));
        self.patterns.iter().filter(|pattern| !finds(pattern)).map(String::as_str).collect()
    }

    /// The cases that are asked for, in the order given; of these the part of this shard.
    pub fn choose<'c>(&self, cases: &'c [Case]) -> Vec<&'c Case> {
        let (part, parts) = self.shard.unwrap_or((1, 1));
        let asked = cases.iter().filter(|case| self.asks_for(case)).enumerate();
        let mine = asked.filter(|(index, _)| *index as u32 % parts == part - 1);
        mine.map(|(_, case)| case).collect()
    }

    /// Why a case does not run; `None` when it does.
    pub fn bars(&self, case: &Case, statement: &Statement, facilities: &[Facility]) -> Option<Status> {
        for need in &case.needs {
            let (claimed, reason) = match need.strip_prefix('!') {
                Some(claim) => (!statement.claims(claim), format!("{claim} is claimed")),
                None => (statement.claims(need), format!("{need} is not claimed")),
            };
            if !claimed {
                return Some(Status::NotApplicable { reason });
            }
        }
        if case.risk > self.risk_max {
            let reason = format!("it {}: name the card with --card to allow that", risk_in_words(case.risk));
            return Some(Status::Blocked { reason });
        }
        let lacking = case.facilities.iter().find(|facility| !facilities.contains(facility))?;
        Some(Status::Blocked { reason: format!("needs {lacking}") })
    }
}

const fn risk_in_words(risk: Risk) -> &'static str {
    match risk {
        Risk::ReadOnly => "only reads",
        Risk::CostsATry => "may cost a try of a key or PIN",
        Risk::Writes => "changes the card",
        Risk::Irreversible => "ruins the card",
    }
}

/// Whether `text` has this pattern, without regard to case.
fn matches(pattern: &str, text: &str) -> bool {
    let options = glob::MatchOptions { case_sensitive: false, ..glob::MatchOptions::default() };
    // Of a glob's signs only these two are ours: [ stands for itself.
    let pattern = pattern.replace('[', "[[]");
    glob::Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches_with(text, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_two_signs_and_no_regard_to_case() {
        for (pattern, fits) in
            [("TRX-*", true), ("trx-?-001", true), ("TRX-A-001", true), ("TRX-[AB]-001", false), ("*", true)]
        {
            assert_eq!(matches(pattern, "TRX-A-001"), fits, "{pattern}");
        }
        assert!(matches("TRX-[A", "TRX-[A"), "a bracket is a bracket");
    }
}
