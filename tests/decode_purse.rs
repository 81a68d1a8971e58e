//! `untorn decode` explains what passes between a terminal and a purse: a whole log from the SELECT on, one command or answer by its own
//! contents, and the plain text where the log, or another one, holds the keys.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What the program says to this input.
#[track_caller]
fn fed(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a terminal of this suite exchanged with a virtual card in one sale of 380 JPY.
fn trace_of_a_sale(folder: &Path, suite: &str) -> String {
    let file = |name: &str| folder.join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
    command.args(["--seed", "7", "--suite", suite, "pay", "380"]);
    for (option, name) in [("--trace", "trace"), ("--state", "card"), ("--journal", "journal")] {
        command.arg(option).arg(file(name));
    }
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    std::fs::read_to_string(file("trace")).unwrap()
}

fn json(arguments: &[&str], input: &str) -> Value {
    serde_json::from_str(&fed(&[&["--json", "decode"], arguments].concat(), input)).unwrap()
}

/// The log of GlobalPlatformPro and its kin in place of our own JSON lines.
fn as_arrows(trace: &str) -> String {
    let lines = trace.lines().filter_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        let arrow = match event["event"].as_str().unwrap() {
            "command" => ">>",
            "response" => "<<",
            _ => return None,
        };
        Some(format!("{arrow} {}\n", event["octets"].as_str().unwrap()))
    });
    lines.collect()
}

/// Everything that a listing must say of a sale, whoever wrote the log down.
const OF_A_SALE: [&str; 6] = [
    "INS A4: SELECT",
    "INS 86: AUTH",
    "TID, the terminal",
    "INS D8: TRANSACT",
    "expTC, transaction counter expected 00 00 00 01: 1",
    "amount 00 00 01 7C: 380 JPY",
];

#[test]
fn a_log_that_selects_the_purse_is_explained_by_the_purse() {
    let folder = tempfile::tempdir().unwrap();
    let trace = trace_of_a_sale(folder.path(), "epc1");
    for log in [trace.clone(), as_arrows(&trace)] {
        let told = fed(&["decode"], &log);
        for wanted in OF_A_SALE {
            assert!(told.contains(wanted), "{wanted:?} in\n{told}");
        }
        assert!(!told.contains("PUT KEY"), "{told}");
    }
    // Without the purse's SELECT the same octets are another card's.
    let other = as_arrows(&trace).replace("F04550555253450001", "A00000015100000001");
    assert!(!fed(&["decode"], &other).contains("TRANSACT"), "{other}");
}

#[test]
fn the_json_of_a_log_has_the_fields() {
    let folder = tempfile::tempdir().unwrap();
    let told = json(&[], &trace_of_a_sale(folder.path(), "epc1"));
    let exchanges = told["exchanges"].as_array().unwrap();
    let transact = exchanges.iter().find(|one| one["explanation"]["summary"] == "TRANSACT: debit of 380 JPY").unwrap();
    assert_eq!(transact["explanation"]["family"], "purse");
    let fields = transact["explanation"]["fields"].as_array().unwrap();
    let cipher = fields.iter().find(|field| field["name"] == "cipher text").unwrap();
    assert_eq!(cipher["plain"]["how"], "deciphered with public test keys");
    assert_eq!(cipher["plain"]["fields"][1]["meaning"], "1");
}

/// The SELECT, AUTH and answer to SELECT say themselves whose they are.
#[test]
fn one_command_or_answer_alone_is_read_as_the_familys_where_it_fits() {
    for (suite, wanted) in [
        ("epc1", ["application identifier", "Nt", "C2 Nc", "INS D8: TRANSACT"]),
        ("epc2", ["application identifier", "Et, ephemeral key of the terminal", "C4 Ec", "INS D8: TRANSACT"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let trace = trace_of_a_sale(folder.path(), suite);
        let octets: Vec<String> =
            as_arrows(&trace).lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect();
        let [select, r0, auth] = [&octets[0], &octets[1], &octets[2]];
        let transact = octets.iter().find(|octets| octets.starts_with("84D8")).unwrap();
        for (octets, wanted) in [select, auth, r0, transact].into_iter().zip(wanted) {
            let told = fed(&["decode", octets], "");
            assert!(told.contains(wanted), "{suite}: {wanted} in\n{told}");
            assert_eq!(json(&[octets], "")["explanation"]["family"], "purse", "{octets}");
            let format = if octets == r0 { "response" } else { "command" };
            assert!(!fed(&["decode", octets, "--as", format], "").contains("family purse"), "{octets}");
        }
    }
}

/// Commands that only share an instruction with the purse: PUT KEY, STORE DATA, GENERATE APPLICATION CRYPTOGRAM of other cards.
#[test]
fn what_only_shares_an_instruction_is_no_command_of_the_purse() {
    for octets in [
        "80D8000110112233445566778899AABBCCDDEEFF00",
        "84D80181081122334455667788",
        "80AE80000B0000000000000000000000",
        "80860000081122334455667788",
        "00A404000CA00000015153504100000000",
    ] {
        let told = json(&[octets], "");
        assert_eq!(told["explanation"].get("family"), None, "{octets}: {told}");
        assert!(!fed(&["decode", octets], "").contains("purse"), "{octets}");
    }
}

/// The logs of a suite's cases hold the keys of EPC2. They open themselves, and the same exchanges written down without them.
#[test]
fn keys_come_with_the_log_or_from_another() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut run = Command::new(env!("CARGO_BIN_EXE_untorn"));
    let ran = run.args(["test", "purse", "TRX-DEBIT-001", "--out"]).arg(&out).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let (path, log) = log_with_keys(&out);
    let open = fed(&["decode"], &log);
    assert!(open.contains("plain text, "), "{open}");
    let bare = log.lines().filter(|line| !line.contains("\"key\"")).collect::<Vec<_>>().join("\n") + "\n";
    assert!(!fed(&["decode"], &bare).contains("expTC"));
    assert_eq!(fed(&["decode", "--key-log", path.to_str().unwrap()], &bare), open);
}

/// On the virtual card the trace of a sale under EPC2 opens itself; its PIN stays masked in the plain text too.
#[test]
fn a_trace_of_the_virtual_card_opens_itself_under_both_suites() {
    for suite in ["epc1", "epc2"] {
        let folder = tempfile::tempdir().unwrap();
        let trace = trace_of_a_sale(folder.path(), suite);
        assert_eq!(trace.contains("\"event\":\"key\""), suite == "epc2", "{trace}");
        let told = fed(&["decode"], &trace);
        for wanted in OF_A_SALE.iter().filter(|wanted| suite == "epc1" || !wanted.contains("TID")) {
            assert!(told.contains(wanted), "{suite}: {wanted:?} in\n{told}");
        }
        assert!(!told.contains("keys are not known"), "{told}");
        untorn::reader::replay::Replay::parse(&trace).unwrap();
    }
}

/// A log of the folder that holds keys.
fn log_with_keys(folder: &Path) -> (PathBuf, String) {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut logs = files.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    logs.find_map(|path| {
        let text = std::fs::read_to_string(&path).ok()?;
        text.contains("\"event\":\"key\"").then_some((path, text))
    })
    .expect("a log with a key")
}

#[test]
fn a_file_without_keys_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, "no key\n").unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_untorn")).args(["decode", "9000", "--key-log"]).arg(&path).output();
    let ran = ran.unwrap();
    assert_eq!(ran.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("holds no keys"), "{ran:?}");
}
