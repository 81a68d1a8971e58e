//! Random histories of several cards, terminals and tears, with and without copies: where all cards are honest no alarm ever comes, and a
//! card that has paid what the journal calls not paid never comes back without one.
//!
//! proptest prints the smallest history; the same one is repeated by its seed in `proptest-regressions`.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use untorn::entropy::SeededEntropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::card::inspection::Inspection;
use untorn::family::purse::data::{CardId, Role, Suite, TerminalId};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::kernel::sam::{Grant, SoftSam};
use untorn::family::purse::kernel::{PurseIntent, PurseKernel};
use untorn::family::purse::profile::PurseProfile;
use untorn::journal::Journal;
use untorn::journal::memory::MemoryJournal;
use untorn::journal::record::{AlarmKind, CardReference, Entry, Intent, OrderKind, Resolution};
use untorn::money::{Currency, Money};
use untorn::reader::exchange::Exchange;
use untorn::reader::fault::{Fault, FaultInjector, FaultPlan};
use untorn::reader::in_process::{Slot, shared};
use untorn::reader::{Reader, Reset};
use untorn::secret::Pin;
use untorn::session::{self, Arrival, World};
use untorn::sim::terminal_defect::{TerminalDefect, misled};
use untorn::terminal::event::{Outcome, OutcomeKind, Prompt, Request};
use untorn::terminal::{Config, Terminal};
use untorn::time::Moment;

/// What happens next; the octets choose card, place and way.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A sale at the terminal under test: which card, torn at which exchange and how, and whether the card comes back at once.
    Sale { card: u8, tear: Option<(u8, bool)>, retouch: bool },
    /// Its balance is looked at there, torn or not.
    Touch { card: u8, tear: Option<(u8, bool)> },
    /// So many sales at another terminal, which may lose the last acknowledgement.
    Elsewhere { card: u8, sales: u8, loses: bool },
    /// One more card, with an id of its own.
    NewCard,
    /// A copy of a card as it is, which is a card of its own from then on.
    Copy { card: u8 },
    /// A sale that only the card knows to have happened, and then a copy from before it is asked.
    Disproved { card: u8 },
    /// Another card of the same id and keys, made apart.
    Twin { card: u8 },
}

fn honest() -> impl Strategy<Value = Step> {
    let tear = || proptest::option::weighted(0.6, (0..7_u8, any::<bool>()));
    prop_oneof![
        5 => (any::<u8>(), tear(), any::<bool>()).prop_map(|(card, tear, retouch)| Step::Sale { card, tear, retouch }),
        2 => (any::<u8>(), tear()).prop_map(|(card, tear)| Step::Touch { card, tear }),
        2 => (any::<u8>(), 1..12_u8, any::<bool>()).prop_map(|(card, sales, loses)| Step::Elsewhere { card, sales, loses }),
        1 => Just(Step::NewCard),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => honest(),
        1 => any::<u8>().prop_map(|card| Step::Copy { card }),
        1 => any::<u8>().prop_map(|card| Step::Disproved { card }),
        1 => any::<u8>().prop_map(|card| Step::Twin { card }),
    ]
}

/// A card in somebody's hand: what it was made of, and its memory.
#[derive(Clone)]
struct Held {
    profile: PurseProfile,
    image: Vec<u8>,
}

impl Held {
    fn new(profile: &PurseProfile, entropy: u64) -> Self {
        let card = PurseCard::personalise(profile, &Scheme::test(), SeededEntropy::new(entropy)).unwrap();
        Self { profile: profile.clone(), image: card.memory_ref().image().to_vec() }
    }

    fn card(&self, entropy: u64) -> PurseCard<SeededEntropy> {
        PurseCard::from_image(&self.profile, &Scheme::test(), self.image.clone(), SeededEntropy::new(entropy)).unwrap()
    }

    fn inspect(&self) -> Inspection {
        self.card(0).inspect()
    }
}

struct People {
    retouch: bool,
    now: Moment,
}

impl session::Desk for People {
    fn now(&mut self) -> Moment {
        self.now = self.now.plus_millis(1000);
        self.now
    }
    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, _: Moment) -> Arrival {
        let comes = match prompt {
            Prompt::Present | Prompt::PresentAgain(_) => true,
            Prompt::Retouch(_) | Prompt::OtherCard | Prompt::BalanceCheck(_) => self.retouch,
        };
        if comes && reader.activate(Reset::Cold).is_ok() { Arrival::Card } else { Arrival::TimeOut }
    }
    fn ask_pin(&mut self, _: Option<u8>) -> Option<Pin> {
        None
    }
}

struct Till {
    terminal: Terminal,
    journal: MemoryJournal,
}

impl Till {
    fn new(id: u8, defect: Option<TerminalDefect>) -> Self {
        let grant = Grant { roles: vec![Role::Debit, Role::Read], logical_cards: vec![(1, 1)] };
        let sam =
            SoftSam::new(&Scheme::test(), TerminalId([b'T', 0, 0, 0, 0, 0, 0, id]), Some(Suite::Epc1), &grant).unwrap();
        let kernel = misled(Box::new(PurseKernel::new(Box::new(sam), vec![1])), defect);
        let terminal = Terminal::new(Config::default(), kernel);
        Self { terminal, journal: MemoryJournal::default() }
    }
}

struct Run {
    cards: Vec<Held>,
    ours: Till,
    other: Till,
    now: Moment,
    /// Every use of randomness has a seed of its own.
    seeds: u64,
    honest: bool,
}

impl Run {
    fn new(honest: bool, defect: Option<TerminalDefect>) -> Self {
        let mut run = Self {
            cards: Vec::new(),
            ours: Till::new(1, defect),
            other: Till::new(2, None),
            now: Moment::from_seconds(1_701_224_448),
            seeds: 1_000,
            honest,
        };
        run.new_card();
        run
    }

    fn seed(&mut self) -> u64 {
        self.seeds += 1;
        self.seeds
    }

    fn new_card(&mut self) {
        let (number, entropy) = (self.cards.len() as u8, self.seed());
        let mut profile = PurseProfile::built_in("epc1-only").unwrap();
        profile.card_id = CardId([b'C', 0, 0, 0, 0, 0, 0, number]);
        self.cards.push(Held::new(&profile, entropy));
    }

    /// Holds a card to a terminal.
    fn at(
        &mut self,
        index: usize,
        ours: bool,
        amount: Option<u32>,
        tear: Option<(u8, bool)>,
        retouch: bool,
    ) -> Outcome {
        let (card_seed, terminal_seed) = (self.seed(), self.seed());
        let card = shared(self.cards[index].card(card_seed));
        let slot = Slot::new();
        slot.insert(card.clone());
        let plan = FaultPlan::new();
        if let Some((exchange, after)) = tear {
            plan.arm(exchange.into(), if after { Fault::RemovedAfter } else { Fault::RemovedBefore });
        }
        let mut reader = Exchange::new(FaultInjector::new(slot.reader("virtual"), plan), |_| false);
        let till = if ours { &mut self.ours } else { &mut self.other };
        let request = match amount {
            None => Request::Balance,
            Some(minor) => {
                let order = till.journal.next_order().unwrap();
                Request::Order { order, kind: OrderKind::Sale, amount: Money::new(minor, Currency::JPY) }
            }
        };
        let mut people = People { retouch, now: self.now };
        let mut world = World {
            reader: &mut reader,
            journal: &mut till.journal,
            desk: &mut people,
            entropy: &mut SeededEntropy::new(terminal_seed),
        };
        let outcome = session::run(&mut till.terminal, request, &mut world);
        self.now = people.now;
        self.cards[index].image = card.lock().unwrap().memory().image().to_vec();
        outcome
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let pick = |card: u8, cards: &Vec<Held>| usize::from(card) % cards.len();
        match step {
            Step::Sale { card, tear, retouch } => {
                let index = pick(card, &self.cards);
                let before = self.cards[index].inspect();
                let outcome = self.at(index, true, Some(1), tear, retouch);
                self.check(index, &outcome)?;
                let moved = before.transaction_counter != self.cards[index].inspect().transaction_counter;
                let alarmed = outcome.alarms.iter().any(untorn::terminal::kernel::Contradiction::holds_up);
                prop_assert!(!(alarmed && moved), "an order was sent to a card that contradicts: {outcome:?}");
            }
            Step::Touch { card, tear } => {
                let index = pick(card, &self.cards);
                let outcome = self.at(index, true, None, tear, false);
                self.check(index, &outcome)?;
            }
            Step::Elsewhere { card, sales, loses } => {
                let index = pick(card, &self.cards);
                for sale in 1..=sales {
                    // SELECT, AUTH, TRANSACT, then ACK.
                    let tear = (loses && sale == sales).then_some((3, false));
                    self.at(index, false, Some(1), tear, false);
                }
            }
            Step::NewCard => self.new_card(),
            Step::Copy { card } => {
                let copy = self.cards[pick(card, &self.cards)].clone();
                self.cards.push(copy);
            }
            Step::Disproved { card } => {
                let index = pick(card, &self.cards);
                self.cards.push(self.cards[index].clone());
                self.step(Step::Sale { card: index as u8, tear: Some((2, true)), retouch: false })?;
                self.step(Step::Touch { card: (self.cards.len() - 1) as u8, tear: None })?;
            }
            Step::Twin { card } => {
                let (profile, seed) = (self.cards[pick(card, &self.cards)].profile.clone(), self.seed());
                self.cards.push(Held::new(&profile, seed));
            }
        }
        Ok(())
    }

    /// After a touch at the terminal under test that came to an end with the card.
    fn check(&self, index: usize, outcome: &Outcome) -> Result<(), TestCaseError> {
        if self.honest {
            prop_assert!(outcome.alarms.is_empty(), "an alarm of an honest card: {:#?}", outcome.alarms);
        }
        let was_read = matches!(
            outcome.result,
            OutcomeKind::Paid { .. } | OutcomeKind::Balance | OutcomeKind::Refused(_) | OutcomeKind::Resolved
        );
        if !was_read {
            return Ok(());
        }
        let card = &self.cards[index];
        let reference = CardReference(card.profile.card_id.to_string());
        let ring = card.inspect().ring;
        for (intent, recorded) in not_paid(&self.ours.journal, &reference) {
            let purse = PurseIntent::of(&intent).unwrap();
            let contradicts = ring.iter().any(|receipt| receipt.body == purse.receipt);
            prop_assert!(
                !contradicts || recorded || !outcome.alarms.is_empty(),
                "order {} is called not paid, card {index} has its receipt, and nobody was told: {outcome:?}",
                intent.order
            );
        }
        Ok(())
    }
}

/// The orders of a card that the journal calls not paid, under a transaction that no attempt has paid; and whether an alarm of a receipt
/// is written of them.
fn not_paid(journal: &MemoryJournal, card: &CardReference) -> Vec<(Intent, bool)> {
    let entries: Vec<Entry> = journal.entries().into_iter().map(|(_, entry)| entry).collect();
    let is_paid = |intent: &Intent| {
        entries.iter().any(|entry| {
            matches!(entry, Entry::Resolved { order, resolution: Resolution::Paid { .. }, .. } if *order == intent.order)
        })
    };
    let is_open = |intent: &Intent| {
        !entries.iter().any(|entry| {
            matches!(entry, Entry::Resolved { order, attempt, .. } if (*order, *attempt) == (intent.order, intent.attempt))
        })
    };
    let recorded = |intent: &Intent| {
        entries.iter().any(|entry| {
            matches!(entry, Entry::Alarm { order, alarm, .. } if *order == intent.order && alarm.kind == AlarmKind::Receipt)
        })
    };
    let intents = entries.iter().filter_map(|entry| match entry {
        Entry::Intent(intent) if intent.card == *card && !is_paid(intent) && !is_open(intent) => Some(intent.clone()),
        _ => None,
    });
    intents
        .map(|intent| {
            let known = recorded(&intent);
            (intent, known)
        })
        .collect()
}

fn histories() -> ProptestConfig {
    ProptestConfig { cases: if cfg!(debug_assertions) { 100 } else { 3_000 }, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn honest_cards_never_raise_an_alarm(steps in proptest::collection::vec(honest(), 1..25)) {
        let mut run = Run::new(true, None);
        for step in steps {
            run.step(step)?;
        }
    }

    #[test]
    fn what_the_journal_calls_not_paid_is_an_alarm_when_its_receipt_comes(
        steps in proptest::collection::vec(any_step(), 1..25)
    ) {
        let mut run = Run::new(false, None);
        for step in steps {
            run.step(step)?;
        }
    }
}

/// The property is one that can fail.
#[test]
fn a_terminal_that_does_not_compare_is_found() {
    let steps = proptest::collection::vec(any_step(), 1..25);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let found = runner.run(&steps, |steps| {
        let mut run = Run::new(false, Some(TerminalDefect::ContradictionsIgnored));
        steps.into_iter().try_for_each(|step| run.step(step))
    });
    let found = found.unwrap_err().to_string();
    assert!(found.contains("and nobody was told"), "{found}");
}
