//! AUTH of suite EPC2: certificates, points, the card's clock (specs/purse.md, clause 4).

use super::OPENS;
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::crypto::ec::{POINT_LEN, Point, PrivateKey};
use crate::family::purse::cases::client::{ORDER_TIME, Opener, offer, scheme, select};
use crate::family::purse::data::session::{CERTIFICATE_EPOCH_DAY, Certificate};
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{CardId, Rights, Role, Suite, ins};
use crate::family::purse::keys::epc2::FirstHalf;
use crate::secret::Secret;
use crate::time::Moment;
use crate::wire::status::StatusWord;

/// Day of the cases' orders, from 2016-01-01.
const ORDER_DAY: u16 = (ORDER_TIME / 86_400) as u16 - CERTIFICATE_EPOCH_DAY;
/// Some days later: a certificate that ends then bounds the card's clock.
const LATER_DAY: u16 = ORDER_DAY + 26;

const DEBIT: Operation = Operation::Debit { logical_card: 1, amount: 1 };

/// The cases, in the order in which they run.
pub(in crate::family::purse::cases) fn cases() -> Vec<Case> {
    [certificates(), grants(), clock()].concat()
}

fn case(id: &str, purpose: &str) -> Case {
    Case::new(id, purpose).needs(&["purse.epc2"])
}

fn certificates() -> Vec<Case> {
    let checked = |id, purpose| case(id, purpose).proves(&["REQ-AU2-1"]).twin(OPENS);
    vec![
        checked("AU2-CERT-001", "A certificate that another authority signed is refused.")
            .kills(&["certificate-signature-unchecked"])
            .body(|tester| {
                let (key, certificate) = credentials(tester)?;
                let other = PrivateKey::generate(tester.entropy());
                refuses(tester, "another authority's", &key, &certificate.signed(&other))
            }),
        checked("AU2-CERT-002", "The certificate of a card is refused from a terminal.")
            .kills(&["certificate-role-unchecked"])
            .body(|tester| {
                let (key, certificate) = scheme(tester)?.card_credentials(CardId(*b"OTHER CD"), 1).map_err(ours)?;
                refuses(tester, "a card's", &key, &certificate)
            }),
        checked("AU2-CERT-003", "A right certificate of which the terminal has not the key is refused.")
            .kills(&["tag-not-verified"])
            .body(|tester| {
                let (_, certificate) = credentials(tester)?;
                let other = PrivateKey::generate(tester.entropy());
                refuses(tester, "of another key", &other, &certificate)
            }),
        checked(
            "AU2-POINT-001",
            "An ephemeral point off the curve is refused, though the tag fits what it would give.",
        )
        .revision(2)
        .kills(&["invalid-point-accepted"])
        .body(invalid_ephemeral_point),
        checked("AU2-POINT-002", "A certified point off the curve is refused, though the authority signed it.")
            .revision(2)
            .kills(&["invalid-point-accepted"])
            .body(invalid_certified_point),
    ]
}

fn ours<E: std::fmt::Display>(error: E) -> Stop {
    Stop::error(format!("keys of the test system: {error}"))
}

fn opener() -> Opener {
    Opener::new(Suite::Epc2, Role::Debit)
}

/// Key and certificate of the cases' terminal.
fn credentials(tester: &Tester<'_>) -> OrStop<(PrivateKey, Certificate)> {
    let opener = opener();
    scheme(tester)?.terminal_credentials(opener.terminal, 1, opener.rights).map_err(ours)
}

/// The same certificate with another last day, signed by the authority.
fn until(tester: &Tester<'_>, last_day: u16) -> OrStop<(PrivateKey, Certificate)> {
    let (key, certificate) = credentials(tester)?;
    let certificate = Certificate { not_after: last_day, ..certificate };
    Ok((key, scheme(tester)?.certify(certificate).map_err(ours)?))
}

fn refuses(tester: &mut Tester<'_>, what: &str, key: &PrivateKey, certificate: &Certificate) -> OrStop {
    opener().refuses(tester, what, |tester, r0| {
        let ephemeral = PrivateKey::generate(tester.entropy());
        opener().auth_epc2(tester, r0, key, &certificate.emit(), ephemeral).map(|(data, _)| data)
    })
}

/// (x, 0) for any x: a point of order two on a curve with another b. Formulas that do not use b (those of P-256 do not) give the
/// point itself for every odd multiple; so that who is not refused can calculate the tag, and learns bits of private keys.
fn of_order_two(x: &[u8; 32]) -> [u8; POINT_LEN] {
    let mut point = [0; POINT_LEN];
    point[..32].copy_from_slice(x);
    point
}

/// An even multiple of such a point is the point at infinity, which a card may refuse for that: half of its keys show nothing. Of so many
/// fresh ones all are even with a probability of 1/256.
const POINTS: usize = 8;

fn invalid_ephemeral_point(tester: &mut Tester<'_>) -> OrStop {
    let opener = opener();
    let (key, certificate) = credentials(tester)?;
    (0..POINTS).try_for_each(|_| invalid_ephemeral(tester, &opener, &key, &certificate))
}

fn invalid_ephemeral(tester: &mut Tester<'_>, opener: &Opener, key: &PrivateKey, certificate: &Certificate) -> OrStop {
    opener.refuses(tester, "Et off the curve", |tester, r0| {
        let ec = card_point(r0)?;
        let mut x = tester.random();
        x[0] = 0;
        let et = of_order_two(&x);
        let certificate = certificate.emit();
        let half = FirstHalf::new(r0, opener.header(), &et, &certificate, &[], &Secret::new(x), &key.agree(&ec));
        Ok([&et[..], &certificate, half.terminal_tag().as_bytes()].concat())
    })
}

fn invalid_certified_point(tester: &mut Tester<'_>) -> OrStop {
    let (_, certificate) = credentials(tester)?;
    (0..POINTS).try_for_each(|_| invalid_certified(tester, &opener(), &certificate))
}

fn invalid_certified(tester: &mut Tester<'_>, opener: &Opener, certificate: &Certificate) -> OrStop {
    opener.refuses(tester, "certified point off the curve", |tester, r0| {
        let ec = card_point(r0)?;
        let mut x = tester.random();
        x[0] = 0;
        let point = of_order_two(&x);
        let certificate = scheme(tester)?.certify(Certificate { point, ..certificate.clone() }).map_err(ours)?.emit();
        let ephemeral = PrivateKey::generate(tester.entropy());
        let et = ephemeral.public().to_bytes();
        let half = FirstHalf::new(r0, opener.header(), &et, &certificate, &[], &ephemeral.agree(&ec), &Secret::new(x));
        Ok([&et[..], &certificate, half.terminal_tag().as_bytes()].concat())
    })
}

fn card_point(r0: &[u8]) -> OrStop<Point> {
    let offered = offer(r0)?.epc2.ok_or_else(|| Stop::fail("EPC2 is claimed and not offered"))?;
    Point::new(&offered).map_err(|error| Stop::fail(format!("Ec: {error}")))
}

/// REQ-AU2-3
fn grants() -> Vec<Case> {
    let granted = |id, purpose| case(id, purpose).proves(&["REQ-AU2-3"]);
    vec![
        granted("AU2-RIGHTS-001", "A certificate for all rights does what it names.")
            .kills(&["certificate-rights-cut"])
            .writes()
            .body(|tester| {
                let before = with_rights(0x0F).state(tester)?.balance;
                let debit = with_rights(0x02).pay(tester, &[DEBIT])?;
                let of = debit.body.transaction;
                with_rights(0x08).pay(tester, &[Operation::Refund { logical_card: 1, amount: 1, of }])?;
                with_rights(0x02).pay(tester, &[DEBIT])?;
                with_rights(0x04).pay(tester, &[Operation::Credit { logical_card: 1, amount: 1 }])?;
                let after = with_rights(0x01).state(tester)?.balance;
                tester.check_equal("balance after as much in as out", &before, &after)
            }),
        granted("AU2-RIGHTS-002", "A certificate gives no right that it does not name.")
            .proves(&["REQ-SES-4", "REQ-TRX-7"])
            .twin("AU2-RIGHTS-001")
            .kills(&["certificate-rights-ignored"])
            .writes()
            .body(rights_that_are_missing),
        granted(
            "AU2-CARDS-001",
            "A certificate permits the logical cards that it names; naming none it permits the first.",
        )
        .kills(&["certificate-signature-unchecked"])
        .body(|tester| {
            for rights in [0x0003, 0x0103, 0xFF03] {
                with_rights(rights).open(tester)?;
            }
            let (key, certificate) = credentials(tester)?;
            let other = PrivateKey::generate(tester.entropy());
            refuses(tester, "rights under another authority's signature", &key, &certificate.signed(&other))
        }),
        granted("AU2-CARDS-002", "A certificate that does not name a logical card does not open it.")
            .twin("AU2-CARDS-001")
            .kills(&["certificate-cards-ignored"])
            .body(|tester| {
                for rights in [0x0203, 0x8003, 0xFE03] {
                    let opener = with_rights(rights);
                    let r0 = select(tester)?;
                    let (data, _) = opener.auth(tester, &r0)?;
                    opener.refuses_data(tester, format!("rights {rights:04X}, logical card 1"), &data)?;
                    with_rights(0x0003).open(tester)?;
                }
                Ok(())
            }),
    ]
}

fn with_rights(rights: u16) -> Opener {
    Opener { rights: Rights(rights), ..opener() }
}

fn rights_that_are_missing(tester: &mut Tester<'_>) -> OrStop {
    let of = with_rights(0x02).pay(tester, &[DEBIT])?.body.transaction;
    let credit = Operation::Credit { logical_card: 1, amount: 1 };
    let refund = Operation::Refund { logical_card: 1, amount: 1, of };
    for (rights, operation) in
        [(0x7D, DEBIT), (0x7B, credit.clone()), (0x77, refund.clone()), (0x01, DEBIT), (0x01, credit), (0x01, refund)]
    {
        let mut opened = with_rights(rights).open(tester)?;
        let order = opened.order(tester, std::slice::from_ref(&operation));
        tester.note(format!("rights {rights:02X}: {operation}"));
        opened.session.refuse(tester, &order, StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
        let (_, status) = opened.session.send(tester, ins::GET_RECEIPT, [0, 0], &of.0)?;
        tester.check_equal("the session goes on: GET RECEIPT", &StatusWord::OK, &status)?;
    }
    Ok(())
}

/// REQ-AU2-2. The orders of all cases are of one day; a card that other terminals have used may have a later one.
fn clock() -> Vec<Case> {
    let clock = |id, purpose| case(id, purpose).revision(2).proves(&["REQ-AU2-2"]).writes();
    vec![
        clock("AU2-CLOCK-001", "A certificate that ended before the newest transaction is refused.")
            .twin(OPENS)
            .kills(&["certificate-expiry-unchecked"])
            .body(|tester| {
                opener().pay(tester, &[DEBIT])?;
                let today = day_of_card(tester)?;
                let (key, ended) = until(tester, today - 1)?;
                refuses(tester, &format!("ended the day before {}", date(today)), &key, &ended)
            }),
        clock("AU2-CLOCK-002", "The card's clock follows no time past the end of the certificate of its session.")
            .kills(&["clock-beyond-certificate"])
            .body(|tester| {
                let (key, certificate) = ends_before_the_last_day(tester)?;
                let mut opened = tester.preamble(|tester| open(tester, &key, &certificate))?;
                let mut order = opened.order(tester, &[DEBIT]);
                order.time = u32::MAX;
                opened.session.pay(tester, &order)?;
                open(tester, &key, &certificate).map(|_| ())
            }),
        clock("AU2-CLOCK-003", "The card's clock follows no time told in a session without certificate.")
            .needs(&["purse.epc1"])
            .kills(&["clock-by-anyone"])
            .body(|tester| {
                let (key, certificate) = ends_before_the_last_day(tester)?;
                tester.preamble(|tester| open(tester, &key, &certificate))?;
                let mut opened = Opener::new(Suite::Epc1, Role::Debit).open(tester)?;
                let mut order = opened.order(tester, &[DEBIT]);
                order.time = u32::MAX;
                opened.session.pay(tester, &order)?;
                open(tester, &key, &certificate).map(|_| ())
            }),
    ]
}

/// The last day that the time of an order can tell, from 2016-01-01: no card's clock is later.
const LAST_DAY: u16 = (u32::MAX / 86_400) as u16 - CERTIFICATE_EPOCH_DAY;

/// A day, counted from 2016-01-01, as people write it.
fn date(day: u16) -> String {
    let seconds = (u64::from(day) + u64::from(CERTIFICATE_EPOCH_DAY)) * 86_400;
    Moment::from_millis(seconds * 1_000).to_string().chars().take(10).collect()
}

/// The card's clock, or the day of the cases' orders where that is later. A card does not tell it; the first certificate that it takes
/// does. Only the day of a clock that is ahead has to be looked for.
fn day_of_card(tester: &mut Tester<'_>) -> OrStop<u16> {
    tester.preamble(|tester| {
        if takes(tester, ORDER_DAY)? {
            return Ok(ORDER_DAY);
        }
        let (mut refused, mut taken) = (ORDER_DAY, LAST_DAY);
        while taken - refused > 1 {
            let day = refused + (taken - refused) / 2;
            if takes(tester, day)? {
                taken = day;
            } else {
                refused = day;
            }
        }
        tester.note(format!("the card's clock is ahead, at {}", date(taken)));
        Ok(taken)
    })
}

/// Whether the card takes a certificate that ends on this day. A right AUTH follows a refusal, so that no two are in a row.
fn takes(tester: &mut Tester<'_>, last_day: u16) -> OrStop<bool> {
    let (key, certificate) = until(tester, last_day)?;
    let r0 = select(tester)?;
    let ephemeral = PrivateKey::generate(tester.entropy());
    let (data, waiting) = opener().auth_epc2(tester, &r0, &key, &certificate.emit(), ephemeral)?;
    tester.before_authentication()?;
    let answer = tester.send_once(&opener().auth_command(&data))?;
    tester.expect_status_in(&answer, &[0x9000, 0x6982])?;
    if answer.status == StatusWord::OK {
        return waiting.open(tester, &answer.data).map(|_| true);
    }
    opener().open(tester).map(|_| false)
}

/// A certificate that ends when the card's clock has come so far, and before the last day that an order can tell.
fn ends_before_the_last_day(tester: &mut Tester<'_>) -> OrStop<(PrivateKey, Certificate)> {
    let last = day_of_card(tester)?.max(LATER_DAY);
    if last >= LAST_DAY {
        let reason = format!("the card's clock is {}, and no order can tell a later day", date(last));
        return Err(Stop::inconclusive(reason));
    }
    until(tester, last)
}

/// SELECT and AUTH with this certificate, which must succeed.
fn open(
    tester: &mut Tester<'_>,
    key: &PrivateKey,
    certificate: &Certificate,
) -> OrStop<crate::family::purse::cases::client::Opened> {
    let r0 = select(tester)?;
    let ephemeral = PrivateKey::generate(tester.entropy());
    let (data, waiting) = opener().auth_epc2(tester, &r0, key, &certificate.emit(), ephemeral)?;
    Ok(opener().succeed(tester, &data, waiting)?.0)
}
