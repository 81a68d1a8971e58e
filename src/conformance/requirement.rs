//! Catalogues of requirements: specs/*.toml, the machine-readable twins of the specifications.

use serde::Deserialize;

/// A specification's requirements.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Catalogue {
    /// Its name.
    pub specification: String,
    /// Its revision.
    pub revision: u32,
    /// In the order of the text.
    #[serde(rename = "requirement")]
    pub requirements: Vec<Requirement>,
    /// Requirements that no case proves, each with its reason.
    #[serde(default, rename = "exception")]
    pub exceptions: Vec<Exception>,
}

/// One claim that an implementation can be seen to break.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Requirement {
    /// Its stable id.
    pub id: String,
    /// Of the specification.
    pub clause: String,
    /// In our own words.
    pub text: String,
    /// Document, edition and clause of the standard that it restates.
    #[serde(default)]
    pub source: Option<String>,
}

/// Why no case proves a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Exception {
    /// Its stable id.
    pub requirement: String,
    /// One sentence.
    pub reason: String,
}

impl Catalogue {
    /// From TOML.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}

/// A known defect that no mutant represents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unrepresented {
    /// The defect, in a sentence.
    pub line: String,
    /// One sentence.
    pub reason: String,
}

/// A file of exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// One for each requirement.
    #[serde(default)]
    pub exception: Vec<Exception>,
    /// One for each known defect.
    #[serde(default)]
    pub defect: Vec<Unrepresented>,
    /// One for each case that no mutant stands behind.
    #[serde(default)]
    pub orphan: Vec<Orphan>,
}

/// A case that no mutant stands behind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orphan {
    /// Id of the case.
    pub case: String,
    /// One sentence.
    pub reason: String,
}

impl Exceptions {
    /// From TOML.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn parse(text: &str) -> Result<Vec<Exception>, String> {
        toml::from_str::<Self>(text).map(|file| file.exception).map_err(|error| error.to_string())
    }
}
