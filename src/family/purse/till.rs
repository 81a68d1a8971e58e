//! The purse's profiles as the door of families has them: cards made of them, and a terminal that takes orders on these cards.

use std::sync::Arc;

use super::card::PurseCard;
use super::card::defect::MutantCard;
use super::cases;
use super::data::{CardId, Role, Suite, TerminalId};
use super::issuer::Scheme;
use super::kernel::sam::{Grant, KeyLog, SoftSam};
use super::kernel::{FAMILY, PurseKernel};
use super::profile::{LogicalCardProfile, PurseProfile};
use crate::conformance::statement::Statement;
use crate::entropy::Entropy;
use crate::family::error::FamilyError;
use crate::family::profile::{Profile, TillSetup, VirtualCard};
use crate::family::settings::{self, SettingSpec, Settings};
use crate::journal::record::CardReference;
use crate::money::Currency;
use crate::secret::Pin;
use crate::terminal::kernel::Kernel;
use crate::wire::hex;

/// What a person can set of a terminal for purses.
pub(super) const SETTINGS: &[SettingSpec] = &[SUITE, GRANT, TERMINAL];

const SUITE: SettingSpec = SettingSpec {
    name: "suite",
    values: "epc1 or epc2",
    choices: &["epc1", "epc2"],
    takes: |value| Suite::named(value).is_some(),
    help: "Use this protocol suite only [default: epc2 where the card offers it]",
};
const GRANT: SettingSpec = SettingSpec {
    name: settings::GRANT,
    values: "debit, credit, refund and read, with commas",
    choices: &["debit", "credit", "refund", "read"],
    takes: |value| roles_named(value).is_some(),
    help: "What the terminal may do [default: virtual: debit,credit,refund,read; PC/SC: debit,read]",
};
const TERMINAL: SettingSpec = SettingSpec {
    name: "terminal",
    values: "16 hex digits",
    choices: &[],
    takes: |value| terminal_named(value).is_some(),
    help: "Id of this terminal: no two terminals of a scheme may have the same",
};

/// TID of a terminal that was given none: "UNTORN01".
const TERMINAL_DEFAULT: TerminalId = TerminalId(*b"UNTORN01");
const ROLES: [(&str, Role); 4] =
    [("debit", Role::Debit), ("credit", Role::Credit), ("refund", Role::Refund), ("read", Role::Read)];

impl Profile for PurseProfile {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn card(&self) -> CardReference {
        CardReference(self.card_id.to_string())
    }

    fn currency(&self) -> Option<Currency> {
        self.logical_cards.first().map(|purse| purse.currency)
    }

    fn pin(&self) -> Option<Pin> {
        self.pin.clone()
    }

    fn statement(&self) -> Statement {
        cases::statement::statement(self)
    }

    fn with_own_id(&self, entropy: &mut dyn Entropy) -> Option<Arc<dyn Profile>> {
        Some(Arc::new(Self { card_id: CardId::drawn(entropy), ..self.clone() }))
    }

    fn of_memory(&self, start: &[u8]) -> Option<Arc<dyn Profile>> {
        let card_id = PurseCard::<Box<dyn Entropy>>::id_in(start)?;
        Some(Arc::new(Self { card_id, ..self.clone() }))
    }

    fn fresh(&self, entropy: Box<dyn Entropy>, mutant: Option<&str>) -> Result<Box<dyn VirtualCard>, FamilyError> {
        if mutant.is_some() {
            return Ok(Box::new(MutantCard::made(self, entropy, mutant)?));
        }
        let card = PurseCard::personalise(self, &Scheme::test(), entropy);
        Ok(Box::new(card.map_err(|error| FamilyError::Profile(error.to_string()))?))
    }

    fn restore(&self, image: Vec<u8>, entropy: Box<dyn Entropy>) -> Result<Box<dyn VirtualCard>, FamilyError> {
        let card = PurseCard::from_image(self, &Scheme::test(), image, entropy);
        Ok(Box::new(card.map_err(|error| FamilyError::Image(error.to_string()))?))
    }

    fn kernel(&self, setup: &TillSetup<'_>) -> Result<Box<dyn Kernel>, FamilyError> {
        let none = || FamilyError::Profile("card profile: expected a logical card, got none".to_owned());
        let LogicalCardProfile { id, operator, .. } = self.logical_cards.first().ok_or_else(none)?;
        let roles = roles(setup)?;
        let grant = Grant { roles, logical_cards: vec![(*id, *operator)] };
        let module = SoftSam::new(&Scheme::test(), terminal(setup.settings)?, suite(setup.settings)?, &grant);
        let mut module = module.map_err(|error| FamilyError::Module(error.to_string()))?;
        if let Some(log) = &setup.key_log {
            module = module.with_key_log(KeyLog(Arc::clone(log)));
        }
        Ok(Box::new(PurseKernel::new(Box::new(module), vec![*id])))
    }
}

/// The suite that a person has set.
pub(super) fn suite(settings: &Settings) -> Result<Option<Suite>, FamilyError> {
    let named = |text| Suite::named(text).ok_or_else(|| SUITE.refusal(FAMILY, text));
    settings.of(FAMILY, SUITE.name).map(named).transpose()
}

/// What is said of a variant that is none.
pub(super) fn not_a_suite(name: &str) -> FamilyError {
    SUITE.refusal(FAMILY, name)
}

fn terminal(settings: &Settings) -> Result<TerminalId, FamilyError> {
    let Some(text) = settings.of(FAMILY, TERMINAL.name) else { return Ok(TERMINAL_DEFAULT) };
    terminal_named(text).ok_or_else(|| TERMINAL.refusal(FAMILY, text))
}

fn terminal_named(text: &str) -> Option<TerminalId> {
    hex::parse(text).ok().and_then(|octets| octets.try_into().ok()).map(TerminalId)
}

/// Giving value away at real cards is for those who say so.
fn roles(setup: &TillSetup<'_>) -> Result<Vec<Role>, FamilyError> {
    match setup.settings.of(FAMILY, GRANT.name) {
        None if setup.is_for_real_cards => Ok(vec![Role::Debit, Role::Read]),
        None => Ok(ROLES.map(|(_, role)| role).to_vec()),
        Some(text) => roles_named(text).ok_or_else(|| GRANT.refusal(FAMILY, text)),
    }
}

fn roles_named(text: &str) -> Option<Vec<Role>> {
    let role = |name: &str| ROLES.iter().find(|(known, _)| *known == name.trim()).map(|(_, role)| *role);
    text.split(',').map(role).collect()
}
