//! A terminal under test among cards that lie: made up, changed, cut and repeated answers.

use super::checks::{at_order, case, check_ended, check_orders, data_of, no_order, unresolved, with_bit};
use crate::conformance::case::Case;
use crate::conformance::lower_tester::{At, CardHandle, Exchange, Touch, Twist};
use crate::conformance::role::CommandRole;
use crate::conformance::terminal_tester::{CardKind, Ended, TerminalTester};
use crate::conformance::verdict::OrStop;

const GET_RESPONSE: u8 = 0xC0;

pub(super) fn cases() -> Vec<Case> {
    [answers(), noise()].concat()
}

/// Answers of two octets that claim success, or something that might be taken for it.
const CLAIMS_OF_SUCCESS: &[[u8; 2]] =
    &[[0x90, 0x00], [0x61, 0x00], [0x61, 0x4C], [0x62, 0x00], [0x62, 0x83], [0x63, 0x00], [0x63, 0xC3], [0x91, 0x00]];

/// Answers of two octets that claim that nothing happened.
const CLAIMS_OF_REFUSAL: &[[u8; 2]] = &[
    [0x69, 0x85],
    [0x6A, 0x80],
    [0x69, 0x82],
    [0x94, 0x01],
    [0x94, 0x02],
    [0x94, 0x04],
    [0x94, 0x10],
    [0x6F, 0x00],
    [0x6E, 0x00],
    [0x6D, 0x00],
    [0x67, 0x00],
    [0x64, 0x00],
    [0x65, 0x81],
    [0x63, 0xC0],
    [0x62, 0x00],
    [0x69, 0x88],
];

fn answers() -> Vec<Case> {
    vec![
        case("TRM-FORGED-001", "A bare word of success instead of the card's answer proves nothing.")
            .proves(&["REQ-TRM-2", "REQ-RUL-4"])
            .kills(&["plain-success-is-paid", "warning-is-paid"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                for word in CLAIMS_OF_SUCCESS {
                    let (card, before) = unspent(tester)?;
                    let touch =
                        at_order(card, Twist::instead(word)).if_asked(At::Every(GET_RESPONSE), Twist::instead(word));
                    let shown = tester.order(&tester.plain_order()?, vec![touch])?;
                    check_ended(tester, &shown, Ended::Unresolved)?;
                    check_orders(tester, card, &before, 0)?;
                }
                Ok(())
            }),
        case(
            "TRM-FORGED-002",
            "A bare word of refusal instead of the answer does not make the order void: the card has paid.",
        )
        .proves(&["REQ-TRM-2", "REQ-STA-2", "REQ-RUL-6"])
        .kills(&["missing-answer-mac-accepted", "inauthentic-is-refusal"])
        .twin("TRM-SALE-001")
        .terminal(|tester| {
            for word in CLAIMS_OF_REFUSAL {
                let (card, before) = unspent(tester)?;
                unresolved(tester, card, Twist::changed(|_| word.to_vec()))?;
                check_orders(tester, card, &before, 1)?;
            }
            Ok(())
        }),
        case("TRM-FORGED-003", "A status word changed under the R-MAC is not believed.")
            .proves(&["REQ-TRM-2", "REQ-SES-3"])
            .kills(&["answer-mac-not-verified"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                for word in CLAIMS_OF_REFUSAL {
                    let (card, before) = unspent(tester)?;
                    let twist = Twist::changed(|exchange| [data_of(exchange.honest), word].concat());
                    unresolved(tester, card, twist)?;
                    check_orders(tester, card, &before, 1)?;
                }
                Ok(())
            }),
    ]
}

fn noise() -> Vec<Case> {
    vec![
        case(
            "TRM-MUTILATED-001",
            "An answer cut, lengthened, disturbed or repeated proves nothing; the card, touched again, does.",
        )
        .needs(&["terminal.retouch"])
        .proves(&["REQ-TRM-2", "REQ-TRM-6"])
        .terminal(|tester| {
            for mutilate in MUTILATIONS {
                let (card, before) = unspent(tester)?;
                let noise = tester.random::<90>();
                let twist = Twist::changed(move |exchange| mutilate(exchange, &noise));
                let touches = vec![at_order(card, twist), Touch::of(card)];
                let shown = tester.order(&tester.plain_order()?, touches)?;
                check_ended(tester, &shown, Ended::Paid)?;
                check_orders(tester, card, &before, 1)?;
            }
            Ok(())
        }),
        case("TRM-ENDLESS-001", "A card that always has more to give does not hold the terminal for ever.")
            .proves(&["REQ-TRM-2"])
            .terminal(|tester| {
                let (card, before) = unspent(tester)?;
                let more = || Twist::changed(|_| vec![0xA5, 0x61, 0x01]);
                let touch = at_order(card, more()).if_asked(At::Every(GET_RESPONSE), more());
                let shown = tester.order(&tester.plain_order()?, vec![touch])?;
                check_ended(tester, &shown, Ended::Unresolved)?;
                check_orders(tester, card, &before, 1)
            }),
        case(
            "TRM-NOISE-001",
            "Whatever octets answer SELECT and authentication, no order is sent and nothing is shown as paid.",
        )
        .proves(&["REQ-TRM-2"])
        .twin("TRM-SALE-001")
        .terminal(|tester| {
            for role in [CommandRole::Select, CommandRole::Authenticate] {
                for mutilate in MUTILATIONS {
                    let noise = tester.random::<90>();
                    let twist = Twist::changed(move |exchange| mutilate(exchange, &noise));
                    // Each one of the touch: a mutilated answer may happen to end in 6Cxx, and then a terminal asks again.
                    no_order(tester, &CardKind::new(tester.text("terminal.card_profile")?), |card| {
                        Touch::of(card).with(At::EveryRole(role), twist)
                    })?;
                }
            }
            Ok(())
        }),
    ]
}

/// What may become of an answer on its way; the second argument is noise.
type Mutilation = fn(&Exchange<'_>, &[u8]) -> Vec<u8>;

const MUTILATIONS: &[Mutilation] = &[
    |exchange, _| exchange.honest[..1].to_vec(),
    |exchange, _| exchange.honest[..2].to_vec(),
    |exchange, _| exchange.honest[..exchange.honest.len() / 2].to_vec(),
    |exchange, _| exchange.honest[..exchange.honest.len() - 1].to_vec(),
    |exchange, _| exchange.honest[1..].to_vec(),
    |exchange, _| [data_of(exchange.honest), &[0x00, 0x90, 0x00]].concat(),
    |exchange, _| with_bit(exchange.honest, 0),
    |exchange, _| with_bit(exchange.honest, exchange.honest.len() - 3),
    |exchange, _| exchange.before.to_vec(),
    |exchange, _| [exchange.command, &[0x90, 0x00]].concat(),
    |_, noise| [noise, &[0x90, 0x00]].concat(),
    |_, noise| noise[..3].to_vec(),
];

fn unspent(tester: &mut TerminalTester<'_>) -> OrStop<(CardHandle, crate::conformance::lower_tester::Truth)> {
    let card = tester.card()?;
    let before = tester.truth(card);
    Ok((card, before))
}
