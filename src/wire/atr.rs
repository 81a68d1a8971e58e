//! The answer to reset (ISO/IEC 7816-3:2006, 8.2) and its historical octets (ISO/IEC 7816-4:2020, 12.1.1).

use super::field::{self, Rows};
use super::{Fault, Parsed, WireError, compact_tlv, historical, octets, one_octet};
use crate::difference::plain;

/// Most octets: TS and 32 more (ISO/IEC 7816-3:2006, 8.2.1).
pub const LEN_MAX: usize = 33;

/// Order and sense of the bits on the contact (ISO/IEC 7816-3:2006, 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Convention {
    /// TS `3B`.
    Direct,
    /// TS `3F`.
    Inverse,
}

/// TA, TB and TC after T0 or after one TD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Group {
    /// T, 0 to 15, in the TD that announces this group; `None` for the first group, which T0 announces.
    pub protocol: Option<u8>,
    /// TA.
    pub ta: Option<u8>,
    /// TB.
    pub tb: Option<u8>,
    /// TC.
    pub tc: Option<u8>,
}

/// An answer to reset.
///
/// ```
/// use untorn::wire::{atr::Atr, hex};
/// let octets = hex::parse("3B DA 18 FF 81 B1 FE 75 1F 03 00 31 C5 73 C0 01 40 00 90 00 0C").unwrap();
/// let atr = Atr::parse(&octets).unwrap();
/// assert_eq!(atr.protocols(), [1]);
/// assert_eq!(atr.historical, &octets[10..20]);
/// assert_eq!(atr.emit(), octets);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Atr<'a> {
    /// TS.
    pub convention: Convention,
    /// The first group and one for each TD.
    pub groups: Vec<Group>,
    /// Historical octets, at most 15.
    pub historical: &'a [u8],
    /// The check character, where a protocol other than T=0 is announced.
    pub tck: Option<u8>,
}

impl<'a> Atr<'a> {
    /// Reads an answer to reset. Refused are a wrong TS, octets missing or left over, and a wrong TCK.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let atr = Self::parse_unchecked(input)?;
        if let (Some(tck), expected) = (atr.tck, checksum(input))
            && tck != expected
        {
            return Err(WireError::new(input.len() - 1, format!("TCK {expected:02X}"), format!("{tck:02X}")));
        }
        Ok(atr)
    }

    /// The same, whatever the value of TCK: for whoever judges a card by it.
    pub fn parse_unchecked(input: &'a [u8]) -> Result<Self, WireError> {
        let mut atr = Self { convention: Convention::Direct, groups: Vec::new(), historical: &[], tck: None };
        walk(input, &mut |_, field| atr.take(field)).map_err(|error| Fault::unwrap(error).at(0, input.len()))?;
        Ok(atr)
    }

    fn take(&mut self, field: AtrField<'a>) {
        match field {
            AtrField::Ts(convention) => self.convention = convention,
            AtrField::T0(_) => self.groups.push(Group::default()),
            AtrField::Interface { letter, octet, .. } => {
                if let Some(group) = self.groups.last_mut() {
                    match letter {
                        Letter::A => group.ta = Some(octet),
                        Letter::B => group.tb = Some(octet),
                        Letter::C => group.tc = Some(octet),
                        Letter::D => self.groups.push(Group { protocol: Some(octet & 15), ..Group::default() }),
                    }
                }
            }
            AtrField::Historical(octets) => self.historical = octets,
            AtrField::Tck { tck, .. } => self.tck = Some(tck),
        }
    }

    /// The protocols announced, in order, each once, without T=15, which is none; T=0 where there is no TD
    /// (ISO/IEC 7816-3:2006, 8.2.3).
    pub fn protocols(&self) -> Vec<u8> {
        let mut protocols = Vec::new();
        for protocol in self.groups.iter().filter_map(|group| group.protocol).filter(|&protocol| protocol != 15) {
            if !protocols.contains(&protocol) {
                protocols.push(protocol);
            }
        }
        if protocols.is_empty() {
            protocols.push(0);
        }
        protocols
    }

    /// Whether the groups ask for a TCK: when anything but T=0 is announced (ISO/IEC 7816-3:2006, 8.2.5).
    pub fn needs_tck(&self) -> bool {
        self.groups.iter().filter_map(|group| group.protocol).any(|protocol| protocol != 0)
    }

    /// The TCK that its octets ask for.
    pub fn expected_tck(&self) -> u8 {
        let mut octets = Self { tck: None, ..self.clone() }.emit();
        octets.push(0);
        checksum(&octets)
    }

    /// Clock rate conversion F and baud rate adjustment D of TA1, 372 and 1 without it; `None` where the code is reserved
    /// (ISO/IEC 7816-3:2006, tables 7 and 8).
    pub fn rate(&self) -> (Option<u16>, Option<u8>) {
        let ta1 = self.groups.first().and_then(|group| group.ta).unwrap_or(0x11);
        (rate_f(ta1).map(|(f, _)| f), rate_d(ta1))
    }

    /// Octets that [`emit`](Self::emit) gives.
    pub fn emitted_len(&self) -> usize {
        let interface: usize = self.groups.iter().map(|group| announced(*group, false).count_ones() as usize).sum();
        1 + self.groups.len().max(1) + interface + self.historical.len() + usize::from(self.tck.is_some())
    }

    /// Its octets: `tck` as it is, right or wrong. Of `historical` T0 can announce 15 octets.
    pub fn emit(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.emitted_len());
        octets.push(if self.convention == Convention::Direct { 0x3B } else { 0x3F });
        let mut low = self.historical.len() as u8 & 15;
        if self.groups.is_empty() {
            octets.push(low);
        }
        for (index, group) in self.groups.iter().enumerate() {
            // T0 before the first group, TD before each other: what follows in the high half, K or T in the low one.
            octets.push((announced(*group, index + 1 < self.groups.len()) << 4) | low);
            octets.extend([group.ta, group.tb, group.tc].into_iter().flatten());
            low = self.groups.get(index + 1).and_then(|next| next.protocol).unwrap_or(0);
        }
        octets.extend_from_slice(self.historical);
        octets.extend(self.tck);
        octets
    }
}

/// Y: which of TA, TB, TC and TD follow.
fn announced(group: Group, more: bool) -> u8 {
    u8::from(group.ta.is_some())
        | (u8::from(group.tb.is_some()) << 1)
        | (u8::from(group.tc.is_some()) << 2)
        | (u8::from(more) << 3)
}

/// The TCK that makes the octets from T0 on exclusive-or to zero (ISO/IEC 7816-3:2006, 8.2.5); the last octet is TCK's place.
fn checksum(input: &[u8]) -> u8 {
    exclusive_or(input.get(1..input.len().saturating_sub(1)).unwrap_or(&[]))
}

fn exclusive_or(octets: &[u8]) -> u8 {
    octets.iter().fold(0, |sum, octet| sum ^ octet)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letter {
    A,
    B,
    C,
    D,
}

/// What stands in an answer to reset, one after the other.
#[derive(Debug, Clone, Copy)]
enum AtrField<'a> {
    Ts(Convention),
    T0(u8),
    /// `index` from 1; `protocol` is the T of the TD before it, `first` whether that T is there for the first time with index 3 or more.
    Interface {
        letter: Letter,
        index: usize,
        protocol: Option<u8>,
        first: bool,
        octet: u8,
    },
    Historical(&'a [u8]),
    /// `expected` is what the octets from T0 to the last historical octet ask for, whatever stands behind TCK.
    Tck {
        tck: u8,
        expected: u8,
    },
}

/// Reads the fields in order and hands each over with what is left from it on, so that a listing shows what came before an error.
fn walk<'a>(input: &'a [u8], take: &mut impl FnMut(&'a [u8], AtrField<'a>)) -> Parsed<'a, ()> {
    let (rest, ts) = one_octet("TS")(input)?;
    let convention = match ts {
        0x3B => Convention::Direct,
        0x3F => Convention::Inverse,
        _ => return Err(Fault::wrong(input, "TS 3B or 3F")),
    };
    take(input, AtrField::Ts(convention));
    let (after, t0) = one_octet("T0")(rest)?;
    take(rest, AtrField::T0(t0));
    let (rest, tck_needed) = walk_interface(after, t0, take)?;
    let (after, historical) = octets(usize::from(t0 & 15), "historical data")(rest)?;
    take(rest, AtrField::Historical(historical));
    let mut rest = after;
    if tck_needed {
        let (after, tck) = one_octet("TCK")(rest)?;
        let covered = input.get(1..input.len() - rest.len()).unwrap_or(&[]);
        take(rest, AtrField::Tck { tck, expected: exclusive_or(covered) });
        rest = after;
    }
    match input.get(LEN_MAX..) {
        _ if !rest.is_empty() => Err(Fault::wrong(rest, "the end of the answer to reset")),
        Some(beyond @ [_, ..]) => Err(Fault::wrong(beyond, "at most 33 octets")),
        _ => Ok((rest, ())),
    }
}

/// TA1 to the last TD; gives back whether TCK follows. The number of rounds is bounded by the input: each takes a TD.
fn walk_interface<'a>(input: &'a [u8], t0: u8, take: &mut impl FnMut(&'a [u8], AtrField<'a>)) -> Parsed<'a, bool> {
    let (mut rest, mut announced, mut protocol, mut tck_needed) = (input, t0 >> 4, None, false);
    let mut index = 1;
    let mut specific: u16 = 0;
    loop {
        let bit = 1 << protocol.unwrap_or(0);
        // ISO/IEC 7816-3:2006, 8.3: for i > 2 the octets after the first TD of a T are that protocol's own.
        let first = index > 2 && specific & bit == 0;
        if index > 2 {
            specific |= bit;
        }
        let mut next = None;
        for (position, (letter, what)) in
            [(Letter::A, "TA"), (Letter::B, "TB"), (Letter::C, "TC"), (Letter::D, "TD")].into_iter().enumerate()
        {
            if announced & (1 << position) != 0 {
                let (after, octet) = one_octet(what)(rest)?;
                take(rest, AtrField::Interface { letter, index, protocol, first, octet });
                rest = after;
                next = (letter == Letter::D).then_some(octet);
            }
        }
        let Some(td) = next else { return Ok((rest, tck_needed)) };
        announced = td >> 4;
        protocol = Some(td & 15);
        tck_needed |= td & 15 != 0;
        index += 1;
    }
}

/// Fi and the greatest frequency in units of 100 kHz (ISO/IEC 7816-3:2006, table 7).
const fn rate_f(ta1: u8) -> Option<(u16, u16)> {
    Some(match ta1 >> 4 {
        0 => (372, 40),
        1 => (372, 50),
        2 => (558, 60),
        3 => (744, 80),
        4 => (1116, 120),
        5 => (1488, 160),
        6 => (1860, 200),
        9 => (512, 50),
        10 => (768, 75),
        11 => (1024, 100),
        12 => (1536, 150),
        13 => (2048, 200),
        _ => return None,
    })
}

/// Di (ISO/IEC 7816-3:2006, table 8).
const fn rate_d(ta1: u8) -> Option<u8> {
    Some(match ta1 & 15 {
        1 => 1,
        2 => 2,
        3 => 4,
        4 => 8,
        5 => 16,
        6 => 32,
        7 => 64,
        8 => 12,
        9 => 20,
        _ => return None,
    })
}

/// Its fields, then what does not belong to it.
pub(crate) fn fields(input: &[u8]) -> Vec<field::Field> {
    // A sniffer or a driver may give octets before TS: the answer is looked for behind them.
    if !matches!(input, [0x3B | 0x3F, ..] | [])
        && let Some(start) = (1..input.len()).find(|&start| is_whole(&input[start..]))
    {
        let (before, answer) = input.split_at(start);
        let mut fields = field::stopped(before, 0, Fault::wrong(before, "TS 3B or 3F"));
        fields.push(field::Field::remark(start, "an answer to reset begins here", ""));
        fields.extend(whole(answer).into_iter().map(|field| field.shifted(start)));
        return fields;
    }
    whole(input)
}

/// Whether an answer to reset stands at the head of `input`, with a right TCK or none, whatever follows.
fn is_whole(input: &[u8]) -> bool {
    let mut right = true;
    let mut check = |_: &[u8], field: AtrField<'_>| {
        if let AtrField::Tck { tck, expected } = field {
            right = tck == expected;
        }
    };
    let walked = walk(input, &mut check);
    right && walked.map_or_else(|error| Fault::unwrap(error).is_excess(), |_| true)
}

fn whole(input: &[u8]) -> Vec<field::Field> {
    // PC/SC part 3, 3.1.3.2.3: a reader makes these two interface octets for a contactless card.
    let contactless = matches!(input, [0x3B, 0x80..=0x8F, 0x80, 0x01, ..]);
    let mut rows = Rows::new(input);
    let walked = walk(input, &mut |at, field| {
        let offset = input.len() - at.len();
        match field {
            AtrField::Ts(Convention::Direct) => rows.at(offset, "TS", "direct convention"),
            AtrField::Ts(Convention::Inverse) => rows.at(offset, "TS", "inverse convention"),
            AtrField::T0(t0) => rows.at(offset, "T0", format!("{}, historical octets: {}", follows(t0), t0 & 15)),
            AtrField::Interface { letter, index, protocol, first, octet } => {
                let meaning = interface_meaning(letter, index, protocol, first, octet);
                rows.at(offset, format!("T{}{index}", plain(&letter)), meaning);
            }
            AtrField::Historical([]) => {}
            AtrField::Historical(octets) => {
                rows.group(offset, "historical octets", historical::fields(octets, offset, contactless));
            }
            AtrField::Tck { tck, expected } if tck == expected => rows.at(offset, "TCK", "right"),
            AtrField::Tck { expected, .. } => rows.at(offset, "TCK", format!("wrong, expected {expected:02X}")),
        }
    });
    rows.done(walked, |body| Some(exclusive_or(body.get(1..).unwrap_or(&[]))))
}

fn follows(octet: u8) -> String {
    let names: Vec<&str> = [(0x10, "TA"), (0x20, "TB"), (0x40, "TC"), (0x80, "TD")]
        .iter()
        .filter(|(bit, _)| octet & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    if names.is_empty() { "no interface octet follows".to_owned() } else { format!("{} follow", names.join(" ")) }
}

/// ISO/IEC 7816-3:2006, 8.3 (global), 10.2 (T=0), 11.4 (T=1).
fn interface_meaning(letter: Letter, index: usize, protocol: Option<u8>, first: bool, octet: u8) -> String {
    let (high, low) = (octet >> 4, octet & 15);
    match (letter, index, protocol) {
        (Letter::D, ..) => format!("T={low}, {}", follows(octet)),
        (Letter::A, 1, _) => ta1_meaning(octet),
        (Letter::B, 1 | 2, _) => "programming voltage, deprecated".to_owned(),
        (Letter::C, 1, _) if octet == 255 => "extra guard time 255: the least the protocol knows".to_owned(),
        (Letter::C, 1, _) => format!("extra guard time {octet}"),
        (Letter::A, 2, _) => format!(
            "specific mode, T={low}, {} to change, parameters {}",
            if octet & 0x80 == 0 { "able" } else { "unable" },
            if octet & 0x10 == 0 { "of TA1" } else { "implicit" }
        ),
        (Letter::C, 2, _) => format!("T=0 waiting time integer {octet}"),
        (Letter::A, _, Some(1)) if first => format!("T=1 information field size of the card {octet}"),
        (Letter::B, _, Some(1)) if first => {
            format!("T=1 block waiting time integer {high}, character waiting time integer {low}")
        }
        (Letter::C, _, Some(1)) if first => {
            format!("T=1 error detection by {}", if octet & 1 == 0 { "LRC" } else { "CRC" })
        }
        (Letter::A, _, Some(15)) if first => format!("clock stop {}, classes {}", clock_stop(octet), classes(octet)),
        (Letter::B, _, Some(15)) if first => "use of contact SPU".to_owned(),
        (_, _, Some(protocol)) => format!("of T={protocol}, no meaning given"),
        (_, _, None) => "no meaning given".to_owned(),
    }
}

fn ta1_meaning(octet: u8) -> String {
    let f = rate_f(octet).map_or("F reserved".to_owned(), |(f, frequency)| {
        format!("F={f}, at most {}.{} MHz", frequency / 10, frequency % 10)
    });
    let d = rate_d(octet).map_or("D reserved".to_owned(), |d| format!("D={d}"));
    format!("{f}, {d}")
}

/// ISO/IEC 7816-3:2006, table 9.
fn clock_stop(octet: u8) -> &'static str {
    match octet >> 6 {
        0 => "not supported",
        1 => "in state L",
        2 => "in state H",
        _ => "in either state",
    }
}

/// ISO/IEC 7816-3:2006, table 10.
fn classes(octet: u8) -> String {
    let names: String =
        [(1, 'A'), (2, 'B'), (4, 'C')].iter().filter(|(bit, _)| octet & bit != 0).map(|(_, name)| *name).collect();
    if names.is_empty() { "none named".to_owned() } else { names }
}

/// Whether the card says in its card capabilities (compact tag 7, third octet) that it knows extended lengths; `None` where it says nothing
/// (ISO/IEC 7816-4:2020, 12.1.1).
pub fn extended_length(historical: &[u8]) -> Option<bool> {
    capability(historical).map(|octet| octet & 0x40 != 0)
}

/// Whether the card says that it knows command chaining; `None` where it says nothing.
pub fn command_chaining(historical: &[u8]) -> Option<bool> {
    capability(historical).map(|octet| octet & 0x80 != 0)
}

fn capability(historical: &[u8]) -> Option<u8> {
    let ([0x00, objects @ .., _, _, _] | [0x80, objects @ ..]) = historical else { return None };
    let capabilities = compact_tlv::iter(objects).map_while(Result::ok).find(|object| object.tag == 7)?;
    capabilities.value.get(2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{hex, pretty};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn octets(text: &str) -> Vec<u8> {
        hex::parse(text).unwrap()
    }

    /// Answers of real cards, as pcsc-tools' public list of ATRs has them: octets, protocols, number of historical octets.
    const REAL: &[(&str, &[u8], usize)] = &[
        // OpenPGP card 2.0
        ("3B DA 18 FF 81 B1 FE 75 1F 03 00 31 C5 73 C0 01 40 00 90 00 0C", &[1], 10),
        // YubiKey 4
        ("3B F8 13 00 00 81 31 FE 15 59 75 62 69 6B 65 79 34 D4", &[1], 8),
        // MIFARE Classic 1K behind a contactless reader
        ("3B 8F 80 01 80 4F 0C A0 00 00 03 06 03 00 01 00 00 00 00 6A", &[0, 1], 15),
        // MIFARE DESFire behind a contactless reader
        ("3B 81 80 01 80 80", &[0, 1], 1),
        // T=0 only, no TCK
        ("3B 65 00 00 20 63 CB A0 00", &[0], 5),
        // Inverse convention, two older cards
        ("3F 65 35 64 02 04 6C 90 40", &[0], 5),
        ("3F 6D 00 00 80 31 80 65 B0 05 01 02 5E 83 00 90 00", &[0], 13),
        // Estonian identity card, sysmoISIM-SJA2, Swisscom SIM
        ("3B FE 18 00 00 80 31 FE 45 80 31 80 66 40 90 A4 16 2A 00 83 0F 90 00 EF", &[0, 1], 14),
        ("3B 9F 96 80 1F 87 80 31 E0 73 FE 21 1B 67 4A 4C 75 30 34 05 4B A9", &[0], 15),
        ("3B FF 95 00 FF C0 0A 1F 43 80 31 E0 73 36 21 13 57 4A 33 20 07 33 41 41 1F", &[0], 15),
    ];

    #[test]
    fn answers_of_real_cards() {
        for (text, protocols, historical) in REAL {
            let octets = octets(text);
            let atr = Atr::parse(&octets).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((&atr.protocols()[..], atr.historical.len()), (*protocols, *historical), "{text}");
            assert_eq!(atr.emit(), octets);
            assert_eq!(atr.emitted_len(), octets.len());
            assert_eq!(atr.tck.is_some(), atr.needs_tck());
            assert!(atr.tck.is_none_or(|tck| tck == atr.expected_tck()), "{text}");
        }
    }

    #[test]
    fn the_interface_octets_of_an_openpgp_card() {
        let octets = octets(REAL[0].0);
        let atr = Atr::parse(&octets).unwrap();
        assert_eq!(atr.rate(), (Some(372), Some(12)));
        assert_eq!(atr.groups[2], Group { protocol: Some(1), ta: Some(0xFE), tb: Some(0x75), tc: None });
        assert_eq!((extended_length(atr.historical), command_chaining(atr.historical)), (Some(true), Some(false)));
    }

    /// Against what the public ATR parser of pyscard says of the last card above.
    #[test]
    fn the_meaning_of_a_sim_cards_octets() {
        let octets = octets(REAL[REAL.len() - 1].0);
        assert_eq!(Atr::parse(&octets).unwrap().rate(), (Some(512), Some(16)));
        let text = pretty::listing(pretty::Format::Atr, &octets);
        for line in [
            "TC1 FF: extra guard time 255",
            "TC2 0A: T=0 waiting time integer 10",
            "TD2 1F: T=15, TA follow",
            "TA3 43: clock stop in state L, classes AB",
            "3 card service data: E0",
            "7 card capabilities, 3 octets",
            "software function table 2 21",
            "5 card issuer's data: 4A 33 20 07 33 41 41",
            "TCK 1F: right",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn what_is_no_answer_to_reset_says_where() {
        for (text, message) in [
            ("", "at octet 0: expected TS, got the end"),
            ("3C 00", "at octet 0: expected TS 3B or 3F, got 3C"),
            ("3B", "at octet 1: expected T0, got the end"),
            ("3B 10", "at octet 2: expected TA, got the end"),
            ("3B 80 81", "at octet 3: expected TD, got the end"),
            ("3B 02 14", "at octet 2: expected 2 octets of historical data, got 1 octet, then the end"),
            ("3B 80 01", "at octet 3: expected TCK, got the end"),
            ("3B 81 80 01 80 81", "at octet 5: expected TCK 80, got 81"),
            ("3B 00 00", "at octet 2: expected the end of the answer to reset, got 00"),
        ] {
            assert_eq!(Atr::parse(&octets(text)).unwrap_err().to_string(), message, "{text}");
        }
        assert_eq!(Atr::parse_unchecked(&octets("3B 81 80 01 80 81")).unwrap().expected_tck(), 0x80);
        let long = [&[0x3B][..], &[0x80; 40]].concat();
        assert!(Atr::parse(&long).is_err());
    }

    fn any_group() -> impl Strategy<Value = Group> {
        (0..16u8, any::<Option<u8>>(), any::<Option<u8>>(), any::<Option<u8>>())
            .prop_map(|(protocol, ta, tb, tc)| Group { protocol: Some(protocol), ta, tb, tc })
    }

    proptest! {
        #[test]
        fn value_to_octets_to_value(mut groups in vec(any_group(), 1..4), historical in vec(any::<u8>(), 0..15), direct: bool) {
            groups[0].protocol = None;
            let convention = if direct { Convention::Direct } else { Convention::Inverse };
            let mut atr = Atr { convention, groups, historical: &historical, tck: None };
            atr.tck = atr.needs_tck().then(|| atr.expected_tck());
            let octets = atr.emit();
            prop_assert_eq!(Atr::parse(&octets).unwrap(), atr);
        }

        #[test]
        fn octets_to_value_to_octets(tail in vec(any::<u8>(), 0..36)) {
            let octets = [&[0x3B][..], &tail].concat();
            for length in 0..=octets.len() {
                if let Ok(atr) = Atr::parse_unchecked(&octets[..length]) {
                    prop_assert_eq!(atr.emit(), &octets[..length]);
                }
            }
        }
    }
}
