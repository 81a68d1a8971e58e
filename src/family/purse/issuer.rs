//! The issuer's desk: the keys of a scheme, and who gets which of them.
//!
//! A card gets its own diversified keys, a terminal (its SAM) the master keys of its roles, nobody both. [`Scheme::test`] is
//! the scheme of all virtual cards: its keys are hashes of public words, so that nobody takes them for secrets.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use super::data::session::{Certificate, Subject};
use super::data::{CardId, Rights, Role, Suite, TerminalId};
use super::keys::epc1;
use crate::crypto::des::WeakKey;
use crate::crypto::ec::{EcError, Point, PrivateKey};
use crate::crypto::kdf::sha256;
use crate::secret::Secret;

/// Days since 2016-01-01 between which test certificates hold: 2016 to 2195, so that no test ends by the calendar.
const TEST_VALIDITY: (u16, u16) = (0, u16::MAX);

/// The keys of a scheme, derived on demand. Clones share what was worked out once: a certificate costs a signature, and a suite of tests
/// asks for the same ones a thousand times.
#[derive(Debug, Clone)]
pub struct Scheme {
    root: Secret<32>,
    authority: Arc<OnceLock<(PrivateKey, Point)>>,
    issued: Arc<Mutex<BTreeMap<Issued, (PrivateKey, Certificate)>>>,
}

/// Whose key and certificate: card or terminal, its id, issuer, rights, validity.
type Issued = (&'static str, [u8; 8], u32, u16, (u16, u16));

impl Scheme {
    /// Number of the certification authority, P2 of AUTH.
    pub const AUTHORITY: u8 = 0;
    /// Version of all EPC1 keys.
    pub const KEY_VERSION: u8 = 1;

    /// The scheme of virtual cards. Its keys are public; real money must never meet them.
    pub fn test() -> Self {
        static TEST: LazyLock<Scheme> = LazyLock::new(|| Scheme {
            root: Secret::new(sha256(&[b"untorn TEST scheme: these keys protect nothing"])),
            authority: Arc::default(),
            issued: Arc::default(),
        });
        TEST.clone()
    }

    fn derive(&self, label: &str, parts: &[&[u8]]) -> Secret<32> {
        let mut message: Vec<&[u8]> = vec![self.root.expose(), label.as_bytes()];
        message.extend_from_slice(parts);
        Secret::new(sha256(&message))
    }

    fn derive16(&self, label: &str, parts: &[&[u8]]) -> Secret<16> {
        let mut octets = [0; 16];
        octets.copy_from_slice(&self.derive(label, parts).expose()[..16]);
        Secret::new(octets)
    }

    /// The master key that an operator keeps for one logical card and role.
    pub fn master(&self, operator: u32, logical_card: u8, role: Role) -> Secret<16> {
        self.derive16("master", &[&operator.to_be_bytes(), &[logical_card, role as u8]])
    }

    /// The key of one card for one logical card and role.
    pub fn card_key(&self, operator: u32, logical_card: u8, role: Role, card: CardId) -> Result<Secret<16>, WeakKey> {
        epc1::diversify(&self.master(operator, logical_card, role), card)
    }

    /// KP, which hides card ids in EPC1.
    pub fn privacy_key(&self) -> Secret<16> {
        self.derive16("privacy", &[])
    }

    /// The key of receipt MACs, known to this card and the upper system only.
    pub fn receipt_key(&self, card: CardId, suite: Suite) -> Secret<16> {
        self.derive16("receipt", &[&card.0, &[suite.p1()]])
    }

    /// Public key of the certification authority.
    pub fn authority(&self) -> Result<Point, EcError> {
        Ok(self.authority_pair()?.1.clone())
    }

    fn authority_pair(&self) -> Result<&(PrivateKey, Point), EcError> {
        if let Some(pair) = self.authority.get() {
            return Ok(pair);
        }
        let key = PrivateKey::new(self.derive("authority", &[]).expose())?;
        let public = key.public();
        Ok(self.authority.get_or_init(|| (key, public)))
    }

    /// Private key and certificate of a card.
    pub fn card_credentials(&self, card: CardId, issuer: u32) -> Result<(PrivateKey, Certificate), EcError> {
        self.credentials(Subject::Card, card.0, issuer, Rights::default(), TEST_VALIDITY)
    }

    /// The same with a certificate that ended on this day, counted from 2016-01-01.
    pub fn ended_card_credentials(
        &self,
        card: CardId,
        issuer: u32,
        not_after: u16,
    ) -> Result<(PrivateKey, Certificate), EcError> {
        self.credentials(Subject::Card, card.0, issuer, Rights::default(), (0, not_after))
    }

    /// Private key and certificate of a terminal with these rights.
    pub fn terminal_credentials(
        &self,
        terminal: TerminalId,
        issuer: u32,
        rights: Rights,
    ) -> Result<(PrivateKey, Certificate), EcError> {
        self.credentials(Subject::Terminal, terminal.0, issuer, rights, TEST_VALIDITY)
    }

    /// Signs a certificate as the authority, whatever it says: also one that no authority should sign.
    pub fn certify(&self, certificate: Certificate) -> Result<Certificate, EcError> {
        Ok(certificate.signed(&self.authority_pair()?.0))
    }

    fn credentials(
        &self,
        subject: Subject,
        subject_id: [u8; 8],
        issuer: u32,
        rights: Rights,
        (not_before, not_after): (u16, u16),
    ) -> Result<(PrivateKey, Certificate), EcError> {
        let wanted = (label(subject), subject_id, issuer, rights.0, (not_before, not_after));
        // A thread that panicked has left the map whole: an entry is put in at once.
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = issued.get(&wanted) {
            return Ok(known.clone());
        }
        let key = self.subject_key(subject, subject_id)?;
        let point = key.public().to_bytes();
        let unsigned =
            Certificate { subject, issuer, subject_id, not_before, not_after, rights, point, signature: [0; 64] };
        let made = (key, unsigned.signed(&self.authority_pair()?.0));
        issued.insert(wanted, made.clone());
        Ok(made)
    }

    /// The private key that a subject was given, without its certificate.
    pub fn subject_key(&self, subject: Subject, subject_id: [u8; 8]) -> Result<PrivateKey, EcError> {
        PrivateKey::new(self.derive(label(subject), &[&subject_id]).expose())
    }
}

const fn label(subject: Subject) -> &'static str {
    match subject {
        Subject::Terminal => "terminal",
        Subject::Card => "card",
    }
}
