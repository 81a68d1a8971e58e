//! SELECT: what it draws, what it hides, what it ends (specs/purse.md, clause 2).

use std::collections::BTreeSet;

use super::client::{Opener, close_channel, each_suite, offer, open_channel, select, select_on};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::difference::plain;
use crate::family::purse::data::Role;
use crate::family::purse::data::session::{Epc1Offer, SelectAnswer};

/// Nonces that are measured.
const SAMPLES: usize = 1_000;
/// How often a bit may be set. Of 1,000 fair bits, fewer than 370 or more than 630 are set with a probability of 2^-53 (sums of the
/// binomial distribution, exact): for one of 64 bits that is 2^-47. Whether two nonces are equal, or three steps follow from each other,
/// comes to 2^-45 at most.
const SET: std::ops::RangeInclusive<usize> = 370..=630;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("SEL-FRESH-001", "Each SELECT draws a nonce and an ephemeral key that were not seen before.")
            .proves(&["REQ-SEL-1"])
            .kills(&["nonce-constant"])
            .body(|tester| all_differ(tester, |_| Ok(()))),
        Case::new("SEL-FRESH-002", "Nonces and ephemeral keys after reset are not those of before.")
            .proves(&["REQ-SEL-1"])
            .kills(&["nonce-constant", "nonce-repeats-after-reset"])
            .body(|tester| all_differ(tester, |tester| tester.power_on().map(|_| ()))),
        Case::new("SEL-NONCE-001", "A thousand nonces differ, have no biased bit, and do not follow from one another.")
            .proves(&["REQ-SEL-1"])
            .needs(&["purse.epc1"])
            .kills(&["nonce-constant", "nonce-counts", "nonce-linear", "nonce-biased"])
            .body(measure_nonces),
        Case::new("SEL-PRIVACY-001", "Two answers to SELECT have nothing in common by which to follow a card.")
            .proves(&["REQ-SEL-3"])
            .kills(&["card-id-in-clear", "card-id-static"])
            .body(unlinkable),
        Case::new("SEL-SESSION-001", "SELECT ends the session.")
            .proves(&["REQ-SEL-4", "REQ-SES-1"])
            .twin("SES-CHAIN-001")
            .kills(&["session-survives-select"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let mut session = Opener::new(suite, Role::Debit).open(tester)?.session;
                    select(tester)?;
                    session.expect_ended(tester, "after SELECT")
                })
            }),
        Case::new("SEL-SESSION-002", "SELECT on one logical channel ends the session on another.")
            .proves(&["REQ-SEL-4", "REQ-SES-1"])
            .needs(&["iso7816_4.logical_channels"])
            .twin("SES-CHAIN-001")
            .kills(&["session-survives-select", "session-survives-select-elsewhere"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    open_channel(tester, 1)?;
                    let mut session = Opener::new(suite, Role::Debit).open(tester)?.session;
                    select_on(tester, 1)?;
                    session.expect_ended(tester, "after SELECT on channel 1")?;
                    close_channel(tester, 1)
                })
            }),
    ]
}

/// What an offer draws: nonce and ephemeral point.
fn drawn(offer: &SelectAnswer) -> Vec<Vec<u8>> {
    let nonce = offer.epc1.as_ref().map(|epc1| epc1.nonce.to_vec());
    nonce.into_iter().chain(offer.epc2.map(|point| point.to_vec())).collect()
}

/// Four SELECTs, `between`, four more.
fn all_differ(tester: &mut Tester<'_>, between: impl FnOnce(&mut Tester<'_>) -> OrStop) -> OrStop {
    let mut offers = Vec::new();
    for _ in 0..4 {
        offers.push(offer(&select(tester)?)?);
    }
    between(tester)?;
    for _ in 0..4 {
        offers.push(offer(&select(tester)?)?);
    }
    let all: Vec<_> = offers.iter().flat_map(drawn).collect();
    let different: BTreeSet<_> = all.iter().collect();
    tester.check(!all.is_empty(), "something is offered")?;
    tester.check_equal("different nonces and ephemeral keys", &all.len(), &different.len())
}

fn measure_nonces(tester: &mut Tester<'_>) -> OrStop {
    let mut nonces = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let epc1 = offer(&select(tester)?)?.epc1.ok_or_else(|| Stop::fail("EPC1 is claimed and not offered"))?;
        nonces.push(u64::from_be_bytes(epc1.nonce));
    }
    let different: BTreeSet<_> = nonces.iter().collect();
    tester.check_equal("different nonces", &SAMPLES, &different.len())?;
    for bit in 0..64 {
        let set = nonces.iter().filter(|nonce| *nonce >> bit & 1 == 1).count();
        if !SET.contains(&set) {
            return Err(Stop::fail(format!(
                "bit {bit} of the nonce: expected set in {SET} of {SAMPLES}, got {set}",
                SET = plain(&SET)
            )));
        }
    }
    let steps: Vec<u64> = nonces.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let repeated = steps.windows(2).filter(|pair| pair[0] == pair[1]).count();
    tester.check_equal("steps from nonce to nonce that repeat", &0, &repeated)?;
    tester.check_equal("nonces foretold by a linear congruence", &0, &foretold(&steps))
}

/// How often a step is the one before times the factor between the two before that: then nonces are a linear congruence modulo 2^64.
fn foretold(steps: &[u64]) -> usize {
    let hits = steps.windows(3).filter(|steps| {
        inverse(steps[0]).is_some_and(|inverse| steps[1].wrapping_mul(inverse).wrapping_mul(steps[1]) == steps[2])
    });
    hits.count()
}

/// Modulo 2^64, of an odd number: each step of Newton's doubles the right bits, of which an odd number itself gives three.
fn inverse(odd: u64) -> Option<u64> {
    let step = |x: u64, _| x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)));
    (odd & 1 == 1).then(|| (0..5).fold(odd, step))
}

fn unlinkable(tester: &mut Tester<'_>) -> OrStop {
    let (first, second) = (select(tester)?, select(tester)?);
    let (one, two) = (offer(&first)?, offer(&second)?);
    if let (Some(one), Some(two)) = (&one.epc1, &two.epc1) {
        tester.check(one.enciphered_card_id != two.enciphered_card_id, "two ECID differ")?;
    }
    // What is left once the drawn fields are struck: the same for every card of these suites, and no field that is not known here.
    let suites = one.suites;
    let struck = |offer: SelectAnswer| {
        let epc1 = offer.epc1.map(|epc1| Epc1Offer { nonce: [0; 8], enciphered_card_id: [0; 8], ..epc1 });
        SelectAnswer { epc1, epc2: offer.epc2.map(|_| [0; 64]), ..offer }.emit()
    };
    let (one, two) = (struck(one), struck(two));
    tester.check(one == two, "R0 without what is drawn is the same")?;
    tester.check_equal("octets of R0, and of its known fields", &first.len(), &one.len())?;
    for suite in super::client::suites(tester) {
        tester.check(suites & suite.bit() != 0, format!("{suite} is offered"))?;
        let card = Opener::new(suite, Role::Read).open(tester)?.card;
        for r0 in [&first, &second] {
            tester.check(!r0.windows(8).any(|octets| octets == card.0), "R0 does not hold the card's id")?;
        }
    }
    Ok(())
}
