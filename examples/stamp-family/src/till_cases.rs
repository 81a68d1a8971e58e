//! What must hold of a terminal that takes stamp cards, besides what the suite `terminal` asks of every terminal.

use untorn::conformance::case::Case;
use untorn::conformance::lower_tester::{At, Touch, Twist};
use untorn::conformance::role::CommandRole;
use untorn::conformance::terminal_tester::{CardKind, RecordState};
use untorn::suite::terminal::checks::{
    at_order, check_orders, check_resolved, data_of, no_order, stays_open, unresolved, with_bit,
};

use crate::data::RING;

fn case(id: &str, purpose: &str) -> Case {
    Case::new(id, purpose).needs(&["terminal"])
}

pub fn all() -> Vec<Case> {
    [answers(), histories()].concat()
}

fn answers() -> Vec<Case> {
    vec![
        case("STAMP-TILL-001", "A card whose answer is changed in any octet gets no order.")
            .proves(&["REQ-STAMP-12"])
            .kills(&["stamp-checksum-not-verified"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                let kind = CardKind::new(tester.text("terminal.card_profile")?);
                // Id, counter, stamps, coffees, checksum: a new card remembers no visit.
                for octet in 0..19 {
                    let twist = Twist::changed(move |exchange| with_bit(exchange.honest, octet));
                    no_order(tester, &kind, |card| {
                        Touch::of(card).with(At::EveryRole(CommandRole::Authenticate), twist)
                    })?;
                }
                Ok(())
            }),
        case("STAMP-TILL-002", "An answer that says done and is not the receipt, octet for octet, proves nothing.")
            .proves(&["REQ-STAMP-10"])
            .kills(&["stamp-any-success-is-receipt"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                for octet in 0..22 {
                    let card = tester.card()?;
                    let before = tester.truth(card);
                    unresolved(tester, card, Twist::changed(move |exchange| with_bit(exchange.honest, octet)))?;
                    check_orders(tester, card, &before, 1)?;
                }
                let card = tester.card()?;
                let before = tester.truth(card);
                unresolved(tester, card, Twist::instead(&[0x90, 0x00]))?;
                check_orders(tester, card, &before, 0)
            }),
        case("STAMP-TILL-003", "A refusal has no checksum and proves nothing: the card, touched again, does.")
            .proves(&["REQ-STAMP-10", "REQ-STAMP-11"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                for (word, done) in [([0x69, 0x85], true), ([0x6A, 0x80], true), ([0x69, 0x85], false)] {
                    let card = tester.card()?;
                    let before = tester.truth(card);
                    let twist = if done { Twist::changed(move |_| word.to_vec()) } else { Twist::instead(&word) };
                    unresolved(tester, card, twist)?;
                    let shown = tester.resolve(vec![Touch::of(card)])?;
                    check_resolved(tester, &shown, if done { RecordState::Paid } else { RecordState::NotPaid })?;
                    check_orders(tester, card, &before, u32::from(done))?;
                }
                Ok(())
            }),
        case("STAMP-TILL-004", "The receipt of one visit is not that of the next.")
            .proves(&["REQ-STAMP-10"])
            .kills(&["stamp-any-success-is-receipt"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                let card = tester.card()?;
                unresolved(tester, card, Twist::LostAfter)?;
                let find = |honest: &[u8]| [&data_of(honest)[..4], &[0; 14], &[0; 4], &[0x90, 0x00]].concat();
                let twist = Twist::changed(move |exchange| find(exchange.honest));
                let shown = tester.order(&tester.plain_order()?, vec![at_order(card, twist)])?;
                tester.check(!shown.ended.says_nothing_happened(), "it is not called void")?;
                tester.check(shown.ended != untorn::conformance::terminal_tester::Ended::Paid, "nor paid")
            }),
    ]
}

fn histories() -> Vec<Case> {
    vec![
        case("STAMP-TILL-005", "The card was stamped elsewhere meanwhile: its visits decide, not its counter.")
            .proves(&["REQ-STAMP-11"])
            .kills(&["stamp-counter-alone"])
            .terminal(|tester| {
                // As many visits as the card remembers beside the order's own and the one before it.
                for elsewhere in [1, RING - 2] {
                    for (twist, expected) in
                        [(Twist::LostBefore, RecordState::NotPaid), (Twist::LostAfter, RecordState::Paid)]
                    {
                        let card = tester.card()?;
                        tester.pay_elsewhere(card)?;
                        unresolved(tester, card, twist)?;
                        for _ in 0..elsewhere {
                            tester.pay_elsewhere(card)?;
                        }
                        let shown = tester.resolve(vec![Touch::of(card)])?;
                        check_resolved(tester, &shown, expected)?;
                    }
                }
                Ok(())
            }),
        case("STAMP-TILL-006", "A card with another visit before the order decides nothing.")
            .proves(&["REQ-STAMP-11"])
            .kills(&["stamp-history-ignored"])
            .twin("STAMP-TILL-005")
            .terminal(|tester| {
                let card = tester.card()?;
                let set_back = tester.copy(card);
                tester.pay_elsewhere(card)?;
                tester.pay_elsewhere(set_back)?;
                unresolved(tester, card, Twist::LostAfter)?;
                stays_open(tester, Touch::of(set_back))
            }),
        case("STAMP-TILL-007", "A card that has forgotten the order's visit, or the one before it, decides nothing.")
            .proves(&["REQ-STAMP-11"])
            .kills(&["stamp-forgotten-is-not-made"])
            .twin("STAMP-TILL-005")
            .terminal(|tester| {
                let card = tester.card()?;
                tester.pay_elsewhere(card)?;
                unresolved(tester, card, Twist::LostBefore)?;
                for _ in 0..RING {
                    tester.pay_elsewhere(card)?;
                }
                stays_open(tester, Touch::of(card))?;
                tester.pay_elsewhere(card)?;
                stays_open(tester, Touch::of(card))
            }),
    ]
}
