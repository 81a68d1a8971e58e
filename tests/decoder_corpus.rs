//! The decoder against strings of public recordings (vectors/decode/README.md): how many it reads as what they were, by their place in
//! the recording. `reports/decoder.md` has the figures and all that is still wrong.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use untorn::wire::guess::readings;
use untorn::wire::hex;
use untorn::wire::lines::conversation;
use untorn::wire::pretty::{Format, listing};

const FOLDER: &str = "vectors/decode";
const REPORT: &str = "reports/decoder.md";

/// Fewest right of all, and of the sources that were held out, in tenths of a percent; most of all that are wrong without a doubt, in
/// hundredths.
const RIGHT_MIN: usize = 990;
const HELD_OUT_RIGHT_MIN: usize = 940;
const SURE_WRONG_MAX: usize = 20;

struct Entry {
    source: String,
    labels: Vec<Format>,
    octets: Vec<u8>,
}

/// What came of one string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Right,
    /// The second reading is the right one.
    Second,
    Wrong,
    SureWrong,
}

fn outcome(entry: &Entry) -> Outcome {
    let readings = readings(&entry.octets);
    let is_right = |format: &Format| entry.labels.contains(format);
    match readings[..] {
        [first, ..] if is_right(&first.format) => Outcome::Right,
        [first, ..] if first.sure => Outcome::SureWrong,
        [_, second] if is_right(&second.format) => Outcome::Second,
        _ => Outcome::Wrong,
    }
}

fn corpus() -> Vec<Entry> {
    let mut files: Vec<_> = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.iter().flat_map(|path| entries(path)).collect()
}

fn entries(path: &Path) -> Vec<Entry> {
    let source = path.file_stem().unwrap().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let entry = |line: &str| {
        let (labels, octets) = line.split_once(' ').unwrap();
        let labels = labels.split('|').map(|label| label.parse().unwrap()).collect();
        Entry { source: source.clone(), labels, octets: hex::parse(octets).unwrap() }
    };
    text.lines().map(entry).collect()
}

/// Gathered when the first rules stood, and read by nobody before it was measured once (vectors/decode/README.md has that figure); kinds among its
/// misses were mended since.
fn is_fresh(source: &str) -> bool {
    source.starts_with("fresh-")
}

/// Gathered when the misses of those were mended, and read by nobody before it was measured once.
fn is_second(source: &str) -> bool {
    source.starts_with("second-")
}

/// A third of the earlier sources, by the sum of the octets of their names: nobody looked at them while the first rules were made.
fn was_held_out(source: &str) -> bool {
    !is_fresh(source) && !is_second(source) && source.bytes().map(u32::from).sum::<u32>().is_multiple_of(3)
}

#[derive(Default)]
struct Count {
    all: usize,
    right: usize,
    second: usize,
    sure_wrong: usize,
}

impl Count {
    fn take(&mut self, outcome: Outcome) {
        self.all += 1;
        self.right += usize::from(outcome == Outcome::Right);
        self.second += usize::from(outcome == Outcome::Second);
        self.sure_wrong += usize::from(outcome == Outcome::SureWrong);
    }

    fn row(&self, name: &str) -> String {
        let share = |part: usize| {
            let hundredths = (part * 10_000).checked_div(self.all).unwrap_or(0);
            format!("{}.{:02} %", hundredths / 100, hundredths % 100)
        };
        format!(
            "| {name} | {} | {} ({}) | {} | {} ({}) |\n",
            self.all,
            self.right,
            share(self.right),
            self.second,
            self.sure_wrong,
            share(self.sure_wrong)
        )
    }

    const fn has_right(&self, tenths: usize) -> bool {
        self.right * 1000 >= tenths * self.all
    }
}

fn counted<'e>(entries: &'e [Entry], key: impl Fn(&'e Entry) -> String) -> BTreeMap<String, Count> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for entry in entries {
        counts.entry(key(entry)).or_default().take(outcome(entry));
    }
    counts
}

const FRESH: &str = "gathered when the first rules stood, looked at since";
const SECOND: &str = "gathered after their misses were mended, looked at since";
const HELD_OUT: &str = "held out while the first rules were made, looked at since";

fn part(entry: &Entry) -> String {
    let part = match &*entry.source {
        source if is_fresh(source) => FRESH,
        source if is_second(source) => SECOND,
        source if was_held_out(source) => HELD_OUT,
        _ => "looked at while the rules were made",
    };
    part.to_owned()
}

/// By what strings are counted together.
type Key<'k> = &'k dyn Fn(&Entry) -> String;

fn report(entries: &[Entry]) -> String {
    let mut text = String::from(
        "# What the decoder makes of public recordings\n\nMade by `make reports`; `cargo test --test decoder_corpus` holds it to the \
         program. What a string was is told by its place in the recording, never by us: see \
         [vectors/decode](../vectors/decode/README.md). \"Right\" is the first reading; \"second\" means that the first was marked as \
         doubtful and the right one stood beside it; \"wrong without a doubt\" is a wrong reading that was not marked as doubtful.\n",
    );
    let head = "| | strings | right | second | wrong without a doubt |\n|---|---|---|---|---|\n";
    let tables: [(&str, Key<'_>); 4] = [
        ("In all", &|_| "all".to_owned()),
        ("By part", &part),
        ("By what they were", &|entry| entry.labels.iter().map(|label| label.name()).collect::<Vec<_>>().join(" or ")),
        ("By source", &|entry| entry.source.clone()),
    ];
    for (title, key) in tables {
        let _ = write!(text, "\n## {title}\n\n{head}");
        for (name, count) in counted(entries, key) {
            text.push_str(&count.row(&name));
        }
    }
    text.push_str("\n## What is still wrong\n\n| source | was | read as | because | octets |\n|---|---|---|---|---|\n");
    for entry in entries.iter().filter(|entry| outcome(entry) != Outcome::Right) {
        let readings = readings(&entry.octets);
        let read: Vec<String> = readings
            .iter()
            .map(|reading| format!("{}{}", reading.format, if reading.sure { "" } else { "?" }))
            .collect();
        let was: Vec<&str> = entry.labels.iter().map(|label| label.name()).collect();
        let octets = hex::encode(&entry.octets);
        let shown = octets.get(..80).map_or(octets.clone(), |head| format!("{head}..."));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | `{shown}` |",
            entry.source,
            was.join(" or "),
            read.join(", "),
            readings[0].why
        );
    }
    text
}

#[test]
fn strings_of_public_recordings_are_read_as_what_they_were() {
    let entries = corpus();
    assert!(entries.len() >= 2000, "{} strings", entries.len());
    let all = &counted(&entries, |_| "all".to_owned())["all"];
    let parts = counted(&entries, part);
    print!("{}{}", all.row("all"), parts.iter().map(|(name, count)| count.row(name)).collect::<String>());
    assert!(all.has_right(RIGHT_MIN), "{}", all.row("all"));
    assert!(all.sure_wrong * 10_000 <= SURE_WRONG_MAX * all.all, "{}", all.row("all"));
    assert!(parts[HELD_OUT].has_right(HELD_OUT_RIGHT_MIN), "{}", parts[HELD_OUT].row(HELD_OUT));
}

/// Whatever becomes of a recording on its way, a listing comes, of bounded length, and says its readings: cut off, with octets changed,
/// and with others behind it.
#[test]
fn a_damaged_string_is_listed_too() {
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        // Knuth's generator: the same strings each time.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let entries = corpus();
    for number in 0..100_000 {
        let mut octets = entries[number % entries.len()].octets.clone();
        match random(4) {
            0 => octets.truncate(random(octets.len()) + 1),
            1 => octets.extend((0..random(20)).map(|_| random(256) as u8).collect::<Vec<_>>()),
            2 => octets = (0..random(60)).map(|_| random(256) as u8).collect(),
            _ => {}
        }
        for _ in 0..random(4) {
            if !octets.is_empty() {
                let at = random(octets.len());
                octets[at] = random(256) as u8;
            }
        }
        let best = readings(&octets)[0].format;
        let text = listing(best, &octets);
        assert!(text.len() < 2_000 + 400 * octets.len(), "input {number}: {}", hex::encode(&octets));
    }
}

/// `make reports` makes it anew.
#[test]
fn the_report_is_what_the_decoder_makes_now() {
    let made = report(&corpus());
    if std::env::var_os("UNTORN_WRITE_REPORTS").is_some() {
        std::fs::write(REPORT, &made).unwrap();
    }
    let kept = std::fs::read_to_string(REPORT).unwrap_or_default();
    assert!(kept == made, "{REPORT} is not what the decoder makes now: make reports");
}

/// Whatever the width of its rows, a string that is surely something does not become a conversation; two rows, which are as likely a command
/// and its answer, do so only where that is said to be ambiguous.
#[test]
fn the_rows_of_one_string_are_no_conversation() {
    let mut torn_apart = Vec::new();
    for entry in corpus().iter().filter(|entry| readings(&entry.octets).first().is_some_and(|best| best.sure)) {
        for width in 2..64.min(entry.octets.len()) {
            let rows: Vec<String> = entry.octets.chunks(width).map(hex::encode).collect();
            let is_taken = conversation(&rows.join("\n")).is_some_and(|lines| lines.instead.is_none());
            let is_indented_taken = conversation(&rows.join("\n  ")).is_some();
            if is_taken || is_indented_taken {
                torn_apart.push(format!("{} in rows of {width}: {}", entry.source, rows.join(" ")));
            }
        }
    }
    assert!(torn_apart.is_empty(), "{}", torn_apart.join("\n"));
}
