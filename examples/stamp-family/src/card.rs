//! The virtual stamp card.

use std::sync::Arc;

use untorn::card::application::{Application, WholeCommand};
use untorn::card::chip::Chip;
use untorn::card::memory::{Memory, PowerLost};
use untorn::card::transaction::{CommitArea, FLAG_LEN, PendingWrites};
use untorn::family::profile::{Row, Section, Sheet, ShownApplication};
use untorn::time::Moment;
use untorn::wire::status::StatusWord;

use crate::data::{
    AID, CLASS, COFFEE, CardId, Deed, NO_VISIT, Order, Picture, RING, Receipt, VISIT_LEN, Visit, VisitId, ins,
};

const TERMS: &str = "Ten stamps are one coffee. ";

// Memory: the card's id, flag and journal of the atomic step, then the values.
const ID_LEN: usize = 8;
const FLAG: usize = ID_LEN;
const AREA: usize = FLAG + FLAG_LEN;
const COUNTER: usize = AREA + 48;
const STAMPS: usize = COUNTER + 4;
const COFFEES: usize = STAMPS + 1;
const VISITS: usize = COFFEES + 2;
/// Octets of the memory.
pub const IMAGE_LEN: usize = VISITS + RING * VISIT_LEN;

/// What only an order under way uses.
pub(crate) const SCRATCH: std::ops::Range<usize> = FLAG..COUNTER;

/// Where the atomic step keeps its journal.
const JOURNAL: CommitArea = CommitArea { flag: FLAG, area: AREA..COUNTER };

/// The rules of an order, as they must be. A card with a defect has one of them in another way (`crate::defects`).
pub(crate) trait Rules: Send + Sync {
    /// Whether an order for a visit that the card remembers is that visit's, and does nothing more.
    fn is_once(&self) -> bool {
        true
    }

    /// Whether an order names the right card.
    fn is_this_card(&self, own: CardId, named: CardId) -> bool {
        own == named
    }

    /// Whether an order names the right counter.
    fn is_next(&self, counter: u32, named: u32) -> bool {
        counter.checked_add(1) == Some(named)
    }

    /// How many stamps there are afterwards.
    fn after(&self, deed: Deed, stamps: u8) -> Option<u8> {
        deed.after(stamps)
    }

    /// All of it takes effect, or nothing.
    fn commit(&self, memory: &mut Memory, draft: &PendingWrites) -> Result<(), PowerLost> {
        JOURNAL.commit(memory, draft)
    }
}

/// The rules as they must be.
pub(crate) struct Specified;

impl Rules for Specified {}

/// The parts of a commit, for a card that writes them one after the other.
pub(crate) fn parts(draft: &PendingWrites) -> [(usize, Vec<u8>); 2] {
    [(COUNTER, VISITS - COUNTER), (VISITS, IMAGE_LEN - VISITS)].map(|(at, len)| (at, draft.at(at, len).to_vec()))
}

/// The application of the chip.
#[derive(Clone)]
pub struct StampApplication {
    id: CardId,
    rules: Arc<dyn Rules>,
}

/// A card without stamps and without power.
pub(crate) fn fresh(id: CardId, rules: Arc<dyn Rules>) -> Chip<StampApplication> {
    let mut image = vec![0; IMAGE_LEN];
    image[..ID_LEN].copy_from_slice(&id);
    JOURNAL.format(&mut image);
    Chip::new(StampApplication { id, rules }, Memory::from_image(image))
}

/// The card with this saved memory; `None` where it is not one.
pub(crate) fn restored(image: Vec<u8>) -> Option<Chip<StampApplication>> {
    let id = id_in(&image).filter(|_| image.len() == IMAGE_LEN)?;
    Some(Chip::new(StampApplication { id, rules: Arc::new(Specified) }, Memory::from_image(image)))
}

/// Whose memory begins so.
pub(crate) fn id_in(start: &[u8]) -> Option<CardId> {
    start.first_chunk().copied()
}

/// What the card holds, by these octets from the counter on.
fn picture(id: CardId, values: &PendingWrites) -> Picture {
    let counter = u32::from_be_bytes(values.fixed(COUNTER));
    let [stamps] = values.fixed(STAMPS);
    let newest_first = (0..RING as u32).filter_map(|back| counter.checked_sub(back)).filter(|counter| *counter > 0);
    // A place that holds no visit ends what can be told: the memory of a card that was cut in the middle may hold anything.
    let visits = newest_first.map_while(|counter| Visit::parse(values.at(place(counter), VISIT_LEN)).ok()).collect();
    Picture { card: id, counter, stamps, coffees: u16::from_be_bytes(values.fixed(COFFEES)), visits }
}

/// Where the visit that made the counter this lies.
fn place(counter: u32) -> usize {
    VISITS + counter as usize % RING * VISIT_LEN
}

impl Application for StampApplication {
    fn power_up(&mut self, memory: &mut Memory) -> Result<(), PowerLost> {
        JOURNAL.recover(memory).map(drop)
    }

    fn answers_to(&self, aid: &[u8]) -> bool {
        aid == AID
    }

    fn select(&mut self, _: &mut Memory, _channel: u8, answer: &mut Vec<u8>) -> Result<StatusWord, PowerLost> {
        // ISO/IEC 7816-4:2020, 7.4.3: control information 6F, the name of the application in 84.
        answer.extend([0x6F, AID.len() as u8 + 2, 0x84, AID.len() as u8]);
        answer.extend(AID);
        Ok(StatusWord::OK)
    }

    /// Nothing is kept by channel.
    fn close(&mut self, _channel: u8) {}

    fn knows_class(&self, cla: u8) -> bool {
        cla == CLASS
    }

    fn admit(&mut self, _channel: u8, header: [u8; 4]) -> Result<(), StatusWord> {
        match header {
            [CLASS, ins::ADD_STAMP | ins::REDEEM | ins::FIND_VISIT, 0, 0] | [CLASS, ins::GET, 0, 0..=2] => Ok(()),
            [CLASS, ins::ADD_STAMP | ins::REDEEM | ins::FIND_VISIT | ins::GET, ..] => Err(StatusWord::WRONG_P1P2),
            _ => Err(StatusWord::INS_NOT_SUPPORTED),
        }
    }

    fn is_chainable(&self, header: [u8; 4]) -> bool {
        header[1] == ins::FIND_VISIT
    }

    fn process(
        &mut self,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        let mut draft = PendingWrites::read(memory, COUNTER..IMAGE_LEN)?;
        let held = picture(self.id, &draft);
        let [_, instruction, _, p2] = request.header;
        let deed = match instruction {
            ins::ADD_STAMP => Deed::Stamp,
            ins::REDEEM => Deed::Coffee,
            ins::FIND_VISIT => return Ok(find(&held, request.data, answer)),
            _ if !request.data.is_empty() => return Ok(StatusWord::WRONG_LENGTH),
            _ => {
                match p2 {
                    0 => answer.extend(draft.at(STAMPS, VISITS - STAMPS)),
                    1 => answer.extend(TERMS.repeat(12).bytes()),
                    _ => answer.extend(held.emit()),
                }
                return Ok(StatusWord::OK);
            }
        };
        let Ok(order) = Order::parse(request.data) else { return Ok(StatusWord::WRONG_LENGTH) };
        match self.carry_out(memory, &mut draft, &held, deed, &order)? {
            Ok(receipt) => {
                answer.extend(receipt.emit());
                Ok(StatusWord::OK)
            }
            Err(refusal) => Ok(refusal),
        }
    }
}

fn receipt_of(held: &Picture, id: VisitId) -> Option<Receipt> {
    let back = held.visits.iter().position(|visit| visit.id == id)?;
    Some(Receipt { counter: held.counter - back as u32, visit: held.visits[back] })
}

fn find(held: &Picture, data: &[u8], answer: &mut Vec<u8>) -> StatusWord {
    let Ok(id) = VisitId::try_from(data) else { return StatusWord::WRONG_LENGTH };
    let Some(receipt) = receipt_of(held, id) else { return StatusWord::REFERENCED_DATA_NOT_FOUND };
    answer.extend(receipt.emit());
    StatusWord::OK
}

impl StampApplication {
    fn carry_out(
        &self,
        memory: &mut Memory,
        draft: &mut PendingWrites,
        held: &Picture,
        deed: Deed,
        order: &Order,
    ) -> Result<Result<Receipt, StatusWord>, PowerLost> {
        if !self.rules.is_this_card(self.id, order.card) || order.visit == NO_VISIT {
            return Ok(Err(StatusWord::WRONG_DATA));
        }
        if let Some(receipt) = receipt_of(held, order.visit).filter(|_| self.rules.is_once()) {
            return Ok(Ok(receipt));
        }
        let counter = held.counter.saturating_add(1);
        let stamps = self.rules.after(deed, held.stamps);
        let Some(stamps) = stamps.filter(|_| self.rules.is_next(held.counter, order.counter)) else {
            return Ok(Err(StatusWord::CONDITIONS_NOT_SATISFIED));
        };
        let visit = Visit { id: order.visit, time: order.time, deed, stamps };
        let coffees = held.coffees.saturating_add(u16::from(deed == Deed::Coffee));
        draft.set(COUNTER, &counter.to_be_bytes());
        draft.set(STAMPS, &[stamps]);
        draft.set(COFFEES, &coffees.to_be_bytes());
        draft.set(place(counter), &visit.emit());
        self.rules.commit(memory, draft)?;
        Ok(Ok(Receipt { counter, visit }))
    }

    /// Which card it is.
    pub(crate) fn id(&self) -> CardId {
        self.id
    }

    /// What the card would find in this memory if it were powered on now.
    pub(crate) fn look(&self, memory: &Memory) -> Picture {
        let mut copy = memory.clone();
        copy.power_on();
        copy.disarm();
        // Without a cut no power is lost.
        let values = JOURNAL.recover(&mut copy).and_then(|_| PendingWrites::read(&mut copy, COUNTER..IMAGE_LEN));
        let nothing = Picture { card: self.id, counter: 0, stamps: 0, coffees: 0, visits: Vec::new() };
        values.map_or(nothing, |values| picture(self.id, &values))
    }
}

impl ShownApplication for StampApplication {
    fn sheet(&self, memory: &Memory) -> Sheet {
        let held = self.look(memory);
        let to_go = COFFEE.saturating_sub(held.stamps);
        let card = vec![
            Row::new("stamps", held.stamps.to_string()).and(format!("{to_go} to go")),
            Row::new("coffees", held.coffees.to_string()),
            Row::new("visits", held.counter.to_string()),
        ];
        let what = |visit: &Visit| if visit.deed == Deed::Stamp { "stamp" } else { "coffee" };
        let visit = |visit: &Visit| {
            Row::new(what(visit), Moment::from_seconds(visit.time).to_string()).and(format!("then {}", visit.stamps))
        };
        let visits: Vec<_> = held.visits.iter().map(visit).collect();
        let json = serde_json::json!({
            "stamps": held.stamps, "coffees": held.coffees, "counter": held.counter,
            "visits": held.visits.iter().map(what).collect::<Vec<_>>(),
        });
        let section = |title: &str, rows| Section { title: title.to_owned(), rows };
        Sheet { sections: vec![section("Stamp card", card), section("Last visits", visits)], json }
    }
}
