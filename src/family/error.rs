//! What goes wrong at the doors of a family.

use crate::conformance::error::RigError;
use crate::quoted::quoted;

/// Why a family has no such thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FamilyError {
    /// The input: no family has this name.
    #[error("card family: expected one of {}, got {got}", .known.join(", "), got = quoted(.got))]
    NoFamily {
        /// Those there are.
        known: Vec<&'static str>,
        /// What was asked for.
        got: String,
    },
    /// The input: no built-in profile has this name.
    #[error("card profile: expected one of {}, got {got}", .known.join(", "), got = quoted(.got))]
    NoProfile {
        /// Those that people are told of.
        known: Vec<&'static str>,
        /// What was asked for.
        got: String,
    },
    /// The input: a text is not a profile; with line and column, what was expected and what came.
    #[error("{0}")]
    Profile(String),
    /// The input: no defect has this name.
    #[error("the {family} has no mutant {got}", got = quoted(.got))]
    NoMutant {
        /// Which family.
        family: &'static str,
        /// What was asked for.
        got: String,
    },
    /// The input: a setting that the family has not, or a value that it does not take.
    #[error("{name}: expected {expected}, got {got}", got = quoted(.got))]
    Setting {
        /// `FAMILY.NAME`.
        name: String,
        /// In words.
        expected: String,
        /// What was asked for.
        got: String,
    },
    /// The input: the memory is not that of a card of this profile.
    #[error("the virtual card: {0}")]
    Image(String),
    /// The family takes no orders, so that there is no terminal for it.
    #[error("cards of the profile {} take no orders: they can only be looked at and tested", quoted(.0))]
    NoTill(String),
    /// The terminal's keys cannot be used.
    #[error("the terminal's security module: {0}")]
    Module(String),
    /// Our bug: what is built in contradicts itself.
    #[error("untorn made a mistake (please report it): {0}")]
    BuiltIn(String),
}

impl From<FamilyError> for RigError {
    fn from(error: FamilyError) -> Self {
        Self::NotMade(error.to_string())
    }
}
