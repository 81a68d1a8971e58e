//! A conversation with a card, explained: each answer in the light of its command, each command in the light of what is selected on its
//! logical channel. Chained commands and answers that are fetched by GET RESPONSE are explained as the one thing that they are.

use super::{Family, families};
use crate::wire::apdu::{Command, Response};
use crate::wire::explain::{self, Explanation, Field, Told, clipped};
use crate::wire::status::{Kind, StatusWord};
use crate::wire::tag::Dictionary;
use crate::wire::tlv::{self, Tag};
use crate::wire::{desfire, instruction};

/// Explains the commands and answers of one family in one conversation. It only looks on, and remembers what it needs.
pub trait Explainer: Send {
    /// Whether this application is one of the family's.
    fn owns(&self, aid: &[u8]) -> bool;

    /// Whether this command is surely one of the family's though nobody saw what was selected.
    fn recognises(&self, _command: &Command<'_>) -> bool {
        false
    }

    /// The card was reset, or has no power: sessions are over.
    fn reset(&mut self) {}

    /// A secret that one side wrote down for the explanation; `of` says what it belongs to.
    fn key(&mut self, _of: &[u8], _secret: &[u8]) {}

    /// A command to an application of the family, the links of a chain put together; its selection too.
    fn command(&mut self, channel: u8, command: &Command<'_>) -> Told;

    /// The whole answer to it.
    fn answer(&mut self, channel: u8, command: &Command<'_>, data: &[u8], status: StatusWord) -> Told;
}

/// What passes between a terminal and a card.
#[derive(Debug, Clone, Copy)]
pub enum Passed<'a> {
    /// The card was powered on or reset.
    Reset,
    /// It was powered off, or is gone.
    PowerOff,
    /// A command; `masked` where a secret in it was replaced.
    Command {
        /// Command APDU.
        octets: &'a [u8],
        /// A PIN in it is FF.
        masked: bool,
    },
    /// The answer to it.
    Answer(&'a [u8]),
    /// No answer came.
    Silence,
    /// A secret for the explanation.
    Key {
        /// What it belongs to.
        of: &'a [u8],
        /// The secret.
        secret: &'a [u8],
    },
    /// Something else, which explains itself.
    Other,
}

/// What is selected on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selected {
    /// The beginning was not seen.
    Unknown,
    /// Nothing, or an application of no family.
    Foreign,
    /// An application of this family.
    Family(usize),
}

/// A command whose answer is awaited, or comes in pieces.
#[derive(Debug, Clone)]
struct Asked {
    /// The links of a chain put together.
    octets: Vec<u8>,
    channel: u8,
    family: Option<usize>,
    /// Link of a chain that goes on.
    link: bool,
}

/// Pieces of one command or answer, each with the number of the event in which it passed.
type Pieces = Vec<(usize, Vec<u8>)>;

/// Octets that one command or answer has in all its pieces: twice what extended lengths allow. What is longer is no longer put together,
/// so that a log of any length is explained in bounded memory.
const PIECES_LEN_MAX: usize = 1 << 17;

fn len(pieces: &Pieces) -> usize {
    pieces.iter().map(|(_, piece)| piece.len()).sum()
}

/// Channels of ISO/IEC 7816-4:2020, 5.4.1.
const CHANNELS: usize = 20;

/// A conversation as far as it has come.
pub struct Conversation {
    explainers: Vec<Option<Box<dyn Explainer>>>,
    families: Vec<&'static str>,
    names: Vec<Dictionary<'static>>,
    channels: [Selected; CHANNELS],
    chain: Option<(Asked, Pieces)>,
    answer: Option<(Asked, Pieces)>,
    asked: Option<Asked>,
    number: usize,
}

impl Default for Conversation {
    fn default() -> Self {
        Self::of(families())
    }
}

/// An event by its number, from 0, and what it says; an event is explained again when a later one completes it.
pub type Explained = Vec<(usize, Explanation)>;

impl Conversation {
    /// One in which these families may have a say.
    pub fn of(families: &[Box<dyn Family>]) -> Self {
        Self {
            explainers: families.iter().map(|family| family.explainer()).collect(),
            families: families.iter().map(|family| family.name()).collect(),
            names: families.iter().map(|family| family.tags()).collect(),
            channels: [Selected::Unknown; CHANNELS],
            chain: None,
            answer: None,
            asked: None,
            number: 0,
        }
    }

    /// What passed, all of it, explained; `None` for what is neither command nor answer.
    pub fn explain<'a>(passed: impl IntoIterator<Item = Passed<'a>>) -> Vec<Option<Explanation>> {
        let (mut conversation, mut all) = (Self::default(), Vec::new());
        for passed in passed {
            all.push(None);
            for (number, explanation) in conversation.next(passed) {
                all[number] = Some(explanation);
            }
        }
        all
    }

    /// A command of which nobody knows what came before it; `None` where no family takes it for one of its own.
    pub fn command_alone(octets: &[u8]) -> Option<Explanation> {
        let explained = Self::default().next(Passed::Command { octets, masked: false });
        explained.into_iter().map(|(_, explanation)| explanation).find(|explanation| explanation.family.is_some())
    }

    /// An answer of which nobody knows the command; `None` where it does not say itself that it answers the SELECT of a family.
    pub fn answer_alone(octets: &[u8]) -> Option<Explanation> {
        let object = |octets, tag| tlv::iter(octets).filter_map(Result::ok).find(|object| object.tag == Tag(tag));
        let control = object(Response::parse(octets).ok()?.data, 0x6F)?;
        let name = object(control.value, 0x84)?.value;
        let select = [&[0x00, 0xA4, 0x04, 0x00, u8::try_from(name.len()).ok()?], name].concat();
        let mut conversation = Self::default();
        conversation.next(Passed::Command { octets: &select, masked: false });
        let explained = conversation.next(Passed::Answer(octets));
        explained.into_iter().map(|(_, explanation)| explanation).find(|explanation| explanation.family.is_some())
    }

    /// What passed next.
    pub fn next(&mut self, passed: Passed<'_>) -> Explained {
        let number = self.number;
        self.number += 1;
        match passed {
            Passed::Reset | Passed::PowerOff => {
                (self.chain, self.answer, self.asked) = (None, None, None);
                self.channels = [Selected::Foreign; CHANNELS];
                self.explainers.iter_mut().flatten().for_each(|explainer| explainer.reset());
                Vec::new()
            }
            Passed::Key { of, secret } => {
                self.explainers.iter_mut().flatten().for_each(|explainer| explainer.key(of, secret));
                Vec::new()
            }
            Passed::Silence => {
                self.asked = None;
                Vec::new()
            }
            Passed::Command { octets, masked } => self.command(number, octets, masked),
            Passed::Answer(octets) => self.answer(number, octets),
            Passed::Other => Vec::new(),
        }
    }

    /// The family that this command is for.
    fn family(&self, channel: u8, command: &Command<'_>) -> Option<usize> {
        let of = |is_its: &dyn Fn(&dyn Explainer) -> bool| {
            self.explainers.iter().position(|explainer| explainer.as_deref().is_some_and(is_its))
        };
        if let Some(aid) = selects(command) {
            return of(&|explainer| explainer.owns(aid));
        }
        match self.channels.get(usize::from(channel))? {
            Selected::Family(family) => Some(*family),
            Selected::Foreign => None,
            Selected::Unknown => of(&|explainer| explainer.recognises(command)),
        }
    }

    /// What a family says, with its name where it says anything.
    fn told(&mut self, family: Option<usize>, say: impl FnOnce(&mut dyn Explainer) -> Told) -> Option<Told> {
        let told = say(self.explainers.get_mut(family?)?.as_deref_mut()?);
        let name = self.families.get(family?).copied().filter(|_| told != Told::default());
        Some(Told { family: name, ..told })
    }

    /// What passed before the event of this number is not explained again.
    pub fn settled(&self) -> usize {
        let first = |open: &Option<(Asked, Pieces)>| Some(open.as_ref()?.1.first()?.0);
        let open = [first(&self.chain), first(&self.answer)];
        open.into_iter().flatten().min().unwrap_or(self.number)
    }

    fn command(&mut self, number: usize, octets: &[u8], masked: bool) -> Explained {
        let Ok(command) = Command::parse(octets) else {
            (self.chain, self.answer, self.asked) = (None, None, None);
            return vec![(number, explain::command(octets, masked, Told::default(), &[]))];
        };
        let channel = command.class().channel().unwrap_or(0);
        if is_get_response(&command) && self.answer.is_some() {
            self.asked = self.answer.as_ref().map(|(asked, _)| asked.clone());
            let told = Told { summary: Some("GET RESPONSE: the rest of the answer".to_owned()), ..Told::default() };
            return vec![(number, explain::command(octets, masked, told, &[]))];
        }
        self.answer = None;
        let links = self
            .chain
            .take()
            .filter(|(first, pieces)| is_next_link(&first.octets, &command) && len(pieces) <= PIECES_LEN_MAX);
        let mut pieces = links.map(|(_, pieces)| pieces).unwrap_or_default();
        pieces.push((number, octets.to_vec()));
        let family = self.family(channel, &command);
        // DESFire's native commands are wrapped in class 90, which is no chain there.
        let is_native = family.is_none() && desfire::wraps(command.header());
        if command.class().chaining() && !is_native {
            let asked = Asked { octets: octets.to_vec(), channel, family, link: true };
            self.asked = Some(asked.clone());
            self.chain = Some((asked, pieces));
            let part = vec![Field::new(0, command.data, "part of the data, the rest follows in the next command", "")];
            let told = Told { data: Some(part).filter(|_| !command.data.is_empty()), ..Told::default() };
            return vec![(number, explain::command(octets, masked, told, &[]))];
        }
        let data: Vec<u8> = pieces.iter().flat_map(|(_, link)| data_of(link).to_vec()).collect();
        let whole = command.with_data(&data);
        let told = self.told(family, |explainer| explainer.command(channel, &whole)).unwrap_or_default();
        self.asked = Some(Asked { octets: whole.emit(), channel, family, link: false });
        let told = match told.data {
            None if pieces.len() > 1 => {
                Told { data: Some(explain::data_of(&whole, 0, masked, self.names(family))), ..told }
            }
            _ => told,
        };
        self.links(&pieces, masked, &told, family)
    }

    /// What this family calls its tags; a card of no family has none of its own.
    fn names(&self, family: Option<usize>) -> &[Dictionary<'static>] {
        family.and_then(|family| self.names.get(family..=family)).unwrap_or_default()
    }

    /// Each link of a chain by its part of the whole.
    fn links(&self, pieces: &Pieces, masked: bool, told: &Told, family: Option<usize>) -> Explained {
        let mut at = 0;
        let explained = pieces.iter().enumerate().map(|(index, (number, link))| {
            let range = at..at + data_of(link).len();
            at = range.end;
            let part =
                |fields: &Vec<Field>| clipped(fields, &range).into_iter().map(|f| back(f, range.start)).collect();
            let mut told = Told { data: told.data.as_ref().filter(|_| !masked).map(part), ..told.clone() };
            if pieces.len() > 1 {
                let name = told.summary.or(told.name.clone()).or_else(|| name_of(link)).unwrap_or_default();
                told.summary = Some(format!("{name}, part {} of {}", index + 1, pieces.len()));
            }
            (*number, explain::command(link, masked, told, self.names(family)))
        });
        explained.collect()
    }

    fn answer(&mut self, number: usize, octets: &[u8]) -> Explained {
        let alone = |octets| vec![(number, explain::response(octets, Told::default(), &[]))];
        let (Some(asked), Ok(response)) = (self.asked.take(), Response::parse(octets)) else {
            return alone(octets);
        };
        if asked.link {
            return alone(octets);
        }
        let before = self.answer.take().map(|(_, pieces)| pieces).filter(|pieces| len(pieces) <= PIECES_LEN_MAX);
        let mut pieces = before.unwrap_or_default();
        pieces.push((number, octets.to_vec()));
        if matches!(response.status.kind(), Kind::BytesAvailable(_)) {
            self.select(&asked, response.data, response.status);
            self.answer = Some((asked, pieces));
            let part =
                vec![Field::new(0, response.data, "part of the answer, the rest is fetched by GET RESPONSE", "")];
            let told = Told { data: Some(part).filter(|_| !response.data.is_empty()), ..Told::default() };
            return vec![(number, explain::response(octets, told, &[]))];
        }
        let data: Vec<u8> = pieces.iter().flat_map(|(_, piece)| data_of_answer(piece).to_vec()).collect();
        self.select(&asked, &data, response.status);
        let family = asked.family.filter(|_| !manages_channels(&asked.octets));
        let told = Command::parse(&asked.octets).map_or_else(
            |_| Told::default(),
            |command| {
                let say =
                    |explainer: &mut dyn Explainer| explainer.answer(asked.channel, &command, &data, response.status);
                self.told(family, say).unwrap_or_else(|| channel_opened(&command, &data))
            },
        );
        let command = Command::parse(&asked.octets).ok();
        if pieces.len() == 1 {
            return vec![(number, explain::answer(command.as_ref(), octets, told, self.names(family)))];
        }
        let whole = [&data[..], &response.status.to_bytes()].concat();
        let whole = explain::answer(command.as_ref(), &whole, told.clone(), self.names(family));
        Self::pieces_of_answer(&pieces, whole.fields, &told)
    }

    /// Each piece of an answer by its part of the whole.
    fn pieces_of_answer(pieces: &Pieces, mut fields: Vec<Field>, told: &Told) -> Explained {
        // Each piece has a status word of its own.
        fields.pop();
        let mut at = 0;
        let explained = pieces.iter().enumerate().map(|(index, (number, piece))| {
            let range = at..at + data_of_answer(piece).len();
            at = range.end;
            let data = clipped(&fields, &range).into_iter().map(|field| back(field, range.start)).collect();
            let of = told.summary.as_ref().map_or(String::new(), |summary| format!("{summary}, "));
            let summary = Some(format!("{of}part {} of {} of the answer", index + 1, pieces.len()));
            let status = told.status.clone().filter(|_| index + 1 == pieces.len());
            let told = Told { data: Some(data), status, summary, family: told.family, ..Told::default() };
            (*number, explain::response(piece, told, &[]))
        });
        explained.collect()
    }

    /// What a command did to the selection on its channel or another.
    fn select(&mut self, asked: &Asked, data: &[u8], status: StatusWord) {
        let done = status.is_normal() || matches!(status.kind(), Kind::Warning);
        let Ok(command) = Command::parse(&asked.octets) else { return };
        if !done {
            return;
        }
        if selects(&command).is_some() {
            if let Some(channel) = self.channels.get_mut(usize::from(asked.channel)) {
                *channel = asked.family.map_or(Selected::Foreign, Selected::Family);
            }
        } else if instruction::name(command.cla, command.ins) == Some("MANAGE CHANNEL") {
            let number = data.first().copied().filter(|_| command.p1 == 0 && command.p2 == 0).unwrap_or(command.p2);
            if let Some(channel) = self.channels.get_mut(usize::from(number)) {
                *channel = Selected::Foreign;
            }
        }
    }
}

/// The application identifier of a SELECT by name.
fn selects<'a>(command: &Command<'a>) -> Option<&'a [u8]> {
    let by_name = instruction::name(command.cla, command.ins) == Some("SELECT") && command.p1 == 0x04;
    by_name.then_some(command.data)
}

/// The answer to MANAGE CHANNEL, whichever application is selected.
fn channel_opened(command: &Command<'_>, data: &[u8]) -> Told {
    let opens = instruction::name(command.cla, command.ins) == Some("MANAGE CHANNEL") && command.p1 == 0;
    match data {
        [number] if opens => {
            let words = format!("channel {number} is open");
            Told { data: Some(vec![Field::new(0, data, "channel", words)]), ..Told::default() }
        }
        _ => Told::default(),
    }
}

fn is_get_response(command: &Command<'_>) -> bool {
    instruction::name(command.cla, command.ins) == Some("GET RESPONSE")
}

fn manages_channels(command: &[u8]) -> bool {
    name_of(command).as_deref() == Some("MANAGE CHANNEL")
}

/// Whether a command goes on with the chain that `link` belongs to (ISO/IEC 7816-4:2020, 5.3.3): all but the chaining bit is the same.
fn is_next_link(link: &[u8], command: &Command<'_>) -> bool {
    let last = [command.class().with_chaining(true).0, command.ins, command.p1, command.p2];
    link.starts_with(&last)
}

fn data_of(command: &[u8]) -> &[u8] {
    Command::parse(command).map_or(&[], |command| command.data)
}

fn data_of_answer(answer: &[u8]) -> &[u8] {
    Response::parse(answer).map_or(&[], |answer| answer.data)
}

fn name_of(command: &[u8]) -> Option<String> {
    Some(instruction::name(*command.first()?, *command.get(1)?)?.to_owned())
}

/// Counted from the head of its own part.
fn back(mut field: Field, by: usize) -> Field {
    field.offset = field.offset.saturating_sub(by);
    field.fields = field.fields.into_iter().map(|field| back(field, by)).collect();
    field
}
