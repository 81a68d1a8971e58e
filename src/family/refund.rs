//! What of a sale is still to be given back, as far as a journal knows.

use super::{refund_of, transaction_of};
use crate::journal::record::{Entry, Intent, OrderKind, Resolution};
use crate::money::Money;

/// Adds up the refunds of one sale from the entries of a journal, oldest first. One whose end is not known counts as given.
pub struct Refunds<'s> {
    sale: &'s Intent,
    transaction: Option<String>,
    given: Vec<Intent>,
}

impl<'s> Refunds<'s> {
    /// Nothing is given back yet.
    pub fn of(sale: &'s Intent) -> Self {
        Self { sale, transaction: transaction_of(sale), given: Vec::new() }
    }

    /// Takes in one more entry.
    pub fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Intent(intent) if self.is_refund(&intent) => self.given.push(intent),
            Entry::Resolved { order, attempt, resolution: Resolution::NotPaid { .. } } => {
                self.given.retain(|refund| (refund.order, refund.attempt) != (order, attempt));
            }
            _ => {}
        }
    }

    fn is_refund(&self, intent: &Intent) -> bool {
        intent.kind == OrderKind::Refund && intent.card == self.sale.card && refund_of(intent) == self.transaction
    }

    /// What is left of the sale.
    pub fn left(&self) -> Money {
        let left = |left: u32, refund: &Intent| left.saturating_sub(refund.amount.minor);
        Money::new(self.given.iter().fold(self.sale.amount.minor, left), self.sale.amount.currency)
    }
}
