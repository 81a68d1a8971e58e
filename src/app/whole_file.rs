//! A file that is there whole or as it was before, whatever happens meanwhile.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::AppError;

/// Writes a file under another name first, makes that durable and puts it in its place.
pub fn write_whole(path: &Path, octets: &[u8]) -> Result<(), AppError> {
    replace(path, octets).map_err(|source| AppError::file("write", path, source))
}

/// The same, with the error of the system.
pub(super) fn replace(path: &Path, octets: &[u8]) -> io::Result<()> {
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a file"))?;
    let made = path.with_file_name(temporary(&name.to_string_lossy()));
    let written = File::create(&made)
        .and_then(|mut file| file.write_all(octets))
        .and_then(|()| crate::journal::file::publish(&made, path));
    if written.is_err() {
        // What is said is why it could not be written.
        let _ = fs::remove_file(&made);
    }
    written
}

/// The other name: of this process, since two may write the same file.
fn temporary(name: &str) -> PathBuf {
    PathBuf::from(format!(".{name}.{}.new", std::process::id()))
}

/// Whether a file of this name is what [`write_whole`] leaves of `name` when its process dies.
pub(super) fn is_temporary_of(file: &str, name: &str) -> bool {
    let number =
        file.strip_prefix('.').and_then(|rest| rest.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".new"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_or_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        // A folder cannot be replaced by a file, so the last step fails.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write_whole(&taken, b"three").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
        assert!(write_whole(Path::new("/"), b"").is_err());
    }

    #[test]
    fn what_is_left_over_is_known_by_its_name() {
        assert!(is_temporary_of(".report.json.17.new", "report.json"));
        assert!(is_temporary_of(&temporary("a").display().to_string(), "a"));
        for other in ["report.json.17.new", ".report.json.new", ".report.json.x.new", ".other.17.new", "report.json"] {
            assert!(!is_temporary_of(other, "report.json"), "{other}");
        }
    }
}
