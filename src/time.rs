//! Time as an argument. Only the outermost layer reads a clock.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;

const MILLIS_A_DAY: u64 = 86_400_000;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
///
/// ```
/// use untorn::time::Moment;
/// assert_eq!(Moment::from_seconds(1_701_224_448).to_string(), "2023-11-29 02:20:48Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment {
    unix_ms: u64,
}

impl Moment {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(unix_ms: u64) -> Self {
        Self { unix_ms }
    }

    /// From seconds since the Unix epoch, as the receipts of cards carry them.
    pub const fn from_seconds(seconds: u32) -> Self {
        Self { unix_ms: seconds as u64 * 1000 }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.unix_ms
    }

    /// Seconds since the Unix epoch, as the receipts of cards carry them; `None` from 2106-02-07 06:28:16Z on, which four octets cannot hold.
    pub fn seconds(self) -> Option<u32> {
        u32::try_from(self.unix_ms / 1000).ok()
    }

    /// Whole days since the Unix epoch.
    pub const fn day(self) -> u64 {
        self.unix_ms / MILLIS_A_DAY
    }

    /// The beginning of a day, counted from the Unix epoch.
    pub const fn from_day(day: u32) -> Self {
        Self { unix_ms: day as u64 * MILLIS_A_DAY }
    }

    /// The date alone, as in 2023-11-29.
    pub fn date(self) -> String {
        self.to_string().split(' ').next().unwrap_or_default().to_owned()
    }

    /// This moment and `ms` milliseconds.
    #[must_use]
    pub const fn plus_millis(self, ms: u64) -> Self {
        Self { unix_ms: self.unix_ms.saturating_add(ms) }
    }

    /// Milliseconds from this moment until `later`, 0 when that has passed.
    pub const fn millis_until(self, later: Self) -> u64 {
        later.unix_ms.saturating_sub(self.unix_ms)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.unix_ms / 1000).unwrap_or(i64::MAX);
        let text = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|moment| {
            moment.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z")).ok()
        });
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} ms", self.unix_ms),
        }
    }
}
