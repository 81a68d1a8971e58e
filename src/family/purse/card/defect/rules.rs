//! The rules of a card with a deliberate defect: one of them in another way, and what it has to remember for that.

use super::access::{AccessDefect, Remembered};
use super::commit::CommitDefect;
use super::steps;
use crate::card::application::WholeCommand;
use crate::card::memory::{Memory, PowerLost};
use crate::card::transaction::CommitArea;
use crate::card::transaction::defect::JournalDefect;
use crate::entropy::Entropy;
use crate::family::purse::card::Purse;
use crate::family::purse::card::image::{Image, Slot};
use crate::family::purse::card::messaging::Session;
use crate::family::purse::card::personalisation::Personalisation;
use crate::family::purse::card::rules::{Rules, Specified, TakenOver, Wanted};
use crate::family::purse::data::transact::{Operation, ReceiptBody, ReceiptType, TransactOrder};
use crate::family::purse::data::{CardId, LifeCycle, Link, Suite, TransactionId, ins, refusal};
use crate::family::purse::keys::Mac;
use crate::wire::WireError;
use crate::wire::status::StatusWord;

/// Sessions without a command after which the card is blocked.
const TORN_SESSIONS_MAX: u32 = 10;

/// The rules with a defect, or with none.
#[derive(Debug, Clone, Default)]
pub struct Wrong {
    pub(super) access: Option<AccessDefect>,
    commit: Option<CommitDefect>,
    journal: Option<JournalDefect>,
    kept: Kept,
    /// MCV before the last command.
    pub(super) chaining_before: Option<Mac>,
    pub(super) remembered: Remembered,
}

/// What defects keep in mind. It outlives the power: a real card would keep it in its memory.
#[derive(Debug, Clone, Default)]
struct Kept {
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
    barred: bool,
    /// Receipts that were handed out.
    handed_out: Vec<u32>,
    /// Sessions in a row without a command.
    idle_sessions: u32,
    /// The session that a new AUTH ended.
    ended: Option<Session>,
}

impl Wrong {
    /// The rules with this defect; `None` where there is none of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        let access = AccessDefect::by_name(name);
        let journal = JournalDefect::by_name(name).filter(|_| access.is_none());
        let commit = CommitDefect::by_name(name).filter(|_| access.is_none() && journal.is_none());
        let found = access.is_some() || journal.is_some() || commit.is_some();
        found.then(|| Self { access, commit, journal, ..Self::default() })
    }

    /// Whether an AUTH is looked at.
    pub(super) fn hears_auth(&mut self) -> bool {
        self.kept.idle_sessions = self.kept.idle_sessions.saturating_add(1);
        !self.does(CommitDefect::TornAuthBars) || self.kept.idle_sessions <= TORN_SESSIONS_MAX
    }

    /// SELECT, which has ended this session.
    pub(super) fn selected(
        &mut self,
        person: &Personalisation,
        memory: &mut Memory,
        ended: Option<Session>,
    ) -> Result<(), PowerLost> {
        if self.does(CommitDefect::LateOrderExecuted) {
            self.kept.ended = ended;
        }
        self.write_later(person, memory)?;
        if self.does(CommitDefect::SelectAcknowledges) {
            mark_all(&mut Image::read(&person.layout, memory)?, memory)?;
        }
        Ok(())
    }

    /// Power is back; whether a torn commit was finished.
    pub(super) fn powered_up(
        &mut self,
        person: &Personalisation,
        memory: &mut Memory,
        finished: bool,
    ) -> Result<(), PowerLost> {
        match self.commit {
            None => Ok(()),
            Some(defect) => self.recovered(defect, person, memory, finished),
        }
    }

    pub(super) fn does(&self, defect: CommitDefect) -> bool {
        self.commit == Some(defect)
    }

    fn write_later(&mut self, person: &Personalisation, memory: &mut Memory) -> Result<(), PowerLost> {
        match self.kept.later.take() {
            Some(octets) => memory.write(person.layout.changeable.start, &octets),
            None => Ok(()),
        }
    }

    fn recovered(
        &mut self,
        defect: CommitDefect,
        person: &Personalisation,
        memory: &mut Memory,
        finished: bool,
    ) -> Result<(), PowerLost> {
        let torn = self.kept.torn.take();
        let unsettled = std::mem::take(&mut self.kept.unsettled);
        let mut image = Image::read(&person.layout, memory)?;
        match defect {
            CommitDefect::LostResponseRollsBack => {
                if let Some(before) = self.kept.before.take() {
                    memory.write(person.layout.changeable.start, &before)?;
                }
            }
            CommitDefect::AnsweredFirst => self.kept.later = None,
            CommitDefect::SelectCommitsPart => self.write_later(person, memory)?,
            CommitDefect::PendingForEver => self.kept.barred |= unsettled,
            CommitDefect::StateAhead => {
                self.kept.rolled_back = torn.filter(|transaction| image.find(transaction).is_none());
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

    /// Whether the card has forgotten an order that is in the ring.
    fn forgets(&self, image: &Image<'_>, session: &Session, slot: &Slot<'_>, transaction: &TransactionId) -> bool {
        match self.commit {
            Some(CommitDefect::RepeatExecutes) => true,
            // The first command of a session: that is what a second tap does.
            Some(CommitDefect::RetapExecutes) => session.counter == 1,
            Some(CommitDefect::RepeatOfEarlierExecutes) => image.last_transaction() != *transaction,
            Some(CommitDefect::RepeatAfterAckExecutes) => slot.is_acknowledged(),
            _ => false,
        }
    }

    /// LINK after this receipt, where it is not the right one.
    fn link(&self, body: &ReceiptBody) -> Option<Link> {
        match self.commit {
            Some(CommitDefect::LinkBroken) => {
                Some(ReceiptBody { previous_link: Link::default(), ..body.clone() }.link())
            }
            Some(CommitDefect::LinkSkipsData) if body.receipt_type == ReceiptType::Data => Some(body.previous_link),
            _ => None,
        }
    }
}

impl Rules for Wrong {
    fn commit(&self, image: &Image<'_>, memory: &mut Memory) -> Result<(), PowerLost> {
        match self.journal {
            None => image.commit(memory),
            Some(defect) => defect.commit(&image.layout().journal, memory, image.draft()),
        }
    }

    fn recover(&self, journal: &CommitArea, memory: &mut Memory) -> Result<bool, PowerLost> {
        match self.journal {
            None => journal.recover(memory),
            Some(defect) => defect.recover(journal, memory),
        }
    }

    fn commit_order(&mut self, image: &Image<'_>, memory: &mut Memory) -> Result<(), PowerLost> {
        let Some(defect) = self.commit else { return self.commit(image, memory) };
        let changeable = image.layout().changeable.clone();
        self.kept.before = Some(memory.read(changeable.start, changeable.len())?);
        self.kept.torn = Some(image.last_transaction());
        self.kept.unsettled = true;
        match defect {
            CommitDefect::AnsweredFirst => self.kept.later = Some(octets(image)),
            CommitDefect::CounterFirst => {
                let mut first = Image::read(image.layout(), memory)?;
                first.set_transaction_counter(image.transaction_counter());
                first.commit(memory)?;
                image.commit(memory)?;
            }
            _ => image.commit(memory)?,
        }
        self.kept.torn = None;
        Ok(())
    }

    fn power_up<E: Entropy>(purse: &mut Purse<E, Self>, memory: &mut Memory) -> Result<bool, PowerLost> {
        steps::power_up(purse, memory)
    }

    fn select<E: Entropy>(
        purse: &mut Purse<E, Self>,
        memory: &mut Memory,
        channel: u8,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        steps::select(purse, memory, channel, answer)
    }

    fn close_channel<E: Entropy>(purse: &mut Purse<E, Self>, channel: u8) {
        steps::close(purse, channel);
    }

    fn admit<E: Entropy>(purse: &mut Purse<E, Self>, channel: u8, header: [u8; 4]) -> Result<(), StatusWord> {
        steps::admit(purse, channel, header)
    }

    fn auth<E: Entropy>(
        purse: &mut Purse<E, Self>,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        steps::auth(purse, memory, request, answer)
    }

    fn misfit<E: Entropy>(purse: &mut Purse<E, Self>) {
        if !purse.rules.has(AccessDefect::AuthLengthTouchesNothing) {
            purse.end_attempt();
        }
    }

    fn protected<E: Entropy>(
        purse: &mut Purse<E, Self>,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        steps::protected(purse, memory, request, answer)
    }

    fn accept(&mut self, person: &Personalisation, memory: &mut Memory, header: [u8; 4]) -> Result<[u8; 4], PowerLost> {
        self.kept.idle_sessions = 0;
        self.kept.unsettled = false;
        if self.does(CommitDefect::LostResponseRollsBack) {
            self.kept.before = None;
        }
        self.write_later(person, memory)?;
        Ok(match header {
            [cla, ins::GET_RECEIPT, 1, p2] if self.does(CommitDefect::UnsignedForSigned) && person.epc2.is_none() => {
                [cla, ins::GET_RECEIPT, 0, p2]
            }
            header => header,
        })
    }

    fn reject(
        &mut self,
        person: &Personalisation,
        memory: &mut Memory,
        header: [u8; 4],
        data: &[u8],
    ) -> Result<Option<(Session, Vec<u8>)>, PowerLost> {
        if self.does(CommitDefect::AbortUndoes)
            && let Some(before) = self.kept.before.take()
        {
            memory.write(person.layout.changeable.start, &before)?;
        }
        if !self.does(CommitDefect::LateOrderExecuted) {
            return Ok(None);
        }
        let ended = self.kept.ended.take();
        Ok(ended.and_then(|mut session| session.open(header, data).map(|plaintext| (session, plaintext))))
    }

    fn refuse(&mut self, person: &Personalisation, image: &Image<'_>, memory: &mut Memory) -> Result<(), PowerLost> {
        match self.commit {
            Some(CommitDefect::RefusedPartKept) => image.commit(memory),
            Some(CommitDefect::SelectCommitsPart) => {
                self.kept.later = Some(octets(image));
                Ok(())
            }
            Some(CommitDefect::CounterRisesOnRefusal) => {
                let mut image = Image::read(&person.layout, memory)?;
                image.set_transaction_counter(image.transaction_counter().saturating_add(1));
                image.commit(memory)
            }
            Some(CommitDefect::TriesInside) => person.layout.tries.restore(memory),
            _ => Ok(()),
        }
    }

    fn hears_order(&self, image: &Image<'_>) -> bool {
        !(self.kept.barred
            || self.does(CommitDefect::FullRingBars) && image.unratified(|_| true).len() == image.places())
    }

    fn state(&self, image: &mut Image<'_>) {
        let Some(defect) = self.commit else { return };
        if let Some(transaction) = self.kept.rolled_back {
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

    fn known<'i>(&self, image: &'i Image<'_>, session: &Session, transaction: &TransactionId) -> Option<Slot<'i>> {
        image.find(transaction).filter(|slot| !self.forgets(image, session, slot, transaction))
    }

    fn repeated(&self, image: &Image<'_>, receipt: &Slot<'_>) -> Result<Vec<u8>, StatusWord> {
        let mut body = receipt.body().to_vec();
        match self.commit {
            Some(CommitDefect::RepeatRefused) => return Err(StatusWord::CONDITIONS_NOT_SATISFIED),
            Some(CommitDefect::RepeatShowsNow) => body[36..40].copy_from_slice(&image.balance(0).to_be_bytes()),
            _ => {}
        }
        Ok(body)
    }

    fn is_next(&self, image: &Image<'_>, expected: u32, transaction: &TransactionId) -> bool {
        // Where it is known and nevertheless carried out, it has been forgotten.
        image.find(transaction).is_some()
            || match self.commit {
                Some(CommitDefect::CounterIgnored) => true,
                Some(CommitDefect::CounterMayLead) => expected > image.transaction_counter(),
                _ => Specified.is_next(image, expected, transaction),
            }
    }

    fn parse(&self, plaintext: &[u8]) -> Result<TransactOrder, WireError> {
        match self.commit {
            Some(CommitDefect::AmountOfThreeOctets) => TransactOrder::parse(&lengthened(plaintext)),
            Some(CommitDefect::EighthDropped) => TransactOrder::parse(plaintext).map(|mut order| {
                order.operations.truncate(7);
                order
            }),
            Some(CommitDefect::TakeOverNothing) => TransactOrder::parse(plaintext).map(|mut order| {
                order.operations.iter_mut().for_each(|operation| {
                    if let Operation::TakeOver { amount, .. } = operation {
                        *amount = 0;
                    }
                });
                order
            }),
            _ => TransactOrder::parse(plaintext),
        }
    }

    fn may(&self, session: &Session, operation: &Operation) -> bool {
        self.does(CommitDefect::RightsNotChecked) || Specified.may(session, operation)
    }

    fn pays(&self, life_cycle: LifeCycle) -> bool {
        self.does(CommitDefect::BlockedPays) || Specified.pays(life_cycle)
    }

    fn is_amount(&self, amount: u32) -> bool {
        self.does(CommitDefect::ZeroAmount) || self.does(CommitDefect::TakeOverNothing) || Specified.is_amount(amount)
    }

    fn debited(&self, balance: u32, amount: u32) -> Option<u32> {
        match self.commit {
            Some(CommitDefect::DebitWraps) => Some(balance.wrapping_sub(amount)),
            Some(CommitDefect::AmountSigned) if amount > i32::MAX as u32 => Some(balance.wrapping_sub(amount)),
            Some(CommitDefect::DebitTwice) => Some(balance.saturating_sub(amount).saturating_sub(amount)),
            _ => Specified.debited(balance, amount),
        }
    }

    fn needs_verification(&self, limit: u32, sum: u32, amount: u32, verified: bool) -> bool {
        match self.commit {
            Some(CommitDefect::PinLimitIgnored | CommitDefect::AmountSigned | CommitDefect::DebitWraps) => false,
            Some(CommitDefect::PinLimitPerDebit) => Specified.needs_verification(limit, amount, amount, verified),
            Some(CommitDefect::VerificationIgnored) => Specified.needs_verification(limit, sum, amount, false),
            _ => Specified.needs_verification(limit, sum, amount, verified),
        }
    }

    fn credited(&self, balance: u32, amount: u32, maximum: u32) -> Option<u32> {
        match self.commit {
            Some(CommitDefect::CreditOverMaximum) => Specified.credited(balance, amount, u32::MAX),
            Some(CommitDefect::CreditWraps) => Some(balance.wrapping_add(amount)).filter(|sum| *sum <= maximum),
            _ => Specified.credited(balance, amount, maximum),
        }
    }

    fn refunded(&self, image: &Image<'_>, slot: usize, index: usize, amount: u32) -> Option<(usize, u32)> {
        let payer = if self.does(CommitDefect::RefundOfAnyCard) { 0 } else { index };
        let left = Specified.refunded(image, slot, payer, amount).map(|(_, left)| left);
        match (left, self.commit) {
            (_, Some(CommitDefect::RefundUnlimited)) | (Some(_), Some(CommitDefect::RefundOnceOnly)) => {
                Some((payer, 0))
            }
            (Some(left), Some(CommitDefect::RefundRepeatable)) => Some((payer, left + amount)),
            (left, _) => left.map(|left| (payer, left)),
        }
    }

    fn is_fresh(&self, image: &Image<'_>) -> bool {
        self.does(CommitDefect::TakeOverAgain) || Specified.is_fresh(image)
    }

    fn takes_over(&self, so_far: &TakenOver, from: (CardId, Link), bit: u8) -> bool {
        self.does(CommitDefect::TakeOverFromMany) || Specified.takes_over(so_far, from, bit)
    }

    fn counted_down(&self, before: u32, number: u32) -> Option<u32> {
        match self.commit {
            Some(CommitDefect::CounterWraps) => Some(before.wrapping_sub(number)),
            _ => Specified.counted_down(before, number),
        }
    }

    fn may_become(&self, before: LifeCycle, after: LifeCycle) -> bool {
        self.does(CommitDefect::AnyLifeCycle)
            || self.does(CommitDefect::TerminatedRevives) && before == LifeCycle::Terminated
            || Specified.may_become(before, after)
    }

    fn close(&self, image: &mut Image<'_>, mut receipt: ReceiptBody, debited: &[u32]) -> ReceiptBody {
        if self.does(CommitDefect::TypeAlwaysDebit) {
            receipt.receipt_type = ReceiptType::Debit;
        }
        let counter = image.transaction_counter();
        let chosen = match self.commit {
            Some(CommitDefect::RingEvictsOldest) => place(image, image.places(), false),
            Some(CommitDefect::RingTooSmall) => place(image, image.places() - 1, true),
            _ => image.place_for_receipt(),
        };
        image.close(chosen, &receipt, debited);
        match self.commit {
            Some(CommitDefect::AcknowledgedAtCommit) => image.mark(chosen, true),
            Some(CommitDefect::CounterStays) => image.set_transaction_counter(counter),
            _ => self.link(&receipt).into_iter().for_each(|link| image.set_link(link)),
        }
        receipt
    }

    fn receipt<'i>(&self, image: &'i Image<'_>, wanted: Wanted) -> Result<Option<Slot<'i>>, StatusWord> {
        let found = match (self.commit, wanted) {
            (Some(CommitDefect::BlockedShowsNothing), _) if image.life_cycle() != LifeCycle::Active => {
                return Err(refusal::NOT_ACTIVE);
            }
            (Some(CommitDefect::CounterUnknown), Wanted::Counter(_)) => None,
            _ => Specified.receipt(image, wanted)?,
        };
        Ok(match (found, self.commit) {
            (None, Some(CommitDefect::NewestForUnknown)) => image.receipts().last().copied(),
            (Some(slot), Some(CommitDefect::OutcomeHidden)) => Some(slot).filter(Slot::is_acknowledged),
            (Some(slot), Some(CommitDefect::ReceiptOnce)) => {
                Some(slot).filter(|slot| !self.kept.handed_out.contains(&slot.counter()))
            }
            (found, _) => found,
        })
    }

    fn seal(&self, person: &Personalisation, suite: Suite, signed: bool, body: &[u8]) -> Vec<u8> {
        match &person.epc2 {
            Some(keys) if signed && self.does(CommitDefect::SignatureWithoutContext) => {
                keys.private.sign(body).to_vec()
            }
            _ => Specified.seal(person, suite, signed, body),
        }
    }

    fn hand_out(&mut self, image: &mut Image<'_>, slot: usize, memory: &mut Memory) -> Result<(), PowerLost> {
        match self.commit {
            Some(CommitDefect::ReceiptOnce) => {
                let counter = image.receipts().iter().find(|found| found.index == slot).map(Slot::counter);
                self.kept.handed_out.extend(counter);
                Ok(())
            }
            Some(CommitDefect::SecondTearForgets) => {
                image.mark(slot, true);
                image.commit(memory)
            }
            _ => Ok(()),
        }
    }

    fn acknowledge(&self, image: &mut Image<'_>, transaction: &TransactionId) -> Result<(), StatusWord> {
        let found = image.find(transaction).map(|slot| (slot.index, slot.is_acknowledged()));
        match (self.commit, found) {
            (Some(CommitDefect::AckOfUnknown), None) | (Some(CommitDefect::AckIgnored), Some(_)) => Ok(()),
            (Some(CommitDefect::AckToggles), Some((slot, true))) => {
                image.mark(slot, false);
                Ok(())
            }
            _ => Specified.acknowledge(image, transaction),
        }
    }
}

/// A single debit of three octets as one of four.
fn lengthened(plaintext: &[u8]) -> Vec<u8> {
    match plaintext.split_at_checked(25) {
        Some((head, [0x80, 0x04, card, amount @ ..])) => [head, &[0x80, 0x05, *card, 0], amount].concat(),
        _ => plaintext.to_vec(),
    }
}

/// The place for a receipt, where the ring has so many places, and acknowledged receipts yield theirs first or do not.
fn place(image: &Image<'_>, places: usize, acknowledged_yield: bool) -> usize {
    let receipts = image.receipts();
    let rank = |place: &usize| match receipts.iter().find(|slot| slot.index == *place) {
        None => (0, 0),
        Some(slot) if acknowledged_yield && slot.is_acknowledged() => (1, slot.counter()),
        Some(slot) => (2, slot.counter()),
    };
    (0..places).min_by_key(rank).unwrap_or(0)
}

/// All that a transaction can change, as it would be after a commit.
fn octets(image: &Image<'_>) -> Vec<u8> {
    let changeable = &image.layout().changeable;
    image.draft().at(changeable.start, changeable.len()).to_vec()
}

fn mark_all(image: &mut Image<'_>, memory: &mut Memory) -> Result<(), PowerLost> {
    let pending: Vec<usize> = image.unratified(|_| true).iter().map(|slot| slot.index).collect();
    for slot in pending {
        image.mark(slot, true);
    }
    image.commit(memory)
}
