//! What the commit defects do where that is more than a condition beside the right way.

use std::sync::Arc;

use super::commit::CommitDefect;
use crate::card::memory::{Memory, PowerLost};
use crate::family::purse::card::Purse;
use crate::family::purse::card::image::Image;
use crate::family::purse::card::messaging::Session;
use crate::family::purse::data::transact::{ReceiptBody, ReceiptType};
use crate::family::purse::data::{Link, TransactionId};

/// Sessions without a command after which the card is blocked.
const TORN_SESSIONS_MAX: u32 = 10;

/// What defects keep in mind. It outlives the power: a real card would keep it in its memory.
#[derive(Debug, Clone, Default)]
pub(in crate::family::purse::card) struct Sabotage {
    /// All that a transaction can change, before the last commit.
    before: Option<Vec<u8>>,
    /// The same, to be written later.
    later: Option<Vec<u8>>,
    /// An order was torn.
    torn: Option<TransactionId>,
    /// An order was torn and rolled back.
    rolled_back: Option<TransactionId>,
    /// The answer of an order may be lost.
    unsettled: bool,
    /// Nothing is executed any more.
    pub(in crate::family::purse::card) barred: bool,
    /// Receipts that were handed out.
    pub(in crate::family::purse::card) handed_out: Vec<u32>,
    /// Sessions in a row without a command.
    idle_sessions: u32,
    /// The session that a new AUTH ended.
    pub(in crate::family::purse::card) ended: Option<Session>,
}

impl<E> Purse<E> {
    pub(in crate::family::purse::card) fn sabotage_power_up(
        &mut self,
        memory: &mut Memory,
        finished: bool,
    ) -> Result<(), PowerLost> {
        let Some(defect) = self.commit_defect else { return Ok(()) };
        let person = Arc::clone(&self.person);
        let torn = self.sabotage.torn.take();
        let unsettled = std::mem::take(&mut self.sabotage.unsettled);
        let mut image = Image::read(&person.layout, memory)?;
        match defect {
            CommitDefect::LostResponseRollsBack => {
                if let Some(before) = self.sabotage.before.take() {
                    memory.write(person.layout.changeable.start, &before)?;
                }
            }
            CommitDefect::AnsweredFirst => self.sabotage.later = None,
            CommitDefect::SelectCommitsPart => self.write_later(memory)?,
            CommitDefect::PendingForEver => self.sabotage.barred |= unsettled,
            CommitDefect::StateAhead => {
                self.sabotage.rolled_back = torn.filter(|transaction| image.find(transaction).is_none());
            }
            CommitDefect::RecoveryDebitsAgain if finished => {
                let last = image.receipts().last().and_then(|slot| ReceiptBody::parse(slot.body()).ok());
                if let Some(body) = last.filter(|body| body.receipt_type == ReceiptType::Debit) {
                    image.set_balance(0, image.balance(0).saturating_sub(body.amount));
                    image.commit(memory)?;
                }
            }
            CommitDefect::CounterSetBack if torn.is_some() && !finished => {
                image.set_transaction_counter(image.transaction_counter().saturating_sub(1));
                image.commit(memory)?;
            }
            CommitDefect::CounterRisesAtReset => {
                image.set_transaction_counter(image.transaction_counter().saturating_add(1));
                image.commit(memory)?;
            }
            CommitDefect::ResetAcknowledges => mark_all(&mut image, memory)?,
            _ => {}
        }
        Ok(())
    }

    pub(in crate::family::purse::card) fn sabotage_select(&mut self, memory: &mut Memory) -> Result<(), PowerLost> {
        if self.commit_defect.is_none() {
            return Ok(());
        }
        self.write_later(memory)?;
        if self.does(CommitDefect::SelectAcknowledges) {
            let person = Arc::clone(&self.person);
            mark_all(&mut Image::read(&person.layout, memory)?, memory)?;
        }
        Ok(())
    }

    /// Whether AUTH is refused.
    pub(in crate::family::purse::card) fn sabotage_auth(&mut self) -> bool {
        self.sabotage.idle_sessions = self.sabotage.idle_sessions.saturating_add(1);
        self.does(CommitDefect::TornAuthBars) && self.sabotage.idle_sessions > TORN_SESSIONS_MAX
    }

    /// What STATE is made of.
    pub(in crate::family::purse::card) fn sabotage_state(&self, image: &mut Image<'_>) {
        let Some(defect) = self.commit_defect else { return };
        if let Some(transaction) = self.sabotage.rolled_back {
            image.set_transaction_counter(image.transaction_counter().saturating_add(1));
            image.set_last_transaction(&transaction);
        }
        let last = image.receipts().last().copied().filter(|slot| !slot.is_acknowledged());
        let Some(body) = last.and_then(|slot| ReceiptBody::parse(slot.body()).ok()) else { return };
        match defect {
            CommitDefect::StateCounterBehind => {
                image.set_transaction_counter(image.transaction_counter().saturating_sub(1));
            }
            CommitDefect::StateLinkBehind => image.set_link(body.previous_link),
            CommitDefect::StateLastBehind => image.set_last_transaction(&TransactionId::default()),
            CommitDefect::StateBalanceBehind => image.set_balance(0, image.balance(0).saturating_add(body.amount)),
            _ => {}
        }
    }

    pub(in crate::family::purse::card) fn sabotage_command(&mut self, memory: &mut Memory) -> Result<(), PowerLost> {
        self.sabotage.idle_sessions = 0;
        self.sabotage.unsettled = false;
        if self.does(CommitDefect::LostResponseRollsBack) {
            self.sabotage.before = None;
        }
        self.write_later(memory)
    }

    /// A command whose MAC was wrong.
    pub(in crate::family::purse::card) fn sabotage_error(
        &mut self,
        memory: &mut Memory,
        header: [u8; 4],
        data: &[u8],
    ) -> Result<Option<(Session, Vec<u8>)>, PowerLost> {
        if self.does(CommitDefect::AbortUndoes)
            && let Some(before) = self.sabotage.before.take()
        {
            memory.write(self.person.layout.changeable.start, &before)?;
        }
        if !self.does(CommitDefect::LateOrderExecuted) {
            return Ok(None);
        }
        let ended = self.sabotage.ended.take();
        Ok(ended.and_then(|mut session| session.open(header, data).map(|plaintext| (session, plaintext))))
    }

    pub(in crate::family::purse::card) fn sabotage_refusal(
        &mut self,
        memory: &mut Memory,
        image: &mut Image<'_>,
    ) -> Result<(), PowerLost> {
        match self.commit_defect {
            Some(CommitDefect::RefusedPartKept) => image.commit(memory),
            Some(CommitDefect::SelectCommitsPart) => {
                self.sabotage.later = Some(image.octets());
                Ok(())
            }
            Some(CommitDefect::CounterRisesOnRefusal) => {
                let person = Arc::clone(&self.person);
                let mut image = Image::read(&person.layout, memory)?;
                image.set_transaction_counter(image.transaction_counter().saturating_add(1));
                image.commit(memory)
            }
            Some(CommitDefect::TriesInside) => self.person.layout.tries.restore(memory),
            _ => Ok(()),
        }
    }

    /// The commit of an order.
    pub(in crate::family::purse::card) fn commit(
        &mut self,
        memory: &mut Memory,
        image: &mut Image<'_>,
        transaction: TransactionId,
    ) -> Result<(), PowerLost> {
        let Some(defect) = self.commit_defect else { return image.commit(memory) };
        let changeable = self.person.layout.changeable.clone();
        self.sabotage.before = Some(memory.read(changeable.start, changeable.len())?);
        self.sabotage.torn = Some(transaction);
        self.sabotage.unsettled = true;
        match defect {
            CommitDefect::AnsweredFirst => self.sabotage.later = Some(image.octets()),
            CommitDefect::CounterFirst => {
                let person = Arc::clone(&self.person);
                let mut first = Image::read(&person.layout, memory)?;
                first.set_transaction_counter(image.transaction_counter());
                first.commit(memory)?;
                image.commit(memory)?;
            }
            _ => image.commit(memory)?,
        }
        self.sabotage.torn = None;
        Ok(())
    }

    fn write_later(&mut self, memory: &mut Memory) -> Result<(), PowerLost> {
        match self.sabotage.later.take() {
            Some(octets) => memory.write(self.person.layout.changeable.start, &octets),
            None => Ok(()),
        }
    }
}

fn mark_all(image: &mut Image<'_>, memory: &mut Memory) -> Result<(), PowerLost> {
    let pending: Vec<usize> = image.unratified(|_| true).iter().map(|slot| slot.index).collect();
    for slot in pending {
        image.acknowledge(slot);
    }
    image.commit(memory)
}

/// LINK after this receipt.
pub(in crate::family::purse::card) fn link(defect: Option<CommitDefect>, body: &ReceiptBody) -> Link {
    match defect {
        Some(CommitDefect::LinkBroken) => ReceiptBody { previous_link: Link::default(), ..body.clone() }.link(),
        Some(CommitDefect::LinkSkipsData) if body.receipt_type == ReceiptType::Data => body.previous_link,
        _ => body.link(),
    }
}
