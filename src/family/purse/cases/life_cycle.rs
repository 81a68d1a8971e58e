//! Life cycle and replacement (specs/purse.md, clause 9).

use super::client::{Opener, each_suite, suites};
use super::order::{executes, refuses, till};
use super::picture::{credit, debit, look, provide, refund, wallet};
use super::postamble::then_active;
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{CardId, LifeCycle, Link, Role, Suite, refusal};
use crate::wire::status::StatusWord;

/// The card that is replaced.
const REPLACED: CardId = CardId(*b"REPLACED");
/// Its LINK.
const LINK: Link = Link(*b"ITS LINK");

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [blocking(), ending(), replacement()].concat()
}

const fn status(status: LifeCycle) -> Operation {
    Operation::LifeCycle { status }
}

/// One 86, which must succeed.
fn change(tester: &mut Tester<'_>, suite: Suite, role: Role, to: LifeCycle) -> OrStop {
    let opener = Opener::new(suite, role).everything();
    executes(tester, &opener, &[status(to)])
}

fn blocking() -> Vec<Case> {
    vec![
        Case::new(
            "LIF-BLOCK-001",
            "A terminal can block a card; it shows status, records and receipts, and can be made active again.",
        )
        .proves(&["REQ-LIF-1"])
        .kills(&["blocked-card-shows-nothing"])
        .writes()
        .body(|tester| then_active(tester, |tester| each_suite(tester, blocked_and_back))),
        Case::new("LIF-BLOCK-002", "A blocked card moves no value and counts nothing.")
            .proves(&["REQ-LIF-1", "REQ-TRX-7"])
            .kills(&["blocked-card-pays"])
            .twin("LIF-BLOCK-001")
            .writes()
            .body(|tester| then_active(tester, |tester| each_suite(tester, blocked_moves_nothing))),
        Case::new("LIF-CHANGE-001", "A card becomes neither what it is already nor merely personalised.")
            .proves(&["REQ-LIF-1", "REQ-TRX-7"])
            .kills(&["life-cycle-any-change"])
            .twin("LIF-BLOCK-001")
            .writes()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = Opener::new(suite, Role::Administer).everything();
                    for to in [LifeCycle::Active, LifeCycle::Personalised] {
                        refuses(tester, &opener, &[status(to)], refusal::NOT_ACTIVE)?;
                    }
                    Ok(())
                })
            }),
        Case::new(
            "LIF-RIGHTS-001",
            "Only the issuer's desk makes a blocked card active; who only debits may block one.",
        )
        .revision(2)
        .proves(&["REQ-LIF-1", "REQ-TRX-7"])
        .kills(&["operation-rights-not-checked"])
        .twin("LIF-BLOCK-001")
        .writes()
        .body(|tester| {
            then_active(tester, |tester| {
                each_suite(tester, |tester, suite| {
                    refused(tester, suite, Role::Credit, LifeCycle::Blocked)?;
                    refused(tester, suite, Role::Read, LifeCycle::Blocked)?;
                    change(tester, suite, Role::Debit, LifeCycle::Blocked)?;
                    refused(tester, suite, Role::Debit, LifeCycle::Active)?;
                    change(tester, suite, Role::Administer, LifeCycle::Active)
                })
            })
        }),
        Case::new("LIF-RIGHTS-002", "Only the issuer's desk ends a card.")
            .proves(&["REQ-LIF-1", "REQ-TRX-7"])
            .kills(&["operation-rights-not-checked"])
            .twin("LIF-BLOCK-001")
            .ruins()
            .body(|tester| {
                each_suite(tester, |tester, suite| refused(tester, suite, Role::Debit, LifeCycle::Terminated))
            }),
    ]
}

/// One 86 that this role has no right to.
fn refused(tester: &mut Tester<'_>, suite: Suite, role: Role, to: LifeCycle) -> OrStop {
    let opener = Opener::new(suite, role).everything();
    refuses(tester, &opener, &[status(to)], StatusWord::SECURITY_STATUS_NOT_SATISFIED)
}

fn blocked_and_back(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    provide(tester, suite, 2)?;
    let paid = till(suite).pay(tester, &[debit(1)])?.body;
    change(tester, suite, Role::Debit, LifeCycle::Blocked)?;
    // `look` reads the records.
    let (mut opened, picture) = look(tester, &till(suite))?;
    tester.check_equal("status", &LifeCycle::Blocked, &picture.life_cycle)?;
    let receipt = opened.session.receipt(tester, &paid.transaction.0)?.map(|receipt| receipt.body);
    tester.check_equal("GET RECEIPT", &Ok(paid.clone()), &receipt)?;
    let acknowledged = opened.session.acknowledge(tester, paid.transaction)?;
    tester.check_equal("status word of ACK", &StatusWord::OK, &acknowledged)?;
    change(tester, suite, Role::Administer, LifeCycle::Active)?;
    executes(tester, &till(suite), &[debit(1)])
}

fn blocked_moves_nothing(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    provide(tester, suite, 2)?;
    let of = till(suite).pay(tester, &[debit(1)])?.body.transaction;
    change(tester, suite, Role::Debit, LifeCycle::Blocked)?;
    let count = Operation::Count { logical_card: 1, up: true, number: 1 };
    for (role, operation) in [
        (Role::Debit, debit(1)),
        (Role::Credit, credit(1)),
        (Role::Credit, count),
        (Role::Refund, refund(1, of)),
        (Role::Administer, take_over(1, 1, REPLACED)),
    ] {
        refuses(tester, &Opener::new(suite, role).everything(), &[operation], refusal::NOT_ACTIVE)?;
    }
    change(tester, suite, Role::Administer, LifeCycle::Active)
}

fn ending() -> Vec<Case> {
    vec![
        Case::new("LIF-END-001", "A terminated card is terminated for good.")
            .proves(&["REQ-LIF-1"])
            .kills(&["terminated-card-revives"])
            .twin("LIF-BLOCK-001")
            .ruins()
            .body(|tester| {
                let suite = suites(tester).into_iter().last().ok_or_else(|| Stop::error("no suite is claimed"))?;
                change(tester, suite, Role::Administer, LifeCycle::Terminated)?;
                let opener = Opener::new(suite, Role::Administer).everything();
                for to in [LifeCycle::Active, LifeCycle::Blocked, LifeCycle::Personalised, LifeCycle::Terminated] {
                    refuses(tester, &opener, &[status(to)], refusal::NOT_ACTIVE)?;
                }
                refuses(tester, &till(suite), &[debit(1)], refusal::NOT_ACTIVE)
            }),
    ]
}

const fn take_over(logical_card: u8, amount: u32, from: CardId) -> Operation {
    Operation::TakeOver { logical_card, amount, from, link: LINK }
}

fn replacement() -> Vec<Case> {
    vec![
        Case::new("LIF-TAKEOVER-001", "A fresh card takes over the value of a replaced one, in each logical card.")
            .proves(&["REQ-LIF-2"])
            .kills(&["take-over-adds-nothing"])
            .ruins()
            .body(|tester| {
                let suite = suites(tester).into_iter().last().ok_or_else(|| Stop::error("no suite is claimed"))?;
                let opener = wallet(tester, suite, Role::Administer);
                change(tester, suite, Role::Administer, LifeCycle::Blocked)?;
                change(tester, suite, Role::Administer, LifeCycle::Active)?;
                let ids = &opener.options.logical_cards;
                let operations: Vec<_> = ids.iter().map(|&id| take_over(id, u32::from(id), REPLACED)).collect();
                executes(tester, &opener, &operations)
            }),
        Case::new(
            "LIF-TAKEOVER-002",
            "A card takes over once, from one card that is not itself, each logical card once, and only while fresh.",
        )
        .proves(&["REQ-LIF-2", "REQ-TRX-7"])
        .kills(&["take-over-repeatable", "take-over-from-many"])
        .twin("LIF-TAKEOVER-001")
        .ruins()
        .body(|tester| {
            let suite = suites(tester).into_iter().last().ok_or_else(|| Stop::error("no suite is claimed"))?;
            let opener = wallet(tester, suite, Role::Administer);
            let own = opener.open(tester)?.card;
            let ids = &opener.options.logical_cards;
            let mut orders = vec![vec![take_over(1, 1, REPLACED); 2], vec![take_over(1, 1, own)]];
            if let Some(&other) = ids.get(1) {
                orders.push(vec![take_over(1, 1, REPLACED), take_over(other, 1, CardId(*b"ANOTHER1"))]);
            }
            for operations in orders {
                refuses(tester, &opener, &operations, refusal::TAKEN_OVER)?;
            }
            executes(tester, &opener, &[take_over(1, 1, REPLACED)])?;
            refuses(tester, &opener, &[take_over(1, 1, REPLACED)], refusal::TAKEN_OVER)
        }),
        Case::new("LIF-TAKEOVER-003", "A card that has paid takes over nothing.")
            .proves(&["REQ-LIF-2", "REQ-TRX-7"])
            .kills(&["take-over-repeatable"])
            .twin("LIF-TAKEOVER-001")
            .ruins()
            .body(|tester| {
                let suite = suites(tester).into_iter().last().ok_or_else(|| Stop::error("no suite is claimed"))?;
                till(suite).pay(tester, &[debit(1)])?;
                let opener = Opener::new(suite, Role::Administer).everything();
                refuses(tester, &opener, &[take_over(1, 1, REPLACED)], refusal::TAKEN_OVER)
            }),
    ]
}
