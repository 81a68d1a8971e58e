//! Answers that come in pieces.

use super::tester::{Answer, Tester};
use super::verdict::{Outcome, Stop};
use crate::wire::apdu::Command;

/// Most pieces of one answer: 65,536 octets in pieces of 256, and one more for a corrected length.
const PIECES_MAX: usize = 257;

impl Tester<'_> {
    /// A command, its long answer put together: `6Cxx` sends it once more with the Le that the card names, `61xx` fetches the rest on the
    /// same logical channel.
    ///
    /// Only for commands that may be sent twice: cards exist that carry a command out before they complain of its Le.
    pub fn send_whole(&mut self, command: &[u8]) -> Outcome<Answer> {
        let mut answer = self.send(command)?;
        if answer.status.sw1() == 0x6C
            && let Some(again) = with_le(command, answer.status.sw2())
        {
            answer = self.send(&again)?;
        }
        self.rest(command, answer)
    }

    /// The same for a command that is sent once: `61xx` is followed, `6Cxx` is the answer.
    pub fn send_once(&mut self, command: &[u8]) -> Outcome<Answer> {
        let answer = self.send(command)?;
        self.rest(command, answer)
    }

    fn rest(&mut self, command: &[u8], mut answer: Answer) -> Outcome<Answer> {
        let mut data = Vec::new();
        for _ in 0..PIECES_MAX {
            data.append(&mut answer.data);
            if answer.status.sw1() != 0x61 {
                return Ok(Answer { data, status: answer.status });
            }
            let cla = command.first().map_or(0, |cla| get_response_class(*cla));
            answer = self.send(&[cla, 0xC0, 0x00, 0x00, answer.status.sw2()])?;
        }
        Err(Stop::fail(format!("61xx goes on after {PIECES_MAX} pieces")))
    }
}

/// A command with the Le of `6Cxx` (ISO/IEC 7816-4:2020, 5.6, table 5), as long as the lengths that it has; `None` for what has wrong ones.
pub fn with_le(command: &[u8], le: u8) -> Option<Vec<u8>> {
    let parsed = Command::parse(command).ok()?;
    Some(parsed.with_le(if le == 0 { 256 } else { le.into() }).emit())
}

/// CLA of GET RESPONSE for a command of this class: its logical channel, no chaining, no secure messaging (ISO/IEC 7816-4:2020, 5.4.1).
fn get_response_class(cla: u8) -> u8 {
    if cla & 0xC0 == 0x40 { cla & 0x4F } else { cla & 0x03 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn le_is_replaced_or_added() {
        for (command, expected) in [
            (&[0, 0xB0, 0, 0][..], &[0, 0xB0, 0, 0, 7][..]),
            (&[0, 0xB0, 0, 0, 0], &[0, 0xB0, 0, 0, 7]),
            (&[0, 0xA4, 4, 0, 1, 0xAA], &[0, 0xA4, 4, 0, 1, 0xAA, 7]),
            (&[0, 0xA4, 4, 0, 1, 0xAA, 0], &[0, 0xA4, 4, 0, 1, 0xAA, 7]),
        ] {
            assert_eq!(with_le(command, 7).as_deref(), Some(expected));
        }
        assert_eq!(with_le(&[0, 0xB0, 0, 0, 0, 0, 0], 7).as_deref(), Some(&[0, 0xB0, 0, 0, 0, 0, 7][..]), "extended");
        assert_eq!(with_le(&[0, 0xB0, 0, 0, 0, 0, 1], 0).as_deref(), Some(&[0, 0xB0, 0, 0, 0, 1, 0][..]), "256");
        assert_eq!(with_le(&[0, 0xB0, 0, 0, 9, 0], 7), None, "malformed");
    }

    #[test]
    fn get_response_keeps_the_channel_and_nothing_else() {
        for (cla, expected) in [(0x00, 0x00), (0x13, 0x03), (0x8C, 0x00), (0x9E, 0x02), (0x5F, 0x4F), (0x65, 0x45)] {
            assert_eq!(get_response_class(cla), expected);
        }
    }
}
