//! The virtual card that a person has: made at first use, remembered in a file.

use std::fs;
use std::path::{Path, PathBuf};

use super::kill::KillAt;
use super::{AppError, Options, entropy, place, read_text};
use crate::card::memory::Write;
use crate::entropy::SeededEntropy;
use crate::family::purse::card::PurseCard;
use crate::family::purse::card_inspection::Inspection;
use crate::family::purse::issuer::Scheme;
use crate::family::purse::profile::{BUILT_IN, LogicalCardProfile, Profile};
use crate::reader::fault::FaultPlan;
use crate::reader::in_process::{SharedCard, Slot, lock, shared};
use crate::reader::persistent::{Failure, Persist, Persistent};
use crate::reader::state_file::StateFile;

/// A card profile and the text that it was read from, by which a state file knows it again.
#[derive(Clone)]
pub struct LoadedProfile {
    /// What it says.
    pub profile: Profile,
    text: String,
}

impl std::fmt::Debug for LoadedProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text holds PIN and keys in clear.
        f.debug_struct("LoadedProfile").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl LoadedProfile {
    /// A built-in profile by its name, or one in a file.
    pub fn load(name: &str) -> Result<Self, AppError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse((*text).to_owned());
        }
        let path = Path::new(name);
        if path.extension().is_none() && !path.exists() {
            return Err(AppError::Profile(Profile::built_in(name).err().map_or_else(String::new, |e| e.to_string())));
        }
        Self::parse(read_text("read the profile", path)?)
    }

    fn parse(text: String) -> Result<Self, AppError> {
        let profile = Profile::parse(&text).map_err(|error| AppError::Profile(error.to_string()))?;
        Ok(Self { profile, text })
    }

    /// The purse that pays: the first logical card.
    pub(super) fn purse(&self) -> Result<&LogicalCardProfile, AppError> {
        let none = || AppError::Profile("card profile: expected a logical card, got none".to_owned());
        self.profile.logical_cards.first().ok_or_else(none)
    }
}

/// The virtual card, the slot it lies in, and what goes wrong there.
pub struct VirtualCard {
    /// Where it lies: take it out, put it back, arm a cut in its memory.
    pub slot: Slot,
    /// What goes wrong at which exchange.
    pub tears: FaultPlan,
    /// Of what it was made.
    pub profile: LoadedProfile,
    /// The file with its memory.
    pub state: PathBuf,
    /// Why its memory could not be saved, from when on it is silent.
    pub failure: Failure,
    card: SharedCard,
}

impl VirtualCard {
    /// Takes the card out of its file, or makes both.
    pub fn open(profile: LoadedProfile, options: &Options) -> Result<Self, AppError> {
        let state = options.state_path(&profile)?;
        let (store, image) = match state.try_exists() {
            Ok(true) => StateFile::open(&state, &profile.text)?,
            _ => create(&state, &profile)?,
        };
        let card =
            PurseCard::from_image(&profile.profile, &Scheme::test(), image, entropy(options.seed, "virtual card"))?;
        let card = Persistent::new(card, Store { file: store, kill_at: KillAt::from_environment().write, writes: 0 });
        let failure = card.failure();
        let card = shared(card);
        let slot = Slot::new();
        slot.insert(card.clone());
        Ok(Self { slot, tears: FaultPlan::new(), profile, state, failure, card })
    }

    /// The card, also while it lies in no slot: to put it back.
    pub fn card(&self) -> SharedCard {
        self.card.clone()
    }

    /// What the card would find in its memory if it were powered up now.
    pub fn inspect(&self) -> Result<Inspection, AppError> {
        let image = lock(&self.card).memory().image().to_vec();
        Ok(PurseCard::from_image(&self.profile.profile, &Scheme::test(), image, SeededEntropy::new(0))?.inspect())
    }

    /// Throws the memory of the card away; `false` when there was none.
    pub fn reset(profile: &LoadedProfile, options: &Options) -> Result<bool, AppError> {
        let state = options.state_path(profile)?;
        if !state.exists() {
            return Ok(false);
        }
        // Whatever card or profile it was of; but not a file that is no card's, and not one in use.
        StateFile::remove(&state)?;
        Ok(true)
    }
}

impl Options {
    /// Where the virtual card's memory is.
    pub fn state_path(&self, profile: &LoadedProfile) -> Result<PathBuf, AppError> {
        let own = || place::data_file(&format!("card-{}.state", profile.profile.card_id), "say --state FILE");
        self.state.as_ref().map_or_else(own, |path| place::named_file(path, "--state"))
    }
}

/// A fresh card of the profile, in a new file; or the one that another process has just made.
fn create(path: &Path, profile: &LoadedProfile) -> Result<(StateFile, Vec<u8>), AppError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(|source| AppError::file("create", directory, source))?;
    }
    let card = PurseCard::personalise(&profile.profile, &Scheme::test(), SeededEntropy::new(0))?;
    let image = card.memory_ref().image().to_vec();
    match StateFile::create(path, &profile.text, &image)? {
        Some(file) => Ok((file, image)),
        // Another process was first: it is that one's card.
        None => Ok(StateFile::open(path, &profile.text)?),
    }
}

/// A state file, and in kill tests the death of the process between two of its writes.
struct Store {
    file: StateFile,
    kill_at: Option<u64>,
    writes: u64,
}

impl Persist for Store {
    fn persist(&mut self, writes: &[Write]) -> std::io::Result<()> {
        if self.kill_at.is_none() {
            return self.file.persist(writes);
        }
        for write in writes {
            super::kill::reached(self.kill_at, self.writes);
            self.file.persist(std::slice::from_ref(write))?;
            self.writes += 1;
        }
        Ok(())
    }
}
