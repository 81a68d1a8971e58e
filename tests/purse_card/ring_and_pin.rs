//! Clauses 7 and 8.

use untorn::card::Card;
use untorn::crypto::ec::Point;
use untorn::entropy::SeededEntropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::data::{Role, Suite, ins};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::keys::SuiteKey;

use super::desk::*;

fn ring(card: &TestCard) -> Vec<u32> {
    card.inspect().ring.iter().map(|receipt| receipt.body.transaction_counter).collect()
}

/// REQ-RNG-1, REQ-RNG-2
#[test]
fn req_rng_1_and_2_places_and_acknowledgement() {
    let profile = profile("epc1-only");
    let mut card = card("epc1-only");
    let desk = Desk::epc1(Role::Debit);
    let pay_one = |card: &mut TestCard| pay(card, &profile, &desk, &[debit(1, 1)]).unwrap();
    for _ in 0..8 {
        pay_one(&mut card);
    }
    assert_eq!(ring(&card), [1, 2, 3, 4, 5, 6, 7, 8]);
    let acknowledge = |card: &mut TestCard, sequence| {
        let (mut session, _) = desk.open(card, &profile).unwrap();
        session.send(card, ins::ACK, [0, 0], &ttid(sequence).0).1
    };
    assert_eq!([acknowledge(&mut card, 5), acknowledge(&mut card, 3), acknowledge(&mut card, 3)], [0x9000; 3]);
    assert_eq!(acknowledge(&mut card, 99), 0x6A88);
    let after = card.inspect();
    assert_eq!((after.transaction_counter, after.ring.iter().filter(|receipt| receipt.acknowledged).count()), (8, 2));
    card.reset().unwrap();
    let (_, state) = desk.open(&mut card, &profile).unwrap();
    assert_eq!(state.unratified_count, 6, "SELECT and reset mark none");
    pay_one(&mut card);
    assert_eq!(ring(&card), [1, 2, 4, 5, 6, 7, 8, 9], "the oldest acknowledged");
    pay_one(&mut card);
    assert_eq!(ring(&card), [1, 2, 4, 6, 7, 8, 9, 10], "the other acknowledged");
    pay_one(&mut card);
    assert_eq!(ring(&card), [2, 4, 6, 7, 8, 9, 10, 11], "the oldest");
}

/// REQ-RNG-3, REQ-RNG-4
#[test]
fn req_rng_3_and_4_get_receipt() {
    let profile = profile("default");
    let mut card = card("default");
    let body = pay(&mut card, &profile, &Desk::epc1(Role::Debit), &[debit(1, 10)]).unwrap();
    let scheme = Scheme::test();
    let (_, certificate) = scheme.card_credentials(profile.card_id, 1).unwrap();
    for desk in [Desk::epc1(Role::Read), Desk::epc2(0x01)] {
        let (mut session, _) = desk.open(&mut card, &profile).unwrap();
        for _ in 0..3 {
            let by_id = session.send(&mut card, ins::GET_RECEIPT, [0, 0], &body.transaction.0);
            assert_eq!(session.send(&mut card, ins::GET_RECEIPT, [0, 1], &[0, 0, 0, 1]), by_id);
            let key = *scheme.receipt_key(profile.card_id, desk.suite).expose();
            let seal = SuiteKey::new(desk.suite, key).unwrap().mac(&body.emit());
            assert_eq!(by_id, ([&body.emit()[..], seal.as_bytes()].concat(), 0x9000));
            let (signed, _) = session.send(&mut card, ins::GET_RECEIPT, [1, 0], &body.transaction.0);
            let signature = signed[68..].try_into().unwrap();
            Point::new(&certificate.point)
                .unwrap()
                .verify(&[b"EPSG".as_slice(), &body.emit()].concat(), &signature)
                .unwrap();
        }
        assert_eq!(session.send(&mut card, ins::GET_RECEIPT, [0, 0], &[0; 16]).1, 0x6A88);
        assert_eq!(session.send(&mut card, ins::GET_RECEIPT, [0, 1], &[0, 0, 0, 2]).1, 0x6A88);
    }
    let without_key = super::desk::profile("epc1-only");
    let mut card = card_of(&without_key);
    let body = pay(&mut card, &without_key, &Desk::epc1(Role::Debit), &[debit(1, 10)]).unwrap();
    let (mut session, _) = Desk::epc1(Role::Read).open(&mut card, &without_key).unwrap();
    assert_eq!(session.send(&mut card, ins::GET_RECEIPT, [1, 0], &body.transaction.0).1, 0x6A81);
    assert_eq!(Desk::epc1(Role::Read).suite, Suite::Epc1);
}

/// A saved image is the card; one of another card is refused.
#[test]
fn saved_and_loaded() {
    let profile = profile("default");
    let mut card = card("default");
    pay(&mut card, &profile, &Desk::epc1(Role::Debit), &[debit(1, 10)]).unwrap();
    let image = card.memory().image().to_vec();
    assert!(image.len() < 2048, "{} octets", image.len());
    let load = |image: Vec<u8>| PurseCard::from_image(&profile, &Scheme::test(), image, SeededEntropy::new(2));
    let mut loaded = load(image.clone()).unwrap();
    loaded.reset().unwrap();
    assert_eq!(loaded.inspect(), card.inspect());
    assert!(pay(&mut loaded, &profile, &Desk::epc1(Role::Debit), &[debit(1, 10)]).is_ok());
    let mut other = image.clone();
    other[5] ^= 1;
    assert!(load(other).is_err());
    assert!(load(image[1..].to_vec()).is_err());
}
