//! The end by a signal: SIGINT, SIGTERM and SIGHUP raise a flag that the work looks at, and end the process within a second also where
//! the work cannot look: in a call to a driver that does not return, at a pipe that nobody reads.
//!
//! To be cut off is safe at any place, as SIGKILL is: a durable record exists before whatever moves value. What is lost is the good
//! order: an order that might have been finished stays open in the journal.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use super::Exit;
use super::exit::Stakes;
use crate::terminal::event::{Action, OutcomeKind};

/// How long the work has to end in good order. With what comes after it, less than a second.
const GRACE: Duration = Duration::from_millis(800);

#[derive(Default)]
struct Ending {
    flag: Arc<AtomicBool>,
    signal: AtomicI32,
    /// [`Stakes`].
    stakes: AtomicU8,
    told: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    last: Mutex<Vec<fn()>>,
}

/// Signals come to the whole process.
static ENDING: OnceLock<Ending> = OnceLock::new();

/// Watches for the signals from now on; the flag is raised by the first.
pub fn watch() -> io::Result<Arc<AtomicBool>> {
    if let Some(ending) = ENDING.get() {
        return Ok(ending.flag.clone());
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let ending = ENDING.get_or_init(Ending::default);
    let wait = move || {
        for signal in signals.forever() {
            ending.came(signal);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
    Ok(ending.flag.clone())
}

/// Does this when the first signal comes, in the thread that waits for signals: it must not block.
pub fn when_it_comes(act: impl FnOnce() + Send + 'static) {
    let Some(ending) = ENDING.get() else { return };
    lock(&ending.told).push(Box::new(act));
    // It may have come meanwhile.
    if ending.flag.load(Ordering::SeqCst) {
        ending.tell();
    }
}

/// Does this before the process is cut off, and not otherwise. It must not block.
pub fn before_the_cut(act: fn()) {
    if let Some(ending) = ENDING.get() {
        lock(&ending.last).push(act);
    }
}

/// Takes note of what is in doubt from now on.
pub fn at_stake(stakes: Stakes) {
    if let Some(ending) = ENDING.get() {
        ending.stakes.store(stakes as u8, Ordering::SeqCst);
    }
}

/// Takes note of what a terminal is about to do: from the durable record on, an order is at stake until it is known that it moved nothing.
pub fn note(action: &Action) {
    match action {
        Action::Commit(_) => at_stake(Stakes::Order),
        Action::Finish(outcome) => match outcome.result {
            OutcomeKind::Paid { .. } | OutcomeKind::Unresolved { .. } => {}
            _ => at_stake(Stakes::Nothing),
        },
        _ => {}
    }
}

/// The signal that has come.
pub fn signal() -> Option<i32> {
    ENDING.get().map(|ending| ending.signal.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}

/// Ends the process as the signal would have ended it, had nobody watched for it: its parent sees that, and a shell says 128 + n.
pub fn die_of(signal: i32) -> ! {
    // It comes back where the signal cannot end a process.
    let _ = low_level::emulate_default_handler(signal);
    low_level::exit(128 + signal)
}

/// Writes to a descriptor of this process what it takes at once, past all locks: where it is held up, nobody reads anyway.
pub fn write_at_once(to: impl AsFd, octets: &[u8]) {
    let mut descriptors = [PollFd::new(&to, PollFlags::OUT)];
    let ready = rustix::event::poll(&mut descriptors, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    if ready.is_ok_and(|ready| ready > 0) && descriptors[0].revents().contains(PollFlags::OUT) {
        // On the way out there is nobody left to tell.
        let _ = rustix::io::write(&to, octets);
    }
}

impl Ending {
    fn came(&'static self, signal: i32) {
        let is_first = self.signal.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if !is_first {
            if self.stakes() == Stakes::Run {
                self.cut(signal);
            }
            return;
        }
        self.flag.store(true, Ordering::SeqCst);
        let patience = move || {
            thread::sleep(GRACE);
            self.cut(signal);
        };
        let timer = thread::Builder::new().name("grace".to_owned()).spawn(patience);
        self.tell();
        if timer.is_err() {
            self.cut(signal);
        }
    }

    fn stakes(&self) -> Stakes {
        let known = [Stakes::Nothing, Stakes::Run];
        let now = self.stakes.load(Ordering::SeqCst);
        known.into_iter().find(|known| *known as u8 == now).unwrap_or(Stakes::Order)
    }

    fn tell(&self) {
        let told = std::mem::take(&mut *lock(&self.told));
        for act in told {
            act();
        }
    }

    fn cut(&self, signal: i32) -> ! {
        for act in lock(&self.last).iter() {
            act();
        }
        let stakes = self.stakes();
        let Some(exit) = Exit::of_cut(stakes) else { die_of(signal) };
        let name = low_level::signal_name(signal).unwrap_or("a signal");
        let what = match stakes {
            Stakes::Order => "in the middle of an order: `untorn journal list` says what is known of it",
            Stakes::Run | Stakes::Nothing => "before the end of the run",
        };
        write_at_once(io::stderr(), format!("untorn: ended by {name} {what}\n").as_bytes());
        low_level::exit(exit as i32)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
