//! Long work at a shell: how far it is, and how Ctrl-C ends it.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::progress_line::ProgressLine;
use super::{desk, tell};
use crate::app::AppError;
use crate::app::Stakes;
use crate::app::stop;
use crate::report::plain::Charset;

/// How often the wish to stop is looked at, to answer it in words.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the time is drawn anew where nothing else happens.
const TICK_EVERY: Duration = Duration::from_millis(500);
/// At most.
const DRAWS_PER_SECOND: u8 = 20;

/// A bar on the standard error, where that is a person's terminal, and the wish to stop.
///
/// The first Ctrl-C is answered at once in words, and the work ends at its next good place. The second, or a second's wait, ends the
/// process as it is: what is worth keeping is on the disk by then.
pub(super) struct Progress {
    /// The bar; hidden where nobody looks.
    pub(super) bar: ProgressBar,
    /// Ctrl-C was pressed, or a termination signal came.
    pub(super) stop: Arc<AtomicBool>,
    _answers: Sender<()>,
}

impl Progress {
    /// Of `steps`; `until` says what a wish to stop waits for: `this case`.
    pub(super) fn new(steps: usize, until: &'static str) -> Result<Self, AppError> {
        let target = if io::stderr().is_terminal() && super::has_cursor() {
            ProgressDrawTarget::term_like_with_hz(Box::<ProgressLine>::default(), DRAWS_PER_SECOND)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len}  {elapsed}, {eta} left  {wide_msg}") {
            let is_plain = Charset::from_environment() == Charset::Ascii;
            bar.set_style(if is_plain { style.progress_chars("#>-") } else { style });
        }
        bar.enable_steady_tick(TICK_EVERY);
        Self::of(bar, until)
    }

    /// Without a bar.
    pub(super) fn silent(until: &'static str) -> Result<Self, AppError> {
        Self::of(ProgressBar::hidden(), until)
    }

    fn of(bar: ProgressBar, until: &'static str) -> Result<Self, AppError> {
        let stop = desk::stop_flag()?;
        stop::at_stake(Stakes::Run);
        let (answers, ended) = mpsc::channel();
        let (shown, wish) = (bar.clone(), stop.clone());
        // Without this thread Ctrl-C does what it does, and says nothing.
        let _ = thread::Builder::new().name("answers".to_owned()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK_EVERY) {
                if wish.load(Ordering::Relaxed) {
                    shown
                        .suspend(|| tell(&format!("Ending after {until}, or in a second; Ctrl-C again ends at once.")));
                    return;
                }
            }
        });
        Ok(Self { bar, stop, _answers: answers })
    }

    /// Whether to stop.
    pub(super) fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
