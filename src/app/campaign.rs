//! A test campaign: which cases, on which subject, and what they may do to it.

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::external_terminal::ExternalTerminal;
use super::ledger::FileLedger;
use super::subjects::{MakeCard, OpenReader, RealCard, ServedCards};
use super::{AppError, Clock, ReaderChoice, suites};
use crate::conformance::case::{Case, Risk};
use crate::conformance::result::{CaseResult, Status, TestReport};
use crate::conformance::rig::{InProcessSubject, Rig, Subject};
use crate::conformance::runner::{self, Observer, Subjects};
use crate::conformance::selection::Selection;
use crate::conformance::statement::{Statement, Value};
use crate::conformance::terminal_tester::TerminalSubject;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{Outcome, Stop};
use crate::family::purse::data::Suite;
use crate::family::{CardFamily, families};
use crate::reader::Reader;
use crate::sim::terminal_subject::{self, OwnTerminal};
use crate::wire::hex;

/// What a person asked for.
#[derive(Debug, Clone, Default)]
pub struct CampaignOptions {
    /// `None`: virtual cards in this process.
    pub reader: Option<String>,
    /// Show our virtual cards to the vpcd at this address and test them at `reader`.
    pub serve: Option<SocketAddr>,
    /// A built-in card profile: of what virtual cards are made, and what is claimed of a card without a statement.
    pub profile: String,
    /// ICS and IXIT in a TOML file, instead of the profile's.
    pub statement: Option<PathBuf>,
    /// Cases in TOML files, besides the built-in ones.
    pub cases: Vec<PathBuf>,
    /// Identity of the real card that may be written to.
    pub card: Option<String>,
    /// Under which our own terminal is tested.
    pub suite: Option<Suite>,
    /// A program that is a terminal, by its statement: tested at `reader` with the cards of `serve`.
    pub terminal: Option<PathBuf>,
    /// A deliberate defect of the virtual card, or of our own terminal.
    pub mutant: Option<String>,
}

/// Cases, subjects, permission.
pub struct Campaign {
    /// All cases there are, chosen from by a selection.
    pub cases: Vec<Case>,
    card: Option<Box<dyn Subject>>,
    terminal: Option<Box<dyn TerminalSubject>>,
    /// The most that they may do to a card.
    pub risk_max: Risk,
    /// Identity of a real card.
    pub identity: Option<String>,
    /// [`CampaignOptions::words`].
    options: String,
    /// How another thread comes to subjects of its own; only where they are virtual.
    again: Option<CampaignOptions>,
}

impl Campaign {
    /// Opens the subjects.
    pub fn open(options: &CampaignOptions) -> Result<Self, AppError> {
        let bare = Self {
            cases: all_cases(&options.cases)?,
            card: None,
            terminal: None,
            risk_max: Risk::Irreversible,
            identity: None,
            options: options.words(),
            again: None,
        };
        match &options.reader {
            None => bare.in_process(options),
            Some(reader) => bare.at(reader, options),
        }
    }

    /// Virtual cards, and our own terminal.
    fn in_process(self, options: &CampaignOptions) -> Result<Self, AppError> {
        let of_terminal = |name: &&str| terminal_subject::mutants().iter().any(|mutant| mutant.name == *name);
        let mutant = options.mutant.as_deref();
        let (in_terminal, in_card) = (mutant.filter(of_terminal), mutant.filter(|name| !of_terminal(name)));
        let own = OwnTerminal::new(options.suite.unwrap_or(Suite::Epc1));
        let terminal = match in_terminal {
            Some(name) => own.with_mutant(name).map_err(AppError::Usage)?,
            None => own,
        };
        let card = InProcessSubject::new(options.statement()?, make_card(&options.profile, in_card)?);
        let again = Some(options.clone());
        Ok(Self { card: Some(Box::new(card)), terminal: Some(Box::new(terminal)), again, ..self })
    }

    /// What is reached through PC/SC.
    fn at(self, name: &str, options: &CampaignOptions) -> Result<Self, AppError> {
        let reader = name.to_owned();
        let open: OpenReader = Box::new(move || open_reader(&reader));
        let needs_serve = || AppError::Usage("a terminal is tested with cards of ours: say --serve too".to_owned());
        if let Some(path) = &options.terminal {
            let address = options.serve.ok_or_else(needs_serve)?;
            let terminal = ExternalTerminal::new(read_statement(path)?, address, open)?;
            return Ok(Self { terminal: Some(Box::new(terminal)), ..self });
        }
        if let Some(address) = options.serve {
            let make = make_card(&options.profile, options.mutant.as_deref())?;
            let card = ServedCards::serve(options.statement()?, address, make, open)?;
            return Ok(Self { card: Some(Box::new(card)), ..self });
        }
        if options.mutant.is_some() {
            let reason = "--mutant is for virtual cards: a real card has the defects it has";
            return Err(AppError::Usage(reason.to_owned()));
        }
        let statement = options.statement()?;
        let identity = identify(&statement, open_reader(name)?)?;
        let risk_max = permission(&identity, options.card.as_deref())?;
        let card = RealCard::new(statement, name.to_owned(), open).with_ledger(FileLedger::open(&identity)?);
        Ok(Self { card: Some(Box::new(card)), risk_max, identity: Some(identity), ..self })
    }

    /// The cases, and what is under test.
    pub fn parts(&mut self) -> (&[Case], Subjects<'_>) {
        let card = self.card.as_deref_mut().map(|card| card as &mut dyn Subject);
        let terminal = self.terminal.as_deref_mut().map(|terminal| terminal as &mut dyn TerminalSubject);
        (&self.cases, Subjects { card, terminal, options: self.options.clone() })
    }

    /// Runs what the selection chooses: one case after the other at a reader, as many at once as there are cores on virtual subjects.
    pub fn run(&mut self, selection: &Selection, seed: u64, observer: &mut dyn Observer) -> TestReport {
        let jobs = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        if let Some(options) = self.again.clone().filter(|_| jobs > 1) {
            return self.run_at_once(&options, jobs, selection, seed, observer);
        }
        let (cases, mut subjects) = self.parts();
        runner::run(cases, selection, &mut subjects, seed, observer)
    }

    fn run_at_once(
        &mut self,
        options: &CampaignOptions,
        jobs: usize,
        selection: &Selection,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> TestReport {
        let begun = observer.micros();
        let (cases, subjects) = self.parts();
        let chosen = selection.choose(cases);
        let mut report = runner::plan(&chosen, selection, &subjects, seed);
        observer.planned(&report);
        let work: Vec<usize> =
            (0..chosen.len()).filter(|index| report.results[*index].status == Status::NotRun).collect();
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        // Which case, and what it came to; nothing yet where it begins.
        let (sender, ended) = mpsc::channel::<(usize, Option<CaseResult>)>();
        std::thread::scope(|scope| {
            for sender in (0..jobs).map(|_| sender.clone()) {
                let (work, chosen, next, stopped) = (&work, &chosen, &next, &stopped);
                scope.spawn(move || {
                    // They were opened once already, so they can be again; who cannot leaves the work to the others.
                    let Ok(mut own) = Self::open(options) else { return };
                    let (_, mut subjects) = own.parts();
                    while !stopped.load(Ordering::Relaxed)
                        && let Some(&index) = work.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        if sender.send((index, None)).is_err() {
                            return;
                        }
                        let case_seed = runner::case_seed(seed, &chosen[index].id);
                        let mut timed = Timed { clock: Clock::system(), stopped };
                        let result = runner::run_case(chosen[index], &mut subjects, case_seed, &mut timed);
                        if sender.send((index, Some(result))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (index, result) in ended {
                match result {
                    None => observer.begin(chosen[index], index, chosen.len()),
                    Some(result) => {
                        observer.end(&result);
                        report.results[index] = result;
                    }
                }
                stopped.fetch_or(observer.stop(), Ordering::Relaxed);
            }
        });
        report.interrupted = work.iter().any(|index| report.results[*index].status == Status::NotRun);
        runner::doubt_without_twin(&mut report.results);
        report.micros = observer.micros().saturating_sub(begun);
        report
    }
}

impl CampaignOptions {
    /// What a command line says to have them again, each word with a space before it.
    pub fn words(&self) -> String {
        let path = |path: &PathBuf| path.display().to_string();
        let mut words: Vec<(&str, String)> = Vec::new();
        let mut add = |name: &'static str, value: Option<String>| words.extend(value.map(|value| (name, value)));
        add("--reader", self.reader.clone());
        add("--serve", self.serve.map(|address| address.to_string()));
        add("--profile", Some(self.profile.clone()).filter(|profile| !profile.is_empty() && profile != "default"));
        add("--statement", self.statement.as_ref().map(path));
        self.cases.iter().for_each(|file| add("--cases", Some(path(file))));
        add("--card", self.card.clone());
        add("--suite", self.suite.map(|suite| suite.to_string().to_lowercase()));
        add("--terminal-statement", self.terminal.as_ref().map(path));
        add("--mutant", self.mutant.clone());
        words
            .iter()
            .flat_map(|(name, value)| [" ".to_owned(), (*name).to_owned(), " ".to_owned(), quoted(value)])
            .collect()
    }

    /// All cases there are. What cannot be read of statement and cases is told before anything is opened.
    pub fn review(&self) -> Result<Vec<Case>, AppError> {
        if let Some(path) = &self.statement {
            read_statement(path)?;
        }
        all_cases(&self.cases)
    }

    fn statement(&self) -> Result<Statement, AppError> {
        match &self.statement {
            Some(path) => read_statement(path),
            None => Ok(built_in(&self.profile)?.1),
        }
    }
}

/// A clock, and the wish to stop of who looks on elsewhere.
struct Timed<'s> {
    clock: Clock,
    stopped: &'s AtomicBool,
}

impl Observer for Timed<'_> {
    fn stop(&mut self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn micros(&mut self) -> u64 {
        self.clock.micros()
    }
}

/// As one word of a POSIX shell (POSIX.1-2024, XCU 2.2.2).
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._+/:,=@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What a person allows by naming a card. Cases that ruin one never run on a real card: they need a fresh one each.
fn permission(identity: &str, named: Option<&str>) -> Result<Risk, AppError> {
    match named {
        None => Ok(Risk::ReadOnly),
        Some(named) if named.eq_ignore_ascii_case(identity) => Ok(Risk::Writes),
        Some(named) => Err(AppError::Usage(format!("--card names {named}, the card at the reader is {identity}"))),
    }
}

/// The built-in cases and those of these files. An id is one case's: patterns, tokens and logs go by it.
fn all_cases(files: &[PathBuf]) -> Result<Vec<Case>, AppError> {
    let built_in = suites::cases().into_iter().map(|case| (format!("the built-in suite {}", case.suite), case));
    let mut all: Vec<(String, Case)> = built_in.collect();
    for path in files {
        for case in read_cases(path)? {
            let (id, place) = (&case.id, path.display().to_string());
            if let Some((other, _)) = all.iter().find(|(_, listed)| listed.id == *id) {
                return Err(AppError::Usage(format!(
                    "case {id} stands in {place} and in {other}; give one of them another id"
                )));
            }
            all.push((place, case));
        }
    }
    Ok(all.into_iter().map(|(_, case)| case).collect())
}

fn read_cases(path: &Path) -> Result<Vec<Case>, AppError> {
    let text = fs::read_to_string(path).map_err(|source| AppError::file("read the cases", path, source))?;
    crate::conformance::steps::parse_cases(&text)
        .map_err(|error| AppError::Usage(format!("{}: {error}", path.display())))
}

fn read_statement(path: &Path) -> Result<Statement, AppError> {
    let text = fs::read_to_string(path).map_err(|source| AppError::file("read the statement", path, source))?;
    Statement::parse(&text).map_err(|error| AppError::Usage(format!("{}: {error}", path.display())))
}

/// The family that has this profile built in, and what it claims.
fn built_in(profile: &str) -> Result<(&'static dyn CardFamily, Statement), AppError> {
    let known: Vec<&str> = families().iter().flat_map(|family| family.profiles()).collect();
    let family = families().iter().find(|family| family.profiles().contains(&profile)).ok_or_else(|| {
        AppError::Profile(format!("there is no built-in profile {profile:?} to test; there are: {}", known.join(", ")))
    })?;
    let statement = family.statement(profile).map_err(AppError::Profile)?;
    Ok((&**family, statement))
}

fn make_card(profile: &str, mutant: Option<&str>) -> Result<MakeCard, AppError> {
    let (family, _) = built_in(profile)?;
    let (profile, mutant) = (profile.to_owned(), mutant.map(str::to_owned));
    // An unknown mutant is a slip of the keyboard, not the end of every case.
    family.virtual_card(&profile, 0, mutant.as_deref()).map_err(AppError::Usage)?;
    Ok(Box::new(move |seed| family.virtual_card(&profile, seed, mutant.as_deref())))
}

fn open_reader(name: &str) -> Result<Box<dyn Reader>, AppError> {
    match ReaderChoice::parse(name) {
        ReaderChoice::Pcsc(name) => super::open_bare_pcsc(&name),
        ReaderChoice::Virtual => Err(AppError::Usage("the virtual reader has no PC/SC name".to_owned())),
    }
}

/// What identifies the card at the reader: what its family says; the answer to the statement's `identity` command; its ATR.
fn identify(statement: &Statement, reader: Box<dyn Reader>) -> Result<String, AppError> {
    let mut rig = Rig::new(reader, None);
    let mut clock = || 0;
    let mut tester = Tester::new(&mut rig, statement, 0, &mut clock);
    let identity = identity_of(&mut tester, statement);
    tester.power_off();
    identity.map_err(|stop| AppError::Reader(format!("cannot identify the card: {}", stop.reason)))
}

fn identity_of(tester: &mut Tester<'_>, statement: &Statement) -> Outcome<String> {
    let atr = tester.power_on()?;
    for family in families().iter().filter(|family| statement.claims(family.name())) {
        if let Some(identity) = family.identify(tester)? {
            return Ok(identity);
        }
    }
    let Some(Value::Text(command)) = statement.values.get("identity") else { return Ok(hex::encode(&atr)) };
    let command = hex::parse(command).map_err(|error| Stop::error(format!("identity: {error}")))?;
    let answer = tester.send(&command)?;
    tester.expect_status(&answer, 0x9000)?;
    Ok(hex::encode(&answer.data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_written_to_only_when_it_is_named() {
        assert_eq!(permission("AB01", None).unwrap(), Risk::ReadOnly);
        assert_eq!(permission("AB01", Some("ab01")).unwrap(), Risk::Writes, "and never ruined");
        assert!(permission("AB01", Some("AB02")).is_err());
    }

    #[test]
    fn what_was_asked_for_can_be_typed_again() {
        let options = CampaignOptions {
            profile: "euro".to_owned(),
            statement: Some("it's mine/a b.toml".into()),
            suite: Some(Suite::Epc2),
            mutant: Some("debit-twice".to_owned()),
            ..CampaignOptions::default()
        };
        let words = r" --profile euro --statement 'it'\''s mine/a b.toml' --suite epc2 --mutant debit-twice";
        assert_eq!(options.words(), words);
    }

    #[test]
    fn an_id_that_stands_twice_is_refused_with_both_places() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, id: &str| {
            let path = folder.path().join(name);
            let text = format!(
                "suite = 'toy'\n[[case]]\nid = '{id}'\npurpose = 'p.'\nrisk = 'read_only'\n[[case.step]]\nreset = 'cold'\n"
            );
            fs::write(&path, text).unwrap();
            path
        };
        let (mine, twice, built_in) =
            (file("mine", "TOY-A-001"), file("twice", "TOY-A-001"), file("iso", "ISO-CLA-001"));
        assert!(all_cases(std::slice::from_ref(&mine)).is_ok());
        let error = |files: &[PathBuf]| all_cases(files).unwrap_err().to_string();
        let both = error(&[mine.clone(), twice.clone()]);
        assert!(both.contains(mine.to_str().unwrap()) && both.contains(twice.to_str().unwrap()), "{both}");
        let both = error(&[built_in]);
        assert!(both.contains("ISO-CLA-001 stands in") && both.contains("the built-in suite iso7816_4"), "{both}");
    }

    #[test]
    fn an_unknown_mutant_or_profile_is_told_before_anything_runs() {
        let open = |profile: &str, mutant: Option<&str>| {
            let options = CampaignOptions {
                profile: profile.to_owned(),
                mutant: mutant.map(str::to_owned),
                ..CampaignOptions::default()
            };
            Campaign::open(&options).map(|_| ())
        };
        assert!(open("default", None).is_ok());
        assert!(open("default", Some("nonce-constant")).is_ok());
        assert!(open("default", Some("no-such")).is_err());
        assert!(open("no-such", None).is_err());
    }
}
