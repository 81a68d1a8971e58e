//! TRANSACT: what it does, what it refuses, and that it is one step (specs/purse.md, clause 6).

use super::cases::SUITE;
use super::cases_client::{Desk, each_suite};
use super::data::Role;
use super::data_transact::Operation;
use crate::conformance::case::Case;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(SUITE, "TRX-DEBIT-001", "A debit takes its amount from the balance, once, and TC rises by one.")
            .proves(&["REQ-TRX-3"])
            .kills(&["debit-twice"])
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let desk = Desk::new(suite, Role::Debit);
                    let before = desk.state(tester)?;
                    let receipt = desk.pay(tester, &[Operation::Debit { logical_card: 1, amount: 1 }])?;
                    let after = desk.state(tester)?;
                    tester.check_equal("balance", &(before.balance - 1), &after.balance)?;
                    tester.check_equal("TC", &(before.transaction_counter + 1), &after.transaction_counter)?;
                    tester.check_equal("balance of the receipt", &after.balance, &receipt.body.balance_after)
                })
            }),
    ]
}
