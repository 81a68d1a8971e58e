//! The purse in the laboratory: which orders are torn, on which cards, at which terminals, and what must be true of a card.

use std::sync::{Arc, OnceLock};

use super::card::defect::MutantCard;
use super::card::inspection::Inspection;
use super::card::rules::Rules;
use super::card::{self, PurseCard};
use super::cases::client::{Opener, select_command};
use super::cases::statement::statement;
use super::data::transact::{Operation, ReceiptBody, ReceiptType};
use super::data::{CardId, LifeCycle, Rights, Role, Suite, TerminalId, ins};
use super::issuer::Scheme;
use super::kernel::FAMILY;
use super::kernel::sam::{self, Grant, SoftSam};
use super::mutants;
use super::mutants::kernel::KernelDefect;
use super::profile::{PurseProfile, RING_MIN};
use super::till;
use crate::card::memory::Memory;
use crate::conformance::mutant::Mutant;
use crate::conformance::role::CommandRole;
use crate::conformance::statement::{SecretText, Statement};
use crate::conformance::terminal_tester::{CardCertificate, CardKind};
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::crypto::ec::PrivateKey;
use crate::crypto::kdf::sha256;
use crate::entropy::SeededEntropy;
use crate::family::error::FamilyError;
use crate::family::lab::{Act, Held, Lab, Ordered, PlainOrders, Regions, Tills, Trial, TrialApplication, TrialCard};
use crate::family::profile::KeyLog;
use crate::family::settings::Settings;
use crate::journal::record::{CardReference, OrderKind};
use crate::money::Currency;
use crate::terminal::kernel::Kernel;

/// Channel bits and chaining bit of CLA.
const CLASS_MASK: u8 = !0x13;
/// 2019-09-23, before any clock of the simulated worlds.
const ENDED_DAY: u16 = 1_361;
/// Terminals of a world.
const TILLS: usize = 3;
const PIN: &[&str] = &["1234", "1234", "1234"];
const PIN_AT_THE_SECOND_TRY: &[&str] = &["0000", "1234", "1234"];

/// The purse's worlds: the default card, in yen.
pub(super) struct PurseLab;

const fn order(kind: OrderKind, amount: u32) -> Ordered {
    Ordered { kind, amount, pins: PIN, orders_before: 0 }
}

const PLAIN: PlainOrders = PlainOrders { kind: OrderKind::Sale, before: 700, elsewhere: 310, after: 90 };
const SALE: Ordered = order(OrderKind::Sale, 1_250);
const SALE_ABOVE_THE_PIN_LIMIT: Ordered = order(OrderKind::Sale, 12_500);

const TRIALS: &[Trial] = &[
    Trial { name: "sale", act: Act::Order(SALE) },
    Trial { name: "sale-with-pin", act: Act::Order(SALE_ABOVE_THE_PIN_LIMIT) },
    Trial {
        name: "sale-after-wrong-pin",
        act: Act::Order(Ordered { pins: PIN_AT_THE_SECOND_TRY, ..SALE_ABOVE_THE_PIN_LIMIT }),
    },
    Trial { name: "sale-on-full-ring", act: Act::Order(Ordered { orders_before: RING_MIN as u32, ..SALE }) },
    Trial { name: "top-up", act: Act::Order(order(OrderKind::TopUp, 3_000)) },
    Trial { name: "refund", act: Act::Order(order(OrderKind::Refund, PLAIN.before)) },
    Trial { name: "three-cards", act: Act::Bare(three_cards) },
];

impl Lab for PurseLab {
    fn statement(&self) -> Statement {
        PurseProfile::built_in("default").as_ref().map_or_else(|_| Statement::default(), statement)
    }

    fn variants(&self) -> &'static [&'static str] {
        &["epc1", "epc2"]
    }

    fn variant_set(&self, settings: &Settings) -> Result<Option<&'static str>, FamilyError> {
        Ok(till::suite(settings)?.map(Suite::name))
    }

    fn trials(&self) -> &'static [Trial] {
        TRIALS
    }

    fn currency(&self) -> Currency {
        Currency::JPY
    }

    fn plain_orders(&self) -> PlainOrders {
        PLAIN
    }

    fn cards(&self, variant: &str, seed: u64, mutant: Option<&str>) -> Result<[Box<dyn TrialCard>; 2], FamilyError> {
        let profile = default_profile()?.with_suites(&[suite(variant)?]);
        let card = |number: u8| -> Result<Box<dyn TrialCard>, FamilyError> {
            let profile = PurseProfile { card_id: CardId([0x53, 0x49, 0x4D, 0, 0, 0, 0, number]), ..profile.clone() };
            let entropy = SeededEntropy::new(seed.wrapping_mul(2).wrapping_add(u64::from(number)));
            Ok(match mutant {
                None => Box::new(PurseCard::personalise(&profile, &Scheme::test(), entropy).map_err(built_in)?),
                mutant => Box::new(MutantCard::made(&profile, entropy, mutant)?),
            })
        };
        Ok([card(0)?, card(1)?])
    }

    fn tills(
        &self,
        variant: Option<&str>,
        mutant: Option<&str>,
        key_log: Option<KeyLog>,
    ) -> Result<Box<dyn Tills>, FamilyError> {
        let unknown = |name: &str| FamilyError::NoMutant { family: FAMILY, got: name.to_owned() };
        let defect = mutant.map(|name| KernelDefect::by_name(name).ok_or_else(|| unknown(name))).transpose()?;
        let suite = variant.map(suite).transpose()?;
        Ok(Box::new(PurseTills { suite, defect, key_log, modules: Default::default() }))
    }

    fn test_card(&self, kind: &CardKind, seed: u64) -> Result<Box<dyn TrialCard>, FamilyError> {
        let scheme = Scheme::test();
        let mut profile = PurseProfile::built_in(&kind.profile).map_err(built_in)?;
        let [first @ .., last] = &mut profile.card_id.0;
        // Cards of several profiles differ, too, whatever ids these give them.
        first[6] ^= kind.profile.len() as u8;
        *last = kind.number;
        let entropy = SeededEntropy::new(seed ^ u64::from(kind.number));
        let card = PurseCard::personalise(&profile, &scheme, entropy).map_err(built_in)?;
        let (id, issuer) = (profile.card_id, profile.issuer);
        let credentials = match kind.certificate {
            CardCertificate::Good => return Ok(Box::new(card)),
            CardCertificate::OtherAuthority => {
                let (key, certificate) = scheme.card_credentials(id, issuer).map_err(built_in)?;
                let other = PrivateKey::new(&sha256(&[b"another authority"])).map_err(built_in)?;
                Ok((key, certificate.signed(&other)))
            }
            CardCertificate::OfATerminal => scheme.terminal_credentials(TerminalId(id.0), issuer, Rights::default()),
            CardCertificate::Ended => scheme.ended_card_credentials(id, issuer, ENDED_DAY),
        };
        let (key, certificate) = credentials.map_err(built_in)?;
        Ok(Box::new(card.with_credentials(key, &certificate)))
    }

    fn terminal_statement(&self, variant: &str, statement: Statement) -> Statement {
        let mut statement = statement
            .claim(FAMILY)
            .claim(&format!("{FAMILY}.{variant}"))
            .text("terminal.card_profile", "default")
            .text("terminal.other_currency_profile", "euro");
        statement.secrets.insert("terminal.pin".to_owned(), SecretText::new("1234"));
        statement
    }

    fn terminal_mutants(&self) -> Vec<Mutant> {
        KernelDefect::ALL.iter().map(|(_, description)| Mutant::terminal(description)).collect()
    }

    fn select(&self) -> Vec<u8> {
        select_command(0)
    }

    fn role(&self, command: &[u8]) -> Option<CommandRole> {
        let [class, instruction, ..] = command else { return None };
        match (class & CLASS_MASK, *instruction) {
            (0x00, ins::SELECT) => Some(CommandRole::Select),
            (0x80, ins::AUTH) => Some(CommandRole::Authenticate),
            (0x84, ins::VERIFY) => Some(CommandRole::Verify),
            (0x84, ins::TRANSACT) => Some(CommandRole::Value),
            (0x84, ins::ACK) => Some(CommandRole::Acknowledge),
            _ => None,
        }
    }

    fn command_name(&self, command: &[u8]) -> &'static str {
        match command.get(1) {
            Some(&ins::SELECT) => "SELECT",
            Some(&ins::AUTH) => "AUTH",
            Some(&ins::VERIFY) => "VERIFY",
            Some(&ins::TRANSACT) => "TRANSACT",
            Some(&ins::READ) => "READ",
            Some(&ins::ACK) => "ACK",
            Some(&ins::GET_RESPONSE) => "GET RESPONSE",
            Some(&ins::GET_RECEIPT) => "GET RECEIPT",
            _ => "command",
        }
    }
}

fn built_in(error: impl std::fmt::Display) -> FamilyError {
    FamilyError::BuiltIn(error.to_string())
}

fn default_profile() -> Result<PurseProfile, FamilyError> {
    PurseProfile::built_in("default").map_err(built_in)
}

fn suite(variant: &str) -> Result<Suite, FamilyError> {
    Suite::named(variant).ok_or_else(|| till::not_a_suite(variant))
}

/// Terminals with all rights but administration; a module is made at its first use, for that costs a signature.
struct PurseTills {
    suite: Option<Suite>,
    defect: Option<KernelDefect>,
    key_log: Option<KeyLog>,
    modules: [OnceLock<SoftSam>; TILLS],
}

impl PurseTills {
    fn module(&self, number: u8) -> &SoftSam {
        let place = &self.modules[usize::from(number).min(TILLS - 1)];
        place.get_or_init(|| {
            let roles = vec![Role::Debit, Role::Credit, Role::Refund, Role::Read];
            let grant = Grant { roles, logical_cards: vec![(1, 1)] };
            let terminal = TerminalId([0x54, 0x49, 0x4C, 0x4C, 0, 0, 0, number + 1]);
            let module = SoftSam::new(&Scheme::test(), terminal, self.suite, &grant)
                .unwrap_or_else(|error| unreachable!("the keys of the test scheme: {error}"));
            match &self.key_log {
                Some(log) => module.with_key_log(sam::KeyLog(Arc::clone(log))),
                None => module,
            }
        })
    }
}

impl Tills for PurseTills {
    fn kernel(&self, number: u8) -> Box<dyn Kernel> {
        mutants::kernel::kernel(self.module(number), vec![1], self.defect)
    }
}

impl<R: Rules + 'static> TrialApplication for card::Purse<SeededEntropy, R> {
    fn regions(&self) -> Regions {
        let map = self.memory_map();
        Regions { tries: map.tries, scratch: map.scratch.to_vec() }
    }

    fn card(&self) -> CardReference {
        CardReference(self.card_id().to_string())
    }

    fn held(&self, memory: &Memory) -> Held {
        let found = self.inspect(memory);
        let balances: Vec<String> = found.logical_cards.iter().map(|card| card.balance.to_string()).collect();
        let open = found.ring.iter().filter(|receipt| !receipt.acknowledged).count();
        let words = format!(
            "balances {}, TC {}, {} receipts ({open} not acknowledged), {} tries",
            balances.join(" "),
            found.transaction_counter,
            found.ring.len(),
            found.pin_tries.unwrap_or(0)
        );
        Held {
            total: found.logical_cards.iter().map(|card| i64::from(card.balance)).sum(),
            balance: found.logical_cards.first().map_or(0, |card| card.balance),
            currency: found.logical_cards.first().map_or(Currency::JPY, |card| card.currency),
            is_blocked: found.life_cycle != LifeCycle::Active,
            commits: u64::from(found.transaction_counter),
            tries_left: found.pin_tries,
            words,
        }
    }

    fn flaw(&self, memory: &Memory) -> Option<String> {
        check_chain(&self.inspect(memory)).err()
    }
}

/// TC rises, each receipt names the LINK before it and continues its balance, and the last one leads to what the card holds.
fn check_chain(card: &Inspection) -> Result<(), String> {
    let mut ring: Vec<_> = card.ring.iter().map(|receipt| &receipt.body).collect();
    ring.sort_by_key(|body| body.transaction_counter);
    for pair in ring.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        let counter = after.transaction_counter;
        if counter == before.transaction_counter {
            return Err(format!("two receipts have the counter {counter}"));
        }
        if counter != before.transaction_counter + 1 {
            continue;
        }
        if after.previous_link != before.link() {
            return Err(format!("the receipt chain breaks at {counter}"));
        }
        if i64::from(before.balance_after) + change(after) != i64::from(after.balance_after) {
            let [from, to] = [before, after].map(|body| body.balance_after);
            return Err(format!("receipt {counter} says {} {}, from {from} to {to}", after.receipt_type, after.amount));
        }
    }
    let Some(last) = ring.last() else { return Ok(()) };
    if last.link() != card.link || last.transaction_counter != card.transaction_counter {
        return Err("the last receipt is not the card's last transaction".to_owned());
    }
    match card.logical_cards.first() {
        Some(first) if first.balance != last.balance_after => {
            Err(format!("the last receipt says {}, the card holds {}", last.balance_after, first.balance))
        }
        _ => Ok(()),
    }
}

/// What a receipt did to its logical card; in these worlds always the first.
fn change(body: &ReceiptBody) -> i64 {
    match body.receipt_type {
        ReceiptType::Debit => -i64::from(body.amount),
        ReceiptType::TopUp | ReceiptType::Refund | ReceiptType::TakeOver => i64::from(body.amount),
        ReceiptType::Data | ReceiptType::LifeCycle => 0,
    }
}

/// An order over three logical cards with records and a counter, which no terminal of ours gives.
fn three_cards(tester: &mut Tester<'_>, variant: &str) -> OrStop {
    let operations = [
        Operation::Debit { logical_card: 1, amount: 100 },
        Operation::Count { logical_card: 3, up: false, number: 1 },
        Operation::AppendRecord { logical_card: 3, data: [0x5A; 16] },
        Operation::WriteRecord { logical_card: 1, record: 1, data: [0xA5; 16] },
        Operation::Debit { logical_card: 2, amount: 20 },
        Operation::Debit { logical_card: 3, amount: 30 },
    ];
    let suite = Suite::named(variant).ok_or_else(|| Stop::error(format!("there is no variant {variant}")))?;
    let desk = Opener::new(suite, Role::Debit).cards(&[1, 2, 3]);
    tester.power_on()?;
    desk.pay(tester, &operations).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_before_fill_the_ring() {
        assert_eq!(PurseProfile::built_in("default").unwrap().ring, RING_MIN);
    }

    #[test]
    fn each_command_plays_one_role_at_most() {
        for (header, role) in [
            ([0x00, 0xA4], Some("select")),
            ([0x03, 0xA4], Some("select")),
            ([0x80, 0x86], Some("authenticate")),
            ([0x91, 0x86], Some("authenticate")),
            ([0x84, 0x20], Some("verify")),
            ([0x86, 0xD8], Some("value")),
            ([0x84, 0xDA], Some("acknowledge")),
            ([0x00, 0xC0], None),
            ([0x84, 0xCA], None),
            ([0x00, 0x20], None),
        ] {
            assert_eq!(PurseLab.role(&header).map(CommandRole::name), role, "{header:02X?}");
        }
        assert!(CommandRole::ALL.iter().all(|role| CommandRole::named(role.name()) == Some(*role)));
    }
}
