//! What a purse holds, seen from outside: for tests and for the card bench screen. No terminal sees this.

use std::ops::Range;

use super::Purse;
use super::image::Image;
use super::personalisation::Personalisation;
use super::rules::Rules;
use crate::card::chip::{Chip, ChipRules};
use crate::card::memory::{Memory, PowerLost};
use crate::card::transaction::FLAG_LEN;
use crate::entropy::Entropy;
use crate::family::purse::data::transact::{RECORD_LEN, ReceiptBody};
use crate::family::purse::data::{CardId, LifeCycle, Link, TransactionId};
use crate::money::Currency;

/// The committed state, as the card would find it at its next power-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Life cycle.
    pub life_cycle: LifeCycle,
    /// TC.
    pub transaction_counter: u32,
    /// LINK.
    pub link: Link,
    /// TTID of the last commit, zeros before the first.
    pub last_transaction: TransactionId,
    /// Days since 2016-01-01 that the card knows to have passed.
    pub newest_day: u16,
    /// Something other than the life cycle was committed: nothing can be taken over any more.
    pub has_history: bool,
    /// By id.
    pub logical_cards: Vec<InspectedCard>,
    /// Oldest first.
    pub ring: Vec<InspectedReceipt>,
    /// PIN tries that are left; `None` on a card without PIN.
    pub pin_tries: Option<u8>,
}

/// One logical card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedCard {
    /// 1 to 8.
    pub id: u8,
    /// Whose it is.
    pub operator: u32,
    /// What the balance counts.
    pub currency: Currency,
    /// Minor units.
    pub balance: u32,
    /// Rides, stamps and the like.
    pub counter: u32,
    /// Linear file, by record number.
    pub linear: Vec<[u8; RECORD_LEN]>,
    /// Cyclic file, newest first.
    pub cyclic: Vec<[u8; RECORD_LEN]>,
}

/// One receipt of the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedReceipt {
    /// What the card wrote.
    pub body: ReceiptBody,
    /// Some terminal has acknowledged it.
    pub acknowledged: bool,
    /// What is left to refund, for each logical card in order of id.
    pub refundable: Vec<u32>,
}

/// What lies where in the image, for who tears its writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryMap {
    /// PIN tries.
    pub tries: Range<usize>,
    /// What only a transaction under way uses: the commit flag, the journal. All else is what the card holds.
    pub scratch: [Range<usize>; 2],
}

impl<E, R: Rules> Purse<E, R> {
    /// What lies where in the image.
    pub fn memory_map(&self) -> MemoryMap {
        let layout = &self.personalisation().layout;
        let (tries, flag) = (layout.tries, layout.journal.flag);
        MemoryMap {
            tries: tries.offset..tries.offset + usize::from(tries.tries),
            scratch: [flag..flag + FLAG_LEN, layout.journal.area.clone()],
        }
    }

    /// CID.
    pub fn card_id(&self) -> CardId {
        self.personalisation().card
    }

    /// What the card would find in this memory if it were powered up now. Nothing is changed: it is looked for in a copy.
    pub fn inspect(&self, memory: &Memory) -> Inspection {
        let mut memory = memory.clone();
        memory.power_on();
        memory.disarm();
        // A copy that is powered and has no cut cannot lose its power.
        inspect(&self.person, &self.rules, &mut memory).unwrap_or_else(|PowerLost| unreachable!())
    }
}

impl<E: Entropy, R: Rules, C: ChipRules> Chip<Purse<E, R>, C> {
    /// What lies where in the image.
    pub fn memory_map(&self) -> MemoryMap {
        self.application().memory_map()
    }

    /// What the card would find if it were powered up now.
    pub fn inspect(&self) -> Inspection {
        self.application().inspect(self.memory_ref())
    }
}

fn inspect(person: &Personalisation, rules: &impl Rules, memory: &mut Memory) -> Result<Inspection, PowerLost> {
    rules.recover(&person.layout.journal, memory)?;
    let image = Image::read(&person.layout, memory)?;
    let pin_tries = person.pin.as_ref().map(|_| person.layout.tries.left(memory)).transpose()?;
    let cards = 0..person.logical_cards.len();
    Ok(Inspection {
        life_cycle: image.life_cycle(),
        transaction_counter: image.transaction_counter(),
        link: image.link(),
        last_transaction: image.last_transaction(),
        newest_day: image.newest_day(),
        has_history: image.has_history(),
        logical_cards: cards.clone().map(|index| inspect_card(person, &image, index)).collect(),
        ring: image
            .receipts()
            .iter()
            .filter_map(|slot| {
                let body = ReceiptBody::parse(slot.body()).ok()?;
                let refundable = cards.clone().map(|card| image.refundable(slot.index, card)).collect();
                Some(InspectedReceipt { body, acknowledged: slot.is_acknowledged(), refundable })
            })
            .collect(),
        pin_tries,
    })
}

fn inspect_card(person: &Personalisation, image: &Image<'_>, index: usize) -> InspectedCard {
    let profile = &person.logical_cards[index].profile;
    InspectedCard {
        id: profile.id,
        operator: profile.operator,
        currency: profile.currency,
        balance: image.balance(index),
        counter: image.counter(index),
        linear: (1..=profile.linear_records).filter_map(|record| image.linear(index, record)).collect(),
        cyclic: (1..=profile.cyclic_records).filter_map(|record| image.cyclic(index, record)).collect(),
    }
}
