//! How often authentication was made to fail at a real card: written down before each attempt, so that no crash, no second run and no
//! other program of this person loses count. Two in a row are the most; a card that blocks after three stays alive.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::{AppError, place, whole_file};
use crate::conformance::error::RigError;
use crate::conformance::rig::Ledger;
use crate::locked::Locked;
use crate::malformed;

/// Most failed authentications in a row.
const FAILED_MAX: u32 = 2;

/// The file, for one card.
#[derive(Debug, Clone)]
pub struct FileLedger {
    path: PathBuf,
    card: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counts {
    /// Failures in a row, by the card's identity and which secret.
    failed_in_a_row: BTreeMap<String, u32>,
}

impl FileLedger {
    /// The ledger in the person's data directory.
    pub fn open(card: &str) -> Result<Self, AppError> {
        Ok(Self::at(
            place::data_file("failed-authentications.json", "set one; failed authentications are counted there")?,
            card,
        ))
    }

    /// A ledger in this file, made at the first entry.
    pub fn at(path: PathBuf, card: &str) -> Self {
        Self { path, card: card.to_owned() }
    }

    /// The same file, for another card.
    #[must_use]
    pub fn of(&self, card: &str) -> Self {
        Self::at(self.path.clone(), card)
    }

    fn entry(&self, secret: &str) -> String {
        format!("{} {secret}", self.card)
    }

    /// One process at a time: a count that is lost may cost a card its last try. The lock ends with the file.
    fn lock(&self) -> Result<Locked, RigError> {
        let lock = || {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            let path = self.path.with_extension("lock");
            let file = File::options().write(true).create(true).truncate(false).open(path)?;
            Locked::awaited(file)
        };
        lock().map_err(|error: io::Error| RigError::file("lock the ledger", &self.path, error))
    }

    fn read(&self) -> Result<Counts, RigError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                RigError::file("read the ledger", &self.path, io::Error::other(malformed::json(&error)))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Counts::default()),
            Err(error) => Err(RigError::file("read the ledger", &self.path, error)),
        }
    }

    fn write(&self, counts: &Counts) -> Result<(), RigError> {
        let write = || {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            whole_file::write_durably(&self.path, &serde_json::to_vec_pretty(counts)?)
        };
        write().map_err(|error: io::Error| RigError::file("write the ledger", &self.path, error))
    }
}

impl Ledger for FileLedger {
    fn before_failure(&mut self, secret: &str) -> Result<(), RigError> {
        let _lock = self.lock()?;
        let mut counts = self.read()?;
        let count = counts.failed_in_a_row.entry(self.entry(secret)).or_default();
        if *count >= FAILED_MAX {
            return Err(RigError::Spared(format!(
                "{secret} may have failed {count} times in a row at card {}, no more until it succeeds once ({})",
                self.card,
                self.path.display()
            )));
        }
        *count += 1;
        self.write(&counts)
    }

    fn after_success(&mut self, secret: &str) -> Result<(), RigError> {
        let _lock = self.lock()?;
        let mut counts = self.read()?;
        if counts.failed_in_a_row.remove(&self.entry(secret)).is_some() { self.write(&counts) } else { Ok(()) }
    }
}

/// While it is not known yet which card it is: attempts are counted for its type, and a success is remembered, for it gives back the
/// tries of the card that it turns out to be. It gives back those of the type too, though it may have been another card of it that failed
/// before: with keys that are right for one of two such cards, the other can spend more than two by taking turns with it.
#[derive(Debug, Clone)]
pub struct Unidentified {
    of_type: FileLedger,
    succeeded: Rc<RefCell<Vec<String>>>,
}

impl Unidentified {
    /// The ledger of cards with this answer to reset, in the file of `ledger`. Clones are the same.
    pub fn new(ledger: &FileLedger, atr: &str) -> Self {
        Self { of_type: ledger.of(&format!("of type {atr}")), succeeded: Rc::default() }
    }

    /// It is this card.
    pub fn identified(&self, card: &str) -> Result<(), RigError> {
        let mut ledger = self.of_type.of(card);
        self.succeeded.borrow().iter().try_for_each(|secret| ledger.after_success(secret))
    }
}

impl Ledger for Unidentified {
    fn before_failure(&mut self, secret: &str) -> Result<(), RigError> {
        self.of_type.before_failure(secret)
    }

    fn after_success(&mut self, secret: &str) -> Result<(), RigError> {
        self.succeeded.borrow_mut().push(secret.to_owned());
        self.of_type.after_success(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_before_the_attempt_over_restarts_and_stops_at_two() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.json");
        let ledger = |card: &str| FileLedger::at(path.clone(), card);
        ledger("A").before_failure("pin").unwrap();
        ledger("A").before_failure("pin").unwrap();
        assert!(ledger("A").before_failure("pin").unwrap_err().to_string().contains("2 times"));
        ledger("B").before_failure("pin").unwrap();
        ledger("A").after_success("key").unwrap();
        assert!(ledger("A").before_failure("pin").is_err(), "a good key gives no PIN try back");
        ledger("A").after_success("pin").unwrap();
        ledger("A").before_failure("pin").unwrap();
        fs::write(&path, "{").unwrap();
        assert!(ledger("B").before_failure("pin").is_err(), "a count that cannot be read is not 0");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{");
    }
}
