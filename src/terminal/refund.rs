//! Which sale a refund gives back (specs/terminal.md, clause 2).

use super::Terminal;
use super::event::{Action, GivesBack, PaidSale, RefundOf, Request, SaleFound};
use super::kernel::{Draft, RefusalReason, Task};
use super::state::State;
use crate::entropy::Entropy;
use crate::journal::record::Intent;
use crate::time::Moment;

impl Terminal {
    /// What was open on the card is resolved, and the journal says this of the sale.
    pub(super) fn sale_found(
        &mut self,
        mut draft: Draft,
        found: &SaleFound,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Action {
        let Request::Refund { amount, of, .. } = self.run.request.clone() else {
            return self.refuse(RefusalReason::NotRefundable, "no refund was asked for");
        };
        match choose(&of, found) {
            Ok(chosen) => self.run.gives_back = Some(chosen),
            Err(reason) => return self.refuse(RefusalReason::NotRefundable, &reason),
        }
        match (amount, &found.paid) {
            // What the journal knows is at most what is left: another terminal may have given back some of it.
            (Some(amount), Some(PaidSale { sale, left, .. })) if amount.minor > left.minor => {
                let reason = format!("{amount} cannot be given back: {left} is left of {}", named(sale));
                return self.refuse(RefusalReason::NotRefundable, &reason);
            }
            (Some(_), _) => {}
            (None, Some(PaidSale { sale, left, .. })) if left.minor == 0 => {
                return self.refuse(RefusalReason::NotRefundable, &format!("all of {} is given back", named(sale)));
            }
            (None, Some(PaidSale { left, .. })) => draft.amount = *left,
            (None, None) => {
                let reason = "the journal does not hold that sale, so how much is to be given back must be said";
                return self.refuse(RefusalReason::NotRefundable, reason);
            }
        }
        draft.refund_of = self.run.gives_back.as_ref().map(|chosen| chosen.transaction.clone());
        self.run(Task::Order(draft), State::Ordering, now, entropy)
    }
}

/// The sale that is meant, or why that is not certain.
fn choose(of: &RefundOf, found: &SaleFound) -> Result<GivesBack, String> {
    if let Some(open) = &found.open {
        return Err(format!("whether {} was paid is not known", named(open)));
    }
    match (of, &found.paid) {
        (RefundOf::Transaction(of), None) => Ok(GivesBack { transaction: of.clone(), sale: None }),
        (_, None) => Err("the journal holds no paid sale of this card".to_owned()),
        (RefundOf::Shown(shown), Some(PaidSale { sale, transaction, .. })) if shown != transaction => {
            Err(format!("the newest sale of this card is {}, not the one that was shown", named(sale)))
        }
        (_, Some(PaidSale { sale, transaction, .. })) => {
            Ok(GivesBack { transaction: transaction.clone(), sale: Some(Box::new(sale.clone())) })
        }
    }
}

/// A sale as people know it.
pub fn named(sale: &Intent) -> String {
    format!("order {}, {} of {}, {}", sale.order, sale.kind, sale.amount, sale.time)
}
