//! Card families, one folder each. Families know no other family.
//!
//! A family comes in by one door, [`Family`], and one line in [`built_in`]; a crate outside uses the same door and hands its list to
//! [`crate::cli::main`].

pub mod conversation;
pub mod error;
pub mod lab;
pub mod profile;
pub mod purse;
pub mod refund;
pub mod settings;

use std::sync::{Arc, OnceLock};

use self::conversation::Explainer;
use self::error::FamilyError;
use self::lab::Lab;
use self::profile::Profile;
use self::settings::SettingSpec;
use crate::card::Card;
use crate::conformance::case::Case;
use crate::conformance::mutant::Mutant;
use crate::conformance::requirement::Catalogue;
use crate::conformance::statement::Statement;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;
use crate::entropy::SeededEntropy;
use crate::journal::record::Intent;
use crate::wire::tag::Dictionary;

/// A kind of card: what virtual cards there are of it, what is claimed of them, and how that is tested.
pub trait Family: Send + Sync {
    /// Its name: the suite of its cases, the family of its intents.
    fn name(&self) -> &'static str;

    /// Its built-in profiles by name, the usual one first: those that people are told of.
    fn profiles(&self) -> Vec<&'static str>;

    /// A built-in profile; also one that people are not told of.
    ///
    /// # Errors
    /// There is none of this name.
    fn profile(&self, name: &str) -> Result<Arc<dyn Profile>, FamilyError>;

    /// The text of a built-in profile, by which the memory of a card knows it again; also of one that people are not told of.
    fn profile_text(&self, name: &str) -> Option<&'static str> {
        self.profiles().into_iter().find(|known| *known == name)
    }

    /// Reads a profile that a person has written.
    ///
    /// # Errors
    /// The text is not a profile of this family.
    fn read_profile(&self, _text: &str) -> Result<Arc<dyn Profile>, FamilyError> {
        Err(FamilyError::Profile(format!("the family {} has built-in profiles only", self.name())))
    }

    /// What is claimed of the cards of a built-in profile, and what a test needs to know of them.
    ///
    /// # Errors
    /// There is no such profile.
    fn statement(&self, profile: &str) -> Result<Statement, FamilyError> {
        Ok(self.profile(profile)?.statement())
    }

    /// A fresh virtual card without power; the seed is its randomness; `mutant` switches one defect on.
    ///
    /// # Errors
    /// There is no such profile or mutant.
    fn virtual_card(&self, profile: &str, seed: u64, mutant: Option<&str>) -> Result<Box<dyn Card>, FamilyError> {
        Ok(self.profile(profile)?.fresh(Box::new(SeededEntropy::new(seed)), mutant)?)
    }

    /// What a person can set of its terminal.
    fn settings(&self) -> &'static [SettingSpec] {
        &[]
    }

    /// Its worlds of the laboratory; `None` for a family that is not torn.
    fn lab(&self) -> Option<&dyn Lab> {
        None
    }

    /// The cases of its suite, in the order in which they run.
    fn cases(&self) -> Vec<Case>;

    /// What the statement claims and the card itself says otherwise, each in a sentence: as much as it tells authentically and without a
    /// write. It is asked before anything else is done to a card. The card was powered on.
    ///
    /// # Errors
    /// No card of this family answers.
    fn contradictions(&self, _tester: &mut Tester<'_>) -> OrStop<Vec<String>> {
        Ok(Vec::new())
    }

    /// What identifies the card, if it can be seen without writing: a person must name it before a test may write.
    ///
    /// # Errors
    /// No card of this family answers.
    fn identify(&self, _tester: &mut Tester<'_>) -> OrStop<Option<String>> {
        Ok(None)
    }

    /// The deliberate defects that its virtual cards offer.
    fn mutants(&self) -> Vec<Mutant> {
        Vec::new()
    }

    /// The requirements that its cases prove.
    ///
    /// # Errors
    /// The catalogue is malformed: our bug.
    fn requirements(&self) -> Result<Catalogue, FamilyError>;

    /// Its published vectors in which keys stand, as JSON.
    fn vectors(&self) -> &'static [&'static str] {
        &[]
    }

    /// What its tags are called.
    fn tags(&self) -> Dictionary<'static> {
        &[]
    }

    /// Explains its commands and answers, in one conversation with a card. Without it they are explained as far as ISO/IEC 7816-4 goes.
    fn explainer(&self) -> Option<Box<dyn Explainer>> {
        None
    }

    /// The transaction id of an attempt as this family prints it.
    fn transaction_of(&self, _intent: &Intent) -> Option<String> {
        None
    }

    /// The transaction id of the sale that an attempt gives back; `None` where it gives none back.
    fn refund_of(&self, _intent: &Intent) -> Option<String> {
        None
    }
}

/// What `main` was given, never changed afterwards: a list that changed would give two tests of one run different cases.
static FAMILIES: OnceLock<Vec<Box<dyn Family>>> = OnceLock::new();

/// Those that untorn brings along, the usual one first.
pub fn built_in() -> Vec<Box<dyn Family>> {
    vec![Box::new(purse::Purse)]
}

/// The families of this program: what [`use_these`] was given, else those that are built in.
pub fn families() -> &'static [Box<dyn Family>] {
    FAMILIES.get_or_init(built_in)
}

/// The profile that is meant where nobody names one: the usual one of this family, or of the first.
pub fn usual_profile(family: Option<&str>) -> &'static str {
    let meant = families().iter().find(|known| family.is_none_or(|family| known.name() == family));
    meant.and_then(|family| family.profiles().first().copied()).unwrap_or_default()
}

/// Families were asked for already, so the list stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the list of card families is given once, before anything asks for it")]
pub struct TooLate;

/// Gives the program its families; [`crate::cli::main`] does so with those that it is handed.
///
/// # Errors
/// [`families`] was called before, or this was.
pub fn use_these(families: Vec<Box<dyn Family>>) -> Result<(), TooLate> {
    FAMILIES.set(families).map_err(|_| TooLate)
}

/// The transaction id of an attempt as its family prints it, in hex; `None` for a family that is not known here.
pub fn transaction_of(intent: &Intent) -> Option<String> {
    families().iter().find(|family| family.name() == intent.family)?.transaction_of(intent)
}

/// The transaction id of the sale that an attempt gives back, in hex; `None` where it gives none back.
pub fn refund_of(intent: &Intent) -> Option<String> {
    families().iter().find(|family| family.name() == intent.family)?.refund_of(intent)
}
