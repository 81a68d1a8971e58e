//! The books of a simulated world: what the cards held before, what the journals prove since, what the cards hold now.

use std::collections::{BTreeMap, BTreeSet};

use super::field::{Field, SimulatedCard};
use crate::family::purse::card::inspection::Inspection;
use crate::family::purse::data::CardId;
use crate::family::purse::data::transact::{ReceiptBody, ReceiptType};
use crate::journal::memory::MemoryJournal;
use crate::journal::record::{CardReference, Entry, OrderKind, Resolution};

/// The cards before anything.
pub(super) struct Books {
    cards: [Inspection; 2],
}

impl Books {
    pub(super) fn of(field: &Field) -> Self {
        Self { cards: [0, 1].map(|card| field.inspect(card, SimulatedCard::inspect)) }
    }

    /// Nothing created, nothing lost, everything written, nothing twice; for each card by itself.
    pub(super) fn check(&self, field: &Field, journals: &[&MemoryJournal]) -> Result<(), String> {
        for (number, before) in self.cards.iter().enumerate() {
            let (reference, now) =
                (CardReference(card_id(number).to_string()), field.inspect(number, SimulatedCard::inspect));
            let (mut expected, mut commits) = (balance(before), 0);
            for journal in journals {
                let (value, count) = proved(journal, &reference)?;
                expected += value;
                commits += count;
            }
            if balance(&now) != expected {
                let held = balance(&now);
                return Err(format!("the journals prove {expected} on card {number}, it holds {held}"));
            }
            let (first, last) = (before.transaction_counter, now.transaction_counter);
            if i64::from(last) != i64::from(first) + commits {
                return Err(format!(
                    "the journals prove {commits} commits of card {number}, it went from {first} to {last}"
                ));
            }
            check_chain(&now)?;
        }
        Ok(())
    }
}

pub(super) const fn card_id(number: usize) -> CardId {
    CardId([0x53, 0x49, 0x4D, 0, 0, 0, 0, number as u8])
}

fn balance(card: &Inspection) -> i64 {
    card.logical_cards.iter().map(|card| i64::from(card.balance)).sum()
}

/// What a journal's proved orders changed on this card, and how many they are.
fn proved(journal: &MemoryJournal, card: &CardReference) -> Result<(i64, i64), String> {
    let (mut value, mut count) = (0, 0);
    let entries = journal.entries();
    let mut paid = BTreeSet::new();
    let mut lent = BTreeMap::new();
    for (_, entry) in &entries {
        if let Entry::Alarm { alarm, .. } = entry {
            return Err(format!("an alarm of a right card: {}; {}", alarm.believed, alarm.found));
        }
        let Entry::Intent(intent) = entry else { continue };
        let first = lent.entry(crate::family::transaction_of(intent)).or_insert(&intent.card);
        if **first != intent.card {
            return Err(format!("order {} goes to two cards under one transaction id", intent.order));
        }
        let resolutions = entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Resolved { order, attempt, resolution } if (*order, *attempt) == (intent.order, intent.attempt) => {
                Some(resolution)
            }
            _ => None,
        });
        let resolutions: Vec<_> = resolutions.collect();
        if resolutions.len() > 1 {
            return Err(format!("order {} is resolved {} times", intent.order, resolutions.len()));
        }
        if matches!(resolutions.first(), Some(Resolution::Paid { .. })) {
            if !paid.insert(intent.order) {
                return Err(format!("order {} is paid twice", intent.order));
            }
            if intent.card != *card {
                continue;
            }
            count += 1;
            let amount = i64::from(intent.amount.minor);
            value += if intent.kind == OrderKind::Sale { -amount } else { amount };
        }
    }
    Ok((value, count))
}

/// TC rises, each receipt names the LINK before it and continues its balance, and the last one leads to what the card holds.
fn check_chain(card: &Inspection) -> Result<(), String> {
    let mut ring: Vec<_> = card.ring.iter().map(|receipt| &receipt.body).collect();
    ring.sort_by_key(|body| body.transaction_counter);
    for pair in ring.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        let counter = after.transaction_counter;
        if counter == before.transaction_counter {
            return Err(format!("two receipts have the counter {counter}"));
        }
        if counter != before.transaction_counter + 1 {
            continue;
        }
        if after.previous_link != before.link() {
            return Err(format!("the receipt chain breaks at {counter}"));
        }
        if i64::from(before.balance_after) + change(after) != i64::from(after.balance_after) {
            let [from, to] = [before, after].map(|body| body.balance_after);
            return Err(format!("receipt {counter} says {} {}, from {from} to {to}", after.receipt_type, after.amount));
        }
    }
    let Some(last) = ring.last() else { return Ok(()) };
    if last.link() != card.link || last.transaction_counter != card.transaction_counter {
        return Err("the last receipt is not the card's last transaction".to_owned());
    }
    match card.logical_cards.first() {
        Some(first) if first.balance != last.balance_after => {
            Err(format!("the last receipt says {}, the card holds {}", last.balance_after, first.balance))
        }
        _ => Ok(()),
    }
}

/// What a receipt did to its logical card; in these worlds always the first.
fn change(body: &ReceiptBody) -> i64 {
    match body.receipt_type {
        ReceiptType::Debit => -i64::from(body.amount),
        ReceiptType::TopUp | ReceiptType::Refund | ReceiptType::TakeOver => i64::from(body.amount),
        ReceiptType::Data | ReceiptType::LifeCycle => 0,
    }
}
