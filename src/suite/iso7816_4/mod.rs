//! Organisation, security and commands for interchange (ISO/IEC 7816-4:2020), for any card. specs/iso7816_4.md says what a statement
//! gives and what is asked for; each file is about one clause of it.

mod answer_to_reset;
mod case;
mod chaining;
mod channels;
mod class;
mod client;
pub mod declared;
mod extended_length;
mod get_response;
mod instruction;
mod length;
mod refusal;
mod selection;

use self::case::is_first;
use crate::conformance::case::Case;
use crate::conformance::review::with_values;
use crate::conformance::wanted::Wanted;

/// Name of the suite.
const SUITE: &str = "iso7816_4";

/// Its cases, in the order in which they run.
pub fn cases() -> Vec<Case> {
    let cases = [
        answer_to_reset::cases(),
        selection::cases(),
        class::cases(),
        instruction::cases(),
        length::cases(),
        chaining::cases(),
        get_response::cases(),
        extended_length::cases(),
        channels::cases(),
    ]
    .concat();
    // What others are behind runs before them.
    let (first, others): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| is_first(&case.id));
    let cases = [first, others].concat();
    // The table of specs/iso7816_4.md, "What a statement gives".
    let value = |name: &str| Wanted::text(&format!("iso7816_4.{name}"));
    let table = [
        ("iso7816_4", value("aid")),
        ("iso7816_4.read", value("read_command")),
        ("iso7816_4.get_response", value("long_answer")),
        ("iso7816_4.chaining", value("chained_command")),
        ("iso7816_4.chaining_limit", Wanted::number("iso7816_4.chain_len_max")),
        ("iso7816_4.second_application", value("second_aid")),
        ("iso7816_4", value("select_class").optional()),
        ("iso7816_4", value("select_p2").optional()),
        ("iso7816_4", value("select_le").optional()),
        ("iso7816_4", value("get_response_class").optional()),
        ("iso7816_4", value("words.*").optional()),
        ("iso7816_4.read", value("read_le").optional()),
        ("iso7816_4.logical_channels", value("open_le").optional()),
        ("iso7816_4.logical_channels", value("close_from").optional()),
    ];
    with_values(cases, &table).into_iter().map(|case| case.of_suite(SUITE)).collect()
}
