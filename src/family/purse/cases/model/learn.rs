//! What a card is before a sequence begins: a real card is not fresh, and all that is known of it is what it says.

use std::collections::{BTreeMap, BTreeSet};

use super::reference::{LogicalCard, Model, Place, Record, Tries};
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::cases::client::{self, Opened, Opener};
use crate::family::purse::data::session::{CardState, SealedReceipt};
use crate::family::purse::data::transact::{FILE_CYCLIC, FILE_LINEAR, Operation, ReceiptBody, ReceiptType};
use crate::family::purse::data::{LifeCycle, Role, TransactionId, ins};
use crate::wire::status::StatusWord;

/// Times four receipts, to acknowledge a full ring and what comes of settling it.
const ACKNOWLEDGE_MAX: usize = 64;

/// Reads the card: STATE with details, records, receipts; wins back the tries of its PIN and acknowledges what no terminal has.
pub(super) fn learn(tester: &mut Tester<'_>) -> OrStop<Model> {
    let ids = logical_cards(tester);
    let suite = *client::suites(tester).first().ok_or_else(|| Stop::error("the statement claims no suite"))?;
    let places = tester.number("purse.ring")? as usize;
    let opener = |role: Role| {
        let mut opener = Opener::new(suite, role).cards(&ids);
        (opener.options.details, opener.options.unratified) = (true, true);
        opener
    };
    tester.power_on()?;
    let tries = win_back_tries(tester, &opener(Role::Debit))?;
    let mut opened = acknowledge_all(tester, &opener(Role::Read))?;
    let mut ring = receipts(tester, &mut opened, places)?;
    if ring.len() < places && !reaches_the_first(&ring, opened.state.transaction_counter) {
        settle(tester, &opener, ids[0], places)?;
        opened = acknowledge_all(tester, &opener(Role::Read))?;
        ring = receipts(tester, &mut opened, places)?;
    }
    let mut cards = BTreeMap::new();
    for detail in opened.state.details.clone() {
        let linear = records(tester, &mut opened, detail.id, FILE_LINEAR)?;
        let cyclic = records(tester, &mut opened, detail.id, FILE_CYCLIC)?;
        let (operator, balance, currency) = (detail.operator, detail.balance, detail.currency);
        let (maximum, counter, pin_limit) = (detail.maximum, detail.counter, detail.pin_limit);
        cards.insert(
            detail.id,
            LogicalCard { operator, currency, balance, maximum, counter, pin_limit, linear, cyclic },
        );
    }
    let CardState { life_cycle, transaction_counter: counter, last_transaction: last, link, flags, .. } = opened.state;
    let fresh =
        reaches_the_first(&ring, counter) && ring.iter().all(|place| place.body.receipt_type == ReceiptType::LifeCycle);
    let verified_on_device = flags & CardState::VERIFIED_ON_DEVICE != 0;
    let card = opened.card;
    Ok(Model {
        card,
        life_cycle,
        counter,
        last,
        link,
        cards,
        ring,
        places,
        tries,
        verified_on_device,
        fresh,
        verified: false,
    })
}

/// Those whose operator the statement names.
fn logical_cards(tester: &Tester<'_>) -> Vec<u8> {
    (1..=8).filter(|id| tester.number(&format!("purse.operator.{id}")).is_ok()).collect()
}

/// Every receipt of the card's life is in this ring.
fn reaches_the_first(ring: &[Place], counter: u32) -> bool {
    let counters: BTreeSet<u32> = ring.iter().map(|place| place.body.transaction_counter).collect();
    counters.len() == counter as usize
}

fn win_back_tries(tester: &mut Tester<'_>, opener: &Opener) -> OrStop<Option<Tries>> {
    if !tester.claims("purse.pin") {
        return Ok(None);
    }
    let most = tester.number("purse.pin_tries")? as u8;
    let mut opened = opener.open(tester)?;
    if opened.state.flags & CardState::PIN_BLOCKED != 0 {
        return Ok(Some(Tries { left: 0, most }));
    }
    let pin = tester.secret("purse.pin")?;
    let status = opened.session.verify(tester, pin)?;
    tester.check_equal("VERIFY", &StatusWord::OK, &status)?;
    Ok(Some(Tries { left: most, most }))
}

/// Which receipts have been acknowledged shows only of four of them: now all have.
fn acknowledge_all(tester: &mut Tester<'_>, opener: &Opener) -> OrStop<Opened> {
    let mut opened = opener.open(tester)?;
    for _ in 0..ACKNOWLEDGE_MAX {
        if opened.state.unratified_count == 0 {
            return Ok(opened);
        }
        for sealed in opened.state.unratified.clone() {
            let transaction = sealed.body.transaction;
            let (_, status) = opened.session.send(tester, ins::ACK, [0, 0], &transaction.0)?;
            tester.check_equal("ACK", &StatusWord::OK, &status)?;
        }
        opened = opener.open(tester)?;
    }
    Err(Stop::fail("receipts stay unratified although they are acknowledged"))
}

/// The receipts of TC and before, as far back as a ring would reach that was filled without a gap.
fn receipts(tester: &mut Tester<'_>, opened: &mut Opened, places: usize) -> OrStop<Vec<Place>> {
    let mut ring = Vec::new();
    let newest = opened.state.transaction_counter;
    for back in 0..u32::try_from(places).unwrap_or(u32::MAX) {
        let Some(counter) = newest.checked_sub(back).filter(|counter| *counter > 0) else { break };
        let (data, status) = opened.session.send(tester, ins::GET_RECEIPT, [0, 1], &counter.to_be_bytes())?;
        if status == StatusWord::REFERENCED_DATA_NOT_FOUND {
            continue;
        }
        tester.check_equal("GET RECEIPT", &StatusWord::OK, &status)?;
        let sealed = SealedReceipt::parse(&data, opened.session.keys.suite());
        let body: ReceiptBody = sealed.map_err(|error| Stop::fail(format!("receipt: {error}")))?.body;
        // What is left to refund of it does not show; a sequence refunds only what it debited itself.
        ring.insert(0, Place { body, acknowledged: true, left: BTreeMap::new() });
    }
    Ok(ring)
}

/// Fills the ring without a gap: what else was in it falls out.
fn settle(tester: &mut Tester<'_>, opener: &impl Fn(Role) -> Opener, logical_card: u8, places: usize) -> OrStop {
    for index in 0..places {
        let (role, operation) = if index % 2 == 0 {
            (Role::Debit, Operation::Debit { logical_card, amount: 1 })
        } else {
            (Role::Credit, Operation::Credit { logical_card, amount: 1 })
        };
        let state = opener(role).state(tester)?;
        if state.life_cycle != LifeCycle::Active {
            return Err(Stop::inconclusive(format!(
                "what is in the ring of a card that is {} cannot be known",
                state.life_cycle
            )));
        }
        let sealed = opener(role).pay(tester, &[operation])?;
        let transaction: TransactionId = sealed.body.transaction;
        let mut opened = opener(Role::Read).open(tester)?;
        let (_, status) = opened.session.send(tester, ins::ACK, [0, 0], &transaction.0)?;
        tester.check_equal("ACK", &StatusWord::OK, &status)?;
    }
    Ok(())
}

/// All records of a file, as they are numbered.
fn records(tester: &mut Tester<'_>, opened: &mut Opened, id: u8, file: u8) -> OrStop<Vec<Record>> {
    let mut records = Vec::new();
    for record in 1..=u8::MAX {
        let (data, status) = opened.session.read(tester, id, file, record)?;
        if status == StatusWord::RECORD_NOT_FOUND {
            break;
        }
        tester.check_equal("READ", &StatusWord::OK, &status)?;
        records.push(data.as_slice().try_into().map_err(|_| Stop::fail(format!("a record of {} octets", data.len())))?);
    }
    Ok(records)
}
