//! The words of the command line.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::{AppError, Options, ReaderChoice};
use crate::family::purse::data::{Role, Suite, TerminalId};
use crate::journal::policy::SettlementPolicy;
use crate::journal::record::CardReference;
use crate::reader::fault::Fault;
use crate::reader::vpcd;
use crate::wire::hex;
use crate::wire::pretty::Format;

const AFTER_HELP: &str = "\
Without a command, untorn opens the terminal window, or shows the demonstration where there is no terminal.

Ctrl-C stops the wait for a card. Between a command and its answer nothing stops the terminal: the exchange is finished, and what it \
brought is written down first.

A PC/SC reader gives no order before the card is named with --card; without it the card is only read, and its id shown.

Exit codes: 0 done; 1 refused or failed, nothing in doubt; 2 unresolved: whether value moved is not known; \
3 command line or configuration wrong; 4 no reader or no card.";

/// A payment terminal that resolves torn transactions, and cards to try it with.
#[derive(Debug, Parser)]
#[command(name = "untorn", version, about, long_about = None, after_help = AFTER_HELP, args_override_self = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

impl Arguments {
    /// Whether results are wanted as JSON.
    pub(super) const fn with_json(&self) -> bool {
        self.global.json
    }
}

/// What every command may be told.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// "virtual", or the name of a PC/SC reader, or a part of it that only it has
    #[arg(long, global = true, value_name = "NAME", default_value = "virtual")]
    reader: String,
    /// The card that may get orders, by its id; a PC/SC reader moves no value without
    #[arg(long, global = true, value_name = "ID")]
    card: Option<String>,
    /// Card profile: a built-in name (default, euro, epc1-only, epc2-only, phone) or a TOML file
    #[arg(long, global = true, value_name = "NAME|FILE", default_value = "default")]
    profile: String,
    /// Memory of the virtual card [default: in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Journal of the terminal [default: in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Use this protocol suite only [default: epc2 where the card offers it]
    #[arg(long, global = true)]
    suite: Option<SuiteName>,
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
    #[arg(long, global = true, value_name = "ROLES", value_delimiter = ',')]
    grant: Option<Vec<RoleName>>,
    /// Id of this terminal, 16 hex digits: no two terminals of a scheme may have the same
    #[arg(long, global = true, value_name = "HEX", value_parser = terminal_id)]
    terminal: Option<TerminalId>,
    /// How long to wait for a card
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30)]
    wait: u32,
    /// Read the PIN from the first line of a file, or of the standard input for "-"
    #[arg(long, global = true, value_name = "FILE|-")]
    pub(super) pin_file: Option<PathBuf>,
    /// Make the run repeatable: randomness and clock come from this number (virtual reader only)
    #[arg(long, global = true, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Write the exchanges with the card to a file, as JSON lines, PINs masked
    #[arg(long, global = true, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Global {
    /// The options of the application.
    pub(super) fn options(&self) -> Options {
        let defaults = Options::default();
        Options {
            reader: ReaderChoice::parse(&self.reader),
            profile: self.profile.clone(),
            state: self.state.clone(),
            suite: self.suite.map(SuiteName::suite),
            seed: self.seed,
            trace: self.trace.clone(),
            journal: self.journal.clone(),
            terminal: self.terminal.unwrap_or(defaults.terminal),
            policy: self.policy,
            stop_list: self.stop_list.clone(),
            block_stopped: self.block_stopped,
            wait_seconds: self.wait,
            // Who asks for JSON is a program, and waits for the result.
            attended: !self.json && io::stderr().is_terminal(),
            card: self.card.as_ref().map(|id| CardReference(id.to_ascii_uppercase())),
            roles: self.grant.as_ref().map(|roles| roles.iter().map(|role| role.role()).collect()),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SuiteName {
    Epc1,
    Epc2,
}

impl SuiteName {
    const fn suite(self) -> Suite {
        match self {
            Self::Epc1 => Suite::Epc1,
            Self::Epc2 => Suite::Epc2,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    Debit,
    Credit,
    Refund,
    Read,
}

impl RoleName {
    const fn role(self) -> Role {
        match self {
            Self::Debit => Role::Debit,
            Self::Credit => Role::Credit,
            Self::Refund => Role::Refund,
            Self::Read => Role::Read,
        }
    }
}

fn terminal_id(text: &str) -> Result<TerminalId, String> {
    let octets = hex::parse(text).map_err(|error| error.to_string())?;
    octets.try_into().map(TerminalId).map_err(|octets: Vec<u8>| format!("expected 8 octets, got {}", octets.len()))
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show a sale, and one that is torn and resolved at the next touch; touches none of your own cards and journals
    Demo,
    /// Take an amount from the card
    Pay(Pay),
    /// Add an amount to the card
    Topup(TopUp),
    /// Give the value of a sale back
    Refund(Refund),
    /// Show what the card holds
    Balance,
    /// Show the receipts that the card still holds
    History,
    /// Find out at the card what became of unresolved orders, or acknowledge one
    Resolve(Resolve),
    /// List the readers
    Readers,
    /// The virtual card: look into it, show it to PC/SC, make it anew
    #[command(subcommand)]
    Card(CardCommand),
    /// Explain octets
    Decode(Decode),
    /// Read and check the journal
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Print the completion script of a shell
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
    /// Such as 1250 or 12.50 [default: all of the sale]
    pub(super) amount: Option<String>,
    /// Transaction id of the sale, 32 hex digits [default: the newest sale in the journal]
    #[arg(long, value_name = "TTID")]
    pub(super) of: Option<String>,
    #[command(flatten)]
    pub(super) tear: TearArguments,
}

/// Tearing by hand, at the virtual reader.
#[derive(Debug, Args)]
pub(super) struct TearArguments {
    /// Lift the virtual card at its N-th command (the 3rd moves the value): before the command reaches it, after it was
    /// carried out, or mid-answer
    #[arg(long, value_name = "N[:before|after|mid]", value_parser = tear)]
    pub(super) tear: Option<Tear>,
    /// The torn card does not come back
    #[arg(long, requires = "tear")]
    pub(super) no_retouch: bool,
}

/// When the virtual card is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tear {
    /// From 0.
    pub(super) after_exchanges: u64,
    pub(super) fault: Fault,
}

fn tear(text: &str) -> Result<Tear, String> {
    let (number, when) = text.split_once(':').unwrap_or((text, "after"));
    let number: u64 = number.parse().map_err(|_| format!("{number:?} is not the number of a command"))?;
    let after_exchanges = number.checked_sub(1).ok_or("commands are counted from 1")?;
    let fault = match when {
        "before" => Fault::RemovedBefore,
        "after" => Fault::RemovedAfter,
        "mid" => Fault::RemovedWhileAnswering { octets: 1 },
        _ => return Err(format!("expected before, after or mid, got {when:?}")),
    };
    Ok(Tear { after_exchanges, fault })
}

#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// Say that you have seen this unresolved order, so that sales go on; it stays unresolved, and a later touch of its
    /// card still resolves it
    #[arg(long, value_name = "ORDER")]
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
    Reset,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where vpcd listens
    #[arg(long, value_name = "HOST:PORT", default_value_t = vpcd::DEFAULT_ADDRESS)]
    pub(super) vpcd: SocketAddr,
    /// Listen here and let vpcd connect, instead
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "vpcd")]
    pub(super) listen: Option<SocketAddr>,
    /// Lift the card at its N-th command
    #[arg(long, value_name = "N")]
    pub(super) lift_at: Option<std::num::NonZeroU64>,
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
    /// Hexadecimal octets, spaces allowed; "-" reads the standard input
    #[arg(required = true)]
    pub(super) hex: Vec<String>,
    /// What they are: command, response, status, ber-tlv, compact-tlv, dol, atr, ats [default: what they look like]
    #[arg(long = "as", value_name = "FORMAT")]
    pub(super) format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub(super) enum JournalCommand {
    /// List the orders, the latest first
    List(List),
    /// Show one order and what became of each attempt
    Show {
        /// Its number
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
    #[arg(long, value_name = "COUNT")]
    pub(super) latest: Option<u32>,
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
        assert_eq!(tear("3"), Ok(Tear { after_exchanges: 2, fault: Fault::RemovedAfter }));
        assert_eq!(tear("1:before"), Ok(Tear { after_exchanges: 0, fault: Fault::RemovedBefore }));
        assert_eq!(tear("2:mid"), Ok(Tear { after_exchanges: 1, fault: Fault::RemovedWhileAnswering { octets: 1 } }));
        for wrong in ["0", "x", "3:late", "", ":after", "-1"] {
            assert!(tear(wrong).is_err(), "{wrong:?}");
        }
    }
}
