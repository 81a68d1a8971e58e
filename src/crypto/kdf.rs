//! SHA-256 and HKDF (RFC 5869).

use hkdf::Hkdf;
use sha2::{Digest, Sha256};

/// SHA-256 over the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// HKDF-Extract: the pseudorandom key.
pub fn hkdf_extract(salt: &[u8], input: &[u8]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(salt), input).0.into()
}

/// HKDF-Expand to `N` octets, at most 255 x 32.
///
/// # Panics
/// When `N` is larger, which only a wrong constant in our own code can be.
pub fn hkdf_expand<const N: usize>(key: &[u8; 32], info: &[u8]) -> [u8; N] {
    let mut output = [0; N];
    let expanded = Hkdf::<Sha256>::from_prk(key).map(|hkdf| hkdf.expand(info, &mut output));
    assert!(matches!(expanded, Ok(Ok(()))), "HKDF-Expand gives at most 8160 octets");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, A.1.
    #[test]
    fn hkdf_of_the_rfc() {
        let salt: Vec<u8> = (0..=0x0C).collect();
        let info: Vec<u8> = (0xF0..=0xF9).collect();
        let key = hkdf_extract(&salt, &[0x0B; 22]);
        assert_eq!(key[..8], *b"\x07\x77\x09\x36\x2c\x2e\x32\xdf");
        let output: [u8; 42] = hkdf_expand(&key, &info);
        assert_eq!(output[..8], *b"\x3c\xb2\x5f\x25\xfa\xac\xd5\x7a");
        assert_eq!(output[32..], *b"\x34\x00\x72\x08\xd5\xb8\x87\x18\x58\x65");
    }
}
