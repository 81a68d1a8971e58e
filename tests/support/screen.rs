//! A terminal of the test's own, and a program in it: what a person would see, and what they type.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// A bound for what should take milliseconds: what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program in its terminal.
pub struct Screen {
    child: Child,
    master: Option<File>,
    slave: Option<OwnedFd>,
    before: Termios,
    pieces: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    raw: Vec<u8>,
}

/// How it ended.
#[derive(Debug)]
pub struct Left {
    pub status: ExitStatus,
    /// From the signal to the end.
    pub took: Duration,
    /// Whether the terminal is as it was: its modes, the first screen, a cursor that is seen, no mouse.
    pub is_whole: bool,
    /// What stands on the screen.
    pub text: String,
}

impl Left {
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

impl Screen {
    /// Starts it; `size` is lines and columns.
    pub fn start(command: &Command, size: (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let slave = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap();
        let winsize = Winsize { ws_row: size.0, ws_col: size.1, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, winsize).unwrap();
        let before = tcgetattr(&slave).unwrap();
        // `setsid` becomes the program: it keeps its process id.
        let mut inside = Command::new("setsid");
        inside.arg(command.get_program()).args(command.get_args()).env_clear().env("PATH", "/usr/bin:/bin");
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        let end = || Stdio::from(slave.try_clone().unwrap());
        let child = inside.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop(inside);
        let master = File::from(master);
        let mut read = master.try_clone().unwrap();
        let (sender, pieces) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = read.read(&mut piece) {
                if sender.send(piece[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let parser = vt100::Parser::new(size.0, size.1, 0);
        Self { child, master: Some(master), slave: Some(slave), before, pieces, parser, raw: Vec::new() }
    }

    /// Types this.
    pub fn type_keys(&mut self, keys: &str) {
        self.master.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this stands on the screen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.shows(text) {
            match self.pieces.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(piece) => self.take(&piece),
                Err(error) => panic!("{error}: {text:?} does not come; the screen:\n{}", self.text()),
            }
        }
    }

    /// Whether this stands on the screen.
    pub fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Every octet that came.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    fn take(&mut self, piece: &[u8]) {
        self.raw.extend_from_slice(piece);
        self.parser.process(piece);
    }

    /// Sends a signal and waits for the end.
    #[track_caller]
    pub fn signal(self, signal: Signal) -> Left {
        let id = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        let begun = Instant::now();
        kill_process(id, signal).unwrap();
        self.end(begun)
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait(self) -> Left {
        self.end(Instant::now())
    }

    #[track_caller]
    fn end(mut self, begun: Instant) -> Left {
        let status = wait_bounded(&mut self.child);
        let took = begun.elapsed();
        let after = tcgetattr(self.slave.as_ref().unwrap()).unwrap();
        drop(self.slave.take());
        // The end comes when nobody holds the other side any more.
        loop {
            match self.pieces.recv_timeout(PATIENCE) {
                Ok(piece) => self.take(&piece),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("something holds the terminal after the end"),
            }
        }
        let modes =
            |termios: &Termios| (termios.input_modes, termios.output_modes, termios.control_modes, termios.local_modes);
        let screen = self.parser.screen();
        let is_whole = modes(&after) == modes(&self.before)
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
        Left { status, took, is_whole, text: self.text() }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Where a test has failed.
        let _ = self.child.kill();
    }
}

/// Waits for the end of a program; one that hangs is killed, and the test fails.
#[track_caller]
pub fn wait_bounded(child: &mut Child) -> ExitStatus {
    let id = Pid::from_raw(child.id().cast_signed()).unwrap();
    let (sender, ended) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let is_hung = ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if is_hung {
            let _ = kill_process(id, Signal::KILL);
        }
        is_hung
    });
    let status = child.wait().unwrap();
    drop(sender);
    assert!(!watch.join().unwrap(), "it hangs");
    status
}
