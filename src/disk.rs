//! What it means when the system refuses to write, or has something else than a file, in a person's words.

use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::io::Errno;

/// No block is left, or no place for another file.
pub(crate) const FULL: &str = "the disk is full";
/// A write was refused, and it is not known why.
pub(crate) const TAKES_NO_MORE: &str = "the disk takes no more: perhaps a quota is used up, or it is failing";
const QUOTA: &str = "the quota on this disk is used up";
const READ_ONLY: &str = "the file system is read-only";
const LIMIT: &str = "the file has reached the limit on the size of files";

/// Why nothing more can be written; `None` where the error is of another kind.
pub(crate) fn cause(error: &io::Error) -> Option<&'static str> {
    match Errno::from_raw_os_error(error.raw_os_error()?) {
        Errno::NOSPC => Some(FULL),
        Errno::DQUOT => Some(QUOTA),
        Errno::ROFS => Some(READ_ONLY),
        Errno::FBIG => Some(LIMIT),
        _ => None,
    }
}

/// What stands where a file is expected; `None` where it is one.
pub(crate) fn no_file(kind: FileType) -> Option<&'static str> {
    match kind {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("a directory"),
        kind if kind.is_fifo() => Some("a named pipe"),
        _ => Some("a device"),
    }
}

/// Whether this text of ours says that more room would help.
pub(crate) fn is_want_of_room(said: &str) -> bool {
    [FULL, QUOTA, TAKES_NO_MORE].contains(&said)
}

/// The error as it is told.
pub(crate) fn said(error: &io::Error) -> String {
    cause(error).map_or_else(|| error.to_string(), str::to_owned)
}

/// The same for who has no error of the system: asks the file system in which `path` is.
pub(crate) fn cause_at(path: &Path) -> Option<&'static str> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = statvfs(directory).ok()?;
    if found.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Some(READ_ONLY);
    }
    // Where files are not counted, both of their numbers are 0.
    (found.f_bavail == 0 || found.f_files > 0 && found.f_favail == 0).then_some(FULL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_a_write_is_told_in_words_and_anything_else_as_the_system_tells_it() {
        let said_of = |errno: Errno| said(&errno.into());
        for (errno, expected) in
            [(Errno::NOSPC, FULL), (Errno::DQUOT, QUOTA), (Errno::ROFS, READ_ONLY), (Errno::FBIG, LIMIT)]
        {
            assert_eq!(said_of(errno), expected);
        }
        assert!(said_of(Errno::ACCESS).contains("denied"));
        let ours = io::Error::new(io::ErrorKind::FileTooLarge, "expected at most 5 octets");
        assert_eq!((cause(&ours), said(&ours)), (None, "expected at most 5 octets".to_owned()));
    }
}
