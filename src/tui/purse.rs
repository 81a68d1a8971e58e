//! Purse cards on the bench: what their memory says, laid out for a person.

use super::core::VirtualCard;
use super::snapshot::Section;
use crate::card::Card;
use crate::card::memory::Memory;
use crate::entropy::{Entropy, SeededEntropy};
use crate::family::purse::card::PurseCard;
use crate::family::purse::card::inspection::Inspection;
use crate::family::purse::card::personalisation::PersonaliseError;
use crate::family::purse::issuer::Scheme;
use crate::family::purse::profile::PurseProfile;
use crate::money::Money;
use crate::reader::in_process::{SharedCard, shared};

/// A fresh card of this profile; its memory lasts as long as the run.
pub fn fresh(profile: &PurseProfile, entropy: Box<dyn Entropy>) -> Result<VirtualCard, PersonaliseError> {
    let card = PurseCard::personalise(profile, &Scheme::test(), entropy)?;
    of(profile, shared(card))
}

/// A card that is there already and was made from this profile.
pub fn of(profile: &PurseProfile, card: SharedCard) -> Result<VirtualCard, PersonaliseError> {
    // A second card with the same keys looks at the first one's memory: the first may be at work, or torn.
    let mut glass = PurseCard::personalise(profile, &Scheme::test(), SeededEntropy::new(0))?;
    let inspect = Box::new(move |image: &[u8]| {
        *glass.memory() = Memory::from_image(image.to_vec());
        sheet(&glass.inspect())
    });
    Ok(VirtualCard { name: profile.name.clone(), card, inspect })
}

fn sheet(card: &Inspection) -> Vec<Section> {
    let balances = card.logical_cards.iter().map(|logical| {
        let name = format!("{}  operator {}", logical.id, logical.operator);
        (name, Money::new(logical.balance, logical.currency).to_string())
    });
    let state = [
        ("life cycle".to_owned(), card.life_cycle.to_string()),
        ("PIN tries left".to_owned(), card.pin_tries.map_or("no PIN".to_owned(), |tries| tries.to_string())),
        ("transaction counter".to_owned(), card.transaction_counter.to_string()),
    ];
    let receipts = card.ring.iter().rev().map(|receipt| {
        let what = receipt.body.receipt_type;
        let seen = if receipt.acknowledged { "" } else { ", not acked" };
        let name = format!("{}  {what}{seen}", receipt.body.transaction_counter);
        (name, Money::new(receipt.body.amount, receipt.body.currency).to_string())
    });
    vec![
        Section { title: "Balances".to_owned(), rows: balances.collect() },
        Section { title: "Card".to_owned(), rows: state.to_vec() },
        Section { title: format!("Receipt ring, {} held", card.ring.len()), rows: receipts.collect() },
    ]
}
