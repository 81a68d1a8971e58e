//! What the security module checks before it believes a card: each check has a name and stands here, so that all of them can be read at
//! one place.

use super::error::SamError;
use crate::crypto::ec::{EcError, Point};
use crate::family::purse::data::session::{Certificate, Subject};
use crate::family::purse::keys::Mac;
use crate::time::Moment;

/// The checks. As they stand here they are those of the specification.
pub trait Checks: Send {
    /// Whether tagC proves the card. `own` is tagT, which proves nothing.
    fn card_tag(&mut self, expected: &Mac, _own: &Mac, received: &[u8]) -> bool {
        expected.verify(received)
    }

    /// Whether the R-MAC proves an answer.
    fn answer_mac(&self, expected: &Mac, received: &[u8]) -> bool {
        expected.verify(received)
    }

    /// The card's public key, if the authority has signed its certificate.
    ///
    /// # Errors
    /// It has not, or the certificate has no point of the curve.
    fn signature(&self, certificate: &Certificate, authority: &Point) -> Result<Point, EcError> {
        certificate.verify(authority)
    }

    /// Whether the certificate is a card's.
    fn subject(&self, certificate: &Certificate) -> bool {
        certificate.subject == Subject::Card
    }

    /// Refuses a card's certificate that is not valid now.
    ///
    /// # Errors
    /// [`SamError::NotValidNow`].
    fn validity(&self, certificate: &Certificate, now: Moment) -> Result<(), SamError> {
        check_validity(certificate, "the card's", now)
    }
}

/// The checks of the specification.
#[derive(Debug, Clone, Copy, Default)]
pub struct Specified;

impl Checks for Specified {}

/// A certificate that is authentic can still not be valid; then the clock is as likely to be wrong.
pub(super) fn check_validity(certificate: &Certificate, whose: &'static str, now: Moment) -> Result<(), SamError> {
    if certificate.is_valid_at(now) {
        return Ok(());
    }
    let (from, to) = certificate.validity();
    Err(SamError::NotValidNow { whose, now, from, to })
}
