//! Every octet explained: for whatever passes between a terminal and a card of the purse, the fields of its explanation lie side by side
//! from the first octet to the last, and none of them is left without a name.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::collections::BTreeMap;

use untorn::app::suites::cases;
use untorn::app::{App, Clock, Options};
use untorn::conformance::evidence::Seen;
use untorn::conformance::result::CaseResult;
use untorn::conformance::rig::InProcessSubject;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::family::conversation::{Conversation, Passed};
use untorn::family::families;
use untorn::family::purse::data::Suite;
use untorn::family::settings::Settings;
use untorn::journal::record::{OrderKind, OrderNumber};
use untorn::money::{Currency, Money};
use untorn::reader::trace::Traced;
use untorn::reader::{Reader, Reset};
use untorn::secret::Pin;
use untorn::session::{Arrival, Desk};
use untorn::sim::terminal_subject::OwnTerminal;
use untorn::terminal::event::{Prompt, Request};
use untorn::time::Moment;
use untorn::wire::explain::{Explanation, Field, partition};
use untorn::wire::hex;

/// The evidence of a case as a conversation, and each event's octets.
fn explained(result: &CaseResult) -> Vec<(Vec<u8>, Option<Explanation>)> {
    let octets = |seen: &Seen| match seen {
        Seen::Command { octets, .. } | Seen::Response { octets } => hex::parse(octets).unwrap(),
        _ => Vec::new(),
    };
    let all: Vec<Vec<u8>> = result.evidence.iter().map(|line| octets(&line.what)).collect();
    let keys: Vec<(Vec<u8>, Vec<u8>)> = result
        .evidence
        .iter()
        .map(|line| match &line.what {
            Seen::Key { of, secret } => (hex::parse(of).unwrap(), hex::parse(secret).unwrap()),
            _ => (Vec::new(), Vec::new()),
        })
        .collect();
    let passed = result.evidence.iter().zip(&all).zip(&keys).map(|((line, octets), (of, secret))| match &line.what {
        Seen::AnswerToReset { .. } => Passed::Reset,
        Seen::PowerOff => Passed::PowerOff,
        Seen::Command { masked, .. } => Passed::Command { octets, masked: *masked },
        Seen::Response { .. } => Passed::Answer(octets),
        Seen::NoAnswer { .. } => Passed::Silence,
        Seen::Key { .. } => Passed::Key { of, secret },
        _ => Passed::Other,
    });
    let explained = Conversation::explain(passed);
    all.into_iter().zip(explained).collect()
}

/// The names of all fields without fields inside them, plain text included.
fn leaves(fields: &[Field], found: &mut BTreeMap<String, u64>) {
    for field in fields {
        if field.fields.is_empty() {
            *found.entry(field.name.clone()).or_default() += 1;
        }
        leaves(&field.fields, found);
        leaves(field.plain.as_ref().map_or(&[], |plain| &plain.fields), found);
    }
}

/// What was counted over many conversations.
#[derive(Default)]
struct Counted {
    names: BTreeMap<String, u64>,
    apdus: u64,
    octets: usize,
    /// Cipher texts that stayed closed, by the words for it.
    closed: BTreeMap<String, u64>,
    opened: u64,
}

impl Counted {
    fn look(&mut self, of: &str, passed: &[u8], explanation: &Explanation) {
        partition(&explanation.fields, 0, passed.len())
            .unwrap_or_else(|gap| panic!("{of}: {}: {gap}", hex::encode(passed)));
        leaves(&explanation.fields, &mut self.names);
        for field in &explanation.fields {
            if field.plain.is_some() {
                self.opened += 1;
            } else if field.name == "cipher text" || field.name == "C3" {
                *self.closed.entry(format!("{}: {}", field.name, field.meaning)).or_default() += 1;
            }
        }
        (self.apdus, self.octets) = (self.apdus + 1, self.octets + passed.len());
    }
}

/// Names that stand for octets of which nothing more can be said. A part of a field is named after the field.
const UNSAID: [&str; 6] = [
    "data",
    "more than the layout has",
    "no body of a command",
    "no status word",
    "part of the answer, the rest is fetched by GET RESPONSE",
    "part of the data, the rest follows in the next command",
];

#[test]
fn every_octet_of_the_whole_suite_is_in_one_field() {
    let family = &families()[0];
    let statement = family.statement("default").unwrap();
    let mut subject = InProcessSubject::new(statement, |seed| family.virtual_card("default", seed, None));
    let report = run(&cases(), &Selection::default(), &mut Subjects::card(&mut subject), 1, &mut Unobserved);
    let mut seen = Counted::default();
    for result in &report.results {
        for (passed, explanation) in explained(result) {
            if let Some(explanation) = explanation {
                seen.look(&result.id, &passed, &explanation);
            }
        }
    }
    let Counted { names, apdus, octets, closed, opened } = seen;
    println!("{octets} octets of {apdus} commands and answers, {} names, {opened} opened", names.len());
    let unsaid: u64 = UNSAID.iter().filter_map(|name| names.get(*name)).sum();
    println!("nothing more said of {unsaid} fields; closed: {closed:?}");
    assert!(apdus > 30_000 && opened > 20_000, "{apdus} {opened}");
    // What a case made wrong on purpose, and nothing else: broken forms, commands of the purse in clear, answers that nobody fetched.
    assert!(unsaid < 100, "{unsaid}");
    assert!(closed.keys().all(|words| words.contains("wrong padding")), "{closed:?}");
    for wanted in
        ["expTC, transaction counter expected", "PIN", "LINK of the replaced card", "s", "digest of the order"]
    {
        assert!(names.contains_key(wanted), "{wanted}");
    }
}

/// A terminal under test writes its keys down as well: what it enciphers opens, but for what a card or the lower tester made wrong.
#[test]
fn what_the_terminal_suite_enciphers_opens_under_both_suites() {
    for suite in ["epc1", "epc2"] {
        let mut terminal = OwnTerminal::new(families()[0].lab().unwrap(), suite);
        let cases: Vec<_> = cases().into_iter().filter(|case| case.suite == "terminal").collect();
        let report = run(&cases, &Selection::default(), &mut Subjects::terminal(&mut terminal), 1, &mut Unobserved);
        let mut seen = Counted::default();
        for result in &report.results {
            for (passed, explanation) in explained(result) {
                if let Some(explanation) = explanation {
                    seen.look(&result.id, &passed, &explanation);
                }
            }
        }
        println!("{suite}: {} opened, closed: {:?}", seen.opened, seen.closed);
        assert!(seen.opened > 500, "{suite}: {}", seen.opened);
        let closed: u64 = seen.closed.iter().filter(|(words, _)| words.contains("not known")).map(|(_, n)| n).sum();
        assert!(closed * 50 < seen.opened, "{suite}: {closed} of {}: {:?}", seen.opened, seen.closed);
    }
}

/// A cardholder who holds the card there at once and knows the PIN.
struct AtOnce(Clock);

impl Desk for AtOnce {
    fn now(&mut self) -> Moment {
        self.0.now()
    }
    fn await_card(&mut self, reader: &mut dyn Reader, _: &Prompt, _: Moment) -> Arrival {
        if reader.activate(Reset::Cold).is_ok() { Arrival::Card } else { Arrival::TimeOut }
    }
    fn ask_pin(&mut self, _: Option<u8>) -> Option<Pin> {
        Pin::parse("1234").ok()
    }
}

fn passed(what: &Traced) -> Passed<'_> {
    match what {
        Traced::AnswerToReset { .. } => Passed::Reset,
        Traced::Command { octets, masked } => Passed::Command { octets, masked: *masked },
        Traced::Response { octets } => Passed::Answer(octets),
        Traced::Failed { .. } => Passed::Silence,
        Traced::Deactivate => Passed::PowerOff,
        Traced::Key { of, secret } => Passed::Key { of, secret },
        Traced::Activate { .. } => Passed::Other,
    }
}

/// What passed at a terminal that was asked for all this, explained.
fn at_a_terminal(suite: Suite) -> Vec<(Vec<u8>, Explanation)> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| Some(folder.path().join(name));
    let mut settings = Settings::default();
    settings.set("purse", "suite", suite.name());
    let options = Options { state: file("card"), journal: file("journal"), settings, ..Options::default() };
    let mut app = App::open(&options).unwrap();
    let mut desk = AtOnce(app.clock.clone());
    let order = |number, kind, minor| {
        let amount = Money::new(minor, Currency::JPY);
        Request::Order { order: OrderNumber(number), kind, amount }
    };
    app.run(order(1, OrderKind::Sale, 380), &mut desk);
    app.run(order(2, OrderKind::Sale, 12_000), &mut desk);
    app.run(order(3, OrderKind::TopUp, 1_000), &mut desk);
    app.run(order(4, OrderKind::Sale, 49_000), &mut desk);
    for request in [Request::Balance, Request::History, Request::Resolve] {
        app.run(request, &mut desk);
    }
    let events = app.trace.snapshot();
    let explained = Conversation::explain(events.iter().map(|event| passed(&event.what)));
    let octets = events.iter().map(|event| match &event.what {
        Traced::Command { octets, .. } | Traced::Response { octets } => octets.clone(),
        _ => Vec::new(),
    });
    octets.zip(explained).filter_map(|(octets, explanation)| Some((octets, explanation?))).collect()
}

#[test]
fn every_kind_of_order_is_explained_down_to_its_plain_text() {
    for suite in [Suite::Epc1, Suite::Epc2] {
        let mut seen = Counted::default();
        let explained = at_a_terminal(suite);
        for (octets, explanation) in &explained {
            seen.look("a terminal", octets, explanation);
        }
        assert_eq!(seen.closed, BTreeMap::new(), "{suite}");
        let said: Vec<&str> = explained.iter().map(|(_, explanation)| explanation.summary.as_str()).collect();
        for wanted in [
            "SELECT, the purse",
            "TRANSACT: debit of 380 JPY",
            "TRANSACT: debit of 12,000 JPY",
            "TRANSACT: credit of 1,000 JPY",
            "9000 done: receipt, sale of 380 JPY",
            "9000 done: session open, active, balance 17,080 JPY",
            "9000 done: session open, active, balance 16,700 JPY",
            "VERIFY",
            "GET RECEIPT: TC 1",
        ] {
            assert!(said.contains(&wanted), "{suite}: {wanted}: {said:#?}");
        }
        assert!(said.iter().any(|said| said.starts_with("ACK: terminal \"UNTORN")), "{said:#?}");
        // The PIN is in no listing, neither as text nor as octets.
        let all: String = explained.iter().map(|(_, explanation)| explanation.listing()).collect();
        assert!(all.contains("PIN FF FF FF FF: masked with FF"), "{all}");
        assert!(!all.contains("31 32 33 34") && !all.contains("1234"), "the PIN shows");
    }
}
