//! A reader that follows what a plain one shows: `61xx`, `6Cxx`, and commands too long for the link.
//!
//! One call may be several physical exchanges. An error at a later one is therefore always `Unknown`: whatever the link
//! says of *its* command, the command that was asked for has reached the card.

use crate::reader::in_process::COMMAND_LEN_MAX_SHORT;
use crate::reader::{Activation, Capabilities, LinkError, LinkErrorKind, Reader, Reset};
use crate::wire::apdu::{self, Command};

/// How many GET RESPONSE one answer may take: 65,536 octets in pieces of 256, and one more for a corrected length.
pub const GET_RESPONSES_MAX: usize = 257;
/// Bit 5 of the class: this command is not the last of its chain (ISO/IEC 7816-4:2020, 5.4.1).
const CLASS_CHAINING: u8 = 0x10;

/// Which commands may be sent a second time after `6Cxx`.
///
/// ISO/IEC 7816-4:2020, 5.6 says that a card which answers `6Cxx` has aborted the command. Cards exist that carry it out
/// first and then complain of Le; sending the command again then debits twice. So nothing is repeated unless the caller,
/// who knows what the command means, says that twice is the same as once. What is not repeated comes back as `6Cxx`.
pub type Idempotent = fn(&[u8]) -> bool;

/// No command is repeated.
pub fn nothing_is_idempotent(_command: &[u8]) -> bool {
    false
}

/// How a command with an extended length field goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongCommands {
    /// As it is when the reader carries it, as a chain when it does not.
    AsTheReaderCan,
    /// As a chain: for a card that knows no extended length fields.
    Chained,
}

/// A reader that follows `61xx`, `6Cxx` and long commands.
pub struct Exchange<R> {
    inner: R,
    idempotent: Idempotent,
    long_commands: LongCommands,
}

impl<R: Reader> Exchange<R> {
    /// Wraps a reader. Only the commands that `idempotent` names are repeated after `6Cxx`.
    pub fn new(inner: R, idempotent: Idempotent) -> Self {
        Self { inner, idempotent, long_commands: LongCommands::AsTheReaderCan }
    }

    /// Sets how long commands go out.
    #[must_use]
    pub fn with_long_commands(mut self, long_commands: LongCommands) -> Self {
        self.long_commands = long_commands;
        self
    }

    /// The reader inside.
    pub fn inner(&mut self) -> &mut R {
        &mut self.inner
    }

    fn follow(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        self.send(command, response)?;
        if let [0x6C, len] = response[..]
            && (self.idempotent)(command)
            && let Some(repeated) = with_short_le(command, len)
        {
            self.inner.transmit(&repeated, response).map_err(|error| under_way(&error))?;
        }
        let class = get_response_class(command.first().copied().unwrap_or(0));
        self.collect(class, response)
    }

    /// Sends the command, as a chain where it must be, and gives the answer to the last link.
    fn send(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        let chained = self.long_commands == LongCommands::Chained
            || self.inner.capabilities().command_len_max <= COMMAND_LEN_MAX_SHORT;
        match Command::parse(command) {
            Ok(long) if long.extended && chained => self.send_chain(&long, response),
            // What is malformed goes out as it is: the card is to say so.
            _ => self.inner.transmit(command, response),
        }
    }

    fn send_chain(&mut self, command: &Command<'_>, response: &mut Vec<u8>) -> Result<(), LinkError> {
        let not_sent = |detail| LinkError::new(LinkErrorKind::NotSent, detail);
        let links = apdu::chained(command, COMMAND_LEN_MAX_SHORT)
            .map_err(|error| not_sent(format!("the command cannot be chained: {error}")))?;
        // ISO/IEC 7816-4:2020, 5.4.1: bit 5 chains in interindustry classes; proprietary ones that use it otherwise have it set.
        if links.len() > 1 && command.cla & CLASS_CHAINING != 0 {
            let detail =
                format!("class {:02X} cannot be chained, and the link carries no extended lengths", command.cla);
            return Err(not_sent(detail));
        }
        let last = links.len() - 1;
        for (index, link) in links.iter().enumerate() {
            let outcome = self.inner.transmit(link, response);
            if index == 0 { outcome } else { outcome.map_err(|error| under_way(&error)) }?;
            if index < last && *response != [0x90, 0x00] {
                break;
            }
        }
        Ok(())
    }

    /// Collects what `61xx` announces behind what has come already.
    fn collect(&mut self, class: u8, response: &mut Vec<u8>) -> Result<(), LinkError> {
        let mut piece = Vec::new();
        let mut corrected_len = None;
        for _ in 0..GET_RESPONSES_MAX {
            let ((Some(len), _) | (None, Some([0x61, len]))) = (corrected_len.take(), status(response)) else {
                return Ok(());
            };
            self.inner.transmit(&[class, 0xC0, 0x00, 0x00, len], &mut piece).map_err(|error| under_way(&error))?;
            if let Some([0x6C, len]) = status(&piece)
                && piece.len() == 2
            {
                // GET RESPONSE moves octets that are computed already: asking again with the right length does nothing twice.
                corrected_len = Some(len);
                continue;
            }
            response.truncate(response.len() - 2);
            response.append(&mut piece);
        }
        let detail = format!("the card had more to give after {GET_RESPONSES_MAX} GET RESPONSE");
        Err(LinkError::new(LinkErrorKind::Unknown, detail))
    }
}

impl<R: Reader> Reader for Exchange<R> {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        self.inner.activate(reset)
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        response.clear();
        let outcome = self.follow(command, response);
        if outcome.is_err() {
            response.clear();
        }
        outcome
    }

    fn deactivate(&mut self) {
        self.inner.deactivate();
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            command_len_max: crate::reader::in_process::COMMAND_LEN_MAX_EXTENDED,
            ..self.inner.capabilities()
        }
    }

    fn card_events(&mut self) -> Option<u64> {
        self.inner.card_events()
    }
}

/// An error at a later physical exchange: the command as a whole is on its way.
fn under_way(error: &LinkError) -> LinkError {
    let detail = format!("after a first part of the exchange: {error}");
    LinkError { card_left: error.card_left, ..LinkError::new(LinkErrorKind::Unknown, detail) }
}

fn status(response: &[u8]) -> Option<[u8; 2]> {
    response.last_chunk().copied()
}

/// The class of a GET RESPONSE on the same logical channel: no secure messaging, no chaining
/// (ISO/IEC 7816-4:2020, 5.4.1 and 11.8.1). The channel lies in the low two bits, or in the low four where bit 7 is set.
fn get_response_class(class: u8) -> u8 {
    if class & 0x40 == 0 { class & 0x03 } else { 0x40 | class & 0x0F }
}

/// The command with this Le, when it is a short case 2 or case 4 command: others carry no Le that could be wrong.
fn with_short_le(command: &[u8], len: u8) -> Option<Vec<u8>> {
    let has_le = command.len() == 5 || command.len() >= 7 && command.len() == 6 + usize::from(command[4]);
    let mut repeated = command.to_vec();
    *repeated.last_mut().filter(|_| has_le)? = len;
    Some(repeated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::fault::{Fault, FaultInjector, FaultPlan};
    use crate::reader::in_process::Slot;
    use crate::reader::toy::ToyCard;
    use crate::reader::trace::{Trace, TraceRing, Traced};
    use proptest::prelude::*;

    fn send(reader: &mut impl Reader, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let mut response = vec![0xA5];
        let outcome = reader.transmit(command, &mut response);
        assert!(outcome.is_ok() || response.is_empty(), "no octets without success");
        outcome.map(|()| response)
    }

    fn commands(ring: &TraceRing) -> Vec<Vec<u8>> {
        let octets = |what| if let Traced::Command { octets, .. } = what { Some(octets) } else { None };
        ring.snapshot().into_iter().filter_map(|event| octets(event.what)).collect()
    }

    fn activated(idempotent: Idempotent) -> (Exchange<impl Reader>, TraceRing) {
        let ring = TraceRing::new(1000);
        let card = Slot::with_card(ToyCard::new()).reader("bench").short_only();
        let mut reader = Exchange::new(Trace::new(card, || 0).with_ring(ring.clone()), idempotent);
        reader.activate(Reset::Cold).unwrap();
        (reader, ring)
    }

    #[test]
    fn what_61xx_announces_is_collected_on_the_same_channel() {
        let (mut reader, ring) = activated(nothing_is_idempotent);
        let response = send(&mut reader, &[0x02, 0xCA, 0x01, 0x20]).unwrap();
        let expected: Vec<u8> = (0..0x120u16).map(|index| index as u8).chain([0x90, 0x00]).collect();
        assert_eq!(response, expected);
        assert_eq!(commands(&ring)[1..], [vec![0x02, 0xC0, 0, 0, 0x00], vec![0x02, 0xC0, 0, 0, 0x20]]);
    }

    #[test]
    fn the_class_of_get_response_keeps_the_channel_and_nothing_else() {
        let cases = [(0x00, 0x00), (0x1F, 0x03), (0x80, 0x00), (0x84, 0x00), (0x81, 0x01), (0x90, 0x00), (0x7E, 0x4E)];
        for (class, expected) in cases {
            assert_eq!(get_response_class(class), expected, "class {class:02X}");
        }
    }

    #[test]
    fn what_moves_value_is_not_repeated_after_6cxx() {
        let (mut reader, _) = activated(nothing_is_idempotent);
        assert_eq!(send(&mut reader, &[0, 0xD0, 0, 0, 0]).unwrap(), [0x6C, 0x01]);
        assert_eq!(send(&mut reader, &[0, 0xB0, 0, 0, 1]).unwrap(), [1, 0x90, 0x00], "this card counted all the same");
        // What the caller calls idempotent is repeated: this card shows why the caller must be right.
        let (mut reader, ring) = activated(|_| true);
        assert_eq!(send(&mut reader, &[0, 0xD0, 0, 0, 0]).unwrap(), [2, 0x90, 0x00]);
        assert_eq!(commands(&ring), [[0, 0xD0, 0, 0, 0], [0, 0xD0, 0, 0, 1]]);
    }

    #[test]
    fn long_data_goes_as_a_chain_where_the_reader_is_short() {
        let (mut reader, ring) = activated(nothing_is_idempotent);
        let mut command = vec![0x01, 0xDA, 0, 0, 0, 2, 0];
        command.extend([0x33; 512]);
        command.extend([0, 0]);
        assert_eq!(send(&mut reader, &command).unwrap(), [2, 0, 0x90, 0x00], "the card has put 512 octets together");
        let links = commands(&ring);
        assert!(links.iter().all(|link| link.len() <= COMMAND_LEN_MAX_SHORT), "each is a short command");
        assert_eq!(links.iter().map(|link| link[0]).collect::<Vec<_>>(), [0x11, 0x11, 0x01], "the channel stays");
        assert_eq!(links[2].len(), 5 + usize::from(links[2][4]) + 1, "the last one has Le");
        assert_eq!(links[2].last(), Some(&0), "which asks for all that one octet can ask for");
        command[0] = 0x90;
        assert_eq!(send(&mut reader, &command).unwrap_err().kind, LinkErrorKind::NotSent);
    }

    #[test]
    fn a_wide_reader_gets_the_command_as_it_is() {
        let ring = TraceRing::new(10);
        let trace = Trace::new(Slot::with_card(ToyCard::new()).reader("bench"), || 0).with_ring(ring.clone());
        let mut reader = Exchange::new(trace, nothing_is_idempotent);
        reader.activate(Reset::Cold).unwrap();
        send(&mut reader, &[0, 0xE5, 0, 0, 0, 1, 0]).unwrap();
        assert_eq!(commands(&ring), [[0, 0xE5, 0, 0, 0, 1, 0]]);
    }

    #[test]
    fn an_error_behind_the_first_part_is_unknown() {
        let plan = FaultPlan::new();
        let card = FaultInjector::new(Slot::with_card(ToyCard::new()).reader("bench"), plan.clone());
        let mut reader = Exchange::new(card, nothing_is_idempotent).with_long_commands(LongCommands::Chained);
        let mut chained = vec![0, 0xDA, 0, 0, 0, 2, 0];
        chained.extend([0x33; 512]);
        for command in [&[0, 0xCA, 0, 0x20][..], &chained] {
            reader.activate(Reset::Cold).unwrap();
            plan.arm(0, Fault::RemovedBefore);
            assert_eq!(send(&mut reader, command).unwrap_err().kind, LinkErrorKind::Removed);
            reader.activate(Reset::Cold).unwrap();
            plan.arm(1, Fault::RemovedBefore);
            assert_eq!(send(&mut reader, command).unwrap_err().kind, LinkErrorKind::Unknown);
        }
    }

    /// Always says that there is more, or that the length is wrong.
    struct Endless([u8; 2], usize);

    impl Reader for Endless {
        fn activate(&mut self, _: Reset) -> Result<Activation, LinkError> {
            Ok(Activation { atr: Vec::new() })
        }
        fn transmit(&mut self, _: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
            self.1 += 1;
            *response = if self.1 == 1 { vec![0x61, 0x00] } else { self.0.to_vec() };
            Ok(())
        }
        fn deactivate(&mut self) {}
        fn capabilities(&self) -> Capabilities {
            Capabilities { name: String::new(), command_len_max: 261, command_len_min: 1 }
        }
    }

    #[test]
    fn a_card_that_never_ends_is_ended() {
        for status in [[0x61, 0x00], [0x6C, 0x10]] {
            let mut reader = Exchange::new(Endless(status, 0), nothing_is_idempotent);
            assert_eq!(send(&mut reader, &[0, 0xCA, 0, 0]).unwrap_err().kind, LinkErrorKind::Unknown);
            assert_eq!(reader.inner().1, 1 + GET_RESPONSES_MAX);
        }
    }

    proptest! {
        #[test]
        fn any_octets_go_through_without_a_panic(command in proptest::collection::vec(any::<u8>(), 0..600)) {
            let (mut reader, _) = activated(|_| true);
            reader.inner().activate(Reset::Cold).unwrap();
            if command.get(1).is_none_or(|ins| !matches!(ins, 0xB0 | 0xD6 | 0xD0 | 0xDA | 0xC0)) {
                let _ = reader.transmit(&command, &mut Vec::new());
            }
        }
    }
}
