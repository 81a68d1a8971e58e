//! What testers of cards and of terminals have in common: the statement, seeded randomness, the log, and what a check comes to.

use std::fmt;

use super::evidence::{Line, Log, Seen};
use super::statement::{Statement, Value};
use super::verdict::{OrStop, Stop};
use crate::difference::{difference, plain};
use crate::entropy::{Entropy, SeededEntropy};
use crate::quoted::quoted;

/// The half of a tester that no subject has a part in. Testers dereference to it.
pub struct Judge<'r> {
    statement: &'r Statement,
    entropy: SeededEntropy,
    log: Log<'r>,
}

impl<'r> Judge<'r> {
    /// Its randomness is `seed`'s; `clock` gives microseconds.
    pub(super) fn new(statement: &'r Statement, seed: u64, clock: &'r mut dyn FnMut() -> u64) -> Self {
        Self { statement, entropy: SeededEntropy::new(seed), log: Log::new(clock) }
    }

    /// The same with somebody who sees each line of the log as it comes.
    #[must_use]
    pub(super) fn with_sink(self, sink: &'r mut dyn FnMut(&Line)) -> Self {
        Self { log: self.log.with_sink(sink), ..self }
    }

    // The statement.

    /// Whether the statement claims it.
    pub fn claims(&self, claim: &str) -> bool {
        self.statement.claims(claim)
    }

    /// A text of the IXIT; its lack is an error of the statement.
    pub fn text(&self, name: &str) -> OrStop<&'r str> {
        self.statement.text_of(name)
    }

    /// A text that the IXIT may do without; a number in its place is an error of the statement.
    pub fn optional_text(&self, name: &str) -> OrStop<Option<&'r str>> {
        if self.statement.values.contains_key(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    /// A number of the IXIT; its lack is an error of the statement.
    pub fn number(&self, name: &str) -> OrStop<u64> {
        match self.statement.values.get(name) {
            Some(Value::Number(number)) => Ok(*number),
            _ => Err(Stop::error(format!("the statement gives no number {name}", name = quoted(name)))),
        }
    }

    /// A secret of the IXIT; its lack is an error of the statement.
    pub fn secret(&self, name: &str) -> OrStop<&'r str> {
        self.statement.secret_of(name).map(super::statement::SecretText::expose)
    }

    pub(super) fn statement(&self) -> &'r Statement {
        self.statement
    }

    // Randomness.

    /// Random octets of the case's seed.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.entropy.fill(&mut octets);
        octets
    }

    /// The case's randomness, for what draws keys and nonces.
    pub fn entropy(&mut self) -> &mut SeededEntropy {
        &mut self.entropy
    }

    // What is seen.

    /// A remark in the log.
    pub fn note(&mut self, text: impl fmt::Display) {
        self.log(Seen::Note { text: text.to_string() });
    }

    /// Fails unless `held`.
    pub fn check(&mut self, held: bool, what: impl fmt::Display) -> OrStop {
        let what = what.to_string();
        self.log(Seen::Check { what: what.clone(), held });
        if held { Ok(()) } else { Err(Stop::fail(format!("does not hold: {what}"))) }
    }

    /// Fails unless both are equal, and says what differs. Where that is only a part of them, both stand in the log before it.
    pub fn check_equal<T: PartialEq + fmt::Debug>(&mut self, what: &str, expected: &T, got: &T) -> OrStop {
        if expected == got {
            self.log(Seen::Check { what: format!("{what}: {got}", got = plain(&got)), held: true });
            return Ok(());
        }
        let told = difference(expected, got);
        let (expected, got) =
            (format!("expected {expected}", expected = plain(&expected)), format!("got {got}", got = plain(&got)));
        if told != format!("{expected}, {got}") {
            self.note(format!("{what}: {expected}"));
            self.note(format!("{what}: {got}"));
        }
        let told = format!("{what}: {told}");
        self.log(Seen::Check { what: told.clone(), held: false });
        Err(Stop::fail(told))
    }

    pub(super) fn log(&mut self, what: Seen) {
        self.log.add(what);
    }

    /// The line of what went wrong last.
    pub(super) fn rests_on(&mut self) -> &mut Option<u32> {
        &mut self.log.rests_on
    }

    /// Ends the log with how the body ended; what it came to.
    pub(super) fn finish(self, ended: OrStop) -> (OrStop, Vec<Line>) {
        self.log.finish(ended)
    }
}
