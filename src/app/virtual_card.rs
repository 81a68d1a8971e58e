//! The virtual card that a person has: made at first use, remembered in a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kill::KillAt;
use super::{AppError, Options, entropy, place, read_text};
use crate::card::memory::Write;
use crate::conformance::role::CommandRole;
use crate::entropy::SeededEntropy;
use crate::family::error::FamilyError;
use crate::family::profile::{Profile, Sheet};
use crate::family::{Family, families};
use crate::journal::record::CardReference;
use crate::journal::sqlite::SqliteReader;
use crate::journal::{JournalError, OpenRecord};
use crate::money::Currency;
use crate::reader::IsCommand;
use crate::reader::fault::FaultPlan;
use crate::reader::in_process::{SharedCard, Slot, lock, shared};
use crate::reader::persistent::{Failure, Persist, Persistent};
use crate::reader::state_file::StateFile;

/// A card profile and the text that it was read from, by which a state file knows it again.
#[derive(Clone)]
pub struct LoadedProfile {
    /// Whose it is.
    pub family: &'static dyn Family,
    /// What it says; of a card that was made of it, with that card's id.
    pub profile: Arc<dyn Profile>,
    text: String,
    /// Each card that is made of it gets an id of its own: a built-in profile's id is that of the cards in the suite.
    draws_id: bool,
}

impl std::fmt::Debug for LoadedProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text holds PIN and keys in clear.
        f.debug_struct("LoadedProfile").field("profile", &self.profile.name()).finish_non_exhaustive()
    }
}

impl LoadedProfile {
    /// A built-in profile by its name, or one in a file.
    pub fn load(options: &Options) -> Result<Self, AppError> {
        let (name, families) = (options.profile.as_str(), options.families()?);
        for &family in &families {
            if let Some(text) = family.profile_text(name) {
                let (profile, draws_id) = (family.profile(name)?, family.profiles().contains(&name));
                return Ok(Self { family, profile, text: text.to_owned(), draws_id });
            }
        }
        let path = Path::new(name);
        if path.extension().is_none() && !path.exists() {
            let known = families.iter().flat_map(|family| family.profiles()).collect();
            return Err(FamilyError::NoProfile { known, got: name.to_owned() }.into());
        }
        Self::read(&families, read_text("read the profile", path)?).map_err(|error| match error {
            AppError::Family(FamilyError::Profile(reason)) => {
                FamilyError::Profile(format!("{}: {reason}", path.display())).into()
            }
            error => error,
        })
    }

    /// A profile names its family; one that names none is of the first.
    fn read(families: &[&'static dyn Family], text: String) -> Result<Self, AppError> {
        let named = text.parse::<toml::Table>().ok().and_then(|table| Some(table.get("family")?.as_str()?.to_owned()));
        let family = match &named {
            Some(name) => families.iter().find(|family| family.name() == name),
            None => families.first(),
        };
        let known = || families.iter().map(|family| family.name()).collect();
        let none = || FamilyError::NoFamily { known: known(), got: named.clone().unwrap_or_default() };
        let family = *family.ok_or_else(none)?;
        Ok(Self { family, profile: family.read_profile(&text)?, text, draws_id: false })
    }

    /// From here on it is the profile of the card with this memory.
    fn take_id(&mut self, image: &[u8]) {
        if let Some(own) = self.profile.of_memory(image).filter(|_| self.draws_id) {
            self.profile = own;
        }
    }

    /// What a terminal for it counts in.
    pub fn currency(&self) -> Result<Currency, AppError> {
        let none = || FamilyError::NoTill(self.profile.name().to_owned());
        Ok(self.profile.currency().ok_or_else(none)?)
    }

    /// How long the ids of its cards are.
    pub fn card_id_digits(&self) -> usize {
        self.profile.card().0.len()
    }

    /// Whether a command plays this role in an order on its cards.
    pub fn is_command(&self, role: CommandRole) -> IsCommand {
        let lab = self.family.lab();
        IsCommand::new(move |command| lab.and_then(|lab| lab.role(command)) == Some(role))
    }
}

impl Options {
    /// The variant of the protocol that a person has set for the terminal.
    pub fn variant(&self) -> Result<Option<&'static str>, AppError> {
        let lab = self.families()?.into_iter().find_map(Family::lab);
        Ok(lab.map(|lab| lab.variant_set(&self.settings)).transpose()?.flatten())
    }

    /// The families that are meant.
    pub fn families(&self) -> Result<Vec<&'static dyn Family>, AppError> {
        let all = families().iter().map(|family| &**family);
        let Some(name) = &self.family else { return Ok(all.collect()) };
        let meant: Vec<_> = all.filter(|family| family.name() == name).collect();
        if meant.is_empty() {
            let known = families().iter().map(|family| family.name()).collect();
            return Err(FamilyError::NoFamily { known, got: name.clone() }.into());
        }
        Ok(meant)
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
        Self::open_beside(profile, options, &mut |card| open_orders(options.journal.as_deref(), Some(card)))
    }

    /// The same for who has the journal in use open: `open_orders` finds the orders that are open on a card there.
    pub(super) fn open_beside(
        mut profile: LoadedProfile,
        options: &Options,
        open_orders: &mut dyn FnMut(&CardReference) -> Result<Vec<OpenRecord>, AppError>,
    ) -> Result<Self, AppError> {
        let state = options.state_path(&profile)?;
        let (store, image) = match state.try_exists() {
            Ok(true) => StateFile::open(&state, &profile.text)?,
            _ => create(&state, &mut profile, options.seed, open_orders)?,
        };
        profile.take_id(&image);
        let card = profile.profile.restore(image, entropy(options.seed, "virtual card"))?;
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
    pub fn sheet(&self) -> Result<Sheet, AppError> {
        let image = lock(&self.card).memory().image().to_vec();
        sheet(&*self.profile.profile, image)
    }

    /// The same for a card whose memory may lie on a read-only disk. It makes the card if there is none yet, and also returns the card's
    /// profile and the path of its memory.
    pub fn look(mut profile: LoadedProfile, options: &Options) -> Result<(Arc<dyn Profile>, PathBuf, Sheet), AppError> {
        let state = options.state_path(&profile)?;
        if !state.try_exists().unwrap_or_default() {
            let made = Self::open(profile, options)?;
            let sheet = made.sheet()?;
            return Ok((made.profile.profile, state, sheet));
        }
        let image = StateFile::look(&state, &profile.text)?;
        profile.take_id(&image);
        let sheet = sheet(&*profile.profile, image)?;
        Ok((profile.profile, state, sheet))
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

    /// What [`VirtualCard::reset`] would leave open for ever: the orders of this card in the journal in use; those of all cards where
    /// the memory does not say whose it is.
    pub fn open_on(profile: &LoadedProfile, options: &Options) -> Result<Vec<OpenRecord>, AppError> {
        let state = options.state_path(profile)?;
        // What is no card's memory is refused by the reset itself.
        if !state.is_file() {
            return Ok(Vec::new());
        }
        let Ok(start) = StateFile::start_of_image(&state) else { return Ok(Vec::new()) };
        let card = profile.profile.of_memory(&start).map(|profile| profile.card());
        open_orders(options.journal.as_deref(), card.as_ref())
    }
}

fn sheet(profile: &dyn Profile, image: Vec<u8>) -> Result<Sheet, AppError> {
    Ok(profile.restore(image, Box::new(SeededEntropy::new(0)))?.sheet())
}

/// The orders that are open in the journal that is named, or in the person's own, if there is one; of one card, or of all.
pub(super) fn open_orders(named: Option<&Path>, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, AppError> {
    let path = match place::journal(named) {
        Ok(path) => path,
        // Nobody named a journal, and this person has no directory for one.
        Err(_) if named.is_none() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    match SqliteReader::open(path) {
        Ok(journal) => Ok(journal.unresolved(card)?),
        Err(JournalError::Missing { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

impl Options {
    /// Where the virtual card's memory is.
    pub fn state_path(&self, profile: &LoadedProfile) -> Result<PathBuf, AppError> {
        let own = || place::data_file(&format!("card-{}.state", profile.profile.card()), "say --state FILE");
        self.state.as_ref().map_or_else(own, |path| place::named_file(path, "--state"))
    }
}

/// A fresh card of the profile, in a new file; or the one that another process has just made.
fn create(
    path: &Path,
    profile: &mut LoadedProfile,
    seed: Option<u64>,
    open_orders: &mut dyn FnMut(&CardReference) -> Result<Vec<OpenRecord>, AppError>,
) -> Result<(StateFile, Vec<u8>), AppError> {
    let mut entropy = entropy(seed, "personalisation");
    if profile.draws_id {
        profile.profile = profile.profile.with_own_id(&mut *entropy).unwrap_or_else(|| Arc::clone(&profile.profile));
    }
    let id = profile.profile.card();
    if let Some(open) = open_orders(&id)?.first() {
        let order = open.intent.order;
        return Err(AppError::SecondCard { card: id, order, state: path.to_owned() });
    }
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(|source| AppError::file("create", directory, source))?;
    }
    let image = profile.profile.fresh(entropy, None)?.memory().image().to_vec();
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
