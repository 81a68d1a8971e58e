//! Clauses 6 and 9.

use untorn::family::purse::data::transact::{Operation, ReceiptType};
use untorn::family::purse::data::{CardId, LifeCycle, Role, ins};

use super::desk::*;

fn status(logical: LifeCycle) -> Operation {
    Operation::LifeCycle { status: logical }
}

/// The valid twin first, then what differs in one thing, each refused for its own reason and without effect (REQ-TRX-7).
#[test]
fn req_trx_7_every_refusal() {
    let profile = profile("default");
    let debit_of = |amount| vec![debit(1, amount)];
    let all = Desk::epc2(0x077F).cards(&[1, 2]);
    let ok = 0x9000;
    for (operations, expected) in [
        (debit_of(10_000), ok),
        (debit_of(10_001), 0x9410),
        (vec![debit(1, 5_000), debit(1, 5_001)], 0x9410),
        (vec![debit(1, 5_000), debit(2, 5), debit(1, 5_000)], ok),
        (debit_of(17_081), 0x9401),
        (debit_of(u32::MAX), 0x9401),
        (debit_of(0), 0x6A80),
        (vec![credit(1, 32_920)], ok),
        (vec![credit(1, 32_921)], 0x9402),
        (vec![credit(1, u32::MAX)], 0x9402),
        (vec![credit(1, 0)], 0x6A80),
        (vec![debit(2, 320)], ok),
        (vec![debit(2, 321)], 0x9401),
        (vec![debit(3, 1)], 0x6982),
        (vec![debit(4, 1)], 0x6982),
        (vec![debit(0, 1)], 0x6982),
        (vec![refund(1, 1, ttid(99))], 0x9403),
        (vec![debit(1, 5), refund(1, 5, ttid(1))], 0x9403),
        (vec![Operation::WriteRecord { logical_card: 1, record: 2, data: [1; 16] }], ok),
        (vec![Operation::WriteRecord { logical_card: 1, record: 3, data: [1; 16] }], 0x6A83),
        (vec![Operation::WriteRecord { logical_card: 1, record: 0, data: [1; 16] }], 0x6A83),
        (vec![Operation::AppendRecord { logical_card: 1, data: [1; 16] }], ok),
        (vec![Operation::AppendRecord { logical_card: 2, data: [1; 16] }], 0x6A83),
        (vec![Operation::Count { logical_card: 1, up: true, number: u32::MAX }], ok),
        (vec![Operation::Count { logical_card: 1, up: false, number: 1 }], 0x9401),
        (vec![Operation::Count { logical_card: 1, up: true, number: 0 }], 0x6A80),
        (vec![debit(1, 1); 8], ok),
        (vec![debit(1, 1); 9], 0x6A80),
        (vec![], 0x6A80),
        (vec![debit(1, 1), debit(2, 321)], 0x9401),
        (vec![take_over(1, 5, CardId(*b"REPLACED"))], ok),
        (vec![debit(1, 1), take_over(1, 5, CardId(*b"REPLACED"))], 0x9405),
        (vec![status(LifeCycle::Personalised)], 0x9404),
        (vec![status(LifeCycle::Active)], 0x9404),
        (vec![status(LifeCycle::Blocked)], ok),
        (vec![status(LifeCycle::Blocked), debit(1, 1)], 0x9404),
    ] {
        let mut card = card("default");
        let before = card.inspect();
        let (mut session, _) = all.open(&mut card, &profile).unwrap();
        let result = session.transact(&mut card, &order(1, &operations));
        assert_eq!(result.err().unwrap_or(ok), expected, "{operations:?}");
        assert_eq!(card.inspect() == before, expected != ok, "{operations:?}");
    }
}

/// Malformed plaintexts: 6A80, each with the octets of a valid order but for one thing.
#[test]
fn malformed_orders() {
    let profile = profile("epc1-only");
    let valid = order(1, &[debit(1, 100)]).emit();
    for (what, change) in [
        ("layout", (&|octets: &mut Vec<u8>| octets[0] = 2) as &dyn Fn(&mut Vec<u8>)),
        ("unknown operation", &|octets| octets[25] = 0x88),
        ("amount of three octets", &|octets| {
            octets[26] = 4;
            octets.pop();
        }),
        ("amount of five octets", &|octets| {
            octets[26] = 6;
            octets.push(0);
        }),
        ("a length beyond the end", &|octets| octets[26] = 9),
        ("no operations", &|octets| octets.truncate(25)),
        ("half a header", &|octets| octets.truncate(20)),
    ] {
        let mut card = card("epc1-only");
        let (mut session, _) = Desk::epc1(Role::Debit).open(&mut card, &profile).unwrap();
        let mut octets = valid.clone();
        change(&mut octets);
        assert_eq!(session.send(&mut card, ins::TRANSACT, [0, 0], &octets).1, 0x6A80, "{what}");
        assert_eq!(session.send(&mut card, ins::TRANSACT, [0, 0], &valid).1, 0x9000, "{what}: the valid twin");
    }
}

/// REQ-TRX-2, REQ-TRX-3, REQ-TRX-9
#[test]
fn req_trx_2_and_3_and_9_once_counted_and_linked() {
    let profile = profile("euro");
    for desk in [Desk::epc1(Role::Debit), Desk::epc2(0x63)] {
        let mut card = card("euro");
        let mut link = card.inspect().link;
        for counter in 1..=20 {
            let (mut session, state) = desk.open(&mut card, &profile).unwrap();
            assert_eq!(state.transaction_counter, counter - 1);
            let this = order(counter, &[debit(1, 10)]);
            let (receipt, status) = session.send(&mut card, ins::TRANSACT, [0, 0], &this.emit());
            assert_eq!(status, 0x9000);
            let again = session.send(&mut card, ins::TRANSACT, [0, 0], &this.emit());
            assert_eq!(again, (receipt.clone(), 0x9000), "octet for octet");
            let (mut later, state) = desk.open(&mut card, &profile).unwrap();
            assert_eq!(later.send(&mut card, ins::TRANSACT, [0, 0], &this.emit()).0, receipt, "in another session");
            assert_eq!((state.transaction_counter, state.balance), (counter, 5000 - 10 * counter));
            let body = untorn::family::purse::data::transact::ReceiptBody::parse(&receipt[..68]).unwrap();
            assert_eq!((body.previous_link, body.transaction_counter), (link, counter));
            assert_eq!((body.amount, body.balance_after, body.time), (10, state.balance, 1_700_000_000));
            assert_eq!((body.receipt_type, body.order_digest), (ReceiptType::Debit, this.digest()));
            link = body.link();
            assert_eq!(state.link, link);
            for wrong in [counter, counter + 2, 0] {
                let mut other = order(wrong, &[debit(1, 10)]);
                other.transaction = ttid(1000 + wrong);
                assert_eq!(later.transact(&mut card, &other).err(), Some(0x6985));
            }
        }
    }
}

/// REQ-TRX-4, REQ-TRX-10: with the PIN the sum may exceed the limit; never the balance.
#[test]
fn req_trx_10_pin_limit() {
    let profile = profile("default");
    let mut card = card("default");
    let (mut session, _) = Desk::epc1(Role::Debit).open(&mut card, &profile).unwrap();
    let both = order(1, &[debit(1, 6_000), debit(1, 6_000)]);
    assert_eq!(session.transact(&mut card, &both).err(), Some(0x9410));
    assert_eq!(session.verify(&mut card, "1234"), 0x9000);
    assert_eq!(session.transact(&mut card, &both).map(|body| (body.amount, body.balance_after)), Ok((6_000, 5_080)));
    let (mut session, _) = Desk::epc1(Role::Debit).open(&mut card, &profile).unwrap();
    session.verify(&mut card, "1234");
    assert_eq!(session.transact(&mut card, &order(2, &[debit(1, 5_081)])).err(), Some(0x9401));

    let phone = super::desk::profile("phone");
    let mut card = card_of(&phone);
    let (mut session, state) = Desk::epc2(0x63).open(&mut card, &phone).unwrap();
    assert_eq!(state.flags, 2);
    card.set_holder_verified(false);
    assert_eq!(session.transact(&mut card, &order(1, &[debit(1, 10_001)])).err(), Some(0x9410));
    card.set_holder_verified(true);
    assert!(session.transact(&mut card, &order(1, &[debit(1, 10_001)])).is_ok());
    assert_eq!(session.verify(&mut card, "1234"), 0x6A88, "a phone has no PIN");
}

/// REQ-TRX-5
#[test]
fn req_trx_5_refunds() {
    let profile = profile("default");
    let mut card = card("default");
    let (both, desk) = (Desk::epc1(Role::Debit).cards(&[1, 2]), Desk::epc1(Role::Refund).cards(&[1, 2]));
    let of = pay(&mut card, &profile, &both, &[debit(1, 100), debit(2, 50), debit(1, 20)]).unwrap().transaction;
    let mut give =
        |operations: &[Operation]| pay(&mut card, &profile, &desk, operations).map(|body| body.balance_after);
    assert_eq!(give(&[refund(1, 121, of)]), Err(0x9403));
    assert_eq!(give(&[refund(2, 51, of)]), Err(0x9403), "of the same logical card");
    assert_eq!(give(&[refund(1, 70, of)]), Ok(17_030));
    assert_eq!(give(&[refund(1, 51, of)]), Err(0x9403), "together");
    assert_eq!(give(&[refund(1, 30, of), refund(1, 21, of)]), Err(0x9403), "together, in one");
    assert_eq!(give(&[refund(1, 50, of), refund(2, 50, of)]), Ok(17_080));
    assert_eq!(give(&[refund(1, 1, of)]), Err(0x9403));
    assert_eq!(give(&[refund(2, 1, of)]), Err(0x9403));
    let refunded = card.inspect().ring[1].body.transaction;
    assert_eq!(pay(&mut card, &profile, &desk, &[refund(1, 1, refunded)]).err(), Some(0x9403), "no debit");
}

/// Records and counters (clause 6, 81 to 83), read back by READ.
#[test]
fn records_and_counters() {
    let profile = profile("default");
    let mut card = card("default");
    let desk = Desk::epc1(Role::Debit).cards(&[1, 3]);
    let record = |octet| [octet; 16];
    for octet in 1..=6 {
        let operations = [
            Operation::WriteRecord { logical_card: 3, record: 2, data: record(octet) },
            Operation::AppendRecord { logical_card: 3, data: record(octet) },
            Operation::Count { logical_card: 3, up: false, number: 1 },
        ];
        let body = pay(&mut card, &profile, &desk, &operations).unwrap();
        assert_eq!((body.receipt_type, body.amount, body.balance_after), (ReceiptType::Data, 0, 1500));
    }
    assert_eq!(card.inspect().logical_cards[2].counter, 4);
    let (mut session, _) = desk.open(&mut card, &profile).unwrap();
    let mut read = |file, number| session.send(&mut card, ins::READ, [0, 0], &[3, file, number]);
    assert_eq!(read(1, 1), (vec![0; 16], 0x9000));
    assert_eq!(read(1, 2), (vec![6; 16], 0x9000));
    for back in 1..=4 {
        assert_eq!(read(2, back), (vec![7 - back; 16], 0x9000), "newest first");
    }
    for (file, number) in [(1, 0), (1, 3), (1, 255), (2, 0), (2, 5), (3, 1), (0, 1)] {
        assert_eq!(read(file, number), (vec![], 0x6A83), "{file} {number}");
    }
    let value =
        pay(&mut card, &profile, &desk, &[Operation::AppendRecord { logical_card: 3, data: record(9) }, debit(1, 7)]);
    assert_eq!(
        value.map(|body| (body.receipt_type, body.amount, body.balance_after)),
        Ok((ReceiptType::Debit, 7, 17_073))
    );
}

/// REQ-LIF-1
#[test]
fn req_lif_1_life_cycle() {
    let mut profile = profile("default");
    profile.life_cycle = LifeCycle::Personalised;
    let mut card = card_of(&profile);
    let (debiting, administering) = (Desk::epc1(Role::Debit), Desk::epc1(Role::Administer));
    assert_eq!(pay(&mut card, &profile, &debiting, &[debit(1, 1)]).err(), Some(0x9404));
    assert_eq!(pay(&mut card, &profile, &debiting, &[status(LifeCycle::Active)]).err(), Some(0x6982));
    let body = pay(&mut card, &profile, &administering, &[status(LifeCycle::Active)]).unwrap();
    assert_eq!((body.receipt_type, body.amount, body.balance_after), (ReceiptType::LifeCycle, 0, 17_080));
    assert!(pay(&mut card, &profile, &debiting, &[debit(1, 1)]).is_ok());
    assert!(pay(&mut card, &profile, &debiting, &[status(LifeCycle::Blocked)]).is_ok(), "by stop list");
    assert_eq!(pay(&mut card, &profile, &debiting, &[debit(1, 1)]).err(), Some(0x9404));
    assert_eq!(pay(&mut card, &profile, &Desk::epc1(Role::Credit), &[credit(1, 1)]).err(), Some(0x9404));
    let (mut session, state) = debiting.open(&mut card, &profile).unwrap();
    assert_eq!(state.life_cycle, LifeCycle::Blocked);
    assert_eq!(session.send(&mut card, ins::READ, [0, 0], &[1, 1, 1]).1, 0x9000);
    assert_eq!(session.send(&mut card, ins::GET_RECEIPT, [0, 0], &ttid(2).0).1, 0x9000);
    assert_eq!(session.send(&mut card, ins::ACK, [0, 0], &ttid(2).0).1, 0x9000);
    assert_eq!(session.send(&mut card, ins::TRANSACT, [0, 0], &order(2, &[debit(1, 1)]).emit()).1, 0x9000, "repeated");
    assert!(pay(&mut card, &profile, &administering, &[status(LifeCycle::Active)]).is_ok());
    assert!(pay(&mut card, &profile, &administering, &[status(LifeCycle::Terminated)]).is_ok());
    for back in [LifeCycle::Active, LifeCycle::Personalised, LifeCycle::Blocked, LifeCycle::Terminated] {
        assert_eq!(pay(&mut card, &profile, &administering, &[status(back)]).err(), Some(0x9404), "{back}");
    }
}

/// REQ-LIF-2
#[test]
fn req_lif_2_take_over_once() {
    let mut profile = profile("default");
    profile.life_cycle = LifeCycle::Personalised;
    let desk = Desk::epc1(Role::Administer).cards(&[1, 2]);
    let replaced = CardId(*b"REPLACED");
    let fresh = card_of(&profile);
    let mut card = fresh.clone();
    assert_eq!(pay(&mut card, &profile, &desk, &[take_over(1, 5, replaced)]).err(), Some(0x9404), "not yet active");
    assert!(pay(&mut card, &profile, &desk, &[status(LifeCycle::Active)]).is_ok());
    for (operations, expected) in [
        (vec![take_over(1, 5, replaced), take_over(1, 5, replaced)], 0x9405),
        (vec![take_over(1, 5, replaced), take_over(2, 5, CardId(*b"ANOTHER1"))], 0x9405),
        (vec![take_over(1, 5, profile.card_id)], 0x9405),
        (vec![take_over(1, 40_000, replaced)], 0x9402),
    ] {
        assert_eq!(pay(&mut card, &profile, &desk, &operations).err(), Some(expected), "{operations:?}");
    }
    let body = pay(&mut card, &profile, &desk, &[take_over(1, 500, replaced), take_over(2, 5, replaced)]).unwrap();
    assert_eq!((body.receipt_type, body.amount, body.balance_after), (ReceiptType::TakeOver, 500, 17_580));
    assert_eq!(pay(&mut card, &profile, &desk, &[take_over(1, 5, replaced)]).err(), Some(0x9405), "once");
    let mut card = fresh;
    pay(&mut card, &profile, &desk, &[status(LifeCycle::Active)]).unwrap();
    pay(&mut card, &profile, &Desk::epc1(Role::Debit), &[debit(1, 1)]).unwrap();
    assert_eq!(pay(&mut card, &profile, &desk, &[take_over(1, 5, replaced)]).err(), Some(0x9405), "not fresh");
}
