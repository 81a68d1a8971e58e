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

    /// Orders of a journal that are in this state.
    fn count(&self, journal: &str, state: &str) -> u64 {
        let listed = self.json(journal, "journal list");
        let orders = listed["orders"].as_array().unwrap_or_else(|| panic!("no orders in {listed}")).clone();
        orders.iter().filter(|order| order["state"] == state).count() as u64
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // What is left is in the target folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const TEARS: [&str; 9] = [
    "select:before",
    "select:after",
    "select:mid",
    "authenticate:before",
    "authenticate:after",
    "authenticate:mid",
    "value:before",
    "value:after",
    "value:mid",
];

#[test]
fn an_order_torn_at_each_exchange_is_one_stamp_or_none_and_the_card_tells() {
    let desk = Desk::new("torn");
    for tear in TEARS {
        for retouch in ["", " --no-retouch"] {
            let before = (desk.stamps(), desk.count_paid());
            let ended = desk.json("journal", &format!("topup 1 --tear {tear}{retouch}"));
            assert_eq!(ended["torn"], true, "{tear}{retouch}: {ended}");
            // Not known while the order was under way; before it nothing was moved, and no card came again.
            let codes: &[u64] = match (tear.starts_with("value"), retouch.is_empty()) {
                (_, true) => &[0],
                (true, false) => &[2],
                (false, false) => &[1, 4],
            };
            let code = ended["exit"].as_u64().unwrap_or_else(|| panic!("no code in {ended}"));
            assert!(codes.contains(&code), "{tear}{retouch}: {ended}");
            let resolved = desk.json("journal", "resolve");
            assert_eq!(resolved["unresolved"], Value::Array(Vec::new()), "{tear}{retouch}: {resolved}");
            let after = (desk.stamps(), desk.count_paid());
            assert_eq!(after.0 - before.0, after.1 - before.1, "{tear}{retouch}: each paid order is one stamp");
            let given = u64::from(retouch.is_empty() || matches!(tear, "value:after" | "value:mid"));
            assert_eq!(after.0 - before.0, given, "{tear}{retouch}");
        }
    }
}

impl Desk {
    fn count_paid(&self) -> u64 {
        if self.0.join("journal").exists() { self.count("journal", "paid") } else { 0 }
    }
}

/// Two terminals take turns, each torn now and then: by whichever order, the card has what both journals prove.
#[test]
fn two_terminals_that_are_torn_agree_with_the_card() {
    let desk = Desk::new("two");
    let mut random = 1_u32;
    let mut next = |below: usize| {
        // The generator of ISO/IEC 9899:2011, 7.22.2.2, footnote: any will do, and this one is the same everywhere.
        random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (random >> 16) as usize % below
    };
    for step in 0..24 {
        let journal = ["journal", "other"][next(2)];
        let words = match next(3) {
            0 => "topup 1".to_owned(),
            1 => format!("topup 1 --tear {} --no-retouch", TEARS[next(TEARS.len())]),
            _ => "resolve".to_owned(),
        };
        let output = desk.run(journal, &words);
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1 | 2 | 4)), "step {step}, {journal}: {words} ended with {code:?}");
    }
    let mut paid = 0;
    for journal in ["journal", "other"] {
        let resolved = desk.json(journal, "resolve");
        assert_eq!(resolved["unresolved"], Value::Array(Vec::new()), "{resolved}");
        paid += desk.count(journal, "paid");
    }
    assert!(paid > 5, "{paid} orders were paid");
    assert_eq!(desk.stamps(), paid);
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
    let coffee = desk.json("journal", "pay 10 --tear value:after");
    assert_eq!((coffee["result"].as_str(), desk.stamps()), (Some("paid"), 0), "{coffee}");
    let wrong = desk.json("journal", "topup 2");
    assert_eq!(wrong["result"], "refused", "{wrong}");
}

/// Runs the program as it is.
fn program(words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stamp-family"));
    command.args(words.split(' ')).output().expect("the program runs")
}

/// Whichever family the other commands would take: each of these names what only this one has.
#[test]
fn suite_and_explorer_find_the_laboratory_that_has_what_is_asked_for() {
    for (words, code, told) in [
        ("test STAMP-TILL-005 TRM-SALE-001 --profile stamps", 0, "2 passed"),
        ("test STAMP-TILL-005 --profile stamps --mutant stamp-counter-alone", 1, "older record"),
        ("test STAMP-ADD-001 --profile stamps --mutant stamped-twice", 1, "the receipt"),
        ("test badge --profile badge --mutant stamp-counter-alone", 3, ""),
        ("explore --order stamp", 0, "No violation"),
        ("explore --order stamp --mutant stamped-twice", 1, "sent again"),
        ("explore --replay explore@1/plain.stamp/0/x2:after,never", 0, "No rule is broken"),
        ("explore --replay explore@1/plain.stamp/0/c2w1:all --mutant stamped-twice", 1, "sent again"),
    ] {
        let output = program(words);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words}: {said}");
        assert!(said.contains(told), "{words}: {said}");
    }
}

/// Everything for which a terminal is needed.
#[test]
fn a_family_without_a_till_refuses_each_order_and_says_why() {
    let run = |words: &str| program(&format!("{words} --family badge"));
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
