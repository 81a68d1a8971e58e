//! Logs of conversations between terminals and cards, line by line: what was sent, what came back, when.
//!
//! Known are the lines of GlobalPlatformPro and apdu4j, OpenSC, pcscd and its CCID driver, opensc-tool, scriptor, pySim, pyscard, proxmark3, of many programs
//! that mark the direction in words or arrows, and our own traces. A line that is none of these is counted and passed over.

use super::apdu::Command;
use super::ccid_log::{self, DriverLine};
use super::format::Format;
use super::guess::readings;
use super::hex;

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The terminal.
    Command,
    /// The card.
    Response,
    /// The card, at its reset.
    Reset,
    /// Nobody: the card was powered off, or no answer came.
    Silence(Silence),
    /// Nobody: who recorded wrote down a secret by which what is enciphered can be explained.
    Key,
}

/// Why nobody says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// No answer came.
    NoAnswer,
    /// The card was powered off.
    PowerOff,
}

/// Something said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// By whom.
    pub direction: Direction,
    /// What.
    pub octets: Vec<u8>,
    /// When, or how long it took, as the log writes it.
    pub time: Option<String>,
    /// Who recorded has replaced a PIN in it by FF.
    pub masked: bool,
    /// What a key belongs to.
    pub of: Vec<u8>,
    /// The log shows frames of the link, not what they carry.
    pub is_frame: bool,
}

impl Event {
    /// Something said in clear.
    pub const fn new(direction: Direction, octets: Vec<u8>, time: Option<String>) -> Self {
        Self { direction, octets, time, masked: false, of: Vec::new(), is_frame: false }
    }
}

/// Octets that are told over several lines.
#[derive(Debug)]
struct Pending {
    event: Event,
    /// How many octets are announced.
    want: Option<usize>,
    /// A status word that was told before the data.
    status: Option<[u8; 2]>,
    rows: Rows,
}

/// How the lines behind the first are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// A dump, octets and perhaps their text.
    Dump,
    /// A table of proxmark3.
    Table,
    /// A long line that was wrapped: octets alone. What was sent says how many there must be; rows of an answer stand further in than its first.
    Wrapped {
        /// Blanks before the first.
        indent: usize,
    },
}

/// Reads a log. Memory is bounded: of what was read only one unfinished event is kept.
#[derive(Debug, Default)]
pub struct Recording {
    pending: Option<Pending>,
    /// The service above a reader's driver tells the exchanges too: what the driver says is the same once more.
    told_above: bool,
    /// Lines that told nothing of a conversation.
    pub passed_over: u64,
}

/// Longest event that is collected over several lines, in octets.
const EVENT_MAX: usize = 1 << 17;

/// Marks of direction, in lower case; the leftmost in a line counts, and of two at one place the first here.
const MARKS: &[(&str, Direction)] = &[
    ("a>>", Direction::Command),
    ("a<<", Direction::Response),
    (">>>>", Direction::Command),
    ("<<<<", Direction::Response),
    (">>>", Direction::Command),
    ("<<<", Direction::Response),
    (">>", Direction::Command),
    ("<<", Direction::Response),
    ("=>", Direction::Command),
    ("<=", Direction::Response),
    ("-->", Direction::Command),
    ("<--", Direction::Response),
    ("->", Direction::Command),
    ("<-", Direction::Response),
    ("c-apdu", Direction::Command),
    ("r-apdu", Direction::Response),
    ("capdu", Direction::Command),
    ("rapdu", Direction::Response),
    ("command apdu", Direction::Command),
    ("response apdu", Direction::Response),
    ("apdu command", Direction::Command),
    ("apdu response", Direction::Response),
    ("apdu:", Direction::Command),
    ("sw:", Direction::Response),
    ("sending", Direction::Command),
    ("sent", Direction::Command),
    ("send", Direction::Command),
    ("received", Direction::Response),
    ("recv", Direction::Response),
    ("resp", Direction::Response),
    ("rsp", Direction::Response),
    ("command", Direction::Command),
    ("cmd", Direction::Command),
    ("request", Direction::Command),
    ("req", Direction::Command),
    ("tx", Direction::Command),
    ("rx", Direction::Response),
    ("> ", Direction::Command),
    ("< ", Direction::Response),
];

impl Recording {
    /// The next line; what it completes, at most two events: one that ended before it, and its own.
    pub fn line(&mut self, line: &str) -> Vec<Event> {
        let line = line.trim_end();
        let mut events = Vec::new();
        if let Some(pending) = &mut self.pending {
            if pending.take(line) {
                if pending.is_whole() {
                    events.extend(self.end());
                }
                return events;
            }
            events.extend(self.end());
        }
        match self.own(line) {
            Some(event) if may_go_on(&event, line) => {
                let want = announced_len(&event);
                self.pending =
                    Some(Pending { event, want, status: None, rows: Rows::Wrapped { indent: blanks(line) } });
            }
            Some(event) => events.push(event),
            None if self.pending.is_none() && !line.trim().is_empty() => self.passed_over += 1,
            None => {}
        }
        events
    }

    /// The end of the log: what was being told.
    pub fn end(&mut self) -> Option<Event> {
        let Pending { mut event, status, .. } = self.pending.take()?;
        event.octets.extend(status.unwrap_or_default().iter().filter(|_| status.is_some()));
        // Some tables show commands and answers without the frames around them.
        event.is_frame = event.is_frame && !is_bare(&event);
        (!event.octets.is_empty()).then_some(event)
    }

    fn own(&mut self, line: &str) -> Option<Event> {
        if line.trim_start().starts_with('{') {
            return own_trace(line);
        }
        if let Some(pending) = table_row(line).or_else(|| announced(line)).or_else(|| status_first(line)) {
            self.pending = Some(pending);
            return None;
        }
        match ccid_log::read(line) {
            Some(DriverLine::Said(event)) if !self.told_above => Some(event),
            Some(_) => None,
            None => {
                self.told_above |= line.contains("APDU: ");
                old_row(line).or_else(|| libnfc_row(line)).or_else(|| reset(line)).or_else(|| marked(line))
            }
        }
    }
}

impl Pending {
    fn take(&mut self, line: &str) -> bool {
        if self.event.octets.len() > EVENT_MAX {
            return false;
        }
        let row = match self.rows {
            Rows::Table => {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                match cells[..] {
                    ["", "", "", data, ..] => hex_tokens(data),
                    _ => None,
                }
            }
            Rows::Dump => dump_row(line, self.want.map(|want| want.saturating_sub(self.event.octets.len()))),
            Rows::Wrapped { indent } if self.is_short() || blanks(line) > indent => hex::parse(line).ok(),
            Rows::Wrapped { .. } => None,
        };
        row.filter(|octets| !octets.is_empty()).is_some_and(|octets| {
            self.event.octets.extend(octets);
            true
        })
    }

    fn is_whole(&self) -> bool {
        !matches!(self.rows, Rows::Wrapped { .. }) && self.want.is_some() && !self.is_short()
    }

    /// Whether fewer octets are there than are announced.
    fn is_short(&self) -> bool {
        self.want.is_some_and(|want| self.event.octets.len() < want)
    }
}

/// Whether more octets may stand in the lines behind: nothing is written behind these, and they are more than a status word.
fn may_go_on(event: &Event, line: &str) -> bool {
    let is_last = line.ends_with(|c: char| c.is_ascii_hexdigit());
    is_last && matches!(event.direction, Direction::Command | Direction::Response) && event.octets.len() > 2
}

/// How long a command must be that is cut off in its data.
fn announced_len(event: &Event) -> Option<usize> {
    let octets = &event.octets;
    let want = match octets[..] {
        _ if event.direction != Direction::Command || event.is_frame => return None,
        [_, _, _, _, 0, high, low, ..] => 7 + usize::from(u16::from_be_bytes([high, low])),
        [_, _, _, _, lc, _, ..] => 5 + usize::from(lc),
        _ => return None,
    };
    (octets.len() < want && Command::parse(octets).is_err()).then_some(want)
}

fn blanks(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A row of octets, then perhaps the same as text: the row is as long as its text.
fn dump_row(line: &str, left: Option<usize>) -> Option<Vec<u8>> {
    let line = line.trim_start();
    let tokens = line.split(' ').take_while(|token| token.len() == 2 && token.bytes().all(|c| c.is_ascii_hexdigit()));
    let most = tokens.count().min(left.unwrap_or(usize::MAX));
    let fits = |count: usize| {
        let rest = line.get(3 * count - 1..).unwrap_or("").trim();
        rest.is_empty() || rest.chars().count() == count
    };
    let count = match left {
        // A row of sixteen, or what is left.
        Some(left) if most >= left.min(16) => left.min(16).min(most),
        _ => (1..=most).rev().find(|&count| fits(count))?,
    };
    (count > 0).then(|| hex::parse(line.get(..3 * count - 1)?).ok()).flatten()
}

/// `49092 | 53000 | Rdr | 02 00 a4 | ok | ...` of proxmark3; a mark of parity behind an octet is passed over.
fn table_row(line: &str) -> Option<Pending> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [start, _, source, data, ..] = cells[..] else { return None };
    let direction = match source {
        "Rdr" => Direction::Command,
        "Tag" => Direction::Response,
        _ => return None,
    };
    let event = Event { is_frame: true, ..Event::new(direction, hex_tokens(data)?, Some(start.to_owned())) };
    Some(Pending { event, want: None, status: None, rows: Rows::Table })
}

/// ` +  64:   0: TAG 04 00` of older proxmark3: the reader's rows have no name.
fn old_row(line: &str) -> Option<Event> {
    let (start, rest) = line.trim_start().strip_prefix('+')?.split_once(':')?;
    let (_, data) = rest.split_once(':')?;
    let (direction, data) = match data.trim_start().strip_prefix("TAG") {
        Some(data) => (Direction::Response, data),
        None => (Direction::Command, data),
    };
    let start = start.trim();
    let octets = hex_tokens(data.split("!crc").next()?.trim())?;
    let is_row = !octets.is_empty() && !start.is_empty() && start.bytes().all(|c| c.is_ascii_digit());
    is_row.then(|| Event { is_frame: true, ..Event::new(direction, octets, Some(start.to_owned())) })
}

/// `Sent bits: 26 (7 bits)` of libnfc.
fn libnfc_row(line: &str) -> Option<Event> {
    let sent = line.strip_prefix("Sent bits:").map(|rest| (Direction::Command, rest));
    let (direction, rest) = sent.or_else(|| Some((Direction::Response, line.strip_prefix("Received bits:")?)))?;
    let octets = hex_tokens(rest.split('(').next()?.trim()).filter(|octets| !octets.is_empty())?;
    Some(Event { is_frame: true, ..Event::new(direction, octets, None) })
}

/// Whether a row holds a command or an answer, as a table of contact cards or of what was taken out of frames has them.
fn is_bare(event: &Event) -> bool {
    let first = readings(&event.octets).first().copied();
    first.is_some_and(|first| match event.direction {
        Direction::Command => first.format == Format::CommandApdu && first.sure,
        _ => first.format == Format::ResponseApdu && first.sure || event.octets.ends_with(&[0x90, 0x00]),
    })
}

/// Octets of a row; `26(7)` is one of which 7 bits were sent.
fn hex_tokens(text: &str) -> Option<Vec<u8>> {
    let mut octets = text.to_owned();
    for bits in 1..8 {
        octets = octets.replace(&format!("({bits})"), " ");
    }
    hex::parse(&octets.replace(['!', '(', ')'], " ")).ok()
}

/// `Outgoing APDU (5 bytes):` of OpenSC, older `Outgoing APDU data [   13 bytes] ====`.
fn announced(line: &str) -> Option<Pending> {
    let (direction, rest) = match (line.split_once("Outgoing APDU"), line.split_once("Incoming APDU")) {
        (Some((_, rest)), _) => (Direction::Command, rest),
        (None, Some((_, rest))) => (Direction::Response, rest),
        (None, None) => return None,
    };
    let digits: String = rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let want = digits.parse().ok().filter(|want| *want > 0)?;
    let event = Event::new(direction, Vec::new(), None);
    Some(Pending { event, want: Some(want), status: None, rows: Rows::Dump })
}

/// `Received (SW1=0x90, SW2=0x00):` of opensc-tool, the data in rows behind it.
fn status_first(line: &str) -> Option<Pending> {
    let (_, rest) = line.split_once("SW1=0x")?;
    let (sw1, rest) = rest.split_once(", SW2=0x")?;
    let status = hex::parse(&format!("{sw1}{}", rest.get(..2)?)).ok()?;
    let &[sw1, sw2] = &status[..] else { return None };
    let event = Event::new(Direction::Response, Vec::new(), None);
    Some(Pending { event, want: None, status: Some([sw1, sw2]), rows: Rows::Dump })
}

/// `ATR: 3B ...`, and the ATR of `SCardConnect(...) -> T=1, 3B...`.
fn reset(line: &str) -> Option<Event> {
    let at = line
        .find("ATR")
        .map(|at| at + 3)
        .or_else(|| line.find("SCardConnect").and(line.find("-> T=")).map(|at| at + 2))?;
    let octets = hex_after(line.get(at..)?)?;
    let is_atr = matches!(octets[..], [0x3B | 0x3F, _, ..]) && octets.len() <= 33;
    is_atr.then_some(Event::new(Direction::Reset, octets, None))
}

fn marked(line: &str) -> Option<Event> {
    let lower = line.to_ascii_lowercase();
    let place = |&(mark, direction): &(&'static str, Direction)| {
        let at = lower.match_indices(mark).map(|(at, _)| at).find(|&at| {
            // A word stands alone, an arrow before its octets.
            let before = lower[..at].chars().next_back();
            !mark.starts_with(|c: char| c.is_alphabetic()) || before.is_none_or(|c| !c.is_alphanumeric())
        })?;
        Some((at, at + mark.len(), direction))
    };
    let mut places: Vec<(usize, usize, Direction)> = MARKS.iter().filter_map(place).collect();
    places.sort_by_key(|&(at, end, _)| (at, std::cmp::Reverse(end)));
    places.into_iter().find_map(|(at, end, direction)| {
        let rest = line.get(end..)?;
        let octets = status_before(rest).filter(|_| direction == Direction::Response).or_else(|| hex_after(rest))?;
        let least = if direction == Direction::Command { 4 } else { 2 };
        (octets.len() >= least).then(|| Event::new(direction, octets, time(line, at)))
    })
}

/// `9000: 6F10...` of pySim: the status word, then the data.
fn status_before(rest: &str) -> Option<Vec<u8>> {
    let (status, data) = rest.trim_start().split_once(':')?;
    let status = hex::parse(status).ok().filter(|status| status.len() == 2)?;
    let data = hex::parse(data.trim()).ok()?;
    Some([data, status].concat())
}

/// The octets behind a mark: what stands in brackets, protocols and words are passed over, then hexadecimal to its end.
fn hex_after(rest: &str) -> Option<Vec<u8>> {
    let mut rest = rest.trim_start_matches([':', '=', ' ', '\t', ',']);
    loop {
        let skipped = match rest.chars().next()? {
            '(' => rest.split_once(')').map(|(_, rest)| rest),
            '[' => rest.split_once(']').map(|(_, rest)| rest),
            _ => {
                ["T=0", "T=1", "T=*", "APDU", "apdu", "data", "length"].iter().find_map(|word| rest.strip_prefix(word))
            }
        };
        match skipped {
            Some(after) => rest = after.trim_start_matches([':', '=', ' ', '\t', ',']),
            None => break,
        }
    }
    // Octets of one form only, so that a word behind them is not taken for some.
    let mut octets = Vec::new();
    for token in rest.split([' ', '\t', ',', ':', '-']).filter(|token| !token.is_empty()) {
        let token = token.strip_prefix("0x").unwrap_or(token);
        match hex::parse(token) {
            Ok(more) if token.bytes().all(|c| c.is_ascii_hexdigit()) => octets.extend(more),
            _ => break,
        }
    }
    (!octets.is_empty()).then_some(octets)
}

/// `(12ms)`, or the microseconds since the line before that pcscd writes first.
fn time(line: &str, before: usize) -> Option<String> {
    let in_brackets = line.split('(').skip(1).filter_map(|part| part.split(')').next());
    if let Some(time) =
        in_brackets.into_iter().find(|part| part.ends_with("ms") || part.ends_with('s') && part.len() < 9)
    {
        return Some(time.to_owned());
    }
    let first = line.get(..before)?.split_whitespace().next()?;
    let is_count = first.len() == 8 && first.bytes().all(|c| c.is_ascii_digit());
    is_count.then(|| format!("{} us", first.trim_start_matches('0')))
}

/// A line of our own trace, or of the log of a case.
fn own_trace(line: &str) -> Option<Event> {
    let value: serde_json::Value = serde_json::from_str(line.trim()).ok()?;
    let octets = |name: &str| hex::parse(value.get(name)?.as_str()?).ok().filter(|octets| !octets.is_empty());
    let (direction, name) = match value.get("event")?.as_str()? {
        "command" => (Direction::Command, "octets"),
        "response" => (Direction::Response, "octets"),
        "answer_to_reset" => (Direction::Reset, "octets"),
        "key" => (Direction::Key, "secret"),
        "failed" | "no_answer" => return Some(Event::new(Direction::Silence(Silence::NoAnswer), Vec::new(), None)),
        "deactivate" | "power_off" => {
            return Some(Event::new(Direction::Silence(Silence::PowerOff), Vec::new(), None));
        }
        _ => return None,
    };
    let time = value.get("micros").and_then(serde_json::Value::as_u64).map(|micros| format!("{micros} us"));
    let event = Event::new(direction, octets(name)?, time);
    let masked = value.get("masked").and_then(serde_json::Value::as_bool).unwrap_or(false);
    let of = if direction == Direction::Key { octets("of")? } else { Vec::new() };
    Some(Event { masked, of, ..event })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SELECT: &str = "00A4040007A000000003101000";
    const ANSWER: &str = "6F0B8407A0000000031010A5009000";

    fn spaced(text: &str) -> String {
        hex::spaced(&hex::parse(text).unwrap())
    }

    /// Rows of sixteen octets and their text, as OpenSC writes them.
    fn rows(text: &str) -> String {
        let octets = hex::parse(text).unwrap();
        let ascii = |row: &[u8]| -> String {
            row.iter().map(|&o| if o.is_ascii_graphic() { char::from(o) } else { '.' }).collect()
        };
        let rows: Vec<String> = octets.chunks(16).map(|row| format!("{} {}", hex::spaced(row), ascii(row))).collect();
        rows.join("\n") + "\n"
    }

    fn read(log: &str) -> (Vec<Event>, u64) {
        let mut recording = Recording::default();
        let mut events: Vec<Event> = log.lines().flat_map(|line| recording.line(line)).collect();
        events.extend(recording.end());
        (events, recording.passed_over)
    }

    /// The same exchange as each program writes it.
    #[test]
    fn one_exchange_in_the_words_of_each_program() {
        let (s, a) = (spaced(SELECT), spaced(ANSWER));
        for log in [
            format!("A>> T=1 (4+0007) 00A40400 07 A0000000031010 00\nA<< (0013+2) (12ms) {} 9000\n", &ANSWER[..26]),
            format!("[DEBUG] APDUBIBO - >> {SELECT}\n<< (11ms) {ANSWER}\n"),
            format!(
                "P:1; apdu.c: \nOutgoing APDU (13 bytes):\n{}\nIncoming APDU (15 bytes):\n{}",
                rows(SELECT),
                rows(ANSWER)
            ),
            format!(
                "Outgoing APDU data [   13 bytes] ====\n{}======\nIncoming APDU data [   15 bytes] ====\n{}===\n",
                rows(SELECT),
                rows(ANSWER)
            ),
            format!("00000005 [140017007589056] APDU: {s} \n00171781 [140017007589056] SW: {a} \n"),
            format!("Sending: {s} \nReceived (SW1=0x90, SW2=0x00):\n{}", rows(&ANSWER[..26])),
            format!("> {s}\n< {a} : Normal processing.\n"),
            format!("-> {}\n<- 9000: {}\n", SELECT.to_lowercase(), &ANSWER[..26]),
            format!("=> {SELECT}\n<= {ANSWER}\n"),
            format!("send: {s}\nresp:{a}\n"),
            format!("C-APDU: {s}\nR-APDU: {a}\n"),
            format!("TX: {s}\nRX: {a}\n"),
            format!(
                "  49092 |  53000 | Rdr | {} |  ok | SELECT\n        |        |     | {} |     |\n  60000 | 70000 | Tag | {} |     |\n",
                &s[..24].replace(' ', "  ").to_lowercase(),
                &s[24..],
                a.replace(' ', "! ")
            ),
            format!(
                "{{\"number\":1,\"micros\":120,\"event\":\"command\",\"octets\":\"{SELECT}\",\"masked\":false}}\n{{\"number\":1,\"micros\":1310,\"event\":\"response\",\"octets\":\"{ANSWER}\"}}\n"
            ),
        ] {
            let (events, _) = read(&log);
            let told: Vec<(Direction, String)> = events.iter().map(|e| (e.direction, hex::encode(&e.octets))).collect();
            let expected = [(Direction::Command, SELECT.to_owned()), (Direction::Response, ANSWER.to_owned())];
            assert_eq!(told, expected, "{log}");
        }
    }

    #[test]
    fn times_and_resets_are_kept_and_other_lines_are_counted() {
        let log = "# Detected readers\nSCardConnect(\"ACS\", T=*) -> T=1, 3B800101\nATR: 3B 80 01 81\nA>> T=1 (4+0000) 00A40400 00\nA<< (0000+2) (8s378ms) 6D00\n00012482 SW: 6D 00\nbye\n";
        let (events, passed_over) = read(log);
        let times: Vec<Option<&str>> = events.iter().map(|event| event.time.as_deref()).collect();
        assert_eq!(times, [None, None, None, Some("8s378ms"), Some("12482 us")]);
        assert_eq!((events[0].direction, events[1].direction, passed_over), (Direction::Reset, Direction::Reset, 2));
    }

    #[test]
    fn rows_of_an_older_sniffer_are_frames() {
        let (events, passed_over) = read(
            " ETU     :rssi: who bytes\n---+----+----+---\n +      0:    :     52\n +     64:   0: TAG 04  00\n +   8800:    :     93  20\n",
        );
        let told: Vec<(Direction, usize, bool)> =
            events.iter().map(|event| (event.direction, event.octets.len(), event.is_frame)).collect();
        let expected = [(Direction::Command, 1, true), (Direction::Response, 2, true), (Direction::Command, 2, true)];
        assert_eq!((told.as_slice(), passed_over), (&expected[..], 2));
        let (events, _) = read("Sent bits:     26 (7 bits)\nReceived bits: 04  00 \nSent bits:     93  20 \n");
        let again: Vec<_> = events.iter().map(|event| (event.direction, event.octets.len(), event.is_frame)).collect();
        assert_eq!(again, expected);
    }

    /// A log whose lines were cut at some width: the rows behind a mark belong to it.
    #[test]
    fn a_wrapped_line_is_put_together() {
        for width in (10..24).step_by(2) {
            let wrapped = |text: &str| {
                let rows: Vec<&str> =
                    (0..text.len()).step_by(width).map(|at| &text[at..text.len().min(at + width)]).collect();
                rows.join("\n   ")
            };
            let log = format!(">> {}\n<< {}\n", wrapped(SELECT), wrapped(ANSWER));
            let (events, _) = read(&log);
            let told: Vec<String> = events.iter().map(|event| hex::encode(&event.octets)).collect();
            assert_eq!(told, [SELECT, ANSWER], "{log}");
        }
        // A command that announces more than its line has goes on in the next one, indented or not.
        let (events, _) = read(&format!(">> {}\n{}\n<< 9000\n", &SELECT[..18], &SELECT[18..]));
        assert_eq!((hex::encode(&events[0].octets).as_str(), events.len()), (SELECT, 2));
        let (events, passed_over) = read(">> 0084000008\n<< 0102030405060708\n9000\n");
        assert_eq!((events.len(), passed_over), (2, 1), "what is not indented may be anybody's");
    }

    proptest! {
        #[test]
        fn any_lines_are_answered(lines in prop::collection::vec("(A>> |<- |Outgoing APDU \\(3 bytes\\):|\\| Rdr \\|)?.{0,30}", 0..20)) {
            let _ = read(&lines.join("\n"));
        }
    }
}
