//! Real readers, and virtual ones, through the system's smart card service (PC/SC).
//!
//! A [`PcscReader`] keeps its card in a thread of its own, for two reasons. A transaction borrows the card, and both must
//! live from one call to the next. And a driver may never come back from a transmission: then the caller goes on with
//! `Unknown` when the deadline has passed, and the thread ends when the driver does.
//!
//! What the service says becomes what is known of the command:
//!
//! | At a transmission | Becomes |
//! |---|---|
//! | success with fewer than two octets: the card was torn out | `Unknown` |
//! | the card had been removed (80100069), which pcsc-lite checks before it asks the driver | `Removed` there, elsewhere `Unknown` |
//! | another program had reset the card (80100068), the handle is refused | `NotSent`: activate again |
//! | anything else, and no answer in time | `Unknown` |
//!
//! After any of these the connection is given up: until [`Reader::activate`], every call is `NotSent`. A connection that was given up
//! is waited for, so that the card is free for the next. Where the driver does not come back it cannot be: as long as that lasts, an
//! activation in this process says so instead of blaming another program.

use std::ffi::{CStr, CString};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use ::pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State, Transaction};

use crate::reader::in_process::{COMMAND_LEN_MAX_EXTENDED, COMMAND_LEN_MAX_SHORT};
use crate::reader::{Activation, Capabilities, LinkError, LinkErrorKind, Reader, Reset};

/// How long a call to the service may take, unless it is said otherwise: longer than any card's waiting time extensions
/// should last, shorter than a cashier's patience.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);
/// One octet is a control message to `vpcd`.
const COMMAND_LEN_MIN: usize = 2;
/// Longest answer: 65,536 octets of data and the status word (ISO/IEC 7816-3:2006, 12.1.3).
const RESPONSE_LEN_MAX: usize = 65_536 + 2;

const HELD_BY_US: &str = "the card has not answered an earlier command, and the driver still waits for it: as long as it does, this \
                          program cannot reach the card again. Take the card out, or start again";

/// Why there is no reader to open or to watch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PcscError {
    /// No service, or it refuses us.
    #[error("pcscd is not running: {0}")]
    Service(String),
    /// The service has no reader.
    #[error("there is no reader: none is connected, or its driver is missing")]
    NoReaders,
    /// No reader of this name.
    #[error("there is no reader \"{wanted}\"; there are: {}", .there.join(", "))]
    NotFound {
        /// What was looked for.
        wanted: String,
        /// The readers that there are.
        there: Vec<String>,
    },
    /// Several readers have this in their name.
    #[error("\"{wanted}\" is part of several readers' names: {}", .matching.join(", "))]
    Ambiguous {
        /// What was looked for.
        wanted: String,
        /// The readers that match.
        matching: Vec<String>,
    },
    /// Anything else.
    #[error("PC/SC: cannot {operation}: {detail}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        detail: String,
    },
}

/// A reader as [`list`] finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its full name.
    pub name: String,
    /// The ATR of the card that is in it; empty when the card does not answer to reset. `None` without a card.
    pub atr: Option<Vec<u8>>,
    /// Whether a program has it for itself.
    pub in_use: bool,
}

/// The readers that there are, in the service's order.
pub fn list() -> Result<Vec<Listed>, PcscError> {
    let context = establish()?;
    let mut states = states_of(&context)?;
    if states.is_empty() {
        return Ok(Vec::new());
    }
    context.get_status_change(Duration::ZERO, &mut states).map_err(failed("ask for the readers' state"))?;
    Ok(states.iter().map(listed).collect())
}

/// The full name of the one reader that is called so, or else has this in its name, whatever the case of its letters.
pub fn find(wanted: &str) -> Result<String, PcscError> {
    let there: Vec<String> = list()?.into_iter().map(|listed| listed.name).collect();
    choose(wanted, there)
}

fn choose(wanted: &str, there: Vec<String>) -> Result<String, PcscError> {
    if there.is_empty() {
        return Err(PcscError::NoReaders);
    }
    if there.iter().any(|name| name == wanted) {
        return Ok(wanted.to_owned());
    }
    let matches = |name: &&String| name.to_lowercase().contains(&wanted.to_lowercase());
    let mut matching: Vec<String> = there.iter().filter(matches).cloned().collect();
    match matching.len() {
        0 => Err(PcscError::NotFound { wanted: wanted.to_owned(), there }),
        1 => Ok(matching.remove(0)),
        _ => Err(PcscError::Ambiguous { wanted: wanted.to_owned(), matching }),
    }
}

fn exactly(name: &str, there: Vec<String>) -> Result<String, PcscError> {
    let found = there.iter().any(|other| other == name);
    if found { Ok(name.to_owned()) } else { Err(PcscError::NotFound { wanted: name.to_owned(), there }) }
}

pub(super) fn reader_name(name: String) -> Result<CString, PcscError> {
    CString::new(name)
        .map_err(|error| PcscError::Failed { operation: "use the reader's name", detail: error.to_string() })
}

pub(super) fn establish() -> Result<Context, PcscError> {
    Context::establish(Scope::User).map_err(|error| PcscError::Service(said(error)))
}

fn states_of(context: &Context) -> Result<Vec<ReaderState>, PcscError> {
    let names = context.list_readers_owned().map_err(failed("list the readers"))?;
    Ok(names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect())
}

fn listed(state: &ReaderState) -> Listed {
    let name = state.name().to_string_lossy().into_owned();
    let event = state.event_state();
    let atr = event.contains(State::PRESENT).then(|| state.atr().to_vec());
    Listed { name, atr, in_use: event.contains(State::EXCLUSIVE) }
}

pub(super) fn failed(operation: &'static str) -> impl Fn(Error) -> PcscError {
    move |error| match error {
        Error::NoService | Error::ServiceStopped => PcscError::Service(said(error)),
        _ => PcscError::Failed { operation, detail: said(error) },
    }
}

/// What the service said, with the code by which it can be looked up.
fn said(error: Error) -> String {
    format!("{error} ({:08X})", error as u32)
}

/// Whether other programs may hold the card too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody else may connect. Refused while another program is connected.
    Exclusive,
    /// Others may be connected, and wait while this connection lasts: it is one transaction from activation to
    /// deactivation. For systems on which another program never lets go.
    Shared,
}

/// A reader of the service, with the card that lies on it.
pub struct PcscReader {
    name: CString,
    sharing: Sharing,
    deadline: Duration,
    connection: Option<Connection>,
    command_len_max: usize,
    /// Agreed at the last activation.
    protocol: Option<u8>,
}

/// The way to the thread that holds the card.
struct Connection {
    requests: Sender<Job>,
    replies: Receiver<Result<Vec<u8>, LinkError>>,
    /// Dead when the thread has given the card back.
    holds: Weak<()>,
}

/// Readers that a thread of this process still holds though nobody waits for it any more, by their names.
static LEFT_TO_THEMSELVES: Mutex<Vec<(CString, Weak<()>)>> = Mutex::new(Vec::new());

/// Whether such a thread holds this reader.
fn is_held_by_us(name: &CStr) -> bool {
    let mut left = LEFT_TO_THEMSELVES.lock().unwrap_or_else(PoisonError::into_inner);
    left.retain(|(_, holds)| holds.strong_count() > 0);
    left.iter().any(|(held, _)| held.as_c_str() == name)
}

impl Connection {
    /// Waits until the thread has given the card back, for it has been asked to or has lost the card; notes it where that is not done in
    /// what is left of the call's time.
    fn give_up(self, name: &CStr, deadline: Duration, begun: Instant) {
        let left = deadline.saturating_sub(begun.elapsed());
        if let Err(RecvTimeoutError::Timeout) = self.replies.recv_timeout(left) {
            let mut left = LEFT_TO_THEMSELVES.lock().unwrap_or_else(PoisonError::into_inner);
            left.push((name.to_owned(), self.holds));
        }
    }
}

enum Job {
    Transmit(Vec<u8>),
    PowerOff,
}

impl PcscReader {
    /// Opens the reader of this name, or the one that has this in its name. No card needs to be there yet.
    pub fn open(wanted: &str) -> Result<Self, PcscError> {
        Self::of(find(wanted)?)
    }

    /// Opens the reader of this full name and no other: for who has opened it before, as another reader may have that name in its own.
    pub fn open_exactly(name: &str) -> Result<Self, PcscError> {
        let there: Vec<String> = list()?.into_iter().map(|listed| listed.name).collect();
        Self::of(exactly(name, there)?)
    }

    fn of(name: String) -> Result<Self, PcscError> {
        Ok(Self {
            name: reader_name(name)?,
            sharing: Sharing::Exclusive,
            deadline: DEADLINE_DEFAULT,
            connection: None,
            command_len_max: COMMAND_LEN_MAX_SHORT,
            protocol: None,
        })
    }

    /// Sets whether other programs may hold the card too.
    #[must_use]
    pub fn with_sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// Sets how long a call to the service may take.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// What the thread says next. Without it in time, the thread is left to itself.
fn awaited<T>(replies: &Receiver<Result<T, LinkError>>, deadline: Duration, operation: &str) -> Result<T, LinkError> {
    match replies.recv_timeout(deadline) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => {
            Err(unknown(format!("{operation}: no answer within {} ms", deadline.as_millis())))
        }
        Err(RecvTimeoutError::Disconnected) => Err(unknown(format!("{operation}: the connection broke down"))),
    }
}

impl Reader for PcscReader {
    fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
        self.deactivate();
        if is_held_by_us(&self.name) {
            return Err(not_sent(HELD_BY_US.to_owned()));
        }
        let begun = Instant::now();
        let held = Arc::new(());
        let holds = Arc::downgrade(&held);
        let (requests, commands) = mpsc::channel();
        let (activated, activation) = mpsc::channel();
        let (answers, replies) = mpsc::channel();
        let (name, sharing) = (self.name.clone(), self.sharing);
        std::thread::Builder::new()
            .name("pcsc".to_owned())
            .spawn(move || hold(&name, sharing, reset, Caller { activated, commands, answers, _held: held }))
            .map_err(|error| not_sent(format!("cannot start a thread for the card: {error}")))?;
        let connection = Connection { requests, replies, holds };
        let Activated { atr, protocol, command_len_max } = match awaited(&activation, self.deadline, "activate") {
            Ok(activated) => activated,
            Err(error) => {
                connection.give_up(&self.name, self.deadline, begun);
                return Err(error);
            }
        };
        self.command_len_max = command_len_max;
        self.protocol = protocol;
        self.connection = Some(connection);
        Ok(Activation { atr })
    }

    fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
        response.clear();
        let connection = self.connection.as_ref().ok_or_else(not_activated)?;
        if !(COMMAND_LEN_MIN..=self.command_len_max).contains(&command.len()) {
            let detail = format!(
                "the reader carries commands of {COMMAND_LEN_MIN} to {} octets, got {}",
                self.command_len_max,
                command.len()
            );
            return Err(not_sent(detail));
        }
        let begun = Instant::now();
        if connection.requests.send(Job::Transmit(command.to_vec())).is_err() {
            self.connection = None;
            return Err(not_sent("the connection broke down before".to_owned()));
        }
        let outcome = awaited(&connection.replies, self.deadline, "transmit");
        if outcome.is_err()
            && let Some(connection) = self.connection.take()
        {
            connection.give_up(&self.name, self.deadline, begun);
        }
        *response = outcome?;
        Ok(())
    }

    fn deactivate(&mut self) {
        // The thread is waited for, so that the card is free when this returns; one that hangs is left to itself.
        if let Some(connection) = self.connection.take()
            && connection.requests.send(Job::PowerOff).is_ok()
        {
            connection.give_up(&self.name, self.deadline, Instant::now());
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: self.name.to_string_lossy().into_owned(),
            command_len_max: self.command_len_max,
            command_len_min: COMMAND_LEN_MIN,
        }
    }

    /// The counter that the service keeps in the upper half of dwEventState.
    fn protocol(&self) -> Option<u8> {
        self.protocol
    }

    fn card_events(&mut self) -> Option<u64> {
        let mut states = [ReaderState::new(self.name.clone(), State::UNAWARE)];
        establish().ok()?.get_status_change(Duration::ZERO, &mut states).ok()?;
        states.first().map(|state| state.event_count().into())
    }
}

impl Drop for PcscReader {
    fn drop(&mut self) {
        self.deactivate();
    }
}

/// The caller, as the thread sees it. A caller who is gone needs no reply, so that failing to send one means the end.
struct Caller {
    /// Lives as long as the thread holds the card.
    _held: Arc<()>,
    activated: Sender<Result<Activated, LinkError>>,
    commands: Receiver<Job>,
    answers: Sender<Result<Vec<u8>, LinkError>>,
}

/// What came of an activation.
struct Activated {
    atr: Vec<u8>,
    protocol: Option<u8>,
    command_len_max: usize,
}

/// The thread's life: connect, say what was activated, then answer until the caller is gone or the card is lost.
#[expect(clippy::needless_pass_by_value, reason = "it must end with the thread's hold on the card, and not before")]
fn hold(name: &CStr, sharing: Sharing, reset: Reset, caller: Caller) {
    let mut card = match connect(name, sharing) {
        Ok(card) => card,
        Err(error) => {
            let _ = caller.activated.send(Err(error));
            return;
        }
    };
    let powered_off = match card.transaction() {
        Ok(mut transaction) => serve(&mut transaction, sharing, reset, &caller),
        Err(error) => {
            let _ = caller.activated.send(Err(activation_error(error)));
            false
        }
    };
    // Said here, for dropping a card would reset it and leave it powered.
    let freed = card.disconnect(Disposition::UnpowerCard);
    if powered_off {
        let _ = caller.answers.send(match freed {
            Ok(()) => Ok(Vec::new()),
            Err((_, error)) => Err(not_sent(said(error))),
        });
    }
}

fn connect(name: &CStr, sharing: Sharing) -> Result<Card, LinkError> {
    let context = Context::establish(Scope::User).map_err(activation_error)?;
    let mode = match sharing {
        Sharing::Exclusive => ShareMode::Exclusive,
        Sharing::Shared => ShareMode::Shared,
    };
    context.connect(name, mode, Protocols::ANY).map_err(activation_error)
}

/// Serves one transaction; `true` when the caller asked for the end and waits for it.
fn serve(card: &mut Transaction<'_>, sharing: Sharing, reset: Reset, caller: &Caller) -> bool {
    let activated = fresh_atr(card, sharing, reset).map(|(atr, protocol)| {
        let command_len_max = command_len_max(card);
        Activated { atr, protocol, command_len_max }
    });
    let lost = activated.is_err();
    if caller.activated.send(activated).is_err() || lost {
        return false;
    }
    let mut buffer = vec![0; RESPONSE_LEN_MAX];
    for request in &caller.commands {
        match request {
            Job::PowerOff => return true,
            Job::Transmit(command) => {
                let outcome = transmit(card, &command, &mut buffer);
                let lost = outcome.is_err();
                if caller.answers.send(outcome).is_err() || lost {
                    return false;
                }
            }
        }
    }
    false
}

/// Resets the card: a connection alone may find it in the state in which another program left it.
fn fresh_atr(card: &mut Transaction<'_>, sharing: Sharing, reset: Reset) -> Result<(Vec<u8>, Option<u8>), LinkError> {
    let mode = match sharing {
        Sharing::Exclusive => ShareMode::Exclusive,
        Sharing::Shared => ShareMode::Shared,
    };
    let how = match reset {
        Reset::Cold => Disposition::UnpowerCard,
        Reset::Warm => Disposition::ResetCard,
    };
    card.reconnect(mode, Protocols::ANY, how).map_err(activation_error)?;
    let status = card.status2_owned().map_err(activation_error)?;
    if status.protocol2().is_none() {
        return Err(LinkError::new(LinkErrorKind::Mute, "no protocol could be agreed with the card"));
    }
    let protocol = match status.protocol2() {
        Some(::pcsc::Protocol::T0) => Some(0),
        Some(::pcsc::Protocol::T1) => Some(1),
        _ => None,
    };
    Ok((status.atr().to_vec(), protocol))
}

/// The longest command, as the driver says it in PC/SC part 10's property dwMaxAPDUDataSize (tag 10): up to 256 means
/// short length fields only. A driver that says nothing is taken to carry all: vpcd 3.3 says nothing and does.
fn command_len_max(card: &Card) -> usize {
    const CM_IOCTL_GET_FEATURE_REQUEST: u32 = 3400;
    const FEATURE_GET_TLV_PROPERTIES: u8 = 0x12;
    const PROPERTY_MAX_APDU_DATA_SIZE: u8 = 10;
    let mut buffer = [0; 512];
    let control = ::pcsc::ctl_code(CM_IOCTL_GET_FEATURE_REQUEST.into());
    let features = card.control(control, &[], &mut buffer).unwrap_or(&[]);
    // The control code is big-endian, the properties' values are little-endian.
    let Some(code) = tlv_u32(features, FEATURE_GET_TLV_PROPERTIES).map(u32::from_be_bytes) else {
        return COMMAND_LEN_MAX_EXTENDED;
    };
    let mut buffer = [0; 512];
    let properties = card.control(code.into(), &[], &mut buffer).unwrap_or(&[]);
    match tlv_u32(properties, PROPERTY_MAX_APDU_DATA_SIZE).map(u32::from_le_bytes) {
        Some(..=256) => COMMAND_LEN_MAX_SHORT,
        _ => COMMAND_LEN_MAX_EXTENDED,
    }
}

/// The four octets under this tag, in a list of tag, length, value of one octet each for tag and length.
fn tlv_u32(mut list: &[u8], tag: u8) -> Option<[u8; 4]> {
    while let [found, len, rest @ ..] = list {
        let value = rest.get(..usize::from(*len))?;
        if *found == tag {
            return value.try_into().ok();
        }
        list = &rest[value.len()..];
    }
    None
}

fn transmit(card: &Card, command: &[u8], buffer: &mut [u8]) -> Result<Vec<u8>, LinkError> {
    match card.transmit(command, buffer) {
        Ok(response) if response.len() >= 2 => Ok(response.to_vec()),
        Ok(response) => Err(LinkError::too_short(response)),
        Err(error) => Err(transmission_error(error)),
    }
}

/// What an error at a transmission tells about the command. Only what the service checks before it asks the driver proves
/// that nothing was sent; whatever else happened may have happened after.
fn transmission_error(error: Error) -> LinkError {
    match error {
        Error::ResetCard => {
            not_sent(format!("another program has reset the card, the session is gone: {}", said(error)))
        }
        Error::InvalidHandle | Error::InvalidParameter | Error::InvalidValue | Error::SharingViolation => {
            not_sent(said(error))
        }
        // pcsc-lite 1.9.9, src/winscard.c, SCardTransmit: RFCheckReaderEventState stands before IFDTransmit, and
        // IFDTransmit itself never says so.
        Error::RemovedCard if cfg!(target_os = "linux") => LinkError::new(LinkErrorKind::Removed, said(error)),
        _ => unknown(said(error)),
    }
}

/// What an error while a card is brought to life means.
fn activation_error(error: Error) -> LinkError {
    let text = said(error);
    match error {
        Error::NoSmartcard | Error::RemovedCard => LinkError::new(LinkErrorKind::Removed, text),
        Error::UnresponsiveCard | Error::UnpoweredCard | Error::UnsupportedCard | Error::ProtoMismatch => {
            LinkError::new(LinkErrorKind::Mute, text)
        }
        Error::SharingViolation => not_sent(format!("another program uses the card: {text}")),
        Error::NoService | Error::ServiceStopped => not_sent(format!("pcscd is not running: {text}")),
        Error::UnknownReader | Error::ReaderUnavailable => not_sent(format!("the reader is gone: {text}")),
        _ => not_sent(text),
    }
}

fn not_activated() -> LinkError {
    not_sent("the card is not activated".to_owned())
}

fn not_sent(detail: String) -> LinkError {
    LinkError::new(LinkErrorKind::NotSent, detail)
}

fn unknown(detail: String) -> LinkError {
    LinkError::new(LinkErrorKind::Unknown, detail)
}

pub(super) fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_chosen_by_name_or_by_a_part_that_only_it_has() {
        let there = || vec!["ACME One 00 00".to_owned(), "ACME One 00 01".to_owned(), "ACME".to_owned()];
        assert_eq!(choose("ACME", there()).unwrap(), "ACME", "the whole name goes before parts");
        assert_eq!(choose("one 00 01", there()).unwrap(), "ACME One 00 01");
        assert_eq!(
            choose("One", there()).unwrap_err().to_string(),
            "\"One\" is part of several readers' names: ACME One 00 00, ACME One 00 01"
        );
        assert_eq!(
            choose("Best", there()).unwrap_err().to_string(),
            "there is no reader \"Best\"; there are: ACME One 00 00, ACME One 00 01, ACME"
        );
        assert_eq!(choose("ACME", Vec::new()), Err(PcscError::NoReaders));
    }

    #[test]
    fn a_reader_that_was_opened_is_not_taken_for_one_whose_name_has_its_own_in_it() {
        let there = || vec!["ACME 00 00".to_owned(), "ACME".to_owned()];
        assert_eq!(exactly("ACME", there()).unwrap(), "ACME");
        assert!(matches!(exactly("ACME", vec!["ACME 00 00".to_owned()]), Err(PcscError::NotFound { .. })));
        assert!(matches!(exactly("acme", there()), Err(PcscError::NotFound { .. })));
    }

    #[test]
    fn only_what_is_proved_counts_as_not_sent() {
        use LinkErrorKind::{NotSent, Removed, Unknown};
        let cases = [
            (Error::ResetCard, NotSent),
            (Error::NotTransacted, Unknown),
            (Error::NoSmartcard, Unknown),
            (Error::ReaderUnavailable, Unknown),
            (Error::InsufficientBuffer, Unknown),
            (Error::NoService, Unknown),
            (Error::RemovedCard, if cfg!(target_os = "linux") { Removed } else { Unknown }),
        ];
        for (error, kind) in cases {
            assert_eq!(transmission_error(error).kind, kind, "{error:?}");
        }
    }

    #[test]
    fn a_property_is_found_behind_others_and_not_beyond_the_end() {
        let list = [1, 2, 0xAA, 0xBB, 10, 4, 0x00, 0x00, 0x01, 0x00];
        assert_eq!(tlv_u32(&list, 10), Some([0, 0, 1, 0]));
        assert_eq!(tlv_u32(&list, 1), None, "not four octets");
        assert_eq!(tlv_u32(&list[..9], 10), None);
        assert_eq!(tlv_u32(&[], 10), None);
    }
}
