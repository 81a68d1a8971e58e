//! Selection (specs/iso7816_4.md, clause 8).

use super::case::case;
use super::client::{
    SelectForm, aid, must_read_on, read_command, read_header, read_on, reads_as, reset, select, select_command,
};
use super::refusal::{NO_APPLICATION, in_each_state, refused};
use crate::conformance::case::Case;
use crate::conformance::tester::{Answer, Tester};
use crate::conformance::verdict::{OrStop, Stop};
use crate::difference::plain;
use crate::wire::tlv::{self, Tag};

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [found(), not_found()].concat()
}

fn found() -> Vec<Case> {
    vec![
        case("ISO-SEL-009", "SELECT as the statement has it selects the application.", &[])
            .proves(&["REQ-ISO-SEL-1"])
            .kills(&["select-p2-other"])
            .body(first_select),
        case("ISO-SEL-010", "The command that the statement names reads something.", &["read"])
            .proves(&["REQ-ISO-SEL-1"])
            .kills(&["le-zero-as-none"])
            .body(first_read),
        case("ISO-SEL-001", "SELECT with the application's identifier succeeds, and again.", &[])
            .revision(2)
            .proves(&["REQ-ISO-SEL-1"])
            .kills(&["wrong-length-hint"])
            .body(|tester| {
                select(tester)?;
                if tester.claims("iso7816_4.strict") {
                    let without_le = SelectForm { le: None, ..SelectForm::of(tester)? };
                    let answer = tester.send_whole(&without_le.command(&aid(tester)?, 0))?;
                    tester.expect_status(&answer, 0x9000)?;
                }
                select(tester).map(drop)
            }),
        case("ISO-SEL-002", "Control information in the answer to SELECT is BER-TLV and names the application.", &[])
            .proves(&["REQ-ISO-SEL-2"])
            .kills(&["le-zero-as-none"])
            .body(control_information),
        case("ISO-SEL-003", "What is selected can be used, after a second SELECT too.", &["read"])
            .proves(&["REQ-ISO-SEL-1"])
            .kills(&["le-zero-as-none"])
            .body(|tester| {
                select(tester)?;
                let first = must_read_on(tester, 0)?;
                select(tester)?;
                let second = must_read_on(tester, 0)?;
                tester.check_octets("what is read after a second SELECT", &first, &second)
            }),
        case("ISO-SEL-008", "A reset takes the card back to what was selected at first.", &["read"])
            .proves(&["REQ-ISO-SEL-5"])
            .kills(&["selection-survives-reset"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                let before = read_on(tester, 0)?;
                for cold in [true, false] {
                    select(tester)?;
                    reset(tester, cold)?;
                    reads_as(tester, 0, &before, "selection")?;
                }
                Ok(())
            }),
    ]
}

fn not_found() -> Vec<Case> {
    vec![
        case("ISO-SEL-004", "SELECT with an identifier that the card does not have is refused.", &[])
            .revision(2)
            .proves(&["REQ-ISO-SEL-3", "REQ-ISO-SW-1", "REQ-ISO-SW-2"])
            .kills(&["data-with-error-status", "unknown-name-accepted"])
            .twin("ISO-SEL-001")
            .body(|tester| in_each_state(tester, select_another)),
        case("ISO-SEL-005", "SELECT with an identifier that only begins with the application's is refused.", &[])
            .revision(2)
            .proves(&["REQ-ISO-SEL-3"])
            .kills(&["aid-prefix-selects"])
            .twin("ISO-SEL-001")
            .body(|tester| {
                let longer = [&aid(tester)?[..], &[0x5A]].concat();
                if longer.len() > 16 {
                    tester.note("the identifier is as long as one can be: nothing begins with it");
                    return Ok(());
                }
                in_each_state(tester, |tester, channel| {
                    let command = select_command(tester, &longer, channel)?;
                    let answer = tester.send(&command)?;
                    refused(tester, &answer, NO_APPLICATION)
                })
            }),
        case("ISO-SEL-006", "A refused SELECT leaves the application selected.", &["read"])
            .proves(&["REQ-ISO-SEL-4"])
            .kills(&["failed-select-deselects"])
            .body(|tester| {
                select(tester)?;
                let before = must_read_on(tester, 0)?;
                tester.preamble(|tester| select_another(tester, 0))?;
                let after = must_read_on(tester, 0)?;
                tester.check_octets("what is read after a refused SELECT", &before, &after)
            }),
        case("ISO-SEL-007", "A refused SELECT selects nothing.", &["read"])
            .proves(&["REQ-ISO-SEL-4"])
            .kills(&["failed-select-selects"])
            .twin("ISO-SEL-003")
            .body(|tester| {
                let before = read_on(tester, 0)?;
                tester.preamble(|tester| select_another(tester, 0))?;
                reads_as(tester, 0, &before, "a refused SELECT")
            }),
    ]
}

/// The identifier with its last octet changed: same length, same provider.
pub(super) fn another(aid: &[u8]) -> Vec<u8> {
    let mut other = aid.to_vec();
    if let Some(last) = other.last_mut() {
        *last ^= 0x55;
    }
    other
}

/// SELECT of names that nobody has: the last octet changed, and one of another provider. They must be refused. Where a card passes on
/// what it does not know to the application that is selected, that one must.
fn select_another(tester: &mut Tester<'_>, channel: u8) -> OrStop {
    let reversed: Vec<u8> = aid(tester)?.iter().rev().map(|octet| octet ^ 0x55).collect();
    for name in [another(&aid(tester)?), reversed] {
        let command = select_command(tester, &name, channel)?;
        let answer = tester.send(&command)?;
        refused(tester, &answer, NO_APPLICATION)?;
    }
    Ok(())
}

/// What SELECT is tried with where the statement's form is refused.
const OTHER_P2: [u8; 4] = [0x00, 0x04, 0x0C, 0x08];
const OTHER_CLASS: [u8; 3] = [0x00, 0x80, 0xA0];

/// Everything else rests on it. A card that takes SELECT in another form only is not accused: the statement has to say which.
fn first_select(tester: &mut Tester<'_>) -> OrStop {
    let (form, aid) = (SelectForm::of(tester)?, aid(tester)?);
    let answer = tester.send_whole(&form.command(&aid, 0))?;
    if tester.claims("iso7816_4.strict") {
        return tester.expect_status(&answer, 0x9000);
    }
    if answer.is_done() {
        return Ok(());
    }
    let forms = OTHER_CLASS.into_iter().flat_map(|class| {
        let forms = OTHER_P2.into_iter().flat_map(move |p2| [Some(0x00), None].map(|le| SelectForm { class, p2, le }));
        forms.collect::<Vec<_>>()
    });
    for other in forms.filter(|other| *other != form) {
        tester.preamble(Tester::power_on)?;
        if tester.send_whole(&other.command(&aid, 0))?.is_done() {
            let word = answer.status.told();
            return Err(Stop::inconclusive(format!(
                "the card answers {word} to SELECT as the statement has it, and takes it in another form: set {} in \
                 [values]; nothing else was tried",
                settings(form, other)
            )));
        }
    }
    Err(Stop::fail(format!(
        "SELECT of iso7816_4.aid answers {}, and no other P2, Le or class selects it: is the identifier right?",
        answer.status.told()
    )))
}

/// The values of the statement with which `other` is sent instead of `form`.
fn settings(form: SelectForm, other: SelectForm) -> String {
    let octet = |octet: u8| format!("{octet:02X}");
    let le = |form: SelectForm| form.le.map_or_else(|| "none".to_owned(), octet);
    let all = [
        ("select_class", octet(form.class), octet(other.class)),
        ("select_p2", octet(form.p2), octet(other.p2)),
        ("select_le", le(form), le(other)),
    ];
    let changed = all.iter().filter(|(_, form, other)| form != other);
    let told: Vec<String> = changed.map(|(name, _, to)| format!("\"iso7816_4.{name}\" = \"{to}\"")).collect();
    told.join(" and ")
}

/// The same for the command that reads.
fn first_read(tester: &mut Tester<'_>) -> OrStop {
    tester.preamble(select)?;
    let answer = read_on(tester, 0)?;
    let reads = |answer: &Answer| answer.is_done() && answer.data.len() >= 2;
    if reads(&answer) || tester.claims("iso7816_4.strict") {
        return must_read_on(tester, 0).map(drop);
    }
    let (header, asked) = (read_header(tester, 0)?, read_command(tester, 0)?);
    for (name, le) in [("00", &[0x00][..]), ("none", &[])] {
        let command = [&header[..], le].concat();
        if command == asked {
            continue;
        }
        tester.preamble(Tester::power_on)?;
        tester.preamble(select)?;
        if reads(&tester.send_whole(&command)?) {
            return Err(Stop::inconclusive(format!(
                "the card answers {answer} to iso7816_4.read_command with the statement's Le, and reads with another: set \
                 \"iso7816_4.read_le\" = \"{name}\" in [values]; nothing that reads was tried",
                answer = plain(&answer)
            )));
        }
    }
    Err(Stop::fail(format!(
        "iso7816_4.read_command answers {answer}: expected two octets or more; is it a command that this application has?",
        answer = plain(&answer)
    )))
}

/// ISO/IEC 7816-4:2020, 7.4.3: template 6F (control information) or 62 (control parameters), the name in 84. A card may send other
/// octets, or none, unless it is our profile's.
fn control_information(tester: &mut Tester<'_>) -> OrStop {
    let answer = select(tester)?;
    if !matches!(answer.first(), Some(0x6F | 0x62)) {
        let strict = tester.claims("iso7816_4.strict");
        return tester.check(!strict, "the answer to SELECT is control information");
    }
    let path = [Tag(u32::from(answer[0])), Tag(0x84)];
    let name = tlv::find_path(&answer, &path).map_err(|error| Stop::fail(format!("control information: {error}")))?;
    let aid = aid(tester)?;
    match name {
        Some(name) => tester.check(name.starts_with(&aid), "the name in 84 begins with the identifier"),
        None => Ok(()),
    }
}
