//! Status words: SW1 SW2 at the end of every response APDU (ISO/IEC 7816-4:2020, 5.6, tables 5 and 6).

use std::fmt;

use super::status_proprietary;

/// SW1 SW2 as one number. Any value is one; [`kind`](Self::kind) says what it means.
///
/// ```
/// use untorn::wire::status::{Kind, StatusWord};
/// assert_eq!(StatusWord::NOT_FOUND.to_string(), "6A82 file or application not found");
/// assert_eq!(StatusWord(0x63C2).kind(), Kind::TriesLeft(2));
/// assert_eq!(StatusWord(0x6100).kind(), Kind::BytesAvailable(0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusWord(pub u16);

/// What a status word says, by ISO/IEC 7816-4:2020, table 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `9000`: done.
    Success,
    /// `61xx`: done, and this many octets wait for GET RESPONSE; 0 means 256 or more.
    BytesAvailable(u8),
    /// `62xx` and `63xx` other than a counter: done, with a remark.
    Warning,
    /// `63Cx`: a counter, after VERIFY the tries that are left, 0 to 15.
    TriesLeft(u8),
    /// `64xx`, `65xx`, `66xx`: begun and failed.
    ExecutionError,
    /// `6Cxx`: Le is wrong, this many octets are available; 0 means 256.
    WrongLe(u8),
    /// `67xx` to `6Fxx` other than `6Cxx`: refused before it began.
    CheckingError,
    /// `9xxx` other than `9000`: not interindustry, the application gives it a meaning.
    Proprietary,
    /// `60xx` and everything outside `6xxx` and `9xxx`: no status word at all (ISO/IEC 7816-4:2020, 5.6).
    Undefined,
}

macro_rules! status_words {
    ($($name:ident = $value:literal, $meaning:literal;)*) => {
        impl StatusWord {
            $(
                #[doc = concat!("`", stringify!($value), "`: ", $meaning, ".")]
                pub const $name: Self = Self($value);
            )*
        }

        /// Value and meaning of every status word with a name of its own.
        const NAMED: &[(u16, &str)] = &[$(($value, $meaning),)*];
    };
}

// ISO/IEC 7816-4:2020, table 6, and 9000 of table 5; 6F00 is 7816-3's "no precise diagnosis".
status_words! {
    OK = 0x9000, "done";
    TRIGGERED_BY_CARD = 0x6202, "the card asks to be queried";
    DATA_MAY_BE_CORRUPTED = 0x6281, "part of the returned data may be corrupted";
    END_OF_FILE = 0x6282, "end of file or record before Ne octets, or search without result";
    FILE_DEACTIVATED = 0x6283, "selected file deactivated";
    WRONG_CONTROL_INFORMATION = 0x6284, "file control information not in its standard format";
    FILE_TERMINATED = 0x6285, "selected file in termination state";
    NO_SENSOR_INPUT = 0x6286, "no input from a sensor of the card";
    REFERENCED_RECORD_DEACTIVATED = 0x6287, "a referenced record is deactivated";
    AUTHENTICATION_FAILED = 0x6300, "no information, after a check: it failed";
    FILE_FULL = 0x6381, "file filled up by the last write";
    EXECUTION_ERROR = 0x6400, "execution error, memory unchanged";
    IMMEDIATE_RESPONSE_REQUIRED = 0x6401, "the card wants an immediate answer";
    EXECUTION_ERROR_CHANGED = 0x6500, "execution error, memory changed";
    MEMORY_FAILURE = 0x6581, "memory failure";
    WRONG_LENGTH = 0x6700, "wrong length";
    CLASS_FUNCTION_NOT_SUPPORTED = 0x6800, "a function of the class octet is not supported";
    CHANNEL_NOT_SUPPORTED = 0x6881, "logical channel not supported";
    SECURE_MESSAGING_NOT_SUPPORTED = 0x6882, "secure messaging not supported";
    LAST_CHAIN_COMMAND_EXPECTED = 0x6883, "last command of the chain expected";
    CHAINING_NOT_SUPPORTED = 0x6884, "command chaining not supported";
    COMMAND_NOT_ALLOWED = 0x6900, "command not allowed";
    INCOMPATIBLE_FILE = 0x6981, "command does not fit the file structure";
    SECURITY_STATUS_NOT_SATISFIED = 0x6982, "security status not satisfied";
    AUTHENTICATION_BLOCKED = 0x6983, "authentication method blocked";
    REFERENCE_DATA_NOT_USABLE = 0x6984, "reference data not usable";
    CONDITIONS_NOT_SATISFIED = 0x6985, "conditions of use not satisfied";
    NO_CURRENT_FILE = 0x6986, "no current elementary file";
    SM_DATA_MISSING = 0x6987, "secure messaging data objects missing";
    SM_DATA_INCORRECT = 0x6988, "secure messaging data objects incorrect";
    WRONG_PARAMETERS = 0x6A00, "wrong parameters P1 P2";
    WRONG_DATA = 0x6A80, "wrong data in the command";
    FUNCTION_NOT_SUPPORTED = 0x6A81, "function not supported";
    NOT_FOUND = 0x6A82, "file or application not found";
    RECORD_NOT_FOUND = 0x6A83, "record not found";
    NOT_ENOUGH_MEMORY = 0x6A84, "not enough memory";
    LENGTH_INCONSISTENT_WITH_TLV = 0x6A85, "Nc inconsistent with the data objects";
    WRONG_P1P2 = 0x6A86, "wrong parameters P1 P2";
    LENGTH_INCONSISTENT_WITH_P1P2 = 0x6A87, "Nc inconsistent with P1 P2";
    REFERENCED_DATA_NOT_FOUND = 0x6A88, "referenced data not found";
    FILE_EXISTS = 0x6A89, "file exists already";
    NAME_EXISTS = 0x6A8A, "dedicated file name exists already";
    WRONG_OFFSET = 0x6B00, "wrong parameters: offset outside the file";
    INS_NOT_SUPPORTED = 0x6D00, "instruction not supported or invalid";
    CLA_NOT_SUPPORTED = 0x6E00, "class not supported";
    NO_DIAGNOSIS = 0x6F00, "failed without a precise diagnosis";
}

impl StatusWord {
    /// A counter of `tries` that are left, 0 to 15: `63Cx`. More than 15 are reported as 15.
    pub const fn tries_left(tries: u8) -> Self {
        Self(0x63C0 | if tries > 15 { 15 } else { tries as u16 })
    }

    /// SW1 and SW2.
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }

    /// From SW1 and SW2.
    pub const fn from_bytes(octets: [u8; 2]) -> Self {
        Self(u16::from_be_bytes(octets))
    }

    /// SW1.
    pub const fn sw1(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// SW2.
    pub const fn sw2(self) -> u8 {
        self.0 as u8
    }

    /// What it says, by ISO/IEC 7816-4:2020, table 5.
    pub const fn kind(self) -> Kind {
        match self.to_bytes() {
            [0x90, 0x00] => Kind::Success,
            [0x61, available] => Kind::BytesAvailable(available),
            [0x63, counter @ 0xC0..=0xCF] => Kind::TriesLeft(counter & 15),
            [0x62 | 0x63, _] => Kind::Warning,
            [0x64..=0x66, _] => Kind::ExecutionError,
            [0x6C, available] => Kind::WrongLe(available),
            [0x67..=0x6F, _] => Kind::CheckingError,
            [0x90..=0x9F, _] => Kind::Proprietary,
            _ => Kind::Undefined,
        }
    }

    /// Normal processing: `9000` or `61xx`.
    pub const fn is_normal(self) -> bool {
        matches!(self.kind(), Kind::Success | Kind::BytesAvailable(_))
    }

    /// What the class of the status word alone says of the card's non-volatile memory: `Some(true)` for `63xx` and `65xx`,
    /// `Some(false)` for `62xx` and `64xx`, `None` where the standard says nothing (ISO/IEC 7816-4:2020, table 5).
    pub const fn memory_changed(self) -> Option<bool> {
        match self.sw1() {
            0x62 | 0x64 => Some(false),
            0x63 | 0x65 => Some(true),
            _ => None,
        }
    }

    /// Whether the value itself has a public meaning, not only its class.
    pub fn has_name(self) -> bool {
        NAMED.iter().any(|(value, _)| *value == self.0)
            || matches!(self.kind(), Kind::BytesAvailable(_) | Kind::TriesLeft(_) | Kind::WrongLe(_))
            || self.elsewhere().is_some()
            || (self.kind() == Kind::Proprietary && status_proprietary::meaning(self.0).is_some())
    }

    /// What it means as an answer to the command with this head.
    pub(crate) fn meaning_after(self, head: [u8; 4]) -> String {
        status_proprietary::after(head, self.0).unwrap_or_else(|| self.meaning())
    }

    /// What other specifications say beside ISO/IEC 7816-4, each named; `None` where they say the same or nothing.
    pub const fn elsewhere(self) -> Option<&'static str> {
        status_proprietary::elsewhere(self.0)
    }

    /// The four digits, and behind them in brackets what they mean. Each application gives the others of `9xxx` meanings of its own, so
    /// these are told without.
    ///
    /// ```
    /// use untorn::wire::status::StatusWord;
    /// assert_eq!(StatusWord(0x6982).told(), "6982 (security status not satisfied)");
    /// assert_eq!(StatusWord(0x9401).told(), "9401");
    /// ```
    pub fn told(self) -> String {
        match self.kind() {
            Kind::Proprietary => format!("{:04X}", self.0),
            _ => format!("{:04X} ({})", self.0, self.meaning()),
        }
    }

    /// What it means in words; the words of its class where the value has no name of its own.
    pub fn meaning(self) -> String {
        if let Some((_, meaning)) = NAMED.iter().find(|(value, _)| *value == self.0) {
            return (*meaning).to_owned();
        }
        let sw2 = self.sw2();
        match self.kind() {
            Kind::Success => "done".to_owned(),
            Kind::BytesAvailable(0) => "done, 256 octets or more available".to_owned(),
            Kind::BytesAvailable(available) => format!("done, {available} octets available"),
            Kind::TriesLeft(tries) => format!("warning, counter at {tries}"),
            Kind::WrongLe(0) => "wrong Le, 256 octets available".to_owned(),
            Kind::WrongLe(available) => format!("wrong Le, {available} octets available"),
            // ISO/IEC 7816-4:2005, 8.6.1: 02 to 80 are lengths of a query that the card wants to make.
            Kind::Warning if self.sw1() == 0x62 && (0x02..=0x80).contains(&sw2) => {
                format!("warning, the card has a query of {sw2} octets")
            }
            Kind::Warning if self.sw1() == 0x62 => "warning, memory unchanged".to_owned(),
            Kind::Warning => "warning, memory changed".to_owned(),
            Kind::ExecutionError => match self.sw1() {
                0x64 => "execution error, memory unchanged",
                0x65 => "execution error, memory changed",
                _ => "execution error, security-related",
            }
            .to_owned(),
            Kind::CheckingError => match self.sw1() {
                0x67 => "wrong length",
                0x68 => "a function of the class octet is not supported",
                0x69 => "command not allowed",
                0x6A | 0x6B => "wrong parameters P1 P2",
                0x6D => "instruction not supported or invalid",
                0x6E => "class not supported",
                _ => "failed without a precise diagnosis",
            }
            .to_owned(),
            Kind::Proprietary => status_proprietary::meaning(self.0).unwrap_or_else(|| "proprietary".to_owned()),
            Kind::Undefined => "not a status word".to_owned(),
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X} {}", self.0, self.meaning())
    }
}

/// As [`StatusWord::told`]: nobody knows a status word by its decimal number.
impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told())
    }
}

impl From<u16> for StatusWord {
    fn from(value: u16) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn one_name_a_value() {
        let values: HashSet<u16> = NAMED.iter().map(|(value, _)| *value).collect();
        assert_eq!(values.len(), NAMED.len());
    }

    #[test]
    fn every_value_is_kept_and_printed() {
        for value in 0..=u16::MAX {
            let status = StatusWord(value);
            assert_eq!(StatusWord::from_bytes(status.to_bytes()), status);
            assert!(status.to_string().starts_with(&format!("{value:04X} ")));
            assert!(format!("{status:?}").starts_with(&format!("{value:04X}")), "{status:?}");
        }
    }

    #[test]
    fn kinds_by_table_5() {
        for (value, kind) in [
            (0x9000, Kind::Success),
            (0x61FF, Kind::BytesAvailable(255)),
            (0x6281, Kind::Warning),
            (0x6300, Kind::Warning),
            (0x63C0, Kind::TriesLeft(0)),
            (0x63CF, Kind::TriesLeft(15)),
            (0x63D0, Kind::Warning),
            (0x6400, Kind::ExecutionError),
            (0x6581, Kind::ExecutionError),
            (0x6600, Kind::ExecutionError),
            (0x6700, Kind::CheckingError),
            (0x6C10, Kind::WrongLe(16)),
            (0x6F00, Kind::CheckingError),
            (0x91AF, Kind::Proprietary),
            (0x9001, Kind::Proprietary),
            (0x6000, Kind::Undefined),
            (0x7000, Kind::Undefined),
            (0xA000, Kind::Undefined),
            (0x0000, Kind::Undefined),
        ] {
            assert_eq!(StatusWord(value).kind(), kind, "{value:04X}");
        }
    }

    #[test]
    fn words_where_the_value_has_no_name() {
        assert_eq!(StatusWord(0x611C).to_string(), "611C done, 28 octets available");
        assert_eq!(StatusWord(0x6C1A).to_string(), "6C1A wrong Le, 26 octets available");
        assert_eq!(StatusWord(0x63C3).to_string(), "63C3 warning, counter at 3");
        assert_eq!(
            StatusWord(0x91AF).to_string(),
            "91AF DESFire: additional frame, more follows; SIM: done, a command of 175 octets waits for FETCH"
        );
        assert_eq!(StatusWord(0x9001).to_string(), "9001 proprietary");
        assert_eq!(StatusWord::tries_left(3), StatusWord(0x63C3));
    }

    /// GSM 11.11 (3GPP TS 51.011), 9.4.
    #[test]
    fn words_of_a_sim() {
        for (value, words) in [
            (0x9404, "file or pattern not found"),
            (0x9804, "access condition not fulfilled"),
            (0x9240, "memory problem"),
            (0x9203, "written after 3 tries"),
            (0x9F17, "done, 23 octets available"),
            (0x9E02, "data download error, 2 octets available"),
            (0x9120, "a command of 32 octets waits for FETCH"),
        ] {
            let status = StatusWord(value);
            assert!(status.has_name() && status.meaning().contains(words), "{status}");
        }
        assert!(!StatusWord(0x9302).has_name() && !StatusWord(0x6F42).has_name());
    }

    #[test]
    fn memory_by_the_class_alone() {
        assert_eq!(StatusWord::MEMORY_FAILURE.memory_changed(), Some(true));
        assert_eq!(StatusWord::EXECUTION_ERROR.memory_changed(), Some(false));
        assert_eq!(StatusWord::OK.memory_changed(), None);
    }
}
