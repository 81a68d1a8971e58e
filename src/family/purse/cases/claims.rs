//! Whether the card is the one that the statement describes: what it says of itself behind an authentication for enquiries, by which
//! nothing is written.

use super::client::{Opener, offer, select, suites};
use super::picture::{logical_cards, records};
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::data::session::{CardState, LogicalCardDetail, SelectAnswer};
use crate::family::purse::data::transact::{FILE_CYCLIC, FILE_LINEAR};
use crate::family::purse::data::{Role, Suite};
use crate::money::Currency;
use crate::quoted::quoted;
use crate::wire::status::StatusWord;

/// What the statement says otherwise than the card, each in a sentence.
pub(in crate::family::purse) fn contradictions(tester: &mut Tester<'_>) -> OrStop<Vec<String>> {
    let r0 = select(tester)?;
    let mut found = of_offer(tester, &offer(&r0)?);
    let Some(&suite) = suites(tester).first() else { return Ok(found) };
    // With another suite than the card has nothing else can be asked.
    if !found.is_empty() {
        return Ok(found);
    }
    let ids = logical_cards(tester);
    // The first alone: where the list is wrong, what it says is told all the same.
    for list in [ids.get(..1).unwrap_or_default(), ids.get(..).filter(|ids| ids.len() > 1).unwrap_or_default()] {
        if list.is_empty() {
            continue;
        }
        let more = of_logical_cards(tester, suite, list)?;
        found.extend(more.into_iter().filter(|more| !found.contains(more)).collect::<Vec<_>>());
    }
    Ok(found)
}

/// A session for enquiries over these logical cards, and what they say.
fn of_logical_cards(tester: &mut Tester<'_>, suite: Suite, list: &[u8]) -> OrStop<Vec<String>> {
    let mut opened = match Opener::new(suite, Role::Read).cards(list).everything().try_open(tester)? {
        Ok(opened) => opened,
        Err(status) => {
            let list = list.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
            return Ok(vec![format!(
                "logical cards: claimed {list} with the keys of their operators, the card answers {} to them",
                status.told()
            )]);
        }
    };
    let mut found = of_flags(tester, opened.state.flags);
    for detail in opened.state.details.clone() {
        found.extend(of_logical_card(tester, &detail)?);
        for (file, name) in [(FILE_LINEAR, "linear"), (FILE_CYCLIC, "cyclic")] {
            let claimed = records(tester, detail.id, file)?;
            // The last one is there, and the one behind it is not.
            for record in [claimed, claimed.saturating_add(1)].into_iter().filter(|record| *record > 0) {
                let (_, status) = opened.session.read(tester, detail.id, file, record)?;
                if (status == StatusWord::OK) != (record <= claimed) {
                    found.push(format!(
                        "{name} records of logical card {}: claimed {claimed}, the card answers {} to READ of record {record}",
                        detail.id, status.told()
                    ));
                }
            }
        }
    }
    Ok(found)
}

fn said(what: &str, claimed: impl std::fmt::Display, card: impl std::fmt::Display) -> String {
    format!("{what}: claimed {claimed}, the card says {card}")
}

const fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// Suites and key version.
fn of_offer(tester: &Tester<'_>, offer: &SelectAnswer) -> Vec<String> {
    let claimed = suites(tester);
    let mut found = Vec::new();
    for suite in [Suite::Epc1, Suite::Epc2] {
        let (claimed, offered) = (claimed.contains(&suite), offer.suites & suite.bit() != 0);
        if claimed != offered {
            found.push(said(&format!("suite {suite}"), yes(claimed), yes(offered)));
        }
    }
    if let (Ok(claimed), Some(epc1)) = (tester.number("purse.key_version"), &offer.epc1)
        && claimed != u64::from(epc1.key_version)
    {
        found.push(said("key version", claimed, epc1.key_version));
    }
    found
}

fn of_flags(tester: &Tester<'_>, flags: u8) -> Vec<String> {
    let flags = [
        ("a PIN", "purse.pin", CardState::PIN_PRESENT),
        ("verification on the device", "purse.on_device_verification", CardState::VERIFIED_ON_DEVICE),
    ]
    .map(|(what, claim, flag)| (what, tester.claims(claim), flags & flag != 0));
    let differs = flags.into_iter().filter(|(_, claimed, there)| claimed != there);
    differs.map(|(what, claimed, there)| said(what, yes(claimed), yes(there))).collect()
}

fn of_logical_card(tester: &Tester<'_>, detail: &LogicalCardDetail) -> OrStop<Vec<String>> {
    let mut found = Vec::new();
    let operator = tester.number(&format!("purse.operator.{}", detail.id))?;
    if operator != u64::from(detail.operator) {
        found.push(said(&format!("operator of logical card {}", detail.id), operator, detail.operator));
    }
    let name = format!("purse.currency.{}", detail.id);
    if let Ok(text) = tester.text(&name) {
        let claimed = text.parse().ok().and_then(Currency::new).or_else(|| Currency::from_alpha(text));
        let claimed = claimed.ok_or_else(|| {
            Stop::error(format!(
                "statement: {name}: expected a code such as EUR or 978, got {text}",
                text = quoted(text)
            ))
        })?;
        if claimed != detail.currency {
            found.push(said(&format!("currency of logical card {}", detail.id), claimed, detail.currency));
        }
    }
    Ok(found)
}
