//! A test case: what it proves, when it applies, what it may do to a card, and its body.

use std::fmt;
use std::sync::Arc;

use super::facility::Facility;
use super::risk::Risk;
use super::terminal_tester::TerminalTester;
use super::tester::Tester;
use super::verdict::OrStop;
use super::wanted::Wanted;

/// A body for a card under test.
pub type CardBody = Arc<dyn Fn(&mut Tester<'_>) -> OrStop + Send + Sync>;

/// A body for a terminal under test.
pub type TerminalBody = Arc<dyn Fn(&mut TerminalTester<'_>) -> OrStop + Send + Sync>;

/// Gives shorter ones of a case's record of where it tore, the shortest first.
pub type Shorter = Arc<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// What a case does.
#[derive(Clone)]
pub enum Body {
    /// With a card under test.
    Card(CardBody),
    /// With a terminal under test; the cards are the test system's.
    Terminal(TerminalBody),
}

/// A test case.
///
/// ```
/// use untorn::conformance::case::Case;
/// use untorn::conformance::risk::Risk;
/// let case = Case::new("TOY-ECHO-001", "An unknown instruction is refused.")
///     .proves(&["REQ-CMD-1"])
///     .body(|tester| {
///         let answer = tester.send(&[0x00, 0xFE, 0x00, 0x00])?;
///         tester.expect_status(&answer, 0x6D00)
///     });
/// assert_eq!((case.revision, case.risk), (1, Risk::ReadOnly));
/// ```
#[derive(Clone)]
pub struct Case {
    /// Stable: never given to another case, never changed.
    pub id: String,
    /// The suite that it belongs to.
    pub suite: String,
    /// Rises with each change of what the body asks for.
    pub revision: u32,
    /// One sentence: what holds if the case passes.
    pub purpose: String,
    /// Requirements in specs/.
    pub requirements: Vec<String>,
    /// Claims of the statement without which it does not apply; `!name` for one that must not be claimed.
    pub needs: Vec<String>,
    /// Values of the statement that it asks for.
    pub values: Vec<Wanted>,
    /// What the test system must be able to do.
    pub facilities: Vec<Facility>,
    /// What it does to a card.
    pub risk: Risk,
    /// The mutants that it kills.
    pub kills: Vec<String>,
    /// For a case that looks for a refusal: the case that shows the same thing accepted where it must be. Without its pass, a
    /// refusal could have any reason.
    pub twin: Option<String>,
    /// The cases that show that what it begins with can be done at all: where one of them did not pass, it is blocked.
    pub behind: Vec<String>,
    /// For a case that records where it tore ([`Tester::record_cuts`]): how a failure's record gets shorter.
    pub shorter: Option<Shorter>,
    /// What it does.
    pub body: Body,
}

impl Case {
    /// A read-only case without suite, requirement, mutants or body.
    pub fn new(id: &str, purpose: &str) -> Self {
        Self {
            id: id.to_owned(),
            suite: String::new(),
            revision: 1,
            purpose: purpose.to_owned(),
            requirements: Vec::new(),
            needs: Vec::new(),
            values: Vec::new(),
            facilities: Vec::new(),
            risk: Risk::ReadOnly,
            kills: Vec::new(),
            twin: None,
            behind: Vec::new(),
            shorter: None,
            body: Body::Card(Arc::new(|_| Err(super::verdict::Stop::error("the case has no body")))),
        }
    }

    /// Puts it into a suite, unless it is in one already. Where cases are collected their suite is known.
    #[must_use]
    pub fn of_suite(mut self, suite: &str) -> Self {
        if self.suite.is_empty() {
            suite.clone_into(&mut self.suite);
        }
        self
    }

    /// Sets the revision, from 1.
    #[must_use]
    pub fn revision(self, revision: u32) -> Self {
        Self { revision, ..self }
    }

    /// Requirements that it proves.
    #[must_use]
    pub fn proves(mut self, requirements: &[&str]) -> Self {
        self.requirements.extend(requirements.iter().map(|id| (*id).to_owned()));
        self
    }

    /// Claims that it needs; `!name` for one that must not be claimed.
    #[must_use]
    pub fn needs(mut self, claims: &[&str]) -> Self {
        self.needs.extend(claims.iter().map(|claim| (*claim).to_owned()));
        self
    }

    /// What it does to a card.
    #[must_use]
    pub fn risk(self, risk: Risk) -> Self {
        Self { risk, ..self }
    }

    /// The power must be cut inside a command.
    #[must_use]
    pub fn cuts(mut self) -> Self {
        self.facilities.push(Facility::Cut);
        self.writes()
    }

    /// It changes balances, records or counters.
    #[must_use]
    pub fn writes(self) -> Self {
        self.risk(Risk::Writes)
    }

    /// It ruins the card.
    #[must_use]
    pub fn ruins(mut self) -> Self {
        self.facilities.push(Facility::FreshCard);
        self.risk(Risk::Irreversible)
    }

    /// Mutants that it kills.
    #[must_use]
    pub fn kills(mut self, mutants: &[&str]) -> Self {
        self.kills.extend(mutants.iter().map(|mutant| (*mutant).to_owned()));
        self
    }

    /// The case that shows the same thing accepted where it must be.
    #[must_use]
    pub fn twin(mut self, id: &str) -> Self {
        self.twin = Some(id.to_owned());
        self
    }

    /// A case without whose pass this one says nothing: it is blocked then.
    #[must_use]
    pub fn behind(mut self, id: &str) -> Self {
        if id != self.id {
            self.behind.push(id.to_owned());
        }
        self
    }

    /// How a failure's record of where it tore gets shorter.
    #[must_use]
    pub fn shorter(self, shorter: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> Self {
        Self { shorter: Some(Arc::new(shorter)), ..self }
    }

    /// What it does with a card.
    #[must_use]
    pub fn body(self, body: impl Fn(&mut Tester<'_>) -> OrStop + Send + Sync + 'static) -> Self {
        Self { body: Body::Card(Arc::new(body)), ..self }
    }

    /// What it does with a terminal.
    #[must_use]
    pub fn terminal(self, body: impl Fn(&mut TerminalTester<'_>) -> OrStop + Send + Sync + 'static) -> Self {
        Self { body: Body::Terminal(Arc::new(body)), ..self }
    }

    /// `id@revision`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.revision)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("id", &self.id).field("revision", &self.revision).finish_non_exhaustive()
    }
}
