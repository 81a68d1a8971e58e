//! The terminal side: which commands, in which order, and what their answers prove.
//!
//! A stamp card has no key. So nothing that it says is proof against who means to deceive; what is proved is that these octets came whole
//! from a card that counts. The kernel believes three things and no other: the receipt that it expects, octet for octet; the card's
//! picture whose checksum is right; and of a picture no more than counter and visits say together.

mod compare;
mod intent;

use std::sync::Arc;

use untorn::entropy::Entropy;
use untorn::journal::Committed;
use untorn::journal::record::{CardReference, Intent, OrderKind};
use untorn::money::{Currency, Money};
use untorn::terminal::kernel::{
    CardView, Draft, Finding, HistoryItem, Input, Kernel, LogicalBalance, Outgoing, Proof, Refusal, RefusalReason,
    Step, Task,
};
use untorn::time::Moment;
use untorn::wire::apdu::Command;
use untorn::wire::hex;
use untorn::wire::status::StatusWord;

pub use self::intent::StampIntent;

use crate::NAME;
use crate::data::{AID, CLASS, COFFEE, Deed, Order, Picture, Receipt, STAMPS_MAX, Visit, VisitId, checked, ins};

/// What stamps are counted in: "no currency" of ISO 4217.
pub const CURRENCY: Currency = Currency::POINTS;

/// What the kernel checks, as it must be. A terminal with a defect has one of them in another way (`crate::mutants`).
pub trait Checks: Send + Sync {
    /// The octets of an answer before the checksum, if that is theirs.
    fn whole<'a>(&self, octets: &'a [u8]) -> Option<&'a [u8]> {
        checked(octets)
    }

    /// Whether an answer is the receipt of the order.
    fn is_receipt(&self, expected: &[u8], answer: &[u8]) -> bool {
        expected == answer
    }

    /// Whether the visit that has the order's counter is the order's.
    fn is_ours(&self, expected: &Visit, visit: &Visit) -> bool {
        expected == visit
    }

    /// Whether the card's history goes through the visit before the order.
    fn is_same_history(&self, before: VisitId, found: VisitId) -> bool {
        before == found
    }

    /// What a card tells that has forgotten the order's counter.
    fn forgotten(&self, reason: String) -> Finding {
        Finding::CannotTell(reason)
    }
}

/// The checks as they must be.
pub struct Specified;

impl Checks for Specified {}

/// The kernel.
pub struct StampKernel {
    /// What it may do.
    deeds: Vec<Deed>,
    checks: Arc<dyn Checks>,
    doing: Doing,
    /// What the card has said in this session.
    picture: Option<Picture>,
}

enum Doing {
    Nothing,
    Selecting,
    Looking,
    Committing,
    Executing(StampIntent),
}

impl StampKernel {
    /// A kernel that may do this.
    pub fn new(deeds: Vec<Deed>, checks: Arc<dyn Checks>) -> Self {
        Self { deeds, checks, doing: Doing::Nothing, picture: None }
    }

    fn selected(&mut self, response: &[u8]) -> Step {
        // All of it is known: the name that the card was asked for, and no more.
        let expected = [&[0x6F, AID.len() as u8 + 2, 0x84, AID.len() as u8], AID, &[0x90, 0x00]].concat();
        if response != expected {
            let (_, status) = split(response);
            return Step::Done(Finding::NotOurs(format!("SELECT answered {status}: this is no stamp card")));
        }
        self.doing = Doing::Looking;
        send(Command::new(CLASS, ins::GET, 0, 2).with_le(256))
    }

    fn looked(&mut self, response: &[u8]) -> Step {
        let (data, status) = split(response);
        if status != StatusWord::OK {
            return broken(format!("GET answered {status}"));
        }
        let Some(octets) = self.checks.whole(data) else {
            return broken("the card's answer did not come whole".to_owned());
        };
        match Picture::parse(octets) {
            Ok(picture) => {
                let view = view(&picture);
                self.picture = Some(picture);
                Step::Done(Finding::Opened(view))
            }
            Err(error) => broken(format!("the card's answer: {error}")),
        }
    }

    /// What became of an attempt, by the card's counter and visits.
    fn resolve(&self, intent: &Intent) -> Finding {
        let Some(card) = &self.picture else { return Finding::Broken("no card was looked at".to_owned()) };
        let intent = match StampIntent::of(intent) {
            Ok(intent) => intent,
            Err(reason) => return Finding::CannotTell(format!("the record is not a stamp card's: {reason}")),
        };
        let (counter, before) = (intent.receipt.counter, intent.receipt.counter.saturating_sub(1));
        let now = card.counter;
        if now < before {
            return Finding::CannotTell(format!("the card is back at visit {now}: it is a copy, or was restored"));
        }
        let same = card.id_at(before).map(|id| self.checks.is_same_history(intent.before, id));
        match (card.visit(counter), same) {
            (Some(visit), _) if self.checks.is_ours(&intent.receipt.visit, visit) => {
                let receipt = Receipt { counter, visit: *visit };
                Finding::Happened(proof(&receipt))
            }
            (_, Some(false)) => {
                Finding::CannotTell(format!("the card's visit {before} is another one: it is a copy, or was restored"))
            }
            (Some(visit), _) if visit.id == intent.receipt.visit.id => {
                Finding::CannotTell("the card has our visit with other values".to_owned())
            }
            (Some(_), Some(true)) => Finding::DidNotHappen(format!("the card's visit {counter} is another one")),
            (None, Some(true)) if now == before => Finding::DidNotHappen(format!("the card's counter is still {now}")),
            _ => self.checks.forgotten(format!("the card has forgotten its visit {counter}")),
        }
    }

    fn history(&self) -> Finding {
        let Some(card) = &self.picture else { return Finding::Broken("no card was looked at".to_owned()) };
        let item = |(back, visit): (usize, &Visit)| HistoryItem {
            counter: card.counter.saturating_sub(back as u32),
            what: if visit.deed == Deed::Stamp { "stamp" } else { "coffee" }.to_owned(),
            amount: Money::new(amount(visit.deed), CURRENCY),
            balance_after: Money::new(visit.stamps.into(), CURRENCY),
            time: Moment::from_seconds(visit.time),
            transaction: hex::encode(&visit.id),
        };
        Finding::History(card.visits.iter().enumerate().map(item).collect())
    }

    fn deed(&self, draft: &Draft) -> Result<Deed, Refusal> {
        if draft.amount.currency != CURRENCY {
            return Err(Refusal::currency(draft.amount.currency, CURRENCY));
        }
        let deed = match (draft.kind, draft.amount.minor) {
            (OrderKind::TopUp, 1) => Deed::Stamp,
            (OrderKind::Sale, minor) if minor == u32::from(COFFEE) => Deed::Coffee,
            _ => {
                let detail =
                    format!("a visit gives one stamp (a top-up of 1), or takes {COFFEE} for a coffee (a sale)");
                return Err(refused(RefusalReason::Other, detail));
            }
        };
        if !self.deeds.contains(&deed) {
            let what = if deed == Deed::Stamp { "give stamps" } else { "take stamps" };
            return Err(refused(RefusalReason::NoRight, format!("this terminal may not {what}")));
        }
        Ok(deed)
    }

    /// The intent of this order on the card that was looked at. Sends nothing.
    fn prepare(&self, draft: &Draft, now: Moment, entropy: &mut dyn Entropy) -> Result<Intent, Refusal> {
        let deed = self.deed(draft)?;
        let time = seconds(now)?;
        let none = || refused(RefusalReason::Other, "no card was looked at".to_owned());
        let card = self.picture.as_ref().ok_or_else(none)?;
        let stamps = deed.after(card.stamps).ok_or_else(|| match deed {
            Deed::Stamp => {
                refused(RefusalReason::MaximumExceeded, format!("the card is full with {STAMPS_MAX} stamps"))
            }
            Deed::Coffee => {
                refused(RefusalReason::BalanceTooSmall, format!("the card has only {} stamps", card.stamps))
            }
        })?;
        let used_up = || refused(RefusalReason::NotActive, "the card's counter is used up".to_owned());
        let counter = card.counter.checked_add(1).ok_or_else(used_up)?;
        let id = match &draft.previous {
            // The same order again is the same visit.
            Some(previous) => {
                let previous = StampIntent::of(previous).map_err(|reason| refused(RefusalReason::Other, reason))?;
                previous.order.visit
            }
            None => {
                let mut id = [0; 8];
                id[..4].copy_from_slice(&draft.order.0.to_be_bytes());
                entropy.fill(&mut id[4..]);
                id
            }
        };
        let order = Order { card: card.card, counter, visit: id, time };
        let receipt = Receipt { counter, visit: Visit { id, time, deed, stamps } };
        let before = card.id_at(card.counter).unwrap_or_default();
        Ok(Intent {
            order: draft.order,
            attempt: draft.attempt,
            kind: draft.kind,
            family: NAME.to_owned(),
            card: reference(card),
            amount: draft.amount,
            balance_before: Money::new(card.stamps.into(), CURRENCY),
            time: now,
            policy: None,
            family_data: StampIntent { order, receipt, before }.family_data(),
        })
    }

    fn execute(&mut self, committed: &Committed) -> Step {
        let intent = match StampIntent::of(committed.intent()) {
            Ok(intent) => intent,
            Err(reason) => return broken(reason),
        };
        let deed = intent.receipt.visit.deed;
        let ins = if deed == Deed::Stamp { ins::ADD_STAMP } else { ins::REDEEM };
        let data = intent.order.emit();
        let octets = Command::new(CLASS, ins, 0, 0).with_data(&data).with_le(256).emit();
        self.doing = Doing::Executing(intent);
        Step::Send(Outgoing::value(committed, octets))
    }
}

impl Kernel for StampKernel {
    fn begin(&mut self, task: Task, now: Moment, entropy: &mut dyn Entropy) -> Step {
        self.doing = Doing::Nothing;
        match task {
            Task::Open { .. } => {
                self.picture = None;
                self.doing = Doing::Selecting;
                send(Command::new(0x00, 0xA4, 0x04, 0x00).with_data(AID).with_le(256))
            }
            Task::Resolve(intent) => Step::Done(self.resolve(&intent)),
            Task::Compare(beliefs) => Step::Done(match &self.picture {
                Some(card) => Finding::Compared(compare::contradictions(card, &beliefs)),
                None => Finding::Broken("no card was looked at".to_owned()),
            }),
            Task::Order(draft) => match self.prepare(&draft, now, entropy) {
                Ok(intent) => {
                    self.doing = Doing::Committing;
                    Step::Commit(Box::new(intent))
                }
                Err(refusal) => Step::Done(Finding::Refused(refusal)),
            },
            // The card knows no such command.
            Task::Acknowledge(_) => Step::Done(Finding::Acknowledged),
            Task::History => Step::Done(self.history()),
        }
    }

    fn resume(&mut self, input: Input<'_>, _now: Moment, _entropy: &mut dyn Entropy) -> Step {
        match (std::mem::replace(&mut self.doing, Doing::Nothing), input) {
            (Doing::Selecting, Input::Answer(response)) => self.selected(response),
            (Doing::Looking, Input::Answer(response)) => self.looked(response),
            (Doing::Committing, Input::Committed(committed)) => self.execute(&committed),
            (Doing::Executing(intent), Input::Answer(response)) => executed(&*self.checks, response, &intent),
            _ => broken("an answer to nothing".to_owned()),
        }
    }

    fn can_date(&self, now: Moment) -> Result<(), Refusal> {
        seconds(now).map(drop)
    }
}

fn executed(checks: &dyn Checks, response: &[u8], intent: &StampIntent) -> Step {
    let expected = [&intent.receipt.emit()[..], &[0x90, 0x00]].concat();
    if checks.is_receipt(&expected, response) {
        return Step::Done(Finding::Happened(proof(&intent.receipt)));
    }
    // A refusal has no checksum, so that it proves nothing: the card's counter will tell.
    let (_, status) = split(response);
    broken(format!("the answer to the order, {status}, is not its receipt"))
}

const fn amount(deed: Deed) -> u32 {
    match deed {
        Deed::Stamp => 1,
        Deed::Coffee => COFFEE as u32,
    }
}

fn reference(card: &Picture) -> CardReference {
    CardReference(hex::encode(&card.card))
}

fn view(card: &Picture) -> CardView {
    let balance = Money::new(card.stamps.into(), CURRENCY);
    CardView {
        card: reference(card),
        inactive: None,
        balance,
        pin_above: None,
        pin_blocked: false,
        balances: vec![LogicalBalance { id: 1, operator: 0, balance, counter: card.counter }],
        unratified: 0,
        shown: card.visits.iter().map(|visit| hex::encode(&visit.id)).collect(),
    }
}

fn proof(receipt: &Receipt) -> Proof {
    let balance_after = Money::new(receipt.visit.stamps.into(), CURRENCY);
    Proof { balance_after, evidence: hex::encode(&receipt.emit()) }
}

/// A card dates a visit in four octets.
fn seconds(now: Moment) -> Result<u32, Refusal> {
    now.seconds().ok_or_else(|| {
        let last = Moment::from_seconds(u32::MAX);
        refused(RefusalReason::Clock, format!("the terminal's clock says {now}, and a card can date until {last}"))
    })
}

/// Data and status word; of an answer that is none the status is 0000.
fn split(response: &[u8]) -> (&[u8], StatusWord) {
    match response.split_last_chunk() {
        Some((data, status)) => (data, StatusWord(u16::from_be_bytes(*status))),
        None => (&[], StatusWord(0)),
    }
}

fn send(command: Command<'_>) -> Step {
    Step::Send(Outgoing::plain(command.emit()))
}

fn broken(reason: String) -> Step {
    Step::Done(Finding::Broken(reason))
}

fn refused(reason: RefusalReason, detail: String) -> Refusal {
    Refusal { reason, said: None, detail }
}
