//! The answer to select of contactless cards of type A (ISO/IEC 14443-4:2018, 5.2), without its CRC.

use super::field::{self, Rows};
use super::{Fault, Parsed, WireError, count, historical, octets, one_octet};

/// Frame sizes by FSCI (ISO/IEC 14443-4:2018, 5.2.3); codes D to F are reserved.
const FRAME_SIZES: [u16; 13] = [16, 24, 32, 40, 48, 64, 96, 128, 256, 512, 1024, 2048, 4096];

/// An answer to select.
///
/// ```
/// use untorn::wire::ats::Ats;
/// let octets = [0x06, 0x75, 0x77, 0x81, 0x02, 0x80];
/// let ats = Ats::parse(&octets).unwrap();
/// assert_eq!((ats.frame_size(), ats.historical), (Some(64), &[0x80][..]));
/// assert_eq!(ats.emit(), octets);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ats<'a> {
    /// Low half of T0; `None` where TL is 1 and T0 is not there.
    pub fsci: Option<u8>,
    /// TA(1): bit rates.
    pub ta: Option<u8>,
    /// TB(1): frame waiting time and start-up guard time.
    pub tb: Option<u8>,
    /// TC(1): node address and card identifier.
    pub tc: Option<u8>,
    /// Historical octets.
    pub historical: &'a [u8],
}

impl<'a> Ats<'a> {
    /// Reads an answer to select. Refused are a TL that disagrees with the octets, and bit 8 of T0.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut ats = Self { fsci: None, ta: None, tb: None, tc: None, historical: &[] };
        walk(input, &mut |_, field| match field {
            AtsField::Tl(_) => {}
            AtsField::T0(t0) => ats.fsci = Some(t0 & 15),
            AtsField::Ta(octet) => ats.ta = Some(octet),
            AtsField::Tb(octet) => ats.tb = Some(octet),
            AtsField::Tc(octet) => ats.tc = Some(octet),
            AtsField::Historical(octets) => ats.historical = octets,
        })
        .map_err(|error| Fault::unwrap(error).at(0, input.len()))?;
        Ok(ats)
    }

    /// Most octets of a frame that the card takes, FSC; 32 where T0 is not there (5.2.3); `None` for a reserved code.
    pub fn frame_size(&self) -> Option<u16> {
        frame_size(self.fsci.unwrap_or(2))
    }

    /// Frame waiting time integer, 0 to 14; 4 where TB(1) is not there (5.2.5).
    pub fn frame_waiting_integer(&self) -> u8 {
        self.tb.map_or(4, |tb| tb >> 4)
    }

    /// Octets that [`emit`](Self::emit) gives.
    pub fn emitted_len(&self) -> usize {
        let interface = [self.ta, self.tb, self.tc].into_iter().flatten().count();
        1 + usize::from(self.has_t0()) + interface + self.historical.len()
    }

    /// Its octets.
    pub fn emit(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.emitted_len());
        octets.push(self.emitted_len() as u8);
        if self.has_t0() {
            let announced = [(self.ta, 0x10), (self.tb, 0x20), (self.tc, 0x40)];
            let follow: u8 = announced.iter().filter(|(octet, _)| octet.is_some()).map(|(_, bit)| bit).sum();
            octets.push(follow | (self.fsci.unwrap_or(2) & 15));
            octets.extend(announced.into_iter().filter_map(|(octet, _)| octet));
            octets.extend_from_slice(self.historical);
        }
        octets
    }

    fn has_t0(&self) -> bool {
        self.fsci.is_some() || self.ta.or(self.tb).or(self.tc).is_some() || !self.historical.is_empty()
    }
}

#[derive(Clone, Copy)]
enum AtsField<'a> {
    Tl(u8),
    T0(u8),
    Ta(u8),
    Tb(u8),
    Tc(u8),
    Historical(&'a [u8]),
}

/// Reads the fields in order and hands each over with what is left from it on.
fn walk<'a>(input: &'a [u8], take: &mut impl FnMut(&'a [u8], AtsField<'a>)) -> Parsed<'a, ()> {
    let (rest, tl) = one_octet("TL")(input)?;
    if tl == 0 {
        return Err(Fault::wrong(input, "TL of 1 or more, for it counts itself"));
    }
    take(input, AtsField::Tl(tl));
    let body_len = usize::from(tl) - 1;
    let rest = if body_len > 0 { walk_body(rest, body_len, take)?.0 } else { rest };
    match rest {
        [] => Ok((rest, ())),
        _ => Err(Fault::wrong(rest, "the end of the answer to select")),
    }
}

/// T0 to the last historical octet, `len` octets by TL; what stands behind them is left.
fn walk_body<'a>(body: &'a [u8], len: usize, take: &mut impl FnMut(&'a [u8], AtsField<'a>)) -> Parsed<'a, ()> {
    let (at, t0) = one_octet("T0")(body)?;
    if t0 & 0x80 != 0 {
        return Err(Fault::wrong(body, "T0 with bit 8 clear"));
    }
    take(body, AtsField::T0(t0));
    let at = interface(at, t0 & 0x10 != 0, "TA(1)", AtsField::Ta, take)?;
    let at = interface(at, t0 & 0x20 != 0, "TB(1)", AtsField::Tb, take)?;
    let at = interface(at, t0 & 0x40 != 0, "TC(1)", AtsField::Tc, take)?;
    let Some(historical_len) = len.checked_sub(body.len() - at.len()) else {
        return Err(Fault::wrong(at, "a TL that covers the octets announced by T0"));
    };
    let (after, historical) = octets(historical_len, "historical data")(at)?;
    take(at, AtsField::Historical(historical));
    Ok((after, ()))
}

/// Reads one interface octet if T0 announces it; gives back what is left.
fn interface<'a>(
    input: &'a [u8],
    announced: bool,
    what: &'static str,
    field: fn(u8) -> AtsField<'a>,
    take: &mut impl FnMut(&'a [u8], AtsField<'a>),
) -> Result<&'a [u8], nom::Err<Fault<'a>>> {
    if !announced {
        return Ok(input);
    }
    let (rest, octet) = one_octet(what)(input)?;
    take(input, field(octet));
    Ok(rest)
}

/// Its fields, then what does not belong to it.
pub(crate) fn fields(input: &[u8]) -> Vec<field::Field> {
    let mut rows = Rows::new(input);
    let walked = walk(input, &mut |at, field| {
        let offset = input.len() - at.len();
        match field {
            AtsField::Tl(tl) => rows.at(offset, "TL", count(tl.into())),
            AtsField::T0(t0) => {
                let size = frame_size(t0 & 15).map_or("reserved".to_owned(), |size| size.to_string());
                rows.at(offset, "T0", format!("frame size of the card {size}"));
            }
            AtsField::Ta(ta) => rows.at(offset, "TA(1)", bit_rates(ta)),
            AtsField::Tb(tb) => rows.at(
                offset,
                "TB(1)",
                format!("frame waiting time integer {}, start-up guard time integer {}", tb >> 4, tb & 15),
            ),
            AtsField::Tc(tc) => rows.at(offset, "TC(1)", addressing(tc)),
            AtsField::Historical([]) => {}
            AtsField::Historical(octets) => {
                rows.group(offset, "historical octets", historical::fields(octets, offset, false));
            }
        }
    });
    rows.done(walked, |_| None)
}

/// Most octets of a frame, by its code; `None` where it is reserved.
pub(crate) fn frame_size(code: u8) -> Option<u16> {
    FRAME_SIZES.get(usize::from(code)).copied()
}

/// ISO/IEC 14443-4:2018, 5.2.4.
pub(crate) fn bit_rates(ta: u8) -> String {
    let rates = |bits: u8| {
        let names: Vec<&str> = [(1, "212"), (2, "424"), (4, "848")]
            .iter()
            .filter(|(bit, _)| bits & bit != 0)
            .map(|(_, name)| *name)
            .collect();
        if names.is_empty() { "106".to_owned() } else { format!("106 {}", names.join(" ")) }
    };
    let same = if ta & 0x80 != 0 { ", the same both ways only" } else { "" };
    format!("kbit/s to the card {}, from the card {}{same}", rates(ta), rates(ta >> 4))
}

/// ISO/IEC 14443-4:2018, 5.2.6.
fn addressing(tc: u8) -> String {
    let with = |bit: u8| if tc & bit != 0 { "supported" } else { "not supported" };
    format!("card identifier (CID) {}, node address (NAD) {}", with(2), with(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn the_answer_of_a_desfire() {
        let ats = Ats::parse(&[0x06, 0x75, 0x77, 0x81, 0x02, 0x80]).unwrap();
        assert_eq!(ats, Ats { fsci: Some(5), ta: Some(0x77), tb: Some(0x81), tc: Some(0x02), historical: &[0x80] });
        assert_eq!((ats.frame_size(), ats.frame_waiting_integer()), (Some(64), 8));
    }

    #[test]
    fn what_is_left_out_has_its_value_by_default() {
        let ats = Ats::parse(&[0x01]).unwrap();
        assert_eq!((ats.fsci, ats.frame_size(), ats.frame_waiting_integer()), (None, Some(32), 4));
        assert_eq!(ats.emit(), [0x01]);
        assert_eq!(Ats::parse(&[0x02, 0x0D]).unwrap().frame_size(), None);
    }

    #[test]
    fn what_is_no_answer_to_select_says_where() {
        for (octets, message) in [
            (&[][..], "at octet 0: expected TL, got the end"),
            (&[0x00], "at octet 0: expected TL of 1 or more, for it counts itself, got 00"),
            (&[0x01, 0x02], "at octet 1: expected the end of the answer to select, got 02"),
            (&[0x02, 0x80], "at octet 1: expected T0 with bit 8 clear, got 80"),
            (&[0x03, 0x75, 0x77], "at octet 3: expected TB(1), got the end"),
            (&[0x05, 0x10, 0x77, 0x80], "at octet 3: expected 2 octets of historical data, got 1 octet, then the end"),
        ] {
            assert_eq!(Ats::parse(octets).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn octets_to_value_to_octets(mut octets in vec(any::<u8>(), 1..40), cut: bool) {
            if cut {
                octets[0] = octets.len() as u8;
            }
            if let Ok(ats) = Ats::parse(&octets) {
                prop_assert_eq!(ats.emit(), octets);
            }
        }

        #[test]
        fn value_to_octets_to_value(
            fsci in 0..16u8, ta: Option<u8>, tb: Option<u8>, tc: Option<u8>, historical in vec(any::<u8>(), 0..16),
        ) {
            let ats = Ats { fsci: Some(fsci), ta, tb, tc, historical: &historical };
            let octets = ats.emit();
            prop_assert_eq!(Ats::parse(&octets).unwrap(), ats);
        }
    }
}
