//! Where the PIN comes from: a file, the standard input, or a person whose keys are not shown. Never the command line, which
//! other users of the machine can read.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use zeroize::Zeroizing;

use super::hidden::{Typed, hidden_line};
use super::tell;
use crate::secret::{Pin, PinError};

/// Longest line that is looked at for a PIN.
const LINE_MAX: usize = 64;
/// How often it is looked whether the operator has stopped, in nanoseconds.
const LOOK_EVERY_NS: i64 = 100_000_000;

/// Why there is no PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoPin {
    /// Nobody gave one.
    NotGiven(String),
    /// The card refused the one that was given, and there is no other.
    Wrong(String),
    /// The file cannot be read, or holds no PIN.
    Unreadable(String),
}

impl NoPin {
    /// The word for it in JSON.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::NotGiven(_) => "no-pin",
            Self::Wrong(_) => "wrong-pin",
            Self::Unreadable(_) => "pin-unreadable",
        }
    }

    /// For people.
    pub(super) fn detail(&self) -> &str {
        let (Self::NotGiven(detail) | Self::Wrong(detail) | Self::Unreadable(detail)) = self;
        detail
    }
}

/// Asks for the PIN; `tries_left` after a wrong one. A raised `stop` ends the wait for it, and a pipe is waited at no longer than `patience`.
pub(super) fn ask(
    file: Option<&Path>,
    tries_left: Option<u8>,
    stop: &AtomicBool,
    patience: Duration,
) -> Result<Pin, NoPin> {
    let Some(path) = file else { return ask_person(tries_left, stop) };
    if let Some(left) = tries_left {
        // The same wrong PIN again would only use up the tries.
        return Err(NoPin::Wrong(format!("the PIN in the file is wrong, tries left: {left}; it is not tried again")));
    }
    let shown = path.display();
    let read = read_file(path, stop, patience);
    let line = read.map_err(|error| NoPin::Unreadable(format!("cannot read the PIN from {shown}: {error}")))?;
    let line = line.ok_or_else(|| NoPin::NotGiven("no PIN was given before the stop".to_owned()))?;
    Pin::parse(&line).map_err(|error| NoPin::Unreadable(format!("{shown} holds no PIN: {error}")))
}

fn ask_person(tries_left: Option<u8>, stop: &AtomicBool) -> Result<Pin, NoPin> {
    if !io::stdin().is_terminal() {
        let detail = "the PIN is needed, and there is no terminal to ask at: use --pin-file";
        return Err(NoPin::NotGiven(detail.to_owned()));
    }
    let given_up = |detail: String| if tries_left.is_some() { NoPin::Wrong(detail) } else { NoPin::NotGiven(detail) };
    if let Some(left) = tries_left {
        tell(&format!("Wrong PIN, {left} left."));
    }
    loop {
        let typed = hidden_line("PIN (not shown; Esc for none): ", stop);
        tell("");
        match typed {
            // What cannot be a PIN never goes to the card, where it would cost a try.
            Ok(Typed::Line(line)) => match std::str::from_utf8(&line).ok().and_then(|text| Pin::parse(text).ok()) {
                Some(pin) => return Ok(pin),
                None => tell(&format!("That was no PIN, and the card was not asked: {PinError}.")),
            },
            Ok(Typed::Nothing) if tries_left.is_some() => {
                return Err(given_up("the PIN was wrong, and no other was given".to_owned()));
            }
            Ok(Typed::Nothing) => return Err(given_up("no PIN was given".to_owned())),
            Err(error) => return Err(given_up(format!("cannot read the PIN: {error}"))),
        }
    }
}

/// The first line, of a bounded length: whatever the file is, it is not read to its end. `None` when stopped: a pipe may
/// have nobody at its other end.
fn read_file(path: &Path, stop: &AtomicBool, patience: Duration) -> io::Result<Option<Zeroizing<String>>> {
    let mut file = if path.as_os_str() == "-" {
        // Not through the standard library's buffer, into which one cannot look.
        File::from(io::stdin().as_fd().try_clone_to_owned()?)
    } else {
        // To open a pipe would else wait for a writer, and nothing could end that.
        OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed()).open(path)?
    };
    let mut octets = Zeroizing::new([0; LINE_MAX]);
    let mut length = 0;
    while length < LINE_MAX && !octets[..length].contains(&b'\n') {
        if !wait_for_input(&file, stop, patience)? {
            return Ok(None);
        }
        match file.read(&mut octets[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    let line = octets[..length].split(|octet| *octet == b'\n').next().unwrap_or_default();
    // Some editors begin a file in UTF-8 with a byte order mark.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let line = std::str::from_utf8(line).map_err(|_| io::Error::other("it is no text"))?;
    Ok(Some(Zeroizing::new(line.trim_end_matches('\r').to_owned())))
}

/// Waits until there is something to read, or the end; `false` when stopped.
fn wait_for_input(file: &File, stop: &AtomicBool, patience: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    let round = Timespec { tv_sec: 0, tv_nsec: LOOK_EVERY_NS };
    while !stop.load(Ordering::Relaxed) {
        let mut descriptors = [PollFd::new(file, PollFlags::IN)];
        match rustix::event::poll(&mut descriptors, Some(&round)) {
            Ok(0) if begun.elapsed() >= patience => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing came in the time of --wait"));
            }
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    static STOP: AtomicBool = AtomicBool::new(false);

    #[test]
    fn a_file_gives_its_first_line_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        let asked = |left| ask(Some(&path), left, &STOP, Duration::ZERO);
        let why = |left| asked(left).err().map(|no| no.name());
        std::fs::write(&path, "1234\r\nmore").unwrap();
        assert!(asked(None).ok() == Pin::parse("1234").ok());
        assert_eq!(why(Some(2)), Some("wrong-pin"), "a wrong one is not tried again");
        std::fs::write(&path, "12a4\n").unwrap();
        assert_eq!(why(None), Some("pin-unreadable"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(why(None), Some("pin-unreadable"));
    }
}
