//! The virtual card that a person has: made at first use, remembered in a file.

use std::fs;
use std::path::{Path, PathBuf};

use super::kill::KillAt;
use super::{AppError, Options, entropy, place, read_text};
use crate::card::memory::Write;
use crate::entropy::{SeededEntropy, SystemEntropy};
use crate::family::purse::card::PurseCard;
use crate::family::purse::card::inspection::Inspection;
use crate::family::purse::data::CardId;
use crate::family::purse::issuer::Scheme;
use crate::family::purse::profile::{BUILT_IN, LogicalCardProfile, PurseProfile};
use crate::journal::record::CardReference;
use crate::journal::sqlite::SqliteReader;
use crate::journal::{JournalError, OpenRecord};
use crate::reader::fault::FaultPlan;
use crate::reader::in_process::{SharedCard, Slot, lock, shared};
use crate::reader::persistent::{Failure, Persist, Persistent};
use crate::reader::state_file::StateFile;

/// A card profile and the text that it was read from, by which a state file knows it again.
#[derive(Clone)]
pub struct LoadedProfile {
    /// What it says; of a card that was made of it, with that card's id.
    pub profile: PurseProfile,
    text: String,
    /// Each card that is made of it gets an id of its own: a built-in profile's id is that of the cards in the suite.
    draws_id: bool,
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
            let draws_id = PurseProfile::offered().any(|(offered, _)| offered == name);
            return Self::parse((*text).to_owned(), draws_id);
        }
        let path = Path::new(name);
        if path.extension().is_none() && !path.exists() {
            return Err(AppError::Profile(
                PurseProfile::built_in(name).err().map_or_else(String::new, |e| e.to_string()),
            ));
        }
        Self::parse(read_text("read the profile", path)?, false)
    }

    fn parse(text: String, draws_id: bool) -> Result<Self, AppError> {
        let profile = PurseProfile::parse(&text).map_err(|error| AppError::Profile(error.to_string()))?;
        Ok(Self { profile, text, draws_id })
    }

    /// From here on it is the profile of the card with this memory.
    fn take_id(&mut self, image: &[u8]) {
        if let Some(id) = PurseCard::<SystemEntropy>::id_in(image).filter(|_| self.draws_id) {
            self.profile.card_id = id;
        }
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
        Self::open_beside(profile, options, &mut |card| open_orders(options, Some(card)))
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
        inspect(&self.profile.profile, image)
    }

    /// The same of a card whose memory may be where nothing can be written; the card is made where there is none. Gives its profile too,
    /// and where its memory is.
    pub fn look(mut profile: LoadedProfile, options: &Options) -> Result<(Profile, PathBuf, Inspection), AppError> {
        let state = options.state_path(&profile)?;
        if !state.try_exists().unwrap_or_default() {
            let made = Self::open(profile, options)?;
            let found = made.inspect()?;
            return Ok((made.profile.profile, state, found));
        }
        let image = StateFile::look(&state, &profile.text)?;
        profile.take_id(&image);
        let found = inspect(&profile.profile, image)?;
        Ok((profile.profile, state, found))
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
        let card = PurseCard::<SystemEntropy>::id_in(&start).map(|id| CardReference(id.to_string()));
        open_orders(options, card.as_ref())
    }
}

fn inspect(profile: &Profile, image: Vec<u8>) -> Result<Inspection, AppError> {
    Ok(PurseCard::from_image(profile, &Scheme::test(), image, SeededEntropy::new(0))?.inspect())
}

/// The orders that are open in the journal in use, if there is one; of one card, or of all.
fn open_orders(options: &Options, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, AppError> {
    let path = match options.journal_path() {
        Ok(path) => path,
        // Nobody named a journal, and this person has no directory for one.
        Err(_) if options.journal.is_none() => return Ok(Vec::new()),
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
        let own = || place::data_file(&format!("card-{}.state", profile.profile.card_id), "say --state FILE");
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
        profile.profile.card_id = CardId::drawn(&mut *entropy);
    }
    let id = CardReference(profile.profile.card_id.to_string());
    if let Some(open) = open_orders(&id)?.first() {
        let order = open.intent.order;
        return Err(AppError::SecondCard { card: id, order, state: path.to_owned() });
    }
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(|source| AppError::file("create", directory, source))?;
    }
    let card = PurseCard::personalise(&profile.profile, &Scheme::test(), entropy)?;
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
