//! A program under test as a process: its output is read as it comes, its power can be cut at any moment, and its end is told apart from
//! that.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, Once};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::stop;
use crate::conformance::error::RigError;
use crate::reader::in_process::lock;

/// Octets that are kept of each of its two outputs; the rest is read and dropped.
const KEPT_MAX: u64 = 64 * 1024;
/// How long a dead program's output may stay open.
const CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// The process group of the running program, so that a signal handler can end it; 0 while none runs. It is cleared before the program is
/// reaped, since its number may belong to another process afterwards.
static RUNNING: AtomicI32 = AtomicI32::new(0);
/// The signal handler knows of [`end_running`].
static TOLD: Once = Once::new();

/// Ends what runs, and waits for nothing: this process is being cut off, and what it has started must not go on with a card of ours.
fn end_running() {
    if let Some(process) = Pid::from_raw(RUNNING.load(Ordering::SeqCst)) {
        let _ = kill_process_group(process, Signal::KILL);
    }
}

/// The power of one program after the other. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Power(Arc<Mutex<Life>>);

#[derive(Default)]
struct Life {
    /// Running, or dead and not yet reaped: until then nobody else gets its number.
    process: Option<Pid>,
    was_cut: bool,
}

/// A program that runs.
pub(super) struct Running {
    power: Power,
    outputs: [Receiver<String>; 2],
    reaper: JoinHandle<std::io::Result<ExitStatus>>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// Its power was cut.
    Cut,
}

impl Power {
    /// Starts a program in a process group of its own: what a person types at ours does not reach it, and what it starts ends with it.
    pub(super) fn start(
        &self,
        mut command: Command,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Result<Running, RigError> {
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = Path::new(command.get_program()).to_owned();
        let mut child = command.spawn().map_err(|error| RigError::file("run", &program, error))?;
        let process = Pid::from_child(&child);
        *lock(&self.0) = Life { process: Some(process), was_cut: false };
        RUNNING.store(process.as_raw_nonzero().get(), Ordering::SeqCst);
        TOLD.call_once(|| stop::before_the_cut(end_running));
        let outputs = [read(child.stdout.take()), read(child.stderr.take())];
        let power = self.clone();
        let reaper = std::thread::spawn(move || {
            let status = power.reap(&mut child, process);
            on_end();
            status
        });
        Ok(Running { power: self.clone(), outputs, reaper })
    }

    /// Cuts it, if there is any; the program is dead when this returns.
    pub(super) fn cut(&self) {
        let mut life = lock(&self.0);
        if let Some(process) = life.process {
            life.was_cut = true;
            end(process);
        }
    }

    fn reap(&self, child: &mut Child, process: Pid) -> std::io::Result<ExitStatus> {
        await_death(process);
        let own = process.as_raw_nonzero().get();
        // Another program may run by now: this one's end is not that one's.
        let _ = RUNNING.compare_exchange(own, 0, Ordering::SeqCst, Ordering::SeqCst);
        let mut life = lock(&self.0);
        life.process = None;
        end(process);
        child.wait()
    }
}

impl Running {
    /// Waits for its end; what it has shown comes along.
    pub(super) fn wait(self) -> Result<(Exit, String), RigError> {
        let status = match self.reaper.join() {
            Ok(status) => {
                status.map_err(|error| RigError::Terminal(format!("cannot wait for the terminal: {error}")))?
            }
            Err(_) => return Err(RigError::Internal("the thread that waits for the terminal is gone".to_owned())),
        };
        let was_cut = lock(&self.power.0).was_cut;
        let exit = match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) if was_cut && signal == Signal::KILL.as_raw() => Exit::Cut,
            (None, signal) => Exit::Signal(signal.unwrap_or(0)),
        };
        let mut said = String::new();
        for output in self.outputs {
            let text = output.recv_timeout(CLOSES_WITHIN);
            let open = "something that the terminal has started keeps its output open";
            said.push_str(&text.map_err(|_| RigError::Terminal(open.to_owned()))?);
        }
        Ok((exit, said))
    }
}

/// Ends all of its group. It fails only where nobody is left.
fn end(process: Pid) {
    let _ = kill_process_group(process, Signal::KILL);
    await_death(process);
}

/// Waits until it is dead, and leaves it to be reaped.
fn await_death(process: Pid) {
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(process), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {
    }
}

/// Reads to the end, so that the program never waits at a full pipe.
fn read(output: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, text) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut output) = output else { return };
        let mut kept = Vec::new();
        // An output that cannot be read any more has ended.
        let _ = output.by_ref().take(KEPT_MAX).read_to_end(&mut kept);
        let dropped = std::io::copy(&mut output, &mut std::io::sink()).unwrap_or(0);
        let mut text = String::from_utf8_lossy(&kept).into_owned();
        if dropped > 0 {
            text = format!("{text}\n({dropped} octets more)\n");
        }
        // Nobody waits for it after an error.
        let _ = sender.send(text);
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [`RUNNING`] is one for the process: the tests here run one after the other.
    static ONE: Mutex<()> = Mutex::new(());

    fn run(script: &str) -> (Exit, String) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Power::default().start(command, || ()).unwrap().wait().unwrap()
    }

    #[test]
    fn an_end_of_its_own_is_none_of_ours() {
        let _one = lock(&ONE);
        assert_eq!(run("echo paid; echo slip >&2; exit 3"), (Exit::Code(3), "paid\nslip\n".to_owned()));
        assert_eq!(run("kill -SEGV $$").0, Exit::Signal(11));
        assert_eq!(run("kill -KILL $$").0, Exit::Signal(9), "ours is the only one that counts as ours");
    }

    #[test]
    fn a_cut_ends_what_the_program_has_started_too() {
        let _one = lock(&ONE);
        let (ended, end_of_run) = mpsc::channel();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo begun; sleep 1000"]);
        let power = Power::default();
        let running = power.start(command, move || ended.send(()).unwrap()).unwrap();
        power.cut();
        end_of_run.recv().unwrap();
        assert_eq!(running.wait().unwrap().0, Exit::Cut);
        power.cut();
    }

    /// What a signal does that cuts this process off.
    #[test]
    fn what_runs_ends_with_this_process() {
        let _one = lock(&ONE);
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000"]);
        let power = Power::default();
        let running = power.start(command, || ()).unwrap();
        end_running();
        assert_eq!(running.wait().unwrap().0, Exit::Signal(9));
        assert_eq!(RUNNING.load(Ordering::SeqCst), 0, "its number may be another's now");
    }

    #[test]
    fn a_program_that_talks_much_is_heard_out_and_cut_short() {
        let _one = lock(&ONE);
        let (exit, said) = run("yes untorn | head -c 1000000; exit 1");
        assert_eq!(exit, Exit::Code(1));
        assert!(said.starts_with("untorn\nuntorn\n") && said.ends_with("\n(934464 octets more)\n"), "{}", said.len());
    }
}
