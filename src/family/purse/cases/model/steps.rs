//! The steps of a sequence: drawn from octets, written as one short line, shortened.
//!
//! | text | step |
//! |---|---|
//! | `o1dA13-0` | a session of suite 1 for role `d`, terminal A, logical cards 1 and 3, on channel 0 |
//! | `td1:100+w1:2:7` | TRANSACT of operations; `tl`, `th`: expTC one too low, too high |
//! | `p0` `q0` | the newest order once more; its TTID with another order |
//! | `k0` `g0` `G0` | ACK, GET RECEIPT of the newest order; GET RECEIPT of TC less 0 |
//! | `r1:2:1` | READ of logical card, file, record |
//! | `vr` `vw` `vs` `vn` | VERIFY: right, wrong, three digits, no digits |
//! | `S0` `O0` | SELECT, a SELECT that fails, on channel 0 |
//! | `m` `M1` | open a channel, close channel 1 |
//! | `y` | a command of the session before |
//! | `R` `W` | cold and warm reset |
//!
//! Operations: `d` debit, `c` credit, `f` refund (logical card, amount, order), `w` write (logical card, record, octet), `a` append,
//! `u` `n` count up and down, `s` status, `x` take-over. Roles in capitals lack the collect right, `x` has every right (EPC2).
//! Behind `~` how a step is torn: `b` before the card sees it, `a` after it answered, `w3` after 3 octets of its answer,
//! `c5u7` at its write 5, left as the letter and number say.

use std::fmt;
use std::str::FromStr;

use super::reference::TypedPin;
use crate::card::memory::{Cut, Torn};
use crate::family::purse::data::Suite;
use crate::quoted::quoted;

/// Octets of which one step is drawn.
pub const DRAWN_LEN: usize = 24;
/// Amounts: usual ones, and what exceeds a limit.
const AMOUNTS: [u32; 16] = [1, 2, 3, 5, 10, 50, 100, 250, 999, 2_600, 10_001, 20_000, 60_000, 1_000_001, 0, u32::MAX];
/// Logical cards of a session.
const CARDS: [&[u8]; 8] = [&[1], &[1], &[1, 2], &[1, 3], &[1, 2, 3], &[2], &[3], &[2, 3]];
/// Who opens a session.
const WHO: &[u8] = b"ddddccffarDCFRxxxA";
/// Writes of a commit and more.
const WRITES_MAX: u8 = 24;

/// A step of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStep {
    /// What is done.
    pub action: Action,
    /// How it is torn.
    pub tear: Option<ModelTear>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// SELECT and AUTH.
    Open(Opening),
    /// TRANSACT with expTC this much off.
    Transact(i8, Vec<Change>),
    /// The order again.
    Repeat(u8),
    /// Another order under its TTID.
    Reuse(u8),
    /// ACK of the order.
    Acknowledge(u8),
    /// GET RECEIPT of the order.
    Receipt(u8),
    /// GET RECEIPT of TC less this.
    ReceiptOf(u8),
    /// READ: logical card, file, record.
    Read(u8, u8, u8),
    /// VERIFY.
    Verify(TypedPin),
    /// SELECT on a channel.
    Select(u8),
    /// A SELECT that fails.
    SelectOther(u8),
    /// MANAGE CHANNEL, open.
    OpenChannel,
    /// MANAGE CHANNEL, close.
    CloseChannel(u8),
    /// A command of the session before.
    Stale,
    /// Cold, or warm.
    Reset(bool),
}

/// Who opens a session, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Suite.
    pub suite: Suite,
    /// `d`, `c`, `f`, `r`, `a`, capitals, `x`.
    pub who: u8,
    /// `A` to `C`.
    pub terminal: u8,
    /// Ascending.
    pub cards: Vec<u8>,
    /// Channel.
    pub channel: u8,
}

/// One operation of a TRANSACT: its letter and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `d`, `c`, `f`, `w`, `a`, `u`, `n`, `s`, `x`.
    pub letter: u8,
    /// As many as the letter wants.
    pub numbers: Vec<u32>,
}

/// How a command is torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelTear {
    /// The card never sees it.
    Before,
    /// Its answer is lost.
    After,
    /// Its answer breaks off after so many octets.
    Answering(u8),
    /// At a write of the card's memory.
    Cut(Cut),
}

/// Octets, each read once.
struct Draw<'a>(std::slice::Iter<'a, u8>);

impl Draw<'_> {
    fn octet(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.octet() % bound
    }

    /// Mostly 0, else below the bound.
    fn rarely(&mut self, bound: u8) -> u8 {
        let octet = self.octet();
        if octet < 160 { 0 } else { octet % bound }
    }

    fn card(&mut self) -> u32 {
        [1, 1, 1, 1, 2, 3, 3, 4][usize::from(self.below(8))]
    }

    fn amount(&mut self) -> u32 {
        // The usual ones twice as often.
        AMOUNTS[usize::from(self.below(32) % 24 % 16)]
    }
}

impl ModelStep {
    /// The step that these octets stand for. Zeros make a simple one.
    pub fn drawn(octets: &[u8; DRAWN_LEN]) -> Self {
        let mut draw = Draw(octets.iter());
        let action = Action::drawn(&mut draw);
        let tear = ModelTear::drawn(&mut draw);
        Self { action, tear }
    }

    /// The same step with less in it.
    fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        if self.tear.is_some() {
            simpler.push(Self { tear: None, ..self.clone() });
        }
        if let Action::Transact(off, changes) = &self.action
            && changes.len() > 1
        {
            for index in 0..changes.len() {
                let mut fewer = changes.clone();
                fewer.remove(index);
                simpler.push(Self { action: Action::Transact(*off, fewer), tear: self.tear });
            }
        }
        simpler
    }
}

impl Action {
    fn drawn(draw: &mut Draw<'_>) -> Self {
        match draw.below(64) {
            0..=11 => Self::Open(Opening::drawn(draw)),
            12..=37 => {
                let off = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 1][usize::from(draw.below(16))];
                let count = [1, 1, 1, 1, 2, 2, 3, 4][usize::from(draw.below(8))];
                Self::Transact(off, (0..count).map(|_| Change::drawn(draw)).collect())
            }
            38..=40 => Self::Repeat(draw.rarely(12)),
            41 => Self::Reuse(draw.rarely(12)),
            42..=45 => Self::Acknowledge(draw.below(12)),
            46..=47 => Self::Receipt(draw.below(12)),
            48 => Self::ReceiptOf(draw.below(12)),
            49..=50 => Self::Read(draw.card() as u8, draw.below(4), draw.below(6)),
            51..=55 => Self::Verify(match draw.below(16) {
                0..=8 => TypedPin::Right,
                9..=13 => TypedPin::Wrong,
                14 => TypedPin::Short,
                _ => TypedPin::NoDigits,
            }),
            56 => Self::Select(draw.rarely(4)),
            57 => Self::SelectOther(draw.rarely(4)),
            58..=59 => Self::OpenChannel,
            60 => Self::CloseChannel(1 + draw.below(3)),
            61 => Self::Stale,
            _ => Self::Reset(draw.below(2) == 1),
        }
    }
}

impl Opening {
    fn drawn(draw: &mut Draw<'_>) -> Self {
        Self {
            // EPC2 costs some thirty times as much.
            suite: if draw.below(8) < 7 { Suite::Epc1 } else { Suite::Epc2 },
            who: WHO[usize::from(draw.octet()) % WHO.len()],
            terminal: b'A' + draw.rarely(3),
            cards: CARDS[usize::from(draw.below(8))].to_vec(),
            channel: draw.rarely(4),
        }
    }
}

impl Change {
    fn drawn(draw: &mut Draw<'_>) -> Self {
        let letter = b"ddddddcccfffwaun"[usize::from(draw.below(16))];
        // Life cycle and take-over seldom: most of what follows them is refused.
        let letter = if letter == b'n' && draw.below(4) > 1 { b"ssx"[usize::from(draw.below(3))] } else { letter };
        let numbers = match letter {
            b'f' => vec![draw.card(), draw.amount(), u32::from(draw.below(6))],
            b'w' => vec![draw.card(), u32::from(draw.below(4)), u32::from(draw.octet())],
            b'a' => vec![draw.card(), u32::from(draw.octet())],
            b's' => vec![[0, 2, 0, 2, 0, 2, 1, 3][usize::from(draw.below(8))]],
            _ => vec![draw.card(), draw.amount()],
        };
        Self { letter, numbers }
    }

    /// How many numbers the letter wants.
    const fn arity(letter: u8) -> Option<usize> {
        Some(match letter {
            b's' => 1,
            b'd' | b'c' | b'a' | b'u' | b'n' | b'x' => 2,
            b'f' | b'w' => 3,
            _ => return None,
        })
    }
}

impl ModelTear {
    fn drawn(draw: &mut Draw<'_>) -> Option<Self> {
        Some(match draw.below(32) {
            26 => Self::Before,
            27 => Self::After,
            28 => Self::Answering(draw.below(40)),
            29..=31 => {
                let after_writes = u64::from(draw.below(WRITES_MAX));
                let (kind, number) = (draw.below(6), draw.octet());
                let torn = [b'n', b'a', b'p', b'e', b'r', b'u'][usize::from(kind)];
                Self::Cut(Cut { after_writes, torn: torn_of(torn, number.into())? })
            }
            _ => return None,
        })
    }
}

fn torn_of(letter: u8, number: u64) -> Option<Torn> {
    Some(match letter {
        b'n' => Torn::Nothing,
        b'a' => Torn::All,
        b'p' => Torn::Prefix(usize::try_from(number).ok()?),
        b'e' => Torn::Erased,
        b'r' => Torn::Random(number),
        b'u' => Torn::Unstable(number),
        _ => return None,
    })
}

// Text.

/// Steps as one line.
pub fn emit(steps: &[ModelStep]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Steps from one line.
///
/// # Errors
/// The step that is none.
pub fn parse(text: &str) -> Result<Vec<ModelStep>, String> {
    text.split(',').map(str::parse).collect()
}

/// Shorter sequences, the shortest first: halves and smaller pieces left out, then single steps with less in them. None of a text that
/// is no sequence.
pub fn shorter(text: &str) -> Vec<String> {
    let Ok(steps) = parse(text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut piece = steps.len().div_ceil(2);
    while piece > 0 && steps.len() > 1 {
        for start in (0..steps.len()).step_by(piece) {
            let end = (start + piece).min(steps.len());
            found.push(emit(&[&steps[..start], &steps[end..]].concat()));
        }
        piece /= 2;
    }
    for (index, step) in steps.iter().enumerate() {
        for simpler in step.simpler() {
            let mut changed = steps.clone();
            changed[index] = simpler;
            found.push(emit(&changed));
        }
    }
    found
}

impl fmt::Display for ModelStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action)?;
        self.tear.map_or(Ok(()), |tear| write!(f, "~{tear}"))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(Opening { suite, who, terminal, cards, channel }) => {
                let cards: String = cards.iter().map(ToString::to_string).collect();
                write!(f, "o{}{}{}{cards}-{channel}", suite.p1(), char::from(*who), char::from(*terminal))
            }
            Self::Transact(off, changes) => {
                let off = match off {
                    0 => "",
                    i8::MIN..=-1 => "l",
                    _ => "h",
                };
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                write!(f, "t{off}{}", changes.join("+"))
            }
            Self::Repeat(back) => write!(f, "p{back}"),
            Self::Reuse(back) => write!(f, "q{back}"),
            Self::Acknowledge(back) => write!(f, "k{back}"),
            Self::Receipt(back) => write!(f, "g{back}"),
            Self::ReceiptOf(below) => write!(f, "G{below}"),
            Self::Read(card, file, record) => write!(f, "r{card}:{file}:{record}"),
            Self::Verify(entry) => f.write_str(match entry {
                TypedPin::Right => "vr",
                TypedPin::Wrong => "vw",
                TypedPin::Short => "vs",
                TypedPin::NoDigits => "vn",
            }),
            Self::Select(channel) => write!(f, "S{channel}"),
            Self::SelectOther(channel) => write!(f, "O{channel}"),
            Self::OpenChannel => f.write_str("m"),
            Self::CloseChannel(channel) => write!(f, "M{channel}"),
            Self::Stale => f.write_str("y"),
            Self::Reset(warm) => f.write_str(if *warm { "W" } else { "R" }),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(ToString::to_string).collect();
        write!(f, "{}{}", char::from(self.letter), numbers.join(":"))
    }
}

impl fmt::Display for ModelTear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before => f.write_str("b"),
            Self::After => f.write_str("a"),
            Self::Answering(octets) => write!(f, "w{octets}"),
            Self::Cut(Cut { after_writes, torn }) => {
                write!(f, "c{after_writes}")?;
                match torn {
                    Torn::Nothing => f.write_str("n0"),
                    Torn::All => f.write_str("a0"),
                    Torn::Prefix(octets) => write!(f, "p{octets}"),
                    Torn::Erased => f.write_str("e0"),
                    Torn::Random(seed) => write!(f, "r{seed}"),
                    Torn::Unstable(seed) => write!(f, "u{seed}"),
                }
            }
        }
    }
}

impl FromStr for ModelStep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (action, tear) = match text.split_once('~') {
            Some((action, tear)) => (action, Some(ModelTear::parse(tear))),
            None => (text, None),
        };
        let refuse = || format!("expected a step such as td1:100~c3n0, got {text}", text = quoted(text));
        let action = Action::parse(action).ok_or_else(refuse)?;
        match tear {
            Some(None) => Err(refuse()),
            tear => Ok(Self { action, tear: tear.flatten() }),
        }
    }
}

/// Numbers between colons.
fn numbers<T: FromStr>(text: &str) -> Option<Vec<T>> {
    text.split(':').map(|number| number.parse().ok()).collect()
}

impl Action {
    fn parse(text: &str) -> Option<Self> {
        if !text.is_ascii() || text.is_empty() {
            return None;
        }
        let (letter, rest) = text.split_at(1);
        Some(match letter {
            "o" => Self::Open(Opening::parse(rest)?),
            "t" => {
                let (off, changes) = match rest.split_at_checked(1)? {
                    ("l", changes) => (-1, changes),
                    ("h", changes) => (1, changes),
                    _ => (0, rest),
                };
                let changes: Vec<Change> = changes.split('+').map(Change::parse).collect::<Option<_>>()?;
                (changes.len() <= crate::family::purse::data::transact::OPERATIONS_MAX)
                    .then_some(Self::Transact(off, changes))?
            }
            "p" => Self::Repeat(rest.parse().ok()?),
            "q" => Self::Reuse(rest.parse().ok()?),
            "k" => Self::Acknowledge(rest.parse().ok()?),
            "g" => Self::Receipt(rest.parse().ok()?),
            "G" => Self::ReceiptOf(rest.parse().ok()?),
            "r" => match numbers(rest)?[..] {
                [card, file, record] => Self::Read(card, file, record),
                _ => return None,
            },
            "v" => Self::Verify(match rest {
                "r" => TypedPin::Right,
                "w" => TypedPin::Wrong,
                "s" => TypedPin::Short,
                "n" => TypedPin::NoDigits,
                _ => return None,
            }),
            "S" => Self::Select(rest.parse().ok()?),
            "O" => Self::SelectOther(rest.parse().ok()?),
            "M" => Self::CloseChannel(rest.parse().ok().filter(|channel| (1..=3).contains(channel))?),
            "m" | "y" | "R" | "W" if !rest.is_empty() => return None,
            "m" => Self::OpenChannel,
            "y" => Self::Stale,
            "R" => Self::Reset(false),
            "W" => Self::Reset(true),
            _ => return None,
        })
    }
}

impl Opening {
    fn parse(text: &str) -> Option<Self> {
        let (head, channel) = text.split_once('-')?;
        let (&[suite, who, terminal], cards) = head.as_bytes().split_first_chunk()?;
        let cards: Vec<u8> = cards.iter().map(|digit| digit.wrapping_sub(b'0')).collect();
        let ascending = cards.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = !cards.is_empty() && ascending && cards.iter().all(|id| (1..=8).contains(id));
        let known = WHO.contains(&who) && (b'A'..=b'C').contains(&terminal);
        let suite = Suite::from_p1(suite.wrapping_sub(b'0')).filter(|_| fits && known)?;
        Some(Self { suite, who, terminal, cards, channel: channel.parse().ok().filter(|channel| *channel < 4)? })
    }
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        let (letter, rest) = text.split_at_checked(1)?;
        let letter = letter.as_bytes()[0];
        let numbers = numbers(rest)?;
        (Self::arity(letter)? == numbers.len()).then_some(Self { letter, numbers })
    }
}

impl ModelTear {
    fn parse(text: &str) -> Option<Self> {
        let (letter, rest) = text.split_at_checked(1)?;
        Some(match (letter, rest) {
            ("b", "") => Self::Before,
            ("a", "") => Self::After,
            ("w", octets) => Self::Answering(octets.parse().ok()?),
            ("c", cut) => {
                let digits = cut.bytes().take_while(u8::is_ascii_digit).count();
                let (writes, torn) = cut.split_at(digits);
                let (kind, number) = torn.split_at_checked(1)?;
                let torn = torn_of(kind.as_bytes()[0], number.parse().ok()?)?;
                Self::Cut(Cut { after_writes: writes.parse().ok()?, torn })
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_reads_as_it_was_written(octets in any::<[u8; DRAWN_LEN]>()) {
            let step = ModelStep::drawn(&octets);
            prop_assert_eq!(step.to_string().parse::<ModelStep>(), Ok(step));
        }

        #[test]
        fn what_is_no_step_is_refused_without_panic(text in "[otpqkgGrvSOmMyRW][a-z0-9:+~-]{0,12}|.*") {
            if let Ok(steps) = parse(&text) {
                prop_assert_eq!(parse(&emit(&steps)), Ok(steps));
            }
        }
    }

    #[test]
    fn every_kind_of_step_is_drawn() {
        let kinds: std::collections::BTreeSet<char> =
            (0..64).filter_map(|first| ModelStep::drawn(&[first; DRAWN_LEN]).to_string().chars().next()).collect();
        assert_eq!(kinds.into_iter().collect::<String>(), "GMORSWgkmopqrtvy");
    }

    #[test]
    fn shorter_sequences_get_shorter() {
        let found = shorter("o1dA1-0,td1:5+w1:1:2~b,R");
        assert_eq!(
            found[..5],
            ["R", "o1dA1-0,td1:5+w1:1:2~b", "td1:5+w1:1:2~b,R", "o1dA1-0,R", "o1dA1-0,td1:5+w1:1:2~b"]
        );
        assert_eq!(found[5..], ["o1dA1-0,td1:5+w1:1:2,R", "o1dA1-0,tw1:1:2~b,R", "o1dA1-0,td1:5~b,R"]);
        assert_eq!(shorter("R"), Vec::<String>::new());
    }
}
