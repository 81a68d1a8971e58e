//! The program with the family in it, as a person uses it: orders, torn and resolved, from process to process.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// A card and journals of its own.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str) -> Self {
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&place).expect("a folder for the test");
        Self(place)
    }

    /// Runs the program for a stamp card, with this journal.
    fn run(&self, journal: &str, words: &str) -> Output {
        let place = |name: &str| self.0.join(name).display().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stamp-family"));
        command.args(words.split(' ')).args(["--json", "--journal", &place(journal)]);
        if !words.starts_with("journal") {
            command.args(["--family", "stamps", "--state", &place("card")]);
        }
        command.output().expect("the program runs")
    }

    fn json(&self, journal: &str, words: &str) -> Value {
        let output = self.run(journal, words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{words}: {error}: {told}"))
    }

    fn stamps(&self) -> u64 {
        let card = self.json("journal", "card info");
        card["stamps"].as_u64().unwrap_or_else(|| panic!("no stamps in {card}"))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // What is left is in the target folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn ten_stamps_buy_a_coffee_and_nine_do_not() {
    let desk = Desk::new("coffee");
    for stamps in 1..=10 {
        let early = desk.json("journal", "pay 10");
        assert_eq!((early["result"].as_str(), early["exit"].as_u64()), (Some("refused"), Some(1)), "{early}");
        desk.json("journal", "topup 1");
        assert_eq!(desk.stamps(), stamps);
    }
    let coffee = desk.json("journal", "pay 10");
    assert_eq!((coffee["result"].as_str(), desk.stamps()), (Some("paid"), 0), "{coffee}");
    let wrong = desk.json("journal", "topup 2");
    assert_eq!(wrong["result"], "refused", "{wrong}");
}

/// Everything for which a terminal is needed.
#[test]
fn a_family_without_a_till_refuses_each_order_and_says_why() {
    let run = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stamp-family"));
        command.args(words.split(' ')).args(["--family", "badge"]).output().expect("the program runs")
    };
    for words in ["pay 1", "topup 1", "refund 1", "balance", "history", "resolve"] {
        let output = run(words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{words}: {told}");
        let reason = r#"cards of the profile "badge" take no orders: they can only be looked at and tested"#;
        assert!(told.contains(reason), "{words}: {told}");
    }
    let explored = run("explore");
    assert_eq!(explored.status.code(), Some(3), "{}", String::from_utf8_lossy(&explored.stderr));
    let tested = run("test badge iso7816_4");
    assert_eq!(tested.status.code(), Some(0), "{}", String::from_utf8_lossy(&tested.stdout));
}
