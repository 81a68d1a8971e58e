//! Suites that belong to no card family.

pub mod iso7816_4;
pub mod terminal;

use crate::conformance::case::Case;
use crate::conformance::requirement::Catalogue;

/// Their cases, in the order in which they run.
pub fn cases() -> Vec<Case> {
    [iso7816_4::cases(), terminal::cases()].concat()
}

/// The requirements that they prove.
///
/// # Errors
/// A catalogue is malformed, in words.
pub fn requirements() -> Result<Vec<Catalogue>, String> {
    let catalogues = [include_str!("../../specs/iso7816_4.toml"), include_str!("../../specs/terminal.toml")];
    catalogues.into_iter().map(Catalogue::parse).collect()
}
