//! Defects of the virtual purse.

crate::defect::defects! {
    /// A deliberate defect of the purse.
    pub enum PurseDefect {
        NonceConstant => ("nonce-constant", true, "The card's nonce and ephemeral key are the same at each SELECT."),
    }
}
