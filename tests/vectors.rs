//! Every vector of `vectors/purse/` against the code that both sides of the purse share, and the keys that the guide publishes.

#![allow(clippy::unwrap_used, reason = "a vector that is not one should stop the test")]

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use untorn::crypto::des::TripleDesKey;
use untorn::crypto::ec::{Point, PrivateKey};
use untorn::family::purse::data::session::{CardState, Certificate, SelectAnswer};
use untorn::family::purse::data::transact::{ReceiptBody, TransactOrder, signed_message};
use untorn::family::purse::data::{CardId, Role, Suite, TerminalId};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::keys::epc1::{self, Parties};
use untorn::family::purse::keys::epc2::FirstHalf;
use untorn::family::purse::keys::{Mac, SessionKeys, SuiteKey};
use untorn::secret::Secret;
use untorn::wire::hex;
use untorn::wire::status::StatusWord;

struct Input<'a>(&'a Value);

impl Input<'_> {
    fn octets(&self, name: &str) -> Vec<u8> {
        let text = self.0[name].as_str().unwrap_or_else(|| panic!("input {name:?} is missing"));
        hex::parse(text).unwrap_or_else(|error| panic!("input {name:?}: {error}"))
    }

    fn fixed<const N: usize>(&self, name: &str) -> [u8; N] {
        let octets = self.octets(name);
        octets.try_into().unwrap_or_else(|_| panic!("input {name:?} is not {N} octets"))
    }

    fn number(&self, name: &str) -> u8 {
        u8::try_from(self.0[name].as_u64().unwrap()).unwrap()
    }

    fn parties(&self) -> Parties {
        Parties {
            terminal_nonce: self.fixed("nt"),
            card_nonce: self.fixed("nc"),
            card: CardId(self.fixed("cid")),
            terminal: TerminalId(self.fixed("tid")),
        }
    }

    fn epc1_session(&self) -> SessionKeys {
        epc1::session_keys(&Secret::new(self.fixed("card_key")), &self.parties()).unwrap()
    }

    fn first_half(&self) -> FirstHalf {
        let secret = |name| Secret::new(self.fixed(name));
        let (et, certificate) = (self.fixed("et"), self.fixed("cert_t"));
        FirstHalf::new(
            &self.octets("r0"),
            self.fixed("header"),
            &et,
            &certificate,
            &self.octets("opts"),
            &secret("z1"),
            &secret("z2"),
        )
    }

    /// Session keys given as such (EPC2), or derived (EPC1).
    fn session(&self) -> SessionKeys {
        match self.0.get("enc") {
            None => self.epc1_session(),
            Some(_) => {
                SessionKeys::from_parts(Suite::Epc2, ["enc", "mac", "rmac"].map(|name| self.fixed(name))).unwrap()
            }
        }
    }

    fn mac(&self, name: &str) -> Mac {
        let octets = self.octets(name);
        match octets.len() {
            8 => <[u8; 8]>::try_from(octets).unwrap().into(),
            _ => <[u8; 16]>::try_from(octets).unwrap().into(),
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The output in hex, or the reason of a refusal.
fn octets_of(operation: &str, input: &Input<'_>) -> Result<Vec<u8>, String> {
    Ok(match operation {
        "diversify" => epc1::diversify(&Secret::new(input.fixed("master")), CardId(input.fixed("cid")))
            .map_err(text)?
            .expose()
            .to_vec(),
        "encipher_card_id" => {
            let (key, nonce) = (TripleDesKey::new(input.fixed("kp")).map_err(text)?, input.fixed("nc"));
            let card = CardId(input.fixed("cid"));
            let enciphered = epc1::encipher_card_id(&key, nonce, card);
            assert_eq!(epc1::decipher_card_id(&key, nonce, enciphered), card);
            enciphered.to_vec()
        }
        "terminal_tag" => {
            let keys = input.epc1_session();
            let opts = input.octets("opts");
            epc1::terminal_tag(&keys, &input.octets("r0"), input.fixed("header"), &input.parties(), &opts)
                .as_bytes()
                .to_vec()
        }
        "encipher_state" => {
            let (keys, state) = (input.epc1_session(), input.octets("state"));
            let c3 = epc1::encipher_state(&keys, &state);
            assert_eq!(epc1::decipher_state(&keys, &c3), Some(state));
            c3
        }
        "card_tag" => {
            epc1::card_tag(&input.epc1_session(), &input.mac("tag_t"), &input.octets("c3")).as_bytes().to_vec()
        }
        "fold" => {
            let keys: Vec<Secret<16>> =
                input.octets("keys").chunks(16).map(|key| Secret::new(key.try_into().unwrap())).collect();
            let folded = epc1::fold(input.octets("cards").into_iter().zip(&keys)).map_err(text)?;
            folded.unwrap().expose().to_vec()
        }
        "triple_des_key" => TripleDesKey::new(input.fixed("key")).map(|_| Vec::new()).map_err(text)?,
        "protect_command" => command(input),
        "protect_answer" => answer(input),
        _ => return octets_of_epc2(operation, input),
    })
}

fn octets_of_epc2(operation: &str, input: &Input<'_>) -> Result<Vec<u8>, String> {
    Ok(match operation {
        "receipt_mac" => {
            let body = input.octets("body");
            let suite = serde_json::from_value(input.0["suite"].clone()).map_err(text)?;
            SuiteKey::new(suite, input.fixed("key")).map_err(text)?.mac(&body).as_bytes().to_vec()
        }
        "agree" => {
            let point = Point::new(&input.fixed("point")).map_err(text)?;
            PrivateKey::new(&input.fixed("private")).map_err(text)?.agree(&point).expose().to_vec()
        }
        "sign_certificate" => {
            let mut octets = input.octets("signed");
            octets.resize(148, 0xA5);
            let authority = PrivateKey::new(&input.fixed("authority")).map_err(text)?;
            Certificate::parse(&octets).map_err(text)?.signed(&authority).emit().to_vec()
        }
        "verify_certificate" => {
            let certificate = Certificate::parse(&input.octets("certificate")).map_err(text)?;
            let authority = Point::new(&input.fixed("authority")).map_err(text)?;
            certificate.verify(&authority).map_err(text)?;
            Vec::new()
        }
        "sign_receipt" => {
            let message = signed_message(&input.octets("body"));
            let key = PrivateKey::new(&input.fixed("private")).map_err(text)?;
            let signature = key.sign(&message);
            key.public().verify(&message, &signature).map_err(text)?;
            signature.to_vec()
        }
        "first_half_tag" => input.first_half().terminal_tag().as_bytes().to_vec(),
        "encipher_card_proof" => {
            let (half, proof) = (input.first_half(), input.octets("proof"));
            let c3 = half.encipher_card_proof(&proof);
            assert_eq!(half.decipher_card_proof(&c3), Some(proof));
            c3
        }
        "second_half_tag" => second_half(input).1.as_bytes().to_vec(),
        other => panic!("no such operation: {other}"),
    })
}

fn second_half(input: &Input<'_>) -> (SessionKeys, Mac) {
    input.first_half().finish(&input.octets("c3"), &Secret::new(input.fixed("z3")))
}

/// The whole command APDU, Le included.
fn command(input: &Input<'_>) -> Vec<u8> {
    let (keys, header) = (input.session(), input.fixed::<4>("header"));
    let ciphertext = keys.encipher_command(input.number("counter"), &input.octets("plaintext"));
    assert_eq!(keys.decipher_command(input.number("counter"), &ciphertext), Some(input.octets("plaintext")));
    let mac = keys.command_mac(&input.mac("mcv"), header, &ciphertext);
    let lc = u8::try_from(ciphertext.len() + mac.as_bytes().len()).unwrap();
    [&header[..], &[lc], &ciphertext, mac.as_bytes(), &[0]].concat()
}

/// The whole response APDU.
fn answer(input: &Input<'_>) -> Vec<u8> {
    let (keys, status) = (input.session(), input.octets("status"));
    let ciphertext = keys.encipher_answer(input.number("counter"), &input.octets("plaintext"));
    assert_eq!(keys.decipher_answer(input.number("counter"), &ciphertext), Some(input.octets("plaintext")));
    let word = StatusWord(u16::from_be_bytes([status[0], status[1]]));
    let mac = keys.answer_mac(&input.mac("mcv"), &ciphertext, word);
    [&ciphertext, mac.as_bytes(), &status].concat()
}

/// Session keys cannot be looked at; they are the right ones if they do what the right ones do.
fn same_keys(keys: &SessionKeys, expected: &[u8]) -> bool {
    let part = |index: usize| <[u8; 16]>::try_from(&expected[index * 16..(index + 1) * 16]).unwrap();
    let suite = if keys.mac_len() == 8 { Suite::Epc1 } else { Suite::Epc2 };
    let right = SessionKeys::from_parts(suite, [part(0), part(1), part(2)]).unwrap();
    let effects = |keys: &SessionKeys| {
        let chaining = Mac::from([0x5A; 16]);
        let command = keys.command_mac(&chaining, [1, 2, 3, 4], b"message");
        let answer = keys.answer_mac(&chaining, b"message", StatusWord::OK);
        [&keys.encipher_command(7, b"message"), command.as_bytes(), answer.as_bytes()].concat()
    };
    effects(keys) == effects(&right)
}

/// A layout: what is emitted must be what was read, and say what the vector says.
fn layout(operation: &str, octets: &[u8], input: &Input<'_>) -> Result<Value, String> {
    Ok(match operation {
        "order" => {
            let order = TransactOrder::parse(octets).map_err(text)?;
            assert_eq!(order.emit(), octets);
            let amount = order.principal().unwrap().amount();
            serde_json::json!({ "expected_counter": order.expected_counter, "amount": amount, "operations": order.operations.len() })
        }
        "receipt" => {
            let body = ReceiptBody::parse(octets).map_err(text)?;
            assert_eq!(body.emit()[..], *octets);
            assert_eq!(body.order_digest, TransactOrder::parse(&input.octets("order")).unwrap().digest());
            serde_json::json!({
                "transaction_counter": body.transaction_counter, "amount": body.amount,
                "balance_after": body.balance_after, "link": body.link().to_string(),
            })
        }
        "state" => {
            let state = CardState::parse(octets, Suite::Epc1).map_err(text)?;
            assert_eq!(state.emit(), octets);
            serde_json::json!({ "transaction_counter": state.transaction_counter, "balance": state.balance })
        }
        "select" => {
            let answer = SelectAnswer::parse(octets).map_err(text)?;
            assert_eq!(answer.emit(), octets);
            serde_json::json!({ "suites": answer.suites })
        }
        other => panic!("no such layout: {other}"),
    })
}

/// `Err` says how code and vector differ.
fn check(vector: &Value) -> Result<(), String> {
    let input = Input(&vector["input"]);
    let operation = vector["operation"].as_str().unwrap();
    let expected = &vector["output"];
    let got = match operation {
        "session_keys" | "second_half_keys" => {
            let keys = if operation == "session_keys" { input.epc1_session() } else { second_half(&input).0 };
            let expected = hex::parse(expected.as_str().unwrap()).unwrap();
            return if same_keys(&keys, &expected) { Ok(()) } else { Err("the keys differ".to_owned()) };
        }
        "order" | "receipt" | "state" | "select" => layout(operation, &input.octets("octets"), &input),
        _ => octets_of(operation, &input).map(|octets| Value::from(hex::encode(&octets))),
    };
    match (vector["expect"].as_str().unwrap(), got) {
        ("valid", Ok(got)) if got == *expected => Ok(()),
        ("invalid", Err(reason)) if reason.contains(expected.as_str().unwrap()) => Ok(()),
        (expect, got) => Err(format!("expected {expect}: {expected}\n     got {got:?}")),
    }
}

#[test]
fn every_vector() {
    let mut ids = BTreeSet::new();
    let mut failures = Vec::new();
    for file in fs::read_dir("vectors/purse").unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("schema.json") {
            continue;
        }
        let content: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for vector in content["vectors"].as_array().unwrap() {
            let id = vector["id"].as_str().unwrap().to_owned();
            if let Err(difference) = check(vector) {
                failures.push(format!("{id} ({}): {difference}", vector["why"].as_str().unwrap()));
            }
            assert!(ids.insert(id.clone()), "{id} stands twice");
        }
    }
    println!("{} vectors", ids.len());
    assert!(!ids.is_empty() && failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

/// They were computed in Python; whoever writes a terminal has them from there.
#[test]
fn the_keys_in_the_guide_are_those_of_the_test_cards() {
    let guide = fs::read_to_string("docs/testing-your-card.md").unwrap();
    let scheme = Scheme::test();
    let masters = [Role::Debit, Role::Credit, Role::Read].map(|role| scheme.master(1, 1, role));
    for key in [scheme.privacy_key()].iter().chain(&masters) {
        let key = hex::encode(key.expose());
        assert!(guide.contains(&format!("`{key}`")), "{key}");
    }
}
