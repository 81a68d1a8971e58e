//! SELECT and AUTH: what the card offers, and what it asks for before it says anything of itself (specs/purse.md, clauses 2 to 4).

use super::card_image::Image;
use super::card_keys::{Epc2Keys, Personalisation};
use super::card_messaging::Session;
use super::data::{Rights, Role, Suite, TerminalId, ins};
use super::data_session::{
    CERTIFICATE_LEN, Certificate, Epc1Offer, LogicalCardDetail, Options, SealedReceipt, SelectAnswer, State, Subject,
};
use super::data_transact::ReceiptBody;
use super::keys::{Mac, SessionKeys};
use super::keys_epc1::{self, Parties};
use super::keys_epc2::FirstHalf;
use crate::crypto::ec::{POINT_LEN, Point, PrivateKey};
use crate::entropy::Entropy;
use crate::wire::fields::Fields;

/// Shortest AUTH data: Nt, TID, tagT.
const EPC1_LEN_MIN: usize = 24;
/// Shortest AUTH data: Et, certT, tagT.
const EPC2_LEN_MIN: usize = POINT_LEN + CERTIFICATE_LEN + 16;
/// Longest AUTH data, chained or not.
const LEN_MAX: usize = crate::card::chip::CHAIN_LEN_MAX;
/// Most receipts in one STATE.
const UNRATIFIED_MAX: usize = 4;

/// Whether data of this length can be an AUTH of this suite.
pub(super) fn length_fits(suite: Suite, len: usize) -> bool {
    let min = match suite {
        Suite::Epc1 => EPC1_LEN_MIN,
        Suite::Epc2 => EPC2_LEN_MIN,
    };
    (min..=LEN_MAX).contains(&len)
}

/// What a SELECT offered: good for one AUTH (REQ-SEL-2, REQ-AU2-4).
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) channel: u8,
    r0: Vec<u8>,
    nonce: [u8; 8],
    ephemeral: Option<PrivateKey>,
}

impl Offer {
    /// Fresh nonce, fresh ephemeral key.
    pub(super) fn fresh(person: &Personalisation, channel: u8, entropy: &mut impl Entropy) -> Self {
        let mut nonce = [0; 8];
        let epc1 = person.offers(Suite::Epc1).then(|| {
            entropy.fill(&mut nonce);
            let enciphered_card_id = keys_epc1::encipher_card_id(&person.privacy, nonce, person.card);
            Epc1Offer { nonce, enciphered_card_id, key_version: person.key_version }
        });
        let ephemeral = person.offers(Suite::Epc2).then(|| PrivateKey::generate(entropy));
        let epc2 = ephemeral.as_ref().map(|key| key.public().to_bytes());
        let r0 = SelectAnswer { suites: person.suites, epc1, epc2 }.emit();
        Self { channel, r0, nonce, ephemeral }
    }

    /// R0.
    pub(super) fn r0(&self) -> &[u8] {
        &self.r0
    }
}

/// AUTH. A session and C3|tagC, or `None`: every failure looks the same from outside (REQ-AU1-2).
pub(super) fn open(
    person: &Personalisation,
    image: &Image<'_>,
    flags: u8,
    offer: Offer,
    reference: u8,
    suite: Suite,
    data: &[u8],
) -> Option<(Session, Vec<u8>)> {
    let header = [0x80, ins::AUTH, suite.p1(), reference];
    match suite {
        Suite::Epc1 => open_epc1(person, image, flags, &offer, header, data),
        Suite::Epc2 => open_epc2(person, image, flags, offer, header, data),
    }
}

fn open_epc1(
    person: &Personalisation,
    image: &Image<'_>,
    flags: u8,
    offer: &Offer,
    header: [u8; 4],
    data: &[u8],
) -> Option<(Session, Vec<u8>)> {
    let mut fields = Fields::new(data);
    let (nonce, terminal) = (fields.take("Nt").ok()?, TerminalId(fields.take("TID").ok()?));
    let (opts, tag) = fields.rest().split_last_chunk::<8>()?;
    let role = Role::from_code(header[3] >> 4)?;
    if header[3] & 0x0F != person.key_version {
        return None;
    }
    // Only the list is used before the tag is checked: it chooses the key.
    let options = Options::parse(opts).ok()?;
    let logical_cards = indices(person, &options.logical_cards)?;
    let key = person.folded_key(role, &logical_cards)?;
    let parties = Parties { terminal_nonce: nonce, card_nonce: offer.nonce, card: person.card, terminal };
    let keys = keys_epc1::session_keys(&key, &parties).ok()?;
    let terminal_tag = keys_epc1::terminal_tag(&keys, &offer.r0, header, &parties, opts);
    if !terminal_tag.verify(tag) {
        return None;
    }
    let granted = Granted { suite: Suite::Epc1, terminal, rights: role.rights(), logical_cards, valid_until: None };
    let state = state(person, image, flags, &granted, &options);
    let mut answer = keys_epc1::encipher_state(&keys, &state);
    let card_tag = keys_epc1::card_tag(&keys, &terminal_tag, &answer);
    answer.extend_from_slice(card_tag.as_bytes());
    Some((granted.session(offer.channel, keys, card_tag), answer))
}

fn open_epc2(
    person: &Personalisation,
    image: &Image<'_>,
    flags: u8,
    offer: Offer,
    header: [u8; 4],
    data: &[u8],
) -> Option<(Session, Vec<u8>)> {
    let card = person.epc2.as_ref().filter(|card| card.authority_number == header[3])?;
    let mut fields = Fields::new(data);
    let terminal_ephemeral: [u8; POINT_LEN] = fields.take("Et").ok()?;
    let encoded: [u8; CERTIFICATE_LEN] = fields.take("certT").ok()?;
    let tag: [u8; 16] = fields.take("tagT").ok()?;
    let opts = fields.rest();
    // The order of REQ-AU2-1: points, signature, role, validity, tag.
    let et = Point::new(&terminal_ephemeral).ok()?;
    let certificate = Certificate::parse(&encoded).ok()?;
    let st = verified_terminal(&certificate, card, image.newest_day())?;
    let Offer { r0, ephemeral, channel, .. } = offer;
    let (z1, z2) = {
        // Gone after this block, before the tag is checked (REQ-AU2-4).
        let ephemeral = ephemeral?;
        (ephemeral.agree(&et), ephemeral.agree(&st))
    };
    let half = FirstHalf::new(&r0, header, &terminal_ephemeral, &encoded, opts, &z1, &z2);
    if !half.terminal_tag().verify(&tag) {
        return None;
    }
    let options = Options::parse(opts).ok()?;
    let permitted = options.logical_cards.iter().all(|&id| certificate.rights.permits_logical_card(id));
    let logical_cards = indices(person, &options.logical_cards).filter(|_| permitted)?;
    let granted = Granted {
        suite: Suite::Epc2,
        terminal: TerminalId(certificate.subject_id),
        rights: Rights(certificate.rights.0 & 0x00FF),
        logical_cards,
        valid_until: Some(certificate.not_after),
    };
    let mut proof = card.certificate.to_vec();
    proof.extend_from_slice(&state(person, image, flags, &granted, &options));
    let mut answer = half.encipher_card_proof(&proof);
    let (keys, card_tag) = half.finish(&answer, &card.private.agree(&et));
    answer.extend_from_slice(card_tag.as_bytes());
    Some((granted.session(channel, keys, card_tag), answer))
}

/// The terminal's public key, if its certificate is the authority's, a terminal's, and had not ended on `newest_day`.
fn verified_terminal(certificate: &Certificate, card: &Epc2Keys, newest_day: u16) -> Option<Point> {
    let point = certificate.verify(&card.authority).ok()?;
    let valid = certificate.not_before <= certificate.not_after && certificate.not_after >= newest_day;
    (certificate.subject == Subject::Terminal && valid).then_some(point)
}

/// Where the listed logical cards lie; `None` when one is not on the card.
fn indices(person: &Personalisation, ids: &[u8]) -> Option<Vec<usize>> {
    ids.iter().map(|&id| person.index_of(id)).collect()
}

/// What an AUTH proved.
struct Granted {
    suite: Suite,
    terminal: TerminalId,
    rights: Rights,
    logical_cards: Vec<usize>,
    valid_until: Option<u16>,
}

impl Granted {
    fn session(self, channel: u8, keys: SessionKeys, card_tag: Mac) -> Session {
        let Self { suite, terminal, rights, logical_cards, valid_until } = self;
        Session {
            channel,
            keys,
            suite,
            chaining: card_tag,
            counter: 1,
            rights,
            logical_cards,
            terminal,
            verified: false,
            valid_until,
        }
    }
}

fn state(person: &Personalisation, image: &Image<'_>, flags: u8, granted: &Granted, options: &Options) -> Vec<u8> {
    let collects = granted.rights.contains(Rights::COLLECT);
    // REQ-SES-6
    let unratified = image.unratified(|slot| collects || slot.terminal() == granted.terminal.0);
    let detail = |&index: &usize| {
        let profile = &person.logical_cards[index].profile;
        LogicalCardDetail {
            id: profile.id,
            operator: profile.operator,
            balance: image.balance(index),
            currency: profile.currency,
            maximum: profile.maximum,
            counter: image.counter(index),
            pin_limit: profile.pin_limit,
        }
    };
    let seal = |body: ReceiptBody| {
        let seal = person.receipt_key(granted.suite).mac(&body.emit()).as_bytes().to_vec();
        SealedReceipt { body, seal }
    };
    let first = granted.logical_cards.first().copied().unwrap_or(0);
    let state = State {
        life_cycle: image.life_cycle(),
        transaction_counter: image.transaction_counter(),
        balance: image.balance(first),
        currency: person.logical_cards[first].profile.currency,
        last_transaction: image.last_transaction(),
        flags,
        link: image.link(),
        unratified_count: u8::try_from(unratified.len()).unwrap_or(u8::MAX),
        details: if options.details { granted.logical_cards.iter().map(detail).collect() } else { Vec::new() },
        unratified: if options.unratified {
            let bodies = unratified.iter().filter_map(|slot| ReceiptBody::parse(slot.body()).ok());
            bodies.take(UNRATIFIED_MAX).map(seal).collect()
        } else {
            Vec::new()
        },
    };
    state.emit()
}
