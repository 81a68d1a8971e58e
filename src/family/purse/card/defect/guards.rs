//! Secure messaging, rights and PIN with a deliberate defect.

use super::access::AccessDefect;
use super::rules::Wrong;
use crate::card::memory::Memory;
use crate::crypto::des::WeakKey;
use crate::family::purse::card::commands::Stop;
use crate::family::purse::card::guards::Guards;
use crate::family::purse::card::messaging::Session;
use crate::family::purse::card::personalisation::Personalisation;
use crate::family::purse::card::rules::Specified;
use crate::family::purse::data::{CardId, Link, Rights, Role, TransactionId, ins};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::keys::SessionKeys;
use crate::family::purse::profile::{LogicalCardProfile, PurseProfile};
use crate::secret::Secret;
use crate::wire::status::StatusWord;

impl Wrong {
    fn has(&self, defect: AccessDefect) -> bool {
        self.access == Some(defect)
    }

    /// What is taken from a command whose MAC or padding is wrong.
    fn open_wrong(&self, session: &mut Session, header: [u8; 4], data: &[u8]) -> Option<Vec<u8>> {
        let defect = self.access?;
        let (ciphertext, mac) = data.split_at_checked(data.len().checked_sub(session.keys.mac_len())?)?;
        let expected = |header| session.keys.command_mac(&session.chaining, header, ciphertext);
        let right = expected(header);
        if right.verify(mac) {
            let plaintext =
                (defect == AccessDefect::LongPaddingAccepted).then(|| long_padded(session, ciphertext))??;
            session.chaining = right;
            return Some(plaintext);
        }
        let mut counter = session.counter;
        let accepted = match defect {
            AccessDefect::CommandMacUnverified => true,
            AccessDefect::CommandMacInPart => right.as_bytes()[..4] == mac[..4],
            AccessDefect::CommandMacWithoutHeader => {
                let others = [ins::VERIFY, ins::READ, ins::GET_RECEIPT, ins::TRANSACT, ins::ACK];
                others.iter().any(|&ins| expected([header[0], ins, 0, 0]).verify(mac))
            }
            AccessDefect::DirectionsConfused => {
                let reversed = SessionKeys { mac: session.keys.rmac.clone(), ..session.keys.clone() };
                reversed.command_mac(&session.chaining, header, ciphertext).verify(mac)
            }
            AccessDefect::ReplayInSession => {
                counter -= 1;
                self.chaining_before
                    .is_some_and(|before| session.keys.command_mac(&before, header, ciphertext).verify(mac))
            }
            _ => false,
        };
        session.keys.decipher_command(counter as u8, ciphertext).filter(|_| accepted)
    }

    /// Whether a PIN that is right is accepted at once, without a try.
    fn spares_right_pin(&self) -> bool {
        let sparing =
            [AccessDefect::TrySpentAfterComparison, AccessDefect::BlockedPinCompared, AccessDefect::TryNotSpent];
        self.access.is_some_and(|defect| sparing.contains(&defect))
    }
}

/// The plaintext of a command whose padding is longer than a block.
fn long_padded(session: &Session, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let mut padded = session.keys.decipher_padded_command(session.counter as u8, ciphertext)?;
    let end = padded.iter().rposition(|&octet| octet != 0).filter(|&end| padded[end] == 0x80)?;
    padded.truncate(end);
    Some(padded)
}

impl Guards for Wrong {
    fn card_key(
        &self,
        scheme: &Scheme,
        profile: &PurseProfile,
        logical: &LogicalCardProfile,
        role: Role,
    ) -> Result<Secret<16>, WeakKey> {
        let is_given = profile.keys.debit_master.is_some() && logical.id == 1 && role == Role::Debit;
        if self.has(AccessDefect::DiversificationIgnored) && !is_given {
            return Ok(scheme.master(logical.operator, logical.id, role));
        }
        let mut profile = profile.clone();
        if self.has(AccessDefect::DiversificationTruncated) {
            profile.card_id.0[4..].fill(0);
        }
        Specified.card_key(scheme, &profile, logical, role)
    }

    fn first_link(&self, nonce: [u8; 16], card: CardId) -> Link {
        if self.has(AccessDefect::ChainBeginsWithZeros) { Link::default() } else { Specified.first_link(nonce, card) }
    }

    fn open(&mut self, session: &mut Session, header: [u8; 4], data: &[u8]) -> Option<Vec<u8>> {
        let before = session.chaining;
        let Some(plaintext) = session.open(header, data) else { return self.open_wrong(session, header, data) };
        self.chaining_before = Some(before);
        if self.has(AccessDefect::MacUnchained) {
            session.chaining = before;
        }
        Some(plaintext)
    }

    fn seal_answer(&self, session: &mut Session, plaintext: &[u8], status: StatusWord, answer: &mut Vec<u8>) {
        let counter = session.counter;
        if self.has(AccessDefect::ConstantIv) {
            session.counter = 1;
        }
        let covered = if self.has(AccessDefect::StatusOutsideMac) { StatusWord::OK } else { status };
        session.seal(plaintext, covered, answer);
        let is_bare = match self.access {
            Some(AccessDefect::AnswerWithoutMac) => status == StatusWord::OK,
            Some(AccessDefect::RefusalWithoutMac) => status != StatusWord::OK,
            _ => false,
        };
        if is_bare {
            answer.truncate(answer.len() - session.keys.mac_len());
        }
        session.counter = if self.has(AccessDefect::CounterStuck) { counter } else { counter + 1 };
    }

    fn goes_on(&self, session: &Session) -> bool {
        self.has(AccessDefect::CounterWraps) || session.goes_on()
    }

    fn may_read(&self, session: &Session) -> bool {
        self.has(AccessDefect::ReadWithoutRight) || Specified.may_read(session)
    }

    fn reaches(&self, session: &Session, index: usize) -> bool {
        match self.access {
            Some(AccessDefect::ListIgnored) => true,
            Some(AccessDefect::ListedUnreadable) => index == 0,
            _ => Specified.reaches(session, index),
        }
    }

    fn may_fetch(&self, session: &Session) -> bool {
        self.has(AccessDefect::ReceiptWithoutRight) || Specified.may_fetch(session)
    }

    fn may_acknowledge(&self, session: &Session, transaction: &TransactionId) -> bool {
        match self.access {
            Some(AccessDefect::AckWithoutRight) => true,
            Some(AccessDefect::AckOwnOnly) => transaction.terminal() == session.terminal,
            _ => Specified.may_acknowledge(session, transaction),
        }
    }

    fn verify(
        &self,
        person: &Personalisation,
        memory: &mut Memory,
        session: &mut Session,
        plaintext: &[u8],
    ) -> Result<(), Stop> {
        let tries = &person.layout.tries;
        let (before, rights) = (session.verified, session.rights);
        let is_pin = (4..=12).contains(&plaintext.len()) && plaintext.iter().all(u8::is_ascii_digit);
        let right = person.pin.as_ref().is_some_and(|pin| self.is_pin(plaintext, pin.expose()));
        if session.may(Rights::DEBIT) && person.pin.is_some() {
            if !is_pin && self.has(AccessDefect::NoPinCostsTry) {
                tries.spend(memory)?;
            }
            if is_pin && right && self.spares_right_pin() {
                tries.restore(memory)?;
                session.verified = true;
                return Ok(());
            }
            if is_pin && !right && self.has(AccessDefect::TryNotSpent) {
                session.verified = false;
                return Err(StatusWord::tries_left(tries.left(memory)?).into());
            }
        }
        if self.has(AccessDefect::VerifyWithoutRight) {
            session.rights = rights | Rights::DEBIT;
        }
        let left = tries.left(memory)?;
        let verified = verify_rightly(self, person, memory, session, plaintext);
        session.rights = rights;
        match (self.access, verified) {
            (Some(AccessDefect::AbsentPinAccepted), Err(Stop::Refused(StatusWord::REFERENCED_DATA_NOT_FOUND))) => {
                session.verified = true;
                Ok(())
            }
            (Some(AccessDefect::TriesKeptAtSuccess), Ok(())) => {
                while tries.left(memory)? >= left && tries.spend(memory)? {}
                Ok(())
            }
            (Some(AccessDefect::TriesOffByOne), Err(Stop::Refused(StatusWord(word)))) if word & 0xFFF0 == 0x63C0 => {
                Err(StatusWord(word + 1).into())
            }
            (Some(AccessDefect::WrongPinKeepsVerification), Err(stop)) => {
                session.verified = before;
                Err(stop)
            }
            (_, verified) => verified,
        }
    }

    fn is_pin(&self, digits: &[u8], pin: &[u8]) -> bool {
        let compared =
            if self.has(AccessDefect::PinComparedInPart) { digits.get(..4).unwrap_or(digits) } else { digits };
        Specified.is_pin(compared, pin)
    }
}

/// VERIFY as it is specified, with the comparison of these rules.
fn verify_rightly(
    wrong: &Wrong,
    person: &Personalisation,
    memory: &mut Memory,
    session: &mut Session,
    plaintext: &[u8],
) -> Result<(), Stop> {
    /// Only the comparison.
    struct Comparing<'a>(&'a Wrong);
    impl Guards for Comparing<'_> {
        fn is_pin(&self, digits: &[u8], pin: &[u8]) -> bool {
            self.0.is_pin(digits, pin)
        }
    }
    Comparing(wrong).verify(person, memory, session, plaintext)
}
