//! Implementations under test: virtual cards in this process, the same behind PC/SC, and a real card at a reader.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use super::AppError;
use super::identity::{Identity, SameCard};
use super::ledger::FileLedger;
use super::served::{Happened, Served};
use crate::card::memory::Memory;
use crate::card::{Answer, Card};
use crate::conformance::error::RigError;
use crate::conformance::facility::Facility;
use crate::conformance::rig::{Rig, Subject};
use crate::conformance::statement::Statement;
use crate::reader::Reader;
use crate::reader::in_process::lock;
use crate::reader::vpcd::Control;
use crate::wire::status::StatusWord;

/// How long a reader may take to notice a card that is put in.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Makes a fresh card without power; the seed is its randomness.
pub type MakeCard = Box<dyn FnMut(u64) -> Result<Box<dyn Card>, RigError>>;

/// Opens the reader by which the card is reached.
pub type OpenReader = Box<dyn FnMut() -> Result<Box<dyn Reader>, AppError>>;

/// A real card at a reader: the same one for every case.
pub struct RealCard {
    statement: Statement,
    name: String,
    open: OpenReader,
    known: Option<(SameCard, FileLedger)>,
    /// Why the reader cannot be opened any more.
    unreachable: Option<String>,
}

impl RealCard {
    /// Whatever card is at this reader.
    pub fn new(statement: Statement, name: String, open: OpenReader) -> Self {
        Self { statement, name, open, known: None, unreachable: None }
    }

    /// This card and no other, with its ledger of failed authentications.
    #[must_use]
    pub fn only(self, identity: Identity, ledger: FileLedger) -> Self {
        let guard = SameCard::new(self.statement.clone(), identity, ledger.clone());
        Self { known: Some((guard, ledger)), ..self }
    }
}

fn no_reader(error: &AppError) -> RigError {
    RigError::Link(error.to_string())
}

impl Subject for RealCard {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        self.name.clone()
    }

    fn facilities(&self) -> Vec<Facility> {
        Vec::new()
    }

    fn rig(&mut self, _seed: u64) -> Result<Rig, RigError> {
        let reader = (self.open)();
        self.unreachable = reader.as_ref().err().map(|error| format!("the reader cannot be opened any more: {error}"));
        let rig = Rig::new(reader.map_err(|error| no_reader(&error))?, None);
        Ok(match &self.known {
            Some((guard, ledger)) => rig.with_guard(Box::new(guard.clone())).with_ledger(Box::new(ledger.clone())),
            None => rig,
        })
    }

    fn lost(&self) -> Option<String> {
        self.known.as_ref().and_then(|(guard, _)| guard.lost()).or_else(|| self.unreachable.clone())
    }
}

/// Virtual cards that a `vpcd` shows to PC/SC: the card of each case takes the place of the one before, with its memory at hand.
pub struct ServedCards {
    statement: Statement,
    name: String,
    make: MakeCard,
    open: OpenReader,
    served: Served,
}

impl ServedCards {
    /// Shows the first card; returns when vpcd has it.
    ///
    /// # Errors
    /// No vpcd there, or it takes no card.
    pub fn serve(
        statement: Statement,
        address: SocketAddr,
        mut make: MakeCard,
        open: OpenReader,
    ) -> Result<Self, AppError> {
        let first = make(0).map_err(|error| AppError::Usage(error.to_string()))?;
        let (sender, happened) = mpsc::channel();
        let served = Served::start(ServedCard::new(first), address, Control::new(), move |event| {
            // Nobody waits for a second one.
            let _ = sender.send(event);
        });
        match happened.recv_timeout(NOTICED_WITHIN) {
            Ok(Happened::Presented) => {}
            Ok(Happened::Ended(Err(error))) => return Err(AppError::Reader(error.to_string())),
            _ => return Err(AppError::Reader(format!("vpcd at {address} takes no card"))),
        }
        let name = format!("PC/SC, served to vpcd at {address}");
        Ok(Self { statement, name, make, open, served })
    }

    /// A reader whose card has been noticed.
    fn reader(&mut self) -> Result<Box<dyn Reader>, RigError> {
        let mut reader = (self.open)().map_err(|error| no_reader(&error))?;
        let tries = NOTICED_WITHIN.as_millis() / ASK_EVERY.as_millis();
        for _ in 0..tries {
            if self.served.is_over() {
                return Err(RigError::Link("vpcd has closed the connection".to_owned()));
            }
            if reader.activate(crate::reader::Reset::Cold).is_ok() {
                return Ok(reader);
            }
            std::thread::sleep(ASK_EVERY);
        }
        Err(RigError::Link("PC/SC does not see the card".to_owned()))
    }
}

impl Subject for ServedCards {
    fn statement(&self) -> &Statement {
        &self.statement
    }

    fn binding(&self) -> String {
        self.name.clone()
    }

    fn facilities(&self) -> Vec<Facility> {
        vec![Facility::Cut, Facility::FreshCard]
    }

    fn rig(&mut self, seed: u64) -> Result<Rig, RigError> {
        let card = (self.make)(seed)?;
        *lock(&self.served.place) = Box::new(ServedCard::new(card));
        // A case that ended with a silent card has lifted it.
        self.served.control.present();
        Ok(Rig::new(self.reader()?, Some(self.served.place.clone())))
    }
}

/// A card that keeps its link when its power is cut inside a command: vpcd takes a silent card for removed, and PC/SC needs a
/// second to see the next. It answers 6F00 instead; the tester, who cut the power, takes no answer of that moment for the card's.
struct ServedCard {
    card: Box<dyn Card>,
    atr: Option<Vec<u8>>,
}

impl ServedCard {
    fn new(card: Box<dyn Card>) -> Self {
        Self { card, atr: None }
    }

    fn has_lost_power(&mut self) -> bool {
        self.card.memory().read(0, 0).is_err()
    }
}

impl Card for ServedCard {
    fn reset(&mut self) -> Option<Vec<u8>> {
        let atr = self.card.reset();
        if atr.is_some() {
            self.atr.clone_from(&atr);
        }
        atr.or_else(|| self.atr.clone())
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        match self.card.process(command) {
            Answer::Mute if self.has_lost_power() => Answer::Response(StatusWord(0x6F00).to_bytes().to_vec()),
            answer => answer,
        }
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        self.card.memory()
    }

    fn delay_ms(&self) -> u32 {
        self.card.delay_ms()
    }
}
