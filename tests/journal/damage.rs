//! Damage by flipped bits, torn logs, and people.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use untorn::journal::sqlite::{Selection, SqliteJournal, SqliteReader};
use untorn::journal::{Journal, JournalError, listing};

use crate::samples::{CRASHED, NOW, SAMPLE, beside, directory, export, intent, sample};

#[test]
fn verify_names_the_first_broken_line() {
    let (_directory, path) = directory();
    drop(sample(&path));
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("DROP TRIGGER no_change").unwrap();
    db.execute("UPDATE entry SET json = replace(json, '1250', '1251') WHERE sequence = 3", ()).unwrap();
    let trigger =
        "CREATE TRIGGER no_change BEFORE UPDATE ON entry BEGIN SELECT raise(ABORT, 'a line is never changed'); END";
    db.execute_batch(trigger).unwrap();
    db.close().unwrap();
    let found = SqliteReader::open(&path).unwrap().verify().unwrap();
    let fault = found.fault.clone().expect("found");
    assert_eq!((found.lines, fault.sequence), (2, Some(3)));
    assert!(fault.expected.starts_with("hash ") && fault.got.starts_with("hash "), "{fault}");
    assert!(listing::verification(&found).starts_with("DAMAGED at line 3: expected hash "));
}

/// Everything that anybody can learn from a journal.
fn everything(path: &Path) -> Result<String, JournalError> {
    let reader = SqliteReader::open(path)?;
    let found = reader.verify()?;
    if let Some(fault) = found.fault {
        return Err(JournalError::Corrupt { path: String::new(), reason: fault.to_string() });
    }
    let orders = reader.orders(&Selection::All)?;
    Ok(format!("{}{orders:?}{:?}", export(&reader)?, reader.unresolved(None)?))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A flipped bit is noticed, or it lies where it changes nothing: counters and reserved octets of the header, free space in pages.
    #[test]
    fn a_flipped_bit_is_noticed_or_changes_nothing(position: prop::sample::Index, bit in 0..8_u8) {
        let (_directory, path) = directory();
        fs::write(&path, &*SAMPLE).unwrap();
        let before = everything(&path).unwrap();
        let mut octets = SAMPLE.clone();
        let position = position.index(octets.len());
        octets[position] ^= 1 << bit;
        fs::write(&path, &octets).unwrap();
        if let Ok(after) = everything(&path) {
            prop_assert_eq!(after, before, "octet {}", position);
        }
    }

    /// Within a line that is in use, every flip is noticed.
    #[test]
    fn a_flipped_bit_in_a_line_is_noticed(position: prop::sample::Index, bit in 0..8_u8) {
        let (_directory, path) = directory();
        let mut octets = SAMPLE.clone();
        // From the first to the last entry, as they lie in the one page of the table.
        let needle = br#"{"entry":""#;
        let places: Vec<usize> = (0..octets.len()).filter(|&at| octets[at..].starts_with(needle)).collect();
        let lines = places[0]..places[places.len() - 1] + needle.len();
        prop_assert!(lines.len() < 4096);
        let position = lines.start + position.index(lines.len());
        octets[position] ^= 1 << bit;
        fs::write(&path, &octets).unwrap();
        prop_assert!(everything(&path).is_err(), "octet {}", position);
    }
}

proptest! {
    // Fewer, because each waits for the disk.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A power cut may leave any part of the log: what is left is a journal in order, as it was after some commit.
    #[test]
    fn a_torn_log_leaves_a_journal_in_order(length: prop::sample::Index, garbage in prop::collection::vec(any::<u8>(), 0..64)) {
        let (_directory, path) = directory();
        let (file, log, full) = &*CRASHED;
        fs::write(&path, file).unwrap();
        let mut log = log.clone();
        log.truncate(length.index(log.len() + 1));
        log.extend(garbage);
        fs::write(beside(&path, "-wal"), log).unwrap();
        let mut journal = SqliteJournal::open(&path).unwrap();
        prop_assert_eq!(journal.reader().verify().unwrap().fault, None);
        let left = export(journal.reader()).unwrap();
        prop_assert!(full.starts_with(&left), "{}", left);
        let order = journal.next_order().unwrap();
        journal.commit(intent(order.0, 1, 0), NOW).unwrap();
        drop(journal);
        prop_assert_eq!(SqliteReader::open(&path).unwrap().verify().unwrap().fault, None);
    }
}
