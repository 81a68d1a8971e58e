//! What a profile claims, and what a test needs to know of its card.

use crate::conformance::statement::{SecretText, Statement};
use crate::conformance::wanted::Wanted;
use crate::family::purse::data::Suite;
use crate::family::purse::data::session::CERTIFICATE_LEN;
use crate::family::purse::issuer::Scheme;
use crate::family::purse::profile::PurseProfile;
use crate::wire::hex;

/// The claims of every virtual card: they are its chip's.
const CHIP: &[&str] = &[
    "iso7816_4",
    "iso7816_4.chaining",
    "iso7816_4.chaining_limit",
    "iso7816_4.extended_length",
    "iso7816_4.get_response",
    "iso7816_4.logical_channels",
    "iso7816_4.read",
    "iso7816_4.shareable",
    "iso7816_4.strict",
];

/// ICS and IXIT of a card of this profile.
pub(in crate::family::purse) fn statement(profile: &PurseProfile) -> Statement {
    let offers = |suite| profile.suites.contains(&suite);
    let chip = CHIP.iter().map(|claim| (*claim, true));
    let purse = [
        ("purse", true),
        ("purse.epc1", offers(Suite::Epc1)),
        ("purse.epc2", offers(Suite::Epc2)),
        ("purse.pin", profile.pin.is_some()),
        ("purse.many", profile.logical_cards.len() > 1),
        ("purse.on_device_verification", profile.on_device_verification),
    ];
    let claims = chip.chain(purse).filter(|(_, claimed)| *claimed).map(|(claim, _)| claim.to_owned()).collect();
    let mut statement = Statement { name: profile.name.clone(), claims, ..Statement::default() }
        .text("iso7816_4.aid", &hex::encode(&crate::family::purse::data::AID))
        .text("iso7816_4.read_command", "00CA0100")
        .text("iso7816_4.long_answer", "00CA0101")
        .text("iso7816_4.chained_command", &refused_auth(profile))
        .number("iso7816_4.chain_len_max", 512)
        .text("iso7816_4.get_response_class", "00")
        .text("purse.keys", "test")
        .number("purse.key_version", u64::from(Scheme::KEY_VERSION))
        .number("purse.ring", u64::from(profile.ring));
    if let Some(pin) = &profile.pin {
        let digits = pin.expose().iter().map(|digit| char::from(*digit)).collect::<String>();
        statement.secrets.insert("purse.pin".to_owned(), SecretText::new(digits));
        statement = statement.number("purse.pin_tries", u64::from(profile.pin_tries));
    }
    for logical in &profile.logical_cards {
        for (name, number) in [
            ("operator", logical.operator),
            ("linear_records", logical.linear_records.into()),
            ("cyclic_records", logical.cyclic_records.into()),
        ] {
            statement = statement.number(&format!("purse.{name}.{}", logical.id), u64::from(number));
        }
        statement = statement.text(&format!("purse.currency.{}", logical.id), &logical.currency.to_string());
    }
    statement
}

/// The one command that may be chained: an AUTH of zeros. Whole it has the length of one and answers 6982, half of it 6700.
fn refused_auth(profile: &PurseProfile) -> String {
    let (header, len) = if profile.suites.contains(&Suite::Epc1) {
        ("80860101", 8 + 8 + 8)
    } else {
        ("80860201", 64 + CERTIFICATE_LEN + 16)
    };
    header.to_owned() + &"00".repeat(len)
}

/// The values that a claim needs, of a card and of a terminal.
pub(super) fn values() -> Vec<(&'static str, Wanted)> {
    vec![
        ("purse", Wanted::text("purse.keys")),
        ("purse", Wanted::number("purse.ring")),
        ("purse", Wanted::number("purse.operator.*")),
        ("purse", Wanted::number("purse.linear_records.*")),
        ("purse", Wanted::number("purse.cyclic_records.*")),
        ("purse", Wanted::number("purse.sequences").optional()),
        ("purse", Wanted::number("purse.key_version").optional()),
        ("purse", Wanted::text("purse.currency.*").optional()),
        ("purse.pin", Wanted::number("purse.pin_tries")),
        ("purse.pin", Wanted::secret("purse.pin")),
        ("terminal", Wanted::text("terminal.card_profile")),
    ]
}
