//! What may follow what, the same for every kind of journal.

use super::JournalError;
use super::record::{Entry, OrderNumber, Resolution};

/// Whether `entry` may follow `earlier`, the entries of its order so far.
///
/// # Errors
/// [`JournalError::Contradiction`], when it may not.
pub(super) fn check<'a>(entry: &Entry, earlier: impl IntoIterator<Item = &'a Entry>) -> Result<(), JournalError> {
    let earlier: Vec<&Entry> = earlier.into_iter().filter(|other| other.order() == entry.order()).collect();
    let reason = match entry {
        Entry::Intent(_) => against_intent(entry, &earlier),
        Entry::Alarm { .. } => against_alarm(entry, &earlier),
        _ => against_end(entry, &earlier),
    };
    match reason {
        None => Ok(()),
        Some(reason) => Err(contradiction(entry, reason)),
    }
}

/// The refusal of `entry`.
pub(super) fn contradiction(entry: &Entry, reason: &str) -> JournalError {
    JournalError::Contradiction { order: entry.order(), attempt: entry.attempt(), reason: reason.to_owned() }
}

/// Why a new attempt is refused: a second one needs proof that no earlier one moved value (REQ-TRM-5).
fn against_intent(entry: &Entry, earlier: &[&Entry]) -> Option<&'static str> {
    let attempts = earlier.iter().filter(|other| matches!(other, Entry::Intent(_))).count();
    let not_paid = earlier.iter().filter(|other| resolution(other).is_some_and(is_not_paid)).count();
    if entry.order().0 == 0 {
        Some("orders are numbered from 1")
    } else if entry.attempt() as usize <= attempts && entry.attempt() != 0 {
        Some("the attempt exists already")
    } else if entry.attempt() as usize != attempts + 1 {
        Some("attempts are numbered from 1 without a gap")
    } else if not_paid != attempts {
        Some("an earlier attempt is open or paid")
    } else {
        None
    }
}

/// Why an alarm is refused: it may come at any time, but not out of nowhere.
fn against_alarm(entry: &Entry, earlier: &[&Entry]) -> Option<&'static str> {
    let exists = earlier.iter().any(|other| other.attempt() == entry.attempt());
    (!exists).then_some("there is no such attempt")
}

/// Why an entry about an existing attempt is refused: nothing follows its resolution.
fn against_end(entry: &Entry, earlier: &[&Entry]) -> Option<&'static str> {
    let mut same_attempt = earlier.iter().filter(|other| other.attempt() == entry.attempt()).peekable();
    if same_attempt.peek().is_none() {
        Some("there is no such attempt")
    } else if same_attempt.any(|other| resolution(other).is_some()) {
        Some("it is resolved already")
    } else {
        None
    }
}

const fn resolution(entry: &Entry) -> Option<&Resolution> {
    match entry {
        Entry::Resolved { resolution, .. } => Some(resolution),
        _ => None,
    }
}

const fn is_not_paid(resolution: &Resolution) -> bool {
    matches!(resolution, Resolution::NotPaid { .. })
}

/// The number after the highest that the journal holds.
///
/// # Errors
/// [`JournalError::Storage`], when all numbers are used.
pub(super) fn number_after(highest: u32) -> Result<OrderNumber, JournalError> {
    highest.checked_add(1).map(OrderNumber).ok_or_else(|| JournalError::Storage {
        operation: "number another order".to_owned(),
        reason: format!("{highest} is the highest possible number; begin a new journal"),
    })
}
