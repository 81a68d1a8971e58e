//! The whole window against the real core and a real virtual card, in one thread: a script is the person.

use std::collections::VecDeque;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::Terminal as Screen;
use ratatui::backend::TestBackend;
use ratatui::text::Span;

use super::app::{App, Told};
use super::core::{BenchSetup, Core, Instruction, Seat, Setup};
use super::keys::{self, KeyCommand, Mode};
use super::snapshot::{Phase, Snapshot, Wanted};
use super::theme::Theme;
use super::{cards, draw};
use crate::conformance::role::TearAt;
use crate::entropy::SeededEntropy;
use crate::family::families;
use crate::family::profile::TillSetup;
use crate::family::settings::Settings;
use crate::journal::Journal;
use crate::journal::memory::MemoryJournal;
use crate::journal::policy::SettlementPolicy;
use crate::journal::record::{Entry, OrderKind};
use crate::journal::view::Orders;
use crate::money::{Currency, Money};
use crate::reader::exchange::{Exchange, nothing_is_idempotent};
use crate::reader::fault::{FaultInjector, FaultPlan};
use crate::reader::in_process::Slot;
#[cfg(feature = "pcsc")]
use crate::reader::pcsc_watch::WatchEvent;
use crate::reader::persistent::Failure;
use crate::reader::trace::{Trace, TraceRing};
use crate::report::plain::Charset;
use crate::report::slip::{self, Heading};
use crate::terminal::{Config, OrdersFor, Terminal};
use crate::time::Moment;

pub(super) const SMALL: (u16, u16) = (80, 24);
pub(super) const LARGE: (u16, u16) = (200, 50);
/// 2026-01-05 09:00:00Z.
const MORNING: Moment = Moment::from_millis(1_767_603_600_000);

/// What the person does and sees.
#[derive(Debug)]
pub(super) enum Act {
    /// Presses keys: letters and digits, `\n` for Enter, `\t` for Tab, `\u{1b}` for Esc.
    Type(&'static str),
    Press(KeyCode),
    /// The screen says this.
    See(&'static str),
    /// The screen doesn't.
    Miss(&'static str),
    /// The whole screen is as it was when it was last reviewed.
    Look(&'static str),
    /// Time passes.
    Pass(u64),
    Resize(u16, u16),
    /// The bell has rung so often.
    Rung(u32),
    /// The core is told something that no key says here.
    Tell(fn() -> Instruction),
}
use Act::{Look, Miss, Pass, Press, Resize, Rung, See, Tell, Type};

/// A person with a script at a window of a given size.
pub(super) struct Person {
    script: VecDeque<Act>,
    keys: VecDeque<KeyCode>,
    pub(super) app: Option<App>,
    screen: Screen<TestBackend>,
    now: Moment,
    rung: u32,
}

impl Person {
    pub(super) fn new(size: (u16, u16), script: Vec<Act>) -> Self {
        let screen = Screen::new(TestBackend::new(size.0, size.1)).unwrap();
        Self { script: script.into(), keys: VecDeque::new(), app: None, screen, now: MORNING, rung: 0 }
    }

    pub(super) fn text(&mut self) -> String {
        let (app, now) = (self.app.as_ref().unwrap(), self.now);
        // The frame as it was drawn: behind a Japanese character the backend keeps what stood there before.
        let frame = self.screen.draw(|frame| draw::draw(frame, app, now)).unwrap();
        let buffer = frame.buffer;
        let mut text = String::new();
        for row in 0..buffer.area.height {
            let mut column = 0;
            let mut line = String::new();
            while column < buffer.area.width {
                let symbol = buffer[(column, row)].symbol();
                line.push_str(symbol);
                // A Japanese character takes two cells, of which the second stays empty.
                column += u16::try_from(Span::raw(symbol).width().max(1)).unwrap();
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// One step that needs no core; `None` when the script is over.
    fn step(&mut self) -> Option<()> {
        match self.script.pop_front()? {
            Type(text) => self.keys.extend(text.chars().map(|letter| match letter {
                '\n' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                '\u{1b}' => KeyCode::Esc,
                letter => KeyCode::Char(letter),
            })),
            Press(code) => self.keys.push_back(code),
            See(words) => {
                let text = self.text();
                assert!(text.contains(words), "expected {words:?} in\n{text}");
            }
            Miss(words) => {
                let text = self.text();
                assert!(!text.contains(words), "expected no {words:?} in\n{text}");
            }
            Look(name) => {
                let text = self.text();
                insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                    insta::assert_snapshot!(name, text);
                });
            }
            Pass(ms) => self.now = self.now.plus_millis(ms),
            Resize(width, height) => {
                self.screen.backend_mut().resize(width, height);
                self.text();
            }
            Rung(times) => assert_eq!(self.rung, times),
            Tell(_) => unreachable!("taken by `next`"),
        }
        Some(())
    }
}

impl Seat for Person {
    fn now(&mut self) -> Moment {
        self.now
    }

    fn show(&mut self, snapshot: Arc<Snapshot>) {
        match &mut self.app {
            Some(app) => self.rung += u32::from(app.take(snapshot)),
            None => self.app = Some(App::new(snapshot, Theme { colour: true, charset: Charset::Utf8 })),
        }
        self.text();
    }

    fn next(&mut self, until: Option<Moment>) -> Option<Instruction> {
        loop {
            // The card works as fast as it can while nobody does anything about it.
            if let Some(until) = until
                && self.app.as_ref().unwrap().mode() == Mode::Working
            {
                self.now = until;
                return None;
            }
            if until.is_some_and(|until| self.now >= until) {
                return None;
            }
            if let Some(code) = self.keys.pop_front() {
                let key = KeyEvent::new(code, KeyModifiers::NONE);
                // Nothing is behind the suite's screen here; suite_tests.rs is about that.
                let size = self.screen.size().unwrap();
                let app = self.app.as_mut().unwrap();
                app.is_seen = draw::fits(size.width, size.height);
                if let Some(Told::Core(instruction)) = app.press(&key) {
                    return Some(instruction);
                }
                continue;
            }
            if let Some(Tell(instruction)) = self.script.front() {
                let instruction = instruction();
                self.script.pop_front();
                return Some(instruction);
            }
            if self.step().is_none() {
                return Some(Instruction::Quit);
            }
        }
    }
}

pub(super) fn setup(journal: &MemoryJournal, seed: u64) -> Setup {
    let profile = |name: &str| families()[0].profile(name).unwrap();
    let setup = TillSetup { settings: &Settings::default(), is_for_real_cards: false, key_log: None };
    let terminal = Terminal::new(Config::default(), profile("default").kernel(&setup).unwrap());
    let (slot, tears, ring) = (Slot::new(), FaultPlan::new(), TraceRing::new(400));
    let injector = FaultInjector::new(slot.reader("virtual"), tears.clone());
    let reader = Box::new(Exchange::new(Trace::new(injector, || 0).with_ring(ring.clone()), nothing_is_idempotent));
    let cards = ["epc1-only", "default"]
        .map(|name| cards::fresh(&*profile(name), Box::new(SeededEntropy::new(seed + 1))).unwrap());
    let roles = families()[0].lab().unwrap().roles();
    let read = journal.clone();
    Setup {
        profile: "epc1-only".to_owned(),
        currency: Currency::JPY,
        terminal,
        journal: Box::new(journal.clone()),
        orders: Box::new(move || {
            let mut orders = Orders::default();
            read.entries().iter().for_each(|(time, entry)| orders.add(*time, entry));
            Ok(orders.by_number())
        }),
        entropy: Box::new(SeededEntropy::new(seed)),
        reader,
        ring,
        bench: Some(BenchSetup { slot, tears, roles, cards: cards.into(), failure: Failure::default() }),
        orders_for: OrdersFor::AnyCard,
        gives_at_real_readers: false,
        slip: Box::new(|outcome| slip::of(outcome, Heading { test_keys: true, policy: SettlementPolicy::default() })),
        open_reader: Box::new(|name| Err(format!("{name} cannot be opened"))),
        notice: None,
    }
}

fn play_on(journal: &MemoryJournal, size: (u16, u16), script: Vec<Act>) {
    let mut person = Person::new(size, script);
    Core::new(setup(journal, 7)).serve(&mut person);
    assert!(person.script.is_empty(), "{} steps were left over", person.script.len());
}

pub(super) fn play(size: (u16, u16), script: Vec<Act>) {
    play_on(&MemoryJournal::default(), size, script);
}

#[test]
fn a_sale_is_paid() {
    for (size, looks) in [
        (SMALL, ["first-80x24", "amount-80x24", "touch-80x24", "paid-80x24"]),
        (LARGE, ["first-200x50", "amount-200x50", "touch-200x50", "paid-200x50"]),
    ] {
        play(
            size,
            vec![
                See("type the amount"),
                Look(looks[0]),
                Type("1250"),
                Look(looks[1]),
                Type("\n"),
                See("30 s left"),
                Pass(4_500),
                See("26 s left"),
                Look(looks[2]),
                Type("p"),
                See("The card holds 8,750 JPY now."),
                Look(looks[3]),
                Type("\n"),
                See("1 order, decided"),
            ],
        );
    }
}

#[test]
fn a_torn_sale_is_paid_once_when_the_card_comes_back() {
    for (size, looks) in [(SMALL, ["armed-80x24", "retouch-80x24"]), (LARGE, ["armed-200x50", "retouch-200x50"])] {
        play(
            size,
            vec![
                Type("a"),
                See("ARMED value, after execution"),
                Type("1250\n"),
                Look(looks[0]),
                Type("p"),
                See("Touch the SAME card once more."),
                Rung(1),
                Miss("pay again"),
                Miss("PAID"),
                Look(looks[1]),
                Type("p"),
                See("The card holds 8,750 JPY now."),
                Rung(1),
            ],
        );
    }
}

#[test]
fn another_card_is_not_charged_for_it() {
    play(
        SMALL,
        vec![
            Type("a1250\np"),
            See("Touch the SAME card once more."),
            Type("cp"),
            See("This is another card. It is not charged."),
            Rung(2),
            Pass(5_000),
            Rung(2),
            Look("other-card-80x24"),
            Type("lcp"),
            See("The card holds 8,750 JPY now."),
        ],
    );
}

#[test]
fn giving_up_leaves_an_open_record_that_a_later_touch_resolves() {
    play(
        SMALL,
        vec![
            Type("a1250\np"),
            See("stop: print the unresolved slip"),
            Press(KeyCode::Esc),
            See("Nobody knows yet whether 1,250 JPY moved"),
            See("The card held 10,000 JPY before."),
            Look("unresolved-80x24"),
            Type("\n"),
            See("1 order, UNRESOLVED"),
            Type("\t\t\t"),
            See("UNRESOLVED (slip issued)"),
            Look("journal-80x24"),
            Type("\n"),
            See("Journalled"),
            Look("order-80x24"),
            Type("r"),
            See("RESOLVE OPEN RECORDS"),
            Type("p"),
            See("was paid. Do not charge again."),
            Type("\n"),
            See("1 order, decided"),
        ],
    );
}

#[test]
fn the_balance_can_be_looked_at_after_the_slip_and_decides() {
    for (size, look) in [(SMALL, "balance-check-80x24"), (LARGE, "balance-check-200x50")] {
        let mut setup = setup(&MemoryJournal::default(), 7);
        setup.terminal.config_mut().balance_check_ms = 20_000;
        let mut person = Person::new(
            size,
            vec![
                Type("a1250\np"),
                See("stop: print the unresolved slip"),
                Press(KeyCode::Esc),
                See("It held 10,000 JPY before."),
                See("stop: leave it at the slip"),
                See("20 s left"),
                Miss("pay again"),
                Look(look),
                Type("p"),
                See("The card holds 8,750 JPY now."),
            ]
            .into_iter()
            .collect(),
        );
        Core::new(setup).serve(&mut person);
        assert!(person.script.is_empty(), "{} steps were left over", person.script.len());
    }
}

/// It is asked to leave, once, and is not read again and again for as long as it lies there.
#[test]
fn another_card_at_the_balance_check_is_read_once() {
    let mut setup = setup(&MemoryJournal::default(), 7);
    setup.terminal.config_mut().balance_check_ms = 20_000;
    let mut person = Person::new(
        LARGE,
        vec![
            Type("a1250\np"),
            See("stop: print the unresolved slip"),
            Press(KeyCode::Esc),
            See("stop: leave it at the slip"),
            Type("cp"),
            See("This is another card. It is not charged."),
            Look("other-card-at-check-200x50"),
            Pass(5_000),
            See("This is another card. It is not charged."),
            // Its SELECT and AUTH were exchanges 6 and 7.
            Miss("   8 → "),
            Type("lcp"),
            See("The card holds 8,750 JPY now."),
        ]
        .into_iter()
        .collect(),
    );
    Core::new(setup).serve(&mut person);
    assert!(person.script.is_empty(), "{} steps were left over", person.script.len());
}

/// REQ-POL-2.
#[test]
fn an_order_too_old_to_be_claimed_says_so_in_the_journal() {
    const DAYS_56_MS: u64 = 4_838_400_000;
    let journal = MemoryJournal::default();
    let mut setup = setup(&journal, 7);
    setup.terminal.config_mut().policy = SettlementPolicy::OnConfirmation;
    setup.orders = Box::new(move || {
        let mut orders = Orders::default();
        journal.entries().iter().for_each(|(time, entry)| orders.add(*time, entry));
        let mut orders = orders.by_number();
        let later = MORNING.plus_millis(DAYS_56_MS);
        for order in &mut orders {
            order.settle(SettlementPolicy::default(), later);
        }
        Ok(orders)
    });
    let script = vec![
        Type("a1250\np"),
        See("stop: print the unresolved slip"),
        Type("\u{1b}\n\t\t\t"),
        See("UNRESOLVED (overdue)"),
        Type("\n"),
        See("on-confirmation"),
    ];
    let mut person = Person::new(SMALL, script);
    Core::new(setup).serve(&mut person);
    assert!(person.script.is_empty(), "{} steps were left over", person.script.len());
}

/// What is durable is shown, also while the order is under way: the terminal may lose its power the next moment.
#[test]
fn the_journal_shows_an_order_that_is_open_at_this_moment() {
    play(
        SMALL,
        vec![
            Type("a1250\np"),
            See("stop: print the unresolved slip"),
            Type("\t\t\t"),
            Miss("No orders yet"),
            See("1,250 JPY"),
            See("UNRESOLVED"),
            Press(KeyCode::BackTab),
            Press(KeyCode::BackTab),
            Press(KeyCode::BackTab),
            Type("p"),
            See("The card holds 8,750 JPY now."),
        ],
    );
}

#[test]
fn time_runs_out_for_a_torn_sale() {
    play(
        SMALL,
        vec![Type("a1250\np"), See("30 s left"), Pass(29_999), See("1 s left"), Pass(1), See("Nobody knows yet")],
    );
}

#[test]
fn open_records_of_an_earlier_run_come_first() {
    let journal = MemoryJournal::default();
    play_on(&journal, SMALL, vec![Type("a1250\np"), See("Touch the SAME card once more.")]);
    // As a kill would have left it: to leave the window issues the slip.
    let mut killed = MemoryJournal::default();
    for (time, entry) in journal.entries() {
        if let Entry::Intent(intent) = entry {
            killed.commit(intent, time).unwrap();
        }
    }
    let journal = killed;
    play_on(
        &journal,
        SMALL,
        vec![
            See("OPEN RECORDS"),
            Tell(|| Instruction::Begin(Wanted::Order(OrderKind::Sale, Money::new(500, Currency::JPY)))),
            See("! no new order before the open records"),
            Look("open-records-80x24"),
            Type("500\n"),
            See("Journalled"),
            Press(KeyCode::Esc),
            Type("k"),
            See("type the amount"),
            See("1 order, UNRESOLVED"),
        ],
    );
    // Acknowledged once, it is not asked about again.
    play_on(&journal, LARGE, vec![See("type the amount"), Type("\t\t\t"), Look("journal-200x50")]);
}

#[test]
fn a_pin_is_typed_unseen() {
    play(
        SMALL,
        vec![
            Type("12000\n"),
            Type("cp"),
            See("PIN"),
            Type("1234"),
            See("● ● ● ●"),
            Miss("1234"),
            Look("pin-80x24"),
            Type("\n"),
            See("The card holds 5,080 JPY now."),
            Type("\t"),
            Press(KeyCode::Up),
            Miss("31 32 33 34"),
        ],
    );
}

/// Too short or too long, it stays at the terminal: the right one is the first that the card sees.
#[test]
fn what_cannot_be_a_pin_costs_no_try() {
    for wrong in ["", "1", "123", "1234567890123", "123456789012345678901234567890"] {
        play(
            SMALL,
            vec![
                Type("12000\n"),
                Type("cp"),
                See("PIN"),
                Type(wrong),
                Type("\n"),
                See("the card was not asked: a PIN is 4 to 12 digits"),
                Miss("Wrong PIN"),
                Type("1234\n"),
                See("The card holds 5,080 JPY now."),
            ],
        );
    }
}

#[test]
fn value_is_added_and_given_back() {
    play(
        SMALL,
        vec![
            Type("t5000\np"),
            See("The card holds 15,000 JPY now."),
            Type("\n"),
            Press(KeyCode::Esc),
            Type("700\np"),
            See("The card holds 14,300 JPY now."),
            Type("\nf700\np"),
            See("The card holds 15,000 JPY now."),
            Type("\nbp"),
            See("Logical card 1"),
            Type("\nhp"),
            See("top-up"),
            Look("history-80x24"),
        ],
    );
}

#[test]
fn too_little_on_the_card_is_a_refusal() {
    play(
        SMALL,
        vec![Type("9999\np"), See("9,999 JPY"), Type("\n9999\np"), See("Nothing was taken"), Look("refused-80x24")],
    );
}

/// A person who notes how many exchanges were over when the end was shown, each time.
struct Watcher(Person, Vec<usize>);

impl Seat for Watcher {
    fn now(&mut self) -> Moment {
        self.0.now()
    }
    fn show(&mut self, snapshot: Arc<Snapshot>) {
        if matches!(snapshot.phase, Phase::Done(_)) {
            self.1.push(snapshot.trace.len());
        }
        self.0.show(snapshot);
    }
    fn next(&mut self, until: Option<Moment>) -> Option<Instruction> {
        self.0.next(until)
    }
}

#[test]
fn paid_is_shown_before_the_card_is_told_and_stays_when_the_card_is_lifted_at_that() {
    for tear in ["", "a"] {
        // The exchange of ACK is the fourth.
        let arm = vec![Type("\t\t"), Press(KeyCode::Right), Type("\t\t\t\t"), Type(tear)];
        let sale = vec![Type("1250\np"), See("The card holds 8,750 JPY now."), Rung(0), See("RECEIPT")];
        let mut watcher = Watcher(Person::new(SMALL, arm.into_iter().chain(sale).collect()), Vec::new());
        Core::new(setup(&MemoryJournal::default(), 7)).serve(&mut watcher);
        assert!(watcher.0.script.is_empty());
        let (first, last) = (watcher.1[0], watcher.1[watcher.1.len() - 1]);
        assert!(first < last, "shown after {first} lines of the trace, of {last} in the end");
    }
}

#[test]
fn a_refund_is_of_the_newest_sale_and_of_no_more_than_is_left() {
    play(
        SMALL,
        vec![
            Type("f"),
            See("nothing: no paid sale in the journal"),
            Type("5\n"),
            See("no paid sale that could be given back"),
            Type("\u{1b}800\np\n1250\np\nf"),
            See("order 000002, 1,250 JPY"),
            See("card 554E544F524E0003"),
            Look("refund-80x24"),
            // What is offered gives way to what is typed.
            Type("1251\n"),
            See("that is more than is left of the sale"),
            Press(KeyCode::Backspace),
            Press(KeyCode::Backspace),
            Type("0\n"),
            See("REFUND  120 JPY"),
            Type("p"),
            See("The card holds 8,070 JPY now."),
            // Whoever comes next pays.
            Type("\n30\n"),
            See("SALE  30 JPY"),
            Press(KeyCode::Esc),
            Type("\nf"),
            See("order 000002, 1,250 JPY, 1,130 JPY left"),
            Type("s"),
            Miss("1,130 JPY"),
            Type("f\np"),
            See("The card holds 9,200 JPY now."),
            Type("\nf\n"),
            Miss("REFUND  "),
            Type("1\n"),
            See("all of that sale is given back already"),
            // Of one card's sale nothing is given to another.
            Type("\u{1b}50\np\ncf\np"),
            See("Nothing was put on the card."),
        ],
    );
}

/// An open sale may be the newest: the touch decides, and the result names the sale.
#[test]
fn a_refund_after_an_open_sale_is_of_the_newest_that_happened() {
    // Torn after the card has paid, or before the command.
    for (tear, named) in
        [("", "It gives back order 000002, sale of 10"), ("\u{1b}", "It gives back order 000001, sale of 800")]
    {
        let mut script = vec![Type("800\np\n")];
        if tear.is_empty() {
            script.extend([Type("a10\np"), See("Touch the SAME card once more.")]);
        } else {
            // Tear::Before.
            script.extend([
                Tell(|| Instruction::Arm(TearAt::Exchange(2), super::snapshot::ArmedTear::Before)),
                Type("10\np"),
                See("SAME card"),
            ]);
        }
        script.extend([
            Press(KeyCode::Esc),
            Type("\nf"),
            See("the card's newest sale"),
            See("Decided first   order 000002, 10 JPY"),
            Type("3\n"),
            See("REFUND  3 JPY"),
            Type("p"),
            See("RECEIPT"),
            See(named),
        ]);
        play((120, 40), script);
    }
}

/// Where a touch shows that another sale is the newest, what the person was shown is not given back.
#[test]
fn a_refund_is_of_the_sale_that_was_shown() {
    let journal = MemoryJournal::default();
    play_on(
        &journal,
        SMALL,
        vec![
            Type("800\np\n"),
            Type("f"),
            See("order 000001, 800 JPY"),
            Type("5\ncp"),
            See("Nothing was put on the card."),
        ],
    );
    let refunds = journal
        .entries()
        .into_iter()
        .filter(|(_, entry)| matches!(entry, Entry::Intent(refund) if refund.kind == OrderKind::Refund));
    assert_eq!(refunds.count(), 0, "nothing was sent");
}

#[test]
fn exchange_bench_readers_and_help() {
    play(
        SMALL,
        vec![
            Type("1250\np\n\t"),
            Look("exchange-80x24"),
            Press(KeyCode::Home),
            See("cold reset"),
            Type("\t"),
            Press(KeyCode::Right),
            Press(KeyCode::Down),
            Look("bench-80x24"),
            Press(KeyCode::Enter),
            See("ARMED: acknowledge,"),
            Type("x\t\t"),
            Look("readers-80x24"),
            Type("?"),
            Look("help-80x24"),
        ],
    );
}

#[cfg(feature = "pcsc")]
#[test]
fn readers_come_and_go() {
    fn reader() -> String {
        "ACME Reader 00 00".to_owned()
    }
    play(
        SMALL,
        vec![
            Type("\t\t\t\t"),
            Miss("ACME"),
            Tell(|| Instruction::Watched(WatchEvent::ReaderAdded { reader: reader() })),
            See("ACME Reader 00 00  no card"),
            Tell(|| Instruction::Watched(WatchEvent::CardInserted { reader: reader(), atr: vec![0x3B, 0x00] })),
            See("ACME Reader 00 00  card present"),
            Press(KeyCode::Down),
            Look("readers-plugged-80x24"),
            Type("\n"),
            See("! ACME Reader 00 00 cannot be opened"),
            See("virtual  the card bench  in use"),
            Tell(|| Instruction::Watched(WatchEvent::CardRemoved { reader: reader() })),
            See("ACME Reader 00 00  no card"),
            Tell(|| Instruction::Watched(WatchEvent::ReaderRemoved { reader: reader() })),
            Miss("ACME Reader 00 00  "),
        ],
    );
}

#[test]
fn help_says_every_key_of_the_table() {
    let journal = MemoryJournal::default();
    let mut person = Person::new((100, 260), vec![Type("?")]);
    Core::new(setup(&journal, 7)).serve(&mut person);
    let text = person.text();
    for command in KeyCommand::ALL {
        let binding = keys::TABLE.iter().find(|binding| binding.command == *command).unwrap();
        assert!(text.contains(binding.help), "{command:?} is not in\n{text}");
    }
}

#[test]
fn keys_pressed_while_a_card_is_worked_with_are_kept() {
    let journal = MemoryJournal::default();
    let mut person = Person::new(SMALL, vec![Type("1250\np")]);
    Core::new(setup(&journal, 7)).serve(&mut person);
    let done = person.app.unwrap().snapshot;
    assert!(matches!(done.phase, Phase::Done(_)));
    let working = Arc::new(Snapshot { phase: Phase::Working { value_moving: true }, ..(*done).clone() });
    for (letter, leaves, helps) in [('q', true, false), ('?', false, true)] {
        let mut app = App::new(working.clone(), Theme { colour: true, charset: Charset::Utf8 });
        assert!(app.press(&KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)).is_none());
        assert!(!app.leaving, "not before the card is done with");
        app.take(done.clone());
        assert_eq!((app.leaving, app.help.is_some()), (leaves, helps), "{letter}");
    }
}

fn any_step() -> impl Strategy<Value = Act> {
    let letters = "0123456789palxcvstfbhrk?";
    let letter = (0..letters.len()).prop_map(|index| letters.as_bytes()[index]);
    let code = prop_oneof![
        8 => letter.prop_map(|letter| KeyCode::Char(char::from(letter))),
        6 => Just(KeyCode::Enter),
        2 => Just(KeyCode::Tab),
        1 => Just(KeyCode::BackTab),
        1 => Just(KeyCode::Esc),
        1 => Just(KeyCode::Backspace),
        1 => prop_oneof![Just(KeyCode::Up), Just(KeyCode::Down), Just(KeyCode::PageUp), Just(KeyCode::Home)],
        1 => prop_oneof![Just(KeyCode::Left), Just(KeyCode::Right), Just(KeyCode::PageDown), Just(KeyCode::End)],
    ];
    prop_oneof![
        12 => code.prop_map(Press),
        1 => (0_u64..40_000).prop_map(Pass),
        1 => (1_u16..220, 1_u16..60).prop_map(|(width, height)| Resize(width, height)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is pressed, at whatever size: no panic, no charge without an order, and the script comes to its end.
    #[test]
    fn any_keys_at_any_size(steps in proptest::collection::vec(any_step(), 1..60), width in 1_u16..220, height in 1_u16..60) {
        let journal = MemoryJournal::default();
        play_on(&journal, (width, height), steps);
    }
}
