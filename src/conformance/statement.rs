//! What is claimed of a card (ICS, implementation conformance statement) and what a test needs to know of it (IXIT, implementation
//! extra information for testing); ITU-T X.296 (1995), 6 and 7.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::verdict::{OrStop, Stop};
use crate::malformed;
use crate::quoted::quoted;

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Keeps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What must not be logged, journalled or reported.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(****)")
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// ICS and IXIT of one implementation under test.
///
/// ```
/// use untorn::conformance::statement::Statement;
/// let text = "name = 'mine'\nclaims = ['ticket', 'ticket.sealed']\n[values]\n'ticket.keys' = 'test'\n[secrets]\n'ticket.pin' = '1234'\n";
/// let statement = Statement::parse(text).unwrap();
/// assert!(statement.claims("ticket.sealed") && !statement.claims("ticket.open"));
/// assert!(!format!("{statement:?}").contains("1234"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// By which reports name it.
    pub name: String,
    /// One line for people.
    #[serde(default)]
    pub description: String,
    /// Which kind of card it is ([`super::kind`]).
    #[serde(default)]
    pub kind: Option<String>,
    /// ICS: what is claimed. A dot says that the first part must be claimed too.
    #[serde(default)]
    pub claims: BTreeSet<String>,
    /// IXIT: key references, limits, time-outs, by name.
    #[serde(default)]
    pub values: BTreeMap<String, Value>,
    /// IXIT that is not shown: PINs.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretText>,
}

/// One value of an IXIT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A count, a limit, milliseconds.
    Number(u64),
    /// A name, or octets in hex.
    Text(String),
}

/// A statement that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not TOML, or not of this shape.
    #[error("statement: {0}")]
    Syntax(String),
    /// A claim without the one that it rests on.
    #[error("statement: {} is claimed without {}, on which it rests", quoted(claim), quoted(needs))]
    Review {
        /// The claim.
        claim: String,
        /// What is missing.
        needs: String,
    },
}

impl Statement {
    /// From TOML, with the static review: a claim rests on all of its dotted prefixes.
    pub fn parse(text: &str) -> Result<Self, StatementError> {
        let statement: Self =
            toml::from_str(text).map_err(|error| StatementError::Syntax(malformed::toml(text, &error)))?;
        statement.review()?;
        Ok(statement)
    }

    /// The static review (ITU-T X.290 (1995), 7.2): whether the claims fit together at all.
    pub fn review(&self) -> Result<(), StatementError> {
        for claim in &self.claims {
            if let Some((needs, _)) = claim.rsplit_once('.')
                && !self.claims.contains(needs)
            {
                return Err(StatementError::Review { claim: claim.clone(), needs: needs.to_owned() });
            }
        }
        Ok(())
    }

    /// Adds a claim.
    #[must_use]
    pub fn claim(mut self, claim: &str) -> Self {
        self.claims.insert(claim.to_owned());
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, name: &str, number: u64) -> Self {
        self.values.insert(name.to_owned(), Value::Number(number));
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.values.insert(name.to_owned(), Value::Text(text.to_owned()));
        self
    }

    /// A text of the IXIT; its lack is an error of the statement.
    pub fn text_of(&self, name: &str) -> OrStop<&str> {
        match self.values.get(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(Stop::error(format!("the statement gives no text {name}", name = quoted(name)))),
        }
    }

    /// A secret of the IXIT; its lack is an error of the statement.
    pub fn secret_of(&self, name: &str) -> OrStop<&SecretText> {
        self.secrets
            .get(name)
            .ok_or_else(|| Stop::error(format!("the statement gives no secret {name}", name = quoted(name))))
    }

    /// Whether it is claimed.
    pub fn claims(&self, claim: &str) -> bool {
        self.claims.contains(claim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parser's own text quotes the line at which it stops.
    #[test]
    fn what_is_wrong_is_named_with_its_place_and_without_the_secret() {
        for (secret, place) in [
            ("'my.pin' = 2468", "line 3, column 12: expected a string"),
            ("'my.pin' = 24682468246824682468", "line 3, column 12: expected a string"),
            ("'my.pin' = \"2468", "line 3, column 17: invalid basic string"),
            ("'my.pin' = ['2468']", "line 3, column 12: expected a string"),
            ("[secrets.'my.pin']\nis = '2468'", "expected a string"),
        ] {
            let error = Statement::parse(&format!("name = 'x'\n[secrets]\n{secret}\n")).unwrap_err().to_string();
            assert!(error.contains(place) && !error.contains("2468"), "{error}");
        }
        let error = Statement::parse("name = 'x'\nsecrets = '2468'\n").unwrap_err().to_string();
        assert_eq!(error, "statement: line 2, column 11: expected a map");
    }
}
