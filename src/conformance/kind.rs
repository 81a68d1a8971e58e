//! Kinds of cards: what they permit where they differ from the strictest reading of the standard, as ready-made claims and values
//! (specs/kinds.toml).

use crate::quoted::quoted;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::statement::{Statement, Value};

/// A kind of card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// By which statements name it.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// What it permits.
    #[serde(default, rename = "permit")]
    pub permits: Vec<Permit>,
}

/// One thing that a kind permits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    /// In a sentence.
    pub what: String,
    /// Document, edition and clause.
    pub source: String,
    /// Claims that a statement of this kind makes by it.
    #[serde(default)]
    pub claims: BTreeSet<String>,
    /// Values that it has by it, unless it gives others.
    #[serde(default)]
    pub values: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Vec<Kind>,
}

/// All kinds there are.
///
/// # Errors
/// The file is malformed, in words.
pub fn kinds() -> Result<Vec<Kind>, String> {
    let file: File = toml::from_str(include_str!("../../specs/kinds.toml")).map_err(|error| error.to_string())?;
    Ok(file.kind)
}

impl Statement {
    /// With what its kind permits; what it says itself comes first. `kind` is that of the command line, which comes before its own.
    ///
    /// # Errors
    /// There is no such kind, in words.
    pub fn of_kind(mut self, kind: Option<&str>) -> Result<Self, String> {
        let Some(name) = kind.map(str::to_owned).or_else(|| self.kind.clone()) else { return Ok(self) };
        let kinds = kinds()?;
        let Some(kind) = kinds.iter().find(|kind| kind.name == name) else {
            let known: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
            return Err(format!("there is no kind {name}; there are: {}", known.join(", "), name = quoted(name)));
        };
        for permit in &kind.permits {
            // A claim rests on its first part: a card that does not claim the suite is not of any kind to it.
            let rests = |claim: &&String| claim.rsplit_once('.').is_none_or(|(part, _)| self.claims(part));
            let claims: Vec<String> = permit.claims.iter().filter(rests).cloned().collect();
            self.claims.extend(claims);
            for (name, value) in &permit.values {
                self.values.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        self.kind = Some(name);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_s_own_values_come_before_those_of_its_kind() {
        let text = "name = 'x'\nkind = 'uicc'\nclaims = ['iso7816_4']\n[values]\n'iso7816_4.select_p2' = '0C'\n";
        let statement = Statement::parse(text).unwrap().of_kind(None).unwrap();
        assert_eq!(statement.text_of("iso7816_4.select_p2"), Ok("0C"));
        assert_eq!(statement.text_of("iso7816_4.get_response_class"), Ok("00"));
        let other = Statement::parse(text).unwrap().of_kind(Some("javacard")).unwrap();
        assert!(
            other.claims("iso7816_4.select_may_open") && !other.values.contains_key("iso7816_4.get_response_class")
        );
        let error = Statement::parse(text).unwrap().of_kind(Some("jcop")).unwrap_err();
        assert_eq!(error, "there is no kind \"jcop\"; there are: iso, javacard, uicc");
    }

    /// What is written for people has all that is written for machines.
    #[test]
    fn kinds_md_lists_every_permission_with_its_source() {
        let text = include_str!("../../specs/kinds.md");
        for kind in kinds().unwrap() {
            let rows: Vec<&str> = text.lines().filter(|row| row.contains(&format!("| `{}` |", kind.name))).collect();
            assert_eq!(rows.len(), kind.permits.len().max(1), "{}", kind.name);
            for (permit, row) in kind.permits.iter().zip(rows) {
                assert!(
                    permit.source.contains("ISO/IEC")
                        || permit.source.contains("ETSI")
                        || permit.source.contains("Java Card")
                );
                let said = permit.values.values().all(|value| match value {
                    Value::Text(text) => text.split(' ').all(|word| row.contains(word)),
                    Value::Number(number) => row.contains(&number.to_string()),
                });
                assert_eq!(permit.source.contains("not checked"), row.contains("not checked"), "{row}");
                assert!(said && permit.claims.iter().all(|claim| row.contains(claim.as_str())), "{row}: {permit:?}");
            }
        }
    }
}
