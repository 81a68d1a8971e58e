//! For the kill tests only: the process kills itself, as a power cut would, at a point that the test counts through.
//!
//! `UNTORN_KILL_AT=action:N` kills before the N-th action of the terminal is carried out, counted from 0 over the whole
//! process ([`crate::session::Desk::checkpoint`]); "after action N" is "before action N + 1", for nothing
//! is done between them. `UNTORN_KILL_AT=write:N` kills before the N-th write of the virtual card's memory to its file.
//! It is no flag, for it is of no use to anybody else; and no build option, so that what is tested is what is shipped.

use std::env;

/// Where the process kills itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KillAt {
    /// Before this action of the terminal.
    pub action: Option<u64>,
    /// Before this write of the virtual card's memory.
    pub write: Option<u64>,
}

impl KillAt {
    /// As the environment says; nothing where it says nothing of this form.
    pub fn from_environment() -> Self {
        env::var("UNTORN_KILL_AT").map_or_else(|_| Self::default(), |text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some(("action", number)) => Self { action: number.parse().ok(), write: None },
            Some(("write", number)) => Self { action: None, write: number.parse().ok() },
            _ => Self::default(),
        }
    }
}

/// Kills the process when this is where it should die.
pub fn reached(at: Option<u64>, here: u64) {
    if at == Some(here) {
        // SIGKILL cannot be caught: no destructor runs, no buffer is written, as when the power goes.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
