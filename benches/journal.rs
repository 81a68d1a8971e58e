//! A commit of the journal against a bare append and fdatasync of the same octets, on the same disk in the same run.
//!
//! The disk is that of `target/`: many a `/tmp` is memory. At the end, the ratio of the two medians, taken in turns.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot be set up should stop")]

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use criterion::Criterion;
use untorn::journal::Journal;
use untorn::journal::record::{CardReference, Entry, Intent, OrderKind, OrderNumber};
use untorn::journal::sqlite::SqliteJournal;
use untorn::money::{Currency, Money};
use untorn::time::Moment;

const NOW: Moment = Moment::from_seconds(1_701_224_448);

fn intent(order: OrderNumber) -> Intent {
    Intent {
        order,
        attempt: 1,
        kind: OrderKind::Sale,
        family: "purse".to_owned(),
        card: CardReference("A1A2A3A4A5A6A7A8".to_owned()),
        amount: Money::new(1250, Currency::JPY),
        balance_before: Money::new(17_080, Currency::JPY),
        time: NOW,
        policy: None,
        family_data: serde_json::json!({ "order": "00".repeat(64) }),
    }
}

fn main() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut journal = SqliteJournal::open(directory.path().join("journal.db")).unwrap();
    let mut commit = || {
        let order = journal.next_order().unwrap();
        journal.commit(intent(order), NOW).unwrap();
    };
    let mut file = File::create(directory.path().join("raw")).unwrap();
    let mut line = serde_json::to_vec(&Entry::Intent(intent(OrderNumber(1)))).unwrap();
    line.push(b'\n');
    let mut append = || {
        file.write_all(&line).unwrap();
        file.sync_data().unwrap();
    };

    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("journal commit", |bencher| bencher.iter(&mut commit));
    criterion.bench_function("append and fdatasync", |bencher| bencher.iter(&mut append));
    criterion.final_summary();

    let (mut commits, mut appends) = (Vec::new(), Vec::new());
    for _ in 0..500 {
        let start = Instant::now();
        commit();
        commits.push(start.elapsed());
        let start = Instant::now();
        append();
        appends.push(start.elapsed());
    }
    commits.sort();
    appends.sort();
    let (commit, append) = (commits[250], appends[250]);
    let ratio = commit.as_secs_f64() / append.as_secs_f64();
    println!("a commit takes {ratio:.2} x a bare append and fdatasync ({commit:?} : {append:?}, medians of 500)");
}
