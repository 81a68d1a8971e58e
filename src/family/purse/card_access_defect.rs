//! Defects of authentication, secure messaging and PIN.

crate::defect::defects! {
    /// A deliberate defect of what guards the purse.
    pub enum AccessDefect {
        NonceConstant => ("nonce-constant", true, "The card's nonce and ephemeral key are the same at each SELECT."),
    }
}
