//! Cards that contradict the journal, at the command line: copies, restored ones, thrown away ones that come back, and cards of 0.1.0.

#![allow(clippy::expect_used, clippy::unwrap_used, dead_code, reason = "a test stops where something is missing")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::kills::Held;
use support::untorn::Desk;
use untorn::entropy::SeededEntropy;
use untorn::family::purse::card::PurseCard;
use untorn::family::purse::data::Link;
use untorn::family::purse::issuer::Scheme;
use untorn::family::purse::profile::{BUILT_IN, PurseProfile};
use untorn::reader::state_file::StateFile;

/// The memory of a card as version 0.1.0 made it: the profile's id, and a chain of receipts that begins with zeros.
fn card_of_0_1_0(path: &Path) {
    let text = BUILT_IN.iter().find(|(name, _)| *name == "default").unwrap().1;
    let mut profile = PurseProfile::parse(text).unwrap();
    profile.first_link = Some(Link([0; 8]));
    let card = PurseCard::personalise(&profile, &Scheme::test(), SeededEntropy::new(0)).unwrap();
    StateFile::create(path, text, card.memory_ref().image()).unwrap().unwrap();
}

fn lines(desk: &Desk) -> usize {
    desk.run(&["journal", "export"]).ended(0).stdout.lines().count()
}

fn state(desk: &Desk, order: &str) -> (Value, String) {
    let shown = desk.json(0, &["journal", "show", order])["order"]["state"].clone();
    (shown, desk.run(&["journal", "show", order]).ended(0).stdout)
}

#[test]
fn a_restored_card_is_an_alarm_and_gets_no_order() {
    let desk = Desk::new(&[]);
    desk.run(&["balance"]).ended(0);
    let before = fs::read(desk.state()).unwrap();
    desk.run(&["pay", "1250"]).ended(0);
    let paid = fs::read(desk.state()).unwrap();
    fs::write(desk.state(), &before).unwrap();

    let refused = desk.run(&["pay", "100"]).ended(6);
    for said in ["ALARM", "No booking was changed", "Journal: at order 000001", "back at transaction 0", "contradicts"]
    {
        assert!(refused.stdout.replace('\n', " ").contains(said), "{said}: {}", refused.stdout);
    }
    assert!(!refused.stdout.contains("RECEIPT") && !refused.stdout.contains("Done"), "{}", refused.stdout);
    assert_eq!(fs::read(desk.state()).unwrap().len(), before.len());
    assert_eq!(Held::by(&desk).transactions, 0, "nothing was sent");

    // Shown again at each touch, written down once, and never good for an order.
    let written = lines(&desk);
    for command in [&["balance"][..], &["history"], &["resolve"], &["pay", "1"], &["topup", "1"]] {
        let found = desk.json(6, command);
        let alarm = &found["alarms"][0];
        assert_eq!((&alarm["alarm"], &alarm["recorded_before"]), (&"history".into(), &true.into()), "{found}");
        assert_eq!(alarm["number"], 1);
        assert_eq!(found["alarms"].as_array().unwrap().len(), 1, "{found}");
        assert!(alarm["believed_evidence"].as_str().unwrap().len() > 100, "the receipt of the sale: {found}");
    }
    assert_eq!(lines(&desk), written);
    assert_eq!(Held::by(&desk).transactions, 0);

    let (kept, page) = state(&desk, "1");
    assert!(kept == "paid" && page.contains("paid, ALARM") && page.contains("back at transaction 0"), "{page}");
    assert!(desk.run(&["journal", "list"]).ended(0).stdout.contains("paid, ALARM"));
    assert!(desk.run(&["journal", "export"]).ended(0).stdout.contains(r#""entry":"alarm""#));
    desk.run(&["journal", "verify"]).ended(0);

    // The card itself goes on as if nothing had been.
    fs::write(desk.state(), paid).unwrap();
    assert_eq!(desk.json(0, &["pay", "10"])["result"], "paid");
}

/// Two cards that 0.1.0 made of one profile are alike: what the second says of an order of the first is wrong, and found to be when the
/// first comes back.
#[test]
fn a_card_that_paid_what_the_journal_calls_not_paid_is_an_alarm() {
    let desk = Desk::new(&[]);
    card_of_0_1_0(&desk.state());
    desk.run(&["pay", "1250", "--tear", "3", "--no-retouch"]).ended(2);
    let first = fs::read(desk.state()).unwrap();
    fs::remove_file(desk.state()).unwrap();
    card_of_0_1_0(&desk.state());
    assert_eq!(desk.json(0, &["resolve"])["settled"][0]["verdict"], "not-paid");

    fs::write(desk.state(), &first).unwrap();
    let found = desk.json(6, &["resolve"]);
    let alarm = &found["alarms"][0];
    assert_eq!((&alarm["alarm"], &alarm["number"], &alarm["kind"]), (&"receipt".into(), &1.into(), &"sale".into()));
    assert_eq!(found["settled"].as_array().unwrap().len(), 0, "no booking is changed: {found}");
    let receipt = alarm["found_evidence"].as_str().unwrap();
    let (kept, page) = state(&desk, "1");
    assert!(kept == "not-paid" && page.contains("not paid, ALARM") && page.contains(receipt), "{page}");
    desk.run(&["journal", "verify"]).ended(0);
    let totals = desk.json(0, &["journal", "totals"]);
    assert_eq!(totals["totals"][0]["booking"], "not-sale", "{totals}");

    // People have been told: the cardholder's card is as good as before.
    assert_eq!(desk.json(0, &["pay", "100"])["result"], "paid");
    assert_eq!(Held::by(&desk).balance, 17_080 - 1_250 - 100);
}

#[test]
fn an_order_is_refused_at_the_touch_that_finds_the_contradiction() {
    let desk = Desk::new(&[]);
    card_of_0_1_0(&desk.state());
    desk.run(&["pay", "1250", "--tear", "3", "--no-retouch"]).ended(2);
    let first = fs::read(desk.state()).unwrap();
    fs::remove_file(desk.state()).unwrap();
    card_of_0_1_0(&desk.state());
    desk.run(&["resolve"]).ended(0);
    fs::write(desk.state(), &first).unwrap();
    let refused = desk.json(6, &["pay", "100"]);
    assert_eq!((&refused["result"], &refused["reason"]), (&"refused".into(), &"contradiction".into()), "{refused}");
    assert_eq!(Held::by(&desk).balance, 17_080 - 1_250);
    assert_eq!(desk.json(0, &["pay", "100"])["result"], "paid");
}

/// The newcomer's story: torn, thrown away, asked. The new card is another one, and says nothing of the first.
#[test]
fn a_card_thrown_away_takes_the_truth_with_it_and_brings_it_back() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "1250", "--tear", "3", "--no-retouch"]).ended(2);
    let first = fs::read(desk.state()).unwrap();
    let kept = desk.json(1, &["card", "reset"]);
    assert_eq!((&kept["removed"], &kept["unresolved"][0]["number"]), (&false.into(), &1.into()), "{kept}");
    assert_eq!(fs::read(desk.state()).unwrap(), first);
    desk.run(&["card", "reset", "--force"]).ended(0);
    for _ in 0..2 {
        let found = desk.json(2, &["resolve"]);
        assert!(found["settled"].as_array().unwrap().is_empty() && found["unresolved"][0]["number"] == 1, "{found}");
        desk.run(&["pay", "1"]).ended(0);
    }
    fs::write(desk.state(), &first).unwrap();
    assert_eq!(desk.json(0, &["resolve"])["settled"][0]["verdict"], "paid");
    desk.run(&["card", "reset"]).ended(0);
}

/// A second memory of the same profile, used with the same journal.
#[test]
fn cards_made_apart_are_not_one_card() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "1250", "--tear", "3", "--no-retouch"]).ended(2);
    let other = desk.path().join("other.state");
    let found = desk.json(2, &["--state", other.to_str().unwrap(), "resolve"]);
    assert!(found["settled"].as_array().unwrap().is_empty(), "{found}");
    assert_eq!(desk.json(0, &["resolve"])["settled"][0]["verdict"], "paid");
}

#[test]
fn a_second_card_of_one_seed_is_refused_while_an_order_is_open_on_the_first() {
    let desk = Desk::new(&["--seed", "5"]);
    desk.run(&["pay", "1250", "--tear", "3", "--no-retouch"]).ended(2);
    let other = desk.path().join("other.state");
    for command in [&["resolve"][..], &["pay", "1"], &["balance"], &["card", "info"]] {
        let refused = desk.run(&[&["--state", other.to_str().unwrap()], command].concat()).ended(1);
        assert!(refused.stderr.contains("order 000001 is open on card"), "{command:?}: {refused:?}");
        assert!(!other.exists(), "{command:?}");
    }
    desk.run(&["resolve"]).ended(0);
    desk.run(&["--state", other.to_str().unwrap(), "card", "info"]).ended(0);
    let cards = [desk.state(), other].map(|path| StateFile::start_of_image(&path).unwrap());
    assert_eq!(cards[0], cards[1], "one seed, one card");
}

#[test]
fn a_card_of_0_1_0_opens_and_pays() {
    let desk = Desk::new(&[]);
    card_of_0_1_0(&desk.state());
    assert_eq!(desk.card(), "554E544F524E0001");
    for _ in 0..3 {
        assert_eq!(desk.json(0, &["pay", "10"])["result"], "paid");
    }
    desk.run(&["resolve"]).ended(0);
}

#[test]
fn each_new_card_has_an_id_of_its_own_and_a_profile_may_name_one() {
    let desk = Desk::new(&[]);
    let mut ids: Vec<String> = Vec::new();
    for profile in ["default", "euro", "epc1-only", "default", "default"] {
        ids.push(desk.json(0, &["--profile", profile, "card", "info"])["card"].as_str().unwrap().to_owned());
        desk.run(&["--profile", profile, "card", "reset"]).ended(0);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "{ids:?}");
    let text = BUILT_IN.iter().find(|(name, _)| *name == "default").unwrap().1;
    fs::write(desk.path().join("mine.toml"), text).unwrap();
    assert_eq!(desk.json(0, &["--profile", "mine.toml", "card", "info"])["card"], "554E544F524E0001");
}

/// A journal that cannot be looked at is no journal without open orders: the directory may be a slip of the keyboard.
#[test]
fn a_card_is_kept_where_the_named_journal_cannot_be_looked_at() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "1250", "--tear", "3", "--no-retouch"]).ended(2);
    let before = std::fs::read(desk.state()).unwrap();
    let mistyped = desk.path().join("mistyped/journal.db");
    let reset = desk.run(&["card", "reset", "--journal", mistyped.to_str().unwrap()]).ended(3);
    assert!(reset.stderr.contains("there is no directory"), "{reset:?}");
    assert_eq!(std::fs::read(desk.state()).unwrap(), before);
}
