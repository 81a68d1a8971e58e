//! Commands and answers of the purse explained: every field by its name of `specs/purse.md`, its value in words, and the plain text of
//! secure messaging where the keys are the public test keys. A PIN is masked in plain text too.

mod fields;
mod keys;

use std::collections::BTreeMap;

use self::fields::{Currencies, PUBLIC_KEYS};
use self::keys::{Opening, Session, Unprotected};
use super::data::session::{Options, SelectAnswer};
use super::data::{AID, Role, Suite, ins, refusal};
use super::issuer::Scheme;
use crate::family::conversation::Explainer;
use crate::secret::Secret;
use crate::wire::apdu::Command;
use crate::wire::explain::{Field, Parts, Told};
use crate::wire::instruction;
use crate::wire::status::StatusWord;

/// What is known of the conversation with one card.
pub(super) struct PurseExplainer {
    scheme: Scheme,
    /// Z1 by Et.
    agreed: BTreeMap<Vec<u8>, Secret<32>>,
    /// Channel and R0 of the last SELECT.
    offer: Option<(u8, Vec<u8>)>,
    opening: Option<Opening>,
    session: Option<Session>,
    /// Logical cards of the AUTH, the first of which STATE is about.
    first_card: u8,
    currencies: Currencies,
}

impl PurseExplainer {
    /// Nothing has passed yet.
    pub(super) fn new() -> Self {
        Self {
            scheme: Scheme::test(),
            agreed: BTreeMap::new(),
            offer: None,
            opening: None,
            session: None,
            first_card: 1,
            currencies: Currencies::new(),
        }
    }

    fn select_answer(&mut self, channel: u8, data: &[u8]) -> Told {
        self.offer = Some((channel, data.to_vec()));
        let offered = SelectAnswer::parse(data).ok();
        let card = offered.and_then(|offer| keys::card_id(&self.scheme, &offer.epc1?));
        let card = card.map(|card| card.to_string());
        Told { data: fields::select_answer(data, card.as_deref()), ..Told::default() }
    }

    fn auth(&mut self, command: &Command<'_>) -> Told {
        (self.opening, self.session) = (None, None);
        let Some(suite) = Suite::from_p1(command.p1) else { return named("AUTH", undefined(command)) };
        let header = [command.cla & !0x13, command.ins, command.p1, command.p2];
        let r0 = self.offer.take().map(|(_, r0)| r0);
        self.opening = r0.as_deref().and_then(|r0| match suite {
            Suite::Epc1 => keys::opening_epc1(&self.scheme, r0, header, command.data),
            Suite::Epc2 => {
                let z1 = self.agreed.get(command.data.get(..64)?)?;
                keys::opening_epc2(&self.scheme, r0, header, command.data, z1)
            }
        });
        let opts = match suite {
            Suite::Epc1 => command.data.get(16..command.data.len().saturating_sub(8)),
            Suite::Epc2 => command.data.get(228..),
        };
        let options = opts.and_then(|opts| Options::parse(opts).ok()).unwrap_or_default();
        self.first_card = options.logical_cards.first().copied().unwrap_or(1);
        let tag = if self.opening.is_some() { "right: the terminal has proved itself" } else { "proves the terminal" };
        let parameters = [format!("suite {suite}"), reference(suite, command.p2)];
        let summary = Some(format!("AUTH, suite {suite}, {}", parameters[1]));
        let data = (!command.data.is_empty()).then(|| fields::auth(suite, command.data, tag));
        Told { data, summary, ..named("AUTH", parameters) }
    }

    /// C3 and tagC.
    fn auth_answer(&mut self, channel: u8, command: &Command<'_>, data: &[u8], status: StatusWord) -> Told {
        let Some(suite) = Suite::from_p1(command.p1) else { return Told::default() };
        let Some(cipher_len) = data.len().checked_sub(suite.mac_len()).filter(|_| status == StatusWord::OK) else {
            self.opening = None;
            return Told::default();
        };
        let c3 = &data[..cipher_len];
        let opened = self.opening.take().and_then(|opening| opening.open(&self.scheme, c3));
        let (mut plain, mut keys, mut tag) = (None, None, "proves the card");
        if let Some(opened) = opened {
            let currencies = &mut self.currencies;
            plain = Some(match suite {
                Suite::Epc1 => {
                    let (summary, inside) = fields::state(&opened.plaintext, 0, self.first_card, currencies);
                    let state = Field::new(0, &opened.plaintext, "STATE", summary.clone()).of(inside);
                    (summary, vec![state])
                }
                Suite::Epc2 => fields::card_proof(&opened.plaintext, self.first_card, currencies),
            });
            let right = opened.card_tag.is_some_and(|expected| expected.verify(&data[cipher_len..]));
            tag = if right { "right: the card has proved itself" } else { "wrong: not this card's tag" };
            keys = opened.keys.zip(opened.card_tag);
        }
        self.session = Some(Session::new(channel, suite, keys));
        let what = match suite {
            Suite::Epc1 => "STATE, enciphered",
            Suite::Epc2 => "certC and STATE, enciphered",
        };
        let mut parts = Parts::new(data, 0);
        parts.leaf(cipher_len, "C3", |_| what.to_owned()).leaf(suite.mac_len(), "tagC", |_| tag.to_owned());
        let mut data = parts.done();
        let summary =
            plain.as_ref().map_or_else(|| "session open".to_owned(), |(state, _)| format!("session open, {state}"));
        if let Some(((_, inside), c3)) = plain.zip(data.first_mut()) {
            *c3 = c3.clone().with_plain(PUBLIC_KEYS, inside);
        }
        Told { data: Some(data), summary: Some(summary), ..Told::default() }
    }

    fn protected(&mut self, channel: u8, command: &Command<'_>, name: &str) -> Told {
        let header = [command.cla & !0x03, command.ins, command.p1, command.p2];
        let session = self.session.as_mut().filter(|session| session.channel == channel);
        let told = named(name, parameters(command));
        if command.data.is_empty() {
            return told;
        }
        let Some(opened) = session.and_then(|session| session.command(header, command.data)) else {
            let words = "protected, and no session was seen to open, or it is over";
            let data = vec![Field::new(0, command.data, "cipher text and C-MAC", words)];
            return Told { data: Some(data), ..told };
        };
        let plain = opened.plaintext.as_deref();
        let inside = plain.map(|plain| self.plain_command(command, plain));
        let words = plain.and_then(|plain| self.in_words(command.ins, plain));
        let summary = words.map(|words| format!("{name}: {words}"));
        Told { data: Some(enciphered(command.data, &opened, "C-MAC", inside)), summary, ..told }
    }

    fn plain_command(&self, command: &Command<'_>, plain: &[u8]) -> Vec<Field> {
        let mut parts = Parts::new(plain, 0);
        match (command.ins, command.p2) {
            (ins::TRANSACT, _) => return fields::order(plain, &self.currencies),
            (ins::VERIFY, _) => {
                let masked = vec![0xFF; plain.len()];
                return vec![Field::new(0, &masked, "PIN", "masked with FF")];
            }
            (ins::READ, _) => {
                parts.leaf(1, "logical card", fields::logical_card);
                parts.leaf(1, "file", |octets| file_name(octets[0]).to_owned()).leaf(1, "record", fields::plain_number);
            }
            (ins::GET_RECEIPT, 1) => {
                parts.leaf(4, "TC, transaction counter", fields::plain_number);
            }
            (ins::GET_RECEIPT | ins::ACK, _) => {
                parts.group(16, "TTID, transaction id", fields::transaction);
            }
            _ => {
                parts.leaf(plain.len(), "data", fields::silent);
            }
        }
        parts.done()
    }

    /// The plain text of a command in a few words.
    fn in_words(&self, ins: u8, plain: &[u8]) -> Option<String> {
        match (ins, plain) {
            (ins::TRANSACT, _) => fields::order_in_words(plain, &self.currencies),
            (ins::READ, [card, file, record]) => {
                Some(format!("logical card {card}, {}, record {record}", file_name(*file)))
            }
            (ins::GET_RECEIPT, [_, _, _, _]) => Some(format!("TC {}", fields::number(plain))),
            (ins::GET_RECEIPT | ins::ACK, _) if plain.len() == 16 => {
                Some(format!("terminal {}, its order {}", fields::text(&plain[..8]), fields::number(&plain[8..12])))
            }
            _ => None,
        }
    }

    fn protected_answer(&mut self, channel: u8, command: &Command<'_>, data: &[u8], status: StatusWord) -> Told {
        let session = self.session.as_ref().filter(|session| session.channel == channel);
        let Some(opened) = session.and_then(|session| session.answer(data, status)) else {
            // Without an R-MAC no session goes on (REQ-SES-3).
            self.session = None;
            let whole =
                (!data.is_empty()).then(|| vec![Field::new(0, data, "cipher text and R-MAC", "no session is open")]);
            return Told { data: whole, ..Told::default() };
        };
        let inside = opened.plaintext.as_deref().map(|plain| plain_answer(command, plain));
        let summary = inside.as_ref().and_then(|fields| fields.first()).filter(|field| field.name == "receipt body");
        let summary = summary.map(|body| format!("receipt, {}", body.meaning));
        Told { data: Some(enciphered(data, &opened, "R-MAC", inside)), summary, ..Told::default() }
    }
}

/// Cipher text, with its plain text where that is known, and MAC.
fn enciphered(data: &[u8], opened: &Unprotected, mac: &str, inside: Option<Vec<Field>>) -> Vec<Field> {
    let mut parts = Parts::new(data, 0);
    let words = match opened {
        Unprotected { mac_is_right: None, .. } => "its keys are not known",
        Unprotected { plaintext: None, .. } => "wrong padding under the keys of the session",
        _ => "",
    };
    if opened.cipher_len > 0 {
        parts.leaf(opened.cipher_len, "cipher text", |_| words.to_owned());
    }
    let mac_words = match opened.mac_is_right {
        Some(true) => "right",
        Some(false) => "wrong",
        None => "its key is not known",
    };
    let mac_len = parts.left();
    parts.leaf(mac_len, mac, |_| mac_words.to_owned());
    let mut data = parts.done();
    if let Some((inside, first)) = inside.filter(|inside| !inside.is_empty()).zip(data.first_mut()) {
        *first = first.clone().with_plain(PUBLIC_KEYS, inside);
    }
    data
}

fn plain_answer(command: &Command<'_>, plain: &[u8]) -> Vec<Field> {
    match command.ins {
        _ if plain.is_empty() => Vec::new(),
        ins::TRANSACT => fields::receipt(plain, 0, false),
        ins::GET_RECEIPT => fields::receipt(plain, 0, command.p1 == 1),
        ins::READ => vec![Field::new(0, plain, "record", fields::text(plain))],
        _ => vec![Field::new(0, plain, "data", "")],
    }
}

fn named(name: &str, parameters: [String; 2]) -> Told {
    Told { name: Some(name.to_owned()), parameters: Some(parameters), ..Told::default() }
}

const fn file_name(file: u8) -> &'static str {
    match file {
        1 => "linear file",
        2 => "cyclic file",
        _ => "no such file",
    }
}

/// P2 of AUTH.
fn reference(suite: Suite, p2: u8) -> String {
    match (suite, Role::from_code(p2 >> 4)) {
        (Suite::Epc2, _) => format!("certification authority {p2}"),
        (Suite::Epc1, Some(role)) => format!("role {role}, key version {}", p2 & 0x0F),
        (Suite::Epc1, None) => format!("no role, key version {}", p2 & 0x0F),
    }
}

fn undefined(command: &Command<'_>) -> [String; 2] {
    [command.p1, command.p2].map(|octet| if octet == 0 { "no further information" } else { "not defined" }.to_owned())
}

/// P1 and P2 of a command of the session (clause 1).
fn parameters(command: &Command<'_>) -> [String; 2] {
    let [p1, p2] = undefined(command);
    match (command.ins, command.p1, command.p2) {
        (ins::VERIFY, _, 1) => [p1, "the PIN of the card".to_owned()],
        (ins::GET_RECEIPT, 0..=1, 0..=1) => {
            let seals = ["the receipt with its MAC", "the receipt signed by the card"];
            let keys = ["by TTID", "by TC"];
            [seals[usize::from(command.p1)].to_owned(), keys[usize::from(command.p2)].to_owned()]
        }
        _ => [p1, p2],
    }
}

/// The commands of clause 1 that exist in a session only.
const fn session_command(ins: u8) -> Option<&'static str> {
    Some(match ins {
        ins::VERIFY => "VERIFY",
        ins::READ => "READ",
        ins::GET_RECEIPT => "GET RECEIPT",
        ins::TRANSACT => "TRANSACT",
        ins::ACK => "ACK",
        _ => return None,
    })
}

/// A status word in the words of clauses 3 to 8; `None` where ISO's own words say it. `authentic`: under an R-MAC.
fn status_words(command: &Command<'_>, status: StatusWord, authentic: bool) -> Option<String> {
    if let Some(words) = refusal::words(status) {
        return Some(words.to_owned());
    }
    let words = match (command.ins, status.0) {
        (ins::AUTH, 0x6982) => "authentication failed",
        (_, 0x6982) if authentic => "the session has not the right, or not the logical card",
        (_, 0x6982) if session_command(command.ins).is_some() => "no session is open",
        (ins::TRANSACT, 0x6985) => "expTC is not the card's transaction counter and one",
        (_, 0x6988) => "wrong MAC or padding, the session is over",
        (ins::VERIFY, 0x6983) => "no tries are left, the PIN is blocked",
        (ins::VERIFY, 0x6A80) => "not a PIN: expected digits",
        (ins::VERIFY, 0x6A88) => "the card has no PIN",
        (ins::VERIFY, 0x63C0..=0x63CF) => return Some(format!("wrong PIN, tries left: {}", status.0 & 0x0F)),
        (ins::TRANSACT, 0x6A80) => "an operation is malformed, not known, or of amount 0",
        (ins::GET_RECEIPT, 0x6A81) => "the card has no key to sign with",
        (ins::GET_RECEIPT | ins::ACK, 0x6A88) => "no such receipt in the ring",
        (ins::READ | ins::TRANSACT, 0x6A83) => "no such file or record",
        _ => return None,
    };
    Some(words.to_owned())
}

/// What is in a class of the purse.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Interindustry,
    Plain,
    Protected,
}

const fn kind(cla: u8) -> Option<Kind> {
    match cla & !0x13 {
        0x00 => Some(Kind::Interindustry),
        0x80 => Some(Kind::Plain),
        0x84 => Some(Kind::Protected),
        _ => None,
    }
}

impl Explainer for PurseExplainer {
    fn owns(&self, aid: &[u8]) -> bool {
        aid == AID
    }

    fn recognises(&self, command: &Command<'_>) -> bool {
        let len = command.data.len();
        // AUTH by its certificate, or by a role and a key version; a command of a session by its parameters and a length that pads.
        match (kind(command.cla), command.ins, command.p1, command.p2) {
            (Some(Kind::Plain), ins::AUTH, 1, p2) => {
                (24..=64).contains(&len) && Role::from_code(p2 >> 4).is_some() && p2 & 0x0F != 0
            }
            (Some(Kind::Plain), ins::AUTH, 2, _) => len >= 228 && command.data[64..66] == [1, b'T'],
            (Some(Kind::Protected), ins::TRANSACT, 0, 0) => len >= 48 && len.is_multiple_of(8),
            (Some(Kind::Protected), ins::READ, 0, 0) => matches!(len, 16 | 32),
            (Some(Kind::Protected), ins::ACK, 0, 0) => matches!(len, 32 | 48),
            (Some(Kind::Protected), ins::GET_RECEIPT, 0..=1, 0..=1) => matches!(len, 16 | 32 | 48),
            _ => false,
        }
    }

    fn reset(&mut self) {
        (self.offer, self.opening, self.session) = (None, None, None);
    }

    fn key(&mut self, of: &[u8], secret: &[u8]) {
        if let Ok(secret) = secret.try_into() {
            self.agreed.insert(of.to_vec(), Secret::new(secret));
        }
    }

    fn command(&mut self, channel: u8, command: &Command<'_>) -> Told {
        match (kind(command.cla), command.ins) {
            (Some(Kind::Interindustry), ins::SELECT) if command.p1 == 4 => {
                (self.offer, self.opening, self.session) = (None, None, None);
                let aid = |aid| Some(vec![Field::new(0, aid, "application identifier", "the purse")]);
                let summary = Some("SELECT, the purse".to_owned());
                Told { data: aid(command.data), summary, ..Told::default() }
            }
            (Some(Kind::Interindustry), ins::GET_RECEIPT) if command.p1 == 1 => Told {
                parameters: Some(["about the card".to_owned(), test_data(command.p2).to_owned()]),
                ..Told::default()
            },
            (Some(Kind::Plain), ins::AUTH) => self.auth(command),
            (Some(Kind::Protected), ins) => match session_command(ins) {
                Some(name) => self.protected(channel, command, name),
                None => Told::default(),
            },
            (Some(Kind::Plain), ins) => match session_command(ins) {
                Some(name) => {
                    self.session = None;
                    named(&format!("{name} without secure messaging"), parameters(command))
                }
                None => Told::default(),
            },
            _ => Told::default(),
        }
    }

    fn answer(&mut self, channel: u8, command: &Command<'_>, data: &[u8], status: StatusWord) -> Told {
        let told = match (kind(command.cla), command.ins) {
            (Some(Kind::Interindustry), ins::SELECT) if status == StatusWord::OK => self.select_answer(channel, data),
            (Some(Kind::Interindustry), ins::GET_RECEIPT) if command.p1 == 1 && !data.is_empty() => {
                let words = if command.p2 == 0 { text_of(data) } else { String::new() };
                let data = Some(vec![Field::new(0, data, test_data(command.p2), words)]);
                Told { data, ..Told::default() }
            }
            (Some(Kind::Plain), ins::AUTH) => self.auth_answer(channel, command, data, status),
            (Some(Kind::Protected), ins) if session_command(ins).is_some() => {
                self.protected_answer(channel, command, data, status)
            }
            _ => Told::default(),
        };
        let interindustry = instruction::name(command.cla, command.ins).is_some();
        let words = if interindustry { None } else { status_words(command, status, !data.is_empty()) };
        Told { status: words, ..told }
    }
}

/// GET DATA of clause 1.
const fn test_data(p2: u8) -> &'static str {
    match p2 {
        0 => "a text about the card",
        1 => "600 octets, each its place modulo 251",
        _ => "not defined",
    }
}

fn text_of(octets: &[u8]) -> String {
    fields::text(octets).trim_end_matches(['"', ' ']).trim_start_matches('"').to_owned()
}

#[cfg(test)]
mod tests;
