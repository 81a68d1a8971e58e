//! One step, whatever is torn: the power goes at each write of an order, and at each write of the recovery (REQ-TRX-1, REQ-TRX-8).
//!
//! After each tear the card is as before the order or as after it, in all of its logical cards, records and counters; its receipt is
//! in the ring if, and only if, it is as after; and repeating the order makes it exactly one.

use super::client::{Opener, Session, suites};
use super::order::{Planned, finds, plan, till};
use super::picture::{credit, debit, look, provide, records, refund, wallet};
use crate::card::memory::{Cut, Torn};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::difference::plain;
use crate::family::purse::data::transact::{FILE_CYCLIC, FILE_LINEAR, Operation};
use crate::family::purse::data::{Role, Suite, TransactionId, ins};
use crate::wire::status::StatusWord;

/// Far more writes than a command has.
const WRITES_MAX: u64 = 64;
/// Power-ups after which a card must have made up its mind.
const POWER_UPS: u32 = 6;
/// Tears at each write.
const MODES: [Torn; 8] = [
    Torn::Nothing,
    Torn::All,
    Torn::Prefix(3),
    Torn::Prefix(20),
    Torn::Prefix(60),
    Torn::Erased,
    Torn::Random(7),
    Torn::Unstable(7),
];
/// The same where a session takes long.
const MODES_SAMPLED: [Torn; 4] = [Torn::Nothing, Torn::Prefix(20), Torn::Erased, Torn::Unstable(7)];

/// The quicker of the claimed suites: what is torn is the same in both.
fn quick(tester: &Tester<'_>) -> OrStop<Suite> {
    suites(tester).first().copied().ok_or_else(|| Stop::error("the statement claims no suite"))
}

fn modes(suite: Suite) -> &'static [Torn] {
    if suite == Suite::Epc1 { &MODES } else { &MODES_SAMPLED }
}

/// How far a torn run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ran {
    /// The order has fewer writes.
    Whole,
    /// The recovery was whole.
    Torn,
    /// The recovery was torn too.
    TornTwice,
}

/// One torn run: an order, the power gone at `cut`, and again at `nested` while the card recovers; then back to exactly one.
fn run(
    tester: &mut Tester<'_>,
    opener: &Opener,
    operations: &[Operation],
    cut: Cut,
    nested: Option<Cut>,
) -> OrStop<Ran> {
    let mut planned = plan(tester, opener, operations)?;
    let command = planned.command();
    if let Some(answer) = tester.send_cut(&command, cut)? {
        tester.expect_status(&answer, 0x9000)?;
        return Ok(Ran::Whole);
    }
    let torn_twice = nested.map(|nested| tester.power_on_cut(nested)).transpose()?.unwrap_or(false);
    tester.power_on()?;
    converge(tester, opener, &planned)?;
    Ok(if torn_twice { Ran::TornTwice } else { Ran::Torn })
}

fn converge(tester: &mut Tester<'_>, opener: &Opener, torn: &Planned) -> OrStop {
    let Planned { order, before, after, body, .. } = torn;
    let (mut opened, found) = look(tester, opener)?;
    let committed = found == *after;
    if !committed && found != *before {
        tester.note(format!("before {before}", before = plain(&before)));
        tester.note(format!("after {after}", after = plain(&after)));
        tester.note(format!("found {found}", found = plain(&found)));
    }
    tester.check(committed || found == *before, "all is as before the order, or all as after it")?;
    let receipt = opened.session.receipt(tester, &order.transaction.0)?;
    let expected = if committed { Ok(body) } else { Err(StatusWord::REFERENCED_DATA_NOT_FOUND) };
    tester.check_equal(
        "receipt of the torn order",
        &expected,
        &receipt.as_ref().map(|got| &got.body).map_err(|s| *s),
    )?;
    let repeated = opened.session.pay(tester, order)?;
    tester.check_equal("receipt of the repeated order", body, &repeated.body)?;
    finds(tester, opener, "the repeated order has been executed once", after)
}

/// Tears an order at each of its writes, in each of these modes.
fn tear_each_write(tester: &mut Tester<'_>, opener: &Opener, operations: &[Operation], modes: &[Torn]) -> OrStop {
    for after_writes in 0..WRITES_MAX {
        for &torn in modes {
            if run(tester, opener, operations, Cut { after_writes, torn }, None)? == Ran::Whole {
                return enough(after_writes);
            }
        }
    }
    Err(Stop::inconclusive(format!("the order has more than {WRITES_MAX} writes")))
}

/// A case that tore nothing has shown nothing.
fn enough(writes: u64) -> OrStop {
    if writes > 0 { Ok(()) } else { Err(Stop::inconclusive("the command wrote nothing that could be torn")) }
}

/// A unit from each logical card, and a record in each file that has one.
fn over_all_cards(tester: &mut Tester<'_>, opener: &Opener) -> OrStop<Vec<Operation>> {
    let ids = opener.options.logical_cards.clone();
    let mut operations: Vec<_> = ids.iter().map(|&logical_card| Operation::Debit { logical_card, amount: 1 }).collect();
    for id in ids {
        if records(tester, id, FILE_LINEAR)? > 0 {
            operations.push(Operation::WriteRecord { logical_card: id, record: 1, data: tester.random() });
        }
        if records(tester, id, FILE_CYCLIC)? > 0 {
            operations.push(Operation::AppendRecord { logical_card: id, data: tester.random() });
        }
    }
    operations.truncate(8);
    Ok(operations)
}

/// Eight operations with as much data as the card has files for.
fn largest(tester: &mut Tester<'_>, opener: &Opener) -> OrStop<Vec<Operation>> {
    let mut operations = vec![debit(1)];
    for &id in &opener.options.logical_cards {
        for _ in 0..records(tester, id, FILE_CYCLIC)?.min(2) {
            operations.push(Operation::AppendRecord { logical_card: id, data: tester.random() });
        }
        for record in (1..=records(tester, id, FILE_LINEAR)?).rev() {
            operations.push(Operation::WriteRecord { logical_card: id, record, data: tester.random() });
        }
    }
    operations.resize(8, debit(1));
    Ok(operations)
}

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [one_card(), many_operations(), recovery()].concat()
}

fn one_card() -> Vec<Case> {
    vec![
        Case::new("TRX-TEAR-001", "A debit that is torn at any write, in any way, is made wholly or not at all.")
            .proves(&["REQ-TRX-1", "REQ-TRX-3", "REQ-TRX-6"])
            .kills(&[
                "balance-before-log",
                "log-before-balance",
                "erase-before-write",
                "uncommitted-write-visible",
                "multi-block-write-partly-new",
                "torn-journal-replayed",
                "reset-commits-part",
                "tc-outside-transaction",
                "tc-set-back-by-tear",
                "recovery-debits-again",
                "state-says-completed",
            ])
            .cuts()
            .body(|tester| {
                let suite = quick(tester)?;
                provide(tester, suite, 100)?;
                tear_each_write(tester, &till(suite), &[debit(1)], modes(suite))
            }),
        Case::new("TRX-TEAR-002", "A torn top-up is made wholly or not at all.")
            .proves(&["REQ-TRX-1", "REQ-TRX-4"])
            .kills(&["balance-before-log", "tc-outside-transaction", "uncommitted-write-visible"])
            .cuts()
            .body(|tester| {
                let suite = quick(tester)?;
                let opener = Opener::new(suite, Role::Credit).everything();
                tear_each_write(tester, &opener, &[credit(1)], &MODES_SAMPLED)
            }),
        Case::new("TRX-TEAR-003", "However refunds are torn, they never exceed their debit together.")
            .proves(&["REQ-TRX-1", "REQ-TRX-5"])
            .kills(&["several-cards-one-by-one", "balance-before-log"])
            .cuts()
            .body(torn_refunds),
    ]
}

/// Each torn refund gives the whole debit back; whatever came of it, the debit is used up when it has been repeated.
fn torn_refunds(tester: &mut Tester<'_>) -> OrStop {
    let suite = quick(tester)?;
    provide(tester, suite, 100)?;
    let (paying, refunding) = (till(suite), Opener::new(suite, Role::Refund).everything());
    for after_writes in 0..WRITES_MAX {
        for torn in [Torn::Nothing, Torn::Prefix(20), Torn::Erased] {
            let of = paying.pay(tester, &[debit(2)])?.body.transaction;
            if run(tester, &refunding, &[refund(2, of)], Cut { after_writes, torn }, None)? == Ran::Whole {
                return enough(after_writes);
            }
            let mut opened = refunding.open(tester)?;
            let again = opened.order(tester, &[refund(1, of)]);
            opened.session.refuse(tester, &again, crate::family::purse::data::refusal::NOT_REFUNDABLE)?;
        }
    }
    Err(Stop::inconclusive(format!("the order has more than {WRITES_MAX} writes")))
}

fn many_operations() -> Vec<Case> {
    vec![
        Case::new("TRX-TEAR-004", "A torn order over all logical cards and files is made in all of them or in none.")
            .proves(&["REQ-TRX-1"])
            .needs(&["purse.many"])
            .kills(&["several-cards-one-by-one", "multi-block-write-partly-new"])
            .cuts()
            .body(|tester| {
                let suite = quick(tester)?;
                let opener = wallet(tester, suite, Role::Debit);
                let operations = over_all_cards(tester, &opener)?;
                tear_each_write(tester, &opener, &operations, &MODES_SAMPLED)
            }),
        Case::new("TRX-TEAR-005", "The largest order that the card takes is torn as cleanly as the smallest.")
            .proves(&["REQ-TRX-1"])
            .kills(&["journal-capacity-exceeded"])
            .cuts()
            .body(|tester| {
                let suite = quick(tester)?;
                provide(tester, suite, 500)?;
                let opener = wallet(tester, suite, Role::Debit);
                let operations = largest(tester, &opener)?;
                for after_writes in 0..WRITES_MAX {
                    for torn in [Torn::Nothing, Torn::Prefix(20)] {
                        if run(tester, &opener, &operations, Cut { after_writes, torn }, None)? == Ran::Whole {
                            return enough(after_writes);
                        }
                    }
                }
                Err(Stop::inconclusive(format!("the order has more than {WRITES_MAX} writes")))
            }),
    ]
}

fn recovery() -> Vec<Case> {
    vec![
        Case::new("TRX-TEAR-006", "A recovery that is torn in its turn, at any write, decides nothing otherwise.")
            .proves(&["REQ-TRX-1", "REQ-TRX-8"])
            .kills(&["recovery-not-idempotent"])
            .cuts()
            .body(|tester| {
                let suite = quick(tester)?;
                provide(tester, suite, 1_000)?;
                torn_twice(tester, &till(suite))
            }),
        Case::new("TRX-TEAR-007", "A write whose bits read differently each time decides once.")
            .proves(&["REQ-TRX-8"])
            .kills(&["unstable-bits-undetected"])
            .cuts()
            .body(|tester| {
                let suite = quick(tester)?;
                provide(tester, suite, 100)?;
                decides_once(tester, &till(suite))
            }),
        Case::new("RNG-TEAR-001", "A torn ACK marks its receipt or not, changes nothing else, and can be repeated.")
            .proves(&["REQ-TRX-1", "REQ-RNG-2"])
            .kills(&["ack-toggles"])
            .cuts()
            .body(|tester| {
                let suite = quick(tester)?;
                torn_acknowledgement(tester, suite)
            }),
    ]
}

fn torn_twice(tester: &mut Tester<'_>, opener: &Opener) -> OrStop {
    let second: &[Torn] = match opener.suite {
        Suite::Epc1 => &[Torn::Nothing, Torn::Erased, Torn::Unstable(5)],
        Suite::Epc2 => &[Torn::Nothing],
    };
    for after_writes in 0..WRITES_MAX {
        let cut = Cut { after_writes, torn: Torn::Nothing };
        for &torn in second {
            for after_writes in 0..WRITES_MAX {
                match run(tester, opener, &[debit(1)], cut, Some(Cut { after_writes, torn }))? {
                    Ran::TornTwice => {}
                    // The recovery has fewer writes.
                    Ran::Torn => break,
                    Ran::Whole => return enough(cut.after_writes),
                }
            }
        }
    }
    Err(Stop::inconclusive(format!("the order has more than {WRITES_MAX} writes")))
}

fn decides_once(tester: &mut Tester<'_>, opener: &Opener) -> OrStop {
    let seeds = if opener.suite == Suite::Epc1 { 0..4 } else { 0..2 };
    for after_writes in 0..WRITES_MAX {
        for seed in seeds.clone() {
            let mut planned = plan(tester, opener, &[debit(1)])?;
            let command = planned.command();
            if tester.send_cut(&command, Cut { after_writes, torn: Torn::Unstable(seed) })?.is_some() {
                return enough(after_writes);
            }
            tester.power_on()?;
            let (_, decided) = look(tester, opener)?;
            let Planned { before, after, .. } = &planned;
            tester.check(decided == *before || decided == *after, "all is as before the order, or all as after it")?;
            for _ in 1..POWER_UPS {
                tester.power_on()?;
                let (_, later) = look(tester, opener)?;
                tester.check(later == decided, "a later power-up finds what the first one decided")?;
            }
        }
    }
    Err(Stop::inconclusive(format!("the order has more than {WRITES_MAX} writes")))
}

fn torn_acknowledgement(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = till(suite);
    provide(tester, suite, 100)?;
    for after_writes in 0..WRITES_MAX {
        for torn in MODES_SAMPLED {
            let transaction = opener.pay(tester, &[debit(1)])?.body.transaction;
            let (mut opened, before) = look(tester, &opener)?;
            let pending = opened.state.unratified_count;
            let command = opened.session.protect(ins::ACK, [0, 0], &transaction.0);
            if tester.send_cut(&command, Cut { after_writes, torn })?.is_some() {
                return enough(after_writes);
            }
            tester.power_on()?;
            let (mut opened, found) = look(tester, &opener)?;
            tester.check(found == before, "ACK changes no balance, record or counter")?;
            let left = opened.state.unratified_count;
            tester.check(left == pending || left + 1 == pending, "one receipt is marked, or none")?;
            acknowledged(tester, &mut opened.session, transaction)?;
            let left = opener.state(tester)?.unratified_count;
            tester.check_equal("unratified receipts after the repeated ACK", &pending.saturating_sub(1), &left)?;
        }
    }
    Err(Stop::inconclusive(format!("ACK has more than {WRITES_MAX} writes")))
}

fn acknowledged(tester: &mut Tester<'_>, session: &mut Session, transaction: TransactionId) -> OrStop {
    let status = session.acknowledge(tester, transaction)?;
    tester.check_equal("status word of ACK", &StatusWord::OK, &status)
}
