//! The purse as its test cases speak to it: a terminal with keys and no judgement. Every step can be done wrongly on purpose; what
//! is done rightly and answered wrongly fails the case.

use std::fmt;

use crate::conformance::tester::{Answer, Tester};
use crate::conformance::verdict::{OrStop, Stop};
use crate::crypto::des::TripleDesKey;
use crate::crypto::ec::{Point, PrivateKey};
use crate::family::purse::data::session::{
    CERTIFICATE_LEN, CardState, Certificate, Options, SealedReceipt, SelectAnswer,
};
use crate::family::purse::data::transact::{Operation, TransactOrder};
use crate::family::purse::data::{AID, CardId, Rights, Role, Suite, TerminalId, TransactionId, ins, refusal};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::keys::epc1::{self, Parties};
use crate::family::purse::keys::epc2::FirstHalf;
use crate::family::purse::keys::{Mac, SessionKeys};
use crate::quoted::quoted;
use crate::secret::Secret;
use crate::wire::apdu::Command;
use crate::wire::hex;
use crate::wire::status::StatusWord;

/// Terminal of the cases; [`Opener::at`] makes another.
const TERMINAL: TerminalId = TerminalId(*b"UNTORN T");
/// Of all orders: 2023-11-14.
pub const ORDER_TIME: u32 = 1_700_000_000;

/// The PIN in the ledger of failed authentications.
pub const PIN: &str = "pin";

/// The suites that the statement claims.
pub fn suites(tester: &Tester<'_>) -> Vec<Suite> {
    let claimed = [("purse.epc1", Suite::Epc1), ("purse.epc2", Suite::Epc2)];
    claimed.into_iter().filter(|(claim, _)| tester.claims(claim)).map(|(_, suite)| suite).collect()
}

/// Runs steps under each claimed suite, after a power-up.
pub fn each_suite(tester: &mut Tester<'_>, mut steps: impl FnMut(&mut Tester<'_>, Suite) -> OrStop) -> OrStop {
    for suite in suites(tester) {
        tester.note(format!("suite {suite}"));
        tester.power_on()?;
        steps(tester, suite)?;
    }
    Ok(())
}

/// SELECT on a logical channel, as octets.
pub fn select_command(channel: u8) -> Vec<u8> {
    Command::new(channel, ins::SELECT, 0x04, 0x00).with_data(&AID).with_le(256).emit()
}

/// SELECT on channel 0 and its answer R0.
pub fn select(tester: &mut Tester<'_>) -> OrStop<Vec<u8>> {
    select_on(tester, 0)
}

/// SELECT and its answer R0.
pub fn select_on(tester: &mut Tester<'_>, channel: u8) -> OrStop<Vec<u8>> {
    let answer = tester.send(&select_command(channel))?;
    tester.expect_status(&answer, 0x9000)?;
    Ok(answer.data)
}

/// What R0 offers; what cannot be read fails.
pub fn offer(r0: &[u8]) -> OrStop<SelectAnswer> {
    SelectAnswer::parse(r0).map_err(|error| Stop::fail(format!("answer to SELECT: {error}")))
}

fn ours<E: std::fmt::Display>(error: E) -> Stop {
    Stop::error(format!("keys of the test system: {error}"))
}

/// The scheme that the statement names under `purse.keys`.
pub fn scheme(tester: &Tester<'_>) -> OrStop<Scheme> {
    match tester.text("purse.keys")? {
        "test" => Ok(Scheme::test()),
        other => Err(Stop::error(format!(
            "purse.keys: expected \"test\", the only keys known here, got {other}",
            other = quoted(other)
        ))),
    }
}

/// Who opens a session, and what for.
#[derive(Debug, Clone)]
pub struct Opener {
    /// Suite.
    pub suite: Suite,
    /// TID.
    pub terminal: TerminalId,
    /// EPC1: whose key.
    pub role: Role,
    /// EPC2: of the certificate.
    pub rights: Rights,
    /// P2 of AUTH: role and version of the key, or the certification authority.
    pub reference: u8,
    /// opts.
    pub options: Options,
    /// Logical channel.
    pub channel: u8,
}

impl Opener {
    /// A terminal of this role for logical card 1.
    pub fn new(suite: Suite, role: Role) -> Self {
        let options = Options::default();
        let rights = role.rights();
        let reference = match suite {
            Suite::Epc1 => role.key_reference(Scheme::KEY_VERSION),
            Suite::Epc2 => Scheme::AUTHORITY,
        };
        Self { suite, terminal: TERMINAL, role, rights, reference, options, channel: 0 }
    }

    /// For these logical cards, ascending.
    #[must_use]
    pub fn cards(mut self, ids: &[u8]) -> Self {
        self.options.logical_cards = ids.to_vec();
        for &id in ids {
            self.rights.0 |= 0x100 << (id.clamp(1, 8) - 1);
        }
        self
    }

    /// Asks for details and unratified receipts.
    #[must_use]
    pub fn everything(mut self) -> Self {
        (self.options.details, self.options.unratified) = (true, true);
        self
    }

    /// Another terminal.
    #[must_use]
    pub fn at(mut self, terminal: [u8; 8]) -> Self {
        self.terminal = TerminalId(terminal);
        self
    }

    /// On another logical channel.
    #[must_use]
    pub fn on(mut self, channel: u8) -> Self {
        self.channel = channel;
        self
    }

    /// CLA INS P1 P2 of AUTH, without channel.
    pub fn header(&self) -> [u8; 4] {
        [0x80, ins::AUTH, self.suite.p1(), self.reference]
    }

    /// Data of an AUTH for this R0, and what opens its answer.
    pub fn auth(&self, tester: &mut Tester<'_>, r0: &[u8]) -> OrStop<(Vec<u8>, Waiting)> {
        match self.suite {
            Suite::Epc1 => {
                let card = card_id(tester, r0)?;
                let key = self.card_key(tester, card)?;
                let nonce = tester.random();
                self.auth_epc1(r0, card, &key, nonce)
            }
            Suite::Epc2 => {
                let (key, certificate) =
                    scheme(tester)?.terminal_credentials(self.terminal, 1, self.rights).map_err(ours)?;
                let ephemeral = PrivateKey::generate(tester.entropy());
                self.auth_epc2(tester, r0, &key, &certificate.emit(), ephemeral)
            }
        }
    }

    /// The key of this role over the listed logical cards, folded.
    pub fn card_key(&self, tester: &Tester<'_>, card: CardId) -> OrStop<Secret<16>> {
        let scheme = scheme(tester)?;
        let mut keys = Vec::new();
        for &id in &self.options.logical_cards {
            let operator = tester.number(&format!("purse.operator.{id}"))?;
            keys.push((id, scheme.card_key(operator as u32, id, self.role, card).map_err(ours)?));
        }
        let folded = epc1::fold(keys.iter().map(|(id, key)| (*id, key))).map_err(ours)?;
        folded.ok_or_else(|| Stop::error("no logical card is listed"))
    }

    /// EPC1 with this very key and nonce.
    pub fn auth_epc1(
        &self,
        r0: &[u8],
        card: CardId,
        key: &Secret<16>,
        terminal_nonce: [u8; 8],
    ) -> OrStop<(Vec<u8>, Waiting)> {
        let offer = offer(r0)?.epc1.ok_or_else(|| Stop::fail("EPC1 is claimed and not offered"))?;
        let parties = Parties { terminal_nonce, card_nonce: offer.nonce, card, terminal: self.terminal };
        let keys = epc1::session_keys(key, &parties).map_err(ours)?;
        let opts = self.options.emit();
        let tag = epc1::terminal_tag(&keys, r0, self.header(), &parties, &opts);
        let data = [&terminal_nonce[..], &self.terminal.0, &opts, tag.as_bytes()].concat();
        Ok((data, Waiting { channel: self.channel, kind: Kind::Epc1 { keys, tag, card } }))
    }

    /// EPC2 with this very key, certificate and ephemeral key.
    pub fn auth_epc2(
        &self,
        tester: &mut Tester<'_>,
        r0: &[u8],
        key: &PrivateKey,
        certificate: &[u8],
        ephemeral: PrivateKey,
    ) -> OrStop<(Vec<u8>, Waiting)> {
        let offered = offer(r0)?.epc2.ok_or_else(|| Stop::fail("EPC2 is claimed and not offered"))?;
        let ec = Point::new(&offered).map_err(|error| Stop::fail(format!("Ec: {error}")))?;
        let et = ephemeral.public().to_bytes();
        let opts = self.options.emit();
        let certificate: [u8; CERTIFICATE_LEN] =
            certificate.try_into().map_err(|_| Stop::error("a certificate of another length"))?;
        let agreed = ephemeral.agree(&ec);
        tester.key(&et, agreed.expose());
        let half = FirstHalf::new(r0, self.header(), &et, &certificate, &opts, &agreed, &key.agree(&ec));
        let data = [&et[..], &certificate, half.terminal_tag().as_bytes(), &opts].concat();
        Ok((data, Waiting { channel: self.channel, kind: Kind::Epc2 { half: Box::new(half), ephemeral } }))
    }

    /// AUTH with this data as octets, extended where it must be.
    pub fn auth_command(&self, data: &[u8]) -> Vec<u8> {
        let [cla, ins, p1, p2] = self.header();
        Command::new(cla | self.channel, ins, p1, p2).with_data(data).with_le(256).emit()
    }

    /// SELECT and AUTH, as far as the card lets it come: `Err` holds the status word of a refusal, which must be bare.
    pub fn try_open(&self, tester: &mut Tester<'_>) -> OrStop<Result<Opened, StatusWord>> {
        let r0 = select_on(tester, self.channel)?;
        let (data, waiting) = self.auth(tester, &r0)?;
        tester.before_authentication()?;
        let answer = tester.send_once(&self.auth_command(&data))?;
        if answer.status != StatusWord::OK {
            tester.check(answer.data.is_empty(), "a refused AUTH says nothing but its status word")?;
            return Ok(Err(answer.status));
        }
        waiting.open(tester, &answer.data).map(Ok)
    }

    /// Sends the AUTH with this data, which must succeed; the session, and the answer as it came.
    pub fn succeed(&self, tester: &mut Tester<'_>, data: &[u8], waiting: Waiting) -> OrStop<(Opened, Vec<u8>)> {
        tester.before_authentication()?;
        let answer = tester.send_once(&self.auth_command(data))?;
        tester.expect_status(&answer, 0x9000)?;
        let opened = waiting.open(tester, &answer.data)?;
        Ok((opened, answer.data))
    }

    /// SELECT and AUTH, which must succeed.
    pub fn open(&self, tester: &mut Tester<'_>) -> OrStop<Opened> {
        match self.try_open(tester)? {
            Ok(opened) => Ok(opened),
            Err(status) => {
                Err(Stop::fail(format!("AUTH: expected {}, got {}", StatusWord::OK.told(), refusal::told(status))))
            }
        }
    }

    /// An AUTH that is wrong in one thing: 6982 and nothing else. The right one opens afterwards, so that nothing else can have been
    /// wrong. `wrong` makes its data for an R0.
    pub fn refuses(
        &self,
        tester: &mut Tester<'_>,
        what: impl std::fmt::Display,
        wrong: impl FnOnce(&mut Tester<'_>, &[u8]) -> OrStop<Vec<u8>>,
    ) -> OrStop {
        let r0 = select_on(tester, self.channel)?;
        let data = wrong(tester, &r0)?;
        self.refuses_data(tester, &what, &data)?;
        self.open(tester).map(|_| ())
    }

    /// Sends an AUTH with this data, which is refused.
    pub fn refuses_data(&self, tester: &mut Tester<'_>, what: impl std::fmt::Display, data: &[u8]) -> OrStop {
        tester.note(format!("AUTH that is wrong: {what}"));
        tester.before_failed_authentication()?;
        let answer = tester.send_once(&self.auth_command(data))?;
        tester.expect_alone(&format!("AUTH, {what}"), &answer, 0x6982)
    }

    /// Where the tag lies in this AUTH data.
    pub fn tag_in(&self, data: &[u8]) -> std::ops::Range<usize> {
        match self.suite {
            Suite::Epc1 => data.len() - 8..data.len(),
            Suite::Epc2 => 64 + CERTIFICATE_LEN..64 + CERTIFICATE_LEN + 16,
        }
    }

    /// One TRANSACT in a session of its own, which must succeed; its receipt.
    pub fn pay(&self, tester: &mut Tester<'_>, operations: &[Operation]) -> OrStop<SealedReceipt> {
        let mut opened = self.open(tester)?;
        let order = opened.order(tester, operations);
        opened.session.pay(tester, &order)
    }

    /// STATE as a new session shows it.
    pub fn state(&self, tester: &mut Tester<'_>) -> OrStop<CardState> {
        Ok(self.open(tester)?.state)
    }
}

/// INS and P1-P2, for reasons.
pub fn command_name(ins: u8, [p1, p2]: [u8; 2]) -> String {
    format!("INS {ins:02X}, P1-P2 {p1:02X}{p2:02X}")
}

/// CID, as EPC1 shows it to who has KP.
pub fn card_id(tester: &Tester<'_>, r0: &[u8]) -> OrStop<CardId> {
    let offer = offer(r0)?.epc1.ok_or_else(|| Stop::fail("EPC1 is claimed and not offered"))?;
    let privacy = TripleDesKey::new(*scheme(tester)?.privacy_key().expose()).map_err(ours)?;
    Ok(epc1::decipher_card_id(&privacy, offer.nonce, offer.enciphered_card_id))
}

/// MANAGE CHANNEL: opens the next channel, whose number must be `expected`.
pub fn open_channel(tester: &mut Tester<'_>, expected: u8) -> OrStop {
    let answer = tester.send(&[0x00, ins::MANAGE_CHANNEL, 0x00, 0x00, 0x01])?;
    tester.expect_status(&answer, 0x9000)?;
    tester.check_octets("channel", &[expected], &answer.data)
}

/// MANAGE CHANNEL: closes a channel.
pub fn close_channel(tester: &mut Tester<'_>, channel: u8) -> OrStop {
    let answer = tester.send(&[0x00, ins::MANAGE_CHANNEL, 0x80, channel])?;
    tester.expect_status(&answer, 0x9000)
}

/// An AUTH that was sent.
pub struct Waiting {
    channel: u8,
    kind: Kind,
}

enum Kind {
    Epc1 { keys: SessionKeys, tag: Mac, card: CardId },
    Epc2 { half: Box<FirstHalf>, ephemeral: PrivateKey },
}

/// An open session and what the card said of itself.
pub struct Opened {
    /// The session.
    pub session: Session,
    /// STATE.
    pub state: CardState,
    /// CID.
    pub card: CardId,
    /// EPC2: certC, verified.
    pub certificate: Option<Certificate>,
}

impl Opened {
    /// An order that fits the state, with a TTID of its own.
    pub fn order(&self, tester: &mut Tester<'_>, operations: &[Operation]) -> TransactOrder {
        order(tester, self.state.transaction_counter.wrapping_add(1), operations)
    }
}

/// An order of the cases' terminal with a random, so fresh, TTID.
pub fn order(tester: &mut Tester<'_>, expected_counter: u32, operations: &[Operation]) -> TransactOrder {
    let (sequence, random) = (u32::from_be_bytes(tester.random()), tester.random());
    let transaction = TransactionId::new(TERMINAL, sequence, random);
    TransactOrder { expected_counter, transaction, time: ORDER_TIME, operations: operations.to_vec() }
}

impl Waiting {
    /// Opens C3|tagC; what is not authentic fails.
    pub fn open(self, tester: &mut Tester<'_>, answer: &[u8]) -> OrStop<Opened> {
        let channel = self.channel;
        let (keys, chaining, state, card, certificate) = match self.kind {
            Kind::Epc1 { keys, tag, card } => {
                let (c3, tag_c) = split(answer, 8)?;
                let expected = epc1::card_tag(&keys, &tag, c3);
                tester.check(expected.verify(tag_c), "tagC proves the card")?;
                let state = epc1::decipher_state(&keys, c3).ok_or_else(|| Stop::fail("padding of STATE"))?;
                (keys, expected, parse_state(&state, Suite::Epc1)?, card, None)
            }
            Kind::Epc2 { half, ephemeral } => {
                let (c3, tag_c) = split(answer, 16)?;
                let proof = half.decipher_card_proof(c3).ok_or_else(|| Stop::fail("padding of certC|STATE"))?;
                let (certificate, state) =
                    proof.split_at_checked(CERTIFICATE_LEN).ok_or_else(|| Stop::fail("certC is cut off"))?;
                let certificate =
                    Certificate::parse(certificate).map_err(|error| Stop::fail(format!("certC: {error}")))?;
                let authority = scheme(tester)?.authority().map_err(ours)?;
                let card_key = certificate.verify(&authority);
                tester.check(card_key.is_ok(), "certC is the authority's")?;
                let card_key = card_key.map_err(ours)?;
                let (keys, expected) = half.finish(c3, &ephemeral.agree(&card_key));
                tester.check(expected.verify(tag_c), "tagC proves the card")?;
                let card = CardId(certificate.subject_id);
                (keys, expected, parse_state(state, Suite::Epc2)?, card, Some(certificate))
            }
        };
        tester.after_good_authentication()?;
        tester.note(format!("session open: TC {}, balance {}", state.transaction_counter, state.balance));
        Ok(Opened { session: Session { keys, chaining, counter: 1, channel }, state, card, certificate })
    }
}

fn parse_state(octets: &[u8], suite: Suite) -> OrStop<CardState> {
    CardState::parse(octets, suite).map_err(|error| Stop::fail(format!("STATE: {error}")))
}

fn split(answer: &[u8], mac_len: usize) -> OrStop<(&[u8], &[u8])> {
    let cut = answer.len().checked_sub(mac_len);
    cut.map(|cut| answer.split_at(cut))
        .ok_or_else(|| Stop::fail(format!("an answer of {} octets has no MAC", answer.len())))
}

/// The terminal's end of a session. Clones go on from the same point.
#[derive(Clone)]
pub struct Session {
    /// S-ENC, S-MAC, S-RMAC.
    pub keys: SessionKeys,
    /// MCV.
    pub chaining: Mac,
    /// Of the next command.
    pub counter: u8,
    /// Logical channel.
    pub channel: u8,
}

impl Session {
    /// A protected command as octets; MCV goes on.
    pub fn protect(&mut self, ins: u8, [p1, p2]: [u8; 2], plaintext: &[u8]) -> Vec<u8> {
        let header = [0x84, ins, p1, p2];
        let ciphertext = self.keys.encipher_command(self.counter, plaintext);
        let mac = self.keys.command_mac(&self.chaining, header, &ciphertext);
        self.chaining = mac;
        let data = [&ciphertext[..], mac.as_bytes()].concat();
        Command::new(0x84 | self.channel, ins, p1, p2).with_data(&data).with_le(256).emit()
    }

    /// Data of an answer, whose R-MAC must be right; the counter goes on.
    pub fn unprotect(&mut self, tester: &mut Tester<'_>, answer: &Answer) -> OrStop<Vec<u8>> {
        let (ciphertext, mac) = split(&answer.data, self.keys.mac_len())?;
        let expected = self.keys.answer_mac(&self.chaining, ciphertext, answer.status);
        tester.check(expected.verify(mac), format!("the R-MAC covers data and {}", refusal::told(answer.status)))?;
        let data = self.keys.decipher_answer(self.counter, ciphertext);
        let data = data.ok_or_else(|| Stop::fail("padding of an answer"))?;
        self.counter = self.counter.wrapping_add(1);
        if !data.is_empty() {
            tester.note(format!("plaintext of the answer: {}", hex::encode(&data)));
        }
        Ok(data)
    }

    /// One command inside the session. A missing or wrong R-MAC fails, whatever the status word.
    pub fn send(
        &mut self,
        tester: &mut Tester<'_>,
        ins: u8,
        parameters: [u8; 2],
        plaintext: &[u8],
    ) -> OrStop<(Vec<u8>, StatusWord)> {
        if ins != ins::VERIFY {
            tester.note(format!("plaintext of {ins:02X}: {}", hex::encode(plaintext)));
        }
        let command = self.protect(ins, parameters, plaintext);
        let answer = tester.send_once(&command)?;
        Ok((self.unprotect(tester, &answer)?, answer.status))
    }

    /// The session has ended: a command that would be right is refused without R-MAC.
    pub fn expect_ended(&mut self, tester: &mut Tester<'_>, why: &str) -> OrStop {
        let command = self.protect(ins::GET_RECEIPT, [0, 0], &[0; 16]);
        let answer = tester.send(&command)?;
        tester.expect_alone(&format!("{why}, a command of the session"), &answer, 0x6982)
    }

    /// The session goes on: GET RECEIPT for an order that there never was answers 6A88, authentic.
    pub fn expect_alive(&mut self, tester: &mut Tester<'_>) -> OrStop {
        let (_, status) = self.send(tester, ins::GET_RECEIPT, [0, 0], &[0xEE; 16])?;
        tester.check_equal("status word in the session", &StatusWord::REFERENCED_DATA_NOT_FOUND, &status)
    }

    /// TRANSACT; its receipt, or the authentic status word of a refusal.
    pub fn transact(
        &mut self,
        tester: &mut Tester<'_>,
        order: &TransactOrder,
    ) -> OrStop<Result<SealedReceipt, StatusWord>> {
        let operations: Vec<String> = order.operations.iter().map(Operation::to_string).collect();
        tester.note(format!("TRANSACT {}", operations.join(", ")));
        let (data, status) = self.send(tester, ins::TRANSACT, [0, 0], &order.emit())?;
        if status != StatusWord::OK {
            tester.check(data.is_empty(), "a refusal carries no data")?;
            return Ok(Err(status));
        }
        let receipt = SealedReceipt::parse(&data, self.keys.suite());
        receipt.map(Ok).map_err(|error| Stop::fail(format!("receipt: {error}")))
    }

    /// TRANSACT, which must succeed; its receipt.
    pub fn pay(&mut self, tester: &mut Tester<'_>, order: &TransactOrder) -> OrStop<SealedReceipt> {
        match self.transact(tester, order)? {
            Ok(receipt) => Ok(receipt),
            Err(status) => {
                Err(Stop::fail(format!("TRANSACT: expected {}, got {}", StatusWord::OK.told(), refusal::told(status))))
            }
        }
    }

    /// TRANSACT, which must be refused with this status word.
    pub fn refuse(&mut self, tester: &mut Tester<'_>, order: &TransactOrder, expected: StatusWord) -> OrStop {
        let came = self.transact(tester, order)?.err().unwrap_or(StatusWord::OK);
        tester.check_equal("status word of TRANSACT", &Told(expected), &Told(came))
    }

    /// ACK; its status word.
    pub fn acknowledge(&mut self, tester: &mut Tester<'_>, transaction: TransactionId) -> OrStop<StatusWord> {
        Ok(self.send(tester, ins::ACK, [0, 0], &transaction.0)?.1)
    }

    /// GET RECEIPT by TTID (16 octets) or TC (4), unsigned; the receipt or a status word.
    pub fn receipt(&mut self, tester: &mut Tester<'_>, key: &[u8]) -> OrStop<Result<SealedReceipt, StatusWord>> {
        let (data, status) = self.send(tester, ins::GET_RECEIPT, [0, u8::from(key.len() == 4)], key)?;
        if status != StatusWord::OK {
            return Ok(Err(status));
        }
        let receipt = SealedReceipt::parse(&data, self.keys.suite());
        receipt.map(Ok).map_err(|error| Stop::fail(format!("receipt: {error}")))
    }

    /// VERIFY; its status word.
    pub fn verify(&mut self, tester: &mut Tester<'_>, pin: &str) -> OrStop<StatusWord> {
        tester.note("VERIFY");
        // Right or wrong: the statement may have the wrong PIN. Where there is none there are no tries, and nothing gives a count back.
        if tester.claims("purse.pin") {
            tester.before_attempt(PIN, pin.as_bytes())?;
        }
        let (_, status) = self.send(tester, ins::VERIFY, [0, 1], pin.as_bytes())?;
        if status == StatusWord::OK {
            tester.after_good_attempt(PIN, pin.as_bytes())?;
        }
        Ok(status)
    }

    /// READ of a record; its data or a status word.
    pub fn read(
        &mut self,
        tester: &mut Tester<'_>,
        logical_card: u8,
        file: u8,
        record: u8,
    ) -> OrStop<(Vec<u8>, StatusWord)> {
        self.send(tester, ins::READ, [0, 0], &[logical_card, file, record])
    }
}

/// A status word in the words of the purse.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told(StatusWord);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&refusal::told(self.0))
    }
}
