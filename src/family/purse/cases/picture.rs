//! All that a card shows of itself, and what an order must make of that: a plain model beside the card.

use std::collections::BTreeMap;

use super::client::{Opened, Opener};
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::difference::plain;
use crate::family::purse::data::session::LogicalCardDetail;
use crate::family::purse::data::transact::{
    FILE_CYCLIC, FILE_LINEAR, Operation, ReceiptBody, ReceiptType, TransactOrder,
};
use crate::family::purse::data::{CardId, LifeCycle, Link, Role, Suite, TransactionId};
use crate::wire::hex;
use crate::wire::status::StatusWord;

/// Logical card, file, number of the record.
type RecordName = (u8, u8, u8);

/// What a session sees: STATE with details, and all records of its logical cards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub(super) life_cycle: LifeCycle,
    pub(super) counter: u32,
    pub(super) link: Link,
    pub(super) last: TransactionId,
    pub(super) details: Vec<LogicalCardDetail>,
    /// In hex.
    pub(super) records: BTreeMap<RecordName, String>,
}

/// The logical cards that the statement names.
pub(super) fn logical_cards(tester: &Tester<'_>) -> Vec<u8> {
    (1..=8).filter(|id| tester.number(&format!("purse.operator.{id}")).is_ok()).collect()
}

/// How many records a file has.
pub(super) fn records(tester: &Tester<'_>, id: u8, file: u8) -> OrStop<u8> {
    let name = if file == FILE_LINEAR { "linear" } else { "cyclic" };
    Ok(tester.number(&format!("purse.{name}_records.{id}"))? as u8)
}

/// A terminal for all logical cards that asks for everything.
pub(in crate::family::purse) fn wallet(tester: &Tester<'_>, suite: Suite, role: Role) -> Opener {
    Opener::new(suite, role).cards(&logical_cards(tester)).everything()
}

/// Debit of logical card 1.
pub(super) const fn debit(amount: u32) -> Operation {
    Operation::Debit { logical_card: 1, amount }
}

/// Top-up of logical card 1.
pub(super) const fn credit(amount: u32) -> Operation {
    Operation::Credit { logical_card: 1, amount }
}

/// Refund to logical card 1.
pub(super) const fn refund(amount: u32, of: TransactionId) -> Operation {
    Operation::Refund { logical_card: 1, amount, of }
}

/// In the preamble: logical card 1 holds this much at least.
pub(super) fn provide(tester: &mut Tester<'_>, suite: Suite, amount: u32) -> OrStop {
    tester.preamble(|tester| {
        let held = Opener::new(suite, Role::Debit).state(tester)?.balance;
        if held < amount {
            Opener::new(suite, Role::Credit).pay(tester, &[credit(amount - held)])?;
        }
        Ok(())
    })
}

/// Opens a session and looks at everything.
pub(super) fn look(tester: &mut Tester<'_>, opener: &Opener) -> OrStop<(Opened, Picture)> {
    let mut opened = opener.open(tester)?;
    let picture = Picture::of(tester, &mut opened, &opener.options.logical_cards)?;
    Ok((opened, picture))
}

impl Picture {
    fn of(tester: &mut Tester<'_>, opened: &mut Opened, ids: &[u8]) -> OrStop<Self> {
        let mut seen = BTreeMap::new();
        for &id in ids {
            for file in [FILE_LINEAR, FILE_CYCLIC] {
                for number in 1..=records(tester, id, file)? {
                    let (data, status) = opened.session.read(tester, id, file, number)?;
                    if status != StatusWord::OK {
                        let text = format!(
                            "READ of {id}/{file}/{number}: expected {}, got {}",
                            StatusWord::OK.told(),
                            status.told()
                        );
                        return Err(Stop::fail(text));
                    }
                    seen.insert((id, file, number), hex::encode(&data));
                }
            }
        }
        let state = &opened.state;
        tester.check_equal("details in STATE", &ids.len(), &state.details.len())?;
        Ok(Self {
            life_cycle: state.life_cycle,
            counter: state.transaction_counter,
            link: state.link,
            last: state.last_transaction,
            details: state.details.clone(),
            records: seen,
        })
    }

    /// What the order makes of it, and its receipt.
    pub(super) fn after(&self, card: CardId, order: &TransactOrder) -> OrStop<(Self, ReceiptBody)> {
        let mut after = self.clone();
        for operation in &order.operations {
            after.apply(operation);
        }
        let principal = order.principal().ok_or_else(|| Stop::error("an order without operations"))?;
        let named = after.details.iter().find(|detail| Some(detail.id) == principal.logical_card());
        let detail = named.or(after.details.first()).ok_or_else(|| Stop::error("a picture without details"))?;
        let body = ReceiptBody {
            card,
            transaction_counter: self.counter.wrapping_add(1),
            transaction: order.transaction,
            receipt_type: principal.receipt_type(),
            amount: principal.amount(),
            currency: detail.currency,
            balance_after: detail.balance,
            time: order.time,
            order_digest: order.digest(),
            previous_link: self.link,
        };
        after.counter = body.transaction_counter;
        after.last = order.transaction;
        after.link = body.link();
        Ok((after, body))
    }

    fn apply(&mut self, operation: &Operation) {
        let detail = self.details.iter_mut().find(|detail| Some(detail.id) == operation.logical_card());
        match (operation, detail) {
            (Operation::LifeCycle { status }, _) => self.life_cycle = *status,
            (Operation::WriteRecord { logical_card, record, data }, _) => {
                self.records.insert((*logical_card, FILE_LINEAR, *record), hex::encode(data));
            }
            (Operation::AppendRecord { logical_card, data }, _) => self.append(*logical_card, data),
            (Operation::Count { up, number, .. }, Some(detail)) => {
                let step = if *up { u32::wrapping_add } else { u32::wrapping_sub };
                detail.counter = step(detail.counter, *number);
            }
            (operation, Some(detail)) => {
                let debits = operation.receipt_type() == ReceiptType::Debit;
                let step = if debits { u32::wrapping_sub } else { u32::wrapping_add };
                detail.balance = step(detail.balance, operation.amount());
            }
            (_, None) => {}
        }
    }

    fn append(&mut self, id: u8, data: &[u8]) {
        let count = self.records.keys().filter(|name| (name.0, name.1) == (id, FILE_CYCLIC)).count() as u8;
        for number in (2..=count).rev() {
            if let Some(newer) = self.records.get(&(id, FILE_CYCLIC, number - 1)).cloned() {
                self.records.insert((id, FILE_CYCLIC, number), newer);
            }
        }
        self.records.insert((id, FILE_CYCLIC, 1), hex::encode(data));
    }
}

/// Fails unless the card looks as expected; the log has both pictures then.
pub(super) fn check_picture(tester: &mut Tester<'_>, what: &str, expected: &Picture, got: &Picture) -> OrStop {
    if expected != got {
        tester.note(format!("expected {expected}", expected = plain(&expected)));
        tester.note(format!("got {got}", got = plain(&got)));
    }
    tester.check(expected == got, what)
}
