//! Secure messaging: what a session takes, and what ends it (specs/purse.md, clause 5).

use super::client::{Opened, Opener, Session, close_channel, each_suite, open_channel, order, select, select_on};
use super::order::{finds, till};
use super::picture::{debit, look, provide};
use crate::conformance::case::Case;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::crypto::pad80;
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{Role, Suite, ins};
use crate::wire::apdu::Command;

/// The valid twin of what ends a session.
const GOES_ON: &str = "SES-CHAIN-001";

/// Commands of one session (REQ-SES-1).
const COMMANDS_MAX: u8 = 255;

/// The cases, in the order in which they run.
pub(super) fn cases() -> Vec<Case> {
    [macs(), ends()].concat()
}

fn case(id: &str, purpose: &str) -> Case {
    Case::new(id, purpose)
}

fn open(tester: &mut Tester<'_>, suite: Suite) -> OrStop<Opened> {
    Opener::new(suite, Role::Debit).open(tester)
}

/// Sends a command that secure messaging must refuse: 6988 and nothing else, and the session has ended.
fn refused(tester: &mut Tester<'_>, what: &str, session: &Session, command: &[u8]) -> OrStop {
    tester.note(format!("wrong in: {what}"));
    let answer = tester.send(command)?;
    tester.expect_alone(what, &answer, 0x6988)?;
    session.clone().expect_ended(tester, what)
}

fn macs() -> Vec<Case> {
    let wrong = |id, purpose| case(id, purpose).proves(&["REQ-SES-2"]).twin(GOES_ON);
    vec![
        case(
            GOES_ON,
            "Commands follow each other in a session, each under its own counter and the MAC of the one before.",
        )
        .proves(&["REQ-SES-2", "REQ-SES-3"])
        .kills(&["mac-unchained"])
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                let mut session = open(tester, suite)?.session;
                (0..4).try_for_each(|_| session.expect_alive(tester))
            })
        }),
        case("SES-ANSWER-001", "A success carries data and R-MAC; two answers with the same data look different.")
            .proves(&["REQ-SES-3", "REQ-RNG-3"])
            .kills(&["answer-without-mac", "constant-iv", "counter-stuck"])
            .writes()
            .body(|tester| each_suite(tester, different_ciphertexts)),
        wrong(
            "SES-MAC-001",
            "A command whose MAC is wrong in one bit, be it in the first octet or in the last, is refused and ends the session.",
        )
        .kills(&["command-mac-unverified", "command-mac-in-part", "session-survives-sm-error"])
        .body(|tester| each_suite(tester, spoilt_macs)),
        wrong("SES-MAC-002", "A command without MAC, with a piece of one, changed, or with wrong padding is refused.")
            .revision(2)
            .kills(&["command-mac-unverified"])
            .body(|tester| each_suite(tester, missing_macs)),
        wrong("SES-PAD-001", "A command with a right MAC over wrong padding, or over more of it than one block, is refused.")
            .kills(&["long-padding-accepted"])
            .body(|tester| each_suite(tester, wrong_paddings)),
        wrong("SES-HEADER-001", "The MAC of a command holds for its own instruction and parameters only.")
            .kills(&["command-mac-without-header"])
            .body(|tester| each_suite(tester, other_headers)),
        wrong("SES-DIRECTION-001", "A command under the key for answers is refused.")
            .kills(&["directions-confused"])
            .body(|tester| each_suite(tester, wrong_direction)),
        wrong("SES-REPLAY-001", "A command that was executed is refused when it comes again in its session.")
            .kills(&["replay-in-session"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let mut session = open(tester, suite)?.session;
                    let command = session.clone().protect(ins::GET_RECEIPT, [0, 0], &[0xEE; 16]);
                    session.expect_alive(tester)?;
                    refused(tester, "the command before", &session, &command)
                })
            }),
        wrong("SES-SWAP-001", "Two commands that change places are both refused, and neither is carried out.")
            .kills(&["session-survives-sm-error", "command-mac-unverified"])
            .writes()
            .body(|tester| each_suite(tester, swapped)),
        wrong("SES-DROP-001", "A command is refused when the one before it was dropped, or comes after it.")
            .kills(&["command-mac-unverified"])
            .body(|tester| each_suite(tester, dropped)),
    ]
}

fn different_ciphertexts(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Debit);
    let paid = opener.pay(tester, &[Operation::Debit { logical_card: 1, amount: 1 }])?;
    let mut session = opener.open(tester)?.session;
    let mut answers = Vec::new();
    for _ in 0..3 {
        let command = session.protect(ins::GET_RECEIPT, [0, 0], &paid.body.transaction.0);
        let answer = tester.send_once(&command)?;
        tester.expect_status(&answer, 0x9000)?;
        let receipt = session.unprotect(tester, &answer)?;
        tester.check_octets("receipt", &paid.emit(), &receipt)?;
        answers.push(answer.data);
    }
    // Ciphertext, without R-MAC: its first block shows the initial vector.
    tester.check(answers[0][..8] != answers[1][..8] && answers[1][..8] != answers[2][..8], "ciphertexts differ")
}

fn spoilt_macs(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    for octet in [0, 3, 4, suite.mac_len() / 2, suite.mac_len() - 1] {
        let session = open(tester, suite)?.session;
        let mut command = session.clone().protect(ins::GET_RECEIPT, [0, 0], &[0xEE; 16]);
        // Le is the last octet.
        let at = command.len() - 1 - suite.mac_len() + octet;
        command[at] ^= 1 << (octet % 8);
        refused(tester, &format!("octet {octet} of the MAC"), &session, &command)?;
    }
    Ok(())
}

fn wrong_paddings(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let by_transaction: ([u8; 2], &[u8]) = ([0, 0], &[0xEE; 16]);
    let by_counter: ([u8; 2], &[u8]) = ([0, 1], &[0, 0, 0, 9]);
    for (parameters, plaintext) in [by_transaction, by_counter] {
        for spare_blocks in 1..=3 {
            let session = open(tester, suite)?.session;
            let block = session.keys.block_len();
            let mut padded = pad80(plaintext, block);
            padded.resize(padded.len() + spare_blocks * block, 0);
            let what = format!("padding of {} octets", padded.len() - plaintext.len());
            refused(tester, &what, &session, &protect_padded(&session, parameters, &padded)?)?;
        }
    }
    for filling in [0x00, 0x01, 0x80, 0xFF] {
        let session = open(tester, suite)?.session;
        let mut padded = vec![0x00; session.keys.block_len()];
        // Where 80 begins the block, something follows it that is no zero.
        padded[0] = filling;
        padded[1] = u8::from(filling == 0x80);
        let what = format!("a block that begins {filling:02X}{:02X} and is no padding", padded[1]);
        refused(tester, &what, &session, &protect_padded(&session, [0, 0], &padded)?)?;
    }
    Ok(())
}

/// GET RECEIPT of a plaintext whose padding is made already, with a right MAC.
fn protect_padded(session: &Session, [p1, p2]: [u8; 2], padded: &[u8]) -> OrStop<Vec<u8>> {
    let ciphertext = session.keys.encipher_padded_command(session.counter, padded);
    let ciphertext = ciphertext.ok_or_else(|| Stop::error("the padding is not a whole number of blocks"))?;
    let mac = session.keys.command_mac(&session.chaining, [0x84, ins::GET_RECEIPT, p1, p2], &ciphertext);
    let data = [&ciphertext[..], mac.as_bytes()].concat();
    Ok(Command::new(0x84 | session.channel, ins::GET_RECEIPT, p1, p2).with_data(&data).with_le(256).emit())
}

fn other_headers(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    for (octet, value) in [(1, ins::ACK), (1, ins::READ), (2, 1), (3, 1)] {
        let session = open(tester, suite)?.session;
        let mut command = session.clone().protect(ins::GET_RECEIPT, [0, 0], &[0xEE; 16]);
        command[octet] = value;
        refused(tester, &format!("octet {octet} of the header"), &session, &command)?;
    }
    Ok(())
}

fn wrong_direction(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let session = open(tester, suite)?.session;
    let mut reversed = session.clone();
    reversed.keys.mac = reversed.keys.rmac.clone();
    let command = reversed.protect(ins::GET_RECEIPT, [0, 0], &[0xEE; 16]);
    refused(tester, "MAC under S-RMAC", &session, &command)
}

fn dropped(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let session = open(tester, suite)?.session;
    let mut ahead = session.clone();
    ahead.protect(ins::GET_RECEIPT, [0, 0], &[0xEE; 16]);
    // Without data no initial vector matters: the MAC alone tells them apart.
    let second = ahead.protect(ins::TRANSACT, [0, 0], &[]);
    refused(tester, "the command before was dropped", &session, &second)
}

fn swapped(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    provide(tester, suite, 3)?;
    let opener = till(suite);
    let (opened, before) = look(tester, &opener)?;
    let next = |off: u32| before.counter.wrapping_add(off);
    let (first, second) = (order(tester, next(1), &[debit(1)]), order(tester, next(2), &[debit(2)]));
    let mut sending = opened.session.clone();
    let first = sending.protect(ins::TRANSACT, [0, 0], &first.emit());
    sending.counter += 1;
    let second = sending.protect(ins::TRANSACT, [0, 0], &second.emit());
    for (what, command, status) in [("the second command, first", second, 0x6988), ("the first, second", first, 0x6982)]
    {
        let answer = tester.send(&command)?;
        tester.expect_alone(what, &answer, status)?;
    }
    finds(tester, &opener, "neither order was carried out", &before)
}

/// Plaintexts of whole blocks that end in no padding (ISO/IEC 9797-1:2011 padding method 2). Chosen, and not octets that decipher to
/// something: one in some 250 of those ends in a padding by chance.
const WRONG_PADDINGS: [(&str, [u8; 16]); 4] = [
    ("none", [0xEE; 16]),
    ("zeros only", [0; 16]),
    ("zeros behind no 80", [0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0, 0, 0]),
    ("no zero behind 80", [0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0x80, 0, 1]),
];

fn missing_macs(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let header = [0x84, ins::GET_RECEIPT, 0, 0];
    let send = |data: &[u8]| Command::new(header[0], header[1], 0, 0).with_data(data).with_le(256).emit();
    for octets in [0, 1, suite.mac_len() - 1] {
        let session = open(tester, suite)?.session;
        refused(tester, &format!("{octets} octets in all"), &session, &send(&vec![0x5A; octets]))?;
    }
    let session = open(tester, suite)?.session;
    refused(tester, "a plaintext", &session, &send(&[0xEE; 32]))?;
    for (what, blocks) in WRONG_PADDINGS {
        let session = open(tester, suite)?.session;
        // Whole blocks in CBC mode: the padding that is added lies behind them, and is cut off again.
        let ciphertext = session.keys.encipher_command(session.counter, &blocks);
        let ciphertext = &ciphertext[..blocks.len()];
        let mac = session.keys.command_mac(&session.chaining, header, ciphertext);
        refused(tester, &format!("the padding: {what}"), &session, &send(&[ciphertext, mac.as_bytes()].concat()))?;
    }
    let session = open(tester, suite)?.session;
    let mut command = session.clone().protect(ins::GET_RECEIPT, [0, 0], &[0xEE; 16]);
    command[5] ^= 1;
    refused(tester, "the ciphertext", &session, &command)
}

/// REQ-SES-1
fn ends() -> Vec<Case> {
    let ended = |id, purpose| case(id, purpose).proves(&["REQ-SES-1"]).twin(GOES_ON);
    vec![
        ended("SES-COUNT-001", "A session takes 255 commands and no more.").kills(&["counter-wraps"]).body(|tester| {
            each_suite(tester, |tester, suite| {
                let mut session = open(tester, suite)?.session;
                (0..COMMANDS_MAX).try_for_each(|_| session.expect_alive(tester))?;
                session.expect_ended(tester, "after 255 commands")
            })
        }),
        ended("SES-RESET-001", "Reset ends the session, and SELECT does not bring it back.")
            .kills(&["session-survives-reset"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    let mut session = open(tester, suite)?.session;
                    tester.power_on()?;
                    let answer = tester.send(&session.clone().protect(ins::GET_RECEIPT, [0, 0], &[0xEE; 16]))?;
                    tester.expect_status(&answer, 0x6E00)?;
                    select(tester)?;
                    session.expect_ended(tester, "after reset")
                })
            }),
        ended(
            "SES-CLOSE-001",
            "Closing its logical channel ends the session, and opening it again does not bring it back.",
        )
        .needs(&["iso7816_4.logical_channels"])
        .kills(&["session-survives-close"])
        .body(|tester| {
            each_suite(tester, |tester, suite| {
                open_channel(tester, 1)?;
                let mut session = Opener::new(suite, Role::Debit).on(1).open(tester)?.session;
                session.expect_alive(tester)?;
                close_channel(tester, 1)?;
                open_channel(tester, 1)?;
                select_on(tester, 1)?;
                session.expect_ended(tester, "after its channel was closed")?;
                close_channel(tester, 1)
            })
        }),
        ended("SES-CHANNEL-001", "A session belongs to its logical channel: on another its commands are refused.")
            .proves(&["REQ-CMD-5"])
            .needs(&["iso7816_4.logical_channels"])
            .kills(&["handshake-skipped"])
            .body(|tester| {
                each_suite(tester, |tester, suite| {
                    open_channel(tester, 1)?;
                    select(tester)?;
                    let session = Opener::new(suite, Role::Debit).on(1).open(tester)?.session;
                    let mut elsewhere = Session { channel: 0, ..session.clone() };
                    elsewhere.expect_ended(tester, "on channel 0")?;
                    session.clone().expect_alive(tester)?;
                    close_channel(tester, 1)
                })
            }),
    ]
}
