//! A mount and network namespace of the test's own: a `pcscd` in it disturbs nobody's, and no network sees vpcd.
//!
//! The service's socket lies in `/run/pcscd` and vpcd listens on all interfaces; no option moves either. In a namespace both
//! are private, so that tests need no root, run several at once, and run where a `pcscd` serves real readers.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Set for a process that runs inside.
const INSIDE: &str = "UNTORN_TEST_NAMESPACE";
/// What the service's socket is put on. Where `/run/pcscd` is missing, only root could make it in the real `/run`.
const PREPARE: &str = r#"
ip link set lo up || exit
if [ -d /run/pcscd ]; then mount -t tmpfs tmpfs /run/pcscd
else mount -t tmpfs tmpfs /run && mkdir /run/pcscd; fi || exit
exec "$@""#;

/// Where this process is.
pub enum Place {
    /// Inside: go on.
    Inside,
    /// Outside. The test has run inside, in another process, and has passed.
    Done,
}

/// Runs the calling test, or the whole of a program that is no test, inside a namespace. To be called first in a test.
///
/// # Errors
/// This system permits no namespace, in words.
pub fn enter() -> Result<Place, String> {
    if env::var_os(INSIDE).is_some() {
        return Ok(Place::Inside);
    }
    let tried =
        unshare(Path::new("true")).stdin(Stdio::null()).output().map_err(|error| format!("unshare: {error}"))?;
    if !tried.status.success() {
        let said = String::from_utf8_lossy(&tried.stderr);
        return Err(format!("no namespace for it (unshare, ip, mount): {}", said.trim()));
    }
    let program = env::current_exe().unwrap();
    let thread = std::thread::current();
    match thread.name() {
        // One test at a time runs in the main thread and has no name there; a bench is no test. All goes inside.
        None | Some("main") => {
            let error = unshare(&program).args(env::args_os().skip(1)).env(INSIDE, "1").exec();
            panic!("unshare: {error}")
        }
        Some(test) => {
            run_inside(&program, test);
            Ok(Place::Done)
        }
    }
}

fn run_inside(program: &Path, test: &str) {
    let arguments = ["--exact", test, "--nocapture", "--test-threads=1", "--include-ignored"];
    let ran = unshare(program).args(arguments).env(INSIDE, "1").stdin(Stdio::null()).output().unwrap();
    print!("{}", String::from_utf8_lossy(&ran.stdout));
    eprint!("{}", String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{test} failed inside its namespace ({})", ran.status);
}

/// A command that runs `program` inside. An ordinary user is root there and nowhere else.
fn unshare(program: &Path) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--net", "sh", "-c", PREPARE, "sh"]).arg(program);
    command
}
