//! A check that two values are equal, as it stands in a log.

use std::fmt::Debug;

use super::evidence::{Log, Seen};
use super::verdict::{Outcome, Stop};
use crate::difference::difference;

/// Fails unless both are equal. Where it tells only a part of two values, both stand before it.
pub(super) fn check_equal<T: PartialEq + Debug>(log: &mut Log<'_>, what: &str, expected: &T, got: &T) -> Outcome {
    if expected == got {
        log.add(Seen::Check { what: format!("{what}: {got:?}"), held: true });
        return Ok(());
    }
    let told = difference(expected, got);
    let (expected, got) = (format!("expected {expected:?}"), format!("got {got:?}"));
    if told != format!("{expected}, {got}") {
        log.add(Seen::Note { text: format!("{what}: {expected}") });
        log.add(Seen::Note { text: format!("{what}: {got}") });
    }
    let told = format!("{what}: {told}");
    log.add(Seen::Check { what: told.clone(), held: false });
    Err(Stop::fail(told))
}
