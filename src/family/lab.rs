//! A family in the laboratory: the orders that are torn, the cards and terminals of simulated worlds, and what must be true of them.
//! `sim` plays the same worlds for every family and knows none by name.

use std::fmt;
use std::ops::Range;

use super::error::FamilyError;
use super::profile::{KeyLog, ShownApplication, VirtualCard};
use super::settings::Settings;
use crate::card::chip::{Chip, ChipRules};
use crate::card::memory::Memory;
use crate::conformance::mutant::Mutant;
use crate::conformance::role::{CommandRole, Roles};
use crate::conformance::statement::Statement;
use crate::conformance::terminal_tester::CardKind;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;
use crate::journal::record::{CardReference, OrderKind};
use crate::money::Currency;
use crate::terminal::kernel::Kernel;

/// What a family brings to the laboratory.
pub trait Lab: Send + Sync {
    /// What is claimed of its cards: those that a tester meets in a trial.
    fn statement(&self) -> Statement;

    /// The variants of its protocol, each a world of its own. One is enough.
    fn variants(&self) -> &'static [&'static str];

    /// The one that a person has set; `None` for all of them.
    ///
    /// # Errors
    /// What is set is not a variant.
    fn variant_set(&self, _settings: &Settings) -> Result<Option<&'static str>, FamilyError> {
        Ok(None)
    }

    /// The orders that are tried, the simplest first.
    fn trials(&self) -> &'static [Trial];

    /// What the orders of its worlds count in.
    fn currency(&self) -> Currency;

    /// What its cards do in a world beside what is tried.
    fn plain_orders(&self) -> PlainOrders;

    /// Whether a card takes the command that moves value once more after its power went, and does it once however often it comes. Where
    /// orders live in a session, the card refuses it.
    fn takes_again(&self) -> bool {
        false
    }

    /// Two fresh cards for one variant, with the defect of this name.
    ///
    /// # Errors
    /// There is no such variant or defect, or our own keys are wrong.
    fn cards(&self, variant: &str, seed: u64, mutant: Option<&str>) -> Result<[Box<dyn TrialCard>; 2], FamilyError>;

    /// The terminal sides for one variant, or for whatever a card offers; they have the defect of this name, and tell `key_log` the
    /// secrets of their sessions.
    ///
    /// # Errors
    /// There is no such variant or defect, or our own keys are wrong.
    fn tills(
        &self,
        variant: Option<&str>,
        mutant: Option<&str>,
        key_log: Option<KeyLog>,
    ) -> Result<Box<dyn Tills>, FamilyError>;

    /// The card that a case about a terminal asks for; the seed is its randomness.
    ///
    /// # Errors
    /// There is no such profile, or our own keys are wrong.
    fn test_card(&self, kind: &CardKind, seed: u64) -> Result<Box<dyn TrialCard>, FamilyError>;

    /// What our own terminal claims of the family, and what a case about it must know: profiles of cards, a PIN.
    fn terminal_statement(&self, variant: &str, statement: Statement) -> Statement;

    /// The deliberate defects of its terminal side.
    fn terminal_mutants(&self) -> Vec<Mutant> {
        Vec::new()
    }

    /// The command after which its application is selected, as a terminal sends it.
    fn select(&self) -> Vec<u8>;

    /// What a command does in an order; `None` for any other command.
    fn role(&self, command: &[u8]) -> Option<CommandRole>;

    /// What the family calls a command: `TRANSACT`.
    fn command_name(&self, command: &[u8]) -> &'static str;
}

/// The terminal sides of one world, made once.
pub trait Tills: Send + Sync {
    /// One that has just been switched on, by number: each has an id of its own.
    fn kernel(&self, number: u8) -> Box<dyn Kernel>;
}

impl dyn Lab {
    /// Tells the roles of commands.
    pub fn roles(&'static self) -> Roles {
        Roles::new(|command| self.role(command))
    }
}

/// An order that is torn everywhere. Two of the same name are the same.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Its name on a command line.
    pub name: &'static str,
    /// What is done.
    pub act: Act,
}

impl PartialEq for Trial {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Trial {}

/// What is done in a trial.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// An order that a terminal gives.
    Order(Ordered),
    /// An order that no terminal gives, sent by a tester: it is torn on the level of the card only. The second argument is the variant.
    Bare(fn(&mut Tester<'_>, &str) -> OrStop),
}

/// An order that a terminal gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered {
    /// What it does.
    pub kind: OrderKind,
    /// Minor units; of a refund, those of [`PlainOrders::before`].
    pub amount: u32,
    /// What the cardholder types, one after the other.
    pub pins: &'static [&'static str],
    /// Further plain orders that the card has behind it.
    pub orders_before: u32,
}

/// Orders that need nothing but a card of the family's worlds: no PIN, and no order before them. Where the family can, their amounts
/// differ, and differ from those of its trials, so that no order is taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainOrders {
    /// What they do.
    pub kind: OrderKind,
    /// Minor units of the one that the first card has behind it before every trial; where it is a sale, a refund gives it back.
    pub before: u32,
    /// Minor units of one at another terminal.
    pub elsewhere: u32,
    /// Minor units of one that follows, and shows that the card is still good; of [`Ordered::orders_before`] too.
    pub after: u32,
}

/// A card of a simulated world, which is copied a million times.
pub trait TrialCard: VirtualCard + Sync {
    /// A copy, image and volatile state.
    fn copy(&self) -> Box<dyn TrialCard>;

    /// Its memory, to look at.
    fn memory_ref(&self) -> &Memory;

    /// What lies where in it.
    fn regions(&self) -> Regions;

    /// Its id as a terminal's journal has it.
    fn card(&self) -> CardReference;

    /// What it would find if it were powered on now.
    fn held(&self) -> Held;

    /// How what it holds contradicts itself, in words: two receipts with one number, a chain that breaks.
    fn flaw(&self) -> Option<String>;
}

/// The application of a chip that is torn in simulated worlds.
pub trait TrialApplication: ShownApplication + Clone + Sync + 'static {
    /// As [`TrialCard::regions`].
    fn regions(&self) -> Regions;

    /// As [`TrialCard::card`].
    fn card(&self) -> CardReference;

    /// As [`TrialCard::held`], in this memory.
    fn held(&self, memory: &Memory) -> Held;

    /// As [`TrialCard::flaw`], in this memory.
    fn flaw(&self, memory: &Memory) -> Option<String>;
}

impl<A: TrialApplication, R: ChipRules> TrialCard for Chip<A, R> {
    fn copy(&self) -> Box<dyn TrialCard> {
        Box::new(self.clone())
    }

    fn memory_ref(&self) -> &Memory {
        self.memory_ref()
    }

    fn regions(&self) -> Regions {
        self.application().regions()
    }

    fn card(&self) -> CardReference {
        self.application().card()
    }

    fn held(&self) -> Held {
        self.application().held(self.memory_ref())
    }

    fn flaw(&self) -> Option<String> {
        self.application().flaw(self.memory_ref())
    }
}

impl Clone for Box<dyn TrialCard> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

impl fmt::Debug for dyn TrialCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.held().words)
    }
}

/// What a card holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Minor units of all its purses.
    pub total: i64,
    /// Minor units of the one that pays.
    pub balance: u32,
    /// What that one counts in.
    pub currency: Currency,
    /// It moves value no more.
    pub is_blocked: bool,
    /// Commits in its life.
    pub commits: u64,
    /// PIN tries; `None` on a card without PIN.
    pub tries_left: Option<u8>,
    /// All of it in one line, for people.
    pub words: String,
}

/// Where a card's memory holds what, so that its writes can be torn and judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    /// PIN tries.
    pub tries: Range<usize>,
    /// What only a transaction under way uses. All else is what the card holds.
    pub scratch: Vec<Range<usize>>,
}
