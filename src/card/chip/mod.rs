//! A chip: answer to reset, logical channels, selection, command chaining, long answers.

pub mod defect;

use self::defect::ChipDefect;
use super::application::{Application, Request};
use super::memory::{Memory, PowerLost};
use super::{Answer, Card};
use crate::wire::apdu::{self, Command};
use crate::wire::status::StatusWord;

/// Logical channels, 0 to 3 (ISO/IEC 7816-4:2020, 5.4.1, table 2).
const CHANNELS: u8 = 4;
/// Longest chained command data in octets.
pub const CHAIN_LEN_MAX: usize = 512;
/// Bits of CLA that name the channel.
const CHANNEL_BITS: u8 = 0x03;
/// Bit of CLA that says that more parts of a chain follow.
const CHAINING_BIT: u8 = 0x10;
/// AID lengths (ISO/IEC 7816-4:2020, 12.3.4).
const AID_LEN: std::ops::RangeInclusive<usize> = 5..=16;

mod ins {
    pub(super) const MANAGE_CHANNEL: u8 = 0x70;
    pub(super) const SELECT: u8 = 0xA4;
    pub(super) const GET_RESPONSE: u8 = 0xC0;
}

/// Answer to reset without its check octet. ISO/IEC 7816-3:2006, 8.2: TS direct; T0: TD1 and 12 historical octets; TD1: T=1
/// is offered first, TD2 follows; TD2: TA3 and TB3 for T=1; TA3: IFSC 254; TB3: BWI 4, CWI 5.
/// Historical octets in COMPACT-TLV (ISO/IEC 7816-4:2020, 12.1.1): tag 7 with selection by full name, one octet data units,
/// chaining, extended lengths and 4 logical channels assigned by the card; tag 5 with the issuer's text "untorn".
const ATR: [u8; 18] =
    [0x3B, 0x8C, 0x81, 0x31, 0xFE, 0x45, 0x80, 0x73, 0x80, 0x01, 0xD3, 0x56, b'u', b'n', b't', b'o', b'r', b'n'];

/// The answer to reset with TCK (ISO/IEC 7816-3:2006, 8.2.5: all octets from T0 on, TCK included, give 0 by exclusive or).
fn answer_to_reset() -> Vec<u8> {
    let mut atr = ATR.to_vec();
    atr.push(ATR[1..].iter().fold(0, |check, octet| check ^ octet));
    atr
}

/// Parts of a chained command so far.
#[derive(Debug, Clone)]
struct Chain {
    channel: u8,
    header: [u8; 4],
    data: Vec<u8>,
}

/// What a header says.
struct Head {
    channel: u8,
    /// CLA INS P1 P2 without channel and chaining bits.
    header: [u8; 4],
    /// More parts of a chain follow.
    more: bool,
}

/// The rest of an answer, for GET RESPONSE.
#[derive(Debug, Clone)]
struct Pending {
    channel: u8,
    octets: Vec<u8>,
    status: StatusWord,
}

/// A card: a memory, and the applications on it.
///
/// Cloning one clones image and volatile state: that is the snapshot of an exploration.
#[derive(Debug, Clone)]
pub struct Chip<A> {
    application: A,
    memory: Memory,
    powered: bool,
    open: [bool; CHANNELS as usize],
    selected: [bool; CHANNELS as usize],
    chain: Option<Chain>,
    pending: Option<Pending>,
    defect: Option<ChipDefect>,
    /// What earlier commands left, for the defect that reads it.
    stale: Vec<u8>,
    /// A chain came since the reset; one defect depends on that.
    had_chain: bool,
}

impl<A: Application> Chip<A> {
    /// A chip without power.
    pub fn new(application: A, memory: Memory) -> Self {
        let mut chip = Self {
            application,
            memory,
            powered: false,
            open: Default::default(),
            selected: Default::default(),
            chain: None,
            pending: None,
            defect: None,
            stale: Vec::new(),
            had_chain: false,
        };
        chip.power_off();
        chip
    }

    /// The same chip with a deliberate defect.
    #[must_use]
    pub fn with_defect(self, defect: ChipDefect) -> Self {
        Self { defect: Some(defect), ..self }
    }

    fn has(&self, defect: ChipDefect) -> bool {
        self.defect == Some(defect)
    }

    /// The applications.
    pub fn application(&self) -> &A {
        &self.application
    }

    /// The applications, for what is not done over the contacts.
    pub fn application_mut(&mut self) -> &mut A {
        &mut self.application
    }

    /// The memory.
    pub fn memory_ref(&self) -> &Memory {
        &self.memory
    }

    fn forget(&mut self) {
        self.had_chain = false;
        if !self.has(ChipDefect::ChannelsSurviveReset) {
            self.open = [true, false, false, false];
        }
        if !self.has(ChipDefect::SelectionSurvivesReset) {
            self.selected = Default::default();
        }
        if !self.has(ChipDefect::ChainSurvivesReset) {
            self.chain = None;
        }
        if !self.has(ChipDefect::AnswerSurvivesReset) {
            self.pending = None;
        }
    }

    /// Status and answer data of one command; data is cut to Ne afterwards.
    fn execute(&mut self, octets: &[u8]) -> Result<Reply, PowerLost> {
        let pending = self.take_pending(octets);
        let Some(&[cla, ins, p1, p2]) = octets.first_chunk() else {
            self.chain = None;
            return Ok(StatusWord::WRONG_LENGTH.into());
        };
        let (channel, cla, more) = self.class(cla);
        let head = Head { channel, header: [cla, ins, p1, p2], more };
        // A foreign command drops the chain and is not executed itself (REQ-CMD-5).
        if let Some(chain) = self.chain.take_if(|chain| {
            let other_channel = chain.channel != channel && self.defect != Some(ChipDefect::ChainCrossesChannels);
            other_channel || chain.header != head.header
        }) {
            if self.has(ChipDefect::ForeignCommandExecuted) {
                return self.carry_out(&head, octets, pending);
            }
            if self.has(ChipDefect::ForeignCommandKeepsChain) {
                let reply = self.carry_out(&head, octets, pending);
                self.chain = Some(chain);
                return reply;
            }
            return Ok(StatusWord::LAST_CHAIN_COMMAND_EXPECTED.into());
        }
        self.carry_out(&head, octets, pending)
    }

    /// The rest of the answer before: every command takes it away, GET RESPONSE to give it.
    fn take_pending(&mut self, octets: &[u8]) -> Option<Pending> {
        if self.has(ChipDefect::PreviousAnswerGiven) && octets.get(1) != Some(&ins::GET_RESPONSE) {
            return None;
        }
        self.pending.take()
    }

    /// Channel, CLA without channel and chaining bits, and whether more parts of a chain follow.
    fn class(&self, cla: u8) -> (u8, u8, bool) {
        let channel = if self.has(ChipDefect::ChannelIgnored) { 0 } else { cla & CHANNEL_BITS };
        let more = cla & CHAINING_BIT != 0 && !self.has(ChipDefect::ChainingBitIgnored);
        let class = cla & !(CHANNEL_BITS | CHAINING_BIT);
        if self.has(ChipDefect::UnknownClassAsInterindustry) && !self.application.knows_class(class) {
            return (channel, 0, more);
        }
        (channel, class, more)
    }

    /// A command that fits into the chain that there is, or stands alone.
    fn carry_out(&mut self, head: &Head, octets: &[u8], pending: Option<Pending>) -> Result<Reply, PowerLost> {
        let &Head { channel, header, more } = head;
        if self.has(ChipDefect::LengthBeforeClass) && Command::parse(octets).is_err() {
            return Ok(StatusWord::WRONG_LENGTH.into());
        }
        if let Err(refusal) = self.admit(channel, header, more) {
            self.chain = None;
            if self.has(ChipDefect::RefusalDeselects) {
                self.selected[usize::from(channel)] = false;
            }
            let accepts = match self.defect {
                Some(ChipDefect::UnknownInstructionAccepted) => true,
                Some(ChipDefect::InstructionAcceptedElsewhere) => channel != 0,
                Some(ChipDefect::InstructionAcceptedAfterChain) => self.had_chain,
                _ => false,
            };
            if accepts && refusal == StatusWord::INS_NOT_SUPPORTED {
                return Ok(StatusWord::OK.into());
            }
            return Ok(refusal.into());
        }
        let misread = self.defect.and_then(|defect| defect::misread(defect, &mut self.stale, octets));
        let Ok(command) = Command::parse(misread.as_deref().unwrap_or(octets)) else {
            self.chain = None;
            return Ok(StatusWord::WRONG_LENGTH.into());
        };
        if more {
            return Ok(self.extend_chain(channel, header, command.data).into());
        }
        let mut chained = self.chain.take().map(|mut chain| {
            chain.data.extend_from_slice(command.data);
            chain.data
        });
        if chained.as_ref().is_some_and(|data| is_too_long(self.defect, data)) {
            self.application.chain_too_long(header);
            return Ok(StatusWord::WRONG_LENGTH.into());
        }
        if self.has(ChipDefect::ChainLastPartOnly) {
            chained = None;
        }
        let request = Request { channel, header, data: chained.as_deref().unwrap_or(command.data) };
        let mut reply = self.dispatch(&request, &command, pending)?;
        self.permit(&command, &mut reply);
        Ok(reply)
    }

    /// Ne.
    fn permit(&self, command: &Command<'_>, reply: &mut Reply) {
        reply.permitted = command.le.unwrap_or(0) as usize;
        match (self.defect, command.extended, command.le) {
            (Some(ChipDefect::LeIgnored), ..) => reply.permitted = usize::MAX,
            (Some(ChipDefect::LeZeroAsNone), false, Some(256))
            | (Some(ChipDefect::ExtendedLeZeroAsNone), true, Some(apdu::LE_MAX)) => reply.data.clear(),
            _ => {}
        }
    }

    /// Class, channel, instruction and parameters, in this order (REQ-CMD-1).
    fn admit(&mut self, channel: u8, header: [u8; 4], more: bool) -> Result<(), StatusWord> {
        let [cla, ins, p1, p2] = header;
        let selected = self.selected[usize::from(channel)];
        if cla != 0 && !(selected && self.application.knows_class(cla)) {
            return Err(StatusWord::CLA_NOT_SUPPORTED);
        }
        if self.has(ChipDefect::SelectOpensChannel) && (cla, ins) == (0, ins::SELECT) {
            self.open[usize::from(channel)] = true;
        }
        if !self.open[usize::from(channel)] {
            return Err(StatusWord::CHANNEL_NOT_SUPPORTED);
        }
        let defined = match (cla, ins) {
            (0, ins::SELECT) if self.has(ChipDefect::SelectP2Other) => (p1, p2) == (4, 0x0C),
            (0, ins::SELECT) => (p1, p2) == (4, 0),
            (0, ins::MANAGE_CHANNEL) => {
                (p1, p2) == (0, 0)
                    || (p1 == 0x80 && (1..CHANNELS).contains(&p2))
                    || (self.has(ChipDefect::BasicChannelClosed) && (p1, p2) == (0x80, 0))
            }
            (0, ins::GET_RESPONSE) => (p1, p2) == (0, 0),
            _ if selected => {
                self.application.admit(channel, header)?;
                true
            }
            _ => return Err(StatusWord::INS_NOT_SUPPORTED),
        };
        if !defined && !self.has(ChipDefect::ParametersUnchecked) {
            return Err(StatusWord::WRONG_P1P2);
        }
        let chainable = selected && self.application.is_chainable(header);
        if more && !chainable && !self.has(ChipDefect::UnchainableChained) {
            return Err(StatusWord::CHAINING_NOT_SUPPORTED);
        }
        Ok(())
    }

    fn extend_chain(&mut self, channel: u8, header: [u8; 4], data: &[u8]) -> StatusWord {
        self.had_chain = true;
        let chain = self.chain.get_or_insert_with(|| Chain { channel, header, data: Vec::new() });
        chain.data.extend_from_slice(data);
        if self.chain.take_if(|chain| is_too_long(self.defect, &chain.data)).is_some() {
            self.application.chain_too_long(header);
            return StatusWord::WRONG_LENGTH;
        }
        StatusWord::OK
    }

    fn dispatch(
        &mut self,
        request: &Request<'_>,
        command: &Command<'_>,
        pending: Option<Pending>,
    ) -> Result<Reply, PowerLost> {
        Ok(match (request.header[0], request.header[1]) {
            (0, ins::SELECT) => return self.select(request),
            (0, ins::MANAGE_CHANNEL) => self.manage_channel(request),
            (0, ins::GET_RESPONSE) if self.has_unexpected(command.data) || command.le.is_none() => {
                StatusWord::WRONG_LENGTH.into()
            }
            (0, ins::GET_RESPONSE) => match pending {
                Some(pending) if pending.channel == request.channel || self.has(ChipDefect::AnswerCrossesChannels) => {
                    if self.has(ChipDefect::AnswerGivenAgain) {
                        self.pending = Some(pending.clone());
                    }
                    Reply { data: pending.octets, status: pending.status, channel: request.channel, permitted: 0 }
                }
                _ => StatusWord::CONDITIONS_NOT_SATISFIED.into(),
            },
            _ => {
                // Room for the usual answers, their status word included.
                let mut data = Vec::with_capacity(ANSWER_CAPACITY);
                let status = self.application.process(&mut self.memory, request, &mut data)?;
                Reply { data, status, channel: request.channel, permitted: 0 }
            }
        })
    }

    fn has_unexpected(&self, data: &[u8]) -> bool {
        !data.is_empty() && !self.has(ChipDefect::UnexpectedDataIgnored)
    }

    fn select(&mut self, request: &Request<'_>) -> Result<Reply, PowerLost> {
        if !AID_LEN.contains(&request.data.len()) {
            return Ok(StatusWord::WRONG_LENGTH.into());
        }
        let prefix = |len: &usize| request.data.get(..*len).is_some_and(|aid| self.application.answers_to(aid));
        let found = self.application.answers_to(request.data)
            || (self.has(ChipDefect::AidPrefixSelects) && AID_LEN.clone().any(|len| prefix(&len)));
        if !found {
            let selected = &mut self.selected[usize::from(request.channel)];
            match self.defect {
                Some(ChipDefect::FailedSelectDeselects) => *selected = false,
                Some(ChipDefect::FailedSelectSelects) => *selected = true,
                Some(ChipDefect::UnknownNameAccepted) if *selected => return Ok(StatusWord::OK.into()),
                _ => {}
            }
            return Ok(StatusWord::NOT_FOUND.into());
        }
        let elsewhere = (0..CHANNELS).filter(|channel| *channel != request.channel);
        if self.has(ChipDefect::SelectedOnOneChannelOnly)
            && elsewhere.into_iter().any(|channel| self.selected[usize::from(channel)])
        {
            return Ok(StatusWord::CONDITIONS_NOT_SATISFIED.into());
        }
        let mut data = Vec::with_capacity(ANSWER_CAPACITY);
        let status = self.application.select(&mut self.memory, request.channel, &mut data)?;
        self.selected[usize::from(request.channel)] = status == StatusWord::OK;
        if self.has(ChipDefect::ChannelsShareSelection) {
            self.selected = [status == StatusWord::OK; CHANNELS as usize];
        }
        Ok(Reply { data, status, channel: request.channel, permitted: 0 })
    }

    /// ISO/IEC 7816-4:2020, 11.1.2. A channel opened has nothing selected.
    fn manage_channel(&mut self, request: &Request<'_>) -> Reply {
        if self.has_unexpected(request.data) {
            return StatusWord::WRONG_LENGTH.into();
        }
        let [_, _, p1, number] = request.header;
        if p1 == 0 {
            let twice = self.has(ChipDefect::ChannelOpenedTwice);
            let Some(free) = (1..CHANNELS).find(|&number| twice || !self.open[usize::from(number)]) else {
                return StatusWord::FUNCTION_NOT_SUPPORTED.into();
            };
            self.open[usize::from(free)] = true;
            let data = if self.has(ChipDefect::ChannelNumberUnsaid) { Vec::new() } else { vec![free] };
            return Reply { data, status: StatusWord::OK, channel: request.channel, permitted: 0 };
        }
        if !self.open[usize::from(number & CHANNEL_BITS)] && !self.has(ChipDefect::UnopenedChannelClosed) {
            return StatusWord::CHANNEL_NOT_SUPPORTED.into();
        }
        if !self.has(ChipDefect::ChannelNotClosed) {
            let wrong = self.has(ChipDefect::WrongChannelClosed);
            self.close(if wrong { 1 + number % (CHANNELS - 1) } else { number & CHANNEL_BITS });
        }
        StatusWord::OK.into()
    }

    fn close(&mut self, number: u8) {
        self.open[usize::from(number)] = false;
        if !self.has(ChipDefect::ClosedChannelKeepsSelection) {
            self.selected[usize::from(number)] = false;
        }
        self.application.close(number);
    }

    /// Data up to Ne and the status word; what is left waits for GET RESPONSE, its status word with it (REQ-CMD-2).
    fn answer(&mut self, reply: Reply) -> Vec<u8> {
        let Reply { mut data, status, channel, permitted } = reply;
        if self.has(ChipDefect::DataWithErrorStatus) && matches!(status.sw1(), 0x64..=0x6F) {
            data = vec![0xA5];
        } else if self.has(ChipDefect::WrongLengthHint) && data.len() > permitted {
            return vec![0x6C, (permitted as u8).wrapping_add(1)];
        } else if data.len() > permitted {
            return self.split(data, permitted, channel, status);
        }
        data.extend_from_slice(&status.to_bytes());
        data
    }

    /// What Ne permits and 61xx.
    fn split(&mut self, mut data: Vec<u8>, permitted: usize, channel: u8, status: StatusWord) -> Vec<u8> {
        let mut rest = data.split_off(permitted);
        if self.has(ChipDefect::LongAnswerSeam) {
            rest.remove(0);
        }
        // ISO/IEC 7816-4:2020, 5.6: 6100 says 256 or more.
        let miscounted = usize::from(self.has(ChipDefect::LongAnswerCountWrong));
        let available = u8::try_from(rest.len() + miscounted).unwrap_or(0);
        if self.pending.is_none() || !self.has(ChipDefect::PreviousAnswerGiven) {
            self.pending = Some(Pending { channel, octets: rest, status });
        }
        data.extend_from_slice(&[0x61, available]);
        data
    }
}

fn is_too_long(defect: Option<ChipDefect>, chained: &[u8]) -> bool {
    match defect {
        Some(ChipDefect::ChainUnbounded) => false,
        Some(ChipDefect::ChainLimitLow) => chained.len() > 255,
        _ => chained.len() > CHAIN_LEN_MAX,
    }
}

/// Octets of the usual answers.
const ANSWER_CAPACITY: usize = 128;

struct Reply {
    data: Vec<u8>,
    status: StatusWord,
    channel: u8,
    /// Ne.
    permitted: usize,
}

impl From<StatusWord> for Reply {
    fn from(status: StatusWord) -> Self {
        Self { data: Vec::new(), status, channel: 0, permitted: 0 }
    }
}

impl<A: Application> Card for Chip<A> {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.forget();
        self.memory.power_on();
        self.powered = self.application.power_up(&mut self.memory).is_ok();
        let mut atr = answer_to_reset();
        if self.has(ChipDefect::AnswerToResetUnchecked)
            && let Some(check) = atr.last_mut()
        {
            *check ^= 0x01;
        }
        self.powered.then_some(atr)
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        if !self.powered {
            return Answer::Mute;
        }
        let Ok(reply) = self.execute(command) else {
            self.powered = false;
            return Answer::Mute;
        };
        Answer::Response(self.answer(reply))
    }

    fn power_off(&mut self) {
        self.powered = false;
        self.memory.power_off();
        self.forget();
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn delay_ms(&self) -> u32 {
        self.application.delay_ms()
    }
}
