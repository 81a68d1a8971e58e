//! The virtual stamp card.

use untorn::card::application::{Application, Request};
use untorn::card::chip::Chip;
use untorn::card::memory::{Memory, PowerLost};
use untorn::card::transaction::{Draft, FLAG_LEN, Journal};
use untorn::family::profile::{Row, Section, Sheet, ShownApplication};
use untorn::wire::status::StatusWord;

pub(crate) const AID: &[u8] = b"\xF0STAMPS";
pub(crate) const CLASS: u8 = 0x80;
const FULL: u8 = 10;
const TERMS: &str = "Ten stamps are one coffee. ";

pub(crate) mod ins {
    pub(crate) const ADD_STAMP: u8 = 0x32;
    pub(crate) const REDEEM: u8 = 0x34;
    pub(crate) const FIND_VISIT: u8 = 0x36;
    pub(crate) const GET: u8 = 0xCA;
}

// Memory: flag and journal of the atomic step, then the values.
const JOURNAL_LEN: usize = 32;
const STAMPS: usize = FLAG_LEN + JOURNAL_LEN;
const COFFEES: usize = STAMPS + 1;
const VISIT: usize = COFFEES + 2;
const END: usize = VISIT + VISIT_LEN;
/// Octets of the memory.
pub const IMAGE_LEN: usize = END;
const VISIT_LEN: usize = 4;
/// The visit that nobody makes: what a fresh card has been stamped for.
const NO_VISIT: [u8; VISIT_LEN] = [0xFF; VISIT_LEN];

untorn::defects! {
    /// A deliberate defect of the stamp card.
    pub enum StampDefect {
        StampWithoutJournal => ("stamp-without-journal", true, "ADD STAMP writes its values one after the other."),
        StampedTwice => ("stamped-twice", true, "ADD STAMP for the visit that was stamped last adds another stamp."),
        RedeemedWithNine => ("redeemed-with-nine", true, "REDEEM does with nine stamps."),
    }
}

/// A card without stamps and without power.
pub fn fresh(defect: Option<StampDefect>) -> Chip<StampApplication> {
    let mut image = vec![0; END];
    JOURNAL.format(&mut image);
    image[VISIT..].copy_from_slice(&NO_VISIT);
    Chip::new(StampApplication { defect }, Memory::from_image(image))
}

/// Where the atomic step keeps its journal.
const JOURNAL: Journal = Journal { flag: 0, area: FLAG_LEN..STAMPS };

/// The application of the chip.
pub struct StampApplication {
    defect: Option<StampDefect>,
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
            [CLASS, ins::ADD_STAMP | ins::REDEEM | ins::FIND_VISIT, 0, 0] | [CLASS, ins::GET, 0, 0 | 1] => Ok(()),
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
        request: &Request<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        let mut draft = Draft::read(memory, STAMPS..END)?;
        let visit: Option<[u8; VISIT_LEN]> = request.data.try_into().ok();
        let status = match (request.header, visit) {
            ([_, ins::ADD_STAMP, ..], Some(NO_VISIT)) => StatusWord::WRONG_DATA,
            ([_, ins::ADD_STAMP, ..], Some(visit)) => self.add_stamp(memory, &mut draft, visit)?,
            ([_, ins::FIND_VISIT, ..], Some(visit)) if visit != NO_VISIT && visit == draft.fixed(VISIT) => {
                StatusWord::OK
            }
            ([_, ins::FIND_VISIT, ..], Some(_)) => StatusWord::REFERENCED_DATA_NOT_FOUND,
            ([_, ins::REDEEM, ..], None) if request.data.is_empty() => self.redeem(memory, &mut draft)?,
            ([_, ins::GET, _, 1], None) if request.data.is_empty() => {
                answer.extend(TERMS.repeat(12).bytes());
                return Ok(StatusWord::OK);
            }
            ([_, ins::GET, ..], None) if request.data.is_empty() => StatusWord::OK,
            _ => StatusWord::WRONG_LENGTH,
        };
        if status == StatusWord::OK && request.header[1] != ins::FIND_VISIT {
            answer.extend(draft.at(STAMPS, VISIT - STAMPS));
        }
        Ok(status)
    }
}

impl StampApplication {
    fn add_stamp(
        &self,
        memory: &mut Memory,
        draft: &mut Draft,
        visit: [u8; VISIT_LEN],
    ) -> Result<StatusWord, PowerLost> {
        let [stamps] = draft.fixed(STAMPS);
        if draft.fixed(VISIT) == visit && self.defect != Some(StampDefect::StampedTwice) {
            return Ok(StatusWord::OK);
        }
        if stamps == FULL {
            return Ok(StatusWord::CONDITIONS_NOT_SATISFIED);
        }
        draft.set(STAMPS, &[stamps + 1]);
        draft.set(VISIT, &visit);
        if self.defect == Some(StampDefect::StampWithoutJournal) {
            memory.write(STAMPS, &[stamps + 1])?;
            memory.write(VISIT, &visit)?;
            return Ok(StatusWord::OK);
        }
        JOURNAL.commit(memory, draft)?;
        Ok(StatusWord::OK)
    }

    fn redeem(&self, memory: &mut Memory, draft: &mut Draft) -> Result<StatusWord, PowerLost> {
        let [stamps] = draft.fixed(STAMPS);
        let needed = if self.defect == Some(StampDefect::RedeemedWithNine) { FULL - 1 } else { FULL };
        if stamps < needed {
            return Ok(StatusWord::CONDITIONS_NOT_SATISFIED);
        }
        let coffees = u16::from_be_bytes(draft.fixed(COFFEES)).saturating_add(1);
        draft.set(STAMPS, &[0]);
        draft.set(COFFEES, &coffees.to_be_bytes());
        JOURNAL.commit(memory, draft)?;
        Ok(StatusWord::OK)
    }
}

/// The card with this saved memory; `None` where it is not one.
pub fn restored(image: Vec<u8>) -> Option<Chip<StampApplication>> {
    (image.len() == IMAGE_LEN).then(|| Chip::new(StampApplication { defect: None }, Memory::from_image(image)))
}

impl ShownApplication for StampApplication {
    fn sheet(&self, memory: &Memory) -> Sheet {
        let [stamps, high, low] = [0, 1, 2].map(|offset| memory.image()[STAMPS + offset]);
        let coffees = u16::from_be_bytes([high, low]);
        let rows = vec![Row::new("stamps", stamps.to_string()), Row::new("coffees", coffees.to_string())];
        let json = serde_json::json!({ "stamps": stamps, "coffees": coffees });
        Sheet { sections: vec![Section { title: "Stamp card".to_owned(), rows }], json }
    }
}
