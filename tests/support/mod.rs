//! What tests share: the binary at a desk of its own; for live tests, a smart card service and cards that are shown to it.
#![allow(dead_code, unreachable_pub, reason = "each test binary takes what it needs")]

pub mod fresh;
pub mod kills;
#[cfg(target_os = "linux")]
pub mod namespace;
#[cfg(all(feature = "pcsc", target_os = "linux"))]
pub mod pcscd;
pub mod places;
#[cfg(all(feature = "pcsc", target_os = "linux"))]
pub mod purse;
#[cfg(target_os = "linux")]
pub mod screen;
pub mod untorn;
#[cfg(all(feature = "pcsc", target_os = "linux"))]
pub mod virtual_card;
