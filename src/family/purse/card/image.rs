//! Where the virtual purse keeps what changes: its non-volatile image, and the working copy of a transaction.
//!
//! Keys, limits and names never change after personalisation and are not in the image: it stays near a thousand octets, so
//! that an explorer can clone it a million times.
//!
//! | offset | octets | |
//! |---|---|---|
//! | 0 | 16 | mark, layout, CID, number of logical cards, places in the ring |
//! | 16 | 16 | commit flag |
//! | 32 | 15 | PIN tries |
//! | 47 | 1 | failed AUTHs in a row |
//! | 48 | 32 | life cycle, history, TC, last TTID, LINK, newest day |
//! | 80 | | logical cards, each: balance(4), counter(4), next cyclic record(1), linear file, cyclic file |
//! | | | ring, each: state(1), body(68), what can still be refunded(4) for each logical card |
//! | | | journal |

use std::ops::Range;

use crate::card::memory::{Memory, PowerLost};
use crate::card::transaction::{CommitArea, ENTRY_OVERHEAD, FLAG_LEN, JOURNAL_OVERHEAD, PendingWrites};
use crate::card::try_counter::{TRIES_MAX, TryCounter};
use crate::family::purse::data::transact::{RECEIPT_BODY_LEN, RECORD_LEN, ReceiptBody};
use crate::family::purse::data::{CardId, LifeCycle, Link, TransactionId};
use crate::family::purse::profile::PurseProfile;

const MARK: [u8; 5] = *b"EPUR\x01";
const FLAG: usize = 16;
const TRIES: usize = FLAG + FLAG_LEN;
/// Failed AUTHs in a row. One octet without a checksum: whatever a torn write leaves there is a delay, and no more.
pub(super) const FAILURES: usize = TRIES + TRIES_MAX as usize;
const STATE: usize = FAILURES + 1;
const HISTORY: usize = STATE + 1;
const COUNTER: usize = HISTORY + 1;
const LAST: usize = COUNTER + 4;
const LINK: usize = LAST + 16;
const NEWEST_DAY: usize = LINK + 8;
const CARDS: usize = NEWEST_DAY + 2;
/// Balance, counter, next cyclic record.
const CARD_LEN: usize = 9;
/// State and body.
const SLOT_LEN: usize = 1 + RECEIPT_BODY_LEN;

/// State octet of a place in the ring.
const EMPTY: u8 = 0;
const UNRATIFIED: u8 = 1;
const ACKNOWLEDGED: u8 = 2;

#[derive(Debug, Clone)]
struct CardPlace {
    offset: usize,
    linear: usize,
    cyclic: usize,
}

impl CardPlace {
    fn linear_offset(&self, record: usize) -> usize {
        self.offset + CARD_LEN + record * RECORD_LEN
    }

    fn cyclic_offset(&self, record: usize) -> usize {
        self.linear_offset(self.linear + record)
    }
}

/// Where everything lies, from the profile.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    cards: Vec<CardPlace>,
    ring: usize,
    slots: usize,
    slot_len: usize,
    /// From [`STATE`] to the journal: what a transaction can change.
    pub(super) changeable: Range<usize>,
    pub(super) journal: CommitArea,
    pub(super) tries: TryCounter,
}

impl Layout {
    pub(super) fn new(profile: &PurseProfile) -> Self {
        let mut end = CARDS;
        let mut cards = Vec::new();
        for card in &profile.logical_cards {
            let place =
                CardPlace { offset: end, linear: card.linear_records.into(), cyclic: card.cyclic_records.into() };
            end = place.cyclic_offset(place.cyclic);
            cards.push(place);
        }
        let (ring, slots) = (end, usize::from(profile.ring));
        let slot_len = SLOT_LEN + 4 * cards.len();
        let changeable = STATE..ring + slots * slot_len;
        // The most that eight operations can change: state, every card, a record and a refunded receipt each, a new receipt.
        let values = (CARDS - STATE) + cards.len() * CARD_LEN + 8 * RECORD_LEN + 8 * 4 + slot_len;
        let entries = 2 + cards.len() + 16;
        let journal_len = JOURNAL_OVERHEAD + values + entries * ENTRY_OVERHEAD;
        let journal = CommitArea { flag: FLAG, area: changeable.end..changeable.end + journal_len };
        Self {
            cards,
            ring,
            slots,
            slot_len,
            changeable,
            journal,
            tries: TryCounter { offset: TRIES, tries: profile.pin_tries },
        }
    }

    /// Octets of the image.
    pub(super) fn len(&self) -> usize {
        self.journal.area.end
    }

    fn header(&self, card: CardId) -> [u8; FLAG] {
        let mut header = [0; FLAG];
        header[..5].copy_from_slice(&MARK);
        header[5..13].copy_from_slice(&card.0);
        header[13] = self.cards.len() as u8;
        header[14] = self.slots as u8;
        header
    }

    /// The image of a fresh card, whose chain of receipts begins with `first`.
    pub(super) fn format(&self, profile: &PurseProfile, first: Link) -> Vec<u8> {
        let mut image = vec![0; self.len()];
        image[..FLAG].copy_from_slice(&self.header(profile.card_id));
        self.journal.format(&mut image);
        self.tries.format(&mut image);
        image[STATE] = profile.life_cycle as u8;
        image[LINK..NEWEST_DAY].copy_from_slice(&first.0);
        image[COUNTER..LAST].copy_from_slice(&profile.transaction_counter.to_be_bytes());
        // A card that has counted before has a past (REQ-LIF-2).
        image[HISTORY] = u8::from(profile.transaction_counter != 0);
        for (place, card) in self.cards.iter().zip(&profile.logical_cards) {
            image[place.offset..place.offset + 4].copy_from_slice(&card.balance.to_be_bytes());
            image[place.offset + 4..place.offset + 8].copy_from_slice(&card.counter.to_be_bytes());
        }
        image
    }

    /// Whose image this is; `None` where it is no purse's.
    pub(super) fn card_of(image: &[u8]) -> Option<CardId> {
        let id = image.strip_prefix(&MARK)?.first_chunk()?;
        Some(CardId(*id))
    }

    /// Whether this is an image of that card with this layout.
    pub(super) fn fits(&self, image: &[u8], card: CardId) -> bool {
        image.len() == self.len() && image.starts_with(&self.header(card))
    }
}

/// A working copy of all that a transaction can change.
#[derive(Debug)]
pub(super) struct Image<'a> {
    layout: &'a Layout,
    draft: PendingWrites,
}

impl<'a> Image<'a> {
    pub(super) fn read(layout: &'a Layout, memory: &mut Memory) -> Result<Self, PowerLost> {
        Ok(Self { layout, draft: PendingWrites::read(memory, layout.changeable.clone())? })
    }

    /// All changes take effect, or none; durable on `Ok`.
    pub(super) fn commit(&self, memory: &mut Memory) -> Result<(), PowerLost> {
        self.layout.journal.commit(memory, &self.draft)
    }

    /// Where everything lies.
    pub(super) const fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// The working copy itself.
    pub(super) const fn draft(&self) -> &PendingWrites {
        &self.draft
    }

    fn number(&self, offset: usize) -> u32 {
        u32::from_be_bytes(self.draft.fixed(offset))
    }

    /// A code that is none cannot come from this card; the card is then as good as terminated.
    pub(super) fn life_cycle(&self) -> LifeCycle {
        LifeCycle::from_code(self.draft.at(STATE, 1)[0]).unwrap_or(LifeCycle::Terminated)
    }

    pub(super) fn set_life_cycle(&mut self, status: LifeCycle) {
        self.draft.set(STATE, &[status as u8]);
    }

    /// Whether anything but the life cycle was ever changed.
    pub(super) fn has_history(&self) -> bool {
        self.draft.at(HISTORY, 1) != [0]
    }

    pub(super) fn set_history(&mut self) {
        self.draft.set(HISTORY, &[1]);
    }

    pub(super) fn transaction_counter(&self) -> u32 {
        self.number(COUNTER)
    }

    pub(super) fn set_transaction_counter(&mut self, counter: u32) {
        self.draft.set(COUNTER, &counter.to_be_bytes());
    }

    pub(super) fn last_transaction(&self) -> TransactionId {
        TransactionId(self.draft.fixed(LAST))
    }

    pub(super) fn set_last_transaction(&mut self, transaction: &TransactionId) {
        self.draft.set(LAST, &transaction.0);
    }

    pub(super) fn link(&self) -> Link {
        Link(self.draft.fixed(LINK))
    }

    pub(super) fn set_link(&mut self, link: Link) {
        self.draft.set(LINK, &link.0);
    }

    /// Days since 2016-01-01 of the newest transaction that counts as the card's clock.
    pub(super) fn newest_day(&self) -> u16 {
        u16::from_be_bytes(self.draft.fixed(NEWEST_DAY))
    }

    pub(super) fn set_newest_day(&mut self, day: u16) {
        self.draft.set(NEWEST_DAY, &day.to_be_bytes());
    }

    /// `card` is the index of a logical card, here and below.
    pub(super) fn balance(&self, card: usize) -> u32 {
        self.number(self.layout.cards[card].offset)
    }

    pub(super) fn set_balance(&mut self, card: usize, balance: u32) {
        self.draft.set(self.layout.cards[card].offset, &balance.to_be_bytes());
    }

    pub(super) fn counter(&self, card: usize) -> u32 {
        self.number(self.layout.cards[card].offset + 4)
    }

    pub(super) fn set_counter(&mut self, card: usize, counter: u32) {
        self.draft.set(self.layout.cards[card].offset + 4, &counter.to_be_bytes());
    }

    /// A record of the linear file, from 1; `None` when there is none.
    pub(super) fn linear(&self, card: usize, record: u8) -> Option<[u8; RECORD_LEN]> {
        self.linear_offset(card, record).map(|offset| self.draft.fixed(offset))
    }

    /// `false` when there is no such record.
    pub(super) fn write_linear(&mut self, card: usize, record: u8, data: &[u8; RECORD_LEN]) -> bool {
        let offset = self.linear_offset(card, record);
        if let Some(offset) = offset {
            self.draft.set(offset, data);
        }
        offset.is_some()
    }

    fn linear_offset(&self, card: usize, record: u8) -> Option<usize> {
        let place = &self.layout.cards[card];
        let index = usize::from(record).checked_sub(1)?;
        (index < place.linear).then(|| place.linear_offset(index))
    }

    /// A record of the cyclic file, 1 the newest; `None` when there is none.
    pub(super) fn cyclic(&self, card: usize, record: u8) -> Option<[u8; RECORD_LEN]> {
        let place = &self.layout.cards[card];
        let back = usize::from(record);
        if back == 0 || back > place.cyclic {
            return None;
        }
        let index = (self.next_cyclic(card) + place.cyclic - back) % place.cyclic;
        Some(self.draft.fixed(place.cyclic_offset(index)))
    }

    /// `false` when there is no such file.
    pub(super) fn append_cyclic(&mut self, card: usize, data: &[u8; RECORD_LEN]) -> bool {
        let place = &self.layout.cards[card];
        if place.cyclic == 0 {
            return false;
        }
        let next = self.next_cyclic(card);
        self.draft.set(place.cyclic_offset(next), data);
        self.draft.set(place.offset + 8, &[((next + 1) % place.cyclic) as u8]);
        true
    }

    fn next_cyclic(&self, card: usize) -> usize {
        let place = &self.layout.cards[card];
        usize::from(self.draft.at(place.offset + 8, 1)[0]) % place.cyclic.max(1)
    }

    fn slot(&self, index: usize) -> usize {
        self.layout.ring + index * self.layout.slot_len
    }

    fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        (0..self.layout.slots).filter_map(|index| {
            let octets = self.draft.at(self.slot(index), SLOT_LEN);
            (octets[0] != EMPTY).then_some(Slot { index, octets })
        })
    }

    /// The receipt of this order.
    pub(super) fn find(&self, transaction: &TransactionId) -> Option<Slot<'_>> {
        self.slots().find(|slot| slot.transaction() == transaction.0)
    }

    /// The receipt with this TC.
    pub(super) fn find_counter(&self, counter: u32) -> Option<Slot<'_>> {
        self.slots().find(|slot| slot.counter() == counter)
    }

    /// All receipts, oldest first.
    pub(super) fn receipts(&self) -> Vec<Slot<'_>> {
        let mut slots: Vec<_> = self.slots().collect();
        slots.sort_unstable_by_key(Slot::counter);
        slots
    }

    /// Receipts that no terminal has acknowledged, oldest first, as far as `visible` lets them through.
    pub(super) fn unratified(&self, visible: impl Fn(&Slot<'_>) -> bool) -> Vec<Slot<'_>> {
        let mut slots: Vec<_> = self.slots().filter(|slot| !slot.is_acknowledged() && visible(slot)).collect();
        slots.sort_unstable_by_key(Slot::counter);
        slots
    }

    /// Places in the ring.
    pub(super) const fn places(&self) -> usize {
        self.layout.slots
    }

    /// Whether a terminal has acknowledged a receipt.
    pub(super) fn mark(&mut self, slot: usize, acknowledged: bool) {
        let offset = self.slot(slot);
        self.draft.set(offset, &[if acknowledged { ACKNOWLEDGED } else { UNRATIFIED }]);
    }

    /// What is left to refund of a receipt's debits of this logical card.
    pub(super) fn refundable(&self, slot: usize, card: usize) -> u32 {
        self.number(self.slot(slot) + SLOT_LEN + 4 * card)
    }

    pub(super) fn set_refundable(&mut self, slot: usize, card: usize, amount: u32) {
        let offset = self.slot(slot) + SLOT_LEN + 4 * card;
        self.draft.set(offset, &amount.to_be_bytes());
    }

    /// TC, last TTID, LINK and the receipt in this place of the ring, all at once. `debited` has an amount for each logical card.
    pub(super) fn close(&mut self, place: usize, body: &ReceiptBody, debited: &[u32]) {
        let octets = body.emit();
        let offset = self.slot(place);
        self.draft.set(offset, &[UNRATIFIED]);
        self.draft.set(offset + 1, &octets);
        for (card, amount) in debited.iter().enumerate().take(self.layout.cards.len()) {
            self.draft.set(offset + SLOT_LEN + 4 * card, &amount.to_be_bytes());
        }
        self.set_transaction_counter(body.transaction_counter);
        self.set_last_transaction(&body.transaction);
        self.set_link(body.link());
    }

    /// REQ-RNG-1: an empty place, else the oldest acknowledged, else the oldest.
    pub(super) fn place_for_receipt(&self) -> usize {
        let rank = |index: &usize| {
            let slot = Slot { index: *index, octets: self.draft.at(self.slot(*index), SLOT_LEN) };
            match slot.octets[0] {
                EMPTY => (0, 0),
                ACKNOWLEDGED => (1, slot.counter()),
                _ => (2, slot.counter()),
            }
        };
        (0..self.layout.slots).min_by_key(rank).unwrap_or(0)
    }
}

/// A receipt in the ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'a> {
    pub(super) index: usize,
    octets: &'a [u8],
}

impl<'a> Slot<'a> {
    /// The receipt's octets.
    pub(super) fn body(&self) -> &'a [u8] {
        &self.octets[1..]
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.octets[0] == ACKNOWLEDGED
    }

    pub(super) fn counter(&self) -> u32 {
        let body = self.body();
        u32::from_be_bytes([body[9], body[10], body[11], body[12]])
    }

    fn transaction(&self) -> &'a [u8] {
        &self.body()[13..29]
    }

    /// TID of the terminal that gave the order.
    pub(super) fn terminal(&self) -> &'a [u8] {
        &self.body()[13..21]
    }
}
