//! The reference purse of `specs/purse.md`.
//!
//! `data*` and `keys*` are shared by both sides and tested against the vectors of `vectors/purse/`; `card*` is the virtual
//! card, `kernel*` the terminal's side, and neither imports the other.

pub mod card;
mod card_auth;
mod card_image;
pub mod card_inspection;
pub mod card_keys;
mod card_messaging;
mod card_transact;
pub mod data;
pub mod data_session;
pub mod data_transact;
pub mod issuer;
pub mod kernel;
pub mod kernel_sam;
pub mod keys;
pub mod keys_epc1;
pub mod keys_epc2;
pub mod profile;
