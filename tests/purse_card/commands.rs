//! Clause 1.

use proptest::prelude::*;
use untorn::card::{Answer, Card};
use untorn::family::purse::data::{Role, ins};

use super::desk::*;

#[test]
fn answer_to_reset_is_one() {
    let atr = card("default").reset().unwrap();
    assert_eq!(atr[..6], [0x3B, 0x8C, 0x81, 0x31, 0xFE, 0x45]);
    assert_eq!(atr.len(), 6 + 12 + 1);
    assert_eq!(atr[1..].iter().fold(0, |check, octet| check ^ octet), 0, "TCK");
}

/// REQ-CMD-1. Each twin differs in the one thing that is wrong; what stands further left wins.
#[test]
fn req_cmd_1_precedence() {
    let mut card = card("default");
    select(&mut card);
    for (command, expected) in [
        (&[0xA0, 0xFF, 0xFF, 0xFF, 0x05][..], 0x6E00),
        (&[0x20, 0xA4, 0x04, 0x00, 0x00], 0x6E00),
        (&[0xFF, 0xA4, 0x04, 0x00, 0x00], 0x6E00),
        (&[0x0C, 0xA4, 0x04, 0x00, 0x00], 0x6E00),
        (&[0x88, 0x86, 0x01, 0x01, 0x00], 0x6E00),
        (&[0x00, 0xFF, 0xFF, 0xFF, 0x05], 0x6D00),
        (&[0x80, 0xFF, 0xFF, 0xFF, 0x05], 0x6D00),
        (&[0x80, 0xA4, 0x04, 0x00, 0x00], 0x6D00),
        (&[0x84, 0x86, 0x01, 0x01, 0x00], 0x6D00),
        (&[0x00, 0xA4, 0x04, 0x0C, 0x05], 0x6A86),
        (&[0x00, 0xA4, 0x00, 0x00, 0x05], 0x6A86),
        (&[0x80, 0x86, 0x00, 0x01, 0x05], 0x6A86),
        (&[0x80, 0x86, 0x03, 0x01, 0x05], 0x6A86),
        (&[0x00, 0xCA, 0x01, 0x02, 0x00], 0x6A86),
        (&[0x00, 0x70, 0x80, 0x00], 0x6A86),
        (&[0x00, 0x70, 0x80, 0x04], 0x6A86),
        (&[0x00, 0xA4, 0x04, 0x00, 0x05, 0xF0], 0x6700),
        (&[0x00, 0xA4, 0x04, 0x00, 0x01, 0xF0, 0x00, 0x00], 0x6700),
        (&[0x00, 0xA4, 0x04, 0x00, 0x00], 0x6700),
        (&[0x00, 0xA4], 0x6700),
        (&[], 0x6700),
        (&[0x80, 0x86, 0x01, 0x01, 0x01, 0x00], 0x6700),
        (&[0x00, 0xCA, 0x01, 0x00, 0x01, 0x00, 0x00], 0x6700),
        (&[0x00, 0xA4, 0x04, 0x00, 0x05, 1, 2, 3, 4, 5], 0x6A82),
    ] {
        assert_eq!(sw(&mut card, command), expected, "{command:02X?}");
    }
    for ins in (0..=u8::MAX).filter(|ins| ![0x70, 0xA4, 0xC0, 0xCA].contains(ins)) {
        assert_eq!(sw(&mut card, &[0x00, ins, 0, 0]), 0x6D00, "{ins:02X}");
    }
    assert_eq!(sw(&mut card, &SELECT), 0x9000);
}

#[test]
fn without_selection_only_the_chip_answers() {
    let mut card = card("default");
    assert_eq!(sw(&mut card, &[0x80, 0x86, 0x01, 0x01]), 0x6E00);
    assert_eq!(sw(&mut card, &[0x00, 0xCA, 0x01, 0x00, 0x00]), 0x6D00);
}

/// REQ-CMD-2
#[test]
fn req_cmd_2_long_answers() {
    let mut card = card("default");
    select(&mut card);
    let about = [0x00, 0xCA, 0x01, 0x00];
    let whole = exchange(&mut card, &[&about[..], &[0x00]].concat());
    assert_eq!((whole.0.len(), whole.1), (256, 0x9000), "Le 00 is 256");
    assert_eq!(exchange(&mut card, &[&about[..], &[0, 0, 0]].concat()), whole, "extended Le 0000 is 65536");
    assert_eq!(exchange(&mut card, &[&about[..], &[0, 1, 0]].concat()), whole);

    let (mut pieces, status) = exchange(&mut card, &[&about[..], &[0x64]].concat());
    assert_eq!((pieces.len(), status), (100, 0x619C));
    let (more, status) = exchange(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x32]);
    assert_eq!((more.len(), status), (50, 0x616A));
    pieces.extend(more);
    let (more, status) = exchange(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x00]);
    assert_eq!(status, 0x9000);
    pieces.extend(more);
    assert_eq!(pieces, whole.0);
    assert_eq!(sw(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x00]), 0x6985, "nothing is left");

    let long: Vec<u8> = (0..600_usize).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let (mut pieces, status) = exchange(&mut card, &[0x00, 0xCA, 0x01, 0x01, 0x00]);
    assert_eq!((pieces.len(), status), (256, 0x6100), "344 octets are 256 or more");
    let (more, status) = exchange(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x00]);
    assert_eq!(status, 0x6158);
    pieces.extend(more);
    pieces.extend(exchange(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x00]).0);
    assert_eq!(pieces, long);

    exchange(&mut card, &[0x00, 0xCA, 0x01, 0x01, 0x00]);
    assert_eq!(sw(&mut card, &[0x00, 0xFF, 0x00, 0x00]), 0x6D00);
    assert_eq!(sw(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x00]), 0x6985, "any other command drops it");
    assert_eq!(exchange(&mut card, &SELECT[..14]).1 >> 8, 0x61, "no Le, no data");
    assert_eq!(exchange(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x00]).1, 0x9000);
}

/// REQ-CMD-5: channels.
#[test]
fn req_cmd_5_channels() {
    let profile = profile("default");
    let mut card = card("default");
    select(&mut card);
    for channel in 1..4 {
        assert_eq!(sw(&mut card, &[channel, 0xA4, 0x04, 0x00]), 0x6881);
        assert_eq!(exchange(&mut card, &[0x00, 0x70, 0x00, 0x00, 0x01]), (vec![channel], 0x9000));
        assert_eq!(sw(&mut card, &[0x80 | channel, 0x86, 0x01, 0x01]), 0x6E00, "nothing is selected there");
    }
    assert_eq!(sw(&mut card, &[0x00, 0x70, 0x00, 0x00, 0x01]), 0x6A81);
    let mut on_two = SELECT;
    on_two[0] = 2;
    let (r0, _) = exchange(&mut card, &on_two);
    let desk = Desk::epc1(Role::Debit);
    let (data, waiting) = desk.auth(&r0, &profile);
    let mut command = desk.auth_command(&data);
    command[0] |= 2;
    let (answer, status) = exchange(&mut card, &command);
    assert_eq!(status, 0x9000, "the tag's header has no channel bits");
    let (mut session, _) = waiting.open(&answer);
    session.channel = 2;
    let elsewhere = {
        let mut other = session.clone();
        other.channel = 0;
        other.protect(ins::VERIFY, [0, 1], b"1234")
    };
    assert_eq!(sw(&mut card, &elsewhere), 0x6982, "no session on channel 0");
    assert_eq!(session.verify(&mut card, "1234"), 0x9000);
    assert_eq!(sw(&mut card, &[0x00, 0x70, 0x80, 0x02]), 0x9000);
    assert_eq!(sw(&mut card, &[0x00, 0x70, 0x80, 0x02]), 0x6881);
    assert_eq!(sw(&mut card, &[0x00, 0x70, 0x00, 0x00, 0x01]), 0x9000);
    assert_eq!(sw(&mut card, &on_two), 0x9000);
    let command = session.protect(ins::VERIFY, [0, 1], b"1234");
    assert_eq!(sw(&mut card, &command), 0x6982, "closing the channel ended it");
}

fn chained(header: [u8; 4], data: &[u8], len: usize) -> Vec<Vec<u8>> {
    let count = data.len().div_ceil(len);
    let part = |(index, part): (usize, &[u8])| {
        let more = if index + 1 < count { 0x10 } else { 0 };
        [&[header[0] | more, header[1], header[2], header[3], u8::try_from(part.len()).unwrap()], part].concat()
    };
    data.chunks(len).enumerate().map(part).collect()
}

/// REQ-CMD-5: chaining.
#[test]
fn req_cmd_5_chaining() {
    let profile = profile("default");
    let mut card = card("default");
    let desk = Desk::epc2(0x03);
    for len in [1, 100, 227] {
        let r0 = select(&mut card);
        let (data, _) = desk.auth(&r0, &profile);
        let parts = chained(desk.header(), &data, len);
        let (last, first) = parts.split_last().unwrap();
        for part in first {
            assert_eq!(sw(&mut card, part), 0x9000);
        }
        assert_eq!(sw(&mut card, last) >> 8, 0x61);
    }
    let r0 = select(&mut card);
    let (data, _) = desk.auth(&r0, &profile);
    let parts = chained(desk.header(), &data, 200);
    assert_eq!(sw(&mut card, &parts[0]), 0x9000);
    assert_eq!(sw(&mut card, &SELECT), 0x6883, "foreign, and not executed");
    // Alone the last part is an AUTH of a wrong length, and uses up the offer.
    assert_eq!(sw(&mut card.clone(), &parts[1]), 0x6700, "the chain is gone");
    let whole = [&desk.header()[..], &[228], &data, &[0]].concat();
    assert_eq!(sw(&mut card, &whole), 0x9000, "the SELECT inside the chain drew no new nonce");

    select(&mut card);
    let part = [&[0x90, 0x86, 0x02, 0x00, 0xFF][..], &[0; 255]].concat();
    assert_eq!([sw(&mut card, &part), sw(&mut card, &part), sw(&mut card, &part)], [0x9000, 0x9000, 0x6700]);
    assert_eq!(sw(&mut card, &[0x10, 0xA4, 0x04, 0x00, 0x01, 0x00]), 0x6884);
    assert_eq!(sw(&mut card, &[0x10, 0xCA, 0x01, 0x00, 0x00]), 0x6884);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the octets: no panic, no value moved; with a session open, too.
    #[test]
    fn random_octets_move_nothing(
        commands in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..20),
        known in proptest::collection::vec((0_usize..10, any::<[u8; 2]>(), proptest::collection::vec(any::<u8>(), 0..80)), 1..20),
        open: bool,
    ) {
        let profile = profile("epc1-only");
        let mut card = card("epc1-only");
        if open {
            Desk::epc1(Role::Debit).open(&mut card, &profile).unwrap();
        }
        let before = card.inspect();
        for command in commands {
            prop_assert!(matches!(card.process(&command), Answer::Response(answer) if answer.len() >= 2));
        }
        for (index, p, data) in known {
            let (cla, ins) = [
                (0x00, 0xA4), (0x00, 0x70), (0x00, 0xC0), (0x00, 0xCA), (0x80, 0x86),
                (0x90, 0x86), (0x84, 0xD8), (0x84, 0x20), (0x84, 0xDA), (0x84, 0xFF),
            ][index];
            let p = if p[0] & 1 == 0 { p } else { [u8::from(ins == 0x86), 0] };
            let lc = u8::try_from(data.len()).unwrap();
            card.process(&[&[cla, ins, p[0], p[1], lc][..], &data].concat());
        }
        prop_assert_eq!(card.inspect(), before);
    }
}
