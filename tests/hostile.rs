//! Random octets as a card to the terminal and as a terminal to the card: neither panics nor moves value.
//!
//! A million inputs in release, twenty thousand otherwise. Input `n` of a run depends on `n` alone: a failure names it, and
//! `UNTORN_HOSTILE=n cargo test --release --test hostile` repeats just that one.

#![allow(clippy::unwrap_used, reason = "a setting that cannot be made should stop the test")]

use untorn::card::{Answer, Card};
use untorn::entropy::{Entropy, SeededEntropy};
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::data::{Role, Suite, TerminalId};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::kernel::PurseKernel;
use untorn::family::purse::kernel::sam::{Grant, SoftSam};
use untorn::family::purse::profile::PurseProfile;
use untorn::journal::Journal;
use untorn::journal::memory::MemoryJournal;
use untorn::journal::record::{OrderKind, OrderNumber};
use untorn::money::{Currency, Money};
use untorn::terminal::kernel::{Draft, Finding, Input, Kernel, Step, Task};
use untorn::time::Moment;
use untorn::wire::apdu::Command;

const INPUTS: u64 = if cfg!(debug_assertions) { 10_000 } else { 500_000 };
const NOW: Moment = Moment::from_seconds(1_701_224_448);

fn card(suite: Suite) -> PurseCard<SeededEntropy> {
    let profile = PurseProfile::built_in("default").unwrap().with_suites(&[suite]);
    let mut card = PurseCard::personalise(&profile, &Scheme::test(), SeededEntropy::new(1)).unwrap();
    card.reset().unwrap();
    card
}

fn module(suite: Suite) -> SoftSam {
    let grant = Grant { roles: vec![Role::Debit, Role::Read], logical_cards: vec![(1, 1)] };
    SoftSam::new(&Scheme::test(), TerminalId(*b"HOSTILE1"), Some(suite), &grant).unwrap()
}

fn answer(card: &mut PurseCard<SeededEntropy>, command: &[u8]) -> Vec<u8> {
    match card.process(command) {
        Answer::Response(octets) => octets,
        Answer::Mute => panic!("the card is mute without reason"),
    }
}

fn command(step: Step) -> Vec<u8> {
    match step {
        Step::Send(command) => command.octets().to_vec(),
        step => panic!("no command but {step:?}"),
    }
}

/// An honest payment as far as TRANSACT: the commands in order, and the card before each of them.
fn honest(suite: Suite) -> Vec<(PurseCard<SeededEntropy>, Vec<u8>)> {
    let (mut card, mut entropy) = (card(suite), SeededEntropy::new(2));
    let mut kernel = PurseKernel::new(Box::new(module(suite)), vec![1]);
    let mut stages = Vec::new();
    let mut step = kernel.begin(Task::Open { purpose: Some(OrderKind::Sale) }, NOW, &mut entropy);
    for _ in 0..2 {
        let octets = command(step);
        stages.push((card.clone(), octets.clone()));
        step = kernel.resume(Input::Answer(&answer(&mut card, &octets)), NOW, &mut entropy);
    }
    assert!(matches!(step, Step::Done(Finding::Opened(_))), "{step:?}");
    let octets = command(execute(&mut kernel, &mut entropy));
    stages.push((card.clone(), octets.clone()));
    assert!(answer(&mut card, &octets).ends_with(&[0x90, 0x00]), "the honest order is done");
    stages
}

fn execute(kernel: &mut PurseKernel, entropy: &mut SeededEntropy) -> Step {
    let amount = Money::new(100, Currency::JPY);
    let draft =
        Draft { order: OrderNumber(1), attempt: 1, kind: OrderKind::Sale, amount, refund_of: None, previous: None };
    let Step::Commit(intent) = kernel.begin(Task::Order(draft), NOW, entropy) else { panic!("no order was prepared") };
    let committed = MemoryJournal::default().commit(*intent, NOW).unwrap();
    kernel.resume(Input::Committed(committed), NOW, entropy)
}

/// Pure noise, or an honest message with octets changed, cut off, added or repeated.
fn hostile(honest: &[u8], entropy: &mut SeededEntropy) -> Vec<u8> {
    let mut dice = [0; 4];
    entropy.fill(&mut dice);
    let position = usize::from(dice[1]) % honest.len().max(1);
    let mut octets = honest.to_vec();
    match dice[0] % 6 {
        0 => {
            octets = vec![0; usize::from(dice[1])];
            entropy.fill(&mut octets);
        }
        1 => octets[position] ^= dice[2].max(1),
        2 => octets.truncate(position),
        3 => octets.insert(position, dice[2]),
        4 => octets[position..].iter_mut().for_each(|octet| *octet ^= dice[3].max(1)),
        _ => octets.extend_from_slice(&honest[position..]),
    }
    octets
}

/// Runs `check` for every input, or for the one that the environment names.
fn each_input(check: impl Fn(u64)) {
    match std::env::var("UNTORN_HOSTILE").ok().and_then(|text| text.parse().ok()) {
        Some(only) => check(only),
        None => (0..INPUTS).for_each(check),
    }
    println!("{INPUTS} inputs");
}

#[test]
fn a_hostile_terminal_moves_no_value() {
    let suites = [honest(Suite::Epc1), honest(Suite::Epc2)];
    let before = suites[0][0].0.inspect();
    each_input(|input| {
        let mut entropy = SeededEntropy::new(input);
        // EPC2 costs fifty times as much; one input in sixty-four is enough to show it.
        let stages = &suites[usize::from(input % 64 == 0)];
        let (card, octets) = &stages[usize::try_from(input).unwrap() % stages.len()];
        let octets_sent = hostile(octets, &mut entropy);
        // Le says how much answer is wanted and lies under no MAC: with another Le it is the same order.
        let ordered =
            |octets: &[u8]| Command::parse(octets).ok().map(|command| (command.header(), command.data.to_vec()));
        if ordered(&octets_sent) == ordered(octets) {
            return;
        }
        let mut card = card.clone();
        let answer = card.process(&octets_sent);
        assert!(matches!(&answer, Answer::Response(octets) if octets.len() >= 2), "input {input}: {answer:?}");
        // A failed AUTH is counted, durably; nothing else may be another.
        let same = card.memory_ref().image() == stages[0].0.memory_ref().image() || card.inspect() == before;
        assert!(same, "input {input} changed the card: {octets_sent:02X?}");
    });
    assert_eq!(suites[0][0].0.inspect(), before);
}

#[test]
fn a_hostile_card_proves_nothing() {
    let suites = [Suite::Epc1, Suite::Epc2];
    let modules = suites.map(module);
    let cards = suites.map(card);
    each_input(|input| {
        let which = usize::from(input % 64 == 0);
        let mut entropy = SeededEntropy::new(input);
        let mut kernel = PurseKernel::new(Box::new(modules[which].restarted()), vec![1]);
        let mut card = cards[which].clone();
        let lies_at = input % 3;
        let mut step = kernel.begin(Task::Open { purpose: Some(OrderKind::Sale) }, NOW, &mut entropy);
        for stage in 0..3 {
            if stage == 2 {
                step = execute(&mut kernel, &mut entropy);
            }
            let truth = answer(&mut card, &command(step));
            let lie = hostile(&truth, &mut entropy);
            let said = if stage == lies_at { &lie } else { &truth };
            if stage == lies_at && lie == truth {
                return;
            }
            step = kernel.resume(Input::Answer(said), NOW, &mut entropy);
            if stage == lies_at {
                break;
            }
        }
        // A changed R0 may still be read, and AUTH be sent; the card will refuse that. Nothing else goes on.
        let goes_on = lies_at == 0 && matches!(step, Step::Send(_));
        let refused = matches!(step, Step::Done(Finding::NotOurs(_) | Finding::Broken(_)));
        assert!(goes_on || refused, "input {input} told at stage {lies_at} was believed: {step:?}");
    });
}
