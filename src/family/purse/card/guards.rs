//! Who may do what, and what the card believes: secure messaging, rights and PIN. Each rule has a name and stands here, as those by
//! which value moves stand in [`super::rules`].

use super::auth::{Agreement, Epc1Auth, Offer, on};
use super::commands::Stop;
use super::messaging::Session;
use super::personalisation::Personalisation;
use crate::card::memory::Memory;
use crate::crypto::des::WeakKey;
use crate::crypto::ec::{POINT_LEN, Point};
use crate::entropy::Entropy;
use crate::family::purse::data::session::{Certificate, Options, Subject};
use crate::family::purse::data::{CardId, Link, Rights, Role, Suite, TransactionId};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::keys::epc2::FirstHalf;
use crate::family::purse::keys::{SessionKeys, epc1};
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

    // SELECT and AUTH (clauses 2 to 4).

    /// What SELECT offers (REQ-SEL-1).
    fn offer(&mut self, person: &Personalisation, channel: u8, entropy: &mut dyn Entropy) -> Offer {
        Offer::fresh(person, channel, entropy)
    }

    /// Whether an offer is good on this channel.
    fn is_good_on(&self, offer: &Offer, channel: u8) -> bool {
        offer.channel == channel
    }

    /// The options that an AUTH asks for.
    fn options(&self, opts: &[u8]) -> Option<Options> {
        Options::parse(opts).ok()
    }

    /// Whether this is the version of the card's keys.
    fn is_key_version(&self, asked: u8, own: u8) -> bool {
        asked == own
    }

    /// The card's part of what the session keys depend on.
    fn card_nonce(&self, offered: [u8; 8]) -> [u8; 8] {
        offered
    }

    /// The keys that open a session of this role with this list: one, folded (REQ-AU1-3).
    fn role_keys(&self, person: &Personalisation, role: Role, logical_cards: &[usize]) -> Vec<Secret<16>> {
        person.folded_key(role, logical_cards).into_iter().collect()
    }

    /// What a role may do.
    fn role_rights(&self, role: Role) -> Rights {
        role.rights()
    }

    /// The keys that both sides have agreed on.
    fn agreed(&self, _suite: Suite, keys: SessionKeys) -> Option<SessionKeys> {
        Some(keys)
    }

    /// The keys of the session, once the terminal has proved itself.
    fn session_keys(&self, keys: SessionKeys) -> SessionKeys {
        keys
    }

    /// Whether the terminal's tag is right under EPC1.
    fn is_epc1_tag(&self, auth: &Epc1Auth<'_>, keys: &SessionKeys) -> bool {
        auth.expected(keys, auth.r0, auth.opts).verify(auth.tag)
    }

    /// Whether the terminal's tag is right under EPC2; `half` makes the one over another R0 or other options.
    fn is_epc2_tag(&self, tag: &[u8], r0: &[u8], opts: &[u8], half: &dyn Fn(&[u8], &[u8]) -> FirstHalf) -> bool {
        half(r0, opts).terminal_tag().verify(tag)
    }

    /// The terminal's ephemeral key (REQ-AU2-1).
    fn point(&self, octets: &[u8; POINT_LEN]) -> Option<Agreement> {
        Point::new(octets).ok().map(on)
    }

    /// The key in a certificate that this authority has signed.
    fn certified(&self, certificate: &Certificate, authority: &Point) -> Option<Agreement> {
        certificate.verify(authority).ok().map(on)
    }

    /// Whether a certificate had ended on the newest day that the card knows.
    fn has_ended(&self, not_after: u16, newest_day: u16) -> bool {
        not_after < newest_day
    }

    /// Whether a certificate is for a terminal.
    fn is_terminal(&self, subject: Subject) -> bool {
        subject == Subject::Terminal
    }

    /// Whether a certificate permits this logical card (REQ-AU2-3).
    fn permits(&self, certificate: &Certificate, logical_card: u8) -> bool {
        certificate.rights.permits_logical_card(logical_card)
    }

    /// What a certificate gives the right to.
    fn certified_rights(&self, certificate: &Certificate) -> Rights {
        Rights(certificate.rights.0 & 0x00FF)
    }

    /// Up to which day the session moves the card's clock.
    fn valid_until(&self, certificate: Option<&Certificate>) -> Option<u16> {
        certificate.map(|certificate| certificate.not_after)
    }

    /// Whether STATE shows the unratified receipts of all terminals (REQ-SES-6).
    fn collects(&self, rights: Rights) -> bool {
        rights.contains(Rights::COLLECT)
    }

    /// How an AUTH is refused: one status word for every reason, and nothing else (REQ-AU1-2).
    fn refuse_auth(&self, _person: &Personalisation, _reference: (Suite, u8), _answer: &mut Vec<u8>) -> StatusWord {
        StatusWord::SECURITY_STATUS_NOT_SATISFIED
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
