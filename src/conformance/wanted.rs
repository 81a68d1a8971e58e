//! What a case asks of a statement.

use super::statement::{Statement, Value};
use crate::quoted::quoted;

/// A value of the statement (IXIT) without which a case cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name; with `*` at the end, one at least that begins so.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The case runs without it too.
    pub optional: bool,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In `values`.
    Text,
    /// In `values`.
    Number,
    /// In `secrets`.
    Secret,
    /// In `secrets` or in `values`: as the card's owner takes it.
    Octets,
}

impl Wanted {
    /// A text.
    pub fn text(name: &str) -> Self {
        Self { name: name.to_owned(), kind: Kind::Text, optional: false }
    }

    /// A number.
    pub fn number(name: &str) -> Self {
        Self { kind: Kind::Number, ..Self::text(name) }
    }

    /// A secret text.
    pub fn secret(name: &str) -> Self {
        Self { kind: Kind::Secret, ..Self::text(name) }
    }

    /// Octets, secret or not.
    pub fn octets(name: &str) -> Self {
        Self { kind: Kind::Octets, ..Self::text(name) }
    }

    /// The case runs without it too.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Whether it is meant by this name.
    pub(super) fn is(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == self.name,
        }
    }

    /// Whether the statement has it.
    pub(super) fn is_given_by(&self, statement: &Statement) -> bool {
        let secret = || statement.secrets.keys().any(|name| self.is(name));
        let value =
            |kind: fn(&Value) -> bool| statement.values.iter().any(|(name, value)| self.is(name) && kind(value));
        match self.kind {
            Kind::Secret => secret(),
            Kind::Text => value(|value| matches!(value, Value::Text(_))),
            Kind::Number => value(|value| matches!(value, Value::Number(_))),
            Kind::Octets => secret() || value(|value| matches!(value, Value::Text(_))),
        }
    }

    /// Where it belongs, for people.
    pub(super) fn told(&self) -> String {
        let (place, kind) = match self.kind {
            Kind::Number => ("[values]", "a number"),
            Kind::Text => ("[values]", "a text"),
            Kind::Secret => ("[secrets]", "a text"),
            Kind::Octets => ("[secrets] or [values]", "a text"),
        };
        format!("{place} {} ({kind})", quoted(&self.name))
    }
}
