//! The reference purse of `specs/purse.md`.
//!
//! `data*` and `keys*` are shared by both sides and tested against the vectors of `vectors/purse/`; `card*` is the virtual
//! card, `kernel*` the terminal's side, and neither imports the other.

pub mod data;
pub mod data_session;
pub mod data_transact;
pub mod issuer;
pub mod kernel;
pub mod kernel_sam;
pub mod keys;
pub mod keys_epc1;
pub mod keys_epc2;
