//! Command chaining (specs/iso7816_4.md, clause 4).

use super::case::case;
use super::client::{aid, must_read_on, octets, on, open, read_command, reset, select, select_command, select_on};
use super::refusal::{CHAIN_EXPECTED, CLASS, INSTRUCTION, LENGTH, NO_APPLICATION, NOT_CHAINABLE, named, refused};
use crate::conformance::case::Case;
use crate::conformance::risk::Risk;
use crate::conformance::tester::{Answer, Tester};
use crate::conformance::verdict::{OrStop, Stop};

/// Bit 5 of CLA (ISO/IEC 7816-4:2020, 5.4.1).
const MORE: u8 = 0x10;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    // The command that a statement names for this may be an authentication that fails.
    let cases = [whole(), broken_off(), limits()].concat();
    cases.into_iter().map(|case| case.risk(Risk::CostsATry)).collect()
}

fn whole() -> Vec<Case> {
    vec![
        case("ISO-CHN-001", "A chain answers as the whole command does, however it is cut.", &["chaining"])
            .proves(&["REQ-ISO-CHN-1"])
            .kills(&["chain-last-part-only", "chaining-bit-ignored"])
            .body(|tester| {
                let chained = Chained::new(tester)?;
                for size in [chained.data.len().div_ceil(2), chained.data.len().div_ceil(3), chained.data.len() - 1] {
                    tester.preamble(select)?;
                    let answer = chained.send(tester, size)?;
                    chained.expect_whole(tester, &answer)?;
                }
                Ok(())
            }),
        case("ISO-CHN-002", "Each part but the last answers 9000 without data.", &["chaining"])
            .proves(&["REQ-ISO-CHN-2"])
            .kills(&["chaining-bit-ignored"])
            .body(|tester| {
                let chained = Chained::new(tester)?;
                tester.preamble(select)?;
                let answer = tester.send(&chained.part(0, &chained.data[..1], true))?;
                tester.expect_status(&answer, 0x9000)?;
                tester.check(answer.data.is_empty(), "no data")
            }),
    ]
}

fn broken_off() -> Vec<Case> {
    vec![
        case("ISO-CHN-003", "A foreign command breaks a chain off: what follows does not complete it.", &["chaining"])
            .proves(&["REQ-ISO-CHN-3"])
            .kills(&["foreign-command-keeps-chain"])
            .twin("ISO-CHN-001")
            .body(|tester| {
                let chained = Chained::new(tester)?;
                tester.preamble(select)?;
                chained.begin(tester, 0)?;
                // Another instruction that no application knows: it leaves the selection alone.
                tester.send(&[0x00, 0x5E, 0x00, 0x00])?;
                let answer = chained.end(tester, 0)?;
                chained.expect_other(tester, &answer, "after a foreign command")
            }),
        case("ISO-CHN-004", "A foreign command inside a chain is not carried out.", &["chaining", "read", "strict"])
            .proves(&["REQ-ISO-CHN-4"])
            .kills(&["foreign-command-executed", "foreign-command-keeps-chain"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                let chained = Chained::new(tester)?;
                tester.preamble(select)?;
                chained.begin(tester, 0)?;
                let command = read_command(tester, 0)?;
                let answer = tester.send(&command)?;
                refused(tester, &answer, CHAIN_EXPECTED)?;
                must_read_on(tester, 0).map(drop)
            }),
        case("ISO-CHN-005", "A reset ends a chain.", &["chaining"])
            .proves(&["REQ-ISO-CHN-6"])
            .kills(&["chain-survives-reset"])
            .twin("ISO-CHN-001")
            .body(|tester| {
                let chained = Chained::new(tester)?;
                for cold in [true, false] {
                    tester.preamble(select)?;
                    chained.begin(tester, 0)?;
                    reset(tester, cold)?;
                    // To a chain that went on this would be a foreign command, and refused.
                    select(tester)?;
                    let answer = chained.end(tester, 0)?;
                    chained.expect_other(tester, &answer, "after a reset")?;
                }
                Ok(())
            }),
        case(
            "ISO-CHN-006",
            "A part on another channel does not continue a chain.",
            &["chaining", "logical_channels", "shareable"],
        )
        .revision(2)
        .proves(&["REQ-ISO-CHN-5"])
        .kills(&["chain-crosses-channels"])
        .twin("ISO-CHN-001")
        .body(|tester| {
            let chained = Chained::new(tester)?;
            let channel = tester.preamble(open)?;
            tester.preamble(|tester| select_on(tester, channel))?;
            tester.preamble(select)?;
            chained.begin(tester, 0)?;
            let answer = chained.end(tester, channel)?;
            chained.expect_other(tester, &answer, "on another channel")
        }),
        case("ISO-CHN-010", "After a chain, whole or broken off, what is unknown is refused as before.", &["chaining"])
            .proves(&["REQ-ISO-INS-1", "REQ-ISO-CLA-1", "REQ-ISO-SEL-3"])
            .kills(&["instruction-accepted-after-chain"])
            .twin("ISO-CHN-001")
            .body(after_chains),
    ]
}

fn after_chains(tester: &mut Tester<'_>) -> OrStop {
    let chained = Chained::new(tester)?;
    let half = chained.data.len().div_ceil(2);
    for (state, is_whole) in [("after a chain", true), ("after a chain that was broken off", false)] {
        tester.preamble(select)?;
        if is_whole {
            tester.preamble(|tester| chained.send(tester, half))?;
        } else {
            chained.begin(tester, 0)?;
            // Breaks it off, whatever it answers (REQ-ISO-CHN-4).
            tester.send(&[0x00, 0x5E, 0x00, 0x00])?;
        }
        named(state, tester, |tester| {
            let answer = tester.send(&[0x00, 0x7E, 0x00, 0x00])?;
            refused(tester, &answer, INSTRUCTION)?;
            let other = super::selection::another(&aid(tester)?);
            let mut command = select_command(tester, &other, 0)?;
            let answer = tester.send(&command)?;
            refused(tester, &answer, NO_APPLICATION)?;
            command[0] = 0x20;
            let answer = tester.send(&command)?;
            refused(tester, &answer, CLASS)
        })?;
    }
    Ok(())
}

fn limits() -> Vec<Case> {
    vec![
        case("ISO-CHN-007", "SELECT may not be chained.", &["chaining", "strict"])
            .proves(&["REQ-ISO-CHN-7"])
            .kills(&["unchainable-chained", "chaining-bit-ignored"])
            .twin("ISO-SEL-001")
            .body(|tester| {
                let mut command = select_command(tester, &aid(tester)?, 0)?;
                command[0] |= MORE;
                let answer = tester.send(&command)?;
                refused(tester, &answer, NOT_CHAINABLE)
            }),
        case("ISO-CHN-008", "A chain of the claimed length is taken.", &["chaining", "chaining_limit"])
            .proves(&["REQ-ISO-CHN-8"])
            .kills(&["chain-limit-low"])
            .body(|tester| fill(tester, tester.number("iso7816_4.chain_len_max")?)),
        case(
            "ISO-CHN-009",
            "The part with which a chain becomes too long is refused.",
            &["chaining", "chaining_limit"],
        )
        .proves(&["REQ-ISO-CHN-8"])
        .kills(&["chain-unbounded"])
        .twin("ISO-CHN-008")
        .body(|tester| {
            let len = tester.number("iso7816_4.chain_len_max")?;
            tester.preamble(|tester| fill(tester, len))?;
            let chained = Chained::read(tester)?;
            let answer = tester.send(&chained.part(0, &[0x00], true))?;
            refused(tester, &answer, LENGTH)
        }),
    ]
}

/// Parts of zeros, that many octets together, each of which must be taken.
fn fill(tester: &mut Tester<'_>, mut octets: u64) -> OrStop {
    let chained = Chained::read(tester)?;
    tester.preamble(select)?;
    while octets > 0 {
        let part = octets.min(255);
        octets -= part;
        let answer = tester.send(&chained.part(0, &vec![0x00; part as usize], true))?;
        tester.expect_status(&answer, 0x9000)?;
    }
    Ok(())
}

/// The command that may be chained, and what the card answers to it whole.
struct Chained {
    header: [u8; 4],
    data: Vec<u8>,
    whole: Option<Answer>,
}

impl Chained {
    fn read(tester: &Tester<'_>) -> OrStop<Self> {
        let octets = octets(tester, "chained_command")?;
        match octets.split_first_chunk() {
            Some((header, data)) if (2..=255).contains(&data.len()) => {
                Ok(Self { header: *header, data: data.to_vec(), whole: None })
            }
            _ => Err(Stop::error(format!(
                "statement: iso7816_4.chained_command: expected CLA INS P1 P2 and 2 to 255 octets, got {} octets",
                octets.len()
            ))),
        }
    }

    /// Sends it whole, and its second half alone: if both had the same answer, no chain could be told from its last part.
    fn new(tester: &mut Tester<'_>) -> OrStop<Self> {
        let mut chained = Self::read(tester)?;
        tester.preamble(select)?;
        let whole = tester.send(&chained.part(0, &chained.data, false))?;
        tester.preamble(select)?;
        let half = chained.end(tester, 0)?;
        if half == whole {
            let word = whole.status.0;
            return Err(Stop::error(format!(
                "statement: iso7816_4.chained_command: whole and half of it answer {word:04X}: expected two answers"
            )));
        }
        chained.whole = Some(whole);
        Ok(chained)
    }

    /// One part, as octets.
    fn part(&self, channel: u8, data: &[u8], more: bool) -> Vec<u8> {
        let [cla, ins, p1, p2] = self.header;
        let cla = on(cla, channel) | if more { MORE } else { 0 };
        [&[cla, ins, p1, p2, data.len() as u8], data].concat()
    }

    /// In parts of this size; the answer to the last. Those before must be taken.
    fn send(&self, tester: &mut Tester<'_>, size: usize) -> OrStop<Answer> {
        let parts: Vec<&[u8]> = self.data.chunks(size).collect();
        let mut answer = None;
        for (index, data) in parts.iter().enumerate() {
            let more = index + 1 < parts.len();
            let got = tester.send(&self.part(0, data, more))?;
            if more {
                tester.expect_status(&got, 0x9000)?;
            }
            answer = Some(got);
        }
        answer.ok_or_else(|| Stop::error("a command without data has no parts"))
    }

    /// The first half, which must be taken.
    fn begin(&self, tester: &mut Tester<'_>, channel: u8) -> OrStop {
        let half = &self.data[..self.data.len().div_ceil(2)];
        let answer = tester.send(&self.part(channel, half, true))?;
        tester.preamble(|tester| tester.expect_status(&answer, 0x9000))
    }

    /// The second half, as the last part; its answer.
    fn end(&self, tester: &mut Tester<'_>, channel: u8) -> OrStop<Answer> {
        tester.send(&self.part(channel, &self.data[self.data.len().div_ceil(2)..], false))
    }

    fn expect_whole(&self, tester: &mut Tester<'_>, answer: &Answer) -> OrStop {
        tester.check(self.whole.as_ref() == Some(answer), "the chain answers as the whole command")
    }

    fn expect_other(&self, tester: &mut Tester<'_>, answer: &Answer, when: &str) -> OrStop {
        let completed = self.whole.as_ref() == Some(answer);
        tester.check(!completed, format!("{when} the last part does not complete the chain"))
    }
}
