//! A card that is a table: rules of a command, a state and an answer, from a public report or a standard's text. What every rule would
//! need (lengths, chains, Le, channels) the engine does; a rule that stands before says where a card does it in another way.

use std::collections::BTreeMap;

use serde::Deserialize;
use untorn::card::memory::Memory;
use untorn::card::{Answer, Card};
use untorn::wire::apdu::Command;
use untorn::wire::hex;

/// A third of a long answer's octets would tell nothing about their order; it is enough for its length, which is 300.
const LONG: &str = "4C6F6E";
/// Channels of a scripted card.
const CHANNELS: usize = 4;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// CLA INS P1 P2 and data, without lengths: `?` any digit, `*` at the end any more octets.
    pub(crate) command: String,
    /// States of the command's channel, and what is said of the command: `le`, `target`, `full`, `elsewhere`, `waits`, `malformed`.
    #[serde(default)]
    pub(crate) when: BTreeMap<String, String>,
    /// Data and status word; `nn` is the number of the channel that was opened, `LONG` 300 octets.
    pub(crate) answer: String,
    /// States of the channel afterwards.
    #[serde(default)]
    pub(crate) set: BTreeMap<String, String>,
    /// What else it does: `open`, `open_own`, `close`, `give`.
    #[serde(default, rename = "do")]
    pub(crate) does: String,
    /// The data comes whatever Le is.
    #[serde(default)]
    pub(crate) le_ignored: bool,
}

/// What a card does with an answer of octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Manner {
    /// As much as Le permits, 61xx for the rest.
    Permitted,
    /// 61xx without data to a command with data (case 4), as on T=0.
    Fetched,
    /// 6Cxx to any Le but the right one.
    Exact,
}

pub(crate) struct Scripted {
    rules: Vec<Rule>,
    manner: Manner,
    atr: Vec<u8>,
    channels: Vec<BTreeMap<String, String>>,
    waiting: Option<(usize, Vec<u8>, [u8; 2])>,
    chain: Option<([u8; 4], Vec<u8>)>,
    memory: Memory,
}

impl Scripted {
    pub(crate) fn new(rules: Vec<Rule>, manner: Manner, atr: Vec<u8>) -> Self {
        let mut card = Self {
            rules,
            manner,
            atr,
            channels: Vec::new(),
            waiting: None,
            chain: None,
            memory: Memory::from_image(vec![0; 16]),
        };
        card.start();
        card
    }

    fn start(&mut self) {
        self.channels = vec![BTreeMap::new(); CHANNELS];
        self.channels[0].insert("open".to_owned(), "yes".to_owned());
        (self.waiting, self.chain) = (None, None);
    }

    fn is_open(&self, channel: usize) -> bool {
        self.channels.get(channel).is_some_and(|states| states.contains_key("open"))
    }

    fn carry_out(&mut self, octets: &[u8]) -> Vec<u8> {
        let parsed = Command::parse(octets);
        let mut header: [u8; 4] = octets[..4].try_into().unwrap();
        let is_malformed = parsed.is_err();
        let (mut data, le, extended) = match &parsed {
            Ok(command) => (command.data.to_vec(), command.le, command.extended),
            Err(_) => (Vec::new(), None, false),
        };
        // Interindustry classes and 8X, 9X have the chaining bit (ISO/IEC 7816-4:2020, 5.4.1).
        let chained = !is_malformed && header[0] & 0x10 != 0 && !(0x20..0x40).contains(&header[0]) && header[0] < 0xA0;
        if chained {
            header[0] &= !0x10;
            let (_, parts) = self.chain.take().filter(|(of, _)| *of == header).unwrap_or((header, Vec::new()));
            self.chain = Some((header, [parts, data].concat()));
            return vec![0x90, 0x00];
        }
        if let Some((_, parts)) = self.chain.take().filter(|(of, _)| *of == header) {
            data = [parts, data].concat();
        }
        let channel = usize::from(if header[0] & 0xC0 == 0x40 { 4 + (header[0] & 0x0F) } else { header[0] & 0x03 });
        let waited = self.waiting.take();
        let said = self.said(header, channel, le, is_malformed, waited.as_ref().map(|(of, ..)| *of));
        let command = hex::encode(&[&header[..], &data].concat());
        let Some(rule) = self.rules.iter().find(|rule| fits(rule, &command, &said)).cloned() else {
            return vec![0x6D, 0x00];
        };
        let number = self.act(&rule, channel, header[3].into());
        let octets = rule.answer.replace("nn", &format!("{number:02X}")).replace("LONG", &LONG.repeat(100));
        let answer = hex::parse(&octets).unwrap();
        let (mut data, status) = answer.split_last_chunk::<2>().map(|(data, status)| (data.to_vec(), *status)).unwrap();
        let mut status = status;
        if rule.does == "give" {
            let (_, octets, of) = waited.unwrap();
            (data, status) = (octets, of);
        }
        if rule.le_ignored || data.is_empty() {
            return [data, status.to_vec()].concat();
        }
        let is_case_4 = rule.does != "give" && command.len() > 8 && !extended;
        self.answer(channel, data, status, le.map(|le| le as usize), is_case_4, rule.does == "give")
    }

    /// What conditions of rules look at.
    fn said(
        &self,
        header: [u8; 4],
        channel: usize,
        le: Option<u32>,
        is_malformed: bool,
        waited: Option<usize>,
    ) -> BTreeMap<String, String> {
        let mut said = self.channels.get(channel).cloned().unwrap_or_default();
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        said.entry("open".to_owned()).or_insert_with(|| "no".to_owned());
        said.entry("selected".to_owned()).or_insert_with(|| "none".to_owned());
        said.insert("le".to_owned(), le.map_or("none".to_owned(), |le| le.to_string()));
        let target = usize::from(header[3]);
        let state = if target == 0 {
            "basic"
        } else if self.is_open(target) {
            "open"
        } else {
            "closed"
        };
        said.insert("target".to_owned(), state.to_owned());
        said.insert("full".to_owned(), yes((0..CHANNELS).all(|channel| self.is_open(channel))));
        let others = self.channels.iter().enumerate().filter(|(other, _)| *other != channel);
        let elsewhere = others.filter_map(|(_, states)| states.get("selected")).find(|name| *name != "none");
        said.insert("elsewhere".to_owned(), elsewhere.cloned().unwrap_or_else(|| "none".to_owned()));
        said.insert("waits".to_owned(), yes(waited == Some(channel)));
        said.insert("malformed".to_owned(), yes(is_malformed));
        said
    }

    /// The number of the channel that was opened.
    fn act(&mut self, rule: &Rule, channel: usize, target: usize) -> usize {
        let mut number = 0;
        match rule.does.as_str() {
            "open" => {
                number = (1..CHANNELS).find(|channel| !self.is_open(*channel)).unwrap_or(0);
                self.channels[number].insert("open".to_owned(), "yes".to_owned());
            }
            "open_own" => {
                self.channels[channel].insert("open".to_owned(), "yes".to_owned());
            }
            "close" => self.channels[target].clear(),
            "give" | "" => {}
            other => panic!("no such act: {other}"),
        }
        if let Some(states) = self.channels.get_mut(channel) {
            states.extend(rule.set.clone());
        }
        number
    }

    fn answer(
        &mut self,
        channel: usize,
        mut data: Vec<u8>,
        status: [u8; 2],
        ne: Option<usize>,
        is_case_4: bool,
        is_rest: bool,
    ) -> Vec<u8> {
        let Some(ne) = ne else { return status.to_vec() };
        let announced = |left: usize| vec![0x61, u8::try_from(left).unwrap_or(0)];
        if self.manner == Manner::Exact && ne != data.len().min(256) {
            let right = data.len().min(256) as u8;
            // The same command with the right Le follows: what waits still does.
            self.waiting = is_rest.then_some((channel, data, status));
            return vec![0x6C, right];
        }
        let given = if self.manner == Manner::Fetched && is_case_4 { 0 } else { ne };
        if data.len() <= given {
            return [data, status.to_vec()].concat();
        }
        let rest = data.split_off(given);
        let left = rest.len();
        self.waiting = Some((channel, rest, status));
        [data, announced(left)].concat()
    }
}

fn fits(rule: &Rule, command: &str, said: &BTreeMap<String, String>) -> bool {
    let pattern: String = rule.command.chars().filter(|c| !c.is_whitespace()).collect();
    let (pattern, is_open) = pattern.strip_suffix('*').map_or((pattern.as_str(), false), |pattern| (pattern, true));
    let digits = pattern.chars().zip(command.chars()).all(|(own, got)| own == '?' || own == got);
    let length = if is_open { command.len() >= pattern.len() } else { command.len() == pattern.len() };
    let holds = |(name, value): (&String, &String)| {
        let got = said.get(name).map_or("", String::as_str);
        value.strip_prefix('!').map_or(got == value, |not| got != not)
    };
    digits && length && rule.when.iter().all(holds)
}

impl Card for Scripted {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.memory.power_on();
        self.start();
        Some(self.atr.clone())
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        Answer::Response(if command.len() < 4 { vec![0x67, 0x00] } else { self.carry_out(command) })
    }

    fn power_off(&mut self) {
        self.memory.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}
