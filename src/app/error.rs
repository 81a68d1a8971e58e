//! Why there is no terminal.

use std::io;
use std::path::{Path, PathBuf};

use super::Exit;
use crate::disk;
use crate::family::error::FamilyError;
use crate::journal::JournalError;
use crate::journal::record::{CardReference, OrderNumber};
use crate::reader::state_file::StateFileError;

/// Why there is no terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// No such reader, or no service for readers.
    #[error("{0}")]
    Reader(String),
    /// The journal.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The virtual card's memory.
    #[error("{0}")]
    State(#[from] StateFileError),
    /// The card profile.
    #[error("{0}")]
    Profile(String),
    /// A second card with the id of one on which an order is open: it would answer for the first.
    #[error(
        "order {order} is open on card {card}, and a new card in {} would have the same id: it would be asked what only the first \
         can know. Put back the memory of that card, or name another --seed or profile",
        .state.display()
    )]
    SecondCard {
        /// Which card.
        card: CardReference,
        /// Open on it.
        order: OrderNumber,
        /// Where the second would be kept.
        state: PathBuf,
    },
    /// A test that writes would push what only the card can tell out of its memory.
    #[error(
        "order {order}, {what}, is open on card {card}: what a test writes can push the card's record of it out, and then nobody can tell \
         whether it happened. `untorn resolve` asks the card; --force tests it all the same"
    )]
    OpenOnCard {
        /// Which card.
        card: CardReference,
        /// Open on it.
        order: OrderNumber,
        /// The order in words.
        what: String,
    },
    /// What a card family says: of a profile, a setting, the virtual card, the terminal's keys.
    #[error("{0}")]
    Family(#[from] FamilyError),
    /// A file, or where output goes.
    #[error("cannot {operation} {}: {}", .path.display(), disk::said(.source))]
    File {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An order or an enquiry that ended before it reached a card.
    #[error("{0}; nothing was sent to the card")]
    BeforeTheCard(Box<Self>),
    /// What is built in contradicts itself: our mistake.
    #[error("untorn made a mistake (please report it): {0}")]
    Internal(String),
    /// The terminal window.
    #[error("the terminal window: {0}")]
    Window(#[source] io::Error),
    /// Where output goes.
    #[error("cannot write the output: {}", disk::said(.0))]
    Output(#[source] io::Error),
}

impl AppError {
    /// A file that could not be used.
    pub fn file(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { operation, path: path.to_owned(), source }
    }

    /// Whether a file is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// The same of a command that works at a card, where a file stopped it before it sent anything.
    #[must_use]
    pub fn before_the_card(self) -> Self {
        let is_storage = match &self {
            Self::Journal(error) => matches!(error, JournalError::Storage { .. }),
            Self::State(error) => matches!(error, StateFileError::Io { .. }),
            Self::File { source, .. } => disk::cause(source).is_some(),
            _ => false,
        };
        if is_storage { Self::BeforeTheCard(Box::new(self)) } else { self }
    }

    /// The code of the process. A file that is ours and cannot be used, being in use, damaged or out of reach, is a failure;
    /// the wrong file, or none, is a wrong command line. A result for which its disk has no room is lost as one that cannot be printed.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Journal(
                JournalError::InUse { .. }
                | JournalError::Corrupt { .. }
                | JournalError::Storage { .. }
                | JournalError::Contradiction { .. },
            )
            | Self::State(
                StateFileError::InUse { .. }
                | StateFileError::Io { .. }
                | StateFileError::Length { .. }
                | StateFileError::CutOff { .. }
                | StateFileError::Damaged { .. },
            )
            | Self::SecondCard { .. }
            | Self::BeforeTheCard(_)
            | Self::Family(FamilyError::BuiltIn(_))
            | Self::Internal(_)
            | Self::Window(_) => Exit::Failed,
            // What the table of codes says of a result that is lost.
            Self::Output(_) => Exit::Unresolved,
            Self::File { source, .. } if disk::cause(source).is_some() => Exit::Unresolved,
            Self::Usage(_)
            | Self::OpenOnCard { .. }
            | Self::Journal(_)
            | Self::State(_)
            | Self::Profile(_)
            | Self::Family(_)
            | Self::File { .. } => Exit::Usage,
            Self::Reader(_) => Exit::NoCard,
        }
    }
}
