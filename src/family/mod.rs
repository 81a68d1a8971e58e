//! Card families, one folder each. Families know no other family.

pub mod purse;

use crate::journal::record::Intent;

/// The transaction id of an attempt as its family prints it, in hex; `None` for a family that is not known here.
pub fn transaction_of(intent: &Intent) -> Option<String> {
    match intent.family.as_str() {
        purse::kernel::FAMILY => {
            purse::kernel::PurseIntent::of(intent).ok().map(|intent| intent.order.transaction.to_string())
        }
        _ => None,
    }
}
