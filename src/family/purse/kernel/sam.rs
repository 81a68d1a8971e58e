//! The terminal's security module: whole steps in, whole steps out, so that no key of scheme or session leaves it.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use super::error::SamError;

use super::checks::{Checks, Specified, check_validity};
use super::intent::PurseIntent;
use crate::crypto::des::TripleDesKey;
use crate::crypto::ec::{Point, PrivateKey};
use crate::entropy::Entropy;
use crate::family::purse::data::session::{CERTIFICATE_LEN, CardState, Certificate, Epc1Offer, Options, SelectAnswer};
use crate::family::purse::data::{CardId, Rights, Role, Suite, TerminalId, TransactionId, ins};
use crate::family::purse::issuer::Scheme;
use crate::family::purse::keys::epc1::{self, Parties};
use crate::family::purse::keys::epc2::{self, FirstHalf};
use crate::family::purse::keys::{Mac, SessionKeys};
use crate::journal::Committed;
use crate::journal::record::OrderKind;
use crate::secret::{Pin, Secret};
use crate::time::Moment;
use crate::wire::WireError;
use crate::wire::apdu::Command as Apdu;
use crate::wire::status::StatusWord;

/// What a terminal needs of its security module.
///
/// TRANSACT is not among the commands of [`Sam::protect`]: only [`Sam::transact`] makes it, and only from an intent that is durable.
pub trait Sam: Send {
    /// TID.
    fn terminal(&self) -> TerminalId;

    /// R0 in, AUTH out.
    fn authenticate(
        &mut self,
        r0: &[u8],
        purpose: Option<OrderKind>,
        options: &Options,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, SamError>;

    /// The data of AUTH's answer in; who the card is and what it says of itself out.
    fn open(&mut self, answer: &[u8], now: Moment) -> Result<(CardId, CardState, Suite), SamError>;

    /// A command of the open session that moves no value.
    fn protect(&mut self, command: SessionCommand<'_>) -> Result<Vec<u8>, SamError>;

    /// TRANSACT of an intent that is durable.
    fn transact(&mut self, committed: &Committed) -> Result<Vec<u8>, SamError>;

    /// The answer to the last command of the session: data and authentic status word.
    fn unprotect(&mut self, response: &[u8]) -> Result<(Vec<u8>, StatusWord), SamError>;
}

/// Commands of a session that move no value.
#[derive(Debug, Clone, Copy)]
pub enum SessionCommand<'a> {
    /// VERIFY.
    VerifyPin(&'a Pin),
    /// GET RECEIPT by TC.
    ReceiptOfCounter(u32),
    /// ACK.
    Acknowledge(TransactionId),
}

/// A security module in software, with the keys that the issuer gave it.
#[derive(Debug)]
pub struct SoftSam<C = Specified> {
    keys: Arc<Keys>,
    stage: Stage,
    checks: C,
    key_log: Option<KeyLog>,
}

/// Told Et and Z1 of each AUTH of EPC2, so that who records the exchanges can explain what is enciphered. Without the private keys of
/// terminal and card Z1 opens nothing; those are public in the test scheme only.
#[derive(Clone)]
pub struct KeyLog(pub Arc<TellKey>);

/// What is told: Et, then Z1.
pub type TellKey = dyn Fn(&[u8], &[u8]) + Send + Sync;

impl std::fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyLog")
    }
}

/// What the issuer put in, never changed afterwards.
#[derive(Debug)]
struct Keys {
    terminal: TerminalId,
    suite: Option<Suite>,
    privacy: TripleDesKey,
    masters: BTreeMap<(u8, Role), Secret<16>>,
    authority: Point,
    key: PrivateKey,
    certificate: Certificate,
}

#[derive(Debug)]
enum Stage {
    Idle,
    ExpectCard1 { keys: Box<SessionKeys>, card: CardId, tag: Mac },
    ExpectCard2 { half: Box<FirstHalf>, ephemeral: PrivateKey },
    Session { keys: Box<SessionKeys>, chaining: Mac, counter: u8 },
}

/// What an issuer grants a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// EPC1 roles; their rights go into the EPC2 certificate.
    pub roles: Vec<Role>,
    /// Logical cards and their operators.
    pub logical_cards: Vec<(u8, u32)>,
}

impl SoftSam {
    /// The module of a terminal of this scheme; `suite` forces one, `None` takes EPC2 where the card offers it.
    pub fn new(scheme: &Scheme, terminal: TerminalId, suite: Option<Suite>, grant: &Grant) -> Result<Self, SamError> {
        let mut masters = BTreeMap::new();
        let mut rights = Rights::default();
        for &role in &grant.roles {
            rights = rights | role.rights();
            for &(logical_card, operator) in &grant.logical_cards {
                masters.insert((logical_card, role), scheme.master(operator, logical_card, role));
            }
        }
        for &(logical_card, _) in &grant.logical_cards {
            rights.0 |= 0x100 << (logical_card.clamp(1, 8) - 1);
        }
        let issuer = grant.logical_cards.first().map_or(0, |&(_, operator)| operator);
        let (key, certificate) = scheme.terminal_credentials(terminal, issuer, rights)?;
        let keys = Keys {
            terminal,
            suite,
            privacy: TripleDesKey::new(*scheme.privacy_key().expose())?,
            masters,
            authority: scheme.authority()?,
            key,
            certificate,
        };
        Ok(Self { keys: Arc::new(keys), stage: Stage::Idle, checks: Specified, key_log: None })
    }

    /// The same module after a restart: same keys, no session.
    #[must_use]
    pub fn restarted(&self) -> Self {
        self.checked_by(Specified)
    }

    /// The same module after a restart, which checks cards in another way.
    #[must_use]
    pub fn checked_by<C: Checks>(&self, checks: C) -> SoftSam<C> {
        SoftSam { keys: Arc::clone(&self.keys), stage: Stage::Idle, checks, key_log: self.key_log.clone() }
    }

    /// The same module, which tells this log what its ephemeral keys agree on.
    #[must_use]
    pub fn with_key_log(self, key_log: KeyLog) -> Self {
        Self { key_log: Some(key_log), ..self }
    }
}

impl<C: Checks> SoftSam<C> {
    fn choose(&self, offer: &SelectAnswer) -> Result<Suite, SamError> {
        match self.keys.suite {
            Some(suite) if offer.offers(suite) => Ok(suite),
            Some(suite) => Err(SamError::SuiteNotOffered(suite)),
            None if offer.offers(Suite::Epc2) => Ok(Suite::Epc2),
            None if offer.offers(Suite::Epc1) => Ok(Suite::Epc1),
            None => Err(SamError::SuiteNotOffered(Suite::Epc1)),
        }
    }

    fn authenticate_epc1(
        &mut self,
        r0: &[u8],
        offer: &Epc1Offer,
        role: Role,
        options: &Options,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, SamError> {
        let card = epc1::decipher_card_id(&self.keys.privacy, offer.nonce, offer.enciphered_card_id);
        let mut terminal_nonce = [0; 8];
        entropy.fill(&mut terminal_nonce);
        let parties = Parties { terminal_nonce, card_nonce: offer.nonce, card, terminal: self.keys.terminal };
        let keys = epc1::session_keys(&self.card_key(card, role, &options.logical_cards)?, &parties)?;
        let (header, opts) = (epc1::header(role, offer.key_version), options.emit());
        let tag = epc1::terminal_tag(&keys, r0, header, &parties, &opts);
        let data = [&terminal_nonce[..], &self.keys.terminal.0, &opts, tag.as_bytes()].concat();
        self.stage = Stage::ExpectCard1 { keys: Box::new(keys), card, tag };
        Ok(apdu(header, &data))
    }

    /// The role to open with. For an enquiry any that was granted will do, since each may read.
    fn role(&self, purpose: Option<OrderKind>) -> Role {
        let wanted = role_for(purpose);
        let granted = |role: Role| self.keys.masters.keys().any(|(_, granted)| *granted == role);
        if purpose.is_some() || granted(wanted) {
            return wanted;
        }
        Role::ALL.into_iter().find(|role| granted(*role)).unwrap_or(wanted)
    }

    /// The card's keys of these logical cards, folded into one.
    fn card_key(&self, card: CardId, role: Role, logical_cards: &[u8]) -> Result<Secret<16>, SamError> {
        let diversified = logical_cards.iter().map(|&id| {
            let master = self.keys.masters.get(&(id, role)).ok_or(SamError::NoRight(name_of(role)))?;
            Ok((id, epc1::diversify(master, card)?))
        });
        let diversified: Vec<(u8, Secret<16>)> = diversified.collect::<Result<_, SamError>>()?;
        let folded = epc1::fold(diversified.iter().map(|(id, key)| (*id, key)))?;
        folded.ok_or(SamError::NoRight(name_of(role)))
    }

    fn authenticate_epc2(
        &mut self,
        r0: &[u8],
        point: &[u8; 64],
        options: &Options,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, SamError> {
        let card_ephemeral = Point::new(point)?;
        let ephemeral = PrivateKey::generate(entropy);
        let (z1, z2) = (ephemeral.agree(&card_ephemeral), self.keys.key.agree(&card_ephemeral));
        let (header, opts) = (epc2::header(Scheme::AUTHORITY), options.emit());
        let (et, certificate) = (ephemeral.public().to_bytes(), self.keys.certificate.emit());
        if let Some(KeyLog(log)) = &self.key_log {
            log(&et, z1.expose());
        }
        let half = FirstHalf::new(r0, header, &et, &certificate, &opts, &z1, &z2);
        let data = [&et[..], &certificate, half.terminal_tag().as_bytes(), &opts].concat();
        self.stage = Stage::ExpectCard2 { half: Box::new(half), ephemeral };
        Ok(apdu(header, &data))
    }

    fn open_epc2(
        &mut self,
        half: FirstHalf,
        ephemeral: &PrivateKey,
        c3: &[u8],
        tag: &[u8],
        now: Moment,
    ) -> Result<(CardId, CardState, Suite), SamError> {
        let proof = half.decipher_card_proof(c3).ok_or(SamError::NotAuthentic("AUTH's answer"))?;
        let (certificate, state) =
            proof.split_at_checked(CERTIFICATE_LEN).ok_or(SamError::NotAuthentic("AUTH's answer"))?;
        // The certificate is needed to check tagC; nothing else of the answer is used before that (REQ-AU2-5).
        let certificate = Certificate::parse(certificate)?;
        let card_key = self.checks.signature(&certificate, &self.keys.authority)?;
        let own = half.terminal_tag();
        let (keys, expected) = half.finish(c3, &ephemeral.agree(&card_key));
        if !self.checks.card_tag(&expected, &own, tag) {
            return Err(SamError::NotAuthentic("tagC"));
        }
        if !self.checks.subject(&certificate) {
            return Err(SamError::NotAuthentic("the certificate"));
        }
        self.checks.validity(&certificate, now)?;
        let state = CardState::parse(state, Suite::Epc2)?;
        self.stage = Stage::Session { keys: Box::new(keys), chaining: expected, counter: 0 };
        Ok((CardId(certificate.subject_id), state, Suite::Epc2))
    }

    /// Enciphers, MACs and counts: the next command of the session.
    fn send(&mut self, header: [u8; 4], plaintext: &[u8]) -> Result<Vec<u8>, SamError> {
        let Stage::Session { keys, chaining, counter } = &mut self.stage else { return Err(SamError::NoSession) };
        // The card ends its session after 255 commands (REQ-SES-1); so do we, rather than wrap.
        *counter = counter.checked_add(1).ok_or(SamError::NoSession)?;
        let ciphertext = keys.encipher_command(*counter, plaintext);
        *chaining = keys.command_mac(chaining, header, &ciphertext);
        Ok(apdu(header, &[&ciphertext, chaining.as_bytes()].concat()))
    }
}

/// A command with all the answer that a short one can have.
fn apdu(header: [u8; 4], data: &[u8]) -> Vec<u8> {
    let [cla, ins, p1, p2] = header;
    Apdu::new(cla, ins, p1, p2).with_data(data).with_le(256).emit()
}

/// Which role a purpose needs; enquiry and resolution only read.
const fn role_for(purpose: Option<OrderKind>) -> Role {
    match purpose {
        Some(OrderKind::Sale | OrderKind::Block) => Role::Debit,
        Some(OrderKind::TopUp) => Role::Credit,
        Some(OrderKind::Refund) => Role::Refund,
        None => Role::Read,
    }
}

const fn name_of(role: Role) -> &'static str {
    match role {
        Role::Debit => "debit",
        Role::Credit => "credit",
        Role::Refund => "refund",
        Role::Read => "read",
        Role::Administer => "administration",
    }
}

impl<C: Checks> Sam for SoftSam<C> {
    fn terminal(&self) -> TerminalId {
        self.keys.terminal
    }

    fn authenticate(
        &mut self,
        r0: &[u8],
        purpose: Option<OrderKind>,
        options: &Options,
        now: Moment,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, SamError> {
        self.stage = Stage::Idle;
        let offer = SelectAnswer::parse(r0)?;
        let role = self.role(purpose);
        if !self.keys.certificate.rights.contains(Rights(role.rights().0 & !Rights::BLOCK.0)) {
            return Err(SamError::NoRight(name_of(role)));
        }
        match (self.choose(&offer)?, &offer.epc1, &offer.epc2) {
            (Suite::Epc1, Some(offer), _) => self.authenticate_epc1(r0, offer, role, options, entropy),
            (Suite::Epc2, _, Some(point)) => {
                // The card would refuse it, and could not say why.
                check_validity(&self.keys.certificate, "this terminal's", now)?;
                self.authenticate_epc2(r0, point, options, entropy)
            }
            (suite, ..) => Err(SamError::SuiteNotOffered(suite)),
        }
    }

    fn open(&mut self, answer: &[u8], now: Moment) -> Result<(CardId, CardState, Suite), SamError> {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::ExpectCard1 { keys, card, tag } => {
                let (c3, card_tag) = split_mac(answer, Suite::Epc1)?;
                let expected = epc1::card_tag(&keys, &tag, c3);
                if !self.checks.card_tag(&expected, &tag, card_tag) {
                    return Err(SamError::NotAuthentic("tagC"));
                }
                let state = epc1::decipher_state(&keys, c3).ok_or(SamError::NotAuthentic("AUTH's answer"))?;
                let state = CardState::parse(&state, Suite::Epc1)?;
                self.stage = Stage::Session { keys, chaining: expected, counter: 0 };
                Ok((card, state, Suite::Epc1))
            }
            Stage::ExpectCard2 { half, ephemeral } => {
                let (c3, tag) = split_mac(answer, Suite::Epc2)?;
                self.open_epc2(*half, &ephemeral, c3, tag, now)
            }
            Stage::Idle | Stage::Session { .. } => Err(SamError::NoSession),
        }
    }

    fn protect(&mut self, command: SessionCommand<'_>) -> Result<Vec<u8>, SamError> {
        match command {
            SessionCommand::VerifyPin(pin) => self.send([0x84, ins::VERIFY, 0, 1], pin.expose()),
            SessionCommand::ReceiptOfCounter(counter) => {
                self.send([0x84, ins::GET_RECEIPT, 0, 1], &counter.to_be_bytes())
            }
            SessionCommand::Acknowledge(transaction) => self.send([0x84, ins::ACK, 0, 0], &transaction.0),
        }
    }

    fn transact(&mut self, committed: &Committed) -> Result<Vec<u8>, SamError> {
        let intent = PurseIntent::of(committed.intent()).map_err(SamError::Intent)?;
        self.send([0x84, ins::TRANSACT, 0, 0], &intent.order.emit())
    }

    fn unprotect(&mut self, response: &[u8]) -> Result<(Vec<u8>, StatusWord), SamError> {
        // Whatever is wrong with the answer, the session is over: take it out first, put it back only when all is well.
        let Stage::Session { keys, chaining, counter } = std::mem::replace(&mut self.stage, Stage::Idle) else {
            return Err(SamError::NoSession);
        };
        let (data, status) = split_status(response)?;
        let (ciphertext, mac) = split_mac(data, keys.suite())?;
        if !self.checks.answer_mac(&keys.answer_mac(&chaining, ciphertext, status), mac) {
            return Err(SamError::NotAuthentic("the R-MAC"));
        }
        let plaintext = keys.decipher_answer(counter, ciphertext).ok_or(SamError::NotAuthentic("the padding"))?;
        self.stage = Stage::Session { keys, chaining, counter };
        Ok((plaintext, status))
    }
}

fn split_mac(data: &[u8], suite: Suite) -> Result<(&[u8], &[u8]), SamError> {
    let cut = data.len().checked_sub(suite.mac_len()).ok_or(SamError::NotAuthentic("a missing MAC"))?;
    Ok(data.split_at(cut))
}

/// Data and status word of a response APDU.
pub(super) fn split_status(response: &[u8]) -> Result<(&[u8], StatusWord), WireError> {
    let Some((data, &[sw1, sw2])) = response.split_last_chunk::<2>() else {
        return Err(WireError::new(
            0,
            "at least the two octets of a status word",
            format!("{} octets", response.len()),
        ));
    };
    Ok((data, StatusWord(u16::from_be_bytes([sw1, sw2]))))
}
