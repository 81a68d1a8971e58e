//! The stamp card in the laboratory: which orders are torn, on which cards, and what must be true of them.

use std::sync::Arc;

use untorn::card::memory::Memory;
use untorn::conformance::mutant::Mutant;
use untorn::conformance::role::CommandRole;
use untorn::conformance::statement::Statement;
use untorn::conformance::terminal_tester::{CardCertificate, CardKind};
use untorn::family::error::FamilyError;
use untorn::family::lab::{Act, Held, Lab, Ordered, PlainOrders, Regions, Tills, Trial, TrialApplication, TrialCard};
use untorn::family::profile::{KeyLog, Profile};
use untorn::journal::record::{CardReference, OrderKind};
use untorn::money::Currency;
use untorn::terminal::kernel::Kernel;
use untorn::wire::hex;

use crate::NAME;
use crate::card::{self, StampApplication};
use crate::data::{COFFEE, CardId, Deed, Picture, RING, ins};
use crate::kernel::{CURRENCY, Checks, Specified, StampKernel};
use crate::mutants::KernelDefect;
use crate::profile::{Issued, USUAL_ID, rules};

/// The worlds of the stamp card. Its protocol has one variant.
pub(crate) struct StampLab;

const VARIANT: &str = "plain";
const STAMP: Ordered = Ordered { kind: OrderKind::TopUp, amount: 1, pins: &[], orders_before: 0 };
const TRIALS: &[Trial] = &[
    Trial { name: "stamp", act: Act::Order(STAMP) },
    Trial { name: "stamp-on-full-ring", act: Act::Order(Ordered { orders_before: RING as u32, ..STAMP }) },
    Trial {
        name: "coffee",
        act: Act::Order(Ordered {
            kind: OrderKind::Sale,
            amount: COFFEE as u32,
            orders_before: COFFEE as u32,
            ..STAMP
        }),
    },
];
/// What our own terminal claims of other families, and can do with no stamp card.
const NOT_CLAIMED: [&str; 4] = ["terminal.pin", "terminal.refund", "terminal.top_up", "terminal.block"];
/// Channel bits and chaining bit of CLA.
const CLASS_MASK: u8 = !0x13;

fn known(variant: &str) -> Result<(), FamilyError> {
    let unknown = || FamilyError::Setting {
        name: format!("{NAME}.variant"),
        expected: VARIANT.to_owned(),
        got: variant.to_owned(),
    };
    if variant == VARIANT { Ok(()) } else { Err(unknown()) }
}

fn numbered(number: u8) -> CardId {
    let mut id = USUAL_ID;
    id[7] = number;
    id
}

impl Lab for StampLab {
    fn statement(&self) -> Statement {
        Issued(USUAL_ID).statement()
    }

    fn variants(&self) -> &'static [&'static str] {
        &[VARIANT]
    }

    fn trials(&self) -> &'static [Trial] {
        TRIALS
    }

    fn currency(&self) -> Currency {
        CURRENCY
    }

    fn plain_orders(&self) -> PlainOrders {
        PlainOrders { kind: OrderKind::TopUp, before: 1, elsewhere: 1, after: 1 }
    }

    /// A stamp card has no session, and knows its last visits.
    fn takes_again(&self) -> bool {
        true
    }

    fn cards(&self, variant: &str, _seed: u64, mutant: Option<&str>) -> Result<[Box<dyn TrialCard>; 2], FamilyError> {
        known(variant)?;
        let rules = rules(mutant)?;
        Ok([0, 1].map(|number| Box::new(card::fresh(numbered(number), Arc::clone(&rules))) as Box<dyn TrialCard>))
    }

    /// There is no session, and so no secret of one.
    fn tills(
        &self,
        variant: Option<&str>,
        mutant: Option<&str>,
        _key_log: Option<KeyLog>,
    ) -> Result<Box<dyn Tills>, FamilyError> {
        variant.map_or(Ok(()), known)?;
        let Some(name) = mutant else { return Ok(Box::new(StampTills(Arc::new(Specified)))) };
        let unknown = || FamilyError::NoMutant { family: NAME, got: name.to_owned() };
        Ok(Box::new(StampTills(Arc::new(KernelDefect::by_name(name).ok_or_else(unknown)?))))
    }

    fn test_card(&self, kind: &CardKind, _seed: u64) -> Result<Box<dyn TrialCard>, FamilyError> {
        if kind.profile != NAME || kind.certificate != CardCertificate::Good {
            return Err(FamilyError::NoProfile { known: vec![NAME], got: kind.profile.clone() });
        }
        Ok(Box::new(card::fresh(numbered(kind.number), rules(None)?)))
    }

    fn terminal_statement(&self, _variant: &str, mut statement: Statement) -> Statement {
        statement.claims.retain(|claim| !NOT_CLAIMED.contains(&claim.as_str()));
        let claims = [NAME, "terminal.one_currency", "terminal.no_acknowledgement"];
        let statement = claims.iter().fold(statement, |statement, claim| statement.claim(claim));
        statement.text("terminal.card_profile", NAME)
    }

    fn terminal_mutants(&self) -> Vec<Mutant> {
        KernelDefect::ALL.iter().map(|(_, description)| Mutant::terminal(description)).collect()
    }

    fn select(&self) -> Vec<u8> {
        b"\x00\xA4\x04\x00\x07\xF0STAMPS\x00".to_vec()
    }

    /// Nobody is authenticated. What stands there in an order is the command by which a terminal learns which card it has.
    fn role(&self, command: &[u8]) -> Option<CommandRole> {
        let [class, instruction, ..] = command else { return None };
        match (class & CLASS_MASK, *instruction) {
            (0x00, 0xA4) => Some(CommandRole::Select),
            (0x80, ins::GET) => Some(CommandRole::Authenticate),
            (0x80, ins::ADD_STAMP | ins::REDEEM) => Some(CommandRole::Value),
            _ => None,
        }
    }

    fn command_name(&self, command: &[u8]) -> &'static str {
        match command.get(1) {
            Some(0xA4) => "SELECT",
            Some(&ins::GET) => "GET",
            Some(&ins::ADD_STAMP) => "ADD STAMP",
            Some(&ins::REDEEM) => "REDEEM",
            Some(&ins::FIND_VISIT) => "FIND VISIT",
            _ => "command",
        }
    }
}

/// Terminals that may do all there is; they have no id of their own.
struct StampTills(Arc<dyn Checks>);

impl Tills for StampTills {
    fn kernel(&self, _number: u8) -> Box<dyn Kernel> {
        Box::new(StampKernel::new(vec![Deed::Stamp, Deed::Coffee], Arc::clone(&self.0)))
    }
}

impl TrialApplication for StampApplication {
    fn regions(&self) -> Regions {
        Regions { tries: 0..0, scratch: vec![card::SCRATCH] }
    }

    fn card(&self) -> CardReference {
        CardReference(hex::encode(&self.id()))
    }

    fn held(&self, memory: &Memory) -> Held {
        let Picture { counter, stamps, coffees, visits, .. } = self.look(memory);
        Held {
            total: i64::from(stamps),
            balance: u32::from(stamps),
            currency: CURRENCY,
            is_blocked: false,
            commits: u64::from(counter),
            tries_left: None,
            words: format!("{stamps} stamps, {coffees} coffees, visit {counter}, {} remembered", visits.len()),
        }
    }

    fn flaw(&self, memory: &Memory) -> Option<String> {
        flaw(&self.look(memory))
    }
}

/// The card remembers as many visits as it can, none twice, and each leads from the one before it to the one after.
fn flaw(card: &Picture) -> Option<String> {
    let expected = RING.min(card.counter as usize);
    if card.visits.len() != expected {
        return Some(format!("of {} visits the card remembers {}", card.counter, card.visits.len()));
    }
    if card.visits.first().is_some_and(|newest| newest.stamps != card.stamps) {
        return Some(format!("the last visit does not lead to {} stamps", card.stamps));
    }
    let breaks = card.visits.windows(2).any(|pair| pair[0].deed.after(pair[1].stamps) != Some(pair[0].stamps));
    let ids: std::collections::BTreeSet<_> = card.visits.iter().map(|visit| visit.id).collect();
    match (breaks, ids.len() == card.visits.len()) {
        (true, _) => Some("a visit does not follow from the one before it".to_owned()),
        (_, false) => Some("the card remembers a visit twice".to_owned()),
        _ => None,
    }
}
