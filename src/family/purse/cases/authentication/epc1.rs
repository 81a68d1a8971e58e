//! AUTH of suite EPC1: whose key opens what (specs/purse.md, clause 3).

use super::OPENS;
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::cases::client::{Opener, card_id, offer, scheme, select};
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{CardId, Role, Suite, ins};
use crate::family::purse::keys::SessionKeys;
use crate::family::purse::keys::epc1::{self, Parties};
use crate::secret::Secret;
use crate::wire::status::StatusWord;

/// The cases, in the order in which they run.
pub(in crate::family::purse::cases) fn cases() -> Vec<Case> {
    let case = |id, purpose| Case::new(id, purpose).needs(&["purse.epc1"]);
    vec![
        case("AU1-KEY-001", "No key but this card's for this role opens it: not another card's, operator's or role's, no master or transport key.")
            .proves(&["REQ-AU1-4", "REQ-AU1-5"])
            .twin(OPENS)
            .kills(&["key-reference-ignored", "transport-key-accepted", "diversification-ignored", "diversification-truncated"])
            .body(foreign_keys),
        case("AU1-VERSION-001", "A key version that the card has not is refused, with a right tag over it.")
            .proves(&["REQ-AU1-2"])
            .twin(OPENS)
            .kills(&["key-version-ignored"])
            .body(other_versions),
        case("AU1-REFLECT-001", "A tag under the key of the card's own direction is refused.")
            .proves(&["REQ-AU1-1"])
            .twin(OPENS)
            .kills(&["reflection-accepted"])
            .body(wrong_direction),
        case("AU1-LIST-001", "Opts with a list that is none, or with a logical card that the card has not, are refused.")
            .proves(&["REQ-AU1-2"])
            .twin(OPENS)
            .kills(&["opts-unchecked"])
            .body(malformed_lists),
        case("AU1-FOLD-001", "Several logical cards open with the key folded from all of theirs, in any combination.")
            .proves(&["REQ-AU1-4"])
            .needs(&["purse.many"])
            .kills(&["diversification-ignored"])
            .body(|tester| {
                for list in lists(tester) {
                    opener(Role::Debit).cards(&list).open(tester)?;
                }
                Ok(())
            }),
        case("AU1-FOLD-002", "The key of one logical card opens no longer list, and a folded key no other list.")
            .proves(&["REQ-AU1-4"])
            .needs(&["purse.many"])
            .twin("AU1-FOLD-001")
            .kills(&["fold-ignored"])
            .body(unfolded_keys),
        case("AU1-ROLE-001", "The key of a role does what that role may.")
            .proves(&["REQ-AU1-4", "REQ-SES-4"])
            .kills(&["refund-key-powerless"])
            .writes()
            .body(roles_that_may),
        case("AU1-ROLE-002", "The key of a role does nothing else: debits do not top up, top-ups do not debit, enquiries change nothing.")
            .proves(&["REQ-AU1-4", "REQ-SES-4", "REQ-TRX-7"])
            .twin("AU1-ROLE-001")
            .kills(&["debit-key-credits"])
            .writes()
            .body(roles_that_may_not),
    ]
}

fn opener(role: Role) -> Opener {
    Opener::new(Suite::Epc1, role)
}

fn weak<E: std::fmt::Display>(error: E) -> Stop {
    Stop::error(format!("keys of the test system: {error}"))
}

/// AUTH under this key, everything else being right.
fn refuses_key(tester: &mut Tester<'_>, what: &str, opener: &Opener, key: &Secret<16>) -> OrStop {
    opener.refuses(tester, what, |tester, r0| {
        let card = card_id(tester, r0)?;
        let nonce = tester.random();
        opener.auth_epc1(r0, card, key, nonce).map(|(data, _)| data)
    })
}

fn foreign_keys(tester: &mut Tester<'_>) -> OrStop {
    let scheme = scheme(tester)?;
    let operator = tester.number("purse.operator.1")? as u32;
    let r0 = select(tester)?;
    let card = card_id(tester, &r0)?;
    let (mut neighbour, mut half) = (card, card);
    neighbour.0[7] ^= 1;
    half.0[4..].fill(0);
    let transport: [u8; 16] = std::array::from_fn(|index| 0x40 + index as u8);
    let key =
        |operator, logical_card, role, card: CardId| scheme.card_key(operator, logical_card, role, card).map_err(weak);
    let mut keys = vec![
        ("the next card's key", key(operator, 1, Role::Debit, neighbour)?),
        ("a key of half the card's id", key(operator, 1, Role::Debit, half)?),
        ("the master key", scheme.master(operator, 1, Role::Debit)),
        ("another operator's key", key(operator.wrapping_add(1), 1, Role::Debit, card)?),
        ("another logical card's key", key(operator, 2, Role::Debit, card)?),
        ("the manufacturer's transport key", Secret::new(transport)),
    ];
    for (name, role) in [("top-ups", Role::Credit), ("refunds", Role::Refund), ("enquiries", Role::Read)] {
        keys.push((name, key(operator, 1, role, card)?));
    }
    // A card whose id ends in zeros, say, has the key of half its id.
    let own = key(operator, 1, Role::Debit, card)?;
    for (what, key) in keys.iter().filter(|(_, key)| key.expose() != own.expose()) {
        refuses_key(tester, what, &opener(Role::Debit), key)?;
    }
    refuses_key(tester, "the key for debits, at a top-up", &opener(Role::Credit), &key(operator, 1, Role::Debit, card)?)
}

fn other_versions(tester: &mut Tester<'_>) -> OrStop {
    let right = opener(Role::Debit);
    for version in [0, 2, 15] {
        let wrong = Opener { reference: Role::Debit.key_reference(version), ..right.clone() };
        let r0 = select(tester)?;
        let (data, _) = wrong.auth(tester, &r0)?;
        wrong.refuses_data(tester, format!("version {version}"), &data)?;
        right.open(tester)?;
    }
    Ok(())
}

fn roles_that_may(tester: &mut Tester<'_>) -> OrStop {
    let credit = |amount| Operation::Credit { logical_card: 1, amount };
    let before = opener(Role::Debit).state(tester)?.balance;
    let debit = opener(Role::Debit).pay(tester, &[Operation::Debit { logical_card: 1, amount: 2 }])?;
    opener(Role::Credit).pay(tester, &[credit(1)])?;
    let of = debit.body.transaction;
    opener(Role::Refund).pay(tester, &[Operation::Refund { logical_card: 1, amount: 1, of }])?;
    let after = opener(Role::Read).state(tester)?.balance;
    tester.check_equal("balance after debit 2, top-up 1, refund 1", &before, &after)
}

fn wrong_direction(tester: &mut Tester<'_>) -> OrStop {
    let opener = opener(Role::Debit);
    opener.refuses(tester, "under S-RMAC", |tester, r0| {
        tagged(tester, &opener, r0, &[], |keys| keys.mac = keys.rmac.clone())
    })
}

/// AUTH data with these opts, whatever they are, and a tag over them that is right but for what `spoil` does to the keys.
fn tagged(
    tester: &mut Tester<'_>,
    opener: &Opener,
    r0: &[u8],
    opts: &[u8],
    spoil: impl FnOnce(&mut SessionKeys),
) -> OrStop<Vec<u8>> {
    let card = card_id(tester, r0)?;
    let card_nonce = offer(r0)?.epc1.map(|epc1| epc1.nonce).unwrap_or_default();
    let parties = Parties { terminal_nonce: tester.random(), card_nonce, card, terminal: opener.terminal };
    let mut keys = epc1::session_keys(&opener.card_key(tester, card)?, &parties).map_err(weak)?;
    spoil(&mut keys);
    let tag = epc1::terminal_tag(&keys, r0, opener.header(), &parties, opts);
    Ok([&parties.terminal_nonce[..], &opener.terminal.0, opts, tag.as_bytes()].concat())
}

fn malformed_lists(tester: &mut Tester<'_>) -> OrStop {
    let opener = opener(Role::Debit);
    let lists: &[&[u8]] = &[
        &[0x90, 0x02, 0x02, 0x01],
        &[0x90, 0x02, 0x01, 0x01],
        &[0x90, 0x00],
        &[0x90, 0x01, 0x00],
        &[0x90, 0x01, 0x09],
        &[0x90, 0x01, 0x08],
        &[0x90, 0x01, 1, 0x90, 0x01, 1],
        &[0x90],
    ];
    for list in lists {
        let what = format!("opts {}", crate::wire::hex::encode(list));
        opener.refuses(tester, what, |tester, r0| tagged(tester, &opener, r0, list, |_| ()))?;
    }
    Ok(())
}

/// Every logical card alone, and all of them.
fn lists(tester: &Tester<'_>) -> Vec<Vec<u8>> {
    let ids: Vec<u8> = (1..=8).filter(|id| tester.number(&format!("purse.operator.{id}")).is_ok()).collect();
    let alone = ids.iter().map(|&id| vec![id]);
    let pairs = ids.windows(2).map(<[u8]>::to_vec);
    let mut lists: Vec<_> = alone.chain(pairs).collect();
    lists.push(ids);
    lists
}

fn unfolded_keys(tester: &mut Tester<'_>) -> OrStop {
    let all = lists(tester).pop().unwrap_or_default();
    let r0 = select(tester)?;
    let card = card_id(tester, &r0)?;
    let of_first = opener(Role::Debit).cards(&all[..1]).card_key(tester, card)?;
    let of_two = opener(Role::Debit).cards(&all[..2]).card_key(tester, card)?;
    refuses_key(tester, "the first one's key, for the whole list", &opener(Role::Debit).cards(&all), &of_first)?;
    refuses_key(tester, "the first one's key, for another", &opener(Role::Debit).cards(&all[1..2]), &of_first)?;
    refuses_key(tester, "the key of two, for one of them", &opener(Role::Debit).cards(&all[..1]), &of_two)
}

fn roles_that_may_not(tester: &mut Tester<'_>) -> OrStop {
    let of = opener(Role::Debit).pay(tester, &[Operation::Debit { logical_card: 1, amount: 1 }])?.body.transaction;
    let debit = Operation::Debit { logical_card: 1, amount: 1 };
    let credit = Operation::Credit { logical_card: 1, amount: 1 };
    let refund = Operation::Refund { logical_card: 1, amount: 1, of };
    let forbidden = [
        (Role::Debit, vec![&credit, &refund]),
        (Role::Credit, vec![&debit, &refund]),
        (Role::Refund, vec![&debit, &credit]),
        (Role::Read, vec![&debit, &credit, &refund]),
        (Role::Administer, vec![&debit, &credit, &refund]),
    ];
    for (role, operations) in forbidden {
        let mut opened = opener(role).open(tester)?;
        for operation in operations {
            let order = opened.order(tester, std::slice::from_ref(operation));
            tester.note(format!("{role}: {operation}"));
            opened.session.refuse(tester, &order, StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
        }
        let (_, status) = opened.session.send(tester, ins::GET_RECEIPT, [0, 0], &of.0)?;
        tester.check_equal("the session goes on: GET RECEIPT", &StatusWord::OK, &status)?;
    }
    Ok(())
}
