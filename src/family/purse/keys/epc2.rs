//! Suite EPC2: the two halves of its key schedule (specs/purse.md, clause 4).

use super::{Mac, SessionKeys, SuiteKey};
use crate::crypto::aes::AesKey;
use crate::crypto::ec::POINT_LEN;
use crate::crypto::kdf::{hkdf_expand, hkdf_extract, sha256};
use crate::crypto::{pad80, unpad80};
use crate::family::purse::data::session::CERTIFICATE_LEN;
use crate::family::purse::data::{AID, Suite, ins};
use crate::secret::Secret;

/// The first half: from the transcript up to AUTH and the two agreements that both sides have by then.
#[derive(Debug)]
pub struct FirstHalf {
    transcript: [u8; 32],
    prk1: Secret<32>,
    tag_key: AesKey,
    state_key: AesKey,
}

/// Header of AUTH with this certification authority.
pub const fn header(authority: u8) -> [u8; 4] {
    [0x80, ins::AUTH, Suite::Epc2.p1(), authority]
}

impl FirstHalf {
    /// `z1` = x(et·Ec), `z2` = x(st·Ec).
    pub fn new(
        r0: &[u8],
        header: [u8; 4],
        terminal_ephemeral: &[u8; POINT_LEN],
        terminal_certificate: &[u8; CERTIFICATE_LEN],
        opts: &[u8],
        z1: &Secret<32>,
        z2: &Secret<32>,
    ) -> Self {
        let len16 = |part: &[u8]| (part.len() as u16).to_be_bytes();
        let transcript = sha256(&[
            b"EPC2-1",
            &len16(&AID),
            &AID,
            &len16(r0),
            r0,
            &header,
            terminal_ephemeral,
            terminal_certificate,
            &len16(opts),
            opts,
        ]);
        let agreed = Secret::new(join::<32, 64>(z1.expose(), z2.expose()));
        let prk1 = Secret::new(hkdf_extract(&transcript, agreed.expose()));
        let keys = Secret::new(hkdf_expand::<32>(prk1.expose(), b"EPC2 auth"));
        let [tag_key, state_key] = split(keys.expose()).map(AesKey::new);
        Self { transcript, prk1, tag_key, state_key }
    }

    /// tagT.
    pub fn terminal_tag(&self) -> Mac {
        self.tag_key.cmac(&self.transcript).into()
    }

    /// C3 = AES-CBC(KX, IV 0, pad80(certC|STATE)); KX is used once.
    pub fn encipher_card_proof(&self, proof: &[u8]) -> Vec<u8> {
        self.state_key.encrypt_cbc([0; 16], &pad80(proof, 16)).unwrap_or_default()
    }

    /// certC|STATE out of C3; `None` when length or padding are wrong. Nothing of it counts before tagC is verified.
    pub fn decipher_card_proof(&self, c3: &[u8]) -> Option<Vec<u8>> {
        unpad80(&self.state_key.decrypt_cbc([0; 16], c3)?, 16).map(<[u8]>::to_vec)
    }

    /// The second half: `z3` = x(sc·Et). Session keys, and tagC.
    pub fn finish(self, c3: &[u8], z3: &Secret<32>) -> (SessionKeys, Mac) {
        let transcript = sha256(&[b"EPC2-2", &self.transcript, self.terminal_tag().as_bytes(), c3]);
        let prk2 = Secret::new(hkdf_extract(self.prk1.expose(), z3.expose()));
        let info = [b"EPC2 sess".as_slice(), &transcript].concat();
        let keys = Secret::new(hkdf_expand::<64>(prk2.expose(), &info));
        let [confirm, enc, mac, rmac] = split(keys.expose()).map(AesKey::new);
        let card_tag = confirm.cmac(&transcript).into();
        let [enc, mac, rmac] = [enc, mac, rmac].map(SuiteKey::Aes);
        (SessionKeys { suite: Suite::Epc2, enc, mac, rmac }, card_tag)
    }
}

fn join<const N: usize, const M: usize>(first: &[u8; N], second: &[u8; N]) -> [u8; M] {
    let mut joined = [0; M];
    joined[..N].copy_from_slice(first);
    joined[N..].copy_from_slice(second);
    joined
}

/// Cuts `N` keys of 16 octets.
fn split<const L: usize, const N: usize>(octets: &[u8; L]) -> [[u8; 16]; N] {
    std::array::from_fn(|index| {
        let mut key = [0; 16];
        key.copy_from_slice(&octets[index * 16..(index + 1) * 16]);
        key
    })
}
