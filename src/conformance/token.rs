//! Replay tokens: one line that repeats a case exactly.

use std::fmt;
use std::str::FromStr;

/// `case@revision/profile/seed/cuts`; `cuts` is the case's own record of where it tore, `-` where it has none.
///
/// ```
/// use untorn::conformance::token::Token;
/// let token: Token = "TRN-LOSTRESP-004@1/default/7/-".parse().unwrap();
/// assert_eq!((token.case.as_str(), token.seed, token.cuts.as_str()), ("TRN-LOSTRESP-004", 7, "-"));
/// assert_eq!(token.to_string(), "TRN-LOSTRESP-004@1/default/7/-");
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
#[error("replay token: expected CASE@REVISION/PROFILE/SEED/CUTS, got {0:?}")]
pub struct TokenError(String);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}/{}/{}/{}", self.case, self.revision, self.profile, self.seed, self.cuts)
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let parse = || {
            let mut parts = text.splitn(4, '/');
            let (case, revision) = parts.next()?.split_once('@')?;
            let (profile, seed, cuts) = (parts.next()?, parts.next()?, parts.next()?);
            Some(Self {
                case: case.to_owned(),
                revision: revision.parse().ok()?,
                profile: profile.to_owned(),
                seed: seed.parse().ok()?,
                cuts: cuts.to_owned(),
            })
        };
        parse().ok_or_else(|| TokenError(text.to_owned()))
    }
}
