//! The clock of the outermost layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::Moment;

/// Where a counting clock begins: 2026-01-05 09:00:00Z, in microseconds.
const COUNTING_FROM_MICROS: u64 = 1_767_603_600_000_000;
/// How much later each look at a counting clock is.
const COUNTING_STEP_MICROS: u64 = 1_000;

/// The system's clock, or one that counts how often it is looked at, so that a run repeats. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's.
    pub const fn system() -> Self {
        Self(None)
    }

    /// From 2026-01-05 09:00:00Z, a millisecond a look.
    pub fn counting() -> Self {
        Self(Some(Arc::new(AtomicU64::new(COUNTING_FROM_MICROS))))
    }

    /// Microseconds since 1970.
    pub fn micros(&self) -> u64 {
        match &self.0 {
            Some(count) => count.fetch_add(COUNTING_STEP_MICROS, Ordering::Relaxed),
            // A clock before 1970 is no clock; 0 is as wrong as it.
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX)),
        }
    }

    /// The time.
    pub fn now(&self) -> Moment {
        Moment::from_millis(self.micros() / 1000)
    }

    /// Whether time passes by itself; a counting clock stands still between two looks, so waiting for it is endless.
    pub const fn is_running(&self) -> bool {
        self.0.is_none()
    }

    /// Lets time pass on a counting clock; the system's passes by itself.
    pub fn advance_millis(&self, ms: u64) {
        if let Some(count) = &self.0 {
            count.fetch_add(ms * 1000, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counting_clock_repeats_and_is_shared_by_its_clones() {
        let clock = Clock::counting();
        assert_eq!(clock.now().to_string(), "2026-01-05 09:00:00Z");
        clock.clone().advance_millis(61_000);
        assert_eq!(clock.now().to_string(), "2026-01-05 09:01:01Z");
        assert_eq!(Clock::counting().micros(), COUNTING_FROM_MICROS);
    }
}
