//! Where a case gets its card from, and what the test system can do to it.

use super::error::RigError;
use super::facility::Facility;
use super::statement::Statement;
use super::tester::Tester;
use super::verdict::OrStop;
use crate::card::Card;
use crate::reader::Reader;
use crate::reader::fault::{FaultInjector, FaultPlan};
use crate::reader::in_process::{SharedCard, Slot, shared};

/// The card of one case: a reader at which it lies, and perhaps a hand on its memory.
pub struct Rig {
    pub(super) reader: FaultInjector<Box<dyn Reader>>,
    pub(super) plan: FaultPlan,
    /// The card itself, where it is one of our virtual cards; whatever reader stands between.
    pub(super) card: Option<SharedCard>,
    /// Of a card that must live on.
    pub(super) ledger: Option<Box<dyn Ledger>>,
    /// Of a card that another could take the place of.
    pub(super) guard: Option<Box<dyn Guard>>,
    /// The reader's count of cards when the guard last knew the card.
    pub(super) card_events: Option<u64>,
}

/// Knows the card under test from others.
pub trait Guard {
    /// Powers the card on and looks who it is. It is powered on anew before anything else is sent to it.
    ///
    /// # Errors
    /// It is another card, or does not say which.
    fn identify(&mut self, tester: &mut Tester<'_>) -> OrStop;

    /// A case ended without an answer. Looks whether the card is gone for good, and knows it then: [`Subject::lost`].
    fn miss(&mut self, _tester: &mut Tester<'_>) {}
}

/// Counts the failed authentications of a card that must live on, for each secret apart: a good AUTH gives no PIN try back.
pub trait Ledger {
    /// Written down before authentication is made to fail.
    ///
    /// # Errors
    /// It must not be made to fail now, in words.
    fn before_failure(&mut self, secret: &str) -> Result<(), RigError>;

    /// Authentication succeeded.
    ///
    /// # Errors
    /// The ledger cannot be written, in words.
    fn after_success(&mut self, secret: &str) -> Result<(), RigError>;
}

impl Rig {
    /// A card behind this reader. `card` where its memory is at hand.
    pub fn new(reader: Box<dyn Reader>, card: Option<SharedCard>) -> Self {
        let plan = FaultPlan::new();
        Self {
            reader: FaultInjector::new(reader, plan.clone()),
            plan,
            card,
            ledger: None,
            guard: None,
            card_events: None,
        }
    }

    /// With a guard who knows the card.
    #[must_use]
    pub fn with_guard(self, guard: Box<dyn Guard>) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// With a ledger of failed authentications.
    #[must_use]
    pub fn with_ledger(self, ledger: Box<dyn Ledger>) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// A virtual card, in this process.
    pub fn in_process(card: impl Card + 'static) -> Self {
        Self::with_shared(shared(card))
    }

    /// A virtual card that others look at too, in this process.
    pub fn with_shared(card: SharedCard) -> Self {
        let slot = Slot::new();
        slot.insert(card.clone());
        Self::new(Box::new(slot.reader("in process")), Some(card))
    }
}

/// An implementation under test: gives the card of each case.
pub trait Subject {
    /// What is claimed of it.
    fn statement(&self) -> &Statement;

    /// How the card is reached, for people: "in process", a reader's name.
    fn binding(&self) -> String;

    /// What the test system can do.
    fn facilities(&self) -> Vec<Facility>;

    /// The card for one case, fresh where the subject can make cards; the seed is its randomness then.
    ///
    /// # Errors
    /// No card or reader, in words.
    fn rig(&mut self, seed: u64) -> Result<Rig, RigError>;

    /// Why no case can run on it any more, in words: the card was swapped, or is gone.
    fn lost(&self) -> Option<String> {
        None
    }
}

/// Virtual cards in this process, a fresh one for each case.
pub struct InProcessSubject<F> {
    statement: Statement,
    make: F,
}

impl<F: FnMut(u64) -> Result<Box<dyn Card>, E>, E: Into<RigError>> InProcessSubject<F> {
    /// Cards from this factory, which is given the seed of their randomness.
    pub fn new(statement: Statement, make: F) -> Self {
        Self { statement, make }
    }
}

impl<F: FnMut(u64) -> Result<Box<dyn Card>, E>, E: Into<RigError>> Subject for InProcessSubject<F> {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        "in process".to_owned()
    }

    fn facilities(&self) -> Vec<Facility> {
        vec![Facility::Cut, Facility::FreshCard]
    }

    fn rig(&mut self, seed: u64) -> Result<Rig, RigError> {
        let card: SharedCard = std::sync::Arc::new(std::sync::Mutex::new((self.make)(seed).map_err(Into::into)?));
        Ok(Rig::with_shared(card))
    }
}
