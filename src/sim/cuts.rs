//! Where a run was torn, in the words of a replay token.
//!
//! A token is `explore@1/SUITE.ORDER/SEED/CUTS`. CUTS is one of
//!
//! - `x2:before+x0:after,never`: tears of the order. `x` an exchange, `w` a write of the card's memory, `k` an action before which the
//!   terminal is killed, each from 0; then what people do. `-,same-card` where nothing is torn.
//! - `c2w3:erased+r0:prefix5`: the command of exchange 2 torn at its write 3, its recovery at write 0. With `,same-card` behind it, the
//!   card then goes on through the protocol.

use std::fmt;
use std::str::FromStr;

use super::field::When;
use super::tear::{Tear, Then};
use crate::card::memory::{Cut, Torn};
use crate::quoted::quoted;

/// Where a run was torn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cuts {
    /// Tears of the order.
    Order {
        /// The first.
        tear: Option<Tear>,
        /// The second.
        again: Option<Tear>,
        /// What people do.
        then: Then,
    },
    /// Tears inside a command of it.
    Card {
        /// Its exchange, from 0.
        exchange: u64,
        /// One in the command, the others in one recovery each; none where the command is whole.
        cuts: Vec<Cut>,
        /// What people do, where the card then goes on through the protocol.
        then: Option<Then>,
    },
}

/// A text that says no cuts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cuts: expected tears such as x2:before,never or c2w3:erased+r0:prefix5, got {}", quoted(.0))]
pub struct CutsError(String);

const MODES: [(&str, Torn); 3] = [("nothing", Torn::Nothing), ("all", Torn::All), ("erased", Torn::Erased)];
const WHEN: [(&str, When); 3] = [("before", When::Before), ("after", When::After), ("garbled", When::Garbled)];
const THEN: [(&str, Then); 6] = [
    ("same-card", Then::SameCard),
    ("other-card", Then::OtherCard),
    ("never", Then::Never),
    ("another-terminal", Then::AnotherTerminal),
    ("terminal-killed", Then::TerminalKilled),
    ("swapped-in-retry", Then::SwappedInRetry),
];

fn name<T: PartialEq>(list: &[(&'static str, T)], value: &T) -> &'static str {
    list.iter().find(|(_, listed)| listed == value).map_or("", |(name, _)| name)
}

fn named<T: Copy>(list: &[(&'static str, T)], text: &str) -> Option<T> {
    list.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

struct Mode(Torn);

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Torn::Prefix(count) => write!(f, "prefix{count}"),
            Torn::Random(seed) => write!(f, "random{seed}"),
            Torn::Unstable(seed) => write!(f, "unstable{seed}"),
            simple => f.write_str(name(&MODES, &simple)),
        }
    }
}

/// `3:erased`.
fn cut(text: &str) -> Option<Cut> {
    let (write, mode) = text.split_once(':')?;
    let number = |prefix: &str| mode.strip_prefix(prefix)?.parse::<u64>().ok();
    let torn = named(&MODES, mode)
        .or_else(|| number("prefix").and_then(|count| usize::try_from(count).ok()).map(Torn::Prefix))
        .or_else(|| number("random").map(Torn::Random))
        .or_else(|| number("unstable").map(Torn::Unstable))?;
    Some(Cut { after_writes: write.parse().ok()?, torn })
}

fn tear(text: &str) -> Option<Tear> {
    match text.split_at_checked(1)? {
        ("x", rest) => {
            let (exchange, when) = rest.split_once(':')?;
            Some(Tear::Exchange(exchange.parse().ok()?, named(&WHEN, when)?))
        }
        ("w", rest) => cut(rest).map(Tear::Write),
        ("k", rest) => rest.parse().ok().map(Tear::Kill),
        _ => None,
    }
}

/// `2w3:erased+r0:prefix5`, after the `c`.
fn card(text: &str, then: Option<Then>) -> Option<Cuts> {
    let mut parts = text.split('+');
    let first = parts.next()?;
    let (exchange, mut cuts) = match first.split_once('w') {
        Some((exchange, torn)) => (exchange, vec![cut(torn)?]),
        None => (first, Vec::new()),
    };
    for part in parts {
        cuts.push(cut(part.strip_prefix('r')?)?);
    }
    Some(Cuts::Card { exchange: exchange.parse().ok()?, cuts, then })
}

fn parse(text: &str) -> Option<Cuts> {
    let (tears, then) = match text.split_once(',') {
        Some((tears, then)) => (tears, Some(named(&THEN, then)?)),
        None => (text, None),
    };
    if let Some(rest) = tears.strip_prefix('c') {
        return card(rest, then);
    }
    let mut parts = tears.split('+');
    let (first, second) = (parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let tear_of = |text: &str| if text == "-" { Some(None) } else { tear(text).map(Some) };
    Some(Cuts::Order { tear: tear_of(first)?, again: second.map_or(Some(None), tear_of)?, then: then? })
}

impl FromStr for Cuts {
    type Err = CutsError;

    fn from_str(text: &str) -> Result<Self, CutsError> {
        parse(text).ok_or_else(|| CutsError(text.to_owned()))
    }
}

struct Shown(Tear);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Tear::Exchange(exchange, when) => write!(f, "x{exchange}:{}", name(&WHEN, &when)),
            Tear::Write(cut) => write!(f, "w{}:{}", cut.after_writes, Mode(cut.torn)),
            Tear::Kill(action) => write!(f, "k{action}"),
        }
    }
}

impl fmt::Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order { tear, again, then } => {
                match tear {
                    Some(tear) => Shown(*tear).fmt(f)?,
                    None => f.write_str("-")?,
                }
                if let Some(again) = again {
                    write!(f, "+{}", Shown(*again))?;
                }
                write!(f, ",{}", name(&THEN, then))
            }
            Self::Card { exchange, cuts, then } => {
                write!(f, "c{exchange}")?;
                for (index, cut) in cuts.iter().enumerate() {
                    let place = if index == 0 { "w" } else { "+r" };
                    write!(f, "{place}{}:{}", cut.after_writes, Mode(cut.torn))?;
                }
                match then {
                    Some(then) => write!(f, ",{}", name(&THEN, then)),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_read_as_it_is_written() {
        for text in [
            "-,same-card",
            "x2:before+x0:after,never",
            "w7:all,terminal-killed",
            "k3+k1,same-card",
            "k3+x1:garbled,same-card",
            "c2",
            "c2w3:erased",
            "c2w0:prefix5+r0:unstable7+r1:random3",
            "c2w3:nothing,same-card",
        ] {
            let cuts: Cuts = text.parse().unwrap();
            assert_eq!(cuts.to_string(), text);
        }
        for wrong in ["", "x2:before", "x2:late,never", "c2w3", "c2x3:all", "k1+k2+k3,never", "c2w3:all+w0:all"] {
            assert!(wrong.parse::<Cuts>().is_err(), "{wrong:?}");
        }
    }
}
