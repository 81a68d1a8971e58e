//! untorn's own terminal as a subject of the conformance suite, and every mutant of it, in this process.

use super::session_defect::SessionDefect;
use super::terminal_defect::TerminalDefect;
use super::terminal_driver::{Defects, Driver, pay_at};
use crate::card::memory::Memory;
use crate::card::{Answer, Card};
use crate::conformance::error::RigError;
use crate::conformance::lower_tester::{LowerTester, TestCard, Truth};
use crate::conformance::mutant::Mutant;
use crate::conformance::statement::Statement;
use crate::conformance::terminal_tester::{CardKind, TerminalRig, TerminalSubject};
use crate::family::error::FamilyError;
use crate::family::families;
use crate::family::lab::{Act, Held, Lab, Ordered, TrialCard};

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
];

/// untorn's terminal, a fresh one for each case.
pub struct OwnTerminal {
    lab: &'static dyn Lab,
    variant: &'static str,
    statement: Statement,
    defects: Defects,
}

impl OwnTerminal {
    /// A terminal that takes this family's cards and works under this variant of its protocol.
    pub fn new(lab: &'static dyn Lab, variant: &'static str) -> Self {
        let statement = Statement {
            name: format!("untorn-{variant}"),
            description: "untorn's own terminal".to_owned(),
            claims: CLAIMS.iter().copied().map(str::to_owned).collect(),
            ..Statement::default()
        };
        let statement =
            statement.text("terminal.says_paid", "Done: ").text("terminal.says_again", "; it may be made anew");
        // The simplest of its orders.
        let plain = lab.trials().iter().find_map(|trial| match trial.act {
            Act::Order(ordered) => Some(ordered),
            Act::Bare(_) => None,
        });
        let statement = match plain {
            Some(Ordered { kind, amount, .. }) => {
                statement.text("terminal.order", &kind.to_string()).number("terminal.amount", amount.into())
            }
            None => statement,
        };
        Self { lab, variant, statement: lab.terminal_statement(variant, statement), defects: Defects::default() }
    }

    /// The same terminal with a deliberate defect.
    ///
    /// # Errors
    /// There is no such mutant.
    pub fn with_mutant(self, name: &str) -> Result<Self, FamilyError> {
        let kernel = self.lab.terminal_mutants().into_iter().find(|mutant| mutant.name == name);
        let defects = Defects {
            terminal: TerminalDefect::by_name(name),
            kernel: kernel.map(|mutant| mutant.name),
            session: SessionDefect::by_name(name),
        };
        if defects == Defects::default() {
            return Err(FamilyError::NoMutant { family: "terminal", got: name.to_owned() });
        }
        Ok(Self { defects, ..self })
    }
}

/// Every laboratory in which a terminal can be tested, with its variants: what our own terminal works under.
pub fn variants() -> impl Iterator<Item = (&'static dyn Lab, &'static str)> {
    let labs = families().iter().filter_map(|family| family.lab());
    labs.flat_map(|lab| lab.variants().iter().map(move |variant| (lab, *variant)))
}

/// The mutants of our own terminal.
pub fn mutants() -> Vec<Mutant> {
    let terminal = TerminalDefect::ALL.iter().map(|(_, description)| Mutant::terminal(description));
    let kernel = families().iter().filter_map(|family| family.lab()).flat_map(Lab::terminal_mutants);
    let session = SessionDefect::ALL.iter().map(|(_, description)| Mutant::terminal(description));
    terminal.chain(kernel).chain(session).collect()
}

impl TerminalSubject for OwnTerminal {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        "in process".to_owned()
    }

    fn open(&mut self, seed: u64) -> Result<TerminalRig, RigError> {
        let lab = self.lab;
        let lower = LowerTester::new(lab.roles());
        let driver = Driver::new(lower.clone(), lab, self.variant, self.defects, seed)?;
        Ok(TerminalRig { lower, terminal: Box::new(driver), make: Box::new(move |kind| test_card(lab, kind, seed)) })
    }
}

/// A card for a case about a terminal.
///
/// # Errors
/// There is no such profile, or our own keys are wrong.
pub fn test_card(lab: &'static dyn Lab, kind: &CardKind, seed: u64) -> Result<Box<dyn TestCard>, RigError> {
    let card = lab.test_card(kind, seed)?;
    Ok(Box::new(World { lab, card }))
}

/// A card that knows the truth about itself, and another terminal.
struct World {
    lab: &'static dyn Lab,
    card: Box<dyn TrialCard>,
}

impl Card for World {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.card.reset()
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        self.card.process(command)
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        self.card.memory()
    }
}

impl TestCard for World {
    fn truth(&self) -> Truth {
        let Held { balance, commits, is_blocked, .. } = self.card.held();
        Truth { id: self.card.card().0, balance, commits: u32::try_from(commits).unwrap_or(u32::MAX), is_blocked }
    }

    fn copy(&self) -> Box<dyn TestCard> {
        Box::new(Self { lab: self.lab, card: self.card.copy() })
    }

    fn pay_elsewhere(&mut self, number: u64) -> Result<(), RigError> {
        let tills = self.lab.tills(None, None, None)?;
        pay_at(tills.kernel(1), &mut *self.card, self.lab.plain_orders(), number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TRM-FORGOTTEN-001 and its like ended in an error with cards that do not hold yen.
    #[test]
    fn a_card_of_every_profile_pays_elsewhere() {
        let (family, lab) = families().iter().find_map(|family| Some((family, family.lab()?))).unwrap();
        for profile in family.profiles() {
            let mut card = test_card(lab, &CardKind::new(profile), 0).unwrap();
            let before = card.truth();
            for number in 0..20 {
                card.pay_elsewhere(number).unwrap_or_else(|reason| panic!("{profile}: {reason}"));
            }
            let (after, each) = (card.truth(), lab.plain_orders().after);
            let moved = before.balance.abs_diff(after.balance);
            assert_eq!((moved, after.commits - before.commits), (20 * each, 20), "{profile}");
        }
    }
}
