//! A file whose lock ends with its owner.
//!
//! A lock of flock(2) belongs to the open file, not to the process: a child that another thread starts has that file open too, from
//! `fork` to `exec`. To close our descriptor alone would leave the lock with the child for that moment, and the next who opens the file
//! would be told that it is in use. So the lock is taken off before the file is closed.

use std::fs::{File, TryLockError};
use std::io;
use std::ops::Deref;

/// A locked file.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Locked {
    /// Locks it for one; does not wait.
    pub(crate) fn exclusive(file: File) -> Result<Self, TryLockError> {
        file.try_lock().map(|()| Self(file))
    }

    /// Locks it for all who only read; does not wait.
    pub(crate) fn shared(file: File) -> Result<Self, TryLockError> {
        file.try_lock_shared().map(|()| Self(file))
    }

    /// Locks it for one, when whoever has it lets it go.
    pub(crate) fn awaited(file: File) -> io::Result<Self> {
        file.lock().map(|()| Self(file))
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // What fails here leaves the lock to the descriptor's end, as without it.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a child holds between `fork` and `exec` is a second descriptor of the same open file, as a duplicate is.
    #[test]
    fn the_lock_ends_with_its_owner_though_a_child_has_the_file_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let open = || File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let first = Locked::exclusive(open()).unwrap();
        let inherited = first.try_clone().unwrap();
        assert!(matches!(Locked::exclusive(open()), Err(TryLockError::WouldBlock)), "it is locked");
        drop(first);
        assert!(Locked::exclusive(open()).is_ok(), "it is free");
        drop(inherited);
    }
}
