//! The one error of this layer, and the nom error that it is made from.

use std::borrow::Cow;

use nom::Parser as _;

/// Octets that are not what their format asks for. Whoever sent them is at fault, not this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at octet {offset}: expected {expected}, got {got}")]
pub struct WireError {
    /// Where, counted from 0 in what was given to the parser.
    pub offset: usize,
    /// What the format asks for there.
    pub expected: Cow<'static, str>,
    /// What was there.
    pub got: String,
}

impl WireError {
    /// An error at `offset`.
    pub fn new(offset: usize, expected: impl Into<Cow<'static, str>>, got: impl Into<String>) -> Self {
        Self { offset, expected: expected.into(), got: got.into() }
    }
}

/// What a parser of this layer returns.
pub(crate) type Parsed<'a, T> = nom::IResult<&'a [u8], T, Fault<'a>>;

/// The error inside nom: it keeps the rest of the input, so that the offset costs nothing until somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    rest: &'a [u8],
    expected: &'static str,
    /// Octets that had to be there; 0 when it is their value that is wrong.
    needed: usize,
}

impl<'a> Fault<'a> {
    /// The value at the head of `rest` is not what was `expected`.
    pub(crate) fn wrong(rest: &'a [u8], expected: &'static str) -> nom::Err<Self> {
        nom::Err::Failure(Self { rest, expected, needed: 0 })
    }

    /// Fewer than `needed` octets are left.
    pub(crate) fn short(rest: &'a [u8], expected: &'static str, needed: usize) -> nom::Err<Self> {
        nom::Err::Failure(Self { rest, expected, needed })
    }

    /// Out of nom's wrapper. `Incomplete` cannot come: every parser here is a complete one.
    pub(crate) fn unwrap(error: nom::Err<Self>) -> Self {
        match error {
            nom::Err::Error(fault) | nom::Err::Failure(fault) => fault,
            nom::Err::Incomplete(_) => Self { rest: &[], expected: "more octets", needed: 1 },
        }
    }

    /// Whether more octets could have helped.
    pub(crate) fn is_truncation(&self) -> bool {
        self.rest.len() < self.needed
    }

    /// Whether all was well, but more octets follow than the format has.
    pub(crate) fn is_excess(&self) -> bool {
        self.needed == 0 && self.expected.starts_with("the end of")
    }

    /// With the offset counted from the head of an input of `input_len` octets that itself stands at `base`.
    #[cold]
    pub(crate) fn at(&self, base: usize, input_len: usize) -> WireError {
        let expected = match self.needed {
            0 | 1 => Cow::Borrowed(self.expected),
            needed => Cow::Owned(format!("{needed} octets of {}", self.expected)),
        };
        let got = match (self.needed, self.rest) {
            (_, []) => "the end".to_owned(),
            (0, [first, ..]) => format!("{first:02X}"),
            (_, rest) => format!("{}, then the end", count(rest.len())),
        };
        WireError::new(base + input_len.saturating_sub(self.rest.len()), expected, got)
    }
}

/// "1 octet", "5 octets".
pub(crate) fn count(octets: usize) -> String {
    format!("{octets} octet{}", if octets == 1 { "" } else { "s" })
}

impl<'a> nom::error::ParseError<&'a [u8]> for Fault<'a> {
    fn from_error_kind(rest: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Self { rest, expected: "more octets", needed: 1 }
    }

    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// One octet, called `what` in the error.
#[inline]
pub(crate) fn one_octet(what: &'static str) -> impl Fn(&[u8]) -> Parsed<'_, u8> {
    move |input| nom::number::complete::u8.parse(input).map_err(|_: nom::Err<Fault<'_>>| Fault::short(input, what, 1))
}

/// `count` octets, called `what` in the error.
#[inline]
pub(crate) fn octets(count: usize, what: &'static str) -> impl Fn(&[u8]) -> Parsed<'_, &[u8]> {
    move |input| {
        nom::bytes::complete::take(count)
            .parse(input)
            .map_err(|_: nom::Err<Fault<'_>>| Fault::short(input, what, count.max(1)))
    }
}
