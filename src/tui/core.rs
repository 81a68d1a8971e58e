//! The thread behind the window: it owns terminal, journal, reader and virtual cards, takes [`Instruction`]s and shows
//! [`Snapshot`]s. It knows nothing of drawing, and blocks only in [`Seat::next`].

use std::collections::BTreeSet;
use std::sync::Arc;

use super::snapshot::{ArmedTear, Bench, Phase, ReaderLine, Snapshot, ToRefund, Wanted};
use crate::app::stop;
use crate::conformance::role::{Roles, TearAt};
use crate::entropy::Entropy;
use crate::family;
use crate::family::profile::Section;
use crate::journal::record::{Entry, Intent, OrderKind, OrderNumber};
use crate::journal::view::OrderView;
use crate::journal::{Journal, JournalError};
use crate::money::Currency;
use crate::reader::IsCommand;
use crate::reader::fault::FaultPlan;
use crate::reader::in_process::{SharedCard, Slot, lock};
#[cfg(feature = "pcsc")]
use crate::reader::pcsc_watch::WatchEvent;
use crate::reader::persistent::Failure;
use crate::reader::trace::TraceRing;
use crate::reader::{Reader, Reset};
use crate::secret::Pin;
use crate::session::{self, Arrival, Desk, World};
use crate::terminal::event::{Action, Outcome, PaidSale, Prompt, RefundOf, Request, SaleFound};
use crate::terminal::{OrdersFor, Terminal};
use crate::time::Moment;

/// How long a card that was just tried is left alone before it is tried again.
const RETRY_MS: u64 = 500;
/// How long each exchange of a virtual card is drawn out; the first is the default.
const PACES_MS: [u64; 3] = [300, 1_500, 0];

/// Gives the orders of the journal, oldest first.
pub type Orders = Box<dyn FnMut() -> Result<Vec<OrderView>, JournalError> + Send>;

/// Opens a reader by its name, or says why not.
pub type OpenReader = Box<dyn Fn(&str) -> Result<Box<dyn Reader>, String> + Send>;

/// Gives the paper of an outcome that has one.
pub type Slip = Box<dyn Fn(&Outcome) -> Option<String> + Send>;

/// All that the thread owns, put together by whoever starts it.
pub struct Setup {
    /// Name of the profile, for the title line.
    pub profile: String,
    /// What amounts are typed in.
    pub currency: Currency,
    /// The terminal, of the family that is served.
    pub terminal: Terminal,
    /// Where records become durable.
    pub journal: Box<dyn Journal>,
    /// Reads the same journal back.
    pub orders: Orders,
    /// Nonces, ephemeral keys, transaction ids.
    pub entropy: Box<dyn Entropy>,
    /// The reader to begin with, traced into `ring`. With a bench it is the one of the bench's slot.
    pub reader: Box<dyn Reader>,
    /// What the readers record.
    pub ring: TraceRing,
    /// Where virtual cards are put; `None` at a real reader.
    pub bench: Option<BenchSetup>,
    /// Which cards get orders in the virtual reader, or in the real one with which the run began.
    pub orders_for: OrdersFor,
    /// Whether the person has said that value may be given away at a real reader too.
    pub gives_at_real_readers: bool,
    /// The paper of an outcome that has one, some 40 columns wide.
    pub slip: Slip,
    /// Opens the PC/SC reader of this name, traced into `ring` too.
    pub open_reader: OpenReader,
    /// What the person is told first.
    pub notice: Option<String>,
}

/// The bench of the virtual cards.
pub struct BenchSetup {
    /// Where a card lies; empty to begin with.
    pub slot: Slot,
    /// What goes wrong there.
    pub tears: FaultPlan,
    /// What the commands of an order do.
    pub roles: Roles,
    /// At least one.
    pub cards: Vec<VirtualCard>,
    /// Why the memory of a card that is kept in a file could not be saved.
    pub failure: Failure,
}

/// A card of the bench.
pub struct VirtualCard {
    /// By which a person picks it.
    pub name: String,
    /// The card.
    pub card: SharedCard,
    /// What its memory image says, for the bench.
    pub inspect: Inspect,
}

/// What a memory image says, for whoever may look inside.
pub type Inspect = Box<dyn FnMut(&[u8]) -> Vec<Section> + Send>;

/// What the person at the window wants.
#[derive(Debug)]
pub enum Instruction {
    /// Begin this.
    Begin(Wanted),
    /// Stop waiting for a card.
    Stop,
    /// The PIN; `None` when none is given.
    Pin(Option<Pin>),
    /// Away with the result.
    Dismiss,
    /// Which sale would a refund give back?
    FindSale,
    /// The operator has seen this attempt and goes on without resolving it.
    Acknowledge(OrderNumber, u32),
    /// Use the reader with this index of [`Snapshot::readers`].
    PickReader(usize),
    /// Put the virtual card on the reader.
    Present,
    /// Take it off.
    Lift,
    /// Tear it off at a command from now on.
    Arm(TearAt, ArmedTear),
    /// Take that back.
    Disarm,
    /// Take the next card in the hand.
    NextCard,
    /// Draw the exchanges out more, or less.
    NextPace,
    /// A reader or a card came or went.
    #[cfg(feature = "pcsc")]
    Watched(WatchEvent),
    /// End. A sale whose end is not known is given up in good order: slip and record.
    Quit,
}

/// Where the thread meets the person: a channel, or a script.
pub trait Seat {
    /// The time.
    fn now(&mut self) -> Moment;

    /// A request begins: the clock on the wall may have been set since the last one.
    fn settle(&mut self) {}

    /// The terminal looks like this now.
    fn show(&mut self, snapshot: Arc<Snapshot>);

    /// The next instruction; `None` when it is `until` and none came.
    fn next(&mut self, until: Option<Moment>) -> Option<Instruction>;
}

/// Terminal, journal and reader behind the window.
pub struct Core {
    terminal: Terminal,
    journal: Box<dyn Journal>,
    orders: Orders,
    entropy: Box<dyn Entropy>,
    /// The reader to begin with.
    first: Box<dyn Reader>,
    /// One that was chosen since.
    chosen: Option<Box<dyn Reader>>,
    orders_for: OrdersFor,
    gives_at_real_readers: bool,
    open_reader: OpenReader,
    slip: Slip,
    stage: Stage,
}

/// What a request must not own, because the person acts on it meanwhile.
struct Stage {
    picture: Snapshot,
    ring: TraceRing,
    hand: Option<Hand>,
    quitting: bool,
}

/// The virtual cards and the hand that holds one of them.
struct Hand {
    cards: Vec<VirtualCard>,
    names: Arc<[String]>,
    selected: usize,
    slot: Slot,
    plan: FaultPlan,
    armed: Option<(TearAt, ArmedTear)>,
    roles: Roles,
    torn: usize,
    pace: usize,
    failure: Failure,
}

impl Core {
    /// Puts everything together; nothing happens yet.
    pub fn new(setup: Setup) -> Self {
        let Setup { profile, currency, reader, bench, ring, .. } = setup;
        let name = reader.capabilities().name;
        let line = ReaderLine { name, is_virtual: bench.is_some(), has_card: false };
        let picture = Snapshot {
            profile: profile.into(),
            currency,
            phase: Phase::Idle,
            taken: Moment::default(),
            wanted: None,
            slip: None,
            held_before: None,
            reader: 0,
            readers: Arc::new([line]),
            bench: None,
            trace: Arc::new([]),
            orders: Arc::new([]),
            to_refund: ToRefund::default(),
            unseen: Arc::default(),
            notice: setup.notice,
            bells: 0,
        };
        Self {
            terminal: setup.terminal,
            journal: setup.journal,
            orders: setup.orders,
            entropy: setup.entropy,
            first: reader,
            chosen: None,
            orders_for: setup.orders_for,
            gives_at_real_readers: setup.gives_at_real_readers,
            open_reader: setup.open_reader,
            slip: setup.slip,
            stage: Stage { picture, ring, hand: bench.and_then(Hand::new), quitting: false },
        }
    }

    /// Does what the person says until they leave.
    pub fn serve(&mut self, seat: &mut dyn Seat) {
        self.find_unseen();
        self.read_journal();
        while !self.stage.quitting {
            self.stage.show(seat);
            if let Some(instruction) = seat.next(None) {
                self.obey(instruction, seat);
            }
        }
        // What leaving gave up.
        self.stage.show(seat);
    }

    fn obey(&mut self, instruction: Instruction, seat: &mut dyn Seat) {
        match instruction {
            Instruction::Begin(wanted) => self.begin(wanted, seat),
            Instruction::Dismiss => {
                // It was seen.
                stop::at_stake(crate::app::Stakes::Nothing);
                self.stage.picture.phase = Phase::Idle;
                self.stage.picture.slip = None;
            }
            Instruction::Acknowledge(order, attempt) => {
                let written = self.journal.append(Entry::Acknowledged { order, attempt }, seat.now());
                self.stage.note(written);
                self.read_journal();
            }
            Instruction::FindSale => self.find_sale(),
            Instruction::PickReader(index) => self.pick_reader(index),
            instruction => self.stage.obey(instruction),
        }
    }

    fn begin(&mut self, wanted: Wanted, seat: &mut dyn Seat) {
        self.stage.picture.notice = None;
        self.stage.picture.held_before = None;
        let request = match wanted {
            Wanted::Order(kind, amount) => {
                if !self.stage.picture.unseen.is_empty() {
                    let notice = "no new order before the open records of earlier runs are resolved or acknowledged";
                    self.stage.picture.notice = Some(notice.to_owned());
                    return;
                }
                let gives = matches!(kind, OrderKind::TopUp | OrderKind::Refund);
                if gives && self.chosen.is_some() && !self.gives_at_real_readers {
                    let notice =
                        "top-ups and refunds at a real reader must be granted: --grant says what this terminal may do";
                    self.stage.picture.notice = Some(notice.to_owned());
                    return;
                }
                let Some(order) = self.stage.note(self.journal.next_order()) else { return };
                match (kind, &self.stage.picture.to_refund) {
                    (OrderKind::Refund, ToRefund::Sale { transaction, .. }) => {
                        Request::Refund { order, amount: Some(amount), of: RefundOf::Shown(transaction.clone()) }
                    }
                    (OrderKind::Refund, _) => Request::Refund { order, amount: Some(amount), of: RefundOf::Newest },
                    (kind, _) => Request::Order { order, kind, amount },
                }
            }
            Wanted::Balance => Request::Balance,
            Wanted::History => Request::History,
            Wanted::Resolve => Request::Resolve,
        };
        self.stage.picture.wanted = Some(wanted);
        seat.settle();
        let (stage, orders, slip) = (&mut self.stage, &mut self.orders, &self.slip);
        let mut desk = SeatedDesk { stage, orders, slip, seat, told: None };
        let mut world = World {
            reader: self.chosen.as_deref_mut().unwrap_or(&mut *self.first),
            journal: &mut *self.journal,
            desk: &mut desk,
            entropy: &mut *self.entropy,
        };
        let outcome = session::run(&mut self.terminal, request, &mut world);
        self.stage.done(outcome, &self.slip);
        self.stage.take_back_card();
        self.read_journal();
    }

    /// The open records of earlier runs that nobody has acknowledged.
    fn find_unseen(&mut self) {
        let open = self.stage.note(self.journal.open(None)).unwrap_or_default();
        let unseen = open.iter().filter(|record| record.holds_up_orders()).map(|record| key(&record.intent));
        self.stage.picture.unseen = Arc::new(unseen.collect());
    }

    /// Reads the whole journal, and so only when somebody wants to know.
    fn find_sale(&mut self) {
        let found = family::refund::find(&mut *self.journal, None, &RefundOf::Newest);
        let Some(SaleFound { paid, open }) = self.stage.note(found) else { return };
        self.stage.picture.to_refund = match (paid, open) {
            (_, Some(open)) => ToRefund::Open { order: open.order, amount: open.amount },
            (None, None) => ToRefund::Nothing,
            (Some(PaidSale { sale, transaction, left }), None) => {
                ToRefund::Sale { order: sale.order, transaction, card: sale.card, amount: sale.amount, left }
            }
        };
    }

    fn read_journal(&mut self) {
        self.stage.picture.to_refund = ToRefund::NotLookedFor;
        self.stage.list_orders(&mut self.orders);
        let Some(open) = self.stage.note(self.journal.open(None)) else { return };
        let open = open.iter().filter(|record| record.holds_up_orders()).map(|record| key(&record.intent));
        let open: BTreeSet<_> = open.collect();
        self.stage.picture.unseen = Arc::new(self.stage.picture.unseen.intersection(&open).copied().collect());
    }

    fn pick_reader(&mut self, index: usize) {
        self.stage.picture.notice = None;
        let Some(line) = self.stage.picture.readers.get(index) else { return };
        let first_is_virtual = self.stage.hand.is_some();
        if index > 0 {
            match (self.open_reader)(&line.name) {
                Ok(reader) => self.chosen = Some(reader),
                Err(notice) => {
                    self.stage.picture.notice = Some(notice);
                    return;
                }
            }
        } else {
            self.chosen = None;
        }
        self.stage.picture.reader = index;
        // A run that began with virtual cards gives orders to real ones only where the person has named the card.
        self.terminal.config_mut().orders_for = match &self.orders_for {
            OrdersFor::AnyCard if index > 0 && first_is_virtual => OrdersFor::NoCard,
            orders_for => orders_for.clone(),
        };
    }
}

fn key(intent: &Intent) -> (OrderNumber, u32) {
    (intent.order, intent.attempt)
}

impl Stage {
    fn show(&mut self, seat: &mut dyn Seat) {
        let on_virtual = self.on_virtual();
        if let Some(reason) = self.hand.as_ref().and_then(|hand| hand.failure.get()) {
            self.picture.notice = Some(format!("the virtual card is silent, its memory cannot be saved: {reason}"));
        }
        self.picture.bench = self.hand.as_mut().filter(|_| on_virtual).map(Hand::picture);
        self.picture.trace = self.ring.snapshot().into();
        seat.show(Arc::new(self.picture.clone()));
    }

    /// What may be done at any time.
    fn obey(&mut self, instruction: Instruction) {
        match (instruction, &mut self.hand) {
            (Instruction::Quit, _) => self.quitting = true,
            #[cfg(feature = "pcsc")]
            (Instruction::Watched(event), _) => self.watched(event),
            (Instruction::Present, Some(hand)) => hand.present(),
            (Instruction::Lift, Some(hand)) => drop(hand.slot.remove()),
            (Instruction::Arm(at, tear), Some(hand)) => hand.arm(at, tear),
            (Instruction::Disarm, Some(hand)) => hand.disarm(),
            (Instruction::NextCard, Some(hand)) => hand.next_card(),
            (Instruction::NextPace, Some(hand)) => hand.pace = (hand.pace + 1) % PACES_MS.len(),
            // The rest belongs to other moments: a key pressed a little late does no harm.
            _ => {}
        }
    }

    fn on_virtual(&self) -> bool {
        self.picture.readers.get(self.picture.reader).is_some_and(|reader| reader.is_virtual)
    }

    fn card_is_there(&self) -> bool {
        match &self.hand {
            Some(hand) if self.on_virtual() => hand.slot.card().is_some(),
            _ => self.picture.readers.get(self.picture.reader).is_some_and(|reader| reader.has_card),
        }
    }

    fn note<T>(&mut self, result: Result<T, JournalError>) -> Option<T> {
        result.map_err(|error| self.picture.notice = Some(error.to_string())).ok()
    }

    fn list_orders(&mut self, orders: &mut Orders) {
        if let Some(orders) = self.note(orders()) {
            self.picture.orders = orders.into_iter().rev().collect();
        }
    }

    /// A card that was torn away does not lie on the reader any more.
    fn notice_tears(&mut self) {
        if let Some(hand) = &mut self.hand {
            hand.notice_tears();
        }
    }

    fn done(&mut self, outcome: Outcome, slip: &Slip) {
        self.picture.slip = slip(&outcome).map(Arc::from);
        self.picture.phase = Phase::Done(Box::new(outcome));
    }

    /// Whoever has paid takes the card back.
    fn take_back_card(&mut self) {
        self.notice_tears();
        if let Some(hand) = &self.hand {
            hand.slot.remove();
        }
    }

    #[cfg(feature = "pcsc")]
    fn watched(&mut self, event: WatchEvent) {
        let mut readers = self.picture.readers.to_vec();
        let chosen = readers.get(self.picture.reader).map(|reader| reader.name.clone());
        // The first line is the reader with which the run began, whatever becomes of it: index 0 opens that one.
        let first = readers.first().map(|reader| reader.name.clone());
        let stays = |name: &str| chosen.as_deref() == Some(name) || first.as_deref() == Some(name);
        let card = |readers: &mut Vec<ReaderLine>, name: &str, has_card: bool| {
            readers.iter_mut().filter(|line| line.name == name).for_each(|line| line.has_card = has_card);
        };
        match event {
            WatchEvent::ReaderAdded { reader } => {
                if !readers.iter().any(|line| line.name == reader) {
                    readers.push(ReaderLine { name: reader, is_virtual: false, has_card: false });
                }
            }
            WatchEvent::CardInserted { reader, .. } => card(&mut readers, &reader, true),
            WatchEvent::CardRemoved { reader } => card(&mut readers, &reader, false),
            WatchEvent::ReaderRemoved { reader } => {
                card(&mut readers, &reader, false);
                readers.retain(|line| line.name != reader || stays(&line.name));
            }
            // On a machine without the service, the bench is all there is, and that is no news.
            WatchEvent::ServiceLost { .. } => readers.retain(|line| line.is_virtual || stays(&line.name)),
        }
        let chosen = chosen.and_then(|name| readers.iter().position(|line| line.name == name));
        self.picture.reader = chosen.unwrap_or(self.picture.reader);
        self.picture.readers = readers.into();
    }
}

impl Hand {
    fn new(setup: BenchSetup) -> Option<Self> {
        let BenchSetup { slot, tears: plan, roles, cards, failure } = setup;
        let names = cards.iter().map(|card| card.name.clone()).collect();
        (!cards.is_empty()).then(|| Self {
            cards,
            names,
            selected: 0,
            slot,
            plan,
            roles,
            armed: None,
            torn: 0,
            pace: 0,
            failure,
        })
    }

    fn picture(&mut self) -> Bench {
        let card = &mut self.cards[self.selected];
        let sheet = (card.inspect)(lock(&card.card).memory().image());
        Bench {
            cards: self.names.clone(),
            selected: self.selected,
            on_reader: self.slot.card().is_some(),
            armed: self.armed.map(|(at, tear)| (self.counted_from_now(at), tear)),
            torn: self.torn,
            pace_ms: PACES_MS[self.pace],
            sheet: sheet.into(),
        }
    }

    fn present(&self) {
        if self.slot.card().is_none() {
            self.slot.insert(self.cards[self.selected].card.clone());
        }
    }

    /// Exchanges are kept as they are counted from the start.
    fn counted_from_now(&self, at: TearAt) -> TearAt {
        match at {
            TearAt::Exchange(exchange) => TearAt::Exchange(exchange.saturating_sub(self.plan.exchanges())),
            TearAt::Role(role) => TearAt::Role(role),
        }
    }

    fn arm(&mut self, at: TearAt, tear: ArmedTear) {
        self.plan.disarm();
        let at = match at {
            TearAt::Exchange(after) => {
                self.plan.arm(after, tear.fault());
                TearAt::Exchange(self.plan.exchanges() + after)
            }
            TearAt::Role(role) => {
                let roles = self.roles.clone();
                self.plan.arm_at_command(IsCommand::new(move |command| roles.of(command) == Some(role)), tear.fault());
                at
            }
        };
        self.armed = Some((at, tear));
    }

    fn disarm(&mut self) {
        self.plan.disarm();
        self.armed = None;
    }

    fn next_card(&mut self) {
        let was_there = self.slot.remove().is_some();
        self.selected = (self.selected + 1) % self.cards.len();
        if was_there {
            self.present();
        }
    }

    fn notice_tears(&mut self) {
        let torn = self.plan.happened().len();
        if std::mem::replace(&mut self.torn, torn) != torn {
            self.armed = None;
            self.slot.remove();
        }
    }
}

/// A [`Desk`] at which the person at the window sits.
struct SeatedDesk<'a> {
    stage: &'a mut Stage,
    orders: &'a mut Orders,
    slip: &'a Slip,
    seat: &'a mut dyn Seat,
    /// The last prompt, and how often a card had come or left then.
    told: Option<(Prompt, Option<u64>)>,
}

impl SeatedDesk<'_> {
    /// Lets the person act until then, or until `done` says so of an instruction.
    fn pass_time(&mut self, until: Moment) {
        while !self.stage.quitting {
            let Some(instruction) = self.seat.next(Some(until)) else { return };
            self.stage.obey(instruction);
            self.stage.show(self.seat);
        }
    }
}

impl Desk for SeatedDesk<'_> {
    fn now(&mut self) -> Moment {
        self.seat.now()
    }

    fn await_card(&mut self, reader: &mut dyn Reader, prompt: &Prompt, until: Moment) -> Arrival {
        self.stage.notice_tears();
        // The journal holds the order by now, and who waits for the card may look there.
        if !matches!(prompt, Prompt::Present | Prompt::PresentAgain(_)) {
            self.stage.list_orders(self.orders);
        }
        self.stage.picture.phase = Phase::Waiting { prompt: prompt.clone(), until };
        // Once for a card that stays and is tried again and again.
        let told = (prompt.clone(), reader.card_events());
        let no_answer = prompt.no_answer().is_some();
        let is_told = no_answer && told.1.is_some() && self.told.as_ref() == Some(&told);
        if (prompt.is_other_card() || matches!(prompt, Prompt::Retouch(_))) && !is_told {
            self.stage.picture.bells += 1;
        }
        self.told = Some(told);
        // A card that was refused as the other one has to leave first; one that was only tried is tried again a little later.
        let mut must_leave = prompt.is_other_card();
        let mut not_before =
            if *prompt == Prompt::Present { Moment::default() } else { self.now().plus_millis(RETRY_MS) };
        loop {
            if self.stage.quitting {
                return Arrival::Stop;
            }
            let now = self.now();
            if now >= until {
                return Arrival::TimeOut;
            }
            let is_there = self.stage.card_is_there();
            must_leave &= is_there;
            if !is_there {
                not_before = now;
            }
            if is_there && !must_leave && now >= not_before {
                if reader.activate(Reset::Cold).is_ok() {
                    return Arrival::Card;
                }
                not_before = now.plus_millis(RETRY_MS);
            }
            self.stage.picture.taken = now;
            self.stage.show(self.seat);
            let wake = if is_there && !must_leave { until.min(not_before) } else { until };
            match self.seat.next(Some(wake)) {
                Some(Instruction::Stop) => return Arrival::Stop,
                Some(instruction) => self.stage.obey(instruction),
                None => {}
            }
        }
    }

    fn ask_pin(&mut self, tries_left: Option<u8>) -> Option<Pin> {
        self.stage.picture.phase = Phase::AskPin { tries_left };
        while !self.stage.quitting {
            self.stage.show(self.seat);
            match self.seat.next(None) {
                Some(Instruction::Pin(pin)) => return pin,
                Some(Instruction::Stop) => return None,
                Some(instruction) => self.stage.obey(instruction),
                None => {}
            }
        }
        None
    }

    fn show(&mut self, outcome: &Outcome) {
        self.stage.done(outcome.clone(), self.slip);
        self.stage.show(self.seat);
    }

    fn checkpoint(&mut self, _number: u64, action: &Action) {
        stop::note(action);
        // Shown from BALANCE_CHECK on, by when the slip is durable.
        if let Action::Record(Entry::UnresolvedFinal { balance_before, .. }) = action {
            self.stage.picture.held_before = Some(*balance_before);
        }
        match action {
            Action::Transmit(command) => {
                self.stage.picture.phase = Phase::Working { value_moving: command.moves_value() };
                self.stage.show(self.seat);
                if let Some(hand) = self.stage.hand.as_ref().filter(|_| self.stage.on_virtual()) {
                    let until = self.seat.now().plus_millis(PACES_MS[hand.pace]);
                    self.pass_time(until);
                }
            }
            // Between the answer and its durable record nothing else is shown: not yet paid.
            Action::Commit(_) | Action::Record(_) | Action::LookUp { .. } => self.stage.show(self.seat),
            _ => {}
        }
    }
}
