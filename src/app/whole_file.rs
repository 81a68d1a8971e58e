//! A file that is there whole or as it was before, whatever happens meanwhile.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::AppError;
use crate::journal::file::publish;

/// Writes a file under another name first, makes that durable and puts it in its place. A link stays one, and what it leads to is written.
/// A device or a pipe cannot be put in place: it is written to. So is what `/dev/stdout` and its kin lead to under a redirection.
pub fn write_whole(path: &Path, octets: &[u8]) -> Result<(), AppError> {
    replace(path, octets, publish).map_err(|source| AppError::file("write", path, source))
}

/// The same, for what can be had again: whole for who reads it and when this process dies, on the disk when the system gets to it.
pub fn write_whole_soon(path: &Path, octets: &[u8]) -> Result<(), AppError> {
    replace(path, octets, |made, path| fs::rename(made, path)).map_err(|source| AppError::file("write", path, source))
}

/// As [`write_whole`], with the error of the system.
pub(super) fn write_durably(path: &Path, octets: &[u8]) -> io::Result<()> {
    replace(path, octets, publish)
}

fn replace(path: &Path, octets: &[u8], publish: impl Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    if let Some(mut output) = own_output(path) {
        return output.write_all(octets).and_then(|()| output.flush());
    }
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return open_other(path)?.write_all(octets);
    }
    // Only what is there can be a link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a file"))?;
    let made = path.with_file_name(temporary(&name.to_string_lossy()));
    let written = File::create(&made).and_then(|mut file| file.write_all(octets)).and_then(|()| publish(&made, path));
    if written.is_err() {
        // What is said is why it could not be written.
        let _ = fs::remove_file(&made);
    }
    written
}

/// A device, or a pipe that somebody reads: to open another one would wait for a reader for ever.
pub(super) fn open_other(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().write(true).custom_flags(flags).open(path).map_err(|error| {
        let nobody = error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error());
        if nobody { io::Error::new(error.kind(), "nobody reads this pipe") } else { error }
    })?;
    // From here on a slow reader is waited for.
    let now = fcntl_getfl(&file)?;
    fcntl_setfl(&file, now - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Output and error output of this process. Not opened anew: that would begin at a file's begin, over what this process and others have
/// written.
pub(super) fn own_output(path: &Path) -> Option<Box<dyn io::Write + Send>> {
    match path.to_str()? {
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(Box::new(io::stdout())),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(Box::new(io::stderr())),
        _ => None,
    }
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

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("target"), "one").unwrap();
        std::os::unix::fs::symlink(at("target"), at("link")).unwrap();
        // By a link of our own: a test must not be able to replace the device.
        std::os::unix::fs::symlink("/dev/null", at("device")).unwrap();
        for name in ["link", "device"] {
            write_whole(&at(name), b"two").unwrap();
            assert!(at(name).is_symlink(), "{name}");
        }
        assert_eq!(fs::read(at("target")).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
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
