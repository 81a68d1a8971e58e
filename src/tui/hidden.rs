//! Digits typed at a shell that the screen does not show: keys are this layer's, whoever asks.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use zeroize::Zeroizing;

/// How often it is looked whether the operator has stopped.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Up to `max` digits that a person types at the terminal without their being shown; `None` when given up, or when `stop` is
/// raised. The question is asked when nothing that is typed is shown any more.
pub fn hidden_digits(question: &str, max: usize, stop: &AtomicBool) -> io::Result<Option<Zeroizing<String>>> {
    let _raw = RawMode::begin()?;
    write!(io::stderr(), "{question}")?;
    io::stderr().flush()?;
    let mut digits = Zeroizing::new(String::with_capacity(max));
    loop {
        match wait_for_key()? {
            _ if stop.load(Ordering::Relaxed) => return Ok(None),
            Waited::HungUp => return Ok(None),
            Waited::Nothing => continue,
            Waited::Key => {}
        }
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            // In raw mode Ctrl-C is a key like others.
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(None),
            KeyCode::Esc => return Ok(None),
            KeyCode::Enter => return Ok(Some(digits)),
            // So a line feed is read: scripts send one, and a line typed before the question ends with one.
            KeyCode::Char('j') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(Some(digits)),
            KeyCode::Backspace => {
                digits.pop();
            }
            KeyCode::Char(digit) if digit.is_ascii_digit() && digits.len() < max => digits.push(digit),
            _ => {}
        }
    }
}

enum Waited {
    Key,
    Nothing,
    HungUp,
}

/// crossterm's own `poll` never returns once the terminal has gone away; so we look at the descriptor before each. Of keys that came
/// together it has taken all with the first: the descriptor tells nothing of the others, so it is asked before we wait.
#[cfg(unix)]
fn wait_for_key() -> io::Result<Waited> {
    for patience in [Duration::ZERO, LOOK_EVERY] {
        if has_hung_up(patience)? {
            return Ok(Waited::HungUp);
        }
        if poll(Duration::ZERO)? {
            return Ok(Waited::Key);
        }
    }
    Ok(Waited::Nothing)
}

/// Waits so long at most for something to happen at the terminal; whether it has gone away.
#[cfg(unix)]
fn has_hung_up(patience: Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec};
    let input = io::stdin();
    let mut descriptors = [PollFd::new(&input, PollFlags::IN)];
    let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    match rustix::event::poll(&mut descriptors, Some(&patience)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(descriptors[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL))
}

#[cfg(not(unix))]
fn wait_for_key() -> io::Result<Waited> {
    Ok(if poll(LOOK_EVERY)? { Waited::Key } else { Waited::Nothing })
}

/// Gives the screen its echo back, however the typing ends.
struct RawMode;

impl RawMode {
    fn begin() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Nothing better is left to do.
        let _ = disable_raw_mode();
    }
}
