//! A test campaign: which cases, on which subject, and what they may do to it.

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::external_terminal::{self, ExternalTerminal};
use super::ledger::FileLedger;
use super::subjects::{MakeCard, OpenReader, RealCard, ServedCards};
use super::{AppError, Clock, ReaderChoice, suites};
use crate::conformance::case::{Body, Case, Risk};
use crate::conformance::result::{Status, TestReport, UnderTest};
use crate::conformance::review;
use crate::conformance::rig::{InProcessSubject, Rig, Subject};
use crate::conformance::runner::{self, Observer, Subjects};
use crate::conformance::selection::Selection;
use crate::conformance::statement::{Statement, Value};
use crate::conformance::terminal_tester::TerminalSubject;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{Outcome, Stop};
use crate::family::purse::data::Suite;
use crate::family::{CardFamily, families};
use crate::reader::{LinkErrorKind, Reader, Reset};
use crate::sim::terminal_subject::{self, OwnTerminal};
use crate::wire::hex;

/// How often a reader is looked at for a card.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
    /// How long a card at `reader` is waited for, in seconds.
    pub wait_seconds: u32,
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
    /// What a person should know before it runs: values of the statement that nothing asks for.
    pub warnings: Vec<String>,
    told: UnderTest,
    /// How another thread comes to subjects of its own; only where they are virtual.
    again: Option<CampaignOptions>,
}

impl Campaign {
    /// Opens the subjects.
    pub fn open(options: &CampaignOptions) -> Result<Self, AppError> {
        let mut cases = suites::cases();
        for path in &options.cases {
            cases.extend(read_cases(path)?);
        }
        review_files(&cases, options)?;
        if let Some(mutant) = &options.mutant {
            known_mutant(mutant)?;
        }
        let bare = Self {
            cases,
            card: None,
            terminal: None,
            risk_max: Risk::Irreversible,
            identity: None,
            warnings: Vec::new(),
            told: UnderTest::default(),
            again: None,
        };
        match &options.reader {
            None => bare.in_process(options),
            Some(reader) => bare.at(reader, options),
        }
    }

    /// Virtual cards, and our own terminal.
    fn in_process(mut self, options: &CampaignOptions) -> Result<Self, AppError> {
        let of_terminal = |name: &&str| terminal_subject::mutants().iter().any(|mutant| mutant.name == *name);
        let mutant = options.mutant.as_deref();
        let (in_terminal, in_card) = (mutant.filter(of_terminal), mutant.filter(|name| !of_terminal(name)));
        let own = OwnTerminal::new(options.suite.unwrap_or(Suite::Epc1));
        let terminal = match in_terminal {
            Some(name) => own.with_mutant(name).map_err(AppError::Usage)?,
            None => own,
        };
        let card = InProcessSubject::new(self.card_statement(options)?, make_card(&options.profile, in_card)?);
        let again = Some(options.clone());
        let told = options.virtual_cards();
        Ok(Self { card: Some(Box::new(card)), terminal: Some(Box::new(terminal)), again, told, ..self })
    }

    /// What is reached through PC/SC.
    fn at(mut self, name: &str, options: &CampaignOptions) -> Result<Self, AppError> {
        let reader = name.to_owned();
        let open: OpenReader = Box::new(move || open_reader(&reader));
        let needs_serve = || AppError::Usage("a terminal is tested with cards of ours: say --serve too".to_owned());
        if let Some(path) = &options.terminal {
            let address = options.serve.ok_or_else(needs_serve)?;
            let statement = read_statement(path)?;
            self.review(&statement, path, |body| matches!(body, Body::Terminal(_)))?;
            let terminal = ExternalTerminal::new(statement, address, open)?;
            return Ok(Self { terminal: Some(Box::new(terminal)), ..self });
        }
        if let Some(address) = options.serve {
            let make = make_card(&options.profile, options.mutant.as_deref())?;
            let card = ServedCards::serve(self.card_statement(options)?, address, make, open)?;
            return Ok(Self { card: Some(Box::new(card)), told: options.virtual_cards(), ..self });
        }
        if options.mutant.is_some() {
            let reason = "--mutant is for virtual cards: a real card has the defects it has";
            return Err(AppError::Usage(reason.to_owned()));
        }
        let statement = self.card_statement(options)?;
        if options.suite.is_some() {
            let reason = "--suite is for our own terminal: what a real card can do, its statement says";
            return Err(AppError::Usage(reason.to_owned()));
        }
        let (reader, atr) = with_card(open_reader(name)?, options.wait_seconds);
        let identity = identify(&statement, reader).map_err(|error| match options.statement {
            None if atr.is_some() => AppError::Usage(format!(
                "this card has no untorn purse: say what is claimed of it with --statement FILE; \
                 docs/testing-your-card.md tells how ({error})"
            )),
            _ => error,
        })?;
        let risk_max = permission(&identity, options.card.as_deref())?;
        let card = RealCard::new(statement, name.to_owned(), open).with_ledger(FileLedger::open(&identity)?);
        let told = UnderTest { card: Some(identity.clone()), atr, ..UnderTest::default() };
        Ok(Self { card: Some(Box::new(card)), risk_max, identity: Some(identity), told, ..self })
    }

    /// The cases, and what is under test.
    pub fn parts(&mut self) -> (&[Case], Subjects<'_>) {
        let card = self.card.as_deref_mut().map(|card| card as &mut dyn Subject);
        let terminal = self.terminal.as_deref_mut().map(|terminal| terminal as &mut dyn TerminalSubject);
        (&self.cases, Subjects { card, terminal, told: self.told.clone() })
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
        let (sender, ended) = mpsc::channel();
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
                        let case_seed = runner::case_seed(seed, &chosen[index].id);
                        let result =
                            runner::run_case(chosen[index], &mut subjects, case_seed, &mut Timed(Clock::system()));
                        if sender.send((index, result)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (done, (index, result)) in ended.iter().enumerate() {
                observer.begin(chosen[index], done, chosen.len());
                observer.end(&result);
                report.results[index] = result;
                stopped.fetch_or(observer.stop(), Ordering::Relaxed);
            }
        });
        report.interrupted = work.iter().any(|index| report.results[*index].status == Status::NotRun);
        runner::doubt_without_twin(&mut report.results, &chosen);
        report.micros = observer.micros().saturating_sub(begun);
        report
    }
}

impl CampaignOptions {
    /// What reports say of virtual cards.
    fn virtual_cards(&self) -> UnderTest {
        UnderTest { profile: Some(self.profile.clone()), mutant: self.mutant.clone(), ..UnderTest::default() }
    }
}

impl Campaign {
    /// What is claimed of the card.
    fn card_statement(&mut self, options: &CampaignOptions) -> Result<Statement, AppError> {
        let Some(path) = &options.statement else { return Ok(built_in(&options.profile)?.1) };
        let statement = read_statement(path)?;
        self.review(&statement, path, |body| matches!(body, Body::Card(_)))?;
        Ok(statement)
    }

    /// The static review of a person's statement, before anything is touched.
    fn review(&mut self, statement: &Statement, path: &Path, is_tested: fn(&Body) -> bool) -> Result<(), AppError> {
        let built_in = built_in_claims();
        let claims = review::claims_of(&self.cases, built_in.iter().map(String::as_str));
        let tested = || self.cases.iter().filter(|case| is_tested(&case.body));
        let path = path.display();
        let wrong = review::statement(statement, &claims, tested());
        if !wrong.is_empty() {
            return Err(AppError::Usage(format!("{path}: statement: {}", wrong.join("; "))));
        }
        let idle = review::idle_values(statement, &self.cases, &external_terminal::VALUES);
        let built_in = built_in.iter().map(String::as_str).collect();
        let idle = [idle, review::near_needs(statement, &self.cases, &built_in)].concat();
        self.warnings.extend(idle.iter().map(|idle| format!("{path}: statement: {idle}")));
        Ok(())
    }
}

/// What our own cards and terminal claim: some of it no case needs, and bodies ask for it.
fn built_in_claims() -> Vec<String> {
    let profiles = families().iter().flat_map(|family| family.profiles().into_iter().map(move |name| (family, name)));
    let of_cards = profiles.filter_map(|(family, name)| family.statement(name).ok());
    let of_terminal = OwnTerminal::new(Suite::Epc1).statement().clone();
    of_cards.chain([of_terminal]).flat_map(|statement| statement.claims).collect()
}

/// Of a card or of our own terminal; one that the chosen profile has not is refused where the card is made.
fn known_mutant(name: &str) -> Result<(), AppError> {
    let of_families = families().iter().flat_map(|family| family.mutants());
    let known: Vec<&str> = of_families.chain(terminal_subject::mutants()).map(|mutant| mutant.name).collect();
    if known.contains(&name) {
        return Ok(());
    }
    let near = review::perhaps(name, known);
    Err(AppError::Usage(format!("no card and no terminal has a mutant {name:?}{near}; see untorn mutants --list")))
}

/// What can be said of the cases of files only together with all others.
fn review_files(cases: &[Case], options: &CampaignOptions) -> Result<(), AppError> {
    let built_in = built_in_claims();
    let known = suites::cases();
    let claims = review::claims_of(&known, built_in.iter().map(String::as_str));
    for path in &options.cases {
        let wrong =
            |case: &Case, reason: &str| AppError::Usage(format!("{}: cases: {}: {reason}", path.display(), case.id));
        for case in read_cases(path)? {
            if let Some(twin) = case.twin.as_ref().filter(|twin| cases.iter().all(|other| other.id != **twin)) {
                let ids = cases.iter().map(|other| other.id.as_str());
                return Err(wrong(&case, &format!("twin: there is no case {twin:?}{}", review::perhaps(twin, ids))));
            }
            if let Some(reason) = review::strange_need(&case, &claims) {
                return Err(wrong(&case, &reason));
            }
        }
    }
    Ok(())
}

/// A clock, and nobody who looks on.
struct Timed(Clock);

impl Observer for Timed {
    fn micros(&mut self) -> u64 {
        self.0.micros()
    }
}

/// What a person allows by naming a card. Cases that ruin one never run on a real card: they need a fresh one each.
fn permission(identity: &str, named: Option<&str>) -> Result<Risk, AppError> {
    match named {
        None => Ok(Risk::ReadOnly),
        Some(named) if named.eq_ignore_ascii_case(identity) => Ok(Risk::Writes),
        Some(named) => Err(AppError::Usage(format!("--card names {named}, the card at the reader is {identity}"))),
    }
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

/// The reader, when a card lies there or this time has passed; and the ATR of the card that lies there.
fn with_card(mut reader: Box<dyn Reader>, wait_seconds: u32) -> (Box<dyn Reader>, Option<String>) {
    let until = Instant::now() + Duration::from_secs(wait_seconds.into());
    loop {
        match reader.activate(Reset::Cold) {
            Ok(activation) => return (reader, Some(hex::encode(&activation.atr))),
            Err(error) if error.kind != LinkErrorKind::Removed || Instant::now() >= until => return (reader, None),
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
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
