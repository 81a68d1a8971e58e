//! Sequences of steps against a plain model (specs/purse.md as a whole): whatever the order of commands, resets and tears, the card is one
//! that the model knows.

mod learn;
pub mod reference;
pub mod steps;

use std::collections::{BTreeMap, BTreeSet};

use self::learn::learn;
use self::reference::{Answer, Grant, Model, ModelRequest, Reply, TypedPin, Worlds, right, rights_of};
use self::steps::{Action, Change, DRAWN_LEN, ModelStep, ModelTear, Opening};
use super::client::{self, ORDER_TIME, Opener, PIN, Session, select_command};
use super::postamble::Before;
use crate::card::memory::{Cut, Torn};
use crate::conformance::case::Case;
use crate::conformance::tester::{Answer as Seen, Tester};
use crate::conformance::verdict::{OrStop, Stop};
use crate::entropy::{Entropy, SeededEntropy};
use crate::family::purse::data::session::SealedReceipt;
use crate::family::purse::data::transact::{Operation, RECORD_LEN, TransactOrder};
use crate::family::purse::data::{LifeCycle, Link, Rights, Role, Suite, TransactionId, ins};
use crate::reader::fault::Fault;
use crate::wire::status::StatusWord;

/// Sequences of a case, unless the statement says otherwise under `purse.sequences`.
const SEQUENCES: u64 = 4;
/// Steps of one.
const STEPS: usize = 24;
/// An AID that no card here has.
const OTHER_AID: [u8; 6] = [0xF0, 0x4E, 0x4F, 0x4E, 0x45, 0x00];

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    let proved = [
        "REQ-TRX-1",
        "REQ-TRX-2",
        "REQ-TRX-3",
        "REQ-TRX-4",
        "REQ-TRX-5",
        "REQ-TRX-7",
        "REQ-TRX-9",
        "REQ-TRX-10",
        "REQ-RNG-1",
        "REQ-RNG-2",
        "REQ-RNG-3",
        "REQ-SES-1",
        "REQ-SES-4",
        "REQ-SES-5",
        "REQ-SES-6",
        "REQ-PIN-2",
        "REQ-PIN-3",
        "REQ-LIF-1",
    ];
    vec![
        Case::new(
            "MOD-SEQUENCE-001",
            "After any sequence of commands, resets and tears the card is one that the model knows.",
        )
        .proves(&proved)
        .writes()
        // What else a drawn sequence notices depends on the draw, and other cases notice it at every seed.
        .kills(&["nonce-constant"])
        .shorter(steps::shorter)
        .body(|tester| sequences(tester, false)),
        Case::new("MOD-SEQUENCE-002", "So it is when PINs are blocked, cards replaced and terminated on the way.")
            .proves(&proved)
            .proves(&["REQ-PIN-1", "REQ-LIF-2"])
            .ruins()
            .kills(&["nonce-constant"])
            .shorter(steps::shorter)
            .body(|tester| sequences(tester, true)),
    ]
}

/// The sequence that the token gives, or some drawn from the case's seed.
fn sequences(tester: &mut Tester<'_>, may_ruin: bool) -> OrStop {
    // Drawn first in either case, so that all that follows is the same when a token repeats it.
    let mut entropy = SeededEntropy::new(u64::from_be_bytes(tester.random()));
    let steps = if let Some(text) = tester.cuts() {
        steps::parse(text).map_err(|error| Stop::error(format!("replay token: {error}")))?
    } else {
        let count = tester.number("purse.sequences").unwrap_or(SEQUENCES);
        (0..count).flat_map(|_| sequence(&mut entropy, STEPS)).collect()
    };
    run_sequence(tester, &steps, may_ruin)
}

/// A sequence of so many steps; it ends with a reset, so that one put behind it begins afresh.
pub fn sequence(entropy: &mut SeededEntropy, len: usize) -> Vec<ModelStep> {
    let mut draw = || {
        let mut octets = [0; DRAWN_LEN];
        entropy.fill(&mut octets);
        ModelStep::drawn(&octets)
    };
    let mut steps: Vec<ModelStep> = (1..len).map(|_| draw()).collect();
    steps.push(ModelStep { action: Action::Reset(false), tear: None });
    steps
}

/// Runs these steps on the card, from whatever state it is in, and looks into every corner of it at the end. A failure is recorded as
/// the cuts of the replay token. `may_ruin`: the steps may terminate the card and block its PIN.
///
/// # Errors
/// The step at which the card did what the model does not know, or fell silent.
pub fn run_sequence(tester: &mut Tester<'_>, steps: &[ModelStep], may_ruin: bool) -> OrStop {
    let model = tester.preamble(|tester| learn(tester))?;
    if may_ruin {
        return run_on(tester, model, steps, may_ruin);
    }
    let before = Before {
        life_cycle: model.life_cycle,
        has_tries: model.tries.is_some_and(|tries| tries.left > 0),
        balances: model.cards.iter().map(|(id, card)| (*id, card.balance)).collect(),
    };
    tester.with_postamble(|tester| run_on(tester, model, steps, may_ruin), |tester| before.restore(tester))
}

/// On a card that this is the model of.
fn run_on(tester: &mut Tester<'_>, model: Model, steps: &[ModelStep], may_ruin: bool) -> OrStop {
    let mut run = Run::new(tester, model, may_ruin);
    for (index, step) in steps.iter().enumerate() {
        run.tester.note(format!("step {}: {step}", index + 1));
        if let Err(stop) = run.step(step) {
            run.tester.record_cuts(steps::emit(&steps[..=index]));
            return Err(Stop { reason: format!("step {} ({step}): {}", index + 1, stop.reason), ..stop });
        }
    }
    run.tester.note("the whole card");
    if let Err(stop) = run.look_at_everything() {
        run.tester.record_cuts(steps::emit(steps));
        return Err(Stop { reason: format!("after step {}: {}", steps.len(), stop.reason), ..stop });
    }
    Ok(())
}

/// An open session.
struct Live {
    session: Session,
    grant: Grant,
}

/// A sequence under way.
struct Run<'t, 'r> {
    tester: &'t mut Tester<'r>,
    worlds: Worlds,
    ids: Vec<u8>,
    may_ruin: bool,
    /// The test system can cut the power inside a command.
    can_cut: bool,
    powered: bool,
    open: [bool; 4],
    selected: [bool; 4],
    live: Option<Live>,
    /// The session that ended last, and the last session that was asked for.
    ended: Option<Session>,
    opening: Opening,
    orders: Vec<TransactOrder>,
    /// One receipt reads alike in all sessions of a suite.
    seals: BTreeMap<(Suite, Vec<u8>), Vec<u8>>,
    offers: BTreeSet<Vec<u8>>,
}

impl<'t, 'r> Run<'t, 'r> {
    fn new(tester: &'t mut Tester<'r>, model: Model, may_ruin: bool) -> Self {
        let suite = client::suites(tester).first().copied().unwrap_or(Suite::Epc1);
        let ids = model.cards.keys().copied().collect();
        let can_cut = tester.can_cut();
        Self {
            tester,
            worlds: Worlds::new(model),
            ids,
            may_ruin,
            can_cut,
            powered: false,
            open: [true, false, false, false],
            selected: [false; 4],
            live: None,
            ended: None,
            opening: Opening { suite, who: b'd', terminal: b'A', cards: vec![1], channel: 0 },
            orders: Vec::new(),
            seals: BTreeMap::new(),
            offers: BTreeSet::new(),
        }
    }

    fn step(&mut self, step: &ModelStep) -> OrStop {
        let tear = step.tear.filter(|tear| self.can_cut || !matches!(tear, ModelTear::Cut(_)));
        if let Action::Reset(warm) = step.action {
            return self.reset(warm, tear);
        }
        self.power_up()?;
        match &step.action {
            Action::Open(opening) => self.open_session(opening, tear),
            Action::Transact(off, changes) => self.order(*off, changes, tear),
            Action::Repeat(back) => match self.newest(*back) {
                Some(order) => self.command(&ModelRequest::Transact(order), tear),
                None => Ok(()),
            },
            Action::Reuse(back) => match self.newest(*back) {
                Some(order) => {
                    self.session()?;
                    let operations = vec![Operation::Debit { logical_card: self.opening.cards[0], amount: 1 }];
                    let order = TransactOrder { expected_counter: self.next_counter(), operations, ..order };
                    self.command(&ModelRequest::Transact(order), tear)
                }
                None => Ok(()),
            },
            Action::Acknowledge(back) => {
                let transaction = self.named(*back)?;
                self.command(&ModelRequest::Acknowledge(transaction), tear)
            }
            Action::Receipt(back) => {
                let transaction = self.named(*back)?;
                self.command(&ModelRequest::Receipt(transaction), tear)
            }
            Action::ReceiptOf(below) => {
                self.session()?;
                let counter = self.next_counter().wrapping_sub(1).wrapping_sub(u32::from(*below));
                self.command(&ModelRequest::ReceiptOf(counter), tear)
            }
            Action::Read(card, file, record) => {
                self.command(&ModelRequest::Read { card: *card, file: *file, record: *record }, tear)
            }
            Action::Verify(entry) => self.verify(*entry, tear),
            Action::Select(channel) => {
                let channel = self.channel(*channel);
                let answer = self.tester.send(&select_command(channel))?;
                self.end_session();
                self.selected[usize::from(channel)] = true;
                self.tester.expect_status(&answer, 0x9000)
            }
            Action::SelectOther(channel) => {
                let channel = self.channel(*channel);
                let command = [&[channel, 0xA4, 0x04, 0x00, OTHER_AID.len() as u8], &OTHER_AID[..]].concat();
                let answer = self.tester.send(&command)?;
                self.tester.expect_status(&answer, 0x6A82)
            }
            Action::OpenChannel => self.open_channel(),
            Action::CloseChannel(number) => self.close_channel(*number),
            Action::Stale => self.stale(),
            Action::Reset(_) => Ok(()),
        }
    }

    // Power and channels.

    fn forget(&mut self) {
        self.end_session();
        (self.open, self.selected) = ([true, false, false, false], [false; 4]);
    }

    fn end_session(&mut self) {
        if let Some(live) = self.live.take() {
            self.ended = Some(live.session);
        }
    }

    fn power_up(&mut self) -> OrStop {
        if !self.powered {
            self.tester.power_on()?;
            self.powered = true;
        }
        Ok(())
    }

    fn reset(&mut self, warm: bool, tear: Option<ModelTear>) -> OrStop {
        self.forget();
        if let Some(ModelTear::Cut(cut)) = tear {
            self.powered = !self.tester.power_on_cut(cut)?;
        } else if warm && self.powered {
            self.tester.warm_reset()?;
        } else {
            self.tester.power_on()?;
            self.powered = true;
        }
        Ok(())
    }

    /// This channel if it is open, else the basic one.
    fn channel(&self, wanted: u8) -> u8 {
        if self.open.get(usize::from(wanted)) == Some(&true) { wanted } else { 0 }
    }

    fn open_channel(&mut self) -> OrStop {
        let answer = self.tester.send(&[0x00, 0x70, 0x00, 0x00, 0x01])?;
        if self.open.iter().all(|open| *open) {
            return self.tester.expect_status(&answer, 0x6A81);
        }
        self.tester.expect_status(&answer, 0x9000)?;
        let number = answer.data.first().map_or(0, |number| usize::from(*number));
        let closed = answer.data.len() == 1 && self.open.get(number) == Some(&false);
        self.tester.check(closed, "the channel opened is one that was closed")?;
        (self.open[number], self.selected[number]) = (true, false);
        Ok(())
    }

    fn close_channel(&mut self, number: u8) -> OrStop {
        let answer = self.tester.send(&[0x00, 0x70, 0x80, number])?;
        let channel = usize::from(number);
        if !self.open[channel] {
            return self.tester.expect_status(&answer, 0x6881);
        }
        (self.open[channel], self.selected[channel]) = (false, false);
        if self.live.as_ref().is_some_and(|live| live.session.channel == number) {
            self.end_session();
        }
        self.tester.expect_status(&answer, 0x9000)
    }

    // Sessions.

    /// A session is open: the last one that was asked for, if need be anew.
    fn session(&mut self) -> OrStop {
        self.power_up()?;
        if self.live.is_none() { self.open_session(&self.opening.clone(), None) } else { Ok(()) }
    }

    fn open_session(&mut self, opening: &Opening, tear: Option<ModelTear>) -> OrStop {
        let (opener, grant) = self.opener(opening);
        self.opening = Opening { suite: grant.suite, cards: grant.cards.clone(), ..*opening };
        self.end_session();
        let r0 = client::select_on(self.tester, opener.channel)?;
        self.selected[usize::from(opener.channel)] = true;
        self.tester.check(self.offers.insert(r0.clone()), "each SELECT answers anew")?;
        let (data, waiting) = opener.auth(self.tester, &r0)?;
        let command = opener.auth_command(&data);
        // AUTH writes nothing: a cut at one of its writes never comes.
        if let Some(fault) = tear.and_then(fault_of) {
            self.tester.send_torn(&command, fault);
            self.lost_power();
            return Ok(());
        }
        let answer = self.tester.send_once(&command)?;
        self.tester.expect_status(&answer, 0x9000)?;
        let opened = waiting.open(self.tester, &answer.data)?;
        let card = self.worlds.all()[0].card;
        self.tester.check_equal("CID", &card, &opened.card)?;
        for sealed in &opened.state.unratified {
            self.seal(grant.suite, sealed)?;
        }
        self.worlds.opened(&grant, &opened.state).map_err(Stop::fail)?;
        self.live = Some(Live { session: opened.session, grant });
        Ok(())
    }

    /// The opening as this card permits it: suites claimed, logical cards that there are, channels that are open.
    fn opener(&self, opening: &Opening) -> (Opener, Grant) {
        let claimed = client::suites(self.tester);
        let suite = if claimed.contains(&opening.suite) { opening.suite } else { claimed[0] };
        let mut cards: Vec<u8> = opening.cards.iter().copied().filter(|id| self.ids.contains(id)).collect();
        if cards.is_empty() {
            cards = self.ids.iter().copied().take(1).collect();
        }
        let role = match opening.who.to_ascii_lowercase() {
            b'c' => Role::Credit,
            b'f' => Role::Refund,
            b'r' => Role::Read,
            b'a' => Role::Administer,
            _ => Role::Debit,
        };
        let rights = match (suite, opening.who) {
            (Suite::Epc2, b'x') => right::ALL,
            (Suite::Epc2, b'A'..=b'Z') => rights_of(role) & !right::COLLECT,
            _ => rights_of(role),
        };
        let mut tid = *b"UNTORN  ";
        tid[7] = opening.terminal;
        let mut opener = Opener::new(suite, role).at(tid).on(self.channel(opening.channel));
        opener.rights = Rights(rights.into());
        opener = opener.cards(&cards);
        (opener.options.details, opener.options.unratified) = (true, true);
        let grant = Grant { suite, terminal: opener.terminal, rights, cards };
        (opener, grant)
    }

    fn lost_power(&mut self) {
        self.powered = false;
        self.forget();
    }

    /// A command of the session before.
    fn stale(&mut self) -> OrStop {
        let Some(mut session) = self.ended.take() else { return Ok(()) };
        let channel = usize::from(session.channel);
        if !self.open[channel] || !self.selected[channel] {
            return Ok(());
        }
        let command = session.protect(ins::READ, [0, 0], &[1, 1, 1]);
        let answer = self.tester.send(&command)?;
        if self.live.as_ref().is_some_and(|live| usize::from(live.session.channel) == channel) {
            self.end_session();
            return self.tester.expect_status(&answer, 0x6988);
        }
        self.tester.expect_status(&answer, 0x6982)
    }

    // Commands of a session.

    /// Sends a request, torn or not, and asks the model about the answer.
    fn command(&mut self, request: &ModelRequest, tear: Option<ModelTear>) -> OrStop {
        self.session()?;
        let (ins, parameters, plaintext) = self.octets(request)?;
        let Some(mut live) = self.live.take() else { return Ok(()) };
        let command = live.session.protect(ins, parameters, &plaintext);
        let answer = match tear {
            None => Some(self.tester.send_once(&command)?),
            Some(ModelTear::Cut(cut)) => self.tester.send_cut(&command, cut)?,
            Some(ModelTear::Before | ModelTear::After | ModelTear::Answering(_)) => {
                if let Some(fault) = tear.and_then(fault_of) {
                    self.tester.send_torn(&command, fault);
                }
                None
            }
        };
        let Some(answer) = answer else {
            // What never reached the card changed nothing.
            if tear != Some(ModelTear::Before) {
                self.worlds.torn(&live.grant, request);
            }
            self.ended = Some(live.session);
            self.lost_power();
            return Ok(());
        };
        let data = live.session.unprotect(self.tester, &answer)?;
        let got = self.answer_of(request, live.grant.suite, &answer, &data)?;
        self.worlds.answered(&live.grant, request, &got).map_err(Stop::fail)?;
        // REQ-SES-1: it ends after 255 commands, with the counter at its end.
        if live.session.counter == 0 {
            self.ended = Some(live.session);
        } else {
            self.live = Some(live);
        }
        Ok(())
    }

    /// INS, P1-P2 and plaintext.
    fn octets(&mut self, request: &ModelRequest) -> OrStop<(u8, [u8; 2], Vec<u8>)> {
        Ok(match request {
            ModelRequest::Read { card, file, record } => (ins::READ, [0, 0], vec![*card, *file, *record]),
            ModelRequest::Receipt(transaction) => (ins::GET_RECEIPT, [0, 0], transaction.0.to_vec()),
            ModelRequest::ReceiptOf(counter) => (ins::GET_RECEIPT, [0, 1], counter.to_be_bytes().to_vec()),
            ModelRequest::Transact(order) => (ins::TRANSACT, [0, 0], order.emit()),
            ModelRequest::Acknowledge(transaction) => (ins::ACK, [0, 0], transaction.0.to_vec()),
            ModelRequest::Verify(entry) => (ins::VERIFY, [0, 1], self.digits(*entry)?),
        })
    }

    fn answer_of(&mut self, request: &ModelRequest, suite: Suite, answer: &Seen, data: &[u8]) -> OrStop<Answer> {
        if answer.status != StatusWord::OK {
            self.tester.check(data.is_empty(), "a refusal carries no data")?;
            return Ok(Err(answer.status.0));
        }
        Ok(Ok(match request {
            ModelRequest::Read { .. } => {
                let record: [u8; RECORD_LEN] =
                    data.try_into().map_err(|_| Stop::fail(format!("a record of {} octets", data.len())))?;
                Reply::Record(record)
            }
            ModelRequest::Receipt(_) | ModelRequest::ReceiptOf(_) | ModelRequest::Transact(_) => {
                let sealed = SealedReceipt::parse(data, suite);
                let sealed = sealed.map_err(|error| Stop::fail(format!("receipt: {error}")))?;
                self.seal(suite, &sealed)?;
                Reply::Receipt(Box::new(sealed.body))
            }
            ModelRequest::Acknowledge(_) | ModelRequest::Verify(_) => {
                self.tester.check(data.is_empty(), "ACK and VERIFY answer a status word alone")?;
                Reply::Done
            }
        }))
    }

    fn seal(&mut self, suite: Suite, sealed: &SealedReceipt) -> OrStop {
        let first = self.seals.entry((suite, sealed.body.emit().to_vec())).or_insert_with(|| sealed.seal.clone());
        let alike = *first == sealed.seal;
        self.tester.check(alike, "a receipt reads alike in all sessions of a suite")
    }

    // Orders.

    fn next_counter(&self) -> u32 {
        self.worlds.all()[0].counter.wrapping_add(1)
    }

    fn newest(&self, back: u8) -> Option<TransactOrder> {
        self.orders.iter().rev().nth(back.into()).cloned()
    }

    /// TTID of the order so far back; beyond the first one, a TTID of the session's terminal that no order had.
    fn named(&mut self, back: u8) -> OrStop<TransactionId> {
        self.session()?;
        Ok(match self.newest(back) {
            Some(order) => order.transaction,
            None => self.fresh_transaction(),
        })
    }

    fn fresh_transaction(&mut self) -> TransactionId {
        let (sequence, random) = (u32::from_be_bytes(self.tester.random()), self.tester.random());
        let terminal = self.live.as_ref().map(|live| live.grant.terminal).unwrap_or_default();
        TransactionId::new(terminal, sequence, random)
    }

    fn order(&mut self, off: i8, changes: &[Change], tear: Option<ModelTear>) -> OrStop {
        self.session()?;
        let operations: Vec<Operation> = changes.iter().filter_map(|change| self.operation(change)).collect();
        let ruins = |operation: &Operation| {
            matches!(operation, Operation::TakeOver { .. } | Operation::LifeCycle { status: LifeCycle::Terminated })
        };
        // Whether a take-over counts as committed before another operation of the same order is not specified: it comes alone.
        let takes_over = operations.iter().any(|operation| matches!(operation, Operation::TakeOver { .. }));
        let mixed = takes_over && !operations.iter().all(|operation| matches!(operation, Operation::TakeOver { .. }));
        if operations.is_empty() || mixed || !self.may_ruin && operations.iter().any(ruins) {
            return Ok(());
        }
        let expected_counter = self.next_counter().wrapping_add_signed(off.into());
        let order =
            TransactOrder { expected_counter, transaction: self.fresh_transaction(), time: ORDER_TIME, operations };
        self.orders.push(order.clone());
        self.command(&ModelRequest::Transact(order), tear)
    }

    /// `None` where the letter has other numbers.
    fn operation(&mut self, change: &Change) -> Option<Operation> {
        let numbers = &change.numbers;
        let logical_card = u8::try_from(*numbers.first()?).ok()?;
        let amount = numbers.get(1).copied().unwrap_or_default();
        let last = numbers.last().copied()? as u8;
        Some(match change.letter {
            b'd' => Operation::Debit { logical_card, amount },
            b'c' => Operation::Credit { logical_card, amount },
            b'f' => {
                let of = self.newest(last).map_or_else(|| self.fresh_transaction(), |order| order.transaction);
                Operation::Refund { logical_card, amount, of }
            }
            b'w' => Operation::WriteRecord { logical_card, record: amount as u8, data: [last; RECORD_LEN] },
            b'a' => Operation::AppendRecord { logical_card, data: [last; RECORD_LEN] },
            b'u' | b'n' => Operation::Count { logical_card, up: change.letter == b'u', number: amount },
            b's' => Operation::LifeCycle { status: LifeCycle::from_code(logical_card)? },
            b'x' => {
                let from = crate::family::purse::data::CardId(*b"REPLACED");
                Operation::TakeOver { logical_card, amount, from, link: Link(*b"ITS LINK") }
            }
            _ => return None,
        })
    }

    // PIN.

    fn digits(&self, entry: TypedPin) -> OrStop<Vec<u8>> {
        let right = if self.tester.claims("purse.pin") { self.tester.secret("purse.pin")? } else { "1234" };
        Ok(match entry {
            TypedPin::Right => right.as_bytes().to_vec(),
            // Another digit at the end.
            TypedPin::Wrong => {
                let mut digits = right.as_bytes().to_vec();
                digits.iter_mut().last().into_iter().for_each(|digit| *digit = b'0' + (*digit - b'0' + 1) % 10);
                digits
            }
            TypedPin::Short => b"123".to_vec(),
            TypedPin::NoDigits => b"12x4".to_vec(),
        })
    }

    fn verify(&mut self, entry: TypedPin, tear: Option<ModelTear>) -> OrStop {
        self.session()?;
        let fewest = self.worlds.all().iter().filter_map(|model| model.tries).map(|tries| tries.left).min();
        // The right one was accepted when the card was learnt, and costs nothing; without a PIN there are no tries.
        let spends = fewest.is_some() && (entry == TypedPin::Wrong || tear.is_some());
        if spends && !self.may_ruin && fewest.is_some_and(|left| left < 2) {
            return Ok(());
        }
        // A tear before the command counts in the ledger of a card that must live on, and costs no try: two may be reached here first.
        if spends && let Err(stop) = self.tester.before_failed_attempt(PIN) {
            self.tester.note(format!("left out: {}", stop.reason));
            return Ok(());
        }
        // A try whose cell reads differently each time is one try all the same, but now it is left and now it is not: that is for a
        // tear explorer, which can look into the card.
        let tear = match tear {
            Some(ModelTear::Cut(Cut { after_writes, torn: Torn::Unstable(seed) })) => {
                Some(ModelTear::Cut(Cut { after_writes, torn: Torn::Random(seed) }))
            }
            tear => tear,
        };
        self.command(&ModelRequest::Verify(entry), tear)?;
        let verified = self.live.is_some() && self.worlds.all().iter().all(|model| model.verified);
        if verified { self.tester.after_good_attempt(PIN, &self.digits(TypedPin::Right)?) } else { Ok(()) }
    }

    // The end.

    /// A session of this role for all logical cards.
    fn open_for_all(&mut self, who: u8) -> OrStop {
        let opening = Opening { who, terminal: b'A', cards: self.ids.clone(), channel: 0, ..self.opening.clone() };
        self.open_session(&opening, None)
    }

    /// STATE, every record and every receipt; the records and receipts that there are not, too.
    fn look_at_everything(&mut self) -> OrStop {
        self.forget();
        self.tester.power_on()?;
        self.powered = true;
        self.open_for_all(b'r')?;
        let model = self.worlds.all()[0].clone();
        for (id, card) in &model.cards {
            for (file, records) in [(1, &card.linear), (2, &card.cyclic)] {
                for record in 1..=records.len() as u8 + 1 {
                    self.command(&ModelRequest::Read { card: *id, file, record }, None)?;
                }
            }
        }
        let kept: Vec<TransactionId> = model.ring.iter().map(|place| place.body.transaction).collect();
        let gone = self.orders.iter().map(|order| order.transaction).filter(|transaction| !kept.contains(transaction));
        let gone: Vec<TransactionId> = gone.take(model.places).collect();
        for transaction in kept.into_iter().chain(gone) {
            self.command(&ModelRequest::Receipt(transaction), None)?;
        }
        Ok(())
    }
}

/// What the link does, for a tear that is not inside the card.
fn fault_of(tear: ModelTear) -> Option<Fault> {
    match tear {
        ModelTear::Before => Some(Fault::RemovedBefore),
        ModelTear::After => Some(Fault::RemovedAfter),
        ModelTear::Answering(octets) => Some(Fault::RemovedWhileAnswering { octets: octets.into() }),
        ModelTear::Cut(_) => None,
    }
}
