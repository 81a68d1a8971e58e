//! SELECT and AUTH: what the card offers, and what it asks for before it says anything of itself (specs/purse.md, clauses 2 to 4).

use super::guards::Guards;
use super::image::Image;
use super::messaging::Session;
use super::personalisation::{Epc2Keys, Personalisation};
use crate::crypto::ec::{POINT_LEN, Point, PrivateKey};
use crate::entropy::Entropy;
use crate::family::purse::data::session::{
    CERTIFICATE_LEN, CardState, Certificate, Epc1Offer, LogicalCardDetail, Options, SealedReceipt, SelectAnswer,
};
use crate::family::purse::data::transact::ReceiptBody;
use crate::family::purse::data::{Rights, Role, Suite, TerminalId, ins};
use crate::family::purse::keys::epc1::{self, Parties};
use crate::family::purse::keys::epc2::FirstHalf;
use crate::family::purse::keys::{Mac, SessionKeys};
use crate::secret::Secret;
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
    pub(super) r0: Vec<u8>,
    pub(super) nonce: [u8; 8],
    pub(super) ephemeral: Option<PrivateKey>,
}

impl Offer {
    /// Fresh nonce, fresh ephemeral key.
    pub(super) fn fresh(person: &Personalisation, channel: u8, entropy: &mut dyn Entropy) -> Self {
        let mut nonce = [0; 8];
        let epc1 = person.offers(Suite::Epc1).then(|| {
            entropy.fill(&mut nonce);
            let enciphered_card_id = epc1::encipher_card_id(&person.privacy, nonce, person.card);
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

/// The card as AUTH finds it.
pub(super) struct Found<'a, R> {
    pub(super) person: &'a Personalisation,
    pub(super) image: &'a Image<'a>,
    /// Of STATE.
    pub(super) flags: u8,
    pub(super) rules: &'a R,
}

/// AUTH. A session and C3|tagC, or `None`: every failure looks the same from outside (REQ-AU1-2).
pub(super) fn open<R: Guards>(
    found: &Found<'_, R>,
    offer: Offer,
    reference: u8,
    suite: Suite,
    data: &[u8],
) -> Option<(Session, Vec<u8>)> {
    let header = [0x80, ins::AUTH, suite.p1(), reference];
    match suite {
        Suite::Epc1 => open_epc1(found, &offer, header, data),
        Suite::Epc2 => open_epc2(found, offer, header, data),
    }
}

fn open_epc1<R: Guards>(
    found: &Found<'_, R>,
    offer: &Offer,
    header: [u8; 4],
    data: &[u8],
) -> Option<(Session, Vec<u8>)> {
    let person = found.person;
    let mut fields = Fields::new(data);
    let (nonce, terminal) = (fields.take("Nt").ok()?, TerminalId(fields.take("TID").ok()?));
    let (opts, tag) = fields.rest().split_last_chunk::<8>()?;
    let role = Role::from_code(header[3] >> 4)?;
    if !found.rules.is_key_version(header[3] & 0x0F, person.key_version) {
        return None;
    }
    // Only the list is used before the tag is checked: it chooses the key.
    let options = found.rules.options(opts)?;
    let logical_cards = indices(person, &options.logical_cards)?;
    let card_nonce = found.rules.card_nonce(offer.nonce);
    let parties = Parties { terminal_nonce: nonce, card_nonce, card: person.card, terminal };
    let auth = Epc1Auth { r0: &offer.r0, header, parties: &parties, opts, tag };
    let keys = found.rules.role_keys(person, role, &logical_cards);
    let (keys, terminal_tag) = keys.iter().find_map(|key| auth.verified(found.rules, key))?;
    let (rights, valid_until) = (found.rules.role_rights(role), found.rules.valid_until(None));
    let granted = Granted { suite: Suite::Epc1, terminal, rights, logical_cards, valid_until };
    let state = state(found, &granted, &options);
    let mut answer = epc1::encipher_state(&keys, &state);
    let card_tag = epc1::card_tag(&keys, &terminal_tag, &answer);
    answer.extend_from_slice(card_tag.as_bytes());
    Some((granted.session(offer.channel, keys, card_tag), answer))
}

/// What an AUTH of EPC1 says.
pub(super) struct Epc1Auth<'a> {
    pub(super) r0: &'a [u8],
    header: [u8; 4],
    parties: &'a Parties,
    pub(super) opts: &'a [u8],
    pub(super) tag: &'a [u8],
}

impl Epc1Auth<'_> {
    /// tagT under these keys, over this R0 and these options.
    pub(super) fn expected(&self, keys: &SessionKeys, r0: &[u8], opts: &[u8]) -> Mac {
        epc1::terminal_tag(keys, r0, self.header, self.parties, opts)
    }

    /// Session keys and tagT, if this card key makes the tag.
    fn verified<R: Guards>(&self, rules: &R, key: &Secret<16>) -> Option<(SessionKeys, Mac)> {
        let keys = rules.agreed(Suite::Epc1, epc1::session_keys(key, self.parties).ok()?)?;
        let accepted = rules.is_epc1_tag(self, &keys);
        let right = self.expected(&keys, self.r0, self.opts);
        accepted.then(|| (rules.session_keys(keys), right))
    }
}

fn open_epc2<R: Guards>(
    found: &Found<'_, R>,
    offer: Offer,
    header: [u8; 4],
    data: &[u8],
) -> Option<(Session, Vec<u8>)> {
    let card = found.person.epc2.as_ref().filter(|card| card.authority_number == header[3])?;
    let mut fields = Fields::new(data);
    let terminal_ephemeral: [u8; POINT_LEN] = fields.take("Et").ok()?;
    let encoded: [u8; CERTIFICATE_LEN] = fields.take("certT").ok()?;
    let tag: [u8; 16] = fields.take("tagT").ok()?;
    let opts = fields.rest();
    // The order of REQ-AU2-1: points, signature, role, validity, tag.
    let et = found.rules.point(&terminal_ephemeral)?;
    let certificate = Certificate::parse(&encoded).ok()?;
    let st = verified_terminal(found, &certificate, card)?;
    let Offer { r0, ephemeral, channel, .. } = offer;
    let (z1, z2) = {
        // Gone after this block, before the tag is checked (REQ-AU2-4).
        let ephemeral = ephemeral?;
        (et(&ephemeral), st(&ephemeral))
    };
    let half = |r0: &[u8], opts: &[u8]| FirstHalf::new(r0, header, &terminal_ephemeral, &encoded, opts, &z1, &z2);
    if !found.rules.is_epc2_tag(&tag, &r0, opts, &half) {
        return None;
    }
    let options = found.rules.options(opts)?;
    let granted = granted_by(found, &certificate, &options)?;
    let mut proof = card.certificate.to_vec();
    proof.extend_from_slice(&state(found, &granted, &options));
    let right = half(&r0, opts);
    let mut answer = right.encipher_card_proof(&proof);
    let (keys, card_tag) = right.finish(&answer, &et(&card.private));
    let keys = found.rules.session_keys(found.rules.agreed(Suite::Epc2, keys)?);
    answer.extend_from_slice(card_tag.as_bytes());
    Some((granted.session(channel, keys, card_tag), answer))
}

/// What a private key agrees on with a point of the terminal's.
pub(super) type Agreement = Box<dyn Fn(&PrivateKey) -> Secret<32>>;

/// On a point of the curve.
pub(super) fn on(point: Point) -> Agreement {
    Box::new(move |key| key.agree(&point))
}

/// The terminal's public key, if its certificate is the authority's, a terminal's, and had not ended on the card's newest day.
fn verified_terminal<R: Guards>(found: &Found<'_, R>, certificate: &Certificate, card: &Epc2Keys) -> Option<Agreement> {
    let rules = found.rules;
    let agreement = rules.certified(certificate, &card.authority)?;
    let valid = certificate.not_before <= certificate.not_after
        && !rules.has_ended(certificate.not_after, found.image.newest_day());
    (rules.is_terminal(certificate.subject) && valid).then_some(agreement)
}

/// REQ-AU2-3; `None` when a logical card of the list is not permitted, or not on the card.
fn granted_by<R: Guards>(found: &Found<'_, R>, certificate: &Certificate, options: &Options) -> Option<Granted> {
    let permitted = options.logical_cards.iter().all(|&id| found.rules.permits(certificate, id));
    let logical_cards = indices(found.person, &options.logical_cards).filter(|_| permitted)?;
    Some(Granted {
        suite: Suite::Epc2,
        terminal: TerminalId(certificate.subject_id),
        rights: found.rules.certified_rights(certificate),
        logical_cards,
        valid_until: found.rules.valid_until(Some(certificate)),
    })
}

/// Where the listed logical cards lie; `None` when one is not on the card.
fn indices(person: &Personalisation, ids: &[u8]) -> Option<Vec<usize>> {
    ids.iter().map(|&id| person.index_of(id)).collect()
}

/// What an AUTH proved.
pub(super) struct Granted {
    pub(super) suite: Suite,
    pub(super) terminal: TerminalId,
    pub(super) rights: Rights,
    pub(super) logical_cards: Vec<usize>,
    pub(super) valid_until: Option<u16>,
}

impl Granted {
    pub(super) fn session(self, channel: u8, keys: SessionKeys, card_tag: Mac) -> Session {
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

fn state<R: Guards>(found: &Found<'_, R>, granted: &Granted, options: &Options) -> Vec<u8> {
    let &Found { person, image, flags, .. } = found;
    let collects = found.rules.collects(granted.rights);
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
    let state = CardState {
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
