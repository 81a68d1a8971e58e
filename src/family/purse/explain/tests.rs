//! The plain text of secure messaging against `vectors/purse`, which was computed outside in Python.

use serde_json::Value;

use super::*;
use crate::family::purse::keys::epc2::FirstHalf;
use crate::family::purse::keys::{Mac, SessionKeys};
use crate::wire::hex;

fn vector(file: &str, id: &str) -> Value {
    let text = match file {
        "epc1" => include_str!("../../../../vectors/purse/epc1.json"),
        _ => include_str!("../../../../vectors/purse/epc2.json"),
    };
    let all: Value = serde_json::from_str(text).unwrap();
    all["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id).unwrap().clone()
}

fn octets(value: &Value) -> Vec<u8> {
    hex::parse(value.as_str().unwrap()).unwrap()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    octets(value).try_into().unwrap()
}

/// S-ENC, S-MAC and S-RMAC of the session of the vectors.
fn session_keys(suite: Suite) -> SessionKeys {
    let parts = match suite {
        Suite::Epc1 => {
            let all = octets(&vector("epc1", "epc1-session-keys-001")["output"]);
            [0, 16, 32].map(|at| all[at..at + 16].try_into().unwrap())
        }
        Suite::Epc2 => {
            let input = &vector("epc2", "epc2-transact-command-001")["input"];
            ["enc", "mac", "rmac"].map(|name| fixed(&input[name]))
        }
    };
    SessionKeys::from_parts(suite, parts).unwrap()
}

/// A chaining value of a vector: 16 octets under EPC2, 8 under EPC1.
fn mac(suite: Suite, value: &Value) -> Mac {
    let octets = octets(value);
    let mut whole = [0; 16];
    whole[..octets.len()].copy_from_slice(&octets);
    match suite {
        Suite::Epc1 => Mac::from(<[u8; 8]>::try_from(&whole[..8]).unwrap()),
        Suite::Epc2 => Mac::from(whole),
    }
}

/// Octets, name and meaning of each field without fields inside it.
fn leaves(fields: &[Field]) -> Vec<(String, String, String)> {
    let leaf = |field: &Field| vec![(hex::encode(field.value()), field.name.clone(), field.meaning.clone())];
    fields.iter().flat_map(|field| if field.fields.is_empty() { leaf(field) } else { leaves(&field.fields) }).collect()
}

fn plain_of<'a>(told: &'a Told, name: &str) -> &'a [Field] {
    let field = told.data.as_ref().unwrap().iter().find(|field| field.name == name).unwrap();
    &field.plain.as_ref().unwrap_or_else(|| panic!("{field:?}")).fields
}

fn meaning<'a>(told: &'a Told, name: &str) -> &'a str {
    &told.data.as_ref().unwrap().iter().find(|field| field.name == name).unwrap().meaning
}

fn whole(fields: &[Field]) -> String {
    fields.iter().map(|field| hex::encode(&field.octets)).collect()
}

fn is(found: &[(String, String, String)], expected: &[(&str, &str, &str)]) {
    let found: Vec<(&str, &str, &str)> = found.iter().map(|(o, n, m)| (o.as_str(), n.as_str(), m.as_str())).collect();
    assert_eq!(found, expected);
}

/// TRANSACT and its receipt under both suites: the octets of the vectors' plain text, each field by its name and in words.
#[test]
fn transact_and_its_answer_open_to_the_plain_text_of_the_vectors() {
    for (suite, name, rm) in
        [(Suite::Epc1, "epc1", "8D4E77D861CB4BCC"), (Suite::Epc2, "epc2", "2FBC423721997928DF2FD2DC054973F8")]
    {
        let command = vector(name, &format!("{name}-transact-command-001"));
        let answer = vector(name, &format!("{name}-transact-answer-001"));
        let mut explainer = PurseExplainer::new();
        let keys = (session_keys(suite), mac(suite, &command["input"]["mcv"]));
        explainer.session = Some(Session::new(0, suite, Some(keys)));
        let sent = octets(&command["output"]);
        let sent = Command::parse(&sent).unwrap();
        let told = explainer.command(0, &sent);
        assert_eq!(meaning(&told, "C-MAC"), "right", "{suite}");
        let plain = plain_of(&told, "cipher text");
        assert_eq!(whole(plain), command["input"]["plaintext"].as_str().unwrap(), "{suite}");
        let expected = [
            ("01", "layout", "1"),
            ("00000008", "expTC, transaction counter expected", "8"),
            ("5445524D00000001", "TID, the terminal", ""),
            ("0000002A", "sequence of the terminal", "42"),
            ("DEADBEEF", "random part", ""),
            ("6566A000", "time of the terminal", "2023-11-29 02:20:48Z"),
            ("01", "logical card", "logical card 1"),
            ("00000064", "amount", "100 of the smallest unit"),
        ];
        is(&leaves(plain), &expected);

        let came = octets(&answer["output"]);
        let (data, status) = came.split_at(came.len() - 2);
        assert_eq!(status, [0x90, 0x00]);
        let told = explainer.answer(0, &sent, data, StatusWord::OK);
        assert_eq!(meaning(&told, "R-MAC"), "right", "{suite}");
        let plain = plain_of(&told, "cipher text");
        assert_eq!(whole(plain), answer["input"]["plaintext"].as_str().unwrap(), "{suite}");
        let expected = [
            ("01", "version", "1"),
            ("4341524400000001", "CID, card id", ""),
            ("00000008", "TC, transaction counter", "8"),
            ("5445524D00000001", "TID, the terminal", ""),
            ("0000002A", "sequence of the terminal", "42"),
            ("DEADBEEF", "random part", ""),
            ("01", "type", "sale"),
            ("00000064", "amount", "1.00 EUR"),
            ("0978", "currency", "EUR"),
            ("00000384", "balance after", "9.00 EUR"),
            ("6566A000", "time of the terminal", "2023-11-29 02:20:48Z"),
            ("70972CA45DC9293DCAA6C63438550FD6", "digest of the order", "SHA-256 of its plain text, first 16 octets"),
            ("0000000000000000", "prevLINK", "head of the receipt chain before"),
            (rm, "RM, receipt MAC", "only card and upper system can check it"),
        ];
        is(&leaves(plain), &expected);
    }
}

/// C3 of EPC2, from Z1 and Z2 of the vectors: certC and STATE.
#[test]
fn the_answer_to_auth_opens_to_the_plain_text_of_the_vectors() {
    let c3 = vector("epc2", "epc2-c3-001");
    let input = &c3["input"];
    let secret = |name: &str| Secret::new(fixed(&input[name]));
    let et: [u8; 64] = fixed(&input["et"]);
    let certificate = fixed(&input["cert_t"]);
    let opts = octets(&input["opts"]);
    let half = FirstHalf::new(
        &octets(&input["r0"]),
        fixed(&input["header"]),
        &et,
        &certificate,
        &opts,
        &secret("z1"),
        &secret("z2"),
    );
    let mut explainer = PurseExplainer::new();
    let point = crate::crypto::ec::Point::new(&et).unwrap();
    explainer.opening = Some(Opening::Epc2(Box::new(half), Box::new(point)));
    let command = [0x80, 0x86, 0x02, 0x00];
    let answer = [octets(&c3["output"]), octets(&vector("epc2", "epc2-tag-c-001")["output"])].concat();
    let told = explainer.answer(0, &Command::parse(&command).unwrap(), &answer, StatusWord::OK);
    let plain = plain_of(&told, "C3");
    assert_eq!(whole(plain), input["proof"].as_str().unwrap());
    let leaves = leaves(plain);
    let has = |octets: &str, name: &str, meaning: &str| {
        let wanted = (octets.to_owned(), name.to_owned(), meaning.to_owned());
        assert!(leaves.contains(&wanted), "{wanted:?} in {leaves:#?}");
    };
    has("43", "role", "of a card");
    has("4341524400000001", "subject id", "");
    has("00000007", "TC, transaction counter", "7");
    has("000003E8", "balance", "10.00 EUR");
    has("0978", "currency", "EUR");
    has("01", "flags", "PIN present");
}
