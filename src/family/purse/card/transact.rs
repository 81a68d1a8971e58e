//! TRANSACT, the checks (a) to (c): pure, over a working copy (specs/purse.md, clause 6).

use super::image::Image;
use super::messaging::Session;
use super::personalisation::Personalisation;
use super::rules::{Rules, TakenOver};
use crate::crypto::kdf::sha256;
use crate::family::purse::data::session::CERTIFICATE_EPOCH_DAY;
use crate::family::purse::data::transact::{Operation, ReceiptBody, ReceiptType, TransactOrder};
use crate::family::purse::data::{CardId, LifeCycle, Link, TransactionId, refusal};
use crate::wire::fields::Fields;
use crate::wire::status::StatusWord;

/// Logical cards of one card.
const CARDS_MAX: usize = 8;
const SECONDS_A_DAY: u32 = 86_400;

/// What a TRANSACT comes to, before anything is written.
pub(super) enum Executed {
    /// (a): the receipt that is in the ring already.
    Repeated(Vec<u8>),
    /// The working copy holds all new values; this is the receipt.
    ToCommit(Vec<u8>),
}

/// Checks an order against the card and carries it out in the working copy. `verified`: PIN, or the device's own verification.
pub(super) fn transact(
    rules: &impl Rules,
    person: &Personalisation,
    image: &mut Image<'_>,
    session: &Session,
    verified: bool,
    plaintext: &[u8],
) -> Result<Executed, StatusWord> {
    let malformed = |_| StatusWord::WRONG_DATA;
    let mut fields = Fields::new(plaintext);
    let layout = fields.octet("layout").map_err(malformed)?;
    let expected_counter = fields.u32("expected TC").map_err(malformed)?;
    let transaction = TransactionId(fields.take("TTID").map_err(malformed)?);
    if layout != 1 {
        return Err(StatusWord::WRONG_DATA);
    }
    // (a) before everything else, so that a repeat answers whatever has happened since.
    if let Some(receipt) = rules.known(image, session, &transaction) {
        return rules.repeated(image, &receipt).map(Executed::Repeated);
    }
    // (b)
    let counter = image.transaction_counter().checked_add(1).ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
    if !rules.is_next(image, expected_counter, &transaction) {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    // (c)
    let order = TransactOrder { expected_counter: counter, ..rules.parse(plaintext).map_err(malformed)? };
    let mut running =
        Running { rules, person, image, session, verified, debited: [0; CARDS_MAX], taken_over: None, used: false };
    for operation in &order.operations {
        running.check_rights(operation)?;
        running.execute(operation)?;
    }
    let Running { debited, used, .. } = running;
    if used {
        image.set_history();
    }
    advance_clock(image, session, order.time);
    let receipt = receipt(person, image, session, &order, plaintext);
    let written = rules.close(image, receipt, &debited);
    Ok(Executed::ToCommit(written.emit().to_vec()))
}

/// REQ-AU2-2: only a certified terminal moves the card's clock, and never past the end of its certificate; else one
/// terminal with a wrong clock could shut all others out for good.
fn advance_clock(image: &mut Image<'_>, session: &Session, time: u32) {
    let Some(valid_until) = session.valid_until else { return };
    let day = (time / SECONDS_A_DAY).saturating_sub(CERTIFICATE_EPOCH_DAY.into()).min(valid_until.into()) as u16;
    if day > image.newest_day() {
        image.set_newest_day(day);
    }
}

fn receipt(
    person: &Personalisation,
    image: &Image<'_>,
    session: &Session,
    order: &TransactOrder,
    plaintext: &[u8],
) -> ReceiptBody {
    let principal = order.principal();
    let named = principal.and_then(Operation::logical_card).and_then(|id| person.index_of(id));
    let index = named.or_else(|| session.logical_cards.first().copied()).unwrap_or(0);
    let mut order_digest = [0; 16];
    order_digest.copy_from_slice(&sha256(&[plaintext])[..16]);
    ReceiptBody {
        card: person.card,
        transaction_counter: order.expected_counter,
        transaction: order.transaction,
        receipt_type: principal.map_or(ReceiptType::Data, Operation::receipt_type),
        amount: principal.map_or(0, Operation::amount),
        currency: person.logical_cards[index].profile.currency,
        balance_after: image.balance(index),
        time: order.time,
        order_digest,
        previous_link: image.link(),
    }
}

/// The running result of an order.
struct Running<'a, 'image, R> {
    rules: &'a R,
    person: &'a Personalisation,
    image: &'a mut Image<'image>,
    session: &'a Session,
    verified: bool,
    /// Taken from each logical card so far.
    debited: [u32; CARDS_MAX],
    taken_over: Option<TakenOver>,
    /// Something other than the life cycle changed.
    used: bool,
}

impl<R: Rules> Running<'_, '_, R> {
    fn check_rights(&self, operation: &Operation) -> Result<(), StatusWord> {
        if !self.rules.may(self.session, operation) {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        if operation.logical_card().is_some() {
            self.index(operation)?;
        }
        Ok(())
    }

    /// Index of the operation's logical card, if the session may touch it (REQ-SES-5).
    fn index(&self, operation: &Operation) -> Result<usize, StatusWord> {
        let index = operation.logical_card().and_then(|id| self.person.index_of(id));
        index
            .filter(|index| self.session.logical_cards.contains(index))
            .ok_or(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
    }

    fn execute(&mut self, operation: &Operation) -> Result<(), StatusWord> {
        if let Operation::LifeCycle { status } = operation {
            return self.change_life_cycle(*status);
        }
        let index = self.index(operation)?;
        // REQ-LIF-1
        if !self.rules.pays(self.image.life_cycle()) {
            return Err(refusal::NOT_ACTIVE);
        }
        let moves_value = operation.receipt_type() != ReceiptType::Data;
        if moves_value && !self.rules.is_amount(operation.amount()) {
            return Err(StatusWord::WRONG_DATA);
        }
        let done = match operation {
            Operation::Debit { amount, .. } => self.debit(index, *amount),
            Operation::Credit { amount, .. } => self.add(index, *amount),
            Operation::Refund { amount, of, .. } => self.refund(index, *amount, of),
            Operation::TakeOver { amount, from, link, .. } => self.take_over(index, *amount, (*from, *link)),
            Operation::Count { up, number, .. } => self.count(index, *up, *number),
            Operation::WriteRecord { record, data, .. } => found(self.image.write_linear(index, *record, data)),
            Operation::AppendRecord { data, .. } => found(self.image.append_cyclic(index, data)),
            Operation::LifeCycle { .. } => Ok(()),
        };
        self.used = true;
        done
    }

    fn debit(&mut self, index: usize, amount: u32) -> Result<(), StatusWord> {
        let balance = self.rules.debited(self.image.balance(index), amount).ok_or(refusal::BALANCE_TOO_SMALL)?;
        // REQ-TRX-10: the sum counts. It stays below the balance, which is a u32, unless a top-up came between.
        let sum = self.debited[index].checked_add(amount).ok_or(refusal::VERIFICATION_REQUIRED)?;
        let limit = self.person.logical_cards[index].profile.pin_limit;
        if self.rules.needs_verification(limit, sum, amount, self.verified) {
            return Err(refusal::VERIFICATION_REQUIRED);
        }
        self.debited[index] = sum;
        self.image.set_balance(index, balance);
        Ok(())
    }

    fn add(&mut self, index: usize, amount: u32) -> Result<(), StatusWord> {
        let maximum = self.person.logical_cards[index].profile.maximum;
        let balance = self.rules.credited(self.image.balance(index), amount, maximum);
        let balance = balance.ok_or(refusal::MAXIMUM_EXCEEDED)?;
        self.image.set_balance(index, balance);
        Ok(())
    }

    /// REQ-TRX-5
    fn refund(&mut self, index: usize, amount: u32, of: &TransactionId) -> Result<(), StatusWord> {
        let slot = self.image.find(of).ok_or(refusal::NOT_REFUNDABLE)?.index;
        let refunded = self.rules.refunded(self.image, slot, index, amount);
        let (payer, left) = refunded.ok_or(refusal::NOT_REFUNDABLE)?;
        self.add(index, amount)?;
        self.image.set_refundable(slot, payer, left);
        Ok(())
    }

    /// REQ-LIF-2: in one TRANSACT, from one card, each logical card once, on a card without a past.
    fn take_over(&mut self, index: usize, amount: u32, (from, link): (CardId, Link)) -> Result<(), StatusWord> {
        let bit = 1 << index;
        let taken = match self.taken_over {
            None if self.used => return Err(refusal::TAKEN_OVER),
            None => 0,
            Some(before) if !self.rules.takes_over(&before, (from, link), bit) => return Err(refusal::TAKEN_OVER),
            Some((_, _, taken)) => taken,
        };
        if !self.rules.is_fresh(self.image) || from == self.person.card {
            return Err(refusal::TAKEN_OVER);
        }
        self.add(index, amount)?;
        self.taken_over = Some((from, link, taken | bit));
        Ok(())
    }

    fn count(&mut self, index: usize, up: bool, number: u32) -> Result<(), StatusWord> {
        if number == 0 {
            return Err(StatusWord::WRONG_DATA);
        }
        let before = self.image.counter(index);
        let after = if up {
            before.checked_add(number).ok_or(refusal::MAXIMUM_EXCEEDED)?
        } else {
            self.rules.counted_down(before, number).ok_or(refusal::BALANCE_TOO_SMALL)?
        };
        self.image.set_counter(index, after);
        Ok(())
    }

    fn change_life_cycle(&mut self, status: LifeCycle) -> Result<(), StatusWord> {
        if !self.rules.may_become(self.image.life_cycle(), status) {
            return Err(refusal::NOT_ACTIVE);
        }
        self.image.set_life_cycle(status);
        Ok(())
    }
}

fn found(found: bool) -> Result<(), StatusWord> {
    if found { Ok(()) } else { Err(StatusWord::RECORD_NOT_FOUND) }
}
