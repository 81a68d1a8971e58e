//! An OpenPGP card by other hands (opcard), shown to PC/SC through vpcd (vpicc): `openpgp-card 127.0.0.1:35963`.
//!
//! Only what joins them is written here. The card forgets everything when the program ends.

mod backends;

use std::process::ExitCode;

use apdu_dispatch::dispatch::ApduDispatch;
use apdu_dispatch::interchanges::{Channel, Data, Requester};
use opcard::{Card, Client, Options};

/// The card behind the dispatcher that their device has before it.
struct Dispatched<T: Client> {
    card: Card<T>,
    dispatch: ApduDispatch<'static>,
    requester: Requester<'static>,
}

impl<T: Client> Dispatched<T> {
    fn new(card: Card<T>) -> Self {
        let (dispatch, requester) = dispatcher();
        Self { card, dispatch, requester }
    }

    fn lose_power(&mut self) {
        self.card.reset();
        (self.dispatch, self.requester) = dispatcher();
    }

    /// `None` where the dispatcher has no answer.
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        self.requester.request(Data::from_slice(command).ok()?).ok()?;
        // It takes a command in one step, and hands over a part of an answer in another.
        (0..4).find_map(|_| {
            self.dispatch.poll(&mut [&mut self.card]);
            Some(self.requester.take_response()?.to_vec())
        })
    }
}

/// The dispatcher, fresh after a reset. Its channels must outlive it, so each reset leaks a few kilooctets.
fn dispatcher() -> (ApduDispatch<'static>, Requester<'static>) {
    let channel = || Box::leak(Box::new(Channel::new())).split().expect("a new channel is whole");
    let ((requester, contact), (_, contactless)) = (channel(), channel());
    (ApduDispatch::new(contact, contactless), requester)
}

impl<T: Client> vpicc::VSmartCard for Dispatched<T> {
    fn power_off(&mut self) {
        self.lose_power();
    }

    fn reset(&mut self) {
        self.lose_power();
    }

    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        // 6F00: no precise diagnosis. An answer of no octets would hang the program at the reader.
        self.answer(command).unwrap_or_else(|| vec![0x6F, 0x00])
    }
}

fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: openpgp-card ADDRESS, such as 127.0.0.1:35963, where vpcd waits for cards");
        return ExitCode::from(3);
    };
    let end = backends::with_client("opcard", |client| {
        vpicc::connect_socket(&address)?.run(&mut Dispatched::new(Card::new(client, Options::default())))
    });
    match end {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            eprintln!("{address}: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
