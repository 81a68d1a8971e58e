//! A card as these cases speak to it: what the statement gives of it, and refusals.

use crate::conformance::tester::{Answer, Tester};
use crate::conformance::verdict::{Outcome, Stop};
use crate::wire::hex;
use crate::wire::status::Kind;

/// Class not supported, and the other words of specs/iso7816_4.md, REQ-ISO-SW-2.
pub(super) const CLASS: u16 = 0x6E00;
pub(super) const INSTRUCTION: u16 = 0x6D00;
pub(super) const PARAMETERS: u16 = 0x6A86;
pub(super) const LENGTH: u16 = 0x6700;
pub(super) const NO_APPLICATION: u16 = 0x6A82;
pub(super) const CHANNEL: u16 = 0x6881;
pub(super) const NO_CHANNEL_LEFT: u16 = 0x6A81;
pub(super) const NOTHING_WAITS: u16 = 0x6985;
pub(super) const CHAIN_EXPECTED: u16 = 0x6883;
pub(super) const NOT_CHAINABLE: u16 = 0x6884;

pub(super) const MANAGE_CHANNEL_OPEN: [u8; 5] = [0x00, 0x70, 0x00, 0x00, 0x01];

/// Octets that the statement gives under `iso7816_4.`.
pub(super) fn octets(tester: &Tester<'_>, name: &str) -> Outcome<Vec<u8>> {
    let name = format!("iso7816_4.{name}");
    hex::parse(tester.text(&name)?).map_err(|error| Stop::error(format!("statement: {name}: {error}")))
}

/// The identifier of the application.
pub(super) fn aid(tester: &Tester<'_>) -> Outcome<Vec<u8>> {
    let aid = octets(tester, "aid")?;
    if !(5..=16).contains(&aid.len()) {
        let len = aid.len();
        return Err(Stop::error(format!("statement: iso7816_4.aid: expected 5 to 16 octets, got {len}")));
    }
    Ok(aid)
}

/// CLA INS P1 P2 that the statement gives, for this channel.
fn header(tester: &Tester<'_>, name: &str, channel: u8) -> Outcome<[u8; 4]> {
    let octets = octets(tester, name)?;
    let header: [u8; 4] = octets.as_slice().try_into().map_err(|_| {
        Stop::error(format!("statement: iso7816_4.{name}: expected CLA INS P1 P2, got {} octets", octets.len()))
    })?;
    Ok([on(header[0], channel), header[1], header[2], header[3]])
}

/// The class for a channel from 0 to 19 (ISO/IEC 7816-4:2020, 5.4.1, tables 2 and 3).
pub(super) fn on(cla: u8, channel: u8) -> u8 {
    match channel {
        0..=3 => cla | channel,
        _ => cla | 0x40 | (channel - 4),
    }
}

/// SELECT by this name, as octets.
pub(super) fn select_command(aid: &[u8], channel: u8) -> Vec<u8> {
    [&[on(0x00, channel), 0xA4, 0x04, 0x00, aid.len() as u8], aid, &[0x00]].concat()
}

/// SELECT of the application, which must succeed; its answer.
pub(super) fn select_on(tester: &mut Tester<'_>, channel: u8) -> Outcome<Vec<u8>> {
    let command = select_command(&aid(tester)?, channel);
    let answer = tester.send_whole(&command)?;
    tester.expect_status(&answer, 0x9000)?;
    Ok(answer.data)
}

/// SELECT of the application on channel 0.
pub(super) fn select(tester: &mut Tester<'_>) -> Outcome<Vec<u8>> {
    select_on(tester, 0)
}

/// The command that reads something.
pub(super) fn read_header(tester: &Tester<'_>, channel: u8) -> Outcome<[u8; 4]> {
    header(tester, "read_command", channel)
}

/// Reads on this channel: data and status word, whatever they are.
pub(super) fn read_on(tester: &mut Tester<'_>, channel: u8) -> Outcome<Answer> {
    let header = read_header(tester, channel)?;
    tester.send_whole(&[&header[..], &[0x00]].concat())
}

/// Reads on this channel, which must succeed. 6282 says that there is less than Le asks for, which is so for Le 00.
pub(super) fn must_read_on(tester: &mut Tester<'_>, channel: u8) -> Outcome<Vec<u8>> {
    let answer = read_on(tester, channel)?;
    tester.expect_status_in(&answer, &[0x9000, 0x6282])?;
    tester.check(answer.data.len() >= 2, "iso7816_4.read_command answers two octets or more")?;
    Ok(answer.data)
}

/// The command with the long answer.
pub(super) fn long_header(tester: &Tester<'_>) -> Outcome<[u8; 4]> {
    header(tester, "long_answer", 0)
}

/// Sends the command with the long answer; something waits then for GET RESPONSE.
pub(super) fn begin_long(tester: &mut Tester<'_>) -> Outcome<Answer> {
    let header = long_header(tester)?;
    let answer = tester.send(&[&header[..], &[0x00]].concat())?;
    tester.check(answer.status.sw1() == 0x61, format!("expected 61xx, got {:04X}", answer.status.0))?;
    Ok(answer)
}

/// GET RESPONSE as octets; Le 00 is 256.
pub(super) fn get_response(channel: u8, le: u8) -> [u8; 5] {
    [on(0x00, channel), 0xC0, 0x00, 0x00, le]
}

/// The whole long answer.
pub(super) fn long(tester: &mut Tester<'_>) -> Outcome<Vec<u8>> {
    let header = long_header(tester)?;
    let answer = tester.send_whole(&[&header[..], &[0x00]].concat())?;
    tester.expect_status(&answer, 0x9000)?;
    tester.check(answer.data.len() > 256, "iso7816_4.long_answer answers more than 256 octets")?;
    Ok(answer.data)
}

/// Opens a channel, which must succeed; its number.
pub(super) fn open(tester: &mut Tester<'_>) -> Outcome<u8> {
    let answer = tester.send_whole(&MANAGE_CHANNEL_OPEN)?;
    tester.expect_status(&answer, 0x9000)?;
    match *answer.data.as_slice() {
        [number @ 1..=19] => Ok(number),
        _ => Err(Stop::fail(format!("number of a channel: expected 01 to 13, got {}", hex::encode(&answer.data)))),
    }
}

/// MANAGE CHANNEL that closes this channel, from channel 0; its answer.
pub(super) fn close(tester: &mut Tester<'_>, channel: u8) -> Outcome<Answer> {
    tester.send(&[0x00, 0x70, 0x80, channel])
}

/// Fails unless the card refused: with this word where the statement claims `iso7816_4.strict`, else with any word of an error;
/// without data either way (specs/iso7816_4.md, "Refusals, exact and not").
pub(super) fn refused(tester: &mut Tester<'_>, answer: &Answer, exact: u16) -> Outcome {
    if tester.claims("iso7816_4.strict") {
        tester.expect_status(answer, exact)?;
    } else {
        let error = matches!(answer.status.kind(), Kind::CheckingError | Kind::ExecutionError);
        tester.check(error, format!("status word: expected an error as {exact:04X}, got {:04X}", answer.status.0))?;
    }
    // REQ-ISO-SW-1
    tester.check(answer.data.is_empty(), "a refusal has no data")
}

/// Fails unless reading on this channel answers as it did `before`.
pub(super) fn reads_as(tester: &mut Tester<'_>, channel: u8, before: &Answer, what: &str) -> Outcome {
    let now = read_on(tester, channel)?;
    tester.check(now == *before, format!("reading on channel {channel} answers as before {what}"))
}
