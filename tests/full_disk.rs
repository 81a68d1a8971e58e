//! Disks that take no more: full, nearly full, read-only. What only reads needs no room; what writes says what is the matter, with which
//! file, and what that means for the money.
//!
//! The disks are file systems in memory, in a namespace of the test's own.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::kills::{Held, Order, check, state_of};
use support::namespace::{self, Place as Where};
use support::places::{self, Place};
use support::screen::Screen;
use support::untorn::{Desk, Ran, ran};

/// Whether this process may go on: it is inside.
fn inside() -> bool {
    match namespace::enter() {
        Ok(Where::Inside) => true,
        Ok(Where::Done) => false,
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "a namespace is needed: {why}");
            println!("SKIPPED: {why}");
            false
        }
    }
}

/// A desk whose directory is a disk of its own.
struct Disk(Desk);

const KIB: u64 = 1024;

impl Disk {
    fn new() -> Self {
        let desk = Desk::new(&[]);
        mount(&["-t", "tmpfs", "-o", "size=2m,nr_inodes=400", "tmpfs"], desk.path());
        Self(desk)
    }

    /// With the files of this desk.
    fn of(base: &Desk) -> Self {
        let disk = Self::new();
        for file in fs::read_dir(base.path()).unwrap().map(|file| file.unwrap()) {
            fs::copy(file.path(), disk.0.path().join(file.file_name())).unwrap();
        }
        disk
    }

    /// Takes all room but this.
    fn leave(&self, kib: u64) -> &Self {
        let mut filling = File::create(self.filling()).unwrap();
        while filling.write(&[0xA5; 4096]).is_ok_and(|written| written > 0) {}
        let length = filling.metadata().unwrap().len();
        filling.set_len(length - kib * KIB).unwrap();
        self
    }

    fn make_read_only(&self) -> &Self {
        mount(&["-o", "remount,ro"], self.0.path());
        self
    }

    /// As it was before there was a reserve, or after somebody has thrown it away.
    fn without_reserve(self) -> Self {
        drop(fs::remove_file(format!("{}-reserve", self.0.journal().display())));
        self
    }

    /// There is room again.
    fn make_room(&self) {
        let _ = fs::remove_file(self.filling());
        mount(&["-o", "remount,rw"], self.0.path());
    }

    fn filling(&self) -> PathBuf {
        self.0.path().join("filling")
    }

    /// Every file but what fills the disk, with what it holds.
    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(self.0.path()).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|path| path.is_file() && *path != self.filling());
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It ends with the namespace too.
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[track_caller]
fn mount(arguments: &[&str], at: &Path) {
    assert!(Command::new("mount").args(arguments).arg(at).status().unwrap().success(), "mount {arguments:?}");
}

type Trouble = (&'static str, fn(&Disk));

/// What is the matter with a disk, and the words for it.
const TROUBLES: [Trouble; 2] = [
    ("the disk is full", |disk| {
        disk.leave(0);
    }),
    ("the file system is read-only", |disk| {
        disk.make_read_only();
    }),
];

/// What no person should have to read.
fn in_plain_words(said: &str) {
    for word in ["os error 28", "os error 30", "I/O error", "database", "unable to open", "readonly"] {
        assert!(!said.contains(word), "{word:?} in {said}");
    }
}

/// A desk with a sale, and a second one of which nobody knows what came of it.
fn two_sales() -> Desk {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "100"]).ended(0);
    desk.run(&["pay", "30", "--tear", "value", "--no-retouch"]).ended(2);
    desk
}

/// The same, and a third whose terminal was killed: its last lines are in the log only.
fn killed_with_a_log() -> Desk {
    let killed = (0..100).find_map(|number| {
        let desk = two_sales();
        desk.run_until(&format!("action:{number}"), &["pay", "7"]);
        let log = fs::metadata(format!("{}-wal", desk.journal().display()));
        (log.is_ok_and(|log| log.len() > 0) && state_of(&desk.copy(), 3).is_some()).then_some(desk)
    });
    killed.expect("a killed terminal leaves a log")
}

/// The subcommands of `journal`, by the command line's own list.
fn journal_commands() -> Vec<Vec<String>> {
    let command = untorn::cli::command();
    let journal = command.find_subcommand("journal").unwrap();
    let names = journal.get_subcommands().map(|inner| inner.get_name().to_owned()).filter(|name| name != "help");
    let with_arguments = |name: String| match name.as_str() {
        "show" => vec!["journal".to_owned(), name, "2".to_owned()],
        _ => vec!["journal".to_owned(), name],
    };
    names.map(with_arguments).collect()
}

#[test]
fn what_only_reads_needs_no_room_and_leaves_nothing() {
    if !inside() {
        return;
    }
    let commands = journal_commands();
    assert!(commands.len() >= 5, "{commands:?}");
    let mut commands: Vec<Vec<&str>> =
        commands.iter().map(|words| words.iter().map(String::as_str).collect()).collect();
    commands.extend([
        vec!["card", "info"],
        vec!["--json", "card", "info"],
        vec!["journal", "list", "--unresolved"],
        vec!["decode", "9000"],
        vec!["test", "--list"],
        vec!["mutants", "--list"],
        vec!["report", "show", "run"],
        vec!["report", "traceability"],
        vec!["completions", "bash"],
        vec!["readers"],
        vec!["help"],
    ]);
    let (clean, logged) = (two_sales(), killed_with_a_log());
    let without_index = logged.copy();
    fs::remove_file(format!("{}-shm", without_index.journal().display())).unwrap();
    for (name, base) in [("closed", &clean), ("with a log", &logged), ("with a log and no index of it", &without_index)]
    {
        for (trouble, make) in TROUBLES {
            let disk = Disk::of(base);
            disk.0.run(&["test", "ISO-SEL-001", "--out", "run"]).ended(0);
            // By a copy: to read with room may change what is beside the journal.
            let elsewhere = base.copy();
            elsewhere.run(&["test", "ISO-SEL-001", "--out", "run"]).ended(0);
            make(&disk);
            let before = disk.contents();
            for command in &commands {
                let expected = elsewhere.run(command).ended(0);
                let got = disk.0.run(command);
                assert_eq!(got.code, Some(0), "{name}, {trouble}: {command:?}: {got:?}");
                let own = |text: &str, desk: &Desk| text.replace(desk.path().to_str().unwrap(), "DESK");
                let (got, expected) = (own(&got.stdout, &disk.0), own(&expected.stdout, &elsewhere));
                if command[..] != ["report", "show", "run"] {
                    assert_eq!(got, expected, "{name}, {trouble}: {command:?}");
                }
                let after = disk.contents();
                let left: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
                assert!(left.is_empty(), "{name}, {trouble}: {command:?} left {left:?}");
                for (path, octets) in &before {
                    // The index of a log is made anew by whoever reads.
                    let is_index = path.to_str().unwrap().ends_with("-shm");
                    assert!(is_index || after[path] == *octets, "{name}, {trouble}: {command:?} changed {path:?}");
                }
            }
        }
    }
}

/// A card is looked at without the journal, as long as nothing is to be written down.
#[test]
fn an_enquiry_needs_no_room_in_the_journal() {
    if !inside() {
        return;
    }
    let paid = Desk::new(&[]);
    paid.run(&["pay", "100"]).ended(0);
    for command in ["balance", "history"] {
        let disk = Disk::of(&paid).without_reserve();
        let shown = disk.0.run(&[command]).ended(0).stdout;
        disk.leave(0);
        let ran = disk.0.run(&[command]).ended(0);
        assert_eq!(ran.stdout, shown);
        assert!(ran.stderr.contains("journal.db: the disk is full"), "{ran:?}");
        // What became of an open order cannot be written down, and so is not told as if it were.
        let disk = Disk::of(&two_sales()).without_reserve();
        disk.leave(0);
        let ran = disk.0.run(&[command]).ended(1);
        assert!(ran.stdout.contains("moved nothing") && ran.stdout.contains("the disk is full"), "{ran:?}");
        disk.make_room();
        assert_eq!(disk.0.json(0, &["resolve"])["settled"].as_array().unwrap().len(), 1);
    }
}

/// REQ-RUL-12. Room for the end of an order is kept before it is sent: with no octet left on the disk what the card says of it is written down, by
/// whichever command meets the card, also after many that only look, and after another process had the room in between.
#[test]
fn an_open_order_is_closed_on_a_disk_without_any_room() {
    if !inside() {
        return;
    }
    for command in [&["resolve"][..], &["balance"], &["history"], &["pay", "40"], &["resolve", "--acknowledge", "2"]] {
        for looks in [0, 1, 12] {
            let about = format!("{command:?} after {looks} looks");
            let disk = Disk::of(&two_sales());
            disk.leave(0);
            for _ in 0..looks {
                disk.0.run(&["journal", "list"]).ended(0);
                disk.0.run(&["card", "info"]).ended(0);
            }
            let ran = disk.0.run(command);
            if command[0] == "pay" {
                // There is room for the end of the old order, and none for a new one.
                assert!(ran.code == Some(1) && ran.stdout.contains("moved nothing"), "{about}: {ran:?}");
            } else {
                assert_eq!(ran.code, Some(0), "{about}: {ran:?}");
            }
            let state = disk.0.json(0, &["journal", "show", "2"])["order"]["state"].clone();
            let expected = if command.contains(&"--acknowledge") { "acknowledged" } else { "paid" };
            assert_eq!(state, expected, "{about}");
        }
    }
}

/// Files that are written; all other places for a file are read.
const WRITTEN: [&str; 6] = ["--journal", "--state", "--trace", "--out", "--map", "--resume"];
const READ: [&str; 8] = [
    "--profile",
    "--statement",
    "--cases",
    "--expect",
    "--key-log",
    "--stop-list",
    "--pin-file",
    "--terminal-statement",
];

/// What else a command needs to come to the file that it is to write.
fn others(place: &Place) -> &'static [&'static str] {
    let words: Vec<&str> = place.path.iter().map(String::as_str).collect();
    match words[..] {
        ["mutants"] => &["debit-twice"],
        ["explore"] => &["--order", "top-up"],
        ["report", "show" | "merge"] => &["part"],
        ["journal", "show"] | ["card", "serve"] | ["pay" | "topup" | "test"] => place.others(),
        _ => &[],
    }
}

#[test]
fn every_file_that_cannot_be_written_is_told_by_its_name_and_with_the_reason() {
    if !inside() {
        return;
    }
    let mut told = 0;
    let elsewhere = Desk::new(&[]);
    elsewhere.run(&["test", "ISO-SEL-001", "--shard", "1/1", "--out", "part"]).ended(0);
    for place in places::all() {
        let Some(option) = place.option.as_deref() else { continue };
        if READ.contains(&option) {
            continue;
        }
        assert!(WRITTEN.contains(&option), "{place:?}: say above whether this file is written");
        for (trouble, make) in TROUBLES {
            let (disk, data) = (Disk::new(), Desk::new(&[]));
            make(&disk);
            let new = || {
                let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
                command.env_clear().env("LANG", "C.UTF-8").env("XDG_DATA_HOME", data.path());
                command.current_dir(elsewhere.path()).stdin(Stdio::null());
                command
            };
            // A sale, for who gives back.
            ran(new().args(["pay", "5"])).ended(0);
            let mut command = new();
            let file = disk.0.path().join("file");
            command.args(&place.path).args(others(&place)).arg(option).arg(&file);
            let ran = ran(&mut command);
            let about = format!("{command:?}, {trouble}: {ran:?}");
            in_plain_words(&ran.stderr);
            if ["requires a subcommand", "needs a terminal window"].iter().any(|words| ran.stderr.contains(words)) {
                continue;
            }
            if ran.stderr.contains(trouble) {
                told += 1;
                assert!(ran.stderr.contains("file"), "{about}");
                let at_card = ["pay", "topup", "refund", "balance", "history", "resolve", "card", "demo"];
                if at_card.contains(&place.path[0].as_str()) {
                    // A trace that stops changes nothing; all else comes before the card.
                    let goes_on = ran.code == Some(0) && option == "--trace";
                    assert!(goes_on || ran.code == Some(1), "{about}");
                    let is_said = ran.stderr.contains("nothing was sent") || place.path[0] == "card";
                    assert!(goes_on || is_said, "{about}");
                } else {
                    assert_eq!(ran.code, Some(2), "{about}");
                }
            } else {
                // It had no need to write: a journal that is missing is no place to read one, a card that is missing none to throw away.
                let comes_later =
                    ["there is no journal", "cannot reach vpcd"].iter().any(|words| ran.stderr.contains(words));
                assert!(ran.code == Some(0) || comes_later, "{about}");
                assert!(matches!(option, "--journal" | "--state"), "{about}");
            }
        }
    }
    println!("{told} told");
    assert!(told > 40, "{told}");
}

/// The orders that are tried on a disk that fills, each on a desk that is ready for it.
const ORDERS: [Order; 4] = [
    Order { arguments: &["pay", "40"], moves: -40, number: 3 },
    Order { arguments: &["topup", "40"], moves: 40, number: 3 },
    Order { arguments: &["refund", "20"], moves: 20, number: 3 },
    Order { arguments: &["pay", "40", "--tear", "value"], moves: -40, number: 3 },
];

/// What an order on a disk with so little room has come to, and after it with room again.
fn order_came_to_its_end(base: &Desk, disk: &Disk, order: Order, ended: &Ran, about: &str) {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    in_plain_words(&said);
    let desk = disk.0.copy();
    let (before, moved) = (Held::by(&base.copy()), Held::by(&desk).balance != Held::by(&base.copy()).balance);
    if moved {
        assert!(state_of(&desk.copy(), order.number).is_some(), "{about}: sent before it was written down: {ended:?}");
    }
    match ended.code {
        Some(0) => assert!(moved, "{about}: {ended:?}"),
        Some(1) => {
            assert!(!moved, "{about}: {ended:?}");
            assert!(said.contains("nothing was sent") || said.contains("moved nothing"), "{about}: {ended:?}");
        }
        Some(2) => assert!(said.contains("UNRESOLVED"), "{about}: {ended:?}"),
        _ => panic!("{about}: {ended:?}"),
    }
    if ended.code != Some(0) {
        assert!(
            said.contains("takes no more") || said.contains("is full") || said.contains("quota"),
            "{about}: {said}"
        );
    }
    disk.make_room();
    disk.0.run(&["resolve"]).ended(0);
    // The two sales before are resolved and change nothing that is counted here.
    check(&disk.0, order, &before);
}

#[test]
fn an_order_on_a_disk_with_any_room_left_is_whole_or_open_or_not_sent() {
    if !inside() {
        return;
    }
    let base = two_sales();
    let mut codes = BTreeMap::new();
    for order in ORDERS {
        for kib in (0..=160).step_by(4) {
            let disk = Disk::of(&base);
            disk.leave(kib);
            let ended = disk.0.run(order.arguments);
            *codes.entry(ended.code).or_insert(0) += 1;
            let about = format!("{:?} with {kib} KiB left", order.arguments);
            order_came_to_its_end(&base, &disk, order, &ended, &about);
        }
    }
    println!("codes: {codes:?}");
    // Nothing is ever left open: for the end of an order that was sent there is room.
    assert_eq!(codes.keys().copied().collect::<Vec<_>>(), [Some(0), Some(1)], "{codes:?}");
}

#[test]
fn what_is_resolved_on_a_full_disk_stays_open_and_is_resolved_later() {
    if !inside() {
        return;
    }
    let base = two_sales();
    for command in [&["resolve"][..], &["resolve", "--acknowledge", "2"]] {
        for kib in (0..=120).step_by(4) {
            let disk = Disk::of(&base).without_reserve();
            disk.leave(kib);
            let ended = disk.0.run(command);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            in_plain_words(&said);
            let is_refused = matches!(ended.code, Some(1 | 2)) && said.contains("the disk is full");
            assert!(ended.code == Some(0) || is_refused, "{kib} KiB: {ended:?}");
            disk.make_room();
            disk.0.run(&["resolve"]).ended(0);
            check(&disk.0, Order { arguments: &[], moves: 0, number: 2 }, &{
                let held = Held::by(&disk.0);
                Held { transactions: held.transactions - 1, ..held }
            });
        }
    }
}

/// The window says it before it opens where it can, and on its screen where it is open.
#[test]
fn the_window_tells_it() {
    if !inside() {
        return;
    }
    let paid = Desk::new(&[]);
    paid.run(&["pay", "100"]).ended(0);
    for (trouble, make) in TROUBLES {
        let disk = Disk::of(&paid).without_reserve();
        make(&disk);
        let mut window = disk.0.command(&[]);
        window.env("TERM", "xterm-256color");
        let left = Screen::start(&window, (24, 160)).wait();
        assert_eq!(left.status.code(), Some(1), "{}", left.text);
        assert!(left.text.contains(trouble) && left.text.contains("nothing was sent"), "{}", left.text);
    }
    let disk = Disk::of(&paid);
    let mut window = disk.0.command(&[]);
    window.env("TERM", "xterm-256color");
    let mut screen = Screen::start(&window, (40, 120));
    screen.wait_for("ask for the card");
    disk.leave(0);
    screen.type_keys("40\r");
    screen.wait_for("TOUCH CARD");
    screen.type_keys("p");
    screen.wait_for("The order was not sent to the card.");
    // Its panel is narrow.
    assert!(screen.shows("JOURNAL FAULT") && screen.shows("the disk is"), "{}", screen.text());
    screen.type_keys("q");
    assert_eq!(screen.wait().status.code(), Some(0));
    assert_eq!(Held::by(&disk.0).balance, Held::by(&paid).balance);
}
