//! Replay tokens: one line that repeats a case exactly.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::quoted::quoted;
use crate::wire::hex;

/// `case@revision/profile/seed/cuts`; `cuts` is the case's own record of where it tore, `-` where it has none. In `case` and `profile`
/// what is not a letter, a digit or one of `-._+` stands as `%` and two hex digits for each octet, since a statement may have any name.
///
/// ```
/// use untorn::conformance::token::Token;
/// let token: Token = "TRN-LOSTRESP-004@1/default/7/-".parse().unwrap();
/// assert_eq!((token.case.as_str(), token.seed, token.cuts.as_str()), ("TRN-LOSTRESP-004", 7, "-"));
/// assert_eq!(token.to_string(), "TRN-LOSTRESP-004@1/default/7/-");
/// let token = Token { profile: "my card/2".to_owned(), ..token };
/// assert_eq!(token.to_string(), "TRN-LOSTRESP-004@1/my%20card%2F2/7/-");
/// assert_eq!(token.to_string().parse(), Ok(token));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Id of the case.
    pub case: String,
    /// Its revision: a changed body repeats nothing.
    pub revision: u32,
    /// Name of the statement.
    pub profile: String,
    /// The seed of this case, not of the run.
    pub seed: u64,
    /// Where it tore.
    pub cuts: String,
}

impl Token {
    /// `cuts` of a case that has none.
    pub const NO_CUTS: &'static str = "-";
}

/// A text that is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("replay token: expected CASE@REVISION/PROFILE/SEED/CUTS, got {}", quoted(.0))]
pub struct TokenError(String);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (case, profile) = (escape(&self.case), escape(&self.profile));
        write!(f, "{case}@{}/{profile}/{}/{}", self.revision, self.seed, self.cuts)
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._+".contains(&octet) {
            escaped.push(char::from(octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{octet:02X}");
        }
    }
    escaped
}

/// `None`: a `%` without two hex digits, or what is no UTF-8.
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut octets = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        octets.extend(hex::parse(digits).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(octets).ok()
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let parse = || {
            let mut parts = text.splitn(4, '/');
            let (case, revision) = parts.next()?.split_once('@')?;
            let (profile, seed, cuts) = (parts.next()?, parts.next()?, parts.next()?);
            Some(Self {
                case: unescape(case)?,
                revision: revision.parse().ok()?,
                profile: unescape(profile)?,
                seed: seed.parse().ok()?,
                cuts: cuts.to_owned(),
            })
        };
        parse().ok_or_else(|| TokenError(text.to_owned()))
    }
}
