//! What live tests share: a smart card service of their own, and cards that are shown to it.
#![allow(dead_code, unreachable_pub, reason = "each test binary takes what it needs")]

pub mod pcscd;
pub mod virtual_card;
