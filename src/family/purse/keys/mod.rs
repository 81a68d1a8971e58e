//! Session keys and secure messaging, the same for both suites (specs/purse.md, clause 5).

pub mod epc1;
pub mod epc2;

use std::fmt;

use super::data::Suite;
use crate::crypto::aes::{self, AesKey};
use crate::crypto::des::{self, TripleDesKey, WeakKey};
use crate::crypto::{pad80, unpad80};
use crate::secret::equal_in_constant_time;
use crate::wire::status::StatusWord;

/// A MAC of 8 or 16 octets. Compare with [`Mac::verify`] only.
#[derive(Clone, Copy)]
pub struct Mac {
    octets: [u8; 16],
    len: usize,
}

impl Mac {
    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    /// Whether `received` is this MAC, whole, in constant time.
    #[must_use]
    pub fn verify(&self, received: &[u8]) -> bool {
        equal_in_constant_time(self.as_bytes(), received)
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({} octets)", self.len)
    }
}

impl From<[u8; 8]> for Mac {
    fn from(short: [u8; 8]) -> Self {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&short);
        Self { octets, len: 8 }
    }
}

impl From<[u8; 16]> for Mac {
    fn from(octets: [u8; 16]) -> Self {
        Self { octets, len: 16 }
    }
}

/// A key of either suite.
#[derive(Clone, Debug)]
pub enum SuiteKey {
    /// EPC1.
    TripleDes(Box<TripleDesKey>),
    /// EPC2.
    Aes(AesKey),
}

impl SuiteKey {
    /// A key of this suite; EPC1 refuses weak ones (REQ-AU1-3).
    pub fn new(suite: Suite, octets: [u8; 16]) -> Result<Self, WeakKey> {
        Ok(match suite {
            Suite::Epc1 => Self::TripleDes(Box::new(TripleDesKey::new(octets)?)),
            Suite::Epc2 => Self::Aes(AesKey::new(octets)),
        })
    }

    /// Retail MAC or CMAC.
    pub fn mac(&self, message: &[u8]) -> Mac {
        match self {
            Self::TripleDes(key) => key.retail_mac(message).into(),
            Self::Aes(key) => key.cmac(message).into(),
        }
    }

    const fn block_len(&self) -> usize {
        match self {
            Self::TripleDes(_) => des::BLOCK_LEN,
            Self::Aes(_) => aes::BLOCK_LEN,
        }
    }

    /// Pads and enciphers; the IV is the enciphered block `first|00..|counter`.
    fn encipher(&self, first: u8, counter: u8, plaintext: &[u8]) -> Vec<u8> {
        self.encipher_padded(first, counter, &pad80(plaintext, self.block_len())).unwrap_or_default()
    }

    /// `None` when `padded` is not a whole number of blocks.
    fn encipher_padded(&self, first: u8, counter: u8, padded: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::TripleDes(key) => key.encrypt_cbc(key.encrypt_block(iv(first, counter)), padded),
            Self::Aes(key) => key.encrypt_cbc(key.encrypt_block(iv(first, counter)), padded),
        }
    }

    fn decipher(&self, first: u8, counter: u8, ciphertext: &[u8]) -> Option<Vec<u8>> {
        unpad80(&self.decipher_padded(first, counter, ciphertext)?, self.block_len()).map(<[u8]>::to_vec)
    }

    fn decipher_padded(&self, first: u8, counter: u8, ciphertext: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::TripleDes(key) => key.decrypt_cbc(key.encrypt_block(iv(first, counter)), ciphertext),
            Self::Aes(key) => key.decrypt_cbc(key.encrypt_block(iv(first, counter)), ciphertext),
        }
    }
}

fn iv<const N: usize>(first: u8, counter: u8) -> [u8; N] {
    let mut block = [0; N];
    block[0] = first;
    block[N - 1] = counter;
    block
}

/// First octet of a command's IV block.
const TO_CARD: u8 = 0x00;
/// First octet of an answer's IV block.
const FROM_CARD: u8 = 0x80;

/// The keys of one session. The counter of both directions is that of the command.
#[derive(Clone, Debug)]
pub struct SessionKeys {
    pub(super) suite: Suite,
    pub(super) enc: SuiteKey,
    pub(super) mac: SuiteKey,
    pub(super) rmac: SuiteKey,
}

impl SessionKeys {
    /// From S-ENC, S-MAC and S-RMAC as they stand.
    pub fn from_parts(suite: Suite, [enc, mac, rmac]: [[u8; 16]; 3]) -> Result<Self, WeakKey> {
        let key = |octets| SuiteKey::new(suite, octets);
        Ok(Self { suite, enc: key(enc)?, mac: key(mac)?, rmac: key(rmac)? })
    }

    /// Which suite.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Octets of a MAC.
    pub const fn mac_len(&self) -> usize {
        self.suite.mac_len()
    }

    /// Ciphertext of a command; none for no data.
    pub fn encipher_command(&self, counter: u8, plaintext: &[u8]) -> Vec<u8> {
        if plaintext.is_empty() { Vec::new() } else { self.enc.encipher(TO_CARD, counter, plaintext) }
    }

    /// Ciphertext of a command whose padding the caller has made; `None` when it is not a whole number of blocks. For tests of
    /// what a card says to a wrong one.
    pub fn encipher_padded_command(&self, counter: u8, padded: &[u8]) -> Option<Vec<u8>> {
        self.enc.encipher_padded(TO_CARD, counter, padded)
    }

    /// Plaintext of a command with its padding, of whatever length that is: for a card with a defect.
    pub(super) fn decipher_padded_command(&self, counter: u8, ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.enc.decipher_padded(TO_CARD, counter, ciphertext)
    }

    /// Octets of a cipher block.
    pub const fn block_len(&self) -> usize {
        self.enc.block_len()
    }

    /// Plaintext of a command, `None` when the padding is wrong. Check the MAC first.
    pub fn decipher_command(&self, counter: u8, ciphertext: &[u8]) -> Option<Vec<u8>> {
        if ciphertext.is_empty() { Some(Vec::new()) } else { self.enc.decipher(TO_CARD, counter, ciphertext) }
    }

    /// Ciphertext of an answer; none for no data.
    pub fn encipher_answer(&self, counter: u8, plaintext: &[u8]) -> Vec<u8> {
        if plaintext.is_empty() { Vec::new() } else { self.enc.encipher(FROM_CARD, counter, plaintext) }
    }

    /// Plaintext of an answer, `None` when the padding is wrong. Check the MAC first.
    pub fn decipher_answer(&self, counter: u8, ciphertext: &[u8]) -> Option<Vec<u8>> {
        if ciphertext.is_empty() { Some(Vec::new()) } else { self.enc.decipher(FROM_CARD, counter, ciphertext) }
    }

    /// C-MAC; it is the next chaining value. `header` is CLA INS P1 P2 with the channel bits cleared.
    pub fn command_mac(&self, chaining: &Mac, header: [u8; 4], ciphertext: &[u8]) -> Mac {
        let mut message = chaining.as_bytes().to_vec();
        message.extend_from_slice(&header);
        message.push((ciphertext.len() + self.mac_len()) as u8);
        message.extend_from_slice(ciphertext);
        self.mac.mac(&message)
    }

    /// R-MAC under the chaining value of the command that is answered.
    pub fn answer_mac(&self, chaining: &Mac, ciphertext: &[u8], status: StatusWord) -> Mac {
        let message = [chaining.as_bytes(), ciphertext, &status.to_bytes()].concat();
        self.rmac.mac(&message)
    }
}
