//! What may follow what.

use untorn::journal::memory::MemoryJournal;
use untorn::journal::record::Entry;
use untorn::journal::sqlite::SqliteJournal;
use untorn::journal::{Journal, JournalError};

use crate::samples::{NOW, acknowledged, directory, intent, not_paid, paid, sample, unresolved_final};

fn reason_of(result: Result<(), JournalError>) -> String {
    match result {
        Err(JournalError::Contradiction { reason, .. }) => reason,
        other => panic!("expected a contradiction, got {other:?}"),
    }
}

#[test]
fn no_second_attempt_while_the_first_is_open_or_paid() {
    let (_directory, path) = directory();
    let journals: [&mut dyn Journal; 2] = [&mut MemoryJournal::default(), &mut SqliteJournal::open(path).unwrap()];
    for journal in journals {
        let refused = "an earlier attempt is open or paid";
        journal.commit(intent(1, 1, 1), NOW).unwrap();
        assert_eq!(reason_of(journal.commit(intent(1, 2, 1), NOW).map(drop)), refused);
        journal.append(unresolved_final(1, 1), NOW).unwrap();
        journal.append(acknowledged(1, 1), NOW).unwrap();
        assert_eq!(reason_of(journal.commit(intent(1, 2, 1), NOW).map(drop)), refused);
        journal.append(not_paid(1, 1), NOW).unwrap();
        assert_eq!(reason_of(journal.commit(intent(1, 1, 1), NOW).map(drop)), "the attempt exists already");
        let gap = "attempts are numbered from 1 without a gap";
        assert_eq!(reason_of(journal.commit(intent(1, 3, 1), NOW).map(drop)), gap);
        assert_eq!(reason_of(journal.commit(intent(2, 0, 1), NOW).map(drop)), gap);
        assert_eq!(reason_of(journal.append(unresolved_final(1, 1), NOW)), "it is resolved already");
        journal.commit(intent(1, 2, 1), NOW).unwrap();
        journal.append(paid(1, 2), NOW).unwrap();
        assert_eq!(reason_of(journal.append(not_paid(1, 2), NOW)), "it is resolved already");
        assert_eq!(reason_of(journal.commit(intent(1, 3, 1), NOW).map(drop)), refused);
        assert_eq!(reason_of(journal.append(paid(2, 1), NOW)), "there is no such attempt");
        let misuse = journal.append(Entry::Intent(intent(2, 1, 1)), NOW);
        assert_eq!(reason_of(misuse), "an intent is written by commit only");
        assert_eq!(reason_of(journal.commit(intent(0, 1, 1), NOW).map(drop)), "orders are numbered from 1");
        journal.commit(intent(u32::MAX, 1, 1), NOW).unwrap();
        assert!(matches!(journal.next_order(), Err(JournalError::Storage { .. })));
    }
}

/// The rules that money depends on hold in the file itself, whatever a program asks.
#[test]
fn the_file_refuses_what_the_program_should_not_ask() {
    let (_directory, path) = directory();
    drop(sample(&path));
    let db = rusqlite::Connection::open(&path).unwrap();
    let insert = |entry: &Entry| {
        let json = serde_json::to_string(entry).unwrap();
        db.execute("INSERT INTO entry (time_ms, json, hash) VALUES (1, ?1, zeroblob(32))", [json])
    };
    for (entry, refusal) in [
        (Entry::Intent(intent(4, 1, 1)), "UNIQUE"),
        (Entry::Intent(intent(4, 2, 1)), "an earlier attempt is open or paid"),
        (Entry::Intent(intent(1, 3, 1)), "an earlier attempt is open or paid"),
        (Entry::Intent(intent(5, 2, 1)), "an earlier attempt is open or paid"),
        (Entry::Intent(intent(0, 1, 1)), "CHECK"),
        (paid(1, 1), "UNIQUE"),
        (not_paid(1, 2), "UNIQUE"),
        (paid(5, 1), "there is no such attempt"),
    ] {
        let error = insert(&entry).expect_err("refused").to_string();
        assert!(error.contains(refusal), "{entry:?}: expected {refusal}, got {error}");
    }
    let error = db.execute("UPDATE entry SET time_ms = 0", ()).unwrap_err().to_string();
    assert!(error.contains("never changed"), "{error}");
    let error = db.execute("DELETE FROM entry", ()).unwrap_err().to_string();
    assert!(error.contains("never deleted"), "{error}");
    insert(&paid(4, 1)).expect("what is allowed is not refused");
}
