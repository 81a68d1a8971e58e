//! What cannot look for a signal is cut off: a smart card service that never answers, a pipe that nobody reads. The process ends, the
//! journal is whole, and the exit code does not say that nothing happened where something did.

#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use support::kills::{Held, Order, check, state_of};
use support::screen::{Screen, wait_bounded};
use support::untorn::Desk;
use untorn::journal::view::OrderState;

/// A bound for what should take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// A service that takes every connection and answers nothing; tells when somebody came.
fn mute_service(desk: &Desk) -> (std::path::PathBuf, mpsc::Receiver<()>) {
    let path = desk.path().join("pcscd.comm");
    let listener = UnixListener::bind(&path).unwrap();
    let (came, comes) = mpsc::channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for connection in listener.incoming().map_while(Result::ok) {
            held.push(connection);
            if came.send(()).is_err() {
                return;
            }
        }
    });
    (path, comes)
}

/// The same command with the signals as a person's shell leaves them: what runs in the background of a script has SIGINT ignored, and
/// its children inherit that.
fn attentive(command: &Command) -> Command {
    let mut attentive = Command::new("/usr/bin/env");
    attentive.arg("--default-signal=HUP,INT,TERM").arg(command.get_program()).args(command.get_args());
    attentive.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        attentive.current_dir(directory);
    }
    attentive
}

#[test]
fn a_service_that_never_answers() {
    for words in [
        &["--reader", "any", "balance"][..],
        &["--reader", "any", "--card", "554E544F524E0001", "pay", "5"],
        &["readers"],
        &["test", "--reader", "any", "ISO-SEL-*"],
    ] {
        for signal in SIGNALS {
            let desk = Desk::new(&[]);
            let (service, comes) = mute_service(&desk);
            let mut command = desk.command(words);
            command.env("PCSCLITE_CSOCK_NAME", service).env("HOME", desk.path());
            let mut child = attentive(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            comes.recv_timeout(PATIENCE).unwrap();
            let begun = Instant::now();
            kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
            let ended = wait_bounded(&mut child);
            println!("{words:?}, {signal:?}: {:?}", begun.elapsed());
            let is_of_the_signal = ended.signal() == Some(signal.as_raw());
            assert!(is_of_the_signal || ended.code() == Some(2) && words[0] == "test", "{words:?}: {ended:?}");
        }
    }
}

/// The window works on without the service, and leaves without it.
#[test]
fn a_window_beside_a_service_that_never_answers() {
    for signal in [None, Some(Signal::TERM)] {
        let desk = Desk::new(&[]);
        let (service, comes) = mute_service(&desk);
        let mut command = desk.command(&[]);
        command.env("PCSCLITE_CSOCK_NAME", service).env("TERM", "xterm").env("LANG", "C.UTF-8");
        let mut screen = Screen::start(&command, (24, 80));
        comes.recv_timeout(PATIENCE).unwrap();
        screen.wait_for("type the amount");
        let left = if let Some(signal) = signal {
            screen.signal(signal)
        } else {
            screen.type_keys("q");
            screen.wait()
        };
        assert!(left.is_whole && left.signal() == signal.map(Signal::as_raw), "{signal:?}: {left:?}");
    }
}

/// It has paid and cannot say so: neither "done" nor "died before it did anything".
#[test]
fn a_result_that_nobody_reads() {
    for signal in SIGNALS {
        let desk = Desk::new(&[]);
        let before = Held::by(&desk);
        let (reader, mut writer) = std::io::pipe().unwrap();
        let flags = fcntl_getfl(&writer).unwrap();
        fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
        while writer.write(&[b' '; 1024]).is_ok() {}
        fcntl_setfl(&writer, flags).unwrap();
        let mut child: std::process::Child =
            Command::stdout(&mut desk.command(&["pay", "380"]), writer).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !desk.journal().exists() || paid(&desk) != Some(OrderState::Paid) {
            assert!(begun.elapsed() < PATIENCE, "it does not pay");
            std::thread::yield_now();
        }
        let begun = Instant::now();
        kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
        let ended = wait_bounded(&mut child);
        println!("a full pipe, {signal:?}: {:?}", begun.elapsed());
        assert_eq!(ended.code(), Some(2), "{signal:?}: {ended:?}");
        drop(reader);
        check(&desk, Order { arguments: &[], moves: -380, number: 1 }, &before);
    }
}

/// What the journal knows while it may still come to be.
fn paid(desk: &Desk) -> Option<OrderState> {
    untorn::journal::sqlite::SqliteReader::open(desk.journal()).ok().and_then(|_| state_of(desk, 1))
}
