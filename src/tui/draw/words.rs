//! What the states are called on screen.

use ratatui::style::Style;

use crate::conformance::evidence::Seen;
use crate::conformance::result::{Standing, Status};
use crate::conformance::verdict::Verdict as CaseVerdict;
use crate::journal::record::OrderKind;
use crate::journal::view::OrderState;
use crate::report::outcome::sale;
use crate::report::suite::log;
use crate::terminal::event::{Outcome, OutcomeKind, Settled, Verdict};
use crate::tui::app::App;
use crate::tui::snapshot::Wanted;
use crate::tui::theme::Theme;
use crate::tui::verdicts::{CaseLine, Turn};

/// An order, as a heading.
pub(super) const fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Sale => "SALE",
        OrderKind::Refund => "REFUND",
        OrderKind::TopUp => "TOP-UP",
        OrderKind::Block => "BLOCK",
    }
}

/// A request, as a heading.
pub(super) fn wanted(wanted: Option<Wanted>) -> String {
    match wanted {
        Some(Wanted::Order(order, amount)) => format!("{}  {amount}", kind(order)),
        Some(Wanted::Balance) => "BALANCE".to_owned(),
        Some(Wanted::History) => "CARD HISTORY".to_owned(),
        Some(Wanted::Resolve) => "RESOLVE OPEN RECORDS".to_owned(),
        None => String::new(),
    }
}

/// The one big word of an outcome, and how it looks.
pub(super) fn outcome(outcome: &Outcome, theme: Theme) -> (&'static str, Style) {
    let says_more = matches!(outcome.result, OutcomeKind::Paid { .. } | OutcomeKind::Unresolved { .. });
    if !outcome.alarms.is_empty() && !says_more {
        return ("ALARM", theme.bad());
    }
    match &outcome.result {
        OutcomeKind::Paid { intent, .. } => match intent.kind {
            OrderKind::Sale => ("PAID", theme.good()),
            OrderKind::TopUp => ("TOPPED UP", theme.good()),
            OrderKind::Refund => ("REFUNDED", theme.good()),
            OrderKind::Block => ("BLOCKED", theme.good()),
        },
        OutcomeKind::Refused(_) => ("REFUSED", theme.bad()),
        OutcomeKind::NotPaid { .. } => ("NOT PAID", theme.bad()),
        OutcomeKind::Unresolved { .. } => ("UNRESOLVED", theme.unknown()),
        OutcomeKind::Cancelled(_) => ("CANCELLED", theme.strong()),
        OutcomeKind::Balance => ("BALANCE", theme.accent()),
        OutcomeKind::History(_) => ("HISTORY", theme.accent()),
        OutcomeKind::Resolved => match outcome.settled.as_slice() {
            [] => ("NOTHING OPEN", theme.accent()),
            [settled] => match settled.verdict {
                Verdict::Paid { .. } => ("WAS PAID", theme.good()),
                Verdict::NotPaid { .. } => ("NOT PAID", theme.bad()),
                Verdict::StillOpen { .. } => ("UNRESOLVED", theme.unknown()),
            },
            _ => ("RESOLVED", theme.accent()),
        },
        OutcomeKind::CardFault(_) => ("CARD ERROR", theme.bad()),
        OutcomeKind::JournalFault(_) => ("JOURNAL FAULT", theme.bad()),
        OutcomeKind::Internal(_) => ("OUR FAULT", theme.bad()),
    }
}

/// What an outcome means for the person at the counter.
pub(super) fn meaning(outcome: &Outcome, wanted: Option<Wanted>) -> Vec<String> {
    let gives = matches!(wanted, Some(Wanted::Order(OrderKind::TopUp | OrderKind::Refund, _)));
    match &outcome.result {
        OutcomeKind::Paid { intent, balance_after, .. } => {
            let of = outcome.gives_back.as_ref().map(|of| format!("It gives back {}.", sale(of)));
            let holds = format!("{}. The card holds {balance_after} now.", intent.amount);
            [holds].into_iter().chain(of).collect()
        }
        OutcomeKind::Refused(refusal) => {
            let nothing = if gives { "Nothing was put on the card." } else { "Nothing was taken from the card." };
            vec![sentence(&refusal.detail), nothing.to_owned()]
        }
        OutcomeKind::NotPaid { intent, reason } => {
            vec![format!("{} did not move: {reason}.", intent.amount), format!("The {} may be made anew.", intent.kind)]
        }
        OutcomeKind::Unresolved { intent, reason } => vec![
            format!("処理未了  Nobody knows yet whether {} moved.", intent.amount),
            "Touch this card again at any time: r resolves it.".to_owned(),
            format!("The card held {} before.", intent.balance_before),
            format!("The record stays open: {reason}."),
        ],
        OutcomeKind::Cancelled(reason) => vec![format!("{} Nothing happened.", sentence(reason))],
        OutcomeKind::CardFault(reason) => {
            vec![format!("The card could not be worked with: {reason}."), "Nothing happened.".to_owned()]
        }
        OutcomeKind::JournalFault(reason) => vec![
            sentence(reason),
            // Where an order had been sent and its end were not known, the outcome would be unresolved.
            match wanted {
                Some(Wanted::Order(..)) => "The order was not sent to the card. Nothing was moved.".to_owned(),
                _ => "Nothing more was sent to the card. What was open stays open.".to_owned(),
            },
        ],
        OutcomeKind::Internal(reason) => {
            vec![sentence(reason), "What was sent stands in the journal as open.".to_owned()]
        }
        OutcomeKind::Resolved if outcome.settled.is_empty() => vec!["Nothing was open on this card.".to_owned()],
        OutcomeKind::Resolved | OutcomeKind::Balance | OutcomeKind::History(_) => Vec::new(),
    }
}

/// A reason as a sentence of its own.
pub(super) fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// What became of an older record.
pub(super) fn settled(settled: &Settled, theme: Theme) -> (String, Style) {
    let (order, amount) = (settled.intent.order, settled.intent.amount);
    match &settled.verdict {
        Verdict::Paid { .. } => {
            let (what, never) = match settled.intent.kind {
                OrderKind::Sale => ("was paid", "Do not charge again."),
                OrderKind::TopUp | OrderKind::Refund => ("had happened", "Do not give it again."),
                OrderKind::Block => ("had happened", ""),
            };
            (format!("Order {order}, {amount}: {what}. {never}").trim_end().to_owned(), theme.good())
        }
        Verdict::NotPaid { reason } => {
            let what = if settled.intent.kind == OrderKind::Sale {
                "was not paid and never will be"
            } else {
                "did not happen and never will"
            };
            (format!("Order {order}, {amount}: {what}; {reason}."), theme.bad())
        }
        Verdict::StillOpen { reason } => {
            (format!("Order {order}, {amount}: still unresolved; {reason}."), theme.unknown())
        }
    }
}

/// How a state looks.
pub(super) fn state(state: OrderState, theme: Theme) -> Style {
    match state {
        OrderState::Open | OrderState::OpenFinal | OrderState::Acknowledged => theme.unknown(),
        OrderState::Paid => theme.good(),
        OrderState::NotPaid => theme.bad(),
    }
}

/// How a case stands: its sign, its word, its looks.
pub(super) fn standing(standing: Standing, theme: Theme) -> (char, &'static str, Style) {
    match standing {
        Standing::Passed => ('✓', "passed", theme.good()),
        Standing::Failed => ('✗', "FAILED", theme.bad()),
        Standing::Error => ('!', "ERROR", theme.bad()),
        Standing::Inconclusive => ('?', "inconclusive", theme.unknown()),
        Standing::Expected => ('?', "expected", theme.unknown()),
        Standing::Blocked => ('-', "blocked", theme.quiet()),
        Standing::NotApplicable => ('-', "not applicable", theme.quiet()),
        Standing::NotRun => ('·', "not run", theme.quiet()),
    }
}

/// The word where there is no room for it.
pub(super) const fn short(standing: Standing) -> &'static str {
    match standing {
        Standing::Passed => "ok",
        Standing::Failed => "fail",
        Standing::Error => "err",
        Standing::Inconclusive => "?",
        Standing::Expected => "known",
        Standing::Blocked => "blocked",
        Standing::NotApplicable => "n/a",
        Standing::NotRun => "left",
    }
}

/// The same, or what its part in the run under way is.
pub(super) fn turn(entry: &CaseLine, theme: Theme) -> (char, &'static str, Style) {
    match entry.turn {
        Turn::None => standing(entry.result.standing(), theme),
        Turn::Waits => ('·', "waits", theme.quiet()),
        Turn::Runs => ('▶', "runs", theme.accent()),
    }
}

/// Why a case did not pass, or does not run; nothing of one that simply has not run yet.
pub(super) fn reason(entry: &CaseLine) -> Option<&str> {
    entry.result.reason().filter(|_| entry.turn == Turn::None && entry.result.status != Status::NotRun)
}

/// A verdict in a log.
pub(super) fn verdict(verdict: CaseVerdict, theme: Theme) -> (char, Style) {
    let (sign, _, style) = standing(
        match verdict {
            CaseVerdict::Pass => Standing::Passed,
            CaseVerdict::Inconclusive => Standing::Inconclusive,
            CaseVerdict::Fail => Standing::Failed,
            CaseVerdict::Error => Standing::Error,
        },
        theme,
    );
    (sign, style)
}

/// A line of a log that has no octets.
pub(super) fn logged(seen: &Seen) -> String {
    match seen {
        Seen::PowerOff => "power off".to_owned(),
        Seen::Written { .. } => format!("memory: {}", log::content(seen)),
        Seen::NoAnswer { .. } => format!("no answer: {}", log::content(seen)),
        Seen::Torn { .. } => format!("torn: {}", log::content(seen)),
        Seen::Check { held: true, .. } => format!("holds: {}", log::content(seen)),
        Seen::Check { held: false, .. } => format!("BROKEN: {}", log::content(seen)),
        seen => log::one_line(&log::content(seen)),
    }
}

/// What a command line says to test what is tested here.
pub(super) fn options(app: &App) -> String {
    let mut options = app.suite.picture.options.clone();
    match app.snapshot.readers.get(app.snapshot.reader).filter(|reader| !reader.is_virtual) {
        Some(reader) => {
            options.reader = Some(reader.name.clone());
            (options.suite, options.mutant) = (None, None);
        }
        None => options.mutant = app.suite.mutant.map(str::to_owned).or(options.mutant),
    }
    options.words()
}
