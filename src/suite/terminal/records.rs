//! A terminal under test that loses its power, gives up, closes its day: what it has written down, and what it says meanwhile.

use super::checks::{
    at_order, case, check_ended, check_moved, check_orders, check_records, check_resolved, check_settled, orders_sent,
    unresolved,
};
use crate::conformance::case::Case;
use crate::conformance::lower_tester::{At, CardHandle, Touch, Twist};
use crate::conformance::role::CommandRole;
use crate::conformance::terminal_tester::{Centre, Ended, OperatorOrder, RecordState, Setting, TerminalTester};
use crate::conformance::verdict::OrStop;
use crate::journal::record::OrderKind;
use crate::quoted::quoted;

pub(super) fn cases() -> Vec<Case> {
    [given_up(), shown_meanwhile(), killed(), durable(), kept(), settings()].concat()
}

/// The open record of this card is found to be this, and the card was debited accordingly.
fn resolves(tester: &mut TerminalTester<'_>, card: CardHandle, expected: RecordState) -> OrStop {
    let shown = tester.resolve(vec![Touch::of(card)])?;
    check_resolved(tester, &shown, expected)
}

fn given_up() -> Vec<Case> {
    vec![
        case("TRM-TIMEOUT-001", "Time-out after a lost answer: unresolved, until the card proves that it was paid.")
            .proves(&["REQ-STA-2", "REQ-STA-5", "REQ-RUL-5"])
            .kills(&["time-out-is-failure"])
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                unresolved(tester, card, Twist::LostAfter)?;
                resolves(tester, card, RecordState::Paid)?;
                check_orders(tester, card, &before, 1)
            }),
        case("TRM-TIMEOUT-002", "Time-out after a lost order: unresolved, until the card proves that it was not paid.")
            .proves(&["REQ-STA-2", "REQ-STA-5", "REQ-RUL-4"])
            .kills(&["time-out-is-success"])
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                unresolved(tester, card, Twist::LostBefore)?;
                resolves(tester, card, RecordState::NotPaid)?;
                check_orders(tester, card, &before, 0)
            }),
        case("TRM-STOP-001", "The operator's stop leaves an order open whose end is not known.")
            .needs(&["terminal.stop"])
            .proves(&["REQ-STA-5", "REQ-RUL-5"])
            .kills(&["stop-drops-pending"])
            .terminal(|tester| {
                let card = tester.card()?;
                let order = OperatorOrder { stops: true, ..tester.plain_order()? };
                let shown = tester.order(&order, vec![at_order(card, Twist::LostAfter)])?;
                check_ended(tester, &shown, Ended::Unresolved)?;
                resolves(tester, card, RecordState::Paid)
            }),
        case("TRM-SLIP-001", "That the unresolved slip was issued is durable once it is shown.")
            .needs(&["terminal.records", "terminal.kill"])
            .proves(&["REQ-STA-5"])
            .kills(&["slip-not-recorded"])
            .terminal(|tester| {
                let card = tester.card()?;
                unresolved(tester, card, Twist::LostAfter)?;
                tester.restart()?;
                check_records(tester, &[RecordState::OpenFinal])
            }),
    ]
}

fn shown_meanwhile() -> Vec<Case> {
    vec![
        case("TRM-BALANCE-001", "At the balance check after the slip the card is read and nothing is sent anew.")
            .needs(&["terminal.balance_check"])
            .proves(&["REQ-STA-6"])
            .kills(&["balance-check-orders"])
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                tester.set(&Setting { checks_balance: true, ..Setting::default() })?;
                let touches = vec![at_order(card, Twist::LostBefore), Touch::nobody(), Touch::of(card)];
                let shown = tester.order(&tester.plain_order()?, touches)?;
                check_orders(tester, card, &before, 0)?;
                check_ended(tester, &shown, Ended::NotPaid)
            }),
        case("TRM-WORDS-001", "While the outcome is not known nothing shown says paid, or asks to pay again.")
            .needs(&["terminal.words"])
            .proves(&["REQ-RUL-6"])
            .kills(&["asks-to-pay-again"])
            .terminal(|tester| {
                let words = [tester.text("terminal.says_paid")?, tester.text("terminal.says_again")?];
                for twist in [Twist::LostBefore, Twist::LostAfter] {
                    let card = tester.card()?;
                    let shown = tester.order(&tester.plain_order()?, vec![at_order(card, twist)])?;
                    check_ended(tester, &shown, Ended::Unresolved)?;
                    for words in words {
                        tester.check(
                            !shown.text.contains(words),
                            format!("{words} is not shown", words = quoted(words)),
                        )?;
                    }
                }
                Ok(())
            }),
        case("TRM-WORDS-002", "Paid is not shown before the card's answer is there.")
            .needs(&["terminal.words", "terminal.kill"])
            .proves(&["REQ-RUL-6", "REQ-TRM-7"])
            .kills(&["approved-early"])
            .terminal(|tester| {
                let words = tester.text("terminal.says_paid")?;
                let card = tester.card()?;
                let shown = tester.order(&tester.plain_order()?, vec![at_order(card, Twist::KilledBefore)])?;
                check_ended(tester, &shown, Ended::Killed)?;
                tester.check(!shown.text.contains(words), format!("{words} is not shown", words = quoted(words)))
            }),
    ]
}

fn killed() -> Vec<Case> {
    vec![
        case(
            "TRM-KILL-001",
            "Killed around the order: the record is there, holds new sales up, and the card decides it.",
        )
        .needs(&["terminal.kill"])
        .proves(&["REQ-TRM-1", "REQ-RUL-1", "REQ-RUL-7"])
        .kills(&["intent-forgotten", "restart-holds-nothing-up"])
        .terminal(|tester| {
            let rows = [(Twist::KilledBefore, RecordState::NotPaid, 0), (Twist::KilledAfter, RecordState::Paid, 1)];
            for (twist, expected, commits) in rows {
                let (card, other) = (tester.card()?, tester.card()?);
                let before = tester.truth(card);
                let shown = tester.order(&tester.plain_order()?, vec![at_order(card, twist)])?;
                check_ended(tester, &shown, Ended::Killed)?;
                let next = tester.order(&tester.plain_order()?, vec![Touch::of(other).if_awaited()])?;
                check_ended(tester, &next, Ended::HeldUp)?;
                resolves(tester, card, expected)?;
                check_orders(tester, card, &before, commits)?;
            }
            Ok(())
        }),
        case(
            "TRM-KILL-002",
            "Killed at any exchange, then restarted: what the records call paid is what the card paid.",
        )
        .needs(&["terminal.kill", "terminal.records"])
        .revision(3)
        .proves(&["REQ-RUL-2", "REQ-RUL-4"])
        .terminal(|tester| {
            let mut paid = 0;
            let card = tester.card()?;
            let before = tester.truth(card);
            tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
            let whole = tester.commands().len() as u64;
            // Beyond the end of an order that nothing tears too: the one before may be open.
            for exchange in 0..whole + 3 {
                for twist in [Twist::KilledBefore, Twist::KilledAfter] {
                    let (at, touch) = (At::Exchange(exchange), Touch::of(card));
                    let torn = if exchange < whole { touch.with(at, twist) } else { touch.if_asked(at, twist) };
                    tester.order(&tester.plain_order()?, vec![torn])?;
                    tester.resolve(vec![Touch::of(card).if_awaited()])?;
                    paid = tester.records()?.iter().filter(|record| record.state == RecordState::Paid).count();
                }
            }
            check_orders(tester, card, &before, paid as u32)
        }),
        case("TRM-KILL-003", "Killed in the middle of the recovery: the order counts once.")
            .needs(&["!terminal.no_acknowledgement", "terminal.kill", "terminal.records"])
            .proves(&["REQ-RUL-4"])
            .kills(&["settled-twice"])
            .terminal(|tester| {
                for (role, twist) in [
                    (CommandRole::Authenticate, Twist::KilledAfter),
                    (CommandRole::Acknowledge, Twist::KilledBefore),
                    (CommandRole::Acknowledge, Twist::KilledAfter),
                ] {
                    let card = tester.card()?;
                    let first = tester.records()?.len();
                    unresolved(tester, card, Twist::LostAfter)?;
                    tester.resolve(vec![Touch::of(card).with(At::Role(role), twist)])?;
                    tester.resolve(vec![Touch::of(card)])?;
                    let states: Vec<_> = tester.records()?[first..].iter().map(|record| record.state).collect();
                    tester.check_equal("records", &vec![RecordState::Paid], &states)?;
                }
                Ok(())
            }),
    ]
}

fn durable() -> Vec<Case> {
    vec![
        case("TRM-DURABLE-001", "What was shown as paid is paid after a restart.")
            .needs(&["terminal.kill", "terminal.records"])
            .proves(&["REQ-TRM-7", "REQ-RUL-6"])
            .kills(&["journal-not-flushed", "paid-before-durable"])
            .terminal(|tester| {
                let card = tester.card()?;
                let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
                check_ended(tester, &shown, Ended::Paid)?;
                tester.restart()?;
                check_records(tester, &[RecordState::Paid])
            }),
        case("TRM-DURABLE-002", "Paid is durable before the card is told that its receipt arrived.")
            .needs(&["!terminal.no_acknowledgement", "terminal.kill", "terminal.records"])
            .proves(&["REQ-TRM-7"])
            .kills(&["acknowledged-before-durable"])
            .terminal(|tester| {
                let card = tester.card()?;
                let touch = Touch::of(card).with(At::Role(CommandRole::Acknowledge), Twist::KilledBefore);
                tester.order(&tester.plain_order()?, vec![touch])?;
                check_records(tester, &[RecordState::Paid])
            }),
        case("TRM-DURABLE-003", "A lost acknowledgement costs nothing: the sale is paid.")
            .needs(&["!terminal.no_acknowledgement"])
            .proves(&["REQ-TRM-7"])
            .terminal(|tester| {
                for twist in [Twist::LostBefore, Twist::LostAfter] {
                    let card = tester.card()?;
                    let before = tester.truth(card);
                    let touch = Touch::of(card).with(At::Role(CommandRole::Acknowledge), twist);
                    let shown = tester.order(&tester.plain_order()?, vec![touch])?;
                    check_ended(tester, &shown, Ended::Paid)?;
                    check_orders(tester, card, &before, 1)?;
                }
                Ok(())
            }),
    ]
}

/// An order left open, then this, then the card decides as it would have before.
fn outlives(tester: &mut TerminalTester<'_>, meanwhile: impl Fn(&mut TerminalTester<'_>) -> OrStop) -> OrStop {
    let card = tester.card()?;
    unresolved(tester, card, Twist::LostAfter)?;
    meanwhile(tester)?;
    check_records(tester, &[RecordState::OpenFinal])?;
    resolves(tester, card, RecordState::Paid)
}

fn close_day(tester: &mut TerminalTester<'_>) -> OrStop {
    tester.close_day()
}

fn acknowledge(tester: &mut TerminalTester<'_>) -> OrStop {
    tester.acknowledge()
}

fn kept() -> Vec<Case> {
    vec![
        case("TRM-KEPT-001", "An open record outlives restarts.")
            .needs(&["terminal.kill"])
            .proves(&["REQ-RUL-2", "REQ-RUL-5"])
            .kills(&["pending-dropped-at-restart"])
            .terminal(|tester| {
                outlives(tester, |tester| {
                    tester.restart()?;
                    tester.restart()
                })
            }),
        case("TRM-KEPT-002", "An open record outlives the close of the day.")
            .needs(&["terminal.day"])
            .proves(&["REQ-RUL-5"])
            .kills(&["pending-dropped-at-day-close"])
            .terminal(|tester| outlives(tester, close_day)),
        case("TRM-KEPT-003", "An open record that the operator has seen stays open.")
            .needs(&["terminal.acknowledge"])
            .proves(&["REQ-RUL-7", "REQ-RUL-2"])
            .kills(&["acknowledge-closes"])
            .terminal(|tester| outlives(tester, acknowledge)),
        case("TRM-KEPT-004", "An open record does not expire.")
            .needs(&["terminal.clock"])
            .proves(&["REQ-RUL-2"])
            .kills(&["pending-expires"])
            .terminal(|tester| outlives(tester, |tester| tester.pass_days(90))),
        case("TRM-KEPT-005", "Of many open records none is dropped.")
            .needs(&["terminal.records"])
            .proves(&["REQ-RUL-5"])
            .kills(&["log-full-drops-oldest"])
            .terminal(|tester| {
                let cards = (0..9).map(|_| tester.card()).collect::<OrStop<Vec<_>>>()?;
                for card in &cards {
                    unresolved(tester, *card, Twist::LostAfter)?;
                }
                check_records(tester, &[RecordState::OpenFinal; 9])?;
                for card in cards {
                    resolves(tester, card, RecordState::Paid)?;
                }
                Ok(())
            }),
        case("TRM-OVERDUE-001", "Under on-confirmation an open record is overdue after 55 days, and not before.")
            .needs(&["terminal.clock", "terminal.policy", "terminal.records"])
            .proves(&["REQ-POL-2"])
            .kills(&["never-overdue"])
            .terminal(|tester| {
                tester.set(&Setting { policy: Some("on-confirmation".to_owned()), ..Setting::default() })?;
                let card = tester.card()?;
                unresolved(tester, card, Twist::LostAfter)?;
                for (days, expected) in [(0, false), (54, false), (3, true)] {
                    tester.pass_days(days)?;
                    let overdue = tester.records()?.first().and_then(|record| record.is_overdue);
                    tester.check_equal("overdue", &Some(expected), &overdue)?;
                }
                Ok(())
            }),
        case("TRM-POLICY-001", "What an order counts for is the table of its scheme's settlement policy.")
            .needs(&["terminal.policy", "terminal.records"])
            .proves(&["REQ-POL-1"])
            .kills(&["policy-ignored"])
            .terminal(|tester| {
                let table = match tester.plain_order()?.kind {
                    OrderKind::TopUp | OrderKind::Refund => &ADDING,
                    OrderKind::Sale | OrderKind::Block => &TAKING,
                };
                table.iter().try_for_each(|row| policy(tester, row))
            }),
    ]
}

/// Policy; what counts with the slip out, what when it turns out done, and what when it turns out not done.
type Counts = (&'static str, [&'static str; 3]);

/// Of an order that takes from the card.
const TAKING: [Counts; 4] = [
    ("on-next-touch", ["unresolved", "sale", "not-sale"]),
    ("on-confirmation", ["unresolved", "sale", "not-sale"]),
    ("at-once", ["provisional-sale", "sale", "taken-off"]),
    ("redo", ["not-sale", "owed-to-cardholder", "not-sale"]),
];

/// Of one that adds to it.
const ADDING: [Counts; 4] = [
    ("on-next-touch", ["unresolved", "sale", "not-sale"]),
    ("on-confirmation", ["unresolved", "sale", "not-sale"]),
    ("at-once", ["provisional-sale", "sale", "owed-to-cardholder"]),
    ("redo", ["not-sale", "owed-by-cardholder", "not-sale"]),
];

fn policy(tester: &mut TerminalTester<'_>, (name, expected): &Counts) -> OrStop {
    tester.set(&Setting { policy: Some((*name).to_owned()), ..Setting::default() })?;
    for (twist, decided, later) in
        [(Twist::LostAfter, RecordState::Paid, expected[1]), (Twist::LostBefore, RecordState::NotPaid, expected[2])]
    {
        let card = tester.card()?;
        unresolved(tester, card, twist)?;
        check_booking(tester, expected[0])?;
        resolves(tester, card, decided)?;
        check_booking(tester, later)?;
    }
    Ok(())
}

fn check_booking(tester: &mut TerminalTester<'_>, expected: &str) -> OrStop {
    let booking = tester.records()?.pop().and_then(|record| record.booking);
    tester.check_equal("counts for", &Some(expected.to_owned()), &booking)
}

fn settings() -> Vec<Case> {
    vec![
        case("TRM-STOPLIST-001", "A card on the stop list gets no order and pays nothing.")
            .needs(&["terminal.stop_list"])
            .proves(&["REQ-RUL-8", "REQ-TRM-8"])
            .kills(&["stop-list-ignored"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                let card = tester.card()?;
                let before = stop(tester, card, false)?;
                let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
                let sent = orders_sent(tester).len();
                tester.check_equal("orders sent", &0, &sent)?;
                check_orders(tester, card, &before, 0)?;
                check_ended(tester, &shown, Ended::Refused)
            }),
        case("TRM-STOPLIST-002", "A stopped card's open record is resolved all the same, and no new order follows.")
            .needs(&["terminal.stop_list"])
            .proves(&["REQ-RUL-8", "REQ-TRM-8"])
            .kills(&["stop-list-skipped-on-recovery"])
            .terminal(|tester| {
                let card = tester.card()?;
                unresolved(tester, card, Twist::LostAfter)?;
                let before = stop(tester, card, false)?;
                let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
                check_orders(tester, card, &before, 0)?;
                check_settled(tester, &shown, RecordState::Paid)?;
                check_ended(tester, &shown, Ended::Refused)
            }),
        case("TRM-BLOCK-001", "A card on the stop list is blocked where the operator wants that.")
            .needs(&["terminal.stop_list", "terminal.block"])
            .proves(&["REQ-RUL-8"])
            .kills(&["stopped-card-not-blocked"])
            .terminal(|tester| {
                let card = tester.card()?;
                let before = stop(tester, card, true)?;
                let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
                check_ended(tester, &shown, Ended::Refused)?;
                check_moved(tester, card, &before, (0, 1))?;
                let after = tester.truth(card);
                tester.check(after.is_blocked, "the card is blocked")
            }),
        case("TRM-CENTRE-001", "A centre that does not know, or does not answer, leaves the order unresolved.")
            .needs(&["terminal.centre"])
            .proves(&["REQ-STA-5", "REQ-RUL-2"])
            .kills(&["centre-silence-is-not-paid"])
            .twin("TRM-CENTRE-002")
            .terminal(|tester| {
                for centre in [Centre::Unknown, Centre::Unreachable] {
                    let card = tester.card()?;
                    tester.set(&Setting { centre: Some(centre), ..Setting::default() })?;
                    unresolved(tester, card, Twist::LostAfter)?;
                    resolves(tester, card, RecordState::Paid)?;
                }
                Ok(())
            }),
        case("TRM-CENTRE-002", "A centre that has no such transaction decides the order.")
            .needs(&["terminal.centre"])
            .proves(&["REQ-STA-5"])
            .terminal(|tester| {
                let card = tester.card()?;
                tester.set(&Setting { centre: Some(Centre::NotPaid), ..Setting::default() })?;
                let shown = tester.order(&tester.plain_order()?, vec![at_order(card, Twist::LostBefore)])?;
                check_ended(tester, &shown, Ended::NotPaid)?;
                check_records(tester, &[RecordState::NotPaid])
            }),
    ]
}

/// Puts the card on the stop list. What it holds comes back.
fn stop(
    tester: &mut TerminalTester<'_>,
    card: CardHandle,
    blocks_stopped: bool,
) -> OrStop<crate::conformance::lower_tester::Truth> {
    let before = tester.truth(card);
    tester.set(&Setting { stop_list: vec![before.id.clone()], blocks_stopped, ..Setting::default() })?;
    tester.commands();
    Ok(before)
}
