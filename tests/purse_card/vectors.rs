//! The published payment of each suite, replayed against the card octet for octet.

use serde_json::Value;
use untorn::card::{Answer, Card};
use untorn::entropy::Entropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::data::{Link, Suite};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::profile::PurseProfile;
use untorn::wire::hex;

/// Gives these octets, then panics: a card must draw what the vector says and no more.
struct Scripted(Vec<u8>);

impl Entropy for Scripted {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0[..buffer.len()]);
        self.0.drain(..buffer.len());
    }
}

fn vector(file: &str, id: &str) -> Value {
    let text = std::fs::read_to_string(format!("vectors/purse/{file}.json")).unwrap();
    let content: Value = serde_json::from_str(&text).unwrap();
    let vectors = content["vectors"].as_array().unwrap();
    vectors.iter().find(|vector| vector["id"] == id).unwrap_or_else(|| panic!("no vector {id}")).clone()
}

fn octets(value: &Value) -> Vec<u8> {
    hex::parse(value.as_str().unwrap()).unwrap()
}

fn card(suite: Suite, entropy: &str) -> PurseCard {
    let mut profile = PurseProfile::built_in("vector").unwrap().with_suites(&[suite]);
    profile.first_link = Some(Link([0; 8]));
    let entropy: Box<dyn Entropy> = Box::new(Scripted(hex::parse(entropy).unwrap()));
    let mut card = PurseCard::personalise(&profile, &Scheme::test(), entropy).unwrap();
    card.reset().unwrap();
    card
}

fn exchange(card: &mut PurseCard, command: &[u8]) -> String {
    match card.process(command) {
        Answer::Response(response) => hex::encode(&response),
        Answer::Mute => "mute".to_owned(),
    }
}

const SELECT: &str = "00A4040009F0455055525345000100";

fn replay(card: &mut PurseCard, r0: &Value, auth: &[u8], auth_answer: &[u8], command: &Value, answer: &Value) {
    let r0 = r0.as_str().unwrap();
    assert_eq!(exchange(card, &hex::parse(SELECT).unwrap()), format!("{r0}9000"), "SELECT");
    assert_eq!(exchange(card, auth), format!("{}9000", hex::encode(auth_answer)), "AUTH");
    assert_eq!(exchange(card, &octets(&command["output"])), answer["output"].as_str().unwrap(), "TRANSACT");
    let after = card.inspect();
    assert_eq!((after.transaction_counter, after.logical_cards[0].balance), (8, 900));
    assert_eq!(after.link.to_string(), "FD05BF345C25CED1", "LINK of the published payment");
}

#[test]
fn epc1_payment() {
    let (tag, c3, tag_c) =
        (vector("epc1", "epc1-tag-t-001"), vector("epc1", "epc1-c3-001"), vector("epc1", "epc1-tag-c-001"));
    let input = &tag["input"];
    let data = [octets(&input["nt"]), octets(&input["tid"]), octets(&tag["output"])].concat();
    let auth = [&[0x80, 0x86, 0x01, 0x01, 24][..], &data, &[0]].concat();
    let mut card = card(Suite::Epc1, "C0C1C2C3C4C5C6C7");
    let auth_answer = [octets(&c3["output"]), octets(&tag_c["output"])].concat();
    let command = vector("epc1", "epc1-transact-command-001");
    replay(&mut card, &input["r0"], &auth, &auth_answer, &command, &vector("epc1", "epc1-transact-answer-001"));
}

#[test]
fn epc2_payment() {
    let (tag, c3, tag_c) =
        (vector("epc2", "epc2-tag-t-001"), vector("epc2", "epc2-c3-001"), vector("epc2", "epc2-tag-c-001"));
    let input = &tag["input"];
    let data = [octets(&input["et"]), octets(&input["cert_t"]), octets(&tag["output"])].concat();
    let auth = [&[0x80, 0x86, 0x02, 0x00, 228][..], &data, &[0]].concat();
    let mut card = card(Suite::Epc2, "1EB85F4D6A3234CE7ACB8C51C75930F12E952517E2E389914A6CA8F89A881A0E");
    let auth_answer = [octets(&c3["output"]), octets(&tag_c["output"])].concat();
    let command = vector("epc2", "epc2-transact-command-001");
    replay(&mut card, &input["r0"], &auth, &auth_answer, &command, &vector("epc2", "epc2-transact-answer-001"));
}
