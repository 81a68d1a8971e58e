//! Defects of a chip: class, instruction, length, chaining, long answers, channels, selection.

use std::borrow::Cow;

use super::{
    AID_LEN, Application, CHAIN_LEN_MAX, CHAINING_BIT, CHANNELS, Chain, Chip, ChipRules, Command, Head, Pending,
    PowerLost, Reply, Standard, StatusWord, Volatile, WholeCommand, ins,
};
use crate::wire::apdu;

crate::defect::defects! {
    /// A deliberate defect of the chip's operating system.
    pub enum ChipDefect {
        UnknownInstructionAccepted => ("unknown-instruction-accepted", false, "An unknown instruction answers 9000."),
        UnknownClassAsInterindustry => ("unknown-class-as-interindustry", false, "A class that nobody knows is taken for 00."),
        ParametersUnchecked => ("parameters-unchecked", false, "P1-P2 that are not defined are not refused: the command is carried out."),
        LengthBeforeClass => ("length-before-class", false, "A wrong length is refused before class, instruction and parameters are looked at."),
        RefusalDeselects => ("refusal-deselects", false, "A command refused by its header loses the current application."),
        InstructionAcceptedElsewhere => ("instruction-accepted-elsewhere", false, "On every channel but channel 0 an unknown instruction answers 9000."),
        InstructionAcceptedAfterChain => ("instruction-accepted-after-chain", false, "After a chain an unknown instruction answers 9000."),
        DataWithErrorStatus => ("data-with-error-status", false, "An error status word comes with data."),

        TrailingOctetsIgnored => ("trailing-octets-ignored", false, "Octets behind data and Le are ignored."),
        LcBeyondData => ("lc-beyond-data", false, "Where Lc says more than there is, octets of an earlier command are taken for the rest."),
        UnexpectedDataIgnored => ("unexpected-data-ignored", false, "Data in a command that has none is ignored."),
        LeZeroAsNone => ("le-zero-as-none", false, "A short Le of 00 asks for no octet instead of 256."),
        LeIgnored => ("le-ignored", false, "An answer comes whole, whatever Le permits."),
        WrongLengthHint => ("wrong-length-hint", false, "6Cxx names a length that is refused again."),
        ExtendedLeZeroAsNone => ("extended-le-zero-as-none", false, "An extended Le of 0000 asks for no octet instead of 65,536."),
        ExtendedLeModulo => ("extended-le-modulo", false, "Only the lower octet of an extended Le counts."),
        ExtendedLcModulo => ("extended-lc-modulo", false, "Only the lower octet of an extended Lc counts."),

        ChainLastPartOnly => ("chain-last-part-only", false, "Only the last part of a chain is carried out."),
        ChainingBitIgnored => ("chaining-bit-ignored", false, "Each part of a chain is carried out as a whole command."),
        ForeignCommandKeepsChain => ("foreign-command-keeps-chain", false, "A foreign command inside a chain is carried out, and the chain goes on."),
        ForeignCommandExecuted => ("foreign-command-executed", false, "A foreign command drops the chain and is carried out."),
        ChainCrossesChannels => ("chain-crosses-channels", true, "A chain goes on with a part from another logical channel."),
        ChainSurvivesReset => ("chain-survives-reset", false, "A chain goes on after a reset."),
        ChainUnbounded => ("chain-unbounded", false, "A chain may be of any length."),
        ChainLimitLow => ("chain-limit-low", false, "A chain may not be longer than one short command."),
        UnchainableChained => ("unchainable-chained", false, "Commands that may not be chained are."),

        LongAnswerCountWrong => ("long-answer-count-wrong", false, "61xx counts one octet more than there is."),
        LongAnswerSeam => ("long-answer-seam", false, "One octet is lost between two pieces of a long answer."),
        PreviousAnswerGiven => ("previous-answer-given", false, "GET RESPONSE gives the rest of an answer before the last."),
        AnswerGivenAgain => ("answer-given-again", false, "GET RESPONSE gives the last piece again and again."),
        AnswerCrossesChannels => ("answer-crosses-channels", true, "GET RESPONSE gives what waits on another logical channel."),
        AnswerSurvivesReset => ("answer-survives-reset", true, "What waits for GET RESPONSE is still there after a reset."),

        ChannelIgnored => ("channel-ignored", true, "The channel in CLA is ignored: all commands are for channel 0."),
        ChannelsShareSelection => ("channels-share-selection", true, "SELECT on one channel selects on all."),
        ChannelOpenedTwice => ("channel-opened-twice", true, "MANAGE CHANNEL gives a channel that is open already."),
        ChannelNotClosed => ("channel-not-closed", true, "A closed channel stays open."),
        WrongChannelClosed => ("wrong-channel-closed", true, "MANAGE CHANNEL closes another channel than the one named."),
        UnopenedChannelClosed => ("unopened-channel-closed", false, "Closing a channel that is not open answers 9000."),
        BasicChannelClosed => ("basic-channel-closed", false, "MANAGE CHANNEL closes channel 0."),
        ClosedChannelKeepsSelection => ("closed-channel-keeps-selection", true, "A channel opened again still has selected what it had before."),
        ChannelsSurviveReset => ("channels-survive-reset", true, "Channels are still open after a reset."),

        ChannelNumberUnsaid => ("channel-number-unsaid", false, "MANAGE CHANNEL opens a channel and does not say which."),
        SelectOpensChannel => ("select-opens-channel", false, "SELECT on a channel that is not open opens it, which the statement does not claim."),
        SelectedOnOneChannelOnly => ("selected-on-one-channel-only", false, "SELECT answers 6985 while the application is selected on another channel."),

        UnknownNameAccepted => ("unknown-name-accepted", false, "While an application is selected, SELECT of a name that nobody has answers 9000."),
        SelectP2Other => ("select-p2-other", false, "SELECT is taken with P2 0C only."),
        AnswerToResetUnchecked => ("answer-to-reset-unchecked", false, "The check octet of the answer to reset is wrong."),
        FailedSelectDeselects => ("failed-select-deselects", false, "A failed SELECT loses the current application."),
        FailedSelectSelects => ("failed-select-selects", false, "A failed SELECT selects the application there is."),
        AidPrefixSelects => ("aid-prefix-selects", false, "An identifier that only begins with the application's selects it."),
        SelectionSurvivesReset => ("selection-survives-reset", true, "An application is still selected after a reset."),
    }
}

/// The rules of a chip with a deliberate defect, or with none.
#[derive(Debug, Clone, Default)]
pub struct WrongChip {
    defect: Option<ChipDefect>,
    /// What earlier commands left in the input buffer.
    buffer: Vec<u8>,
    /// A chain came since the reset.
    had_chain: bool,
}

impl WrongChip {
    /// The rules with this defect, or those of the standard.
    pub const fn new(defect: Option<ChipDefect>) -> Self {
        Self { defect, buffer: Vec::new(), had_chain: false }
    }

    fn has(&self, defect: ChipDefect) -> bool {
        self.defect == Some(defect)
    }

    /// A command as its length fields are read wrongly.
    fn misread(&mut self, octets: &[u8]) -> Option<Vec<u8>> {
        let short = octets.get(4).is_some_and(|lc| *lc != 0) && octets.len() > 5;
        let extended = octets.get(4) == Some(&0) && octets.len() >= 7;
        let lc = usize::from(*octets.get(4)?);
        match self.defect? {
            ChipDefect::TrailingOctetsIgnored if short => Some(octets.iter().take(5 + lc + 1).copied().collect()),
            ChipDefect::LcBeyondData => {
                let left = self.buffer.split_off(octets.len().min(self.buffer.len()));
                self.buffer = [octets, &left].concat();
                let short_of_data = short && octets.len() < 5 + lc && self.buffer.len() >= 5 + lc;
                short_of_data.then(|| self.buffer.iter().take(5 + lc).copied().collect())
            }
            ChipDefect::ExtendedLcModulo if extended && octets.len() > 7 => {
                let mut read: Vec<u8> = octets.iter().take(7 + usize::from(octets[6])).copied().collect();
                read[5] = 0;
                Some(read)
            }
            ChipDefect::ExtendedLeModulo if extended && octets.len() == 7 => {
                Some([&octets[..5], &[0], &octets[6..]].concat())
            }
            _ => None,
        }
    }
}

impl ChipRules for WrongChip {
    fn answer_to_reset(&self) -> Vec<u8> {
        let mut atr = Standard.answer_to_reset();
        if self.has(ChipDefect::AnswerToResetUnchecked)
            && let Some(check) = atr.last_mut()
        {
            *check ^= 0x01;
        }
        atr
    }

    fn forget<A: Application>(chip: &mut Chip<A, Self>) {
        chip.rules.had_chain = false;
        let mut after = Volatile::default();
        let before = std::mem::take(&mut chip.volatile);
        match chip.rules.defect {
            Some(ChipDefect::ChannelsSurviveReset) => after.open = before.open,
            Some(ChipDefect::SelectionSurvivesReset) => after.selected = before.selected,
            Some(ChipDefect::ChainSurvivesReset) => after.chain = before.chain,
            Some(ChipDefect::AnswerSurvivesReset) => after.pending = before.pending,
            _ => {}
        }
        chip.volatile = after;
    }

    fn channel(&self, cla: u8) -> u8 {
        if self.has(ChipDefect::ChannelIgnored) { 0 } else { Standard.channel(cla) }
    }

    fn goes_on(&self, cla: u8) -> bool {
        Standard.goes_on(cla) && !self.has(ChipDefect::ChainingBitIgnored)
    }

    fn class(&self, class: u8, known: bool) -> u8 {
        if self.has(ChipDefect::UnknownClassAsInterindustry) && !known { 0 } else { class }
    }

    fn admit<A: Application>(chip: &mut Chip<A, Self>, head: &Head, octets: &[u8]) -> Result<(), StatusWord> {
        let is_select = head.header[..2] == [0, ins::SELECT];
        match chip.rules.defect {
            Some(ChipDefect::LengthBeforeClass) if Command::parse(octets).is_err() => Err(StatusWord::WRONG_LENGTH),
            Some(ChipDefect::SelectOpensChannel) if is_select => {
                chip.volatile.open[usize::from(head.channel)] = true;
                chip.admit(head)
            }
            _ => chip.admit(head),
        }
    }

    fn refused<A: Application>(chip: &mut Chip<A, Self>, channel: u8, refusal: StatusWord) -> StatusWord {
        let accepts = match chip.rules.defect {
            Some(ChipDefect::RefusalDeselects) => {
                chip.volatile.selected[usize::from(channel)] = false;
                false
            }
            Some(ChipDefect::UnknownInstructionAccepted) => true,
            Some(ChipDefect::InstructionAcceptedElsewhere) => channel != 0,
            Some(ChipDefect::InstructionAcceptedAfterChain) => chip.rules.had_chain,
            _ => false,
        };
        if accepts && refusal == StatusWord::INS_NOT_SUPPORTED { StatusWord::OK } else { refusal }
    }

    fn defines(&self, ins: u8, p1: u8, p2: u8) -> bool {
        match self.defect {
            Some(ChipDefect::ParametersUnchecked) => true,
            Some(ChipDefect::SelectP2Other) if ins == ins::SELECT => (p1, p2) == (4, 0x0C),
            Some(ChipDefect::BasicChannelClosed) if ins == ins::MANAGE_CHANNEL && (p1, p2) == (0x80, 0) => true,
            _ => Standard.defines(ins, p1, p2),
        }
    }

    fn read<'o>(&mut self, octets: &'o [u8]) -> Cow<'o, [u8]> {
        self.had_chain |= octets.first().is_some_and(|cla| cla & CHAINING_BIT != 0);
        self.misread(octets).map_or(Cow::Borrowed(octets), Cow::Owned)
    }

    fn takes(&self, data: &[u8]) -> bool {
        Standard.takes(data) || self.has(ChipDefect::UnexpectedDataIgnored)
    }

    fn permit(&self, command: &Command<'_>, reply: &mut Reply) {
        Standard.permit(command, reply);
        match (self.defect, command.extended, command.le) {
            (Some(ChipDefect::LeIgnored), ..) => reply.permitted = usize::MAX,
            (Some(ChipDefect::LeZeroAsNone), false, Some(256))
            | (Some(ChipDefect::ExtendedLeZeroAsNone), true, Some(apdu::LE_MAX)) => reply.data.clear(),
            _ => {}
        }
    }

    fn continues(&self, chain: &Chain, head: &Head) -> bool {
        let same_channel = chain.channel == head.channel || self.has(ChipDefect::ChainCrossesChannels);
        same_channel && chain.header == head.header
    }

    fn interrupted<A: Application>(
        chip: &mut Chip<A, Self>,
        chain: Chain,
        head: &Head,
        octets: &[u8],
        pending: Option<Pending>,
    ) -> Result<Reply, PowerLost> {
        match chip.rules.defect {
            Some(ChipDefect::ForeignCommandExecuted) => chip.carry_out(head, octets, pending),
            Some(ChipDefect::ForeignCommandKeepsChain) => {
                let reply = chip.carry_out(head, octets, pending);
                chip.volatile.chain = Some(chain);
                reply
            }
            _ => Ok(StatusWord::LAST_CHAIN_COMMAND_EXPECTED.into()),
        }
    }

    fn may_chain(&self, chainable: bool) -> bool {
        chainable || self.has(ChipDefect::UnchainableChained)
    }

    fn chain_len_max(&self) -> usize {
        match self.defect {
            Some(ChipDefect::ChainUnbounded) => usize::MAX,
            Some(ChipDefect::ChainLimitLow) => 255,
            _ => CHAIN_LEN_MAX,
        }
    }

    fn joined(&self, chain: Vec<u8>, last: &[u8]) -> Vec<u8> {
        if self.has(ChipDefect::ChainLastPartOnly) { last.to_vec() } else { Standard.joined(chain, last) }
    }

    fn takes_pending(&self, octets: &[u8]) -> bool {
        !self.has(ChipDefect::PreviousAnswerGiven) || octets.get(1) == Some(&ins::GET_RESPONSE)
    }

    fn gives(&self, waiting: u8, asked: u8) -> bool {
        Standard.gives(waiting, asked) || self.has(ChipDefect::AnswerCrossesChannels)
    }

    fn get_response<A: Application>(chip: &mut Chip<A, Self>, pending: Option<Pending>, channel: u8) -> Reply {
        if chip.rules.has(ChipDefect::AnswerGivenAgain) {
            chip.volatile.pending.clone_from(&pending);
        }
        chip.get_response(pending, channel)
    }

    fn answer<A: Application>(chip: &mut Chip<A, Self>, reply: Reply) -> Vec<u8> {
        match chip.rules.defect {
            Some(ChipDefect::DataWithErrorStatus) if matches!(reply.status.sw1(), 0x64..=0x6F) => {
                [&[0xA5][..], &reply.status.to_bytes()].concat()
            }
            Some(ChipDefect::WrongLengthHint) if reply.data.len() > reply.permitted => {
                vec![0x6C, (reply.permitted as u8).wrapping_add(1)]
            }
            _ => chip.answer(reply),
        }
    }

    fn hold<A: Application>(chip: &mut Chip<A, Self>, mut rest: Pending) -> [u8; 2] {
        match chip.rules.defect {
            Some(ChipDefect::LongAnswerSeam) => {
                rest.octets.remove(0);
                chip.hold(rest)
            }
            Some(ChipDefect::LongAnswerCountWrong) => {
                let available = u8::try_from(rest.octets.len() + 1).unwrap_or(0);
                let [sw1, _] = chip.hold(rest);
                [sw1, available]
            }
            Some(ChipDefect::PreviousAnswerGiven) => {
                let before = chip.volatile.pending.take();
                let status = chip.hold(rest);
                chip.volatile.pending = before.or(chip.volatile.pending.take());
                status
            }
            _ => chip.hold(rest),
        }
    }

    fn is_free(&self, is_open: bool) -> bool {
        Standard.is_free(is_open) || self.has(ChipDefect::ChannelOpenedTwice)
    }

    fn may_close(&self, is_open: bool) -> bool {
        Standard.may_close(is_open) || self.has(ChipDefect::UnopenedChannelClosed)
    }

    fn manage_channel<A: Application>(chip: &mut Chip<A, Self>, request: &WholeCommand<'_>) -> Reply {
        let mut reply = chip.manage_channel(request);
        if chip.rules.has(ChipDefect::ChannelNumberUnsaid) {
            reply.data.clear();
        }
        reply
    }

    fn close<A: Application>(chip: &mut Chip<A, Self>, number: u8) {
        match chip.rules.defect {
            Some(ChipDefect::ChannelNotClosed) => {}
            Some(ChipDefect::WrongChannelClosed) => chip.close(1 + number % (CHANNELS - 1)),
            Some(ChipDefect::ClosedChannelKeepsSelection) => {
                let selected = chip.volatile.selected;
                chip.close(number);
                chip.volatile.selected = selected;
            }
            _ => chip.close(number),
        }
    }

    fn select<A: Application>(chip: &mut Chip<A, Self>, request: &WholeCommand<'_>) -> Result<Reply, PowerLost> {
        let elsewhere = |chip: &Chip<A, Self>| {
            (0..CHANNELS).any(|channel| channel != request.channel && chip.volatile.selected[usize::from(channel)])
        };
        if chip.rules.has(ChipDefect::SelectedOnOneChannelOnly)
            && chip.application.answers_to(request.data)
            && elsewhere(chip)
        {
            return Ok(StatusWord::CONDITIONS_NOT_SATISFIED.into());
        }
        let reply = chip.select(request)?;
        if chip.rules.has(ChipDefect::ChannelsShareSelection) && chip.application.answers_to(request.data) {
            chip.volatile.selected = [reply.status == StatusWord::OK; CHANNELS as usize];
        }
        Ok(reply)
    }

    fn finds(&self, name: &[u8], answers_to: impl Fn(&[u8]) -> bool) -> bool {
        let begins = |len: usize| name.get(..len).is_some_and(&answers_to);
        answers_to(name) || (self.has(ChipDefect::AidPrefixSelects) && AID_LEN.clone().any(begins))
    }

    fn not_found(&self, selected: &mut bool) -> StatusWord {
        match self.defect {
            Some(ChipDefect::FailedSelectDeselects) => *selected = false,
            Some(ChipDefect::FailedSelectSelects) => *selected = true,
            Some(ChipDefect::UnknownNameAccepted) if *selected => return StatusWord::OK,
            _ => {}
        }
        Standard.not_found(selected)
    }
}
