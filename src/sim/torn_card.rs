//! One command of an order, torn inside the card: at every write, in every way, and again in the recovery.
//!
//! Up to the cut the card does always the same, and after it nothing: so the command, with its cryptography, runs once for each
//! of its writes, and every way in which that write can tear starts from the card that this left. A recovery that is torn too is
//! taken apart in the same way. What is left for each run is a copy of the card, one torn write and one power-up.

use std::collections::HashSet;
use std::ops::Range;

use super::field::{Recorded, SimulatedCard};
use crate::card::memory::{Cut, Torn, Write};
use crate::card::{Answer, Card};
use crate::conformance::role::CommandRole;
use crate::crypto::kdf::sha256;
use crate::difference::plain;
use crate::family::lab::Lab;

/// Seeds of each of the ways that are not determined.
const SEEDS: u64 = 12;

/// The ways in which a write of so many octets tears, the simple ones first.
pub fn ways(octets: usize, seed: u64) -> impl Iterator<Item = Torn> {
    let seeds = (0..SEEDS).map(move |index| seed.wrapping_add(index));
    [Torn::Nothing, Torn::All, Torn::Erased]
        .into_iter()
        .chain((1..octets).map(Torn::Prefix))
        .chain(seeds.clone().map(Torn::Random))
        .chain(seeds.map(Torn::Unstable))
}

/// A card without power, and the write at which it lost it: not a cell of it is written yet.
struct DeathPoint {
    card: SimulatedCard,
    write: Write,
}

impl DeathPoint {
    /// Dead at each write of what is done to the card.
    fn at_each_write(card: &SimulatedCard, done: impl Fn(&mut SimulatedCard)) -> Vec<Self> {
        let mut whole = card.clone();
        whole.memory().record_writes();
        done(&mut whole);
        let writes = whole.memory().take_recorded();
        let dead = |(index, write): (u64, Write)| {
            let mut card = card.clone();
            card.memory().arm(Cut { after_writes: index, torn: Torn::Nothing });
            done(&mut card);
            Self { card, write }
        };
        (0..).zip(writes).map(dead).collect()
    }

    /// The write torn in this way.
    fn torn(&self, torn: Torn) -> SimulatedCard {
        let mut card = self.card.clone();
        let memory = card.memory();
        memory.power_on();
        memory.arm(Cut { after_writes: 0, torn });
        // The loss of power is what is wanted here.
        let _ = memory.write(self.write.offset, &self.write.octets);
        card
    }
}

/// What a card holds after its recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Before,
    After,
    /// Of VERIFY: so many tries, and nothing else changed.
    Tries(u8),
}

/// What a command may leave.
enum Rule {
    /// What was before, or what is after.
    Atomic,
    /// So many tries: `before` of them were there.
    Tries { before: u8, at_most: u8 },
}

/// A broken rule, and the cuts that break it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// In the command, then in a recovery each.
    pub cuts: Vec<Cut>,
    /// In words.
    pub rule: String,
}

/// A command that writes.
pub struct TornCommand {
    lab: &'static dyn Lab,
    /// Selects the application.
    select: Vec<u8>,
    /// Number of its exchange.
    pub exchange: u64,
    command: Vec<u8>,
    before: SimulatedCard,
    after: SimulatedCard,
    /// What the card holds, without what only a transaction under way uses; of VERIFY without the tries.
    held: Vec<Range<usize>>,
    rule: Rule,
    dead: Vec<DeathPoint>,
    /// From this write on a card without power is after the commit point.
    committed_from: usize,
}

impl TornCommand {
    /// `None` for a command without a write.
    pub fn new(lab: &'static dyn Lab, select: Vec<u8>, recorded: &Recorded) -> Option<Self> {
        let Recorded { exchange, card, command } = recorded;
        let dead = DeathPoint::at_each_write(card, |card| {
            // What it answers has been seen when it was recorded.
            let _ = card.process(command);
        });
        if dead.is_empty() {
            return None;
        }
        let mut after = card.clone();
        let _ = after.process(command);
        let map = card.regions();
        let tries = |card: &SimulatedCard| card.held().tries_left.unwrap_or(0);
        let mut apart = map.scratch;
        let rule = if lab.role(command) == Some(CommandRole::Verify) {
            apart.push(map.tries);
            let before = tries(card);
            Rule::Tries { before, at_most: tries(&after).max(before) }
        } else {
            Rule::Atomic
        };
        let held = gaps(apart, card.memory_ref().image().len());
        let (exchange, command, before) = (*exchange, command.clone(), card.clone());
        let committed_from = usize::MAX;
        let mut torn = Self { lab, select, exchange, command, before, after, held, rule, dead, committed_from };
        torn.committed_from = torn.commit_point();
        Some(torn)
    }

    /// How many writes it has.
    pub fn writes(&self) -> usize {
        self.dead.len()
    }

    /// Of what is done and torn: the command, the images before and after it, its writes.
    pub fn digest(&self) -> [u8; 32] {
        let images = [&self.before, &self.after].map(|card| card.memory_ref().image());
        let mut digest = sha256(&[&self.exchange.to_be_bytes(), &self.command, images[0], images[1]]);
        for DeathPoint { write, .. } in &self.dead {
            digest = sha256(&[&digest, &write.offset.to_be_bytes(), &write.octets]);
        }
        digest
    }

    /// Whether it is the order itself.
    pub fn moves_value(&self) -> bool {
        self.lab.role(&self.command) == Some(CommandRole::Value)
    }

    fn commit_point(&self) -> usize {
        let after = |dead: &DeathPoint| {
            let mut card = dead.torn(Torn::Nothing);
            card.reset().is_some() && self.judge(&card) == Ok(Found::After)
        };
        self.dead.iter().position(after).unwrap_or(usize::MAX)
    }

    fn judge(&self, card: &SimulatedCard) -> Result<Found, String> {
        let memory = card.memory_ref();
        if let Some(range) = self.held.iter().find(|range| !memory.is_stable(range)) {
            return Err(format!("what the card holds at {}..{} reads differently each time", range.start, range.end));
        }
        let image = memory.image();
        let same = |other: &SimulatedCard| {
            let other = other.memory_ref().image();
            self.held.iter().find(|&range| image[range.clone()] != other[range.clone()])
        };
        let differs = match (same(&self.before), &self.rule) {
            (None, Rule::Tries { before, at_most }) => return judge_tries(card, *before, *at_most),
            (None, Rule::Atomic) => return Ok(Found::Before),
            (Some(differs), _) => differs,
        };
        if same(&self.after).is_none() && matches!(self.rule, Rule::Atomic) {
            return Ok(Found::After);
        }
        let first = differs.clone().find(|&at| image[at] != self.before.memory_ref().image()[at]);
        Err(format!(
            "the card holds neither what it held before nor what is right after (from octet {})",
            first.unwrap_or(0)
        ))
    }

    /// Nothing torn: the answer came, so it is durable; of VERIFY, the try was spent first.
    pub fn check_whole(&self) -> Result<(), Broken> {
        let broken = |cuts: Vec<Cut>, rule: &str| Err(Broken { cuts, rule: rule.to_owned() });
        let mut card = self.after.clone();
        card.power_off();
        if card.reset().is_none() {
            return broken(Vec::new(), "the card does not come up");
        }
        match (&self.rule, self.judge(&card)) {
            (_, Err(rule)) => return broken(Vec::new(), &rule),
            (Rule::Atomic, Ok(Found::Before)) => return broken(Vec::new(), "the answer came, and nothing was kept"),
            _ => {}
        }
        if let Rule::Tries { before, .. } = self.rule {
            let first = self.dead[0].torn(Torn::All).held().tries_left;
            if first != Some(before.saturating_sub(1)) {
                let cut = Cut { after_writes: 0, torn: Torn::All };
                return broken(vec![cut], "the first write of VERIFY does not spend a try: it compares before it pays");
            }
        }
        Ok(())
    }

    /// The card that these cuts leave, without power; `None` where there is no such write.
    pub fn torn_card(&self, cuts: &[Cut]) -> Option<SimulatedCard> {
        let Some((first, others)) = cuts.split_first() else {
            let mut card = self.after.clone();
            card.power_off();
            return Some(card);
        };
        let mut card = self.dead.get(usize::try_from(first.after_writes).ok()?)?.torn(first.torn);
        for cut in others {
            card.memory().arm(*cut);
            if card.reset().is_some() {
                return None;
            }
        }
        Some(card)
    }

    /// One run by itself.
    pub fn run(&self, cuts: &[Cut]) -> Result<(), Broken> {
        if cuts.is_empty() {
            return self.check_whole();
        }
        let broken = |rule: String| Broken { cuts: cuts.to_vec(), rule };
        let card = self.torn_card(cuts).ok_or_else(|| broken("there is no such write".to_owned()))?;
        let never = || false;
        let mut walk = Walk::new(self, 0, &never);
        walk.path = cuts.to_vec();
        walk.settle(card)?;
        self.check_whole().and_then(|()| self.check_again(cuts))
    }

    /// After a tear the session is gone: the same command again is refused, before and after a SELECT. A family whose card takes an order
    /// again has it done once.
    pub fn check_again(&self, cuts: &[Cut]) -> Result<(), Broken> {
        let Some(mut card) = self.torn_card(cuts) else { return Ok(()) };
        let broken = |rule: &str| Err(Broken { cuts: cuts.to_vec(), rule: rule.to_owned() });
        card.reset();
        let takes_again = self.lab.takes_again() && self.moves_value();
        for (command, may_be_accepted) in [(&self.command, false), (&self.select, true), (&self.command, takes_again)] {
            let answer = card.process(command);
            let accepted = matches!(&answer, Answer::Response(octets) if octets.ends_with(&[0x90, 0x00]));
            if accepted && !may_be_accepted {
                return broken("after the tear a command of the old session is accepted");
            }
        }
        if takes_again && self.judge(&card) != Ok(Found::After) {
            return broken(
                "after the tear the command was sent again, and the card does not hold what is right after it",
            );
        }
        Ok(())
    }

    /// What happens under these cuts, for people.
    pub fn explain(&self, cuts: &[Cut]) -> Vec<String> {
        let name = self.lab.command_name(&self.command);
        let mut lines = vec![format!("exchange {}: {name}, {} octets", self.exchange, self.command.len())];
        let mut card = None;
        for (index, cut) in cuts.iter().enumerate() {
            let recovery;
            let (place, dead) = match &card {
                None => ("the command", &self.dead),
                Some(card) => {
                    recovery = DeathPoint::at_each_write(card, power_up);
                    ("the recovery", &recovery)
                }
            };
            let Some(at) = usize::try_from(cut.after_writes).ok().and_then(|write| dead.get(write)) else {
                lines.push(format!("tear {}: {place} has only {} writes", index + 1, dead.len()));
                return lines;
            };
            let (octets, offset) = (at.write.octets.len(), at.write.offset);
            lines.push(format!(
                "tear {}: write {} of {} of {place}, octets {offset}..{}, leaves: {}",
                index + 1,
                cut.after_writes,
                dead.len(),
                offset + octets,
                plain(&cut.torn)
            ));
            card = Some(at.torn(cut.torn));
        }
        lines.push(format!("before: {}", self.before.held().words));
        lines.push(format!("after:  {}", self.after.held().words));
        if let Some(mut found) = self.torn_card(cuts) {
            found.reset();
            lines.push(format!("found:  {}", found.held().words));
        }
        lines
    }
}

fn power_up(card: &mut SimulatedCard) {
    // Whether it came up shows in what it holds.
    let _ = card.reset();
}

fn judge_tries(card: &SimulatedCard, before: u8, at_most: u8) -> Result<Found, String> {
    let left = card.held().tries_left.unwrap_or(0);
    if left > at_most {
        return Err(format!("a tear gives tries: {before} before, {left} now"));
    }
    if left + 1 < before {
        return Err(format!("a tear costs more than one try: {before} before, {left} now"));
    }
    Ok(Found::Tries(left))
}

/// What lies between these ranges.
fn gaps(mut ranges: Vec<Range<usize>>, end: usize) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain(std::iter::once(end));
    starts.zip(ends).filter(|(start, end)| start < end).map(|(start, end)| start..end).collect()
}

/// A walk through all runs that begin with one write.
pub struct Walk<'a> {
    command: &'a TornCommand,
    seed: u64,
    stop: &'a dyn Fn() -> bool,
    path: Vec<Cut>,
    /// Torn runs so far.
    pub runs: u64,
    seen: HashSet<Vec<u8>>,
    last: Vec<u8>,
    /// Cuts of the runs that were the first to leave their image.
    pub distinct: Vec<Vec<Cut>>,
}

impl<'a> Walk<'a> {
    /// `stop` is asked now and then.
    pub fn new(command: &'a TornCommand, seed: u64, stop: &'a dyn Fn() -> bool) -> Self {
        let (path, seen, last, distinct) = Default::default();
        Self { command, seed, stop, path, runs: 0, seen, last, distinct }
    }

    /// All runs with so many cuts, the first at this write; images that fewer cuts leave are no longer distinct. `false`: stopped.
    pub fn all(&mut self, write: usize, depth: usize) -> Result<bool, Broken> {
        let Some(dead) = self.command.dead.get(write) else { return Ok(true) };
        for shallower in 1..depth {
            if !self.descend(dead, write, shallower)? {
                return Ok(false);
            }
        }
        self.runs = 0;
        self.distinct.clear();
        self.descend(dead, write, depth)
    }

    fn descend(&mut self, dead: &DeathPoint, write: usize, depth: usize) -> Result<bool, Broken> {
        for torn in ways(dead.write.octets.len(), self.seed) {
            self.path.push(Cut { after_writes: write as u64, torn });
            let card = dead.torn(torn);
            if depth == 1 {
                self.settle(card)?;
            } else {
                if (self.stop)() {
                    return Ok(false);
                }
                for (index, inner) in DeathPoint::at_each_write(&card, power_up).iter().enumerate() {
                    if !self.descend(inner, index, depth - 1)? {
                        return Ok(false);
                    }
                }
            }
            self.path.pop();
        }
        Ok(true)
    }

    /// Powers the card up and judges it; and once more, for what is decided stays decided.
    fn settle(&mut self, mut card: SimulatedCard) -> Result<(), Broken> {
        self.runs += 1;
        let judged = self.judge(&mut card);
        judged.map_err(|rule| Broken { cuts: self.path.clone(), rule })?;
        let image = card.memory_ref().image();
        if self.last != image {
            self.last.clear();
            self.last.extend_from_slice(image);
            if self.seen.insert(image.to_vec()) {
                self.distinct.push(self.path.clone());
            }
        }
        Ok(())
    }

    fn judge(&self, card: &mut SimulatedCard) -> Result<(), String> {
        let mut found = None;
        for _ in 0..2 {
            if card.reset().is_none() {
                return Err("the card does not come up".to_owned());
            }
            let now = self.command.judge(card)?;
            if found.is_some_and(|before| before != now && !matches!(now, Found::Tries(_))) {
                return Err("a second power-up decides otherwise".to_owned());
            }
            found = Some(now);
        }
        let past = self.path.first().is_some_and(|cut| cut.after_writes >= self.command.committed_from as u64);
        if past && found == Some(Found::Before) {
            return Err("committed, then undone".to_owned());
        }
        Ok(())
    }
}
