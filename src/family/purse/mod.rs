//! The reference purse of `specs/purse.md`.
//!
//! [`data`] and [`keys`] are shared by both sides and tested against the vectors of `vectors/purse/`; [`card`] is the virtual
//! card, [`kernel`] the terminal's side, and neither imports the other.

pub mod card;
pub mod cases;
pub mod data;
mod explain;
pub mod issuer;
pub mod kernel;
pub mod keys;
mod lab;
pub mod mutants;
pub mod profile;
mod sheet;
mod till;

use std::sync::Arc;

use self::card::defect::MutantCard;
use self::card::defect::access::AccessDefect;
use self::card::defect::commit::CommitDefect;
use self::card::defect::rules::Wrong;
use self::issuer::Scheme;
use self::profile::PurseProfile;
use super::Family;
use super::conversation::Explainer;
use super::error::FamilyError;
use super::lab::Lab;
use super::profile::Profile;
use super::settings::SettingSpec;
use crate::card::chip::defect::{ChipDefect, WrongChip};
use crate::card::transaction::defect::JournalDefect;
use crate::conformance::case::Case;
use crate::conformance::mutant::Mutant;
use crate::conformance::requirement::Catalogue;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;
use crate::entropy::Entropy;
use crate::journal::record::Intent;
use crate::wire::tag::Dictionary;

/// The family as the table of families has it.
pub struct Purse;

impl Family for Purse {
    fn name(&self) -> &'static str {
        kernel::FAMILY
    }

    fn profiles(&self) -> Vec<&'static str> {
        // "vector" has the keys of the published vectors, which the test system has not.
        profile::BUILT_IN.iter().map(|(name, _)| *name).filter(|name| *name != "vector").collect()
    }

    fn profile(&self, name: &str) -> Result<Arc<dyn Profile>, FamilyError> {
        if !profile::BUILT_IN.iter().any(|(known, _)| *known == name) {
            return Err(FamilyError::NoProfile { known: self.profiles(), got: name.to_owned() });
        }
        let profile = PurseProfile::built_in(name).map_err(|error| FamilyError::BuiltIn(error.to_string()))?;
        Ok(Arc::new(profile))
    }

    fn profile_text(&self, name: &str) -> Option<&'static str> {
        profile::BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    fn read_profile(&self, text: &str) -> Result<Arc<dyn Profile>, FamilyError> {
        let profile = PurseProfile::parse(text).map_err(|error| FamilyError::Profile(error.to_string()))?;
        Ok(Arc::new(profile))
    }

    fn settings(&self) -> &'static [SettingSpec] {
        till::SETTINGS
    }

    fn lab(&self) -> Option<&dyn Lab> {
        Some(&lab::PurseLab)
    }

    fn cases(&self) -> Vec<Case> {
        cases::all()
    }

    fn contradictions(&self, tester: &mut Tester<'_>) -> OrStop<Vec<String>> {
        cases::claims::contradictions(tester)
    }

    fn identify(&self, tester: &mut Tester<'_>) -> OrStop<Option<String>> {
        let Some(&suite) = cases::client::suites(tester).first() else { return Ok(None) };
        let opened = cases::picture::wallet(tester, suite, data::Role::Read).open(tester)?;
        cases::states::note(tester, &opened.state);
        Ok(Some(opened.card.to_string()))
    }

    fn mutants(&self) -> Vec<Mutant> {
        let chip = ChipDefect::ALL.iter().map(|(_, description)| description);
        let access = AccessDefect::ALL.iter().map(|(_, description)| description);
        let commit = CommitDefect::ALL.iter().map(|(_, description)| description);
        let journal = JournalDefect::ALL.iter().map(|(_, description)| description);
        chip.chain(access).chain(commit).chain(journal).map(Mutant::card).collect()
    }

    fn requirements(&self) -> Result<Catalogue, FamilyError> {
        Catalogue::parse(include_str!("../../../specs/purse.toml")).map_err(FamilyError::BuiltIn)
    }

    fn vectors(&self) -> &'static [&'static str] {
        &[include_str!("../../../vectors/purse/epc1.json"), include_str!("../../../vectors/purse/epc2.json")]
    }

    fn tags(&self) -> Dictionary<'static> {
        data::TAGS
    }

    fn explainer(&self) -> Option<Box<dyn Explainer>> {
        Some(Box::new(explain::PurseExplainer::new()))
    }

    fn transaction_of(&self, intent: &Intent) -> Option<String> {
        kernel::PurseIntent::of(intent).ok().map(|intent| intent.order.transaction.to_string())
    }

    fn refund_of(&self, intent: &Intent) -> Option<String> {
        let operations = kernel::PurseIntent::of(intent).ok()?.order.operations;
        operations.into_iter().find_map(|operation| match operation {
            data::transact::Operation::Refund { of, .. } => Some(of.to_string()),
            _ => None,
        })
    }
}

impl<E: Entropy> MutantCard<E> {
    /// A fresh card of the test scheme, with the deliberate defect of this name, wherever it is listed.
    ///
    /// # Errors
    /// No card can be made of this profile, or no list has the defect.
    pub fn made(profile: &PurseProfile, entropy: E, mutant: Option<&str>) -> Result<Self, FamilyError> {
        let named = mutant.unwrap_or_default();
        let (wrong, chip) = (Wrong::by_name(named), ChipDefect::by_name(named));
        if mutant.is_some() && chip.is_none() && wrong.is_none() {
            return Err(FamilyError::NoMutant { family: kernel::FAMILY, got: named.to_owned() });
        }
        // A name that stands in two lists is the first list's.
        let chip = chip.filter(|_| wrong.is_none());
        let wrong = wrong.unwrap_or_default();
        Self::personalise_with(profile, &Scheme::test(), entropy, wrong, WrongChip::new(chip))
            .map_err(|error| FamilyError::Profile(error.to_string()))
    }
}
