//! What PC/SC Workgroup, Interoperability Specification, Part 3 (2.02) and its supplemental document give numbers to: storage cards
//! and the commands that a reader carries out itself.

/// The registered application provider of the PC/SC Workgroup.
pub(crate) const RID: [u8; 5] = [0xA0, 0x00, 0x00, 0x03, 0x06];

/// The standard that a storage card follows, SS (supplemental document).
pub(crate) const fn standard(standard: u8) -> Option<&'static str> {
    Some(match standard {
        0x00 => "no information",
        0x01 => "ISO/IEC 14443 A, part 1",
        0x02 => "ISO/IEC 14443 A, part 2",
        0x03 => "ISO/IEC 14443 A, part 3",
        0x05 => "ISO/IEC 14443 B, part 1",
        0x06 => "ISO/IEC 14443 B, part 2",
        0x07 => "ISO/IEC 14443 B, part 3",
        0x09 => "ISO/IEC 15693, part 1",
        0x0A => "ISO/IEC 15693, part 2",
        0x0B => "ISO/IEC 15693, part 3",
        0x0C => "ISO/IEC 15693, part 4",
        0x0D => "contact card, ISO/IEC 7816-10, I2C",
        0x0E => "contact card, ISO/IEC 7816-10, extended I2C",
        0x0F => "contact card, ISO/IEC 7816-10, 2-wire",
        0x10 => "contact card, ISO/IEC 7816-10, 3-wire",
        0x11 => "FeliCa",
        0x40 => "low frequency contactless",
        _ => return None,
    })
}

/// The name of a storage card, NN (supplemental document; from F000 on the names that ACS writes, from its readers' manuals).
pub(crate) fn card_name(number: u16) -> Option<&'static str> {
    CARD_NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

const CARD_NAMES: &[(u16, &str)] = &[
    (0x0000, "no name given"),
    (0x0001, "MIFARE Classic 1K"),
    (0x0002, "MIFARE Classic 4K"),
    (0x0003, "MIFARE Ultralight"),
    (0x0004, "SLE55R_XXXX"),
    (0x0006, "SR176"),
    (0x0007, "SRI X4K"),
    (0x0008, "AT88RF020"),
    (0x0009, "AT88SC0204CRF"),
    (0x000A, "AT88SC0808CRF"),
    (0x000B, "AT88SC1616CRF"),
    (0x000C, "AT88SC3216CRF"),
    (0x000D, "AT88SC6416CRF"),
    (0x000E, "SRF55V10P"),
    (0x000F, "SRF55V02P"),
    (0x0010, "SRF55V10S"),
    (0x0011, "SRF55V02S"),
    (0x0012, "TAG-IT"),
    (0x0013, "LRI512"),
    (0x0014, "ICODE SLI"),
    (0x0015, "TEMPSENS"),
    (0x0016, "I.CODE1"),
    (0x0017, "PicoPass 2K"),
    (0x0018, "PicoPass 2KS"),
    (0x0019, "PicoPass 16K"),
    (0x001A, "PicoPass 16Ks"),
    (0x001B, "PicoPass 16K (8x2)"),
    (0x001C, "PicoPass 16KS (8x2)"),
    (0x001D, "PicoPass 32KS (16+16)"),
    (0x001E, "PicoPass 32KS (16+8x2)"),
    (0x001F, "PicoPass 32KS (8x2+16)"),
    (0x0020, "PicoPass 32KS (8x2+8x2)"),
    (0x0021, "LRI64"),
    (0x0022, "I.CODE UID"),
    (0x0023, "I.CODE EPC"),
    (0x0024, "LRI12"),
    (0x0025, "LRI128"),
    (0x0026, "MIFARE Mini"),
    (0x0027, "my-d move (SLE 66R01P)"),
    (0x0028, "my-d NFC (SLE 66RxxP)"),
    (0x0029, "my-d proximity 2 (SLE 66RxxS)"),
    (0x002A, "my-d proximity enhanced (SLE 55RxxE)"),
    (0x002B, "my-d light (SRF 55V01P)"),
    (0x002C, "PJM Stack Tag (SRF 66V10ST)"),
    (0x002D, "PJM Item Tag (SRF 66V10IT)"),
    (0x002E, "PJM Light (SRF 66V01ST)"),
    (0x002F, "Jewel Tag"),
    (0x0030, "Topaz NFC Tag"),
    (0x0031, "AT88SC0104CRF"),
    (0x0032, "AT88SC0404CRF"),
    (0x0033, "AT88RF01C"),
    (0x0034, "AT88RF04C"),
    (0x0035, "i-Code SL2"),
    (0x0036, "MIFARE Plus SL1 2K"),
    (0x0037, "MIFARE Plus SL1 4K"),
    (0x0038, "MIFARE Plus SL2 2K"),
    (0x0039, "MIFARE Plus SL2 4K"),
    (0x003A, "MIFARE Ultralight C"),
    (0x003B, "FeliCa"),
    (0x003C, "Melexis Sensor Tag (MLX90129)"),
    (0x003D, "MIFARE Ultralight EV1"),
    (0xF004, "Topaz or Jewel (ACS)"),
    (0xF011, "FeliCa at 212 kbit/s (ACS)"),
    (0xF012, "FeliCa at 424 kbit/s (ACS)"),
    (0xFF28, "JCOP 30 (ACS)"),
    (0xFF40, "peer with NFC-DEP (ACS)"),
    (0xFF88, "Infineon MIFARE Classic 1K (ACS)"),
];

/// What the reader does for a command of class FF; the parameter tells apart what shares an instruction.
pub(crate) const fn command_name(ins: u8, p1: u8, p2: u8) -> Option<&'static str> {
    Some(match (ins, p1, p2) {
        (0xCA, 0x00, _) => "GET DATA: the identifier (UID) of the card",
        (0xCA, 0x01, _) => "GET DATA: the historical octets of the card's ATS",
        (0xCA, ..) => "GET DATA",
        (0x82, ..) => "LOAD KEYS",
        (0x86 | 0x88, ..) => "GENERAL AUTHENTICATE",
        (0x20, ..) => "VERIFY",
        (0xB0 | 0xB1, ..) => "READ BINARY",
        (0xD6 | 0xD7, ..) => "UPDATE BINARY",
        (0xF0, ..) => "increment or decrement a value block",
        (0xC2, _, 0x00) => "MANAGE SESSION",
        (0xC2, _, 0x01) => "TRANSPARENT EXCHANGE",
        (0xC2, _, 0x02) => "SWITCH PROTOCOL",
        (0xC2, ..) => "transparent session",
        (0x70, ..) => "vendor's own command",
        (0x00, 0x00, 0x00) => "direct transmit to the reader's chip (ACS)",
        (0x00, 0x40, _) => "lamps and buzzer of the reader (ACS)",
        (0x00, 0x48, _) => "firmware version of the reader (ACS)",
        (0x00, ..) => "command to the reader's own chip (ACS)",
        (0xFE, ..) => "transparent command to the card (Sony)",
        (0x9A, ..) => "reader or card information (HID, Identiv)",
        (0xA4, ..) => "select the type of the storage card (ACS)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_name() {
        assert!(CARD_NAMES.is_sorted_by(|(a, _), (b, _)| a < b));
        assert_eq!((card_name(0x0001), card_name(0x003B)), (Some("MIFARE Classic 1K"), Some("FeliCa")));
        assert_eq!((standard(0x03), standard(0x11)), (Some("ISO/IEC 14443 A, part 3"), Some("FeliCa")));
    }
}
