//! The file under the journal: whose it is, who holds it, how it comes to be. Nothing here changes a file that is not ours.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::JournalError;
use crate::disk;
use crate::locked::Locked;

/// In the header of a journal, so that other SQLite files are not taken for one: "UTRN".
pub(super) const APPLICATION_ID: u32 = 0x5554_524E;
/// Formats of the journal: the SQL of its schema and the chain. A journal is made in the first, and goes over to the second with its
/// first alarm: until then older versions read it.
pub(super) const FIRST_VERSION: u32 = 1;
/// The latest.
pub(super) const VERSION: u32 = 2;
/// Octets of a page, of which the file is a whole number.
pub(super) const PAGE_LEN: u16 = 4096;
/// Octets of the header (SQLite file format, 1.3).
const HEADER_LEN: usize = 100;

/// What is at the path that a person names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No file, and nothing that a journal there would have left. The name is whole as far as it can be: its directory may be missing.
    Nothing(PathBuf),
    /// Something, under the one name that it has, whatever links lead to it: two names would be two locks.
    Something(PathBuf),
}

/// The files that SQLite and the lock make beside a journal, and only once it is there.
const COMPANIONS: [&str; 5] = ["-lock", "-wal", "-shm", "-journal", RESERVE];
/// What the room is called that is kept for the ends of open orders.
pub(super) const RESERVE: &str = "-reserve";

/// Finds out whether a new journal may be made at this path. Makes, opens and changes nothing.
///
/// Only a path where nothing is can be a new journal's. Where something of an older one is left, its unresolved orders would be forgotten.
pub(super) fn find(path: &Path) -> Result<Found, JournalError> {
    // Before the journal itself: a process that is making one makes these after it.
    let left: Vec<_> =
        COMPANIONS.into_iter().filter(|suffix| fs::symlink_metadata(beside(path, suffix)).is_ok()).collect();
    match fs::canonicalize(path) {
        Ok(path) => return Ok(Found::Something(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_failure("look at", path, &error)),
    }
    // The first name on the way down from the file that is there; where that is a link, it leads nowhere.
    let there = path.ancestors().find_map(|name| fs::symlink_metadata(name).ok().map(|metadata| (name, metadata)));
    if let Some((name, metadata)) = there
        && metadata.is_symlink()
        && fs::metadata(name).is_err()
    {
        let name = name.display();
        return Err(corrupt(path, &format!("the symbolic link {name} leads to nothing; put back what it led to")));
    }
    if !left.is_empty() {
        let (left, s) = (left.join(", "), if left.len() == 1 { "is" } else { "are" });
        let reason = format!(
            "the file is missing, but what belongs to it ({left}) {s} still beside it. Put the file back; or, to begin a new \
             journal, move those away too"
        );
        return Err(corrupt(path, &reason));
    }
    if path.file_name().is_none() {
        return Err(foreign(path, "it does not name a file"));
    }
    Ok(Found::Nothing(path.to_owned()))
}

/// Looks at a file without SQLite, which might change it. A file that is not a journal of ours is refused.
pub(super) fn inspect(path: &Path) -> Result<(), JournalError> {
    // The log first: a writer that closes meanwhile completes the file before it removes the log.
    let log_length = fs::metadata(beside(path, "-wal")).map_or(0, |metadata| metadata.len());
    let length = match fs::metadata(path) {
        Ok(metadata) => match disk::no_file(metadata.file_type()) {
            Some(what) => return Err(foreign(path, &format!("it is {what}"))),
            None => metadata.len(),
        },
        Err(error) => return Err(io_failure("look at", path, &error)),
    };
    if length == 0 {
        let reason = "it is empty, which a journal never is: it was emptied, or something else made it. Put back a copy of it; or, \
                      to begin a new journal, move it and what belongs to it (-lock, -wal, -shm) away";
        return Err(corrupt(path, reason));
    }
    let mut header = Vec::with_capacity(HEADER_LEN);
    let read = File::open(path).and_then(|file| file.take(HEADER_LEN as u64).read_to_end(&mut header));
    read.map_err(|error| io_failure("read", path, &error))?;
    let pages = judge_header(path, &header)?;
    // While there is a log, pages may be in it and not yet in the file.
    let expected = u64::from(pages) * u64::from(PAGE_LEN);
    if log_length == 0 && length != expected {
        return Err(corrupt(path, &format!("expected {expected} octets, got {length}")));
    }
    Ok(())
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
    if version < FIRST_VERSION {
        return Err(corrupt(path, &format!("expected format {FIRST_VERSION} or {VERSION} at octet 60, got {version}")));
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
    _file: Locked,
}

impl Lock {
    /// Takes the lock, when there is a file for it; makes none.
    pub(super) fn existing(path: &Path) -> Result<Option<Self>, JournalError> {
        match File::options().read(true).write(true).open(beside(path, "-lock")) {
            Ok(file) => Self::take(path, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_failure("lock", path, &error)),
        }
    }

    /// Takes the lock, and makes the file for it.
    pub(super) fn create(path: &Path) -> Result<Self, JournalError> {
        let options = File::options().read(true).write(true).create(true).truncate(false).open(beside(path, "-lock"));
        Self::take(path, options.map_err(|error| io_failure("lock", path, &error))?)
    }

    /// Keeps writers out while a file is read as it lies; needs no right to write. `None` where there is no lock file: a copy,
    /// which nobody has opened for writing yet.
    pub(super) fn shared(path: &Path) -> Result<Option<Self>, JournalError> {
        let file = match File::open(beside(path, "-lock")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_failure("lock", path, &error)),
        };
        match Locked::shared(file) {
            Ok(file) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(io_failure("lock", path, &error)),
        }
    }

    fn take(path: &Path, file: File) -> Result<Self, JournalError> {
        match Locked::exclusive(file) {
            Ok(file) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(io_failure("lock", path, &error)),
        }
    }
}

/// Makes the directory of a new journal, and gives the one name of its file.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, JournalError> {
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
        return Err(foreign(path, "it does not name a file"));
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    create_directory(parent).map_err(|error| io_failure("create the directory of", path, &error))?;
    let parent = fs::canonicalize(parent).map_err(|error| io_failure("look at", path, &error))?;
    Ok(parent.join(name))
}

/// Lets one process at a time make a journal in this directory, and leaves no file behind, however that process ends.
pub(super) fn hold_directory(path: &Path) -> Result<File, JournalError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let held = File::open(directory).and_then(|directory| directory.lock().map(|()| directory));
    held.map_err(|error| io_failure("lock the directory of", path, &error))
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

/// Makes a finished file appear under a name that nothing has, at once and for good; `false` where something has it by now.
pub(super) fn publish_new(made: &Path, path: &Path) -> io::Result<bool> {
    File::options().write(true).open(made)?.sync_all()?;
    let (here, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::NOREPLACE);
    match rustix::fs::renameat_with(here, made, here, path, flags) {
        Ok(()) => {}
        Err(rustix::io::Errno::EXIST) => return fs::remove_file(made).map(|()| false),
        // A file system without that: nobody else of ours makes one here meanwhile.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if fs::symlink_metadata(path).is_err() => {
            fs::rename(made, path)?;
        }
        Err(error) => return Err(error.into()),
    }
    sync_directory(path.parent().unwrap_or(Path::new("/")))?;
    Ok(true)
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

/// What the system refused.
pub(super) fn io_failure(operation: &str, path: &Path, error: &io::Error) -> JournalError {
    storage(operation, path, &disk::said(error))
}

pub(super) fn storage(operation: &str, path: &Path, error: &dyn std::fmt::Display) -> JournalError {
    JournalError::Storage { operation: format!("{operation} {}", path.display()), reason: error.to_string() }
}
