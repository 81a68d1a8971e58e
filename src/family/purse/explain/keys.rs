//! Sessions as somebody sees them who only looks on and has the public test keys.
//!
//! Under EPC1 these and what passed are enough. Under EPC2 they are not: both sides add an ephemeral key that never passes. There the
//! terminal, or who tests, writes down Z1, the agreement of the two ephemeral keys; alone, without the test keys, it opens nothing.

use crate::crypto::des::TripleDesKey;
use crate::crypto::ec::{POINT_LEN, Point};
use crate::family::purse::data::session::{CERTIFICATE_LEN, Epc1Offer, Options, SelectAnswer, Subject};
use crate::family::purse::data::{CardId, Role, Suite, TerminalId};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::keys::epc1::{self, Parties};
use crate::family::purse::keys::epc2::FirstHalf;
use crate::family::purse::keys::{Mac, SessionKeys};
use crate::secret::Secret;
use crate::wire::fields::Fields;

/// Operators of a logical card in the profiles of the test scheme: the one with its number, or the first.
const OPERATORS: [fn(u8) -> u32; 2] = [|id| u32::from(id), |_| 1];

/// The card's id in ECID.
pub(super) fn card_id(scheme: &Scheme, offer: &Epc1Offer) -> Option<CardId> {
    let privacy = TripleDesKey::new(*scheme.privacy_key().expose()).ok()?;
    Some(epc1::decipher_card_id(&privacy, offer.nonce, offer.enciphered_card_id))
}

/// An AUTH whose tag the public test keys make.
pub(super) enum Opening {
    /// EPC1: the keys, and tagT.
    Epc1(Box<SessionKeys>, Mac),
    /// EPC2: what is known before the card has named itself, and Et.
    Epc2(Box<FirstHalf>, Box<Point>),
}

/// The AUTH of EPC1; `None` where no public test key makes its tag.
pub(super) fn opening_epc1(scheme: &Scheme, r0: &[u8], header: [u8; 4], data: &[u8]) -> Option<Opening> {
    let mut fields = Fields::new(data);
    let (terminal_nonce, terminal) = (fields.take("Nt").ok()?, TerminalId(fields.take("TID").ok()?));
    let (opts, tag) = fields.rest().split_last_chunk::<8>()?;
    let offer = SelectAnswer::parse(r0).ok()?.epc1?;
    let card = card_id(scheme, &offer)?;
    let role = Role::from_code(header[3] >> 4)?;
    let cards = Options::parse(opts).ok()?.logical_cards;
    let parties = Parties { terminal_nonce, card_nonce: offer.nonce, card, terminal };
    OPERATORS.iter().find_map(|operator| {
        let key = |&id: &u8| Some((id, scheme.card_key(operator(id), id, role, card).ok()?));
        let keys: Vec<_> = cards.iter().map(key).collect::<Option<_>>()?;
        let folded = epc1::fold(keys.iter().map(|(id, key)| (*id, key))).ok()??;
        let keys = epc1::session_keys(&folded, &parties).ok()?;
        let expected = epc1::terminal_tag(&keys, r0, header, &parties, opts);
        expected.verify(tag).then(|| Opening::Epc1(Box::new(keys), expected))
    })
}

/// The AUTH of EPC2, `z1` being what the two ephemeral keys agree on; `None` where the tag is another.
pub(super) fn opening_epc2(
    scheme: &Scheme,
    r0: &[u8],
    header: [u8; 4],
    data: &[u8],
    z1: &Secret<32>,
) -> Option<Opening> {
    let mut fields = Fields::new(data);
    let et: [u8; POINT_LEN] = fields.take("Et").ok()?;
    let certificate: [u8; CERTIFICATE_LEN] = fields.take("certT").ok()?;
    let tag: [u8; 16] = fields.take("tagT").ok()?;
    let ec = Point::new(&SelectAnswer::parse(r0).ok()?.epc2?).ok()?;
    let terminal = certificate.get(6..14)?.try_into().ok()?;
    let z2 = scheme.subject_key(Subject::Terminal, terminal).ok()?.agree(&ec);
    let half = FirstHalf::new(r0, header, &et, &certificate, fields.rest(), z1, &z2);
    let right = half.terminal_tag().verify(&tag);
    Some(Opening::Epc2(Box::new(half), Box::new(Point::new(&et).ok()?))).filter(|_| right)
}

/// What the answer to AUTH opens.
pub(super) struct Opened {
    /// STATE, behind certC under EPC2.
    pub(super) plaintext: Vec<u8>,
    /// Of the session, where the card has named itself.
    pub(super) keys: Option<SessionKeys>,
    /// tagC, which is the first chaining value.
    pub(super) card_tag: Option<Mac>,
}

impl Opening {
    /// C3 deciphered; `None` where its padding is wrong.
    pub(super) fn open(self, scheme: &Scheme, c3: &[u8]) -> Option<Opened> {
        match self {
            Self::Epc1(keys, terminal_tag) => {
                let plaintext = epc1::decipher_state(&keys, c3)?;
                let card_tag = Some(epc1::card_tag(&keys, &terminal_tag, c3));
                Some(Opened { plaintext, keys: Some(*keys), card_tag })
            }
            Self::Epc2(half, et) => {
                let plaintext = half.decipher_card_proof(c3)?;
                let card = plaintext.get(6..14).and_then(|id| id.try_into().ok());
                let key = card.and_then(|card| scheme.subject_key(Subject::Card, card).ok());
                let (keys, card_tag) = key.map(|key| half.finish(c3, &key.agree(&et))).unzip();
                Some(Opened { plaintext, keys, card_tag })
            }
        }
    }
}

/// A session that was opened, and what is known of it.
pub(super) struct Session {
    pub(super) channel: u8,
    pub(super) suite: Suite,
    keys: Option<(SessionKeys, Mac)>,
    /// Of the last command.
    counter: u8,
}

/// Cipher text and MAC of a command or an answer, and what became known of them.
pub(super) struct Unprotected {
    /// Octets of cipher text.
    pub(super) cipher_len: usize,
    /// Whether the MAC is right; `None` where its key is not known.
    pub(super) mac_is_right: Option<bool>,
    /// `None` where no key is known or the padding is wrong.
    pub(super) plaintext: Option<Vec<u8>>,
}

impl Session {
    pub(super) fn new(channel: u8, suite: Suite, keys: Option<(SessionKeys, Mac)>) -> Self {
        Self { channel, suite, keys, counter: 0 }
    }

    /// A command, which counts.
    pub(super) fn command(&mut self, header: [u8; 4], data: &[u8]) -> Option<Unprotected> {
        let cipher_len = data.len().checked_sub(self.suite.mac_len())?;
        let (ciphertext, mac) = data.split_at(cipher_len);
        let Some((keys, chaining)) = &mut self.keys else {
            return Some(Unprotected { cipher_len, mac_is_right: None, plaintext: None });
        };
        self.counter = self.counter.wrapping_add(1);
        let expected = keys.command_mac(chaining, header, ciphertext);
        let right = expected.verify(mac);
        if right {
            *chaining = expected;
        }
        let plaintext = keys.decipher_command(self.counter, ciphertext);
        Some(Unprotected { cipher_len, mac_is_right: Some(right), plaintext })
    }

    /// The answer to it.
    pub(super) fn answer(&self, data: &[u8], status: crate::wire::status::StatusWord) -> Option<Unprotected> {
        let cipher_len = data.len().checked_sub(self.suite.mac_len())?;
        let (ciphertext, mac) = data.split_at(cipher_len);
        let Some((keys, chaining)) = &self.keys else {
            return Some(Unprotected { cipher_len, mac_is_right: None, plaintext: None });
        };
        let mac_is_right = Some(keys.answer_mac(chaining, ciphertext, status).verify(mac));
        let plaintext = keys.decipher_answer(self.counter, ciphertext);
        Some(Unprotected { cipher_len, mac_is_right, plaintext })
    }
}
