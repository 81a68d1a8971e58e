//! Every option and argument of every command that takes a file, by the command line's own list, at everything that a path can lead to:
//! it ends, and says one short thing in which nothing acts on the screen.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{CWD, FileType, mknodat};
use support::places::{Place, all};
use support::screen::wait_bounded;
use untorn::report::plain::is_unsafe;

/// Octets of all that is said on the standard error: some lines of a shell.
const SAID_MAX: u64 = 2_000;
/// Runs at a time: most of them wait for the disk.
const WORKERS: usize = 4;

/// What a path can lead to.
type Make = fn(&Path) -> OsString;

const KINDS: &[(&str, Make)] = &[
    ("a named pipe", |folder| {
        let path = folder.join("pipe");
        mknodat(CWD, &path, FileType::Fifo, 0o600.into(), 0).unwrap();
        path.into()
    }),
    ("a directory", |folder| {
        let path = folder.join("folder");
        fs::create_dir(&path).unwrap();
        path.into()
    }),
    ("a socket", |folder| {
        let path = folder.join("socket");
        drop(UnixListener::bind(&path).unwrap());
        path.into()
    }),
    ("a file without an end", |_| "/dev/zero".into()),
    ("a line of 50 MB", |folder| written(folder, "long", &vec![b'A'; 50_000_000])),
    ("no UTF-8", |folder| written(folder, "latin", b"name = \"K\xF6ln\"\n")),
    ("NUL", |folder| written(folder, "nul", b"a\0b\n\0")),
    ("UTF-16", |folder| written(folder, "utf16", b"\xFF\xFEa\0b\0")),
    ("a byte order mark", |folder| written(folder, "bom", b"\xEF\xBB\xBF\r\n")),
    ("escape sequences", |folder| {
        written(folder, "acts", b"\x1b[2J = \"\x1b]0;x\x07\xC2\x9B31m\xE2\x80\xAE\"\r\n[\x1b")
    }),
    ("a name that acts", |folder| written(folder, "\u{1b}[31m\u{9b}2J\u{202e}\n\u{7}name", b"\x1b[2J")),
    ("a name of nothing", |folder| folder.join("\u{1b}]0;gone\u{7}\n").into()),
];

fn written(folder: &Path, name: &str, octets: &[u8]) -> OsString {
    let path = folder.join(name);
    fs::write(&path, octets).unwrap();
    path.into()
}

/// Says which try it was where one fails.
struct Tells(String);

impl Drop for Tells {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed: {}", self.0);
        }
    }
}

fn try_it(place: &Place, kind: &str, make: Make) {
    let desk = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
    command.env_clear().env("LANG", "C.UTF-8").env("XDG_DATA_HOME", desk.path()).current_dir(desk.path());
    command.args(&place.path).args(place.others()).args(&place.option).arg(make(desk.path()));
    let (out, err): (PathBuf, PathBuf) = (desk.path().join("1"), desk.path().join("2"));
    command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let _tells = Tells(format!("{command:?} ({kind})"));
    let ended = wait_bounded(&mut command.spawn().unwrap());
    let about = format!("{command:?} ({kind}): {ended:?}");
    assert!(ended.code().is_some_and(|code| code <= 4), "{about}");
    let length = fs::metadata(&err).unwrap().len();
    assert!(length <= SAID_MAX, "{length} octets are said: {about}");
    assert!(ended.success() || length > 0, "it says nothing: {about}");
    for file in [out, err] {
        let mut text = Vec::new();
        File::open(file).unwrap().take(1 << 20).read_to_end(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(is_unsafe), "{about}: {text:?}");
    }
}

#[test]
fn every_place_for_a_file_at_everything_that_a_path_can_lead_to() {
    let found = all();
    let known = ["--state", "--journal", "--trace", "--profile", "--statement", "--cases", "--expect", "--stop-list"];
    for option in known.iter().chain(&["--pin-file", "--out"]) {
        assert!(found.iter().any(|place| place.option.as_deref() == Some(option)), "{option} is not found");
    }
    let next = AtomicUsize::new(0);
    let tries: Vec<_> = found.iter().flat_map(|place| KINDS.iter().map(move |kind| (place, kind))).collect();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((place, (kind, make))) = tries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    try_it(place, kind, *make);
                }
            });
        }
    });
    println!("{} places, {} tries", found.len(), tries.len());
}

/// What an editor on another system writes is read as it is meant.
#[test]
fn a_byte_order_mark_and_carriage_returns_change_nothing() {
    let desk = support::untorn::Desk::new(&[]);
    let list = desk.path().join("list");
    let card = desk.json(0, &["card", "info"])["card"].as_str().unwrap().to_owned();
    fs::write(&list, format!("\u{feff}{card}\r\n# lost\r\n")).unwrap();
    let refused = desk.json(1, &["--stop-list", "list", "pay", "5"]);
    assert_eq!(refused["result"], "refused", "{refused}");
    fs::write(desk.path().join("pin"), "\u{feff}1234\r\n").unwrap();
    desk.run(&["pay", "12000", "--pin-file", "pin"]).ended(0);
}
