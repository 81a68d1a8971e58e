//! A test campaign: which cases, on which subject, and what they may do to it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::ledger::FileLedger;
use super::subjects::{MakeCard, OpenReader, RealCard, ServedCards};
use super::{AppError, ReaderChoice, suites};
use crate::conformance::case::{Case, Risk};
use crate::conformance::rig::{InProcessSubject, Rig, Subject};
use crate::conformance::runner::Subjects;
use crate::conformance::statement::{Statement, Value};
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{Outcome, Stop};
use crate::family::{CardFamily, families};
use crate::reader::Reader;
use crate::wire::hex;

/// What a person asked for.
#[derive(Debug, Clone, Default)]
pub struct CampaignOptions {
    /// `None`: virtual cards in this process.
    pub reader: Option<String>,
    /// Show our virtual cards to the vpcd at this address and test them at `reader`.
    pub serve: Option<SocketAddr>,
    /// A built-in card profile: of what virtual cards are made, and what is claimed of a card without a statement.
    pub profile: String,
    /// ICS and IXIT in a TOML file, instead of the profile's.
    pub statement: Option<PathBuf>,
    /// Cases in TOML files, besides the built-in ones.
    pub cases: Vec<PathBuf>,
    /// Identity of the real card that may be written to.
    pub card: Option<String>,
    /// A deliberate defect of the virtual card.
    pub mutant: Option<String>,
}

/// Cases, subject, permission.
pub struct Campaign {
    /// All cases there are, chosen from by a selection.
    pub cases: Vec<Case>,
    /// The card that they run on.
    pub card: Box<dyn Subject>,
    /// The most that they may do to it.
    pub risk_max: Risk,
    /// Identity of a real card.
    pub identity: Option<String>,
}

impl Campaign {
    /// Opens the subject.
    pub fn open(options: &CampaignOptions) -> Result<Self, AppError> {
        let mut cases = suites::cases();
        for path in &options.cases {
            cases.extend(read_cases(path)?);
        }
        let statement = match &options.statement {
            Some(path) => read_statement(path)?,
            None => built_in(&options.profile)?.1,
        };
        let Some(name) = options.reader.clone() else {
            let make = make_card(options)?;
            let subject = Box::new(InProcessSubject::new(statement, make));
            return Ok(Self { cases, card: subject, risk_max: Risk::Irreversible, identity: None });
        };
        let reader = name.clone();
        let open: OpenReader = Box::new(move || open_reader(&reader));
        if let Some(address) = options.serve {
            let subject = Box::new(ServedCards::serve(statement, address, make_card(options)?, open)?);
            return Ok(Self { cases, card: subject, risk_max: Risk::Irreversible, identity: None });
        }
        if options.mutant.is_some() {
            return Err(AppError::Usage(
                "--mutant is for virtual cards: a real card has the defects it has".to_owned(),
            ));
        }
        let identity = identify(&statement, open_reader(&name)?)?;
        let risk_max = permission(&identity, options.card.as_deref())?;
        let mut subject = RealCard::new(statement, name, open);
        if risk_max > Risk::ReadOnly {
            subject = subject.with_ledger(FileLedger::open(&identity)?);
        }
        Ok(Self { cases, card: Box::new(subject), risk_max, identity: Some(identity) })
    }
}

impl Campaign {
    /// The cases, and what is under test.
    pub fn parts(&mut self) -> (&[Case], Subjects<'_>) {
        (&self.cases, Subjects::card(&mut *self.card))
    }
}

/// What a person allows by naming a card. Cases that ruin one never run on a real card: they need a fresh one each.
fn permission(identity: &str, named: Option<&str>) -> Result<Risk, AppError> {
    match named {
        None => Ok(Risk::ReadOnly),
        Some(named) if named.eq_ignore_ascii_case(identity) => Ok(Risk::Irreversible),
        Some(named) => Err(AppError::Usage(format!("--card names {named}, the card at the reader is {identity}"))),
    }
}

fn read_cases(path: &Path) -> Result<Vec<Case>, AppError> {
    let text = fs::read_to_string(path).map_err(|source| AppError::file("read the cases", path, source))?;
    crate::conformance::steps::parse_cases(&text)
        .map_err(|error| AppError::Usage(format!("{}: {error}", path.display())))
}

fn read_statement(path: &Path) -> Result<Statement, AppError> {
    let text = fs::read_to_string(path).map_err(|source| AppError::file("read the statement", path, source))?;
    Statement::parse(&text).map_err(|error| AppError::Usage(format!("{}: {error}", path.display())))
}

/// The family that has this profile built in, and what it claims.
fn built_in(profile: &str) -> Result<(&'static dyn CardFamily, Statement), AppError> {
    let known: Vec<&str> = families().iter().flat_map(|family| family.profiles()).collect();
    let family = families().iter().find(|family| family.profiles().contains(&profile)).ok_or_else(|| {
        AppError::Profile(format!("there is no built-in profile {profile:?} to test; there are: {}", known.join(", ")))
    })?;
    let statement = family.statement(profile).map_err(AppError::Profile)?;
    Ok((&**family, statement))
}

fn make_card(options: &CampaignOptions) -> Result<MakeCard, AppError> {
    let (family, _) = built_in(&options.profile)?;
    let (profile, mutant) = (options.profile.clone(), options.mutant.clone());
    // An unknown mutant is a slip of the keyboard, not the end of every case.
    family.virtual_card(&profile, 0, mutant.as_deref()).map_err(AppError::Usage)?;
    Ok(Box::new(move |seed| family.virtual_card(&profile, seed, mutant.as_deref())))
}

fn open_reader(name: &str) -> Result<Box<dyn Reader>, AppError> {
    match ReaderChoice::parse(name) {
        ReaderChoice::Pcsc(name) => super::open_bare_pcsc(&name),
        ReaderChoice::Virtual => Err(AppError::Usage("the virtual reader has no PC/SC name".to_owned())),
    }
}

/// What identifies the card at the reader: what its family says; the answer to the statement's `identity` command; its ATR.
fn identify(statement: &Statement, reader: Box<dyn Reader>) -> Result<String, AppError> {
    let mut rig = Rig::new(reader, None);
    let mut clock = || 0;
    let mut tester = Tester::new(&mut rig, statement, 0, &mut clock);
    let identity = identity_of(&mut tester, statement);
    tester.power_off();
    identity.map_err(|stop| AppError::Reader(format!("cannot identify the card: {}", stop.reason)))
}

fn identity_of(tester: &mut Tester<'_>, statement: &Statement) -> Outcome<String> {
    let atr = tester.power_on()?;
    for family in families().iter().filter(|family| statement.claims(family.name())) {
        if let Some(identity) = family.identify(tester)? {
            return Ok(identity);
        }
    }
    let Some(Value::Text(command)) = statement.values.get("identity") else { return Ok(hex::encode(&atr)) };
    let command = hex::parse(command).map_err(|error| Stop::error(format!("identity: {error}")))?;
    let answer = tester.send(&command)?;
    tester.expect_status(&answer, 0x9000)?;
    Ok(hex::encode(&answer.data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_written_to_only_when_it_is_named() {
        assert_eq!(permission("AB01", None).unwrap(), Risk::ReadOnly);
        assert_eq!(permission("AB01", Some("ab01")).unwrap(), Risk::Irreversible);
        assert!(permission("AB01", Some("AB02")).is_err());
    }

    #[test]
    fn an_unknown_mutant_or_profile_is_told_before_anything_runs() {
        let open = |profile: &str, mutant: Option<&str>| {
            let options = CampaignOptions {
                profile: profile.to_owned(),
                mutant: mutant.map(str::to_owned),
                ..CampaignOptions::default()
            };
            Campaign::open(&options).map(|_| ())
        };
        assert!(open("default", None).is_ok());
        assert!(open("default", Some("nonce-constant")).is_ok());
        assert!(open("default", Some("no-such")).is_err());
        assert!(open("no-such", None).is_err());
    }
}
