//! Reads the journal, also while a terminal writes it.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::json;

use super::Report;
use super::arguments::{Global, JournalCommand, List, usage};
use crate::app::{AppError, Exit};
use crate::journal::JournalError;
use crate::journal::listing;
use crate::journal::record::{OrderKind, OrderNumber};
use crate::journal::sqlite::{Selection, SqliteReader};
use crate::journal::view::OrderView;
use crate::money::Currency;
use crate::terminal::policy::{Booking, Known, SettlementPolicy};

pub(super) fn run(global: &Global, command: &JournalCommand) -> Result<Report, AppError> {
    let path = global.options().journal_path()?;
    if !path.exists() {
        return Err(usage(format!("there is no journal at {} yet: the first order makes one", path.display())));
    }
    let journal = SqliteReader::open(&path)?;
    match command {
        JournalCommand::List(list) => {
            let orders = journal.orders(&selection(list))?;
            let json = json!({ "result": "orders", "orders": orders, "exit": 0 });
            Ok(Report::done(listing::list(&orders), json))
        }
        JournalCommand::Show { order } => {
            let orders = journal.orders(&Selection::One(OrderNumber(*order)))?;
            let order = orders.first().ok_or_else(|| usage(format!("the journal has no order {order}")))?;
            Ok(Report::done(listing::show(order), json!({ "result": "order", "order": order, "exit": 0 })))
        }
        JournalCommand::Totals => {
            let totals = totals(&journal.orders(&Selection::All)?, global.options().policy);
            Ok(Report::done(totals_text(&totals), json!({ "result": "totals", "totals": totals, "exit": 0 })))
        }
        JournalCommand::Verify => {
            let found = journal.verify()?;
            let exit = if found.fault.is_some() { Exit::Failed } else { Exit::Done };
            let result = if found.fault.is_some() { "damaged" } else { "in-order" };
            let json = json!({ "result": result, "verification": found, "exit": exit as u8 });
            Ok(Report { text: listing::verification(&found), json, exit })
        }
        JournalCommand::Export => export(&journal),
    }
}

const fn selection(list: &List) -> Selection {
    match list {
        List { unresolved: true, .. } => Selection::Unresolved,
        List { latest: Some(count), .. } => Selection::Latest(*count),
        List { .. } => Selection::All,
    }
}

/// What the orders of one kind, booking and currency come to.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Total {
    kind: OrderKind,
    booking: Booking,
    orders: u32,
    currency: Currency,
    /// Minor units; a day's total may be more than one amount can be.
    minor: u64,
}

fn totals(orders: &[OrderView], policy: SettlementPolicy) -> Vec<Total> {
    let mut totals: Vec<Total> = Vec::new();
    for order in orders.iter().rev().filter(|order| order.kind != OrderKind::Block) {
        let (kind, booking, currency) = (order.kind, policy.booking(Known::of(order)), order.amount.currency);
        let same = |total: &&mut Total| (total.kind, total.booking, total.currency) == (kind, booking, currency);
        match totals.iter_mut().find(same) {
            Some(total) => {
                total.orders += 1;
                total.minor += u64::from(order.amount.minor);
            }
            None => totals.push(Total { kind, booking, orders: 1, currency, minor: order.amount.minor.into() }),
        }
    }
    totals
}

fn totals_text(totals: &[Total]) -> String {
    totals.iter().fold(String::new(), |mut text, Total { kind, booking, orders, currency, minor }| {
        let (amount, unit) = (currency.amount(*minor), if *orders == 1 { "order " } else { "orders" });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<8}{:<20}{orders:>6} {unit}{amount:>24}", kind.to_string(), name(*booking));
        text
    })
}

/// In a scheme's words a top-up or refund is booked as a sale is.
const fn name(booking: Booking) -> &'static str {
    match booking {
        Booking::Sale => "booked",
        Booking::Unresolved => "unresolved",
        Booking::ProvisionalSale => "booked for now",
        Booking::TakenOff => "taken off",
        Booking::NotSale => "not booked",
        Booking::OwedToCardholder => "owed to cardholder",
    }
}

/// Line by line: a journal may be longer than memory. It is JSON lines with and without `--json`.
fn export(journal: &SqliteReader) -> Result<Report, AppError> {
    let mut out = Watched { inner: BufWriter::new(io::stdout().lock()), error: None };
    let exported = listing::export(journal, &mut out).map(|()| out.flush());
    match (exported, out.error) {
        (_, Some(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(AppError::Output(error)),
        (Ok(_), None) | (_, Some(_)) => Ok(Report::silent()),
        (Err(error), None) => Err(JournalError::into(error)),
    }
}

/// Remembers why writing failed, so that a reader who has seen enough is told from a full disk.
struct Watched<W> {
    inner: W,
    error: Option<io::Error>,
}

impl<W: Write> Watched<W> {
    fn keep<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let again = io::Error::new(error.kind(), error.to_string());
            self.error = Some(error);
            again
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(octets);
        self.keep(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.keep(result)
    }
}
