//! Who may do what, and what the card believes: secure messaging, rights and PIN. Each rule has a name and stands here, as those by
//! which value moves stand in [`super::rules`].

use super::commands::Stop;
use super::messaging::Session;
use super::personalisation::Personalisation;
use crate::card::memory::Memory;
use crate::crypto::des::WeakKey;
use crate::family::purse::data::{CardId, Link, Rights, Role, TransactionId};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::keys::epc1;
use crate::family::purse::profile::{LogicalCardProfile, PurseProfile};
use crate::secret::{Secret, equal_in_constant_time};
use crate::wire::status::StatusWord;

/// Octets of a PIN as compared: length, then digits and filling.
const PIN_BLOCK_LEN: usize = 13;

/// The rules. As they stand here they are those of the specification.
pub(in crate::family::purse) trait Guards {
    // Personalisation (clause 3).

    /// The card's key of a logical card for a role.
    fn card_key(
        &self,
        scheme: &Scheme,
        profile: &PurseProfile,
        logical: &LogicalCardProfile,
        role: Role,
    ) -> Result<Secret<16>, WeakKey> {
        match &profile.keys.debit_master {
            Some(master) if logical.id == 1 && role == Role::Debit => epc1::diversify(master, profile.card_id),
            _ => scheme.card_key(logical.operator, logical.id, role, profile.card_id),
        }
    }

    /// LINK of a new card: no two cards share a history (REQ-TRX-11).
    fn first_link(&self, nonce: [u8; 16], card: CardId) -> Link {
        Link::first(nonce, card)
    }

    // Secure messaging (clause 5).

    /// The plaintext of a command, if its MAC is right.
    fn open(&mut self, session: &mut Session, header: [u8; 4], data: &[u8]) -> Option<Vec<u8>> {
        session.open(header, data)
    }

    /// Appends an answer under the R-MAC.
    fn seal_answer(&self, session: &mut Session, plaintext: &[u8], status: StatusWord, answer: &mut Vec<u8>) {
        session.seal(plaintext, status, answer);
    }

    /// Whether another command may come.
    fn goes_on(&self, session: &Session) -> bool {
        session.goes_on()
    }

    // Rights (clause 5).

    /// Whether the session may READ.
    fn may_read(&self, session: &Session) -> bool {
        session.may(Rights::READ)
    }

    /// Whether READ reaches this logical card.
    fn reaches(&self, session: &Session, index: usize) -> bool {
        session.logical_cards.contains(&index)
    }

    /// Whether the session may GET RECEIPT.
    fn may_fetch(&self, session: &Session) -> bool {
        session.may(Rights::READ)
    }

    /// Whether the session may acknowledge this receipt (REQ-SES-4).
    fn may_acknowledge(&self, session: &Session, transaction: &TransactionId) -> bool {
        transaction.terminal() == session.terminal || session.may(Rights::COLLECT)
    }

    // The PIN (clause 8).

    /// VERIFY. The try is spent, durably, before the PIN is looked at.
    fn verify(
        &self,
        person: &Personalisation,
        memory: &mut Memory,
        session: &mut Session,
        plaintext: &[u8],
    ) -> Result<(), Stop> {
        session.verified = false;
        // REQ-CMD-1: a wrong length comes before security.
        if !(4..=12).contains(&plaintext.len()) {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        // Only who may debit needs it, and a terminal for enquiries must not burn tries.
        if !session.may(Rights::DEBIT) {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
        }
        let Some(pin) = &person.pin else { return Err(StatusWord::REFERENCED_DATA_NOT_FOUND.into()) };
        // What is no PIN by its characters (REQ-PIN-3).
        if !plaintext.iter().all(u8::is_ascii_digit) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let tries = &person.layout.tries;
        if !tries.spend(memory)? {
            return Err(StatusWord::AUTHENTICATION_BLOCKED.into());
        }
        if !self.is_pin(plaintext, pin.expose()) {
            return Err(StatusWord::tries_left(tries.left(memory)?).into());
        }
        tries.restore(memory)?;
        session.verified = true;
        Ok(())
    }

    /// Whether these digits are the PIN, in constant time.
    fn is_pin(&self, digits: &[u8], pin: &[u8]) -> bool {
        equal_in_constant_time(&pin_block(digits), &pin_block(pin))
    }
}

/// Length and digits in a field of fixed length, so that the comparison takes the same time for every PIN.
fn pin_block(digits: &[u8]) -> [u8; PIN_BLOCK_LEN] {
    let mut block = [0; PIN_BLOCK_LEN];
    block[0] = digits.len() as u8;
    block[1..].iter_mut().zip(digits).for_each(|(place, digit)| *place = *digit);
    block
}
