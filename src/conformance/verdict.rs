//! Verdicts, which only worsen.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

/// What a case came to (ITU-T X.290 (1995), 3.3.107 and following, where `Error` is the test case error). In this order
/// they worsen. *Not applicable* and *blocked* are no verdicts: such a case did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What the purpose asks for was seen.
    Pass,
    /// Neither seen nor disproved: no answer came, or the way to what was to be tested was barred.
    Inconclusive,
    /// The opposite was seen.
    Fail,
    /// The case itself went wrong.
    Error,
}

impl Verdict {
    /// The worse of the two.
    ///
    /// ```
    /// use untorn::conformance::verdict::Verdict;
    /// assert_eq!(Verdict::Fail.worsen(Verdict::Pass), Verdict::Fail);
    /// ```
    #[must_use]
    pub fn worsen(self, other: Self) -> Self {
        self.max(other)
    }

    /// All of them, best first.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Inconclusive, Self::Fail, Self::Error];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
            Self::Error => "error",
        })
    }
}

/// Why a body ended before its end: a verdict other than pass, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What it comes to.
    pub verdict: Verdict,
    /// One sentence: expected what, got what.
    pub reason: String,
}

impl Stop {
    /// The opposite of the purpose was seen.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, reason: reason.into() }
    }

    /// Nothing was seen either way.
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Inconclusive, reason: reason.into() }
    }

    /// The case or the test system is wrong.
    pub fn error(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Error, reason: reason.into() }
    }

    /// What fails before the test purpose is reached says nothing about it.
    #[must_use]
    pub fn in_preamble(self) -> Self {
        match self.verdict {
            Verdict::Fail => Self::inconclusive(format!("in the preamble: {}", self.reason)),
            _ => self,
        }
    }

    /// What goes wrong behind the test purpose says nothing about it, but the card may not be as it was.
    #[must_use]
    pub fn in_postamble(self) -> Self {
        let verdict = if self.verdict == Verdict::Error { Verdict::Error } else { Verdict::Inconclusive };
        Self { verdict, reason: format!("in the postamble, so that the card may not be as it was: {}", self.reason) }
    }
}

/// How a body, or a step of one, ends.
pub type OrStop<T = ()> = Result<T, Stop>;

/// What steps and their postamble came to together.
pub(super) fn with_postamble<T>(ended: OrStop<T>, postamble: OrStop) -> OrStop<T> {
    match (ended, postamble.map_err(Stop::in_postamble)) {
        (ended, Ok(())) => ended,
        (Ok(_), Err(after)) => Err(after),
        (Err(stop), Err(after)) => {
            let verdict = stop.verdict.worsen(after.verdict);
            Err(Stop { verdict, reason: format!("{}; {}", stop.reason, after.reason) })
        }
    }
}

/// Steps that panic are an error of the case, and the next case runs.
pub(super) fn caught<T>(steps: impl FnOnce() -> OrStop<T>) -> OrStop<T> {
    catch_unwind(AssertUnwindSafe(steps)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Stop::error(format!("the case panicked: {}", text.unwrap_or("without a message"))))
    })
}
