//! Other processes: this test binary again, running only [`another_process`], told by the environment what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use untorn::journal::chain::Line;
use untorn::journal::record::Entry;
use untorn::journal::sqlite::{SqliteJournal, SqliteReader};
use untorn::journal::{Journal, JournalError};

use crate::samples::{NOW, directory, intent, paid};

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
            .args(["--exact", "processes::another_process", "--nocapture", "--test-threads=1"])
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
    SqliteReader::open(&path).expect("reading is free").verify().unwrap().fault.ok_or(()).expect_err("in order");
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
        let hold = |line: Line| {
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
