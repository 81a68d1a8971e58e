//! Refusals: their words, what counts as one, and the states in which they are tried.

use super::client::{open, select, select_shared, try_open};
use crate::conformance::tester::{Answer, Tester};
use crate::conformance::verdict::{OrStop, Stop};
use crate::quoted::quoted;
use crate::wire::hex;
use crate::wire::status::{Kind, StatusWord};

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

/// Fails unless the card refused: with this word where the statement claims `iso7816_4.strict`, else with any word of an error;
/// without data either way (specs/iso7816_4.md, "Refusals, exact and not").
pub(super) fn refused(tester: &mut Tester<'_>, answer: &Answer, exact: u16) -> OrStop {
    if tester.claims("iso7816_4.strict") {
        let words = exact_words(tester, exact)?;
        tester.expect_status_in(answer, &words)?;
    } else {
        let (exact, word) = (StatusWord(exact).told(), answer.status.told());
        tester.check(answer.is_refusal(), format!("status word: expected an error as {exact}, got {word}"))?;
    }
    // REQ-ISO-SW-1
    tester.check(answer.data.is_empty(), "a refusal has no data")
}

/// The same where there is nothing that could be carried out: 62xx without data says so too (specs/iso7816_4.md, "Warnings").
pub(super) fn nothing_done(tester: &mut Tester<'_>, answer: &Answer, exact: u16) -> OrStop {
    let warned = answer.status.kind() == Kind::Warning && answer.status.sw1() == 0x62;
    if tester.claims("iso7816_4.strict") || !warned {
        return refused(tester, answer, exact);
    }
    tester.check(answer.data.is_empty(), "a warning without data where nothing could be done")
}

/// The word, or those that the statement has for it: a kind of card may have words of its own.
fn exact_words(tester: &Tester<'_>, exact: u16) -> OrStop<Vec<u16>> {
    let name = format!("iso7816_4.words.{exact:04X}");
    let Some(text) = tester.optional_text(&name)? else { return Ok(vec![exact]) };
    let octets = hex::parse(text).map_err(|error| Stop::error(format!("statement: {name}: {error}")))?;
    let (words, rest) = octets.as_chunks::<2>();
    if !rest.is_empty() || words.is_empty() {
        return Err(Stop::error(format!(
            "statement: {name}: expected status words of two octets, got {text}",
            text = quoted(text)
        )));
    }
    Ok(words.iter().map(|word| u16::from_be_bytes(*word)).collect())
}

/// Tries refusals in each state in which a card may look at a command in another way: with nothing selected, with the application
/// selected, and on another channel where there are channels. The steps are given the channel.
pub(super) fn in_each_state(tester: &mut Tester<'_>, mut steps: impl FnMut(&mut Tester<'_>, u8) -> OrStop) -> OrStop {
    named("nothing selected since the reset", tester, |tester| steps(tester, 0))?;
    tester.preamble(Tester::power_on)?;
    tester.preamble(select)?;
    named("with the application selected", tester, |tester| steps(tester, 0))?;
    if !tester.claims("iso7816_4.logical_channels") {
        return Ok(());
    }
    tester.preamble(Tester::power_on)?;
    let Some(channel) = try_open(tester)? else {
        // ISO-LCH-013 says so.
        tester.note("no other channel is opened");
        return Ok(());
    };
    named("on another channel, nothing selected there", tester, |tester| steps(tester, channel))?;
    tester.preamble(Tester::power_on)?;
    let channel = tester.preamble(open)?;
    if tester.preamble(|tester| select_shared(tester, channel))? {
        named("with the application selected on another channel", tester, |tester| steps(tester, channel))?;
    }
    Ok(())
}

/// Steps in a state, which a failure names.
pub(super) fn named(state: &str, tester: &mut Tester<'_>, steps: impl FnOnce(&mut Tester<'_>) -> OrStop) -> OrStop {
    tester.note(state);
    steps(tester).map_err(|stop| Stop { reason: format!("{state}: {}", stop.reason), ..stop })
}
