//! Defects of whatever drives a terminal: its journal, its reader, its screen. The engine's types make them impossible, so they are
//! built into the test system's own driver.

crate::defect::defects! {
    /// A deliberate defect around the terminal.
    pub enum SessionDefect {
        IntentForgotten => ("intent-forgotten", true, "The intent is journalled after the order was sent: a kill loses it."),
        JournalNotFlushed => ("journal-not-flushed", true, "The last line of the journal is lost when the terminal is killed."),
        UnresolvedOverwritten => ("unresolved-overwritten", true, "A new sale takes the place of the card's unresolved one."),
        PendingDroppedAtRestart => ("pending-dropped-at-restart", true, "Open records are gone after a restart."),
        PendingDroppedAtDayClose => ("pending-dropped-at-day-close", true, "Open records are gone when the day is closed."),
        LogFullDropsOldest => ("log-full-drops-oldest", true, "Of more than four open records the oldest is dropped."),
        SettledTwice => ("settled-twice", true, "A record that was resolved before a kill is booked once more afterwards."),
        AcknowledgeCloses => ("acknowledge-closes", true, "An open record that the operator has seen counts as not paid."),
        RestartHoldsNothingUp => ("restart-holds-nothing-up", true, "After a restart a new sale is taken before anybody has looked at what is open."),
        PendingExpires => ("pending-expires", false, "An open record is dropped after 30 days."),
        NeverOverdue => ("never-overdue", false, "An old open record is never shown as overdue."),
        PolicyIgnored => ("policy-ignored", true, "Every scheme settles at once."),
        ResentAfterReconnect => ("resent-after-reconnect", true, "After an error of the link the card is reset and the command sent again."),
        RepeatedAfter6c => ("repeated-after-6c", true, "A command that moves value is sent again after 6Cxx."),
        GoesOnAfterReset => ("goes-on-after-reset", true, "A card that was reset in the middle is not authenticated anew."),
        SecretsWritten => ("secrets-written", true, "The PIN is written into the log."),
        ApprovedEarly => ("approved-early", true, "Paid is shown when the order is sent."),
        AsksToPayAgain => ("asks-to-pay-again", true, "While the outcome is not known the cardholder is told to pay again."),
    }
}
