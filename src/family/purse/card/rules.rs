//! The rules by which the purse moves value: each has a name and stands here, so that all of them can be read at one place. The commands
//! ask them; clauses are those of specs/purse.md.

use std::fmt::Debug;

use super::Purse;
use super::guards::Guards;
use super::image::{Image, Slot};
use super::messaging::Session;
use super::personalisation::Personalisation;
use crate::card::application::WholeCommand;
use crate::card::memory::{Memory, PowerLost};
use crate::card::transaction::CommitArea;
use crate::entropy::Entropy;
use crate::family::purse::data::transact::{Operation, ReceiptBody, TransactOrder, signed_message};
use crate::family::purse::data::{CardId, LifeCycle, Link, Suite, TransactionId};
use crate::wire::WireError;
use crate::wire::status::StatusWord;

/// What a take-over has taken so far: the replaced card, its LINK, and the logical cards by bit.
pub(super) type TakenOver = (CardId, Link, u8);

/// The rules. As they stand here they are those of the specification.
pub(in crate::family::purse) trait Rules: Guards + Clone + Debug + Send + Sync {
    // The steps of the application: each is given the purse, so that it can be done before, after or instead.

    /// Power-up. Whether it has finished a commit that was torn.
    fn power_up<E: Entropy>(purse: &mut Purse<E, Self>, memory: &mut Memory) -> Result<bool, PowerLost> {
        purse.power_up(memory)
    }

    /// SELECT.
    fn select<E: Entropy>(
        purse: &mut Purse<E, Self>,
        _memory: &mut Memory,
        channel: u8,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        Ok(purse.select(channel, answer))
    }

    /// Its channel was closed.
    fn close_channel<E: Entropy>(purse: &mut Purse<E, Self>, channel: u8) {
        purse.close(channel);
    }

    /// Whether a command may be looked at, by its header.
    fn admit<E: Entropy>(purse: &mut Purse<E, Self>, channel: u8, header: [u8; 4]) -> Result<(), StatusWord> {
        purse.admit(channel, header)
    }

    /// AUTH.
    fn auth<E: Entropy>(
        purse: &mut Purse<E, Self>,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        purse.auth(memory, request, answer)
    }

    /// An AUTH of a wrong length.
    fn misfit<E: Entropy>(purse: &mut Purse<E, Self>) {
        purse.end_attempt();
    }

    /// A command of a session.
    fn protected<E: Entropy>(
        purse: &mut Purse<E, Self>,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        purse.protected(memory, request, answer)
    }

    // What is durable, and when (clause 6, (d) to (g)).

    /// All that the image changed takes effect, or nothing of it.
    fn commit(&self, image: &Image<'_>, memory: &mut Memory) -> Result<(), PowerLost> {
        image.commit(memory)
    }

    /// Finishes a commit that was torn, or drops it.
    fn recover(&self, journal: &CommitArea, memory: &mut Memory) -> Result<bool, PowerLost> {
        journal.recover(memory)
    }

    /// The commit of an order.
    fn commit_order(&mut self, image: &Image<'_>, memory: &mut Memory) -> Result<(), PowerLost> {
        self.commit(image, memory)
    }

    /// What a command does when its MAC is right: the header that is carried out.
    fn accept(
        &mut self,
        _person: &Personalisation,
        _memory: &mut Memory,
        header: [u8; 4],
    ) -> Result<[u8; 4], PowerLost> {
        Ok(header)
    }

    /// What a command does when its MAC is wrong (REQ-SES-2): nothing is carried out.
    fn reject(
        &mut self,
        _person: &Personalisation,
        _memory: &mut Memory,
        _header: [u8; 4],
        _data: &[u8],
    ) -> Result<Option<(Session, Vec<u8>)>, PowerLost> {
        Ok(None)
    }

    /// What a refused order leaves: nothing (REQ-TRX-1).
    fn refuse(&mut self, _person: &Personalisation, _image: &Image<'_>, _memory: &mut Memory) -> Result<(), PowerLost> {
        Ok(())
    }

    // Who is heard.

    /// Whether an order is looked at: in every state of the ring.
    fn hears_order(&self, _image: &Image<'_>) -> bool {
        true
    }

    /// What STATE is made of: the card as it is.
    fn state(&self, _image: &mut Image<'_>) {}

    // The order (clause 6, (a) to (c)).

    /// The receipt of this order, where it has been carried out (REQ-TRX-2).
    fn known<'i>(&self, image: &'i Image<'_>, _session: &Session, transaction: &TransactionId) -> Option<Slot<'i>> {
        image.find(transaction)
    }

    /// The answer to an order that has been carried out: its receipt, whatever has happened since.
    fn repeated(&self, _image: &Image<'_>, receipt: &Slot<'_>) -> Result<Vec<u8>, StatusWord> {
        Ok(receipt.body().to_vec())
    }

    /// Whether an order with this expTC is next after TC.
    fn is_next(&self, image: &Image<'_>, expected: u32, _transaction: &TransactionId) -> bool {
        image.transaction_counter().checked_add(1) == Some(expected)
    }

    /// The operations.
    fn parse(&self, plaintext: &[u8]) -> Result<TransactOrder, WireError> {
        TransactOrder::parse(plaintext)
    }

    /// Whether the session has the right to the operation.
    fn may(&self, session: &Session, operation: &Operation) -> bool {
        operation.rights().iter().any(|&right| session.may(right))
    }

    /// Whether a card in this life cycle moves value (REQ-LIF-1).
    fn pays(&self, life_cycle: LifeCycle) -> bool {
        life_cycle == LifeCycle::Active
    }

    /// Whether so much can be moved.
    fn is_amount(&self, amount: u32) -> bool {
        amount != 0
    }

    /// The balance after a debit.
    fn debited(&self, balance: u32, amount: u32) -> Option<u32> {
        balance.checked_sub(amount)
    }

    /// Whether a debit needs the cardholder's verification; `sum` is what the order has taken from the logical card with it (REQ-TRX-10).
    fn needs_verification(&self, limit: u32, sum: u32, _amount: u32, verified: bool) -> bool {
        sum > limit && !verified
    }

    /// The balance after a top-up, a refund or a take-over.
    fn credited(&self, balance: u32, amount: u32, maximum: u32) -> Option<u32> {
        balance.checked_add(amount).filter(|sum| *sum <= maximum)
    }

    /// Of which logical card a refund to `index` is, and what is left to refund after it (REQ-TRX-5).
    fn refunded(&self, image: &Image<'_>, slot: usize, index: usize, amount: u32) -> Option<(usize, u32)> {
        image.refundable(slot, index).checked_sub(amount).map(|left| (index, left))
    }

    /// Whether value can be taken over to the card (REQ-LIF-2).
    fn is_fresh(&self, image: &Image<'_>) -> bool {
        !image.has_history()
    }

    /// Whether a take-over from this card can follow in the same order (REQ-LIF-2).
    fn takes_over(&self, so_far: &TakenOver, from: (CardId, Link), bit: u8) -> bool {
        (so_far.0, so_far.1) == from && so_far.2 & bit == 0
    }

    /// A counter after it was counted down.
    fn counted_down(&self, before: u32, number: u32) -> Option<u32> {
        before.checked_sub(number)
    }

    /// Whether the life cycle may change so.
    fn may_become(&self, before: LifeCycle, after: LifeCycle) -> bool {
        before != LifeCycle::Terminated && after != LifeCycle::Personalised && before != after
    }

    /// Closes an order in the working copy: TC, last TTID, LINK, and the receipt in its place (REQ-RNG-1). The receipt that was written.
    fn close(&self, image: &mut Image<'_>, receipt: ReceiptBody, debited: &[u32]) -> ReceiptBody {
        image.close(image.place_for_receipt(), &receipt, debited);
        receipt
    }

    // Receipts (clause 7).

    /// The receipt that GET RECEIPT asks for.
    fn receipt<'i>(&self, image: &'i Image<'_>, wanted: Wanted) -> Result<Option<Slot<'i>>, StatusWord> {
        Ok(match wanted {
            Wanted::Transaction(transaction) => image.find(&transaction),
            Wanted::Counter(counter) => image.find_counter(counter),
        })
    }

    /// What proves a receipt: a signature where one is asked for, else RM.
    fn seal(&self, person: &Personalisation, suite: Suite, signed: bool, body: &[u8]) -> Vec<u8> {
        match &person.epc2 {
            Some(keys) if signed => keys.private.sign(&signed_message(body)).to_vec(),
            _ => person.receipt_key(suite).mac(body).as_bytes().to_vec(),
        }
    }

    /// What handing out a receipt does: nothing.
    fn hand_out(&mut self, _image: &mut Image<'_>, _slot: usize, _memory: &mut Memory) -> Result<(), PowerLost> {
        Ok(())
    }

    /// ACK, in the working copy (REQ-RNG-2).
    fn acknowledge(&self, image: &mut Image<'_>, transaction: &TransactionId) -> Result<(), StatusWord> {
        let slot = image.find(transaction).ok_or(StatusWord::REFERENCED_DATA_NOT_FOUND)?;
        if !slot.is_acknowledged() {
            let index = slot.index;
            image.mark(index, true);
        }
        Ok(())
    }
}

/// How GET RECEIPT names a receipt.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// TTID.
    Transaction(TransactionId),
    /// TC.
    Counter(u32),
}

/// The rules of the specification.
#[derive(Debug, Clone, Copy, Default)]
pub struct Specified;

impl Rules for Specified {}

impl Guards for Specified {}
