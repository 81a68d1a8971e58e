//! The memory of a virtual card, when its file is not what it was.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::process::Command;

use support::untorn::Desk;

/// What a card's memory begins with.
const MAGIC: &[u8] = b"UNTORNST";

/// Cut off anywhere, it says so and how to go on; and that way out works.
#[test]
fn a_memory_that_is_cut_off_can_be_replaced() {
    let whole = Desk::new(&[]);
    whole.run(&["card", "info"]).ended(0);
    let octets = fs::read(whole.state()).unwrap();
    let lengths = (0..=64).chain((64..octets.len()).step_by(997)).chain([octets.len() - 1]);
    for length in lengths {
        let desk = Desk::new(&[]);
        fs::write(desk.state(), &octets[..length]).unwrap();
        for command in [&["card", "info"][..], &["pay", "1"], &["balance"]] {
            let told = desk.run(command).ended(1).stderr;
            assert!(told.contains("`untorn card reset`"), "{length} octets: {told}");
        }
        assert_eq!(fs::read(desk.state()).unwrap(), octets[..length], "left as it was");
        desk.run(&["card", "reset", "--force"]).ended(0);
        desk.run(&["pay", "1"]).ended(0);
    }
}

/// Whatever its length: it is somebody else's, and stays.
#[test]
fn a_file_that_is_no_memory_is_refused_and_stays() {
    for length in (1..=40).chain([1_000]) {
        let octets: Vec<u8> = (0..length).map(|at| if at < 7 { MAGIC[at] } else { b'x' }).collect();
        let octets = if length < 8 { vec![b'x'; length] } else { octets };
        let desk = Desk::new(&[]);
        fs::write(desk.state(), &octets).unwrap();
        for command in [&["card", "info"][..], &["pay", "1"], &["card", "reset", "--force"]] {
            let told = desk.run(command).ended(3).stderr;
            assert!(told.contains("is not a state file; it was not touched"), "{length} octets: {told}");
        }
        assert_eq!(fs::read(desk.state()).unwrap(), octets);
    }
}

#[test]
fn what_is_no_file_is_called_by_what_it_is() {
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let desk = Desk::new(&[]);
    for (path, what) in [
        (".", "a directory"),
        ("/", "a directory"),
        (pipe.to_str().unwrap(), "a named pipe"),
        ("/dev/null", "a device"),
    ] {
        for command in [&["pay", "1"][..], &["card", "info"], &["card", "reset", "--force"]] {
            let told = desk.run(&[&["--state", path], command].concat()).ended(3).stderr;
            assert!(told.contains(&format!("expected a file, got {what}")), "{path}: {told}");
        }
    }
}

/// What a person says of a record needs the journal and nothing else.
#[test]
fn an_order_is_acknowledged_without_its_card() {
    let spoils: [fn(&Desk); 3] = [
        |desk| fs::remove_file(desk.state()).unwrap(),
        |desk| fs::write(desk.state(), "").unwrap(),
        |desk| fs::write(desk.state(), "somebody's letter").unwrap(),
    ];
    for spoil in spoils {
        let desk = Desk::new(&[]);
        desk.run(&["pay", "100", "--tear", "value:after", "--no-retouch"]).ended(2);
        spoil(&desk);
        let said = desk.json(0, &["resolve", "--acknowledge", "1"]);
        assert_eq!(said["result"], "acknowledged");
        assert_eq!(desk.json(0, &["journal", "show", "1"])["order"]["state"], "acknowledged");
    }
    // And where there is no journal, none is made.
    let desk = Desk::new(&[]);
    let told = desk.run(&["resolve", "--acknowledge", "1"]).ended(3).stderr;
    assert!(told.contains("there is no journal") && !desk.journal().exists(), "{told}");
}
