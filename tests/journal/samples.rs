//! Journals to test with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;
use untorn::journal::record::{CardReference, Entry, Intent, OrderKind, OrderNumber, Resolution, Source};
use untorn::journal::sqlite::{SqliteJournal, SqliteReader};
use untorn::journal::{Journal, JournalError, listing};
use untorn::money::{Currency, Money};
use untorn::time::Moment;

pub(crate) const NOW: Moment = Moment::from_seconds(1_701_224_448);

pub(crate) fn yen(minor: u32) -> Money {
    Money::new(minor, Currency::JPY)
}

pub(crate) fn intent(order: u32, attempt: u32, card: u8) -> Intent {
    Intent {
        order: OrderNumber(order),
        attempt,
        kind: OrderKind::Sale,
        family: "purse".to_owned(),
        card: CardReference(format!("{card:02X}").repeat(8)),
        amount: yen(1250),
        balance_before: yen(17_080),
        time: NOW,
        policy: None,
        family_data: serde_json::json!({ "counter": 7, "id": "00112233" }),
    }
}

pub(crate) fn paid(order: u32, attempt: u32) -> Entry {
    let resolution = Resolution::Paid { balance_after: yen(15_830), evidence: "A5A5".to_owned(), by: Source::Retouch };
    Entry::Resolved { order: OrderNumber(order), attempt, resolution }
}

pub(crate) fn not_paid(order: u32, attempt: u32) -> Entry {
    let resolution = Resolution::NotPaid { reason: "the counter did not move".to_owned(), by: Source::Answer };
    Entry::Resolved { order: OrderNumber(order), attempt, resolution }
}

pub(crate) fn unresolved_final(order: u32, attempt: u32) -> Entry {
    let reason = "time-out".to_owned();
    Entry::UnresolvedFinal { order: OrderNumber(order), attempt, balance_before: yen(17_080), reason }
}

pub(crate) fn acknowledged(order: u32, attempt: u32) -> Entry {
    Entry::Acknowledged { order: OrderNumber(order), attempt }
}

pub(crate) fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    (directory, path)
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Every kind of line: order 1 paid at its second attempt, order 2 open with a slip, order 3 acknowledged, order 4 open.
pub(crate) fn sample(path: &Path) -> SqliteJournal {
    let mut journal = SqliteJournal::open(path).unwrap();
    let mut now = NOW;
    let mut tick = || {
        now = now.plus_millis(1001);
        now
    };
    journal.commit(intent(1, 1, 0xA1), tick()).unwrap();
    journal.append(not_paid(1, 1), tick()).unwrap();
    journal.commit(intent(1, 2, 0xA1), tick()).unwrap();
    journal.append(paid(1, 2), tick()).unwrap();
    journal.commit(intent(2, 1, 0xA2), tick()).unwrap();
    journal.append(unresolved_final(2, 1), tick()).unwrap();
    journal.commit(intent(3, 1, 0xA3), tick()).unwrap();
    journal.append(acknowledged(3, 1), tick()).unwrap();
    journal.commit(intent(4, 1, 0xA2), tick()).unwrap();
    journal
}

pub(crate) fn export(reader: &SqliteReader) -> Result<String, JournalError> {
    let mut octets = Vec::new();
    listing::export(reader, &mut octets)?;
    Ok(String::from_utf8(octets).unwrap())
}

/// The octets of a file with a [`sample`], closed: making one takes ten commits.
pub(crate) static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (_directory, path) = directory();
    drop(sample(&path));
    fs::read(&path).unwrap()
});

/// A [`sample`] that a crash left behind: the octets of the file, of its log, and its export.
pub(crate) static CRASHED: LazyLock<(Vec<u8>, Vec<u8>, String)> = LazyLock::new(|| {
    let (_directory, path) = directory();
    let journal = sample(&path);
    (fs::read(&path).unwrap(), fs::read(beside(&path, "-wal")).unwrap(), export(journal.reader()).unwrap())
});
