//! What is not a journal, or not one of this version, and how one comes to be.

use std::fs;
use std::path::{Path, PathBuf};

use untorn::journal::record::OrderNumber;
use untorn::journal::sqlite::{SqliteJournal, SqliteReader};
use untorn::journal::{Journal, JournalError};

use crate::samples::{SAMPLE, beside, directory, sample};

/// All names beneath a directory, with what they hold.
fn contents(directory: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut all: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all.into_iter().map(|path| (path.clone(), fs::read(&path).ok())).collect()
}

/// Both ways to open refuse the file and leave no trace.
fn refused_untouched(path: &Path) -> JournalError {
    let before = contents(path.parent().unwrap());
    let error = SqliteJournal::open(path).expect_err("opened for writing");
    assert_eq!(contents(path.parent().unwrap()), before, "touched: {error}");
    drop(SqliteReader::open(path).expect_err("opened for reading"));
    assert_eq!(contents(path.parent().unwrap()), before, "touched by reading: {error}");
    error
}

#[test]
fn foreign_files_are_refused_untouched() {
    let text = "Dear diary, today I paid nothing.\n".repeat(20).into_bytes();
    for octets in [text, vec![0; 8192], b"x".to_vec(), vec![0xA5; 100]] {
        let (_directory, path) = directory();
        fs::write(&path, octets).unwrap();
        let error = refused_untouched(&path);
        assert!(matches!(error, JournalError::Foreign { .. }), "{error}");
    }
    let (_directory, path) = directory();
    fs::create_dir(&path).unwrap();
    assert!(matches!(refused_untouched(&path), JournalError::Foreign { .. }));
}

#[test]
fn other_databases_are_refused_untouched_even_in_the_middle_of_their_work() {
    for mode in ["delete", "wal"] {
        let (_directory, path) = directory();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())).unwrap();
        other.execute_batch("CREATE TABLE diary (line TEXT); INSERT INTO diary VALUES ('paid nothing');").unwrap();
        let error = refused_untouched(&path);
        assert!(matches!(error, JournalError::Foreign { .. }), "{mode}: {error}");
    }
}

#[test]
fn a_database_that_only_claims_to_be_ours_is_refused_untouched() {
    let (_directory, path) = directory();
    drop(sample(&path));
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("DROP TRIGGER no_change").unwrap();
    db.close().unwrap();
    assert!(matches!(refused_untouched(&path), JournalError::Corrupt { .. }));
}

/// After a crash the damage may be in the log, which must not be worked into the file then.
#[test]
fn a_log_that_damages_the_journal_is_left_as_it_is() {
    let (directory, path) = directory();
    let made = directory.path().join("made.db");
    fs::write(&made, &*SAMPLE).unwrap();
    let db = rusqlite::Connection::open(&made).unwrap();
    db.execute_batch("DROP TRIGGER no_change").unwrap();
    let crashed = tempfile::tempdir().unwrap();
    let path = crashed.path().join(path.file_name().unwrap());
    fs::copy(&made, &path).unwrap();
    fs::copy(beside(&made, "-wal"), beside(&path, "-wal")).unwrap();
    fs::write(beside(&path, "-lock"), "").unwrap();
    assert!(matches!(refused_untouched(&path), JournalError::Corrupt { .. }));
}

#[test]
fn a_later_format_is_refused_untouched() {
    let (_directory, path) = directory();
    let mut octets = SAMPLE.clone();
    octets[63] = 3;
    fs::write(&path, octets).unwrap();
    assert!(matches!(refused_untouched(&path), JournalError::Newer { version: 3, known: 2, .. }));
}

#[test]
fn a_truncated_journal_is_refused_untouched() {
    let (_directory, path) = directory();
    let octets = &*SAMPLE;
    for length in [16, 99, 100, 4095, 4096, 4097, octets.len() / 2, octets.len() - 1] {
        fs::write(&path, &octets[..length]).unwrap();
        let error = refused_untouched(&path);
        assert!(matches!(error, JournalError::Corrupt { .. }), "{length} octets: {error}");
    }
}

#[test]
fn a_log_without_its_journal_is_refused_untouched() {
    let (_directory, path) = directory();
    let journal = sample(&path);
    let log = fs::read(beside(&path, "-wal")).unwrap();
    drop(journal);
    fs::write(beside(&path, "-wal"), log).unwrap();
    fs::remove_file(&path).unwrap();
    let before = contents(path.parent().unwrap());
    assert!(matches!(SqliteJournal::open(&path), Err(JournalError::Corrupt { .. })));
    assert_eq!(contents(path.parent().unwrap()), before);
}

#[test]
fn what_the_system_refuses_is_its_own_error() {
    let (directory, path) = directory();
    fs::write(&path, "").unwrap();
    let error = SqliteJournal::open(path.join("beneath-a-file")).unwrap_err();
    assert!(matches!(error, JournalError::Storage { .. }), "{error}");
    let error = SqliteReader::open(directory.path().join("missing")).unwrap_err();
    assert!(matches!(error, JournalError::Missing { .. }), "{error}");
    assert!(!directory.path().join("missing").exists());
}

/// Needs an ordinary user: the superuser may read and write everything.
#[cfg(unix)]
#[test]
fn without_permission_nothing_is_touched() {
    use std::os::unix::fs::PermissionsExt;
    let (_directory, path) = directory();
    drop(sample(&path));
    for mode in [0o000, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        if fs::File::options().write(true).open(&path).is_ok() {
            return;
        }
        let error = SqliteJournal::open(&path).unwrap_err();
        assert!(matches!(error, JournalError::Storage { .. }), "{error}");
    }
}

#[test]
fn a_missing_file_is_created_with_its_directories() {
    let (directory, path) = directory();
    drop(sample(&path));
    let deep = directory.path().join("a/b/c/journal.db");
    drop(sample(&deep));
    for path in [path, deep] {
        let names: Vec<_> = contents(path.parent().unwrap()).into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&path), "{names:?}");
        assert!(!names.iter().any(|name| name.to_string_lossy().contains("-new")), "{names:?}");
        assert_eq!(SqliteJournal::open(&path).unwrap().next_order().unwrap(), OrderNumber(5));
    }
}

#[test]
fn what_a_crash_left_of_a_creation_is_no_obstacle() {
    let (_directory, path) = directory();
    fs::write(beside(&path, "-new"), "half a journal").unwrap();
    fs::write(beside(&path, "-new-wal"), "half a log").unwrap();
    drop(sample(&path));
    assert_eq!(SqliteReader::open(&path).unwrap().verify().unwrap().lines, 9);
}
