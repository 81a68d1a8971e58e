//! The layouts of `specs/purse.md` as fields with their values in words. Octets that are not what a layout asks for are shown as far as
//! they go: this only looks on.

use std::collections::BTreeMap;

use crate::crypto::ec::{POINT_LEN, SIGNATURE_LEN};
use crate::family::purse::data::session::{CERTIFICATE_EPOCH_DAY, CERTIFICATE_LEN, CardState};
use crate::family::purse::data::transact::{RECEIPT_BODY_LEN, ReceiptType};
use crate::family::purse::data::{LifeCycle, Suite};
use crate::money::Currency;
use crate::time::Moment;
use crate::wire::explain::{Field, Parts, objects};
use crate::wire::hex;
use crate::wire::tlv::{Tag, Tlv};

/// What the logical cards count in, as far as the conversation has said it.
pub(super) type Currencies = BTreeMap<u8, Currency>;

pub(super) fn silent(_: &[u8]) -> String {
    String::new()
}

pub(super) fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet))
}

pub(super) fn plain_number(octets: &[u8]) -> String {
    number(octets).to_string()
}

/// Octets as text in quotation marks where they are some, else nothing: the octets stand there anyway.
pub(super) fn text(octets: &[u8]) -> String {
    let printable = octets.iter().all(|octet| (0x20..0x7F).contains(octet));
    str::from_utf8(octets).ok().filter(|_| printable).map_or(String::new(), |text| format!("\"{text}\""))
}

fn money(currency: Option<Currency>, minor: u32) -> String {
    match currency {
        Some(currency) => currency.amount(u64::from(minor)),
        None => format!("{minor} of the smallest unit"),
    }
}

fn currency(octets: &[u8]) -> Option<Currency> {
    Currency::from_bcd(octets.try_into().ok()?)
}

fn currency_words(octets: &[u8]) -> String {
    currency(octets).map_or_else(|| "no currency: expected decimal digits".to_owned(), |currency| currency.to_string())
}

fn time(octets: &[u8]) -> String {
    Moment::from_seconds(number(octets)).to_string()
}

/// A day counted from 2016-01-01 as a date.
fn day(octets: &[u8]) -> String {
    let days = u64::from(number(octets)) + u64::from(CERTIFICATE_EPOCH_DAY);
    let moment = Moment::from_millis(days * 86_400_000).to_string();
    moment.split(' ').next().unwrap_or_default().to_owned()
}

fn layout(octets: &[u8]) -> String {
    if octets == [1] { "1".to_owned() } else { "a version that is not known".to_owned() }
}

pub(super) fn logical_card(octets: &[u8]) -> String {
    match octets {
        [0] => "the card as a whole".to_owned(),
        [id @ 1..=8] => format!("logical card {id}"),
        _ => "no logical card: expected 1 to 8".to_owned(),
    }
}

fn life_cycle(octets: &[u8]) -> String {
    let known = octets.first().and_then(|code| LifeCycle::from_code(*code));
    known.map_or_else(|| "no status: expected 00 to 03".to_owned(), |status| status.to_string())
}

/// Rights by their names; the upper octet names logical cards (REQ-AU2-3).
pub(super) fn rights(octets: &[u8]) -> String {
    let names = ["read", "debit", "credit", "refund", "administer", "collect", "block"];
    let set = |octet: u8| (0..8).filter(move |bit| octet & (1 << bit) != 0);
    let (cards, rights) = match *octets {
        [cards, rights] => (cards, rights),
        [rights] => (0, rights),
        _ => return String::new(),
    };
    let rights: Vec<&str> = set(rights).map(|bit| names.get(bit).copied().unwrap_or("reserved")).collect();
    let cards: Vec<String> = set(if cards == 0 { 1 } else { cards }).map(|bit| (bit + 1).to_string()).collect();
    let rights = if rights.is_empty() { "none".to_owned() } else { rights.join(", ") };
    if octets.len() == 1 { rights } else { format!("{rights}; for logical card {}", cards.join(", ")) }
}

/// TTID: terminal, its sequence, random octets.
pub(super) fn transaction(octets: &[u8], offset: usize) -> (String, Vec<Field>) {
    let mut parts = Parts::new(octets, offset);
    parts.leaf(8, "TID, the terminal", text);
    parts.leaf(4, "sequence of the terminal", plain_number).leaf(4, "random part", silent);
    let none = octets.iter().all(|octet| *octet == 0);
    (if none { "none yet".to_owned() } else { String::new() }, parts.done())
}

/// A point: X and Y.
pub(super) fn point(octets: &[u8], offset: usize) -> (String, Vec<Field>) {
    let mut parts = Parts::new(octets, offset);
    parts.leaf(32, "X", silent).leaf(32, "Y", silent);
    ("a point of P-256".to_owned(), parts.done())
}

/// A signature: r and s.
pub(super) fn signature(octets: &[u8], offset: usize) -> (String, Vec<Field>) {
    let mut parts = Parts::new(octets, offset);
    parts.leaf(32, "r", silent).leaf(32, "s", silent);
    ("ECDSA with SHA-256".to_owned(), parts.done())
}

/// A certificate (clause 4).
pub(super) fn certificate(octets: &[u8], offset: usize) -> (String, Vec<Field>) {
    let mut parts = Parts::new(octets, offset);
    parts.leaf(1, "version", layout);
    parts.leaf(1, "role", |octets| match octets {
        b"T" => "of a terminal".to_owned(),
        b"C" => "of a card".to_owned(),
        _ => "no role: expected 54 or 43".to_owned(),
    });
    parts.leaf(4, "issuer", plain_number).leaf(8, "subject id", text);
    parts.leaf(2, "first day", day).leaf(2, "last day", day).leaf(2, "rights", rights);
    parts.group(POINT_LEN, "public key", point).group(SIGNATURE_LEN, "signature of the authority", signature);
    (String::new(), parts.done())
}

/// The data objects inside A5 of R0 (clause 2).
fn offer(object: &Tlv<'_>) -> Field {
    let field = |name: &str, meaning: String, fields| Field::object(object, name, meaning, fields);
    match object.tag {
        Tag(0xC1) => {
            let mut parts = Parts::new(object.value, object.value_offset());
            parts.leaf(1, "version", layout).leaf(1, "suites", |octets| {
                let known = [(1, "EPC1"), (2, "EPC2")].iter().filter(|(bit, _)| octets[0] & bit != 0);
                known.map(|(_, name)| *name).collect::<Vec<_>>().join(" and ")
            });
            field("version and suites", String::new(), parts.done())
        }
        Tag(0xC2) => field("Nc", "nonce of the card".to_owned(), Vec::new()),
        Tag(0xC3) => field("ECID", "card id, enciphered".to_owned(), Vec::new()),
        Tag(0xC4) => {
            let (meaning, fields) = point(object.value, object.value_offset());
            field("Ec", format!("ephemeral key of the card, {meaning}"), fields)
        }
        Tag(0xC5) => field("key version", plain_number(object.value), Vec::new()),
        _ => field("data object that this version does not know", String::new(), Vec::new()),
    }
}

/// R0, the answer to SELECT. `card` is the CID in ECID, where the key is known.
pub(super) fn select_answer(octets: &[u8], card: Option<&str>) -> Option<Vec<Field>> {
    objects(octets, 0, &mut |object| {
        let inside = objects(object.value, object.value_offset(), &mut |object| match object.tag {
            Tag(0x84) => Field::object(object, "application identifier", "the purse", Vec::new()),
            Tag(0xA5) => {
                let offers = objects(object.value, object.value_offset(), &mut offer).unwrap_or_default();
                let offers = offers.into_iter().map(|field| with_card_id(field, card)).collect();
                Field::object(object, "proprietary information", "", offers)
            }
            _ => offer(object),
        });
        Field::object(object, "R0, file control information", "", inside.unwrap_or_default())
    })
}

fn with_card_id(field: Field, card: Option<&str>) -> Field {
    match card.and_then(|card| hex::parse(card).ok()).filter(|_| field.name.starts_with("C3 ")) {
        Some(card) => field.with_plain(PUBLIC_KEYS, vec![Field::new(0, &card, "CID, card id", text(&card))]),
        None => field,
    }
}

/// How plain text became known.
pub(super) const PUBLIC_KEYS: &str = "deciphered with public test keys";

/// opts of AUTH (clause 5).
pub(super) fn options(octets: &[u8], offset: usize) -> Vec<Field> {
    let object = |object: &Tlv<'_>| match object.tag {
        Tag(0x90) => {
            let cards: Vec<String> = object.value.iter().map(u8::to_string).collect();
            Field::object(object, "logical cards of the session", cards.join(", "), Vec::new())
        }
        Tag(0x91) => {
            let wanted = [(1, "details of the logical cards"), (2, "unratified receipts")];
            let bits = object.value.first().copied().unwrap_or(0);
            let wanted: Vec<&str> = wanted.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, words)| *words).collect();
            Field::object(object, "wanted records", wanted.join(" and "), Vec::new())
        }
        _ => Field::object(object, "option that is passed over", "", Vec::new()),
    };
    let inside = objects(octets, offset, &mut { object });
    let meaning = if inside.is_some() { "" } else { "no data objects throughout" };
    vec![Field::new(offset, octets, "opts", meaning).of(inside.unwrap_or_default())]
}

/// The plain text of TRANSACT (clause 6).
pub(super) fn order(octets: &[u8], currencies: &Currencies) -> Vec<Field> {
    let mut parts = Parts::new(octets, 0);
    parts.leaf(1, "layout", layout);
    parts.leaf(4, "expTC, transaction counter expected", plain_number);
    parts.group(16, "TTID, transaction id", transaction).leaf(4, "time of the terminal", time);
    parts.rest(|octets, offset| {
        let operations = objects(octets, offset, &mut |object| operation(object, currencies));
        operations.unwrap_or_else(|| vec![Field::new(offset, octets, "operations", "no data objects throughout")])
    });
    parts.done()
}

/// What the operations of an order come to, such as `debit of 380 JPY`.
pub(super) fn order_in_words(octets: &[u8], currencies: &Currencies) -> Option<String> {
    let words = |object: &Tlv<'_>| {
        let name = operation_name(object.tag)?;
        let currency = object.value.first().and_then(|card| currencies.get(card)).copied();
        let moves = matches!(object.tag.0, 0x80 | 0x84 | 0x85 | 0x87);
        let amount = object.value.get(1..5).filter(|_| moves).map(|amount| money(currency, number(amount)));
        Some(amount.map_or(name.to_owned(), |amount| format!("{name} of {amount}")))
    };
    let operations = crate::wire::tlv::iter(octets.get(25..)?);
    let words: Option<Vec<String>> = operations.map(|object| words(&object.ok()?)).collect();
    words.filter(|words| !words.is_empty()).map(|words| words.join(", "))
}

const fn operation_name(tag: Tag) -> Option<&'static str> {
    Some(match tag.0 {
        0x80 => "debit",
        0x81 => "write a record",
        0x82 => "append a record",
        0x83 => "count",
        0x84 => "refund",
        0x85 => "credit",
        0x86 => "life cycle",
        0x87 => "take-over",
        _ => return None,
    })
}

fn file(octets: &[u8]) -> String {
    match octets {
        [1] => "linear file".to_owned(),
        [2] => "cyclic file".to_owned(),
        _ => "no file: expected 01 or 02".to_owned(),
    }
}

fn operation(object: &Tlv<'_>, currencies: &Currencies) -> Field {
    let mut parts = Parts::new(object.value, object.value_offset());
    let currency = object.value.first().and_then(|card| currencies.get(card)).copied();
    let amount = |octets: &[u8]| money(currency, number(octets));
    parts.leaf(1, "logical card", logical_card);
    match object.tag.0 {
        0x80 | 0x85 => parts.leaf(4, "amount", amount),
        0x81 => parts.leaf(1, "file", file).leaf(1, "record", plain_number).leaf(16, "data of the record", text),
        0x82 => parts.leaf(1, "file", file).leaf(16, "data of the record", text),
        0x83 => parts.leaf(1, "direction", direction).leaf(4, "number", plain_number),
        0x84 => parts.leaf(4, "amount", amount).group(16, "TTID of the debit", transaction),
        0x86 => parts.leaf(1, "new status", life_cycle),
        0x87 => {
            parts.leaf(4, "amount", amount).leaf(8, "CID of the replaced card", text);
            parts.leaf(8, "LINK of the replaced card", silent)
        }
        _ => &mut parts,
    };
    let name = operation_name(object.tag).unwrap_or("operation that is not defined");
    Field::object(object, name, "", parts.done())
}

fn direction(octets: &[u8]) -> String {
    match octets {
        [0] => "count down".to_owned(),
        [1] => "count up".to_owned(),
        _ => "no direction: expected 00 or 01".to_owned(),
    }
}

/// A receipt body (clause 6).
pub(super) fn receipt_body(octets: &[u8], offset: usize) -> (String, Vec<Field>) {
    let counts = octets.get(34..36).and_then(currency);
    let amount = |octets: &[u8]| money(counts, number(octets));
    let mut parts = Parts::new(octets, offset);
    parts.leaf(1, "version", layout).leaf(8, "CID, card id", text);
    parts.leaf(4, "TC, transaction counter", plain_number).group(16, "TTID, transaction id", transaction);
    parts.leaf(1, "type", |octets| {
        let known = ReceiptType::from_code(octets[0]);
        known.map_or_else(|| "no type: expected 01 to 06".to_owned(), |receipt_type| receipt_type.to_string())
    });
    parts.leaf(4, "amount", amount).leaf(2, "currency", currency_words).leaf(4, "balance after", amount);
    parts.leaf(4, "time of the terminal", time);
    parts.leaf(16, "digest of the order", |_| "SHA-256 of its plain text, first 16 octets".to_owned());
    parts.leaf(8, "prevLINK", |_| "head of the receipt chain before".to_owned());
    let fields = parts.done();
    let words = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.meaning.clone());
    let summary = words("type").zip(words("amount")).map(|(kind, amount)| format!("{kind} of {amount}"));
    (summary.unwrap_or_default(), fields)
}

/// A receipt and what seals it: RM, or the card's signature.
pub(super) fn receipt(octets: &[u8], offset: usize, signed: bool) -> Vec<Field> {
    let mut parts = Parts::new(octets, offset);
    parts.group(RECEIPT_BODY_LEN, "receipt body", receipt_body);
    if signed {
        parts.group(SIGNATURE_LEN, "signature of the card", signature);
    } else {
        let len = parts.left();
        parts.leaf(len, "RM, receipt MAC", |_| "only card and upper system can check it".to_owned());
    }
    parts.done()
}

/// STATE (clause 5); notes what the logical cards count in.
pub(super) fn state(octets: &[u8], offset: usize, first: u8, currencies: &mut Currencies) -> (String, Vec<Field>) {
    let counts = octets.get(9..11).and_then(currency);
    currencies.extend(counts.map(|currency| (first, currency)));
    let mut parts = Parts::new(octets, offset);
    parts.leaf(1, "status", life_cycle).leaf(4, "TC, transaction counter", plain_number);
    parts.leaf(4, "balance", |octets| money(counts, number(octets))).leaf(2, "currency", currency_words);
    parts.group(16, "TTID of the last transaction", transaction);
    parts.leaf(1, "flags", flags).leaf(8, "LINK", |_| "head of the receipt chain".to_owned());
    parts.leaf(1, "number of unratified receipts", plain_number);
    parts.rest(|octets, offset| {
        let records = objects(octets, offset, &mut |object| record(object, currencies));
        records.unwrap_or_else(|| vec![Field::new(offset, octets, "records", "no data objects throughout")])
    });
    let fields = parts.done();
    let words = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.meaning.as_str());
    let summary = match (words("status"), words("balance")) {
        (Some(status), Some(balance)) => format!("{status}, balance {balance}"),
        _ => String::new(),
    };
    (summary, fields)
}

fn flags(octets: &[u8]) -> String {
    let names = [
        (CardState::PIN_PRESENT, "PIN present"),
        (CardState::VERIFIED_ON_DEVICE, "cardholder verified on the device"),
        (CardState::PIN_BLOCKED, "PIN blocked"),
    ];
    let set: Vec<&str> = names.iter().filter(|(bit, _)| octets[0] & bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "none".to_owned() } else { set.join(", ") }
}

fn record(object: &Tlv<'_>, currencies: &mut Currencies) -> Field {
    let (value, offset) = (object.value, object.value_offset());
    match object.tag {
        Tag(0xC0) => {
            let counts = value.get(9..11).and_then(currency);
            currencies.extend(value.first().copied().zip(counts));
            let amount = |octets: &[u8]| money(counts, number(octets));
            let mut parts = Parts::new(value, offset);
            parts.leaf(1, "logical card", logical_card).leaf(4, "operator", plain_number);
            parts.leaf(4, "balance", amount).leaf(2, "currency", currency_words).leaf(4, "maximum", amount);
            parts.leaf(4, "counter", plain_number).leaf(4, "PIN limit", amount);
            Field::object(object, "details of a logical card", "", parts.done())
        }
        Tag(0xC1) => Field::object(object, "unratified receipt", "", receipt(value, offset, false)),
        _ => Field::object(object, "record that this version does not know", "", Vec::new()),
    }
}

/// certC and STATE, the plain text of C3 under EPC2.
pub(super) fn card_proof(octets: &[u8], first: u8, currencies: &mut Currencies) -> (String, Vec<Field>) {
    let mut parts = Parts::new(octets, 0);
    parts.group(CERTIFICATE_LEN, "certC, certificate of the card", certificate);
    let mut summary = String::new();
    parts.rest(|octets, offset| {
        let (words, fields) = state(octets, offset, first, currencies);
        summary = words;
        vec![Field::new(offset, octets, "STATE", summary.clone()).of(fields)]
    });
    (summary, parts.done())
}

/// The data of AUTH (clauses 3 and 4). `tag` says of tagT what is known.
pub(super) fn auth(suite: Suite, octets: &[u8], tag: &str) -> Vec<Field> {
    let mut parts = Parts::new(octets, 0);
    match suite {
        Suite::Epc1 => {
            parts.leaf(8, "Nt", |_| "nonce of the terminal".to_owned()).leaf(8, "TID, the terminal", text);
            let opts = parts.left().saturating_sub(8);
            if opts > 0 {
                parts.group(opts, "opts", |octets, offset| {
                    options(octets, offset).pop().map_or_else(Default::default, |opts| (opts.meaning, opts.fields))
                });
            }
            parts.leaf(8, "tagT", |_| tag.to_owned());
        }
        Suite::Epc2 => {
            parts.group(POINT_LEN, "Et, ephemeral key of the terminal", point);
            parts.group(CERTIFICATE_LEN, "certT, certificate of the terminal", certificate);
            parts.leaf(16, "tagT", |_| tag.to_owned()).rest(options);
        }
    }
    parts.done()
}
