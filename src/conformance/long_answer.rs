//! Answers that come in pieces.

use super::tester::{Answer, Tester};
use super::verdict::{OrStop, Stop};
use crate::quoted::quoted;
use crate::wire::apdu::Command;
use crate::wire::status::StatusWord;

/// Most pieces of one answer: 65,536 octets in pieces of 256, and one more for a corrected length.
const PIECES_MAX: usize = 257;

/// Name of the value that says in which class this card takes GET RESPONSE: [`SAME`] or [`INTERINDUSTRY`].
const GET_RESPONSE_CLASS: &str = "iso7816_4.get_response_class";
/// The class of the command that it answers, the chaining bit off.
const SAME: &str = "same";
/// 00 with the logical channel, whatever the command's class was.
const INTERINDUSTRY: &str = "00";

impl Tester<'_> {
    /// A command, its long answer put together: `6Cxx` sends it once more with the Le that the card names, `61xx` fetches the rest on the
    /// same logical channel.
    ///
    /// Only for commands that may be sent twice: cards exist that carry a command out before they complain of its Le. Where the statement
    /// does not say in which class the card takes GET RESPONSE, and the command's class leaves more than one, this finds out.
    pub fn send_whole(&mut self, command: &[u8]) -> OrStop<Answer> {
        let cla = command.first().copied().unwrap_or_default();
        let mut whole = Answer { data: Vec::new(), status: StatusWord::OK };
        for class in self.get_response_classes(cla)? {
            let mut answer = self.send(command)?;
            if answer.status.sw1() == 0x6C
                && let Some(again) = with_le(command, answer.status.sw2())
            {
                answer = self.send(&again)?;
            }
            let is_long = answer.status.sw1() == 0x61;
            let first = answer.data.len();
            whole = self.rest(class, answer)?;
            let is_barred = is_long && whole.is_refusal() && whole.data.len() == first;
            if !is_barred {
                if is_long {
                    self.learn_get_response_class(cla, class);
                }
                return Ok(whole);
            }
            self.note(format!("GET RESPONSE in class {class:02X} answers {}", whole.status.told()));
        }
        Ok(whole)
    }

    /// The same for a command that is sent once: `61xx` is followed, `6Cxx` is the answer.
    pub fn send_once(&mut self, command: &[u8]) -> OrStop<Answer> {
        let answer = self.send(command)?;
        let cla = command.first().copied().unwrap_or_default();
        let class = self.get_response_class(cla)?;
        self.rest(class, answer)
    }

    /// CLA of GET RESPONSE for a command of this class, as the statement says or as was found out; else that of an interindustry command.
    pub fn get_response_class(&self, cla: u8) -> OrStop<u8> {
        let classes = self.get_response_classes(cla)?;
        Ok(if classes.len() == 1 { classes[0] } else { interindustry(cla) })
    }

    /// The classes in which GET RESPONSE may be tried. ISO/IEC 7816-4:2020, 5.3.4 leaves the class open; drivers for T=0 take the command's.
    fn get_response_classes(&self, cla: u8) -> OrStop<Vec<u8>> {
        if let Some(class) = self.learnt_get_response_class(cla) {
            return Ok(vec![class]);
        }
        let said = self.statement().values.get(GET_RESPONSE_CLASS);
        let said = said.map(|_| self.text(GET_RESPONSE_CLASS)).transpose()?;
        match said {
            Some(SAME) => Ok(vec![same(cla)]),
            Some(INTERINDUSTRY) => Ok(vec![interindustry(cla)]),
            None if cla & 0x80 == 0 => Ok(vec![interindustry(cla)]),
            None => {
                let mut classes = vec![same(cla), cla, interindustry(cla)];
                classes.dedup();
                Ok(classes)
            }
            Some(other) => Err(Stop::error(format!(
                "statement: {GET_RESPONSE_CLASS}: expected {SAME} or {INTERINDUSTRY}, got {other}",
                other = quoted(other),
                SAME = quoted(SAME),
                INTERINDUSTRY = quoted(INTERINDUSTRY)
            ))),
        }
    }

    fn rest(&mut self, class: u8, mut answer: Answer) -> OrStop<Answer> {
        let mut data = Vec::new();
        for _ in 0..PIECES_MAX {
            data.append(&mut answer.data);
            if answer.status.sw1() != 0x61 {
                return Ok(Answer { data, status: answer.status });
            }
            answer = self.send(&[class, 0xC0, 0x00, 0x00, answer.status.sw2()])?;
            if answer.status.sw1() == 0x6C {
                // A card may ask for another Le, once for each piece (REQ-ISO-LE-3).
                answer = self.send(&[class, 0xC0, 0x00, 0x00, answer.status.sw2()])?;
            }
        }
        Err(Stop::fail(format!("61xx goes on after {PIECES_MAX} pieces")))
    }
}

/// A command with the Le of `6Cxx` (ISO/IEC 7816-4:2020, 5.6, table 5), as long as the lengths that it has; `None` for what has wrong ones.
pub fn with_le(command: &[u8], le: u8) -> Option<Vec<u8>> {
    let parsed = Command::parse(command).ok()?;
    Some(parsed.with_le(if le == 0 { 256 } else { le.into() }).emit())
}

/// An interindustry class: the command's logical channel, no chaining, no secure messaging (ISO/IEC 7816-4:2020, 5.4.1).
fn interindustry(cla: u8) -> u8 {
    if cla & 0xC0 == 0x40 { cla & 0x4F } else { cla & 0x03 }
}

/// The command's own class without chaining. Of proprietary classes only 8X and 9X are laid out so, by GlobalPlatform (Card Specification
/// 2.3.1, 11.1.4).
fn same(cla: u8) -> u8 {
    match cla {
        0x80..=0x9F => cla & !0x10,
        0xA0.. => cla,
        _ => interindustry(cla),
    }
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
    fn an_interindustry_get_response_keeps_the_channel_and_nothing_else() {
        for (cla, expected) in [(0x00, 0x00), (0x13, 0x03), (0x8C, 0x00), (0x9E, 0x02), (0x5F, 0x4F), (0x65, 0x45)] {
            assert_eq!(interindustry(cla), expected);
        }
        for (cla, expected) in [(0x80, 0x80), (0x90, 0x80), (0x81, 0x81), (0xA0, 0xA0), (0xB0, 0xB0), (0x13, 0x03)] {
            assert_eq!(same(cla), expected);
        }
    }
}
