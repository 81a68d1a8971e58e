//! A reader that says "success" and gives less than a status word, at every command of a request: what came is told, and that the reader
//! or its driver may be to blame; nobody is told that the card has left, and the money is as unknown as after any lost answer.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where something is missing")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use support::untorn::Desk as Files;
use untorn::app::{App, Options};
use untorn::journal::Journal;
use untorn::journal::record::OrderKind;
use untorn::money::{Currency, Money};
use untorn::reader::{Activation, Capabilities, LinkError, Reader, Reset};
use untorn::secret::Pin;
use untorn::session::{Arrival, Desk};
use untorn::terminal::event::{Lost, Outcome, OutcomeKind, Prompt, RefundOf, Request, Verdict};
use untorn::time::Moment;

/// Loses the end of the answers to these exchanges, and the card stays where it is.
struct Shortening {
    inner: Box<dyn Reader>,
    lost: std::ops::Range<u64>,
    answer: &'static [u8],
    exchanges: Arc<AtomicU64>,
}

impl Reader for Shortening {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        self.inner.activate(reset)
    }
    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        self.inner.transmit(command, response)?;
        if self.lost.contains(&self.exchanges.fetch_add(1, Ordering::Relaxed)) {
            response.clear();
            return Err(LinkError::too_short(self.answer));
        }
        Ok(())
    }
    fn deactivate(&mut self) {
        self.inner.deactivate();
    }
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// What comes after the first answer that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// All later ones come.
    Answers,
    /// All are lost.
    NoAnswers,
    /// Nobody touches again.
    NoCard,
}

struct People {
    after: After,
    prompts: Vec<Prompt>,
    now: Moment,
}

/// Touches after which people give up.
const TOUCHES: usize = 6;

impl Desk for People {
    fn now(&mut self) -> Moment {
        self.now = self.now.plus_millis(1);
        self.now
    }
    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, _: Moment) -> Arrival {
        self.prompts.push(prompt.clone());
        let goes_away = self.after == After::NoCard && *prompt != Prompt::Present;
        if goes_away || self.prompts.len() > TOUCHES {
            return Arrival::TimeOut;
        }
        if reader.activate(Reset::Cold).is_ok() { Arrival::Card } else { Arrival::TimeOut }
    }
    fn ask_pin(&mut self, _: Option<u8>) -> Option<Pin> {
        Pin::parse("1234").ok()
    }
}

const ANSWERS: [(&[u8], &str); 5] = [
    (&[], "got 0:"),
    (&[0x00], "got 1 (00):"),
    (&[0x6F], "got 1 (6F):"),
    (&[0x90], "got 1 (90):"),
    (&[0xFF], "got 1 (FF):"),
];

/// What one run came to.
struct Came {
    outcome: Outcome,
    prompts: Vec<Prompt>,
    exchanges: u64,
    moved: i64,
    open: usize,
}

fn run(files: &Files, request: impl FnOnce(&mut App) -> Request, at: u64, answer: &'static [u8], after: After) -> Came {
    let options = Options { state: Some(files.state()), journal: Some(files.journal()), ..Options::default() };
    let mut app = App::open(&options).unwrap();
    let held = |app: &App| {
        let sheet = app.card.as_ref().unwrap().sheet().unwrap();
        sheet.json["logical_cards"][0]["balance"]["minor"].as_i64().unwrap()
    };
    let before = held(&app);
    let request = request(&mut app);
    let exchanges = Arc::new(AtomicU64::new(0));
    let until = if after == After::NoAnswers { u64::MAX } else { at.saturating_add(1) };
    let inner = std::mem::replace(&mut app.reader, Box::new(Gone));
    app.reader = Box::new(Shortening { inner, lost: at..until, answer, exchanges: exchanges.clone() });
    let mut people = People { after, prompts: Vec::new(), now: Moment::from_seconds(1_800_000_000) };
    let outcome = app.run(request, &mut people);
    let open = Journal::open(&mut app.journal, None).unwrap().len();
    let (moved, exchanges) = (held(&app) - before, exchanges.load(Ordering::Relaxed));
    Came { outcome, prompts: people.prompts, exchanges, moved, open }
}

/// In the place of a reader that is wrapped.
struct Gone;

impl Reader for Gone {
    fn activate(&mut self, _: Reset) -> Result<Activation, LinkError> {
        Err(LinkError::too_short(&[]))
    }
    fn transmit(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<(), LinkError> {
        Err(LinkError::too_short(&[]))
    }
    fn deactivate(&mut self) {}
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: String::new(), command_len_max: 261, command_len_min: 1 }
    }
}

/// Each prompt but the first says what came, and none that the card has left.
fn is_told(came: &Came, word: &str, about: &str) {
    for prompt in &came.prompts[1..] {
        let (Prompt::PresentAgain(Lost::NoAnswer(why)) | Prompt::Retouch(Lost::NoAnswer(why))) = prompt else {
            panic!("{about}: {prompt:?}");
        };
        assert!(why.contains(word) && why.contains("the reader or its driver"), "{about}: {why}");
    }
    let (OutcomeKind::Cancelled(reason) | OutcomeKind::Unresolved { reason, .. }) = &came.outcome.result else {
        return;
    };
    assert!(reason.contains(word) && reason.contains("the reader or its driver"), "{about}: {reason}");
}

/// An order, as people ask for it.
fn order(kind: OrderKind, minor: u32) -> impl FnOnce(&mut App) -> Request + Copy {
    move |app: &mut App| {
        let order = Journal::next_order(&mut app.journal).unwrap();
        let amount = Money::new(minor, Currency::JPY);
        match kind {
            OrderKind::Refund => Request::Refund { order, amount: Some(amount), of: RefundOf::Newest },
            kind => Request::Order { order, kind, amount },
        }
    }
}

#[test]
fn an_order_with_a_short_answer_at_every_command() {
    let base = Files::new(&[]);
    base.run(&["pay", "500"]).ended(0);
    let mut runs = 0;
    for (kind, minor, moves) in [
        (OrderKind::Sale, 100, -100),
        (OrderKind::Sale, 10_001, -10_001),
        (OrderKind::TopUp, 100, 100),
        (OrderKind::Refund, 100, 100),
    ] {
        let undisturbed = run(&base.copy(), order(kind, minor), u64::MAX, &[], After::Answers);
        assert_eq!((undisturbed.moved, undisturbed.prompts.len()), (moves, 1));
        // The last command acknowledges, the one before it moves the value.
        let value = undisturbed.exchanges - 2;
        for at in 0..undisturbed.exchanges {
            for (answer, word) in ANSWERS {
                for after in [After::Answers, After::NoAnswers, After::NoCard] {
                    let came = run(&base.copy(), order(kind, minor), at, answer, after);
                    let about =
                        format!("{kind:?} of {minor}, command {at}, {word}, then {after:?}: {:?}", came.outcome.result);
                    is_told(&came, word, &about);
                    let is_paid = matches!(came.outcome.result, OutcomeKind::Paid { .. });
                    let expected = match (at.cmp(&value), after) {
                        (std::cmp::Ordering::Greater, _) | (_, After::Answers) => is_paid && came.open == 0,
                        (std::cmp::Ordering::Less, _) => {
                            matches!(came.outcome.result, OutcomeKind::Cancelled(_)) && came.open == 0
                        }
                        (std::cmp::Ordering::Equal, _) => {
                            matches!(came.outcome.result, OutcomeKind::Unresolved { .. }) && came.open == 1
                        }
                    };
                    assert!(expected, "{about}, {} open", came.open);
                    let happened = is_paid || came.open == 1;
                    assert_eq!(came.moved, if happened { moves } else { 0 }, "{about}");
                    runs += 1;
                }
            }
        }
    }
    println!("{runs} orders");
}

#[test]
fn a_balance_and_what_is_open_with_a_short_answer_at_every_command() {
    let base = Files::new(&[]);
    base.run(&["pay", "500"]).ended(0);
    base.run(&["pay", "70", "--tear", "value", "--no-retouch"]).ended(2);
    for request in [Request::Balance, Request::History, Request::Resolve] {
        let exchanges = run(&base.copy(), |_| request.clone(), u64::MAX, &[], After::Answers).exchanges;
        for at in 0..exchanges {
            for (answer, word) in ANSWERS {
                for after in [After::Answers, After::NoAnswers, After::NoCard] {
                    let came = run(&base.copy(), |_| request.clone(), at, answer, after);
                    let about = format!("{request:?}, command {at}, {word}, then {after:?}: {:?}", came.outcome);
                    is_told(&came, word, &about);
                    let ended = !matches!(came.outcome.result, OutcomeKind::Cancelled(_));
                    let settled =
                        came.outcome.settled.iter().filter(|settled| matches!(settled.verdict, Verdict::Paid { .. }));
                    let settled = settled.count();
                    assert_eq!((came.moved, settled + came.open), (0, 1), "{about}");
                    assert!(after != After::Answers || ended && settled == 1, "{about}");
                }
            }
        }
    }
}
