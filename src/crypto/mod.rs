//! One door to the primitives. They come from RustCrypto; protocols are ours and live in the families.

use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit};
use cbc::{Decryptor, Encryptor};

pub mod aes;
pub mod des;
pub mod ec;
pub mod kdf;

/// Appends `80` and zeros up to a whole number of blocks; always at least one octet (ISO/IEC 9797-1:2011, padding method 2).
///
/// ```
/// assert_eq!(untorn::crypto::pad80(b"abc", 8), b"abc\x80\0\0\0\0");
/// ```
pub fn pad80(message: &[u8], block_len: usize) -> Vec<u8> {
    let mut padded = Vec::with_capacity(message.len() + block_len);
    padded.extend_from_slice(message);
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(block_len), 0);
    padded
}

/// What precedes the padding of [`pad80`]; `None` without padding, and where the padding is longer than one block: a message has the
/// shortest padding, so that no two texts have the same meaning.
///
/// ```
/// use untorn::crypto::unpad80;
/// assert_eq!(unpad80(b"abc\x80\0\0\0\0", 8), Some(&b"abc"[..]));
/// assert_eq!(unpad80(b"abc\x80\0\0\0\0\0\0\0\0\0\0\0\0", 8), None);
/// ```
pub fn unpad80(padded: &[u8], block_len: usize) -> Option<&[u8]> {
    let end = padded.iter().rposition(|&octet| octet != 0)?;
    (padded[end] == 0x80 && padded.len() - end <= block_len).then(|| &padded[..end])
}

/// CBC over whole blocks, of either cipher; `None` when `message` is not a whole number of them.
fn encrypt_cbc<C: BlockCipherEncrypt>(cipher: &C, iv: &Block<C>, message: &[u8]) -> Option<Vec<u8>> {
    let whole = message.len().is_multiple_of(iv.len());
    whole.then(|| Encryptor::inner_iv_init(cipher, iv).encrypt_padded_vec::<NoPadding>(message))
}

/// CBC over whole blocks, of either cipher; `None` when `ciphertext` is not a whole number of them.
fn decrypt_cbc<C: BlockCipherDecrypt>(cipher: &C, iv: &Block<C>, ciphertext: &[u8]) -> Option<Vec<u8>> {
    Decryptor::inner_iv_init(cipher, iv).decrypt_padded_vec::<NoPadding>(ciphertext).ok()
}
