//! Anybody's terminal as a subject of the conformance suite: a program that a person names. Its cards are the test system's, shown to
//! PC/SC by vpcd; each request is one run of the program, and its exit code says what it showed.
//!
//! The statement tells how to run it. Texts: `terminal.command`, `terminal.command.resolve` and `terminal.command.topup`, words apart by
//! blanks, no shell. In a word `{amount}` stands for minor units, `{card}` for the id of the card that is held there first, `{reader}`
//! for the text `terminal.reader`, `{directory}` for an empty directory of the case, where journals go, `{pin_file}` for a file
//! with the PIN. Numbers: `terminal.exit.paid` (0), `terminal.exit.refused` (1), `terminal.exit.unresolved` (2). Text
//! `terminal.says_held_up`: words of a run that began nothing.
//!
//! Not yet here: a card that takes another's place is put in before PC/SC has seen the first one leave, so a terminal that waits for
//! that does not see the change; and after a kill PC/SC does not see the next card. Do not claim `terminal.kill` at this binding.

use std::cell::RefCell;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use super::AppError;
use super::subjects::OpenReader;
use crate::card::memory::Memory;
use crate::card::{Answer, Card};
use crate::conformance::lower_tester::{LowerTester, Passed};
use crate::conformance::statement::{Statement, Value};
use crate::conformance::terminal_tester::{
    Ended, Order, Record, Setting, Shown, TerminalRig, TerminalSubject, TerminalUnderTest,
};
use crate::journal::record::OrderKind;
use crate::reader::Reset;
use crate::reader::in_process::shared;
use crate::reader::vpcd::{self, Attachment, Control, Event, ServeError};
use crate::sim::terminal_subject::make_card;
use crate::wire::status::StatusWord;

/// How long PC/SC may take to notice a card that is put in or taken out, and a program to end.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_mins(2);
/// How often either is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The ATR by which vpcd knows that a card is there, before the first one is: T=1, no historical characters.
const ATR: [u8; 4] = [0x3B, 0x80, 0x01, 0x81];

/// What a statement may say of it, besides what cases ask for.
pub const VALUES: [&str; 8] = [
    "terminal.command",
    "terminal.command.resolve",
    "terminal.command.topup",
    "terminal.reader",
    "terminal.says_held_up",
    "terminal.exit.paid",
    "terminal.exit.refused",
    "terminal.exit.unresolved",
];

/// A terminal that is a program.
pub struct ExternalTerminal {
    statement: Statement,
    address: SocketAddr,
    open: Rc<RefCell<OpenReader>>,
}

impl ExternalTerminal {
    /// The program of this statement, with its cards at the vpcd that listens here; `open` opens the same reader.
    ///
    /// # Errors
    /// The statement names no command.
    pub fn new(statement: Statement, address: SocketAddr, open: OpenReader) -> Result<Self, AppError> {
        text(&statement, "terminal.command").map_err(AppError::Usage)?;
        Ok(Self { statement, address, open: Rc::new(RefCell::new(open)) })
    }
}

impl TerminalSubject for ExternalTerminal {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        format!("a program, with cards at vpcd {}", self.address)
    }

    fn open(&mut self, seed: u64) -> Result<TerminalRig, String> {
        let lower = LowerTester::new();
        let directory = std::env::temp_dir().join(format!("untorn-terminal-{}-{seed:016x}", std::process::id()));
        fs::create_dir_all(&directory).map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
        let served = Served::start(&lower, self.address)?;
        let (statement, open) = (self.statement.clone(), self.open.clone());
        let program = Program { statement, lower: lower.clone(), served, directory, open };
        Ok(TerminalRig { lower, terminal: Box::new(program), make: Box::new(move |kind| make_card(kind, seed)) })
    }
}

fn text(statement: &Statement, name: &str) -> Result<String, String> {
    match statement.values.get(name) {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => Err(format!("the statement gives no text {name:?}")),
    }
}

/// The program, and all that it needs.
struct Program {
    statement: Statement,
    lower: LowerTester,
    served: Served,
    directory: PathBuf,
    open: Rc<RefCell<OpenReader>>,
}

impl Program {
    fn exit_code(&self, name: &str, otherwise: u64) -> i32 {
        match self.statement.values.get(&format!("terminal.exit.{name}")) {
            Some(Value::Number(code)) => i32::try_from(*code).unwrap_or(i32::MAX),
            _ => otherwise as i32,
        }
    }

    fn command(&self, name: &str, order: Option<&Order>) -> Result<Command, String> {
        let line = text(&self.statement, name)?;
        let directory = self.directory.to_string_lossy().into_owned();
        let pin_file = format!("{directory}/pin");
        let typed = order.and_then(|order| order.pin.as_ref()).map_or("", |pin| pin.expose());
        fs::write(&pin_file, typed).map_err(|error| format!("cannot write {pin_file}: {error}"))?;
        let amount = order.map_or(0, |order| order.amount).to_string();
        let card = self.lower.next_id().unwrap_or_default();
        let reader = text(&self.statement, "terminal.reader").unwrap_or_default();
        let given = [
            ("{amount}", &amount),
            ("{card}", &card),
            ("{reader}", &reader),
            ("{directory}", &directory),
            ("{pin_file}", &pin_file),
        ];
        let fill = |word: &str| given.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value));
        let mut words = line.split_whitespace().map(fill);
        let mut command = Command::new(words.next().ok_or_else(|| format!("{name} is empty"))?);
        command.args(words).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs it to its end, or until the lower tester wants it dead.
    fn run(&mut self, mut command: Command) -> Result<(Option<i32>, String), String> {
        self.served.over.store(false, Ordering::SeqCst);
        if self.lower.next_touch() {
            self.served.control.present();
            self.wait_until_noticed()?;
        }
        let mut child = command.spawn().map_err(|error| format!("cannot run the terminal: {error}"))?;
        let tries = ENDS_WITHIN.as_millis() / LOOK_EVERY.as_millis();
        let mut killed = false;
        let mut ended = false;
        for _ in 0..tries {
            if self.lower.take_kill() {
                child.kill().map_err(|error| format!("cannot kill the terminal: {error}"))?;
                killed = true;
            }
            if child.try_wait().map_err(|error| format!("cannot wait for the terminal: {error}"))?.is_some() {
                ended = true;
                break;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        if !ended {
            // Its own time-outs have long run out: it hangs.
            let _ = child.kill();
        }
        let output = child.wait_with_output().map_err(|error| format!("cannot read what it showed: {error}"))?;
        self.served.control.lift();
        if !ended {
            return Err("the terminal has not ended".to_owned());
        }
        let shown = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
        Ok((output.status.code().filter(|_| !killed), shown))
    }

    fn wait_until_noticed(&self) -> Result<(), String> {
        let mut reader = (self.open.borrow_mut())().map_err(|error| error.to_string())?;
        for _ in 0..NOTICED_WITHIN.as_millis() / LOOK_EVERY.as_millis() {
            if reader.activate(Reset::Cold).is_ok() {
                reader.deactivate();
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err("PC/SC does not see the card".to_owned())
    }

    fn request(&mut self, name: &str, order: Option<&Order>) -> Result<Shown, String> {
        let command = self.command(name, order)?;
        let (code, shown) = self.run(command)?;
        let held_up = text(&self.statement, "terminal.says_held_up").is_ok_and(|words| shown.contains(&words));
        let codes = [
            (self.exit_code("paid", 0), if order.is_some() { Ended::Paid } else { Ended::Resolved }),
            (self.exit_code("refused", 1), Ended::Refused),
            (self.exit_code("unresolved", 2), if held_up { Ended::HeldUp } else { Ended::Unresolved }),
        ];
        let ended = match code {
            None => Ended::Killed,
            Some(code) => codes.into_iter().find(|(known, _)| *known == code).map_or(Ended::Fault, |(_, ended)| ended),
        };
        Ok(Shown { ended, settled: Vec::new(), text: shown })
    }
}

impl TerminalUnderTest for Program {
    fn set(&mut self, setting: &Setting) -> Result<(), String> {
        let known = *setting == Setting::default();
        if known { Ok(()) } else { Err("this terminal's setting cannot be changed from here".to_owned()) }
    }

    fn order(&mut self, order: &Order) -> Result<Shown, String> {
        match order.kind {
            OrderKind::Sale => self.request("terminal.command", Some(order)),
            OrderKind::TopUp => self.request("terminal.command.topup", Some(order)),
            OrderKind::Refund | OrderKind::Block => Err(format!("the statement has no command for a {}", order.kind)),
        }
    }

    fn resolve(&mut self) -> Result<Shown, String> {
        self.request("terminal.command.resolve", None)
    }

    /// Each request is a run of its own.
    fn restart(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), String> {
        Err("this terminal's operator cannot be asked from here".to_owned())
    }

    fn close_day(&mut self) -> Result<(), String> {
        Err("this terminal's day cannot be closed from here".to_owned())
    }

    fn pass_days(&mut self, _days: u32) -> Result<(), String> {
        Err("there is no hand on this terminal's clock".to_owned())
    }

    fn records(&mut self) -> Result<Vec<Record>, String> {
        Err("this terminal's records cannot be asked from here".to_owned())
    }

    fn written(&mut self) -> Result<String, String> {
        Err("what this terminal writes cannot be read from here".to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The case is over; what is left behind in the temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The lower tester's cards at vpcd.
struct Served {
    control: Control,
    /// The touch is over by itself, so that the next may come; not because the request has ended.
    over: Arc<AtomicBool>,
    server: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Served {
    fn start(lower: &LowerTester, address: SocketAddr) -> Result<Self, String> {
        let (control, over) = (Control::new(), Arc::new(AtomicBool::new(false)));
        let card = shared(HeldCard {
            lower: lower.clone(),
            control: control.clone(),
            over: over.clone(),
            used: false,
            memory: Memory::new(0),
        });
        let (held, touches, left) = (control.clone(), lower.clone(), over.clone());
        let (sender, presented) = mpsc::channel();
        let server = std::thread::spawn(move || {
            vpcd::serve(&card, &Attachment::Connect(address), &held, |event| match event {
                Event::Presented => {
                    // Nobody waits for a second time.
                    let _ = sender.send(());
                }
                Event::Lifted if left.swap(false, Ordering::SeqCst) && touches.next_touch() => held.present(),
                _ => {}
            })
        });
        let served = Self { control, over, server: Some(server) };
        presented.recv_timeout(NOTICED_WITHIN).map_err(|_| format!("vpcd at {address} takes no card"))?;
        served.control.lift();
        Ok(served)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(server) = self.server.take() {
            // How it ended, the case has seen.
            let _ = server.join();
        }
    }
}

/// Whatever card the lower tester holds there, as vpcd sees it. A card that was used and loses its power leaves: the next touch is
/// another one.
struct HeldCard {
    lower: LowerTester,
    control: Control,
    over: Arc<AtomicBool>,
    used: bool,
    memory: Memory,
}

impl Card for HeldCard {
    fn reset(&mut self) -> Option<Vec<u8>> {
        Some(self.lower.reset().unwrap_or_else(|| ATR.to_vec()))
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        self.used = true;
        match self.lower.process(command) {
            // vpcd would wait for more for ever.
            Passed::Answer(octets) if octets.is_empty() => Answer::Response(StatusWord(0x6F00).to_bytes().to_vec()),
            Passed::Answer(octets) => Answer::Response(octets),
            Passed::Gone => {
                self.used = false;
                self.over.store(true, Ordering::SeqCst);
                Answer::Mute
            }
        }
    }

    fn power_off(&mut self) {
        self.lower.power_off();
        if std::mem::take(&mut self.used) {
            self.lower.leave();
            self.over.store(true, Ordering::SeqCst);
            self.control.lift();
        }
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}
