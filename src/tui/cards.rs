//! Virtual cards on the bench, and what their memory says.

use super::core::VirtualCard;
use crate::card::memory::Memory;
use crate::entropy::{Entropy, SeededEntropy};
use crate::family::error::FamilyError;
use crate::family::profile::Profile;
use crate::reader::in_process::{SharedCard, lock, shared};

/// A fresh card of this profile; its memory lasts as long as the run.
pub fn fresh(profile: &dyn Profile, entropy: Box<dyn Entropy>) -> Result<VirtualCard, FamilyError> {
    of(profile, shared(profile.fresh(entropy, None)?))
}

/// A card that is there already and was made from this profile.
pub fn of(profile: &dyn Profile, card: SharedCard) -> Result<VirtualCard, FamilyError> {
    // A second card with the same keys shows the first one's memory: the first may be at work, or torn.
    let image = lock(&card).memory().image().to_vec();
    let mut second = profile.restore(image, Box::new(SeededEntropy::new(0)))?;
    let inspect = Box::new(move |image: &[u8]| {
        *second.memory() = Memory::from_image(image.to_vec());
        second.sheet().sections
    });
    Ok(VirtualCard { name: profile.name().to_owned(), card, inspect })
}
