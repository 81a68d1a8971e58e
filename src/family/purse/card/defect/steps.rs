//! The steps of a card with a deliberate defect: what is done before, after or instead of what the purse does.

use super::access::AccessDefect;
use super::commit::CommitDefect;
use super::keys::static_keys;
use super::rules::Wrong;
use crate::card::application::WholeCommand;
use crate::card::memory::{Memory, PowerLost};
use crate::entropy::Entropy;
use crate::family::purse::card::auth::{Granted, length_fits};
use crate::family::purse::card::commands::Stop;
use crate::family::purse::card::image::Image;
use crate::family::purse::card::messaging::Session;
use crate::family::purse::card::{PLAIN, PROTECTED, Purse, is_protected_instruction};
use crate::family::purse::data::{Rights, Suite, TerminalId, ins};
use crate::family::purse::keys::Mac;
use crate::wire::status::StatusWord;

/// Failed AUTHs after which a card with that defect hears none any more.
const FAILURES_HEARD: u8 = 4;

type Wronged<E> = Purse<E, Wrong>;

pub(super) fn power_up<E: Entropy>(purse: &mut Wronged<E>, memory: &mut Memory) -> Result<bool, PowerLost> {
    let (offer, session) = (purse.offer.take(), purse.session.take());
    let access = purse.rules.access;
    let finished = purse.power_up(memory)?;
    let remembered = &mut purse.rules.remembered;
    remembered.offer = offer.filter(|_| access == Some(AccessDefect::NonceSurvivesReset));
    remembered.session_spared = access == Some(AccessDefect::SessionSurvivesReset);
    purse.session = session.filter(|_| remembered.session_spared);
    match access {
        Some(AccessDefect::TriesBackAtReset) => purse.person.layout.tries.restore(memory)?,
        Some(AccessDefect::NonceRepeatsAfterReset) => remembered.selections = 0,
        _ => {}
    }
    purse.rules.powered_up(&purse.person, memory, finished)?;
    Ok(finished)
}

pub(super) fn select<E: Entropy>(
    purse: &mut Wronged<E>,
    memory: &mut Memory,
    channel: u8,
    answer: &mut Vec<u8>,
) -> Result<StatusWord, PowerLost> {
    let spared = std::mem::take(&mut purse.rules.remembered.session_spared);
    let (offer, session) = (purse.offer.clone(), purse.session.take());
    let (ended, kept) = match purse.rules.access {
        Some(AccessDefect::SessionSurvivesSelect) => (None, session),
        Some(AccessDefect::SessionSurvivesSelectElsewhere) => {
            (None, session.filter(|session| session.channel != channel))
        }
        _ if spared => (None, session),
        _ => (session, None),
    };
    purse.rules.selected(&purse.person, memory, ended)?;
    let status = purse.select(channel, answer);
    purse.session = kept;
    if purse.rules.has(AccessDefect::NonceSurvivesReselect) {
        purse.rules.remembered.offer = offer;
    }
    Ok(status)
}

pub(super) fn close<E: Entropy>(purse: &mut Wronged<E>, channel: u8) {
    let session = purse.session.clone();
    purse.close(channel);
    if purse.rules.has(AccessDefect::SessionSurvivesClose) {
        purse.session = session;
        purse.rules.remembered.session_spared = true;
    }
}

pub(super) fn admit<E: Entropy>(purse: &mut Wronged<E>, channel: u8, header: [u8; 4]) -> Result<(), StatusWord> {
    let [cla, ins, p1, _] = header;
    let protected = is_protected_instruction(ins);
    let admitted = match (purse.rules.access, cla) {
        (Some(AccessDefect::SuiteNotOfferedReached), PLAIN) => ins == ins::AUTH && Suite::from_p1(p1).is_some(),
        (Some(AccessDefect::ReceiptForAnyone), PLAIN) => ins == ins::GET_RECEIPT,
        (Some(AccessDefect::PlainAccepted), PLAIN) | (Some(AccessDefect::HandshakeSkipped), PROTECTED) => protected,
        _ => cla == PLAIN && shows_private(&purse.rules, ins),
    };
    if admitted {
        return Ok(());
    }
    let session = purse.session.clone();
    let answer = purse.admit(channel, header);
    if purse.rules.has(AccessDefect::PlainKeepsSession) {
        purse.session = session;
    }
    answer
}

fn shows_private(rules: &Wrong, ins: u8) -> bool {
    ins == ins::GET_RECEIPT && rules.does(CommitDefect::PrivateData)
}

pub(super) fn auth<E: Entropy>(
    purse: &mut Wronged<E>,
    memory: &mut Memory,
    request: &WholeCommand<'_>,
    answer: &mut Vec<u8>,
) -> Result<StatusWord, PowerLost> {
    let fits = Suite::from_p1(request.header[2]).is_some_and(|suite| length_fits(suite, request.data.len()));
    if !fits {
        return purse.auth(memory, request, answer);
    }
    let heard = purse.rules.hears_auth();
    let dead = purse.rules.has(AccessDefect::FailedAuthKills) && purse.failures >= FAILURES_HEARD;
    let (offer, session) = (purse.offer.clone(), purse.session.clone());
    if dead || !heard {
        purse.offer = None;
    }
    let mut status = purse.auth(memory, request, answer)?;
    if status != StatusWord::OK
        && let Some(kept) = purse.rules.remembered.offer.take()
    {
        purse.offer = Some(kept);
        answer.clear();
        status = purse.auth(memory, request, answer)?;
    }
    let succeeded = status == StatusWord::OK;
    match purse.rules.access {
        Some(AccessDefect::NonceSurvivesSuccess) if succeeded => purse.offer = offer,
        Some(AccessDefect::TriesBackAtAuth) if succeeded => purse.person.layout.tries.restore(memory)?,
        Some(AccessDefect::NonceSurvivesFailure) if !succeeded => purse.offer = offer,
        Some(AccessDefect::SessionSurvivesFailedAuth) if !succeeded => purse.session = session,
        _ => {}
    }
    Ok(status)
}

pub(super) fn protected<E: Entropy>(
    purse: &mut Wronged<E>,
    memory: &mut Memory,
    request: &WholeCommand<'_>,
    answer: &mut Vec<u8>,
) -> Result<StatusWord, PowerLost> {
    let [cla, ins, ..] = request.header;
    if cla == PLAIN && shows_private(&purse.rules, ins) {
        let image = Image::read(&purse.person.layout, memory)?;
        image.receipts().last().into_iter().for_each(|slot| answer.extend_from_slice(slot.body()));
        return Ok(StatusWord::OK);
    }
    let skipped = purse.rules.has(AccessDefect::HandshakeSkipped) && purse.session.is_none();
    if cla == PLAIN || skipped {
        return plain(purse, memory, request, answer);
    }
    let session = purse.session.clone();
    let status = purse.protected(memory, request, answer)?;
    match purse.rules.access {
        Some(AccessDefect::SessionSurvivesSmError) if status == StatusWord::SM_DATA_INCORRECT => {
            purse.session = session;
        }
        Some(AccessDefect::VerificationSurvivesSession) => {
            purse.holder_verified |= purse.session.as_ref().is_some_and(|session| session.verified);
        }
        _ => {}
    }
    Ok(status)
}

/// A command without secure messaging, in whatever session there is.
fn plain<E: Entropy>(
    purse: &mut Wronged<E>,
    memory: &mut Memory,
    request: &WholeCommand<'_>,
    answer: &mut Vec<u8>,
) -> Result<StatusWord, PowerLost> {
    let session = purse.session.take().or_else(|| unopened_session(request.channel));
    let Some(mut session) = session else { return Ok(StatusWord::SECURITY_STATUS_NOT_SATISFIED) };
    match purse.execute(memory, &mut session, request.header, request.data, answer) {
        Ok(()) => Ok(StatusWord::OK),
        Err(Stop::Refused(status)) => Ok(status),
        Err(Stop::PowerLost(lost)) => Err(lost),
    }
}

/// A session that no AUTH has opened.
fn unopened_session(channel: u8) -> Option<Session> {
    let granted = Granted {
        suite: Suite::Epc2,
        terminal: TerminalId([0; 8]),
        rights: Rights(0x00FF),
        logical_cards: vec![0],
        valid_until: None,
    };
    Some(granted.session(channel, static_keys(Suite::Epc2)?, Mac::from([0; 16])))
}
