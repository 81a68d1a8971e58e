//! The commands inside a session: VERIFY, READ, GET RECEIPT, TRANSACT, ACK (specs/purse.md, clauses 6 to 8).

use std::sync::Arc;

use super::Purse;
use super::image::Image;
use super::messaging::Session;
use super::rules::{Rules, Wanted};
use super::transact::{self, Executed};
use crate::card::memory::{Memory, PowerLost};
use crate::family::purse::data::transact::{FILE_CYCLIC, FILE_LINEAR};
use crate::family::purse::data::{TransactionId, ins};
use crate::wire::status::StatusWord;

/// Why a command was not carried out.
pub(super) enum Stop {
    Refused(StatusWord),
    PowerLost(PowerLost),
}

impl<E, R: Rules> Purse<E, R> {
    pub(super) fn execute(
        &mut self,
        memory: &mut Memory,
        session: &mut Session,
        [_, ins, p1, p2]: [u8; 4],
        plaintext: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let defined = match ins {
            ins::VERIFY => (p1, p2) == (0, 1),
            ins::READ | ins::TRANSACT | ins::ACK => (p1, p2) == (0, 0),
            ins::GET_RECEIPT => p1 <= 1 && p2 <= 1,
            _ => return Err(StatusWord::INS_NOT_SUPPORTED.into()),
        };
        if !defined {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        match ins {
            ins::VERIFY => self.rules.verify(&self.person, memory, session, plaintext),
            ins::READ => self.read(memory, session, plaintext, data),
            ins::GET_RECEIPT => self.get_receipt(memory, session, [p1, p2], plaintext, data),
            ins::TRANSACT => self.transact(memory, session, plaintext, data),
            _ => self.acknowledge(memory, session, plaintext),
        }
    }

    fn read(&self, memory: &mut Memory, session: &Session, plaintext: &[u8], data: &mut Vec<u8>) -> Result<(), Stop> {
        let &[id, file, record] = plaintext else { return Err(StatusWord::WRONG_LENGTH.into()) };
        require(self.rules.may_read(session))?;
        let index = self.person.index_of(id).filter(|&index| self.rules.reaches(session, index));
        let index = index.ok_or(StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
        let image = Image::read(&self.person.layout, memory)?;
        let octets = match file {
            FILE_LINEAR => image.linear(index, record),
            FILE_CYCLIC => image.cyclic(index, record),
            _ => None,
        };
        data.extend_from_slice(&octets.ok_or(StatusWord::RECORD_NOT_FOUND)?);
        Ok(())
    }

    fn get_receipt(
        &mut self,
        memory: &mut Memory,
        session: &Session,
        [p1, p2]: [u8; 2],
        plaintext: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let key_len = if p2 == 0 { 16 } else { 4 };
        if plaintext.len() != key_len {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        require(self.rules.may_fetch(session))?;
        let person = Arc::clone(&self.person);
        if p1 == 1 && person.epc2.is_none() {
            return Err(StatusWord::FUNCTION_NOT_SUPPORTED.into());
        }
        let mut image = Image::read(&person.layout, memory)?;
        let wanted = match (<[u8; 16]>::try_from(plaintext), <[u8; 4]>::try_from(plaintext)) {
            (Ok(transaction), _) => Wanted::Transaction(TransactionId(transaction)),
            (_, Ok(counter)) => Wanted::Counter(u32::from_be_bytes(counter)),
            _ => return Err(StatusWord::WRONG_LENGTH.into()),
        };
        let slot = self.rules.receipt(&image, wanted)?.ok_or(StatusWord::REFERENCED_DATA_NOT_FOUND)?;
        let index = slot.index;
        data.extend_from_slice(slot.body());
        data.extend_from_slice(&self.rules.seal(&person, session.suite, p1 == 1, slot.body()));
        self.rules.hand_out(&mut image, index, memory)?;
        Ok(())
    }

    /// Clause 6, (a) to (g).
    fn transact(
        &mut self,
        memory: &mut Memory,
        session: &Session,
        plaintext: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let person = Arc::clone(&self.person);
        let mut image = Image::read(&person.layout, memory)?;
        let verified = session.verified || self.holder_verified;
        if !self.rules.hears_order(&image) {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED.into());
        }
        let outcome = transact::transact(&self.rules, &person, &mut image, session, verified, plaintext);
        let body = match outcome {
            Ok(Executed::Repeated(body)) => body,
            Ok(Executed::ToCommit(body)) => {
                self.rules.commit_order(&image, memory)?;
                body
            }
            Err(refusal) => {
                self.rules.refuse(&person, &image, memory)?;
                return Err(refusal.into());
            }
        };
        data.extend_from_slice(&body);
        data.extend_from_slice(person.receipt_key(session.suite).mac(&body).as_bytes());
        Ok(())
    }

    /// REQ-RNG-2, REQ-SES-4
    fn acknowledge(&self, memory: &mut Memory, session: &Session, plaintext: &[u8]) -> Result<(), Stop> {
        let transaction = TransactionId(plaintext.try_into().map_err(|_| StatusWord::WRONG_LENGTH)?);
        require(self.rules.may_acknowledge(session, &transaction))?;
        let mut image = Image::read(&self.person.layout, memory)?;
        self.rules.acknowledge(&mut image, &transaction)?;
        // Nothing is written where nothing changed.
        self.rules.commit(&image, memory)?;
        Ok(())
    }
}

impl From<StatusWord> for Stop {
    fn from(status: StatusWord) -> Self {
        Self::Refused(status)
    }
}

impl From<PowerLost> for Stop {
    fn from(lost: PowerLost) -> Self {
        Self::PowerLost(lost)
    }
}

fn require(right: bool) -> Result<(), Stop> {
    if right { Ok(()) } else { Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into()) }
}
