//! Status words that ISO/IEC 7816-4 leaves to applications and whose meanings are public. The same value may mean different things to
//! different cards: then each is named.

use super::desfire;

/// GSM 11.11 (3GPP TS 51.011), 9.4; 9862 to 9867 are 3GPP TS 31.102, 7.3; 9484 and 9485 GlobalPlatform Card Specification 2.3.1, 11.1.3.
const NAMED: &[(u16, &str)] = &[
    (0x9300, "SIM: busy with a toolkit command, to be tried again"),
    (0x9240, "SIM: memory problem"),
    (0x9400, "SIM: no elementary file selected"),
    (0x9402, "SIM: out of range, the address is not in the file"),
    (0x9404, "SIM: file or pattern not found"),
    (0x9408, "SIM: command does not fit the file"),
    (0x9484, "GlobalPlatform: algorithm not supported"),
    (0x9485, "GlobalPlatform: wrong key check value"),
    (0x9802, "SIM: no PIN (CHV) initialised"),
    (0x9804, "SIM: access condition not fulfilled, or wrong PIN (CHV) with tries left"),
    (0x9808, "SIM: contradicts the state of the PIN (CHV)"),
    (0x9810, "SIM: contradicts the state of the file, invalidated or not"),
    (0x9840, "SIM: PIN (CHV) blocked, or wrong with no try left"),
    (0x9850, "SIM: cannot be increased, greatest value reached"),
    (0x9862, "USIM: authentication error, wrong MAC"),
    (0x9863, "UICC: security session or association expired"),
    (0x9864, "USIM: authentication error, security context not supported"),
    (0x9865, "USIM: key freshness failure"),
    (0x9866, "USIM: authentication error, no memory"),
    (0x9867, "USIM: no memory for the key"),
];

/// The meanings of `9xxx` other than `9000`; `None` where none is public.
pub(super) fn meaning(status: u16) -> Option<String> {
    if let Some((_, meaning)) = NAMED.iter().find(|(value, _)| *value == status) {
        return Some((*meaning).to_owned());
    }
    let [sw1, sw2] = status.to_be_bytes();
    Some(match sw1 {
        0x91 => match desfire::status(sw2) {
            Some("done") => "DESFire: done".to_owned(),
            Some(meaning) => format!("DESFire: {meaning}; {}", fetch(sw2)),
            None => fetch(sw2),
        },
        0x92 if sw2 & 0xF0 == 0 => format!("SIM: written after {sw2} tries of its own"),
        0x9E => format!("SIM: data download error, {sw2} octets available"),
        0x9F => format!("SIM: done, {sw2} octets available"),
        _ => return None,
    })
}

fn fetch(sw2: u8) -> String {
    format!("SIM: done, a command of {sw2} octets waits for FETCH")
}

/// What `status` says in the light of the class of the command; `None` where that decides nothing.
pub(super) fn after(head: [u8; 4], status: u16) -> Option<String> {
    let [sw1, sw2] = status.to_be_bytes();
    match sw1 {
        0x91 if desfire::wraps(head) => desfire::status(sw2).map(str::to_owned),
        0x91 => Some(fetch(sw2)),
        _ => None,
    }
}

/// What some specifications say beside or instead of ISO/IEC 7816-4 (EMV 4.4 Books 1 and 3; GlobalPlatform Card Specification 2.3.1;
/// Java Card 3.1, `ISO7816`).
pub(super) const fn elsewhere(status: u16) -> Option<&'static str> {
    Some(match status {
        0x6200 => "GlobalPlatform: the logical channel is closed already",
        0x6283 => "EMV: the application is blocked; GlobalPlatform: the card is locked",
        0x6310 => "GlobalPlatform: more data available",
        0x6A81 => "EMV, to SELECT: the card is blocked",
        0x6999 => "Java Card: the applet refused to be selected",
        _ => return None,
    })
}
