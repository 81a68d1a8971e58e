//! Amounts in minor units of an ISO 4217 currency.

use crate::quoted::quoted;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency by its numeric code.
///
/// The codes known by name are in a table here; any other is carried along and printed by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(u16);

struct Known {
    numeric: u16,
    alpha: &'static str,
    exponent: u8,
}

impl Currency {
    /// Japanese yen, no decimals.
    pub const JPY: Self = Self(392);
    /// Euro, two decimals.
    pub const EUR: Self = Self(978);
    /// "No currency" (ISO 4217 XXX): loyalty points, rides.
    pub const POINTS: Self = Self(999);

    /// Numeric code, alphabetic code, exponent (ISO 4217:2015, list one).
    const KNOWN: &'static [Known] = &[
        Known { numeric: 36, alpha: "AUD", exponent: 2 },
        Known { numeric: 124, alpha: "CAD", exponent: 2 },
        Known { numeric: 156, alpha: "CNY", exponent: 2 },
        Known { numeric: 344, alpha: "HKD", exponent: 2 },
        Known { numeric: 356, alpha: "INR", exponent: 2 },
        Known { numeric: 392, alpha: "JPY", exponent: 0 },
        Known { numeric: 410, alpha: "KRW", exponent: 0 },
        Known { numeric: 414, alpha: "KWD", exponent: 3 },
        Known { numeric: 702, alpha: "SGD", exponent: 2 },
        Known { numeric: 756, alpha: "CHF", exponent: 2 },
        Known { numeric: 826, alpha: "GBP", exponent: 2 },
        Known { numeric: 840, alpha: "USD", exponent: 2 },
        Known { numeric: 978, alpha: "EUR", exponent: 2 },
        Known { numeric: 999, alpha: "PTS", exponent: 0 },
    ];

    /// The currency of a numeric code, 0 to 999.
    pub const fn new(numeric: u16) -> Option<Self> {
        if numeric <= 999 { Some(Self(numeric)) } else { None }
    }

    /// The currency of an alphabetic code such as `EUR`, case-insensitive.
    pub fn from_alpha(alpha: &str) -> Option<Self> {
        Self::KNOWN.iter().find(|known| known.alpha.eq_ignore_ascii_case(alpha)).map(|known| Self(known.numeric))
    }

    /// The numeric code.
    pub const fn numeric(self) -> u16 {
        self.0
    }

    /// Two octets of binary-coded decimal, as cards carry it: euro is `09 78`.
    pub const fn to_bcd(self) -> [u8; 2] {
        let n = self.0;
        [(n / 100) as u8, (((n / 10 % 10) << 4) | (n % 10)) as u8]
    }

    /// From two octets of binary-coded decimal; `None` when a digit is not one.
    pub fn from_bcd(octets: [u8; 2]) -> Option<Self> {
        let digits = [octets[0] >> 4, octets[0] & 15, octets[1] >> 4, octets[1] & 15];
        if digits.iter().any(|&digit| digit > 9) {
            return None;
        }
        Self::new(digits.iter().fold(0, |number, &digit| number * 10 + u16::from(digit)))
    }

    /// Decimals of the minor unit; 2 where the code is not known.
    pub fn exponent(self) -> u8 {
        self.known().map_or(2, |known| known.exponent)
    }

    /// An amount of this currency as people read it: `12,345.00 EUR`. For sums, which may be more than one amount can be.
    pub fn amount(self, minor: u64) -> String {
        let exponent = usize::from(self.exponent());
        let digits = format!("{minor:0width$}", width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let mut grouped = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let point = if exponent > 0 { "." } else { "" };
        format!("{grouped}{point}{fraction} {self}")
    }

    fn known(self) -> Option<&'static Known> {
        Self::KNOWN.iter().find(|known| known.numeric == self.0)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(known) => f.write_str(known.alpha),
            None => write!(f, "{:03}", self.0),
        }
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_alpha(&text).or_else(|| text.parse().ok().and_then(Self::new)).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "expected a currency such as JPY or a numeric code, got {text}",
                text = quoted(text)
            ))
        })
    }
}

/// An amount of one currency in its minor unit, never negative.
///
/// ```
/// use untorn::money::{Currency, Money};
/// assert_eq!(Money::new(1250, Currency::EUR).to_string(), "12.50 EUR");
/// assert_eq!(Money::new(17_080, Currency::JPY).to_string(), "17,080 JPY");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: cents, yen, points.
    pub minor: u32,
    /// What they are units of.
    pub currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: u32, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads an amount as a person types it: `1250`, `12.50`, `12,345.00`, by the currency's exponent.
    ///
    /// ```
    /// use untorn::money::{Currency, Money};
    /// assert_eq!(Money::parse("12.50", Currency::EUR).unwrap().minor, 1250);
    /// assert_eq!(Money::parse("12", Currency::EUR).unwrap().minor, 1200);
    /// assert!(Money::parse("12.5", Currency::EUR).is_err());
    /// assert!(Money::parse("12.50", Currency::JPY).is_err());
    /// ```
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let refuse = || AmountError { got: text.to_owned(), currency };
        let exponent = usize::from(currency.exponent());
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if exponent > 0 && fraction.len() == exponent => (whole, fraction),
            Some(_) => return Err(refuse()),
            None => (text, &"000"[..exponent]),
        };
        let whole = without_separators(whole).ok_or_else(refuse)?;
        if !fraction.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(refuse());
        }
        let minor = format!("{whole}{fraction}").parse::<u32>().map_err(|_| refuse())?;
        Ok(Self { minor, currency })
    }
}

/// The digits of `12,345` or `12345`; `None` for anything else.
fn without_separators(whole: &str) -> Option<String> {
    let groups: Vec<&str> = whole.split(',').collect();
    let digits_only = groups.iter().all(|group| !group.is_empty() && group.bytes().all(|octet| octet.is_ascii_digit()));
    let well_grouped = groups.len() == 1 || (groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3));
    (digits_only && well_grouped).then(|| groups.concat())
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.currency.amount(self.minor.into()))
    }
}

/// An amount that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct AmountError {
    got: String,
    currency: Currency,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { got, currency } = self;
        let examples = match currency.exponent() {
            0 => "whole units such as 1250".to_owned(),
            exponent => format!("an amount such as 12 or 12.{:0<width$}", "5", width = usize::from(exponent)),
        };
        write!(
            f,
            "{got} is not an amount in {currency}: expected {examples}, at most {}",
            Money::new(u32::MAX, *currency),
            got = quoted(got)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "-1", "+1", "1.", ".50", "1,00", "12,3456", "1e3", "12.50.1", "１２", "4294967296", " 1", "1,,000"]
        {
            assert!(Money::parse(text, Currency::JPY).is_err(), "{text:?} as yen");
            assert!(Money::parse(text, Currency::EUR).is_err(), "{text:?} as euro");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(minor: u32, numeric in 0u16..1000) {
            let currency = Currency::new(numeric).unwrap();
            let money = Money::new(minor, currency);
            let text = money.to_string();
            let digits = text.rsplit_once(' ').unwrap().0;
            prop_assert_eq!(Money::parse(digits, currency), Ok(money));
            prop_assert_eq!(Currency::from_bcd(currency.to_bcd()), Some(currency));
        }
    }
}
