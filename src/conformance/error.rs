//! What stops a test system, and whose fault it is.

use std::io;
use std::path::{Path, PathBuf};

use super::verdict::Stop;
use crate::disk;
use crate::journal::JournalError;

/// Why a test system cannot do what a case asks of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RigError {
    /// The input: what the statement says cannot be used.
    #[error("{0}")]
    Statement(String),
    /// Nobody's: the test system has no hand on this.
    #[error("{0}")]
    OutOfReach(String),
    /// The terminal under test did not start, or did not end.
    #[error("{0}")]
    Terminal(String),
    /// The reader, or the service behind it.
    #[error("{0}")]
    Link(String),
    /// A card that must live on was made to fail too often.
    #[error("{0}")]
    Spared(String),
    /// A file of the test system.
    #[error("cannot {operation} {}: {}", .path.display(), disk::said(.source))]
    File {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A card or a terminal of ours could not be made.
    #[error("{0}")]
    NotMade(String),
    /// The journal of a terminal in this process.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// Our bug.
    #[error("untorn made a mistake (please report it): {0}")]
    Internal(String),
}

impl RigError {
    /// A file that could not be used.
    pub fn file(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { operation, path: path.to_owned(), source }
    }
}

/// A case that could not be carried out says nothing about its purpose.
impl From<RigError> for Stop {
    fn from(error: RigError) -> Self {
        Self::inconclusive(error.to_string())
    }
}
