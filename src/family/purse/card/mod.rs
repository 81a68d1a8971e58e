//! The virtual purse: commands, and who may give them when (specs/purse.md, clauses 1, 5, 7, 8).

#![allow(
    private_bounds,
    private_interfaces,
    reason = "the rules are the card's own: from outside there are those of the specification"
)]

mod auth;
mod commands;
pub mod defect;
mod guards;
mod image;
pub mod inspection;
mod messaging;
pub mod personalisation;
pub mod rules;
mod transact;

use std::sync::Arc;

use self::auth::{Found, Offer};
use self::commands::Stop;
use self::defect::access::{AccessDefect, Remembered};
use self::image::{FAILURES, Image, Layout};
use self::messaging::Session;
use self::personalisation::{Personalisation, PersonaliseError};
use self::rules::{Rules, Specified};
use super::data::session::{Certificate, State};
use super::data::{AID, CardId, Role, Suite, ins};
use super::issuer::Scheme;
use super::profile::PurseProfile;
use crate::card::application::{Application, Request};
use crate::card::chip::{Chip, ChipRules, Standard};
use crate::card::memory::{Memory, PowerLost};
use crate::crypto::ec::PrivateKey;
use crate::entropy::{Entropy, SeededEntropy};
use crate::wire::status::StatusWord;

const GET_DATA: u8 = 0xCA;
/// CLA of commands outside secure messaging.
const PLAIN: u8 = 0x80;
/// CLA of commands inside secure messaging.
const PROTECTED: u8 = 0x84;
/// First delay after a failed AUTH; it doubles with each.
const DELAY_FIRST_MS: u32 = 100;
/// Longest delay.
const DELAY_LONGEST_MS: u32 = 6_400;
/// Failures that lead to it; no more are counted, so that who keeps failing does not wear the memory out.
const FAILURES_MAX: u8 = 7;

/// GET DATA 0100: what a reader test can fetch without any key. Exactly 256 octets, the most that a short Le can ask for.
const ABOUT: &[u8; 256] = include_bytes!("about.txt");
/// GET DATA 0101: octet n is n modulo 251, so that pieces put together wrongly show.
const PATTERN_LEN: usize = 600;
const PATTERN_MODULUS: usize = 251;

/// The application. [`PurseCard`] is the card.
#[derive(Debug, Clone)]
pub struct Purse<E, R = Specified> {
    person: Arc<Personalisation>,
    entropy: E,
    offer: Option<Offer>,
    session: Option<Session>,
    /// Failed AUTHs in a row, as the memory says: a reset does not set them back.
    failures: u8,
    holder_verified: bool,
    access_defect: Option<AccessDefect>,
    remembered: Remembered,
    rules: R,
}

/// A virtual card with the purse on it.
///
/// It is `Clone` where its source of randomness is; a clone is a snapshot of image and volatile state.
///
/// ```
/// use untorn::card::{Answer, Card};
/// use untorn::entropy::SeededEntropy;
/// use untorn::family::purse::{card::PurseCard, issuer::Scheme, profile::PurseProfile};
/// let profile = PurseProfile::built_in("default").unwrap();
/// let mut card = PurseCard::personalise(&profile, &Scheme::test(), SeededEntropy::new(1)).unwrap();
/// assert_eq!(card.process(&[0x00, 0x70, 0x00, 0x00, 0x01]), Answer::Mute); // no power yet
/// assert!(card.reset().is_some());
/// assert_eq!(card.process(&[0x00, 0x70, 0x00, 0x00, 0x01]), Answer::Response(vec![0x01, 0x90, 0x00]));
/// assert_eq!(card.inspect().logical_cards[0].balance, 17_080);
/// ```
pub type PurseCard<E = Box<dyn Entropy>> = Chip<Purse<E>>;

impl<E: Entropy> Chip<Purse<E>> {
    /// A fresh card of this profile, without power.
    pub fn personalise(profile: &PurseProfile, scheme: &Scheme, entropy: E) -> Result<Self, PersonaliseError> {
        Self::personalise_with(profile, scheme, entropy, Specified, Standard, None)
    }

    /// A card of this profile with a saved image, without power.
    pub fn from_image(
        profile: &PurseProfile,
        scheme: &Scheme,
        image: Vec<u8>,
        entropy: E,
    ) -> Result<Self, PersonaliseError> {
        let person = Personalisation::new(profile, scheme, &Specified)?;
        if !person.layout.fits(&image, profile.card_id) {
            let expected = person.layout.len();
            return Err(PersonaliseError::Image { card: profile.card_id, expected, got: image.len() });
        }
        Ok(Self::new(Purse::new(person, profile, entropy, Specified), Memory::from_image(image)))
    }

    /// Whose saved image this is; `None` where it is no purse's.
    pub fn id_in(image: &[u8]) -> Option<CardId> {
        Layout::card_of(image)
    }
}

impl<E: Entropy, R: Rules, C: ChipRules> Chip<Purse<E, R>, C> {
    /// A fresh card that goes by these rules, with a deliberate defect of what guards the purse, keys included.
    pub(in crate::family::purse) fn personalise_with(
        profile: &PurseProfile,
        scheme: &Scheme,
        mut entropy: E,
        rules: R,
        chip: C,
        defect: Option<AccessDefect>,
    ) -> Result<Self, PersonaliseError> {
        let person = Personalisation::new(profile, scheme, &rules)?;
        let first = profile.first_link.unwrap_or_else(|| {
            let mut nonce = [0; 16];
            entropy.fill(&mut nonce);
            rules.first_link(nonce, profile.card_id)
        });
        let image = person.layout.format(profile, first);
        let purse = Purse { access_defect: defect, ..Purse::new(person, profile, entropy, rules) };
        Ok(Self::with_rules(purse, Memory::from_image(image), chip))
    }

    /// CID.
    pub fn card_id(&self) -> CardId {
        self.application().person.card
    }

    /// The same card with other credentials, whoever vouches for them: what a terminal must find out. A card without EPC2 has none.
    #[must_use]
    pub fn with_credentials(mut self, private: PrivateKey, certificate: &Certificate) -> Self {
        if let Some(keys) = Arc::get_mut(&mut self.application_mut().person).and_then(|person| person.epc2.as_mut()) {
            keys.private = private;
            keys.certificate = certificate.emit();
        }
        self
    }

    /// The device that holds the card has verified its holder, or no longer counts that as done.
    pub fn set_holder_verified(&mut self, verified: bool) {
        self.application_mut().holder_verified = verified;
    }
}

impl<E, R> Purse<E, R> {
    fn new(person: Personalisation, profile: &PurseProfile, entropy: E, rules: R) -> Self {
        Self {
            person: Arc::new(person),
            entropy,
            offer: None,
            session: None,
            failures: 0,
            holder_verified: profile.on_device_verification,
            access_defect: None,
            remembered: Remembered::default(),
            rules,
        }
    }

    fn personalisation(&self) -> &Personalisation {
        &self.person
    }

    fn has(&self, defect: AccessDefect) -> bool {
        self.access_defect == Some(defect)
    }

    fn has_session(&self, channel: u8) -> bool {
        self.session.as_ref().is_some_and(|session| session.channel == channel)
    }

    fn end_session(&mut self, channel: u8) {
        self.session.take_if(|session| session.channel == channel);
    }

    /// Durable before the answer leaves (REQ-AU1-2).
    fn count_failures(&mut self, memory: &mut Memory, failures: u8) -> Result<(), PowerLost> {
        if std::mem::replace(&mut self.failures, failures) == failures {
            return Ok(());
        }
        memory.write(FAILURES, &[failures])
    }

    /// Flags of STATE.
    fn flags(&self, memory: &mut Memory) -> Result<u8, PowerLost> {
        let mut flags = 0;
        if self.person.pin.is_some() {
            flags |= State::PIN_PRESENT;
            if self.person.layout.tries.left(memory)? == 0 {
                flags |= State::PIN_BLOCKED;
            }
        }
        if self.holder_verified {
            flags |= State::VERIFIED_ON_DEVICE;
        }
        Ok(flags)
    }
}

impl<E, R: Rules> Purse<E, R> {
    fn auth(
        &mut self,
        memory: &mut Memory,
        request: &Request<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        let [_, _, p1, reference] = request.header;
        let Some(suite) = Suite::from_p1(p1).filter(|&suite| auth::length_fits(suite, request.data.len())) else {
            self.end_attempt();
            return Ok(StatusWord::WRONG_LENGTH);
        };
        // Both are gone whatever comes of this attempt (REQ-SEL-2, REQ-SES-1).
        let session = self.session.take();
        let heard = self.rules.hears_auth();
        let offer = self.offer.take();
        let kept = offer.clone();
        let any_channel = self.has(AccessDefect::NonceOfAnyChannel);
        let offer = offer.filter(|offer| (offer.channel == request.channel || any_channel) && heard);
        let flags = self.flags(memory)?;
        let person = Arc::clone(&self.person);
        let mut image = Image::read(&person.layout, memory)?;
        self.rules.state(&mut image);
        let found = Found { person: &person, image: &image, flags, defect: self.access_defect };
        let open = |offer| auth::open(&found, offer, reference, suite, request.data);
        let opened = offer.and_then(open).or_else(|| self.remembered.offer.take().and_then(open));
        let dead = self.has(AccessDefect::FailedAuthKills) && self.failures >= 4;
        let Some((session, proof)) = opened.filter(|_| !dead) else {
            self.count_failures(memory, (self.failures + 1).min(FAILURES_MAX))?;
            self.offer = kept.filter(|_| self.has(AccessDefect::NonceSurvivesFailure));
            self.session = session.filter(|_| self.has(AccessDefect::SessionSurvivesFailedAuth));
            return Ok(self.refuse_auth(suite, reference, answer));
        };
        self.count_failures(memory, 0)?;
        self.offer = kept.filter(|_| self.has(AccessDefect::NonceSurvivesSuccess));
        if self.has(AccessDefect::TriesBackAtAuth) {
            person.layout.tries.restore(memory)?;
        }
        self.session = Some(session);
        answer.extend_from_slice(&proof);
        Ok(StatusWord::OK)
    }

    /// An AUTH of a wrong length is one too: it ends the session and uses up the offer (REQ-SES-1, REQ-SEL-2).
    fn end_attempt(&mut self) {
        if !self.has(AccessDefect::AuthLengthTouchesNothing) {
            (self.session, self.offer) = (None, None);
        }
    }

    /// REQ-AU1-2: one status word for all, and nothing else.
    fn refuse_auth(&self, suite: Suite, reference: u8, answer: &mut Vec<u8>) -> StatusWord {
        let unknown = match suite {
            Suite::Epc1 => Role::from_code(reference >> 4).is_none(),
            Suite::Epc2 => reference != Scheme::AUTHORITY,
        };
        match self.access_defect {
            Some(AccessDefect::RefusalTalks) => answer.extend_from_slice(&self.person.card.0),
            Some(AccessDefect::RefusalsDiffer) if unknown => return StatusWord::REFERENCED_DATA_NOT_FOUND,
            _ => {}
        }
        StatusWord::SECURITY_STATUS_NOT_SATISFIED
    }

    /// A command under secure messaging. The session is put back only if it goes on.
    fn protected(
        &mut self,
        memory: &mut Memory,
        request: &Request<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        let Some(mut session) = self.session.take() else {
            if self.has(AccessDefect::HandshakeSkipped) {
                return self.plain(memory, request, answer);
            }
            return Ok(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        };
        let person = Arc::clone(&self.person);
        let plaintext = if let Some(plaintext) = self.rules.open(&mut session, request.header, request.data) {
            plaintext
        } else if let Some((before, plaintext)) = self.rules.reject(&person, memory, request.header, request.data)? {
            session = before;
            plaintext
        } else {
            self.session = Some(session).filter(|_| self.has(AccessDefect::SessionSurvivesSmError));
            return Ok(StatusWord::SM_DATA_INCORRECT);
        };
        let header = self.rules.accept(&person, memory, request.header)?;
        let mut data = Vec::new();
        let status = match self.execute(memory, &mut session, header, &plaintext, &mut data) {
            Ok(()) => StatusWord::OK,
            Err(Stop::Refused(status)) => status,
            Err(Stop::PowerLost(lost)) => return Err(lost),
        };
        self.rules.seal_answer(&mut session, &data, status, answer);
        if session.verified && self.has(AccessDefect::VerificationSurvivesSession) {
            self.holder_verified = true;
        }
        if self.rules.goes_on(&session) {
            self.session = Some(session);
        }
        Ok(status)
    }

    /// A command without secure messaging, which only a card with a defect gets as far as here.
    fn plain(
        &mut self,
        memory: &mut Memory,
        request: &Request<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        let session = self.session.take().or_else(|| auth::nobodys_session(request.channel));
        let Some(mut session) = session else { return Ok(StatusWord::SECURITY_STATUS_NOT_SATISFIED) };
        match self.execute(memory, &mut session, request.header, request.data, answer) {
            Ok(()) => Ok(StatusWord::OK),
            Err(Stop::Refused(status)) => Ok(status),
            Err(Stop::PowerLost(lost)) => Err(lost),
        }
    }
}

const fn is_protected_instruction(ins: u8) -> bool {
    matches!(ins, ins::VERIFY | ins::READ | ins::GET_RECEIPT | ins::TRANSACT | ins::ACK)
}

impl<E: Entropy, R> Purse<E, R> {
    /// A fresh offer (REQ-SEL-1).
    fn draw_offer(&mut self, channel: u8) -> Offer {
        let seed = match self.access_defect {
            Some(AccessDefect::NonceConstant) => Some(0),
            Some(AccessDefect::NonceRepeatsAfterReset) => Some(self.remembered.selections),
            _ => None,
        };
        let offer = match seed {
            Some(seed) => Offer::fresh(&self.person, channel, &mut SeededEntropy::new(seed)),
            None => Offer::fresh(&self.person, channel, &mut self.entropy),
        };
        self.remembered.selections += 1;
        match self.access_defect {
            Some(_) => offer.spoilt(&self.person, self.remembered.selections, self.access_defect),
            None => offer,
        }
    }
}

impl<E: Entropy, R: Rules> Application for Purse<E, R> {
    fn power_up(&mut self, memory: &mut Memory) -> Result<(), PowerLost> {
        self.remembered.offer = self.offer.take().filter(|_| self.has(AccessDefect::NonceSurvivesReset));
        self.remembered.session_spared = self.has(AccessDefect::SessionSurvivesReset);
        self.session = self.session.take().filter(|_| self.has(AccessDefect::SessionSurvivesReset));
        self.failures = memory.read(FAILURES, 1)?[0].min(FAILURES_MAX);
        match self.access_defect {
            Some(AccessDefect::TriesBackAtReset) => self.person.layout.tries.restore(memory)?,
            Some(AccessDefect::NonceRepeatsAfterReset) => self.remembered.selections = 0,
            _ => {}
        }
        self.rules.power_up(&self.person, memory)
    }

    fn answers_to(&self, aid: &[u8]) -> bool {
        aid == AID
    }

    fn select(&mut self, memory: &mut Memory, channel: u8, answer: &mut Vec<u8>) -> Result<StatusWord, PowerLost> {
        let spared = std::mem::take(&mut self.remembered.session_spared);
        let ended = match self.access_defect {
            Some(AccessDefect::SessionSurvivesSelect) => None,
            Some(AccessDefect::SessionSurvivesSelectElsewhere) => {
                self.end_session(channel);
                None
            }
            _ if spared => None,
            // REQ-SEL-4: on all channels.
            _ => self.session.take(),
        };
        self.rules.select(&self.person, memory, ended)?;
        let offer = self.draw_offer(channel);
        answer.extend_from_slice(offer.r0());
        let before = self.offer.replace(offer);
        if self.has(AccessDefect::NonceSurvivesReselect) {
            self.remembered.offer = before;
        }
        Ok(StatusWord::OK)
    }

    fn close(&mut self, channel: u8) {
        if self.has(AccessDefect::SessionSurvivesClose) {
            self.remembered.session_spared = true;
        } else {
            self.end_session(channel);
        }
        self.offer.take_if(|offer| offer.channel == channel);
    }

    fn knows_class(&self, cla: u8) -> bool {
        matches!(cla, PLAIN | PROTECTED)
    }

    fn admit(&mut self, channel: u8, [cla, ins, p1, p2]: [u8; 4]) -> Result<(), StatusWord> {
        match (cla, ins) {
            (0, GET_DATA) if p1 == 1 && p2 <= 1 => Ok(()),
            (PLAIN, ins::AUTH) if Suite::from_p1(p1).is_some_and(|suite| self.person.offers(suite)) => Ok(()),
            (PLAIN, ins) if self.rules.hears_plain(ins) => Ok(()),
            (PLAIN, ins::AUTH) if self.has(AccessDefect::SuiteNotOfferedReached) && Suite::from_p1(p1).is_some() => {
                Ok(())
            }
            (0, GET_DATA) | (PLAIN, ins::AUTH) => Err(StatusWord::WRONG_P1P2),
            (PLAIN, ins::GET_RECEIPT) if self.has(AccessDefect::ReceiptForAnyone) => Ok(()),
            (PLAIN, ins) if self.has(AccessDefect::PlainAccepted) && is_protected_instruction(ins) => Ok(()),
            // REQ-CMD-3: stripped of its protection.
            (PLAIN, ins) if is_protected_instruction(ins) => {
                if !self.has(AccessDefect::PlainKeepsSession) {
                    self.end_session(channel);
                }
                Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
            }
            // Inside a session the MAC comes first; the rest is refused inside the R-MAC.
            (PROTECTED, _) if self.has_session(channel) => Ok(()),
            (PROTECTED, ins) if self.has(AccessDefect::HandshakeSkipped) && is_protected_instruction(ins) => Ok(()),
            (PROTECTED, ins) if is_protected_instruction(ins) => Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
            _ => Err(StatusWord::INS_NOT_SUPPORTED),
        }
    }

    fn chain_too_long(&mut self, header: [u8; 4]) {
        if self.is_chainable(header) {
            self.end_attempt();
        }
    }

    fn is_chainable(&self, header: [u8; 4]) -> bool {
        header[..2] == [PLAIN, ins::AUTH]
    }

    fn process(
        &mut self,
        memory: &mut Memory,
        request: &Request<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        match request.header {
            [0, ..] if !request.data.is_empty() => Ok(StatusWord::WRONG_LENGTH),
            [0, _, _, 0] => {
                answer.extend_from_slice(ABOUT);
                Ok(StatusWord::OK)
            }
            [0, ..] => {
                answer.extend((0..PATTERN_LEN).map(|index| (index % PATTERN_MODULUS) as u8));
                Ok(StatusWord::OK)
            }
            [PLAIN, ins::AUTH, ..] => self.auth(memory, request, answer),
            [PLAIN, ins, ..] => match self.rules.plain(&self.person, memory, ins, answer)? {
                Some(status) => Ok(status),
                None => self.plain(memory, request, answer),
            },
            _ => self.protected(memory, request, answer),
        }
    }

    fn delay_ms(&self) -> u32 {
        match self.failures {
            0 => 0,
            failures => DELAY_FIRST_MS.saturating_mul(1 << (failures - 1).min(16)).min(DELAY_LONGEST_MS),
        }
    }
}
