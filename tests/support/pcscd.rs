//! A `pcscd` of the test's own, in a [namespace](super::namespace), with vsmartcard's virtual reader as its only driver.
//!
//! Needs the Debian packages `pcscd`, `vsmartcard-vpcd` and `iproute2`. Where something is missing, a test is skipped and says
//! so; where the environment variable `CI` is set it fails, for there nobody would read that it was skipped.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::namespace::{Place, enter};

/// The first of the two slots that vpcd has.
pub const READER: &str = "untorn test 00 00";
/// A bound for what should take milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(20);

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const SERVICES: [&str; 2] = ["/usr/sbin/pcscd", "/usr/local/sbin/pcscd"];
const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// vpcd's usual port. The second slot takes the next one. Nobody else is in the namespace.
const PORT: u16 = 35963;
/// Ends the service with us, however we end: our death closes the pipe that `read` waits at. The shell closes its own
/// output, so that the end of the service's is seen.
const KEEPER: &str = r#""$@" & service=$!; exec >&-; read -r line; kill "$service"; wait "$service""#;

/// A running service; ends when dropped.
pub struct Pcscd {
    keeper: Option<Child>,
    service: &'static str,
    config: TempDir,
    address: SocketAddr,
}

impl Pcscd {
    /// Starts one. To be called first in a test: the test goes on in a namespace, in another process, and `None` comes back
    /// here when it has passed there. `None` too, with a line that says why, where no service can be had.
    pub fn start() -> Option<Self> {
        match enter().and_then(|place| if matches!(place, Place::Done) { Ok(None) } else { Self::prepare().map(Some) })
        {
            Ok(pcscd) => pcscd.map(|mut pcscd| {
                pcscd.run();
                pcscd
            }),
            Err(reason) => {
                assert!(std::env::var_os("CI").is_none(), "no smart card service: {reason}");
                eprintln!("SKIPPED, no smart card service: {reason}");
                None
            }
        }
    }

    fn prepare() -> Result<Self, String> {
        let service = SERVICES.into_iter().find(|path| Path::new(path).exists());
        let service = service.ok_or("pcscd is not installed (apt-get install pcscd)")?;
        if !Path::new(DRIVER).exists() {
            return Err(format!("{DRIVER} is not there (apt-get install vsmartcard-vpcd)"));
        }
        let config = tempfile::tempdir().unwrap();
        let text =
            format!("FRIENDLYNAME \"untorn test\"\nDEVICENAME /dev/null:{PORT}\nLIBPATH {DRIVER}\nCHANNELID {PORT}\n");
        std::fs::write(config.path().join("vpcd"), text).unwrap();
        Ok(Self { keeper: None, service, config, address: (Ipv4Addr::LOCALHOST, PORT).into() })
    }

    /// Starts the service again after [`Pcscd::stop`], at the same place.
    pub fn run(&mut self) {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper", self.service, "--foreground", "--info", "--config"])
            .arg(self.config.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(keeper.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // It reads to the end, so that the service never waits at a full pipe.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        self.keeper = Some(keeper);
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains("daemon ready")) {
            let line = lines.recv_timeout(PATIENCE);
            assert!(line.is_ok(), "pcscd does not get ready; it said:\n{}", said.join("\n"));
            said.extend(line);
        }
        // It says so before it makes its socket (pcscdaemon.c of pcsc-lite 1.9.9 to 2.3).
        let begun = Instant::now();
        while UnixStream::connect(SOCKET).is_err() {
            assert!(begun.elapsed() < PATIENCE, "pcscd does not listen at {SOCKET}");
            std::thread::yield_now();
        }
    }

    /// Ends the service; what the test holds stays.
    pub fn stop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }

    /// Where a card for [`READER`] connects to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.stop();
    }
}
