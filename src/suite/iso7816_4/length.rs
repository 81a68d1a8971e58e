//! Lc and Le (specs/iso7816_4.md, clause 3).

use super::case::case;
use super::client::{
    SelectForm, aid, done, must_read_on, read_command, read_header, read_on, reads_as, select, select_command,
};
use super::refusal::{LENGTH, refused};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::OrStop;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [of_data(), of_answers()].concat()
}

fn of_data() -> Vec<Case> {
    vec![
        case("ISO-LEN-001", "A command with fewer octets of data than Lc says is refused.", &[])
            .proves(&["REQ-ISO-LEN-1", "REQ-ISO-SW-2"])
            .kills(&["lc-beyond-data"])
            .twin("ISO-SEL-001")
            .body(|tester| {
                // The whole command first: a buffer that is not cleared still has the octets that are missing.
                let command = select_command(tester, &aid(tester)?, 0)?;
                for left in [6, 5 + usize::from(command[4]) - 1] {
                    tester.preamble(select)?;
                    let answer = tester.send(&command[..left])?;
                    refused(tester, &answer, LENGTH)?;
                }
                Ok(())
            }),
        case("ISO-LEN-002", "A command with octets behind data and Le is refused.", &[])
            .proves(&["REQ-ISO-LEN-2"])
            .kills(&["trailing-octets-ignored"])
            .twin("ISO-SEL-001")
            .body(|tester| {
                for more in [1, 2, 16] {
                    let command = [with_le(tester)?, vec![0x00; more]].concat();
                    let answer = tester.send(&command)?;
                    refused(tester, &answer, LENGTH)?;
                }
                Ok(())
            }),
        case("ISO-LEN-003", "SELECT with a wrong Lc selects nothing.", &["read"])
            .proves(&["REQ-ISO-LEN-1", "REQ-ISO-LEN-2"])
            .kills(&["trailing-octets-ignored"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                let before = read_on(tester, 0)?;
                let command = with_le(tester)?;
                for wrong in [[&command[..], &[0x00; 3]].concat(), command[..command.len() - 2].to_vec()] {
                    tester.send(&wrong)?;
                    reads_as(tester, 0, &before, "SELECT with a wrong Lc")?;
                }
                Ok(())
            }),
        case("ISO-LEN-004", "MANAGE CHANNEL with data is refused.", &["strict", "logical_channels"])
            .proves(&["REQ-ISO-LEN-3"])
            .kills(&["unexpected-data-ignored"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                let answer = tester.send(&[0x00, 0x70, 0x00, 0x00, 0x02, 0xA5, 0xA5, 0x01])?;
                refused(tester, &answer, LENGTH)
            }),
    ]
}

fn of_answers() -> Vec<Case> {
    vec![
        case("ISO-LE-001", "Le 00 asks for up to 256 octets, not for none.", &["read"])
            .proves(&["REQ-ISO-LE-1"])
            .kills(&["le-zero-as-none"])
            .body(|tester| {
                tester.preamble(select)?;
                let command = read_command(tester, 0)?;
                let answer = tester.send(&command)?;
                tester.check(answer.data.len() <= 256, "at most 256 octets")?;
                must_read_on(tester, 0).map(drop)
            }),
        case("ISO-LE-002", "An answer has no more octets than Le permits.", &["read"])
            .proves(&["REQ-ISO-LE-1"])
            .kills(&["le-ignored"])
            .body(|tester| {
                tester.preamble(select)?;
                let whole = tester.preamble(|tester| must_read_on(tester, 0))?;
                let header = read_header(tester, 0)?;
                let answer = tester.send(&[&header[..], &[0x01]].concat())?;
                tester.check(answer.data.len() <= 1, format!("at most 1 octet, got {}", answer.data.len()))?;
                tester.check(whole.starts_with(&answer.data), "what came begins the answer")
            }),
        case("ISO-LE-003", "Without Le the answer has no data.", &["read", "strict"])
            .proves(&["REQ-ISO-LE-2"])
            .kills(&["le-ignored"])
            .twin("ISO-LE-001")
            .body(|tester| {
                tester.preamble(select)?;
                // Case 1 on T=0 is the same octets as Le 00, hence no case for cards that claim less.
                let header = read_header(tester, 0)?;
                let answer = tester.send(&header)?;
                tester.check(answer.data.is_empty(), "no data")
            }),
        case("ISO-LE-004", "The answer to SELECT without Le has no data.", &[])
            .revision(2)
            .proves(&["REQ-ISO-LE-2"])
            .kills(&["le-ignored"])
            .body(|tester| {
                let mut command = with_le(tester)?;
                command.pop();
                let answer = tester.send(&command)?;
                if tester.claims("iso7816_4.strict") {
                    let done = answer.status.0 == 0x9000 || answer.status.sw1() == 0x61;
                    tester.check(
                        done,
                        format!("expected 9000 (done) or 61xx (more octets available), got {}", answer.status.told()),
                    )?;
                } else if !answer.is_done() && answer.status.sw1() != 0x61 {
                    tester.note("the card does not take SELECT without Le");
                }
                tester.check(answer.data.is_empty(), "no data")
            }),
        case("ISO-LE-005", "The length that 6Cxx names is right.", &["read"])
            .proves(&["REQ-ISO-LE-3"])
            .kills(&["wrong-length-hint"])
            .body(named_length),
    ]
}

/// Le 01 for an answer of two octets or more: what the card makes of it, 6Cxx must lead on.
fn named_length(tester: &mut Tester<'_>) -> OrStop {
    tester.preamble(select)?;
    let header = read_header(tester, 0)?;
    let first = tester.send(&[&header[..], &[0x01]].concat())?;
    if first.status.sw1() != 0x6C {
        tester.note("the card does not answer 6Cxx here");
        return Ok(());
    }
    let named = first.status.sw2();
    let answer = tester.send(&[&header[..], &[named]].concat())?;
    done(tester, &answer)?;
    let expected = if named == 0 { 256 } else { usize::from(named) };
    tester.check_equal("octets after 6Cxx", &expected, &answer.data.len())
}

/// SELECT with an Le, whatever the statement says: octets behind a command without one would be it.
fn with_le(tester: &Tester<'_>) -> OrStop<Vec<u8>> {
    let form = SelectForm::of(tester)?;
    Ok(SelectForm { le: Some(form.le.unwrap_or(0x00)), ..form }.command(&aid(tester)?, 0))
}
