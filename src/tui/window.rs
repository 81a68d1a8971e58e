//! The window on a real terminal: threads, channels, raw mode, and everything put back as it was.

use std::io::{self, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEvent};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};

use super::app::{App, Tab, Told};
use super::core::{Core, Instruction, Seat, Setup};
use super::draw;
use super::snapshot::{Phase, Snapshot};
use super::suite::{self, Ask, Suite, Wish};
use super::theme::Theme;
use super::verdicts::{CaseLine, Picture};
use crate::app::{Clock, stop};
use crate::conformance::result::Standing;
use crate::report::plain;
use crate::terminal::event::{Outcome, OutcomeKind};
use crate::time::Moment;

/// How often a countdown is drawn anew.
const FRAME: Duration = Duration::from_millis(250);
/// How long after the window is closed the core may take to leave in good order.
const LEAVE: Duration = Duration::from_secs(5);

/// Threads whose panic is the end of the window; those of the suite have other names, or none.
const OWN_THREADS: [&str; 3] = ["main", "core", "keys"];

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
    /// The conformance suite looks different.
    Verdicts(Arc<Picture>),
    /// Its thread has ended.
    SuiteEnded,
    /// A signal wants the process to end.
    Signal,
}

/// How many commands are left behind.
const COMMANDS_MAX: usize = 10;

/// The commands that repeat what failed: in the window they wrap, and cannot be copied whole.
fn leave_commands(app: &App) {
    let has_failed = |entry: &&CaseLine| matches!(entry.result.standing(), Standing::Failed | Standing::Error);
    let failed: Vec<&CaseLine> = app.suite.picture.cases.iter().filter(has_failed).collect();
    for entry in failed.iter().take(COMMANDS_MAX) {
        let command = format!("{}: untorn test --replay {}", entry.result.id, entry.result.replay);
        // Nothing depends on its being read.
        let _ = writeln!(io::stderr(), "{}", plain::visible(&command));
    }
    if failed.len() > COMMANDS_MAX {
        let _ = writeln!(io::stderr(), "and {} more", failed.len() - COMMANDS_MAX);
    }
}

/// Opens the window and stays until the person leaves.
pub fn open(setup: Setup, suite: suite::Setup, clock: Clock, watch: bool, tab: Tab) -> io::Result<bool> {
    let (happen, happenings) = mpsc::channel();
    let (instruct, instructions) = mpsc::channel();
    #[cfg(feature = "pcsc")]
    let _watch = if watch { watch_readers(instruct.clone()) } else { None };
    #[cfg(not(feature = "pcsc"))]
    let _ = watch;
    restore_before_panic();
    let shown = happen.clone();
    let core = thread::Builder::new().name("core".to_owned()).spawn(move || {
        let _ended = Tells(shown.clone(), Some(Happening::Ended));
        let mut seat = Channels { clock, last: Moment::default(), shown, instructions };
        Core::new(setup).serve(&mut seat);
    })?;
    let (ask, asks) = mpsc::channel();
    let shown = happen.clone();
    thread::Builder::new().name("suite".to_owned()).spawn(move || {
        let _ended = Tells(shown.clone(), Some(Happening::SuiteEnded));
        Suite::new(suite).serve(&mut SuiteChannels { clock: Clock::system(), shown, asks });
    })?;
    let keys = happen.clone();
    thread::Builder::new().name("keys".to_owned()).spawn(move || read_keys(&keys))?;
    let (first, cases) = first_pictures(&happenings)?;
    leave_by_signal(instruct.clone(), happen)?;
    IS_OPEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    crossterm::execute!(io::stdout(), EnterAlternateScreen)?;
    let mut app = App::new(first, Theme::from_environment());
    app.tab = tab;
    app.suite.take(cases);
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let behind = Behind { instruct, ask };
    let ended = run(&mut terminal, &mut app, &happenings, &behind, &mut ring);
    restore();
    leave_commands(&app);
    let mut is_unresolved = false;
    // Also where the person cannot say it any more.
    behind.tell(Told::Core(Instruction::Quit));
    drop(behind);
    if app.leaving {
        is_unresolved = last_word(&app, &happenings)?;
    } else if core.join().is_err() {
        return Err(io::Error::other("it stopped by a fault of untorn's; what was sent stands in the journal"));
    }
    ended.map(|()| is_unresolved)
}

/// Columns and lines of the terminal; where they cannot be had, what most terminals begin with.
pub fn size() -> (u16, u16) {
    crossterm::terminal::size().ok().filter(|(columns, _)| *columns > 0).unwrap_or((80, 24))
}

/// The first picture of each thread.
fn first_pictures(happenings: &Receiver<Happening>) -> io::Result<(Arc<Snapshot>, Arc<Picture>)> {
    let (mut first, mut cases) = (None, None);
    loop {
        match happenings.recv() {
            Ok(Happening::Shown(snapshot)) => first = Some(snapshot),
            Ok(Happening::Verdicts(picture)) => cases = Some(picture),
            Ok(Happening::Key(_) | Happening::Resized | Happening::Signal) => {}
            _ => return Err(io::Error::other("a thread ended before it began")),
        }
        if let (Some(first), Some(cases)) = (&first, &cases) {
            return Ok((first.clone(), cases.clone()));
        }
    }
}

/// Waits until the core has left in good order, prints the slip of a sale that was given up by leaving, and waits for a case that works with
/// a real card; whether the sale is unresolved, or what came of it could not be told.
fn last_word(app: &App, happenings: &Receiver<Happening>) -> io::Result<bool> {
    let mut last = app.snapshot.clone();
    let mut suite = app.suite.picture.run.as_ref().is_some_and(|run| run.at_reader);
    let deadline = Instant::now() + LEAVE;
    let next = || happenings.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    while let Ok(happening) = next() {
        match happening {
            Happening::Shown(snapshot) => last = snapshot,
            Happening::Ended => break,
            Happening::SuiteEnded => suite = false,
            _ => {}
        }
    }
    let is_unresolved = print_slip(app, &last)?;
    while suite && let Ok(happening) = next() {
        suite = !matches!(happening, Happening::SuiteEnded);
    }
    Ok(is_unresolved)
}

/// The slip of what came to its end while the window closed.
fn print_slip(app: &App, last: &Snapshot) -> io::Result<bool> {
    let Some(slip) = &last.slip else { return Ok(false) };
    if !app.leaves_after && last.phase == app.snapshot.phase {
        return Ok(false);
    }
    let printed = write!(io::stdout(), "{slip}").and_then(|()| io::stdout().flush());
    let is_unresolved = |outcome: &Outcome| matches!(outcome.result, OutcomeKind::Unresolved { .. });
    match printed {
        // The terminal has hung up; nobody can be told anything.
        Err(_) if stop::signal().is_some() => Ok(true),
        printed => printed.map(|()| matches!(&last.phase, Phase::Done(outcome) if is_unresolved(outcome))),
    }
}

/// A signal does what leaving does. The core hears of it directly: the window may be held up at a terminal that takes nothing.
fn leave_by_signal(instruct: Sender<Instruction>, happen: Sender<Happening>) -> io::Result<()> {
    stop::watch()?;
    stop::before_the_cut(restore_at_once);
    stop::when_it_comes(move || {
        // Threads that are gone have left already. The window first: what the core shows from then on is its last word.
        let _ = happen.send(Happening::Signal);
        let _ = instruct.send(Instruction::Quit);
    });
    Ok(())
}

/// Says that a thread has ended, also where it panicked.
struct Tells(Sender<Happening>, Option<Happening>);

impl Drop for Tells {
    fn drop(&mut self) {
        if let Some(happening) = self.1.take() {
            // The window may be gone already.
            let _ = self.0.send(happening);
        }
    }
}

/// The threads behind the window. Once it is dropped, they leave.
pub struct Behind {
    /// To the core.
    pub instruct: Sender<Instruction>,
    /// To the conformance suite.
    pub ask: Sender<Ask>,
}

impl Behind {
    /// A thread that is gone takes nothing; that it ended comes next.
    fn tell(&self, told: Told) {
        match told {
            Told::Core(instruction) => drop(self.instruct.send(instruction)),
            Told::Suite(ask) => drop(self.ask.send(ask)),
        }
    }
}

/// Draws, waits for what happens, and passes on what the person wants.
pub fn run<B: Backend<Error = io::Error>>(
    terminal: &mut Terminal<B>,
    app: &mut App,
    happenings: &Receiver<Happening>,
    behind: &Behind,
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
                    let (width, height) = size();
                    app.is_seen = draw::fits(width, height);
                    if let Some(told) = app.press(&key) {
                        behind.tell(told);
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
                Happening::Verdicts(picture) => app.suite.take(picture),
                Happening::SuiteEnded => app.suite.lost(),
                Happening::Ended => return Ok(()),
                Happening::Signal => app.leaving = true,
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
    fn settle(&mut self) {
        self.clock.settle();
    }

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

/// The suite's end of the channels.
struct SuiteChannels {
    clock: Clock,
    shown: Sender<Happening>,
    asks: Receiver<Ask>,
}

impl suite::Seat for SuiteChannels {
    fn micros(&mut self) -> u64 {
        self.clock.micros()
    }

    fn now(&mut self) -> Moment {
        self.clock.now()
    }

    fn show(&mut self, picture: Arc<Picture>) {
        // A window that is gone looks at nothing; the end of `asks` says so.
        let _ = self.shown.send(Happening::Verdicts(picture));
    }

    fn next(&mut self) -> Option<Ask> {
        self.asks.recv().ok()
    }

    fn wish(&mut self) -> Wish {
        loop {
            match self.asks.try_recv() {
                // One run after the other.
                Ok(Ask::Run { .. } | Ask::Write) => {}
                Ok(Ask::Stop) | Err(TryRecvError::Disconnected) => return Wish::Stop,
                Err(TryRecvError::Empty) => return Wish::GoOn,
            }
        }
    }
}

#[cfg(feature = "pcsc")]
fn watch_readers(instruct: Sender<Instruction>) -> Option<crate::reader::pcsc_watch::Watch> {
    let (watch, events) = crate::reader::pcsc_watch::Watch::start().ok()?;
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
        // A case that panics is caught, and its verdict says so: neither an end of the window nor something to print into it.
        if thread::current().name().is_some_and(|name| OWN_THREADS.contains(&name)) {
            restore();
            before(info);
        }
    }));
}

/// For a process that is cut off: past all locks, and without waiting for a terminal that takes nothing.
fn restore_at_once() {
    if IS_OPEN.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
        stop::write_at_once(io::stdout(), b"\x1b[?1049l\x1b[?25h");
    }
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
