//! What a virtual card is made from: a TOML file, checked before a card is made.
//!
//! ```
//! use untorn::family::purse::profile::PurseProfile;
//! let profile = PurseProfile::built_in("default").unwrap();
//! assert_eq!(profile.logical_cards[0].balance, 17_080);
//! let error = PurseProfile::parse("name = 'x'\nring = 4\n").unwrap_err();
//! assert!(error.to_string().contains("line 2"));
//! ```

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::data::session::Certificate;
use super::data::{CardId, LifeCycle, Link, Suite};
use crate::card::try_counter::TRIES_MAX;
use crate::crypto::des::TripleDesKey;
use crate::crypto::ec::{POINT_LEN, Point, PrivateKey};
use crate::difference::plain;
use crate::malformed;
use crate::money::Currency;
use crate::quoted::quoted;
use crate::secret::{Pin, Secret};
use crate::wire::hex;

/// Fewest places in the ring (REQ-RNG-1).
pub const RING_MIN: u8 = 8;
/// Most places in the ring: the image stays small.
pub const RING_MAX: u8 = 64;
/// Most records in a file.
pub const RECORDS_MAX: u8 = 32;

/// A card as it is handed out.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawProfile")]
pub struct PurseProfile {
    /// By which a person picks it.
    pub name: String,
    /// What it is for, and that its keys are test keys.
    pub description: String,
    /// CID.
    pub card_id: CardId,
    /// Operator that vouches for the card in its certificate.
    pub issuer: u32,
    /// One or both.
    pub suites: Vec<Suite>,
    /// The state in which it is handed out.
    pub life_cycle: LifeCycle,
    /// TC to begin with.
    pub transaction_counter: u32,
    /// LINK to begin with, for replaying vectors; `None`: drawn when a card is made, as it should be.
    pub first_link: Option<Link>,
    /// Receipts that the ring holds.
    pub ring: u8,
    /// None on a card without VERIFY.
    pub pin: Option<Pin>,
    /// Wrong PINs in a row, 1 to 15.
    pub pin_tries: u8,
    /// The device that holds the card verifies its holder (a phone).
    pub on_device_verification: bool,
    /// 1 to 8, ids ascending.
    pub logical_cards: Vec<LogicalCardProfile>,
    /// Keys that are given instead of derived from the scheme.
    pub keys: KeysProfile,
}

/// One logical card.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawLogicalCard")]
pub struct LogicalCardProfile {
    /// 1 to 8.
    pub id: u8,
    /// Whose it is.
    pub operator: u32,
    /// What the balance counts.
    pub currency: Currency,
    /// Minor units.
    pub balance: u32,
    /// Most that the balance may become.
    pub maximum: u32,
    /// The counter of rides, stamps and the like.
    pub counter: u32,
    /// Debits above it need the cardholder; `u32::MAX` for never.
    pub pin_limit: u32,
    /// Records of the linear file.
    pub linear_records: u8,
    /// Records of the cyclic file.
    pub cyclic_records: u8,
}

/// Keys given as such: for replaying vectors. Whatever is left out comes from the scheme.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysProfile {
    /// Master key of logical card 1 for the role debit.
    #[serde(deserialize_with = "triple_des_key")]
    pub debit_master: Option<Secret<16>>,
    /// KP.
    #[serde(deserialize_with = "triple_des_key")]
    pub privacy: Option<Secret<16>>,
    /// Receipt key of both suites.
    #[serde(deserialize_with = "triple_des_key")]
    pub receipt: Option<Secret<16>>,
    /// The card's private key; goes with `certificate`.
    #[serde(deserialize_with = "private_key")]
    pub card_private: Option<PrivateKey>,
    /// certC.
    #[serde(deserialize_with = "certificate")]
    pub certificate: Option<Certificate>,
    /// Public key X|Y of the certification authority.
    #[serde(deserialize_with = "point")]
    pub authority: Option<Point>,
}

/// A profile that is none: the message has line, column, what was expected and what was there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("card profile: {0}")]
pub struct ProfileError(String);

macro_rules! built_in {
    ($($name:literal),*) => {
        /// Name and text of every built-in profile.
        pub const BUILT_IN: &[(&str, &str)] = &[$(($name, include_str!(concat!("profiles/", $name, ".toml")))),*];
    };
}

built_in!("default", "euro", "epc1-only", "epc2-only", "phone", "vector");

impl PurseProfile {
    /// Reads a profile.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        toml::from_str(text).map_err(|error| ProfileError(malformed::toml(text, &error)))
    }

    /// Name and text of the built-in profiles that people are told of: the card of the published vectors has keys of its
    /// own, which every terminal but a test refuses.
    pub fn offered() -> impl Iterator<Item = (&'static str, &'static str)> {
        BUILT_IN.iter().copied().filter(|(name, _)| *name != "vector")
    }

    /// The built-in profile of this name.
    pub fn built_in(name: &str) -> Result<Self, ProfileError> {
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = Self::offered().map(|(name, _)| name).collect();
            return Err(ProfileError(format!("expected one of {}, got {name}", known.join(", "), name = quoted(name))));
        };
        Self::parse(text)
    }

    /// The same card with these suites only.
    #[must_use]
    pub fn with_suites(mut self, suites: &[Suite]) -> Self {
        self.suites = suites.to_vec();
        self
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    name: String,
    description: String,
    /// Written out in every file, so that nobody takes the keys for secrets.
    #[serde(deserialize_with = "must_be_true")]
    #[allow(dead_code, reason = "its presence is what counts")]
    test_keys: bool,
    card_id: CardId,
    issuer: u32,
    #[serde(deserialize_with = "suites")]
    suites: Vec<Suite>,
    #[serde(default = "active")]
    life_cycle: LifeCycle,
    #[serde(default)]
    transaction_counter: u32,
    #[serde(default = "ring_default", deserialize_with = "ring")]
    ring: u8,
    #[serde(default, deserialize_with = "pin")]
    pin: Option<Pin>,
    #[serde(default = "tries_default", deserialize_with = "tries")]
    pin_tries: u8,
    #[serde(default)]
    on_device_verification: bool,
    #[serde(rename = "logical_card", deserialize_with = "logical_cards")]
    logical_cards: Vec<LogicalCardProfile>,
    #[serde(default)]
    keys: KeysProfile,
}

impl TryFrom<RawProfile> for PurseProfile {
    type Error = String;

    fn try_from(raw: RawProfile) -> Result<Self, String> {
        let limited = raw.logical_cards.iter().find(|card| card.pin_limit != u32::MAX);
        if let (None, false, Some(card)) = (&raw.pin, raw.on_device_verification, limited) {
            return Err(format!(
                "pin_limit of logical card {}: expected a pin or on_device_verification, got neither",
                card.id
            ));
        }
        if raw.keys.card_private.is_some() != raw.keys.certificate.is_some() {
            return Err("keys: expected card_private and certificate together, got one of them".to_owned());
        }
        Ok(Self {
            name: raw.name,
            description: raw.description,
            card_id: raw.card_id,
            issuer: raw.issuer,
            suites: raw.suites,
            life_cycle: raw.life_cycle,
            transaction_counter: raw.transaction_counter,
            first_link: None,
            ring: raw.ring,
            pin: raw.pin,
            pin_tries: raw.pin_tries,
            on_device_verification: raw.on_device_verification,
            logical_cards: raw.logical_cards,
            keys: raw.keys,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogicalCard {
    id: u8,
    operator: u32,
    currency: String,
    #[serde(default)]
    balance: u32,
    maximum: u32,
    #[serde(default)]
    counter: u32,
    pin_limit: Option<u32>,
    #[serde(default)]
    linear_records: u8,
    #[serde(default)]
    cyclic_records: u8,
}

impl TryFrom<RawLogicalCard> for LogicalCardProfile {
    type Error = String;

    fn try_from(raw: RawLogicalCard) -> Result<Self, String> {
        if !(1..=8).contains(&raw.id) {
            return Err(format!("id: expected 1 to 8, got {}", raw.id));
        }
        if raw.balance > raw.maximum {
            return Err(format!("balance: expected at most the maximum {}, got {}", raw.maximum, raw.balance));
        }
        for (field, records) in [("linear_records", raw.linear_records), ("cyclic_records", raw.cyclic_records)] {
            if records > RECORDS_MAX {
                return Err(format!("{field}: expected at most {RECORDS_MAX}, got {records}"));
            }
        }
        let currency =
            raw.currency.parse().ok().and_then(Currency::new).or_else(|| Currency::from_alpha(&raw.currency));
        let currency = currency
            .ok_or_else(|| format!("currency: expected a code such as EUR or 978, got {}", quoted(&raw.currency)))?;
        Ok(Self {
            id: raw.id,
            operator: raw.operator,
            currency,
            balance: raw.balance,
            maximum: raw.maximum,
            counter: raw.counter,
            pin_limit: raw.pin_limit.unwrap_or(u32::MAX),
            linear_records: raw.linear_records,
            cyclic_records: raw.cyclic_records,
        })
    }
}

const fn active() -> LifeCycle {
    LifeCycle::Active
}

const fn ring_default() -> u8 {
    RING_MIN
}

const fn tries_default() -> u8 {
    3
}

fn must_be_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    if bool::deserialize(deserializer)? {
        return Ok(true);
    }
    Err(D::Error::custom("expected true: no virtual card holds keys that protect anything, got false"))
}

fn suites<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Suite>, D::Error> {
    let mut suites = Vec::<Suite>::deserialize(deserializer)?;
    suites.sort_unstable();
    suites.dedup();
    if suites.is_empty() {
        return Err(D::Error::custom("expected \"epc1\", \"epc2\" or both, got none"));
    }
    Ok(suites)
}

fn within(value: u8, range: std::ops::RangeInclusive<u8>) -> Result<u8, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("expected {} to {}, got {value}", range.start(), range.end()))
}

fn ring<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    within(u8::deserialize(deserializer)?, RING_MIN..=RING_MAX).map_err(D::Error::custom)
}

fn tries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    within(u8::deserialize(deserializer)?, 1..=TRIES_MAX).map_err(D::Error::custom)
}

fn pin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pin>, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    Pin::parse(&text).map(Some).map_err(D::Error::custom)
}

fn logical_cards<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LogicalCardProfile>, D::Error> {
    let cards = Vec::<LogicalCardProfile>::deserialize(deserializer)?;
    let ids: Vec<u8> = cards.iter().map(|card| card.id).collect();
    if ids.is_empty() || !ids.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err(D::Error::custom(format!(
            "expected 1 to 8 logical cards, ids ascending, got {ids}",
            ids = plain(&ids)
        )));
    }
    Ok(cards)
}

fn octets<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    let octets = hex::parse(&text).map_err(|_| D::Error::custom(format!("expected {N} octets in hex")))?;
    octets
        .try_into()
        .map_err(|octets: Vec<u8>| D::Error::custom(format!("expected {N} octets in hex, got {}", octets.len())))
}

fn triple_des_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<16>>, D::Error> {
    let octets = octets::<D, 16>(deserializer)?;
    TripleDesKey::new(octets).map_err(D::Error::custom)?;
    Ok(Some(Secret::new(octets)))
}

fn private_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PrivateKey>, D::Error> {
    PrivateKey::new(&octets::<D, 32>(deserializer)?).map(Some).map_err(D::Error::custom)
}

fn point<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Point>, D::Error> {
    Point::new(&octets::<D, POINT_LEN>(deserializer)?).map(Some).map_err(D::Error::custom)
}

fn certificate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Certificate>, D::Error> {
    Certificate::parse(&octets::<D, 148>(deserializer)?).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_one_and_says_that_its_keys_are_test_keys() {
        for (name, text) in BUILT_IN {
            let profile = PurseProfile::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(profile.name, *name);
            assert!(profile.description.contains("TEST"), "{name}");
        }
        assert!(PurseProfile::built_in("gold").unwrap_err().to_string().contains("default, euro"));
    }

    /// The valid twin of each is the profile itself.
    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let valid = BUILT_IN.iter().find(|(name, _)| *name == "vector").unwrap().1;
        for (from, to, message) in [
            ("ring = 8", "ring = 7", "expected 8 to 64, got 7"),
            ("balance = 1000", "balance = 60000", "expected at most the maximum 50000, got 60000"),
            ("id = 1\n", "id = 9\n", "expected 1 to 8, got 9"),
            ("currency = \"EUR\"", "currency = \"euros\"", "got \"euros\""),
            ("pin = \"1234\"", "pin = \"12a4\"", "a PIN is 4 to 12 digits"),
            ("pin = \"1234\"", "pin = \"123\"", "a PIN is 4 to 12 digits"),
            ("pin = \"1234\"", "pin = 1234", "expected a string"),
            ("pin = \"1234\"", "pin = \"1234", "invalid basic string"),
            ("pin_tries = 3", "pin_tries = \"1234\"", "expected u8"),
            ("suites = [\"epc1\", \"epc2\"]", "suites = []", "got none"),
            ("test_keys = true", "test_keys = false", "got false"),
            ("000102030405060708090A0B0C0D0E0F", "00010203040506070001020304050607", "halves"),
            ("000102030405060708090A0B0C0D0E0F", "01010101010101010001020304050607", "weak"),
            ("000102030405060708090A0B0C0D0E0F", "0001", "expected 16 octets in hex, got 2"),
            ("pin_tries = 3", "pin_tries = 16", "expected 1 to 15, got 16"),
            ("issuer = 1", "issuer = 1\nissuers = 2", "issuers"),
        ] {
            let text = valid.replacen(from, to, 1);
            assert_ne!(text, valid, "{from} is not in the profile");
            let error = PurseProfile::parse(&text).unwrap_err().to_string();
            assert!(error.contains(message) && error.contains("line "), "{from} -> {to}: {error}");
            assert!(!error.contains("1234"), "{error}");
        }
        let descending = format!("{valid}\n[[logical_card]]\nid = 1\noperator = 1\ncurrency = \"EUR\"\nmaximum = 1\n");
        assert!(PurseProfile::parse(&descending).unwrap_err().to_string().contains("ascending, got [1, 1]"));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "vector").unwrap();
        let profile = PurseProfile::parse(&text.replace("pin = \"1234\"", "pin = \"86420\"")).unwrap();
        let text = format!("{profile:?}");
        assert!(!text.contains("86420") && !text.contains("56, 54, 52, 50, 48"), "{text}");
        assert!(text.contains("Pin(masked)") && text.contains("Secret(16 octets)"), "{text}");
    }
}
