//! The one profile: a card with no stamps, and the terminal that takes such cards.

use std::sync::Arc;

use untorn::conformance::statement::Statement;
use untorn::entropy::Entropy;
use untorn::family::error::FamilyError;
use untorn::family::profile::{Profile, TillSetup, VirtualCard};
use untorn::family::settings::{self, SettingSpec};
use untorn::journal::record::CardReference;
use untorn::money::Currency;
use untorn::terminal::kernel::Kernel;
use untorn::wire::hex;

use crate::NAME;
use crate::card::{self, Specified};
use crate::data::{CardId, Deed};
use crate::defects::StampDefect;
use crate::kernel::{self, CURRENCY, StampKernel};

/// What the card claims (ICS). `specs/iso7816_4.md` of untorn says what the claims mean and which values they need.
const CLAIMS: [&str; 10] = [
    "stamps",
    "iso7816_4",
    "iso7816_4.strict",
    "iso7816_4.read",
    "iso7816_4.get_response",
    "iso7816_4.extended_length",
    "iso7816_4.chaining",
    "iso7816_4.chaining_limit",
    "iso7816_4.logical_channels",
    "iso7816_4.shareable",
];

/// What a person can set of a terminal for stamp cards.
pub(crate) const SETTINGS: &[SettingSpec] = &[GRANT];

const DEEDS: [(&str, Deed); 2] = [("stamp", Deed::Stamp), ("coffee", Deed::Coffee)];
const GRANT: SettingSpec = SettingSpec {
    name: settings::GRANT,
    values: "stamp and coffee, with commas",
    choices: &["stamp", "coffee"],
    takes: |value| deeds(value).is_some(),
    help: "What the terminal may do [default: virtual: stamp,coffee; PC/SC: coffee]",
};

fn deeds(text: &str) -> Option<Vec<Deed>> {
    let deed = |name: &str| DEEDS.iter().find(|(known, _)| *known == name.trim()).map(|(_, deed)| *deed);
    text.split(',').map(deed).collect()
}

/// The id of the cards of the suite; each card that a person makes has its own.
pub(crate) const USUAL_ID: CardId = *b"STAMP001";

/// A card of this id.
pub(crate) struct Issued(pub(crate) CardId);

impl Profile for Issued {
    fn name(&self) -> &str {
        NAME
    }

    fn description(&self) -> &str {
        "A loyalty card: ten stamps are one coffee. It has no key."
    }

    fn card(&self) -> CardReference {
        CardReference(hex::encode(&self.0))
    }

    fn currency(&self) -> Option<Currency> {
        Some(CURRENCY)
    }

    fn statement(&self) -> Statement {
        let statement = Statement { name: NAME.to_owned(), ..Statement::default() }
            .text("iso7816_4.aid", "F05354414D5053")
            .text("iso7816_4.read_command", "80CA0000")
            .text("iso7816_4.long_answer", "80CA0001")
            // FIND VISIT for a visit that nobody makes: not found whole, a wrong length by halves.
            .text("iso7816_4.chained_command", "80360000FFFFFFFFFFFFFFFF")
            .number("iso7816_4.chain_len_max", 512);
        CLAIMS.iter().fold(statement, |statement, claim| statement.claim(claim))
    }

    fn with_own_id(&self, entropy: &mut dyn Entropy) -> Option<Arc<dyn Profile>> {
        let mut id = *b"STMP\0\0\0\0";
        entropy.fill(&mut id[4..]);
        Some(Arc::new(Self(id)))
    }

    fn of_memory(&self, start: &[u8]) -> Option<Arc<dyn Profile>> {
        Some(Arc::new(Self(card::id_in(start)?)))
    }

    /// This card draws nothing at random.
    fn fresh(&self, _entropy: Box<dyn Entropy>, mutant: Option<&str>) -> Result<Box<dyn VirtualCard>, FamilyError> {
        Ok(Box::new(card::fresh(self.0, rules(mutant)?)))
    }

    fn restore(&self, image: Vec<u8>, _entropy: Box<dyn Entropy>) -> Result<Box<dyn VirtualCard>, FamilyError> {
        let wrong = || FamilyError::Image(format!("expected {} octets of a stamp card", card::IMAGE_LEN));
        card::restored(image).map(|card| Box::new(card) as _).ok_or_else(wrong)
    }

    /// A stamp is worth something: at a real card a person must grant it.
    fn kernel(&self, setup: &TillSetup<'_>) -> Result<Box<dyn Kernel>, FamilyError> {
        let deeds = match setup.settings.of(NAME, GRANT.name) {
            None if setup.is_for_real_cards => vec![Deed::Coffee],
            None => DEEDS.map(|(_, deed)| deed).to_vec(),
            Some(text) => deeds(text).ok_or_else(|| GRANT.refusal(NAME, text))?,
        };
        Ok(Box::new(StampKernel::new(deeds, Arc::new(kernel::Specified))))
    }
}

/// The rules of a card with this defect, or of one without.
pub(crate) fn rules(mutant: Option<&str>) -> Result<Arc<dyn card::Rules>, FamilyError> {
    let Some(name) = mutant else { return Ok(Arc::new(Specified)) };
    let unknown = || FamilyError::NoMutant { family: NAME, got: name.to_owned() };
    Ok(Arc::new(StampDefect::by_name(name).ok_or_else(unknown)?))
}
