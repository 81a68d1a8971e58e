//! The command line: what a person at a shell asks for, and what a script gets back.
//!
//! A command makes a report; [`main`] prints it and turns it into an exit code ([`Exit`]). Prompts go to the standard
//! error, so that the standard output holds results only.

mod arguments;
mod cards;
mod decode;
mod decode_one;
mod demo;
mod desk;
mod explore;
mod hidden;
mod journal;
mod mutants;
mod orders;
mod pin;
mod progress;
mod progress_line;
mod report;
mod scope;
mod test;
mod values;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::app::{self, AppError, Exit, Money, Options, Telling, Work, stop};
use crate::family::{self, Family};
use crate::report::plain::{self, Charset};
use crate::tui::SuiteFiles;
use crate::tui::app::Tab;
use arguments::{Arguments, Verb};

/// What a command found: text for people, JSON for programs, and how the process ends.
#[derive(Debug)]
struct Report {
    text: String,
    json: Value,
    money: Money,
    work: Work,
    /// The text is a file for a program, in UTF-8 wherever it is written.
    is_document: bool,
}

impl Report {
    /// Of work that was to move no money; with the names that every object has (specs/json.md): `json` is an object of the others.
    fn new(exit: Exit, text: String, result: &str, detail: impl Into<String>, mut json: Value) -> Self {
        json["result"] = result.into();
        json["detail"] = detail.into().into();
        json["exit"] = (exit as u8).into();
        Self { text, json, money: Money::NoneAsked, work: Work::of(exit), is_document: false }
    }

    /// Of work that had to do with money.
    fn about(money: Money, work: Work, text: String, mut json: Value) -> Self {
        json["exit"] = (app::code(money, work, Telling::Told) as u8).into();
        Self { text, json, money, work, is_document: false }
    }

    /// The code of a process that has told this, or could not.
    const fn exit(&self, telling: Telling) -> Exit {
        app::code(self.money, self.work, telling)
    }

    fn done(text: String, result: &str, detail: impl Into<String>, json: Value) -> Self {
        Self::new(Exit::Done, text, result, detail, json)
    }

    /// Everything is printed already.
    fn silent(exit: Exit) -> Self {
        Self {
            text: String::new(),
            json: Value::Null,
            money: Money::NoneAsked,
            work: Work::of(exit),
            is_document: false,
        }
    }
}

/// The words of the command line: each command with the options that it uses, for code that lists them.
pub fn command() -> clap::Command {
    scope::listed()
}

/// Reads the command line of a program that knows these card families, runs it, prints what came of it.
pub fn main(families: Vec<Box<dyn Family>>) -> ExitCode {
    write_errors_are_answers();
    // Only a program that calls this twice, or asks for families before, is too late; its list stands then.
    let _ = family::use_these(families);
    let arguments = match scope::parse(std::env::args_os().map(decode::arrow)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let work = if error.use_stderr() { Work::Usage } else { Work::Whole };
            let printed = if error.use_stderr() { Ok(()) } else { is_open_for_writing(&io::stdout()) };
            let told = printed.and_then(|()| print(&error));
            let exit = app::code(Money::NoneAsked, work, telling(&told));
            if let (Telling::Lost, Err(error)) = (telling(&told), told) {
                tell(&format!("untorn: {}", AppError::Output(error)));
            }
            if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
                let object = json!({ "result": "error", "detail": error.to_string(), "exit": exit as u8 });
                let _ = write_out(Charset::from_environment().json(&format!("{object}\n")).as_bytes());
            }
            return code(exit);
        }
    };
    let with_json = arguments.with_json();
    let ended = run(arguments).map(|report| {
        let detail = report.json["detail"].as_str().unwrap_or_default().to_owned();
        let text = match &report.json {
            Value::Null => String::new(),
            json if with_json => Charset::from_environment().json(&format!("{json}\n")),
            _ if report.is_document => plain::visible(&report.text).into_owned(),
            _ => Charset::from_environment().text(&report.text),
        };
        let told = write_out(text.as_bytes());
        let (telling, exit) = (telling(&told), report.exit(telling(&told)));
        match told {
            // A reader who has seen enough of a text needs no word of it.
            Err(error) if telling == Telling::Lost || exit != report.exit(Telling::Told) => {
                tell(&format!("untorn: {}; what was done is done: {detail}", AppError::Output(error)));
            }
            _ => {}
        }
        exit
    });
    code(ended.unwrap_or_else(|error| {
        let detail = Charset::from_environment().line(&error.to_string());
        tell(&format!("untorn: {detail}"));
        if with_json {
            let object = json!({ "result": "error", "detail": detail, "exit": error.exit() as u8 });
            // The reason stands on the standard error too.
            let _ = write_out(format!("{object}\n").as_bytes());
        }
        error.exit()
    }))
}

/// Whether what was written to the standard output arrived there.
fn telling(told: &io::Result<()>) -> Telling {
    match told {
        Ok(()) => Telling::Told,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Telling::NobodyReads,
        Err(_) => Telling::Lost,
    }
}

/// The standard library takes a descriptor that is not open for writing for one that takes everything.
fn is_open_for_writing(out: &io::Stdout) -> io::Result<()> {
    match rustix::fs::fcntl_getfl(out) {
        Ok(flags) if flags & rustix::fs::OFlags::RWMODE == rustix::fs::OFlags::RDONLY => {
            Err(rustix::io::Errno::BADF.into())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn run(arguments: Arguments) -> Result<Report, AppError> {
    let with_json = arguments.with_json();
    let Arguments { global, window: files, command } = arguments;
    if !matches!(command, Some(Verb::Test(_))) {
        global.check_card()?;
    }
    let Some(command) = command else {
        return without_command(&global, &files);
    };
    if let Some(name) = files.given() {
        return Err(AppError::Usage(format!(
            "{name} before a command is for the window; for a run it stands behind test"
        )));
    }
    match command {
        // What they send is told in a report; an error comes before.
        Verb::Demo => demo::run(&global),
        Verb::Pay(pay) => orders::pay(&global, &pay).map_err(AppError::before_the_card),
        Verb::Topup(topup) => orders::top_up(&global, &topup).map_err(AppError::before_the_card),
        Verb::Refund(refund) => orders::refund(&global, &refund).map_err(AppError::before_the_card),
        Verb::Balance => orders::balance(&global).map_err(AppError::before_the_card),
        Verb::History => orders::history(&global).map_err(AppError::before_the_card),
        Verb::Resolve(resolve) => orders::resolve(&global, &resolve).map_err(AppError::before_the_card),
        Verb::Readers => Ok(cards::readers()),
        Verb::Card(arguments::CardCommand::Bench) => window(&global, &files, Tab::Bench),
        Verb::Card(command) => cards::run(&global, &command),
        Verb::Decode(decode) => decode::run(&decode, with_json),
        Verb::Journal(command) => journal::run(&global, &command),
        Verb::Test(test) => test::run(&global, &test),
        Verb::Explore(explore) => explore::run(&global, &explore),
        Verb::Mutants(arguments) => mutants::run(&global, &arguments),
        Verb::Report(command) => report::run(&command),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut scope::listed(), "untorn", &mut script);
            let text = String::from_utf8_lossy(&script).into_owned();
            let detail = format!("The completion script of {shell}.");
            let report = Report::done(text.clone(), "completions", detail, json!({ "script": text }));
            Ok(Report { is_document: true, ..report })
        }
    }
}

/// The terminal window where there is a person to look at it, the demonstration where there is none.
fn without_command(global: &arguments::Global, files: &arguments::TestFiles) -> Result<Report, AppError> {
    if is_at_terminal() {
        // Who names files of a test wants to see it.
        return window(global, files, if files.given().is_some() { Tab::Suite } else { Tab::Sale });
    }
    match files.given() {
        Some(name) => {
            Err(AppError::Usage(format!("{name} needs a terminal window; behind test it does the same without")))
        }
        None => demo::run(global),
    }
}

fn window(global: &arguments::Global, files: &arguments::TestFiles, first: Tab) -> Result<Report, AppError> {
    if !is_at_terminal() {
        let hint = "the card bench needs a terminal window; `card info` and `pay --tear` do the same without";
        return Err(AppError::Usage(hint.to_owned()));
    }
    let suite = SuiteFiles {
        statement: files.statement.clone(),
        cases: files.cases.clone(),
        expectations: files.expect.as_deref().map(test::read_expectations).transpose()?.unwrap_or_default(),
    };
    let is_unresolved = crate::tui::run(&Options { attended: true, ..global.options() }, suite, first);
    let is_unresolved = is_unresolved.map_err(AppError::before_the_card)?;
    let money = if is_unresolved { Money::NotKnown } else { Money::NoneAsked };
    let work = desk::signal().map_or(Work::Whole, Work::Signalled);
    Ok(Report { money, work, ..Report::silent(Exit::Done) })
}

/// Beyond a limit on the size of files a write is to fail like others, and to be told; the system's way is to end the process without a word.
fn write_errors_are_answers() {
    // Where it cannot be had, all else goes on.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

/// Help as clap prints it; an error repeats what was typed, which may be anything.
fn print(error: &clap::Error) -> io::Result<()> {
    if !error.use_stderr() {
        return error.print();
    }
    let charset = Charset::from_environment();
    let text = error.render().to_string();
    let lines = text.lines().map(|line| charset.line(line)).collect::<Vec<_>>().join("\n");
    writeln!(io::stderr(), "{lines}")
}

/// Whether a window can be opened where we are.
fn is_at_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && has_cursor()
}

/// Whether the terminal can do more than write line after line, by what its name says (term(7)).
fn has_cursor() -> bool {
    std::env::var("TERM").is_ok_and(|name| !matches!(name.as_str(), "" | "dumb" | "unknown"))
}

/// To the standard output.
fn write_out(octets: &[u8]) -> io::Result<()> {
    if octets.is_empty() {
        return Ok(());
    }
    is_open_for_writing(&io::stdout())?;
    let mut out = io::stdout().lock();
    out.write_all(octets).and_then(|()| out.flush())
}

/// To the person at the terminal, not to who reads the results. Nothing depends on its being read.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", Charset::from_environment().text(text));
}

fn code(exit: Exit) -> ExitCode {
    if let Some(signal) = exit.signal() {
        stop::die_of(signal);
    }
    ExitCode::from(exit as u8)
}
