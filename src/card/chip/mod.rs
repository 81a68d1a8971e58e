//! A chip: answer to reset, logical channels, selection, command chaining, long answers.

#![allow(
    private_bounds,
    private_interfaces,
    reason = "the rules are the chip's own: from outside there are those of the standard"
)]

pub mod defect;
mod rules;

pub(crate) use self::rules::ChipRules;
pub use self::rules::Standard;
use super::application::{Application, WholeCommand};
use super::memory::{Memory, PowerLost};
use super::{Answer, Card};
use crate::wire::apdu::Command;
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

/// What the chip forgets when it loses power.
#[derive(Debug, Clone)]
struct Volatile {
    open: [bool; CHANNELS as usize],
    selected: [bool; CHANNELS as usize],
    chain: Option<Chain>,
    pending: Option<Pending>,
}

impl Default for Volatile {
    /// Channel 0 is open (ISO/IEC 7816-4:2020, 5.4.1), and nothing is selected.
    fn default() -> Self {
        Self { open: [true, false, false, false], selected: Default::default(), chain: None, pending: None }
    }
}

/// A card: a memory, and the applications on it.
///
/// Cloning one clones image and volatile state: that is the snapshot of an exploration.
#[derive(Debug, Clone)]
pub struct Chip<A, R = Standard> {
    application: A,
    memory: Memory,
    powered: bool,
    volatile: Volatile,
    rules: R,
}

impl<A: Application> Chip<A> {
    /// A chip without power.
    pub fn new(application: A, memory: Memory) -> Self {
        Self::with_rules(application, memory, Standard)
    }
}

impl<A: Application, R: ChipRules> Chip<A, R> {
    /// A chip that goes by these rules, without power.
    pub(crate) fn with_rules(application: A, mut memory: Memory, rules: R) -> Self {
        memory.power_off();
        Self { application, memory, powered: false, volatile: Volatile::default(), rules }
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

    /// Status and answer data of one command; data is cut to Ne afterwards.
    fn execute(&mut self, octets: &[u8]) -> Result<Reply, PowerLost> {
        // The rest of the answer before: every command takes it away, GET RESPONSE to give it.
        let pending = if self.rules.takes_pending(octets) { self.volatile.pending.take() } else { None };
        let Some(&[cla, ins, p1, p2]) = octets.first_chunk() else {
            self.volatile.chain = None;
            return Ok(StatusWord::WRONG_LENGTH.into());
        };
        let (channel, more) = (self.rules.channel(cla), self.rules.goes_on(cla));
        let class = cla & !(CHANNEL_BITS | CHAINING_BIT);
        let cla = self.rules.class(class, self.application.knows_class(class));
        let head = Head { channel, header: [cla, ins, p1, p2], more };
        let rules = &self.rules;
        match self.volatile.chain.take_if(|chain| !rules.continues(chain, &head)) {
            Some(chain) => R::interrupted(self, chain, &head, octets, pending),
            None => self.carry_out(&head, octets, pending),
        }
    }

    /// A command that fits into the chain that there is, or stands alone.
    fn carry_out(&mut self, head: &Head, octets: &[u8], pending: Option<Pending>) -> Result<Reply, PowerLost> {
        let &Head { channel, header, more } = head;
        if let Err(refusal) = R::admit(self, head, octets) {
            self.volatile.chain = None;
            return Ok(R::refused(self, channel, refusal).into());
        }
        let read = self.rules.read(octets);
        let Ok(command) = Command::parse(&read) else {
            self.volatile.chain = None;
            return Ok(StatusWord::WRONG_LENGTH.into());
        };
        if more {
            return Ok(self.extend_chain(channel, header, command.data).into());
        }
        let chained = self.volatile.chain.take().map(|chain| self.rules.joined(chain.data, command.data));
        if chained.as_ref().is_some_and(|data| data.len() > self.rules.chain_len_max()) {
            self.application.chain_too_long(header);
            return Ok(StatusWord::WRONG_LENGTH.into());
        }
        let request = WholeCommand { channel, header, data: chained.as_deref().unwrap_or(command.data) };
        let mut reply = self.dispatch(&request, &command, pending)?;
        self.rules.permit(&command, &mut reply);
        Ok(reply)
    }

    /// Class, channel, instruction and parameters, in this order (REQ-CMD-1).
    fn admit(&mut self, &Head { channel, header, more }: &Head) -> Result<(), StatusWord> {
        let [cla, ins, p1, p2] = header;
        let selected = self.volatile.selected[usize::from(channel)];
        if cla != 0 && !(selected && self.application.knows_class(cla)) {
            return Err(StatusWord::CLA_NOT_SUPPORTED);
        }
        if !self.volatile.open[usize::from(channel)] {
            return Err(StatusWord::CHANNEL_NOT_SUPPORTED);
        }
        match (cla, ins) {
            (0, ins::SELECT | ins::MANAGE_CHANNEL | ins::GET_RESPONSE) if !self.rules.defines(ins, p1, p2) => {
                return Err(StatusWord::WRONG_P1P2);
            }
            (0, ins::SELECT | ins::MANAGE_CHANNEL | ins::GET_RESPONSE) => {}
            _ if selected => self.application.admit(channel, header)?,
            _ => return Err(StatusWord::INS_NOT_SUPPORTED),
        }
        let chainable = selected && self.application.is_chainable(header);
        if more && !self.rules.may_chain(chainable) {
            return Err(StatusWord::CHAINING_NOT_SUPPORTED);
        }
        Ok(())
    }

    fn extend_chain(&mut self, channel: u8, header: [u8; 4], data: &[u8]) -> StatusWord {
        let chain = self.volatile.chain.get_or_insert_with(|| Chain { channel, header, data: Vec::new() });
        chain.data.extend_from_slice(data);
        let len_max = self.rules.chain_len_max();
        if self.volatile.chain.take_if(|chain| chain.data.len() > len_max).is_some() {
            self.application.chain_too_long(header);
            return StatusWord::WRONG_LENGTH;
        }
        StatusWord::OK
    }

    fn dispatch(
        &mut self,
        request: &WholeCommand<'_>,
        command: &Command<'_>,
        pending: Option<Pending>,
    ) -> Result<Reply, PowerLost> {
        match (request.header[0], request.header[1]) {
            (0, ins::SELECT) => R::select(self, request),
            (0, ins::MANAGE_CHANNEL) => Ok(R::manage_channel(self, request)),
            (0, ins::GET_RESPONSE) if !self.rules.takes(command.data) || command.le.is_none() => {
                Ok(StatusWord::WRONG_LENGTH.into())
            }
            (0, ins::GET_RESPONSE) => Ok(R::get_response(self, pending, request.channel)),
            _ => {
                // Room for the usual answers, their status word included.
                let mut data = Vec::with_capacity(ANSWER_CAPACITY);
                let status = self.application.process(&mut self.memory, request, &mut data)?;
                Ok(Reply { data, status, channel: request.channel, permitted: 0 })
            }
        }
    }

    fn get_response(&self, pending: Option<Pending>, channel: u8) -> Reply {
        match pending.filter(|pending| self.rules.gives(pending.channel, channel)) {
            Some(Pending { octets, status, .. }) => Reply { data: octets, status, channel, permitted: 0 },
            None => StatusWord::CONDITIONS_NOT_SATISFIED.into(),
        }
    }

    fn select(&mut self, request: &WholeCommand<'_>) -> Result<Reply, PowerLost> {
        if !AID_LEN.contains(&request.data.len()) {
            return Ok(StatusWord::WRONG_LENGTH.into());
        }
        let selected = &mut self.volatile.selected[usize::from(request.channel)];
        if !self.rules.finds(request.data, |name| self.application.answers_to(name)) {
            return Ok(self.rules.not_found(selected).into());
        }
        let mut data = Vec::with_capacity(ANSWER_CAPACITY);
        let status = self.application.select(&mut self.memory, request.channel, &mut data)?;
        *selected = status == StatusWord::OK;
        Ok(Reply { data, status, channel: request.channel, permitted: 0 })
    }

    /// ISO/IEC 7816-4:2020, 11.1.2. A channel opened has nothing selected.
    fn manage_channel(&mut self, request: &WholeCommand<'_>) -> Reply {
        if !self.rules.takes(request.data) {
            return StatusWord::WRONG_LENGTH.into();
        }
        let [_, _, p1, number] = request.header;
        if p1 == 0 {
            let Some(free) = (1..CHANNELS).find(|&number| self.rules.is_free(self.volatile.open[usize::from(number)]))
            else {
                return StatusWord::FUNCTION_NOT_SUPPORTED.into();
            };
            self.volatile.open[usize::from(free)] = true;
            return Reply { data: vec![free], status: StatusWord::OK, channel: request.channel, permitted: 0 };
        }
        let number = number & CHANNEL_BITS;
        if !self.rules.may_close(self.volatile.open[usize::from(number)]) {
            return StatusWord::CHANNEL_NOT_SUPPORTED.into();
        }
        R::close(self, number);
        StatusWord::OK.into()
    }

    fn close(&mut self, number: u8) {
        self.volatile.open[usize::from(number)] = false;
        self.volatile.selected[usize::from(number)] = false;
        self.application.close(number);
    }

    /// Data up to Ne and the status word; what is left waits for GET RESPONSE, its status word with it (REQ-CMD-2).
    fn answer(&mut self, reply: Reply) -> Vec<u8> {
        let Reply { mut data, status, channel, permitted } = reply;
        if data.len() > permitted {
            let rest = data.split_off(permitted);
            data.extend_from_slice(&R::hold(self, Pending { channel, octets: rest, status }));
        } else {
            data.extend_from_slice(&status.to_bytes());
        }
        data
    }

    /// Keeps the rest of an answer: 61xx.
    fn hold(&mut self, rest: Pending) -> [u8; 2] {
        // ISO/IEC 7816-4:2020, 5.6: 6100 says 256 or more.
        let available = u8::try_from(rest.octets.len()).unwrap_or(0);
        self.volatile.pending = Some(rest);
        [0x61, available]
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

impl<A: Application, R: ChipRules> Card for Chip<A, R> {
    fn reset(&mut self) -> Option<Vec<u8>> {
        R::forget(self);
        self.memory.power_on();
        self.powered = self.application.power_up(&mut self.memory).is_ok();
        self.powered.then(|| self.rules.answer_to_reset())
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        if !self.powered {
            return Answer::Mute;
        }
        let Ok(reply) = self.execute(command) else {
            self.powered = false;
            return Answer::Mute;
        };
        Answer::Response(R::answer(self, reply))
    }

    fn power_off(&mut self) {
        self.powered = false;
        self.memory.power_off();
        R::forget(self);
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn delay_ms(&self) -> u32 {
        self.application.delay_ms()
    }
}
