//! Logical channels (specs/iso7816_4.md, clause 7).

use super::case;
use super::client::{
    CHANNEL, MANAGE_CHANNEL_OPEN, NO_CHANNEL_LEFT, PARAMETERS, aid, close, must_read_on, on, open, read_on, reads_as,
    refused, select, select_command, select_on,
};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{Outcome, Stop};

/// Channels there can be besides channel 0 (ISO/IEC 7816-4:2020, 5.4.2).
const CHANNELS_MAX: usize = 19;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [opening(), closing(), selection()].concat()
}

fn opening() -> Vec<Case> {
    vec![
        case("ISO-LCH-001", "A channel opened can be used and closed, as often as one likes.", &["logical_channels"])
            .proves(&["REQ-ISO-LCH-1"])
            .kills(&["channel-not-closed"])
            .body(|tester| {
                for _ in 0..=CHANNELS_MAX {
                    let channel = open(tester)?;
                    select_on(tester, channel)?;
                    close_well(tester, channel)?;
                }
                Ok(())
            }),
        case("ISO-LCH-002", "No channel is opened twice, and none when all are open.", &["logical_channels"])
            .proves(&["REQ-ISO-LCH-1", "REQ-ISO-SW-2"])
            .kills(&["channel-opened-twice"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                let mut opened = vec![open(tester)?];
                for _ in 0..CHANNELS_MAX {
                    let answer = tester.send_whole(&MANAGE_CHANNEL_OPEN)?;
                    if answer.status.0 != 0x9000 {
                        return refused(tester, &answer, NO_CHANNEL_LEFT);
                    }
                    let new = !answer.data.iter().any(|number| opened.contains(number));
                    tester.check(new, format!("a channel other than {opened:?}"))?;
                    opened.extend(answer.data);
                }
                Err(Stop::fail(format!("more than {CHANNELS_MAX} channels were opened")))
            }),
        case("ISO-LCH-003", "A command on a channel that is not open is refused.", &["logical_channels"])
            .proves(&["REQ-ISO-LCH-2", "REQ-ISO-SW-2"])
            .kills(&["channel-ignored"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                for channel in 1..=3 {
                    let answer = tester.send(&select_command(&aid(tester)?, channel))?;
                    refused(tester, &answer, CHANNEL)?;
                }
                Ok(())
            }),
        case("ISO-LCH-004", "A reset closes all channels but channel 0.", &["logical_channels"])
            .proves(&["REQ-ISO-LCH-6"])
            .kills(&["channels-survive-reset"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                for cold in [true, false] {
                    let channel = tester.preamble(open)?;
                    if cold {
                        tester.power_on()?
                    } else {
                        tester.warm_reset()?
                    };
                    let answer = tester.send(&select_command(&aid(tester)?, channel))?;
                    refused(tester, &answer, CHANNEL)?;
                }
                select(tester).map(drop)
            }),
    ]
}

fn closing() -> Vec<Case> {
    vec![
        case("ISO-LCH-005", "A command on a closed channel is refused.", &["logical_channels"])
            .proves(&["REQ-ISO-LCH-2"])
            .kills(&["channel-not-closed", "channel-ignored", "wrong-channel-closed"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                let channel = tester.preamble(open)?;
                tester.preamble(|tester| select_on(tester, channel))?;
                close_well(tester, channel)?;
                let answer = tester.send(&select_command(&aid(tester)?, channel))?;
                refused(tester, &answer, CHANNEL)
            }),
        case("ISO-LCH-006", "Closing a channel that is not open is refused.", &["logical_channels"])
            .proves(&["REQ-ISO-LCH-2"])
            .kills(&["unopened-channel-closed"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                let channel = tester.preamble(open)?;
                close_well(tester, channel)?;
                let answer = close(tester, channel)?;
                refused(tester, &answer, CHANNEL)
            }),
        case("ISO-LCH-007", "Channel 0 is not closed.", &["logical_channels", "read"])
            .proves(&["REQ-ISO-LCH-5"])
            .kills(&["basic-channel-closed"])
            .twin("ISO-LCH-001")
            .body(|tester| {
                tester.preamble(select)?;
                let answer = close(tester, 0)?;
                refused(tester, &answer, PARAMETERS)?;
                must_read_on(tester, 0).map(drop)
            }),
        case("ISO-LCH-008", "Closing one channel leaves the others as they are.", &["logical_channels", "read"])
            .proves(&["REQ-ISO-LCH-3"])
            .kills(&["wrong-channel-closed"])
            .body(|tester| {
                let closed = tester.preamble(open)?;
                let others = match tester.send_whole(&MANAGE_CHANNEL_OPEN)?.data.as_slice() {
                    [number] => vec![0, *number],
                    _ => vec![0],
                };
                for &channel in others.iter().chain(&[closed]) {
                    tester.preamble(|tester| select_on(tester, channel))?;
                }
                close_well(tester, closed)?;
                for channel in others {
                    must_read_on(tester, channel)?;
                }
                Ok(())
            }),
    ]
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
            .proves(&["REQ-ISO-LCH-3"])
            .kills(&["le-zero-as-none"])
            .body(|tester| {
                select(tester)?;
                let basic = must_read_on(tester, 0)?;
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
            tester.send(&select_command(&another, channel))?;
            reads_as(tester, channel, &before, "a refused SELECT")?;
            tester.send(&[on(0x00, channel), 0x5E, 0x00, 0x00])?;
            must_read_on(tester, 0).map(drop)
        }),
    ]
}

fn close_well(tester: &mut Tester<'_>, channel: u8) -> Outcome {
    let answer = close(tester, channel)?;
    tester.expect_status(&answer, 0x9000)
}
