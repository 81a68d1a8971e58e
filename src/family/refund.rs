//! The sale that a refund gives back, and what of it is still to be given back, as far as a journal knows.

use super::{refund_of, transaction_of};
use crate::journal::record::{CardReference, Entry, Intent, OrderKind, Resolution};
use crate::journal::{Journal, JournalError};
use crate::money::Money;
use crate::terminal::event::{PaidSale, RefundOf, SaleFound};

/// Finds the sale of this card, or of any, that a refund asks for.
///
/// # Errors
/// The journal cannot be read.
pub fn find(journal: &mut dyn Journal, card: Option<&CardReference>, of: &RefundOf) -> Result<SaleFound, JournalError> {
    let mut sales = Sales { card, wanted: of, newest: None, open: Vec::new() };
    journal.entries_of(card, &mut |entry| sales.add(entry))?;
    let Sales { newest, mut open, .. } = sales;
    let number = |sale: &Intent| (sale.order, sale.attempt);
    open.retain(|sale| newest.as_ref().is_none_or(|newest| number(newest) < number(sale)));
    let mut found = SaleFound { paid: None, open: open.pop() };
    if let Some(sale) = newest {
        let mut refunds = Refunds::of(&sale);
        journal.entries_of(Some(&sale.card), &mut |entry| refunds.add(entry))?;
        let left = refunds.left();
        let transaction = transaction_of(&sale).unwrap_or_default();
        found.paid = Some(PaidSale { sale, transaction, left });
    }
    Ok(found)
}

/// The sales that may be meant, while entries are read in order.
struct Sales<'w> {
    card: Option<&'w CardReference>,
    wanted: &'w RefundOf,
    newest: Option<Intent>,
    /// Those whose end is not known.
    open: Vec<Intent>,
}

impl Sales<'_> {
    fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Intent(intent) if intent.kind == OrderKind::Sale && self.is_wanted(&intent) => {
                self.open.push(intent);
            }
            Entry::Resolved { order, attempt, resolution } => {
                let index = self.open.iter().position(|sale| (sale.order, sale.attempt) == (order, attempt));
                let Some(sale) = index.map(|index| self.open.remove(index)) else { return };
                // A sale that was decided late is as old as it is.
                let is_newer = self.newest.as_ref().is_none_or(|newest| newest.order < sale.order);
                if is_newer && matches!(resolution, Resolution::Paid { .. }) {
                    self.newest = Some(sale);
                }
            }
            _ => {}
        }
    }

    fn is_wanted(&self, sale: &Intent) -> bool {
        // The first attempt of an order may have been at another card.
        if self.card.is_some_and(|card| *card != sale.card) {
            return false;
        }
        match self.wanted {
            RefundOf::Newest | RefundOf::Shown(_) => true,
            RefundOf::Transaction(of) => transaction_of(sale).is_some_and(|id| id.eq_ignore_ascii_case(of)),
        }
    }
}

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
