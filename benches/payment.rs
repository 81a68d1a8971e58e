//! A payment over PC/SC against its own bare exchanges, on the same reader in the same run.
//!
//! `payment` is everything between a card that has answered to reset and the terminal's "paid": cryptography, two durable commits
//! to the SQLite journal, and the exchanges SELECT, AUTH, TRANSACT and ACK. `exchanges` is the time spent in
//! `Reader::transmit` during those very payments, the card's own work included; `commits` is the time of the two durable writes,
//! which money asks for. `bare` is as many GET DATA of 256 octets. Needs root, pcscd and vsmartcard-vpcd.
#![cfg_attr(not(all(feature = "pcsc", target_os = "linux")), allow(unused))]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[cfg(all(feature = "pcsc", target_os = "linux"))]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(all(feature = "pcsc", target_os = "linux"))]
mod live {
    use std::time::{Duration, Instant};

    use criterion::Criterion;
    use untorn::entropy::SystemEntropy;
    use untorn::family::purse::data::{CardId, Role, Suite, TerminalId};
    use untorn::family::purse::issuer::Scheme;
    use untorn::family::purse::kernel::PurseKernel;
    use untorn::family::purse::kernel_sam::{Grant, SoftSam};
    use untorn::journal::record::{CardReference, Entry, Intent, OrderKind, OrderNumber};
    use untorn::journal::sqlite::SqliteJournal;
    use untorn::journal::{Committed, Journal, JournalError, OpenRecord};
    use untorn::money::{Currency, Money};
    use untorn::reader::exchange::{Exchange, nothing_is_idempotent};
    use untorn::reader::pcsc::PcscReader;
    use untorn::reader::{Activation, Capabilities, LinkError, Reader, Reset};
    use untorn::secret::Pin;
    use untorn::session::{Arrival, Desk, World, run};
    use untorn::terminal::event::{OutcomeKind, Prompt, Request};
    use untorn::terminal::{Config, Terminal};
    use untorn::time::Moment;

    use super::support::pcscd::{Pcscd, READER};
    use super::support::purse::ServedPurse;

    const EXCHANGES: u32 = 4;

    /// A reader that adds up the time of its exchanges.
    struct Timed<R> {
        inner: R,
        exchanges: Duration,
    }

    impl<R: Reader> Reader for Timed<R> {
        fn activate(&mut self, reset: Reset) -> Result<Activation, LinkError> {
            self.inner.activate(reset)
        }
        fn transmit(&mut self, command: &[u8], response: &mut Vec<u8>) -> Result<(), LinkError> {
            let start = Instant::now();
            let result = self.inner.transmit(command, response);
            self.exchanges += start.elapsed();
            result
        }
        fn deactivate(&mut self) {
            self.inner.deactivate();
        }
        fn capabilities(&self) -> Capabilities {
            self.inner.capabilities()
        }
    }

    /// A journal that adds up the time of its durable writes.
    struct TimedJournal {
        inner: SqliteJournal,
        commits: Duration,
    }

    impl Journal for TimedJournal {
        fn commit(&mut self, intent: Intent, now: Moment) -> Result<Committed, JournalError> {
            let start = Instant::now();
            let result = self.inner.commit(intent, now);
            self.commits += start.elapsed();
            result
        }
        fn append(&mut self, entry: Entry, now: Moment) -> Result<(), JournalError> {
            let start = Instant::now();
            let result = self.inner.append(entry, now);
            self.commits += start.elapsed();
            result
        }
        fn open(&mut self, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, JournalError> {
            self.inner.open(card)
        }
        fn newest_sale(&mut self, wanted: &dyn Fn(&Intent) -> bool) -> Result<Option<Intent>, JournalError> {
            self.inner.newest_sale(wanted)
        }
        fn next_order(&mut self) -> Result<OrderNumber, JournalError> {
            self.inner.next_order()
        }
    }

    struct Nobody {
        /// When the card had answered to reset.
        card: Option<Instant>,
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
    }

    struct Till {
        terminal: Terminal,
        reader: Timed<Exchange<PcscReader>>,
        journal: TimedJournal,
    }

    impl Till {
        /// Time of one payment, of its exchanges, and of its commits.
        fn pay(&mut self, kind: OrderKind) -> [Duration; 3] {
            let order = self.journal.next_order().unwrap();
            let request = Request::Order { order, kind, amount: Money::new(1, Currency::JPY), refund_of: None };
            let mut desk = Nobody { card: None };
            self.reader.exchanges = Duration::ZERO;
            self.journal.commits = Duration::ZERO;
            let mut world = World {
                reader: &mut self.reader,
                journal: &mut self.journal,
                desk: &mut desk,
                entropy: &mut SystemEntropy,
            };
            let outcome = run(&mut self.terminal, request, &mut world);
            let total = desk.card.unwrap().elapsed();
            assert!(matches!(outcome.result, OutcomeKind::Paid { .. }), "{outcome:?}");
            [total, self.reader.exchanges, self.journal.commits]
        }
    }

    fn till(suite: Suite, folder: &std::path::Path) -> Till {
        let grant = Grant { roles: vec![Role::Debit, Role::Credit, Role::Read], logical_cards: vec![(1, 1)] };
        let sam = SoftSam::new(&Scheme::test(), TerminalId(*b"BENCHTIL"), Some(suite), &grant).unwrap();
        Till {
            terminal: Terminal::new(Config::default(), Box::new(PurseKernel::new(Box::new(sam), vec![1]))),
            reader: Timed {
                inner: Exchange::new(PcscReader::open(READER).unwrap(), nothing_is_idempotent),
                exchanges: Duration::ZERO,
            },
            journal: TimedJournal {
                inner: SqliteJournal::open(folder.join(format!("{suite}.db"))).unwrap(),
                commits: Duration::ZERO,
            },
        }
    }

    pub(crate) fn payment(criterion: &mut Criterion) {
        let Some(pcscd) = Pcscd::start() else { return };
        let folder = tempfile::tempdir().unwrap();
        let card = ServedPurse::present(&pcscd, &[Suite::Epc1, Suite::Epc2], CardId(*b"BENCHCAR"));
        for suite in [Suite::Epc1, Suite::Epc2] {
            let mut till = till(suite, folder.path());
            let mut times = [Duration::ZERO; 3];
            let mut group = criterion.benchmark_group(format!("payment over PC/SC, {suite}"));
            group.sample_size(20);
            group.bench_function("payment", |bencher| {
                bencher.iter_custom(|count| {
                    let mut sum = Duration::ZERO;
                    for _ in 0..count {
                        // One unit is taken and given in turn, so that the card never runs out.
                        let held = card.inspect().logical_cards[0].balance;
                        let kind = if held > 10_000 { OrderKind::Sale } else { OrderKind::TopUp };
                        let paid = till.pay(kind);
                        sum += paid[0];
                        for (time, paid) in times.iter_mut().zip(paid) {
                            *time += paid;
                        }
                    }
                    sum
                });
            });
            group.bench_function("bare exchanges, as many", |bencher| {
                till.reader.activate(Reset::Cold).unwrap();
                let mut answer = Vec::new();
                bencher.iter(|| {
                    for _ in 0..EXCHANGES {
                        till.reader.transmit(&[0x00, 0xCA, 0x01, 0x00, 0x00], &mut answer).unwrap();
                    }
                });
                till.reader.deactivate();
            });
            group.finish();
            let [total, exchanges, commits] = times.map(|time| time.as_secs_f64());
            println!("{suite}: payment / its own exchanges = {:.3} (goal 1.10)", total / exchanges);
            println!("{suite}: payment / (its exchanges + its durable commits) = {:.3}", total / (exchanges + commits));
        }
    }
}

#[cfg(all(feature = "pcsc", target_os = "linux"))]
criterion::criterion_group!(benches, live::payment);
#[cfg(all(feature = "pcsc", target_os = "linux"))]
criterion::criterion_main!(benches);
#[cfg(not(all(feature = "pcsc", target_os = "linux")))]
fn main() {}
