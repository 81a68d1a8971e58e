//! From what a person asked for to a terminal that runs: reader, virtual card, journal, security module, clock.
//!
//! Command line and terminal window both start here; [`Options`] has the names of the flags.

pub mod campaign;
mod clock;
mod error;
mod exit;
pub mod external_terminal;
pub mod identity;
mod kill;
pub mod ledger;
mod place;
mod read_file;
pub mod rehearsal;
mod review;
pub mod run_folder;
mod served;
pub mod stop;
mod stop_list;
pub mod subjects;
pub mod suites;
mod terminal_program;
mod virtual_card;
pub mod whole_file;

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use clock::{Clock, Source};
pub use error::AppError;
pub use exit::{Exit, Money, Signal, Stakes, Telling, Work, code};
pub use kill::{KillAt, reached};
pub use read_file::read_text;
pub use virtual_card::{LoadedProfile, VirtualCard};

use crate::entropy::{Entropy, SeededEntropy, SystemEntropy};
use crate::family::profile::{KeyLog, TillSetup};
use crate::family::settings::{GRANT, Settings};
use crate::family::{families, usual_profile};
use crate::journal::policy::SettlementPolicy;
use crate::journal::record::CardReference;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal, JournalError};
use crate::money::Currency;
use crate::reader::Reader;
use crate::reader::exchange::Exchange;
use crate::reader::fault::FaultInjector;
use crate::reader::trace::{Trace, TraceRing};
use crate::session::{self, Desk, World};
use crate::terminal::event::{Outcome, Request};
use crate::terminal::{Config, OrdersFor, Terminal};

/// Events that the trace on screen keeps.
const TRACE_EVENTS: usize = 1024;

/// What a person asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the card is.
    pub reader: ReaderChoice,
    /// Name of a built-in card profile, or path of a TOML file. It says of what the virtual card is made, and for which card and
    /// currency the terminal works.
    pub profile: String,
    /// Whose profile it is, where several families have one of this name; `None` for the first that has it.
    pub family: Option<String>,
    /// What is set of the terminal in the words of its family.
    pub settings: Settings,
    /// Memory of the virtual card; `None` for one in the person's data directory.
    pub state: Option<PathBuf>,
    /// Makes a run repeatable: randomness and clock come from it. Only with the virtual reader.
    pub seed: Option<u64>,
    /// Where the exchanges are written, as JSON lines.
    pub trace: Option<PathBuf>,
    /// The journal; `None` for the one in the person's data directory.
    pub journal: Option<PathBuf>,
    /// What a record counts for.
    pub policy: SettlementPolicy,
    /// How long a card is waited for, in seconds.
    pub wait_seconds: u32,
    /// The one card that gets orders. A PC/SC reader gives no order without.
    pub card: Option<CardReference>,
    /// Cards that get no order: a text file of card ids, one a line, `#` before a remark.
    pub stop_list: Option<PathBuf>,
    /// Block a card of the stop list where it is met.
    pub block_stopped: bool,
    /// A person is at the terminal: after an unresolved slip the card's balance is offered (BALANCE_CHECK).
    pub attended: bool,
}

/// Where the card is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReaderChoice {
    /// A virtual card in this process.
    Virtual,
    /// A PC/SC reader, by its name or a part that only it has.
    Pcsc(String),
}

impl ReaderChoice {
    /// `virtual`, or the name of a PC/SC reader.
    pub fn parse(name: &str) -> Self {
        if name == "virtual" { Self::Virtual } else { Self::Pcsc(name.to_owned()) }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            reader: ReaderChoice::Virtual,
            profile: usual_profile(None).to_owned(),
            state: None,
            seed: None,
            trace: None,
            journal: None,
            stop_list: None,
            block_stopped: false,
            policy: SettlementPolicy::default(),
            wait_seconds: 30,
            card: None,
            attended: false,
            family: None,
            settings: Settings::default(),
        }
    }
}

impl Options {
    /// What amounts are in.
    pub fn currency(&self) -> Result<Currency, AppError> {
        LoadedProfile::load(self)?.currency()
    }

    /// The time of this run.
    pub fn clock(&self) -> Clock {
        self.seed.map_or_else(Clock::system, |_| Clock::counting())
    }

    /// Where the journal is.
    pub fn journal_path(&self) -> Result<PathBuf, AppError> {
        place::journal(self.journal.as_deref())
    }

    /// Whether a person has said that the terminal may give value away, which nobody does to real cards by mistake.
    pub fn gives_at_real_readers(&self) -> bool {
        families().iter().any(|family| self.settings.of(family.name(), GRANT).is_some())
    }

    fn orders_for(&self) -> OrdersFor {
        match (&self.card, &self.reader) {
            (Some(card), _) => OrdersFor::ThisCard(card.clone()),
            (None, ReaderChoice::Virtual) => OrdersFor::AnyCard,
            (None, ReaderChoice::Pcsc(_)) => OrdersFor::NoCard,
        }
    }
}

/// A terminal with hands.
pub struct App {
    /// Decides.
    pub terminal: Terminal,
    /// Follows `61xx`, is traced and, when virtual, can be torn.
    pub reader: Box<dyn Reader>,
    /// Where records become durable.
    pub journal: SqliteJournal,
    /// Nonces and the like.
    pub entropy: Box<dyn Entropy>,
    /// The time. Clones are the same clock.
    pub clock: Clock,
    /// The last exchanges.
    pub trace: TraceRing,
    /// Where they are written too.
    pub trace_file: Option<PathBuf>,
    /// What a record counts for.
    pub policy: SettlementPolicy,
    /// What amounts are in.
    pub currency: Currency,
    /// The virtual card, its slot and its tears; `None` at a PC/SC reader.
    pub card: Option<VirtualCard>,
    /// What the family's terminal can be granted, in words; `None` where nothing is granted.
    pub grants: Option<&'static str>,
}

impl App {
    /// Opens journal, card and reader, in this order, so that nobody else has the journal once a card is touched.
    pub fn open(options: &Options) -> Result<Self, AppError> {
        Self::open_with(options, SqliteJournal::open(options.journal_path()?)?)
    }

    /// The same for an enquiry. A journal that cannot be written is enough for it; why it cannot be is given too: what a card proves of an
    /// open order is not written down then.
    pub fn open_for_enquiry(options: &Options) -> Result<(Self, Option<JournalError>), AppError> {
        let path = options.journal_path()?;
        let (journal, refusal) = match SqliteJournal::open(&path) {
            Err(refusal @ JournalError::Storage { .. }) if path.exists() => {
                (SqliteJournal::open_to_look(&path, refusal.clone())?, Some(refusal))
            }
            opened => (opened?, None),
        };
        Ok((Self::open_with(options, journal)?, refusal))
    }

    fn open_with(options: &Options, mut journal: SqliteJournal) -> Result<Self, AppError> {
        let profile = LoadedProfile::load(options)?;
        let currency = profile.currency()?;
        let grants = profile.family.settings().iter().find(|setting| setting.name == GRANT).map(|grant| grant.values);
        let trace = TraceRing::new(TRACE_EVENTS);
        let terminal = terminal(options, &profile, &trace)?;
        let clock = options.clock();
        let (reader, card): (Box<dyn Reader>, _) = match &options.reader {
            ReaderChoice::Virtual => {
                let open = &mut |card: &CardReference| Ok(Journal::open(&mut journal, Some(card))?);
                let card = VirtualCard::open_beside(profile, options, open)?;
                let injector = FaultInjector::new(card.slot.reader("virtual"), card.tears.clone());
                (traced(injector, options, &clock, &trace)?, Some(card))
            }
            ReaderChoice::Pcsc(name) => {
                if options.seed.is_some() {
                    return Err(AppError::Usage(
                        "--seed makes keys guessable, so it is for the virtual reader only".to_owned(),
                    ));
                }
                (open_pcsc(name, options, &clock, &trace)?, None)
            }
        };
        Ok(Self {
            terminal,
            reader,
            journal,
            entropy: entropy(options.seed, "terminal"),
            clock,
            trace,
            trace_file: options.trace.clone(),
            policy: options.policy,
            currency,
            card,
            grants,
        })
    }

    /// What is wrong with the clock, as far as the journal tells: its last line is of a time that has not come yet. Orders go on, for
    /// neither money nor waits depend on it.
    pub fn clock_doubt(&self) -> Result<Option<String>, AppError> {
        // A counting clock begins anew with each run.
        let newest = if self.clock.is_running() { self.journal.reader().newest()? } else { None };
        let now = self.clock.now();
        Ok(newest.filter(|newest| *newest > now).map(|newest| {
            format!("the clock shows {now}, and the journal's last line is of {newest}: the clock is wrong now, or was wrong then")
        }))
    }

    /// Why the trace is not whole, with the name of its file.
    pub fn trace_error(&self) -> Option<String> {
        trace_error(&self.trace, self.trace_file.as_deref())
    }

    /// Runs one request to its end. A second terminal on this card is what the journal's lock is for.
    pub fn run(&mut self, request: Request, desk: &mut dyn Desk) -> Outcome {
        let mut world =
            World { reader: &mut *self.reader, journal: &mut self.journal, desk, entropy: &mut *self.entropy };
        session::run(&mut self.terminal, request, &mut world)
    }
}

/// Why a trace is not whole, with the name of its file.
pub(crate) fn trace_error(trace: &TraceRing, file: Option<&Path>) -> Option<String> {
    Some(format!("{}: {}", file?.display(), trace.write_error()?))
}

/// A terminal for cards of this profile, with the test scheme's keys.
fn terminal(options: &Options, profile: &LoadedProfile, trace: &TraceRing) -> Result<Terminal, AppError> {
    let ring = trace.clone();
    let key_log: KeyLog = Arc::new(move |of: &[u8], secret: &[u8]| ring.note_key(of, secret));
    let is_for_real_cards = options.reader != ReaderChoice::Virtual;
    let kernel = profile.profile.kernel(&TillSetup {
        settings: &options.settings,
        is_for_real_cards,
        key_log: Some(key_log),
    })?;
    let (wait_ms, digits) = (u64::from(options.wait_seconds) * 1000, profile.card_id_digits());
    let config = Config {
        wait_card_ms: wait_ms,
        retouch_ms: wait_ms,
        balance_check_ms: if options.attended { wait_ms } else { 0 },
        policy: options.policy,
        orders_for: options.orders_for(),
        stop_list: options
            .stop_list
            .as_deref()
            .map(|path| stop_list::read(path, digits))
            .transpose()?
            .unwrap_or_default(),
        block_stopped: options.block_stopped,
        ..Config::default()
    };
    Ok(Terminal::new(config, kernel))
}

/// The operating system's randomness, or a stream of the seed; each user of a seed has a stream of its own.
fn entropy(seed: Option<u64>, user: &str) -> Box<dyn Entropy> {
    match seed {
        None => Box::new(SystemEntropy),
        Some(seed) => {
            let digest = crate::crypto::kdf::sha256(&[&seed.to_be_bytes(), user.as_bytes()]);
            let mut own = [0; 8];
            own.copy_from_slice(&digest[..8]);
            Box::new(SeededEntropy::new(u64::from_be_bytes(own)))
        }
    }
}

/// SELECT may be sent again after `6Cxx`: twice is the same as once. Of a session's commands none may.
fn may_repeat(command: &[u8]) -> bool {
    matches!(command, [0x00, 0xA4, ..])
}

fn traced(
    reader: impl Reader + 'static,
    options: &Options,
    clock: &Clock,
    ring: &TraceRing,
) -> Result<Box<dyn Reader>, AppError> {
    let micros = clock.clone();
    let mut trace = Trace::new(reader, move || micros.micros()).with_ring(ring.clone());
    if options.reader == ReaderChoice::Virtual {
        trace = trace.with_keys();
    }
    if let Some(path) = &options.trace {
        trace = match whole_file::own_output(path) {
            Some(output) => trace.with_writer(output),
            None => trace.with_writer(create_trace(path)?),
        };
    }
    Ok(Box::new(Exchange::new(trace, may_repeat)))
}

/// A new file, or one that held a trace before: a slip of the keyboard must not cost a journal or a card. A pipe or a device
/// holds nothing that could be lost, and to read it first would wait for what never comes.
fn create_trace(path: &Path) -> Result<File, AppError> {
    const FIRST: &[u8] = br#"{"number":"#;
    let fail = |source| AppError::file("write the trace", path, source);
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return whole_file::open_other(path).map_err(fail);
    }
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(fail)?;
    let mut first = Vec::new();
    (&file).take(FIRST.len() as u64).read_to_end(&mut first).map_err(fail)?;
    if !first.is_empty() && first != FIRST {
        return Err(AppError::Usage(format!("{} is not a trace; it was not touched", path.display())));
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(fail)?;
    Ok(file)
}

#[cfg(feature = "pcsc")]
pub(crate) fn open_pcsc(
    name: &str,
    options: &Options,
    clock: &Clock,
    ring: &TraceRing,
) -> Result<Box<dyn Reader>, AppError> {
    traced(open_bare_pcsc(name)?, options, clock, ring)
}

/// A PC/SC reader that follows nothing by itself.
#[cfg(feature = "pcsc")]
fn open_bare_pcsc(name: &str) -> Result<Box<dyn Reader>, AppError> {
    let reader = crate::reader::pcsc::PcscReader::open(name).map_err(|error| AppError::Reader(error.to_string()))?;
    Ok(Box::new(reader))
}

/// The full name of the reader that is called so, or has this in its name.
#[cfg(feature = "pcsc")]
fn find_pcsc(name: &str) -> Result<String, AppError> {
    crate::reader::pcsc::find(name).map_err(|error| AppError::Reader(error.to_string()))
}

#[cfg(not(feature = "pcsc"))]
fn find_pcsc(name: &str) -> Result<String, AppError> {
    open_bare_pcsc(name).map(|_| name.to_owned())
}

/// The reader of this full name, which follows nothing by itself.
#[cfg(feature = "pcsc")]
fn open_exactly_pcsc(name: &str) -> Result<Box<dyn Reader>, AppError> {
    let reader = crate::reader::pcsc::PcscReader::open_exactly(name);
    Ok(Box::new(reader.map_err(|error| AppError::Reader(error.to_string()))?))
}

#[cfg(not(feature = "pcsc"))]
fn open_exactly_pcsc(name: &str) -> Result<Box<dyn Reader>, AppError> {
    open_bare_pcsc(name)
}

/// A PC/SC reader whose cards come and go.
#[cfg(feature = "pcsc")]
fn open_slot(name: &str) -> Result<external_terminal::Slot, AppError> {
    let reader_error = |error: crate::reader::pcsc::PcscError| AppError::Reader(error.to_string());
    let mut presence = crate::reader::pcsc_watch::Presence::of(name).map_err(reader_error)?;
    let (name, has_card) = (presence.name(), presence.has_card());
    let await_card = Box::new(move |is_there, within| {
        presence.wait(is_there, within).map_err(|error| crate::conformance::error::RigError::Link(error.to_string()))
    });
    Ok(external_terminal::Slot { name, has_card, await_card })
}

#[cfg(not(feature = "pcsc"))]
fn open_slot(name: &str) -> Result<external_terminal::Slot, AppError> {
    Err(without_pcsc(name))
}

#[cfg(not(feature = "pcsc"))]
fn open_bare_pcsc(name: &str) -> Result<Box<dyn Reader>, AppError> {
    Err(without_pcsc(name))
}

#[cfg(not(feature = "pcsc"))]
fn without_pcsc(name: &str) -> AppError {
    AppError::Reader(format!(
        "{name} would be a PC/SC reader, and this untorn was built without PC/SC",
        name = crate::quoted::quoted(name)
    ))
}

#[cfg(not(feature = "pcsc"))]
pub(crate) fn open_pcsc(name: &str, _: &Options, _: &Clock, _: &TraceRing) -> Result<Box<dyn Reader>, AppError> {
    open_bare_pcsc(name)
}
