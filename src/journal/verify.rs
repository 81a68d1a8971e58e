//! Walks a whole journal and finds the first thing that is wrong with it.

use std::collections::HashMap;
use std::fmt;

use rusqlite::Row;
use serde::Serialize;

use super::chain::LineHash;
use super::record::{Entry, OrderNumber};
use super::sqlite::{SqliteReader, failure, id};
use super::{JournalError, rules};
use crate::malformed;
use crate::time::Moment;

/// What a walk over a journal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Verification {
    /// Lines that are in order, from the first.
    pub lines: u64,
    /// Hash of the last of them: who keeps it elsewhere can tell later that nothing before it was changed or cut off.
    pub head: LineHash,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// Something wrong in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// At which line; `None` when it is beside the lines, as in an index.
    pub sequence: Option<u64>,
    /// What should be there.
    pub expected: String,
    /// What is.
    pub got: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sequence {
            Some(sequence) => write!(f, "line {sequence}: ")?,
            None => f.write_str("beside the lines: ")?,
        }
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

impl SqliteReader {
    /// Checks every line: its place, its hash, that it is an entry, and that the rules of the journal allow it where it stands; and then
    /// the file's pages and indices. A fault is a finding, not an error.
    ///
    /// # Errors
    /// [`JournalError::Storage`], when the system refuses, and [`JournalError::Corrupt`], when the id of the journal cannot be read.
    pub fn verify(&self) -> Result<Verification, JournalError> {
        // One transaction, so that a terminal may write meanwhile.
        let transaction = self.db.unchecked_transaction().map_err(|error| failure("read", &self.path, &error))?;
        let genesis = LineHash::genesis(&id(&transaction).map_err(|error| failure("read", &self.path, &error))?);
        let mut walk = Walk { lines: 0, head: genesis, orders: HashMap::new() };
        let mut fault = self.readable(walk_lines(&transaction, &mut walk), &walk)?;
        if fault.is_none() {
            fault = self.readable(check_pages(&transaction), &walk)?;
        }
        Ok(Verification { lines: walk.lines, head: walk.head, fault })
    }

    /// Damage that stops SQLite is a finding, too.
    fn readable(&self, found: rusqlite::Result<Option<Fault>>, walk: &Walk) -> Result<Option<Fault>, JournalError> {
        match found.map_err(|error| failure("read", &self.path, &error)) {
            Err(JournalError::Corrupt { reason, .. }) => {
                let expected = "a line or the end".to_owned();
                Ok(Some(Fault { sequence: Some(walk.lines + 1), expected, got: reason }))
            }
            found => found,
        }
    }
}

/// How far the walk has come.
struct Walk {
    lines: u64,
    head: LineHash,
    orders: HashMap<OrderNumber, Vec<Entry>>,
}

fn walk_lines(db: &rusqlite::Connection, walk: &mut Walk) -> rusqlite::Result<Option<Fault>> {
    let mut statement = db.prepare("SELECT sequence, time_ms, json, hash FROM entry ORDER BY sequence")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        if let Err(fault) = walk.step(row)? {
            return Ok(Some(fault));
        }
    }
    Ok(None)
}

impl Walk {
    fn step(&mut self, row: &Row<'_>) -> rusqlite::Result<Result<(), Fault>> {
        let expected = self.lines + 1;
        let (sequence, time_ms) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
        let json = row.get_ref(2)?.as_bytes()?;
        let hash = LineHash(row.get(3)?);
        let fault = |expected: String, got: String| Ok(Err(Fault { sequence: Some(self.lines + 1), expected, got }));
        if sequence != expected.cast_signed() {
            return fault(format!("line {expected}"), format!("line {sequence}"));
        }
        let computed = self.head.next(expected, Moment::from_millis(time_ms.cast_unsigned()), json);
        if hash != computed {
            return fault(format!("hash {computed}"), format!("hash {hash}"));
        }
        let entry: Entry = match serde_json::from_slice(json) {
            Ok(entry) => entry,
            Err(error) => return fault("an entry".to_owned(), malformed::json(&error)),
        };
        let earlier = self.orders.entry(entry.order()).or_default();
        if let Err(error) = rules::check(&entry, earlier.iter()) {
            return fault("an entry that follows the ones before".to_owned(), error.to_string());
        }
        earlier.push(entry);
        self.lines = expected;
        self.head = hash;
        Ok(Ok(()))
    }
}

/// Pages, indices and the table's own rules, as SQLite checks them (sqlite.org/pragma.html, integrity_check).
fn check_pages(db: &rusqlite::Connection) -> rusqlite::Result<Option<Fault>> {
    let answer: String = db.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    let fault = || Fault { sequence: None, expected: "pages and indices in order".to_owned(), got: answer.clone() };
    Ok((answer != "ok").then(fault))
}
