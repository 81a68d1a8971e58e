//! SELECT and AUTH with a deliberate defect: nonces, keys, tags and certificates.

use super::access::AccessDefect;
use super::rules::Wrong;
use crate::crypto::ec::{EcError, POINT_LEN, Point};
use crate::entropy::{Entropy, SeededEntropy};
use crate::family::purse::card::auth::{Agreement, Epc1Auth, Offer, on};
use crate::family::purse::card::personalisation::Personalisation;
use crate::family::purse::data::session::{Certificate, Epc1Offer, SelectAnswer};
use crate::family::purse::data::{Role, Suite};
use crate::family::purse::keys::epc2::FirstHalf;
use crate::family::purse::keys::{Mac, SessionKeys, epc1};
use crate::secret::Secret;

impl Wrong {
    /// What SELECT offers.
    pub(super) fn wrong_offer(&mut self, person: &Personalisation, channel: u8, entropy: &mut dyn Entropy) -> Offer {
        let seed = match self.access {
            Some(AccessDefect::NonceConstant) => Some(0),
            Some(AccessDefect::NonceRepeatsAfterReset) => Some(self.remembered.selections),
            _ => None,
        };
        let offer = match seed {
            Some(seed) => Offer::fresh(person, channel, &mut SeededEntropy::new(seed)),
            None => Offer::fresh(person, channel, entropy),
        };
        self.remembered.selections += 1;
        match self.access {
            Some(_) => self.spoilt(offer, person),
            None => offer,
        }
    }

    /// The same offer with a worse nonce.
    fn spoilt(&self, mut offer: Offer, person: &Personalisation) -> Offer {
        let selections = self.remembered.selections;
        let drawn = u64::from_be_bytes(offer.nonce);
        let nonce = match self.access {
            Some(AccessDefect::NonceCounts) => 0x5A5A_0000 + selections,
            Some(AccessDefect::NonceLinear) => {
                // Multiplier and increment of MMIX (Knuth, The Art of Computer Programming 2, 3.3.4).
                let step = |x: u64| x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (0..selections).fold(1, |x, _| step(x))
            }
            Some(AccessDefect::NonceBiased) => drawn | ((drawn & 1) << 20),
            _ => drawn,
        };
        offer.nonce = nonce.to_be_bytes();
        let enciphered_card_id = match self.access {
            Some(AccessDefect::CardIdInClear) => person.card.0,
            Some(AccessDefect::CardIdStatic) => epc1::encipher_card_id(&person.privacy, [0; 8], person.card),
            _ => epc1::encipher_card_id(&person.privacy, offer.nonce, person.card),
        };
        let epc1 = Epc1Offer { nonce: offer.nonce, enciphered_card_id, key_version: person.key_version };
        let epc1 = person.offers(Suite::Epc1).then_some(epc1);
        let epc2 = offer.ephemeral.as_ref().map(|key| key.public().to_bytes());
        offer.r0 = SelectAnswer { suites: person.suites, epc1, epc2 }.emit();
        offer
    }

    /// The keys that open a session, and those that should not.
    pub(super) fn wrong_role_keys(
        &self,
        person: &Personalisation,
        role: Role,
        logical_cards: &[usize],
    ) -> Vec<Secret<16>> {
        let mut keys: Vec<_> = person.folded_key(role, logical_cards).into_iter().collect();
        match self.access {
            Some(AccessDefect::KeyReferenceIgnored) => {
                keys.extend(Role::ALL.iter().filter_map(|&role| person.folded_key(role, logical_cards)));
            }
            Some(AccessDefect::FoldIgnored) => keys.extend(person.folded_key(role, &logical_cards[..1])),
            Some(AccessDefect::TransportKeyAccepted) => keys.push(Secret::new(std::array::from_fn(|n| 0x40 + n as u8))),
            _ => {}
        }
        keys
    }

    /// Whether `tag` is taken for the right one of EPC1.
    pub(super) fn wrong_epc1_tag(&self, auth: &Epc1Auth<'_>, keys: &SessionKeys) -> bool {
        let expected = |r0: &[u8], opts: &[u8]| auth.expected(keys, r0, opts);
        match self.access {
            Some(AccessDefect::ReflectionAccepted) => {
                let reflected = SessionKeys { mac: keys.rmac.clone(), ..keys.clone() };
                auth.expected(&reflected, auth.r0, auth.opts).verify(auth.tag)
            }
            Some(AccessDefect::OptionsOutsideTag) => expected(auth.r0, &[]).verify(auth.tag),
            Some(AccessDefect::DowngradeUnseen) => {
                expected(&downgraded(auth.r0, Suite::Epc1), auth.opts).verify(auth.tag)
            }
            _ => self.takes_tag(&expected(auth.r0, auth.opts), auth.tag),
        }
    }

    /// Whether `tag` is taken for the right one of EPC2.
    pub(super) fn wrong_epc2_tag(
        &self,
        tag: &[u8],
        r0: &[u8],
        opts: &[u8],
        half: &dyn Fn(&[u8], &[u8]) -> FirstHalf,
    ) -> bool {
        match self.access {
            Some(AccessDefect::OptionsOutsideTag) => half(r0, &[]).terminal_tag().verify(tag),
            Some(AccessDefect::DowngradeUnseen) => half(&downgraded(r0, Suite::Epc2), opts).terminal_tag().verify(tag),
            _ => self.takes_tag(&half(r0, opts).terminal_tag(), tag),
        }
    }

    fn takes_tag(&self, right: &Mac, tag: &[u8]) -> bool {
        match self.access {
            Some(AccessDefect::TagNotVerified) => true,
            Some(AccessDefect::TagComparedInPart) => right.as_bytes()[..4] == tag[..4],
            _ => false,
        }
    }

    /// The key in a certificate.
    pub(super) fn wrongly_certified(&self, certificate: &Certificate, authority: &Point) -> Option<Agreement> {
        match certificate.verify(authority) {
            Err(EcError::Signature) if self.has(AccessDefect::CertificateSignatureUnchecked) => {
                Point::new(&certificate.point).ok().map(on)
            }
            Err(EcError::NotOnCurve) if self.has(AccessDefect::InvalidPointAccepted) => off_curve(&certificate.point),
            verified => verified.ok().map(on),
        }
    }
}

/// On a point off the curve, and of order two on another: odd multiples of it are itself.
pub(super) fn off_curve(octets: &[u8; POINT_LEN]) -> Option<Agreement> {
    let x = Secret::new(*octets.first_chunk()?);
    Some(Box::new(move |_| x.clone()))
}

/// R0 as it looks to who was shown only one suite.
fn downgraded(r0: &[u8], suite: Suite) -> Vec<u8> {
    let Ok(offer) = SelectAnswer::parse(r0) else { return Vec::new() };
    let epc1 = offer.epc1.filter(|_| suite == Suite::Epc1);
    let epc2 = offer.epc2.filter(|_| suite == Suite::Epc2);
    SelectAnswer { suites: suite.bit(), epc1, epc2 }.emit()
}

/// Keys that depend on nothing.
pub(super) fn static_keys(suite: Suite) -> Option<SessionKeys> {
    let mut key = [0; 16];
    key[8..].fill(0x11);
    SessionKeys::from_parts(suite, [key; 3]).ok()
}
