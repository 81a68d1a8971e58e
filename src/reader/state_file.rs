//! A virtual card's memory in a file.
//!
//! The file is a header of 48 octets and the image:
//!
//! | Offset | Octets | Content |
//! |---|---|---|
//! | 0 | 8 | magic: `UNTORNST` |
//! | 8 | 4 | version, big-endian: 1 |
//! | 12 | 4 | length of the image, big-endian |
//! | 16 | 32 | SHA-256 of the profile's text |
//! | 48 | | the image |
//!
//! It is written at offsets in the order in which the card wrote, and never truncated: when this program is killed
//! between two of these writes, the file holds what the card would hold if it were torn there. Each batch ends with
//! `fsync`. When the whole machine loses power inside a batch, the operating system may have kept any of its writes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::card::memory::Write;
use crate::reader::persistent::Persist;

const MAGIC: [u8; 8] = *b"UNTORNST";
const VERSION: u32 = 1;
const HEADER_LEN: usize = 48;

/// An open state file.
#[derive(Debug)]
pub struct StateFile {
    file: File,
    image_len: usize,
}

/// Why a state file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateFileError {
    /// The operating system refused.
    #[error("state file {path}: cannot {operation}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the card.
    #[error("state file {path}: another process uses this card: end that one, or name another file")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("state file {path}: expected it to begin with UNTORNST, so it is not a state file")]
    Magic {
        /// The file.
        path: PathBuf,
    },
    /// A version that this program does not know.
    #[error("state file {path}: expected version {VERSION} at octet 8, got {got}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in it.
        got: u32,
    },
    /// It belongs to a card of another profile.
    #[error("state file {path}: it was made for another profile (or the profile was edited since)")]
    Profile {
        /// The file.
        path: PathBuf,
    },
    /// It is cut off, or longer than its header says.
    #[error("state file {path}: expected {expected} octets, got {got}")]
    Length {
        /// The file.
        path: PathBuf,
        /// Header and image.
        expected: u64,
        /// The file's length.
        got: u64,
    },
}

impl StateFile {
    /// Makes a new file for a card of this profile; `None` when one is there, also one that another process has made just now.
    ///
    /// It is written under another name first and appears whole, locked and for good, or not at all.
    ///
    /// # Panics
    /// When the image is longer than 4 GiB: our bug.
    pub fn create(path: &Path, profile: &str, image: &[u8]) -> Result<Option<Self>, StateFileError> {
        let fail = |operation| move |source| StateFileError::Io { path: path.to_owned(), operation, source };
        assert!(u32::try_from(image.len()).is_ok(), "image length fits its field");
        let mut octets = Vec::with_capacity(HEADER_LEN + image.len());
        octets.extend(MAGIC);
        octets.extend(VERSION.to_be_bytes());
        octets.extend((image.len() as u32).to_be_bytes());
        octets.extend(Sha256::digest(profile));
        octets.extend(image);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unfinished = unfinished(path);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&unfinished);
        let file = file.map_err(fail("create"))?;
        take(&unfinished, &file)?;
        file.set_len(0).and_then(|()| file.write_all_at(&octets, 0)).map_err(fail("write"))?;
        file.sync_all().map_err(fail("fsync"))?;
        // A link, for to rename would replace what another process has made meanwhile.
        let published = std::fs::hard_link(&unfinished, path);
        std::fs::remove_file(&unfinished).map_err(fail("tidy up beside"))?;
        match published {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(source) => return Err(fail("create")(source)),
        }
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail("fsync the directory of"))?;
        Ok(Some(Self { file, image_len: image.len() }))
    }

    /// Opens the file of a card of this profile; gives its image.
    pub fn open(path: &Path, profile: &str) -> Result<(Self, Vec<u8>), StateFileError> {
        let fail = |operation| move |source| StateFileError::Io { path: path.to_owned(), operation, source };
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(fail("open"))?;
        take(path, &file)?;
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).map_err(fail("read"))?;
        let image = image_of(path, profile, &octets)?.to_vec();
        Ok((Self { file, image_len: image.len() }, image))
    }

    /// Removes the file of a card, of whatever profile; refuses one that is no state file or is in use.
    pub fn remove(path: &Path) -> Result<(), StateFileError> {
        let fail = |operation| move |source| StateFileError::Io { path: path.to_owned(), operation, source };
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(fail("open"))?;
        take(path, &file)?;
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() || magic != MAGIC {
            return Err(StateFileError::Magic { path: path.to_owned() });
        }
        std::fs::remove_file(path).map_err(fail("remove"))
    }
}

/// Where a file is written before it appears. No other process has this name, and what a dead one left is written over.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    PathBuf::from(name)
}

/// One card lies in one reader: whoever has its file open has it locked, until that process ends.
fn take(path: &Path, file: &File) -> Result<(), StateFileError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StateFileError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => {
            Err(StateFileError::Io { path: path.to_owned(), operation: "lock", source })
        }
    }
}

/// Checks the header, in the order of its fields, and gives what follows it.
fn image_of<'a>(path: &Path, profile: &str, octets: &'a [u8]) -> Result<&'a [u8], StateFileError> {
    let path = || path.to_owned();
    let wrong_len =
        |expected: usize| StateFileError::Length { path: path(), expected: expected as u64, got: octets.len() as u64 };
    let (magic, rest) = octets.split_first_chunk::<8>().ok_or_else(|| StateFileError::Magic { path: path() })?;
    if *magic != MAGIC {
        return Err(StateFileError::Magic { path: path() });
    }
    let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(|| wrong_len(HEADER_LEN))?;
    let version = u32::from_be_bytes(*version);
    if version != VERSION {
        return Err(StateFileError::Version { path: path(), got: version });
    }
    let (image_len, rest) = rest.split_first_chunk::<4>().ok_or_else(|| wrong_len(HEADER_LEN))?;
    let (digest, image) = rest.split_first_chunk::<32>().ok_or_else(|| wrong_len(HEADER_LEN))?;
    if digest[..] != Sha256::digest(profile)[..] {
        return Err(StateFileError::Profile { path: path() });
    }
    let image_len = u32::from_be_bytes(*image_len) as usize;
    if image.len() != image_len {
        return Err(wrong_len(HEADER_LEN + image_len));
    }
    Ok(image)
}

impl Persist for StateFile {
    fn persist(&mut self, writes: &[Write]) -> io::Result<()> {
        for write in writes {
            assert!(write.offset + write.octets.len() <= self.image_len, "a card writes inside its image");
            self.file.write_all_at(&write.octets, (HEADER_LEN + write.offset) as u64)?;
        }
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Answer, Card};
    use crate::reader::persistent::Persistent;
    use crate::reader::toy::ToyCard;

    #[test]
    fn a_card_wakes_up_with_what_it_had_answered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        let file = StateFile::create(&path, "profile", &[0; 1024]).unwrap().unwrap();
        let mut card = Persistent::new(ToyCard::new(), file);
        card.reset().unwrap();
        assert_eq!(card.process(&[0, 0xD6, 0, 3, 2, 0x42, 0x43]), Answer::Response(vec![0x90, 0x00]));
        drop(card);
        let (file, image) = StateFile::open(&path, "profile").unwrap();
        assert_eq!(image[..6], [0, 0, 0, 0x42, 0x43, 0]);
        let mut card = Persistent::new(ToyCard::from_image(image), file);
        card.reset().unwrap();
        assert_eq!(card.process(&[0, 0xB0, 0, 3, 1]), Answer::Response(vec![0x42, 0x90, 0x00]));
    }

    #[test]
    fn the_header_is_as_documented() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        StateFile::create(&path, "abc", &[7, 8]).unwrap().unwrap();
        let octets = std::fs::read(&path).unwrap();
        assert_eq!(octets[..16], *b"UNTORNST\0\0\0\x01\0\0\0\x02");
        // FIPS 180-4's example: SHA-256 of "abc" begins BA7816BF and ends F20015AD.
        assert_eq!(octets[16..20], [0xBA, 0x78, 0x16, 0xBF]);
        assert_eq!(octets[44..], [0xF2, 0x00, 0x15, 0xAD, 7, 8]);
    }

    #[test]
    fn a_file_that_is_there_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        let made = StateFile::create(&path, "abc", &[7, 8]).unwrap().unwrap();
        assert!(matches!(StateFile::open(&path, "abc"), Err(StateFileError::InUse { .. })), "it appears locked");
        assert!(StateFile::create(&path, "abc", &[9, 9]).unwrap().is_none());
        drop(made);
        assert_eq!(StateFile::open(&path, "abc").unwrap().1, [7, 8]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        // What a killed process of our number has left, longer than the new file.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(unfinished(&path), [0xA5; 99]).unwrap();
        StateFile::create(&path, "abc", &[7, 8]).unwrap().unwrap();
        assert_eq!(StateFile::open(&path, "abc").unwrap().1, [7, 8]);
    }

    #[test]
    fn each_wrong_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        StateFile::create(&path, "abc", &[7, 8]).unwrap().unwrap();
        let good = std::fs::read(&path).unwrap();
        let open_with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut octets = good.clone();
            change(&mut octets);
            std::fs::write(&path, octets).unwrap();
            StateFile::open(&path, "abc").map(|(_, image)| image)
        };
        assert_eq!(open_with(&|_| {}).unwrap(), [7, 8]);
        assert!(matches!(open_with(&|octets| octets[0] = b'X'), Err(StateFileError::Magic { .. })));
        assert!(matches!(open_with(&|octets| octets.truncate(3)), Err(StateFileError::Magic { .. })));
        assert!(matches!(open_with(&|octets| octets[11] = 2), Err(StateFileError::Version { got: 2, .. })));
        assert!(matches!(open_with(&|octets| octets[16] ^= 1), Err(StateFileError::Profile { .. })));
        assert!(matches!(open_with(&|octets| octets.truncate(47)), Err(StateFileError::Length { got: 47, .. })));
        assert!(matches!(
            open_with(&|octets| octets.push(0)),
            Err(StateFileError::Length { expected: 50, got: 51, .. })
        ));
        assert!(StateFile::open(&folder.path().join("none"), "abc").unwrap_err().to_string().contains("cannot open"));
    }
}
