//! Elements whose bits have names (EMV 4.4 Book 3, Annex C; Book 4, Annex A; Contactless Books A and C-3).

use super::field::Field;
use super::tlv::Tag;

/// Names of the bits of one octet, from bit 8 on; an empty name is a bit without one.
type Names = [&'static str; 8];

/// Octet by octet the bits that are set; `None` where the tag has no such table or the length is another one.
pub(crate) fn fields(tag: Tag, offset: usize, value: &[u8]) -> Option<Vec<Field>> {
    let table = table(tag).filter(|table| table.len() == value.len())?;
    let field = |(index, (octet, names)): (usize, (&u8, &Names))| {
        let set = |(bit, name): (usize, &&'static str)| {
            let is_set = octet & (0x80 >> bit) != 0;
            is_set.then(|| if name.is_empty() { format!("bit {}", 8 - bit) } else { (*name).to_owned() })
        };
        let names: Vec<String> = names.iter().enumerate().filter_map(set).collect();
        Field::new(offset + index, &[*octet], format!("octet {}", index + 1), names.join(", "))
    };
    Some(value.iter().zip(table).enumerate().map(field).collect())
}

const fn table(tag: Tag) -> Option<&'static [Names]> {
    Some(match tag.0 {
        0x82 => &AIP,
        0x95 | 0x9F0D | 0x9F0E | 0x9F0F => &TVR,
        0x9B => &TSI,
        0x9F07 => &AUC,
        0x9F33 => &CAPABILITIES,
        0x9F66 => &TTQ,
        0x9F6C => &CTQ,
        _ => return None,
    })
}

const AIP: [Names; 2] = [
    [
        "XDA supported",
        "SDA supported",
        "DDA supported",
        "cardholder verification supported",
        "terminal risk management to be performed",
        "issuer authentication by EXTERNAL AUTHENTICATE",
        "on-device cardholder verification supported (contactless)",
        "CDA supported",
    ],
    ["EMV mode supported (contactless)", "", "", "", "", "", "", "relay resistance supported (kernel 2)"],
];

const TVR: [Names; 5] = [
    [
        "offline data authentication not performed",
        "SDA failed",
        "card data missing",
        "card on the exception file",
        "DDA failed",
        "CDA failed",
        "SDA selected",
        "XDA selected",
    ],
    [
        "card and terminal have different application versions",
        "application expired",
        "application not yet effective",
        "service not allowed for the card",
        "new card",
        "",
        "biometric performed and successful",
        "biometric template format not supported",
    ],
    [
        "cardholder verification failed",
        "cardholder verification method not known",
        "PIN try limit exceeded",
        "PIN required, PIN pad missing or out of order",
        "PIN required, PIN pad there, PIN not entered",
        "cardholder verification captured online",
        "biometric required, device out of order",
        "biometric required, device bypassed",
    ],
    [
        "floor limit exceeded",
        "lower consecutive offline limit exceeded",
        "upper consecutive offline limit exceeded",
        "selected at random for online",
        "merchant forced online",
        "biometric try limit exceeded",
        "biometric type not supported",
        "XDA signature verification failed",
    ],
    [
        "default TDOL used",
        "issuer authentication failed",
        "script failed before the final GENERATE AC",
        "script failed after the final GENERATE AC",
        "relay resistance threshold exceeded (kernel 2)",
        "relay resistance time limits exceeded (kernel 2)",
        "",
        "",
    ],
];

const TSI: [Names; 2] = [
    [
        "offline data authentication performed",
        "cardholder verification performed",
        "card risk management performed",
        "issuer authentication performed",
        "terminal risk management performed",
        "script processing performed",
        "",
        "",
    ],
    ["", "", "", "", "", "", "", ""],
];

const AUC: [Names; 2] = [
    [
        "domestic cash",
        "international cash",
        "domestic goods",
        "international goods",
        "domestic services",
        "international services",
        "at ATMs",
        "elsewhere than at ATMs",
    ],
    ["domestic cashback", "international cashback", "", "", "", "", "", ""],
];

const CAPABILITIES: [Names; 3] = [
    ["manual key entry", "magnetic stripe", "chip with contacts", "", "", "", "", ""],
    [
        "plain PIN for the card",
        "enciphered PIN online",
        "signature",
        "enciphered PIN for the card",
        "no verification",
        "online biometric",
        "offline biometric",
        "",
    ],
    ["SDA", "DDA", "card capture", "", "CDA", "XDA", "", ""],
];

const TTQ: [Names; 4] = [
    [
        "MSD supported",
        "",
        "EMV mode supported",
        "EMV contact chip supported",
        "offline-only reader",
        "online PIN supported",
        "signature supported",
        "offline data authentication for online supported",
    ],
    [
        "online cryptogram required",
        "cardholder verification required",
        "contact chip offline PIN supported",
        "",
        "",
        "",
        "",
        "",
    ],
    ["issuer update processing supported", "on-device cardholder verification supported", "", "", "", "", "", ""],
    ["", "", "", "", "", "", "", ""],
];

const CTQ: [Names; 2] = [
    [
        "online PIN required",
        "signature required",
        "online if offline data authentication fails",
        "other interface if offline data authentication fails",
        "online if the application is expired",
        "other interface for cash",
        "other interface for cashback",
        "",
    ],
    ["on-device cardholder verification performed", "issuer update at the terminal supported", "", "", "", "", "", ""],
];
