//! A reader at which things go wrong, at the exchange that one says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::reader::in_process::lock;
use crate::reader::{Activation, Capabilities, IsCommand, LinkError, LinkErrorKind, Reader, Reset};

/// What goes wrong at an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The card is gone before the command: it never saw it. `Removed` until the next activation.
    RemovedBefore,
    /// The card did what it was told and is gone before its answer. `Unknown`, then `Removed` until the next activation.
    RemovedAfter,
    /// The card is gone while it answers; this many octets of the answer came. `Unknown` however many they are: a link
    /// does not hand out pieces. Then `Removed` until the next activation.
    RemovedWhileAnswering {
        /// Octets that came.
        octets: usize,
    },
    /// One bit of the answer is wrong, and the link does not notice. Counted from the answer's first octet, most
    /// significant bit first, modulo the answer's length.
    Corrupted {
        /// Which bit.
        bit: usize,
    },
    /// Data in the answer is missing at the end, the status word is there, and the link does not notice.
    Truncated {
        /// Octets of data that are left.
        octets: usize,
    },
    /// The answer takes this much longer: told to the callback of [`FaultInjector::on_delay`].
    Delayed {
        /// Microseconds.
        micros: u64,
    },
    /// The card did what it was told, but the answer before is delivered again. At the first exchange there is none
    /// before, and the true answer comes.
    AnswerOfBefore,
    /// The card is gone before the command, and from the next activation on the other card lies there.
    OtherCard,
}

/// Which faults are to come. Clones share them: one stays with whoever plans, another with the [`FaultInjector`].
#[derive(Debug, Clone, Default)]
pub struct FaultPlan(Arc<Mutex<Planned>>);

#[derive(Debug, Default)]
struct Planned {
    exchange: u64,
    faults: BTreeMap<u64, Fault>,
    /// At the first command of a kind.
    at_command: Option<(IsCommand, Fault)>,
    happened: Vec<(u64, Fault)>,
}

impl FaultPlan {
    /// No fault.
    pub fn new() -> Self {
        Self::default()
    }

    /// At the exchange with this index, counted from 0 since the plan was made.
    pub fn arm_at(&self, exchange: u64, fault: Fault) {
        lock(&self.0).faults.insert(exchange, fault);
    }

    /// After this many more exchanges; 0 is the next one.
    pub fn arm(&self, after_exchanges: u64, fault: Fault) {
        let mut planned = lock(&self.0);
        let exchange = planned.exchange + after_exchanges;
        planned.faults.insert(exchange, fault);
    }

    /// At the next command that is one of these.
    pub fn arm_at_command(&self, is_it: IsCommand, fault: Fault) {
        lock(&self.0).at_command = Some((is_it, fault));
    }

    /// Takes back what has not happened.
    pub fn disarm(&self) {
        let mut planned = lock(&self.0);
        planned.faults.clear();
        planned.at_command = None;
    }

    /// How many exchanges there were.
    pub fn exchanges(&self) -> u64 {
        lock(&self.0).exchange
    }

    /// What happened, and at which exchange.
    pub fn happened(&self) -> Vec<(u64, Fault)> {
        lock(&self.0).happened.clone()
    }

    /// Counts an exchange and gives its fault.
    fn next(&self, command: &[u8]) -> Option<Fault> {
        let mut planned = lock(&self.0);
        let exchange = planned.exchange;
        planned.exchange += 1;
        let by_command = planned.at_command.take_if(|(is_it, _)| is_it.is(command)).map(|(_, fault)| fault);
        let fault = planned.faults.remove(&exchange).or(by_command);
        planned.happened.extend(fault.map(|fault| (exchange, fault)));
        fault
    }
}

/// A reader at which the faults of a [`FaultPlan`] happen.
///
/// Only attempts that meet a card count as exchanges: what is sent to a removed card meets no fault and counts for none.
pub struct FaultInjector<R> {
    inner: R,
    other: Option<Box<dyn Reader>>,
    swapped: bool,
    plan: FaultPlan,
    removed: bool,
    before: Option<Vec<u8>>,
    on_delay: Box<dyn FnMut(u64) + Send>,
}

impl<R: Reader> FaultInjector<R> {
    /// Wraps a reader.
    pub fn new(inner: R, plan: FaultPlan) -> Self {
        let on_delay = Box::new(|_| ());
        Self { inner, other: None, swapped: false, plan, removed: false, before: None, on_delay }
    }

    /// The reader with the card that [`Fault::OtherCard`] presents.
    #[must_use]
    pub fn with_other(mut self, other: impl Reader + 'static) -> Self {
        self.other = Some(Box::new(other));
        self
    }

    /// Who is told, in microseconds, how much longer a delayed answer takes. Without it a delay does nothing.
    #[must_use]
    pub fn on_delay(mut self, callback: impl FnMut(u64) + Send + 'static) -> Self {
        self.on_delay = Box::new(callback);
        self
    }

    fn current(&mut self) -> &mut dyn Reader {
        match &mut self.other {
            Some(other) if self.swapped => other,
            _ => &mut self.inner,
        }
    }

    fn lift(&mut self) {
        self.current().deactivate();
        self.removed = true;
        self.before = None;
    }

    /// The command reached the card and the answer is lost.
    fn lift_unknown(&mut self, response: &mut Vec<u8>, detail: String) -> LinkError {
        response.clear();
        self.lift();
        LinkError::torn(detail)
    }

    /// What the fault makes of an answer that came.
    fn spoil(&mut self, fault: Fault, response: &mut Vec<u8>) -> Result<(), LinkError> {
        match fault {
            Fault::RemovedAfter => {
                return Err(self.lift_unknown(response, "the card was removed before it answered".to_owned()));
            }
            Fault::RemovedWhileAnswering { octets } => {
                let octets = octets.min(response.len());
                let detail = format!("the card was removed while it answered; {octets} octets had come");
                return Err(self.lift_unknown(response, detail));
            }
            Fault::Corrupted { bit } => {
                let bit = bit % (response.len() * 8);
                response[bit / 8] ^= 0x80 >> (bit % 8);
            }
            Fault::Truncated { octets } => {
                let data_len = response.len() - 2;
                response.drain(octets.min(data_len)..data_len);
            }
            Fault::Delayed { micros } => (self.on_delay)(micros),
            Fault::AnswerOfBefore => {
                if let Some(before) = &self.before {
                    response.clone_from(before);
                }
            }
            Fault::RemovedBefore | Fault::OtherCard => {}
        }
        Ok(())
    }
}

impl<R: Reader> Reader for FaultInjector<R> {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        self.removed = false;
        self.before = None;
        self.current().activate(reset)
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        response.clear();
        if self.removed {
            return Err(LinkError::new(LinkErrorKind::Removed, "the card was removed"));
        }
        let fault = self.plan.next(command);
        if let Some(Fault::RemovedBefore | Fault::OtherCard) = fault {
            self.lift();
            self.swapped |= fault == Some(Fault::OtherCard);
            return Err(LinkError::new(LinkErrorKind::Removed, "the card was removed before the command"));
        }
        self.current().transmit(command, response)?;
        let truth = response.clone();
        if let Some(fault) = fault {
            self.spoil(fault, response)?;
        }
        self.before = Some(truth);
        Ok(())
    }

    fn deactivate(&mut self) {
        self.current().deactivate();
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn card_events(&mut self) -> Option<u64> {
        self.current().card_events()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::in_process::{InProcess, Slot};
    use crate::reader::toy::ToyCard;

    const READ: [u8; 5] = [0, 0xB0, 0, 0, 2];
    /// Adds one to octet 0 and gives it.
    const COUNT: [u8; 5] = [0, 0xD0, 0, 0, 1];

    type Sent = Result<Vec<u8>, LinkErrorKind>;

    fn activated(plan: &FaultPlan) -> FaultInjector<InProcess> {
        let mut reader =
            FaultInjector::new(Slot::with_card(ToyCard::from_image(vec![0; 256])).reader("bench"), plan.clone());
        reader.activate(Reset::Cold).unwrap();
        reader
    }

    fn send(reader: &mut impl Reader, command: &[u8]) -> Sent {
        let mut response = vec![0xA5];
        let outcome = reader.transmit(command, &mut response).map_err(|error| error.kind);
        assert!(outcome.is_ok() || response.is_empty(), "no octets without success");
        outcome.map(|()| response)
    }

    /// What the exchange with the fault gave, what the next gave, and how often the card had counted.
    fn tear(fault: Fault) -> (Sent, Sent, u8) {
        let plan = FaultPlan::new();
        let mut reader = activated(&plan);
        plan.arm_at(1, fault);
        assert_eq!(send(&mut reader, &READ), Ok(vec![0, 0, 0x90, 0x00]));
        let (torn, next) = (send(&mut reader, &COUNT), send(&mut reader, &READ));
        reader.activate(Reset::Cold).unwrap();
        (torn, next, send(&mut reader, &READ).unwrap()[0])
    }

    #[test]
    fn a_removal_says_what_is_known_and_lasts_until_activation() {
        let removed = Err(LinkErrorKind::Removed);
        assert_eq!(tear(Fault::RemovedBefore), (removed.clone(), removed.clone(), 0));
        assert_eq!(tear(Fault::RemovedAfter), (Err(LinkErrorKind::Unknown), removed.clone(), 1));
        let while_answering = Fault::RemovedWhileAnswering { octets: 3 };
        assert_eq!(tear(while_answering), (Err(LinkErrorKind::Unknown), removed, 1));
    }

    #[test]
    fn answers_are_spoilt_as_said() {
        let after = Ok(vec![1, 0, 0x90, 0x00]);
        assert_eq!(tear(Fault::Corrupted { bit: 7 }), (Ok(vec![0, 0x90, 0x00]), after.clone(), 1));
        assert_eq!(tear(Fault::Corrupted { bit: 24 + 8 }), (Ok(vec![1, 0x10, 0x00]), after.clone(), 1));
        assert_eq!(tear(Fault::Truncated { octets: 0 }), (Ok(vec![0x90, 0x00]), after.clone(), 1));
        assert_eq!(tear(Fault::Truncated { octets: 9 }), (Ok(vec![1, 0x90, 0x00]), after.clone(), 1));
        assert_eq!(tear(Fault::AnswerOfBefore), (Ok(vec![0, 0, 0x90, 0x00]), after, 1));
    }

    #[test]
    fn a_delay_is_told_and_not_slept() {
        let plan = FaultPlan::new();
        let told = Arc::new(Mutex::new(Vec::new()));
        let teller = told.clone();
        let mut reader = activated(&plan).on_delay(move |micros| teller.lock().unwrap().push(micros));
        plan.arm(0, Fault::Delayed { micros: 500_000 });
        assert_eq!(send(&mut reader, &COUNT), Ok(vec![1, 0x90, 0x00]));
        assert_eq!(*told.lock().unwrap(), [500_000]);
    }

    #[test]
    fn the_other_card_lies_there_from_the_next_activation() {
        let plan = FaultPlan::new();
        let other = Slot::with_card(ToyCard::from_image(vec![7; 256])).reader("other");
        let mut reader = activated(&plan).with_other(other);
        plan.arm(1, Fault::OtherCard);
        assert_eq!(send(&mut reader, &COUNT), Ok(vec![1, 0x90, 0x00]));
        assert_eq!(send(&mut reader, &COUNT), Err(LinkErrorKind::Removed));
        reader.activate(Reset::Cold).unwrap();
        assert_eq!(send(&mut reader, &READ), Ok(vec![7, 7, 0x90, 0x00]));
    }

    #[test]
    fn faults_are_counted_from_arming_and_remembered() {
        let plan = FaultPlan::new();
        let mut reader = activated(&plan);
        send(&mut reader, &READ).unwrap();
        plan.arm(1, Fault::RemovedBefore);
        send(&mut reader, &READ).unwrap();
        assert_eq!(send(&mut reader, &READ), Err(LinkErrorKind::Removed));
        assert_eq!(send(&mut reader, &READ), Err(LinkErrorKind::Removed));
        assert_eq!(plan.happened(), [(2, Fault::RemovedBefore)]);
        assert_eq!(plan.exchanges(), 3, "what finds no card is no exchange");
        plan.arm(0, Fault::RemovedAfter);
        plan.disarm();
        reader.activate(Reset::Cold).unwrap();
        assert!(send(&mut reader, &READ).is_ok());
    }
}
