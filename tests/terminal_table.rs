//! The whole state x event table of the terminal, as a snapshot: a changed decision is a changed line in review.

#![allow(clippy::unwrap_used, reason = "a table that cannot be made should stop the test")]

use std::fmt::Write as _;

use untorn::entropy::{Entropy, SeededEntropy};
use untorn::journal::memory::MemoryJournal;
use untorn::journal::record::{Alarm, AlarmKind, CardReference, Intent, OrderKind, OrderNumber, Resolution, Source};
use untorn::journal::{Belief, Journal, OpenRecord};
use untorn::money::{Currency, Money};
use untorn::reader::{LinkError, LinkErrorKind};
use untorn::secret::Pin;
use untorn::terminal::event::{Action, CentreAnswer, Event, OutcomeKind, Request};
use untorn::terminal::kernel::{
    CardView, Contradiction, Finding, Input as KernelInput, Kernel, Outgoing, Proof, Question, Refusal, RefusalReason,
    Step, Task,
};
use untorn::terminal::{Config, Terminal};
use untorn::time::Moment;

const fn yen(minor: u32) -> Money {
    Money::new(minor, Currency::JPY)
}

fn intent(attempt: u32) -> Intent {
    Intent {
        order: OrderNumber(1),
        attempt,
        kind: OrderKind::Sale,
        family: "scripted".to_owned(),
        card: CardReference("A".to_owned()),
        amount: yen(500),
        balance_before: yen(1000),
        time: Moment::default(),
        policy: None,
        family_data: serde_json::Value::Null,
    }
}

/// Sends the task's name; the first octet of the answer picks the next step. An order asks for the PIN first.
struct Scripted;

const FINDINGS: &[(u8, &str)] = &[
    (0, "opened A"),
    (1, "opened B"),
    (2, "happened"),
    (3, "did not happen"),
    (4, "cannot tell"),
    (5, "PIN verified"),
    (6, "PIN wrong, 2 left"),
    (7, "PIN wrong, 0 left"),
    (8, "refused"),
    (9, "acknowledged"),
    (10, "broken"),
    (11, "not ours"),
    (12, "history"),
    (13, "agrees"),
    (14, "contradicts by a receipt"),
    (15, "contradicts by its history"),
    (16, "contradicts by a receipt, as before"),
];

fn view(card: &str) -> CardView {
    CardView {
        card: CardReference(card.to_owned()),
        inactive: None,
        balance: yen(1000),
        pin_above: Some(300),
        pin_blocked: false,
        balances: Vec::new(),
        unratified: 0,
        shown: Vec::new(),
    }
}

fn finding(code: u8) -> Finding {
    match code {
        0 => Finding::Opened(view("A")),
        1 => Finding::Opened(view("B")),
        2 => Finding::Happened(Proof { balance_after: yen(500), evidence: "E".to_owned() }),
        3 => Finding::DidNotHappen("seen".to_owned()),
        4 => Finding::CannotTell("evicted".to_owned()),
        8 => Finding::Refused(Refusal {
            reason: RefusalReason::BalanceTooSmall,
            said: None,
            detail: "too small".to_owned(),
        }),
        9 => Finding::Acknowledged,
        10 => Finding::Broken("forged".to_owned()),
        11 => Finding::NotOurs("foreign".to_owned()),
        12 => Finding::History(Vec::new()),
        13 => Finding::Compared(Vec::new()),
        14 => Finding::Compared(vec![contradiction(AlarmKind::Receipt, false)]),
        15 => Finding::Compared(vec![contradiction(AlarmKind::History, false)]),
        _ => Finding::Compared(vec![contradiction(AlarmKind::Receipt, true)]),
    }
}

fn contradiction(kind: AlarmKind, is_known: bool) -> Contradiction {
    let [believed, believed_evidence, found, found_evidence] = ["not paid", "0A", "a receipt", "0B"].map(str::to_owned);
    Contradiction {
        intent: intent(1),
        alarm: Alarm { kind, believed, believed_evidence, found, found_evidence },
        is_known,
    }
}

impl Kernel for Scripted {
    fn can_date(&self, _: Moment) -> Result<(), Refusal> {
        Ok(())
    }

    fn begin(&mut self, task: Task, _: Moment, _: &mut dyn Entropy) -> Step {
        let name = match &task {
            Task::Open { .. } => "open",
            Task::Resolve(_) => "resolve",
            Task::Compare(_) => "compare",
            Task::Order(_) => return Step::Ask(Question::Pin { tries_left: None }),
            Task::Acknowledge(_) => "acknowledge",
            Task::History => "history",
        };
        Step::Send(Outgoing::plain(name.into()))
    }

    fn resume(&mut self, input: KernelInput<'_>, _: Moment, _: &mut dyn Entropy) -> Step {
        match input {
            KernelInput::Pin(_) => Step::Send(Outgoing::plain("verify PIN".into())),
            KernelInput::Committed(committed) => Step::Send(Outgoing::value(&committed, "execute".into())),
            KernelInput::Answer(&[5]) => Step::Commit(Box::new(intent(1))),
            KernelInput::Answer(&[6]) => Step::Ask(Question::Pin { tries_left: Some(2) }),
            KernelInput::Answer(&[7]) => Step::Done(Finding::Refused(Refusal {
                reason: RefusalReason::PinBlocked,
                said: None,
                detail: "no PIN tries are left".to_owned(),
            })),
            KernelInput::Answer(response) => Step::Done(finding(response[0])),
        }
    }
}

#[derive(Clone, Copy)]
enum Input {
    Card,
    Answer(u8),
    Lost,
    NothingOpen,
    DecidedOnes,
    PendingOpen,
    Committed,
    Recorded,
    JournalFailed,
    Pin,
    NoPin,
    Centre(u8),
    TimeOut,
    Stop,
}

use Input::{
    Answer, Card, Centre, Committed, DecidedOnes, JournalFailed, Lost, NoPin, NothingOpen, PendingOpen, Recorded, Stop,
    TimeOut,
};

/// An attempt that is held for not paid.
fn belief() -> Belief {
    let resolution = Resolution::NotPaid { reason: "seen".to_owned(), by: Source::Retouch };
    Belief { intent: intent(1), resolution: Some(resolution), alarms: Vec::new() }
}

fn event(input: Input) -> Event {
    match input {
        Card => Event::CardPresent,
        Answer(code) => Event::Answer(vec![code]),
        Lost => Event::Lost(LinkError::new(LinkErrorKind::Unknown, "lifted")),
        NothingOpen => Event::Known { open: Vec::new(), beliefs: Vec::new() },
        DecidedOnes => Event::Known { open: Vec::new(), beliefs: vec![belief()] },
        PendingOpen => Event::Known {
            open: vec![OpenRecord { intent: intent(1), is_final: false, is_acknowledged: false }],
            beliefs: Vec::new(),
        },
        Committed => Event::Committed(MemoryJournal::default().commit(intent(1), Moment::default()).unwrap()),
        Recorded => Event::Recorded,
        JournalFailed => Event::JournalFailed("disk full".to_owned()),
        Input::Pin => Event::Pin(Pin::parse("1234").unwrap()),
        NoPin => Event::NoPin,
        Centre(0) => Event::Centre(CentreAnswer::Paid { balance_after: yen(500), evidence: "E".to_owned() }),
        Centre(1) => Event::Centre(CentreAnswer::NotPaid),
        Centre(2) => Event::Centre(CentreAnswer::Unknown),
        Centre(_) => Event::Centre(CentreAnswer::Unreachable),
        TimeOut => Event::TimeOut,
        Stop => Event::Stop,
    }
}

fn name(input: Input) -> String {
    match input {
        Card => "card present".to_owned(),
        Answer(code) => format!("answer: {}", FINDINGS[usize::from(code)].1),
        Lost => "card lost".to_owned(),
        NothingOpen => "nothing open".to_owned(),
        DecidedOnes => "nothing open, others decided".to_owned(),
        PendingOpen => "this order open".to_owned(),
        Committed => "committed".to_owned(),
        Recorded => "recorded".to_owned(),
        JournalFailed => "journal failed".to_owned(),
        Input::Pin => "PIN typed".to_owned(),
        NoPin => "no PIN".to_owned(),
        Centre(code) => format!("centre: {}", ["paid", "not paid", "unknown", "unreachable"][usize::from(code)]),
        TimeOut => "time-out".to_owned(),
        Stop => "stop".to_owned(),
    }
}

fn show(action: &Action) -> String {
    match action {
        Action::WaitForCard { prompt, until } => format!("wait for card: {prompt:?} until {}", until.millis()),
        Action::Transmit(command) => {
            let value = if command.moves_value() { " (VALUE)" } else { "" };
            format!("transmit {}{value}", String::from_utf8_lossy(command.octets()))
        }
        Action::Acknowledge { outcome, command } => {
            let shown = kind(&outcome.result);
            format!("show {shown}, transmit {}", String::from_utf8_lossy(command.octets()))
        }
        Action::LookUp { card, .. } => format!("look up card {card}"),
        Action::FindSale { card, .. } => format!("find the sale of card {card}"),
        Action::Commit(intent) => format!("commit attempt {}", intent.attempt),
        Action::Record(entry) => {
            let entry = serde_json::to_value(entry).unwrap();
            let text = |key: &str| entry.get(key).and_then(|value| value.as_str()).unwrap_or("").to_owned();
            // An alarm's kind stands where another entry's resolution does.
            let how =
                [text("resolution"), if text("entry") == "alarm" { text("alarm") } else { String::new() }].concat();
            format!("record {} {how} {}", text("entry"), text("by")).trim_end().to_owned()
        }
        Action::AskPin { tries_left } => format!("ask PIN, tries left {tries_left:?}"),
        Action::AskCentre(_) => "ask centre".to_owned(),
        Action::Finish(outcome) => {
            let alarms = if outcome.alarms.is_empty() { "" } else { ", ALARM" };
            format!("finish {}, {} settled{alarms}", kind(&outcome.result), outcome.settled.len())
        }
    }
}

fn kind(result: &OutcomeKind) -> String {
    format!("{result:?}").split([' ', '(', '{']).next().unwrap().to_owned()
}

const SALE: [Input; 3] = [Card, Answer(0), NothingOpen];
const PIN: [Input; 2] = [Input::Pin, Answer(5)];

/// Paths that lead to every state, by the name of the state.
fn states() -> Vec<(&'static str, Vec<Input>)> {
    let sent = [&SALE[..], &PIN, &[Committed]].concat();
    let torn = [&sent[..], &[Lost]].concat();
    let met = [&torn[..], &[Card, Answer(0)]].concat();
    vec![
        ("WAIT_CARD", vec![]),
        ("opening", vec![Card]),
        ("looking up open records", vec![Card, Answer(0)]),
        ("comparing with the journal", vec![Card, Answer(0), DecidedOnes]),
        ("alarm of a receipt, being recorded", vec![Card, Answer(0), DecidedOnes, Answer(14)]),
        ("alarm of a history, being recorded", vec![Card, Answer(0), DecidedOnes, Answer(15)]),
        ("resolving an older record", vec![Card, Answer(0), PendingOpen]),
        ("older record proved paid, being recorded", vec![Card, Answer(0), PendingOpen, Answer(2)]),
        ("older record paid, being acknowledged", vec![Card, Answer(0), PendingOpen, Answer(2), Recorded]),
        ("asking the PIN", SALE.to_vec()),
        ("verifying the PIN", [&SALE[..], &[Input::Pin]].concat()),
        ("committing the intent", [&SALE[..], &PIN].concat()),
        ("PROCESSING, order sent", sent.clone()),
        ("paid, being recorded", [&sent[..], &[Answer(2)]].concat()),
        ("refused, being recorded", [&sent[..], &[Answer(8)]].concat()),
        ("paid, being acknowledged", [&sent[..], &[Answer(2), Recorded]].concat()),
        ("UNRESOLVED_RETOUCH", torn.clone()),
        ("retouch: opening", [&torn[..], &[Card]].concat()),
        ("retouch: looking up", met.clone()),
        ("retouch: resolving", [&met[..], &[PendingOpen]].concat()),
        ("retouch: proved paid, being recorded", [&met[..], &[PendingOpen, Answer(2)]].concat()),
        ("retouch: proved not paid, being recorded", [&met[..], &[PendingOpen, Answer(3)]].concat()),
        ("AUTO_CONFIRM", [&torn[..], &[TimeOut]].concat()),
        ("UNRESOLVED_FINAL, slip being recorded", [&torn[..], &[TimeOut, Centre(3)]].concat()),
        ("BALANCE_CHECK", [&torn[..], &[TimeOut, Centre(3), Recorded]].concat()),
        (
            "balance check: resolving",
            [&torn[..], &[TimeOut, Centre(3), Recorded, Card, Answer(0), PendingOpen]].concat(),
        ),
    ]
}

fn inputs() -> Vec<Input> {
    let answers = (0..FINDINGS.len()).map(|code| Answer(u8::try_from(code).unwrap()));
    let others = [
        Card,
        Lost,
        NothingOpen,
        DecidedOnes,
        PendingOpen,
        Committed,
        Recorded,
        JournalFailed,
        Input::Pin,
        NoPin,
        Centre(0),
        Centre(1),
        Centre(2),
        Centre(3),
        TimeOut,
        Stop,
    ];
    others.into_iter().chain(answers).collect()
}

fn reach(path: &[Input]) -> (Terminal, Action) {
    let config = Config { ask_centre: true, balance_check_ms: 15_000, ..Config::default() };
    let mut terminal = Terminal::new(config, Box::new(Scripted));
    let request = Request::Order { order: OrderNumber(1), kind: OrderKind::Sale, amount: yen(500) };
    let mut action = terminal.begin(request, Moment::default());
    for &input in path {
        assert!(!matches!(action, Action::Finish(_)), "the path ends early at {}", name(input));
        action = terminal.advance(event(input), Moment::from_millis(1), &mut SeededEntropy::new(0));
    }
    (terminal, action)
}

/// An event that cannot come there: a mistake of ours, or, while the order's end is open, unresolved for that reason.
fn is_internal(result: &OutcomeKind) -> bool {
    match result {
        OutcomeKind::Internal(_) => true,
        OutcomeKind::Unresolved { reason, .. } => reason.contains("made a mistake"),
        _ => false,
    }
}

#[test]
fn the_table() {
    let mut table = String::new();
    for (state, path) in states() {
        let (_, action) = reach(&path);
        writeln!(table, "{state}  [{}]", show(&action)).unwrap();
        let mut impossible = 0;
        for input in inputs() {
            let (mut terminal, _) = reach(&path);
            let action = terminal.advance(event(input), Moment::from_millis(2), &mut SeededEntropy::new(0));
            match &action {
                Action::Finish(outcome) if is_internal(&outcome.result) => impossible += 1,
                action => writeln!(table, "    {:<28} {}", name(input), show(action)).unwrap(),
            }
        }
        writeln!(table, "    ({impossible} others end the request as an internal error)\n").unwrap();
    }
    insta::assert_snapshot!(table);
}

/// Rules that the table as a whole obeys, whatever it says in detail.
#[test]
fn no_entry_of_the_table_breaks_a_rule() {
    for (state, path) in states() {
        let committed = path.iter().any(|input| matches!(input, Committed));
        for input in inputs() {
            let (mut terminal, before) = reach(&path);
            let action = terminal.advance(event(input), Moment::from_millis(2), &mut SeededEntropy::new(0));
            let text = show(&action);
            let just_committed = matches!((&before, input), (Action::Commit(_), Committed));
            assert!(!text.contains("VALUE") || just_committed, "{state}: {} sends value uncommitted", name(input));
            let evidence =
                matches!((&before, input), (Action::Record(_), Recorded)) || state.contains("being acknowledged");
            assert!(!text.contains("finish Paid") || evidence, "{state}: {} says paid without evidence", name(input));
            let ends = ["Cancelled", "Refused", "CardFault", "Fault"].iter().any(|kind| text.contains(kind));
            let durable = state.contains("being acknowledged");
            let silent = ends && !durable && !matches!(input, Recorded);
            assert!(!(committed && silent), "{state}: {} drops what was sent", name(input));
        }
    }
}
