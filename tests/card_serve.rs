//! `card serve` at a vpcd that the test plays: it says when its card lies in the slot and when it does not, outlives a restart of the
//! service, and ends by each signal in each of its states with the card's memory whole.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use rustix::process::{Pid, Signal, kill_process};
use support::screen::wait_bounded;
use support::untorn::Desk;

/// A bound for what should take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
const WAITING: &str = "waiting for the slot: another card is in it";
const GONE: &str = "vpcd closed the connection; waiting until it is back";
const POWER_ON: u8 = 1;
const ATR: u8 = 4;

/// Listens as vpcd does: one waits in the system's queue, the next gets no answer at all.
fn slot(port: u16) -> TcpListener {
    // Not for the program under test to inherit.
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    sockopt::set_socket_reuseaddr(&socket, true).unwrap();
    bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
    listen(&socket, 0).unwrap();
    socket.into()
}

/// vpcd's side of one card.
struct Driver(TcpStream);

impl Driver {
    fn accept(slot: &TcpListener) -> Self {
        Self(slot.accept().unwrap().0)
    }

    fn send(&mut self, octets: &[u8]) {
        self.0.write_all(&(octets.len() as u16).to_be_bytes()).unwrap();
        self.0.write_all(octets).unwrap();
    }

    fn ask(&mut self, octets: &[u8]) -> Vec<u8> {
        self.send(octets);
        let mut length = [0; 2];
        self.0.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut answer).unwrap();
        answer
    }
}

/// `untorn card serve`, and what it says.
struct Server {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where a test has failed.
        let _ = self.child.kill();
    }
}

impl Server {
    fn start(desk: &Desk, slot: &TcpListener, more: &[&str]) -> Self {
        let address = slot.local_addr().unwrap().to_string();
        let mut words = vec!["card", "serve", "--vpcd", &address];
        words.extend(more);
        let mut child = desk.command(&words).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let said: Lines<BufReader<ChildStdout>> = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || said.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    #[track_caller]
    fn says(&self, text: &str) {
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error}: {text:?} does not come"));
        assert_eq!(line, text);
    }

    /// Sends the signal and waits for the end.
    #[track_caller]
    fn end(mut self, signal: Signal, about: &str) {
        let id = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        let begun = Instant::now();
        kill_process(id, signal).unwrap();
        let ended = wait_bounded(&mut self.child);
        println!("{about}, {signal:?}: {:?}", begun.elapsed());
        if signal == Signal::KILL {
            assert_eq!(ended.signal(), Some(9), "{about}");
        } else {
            assert_eq!(ended.code(), Some(0), "{about}, {signal:?}: {ended:?}");
        }
    }
}

#[test]
fn it_says_whether_the_card_lies_in_the_slot_and_outlives_a_restart() {
    let desk = Desk::new(&[]);
    let vpcd = slot(0);
    let port = vpcd.local_addr().unwrap().port();
    let server = Server::start(&desk, &vpcd, &[]);
    server.says(WAITING);
    let mut driver = Driver::accept(&vpcd);
    assert!(!driver.ask(&[ATR]).is_empty());
    server.says("presented");
    // The slot first: it would take the next connection and lose that too.
    drop(vpcd);
    drop(driver);
    server.says(GONE);
    let vpcd = slot(port);
    let mut driver = Driver::accept(&vpcd);
    assert!(!driver.ask(&[ATR]).is_empty());
    server.says("presented");
    driver.send(&[POWER_ON]);
    server.says("reset");
    server.end(Signal::INT, "presented again");
}

/// Brings a server into a state; what must stay open for it comes back.
type Reach = fn(&Desk) -> (Server, Box<dyn std::any::Any>);

const STATES: &[(&str, Reach)] = &[
    ("no room in the queue", |desk| {
        let vpcd = slot(0);
        let address = vpcd.local_addr().unwrap();
        let round = Duration::from_millis(100);
        let others: Vec<_> = std::iter::from_fn(|| TcpStream::connect_timeout(&address, round).ok()).collect();
        let server = Server::start(desk, &vpcd, &[]);
        server.says(WAITING);
        (server, Box::new((vpcd, others)))
    }),
    ("in the queue", |desk| {
        let vpcd = slot(0);
        let server = Server::start(desk, &vpcd, &[]);
        server.says(WAITING);
        (server, Box::new(vpcd))
    }),
    ("presented", |desk| {
        let (server, driver, vpcd) = presented(desk, &[]);
        (server, Box::new((driver, vpcd)))
    }),
    ("after a command", |desk| {
        let (server, mut driver, vpcd) = presented(desk, &[]);
        driver.send(&[POWER_ON]);
        server.says("reset");
        driver.ask(&[0x00, 0xA4, 0x04, 0x00]);
        (server, Box::new((driver, vpcd)))
    }),
    ("in the middle of a message", |desk| {
        let (server, mut driver, vpcd) = presented(desk, &[]);
        driver.0.write_all(&[0x00]).unwrap();
        (server, Box::new((driver, vpcd)))
    }),
    ("lifted", |desk| {
        let (server, mut driver, vpcd) = presented(desk, &["--lift-at", "1", "--no-retouch"]);
        driver.send(&[POWER_ON]);
        server.says("reset");
        driver.send(&[0x00, 0xA4, 0x04, 0x00]);
        server.says("lifted");
        (server, Box::new((driver, vpcd)))
    }),
    ("away for a second", |desk| {
        let (server, mut driver, vpcd) = presented(desk, &["--lift-at", "1"]);
        driver.send(&[POWER_ON]);
        server.says("reset");
        driver.send(&[0x00, 0xA4, 0x04, 0x00]);
        server.says("lifted");
        (server, Box::new((driver, vpcd)))
    }),
    ("vpcd is gone", |desk| {
        let (server, driver, vpcd) = presented(desk, &[]);
        drop((driver, vpcd));
        server.says(GONE);
        (server, Box::new(()))
    }),
];

fn presented(desk: &Desk, more: &[&str]) -> (Server, Driver, TcpListener) {
    let vpcd = slot(0);
    let server = Server::start(desk, &vpcd, more);
    let mut driver = Driver::accept(&vpcd);
    driver.ask(&[ATR]);
    let first = server.lines.recv_timeout(PATIENCE).unwrap();
    if first == WAITING {
        server.says("presented");
    } else {
        assert_eq!(first, "presented");
    }
    (server, driver, vpcd)
}

#[test]
fn each_signal_ends_it_in_each_state() {
    for (about, reach) in STATES {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::KILL] {
            let desk = Desk::new(&[]);
            let (server, held) = reach(&desk);
            server.end(signal, about);
            drop(held);
            desk.run(&["card", "info"]).ended(0);
        }
    }
}
