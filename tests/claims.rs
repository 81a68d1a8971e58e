//! A verdict is about the card that was tested: what a statement claims and the card itself says otherwise is found before anything is
//! written, and ends the run.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use untorn::app::campaign::{Campaign, CampaignOptions};
use untorn::app::identity::{Identity, identify};
use untorn::app::ledger::FileLedger;
use untorn::app::{AppError, Exit};
use untorn::conformance::statement::Statement;
use untorn::family::families;
use untorn::reader::in_process::{Slot, shared};

/// What comes of a card of this profile under this statement; not an octet of its memory may be another one afterwards.
fn looked_at(profile: &str, statement: &Statement) -> Result<Identity, AppError> {
    let card = shared(families()[0].virtual_card(profile, 7, None).unwrap());
    let slot = Slot::new();
    slot.insert(card.clone());
    let folder = tempfile::tempdir().unwrap();
    let ledger = FileLedger::at(folder.path().join("ledger.json"), "");
    card.lock().unwrap().reset().unwrap();
    let image = || card.lock().unwrap().memory().image().to_vec();
    // A failed AUTH is counted in the card (REQ-AU1-2), which is no harm: the one that follows takes the count away.
    let (before, found) = (image(), identify(statement, Box::new(slot.reader("bench")), &ledger));
    assert!(found.is_err() || image() == before, "{profile}, {}: something was written", statement.name);
    found
}

fn statement(profile: &str) -> Statement {
    families()[0].statement(profile).unwrap()
}

#[test]
fn a_card_of_one_profile_is_tested_under_its_own_statement_only() {
    let profiles = families()[0].profiles();
    for card in &profiles {
        for claimed in &profiles {
            let found = looked_at(card, &statement(claimed));
            if card == claimed {
                assert!(matches!(found, Ok(Identity::Card(_))), "{card}: {found:?}");
            } else {
                let error = found.unwrap_err();
                assert!(
                    error.to_string().contains(&format!("not what the statement {claimed} claims")),
                    "{card}: {error}"
                );
                assert_eq!(error.exit(), Exit::Usage, "{card}, {claimed}");
            }
        }
    }
}

#[test]
fn each_claim_that_a_card_can_contradict_is_compared() {
    let own = || statement("default");
    let without = |claim: &str| {
        let mut statement = own();
        statement.claims.remove(claim);
        statement
    };
    let mut fewer = own();
    fewer.values.retain(|name, _| !name.ends_with(".3"));
    assert!(looked_at("default", &fewer).is_ok(), "a statement may be silent about a logical card");
    for (statement, told) in [
        (own().text("purse.currency.1", "EUR"), "currency of logical card 1: claimed EUR, the card says JPY"),
        (own().text("purse.currency.2", "392"), "currency of logical card 2: claimed JPY, the card says PTS"),
        (
            own().number("purse.operator.1", 9),
            "logical cards: claimed 1 with the keys of their operators, the card answers 6982",
        ),
        (own().number("purse.operator.3", 9), "logical cards: claimed 1, 2, 3 with"),
        (
            own().number("purse.operator.5", 1).number("purse.linear_records.5", 0).number("purse.cyclic_records.5", 0),
            "1, 2, 3, 5",
        ),
        (own().number("purse.key_version", 2), "key version: claimed 2, the card says 1"),
        (
            own().number("purse.linear_records.1", 3),
            "linear records of logical card 1: claimed 3, the card answers 6A83",
        ),
        (
            own().number("purse.linear_records.1", 1),
            "linear records of logical card 1: claimed 1, the card answers 9000",
        ),
        (own().number("purse.cyclic_records.2", 1), "cyclic records of logical card 2: claimed 1"),
        (without("purse.pin"), "a PIN: claimed no, the card says yes"),
        (own().claim("purse.on_device_verification"), "verification on the device: claimed yes, the card says no"),
        (without("purse.epc2"), "suite EPC2: claimed no, the card says yes"),
        (without("purse.epc1"), "suite EPC1: claimed no, the card says yes"),
        (own().text("identity.number", "0000000000000001"), "its number: claimed 0000000000000001"),
    ] {
        let error = looked_at("default", &statement).unwrap_err().to_string();
        assert!(error.contains(told), "expected {told:?}, got {error}");
    }
    let number = looked_at("default", &own()).unwrap();
    assert!(looked_at("default", &own().text("identity.number", &number.name().to_lowercase())).is_ok());
}

/// In this process too, where a file claims something else than the profile of which the virtual cards are made.
#[test]
fn a_virtual_card_is_held_against_a_statement_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statement.toml");
    let open = |currency: &str| {
        let text = format!(
            "name = 'mine'\nclaims = ['purse', 'purse.epc2']\n[values]\n'purse.keys' = 'test'\n'purse.ring' = 16\n\
             'purse.operator.1' = 1\n'purse.linear_records.1' = 2\n'purse.cyclic_records.1' = 4\n'purse.currency.1' = '{currency}'\n"
        );
        std::fs::write(&path, text.replace("'purse.epc2'", "'purse.epc2', 'purse.on_device_verification'")).unwrap();
        let options = CampaignOptions {
            profile: "phone".to_owned(),
            statement: Some(path.clone()),
            ..CampaignOptions::default()
        };
        Campaign::open(&options).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(open("JPY"), Ok(()));
    let refused = open("EUR").unwrap_err();
    assert!(refused.contains("currency of logical card 1: claimed EUR, the card says JPY"), "{refused}");
}
