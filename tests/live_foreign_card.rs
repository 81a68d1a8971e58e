//! The suite at cards that nobody here wrote, through pcscd and vpcd: opcard, an OpenPGP card (examples/openpgp-card), and the card of
//! vsmartcard's Python library (examples/vsmartcard-card).
#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::pcscd::{Pcscd, READER};
use support::untorn::{Desk, ran};
use support::virtual_card::Seen;

/// The identifier that it has: version 3.4, manufacturer and serial number zero.
const CARD: &str = "D2760001240103040000000000000000";

/// `make test` builds it beside untorn.
fn program() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_untorn")).with_file_name("openpgp-card");
    if program.exists() {
        return Some(program);
    }
    let hint =
        "cargo build --manifest-path examples/openpgp-card/Cargo.toml, with untorn's own target folder and profile";
    assert!(std::env::var_os("CI").is_none(), "{} is not there: {hint}", program.display());
    eprintln!("SKIPPED, {} is not there: {hint}", program.display());
    None
}

/// The program, its card at the reader; ends when dropped.
struct Shown(Child);

impl Shown {
    fn start(program: &Path, pcscd: &Pcscd) -> Self {
        Self::run(Command::new(program).arg(pcscd.address().to_string()).stderr(Stdio::inherit()))
    }

    fn run(program: &mut Command) -> Self {
        let seen = Seen::start();
        let shown = Self(program.spawn().unwrap());
        seen.wait_inserted();
        shown
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn example(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).display().to_string()
}

/// All that is claimed holds but for what `openpgp-expected.toml` names, and each of these is still so.
#[test]
fn an_openpgp_card_does_what_the_report_says() {
    let (Some(program), Some(pcscd)) = (program(), Pcscd::start()) else { return };
    let _shown = Shown::start(&program, &pcscd);
    let desk = Desk::new(&[]);
    let files = ["openpgp-statement.toml", "openpgp.toml", "openpgp-expected.toml"].map(example);
    let [statement, cases, expected] = files.each_ref().map(String::as_str);
    let arguments = ["test", "iso7816_4", "openpgp", "--reader", READER, "--card", CARD, "--json"];
    let files = ["--statement", statement, "--cases", cases, "--expect", expected];
    let ran = ran(desk.command(&[&arguments[..], &files[..]].concat()).env("HOME", desk.path())).ended(0);
    assert_eq!(ran.json()["detail"], "44 passed, 0 failed, 4 expected, 29 not applicable: clean", "{ran:?}");
}

/// Of Debian's `python3-virtualsmartcard`. Debian's own Python runs it.
const PYTHON: &str = "/usr/bin/python3";
const LIBRARY: &str = "/usr/lib/python3/site-packages/virtualsmartcard";

/// The same with the card of vsmartcard's library: what it is accused of, `reports/foreign-card.md` confirms by hand.
#[test]
fn a_card_of_vsmartcard_does_what_the_report_says() {
    if !Path::new(LIBRARY).exists() {
        let hint = "apt-get install python3-virtualsmartcard python3-pycryptodome";
        assert!(std::env::var_os("CI").is_none(), "{LIBRARY} is not there: {hint}");
        eprintln!("SKIPPED, {LIBRARY} is not there: {hint}");
        return;
    }
    let Some(pcscd) = Pcscd::start() else { return };
    let files = ["card.py", "statement.toml", "expected.toml"].map(|name| example(&format!("vsmartcard-card/{name}")));
    let [card, statement, expected] = files.each_ref().map(String::as_str);
    let address = pcscd.address();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let _shown = Shown::run(Command::new(PYTHON).args([card, &host, &port]).stderr(Stdio::null()));
    let desk = Desk::new(&[]);
    let arguments = ["test", "iso7816_4", "--reader", READER, "--json"];
    let files = ["--statement", statement, "--expect", expected];
    let ran = ran(desk.command(&[&arguments[..], &files[..]].concat()).env("HOME", desk.path())).ended(0);
    assert_eq!(ran.json()["detail"], "22 passed, 0 failed, 4 expected, 45 not applicable: clean", "{ran:?}");
}
