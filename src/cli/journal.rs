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
use crate::journal::policy::Booking;
use crate::journal::record::{OrderKind, OrderNumber};
use crate::journal::sqlite::{Selection, SqliteReader};
use crate::journal::view::OrderView;
use crate::money::Currency;

pub(super) fn run(global: &Global, command: &JournalCommand) -> Result<Report, AppError> {
    let journal = SqliteReader::open(global.options().journal_path()?)?;
    let read = |selection: &Selection| -> Result<Vec<OrderView>, JournalError> {
        let (policy, now) = (global.options().policy, global.options().clock().now());
        let mut orders = journal.orders(selection)?;
        for order in &mut orders {
            order.settle(policy, now);
        }
        Ok(orders)
    };
    match command {
        JournalCommand::List(list) => {
            let orders = read(&selection(list))?;
            let detail = format!("Orders listed: {}.", orders.len());
            Ok(Report::done(listing::list(&orders), "orders", detail, json!({ "orders": orders })))
        }
        JournalCommand::Show { order } => {
            let orders = read(&Selection::One(OrderNumber(*order)))?;
            let order = orders.first().ok_or_else(|| usage(format!("the journal has no order {order}")))?;
            let detail = format!("Order {}: {} of {}, {}.", order.order, order.kind, order.amount, order.words());
            Ok(Report::done(listing::show(order), "order", detail, json!({ "order": order })))
        }
        JournalCommand::Totals => {
            let totals = totals(&read(&Selection::All)?);
            let detail = "What the orders come to, each under the policy it was made under.";
            Ok(Report::done(totals_text(&totals), "totals", detail, json!({ "totals": totals })))
        }
        JournalCommand::Verify => {
            let found = journal.verify()?;
            let exit = if found.fault.is_some() { Exit::Failed } else { Exit::Done };
            let result = if found.fault.is_some() { "damaged" } else { "in-order" };
            let text = listing::verification(&found);
            let detail = text.trim_end().replace('\n', " ");
            Ok(Report::new(exit, text, result, detail, json!({ "verification": found })))
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

/// Each order by the policy that held when it was made.
fn totals(orders: &[OrderView]) -> Vec<Total> {
    let mut totals: Vec<Total> = Vec::new();
    for order in orders.iter().rev().filter(|order| order.kind != OrderKind::Block) {
        let booking = order.policy.unwrap_or_default().booking(order.kind, order.known());
        let (kind, currency) = (order.kind, order.amount.currency);
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
        Booking::OwedByCardholder => "owed by cardholder",
    }
}

/// Line by line: a journal may be longer than memory. It is JSON lines with and without `--json`.
fn export(journal: &SqliteReader) -> Result<Report, AppError> {
    super::is_open_for_writing(&io::stdout()).map_err(AppError::Output)?;
    let mut out = Watched { inner: BufWriter::new(io::stdout().lock()), error: None };
    let exported = listing::export(journal, &mut out).map(|()| out.flush());
    match (exported, out.error) {
        (_, Some(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(AppError::Output(error)),
        (Ok(_), None) | (_, Some(_)) => Ok(Report::silent(Exit::Done)),
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
