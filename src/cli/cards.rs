//! Readers, and the virtual card from outside.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::{CardCommand, Global, Reset, Serve};
use super::{Report, desk, tell, write_out};
use crate::app::{AppError, Exit, LoadedProfile, Options, VirtualCard, stop};
use crate::conformance::role::TearAt;
use crate::counted::counted;
use crate::family::profile::{Profile, Row, Sheet};
use crate::journal::OpenRecord;
use crate::reader::vpcd::{self, Attachment, Control, Event};
use crate::report::outcome;
use crate::report::plain;
use crate::wire::hex;

/// How long a lifted card stays away.
const AWAY: Duration = Duration::from_secs(1);

pub(super) fn run(global: &Global, command: &CardCommand) -> Result<Report, AppError> {
    let options = global.options();
    let profile = LoadedProfile::load(&options)?;
    match command {
        CardCommand::Info => {
            let (profile, state, sheet) = VirtualCard::look(profile, &options)?;
            let text = format!("Memory in {}\n{}", state.display(), describe(&*profile, &sheet));
            let mut json = sheet.json;
            json["profile"] = profile.name().into();
            json["card"] = profile.card().0.into();
            json["state"] = state.display().to_string().into();
            Ok(Report::done(text, "card", format!("The virtual card {}.", profile.card()), json))
        }
        CardCommand::Reset(Reset { force }) => reset(&profile, &options, *force),
        // It is the window's; see `super::run`.
        CardCommand::Bench => Ok(Report::silent(Exit::Done)),
        CardCommand::Serve(how) => serve(&VirtualCard::open(profile, &options)?, how),
    }
}

/// Throws the card away, unless an order is open on it that then could never be resolved: a person is asked, a script must say so.
fn reset(profile: &LoadedProfile, options: &Options, force: bool) -> Result<Report, AppError> {
    let path = options.state_path(profile)?;
    let open = if force { Vec::new() } else { VirtualCard::open_on(profile, options)? };
    if !open.is_empty() {
        let list = open.iter().fold(String::new(), |mut text, OpenRecord { intent, .. }| {
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "  order {}: {} of {}, card {}", intent.order, intent.kind, intent.amount, intent.card);
            text
        });
        let warning = format!(
            "UNRESOLVED (処理未了): only this card can tell whether it did\n{list}Without its memory that stays open for ever. \
             `untorn resolve` asks the card."
        );
        if !confirmed(&warning) {
            let orders: Vec<Value> = open.iter().map(|record| outcome::order(&record.intent).into()).collect();
            let detail = "The card was kept: an order is open on it. --force throws it away all the same.";
            let json = json!({ "removed": false, "unresolved": orders });
            return Ok(Report::new(Exit::Failed, format!("{warning}\n{detail}\n"), "refused", detail, json));
        }
    }
    let removed = VirtualCard::reset(profile, options)?;
    let what = if removed { "is thrown away" } else { "was not there" };
    let detail = format!("The memory {} {what}; the next use makes a new card.", path.display());
    Ok(Report::done(format!("{detail}\n"), "reset", detail, json!({ "removed": removed })))
}

/// Asks the person, where there is one.
fn confirmed(warning: &str) -> bool {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return false;
    }
    tell(&format!("{warning}\nThrow the card away all the same? Type yes:"));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

// Readers.

pub(super) fn readers() -> Report {
    let mut text = "virtual\n".to_owned();
    let mut list = vec![json!({ "name": "virtual", "atr": null, "in_use": false })];
    let mut problem = None;
    match physical() {
        Ok(found) => {
            for reader in found {
                let state = match (&reader.atr, reader.in_use) {
                    (Some(atr), true) => format!("  card {atr}, in use"),
                    (Some(atr), false) => format!("  card {atr}"),
                    (None, _) => "  no card".to_owned(),
                };
                let _ = writeln!(text, "{}{state}", plain::name(&reader.name));
                list.push(json!({ "name": reader.name, "atr": reader.atr, "in_use": reader.in_use }));
            }
        }
        Err(reason) => {
            let reason = format!("No PC/SC readers: {reason}");
            tell(&reason);
            problem = Some(reason);
        }
    }
    let detail = problem.unwrap_or_else(|| format!("Readers: {}.", list.len()));
    Report::done(text, "readers", detail, json!({ "readers": list }))
}

struct Physical {
    name: String,
    atr: Option<String>,
    in_use: bool,
}

#[cfg(feature = "pcsc")]
fn physical() -> Result<Vec<Physical>, String> {
    let found = crate::reader::pcsc::list().map_err(|error| error.to_string())?;
    let physical = |reader: crate::reader::pcsc::Listed| Physical {
        name: reader.name,
        atr: reader.atr.map(|atr| hex::encode(&atr)),
        in_use: reader.in_use,
    };
    Ok(found.into_iter().map(physical).collect())
}

#[cfg(not(feature = "pcsc"))]
fn physical() -> Result<Vec<Physical>, String> {
    Err("this untorn was built without PC/SC".to_owned())
}

// Looking into the card.

/// Widest name in the first column; a longer one moves its own value to the right.
const NAME_WIDTH: usize = 32;

fn describe(profile: &dyn Profile, sheet: &Sheet) -> String {
    let mut text = format!("profile {}: {}\ncard {}\n", profile.name(), profile.description(), profile.card());
    for section in &sheet.sections {
        let widths = section.rows.iter().map(|row| row.name.chars().count());
        let width = widths.max().unwrap_or_default().min(NAME_WIDTH);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", section.title);
        for Row { name, value, more } in &section.rows {
            let more = if more.is_empty() { String::new() } else { format!(", {more}") };
            let _ = writeln!(text, "  {name:<width$}  {value}{more}");
        }
    }
    text
}

// Showing it to PC/SC.

/// Serves the card until Ctrl-C.
fn serve(card: &VirtualCard, how: &Serve) -> Result<Report, AppError> {
    let attachment = match how.listen {
        Some(address) => {
            let failed = |error| AppError::Reader(format!("cannot listen at {address}: {error}"));
            Attachment::listen(address).map_err(failed)?
        }
        None => Attachment::ConnectAgain(how.vpcd),
    };
    let control = Control::new();
    match how.lift_at {
        Some(TearAt::Role(role)) => control.lift_at_command(card.profile.is_command(role), how.lift.when()),
        Some(TearAt::Exchange(after)) => control.lift_at(after, how.lift.when()),
        None => {}
    }
    desk::stop_flag()?;
    let stopped = control.clone();
    stop::when_it_comes(move || stopped.stop());
    let back = (!how.no_retouch).then(|| control.clone());
    let served = vpcd::serve(&card.card(), &attachment, &control, |event| show(&event, back.as_ref()));
    if let Some(reason) = card.failure.get() {
        return Err(AppError::Reader(reason.clone()));
    }
    served.map_err(|error| AppError::Reader(error.to_string()))?;
    Ok(Report::done(String::new(), "served", "The card is no longer shown.", json!({})))
}

/// One line an event, as it happens. Commands are shown by their header only: the rest may hold a PIN.
fn show(event: &Event<'_>, back: Option<&Control>) {
    let line = match event {
        Event::Waiting => "waiting for the slot: another card is in it".to_owned(),
        Event::Presented => "presented".to_owned(),
        Event::Reset => "reset".to_owned(),
        Event::PoweredOff => "powered off".to_owned(),
        Event::Exchange { command, response } => {
            let header = hex::spaced(&command[..command.len().min(4)]);
            let status = hex::encode(&response[response.len().saturating_sub(2)..]);
            format!(
                "command {header}, {}; answer of {}, {status}",
                counted(command.len(), "octet"),
                counted(response.len(), "octet")
            )
        }
        Event::HeldBack { delay_ms } => {
            format!("the answer is held back for {delay_ms} ms: the card slows down after refused attempts")
        }
        Event::Lifted => "lifted".to_owned(),
        Event::Closed => "vpcd closed the connection; waiting until it is back".to_owned(),
    };
    // Who no longer reads the events still wants the card served.
    let _ = write_out(format!("{line}\n").as_bytes());
    if let (Event::Lifted, Some(control)) = (event, back) {
        control.pause(AWAY);
        control.present();
    }
    let _ = io::stdout().flush();
}
