//! What the octets of a stamp card mean, for the window, logs, reports and `decode`.

use untorn::family::conversation::Explainer;
use untorn::wire::apdu::Command;
use untorn::wire::explain::{Parts, Told};
use untorn::wire::hex;
use untorn::wire::status::StatusWord;

use crate::data::{AID, CLASS, VISIT_LEN, ins};

/// A stamp card has no sessions and no secrets: each command explains itself.
pub(crate) struct StampExplainer;

fn number(octets: &[u8]) -> String {
    octets.iter().fold(0_u64, |number, octet| number << 8 | u64::from(*octet)).to_string()
}

fn deed(octets: &[u8]) -> String {
    match octets {
        [1] => "stamp".to_owned(),
        [2] => "coffee".to_owned(),
        other => hex::encode(other),
    }
}

fn visit(parts: &mut Parts<'_>) {
    parts.leaf(8, "visit", number).leaf(4, "time", number).leaf(1, "what", deed).leaf(1, "stamps", number);
}

const COUNT: &str = "GET, the count";
const CARD: &str = "GET, the card";

const fn name(command: &Command<'_>) -> Option<&'static str> {
    match (command.cla & !0x13, command.ins, command.p2) {
        (CLASS, ins::ADD_STAMP, _) => Some("ADD STAMP"),
        (CLASS, ins::REDEEM, _) => Some("REDEEM"),
        (CLASS, ins::FIND_VISIT, _) => Some("FIND VISIT"),
        (CLASS, ins::GET, 0) => Some(COUNT),
        (CLASS, ins::GET, 2) => Some(CARD),
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
        match command.ins {
            ins::ADD_STAMP | ins::REDEEM => {
                parts.leaf(8, "card", hex::encode).leaf(4, "counter", number);
                parts.leaf(8, "visit", number).leaf(4, "time", number);
            }
            _ => drop(parts.leaf(8, "visit", number)),
        }
        let data = Some(parts.done()).filter(|_| !command.data.is_empty());
        Told { name: Some(name.to_owned()), data, ..Told::default() }
    }

    fn answer(&mut self, _channel: u8, command: &Command<'_>, data: &[u8], _status: StatusWord) -> Told {
        let mut parts = Parts::new(data, 0);
        match name(command) {
            Some(COUNT) => drop(parts.leaf(1, "stamps", number).leaf(2, "coffees", number)),
            Some(CARD) => {
                parts.leaf(8, "card", hex::encode).leaf(4, "counter", number);
                parts.leaf(1, "stamps", number).leaf(2, "coffees", number);
                for _ in 0..data.len().saturating_sub(15) / VISIT_LEN {
                    visit(&mut parts);
                }
                parts.leaf(4, "checksum", hex::encode);
            }
            Some("ADD STAMP" | "REDEEM" | "FIND VISIT") => {
                parts.leaf(4, "counter", number);
                visit(&mut parts);
                parts.leaf(4, "checksum", hex::encode);
            }
            _ => return Told::default(),
        }
        let data = Some(parts.done()).filter(|_| !data.is_empty());
        Told { data, ..Told::default() }
    }
}
