//! Room on the disk that is kept for the ends of open orders.
//!
//! A disk that fills after an order was sent must not leave it open: what the card says of it has to be written down. So a file of that size
//! lies beside the journal before an order is. When the journal meets a full disk it gives the room back in steps, and tries again. A
//! file of its own, and not free pages of the database: those help neither the log nor the shared memory, which SQLite makes first.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;

use super::file::{RESERVE, beside};

/// To open the journal: its shared memory of 32 KiB, and the log with its first pages.
const TO_OPEN: u64 = 96 * 1024;
/// For the ends of one order: resolution, slip, acknowledgement and alarm, some six pages of the log each.
const FOR_AN_ORDER: u64 = 96 * 1024;
/// For as many orders as a card can have open at one touch, and more; between two touches the log is taken into the file.
const AT_ONCE: u64 = 16;
/// For each order beyond these: what stays in the file.
const FOR_ONE_MORE: u64 = 16 * 1024;
/// It grows by so much, so that not each order waits for the disk.
const GROWTH: u64 = 128 * 1024;
/// What is given back at once.
const STEP: u64 = 32 * 1024;
/// In which `stat` counts blocks (POSIX.1-2017, sys/stat.h leaves it open; Linux: inode(7)).
const BLOCK: u64 = 512;

/// The reserve of one journal. When this is dropped, what was given back is kept again, if the disk has it: it must outlive SQLite's files.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    /// Octets that were given back.
    given: u64,
}

impl Reserve {
    /// Of the journal at this path.
    pub(super) fn of(journal: &Path) -> Self {
        Self { path: beside(journal, RESERVE), given: 0 }
    }

    /// Keeps room for the ends of so many orders.
    pub(super) fn hold(&mut self, orders: usize) -> io::Result<()> {
        let orders = orders as u64;
        let wanted = TO_OPEN + FOR_AN_ORDER * orders.min(AT_ONCE) + FOR_ONE_MORE * orders.saturating_sub(AT_ONCE);
        let wanted = wanted.next_multiple_of(GROWTH);
        // A copy can have the length and no blocks.
        let is_held = |file: &fs::Metadata| file.len() >= wanted && file.blocks() * BLOCK >= wanted;
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.is_file() && is_held(&file)) {
            self.given = 0;
            return Ok(());
        }
        self.grow(wanted)?;
        self.given = 0;
        Ok(())
    }

    fn grow(&self, wanted: u64) -> io::Result<()> {
        let file = self.open()?;
        let before = file.metadata()?.len();
        let held = allocate(&file, before, wanted).and_then(|()| file.sync_all());
        if held.is_err() {
            // What was there is better than nothing; should this fail too, more is kept than was wanted.
            let _ = file.set_len(before);
        }
        held
    }

    /// Gives some of it back; `false` when there is none.
    pub(super) fn give_back(&mut self) -> bool {
        let shorten = || -> io::Result<u64> {
            if !fs::symlink_metadata(&self.path)?.is_file() {
                return Ok(0);
            }
            let file = File::options().write(true).open(&self.path)?;
            let held = file.metadata()?.len();
            file.set_len(held.saturating_sub(STEP))?;
            Ok(held.min(STEP))
        };
        let given = shorten().unwrap_or(0);
        self.given += given;
        given > 0
    }

    fn open(&self) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file =
            File::options().read(true).write(true).create(true).truncate(false).custom_flags(flags).open(&self.path)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "the reserve is no file"))
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        if self.given > 0 {
            let held = fs::metadata(&self.path).map_or(0, |file| file.len());
            // Where the disk has no room, the next order is refused for that.
            let _ = self.grow(held + self.given);
        }
    }
}

/// Some file systems know no allocation; there the file is written.
fn allocate(file: &File, from: u64, to: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, to) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let zeros = [0; 4096];
            (from / 4096..to.div_ceil(4096)).try_for_each(|page| file.write_all_at(&zeros, page * 4096))
        }
        Err(error) => Err(error.into()),
    }
}
