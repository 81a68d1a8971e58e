//! The words of the command line.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use super::explore::Explore;
use super::values::{address, number, shard};
use crate::app::{AppError, Exit, Options, ReaderChoice};
use crate::conformance::role::{CommandRole, TearAt};
use crate::conformance::token::Token;
use crate::family::error::FamilyError;
use crate::family::settings::{Setting, SettingSpec, Settings};
use crate::family::{families, usual_profile};
use crate::journal::policy::SettlementPolicy;
use crate::journal::record::CardReference;
use crate::quoted::quoted;
use crate::reader::fault::Fault;
use crate::reader::vpcd;
use crate::wire::hex;
use crate::wire::pretty::Format;

const AFTER_HELP: &str = "\
Without a command, untorn opens the terminal window, or shows the demonstration where there is no terminal.

Ctrl-C stops the wait for a card. Between a command and its answer the terminal goes on: the exchange is finished, and what it brought \
is written down first. What takes longer than a second is cut off; the order then stays open in the journal.

A PC/SC reader gives no order before the card is named with --card; without it the card is only read, and its id shown.";

fn after_help() -> String {
    let mut text = format!("{AFTER_HELP}\n\nExit codes:\n");
    for exit in Exit::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:>5}  {}", exit as i32, exit.meaning());
    }
    text.trim_end().to_owned()
}

/// A payment terminal that resolves torn transactions, and cards to try it with.
#[derive(Debug, Parser)]
#[command(name = "untorn", version, about, long_about = None, after_help = after_help(), args_override_self = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(flatten, next_help_heading = "Options of the window's conformance suite")]
    pub(super) window: TestFiles,
    #[command(subcommand)]
    pub(super) command: Option<Verb>,
}

impl Arguments {
    /// Whether results are wanted as JSON.
    pub(super) const fn with_json(&self) -> bool {
        self.global.json
    }
}

/// What the conformance suite goes by: in the window, or behind `test`.
#[derive(Debug, Args)]
pub(super) struct TestFiles {
    /// What is claimed of the card and what a test must know of it (ICS and IXIT), in TOML [default: those of --profile]
    #[arg(long, value_name = "FILE")]
    pub(super) statement: Option<PathBuf>,
    /// More cases, in TOML
    #[arg(long, value_name = "FILE")]
    pub(super) cases: Vec<PathBuf>,
    /// Verdicts that are known and accepted for a while, in TOML
    #[arg(long, value_name = "FILE")]
    pub(super) expect: Option<PathBuf>,
}

impl TestFiles {
    /// The first that is given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--statement", self.statement.is_some()),
            ("--cases", !self.cases.is_empty()),
            ("--expect", self.expect.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }
}

/// What may be said anywhere on the line; `scope` knows which command has a use for what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of many commands")]
pub(super) struct Global {
    /// "virtual", or the name of a PC/SC reader, or a part of it that only it has
    #[arg(long, global = true, value_name = "NAME", default_value = "virtual")]
    reader: String,
    /// The card that may get orders, by its id of 16 hex digits; a PC/SC reader moves no value without. For `test`: the card that may
    /// be written to, by what identifies it
    #[arg(long, global = true, value_name = "ID", value_parser = card_id)]
    card: Option<CardReference>,
    /// Card profile: a built-in name (default, euro, epc1-only, epc2-only, phone) or, but for `test`, a TOML file [default: the usual
    /// one of the family]
    #[arg(long, global = true, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath)]
    profile: Option<String>,
    /// Memory of the virtual card [default: in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Journal of the terminal [default: in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Whose profile it is, where several families have one of this name
    #[arg(long, global = true, value_name = "NAME", value_parser = PossibleValuesParser::new(family_names()))]
    family: Option<String>,
    /// A setting of the terminal in the words of its family; may be repeated
    #[arg(long = "set", global = true, value_name = "FAMILY.NAME=VALUE", value_parser = setting)]
    set: Vec<Setting>,
    /// Use this protocol suite only; for test, what our own terminal works under [default: epc2 where the card offers it]
    #[arg(long, global = true, value_parser = choices("suite"))]
    suite: Option<String>,
    /// How the scheme settles what stays unresolved: on-next-touch, on-confirmation, at-once, redo; written down with each
    /// order
    #[arg(long, global = true, value_name = "POLICY", default_value_t)]
    policy: SettlementPolicy,
    /// Cards that get no order: a file of card ids, one a line
    #[arg(long, global = true, value_name = "FILE")]
    stop_list: Option<PathBuf>,
    /// Block a card of the stop list where it is met
    #[arg(long, global = true, requires = "stop_list")]
    block_stopped: bool,
    /// What the terminal may do, with commas [default: virtual: debit,credit,refund,read; PC/SC: debit,read]
    #[arg(long, global = true, value_name = "ROLES", value_delimiter = ',', value_parser = choices("grant"))]
    grant: Option<Vec<String>>,
    /// Id of this terminal, 16 hex digits: no two terminals of a scheme may have the same
    #[arg(long, global = true, value_name = "HEX", value_parser = terminal_id)]
    terminal: Option<String>,
    /// How long to wait for a card [default: 30; of test: 0]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = number::<u32>)]
    pub(super) wait: Option<u32>,
    /// Read the PIN from the first line of a file, or of the standard input for "-"
    #[arg(long, global = true, value_name = "FILE|-")]
    pub(super) pin_file: Option<PathBuf>,
    /// Make the run repeatable: randomness and clock come from this number (virtual reader only)
    #[arg(long, global = true, value_name = "NUMBER", value_parser = number::<u64>)]
    seed: Option<u64>,
    /// Write the exchanges with the card to a file, as JSON lines, PINs masked
    #[arg(long, global = true, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Of the cards that get orders.
const CARD_ID_DIGITS: usize = 16;

impl Global {
    /// An order is for a card with an id of this length; only a test can be of a card with an identity of another length.
    pub(super) fn check_card(&self) -> Result<(), AppError> {
        match &self.card {
            Some(card) if card.0.len() != CARD_ID_DIGITS => {
                Err(AppError::Usage(format!("--card: {}", other_length("card", CARD_ID_DIGITS, card.0.len()))))
            }
            _ => Ok(()),
        }
    }

    /// What `--set` says, and the options that are a short way to say the same of every family that has the setting.
    fn settings(&self) -> Settings {
        let mut settings: Settings = self.set.iter().cloned().collect();
        let grant = self.grant.as_ref().map(|roles| roles.join(","));
        for (name, value) in [("suite", &self.suite), ("grant", &grant), ("terminal", &self.terminal)] {
            for (family, spec) in specs().filter(|(_, spec)| spec.name == name) {
                if let Some(value) = value {
                    settings.set(family, spec.name, value);
                }
            }
        }
        settings
    }

    /// Of the whole run.
    pub(super) const fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// The options of the application.
    pub(super) fn options(&self) -> Options {
        let defaults = Options::default();
        Options {
            reader: ReaderChoice::parse(&self.reader),
            profile: self.profile.clone().unwrap_or_else(|| usual_profile(self.family.as_deref()).to_owned()),
            state: self.state.clone(),
            family: self.family.clone(),
            settings: self.settings(),
            seed: self.seed,
            trace: self.trace.clone(),
            journal: self.journal.clone(),
            policy: self.policy,
            stop_list: self.stop_list.clone(),
            block_stopped: self.block_stopped,
            wait_seconds: self.wait.unwrap_or(defaults.wait_seconds),
            // Who asks for JSON is a program, and waits for the result.
            attended: !self.json && io::stderr().is_terminal(),
            card: self.card.clone(),
        }
    }
}

fn family_names() -> Vec<&'static str> {
    families().iter().map(|family| family.name()).collect()
}

/// Every setting that a family has, with the family.
fn specs() -> impl Iterator<Item = (&'static str, &'static SettingSpec)> {
    families().iter().flat_map(|family| family.settings().iter().map(|spec| (family.name(), spec)))
}

/// What an option takes that stands for the setting of this name.
fn choices(name: &str) -> PossibleValuesParser {
    let own = specs().filter(|(_, spec)| spec.name == name).flat_map(|(_, spec)| spec.choices.iter().copied());
    PossibleValuesParser::new(own.collect::<Vec<_>>())
}

/// One that its family has, with a value that it takes.
fn setting(text: &str) -> Result<Setting, String> {
    let setting: Setting = text.parse().map_err(|error: FamilyError| error.to_string())?;
    let known = specs().find(|(family, spec)| (*family, spec.name) == (&setting.family, &setting.name));
    let Some((family, spec)) = known else {
        let names: Vec<String> = specs().map(|(family, spec)| format!("{family}.{}", spec.name)).collect();
        return Err(format!("expected one of {}, got {}", names.join(", "), quoted(text)));
    };
    spec.check(family, &setting.value).map_err(|error| error.to_string())?;
    Ok(setting)
}

fn terminal_id(text: &str) -> Result<String, String> {
    octets::<8>("terminal", text).map(|id| hex::encode(&id))
}

fn card_id(text: &str) -> Result<CardReference, String> {
    Ok(CardReference(hex::encode(&hex_digits("card", CARD_ID_DIGITS, text)?)))
}

fn transaction_id(text: &str) -> Result<String, String> {
    Ok(hex::encode(&octets::<16>("transaction", text)?))
}

/// So many octets in hexadecimal: a typing error must not pass for a card that is never met.
fn octets<const N: usize>(whose: &str, text: &str) -> Result<[u8; N], String> {
    let octets = hex_digits(whose, 2 * N, text)?;
    octets.try_into().map_err(|octets: Vec<u8>| other_length(whose, 2 * N, 2 * octets.len()))
}

/// An odd number of digits is told as what it is: a digit too many or too few.
fn hex_digits(whose: &str, expected: usize, text: &str) -> Result<Vec<u8>, String> {
    hex::parse(text).map_err(|error| {
        let digits = text.chars().filter(|c| !c.is_whitespace()).count();
        if digits % 2 == 1 && text.chars().all(|c| c.is_ascii_hexdigit() || c.is_whitespace()) {
            other_length(whose, expected, digits)
        } else {
            format!("a {whose} id has {expected} hexadecimal digits: {error}")
        }
    })
}

fn other_length(whose: &str, expected: usize, got: usize) -> String {
    format!("a {whose} id has {expected} hexadecimal digits; this one has {got}")
}

/// What one can type, under the help of each command.
mod examples {
    pub(super) const DEMO: &str = "\
Examples:
  untorn demo
  untorn --seed 7 demo";
    pub(super) const PAY: &str = "\
Examples:
  untorn pay 1250
  untorn --profile euro pay 12.50
  untorn pay 1250 --tear value        (torn and resolved at once)
  untorn pay 1250 --tear value --no-retouch   (left unresolved; see `untorn resolve`)";
    pub(super) const TOPUP: &str = "\
Examples:
  untorn topup 5000";
    pub(super) const REFUND: &str = "\
Examples:
  untorn refund
  untorn refund 300 --of 554E544F524E3031000000018903DF7D";
    pub(super) const BALANCE: &str = "\
Examples:
  untorn balance
  untorn --reader ACR balance";
    pub(super) const HISTORY: &str = "\
Examples:
  untorn --json history";
    pub(super) const RESOLVE: &str = "\
Examples:
  untorn resolve
  untorn resolve --acknowledge 12";
    pub(super) const READERS: &str = "\
Examples:
  untorn readers";
    pub(super) const CARD: &str = "\
Examples:
  untorn card info
  untorn card serve --lift-at value";
    pub(super) const DECODE: &str = "\
Examples:
  untorn decode 00A4040007A0000000031010
  untorn decode --as atr 3B8C8131FE4580738001D356756E746F726E6C
  xxd -p answer.bin | untorn decode -
  opensc-tool -vvv -s 00A4040000 2>&1 | untorn decode";
    pub(super) const JOURNAL: &str = "\
Examples:
  untorn journal list --latest 10
  untorn journal verify
  untorn journal export > journal.jsonl";
    pub(super) const REPORT: &str = "\
Exit codes of show and merge are those of the run: 0 clean; 1 a case failed unexpectedly; 2 an error, an inconclusive case, or a run that \
was interrupted; 3 no such report, or not the parts of one run.

Examples:
  untorn report show runs/mine
  untorn report show runs/mine/report.json --format html --out report.html
  untorn report merge runs/1 runs/2 runs/3 --out report.json
  untorn report traceability --out traceability.md";
    pub(super) const COMPLETIONS: &str = "\
Examples:
  untorn completions bash > ~/.local/share/bash-completion/completions/untorn";
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show a sale, and one that is torn and resolved at the next touch; touches none of your own cards and journals
    #[command(after_help = examples::DEMO)]
    Demo,
    /// Take an amount from the card
    #[command(after_help = examples::PAY)]
    Pay(Pay),
    /// Add an amount to the card
    #[command(after_help = examples::TOPUP)]
    Topup(TopUp),
    /// Give the value of a sale back
    #[command(after_help = examples::REFUND)]
    Refund(Refund),
    /// Show what the card holds
    #[command(after_help = examples::BALANCE)]
    Balance,
    /// Show the receipts that the card still holds
    #[command(after_help = examples::HISTORY)]
    History,
    /// Find out at the card what became of unresolved orders, or acknowledge one
    #[command(after_help = examples::RESOLVE)]
    Resolve(Resolve),
    /// List the readers
    #[command(after_help = examples::READERS)]
    Readers,
    /// The virtual card: look into it, show it to PC/SC, make it anew
    #[command(subcommand)]
    #[command(after_help = examples::CARD)]
    Card(CardCommand),
    /// Explain octets
    #[command(after_help = examples::DECODE)]
    Decode(Decode),
    /// Read and check the journal
    #[command(subcommand)]
    #[command(after_help = examples::JOURNAL)]
    Journal(JournalCommand),
    /// Test a card: does it do what the specification says, torn transactions included?
    Test(Test),
    /// Tear every order at every place, and every recovery again: is any money created, lost or taken twice?
    Explore(Explore),
    /// Test the tests: which deliberate defects do they notice?
    Mutants(Mutants),
    /// Read and put together the reports of test runs
    #[command(subcommand)]
    #[command(after_help = examples::REPORT)]
    Report(ReportCommand),
    /// Print the completion script of a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(super) struct Pay {
    /// Such as 1250 or 12.50
    pub(super) amount: String,
    #[command(flatten)]
    pub(super) tear: TearArguments,
}

#[derive(Debug, Args)]
pub(super) struct TopUp {
    /// Such as 1250 or 12.50
    pub(super) amount: String,
    #[command(flatten)]
    pub(super) tear: TearArguments,
}

#[derive(Debug, Args)]
pub(super) struct Refund {
    /// Such as 1250 or 12.50 [default: what is left of the sale]
    pub(super) amount: Option<String>,
    /// Transaction id of the sale, 32 hex digits [default: the newest sale in the journal]
    #[arg(long, value_name = "TTID", value_parser = transaction_id)]
    pub(super) of: Option<String>,
    #[command(flatten)]
    pub(super) tear: TearArguments,
}

/// Tearing by hand, at the virtual reader.
#[derive(Debug, Args)]
pub(super) struct TearArguments {
    /// Lift the virtual card at a command: select, authenticate, verify, value (which moves the money), acknowledge, or its N-th: before
    /// the command reaches it, after it was carried out (the default), or mid-answer. A command that the order will not have is refused. Where the order ends before that, it says so
    #[arg(long, value_name = "COMMAND[:before|after|mid]", value_parser = tear)]
    pub(super) tear: Option<TearOption>,
    /// The torn card does not come back
    #[arg(long, requires = "tear")]
    pub(super) no_retouch: bool,
}

/// When the virtual card is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TearOption {
    pub(super) at: TearAt,
    pub(super) fault: Fault,
}

fn tear_at(text: &str) -> Result<TearAt, String> {
    if let Some(role) = CommandRole::named(text) {
        return Ok(TearAt::Role(role));
    }
    let names = CommandRole::ALL.map(CommandRole::name).join(", ");
    let number: u64 = text
        .parse()
        .map_err(|_| format!("expected {names} or the number of a command, got {text}", text = quoted(text)))?;
    number.checked_sub(1).map(TearAt::Exchange).ok_or_else(|| "commands are counted from 1".to_owned())
}

fn tear(text: &str) -> Result<TearOption, String> {
    let (at, when) = text.split_once(':').unwrap_or((text, "after"));
    let at = tear_at(at)?;
    let fault = match when {
        "before" => Fault::RemovedBefore,
        "after" => Fault::RemovedAfter,
        "mid" => Fault::RemovedWhileAnswering { octets: 1 },
        _ => return Err(format!("expected before, after or mid, got {when}", when = quoted(when))),
    };
    Ok(TearOption { at, fault })
}

#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// Say that you have seen this unresolved order, so that sales go on; it stays unresolved, and a later touch of its
    /// card still resolves it
    #[arg(long, value_name = "ORDER", value_parser = number::<u32>)]
    pub(super) acknowledge: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(super) enum CardCommand {
    /// Show profile and memory
    Info,
    /// Show the card to PC/SC through vsmartcard's vpcd, until Ctrl-C
    Serve(Serve),
    /// Open the terminal window at the card bench: present, lift, tear and swap the card by hand
    Bench,
    /// Throw the card's memory away: the next use makes a new card of the profile
    Reset(Reset),
}

#[derive(Debug, Args)]
pub(super) struct Reset {
    /// Throw it away though an order is open on it, which then nobody can ever resolve
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where vpcd listens
    #[arg(long, value_name = "HOST:PORT", default_value_t = vpcd::DEFAULT_ADDRESS, value_parser = address)]
    pub(super) vpcd: SocketAddr,
    /// Listen here and let vpcd connect, instead
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "vpcd", value_parser = address)]
    pub(super) listen: Option<SocketAddr>,
    /// Lift the card at a command: select, authenticate, verify, value, acknowledge, or its N-th
    #[arg(long, value_name = "COMMAND", value_parser = tear_at)]
    pub(super) lift_at: Option<TearAt>,
    /// Whether that command is carried out
    #[arg(long, value_enum, default_value_t = LiftName::After, requires = "lift_at")]
    pub(super) lift: LiftName,
    /// Leave the lifted card away instead of putting it back
    #[arg(long, requires = "lift_at")]
    pub(super) no_retouch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LiftName {
    /// The card never sees the command
    Before,
    /// The card carries it out and does not answer
    After,
    /// The card carries it out and one octet of its answer leaves
    Mid,
}

impl LiftName {
    pub(super) const fn when(self) -> vpcd::LiftWhen {
        match self {
            Self::Before => vpcd::LiftWhen::BeforeExecution,
            Self::After => vpcd::LiftWhen::AfterExecution,
            Self::Mid => vpcd::LiftWhen::WhileAnswering { octets: 1 },
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Decode {
    /// Octets in any form that is pasted: 00A4, 00:A4, 0x00, 0xA4, "\x00\xA4"; or a line of a log. "-", or nothing, reads them or a whole
    /// log from the standard input
    pub(super) hex: Vec<String>,
    /// What they are: command, response, status, ber-tlv, compact-tlv, dol, atr, ats, frame, data [default: what they look like]
    #[arg(long = "as", value_name = "FORMAT")]
    pub(super) format: Option<Format>,
    /// A log whose lines of the event "key" open what a log without them leaves enciphered (public test keys only)
    #[arg(long, value_name = "FILE")]
    pub(super) key_log: Option<PathBuf>,
}

const TEST_HELP: &str = "\
Without --reader, our own virtual cards are tested in this process. At a real reader only cases that read are run until the card is \
named with --card; cases that ruin a card never run there.

Examples:
  untorn test                             all suites on the virtual card
  untorn test terminal iso7816_4          two suites
  untorn test 'TRX-*' --mutant debit-twice
  untorn test --list
  untorn test iso7816_4 --reader ACS --statement my-card.toml --cases my-cases.toml
  untorn test --reader 'Virtual PCD 00 00' --serve

Exit codes: 0 clean; 1 a case failed that was not expected to, or an expectation is stale; 2 an error, something inconclusive, or stopped \
before the end; 3 command line or a file wrong; 4 no reader or no card.

The files: docs/test-files.md. How to begin with a card of your own: docs/testing-your-card.md.";

#[derive(Debug, Args)]
#[command(after_help = TEST_HELP)]
pub(super) struct Test {
    /// Suites by name, or cases by id with * and ?, in capitals or not [default: all]
    #[arg(value_name = "SUITE|CASE")]
    pub(super) patterns: Vec<String>,
    /// List the cases instead of running them
    #[arg(long, conflicts_with_all = ["expect", "out", "verbose"])]
    pub(super) list: bool,
    /// Repeat one case exactly and show its log
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["patterns", "list", "shard", "expect", "verbose"])]
    pub(super) replay: Option<Token>,
    #[command(flatten)]
    pub(super) files: TestFiles,
    /// Which kind of card it is, whatever the statement says: iso, javacard or uicc (specs/kinds.md)
    #[arg(long, value_name = "KIND")]
    pub(super) kind: Option<String>,
    /// Keep report and logs in this folder [default: none for virtual cards, runs/TIME for real readers]
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
    /// Run the I-th of N parts only
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(super) shard: Option<(u32, u32)>,
    /// Show our virtual cards to the vpcd at this address and test them at --reader
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:35963", requires = "reader", value_parser = address)]
    pub(super) serve: Option<SocketAddr>,
    /// Test a terminal that is a program, told by this statement in TOML, with our cards at --reader and --serve
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub(super) terminal_statement: Option<PathBuf>,
    /// Give virtual card or terminal a deliberate defect; untorn mutants lists them
    #[arg(long, value_name = "NAME")]
    pub(super) mutant: Option<String>,
    /// Write to the card that --card names although an order of the journal is open on it
    #[arg(long)]
    pub(super) force: bool,
    /// Show every case, not only what is no pass
    #[arg(long, short)]
    pub(super) verbose: bool,
}

const MUTANTS_HELP: &str = "\
Every deliberate defect of cards, terminals and of the suite itself, against the cases that declare to notice it. A mutant is killed when \
such a case fails on it and passes on the reference with the same seed; inconclusive is no kill. * money or authentication is at stake.

Examples:
  untorn mutants
  untorn mutants --list
  untorn mutants debit-twice --verbose

Exit codes: 0 all killed and no false alarm; 1 survivors or false alarms; 2 stopped before the end, or the result could not be written; \
3 command line wrong.";

#[derive(Debug, Args)]
#[command(after_help = MUTANTS_HELP)]
pub(super) struct Mutants {
    /// Only these [default: all]
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// List the mutants instead
    #[arg(long)]
    pub(super) list: bool,
    /// Write the matrix to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Show every mutant and what its cases came to
    #[arg(long, short)]
    pub(super) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum JournalCommand {
    /// List the orders, the latest first
    List(List),
    /// Show one order and what became of each attempt
    Show {
        /// Its number
        #[arg(value_parser = number::<u32>)]
        order: u32,
    },
    /// Add up the orders by what each counts for under the policy it was made with
    Totals,
    /// Check every line and the chain of hashes
    Verify,
    /// Print every line as JSON, oldest first
    Export,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those whose end is not known
    #[arg(long, conflicts_with = "latest")]
    pub(super) unresolved: bool,
    /// Only the latest so many
    #[arg(long, value_name = "COUNT", value_parser = number::<u32>)]
    pub(super) latest: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// Show a report, or write it in another form
    Show(Show),
    /// Put the parts of one run (--shard) together
    Merge(Merge),
    /// List which case proves which requirement, and what is missing
    Traceability {
        /// Write it there instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// A report in JSON, or the folder of a run
    pub(super) file: PathBuf,
    /// Its form
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ReportFormat,
    /// Write it there instead
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Merge {
    /// Reports in JSON, or folders of runs: all parts of one run
    #[arg(required = true, value_name = "FILE")]
    pub(super) parts: Vec<PathBuf>,
    /// The whole report, in JSON
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// What did not pass, and how many of each
    #[default]
    Text,
    /// One page for a browser that needs nothing else
    Html,
    /// JUnit XML
    Junit,
    /// Common Test Report Format
    Ctrf,
    /// Test Anything Protocol, version 14
    Tap,
    /// For a pull request or a CI summary
    Markdown,
    /// All of it, with the logs
    Json,
}

/// An error for who typed it.
pub(super) fn usage(text: impl Into<String>) -> AppError {
    AppError::Usage(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_words_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_tear_is_counted_from_one() {
        let at = TearAt::Exchange;
        assert_eq!(tear("3"), Ok(TearOption { at: at(2), fault: Fault::RemovedAfter }));
        assert_eq!(tear("1:before"), Ok(TearOption { at: at(0), fault: Fault::RemovedBefore }));
        assert_eq!(tear("2:mid"), Ok(TearOption { at: at(1), fault: Fault::RemovedWhileAnswering { octets: 1 } }));
        let value = TearAt::Role(CommandRole::Value);
        assert_eq!(tear("value:before"), Ok(TearOption { at: value, fault: Fault::RemovedBefore }));
        assert_eq!(tear("value"), Ok(TearOption { at: value, fault: Fault::RemovedAfter }));
        for wrong in ["0", "x", "3:late", "", ":after", "-1", "Value", "value:late", "18446744073709551616"] {
            assert!(tear(wrong).is_err(), "{wrong:?}");
        }
    }
}
