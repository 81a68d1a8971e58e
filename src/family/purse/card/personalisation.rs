//! What a card is given once and for all: its keys, its limits, its certificate.

use super::guards::Guards;
use super::image::Layout;
use crate::crypto::des::{TripleDesKey, WeakKey};
use crate::crypto::ec::{EcError, Point, PrivateKey};
use crate::family::purse::data::session::{CERTIFICATE_LEN, Certificate, Subject};
use crate::family::purse::data::{CardId, Role, Suite};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::keys::SuiteKey;
use crate::family::purse::keys::epc1;
use crate::family::purse::profile::{KeysProfile, LogicalCardProfile, PurseProfile};
use crate::secret::{Pin, Secret};

/// Why no card can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonaliseError {
    /// A derived key is not to be used (REQ-AU1-3).
    #[error("a key of the card cannot be used: {0}")]
    WeakKey(#[from] WeakKey),
    /// A key of suite EPC2 is none, or the certificate is not the authority's.
    #[error("key or certificate of the card: {0}")]
    Ec(#[from] EcError),
    /// The certificate given is not one of this card and key.
    #[error("certificate of the card: expected one of card {expected} for its private key, got one of {got}")]
    Certificate {
        /// CID of the profile.
        expected: CardId,
        /// Subject of the certificate.
        got: CardId,
    },
    /// A saved image of another card or of another layout.
    #[error("card image: expected {expected} octets of card {card}, got {got} octets of another card or layout")]
    Image {
        /// CID of the profile.
        card: CardId,
        /// Octets of its layout.
        expected: usize,
        /// Octets of the image.
        got: usize,
    },
}

/// All that never changes.
#[derive(Debug)]
pub(super) struct Personalisation {
    pub(super) card: CardId,
    pub(super) suites: u8,
    pub(super) key_version: u8,
    pub(super) layout: Layout,
    pub(super) logical_cards: Vec<LogicalCard>,
    pub(super) privacy: TripleDesKey,
    receipt_keys: [SuiteKey; 2],
    /// Only on a card that offers EPC2.
    pub(super) epc2: Option<Epc2Keys>,
    pub(super) pin: Option<Pin>,
}

#[derive(Debug)]
pub(super) struct LogicalCard {
    pub(super) profile: LogicalCardProfile,
    /// KA for each role, by its code.
    keys: [Secret<16>; 5],
}

#[derive(Debug)]
pub(super) struct Epc2Keys {
    pub(super) private: PrivateKey,
    pub(super) certificate: [u8; CERTIFICATE_LEN],
    pub(super) authority_number: u8,
    pub(super) authority: Point,
}

impl Personalisation {
    pub(super) fn new(profile: &PurseProfile, scheme: &Scheme, guards: &impl Guards) -> Result<Self, PersonaliseError> {
        let given = &profile.keys;
        let card = profile.card_id;
        let privacy = given.privacy.clone().unwrap_or_else(|| scheme.privacy_key());
        let receipt_key = |suite| {
            let key = given.receipt.clone().unwrap_or_else(|| scheme.receipt_key(card, suite));
            SuiteKey::new(suite, *key.expose())
        };
        let logical_cards =
            profile.logical_cards.iter().map(|logical| LogicalCard::new(logical, profile, scheme, guards));
        let offers_epc2 = profile.suites.contains(&Suite::Epc2);
        Ok(Self {
            card,
            suites: profile.suites.iter().fold(0, |bits, suite| bits | suite.bit()),
            key_version: Scheme::KEY_VERSION,
            layout: Layout::new(profile),
            logical_cards: logical_cards.collect::<Result<_, _>>()?,
            privacy: TripleDesKey::new(*privacy.expose())?,
            receipt_keys: [receipt_key(Suite::Epc1)?, receipt_key(Suite::Epc2)?],
            epc2: offers_epc2.then(|| Epc2Keys::new(given, profile, scheme)).transpose()?,
            pin: profile.pin.clone(),
        })
    }

    pub(super) fn offers(&self, suite: Suite) -> bool {
        self.suites & suite.bit() != 0
    }

    /// The key of RM in sessions of this suite.
    pub(super) fn receipt_key(&self, suite: Suite) -> &SuiteKey {
        match suite {
            Suite::Epc1 => &self.receipt_keys[0],
            Suite::Epc2 => &self.receipt_keys[1],
        }
    }

    /// Index of the logical card with this id.
    pub(super) fn index_of(&self, id: u8) -> Option<usize> {
        self.logical_cards.iter().position(|card| card.profile.id == id)
    }

    /// The key that opens these logical cards for a role; `None` when the card has not all of them, or when the key would be weak.
    pub(super) fn folded_key(&self, role: Role, indices: &[usize]) -> Option<Secret<16>> {
        let keys = indices.iter().map(|&index| {
            let card = &self.logical_cards[index];
            (card.profile.id, &card.keys[role as usize])
        });
        epc1::fold(keys).ok().flatten()
    }
}

impl LogicalCard {
    fn new(
        logical: &LogicalCardProfile,
        profile: &PurseProfile,
        scheme: &Scheme,
        guards: &impl Guards,
    ) -> Result<Self, WeakKey> {
        let key = |role| guards.card_key(scheme, profile, logical, role);
        let [debit, credit, refund, read, administer] = Role::ALL.map(key);
        Ok(Self { profile: logical.clone(), keys: [debit?, credit?, refund?, read?, administer?] })
    }
}

impl Epc2Keys {
    fn new(given: &KeysProfile, profile: &PurseProfile, scheme: &Scheme) -> Result<Self, PersonaliseError> {
        let authority = match &given.authority {
            Some(authority) => authority.clone(),
            None => scheme.authority()?,
        };
        let (private, certificate) = match (&given.card_private, &given.certificate) {
            (Some(private), Some(certificate)) => (private.clone(), certificate.clone()),
            _ => scheme.card_credentials(profile.card_id, profile.issuer)?,
        };
        // What the scheme made holds together by how it is made; looking again would be most of the time of making a card.
        if given.authority.is_some() || given.certificate.is_some() {
            check_certificate(&certificate, &private, &authority, profile.card_id)?;
        }
        Ok(Self { private, certificate: certificate.emit(), authority_number: Scheme::AUTHORITY, authority })
    }
}

fn check_certificate(
    certificate: &Certificate,
    private: &PrivateKey,
    authority: &Point,
    card: CardId,
) -> Result<(), PersonaliseError> {
    let point = certificate.verify(authority)?;
    let of_card = certificate.subject == Subject::Card && certificate.subject_id == card.0;
    if of_card && point == private.public() {
        return Ok(());
    }
    Err(PersonaliseError::Certificate { expected: card, got: CardId(certificate.subject_id) })
}
