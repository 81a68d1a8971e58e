//! Card families that untorn does not know. The stamp card (ten stamps are one coffee) has all that a family can have: cards, a suite, a
//! terminal side, and a laboratory in which it is torn. The [`badge`] has the least.
//!
//! Everything goes through the doors of [`untorn::family`]. The chip under the cards (channels, chaining, long answers, a memory that can
//! be torn) is untorn's own, so that they get the whole suite `iso7816_4` for the claims of their statements.

pub mod badge;
mod card;
mod cases;
pub mod data;
mod defects;
mod explain;
pub mod kernel;
mod lab;
mod mutants;
mod profile;
mod till_cases;

use std::sync::Arc;

use untorn::conformance::case::Case;
use untorn::conformance::mutant::Mutant;
use untorn::conformance::requirement::Catalogue;
use untorn::conformance::tester::Tester;
use untorn::conformance::verdict::{OrStop, Stop};
use untorn::family::Family;
use untorn::family::conversation::Explainer;
use untorn::family::error::FamilyError;
use untorn::family::lab::Lab;
use untorn::family::profile::Profile;
use untorn::family::settings::SettingSpec;
use untorn::journal::record::Intent;
use untorn::wire::hex;

use defects::StampDefect;
use explain::StampExplainer;
use kernel::StampIntent;
use lab::StampLab;
use profile::{Issued, USUAL_ID};

/// Name of family, suite and of the one profile.
pub const NAME: &str = "stamps";

/// The family of stamp cards.
pub struct Stamps;

impl Family for Stamps {
    fn name(&self) -> &'static str {
        NAME
    }

    fn profiles(&self) -> Vec<&'static str> {
        vec![NAME]
    }

    fn profile(&self, name: &str) -> Result<Arc<dyn Profile>, FamilyError> {
        if name == NAME {
            Ok(Arc::new(Issued(USUAL_ID)))
        } else {
            Err(FamilyError::NoProfile { known: vec![NAME], got: name.to_owned() })
        }
    }

    fn settings(&self) -> &'static [SettingSpec] {
        profile::SETTINGS
    }

    fn lab(&self) -> Option<&dyn Lab> {
        Some(&StampLab)
    }

    fn cases(&self) -> Vec<Case> {
        [cases::all(), till_cases::all()].concat()
    }

    /// A stamp card says nothing of itself but its name.
    fn contradictions(&self, tester: &mut Tester<'_>) -> OrStop<Vec<String>> {
        let claimed = hex::parse(tester.text("iso7816_4.aid")?).map_err(|error| Stop::error(error.to_string()))?;
        let named = cases::name(tester)?;
        let told = || format!("its name: claimed {}, the card says {}", hex::encode(&claimed), hex::encode(&named));
        Ok((named != claimed).then(told).into_iter().collect())
    }

    fn identify(&self, tester: &mut Tester<'_>) -> OrStop<Option<String>> {
        tester.power_on()?;
        Ok(Some(hex::encode(&cases::look(tester)?.card)))
    }

    fn explainer(&self) -> Option<Box<dyn Explainer>> {
        Some(Box::new(StampExplainer))
    }

    fn mutants(&self) -> Vec<Mutant> {
        StampDefect::ALL.iter().map(|(_, description)| Mutant::card(description)).collect()
    }

    fn requirements(&self) -> Result<Catalogue, FamilyError> {
        Catalogue::parse(include_str!("../requirements.toml")).map_err(FamilyError::BuiltIn)
    }

    fn transaction_of(&self, intent: &Intent) -> Option<String> {
        StampIntent::of(intent).ok().map(|intent| hex::encode(&intent.order.visit))
    }
}
