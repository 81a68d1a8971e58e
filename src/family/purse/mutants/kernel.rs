//! Defects of the purse's terminal side: what it believes of a card, and what it orders.
//!
//! Where the keys decide, a defect is one of the module's [`Checks`] in another way; all others wrap the kernel or its module.

use std::sync::{Arc, Mutex};

use crate::crypto::ec::{EcError, Point};
use crate::entropy::Entropy;
use crate::family::purse::data::session::{CardState, Certificate, Options};
use crate::family::purse::data::{CardId, Suite, TerminalId};
use crate::family::purse::kernel::checks::{Checks, Specified};
use crate::family::purse::kernel::sam::{Sam, SamError, SessionCommand, SoftSam};
use crate::family::purse::kernel::{PurseIntent, PurseKernel};
use crate::family::purse::keys::Mac;
use crate::journal::Committed;
use crate::journal::record::{Intent, OrderKind};
use crate::money::Money;
use crate::reader::in_process::lock;
use crate::terminal::kernel::{Draft, Finding, Input, Kernel, Proof, Refusal, Step, Task};
use crate::time::Moment;
use crate::wire::status::StatusWord;

crate::defect::defects! {
    /// A deliberate defect of the kernel or its security module.
    pub enum KernelDefect {
        AnswerMacNotVerified => ("answer-mac-not-verified", true, "The R-MAC of answers is not verified."),
        MissingAnswerMacAccepted => ("missing-answer-mac-accepted", true, "A status word without R-MAC is believed."),
        PlainSuccessIsPaid => ("plain-success-is-paid", true, "A bare 9000 to the order proves that it happened."),
        WarningIsPaid => ("warning-is-paid", true, "61xx, 62xx and 63xx without R-MAC count as success."),
        CardTagNotVerified => ("card-tag-not-verified", true, "The card's cryptogram is not verified."),
        CardTagTruncated => ("card-tag-truncated", true, "Only the first octet of the card's cryptogram is compared."),
        ReflectionAccepted => ("reflection-accepted", true, "The terminal's own cryptogram is taken for the card's."),
        RecoverySkipsAuthentication => ("recovery-skips-authentication", true, "When a card comes again its cryptogram is not verified."),
        CertificateNotVerified => ("certificate-not-verified", true, "The signature of the card's certificate is not verified."),
        CertificateRoleNotChecked => ("certificate-role-not-checked", true, "A terminal's certificate is taken for a card's."),
        CertificateValidityNotChecked => ("certificate-validity-not-checked", false, "An expired certificate of a card is taken."),
        CounterAloneProves => ("counter-alone-proves", true, "A counter that went on proves the order, whoever made it go on."),
        LinkIgnored => ("link-ignored", true, "The old counter disproves an order although the card has another history."),
        OlderCounterDisproves => ("older-counter-disproves", true, "A counter that went back disproves an order."),
        ForgottenIsNotPaid => ("forgotten-is-not-paid", true, "A receipt that the card has no more disproves the order."),
        MinorUnitsTwice => ("minor-units-twice", true, "Minor units are made of an amount that is in minor units."),
        AmountReversed => ("amount-reversed", true, "The octets of the amount are in the wrong order."),
        CurrencyNotChecked => ("currency-not-checked", true, "The card's currency is not compared with the order's."),
    }
}

/// A kernel with this module, and with the defect if there is one.
pub fn kernel(module: &SoftSam, logical_cards: Vec<u8>, defect: Option<KernelDefect>) -> Box<dyn Kernel> {
    let Some(defect) = defect else {
        return Box::new(PurseKernel::new(Box::new(module.restarted()), logical_cards));
    };
    let seen = Arc::<Mutex<Seen>>::default();
    let sam = Watched { sam: module.checked_by(Lax { defect, opened: 0 }), defect, seen: Arc::clone(&seen) };
    let kernel = PurseKernel::new(Box::new(sam), logical_cards);
    Box::new(WrongKernel { kernel, defect, seen, doing: Doing::Other })
}

/// The checks of a module, one of which is not made as it should be.
#[derive(Debug, Clone)]
struct Lax {
    defect: KernelDefect,
    /// Cards that have answered AUTH.
    opened: u32,
}

impl Checks for Lax {
    fn card_tag(&mut self, expected: &Mac, own: &Mac, received: &[u8]) -> bool {
        self.opened += 1;
        let believed = match self.defect {
            KernelDefect::CardTagNotVerified => true,
            KernelDefect::CardTagTruncated => received.first() == expected.as_bytes().first(),
            KernelDefect::ReflectionAccepted => own.verify(received),
            KernelDefect::RecoverySkipsAuthentication => self.opened > 1,
            _ => false,
        };
        believed || Specified.card_tag(expected, own, received)
    }

    fn answer_mac(&self, expected: &Mac, received: &[u8]) -> bool {
        self.defect == KernelDefect::AnswerMacNotVerified || Specified.answer_mac(expected, received)
    }

    fn signature(&self, certificate: &Certificate, authority: &Point) -> Result<Point, EcError> {
        match self.defect {
            KernelDefect::CertificateNotVerified => Point::new(&certificate.point),
            _ => Specified.signature(certificate, authority),
        }
    }

    fn subject(&self, certificate: &Certificate) -> bool {
        self.defect == KernelDefect::CertificateRoleNotChecked || Specified.subject(certificate)
    }

    fn validity(&self, certificate: &Certificate, now: Moment) -> Result<(), SamError> {
        match self.defect {
            KernelDefect::CertificateValidityNotChecked => Ok(()),
            _ => Specified.validity(certificate, now),
        }
    }
}

/// What the module has learned from the card.
#[derive(Default)]
struct Seen {
    state: Option<CardState>,
    status: Option<StatusWord>,
}

/// A module that tells what it learns.
struct Watched {
    sam: SoftSam<Lax>,
    defect: KernelDefect,
    seen: Arc<Mutex<Seen>>,
}

impl Sam for Watched {
    fn terminal(&self) -> TerminalId {
        self.sam.terminal()
    }

    fn authenticate(
        &mut self,
        r0: &[u8],
        purpose: Option<OrderKind>,
        options: &Options,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, SamError> {
        self.sam.authenticate(r0, purpose, options, now, entropy)
    }

    fn open(&mut self, answer: &[u8], now: Moment) -> Result<(CardId, CardState, Suite), SamError> {
        let (card, state, suite) = self.sam.open(answer, now)?;
        lock(&self.seen).state = Some(state.clone());
        Ok((card, state, suite))
    }

    fn protect(&mut self, command: SessionCommand<'_>) -> Result<Vec<u8>, SamError> {
        self.sam.protect(command)
    }

    fn transact(&mut self, committed: &Committed) -> Result<Vec<u8>, SamError> {
        self.sam.transact(committed)
    }

    fn unprotect(&mut self, response: &[u8]) -> Result<(Vec<u8>, StatusWord), SamError> {
        let (data, status) = match *response {
            [high, low] if self.defect == KernelDefect::MissingAnswerMacAccepted => {
                (Vec::new(), StatusWord(u16::from_be_bytes([high, low])))
            }
            _ => self.sam.unprotect(response)?,
        };
        lock(&self.seen).status = Some(status);
        Ok((data, status))
    }
}

/// A kernel that believes what it should not, or orders what it was not told.
struct WrongKernel {
    kernel: PurseKernel,
    defect: KernelDefect,
    seen: Arc<Mutex<Seen>>,
    doing: Doing,
}

/// The task, as far as a defect depends on it.
enum Doing {
    Resolving,
    /// The amount that was asked for.
    Ordering(Money),
    Executing(Box<PurseIntent>),
    Other,
}

impl WrongKernel {
    /// What it takes for decided before it asks the card.
    fn decides(&self, intent: &Intent) -> Option<Finding> {
        let intent = PurseIntent::of(intent).ok()?;
        let state = lock(&self.seen).state.clone()?;
        let (stands, expected) = (state.transaction_counter, intent.order.expected_counter);
        match self.defect {
            KernelDefect::LinkIgnored if stands.checked_add(1) == Some(expected) => {
                Some(Finding::DidNotHappen(format!("the card's counter is still {stands}")))
            }
            KernelDefect::OlderCounterDisproves if stands < expected => {
                Some(Finding::DidNotHappen("the card's counter is below the order's".to_owned()))
            }
            KernelDefect::CounterAloneProves if stands >= expected => {
                Some(happened(Money::new(state.balance, state.currency)))
            }
            _ => None,
        }
    }

    /// Whether it takes an answer to the order for a success, unread.
    fn believes(&self, response: &[u8]) -> bool {
        match response {
            [0x90, 0x00] => self.defect == KernelDefect::PlainSuccessIsPaid,
            [0x61..=0x63, _] => self.defect == KernelDefect::WarningIsPaid,
            _ => false,
        }
    }
}

impl WrongKernel {
    /// The order as it is given on.
    fn ordered(&self, draft: Draft) -> Draft {
        let mut amount = draft.amount;
        match self.defect {
            KernelDefect::MinorUnitsTwice => amount.minor = amount.minor.saturating_mul(100),
            KernelDefect::AmountReversed => amount.minor = amount.minor.swap_bytes() >> 16,
            KernelDefect::CurrencyNotChecked => {
                amount.currency = lock(&self.seen).state.as_ref().map_or(amount.currency, |s| s.currency);
            }
            _ => {}
        }
        Draft { amount, ..draft }
    }

    fn passed_on(&self, step: Step) -> Step {
        let forgotten = lock(&self.seen).status == Some(StatusWord::REFERENCED_DATA_NOT_FOUND);
        match (&self.doing, step) {
            (Doing::Resolving, Step::Done(Finding::CannotTell(_)))
                if forgotten && self.defect == KernelDefect::ForgottenIsNotPaid =>
            {
                Step::Done(Finding::DidNotHappen("the card has no receipt of it".to_owned()))
            }
            // What is written down is what was asked for.
            (Doing::Ordering(amount), Step::Commit(intent)) => {
                Step::Commit(Box::new(Intent { amount: *amount, ..*intent }))
            }
            (_, step) => step,
        }
    }
}

impl Kernel for WrongKernel {
    fn begin(&mut self, task: Task, now: Moment, entropy: &mut dyn Entropy) -> Step {
        let (doing, task) = match task {
            Task::Resolve(intent) => match self.decides(&intent) {
                Some(finding) => return Step::Done(finding),
                None => (Doing::Resolving, Task::Resolve(intent)),
            },
            Task::Order(draft) => (Doing::Ordering(draft.amount), Task::Order(self.ordered(draft))),
            task => (Doing::Other, task),
        };
        self.doing = doing;
        let step = self.kernel.begin(task, now, entropy);
        self.passed_on(step)
    }

    fn resume(&mut self, input: Input<'_>, now: Moment, entropy: &mut dyn Entropy) -> Step {
        match (&self.doing, &input) {
            (_, Input::Committed(committed)) => {
                self.doing =
                    PurseIntent::of(committed.intent()).map_or(Doing::Other, |i| Doing::Executing(Box::new(i)));
            }
            (Doing::Executing(intent), Input::Answer(response)) if self.believes(response) => {
                return Step::Done(happened(Money::new(intent.receipt.balance_after, intent.receipt.currency)));
            }
            _ => {}
        }
        let step = self.kernel.resume(input, now, entropy);
        self.passed_on(step)
    }

    fn can_date(&self, now: Moment) -> Result<(), Refusal> {
        self.kernel.can_date(now)
    }
}

fn happened(balance_after: Money) -> Finding {
    Finding::Happened(Proof { balance_after, evidence: String::new() })
}
