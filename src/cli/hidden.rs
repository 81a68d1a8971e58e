//! A line typed at a shell that the screen does not show.
//!
//! We read the terminal's octets ourselves, one at a time: what was typed after the line is there for the next question, however much
//! came together. Ctrl-C stays what it is everywhere, a signal.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// How often it is looked whether the operator has stopped, in nanoseconds.
const LOOK_EVERY_NS: i64 = 100_000_000;
/// The octets of one key come together; a person needs longer for the next. In nanoseconds.
const SAME_KEY_NS: i64 = 25_000_000;
/// Octets of a line that are kept.
const LINE_MAX: usize = 64;
/// Turns a special character off (POSIX.1-2017, 11.1.9).
const DISABLED: u8 = 0;

const END_OF_INPUT: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const KILL_LINE: u8 = 0x15;
const ESCAPE: u8 = 0x1B;
const DELETE: u8 = 0x7F;

/// What was typed.
pub(super) enum Typed {
    /// A line; of one that is too long only the beginning, which is too long still.
    Line(Zeroizing<Vec<u8>>),
    /// Given up: Esc, the end of the input, a terminal that went away, or `stop` was raised.
    Nothing,
}

/// A line that a person types at the terminal without its being shown. The question is asked when nothing that is typed is shown any more.
pub(super) fn hidden_line(question: &str, stop: &AtomicBool) -> io::Result<Typed> {
    let _quiet = Quiet::begin()?;
    write!(io::stderr(), "{question}")?;
    io::stderr().flush()?;
    // As long as it can become from the start, so that nothing is left behind where it grew.
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_MAX));
    while let Some(octet) = next_octet(stop)? {
        match octet {
            b'\r' | b'\n' => return Ok(Typed::Line(line)),
            ESCAPE if is_there_more()? => skip_sequence(stop)?,
            ESCAPE | END_OF_INPUT => break,
            BACKSPACE | DELETE => erase_character(&mut line),
            KILL_LINE => line.clear(),
            octet if line.len() < LINE_MAX => line.push(octet),
            _ => {}
        }
    }
    Ok(Typed::Nothing)
}

fn erase_character(line: &mut Vec<u8>) {
    // The octets after the first of a character in UTF-8 are 10xxxxxx.
    while line.pop().is_some_and(|octet| octet & 0xC0 == 0x80) {}
}

/// A key such as an arrow sends ESC and more (ECMA-48, 5.4): `[` or `O`, and what goes on to a final octet; or one octet only.
fn skip_sequence(stop: &AtomicBool) -> io::Result<()> {
    if !matches!(next_octet(stop)?, Some(b'[' | b'O')) {
        return Ok(());
    }
    while next_octet(stop)?.is_some_and(|octet| !(0x40..=0x7E).contains(&octet)) {}
    Ok(())
}

/// `None` when nothing more will come, or `stop` was raised.
fn next_octet(stop: &AtomicBool) -> io::Result<Option<u8>> {
    while !stop.load(Ordering::Relaxed) {
        let flags = wait(LOOK_EVERY_NS)?;
        if !flags.contains(PollFlags::IN) {
            if flags.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                return Ok(None);
            }
            continue;
        }
        let mut octet = [0];
        match rustix::io::read(io::stdin(), &mut octet) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(octet[0])),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn is_there_more() -> io::Result<bool> {
    Ok(wait(SAME_KEY_NS)?.contains(PollFlags::IN))
}

fn wait(nanoseconds: i64) -> io::Result<PollFlags> {
    let input = io::stdin();
    let mut descriptors = [PollFd::new(&input, PollFlags::IN)];
    match rustix::event::poll(&mut descriptors, Some(&Timespec { tv_sec: 0, tv_nsec: nanoseconds })) {
        Ok(_) | Err(Errno::INTR) => Ok(descriptors[0].revents()),
        Err(error) => Err(error.into()),
    }
}

/// Gives the terminal its echo back, however the typing ends.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::IEXTEN);
        quiet.input_modes.remove(InputModes::IXON);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // A shell that takes the terminal back from a stopped program shows what is typed when it goes on.
        quiet.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
        // What was typed before the question counts.
        tcsetattr(io::stdin(), OptionalActions::Now, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nothing better is left to do.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
