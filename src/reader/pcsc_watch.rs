//! Readers and cards that come and go, as the system's smart card service (PC/SC) tells.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::pcsc::{Context, Error, ReaderState, State};

use crate::reader::in_process::lock;
use crate::reader::pcsc::{PcscError, establish, failed, find, reader_name, text};

/// One reader, for who puts cards in and takes them out: waits until the service has noticed it.
///
/// Its word that no card is there is not enough. Who disconnects from a card that is gone makes pcscd 1.9.9 say so before its own
/// look at the reader has found it out, and a card that is put in before that look is never noticed. The count of cards that came and
/// went rises with the look only.
pub struct Presence {
    context: Context,
    state: ReaderState,
    /// The count, as far as it was waited for.
    noticed: u32,
}

impl Presence {
    /// Of the reader of this name, or the one that has this in its name.
    pub fn of(wanted: &str) -> Result<Self, PcscError> {
        let (name, context) = (reader_name(find(wanted)?)?, establish()?);
        let mut presence = Self { context, state: ReaderState::new(name, State::UNAWARE), noticed: 0 };
        presence.look(Duration::ZERO).map_err(failed("ask for the reader's state"))?;
        presence.noticed = presence.state.event_count();
        Ok(presence)
    }

    /// Its full name.
    pub fn name(&self) -> String {
        text(self.state.name())
    }

    /// Whether a card was there at the last look.
    pub fn has_card(&self) -> bool {
        self.state.event_state().contains(State::PRESENT)
    }

    /// Waits until the service has noticed the next change: a card came (`true`), be it gone since, or went.
    pub fn wait(&mut self, is_there: bool, within: Duration) -> Result<(), PcscError> {
        let operation = if is_there { "see the card that was put in" } else { "see the card leave" };
        let begun = Instant::now();
        loop {
            match self.state.event_count().wrapping_sub(self.noticed) & 0xFFFF {
                0 => {}
                1 if self.has_card() != is_there => {}
                _ => break,
            }
            self.look(within.saturating_sub(begun.elapsed())).map_err(failed(operation))?;
        }
        self.noticed = (self.noticed + 1) & 0xFFFF;
        Ok(())
    }

    fn look(&mut self, within: Duration) -> Result<(), Error> {
        self.context.get_status_change(within, std::slice::from_mut(&mut self.state))?;
        self.state.sync_current_state();
        Ok(())
    }
}

/// What [`Watch`] sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// A reader is there; at the beginning, each one that was there already.
    ReaderAdded {
        /// Its name.
        reader: String,
    },
    /// A reader is gone.
    ReaderRemoved {
        /// Its name.
        reader: String,
    },
    /// A card is there; at the beginning, each one that was there already.
    CardInserted {
        /// In this reader.
        reader: String,
        /// Its ATR; empty when it does not answer to reset.
        atr: Vec<u8>,
    },
    /// A card is gone.
    CardRemoved {
        /// From this reader.
        reader: String,
    },
    /// The service is gone, and with it all readers. It is looked for again.
    ServiceLost {
        /// Why.
        error: PcscError,
    },
}

/// How often a service that is gone is looked for, and how often it is looked whether to stop.
const WATCH_ROUND: Duration = Duration::from_millis(500);

/// Watches readers and cards come and go, in a thread of its own, until it is dropped.
pub struct Watch {
    shared: Arc<WatchShared>,
}

#[derive(Default)]
struct WatchShared {
    stopped: AtomicBool,
    context: Mutex<Option<Context>>,
    wake: Condvar,
}

impl Watch {
    /// Begins to watch; the events come out of the receiver, beginning with what is there already.
    pub fn start() -> std::io::Result<(Self, Receiver<WatchEvent>)> {
        let shared = Arc::<WatchShared>::default();
        let (sender, events) = mpsc::channel();
        let seen = shared.clone();
        std::thread::Builder::new().name("pcsc-watch".to_owned()).spawn(move || watch(&seen, &sender))?;
        Ok((Self { shared }, events))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.wake.notify_all();
        if let Some(context) = &*lock(&self.shared.context) {
            // It may come just before the thread blocks; the round's end is the safety net.
            let _ = context.cancel();
        }
        // The thread is not waited for: it may be in a call to a service that never answers.
    }
}

fn watch(shared: &WatchShared, sender: &Sender<WatchEvent>) {
    let mut told = false;
    while !shared.stopped.load(Ordering::SeqCst) {
        let Err(error) = watch_service(shared, sender, &mut told) else {
            return;
        };
        if !std::mem::replace(&mut told, true) && sender.send(WatchEvent::ServiceLost { error }).is_err() {
            return;
        }
        let context = lock(&shared.context);
        drop(shared.wake.wait_timeout(context, WATCH_ROUND).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Watches until it is stopped, the receiver is gone (`Ok`), or the service is.
fn watch_service(shared: &WatchShared, sender: &Sender<WatchEvent>, told: &mut bool) -> Result<(), PcscError> {
    let context = establish()?;
    *lock(&shared.context) = Some(context.clone());
    *told = false;
    let mut states = vec![ReaderState::new(::pcsc::PNP_NOTIFICATION(), State::UNAWARE)];
    let outcome = loop {
        if shared.stopped.load(Ordering::SeqCst) || refresh(&context, &mut states, sender)?.is_none() {
            break Ok(());
        }
        let counts: Vec<u32> = states.iter().map(ReaderState::event_count).collect();
        match context.get_status_change(WATCH_ROUND, &mut states) {
            Ok(()) => {}
            Err(Error::Timeout | Error::Cancelled) => continue,
            Err(error) => break Err(failed("watch the readers")(error)),
        }
        if states.iter_mut().zip(counts).try_for_each(|(state, count)| tell_change(state, count, sender)).is_none() {
            break Ok(());
        }
    };
    *lock(&shared.context) = None;
    outcome
}

/// Takes in new readers and lets go of those that are gone. `None` inside when nobody listens any more.
fn refresh(
    context: &Context,
    states: &mut Vec<ReaderState>,
    sender: &Sender<WatchEvent>,
) -> Result<Option<()>, PcscError> {
    let there = context.list_readers_owned().map_err(failed("list the readers"))?;
    let gone = |state: &ReaderState| {
        state.name() != ::pcsc::PNP_NOTIFICATION() && !there.iter().any(|name| name.as_c_str() == state.name())
    };
    for state in states.iter().filter(|state| gone(state)) {
        if sender.send(WatchEvent::ReaderRemoved { reader: text(state.name()) }).is_err() {
            return Ok(None);
        }
    }
    states.retain(|state| !gone(state));
    for name in &there {
        if states.iter().all(|state| state.name() != name.as_c_str()) {
            if sender.send(WatchEvent::ReaderAdded { reader: text(name) }).is_err() {
                return Ok(None);
            }
            states.push(ReaderState::new(name.clone(), State::UNAWARE));
        }
    }
    Ok(Some(()))
}

/// Tells whether a card came or went, and takes note; `count` is how often that was at the last look. `None` when nobody listens any
/// more.
fn tell_change(state: &mut ReaderState, count: u32, sender: &Sender<WatchEvent>) -> Option<()> {
    let (before, now) = (state.current_state(), state.event_state());
    let reader = text(state.name());
    // The count tells of a card that was exchanged between two looks.
    let exchanged = before.contains(State::PRESENT) && state.event_count() > count + 1;
    if before.contains(State::PRESENT) && (!now.contains(State::PRESENT) || exchanged) {
        sender.send(WatchEvent::CardRemoved { reader: reader.clone() }).ok()?;
    }
    if now.contains(State::PRESENT) && (!before.contains(State::PRESENT) || exchanged) {
        sender.send(WatchEvent::CardInserted { reader, atr: state.atr().to_vec() }).ok()?;
    }
    state.sync_current_state();
    Some(())
}
