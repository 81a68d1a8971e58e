//! The suite through real PC/SC: the same cases on the same virtual cards, in this process and behind pcscd and vpcd, come to the same
//! verdicts.

#![cfg(feature = "pcsc")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where something is missing")]

mod support;

use std::process::Command;

use support::pcscd::{Pcscd, READER};
use untorn::app::campaign::{Campaign, CampaignOptions};
use untorn::conformance::result::TestReport;
use untorn::conformance::runner::{Unobserved, run};
use untorn::conformance::selection::Selection;

fn report(options: &CampaignOptions) -> TestReport {
    let mut campaign = Campaign::open(options).unwrap();
    let (cases, mut subjects) = campaign.parts();
    let cards = Selection { patterns: vec!["iso7816_4".to_owned(), "purse".to_owned()], ..Selection::default() };
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
    for mutant in [None, Some("debit-twice")] {
        let (here, there) = (report(&options(None, mutant)), report(&options(Some(READER), mutant)));
        assert!(here.results.iter().any(|result| result.verdict().is_some()));
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
    assert!(folder.path().join("runs").is_dir(), "what a real card did is kept");
    assert_eq!(untorn(&["--card", "4141414141414141"]).status.code(), Some(3));
}
