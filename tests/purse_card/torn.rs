//! REQ-TRX-1, REQ-TRX-3, REQ-TRX-6, REQ-TRX-8, REQ-PIN-2: power lost at every memory write, in every mode, and again at every
//! write of the recovery.

use untorn::card::memory::{Cut, Torn};
use untorn::card::{Answer, Card};
use untorn::family::purse::card::inspection::Inspection;
use untorn::family::purse::data::transact::Operation;
use untorn::family::purse::data::{Role, ins};
use untorn::family::purse::profile::PurseProfile;

use super::desk::*;

fn modes(seeds: u64) -> Vec<Torn> {
    let mut modes = vec![Torn::Nothing, Torn::All, Torn::Erased];
    modes.extend([1, 2, 3, 4, 5, 6, 7, 8, 13, 31, 32, 33, 64, 100].map(Torn::Prefix));
    modes.extend((0..seeds).map(Torn::Random));
    modes.extend((0..seeds).map(Torn::Unstable));
    modes
}

/// What holds for any state of a card: the ring's receipts are a chain that ends in LINK, and TC is that of the newest.
fn assert_consistent(state: &Inspection) {
    for pair in state.ring.windows(2) {
        if pair[1].body.transaction_counter == pair[0].body.transaction_counter + 1 {
            assert_eq!(pair[1].body.previous_link, pair[0].body.link());
        }
    }
    if let Some(last) = state.ring.last() {
        assert_eq!(last.body.transaction_counter, state.transaction_counter);
        assert_eq!((last.body.link(), last.body.transaction), (state.link, state.last_transaction));
    }
}

/// Runs `command` on the prepared card with every tear; returns how many torn runs there were.
fn explore(prepared: &TestCard, command: &[u8]) -> u64 {
    let before = prepared.inspect();
    let mut whole = prepared.clone();
    let begun = whole.memory().writes();
    assert!(matches!(whole.process(command), Answer::Response(answer) if answer.ends_with(&[0x90, 0x00])));
    let writes = whole.memory().writes() - begun;
    let after = whole.inspect();
    assert_ne!(before, after);
    assert!(writes >= 4, "{writes} writes");
    let judge = |card: &mut TestCard, committed: bool, what: &dyn Fn() -> String| {
        let state = card.inspect();
        assert!(state == before || state == after, "neither before nor after: {}", what());
        assert!(!committed || state == after, "committed and undone: {}", what());
        assert_consistent(&state);
        card.reset().unwrap();
        assert_eq!(card.inspect(), state, "decided twice: {}", what());
        state == after
    };
    let (mut runs, mut kept) = (0, 0_u64);
    for after_writes in 0..writes {
        for torn in modes(6) {
            let mut cut = prepared.clone();
            cut.memory().arm(Cut { after_writes, torn });
            assert_eq!(cut.process(command), Answer::Mute);
            assert_eq!(cut.process(&SELECT), Answer::Mute, "mute until reset");
            // Journal, flag, then the values: from the third write on the commit point lies behind.
            let committed = after_writes >= 2;
            let mut once = cut.clone();
            let begun = once.memory().writes();
            once.reset().unwrap();
            let recovery = once.memory().writes() - begun;
            kept += u64::from(judge(&mut once, committed, &|| format!("{torn:?} at {after_writes}")));
            runs += 1;
            for nested_after in 0..recovery {
                for nested in modes(2) {
                    let mut twice = cut.clone();
                    twice.memory().arm(Cut { after_writes: nested_after, torn: nested });
                    assert_eq!(twice.reset(), None);
                    twice.reset().unwrap();
                    judge(&mut twice, committed, &|| {
                        format!("{torn:?} at {after_writes}, then {nested:?} at {nested_after}")
                    });
                    runs += 1;
                }
            }
        }
    }
    assert!(kept > 0 && kept < runs, "both outcomes are seen");
    runs
}

fn explore_order(profile: &PurseProfile, prepared: &mut TestCard, desk: &Desk, operations: &[Operation]) {
    let (mut session, state) = desk.open(prepared, profile).unwrap();
    let order = order(state.transaction_counter + 1, operations);
    let runs = explore(prepared, &session.protect(ins::TRANSACT, [0, 0], &order.emit()));
    println!("{runs} torn runs of {operations:?}");
}

/// Twelve payments: the ring is full and a new receipt falls on an old one.
fn used(profile: &PurseProfile) -> TestCard {
    let mut card = card_of(profile);
    for _ in 0..12 {
        pay(&mut card, profile, &Desk::epc1(Role::Debit), &[debit(1, 10)]).unwrap();
    }
    card
}

#[test]
fn debit_is_before_or_after() {
    let profile = profile("epc1-only");
    explore_order(&profile, &mut card_of(&profile), &Desk::epc1(Role::Debit), &[debit(1, 100)]);
}

#[test]
fn debit_over_a_full_ring_is_before_or_after() {
    let profile = profile("epc1-only");
    explore_order(&profile, &mut used(&profile), &Desk::epc1(Role::Debit), &[debit(1, 100)]);
}

#[test]
fn order_over_three_logical_cards_is_before_or_after() {
    let profile = profile("default");
    let operations = [
        debit(1, 100),
        Operation::Count { logical_card: 3, up: false, number: 1 },
        Operation::AppendRecord { logical_card: 3, data: [0x5A; 16] },
        Operation::WriteRecord { logical_card: 1, record: 1, data: [0xA5; 16] },
        debit(2, 20),
        debit(3, 30),
    ];
    explore_order(&profile, &mut used(&profile), &Desk::epc1(Role::Debit).cards(&[1, 2, 3]), &operations);
}

#[test]
fn refund_and_credit_are_before_or_after() {
    let profile = profile("epc1-only");
    let mut card = used(&profile);
    let operations = [refund(1, 4, ttid(12)), refund(1, 3, ttid(11))];
    explore_order(&profile, &mut card, &Desk::epc1(Role::Refund), &operations);
    explore_order(&profile, &mut card, &Desk::epc1(Role::Credit), &[credit(1, 500)]);
}

#[test]
fn acknowledgement_is_before_or_after() {
    let profile = profile("epc1-only");
    let mut card = used(&profile);
    let (mut session, _) = Desk::epc1(Role::Debit).open(&mut card, &profile).unwrap();
    explore(&card, &session.protect(ins::ACK, [0, 0], &ttid(9).0));
}

/// The largest order that there is fits into the journal.
#[test]
fn the_largest_order_fits() {
    let mut profile = profile("default");
    profile.logical_cards.truncate(1);
    profile.logical_cards[0].linear_records = 8;
    profile.logical_cards[0].cyclic_records = 8;
    let mut card = card_of(&profile);
    let append = |octet| Operation::AppendRecord { logical_card: 1, data: [octet; 16] };
    let write = |record| Operation::WriteRecord { logical_card: 1, record, data: [record; 16] };
    // Eight records with their headers are more than one Lc; six fill it, none touching the next.
    let operations = [append(1), write(2), write(4), write(6), write(8), debit(1, 5)];
    let body = pay(&mut card, &profile, &Desk::epc1(Role::Debit), &operations).unwrap();
    assert_eq!(body.amount, 5);
}

/// REQ-PIN-2: wrong PINs with a tear at each, until the card is blocked, never get more answers than tries.
#[test]
fn req_pin_2_no_tear_gives_a_guess() {
    let profile = profile("epc1-only");
    let desk = Desk::epc1(Role::Debit);
    let guess = |card: &mut TestCard| {
        card.reset().unwrap();
        let (mut session, _) = desk.open(card, &profile).unwrap();
        session.verify(card, "0000")
    };
    for torn in modes(8) {
        for pattern in 0_u32..16 {
            let mut card = card("epc1-only");
            let (mut compared, mut torn_tries) = (0, 0);
            for step in 0..12 {
                if pattern >> (step % 4) & 1 == 1 && torn_tries < 6 {
                    card.reset().unwrap();
                    let (mut session, _) = desk.open(&mut card, &profile).unwrap();
                    let command = session.protect(ins::VERIFY, [0, 1], b"0000");
                    card.memory().arm(Cut { after_writes: 0, torn });
                    if card.process(&command) == Answer::Mute {
                        torn_tries += 1;
                    }
                    card.memory().disarm();
                } else if guess(&mut card) != 0x6983 {
                    compared += 1;
                }
            }
            assert!(compared <= 3, "{compared} guesses: {torn:?} {pattern:04b}");
            assert!(compared + torn_tries >= 3, "a torn try cost more than one: {torn:?} {pattern:04b}");
        }
    }
}

/// A right PIN whose restoring write is torn costs one try at most.
#[test]
fn req_pin_2_a_torn_success() {
    let profile = profile("epc1-only");
    for torn in modes(8) {
        for after_writes in 0..2 {
            let mut card = card("epc1-only");
            let (mut session, _) = Desk::epc1(Role::Debit).open(&mut card, &profile).unwrap();
            let command = session.protect(ins::VERIFY, [0, 1], b"1234");
            card.memory().arm(Cut { after_writes, torn });
            assert_eq!(card.process(&command), Answer::Mute);
            card.reset().unwrap();
            assert!(card.inspect().pin_tries >= Some(2), "{torn:?} at {after_writes}");
        }
    }
}
