//! A desk with keys and no judgement: builds commands octet by octet, opens answers, decides nothing.

use untorn::card::{Answer, Card};
use untorn::crypto::ec::{Point, PrivateKey};
use untorn::entropy::SeededEntropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::data::session::{CERTIFICATE_LEN, CardState, Certificate, Options, SelectAnswer};
use untorn::family::purse::data::transact::{Operation, ReceiptBody, TransactOrder};
use untorn::family::purse::data::{CardId, Rights, Role, Suite, TerminalId, TransactionId, ins};
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::keys::epc1::{self, Parties};
use untorn::family::purse::keys::epc2::{self, FirstHalf};
use untorn::family::purse::keys::{Mac, SessionKeys};
use untorn::family::purse::profile::PurseProfile;
use untorn::secret::Secret;

pub(crate) type TestCard = PurseCard<SeededEntropy>;

pub(crate) const SELECT: [u8; 15] =
    [0x00, 0xA4, 0x04, 0x00, 9, 0xF0, 0x45, 0x50, 0x55, 0x52, 0x53, 0x45, 0x00, 0x01, 0x00];

pub(crate) fn profile(name: &str) -> PurseProfile {
    PurseProfile::built_in(name).unwrap()
}

pub(crate) fn card_of(profile: &PurseProfile) -> TestCard {
    let mut card = PurseCard::personalise(profile, &Scheme::test(), SeededEntropy::new(1)).unwrap();
    card.reset().unwrap();
    card
}

pub(crate) fn card(name: &str) -> TestCard {
    card_of(&profile(name))
}

/// Answer data and status word.
pub(crate) fn exchange(card: &mut TestCard, command: &[u8]) -> (Vec<u8>, u16) {
    match card.process(command) {
        Answer::Response(mut data) => {
            let at = data.len() - 2;
            let sw = u16::from_be_bytes([data[at], data[at + 1]]);
            data.truncate(at);
            (data, sw)
        }
        Answer::Mute => panic!("mute"),
    }
}

pub(crate) fn sw(card: &mut TestCard, command: &[u8]) -> u16 {
    exchange(card, command).1
}

/// SELECT on channel 0, and what it offers.
pub(crate) fn select(card: &mut TestCard) -> Vec<u8> {
    let (r0, status) = exchange(card, &SELECT);
    assert_eq!(status, 0x9000);
    r0
}

/// A terminal's identity and what it asks for.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) suite: Suite,
    pub(crate) terminal: TerminalId,
    pub(crate) role: Role,
    /// EPC2 only.
    pub(crate) rights: Rights,
    pub(crate) options: Options,
    pub(crate) validity: (u16, u16),
}

impl Desk {
    pub(crate) fn epc1(role: Role) -> Self {
        let rights = role.rights();
        let (terminal, options) = (TerminalId(*b"TERMINAL"), Options::default());
        Self { suite: Suite::Epc1, terminal, role, rights, options, validity: (0, u16::MAX) }
    }

    pub(crate) fn epc2(rights: u16) -> Self {
        Self { suite: Suite::Epc2, rights: Rights(rights), ..Self::epc1(Role::Read) }
    }

    pub(crate) fn cards(mut self, ids: &[u8]) -> Self {
        self.options.logical_cards = ids.to_vec();
        self
    }

    pub(crate) fn at(mut self, terminal: [u8; 8]) -> Self {
        self.terminal = TerminalId(terminal);
        self
    }

    /// Data of an AUTH for this R0, and what is needed to open its answer.
    pub(crate) fn auth(&self, r0: &[u8], profile: &PurseProfile) -> (Vec<u8>, Waiting) {
        match self.suite {
            Suite::Epc1 => self.auth_epc1(r0, profile),
            Suite::Epc2 => self.auth_epc2(r0),
        }
    }

    pub(crate) fn header(&self) -> [u8; 4] {
        match self.suite {
            Suite::Epc1 => epc1::header(self.role, Scheme::KEY_VERSION),
            Suite::Epc2 => epc2::header(Scheme::AUTHORITY),
        }
    }

    fn auth_epc1(&self, r0: &[u8], profile: &PurseProfile) -> (Vec<u8>, Waiting) {
        let scheme = Scheme::test();
        let offer = SelectAnswer::parse(r0).unwrap().epc1.unwrap();
        let keys: Vec<(u8, Secret<16>)> = self
            .options
            .logical_cards
            .iter()
            .map(|&id| {
                let operator = profile.logical_cards.iter().find(|card| card.id == id).map_or(0, |card| card.operator);
                (id, scheme.card_key(operator, id, self.role, profile.card_id).unwrap())
            })
            .collect();
        let key = epc1::fold(keys.iter().map(|(id, key)| (*id, key))).unwrap().unwrap();
        let parties = Parties {
            terminal_nonce: *b"nonce  T",
            card_nonce: offer.nonce,
            card: profile.card_id,
            terminal: self.terminal,
        };
        let keys = epc1::session_keys(&key, &parties).unwrap();
        let opts = self.options.emit();
        let tag = epc1::terminal_tag(&keys, r0, self.header(), &parties, &opts);
        let data = [&b"nonce  T"[..], &self.terminal.0, &opts, tag.as_bytes()].concat();
        (data, Waiting::Epc1(keys, tag))
    }

    pub(crate) fn certificate(&self) -> (PrivateKey, Certificate) {
        let (key, certificate) = Scheme::test().terminal_credentials(self.terminal, 1, self.rights).unwrap();
        if self.validity == (0, u16::MAX) {
            return (key, certificate);
        }
        panic!("sign it with the authority's key")
    }

    fn auth_epc2(&self, r0: &[u8]) -> (Vec<u8>, Waiting) {
        let (key, certificate) = self.certificate();
        self.auth_epc2_with(r0, &key, &certificate)
    }

    pub(crate) fn auth_epc2_with(&self, r0: &[u8], key: &PrivateKey, certificate: &Certificate) -> (Vec<u8>, Waiting) {
        let ec = Point::new(&SelectAnswer::parse(r0).unwrap().epc2.unwrap()).unwrap();
        let ephemeral = PrivateKey::new(&[0x42; 32]).unwrap();
        let et = ephemeral.public().to_bytes();
        let (encoded, opts) = (certificate.emit(), self.options.emit());
        let half = FirstHalf::new(r0, self.header(), &et, &encoded, &opts, &ephemeral.agree(&ec), &key.agree(&ec));
        let data = [&et[..], &encoded, half.terminal_tag().as_bytes(), &opts].concat();
        (data, Waiting::Epc2(Box::new(half), ephemeral))
    }

    /// AUTH as octets, short or extended.
    pub(crate) fn auth_command(&self, data: &[u8]) -> Vec<u8> {
        untorn::wire::apdu::Command::new(0, 0, 0, 0).with_data(data).with_extended().with_le(65_536).emit()[4..]
            .iter()
            .fold(self.header().to_vec(), |mut octets, octet| {
                octets.push(*octet);
                octets
            })
    }

    /// SELECT and AUTH.
    pub(crate) fn open(&self, card: &mut TestCard, profile: &PurseProfile) -> Result<(Session, CardState), u16> {
        let r0 = select(card);
        let (data, waiting) = self.auth(&r0, profile);
        let (answer, status) = exchange(card, &self.auth_command(&data));
        if status != 0x9000 {
            assert!(answer.is_empty(), "a refused AUTH says something");
            return Err(status);
        }
        Ok(waiting.open(&answer))
    }
}

/// An AUTH that was sent.
pub(crate) enum Waiting {
    Epc1(SessionKeys, Mac),
    Epc2(Box<FirstHalf>, PrivateKey),
}

impl Waiting {
    pub(crate) fn open(self, answer: &[u8]) -> (Session, CardState) {
        match self {
            Self::Epc1(keys, tag) => {
                let (c3, tag_c) = answer.split_at(answer.len() - 8);
                let expected = epc1::card_tag(&keys, &tag, c3);
                assert!(expected.verify(tag_c), "tagC");
                let state = CardState::parse(&epc1::decipher_state(&keys, c3).unwrap(), Suite::Epc1).unwrap();
                (Session { keys, chaining: expected, counter: 1, channel: 0 }, state)
            }
            Self::Epc2(half, ephemeral) => {
                let (c3, tag_c) = answer.split_at(answer.len() - 16);
                let proof = half.decipher_card_proof(c3).unwrap();
                let certificate = Certificate::parse(&proof[..CERTIFICATE_LEN]).unwrap();
                let sc = Point::new(&certificate.point).unwrap();
                let (keys, expected) = half.finish(c3, &ephemeral.agree(&sc));
                assert!(expected.verify(tag_c), "tagC");
                let state = CardState::parse(&proof[CERTIFICATE_LEN..], Suite::Epc2).unwrap();
                (Session { keys, chaining: expected, counter: 1, channel: 0 }, state)
            }
        }
    }
}

/// The terminal's end of a session.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) keys: SessionKeys,
    pub(crate) chaining: Mac,
    pub(crate) counter: u8,
    pub(crate) channel: u8,
}

impl Session {
    /// A protected command.
    pub(crate) fn protect(&mut self, ins: u8, [p1, p2]: [u8; 2], plaintext: &[u8]) -> Vec<u8> {
        let header = [0x84, ins, p1, p2];
        let ciphertext = self.keys.encipher_command(self.counter, plaintext);
        let mac = self.keys.command_mac(&self.chaining, header, &ciphertext);
        self.chaining = mac;
        let lc = u8::try_from(ciphertext.len() + mac.as_bytes().len()).unwrap();
        [&[0x84 | self.channel, ins, p1, p2, lc], &ciphertext[..], mac.as_bytes(), &[0]].concat()
    }

    /// Data of an answer whose R-MAC must be right.
    pub(crate) fn unprotect(&mut self, answer: &[u8], status: u16) -> Vec<u8> {
        let (ciphertext, mac) = answer.split_at_checked(answer.len().wrapping_sub(self.keys.mac_len())).unwrap();
        let expected = self.keys.answer_mac(&self.chaining, ciphertext, untorn::wire::status::StatusWord(status));
        assert!(expected.verify(mac), "R-MAC over {status:04X}");
        let data = self.keys.decipher_answer(self.counter, ciphertext).unwrap();
        self.counter = self.counter.wrapping_add(1);
        data
    }

    /// One command inside the session. The R-MAC of the answer must be right.
    pub(crate) fn send(&mut self, card: &mut TestCard, ins: u8, p: [u8; 2], plaintext: &[u8]) -> (Vec<u8>, u16) {
        let command = self.protect(ins, p, plaintext);
        let (answer, status) = exchange(card, &command);
        (self.unprotect(&answer, status), status)
    }

    pub(crate) fn transact(&mut self, card: &mut TestCard, order: &TransactOrder) -> Result<ReceiptBody, u16> {
        match self.send(card, ins::TRANSACT, [0, 0], &order.emit()) {
            (data, 0x9000) => Ok(ReceiptBody::parse(&data[..68]).unwrap()),
            (data, status) => {
                assert!(data.is_empty(), "data with {status:04X}");
                Err(status)
            }
        }
    }

    pub(crate) fn verify(&mut self, card: &mut TestCard, pin: &str) -> u16 {
        self.send(card, ins::VERIFY, [0, 1], pin.as_bytes()).1
    }
}

pub(crate) fn ttid(sequence: u32) -> TransactionId {
    TransactionId::new(TerminalId(*b"TERMINAL"), sequence, [0xAB; 4])
}

/// An order whose TTID has the expected counter as its sequence.
pub(crate) fn order(expected_counter: u32, operations: &[Operation]) -> TransactOrder {
    let operations = operations.to_vec();
    TransactOrder { expected_counter, transaction: ttid(expected_counter), time: 1_700_000_000, operations }
}

pub(crate) fn debit(logical_card: u8, amount: u32) -> Operation {
    Operation::Debit { logical_card, amount }
}

pub(crate) fn credit(logical_card: u8, amount: u32) -> Operation {
    Operation::Credit { logical_card, amount }
}

pub(crate) fn refund(logical_card: u8, amount: u32, of: TransactionId) -> Operation {
    Operation::Refund { logical_card, amount, of }
}

pub(crate) fn take_over(logical_card: u8, amount: u32, from: CardId) -> Operation {
    Operation::TakeOver { logical_card, amount, from, link: untorn::family::purse::data::Link([7; 8]) }
}

/// One TRANSACT in a session of its own.
pub(crate) fn pay(
    card: &mut TestCard,
    profile: &PurseProfile,
    desk: &Desk,
    operations: &[Operation],
) -> Result<ReceiptBody, u16> {
    let (mut session, state) = desk.open(card, profile)?;
    session.transact(card, &order(state.transaction_counter + 1, operations))
}
