//! Native commands of MIFARE DESFire, wrapped in command APDUs: `90 INS 00 00 Lc data 00`, answered by data and `91 xx` (NXP MF3D(H)x2, product
//! data sheet, public edition; libfreefare and proxmark3 use the same values). Class `90` is neither chaining nor a channel here.

use super::field::{Field, Parts};

/// The native commands. An instruction of the second column is the same command with ISO/IEC 7816-4 secure messaging.
const COMMANDS: &[(u8, &str)] = &[
    (0x0A, "Authenticate, DES"),
    (0x0C, "Credit"),
    (0x1A, "AuthenticateISO, DES"),
    (0x1C, "LimitedCredit"),
    (0x3B, "WriteRecord"),
    (0x3C, "ReadSignature"),
    (0x3D, "WriteData"),
    (0x45, "GetKeySettings"),
    (0x51, "GetCardUID"),
    (0x54, "ChangeKeySettings"),
    (0x55, "RollKeySet"),
    (0x56, "InitializeKeySet"),
    (0x57, "FinalizeKeySet"),
    (0x5A, "SelectApplication"),
    (0x5C, "SetConfiguration"),
    (0x5F, "ChangeFileSettings"),
    (0x60, "GetVersion"),
    (0x61, "GetISOFileIDs"),
    (0x64, "GetKeyVersion"),
    (0x6A, "GetApplicationIDs"),
    (0x6C, "GetValue"),
    (0x6D, "GetDFNames"),
    (0x6E, "FreeMemory"),
    (0x6F, "GetFileIDs"),
    (0x71, "AuthenticateEV2First"),
    (0x77, "AuthenticateEV2NonFirst"),
    (0x8B, "WriteRecord, ISO"),
    (0x8D, "WriteData, ISO"),
    (0xA7, "AbortTransaction"),
    (0xAA, "AuthenticateAES"),
    (0xAB, "ReadRecords, ISO"),
    (0xAD, "ReadData, ISO"),
    (0xAF, "additional frame"),
    (0xBA, "UpdateRecord, ISO"),
    (0xBB, "ReadRecords"),
    (0xBD, "ReadData"),
    (0xC0, "CreateCyclicRecordFile"),
    (0xC1, "CreateLinearRecordFile"),
    (0xC4, "ChangeKey"),
    (0xC6, "ChangeKeyEV2"),
    (0xC7, "CommitTransaction"),
    (0xC8, "CommitReaderID"),
    (0xCA, "CreateApplication"),
    (0xCB, "CreateBackupDataFile"),
    (0xCC, "CreateValueFile"),
    (0xCD, "CreateStdDataFile"),
    (0xCE, "CreateTransactionMACFile"),
    (0xDA, "DeleteApplication"),
    (0xDB, "UpdateRecord"),
    (0xDC, "Debit"),
    (0xDF, "DeleteFile"),
    (0xEB, "ClearRecordFile"),
    (0xEE, "NotifyTransactionSuccess"),
    (0xF0, "PreparePC"),
    (0xF2, "ProximityCheck"),
    (0xF5, "GetFileSettings"),
    (0xFC, "FormatPICC"),
    (0xFD, "VerifyPC"),
];

/// SW2 behind `91`.
const STATUS: &[(u8, &str)] = &[
    (0x00, "done"),
    (0x0C, "no change"),
    (0x0E, "out of memory"),
    (0x1C, "command not supported"),
    (0x1E, "wrong CRC, MAC or padding"),
    (0x40, "no such key"),
    (0x7E, "wrong length"),
    (0x90, "proximity check done"),
    (0x9D, "not allowed"),
    (0x9E, "wrong parameter"),
    (0xA0, "application not found"),
    (0xA1, "application damaged"),
    (0xAD, "wait, authentication goes on"),
    (0xAE, "authentication failed or missing"),
    (0xAF, "additional frame, more follows"),
    (0xBE, "outside the file"),
    (0xC1, "card damaged"),
    (0xCA, "an earlier command was not finished"),
    (0xCD, "card disabled"),
    (0xCE, "too many applications or keys"),
    (0xDE, "exists already"),
    (0xEE, "memory failure"),
    (0xF0, "file not found"),
    (0xF1, "file damaged"),
];

/// What a native command is called.
pub(crate) fn name(ins: u8) -> Option<&'static str> {
    COMMANDS.iter().find(|(known, _)| *known == ins).map(|(_, name)| *name)
}

/// What `91` and this SW2 say.
pub(crate) fn status(sw2: u8) -> Option<&'static str> {
    STATUS.iter().find(|(known, _)| *known == sw2).map(|(_, meaning)| *meaning)
}

/// Whether a command with this head wraps a native one: class `90`, a known instruction, P1 and P2 of zero.
pub(crate) fn wraps(head: [u8; 4]) -> bool {
    matches!(head, [0x90, ins, 0x00, 0x00] if name(ins).is_some())
}

/// The parameters of a native command, in order: name and octets. What stands behind them is data.
const fn parameters(ins: u8) -> &'static [(&'static str, usize)] {
    match ins {
        0x0A | 0x1A | 0xAA | 0x64 | 0xC4 | 0x71 | 0x77 => &[("key number", 1)],
        0xC6 => &[("key set", 1), ("key number", 1)],
        0x5A | 0xDA => &[("application", 3)],
        0xCA => &[("application", 3), ("key settings", 1), ("number and kind of keys", 1)],
        0x3B | 0x3D | 0x8B | 0x8D | 0xAB | 0xAD | 0xBB | 0xBD => &[("file", 1), ("offset", 3), ("length", 3)],
        0xBA | 0xDB => &[("file", 1), ("record", 3), ("offset", 3), ("length", 3)],
        0x0C | 0x1C | 0xDC => &[("file", 1), ("value", 4)],
        0x6C | 0xDF | 0xEB | 0xF5 => &[("file", 1)],
        0x5F => &[("file", 1), ("way of communication", 1), ("access rights", 2)],
        0x5C | 0xC7 => &[("option", 1)],
        _ => &[],
    }
}

/// The data of a wrapped native command: numbers of more than one octet have their lowest octet first.
pub(crate) fn fields(ins: u8, data: &[u8], base: usize) -> Vec<Field> {
    let mut parts = Parts::new(data, base);
    for &(name, len) in parameters(ins) {
        parts.leaf(len, name, |octets| meaning(name, octets));
    }
    parts.rest(|octets, offset| vec![Field::new(offset, octets, "data", "")]);
    parts.done()
}

fn meaning(name: &str, octets: &[u8]) -> String {
    let number = octets.iter().rev().fold(0_u32, |number, octet| number << 8 | u32::from(*octet));
    match name {
        "application" if number == 0 => "the card itself".to_owned(),
        "application" => format!("{number:06X}"),
        "length" if number == 0 => "0: all that is left".to_owned(),
        "offset" | "length" | "value" | "record" | "file" | "key number" => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::apdu::Command;
    use crate::wire::explain::{Told, answer, command};
    use crate::wire::hex;

    #[test]
    fn each_value_stands_once() {
        for table in [COMMANDS, STATUS] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    /// By hand from the data sheet's layouts; the AID is that of a public list (`F2 11 90` as it is sent).
    #[test]
    fn a_wrapped_command_is_its_native_one_and_its_answer_a_native_answer() {
        for (asked, lines) in [
            (
                "905A000003F2119000",
                &[
                    "CLA 90: wraps a native command (MIFARE DESFire)",
                    "INS 5A: SelectApplication (DESFire)",
                    "application F2 11 90: 9011F2",
                ][..],
            ),
            ("90BD0000070210000020000000", &["ReadData", "file 02: 2", "offset 10 00 00: 16", "length 20 00 00: 32"]),
            ("90AF000000", &["INS AF: additional frame (DESFire)"]),
            ("900C0000050164000000 00", &["Credit", "value 64 00 00 00: 100"]),
            ("9071000002000000", &["AuthenticateEV2First", "key number 00: 0", "data: 00"]),
        ] {
            let text = command(&hex::parse(asked).unwrap(), false, Told::default(), &[]).listing();
            for line in lines {
                assert!(text.contains(line), "{line} in\n{text}");
            }
            assert!(!text.contains("chain") && !text.contains("proprietary"), "{text}");
        }
        let asked = hex::parse("9060000000").unwrap();
        let asked = Command::parse(&asked).unwrap();
        let text = answer(Some(&asked), &hex::parse("0401010100180591AF").unwrap(), Told::default(), &[]).listing();
        assert!(text.contains("SW1-SW2 91AF: additional frame, more follows") && !text.contains("SIM"), "{text}");
        // The same word after a command of a SIM is a SIM's.
        let asked = hex::parse("A0B0000010").unwrap();
        let asked = Command::parse(&asked).unwrap();
        let text = answer(Some(&asked), &[0x91, 0xAF], Told::default(), &[]).listing();
        assert!(text.contains("waits for FETCH") && !text.contains("DESFire"), "{text}");
    }
}
