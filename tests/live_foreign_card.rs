//! The suite at a card that nobody here wrote: opcard, an OpenPGP card (examples/openpgp-card), through pcscd and vpcd.
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
        let seen = Seen::start();
        let shown =
            Self(Command::new(program).arg(pcscd.address().to_string()).stderr(Stdio::inherit()).spawn().unwrap());
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
    assert_eq!(ran.json()["detail"], "39 passed, 0 failed, 4 expected, 24 not applicable: clean", "{ran:?}");
}
