//! A card family that untorn does not know: a stamp card. Ten stamps are one coffee.
//!
//! Everything that a family needs goes through one trait, [`Family`]. The chip under it (channels, chaining, long answers, a memory
//! that can be torn) is untorn's own, so that the stamp card gets the whole suite `iso7816_4` for the claims of its statement.

mod card;
mod cases;
mod explain;

use std::sync::Arc;

use untorn::conformance::case::Case;
use untorn::conformance::mutant::Mutant;
use untorn::conformance::requirement::Catalogue;
use untorn::conformance::statement::Statement;
use untorn::conformance::tester::Tester;
use untorn::conformance::verdict::{Outcome, Stop};
use untorn::entropy::Entropy;
use untorn::family::Family;
use untorn::family::conversation::Explainer;
use untorn::family::error::FamilyError;
use untorn::family::profile::{Profile, VirtualCard};
use untorn::wire::hex;

use card::StampDefect;
use explain::StampExplainer;

/// Name of family, suite and of the one profile.
pub const NAME: &str = "stamps";

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
            Ok(Arc::new(Issued))
        } else {
            Err(FamilyError::NoProfile { known: vec![NAME], got: name.to_owned() })
        }
    }

    fn cases(&self) -> Vec<Case> {
        cases::all()
    }

    /// A stamp card says nothing of itself but its name.
    fn contradictions(&self, tester: &mut Tester<'_>) -> Outcome<Vec<String>> {
        let claimed = hex::parse(tester.text("iso7816_4.aid")?).map_err(|error| Stop::error(error.to_string()))?;
        let named = cases::name(tester)?;
        let told = || format!("its name: claimed {}, the card says {}", hex::encode(&claimed), hex::encode(&named));
        Ok((named != claimed).then(told).into_iter().collect())
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
}

/// The one profile: a card with no stamps.
struct Issued;

impl Profile for Issued {
    fn name(&self) -> &str {
        NAME
    }

    fn statement(&self) -> Statement {
        let statement = Statement { name: NAME.to_owned(), ..Statement::default() }
            .text("iso7816_4.aid", "F05354414D5053")
            .text("iso7816_4.read_command", "80CA0000")
            .text("iso7816_4.long_answer", "80CA0001")
            // FIND VISIT for a visit that nobody makes: not found whole, a wrong length by halves.
            .text("iso7816_4.chained_command", "80360000FFFFFFFF")
            .number("iso7816_4.chain_len_max", 512);
        CLAIMS.iter().fold(statement, |statement, claim| statement.claim(claim))
    }

    /// This card draws nothing at random.
    fn fresh(&self, _entropy: Box<dyn Entropy>, mutant: Option<&str>) -> Result<Box<dyn VirtualCard>, FamilyError> {
        let unknown = |name: &str| FamilyError::NoMutant { family: NAME, got: name.to_owned() };
        let defect = mutant.map(|name| StampDefect::by_name(name).ok_or_else(|| unknown(name))).transpose()?;
        Ok(Box::new(card::fresh(defect)))
    }

    fn restore(&self, image: Vec<u8>, _entropy: Box<dyn Entropy>) -> Result<Box<dyn VirtualCard>, FamilyError> {
        let wrong = || FamilyError::Image(format!("expected {} octets of a stamp card", card::IMAGE_LEN));
        card::restored(image).map(|card| Box::new(card) as _).ok_or_else(wrong)
    }
}
