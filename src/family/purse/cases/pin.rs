//! VERIFY: the try comes first, and nothing gives it back but the right PIN (specs/purse.md, clause 8).

use super::client::{Opened, Opener, Session, each_suite, suites};
use super::postamble::then_all_tries;
use crate::card::memory::{Cut, Torn};
use crate::conformance::case::Case;
use crate::conformance::risk::Risk;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::difference::plain;
use crate::family::purse::data::session::CardState;
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{Role, Suite, refusal};
use crate::wire::status::StatusWord;

/// The valid twin of what is refused.
const RIGHT: &str = "PIN-RIGHT-001";

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [tries(), verification(), torn()].concat()
}

fn case(id: &str, purpose: &str) -> Case {
    Case::new(id, purpose).needs(&["purse.pin"]).risk(Risk::CostsATry)
}

/// Steps under each suite, whose tries are won back whatever comes of them.
fn with_tries(
    steps: fn(&mut Tester<'_>, Suite) -> OrStop,
) -> impl Fn(&mut Tester<'_>) -> OrStop + Send + Sync + 'static {
    move |tester| then_all_tries(tester, |tester| each_suite(tester, steps))
}

fn tries() -> Vec<Case> {
    vec![
        case(RIGHT, "The right PIN is accepted, and gives back the tries that wrong ones cost.")
            .proves(&["REQ-PIN-1", "REQ-PIN-3"])
            .kills(&["tries-kept-at-success", "try-not-spent", "tries-off-by-one"])
            .body(with_tries(|tester, suite| {
                let mut session = open(tester, suite)?.session;
                for _ in 0..2 {
                    right(tester, &mut session)?;
                    wrong(tester, &mut session, 1)?;
                }
                right(tester, &mut session)
            })),
        case("PIN-PART-001", "A PIN that is right in part is wrong: longer, or other in any digit.")
            .proves(&["REQ-PIN-3"])
            .twin(RIGHT)
            .kills(&["pin-compared-in-part"])
            .body(with_tries(nearly_right)),
        case("PIN-RESET-001", "Reset gives no try back.")
            .proves(&["REQ-PIN-1", "REQ-PIN-3"])
            .twin(RIGHT)
            .kills(&["tries-back-at-reset"])
            .body(with_tries(|tester, suite| kept(tester, suite, |tester| tester.power_on().map(drop)))),
        case("PIN-AUTH-001", "A successful AUTH gives no try back.")
            .proves(&["REQ-PIN-1", "REQ-PIN-3"])
            .twin(RIGHT)
            .kills(&["tries-back-at-auth"])
            .body(with_tries(|tester, suite| kept(tester, suite, |_| Ok(())))),
        case("PIN-FORMAT-001", "What is no PIN is refused by its length or its characters, and costs no try.")
            .revision(2)
            .proves(&["REQ-PIN-3"])
            .twin(RIGHT)
            .kills(&["no-pin-costs-try"])
            .body(with_tries(|tester, suite| {
                let mut session = fresh_tries(tester, suite)?;
                let table =
                    [("", 0x6700), ("123", 0x6700), ("1234567890123", 0x6700), ("12a4", 0x6A80), ("123 ", 0x6A80)];
                for (pin, status) in table {
                    // A card that counts them all the same has a third one left for the right PIN.
                    verify(tester, &mut session, pin, status)?;
                    wrong(tester, &mut session, 1)?;
                    right(tester, &mut session)?;
                }
                Ok(())
            })),
        case("PIN-BLOCK-001", "With no tries left no PIN is compared, for good; STATE says so.")
            .proves(&["REQ-PIN-3"])
            .twin(RIGHT)
            .kills(&["blocked-pin-compared"])
            .ruins()
            .body(blocked),
        Case::new("PIN-NONE-001", "A card without PIN says so.")
            .proves(&["REQ-PIN-3"])
            .needs(&["!purse.pin"])
            .kills(&["absent-pin-accepted"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let mut opened = open(tester, suite)?;
                    tester.check(opened.state.flags & CardState::PIN_PRESENT == 0, "STATE shows no PIN")?;
                    verify(tester, &mut opened.session, "1234", 0x6A88)?;
                    opened.session.expect_alive(tester)
                })
            }),
    ]
}

/// REQ-PIN-4
fn verification() -> Vec<Case> {
    let lasting =
        |id, purpose| case(id, purpose).proves(&["REQ-PIN-4"]).needs(&["!purse.on_device_verification"]).writes();
    vec![
        lasting("PIN-LIMIT-001", "A debit above the PIN limit needs the right PIN, in the same session.")
            .kills(&["verification-survives-session"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let above = above_limit(tester, suite)?;
                    let mut opened = open(tester, suite)?;
                    verified(tester, &mut opened, above, false)?;
                    right(tester, &mut opened.session)?;
                    verified(tester, &mut opened, above, true)?;
                    let mut next = open(tester, suite)?;
                    verified(tester, &mut next, above, false)
                })
            }),
        lasting("PIN-LIMIT-002", "A wrong PIN takes an earlier verification back.")
            .proves(&["REQ-PIN-3"])
            .twin("PIN-LIMIT-001")
            .kills(&["wrong-pin-keeps-verification"])
            .body(with_tries(|tester, suite| {
                let above = above_limit(tester, suite)?;
                let mut opened = open(tester, suite)?;
                right(tester, &mut opened.session)?;
                wrong(tester, &mut opened.session, 1)?;
                verified(tester, &mut opened, above, false)?;
                right(tester, &mut opened.session)?;
                verified(tester, &mut opened, above, true)
            })),
    ]
}

/// REQ-PIN-1, REQ-PIN-2
fn torn() -> Vec<Case> {
    vec![
        case(
            "PIN-TORN-001",
            "The try is spent before the comparison: a right PIN, too, is answered only after a write.",
        )
        .proves(&["REQ-PIN-1"])
        .twin(RIGHT)
        .kills(&["try-spent-after-comparison", "try-not-spent"])
        .cuts()
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                let mut session = fresh_tries(tester, suite)?;
                let pin = tester.secret("purse.pin")?;
                let command = session.protect(crate::family::purse::data::ins::VERIFY, [0, 1], pin.as_bytes());
                let answer = tester.send_cut(&command, Cut { after_writes: 0, torn: Torn::Nothing })?;
                tester.check(answer.is_none(), "no answer comes before the first write")?;
                tester.power_on()?;
                fresh_tries(tester, suite).map(|_| ())
            })
        }),
        case("PIN-TORN-002", "A torn try costs one try at most, be it right or wrong, wherever it is torn.")
            .proves(&["REQ-PIN-2"])
            .twin(RIGHT)
            .kills(&["try-spent-after-comparison"])
            .cuts()
            .body(with_tries(torn_tries)),
    ]
}

fn open(tester: &mut Tester<'_>, suite: Suite) -> OrStop<Opened> {
    Opener::new(suite, Role::Debit).open(tester)
}

/// Tries of a PIN that none was spent of: 63CX can say 1 to 15 (ISO/IEC 7816-4:2020, table 6).
fn tries_max(tester: &Tester<'_>) -> OrStop<u16> {
    match tester.number("purse.pin_tries")? {
        tries @ 1..=15 => Ok(tries as u16),
        tries => Err(Stop::error(format!("the statement's purse.pin_tries: expected 1 to 15, got {tries}"))),
    }
}

/// Tries that are left after so many wrong PINs in a row. A card that this would block is left alone.
fn left_after(tester: &Tester<'_>, wrong: u16) -> OrStop<u16> {
    let tries = tries_max(tester)?;
    let left = tries.checked_sub(wrong).filter(|left| *left > 0);
    left.ok_or_else(|| Stop::inconclusive(format!("{wrong} wrong PINs in a row would block a PIN of {tries} tries")))
}

fn verify(tester: &mut Tester<'_>, session: &mut Session, pin: &str, expected: u16) -> OrStop {
    let status = session.verify(tester, pin)?;
    tester.check_equal("VERIFY", &StatusWord(expected), &status)
}

/// VERIFY with the right PIN.
fn right(tester: &mut Tester<'_>, session: &mut Session) -> OrStop {
    let pin = tester.secret("purse.pin")?;
    verify(tester, session, pin, 0x9000)
}

/// The right PIN with another last digit.
fn wrong_pin(tester: &Tester<'_>) -> OrStop<String> {
    let mut pin = tester.secret("purse.pin")?.to_owned();
    let last = pin.pop().ok_or_else(|| Stop::error("purse.pin is empty"))?;
    pin.push(if last == '0' { '1' } else { '0' });
    Ok(pin)
}

/// VERIFY with a wrong PIN, the `count`-th in a row.
fn wrong(tester: &mut Tester<'_>, session: &mut Session, count: u16) -> OrStop {
    let left = left_after(tester, count)?;
    let pin = wrong_pin(tester)?;
    verify(tester, session, &pin, 0x63C0 + left)
}

/// A session after the right PIN: all tries are there.
fn fresh_tries(tester: &mut Tester<'_>, suite: Suite) -> OrStop<Session> {
    let mut session = open(tester, suite)?.session;
    right(tester, &mut session)?;
    Ok(session)
}

fn nearly_right(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let pin = tester.secret("purse.pin")?;
    let mut near = vec![wrong_pin(tester)?];
    if pin.len() < 12 {
        near.push(format!("{pin}0"));
    }
    for place in 0..pin.len() {
        let mut digits = pin.as_bytes().to_vec();
        digits[place] = if digits[place] == b'9' { b'0' } else { digits[place] + 1 };
        near.extend(String::from_utf8(digits));
    }
    let mut session = fresh_tries(tester, suite)?;
    let left = left_after(tester, 1)?;
    for pin in near {
        verify(tester, &mut session, &pin, 0x63C0 + left)?;
        right(tester, &mut session)?;
    }
    Ok(())
}

/// Two wrong PINs with `between` and an AUTH between them.
fn kept(tester: &mut Tester<'_>, suite: Suite, between: impl FnOnce(&mut Tester<'_>) -> OrStop) -> OrStop {
    left_after(tester, 2)?;
    let mut session = fresh_tries(tester, suite)?;
    wrong(tester, &mut session, 1)?;
    between(tester)?;
    let mut session = open(tester, suite)?.session;
    wrong(tester, &mut session, 2)?;
    right(tester, &mut session)
}

fn blocked(tester: &mut Tester<'_>) -> OrStop {
    let Some(&suite) = suites(tester).first() else { return Ok(()) };
    let mut session = fresh_tries(tester, suite)?;
    let other = wrong_pin(tester)?;
    for left in (0..tries_max(tester)?).rev() {
        verify(tester, &mut session, &other, 0x63C0 + left)?;
    }
    let pin = tester.secret("purse.pin")?;
    for suite in suites(tester) {
        let mut opened = open(tester, suite)?;
        tester.check(opened.state.flags & CardState::PIN_BLOCKED != 0, "STATE shows that the PIN is blocked")?;
        verify(tester, &mut opened.session, &other, 0x6983)?;
        verify(tester, &mut opened.session, pin, 0x6983)?;
        tester.power_on()?;
    }
    Ok(())
}

/// An amount above the PIN limit of logical card 1 and within its balance, which is topped up where it must be.
fn above_limit(tester: &mut Tester<'_>, suite: Suite) -> OrStop<u32> {
    let mut opener = Opener::new(suite, Role::Debit);
    opener.options.details = true;
    let detail = opener.state(tester)?.details.first().copied();
    let detail = detail.ok_or_else(|| Stop::fail("details are asked for and not there"))?;
    let above = detail.pin_limit.checked_add(1).ok_or_else(|| Stop::inconclusive("the card has no PIN limit"))?;
    if detail.balance < above {
        let credit = Operation::Credit { logical_card: 1, amount: above - detail.balance };
        tester.preamble(|tester| Opener::new(suite, Role::Credit).pay(tester, &[credit]))?;
    }
    Ok(above)
}

/// Whether the session counts as verified, without moving value: a debit above the limit, then one that no balance allows.
fn verified(tester: &mut Tester<'_>, opened: &mut Opened, above: u32, expected: bool) -> OrStop {
    let debit = |amount| Operation::Debit { logical_card: 1, amount };
    let mut order = opened.order(tester, &[debit(above), debit(u32::MAX)]);
    // The state may be older than a top-up.
    order.expected_counter = opened.state.transaction_counter + 1;
    let refusal = if expected { refusal::BALANCE_TOO_SMALL } else { refusal::VERIFICATION_REQUIRED };
    tester.note("a debit above the PIN limit");
    opened.session.refuse(tester, &order, refusal)
}

fn torn_tries(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    left_after(tester, 2)?;
    let modes = [Torn::Nothing, Torn::All, Torn::Erased, Torn::Prefix(0), Torn::Random(1), Torn::Unstable(1)];
    let (pin, other) = (tester.secret("purse.pin")?.to_owned(), wrong_pin(tester)?);
    for (torn, pin) in modes.iter().flat_map(|&torn| [(torn, &pin), (torn, &other)]) {
        let mut session = fresh_tries(tester, suite)?;
        let command = session.protect(crate::family::purse::data::ins::VERIFY, [0, 1], pin.as_bytes());
        let answer = tester.send_cut(&command, Cut { after_writes: 0, torn })?;
        tester.check(answer.is_none(), "no answer comes before the first write")?;
        tester.power_on()?;
        let mut session = open(tester, suite)?.session;
        let status = session.verify(tester, &other)?;
        let expected = [0x63C0 + left_after(tester, 1)?, 0x63C0 + left_after(tester, 2)?];
        tester.check(
            expected.contains(&status.0),
            format!("{torn}: one try less at most: {}", status.told(), torn = plain(&torn)),
        )?;
        right(tester, &mut session)?;
    }
    Ok(())
}
