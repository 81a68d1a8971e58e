//! Commands of proprietary classes whose meanings are public. Each name says whose it is: another application may use the same octets
//! for something else, and ISO/IEC 7816-4 does not help.

use super::{desfire, pcsc_part3};

/// A command by class and instruction: classes, instruction, name.
type Known = (&'static [u8], u8, &'static str);

const EMV: &[Known] = &[
    (&[0x80], 0xA8, "GET PROCESSING OPTIONS"),
    (&[0x80], 0xAE, "GENERATE AC"),
    (&[0x80], 0xCA, "GET DATA"),
    (&[0x80], 0x2A, "COMPUTE CRYPTOGRAPHIC CHECKSUM"),
    (&[0x80], 0xD0, "RECOVER AC"),
    (&[0x80], 0xEA, "EXCHANGE RELAY RESISTANCE DATA"),
    (&[0x84, 0x8C], 0x16, "CARD BLOCK"),
    (&[0x84, 0x8C], 0x18, "APPLICATION UNBLOCK"),
    (&[0x84, 0x8C], 0x1E, "APPLICATION BLOCK"),
    (&[0x84, 0x8C], 0x24, "PIN CHANGE/UNBLOCK"),
    (&[0x04, 0x84, 0x8C], 0xDA, "PUT DATA"),
];

const GLOBALPLATFORM: &[Known] = &[
    (&[0x80, 0x84], 0x50, "INITIALIZE UPDATE"),
    (&[0x80, 0x84], 0x82, "EXTERNAL AUTHENTICATE"),
    (&[0x80, 0x84], 0x7A, "BEGIN R-MAC SESSION"),
    (&[0x80, 0x84], 0x78, "END R-MAC SESSION"),
    (&[0x80, 0x84], 0xCA, "GET DATA"),
    (&[0x80, 0x84], 0xCB, "GET DATA"),
    (&[0x80, 0x84], 0xD8, "PUT KEY"),
    (&[0x80, 0x84], 0xE2, "STORE DATA"),
    (&[0x80, 0x84], 0xE4, "DELETE"),
    (&[0x80, 0x84], 0xE6, "INSTALL"),
    (&[0x80, 0x84], 0xE8, "LOAD"),
    (&[0x80, 0x84], 0xF0, "SET STATUS"),
    (&[0x80, 0x84], 0xF2, "GET STATUS"),
];

const UICC: &[Known] = &[
    (&[0x80], 0x10, "TERMINAL PROFILE"),
    (&[0x80], 0x12, "FETCH"),
    (&[0x80], 0x14, "TERMINAL RESPONSE"),
    (&[0x80], 0xC2, "ENVELOPE"),
    (&[0x80], 0xF2, "STATUS"),
    (&[0x80], 0xAA, "TERMINAL CAPABILITY"),
    (&[0x80], 0x32, "INCREASE"),
];

/// GSM 11.11 (3GPP TS 51.011), 9.2.
const SIM: &[Known] = &[
    (&[0xA0], 0x04, "INVALIDATE"),
    (&[0xA0], 0x10, "TERMINAL PROFILE"),
    (&[0xA0], 0x12, "FETCH"),
    (&[0xA0], 0x14, "TERMINAL RESPONSE"),
    (&[0xA0], 0x20, "VERIFY CHV"),
    (&[0xA0], 0x24, "CHANGE CHV"),
    (&[0xA0], 0x26, "DISABLE CHV"),
    (&[0xA0], 0x28, "ENABLE CHV"),
    (&[0xA0], 0x2C, "UNBLOCK CHV"),
    (&[0xA0], 0x32, "INCREASE"),
    (&[0xA0], 0x44, "REHABILITATE"),
    (&[0xA0], 0x88, "RUN GSM ALGORITHM"),
    (&[0xA0], 0xA2, "SEEK"),
    (&[0xA0], 0xA4, "SELECT"),
    (&[0xA0], 0xB0, "READ BINARY"),
    (&[0xA0], 0xB2, "READ RECORD"),
    (&[0xA0], 0xC0, "GET RESPONSE"),
    (&[0xA0], 0xC2, "ENVELOPE"),
    (&[0xA0], 0xD6, "UPDATE BINARY"),
    (&[0xA0], 0xDC, "UPDATE RECORD"),
    (&[0xA0], 0xF2, "STATUS"),
    (&[0xA0], 0xFA, "SLEEP"),
];

const CALYPSO: &[Known] = &[
    (&[0x94], 0xA4, "SELECT"),
    (&[0x94], 0xB2, "READ RECORD"),
    (&[0x94, 0x00], 0x8A, "OPEN SECURE SESSION"),
    (&[0x94, 0x00], 0x8E, "CLOSE SECURE SESSION"),
    (&[0x94], 0xDC, "UPDATE RECORD"),
    (&[0x94], 0xE2, "APPEND RECORD"),
    (&[0x94], 0x30, "DECREASE"),
    (&[0x94], 0x32, "INCREASE"),
    (&[0x94], 0xB0, "READ BINARY"),
    (&[0x94], 0xBE, "GET CHIP INFORMATION"),
];

/// YubiKey PIV, OpenPGP and others of class 00 whose instructions are not interindustry ones.
const OF_CLASS_ZERO: &[Known] = &[
    (&[0x00], 0xF1, "activate (OpenPGP, Yubico)"),
    (&[0x00], 0xF8, "get serial number (Yubico)"),
    (&[0x00], 0xFD, "get version (Yubico)"),
    (&[0x00], 0xFB, "reset (Yubico)"),
    (&[0x00], 0xFA, "set PIN retries (Yubico)"),
    (&[0x00], 0xF9, "attest (Yubico)"),
    (&[0x00], 0xF7, "get metadata (Yubico)"),
    (&[0x00], 0x03, "authenticate (U2F)"),
    (&[0x00], 0x01, "register (U2F)"),
    (&[0x80], 0x10, "CTAP message (FIDO)"),
];

const OWNERS: &[(&str, &[Known])] = &[
    ("EMV", EMV),
    ("GlobalPlatform", GLOBALPLATFORM),
    ("UICC", UICC),
    ("SIM", SIM),
    ("Calypso", CALYPSO),
    ("", OF_CLASS_ZERO),
];

/// What a command of a proprietary class is called, with each owner of these octets: `GET DATA (EMV, GlobalPlatform)`. `None` where no
/// name is public.
pub(crate) fn name(cla: u8, ins: u8, p1: u8, p2: u8) -> Option<String> {
    if cla == 0xFF {
        return pcsc_part3::command_name(ins, p1, p2).map(|name| format!("{name} (to the reader)"));
    }
    let mut names: Vec<(&str, Vec<&str>)> = Vec::new();
    for (owner, known) in OWNERS {
        for (_, _, name) in known.iter().filter(|(classes, known, _)| *known == ins && has_class(classes, cla)) {
            match names.iter_mut().find(|(other, _)| other == name) {
                Some((_, owners)) => owners.push(owner),
                None => names.push((name, vec![owner])),
            }
        }
    }
    if let (0x90, Some(native)) = (cla, desfire::name(ins)) {
        names.push((native, vec!["DESFire"]));
    }
    let with_owners = |(name, owners): (&str, Vec<&str>)| match owners[..] {
        [""] => name.to_owned(),
        _ => format!("{name} ({})", owners.join(", ")),
    };
    let names: Vec<String> = names.into_iter().map(with_owners).collect();
    (!names.is_empty()).then(|| names.join(" or "))
}

/// Whether `cla` is one of `classes`, on any of the channels 0 to 3 where the class is 80 or 84 (GlobalPlatform, 11.1.4).
fn has_class(classes: &[u8], cla: u8) -> bool {
    classes.iter().any(|class| *class == cla || (matches!(class, 0x80 | 0x84) && cla & 0xFC == *class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_they_are() {
        for (command, expected) in [
            ([0x80, 0xCA, 0x9F, 0x36], "GET DATA (EMV, GlobalPlatform)"),
            ([0x80, 0xA8, 0, 0], "GET PROCESSING OPTIONS (EMV)"),
            ([0x80, 0xF2, 0x40, 0], "GET STATUS (GlobalPlatform) or STATUS (UICC)"),
            ([0x81, 0xF2, 0x40, 0], "GET STATUS (GlobalPlatform) or STATUS (UICC)"),
            ([0xA0, 0xA4, 0, 0], "SELECT (SIM)"),
            ([0x90, 0x5A, 0, 0], "SelectApplication (DESFire)"),
            ([0xFF, 0xCA, 0, 0], "GET DATA: the identifier (UID) of the card (to the reader)"),
            ([0xFF, 0xC2, 0, 1], "TRANSPARENT EXCHANGE (to the reader)"),
        ] {
            let [cla, ins, p1, p2] = command;
            assert_eq!(name(cla, ins, p1, p2).as_deref(), Some(expected));
        }
        assert_eq!(name(0xB0, 0x58, 0, 0), None);
    }
}
