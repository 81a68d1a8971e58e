//! The clock of the outermost layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::Moment;

/// Where a counting clock begins: 2026-01-05 09:00:00Z, in microseconds.
const COUNTING_FROM_MICROS: u64 = 1_767_603_600_000_000;
/// How much later each look at a counting clock is.
const COUNTING_STEP_MICROS: u64 = 1_000;

/// The system's clock, or one that counts how often it is looked at, so that a run repeats. Clones are the same clock.
///
/// The system's is read once, and from then on the time that has passed is added, which nobody can set: a wall clock that is set
/// meanwhile changes no wait, and a sale keeps one time from tear to re-touch. [`Clock::settle`] reads the wall clock again.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Steady(Arc<Steady>),
    Counting(Arc<AtomicU64>),
}

/// Where a steady clock gets its time.
pub trait Source: Send + Sync {
    /// Microseconds since 1970, as they are set.
    fn wall(&self) -> u64;
    /// Microseconds that have passed since a moment that stays the same.
    fn passed(&self) -> u64;
}

struct Steady {
    source: Box<dyn Source>,
    /// What the wall showed when nothing had passed, in microseconds; a wall clock can be earlier than that.
    origin: AtomicI64,
}

impl Steady {
    fn settle(&self) {
        let origin = self.source.wall().cast_signed().saturating_sub(self.source.passed().cast_signed());
        self.origin.store(origin, Ordering::Relaxed);
    }

    fn micros(&self) -> u64 {
        let passed = self.source.passed().cast_signed();
        u64::try_from(self.origin.load(Ordering::Relaxed).saturating_add(passed)).unwrap_or(0)
    }
}

impl std::fmt::Debug for Steady {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Steady").field("origin", &self.origin).finish_non_exhaustive()
    }
}

struct Os {
    since: Instant,
}

impl Source for Os {
    fn wall(&self) -> u64 {
        // A clock before 1970 is no clock; 0 is as wrong as it.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX).cast_unsigned())
    }

    fn passed(&self) -> u64 {
        i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX).cast_unsigned()
    }
}

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self::steady(Box::new(Os { since: Instant::now() }))
    }

    /// One that reads `source`'s wall clock now and follows what passes.
    pub fn steady(source: Box<dyn Source>) -> Self {
        let steady = Steady { source, origin: AtomicI64::new(0) };
        steady.settle();
        Self(Kind::Steady(Arc::new(steady)))
    }

    /// From 2026-01-05 09:00:00Z, a millisecond a look.
    pub fn counting() -> Self {
        Self(Kind::Counting(Arc::new(AtomicU64::new(COUNTING_FROM_MICROS))))
    }

    /// Reads the wall clock again. Call it only between two requests, when nothing waits.
    pub fn settle(&self) {
        if let Kind::Steady(steady) = &self.0 {
            steady.settle();
        }
    }

    /// Microseconds since 1970.
    pub fn micros(&self) -> u64 {
        match &self.0 {
            Kind::Counting(count) => count.fetch_add(COUNTING_STEP_MICROS, Ordering::Relaxed),
            Kind::Steady(steady) => steady.micros(),
        }
    }

    /// The time.
    pub fn now(&self) -> Moment {
        Moment::from_millis(self.micros() / 1000)
    }

    /// Whether time passes by itself; a counting clock stands still between two looks, so waiting for it is endless.
    pub const fn is_running(&self) -> bool {
        matches!(self.0, Kind::Steady(_))
    }

    /// Lets time pass on a counting clock; the system's passes by itself.
    pub fn advance_millis(&self, ms: u64) {
        if let Kind::Counting(count) = &self.0 {
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
