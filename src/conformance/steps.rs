//! Cases as data: a TOML file of commands and what must come back, for a card of which nobody writes Rust.
//!
//! ```toml
//! suite = "openpgp"
//!
//! [[case]]
//! id = "PGP-SEL-001"
//! purpose = "The application is found."
//! needs = ["openpgp"]             # claims of the statement; also: revision, requirements, kills, twin, risk
//! risk = "read_only"              # or costs_a_try, writes, irreversible
//!
//! [[case.step]]
//! send = "00A40400 06 D27600012401 00"
//! expect = "9000"                 # or a list; ? stands for any digit: "61??"
//!
//! [[case.step]]
//! send = "00CA006E00"
//! whole = true                    # follow 6Cxx and 61xx
//! expect = "9000"
//! data = "6E ?? *"                # ? for any digit, * at the end for any more octets
//! at_least = 4                    # octets of data
//! save = { serial = { offset = 2, length = 4 } }  # without length: to the end
//!
//! [[case.step]]
//! reset = "cold"                  # or warm
//!
//! [[case.step]]
//! send = "00200081 06 ${pgp.pin}"
//! tries = "pin"                   # an attempt at this secret, by the name that it has in the ledger of the card
//! expect = "9000"
//! postamble = true
//! ```
//!
//! `${name}` in `send` and `data` stands for octets saved by an earlier step, else for a text of the statement's values; in the `send` of
//! a step that `tries` something also for one of its secrets, in hex as all octets, where the log masks the data of the command. A step with
//! `preamble = true` only leads to what is tested: what goes wrong there is inconclusive. `tear = "before"` or `"after"` takes the card
//! away before it has seen the command, or after it has carried it out; the next step is then a reset.
//!
//! The steps at the end with `postamble = true` run whatever came of the others, and make the card as it was. A step that `tries` a secret
//! is counted at a real card before it is sent, and is not sent after two failures in a row; 9000 to it forgets them. What was accepted
//! before in the case is not counted when it is sent again: so a case begins with the right PIN, and wins its tries back with it. VERIFY
//! and its kin are not sent without `tries`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::case::Case;
use super::pattern::{Pattern, Template};
use super::risk::Risk;
use super::tester::{Answer, Tester};
use super::verdict::{OrStop, Stop};
use super::wanted::Wanted;
use crate::malformed;
use crate::quoted::quoted;
use crate::reader::fault::Fault;
use crate::reader::trace::{has_pin, mask_pins};
use crate::wire::hex;
use crate::wire::status::StatusWord;

/// What does not fit in a file of cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepsError {
    /// Not TOML, or not of this shape; says line and column.
    #[error("cases: {0}")]
    Syntax(String),
    /// A case.
    #[error("cases: {case}: {reason}")]
    Case {
        /// Its id.
        case: String,
        /// Expected what, got what.
        reason: String,
    },
    /// A step of a case.
    #[error("cases: {case}, step {step}: {reason}")]
    Step {
        /// Id of the case.
        case: String,
        /// Which step, from 1.
        step: usize,
        /// Expected what, got what.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    suite: String,
    #[serde(rename = "case")]
    cases: Vec<CaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    id: String,
    purpose: String,
    #[serde(default = "one")]
    revision: u32,
    #[serde(default)]
    requirements: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    kills: Vec<String>,
    twin: Option<String>,
    risk: Risk,
    #[serde(rename = "step")]
    steps: Vec<StepText>,
}

const fn one() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    reset: Option<ResetText>,
    send: Option<String>,
    #[serde(default)]
    expect: OneOrMore,
    data: Option<String>,
    at_least: Option<usize>,
    #[serde(default)]
    save: BTreeMap<String, FieldSpec>,
    #[serde(default)]
    whole: bool,
    #[serde(default)]
    preamble: bool,
    #[serde(default)]
    postamble: bool,
    tries: Option<String>,
    tear: Option<CutSpec>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResetText {
    Cold,
    Warm,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CutSpec {
    Before,
    After,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

/// Where in the data of an answer.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldSpec {
    #[serde(default)]
    offset: usize,
    length: Option<usize>,
}

struct StepSpec {
    preamble: bool,
    postamble: bool,
    /// The secret that it is an attempt at.
    tries: Option<String>,
    action: Action,
}

enum Action {
    Reset(ResetText),
    Torn { command: Template, tear: CutSpec },
    Send { command: Template, whole: bool, answer: Expected },
}

impl StepSpec {
    /// Whether some answer of a card would fail here.
    fn checks(&self) -> bool {
        matches!(&self.action, Action::Send { answer, .. } if !self.preamble && answer.checks())
    }
}

impl Expected {
    fn checks(&self) -> bool {
        let any_word = self.status.iter().any(Pattern::is_open);
        !any_word || self.at_least > 0 || self.data.as_ref().is_some_and(|data| !data.is_open())
    }
}

struct Expected {
    status: Vec<Pattern>,
    data: Option<Template>,
    at_least: usize,
    save: BTreeMap<String, FieldSpec>,
}

/// The cases of a file, in its order.
///
/// ```
/// use untorn::conformance::steps::parse_cases;
/// let text = r#"
/// suite = "toy"
/// [[case]]
/// id = "TOY-INS-001"
/// purpose = "An unknown instruction is refused."
/// risk = "read_only"
/// [[case.step]]
/// send = "005E0000"
/// expect = "6D00"
/// "#;
/// assert_eq!(parse_cases(text).unwrap()[0].name(), "TOY-INS-001@1");
/// let wrong = text.replace("6D00", "6D0");
/// assert_eq!(
///     parse_cases(&wrong).unwrap_err().to_string(),
///     "cases: TOY-INS-001, step 1: expect: expected four digits, got \"6D0\""
/// );
/// ```
pub fn parse_cases(text: &str) -> Result<Vec<Case>, StepsError> {
    let file: File = toml::from_str(text).map_err(|error| StepsError::Syntax(malformed::toml(text, &error)))?;
    let mut ids = BTreeSet::new();
    let mut cases = Vec::with_capacity(file.cases.len());
    for text in file.cases {
        if !ids.insert(text.id.clone()) {
            return Err(StepsError::Case { case: text.id, reason: "the id stands twice".to_owned() });
        }
        cases.push(case(&file.suite, text)?);
    }
    Ok(cases)
}

fn case(suite: &str, text: CaseText) -> Result<Case, StepsError> {
    let wrong = |reason: &str| StepsError::Case { case: text.id.clone(), reason: reason.to_owned() };
    let part = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if text.id.split('-').count() < 2 || !text.id.split('-').all(part) {
        return Err(wrong("expected an id of capitals and digits with hyphens, as AREA-TOPIC-001"));
    }
    if text.purpose.trim().is_empty() {
        return Err(wrong("the purpose is empty"));
    }
    if text.steps.is_empty() {
        return Err(wrong("it has no step"));
    }
    let mut steps: Vec<StepSpec> = Vec::with_capacity(text.steps.len());
    for (index, step_text) in text.steps.iter().enumerate() {
        let after_tear = matches!(steps.last(), Some(StepSpec { action: Action::Torn { .. }, .. }));
        let step = step(step_text, after_tear).map_err(|reason| StepsError::Step {
            case: text.id.clone(),
            step: index + 1,
            reason,
        })?;
        steps.push(step);
    }
    let tries = steps.iter().any(|step| step.tries.is_some());
    match text.risk {
        Risk::ReadOnly if tries => return Err(wrong("a case that only reads tries no secret")),
        Risk::CostsATry if !tries => {
            return Err(wrong("it costs a try, and no step says of which secret: tries = \"pin\""));
        }
        _ => {}
    }
    let postamble = steps.iter().position(|step| step.postamble).unwrap_or(steps.len());
    if !steps[postamble..].iter().all(|step| step.postamble) {
        return Err(wrong("a step behind the postamble, which comes last"));
    }
    if !steps.iter().any(StepSpec::checks) {
        return Err(wrong("it proves nothing: expected a step without preamble that looks at the card's answer"));
    }
    if text.twin.as_ref() == Some(&text.id) {
        return Err(wrong("twin: a case is not its own twin"));
    }
    let values = values(&steps);
    let case = Case::new(&text.id, &text.purpose).of_suite(suite).revision(text.revision).risk(text.risk);
    // What ruins a card needs one that may be ruined.
    let case = if text.risk == Risk::Irreversible { case.ruins() } else { case };
    Ok(Case { requirements: text.requirements, needs: text.needs, kills: text.kills, twin: text.twin, values, ..case }
        .body(move |tester| run(tester, steps.split_at(postamble))))
}

fn step(text: &StepText, after_tear: bool) -> Result<StepSpec, String> {
    let answered = !matches!(&text.expect, OneOrMore::More(words) if words.is_empty());
    let looks = answered || text.data.is_some() || text.at_least.is_some() || !text.save.is_empty() || text.whole;
    let action = match (text.reset, &text.send, text.tear) {
        (Some(reset), None, None) if !looks => Action::Reset(reset),
        (Some(_), None, _) => return Err("a reset has no answer to look at".to_owned()),
        (None, Some(_), _) if after_tear => {
            return Err("the card is without power after a tear: expected a reset".to_owned());
        }
        (None, Some(send), Some(tear)) if !looks => Action::Torn { command: command(send)?, tear },
        (None, Some(_), Some(_)) => return Err("a torn command has no answer to look at".to_owned()),
        (None, Some(_), None) if !answered => return Err("expect: a status word is missing".to_owned()),
        (None, Some(send), None) => {
            Action::Send { command: command(send)?, whole: text.whole, answer: expected(text)? }
        }
        _ => return Err("expected either reset or send".to_owned()),
    };
    if text.tries.is_some() && matches!(action, Action::Reset(_)) {
        return Err("a reset tries no secret".to_owned());
    }
    if text.preamble && text.postamble {
        return Err("expected preamble or postamble, got both".to_owned());
    }
    Ok(StepSpec { preamble: text.preamble, postamble: text.postamble, tries: text.tries.clone(), action })
}

fn command(text: &str) -> Result<Template, String> {
    let template = Template::parse(text).map_err(|reason| format!("send: {reason}"))?;
    if template.has_wildcards() {
        return Err("send: expected octets, got a pattern".to_owned());
    }
    if text.trim().is_empty() {
        return Err("send: expected octets, got none".to_owned());
    }
    Ok(template)
}

fn expected(text: &StepText) -> Result<Expected, String> {
    let words = match &text.expect {
        OneOrMore::One(word) => std::slice::from_ref(word),
        OneOrMore::More(words) => words.as_slice(),
    };
    let status = |word: &String| {
        let pattern = Pattern::parse(word).map_err(|reason| format!("expect: {reason}"))?;
        let four = pattern.is_of_octets(2);
        four.then_some(pattern).ok_or_else(|| format!("expect: expected four digits, got {word}", word = quoted(word)))
    };
    let data = text.data.as_deref().map(Template::parse).transpose().map_err(|reason| format!("data: {reason}"))?;
    Ok(Expected {
        status: words.iter().map(status).collect::<Result<_, _>>()?,
        data,
        at_least: text.at_least.unwrap_or(0),
        save: text.save.clone(),
    })
}

type Saved = BTreeMap<String, Vec<u8>>;

fn run(tester: &mut Tester<'_>, (steps, postamble): (&[StepSpec], &[StepSpec])) -> OrStop {
    let saved = RefCell::new(Saved::new());
    let first = |tester: &mut Tester<'_>| run_each(tester, steps, 1, &mut saved.borrow_mut());
    if postamble.is_empty() {
        return first(tester);
    }
    let last = |tester: &mut Tester<'_>| run_each(tester, postamble, steps.len() + 1, &mut saved.borrow_mut());
    tester.with_postamble(first, last)
}

/// `number` is that of the first.
fn run_each(tester: &mut Tester<'_>, steps: &[StepSpec], number: usize, saved: &mut Saved) -> OrStop {
    for (index, step) in steps.iter().enumerate() {
        let done = perform(tester, step, saved);
        let done = if step.preamble { done.map_err(Stop::in_preamble) } else { done };
        done.map_err(|stop| Stop { reason: format!("step {}: {}", number + index, stop.reason), ..stop })?;
    }
    Ok(())
}

fn perform(tester: &mut Tester<'_>, step: &StepSpec, saved: &mut Saved) -> OrStop {
    let tries = step.tries.as_deref();
    match &step.action {
        Action::Reset(ResetText::Cold) => tester.power_on().map(drop),
        Action::Reset(ResetText::Warm) => tester.warm_reset().map(drop),
        Action::Torn { command, tear } => {
            let fault = match tear {
                CutSpec::Before => Fault::RemovedBefore,
                CutSpec::After => Fault::RemovedAfter,
            };
            let octets = octets(tester, command, tries, saved)?;
            tries.map_or(Ok(()), |secret| tester.before_failed_attempt(secret))?;
            tester.send_torn(&octets, fault);
            Ok(())
        }
        Action::Send { command, whole, answer: expected } => {
            let octets = octets(tester, command, tries, saved)?;
            tries.map_or(Ok(()), |secret| tester.before_attempt(secret, &octets))?;
            let answer = match (*whole, tries) {
                (false, _) => tester.send(&octets)?,
                (true, None) => tester.send_whole(&octets)?,
                // Not again after 6Cxx: that would be an attempt more.
                (true, Some(_)) => tester.send_once(&octets)?,
            };
            if let Some(secret) = tries.filter(|_| answer.status == StatusWord::OK) {
                tester.after_good_attempt(secret, &octets)?;
                // All but VERIFY and EXTERNAL AUTHENTICATE change or set aside what they are given.
                if !matches!(octets.get(1), Some(0x20 | 0x21 | 0x82)) {
                    tester.forget_accepted();
                }
            }
            look(tester, expected, &answer, saved)
        }
    }
}

/// VERIFY and its kin, and EXTERNAL AUTHENTICATE (ISO/IEC 7816-4:2020, 11.5.4), with data, in an interindustry class; of a wrong length too, for
/// a card may look at it all the same. What a class of its own means by its instructions is not known here: `tries` is up to who writes the step.
fn check_tries(command: &[u8], tries: Option<&str>) -> OrStop {
    match command {
        [cla, ins, _, _, _, _, ..] if cla & 0x80 == 0 && (has_pin(*ins) || *ins == 0x82) && tries.is_none() => {
            Err(Stop::error(format!("INS {ins:02X} tries a secret, and the step does not say which: tries = \"pin\"")))
        }
        _ => Ok(()),
    }
}

fn look(tester: &mut Tester<'_>, expected: &Expected, answer: &Answer, saved: &mut Saved) -> OrStop {
    // A pattern with an open digit stands for many words.
    let told = |pattern: &Pattern| match pattern.octets().as_deref() {
        Some(&[sw1, sw2]) => StatusWord::from_bytes([sw1, sw2]).told(),
        _ => pattern.to_string(),
    };
    let words: Vec<String> = expected.status.iter().map(told).collect();
    let held = expected.status.iter().any(|pattern| pattern.matches(&answer.status.to_bytes()));
    tester.check(held, format!("status word: expected {}, got {}", words.join(" or "), answer.status.told()))?;
    let got = answer.data.len();
    tester
        .check(got >= expected.at_least, format!("data: expected {} octets or more, got {got}", expected.at_least))?;
    if let Some(template) = &expected.data {
        let pattern = template.fill(|name| known(tester, saved, name)).map_err(Stop::error)?;
        let shown = hex::encode(&answer.data);
        tester.check(pattern.matches(&answer.data), format!("data: expected {pattern}, got {shown}"))?;
    }
    for (name, field) in &expected.save {
        let end = field.length.map_or(answer.data.len(), |length| field.offset.saturating_add(length));
        let Some(octets) = answer.data.get(field.offset..end) else {
            let from = field.offset;
            return Err(Stop::fail(format!("save {name}: expected octets {from} to {end}, got {got} octets of data")));
        };
        saved.insert(name.clone(), octets.to_vec());
    }
    Ok(())
}

/// The octets of a command, which may be sent. A secret stands in it only where the log masks it: were it another, the log would be the same.
fn octets(tester: &Tester<'_>, template: &Template, tries: Option<&str>, saved: &Saved) -> OrStop<Vec<u8>> {
    let octets = filled(tester, template, tries, saved, 0)?;
    let with_another = filled(tester, template, tries, saved, 0xFF)?;
    check_tries(&octets, tries)?;
    let shown = |octets: &[u8]| mask_pins(octets).unwrap_or_else(|| octets.to_vec());
    if shown(&octets) != shown(&with_another) {
        return Err(Stop::error(
            "a secret stands only in the data of VERIFY and its kin: the rest is shown in the log",
        ));
    }
    Ok(octets)
}

/// The command with what its names stand for; of a secret each octet with these bits turned over.
fn filled(tester: &Tester<'_>, template: &Template, tries: Option<&str>, saved: &Saved, turned: u8) -> OrStop<Vec<u8>> {
    let octets = |name: &str| match secret(tester, saved, name).filter(|_| tries.is_some()) {
        Some(secret) => match hex::parse(secret) {
            Ok(octets) if !octets.is_empty() => Ok(octets.iter().map(|octet| octet ^ turned).collect()),
            _ => Err(format!("${{{name}}}: expected octets in hexadecimal")),
        },
        None => known(tester, saved, name),
    };
    let pattern = template.fill(octets).map_err(Stop::error)?;
    pattern.octets().ok_or_else(|| Stop::error("a command with digits left open"))
}

/// The secret of this name, if no step has saved octets under it.
fn secret<'t>(tester: &Tester<'t>, saved: &Saved, name: &str) -> Option<&'t str> {
    tester.secret(name).ok().filter(|_| !saved.contains_key(name))
}

/// The names that no earlier step saves: texts of the statement, or secrets where a command tries one.
fn values(steps: &[StepSpec]) -> Vec<Wanted> {
    let mut saved = BTreeSet::new();
    let mut wanted = BTreeMap::new();
    for step in steps {
        let (Action::Send { command, .. } | Action::Torn { command, .. }) = &step.action else { continue };
        for name in command.names().filter(|name| !saved.contains(name)) {
            if step.tries.is_some() {
                wanted.entry(name).or_insert_with(|| Wanted::octets(name));
            } else {
                wanted.insert(name, Wanted::text(name));
            }
        }
        if let Action::Send { answer, .. } = &step.action {
            for name in answer.data.iter().flat_map(Template::names).filter(|name| !saved.contains(name)) {
                wanted.insert(name, Wanted::text(name));
            }
            saved.extend(answer.save.keys().map(String::as_str));
        }
    }
    wanted.into_values().collect()
}

/// What `${name}` stands for.
fn known(tester: &Tester<'_>, saved: &Saved, name: &str) -> Result<Vec<u8>, String> {
    if let Some(octets) = saved.get(name) {
        return Ok(octets.clone());
    }
    let text =
        tester.text(name).map_err(|_| format!("${{{name}}}: no step saved it, and the statement has no such text"))?;
    hex::parse(text).map_err(|error| format!("${{{name}}}: {error}"))
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
