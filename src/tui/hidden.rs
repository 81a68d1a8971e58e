//! Digits typed at a shell that the screen does not show: keys are this layer's, whoever asks.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use zeroize::Zeroizing;

/// How often it is looked whether the operator has stopped.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Up to `max` digits that a person types at the terminal without their being shown; `None` when given up, or when `stop` is
/// raised.
pub fn hidden_digits(max: usize, stop: &AtomicBool) -> io::Result<Option<Zeroizing<String>>> {
    let _raw = RawMode::begin()?;
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

/// crossterm's own `poll` never returns once the terminal has gone away; so we look at the descriptor first.
#[cfg(unix)]
fn wait_for_key() -> io::Result<Waited> {
    use rustix::event::{PollFd, PollFlags, Timespec};
    let input = io::stdin();
    let mut descriptors = [PollFd::new(&input, PollFlags::IN)];
    let patience = Timespec { tv_sec: 0, tv_nsec: LOOK_EVERY.subsec_nanos().into() };
    match rustix::event::poll(&mut descriptors, Some(&patience)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let seen = descriptors[0].revents();
    Ok(if seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        Waited::HungUp
    } else if seen.contains(PollFlags::IN) && poll(Duration::ZERO)? {
        Waited::Key
    } else {
        Waited::Nothing
    })
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
