//! AUTH of both suites: nonces that serve once, tags that cover everything (specs/purse.md, clauses 2 to 4).

pub(super) mod epc1;
pub(super) mod epc2;

use super::client::{Opener, Session, close_channel, each_suite, offer, open_channel, select, select_on};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::data::session::SelectAnswer;
use crate::family::purse::data::{Role, Suite, ins};

/// The valid twin of most refusals.
pub(super) const OPENS: &str = "AUT-OPEN-001";

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [nonces(), tags(), aftermath()].concat()
}

fn case(id: &str, purpose: &str) -> Case {
    Case::new(id, purpose)
}

/// REQ-SEL-2: one attempt.
fn nonces() -> Vec<Case> {
    let one_attempt = |id, purpose| case(id, purpose).proves(&["REQ-SEL-2", "REQ-AU2-4"]).twin(OPENS);
    vec![
        case(OPENS, "A right AUTH opens a session whose keys are those of the specification.")
            .proves(&["REQ-AU1-1", "REQ-AU1-5", "REQ-AU2-1"])
            .kills(&[
                "diversification-ignored",
                "diversification-truncated",
                "card-nonce-ignored",
                "session-key-static",
                "encryption-key-is-mac-key",
            ])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    Opener::new(suite, Role::Debit).open(tester)?.session.expect_alive(tester)
                })
            }),
        one_attempt("AUT-NONCE-001", "An AUTH that succeeded is refused when it is replayed.")
            .kills(&["nonce-survives-success"])
            .body(|tester| each_suite(tester, replayed_after_success)),
        one_attempt("AUT-NONCE-002", "After a failed AUTH the right one needs a new SELECT.")
            .kills(&["nonce-survives-failure"])
            .body(|tester| each_suite(tester, second_attempt)),
        one_attempt("AUT-NONCE-003", "An AUTH for the SELECT before the last is refused.")
            .kills(&["nonce-survives-reselect"])
            .body(|tester| {
                each_suite(tester, |tester, suite| stale(tester, suite, |tester| select(tester).map(|_| ())))
            }),
        one_attempt("AUT-NONCE-004", "An AUTH for a SELECT before reset is refused.")
            .kills(&["nonce-survives-reset"])
            .body(|tester| each_suite(tester, |tester, suite| stale(tester, suite, after_reset))),
        one_attempt("AUT-NONCE-005", "An AUTH on another logical channel than its SELECT is refused.")
            .proves(&["REQ-CMD-5"])
            .needs(&["iso7816_4.logical_channels"])
            .kills(&["nonce-of-any-channel"])
            .body(|tester| each_suite(tester, other_channel)),
    ]
}

fn replayed_after_success(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    let r0 = select(tester)?;
    let (data, waiting) = opener.auth(tester, &r0)?;
    opener.succeed(tester, &data, waiting)?;
    opener.refuses_data(tester, "a replay of one that succeeded", &data)?;
    opener.open(tester).map(|_| ())
}

fn second_attempt(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    opener.refuses(tester, "the second attempt", |tester, r0| {
        let (data, _) = opener.auth(tester, r0)?;
        let mut wrong = data.clone();
        wrong[opener.tag_in(&data).start] ^= 1;
        opener.refuses_data(tester, "the first attempt, with a wrong tag", &wrong)?;
        Ok(data)
    })
}

/// An AUTH made for an R0 before `between`, and sent after it.
fn stale(tester: &mut Tester<'_>, suite: Suite, between: impl FnOnce(&mut Tester<'_>) -> OrStop) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    opener.refuses(tester, "for an R0 of before", |tester, r0| {
        let (data, _) = opener.auth(tester, r0)?;
        between(tester)?;
        Ok(data)
    })
}

/// Reset; nothing is selected then, so that AUTH needs a SELECT.
fn after_reset(tester: &mut Tester<'_>) -> OrStop {
    tester.power_on()?;
    let answer = tester.send(&[0x80, ins::AUTH, 0x01, 0x01])?;
    tester.expect_status(&answer, 0x6E00)?;
    select(tester).map(|_| ())
}

fn other_channel(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    open_channel(tester, 1)?;
    select(tester)?;
    let r0 = select_on(tester, 1)?;
    let (data, _) = opener.auth(tester, &r0)?;
    opener.refuses_data(tester, "on channel 0 for the SELECT on channel 1", &data)?;
    let on_one = Opener::new(suite, Role::Debit).on(1);
    on_one.open(tester)?.session.expect_alive(tester)?;
    close_channel(tester, 1)
}

/// REQ-AU1-1, REQ-AU2-1: what the tag covers, and that all of it counts.
fn tags() -> Vec<Case> {
    let tag = |id, purpose| case(id, purpose).proves(&["REQ-AU1-1", "REQ-AU2-1"]).twin(OPENS);
    vec![
        tag("AUT-TAG-001", "A tag that is wrong in one bit is refused, be it in the first octet or in the last.")
            .kills(&["tag-not-verified", "tag-compared-in-part"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = Opener::new(suite, Role::Debit);
                    for octet in [0, 3, 4, suite.mac_len() / 2, suite.mac_len() - 1] {
                        opener.refuses(tester, format!("octet {octet} of the tag"), |tester, r0| {
                            let (mut data, _) = opener.auth(tester, r0)?;
                            let at = opener.tag_in(&data).start + octet;
                            data[at] ^= 1 << (octet % 8);
                            Ok(data)
                        })?;
                    }
                    Ok(())
                })
            }),
        tag(
            "AUT-TAG-002",
            "AUTH data that is wrong in one bit is refused: nonce, ephemeral key, terminal, certificate.",
        )
        .kills(&["tag-not-verified"])
        .body(|tester| each_suite(tester, spoilt_data)),
        tag("AUT-TAG-003", "Options that the tag does not cover are refused.").kills(&["options-outside-tag"]).body(
            |tester| {
                each_suite(tester, |tester, suite| {
                    let opener = Opener::new(suite, Role::Debit);
                    opener.refuses(tester, "options added under the tag", |tester, r0| {
                        let (mut data, _) = opener.auth(tester, r0)?;
                        let opts_at = if suite == Suite::Epc1 { data.len() - 8 } else { data.len() };
                        data.splice(opts_at..opts_at, [0x91, 0x01, 0x01]);
                        Ok(data)
                    })
                })
            },
        ),
        tag("AUT-DOWNGRADE-001", "A tag over an R0 from which the other suite was struck is refused.")
            .needs(&["purse.epc1", "purse.epc2"])
            .kills(&["downgrade-unseen"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = Opener::new(suite, Role::Debit);
                    opener.refuses(tester, "after a downgrade", |tester, r0| {
                        let seen = offer(r0)?;
                        let epc1 = seen.epc1.filter(|_| suite == Suite::Epc1);
                        let epc2 = seen.epc2.filter(|_| suite == Suite::Epc2);
                        let struck = SelectAnswer { suites: suite.bit(), epc1, epc2 }.emit();
                        opener.auth(tester, &struck).map(|(data, _)| data)
                    })
                })
            }),
        tag("AUT-REFLECT-001", "The card's own tag, sent back to it, is refused.")
            .kills(&["tag-not-verified"])
            .body(|tester| each_suite(tester, reflected)),
    ]
}

/// One bit in each octet of EPC1; of EPC2 the edges of its fields, which take longer to check.
fn spoilt_data(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    let octets: Vec<usize> = match suite {
        Suite::Epc1 => (0..16).collect(),
        Suite::Epc2 => vec![0, 63, 64, 65, 66, 70, 78, 80, 82, 83, 84, 147, 148, 211],
    };
    for octet in octets {
        opener.refuses(tester, format!("bit 1 of octet {octet}"), |tester, r0| {
            let (mut data, _) = opener.auth(tester, r0)?;
            data[octet] ^= 1;
            Ok(data)
        })?;
    }
    Ok(())
}

fn reflected(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    let r0 = select(tester)?;
    let (data, waiting) = opener.auth(tester, &r0)?;
    let (_, answer) = opener.succeed(tester, &data, waiting)?;
    let card_tag = answer.len().checked_sub(suite.mac_len()).map(|at| &answer[at..]);
    let card_tag = card_tag.ok_or_else(|| Stop::fail("the answer to AUTH has no tag"))?;
    opener.refuses(tester, "the card's own tag", |_, _| {
        let mut data = data.clone();
        let at = opener.tag_in(&data);
        data[at].copy_from_slice(card_tag);
        Ok(data)
    })
}

/// What a failure leaves behind.
fn aftermath() -> Vec<Case> {
    vec![
        case("AUT-FAIL-001", "An AUTH for an unknown role, version or authority is refused like any other, and bare.")
            .proves(&["REQ-AU1-2", "REQ-AU2-1"])
            .twin(OPENS)
            .kills(&["refusals-differ", "refusal-talks"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let right = Opener::new(suite, Role::Debit);
                    for reference in unknown_references(suite) {
                        let wrong = Opener { reference, ..right.clone() };
                        let r0 = select(tester)?;
                        let (data, _) = wrong.auth(tester, &r0)?;
                        wrong.refuses_data(tester, format!("reference {reference:02X}"), &data)?;
                        right.open(tester)?;
                    }
                    Ok(())
                })
            }),
        case("AUT-FAIL-002", "Five failed AUTH in a row do not end the card.")
            .proves(&["REQ-AU1-2"])
            .kills(&["failed-auth-kills"])
            .ruins()
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = Opener::new(suite, Role::Debit);
                    for _ in 0..5 {
                        let r0 = select(tester)?;
                        let (mut data, _) = opener.auth(tester, &r0)?;
                        let at = opener.tag_in(&data).start;
                        data[at] ^= 1;
                        opener.refuses_data(tester, "tag", &data)?;
                    }
                    opener.open(tester).map(|_| ())
                })
            }),
        case("AUT-FAIL-003", "A failed AUTH leaves no session, not even the one before.")
            .proves(&["REQ-SES-1"])
            .twin("SES-CHAIN-001")
            .kills(&["session-survives-failed-auth"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let opener = Opener::new(suite, Role::Debit);
                    let mut session: Session = opener.open(tester)?.session;
                    // No SELECT in between: an AUTH for which nothing was offered.
                    let filling = vec![0x5A; if suite == Suite::Epc1 { 24 } else { 228 }];
                    opener.refuses_data(tester, "in the middle of a session", &filling)?;
                    session.expect_ended(tester, "after a failed AUTH")?;
                    opener.open(tester)?.session.expect_alive(tester)
                })
            }),
        case("AUT-FAIL-004", "An AUTH of a wrong length is an attempt: no session and no offer outlives it.")
            .proves(&["REQ-SES-1", "REQ-SEL-2", "REQ-CMD-1"])
            .twin(OPENS)
            .kills(&["auth-length-touches-nothing"])
            .body(|tester| each_suite(tester, wrong_lengths)),
    ]
}

/// Too short for what AUTH of this suite holds, by everything and by one octet.
fn wrong_lengths(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    let shortest = if suite == Suite::Epc1 { 24 } else { 228 };
    for length in [0, 1, shortest - 1] {
        let short = opener.auth_command(&vec![0x5A; length]);
        let what = format!("AUTH of {length} octets");
        let mut session = opener.open(tester)?.session;
        let answer = tester.send_once(&short)?;
        tester.expect_alone(&what, &answer, 0x6700)?;
        session.expect_ended(tester, &format!("after an {what}"))?;
        // The same between SELECT and a right AUTH.
        let r0 = select(tester)?;
        let (data, _) = opener.auth(tester, &r0)?;
        let answer = tester.send_once(&short)?;
        tester.expect_alone(&what, &answer, 0x6700)?;
        opener.refuses_data(tester, format!("right, but after an {what}"), &data)?;
        opener.open(tester)?;
    }
    Ok(())
}

fn unknown_references(suite: Suite) -> Vec<u8> {
    match suite {
        // No such version, no such role, neither.
        Suite::Epc1 => vec![0x00, 0x02, 0x0F, 0x51, 0xF1, 0xFF],
        Suite::Epc2 => vec![0x01, 0xFF],
    }
}
