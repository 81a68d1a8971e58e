//! Secure messaging, rights and PIN with a deliberate defect.

use super::access::AccessDefect;
use super::keys::{off_curve, static_keys};
use super::rules::Wrong;
use crate::card::memory::Memory;
use crate::crypto::des::WeakKey;
use crate::crypto::ec::{POINT_LEN, Point};
use crate::entropy::Entropy;
use crate::family::purse::card::auth::{Agreement, Epc1Auth, Offer};
use crate::family::purse::card::commands::Stop;
use crate::family::purse::card::guards::Guards;
use crate::family::purse::card::messaging::Session;
use crate::family::purse::card::personalisation::Personalisation;
use crate::family::purse::card::rules::Specified;
use crate::family::purse::data::session::{Certificate, Options, Subject};
use crate::family::purse::data::{CardId, Link, Rights, Role, Suite, TransactionId, ins};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::keys::SessionKeys;
use crate::family::purse::keys::epc2::FirstHalf;
use crate::family::purse::profile::{LogicalCardProfile, PurseProfile};
use crate::secret::Secret;
use crate::wire::status::StatusWord;

impl Wrong {
    pub(super) fn has(&self, defect: AccessDefect) -> bool {
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

    fn offer(&mut self, person: &Personalisation, channel: u8, entropy: &mut dyn Entropy) -> Offer {
        self.wrong_offer(person, channel, entropy)
    }

    fn is_good_on(&self, offer: &Offer, channel: u8) -> bool {
        self.has(AccessDefect::NonceOfAnyChannel) || Specified.is_good_on(offer, channel)
    }

    fn options(&self, opts: &[u8]) -> Option<Options> {
        Specified.options(opts).or_else(|| self.has(AccessDefect::OptsUnchecked).then(Options::default))
    }

    fn is_key_version(&self, asked: u8, own: u8) -> bool {
        self.has(AccessDefect::KeyVersionIgnored) || Specified.is_key_version(asked, own)
    }

    fn card_nonce(&self, offered: [u8; 8]) -> [u8; 8] {
        if self.has(AccessDefect::CardNonceIgnored) { [0; 8] } else { Specified.card_nonce(offered) }
    }

    fn role_keys(&self, person: &Personalisation, role: Role, logical_cards: &[usize]) -> Vec<Secret<16>> {
        self.wrong_role_keys(person, role, logical_cards)
    }

    fn role_rights(&self, role: Role) -> Rights {
        match self.access {
            Some(AccessDefect::DebitKeyCredits) if role == Role::Debit => role.rights() | Rights::CREDIT,
            Some(AccessDefect::RefundKeyPowerless) if role == Role::Refund => Role::Read.rights(),
            _ => Specified.role_rights(role),
        }
    }

    fn agreed(&self, suite: Suite, keys: SessionKeys) -> Option<SessionKeys> {
        if self.has(AccessDefect::SessionKeyStatic) { static_keys(suite) } else { Specified.agreed(suite, keys) }
    }

    fn session_keys(&self, keys: SessionKeys) -> SessionKeys {
        if self.has(AccessDefect::EncryptionKeyIsMacKey) {
            return SessionKeys { enc: keys.mac.clone(), ..keys };
        }
        Specified.session_keys(keys)
    }

    fn is_epc1_tag(&self, auth: &Epc1Auth<'_>, keys: &SessionKeys) -> bool {
        Specified.is_epc1_tag(auth, keys) || self.wrong_epc1_tag(auth, keys)
    }

    fn is_epc2_tag(&self, tag: &[u8], r0: &[u8], opts: &[u8], half: &dyn Fn(&[u8], &[u8]) -> FirstHalf) -> bool {
        Specified.is_epc2_tag(tag, r0, opts, half) || self.wrong_epc2_tag(tag, r0, opts, half)
    }

    fn point(&self, octets: &[u8; POINT_LEN]) -> Option<Agreement> {
        let lax = self.has(AccessDefect::InvalidPointAccepted);
        Specified.point(octets).or_else(|| if lax { off_curve(octets) } else { None })
    }

    fn certified(&self, certificate: &Certificate, authority: &Point) -> Option<Agreement> {
        self.wrongly_certified(certificate, authority)
    }

    fn has_ended(&self, not_after: u16, newest_day: u16) -> bool {
        !self.has(AccessDefect::CertificateExpiryUnchecked) && Specified.has_ended(not_after, newest_day)
    }

    fn is_terminal(&self, subject: Subject) -> bool {
        self.has(AccessDefect::CertificateRoleUnchecked) || Specified.is_terminal(subject)
    }

    fn permits(&self, certificate: &Certificate, logical_card: u8) -> bool {
        self.has(AccessDefect::CertificateCardsIgnored) || Specified.permits(certificate, logical_card)
    }

    fn certified_rights(&self, certificate: &Certificate) -> Rights {
        match self.access {
            Some(AccessDefect::CertificateRightsIgnored) => Rights(0x00FF),
            Some(AccessDefect::CertificateRightsCut) => Rights(certificate.rights.0 & 0x0003),
            _ => Specified.certified_rights(certificate),
        }
    }

    fn valid_until(&self, certificate: Option<&Certificate>) -> Option<u16> {
        match (self.access, certificate) {
            (Some(AccessDefect::ClockByAnyone), None) | (Some(AccessDefect::ClockBeyondCertificate), Some(_)) => {
                Some(u16::MAX)
            }
            _ => Specified.valid_until(certificate),
        }
    }

    fn collects(&self, rights: Rights) -> bool {
        match self.access {
            Some(AccessDefect::AllReceiptsShown) => true,
            Some(AccessDefect::OwnReceiptsShown) => false,
            _ => Specified.collects(rights),
        }
    }

    fn refuse_auth(
        &self,
        person: &Personalisation,
        (suite, reference): (Suite, u8),
        answer: &mut Vec<u8>,
    ) -> StatusWord {
        let unknown = match suite {
            Suite::Epc1 => Role::from_code(reference >> 4).is_none(),
            Suite::Epc2 => reference != Scheme::AUTHORITY,
        };
        match self.access {
            Some(AccessDefect::RefusalTalks) => answer.extend_from_slice(&person.card.0),
            Some(AccessDefect::RefusalsDiffer) if unknown => return StatusWord::REFERENCED_DATA_NOT_FOUND,
            _ => {}
        }
        Specified.refuse_auth(person, (suite, reference), answer)
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
