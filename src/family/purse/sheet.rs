//! What the memory of a purse says, laid out for people and for programs.

use serde_json::{Value, json};

use super::card::Purse;
use super::card::inspection::{InspectedReceipt, Inspection};
use super::card::rules::Rules;
use crate::card::memory::Memory;
use crate::entropy::Entropy;
use crate::family::profile::{Row, Section, Sheet, ShownApplication};
use crate::money::Money;
use crate::time::Moment;

impl<E: Entropy, R: Rules> ShownApplication for Purse<E, R> {
    fn sheet(&self, memory: &Memory) -> Sheet {
        let found = self.inspect(memory);
        Sheet { sections: vec![balances(&found), state(&found), receipts(&found)], json: json(&found) }
    }
}

fn balances(found: &Inspection) -> Section {
    let rows = found.logical_cards.iter().map(|card| {
        let balance = Money::new(card.balance, card.currency).to_string();
        Row::new(format!("{}  operator {}", card.id, card.operator), balance).and(format!("counter {}", card.counter))
    });
    Section { title: "Balances".to_owned(), rows: rows.collect() }
}

fn state(found: &Inspection) -> Section {
    let tries = found.pin_tries.map_or_else(|| "no PIN".to_owned(), |tries| tries.to_string());
    let rows = vec![
        Row::new("life cycle", found.life_cycle.to_string()),
        Row::new("PIN tries left", tries),
        Row::new("transaction counter", found.transaction_counter.to_string()),
    ];
    Section { title: "Card".to_owned(), rows }
}

fn receipts(found: &Inspection) -> Section {
    let row = |receipt: &InspectedReceipt| {
        let body = &receipt.body;
        let [amount, after] = [body.amount, body.balance_after].map(|minor| Money::new(minor, body.currency));
        let told = if receipt.acknowledged { "" } else { ", not acked" };
        Row::new(format!("{}  {}{told}", body.transaction_counter, body.receipt_type), amount.to_string())
            .and(format!("then {after}, {}", body.transaction))
    };
    let rows = found.ring.iter().rev().map(row).collect();
    Section { title: format!("Receipt ring, {} held", found.ring.len()), rows }
}

fn json(found: &Inspection) -> Value {
    let purses = found.logical_cards.iter().map(|card| {
        json!({
            "id": card.id, "operator": card.operator, "counter": card.counter,
            "balance": Money::new(card.balance, card.currency),
        })
    });
    let receipts = found.ring.iter().map(|receipt| {
        let body = &receipt.body;
        json!({
            "counter": body.transaction_counter,
            "transaction": body.transaction,
            "what": body.receipt_type.to_string(),
            "amount": Money::new(body.amount, body.currency),
            "balance_after": Money::new(body.balance_after, body.currency),
            "time": Moment::from_seconds(body.time),
            "acknowledged": receipt.acknowledged,
        })
    });
    json!({
        "life_cycle": found.life_cycle,
        "transaction_counter": found.transaction_counter,
        "pin_tries": found.pin_tries,
        "logical_cards": purses.collect::<Vec<_>>(),
        "receipts": receipts.collect::<Vec<_>>(),
    })
}
