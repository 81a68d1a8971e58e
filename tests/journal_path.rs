//! What may be at the path of a journal, and what each command makes of it: only where nothing is, and nothing of an older journal
//! either, is a new one made.

#![allow(clippy::expect_used, clippy::unwrap_used, dead_code, reason = "a test stops where something is missing")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::untorn::{Desk, ran};

/// A desk with an order of which nobody knows what came of it.
fn desk_with_an_open_order() -> Desk {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "10", "--tear", "3", "--no-retouch"]).ended(2);
    desk
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Every name at the desk except the card's, with what it holds or where it leads.
fn contents(desk: &Desk) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(desk.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| *path != desk.state());
    all.sort();
    let octets = |path: &Path| match fs::read_link(path) {
        Ok(target) => target.as_os_str().as_encoded_bytes().to_vec(),
        Err(_) if path.is_file() => fs::read(path).unwrap(),
        Err(_) => b"no file".to_vec(),
    };
    all.into_iter().map(|path| (path.clone(), octets(&path))).collect()
}

type Spoil = fn(&Desk);

/// What is at the path, how it comes to be, the code of each command, and a word of the refusal.
const STATES: &[(&str, Spoil, i32, &str)] = &[
    ("emptied, with its lock", |desk| drop(fs::write(desk.journal(), "")), 1, "empty"),
    (
        "emptied, without its lock",
        |desk| {
            fs::write(desk.journal(), "").unwrap();
            fs::remove_file(beside(&desk.journal(), "-lock")).unwrap();
        },
        1,
        "empty",
    ),
    (
        "emptied, its log left by a crash",
        |desk| {
            fs::write(desk.journal(), "").unwrap();
            fs::write(beside(&desk.journal(), "-wal"), "the last lines").unwrap();
            fs::write(beside(&desk.journal(), "-shm"), "shared").unwrap();
        },
        1,
        "empty",
    ),
    (
        "made by touch",
        |desk| {
            gone(desk);
            fs::write(desk.journal(), "").unwrap();
        },
        1,
        "empty",
    ),
    ("deleted, its lock left", |desk| drop(fs::remove_file(desk.journal())), 1, "-lock"),
    (
        "deleted, its log left",
        |desk| {
            gone(desk);
            fs::write(beside(&desk.journal(), "-wal"), "the last lines").unwrap();
        },
        1,
        "-wal",
    ),
    (
        "deleted, an empty log left",
        |desk| {
            gone(desk);
            fs::write(beside(&desk.journal(), "-wal"), "").unwrap();
        },
        1,
        "-wal",
    ),
    (
        "deleted, its shared memory left",
        |desk| {
            gone(desk);
            fs::write(beside(&desk.journal(), "-shm"), "shared").unwrap();
        },
        1,
        "-shm",
    ),
    (
        "deleted, the room for its orders left",
        |desk| {
            gone(desk);
            fs::write(beside(&desk.journal(), "-reserve"), "").unwrap();
        },
        1,
        "-reserve",
    ),
    (
        "deleted, a link to a lock left",
        |desk| {
            gone(desk);
            symlink("nowhere", beside(&desk.journal(), "-lock")).unwrap();
        },
        1,
        "-lock",
    ),
    (
        "a link that leads nowhere",
        |desk| {
            gone(desk);
            symlink("elsewhere.db", desk.journal()).unwrap();
        },
        1,
        "leads to nothing",
    ),
    (
        "a link to an emptied journal",
        |desk| {
            gone(desk);
            fs::write(desk.path().join("elsewhere.db"), "").unwrap();
            symlink("elsewhere.db", desk.journal()).unwrap();
        },
        1,
        "empty",
    ),
    (
        "a directory",
        |desk| {
            gone(desk);
            fs::create_dir(desk.journal()).unwrap();
        },
        3,
        "not a journal",
    ),
    (
        "another database",
        |desk| {
            gone(desk);
            let other = rusqlite::Connection::open(desk.journal()).unwrap();
            other.execute_batch("CREATE TABLE diary (line TEXT)").unwrap();
        },
        3,
        "not a journal",
    ),
    ("a text", |desk| drop(fs::write(desk.journal(), "my diary, my diary")), 3, "not a journal"),
    ("cut off in its header", |desk| cut(desk, 99), 1, "damaged"),
    ("cut off after its first page", |desk| cut(desk, 4096), 1, "damaged"),
];

/// Journal and lock are moved away, as by a person who knows both.
fn gone(desk: &Desk) {
    fs::remove_file(desk.journal()).unwrap();
    fs::remove_file(beside(&desk.journal(), "-lock")).unwrap();
    fs::remove_file(beside(&desk.journal(), "-reserve")).unwrap();
}

fn cut(desk: &Desk, octets: u64) {
    fs::File::options().write(true).open(desk.journal()).unwrap().set_len(octets).unwrap();
}

/// Every command that has a use for a journal.
const COMMANDS: &[&[&str]] = &[
    &["pay", "10"],
    &["pay", "10", "--tear", "3", "--no-retouch"],
    &["topup", "10"],
    &["refund"],
    &["balance"],
    &["history"],
    &["resolve"],
    &["resolve", "--acknowledge", "1"],
    &["journal", "list"],
    &["journal", "list", "--unresolved"],
    &["journal", "show", "1"],
    &["journal", "totals"],
    &["journal", "verify"],
    &["journal", "export"],
];

#[test]
fn what_was_a_journal_is_refused_by_every_command_alike_and_left_as_it_is() {
    for (name, spoil, code, word) in STATES {
        let desk = desk_with_an_open_order();
        spoil(&desk);
        let before = contents(&desk);
        let card = fs::read(desk.state()).unwrap();
        let mut said = Vec::new();
        for command in COMMANDS {
            let ran = desk.run(command);
            assert_eq!(ran.code, Some(*code), "{name}: {command:?}: {ran:?}");
            assert!(ran.stderr.contains(word) && ran.stderr.contains(".db"), "{name}: {command:?}: {ran:?}");
            assert_eq!(contents(&desk), before, "{name}: {command:?} left its traces");
            assert_eq!(fs::read(desk.state()).unwrap(), card, "{name}: {command:?} touched the card");
            said.push(ran.stderr);
        }
        said.dedup();
        assert_eq!(said.len(), 1, "{name}: one thing in several words: {said:#?}");
    }
}

/// The same in the window, which needs a terminal of its own.
#[cfg(target_os = "linux")]
#[test]
fn the_window_refuses_the_same() {
    for (name, spoil, code, word) in STATES {
        let desk = desk_with_an_open_order();
        spoil(&desk);
        let before = contents(&desk);
        let window = desk.command(&[]);
        let words = std::iter::once(window.get_program()).chain(window.get_args()).map(|word| word.to_str().unwrap());
        let mut script = Command::new("timeout");
        script.args(["20", "script", "--quiet", "--return", "--command"]).arg(words.collect::<Vec<_>>().join(" "));
        let ran = ran(script.arg("/dev/null").stdin(Stdio::null()));
        assert!(ran.code == Some(*code) && ran.stdout.contains(word), "{name}: {ran:?}");
        assert_eq!(contents(&desk), before, "{name}");
    }
}

#[test]
fn a_new_journal_is_announced_once_and_only_an_order_or_a_touch_makes_one() {
    for command in [&["pay", "10"][..], &["balance"], &["history"], &["resolve"], &["topup", "10"]] {
        let desk = Desk::new(&[]);
        let missing = desk.run(&["journal", "list"]).ended(3);
        assert!(missing.stderr.contains("no journal at") && !desk.journal().exists(), "{missing:?}");
        let first = desk.run(command).ended(0);
        assert!(first.stderr.contains("A new journal was made: ") && first.stderr.contains("journal.db"), "{first:?}");
        assert!(!desk.run(command).ended(0).stderr.contains("new journal"), "{command:?}");
        let desk = Desk::new(&[]);
        let path = fs::canonicalize(desk.path()).unwrap().join("journal.db");
        assert_eq!(desk.json(0, command)["new_journal"], path.to_str().unwrap(), "{command:?}");
        assert!(desk.json(0, command).get("new_journal").is_none(), "{command:?}");
    }
}

/// Killed at each call to the system that a creation makes: the next start makes a journal or opens the one that was made.
#[cfg(target_os = "linux")]
#[test]
fn a_kill_at_any_step_of_the_creation_leaves_none_or_a_whole_one() {
    // Of these calls the first, the second and so on, until there are no more.
    const CALLS: [&str; 10] =
        ["openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "renameat2", "unlink", "flock"];
    let works = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "strace must work");
        println!("SKIPPED: there is no strace, or it may not trace");
        return;
    }
    let (mut none, mut whole) = (0, 0);
    for call in CALLS {
        for number in 1.. {
            let desk = Desk::new(&[]);
            let resolve = desk.command(&["resolve"]);
            let mut strace = Command::new("strace");
            strace.args(["-f", "-o", "/dev/null", "-e"]).arg(format!("inject={call}:signal=SIGKILL:when={number}"));
            strace.arg(resolve.get_program()).args(resolve.get_args()).current_dir(desk.path()).env_clear();
            if ran(strace.stdin(Stdio::null())).code == Some(0) {
                break;
            }
            let exists = desk.journal().exists();
            let again = desk.run(&["pay", "10"]).ended(0);
            assert_eq!(again.stderr.contains("A new journal was made"), !exists, "{call} {number}: {again:?}");
            desk.run(&["journal", "verify"]).ended(0);
            let left: Vec<_> = contents(&desk).into_iter().map(|(path, _)| path).collect();
            assert!(!left.iter().any(|path| path.to_string_lossy().contains("-new")), "{call} {number}: {left:?}");
            if exists { whole += 1 } else { none += 1 }
        }
    }
    println!("killed at {} calls: {none} left none, {whole} a whole one", none + whole);
    assert!(none > 20 && whole > 5, "{none} without, {whole} with a journal");
}

/// Of several that start at once one makes the journal, and all of them find it: none is told that something is damaged.
#[test]
fn processes_that_start_at_once_make_one_journal() {
    for round in 0..10 {
        let desk = Desk::new(&[]);
        let start = |number: usize| {
            let state = desk.path().join(format!("card-{number}"));
            let mut command = desk.command(&["--json", "resolve", "--state", state.to_str().unwrap()]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let children: Vec<_> = (0..4).map(start).collect();
        let mut made = 0;
        for child in children {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let object: serde_json::Value = serde_json::from_str(&text).unwrap();
            made += usize::from(object.get("new_journal").is_some());
            let in_use = object["detail"].as_str().unwrap().contains("in use");
            assert!(output.status.code() == Some(0) || in_use, "round {round}: {text}");
        }
        // Whoever made it may have found it taken by one that was quicker to lock it.
        assert!(made <= 1, "round {round}: {made} say that they made it");
        desk.run(&["journal", "verify"]).ended(0);
    }
}
