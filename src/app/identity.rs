//! Which card lies at a real reader, what a person allows by naming it, and whether it is still the same one.

use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::AppError;
use super::ledger::{FileLedger, Unidentified};
use crate::card::Card;
use crate::conformance::rig::{Guard, Rig};
use crate::conformance::risk::Risk;
use crate::conformance::statement::{Statement, Value};
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop, Verdict};
use crate::family::families;
use crate::reader::Reader;
use crate::wire::hex;

/// The value of a statement that says how a card is told from others: commands in hex with commas between them, of which the last reads
/// a number of its own; or [`BY_TYPE`].
const IDENTITY: &str = "identity";
/// The value of a statement that says which number that must be.
const NUMBER: &str = "identity.number";
/// Of a card without a number that could be read: any card that answers to reset like it may stand for it.
const BY_TYPE: &str = "atr";

/// How long a card that has left the reader is waited for; a contact that was lost for a moment is there again much sooner.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(2);
/// How often the reader is asked meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is known of which card it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A number that no other card has.
    Card(String),
    /// The answer to reset of a type of card, and the statement says that any card of this type may stand for it.
    Type(String),
    /// The answer to reset, and nobody said that it is enough.
    Unknown(String),
}

impl Identity {
    /// By which a person names it.
    pub fn name(&self) -> &str {
        match self {
            Self::Card(name) | Self::Type(name) | Self::Unknown(name) => name,
        }
    }

    /// The number that only it has.
    pub fn number(&self) -> Option<String> {
        if let Self::Card(number) = self { Some(number.clone()) } else { None }
    }

    /// What a person allows by naming a card. Cases that ruin one never run on a real card: they need a fresh one each.
    pub fn permission(&self, named: Option<&str>) -> Result<Risk, AppError> {
        let Some(named) = named else { return Ok(Risk::ReadOnly) };
        if let Self::Unknown(atr) = self {
            return Err(AppError::Usage(format!("--card names {named}; {}", nothing_of_its_own(atr))));
        }
        if named.eq_ignore_ascii_case(self.name()) {
            return Ok(Risk::Writes);
        }
        Err(AppError::Usage(format!("--card names {named}, at the reader is {self}")))
    }

    /// What a person must know before the run; nothing where the card was named by a number of its own.
    pub fn notice(&self, named: bool) -> Option<String> {
        match self {
            Self::Card(_) if named => None,
            Self::Type(atr) if named => Some(format!(
                "{atr} is the answer to reset of a type of card: any card of this type that lies at the reader is written to."
            )),
            Self::Unknown(atr) => Some(format!("Only cases that read are run: {}.", nothing_of_its_own(atr))),
            Self::Card(name) | Self::Type(name) => Some(format!(
                "It is {self}: only cases that read are run. Name it with --card {name} to run the others."
            )),
        }
    }
}

fn nothing_of_its_own(atr: &str) -> String {
    format!(
        "the card shows nothing that only it has, its answer to reset {atr} is that of its type. A statement may give \
         {IDENTITY} = commands of which the last reads a number of its own, or {IDENTITY} = \"{BY_TYPE}\" where any card of this type may be written to"
    )
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(name) => write!(f, "card {name}"),
            Self::Type(atr) => write!(f, "a card of the type {atr}"),
            Self::Unknown(atr) => write!(f, "a card that cannot be named, of the type {atr}"),
        }
    }
}

/// Powers on the card at the reader and looks who it is. What the statement claims of it, and the card itself says otherwise, is a mistake
/// in the statement or another card than was meant: nothing must be tested then.
pub fn identify(statement: &Statement, reader: Box<dyn Reader>, ledger: &FileLedger) -> Result<Identity, AppError> {
    let mut rig = Rig::new(reader, None);
    let mut clock = || 0;
    let mut tester = Tester::new(&mut rig, statement, 0, &mut clock);
    let identity = identity_at(&mut tester, statement, ledger, contradictions);
    tester.power_off();
    let (identity, mut found) =
        identity.map_err(|stop| AppError::Reader(format!("cannot identify the card: {}", stop.reason)))?;
    if let Some(Value::Text(number)) = statement.values.get(NUMBER)
        && found.is_empty()
        && !number.eq_ignore_ascii_case(identity.name())
    {
        found.push(format!("its number: claimed {number}, at the reader is {identity}"));
    }
    if found.is_empty() { Ok(identity) } else { Err(is_another(statement, &found)) }
}

/// The same for a card of ours, which needs no name. What it does not answer is for the cases to see.
pub fn fits(statement: &Statement, card: impl Card + 'static) -> Result<(), AppError> {
    let mut rig = Rig::in_process(card);
    let mut clock = || 0;
    let mut tester = Tester::new(&mut rig, statement, 0, &mut clock);
    let found = tester.power_on().and_then(|_| contradictions(&mut tester, statement)).unwrap_or_default();
    if found.is_empty() { Ok(()) } else { Err(is_another(statement, &found)) }
}

fn is_another(statement: &Statement, found: &[String]) -> AppError {
    AppError::Usage(format!(
        "the card is not what the statement {} claims, and nothing was run: {}",
        statement.name,
        found.join("; ")
    ))
}

/// What the families of the card find.
fn contradictions(tester: &mut Tester<'_>, statement: &Statement) -> OrStop<Vec<String>> {
    let claimed = families().iter().filter(|family| statement.claims(family.name()));
    claimed.map(|family| family.contradictions(tester)).collect::<OrStop<Vec<_>>>().map(|found| found.concat())
}

/// Keys of the test system may be tried at it, and it is not known yet which card that costs a try.
///
/// `first` looks at it before. Where it finds something, the card is not asked who it is: it may be of another kind.
fn identity_at(
    tester: &mut Tester<'_>,
    statement: &Statement,
    ledger: &FileLedger,
    first: fn(&mut Tester<'_>, &Statement) -> OrStop<Vec<String>>,
) -> OrStop<(Identity, Vec<String>)> {
    let atr = hex::encode(&tester.power_on()?);
    let unidentified = Unidentified::new(ledger, &atr);
    let (identity, found) = tester.counted_in(Box::new(unidentified.clone()), |tester| {
        let found = first(tester, statement)?;
        let identity = if found.is_empty() { identity_of(tester, statement, atr)? } else { Identity::Unknown(atr) };
        OrStop::Ok((identity, found))
    })?;
    if found.is_empty() {
        unidentified.identified(identity.name())?;
    }
    Ok((identity, found))
}

/// What its family says; the answer to the statement's command; its answer to reset.
fn identity_of(tester: &mut Tester<'_>, statement: &Statement, atr: String) -> OrStop<Identity> {
    for family in families().iter().filter(|family| statement.claims(family.name())) {
        if let Some(number) = family.identify(tester)? {
            return named(number);
        }
    }
    match statement.values.get(IDENTITY) {
        None => Ok(Identity::Unknown(atr)),
        Some(Value::Text(word)) if word == BY_TYPE => Ok(Identity::Type(atr)),
        Some(Value::Text(commands)) => {
            let mut number = Vec::new();
            for command in commands.split(',') {
                let command = hex::parse(command).map_err(|error| malformed(&error.to_string()))?;
                let answer = tester.send_whole(&command)?;
                tester.expect_status(&answer, 0x9000)?;
                number = answer.data;
            }
            named(hex::encode(&number))
        }
        Some(Value::Number(number)) => Err(malformed(&format!("got the number {number}"))),
    }
}

fn malformed(reason: &str) -> Stop {
    Stop::error(format!("the statement's {IDENTITY}: expected \"{BY_TYPE}\" or commands in hex: {reason}"))
}

/// All cards of a kind could say nothing.
fn named(number: String) -> OrStop<Identity> {
    if number.is_empty() {
        return Err(Stop::error("what should tell it from others is empty"));
    }
    Ok(Identity::Card(number))
}

/// Knows the card that a run began with.
#[derive(Debug, Clone)]
pub struct SameCard {
    statement: Statement,
    identity: Identity,
    ledger: FileLedger,
    lost: Rc<OnceCell<String>>,
}

impl SameCard {
    /// The guard of this card.
    pub fn new(statement: Statement, identity: Identity, ledger: FileLedger) -> Self {
        Self { statement, identity, ledger, lost: Rc::default() }
    }

    /// Why it is not there any more; known to all clones.
    pub fn lost(&self) -> Option<String> {
        self.lost.get().cloned()
    }

    fn ends(&self, reason: String) -> OrStop {
        Err(Stop::error(self.lost.get_or_init(|| reason).clone()))
    }
}

impl Guard for SameCard {
    fn identify(&mut self, tester: &mut Tester<'_>) -> OrStop {
        if let Some(reason) = self.lost() {
            return Err(Stop::error(reason));
        }
        match identity_at(tester, &self.statement, &self.ledger, |_, _| Ok(Vec::new())) {
            Ok((found, _)) if found == self.identity => Ok(()),
            Ok((found, _)) => {
                self.ends(format!("the card was swapped: the run began with {}, now there is {found}", self.identity))
            }
            // Whatever it is, it is not shown to be the one that was named.
            Err(stop) if stop.verdict != Verdict::Inconclusive => self.ends(format!(
                "the card was swapped, or does not say any more who it is: the run began with {}; {}",
                self.identity, stop.reason
            )),
            Err(silence) => Err(silence),
        }
    }

    fn miss(&mut self, tester: &mut Tester<'_>) {
        let until = Instant::now() + COMES_BACK_WITHIN;
        while self.lost.get().is_none() && !tester.is_card_there() {
            if Instant::now() < until {
                std::thread::sleep(LOOK_EVERY);
                continue;
            }
            let seconds = COMES_BACK_WITHIN.as_secs();
            self.lost.get_or_init(|| {
                format!("{} has left the reader and did not come back within {seconds} seconds", self.identity)
            });
        }
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
