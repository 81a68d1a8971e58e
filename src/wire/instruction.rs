//! What instructions are called (ISO/IEC 7816-4:2020, 5.5, table 4, which lists those of the other parts too).

use super::class::{Class, Range};

/// Name and values of each. An odd value is the same command with BER-TLV data.
const NAMES: &[(&str, &[u8])] = &[
    ("DEACTIVATE FILE", &[0x04]),
    ("DEACTIVATE RECORD", &[0x06]),
    ("ACTIVATE RECORD", &[0x08]),
    ("ERASE RECORD", &[0x0C]),
    ("ERASE BINARY", &[0x0E, 0x0F]),
    ("PERFORM SCQL OPERATION", &[0x10]),
    ("PERFORM TRANSACTION OPERATION", &[0x12]),
    ("PERFORM USER OPERATION", &[0x14]),
    ("VERIFY", &[0x20, 0x21]),
    ("MANAGE SECURITY ENVIRONMENT", &[0x22]),
    ("CHANGE REFERENCE DATA", &[0x24, 0x25]),
    ("DISABLE VERIFICATION REQUIREMENT", &[0x26]),
    ("ENABLE VERIFICATION REQUIREMENT", &[0x28]),
    ("PERFORM SECURITY OPERATION", &[0x2A, 0x2B]),
    ("RESET RETRY COUNTER", &[0x2C, 0x2D]),
    ("PERFORM BIOMETRIC OPERATION", &[0x2E, 0x2F]),
    ("COMPARE", &[0x33]),
    ("GET ATTRIBUTE", &[0x34, 0x35]),
    ("APPLICATION MANAGEMENT REQUEST", &[0x40, 0x41]),
    ("ACTIVATE FILE", &[0x44]),
    ("GENERATE ASYMMETRIC KEY PAIR", &[0x46, 0x47]),
    ("MANAGE CHANNEL", &[0x70]),
    ("EXTERNAL (/ MUTUAL) AUTHENTICATE", &[0x82]),
    ("GET CHALLENGE", &[0x84]),
    ("GENERAL AUTHENTICATE", &[0x86, 0x87]),
    ("INTERNAL AUTHENTICATE", &[0x88]),
    ("SEARCH BINARY", &[0xA0, 0xA1]),
    ("SEARCH RECORD", &[0xA2]),
    ("SELECT", &[0xA4]),
    ("SELECT DATA", &[0xA5]),
    ("READ BINARY", &[0xB0, 0xB1]),
    ("READ RECORD", &[0xB2, 0xB3]),
    ("GET RESPONSE", &[0xC0]),
    ("ENVELOPE", &[0xC2, 0xC3]),
    ("GET DATA", &[0xCA, 0xCB]),
    ("GET NEXT DATA", &[0xCC, 0xCD]),
    ("MANAGE DATA", &[0xCF]),
    ("WRITE BINARY", &[0xD0, 0xD1]),
    ("WRITE RECORD", &[0xD2]),
    ("UPDATE BINARY", &[0xD6, 0xD7]),
    ("PUT NEXT DATA", &[0xD8, 0xD9]),
    ("PUT DATA", &[0xDA, 0xDB]),
    ("UPDATE RECORD", &[0xDC, 0xDD]),
    ("UPDATE DATA", &[0xDE, 0xDF]),
    ("CREATE FILE", &[0xE0]),
    ("APPEND RECORD", &[0xE2]),
    ("DELETE FILE", &[0xE4]),
    ("TERMINATE DF", &[0xE6]),
    ("TERMINATE EF", &[0xE8]),
    ("LOAD APPLICATION", &[0xEA, 0xEB]),
    ("REMOVE APPLICATION", &[0xEC, 0xED]),
    ("DELETE DATA", &[0xEE]),
    ("TERMINATE CARD USAGE", &[0xFE]),
];

/// The interindustry name of the command with this class and instruction. `None` for an instruction that has none, and in a proprietary
/// class, where each application gives its own meanings: a wrong name would be worse than none.
///
/// ```
/// use untorn::wire::instruction::name;
/// assert_eq!(name(0x00, 0xCA), Some("GET DATA"));
/// assert_eq!(name(0x0C, 0x82), Some("EXTERNAL (/ MUTUAL) AUTHENTICATE"), "with secure messaging");
/// assert_eq!(name(0x80, 0xCA), None);
/// ```
pub fn name(cla: u8, ins: u8) -> Option<&'static str> {
    let interindustry = matches!(Class(cla).range(), Range::First | Range::Further);
    NAMES.iter().find(|(_, values)| interindustry && values.contains(&ins)).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_name_and_none_is_a_procedure_octet() {
        let mut all: Vec<u8> = NAMES.iter().flat_map(|(_, values)| values.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        // ISO/IEC 7816-4:2020, 5.5: 6X and 9X are none.
        assert!(all.iter().all(|ins| !matches!(ins >> 4, 6 | 9)));
    }

    /// The crate `iso7816` has eleven of them, from another hand.
    #[test]
    fn the_names_are_those_that_others_know() {
        let spaced = |name: &str| {
            let capitals = |letter: char| [letter.is_uppercase().then_some(' '), Some(letter.to_ascii_uppercase())];
            name.chars().flat_map(capitals).flatten().collect::<String>().trim().to_owned()
        };
        let known = (0..=u8::MAX).map(|ins| (ins, iso7816::Instruction::from(ins)));
        let known: Vec<_> = known.filter(|(_, known)| !matches!(known, iso7816::Instruction::Unknown(_))).collect();
        assert_eq!(known.len(), 11);
        for (ins, theirs) in known {
            assert_eq!(name(0x00, ins), Some(spaced(&format!("{theirs:?}")).as_str()), "{ins:02X}");
        }
    }

    #[test]
    fn a_proprietary_class_has_names_of_its_own() {
        for (cla, expected) in [
            (0x00, true),
            (0x1F, true),
            (0x20, false),
            (0x40, true),
            (0x7F, true),
            (0x80, false),
            (0x84, false),
            (0xFF, false),
        ] {
            assert_eq!(name(cla, 0xA4).is_some(), expected, "{cla:02X}");
        }
    }
}
