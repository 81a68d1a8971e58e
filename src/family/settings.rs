//! What a person sets of a family's terminal: `--set FAMILY.grant=debit,read`. Which settings there are, each family says.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::error::FamilyError;

/// The setting that says what a terminal may do with cards, by convention of all families.
pub const GRANT: &str = "grant";

/// A setting that a family knows.
#[derive(Debug, Clone, Copy)]
pub struct SettingSpec {
    /// Without the family: `grant`.
    pub name: &'static str,
    /// What values it takes, in words.
    pub values: &'static str,
    /// The values, or the words of a list with commas, where there are few.
    pub choices: &'static [&'static str],
    /// Whether it takes this value.
    pub takes: fn(&str) -> bool,
    /// What it does, in a sentence.
    pub help: &'static str,
}

/// One setting as it is said on a command line: `FAMILY.NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Of which family.
    pub family: String,
    /// Which.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl FromStr for Setting {
    type Err = FamilyError;

    fn from_str(text: &str) -> Result<Self, FamilyError> {
        let parts = text.split_once('=').and_then(|(path, value)| Some((path.split_once('.')?, value)));
        match parts {
            Some(((family, name), value)) if !family.is_empty() && !name.is_empty() => {
                Ok(Self { family: family.to_owned(), name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err(FamilyError::Setting {
                name: "--set".to_owned(),
                expected: "FAMILY.NAME=VALUE".to_owned(),
                got: text.to_owned(),
            }),
        }
    }
}

impl SettingSpec {
    /// Refuses what it does not take.
    ///
    /// # Errors
    /// What it takes, and what came.
    pub fn check(&self, family: &str, value: &str) -> Result<(), FamilyError> {
        if (self.takes)(value) { Ok(()) } else { Err(self.refusal(family, value)) }
    }

    /// What is said of a value that it does not take.
    pub fn refusal(&self, family: &str, value: &str) -> FamilyError {
        let (name, expected) = (format!("{family}.{}", self.name), self.values.to_owned());
        FamilyError::Setting { name, expected, got: value.to_owned() }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}={}", self.family, self.name, self.value)
    }
}

/// All settings of a run. The later of two for the same name counts.
///
/// ```
/// use untorn::family::settings::Settings;
/// let settings: Settings = ["ticket.grant=read".parse().unwrap()].into_iter().collect();
/// assert_eq!(settings.of("ticket", "grant"), Some("read"));
/// assert_eq!(settings.of("ticket", "suite"), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<(String, String), String>);

impl Settings {
    /// The value of a setting, if a person has given one.
    pub fn of(&self, family: &str, name: &str) -> Option<&str> {
        self.0.get(&(family.to_owned(), name.to_owned())).map(String::as_str)
    }

    /// Adds one.
    pub fn set(&mut self, family: &str, name: &str, value: &str) {
        self.0.insert((family.to_owned(), name.to_owned()), value.to_owned());
    }
}

impl FromIterator<Setting> for Settings {
    fn from_iter<I: IntoIterator<Item = Setting>>(settings: I) -> Self {
        Self(settings.into_iter().map(|setting| ((setting.family, setting.name), setting.value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_as_it_is_written_and_nothing_else_is_one() {
        for text in ["ticket.grant=debit,read", "ticket.x=", "a.b=c=d.e"] {
            assert_eq!(text.parse::<Setting>().unwrap().to_string(), text);
        }
        for wrong in ["", "ticket", "ticket.grant", "grant=read", ".grant=read", "ticket.=read", "="] {
            assert!(wrong.parse::<Setting>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_later_setting_counts() {
        let settings: Settings = ["a.b=1", "a.b=2", "c.b=3"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(settings.of("a", "b"), Some("2"));
    }
}
