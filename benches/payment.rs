//! A payment over PC/SC against its own bare exchanges and durable writes, taken in turns on the same reader and disk.
//!
//! - `shown`: from the card's answer to reset until "paid" is shown. SELECT, AUTH and TRANSACT, the cryptography, and two
//!   commits to the SQLite journal. `ended`: until ACK was answered too, for which nobody waits.
//! - `bare`: the octets of that very payment once more, through SCardTransmit and nothing else, to a card that gives the recorded
//!   answers and takes as long for each as the purse took. So the card's own work stands on both sides. Both without and with
//!   the exchange of ACK: `shown` is fairly compared with the former, `ended` with the latter.
//! - `writes`: the two entries of that very payment, each appended to a file and followed by fdatasync: what money asks for at least.
//!
//! Then where `ended` goes: the hand-over between the caller and the thread that holds the card, SQLite over the bare write,
//! reads of the journal, and the terminal's own work (cryptography, decisions, JSON). To power the card off comes after it.
//!
//! A virtual card answers a hundred times faster than a real one, so all is measured twice: as fast as it can, and with a wait of
//! `SIMULATED` before each answer, on both sides alike. The second is a simulation and says so.
//!
//! Medians, in microseconds. Needs pcscd and vsmartcard-vpcd. The disk is that of `target/`: many a `/tmp` is memory.
#![cfg_attr(not(all(feature = "pcsc", target_os = "linux")), allow(unused))]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[cfg(all(feature = "pcsc", target_os = "linux"))]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(all(feature = "pcsc", target_os = "linux"))]
mod live {
    use std::collections::VecDeque;
    use std::fs::File;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};
    use untorn::card::memory::Memory;
    use untorn::card::{Answer, Card};
    use untorn::entropy::{SeededEntropy, SystemEntropy};
    use untorn::family::purse::card::PurseCard;
    use untorn::family::purse::data::{Role, Suite, TerminalId};
    use untorn::family::purse::issuer::Scheme;
    use untorn::family::purse::kernel::PurseKernel;
    use untorn::family::purse::kernel::sam::{Grant, SoftSam};
    use untorn::family::purse::profile::PurseProfile;
    use untorn::journal::record::{CardReference, Entry, Intent, OrderKind, OrderNumber};
    use untorn::journal::sqlite::SqliteJournal;
    use untorn::journal::{Belief, Committed, Journal, JournalError, OpenRecord};
    use untorn::money::{Currency, Money};
    use untorn::reader::exchange::{Exchange, nothing_is_idempotent};
    use untorn::reader::in_process::shared;
    use untorn::reader::pcsc::PcscReader;
    use untorn::reader::{Activation, Capabilities, LinkError, Reader, Reset};
    use untorn::secret::Pin;
    use untorn::session::{Arrival, Desk, World, run};
    use untorn::terminal::event::{Outcome, OutcomeKind, Prompt, Request};
    use untorn::terminal::{Config, Terminal};
    use untorn::time::Moment;

    use super::support::pcscd::{Pcscd, READER};
    use super::support::virtual_card::{Seen, VirtualCard};

    /// Payments of each kind; the first ones are not counted.
    const ROUNDS: usize = 200;
    const ROUNDS_SIMULATED: usize = 60;
    const WARM_UP: usize = 10;
    /// What one exchange with a contactless card takes at least, its work and some hundred octets at 106 kbit/s.
    const SIMULATED: Duration = Duration::from_millis(10);

    /// One exchange as it was.
    #[derive(Clone)]
    struct Exchanged {
        command: Vec<u8>,
        answer: Answer,
        work: Duration,
    }

    /// A purse that notes what it does, and can do it once more without thinking.
    struct Noting {
        purse: PurseCard<SeededEntropy>,
        wait: Duration,
        noted: Vec<Exchanged>,
        again: Option<VecDeque<Exchanged>>,
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Noting>>);

    impl Card for Shared {
        fn reset(&mut self) -> Option<Vec<u8>> {
            self.0.lock().unwrap().purse.reset()
        }
        fn process(&mut self, command: &[u8]) -> Answer {
            let start = Instant::now();
            let mut noting = self.0.lock().unwrap();
            let answer = if let Some(again) = &mut noting.again {
                let Exchanged { answer, work, .. } = again.pop_front().unwrap();
                while start.elapsed() < work {
                    std::hint::spin_loop();
                }
                answer
            } else {
                let answer = noting.purse.process(command);
                let exchanged = Exchanged { command: command.to_vec(), answer: answer.clone(), work: start.elapsed() };
                noting.noted.push(exchanged);
                answer
            };
            std::thread::sleep(noting.wait);
            answer
        }
        fn power_off(&mut self) {
            self.0.lock().unwrap().purse.power_off();
        }
        fn memory(&mut self) -> &mut Memory {
            unreachable!("whoever serves a card does not look into its memory")
        }
    }

    /// A reader that adds up the time of its exchanges, and knows when the last one was over.
    struct Timed<R> {
        inner: R,
        exchanges: Duration,
        over: Instant,
    }

    impl<R: Reader> Reader for Timed<R> {
        fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
            self.inner.activate(reset)
        }
        fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
            let start = Instant::now();
            let result = self.inner.transmit(command, response);
            self.over = Instant::now();
            self.exchanges += self.over - start;
            result
        }
        fn deactivate(&mut self) {
            self.inner.deactivate();
        }
        fn capabilities(&self) -> Capabilities {
            self.inner.capabilities()
        }
    }

    /// A journal that adds up the time of its durable writes and of its reads, and notes what it wrote.
    struct TimedJournal {
        inner: SqliteJournal,
        commits: Duration,
        reads: Duration,
        noted: Vec<Entry>,
    }

    impl Journal for TimedJournal {
        fn commit(&mut self, intent: Intent, now: Moment) -> Result<Committed, JournalError> {
            self.noted.push(Entry::Intent(intent.clone()));
            let start = Instant::now();
            let result = self.inner.commit(intent, now);
            self.commits += start.elapsed();
            result
        }
        fn append(&mut self, entry: Entry, now: Moment) -> Result<(), JournalError> {
            self.noted.push(entry.clone());
            let start = Instant::now();
            let result = self.inner.append(entry, now);
            self.commits += start.elapsed();
            result
        }
        fn open(&mut self, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, JournalError> {
            let start = Instant::now();
            let result = self.inner.open(card);
            self.reads += start.elapsed();
            result
        }
        fn beliefs(&mut self, card: &CardReference, shown: &[String]) -> Result<Vec<Belief>, JournalError> {
            let start = Instant::now();
            let result = self.inner.beliefs(card, shown);
            self.reads += start.elapsed();
            result
        }
        fn entries_of(
            &mut self,
            card: Option<&CardReference>,
            visit: &mut dyn FnMut(Entry),
        ) -> Result<(), JournalError> {
            self.inner.entries_of(card, visit)
        }
        fn next_order(&mut self) -> Result<OrderNumber, JournalError> {
            self.inner.next_order()
        }
    }

    struct Nobody {
        /// When the card had answered to reset.
        card: Option<Instant>,
        /// From then until "paid" was shown.
        paid: Option<Duration>,
    }

    impl Desk for Nobody {
        fn now(&mut self) -> Moment {
            Moment::from_seconds(1_767_225_600)
        }
        fn await_card(&mut self, reader: &mut dyn Reader, _: &Prompt, _: Moment) -> Arrival {
            reader.activate(Reset::Cold).unwrap();
            self.card = Some(Instant::now());
            Arrival::Card
        }
        fn ask_pin(&mut self, _: Option<u8>) -> Option<Pin> {
            None
        }
        fn show(&mut self, _: &Outcome) {
            self.paid = self.card.map(|card| card.elapsed());
        }
    }

    /// One payment, and what it is compared with.
    #[derive(Clone, Copy)]
    struct Times {
        shown: Duration,
        ended: Duration,
        exchanges: Duration,
        commits: Duration,
        reads: Duration,
        card: Duration,
        bare_to_shown: Duration,
        bare: Duration,
        handed_over: Duration,
        writes: Duration,
    }

    struct Till {
        card: Shared,
        terminal: Terminal,
        reader: Timed<Exchange<PcscReader>>,
        journal: TimedJournal,
        file: File,
    }

    impl Till {
        fn new(card: Shared, suite: Suite, folder: &std::path::Path) -> Self {
            let grant = Grant { roles: vec![Role::Debit, Role::Credit, Role::Read], logical_cards: vec![(1, 1)] };
            let sam = SoftSam::new(&Scheme::test(), TerminalId(*b"BENCHTIL"), Some(suite), &grant).unwrap();
            let reader = Exchange::new(PcscReader::open(READER).unwrap(), nothing_is_idempotent);
            let inner = SqliteJournal::open(folder.join(format!("{suite}.db"))).unwrap();
            Self {
                card,
                terminal: Terminal::new(Config::default(), Box::new(PurseKernel::new(Box::new(sam), vec![1]))),
                reader: Timed { inner: reader, exchanges: Duration::ZERO, over: Instant::now() },
                journal: TimedJournal { inner, commits: Duration::ZERO, reads: Duration::ZERO, noted: Vec::new() },
                file: File::create(folder.join(format!("{suite}.raw"))).unwrap(),
            }
        }

        fn round(&mut self, number: usize) -> Times {
            // One unit is taken and given in turn, so that the card never runs out.
            let kind = if number.is_multiple_of(2) { OrderKind::Sale } else { OrderKind::TopUp };
            let (shown, ended) = self.pay(kind);
            let noted = std::mem::take(&mut self.card.0.lock().unwrap().noted);
            let (exchanges, card) = (self.reader.exchanges, noted.iter().map(|exchange| exchange.work).sum());
            let (commits, reads) = (self.journal.commits, self.journal.reads);
            self.repeats(&noted);
            let (bare_to_shown, bare) = bare(&noted);
            self.repeats(&noted);
            let handed_over = through(&mut self.reader.inner, &noted);
            self.card.0.lock().unwrap().again = None;
            let writes = self.write();
            Times { shown, ended, exchanges, commits, reads, card, bare_to_shown, bare, handed_over, writes }
        }

        /// Until it was shown, and until it was over.
        fn pay(&mut self, kind: OrderKind) -> (Duration, Duration) {
            let order = self.journal.next_order().unwrap();
            let request = Request::Order { order, kind, amount: Money::new(1, Currency::JPY) };
            let mut desk = Nobody { card: None, paid: None };
            self.reader.exchanges = Duration::ZERO;
            self.journal.commits = Duration::ZERO;
            self.journal.reads = Duration::ZERO;
            let mut world = World {
                reader: &mut self.reader,
                journal: &mut self.journal,
                desk: &mut desk,
                entropy: &mut SystemEntropy,
            };
            let outcome = run(&mut self.terminal, request, &mut world);
            let ended = self.reader.over - desk.card.unwrap();
            assert!(matches!(outcome.result, OutcomeKind::Paid { .. }), "{outcome:?}");
            (desk.paid.unwrap(), ended)
        }

        /// From now on the card gives these answers.
        fn repeats(&self, noted: &[Exchanged]) {
            self.card.0.lock().unwrap().again = Some(noted.iter().cloned().collect());
        }

        fn write(&mut self) -> Duration {
            let entries = std::mem::take(&mut self.journal.noted);
            let lines: Vec<Vec<u8>> = entries.iter().map(|entry| serde_json::to_vec(entry).unwrap()).collect();
            let start = Instant::now();
            for line in lines {
                self.file.write_all(&line).unwrap();
                self.file.sync_data().unwrap();
            }
            start.elapsed()
        }
    }

    /// SCardTransmit, and nothing else: the time until before the last exchange, ACK, and after it.
    fn bare(noted: &[Exchanged]) -> (Duration, Duration) {
        let context = Context::establish(Scope::User).unwrap();
        let name = std::ffi::CString::new(READER).unwrap();
        let mut card = context.connect(&name, ShareMode::Exclusive, Protocols::ANY).unwrap();
        let mut card_session = card.transaction().unwrap();
        card_session.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::UnpowerCard).unwrap();
        let mut buffer = vec![0; 65_538];
        let start = Instant::now();
        let mut before_last = Duration::ZERO;
        for Exchanged { command, answer, .. } in noted {
            before_last = start.elapsed();
            let octets = card_session.transmit(command, &mut buffer).unwrap();
            assert!(matches!(answer, Answer::Response(response) if response == octets));
        }
        let time = start.elapsed();
        card_session.end(Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
        card.disconnect(Disposition::UnpowerCard).map_err(|(_, error)| error).unwrap();
        (before_last, time)
    }

    /// The same through the thread that holds the card.
    fn through(reader: &mut impl Reader, noted: &[Exchanged]) -> Duration {
        reader.activate(Reset::Cold).unwrap();
        let mut response = Vec::new();
        let start = Instant::now();
        for Exchanged { command, .. } in noted {
            reader.transmit(command, &mut response).unwrap();
        }
        let time = start.elapsed();
        reader.deactivate();
        time
    }

    fn median(times: &[Times], of: impl Fn(&Times) -> f64) -> f64 {
        let mut values: Vec<f64> = times.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    fn print(suite: Suite, how: &str, times: &[Times]) {
        let us = |of: fn(&Times) -> Duration| median(times, |times| of(times).as_secs_f64() * 1e6);
        let (shown, ended, writes) = (us(|t| t.shown), us(|t| t.ended), us(|t| t.writes));
        let (to_shown, all) = (us(|t| t.bare_to_shown), us(|t| t.bare));
        println!("{suite}, {how}: shown after {shown:.0}, ended after {ended:.0}");
        println!("  bare exchanges {to_shown:.0}, with ACK's {all:.0}; bare writes {writes:.0}");
        let own = |t: &Times| t.ended.as_secs_f64() - t.exchanges.as_secs_f64() - t.commits.as_secs_f64();
        println!(
            "  of all: exchanges {:.0} (card {:.0}, hand-over {:.0}), commits {:.0}, journal reads {:.0}, terminal {:.0}",
            us(|t| t.exchanges),
            us(|t| t.card),
            median(times, |t| (t.handed_over.as_secs_f64() - t.bare.as_secs_f64()) * 1e6),
            us(|t| t.commits),
            us(|t| t.reads),
            median(times, |t| (own(t) - t.reads.as_secs_f64()) * 1e6),
        );
        println!("  shown / bare exchanges                   = {:.3} (goal 1.10)", shown / to_shown);
        println!("  shown / (bare exchanges + bare writes)   = {:.3}", shown / (to_shown + writes));
        println!("  ended / bare exchanges with ACK's        = {:.3}", ended / all);
    }

    pub(crate) fn payment() {
        let Some(pcscd) = Pcscd::start() else { return };
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let profile = PurseProfile::built_in("default").unwrap().with_suites(&[Suite::Epc1, Suite::Epc2]);
        let purse = PurseCard::personalise(&profile, &Scheme::test(), SeededEntropy::new(5)).unwrap();
        let noting = Noting { purse, wait: Duration::ZERO, noted: Vec::new(), again: None };
        let card = Shared(Arc::new(Mutex::new(noting)));
        let seen = Seen::start();
        let _served = VirtualCard::present(&shared(card.clone()), &pcscd);
        seen.wait_inserted();
        for suite in [Suite::Epc1, Suite::Epc2] {
            let mut till = Till::new(card.clone(), suite, folder.path());
            let simulated = format!("SIMULATED contactless card, {} ms an exchange", SIMULATED.as_millis());
            let ways = [("virtual card", Duration::ZERO, ROUNDS), (&*simulated, SIMULATED, ROUNDS_SIMULATED)];
            for (how, wait, rounds) in ways {
                card.0.lock().unwrap().wait = wait;
                let times: Vec<Times> = (0..WARM_UP + rounds).map(|number| till.round(number)).skip(WARM_UP).collect();
                print(suite, how, &times);
            }
        }
    }
}

fn main() {
    #[cfg(all(feature = "pcsc", target_os = "linux"))]
    live::payment();
}
