//! Keys, PINs and card numbers as types that cannot be printed by accident.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret of `N` octets: masked in Debug, wiped on drop, compared in constant time.
///
/// ```
/// use untorn::secret::Secret;
/// let key = Secret::new([0x42; 16]);
/// assert_eq!(format!("{key:?}"), "Secret(16 octets)");
/// assert!(key == Secret::new([0x42; 16]));
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes the octets into custody.
    pub const fn new(octets: [u8; N]) -> Self {
        Self(octets)
    }

    /// The octets, for a primitive that needs them. The name is long so that a review finds it.
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({N} octets)")
    }
}

/// Whether two public-length octet strings are equal, in time that depends on the length only.
#[must_use]
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A PIN of 4 to 12 digits, masked in Debug and wiped on drop.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Pin(Vec<u8>);

impl Pin {
    /// Reads a PIN as typed. The refused text is not repeated in the error.
    pub fn parse(text: &str) -> Result<Self, PinError> {
        let digits = text.bytes().all(|octet| octet.is_ascii_digit());
        if digits && (4..=12).contains(&text.len()) { Ok(Self(text.as_bytes().to_vec())) } else { Err(PinError) }
    }

    /// The digits in ASCII, for VERIFY.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(masked)")
    }
}

/// What was typed is not a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PIN is 4 to 12 digits")]
pub struct PinError;
