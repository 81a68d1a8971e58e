//! The outcome of a request as one sentence and as one JSON object (specs/json.md).

use serde_json::{Map, Value, json};

use crate::counted::counted;
use crate::family;
use crate::journal::policy::{Known, SettlementPolicy};
use crate::journal::record::{Alarm, Intent};
use crate::terminal::event::{GivesBack, Outcome, OutcomeKind, Settled, Verdict};
use crate::terminal::kernel::{CardView, Contradiction, HistoryItem, RefusalReason};
use crate::terminal::refund::named;

/// One sentence for the person at the terminal. "Paid" is said only where it is proved, and durable.
pub fn sentence(outcome: &Outcome) -> String {
    match &outcome.result {
        OutcomeKind::Paid { intent, balance_after, .. } => {
            let of = outcome.gives_back.as_ref().map_or_else(String::new, |of| format!(" ({})", sale(of)));
            format!("Done: {} of {}{of}, the card holds {balance_after}.", intent.kind, intent.amount)
        }
        OutcomeKind::Refused(refusal) => format!("Refused, nothing was moved: {}.", refusal.detail),
        OutcomeKind::NotPaid { intent, reason } => {
            format!("Order {} did not happen ({reason}); it may be made anew.", intent.order)
        }
        OutcomeKind::Unresolved { intent, reason } => {
            let of = outcome.gives_back.as_ref().map_or_else(String::new, |of| format!(" It gives back {}.", sale(of)));
            format!("UNRESOLVED (処理未了): whether order {} happened is not known ({reason}).{of}", intent.order)
        }
        OutcomeKind::Cancelled(reason) => format!("Cancelled, nothing was moved: {reason}."),
        OutcomeKind::Balance => match &outcome.card {
            Some(card) => format!("The card holds {}.", card.balance),
            None => "No card.".to_owned(),
        },
        OutcomeKind::History(items) => format!("The card still holds {}.", counted(items.len(), "receipt")),
        OutcomeKind::Resolved if outcome.settled.is_empty() => "Nothing was open on this card.".to_owned(),
        OutcomeKind::Resolved => "Nothing else was open on this card.".to_owned(),
        OutcomeKind::CardFault(reason) => format!("The card cannot be worked with, nothing was moved: {reason}."),
        OutcomeKind::JournalFault(reason) => format!("This request moved nothing, the journal failed: {reason}."),
        OutcomeKind::Internal(reason) => format!("untorn made a mistake (please report it): {reason}."),
    }
}

/// The sale that a refund gives back, as people know it.
pub fn sale(of: &GivesBack) -> String {
    match &of.sale {
        Some(sale) => named(sale),
        None => format!("transaction {}, which this journal does not hold", of.transaction),
    }
}

/// That a card contradicts the journal, in one sentence.
pub fn alarm_sentence(contradiction: &Contradiction) -> String {
    let Contradiction { alarm: Alarm { believed, found, .. }, is_known, .. } = contradiction;
    let again = if *is_known { " (recorded before)" } else { "" };
    format!("ALARM{again}: the card contradicts the journal. Journal: {believed}. Card: {found}.")
}

/// What became of an older record, in one sentence.
pub fn settled_sentence(settled: &Settled) -> String {
    let intent = &settled.intent;
    let name = format!("Order {} ({} of {})", intent.order, intent.kind, intent.amount);
    match &settled.verdict {
        Verdict::Paid { balance_after, .. } => format!("{name} had happened: balance after it {balance_after}."),
        Verdict::NotPaid { reason } => format!("{name} had not happened: {reason}."),
        Verdict::StillOpen { reason } => format!("{name} is still unresolved (処理未了): {reason}."),
    }
}

/// The JSON object of an outcome. Its names and meanings stay; names may be added.
pub fn json(outcome: &Outcome, policy: SettlementPolicy) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("result".into(), name(&outcome.result).into());
    object.insert("detail".into(), sentence(outcome).into());
    // BALANCE_CHECK decides after the slip went out.
    let known = |at_once, later| if outcome.slip_issued { later } else { at_once };
    match &outcome.result {
        OutcomeKind::Paid { intent, balance_after, evidence } => {
            let mut order = order(intent);
            order.insert("balance_after".into(), json!(balance_after));
            order.insert("evidence".into(), json!(evidence));
            object.insert("order".into(), order.into());
            object.insert(
                "booking".into(),
                json!(policy.booking(intent.kind, known(Known::PaidAtOnce, Known::PaidLater))),
            );
        }
        OutcomeKind::NotPaid { intent, .. } => {
            object.insert("order".into(), order(intent).into());
            object
                .insert("booking".into(), json!(policy.booking(intent.kind, known(Known::NotPaid, Known::Disproved))));
        }
        OutcomeKind::Unresolved { intent, .. } => {
            object.insert("order".into(), order(intent).into());
            object.insert("booking".into(), json!(policy.booking(intent.kind, Known::OpenFinal)));
        }
        OutcomeKind::Refused(refusal) => {
            object.insert("reason".into(), reason(refusal.reason).into());
            object.insert("status".into(), json!(refusal.said));
        }
        OutcomeKind::History(items) => {
            object.insert("history".into(), items.iter().map(history).collect());
        }
        _ => {}
    }
    if let Some(of) = &outcome.gives_back {
        let sale = of.sale.as_ref();
        object.insert(
            "refund_of".into(),
            json!({
                "number": sale.map(|sale| sale.order),
                "amount": sale.map(|sale| sale.amount),
                "time": sale.map(|sale| sale.time),
                "transaction": of.transaction,
            }),
        );
    }
    // An order that moved value, or may have, has a card that was read before it: nobody is to take its balance for today's.
    let read = match outcome.result {
        OutcomeKind::Paid { .. } | OutcomeKind::Unresolved { .. } => "card_before",
        _ => "card",
    };
    object.insert(read.into(), outcome.card.as_ref().map_or(Value::Null, card));
    object.insert("settled".into(), outcome.settled.iter().map(settled).collect());
    if !outcome.alarms.is_empty() {
        object.insert("alarms".into(), outcome.alarms.iter().map(alarm).collect());
    }
    object
}

const fn name(result: &OutcomeKind) -> &'static str {
    match result {
        OutcomeKind::Paid { .. } => "paid",
        OutcomeKind::Refused(_) => "refused",
        OutcomeKind::NotPaid { .. } => "not-paid",
        OutcomeKind::Unresolved { .. } => "unresolved",
        OutcomeKind::Cancelled(_) => "cancelled",
        OutcomeKind::Balance => "balance",
        OutcomeKind::History(_) => "history",
        OutcomeKind::Resolved => "resolved",
        OutcomeKind::CardFault(_) => "card-fault",
        OutcomeKind::JournalFault(_) => "journal-fault",
        OutcomeKind::Internal(_) => "internal-error",
    }
}

const fn reason(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::BalanceTooSmall => "balance-too-small",
        RefusalReason::MaximumExceeded => "maximum-exceeded",
        RefusalReason::NotRefundable => "not-refundable",
        RefusalReason::NotActive => "not-active",
        RefusalReason::PinRequired => "pin-required",
        RefusalReason::PinBlocked => "pin-blocked",
        RefusalReason::NoRight => "no-right",
        RefusalReason::Currency => "currency",
        RefusalReason::NotNamed => "not-named",
        RefusalReason::Contradiction => "contradiction",
        RefusalReason::Clock => "clock",
        RefusalReason::Other => "other",
    }
}

/// What an intent says.
pub fn order(intent: &Intent) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("number".into(), json!(intent.order));
    object.insert("attempt".into(), intent.attempt.into());
    object.insert("kind".into(), json!(intent.kind));
    object.insert("card".into(), json!(intent.card));
    object.insert("amount".into(), json!(intent.amount));
    object.insert("balance_before".into(), json!(intent.balance_before));
    object.insert("time".into(), json!(intent.time));
    object.insert("transaction".into(), json!(family::transaction_of(intent)));
    object
}

fn card(view: &CardView) -> Value {
    let logical = view.balances.iter().map(|logical| {
        json!({ "id": logical.id, "operator": logical.operator, "balance": logical.balance, "counter": logical.counter })
    });
    json!({
        "id": view.card,
        "balance": view.balance,
        "inactive": view.inactive,
        "pin_above": view.pin_above,
        "pin_blocked": view.pin_blocked,
        "unratified": view.unratified,
        "logical_cards": logical.collect::<Vec<_>>(),
    })
}

fn settled(settled: &Settled) -> Value {
    let mut object = order(&settled.intent);
    let (verdict, reason, balance_after) = match &settled.verdict {
        Verdict::Paid { balance_after, .. } => ("paid", None, Some(balance_after)),
        Verdict::NotPaid { reason } => ("not-paid", Some(reason), None),
        Verdict::StillOpen { reason } => ("unresolved", Some(reason), None),
    };
    object.insert("verdict".into(), verdict.into());
    object.insert("reason".into(), json!(reason));
    object.insert("balance_after".into(), json!(balance_after));
    object.into()
}

fn alarm(contradiction: &Contradiction) -> Value {
    let Contradiction { intent, alarm, is_known } = contradiction;
    let mut object = order(intent);
    object.insert("alarm".into(), json!(alarm.kind));
    object.insert("believed".into(), json!(alarm.believed));
    object.insert("believed_evidence".into(), json!(alarm.believed_evidence));
    object.insert("found".into(), json!(alarm.found));
    object.insert("found_evidence".into(), json!(alarm.found_evidence));
    object.insert("recorded_before".into(), json!(is_known));
    object.into()
}

fn history(item: &HistoryItem) -> Value {
    json!({
        "counter": item.counter,
        "what": item.what,
        "amount": item.amount,
        "balance_after": item.balance_after,
        "time": item.time,
        "transaction": item.transaction,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::{CardReference, OrderKind, OrderNumber};
    use crate::money::{Currency, Money};
    use crate::time::Moment;

    fn ended(result: fn(Box<Intent>) -> OutcomeKind, slip_issued: bool) -> Outcome {
        let intent = Intent {
            order: OrderNumber(7),
            attempt: 1,
            kind: OrderKind::Sale,
            family: "none".to_owned(),
            card: CardReference("A".to_owned()),
            amount: Money::new(500, Currency::JPY),
            balance_before: Money::new(1000, Currency::JPY),
            time: Moment::default(),
            policy: None,
            family_data: Value::Null,
        };
        let result = result(Box::new(intent));
        Outcome { result, settled: vec![], alarms: vec![], card: None, gives_back: None, slip_issued }
    }

    #[test]
    fn what_a_balance_check_decides_is_booked_as_learnt_after_the_slip() {
        let paid = |intent: Box<Intent>| {
            let balance_after = Money::new(500, Currency::JPY);
            OutcomeKind::Paid { intent, balance_after, evidence: "E".to_owned() }
        };
        let not_paid = |intent| OutcomeKind::NotPaid { intent, reason: "seen".to_owned() };
        let booking = |outcome: &Outcome, policy| json(outcome, policy)["booking"].clone();
        assert_eq!(booking(&ended(paid, false), SettlementPolicy::Redo), "sale");
        assert_eq!(booking(&ended(paid, true), SettlementPolicy::Redo), "owed-to-cardholder");
        assert_eq!(booking(&ended(not_paid, false), SettlementPolicy::AtOnce), "not-sale");
        assert_eq!(booking(&ended(not_paid, true), SettlementPolicy::AtOnce), "taken-off");
    }
}
