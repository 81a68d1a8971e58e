//! A card at PC/SC of whose answers one octet comes: a person in the shell and at the window reads what came, once, and not that the card
//! has left, for it lies where it lay.
#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use support::pcscd::{Pcscd, READER};
use support::screen::Screen;
use support::untorn::{Desk, Ran};
use support::virtual_card::{Seen, VirtualCard};
use untorn::card::memory::Memory;
use untorn::card::{Answer, Card};
use untorn::entropy::SeededEntropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::profile::PurseProfile;
use untorn::reader::in_process::shared;

/// A purse; after so many whole answers each is one octet.
struct Short {
    card: PurseCard<SeededEntropy>,
    whole: Arc<AtomicU64>,
}

impl Card for Short {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.card.reset()
    }
    fn process(&mut self, command: &[u8]) -> Answer {
        let answer = self.card.process(command);
        let is_whole = self.whole.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if is_whole { answer } else { Answer::Response(vec![0x6F]) }
    }
    fn power_off(&mut self) {
        self.card.power_off();
    }
    fn memory(&mut self) -> &mut Memory {
        self.card.memory()
    }
}

const CAME: &str = "expected an answer of at least 2 octets, got 1 (6F)";
/// Of a sale: SELECT, AUTH, then the command that moves the value.
const BEFORE_VALUE: u64 = 2;

#[test]
fn a_reader_fault_is_told_once_and_as_what_it_is() {
    let Some(pcscd) = Pcscd::start() else { return };
    let profile = PurseProfile::built_in("default").unwrap();
    let card = PurseCard::personalise(&profile, &Scheme::test(), SeededEntropy::new(5)).unwrap();
    let whole = Arc::new(AtomicU64::new(u64::MAX));
    let seen = Seen::start();
    let served = VirtualCard::present(&shared(Short { card, whole: whole.clone() }), &pcscd);
    seen.wait_inserted();

    let desk = Desk::new(&["--reader", READER, "--card", &profile.card_id.to_string(), "--wait", "2"]);
    desk.run(&["balance"]).ended(0);
    let told = |ran: &Ran| {
        assert_eq!(ran.stderr.matches(CAME).count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("the reader or its driver"), "{ran:?}");
        assert!(ran.stdout.contains(CAME), "{ran:?}");
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("too early"), "{ran:?}");
    };
    for command in [&["balance"][..], &["history"], &["pay", "100"]] {
        for left in 0..BEFORE_VALUE {
            whole.store(left, Ordering::Relaxed);
            let ran = desk.run(command).ended(4);
            told(&ran);
            assert!(ran.stderr.contains("nothing was moved"), "{ran:?}");
        }
    }
    whole.store(0, Ordering::Relaxed);
    assert_eq!(desk.json(4, &["balance"])["reason"], "no-answer");
    whole.store(BEFORE_VALUE, Ordering::Relaxed);
    let torn = desk.run(&["pay", "100"]).ended(2);
    told(&torn);
    assert!(torn.stdout.contains("UNRESOLVED"), "{torn:?}");
    whole.store(0, Ordering::Relaxed);
    told(&desk.run(&["resolve"]).ended(2));

    let mut window = desk.command(&[]);
    window.env("TERM", "xterm-256color");
    let mut screen = Screen::start(&window, (40, 160));
    screen.wait_for("ask for the card");
    screen.type_keys("b");
    screen.wait_for("got 1 (6F)");
    assert!(!screen.shows("too early"), "{}", screen.text());
    screen.type_keys("\u{1b}");
    screen.wait_for("Nothing happened");
    screen.type_keys("q");
    screen.wait();

    whole.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(desk.json(0, &["resolve"])["settled"][0]["verdict"], "paid");
    drop(served);
}
