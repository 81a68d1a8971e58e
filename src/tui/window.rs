//! The window on a real terminal: threads, channels, raw mode, and everything put back as it was.

use std::io::{self, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEvent};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};

use super::app::{App, Tab};
use super::core::{Core, Instruction, Seat, Setup};
use super::draw;
use super::snapshot::{Phase, Snapshot};
use super::theme::Theme;
use crate::app::Clock;
use crate::time::Moment;

/// How often a countdown is drawn anew.
const FRAME: Duration = Duration::from_millis(250);
/// How long after the window is closed the core may take to leave in good order.
const LEAVE: Duration = Duration::from_secs(5);

/// Whether the terminal is in the window's hands, to be given back.
static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// What the window reacts to.
pub enum Happening {
    /// A key.
    Key(KeyEvent),
    /// The window has another size.
    Resized,
    /// The terminal looks different.
    Shown(Arc<Snapshot>),
    /// The core has ended.
    Ended,
}

/// Opens the window and stays until the person leaves.
pub fn open(setup: Setup, clock: Clock, watch: bool, tab: Tab) -> io::Result<()> {
    let (happen, happenings) = mpsc::channel();
    let (instruct, instructions) = mpsc::channel();
    #[cfg(feature = "pcsc")]
    let _watch = if watch { watch_readers(instruct.clone()) } else { None };
    #[cfg(not(feature = "pcsc"))]
    let _ = watch;
    restore_before_panic();
    let shown = happen.clone();
    let core = thread::Builder::new().name("core".to_owned()).spawn(move || {
        let _ended = TellsEnd(shown.clone());
        let mut seat = Channels { clock, last: Moment::default(), shown, instructions };
        Core::new(setup).serve(&mut seat);
    })?;
    thread::Builder::new().name("keys".to_owned()).spawn(move || read_keys(&happen))?;
    let Ok(Happening::Shown(first)) = happenings.recv() else {
        return Err(io::Error::other("the core ended before it began"));
    };
    IS_OPEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    crossterm::execute!(io::stdout(), EnterAlternateScreen)?;
    let mut app = App::new(first, Theme::from_environment());
    app.tab = tab;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let ended = run(&mut terminal, &mut app, &happenings, &instruct, &mut ring);
    restore();
    drop(instruct);
    if app.leaving {
        last_word(&app, &happenings)?;
    } else if core.join().is_err() {
        return Err(io::Error::other("it stopped by a fault of untorn's; what was sent stands in the journal"));
    }
    ended
}

/// Waits until the core has left in good order, and prints the slip of a sale that was given up by leaving.
fn last_word(app: &App, happenings: &Receiver<Happening>) -> io::Result<()> {
    let mut last = app.snapshot.clone();
    let deadline = Instant::now() + LEAVE;
    while let Ok(happening) = happenings.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        match happening {
            Happening::Shown(snapshot) => last = snapshot,
            Happening::Ended => break,
            Happening::Key(_) | Happening::Resized => {}
        }
    }
    match &last.slip {
        Some(slip) if app.leaves_after || last.phase != app.snapshot.phase => write!(io::stdout(), "{slip}"),
        _ => Ok(()),
    }
}

/// Says that the core has ended, also where it panicked.
struct TellsEnd(Sender<Happening>);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        // The window may be gone already.
        let _ = self.0.send(Happening::Ended);
    }
}

/// Draws, waits for what happens, and passes on what the person wants.
pub fn run<B: Backend<Error = io::Error>>(
    terminal: &mut Terminal<B>,
    app: &mut App,
    happenings: &Receiver<Happening>,
    instruct: &Sender<Instruction>,
    ring: &mut dyn FnMut(),
) -> io::Result<()> {
    let mut since = Instant::now();
    loop {
        // The core's clock, which may be one that stands still, plus what has passed since it was looked at.
        let elapsed = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = app.snapshot.taken.plus_millis(elapsed);
        terminal.draw(|frame| draw::draw(frame, app, now))?;
        let counts_down = matches!(app.snapshot.phase, Phase::Waiting { .. });
        let mut next = if counts_down {
            match happenings.recv_timeout(FRAME) {
                Ok(happening) => Some(happening),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        } else {
            match happenings.recv() {
                Ok(happening) => Some(happening),
                Err(mpsc::RecvError) => return Ok(()),
            }
        };
        // Everything that has happened goes into one frame.
        while let Some(happening) = next {
            match happening {
                Happening::Key(key) => {
                    if let Some(instruction) = app.press(&key) {
                        // A core that is gone takes no instruction; `Ended` comes next.
                        let _ = instruct.send(instruction);
                    }
                }
                Happening::Resized => {}
                Happening::Shown(snapshot) => {
                    if snapshot.taken != app.snapshot.taken {
                        since = Instant::now();
                    }
                    if app.take(snapshot) {
                        ring();
                    }
                }
                Happening::Ended => return Ok(()),
            }
            if app.leaving {
                return Ok(());
            }
            next = happenings.try_recv().ok();
        }
    }
}

/// The core's end of the channels.
struct Channels {
    clock: Clock,
    last: Moment,
    shown: Sender<Happening>,
    instructions: Receiver<Instruction>,
}

impl Seat for Channels {
    fn now(&mut self) -> Moment {
        self.last = self.clock.now();
        self.last
    }

    fn show(&mut self, snapshot: Arc<Snapshot>) {
        // A window that is gone looks at nothing; the end of `instructions` says so.
        let _ = self.shown.send(Happening::Shown(snapshot));
    }

    fn next(&mut self, until: Option<Moment>) -> Option<Instruction> {
        let Some(until) = until else {
            return Some(self.instructions.recv().unwrap_or(Instruction::Quit));
        };
        // Time that stands still was looked at last when it was asked for; looking again would move it.
        let now = if self.clock.is_running() { self.now() } else { self.last };
        let left = now.millis_until(until);
        match self.instructions.recv_timeout(Duration::from_millis(left)) {
            Ok(instruction) => Some(instruction),
            Err(RecvTimeoutError::Timeout) => {
                self.clock.advance_millis(left);
                None
            }
            Err(RecvTimeoutError::Disconnected) => Some(Instruction::Quit),
        }
    }
}

#[cfg(feature = "pcsc")]
fn watch_readers(instruct: Sender<Instruction>) -> Option<crate::reader::pcsc::Watch> {
    let (watch, events) = crate::reader::pcsc::Watch::start().ok()?;
    let forward = move || {
        for event in events {
            if instruct.send(Instruction::Watched(event)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("readers".to_owned()).spawn(forward).ok()?;
    Some(watch)
}

fn read_keys(happen: &Sender<Happening>) {
    loop {
        let happening = match event::read() {
            Ok(Event::Key(key)) => Happening::Key(key),
            Ok(Event::Resize(..)) => Happening::Resized,
            Ok(_) => continue,
            // Without keys there is nobody to serve.
            Err(_) => Happening::Ended,
        };
        let ends = matches!(happening, Happening::Ended);
        if happen.send(happening).is_err() || ends {
            return;
        }
    }
}

fn ring() {
    let mut out = io::stdout();
    // A terminal that cannot ring also says it in words.
    let _ = out.write_all(b"\x07").and_then(|()| out.flush());
}

/// What a panic prints would be lost in the alternate screen.
fn restore_before_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        restore();
        before(info);
    }));
}

fn restore() {
    // Once: leaving the other screen twice would put the cursor into what was printed meanwhile.
    if !IS_OPEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // On the way out there is nobody left to tell.
    let _ = disable_raw_mode();
    let _ = crossterm::execute!(io::stdout(), LeaveAlternateScreen, crossterm::cursor::Show);
}
