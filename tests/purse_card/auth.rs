//! Clauses 3 and 4.

use untorn::card::Card;
use untorn::crypto::ec::PrivateKey;
use untorn::entropy::SeededEntropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::data::session::{Certificate, Subject};
use untorn::family::purse::data::{Rights, Role};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::profile::PurseProfile;

use super::desk::*;

/// REQ-AU1-1, REQ-AU1-2: every bit of AUTH counts, and every failure looks the same.
#[test]
fn req_au1_1_every_bit_counts() {
    let profile = profile("epc1-only");
    let mut card = card("epc1-only");
    let mut desk = Desk::epc1(Role::Debit);
    desk.options.details = true;
    for bit in 0..27 * 8 {
        let r0 = select(&mut card);
        let (mut data, _) = desk.auth(&r0, &profile);
        assert_eq!(data.len(), 27);
        data[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(exchange(&mut card, &desk.auth_command(&data)), (vec![], 0x6982), "bit {bit}");
    }
    assert!(desk.open(&mut card, &profile).is_ok());
}

/// REQ-AU1-2: version, role, list; a growing delay, never the end of the card.
#[test]
fn req_au1_2_failures() {
    let profile = profile("default");
    let mut card = card("default");
    let desk = Desk::epc1(Role::Debit);
    let mut delays = Vec::new();
    for reference in [0x00, 0x02, 0x0F, 0x11, 0x51, 0xF1] {
        let r0 = select(&mut card);
        let mut command = desk.auth_command(&desk.auth(&r0, &profile).0);
        command[3] = reference;
        assert_eq!(sw(&mut card, &command), 0x6982, "reference {reference:02X}");
        delays.push(card.delay_ms());
    }
    assert_eq!(delays, [100, 200, 400, 800, 1600, 3200]);
    for list in [&[4][..], &[1, 4]] {
        assert_eq!(desk.clone().cards(list).open(&mut card, &profile).map(|_| ()).err(), Some(0x6982), "{list:?}");
    }
    for opts in
        [&[0x90, 0x02, 0x02, 0x01][..], &[0x90, 0x00], &[0x90, 0x01, 0x09], &[0x90, 0x01, 1, 0x90, 0x01, 1], &[0x90]]
    {
        let r0 = select(&mut card);
        let (data, _) = desk.auth(&r0, &profile);
        let data = [&data[..16], opts, &data[16..]].concat();
        assert_eq!(sw(&mut card, &desk.auth_command(&data)), 0x6982, "{opts:02X?}");
    }
    for _ in 0..100 {
        sw(&mut card, &desk.auth_command(&[0; 24]));
    }
    assert_eq!(card.delay_ms(), 6400);
    let writes = card.memory().writes();
    sw(&mut card, &desk.auth_command(&[0; 24]));
    assert_eq!(card.memory().writes(), writes, "nobody wears the memory out");
    // A delay that a reset took away would stop nobody.
    card.power_off();
    card.reset().unwrap();
    select(&mut card);
    assert_eq!(card.delay_ms(), 6400);
    assert!(desk.open(&mut card, &profile).is_ok());
    assert_eq!(card.delay_ms(), 0);
    card.reset().unwrap();
    assert_eq!(card.delay_ms(), 0);
}

/// REQ-AU1-3: the profile refuses them by name (`profile.rs`), the derivation too.
#[test]
fn req_au1_3_weak_keys_make_no_card() {
    let mut profile = profile("vector");
    profile.keys.receipt = Some(untorn::secret::Secret::new([0x5A; 16]));
    assert!(PurseCard::personalise(&profile, &Scheme::test(), SeededEntropy::new(1)).is_err());
}

/// REQ-AU1-4: a role's key opens its rights; a folded key its logical cards.
#[test]
fn req_au1_4_roles_and_folding() {
    let profile = profile("default");
    let operations = [debit(1, 1), credit(1, 1), refund(1, 1, ttid(1))];
    for (role, allowed) in [
        (Role::Debit, [true, false, false]),
        (Role::Credit, [false, true, false]),
        (Role::Refund, [false, false, true]),
        (Role::Read, [false, false, false]),
        (Role::Administer, [false, false, false]),
    ] {
        for (operation, allowed) in operations.iter().zip(allowed) {
            let mut card = card("default");
            pay(&mut card, &profile, &Desk::epc1(Role::Debit), &[debit(1, 10)]).unwrap();
            let result = pay(&mut card, &profile, &Desk::epc1(role), std::slice::from_ref(operation));
            assert_eq!(result.err(), (!allowed).then_some(0x6982), "{role:?}: {operation:?}");
        }
    }
    let mut card = card("default");
    for list in [&[1][..], &[2], &[3], &[1, 2], &[1, 3], &[2, 3], &[1, 2, 3]] {
        let (_, state) = Desk::epc1(Role::Debit).cards(list).open(&mut card, &profile).unwrap();
        let first = profile.logical_cards.iter().find(|card| card.id == list[0]).unwrap();
        assert_eq!((state.balance, state.currency), (first.balance, first.currency));
    }
    // A key folded for another list opens nothing: replace the list, keep the key.
    let desk = Desk::epc1(Role::Debit).cards(&[1, 2]);
    let r0 = select(&mut card);
    let (mut data, _) = desk.auth(&r0, &profile);
    data[19] = 3;
    assert_eq!(sw(&mut card, &desk.auth_command(&data)), 0x6982);
}

fn signed(desk: &Desk, authority: &PrivateKey, change: impl Fn(&mut Certificate)) -> (PrivateKey, Certificate) {
    let (key, mut certificate) = desk.certificate();
    change(&mut certificate);
    (key, certificate.signed(authority))
}

/// A card whose authority is ours, so that certificates of every kind can be signed.
fn card_with_authority(authority: &PrivateKey) -> (PurseProfile, TestCard) {
    let mut profile = profile("epc2-only");
    let (private, certificate) = Scheme::test().card_credentials(profile.card_id, 1).unwrap();
    profile.keys.authority = Some(authority.public());
    profile.keys.card_private = Some(private);
    profile.keys.certificate = Some(certificate.signed(authority));
    let card = card_of(&profile);
    (profile, card)
}

/// Credentials that a profile gives and that do not belong together make no card: it would fail at the terminal, with the fault unseen.
#[test]
fn a_card_is_not_made_with_credentials_that_do_not_fit() {
    let authority = PrivateKey::new(&[9; 32]).unwrap();
    let (right, _) = card_with_authority(&authority);
    let refused = |change: &dyn Fn(&mut PurseProfile)| {
        let mut profile = right.clone();
        change(&mut profile);
        PurseCard::personalise(&profile, &Scheme::test(), SeededEntropy::new(1)).is_err()
    };
    let with = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = right.keys.certificate.clone().unwrap();
        change(&mut certificate);
        let signed = certificate.signed(&authority);
        refused(&|profile| profile.keys.certificate = Some(signed.clone()))
    };
    assert!(!refused(&|_| ()));
    assert!(refused(&|profile| profile.keys.authority = None), "signed by another authority than the scheme's");
    assert!(
        refused(&|profile| (profile.keys.card_private, profile.keys.certificate) = (None, None)),
        "the scheme's certificate under an authority that is not the scheme's"
    );
    assert!(refused(&|profile| profile.keys.card_private = Some(authority.clone())), "of another key");
    assert!(with(&|certificate| certificate.subject = Subject::Terminal), "a terminal's");
    assert!(with(&|certificate| certificate.subject_id[7] ^= 1), "another card's");
}

/// REQ-AU2-1, REQ-AU2-3
#[test]
fn req_au2_1_what_the_card_checks() {
    let authority = PrivateKey::new(&[9; 32]).unwrap();
    let (_, mut card) = card_with_authority(&authority);
    let desk = Desk::epc2(0x03);
    let mut attempt = |key: &PrivateKey, certificate: &Certificate, spoil: &dyn Fn(&mut Vec<u8>)| {
        let r0 = select(&mut card);
        let (mut data, _) = desk.auth_epc2_with(&r0, key, certificate);
        spoil(&mut data);
        exchange(&mut card, &desk.auth_command(&data)).1
    };
    let (key, right) = signed(&desk, &authority, |_| ());
    assert_eq!(attempt(&key, &right, &|_| ()), 0x9000);
    assert_eq!(attempt(&key, &right, &|data| data[0] ^= 1), 0x6982, "Et not on the curve");
    assert_eq!(attempt(&key, &right, &|data| data[64 + 20] ^= 1), 0x6982, "certified point not on the curve");
    assert_eq!(attempt(&key, &right, &|data| data[64 + 19] ^= 4), 0x6982, "right added after signing");
    assert_eq!(attempt(&key, &right, &|data| data[64 + 147] ^= 1), 0x6982, "signature");
    assert_eq!(attempt(&key, &right, &|data| data[64 + 148] ^= 1), 0x6982, "tag, first octet");
    assert_eq!(attempt(&key, &right, &|data| data[64 + 163] ^= 1), 0x6982, "tag, last octet");
    assert_eq!(attempt(&key, &right, &|data| data.extend([0x91, 1, 1])), 0x6982, "opts under no tag");
    let wrong_key = PrivateKey::new(&[8; 32]).unwrap();
    assert_eq!(attempt(&wrong_key, &right, &|_| ()), 0x6982, "not the certified key");
    let (key, other) = desk.certificate();
    assert_eq!(attempt(&key, &other, &|_| ()), 0x6982, "another authority");
    let (key, card_role) = signed(&desk, &authority, |certificate| certificate.subject = Subject::Card);
    assert_eq!(attempt(&key, &card_role, &|_| ()), 0x6982, "a card's certificate");
    let (key, reversed) = signed(&desk, &authority, |c| (c.not_before, c.not_after) = (9, 8));
    assert_eq!(attempt(&key, &reversed, &|_| ()), 0x6982, "ends before it begins");
    let r0 = select(&mut card);
    let (data, _) = desk.auth_epc2_with(&r0, &key, &right);
    let mut command = desk.auth_command(&data);
    command[3] = 1;
    assert_eq!(sw(&mut card, &command), 0x6982, "an authority that the card does not know");
}

/// REQ-AU2-2: 2023-11-14 is day 2874.
#[test]
fn req_au2_2_the_cards_clock() {
    let authority = PrivateKey::new(&[9; 32]).unwrap();
    let (_, mut card) = card_with_authority(&authority);
    let desk = Desk::epc2(0x03);
    let open = |card: &mut TestCard, last_day: u16| {
        let (key, certificate) = signed(&desk, &authority, |c| c.not_after = last_day);
        let r0 = select(card);
        let (data, waiting) = desk.auth_epc2_with(&r0, &key, &certificate);
        let (answer, status) = exchange(card, &desk.auth_command(&data));
        if status == 0x9000 { Ok(waiting.open(&answer)) } else { Err(status) }
    };
    assert!(open(&mut card, 100).is_ok(), "a card without a past knows no time");
    let (mut session, _) = open(&mut card, 2880).unwrap();
    session.transact(&mut card, &order(1, &[debit(1, 1)])).unwrap();
    assert_eq!(card.inspect().newest_day, 2874);
    assert_eq!(open(&mut card, 2873).map(|_| ()).err(), Some(0x6982));
    assert!(open(&mut card, 2874).is_ok());
    // A wrong clock goes no further than its certificate.
    let (mut session, _) = open(&mut card, 2900).unwrap();
    let mut late = order(2, &[debit(1, 1)]);
    late.time = u32::MAX;
    session.transact(&mut card, &late).unwrap();
    assert_eq!(card.inspect().newest_day, 2900);
    card.reset().unwrap();
    assert_eq!(card.inspect().newest_day, 2900);
}

/// REQ-AU2-3
#[test]
fn req_au2_3_logical_cards_by_certificate() {
    let profile = profile("default");
    let mut card = card("default");
    for (rights, list, opens) in [
        (0x0003, &[1][..], true),
        (0x0003, &[2], false),
        (0x0003, &[1, 2], false),
        (0x0203, &[2], true),
        (0x0203, &[1], false),
        (0x0703, &[1, 2, 3], true),
        (0x0F03, &[1, 4], false),
    ] {
        let opened = Desk::epc2(rights).cards(list).open(&mut card, &profile);
        assert_eq!(opened.map(|_| ()).err(), (!opens).then_some(0x6982), "{rights:04X} {list:?}");
    }
    let result = pay(&mut card, &profile, &Desk::epc2(0x01), &[debit(1, 1)]);
    assert_eq!(result.err(), Some(0x6982), "read only");
    assert_eq!(Rights(0x0103).0 & 0xFF, 3);
}
