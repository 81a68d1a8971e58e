//! SELECT and AUTH: what the card offers, and what it asks for before it says anything of itself (specs/purse.md, clauses 2 to 4).

use super::defect::access::AccessDefect;
use super::image::Image;
use super::messaging::Session;
use super::personalisation::{Epc2Keys, Personalisation};
use crate::crypto::ec::{EcError, POINT_LEN, Point, PrivateKey};
use crate::entropy::Entropy;
use crate::family::purse::data::session::{
    CERTIFICATE_LEN, Certificate, Epc1Offer, LogicalCardDetail, Options, SealedReceipt, SelectAnswer, State, Subject,
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

    /// The same offer with a worse nonce; `selections` counts the SELECTs.
    pub(super) fn spoilt(mut self, person: &Personalisation, selections: u64, defect: Option<AccessDefect>) -> Self {
        let drawn = u64::from_be_bytes(self.nonce);
        let nonce = match defect {
            Some(AccessDefect::NonceCounts) => 0x5A5A_0000 + selections,
            Some(AccessDefect::NonceLinear) => {
                // Multiplier and increment of MMIX (Knuth, The Art of Computer Programming 2, 3.3.4).
                let step = |x: u64| x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (0..selections).fold(1, |x, _| step(x))
            }
            Some(AccessDefect::NonceBiased) => drawn | ((drawn & 1) << 20),
            _ => drawn,
        };
        self.nonce = nonce.to_be_bytes();
        let enciphered_card_id = match defect {
            Some(AccessDefect::CardIdInClear) => person.card.0,
            Some(AccessDefect::CardIdStatic) => epc1::encipher_card_id(&person.privacy, [0; 8], person.card),
            _ => epc1::encipher_card_id(&person.privacy, self.nonce, person.card),
        };
        let epc1 = Epc1Offer { nonce: self.nonce, enciphered_card_id, key_version: person.key_version };
        let epc1 = person.offers(Suite::Epc1).then_some(epc1);
        let epc2 = self.ephemeral.as_ref().map(|key| key.public().to_bytes());
        self.r0 = SelectAnswer { suites: person.suites, epc1, epc2 }.emit();
        self
    }
}

/// The card as AUTH finds it.
pub(super) struct Found<'a> {
    pub(super) person: &'a Personalisation,
    pub(super) image: &'a Image<'a>,
    /// Of STATE.
    pub(super) flags: u8,
    pub(super) defect: Option<AccessDefect>,
}

impl Found<'_> {
    fn has(&self, defect: AccessDefect) -> bool {
        self.defect == Some(defect)
    }

    fn options(&self, opts: &[u8]) -> Option<Options> {
        match Options::parse(opts) {
            Err(_) if self.has(AccessDefect::OptsUnchecked) => Some(Options::default()),
            parsed => parsed.ok(),
        }
    }
}

/// AUTH. A session and C3|tagC, or `None`: every failure looks the same from outside (REQ-AU1-2).
pub(super) fn open(
    found: &Found<'_>,
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

fn open_epc1(found: &Found<'_>, offer: &Offer, header: [u8; 4], data: &[u8]) -> Option<(Session, Vec<u8>)> {
    let person = found.person;
    let mut fields = Fields::new(data);
    let (nonce, terminal) = (fields.take("Nt").ok()?, TerminalId(fields.take("TID").ok()?));
    let (opts, tag) = fields.rest().split_last_chunk::<8>()?;
    let role = Role::from_code(header[3] >> 4)?;
    if header[3] & 0x0F != person.key_version && !found.has(AccessDefect::KeyVersionIgnored) {
        return None;
    }
    // Only the list is used before the tag is checked: it chooses the key.
    let options = found.options(opts)?;
    let logical_cards = indices(person, &options.logical_cards)?;
    let card_nonce = if found.has(AccessDefect::CardNonceIgnored) { [0; 8] } else { offer.nonce };
    let parties = Parties { terminal_nonce: nonce, card_nonce, card: person.card, terminal };
    let auth = Epc1Auth { r0: &offer.r0, header, parties: &parties, opts, tag };
    let (keys, terminal_tag) =
        keys_for(found, role, &logical_cards).iter().find_map(|key| auth.verified(found, key))?;
    let rights = role.rights();
    let rights = match found.defect {
        Some(AccessDefect::DebitKeyCredits) if role == Role::Debit => rights | Rights::CREDIT,
        Some(AccessDefect::RefundKeyPowerless) if role == Role::Refund => Role::Read.rights(),
        _ => rights,
    };
    let valid_until = found.has(AccessDefect::ClockByAnyone).then_some(u16::MAX);
    let granted = Granted { suite: Suite::Epc1, terminal, rights, logical_cards, valid_until };
    let state = state(found, &granted, &options);
    let mut answer = epc1::encipher_state(&keys, &state);
    let card_tag = epc1::card_tag(&keys, &terminal_tag, &answer);
    answer.extend_from_slice(card_tag.as_bytes());
    Some((granted.session(offer.channel, keys, card_tag), answer))
}

/// The folded key of the role and the list. A card with a defect may take others for it.
fn keys_for(found: &Found<'_>, role: Role, logical_cards: &[usize]) -> Vec<Secret<16>> {
    let person = found.person;
    let mut keys: Vec<_> = person.folded_key(role, logical_cards).into_iter().collect();
    match found.defect {
        Some(AccessDefect::KeyReferenceIgnored) => {
            keys.extend(Role::ALL.iter().filter_map(|&role| person.folded_key(role, logical_cards)));
        }
        Some(AccessDefect::FoldIgnored) => keys.extend(person.folded_key(role, &logical_cards[..1])),
        Some(AccessDefect::TransportKeyAccepted) => keys.push(Secret::new(std::array::from_fn(|n| 0x40 + n as u8))),
        _ => {}
    }
    keys
}

/// What an AUTH of EPC1 says.
struct Epc1Auth<'a> {
    r0: &'a [u8],
    header: [u8; 4],
    parties: &'a Parties,
    opts: &'a [u8],
    tag: &'a [u8],
}

impl Epc1Auth<'_> {
    /// Session keys and tagT, if this card key makes the tag.
    fn verified(&self, found: &Found<'_>, key: &Secret<16>) -> Option<(SessionKeys, Mac)> {
        let mut keys = epc1::session_keys(key, self.parties).ok()?;
        if found.has(AccessDefect::SessionKeyStatic) {
            keys = static_keys(Suite::Epc1)?;
        }
        let tag_over = |keys, r0, opts| epc1::terminal_tag(keys, r0, self.header, self.parties, opts);
        let right = tag_over(&keys, self.r0, self.opts);
        let accepted = right.verify(self.tag)
            || tag_defect(found.defect, &right, self.tag)
            || match found.defect {
                Some(AccessDefect::ReflectionAccepted) => {
                    let reflected = SessionKeys { mac: keys.rmac.clone(), ..keys.clone() };
                    tag_over(&reflected, self.r0, self.opts).verify(self.tag)
                }
                Some(AccessDefect::OptionsOutsideTag) => tag_over(&keys, self.r0, &[]).verify(self.tag),
                Some(AccessDefect::DowngradeUnseen) => {
                    tag_over(&keys, &downgraded(self.r0, Suite::Epc1), self.opts).verify(self.tag)
                }
                _ => false,
            };
        if found.has(AccessDefect::EncryptionKeyIsMacKey) {
            keys.enc = keys.mac.clone();
        }
        accepted.then_some((keys, right))
    }
}

/// Whether a card with this defect takes `tag` for the right one.
fn tag_defect(defect: Option<AccessDefect>, right: &Mac, tag: &[u8]) -> bool {
    match defect {
        Some(AccessDefect::TagNotVerified) => true,
        Some(AccessDefect::TagComparedInPart) => right.as_bytes()[..4] == tag[..4],
        _ => false,
    }
}

/// R0 as it looks to who was shown only one suite.
fn downgraded(r0: &[u8], suite: Suite) -> Vec<u8> {
    let Ok(offer) = SelectAnswer::parse(r0) else { return Vec::new() };
    let epc1 = offer.epc1.filter(|_| suite == Suite::Epc1);
    let epc2 = offer.epc2.filter(|_| suite == Suite::Epc2);
    SelectAnswer { suites: suite.bit(), epc1, epc2 }.emit()
}

/// Keys that depend on nothing: only a card with a defect has them.
pub(super) fn static_keys(suite: Suite) -> Option<SessionKeys> {
    let mut key = [0; 16];
    key[8..].fill(0x11);
    SessionKeys::from_parts(suite, [key; 3]).ok()
}

fn open_epc2(found: &Found<'_>, offer: Offer, header: [u8; 4], data: &[u8]) -> Option<(Session, Vec<u8>)> {
    let card = found.person.epc2.as_ref().filter(|card| card.authority_number == header[3])?;
    let mut fields = Fields::new(data);
    let terminal_ephemeral: [u8; POINT_LEN] = fields.take("Et").ok()?;
    let encoded: [u8; CERTIFICATE_LEN] = fields.take("certT").ok()?;
    let tag: [u8; 16] = fields.take("tagT").ok()?;
    let opts = fields.rest();
    // The order of REQ-AU2-1: points, signature, role, validity, tag.
    let et = Agreement::with(found, &terminal_ephemeral)?;
    let certificate = Certificate::parse(&encoded).ok()?;
    let st = verified_terminal(found, &certificate, card)?;
    let Offer { r0, ephemeral, channel, .. } = offer;
    let (z1, z2) = {
        // Gone after this block, before the tag is checked (REQ-AU2-4).
        let ephemeral = ephemeral?;
        (et.of(&ephemeral), st.of(&ephemeral))
    };
    let half = |r0: &[u8], opts: &[u8]| FirstHalf::new(r0, header, &terminal_ephemeral, &encoded, opts, &z1, &z2);
    let right = half(&r0, opts);
    let accepted = right.terminal_tag().verify(&tag)
        || tag_defect(found.defect, &right.terminal_tag(), &tag)
        || match found.defect {
            Some(AccessDefect::OptionsOutsideTag) => half(&r0, &[]).terminal_tag().verify(&tag),
            Some(AccessDefect::DowngradeUnseen) => {
                half(&downgraded(&r0, Suite::Epc2), opts).terminal_tag().verify(&tag)
            }
            _ => false,
        };
    if !accepted {
        return None;
    }
    let options = found.options(opts)?;
    let granted = granted_by(found, &certificate, &options)?;
    let mut proof = card.certificate.to_vec();
    proof.extend_from_slice(&state(found, &granted, &options));
    let mut answer = right.encipher_card_proof(&proof);
    let (keys, card_tag) = right.finish(&answer, &et.of(&card.private));
    let keys = match found.defect {
        Some(AccessDefect::SessionKeyStatic) => static_keys(Suite::Epc2)?,
        Some(AccessDefect::EncryptionKeyIsMacKey) => SessionKeys { enc: keys.mac.clone(), ..keys },
        _ => keys,
    };
    answer.extend_from_slice(card_tag.as_bytes());
    Some((granted.session(channel, keys, card_tag), answer))
}

/// A point of the terminal's, as the card calculates with it.
enum Agreement {
    Point(Point),
    /// Off the curve, and of order two on another: odd multiples of it are itself.
    Invalid(Secret<32>),
}

impl Agreement {
    fn with(found: &Found<'_>, octets: &[u8; POINT_LEN]) -> Option<Self> {
        match Point::new(octets) {
            Ok(point) => Some(Self::Point(point)),
            Err(_) if found.has(AccessDefect::InvalidPointAccepted) => {
                octets.first_chunk().map(|x| Self::Invalid(Secret::new(*x)))
            }
            Err(_) => None,
        }
    }

    fn of(&self, key: &PrivateKey) -> Secret<32> {
        match self {
            Self::Point(point) => key.agree(point),
            Self::Invalid(x) => x.clone(),
        }
    }
}

/// The terminal's public key, if its certificate is the authority's, a terminal's, and had not ended on the card's newest day.
fn verified_terminal(found: &Found<'_>, certificate: &Certificate, card: &Epc2Keys) -> Option<Agreement> {
    let point = match certificate.verify(&card.authority) {
        Err(EcError::Signature) if found.has(AccessDefect::CertificateSignatureUnchecked) => {
            Agreement::with(found, &certificate.point)?
        }
        // Refused in there, but for a card with a defect.
        Err(EcError::NotOnCurve) => Agreement::with(found, &certificate.point)?,
        verified => Agreement::Point(verified.ok()?),
    };
    let ended =
        certificate.not_after < found.image.newest_day() && !found.has(AccessDefect::CertificateExpiryUnchecked);
    let valid = certificate.not_before <= certificate.not_after && !ended;
    let terminal = certificate.subject == Subject::Terminal || found.has(AccessDefect::CertificateRoleUnchecked);
    (terminal && valid).then_some(point)
}

/// REQ-AU2-3; `None` when a logical card of the list is not permitted, or not on the card.
fn granted_by(found: &Found<'_>, certificate: &Certificate, options: &Options) -> Option<Granted> {
    let permits = |id| certificate.rights.permits_logical_card(id) || found.has(AccessDefect::CertificateCardsIgnored);
    let permitted = options.logical_cards.iter().all(|&id| permits(id));
    let logical_cards = indices(found.person, &options.logical_cards).filter(|_| permitted)?;
    let rights = match found.defect {
        Some(AccessDefect::CertificateRightsIgnored) => 0x00FF,
        Some(AccessDefect::CertificateRightsCut) => certificate.rights.0 & 0x0003,
        _ => certificate.rights.0 & 0x00FF,
    };
    let beyond = found.has(AccessDefect::ClockBeyondCertificate);
    Some(Granted {
        suite: Suite::Epc2,
        terminal: TerminalId(certificate.subject_id),
        rights: Rights(rights),
        logical_cards,
        valid_until: Some(if beyond { u16::MAX } else { certificate.not_after }),
    })
}

/// Where the listed logical cards lie; `None` when one is not on the card.
fn indices(person: &Personalisation, ids: &[u8]) -> Option<Vec<usize>> {
    ids.iter().map(|&id| person.index_of(id)).collect()
}

/// A session that nobody opened, for the defects that need one.
pub(super) fn nobodys_session(channel: u8) -> Option<Session> {
    let granted = Granted {
        suite: Suite::Epc2,
        terminal: TerminalId([0; 8]),
        rights: Rights(0x00FF),
        logical_cards: vec![0],
        valid_until: None,
    };
    Some(granted.session(channel, static_keys(Suite::Epc2)?, Mac::from([0; 16])))
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

fn state(found: &Found<'_>, granted: &Granted, options: &Options) -> Vec<u8> {
    let &Found { person, image, flags, .. } = found;
    let collects = match found.defect {
        Some(AccessDefect::AllReceiptsShown) => true,
        Some(AccessDefect::OwnReceiptsShown) => false,
        _ => granted.rights.contains(Rights::COLLECT),
    };
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
