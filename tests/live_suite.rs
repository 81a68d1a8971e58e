//! The suite through real PC/SC: the same cases on the same virtual cards, in this process and behind pcscd and vpcd, come to the same
//! verdicts.

#![cfg(feature = "pcsc")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::process::Command;

use support::pcscd::{Pcscd, READER};
use untorn::app::campaign::{Campaign, CampaignOptions};
use untorn::app::run_folder;
use untorn::conformance::result::TestReport;
use untorn::conformance::runner::{Unobserved, run};
use untorn::conformance::selection::Selection;
use untorn::conformance::verdict::Verdict;
use untorn::reader::vpcd::LiftWhen;

fn report(options: &CampaignOptions, patterns: &[&str]) -> TestReport {
    let mut campaign = Campaign::open(options).unwrap();
    let (cases, mut subjects) = campaign.parts();
    let patterns = patterns.iter().map(ToString::to_string).collect();
    let cards = Selection { patterns, ..Selection::default() };
    run(cases, &cards, &mut subjects, 1, &mut Unobserved)
}

#[test]
fn the_same_verdicts_through_pcsc() {
    let Some(pcscd) = Pcscd::start() else { return };
    let options = |reader: Option<&str>, mutant: Option<&str>| CampaignOptions {
        profile: "default".to_owned(),
        reader: reader.map(str::to_owned),
        serve: reader.map(|_| pcscd.address()),
        mutant: mutant.map(str::to_owned),
        ..CampaignOptions::default()
    };
    // With the defect only where it is noticed: that failures are the same too.
    for (mutant, patterns) in [(None, &["iso7816_4", "purse"][..]), (Some("debit-twice"), &["TRX-*", "TRN-*"])] {
        let (here, there) =
            (report(&options(None, mutant), patterns), report(&options(Some(READER), mutant), patterns));
        let fails = here.results.iter().any(|result| result.verdict() == Some(Verdict::Fail));
        assert_eq!(fails, mutant.is_some());
        for (here, there) in here.results.iter().zip(&there.results) {
            let verdicts = (here.verdict(), there.verdict());
            assert_eq!(verdicts.0, verdicts.1, "{}: {:?}, {:?}", here.id, here.reason(), there.reason());
        }
        println!("{} cases with mutant {mutant:?}, {} ms through PC/SC", there.results.len(), there.micros / 1000);
    }
}

/// A card that nobody has named is only read.
#[test]
fn a_real_reader_gets_nothing_written_unasked() {
    let Some(pcscd) = Pcscd::start() else { return };
    let card = support::purse::ServedPurse::present(
        &pcscd,
        &[untorn::family::purse::data::Suite::Epc1, untorn::family::purse::data::Suite::Epc2],
        untorn::family::purse::data::CardId([0x42; 8]),
    );
    let before = card.inspect();
    let folder = tempfile::tempdir().unwrap();
    let untorn = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
        command
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .args(["test", "--reader", READER])
            .args(arguments);
        command.output().unwrap()
    };
    let ran = untorn(&[]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("4242424242424242"), "{said}");
    assert_eq!(card.inspect(), before);
    let kept = |runs: usize| {
        let folders = std::fs::read_dir(folder.path().join("runs")).unwrap().map(|entry| entry.unwrap().path());
        let mut folders: Vec<_> = folders.collect();
        folders.sort();
        assert_eq!(folders.len(), runs, "what a real card did is kept");
        run_folder::read(folders.last().unwrap()).unwrap()
    };
    let report = kept(1);
    let token = report.results.iter().find(|result| result.id == "ISO-CLA-001").unwrap().replay.clone();
    let again = untorn(&["--replay", token.split_whitespace().next().unwrap()]);
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    let repeated = kept(2);
    assert_eq!(repeated.results.len(), 1);
    assert!(repeated.results[0].id == "ISO-CLA-001" && !repeated.results[0].evidence.is_empty());
    assert_eq!(untorn(&["--card", "4141414141414141"]).status.code(), Some(3));
    let other = untorn(&["--profile", "euro", "--card", "4242424242424242", "purse", "SEL*"]);
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(other.status.code() == Some(3) && said.contains("claimed EUR, the card says JPY"), "{said}");
    assert_eq!(card.inspect(), before);
}

/// What only the card can tell of an open order is not pushed out of its memory by a test: whoever wants that has to say so.
#[test]
fn a_card_with_an_open_order_is_not_written_to_unasked() {
    let Some(pcscd) = Pcscd::start() else { return };
    let card = support::purse::ServedPurse::present(
        &pcscd,
        &[untorn::family::purse::data::Suite::Epc1, untorn::family::purse::data::Suite::Epc2],
        untorn::family::purse::data::CardId([0x42; 8]),
    );
    let folder = tempfile::tempdir().unwrap();
    let untorn = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
        command.current_dir(folder.path()).env("HOME", folder.path()).args(words.split(' '));
        command.args(["--reader", READER, "--journal", "journal.db"]).output().unwrap()
    };
    // SELECT and AUTH are before it.
    card.lift_at(2, LiftWhen::AfterExecution);
    let torn = untorn("pay 100 --card 4242424242424242 --wait 1");
    assert_eq!(torn.status.code(), Some(2), "{}", String::from_utf8_lossy(&torn.stderr));
    card.put_back();
    let before = card.inspect();
    for words in ["test purse SEL* --card 4242424242424242", "test ISO-CLA-001 --card 4242424242424242"] {
        let refused = untorn(words);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(3), "{said}");
        assert!(said.contains("order 000001, sale of 100 JPY, is open on card 4242424242424242"), "{said}");
        assert!(said.contains("untorn resolve") && said.contains("--force"), "{said}");
    }
    assert_eq!(card.inspect(), before);
    // What only reads goes on, and so does who says it.
    for words in ["test ISO-CLA-001", "test ISO-CLA-001 --force --card 4242424242424242"] {
        let ran = untorn(words);
        assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    assert_eq!(untorn("resolve --wait 1").status.code(), Some(0));
    let ran = untorn("test ISO-CLA-001 --card 4242424242424242");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}
