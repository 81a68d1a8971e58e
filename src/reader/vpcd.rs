//! Shows a virtual card to PC/SC through vsmartcard's virtual reader, `vpcd`.
//!
//! vpcd is a driver inside `pcscd`. It speaks over TCP and listens for the card, on port 35963 unless it is told otherwise. Each message is a length of two octets, big-endian, and that many octets. A message of
//! one octet from vpcd controls the card: `00` power off, `01` power on, `02` reset, `04` asks for the ATR; all others
//! are command APDUs. What was learnt with vpcd 3.3 in pcscd 1.9.9:
//!
//! - It writes length and content separately. Nagle's algorithm and delayed acknowledgement make that 44 ms for each
//!   command, unless the card's side acknowledges at once: `TCP_QUICKACK` before each read.
//! - An empty answer is waited for again, for ever. A card that stays silent therefore closes the connection: vpcd takes
//!   that for removal, and a command under way ends as a success of no octets.
//! - An answer that is cut off by closing is handed on as it is. Two octets or more then look like a whole answer to any
//!   program; see [`LiftWhen::WhileAnswering`].
//! - It listens on *all* interfaces, whatever it is told.
//! - With `DEVICENAME host:port` it connects out instead, to this port and, for its second slot, to the next one. When
//!   nobody listens at one of them, or a card closes its connection, **`pcscd` aborts** ("bit out of range - FD_SETSIZE").
//!   So [`Attachment::Listen`] serves drivers that were mended, and cards that are never lifted.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::card::Answer;
use crate::reader::IsCommand;
use crate::reader::in_process::{SharedCard, lock};

/// Where vpcd listens unless it was told otherwise.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 35_963);

/// How long vpcd may take to ask for a card in its slot; pcscd looks every 400 ms.
const SLOT_MS: u32 = 2_000;
/// How long one attempt to reach vpcd takes at most, and how long after it the next begins.
const CONNECT_ROUND: Duration = Duration::from_millis(200);

const CONTROL_POWER_OFF: u8 = 0x00;
const CONTROL_POWER_ON: u8 = 0x01;
const CONTROL_RESET: u8 = 0x02;
const CONTROL_ATR: u8 = 0x04;

/// How card and vpcd find each other.
#[derive(Debug)]
pub enum Attachment {
    /// vpcd listens and the card connects.
    Connect(SocketAddr),
    /// The same; and when vpcd goes away after it was there, it is waited for.
    ConnectAgain(SocketAddr),
    /// The card listens and vpcd connects.
    Listen(TcpListener),
}

impl Attachment {
    /// The card listens at this address.
    pub fn listen(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).map(Self::Listen)
    }
}

/// When a card is lifted, at an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiftWhen {
    /// The card never sees the command.
    BeforeExecution,
    /// The card has executed the command; no octet of the answer leaves.
    AfterExecution,
    /// This many octets of the answer leave, under the length of the whole. vpcd 3.3 hands pieces on as if they were
    /// whole, so that from two octets on no program can see at the link that the answer was cut.
    WhileAnswering {
        /// Octets that leave.
        octets: usize,
    },
}

/// What happens at the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// vpcd does not ask for the card, so another one lies in its slot: a connection alone says nothing, for the system holds one or two
    /// ready that vpcd has not looked at.
    Waiting,
    /// vpcd has asked for the card: it lies in the slot.
    Presented,
    /// The card was powered on, or reset.
    Reset,
    /// The card was powered off.
    PoweredOff,
    /// One command was carried out and answered.
    Exchange {
        /// The command APDU. It may hold a PIN in clear.
        command: &'a [u8],
        /// Data and status word.
        response: &'a [u8],
    },
    /// The answer to that command is held back from now on, as the card asks: without this a wait looks like a fault.
    HeldBack {
        /// How long, in milliseconds, unless vpcd sends something first.
        delay_ms: u32,
    },
    /// The card is away: lifted by [`Control::lift`] or [`Control::lift_at`], or silent. It stays so until
    /// [`Control::present`], which may be called from here.
    Lifted,
    /// vpcd closed the connection.
    Closed,
}

/// Why a card can't be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// No vpcd there.
    #[error("cannot reach vpcd at {address}: {source} (is pcscd running, with the driver vsmartcard-vpcd?)")]
    Connect {
        /// Where it was looked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// vpcd can't be waited for.
    #[error("cannot wait for vpcd: {0}")]
    Accept(io::Error),
    /// The connection broke.
    #[error("vpcd: cannot {operation}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// vpcd, which listened, closed the connection: pcscd was stopped or has dropped the card.
    #[error("vpcd closed the connection")]
    Closed,
    /// The card does not answer to reset, so there is nothing to show.
    #[error("the card gives no answer to reset")]
    NoAnswerToReset,
}

/// Lifts, presents and stops a card that is being served. Clones are the same control.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<ControlState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct ControlState {
    stopped: bool,
    lifted: bool,
    /// Exchanges until the lift, and how.
    lift_at: Option<(u64, LiftWhen)>,
    lift_at_command: Option<(IsCommand, LiftWhen)>,
    /// A second handle of the connection: closing it ends a blocked read at once.
    stream: Option<TcpStream>,
    /// Where a blocked `accept` is woken.
    listener: Option<SocketAddr>,
}

impl ControlState {
    fn close(&mut self) {
        if let Some(stream) = self.stream.take() {
            // It fails only when the connection is gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn wake_listener(&self) {
        if let Some(address) = self.listener {
            // Refused means that nobody waits.
            drop(TcpStream::connect(address));
        }
    }
}

impl Control {
    /// The card is present and not stopped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends [`serve`], whatever it waits for.
    pub fn stop(&self) {
        let mut state = lock(&self.0.state);
        state.stopped = true;
        state.close();
        state.wake_listener();
        self.0.changed.notify_all();
    }

    /// Takes the card away now. A command under way is finished by the card and not answered.
    pub fn lift(&self) {
        let mut state = lock(&self.0.state);
        state.lifted = true;
        state.close();
    }

    /// Takes the card away at an exchange, counted from now; 0 is the next command.
    pub fn lift_at(&self, after_exchanges: u64, when: LiftWhen) {
        lock(&self.0.state).lift_at = Some((after_exchanges, when));
    }

    /// Takes the card away at the next command that is one of these.
    pub fn lift_at_command(&self, is_it: IsCommand, when: LiftWhen) {
        lock(&self.0.state).lift_at_command = Some((is_it, when));
    }

    /// Puts the card back.
    pub fn present(&self) {
        lock(&self.0.state).lifted = false;
        self.0.changed.notify_all();
    }

    /// Waits so long; `false` when it was stopped meanwhile.
    pub fn pause(&self, time: Duration) -> bool {
        let state = lock(&self.0.state);
        let waited = self.0.changed.wait_timeout_while(state, time, |state| !state.stopped);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    /// Waits until the card lies there; `false` when it was stopped.
    fn wait_presented(&self) -> bool {
        let mut state = lock(&self.0.state);
        while state.lifted && !state.stopped {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }

    fn is_presented(&self) -> bool {
        let state = lock(&self.0.state);
        !state.lifted && !state.stopped
    }

    /// Takes note of a new connection; `false` when the card was lifted or stopped meanwhile.
    fn adopt(&self, stream: &TcpStream) -> io::Result<bool> {
        let mut state = lock(&self.0.state);
        if state.lifted || state.stopped {
            return Ok(false);
        }
        state.stream = Some(stream.try_clone()?);
        Ok(true)
    }

    /// Counts an exchange; says whether the card is lifted at it.
    fn next_exchange(&self, command: &[u8]) -> Option<LiftWhen> {
        let mut state = lock(&self.0.state);
        if let Some((_, when)) = state.lift_at_command.take_if(|(is_it, _)| is_it.is(command)) {
            return Some(when);
        }
        match state.lift_at.take() {
            Some((0, when)) => Some(when),
            later => {
                state.lift_at = later.map(|(exchanges, when)| (exchanges - 1, when));
                None
            }
        }
    }

    /// Whether the connection was ended from our side: [`ControlState::close`] takes the stream. The card may have been
    /// presented again since.
    fn ended_here(&self) -> bool {
        lock(&self.0.state).stream.is_none()
    }
}

/// How a connection ended.
enum End {
    /// From the card's side.
    Away,
    /// From vpcd's side.
    Closed,
}

/// Shows the card until [`Control::stop`]. Blocks; give it a thread.
///
/// The card is reset once at the beginning, to learn the ATR by which vpcd sees that a card is there. When vpcd listens
/// and goes away, this ends with [`ServeError::Closed`], or waits for it ([`Attachment::ConnectAgain`]); when the card listens, the next
/// connection is awaited.
///
/// An answer is held back as long as the card asks ([`Card::delay_ms`](crate::card::Card::delay_ms)); what vpcd sends meanwhile, such
/// as a reset, ends that, and the answer is dropped.
pub fn serve(
    card: &SharedCard,
    attachment: &Attachment,
    control: &Control,
    on_event: impl FnMut(Event<'_>),
) -> Result<(), ServeError> {
    serve_waiting(card, attachment, control, on_event, hold_back)
}

/// As [`serve`], with the waiter: it gets the connection and milliseconds, and says whether the answer is still wanted.
fn serve_waiting(
    card: &SharedCard,
    attachment: &Attachment,
    control: &Control,
    mut on_event: impl FnMut(Event<'_>),
    mut hold_back: impl FnMut(&TcpStream, u32) -> io::Result<bool>,
) -> Result<(), ServeError> {
    let atr = learn_atr(card)?;
    let mut served = Served { card, control, atr, on_event: &mut on_event, hold_back: &mut hold_back };
    let mut was_there = false;
    while control.wait_presented() {
        let stream = match attachment {
            Attachment::Connect(address) => served.connect(*address, false)?,
            Attachment::ConnectAgain(address) => served.connect(*address, was_there)?,
            Attachment::Listen(listener) => accept(listener, control)?,
        };
        let Some(stream) = stream else { continue };
        stream.set_nodelay(true).map_err(io_error("set TCP_NODELAY"))?;
        if !control.adopt(&stream).map_err(io_error("duplicate the connection"))? {
            continue;
        }
        was_there = true;
        let end = served.converse(&stream);
        lock(card).power_off();
        lock(&control.0.state).close();
        match end? {
            End::Away => (served.on_event)(Event::Lifted),
            End::Closed => {
                (served.on_event)(Event::Closed);
                if matches!(attachment, Attachment::Connect(_)) {
                    return Err(ServeError::Closed);
                }
            }
        }
    }
    Ok(())
}

/// The next connection; `None` when stopped before it was waited for.
fn accept(listener: &TcpListener, control: &Control) -> Result<Option<TcpStream>, ServeError> {
    lock(&control.0.state).listener = Some(listener.local_addr().map_err(ServeError::Accept)?);
    // A stop from before found no listener to wake.
    if !control.wait_presented() {
        return Ok(None);
    }
    Ok(Some(listener.accept().map_err(ServeError::Accept)?.0))
}

fn learn_atr(card: &SharedCard) -> Result<Vec<u8>, ServeError> {
    let mut card = lock(card);
    let atr = card.reset().filter(|atr| !atr.is_empty()).ok_or(ServeError::NoAnswerToReset)?;
    card.power_off();
    Ok(atr)
}

/// A card in service.
struct Served<'a> {
    card: &'a SharedCard,
    control: &'a Control,
    /// What the presence check is answered with, powered or not.
    atr: Vec<u8>,
    on_event: &'a mut dyn FnMut(Event<'_>),
    hold_back: &'a mut dyn FnMut(&TcpStream, u32) -> io::Result<bool>,
}

impl Served<'_> {
    /// Reaches vpcd; `None` when the card was stopped or lifted meanwhile. With `again` a vpcd that is not there is waited for. One at which
    /// too many wait already does not answer at all.
    fn connect(&mut self, address: SocketAddr, again: bool) -> Result<Option<TcpStream>, ServeError> {
        let mut told = false;
        loop {
            match TcpStream::connect_timeout(&address, CONNECT_ROUND) {
                // Who connects again and again to a port that nobody has can be given this port for their own end, and reach themselves.
                Ok(stream) if is_own_end(&stream) => drop(self.control.pause(CONNECT_ROUND)),
                Ok(stream) => return Ok(Some(stream)),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if !std::mem::replace(&mut told, true) {
                        (self.on_event)(Event::Waiting);
                    }
                }
                Err(source) if !again => return Err(ServeError::Connect { address, source }),
                Err(_) => drop(self.control.pause(CONNECT_ROUND)),
            }
            if !self.control.is_presented() {
                return Ok(None);
            }
        }
    }

    /// Answers vpcd until one side ends it.
    fn converse(&mut self, mut stream: &TcpStream) -> Result<End, ServeError> {
        let mut message = Vec::new();
        let mut is_presented = false;
        // An error here comes again when the first message is read.
        if hold_back(stream, SLOT_MS).unwrap_or(false) {
            (self.on_event)(Event::Waiting);
        }
        loop {
            match read_message(stream, &mut message) {
                Ok(()) if is_presented => {}
                Ok(()) => {
                    is_presented = true;
                    (self.on_event)(Event::Presented);
                }
                Err(_) if self.control.ended_here() => return Ok(End::Away),
                Err(error) if is_end(&error) => return Ok(End::Closed),
                Err(source) => return Err(ServeError::Io { operation: "read", source }),
            }
            let Some(frame) = self.answer(&message) else {
                lock(&self.control.0.state).lifted = true;
                return Ok(End::Away);
            };
            let wanted = if frame.delay_ms == 0 {
                Ok(true)
            } else {
                (self.on_event)(Event::HeldBack { delay_ms: frame.delay_ms });
                (self.hold_back)(stream, frame.delay_ms)
            };
            match wanted {
                Ok(true) => {}
                Ok(false) => continue,
                Err(_) if self.control.ended_here() => return Ok(End::Away),
                Err(source) => return Err(ServeError::Io { operation: "wait", source }),
            }
            match stream.write_all(&frame.octets) {
                Ok(()) => {}
                Err(_) if self.control.ended_here() => return Ok(End::Away),
                Err(error) if is_end(&error) => return Ok(End::Closed),
                Err(source) => return Err(ServeError::Io { operation: "write", source }),
            }
            if frame.then_away {
                lock(&self.control.0.state).lifted = true;
                return Ok(End::Away);
            }
        }
    }

    /// What goes back for a message; `None` when the card is away or silent.
    fn answer(&mut self, message: &[u8]) -> Option<Frame> {
        match message {
            // A driver that says nothing is not to be answered.
            [] => Some(Frame::NOTHING),
            [CONTROL_POWER_OFF] => {
                lock(self.card).power_off();
                (self.on_event)(Event::PoweredOff);
                Some(Frame::NOTHING)
            }
            [CONTROL_POWER_ON | CONTROL_RESET] => {
                self.atr = lock(self.card).reset().filter(|atr| !atr.is_empty())?;
                (self.on_event)(Event::Reset);
                Some(Frame::NOTHING)
            }
            [CONTROL_ATR] => Frame::whole(&self.atr),
            command => self.exchange(command),
        }
    }

    fn exchange(&mut self, command: &[u8]) -> Option<Frame> {
        let lift = self.control.next_exchange(command);
        if lift == Some(LiftWhen::BeforeExecution) {
            return None;
        }
        let (answer, delay_ms) = {
            let mut card = lock(self.card);
            (card.process(command), card.delay_ms())
        };
        let Answer::Response(response) = answer else {
            return None;
        };
        let mut frame = Frame { delay_ms, ..Frame::whole(&response)? };
        match lift {
            Some(LiftWhen::AfterExecution) => return None,
            Some(LiftWhen::WhileAnswering { octets }) => {
                frame.octets.truncate(2 + octets);
                frame.then_away = true;
            }
            _ => (self.on_event)(Event::Exchange { command, response: &response }),
        }
        Some(frame)
    }
}

/// What is written in one go.
struct Frame {
    octets: Vec<u8>,
    /// How long it is held back before.
    delay_ms: u32,
    /// The card is lifted behind it.
    then_away: bool,
}

impl Frame {
    const NOTHING: Self = Self { octets: Vec::new(), delay_ms: 0, then_away: false };

    /// `None` for what the framing can't say: nothing (vpcd would wait for ever), and more than 65,535 octets.
    fn whole(content: &[u8]) -> Option<Self> {
        let len = u16::try_from(content.len()).ok().filter(|&len| len > 0)?;
        let mut octets = len.to_be_bytes().to_vec();
        octets.extend(content);
        Some(Self { octets, ..Self::NOTHING })
    }
}

/// Waits until the time is over (`true`), or something comes from vpcd, or the connection ends: that is then read as ever.
fn hold_back(stream: &TcpStream, delay_ms: u32) -> io::Result<bool> {
    stream.set_read_timeout(Some(Duration::from_millis(delay_ms.into())))?;
    let peeked = stream.peek(&mut [0]);
    stream.set_read_timeout(None)?;
    Ok(peeked.is_err_and(|error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)))
}

fn read_message(mut stream: &TcpStream, message: &mut Vec<u8>) -> io::Result<()> {
    let mut len = [0; 2];
    acknowledge_at_once(stream)?;
    stream.read_exact(&mut len)?;
    message.resize(usize::from(u16::from_be_bytes(len)), 0);
    acknowledge_at_once(stream)?;
    stream.read_exact(message)
}

/// The kernel forgets this option at will, hence before each read.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(stream: &TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_tcp_quickack(stream, true).map_err(io::Error::from)
}

/// Elsewhere there is no such option, and each command takes some 40 ms longer.
#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_stream: &TcpStream) -> io::Result<()> {
    Ok(())
}

fn is_own_end(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

fn io_error(operation: &'static str) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::Io { operation, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::memory::{Cut, Torn};
    use crate::reader::in_process::shared;
    use crate::reader::persistent::{Persist, Persistent};
    use crate::reader::toy::{ATR, ToyCard};
    use std::net::Ipv4Addr;
    use std::thread::JoinHandle;

    /// Plays vpcd.
    struct Driver(TcpStream);

    impl Driver {
        /// Length and content apart, as vpcd does it.
        fn send(&mut self, octets: &[u8]) {
            self.0.write_all(&(octets.len() as u16).to_be_bytes()).unwrap();
            self.0.write_all(octets).unwrap();
        }

        fn receive(&mut self) -> Vec<u8> {
            let mut len = [0; 2];
            self.0.read_exact(&mut len).unwrap();
            let mut octets = vec![0; usize::from(u16::from_be_bytes(len))];
            self.0.read_exact(&mut octets).unwrap();
            octets
        }

        fn ask(&mut self, octets: &[u8]) -> Vec<u8> {
            self.send(octets);
            self.receive()
        }

        /// What comes until the connection is closed.
        fn rest(&mut self) -> Vec<u8> {
            let mut octets = Vec::new();
            self.0.read_to_end(&mut octets).unwrap();
            octets
        }
    }

    struct Bench {
        listener: TcpListener,
        card: SharedCard,
        control: Control,
        server: Option<JoinHandle<Result<(), ServeError>>>,
    }

    impl Bench {
        fn new() -> Self {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let (card, control) = (shared(ToyCard::new()), Control::new());
            let attachment = Attachment::Connect(listener.local_addr().unwrap());
            let (served, held) = (card.clone(), control.clone());
            let server = Some(std::thread::spawn(move || serve(&served, &attachment, &held, |_| ())));
            Self { listener, card, control, server }
        }

        fn driver(&self) -> Driver {
            let mut driver = Driver(self.listener.accept().unwrap().0);
            assert_eq!(driver.ask(&[CONTROL_ATR]), ATR);
            driver.send(&[CONTROL_POWER_ON]);
            driver
        }

        fn end(&mut self) -> Result<(), ServeError> {
            self.server.take().unwrap().join().unwrap()
        }
    }

    const COUNT: [u8; 5] = [0, 0xD0, 0, 0, 1];

    #[test]
    fn vpcd_gets_atr_and_answers() {
        let mut bench = Bench::new();
        let mut driver = bench.driver();
        assert_eq!(driver.ask(&[CONTROL_ATR]), ATR);
        assert_eq!(driver.ask(&COUNT), [1, 0x90, 0x00]);
        driver.send(&[CONTROL_RESET]);
        assert_eq!(driver.ask(&COUNT), [2, 0x90, 0x00]);
        driver.send(&[CONTROL_POWER_OFF]);
        assert_eq!(driver.ask(&[CONTROL_ATR]), ATR, "a card without power is still there");
        bench.control.stop();
        assert!(driver.rest().is_empty());
        assert!(bench.end().is_ok());
    }

    /// REQ-AU1-2
    #[test]
    fn an_answer_is_held_back_as_long_as_the_card_asks_and_dropped_when_a_reset_comes_first() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (card, control) = (shared(Persistent::new(ToyCard::new(), Nowhere)), Control::new());
        let attachment = Attachment::Connect(listener.local_addr().unwrap());
        let held = control.clone();
        let (asked, delays) = std::sync::mpsc::channel();
        let (verdict, wanted) = std::sync::mpsc::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let wait = |_: &TcpStream, delay_ms| {
                asked.send(delay_ms).unwrap();
                Ok(wanted.recv().unwrap())
            };
            let on_event = |event: Event<'_>| {
                if let Event::HeldBack { delay_ms } = event {
                    tell.send(delay_ms).unwrap();
                }
            };
            serve_waiting(&card, &attachment, &held, on_event, wait)
        });
        let mut driver = Driver(listener.accept().unwrap().0);
        driver.send(&[CONTROL_POWER_ON]);
        assert_eq!(driver.ask(&[0, 0xB0, 0, 0, 1]), [0, 0x90, 0x00], "nothing asked for, nothing waited for");
        driver.send(&[0, 0xDE, 0x19, 0x00]);
        assert_eq!(delays.recv(), Ok(6400));
        verdict.send(true).unwrap();
        assert_eq!(driver.receive(), [0x90, 0x00]);
        driver.send(&COUNT);
        assert_eq!(delays.recv(), Ok(6400));
        driver.send(&[CONTROL_RESET]);
        verdict.send(false).unwrap();
        assert_eq!(driver.ask(&[CONTROL_ATR]), ATR, "and not the answer that was held back");
        control.stop();
        assert!(server.join().unwrap().is_ok());
        assert_eq!(delays.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected), "a reset is not held back");
        assert_eq!(told.iter().collect::<Vec<_>>(), [6400, 6400], "each wait is told, and nothing else");
    }

    struct Nowhere;

    impl Persist for Nowhere {
        fn persist(&mut self, _: &[crate::card::memory::Write]) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_comes_while_an_answer_is_held_back_ends_that() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut driver = Driver(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let (stream, _) = listener.accept().unwrap();
        assert!(hold_back(&stream, 1).unwrap(), "the time is over");
        driver.send(&[CONTROL_POWER_OFF]);
        assert!(!hold_back(&stream, u32::MAX).unwrap(), "a message, which stays to be read");
        let mut message = Vec::new();
        read_message(&stream, &mut message).unwrap();
        assert_eq!(message, [CONTROL_POWER_OFF]);
        drop(driver);
        assert!(!hold_back(&stream, u32::MAX).unwrap(), "the end");
    }

    #[test]
    fn a_lifted_card_has_done_what_it_had_and_comes_back() {
        let mut bench = Bench::new();
        let cases = [
            (LiftWhen::BeforeExecution, 0, vec![]),
            (LiftWhen::AfterExecution, 1, vec![]),
            (LiftWhen::WhileAnswering { octets: 1 }, 2, vec![0, 3, 2]),
        ];
        let mut driver = bench.driver();
        for (when, count, octets) in cases {
            bench.control.lift_at(1, when);
            driver.ask(&[0, 0xB0, 0, 0, 1]);
            driver.send(&COUNT);
            assert_eq!(driver.rest(), octets, "{when:?}");
            bench.control.present();
            driver = bench.driver();
            assert_eq!(driver.ask(&[0, 0xB0, 0, 0, 1])[0], count, "{when:?}");
        }
        bench.control.lift();
        bench.control.present();
        assert!(driver.rest().is_empty());
        driver = bench.driver();
        bench.control.stop();
        assert!(driver.rest().is_empty());
        assert!(bench.end().is_ok());
    }

    #[test]
    fn silence_and_lost_power_close_the_connection() {
        let mut bench = Bench::new();
        let mut driver = bench.driver();
        driver.send(&[0, 0xEE, 0, 0]);
        assert!(driver.rest().is_empty());
        bench.control.present();
        let mut driver = bench.driver();
        lock(&bench.card).memory().arm(Cut { after_writes: 0, torn: Torn::All });
        driver.send(&COUNT);
        assert!(driver.rest().is_empty());
        bench.control.present();
        let mut driver = bench.driver();
        assert_eq!(driver.ask(&COUNT), [2, 0x90, 0x00]);
        bench.control.stop();
        assert!(bench.end().is_ok());
    }

    #[test]
    fn a_vpcd_that_goes_away_is_told_and_one_that_is_not_there_too() {
        let mut bench = Bench::new();
        drop(bench.driver());
        assert!(matches!(bench.end(), Err(ServeError::Closed)));
        let address = bench.listener.local_addr().unwrap();
        drop(bench.listener);
        let error = serve(&bench.card, &Attachment::Connect(address), &Control::new(), |_| ()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot reach vpcd at {address}: ")), "{error}");
    }

    #[test]
    fn a_listening_card_is_stopped_while_it_waits_and_while_it_talks() {
        let (card, control) = (shared(ToyCard::new()), Control::new());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let held = control.clone();
        let (sender, events) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            serve(&card, &Attachment::Listen(listener), &held, |event| {
                sender.send(event == Event::Closed).unwrap();
            })
        });
        let mut driver = Driver(TcpStream::connect(address).unwrap());
        assert_eq!(driver.ask(&[CONTROL_ATR]), ATR);
        drop(driver);
        assert_eq!((events.recv(), events.recv()), (Ok(false), Ok(true)), "presented, closed");
        control.stop();
        assert!(server.join().unwrap().is_ok());
    }
}
