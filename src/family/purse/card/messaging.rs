//! A session: secure messaging and what is allowed in it (specs/purse.md, clause 5).

use super::defect::access::AccessDefect;
use crate::family::purse::data::{Rights, Suite, TerminalId, ins};
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
    /// MCV before the last command: only a card with a defect looks at it.
    pub(super) chaining_before: Mac,
    pub(super) defect: Option<AccessDefect>,
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
            return self.open_wrong(header, ciphertext, mac);
        }
        let plaintext = match self.keys.decipher_command(self.counter as u8, ciphertext) {
            None if self.has(AccessDefect::LongPaddingAccepted) => self.open_long_padding(ciphertext)?,
            plaintext => plaintext?,
        };
        self.chaining_before = self.chaining;
        if !self.has(AccessDefect::MacUnchained) {
            self.chaining = expected;
        }
        Some(plaintext)
    }

    /// What a card with a defect takes from a command whose padding is longer than a block.
    fn open_long_padding(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        let mut padded = self.keys.decipher_padded_command(self.counter as u8, ciphertext)?;
        let end = padded.iter().rposition(|&octet| octet != 0).filter(|&end| padded[end] == 0x80)?;
        padded.truncate(end);
        Some(padded)
    }

    /// What a card with a defect takes from a command with a wrong MAC: nothing where it has none.
    fn open_wrong(&self, header: [u8; 4], ciphertext: &[u8], mac: &[u8]) -> Option<Vec<u8>> {
        let expected = |header| self.keys.command_mac(&self.chaining, header, ciphertext);
        let mut counter = self.counter;
        let accepted = match self.defect? {
            AccessDefect::CommandMacUnverified => true,
            AccessDefect::CommandMacInPart => expected(header).as_bytes()[..4] == mac[..4],
            AccessDefect::CommandMacWithoutHeader => {
                let others = [ins::VERIFY, ins::READ, ins::GET_RECEIPT, ins::TRANSACT, ins::ACK];
                others.iter().any(|&ins| expected([header[0], ins, 0, 0]).verify(mac))
            }
            AccessDefect::DirectionsConfused => {
                let reversed = SessionKeys { mac: self.keys.rmac.clone(), ..self.keys.clone() };
                reversed.command_mac(&self.chaining, header, ciphertext).verify(mac)
            }
            AccessDefect::ReplayInSession => {
                counter -= 1;
                self.keys.command_mac(&self.chaining_before, header, ciphertext).verify(mac)
            }
            _ => false,
        };
        self.keys.decipher_command(counter as u8, ciphertext).filter(|_| accepted)
    }

    /// Appends ciphertext and R-MAC of an answer; counts the command.
    pub(super) fn seal(&mut self, plaintext: &[u8], status: StatusWord, answer: &mut Vec<u8>) {
        let counter = if self.has(AccessDefect::ConstantIv) { 1 } else { self.counter as u8 };
        let ciphertext = self.keys.encipher_answer(counter, plaintext);
        let covered = if self.has(AccessDefect::StatusOutsideMac) { StatusWord::OK } else { status };
        let mac = self.keys.answer_mac(&self.chaining, &ciphertext, covered);
        answer.extend_from_slice(&ciphertext);
        let bare = match self.defect {
            Some(AccessDefect::AnswerWithoutMac) => status == StatusWord::OK,
            Some(AccessDefect::RefusalWithoutMac) => status != StatusWord::OK,
            _ => false,
        };
        if !bare {
            answer.extend_from_slice(mac.as_bytes());
        }
        if !self.has(AccessDefect::CounterStuck) {
            self.counter += 1;
        }
    }

    /// Whether another command may come.
    pub(super) fn goes_on(&self) -> bool {
        self.counter <= COMMANDS_MAX || self.has(AccessDefect::CounterWraps)
    }

    fn has(&self, defect: AccessDefect) -> bool {
        self.defect == Some(defect)
    }

    pub(super) fn may(&self, right: Rights) -> bool {
        self.rights.contains(right)
    }
}
