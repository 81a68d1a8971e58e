//! Text and JSON of `untorn journal list`, `show`, `verify` and `export`.
//!
//! The JSON is stable: names and meanings stay, names may be added. Times are milliseconds since 1970-01-01T00:00:00Z, amounts are in the
//! minor unit of their currency.

use std::fmt::Write as _;
use std::io::Write;

use serde::Serialize;

use super::JournalError;
use super::record::{Resolution, Source};
use super::sqlite::SqliteReader;
use super::verify::Verification;
use super::view::{AlarmView, AttemptView, OrderView};

/// The table of `journal list`: one order a line, in the order given.
pub fn list(orders: &[OrderView]) -> String {
    if orders.is_empty() {
        return "no orders\n".to_owned();
    }
    let head = ["ORDER", "TIME", "KIND", "AMOUNT", "STATE", "BEFORE", "AFTER", "CARD"].map(str::to_owned);
    let rows = orders.iter().map(|order| {
        [
            order.order.to_string(),
            order.started.to_string(),
            order.kind.to_string(),
            order.amount.to_string(),
            order.words_with_alarms(),
            order.balance_before.to_string(),
            order.balance_after.map_or_else(|| "-".to_owned(), |balance| balance.to_string()),
            printable(&order.card.0),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// Columns as wide as their widest cell, amounts to the right.
fn table(rows: &[[String; 8]]) -> String {
    const AMOUNTS: [usize; 3] = [3, 5, 6];
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if AMOUNTS.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The page of `journal show`: one order and what became of each attempt.
pub fn show(order: &OrderView) -> String {
    let mut lines = vec![
        ("order", order.order.to_string()),
        ("kind", order.kind.to_string()),
        ("amount", order.amount.to_string()),
        ("family", printable(&order.family)),
        ("state", order.words_with_alarms()),
    ];
    lines.extend(order.policy.map(|policy| ("settled", policy.to_string())));
    for attempt in &order.attempts {
        lines.extend(show_attempt(attempt));
    }
    let mut text = String::new();
    for (name, value) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<18}{value}");
    }
    text
}

fn show_attempt(attempt: &AttemptView) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("attempt", attempt.attempt.to_string()),
        ("  card", printable(&attempt.card.0)),
        ("  sent from", attempt.time.to_string()),
        ("  balance before", attempt.balance_before.to_string()),
    ];
    if let Some(slip) = &attempt.slip {
        lines.push(("  slip issued", format!("{} ({})", slip.time, printable(&slip.reason))));
    }
    if let Some(time) = attempt.acknowledged {
        lines.push(("  acknowledged", time.to_string()));
    }
    let when = attempt.resolved.map_or_else(String::new, |time| time.to_string());
    match &attempt.resolution {
        Some(Resolution::Paid { balance_after, evidence, by }) => lines.extend([
            ("  paid", format!("{when}, {}", source(*by))),
            ("  balance after", balance_after.to_string()),
            ("  evidence", printable(evidence)),
        ]),
        Some(Resolution::NotPaid { reason, by }) => {
            lines.push(("  not paid", format!("{when}, {}: {}", source(*by), printable(reason))));
        }
        None => lines.push(("  outcome", "not known".to_owned())),
    }
    for AlarmView { time, alarm } in &attempt.alarms {
        lines.extend([
            ("  ALARM", time.to_string()),
            ("    journal", printable(&alarm.believed)),
            ("    evidence", printable(&alarm.believed_evidence)),
            ("    card", printable(&alarm.found)),
            ("    evidence", printable(&alarm.found_evidence)),
        ]);
    }
    lines
}

const fn source(by: Source) -> &'static str {
    match by {
        Source::Answer => "from the answer",
        Source::Retouch => "from the card touched again",
        Source::UpperSystem => "from the upper system",
    }
}

/// The line of `journal verify`.
pub fn verification(found: &Verification) -> String {
    let Verification { lines, head, fault } = found;
    match fault {
        None => format!("{lines} lines, all in order; head {head}\n"),
        Some(fault) => format!("DAMAGED at {fault}\n{lines} lines before that are in order; head {head}\n"),
    }
}

/// The JSON of `--json`: an [`OrderView`], a list of them, or a [`Verification`], as one line.
///
/// # Errors
/// [`JournalError::Storage`]: our bug, these have nothing that JSON cannot say.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, JournalError> {
    let text = serde_json::to_string(value)
        .map_err(|error| JournalError::Storage { operation: "print JSON".to_owned(), reason: error.to_string() })?;
    Ok(text + "\n")
}

/// The lines of `journal export`, oldest first, each one JSON object:
///
/// | name | value |
/// |---|---|
/// | `sequence` | from 1, without a gap |
/// | `time` | when it was written |
/// | `previous` | hash of the line before, 64 hexadecimal digits |
/// | `hash` | hash of this line |
/// | `entry` | the entry, octet for octet as it was hashed: with this and [`super::chain`] anybody can check the chain |
///
/// # Errors
/// Those of reading, and [`JournalError::Storage`] when `out` refuses.
pub fn export(journal: &SqliteReader, out: &mut dyn Write) -> Result<(), JournalError> {
    journal.lines(|line| {
        let (sequence, time) = (line.sequence, line.time.millis());
        let (previous, hash, json) = (line.previous, line.hash, &line.json);
        writeln!(
            out,
            r#"{{"sequence":{sequence},"time":{time},"previous":"{previous}","hash":"{hash}","entry":{json}}}"#
        )
        .map_err(|error| JournalError::Storage { operation: "write the export".to_owned(), reason: error.to_string() })
    })
}

/// Text from elsewhere, unable to move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect()
}
