//! untorn's own terminal as a subject of the conformance suite, and every mutant of it, in this process.

use super::session_defect::SessionDefect;
use super::terminal_defect::TerminalDefect;
use super::terminal_driver::{Defects, Driver, pay_at};
use crate::card::memory::Memory;
use crate::card::{Answer, Card};
use crate::conformance::lower_tester::{LowerTester, TestCard, Truth};
use crate::conformance::mutant::Mutant;
use crate::conformance::statement::{SecretText, Statement};
use crate::conformance::terminal_tester::{CardKind, Papers, TerminalRig, TerminalSubject};
use crate::crypto::ec::PrivateKey;
use crate::crypto::kdf::sha256;
use crate::entropy::SeededEntropy;
use crate::family::purse::card::PurseCard;
use crate::family::purse::data::{CardId, LifeCycle, Rights, Suite, TerminalId};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::mutants::kernel::KernelDefect;
use crate::family::purse::profile::PurseProfile;
use crate::quoted::quoted;

/// 2019-09-23, before any clock of the simulated worlds.
const ENDED_DAY: u16 = 1_361;

/// All that our own terminal claims.
const CLAIMS: &[&str] = &[
    "terminal",
    "terminal.acknowledge",
    "terminal.balance_check",
    "terminal.block",
    "terminal.centre",
    "terminal.clock",
    "terminal.day",
    "terminal.kill",
    "terminal.pin",
    "terminal.policy",
    "terminal.records",
    "terminal.refund",
    "terminal.retouch",
    "terminal.settled",
    "terminal.stop",
    "terminal.stop_list",
    "terminal.top_up",
    "terminal.words",
    "terminal.written",
    "purse",
];

/// untorn's terminal, a fresh one for each case.
pub struct OwnTerminal {
    statement: Statement,
    suite: Suite,
    defects: Defects,
}

/// The suite of this name; the first where none is given.
///
/// # Errors
/// There is none of this name, in words.
pub fn suite(name: Option<&str>) -> Result<Suite, String> {
    let Some(name) = name else { return Ok(Suite::Epc1) };
    Suite::named(name).ok_or_else(|| format!("our own terminal works under epc1 or epc2, not {}", quoted(name)))
}

impl Default for OwnTerminal {
    fn default() -> Self {
        Self::new(Suite::Epc1)
    }
}

impl OwnTerminal {
    /// A terminal that works under this suite.
    pub fn new(suite: Suite) -> Self {
        let claims = CLAIMS.iter().copied().chain([claim_of(suite)]);
        let statement = Statement {
            name: format!("untorn-{}", suite.to_string().to_lowercase()),
            description: "untorn's own terminal".to_owned(),
            claims: claims.map(str::to_owned).collect(),
            ..Statement::default()
        };
        let mut statement = statement
            .text("terminal.card_profile", "default")
            .text("terminal.other_currency_profile", "euro")
            .text("terminal.says_paid", "Done: ")
            .text("terminal.says_again", "; it may be made anew");
        statement.secrets.insert("terminal.pin".to_owned(), SecretText::new("1234"));
        Self { statement, suite, defects: Defects::default() }
    }

    /// The same terminal with a deliberate defect.
    ///
    /// # Errors
    /// There is no such mutant, in words.
    pub fn with_mutant(self, name: &str) -> Result<Self, String> {
        let defects = Defects {
            terminal: TerminalDefect::by_name(name),
            kernel: KernelDefect::by_name(name),
            session: SessionDefect::by_name(name),
        };
        if defects == Defects::default() {
            return Err(format!("the terminal has no mutant {name}", name = quoted(name)));
        }
        Ok(Self { defects, ..self })
    }
}

/// The mutants of our own terminal.
pub fn mutants() -> Vec<Mutant> {
    let terminal = TerminalDefect::ALL.iter().map(|(_, description)| description);
    let kernel = KernelDefect::ALL.iter().map(|(_, description)| description);
    let session = SessionDefect::ALL.iter().map(|(_, description)| description);
    terminal.chain(kernel).chain(session).map(Mutant::terminal).collect()
}

const fn claim_of(suite: Suite) -> &'static str {
    match suite {
        Suite::Epc1 => "purse.epc1",
        Suite::Epc2 => "purse.epc2",
    }
}

impl TerminalSubject for OwnTerminal {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        "in process".to_owned()
    }

    fn open(&mut self, seed: u64) -> Result<TerminalRig, String> {
        let lower = LowerTester::new();
        let driver = Driver::new(lower.clone(), self.suite, self.defects, seed)?;
        Ok(TerminalRig { lower, terminal: Box::new(driver), make: Box::new(move |kind| make_card(kind, seed)) })
    }
}

/// A purse of the test scheme.
///
/// # Errors
/// There is no such profile, or our own keys are wrong, in words.
pub fn make_card(kind: &CardKind, seed: u64) -> Result<Box<dyn TestCard>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let scheme = Scheme::test();
    let mut profile = PurseProfile::built_in(&kind.profile).map_err(|error| text(&error))?;
    let [first @ .., last] = &mut profile.card_id.0;
    // Cards of several profiles differ, too, whatever ids these give them.
    first[6] ^= kind.profile.len() as u8;
    *last = kind.number;
    let entropy = SeededEntropy::new(seed ^ u64::from(kind.number));
    let card = PurseCard::personalise(&profile, &scheme, entropy).map_err(|error| text(&error))?;
    let (id, issuer) = (profile.card_id, profile.issuer);
    let credentials = match kind.papers {
        Papers::Good => return Ok(Box::new(Purse(card))),
        Papers::OtherAuthority => {
            let (key, certificate) = scheme.card_credentials(id, issuer).map_err(|error| text(&error))?;
            let other = PrivateKey::new(&sha256(&[b"another authority"])).map_err(|error| text(&error))?;
            Ok((key, certificate.signed(&other)))
        }
        Papers::OfATerminal => scheme.terminal_credentials(TerminalId(id.0), issuer, Rights::default()),
        Papers::Ended => scheme.ended_card_credentials(id, issuer, ENDED_DAY),
    };
    let (key, certificate) = credentials.map_err(|error| text(&error))?;
    Ok(Box::new(Purse(card.with_credentials(key, &certificate))))
}

/// A purse that knows the truth about itself.
#[derive(Clone)]
struct Purse(PurseCard<SeededEntropy>);

impl Card for Purse {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.0.reset()
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        self.0.process(command)
    }

    fn power_off(&mut self) {
        self.0.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        self.0.memory()
    }
}

impl TestCard for Purse {
    fn truth(&self) -> Truth {
        let inside = self.0.inspect();
        let CardId(id) = self.0.card_id();
        Truth {
            id: CardId(id).to_string(),
            balance: inside.logical_cards.first().map_or(0, |card| card.balance),
            commits: inside.transaction_counter,
            is_blocked: inside.life_cycle != LifeCycle::Active,
        }
    }

    fn copy(&self) -> Box<dyn TestCard> {
        Box::new(self.clone())
    }

    fn pay_elsewhere(&mut self, amount: u32) -> Result<(), String> {
        pay_at(TerminalId(*b"ELSEWHRE"), &mut self.0, amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TRM-FORGOTTEN-001 and its like ended in an error with cards whose purse is not in yen.
    #[test]
    fn a_card_of_every_profile_pays_elsewhere() {
        for (profile, _) in PurseProfile::offered() {
            let mut card = make_card(&CardKind::new(profile), 0).unwrap();
            let before = card.truth();
            for _ in 0..20 {
                card.pay_elsewhere(1).unwrap_or_else(|reason| panic!("{profile}: {reason}"));
            }
            let after = card.truth();
            assert_eq!((before.balance - after.balance, after.commits - before.commits), (20, 20), "{profile}");
        }
    }
}
