//! The real binary as a person and a script meet it: texts, JSON, exit codes, and what it must never say.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use serde_json::Value;
use support::kills::Held;
use support::untorn::{Desk, ran};
use untorn::app::{App, LoadedProfile, Options, VirtualCard};
use untorn::family::purse::data::{CardId, Role, Suite};
use untorn::family::purse::issuer::Scheme;
use untorn::journal::record::{CardReference, OrderKind};
use untorn::journal::sqlite::SqliteJournal;
use untorn::money::{Currency, Money};
use untorn::reader::state_file::StateFile;
use untorn::reader::{Reader, Reset};
use untorn::secret::Pin;
use untorn::session::{self, Arrival};
use untorn::terminal::OrdersFor;
use untorn::terminal::event::{OutcomeKind, Prompt, Request, Verdict};
use untorn::terminal::kernel::RefusalReason;
use untorn::time::Moment;
use untorn::wire::hex;

/// The card of the default profile.
const CARD: &str = "554E544F524E0001";

#[test]
fn the_demonstration_repeats() {
    let demo = Desk::new(&["--seed", "7"]);
    let first = demo.run(&["demo"]).ended(0);
    insta::assert_snapshot!(first.stdout);
    assert_eq!(demo.run(&["demo"]).stdout, first.stdout);
    assert_eq!(demo.run(&[]).stdout, first.stdout, "without a terminal, nothing said means the demonstration");
    assert_ne!(Desk::new(&["--seed", "8"]).run(&["demo"]).stdout, first.stdout);
    let files: Vec<_> = std::fs::read_dir(demo.path()).unwrap().collect();
    assert!(files.is_empty(), "it touches none of the person's own files: {files:?}");
}

#[test]
fn a_card_lives_from_run_to_run() {
    let desk = Desk::new(&[]);
    let balance = |desk: &Desk| desk.json(0, &["balance"])["card"]["balance"]["minor"].clone();
    assert_eq!(balance(&desk), 17_080);
    assert_eq!(desk.json(0, &["pay", "1,250"])["order"]["balance_after"]["minor"], 15_830);
    assert_eq!(desk.json(0, &["topup", "500"])["order"]["balance_after"]["minor"], 16_330);
    let refund = desk.json(0, &["refund", "250"]);
    assert_eq!(
        (&refund["order"]["kind"], &refund["order"]["balance_after"]["minor"]),
        (&"refund".into(), &16_580.into())
    );
    assert_eq!(balance(&desk), 16_580);
    let history = desk.json(0, &["history"])["history"].clone();
    let amounts: Vec<_> = history.as_array().unwrap().iter().map(|item| &item["amount"]["minor"]).collect();
    assert_eq!(amounts, [250, 500, 1250], "newest first");
    desk.run(&["card", "reset"]).ended(0);
    assert_eq!(balance(&desk), 17_080, "a new card");
    let euro = Desk::new(&["--profile", "euro"]);
    assert_eq!(
        euro.json(0, &["pay", "12.50"])["order"]["balance_after"],
        serde_json::json!({"currency": "EUR", "minor": 3750})
    );
}

#[test]
fn a_refund_finds_its_sale() {
    let desk = Desk::new(&[]);
    assert!(desk.run(&["refund"]).ended(3).stderr.contains("the journal holds no sale"));
    let first = desk.json(0, &["pay", "700"])["order"]["transaction"].as_str().unwrap().to_owned();
    desk.run(&["pay", "300"]).ended(0);
    assert_eq!(desk.json(0, &["refund", "--of", &first.to_lowercase()])["order"]["amount"]["minor"], 700);
    assert_eq!(desk.json(0, &["refund"])["order"]["amount"]["minor"], 300, "the newest, all of it");
    assert_eq!(desk.json(1, &["refund"])["reason"], "not-refundable", "and not twice");
}

#[test]
fn each_end_has_its_code() {
    let desk = Desk::new(&[]);
    for help in [&["--help"][..], &["--version"], &["pay", "--help"]] {
        desk.run(help).ended(0);
    }
    let poor = desk.json(1, &["--grant", "read", "pay", "100"]);
    assert_eq!(poor["reason"], "no-right");
    assert_eq!(desk.json(2, &["pay", "100", "--tear", "3", "--no-retouch"])["result"], "unresolved");
    for wrong in [
        &["bogus"][..],
        &["pay"],
        &["pay", "1", "--no-retouch"],
        &["pay", "1", "--tear", "0"],
        &["--policy", "never", "pay", "1"],
        &["--profile", "gold", "pay", "1"],
        &["--profile", "missing.toml", "pay", "1"],
        &["decode", "xyz"],
        &["journal", "show", "99"],
        &["resolve", "--acknowledge", "99"],
        &["--reader", "nothing like this", "--seed", "1", "pay", "1"],
    ] {
        let ran = desk.run(wrong).ended(3);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
    desk.run(&["--reader", "nothing like this", "pay", "1"]).ended(4);
    let lifted = desk.json(4, &["pay", "1", "--tear", "1", "--no-retouch"]);
    assert_eq!(lifted["result"], "cancelled", "lifted before anything was sent, and not back in time");
}

#[test]
fn a_bad_amount_is_refused_before_a_card_is_touched() {
    for (profile, amounts) in [
        ("default", ["12.50", "0", "-5", "1e3", "", "4294967296"]),
        ("euro", ["12.5", "0.00", "1.234", "x", " 1", "1,0"]),
    ] {
        let desk = Desk::new(&["--profile", profile]);
        for amount in amounts {
            let ran = desk.run(&["pay", "--", amount]).ended(3);
            assert!(ran.stderr.contains("amount") || ran.stderr.contains("smallest unit"), "{amount:?}: {ran:?}");
        }
        assert!(!desk.state().exists() && !desk.journal().exists(), "nothing was opened");
    }
}

#[test]
fn a_foreign_journal_is_not_touched() {
    let desk = Desk::new(&[]);
    std::fs::write(desk.journal(), "my diary").unwrap();
    let ran = desk.run(&["pay", "1"]).ended(3);
    assert!(ran.stderr.contains("is not a journal of untorn"), "{ran:?}");
    desk.run(&["journal", "list"]).ended(3);
    assert_eq!(std::fs::read(desk.journal()).unwrap(), b"my diary");
    assert!(!desk.state().exists(), "no card is touched without a journal");
}

#[test]
fn a_trace_overwrites_nothing_but_a_trace() {
    let desk = Desk::new(&["--trace", "card.state"]);
    std::fs::write(desk.path().join("card.state"), "my card").unwrap();
    desk.run(&["--state", "other.state", "pay", "1"]).ended(3);
    assert_eq!(std::fs::read(desk.path().join("card.state")).unwrap(), b"my card");
    let again = Desk::new(&["--trace", "trace.jsonl"]);
    let lines = || {
        again.run(&["balance"]).ended(0);
        std::fs::read_to_string(again.path().join("trace.jsonl")).unwrap().lines().count()
    };
    assert_eq!(lines(), lines(), "the trace is of one run");
}

#[test]
fn journal_and_card_have_one_user_at_a_time() {
    let desk = Desk::new(&[]);
    let journal = SqliteJournal::open(desk.journal()).unwrap();
    assert!(desk.run(&["pay", "1"]).ended(1).stderr.contains("in use by another untorn"));
    desk.run(&["journal", "list"]).ended(0);
    drop(journal);
    let options = Options { state: Some(desk.state()), ..Options::default() };
    let card = VirtualCard::open(LoadedProfile::load(&options).unwrap(), &options).unwrap();
    assert!(desk.run(&["pay", "1"]).ended(1).stderr.contains("another process uses this card"));
    desk.run(&["card", "reset"]).ended(1);
    drop(card);
    desk.run(&["pay", "1"]).ended(0);
}

#[test]
fn what_is_torn_is_resolved_at_the_next_touch() {
    let desk = Desk::new(&[]);
    for (point, balance) in [("3:before", 16_080), ("3:after", 15_080), ("3:mid", 14_080), ("4", 13_080), ("2", 12_080)]
    {
        let paid = desk.json(0, &["pay", "1000", "--tear", point]);
        assert_eq!(paid["order"]["balance_after"]["minor"], balance, "charged once, torn at {point}");
    }
    let open = desk.run(&["pay", "1000", "--tear", "3", "--no-retouch"]).ended(2);
    assert!(open.stdout.contains("UNRESOLVED") && !open.stdout.to_lowercase().contains("pay again"), "{open:?}");
    assert!(!open.stdout.contains("RECEIPT") && !open.stdout.contains("Done"), "{open:?}");
    // Any touch of that card resolves it first.
    let balance = desk.json(0, &["balance"]);
    assert_eq!(balance["settled"][0]["verdict"], "paid");
    assert_eq!(balance["settled"][0]["balance_after"]["minor"], 11_080);
    let open = desk.json(2, &["topup", "500", "--tear", "3:before", "--no-retouch"]);
    assert_eq!(open["booking"], "unresolved");
    assert_eq!(desk.json(0, &["resolve"])["settled"][0]["verdict"], "not-paid");
    assert_eq!(desk.json(0, &["resolve"])["settled"].as_array().unwrap().len(), 0);
}

#[test]
fn totals_follow_the_policy_that_each_order_was_made_under() {
    for (policy, open, paid) in [
        ("on-next-touch", "unresolved 50", vec!["sale 1350"]),
        ("on-confirmation", "unresolved 50", vec!["sale 1350"]),
        ("at-once", "provisional-sale 50", vec!["sale 1350"]),
        ("redo", "not-sale 50", vec!["sale 1300", "owed-to-cardholder 50"]),
    ] {
        let desk = Desk::new(&[]);
        desk.run(&["--policy", policy, "pay", "1000"]).ended(0);
        desk.run(&["--policy", policy, "pay", "300"]).ended(0);
        desk.run(&["--policy", policy, "pay", "50", "--tear", "3", "--no-retouch"]).ended(2);
        // What is said now changes nothing about what was agreed then.
        let totals = |now: &str| {
            let found = desk.json(0, &["--policy", now, "journal", "totals"]);
            let found = found["totals"].as_array().unwrap().iter();
            found.map(|total| format!("{} {}", total["booking"].as_str().unwrap(), total["minor"])).collect::<Vec<_>>()
        };
        for now in ["on-next-touch", "redo"] {
            assert_eq!(totals(now), ["sale 1300", open], "{policy}, then {now}");
        }
        desk.run(&["resolve"]).ended(0);
        assert_eq!(totals("on-next-touch"), paid, "{policy}");
        let text = desk.run(&["journal", "totals"]).ended(0).stdout;
        assert!(text.contains("booked") && text.contains("1,3"), "{text}");
    }
}

/// REQ-POL-2. A run with a seed is at 2026-01-05; this test is not older than the compiler that it needs.
#[test]
fn an_order_too_old_to_be_claimed_is_shown_as_overdue() {
    for (policy, overdue) in [("on-confirmation", true), ("on-next-touch", false)] {
        let desk = Desk::new(&[]);
        desk.run(&["--seed", "1", "--policy", policy, "pay", "50", "--tear", "3", "--no-retouch"]).ended(2);
        let list = |flags: &[&str]| desk.run(&[flags, &["journal", "list"]].concat()).ended(0).stdout;
        assert_eq!(list(&[]).contains("UNRESOLVED (overdue)"), overdue, "{policy}: {}", list(&[]));
        assert!(list(&["--seed", "2"]).contains("UNRESOLVED (slip issued)"), "on the same day it is not");
        assert_eq!(desk.json(0, &["journal", "show", "1"])["order"]["overdue"], overdue);
        // Another card comes: the order stays open, and the list of what is open says so too.
        let other = ["--profile", "epc1-only", "--state", "other.state", "resolve"];
        let left = desk.json(2, &other);
        assert_eq!(left["unresolved"][0]["overdue"], overdue, "{left}");
        assert_eq!(desk.run(&other).ended(2).stdout.contains("too old to be claimed"), overdue);
    }
}

#[test]
fn a_list_says_of_each_kind_what_was_done() {
    let desk = Desk::new(&[]);
    for order in [["pay", "100"], ["topup", "200"], ["refund", "100"]] {
        desk.run(&order).ended(0);
    }
    let list = desk.run(&["journal", "list"]).ended(0).stdout;
    let states: Vec<_> = ["paid", "topped up", "refunded"].map(|word| list.matches(word).count()).into();
    assert_eq!(states, [1, 1, 1], "{list}");
    assert!(desk.run(&["history"]).stdout.contains("3 receipts."));
    desk.run(&["card", "reset"]).ended(0);
    desk.run(&["pay", "1"]).ended(0);
    assert!(desk.run(&["history"]).stdout.contains("1 receipt."));
}

#[test]
fn an_open_record_blocks_sales_until_resolved_or_acknowledged() {
    // Killed at the first action after which the card has paid: the journal does not know of it.
    let torn = (0..100).find_map(|number| {
        let desk = Desk::new(&[]);
        desk.run_until(&format!("action:{number}"), &["pay", "1250"]);
        (Held::by(&desk).balance == 15_830).then_some(desk)
    });
    let torn = torn.expect("there is such an action");
    let blocked = torn.json(5, &["pay", "1"]);
    assert_eq!((&blocked["result"], &blocked["unresolved"][0]["number"]), (&"blocked".into(), &1.into()));
    let shown = torn.run(&["topup", "1"]).ended(5).stdout;
    assert!(shown.contains("sale of 1,250 JPY") && shown.contains("balance before 17,080 JPY"), "{shown}");

    let acknowledged = torn.copy();
    acknowledged.run(&["resolve", "--acknowledge", "1"]).ended(0);
    let paid = acknowledged.json(0, &["pay", "1"]);
    assert_eq!(paid["settled"][0]["verdict"], "paid", "the touch resolves it all the same");
    assert_eq!(paid["order"]["balance_after"]["minor"], 15_829);

    assert_eq!(torn.json(0, &["resolve"])["settled"][0]["balance_after"]["minor"], 15_830);
    torn.run(&["pay", "1"]).ended(0);
}

/// A desk whose card is always there and whose holder knows no PIN.
struct NoPerson;

impl session::Desk for NoPerson {
    fn now(&mut self) -> Moment {
        Moment::from_seconds(1_767_603_600)
    }
    fn await_card(&mut self, reader: &mut dyn Reader, _: &Prompt, _: Moment) -> Arrival {
        reader.activate(Reset::Cold).map_or(Arrival::TimeOut, |_| Arrival::Card)
    }
    fn ask_pin(&mut self, _: Option<u8>) -> Option<Pin> {
        None
    }
}

#[test]
fn a_real_card_gets_no_order_before_it_is_named() {
    let desk = Desk::new(&[]);
    let card = desk.card();
    desk.run(&["--card", &card.to_lowercase(), "pay", "1"]).ended(0);
    let other = desk.json(3, &["--card", "0000000000000000", "pay", "1"]);
    assert_eq!((&other["reason"], &other["card"]["id"]), (&"not-named".into(), &card.as_str().into()));

    // A PC/SC reader without --card: what the binary then tells its terminal.
    let options = Options { state: Some(desk.state()), journal: Some(desk.journal()), ..Options::default() };
    let mut app = App::open(&options).unwrap();
    app.terminal.config_mut().orders_for = OrdersFor::NoCard;
    let before = app.card.as_ref().unwrap().sheet().unwrap();
    for kind in [OrderKind::Sale, OrderKind::TopUp, OrderKind::Refund, OrderKind::Block] {
        let order = untorn::journal::Journal::next_order(&mut app.journal).unwrap();
        let amount = Money::new(1, Currency::JPY);
        let outcome = app.run(Request::Order { order, kind, amount }, &mut NoPerson);
        let OutcomeKind::Refused(refusal) = outcome.result else { panic!("{outcome:?}") };
        assert_eq!(refusal.reason, RefusalReason::NotNamed, "{kind}");
        assert_eq!(outcome.card.unwrap().card, CardReference(card.clone()), "the person is told which card it is");
    }
    assert_eq!(app.card.as_ref().unwrap().sheet().unwrap(), before, "the card is as it was");
    assert_eq!(app.run(Request::Balance, &mut NoPerson).result, OutcomeKind::Balance, "reading is allowed");
}

/// Digits that are nowhere else.
const PIN: &str = "864209";

#[test]
fn no_secret_is_said_or_written() {
    let desk = Desk::new(&[]);
    let profile = std::fs::read_to_string("src/family/purse/profiles/default.toml").unwrap();
    let path = desk.path().join("card.toml");
    std::fs::write(&path, profile.replace("pin = \"1234\"", &format!("pin = \"{PIN}\""))).unwrap();
    std::fs::write(desk.path().join("pin"), format!("{PIN}\n")).unwrap();
    std::fs::write(desk.path().join("wrong"), "975318\n").unwrap();

    let mut said = String::new();
    for suite in ["epc1", "epc2"] {
        let run = |file: &str, arguments: &[&str]| {
            let mut all =
                vec!["--suite", suite, "--profile", "card.toml", "--pin-file", file, "--trace", "trace.jsonl"];
            all.extend_from_slice(arguments);
            desk.run(&all)
        };
        let ran = [
            run("wrong", &["pay", "10,001"]).ended(1),
            run("pin", &["pay", "10,001"]).ended(0),
            run("pin", &["--json", "refund"]).ended(0),
            run("pin", &["history"]).ended(0),
            desk.run(&["--profile", "card.toml", "card", "info"]).ended(0),
            desk.run(&["journal", "export"]).ended(0),
        ];
        for ran in ran {
            said += &ran.stdout;
            said += &ran.stderr;
            said += &std::fs::read_to_string(desk.path().join("trace.jsonl")).unwrap();
        }
    }
    assert!(said.contains("\"event\":\"command\""), "the trace was looked at");
    let mut written = std::fs::read(desk.journal()).unwrap();
    for side in ["-wal", "-shm"] {
        let path = format!("{}{side}", desk.journal().display());
        written.extend(std::fs::read(path).unwrap_or_default());
    }
    for secret in secrets(&id_in(&desk)) {
        for shape in [hex::encode(&secret), hex::encode(&secret).to_lowercase(), hex::spaced(&secret)] {
            assert!(!said.contains(&shape), "{shape} was said");
            assert!(!String::from_utf8_lossy(&written).contains(&shape), "{shape} was written");
        }
        assert!(!written.windows(secret.len()).any(|window| window == secret), "{secret:02X?} was written");
    }
    assert!(!said.contains(PIN) && !said.contains("975318"), "a PIN was said");
}

/// Whose card lies at a desk, of whatever profile.
fn id_in(desk: &Desk) -> String {
    hex::encode(&StateFile::start_of_image(&desk.state()).unwrap()[5..13])
}

/// The PIN, and keys of both sides.
fn secrets(card: &str) -> Vec<Vec<u8>> {
    let scheme = Scheme::test();
    let card = CardId(hex::parse(card).unwrap().try_into().unwrap());
    let mut secrets = vec![PIN.as_bytes().to_vec(), scheme.privacy_key().expose().to_vec()];
    for role in Role::ALL {
        secrets.push(scheme.master(1, 1, role).expose().to_vec());
        secrets.push(scheme.card_key(1, 1, role, card).unwrap().expose().to_vec());
    }
    for suite in [Suite::Epc1, Suite::Epc2] {
        secrets.push(scheme.receipt_key(card, suite).expose().to_vec());
    }
    secrets
}

/// REQ-RUL-8: the keys for giving value cannot block under EPC1; the card is blocked all the same.
#[test]
fn a_stopped_card_is_blocked_whatever_was_asked_for() {
    for (suite, order) in [("epc1", "topup"), ("epc1", "refund"), ("epc2", "topup"), ("epc1", "pay")] {
        let desk = Desk::new(&["--suite", suite]);
        let list = desk.path().join("stopped");
        desk.run(&["balance"]).ended(0);
        std::fs::write(&list, id_in(&desk)).unwrap();
        let stopping = ["--block-stopped", "--stop-list", list.to_str().unwrap()];
        desk.run(&["pay", "100"]).ended(0);
        let unable = desk.json(1, &[&stopping[..], &["--grant", "credit,refund", "topup", "100"]].concat());
        assert!(unable["detail"].as_str().unwrap().contains("may not block it"), "{unable}");
        let blocked = desk.json(1, &[&stopping[..], &[order, "100"]].concat());
        assert!(blocked["detail"].as_str().unwrap().contains("blocked now"), "{suite} {order}: {blocked}");
        assert_eq!(desk.json(1, &["pay", "100"])["reason"], "not-active", "{suite} {order}");
        assert_eq!(Held::by(&desk).balance, 16_980, "{suite} {order}");
    }
}

/// REQ-RUL-10: resolving reads, and ACK is a write.
#[test]
fn a_card_that_was_not_named_is_only_read_when_its_records_are_resolved() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "100", "--tear", "3", "--no-retouch"]).ended(2);
    let options = Options { state: Some(desk.state()), journal: Some(desk.journal()), ..Options::default() };
    let mut app = App::open(&options).unwrap();
    let before = app.card.as_ref().unwrap().sheet().unwrap();
    let receipts = before.json["receipts"].as_array().unwrap();
    assert!(receipts.iter().any(|receipt| receipt["acknowledged"] == false), "there is something to acknowledge");
    app.terminal.config_mut().orders_for = OrdersFor::NoCard;
    let outcome = app.run(Request::Resolve, &mut NoPerson);
    assert!(matches!(outcome.settled[0].verdict, Verdict::Paid { .. }), "{outcome:?}");
    assert_eq!(app.card.as_ref().unwrap().sheet().unwrap(), before);
}

#[test]
fn a_stopped_card_gets_no_order_and_is_blocked_where_that_is_wanted() {
    let desk = Desk::new(&[]);
    let list = desk.path().join("stopped");
    std::fs::write(&list, format!("# lost\n{}\n", desk.card())).unwrap();
    let list = list.to_str().unwrap();
    let refused = desk.json(1, &["pay", "100", "--stop-list", list]);
    assert_eq!(refused["result"], "refused", "{refused}");
    assert_eq!(desk.json(0, &["pay", "100"])["result"], "paid", "without the list the card is as good as before");
    desk.json(1, &["pay", "100", "--stop-list", list, "--block-stopped"]);
    let refused = desk.json(1, &["pay", "100"]);
    assert_eq!(refused["result"], "refused", "blocked at every terminal: {refused}");
    assert_eq!(Held::by(&desk).balance, 16_980);
    desk.json(0, &["journal", "verify"]);
    std::fs::write(list, "everybody").unwrap();
    desk.run(&["pay", "100", "--stop-list", list]).ended(3);
}

#[test]
fn whoever_stops_reading_gets_no_panic() {
    let desk = Desk::new(&[]);
    for _ in 0..3 {
        desk.run(&["pay", "1"]).ended(0);
    }
    for arguments in [&["journal", "export"][..], &["demo"], &["--json", "history"], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = desk.command(arguments).stdout(Stdio::from(writer)).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn without_a_home_it_asks_for_the_files() {
    let desk = Desk::new(&[]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_untorn"));
    let ran = ran(command.env_clear().current_dir(desk.path()).arg("balance")).ended(3);
    assert!(ran.stderr.contains("HOME") && ran.stderr.contains("--journal"), "{ran:?}");
}

/// Each example of specs/json.md is run, in order and at one desk, and must have the names and kinds of values shown there.
#[test]
fn the_json_is_as_documented() {
    let text = std::fs::read_to_string("specs/json.md").unwrap();
    let desk = Desk::new(&[]);
    let mut examples = 0;
    for example in text.split("```sh\nuntorn ").skip(1) {
        let (command, rest) = example.split_once("\n```").unwrap();
        let shown = rest.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0;
        let shown: Value = serde_json::from_str(shown).unwrap();
        let arguments: Vec<&str> = command.split_whitespace().collect();
        // No service of this machine's, whose readers and cards would be listed too.
        let found = ran(desk.command(&arguments).env("PCSCLITE_CSOCK_NAME", desk.path().join("none"))).json();
        assert_eq!((&found["result"], &found["exit"]), (&shown["result"], &shown["exit"]), "{command}");
        assert_eq!(shape(&found, "$"), shape(&shown, "$"), "{command}");
        examples += 1;
    }
    assert!(examples >= 10, "{examples} examples");
}

/// Every path in a value, with the kind of what stands there; of a list, those of all its elements together.
fn shape(value: &Value, path: &str) -> BTreeSet<String> {
    let here = |kind: &str| BTreeSet::from([format!("{path}: {kind}")]);
    match value {
        Value::Null => here("null"),
        Value::Bool(_) => here("bool"),
        Value::Number(_) => here("number"),
        Value::String(_) => here("string"),
        Value::Array(items) => {
            items.iter().flat_map(|item| shape(item, &format!("{path}[]"))).chain(here("list")).collect()
        }
        Value::Object(object) => {
            object.iter().flat_map(|(name, item)| shape(item, &format!("{path}.{name}"))).collect()
        }
    }
}

#[test]
fn an_output_that_fails_turns_paid_neither_into_done_nor_into_failed() {
    let desk = Desk::new(&[]);
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let code =
        |arguments: &[&str]| desk.command(arguments).stdout(full()).stderr(Stdio::null()).status().unwrap().code();
    assert_eq!(code(&["pay", "100"]), Some(2));
    for printing in
        [&["decode", "9000"][..], &["test", "ISO-CLA-*"], &["--json", "balance"], &["--help"], &["completions", "bash"]]
    {
        assert_eq!(code(printing), Some(2), "{printing:?}");
    }
    assert_eq!(code(&["pay", "100", "--tear", "3", "--no-retouch"]), Some(2));
}

#[test]
fn a_wrong_command_line_is_json_too_where_that_was_asked_for() {
    let ran = Desk::new(&[]).run(&["--json", "pay"]).ended(3);
    assert_eq!((&ran.json()["result"], &ran.json()["exit"]), (&"error".into(), &3.into()));
}

#[test]
fn an_id_of_another_length_is_no_id() {
    let desk = Desk::new(&[]);
    for (flag, id, expected) in [
        ("--card", "554E544F524E00", "a card id has 16 hexadecimal digits; this one has 14"),
        ("--card", "554E544F524E00017", "a card id has 16 hexadecimal digits; this one has 17"),
        ("--card", "554E544F524E001", "a card id has 16 hexadecimal digits; this one has 15"),
        ("--card", "mine", "a card id has 16 hexadecimal digits: "),
        ("--of", CARD, "a transaction id has 32 hexadecimal digits; this one has 16"),
        ("--of", "last", "a transaction id has 32 hexadecimal digits: "),
        ("--terminal", "01", "a terminal id has 16 hexadecimal digits; this one has 2"),
        ("--terminal", "012", "a terminal id has 16 hexadecimal digits; this one has 3"),
    ] {
        let ran = desk.run(&["refund", "1", flag, id]).ended(3);
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
    assert!(!desk.journal().exists(), "nothing was opened");
    // A test may be of a card of any family, whose identity has another length.
    desk.run(&["test", "--list", "ISO-SEL-001", "--card", "D2760001240103040005000012340000"]).ended(0);
}

#[test]
fn only_profiles_for_people_are_offered() {
    let ran = Desk::new(&[]).run(&["--profile", "gold", "balance"]).ended(3);
    assert!(ran.stderr.contains("default, euro") && !ran.stderr.contains("vector"), "{ran:?}");
}

#[test]
fn no_directory_is_made_for_a_mistyped_file() {
    let desk = Desk::new(&[]);
    for flag in ["--state", "--journal"] {
        let ran = desk.run(&[flag, "nowhere/file", "balance"]).ended(3);
        assert!(ran.stderr.contains("there is no directory nowhere"), "{ran:?}");
        assert!(!desk.path().join("nowhere").exists());
    }
}

#[test]
fn a_trace_may_go_to_a_pipe_or_a_device() {
    let desk = Desk::new(&[]);
    desk.run(&["--trace", "/dev/null", "balance"]).ended(0);
    let ran = desk.run(&["--trace", "/dev/stdout", "balance"]).ended(0);
    assert!(ran.stdout.starts_with("{\"number\":0,") && ran.stdout.contains("The card holds"), "{ran:?}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = desk.command(&["--trace", "/dev/stdout", "pay", "1"]);
    assert_eq!(command.stdout(writer).stderr(Stdio::null()).status().unwrap().code(), Some(2), "nobody reads it");
}

#[test]
fn a_missing_a_wrong_and_an_unreadable_pin_are_told_apart() {
    let desk = Desk::new(&[]);
    std::fs::write(desk.path().join("wrong"), "975318\n").unwrap();
    std::fs::write(desk.path().join("letters"), "secret\n").unwrap();
    for (arguments, exit, reason) in [
        (&["pay", "10,001"][..], 1, "no-pin"),
        (&["pay", "10,001", "--pin-file", "wrong"], 1, "wrong-pin"),
        (&["pay", "10,001", "--pin-file", "letters"], 3, "pin-unreadable"),
        (&["pay", "10,001", "--pin-file", "missing"], 3, "pin-unreadable"),
    ] {
        let cancelled = desk.json(exit, arguments);
        assert_eq!((&cancelled["result"], &cancelled["reason"]), (&"cancelled".into(), &reason.into()), "{cancelled}");
    }
}

/// Ends only where the signal is obeyed: the test holds the pipe open and writes nothing.
#[test]
fn a_signal_ends_the_wait_for_a_pin_from_a_pipe() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let desk = Desk::new(&[]);
        let pipe = desk.path().join("pin");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let arguments = ["--json", "pay", "10,001", "--pin-file", "pin"];
        let mut child = desk.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // Opens once the program has: that is when it waits.
        let writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        let id = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
        // Nothing is in doubt: it dies of the signal, and a shell says 128 + n.
        assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()));
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("\"reason\":\"stopped\""), "{said}");
        drop(writer);
    }
}

/// The same trouble has the same code, whichever command meets it.
#[test]
fn a_damaged_journal_is_a_failure_and_the_wrong_file_a_wrong_command_line() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "1"]).ended(0);
    let whole = std::fs::read(desk.journal()).unwrap();
    let commands = [&["pay", "1"][..], &["journal", "list"], &["journal", "verify"], &["resolve"]];
    for (octets, code) in [(&whole[..whole.len() - 4096], 1), (&b"my diary"[..], 3)] {
        std::fs::write(desk.journal(), octets).unwrap();
        for arguments in commands {
            desk.run(arguments).ended(code);
        }
    }
}

#[test]
fn a_refund_is_of_what_is_left() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "700"]).ended(0);
    desk.run(&["refund", "200"]).ended(0);
    desk.run(&["refund", "100", "--tear", "3:before", "--no-retouch"]).ended(2);
    desk.run(&["resolve"]).ended(0);
    assert_eq!(desk.json(0, &["refund"])["order"]["amount"]["minor"], 500, "what did not happen counts for nothing");
    assert_eq!(Held::by(&desk).balance, 17_080);
    assert_eq!(desk.json(1, &["refund"])["reason"], "not-refundable");
}

#[test]
fn a_tear_that_never_happens_is_said() {
    let desk = Desk::new(&[]);
    assert_eq!(desk.json(0, &["pay", "10", "--tear", "3"])["torn"], true);
    assert_eq!(desk.json(1, &["pay", "999999", "--tear", "3", "--pin-file", "-"])["torn"], false);
}

/// `result`, `detail` and `exit` stand everywhere: in what each command prints, well or ill ended.
#[test]
fn every_command_has_the_names_that_all_have() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "5"]).ended(0);
    desk.run(&["--pin-file", "none", "pay", "10,001"]).ended(3);
    let sample = r#"{ "schema": 1, "untorn": "0.1.0", "statement": "toy", "binding": "in process", "seed": 7, "micros": 0,
        "interrupted": false, "shard": [1, 1], "results": [] }"#;
    std::fs::write(desk.path().join("sample.json"), sample).unwrap();
    let commands: [&[&str]; 29] = [
        &["demo"],
        &["pay", "1"],
        &["topup", "1"],
        &["refund"],
        &["balance"],
        &["history"],
        &["resolve"],
        &["pay", "1", "--tear", "3", "--no-retouch"],
        &["journal", "list", "--unresolved"],
        &["resolve", "--acknowledge", "4"],
        &["readers"],
        &["card", "info"],
        &["card", "serve", "--vpcd", "127.0.0.1:1"],
        &["card", "bench"],
        &["decode", "9000"],
        &["journal", "list"],
        &["journal", "show", "1"],
        &["journal", "totals"],
        &["journal", "verify"],
        &["card", "reset"],
        &["test", "ISO-*"],
        &["test", "--list"],
        &["report", "show", "sample.json"],
        &["report", "merge", "sample.json", "--out", "whole.json"],
        &["report", "traceability"],
        &["mutants", "--list"],
        &["explore", "--replay", "explore@1/epc1.sale/0/c2w1:erased+r0:nothing"],
        &["completions", "bash"],
        &["pay"],
    ];
    let mut met = BTreeSet::from(["export".to_owned(), "help".to_owned(), "card".to_owned(), "journal".to_owned()]);
    for arguments in commands {
        let ran = desk.run(&[&["--json"], arguments].concat());
        let object = ran.json();
        assert_eq!(object["exit"].as_i64(), ran.code.map(i64::from), "{arguments:?}: {object}");
        for name in ["result", "detail"] {
            assert!(object[name].as_str().is_some_and(|text| !text.is_empty()), "{arguments:?}: {name} in {object}");
        }
        met.extend(arguments.iter().map(ToString::to_string));
    }
    for group in [&["--help"][..], &["card", "--help"], &["journal", "--help"], &["report", "--help"]] {
        let help = desk.run(group).ended(0).stdout;
        let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
        // Deeper are further lines of a description.
        for command in listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()) {
            if command.is_empty() {
                continue;
            }
            assert!(met.contains(command), "{command} is not in this test");
        }
    }
}

/// Every example of the help is a command line that the program takes: none is answered by its usage.
#[test]
fn the_help_of_each_command_has_examples_that_parse() {
    let desk = Desk::new(&[]);
    let commands = "demo pay topup refund balance history resolve readers card decode journal test report mutants explore completions";
    for command in commands.split(' ') {
        let help = desk.run(&[command, "--help"]).ended(0).stdout;
        let examples = help.split("Examples:\n").nth(1).unwrap_or_else(|| panic!("{command} has none: {help}"));
        assert!(help.contains("Options of many commands:"), "{help}");
        let lines = examples.lines().filter_map(|line| line.trim().split("untorn ").nth(1));
        for example in lines.map(|line| line.split(['>', '(']).next().unwrap_or(line)) {
            let mut words: Vec<&str> = example.split_whitespace().collect();
            words.push("--help");
            desk.run(&words).ended(0);
            assert!(words.contains(&command), "{example}");
        }
    }
}

#[test]
fn a_journal_is_read_where_nothing_may_be_written() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "100"]).ended(0);
    let names =
        || std::fs::read_dir(desk.path()).unwrap().map(|file| file.unwrap().file_name()).collect::<BTreeSet<_>>();
    assert!(desk.run_as_reader(&["journal", "verify"]).ended(0).stdout.contains("2 lines"));
    let before = names();
    for command in ["list", "totals", "export"] {
        assert!(desk.run_as_reader(&["journal", command]).ended(0).stdout.contains("100"));
    }
    desk.run_as_reader(&["journal", "show", "1"]).ended(0);
    assert_eq!(names(), before, "nothing was left beside it");

    // A log is left: what the file alone says would be old.
    let torn = (0..100).find_map(|number| {
        let desk = Desk::new(&[]);
        desk.run(&["pay", "100"]).ended(0);
        desk.run_until(&format!("action:{number}"), &["pay", "200"]);
        let log = std::fs::metadata(format!("{}-wal", desk.journal().display()));
        log.is_ok_and(|log| log.len() > 0).then_some(desk)
    });
    let torn = torn.expect("a killed terminal leaves a log");
    std::fs::remove_file(format!("{}-shm", torn.journal().display())).unwrap();
    let ran = torn.run_as_reader(&["journal", "list"]).ended(0);
    assert!(ran.stdout.contains("200"), "the log is read too: {ran:?}");
    assert!(torn.run(&["journal", "list"]).ended(0).stdout.contains("200"), "who may write reads the log");
}

#[test]
fn too_long_an_input_is_refused_and_not_cut() {
    let desk = Desk::new(&[]);
    let decode = |length: usize| {
        let path = desk.path().join("input");
        std::fs::write(&path, "9000".repeat(length / 4)).unwrap();
        ran(desk.command(&["decode", "-", "--as", "response"]).stdin(std::fs::File::open(path).unwrap()))
    };
    decode(1 << 20).ended(0);
    let longer = decode((1 << 20) + 4).ended(3);
    assert!(longer.stdout.is_empty() && longer.stderr.contains("longer than 1048576 octets"), "{}", longer.stderr);
}
