//! How a case of this suite begins: what it needs, and which cases it is behind.

use crate::conformance::case::Case;

/// The cases that show that a part can be tried at all, by the claim for it; the others of this claim are behind them.
const FIRST: [(&str, &str); 4] = [
    ("", "ISO-SEL-009"),
    ("read", "ISO-SEL-010"),
    ("get_response", "ISO-GRS-008"),
    ("logical_channels", "ISO-LCH-013"),
];

/// Whether others are behind this case.
pub(super) fn is_first(id: &str) -> bool {
    id == "ISO-ATR-001" || FIRST.iter().any(|(_, first)| *first == id)
}

/// A case for cards that claim `iso7816_4` and these parts of it.
pub(super) fn case(id: &str, purpose: &str, parts: &[&str]) -> Case {
    let case = Case::new(id, purpose).needs(&["iso7816_4"]);
    let case = parts.iter().fold(case, |case, part| case.needs(&[&format!("iso7816_4.{part}")]));
    let first = FIRST.iter().filter(|(part, _)| part.is_empty() || parts.contains(part));
    // Not behind itself, nor behind one that comes later.
    let first = first.take_while(|(_, first)| *first != id);
    first.fold(case, |case, (_, first)| case.behind(first))
}
