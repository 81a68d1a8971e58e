//! Payments through a real smart card service: paid, torn at every exchange in every way, resolved; and the terminal's
//! process killed at every action.
#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use support::kills::KILLED;
use support::pcscd::{Pcscd, READER};
use support::purse::ServedPurse;
use support::untorn::Desk as Shell;
use untorn::entropy::SeededEntropy;
use untorn::family::purse::data::{CardId, Role, Suite, TerminalId};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::kernel::PurseKernel;
use untorn::family::purse::kernel::sam::{Grant, SoftSam};
use untorn::journal::Journal;
use untorn::journal::memory::MemoryJournal;
use untorn::journal::record::OrderKind;
use untorn::money::{Currency, Money};
use untorn::reader::exchange::{Exchange, nothing_is_idempotent};
use untorn::reader::pcsc::PcscReader;
use untorn::reader::vpcd::LiftWhen;
use untorn::reader::{Reader, Reset};
use untorn::secret::Pin;
use untorn::session::{Arrival, Desk, World, run};
use untorn::terminal::event::{Outcome, OutcomeKind, Prompt, RefundOf, Request};
use untorn::terminal::{Config, Terminal};
use untorn::time::Moment;

const CARD: CardId = CardId(*b"LIVE\0\0\0\x01");
/// More exchanges than any order has.
const EXCHANGES_MAX: u64 = 20;

/// People who put a lifted card back, once.
struct People<'a> {
    card: &'a ServedPurse,
    put_back: bool,
    now: Moment,
}

impl Desk for People<'_> {
    fn now(&mut self) -> Moment {
        self.now = self.now.plus_millis(1);
        self.now
    }

    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, _: Moment) -> Arrival {
        if *prompt != Prompt::Present {
            self.card.put_back();
            self.put_back = true;
        }
        if reader.activate(Reset::Cold).is_ok() { Arrival::Card } else { Arrival::TimeOut }
    }

    fn ask_pin(&mut self, _: Option<u8>) -> Option<Pin> {
        Pin::parse("1234").ok()
    }
}

/// A terminal at the test's PC/SC reader.
struct Till<'a> {
    card: &'a ServedPurse,
    reader: Exchange<PcscReader>,
    terminal: Terminal,
    journal: MemoryJournal,
    entropy: SeededEntropy,
}

impl<'a> Till<'a> {
    fn new(card: &'a ServedPurse, suite: Suite) -> Self {
        let roles = vec![Role::Debit, Role::Credit, Role::Refund, Role::Read];
        let grant = Grant { roles, logical_cards: vec![(1, 1)] };
        let sam = SoftSam::new(&Scheme::test(), TerminalId(*b"LIVETILL"), Some(suite), &grant).unwrap();
        Self {
            card,
            reader: Exchange::new(PcscReader::open(READER).unwrap(), nothing_is_idempotent),
            terminal: Terminal::new(Config::default(), Box::new(PurseKernel::new(Box::new(sam), vec![1]))),
            journal: MemoryJournal::default(),
            entropy: SeededEntropy::new(9),
        }
    }

    /// The outcome, and whether the card was lifted and put back on the way.
    fn ask(&mut self, request: Request) -> (Outcome, bool) {
        let mut people = People { card: self.card, put_back: false, now: Moment::from_seconds(1_767_225_600) };
        let mut world = World {
            reader: &mut self.reader,
            journal: &mut self.journal,
            desk: &mut people,
            entropy: &mut self.entropy,
        };
        let outcome = run(&mut self.terminal, request, &mut world);
        (outcome, people.put_back)
    }

    fn order(&mut self, kind: OrderKind, amount: u32) -> (Outcome, bool) {
        let order = self.journal.next_order().unwrap();
        let amount = Money::new(amount, Currency::JPY);
        self.ask(match kind {
            OrderKind::Refund => Request::Refund { order, amount: Some(amount), of: RefundOf::Newest },
            kind => Request::Order { order, kind, amount },
        })
    }

    /// An order that nothing disturbs.
    #[track_caller]
    fn paid(&mut self, kind: OrderKind, amount: u32) {
        let (outcome, _) = self.order(kind, amount);
        assert!(matches!(outcome.result, OutcomeKind::Paid { .. }), "{kind} of {amount}: {outcome:?}");
    }

    /// Torn at this exchange.
    fn torn(&mut self, kind: OrderKind, amount: u32, exchange: u64, when: LiftWhen) {
        let before = self.card.inspect();
        self.card.lift_at(exchange, when);
        let (outcome, put_back) = self.order(kind, amount);
        if !put_back {
            // Lifted at the acknowledgement: the terminal was done and did not ask for it.
            self.card.put_back();
        }
        assert!(matches!(outcome.result, OutcomeKind::Paid { .. }), "{kind} at {exchange} {when:?}: {outcome:?}");
        let after = self.card.inspect();
        let moved = i64::from(after.logical_cards[0].balance) - i64::from(before.logical_cards[0].balance);
        let expected = if kind == OrderKind::Sale { -i64::from(amount) } else { i64::from(amount) };
        assert_eq!(moved, expected, "{kind} at {exchange} {when:?} moved value once");
        assert_eq!(after.transaction_counter, before.transaction_counter + 1, "{kind} at {exchange} {when:?}");
        assert_eq!(self.journal.open(None).unwrap().len(), 0, "nothing is left open");
    }
}

#[test]
fn torn_at_every_exchange() {
    let Some(pcscd) = Pcscd::start() else { return };
    let mut runs = 0;
    let card = ServedPurse::present(&pcscd, &[Suite::Epc1, Suite::Epc2], CARD);
    for suite in [Suite::Epc1, Suite::Epc2] {
        let mut till = Till::new(&card, suite);
        till.paid(OrderKind::Sale, 500);
        let orders =
            [(OrderKind::Sale, 10), (OrderKind::Sale, 10_100), (OrderKind::TopUp, 11_000), (OrderKind::Refund, 7)];
        for (kind, amount) in orders {
            for when in [LiftWhen::BeforeExecution, LiftWhen::AfterExecution, LiftWhen::WhileAnswering { octets: 1 }] {
                let exchanges = exchanges_of(&mut till, kind, amount, &card);
                for exchange in 0..exchanges {
                    till.torn(kind, amount, exchange, when);
                    refill(&mut till, kind, amount);
                    runs += 1;
                }
            }
        }
    }
    println!("{runs} payments torn through PC/SC, each resolved");
    assert!(runs > 60, "{runs} runs");
}

/// What an order takes or gives is given back or taken, so that the card is never empty or full.
fn refill(till: &mut Till<'_>, kind: OrderKind, amount: u32) {
    let back = if kind == OrderKind::Sale { OrderKind::TopUp } else { OrderKind::Sale };
    if kind == OrderKind::Refund {
        // The next refund needs a sale to give back.
        till.paid(OrderKind::Sale, amount);
    } else {
        till.paid(back, amount);
    }
}

/// How many exchanges the order has when nothing is torn.
fn exchanges_of(till: &mut Till<'_>, kind: OrderKind, amount: u32, card: &ServedPurse) -> u64 {
    if kind == OrderKind::Refund {
        till.paid(OrderKind::Sale, amount);
    }
    let first = card.exchanges();
    till.paid(kind, amount);
    let exchanges = card.exchanges() - first;
    refill(till, kind, amount);
    assert!((4..EXCHANGES_MAX).contains(&exchanges), "{exchanges} exchanges");
    exchanges
}

#[test]
fn killed_at_every_action_over_a_served_card() {
    let Some(pcscd) = Pcscd::start() else { return };
    let card = ServedPurse::present(&pcscd, &[Suite::Epc1, Suite::Epc2], CARD);
    let id = CARD.to_string();
    let desk = Shell::new(&["--reader", READER, "--card", &id, "--grant", "debit,credit,refund,read"]);
    desk.run(&["pay", "100"]).ended(0);
    let mut kills = 0;
    for number in 0..100 {
        let before = card.inspect();
        let ran = desk.run_until(&format!("action:{number}"), &["pay", "25"]);
        if ran.signal.is_none() {
            ran.ended(0);
            break;
        }
        assert_eq!(ran.signal, Some(KILLED), "{ran:?}");
        kills += 1;
        let resolved = desk.json(0, &["resolve"]);
        assert_eq!(resolved["unresolved"].as_array().unwrap().len(), 0, "{resolved}");
        let after = card.inspect();
        let (moved, commits) = (
            before.logical_cards[0].balance - after.logical_cards[0].balance,
            after.transaction_counter - before.transaction_counter,
        );
        assert_eq!(moved, commits * 25, "killed at action {number}");
        let shown = desk.json(0, &["journal", "verify"]);
        assert_eq!(shown["fault"], serde_json::Value::Null, "{shown}");
    }
    println!("killed {kills} times over a served card");
    assert!(kills >= 8, "{kills} kills");
}
