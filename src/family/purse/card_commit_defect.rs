//! Defects of the transaction, the ring of receipts, recovery and life cycle.

crate::defect::defects! {
    /// A deliberate defect of how the purse moves value.
    pub enum CommitDefect {
        DebitTwice => ("debit-twice", true, "A debit takes twice its amount."),
    }
}
