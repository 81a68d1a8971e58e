//! A used card is as testable as a fresh one: whatever life a card has behind it, the suite comes to the verdicts of a fresh card, or says
//! which state of the card stands in the way.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use untorn::app::AppError;
use untorn::app::identity::identify;
use untorn::app::ledger::FileLedger;
use untorn::app::subjects::RealCard;
use untorn::app::suites::cases;
use untorn::card::memory::{Cut, Torn};
use untorn::conformance::result::TestReport;
use untorn::conformance::rig::Rig;
use untorn::conformance::risk::Risk;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::statement::Statement;
use untorn::conformance::tester::Tester;
use untorn::conformance::verdict::{OrStop, Verdict};
use untorn::entropy::SeededEntropy;
use untorn::family::families;
use untorn::family::purse::card::{PurseCard, defect::MutantCard};
use untorn::family::purse::cases::client::{Opener, suites};
use untorn::family::purse::data::transact::Operation;
use untorn::family::purse::data::{LifeCycle, Role, Suite, ins};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::profile::PurseProfile;
use untorn::reader::Reader;
use untorn::reader::in_process::{Slot, shared};

/// Another terminal than that of the cases.
const OTHER: [u8; 8] = *b"OTHER TT";

/// What the card has gone through.
#[derive(Debug, Clone, Copy)]
enum Life {
    Fresh,
    /// So many debits and top-ups by turns, each of one unit.
    Orders(u32),
    /// Twice the ring, of other terminals, none of them acknowledged.
    UnacknowledgedRing,
    /// An order of this time, in a session that moves the card's clock.
    Clock(u32),
    /// The commit flag is set, and the new values are not yet in their places.
    TornOrder,
    /// So many wrong PINs.
    WrongPins(u8),
    BlockedAndBack,
    Blocked,
    Terminated,
    /// All logical cards are empty; or as full as they may be.
    Empty,
    Full,
    /// TC is this much below its last number.
    CounterBelowEnd(u32),
}

/// Each life, and what a case that it bars must say: nothing means that all must pass.
const LIVES: &[(Life, &[&str])] = &[
    (Life::Fresh, &[]),
    (Life::Orders(1), &[]),
    (Life::Orders(20), &[]),
    (Life::Orders(5_000), &[]),
    (Life::UnacknowledgedRing, &[]),
    // 2031-09-09; 2106-02-07, which is the last second that a card can hold.
    (Life::Clock(1_946_684_800), &[]),
    (Life::Clock(u32::MAX), &["2106-02-07"]),
    (Life::TornOrder, &[]),
    (Life::WrongPins(1), &[]),
    (Life::WrongPins(2), &[]),
    (Life::WrongPins(3), &["PIN is blocked"]),
    (Life::BlockedAndBack, &[]),
    (Life::Blocked, &["the card is blocked"]),
    (Life::Terminated, &["the card is terminated"]),
    (Life::Empty, &[]),
    (Life::Full, &[]),
    (Life::CounterBelowEnd(100_000), &[]),
    (Life::CounterBelowEnd(1), &["counter"]),
];

impl Life {
    fn before(self, profile: &mut PurseProfile) {
        match self {
            Self::Empty => profile.logical_cards.iter_mut().for_each(|card| card.balance = 0),
            Self::Full => profile.logical_cards.iter_mut().for_each(|card| card.balance = card.maximum),
            Self::CounterBelowEnd(below) => profile.transaction_counter = u32::MAX - below,
            _ => {}
        }
    }

    /// A card of this profile that has it behind it.
    fn lived(self, profile: &PurseProfile, statement: &Statement) -> PurseCard<SeededEntropy> {
        let card = shared(MutantCard::made(profile, SeededEntropy::new(98), None).unwrap());
        let mut rig = Rig::with_shared(card.clone());
        let mut clock = || 0;
        let mut tester = Tester::new(&mut rig, statement, 99, &mut clock);
        tester.power_on().unwrap();
        self.go_through(&mut tester).unwrap();
        tester.power_off();
        let image = card.lock().unwrap().memory().image().to_vec();
        PurseCard::from_image(profile, &Scheme::test(), image, SeededEntropy::new(97)).unwrap()
    }

    fn go_through(self, tester: &mut Tester<'_>) -> OrStop {
        let suite = suites(tester)[0];
        let debit = Operation::Debit { logical_card: 1, amount: 1 };
        let till = Opener::new(suite, Role::Debit);
        match self {
            Self::Orders(orders) => go_on(tester, suite, orders),
            Self::UnacknowledgedRing => {
                let ring = tester.number("purse.ring")?;
                (0..2 * ring)
                    .try_for_each(|_| till.clone().at(OTHER).pay(tester, std::slice::from_ref(&debit)).map(drop))
            }
            Self::Clock(time) => {
                let Some(suite) = suites(tester).into_iter().find(|suite| *suite == Suite::Epc2) else { return Ok(()) };
                let mut opened = Opener::new(suite, Role::Debit).open(tester)?;
                let mut order = opened.order(tester, &[debit]);
                order.time = time;
                opened.session.pay(tester, &order).map(drop)
            }
            Self::TornOrder => torn(tester, &till),
            Self::WrongPins(wrong) if tester.claims("purse.pin") => {
                let mut opened = till.open(tester)?;
                (0..wrong).try_for_each(|_| opened.session.verify(tester, "9999").map(drop))
            }
            Self::Fresh | Self::Empty | Self::Full | Self::CounterBelowEnd(_) | Self::WrongPins(_) => Ok(()),
            Self::Blocked => change(tester, suite, LifeCycle::Blocked),
            Self::Terminated => change(tester, suite, LifeCycle::Terminated),
            Self::BlockedAndBack => {
                change(tester, suite, LifeCycle::Blocked)?;
                change(tester, suite, LifeCycle::Active)
            }
        }
    }
}

fn change(tester: &mut Tester<'_>, suite: Suite, status: LifeCycle) -> OrStop {
    Opener::new(suite, Role::Administer).pay(tester, &[Operation::LifeCycle { status }]).map(drop)
}

/// Debits and top-ups by turns, as many in a session as it takes.
fn go_on(tester: &mut Tester<'_>, suite: Suite, orders: u32) -> OrStop {
    for turn in 0..orders.div_ceil(100) {
        let (role, operation) = if turn % 2 == 0 {
            (Role::Debit, Operation::Debit { logical_card: 1, amount: 1 })
        } else {
            (Role::Credit, Operation::Credit { logical_card: 1, amount: 1 })
        };
        let mut opened = Opener::new(suite, role).open(tester)?;
        for _ in 0..(orders - turn * 100).min(100) {
            let order = opened.order(tester, std::slice::from_ref(&operation));
            opened.session.pay(tester, &order)?;
            opened.state.transaction_counter += 1;
        }
    }
    Ok(())
}

/// Leaves the card as it is just behind its commit point: the later the cut, the more of the order is in its place; the first with which
/// the card has the order after all is taken.
fn torn(tester: &mut Tester<'_>, till: &Opener) -> OrStop {
    for after_writes in 1..64 {
        let mut opened = till.open(tester)?;
        let before = opened.state.transaction_counter;
        let order = opened.order(tester, &[Operation::Debit { logical_card: 1, amount: 1 }]);
        let command = opened.session.protect(ins::TRANSACT, [0, 0], &order.emit());
        let cut = Cut { after_writes, torn: Torn::Nothing };
        assert!(tester.send_cut(&command, cut)?.is_none(), "an order whose tear leaves it pending");
        tester.power_on()?;
        if till.state(tester)?.transaction_counter > before {
            let mut opened = till.open(tester)?;
            let order = opened.order(tester, &[Operation::Debit { logical_card: 1, amount: 1 }]);
            let command = opened.session.protect(ins::TRANSACT, [0, 0], &order.emit());
            assert!(tester.send_cut(&command, cut)?.is_none());
            return Ok(());
        }
    }
    unreachable!("no order has so many writes")
}

/// The suite on this card, at a reader where a person has named it.
fn tested(profile: &'static str, life: Life, seed: u64) -> TestReport {
    let family = &families()[0];
    let statement = family.statement(profile).unwrap();
    let mut made_of = PurseProfile::built_in(profile).unwrap();
    life.before(&mut made_of);
    let card = life.lived(&made_of, &statement);
    let slot = Slot::new();
    slot.insert(shared(card));
    tested_at(statement, "bench", move || Box::new(slot.reader("bench")), &[], seed)
}

/// The cases that these patterns name, on the card at a reader.
fn tested_at(
    statement: Statement,
    name: &str,
    open: impl Fn() -> Box<dyn Reader> + 'static,
    patterns: &[&str],
    seed: u64,
) -> TestReport {
    let folder = tempfile::tempdir().unwrap();
    let ledger = FileLedger::at(folder.path().join("ledger.json"), "");
    let identity = identify(&statement, open(), &ledger).unwrap();
    let ledger = ledger.of(identity.name());
    let open = move || -> Result<Box<dyn Reader>, AppError> { Ok(open()) };
    let mut subject = RealCard::new(statement, name.to_owned(), Box::new(open)).only(identity, ledger);
    let patterns = patterns.iter().map(ToString::to_string).collect();
    let selection = Selection { risk_max: Risk::Writes, patterns, ..Selection::default() };
    run(&cases(), &selection, &mut Subjects::card(&mut subject), seed, &mut Unobserved)
}

/// The same through PC/SC: what a card has gone through makes no difference there either.
#[cfg(feature = "pcsc")]
#[test]
fn a_used_card_comes_to_the_same_verdicts_through_pcsc() {
    use support::pcscd::{Pcscd, READER};
    use untorn::reader::pcsc::PcscReader;
    let Some(pcscd) = Pcscd::start() else { return };
    let family = &families()[0];
    // Those that look at the ring, the counters, the clock and at what was torn.
    let patterns = ["AUT-*", "SES-*", "TRX-*", "RCV-*", "RNG-*", "ISO-CHN-*"];
    for life in [Life::Orders(20), Life::UnacknowledgedRing, Life::TornOrder, Life::Clock(1_946_684_800)] {
        let statement = family.statement("default").unwrap();
        let card = life.lived(&PurseProfile::built_in("default").unwrap(), &statement);
        let seen = support::virtual_card::Seen::start();
        let served = support::virtual_card::VirtualCard::present(&shared(card), &pcscd);
        seen.wait_inserted();
        let open = || Box::new(PcscReader::open(READER).unwrap()) as Box<dyn Reader>;
        let there = tested_at(statement, READER, open, &patterns, 1);
        let here = tested("default", life, 1);
        let ran: Vec<_> = there.results.iter().filter(|result| result.verdict().is_some()).collect();
        assert!(ran.len() > 20, "{life:?}: {} cases", ran.len());
        for result in ran {
            let same = here.results.iter().find(|other| other.id == result.id).unwrap();
            assert_eq!(result.verdict(), same.verdict(), "{life:?}: {} {:?}", result.id, result.reason());
        }
        served.control.stop();
        seen.wait_removed();
    }
}

/// What differs from a fresh card, where nothing names the state.
fn wrong(profile: &'static str, (life, states): (Life, &[&str])) -> Vec<String> {
    let report = tested(profile, life, 1);
    let ran = report.results.iter().filter(|result| result.verdict().is_some());
    let differs = ran.filter(|result| result.verdict() != Some(Verdict::Pass));
    let unnamed = differs.filter(|result| {
        let named = states.iter().any(|state| result.reason().unwrap_or_default().contains(state));
        result.verdict() != Some(Verdict::Inconclusive) || !named
    });
    unnamed
        .map(|result| {
            format!(
                "{profile}, {life:?}: {} {:?}: {}",
                result.id,
                result.verdict(),
                result.reason().unwrap_or_default()
            )
        })
        .collect()
}

fn every_life(profile: &'static str) {
    let found: Vec<String> = LIVES.iter().flat_map(|life| wrong(profile, *life)).collect();
    assert!(found.is_empty(), "{} verdicts differ:\n{}", found.len(), found.join("\n"));
}

// A test each, so that they run at the same time.

#[test]
fn a_wallet_of_three_operators_can_be_tested_at_any_age() {
    every_life("default");
}

#[test]
fn a_purse_in_euro_can_be_tested_at_any_age() {
    every_life("euro");
}

#[test]
fn a_card_of_epc1_can_be_tested_at_any_age() {
    every_life("epc1-only");
}

#[test]
fn a_card_of_epc2_can_be_tested_at_any_age() {
    every_life("epc2-only");
}

#[test]
fn a_phone_can_be_tested_at_any_age() {
    every_life("phone");
}

#[test]
fn no_profile_is_left_out() {
    assert_eq!(families()[0].profiles(), ["default", "euro", "epc1-only", "epc2-only", "phone"]);
}
