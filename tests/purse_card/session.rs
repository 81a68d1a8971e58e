//! Clause 5.

use untorn::crypto::{pad80, unpad80};
use untorn::family::purse::data::{Role, Suite, ins};
use untorn::family::purse::keys::epc1;

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

/// Every AUTH of both suites, short and extended, of 0 to 600 octets, alone and in parts: a wrong length answers 6700, and after it
/// neither the session nor the offer is left. What fits in length and is wrong answers 6982 and leaves as little.
#[test]
fn req_ses_1_an_auth_of_any_length_ends_session_and_offer() {
    let profile = profile("default");
    let mut card = card("default");
    for (desk, shortest) in [(Desk::epc1(Role::Debit), 24), (Desk::epc2(0x0163), 228)] {
        // Epc2 is slow: the lengths around the borders, and some between.
        let step = if desk.suite == Suite::Epc1 { 1 } else { 37 };
        let borders = [shortest - 1, shortest, 255, 256, 512, 513];
        let lengths: Vec<usize> = (0..600).step_by(step).chain(borders).collect();
        let (mut session, _) = desk.open(&mut card, &profile).unwrap();
        let alive = session.protect(ins::GET_RECEIPT, [0, 0], &[0xEE; 16]);
        let in_session = card.clone();
        let mut offering = in_session.clone();
        let r0 = select(&mut offering);
        let right = desk.auth_command(&desk.auth(&r0, &profile).0);
        for length in lengths {
            let expected = if (shortest..=512).contains(&length) { 0x6982 } else { 0x6700 };
            for command in [vec![desk.auth_command(&vec![0x5A; length])], in_parts(desk.header(), length)] {
                for (before, after) in [(&in_session, &alive), (&offering, &right)] {
                    let mut card = before.clone();
                    let mut answers = command.iter().map(|part| exchange(&mut card, part));
                    // The last part, or that at which the chain grows too long.
                    let last = answers.find(|answer| answer.1 != 0x9000);
                    assert_eq!(last, Some((vec![], expected)), "{} of {length} octets", desk.suite);
                    assert_eq!(exchange(&mut card, after), (vec![], 0x6982), "{} of {length} octets", desk.suite);
                }
            }
        }
    }
}

/// The same header with this much data, in parts of 200 octets.
fn in_parts([cla, ins, p1, p2]: [u8; 4], length: usize) -> Vec<Vec<u8>> {
    let mut left = length;
    let mut parts = Vec::new();
    loop {
        let part = left.min(200);
        left -= part;
        let cla = if left > 0 { cla | 0x10 } else { cla };
        let lc = u8::try_from(part).unwrap();
        let body = if part == 0 { vec![] } else { [&[lc][..], &vec![0x5A; part]].concat() };
        parts.push([&[cla, ins, p1, p2][..], &body].concat());
        if left == 0 {
            return parts;
        }
    }
}

/// An AUTH that is none leaves both: another P1, and a chain that another command drops.
#[test]
fn req_ses_1_what_is_no_auth_ends_nothing() {
    let profile = profile("epc1-only");
    let mut card = card("epc1-only");
    let desk = Desk::epc1(Role::Debit);
    for none in
        [vec![0x80, ins::AUTH, 0x02, 0x01], vec![0x80, ins::AUTH, 0x01], vec![0x80, ins::AUTH, 0x01, 0x01, 2, 0]]
    {
        let (mut session, _) = desk.open(&mut card, &profile).unwrap();
        sw(&mut card, &none);
        assert_eq!(session.verify(&mut card, "0000"), 0x63C2, "{none:02X?}");
        assert_eq!(session.verify(&mut card, "1234"), 0x9000, "{none:02X?}");
        let r0 = select(&mut card);
        let right = desk.auth_command(&desk.auth(&r0, &profile).0);
        sw(&mut card, &none);
        assert_eq!(sw(&mut card, &right), 0x9000, "{none:02X?}");
    }
}

/// REQ-SES-2: a padding begins in the last block, or the command is refused.
#[test]
fn req_ses_2_a_padding_begins_in_the_last_block() {
    for (name, desk) in [("epc1-only", Desk::epc1(Role::Debit)), ("epc2-only", Desk::epc2(0x0163))] {
        let profile = profile(name);
        let mut card = card(name);
        let (session, _) = desk.open(&mut card, &profile).unwrap();
        let snapshot = card.clone();
        let block = session.keys.block_len();
        for message_len in 0..=2 * block {
            let message = vec![0xEE; message_len];
            for blocks in 1..=4 {
                let len = blocks * block;
                // 80 and zeros, all zeros, 80 and no zeros.
                for (first, rest) in [(0x80, 0x00), (0x00, 0x00), (0x80, 0x01)] {
                    if message_len >= len {
                        continue;
                    }
                    let mut padded = message.clone();
                    padded.push(first);
                    padded.resize(len, rest);
                    // In the last block, 80 and nothing but zeros behind it.
                    let end = len - padded.iter().rev().take_while(|octet| **octet == 0).count();
                    let is_right = end > len - block && padded[end - 1] == 0x80;
                    let header = [0x84, ins::GET_RECEIPT, 0, 0];
                    let ciphertext = session.keys.encipher_padded_command(1, &padded).unwrap();
                    let mac = session.keys.command_mac(&session.chaining, header, &ciphertext);
                    let lc = u8::try_from(ciphertext.len() + mac.as_bytes().len()).unwrap();
                    let mut card = snapshot.clone();
                    let status = sw(&mut card, &[&header[..], &[lc], &ciphertext, mac.as_bytes(), &[0]].concat());
                    let what = format!("{name}: {message_len} octets in {blocks} blocks, {first:02X} {rest:02X}");
                    assert_eq!(status == 0x6988, !is_right, "{what}: {status:04X}");
                }
            }
        }
    }
}

/// The terminal's side of STATE refuses it too: C3 with a right tag over padding that is too long.
#[test]
fn state_with_too_much_padding_is_refused() {
    let profile = profile("epc1-only");
    let mut card = card("epc1-only");
    let (session, _) = Desk::epc1(Role::Debit).open(&mut card, &profile).unwrap();
    let c3 = epc1::encipher_state(&session.keys, b"state");
    assert_eq!(epc1::decipher_state(&session.keys, &c3).as_deref(), Some(&b"state"[..]));
    for len in 0..40 {
        for block in [8, 16] {
            let message = vec![0x80; len];
            let right = pad80(&message, block);
            assert_eq!(unpad80(&right, block), Some(&message[..]));
            for spare in 1..=3 {
                let mut long = right.clone();
                long.resize(right.len() + spare * block, 0);
                assert_eq!(unpad80(&long, block), None, "{len} octets, {spare} blocks of {block} too many");
            }
        }
    }
}
