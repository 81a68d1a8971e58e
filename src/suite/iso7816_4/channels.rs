//! Logical channels (specs/iso7816_4.md, clause 7).

use super::case::case;
use super::client::{
    aid, close, close_well, must_read_on, on, open, open_command, read_command, read_on, reads_as, reset, select,
    select_command, select_on, select_shared,
};
use super::refusal::{CHANNEL, CLASS, NO_CHANNEL_LEFT, PARAMETERS, named, nothing_done, refused};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::difference::plain;

/// Channels there can be besides channel 0 (ISO/IEC 7816-4:2020, 5.4.2).
const CHANNELS_MAX: usize = 19;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [opening(), closing(), selection(), sharing(), opening_by_select()].concat()
}

fn opening() -> Vec<Case> {
    vec![
        case("ISO-LCH-013", "MANAGE CHANNEL opens a channel and says its number.", &["logical_channels"])
            .proves(&["REQ-ISO-LCH-1"])
            .kills(&["channel-number-unsaid"])
            .body(first_opening),
        case("ISO-LCH-001", "A channel opened can be used and closed, as often as one likes.", &["logical_channels"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-1"])
            .kills(&["channel-not-closed"])
            .body(|tester| {
                for _ in 0..=CHANNELS_MAX {
                    let channel = open(tester)?;
                    select_shared(tester, channel)?;
                    close_well(tester, channel)?;
                }
                Ok(())
            }),
        case("ISO-LCH-002", "No channel is opened twice, and none when all are open.", &["logical_channels"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-1", "REQ-ISO-SW-2"])
            .kills(&["channel-opened-twice"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                let mut opened = vec![open(tester)?];
                for _ in 0..CHANNELS_MAX {
                    let command = open_command(tester)?;
                    let answer = tester.send_whole(&command)?;
                    if !answer.is_done() || answer.data.is_empty() {
                        return nothing_done(tester, &answer, NO_CHANNEL_LEFT);
                    }
                    let new = !answer.data.iter().any(|number| opened.contains(number));
                    tester.check(new, format!("a channel other than {opened}", opened = plain(&opened)))?;
                    opened.extend(answer.data);
                }
                Err(Stop::fail(format!("more than {CHANNELS_MAX} channels were opened")))
            }),
        case("ISO-LCH-003", "A command on a channel that is not open is refused.", &["logical_channels", "read"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-2", "REQ-ISO-SW-2"])
            .kills(&["channel-ignored"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                tester.preamble(select)?;
                tester.preamble(|tester| must_read_on(tester, 0))?;
                (1..=3).try_for_each(|channel| is_closed(tester, channel))?;
                must_read_on(tester, 0).map(drop)
            }),
        case("ISO-LCH-004", "A reset closes all channels but channel 0.", &["logical_channels", "read"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-6"])
            .kills(&["channels-survive-reset"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                for cold in [true, false] {
                    let channel = tester.preamble(open)?;
                    tester.preamble(|tester| select_shared(tester, channel))?;
                    reset(tester, cold)?;
                    is_closed(tester, channel)?;
                    let answer = close(tester, channel)?;
                    nothing_done(tester, &answer, CHANNEL)?;
                }
                select(tester).map(drop)
            }),
    ]
}

/// Asks with the command that reads: SELECT may be what opens a channel (REQ-ISO-LCH-8).
fn is_closed(tester: &mut Tester<'_>, channel: u8) -> OrStop {
    let command = read_command(tester, channel)?;
    let answer = tester.send(&command)?;
    // With nothing selected a class of the application's own is unknown, which a card may see first (REQ-ISO-CLA-2).
    let has_own_class = command[0] & 0x80 != 0;
    let expected = if has_own_class && answer.status.0 == CLASS { CLASS } else { CHANNEL };
    refused(tester, &answer, expected)
}

/// The claim alone: where it does not hold, nothing can be said of what channels do.
fn first_opening(tester: &mut Tester<'_>) -> OrStop {
    let asked = open_command(tester)?;
    let answer = tester.send_whole(&asked)?;
    if answer.is_done() && matches!(answer.data.as_slice(), [1..=19]) {
        return Ok(());
    }
    let strict = tester.claims("iso7816_4.strict");
    for (name, le) in [("01", &[0x01][..]), ("00", &[0x00]), ("none", &[])] {
        let command = [&asked[..4], le].concat();
        if strict || command == asked {
            continue;
        }
        tester.preamble(Tester::power_on)?;
        let other = tester.send_whole(&command)?;
        if other.is_done() && matches!(other.data.as_slice(), [1..=19]) {
            return Err(Stop::inconclusive(format!(
                "MANAGE CHANNEL answers {answer} to the statement's Le, and opens a channel with another: set \
                 \"iso7816_4.open_le\" = \"{name}\" in [values]",
                answer = plain(&answer)
            )));
        }
    }
    if answer.status.0 == 0x6985 && !tester.claims("iso7816_4.shareable") {
        // Java Card Runtime Environment 3.1, 4.5.1: the default applet would be selected on the new channel too.
        return Err(Stop::inconclusive(
            "MANAGE CHANNEL answers 6985: what is selected on channel 0 after a reset may not be shareable",
        ));
    }
    Err(Stop::fail(format!(
        "expected MANAGE CHANNEL to open a channel and to say its number, got {answer}: iso7816_4.logical_channels is \
         claimed",
        answer = plain(&answer)
    )))
}

fn closing() -> Vec<Case> {
    vec![
        case("ISO-LCH-005", "A command on a closed channel is refused.", &["logical_channels", "read"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-2"])
            .kills(&["channel-not-closed", "channel-ignored", "wrong-channel-closed"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                let channel = tester.preamble(open)?;
                tester.preamble(|tester| select_on(tester, channel))?;
                tester.preamble(|tester| must_read_on(tester, channel))?;
                close_well(tester, channel)?;
                is_closed(tester, channel)
            }),
        case("ISO-LCH-006", "Closing a channel that is not open closes nothing.", &["logical_channels"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-2"])
            .kills(&["unopened-channel-closed"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                let channel = tester.preamble(open)?;
                close_well(tester, channel)?;
                let answer = close(tester, channel)?;
                nothing_done(tester, &answer, CHANNEL)?;
                open(tester).map(drop)
            }),
        case("ISO-LCH-007", "Channel 0 is not closed.", &["logical_channels", "read"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-5"])
            .kills(&["basic-channel-closed"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                tester.preamble(select)?;
                let answer = tester.send(&[0x00, 0x70, 0x80, 0x00])?;
                nothing_done(tester, &answer, PARAMETERS)?;
                must_read_on(tester, 0).map(drop)
            }),
        case("ISO-LCH-008", "Closing one channel leaves the others as they are.", &["logical_channels", "read"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-3"])
            .kills(&["wrong-channel-closed"])
            .body(|tester| {
                closing_leaves(tester, 0)?;
                tester.preamble(Tester::power_on)?;
                closing_leaves(tester, 1)
            }),
    ]
}

/// Opens channels, selects on one of them only, so that a card needs share nothing, closes another, and reads. `kept`: 0 for channel
/// 0, 1 for the second that was opened.
fn closing_leaves(tester: &mut Tester<'_>, kept: usize) -> OrStop {
    let closed = tester.preamble(open)?;
    let command = open_command(tester)?;
    let other = match tester.send_whole(&command)?.data.as_slice() {
        [number] => *number,
        _ => 0,
    };
    let kept = [0, other][kept];
    tester.preamble(|tester| select_on(tester, kept))?;
    tester.preamble(|tester| must_read_on(tester, kept))?;
    close_well(tester, closed)?;
    must_read_on(tester, kept).map(drop)
}

fn selection() -> Vec<Case> {
    vec![
        case("ISO-LCH-009", "SELECT on one channel selects on no other.", &["logical_channels", "read"])
            .proves(&["REQ-ISO-LCH-3"])
            .kills(&["channels-share-selection"])
            .twin("ISO-LCH-010")
            .body(|tester| {
                let channel = tester.preamble(open)?;
                let before = [read_on(tester, 0)?, read_on(tester, channel)?];
                tester.preamble(select)?;
                reads_as(tester, channel, &before[1], "SELECT on channel 0")?;
                tester.preamble(Tester::power_on)?;
                let channel = tester.preamble(open)?;
                tester.preamble(|tester| select_on(tester, channel))?;
                reads_as(tester, 0, &before[0], "SELECT on the other")
            }),
        case("ISO-LCH-010", "What is selected on a channel can be used there.", &["logical_channels", "read"])
            .revision(2)
            .proves(&["REQ-ISO-LCH-3"])
            .kills(&["le-zero-as-none"])
            .body(|tester| {
                select(tester)?;
                let basic = must_read_on(tester, 0)?;
                // Not on both at once: that is REQ-ISO-LCH-7, and a claim.
                tester.power_on()?;
                let channel = open(tester)?;
                select_on(tester, channel)?;
                let other = must_read_on(tester, channel)?;
                tester.check_octets("what is read on both channels", &basic, &other)
            }),
        case(
            "ISO-LCH-011",
            "A channel closed and opened again begins as it did at first.",
            &["logical_channels", "read"],
        )
        .proves(&["REQ-ISO-LCH-4"])
        .kills(&["closed-channel-keeps-selection"])
        .twin("ISO-LCH-010")
        .body(|tester| {
            let channel = tester.preamble(open)?;
            let before = read_on(tester, channel)?;
            tester.preamble(|tester| select_on(tester, channel))?;
            close_well(tester, channel)?;
            let again = tester.preamble(open)?;
            reads_as(tester, again, &before, "closing and opening")
        }),
        case(
            "ISO-LCH-012",
            "A command refused on one channel changes nothing on another.",
            &["logical_channels", "read"],
        )
        .proves(&["REQ-ISO-LCH-3"])
        .kills(&["channel-ignored"])
        .twin("ISO-LCH-010")
        .body(|tester| {
            let channel = tester.preamble(open)?;
            let before = read_on(tester, channel)?;
            tester.preamble(select)?;
            let mut another = aid(tester)?;
            another.reverse();
            let command = select_command(tester, &another, channel)?;
            tester.send(&command)?;
            reads_as(tester, channel, &before, "a refused SELECT")?;
            tester.send(&[on(0x00, channel), 0x5E, 0x00, 0x00])?;
            must_read_on(tester, 0).map(drop)
        }),
    ]
}

fn sharing() -> Vec<Case> {
    vec![
        case(
            "ISO-LCH-014",
            "A shareable application can be used on two channels at once.",
            &["logical_channels", "read", "shareable"],
        )
        .proves(&["REQ-ISO-LCH-7"])
        .kills(&["selected-on-one-channel-only"])
        .twin("ISO-LCH-010")
        .body(|tester| {
            select(tester)?;
            let basic = must_read_on(tester, 0)?;
            let channel = tester.preamble(open)?;
            select_on(tester, channel)?;
            for channel in [channel, 0] {
                let read = must_read_on(tester, channel)?;
                tester.check_octets("what is read on both channels", &basic, &read)?;
            }
            Ok(())
        }),
        case(
            "ISO-LCH-017",
            "With two applications, each channel has its own.",
            &["logical_channels", "read", "second_application"],
        )
        .proves(&["REQ-ISO-LCH-3"])
        .twin("ISO-LCH-010")
        .body(two_applications),
    ]
}

fn opening_by_select() -> Vec<Case> {
    vec![
        case(
            "ISO-LCH-015",
            "SELECT on a channel that is not open opens it.",
            &["logical_channels", "read", "select_opens"],
        )
        .proves(&["REQ-ISO-LCH-8"])
        .twin("ISO-LCH-010")
        .body(|tester| {
            select_on(tester, 1)?;
            must_read_on(tester, 1)?;
            close_well(tester, 1)?;
            is_closed(tester, 1)
        }),
        case(
            "ISO-LCH-016",
            "Where SELECT opens no channel, SELECT on one that is not open is refused.",
            &["logical_channels", "strict"],
        )
        .needs(&["!iso7816_4.select_opens", "!iso7816_4.select_may_open"])
        .proves(&["REQ-ISO-LCH-2", "REQ-ISO-SW-2"])
        .kills(&["channel-ignored", "select-opens-channel"])
        .twin("ISO-LCH-001")
        .body(|tester| {
            for channel in 1..=3 {
                let command = select_command(tester, &aid(tester)?, channel)?;
                let answer = tester.send(&command)?;
                refused(tester, &answer, CHANNEL)?;
            }
            Ok(())
        }),
    ]
}

/// The second application on another channel: selecting, using and closing it changes nothing of the first.
fn two_applications(tester: &mut Tester<'_>) -> OrStop {
    let second = super::client::octets(tester, "second_aid")?;
    tester.preamble(select)?;
    let first = tester.preamble(|tester| must_read_on(tester, 0))?;
    let channel = tester.preamble(open)?;
    let command = select_command(tester, &second, channel)?;
    let answer = tester.send_whole(&command)?;
    super::client::done(tester, &answer)?;
    let still = must_read_on(tester, 0)?;
    tester.check_octets("what is read after SELECT of the second on another channel", &first, &still)?;
    let other = read_on(tester, channel)?;
    tester.check(other.data != first, "the other channel does not read as the first application does")?;
    close_well(tester, channel)?;
    named("the second application's channel closed", tester, |tester| {
        let still = must_read_on(tester, 0)?;
        tester.check_octets("what is read", &first, &still)
    })
}
