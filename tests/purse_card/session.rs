//! Clause 5.

use untorn::card::Card;
use untorn::family::purse::data::{Role, ins};

use super::desk::*;

fn both() -> [Desk; 2] {
    [Desk::epc1(Role::Debit), Desk::epc2(0x63)]
}

/// REQ-SES-1, REQ-PIN-4
#[test]
fn req_ses_1_what_ends_a_session() {
    let profile = profile("default");
    for desk in both() {
        let mut card = card("default");
        for (what, end) in [
            (
                "reset",
                &(|card: &mut TestCard| {
                    card.reset().unwrap();
                    select(card);
                }) as &dyn Fn(&mut TestCard),
            ),
            ("SELECT", &|card| {
                select(card);
            }),
            ("another AUTH", &|card| assert_eq!(sw(card, &[&[0x80, 0x86, 1, 1, 24][..], &[0; 24]].concat()), 0x6982)),
        ] {
            let (mut session, _) = desk.open(&mut card, &profile).unwrap();
            assert_eq!(session.verify(&mut card, "1234"), 0x9000);
            end(&mut card);
            let command = session.protect(ins::TRANSACT, [0, 0], &order(1, &[debit(1, 1)]).emit());
            assert_eq!(sw(&mut card, &command), 0x6982, "{what}");
        }
        let (mut session, _) = desk.open(&mut card, &profile).unwrap();
        for count in 1..=255 {
            assert_eq!(session.send(&mut card, ins::READ, [0, 0], &[1, 1, 1]).1, 0x9000, "command {count}");
        }
        let command = session.protect(ins::READ, [0, 0], &[1, 1, 1]);
        assert_eq!(sw(&mut card, &command), 0x6982, "the 256th");
    }
}

/// REQ-SES-2: every bit of a protected command counts; so do order and repetition.
#[test]
fn req_ses_2_macs() {
    let profile = profile("epc1-only");
    let mut card = card("epc1-only");
    let (session, _) = Desk::epc1(Role::Debit).open(&mut card, &profile).unwrap();
    let snapshot = card.clone();
    let command = session.clone().protect(ins::TRANSACT, [0, 0], &order(1, &[debit(1, 100)]).emit());
    // CLA, INS, P1, P2 but for the channel bits, and all of the data.
    for bit in (2..32).chain(40..(command.len() - 1) * 8) {
        let (mut card, mut spoilt) = (snapshot.clone(), command.clone());
        spoilt[bit / 8] ^= 1 << (bit % 8);
        let (data, status) = exchange(&mut card, &spoilt);
        let expected = if bit < 8 { [0x6982, 0x6884, 0x6E00].contains(&status) } else { status == 0x6988 };
        assert!(expected && data.is_empty(), "bit {bit}: {status:04X}");
        assert_eq!(card.inspect(), snapshot.inspect(), "bit {bit}");
        if status == 0x6988 {
            assert_eq!(sw(&mut card, &command), 0x6982, "bit {bit}: the session has ended");
        }
    }
    for len in 0..8 {
        let mut card = snapshot.clone();
        let short = [&[0x84, ins::TRANSACT, 0, 0, len][..], &vec![0; len.into()]].concat();
        assert_eq!(sw(&mut card, &short), 0x6988, "{len} octets");
    }
    let mut card = snapshot.clone();
    assert_eq!(exchange(&mut card, &command).1, 0x9000);
    assert_eq!(sw(&mut card, &command), 0x6988, "replay inside the session");
    // Dropped: the second command without the first.
    let (mut card, mut ahead) = (snapshot.clone(), session.clone());
    ahead.protect(ins::READ, [0, 0], &[1, 1, 1]);
    ahead.counter += 1;
    let second = ahead.protect(ins::TRANSACT, [0, 0], &order(1, &[debit(1, 100)]).emit());
    assert_eq!(sw(&mut card, &second), 0x6988);
    // Right MAC, wrong padding.
    let mut card = snapshot;
    let ciphertext = [0xA5; 8];
    let mac = session.keys.command_mac(&session.chaining, [0x84, ins::TRANSACT, 0, 0], &ciphertext);
    let unpadded = [&[0x84, ins::TRANSACT, 0, 0, 16][..], &ciphertext, mac.as_bytes()].concat();
    assert_eq!(sw(&mut card, &unpadded), 0x6988);
}

/// REQ-SES-3: `send` checks each R-MAC; refusals of all kinds, and the session goes on.
#[test]
fn req_ses_3_refusals_are_authentic() {
    let profile = profile("default");
    for desk in both() {
        let mut card = card("default");
        let (mut session, _) = desk.open(&mut card, &profile).unwrap();
        for (ins, p, plaintext, expected) in [
            (0xFF, [0, 0], &[][..], 0x6D00),
            (ins::AUTH, [0, 0], &[], 0x6D00),
            (ins::TRANSACT, [0, 1], &[], 0x6A86),
            (ins::VERIFY, [0, 0], b"1234", 0x6A86),
            (ins::GET_RECEIPT, [2, 0], &[], 0x6A86),
            (ins::READ, [0, 0], &[1, 1], 0x6700),
            (ins::ACK, [0, 0], &[1; 15], 0x6700),
            (ins::GET_RECEIPT, [0, 1], &[1; 16], 0x6700),
            (ins::TRANSACT, [0, 0], &[], 0x6A80),
            (ins::VERIFY, [0, 1], b"123", 0x6700),
            (ins::VERIFY, [0, 1], b"12a4", 0x6A80),
            (ins::READ, [0, 0], &[1, 1, 1], 0x9000),
        ] {
            let (data, status) = session.send(&mut card, ins, p, plaintext);
            assert_eq!(status, expected, "{ins:02X} {p:?}");
            assert_eq!(data.len(), if status == 0x9000 { 16 } else { 0 });
        }
        assert_eq!(card.inspect().pin_tries, Some(3));
    }
}

/// REQ-SES-4, REQ-SES-5
#[test]
fn req_ses_4_and_5_rights() {
    let profile = profile("default");
    let mut card = card("default");
    let body = pay(&mut card, &profile, &Desk::epc1(Role::Debit), &[debit(1, 10)]).unwrap();
    let ttid = body.transaction.0;
    let (mut session, _) = Desk::epc2(0x02).at(*b"OTHER TT").open(&mut card, &profile).unwrap();
    assert_eq!(session.send(&mut card, ins::READ, [0, 0], &[1, 1, 1]).1, 0x6982, "no read");
    assert_eq!(session.send(&mut card, ins::GET_RECEIPT, [0, 0], &ttid).1, 0x6982, "no read");
    assert_eq!(session.send(&mut card, ins::ACK, [0, 0], &ttid).1, 0x6982, "another's, without collect");
    assert_eq!(session.verify(&mut card, "1234"), 0x9000, "the session goes on");
    let (mut session, _) = Desk::epc2(0x02).open(&mut card, &profile).unwrap();
    assert_eq!(session.send(&mut card, ins::ACK, [0, 0], &ttid).1, 0x9000, "its own");
    let (mut session, _) = Desk::epc1(Role::Read).open(&mut card, &profile).unwrap();
    assert_eq!(session.verify(&mut card, "0000"), 0x6982, "enquiries need no PIN");
    assert_eq!(card.inspect().pin_tries, Some(3), "and burn no tries");
    let (mut session, _) = Desk::epc1(Role::Debit).cards(&[2]).open(&mut card, &profile).unwrap();
    assert_eq!(session.send(&mut card, ins::READ, [0, 0], &[1, 1, 1]).1, 0x6982, "not in the list");
    assert_eq!(session.transact(&mut card, &order(2, &[debit(1, 1)])).err(), Some(0x6982));
    assert_eq!(session.transact(&mut card, &order(2, &[debit(2, 1), debit(3, 1)])).err(), Some(0x6982));
    assert!(session.transact(&mut card, &order(2, &[debit(2, 1)])).is_ok());
}

/// REQ-SES-6, and the records of STATE.
#[test]
fn req_ses_6_records_in_state() {
    let profile = profile("default");
    let mut card = card("default");
    for _ in 0..6 {
        pay(&mut card, &profile, &Desk::epc1(Role::Debit), &[debit(1, 10)]).unwrap();
    }
    let mut desk = Desk::epc2(0x0703).at(*b"OTHER TT").cards(&[1, 2, 3]);
    desk.options.unratified = true;
    desk.options.details = true;
    let (_, state) = desk.open(&mut card, &profile).unwrap();
    assert_eq!((state.unratified_count, state.unratified.len(), state.details.len()), (0, 0, 3));
    let mut collector = Desk::epc2(0x0723).at(*b"OTHER TT").cards(&[1, 2, 3]);
    collector.options = desk.options.clone();
    let (_, state) = collector.open(&mut card, &profile).unwrap();
    let counters: Vec<u32> = state.unratified.iter().map(|receipt| receipt.body.transaction_counter).collect();
    assert_eq!((state.unratified_count, counters), (6, vec![1, 2, 3, 4]));
    assert_eq!((state.details[0].balance, state.details[0].pin_limit), (17_020, 10_000));
    assert_eq!((state.details[2].id, state.details[2].counter, state.details[2].operator), (3, 10, 3));
    assert_eq!((state.flags, state.transaction_counter), (1, 6));
    assert_eq!(state.link, state.unratified.last().map(|_| card.inspect().link).unwrap());
}
