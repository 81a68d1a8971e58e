//! A terminal that takes the purse, among cards with cryptograms and certificates of others (specs/purse.md, clauses 3 and 4).

use crate::conformance::case::Case;
use crate::conformance::lower_tester::{At, Exchange, Touch, Twist};
use crate::conformance::role::CommandRole;
use crate::conformance::terminal_tester::{CardCertificate, CardKind, Ended, RecordState, TerminalTester};
use crate::conformance::verdict::OrStop;
use crate::suite::terminal::checks::{at_order, case, check_ended, check_records, data_of, no_order, with_bit};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("TRM-TAG-001", "A card whose cryptogram is wrong in any octet gets no order.")
            .proves(&["REQ-AU2-5", "REQ-TRM-2"])
            .kills(&["card-tag-not-verified", "card-tag-truncated"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                // Of the tag, which ends the answer: its last octet, one in the middle, its first.
                for from_end in [3, 6, 10] {
                    let twist = Twist::changed(move |exchange| {
                        with_bit(exchange.honest, exchange.honest.len().saturating_sub(from_end))
                    });
                    at_authentication(tester, twist)?;
                }
                Ok(())
            }),
        case("TRM-TAG-002", "The terminal's own cryptogram, sent back, is not the card's.")
            .proves(&["REQ-AU2-5", "REQ-TRM-2"])
            .kills(&["reflection-accepted"])
            .twin("TRM-SALE-001")
            .terminal(|tester| {
                let len = if tester.claims("purse.epc2") { 16 } else { 8 };
                let twist = Twist::changed(move |exchange| reflected(exchange, len));
                at_authentication(tester, twist)
            }),
        case("TRM-TAG-003", "A card that comes again is authenticated anew before it decides anything.")
            .needs(&["terminal.retouch"])
            .proves(&["REQ-TRM-4", "REQ-RUL-2"])
            .kills(&["recovery-skips-authentication"])
            .twin("TRM-RETOUCH-001")
            .terminal(|tester| {
                let card = tester.card()?;
                let twist = Twist::changed(|exchange| with_bit(exchange.honest, exchange.honest.len() - 3));
                let again = Touch::of(card).with(At::Role(CommandRole::Authenticate), twist);
                let shown = tester.order(&tester.plain_order()?, vec![at_order(card, Twist::LostAfter), again])?;
                check_ended(tester, &shown, Ended::Unresolved)?;
                check_records(tester, &[RecordState::OpenFinal])
            }),
        case("TRM-CERT-001", "A card for which another authority vouches gets no order.")
            .needs(&["purse.epc2"])
            .proves(&["REQ-AU2-5"])
            .kills(&["certificate-not-verified"])
            .twin("TRM-SALE-001")
            .terminal(|tester| with_certificate(tester, CardCertificate::OtherAuthority)),
        case("TRM-CERT-002", "A terminal's certificate is not a card's.")
            .needs(&["purse.epc2"])
            .proves(&["REQ-AU2-5"])
            .kills(&["certificate-role-not-checked"])
            .twin("TRM-SALE-001")
            .terminal(|tester| with_certificate(tester, CardCertificate::OfATerminal)),
        case("TRM-CERT-003", "A card whose certificate has ended gets no order.")
            .needs(&["purse.epc2"])
            .proves(&["REQ-AU2-5"])
            .kills(&["certificate-validity-not-checked"])
            .twin("TRM-SALE-001")
            .terminal(|tester| with_certificate(tester, CardCertificate::Ended)),
    ]
}

/// The card's tag, at the end of AUTH's answer, replaced by the terminal's own out of the command.
fn reflected(exchange: &Exchange<'_>, len: usize) -> Vec<u8> {
    // EPC1: tagT ends the data, before Le. EPC2: it follows Et(64) and certT(148) (specs/purse.md, clauses 3 and 4).
    let start = if len == 16 { 5 + 64 + 148 } else { exchange.command.len() - 1 - len };
    let own = &exchange.command[start..start + len];
    let data = data_of(exchange.honest);
    [&data[..data.len() - len], own, &exchange.honest[data.len()..]].concat()
}

fn at_authentication(tester: &mut TerminalTester<'_>, twist: Twist) -> OrStop {
    let kind = CardKind::new(tester.text("terminal.card_profile")?);
    no_order(tester, &kind, |card| Touch::of(card).with(At::Role(CommandRole::Authenticate), twist))
}

fn with_certificate(tester: &mut TerminalTester<'_>, certificate: CardCertificate) -> OrStop {
    let kind = CardKind { certificate, ..CardKind::new(tester.text("terminal.card_profile")?) };
    no_order(tester, &kind, Touch::of)
}
