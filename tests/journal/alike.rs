//! The journals on disk and in memory behave alike.

use proptest::prelude::*;
use untorn::journal::Journal;
use untorn::journal::memory::MemoryJournal;
use untorn::journal::record::{Entry, Intent};
use untorn::journal::sqlite::{Selection, SqliteJournal};
use untorn::journal::view::Orders;

use crate::samples::{NOW, acknowledged, directory, intent, not_paid, paid, unresolved_final};

#[derive(Debug, Clone)]
enum Operation {
    Commit(Intent),
    Append(Entry),
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let which = (1..4_u32, 1..4_u32, 0..3_u8);
    (0..12_u8, which).prop_map(|(operation, (order, attempt, card))| match operation {
        0..=3 => Operation::Commit(intent(order, attempt, card)),
        4..=6 => Operation::Append(not_paid(order, attempt)),
        7 => Operation::Append(paid(order, attempt)),
        8 => Operation::Append(unresolved_final(order, attempt)),
        9 => Operation::Append(acknowledged(order, attempt)),
        10 => Operation::Append(Entry::Intent(intent(order, attempt, card))),
        _ => Operation::Reopen,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn both_kinds_of_journal_behave_alike(operations in prop::collection::vec(operation(), 0..60)) {
        let (_directory, path) = directory();
        let mut model = MemoryJournal::default();
        let mut journal = SqliteJournal::open(&path).unwrap();
        let mut now = NOW;
        for operation in operations {
            now = now.plus_millis(1);
            match operation {
                Operation::Commit(intent) => {
                    let expected = model.commit(intent.clone(), now).map(|committed| committed.intent().clone());
                    let got = journal.commit(intent, now).map(|committed| committed.intent().clone());
                    prop_assert_eq!(got, expected);
                }
                Operation::Append(entry) => {
                    prop_assert_eq!(journal.append(entry.clone(), now), model.append(entry, now));
                }
                Operation::Reopen => {
                    drop(journal);
                    journal = SqliteJournal::open(&path).unwrap();
                }
            }
            prop_assert_eq!(journal.next_order(), model.next_order());
            for card in [None, Some(&intent(1, 1, 0).card), Some(&intent(1, 1, 1).card)] {
                prop_assert_eq!(journal.open(card), model.open(card));
            }
        }
        let mut lines = Vec::new();
        journal.reader().lines(|line| { lines.push((line.time, line.entry)); Ok(()) }).unwrap();
        prop_assert_eq!(&lines, &model.entries());
        let found = journal.reader().verify().unwrap();
        prop_assert_eq!((found.lines, found.fault), (lines.len() as u64, None));

        let mut orders = Orders::default();
        for (time, entry) in &lines {
            orders.add(*time, entry);
        }
        let orders = orders.latest_first();
        let select = |selection| journal.reader().orders(&selection).unwrap();
        prop_assert_eq!(&select(Selection::All), &orders);
        prop_assert_eq!(select(Selection::Latest(2)), orders.iter().take(2).cloned().collect::<Vec<_>>());
        let unresolved: Vec<_> = orders.iter().filter(|order| order.state.is_unresolved()).cloned().collect();
        prop_assert_eq!(select(Selection::Unresolved), unresolved);
        for order in orders {
            prop_assert_eq!(select(Selection::One(order.order)), vec![order]);
        }
    }
}
