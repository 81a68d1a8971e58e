//! Sale, top-up, refund, enquiry, and resolving what is open.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::Report;
use super::arguments::{Global, Pay, Refund, Resolve, TearArguments, TearOption, TopUp, usage};
use super::desk::ShellDesk;
use super::pin::NoPin;
use crate::app::rehearsal::{Rehearsal, rehearse};
use crate::app::{self, App, AppError, Money as Moved, Options, Telling, Work};
use crate::conformance::role::{CommandRole, TearAt};
use crate::counted::counted;
use crate::family::refund::find;
use crate::journal::record::{CardReference, Entry, Intent, OrderKind, OrderNumber};
use crate::journal::sqlite::{SqliteJournal, SqliteReader};
use crate::journal::{Journal, OpenRecord};
use crate::money::{Currency, Money};
use crate::quoted::quoted;
use crate::reader::fault::FaultPlan;
use crate::report::outcome::{alarm_sentence, order as order_json, sentence, settled_sentence};
use crate::report::{outcome, slip};
use crate::terminal::event::{Outcome, OutcomeKind, RefundOf, Request, SaleFound, Verdict};
use crate::terminal::kernel::{Contradiction, HistoryItem, RefusalReason};

pub(super) fn pay(global: &Global, pay: &Pay) -> Result<Report, AppError> {
    let options = global.options();
    let amount = parse_amount(&pay.amount, options.currency()?)?;
    let request = |order| Request::Order { order, kind: OrderKind::Sale, amount };
    Station::open(global, &options)?.order(&options, request, &pay.tear)
}

pub(super) fn top_up(global: &Global, top_up: &TopUp) -> Result<Report, AppError> {
    let options = global.options();
    let amount = parse_amount(&top_up.amount, options.currency()?)?;
    let request = |order| Request::Order { order, kind: OrderKind::TopUp, amount };
    Station::open(global, &options)?.order(&options, request, &top_up.tear)
}

pub(super) fn refund(global: &Global, refund: &Refund) -> Result<Report, AppError> {
    let options = global.options();
    let currency = options.currency()?;
    let amount = refund.amount.as_ref().map(|text| parse_amount(text, currency)).transpose()?;
    let mut station = Station::open(global, &options)?;
    let of = refund.of.clone().map_or(RefundOf::Newest, RefundOf::Transaction);
    // Which sale it is, the terminal decides at the card; that there is none, paid or open, can be said before it is touched.
    if amount.is_none() && find(&mut station.app.journal, options.card.as_ref(), &of)? == SaleFound::default() {
        return Err(usage(match &refund.of {
            Some(of) => format!("the journal holds no sale {of}: say the amount too"),
            None => "the journal holds no sale: say the amount, and --of for which sale".to_owned(),
        }));
    }
    station.order(&options, |order| Request::Refund { order, amount, of: of.clone() }, &refund.tear)
}

pub(super) fn balance(global: &Global) -> Result<Report, AppError> {
    enquire(global, Request::Balance)
}

pub(super) fn history(global: &Global) -> Result<Report, AppError> {
    enquire(global, Request::History)
}

/// Looks at a card; a journal that cannot be written is told, and hinders nothing that is not to be written down.
fn enquire(global: &Global, request: Request) -> Result<Report, AppError> {
    let options = global.options();
    let (app, refusal) = App::open_for_enquiry(&options)?;
    let mut station = Station::of(app, global, &options)?;
    if let Some(refusal) = refusal {
        super::tell(&format!("untorn: {refusal}; the card is only looked at"));
    }
    let report = station.request(request);
    Ok(station.announced(report))
}

pub(super) fn resolve(global: &Global, resolve: &Resolve) -> Result<Report, AppError> {
    let options = global.options();
    if let Some(number) = resolve.acknowledge {
        return acknowledge(&options, number);
    }
    let mut station = Station::open(global, &options)?;
    let open = station.app.journal.open(None)?;
    if open.is_empty() {
        // A virtual card is always there, and may contradict the journal; for a real one nobody waits without a reason.
        if station.app.card.is_some() {
            let mut report = station.request(Request::Resolve);
            if report.money == Moved::Contradicted {
                report.set("unresolved", Value::Array(Vec::new()));
                return Ok(station.announced(report));
            }
        }
        let text = "Nothing is unresolved.\n".to_owned();
        let json = json!({ "settled": [], "unresolved": [] });
        return Ok(station.announced(Report::done(text, "resolved", "Nothing is unresolved.", json)));
    }
    let mut report = station.request(Request::Resolve);
    let left = match station.app.journal.open(None) {
        Ok(left) => station.pending(left),
        // What the card has said is written down: that the journal cannot be read now makes it neither undone nor unsaid.
        Err(error) => {
            super::tell(&format!("untorn: what is still unresolved cannot be read: {error}"));
            report.raise(Moved::NotKnown);
            return Ok(report);
        }
    };
    if !left.is_empty() {
        let _ = write!(report.text, "Still unresolved:\n{}", list_open(&left));
        report.raise(Moved::NotKnown);
    }
    report.set("unresolved", left.iter().map(Pending::json).collect());
    Ok(report)
}

/// An amount as typed, and not nothing.
fn parse_amount(text: &str, currency: Currency) -> Result<Money, AppError> {
    match Money::parse(text, currency) {
        Ok(Money { minor: 0, .. }) => {
            Err(usage(format!("{text}: an order moves at least the smallest unit", text = quoted(text))))
        }
        Ok(amount) => Ok(amount),
        Err(error) => Err(usage(error.to_string())),
    }
}

/// A terminal and who stands at it.
pub(super) struct Station {
    pub(super) app: App,
    pub(super) desk: ShellDesk,
    card: Option<CardReference>,
    /// What the journal says against the clock.
    clock_doubt: Option<String>,
}

impl Station {
    pub(super) fn open(global: &Global, options: &Options) -> Result<Self, AppError> {
        Self::of(App::open(options)?, global, options)
    }

    fn of(app: App, global: &Global, options: &Options) -> Result<Self, AppError> {
        let clock_doubt = app.clock_doubt()?;
        if let Some(doubt) = &clock_doubt {
            super::tell(&format!("untorn: warning: {doubt}"));
        }
        let mut desk = ShellDesk::new(&app, global.pin_file.clone(), global.json)?;
        desk.pin_wait = Duration::from_secs(options.wait_seconds.into());
        Ok(Self { app, desk, card: options.card.clone(), clock_doubt })
    }

    /// Says where a new journal was made: the person may have meant another.
    fn announced(&self, mut report: Report) -> Report {
        if self.app.journal.is_new() {
            let path = self.app.journal.reader().path().display().to_string();
            super::tell(&format!("A new journal was made: {path}"));
            report.set("new_journal", path.into());
        }
        if let Some(doubt) = &self.clock_doubt {
            report.set("clock_doubt", doubt.as_str().into());
        }
        report
    }

    /// Runs an order, unless one of an earlier run is open: that must be resolved or acknowledged first (unresolved orders
    /// survive restarts, and nobody may be charged around them).
    fn order(
        &mut self,
        options: &Options,
        request: impl FnOnce(OrderNumber) -> Request,
        tear: &TearArguments,
    ) -> Result<Report, AppError> {
        if tear.tear.is_some() && self.app.card.is_none() {
            return Err(usage("--tear tears the virtual card: at a real reader, lift the card"));
        }
        self.desk.retouch = !tear.no_retouch;
        let open = self.app.journal.open(None)?;
        let blocking: Vec<_> = open.into_iter().filter(OpenRecord::holds_up_orders).collect();
        if !blocking.is_empty() {
            return Ok(blocked(&self.pending(blocking)));
        }
        let number = self.app.journal.next_order()?;
        let request = request(number);
        if let Some(tear) = tear.tear {
            self.arm(tear, options, &request)?;
        }
        let report = self.request(request);
        let report = self.announced(report);
        Ok(if tear.tear.is_some() { self.with_tear(report) } else { report })
    }

    /// Arms the tear, unless the order would move value and the tear not come about: that is refused before anything is sent.
    fn arm(&mut self, tear: TearOption, options: &Options, request: &Request) -> Result<(), AppError> {
        let rehearsal = rehearse(&mut self.app, options, request.clone());
        let Some(card) = &self.app.card else { return Ok(()) };
        if let Some(Rehearsal { commands }) = rehearsal {
            let plays = |role: CommandRole| {
                let is_it = card.profile.is_command(role);
                commands.iter().any(|command| is_it.is(command))
            };
            let comes = match tear.at {
                TearAt::Exchange(after) => usize::try_from(after).is_ok_and(|after| after < commands.len()),
                TearAt::Role(role) => plays(role),
            };
            if !comes {
                let names: Vec<_> =
                    CommandRole::ALL.into_iter().filter(|role| plays(*role)).map(CommandRole::name).collect();
                let among = if names.is_empty() { String::new() } else { format!(", among them {}", names.join(", ")) };
                return Err(usage(format!(
                    "--tear {at}: this order has {}{among}; nothing was sent",
                    counted(commands.len(), "command"),
                    at = tear.at
                )));
            }
        }
        match tear.at {
            TearAt::Exchange(after) => card.tears.arm(after, tear.fault),
            TearAt::Role(role) => card.tears.arm_at_command(card.profile.is_command(role), tear.fault),
        }
        Ok(())
    }

    /// Says whether the card was torn. What was asked for and did not happen must not pass for a tear survived; what became of the
    /// order, the report says all the same.
    fn with_tear(&self, mut report: Report) -> Report {
        let plan = self.app.card.as_ref().map(|card| &card.tears);
        let torn = plan.is_some_and(|plan| !plan.happened().is_empty());
        report.set("torn", torn.into());
        if !torn {
            let sent = plan.map_or(0, FaultPlan::exchanges);
            let note = format!(
                "--tear: the tear did not come about; the card was not torn, it got {} only.",
                counted(sent, "command")
            );
            let _ = writeln!(report.text, "{note}");
            report.set("detail", format!("{} {note}", report.json["detail"].as_str().unwrap_or_default()).into());
            if report.work == Work::Whole {
                report.work = Work::TearMissed;
            }
        }
        report
    }

    /// What stays open, with what has come of the time to claim it.
    fn pending(&self, open: Vec<OpenRecord>) -> Vec<Pending> {
        let (policy, now) = (self.app.policy, self.app.clock.now());
        let pending = |record: OpenRecord| {
            let overdue = record.intent.policy.unwrap_or(policy).is_overdue(record.intent.time, now);
            Pending { record, overdue }
        };
        open.into_iter().map(pending).collect()
    }

    /// Runs a request and reports it.
    pub(super) fn request(&mut self, request: Request) -> Report {
        let mut outcome = self.app.run(request, &mut self.desk);
        // The terminal only knows that there was none.
        if let (OutcomeKind::Cancelled(reason), Some(why)) = (&mut outcome.result, &self.desk.no_pin) {
            why.detail().clone_into(reason);
        }
        self.report(&outcome)
    }

    fn report(&self, outcome: &Outcome) -> Report {
        let mut text = String::new();
        for settled in &outcome.settled {
            let _ = writeln!(text, "{}", settled_sentence(settled));
        }
        for alarm in &outcome.alarms {
            let _ = writeln!(text, "{}", alarm_sentence(alarm));
        }
        let _ = writeln!(text, "{}", sentence(outcome));
        let heading = slip::Heading { test_keys: true, policy: self.app.policy };
        if let Some(slip) = slip::of(outcome, heading) {
            let _ = write!(text, "\n{slip}");
        }
        match &outcome.result {
            OutcomeKind::History(items) => text.push_str(&list_history(items)),
            OutcomeKind::Refused(refusal) => {
                if let Some(hint) = self.hint(refusal.reason, outcome) {
                    let _ = writeln!(text, "{hint}");
                }
            }
            OutcomeKind::Balance => text.push_str(&describe_card(outcome)),
            _ => {}
        }
        let mut json = outcome::json(outcome, self.app.policy);
        if matches!(outcome.result, OutcomeKind::Cancelled(_)) {
            json.insert("reason".into(), self.desk.reason().into());
        }
        json.insert("test_keys".into(), true.into());
        // What happened at the card has happened: a trace that fails changes no exit code.
        if let Some(reason) = self.app.trace_error() {
            super::tell(&format!("untorn: {reason}"));
            json.insert("trace_error".into(), reason.into());
        }
        if let Some(reason) = self.app.card.as_ref().and_then(|card| card.failure.get()) {
            super::tell(&format!("untorn: the virtual card is silent: {reason}"));
        }
        let (money, work) = self.came_of(outcome);
        Report::about(money, work, text, json.into())
    }

    /// What the person can do about a refusal.
    fn hint(&self, reason: RefusalReason, outcome: &Outcome) -> Option<String> {
        let met = outcome.card.as_ref().map_or("", |card| card.card.0.as_str());
        match (reason, &self.card) {
            (RefusalReason::NotNamed, Some(named)) => {
                Some(format!("--card names {named}, the card at the reader is {met}."))
            }
            (RefusalReason::NotNamed, None) => {
                Some(format!("This is a real reader. If this card may be used, repeat with --card {met}"))
            }
            (RefusalReason::NoRight, _) => {
                self.app.grants.map(|grants| format!("Add it to --grant, which takes {grants}."))
            }
            (RefusalReason::NotRefundable, _) => Some(
                "`untorn journal list` shows the sales of this terminal. A refund is for the card that paid; --of TTID names another sale of it."
                    .to_owned(),
            ),
            (RefusalReason::BalanceTooSmall, _) => Some("`untorn topup AMOUNT` adds to the card.".to_owned()),
            (RefusalReason::Currency, _) => Some("Say with --profile for which card this terminal works.".to_owned()),
            _ => None,
        }
    }

    /// For the table of exit codes.
    fn came_of(&self, outcome: &Outcome) -> (Moved, Work) {
        let still_open = outcome.settled.iter().any(|settled| matches!(settled.verdict, Verdict::StillOpen { .. }));
        let learnt = outcome.settled.iter().any(|settled| !matches!(settled.verdict, Verdict::StillOpen { .. }));
        let work = match &outcome.result {
            OutcomeKind::Unresolved { .. } => return (Moved::NotKnown, Work::Whole),
            // Whatever else came of it, people must look.
            _ if outcome.alarms.iter().any(Contradiction::holds_up) => return (Moved::Contradicted, Work::Whole),
            OutcomeKind::Paid { .. } => return (Moved::Known, Work::Whole),
            OutcomeKind::Resolved if still_open => return (Moved::NotKnown, Work::Whole),
            OutcomeKind::Balance | OutcomeKind::History(_) | OutcomeKind::Resolved if learnt => {
                return (Moved::Known, Work::Whole);
            }
            OutcomeKind::Balance | OutcomeKind::History(_) | OutcomeKind::Resolved => Work::Whole,
            OutcomeKind::Refused(refusal) if refusal.reason == RefusalReason::NotNamed => Work::Usage,
            OutcomeKind::Cancelled(_) if self.desk.is_stopped() => {
                super::desk::signal().map_or(Work::Failed, Work::Signalled)
            }
            // A file named on the command line.
            OutcomeKind::Cancelled(_) if matches!(self.desk.no_pin, Some(NoPin::Unreadable(_))) => Work::Usage,
            OutcomeKind::Cancelled(_) if self.desk.no_card => Work::NoCard,
            _ => Work::Failed,
        };
        (Moved::NotMoved, work)
    }
}

/// What a person says of a record is the journal's alone: neither reader nor card is asked.
fn acknowledge(options: &Options, number: u32) -> Result<Report, AppError> {
    let path = options.journal_path()?;
    // Where there is none, none is made for this.
    drop(SqliteReader::open(&path)?);
    let mut journal = SqliteJournal::open(&path)?;
    let open = journal.open(None)?;
    let Some(record) = open.iter().find(|record| record.intent.order.0 == number) else {
        let text = format!("order {number} is not unresolved; see `untorn journal list --unresolved`");
        return Err(usage(text));
    };
    let Intent { order, attempt, .. } = record.intent;
    journal.append(Entry::Acknowledged { order, attempt }, options.clock().now())?;
    let detail =
        format!("Order {order} stays unresolved and no longer holds up sales. A touch of its card resolves it.");
    let json = json!({ "order": order_json(&record.intent) });
    Ok(Report::done(format!("{detail}\n"), "acknowledged", detail, json))
}

impl Report {
    fn set(&mut self, name: &str, value: Value) {
        if let Value::Object(object) = &mut self.json {
            object.insert(name.to_owned(), value);
        }
    }

    /// The same with the money in this state.
    fn raise(&mut self, money: Moved) {
        self.money = money;
        self.set("exit", (app::code(money, self.work, Telling::Told) as u8).into());
    }
}

/// An order whose end is not known.
struct Pending {
    record: OpenRecord,
    /// Too old to be claimed (REQ-POL-2).
    overdue: bool,
}

impl Pending {
    fn json(&self) -> Value {
        let mut object = order_json(&self.record.intent);
        object.insert("final".into(), self.record.is_final.into());
        object.insert("acknowledged".into(), self.record.is_acknowledged.into());
        object.insert("overdue".into(), self.overdue.into());
        object.into()
    }
}

fn blocked(open: &[Pending]) -> Report {
    let orders: Vec<Value> = open.iter().map(Pending::json).collect();
    let text = format!(
        "UNRESOLVED (処理未了): an earlier run of this terminal ended in the middle of\n{}\
         Nothing new is sold before that is resolved: touch its card with `untorn resolve`, or say that you have seen it\n\
         with `untorn resolve --acknowledge {}`.\n",
        list_open(open),
        open[0].record.intent.order.0,
    );
    let detail = "An earlier order is unresolved; this one moved nothing.";
    let json = json!({ "result": "blocked", "detail": detail, "unresolved": orders });
    Report::about(Moved::HeldUp, Work::Failed, text, json)
}

fn list_open(open: &[Pending]) -> String {
    open.iter().fold(String::new(), |mut text, Pending { record, overdue }| {
        let Intent { order, kind, amount, card, balance_before, time, .. } = &record.intent;
        let seen = match (record.is_acknowledged, record.is_final) {
            (true, _) => ", acknowledged",
            (false, true) => ", slip issued",
            (false, false) => "",
        };
        let overdue = if *overdue { ", overdue: too old to be claimed" } else { "" };
        let _ = writeln!(
            text,
            "  order {order}: {kind} of {amount}, card {}, balance before {balance_before}, {time}{seen}{overdue}",
            slip::masked(&card.0)
        );
        text
    })
}

fn list_history(items: &[HistoryItem]) -> String {
    items.iter().fold(String::new(), |mut text, item| {
        let HistoryItem { counter, what, amount, balance_after, time, transaction } = item;
        let (amount, after) = (amount.to_string(), balance_after.to_string());
        let _ = writeln!(text, "{counter:>6}  {time}  {what:<10} {amount:>16} {after:>16}  {transaction}");
        text
    })
}

fn describe_card(outcome: &Outcome) -> String {
    let Some(card) = &outcome.card else { return String::new() };
    let mut text = format!("Card {}\n", card.card);
    if let Some(reason) = &card.inactive {
        let _ = writeln!(text, "It moves no value: {reason}.");
    }
    if card.pin_blocked {
        text.push_str("No PIN tries are left.\n");
    }
    if card.unratified > 0 {
        let _ = writeln!(text, "{} not acknowledged by any terminal yet.", counted(card.unratified, "receipt"));
    }
    text
}
