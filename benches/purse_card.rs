//! Payments a second against the virtual purse, the terminal's share of the arithmetic included; and torn runs.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a bench that cannot go on should stop")]
#![allow(dead_code, reason = "the desk serves the tests, too")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use untorn::card::Card;
use untorn::card::memory::{Cut, Torn};
use untorn::family::purse::data::{Role, ins};

#[path = "../tests/purse_card/desk.rs"]
mod desk;

use desk::{Desk, card_of, debit, order, pay, profile};

fn payments(criterion: &mut Criterion) {
    for (name, desk) in [("epc1-only", Desk::epc1(Role::Debit)), ("epc2-only", Desk::epc2(0x63))] {
        let mut profile = profile(name);
        (profile.logical_cards[0].balance, profile.logical_cards[0].maximum) = (u32::MAX, u32::MAX);
        let mut card = card_of(&profile);
        criterion.bench_function(&format!("payment, both sides, {name}"), |bencher| {
            bencher.iter(|| pay(&mut card, &profile, &desk, &[debit(1, 1)]).unwrap());
        });
        let mut card = card_of(&profile);
        criterion.bench_function(&format!("SELECT and AUTH, both sides, {name}"), |bencher| {
            bencher.iter(|| desk.open(&mut card, &profile).map(|_| ()));
        });
        let mut prepared = card_of(&profile);
        let (mut session, _) = desk.open(&mut prepared, &profile).unwrap();
        let command = session.protect(ins::TRANSACT, [0, 0], &order(1, &[debit(1, 100)]).emit());
        criterion.bench_function(&format!("TRANSACT, card only, {name}"), |bencher| {
            bencher.iter_batched_ref(
                || prepared.clone(),
                |card| black_box(card.process(&command)),
                BatchSize::SmallInput,
            );
        });
        criterion.bench_function(&format!("torn TRANSACT from a snapshot, recovered, inspected, {name}"), |bencher| {
            bencher.iter(|| {
                let mut card = prepared.clone();
                card.memory().arm(Cut { after_writes: 3, torn: Torn::Erased });
                card.process(&command);
                card.reset();
                black_box(card.inspect().transaction_counter)
            });
        });
    }
}

criterion_group!(benches, payments);
criterion_main!(benches);
