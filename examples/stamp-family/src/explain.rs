//! What the octets of a stamp card mean, for the window, logs, reports and `decode`.

use untorn::family::conversation::Explainer;
use untorn::wire::apdu::Command;
use untorn::wire::explain::{Parts, Told};
use untorn::wire::status::StatusWord;

use crate::card::{AID, CLASS, ins};

/// A stamp card has no sessions and no secrets: each command explains itself.
pub(crate) struct StampExplainer;

fn number(octets: &[u8]) -> String {
    octets.iter().fold(0_u32, |number, octet| number << 8 | u32::from(*octet)).to_string()
}

/// The commands that are answered with the values of the card.
const fn name(command: &Command<'_>) -> Option<&'static str> {
    match (command.cla & !0x13, command.ins, command.p2) {
        (CLASS, ins::ADD_STAMP, _) => Some("ADD STAMP"),
        (CLASS, ins::REDEEM, _) => Some("REDEEM"),
        (CLASS, ins::FIND_VISIT, _) => Some("FIND VISIT"),
        (CLASS, ins::GET, 0) => Some("GET, the values"),
        (CLASS, ins::GET, _) => Some("GET, the terms"),
        _ => None,
    }
}

impl Explainer for StampExplainer {
    fn owns(&self, aid: &[u8]) -> bool {
        aid == AID
    }

    fn command(&mut self, _channel: u8, command: &Command<'_>) -> Told {
        let Some(name) = name(command) else { return Told::default() };
        let mut parts = Parts::new(command.data, 0);
        parts.leaf(4, "visit", number);
        let data = Some(parts.done()).filter(|_| !command.data.is_empty());
        Told { name: Some(name.to_owned()), data, ..Told::default() }
    }

    fn answer(&mut self, _channel: u8, command: &Command<'_>, data: &[u8], _status: StatusWord) -> Told {
        if data.is_empty() || matches!(name(command), None | Some("FIND VISIT" | "GET, the terms")) {
            return Told::default();
        }
        let mut parts = Parts::new(data, 0);
        parts.leaf(1, "stamps", number).leaf(2, "coffees", number);
        Told { data: Some(parts.done()), ..Told::default() }
    }
}
