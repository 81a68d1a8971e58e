//! A file that a person named, read to its end; one that has no end is told.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::AppError;
use crate::disk;

/// Octets. A report of all cases with its logs has some ten million; beyond this a name leads to something else, such as a device.
pub(super) const LEN_MAX: u64 = 256 << 20;

/// How some editors begin a file in UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The text of a file of at most 256 MiB. `operation` is for the error: "read the profile".
pub fn read_text(operation: &'static str, path: &Path) -> Result<String, AppError> {
    up_to(LEN_MAX, path).map_err(|source| AppError::file(operation, path, source))
}

/// Opens what is a file. A named pipe would be waited at for ever, a device may have no end; but a pipe that a shell has opened for us
/// (`<(command)`, `/dev/stdin`) has somebody at its other end.
fn open(path: &Path) -> io::Result<File> {
    let is_handed_over = ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|given| path.starts_with(given));
    if is_handed_over {
        return File::open(path);
    }
    let file = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    match disk::no_file(file.metadata()?.file_type()) {
        None => Ok(file),
        Some(what) => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("expected a file, got {what}"))),
    }
}

/// As [`read_text`], with the error of the system.
pub(super) fn up_to(len_max: u64, path: &Path) -> io::Result<String> {
    let mut octets = Vec::new();
    open(path)?.take(len_max + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > len_max {
        let reason = format!("expected at most {len_max} octets, and it goes on after them");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    if let [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] = octets[..] {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "expected text in UTF-8, got UTF-16 (by its first two octets)",
        ));
    }
    if octets.starts_with(BOM) {
        octets.drain(..BOM.len());
    }
    String::from_utf8(octets).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("expected text in UTF-8, got none at octet {at}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_greatest_length_and_not_one_octet_more() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(up_to(5, file.path()).unwrap(), "12345");
        let error = up_to(4, file.path()).unwrap_err();
        assert_eq!(error.to_string(), "expected at most 4 octets, and it goes on after them");
    }

    #[test]
    fn what_is_no_text_is_told_with_its_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"ab\xFFcd").unwrap();
        assert_eq!(up_to(9, file.path()).unwrap_err().to_string(), "expected text in UTF-8, got none at octet 2");
    }
}
