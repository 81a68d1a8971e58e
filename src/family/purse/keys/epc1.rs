//! Suite EPC1: key derivation and the two tags of AUTH (specs/purse.md, clause 3).

use super::{Mac, SessionKeys, SuiteKey};
use crate::crypto::des::{TripleDesKey, WeakKey};
use crate::crypto::{pad80, unpad80};
use crate::family::purse::data::{AID, CardId, Role, Suite, TerminalId, ins};
use crate::secret::Secret;

/// The card key of one logical card and role, from its operator's master key for that role.
pub fn diversify(master: &Secret<16>, card: CardId) -> Result<Secret<16>, WeakKey> {
    let master = TripleDesKey::new(*master.expose())?;
    derive(&master, |half| [b"EPD1".as_slice(), &[half, 0, 0, 0], &card.0].concat())
}

/// Folds the card keys of several logical cards, ids ascending, into the one that opens them all.
/// `None` for an empty list.
pub fn fold<'a>(keys: impl IntoIterator<Item = (u8, &'a Secret<16>)>) -> Result<Option<Secret<16>>, WeakKey> {
    let mut keys = keys.into_iter();
    let Some((_, first)) = keys.next() else { return Ok(None) };
    let mut folded = first.clone();
    for (id, key) in keys {
        let key = TripleDesKey::new(*key.expose())?;
        folded = derive(&key, |half| [b"EPF1".as_slice(), &[half, id, 0, 0], folded.expose()].concat())?;
    }
    TripleDesKey::new(*folded.expose())?;
    Ok(Some(folded))
}

/// Two blocks of CBC-MAC under `key`, refused when they make a weak key.
fn derive(key: &TripleDesKey, input: impl Fn(u8) -> Vec<u8>) -> Result<Secret<16>, WeakKey> {
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&key.cbc_mac(&input(1)));
    octets[8..].copy_from_slice(&key.cbc_mac(&input(2)));
    TripleDesKey::new(octets)?;
    Ok(Secret::new(octets))
}

/// ECID: second block of 3DES-CBC(KP, IV 0, Nc|CID).
pub fn encipher_card_id(privacy: &TripleDesKey, nonce: [u8; 8], card: CardId) -> [u8; 8] {
    privacy.cbc_mac(&[nonce, card.0].concat())
}

/// CID out of ECID.
pub fn decipher_card_id(privacy: &TripleDesKey, nonce: [u8; 8], enciphered: [u8; 8]) -> CardId {
    let chain = privacy.encrypt_block(nonce);
    let mut card = privacy.decrypt_block(enciphered);
    card.iter_mut().zip(chain).for_each(|(octet, chain)| *octet ^= chain);
    CardId(card)
}

/// What both sides put into the derivation.
#[derive(Debug, Clone, Copy)]
pub struct Parties {
    /// Nt.
    pub terminal_nonce: [u8; 8],
    /// Nc.
    pub card_nonce: [u8; 8],
    /// CID.
    pub card: CardId,
    /// TID.
    pub terminal: TerminalId,
}

/// S-ENC, S-MAC, S-RMAC from the (folded) card key.
pub fn session_keys(card_key: &Secret<16>, parties: &Parties) -> Result<SessionKeys, WeakKey> {
    let key = TripleDesKey::new(*card_key.expose())?;
    let purpose = |purpose: u8| {
        let octets = derive(&key, |half| {
            let mut input = b"EPC1".to_vec();
            input.extend_from_slice(&[purpose, half, 0x00, 0x80]);
            input.extend_from_slice(&parties.terminal_nonce);
            input.extend_from_slice(&parties.card_nonce);
            input.extend_from_slice(&parties.card.0);
            input.extend_from_slice(&parties.terminal.0);
            input
        })?;
        SuiteKey::new(Suite::Epc1, *octets.expose())
    };
    Ok(SessionKeys { suite: Suite::Epc1, enc: purpose(4)?, mac: purpose(6)?, rmac: purpose(7)? })
}

/// P1 and P2 of AUTH in its header.
pub const fn header(role: Role, version: u8) -> [u8; 4] {
    [0x80, ins::AUTH, Suite::Epc1.p1(), role.key_reference(version)]
}

/// tagT.
pub fn terminal_tag(keys: &SessionKeys, r0: &[u8], header: [u8; 4], parties: &Parties, opts: &[u8]) -> Mac {
    let mut message = vec![b'T'];
    for part in [&AID, r0] {
        message.extend_from_slice(&(part.len() as u16).to_be_bytes());
        message.extend_from_slice(part);
    }
    message.extend_from_slice(&header);
    message.extend_from_slice(&parties.terminal_nonce);
    message.extend_from_slice(&parties.terminal.0);
    message.extend_from_slice(opts);
    keys.mac.mac(&message)
}

/// tagC.
pub fn card_tag(keys: &SessionKeys, terminal_tag: &Mac, c3: &[u8]) -> Mac {
    let message = [b"C".as_slice(), terminal_tag.as_bytes(), c3].concat();
    keys.rmac.mac(&message)
}

/// C3 = 3DES-CBC(S-ENC, IV = 3DES(S-ENC, 80 00..), pad80(STATE)).
pub fn encipher_state(keys: &SessionKeys, state: &[u8]) -> Vec<u8> {
    let SuiteKey::TripleDes(key) = &keys.enc else { return Vec::new() };
    key.encrypt_cbc(state_iv(key), &pad80(state, 8)).unwrap_or_default()
}

/// STATE out of C3; `None` when length or padding are wrong. Check tagC first.
pub fn decipher_state(keys: &SessionKeys, c3: &[u8]) -> Option<Vec<u8>> {
    let SuiteKey::TripleDes(key) = &keys.enc else { return None };
    unpad80(&key.decrypt_cbc(state_iv(key), c3)?, 8).map(<[u8]>::to_vec)
}

fn state_iv(key: &TripleDesKey) -> [u8; 8] {
    key.encrypt_block([0x80, 0, 0, 0, 0, 0, 0, 0])
}
