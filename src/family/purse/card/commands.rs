//! The commands inside a session: VERIFY, READ, GET RECEIPT, TRANSACT, ACK (specs/purse.md, clauses 6 to 8).

use std::sync::Arc;

use super::Purse;
use super::defect::access::AccessDefect;
use super::image::Image;
use super::messaging::Session;
use super::rules::{Rules, Wanted};
use super::transact::{self, Outcome};
use crate::card::memory::{Memory, PowerLost};
use crate::family::purse::data::transact::{FILE_CYCLIC, FILE_LINEAR};
use crate::family::purse::data::{Rights, TransactionId, ins};
use crate::secret::equal_in_constant_time;
use crate::wire::status::StatusWord;

/// Octets of a PIN as compared: length, then digits and filling.
const PIN_BLOCK_LEN: usize = 13;

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
            ins::VERIFY => self.verify(memory, session, plaintext),
            ins::READ => self.read(memory, session, plaintext, data),
            ins::GET_RECEIPT => self.get_receipt(memory, session, [p1, p2], plaintext, data),
            ins::TRANSACT => self.transact(memory, session, plaintext, data),
            _ => self.acknowledge(memory, session, plaintext),
        }
    }

    /// Clause 8. The try is spent, durably, before the PIN is looked at.
    fn verify(&self, memory: &mut Memory, session: &mut Session, plaintext: &[u8]) -> Result<(), Stop> {
        session.verified &= self.has(AccessDefect::WrongPinKeepsVerification);
        // REQ-CMD-1: a wrong length comes before security.
        if !(4..=12).contains(&plaintext.len()) && !self.has(AccessDefect::NoPinCostsTry) {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        // Only who may debit needs it, and a terminal for enquiries must not burn tries.
        require(session.may(Rights::DEBIT) || self.has(AccessDefect::VerifyWithoutRight))?;
        let Some(pin) = &self.person.pin else {
            session.verified = self.has(AccessDefect::AbsentPinAccepted);
            return if session.verified { Ok(()) } else { Err(StatusWord::REFERENCED_DATA_NOT_FOUND.into()) };
        };
        let tries = &self.person.layout.tries;
        if let Err(refusal) = check_pin_format(plaintext) {
            if self.has(AccessDefect::NoPinCostsTry) {
                tries.spend(memory)?;
            }
            return Err(refusal.into());
        }
        let compared = if self.has(AccessDefect::PinComparedInPart) { &plaintext[..4] } else { plaintext };
        let right = equal_in_constant_time(&pin_block(compared), &pin_block(pin.expose()));
        let unspent = match self.access_defect {
            Some(AccessDefect::TrySpentAfterComparison | AccessDefect::BlockedPinCompared) => right,
            Some(AccessDefect::TryNotSpent) => true,
            _ => false,
        };
        if !unspent && !tries.spend(memory)? {
            return Err(StatusWord::AUTHENTICATION_BLOCKED.into());
        }
        if !right {
            let left = tries.left(memory)? + u8::from(self.has(AccessDefect::TriesOffByOne));
            return Err(StatusWord::tries_left(left).into());
        }
        if !self.has(AccessDefect::TriesKeptAtSuccess) {
            tries.restore(memory)?;
        }
        session.verified = true;
        Ok(())
    }

    fn read(&self, memory: &mut Memory, session: &Session, plaintext: &[u8], data: &mut Vec<u8>) -> Result<(), Stop> {
        let &[id, file, record] = plaintext else { return Err(StatusWord::WRONG_LENGTH.into()) };
        require(session.may(Rights::READ) || self.has(AccessDefect::ReadWithoutRight))?;
        let reached = |index: &usize| match self.access_defect {
            Some(AccessDefect::ListIgnored) => true,
            Some(AccessDefect::ListedUnreadable) => *index == 0,
            _ => session.logical_cards.contains(index),
        };
        let index = self.person.index_of(id).filter(reached);
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
        require(session.may(Rights::READ) || self.has(AccessDefect::ReceiptWithoutRight))?;
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
            Ok(Outcome::Repeated(body)) => body,
            Ok(Outcome::ToCommit(body)) => {
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
        let own = transaction.terminal() == session.terminal || self.has(AccessDefect::AckWithoutRight);
        require(own || session.may(Rights::COLLECT) && !self.has(AccessDefect::AckOwnOnly))?;
        let mut image = Image::read(&self.person.layout, memory)?;
        self.rules.acknowledge(&mut image, &transaction)?;
        // Nothing is written where nothing changed.
        self.rules.commit(&image, memory)?;
        Ok(())
    }
}

/// What is no PIN: by its length, by its characters (REQ-PIN-3).
fn check_pin_format(plaintext: &[u8]) -> Result<(), StatusWord> {
    if !(4..=12).contains(&plaintext.len()) {
        return Err(StatusWord::WRONG_LENGTH);
    }
    if !plaintext.iter().all(u8::is_ascii_digit) {
        return Err(StatusWord::WRONG_DATA);
    }
    Ok(())
}

/// Length and digits in a field of fixed length, so that the comparison takes the same time for every PIN.
fn pin_block(digits: &[u8]) -> [u8; PIN_BLOCK_LEN] {
    let mut block = [0; PIN_BLOCK_LEN];
    block[0] = digits.len() as u8;
    block[1..].iter_mut().zip(digits).for_each(|(place, digit)| *place = *digit);
    block
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
