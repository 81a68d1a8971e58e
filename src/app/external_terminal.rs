//! Anybody's terminal as a subject of the conformance suite: a program that a person names. Its cards are the test system's, shown to
//! PC/SC by vpcd; each request is one run of the program, and its exit code says what it showed.
//!
//! The statement tells how to run it. Texts: `terminal.command`, `terminal.command.resolve` and `terminal.command.topup`, words apart by
//! blanks, no shell. In a word `{amount}` stands for minor units, `{card}` for the id of the card that is held there first, `{reader}`
//! for the reader's name in PC/SC, `{directory}` for a directory of the case, empty at its beginning, where journals go, `{pin_file}`
//! for a file with the PIN. Exit codes, a number or several in a text: `terminal.exit.paid` (0), `terminal.exit.refused` (1),
//! `terminal.exit.unresolved` (2), `terminal.exit.cancelled` (none); any other code, and death by a signal, is a breakdown. Text
//! `terminal.says_held_up`: words of an unresolved run that began nothing.
//!
//! A card takes another's place when PC/SC has seen that one leave. Where the terminal is to lose its power, the program is dead before
//! the card that it waits for is gone.

use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::AppError;
use super::served::{Happened, Served};
use super::terminal_program::{Exit, Power};
use crate::card::memory::Memory;
use crate::card::{Answer, Card};
use crate::conformance::error::RigError;
use crate::conformance::lower_tester::{LowerTester, Passed};
use crate::conformance::statement::{Statement, Value};
use crate::conformance::terminal_tester::{
    Ended, OperatorOrder, Record, Setting, Shown, TerminalRig, TerminalSubject, TerminalUnderTest,
};
use crate::family::families;
use crate::family::lab::Lab;
use crate::journal::record::OrderKind;
use crate::quoted::quoted;
use crate::reader::vpcd::{Control, ServeError};
use crate::sim::terminal_subject::test_card;
use crate::wire::status::StatusWord;

/// How long PC/SC may take to notice a card that is put in or taken out, and a program to end.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_mins(2);
/// The ATR by which vpcd knows that a card is there, before the first one is: T=1, no historical characters.
const ATR: [u8; 4] = [0x3B, 0x80, 0x01, 0x81];

/// The commands that a statement may give, and what may be filled in.
const COMMANDS: [&str; 3] = ["terminal.command", "terminal.command.resolve", "terminal.command.topup"];
const PLACES: [&str; 5] = ["{amount}", "{card}", "{reader}", "{directory}", "{pin_file}"];

/// Words of a run that began nothing new.
const SAYS_HELD_UP: &str = "terminal.says_held_up";

/// What the exit codes may mean, and the codes themselves where the statement names none.
const EXITS: [(&str, &[i32]); 4] = [
    ("terminal.exit.paid", &[0]),
    ("terminal.exit.refused", &[1]),
    ("terminal.exit.unresolved", &[2]),
    ("terminal.exit.cancelled", &[]),
];

/// What a statement may say of it, besides what cases ask for.
pub fn values() -> Vec<&'static str> {
    COMMANDS.into_iter().chain(EXITS.map(|(name, _)| name)).chain([SAYS_HELD_UP]).collect()
}

/// The reader at which terminal and test system meet, as PC/SC knows it.
pub struct Slot {
    /// Its full name.
    pub name: String,
    /// A card was there when it was opened.
    pub has_card: bool,
    /// Waits until the service has noticed that a card came (`true`) or went; an error in words when that takes too long.
    pub await_card: AwaitCard,
}

/// See [`Slot::await_card`].
pub type AwaitCard = Box<dyn FnMut(bool, Duration) -> Result<(), RigError>>;

/// A terminal that is a program.
pub struct ExternalTerminal {
    lab: &'static dyn Lab,
    statement: Statement,
    address: SocketAddr,
    slot: Rc<RefCell<Slot>>,
}

impl ExternalTerminal {
    /// The program of this statement, at the reader of this name, where the vpcd that listens here shows its cards.
    ///
    /// # Errors
    /// There is no such reader; the statement names no command, or one with a place that cannot be filled in.
    pub fn new(statement: Statement, address: SocketAddr, reader: &str) -> Result<Self, AppError> {
        let usage = |error: RigError| AppError::Usage(error.to_string());
        text(&statement, COMMANDS[0]).map_err(usage)?;
        for name in COMMANDS {
            let line = text(&statement, name).unwrap_or_default();
            if let Some(word) = line.split_whitespace().find(|word| !is_known(word)) {
                let reason = format!("{name}: {word}: there are {}", PLACES.join(" "), word = quoted(word));
                return Err(AppError::Usage(reason));
            }
        }
        for (name, otherwise) in EXITS {
            exit_codes(&statement, name, otherwise).map_err(usage)?;
        }
        let mut slot = super::open_slot(reader)?;
        if slot.has_card {
            // That of a run before, which pcscd has not missed yet; any other will not leave.
            let taken = |reason| AppError::Reader(format!("{} has a card already: {reason}", slot.name));
            (slot.await_card)(false, NOTICED_WITHIN).map_err(taken)?;
        }
        // The family whose cards it says that it takes; the first that has cards for a terminal where it says none.
        let labs = || families().iter().filter_map(|family| Some((family.name(), family.lab()?)));
        let claimed = labs().find(|(family, _)| statement.claims(family)).or_else(|| labs().next());
        let none = || AppError::Usage("no family has cards for a terminal under test".to_owned());
        let (_, lab) = claimed.ok_or_else(none)?;
        Ok(Self { statement, lab, address, slot: Rc::new(RefCell::new(slot)) })
    }
}

/// A number, or several in a text.
fn exit_codes(statement: &Statement, name: &str, otherwise: &[i32]) -> Result<Vec<i32>, RigError> {
    let text = match statement.values.get(name) {
        None => return Ok(otherwise.to_vec()),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Text(text)) => text.clone(),
    };
    let codes: Result<_, _> = text.split_whitespace().map(str::parse).collect();
    codes.map_err(|_| {
        let got = quoted(text);
        RigError::Statement(format!("{name}: expected an exit code, or several separated by spaces, got {got}"))
    })
}

/// Whether nothing is left to fill in.
fn is_known(word: &str) -> bool {
    let filled = PLACES.iter().fold(word.to_owned(), |word, place| word.replace(place, ""));
    !filled.contains(['{', '}'])
}

impl TerminalSubject for ExternalTerminal {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        format!("a program, with cards at vpcd {}", self.address)
    }

    fn open(&mut self, seed: u64) -> Result<TerminalRig, RigError> {
        let lab = self.lab;
        let lower = LowerTester::new(lab.roles());
        let cannot = |error| RigError::file("create a directory for the terminal in", &std::env::temp_dir(), error);
        let only_ours = fs::Permissions::from_mode(0o700);
        let directory =
            tempfile::Builder::new().prefix("untorn-terminal-").permissions(only_ours).tempdir().map_err(cannot)?;
        let (control, power) = (Control::new(), Power::default());
        // The first touch puts the first card in.
        control.lift();
        let held = HeldCard::new(lower.clone(), control.clone(), power.clone());
        let (events, happened) = mpsc::channel();
        let tell = events.clone();
        let served = Served::start(held, self.address, control, move |event| {
            // Nobody listens when the case is over.
            let _ = tell.send(Event::Place(event));
        });
        let (statement, slot) = (self.statement.clone(), self.slot.clone());
        let program = Program {
            statement,
            lower: lower.clone(),
            served,
            power,
            directory,
            slot,
            events,
            happened,
            is_there: false,
            has_ended: false,
        };
        Ok(TerminalRig { lower, terminal: Box::new(program), make: Box::new(move |kind| test_card(lab, kind, seed)) })
    }
}

fn text(statement: &Statement, name: &str) -> Result<String, RigError> {
    match statement.values.get(name) {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => Err(RigError::Statement(format!("the statement gives no text {name}", name = quoted(name)))),
    }
}

/// What a run waits for.
enum Event {
    Place(Happened),
    ProgramEnded,
}

/// The program, and all that it needs. The order of the fields is that in which they end: nothing runs when its directory goes.
struct Program {
    statement: Statement,
    lower: LowerTester,
    served: Served,
    power: Power,
    directory: TempDir,
    slot: Rc<RefCell<Slot>>,
    events: Sender<Event>,
    happened: Receiver<Event>,
    /// A card is in the reader.
    is_there: bool,
    has_ended: bool,
}

impl Program {
    fn command(&self, name: &str, order: Option<&OperatorOrder>, pin_file: &Path) -> Result<Command, RigError> {
        let line = text(&self.statement, name)?;
        let amount = order.map_or(0, |order| order.amount).to_string();
        let card = self.lower.next_id().unwrap_or_default();
        let directory = self.directory.path().to_string_lossy().into_owned();
        let values =
            [amount, card, self.slot.borrow().name.clone(), directory, pin_file.to_string_lossy().into_owned()];
        let fill = |word: &str| {
            PLACES.iter().zip(&values).fold(word.to_owned(), |word, (place, value)| word.replace(place, value))
        };
        let mut words = line.split_whitespace().map(fill);
        let mut command = Command::new(words.next().ok_or_else(|| RigError::Statement(format!("{name} is empty")))?);
        command.args(words);
        Ok(command)
    }

    fn request(&mut self, name: &str, order: Option<&OperatorOrder>) -> Result<Shown, RigError> {
        let pin_file = self.directory.path().join("pin");
        let typed = order.and_then(|order| order.pin.as_ref()).map_or("", |pin| pin.expose());
        let cannot = |error| RigError::file("write", &pin_file, error);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&pin_file);
        file.and_then(|mut file| file.write_all(typed.as_bytes())).map_err(cannot)?;
        let ran = self.command(name, order, &pin_file).and_then(|command| self.run(command));
        match fs::remove_file(&pin_file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(RigError::file("remove", &pin_file, error));
            }
            // Whoever has read it may have removed it.
            _ => {}
        }
        let (exit, text) = ran?;
        let (ended, detail) = self.ended(exit, &text, order.is_some());
        Ok(Shown { ended, settled: Vec::new(), text, detail })
    }

    /// What its end means.
    fn ended(&self, exit: Exit, shown: &str, is_order: bool) -> (Ended, String) {
        let code = match exit {
            Exit::Cut => return (Ended::Killed, String::new()),
            Exit::Signal(signal) => {
                let name = signal_hook::low_level::signal_name(signal).unwrap_or("no name");
                return (Ended::Fault, format!("it died of signal {signal} ({name})"));
            }
            Exit::Code(code) => code,
        };
        let held_up = text(&self.statement, SAYS_HELD_UP).is_ok_and(|words| shown.contains(&words));
        let resolved = if is_order { Ended::Paid } else { Ended::Resolved };
        let unresolved = if held_up { Ended::HeldUp } else { Ended::Unresolved };
        let ends = EXITS.into_iter().zip([resolved, Ended::Refused, unresolved, Ended::Cancelled]);
        let mut named = ends.filter(|((name, otherwise), _)| {
            exit_codes(&self.statement, name, otherwise).is_ok_and(|codes| codes.contains(&code))
        });
        match named.next() {
            Some((_, ended)) => (ended, format!("exit code {code}")),
            None => (Ended::Fault, format!("exit code {code}, to which the statement gives no meaning")),
        }
    }

    /// Runs it to its end among the touches of this request.
    fn run(&mut self, command: Command) -> Result<(Exit, String), RigError> {
        // Of an earlier run only its end may be left here.
        self.happened.try_iter().for_each(drop);
        self.has_ended = false;
        self.put_next()?;
        let events = self.events.clone();
        let running = self.power.start(command, move || drop(events.send(Event::ProgramEnded)))?;
        let accompanied = self.accompany();
        // After an error it still runs.
        self.power.cut();
        let ended = running.wait();
        let taken = self.take_away();
        match (accompanied.and(taken), ended) {
            (Err(RigError::Terminal(reason)), Ok((_, said))) => {
                Err(RigError::Terminal(format!("{reason}; it showed last: {}", last_line(&said))))
            }
            (Err(error), _) => Err(error),
            (Ok(()), ended) => ended,
        }
    }

    /// One touch after the other, until the program ends.
    fn accompany(&mut self) -> Result<(), RigError> {
        let begun = Instant::now();
        while !self.has_ended {
            let left = ENDS_WITHIN.saturating_sub(begun.elapsed());
            match self.happened.recv_timeout(left) {
                Ok(Event::ProgramEnded) => self.has_ended = true,
                Ok(Event::Place(Happened::Lifted)) => {
                    self.notice_gone()?;
                    self.put_next()?;
                }
                Ok(Event::Place(Happened::Ended(ended))) => return Err(gone(ended)),
                Ok(Event::Place(Happened::Presented)) => {}
                Err(_) => {
                    let reason = format!("the terminal has not ended within {} s", ENDS_WITHIN.as_secs());
                    return Err(RigError::Terminal(reason));
                }
            }
        }
        Ok(())
    }

    /// The next card is put in, if there is one, and PC/SC has noticed it.
    fn put_next(&mut self) -> Result<(), RigError> {
        if !self.lower.next_touch() {
            return Ok(());
        }
        self.served.control.present();
        self.await_place(|happened| matches!(happened, Happened::Presented))?;
        self.is_there = true;
        let mut slot = self.slot.borrow_mut();
        let noticed = (slot.await_card)(true, NOTICED_WITHIN);
        noticed.map_err(|error| {
            RigError::Link(format!("{error}; is {} the reader of the vpcd that is served?", quoted(&slot.name)))
        })
    }

    /// The card that is still there is taken away.
    fn take_away(&mut self) -> Result<(), RigError> {
        if !std::mem::take(&mut self.is_there) {
            return Ok(());
        }
        self.served.control.lift();
        self.await_place(|happened| matches!(happened, Happened::Lifted))?;
        self.notice_gone()
    }

    /// PC/SC has noticed that the card is gone.
    fn notice_gone(&mut self) -> Result<(), RigError> {
        self.is_there = false;
        (self.slot.borrow_mut().await_card)(false, NOTICED_WITHIN)
    }

    fn await_place(&mut self, wanted: impl Fn(&Happened) -> bool) -> Result<(), RigError> {
        loop {
            match self.happened.recv_timeout(NOTICED_WITHIN) {
                Ok(Event::Place(happened)) if wanted(&happened) => return Ok(()),
                Ok(Event::Place(Happened::Ended(ended))) => return Err(gone(ended)),
                Ok(Event::ProgramEnded) => self.has_ended = true,
                Ok(Event::Place(_)) => {}
                Err(_) => return Err(RigError::Link("vpcd takes no card".to_owned())),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where a run could not even begin its card is still there, and would be in the way of the next case.
        let _ = self.take_away();
    }
}

fn last_line(said: &str) -> String {
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(|| "nothing".to_owned(), |line| line.chars().take(200).collect())
}

fn gone(ended: Result<(), ServeError>) -> RigError {
    let reason = ended.err().map_or_else(|| "vpcd is served no more".to_owned(), |error| error.to_string());
    RigError::Link(reason)
}

fn out_of_reach(what: &str) -> RigError {
    RigError::OutOfReach(what.to_owned())
}

impl TerminalUnderTest for Program {
    fn set(&mut self, setting: &Setting) -> Result<(), RigError> {
        let known = *setting == Setting::default();
        if known { Ok(()) } else { Err(out_of_reach("this terminal's setting cannot be changed from here")) }
    }

    fn order(&mut self, order: &OperatorOrder) -> Result<Shown, RigError> {
        match order.kind {
            OrderKind::Sale => self.request("terminal.command", Some(order)),
            OrderKind::TopUp => self.request("terminal.command.topup", Some(order)),
            OrderKind::Refund | OrderKind::Block => {
                Err(RigError::Statement(format!("the statement has no command for a {}", order.kind)))
            }
        }
    }

    fn resolve(&mut self) -> Result<Shown, RigError> {
        self.request("terminal.command.resolve", None)
    }

    /// Each request is a run of its own.
    fn restart(&mut self) -> Result<(), RigError> {
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), RigError> {
        Err(out_of_reach("this terminal's operator cannot be asked from here"))
    }

    fn close_day(&mut self) -> Result<(), RigError> {
        Err(out_of_reach("this terminal's day cannot be closed from here"))
    }

    fn pass_days(&mut self, _days: u32) -> Result<(), RigError> {
        Err(out_of_reach("there is no hand on this terminal's clock"))
    }

    fn records(&mut self) -> Result<Vec<Record>, RigError> {
        Err(out_of_reach("this terminal's records cannot be asked from here"))
    }

    fn written(&mut self) -> Result<String, RigError> {
        Err(out_of_reach("what this terminal writes cannot be read from here"))
    }
}

/// Whatever card the lower tester holds there, as vpcd sees it. A card that was used and loses its power leaves: the next touch is
/// another one.
struct HeldCard {
    lower: LowerTester,
    control: Control,
    power: Power,
    used: bool,
    memory: Memory,
}

impl HeldCard {
    fn new(lower: LowerTester, control: Control, power: Power) -> Self {
        Self { lower, control, power, used: false, memory: Memory::new(0) }
    }
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
                // Here, and not when somebody looks next: the program must not see that the card is gone.
                if self.lower.take_kill() {
                    self.power.cut();
                }
                Answer::Mute
            }
        }
    }

    fn power_off(&mut self) {
        self.lower.power_off();
        if std::mem::take(&mut self.used) {
            self.lower.leave();
            self.control.lift();
        }
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}
