//! A card as these cases speak to it: what the statement gives of it, and what it does when all goes well.

use crate::conformance::tester::{Answer, Tester};
use crate::conformance::verdict::{OrStop, Stop};
use crate::quoted::quoted;
use crate::wire::hex;

/// Octets that the statement gives under `iso7816_4.`.
pub(super) fn octets(tester: &Tester<'_>, name: &str) -> OrStop<Vec<u8>> {
    let name = format!("iso7816_4.{name}");
    hex::parse(tester.text(&name)?).map_err(|error| Stop::error(format!("statement: {name}: {error}")))
}

/// One octet that the statement may give under `iso7816_4.`; `None` where it says `none`. `usual` is what nobody has to say.
fn choice(tester: &Tester<'_>, name: &str, usual: &str) -> OrStop<Option<u8>> {
    let name = format!("iso7816_4.{name}");
    let given = tester.optional_text(&name)?.unwrap_or(usual);
    if given == "none" {
        return Ok(None);
    }
    match hex::parse(given).as_deref() {
        Ok([octet]) => Ok(Some(*octet)),
        _ => Err(Stop::error(format!(
            "statement: {name}: expected one octet, or none, got {given}",
            given = quoted(given)
        ))),
    }
}

/// The same for an octet that is always sent.
fn octet(tester: &Tester<'_>, name: &str, usual: &str) -> OrStop<u8> {
    let none = || Stop::error(format!("statement: iso7816_4.{name}: expected one octet, got \"none\""));
    choice(tester, name, usual)?.ok_or_else(none)
}

/// The identifier of the application.
pub(super) fn aid(tester: &Tester<'_>) -> OrStop<Vec<u8>> {
    let aid = octets(tester, "aid")?;
    if !(5..=16).contains(&aid.len()) {
        let len = aid.len();
        return Err(Stop::error(format!("statement: iso7816_4.aid: expected 5 to 16 octets, got {len}")));
    }
    Ok(aid)
}

/// CLA INS P1 P2 that the statement gives, for this channel.
fn header(tester: &Tester<'_>, name: &str, channel: u8) -> OrStop<[u8; 4]> {
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

/// What a statement may say of SELECT, for the standard leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SelectForm {
    pub(super) class: u8,
    pub(super) p2: u8,
    pub(super) le: Option<u8>,
}

impl SelectForm {
    /// As the statement says; else 00, 00 and 00.
    pub(super) fn of(tester: &Tester<'_>) -> OrStop<Self> {
        Ok(Self {
            class: octet(tester, "select_class", "00")?,
            p2: octet(tester, "select_p2", "00")?,
            le: choice(tester, "select_le", "00")?,
        })
    }

    /// SELECT by this name, as octets.
    pub(super) fn command(self, aid: &[u8], channel: u8) -> Vec<u8> {
        let mut command = [&[on(self.class, channel), 0xA4, 0x04, self.p2, aid.len() as u8], aid].concat();
        command.extend(self.le);
        command
    }
}

/// SELECT by this name, as octets.
pub(super) fn select_command(tester: &Tester<'_>, aid: &[u8], channel: u8) -> OrStop<Vec<u8>> {
    Ok(SelectForm::of(tester)?.command(aid, channel))
}

/// SELECT of the application, which must succeed; its answer.
pub(super) fn select_on(tester: &mut Tester<'_>, channel: u8) -> OrStop<Vec<u8>> {
    let command = select_command(tester, &aid(tester)?, channel)?;
    let answer = tester.send_whole(&command)?;
    if channel != 0 && answer.is_refusal() && !tester.claims("iso7816_4.shareable") && is_read(tester, 0)? {
        // Java Card and others: one selected on channel 0 by the reset, and selectable on one channel only.
        return Err(Stop::inconclusive(
            "the application is selected on channel 0 without a SELECT, and nothing claims iso7816_4.shareable: another channel cannot have it",
        ));
    }
    done(tester, &answer)?;
    Ok(answer.data)
}

fn is_read(tester: &mut Tester<'_>, channel: u8) -> OrStop<bool> {
    let answer = read_on(tester, channel)?;
    Ok((answer.is_done() || answer.status.0 == 0x6282) && answer.data.len() >= 2)
}

/// SELECT of the application on channel 0.
pub(super) fn select(tester: &mut Tester<'_>) -> OrStop<Vec<u8>> {
    select_on(tester, 0)
}

/// SELECT of the application on a channel while it may be selected on another. `false`: this card does not share it, which no claim
/// says that it does.
pub(super) fn select_shared(tester: &mut Tester<'_>, channel: u8) -> OrStop<bool> {
    let command = select_command(tester, &aid(tester)?, channel)?;
    let answer = tester.send_whole(&command)?;
    if answer.is_refusal() && !tester.claims("iso7816_4.shareable") {
        tester.note(
            "the application is not selected on this channel: one that is not shareable may be selected on another",
        );
        return Ok(false);
    }
    done(tester, &answer)?;
    Ok(true)
}

/// The command that reads something.
pub(super) fn read_header(tester: &Tester<'_>, channel: u8) -> OrStop<[u8; 4]> {
    header(tester, "read_command", channel)
}

/// The command that reads something, whole.
pub(super) fn read_command(tester: &Tester<'_>, channel: u8) -> OrStop<Vec<u8>> {
    let mut command = read_header(tester, channel)?.to_vec();
    command.extend(choice(tester, "read_le", "00")?);
    Ok(command)
}

/// Reads on this channel: data and status word, whatever they are.
pub(super) fn read_on(tester: &mut Tester<'_>, channel: u8) -> OrStop<Answer> {
    let command = read_command(tester, channel)?;
    tester.send_whole(&command)
}

/// Reads on this channel, which must succeed. 6282 says that there is less than Le asks for, which is so for Le 00.
pub(super) fn must_read_on(tester: &mut Tester<'_>, channel: u8) -> OrStop<Vec<u8>> {
    let answer = read_on(tester, channel)?;
    if answer.status.0 != 0x6282 {
        done(tester, &answer)?;
    }
    tester.check(answer.data.len() >= 2, "iso7816_4.read_command answers two octets or more")?;
    Ok(answer.data)
}

/// The command with the long answer.
pub(super) fn long_header(tester: &Tester<'_>) -> OrStop<[u8; 4]> {
    header(tester, "long_answer", 0)
}

/// Sends the command with the long answer; something waits then for GET RESPONSE.
pub(super) fn begin_long(tester: &mut Tester<'_>) -> OrStop<Answer> {
    let header = long_header(tester)?;
    if header[0] & 0x80 != 0 {
        // In which class GET RESPONSE is taken must be known before something waits for it.
        tester.send_whole(&[&header[..], &[0x00]].concat())?;
    }
    let answer = tester.send(&[&header[..], &[0x00]].concat())?;
    tester.check(
        answer.status.sw1() == 0x61,
        format!("expected 61xx (more octets available), got {}", answer.status.told()),
    )?;
    Ok(answer)
}

/// GET RESPONSE behind the command with the long answer, as octets; Le 00 is 256.
pub(super) fn get_response(tester: &Tester<'_>, channel: u8, le: u8) -> OrStop<[u8; 5]> {
    let class = tester.get_response_class(long_header(tester)?[0])?;
    Ok([on(class, channel), 0xC0, 0x00, 0x00, le])
}

/// The whole long answer.
pub(super) fn long(tester: &mut Tester<'_>) -> OrStop<Vec<u8>> {
    let header = long_header(tester)?;
    let answer = tester.send_whole(&[&header[..], &[0x00]].concat())?;
    done(tester, &answer)?;
    tester.check(answer.data.len() > 256, "iso7816_4.long_answer answers more than 256 octets")?;
    Ok(answer.data)
}

/// MANAGE CHANNEL that opens a channel whose number the card assigns.
pub(super) fn open_command(tester: &Tester<'_>) -> OrStop<Vec<u8>> {
    let mut command = vec![0x00, 0x70, 0x00, 0x00];
    command.extend(choice(tester, "open_le", "01")?);
    Ok(command)
}

/// Opens a channel, which must succeed; its number.
pub(super) fn open(tester: &mut Tester<'_>) -> OrStop<u8> {
    let command = open_command(tester)?;
    let answer = tester.send_whole(&command)?;
    done(tester, &answer)?;
    match *answer.data.as_slice() {
        [number @ 1..=19] => Ok(number),
        _ => Err(Stop::fail(format!("number of a channel: expected 01 to 13, got {}", hex::encode(&answer.data)))),
    }
}

/// The number of a channel, where one can be opened.
pub(super) fn try_open(tester: &mut Tester<'_>) -> OrStop<Option<u8>> {
    let command = open_command(tester)?;
    let answer = tester.send_whole(&command)?;
    Ok(match *answer.data.as_slice() {
        [number @ 1..=19] if answer.is_done() => Some(number),
        _ => None,
    })
}

/// MANAGE CHANNEL that closes this channel; its answer. From channel 0 with the number in P2, or from the channel itself with P2 00
/// (ISO/IEC 7816-4:2020, 11.1.2 has both).
pub(super) fn close(tester: &mut Tester<'_>, channel: u8) -> OrStop<Answer> {
    match tester.optional_text("iso7816_4.close_from")?.unwrap_or("basic") {
        "basic" => tester.send(&[0x00, 0x70, 0x80, channel]),
        "own" => tester.send(&[on(0x00, channel), 0x70, 0x80, 0x00]),
        other => Err(Stop::error(format!(
            "statement: iso7816_4.close_from: expected \"basic\" or \"own\", got {other}",
            other = quoted(other)
        ))),
    }
}

/// Closes a channel that is open, which must succeed.
pub(super) fn close_well(tester: &mut Tester<'_>, channel: u8) -> OrStop {
    let answer = close(tester, channel)?;
    done(tester, &answer)
}

/// Fails unless the card says that the command was carried out: 9000, or a warning where the statement does not claim
/// `iso7816_4.strict` (specs/iso7816_4.md, "Refusals, exact and not").
pub(super) fn done(tester: &mut Tester<'_>, answer: &Answer) -> OrStop {
    if tester.claims("iso7816_4.strict") {
        return tester.expect_status(answer, 0x9000);
    }
    let word = answer.status.told();
    tester.check(answer.is_done(), format!("status word: expected 9000 (done) or a warning, got {word}"))
}

/// Power off and on, or the reset line.
pub(super) fn reset(tester: &mut Tester<'_>, cold: bool) -> OrStop {
    if cold { tester.power_on() } else { tester.warm_reset() }.map(drop)
}

/// Fails unless reading on this channel answers as it did `before`.
pub(super) fn reads_as(tester: &mut Tester<'_>, channel: u8, before: &Answer, what: &str) -> OrStop {
    let now = read_on(tester, channel)?;
    tester.check(now == *before, format!("reading on channel {channel} answers as before {what}"))
}
