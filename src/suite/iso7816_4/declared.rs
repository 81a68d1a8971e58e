//! What the answer to reset declares, beside what is claimed and what a run saw. No verdict: a card may declare less than it does, and
//! what it declares and does not do, the cases of the claim fail.

use crate::conformance::evidence::Seen;
use crate::conformance::result::{CaseResult, Declared, TestReport};
use crate::conformance::statement::Statement;
use crate::conformance::verdict::Verdict;
use crate::wire::atr::Atr;
use crate::wire::{compact_tlv, hex};

/// One row for each thing that the answer to reset of this run's card declares; none where the run saw none.
pub fn declared(report: &TestReport, statement: &Statement) -> Vec<Declared> {
    let evidence = report.results.iter().flat_map(|result| &result.evidence);
    let seen = evidence.filter_map(|line| match &line.what {
        Seen::AnswerToReset { octets } => Some(octets),
        _ => None,
    });
    let Some(octets) =
        report.under_test.atr.as_ref().or(seen.into_iter().next()).and_then(|text| hex::parse(text).ok())
    else {
        return Vec::new();
    };
    let atr = match Atr::parse_unchecked(&octets) {
        Ok(atr) => atr,
        Err(error) => return vec![row("answer to reset", "octets that it does not hold to", error.to_string(), true)],
    };
    let look = Look { report, statement };
    let mut rows = vec![check_octet(&atr, &octets), look.protocols(&atr)];
    match capabilities(atr.historical) {
        Some(octets) => rows.extend(look.capabilities(octets)),
        None => rows.push(row("card capabilities", "nothing (no COMPACT-TLV object 7X)", "", false)),
    }
    rows
}

fn row(what: &str, declared: impl Into<String>, seen: impl Into<String>, differs: bool) -> Declared {
    Declared { what: what.to_owned(), declared: declared.into(), seen: seen.into(), differs }
}

/// ISO/IEC 7816-3:2006, 8.2.5.
fn check_octet(atr: &Atr<'_>, octets: &[u8]) -> Declared {
    let announced = atr.emitted_len();
    let told = |tck: Option<u8>| tck.map_or("no check octet".to_owned(), |tck| format!("TCK {tck:02X}"));
    let right = atr.tck.map(|_| atr.expected_tck());
    let excess = if octets.len() > announced { ", and octets behind it" } else { "" };
    row(
        "octets",
        format!("{announced} octets, {}", told(atr.tck)),
        told(right) + " by exclusive or" + excess,
        atr.tck != right,
    )
}

/// The octets of object 7X, in historical octets of category 00 and 80 (ISO/IEC 7816-4:2020, 12.1.1.9).
fn capabilities(historical: &[u8]) -> Option<&[u8]> {
    let ([0x00, objects @ .., _, _, _] | [0x80, objects @ ..]) = historical else { return None };
    let found = compact_tlv::iter(objects).map_while(Result::ok).find(|object| object.tag == 7)?;
    Some(found.value).filter(|octets| !octets.is_empty())
}

struct Look<'r> {
    report: &'r TestReport,
    statement: &'r Statement,
}

impl Look<'_> {
    fn protocols(&self, atr: &Atr<'_>) -> Declared {
        let offered: Vec<String> = atr.protocols().iter().map(|protocol| format!("T={protocol}")).collect();
        let used = self.report.under_test.protocol.clone();
        let differs = used.as_ref().is_some_and(|used| !offered.contains(used));
        let seen = used.map_or("not known to the reader".to_owned(), |used| format!("{used} was agreed"));
        row("protocols", offered.join(", "), seen, differs)
    }

    /// ISO/IEC 7816-4:2020, tables 117 to 119: selection methods, data coding, command chaining with lengths and channels.
    fn capabilities(&self, octets: &[u8]) -> Vec<Declared> {
        let bit = |octet: usize, bit: u8| octets.get(octet).map(|octet| octet >> bit & 1 == 1);
        let mut rows = vec![self.ability("selection by full name", bit(0, 7), None, "ISO-SEL-001")];
        for (what, at) in [
            ("selection by partial name", 6),
            ("selection by path", 5),
            ("selection by file identifier", 4),
            ("implicit selection", 3),
            ("short file identifiers", 2),
            ("record numbers", 1),
            ("record identifiers", 0),
        ] {
            rows.extend(bit(0, at).filter(|is| *is).map(|_| row(what, "yes", Declared::NOT_TRIED, false)));
        }
        if let Some(coding) = octets.get(1) {
            let first = if coding & 0x10 == 0 { "FF begins no tag" } else { "FF may begin a tag" };
            // The unit is a power of two of quartets (half octets); 1 is an octet.
            let unit = 1_u32 << (coding & 0x0F);
            rows.push(row(
                "data coding",
                format!("{first}, data units of {unit} quartets"),
                Declared::NOT_TRIED,
                false,
            ));
        }
        rows.push(self.ability("command chaining", bit(2, 7), Some("iso7816_4.chaining"), "ISO-CHN-001"));
        rows.push(self.ability("extended length", bit(2, 6), Some("iso7816_4.extended_length"), "ISO-EXT-001"));
        rows.push(self.channels(octets.get(2).copied()));
        rows
    }

    /// What is declared (`None`: the octet is missing), whether it is claimed, and what the case that shows it came to.
    fn ability(&self, what: &str, declared: Option<bool>, claim: Option<&str>, case: &str) -> Declared {
        let declared_in_words = match declared {
            None => "nothing",
            Some(true) => "yes",
            Some(false) => "no",
        };
        let claimed = claim.map(|claim| self.statement.claims(claim));
        let verdict = self.report.results.iter().find(|result| result.id == case).and_then(CaseResult::verdict);
        let seen = match (claimed, verdict) {
            (Some(false), _) => "not claimed, so not tried".to_owned(),
            (_, Some(Verdict::Pass)) => format!("works ({case})"),
            (_, Some(verdict)) => format!("does not work as claimed ({case}: {verdict})"),
            (_, None) => Declared::NOT_TRIED.to_owned(),
        };
        let works = (claimed != Some(false)).then_some(verdict).flatten().map(|verdict| verdict == Verdict::Pass);
        // A statement may claim less than the card declares.
        let against_claim = claimed == Some(true) && declared == Some(false);
        let differs = against_claim || works.zip(declared).is_some_and(|(works, declared)| works != declared);
        row(what, declared_in_words, seen, differs)
    }

    /// Bits 5 and 4: who assigns numbers; 3 to 1: how many channels, less one (ISO/IEC 7816-4:2020, table 119).
    fn channels(&self, octet: Option<u8>) -> Declared {
        let number = octet.map(|octet| (octet & 0x07) + 1);
        let several = number.map(|number| number > 1);
        let told = self.ability("logical channels", several, Some("iso7816_4.logical_channels"), "ISO-LCH-013");
        let declared = match (octet, number) {
            (Some(octet), Some(number)) if number > 1 => {
                let by = match octet >> 3 & 3 {
                    0 => "nobody",
                    1 => "the terminal",
                    2 => "the card",
                    _ => "the card or the terminal",
                };
                format!("{number}{}, assigned by {by}", if number == 8 { " or more" } else { "" })
            }
            (Some(_), _) => "1".to_owned(),
            _ => "nothing".to_owned(),
        };
        Declared { declared, ..told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::result::UnderTest;
    use crate::conformance::runner::{Subjects, plan};
    use crate::conformance::selection::Selection;

    /// A report of a card with this answer to reset, of which these cases came to these verdicts.
    fn seen(atr: &str, protocol: Option<&str>, claims: &[&str], verdicts: &[(&str, Verdict)]) -> Vec<Declared> {
        let cases = crate::suite::cases();
        let chosen: Vec<_> = cases.iter().collect();
        let mut report = plan(&chosen, &Selection::default(), &Subjects::default(), 0);
        report.under_test =
            UnderTest { atr: Some(atr.to_owned()), protocol: protocol.map(str::to_owned), ..UnderTest::default() };
        let ran = |result: &mut CaseResult| {
            let found = verdicts.iter().find(|(id, _)| *id == result.id);
            if let Some((_, verdict)) = found {
                result.status =
                    crate::conformance::result::Status::Ran { verdict: *verdict, reason: None, rests_on: None };
            }
        };
        report.results.iter_mut().for_each(ran);
        let statement = claims.iter().fold(Statement::default(), |statement, claim| statement.claim(claim));
        declared(&report, &statement)
    }

    fn differing(rows: &[Declared]) -> Vec<&str> {
        rows.iter().filter(|row| row.differs).map(|row| row.what.as_str()).collect()
    }

    #[test]
    fn what_is_declared_stands_beside_what_was_seen() {
        // 73 C8 21 10: NXP's JCOP 3 says neither chaining nor extended length, and one channel assigned by the card.
        let jcop = "3BD518FF8191FE1FC38073C821100A";
        let chaining = ["iso7816_4", "iso7816_4.chaining"];
        let rows = seen(jcop, Some("T=1"), &chaining, &[("ISO-CHN-001", Verdict::Pass)]);
        assert_eq!(differing(&rows), ["command chaining"], "{rows:?}");
        let row = rows.iter().find(|row| row.what == "command chaining").unwrap();
        assert_eq!((row.declared.as_str(), row.seen.as_str()), ("no", "works (ISO-CHN-001)"));
        let rows = seen(jcop, Some("T=0"), &[], &[]);
        assert!(differing(&rows).contains(&"protocols"), "{rows:?}");
    }

    #[test]
    fn a_wrong_check_octet_is_told() {
        let rows = seen("3B800101", None, &[], &[]);
        assert_eq!(differing(&rows), ["octets"]);
        assert_eq!((rows[0].declared.as_str(), rows[0].seen.as_str()), ("4 octets, TCK 01", "TCK 81 by exclusive or"));
        assert_eq!(differing(&seen("3B80800101", None, &[], &[])), [""; 0]);
        assert_eq!(seen("3B", None, &[], &[])[0].what, "answer to reset");
    }

    #[test]
    fn channels_are_counted() {
        // The third octet 93: four channels, assigned by the card.
        let rows = seen(
            "3B65000080738001 93".replace(' ', "").as_str(),
            None,
            &["iso7816_4.logical_channels"],
            &[("ISO-LCH-013", Verdict::Fail)],
        );
        let row = rows.iter().find(|row| row.what == "logical channels").unwrap();
        assert_eq!(row.declared, "4, assigned by the card");
        assert_eq!((row.seen.as_str(), row.differs), ("does not work as claimed (ISO-LCH-013: fail)", true));
    }
}
