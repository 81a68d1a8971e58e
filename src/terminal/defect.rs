//! Defects of the terminal's decisions. The driver's are in the simulated worlds, a family's in its kernel.

crate::defect::defects! {
    /// A deliberate defect of what the terminal decides.
    pub enum TerminalDefect {
        RetryWithoutEvidence => ("retry-without-evidence", true, "A touch again issues a new order without asking the card what became of the first."),
        TimeOutIsFailure => ("time-out-is-failure", true, "An order whose end is not known is void when the time runs out."),
        TimeOutIsSuccess => ("time-out-is-success", true, "An order whose end is not known is paid when the time runs out."),
        StopDropsPending => ("stop-drops-pending", true, "The operator's stop makes an order void whose end is not known."),
        OtherCardRecovers => ("other-card-recovers", true, "Another card that is touched instead is taken for the same."),
        ContradictionsIgnored => ("contradictions-ignored", true, "What a card shows is not compared with what the journal holds of it."),
        OpenRecordsIgnored => ("open-records-ignored", true, "A new order does not look for the card's open records."),
        PaidBeforeDurable => ("paid-before-durable", true, "Paid is shown before the evidence is durable."),
        AcknowledgedBeforeDurable => ("acknowledged-before-durable", true, "The card is told that its receipt arrived before that is durable."),
        SlipNotRecorded => ("slip-not-recorded", true, "The unresolved slip is shown without being written down."),
        FreshTransactionOnRetry => ("fresh-transaction-on-retry", true, "An order that is sent again has another transaction id."),
        StopListSkippedOnRecovery => ("stop-list-skipped-on-recovery", true, "A stopped card whose old record was just resolved gets an order."),
        StopListIgnored => ("stop-list-ignored", true, "The stop list is not looked at."),
        StoppedCardNotBlocked => ("stopped-card-not-blocked", false, "A stopped card is refused, and not blocked where the operator wants that."),
        AttemptsUnbounded => ("attempts-unbounded", false, "One request makes any number of attempts."),
        BalanceCheckOrders => ("balance-check-orders", true, "At the balance check after the slip the order is sent again."),
        CentreSilenceIsNotPaid => ("centre-silence-is-not-paid", true, "A centre that does not know or answer makes an order void."),
        InauthenticIsRefusal => ("inauthentic-is-refusal", true, "An answer to the order that is not authentic counts as a refusal."),
    }
}
