//! Where a person's journal and virtual cards lie when no flag says it.

use std::env;
use std::path::{Path, PathBuf};

use super::AppError;

/// A file in the person's data directory (XDG Base Directory Specification 0.8): `$XDG_DATA_HOME/untorn`, or
/// `~/.local/share/untorn`. Where there is none, `remedy` says what helps.
pub(super) fn data_file(name: &str, remedy: &str) -> Result<PathBuf, AppError> {
    // That specification tells to take a relative path for none.
    let absolute = |variable| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    let none = || AppError::Usage(format!("neither XDG_DATA_HOME nor HOME is set: {remedy}"));
    Ok(data.ok_or_else(none)?.join("untorn").join(name))
}

/// The journal in use: the one that a person named, else their own.
pub(super) fn journal(named: Option<&Path>) -> Result<PathBuf, AppError> {
    named.map_or_else(|| data_file("journal.db", "say --journal FILE"), |path| named_file(path, "--journal"))
}

/// A file that a person named: where there is no such directory they mistyped it, and none is made.
pub(super) fn named_file(path: &Path, flag: &str) -> Result<PathBuf, AppError> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() && !directory.is_dir() => {
            let (path, directory) = (path.display(), directory.display());
            Err(AppError::Usage(format!("{flag} {path}: there is no directory {directory}; make it first")))
        }
        _ => Ok(path.to_owned()),
    }
}
