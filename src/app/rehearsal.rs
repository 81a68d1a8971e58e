//! An order on a copy of the virtual card, before it is made on the card itself: which commands will it take?
//!
//! A tear that is asked for and cannot come about must be refused before anything is sent, and how many commands an order takes depends
//! on card and journal: a PIN, receipts of orders that are open, a long answer that is fetched in pieces. Copy, journal in memory and
//! randomness are the rehearsal's own; nothing of it stays.

use super::{App, Options, terminal};
use crate::entropy::SeededEntropy;
use crate::journal::memory::MemoryJournal;
use crate::journal::record::Entry;
use crate::journal::{Journal, OpenRecord};
use crate::reader::exchange::Exchange;
use crate::reader::in_process::{Slot, lock};
use crate::reader::trace::TraceRing;
use crate::reader::{Activation, Capabilities, LinkError, Reader, Reset};
use crate::secret::Pin;
use crate::session::{self, Arrival, Desk, World};
use crate::terminal::event::{OutcomeKind, Prompt, Request};
use crate::time::Moment;

/// What an order takes where nothing goes wrong and the PIN is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Its commands.
    pub commands: Vec<Vec<u8>>,
}

/// The commands of this order, if it will move value; `None` where it will be refused, or where it cannot be told beforehand.
pub fn rehearse(app: &mut App, options: &Options, request: Request) -> Option<Rehearsal> {
    let card = app.card.as_ref()?;
    let profile = &card.profile.profile;
    let image = lock(&card.card()).memory().image().to_vec();
    let copy = profile.restore(image, Box::new(SeededEntropy::new(0))).ok()?;
    let slot = Slot::with_card(copy);
    let mut commands = Vec::new();
    let mut terminal = terminal(options, &card.profile, &TraceRing::new(1)).ok()?;
    *terminal.config_mut() = app.terminal.config_mut().clone();
    let mut journal = MemoryJournal::default();
    let now = options.clock().now();
    match &request {
        // The sale may be any, and what is left of it depends on all that was given back.
        Request::Refund { .. } => app.journal.entries_of(None, &mut |entry| journal.hold(entry, now)).ok()?,
        _ => {
            for record in app.journal.open(None).ok()? {
                take_over(&mut journal, record, now)?;
            }
        }
    }
    let mut desk = Stand { now, pin: profile.pin(), comes: true };
    let outcome = {
        let noting = Noting { inner: slot.reader("rehearsal"), commands: &mut commands };
        let mut reader = Exchange::new(noting, super::may_repeat);
        let entropy = &mut SeededEntropy::new(1);
        let mut world = World { reader: &mut reader, journal: &mut journal, desk: &mut desk, entropy };
        session::run(&mut terminal, request, &mut world)
    };
    matches!(outcome.result, OutcomeKind::Paid { .. }).then_some(Rehearsal { commands })
}

/// An open record as the rehearsal's journal holds it; `None` where it cannot, such as a later attempt of an order.
fn take_over(journal: &mut MemoryJournal, record: OpenRecord, now: Moment) -> Option<()> {
    let (order, attempt, balance_before) = (record.intent.order, record.intent.attempt, record.intent.balance_before);
    journal.commit(record.intent, now).ok()?;
    if record.is_final {
        let reason = "issued".to_owned();
        journal.append(Entry::UnresolvedFinal { order, attempt, balance_before, reason }, now).ok()?;
    }
    Some(())
}

/// A reader that notes what is sent.
struct Noting<'a, R> {
    inner: R,
    commands: &'a mut Vec<Vec<u8>>,
}

impl<R: Reader> Reader for Noting<'_, R> {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        self.inner.activate(reset)
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        self.commands.push(command.to_vec());
        self.inner.transmit(command, response)
    }

    fn deactivate(&mut self) {
        self.inner.deactivate();
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// A desk at which the card lies once, and whose holder knows the PIN.
struct Stand {
    now: Moment,
    pin: Option<Pin>,
    comes: bool,
}

impl Desk for Stand {
    fn now(&mut self) -> Moment {
        self.now
    }

    fn await_card(&mut self, reader: &mut dyn Reader, _: &Prompt, _: Moment) -> Arrival {
        let comes = std::mem::take(&mut self.comes) && reader.activate(Reset::Cold).is_ok();
        if comes { Arrival::Card } else { Arrival::Stop }
    }

    fn ask_pin(&mut self, tries_left: Option<u8>) -> Option<Pin> {
        self.pin.clone().filter(|_| tries_left.is_none())
    }
}
