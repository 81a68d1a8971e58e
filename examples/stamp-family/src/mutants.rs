//! Deliberate defects of the terminal side: each has one check in another way.

use untorn::terminal::kernel::Finding;

use crate::data::{CHECKSUM_LEN, Visit, VisitId};
use crate::kernel::{Checks, Specified};

untorn::defects! {
    /// A deliberate defect of the terminal's kernel.
    pub enum KernelDefect {
        ChecksumNotVerified => ("stamp-checksum-not-verified", true, "What a card says of itself is believed whatever its checksum."),
        AnySuccessIsReceipt => ("stamp-any-success-is-receipt", true, "Any answer that ends in 9000 proves the order."),
        CounterAlone => ("stamp-counter-alone", true, "A card whose counter has risen has made our visit, whichever it was."),
        HistoryIgnored => ("stamp-history-ignored", true, "Which visit came before the order does not matter."),
        ForgottenIsNotMade => ("stamp-forgotten-is-not-made", true, "A visit that the card has forgotten was not made."),
    }
}

impl Checks for KernelDefect {
    fn whole<'a>(&self, octets: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::ChecksumNotVerified => octets.get(..octets.len().checked_sub(CHECKSUM_LEN)?),
            _ => Specified.whole(octets),
        }
    }

    fn is_receipt(&self, expected: &[u8], answer: &[u8]) -> bool {
        Specified.is_receipt(expected, answer)
            || (*self == Self::AnySuccessIsReceipt && answer.ends_with(&[0x90, 0x00]))
    }

    fn is_ours(&self, expected: &Visit, visit: &Visit) -> bool {
        *self == Self::CounterAlone || Specified.is_ours(expected, visit)
    }

    fn is_same_history(&self, before: VisitId, found: VisitId) -> bool {
        *self == Self::HistoryIgnored || Specified.is_same_history(before, found)
    }

    fn forgotten(&self, reason: String) -> Finding {
        match self {
            Self::ForgottenIsNotMade => Finding::DidNotHappen(reason),
            _ => Specified.forgotten(reason),
        }
    }
}
