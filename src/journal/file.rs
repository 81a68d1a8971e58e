//! The file under the journal: whose it is, who holds it, how it comes to be. Nothing here changes a file that is not ours.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::JournalError;

/// In the header of a journal, so that other SQLite files are not taken for one: "UTRN".
pub(super) const APPLICATION_ID: u32 = 0x5554_524E;
/// Format of the journal: the SQL of its schema and the chain.
pub(super) const VERSION: u32 = 1;
/// Octets of a page, of which the file is a whole number.
pub(super) const PAGE_LEN: u16 = 4096;
/// Octets of the header (SQLite file format, 1.3).
const HEADER_LEN: usize = 100;

/// What is at the journal's path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No file, or an empty one.
    Nothing,
    /// A file with a header of ours.
    Journal,
}

/// Looks at a file without SQLite, which might change it.
pub(super) fn inspect(path: &Path) -> Result<Found, JournalError> {
    // The log first: a writer that closes meanwhile completes the file before it removes the log.
    let log_length = fs::metadata(beside(path, "-wal")).map_or(0, |metadata| metadata.len());
    let length = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(foreign(path, "it is a directory or a device")),
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(storage("look at", path, &error)),
    };
    if length == 0 && log_length > 0 {
        return Err(corrupt(path, "it is missing or empty, but its log (-wal) is still there"));
    }
    if length == 0 {
        return Ok(Found::Nothing);
    }
    let mut header = Vec::with_capacity(HEADER_LEN);
    let read = File::open(path).and_then(|file| file.take(HEADER_LEN as u64).read_to_end(&mut header));
    read.map_err(|error| storage("read", path, &error))?;
    let pages = judge_header(path, &header)?;
    // While there is a log, pages may be in it and not yet in the file.
    let expected = u64::from(pages) * u64::from(PAGE_LEN);
    if log_length == 0 && length != expected {
        return Err(corrupt(path, &format!("expected {expected} octets, got {length}")));
    }
    Ok(Found::Journal)
}

/// The number of pages, when the header is one of ours (SQLite file format, 1.3, offsets as there).
fn judge_header(path: &Path, header: &[u8]) -> Result<u32, JournalError> {
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(foreign(path, "it does not begin as an SQLite file does"));
    }
    let Ok(header) = <&[u8; HEADER_LEN]>::try_from(header) else {
        return Err(corrupt(path, &format!("expected {HEADER_LEN} octets of header, got {}", header.len())));
    };
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (application, version) = (number(68), number(60));
    if application != APPLICATION_ID {
        let reason = format!("an SQLite file with application id {application:08X}, expected {APPLICATION_ID:08X}");
        return Err(foreign(path, &reason));
    }
    if version > VERSION {
        return Err(JournalError::Newer { path: path.display().to_string(), version, known: VERSION });
    }
    if version != VERSION {
        return Err(corrupt(path, &format!("expected format {VERSION} at octet 60, got {version}")));
    }
    if header[16..18] != PAGE_LEN.to_be_bytes() {
        return Err(corrupt(path, "the page size at octet 16 is not the journal's"));
    }
    if header[18..20] != [2, 2] {
        return Err(corrupt(path, "octets 18 and 19 do not say write-ahead logging"));
    }
    Ok(number(28))
}

/// The one writer of a journal. The lock ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, when there is a file for it; makes none.
    pub(super) fn existing(path: &Path) -> Result<Option<Self>, JournalError> {
        match File::options().read(true).write(true).open(beside(path, "-lock")) {
            Ok(file) => Self::take(path, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(storage("lock", path, &error)),
        }
    }

    /// Takes the lock, and makes the file for it.
    pub(super) fn create(path: &Path) -> Result<Self, JournalError> {
        let options = File::options().read(true).write(true).create(true).truncate(false).open(beside(path, "-lock"));
        Self::take(path, options.map_err(|error| storage("lock", path, &error))?)
    }

    /// Keeps writers out while a file is read as it lies; needs no right to write. `None` where there is no lock file: a copy,
    /// which nobody has opened for writing yet.
    pub(super) fn shared(path: &Path) -> Result<Option<Self>, JournalError> {
        let file = match File::open(beside(path, "-lock")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(storage("lock", path, &error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(storage("lock", path, &error)),
        }
    }

    fn take(path: &Path, file: File) -> Result<Self, JournalError> {
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(storage("lock", path, &error)),
        }
    }
}

/// One name for one file, whatever links lead to it: two names would be two locks.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, JournalError> {
    match fs::canonicalize(path) {
        Ok(path) => return Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(storage("look at", path, &error)),
    }
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
        return Err(foreign(path, "it does not name a file"));
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    create_directory(parent).map_err(|error| storage("create the directory of", path, &error))?;
    let parent = fs::canonicalize(parent).map_err(|error| storage("look at", path, &error))?;
    Ok(parent.join(name))
}

/// Creates a directory and those above it, each durable before the next.
fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(Path::new(""));
    create_directory(parent)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }),
    }
}

/// Makes a finished file appear under its name at once and for good.
pub(crate) fn publish(made: &Path, path: &Path) -> io::Result<()> {
    File::options().write(true).open(made)?.sync_all()?;
    fs::rename(made, path)?;
    match path.parent() {
        // A name without a directory is in the current one.
        Some(parent) if parent.as_os_str().is_empty() => sync_directory(Path::new(".")),
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

/// Makes names in a directory durable. Elsewhere than on Unix, a directory cannot be opened for that.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Whether side files can be made.
pub(super) fn may_make_files_beside(path: &Path) -> bool {
    let directory = path.parent().unwrap_or(Path::new("/"));
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_ok()
}

/// The name of a file for SQLite that says it does not change (sqlite.org/uri.html, 3.3).
pub(super) fn immutable_uri(path: &Path) -> PathBuf {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt;
    let mut uri = "file:".to_owned();
    for octet in path.as_os_str().as_bytes() {
        // Writing to a string cannot fail.
        let _ = match octet {
            b'/' | b'.' | b'-' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                write!(uri, "{}", char::from(*octet))
            }
            _ => write!(uri, "%{octet:02X}"),
        };
    }
    uri.push_str("?immutable=1");
    PathBuf::from(uri)
}

/// The name of a side file.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn foreign(path: &Path, reason: &str) -> JournalError {
    JournalError::Foreign { path: path.display().to_string(), reason: reason.to_owned() }
}

pub(super) fn corrupt(path: &Path, reason: &str) -> JournalError {
    JournalError::Corrupt { path: path.display().to_string(), reason: reason.to_owned() }
}

pub(super) fn storage(operation: &str, path: &Path, error: &dyn std::fmt::Display) -> JournalError {
    JournalError::Storage { operation: format!("{operation} {}", path.display()), reason: error.to_string() }
}
