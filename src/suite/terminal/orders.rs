//! What an order comes to, and what becomes of one whose end is not known (specs/terminal.md, clauses 1 and 2).

use super::checks::{
    at_order, case, check_ended, check_moved, check_orders, check_records, check_resolved, check_settled, orders_sent,
    stays_open, unresolved,
};
use crate::conformance::case::Case;
use crate::conformance::lower_tester::{At, Touch, Twist};
use crate::conformance::role::CommandRole;
use crate::conformance::statement::SecretText;
use crate::conformance::terminal_tester::{CardKind, Ended, OperatorOrder, RecordState, TerminalTester};
use crate::conformance::verdict::OrStop;
use crate::journal::record::OrderKind;

/// Above the PIN limit of every profile.
const LARGE: u32 = 12_500;

pub(super) fn cases() -> Vec<Case> {
    [plain(), refused(), touched_again(), sent_again(), other_cards(), histories()].concat()
}

fn plain() -> Vec<Case> {
    vec![
        case("TRM-SALE-001", "An order moves exactly its amount, once, and is shown as paid.")
            .revision(2)
            .proves(&["REQ-RUL-4", "REQ-TRM-6"])
            .kills(&["minor-units-twice", "amount-reversed"])
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
                check_orders(tester, card, &before, 1)?;
                check_ended(tester, &shown, Ended::Paid)
            }),
        case("TRM-TOPUP-001", "A top-up adds exactly its amount, once.")
            .needs(&["terminal.top_up"])
            .proves(&["REQ-RUL-4"])
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                let amount = tester.plain_order()?.amount;
                let shown = tester.order(&OperatorOrder::new(OrderKind::TopUp, amount), vec![Touch::of(card)])?;
                check_ended(tester, &shown, Ended::Paid)?;
                check_moved(tester, card, &before, (i64::from(amount), 1))
            }),
        case("TRM-REFUND-001", "A refund gives back what the sale took.")
            .needs(&["terminal.refund"])
            .proves(&["REQ-RUL-4"])
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                let amount = tester.plain_order()?.amount;
                let sale = tester.order(&OperatorOrder::sale(amount), vec![Touch::of(card)])?;
                check_ended(tester, &sale, Ended::Paid)?;
                let refund = tester.order(&OperatorOrder::new(OrderKind::Refund, amount), vec![Touch::of(card)])?;
                check_ended(tester, &refund, Ended::Paid)?;
                check_moved(tester, card, &before, (0, 2))
            }),
    ]
}

fn refused() -> Vec<Case> {
    vec![
        case("TRM-POOR-001", "A sale of more than the card holds is refused and takes nothing.")
            .proves(&["REQ-TRX-4"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                let order = OperatorOrder { pin: pin(tester), ..OperatorOrder::sale(before.balance + 1) };
                let shown = tester.order(&order, vec![Touch::of(card)])?;
                check_ended(tester, &shown, Ended::Refused)?;
                check_orders(tester, card, &before, 0)
            }),
        case("TRM-CURRENCY-001", "A card that holds another currency than the order's is refused and pays nothing.")
            .needs(&["!terminal.one_currency"])
            .proves(&["REQ-TRM-6"])
            .kills(&["currency-not-checked"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                let profile = tester.text("terminal.other_currency_profile")?;
                let card = tester.card_of(&CardKind::new(profile))?;
                let before = tester.truth(card);
                let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
                check_orders(tester, card, &before, 0)?;
                check_ended(tester, &shown, Ended::Refused)
            }),
        case(
            "TRM-PIN-001",
            "A sale above the PIN limit is paid with the PIN, which stands in no screen, journal or trace.",
        )
        .needs(&["terminal.pin", "terminal.written"])
        .proves(&["REQ-PIN-4"])
        .kills(&["secrets-written"])
        .terminal(|tester| {
            let card = tester.card()?;
            let before = tester.truth(card);
            let order = OperatorOrder { pin: pin(tester), ..OperatorOrder::sale(LARGE) };
            let shown = tester.order(&order, vec![Touch::of(card)])?;
            check_ended(tester, &shown, Ended::Paid)?;
            check_moved(tester, card, &before, (-i64::from(LARGE), 1))?;
            let (said, digits) = (tester.said_and_written()?, tester.secret("terminal.pin")?);
            // As a word of its own: within octets in hex the digits may stand by chance.
            let is_there = said.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == digits);
            tester.check(!is_there, "the PIN is neither shown nor written")
        }),
        case("TRM-PIN-002", "A sale above the PIN limit without the right PIN takes nothing.")
            .needs(&["terminal.pin"])
            .proves(&["REQ-TRX-10"])
            .twin("TRM-PIN-001")
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                let shown = tester.order(&OperatorOrder::sale(LARGE), vec![Touch::of(card)])?;
                tester.check(shown.ended.says_nothing_happened(), "nothing is shown as paid or open")?;
                check_orders(tester, card, &before, 0)
            }),
    ]
}

fn pin(tester: &TerminalTester<'_>) -> Option<SecretText> {
    tester.secret("terminal.pin").ok().map(SecretText::new)
}

fn touched_again() -> Vec<Case> {
    vec![
        case(
            "TRM-RETOUCH-001",
            "The answer is lost after the debit, the same card comes again: one debit, shown as paid.",
        )
        .needs(&["terminal.retouch"])
        .proves(&["REQ-STA-2", "REQ-STA-3", "REQ-TRM-3"])
        .kills(&["retry-without-evidence"])
        .terminal(|tester| retouched(tester, &Twist::LostAfter)),
        case(
            "TRM-RETOUCH-002",
            "The order is lost before the card has it, the same card comes again: one debit, shown as paid.",
        )
        .needs(&["terminal.retouch"])
        .proves(&["REQ-STA-2", "REQ-STA-3", "REQ-TRM-3"])
        .terminal(|tester| retouched(tester, &Twist::LostBefore)),
        case("TRM-EARLY-001", "A card that leaves before the order was sent may come again, and pays once.")
            .needs(&["terminal.retouch"])
            .proves(&["REQ-STA-1"])
            .terminal(|tester| {
                for exchange in [0, 1] {
                    for twist in [Twist::LostBefore, Twist::LostAfter] {
                        let card = tester.card()?;
                        let before = tester.truth(card);
                        let torn = Touch::of(card).with(At::Exchange(exchange), twist);
                        let shown = tester.order(&tester.plain_order()?, vec![torn, Touch::of(card)])?;
                        check_ended(tester, &shown, Ended::Paid)?;
                        check_orders(tester, card, &before, 1)?;
                    }
                }
                Ok(())
            }),
    ]
}

fn sent_again() -> Vec<Case> {
    vec![
        case("TRM-RESEND-001", "After a loss a touch begins with SELECT, and no protected command is ever sent twice.")
            .needs(&["terminal.retouch"])
            .proves(&["REQ-TRM-4"])
            .kills(&["resent-after-reconnect", "goes-on-after-reset"])
            .terminal(|tester| {
                for twist in [Twist::LostBefore, Twist::LostAfter] {
                    let card = tester.card()?;
                    let order = tester.plain_order()?;
                    let last = Touch::of(card).if_awaited();
                    tester.order(&order, vec![at_order(card, twist), Touch::of(card), last])?;
                    check_no_repetition(tester)?;
                }
                Ok(())
            }),
        case("TRM-RESEND-002", "An order that was answered with 6Cxx is not sent again: the card may have done it.")
            .proves(&["REQ-TRM-2"])
            .kills(&["repeated-after-6c"])
            .terminal(|tester| {
                let card = tester.card()?;
                let before = tester.truth(card);
                let twist = Twist::changed(|_| vec![0x6C, 0x44]);
                let shown = tester.order(&tester.plain_order()?, vec![at_order(card, twist)])?;
                check_no_repetition(tester)?;
                check_ended(tester, &shown, Ended::Unresolved)?;
                check_orders(tester, card, &before, 1)
            }),
        case("TRM-ATTEMPTS-001", "One request makes at most 16 attempts.")
            .needs(&["terminal.retouch"])
            .proves(&["REQ-STA-7"])
            .kills(&["attempts-unbounded"])
            .terminal(|tester| {
                let card = tester.card()?;
                let order = At::Role(CommandRole::Value);
                let again = || Touch::of(card).if_asked(order, Twist::LostBefore).if_awaited();
                let touches = [at_order(card, Twist::LostBefore)].into_iter().chain((0..19).map(|_| again()));
                tester.order(&tester.plain_order()?, touches.collect())?;
                let sent = orders_sent(tester).len();
                tester.check(sent <= 16, format!("{sent} attempts are at most 16"))
            }),
        case("TRM-TTID-001", "An order that proved not paid is sent again under its own transaction id.")
            .needs(&["terminal.retouch", "terminal.records"])
            .proves(&["REQ-TRM-5"])
            .kills(&["fresh-transaction-on-retry"])
            .terminal(|tester| {
                let card = tester.card()?;
                let touches = vec![at_order(card, Twist::LostBefore), Touch::of(card)];
                let shown = tester.order(&tester.plain_order()?, touches)?;
                check_ended(tester, &shown, Ended::Paid)?;
                let transactions = tester.records()?.pop().map(|record| record.transactions).unwrap_or_default();
                tester.check_equal("attempts", &2, &transactions.len())?;
                tester.check_equal("transaction id", &transactions[0], &transactions[1])
            }),
    ]
}

fn retouched(tester: &mut TerminalTester<'_>, twist: &Twist) -> OrStop {
    let card = tester.card()?;
    let before = tester.truth(card);
    let shown = tester.order(&tester.plain_order()?, vec![at_order(card, twist.clone()), Touch::of(card)])?;
    check_orders(tester, card, &before, 1)?;
    check_ended(tester, &shown, Ended::Paid)
}

/// No protected command twice, octet for octet, and nothing but SELECT after a loss.
fn check_no_repetition(tester: &mut TerminalTester<'_>) -> OrStop {
    let commands: Vec<Vec<u8>> = tester.commands().into_iter().map(|(_, command)| command).collect();
    // Without Le, which is no part of what is protected.
    let protected = commands.iter().filter(|command| command.first() == Some(&0x84)).map(|c| &c[..c.len() - 1]);
    let all = protected.clone().count();
    let different: std::collections::BTreeSet<_> = protected.collect();
    tester.check_equal("protected commands that differ", &all, &different.len())
}

fn other_cards() -> Vec<Case> {
    vec![
        case("TRM-OTHER-001", "Another card that comes instead never pays for the order, and the order stays open.")
            .needs(&["terminal.retouch"])
            .proves(&["REQ-STA-4", "REQ-RUL-4"])
            .kills(&["other-card-recovers"])
            .twin("TRM-OTHER-002")
            .terminal(|tester| {
                for twist in [Twist::LostBefore, Twist::LostAfter] {
                    let (card, other) = (tester.card()?, tester.card()?);
                    let before = tester.truth(other);
                    let touches = vec![at_order(card, twist), Touch::of(other)];
                    let shown = tester.order(&tester.plain_order()?, touches)?;
                    check_orders(tester, other, &before, 0)?;
                    check_ended(tester, &shown, Ended::Unresolved)?;
                }
                Ok(())
            }),
        case("TRM-OTHER-002", "Another card comes, then the same: the same pays once, the other nothing.")
            .needs(&["terminal.retouch"])
            .proves(&["REQ-STA-4"])
            .terminal(|tester| {
                let (card, other) = (tester.card()?, tester.card()?);
                let (before, others) = (tester.truth(card), tester.truth(other));
                let touches = vec![at_order(card, Twist::LostAfter), Touch::of(other), Touch::of(card)];
                let shown = tester.order(&tester.plain_order()?, touches)?;
                check_ended(tester, &shown, Ended::Paid)?;
                check_orders(tester, card, &before, 1)?;
                check_orders(tester, other, &others, 0)
            }),
        case(
            "TRM-NEWSALE-001",
            "A new sale on a card with an open record resolves that first; both stand in the journal.",
        )
        .proves(&["REQ-RUL-3", "REQ-TRM-3"])
        .kills(&["open-records-ignored", "unresolved-overwritten"])
        .terminal(|tester| {
            let card = tester.card()?;
            let before = tester.truth(card);
            unresolved(tester, card, Twist::LostAfter)?;
            let shown = tester.order(&tester.plain_order()?, vec![Touch::of(card)])?;
            check_ended(tester, &shown, Ended::Paid)?;
            check_settled(tester, &shown, RecordState::Paid)?;
            check_orders(tester, card, &before, 2)?;
            check_records(tester, &[RecordState::Paid, RecordState::Paid])
        }),
        case("TRM-NEWSALE-002", "A new sale on another card leaves the open record of the first open.")
            .proves(&["REQ-RUL-2"])
            .terminal(|tester| {
                let (card, other) = (tester.card()?, tester.card()?);
                unresolved(tester, card, Twist::LostAfter)?;
                let shown = tester.order(&tester.plain_order()?, vec![Touch::of(other)])?;
                check_ended(tester, &shown, Ended::Paid)?;
                tester.check(shown.settled.is_empty(), "nothing of the first card is decided")?;
                check_records(tester, &[RecordState::OpenFinal, RecordState::Paid])
            }),
    ]
}

fn histories() -> Vec<Case> {
    vec![
        case("TRM-ELSEWHERE-001", "The card paid elsewhere meanwhile: its receipts decide, not its counter.")
            .proves(&["REQ-TRM-3"])
            .kills(&["counter-alone-proves"])
            .terminal(|tester| {
                for (twist, expected) in
                    [(Twist::LostBefore, RecordState::NotPaid), (Twist::LostAfter, RecordState::Paid)]
                {
                    let card = tester.card()?;
                    unresolved(tester, card, twist)?;
                    tester.pay_elsewhere(card)?;
                    let shown = tester.resolve(vec![Touch::of(card)])?;
                    check_resolved(tester, &shown, expected)?;
                }
                Ok(())
            }),
        case("TRM-COPY-001", "A card set back whose counter caught up elsewhere decides nothing.")
            .proves(&["REQ-TRM-3"])
            .kills(&["link-ignored"])
            .twin("TRM-ELSEWHERE-001")
            .terminal(|tester| {
                let card = tester.card()?;
                let set_back = tester.copy(card);
                tester.pay_elsewhere(card)?;
                tester.pay_elsewhere(set_back)?;
                unresolved(tester, card, Twist::LostAfter)?;
                stays_open(tester, Touch::of(set_back))
            }),
        case("TRM-COPY-002", "A card whose counter went back decides nothing.")
            .proves(&["REQ-TRM-3"])
            .kills(&["older-counter-disproves"])
            .twin("TRM-ELSEWHERE-001")
            .terminal(|tester| {
                let card = tester.card()?;
                let set_back = tester.copy(card);
                tester.pay_elsewhere(card)?;
                unresolved(tester, card, Twist::LostAfter)?;
                stays_open(tester, Touch::of(set_back))
            }),
        case("TRM-FORGOTTEN-001", "A card that has no receipt of that counter any more decides nothing.")
            .proves(&["REQ-TRM-3", "REQ-RUL-2"])
            .kills(&["forgotten-is-not-paid"])
            .twin("TRM-ELSEWHERE-001")
            .terminal(|tester| {
                let card = tester.card()?;
                unresolved(tester, card, Twist::LostBefore)?;
                for _ in 0..20 {
                    tester.pay_elsewhere(card)?;
                }
                stays_open(tester, Touch::of(card))
            }),
    ]
}
