//! Defects of a chip: class, instruction, length, chaining, long answers, channels, selection.

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

/// A command as a chip with this defect reads its length fields; `None` where it reads what there is. `buffer` holds what
/// earlier commands left in the chip's input buffer.
pub(super) fn misread(defect: ChipDefect, buffer: &mut Vec<u8>, octets: &[u8]) -> Option<Vec<u8>> {
    let short = octets.get(4).is_some_and(|lc| *lc != 0) && octets.len() > 5;
    let extended = octets.get(4) == Some(&0) && octets.len() >= 7;
    let lc = usize::from(*octets.get(4)?);
    match defect {
        ChipDefect::TrailingOctetsIgnored if short => Some(octets.iter().take(5 + lc + 1).copied().collect()),
        ChipDefect::LcBeyondData => {
            let left = buffer.split_off(octets.len().min(buffer.len()));
            *buffer = [octets, &left].concat();
            let short_of_data = short && octets.len() < 5 + lc && buffer.len() >= 5 + lc;
            short_of_data.then(|| buffer.iter().take(5 + lc).copied().collect())
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
