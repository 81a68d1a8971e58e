//! Ctrl-C while a card keeps its answer back: the first is answered in words, the second ends the process, and the report is whole.

#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where something is missing")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};

use rustix::process::{Pid, Signal, kill_process};
use support::pcscd::{PATIENCE, Pcscd, READER};
use support::virtual_card::{Seen, VirtualCard};
use untorn::app::run_folder;
use untorn::card::memory::Memory;
use untorn::card::{Answer, Card};
use untorn::conformance::result::Status;
use untorn::family::families;
use untorn::reader::in_process::shared;

/// Keeps the answer to MANAGE CHANNEL back, and says that it was asked for.
struct Slow {
    card: Box<dyn Card>,
    asked: Mutex<Sender<()>>,
    let_go: Mutex<Receiver<()>>,
}

impl Card for Slow {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.card.reset()
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        if command.get(1) == Some(&0x70) {
            self.asked.lock().unwrap().send(()).unwrap();
            // The end of the other side is what is waited for.
            let _ = self.let_go.lock().unwrap().recv();
        }
        self.card.process(command)
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        self.card.memory()
    }
}

#[test]
fn the_second_ctrl_c_ends_at_once() {
    let Some(pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let (held, let_go) = mpsc::channel::<()>();
    let (asked, was_asked) = mpsc::channel();
    let card = families()[0].virtual_card("default", 1, None).unwrap();
    let slow = Slow { card, asked: Mutex::new(asked), let_go: Mutex::new(let_go) };
    let card = VirtualCard::present(&shared(slow), &pcscd);
    seen.wait_inserted();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut child = Command::new(env!("CARGO_BIN_EXE_untorn"))
        .args(["test", "ISO-LCH-001", "ISO-SEL-001", "--reader", READER, "--out"])
        .arg(&out)
        .env("XDG_DATA_HOME", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = Pid::from_raw(child.id().cast_signed()).unwrap();
    was_asked.recv_timeout(PATIENCE).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line == "Ending after this case, or in a second; Ctrl-C again ends at once."));
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    drop(held);
    drop(card);
    let report = run_folder::read(&out).unwrap();
    assert!(report.interrupted && report.results.len() == 2);
    assert!(report.results.iter().any(|result| result.status == Status::NotRun), "the case that was under way");
}
