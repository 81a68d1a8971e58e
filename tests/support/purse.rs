//! A purse card that is served to PC/SC while the test looks into it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use untorn::card::memory::Memory;
use untorn::card::{Answer, Card};
use untorn::entropy::SeededEntropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::card::inspection::Inspection;
use untorn::family::purse::data::{CardId, Suite};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::profile::PurseProfile;
use untorn::reader::in_process::shared;
use untorn::reader::pcsc_watch::Presence;
use untorn::reader::vpcd::{Attachment, Control, Event, LiftWhen, ServeError, serve};

use super::pcscd::{PATIENCE, Pcscd, READER};

/// The card, shared with the thread that serves it.
#[derive(Clone)]
struct Shared(Arc<Mutex<PurseCard<SeededEntropy>>>, Arc<AtomicU64>);

impl Card for Shared {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.0.lock().unwrap().reset()
    }
    fn process(&mut self, command: &[u8]) -> Answer {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.lock().unwrap().process(command)
    }
    fn power_off(&mut self) {
        self.0.lock().unwrap().power_off();
    }
    fn memory(&mut self) -> &mut Memory {
        unreachable!("whoever serves a card does not look into its memory")
    }
    fn delay_ms(&self) -> u32 {
        self.0.lock().unwrap().delay_ms()
    }
}

/// A purse on the virtual reader; ends when dropped.
pub struct ServedPurse {
    card: Shared,
    control: Control,
    lifted: Receiver<()>,
    presence: RefCell<Presence>,
    server: Option<JoinHandle<Result<(), ServeError>>>,
}

impl ServedPurse {
    /// A card of the default profile, seen by PC/SC when this returns.
    pub fn present(pcscd: &Pcscd, suites: &[Suite], card_id: CardId) -> Self {
        let mut profile = PurseProfile::built_in("default").unwrap().with_suites(suites);
        profile.card_id = card_id;
        let card = PurseCard::personalise(&profile, &Scheme::test(), SeededEntropy::new(5)).unwrap();
        let card = Shared(Arc::new(Mutex::new(card)), Arc::default());
        let (sender, lifted) = mpsc::channel();
        let (control, attachment) = (Control::new(), Attachment::Connect(pcscd.address()));
        let presence = RefCell::new(Presence::of(READER).unwrap());
        let (held, served) = (control.clone(), shared(card.clone()));
        let server = std::thread::spawn(move || {
            serve(&served, &attachment, &held, |event| {
                if matches!(event, Event::Lifted) {
                    let _ = sender.send(());
                }
            })
        });
        presence.borrow_mut().wait(true, PATIENCE).unwrap();
        Self { card, control, lifted, presence, server: Some(server) }
    }

    /// What it holds.
    pub fn inspect(&self) -> Inspection {
        self.card.0.lock().unwrap().inspect()
    }

    /// Commands that it has had.
    pub fn exchanges(&self) -> u64 {
        self.card.1.load(Ordering::Relaxed)
    }

    /// Takes it away at an exchange from now.
    pub fn lift_at(&self, exchange: u64, when: LiftWhen) {
        self.control.lift_at(exchange, when);
    }

    /// Waits until it is lifted and PC/SC has seen that, then puts it back and waits for that to be seen.
    pub fn put_back(&self) {
        self.lifted.recv_timeout(PATIENCE).unwrap();
        self.noticed(false);
        self.control.present();
        self.noticed(true);
    }

    /// Takes it away for good, and waits until PC/SC has seen that.
    pub fn take_away(self) {
        self.control.stop();
        self.noticed(false);
    }

    fn noticed(&self, is_there: bool) {
        self.presence.borrow_mut().wait(is_there, PATIENCE).unwrap();
    }
}

impl Drop for ServedPurse {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}
