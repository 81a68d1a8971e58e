//! P-256: Diffie-Hellman and ECDSA with SHA-256.

use std::fmt;

use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};

use crate::entropy::Entropy;
use crate::secret::Secret;

/// Octets of X|Y.
pub const POINT_LEN: usize = 64;
/// Octets of r|s.
pub const SIGNATURE_LEN: usize = 64;

/// A private key; masked in Debug, wiped on drop.
#[derive(Clone)]
pub struct PrivateKey(SecretKey);

/// A point on the curve, not the point at infinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point(PublicKey);

/// Octets that are no key of this curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EcError {
    /// Zero, or not below the group's order.
    #[error("expected a P-256 private key from 1 to n-1")]
    PrivateKey,
    /// Not on the curve.
    #[error("expected X|Y of a point on P-256, got one that is not on the curve")]
    NotOnCurve,
    /// The signature is not one of this message under this key.
    #[error("the signature does not verify")]
    Signature,
}

impl PrivateKey {
    /// From 32 octets.
    pub fn new(octets: &[u8; 32]) -> Result<Self, EcError> {
        SecretKey::from_slice(octets).map(Self).map_err(|_| EcError::PrivateKey)
    }

    /// A fresh key.
    ///
    /// # Panics
    /// When the source gives zeros or ones for ever: no payment can be made safely then.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        // A random string fails with probability 2^-32; the bound keeps a broken source from hanging us.
        const TRIES_MAX: usize = 8;
        let mut octets = [0; 32];
        for _ in 0..TRIES_MAX {
            entropy.fill(&mut octets);
            if let Ok(key) = Self::new(&octets) {
                zeroize::Zeroize::zeroize(&mut octets);
                return key;
            }
        }
        panic!("the random source gave {TRIES_MAX} strings that are no private key: it is broken");
    }

    /// The point that belongs to it.
    pub fn public(&self) -> Point {
        Point(self.0.public_key())
    }

    /// The abscissa of the shared point.
    pub fn agree(&self, other: &Point) -> Secret<32> {
        let shared = p256::ecdh::diffie_hellman(self.0.to_nonzero_scalar(), other.0.as_affine());
        let mut octets = [0; 32];
        octets.copy_from_slice(shared.raw_secret_bytes());
        Secret::new(octets)
    }

    /// r|s over SHA-256 of the message (deterministic, RFC 6979).
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        let signature: Signature = SigningKey::from(&self.0).sign(message);
        signature.to_bytes().into()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(masked)")
    }
}

impl Point {
    /// From X|Y; refuses what is not on the curve (an invalid point would leak the private key, NIST SP 800-56A Rev. 3, 5.6.2.3).
    pub fn new(octets: &[u8; POINT_LEN]) -> Result<Self, EcError> {
        let mut sec1 = [4; 1 + POINT_LEN];
        sec1[1..].copy_from_slice(octets);
        PublicKey::from_sec1_bytes(&sec1).map(Self).map_err(|_| EcError::NotOnCurve)
    }

    /// X|Y.
    pub fn to_bytes(&self) -> [u8; POINT_LEN] {
        let sec1 = self.0.to_sec1_point(false);
        let mut octets = [0; POINT_LEN];
        octets.copy_from_slice(&sec1.as_bytes()[1..]);
        octets
    }

    /// Whether r|s is a signature of SHA-256 of the message under this key.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), EcError> {
        let signature = Signature::from_slice(signature).map_err(|_| EcError::Signature)?;
        VerifyingKey::from(&self.0).verify(message, &signature).map_err(|_| EcError::Signature)
    }
}
