//! The reference purse of `specs/purse.md`.
//!
//! `data*` and `keys*` are shared by both sides and tested against the vectors of `vectors/purse/`; `card*` is the virtual
//! card, `kernel*` the terminal's side, and neither imports the other.

pub mod card;
pub mod card_access_defect;
mod card_auth;
mod card_commands;
pub mod card_commit_defect;
mod card_commit_sabotage;
mod card_image;
pub mod card_inspection;
pub mod card_keys;
mod card_messaging;
mod card_transact;
mod cases;
mod cases_atomicity;
mod cases_authentication;
mod cases_authentication_epc1;
mod cases_authentication_epc2;
mod cases_claims;
pub mod cases_client;
mod cases_commands;
mod cases_life_cycle;
mod cases_messaging;
pub mod cases_model;
mod cases_model_learn;
pub mod cases_model_steps;
mod cases_order;
mod cases_picture;
mod cases_pin;
mod cases_postamble;
mod cases_proof;
mod cases_recovery;
mod cases_refusal;
mod cases_rights;
mod cases_ring;
mod cases_selection;
mod cases_statement;
mod cases_states;
mod cases_terminal;
mod cases_terminal_alarms;
mod cases_terminal_lies;
mod cases_terminal_records;
mod cases_transaction;
pub mod data;
pub mod data_session;
pub mod data_transact;
mod explain;
mod explain_fields;
mod explain_keys;
pub mod issuer;
pub mod kernel;
mod kernel_compare;
pub mod kernel_defect;
pub mod kernel_sam;
pub mod keys;
pub mod keys_epc1;
pub mod keys_epc2;
pub mod model;
pub mod profile;
pub mod roles;

use self::card::PurseCard;
use self::card_access_defect::AccessDefect;
use self::card_commit_defect::CommitDefect;
use self::issuer::Scheme;
use self::profile::Profile;
use super::CardFamily;
use super::conversation::Explainer;
use crate::card::Card;
use crate::card::defect::ChipDefect;
use crate::card::transaction_defect::JournalDefect;
use crate::conformance::case::Case;
use crate::conformance::mutant::Mutant;
use crate::conformance::requirement::Catalogue;
use crate::conformance::statement::Statement;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::Outcome;
use crate::entropy::{Entropy, SeededEntropy};
use crate::journal::record::Intent;
use crate::quoted::quoted;
use crate::wire::tag::Dictionary;

/// The family as the table of families has it.
pub struct Purse;

impl CardFamily for Purse {
    fn name(&self) -> &'static str {
        kernel::FAMILY
    }

    fn profiles(&self) -> Vec<&'static str> {
        // "vector" has the keys of the published vectors, which the test system has not.
        profile::BUILT_IN.iter().map(|(name, _)| *name).filter(|name| *name != "vector").collect()
    }

    fn statement(&self, profile: &str) -> Result<Statement, String> {
        Ok(cases_statement::statement(&Profile::built_in(profile).map_err(|error| error.to_string())?))
    }

    fn virtual_card(&self, profile: &str, seed: u64, mutant: Option<&str>) -> Result<Box<dyn Card>, String> {
        let profile = Profile::built_in(profile).map_err(|error| error.to_string())?;
        Ok(Box::new(PurseCard::made(&profile, SeededEntropy::new(seed), mutant)?))
    }

    fn cases(&self) -> Vec<Case> {
        cases::all()
    }

    fn contradictions(&self, tester: &mut Tester<'_>) -> Outcome<Vec<String>> {
        cases_claims::contradictions(tester)
    }

    fn identify(&self, tester: &mut Tester<'_>) -> Outcome<Option<String>> {
        let Some(&suite) = cases_client::suites(tester).first() else { return Ok(None) };
        let opened = cases_picture::wallet(tester, suite, data::Role::Read).open(tester)?;
        cases_states::note(tester, &opened.state);
        Ok(Some(opened.card.to_string()))
    }

    fn mutants(&self) -> Vec<Mutant> {
        let chip = ChipDefect::ALL.iter().map(|(_, description)| description);
        let access = AccessDefect::ALL.iter().map(|(_, description)| description);
        let commit = CommitDefect::ALL.iter().map(|(_, description)| description);
        let journal = JournalDefect::ALL.iter().map(|(_, description)| description);
        chip.chain(access).chain(commit).chain(journal).map(Mutant::card).collect()
    }

    fn requirements(&self) -> Result<Catalogue, String> {
        Catalogue::parse(include_str!("../../../specs/purse.toml"))
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
            data_transact::Operation::Refund { of, .. } => Some(of.to_string()),
            _ => None,
        })
    }
}

impl<E: Entropy> PurseCard<E> {
    /// A fresh card of the test scheme, with the deliberate defect of this name, wherever it is listed.
    ///
    /// # Errors
    /// No card can be made of this profile, or no list has the defect, in words.
    pub fn made(profile: &Profile, entropy: E, mutant: Option<&str>) -> Result<Self, String> {
        let access = mutant.and_then(AccessDefect::by_name);
        let card = Self::personalise_with(profile, &Scheme::test(), entropy, access);
        let card = card.map_err(|error| error.to_string())?;
        let Some(name) = mutant.filter(|_| access.is_none()) else { return Ok(card) };
        if let Some(defect) = ChipDefect::by_name(name) {
            return Ok(card.with_defect(defect));
        }
        if let Some(defect) = JournalDefect::by_name(name) {
            return Ok(card.with_journal_defect(defect));
        }
        match CommitDefect::by_name(name) {
            Some(defect) => Ok(card.with_commit_defect(defect)),
            None => Err(format!("the purse has no mutant {name}", name = quoted(name))),
        }
    }
}
