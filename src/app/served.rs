//! Virtual cards of the test system that a vpcd shows to PC/SC, one in the other's place.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use crate::card::Card;
use crate::reader::in_process::{SharedCard, shared};
use crate::reader::vpcd::{self, Attachment, Control, Event, ServeError};

/// A place at vpcd, served until it is dropped.
pub(super) struct Served {
    /// The card that is served.
    pub(super) place: SharedCard,
    /// Takes it away and puts it back.
    pub(super) control: Control,
    server: Option<JoinHandle<()>>,
}

/// What happens at the place.
#[derive(Debug)]
pub(super) enum Happened {
    /// vpcd has the card.
    Presented,
    /// The card is away; pcscd need not have noticed it yet.
    Lifted,
    /// Nothing is served any more.
    Ended(Result<(), ServeError>),
}

impl Served {
    /// Serves from a thread of its own, which tells what happens.
    pub(super) fn start(
        card: impl Card + 'static,
        address: SocketAddr,
        control: Control,
        mut tell: impl FnMut(Happened) + Send + 'static,
    ) -> Self {
        let (place, held) = (shared(card), control.clone());
        let served = place.clone();
        let server = std::thread::spawn(move || {
            let ended = vpcd::serve(&served, &Attachment::Connect(address), &held, |event| match event {
                Event::Presented => tell(Happened::Presented),
                Event::Lifted => tell(Happened::Lifted),
                _ => {}
            });
            tell(Happened::Ended(ended));
        });
        Self { place, control, server: Some(server) }
    }

    /// Whether vpcd has gone.
    pub(super) fn is_over(&self) -> bool {
        self.server.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(server) = self.server.take() {
            // How it ended, whoever was told knows.
            let _ = server.join();
        }
    }
}
