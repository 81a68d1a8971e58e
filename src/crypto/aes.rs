//! AES-128: CBC, and CMAC (NIST SP 800-38B).

use aes::Aes128;
use cbc::cipher::{Block, BlockCipherEncrypt, KeyInit};
use cmac::{Cmac, Mac};

use crate::secret::Secret;

/// Block length in octets.
pub const BLOCK_LEN: usize = 16;

/// An AES-128 key.
#[derive(Clone, Debug)]
pub struct AesKey(Secret<16>);

impl AesKey {
    /// Takes a key of 16 octets.
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(Secret::new(octets))
    }

    fn cipher(&self) -> Aes128 {
        Aes128::new(self.0.expose().into())
    }

    /// One block, electronic code book.
    pub fn encrypt_block(&self, block: [u8; BLOCK_LEN]) -> [u8; BLOCK_LEN] {
        let mut block = Block::<Aes128>::from(block);
        self.cipher().encrypt_block(&mut block);
        block.into()
    }

    /// CBC over whole blocks; `None` when `message` is not a whole number of them.
    pub fn encrypt_cbc(&self, iv: [u8; BLOCK_LEN], message: &[u8]) -> Option<Vec<u8>> {
        super::encrypt_cbc(&self.cipher(), &iv.into(), message)
    }

    /// CBC over whole blocks; `None` when `ciphertext` is not a whole number of them.
    pub fn decrypt_cbc(&self, iv: [u8; BLOCK_LEN], ciphertext: &[u8]) -> Option<Vec<u8>> {
        super::decrypt_cbc(&self.cipher(), &iv.into(), ciphertext)
    }

    /// CMAC of 16 octets.
    pub fn cmac(&self, message: &[u8]) -> [u8; BLOCK_LEN] {
        let mut mac = <Cmac<Aes128> as KeyInit>::new(self.0.expose().into());
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38B, D.1: examples 1 and 2.
    #[test]
    fn cmac_of_the_publication() {
        let key = AesKey::new(*b"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c");
        assert_eq!(key.cmac(b""), *b"\xbb\x1d\x69\x29\xe9\x59\x37\x28\x7f\xa3\x7d\x12\x9b\x75\x67\x46");
        let message = b"\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a";
        assert_eq!(key.cmac(message), *b"\x07\x0a\x16\xb4\x6b\x4d\x41\x44\xf7\x9b\xdd\x9d\xd0\x4a\x28\x7c");
    }
}
