//! A virtual card's memory in a file.
//!
//! What it says is a header of 48 octets and the image, filled up with zeros to whole blocks:
//!
//! | Offset | Octets | Content |
//! |---|---|---|
//! | 0 | 8 | magic: `UNTORNST` |
//! | 8 | 4 | version, big-endian: 2 |
//! | 12 | 4 | length of the image, big-endian |
//! | 16 | 32 | SHA-256 of the profile's text |
//! | 48 | | the image |
//!
//! In the file each 480 octets of that are followed by SHA-256 of the block's number (4, big-endian, from 0) and of them: a
//! block is 512 octets, the sector that a disk writes whole. A file that was changed by anything else than a card is known by it.
//!
//! It is written block by block in the order in which the card wrote, one write of the file for each of the card's, and never
//! truncated: when this program is killed between two of these writes, the file holds what the card would hold if it were torn
//! there, and every block fits its checksum. Each batch ends with `fsync`. When the whole machine loses power inside a batch,
//! the operating system may have kept any of its sectors; they fit theirs too.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::card::memory::Write;
use crate::disk;
use crate::locked::Locked;
use crate::reader::persistent::Persist;

const MAGIC: [u8; 8] = *b"UNTORNST";
const VERSION: u32 = 2;
const HEADER_LEN: usize = 48;
/// As much of an image as says whose it is.
const START_LEN: usize = 16;
/// Octets of a block that say something; its checksum follows them.
const CONTENT_LEN: usize = 480;
const BLOCK_LEN: usize = 512;

/// An open state file.
#[derive(Debug)]
pub struct StateFile {
    file: Locked,
    image_len: usize,
    /// The file without its checksums.
    content: Vec<u8>,
}

/// Why a state file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateFileError {
    /// The operating system refused.
    #[error("state file {path}: cannot {operation}: {}", disk::said(.source))]
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
    #[error(
        "state file {path}: expected it to begin with UNTORNST, so it is not a state file; it was not touched, name another"
    )]
    Magic {
        /// The file.
        path: PathBuf,
    },
    /// It is no file.
    #[error("state file {path}: expected a file, got {what}")]
    NoFile {
        /// What was named.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A state file that breaks off in its first octets, or is empty.
    #[error(
        "state file {path}: it breaks off after {got} octets. It was left as it is; `untorn card reset` removes it, and a new card \
         takes its place"
    )]
    CutOff {
        /// The file.
        path: PathBuf,
        /// Its length.
        got: usize,
    },
    /// A version that this program does not know.
    #[error(
        "state file {path}: expected version {VERSION} at octet 8, got {got}: it is from another untorn; `untorn card reset` \
         removes it, and with it what the virtual card holds"
    )]
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
    #[error(
        "state file {path}: expected {expected} octets, got {got}. It was left as it is; `untorn card reset` removes it, and with \
         it what the virtual card holds"
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// What the header says, in whole blocks.
        expected: u64,
        /// The file's length.
        got: u64,
    },
    /// Something else than a card has changed it.
    #[error(
        "state file {path}: damaged: octets {} to {} do not fit their checksum. It was left as it is; `untorn card reset` removes \
         it, and with it what the virtual card holds",
        block * BLOCK_LEN,
        (block + 1) * BLOCK_LEN - 1
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which block, from 0.
        block: usize,
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
        let content = content_of(profile, image);
        let octets = blocks(&content, 0);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unfinished = unfinished(path);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&unfinished);
        let file = file.map_err(fail("create"))?;
        let file = take(&unfinished, file)?;
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
        Ok(Some(Self { file, image_len: image.len(), content }))
    }

    /// Opens the file of a card of this profile; gives its image.
    pub fn open(path: &Path, profile: &str) -> Result<(Self, Vec<u8>), StateFileError> {
        Self::read(path, open(path)?, profile)
    }

    /// The image in the file of a card of this profile, for who only looks: the file may be one that cannot be written.
    pub fn look(path: &Path, profile: &str) -> Result<Vec<u8>, StateFileError> {
        let file = open_with(OpenOptions::new().read(true), path)?;
        Self::read(path, file, profile).map(|(_, image)| image)
    }

    fn read(path: &Path, file: File, profile: &str) -> Result<(Self, Vec<u8>), StateFileError> {
        let fail = |operation| move |source| StateFileError::Io { path: path.to_owned(), operation, source };
        let file = take(path, file)?;
        let mut octets = Vec::new();
        (&*file).take(MAGIC.len() as u64).read_to_end(&mut octets).map_err(fail("read"))?;
        // Before the rest: what is no card may have no end.
        check_magic(path, &octets)?;
        (&*file).read_to_end(&mut octets).map_err(fail("read"))?;
        let (content, image_len) = read_content(path, profile, &octets)?;
        let image = content[HEADER_LEN..][..image_len].to_vec();
        Ok((Self { file, image_len, content }, image))
    }

    /// With what the image of a card begins, of whatever profile; nothing is checked but that it is a card's.
    pub fn start_of_image(path: &Path) -> Result<Vec<u8>, StateFileError> {
        let fail = |operation| move |source| StateFileError::Io { path: path.to_owned(), operation, source };
        let mut octets = Vec::new();
        let file = open_with(OpenOptions::new().read(true), path)?;
        file.take((HEADER_LEN + START_LEN) as u64).read_to_end(&mut octets).map_err(fail("read"))?;
        check_magic(path, &octets)?;
        Ok(octets.split_off(HEADER_LEN.min(octets.len())))
    }

    /// Removes the file of a card, of whatever profile, also one that breaks off; refuses one that is no state file or is in use.
    pub fn remove(path: &Path) -> Result<(), StateFileError> {
        let fail = |operation| move |source| StateFileError::Io { path: path.to_owned(), operation, source };
        let file = open(path)?;
        let file = take(path, file)?;
        let mut magic = Vec::new();
        (&*file).take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(fail("read"))?;
        match check_magic(path, &magic) {
            Ok(()) | Err(StateFileError::CutOff { .. }) => {}
            Err(foreign) => return Err(foreign),
        }
        std::fs::remove_file(path).map_err(fail("remove"))
    }
}

/// Opens what is a file; a pipe or a device may wait for ever, or has no end, and is no state file either way.
fn open(path: &Path) -> Result<File, StateFileError> {
    open_with(OpenOptions::new().read(true).write(true), path)
}

fn open_with(options: &mut OpenOptions, path: &Path) -> Result<File, StateFileError> {
    let fail = |source| StateFileError::Io { path: path.to_owned(), operation: "open", source };
    // Before it is opened: the system's words for a directory that is opened for writing say nothing of what was expected.
    let no_file = |what| StateFileError::NoFile { path: path.to_owned(), what };
    if let Some(what) = disk::no_file(std::fs::metadata(path).map_err(fail)?.file_type()) {
        return Err(no_file(what));
    }
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = options.custom_flags(flags).open(path).map_err(fail)?;
    match disk::no_file(file.metadata().map_err(fail)?.file_type()) {
        None => Ok(file),
        Some(what) => Err(no_file(what)),
    }
}

/// Whether it begins as a state file does, as far as it goes.
fn check_magic(path: &Path, start: &[u8]) -> Result<(), StateFileError> {
    let path = || path.to_owned();
    if start.starts_with(&MAGIC) {
        Ok(())
    } else if MAGIC.starts_with(start) {
        Err(StateFileError::CutOff { path: path(), got: start.len() })
    } else {
        Err(StateFileError::Magic { path: path() })
    }
}

/// Where a file is written before it appears. No other process has this name, and what a dead one left is written over.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    PathBuf::from(name)
}

/// One card lies in one reader: its file is locked while a process has it open.
fn take(path: &Path, file: File) -> Result<Locked, StateFileError> {
    match Locked::exclusive(file) {
        Ok(locked) => Ok(locked),
        Err(TryLockError::WouldBlock) => Err(StateFileError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => {
            Err(StateFileError::Io { path: path.to_owned(), operation: "lock", source })
        }
    }
}

/// Header and image, filled up to whole blocks.
fn content_of(profile: &str, image: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(HEADER_LEN + image.len() + CONTENT_LEN);
    content.extend(MAGIC);
    content.extend(VERSION.to_be_bytes());
    content.extend((image.len() as u32).to_be_bytes());
    content.extend(Sha256::digest(profile));
    content.extend(image);
    content.resize(content.len().next_multiple_of(CONTENT_LEN), 0);
    content
}

/// These blocks as they stand in the file; `first` is the number of the first.
fn blocks(content: &[u8], first: usize) -> Vec<u8> {
    let block = |(index, piece): (usize, &[u8])| [piece, &checksum(first + index, piece)].concat();
    content.chunks(CONTENT_LEN).enumerate().flat_map(block).collect()
}

fn checksum(number: usize, piece: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update((number as u32).to_be_bytes()).chain_update(piece).finalize().into()
}

/// Checks what follows the magic: version, header, length and checksums. Gives header and image, and the length of the image.
fn read_content(path: &Path, profile: &str, octets: &[u8]) -> Result<(Vec<u8>, usize), StateFileError> {
    let path = || path.to_owned();
    let wrong_len = |expected: usize| {
        Err(StateFileError::Length { path: path(), expected: expected as u64, got: octets.len() as u64 })
    };
    // Before anything else that another version may have put elsewhere.
    let Some(version) = octets[8..].first_chunk() else { return wrong_len(BLOCK_LEN) };
    let version = u32::from_be_bytes(*version);
    if version != VERSION {
        return Err(StateFileError::Version { path: path(), got: version });
    }
    let mut content = Vec::with_capacity(octets.len());
    for (number, block) in octets.chunks_exact(BLOCK_LEN).enumerate() {
        let (piece, expected) = block.split_at(CONTENT_LEN);
        if checksum(number, piece) != expected {
            return Err(StateFileError::Damaged { path: path(), block: number });
        }
        content.extend_from_slice(piece);
    }
    let Some((header, _)) = content.split_first_chunk::<HEADER_LEN>() else { return wrong_len(BLOCK_LEN) };
    let image_len = u32::from_be_bytes([header[12], header[13], header[14], header[15]]) as usize;
    let expected = (HEADER_LEN + image_len).div_ceil(CONTENT_LEN) * BLOCK_LEN;
    if octets.len() != expected {
        return wrong_len(expected);
    }
    if header[16..] != Sha256::digest(profile)[..] {
        return Err(StateFileError::Profile { path: path() });
    }
    Ok((content, image_len))
}

impl Persist for StateFile {
    fn persist(&mut self, writes: &[Write]) -> io::Result<()> {
        for Write { offset, octets } in writes {
            let end = offset + octets.len();
            assert!(end <= self.image_len, "a card writes inside its image");
            self.content[HEADER_LEN + offset..HEADER_LEN + end].copy_from_slice(octets);
            let (first, after) = ((HEADER_LEN + offset) / CONTENT_LEN, (HEADER_LEN + end).div_ceil(CONTENT_LEN));
            let changed = blocks(&self.content[first * CONTENT_LEN..after * CONTENT_LEN], first);
            self.file.write_all_at(&changed, (first * BLOCK_LEN) as u64)?;
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
    fn the_file_is_as_documented() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        StateFile::create(&path, "abc", &[7, 8]).unwrap().unwrap();
        let octets = std::fs::read(&path).unwrap();
        assert_eq!(octets[..16], *b"UNTORNST\0\0\0\x02\0\0\0\x02");
        // FIPS 180-4's example: SHA-256 of "abc" begins BA7816BF and ends F20015AD.
        assert_eq!(octets[16..20], [0xBA, 0x78, 0x16, 0xBF]);
        assert_eq!(octets[44..50], [0xF2, 0x00, 0x15, 0xAD, 7, 8]);
        assert_eq!(octets.len(), 512);
        // By Python: hashlib.sha256(bytes(4) + content), content as above and filled with zeros to 480 octets.
        assert_eq!(octets[480..484], [0x24, 0x71, 0xB0, 0x7D]);
    }

    #[test]
    fn what_a_card_writes_fits_its_checksums_after_each_write_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        let mut image = vec![0; 1500];
        let mut file = StateFile::create(&path, "abc", &image).unwrap().unwrap();
        // Within a block, over a border, at both ends, over three blocks, nothing at all.
        for (offset, len, value) in [(3, 5, 1), (430, 4, 2), (0, 1, 3), (1499, 1, 4), (200, 800, 5), (432, 0, 6)] {
            image[offset..offset + len].fill(value);
            file.persist(&[Write { offset, octets: vec![value; len] }]).unwrap();
            drop(file);
            let (again, read) = StateFile::open(&path, "abc").unwrap();
            assert_eq!(read, image, "{len} octets at {offset}");
            file = again;
        }
        drop(file);
        let good = std::fs::read(&path).unwrap();
        assert_eq!(good.len(), 4 * 512);
        // From the length field on; magic and version have errors of their own.
        for at in 12..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).unwrap();
            let refused = StateFile::open(&path, "abc").unwrap_err();
            assert!(matches!(refused, StateFileError::Damaged { block, .. } if block == at / 512), "{at}: {refused}");
            assert_eq!(std::fs::read(&path).unwrap(), bad, "left as it is");
        }
        let swapped = [&good[..512], &good[1024..1536], &good[512..1024], &good[1536..]].concat();
        std::fs::write(&path, swapped).unwrap();
        let text = StateFile::open(&path, "abc").unwrap_err().to_string();
        assert!(text.contains("damaged: octets 512 to 1023 do not fit"), "{text}");
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
        assert!(matches!(open_with(&|octets| octets.truncate(3)), Err(StateFileError::CutOff { got: 3, .. })));
        assert!(matches!(open_with(&|octets| octets[11] = 1), Err(StateFileError::Version { got: 1, .. })));
        for len in [8, 47, 511] {
            let refused = open_with(&|octets| octets.truncate(len)).unwrap_err();
            assert!(matches!(refused, StateFileError::Length { expected: 512, .. }), "{len}: {refused}");
        }
        for more in [1, 512] {
            // As long as its last block is whole, a longer file has a block that fits no checksum.
            let refused = open_with(&|octets| octets.extend(vec![0; more])).unwrap_err();
            let by_len = matches!(refused, StateFileError::Length { expected: 512, got: 513, .. });
            assert!(by_len || matches!(refused, StateFileError::Damaged { block: 1, .. }), "{refused}");
        }
        std::fs::write(&path, &good).unwrap();
        assert!(matches!(StateFile::open(&path, "abd"), Err(StateFileError::Profile { .. })));
        assert!(StateFile::open(&folder.path().join("none"), "abc").unwrap_err().to_string().contains("cannot open"));
    }
}
