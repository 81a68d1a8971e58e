//! A card that lies on the virtual reader of a [`Pcscd`](super::pcscd::Pcscd).

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;

use untorn::reader::in_process::SharedCard;
use untorn::reader::pcsc_watch::{Watch, WatchEvent};
use untorn::reader::vpcd::{Attachment, Control, ServeError, serve};

use super::pcscd::{PATIENCE, Pcscd, READER};

/// A card in service; ends when dropped.
pub struct VirtualCard {
    /// Lifts and presents it.
    pub control: Control,
    server: Option<JoinHandle<Result<(), ServeError>>>,
}

impl VirtualCard {
    /// Shows the card. That PC/SC sees it takes some more time: wait with [`Seen`].
    pub fn present(card: &SharedCard, pcscd: &Pcscd) -> Self {
        Self::present_at(card, pcscd.address())
    }

    /// Shows it to the slot that listens here.
    pub fn present_at(card: &SharedCard, address: std::net::SocketAddr) -> Self {
        let control = Control::new();
        let attachment = Attachment::Connect(address);
        let (card, held) = (card.clone(), control.clone());
        let server = Some(std::thread::spawn(move || serve(&card, &attachment, &held, |_| ())));
        Self { control, server }
    }

    /// Waits until it is no longer served, and says why.
    pub fn end(mut self) -> Result<(), ServeError> {
        self.server.take().unwrap().join().unwrap()
    }
}

impl Drop for VirtualCard {
    fn drop(&mut self) {
        self.control.stop();
    }
}

/// What PC/SC sees. Who puts a card back waits with [`Presence`](untorn::reader::pcsc_watch::Presence) instead: a watch may tell of its
/// going before the service has noticed it, and then its coming is never seen.
pub struct Seen {
    watch: Option<Watch>,
    events: Receiver<WatchEvent>,
}

impl Seen {
    pub fn start() -> Self {
        let (watch, events) = Watch::start().unwrap();
        Self { watch: Some(watch), events }
    }

    /// Waits for this event, passing over others.
    pub fn wait(&self, wanted: impl Fn(&WatchEvent) -> bool) -> WatchEvent {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("the event comes");
            if wanted(&event) {
                return event;
            }
        }
    }

    pub fn wait_inserted(&self) -> Vec<u8> {
        let inserted = self.wait(|event| matches!(event, WatchEvent::CardInserted { reader, .. } if reader == READER));
        if let WatchEvent::CardInserted { atr, .. } = inserted { atr } else { Vec::new() }
    }

    pub fn wait_removed(&self) {
        self.wait(|event| matches!(event, WatchEvent::CardRemoved { reader } if reader == READER));
    }

    /// Stops watching, and gives what came until it had stopped. Its thread may be in a call to the service for a moment yet.
    pub fn stop(mut self) -> Vec<WatchEvent> {
        self.watch = None;
        let mut rest = Vec::new();
        loop {
            match self.events.recv_timeout(PATIENCE) {
                Ok(event) => rest.push(event),
                Err(RecvTimeoutError::Disconnected) => return rest,
                Err(RecvTimeoutError::Timeout) => panic!("the watch does not stop"),
            }
        }
    }
}
