//! Damage by flipped bits, torn logs, and people.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use untorn::journal::chain::Line;
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

/// A damaged index would hide open attempts of a card, though each line is in order.
#[test]
fn verify_finds_a_damaged_index() {
    let (_directory, path) = directory();
    let mut octets = SAMPLE.clone();
    let card = intent(3, 1, 0xA3).card.0;
    let is_index = |at: &usize| octets[*at..].starts_with(card.as_bytes()) && octets[at - 1] != b'"';
    let at = (1..octets.len()).find(is_index).unwrap();
    octets[at] ^= 1;
    fs::write(&path, octets).unwrap();
    let found = SqliteReader::open(&path).unwrap().verify().unwrap();
    assert_eq!((found.lines, found.fault.expect("found").sequence), (9, None));
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

/// Where each line of the sample lies in its file: 6 octets of time, the JSON, 32 octets of hash (SQLite file format, 2.1).
static LINES: LazyLock<Vec<Range<usize>>> = LazyLock::new(|| {
    let (_directory, path) = directory();
    fs::write(&path, &*SAMPLE).unwrap();
    let mut places = Vec::new();
    let find = |line: Line| {
        let json = line.json.as_bytes();
        let at = SAMPLE.windows(json.len()).position(|window| window == json).unwrap();
        assert_eq!(SAMPLE[at - 6..at], line.time.millis().to_be_bytes()[2..]);
        assert_eq!(SAMPLE[at + json.len()..][..32], line.hash.0);
        places.push(at - 6..at + json.len() + 32);
        Ok(())
    };
    SqliteReader::open(&path).unwrap().lines(find).unwrap();
    places
});

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

    /// Within a line, every flip is noticed; in the last one at once, and then nothing is touched.
    #[test]
    fn a_flipped_bit_in_a_line_is_noticed(line: prop::sample::Index, position: prop::sample::Index, bit in 0..8_u8) {
        let (_directory, path) = directory();
        let mut octets = SAMPLE.clone();
        let line = line.index(LINES.len());
        let place = LINES[line].clone();
        let position = place.start + position.index(place.len());
        octets[position] ^= 1 << bit;
        fs::write(&path, &octets).unwrap();
        prop_assert!(everything(&path).is_err(), "octet {}", position);
        if line + 1 == LINES.len() {
            prop_assert!(matches!(SqliteJournal::open(&path), Err(JournalError::Corrupt { .. })), "octet {}", position);
            prop_assert_eq!(fs::read(&path).unwrap(), octets);
        }
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
