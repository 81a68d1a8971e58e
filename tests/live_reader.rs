//! Virtual cards through a real smart card service: vpcd, pcscd and the system's PC/SC library, all in between.
#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use support::pcscd::{PATIENCE, Pcscd, READER};
use support::virtual_card::{Seen, VirtualCard};
use untorn::card::memory::Memory;
use untorn::card::{Answer, Card};
use untorn::reader::in_process::{SharedCard, shared};
use untorn::reader::pcsc::{PcscError, PcscReader, Sharing, find, list};
use untorn::reader::pcsc_watch::{Presence, WatchEvent};
use untorn::reader::vpcd::{LiftWhen, ServeError};
use untorn::reader::{LinkErrorKind, Reader, Reset};

/// T=1, one historical octet; check octet by hand: 81 ^ 01 ^ 55 = D5.
const ATR: [u8; 5] = [0x3B, 0x81, 0x01, 0x55, 0xD5];
/// Adds one to the card's count and gives it.
const COUNT: [u8; 5] = [0x80, 0x01, 0x00, 0x00, 0x01];
/// Gives the count.
const LOOK: [u8; 5] = [0x80, 0x02, 0x00, 0x00, 0x01];
/// Is answered with half a status word.
const ONE_OCTET: [u8; 4] = [0x80, 0x05, 0x00, 0x00];
/// Is not answered before the test says so.
const WAIT: [u8; 4] = [0x80, 0x03, 0x00, 0x00];

/// Counts, and gives back what it is sent.
struct EchoCard {
    memory: Memory,
    release: Option<Receiver<()>>,
}

impl EchoCard {
    fn shared() -> SharedCard {
        shared(Self { memory: Memory::from_image(vec![0]), release: None })
    }
}

impl Card for EchoCard {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.memory.power_on();
        Some(ATR.to_vec())
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        let mut data = match command {
            [0x80, 0x01 | 0x02, ..] => {
                let count = self.memory.image()[0] + u8::from(command[1] == 0x01);
                self.memory.write(0, &[count]).unwrap();
                vec![count]
            }
            [0x80, 0x03, ..] => {
                let _ = self.release.as_ref().map(Receiver::recv);
                Vec::new()
            }
            [0x80, 0x05, ..] => return Answer::Response(vec![0x90]),
            [0x80, 0x04, len_high, len_low, ..] => vec![0x5A; usize::from(*len_high) << 8 | usize::from(*len_low)],
            _ => command.to_vec(),
        };
        data.extend([0x90, 0x00]);
        Answer::Response(data)
    }

    fn power_off(&mut self) {
        self.memory.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}

fn send(reader: &mut PcscReader, command: &[u8]) -> Result<Vec<u8>, LinkErrorKind> {
    let mut response = vec![0xA5];
    let outcome = reader.transmit(command, &mut response).map_err(|error| error.kind);
    assert!(outcome.is_ok() || response.is_empty(), "no octets without success");
    outcome.map(|()| response)
}

#[test]
fn a_card_is_listed_and_answers_of_all_lengths_come_through() {
    let Some(pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let _card = VirtualCard::present(&EchoCard::shared(), &pcscd);
    assert_eq!(seen.wait_inserted(), ATR);

    let listed = list().unwrap();
    assert_eq!(listed.iter().map(|reader| reader.atr.as_deref()).collect::<Vec<_>>(), [Some(&ATR[..]), None]);
    assert_eq!(find("TEST 00 00").unwrap(), READER);
    assert!(matches!(PcscReader::open("untorn").err().unwrap(), PcscError::Ambiguous { .. }));

    let mut reader = PcscReader::open(READER).unwrap();
    assert_eq!(send(&mut reader, &LOOK), Err(LinkErrorKind::NotSent), "not activated yet");
    assert_eq!(reader.activate(Reset::Cold).unwrap().atr, ATR);
    for len in [0, 1, 256, 257, 0x8000, 0xFFFD] {
        let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
        let response = send(&mut reader, &[0x80, 0x04, high, low]).unwrap();
        assert_eq!(response.len(), len + 2, "answers of {len} octets");
    }
    let mut extended = vec![0x00, 0x55, 0x00, 0x00, 0x00, 0x40, 0x00];
    extended.resize(7 + 0x4000, 0x33);
    let mut expected = extended.clone();
    expected.extend([0x90, 0x00]);
    assert!(send(&mut reader, &extended) == Ok(expected), "extended length goes out and comes back");
    assert_eq!(reader.activate(Reset::Warm).unwrap().atr, ATR);
    assert_eq!(send(&mut reader, &[0x80]), Err(LinkErrorKind::NotSent), "one octet would be vpcd's own message");
}

#[test]
fn a_tear_is_never_a_success_and_the_card_comes_back() {
    let Some(pcscd) = Pcscd::start() else { return };
    let mut presence = Presence::of(READER).unwrap();
    let mut noticed = |is_there| presence.wait(is_there, PATIENCE).unwrap();
    let card = VirtualCard::present(&EchoCard::shared(), &pcscd);
    noticed(true);
    let mut reader = PcscReader::open(READER).unwrap();
    let moments = [
        (LiftWhen::BeforeExecution, 0),
        (LiftWhen::AfterExecution, 1),
        (LiftWhen::WhileAnswering { octets: 0 }, 2),
        (LiftWhen::WhileAnswering { octets: 1 }, 3),
    ];
    for (when, count) in moments {
        reader.activate(Reset::Cold).unwrap();
        card.control.lift_at(1, when);
        assert!(send(&mut reader, &LOOK).is_ok());
        assert_eq!(send(&mut reader, &COUNT), Err(LinkErrorKind::Unknown), "{when:?}");
        assert_eq!(send(&mut reader, &LOOK), Err(LinkErrorKind::NotSent), "given up after {when:?}");
        noticed(false);
        assert_eq!(reader.activate(Reset::Cold).unwrap_err().kind, LinkErrorKind::Removed, "{when:?}");
        card.control.present();
        noticed(true);
        reader.activate(Reset::Cold).unwrap();
        assert_eq!(send(&mut reader, &LOOK).unwrap()[0], count, "{when:?}");
    }
    // Lifted between two commands, and seen to be.
    card.control.lift();
    noticed(false);
    assert_eq!(send(&mut reader, &COUNT), Err(LinkErrorKind::Removed));
}

#[test]
fn a_watch_tells_what_comes_and_goes_and_stops() {
    let Some(pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    for slot in ["00 00", "00 01"] {
        let reader = format!("untorn test {slot}");
        seen.wait(|event| *event == WatchEvent::ReaderAdded { reader: reader.clone() });
    }
    let card = VirtualCard::present(&EchoCard::shared(), &pcscd);
    assert_eq!(seen.wait_inserted(), ATR);
    card.control.lift();
    seen.wait_removed();
    card.control.present();
    assert_eq!(seen.wait_inserted(), ATR);
    // That a program takes hold of it is no coming and going. The card in the other slot makes the watch look at both.
    let mut reader = PcscReader::open(READER).unwrap();
    reader.activate(Reset::Cold).unwrap();
    let mut second = pcscd.address();
    second.set_port(second.port() + 1);
    let _second = VirtualCard::present_at(&EchoCard::shared(), second);
    let first = seen.wait(|_| true);
    assert!(matches!(&first, WatchEvent::CardInserted { reader, .. } if reader.ends_with("00 01")), "{first:?}");
    assert_eq!(seen.stop(), []);
}

#[test]
fn a_card_in_use_is_refused_to_another() {
    let Some(pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let _card = VirtualCard::present(&EchoCard::shared(), &pcscd);
    seen.wait_inserted();
    let (mut first, mut second) = (PcscReader::open(READER).unwrap(), PcscReader::open(READER).unwrap());
    first.activate(Reset::Cold).unwrap();
    let error = second.activate(Reset::Cold).unwrap_err();
    assert_eq!(error.kind, LinkErrorKind::NotSent);
    assert!(error.detail.starts_with("another program uses the card"), "{error}");
    assert!(send(&mut first, &LOOK).is_ok(), "the first is not disturbed");
    first.deactivate();
    second.activate(Reset::Cold).unwrap();
    assert!(send(&mut second, &LOOK).is_ok());
}

#[test]
fn a_card_that_others_hold_too_is_reached_only_when_sharing_is_asked_for() {
    let Some(pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let _card = VirtualCard::present(&EchoCard::shared(), &pcscd);
    seen.wait_inserted();
    let context = pcsc::Context::establish(pcsc::Scope::User).unwrap();
    let name = std::ffi::CString::new(READER).unwrap();
    let mut other = context.connect(&name, pcsc::ShareMode::Shared, pcsc::Protocols::ANY).unwrap();
    let mut reader = PcscReader::open(READER).unwrap();
    assert_eq!(reader.activate(Reset::Cold).unwrap_err().kind, LinkErrorKind::NotSent);
    let mut reader = reader.with_sharing(Sharing::Shared);
    reader.activate(Reset::Cold).unwrap();
    assert!(send(&mut reader, &LOOK).is_ok());
    assert_eq!(other.transaction().err(), Some(pcsc::Error::ResetCard), "the other one is told");
}

#[test]
fn a_card_that_never_answers_is_ended_by_the_deadline() {
    let Some(pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let (release, wait) = mpsc::channel();
    let card = shared(EchoCard { memory: Memory::from_image(vec![0]), release: Some(wait) });
    let _card = VirtualCard::present(&card, &pcscd);
    seen.wait_inserted();
    let mut reader = PcscReader::open(READER).unwrap();
    reader.activate(Reset::Cold).unwrap();
    let mut reader = reader.with_deadline(Duration::from_millis(300));
    let error = reader.transmit(&WAIT, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind, LinkErrorKind::Unknown);
    assert_eq!(error.detail, "transmit: no answer within 300 ms");
    assert_eq!(send(&mut reader, &LOOK), Err(LinkErrorKind::NotSent));
    let mut other = PcscReader::open(READER).unwrap();
    let error = other.activate(Reset::Cold).unwrap_err();
    assert_eq!(error.kind, LinkErrorKind::NotSent);
    assert!(
        error.detail.starts_with("the card has not answered an earlier command"),
        "nobody else is to blame: {error}"
    );
    release.send(()).unwrap();
}

/// What is given up is given back: the next connection finds the card, and no "other program" that is ourselves.
#[test]
fn a_card_that_answers_one_octet_is_found_again() {
    let Some(pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let _card = VirtualCard::present(&EchoCard::shared(), &pcscd);
    seen.wait_inserted();
    let mut reader = PcscReader::open(READER).unwrap();
    reader.activate(Reset::Cold).unwrap();
    let error = reader.transmit(&ONE_OCTET, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind, LinkErrorKind::Unknown);
    // At once: without a wait for the card to come free.
    let mut other = PcscReader::open(READER).unwrap();
    other.activate(Reset::Cold).unwrap();
    assert!(send(&mut other, &LOOK).is_ok());
    drop(other);
    reader.activate(Reset::Cold).unwrap();
    assert!(send(&mut reader, &LOOK).is_ok(), "the same reader too");
}

#[test]
fn a_service_that_ends_is_named_and_one_that_comes_back_is_used() {
    let Some(mut pcscd) = Pcscd::start() else { return };
    let seen = Seen::start();
    let card = EchoCard::shared();
    let served = VirtualCard::present(&card, &pcscd);
    seen.wait_inserted();
    let mut reader = PcscReader::open(READER).unwrap();
    reader.activate(Reset::Cold).unwrap();
    pcscd.stop();
    assert!(matches!(served.end(), Err(ServeError::Closed)));
    assert_eq!(send(&mut reader, &COUNT), Err(LinkErrorKind::Unknown));
    let error = reader.activate(Reset::Cold).unwrap_err();
    assert_eq!(error.kind, LinkErrorKind::NotSent);
    assert!(error.detail.starts_with("pcscd is not running"), "{error}");
    assert!(matches!(list(), Err(PcscError::Service(_))));
    seen.wait(|event| matches!(event, WatchEvent::ServiceLost { .. }));

    pcscd.run();
    let _served = VirtualCard::present(&card, &pcscd);
    seen.wait_inserted();
    reader.activate(Reset::Cold).unwrap();
    assert_eq!(send(&mut reader, &LOOK).unwrap()[0], 0, "the command of before never came through");
}
