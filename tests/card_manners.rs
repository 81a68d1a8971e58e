//! Cards that do what ISO/IEC 7816-4 permits and our own do not: no case of the suite may fail them for it. A small card for each manner, and
//! one with a defect beside it, which is noticed all the same.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use untorn::card::memory::Memory;
use untorn::card::{Answer, Card};
use untorn::conformance::error::RigError;
use untorn::conformance::result::TestReport;
use untorn::conformance::rig::InProcessSubject;
use untorn::conformance::runner::{Subjects, Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::statement::Statement;
use untorn::conformance::verdict::Verdict;
use untorn::wire::apdu::Command;

const AID: [u8; 6] = [0xF0, 0x4D, 0x41, 0x4E, 0x4E, 0x01];

/// What the standard leaves to a card (ISO/IEC 7816-4:2020, 5.3.4, 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As our own: as much as Le permits at once, 61xx for the rest.
    Plain,
    /// 61xx without data first, whatever Le is, as on T=0; GET RESPONSE gives the data.
    FetchedAlways,
    /// 6Cxx to any Le but the exact one, or 256 where more is there; to GET RESPONSE too.
    ExactLe,
    /// An extended Le is answered in pieces of a short one.
    ExtendedInPieces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    /// The octet at a seam comes twice.
    Seam,
    /// Of an extended Le the last octet counts.
    LeModulo,
    /// Extended lengths in SELECT are not understood: it answers nothing.
    ExtendedSelectEmpty,
}

struct Mannered {
    manner: Manner,
    defect: Defect,
    selected: bool,
    waiting: Vec<u8>,
    memory: Memory,
}

impl Mannered {
    fn answers(&mut self, data: Vec<u8>, ne: Option<usize>, extended: bool) -> Vec<u8> {
        let Some(ne) = ne else { return vec![0x90, 0x00] };
        self.waiting = data;
        match self.manner {
            Manner::FetchedAlways => self.announced(Vec::new()),
            Manner::ExtendedInPieces if extended => self.given(ne.min(256)),
            _ => self.given(ne),
        }
    }

    /// As much as Le permits of what waits.
    fn given(&mut self, ne: usize) -> Vec<u8> {
        let available = self.waiting.len();
        if self.manner == Manner::ExactLe && ne <= 256 && ne != available.min(256) {
            return vec![0x6C, available.min(256) as u8];
        }
        let given: Vec<u8> = self.waiting.drain(..ne.min(available)).collect();
        if self.defect == Defect::Seam && !self.waiting.is_empty() {
            self.waiting.insert(0, *given.last().unwrap());
        }
        self.announced(given)
    }

    fn announced(&self, given: Vec<u8>) -> Vec<u8> {
        let status = match self.waiting.len() {
            0 => [0x90, 0x00],
            left => [0x61, u8::try_from(left).unwrap_or(0)],
        };
        [given, status.to_vec()].concat()
    }

    fn carry_out(&mut self, command: &[u8]) -> Vec<u8> {
        let Ok(command) = Command::parse(command) else { return vec![0x67, 0x00] };
        let mut ne = command.le.map(|le| le as usize);
        if command.cla != 0x00 {
            return vec![0x6E, 0x00];
        }
        if self.defect == Defect::LeModulo && command.extended {
            ne = ne.map(|ne| ne % 256);
        }
        if command.ins != 0xC0 {
            self.waiting.clear();
        }
        match (command.ins, command.p1, command.p2) {
            (0xA4, 0x04, 0x00) if command.data == AID => {
                self.selected = true;
                let name = [&[0x6F, 0x08, 0x84, 0x06][..], &AID].concat();
                let nothing = self.defect == Defect::ExtendedSelectEmpty && command.extended;
                self.answers(if nothing { Vec::new() } else { name }, ne, command.extended)
            }
            (0xA4, 0x04, 0x00) if !(5..=16).contains(&command.data.len()) => vec![0x67, 0x00],
            (0xA4, 0x04, 0x00) => vec![0x6A, 0x82],
            (0xCA, 0x01, 0x00) if self.selected => self.answers((1..=8).collect(), ne, command.extended),
            (0xCA, 0x01, 0x01) if self.selected => {
                self.answers((0..300_u32).map(|at| (at * 7 / 3) as u8).collect(), ne, command.extended)
            }
            (0xC0, 0x00, 0x00) if !self.waiting.is_empty() => self.given(ne.unwrap_or(0)),
            (0xC0, 0x00, 0x00) => vec![0x69, 0x85],
            (0xA4 | 0xC0, ..) => vec![0x6A, 0x86],
            (0xCA, ..) => vec![0x6A, 0x82],
            _ => vec![0x6D, 0x00],
        }
    }
}

impl Card for Mannered {
    fn reset(&mut self) -> Option<Vec<u8>> {
        self.memory.power_on();
        (self.selected, self.waiting) = (false, Vec::new());
        Some(vec![0x3B, 0x00])
    }

    fn process(&mut self, command: &[u8]) -> Answer {
        Answer::Response(self.carry_out(command))
    }

    fn power_off(&mut self) {
        self.memory.power_off();
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}

fn report(manner: Manner, defect: Defect, patterns: &[&str]) -> TestReport {
    let statement = Statement { name: "mannered".to_owned(), ..Statement::default() }
        .claim("iso7816_4")
        .claim("iso7816_4.read")
        .claim("iso7816_4.get_response")
        .claim("iso7816_4.extended_length")
        .text("iso7816_4.aid", "F04D414E4E01")
        .text("iso7816_4.read_command", "00CA0100")
        .text("iso7816_4.long_answer", "00CA0101");
    let mut subject = InProcessSubject::new(statement, move |_| {
        let memory = Memory::from_image(vec![0]);
        Ok::<_, RigError>(
            Box::new(Mannered { manner, defect, selected: false, waiting: Vec::new(), memory }) as Box<dyn Card>
        )
    });
    let patterns = patterns.iter().map(ToString::to_string).collect();
    let selection = Selection { patterns, ..Selection::default() };
    run(&untorn::suite::iso7816_4::cases(), &selection, &mut Subjects::card(&mut subject), 1, &mut Unobserved)
}

#[test]
fn what_the_standard_permits_is_not_failed() {
    for manner in [Manner::Plain, Manner::FetchedAlways, Manner::ExactLe, Manner::ExtendedInPieces] {
        let report = report(manner, Defect::None, &["iso7816_4"]);
        let ran: Vec<_> = report.results.iter().filter(|result| result.verdict().is_some()).collect();
        assert!(ran.len() > 25, "{} cases apply", ran.len());
        let wrong: Vec<_> = ran.iter().filter(|result| result.verdict() != Some(Verdict::Pass)).collect();
        let wrong: Vec<_> = wrong.iter().map(|result| (&result.id, result.reason())).collect();
        assert!(wrong.is_empty(), "{manner:?}: {wrong:#?}");
    }
}

#[test]
fn a_defect_is_noticed_behind_any_manner() {
    use Manner::{ExactLe, ExtendedInPieces, FetchedAlways, Plain};
    for (defect, case, manners) in [
        // Not ExactLe: its pieces have one size only, and nothing to be compared with.
        (Defect::Seam, "ISO-GRS-002", &[Plain, FetchedAlways, ExtendedInPieces][..]),
        (Defect::LeModulo, "ISO-EXT-004", &[Plain, ExtendedInPieces]),
        (Defect::ExtendedSelectEmpty, "ISO-EXT-001", &[Plain, FetchedAlways, ExactLe, ExtendedInPieces]),
    ] {
        for &manner in manners {
            let report = report(manner, defect, &[case]);
            let result = &report.results[0];
            assert_eq!(result.verdict(), Some(Verdict::Fail), "{defect:?} {manner:?}: {:?}", result.reason());
        }
    }
}
