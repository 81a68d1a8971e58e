//! A session: secure messaging and what is allowed in it (specs/purse.md, clause 5).

use crate::family::purse::data::{Rights, Suite, TerminalId};
use crate::family::purse::keys::{Mac, SessionKeys};
use crate::wire::status::StatusWord;

/// Commands of one session (REQ-SES-1).
const COMMANDS_MAX: u16 = 255;
/// Longest data field of a protected command: Lc' is one octet.
const LC_MAX: usize = 255;

/// The one session that a card can have.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) channel: u8,
    pub(super) keys: SessionKeys,
    pub(super) suite: Suite,
    /// MCV.
    pub(super) chaining: Mac,
    /// Of the next command, from 1.
    pub(super) counter: u16,
    pub(super) rights: Rights,
    /// Indices of the logical cards it may touch, in the order of the list.
    pub(super) logical_cards: Vec<usize>,
    pub(super) terminal: TerminalId,
    /// The PIN was right.
    pub(super) verified: bool,
    /// Last day of the terminal's certificate, days since 2016-01-01.
    pub(super) valid_until: Option<u16>,
}

impl Session {
    /// The plaintext of a command, or `None` when its MAC or padding is wrong: the session has ended then (REQ-SES-2).
    pub(super) fn open(&mut self, header: [u8; 4], data: &[u8]) -> Option<Vec<u8>> {
        if data.len() > LC_MAX {
            return None;
        }
        let at = data.len().checked_sub(self.keys.mac_len())?;
        let (ciphertext, mac) = data.split_at(at);
        let expected = self.keys.command_mac(&self.chaining, header, ciphertext);
        if !expected.verify(mac) {
            return None;
        }
        let plaintext = self.keys.decipher_command(self.counter as u8, ciphertext)?;
        self.chaining = expected;
        Some(plaintext)
    }

    /// Appends ciphertext and R-MAC of an answer; counts the command.
    pub(super) fn seal(&mut self, plaintext: &[u8], status: StatusWord, answer: &mut Vec<u8>) {
        let ciphertext = self.keys.encipher_answer(self.counter as u8, plaintext);
        let mac = self.keys.answer_mac(&self.chaining, &ciphertext, status);
        answer.extend_from_slice(&ciphertext);
        answer.extend_from_slice(mac.as_bytes());
        self.counter += 1;
    }

    /// Whether another command may come.
    pub(super) fn goes_on(&self) -> bool {
        self.counter <= COMMANDS_MAX
    }

    pub(super) fn may(&self, right: Rights) -> bool {
        self.rights.contains(right)
    }
}
