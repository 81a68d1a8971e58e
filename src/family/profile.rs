//! A profile: of what a virtual card is made, and for which card a terminal works.

use std::sync::Arc;

use super::error::FamilyError;
use super::settings::Settings;
use crate::card::Card;
use crate::card::application::Application;
use crate::card::chip::{Chip, ChipRules};
use crate::card::memory::Memory;
use crate::conformance::statement::Statement;
use crate::entropy::Entropy;
use crate::journal::record::CardReference;
use crate::money::Currency;
use crate::secret::Pin;
use crate::terminal::kernel::Kernel;

/// A profile of some family, checked.
pub trait Profile: Send + Sync {
    /// By which a person picks it.
    fn name(&self) -> &str;

    /// What it is for, in a sentence.
    fn description(&self) -> &str {
        self.name()
    }

    /// The id of the card that is made of it; where its cards have none, its name.
    fn card(&self) -> CardReference {
        CardReference(self.name().to_owned())
    }

    /// What a terminal for it counts in; `None` where the card holds no money.
    fn currency(&self) -> Option<Currency> {
        None
    }

    /// What its cardholder types, where the card asks for a PIN: of a virtual card everybody may know it.
    fn pin(&self) -> Option<Pin> {
        None
    }

    /// What is claimed of its cards, and what a test needs to know of them.
    fn statement(&self) -> Statement;

    /// The same profile for a card with an id of its own; `None` where its cards have none.
    fn with_own_id(&self, _entropy: &mut dyn Entropy) -> Option<Arc<dyn Profile>> {
        None
    }

    /// The same profile for the card whose saved memory begins so; `None` where that does not say whose it is.
    fn of_memory(&self, _start: &[u8]) -> Option<Arc<dyn Profile>> {
        None
    }

    /// A fresh card without power, with one defect where `mutant` names it.
    ///
    /// # Errors
    /// No card can be made of this profile, or there is no such defect.
    fn fresh(&self, entropy: Box<dyn Entropy>, mutant: Option<&str>) -> Result<Box<dyn VirtualCard>, FamilyError>;

    /// The card with this saved memory, without power.
    ///
    /// # Errors
    /// The memory is not that of a card of this profile.
    fn restore(&self, image: Vec<u8>, entropy: Box<dyn Entropy>) -> Result<Box<dyn VirtualCard>, FamilyError>;

    /// The terminal side for cards of this profile.
    ///
    /// # Errors
    /// The family takes no orders, a setting is wrong, or the terminal's keys are.
    fn kernel(&self, _setup: &TillSetup<'_>) -> Result<Box<dyn Kernel>, FamilyError> {
        Err(FamilyError::NoTill(self.name().to_owned()))
    }
}

/// What a terminal is made with.
pub struct TillSetup<'a> {
    /// What a person has set.
    pub settings: &'a Settings,
    /// Cards of real people may come: what is not set gives no value away.
    pub is_for_real_cards: bool,
    /// Told the session secrets of test keys, so that a trace can be explained.
    pub key_log: Option<KeyLog>,
}

/// Told what a secret belongs to, then the secret.
pub type KeyLog = Arc<dyn Fn(&[u8], &[u8]) + Send + Sync>;

/// A virtual card into which people may look.
pub trait VirtualCard: Card {
    /// What it would find in its memory if it were powered on now. Nothing changes.
    fn sheet(&self) -> Sheet;
}

/// The application of a chip whose memory can be shown.
pub trait ShownApplication: Application {
    /// What it would find in this memory if it were powered on now.
    fn sheet(&self, memory: &Memory) -> Sheet;
}

impl<A: ShownApplication, R: ChipRules> VirtualCard for Chip<A, R> {
    fn sheet(&self) -> Sheet {
        self.application().sheet(self.memory_ref())
    }
}

/// What a card holds, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// For people, in the order in which they want to know it.
    pub sections: Vec<Section>,
    /// The same for programs.
    pub json: serde_json::Value,
}

/// One block of a [`Sheet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// In order.
    pub rows: Vec<Row>,
}

/// One line of a [`Section`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is; empty for a line of its own.
    pub name: String,
    /// How it is.
    pub value: String,
    /// What is said beside it where there is room; empty where there is no more to say.
    pub more: String,
}

impl Row {
    /// A row with nothing more to say.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), more: String::new() }
    }

    /// The same row, with more where there is room.
    #[must_use]
    pub fn and(self, more: impl Into<String>) -> Self {
        Self { more: more.into(), ..self }
    }
}
