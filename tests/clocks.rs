//! Clocks that are wrong, and clocks that are set while a sale is under way (REQ-RUL-13).
//!
//! proptest prints the smallest time; the same one is repeated by its seed in `proptest-regressions`.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use untorn::app::{Clock, Source};
use untorn::entropy::SeededEntropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::data::{Role, Suite, TerminalId};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::kernel::PurseKernel;
use untorn::family::purse::kernel::sam::{Grant, SoftSam};
use untorn::family::purse::profile::PurseProfile;
use untorn::journal::Journal;
use untorn::journal::memory::MemoryJournal;
use untorn::journal::record::OrderKind;
use untorn::money::{Currency, Money};
use untorn::reader::exchange::Exchange;
use untorn::reader::fault::{Fault, FaultInjector, FaultPlan};
use untorn::reader::in_process::{Slot, shared};
use untorn::reader::{Reader, Reset};
use untorn::secret::Pin;
use untorn::session::{self, Arrival, World};
use untorn::terminal::event::{Action, Outcome, OutcomeKind, Prompt, Request};
use untorn::terminal::kernel::RefusalReason;
use untorn::terminal::{Config, Terminal};
use untorn::time::Moment;

const SUITES: [(Suite, &str); 2] = [(Suite::Epc1, "epc1-only"), (Suite::Epc2, "epc2-only")];
/// 2016-01-01 00:00:00Z and 2106-02-07 06:28:15Z, in seconds since 1970.
const DATED: std::ops::RangeInclusive<u64> = 1_451_606_400..=4_294_967_295;
/// 2023-11-29 02:20:48Z, in microseconds.
const MORNING: u64 = 1_701_224_448_000_000;
const HOUR: i64 = 3_600_000_000;
const YEAR: i64 = 365 * 24 * HOUR;

/// The wall clock and the time that passes, in microseconds: a look costs a second, and somebody sets the wall clock.
#[derive(Clone, Default)]
struct Hands {
    wall: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl Hands {
    fn at(micros: u64) -> Self {
        let hands = Self::default();
        hands.wall.store(micros, Ordering::Relaxed);
        hands
    }

    fn set(&self, jump: i64) {
        self.wall.store(self.wall.load(Ordering::Relaxed).saturating_add_signed(jump), Ordering::Relaxed);
    }

    fn pass(&self, micros: u64) {
        self.wall.fetch_add(micros, Ordering::Relaxed);
        self.passed.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Source for Hands {
    fn wall(&self) -> u64 {
        self.wall.load(Ordering::Relaxed)
    }
    fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

struct People {
    hands: Hands,
    clock: Clock,
    /// The wall clock is set before this action, by so much.
    jump: Option<(u64, i64)>,
    /// The card comes back so many looks after it has left; `None` never.
    back_after: Option<u32>,
    actions: u64,
    /// How long each wait for a card that had left took, in microseconds.
    waited: Vec<u64>,
}

impl session::Desk for People {
    fn now(&mut self) -> Moment {
        self.clock.now()
    }
    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, until: Moment) -> Arrival {
        let begun = self.hands.passed();
        let mut looks = if *prompt == Prompt::Present { Some(0) } else { self.back_after };
        let arrival = loop {
            if looks == Some(0) && reader.activate(Reset::Cold).is_ok() {
                break Arrival::Card;
            }
            if self.clock.now() >= until {
                break Arrival::TimeOut;
            }
            looks = looks.map(|looks| looks.saturating_sub(1));
            self.hands.pass(1_000_000);
        };
        self.waited.push(self.hands.passed() - begun);
        arrival
    }
    fn ask_pin(&mut self, _: Option<u8>) -> Option<Pin> {
        None
    }
    fn checkpoint(&mut self, number: u64, _: &Action) {
        self.actions = number;
        self.hands.pass(1_000);
        if let Some((_, jump)) = self.jump.filter(|(at, _)| *at == number) {
            self.hands.set(jump);
        }
    }
}

struct Touch {
    outcome: Outcome,
    /// All that the card has written.
    card: Vec<u8>,
    exchanges: u64,
    actions: u64,
    waited: Vec<u64>,
}

/// What happens at one terminal with a new card.
struct Scene {
    suite: Suite,
    profile: &'static str,
    hands: Hands,
    tear: Option<(u64, Fault)>,
    jump: Option<(u64, i64)>,
    back_after: Option<u32>,
    /// The card's certificate ended on this day of the scheme.
    ended: Option<u16>,
}

impl Scene {
    fn new((suite, profile): (Suite, &'static str), micros: u64) -> Self {
        let hands = Hands::at(micros);
        Self { suite, profile, hands, tear: None, jump: None, back_after: Some(3), ended: None }
    }

    fn play(self, sale: bool) -> Touch {
        let scheme = Scheme::test();
        let profile = PurseProfile::built_in(self.profile).unwrap();
        let mut card = PurseCard::personalise(&profile, &scheme, SeededEntropy::new(1)).unwrap();
        if let Some(day) = self.ended {
            let (private, certificate) = scheme.ended_card_credentials(profile.card_id, profile.issuer, day).unwrap();
            card = card.with_credentials(private, &certificate);
        }
        let grant = Grant { roles: vec![Role::Debit, Role::Read], logical_cards: vec![(1, 1)] };
        let sam = SoftSam::new(&scheme, TerminalId(*b"T0000001"), Some(self.suite), &grant).unwrap();
        let mut terminal = Terminal::new(Config::default(), Box::new(PurseKernel::new(Box::new(sam), vec![1])));
        let mut journal = MemoryJournal::default();
        let request = if sale {
            let (order, amount) = (journal.next_order().unwrap(), Money::new(1, Currency::JPY));
            Request::Order { order, kind: OrderKind::Sale, amount }
        } else {
            Request::Balance
        };
        let (card, slot, plan) = (shared(card), Slot::new(), FaultPlan::new());
        slot.insert(card.clone());
        if let Some((exchange, fault)) = self.tear {
            plan.arm(exchange, fault);
        }
        let clock = Clock::steady(Box::new(self.hands.clone()));
        let Self { hands, jump, back_after, .. } = self;
        let mut people = People { hands, clock, jump, back_after, actions: 0, waited: Vec::new() };
        let mut world = World {
            reader: &mut Exchange::new(FaultInjector::new(slot.reader("virtual"), plan.clone()), |_| false),
            journal: &mut journal,
            desk: &mut people,
            entropy: &mut SeededEntropy::new(2),
        };
        let outcome = session::run(&mut terminal, request, &mut world);
        let card = card.lock().unwrap().memory().image().to_vec();
        Touch { outcome, card, exchanges: plan.exchanges(), actions: people.actions, waited: people.waited }
    }
}

/// Refused for the clock; the words.
fn clock_refusal(touch: &Touch) -> Option<&str> {
    match &touch.outcome.result {
        OutcomeKind::Refused(refusal) if refusal.reason == RefusalReason::Clock => Some(&refusal.detail),
        _ => None,
    }
}

fn seconds() -> impl Strategy<Value = u64> {
    let edge = |at: u64| at - 2..=at + 2;
    prop_oneof![
        3 => DATED,
        2 => 0..20_000_000_000_u64,
        1 => edge(*DATED.start()),
        1 => edge(*DATED.end()),
        // 2195, where the days of certificates end, and where i64 does in microseconds.
        1 => edge(7_113_830_400),
        1 => 0..=9_223_372_036_854_u64,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_order_is_dated_right_or_refused_before_anything_is_sent(seconds in seconds(), of_suite in 0..2_usize) {
        let touch = Scene::new(SUITES[of_suite], seconds * 1_000_000).play(true);
        if DATED.contains(&seconds) {
            let OutcomeKind::Paid { intent, .. } = &touch.outcome.result else {
                return Err(TestCaseError::fail(format!("{:?}", touch.outcome)));
            };
            prop_assert_eq!(intent.time.millis() / 1000, seconds);
            let order = untorn::family::purse::kernel::PurseIntent::of(intent).unwrap().order;
            prop_assert_eq!(u64::from(order.time), seconds);
        } else {
            let words = clock_refusal(&touch);
            prop_assert!(words.is_some_and(|words| words.contains("clock says")), "{:?}", touch.outcome);
            prop_assert_eq!(touch.exchanges, 0);
        }
    }
}

#[test]
fn a_wrong_clock_is_called_a_wrong_clock() {
    // 1970, 1999, 2010, the day before 2016, 2196, 2400, 9999.
    for seconds in [0_u64, 915_148_800, 1_262_304_000, 1_451_606_399, 7_131_974_400, 13_569_465_600, 253_370_764_800] {
        let touch = Scene::new(SUITES[1], seconds * 1_000_000).play(false);
        let words = clock_refusal(&touch).unwrap_or_else(|| panic!("{seconds}: {:?}", touch.outcome));
        let says = format!("the terminal's clock says {}", Moment::from_millis(seconds * 1000));
        assert!(words.starts_with(&says) && words.contains("from 2016-01-01 to 2195-06-06"), "{seconds}: {words}");
        assert!(words.contains("one of the two is wrong") && !words.contains("authentic"), "{seconds}: {words}");
    }
    let mut ended = Scene::new(SUITES[1], MORNING);
    // 2022-03-18.
    ended.ended = Some(2268);
    let touch = ended.play(false);
    let words = clock_refusal(&touch).unwrap_or_else(|| panic!("{:?}", touch.outcome));
    assert!(words.contains("the card's certificate is valid from 2016-01-01 to 2022-03-18"), "{words}");
}

#[test]
fn a_clock_that_is_set_changes_no_wait_and_no_money() {
    let faults = [Fault::RemovedBefore, Fault::RemovedAfter];
    let mut checked = 0;
    for of_suite in SUITES {
        // SELECT, AUTH, TRANSACT, ACK; the card comes back soon, late, or never.
        for (exchange, fault, back_after) in (0..4)
            .flat_map(|exchange| faults.map(|fault| (exchange, fault)))
            .flat_map(|(exchange, fault)| [Some(3), Some(25), None].map(|back| (exchange, fault, back)))
        {
            let scene =
                |jump| Scene { tear: Some((exchange, fault)), back_after, jump, ..Scene::new(of_suite, MORNING) };
            let still = scene(None).play(true);
            for at in 0..=still.actions {
                for jump in [-HOUR, HOUR, -30 * YEAR, 400 * YEAR] {
                    let set = scene(Some((at, jump))).play(true);
                    let what = format!("{of_suite:?} {fault:?} at {exchange}, back {back_after:?}, {jump} at {at}");
                    assert_eq!(set.outcome, still.outcome, "{what}");
                    assert!(set.card == still.card, "{what}: the card has written something else");
                    assert_eq!(set.waited, still.waited, "{what}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 500);
}
