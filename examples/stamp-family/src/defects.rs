//! Deliberate defects of the virtual card: each has one rule in another way.

use untorn::card::memory::{Memory, PowerLost};
use untorn::card::transaction::PendingWrites;

use crate::card::{Rules, Specified, parts};
use crate::data::{CardId, Deed};

untorn::defects! {
    /// A deliberate defect of the stamp card.
    pub enum StampDefect {
        StampWithoutJournal => ("stamp-without-journal", true, "A visit writes its values one after the other."),
        StampedTwice => ("stamped-twice", true, "ADD STAMP for a visit that the card remembers adds another stamp."),
        CoffeeForNine => ("coffee-for-nine", true, "REDEEM does with nine stamps."),
        MoreStampsThanFit => ("more-stamps-than-fit", true, "A full card takes another stamp."),
        CounterNotChecked => ("stamp-counter-not-checked", true, "An order with another counter than the next is carried out."),
        AnyCardsOrder => ("any-cards-order", true, "An order for another card is carried out."),
    }
}

impl Rules for StampDefect {
    fn is_once(&self) -> bool {
        *self != Self::StampedTwice
    }

    fn is_this_card(&self, own: CardId, named: CardId) -> bool {
        *self == Self::AnyCardsOrder || Specified.is_this_card(own, named)
    }

    fn is_next(&self, counter: u32, named: u32) -> bool {
        matches!(self, Self::CounterNotChecked | Self::StampedTwice) || Specified.is_next(counter, named)
    }

    fn after(&self, deed: Deed, stamps: u8) -> Option<u8> {
        match (self, deed) {
            (Self::CoffeeForNine, Deed::Coffee) if stamps == 9 => Some(0),
            (Self::MoreStampsThanFit, Deed::Stamp) => stamps.checked_add(1),
            _ => Specified.after(deed, stamps),
        }
    }

    fn commit(&self, memory: &mut Memory, draft: &PendingWrites) -> Result<(), PowerLost> {
        if *self != Self::StampWithoutJournal {
            return Specified.commit(memory, draft);
        }
        parts(draft).into_iter().try_for_each(|(at, octets)| memory.write(at, &octets))
    }
}
