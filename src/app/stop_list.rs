//! The stop list of a desk without an upper system: a text file.

use std::collections::BTreeSet;
use std::path::Path;

use super::{AppError, read_text};
use crate::journal::record::CardReference;
use crate::quoted::quoted;
use crate::wire::hex;

/// Octets of a line that can be an id: two digits an octet, and spaces.
const ID_MAX: usize = 64;

/// One card id of so many hex digits a line; empty lines and what follows `#` count for nothing.
pub(super) fn read(path: &Path, digits: usize) -> Result<BTreeSet<CardReference>, AppError> {
    let shown = path.display();
    let text = read_text("read the stop list", path)?;
    parse(&text, digits).map_err(|reason| AppError::Usage(format!("{shown} is not a valid stop list: {reason}")))
}

fn parse(text: &str, digits: usize) -> Result<BTreeSet<CardReference>, String> {
    let ids = text.lines().enumerate().filter_map(|(index, line)| {
        let id = line.split('#').next().unwrap_or_default().trim();
        (!id.is_empty()).then_some((index + 1, id))
    });
    ids.map(|(line, id)| {
        let octets =
            (id.len() <= ID_MAX).then(|| hex::parse(id).ok()).flatten().filter(|octets| 2 * octets.len() == digits);
        let expected = || format!("line {line}: expected a card id of {digits} hex digits, got {}", quoted(id));
        Ok(CardReference(hex::encode(&octets.ok_or_else(expected)?)))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_remarks_and_nothing_else() {
        let list = parse("# lost\n\n554e544f524e0001  # reported on Monday\n0102030405060708\n", 16).unwrap();
        let ids: Vec<_> = list.iter().map(|card| card.0.as_str()).collect();
        assert_eq!(ids, ["0102030405060708", "554E544F524E0001"]);
        assert!(parse("554E544F524E00", 16).unwrap_err().contains("line 1"));
        assert!(parse("\nall of them\n", 16).unwrap_err().contains("line 2"));
    }
}
