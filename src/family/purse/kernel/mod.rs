//! The terminal side of the purse: which commands, in which order, and what their answers prove (specs/purse.md, clause 10).

pub mod checks;
mod compare;
mod error;
mod intent;
pub mod sam;

pub use self::intent::PurseIntent;

use self::compare::Comparison;
use self::sam::{Sam, SamError, SessionCommand, split_status};
use super::data::session::{CERTIFICATE_EPOCH_DAY, CardState, Options, SealedReceipt};
use super::data::transact::{Operation, ReceiptBody, ReceiptType, TransactOrder};
use super::data::{AID, CardId, LifeCycle, Suite, TransactionId, ins, refusal};
use crate::entropy::Entropy;
use crate::journal::Committed;
use crate::journal::record::{CardReference, Intent, OrderKind};
use crate::money::Money;
use crate::quoted::quoted;
use crate::secret::Pin;
use crate::terminal::kernel::{
    CardView, Draft, Finding, HistoryItem, Input, Kernel, LogicalBalance, Outgoing, Proof, Question, Refusal,
    RefusalReason, Step, Task,
};
use crate::time::Moment;
use crate::wire::apdu::Command;
use crate::wire::hex;
use crate::wire::status::StatusWord;

/// Name of the family in intents.
pub const FAMILY: &str = "purse";

/// Most receipts that a history shows.
const HISTORY_MAX: usize = 16;

/// The kernel.
pub struct PurseKernel {
    sam: Box<dyn Sam>,
    logical_cards: Vec<u8>,
    now: Moment,
    purpose: Option<OrderKind>,
    doing: Doing,
    session: Option<Session>,
}

struct Session {
    card: CardId,
    suite: Suite,
    state: CardState,
    /// Receipts that the terminal has asked for.
    fetched: Vec<SealedReceipt>,
}

enum Doing {
    Nothing,
    Selecting,
    Authenticating,
    FetchingReceipt(Box<PurseIntent>),
    Comparing(Comparison, u32),
    AskingPin(Draft),
    VerifyingPin(Draft),
    Committing,
    Executing(Box<PurseIntent>),
    Acknowledging,
    Listing { next: u32, items: Vec<HistoryItem> },
}

impl PurseKernel {
    /// A kernel whose sessions open these logical cards, ascending; the first is the purse that pays.
    pub fn new(sam: Box<dyn Sam>, logical_cards: Vec<u8>) -> Self {
        let now = Moment::default();
        Self { sam, logical_cards, now, purpose: None, doing: Doing::Nothing, session: None }
    }

    fn select(&mut self, purpose: Option<OrderKind>) -> Step {
        self.session = None;
        self.purpose = purpose;
        self.doing = Doing::Selecting;
        let command = Command::new(0x00, ins::SELECT, 0x04, 0x00).with_data(&AID).with_le(256);
        Step::Send(Outgoing::plain(command.emit()))
    }

    fn selected(&mut self, response: &[u8], entropy: &mut dyn Entropy) -> Step {
        let r0 = match split_status(response) {
            Ok((r0, StatusWord::OK)) => r0,
            Ok((_, status)) => return not_ours(&format!("SELECT answered {status}")),
            Err(error) => return not_ours(&error.to_string()),
        };
        let options = Options { logical_cards: self.logical_cards.clone(), details: true, unratified: true };
        match self.sam.authenticate(r0, self.purpose, &options, self.now, entropy) {
            Ok(command) => {
                self.doing = Doing::Authenticating;
                Step::Send(Outgoing::plain(command))
            }
            Err(error @ SamError::NoRight(_)) => refuse(RefusalReason::NoRight, error.to_string()),
            Err(error) => not_opened(&error),
        }
    }

    fn authenticated(&mut self, response: &[u8]) -> Step {
        let answer = match split_status(response) {
            Ok((answer, StatusWord::OK)) => answer,
            Ok((_, status)) => {
                return not_ours(&format!("AUTH answered {status}: the card does not accept this terminal"));
            }
            Err(error) => return not_ours(&error.to_string()),
        };
        match self.sam.open(answer, self.now) {
            Ok((card, state, suite)) => {
                let session = Session { card, suite, state, fetched: Vec::new() };
                let view = session.view();
                self.session = Some(session);
                Step::Done(Finding::Opened(view))
            }
            Err(error) => not_opened(&error),
        }
    }

    // Resolution.

    /// The recovery table of REQ-TRM-3.
    fn resolve(&mut self, intent: &Intent) -> Step {
        let intent = match PurseIntent::of(intent) {
            Ok(intent) => intent,
            Err(reason) => return Step::Done(Finding::CannotTell(format!("the record is not a purse's: {reason}"))),
        };
        let Some(session) = &self.session else { return broken("no session") };
        let (seen, expected) = (session.state.transaction_counter, intent.order.expected_counter);
        let same_history = session.state.link == intent.receipt.previous_link;
        if seen.checked_add(1) == Some(expected) && same_history {
            return did_not_happen(&format!("the card's counter is still {seen}"));
        }
        if seen < expected {
            // The counter alone would be believed again once a copy has caught up with it; LINK tells the histories apart.
            let reason = format!("the card stands at {seen} with another history: it is a copy, or was restored");
            return Step::Done(Finding::CannotTell(reason));
        }
        let shown = session.state.unratified.iter().find(|receipt| receipt.body.transaction_counter == expected);
        if let Some(receipt) = shown {
            return Step::Done(judge(&intent, receipt));
        }
        let step = self.send(SessionCommand::ReceiptOfCounter(expected));
        self.doing = Doing::FetchingReceipt(Box::new(intent));
        step
    }

    fn receipt_fetched(&mut self, response: &[u8], intent: &PurseIntent) -> Step {
        let suite = self.session.as_ref().map_or(Suite::Epc1, |session| session.suite);
        match self.sam.unprotect(response) {
            Ok((data, StatusWord::OK)) => match SealedReceipt::parse(&data, suite) {
                Ok(receipt) => {
                    let judged = judge(intent, &receipt);
                    self.session.iter_mut().for_each(|session| session.fetched.push(receipt.clone()));
                    Step::Done(judged)
                }
                Err(error) => broken(&error.to_string()),
            },
            Ok((_, StatusWord::REFERENCED_DATA_NOT_FOUND)) => {
                let reason = "the card has forgotten that transaction; the upper system must decide".to_owned();
                Step::Done(Finding::CannotTell(reason))
            }
            Ok((_, status)) => broken(&format!("GET RECEIPT answered {status}")),
            Err(error) => broken(&error.to_string()),
        }
    }

    // What the journal holds of the card, and what the card shows.

    fn compare(&mut self, comparison: Comparison) -> Step {
        let Some(session) = &self.session else { return broken("no session") };
        let Some(counter) = comparison.wants(&session.state, session.seen()) else {
            return Step::Done(Finding::Compared(comparison.judge(&session.state, session.seen(), None)));
        };
        let step = self.send(SessionCommand::ReceiptOfCounter(counter));
        self.doing = Doing::Comparing(comparison, counter);
        step
    }

    fn compared(&mut self, response: &[u8], comparison: &Comparison, asked: u32) -> Step {
        let Some(session) = &mut self.session else { return broken("no session") };
        let missing = match self.sam.unprotect(response) {
            Ok((data, StatusWord::OK)) => match SealedReceipt::parse(&data, session.suite) {
                Ok(receipt) if receipt.body.transaction_counter == asked => {
                    session.fetched.push(receipt);
                    None
                }
                Ok(_) => return broken("the receipt is of another transaction than was asked for"),
                Err(error) => return broken(&error.to_string()),
            },
            Ok((_, StatusWord::REFERENCED_DATA_NOT_FOUND)) => Some(asked),
            Ok((_, status)) => return broken(&format!("GET RECEIPT answered {status}")),
            Err(error) => return broken(&error.to_string()),
        };
        Step::Done(Finding::Compared(comparison.judge(&session.state, session.seen(), missing)))
    }

    // The order.

    /// Prepared before the PIN is asked for: whoever has too little on the card need not type it.
    fn order(&mut self, draft: Draft, now: Moment, entropy: &mut dyn Entropy) -> Step {
        let intent = match self.prepare(&draft, now, entropy) {
            Ok(intent) => intent,
            Err(refusal) => return Step::Done(Finding::Refused(refusal)),
        };
        let card = self.session.as_ref().map(Session::view);
        let pin_above = card.as_ref().and_then(|card| card.pin_above);
        if draft.kind != OrderKind::Sale || pin_above.is_none_or(|limit| draft.amount.minor <= limit) {
            return self.commit(intent);
        }
        if card.is_some_and(|card| card.pin_blocked) {
            return no_pin_tries_left();
        }
        self.doing = Doing::AskingPin(draft);
        Step::Ask(Question::Pin { tries_left: None })
    }

    fn pin_typed(&mut self, pin: &Pin, draft: Draft) -> Step {
        self.doing = Doing::VerifyingPin(draft);
        self.send(SessionCommand::VerifyPin(pin))
    }

    /// Prepared anew after the PIN: typing takes time, and the order is dated.
    fn pin_verified(&mut self, response: &[u8], draft: Draft, now: Moment, entropy: &mut dyn Entropy) -> Step {
        match self.sam.unprotect(response) {
            Ok((_, StatusWord::OK)) => match self.prepare(&draft, now, entropy) {
                Ok(intent) => self.commit(intent),
                Err(refusal) => Step::Done(Finding::Refused(refusal)),
            },
            Ok((_, StatusWord::AUTHENTICATION_BLOCKED | StatusWord(0x63C0))) => no_pin_tries_left(),
            Ok((_, StatusWord(word))) if word & 0xFFF0 == 0x63C0 => {
                self.doing = Doing::AskingPin(draft);
                Step::Ask(Question::Pin { tries_left: Some((word & 0x0F) as u8) })
            }
            Ok((_, status)) => Step::Done(Finding::Refused(refused_with(status, RefusalReason::Other))),
            Err(error) => broken(&error.to_string()),
        }
    }

    fn commit(&mut self, intent: Intent) -> Step {
        self.doing = Doing::Committing;
        Step::Commit(Box::new(intent))
    }

    fn execute(&mut self, committed: &Committed) -> Step {
        let intent = match PurseIntent::of(committed.intent()) {
            Ok(intent) => intent,
            Err(reason) => return broken(&reason),
        };
        match self.sam.transact(committed) {
            Ok(octets) => {
                self.doing = Doing::Executing(Box::new(intent));
                Step::Send(Outgoing::value(committed, octets))
            }
            Err(error) => broken(&error.to_string()),
        }
    }

    /// The intent of this order on the card whose session is open.
    fn prepare(&mut self, draft: &Draft, now: Moment, entropy: &mut dyn Entropy) -> Result<Intent, Refusal> {
        let Some(session) = &self.session else {
            return Err(refused(RefusalReason::Other, "no card is in session".to_owned()));
        };
        let time = order_time(now)?;
        let state = &session.state;
        if draft.kind != OrderKind::Block && draft.amount.currency != state.currency {
            return Err(Refusal::currency(draft.amount.currency, state.currency));
        }
        let (operations, balance_after) = self.operations(session, draft)?;
        let transaction = if let Some(previous) = &draft.previous {
            let previous = PurseIntent::of(previous).map_err(|reason| refused(RefusalReason::Other, reason))?;
            previous.order.transaction
        } else {
            let mut random = [0; 4];
            entropy.fill(&mut random);
            TransactionId::new(self.sam.terminal(), draft.order.0, random)
        };
        let exhausted = || refused(RefusalReason::NotActive, "the card's transaction counter is used up".to_owned());
        let expected_counter = state.transaction_counter.checked_add(1).ok_or_else(exhausted)?;
        let order = TransactOrder { expected_counter, transaction, time, operations };
        let receipt = ReceiptBody {
            card: session.card,
            transaction_counter: expected_counter,
            transaction,
            receipt_type: order.principal().map_or(ReceiptType::Data, Operation::receipt_type),
            amount: order.principal().map_or(0, Operation::amount),
            currency: state.currency,
            balance_after,
            time: order.time,
            order_digest: order.digest(),
            previous_link: state.link,
        };
        Ok(Intent {
            order: draft.order,
            attempt: draft.attempt,
            kind: draft.kind,
            family: FAMILY.to_owned(),
            card: session.reference(),
            amount: draft.amount,
            balance_before: session.balance(),
            time: now,
            policy: None,
            family_data: PurseIntent { order, receipt }.family_data(),
        })
    }

    fn operations(&self, session: &Session, draft: &Draft) -> Result<(Vec<Operation>, u32), Refusal> {
        let logical_card = self.logical_cards.first().copied().unwrap_or(1);
        let (amount, balance) = (draft.amount.minor, session.state.balance);
        let maximum = session.state.details.first().map_or(u32::MAX, |detail| detail.maximum);
        let too_little =
            || refused(RefusalReason::BalanceTooSmall, format!("the card holds only {}", session.balance()));
        let too_much = || refused(RefusalReason::MaximumExceeded, "the card may not hold that much".to_owned());
        let added = || balance.checked_add(amount).filter(|sum| *sum <= maximum).ok_or_else(too_much);
        Ok(match draft.kind {
            OrderKind::Sale => {
                (vec![Operation::Debit { logical_card, amount }], balance.checked_sub(amount).ok_or_else(too_little)?)
            }
            OrderKind::TopUp => (vec![Operation::Credit { logical_card, amount }], added()?),
            OrderKind::Refund => {
                // The card's last transaction may be another terminal's sale: this desk gives back its own only.
                let Some(text) = &draft.refund_of else {
                    let detail = "which sale is to be given back is not known".to_owned();
                    return Err(refused(RefusalReason::NotRefundable, detail));
                };
                let of = parse_transaction(text)?;
                (vec![Operation::Refund { logical_card, amount, of }], added()?)
            }
            OrderKind::Block => (vec![Operation::LifeCycle { status: LifeCycle::Blocked }], balance),
        })
    }

    fn executed(&mut self, response: &[u8], intent: &PurseIntent) -> Step {
        let suite = self.session.as_ref().map_or(Suite::Epc1, |session| session.suite);
        match self.sam.unprotect(response) {
            Ok((data, StatusWord::OK)) => match SealedReceipt::parse(&data, suite) {
                Ok(receipt) => match judge(intent, &receipt) {
                    happened @ Finding::Happened(_) => Step::Done(happened),
                    // REQ-TRX-2: the card has had this transaction id before, shows that receipt and has changed nothing.
                    _ if is_of_an_earlier_order(intent, &receipt) => {
                        let detail = "the card knows this transaction id from an earlier order: was this terminal's \
                                      journal lost, or its id given to another?";
                        Step::Done(Finding::Refused(refused(RefusalReason::Other, detail.to_owned())))
                    }
                    // An authentic answer that is not the receipt of our order: believe nothing, look again at the next touch.
                    _ => broken("the receipt is not that of the order"),
                },
                Err(error) => broken(&error.to_string()),
            },
            // Only these are refusals. Any other authentic word is not in the specification and proves nothing.
            Ok((_, status)) => match refusal_of(status) {
                Some(refusal) => Step::Done(Finding::Refused(refusal)),
                None => broken(&format!("TRANSACT answered {status}, which is neither an acceptance nor a refusal")),
            },
            Err(error) => broken(&error.to_string()),
        }
    }

    // History.

    fn list(&mut self, next: u32, items: Vec<HistoryItem>) -> Step {
        if next == 0 || items.len() >= HISTORY_MAX {
            return Step::Done(Finding::History(items));
        }
        let step = self.send(SessionCommand::ReceiptOfCounter(next));
        self.doing = Doing::Listing { next: next - 1, items };
        step
    }

    fn listed(&mut self, response: &[u8], next: u32, mut items: Vec<HistoryItem>) -> Step {
        let suite = self.session.as_ref().map_or(Suite::Epc1, |session| session.suite);
        match self.sam.unprotect(response) {
            Ok((data, StatusWord::OK)) => match SealedReceipt::parse(&data, suite) {
                Ok(receipt) => {
                    items.push(history_item(&receipt.body));
                    self.list(next, items)
                }
                Err(error) => broken(&error.to_string()),
            },
            Ok((_, StatusWord::REFERENCED_DATA_NOT_FOUND)) => Step::Done(Finding::History(items)),
            Ok((_, status)) => broken(&format!("GET RECEIPT answered {status}")),
            Err(error) => broken(&error.to_string()),
        }
    }

    fn answered(&mut self, doing: Doing, response: &[u8], now: Moment, entropy: &mut dyn Entropy) -> Step {
        match doing {
            Doing::Nothing | Doing::AskingPin(_) | Doing::Committing => broken("an answer to nothing"),
            Doing::Selecting => self.selected(response, entropy),
            Doing::Authenticating => self.authenticated(response),
            Doing::FetchingReceipt(intent) => self.receipt_fetched(response, &intent),
            Doing::Comparing(comparison, asked) => self.compared(response, &comparison, asked),
            Doing::VerifyingPin(draft) => self.pin_verified(response, draft, now, entropy),
            Doing::Executing(intent) => self.executed(response, &intent),
            Doing::Acknowledging => match self.sam.unprotect(response) {
                Ok(_) => Step::Done(Finding::Acknowledged),
                Err(error) => broken(&error.to_string()),
            },
            Doing::Listing { next, items } => self.listed(response, next, items),
        }
    }

    fn send(&mut self, command: SessionCommand<'_>) -> Step {
        match self.sam.protect(command) {
            Ok(octets) => Step::Send(Outgoing::plain(octets)),
            Err(error) => broken(&error.to_string()),
        }
    }
}

impl Kernel for PurseKernel {
    fn begin(&mut self, task: Task, now: Moment, entropy: &mut dyn Entropy) -> Step {
        self.now = now;
        self.doing = Doing::Nothing;
        match task {
            Task::Open { purpose } => self.select(purpose),
            Task::Resolve(intent) => self.resolve(&intent),
            Task::Compare(beliefs) => self.compare(Comparison::of(beliefs)),
            Task::Order(draft) => self.order(draft, now, entropy),
            Task::Acknowledge(intent) => {
                let Ok(intent) = PurseIntent::of(&intent) else { return Step::Done(Finding::Acknowledged) };
                self.doing = Doing::Acknowledging;
                self.send(SessionCommand::Acknowledge(intent.order.transaction))
            }
            Task::History => match &self.session {
                Some(session) => self.list(session.state.transaction_counter, Vec::new()),
                None => broken("no session"),
            },
        }
    }

    fn resume(&mut self, input: Input<'_>, now: Moment, entropy: &mut dyn Entropy) -> Step {
        match (std::mem::replace(&mut self.doing, Doing::Nothing), input) {
            (Doing::AskingPin(draft), Input::Pin(pin)) => self.pin_typed(&pin, draft),
            (Doing::Committing, Input::Committed(committed)) => self.execute(&committed),
            (doing, Input::Answer(response)) => self.answered(doing, response, now, entropy),
            (_, Input::Pin(_) | Input::Committed(_)) => broken("an answer to nothing"),
        }
    }

    fn can_date(&self, now: Moment) -> Result<(), Refusal> {
        order_time(now).map(|_| ())
    }
}

impl Session {
    fn reference(&self) -> CardReference {
        CardReference(self.card.to_string())
    }

    fn balance(&self) -> Money {
        Money::new(self.state.balance, self.state.currency)
    }

    /// All receipts that this session has shown.
    fn seen(&self) -> impl Iterator<Item = &SealedReceipt> + Clone {
        self.state.unratified.iter().chain(&self.fetched)
    }

    fn view(&self) -> CardView {
        let state = &self.state;
        let needs_pin = state.flags & CardState::PIN_PRESENT != 0 && state.flags & CardState::VERIFIED_ON_DEVICE == 0;
        let balances = state.details.iter().map(|detail| LogicalBalance {
            id: detail.id,
            operator: detail.operator,
            balance: Money::new(detail.balance, detail.currency),
            counter: detail.counter,
        });
        CardView {
            card: self.reference(),
            inactive: (state.life_cycle != LifeCycle::Active).then(|| format!("the card is {}", state.life_cycle)),
            balance: self.balance(),
            pin_above: state.details.first().filter(|_| needs_pin).map(|detail| detail.pin_limit),
            pin_blocked: state.flags & CardState::PIN_BLOCKED != 0,
            balances: balances.collect(),
            unratified: state.unratified_count,
            shown: state.unratified.iter().map(|receipt| receipt.body.transaction.to_string()).collect(),
        }
    }
}

/// A wrong clock is the terminal's; everything else is the card's.
fn not_opened(error: &SamError) -> Step {
    match error {
        SamError::NotValidNow { .. } => Step::Done(Finding::Refused(refused(RefusalReason::Clock, error.to_string()))),
        error => not_ours(&error.to_string()),
    }
}

/// The time of an order in the four octets that a card has for it. Before day 0 of the scheme no clock can be right.
fn order_time(now: Moment) -> Result<u32, Refusal> {
    let first = Moment::from_day(CERTIFICATE_EPOCH_DAY.into());
    now.seconds().filter(|_| now >= first).ok_or_else(|| {
        let last = Moment::from_seconds(u32::MAX);
        let detail = format!(
            "the terminal's clock says {now}, and a card can date an order from {first} to {last} only: set the clock"
        );
        refused(RefusalReason::Clock, detail)
    })
}

/// Whether this receipt proves that order, or that another took its place.
fn judge(intent: &PurseIntent, receipt: &SealedReceipt) -> Finding {
    if receipt.body == intent.receipt {
        let balance_after = Money::new(receipt.body.balance_after, receipt.body.currency);
        return Finding::Happened(Proof { balance_after, evidence: hex::encode(&receipt.emit()) });
    }
    if receipt.body.transaction == intent.receipt.transaction {
        return Finding::CannotTell("the card's receipt bears our transaction id and other values".to_owned());
    }
    if receipt.body.transaction_counter != intent.receipt.transaction_counter {
        return Finding::Broken("the receipt is of another transaction than was asked for".to_owned());
    }
    let counter = receipt.body.transaction_counter;
    if receipt.body.previous_link != intent.receipt.previous_link {
        let reason = format!("the card's transaction {counter} follows another history: it is a copy, or was restored");
        return Finding::CannotTell(reason);
    }
    Finding::DidNotHappen(format!("the card's transaction {counter} is another one"))
}

fn is_of_an_earlier_order(intent: &PurseIntent, receipt: &SealedReceipt) -> bool {
    receipt.body.transaction == intent.receipt.transaction
        && receipt.body.transaction_counter < intent.receipt.transaction_counter
}

fn history_item(body: &ReceiptBody) -> HistoryItem {
    HistoryItem {
        counter: body.transaction_counter,
        what: body.receipt_type.to_string(),
        amount: Money::new(body.amount, body.currency),
        balance_after: Money::new(body.balance_after, body.currency),
        time: Moment::from_seconds(body.time),
        transaction: body.transaction.to_string(),
    }
}

fn parse_transaction(text: &str) -> Result<TransactionId, Refusal> {
    let octets = hex::parse(text).ok().and_then(|octets| octets.try_into().ok());
    octets.map(TransactionId).ok_or_else(|| {
        refused(
            RefusalReason::NotRefundable,
            format!("a transaction id is 32 hex digits, got {text}", text = quoted(text)),
        )
    })
}

/// What an authentic status word of TRANSACT refuses (specs/purse.md, clause 6).
fn refusal_of(status: StatusWord) -> Option<Refusal> {
    let reason = match status {
        refusal::BALANCE_TOO_SMALL => RefusalReason::BalanceTooSmall,
        refusal::MAXIMUM_EXCEEDED => RefusalReason::MaximumExceeded,
        refusal::NOT_REFUNDABLE => RefusalReason::NotRefundable,
        refusal::NOT_ACTIVE => RefusalReason::NotActive,
        refusal::VERIFICATION_REQUIRED => RefusalReason::PinRequired,
        StatusWord::SECURITY_STATUS_NOT_SATISFIED => RefusalReason::NoRight,
        refusal::TAKEN_OVER
        | StatusWord::CONDITIONS_NOT_SATISFIED
        | StatusWord::WRONG_DATA
        | StatusWord::RECORD_NOT_FOUND => RefusalReason::Other,
        _ => return None,
    };
    Some(refused_with(status, reason))
}

fn refused_with(status: StatusWord, reason: RefusalReason) -> Refusal {
    let detail = match reason {
        RefusalReason::BalanceTooSmall => "the balance is too small".to_owned(),
        RefusalReason::MaximumExceeded => "the card may not hold that much".to_owned(),
        RefusalReason::NotRefundable => "the card knows no such sale, or less of it is left".to_owned(),
        RefusalReason::NotActive => "the card is not active".to_owned(),
        RefusalReason::PinRequired => "the PIN is needed".to_owned(),
        RefusalReason::NoRight => "this terminal may not do that".to_owned(),
        _ => format!("the card refuses: {status}"),
    };
    Refusal { reason, said: Some(format!("{:04X}", status.0)), detail }
}

fn refused(reason: RefusalReason, detail: String) -> Refusal {
    Refusal { reason, said: None, detail }
}

fn refuse(reason: RefusalReason, detail: String) -> Step {
    Step::Done(Finding::Refused(refused(reason, detail)))
}

fn no_pin_tries_left() -> Step {
    refuse(RefusalReason::PinBlocked, "no PIN tries are left".to_owned())
}

fn did_not_happen(reason: &str) -> Step {
    Step::Done(Finding::DidNotHappen(reason.to_owned()))
}

fn not_ours(reason: &str) -> Step {
    Step::Done(Finding::NotOurs(reason.to_owned()))
}

fn broken(reason: &str) -> Step {
    Step::Done(Finding::Broken(reason.to_owned()))
}
