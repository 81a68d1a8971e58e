//! The purse as plainly as specs/purse.md has it: what each answer must be. It shares no code with the virtual card, only the data
//! types of the wire, and decides everything once more from the text.
//!
//! A torn command leaves two possible cards. [`Worlds`] holds every card that there may be; each authentic answer rules out those
//! that would have answered otherwise. When none is left, the card is none that the specification knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::crypto::kdf::sha256;
use crate::difference::plain;
use crate::difference::{difference, parted};
use crate::family::purse::data::session::{CardState, LogicalCardDetail};
use crate::family::purse::data::transact::{
    FILE_CYCLIC, FILE_LINEAR, Operation, RECORD_LEN, ReceiptBody, ReceiptType, TransactOrder,
};
use crate::family::purse::data::{CardId, LifeCycle, Link, Role, Suite, TerminalId, TransactionId, refusal};
use crate::money::Currency;
use crate::wire::status::StatusWord;

/// A record of a file.
pub type Record = [u8; RECORD_LEN];

/// Rights (clause 5).
pub mod right {
    /// Read records and receipts.
    pub const READ: u8 = 0x01;
    /// Take value, write files, count down.
    pub const DEBIT: u8 = 0x02;
    /// Top up, count up.
    pub const CREDIT: u8 = 0x04;
    /// Give back.
    pub const REFUND: u8 = 0x08;
    /// Life cycle, take-over.
    pub const ADMINISTER: u8 = 0x10;
    /// Receipts of other terminals.
    pub const COLLECT: u8 = 0x20;
    /// Block.
    pub const BLOCK: u8 = 0x40;
    /// All of them.
    pub const ALL: u8 = 0x7F;

    /// Clause 5: what the roles of EPC1 give.
    pub(super) const ROLES: [u8; 5] = [0x63, 0x25, 0x29, 0x21, 0x71];
}

/// Flags of STATE that this revision knows.
const FLAGS_KNOWN: u8 = 0x07;
/// Receipts that STATE shows at most.
const SHOWN_MAX: usize = 4;

/// What the roles of EPC1 give (clause 5).
pub fn rights_of(role: Role) -> u8 {
    right::ROLES[role as usize]
}

/// What a session was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Suite.
    pub suite: Suite,
    /// Whose session.
    pub terminal: TerminalId,
    /// Lower octet of the rights.
    pub rights: u8,
    /// Its logical cards, ascending, all of them on the card.
    pub cards: Vec<u8>,
}

/// A command inside a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelRequest {
    /// READ.
    Read {
        /// Logical card.
        card: u8,
        /// File.
        file: u8,
        /// Record.
        record: u8,
    },
    /// GET RECEIPT by TTID.
    Receipt(TransactionId),
    /// GET RECEIPT by TC.
    ReceiptOf(u32),
    /// TRANSACT.
    Transact(TransactOrder),
    /// ACK.
    Acknowledge(TransactionId),
    /// VERIFY.
    Verify(TypedPin),
}

/// What is entered for a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedPin {
    /// The right PIN.
    Right,
    /// Another PIN.
    Wrong,
    /// Three digits.
    Short,
    /// What is no digits.
    NoDigits,
}

/// What an answer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Done,
    /// A record.
    Record(Record),
    /// A receipt.
    Receipt(Box<ReceiptBody>),
}

/// A reply, or the status word of a refusal.
pub type Answer = Result<Reply, u16>;

/// One logical card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogicalCard {
    /// Whose it is.
    pub operator: u32,
    /// What it counts.
    pub currency: Currency,
    /// Minor units.
    pub balance: u32,
    /// Most that it may become.
    pub maximum: u32,
    /// Counter.
    pub counter: u32,
    /// PIN limit.
    pub pin_limit: u32,
    /// File 01, record 1 first.
    pub linear: Vec<Record>,
    /// File 02, the newest first.
    pub cyclic: Vec<Record>,
}

/// A receipt in the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The receipt.
    pub body: ReceiptBody,
    /// ACK has been given.
    pub acknowledged: bool,
    /// What can still be refunded, by logical card.
    pub left: BTreeMap<u8, u32>,
}

/// Tries of the PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// That are left.
    pub left: u8,
    /// After a success.
    pub most: u8,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// CID.
    pub card: CardId,
    /// Life cycle.
    pub life_cycle: LifeCycle,
    /// TC.
    pub counter: u32,
    /// TTID of the last commit.
    pub last: TransactionId,
    /// LINK.
    pub link: Link,
    /// Its logical cards.
    pub cards: BTreeMap<u8, LogicalCard>,
    /// The ring, in the order of TC.
    pub ring: Vec<Place>,
    /// Places in the ring.
    pub places: usize,
    /// Of the PIN, if there is one.
    pub tries: Option<Tries>,
    /// The device has verified its holder.
    pub verified_on_device: bool,
    /// Nothing but 86 was ever committed.
    pub fresh: bool,
    /// The session's PIN was verified.
    pub verified: bool,
}

impl Model {
    /// A session opens: a verified PIN lasts for its session (REQ-PIN-4).
    fn open(&mut self) {
        self.verified = false;
    }

    /// The first thing in which STATE is not what this card would say to this session.
    fn differs(&self, grant: &Grant, state: &CardState) -> Option<String> {
        let first = grant.cards.first().and_then(|id| self.cards.get(id));
        let seen: Vec<&Place> = self.ring.iter().filter(|entry| !entry.acknowledged && sees(grant, entry)).collect();
        let shown: Vec<&ReceiptBody> = seen.iter().map(|entry| &entry.body).take(SHOWN_MAX).collect();
        let got: Vec<&ReceiptBody> = state.unratified.iter().map(|sealed| &sealed.body).collect();
        let details: Vec<LogicalCardDetail> = grant.cards.iter().filter_map(|id| self.detail(*id)).collect();
        unequal("status", &self.life_cycle, &state.life_cycle)
            .or_else(|| unequal("TC", &self.counter, &state.transaction_counter))
            .or_else(|| unequal("balance", &first.map(|card| card.balance), &Some(state.balance)))
            .or_else(|| unequal("currency", &first.map(|card| card.currency), &Some(state.currency)))
            .or_else(|| unequal("last TTID", &self.last, &state.last_transaction))
            .or_else(|| unequal("flags", &self.flags(), &(state.flags & FLAGS_KNOWN)))
            .or_else(|| unequal("LINK", &self.link, &state.link))
            .or_else(|| unequal("unratified receipts", &seen.len(), &state.unratified_count.into()))
            .or_else(|| unequal("details", &details, &state.details))
            .or_else(|| unequal("unratified receipts shown", &shown, &got))
    }

    fn flags(&self) -> u8 {
        let present = u8::from(self.tries.is_some());
        let blocked = u8::from(self.tries.is_some_and(|tries| tries.left == 0));
        present | u8::from(self.verified_on_device) << 1 | blocked << 2
    }

    fn detail(&self, id: u8) -> Option<LogicalCardDetail> {
        let LogicalCard { operator, balance, currency, maximum, counter, pin_limit, .. } = *self.cards.get(&id)?;
        Some(LogicalCardDetail { id, operator, balance, currency, maximum, counter, pin_limit })
    }

    /// What may come of a request: mostly one thing.
    fn possible(&self, grant: &Grant, request: &ModelRequest) -> Vec<(Self, Answer)> {
        let mut after = self.clone();
        let answer = after.execute(grant, request);
        let mut possible = vec![(after, answer)];
        // The specification does not say whether a VERIFY that is refused for its form takes an earlier one back.
        if matches!(request, ModelRequest::Verify(TypedPin::Short | TypedPin::NoDigits)) && self.verified {
            possible.push((Self { verified: false, ..self.clone() }, possible[0].1.clone()));
        }
        possible
    }

    /// What may be there after the request was torn, whenever that was.
    fn torn(&self, grant: &Grant, request: &ModelRequest) -> Vec<Self> {
        let mut after = self.clone();
        let answer = after.execute(grant, request);
        let mut worlds = vec![self.clone(), after];
        // REQ-PIN-2: one try at most; a success restores the others in any number of steps.
        if let (ModelRequest::Verify(_), Ok(_), Some(tries)) = (request, answer, self.tries) {
            let between = (tries.left.saturating_sub(1)..tries.most).map(|left| Tries { left, ..tries });
            worlds.extend(between.map(|tries| Self { tries: Some(tries), ..self.clone() }));
        }
        worlds
    }

    fn execute(&mut self, grant: &Grant, request: &ModelRequest) -> Answer {
        match request {
            ModelRequest::Read { card, file, record } => self.read(grant, *card, *file, *record),
            ModelRequest::Receipt(transaction) => self.receipt(grant, |body| body.transaction == *transaction),
            ModelRequest::ReceiptOf(counter) => self.receipt(grant, |body| body.transaction_counter == *counter),
            ModelRequest::Transact(order) => self.transact(grant, order),
            ModelRequest::Acknowledge(transaction) => self.acknowledge(grant, transaction),
            ModelRequest::Verify(entry) => self.verify(grant, *entry),
        }
    }

    fn read(&self, grant: &Grant, id: u8, file: u8, record: u8) -> Answer {
        if grant.rights & right::READ == 0 || !grant.cards.contains(&id) {
            return Err(0x6982);
        }
        let card = self.cards.get(&id).ok_or(0x6982_u16)?;
        let records = match file {
            FILE_LINEAR => &card.linear,
            FILE_CYCLIC => &card.cyclic,
            _ => return Err(0x6A83),
        };
        let found = usize::from(record).checked_sub(1).and_then(|index| records.get(index));
        found.map(|record| Reply::Record(*record)).ok_or(0x6A83)
    }

    fn receipt(&self, grant: &Grant, is_it: impl Fn(&ReceiptBody) -> bool) -> Answer {
        if grant.rights & right::READ == 0 {
            return Err(0x6982);
        }
        let entry = self.ring.iter().find(|entry| is_it(&entry.body)).ok_or(0x6A88_u16)?;
        Ok(Reply::Receipt(Box::new(entry.body.clone())))
    }

    fn acknowledge(&mut self, grant: &Grant, transaction: &TransactionId) -> Answer {
        if grant.rights & right::COLLECT == 0 && transaction.0[..8] != grant.terminal.0 {
            return Err(0x6982);
        }
        let entry = self.ring.iter_mut().find(|entry| entry.body.transaction == *transaction).ok_or(0x6A88_u16)?;
        entry.acknowledged = true;
        Ok(Reply::Done)
    }

    /// Clause 8; a wrong length comes before security (REQ-CMD-1).
    fn verify(&mut self, grant: &Grant, entry: TypedPin) -> Answer {
        if entry == TypedPin::Short {
            return Err(0x6700);
        }
        if grant.rights & right::DEBIT == 0 {
            return Err(0x6982);
        }
        let tries = self.tries.as_mut().ok_or(0x6A88_u16)?;
        if entry == TypedPin::NoDigits {
            return Err(0x6A80);
        }
        self.verified = false;
        if tries.left == 0 {
            return Err(0x6983);
        }
        if entry == TypedPin::Wrong {
            tries.left -= 1;
            return Err(0x63C0 | u16::from(tries.left));
        }
        tries.left = tries.most;
        self.verified = true;
        Ok(Reply::Done)
    }

    /// Clause 6, (a) to (g).
    fn transact(&mut self, grant: &Grant, order: &TransactOrder) -> Answer {
        if let Some(entry) = self.ring.iter().find(|entry| entry.body.transaction == order.transaction) {
            return Ok(Reply::Receipt(Box::new(entry.body.clone())));
        }
        if self.counter.checked_add(1) != Some(order.expected_counter) {
            return Err(0x6985);
        }
        let mut after = self.clone();
        let (mut debited, mut taken_over) = (BTreeMap::new(), BTreeSet::new());
        for operation in &order.operations {
            after.change(grant, operation, &mut debited, &mut taken_over)?;
        }
        let body = after.receipt_for(grant, order).ok_or(0x6A80_u16)?;
        after.fresh &= order.operations.iter().all(|operation| matches!(operation, Operation::LifeCycle { .. }));
        after.counter = order.expected_counter;
        after.last = order.transaction;
        after.link = next_link(&body);
        after.make_room();
        after.ring.push(Place { body: body.clone(), acknowledged: false, left: debited });
        *self = after;
        Ok(Reply::Receipt(Box::new(body)))
    }

    /// REQ-RNG-1. The ring is in the order of TC, so that the first is the oldest.
    fn make_room(&mut self) {
        if self.ring.len() == self.places {
            let oldest_acknowledged = self.ring.iter().position(|entry| entry.acknowledged);
            self.ring.remove(oldest_acknowledged.unwrap_or(0));
        }
    }

    /// One operation on the running result: right, logical card, 9404, zero amount, its own reasons.
    fn change(
        &mut self,
        grant: &Grant,
        operation: &Operation,
        debited: &mut BTreeMap<u8, u32>,
        taken_over: &mut BTreeSet<u8>,
    ) -> Result<(), u16> {
        if grant.rights & rights_for(operation) == 0 {
            return Err(0x6982);
        }
        if let Operation::LifeCycle { status } = operation {
            return self.change_life_cycle(*status);
        }
        let id = operation.logical_card().filter(|id| grant.cards.contains(id)).ok_or(0x6982_u16)?;
        if self.life_cycle != LifeCycle::Active {
            return Err(0x9404);
        }
        let verified = self.verified || self.verified_on_device;
        let card = self.cards.get_mut(&id).ok_or(0x6982_u16)?;
        match operation {
            Operation::Debit { amount: 0, .. }
            | Operation::Credit { amount: 0, .. }
            | Operation::Refund { amount: 0, .. }
            | Operation::TakeOver { amount: 0, .. }
            | Operation::Count { number: 0, .. } => Err(0x6A80),
            Operation::Debit { amount, .. } => card.debit(*amount, debited.entry(id).or_default(), verified),
            Operation::Credit { amount, .. } => card.credit(*amount),
            Operation::Refund { amount, of, .. } => {
                let debit = self.ring.iter_mut().find(|entry| entry.body.transaction == *of).ok_or(0x9403_u16)?;
                let left = debit.left.get_mut(&id).filter(|left| **left >= *amount).ok_or(0x9403_u16)?;
                card.credit(*amount)?;
                *left -= amount;
                Ok(())
            }
            Operation::TakeOver { amount, .. } => {
                if !self.fresh || !taken_over.insert(id) {
                    return Err(0x9405);
                }
                card.credit(*amount)
            }
            Operation::Count { up, number, .. } => card.count(*up, *number),
            Operation::WriteRecord { record, data, .. } => card.write(*record, *data),
            Operation::AppendRecord { data, .. } => card.append(*data),
            Operation::LifeCycle { .. } => Ok(()),
        }
    }

    /// REQ-LIF-1.
    fn change_life_cycle(&mut self, status: LifeCycle) -> Result<(), u16> {
        if self.life_cycle == LifeCycle::Terminated || status == LifeCycle::Personalised || status == self.life_cycle {
            return Err(0x9404);
        }
        self.life_cycle = status;
        Ok(())
    }

    /// The receipt of an order that has been carried out, before TC and LINK go on.
    fn receipt_for(&self, grant: &Grant, order: &TransactOrder) -> Option<ReceiptBody> {
        let moves = |operation: &&Operation| type_and_amount(operation).0 != ReceiptType::Data;
        let principal = order.operations.iter().find(moves).or_else(|| order.operations.first())?;
        let (receipt_type, amount) = type_and_amount(principal);
        let id = principal.logical_card().or_else(|| grant.cards.first().copied())?;
        let card = self.cards.get(&id)?;
        let mut order_digest = [0; 16];
        order_digest.copy_from_slice(&sha256(&[&order.emit()])[..16]);
        Some(ReceiptBody {
            card: self.card,
            transaction_counter: order.expected_counter,
            transaction: order.transaction,
            receipt_type,
            amount,
            currency: card.currency,
            balance_after: card.balance,
            time: order.time,
            order_digest,
            previous_link: self.link,
        })
    }
}

impl LogicalCard {
    /// First 9401, then 9410 (REQ-TRX-10).
    fn debit(&mut self, amount: u32, debited: &mut u32, verified: bool) -> Result<(), u16> {
        let balance = self.balance.checked_sub(amount).ok_or(0x9401_u16)?;
        let sum = debited.checked_add(amount).ok_or(0x9410_u16)?;
        if sum > self.pin_limit && !verified {
            return Err(0x9410);
        }
        (self.balance, *debited) = (balance, sum);
        Ok(())
    }

    fn credit(&mut self, amount: u32) -> Result<(), u16> {
        let balance = self.balance.checked_add(amount).filter(|balance| *balance <= self.maximum);
        self.balance = balance.ok_or(0x9402_u16)?;
        Ok(())
    }

    fn count(&mut self, up: bool, number: u32) -> Result<(), u16> {
        self.counter = if up {
            self.counter.checked_add(number).ok_or(0x9402_u16)?
        } else {
            self.counter.checked_sub(number).ok_or(0x9401_u16)?
        };
        Ok(())
    }

    fn write(&mut self, record: u8, data: Record) -> Result<(), u16> {
        let index = usize::from(record).checked_sub(1).ok_or(0x6A83_u16)?;
        *self.linear.get_mut(index).ok_or(0x6A83_u16)? = data;
        Ok(())
    }

    fn append(&mut self, data: Record) -> Result<(), u16> {
        self.cyclic.pop().ok_or(0x6A83_u16)?;
        self.cyclic.insert(0, data);
        Ok(())
    }
}

/// REQ-SES-6.
fn sees(grant: &Grant, entry: &Place) -> bool {
    grant.rights & right::COLLECT != 0 || entry.body.transaction.0[..8] == grant.terminal.0
}

/// Clause 6: any one of these suffices.
const fn rights_for(operation: &Operation) -> u8 {
    match operation {
        Operation::Debit { .. }
        | Operation::WriteRecord { .. }
        | Operation::AppendRecord { .. }
        | Operation::Count { up: false, .. } => right::DEBIT,
        Operation::Count { up: true, .. } | Operation::Credit { .. } => right::CREDIT,
        Operation::Refund { .. } => right::REFUND,
        Operation::LifeCycle { status: LifeCycle::Blocked } => right::BLOCK | right::ADMINISTER,
        Operation::LifeCycle { .. } | Operation::TakeOver { .. } => right::ADMINISTER,
    }
}

const fn type_and_amount(operation: &Operation) -> (ReceiptType, u32) {
    match operation {
        Operation::Debit { amount, .. } => (ReceiptType::Debit, *amount),
        Operation::Credit { amount, .. } => (ReceiptType::TopUp, *amount),
        Operation::Refund { amount, .. } => (ReceiptType::Refund, *amount),
        Operation::TakeOver { amount, .. } => (ReceiptType::TakeOver, *amount),
        Operation::LifeCycle { .. } => (ReceiptType::LifeCycle, 0),
        _ => (ReceiptType::Data, 0),
    }
}

/// REQ-TRX-9.
fn next_link(body: &ReceiptBody) -> Link {
    let mut link = [0; 8];
    link.copy_from_slice(&sha256(&[b"EPLK", &body.previous_link.0, &body.emit()])[..8]);
    Link(link)
}

fn unequal<T: PartialEq + fmt::Debug>(what: &str, expected: &T, got: &T) -> Option<String> {
    (expected != got).then(|| format!("{what}: {}", difference(expected, got)))
}

/// Every card that there may be.
#[derive(Debug, Clone)]
pub struct Worlds(Vec<Model>);

impl Worlds {
    /// The card is known.
    pub fn new(model: Model) -> Self {
        Self(vec![model])
    }

    /// The cards that there may be, at least one.
    pub fn all(&self) -> &[Model] {
        &self.0
    }

    /// A session opened with this STATE. In words what cannot be, if none of the cards would have said it.
    pub fn opened(&mut self, grant: &Grant, state: &CardState) -> Result<(), String> {
        let mut differences = Vec::new();
        let mut agreeing = Vec::new();
        for mut model in self.0.drain(..) {
            if let Some(difference) = model.differs(grant, state) {
                differences.push(difference);
            } else {
                model.open();
                agreeing.push(model);
            }
        }
        self.settle(agreeing, differences)
    }

    /// This request was answered so.
    pub fn answered(&mut self, grant: &Grant, request: &ModelRequest, got: &Answer) -> Result<(), String> {
        let mut differences = Vec::new();
        let mut agreeing = Vec::new();
        for (model, expected) in self.0.drain(..).flat_map(|model| model.possible(grant, request)) {
            if expected == *got {
                agreeing.push(model);
            } else {
                differences.push(match (&expected, got) {
                    (Ok(expected), Ok(got)) => difference(expected, got),
                    _ => parted(&shown(&expected), &shown(got)),
                });
            }
        }
        self.settle(agreeing, differences)
    }

    /// This request was sent, and what came of it is not known.
    pub fn torn(&mut self, grant: &Grant, request: &ModelRequest) {
        let worlds: Vec<Model> = self.0.drain(..).flat_map(|model| model.torn(grant, request)).collect();
        self.0 = distinct(worlds);
    }

    fn settle(&mut self, agreeing: Vec<Model>, mut differences: Vec<String>) -> Result<(), String> {
        self.0 = distinct(agreeing);
        if self.0.is_empty() {
            differences.dedup();
            return Err(differences.join("; or "));
        }
        Ok(())
    }
}

fn distinct(worlds: Vec<Model>) -> Vec<Model> {
    let mut distinct = Vec::with_capacity(worlds.len());
    for world in worlds {
        if !distinct.contains(&world) {
            distinct.push(world);
        }
    }
    distinct
}

fn shown(answer: &Answer) -> String {
    match answer {
        Ok(Reply::Done) => "9000".to_owned(),
        Ok(reply) => format!("9000 {reply}", reply = plain(&reply)),
        Err(status) => refusal::told(StatusWord(*status)),
    }
}
