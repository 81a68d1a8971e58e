//! All cases, mutants and requirements there are: those of no family, and those of each.

use crate::conformance::case::Case;
use crate::conformance::requirement::{Catalogue, Exception, Exceptions, Orphan};
use crate::family::families;
use crate::suite;

/// All cases, in the order in which they run.
pub fn cases() -> Vec<Case> {
    let families = families();
    let of_families = families.iter().flat_map(|family| {
        let name = family.name();
        // A case of a family is about cards of this family, and of no other.
        family.cases().into_iter().map(move |case| case.of_suite(name).needs(&[name]))
    });
    suite::cases().into_iter().chain(of_families).collect()
}

/// All requirements.
///
/// # Errors
/// A catalogue is malformed, in words.
pub fn requirements() -> Result<Vec<Catalogue>, String> {
    let mut catalogues = suite::requirements()?;
    for family in families() {
        catalogues.push(family.requirements().map_err(|error| error.to_string())?);
    }
    Ok(catalogues)
}

/// Requirements that no case proves, with their reasons, besides those in the catalogues themselves.
///
/// # Errors
/// The file is malformed, in words.
pub fn exceptions() -> Result<Vec<Exception>, String> {
    Exceptions::parse(include_str!("../../specs/exceptions.toml"))
}

/// Cases that no mutant stands behind, with their reasons.
///
/// # Errors
/// The file is malformed, in words.
pub fn orphans() -> Result<Vec<Orphan>, String> {
    let exceptions: Exceptions =
        toml::from_str(include_str!("../../specs/exceptions.toml")).map_err(|error| error.to_string())?;
    Ok(exceptions.orphan)
}
