//! The lines of libccid, the CCID driver of pcscd: an arrow, the number of the reader in six digits, a message between host and reader
//! (Device Class: Smart Card CCID, Rev 1.1, 6.1 and 6.2).

use super::hex;
use super::recording::{Direction, Event};

/// Message type, length of what follows the header (little-endian), slot, sequence, three octets of the message's own.
const HEADER_LEN: usize = 10;
/// Octets of the card, from the host.
const XFR_BLOCK: u8 = 0x6F;
/// Octets of the card, from the reader.
const DATA_BLOCK: u8 = 0x80;
/// All messages of bulk pipes and of the interrupt pipe.
const MESSAGES: &[u8] = &[
    0x50, 0x51, 0x61, 0x62, 0x63, 0x65, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x71, 0x72, 0x73, 0x80, 0x81, 0x82,
    0x83, 0x84,
];
/// First octet of PPS (ISO/IEC 7816-3:2006, 9.2): host and card agree on a speed.
const PPSS: u8 = 0xFF;

/// What a line of the driver tells.
pub(super) enum DriverLine {
    /// Something that card or terminal said.
    Said(Event),
    /// What is between host and reader alone.
    Other,
}

/// `None` where it is no line of the driver.
pub(super) fn read(line: &str) -> Option<DriverLine> {
    let (direction, rest) = match (line.split_once("-> "), line.split_once("<- ")) {
        (Some((_, rest)), None) => (Direction::Command, rest),
        (None, Some((_, rest))) => (Direction::Response, rest),
        _ => return None,
    };
    let (reader, octets) = rest.split_once(' ')?;
    let is_number = reader.len() == 6 && reader.bytes().all(|c| c.is_ascii_hexdigit());
    let is_spaced = octets.split_whitespace().all(|octet| octet.len() == 2);
    let message = hex::parse(octets).ok().filter(|_| is_number && is_spaced)?;
    let (header, data) = message.split_at_checked(HEADER_LEN)?;
    let length = u32::from_le_bytes([header[1], header[2], header[3], header[4]]);
    if !MESSAGES.contains(&header[0]) || usize::try_from(length) != Ok(data.len()) {
        return None;
    }
    Some(event(header[0], direction, data).map_or(DriverLine::Other, DriverLine::Said))
}

fn event(message: u8, direction: Direction, data: &[u8]) -> Option<Event> {
    let octets = information(data)?;
    match (message, direction, octets) {
        (XFR_BLOCK, Direction::Command, [PPSS, ..]) | (DATA_BLOCK, Direction::Response, [PPSS, ..]) => None,
        (DATA_BLOCK, Direction::Response, [0x3B | 0x3F, _, ..]) => {
            Some(Event::new(Direction::Reset, octets.to_vec(), None))
        }
        (XFR_BLOCK, Direction::Command, [_, _, _, _, ..]) | (DATA_BLOCK, Direction::Response, [_, _, ..]) => {
            Some(Event::new(direction, octets.to_vec(), None))
        }
        _ => None,
    }
}

/// What a block of T=1 holds, where it is one (ISO/IEC 7816-3:2006, 11.3): NAD, PCB, LEN, INF, LRC. Of a block that is no whole piece of
/// information, nothing; what is no block is the information itself.
fn information(data: &[u8]) -> Option<&[u8]> {
    match data {
        [nad, pcb, len, rest @ ..]
            if usize::from(*len) + 1 == rest.len()
                && nad & 0x88 == 0
                && data.iter().fold(0, |sum, octet| sum ^ octet) == 0 =>
        {
            // Bit 8: no I-block; bit 6: more follows.
            (pcb & 0xA0 == 0).then(|| &rest[..rest.len() - 1])
        }
        _ => Some(data),
    }
}

#[cfg(test)]
mod tests {
    use super::super::recording::Recording;
    use super::*;

    fn events(log: &str) -> Vec<(Direction, String)> {
        let mut recording = Recording::default();
        let mut events: Vec<Event> = log.lines().flat_map(|line| recording.line(line)).collect();
        events.extend(recording.end());
        events.iter().map(|event| (event.direction, hex::encode(&event.octets))).collect()
    }

    /// A log in the driver's form, its octets by hand after CCID 1.1: power on and ATR, PPS, a command and its answer, slot status.
    const LOG: &str = "\
00000031 -> 000000 62 00 00 00 00 00 00 01 00 00
00012004 <- 000000 80 04 00 00 00 00 00 00 00 00 3B 02 14 50
00000021 -> 000000 6F 04 00 00 00 00 01 00 00 00 FF 11 18 F6
00000900 <- 000000 80 04 00 00 00 00 01 00 00 00 FF 11 18 F6
00000020 -> 000000 6F 05 00 00 00 00 02 00 00 00 00 CA 01 00 00
00003000 <- 000000 80 04 00 00 00 00 02 00 00 00 41 42 90 00
00000020 -> 000000 65 00 00 00 00 00 03 00 00 00
00000100 <- 000000 81 00 00 00 00 00 03 00 00 00
";

    #[test]
    fn a_drivers_log_tells_what_card_and_terminal_said() {
        let found = events(LOG);
        let expected = [
            (Direction::Reset, "3B021450".to_owned()),
            (Direction::Command, "00CA010000".to_owned()),
            (Direction::Response, "41429000".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn blocks_of_t_1_are_unwrapped() {
        // NAD 00, PCB 00, LEN 05, INF, LRC: 05 ^ 00 ^ CA ^ 01 ^ 00 ^ 00 = CE; the answer LEN 02, LRC 02 ^ 90 = 92; an R-block tells nothing.
        let log = "-> 000000 6F 09 00 00 00 00 02 00 00 00 00 00 05 00 CA 01 00 00 CE\n\
                   <- 000000 80 06 00 00 00 00 02 00 00 00 00 00 02 90 00 92\n\
                   <- 000000 80 04 00 00 00 00 02 00 00 00 00 90 00 90\n";
        let expected = [(Direction::Command, "00CA010000".to_owned()), (Direction::Response, "9000".to_owned())];
        assert_eq!(events(log), expected);
    }

    #[test]
    fn what_the_service_tells_too_is_told_once() {
        let log = format!("00000005 [14] APDU: 00 CA 01 00 00 \n{LOG}00000071 [14] SW: 41 42 90 00 \n");
        let said: Vec<String> = events(&log).into_iter().map(|(_, octets)| octets).collect();
        assert_eq!(said, ["00CA010000", "41429000"]);
    }

    #[test]
    fn another_line_is_none_of_the_drivers() {
        for line in
            ["-> 00A4040007A000000003101000", "-> 000000", "=> 000000 6F", "-> 000000 6F 04 00 00 00 00 01 00 00 00 FF"]
        {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
