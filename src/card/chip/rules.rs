//! The rules that a chip goes by: each has a name and stands here, so that all of them can be read at one place. The chip asks them;
//! clauses are those of ISO/IEC 7816-4:2020.

use std::borrow::Cow;
use std::fmt::Debug;

use super::{
    Application, CHAIN_LEN_MAX, CHAINING_BIT, CHANNEL_BITS, CHANNELS, Chain, Chip, Command, Head, Pending, PowerLost,
    Reply, StatusWord, Volatile, WholeCommand, answer_to_reset, ins,
};

/// The rules. As they stand here they are those of the standard, and of the chip's own statement where it leaves a choice.
///
/// What is a decision takes `&self`; what is a step takes the chip, so that it can be done before, after or instead.
pub(crate) trait ChipRules: Sized + Clone + Debug + Send + Sync + 'static {
    // Power.

    /// The answer to reset.
    fn answer_to_reset(&self) -> Vec<u8> {
        answer_to_reset()
    }

    /// What a reset and the loss of power leave: nothing.
    fn forget<A: Application>(chip: &mut Chip<A, Self>) {
        chip.volatile = Volatile::default();
    }

    // Class (5.4.1).

    /// For which channel a command is.
    fn channel(&self, cla: u8) -> u8 {
        cla & CHANNEL_BITS
    }

    /// Whether more parts of a chain follow.
    fn goes_on(&self, cla: u8) -> bool {
        cla & CHAINING_BIT != 0
    }

    /// The class as the rest of the chip sees it; whether the application knows it.
    fn class(&self, class: u8, _known: bool) -> u8 {
        class
    }

    // Admission.

    /// Whether a command may be looked at (REQ-CMD-1).
    fn admit<A: Application>(chip: &mut Chip<A, Self>, head: &Head, _octets: &[u8]) -> Result<(), StatusWord> {
        chip.admit(head)
    }

    /// How a command is refused that is not admitted.
    fn refused<A: Application>(_chip: &mut Chip<A, Self>, _channel: u8, refusal: StatusWord) -> StatusWord {
        refusal
    }

    /// Whether the chip's own instruction has these parameters: SELECT by name, first occurrence, with its answer (11.2.2); MANAGE
    /// CHANNEL that opens one or closes the one named (11.1.2); GET RESPONSE (11.7.1).
    fn defines(&self, ins: u8, p1: u8, p2: u8) -> bool {
        match ins {
            ins::SELECT => (p1, p2) == (4, 0),
            ins::MANAGE_CHANNEL => (p1, p2) == (0, 0) || (p1 == 0x80 && (1..CHANNELS).contains(&p2)),
            _ => (p1, p2) == (0, 0),
        }
    }

    // Length (5.2).

    /// A command as its length fields are read: as they are.
    fn read<'o>(&mut self, octets: &'o [u8]) -> Cow<'o, [u8]> {
        Cow::Borrowed(octets)
    }

    /// Whether a command that has no data takes these.
    fn takes(&self, data: &[u8]) -> bool {
        data.is_empty()
    }

    /// Ne: how much of the answer the command permits.
    fn permit(&self, command: &Command<'_>, reply: &mut Reply) {
        reply.permitted = command.le.unwrap_or(0) as usize;
    }

    // Chaining (5.3.3).

    /// Whether a command goes on with this chain.
    fn continues(&self, chain: &Chain, head: &Head) -> bool {
        chain.channel == head.channel && chain.header == head.header
    }

    /// A foreign command drops the chain and is not executed itself (REQ-CMD-5).
    fn interrupted<A: Application>(
        _chip: &mut Chip<A, Self>,
        _chain: Chain,
        _head: &Head,
        _octets: &[u8],
        _pending: Option<Pending>,
    ) -> Result<Reply, PowerLost> {
        Ok(StatusWord::LAST_CHAIN_COMMAND_EXPECTED.into())
    }

    /// Whether a command may be a part of a chain, where its application says so.
    fn may_chain(&self, chainable: bool) -> bool {
        chainable
    }

    /// Most octets of a chain.
    fn chain_len_max(&self) -> usize {
        CHAIN_LEN_MAX
    }

    /// The data of a whole chain.
    fn joined(&self, mut chain: Vec<u8>, last: &[u8]) -> Vec<u8> {
        chain.extend_from_slice(last);
        chain
    }

    // Long answers (5.3.4).

    /// Whether this command ends the wait for the rest of the answer before: every one does.
    fn takes_pending(&self, _octets: &[u8]) -> bool {
        true
    }

    /// Whether the rest that waits on one channel is given on another.
    fn gives(&self, waiting: u8, asked: u8) -> bool {
        waiting == asked
    }

    /// GET RESPONSE.
    fn get_response<A: Application>(chip: &mut Chip<A, Self>, pending: Option<Pending>, channel: u8) -> Reply {
        chip.get_response(pending, channel)
    }

    /// Data up to Ne and the status word.
    fn answer<A: Application>(chip: &mut Chip<A, Self>, reply: Reply) -> Vec<u8> {
        chip.answer(reply)
    }

    /// Keeps the rest of an answer; the status word that says so.
    fn hold<A: Application>(chip: &mut Chip<A, Self>, rest: Pending) -> [u8; 2] {
        chip.hold(rest)
    }

    // Channels and selection (5.4, 11.1.2, 11.2.2).

    /// Whether MANAGE CHANNEL may open a channel that is open or not.
    fn is_free(&self, is_open: bool) -> bool {
        !is_open
    }

    /// Whether MANAGE CHANNEL may close a channel that is open or not.
    fn may_close(&self, is_open: bool) -> bool {
        is_open
    }

    /// MANAGE CHANNEL.
    fn manage_channel<A: Application>(chip: &mut Chip<A, Self>, request: &WholeCommand<'_>) -> Reply {
        chip.manage_channel(request)
    }

    /// Closes a channel: nothing is selected on it any more.
    fn close<A: Application>(chip: &mut Chip<A, Self>, number: u8) {
        chip.close(number);
    }

    /// SELECT.
    fn select<A: Application>(chip: &mut Chip<A, Self>, request: &WholeCommand<'_>) -> Result<Reply, PowerLost> {
        chip.select(request)
    }

    /// Whether a name finds an application.
    fn finds(&self, name: &[u8], answers_to: impl Fn(&[u8]) -> bool) -> bool {
        answers_to(name)
    }

    /// A SELECT that found nothing leaves what is selected (11.2.2.2).
    fn not_found(&self, _selected: &mut bool) -> StatusWord {
        StatusWord::NOT_FOUND
    }
}

/// The rules of the standard.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard;

impl ChipRules for Standard {}
