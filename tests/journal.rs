//! The journal on disk: alike the one in memory, recognises what is not its own, notices damage, survives kills.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up should stop")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use proptest::prelude::*;
use tempfile::TempDir;
use untorn::journal::chain::LineHash;
use untorn::journal::listing;
use untorn::journal::memory::MemoryJournal;
use untorn::journal::record::{CardReference, Entry, Intent, OrderKind, OrderNumber, Resolution, Source};
use untorn::journal::sqlite::{Selection, SqliteJournal, SqliteReader};
use untorn::journal::view::Orders;
use untorn::journal::{Journal, JournalError};
use untorn::money::{Currency, Money};
use untorn::time::Moment;

const NOW: Moment = Moment::from_seconds(1_701_224_448);

fn yen(minor: u32) -> Money {
    Money::new(minor, Currency::JPY)
}

fn intent(order: u32, attempt: u32, card: u8) -> Intent {
    Intent {
        order: OrderNumber(order),
        attempt,
        kind: OrderKind::Sale,
        family: "purse".to_owned(),
        card: CardReference(format!("{card:02X}").repeat(8)),
        amount: yen(1250),
        balance_before: yen(17_080),
        time: NOW,
        family_data: serde_json::json!({ "counter": 7, "id": "00112233" }),
    }
}

fn paid(order: u32, attempt: u32) -> Entry {
    let resolution = Resolution::Paid { balance_after: yen(15_830), evidence: "A5A5".to_owned(), by: Source::Retouch };
    Entry::Resolved { order: OrderNumber(order), attempt, resolution }
}

fn not_paid(order: u32, attempt: u32) -> Entry {
    let resolution = Resolution::NotPaid { reason: "the counter did not move".to_owned(), by: Source::Answer };
    Entry::Resolved { order: OrderNumber(order), attempt, resolution }
}

fn unresolved_final(order: u32, attempt: u32) -> Entry {
    let reason = "time-out".to_owned();
    Entry::UnresolvedFinal { order: OrderNumber(order), attempt, balance_before: yen(17_080), reason }
}

fn acknowledged(order: u32, attempt: u32) -> Entry {
    Entry::Acknowledged { order: OrderNumber(order), attempt }
}

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    (directory, path)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Every kind of line: order 1 paid at its second attempt, order 2 open with a slip, order 3 acknowledged, order 4 open.
fn sample(path: &Path) -> SqliteJournal {
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

fn export(reader: &SqliteReader) -> Result<String, JournalError> {
    let mut octets = Vec::new();
    listing::export(reader, &mut octets)?;
    Ok(String::from_utf8(octets).unwrap())
}

fn reason_of(result: Result<(), JournalError>) -> String {
    match result {
        Err(JournalError::Contradiction { reason, .. }) => reason,
        other => panic!("expected a contradiction, got {other:?}"),
    }
}

// What may follow what.

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

// Both journals alike.

#[derive(Debug, Clone)]
enum Operation {
    Commit(Intent),
    Append(Entry),
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let which = (1..4_u32, 1..4_u32, 0..3_u8);
    (0..12_u8, which).prop_map(|(operation, (order, attempt, card))| match operation {
        0..=3 => Operation::Commit(intent(order, attempt, card)),
        4..=6 => Operation::Append(not_paid(order, attempt)),
        7 => Operation::Append(paid(order, attempt)),
        8 => Operation::Append(unresolved_final(order, attempt)),
        9 => Operation::Append(acknowledged(order, attempt)),
        10 => Operation::Append(Entry::Intent(intent(order, attempt, card))),
        _ => Operation::Reopen,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_kinds_of_journal_behave_alike(operations in prop::collection::vec(operation(), 0..60)) {
        let (_directory, path) = directory();
        let mut model = MemoryJournal::default();
        let mut journal = SqliteJournal::open(&path).unwrap();
        let mut now = NOW;
        for operation in operations {
            now = now.plus_millis(1);
            match operation {
                Operation::Commit(intent) => {
                    let expected = model.commit(intent.clone(), now).map(|committed| committed.into_intent());
                    let got = journal.commit(intent, now).map(|committed| committed.into_intent());
                    prop_assert_eq!(got, expected);
                }
                Operation::Append(entry) => {
                    prop_assert_eq!(journal.append(entry.clone(), now), model.append(entry, now));
                }
                Operation::Reopen => {
                    drop(journal);
                    journal = SqliteJournal::open(&path).unwrap();
                }
            }
            prop_assert_eq!(journal.next_order(), model.next_order());
            for card in [None, Some(&intent(1, 1, 0).card), Some(&intent(1, 1, 1).card)] {
                prop_assert_eq!(journal.open(card), model.open(card));
            }
        }
        let mut lines = Vec::new();
        journal.reader().lines(|line| { lines.push((line.time, line.entry)); Ok(()) }).unwrap();
        prop_assert_eq!(&lines, &model.entries());
        let found = journal.reader().verify().unwrap();
        prop_assert_eq!((found.lines, found.fault), (lines.len() as u64, None));

        let mut orders = Orders::default();
        lines.iter().for_each(|(time, entry)| orders.add(*time, entry));
        let orders = orders.latest_first();
        let select = |selection| journal.reader().orders(&selection).unwrap();
        prop_assert_eq!(&select(Selection::All), &orders);
        prop_assert_eq!(select(Selection::Latest(2)), orders.iter().take(2).cloned().collect::<Vec<_>>());
        let unresolved: Vec<_> = orders.iter().filter(|order| order.state.is_unresolved()).cloned().collect();
        prop_assert_eq!(select(Selection::Unresolved), unresolved);
        for order in orders {
            prop_assert_eq!(select(Selection::One(order.order)), vec![order]);
        }
    }
}

// What is not ours.

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

#[test]
fn a_later_format_is_refused_untouched() {
    let (_directory, path) = directory();
    drop(sample(&path));
    let mut octets = fs::read(&path).unwrap();
    octets[63] = 2;
    fs::write(&path, octets).unwrap();
    assert!(matches!(refused_untouched(&path), JournalError::Newer { version: 2, known: 1, .. }));
}

#[test]
fn a_truncated_journal_is_refused_untouched() {
    let (_directory, path) = directory();
    drop(sample(&path));
    let octets = fs::read(&path).unwrap();
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
    assert!(matches!(error, JournalError::Storage { .. }), "{error}");
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
fn a_missing_or_empty_file_is_created_with_its_directories() {
    let (directory, path) = directory();
    fs::write(&path, "").unwrap();
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

// Damage.

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
        drop(sample(&path));
        let before = everything(&path).unwrap();
        let mut octets = fs::read(&path).unwrap();
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
        drop(sample(&path));
        let mut octets = fs::read(&path).unwrap();
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

    /// A power cut may leave any part of the log: what is left is a journal in order, as it was after some commit.
    #[test]
    fn a_torn_log_leaves_a_journal_in_order(length: prop::sample::Index, garbage in prop::collection::vec(any::<u8>(), 0..64)) {
        let (directory, path) = directory();
        let journal = sample(&path);
        let full = export(journal.reader()).unwrap();
        let torn = directory.path().join("torn.db");
        fs::copy(&path, &torn).unwrap();
        let mut log = fs::read(beside(&path, "-wal")).unwrap();
        log.truncate(length.index(log.len() + 1));
        log.extend(garbage);
        fs::write(beside(&torn, "-wal"), log).unwrap();
        let mut journal = SqliteJournal::open(&torn).unwrap();
        prop_assert_eq!(journal.reader().verify().unwrap().fault, None);
        let left = export(journal.reader()).unwrap();
        prop_assert!(full.starts_with(&left), "{}", left);
        let order = journal.next_order().unwrap();
        journal.commit(intent(order.0, 1, 0), NOW).unwrap();
        drop(journal);
        prop_assert_eq!(SqliteReader::open(&torn).unwrap().verify().unwrap().fault, None);
    }
}

/// Somebody else can check the chain from the export alone.
#[test]
fn the_export_proves_itself() {
    let (_directory, path) = directory();
    let text = export(sample(&path).reader()).unwrap();
    let mut previous = None;
    for (number, line) in text.lines().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let (_, entry) = line.strip_suffix('}').unwrap().split_once(r#","entry":"#).unwrap();
        let hash = |name: &str| {
            let octets = untorn::wire::hex::parse(value[name].as_str().unwrap()).unwrap();
            LineHash(octets.try_into().unwrap())
        };
        let sequence = value["sequence"].as_u64().unwrap();
        assert_eq!(sequence, number as u64 + 1);
        assert_eq!(*previous.get_or_insert(hash("previous")), hash("previous"));
        let time = Moment::from_millis(value["time"].as_u64().unwrap());
        assert_eq!(hash("previous").next(sequence, time, entry.as_bytes()), hash("hash"));
        previous = Some(hash("hash"));
    }
    assert_eq!(text.lines().count(), 9);
}

// Other processes: this test binary again, running only the test below, told by the environment what to do.

const PATH: &str = "UNTORN_TEST_JOURNAL";
const TASK: &str = "UNTORN_TEST_TASK";

/// Not a test by itself: what another process does in the tests that follow.
#[test]
fn another_process() {
    let (Ok(path), Ok(task)) = (std::env::var(PATH), std::env::var(TASK)) else { return };
    let mut out = std::io::stdout();
    let mut journal = SqliteJournal::open(path).unwrap();
    writeln!(out, "\n@open").unwrap();
    if task == "hold" {
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    loop {
        let order = journal.next_order().unwrap();
        journal.commit(intent(order.0, 1, 0), NOW).unwrap();
        writeln!(out, "\n@committed {}", order.0).unwrap();
        if order.0.is_multiple_of(2) {
            journal.append(paid(order.0, 1), NOW).unwrap();
            writeln!(out, "\n@resolved {}", order.0).unwrap();
        }
    }
}

/// The other process and what it says.
struct Other {
    process: Child,
    said: Box<dyn Iterator<Item = String>>,
}

impl Other {
    fn start(path: &Path, task: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "another_process", "--nocapture", "--test-threads=1"])
            .env(PATH, path)
            .env(TASK, task)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = Box::new(lines.filter_map(|line| line.strip_prefix('@').map(str::to_owned)));
        let mut other = Self { process, said };
        assert_eq!(other.said.next().as_deref(), Some("open"));
        other
    }

    /// SIGKILL, then the rest of what it had said.
    fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.said.by_ref().collect()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn the_second_process_is_refused_until_the_first_is_gone() {
    let (directory, path) = directory();
    let other = Other::start(&path, "hold");
    assert!(matches!(SqliteJournal::open(&path), Err(JournalError::InUse { .. })));
    let link = directory.path().join("other-name.db");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&path, &link).unwrap();
    #[cfg(unix)]
    assert!(matches!(SqliteJournal::open(&link), Err(JournalError::InUse { .. })), "by another name");
    SqliteReader::open(&path).expect("reading is free").verify().unwrap().fault.ok_or(()).unwrap_err();
    other.kill();
    let journal = SqliteJournal::open(&path).expect("free after a kill");
    assert!(matches!(SqliteJournal::open(&path), Err(JournalError::InUse { .. })), "within one process");
    drop(journal);
    SqliteJournal::open(&path).expect("free after closing");
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let (_directory, path) = directory();
    let mut acknowledged = Vec::new();
    for round in 0..12 {
        let mut other = Other::start(&path, "write");
        acknowledged.extend(other.said.by_ref().take(round * 7));
        acknowledged.extend(other.kill());

        let journal = SqliteJournal::open(&path).expect("opens after a kill");
        assert_eq!(journal.reader().verify().unwrap().fault, None);
        let mut held = Vec::new();
        let hold = |line: untorn::journal::chain::Line| {
            let word = if matches!(line.entry, Entry::Intent(_)) { "committed" } else { "resolved" };
            held.push(format!("{word} {}", line.entry.order().0));
            Ok(())
        };
        journal.reader().lines(hold).unwrap();
        for said in &acknowledged {
            assert!(held.contains(said), "round {round}: {said} was lost");
        }
        assert!(held.len() <= acknowledged.len() + round + 1, "at most one line a kill was not yet acknowledged");
    }
    assert!(acknowledged.len() > 300, "the writer got somewhere: {}", acknowledged.len());
}

#[test]
fn a_reader_sees_a_journal_in_order_while_another_process_writes() {
    let (_directory, path) = directory();
    let other = Other::start(&path, "write");
    let mut seen = 0;
    while seen < 200 {
        let found = SqliteReader::open(&path).unwrap().verify().unwrap();
        assert_eq!(found.fault, None);
        assert!(found.lines >= seen);
        seen = found.lines;
    }
    other.kill();
    assert!(SqliteJournal::open(&path).unwrap().reader().verify().unwrap().lines >= seen);
}
