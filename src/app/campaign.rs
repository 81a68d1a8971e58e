//! A test campaign: which cases, on which subject, and what they may do to it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::external_terminal::ExternalTerminal;
use super::identity::{self, Identity};
use super::ledger::FileLedger;
use super::subjects::{MakeCard, OpenReader, RealCard, ServedCards};
use super::{AppError, Clock, ReaderChoice, review, virtual_card};
use crate::conformance::case::{Body, Case};
use crate::conformance::result::{CaseResult, Status, TestReport, UnderTest};
use crate::conformance::rig::{InProcessSubject, Subject};
use crate::conformance::risk::Risk;
use crate::conformance::runner::{self, Observer, Subjects};
use crate::conformance::selection::Selection;
use crate::conformance::statement::Statement;
use crate::conformance::terminal_tester::TerminalSubject;
use crate::family::error::FamilyError;
use crate::family::{Family, families, usual_profile};
use crate::journal::OpenRecord;
use crate::reader::{LinkErrorKind, Reader, Reset};
use crate::sim::terminal_subject::{self, OwnTerminal};
use crate::suite::iso7816_4::declared::declared;
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
    /// Which kind of card it is, whatever its statement says.
    pub kind: Option<String>,
    /// Cases in TOML files, besides the built-in ones.
    pub cases: Vec<PathBuf>,
    /// How long a card at `reader` is waited for, in seconds.
    pub wait_seconds: u32,
    /// Identity of the real card that may be written to.
    pub card: Option<String>,
    /// Where orders may be open on that card; `None`: the person's own journal.
    pub journal: Option<PathBuf>,
    /// It may be written to although an order is open on it.
    pub despite_open: bool,
    /// Under which our own terminal is tested.
    pub suite: Option<String>,
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
    /// Which card a real one is.
    pub identity: Option<Identity>,
    /// [`CampaignOptions::words`].
    options: String,
    /// What a person should know before it runs: values of the statement that nothing asks for.
    pub warnings: Vec<String>,
    told: UnderTest,
    /// How another thread comes to subjects of its own; only where they are virtual.
    again: Option<CampaignOptions>,
}

impl Campaign {
    /// Opens the subjects.
    pub fn open(options: &CampaignOptions) -> Result<Self, AppError> {
        if let Some(mutant) = &options.mutant {
            review::mutant(mutant)?;
        }
        let bare = Self {
            cases: review::all_cases(&options.cases)?,
            card: None,
            terminal: None,
            risk_max: Risk::Irreversible,
            identity: None,
            options: options.words(),
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
        let own = own_terminal(built_in(&options.profile)?.0, options.suite.as_deref())?;
        let terminal = match (own, in_terminal) {
            (own, None) => own,
            (Some(own), Some(name)) => Some(own.with_mutant(name)?),
            (None, Some(_)) => return Err(FamilyError::NoTill(options.profile.clone()).into()),
        };
        let card = InProcessSubject::new(self.card_statement(options)?, make_card(&options.profile, in_card)?);
        fits(options, card.statement())?;
        let again = Some(options.clone());
        let told = options.virtual_cards();
        Ok(Self {
            card: Some(Box::new(card)),
            terminal: terminal.map(|terminal| Box::new(terminal) as _),
            again,
            told,
            ..self
        })
    }

    /// What is reached through PC/SC.
    fn at(mut self, name: &str, options: &CampaignOptions) -> Result<Self, AppError> {
        if options.suite.is_some() {
            let reason =
                "--suite is for our own terminal in this process: what a card at a reader can do, its statement says";
            return Err(AppError::Usage(reason.to_owned()));
        }
        let name = reader_name(name)?;
        let reader = name.clone();
        let mut open: OpenReader = Box::new(move || super::open_exactly_pcsc(&reader));
        let needs_serve = || AppError::Usage("a terminal is tested with cards of ours: say --serve too".to_owned());
        if let Some(path) = &options.terminal {
            let address = options.serve.ok_or_else(needs_serve)?;
            let statement = review::read_statement(path)?;
            self.warnings = review::statement(&statement, path, &self.cases, |body| matches!(body, Body::Terminal(_)))?;
            let terminal = ExternalTerminal::new(statement, address, &name)?;
            return Ok(Self { terminal: Some(Box::new(terminal)), ..self });
        }
        if let Some(address) = options.serve {
            let make = make_card(&options.profile, options.mutant.as_deref())?;
            let statement = self.card_statement(options)?;
            fits(options, &statement)?;
            let card = ServedCards::serve(statement, address, make, open)?;
            return Ok(Self { card: Some(Box::new(card)), told: options.virtual_cards(), ..self });
        }
        if options.mutant.is_some() {
            let reason = "--mutant is for virtual cards: a real card has the defects it has";
            return Err(AppError::Usage(reason.to_owned()));
        }
        let statement = self.card_statement(options)?;
        let ledger = FileLedger::open("")?;
        let (reader, atr) = with_card(open()?, options.wait_seconds);
        let protocol = reader.protocol().map(|protocol| format!("T={protocol}"));
        let identity = identity::identify(&statement, reader, &ledger).map_err(|error| match &error {
            AppError::Reader(_) if options.statement.is_none() && atr.is_some() => AppError::Usage(format!(
                "this card is of no family that untorn knows: say what is claimed of it with --statement FILE; \
                 docs/testing-your-card.md tells how ({error})"
            )),
            _ => error,
        })?;
        let risk_max = identity.permission(options.card.as_deref())?;
        if risk_max > Risk::ReadOnly && !options.despite_open {
            refuse_open_orders(options.journal.as_deref(), identity.name())?;
        }
        let ledger = ledger.of(identity.name());
        let card = RealCard::new(statement, name, open).only(identity.clone(), ledger);
        let told = UnderTest { card: identity.number(), atr, protocol, ..UnderTest::default() };
        Ok(Self { card: Some(Box::new(card)), risk_max, identity: Some(identity), told, ..self })
    }

    /// What is claimed of the card.
    fn card_statement(&mut self, options: &CampaignOptions) -> Result<Statement, AppError> {
        let kind = options.kind.as_deref();
        let Some(path) = &options.statement else {
            return built_in(&options.profile)?.1.of_kind(kind).map_err(AppError::Usage);
        };
        let statement = review::read_statement(path)?.of_kind(kind).map_err(AppError::Usage)?;
        self.warnings = review::statement(&statement, path, &self.cases, |body| matches!(body, Body::Card(_)))?;
        Ok(statement)
    }

    /// The cases, and what is under test.
    pub fn parts(&mut self) -> (&[Case], Subjects<'_>) {
        let card = self.card.as_deref_mut().map(|card| card as &mut dyn Subject);
        let terminal = self.terminal.as_deref_mut().map(|terminal| terminal as &mut dyn TerminalSubject);
        let (options, told) = (self.options.clone(), self.told.clone());
        (&self.cases, Subjects { card, terminal, options, told })
    }

    /// Why the run ended before its end, where the card was swapped.
    pub fn lost(&self) -> Option<String> {
        self.card.as_deref().and_then(Subject::lost)
    }

    /// Runs what the selection chooses: one case after the other at a reader, as many at once as there are cores on virtual subjects.
    pub fn run(&mut self, selection: &Selection, seed: u64, observer: &mut dyn Observer) -> TestReport {
        let jobs = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut report = if let Some(options) = self.again.clone().filter(|_| jobs > 1) {
            self.run_at_once(&options, jobs, selection, seed, observer)
        } else {
            let (cases, mut subjects) = self.parts();
            runner::run(cases, selection, &mut subjects, seed, observer)
        };
        let card = self.card.as_deref().map(Subject::statement);
        report.declared = card.map_or_else(Vec::new, |statement| declared(&report, statement));
        report
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
        runner::block_behind(&chosen, &mut report.results);
        runner::doubt_without_twin(&mut report.results);
        report.micros = observer.micros().saturating_sub(begun);
        report
    }
}

/// A journal that cannot be read may hold an open order.
fn refuse_open_orders(journal: Option<&Path>, card: &str) -> Result<(), AppError> {
    let open = virtual_card::open_orders(journal, None)?;
    match open.into_iter().find(|record| record.intent.card.0.eq_ignore_ascii_case(card)) {
        None => Ok(()),
        Some(OpenRecord { intent, .. }) => {
            let what = format!("{} of {}", intent.kind, intent.amount);
            Err(AppError::OpenOnCard { card: intent.card, order: intent.order, what })
        }
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
        add(
            "--profile",
            Some(self.profile.clone()).filter(|profile| !profile.is_empty() && profile != usual_profile(None)),
        );
        add("--statement", self.statement.as_ref().map(path));
        add("--kind", self.kind.clone());
        self.cases.iter().for_each(|file| add("--cases", Some(path(file))));
        add("--card", self.card.clone());
        add("--suite", self.suite.clone());
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
            review::read_statement(path)?;
        }
        review::all_cases(&self.cases)
    }

    /// What reports say of virtual cards.
    fn virtual_cards(&self) -> UnderTest {
        UnderTest { profile: Some(self.profile.clone()), mutant: self.mutant.clone(), ..UnderTest::default() }
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

/// Our own terminal for cards of this family, under this variant or under its first; `None` where it takes no such cards.
fn own_terminal(family: &'static dyn Family, variant: Option<&str>) -> Result<Option<OwnTerminal>, AppError> {
    let Some(lab) = family.lab() else { return Ok(None) };
    let Some(name) = variant else {
        return Ok(lab.variants().first().map(|variant| OwnTerminal::new(lab, variant)));
    };
    let named = lab.variants().iter().find(|variant| **variant == name);
    let unknown = || AppError::Usage(format!("our own terminal does not work under {}", crate::quoted::quoted(name)));
    named.map(|variant| Some(OwnTerminal::new(lab, variant))).ok_or_else(unknown)
}

/// The family that has this profile built in, and what it claims.
fn built_in(profile: &str) -> Result<(&'static dyn Family, Statement), AppError> {
    let known: Vec<&str> = families().iter().flat_map(|family| family.profiles()).collect();
    let family = families().iter().find(|family| family.profiles().contains(&profile)).ok_or_else(|| {
        AppError::Profile(format!(
            "there is no built-in profile {profile} to test; there are: {}",
            known.join(", "),
            profile = crate::quoted::quoted(profile)
        ))
    })?;
    let statement = family.statement(profile)?;
    Ok((&**family, statement))
}

fn make_card(profile: &str, mutant: Option<&str>) -> Result<MakeCard, AppError> {
    let (family, _) = built_in(profile)?;
    let (profile, mutant) = (profile.to_owned(), mutant.map(str::to_owned));
    // An unknown mutant is a slip of the keyboard, not the end of every case.
    family.virtual_card(&profile, 0, mutant.as_deref())?;
    Ok(Box::new(move |seed| Ok(family.virtual_card(&profile, seed, mutant.as_deref())?)))
}

/// A virtual card is what its own profile claims, but for a defect that was asked for. What a file claims may be something else.
fn fits(options: &CampaignOptions, statement: &Statement) -> Result<(), AppError> {
    if options.statement.is_none() || options.mutant.is_some() {
        return Ok(());
    }
    let card = make_card(&options.profile, None)?(0).map_err(|error| AppError::Usage(error.to_string()))?;
    identity::fits(statement, card)
}

/// Looked for once: what else has this in its name may come and go while a run lasts.
fn reader_name(name: &str) -> Result<String, AppError> {
    match ReaderChoice::parse(name) {
        ReaderChoice::Pcsc(name) => super::find_pcsc(&name),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_can_be_typed_again() {
        let options = CampaignOptions {
            profile: "euro".to_owned(),
            statement: Some("it's mine/a b.toml".into()),
            suite: Some("epc2".to_owned()),
            mutant: Some("debit-twice".to_owned()),
            ..CampaignOptions::default()
        };
        let words = r" --profile euro --statement 'it'\''s mine/a b.toml' --suite epc2 --mutant debit-twice";
        assert_eq!(options.words(), words);
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
