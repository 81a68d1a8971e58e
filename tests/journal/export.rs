//! The export, and journals that earlier versions wrote.

use std::fs;
use std::path::Path;

use untorn::journal::chain::LineHash;
use untorn::journal::sqlite::{Selection, SqliteJournal, SqliteReader};
use untorn::journal::{Journal, listing};
use untorn::time::Moment;

use crate::samples::{directory, export, sample};

/// Somebody else can check the chain from the export alone.
#[test]
fn the_export_proves_itself() {
    let (_directory, path) = directory();
    let text = export(sample(&path).reader()).unwrap();
    let mut previous = None;
    for (number, line) in text.lines().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let (_, entry) = line.strip_suffix('}').unwrap().split_once(r#","entry":"#).unwrap();
        let hash = |name: &str| {
            let octets = untorn::wire::hex::parse(value[name].as_str().unwrap()).unwrap();
            LineHash(octets.try_into().unwrap())
        };
        let sequence = value["sequence"].as_u64().unwrap();
        assert_eq!(sequence, number as u64 + 1);
        assert_eq!(*previous.get_or_insert(hash("previous")), hash("previous"));
        let time = Moment::from_millis(value["time"].as_u64().unwrap());
        assert_eq!(hash("previous").next(sequence, time, entry.as_bytes()), hash("hash"));
        previous = Some(hash("hash"));
    }
    assert_eq!(text.lines().count(), 9);
}

/// Every journal that a released version wrote opens, reads the same, and takes new lines.
#[test]
fn journals_of_every_version_open() {
    let versions = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/journal");
    let mut count = 0;
    for version in fs::read_dir(versions).unwrap().map(|version| version.unwrap().path()) {
        let expected = |name: &str| fs::read_to_string(version.join(name)).unwrap();
        // A copy: to open a journal is to write beside it.
        let (_directory, path) = directory();
        fs::copy(version.join("journal.sqlite"), &path).unwrap();
        let reader = SqliteReader::open(&path).unwrap();
        assert_eq!(listing::verification(&reader.verify().unwrap()), expected("verify.txt"), "{}", version.display());
        assert_eq!(export(&reader).unwrap(), expected("export.jsonl"), "{}", version.display());
        let orders = reader.orders(&Selection::All).unwrap();
        assert_eq!(listing::list(&orders), expected("list.txt"), "{}", version.display());
        let pages: String = orders.iter().map(listing::show).collect();
        assert_eq!(pages, expected("show.txt"), "{}", version.display());
        assert_eq!(listing::json(&orders).unwrap(), expected("list.json"), "{}", version.display());
        drop(reader);

        let mut journal = SqliteJournal::open(&path).unwrap();
        let order = journal.next_order().unwrap();
        journal.commit(crate::samples::intent(order.0, 1, 0xA9), Moment::from_seconds(1_800_000_000)).unwrap();
        assert_eq!(journal.reader().verify().unwrap().fault, None, "{}", version.display());
        count += 1;
    }
    assert!(count >= 1);
}
