//! The cases of the purse, in the order in which they run. Each file is about one clause of specs/purse.md.

use super::cases_client::{Desk, each_suite, offer, select};
use super::data::Role;
use super::data_transact::Operation;
use crate::conformance::case::Case;

/// Name of the suite.
const SUITE: &str = "purse";

/// All of them.
pub(super) fn all() -> Vec<Case> {
    vec![
        Case::new(SUITE, "SEL-FRESH-001", "Each SELECT draws a nonce and an ephemeral key that were not seen before.")
            .proves(&["REQ-SEL-1"])
            .kills(&["nonce-constant"])
            .body(|tester| {
                let first = select(tester)?;
                let second = select(tester)?;
                let (first, second) = (offer(&first)?, offer(&second)?);
                let nonces = |offer: &super::data_session::SelectAnswer| offer.epc1.as_ref().map(|epc1| epc1.nonce);
                if tester.claims("purse.epc1") {
                    tester.check(nonces(&first) != nonces(&second), "two nonces differ")?;
                }
                if tester.claims("purse.epc2") {
                    tester.check(first.epc2 != second.epc2, "two ephemeral keys differ")?;
                }
                Ok(())
            }),
        Case::new(SUITE, "TRX-DEBIT-001", "A debit takes its amount from the balance, once, and TC rises by one.")
            .proves(&["REQ-TRX-3"])
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
