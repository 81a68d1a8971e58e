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
use self::image::{FAILURES, Image, Layout};
use self::messaging::Session;
use self::personalisation::{Personalisation, PersonaliseError};
use self::rules::{Rules, Specified};
use super::data::session::{CardState, Certificate};
use super::data::{AID, CardId, Suite, ins};
use super::issuer::Scheme;
use super::profile::PurseProfile;
use crate::card::application::{Application, WholeCommand};
use crate::card::chip::{Chip, ChipRules, Standard};
use crate::card::memory::{Memory, PowerLost};
use crate::crypto::ec::PrivateKey;
use crate::entropy::Entropy;
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
        Self::personalise_with(profile, scheme, entropy, Specified, Standard)
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
    /// A fresh card that goes by these rules.
    pub(in crate::family::purse) fn personalise_with(
        profile: &PurseProfile,
        scheme: &Scheme,
        mut entropy: E,
        rules: R,
        chip: C,
    ) -> Result<Self, PersonaliseError> {
        let person = Personalisation::new(profile, scheme, &rules)?;
        let first = profile.first_link.unwrap_or_else(|| {
            let mut nonce = [0; 16];
            entropy.fill(&mut nonce);
            rules.first_link(nonce, profile.card_id)
        });
        let image = person.layout.format(profile, first);
        let purse = Purse::new(person, profile, entropy, rules);
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
            rules,
        }
    }

    fn personalisation(&self) -> &Personalisation {
        &self.person
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
            flags |= CardState::PIN_PRESENT;
            if self.person.layout.tries.left(memory)? == 0 {
                flags |= CardState::PIN_BLOCKED;
            }
        }
        if self.holder_verified {
            flags |= CardState::VERIFIED_ON_DEVICE;
        }
        Ok(flags)
    }
}

impl<E: Entropy, R: Rules> Purse<E, R> {
    fn power_up(&mut self, memory: &mut Memory) -> Result<bool, PowerLost> {
        (self.offer, self.session) = (None, None);
        self.failures = memory.read(FAILURES, 1)?[0].min(FAILURES_MAX);
        self.rules.recover(&self.person.layout.journal, memory)
    }

    fn select(&mut self, channel: u8, answer: &mut Vec<u8>) -> StatusWord {
        // REQ-SEL-4: on all channels.
        self.session = None;
        let offer = self.rules.offer(&self.person, channel, &mut self.entropy);
        answer.extend_from_slice(offer.r0());
        self.offer = Some(offer);
        StatusWord::OK
    }

    fn close(&mut self, channel: u8) {
        self.end_session(channel);
        self.offer.take_if(|offer| offer.channel == channel);
    }

    fn admit(&mut self, channel: u8, [cla, ins, p1, p2]: [u8; 4]) -> Result<(), StatusWord> {
        match (cla, ins) {
            (0, GET_DATA) if p1 == 1 && p2 <= 1 => Ok(()),
            (PLAIN, ins::AUTH) if Suite::from_p1(p1).is_some_and(|suite| self.person.offers(suite)) => Ok(()),
            (0, GET_DATA) | (PLAIN, ins::AUTH) => Err(StatusWord::WRONG_P1P2),
            // REQ-CMD-3: stripped of its protection.
            (PLAIN, ins) if is_protected_instruction(ins) => {
                self.end_session(channel);
                Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
            }
            // Inside a session the MAC comes first; the rest is refused inside the R-MAC.
            (PROTECTED, _) if self.has_session(channel) => Ok(()),
            (PROTECTED, ins) if is_protected_instruction(ins) => Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
            _ => Err(StatusWord::INS_NOT_SUPPORTED),
        }
    }

    fn auth(
        &mut self,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        let [_, _, p1, reference] = request.header;
        let Some(suite) = Suite::from_p1(p1).filter(|&suite| auth::length_fits(suite, request.data.len())) else {
            R::misfit(self);
            return Ok(StatusWord::WRONG_LENGTH);
        };
        // Both are gone whatever comes of this attempt (REQ-SEL-2, REQ-SES-1).
        self.session = None;
        let offer = self.offer.take().filter(|offer| self.rules.is_good_on(offer, request.channel));
        let flags = self.flags(memory)?;
        let person = Arc::clone(&self.person);
        let mut image = Image::read(&person.layout, memory)?;
        self.rules.state(&mut image);
        let found = Found { person: &person, image: &image, flags, rules: &self.rules };
        let opened = offer.and_then(|offer| auth::open(&found, offer, reference, suite, request.data));
        let Some((session, proof)) = opened else {
            self.count_failures(memory, (self.failures + 1).min(FAILURES_MAX))?;
            return Ok(self.rules.refuse_auth(&person, (suite, reference), answer));
        };
        self.count_failures(memory, 0)?;
        self.session = Some(session);
        answer.extend_from_slice(&proof);
        Ok(StatusWord::OK)
    }

    /// An AUTH of a wrong length is one too: it ends the session and uses up the offer (REQ-SES-1, REQ-SEL-2).
    fn end_attempt(&mut self) {
        (self.session, self.offer) = (None, None);
    }

    /// A command under secure messaging. The session is put back only if it goes on.
    fn protected(
        &mut self,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        let Some(mut session) = self.session.take() else { return Ok(StatusWord::SECURITY_STATUS_NOT_SATISFIED) };
        let person = Arc::clone(&self.person);
        let plaintext = if let Some(plaintext) = self.rules.open(&mut session, request.header, request.data) {
            plaintext
        } else if let Some((before, plaintext)) = self.rules.reject(&person, memory, request.header, request.data)? {
            session = before;
            plaintext
        } else {
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
        self.session = Some(session).filter(|session| self.rules.goes_on(session));
        Ok(status)
    }
}

const fn is_protected_instruction(ins: u8) -> bool {
    matches!(ins, ins::VERIFY | ins::READ | ins::GET_RECEIPT | ins::TRANSACT | ins::ACK)
}

impl<E: Entropy, R: Rules> Application for Purse<E, R> {
    fn power_up(&mut self, memory: &mut Memory) -> Result<(), PowerLost> {
        R::power_up(self, memory).map(|_| ())
    }

    fn answers_to(&self, aid: &[u8]) -> bool {
        aid == AID
    }

    fn select(&mut self, memory: &mut Memory, channel: u8, answer: &mut Vec<u8>) -> Result<StatusWord, PowerLost> {
        R::select(self, memory, channel, answer)
    }

    fn close(&mut self, channel: u8) {
        R::close_channel(self, channel);
    }

    fn knows_class(&self, cla: u8) -> bool {
        matches!(cla, PLAIN | PROTECTED)
    }

    fn admit(&mut self, channel: u8, header: [u8; 4]) -> Result<(), StatusWord> {
        R::admit(self, channel, header)
    }

    fn chain_too_long(&mut self, header: [u8; 4]) {
        if self.is_chainable(header) {
            R::misfit(self);
        }
    }

    fn is_chainable(&self, header: [u8; 4]) -> bool {
        header[..2] == [PLAIN, ins::AUTH]
    }

    fn process(
        &mut self,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
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
            [PLAIN, ins::AUTH, ..] => R::auth(self, memory, request, answer),
            _ => R::protected(self, memory, request, answer),
        }
    }

    fn delay_ms(&self) -> u32 {
        match self.failures {
            0 => 0,
            failures => DELAY_FIRST_MS.saturating_mul(1 << (failures - 1).min(16)).min(DELAY_LONGEST_MS),
        }
    }
}
