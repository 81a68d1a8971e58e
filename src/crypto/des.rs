//! Two-key triple DES: CBC, and the retail MAC (ISO/IEC 9797-1:2011, MAC algorithm 3).

use std::fmt;

use cbc::cipher::consts::U8;
use cbc::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit};
use des::{Des, TdesEde2};

use crate::secret::Secret;

/// Block length in octets.
pub const BLOCK_LEN: usize = 8;

/// A two-key triple DES key that is neither single DES in disguise nor weak.
///
/// The key schedules are computed once: one payment uses a key some twenty times.
#[derive(Clone)]
pub struct TripleDesKey {
    whole: TdesEde2,
    first: Des,
    second: Des,
}

impl fmt::Debug for TripleDesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TripleDesKey(masked)")
    }
}

/// A key that must not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    /// Both halves are equal but for parity: single DES.
    #[error("both halves of the triple DES key are equal")]
    EqualHalves,
    /// A half is one of the weak or semi-weak keys.
    #[error("a half of the triple DES key is weak or semi-weak")]
    Weak,
}

/// Weak and semi-weak DES keys without parity bits (NIST SP 800-67 Rev. 2, 3.3.2).
const WEAK_HALVES: [u64; 16] = [
    0x0000_0000_0000_0000,
    0xFEFE_FEFE_FEFE_FEFE,
    0xE0E0_E0E0_F0F0_F0F0,
    0x1E1E_1E1E_0E0E_0E0E,
    0x00FE_00FE_00FE_00FE,
    0xFE00_FE00_FE00_FE00,
    0x1EE0_1EE0_0EF0_0EF0,
    0xE01E_E01E_F00E_F00E,
    0x00E0_00E0_00F0_00F0,
    0xE000_E000_F000_F000,
    0x1EFE_1EFE_0EFE_0EFE,
    0xFE1E_FE1E_FE0E_FE0E,
    0x001E_001E_000E_000E,
    0x1E00_1E00_0E00_0E00,
    0xE0FE_E0FE_F0FE_F0FE,
    0xFEE0_FEE0_FEF0_FEF0,
];

impl TripleDesKey {
    /// Takes a key of 16 octets; parity is not looked at.
    pub fn new(octets: [u8; 16]) -> Result<Self, WeakKey> {
        let octets = Secret::new(octets);
        let (first, second) = octets.expose().split_at(8);
        let stripped = |half: &[u8]| half.iter().fold(0_u64, |number, &octet| (number << 8) | u64::from(octet & 0xFE));
        let halves = [stripped(first), stripped(second)];
        if halves[0] == halves[1] {
            return Err(WeakKey::EqualHalves);
        }
        if halves.iter().any(|half| WEAK_HALVES.contains(half)) {
            return Err(WeakKey::Weak);
        }
        let single = |half: &[u8]| Des::new_from_slice(half).map_err(|_| WeakKey::Weak);
        Ok(Self { whole: TdesEde2::new(octets.expose().into()), first: single(first)?, second: single(second)? })
    }

    /// One block, electronic code book.
    pub fn encrypt_block(&self, block: [u8; BLOCK_LEN]) -> [u8; BLOCK_LEN] {
        let mut block = Block::<TdesEde2>::from(block);
        self.whole.encrypt_block(&mut block);
        block.into()
    }

    /// One block, electronic code book.
    pub fn decrypt_block(&self, block: [u8; BLOCK_LEN]) -> [u8; BLOCK_LEN] {
        let mut block = Block::<TdesEde2>::from(block);
        self.whole.decrypt_block(&mut block);
        block.into()
    }

    /// CBC over whole blocks; `None` when `message` is not a whole number of them.
    pub fn encrypt_cbc(&self, iv: [u8; BLOCK_LEN], message: &[u8]) -> Option<Vec<u8>> {
        super::encrypt_cbc(&self.whole, &iv.into(), message)
    }

    /// CBC over whole blocks; `None` when `ciphertext` is not a whole number of them.
    pub fn decrypt_cbc(&self, iv: [u8; BLOCK_LEN], ciphertext: &[u8]) -> Option<Vec<u8>> {
        super::decrypt_cbc(&self.whole, &iv.into(), ciphertext)
    }

    /// Last block of CBC with IV 0; `message` is taken in whole blocks, what is left over is zero-padded.
    pub fn cbc_mac(&self, message: &[u8]) -> [u8; BLOCK_LEN] {
        chain(&self.whole, message).into()
    }

    /// Retail MAC over `message` padded by [`super::pad80`].
    pub fn retail_mac(&self, message: &[u8]) -> [u8; BLOCK_LEN] {
        let mut last = chain(&self.first, &super::pad80(message, BLOCK_LEN));
        self.second.decrypt_block(&mut last);
        self.first.encrypt_block(&mut last);
        last.into()
    }
}

/// The last block of CBC with IV 0, without keeping the others.
fn chain<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U8>>(cipher: &C, message: &[u8]) -> Block<C> {
    let mut last = Block::<C>::default();
    for block in message.chunks(BLOCK_LEN) {
        last.iter_mut().zip(block).for_each(|(last, octet)| *last ^= octet);
        cipher.encrypt_block(&mut last);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_keys_are_refused() {
        let mut octets = *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10";
        assert!(TripleDesKey::new(octets).is_ok());
        octets[8..].copy_from_slice(&[0x1F, 0x1F, 0x1F, 0x1F, 0x0E, 0x0E, 0x0E, 0x0E]);
        assert_eq!(TripleDesKey::new(octets).err(), Some(WeakKey::Weak));
        assert_eq!(TripleDesKey::new([0x5A; 16]).err(), Some(WeakKey::EqualHalves));
        let parity_only = [[0x10; 8], [0x11; 8]].concat().try_into().unwrap();
        assert_eq!(TripleDesKey::new(parity_only).err(), Some(WeakKey::EqualHalves));
    }

    /// ISO/IEC 9797-1:1999 annex B, MAC algorithm 3 with padding method 2 over "Now is the time for all ".
    #[test]
    fn retail_mac_of_the_standard() {
        let key = *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10";
        let key = TripleDesKey::new(key).unwrap();
        assert_eq!(key.retail_mac(b"Now is the time for all "), *b"\xE9\x08\x62\x30\xCA\x3B\xE7\x96");
    }
}
