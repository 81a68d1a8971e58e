//! The demonstration: one sale, and one that is torn and resolved, with a card and a journal of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Report;
use super::arguments::Global;
use super::desk::Prompts;
use super::orders::Station;
use crate::app::{AppError, Exit, Options, ReaderChoice, Telling};
use crate::journal::record::OrderKind;
use crate::journal::sqlite::Selection;
use crate::journal::{Journal, listing};
use crate::money::Money;
use crate::reader::fault::Fault;
use crate::terminal::event::Request;

/// The amounts of the two sales, minor units.
const AMOUNTS: [u32; 2] = [1_250, 380];
/// SELECT, AUTH, then TRANSACT, which moves the value.
const TRANSACT: u64 = 2;

pub(super) fn run(global: &Global) -> Result<Report, AppError> {
    let folder = Folder::make().map_err(AppError::before_the_card)?;
    let mut options = Options { reader: ReaderChoice::Virtual, card: None, ..global.options() };
    options.state = Some(folder.0.join("card.state"));
    options.journal = Some(folder.0.join("journal.db"));
    let mut station = Station::open(global, &options).map_err(AppError::before_the_card)?;
    let mut text =
        "untorn: a sale, and one that is torn. Card and journal are virtual and gone afterwards.\n".to_owned();
    let mut sales = Vec::new();
    let mut exit = Exit::Done;
    for (index, minor) in AMOUNTS.into_iter().enumerate() {
        let amount = Money::new(minor, station.app.currency);
        let _ = writeln!(text, "\n{}. A sale of {amount}.", index + 1);
        if index == 1 {
            text.push_str(
                "   The card is lifted just when it has paid and before its answer arrives: nobody at the terminal can\n   \
                 know. The same card is touched once more, and its own record tells; it is not charged again.\n",
            );
            if let Some(card) = &station.app.card {
                card.tears.arm(TRANSACT, Fault::RemovedAfter);
            }
        }
        station.desk.prompts = Prompts::Kept(Vec::new());
        let order = station.app.journal.next_order()?;
        let report = station.request(Request::Order { order, kind: OrderKind::Sale, amount });
        if let Prompts::Kept(prompts) = &station.desk.prompts {
            for prompt in prompts {
                let _ = writeln!(text, "   > {prompt}");
            }
        }
        text.push_str(&report.text);
        exit = exit.max(report.exit(Telling::Told));
        sales.push(report.json);
    }
    let journal = station.app.journal.reader();
    let (orders, found) = (journal.orders(&Selection::All)?, journal.verify()?);
    let _ = write!(text, "\n3. The journal.\n{}", listing::list(&orders));
    if found.fault.is_some() {
        text.push_str(&listing::verification(&found));
        exit = exit.max(Exit::Failed);
    }
    let json = json!({ "sales": sales, "orders": orders });
    Ok(Report::new(exit, text, "demo", "A sale, and one that was torn and resolved.", json))
}

/// A directory of this run's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, AppError> {
        let mut random = [0; 8];
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| AppError::File { operation: "create", path, source }
        };
        let base = std::env::temp_dir();
        getrandom::fill(&mut random).map_err(|error| failed(&base)(std::io::Error::other(error.to_string())))?;
        let path = base.join(format!("untorn-demo-{:016x}", u64::from_be_bytes(random)));
        // Fails where somebody else was there first.
        fs::create_dir(&path).map_err(failed(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies in the system's own place for what may be thrown away.
        drop(fs::remove_dir_all(&self.0));
    }
}
