//! The hash chain: each line of the journal carries the SHA-256 of the line before it, so none can change unseen.
//!
//! | what | octets hashed |
//! |---|---|
//! | before the first line | `untorn journal 1`, then the journal's id (16 octets) |
//! | a line | hash of the line before (32), sequence number (8, big-endian), time in ms (8, big-endian), the entry's JSON as stored |
//!
//! The chain shows damage and careless edits. It does not stop somebody who computes it anew, nor a cut of the last lines, which leaves a
//! shorter chain: keep an export elsewhere for that.

use std::fmt;

use super::record::Entry;
use crate::crypto::kdf::sha256;
use crate::time::Moment;
use crate::wire::hex;

/// Octets that begin every chain of this format.
const LABEL: &[u8] = b"untorn journal 1";

/// A SHA-256 of the chain; prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineHash(pub [u8; 32]);

impl LineHash {
    /// What the first line of the journal with this id follows.
    pub fn genesis(id: &[u8; 16]) -> Self {
        Self(sha256(&[LABEL, id]))
    }

    /// The hash of the line that follows `self`; `json` as it is stored.
    #[must_use]
    pub fn next(&self, sequence: u64, time: Moment, json: &[u8]) -> Self {
        Self(sha256(&[&self.0, &sequence.to_be_bytes(), &time.millis().to_be_bytes(), json]))
    }
}

impl fmt::Display for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineHash({self})")
    }
}

impl serde::Serialize for LineHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One line of a journal with its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1, without a gap.
    pub sequence: u64,
    /// When it was written.
    pub time: Moment,
    /// What it says.
    pub entry: Entry,
    /// The entry as it is stored and hashed.
    pub json: String,
    /// Hash of the line before.
    pub previous: LineHash,
    /// Hash of this line.
    pub hash: LineHash,
}
