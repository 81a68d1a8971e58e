//! A terminal under test among cards that contradict what it has written down.

use super::checks::{at_order, case, check_ended, check_orders, orders_sent};
use crate::conformance::case::Case;
use crate::conformance::lower_tester::{CardHandle, Touch, Twist};
use crate::conformance::terminal_tester::{Centre, Ended, Setting, TerminalTester};
use crate::conformance::verdict::OrStop;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("TRM-ALARM-001", "A card that was set back to before a sale that it paid gets no order.")
            .proves(&["REQ-TRM-9", "REQ-RUL-11"])
            .kills(&["contradictions-ignored"])
            .twin("TRM-ALARM-004")
            .terminal(|tester| {
                let card = tester.card()?;
                let set_back = tester.copy(card);
                pays(tester, card)?;
                gets_no_order(tester, set_back)
            }),
        case("TRM-ALARM-002", "A card that was set back and has caught up elsewhere gets no order.")
            .proves(&["REQ-TRM-9", "REQ-RUL-11"])
            .kills(&["contradictions-ignored"])
            .twin("TRM-ALARM-004")
            .terminal(|tester| {
                // To where the card stands, and beyond it.
                for sales in [1, 2, 3] {
                    let card = tester.card()?;
                    let set_back = tester.copy(card);
                    pays(tester, card)?;
                    for _ in 0..sales {
                        tester.pay_elsewhere(set_back)?;
                    }
                    gets_no_order(tester, set_back)?;
                }
                Ok(())
            }),
        case(
            "TRM-ALARM-003",
            "A card that has paid what a centre has called not paid gets no order before people have looked.",
        )
        .needs(&["terminal.centre"])
        .proves(&["REQ-TRM-9", "REQ-RUL-11"])
        .kills(&["contradictions-ignored"])
        .twin("TRM-CENTRE-002")
        .terminal(|tester| {
            let card = tester.card()?;
            tester.set(&Setting { centre: Some(Centre::NotPaid), ..Setting::default() })?;
            let shown = tester.order(&tester.plain_order()?, vec![at_order(card, Twist::LostAfter)])?;
            check_ended(tester, &shown, Ended::NotPaid)?;
            gets_no_order(tester, card)
        }),
        case("TRM-ALARM-004", "A card that was used elsewhere since contradicts nothing, however often it was.")
            .proves(&["REQ-TRM-9"])
            .terminal(|tester| {
                let card = tester.card()?;
                for sales in [0, 1, 7, 20] {
                    pays(tester, card)?;
                    for _ in 0..sales {
                        tester.pay_elsewhere(card)?;
                    }
                }
                pays(tester, card)
            }),
    ]
}

fn pays(tester: &mut TerminalTester<'_>, card: CardHandle) -> OrStop {
    let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
    check_ended(tester, &shown, Ended::Paid)
}

fn gets_no_order(tester: &mut TerminalTester<'_>, card: CardHandle) -> OrStop {
    let before = tester.truth(card);
    tester.commands();
    let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
    let sent = orders_sent(tester).len();
    tester.check_equal("orders sent", &0, &sent)?;
    check_orders(tester, card, &before, 0)?;
    check_ended(tester, &shown, Ended::Refused)
}
