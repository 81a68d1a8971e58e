//! Clause 5.

use untorn::family::purse::data::{Role, ins};

use super::desk::*;

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
