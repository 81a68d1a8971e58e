//! What a tag means where it stands. ISO/IEC 7816-4 gives the context-specific tags (`80` to `BF`) anew in each template, and EMV gives
//! them again on the top level: `87` is a cryptogram, an initial value or a priority.

use super::apdu::Command;
use super::class::{Class, SecureMessaging};
use super::instruction;
use super::tag::{self, Dictionary};
use super::tag_more::{
    ACCESS, AUTHENTICATION, CONTROL_REFERENCE, DISCRETIONARY, ENVIRONMENT, ISSUER, MECHANISM, PROPRIETARY, PUBLIC_KEY,
    REGISTRY,
};
use super::tlv::{Tag, TagClass};

/// Names of tags that families give; the first list that knows a tag names it.
pub type Names<'n> = &'n [Dictionary<'n>];

/// Where a data object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Context {
    /// On the top level of data of which nothing is known.
    #[default]
    Top,
    /// In a template that has no table of its own.
    Template,
    /// In file control parameters, file management data or file control information.
    FileControl,
    /// In a security attribute in expanded format, inside file control parameters.
    Access,
    /// In a cryptographic mechanism identifier template.
    Mechanism,
    /// In the proprietary template `A5` of file control information.
    Proprietary,
    /// In the issuer's discretionary data `BF0C`.
    Issuer,
    /// In the directory discretionary template `73`.
    Discretionary,
    /// In `E3` of GET STATUS.
    Registry,
    /// In a public key template.
    PublicKey,
    /// In a dynamic authentication template.
    Authentication,
    /// Data of a command or answer under secure messaging, or of PERFORM SECURITY OPERATION, which has the same objects.
    SecureMessaging,
    /// Where control reference templates are named: a security environment, GENERATE ASYMMETRIC KEY PAIR.
    Environment,
    /// In a control reference template.
    ControlReference(Control),
}

/// What a control reference template is for (ISO/IEC 7816-4:2005, 6.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// `A4`.
    Authentication,
    /// `A6`.
    KeyAgreement,
    /// `AA`.
    Hash,
    /// `B4`.
    Checksum,
    /// `B6`.
    Signature,
    /// `B8`.
    Confidentiality,
}

impl Control {
    /// By its tag; an odd one is the same under the checksum of secure messaging.
    const fn of(tag: u32) -> Option<Self> {
        Some(match tag & !1 {
            0xA4 => Self::Authentication,
            0xA6 => Self::KeyAgreement,
            0xAA => Self::Hash,
            0xB4 => Self::Checksum,
            0xB6 => Self::Signature,
            0xB8 => Self::Confidentiality,
            _ => return None,
        })
    }
}

impl Context {
    /// Inside the object with this tag, which stands here.
    #[must_use]
    pub const fn inside(self, tag: Tag) -> Self {
        match (self, tag.0) {
            (_, 0x62 | 0x64 | 0x6F) => Self::FileControl,
            (_, 0x73) => Self::Discretionary,
            (_, 0x7B) => Self::Environment,
            (_, 0x7C) => Self::Authentication,
            (_, 0x7D) => Self::SecureMessaging,
            (_, 0x7F49) => Self::PublicKey,
            (_, 0xBF0C) => Self::Issuer,
            (_, 0xE3) => Self::Registry,
            // Conditions that are joined (OR, NOT, AND) hold conditions.
            (Self::FileControl, 0xAB) | (Self::Access, 0xA0 | 0xA7 | 0xAF) => Self::Access,
            (Self::FileControl | Self::Environment, 0xAC) => Self::Mechanism,
            (Self::ControlReference(control), 0xA3) => Self::ControlReference(control),
            (Self::SecureMessaging | Self::Environment | Self::Access, tag) => match (self, Control::of(tag)) {
                (Self::SecureMessaging | Self::Environment, Some(control)) => Self::ControlReference(control),
                (Self::Access, Some(control)) if tag & 1 == 0 => Self::ControlReference(control),
                // Templates that are hashed, signed or certified, and plain values with objects of secure messaging among them.
                (Self::SecureMessaging, _)
                    if matches!(tag & !1, 0xA0 | 0xA2 | 0xA8 | 0xAC | 0xAE | 0xB0 | 0xBA | 0xBC | 0xBE) =>
                {
                    Self::SecureMessaging
                }
                _ => Self::Template,
            },
            (_, 0xA5) => Self::Proprietary,
            _ => Self::Template,
        }
    }

    /// The tags that this context gives a meaning.
    pub const fn names(self) -> Dictionary<'static> {
        match self {
            Self::Top | Self::Template => &[],
            Self::FileControl => tag::FILE_CONTROL,
            Self::Access => ACCESS,
            Self::Mechanism => MECHANISM,
            Self::Proprietary => PROPRIETARY,
            Self::Issuer => ISSUER,
            Self::Discretionary => DISCRETIONARY,
            Self::Registry => REGISTRY,
            Self::PublicKey => PUBLIC_KEY,
            Self::Authentication => AUTHENTICATION,
            Self::SecureMessaging => tag::SECURE_MESSAGING,
            Self::Environment => ENVIRONMENT,
            Self::ControlReference(_) => CONTROL_REFERENCE,
        }
    }

    /// Whether this context alone says what the tag means: a context-specific one of one octet in a template of ISO/IEC 7816.
    pub const fn decides(self, tag: Tag) -> bool {
        let is_open = matches!(
            self,
            Self::Top | Self::Template | Self::Proprietary | Self::Issuer | Self::Discretionary | Self::Registry
        );
        !is_open && tag.0 <= 0xFF && matches!(tag.class(), TagClass::ContextSpecific)
    }

    /// What a tag is called here: by the context where it decides, else by `dictionaries`, the context, then by all that is known.
    pub fn name<'n>(self, dictionaries: &[Dictionary<'n>], tag: Tag) -> &'n str {
        let own = tag::name_in(&[self.names()], tag);
        let found =
            if self.decides(tag) { own } else { tag::name_in(dictionaries, tag).or(own).or_else(|| tag::name(tag)) };
        found.unwrap_or(if tag.is_constructed() { "unknown template" } else { "unknown" })
    }

    /// Where the data of a command stand.
    pub fn of_command(command: &Command<'_>) -> Self {
        if is_secured(command.cla) {
            return Self::SecureMessaging;
        }
        match (instruction::name(command.cla, command.ins).map(|_| command.ins), command.p1 & 0x0F) {
            // MANAGE SECURITY ENVIRONMENT, SET: P2 is the tag of the template whose content the data are (ISO/IEC 7816-4:2005, 7.5.11).
            (Some(0x22), 1) => match (Control::of(command.p2.into()), command.data) {
                (Some(control), _) => Self::ControlReference(control),
                _ if command.p2 == 0xAC => Self::Mechanism,
                // Cards that name no template in P2 send the template itself, or bare references.
                (None, [tag, ..]) if tag & 0x20 == 0 => Self::ControlReference(Control::Authentication),
                _ => Self::Environment,
            },
            (Some(0x46 | 0x47), _) => Self::Environment,
            // ISO/IEC 7816-8:2021, 5.2.
            (Some(0x2A | 0x2B), _) => Self::SecureMessaging,
            _ => Self::Top,
        }
    }

    /// Where the data of its answer stand.
    pub const fn of_answer(command: &Command<'_>) -> Self {
        if is_secured(command.cla) { Self::SecureMessaging } else { Self::Top }
    }

    /// Where the data of an answer stand whose command nobody knows: a status word `99` and a checksum `8E` at the end are those of secure
    /// messaging, for a list of cardholder verification methods has ten octets at least.
    pub fn of_data(data: &[u8]) -> Self {
        let objects: Vec<_> = super::tlv::iter(data).map_while(Result::ok).collect();
        let len: usize = objects.iter().map(|object| object.octets.len()).sum();
        match &objects[..] {
            [.., status, checksum]
                if len == data.len()
                    && (status.tag.0, status.value.len()) == (0x99, 2)
                    && checksum.tag.0 == 0x8E
                    && (4..=8).contains(&checksum.value.len()) =>
            {
                Self::SecureMessaging
            }
            _ => Self::Top,
        }
    }
}

/// Secure messaging of ISO/IEC 7816-4, not a proprietary one. EMV's issuer scripts have it in class `8C` (EMV 4.4 Book 2, 9.2.1.1).
pub(crate) const fn is_secured(cla: u8) -> bool {
    matches!(Class(cla).secure_messaging(), SecureMessaging::Standard | SecureMessaging::HeaderAuthenticated)
}

/// What the value of an object of secure messaging or of a control reference says, in words.
pub(crate) fn words(context: Context, tag: Tag, value: &[u8]) -> Option<String> {
    match (context, tag.0, value) {
        (Context::SecureMessaging, 0x86 | 0x87, [indicator, cryptogram @ ..]) => {
            Some(format!("{}, then {} of cryptogram", padding(*indicator), super::count(cryptogram.len())))
        }
        (Context::SecureMessaging, 0x99, &[sw1, sw2]) => {
            Some(super::status::StatusWord::from_bytes([sw1, sw2]).meaning())
        }
        (Context::SecureMessaging, 0x96 | 0x97, [ne]) => Some(format!("up to {} expected", most(u32::from(*ne), 256))),
        (Context::SecureMessaging, 0x96 | 0x97, &[high, low]) => {
            Some(format!("up to {} expected", most(u16::from_be_bytes([high, low]).into(), 65_536)))
        }
        (Context::ControlReference(control), 0x95, [octet]) => Some(usage(control, *octet)),
        (Context::ControlReference(_), _, []) => match tag.0 {
            0x87 => Some("the initial value before, plus one".to_owned()),
            0x88 => Some("the challenge exchanged before, plus one".to_owned()),
            0x90..=0x92 => Some("provided by the card".to_owned()),
            0x93 => Some("the counter before, plus one".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn most(ne: u32, greatest: u32) -> String {
    super::count(if ne == 0 { greatest } else { ne } as usize)
}

/// ISO/IEC 7816-4:2005, 6.2.3.1, the padding-content indicator.
const fn padding_words(indicator: u8) -> &'static str {
    match indicator {
        0x00 => "no further information about padding",
        0x01 => "padded with 80, then 00",
        0x02 => "not padded",
        0x10..=0x1F => "enciphers secret keys for information",
        0x20..=0x2F => "enciphers a secret key for keys",
        0x30..=0x3F => "enciphers a private key",
        0x40..=0x4F => "enciphers a password",
        0x80..=0x8E => "padding proprietary",
        _ => "padding reserved",
    }
}

fn padding(indicator: u8) -> String {
    format!("{indicator:02X}: {}", padding_words(indicator))
}

/// ISO/IEC 7816-4:2005, 6.3.1, the usage qualifier.
fn usage(control: Control, octet: u8) -> String {
    let [high, low] = match control {
        Control::Authentication => ["external authentication", "internal authentication"],
        Control::Confidentiality => ["enciphering", "deciphering"],
        Control::KeyAgreement => ["", "key agreement"],
        Control::Checksum | Control::Signature | Control::Hash => ["verifying", "computing"],
    };
    let biometric = if matches!(control, Control::Authentication) {
        ["password of the user", "biometrics of the user"]
    } else {
        ["", ""]
    };
    let bits = [
        (0x80, high),
        (0x40, low),
        (0x20, "secure messaging in answers"),
        (0x10, "secure messaging in commands"),
        (0x08, biometric[0]),
        (0x04, biometric[1]),
    ];
    let names: Vec<&str> =
        bits.iter().filter(|(bit, name)| octet & bit != 0 && !name.is_empty()).map(|(_, name)| *name).collect();
    if names.is_empty() { "no use named".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use crate::wire::apdu::Command;
    use crate::wire::explain::{Told, answer, command, response};
    use crate::wire::hex;

    fn octets(text: &str) -> Vec<u8> {
        hex::parse(text).unwrap()
    }

    fn of_command(text: &str) -> String {
        command(&octets(text), false, Told::default(), &[]).listing()
    }

    fn of_answer(asked: &str, text: &str) -> String {
        let asked = octets(asked);
        answer(Command::parse(&asked).ok().as_ref(), &octets(text), Told::default(), &[]).listing()
    }

    #[track_caller]
    fn has(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.contains(line), "{line:?} is missing in\n{text}");
        }
        for emv in ["Priority", "Amount", "PIN", "CVM", "Object List", "Issuer", "Authorisation"] {
            assert!(!text.contains(emv), "{emv} in\n{text}");
        }
    }

    /// The worked example of ICAO Doc 9303-11:2021, appendix D.4, and the same objects in other classes and lengths.
    #[test]
    fn objects_of_secure_messaging_have_their_own_meanings() {
        has(
            &of_command("0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800"),
            &[
                "87 padding indicator and cryptogram 01 63 75",
                ": 01: padded with 80, then 00, then 8 octets of cryptogram",
                "8E cryptographic checksum: BF 8B",
            ],
        );
        has(&of_command("0CB000000D9701048E08ED6705417E96BA5500"), &["97 Ne 04: up to 4 octets expected"]);
        has(
            &of_command("8CDA9F5811810101970100 8E08 0102030405060708 8202 1234"),
            &["81 plain value: 01", "97 Ne 00: up to 256 octets"],
        );
        has(
            &of_command("0DCB3FFF0F850801020304050607088E04AABBCCDD 00"),
            &["85 cryptogram of BER-TLV", "8E cryptographic checksum"],
        );
        has(&of_command("68D60000 07 8101FF 8E02 AABB"), &["81 plain value: FF"]);
        // One that is cut off.
        has(
            &of_command("0CA4020C0A8709016375432908C044"),
            &["87 padding indicator and cryptogram 01 63", "truncated at octet 7"],
        );
    }

    #[test]
    fn an_answer_to_a_secured_command_is_secured() {
        let asked = "0CB000000D9701048E08ED6705417E96BA5500";
        has(
            &of_answer(asked, "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000"),
            &["87 padding indicator", "99 status word 9000: done", "8E cryptographic checksum: AD 55"],
        );
        has(
            &of_answer(asked, "990269828E0801020304050607086982"),
            &["99 status word 6982: security status not satisfied"],
        );
        has(&of_answer("00A4040000", "6F078405A00000030000 9000"), &["84 Dedicated File (DF) name"]);
        // Nobody knows the command, and the objects tell.
        let alone = octets("8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000");
        has(&response(&alone, Told::default(), &[]).listing(), &["99 status word 9000: done"]);
    }

    /// ISO/IEC 7816-4:2005, 6.3; the first is the start of PACE in BSI TR-03110.
    #[test]
    fn control_references_have_their_own_meanings() {
        has(
            &of_command("0022C1A412800A04007F0007020204020283010184010D"),
            &[
                "80 cryptographic mechanism reference: 04 00",
                "83 reference of a secret or public key",
                "84 reference of a private key",
            ],
        );
        has(&of_command("002241B603840102"), &["84 reference of a private key"]);
        has(
            &of_command("002241A408 950140 9400 8700"),
            &[
                "95 usage qualifier 40: internal authentication",
                "94 challenge",
                "87 initial value block, empty: the initial value before, plus one",
            ],
        );
        has(
            &of_command("00224100 05 B603 840102"),
            &["B6 control reference template for signatures", "84 reference of a private key"],
        );
        has(&of_command("00224101 03 830102"), &["83 reference of a secret or public key, or of reference data: 02"]);
        has(&of_command("002241AC 03 800107"), &["80 cryptographic mechanism reference: 07"]);
        has(&of_command("002281B803950120"), &["95 usage qualifier 20: secure messaging in answers"]);
        has(
            &of_command("0047000005AC0380011100"),
            &["AC cryptographic mechanism identifier template", "80 cryptographic mechanism reference: 11"],
        );
        has(&of_command("00478000 02 B800 00"), &["B8 control reference template for confidentiality"]);
        has(
            &of_command("0C22 41A4 0B B403 830102 8E04 AABBCCDD"),
            &[
                "B4 control reference template for checksums, 3 octets",
                "83 reference of a secret or public key, or of reference data: 02",
            ],
        );
    }

    /// ISO/IEC 7816-8:2021, 5.2: of a primitive object its value is sent.
    #[test]
    fn data_of_security_operations_are_what_p1_and_p2_say() {
        has(&of_command("002A9E9A 04 8E020102 00"), &["input of a signature: 8E 02 01 02"]);
        has(&of_command("002A8086 05 0001020304 00"), &["padding indicator and cryptogram: 00 01 02 03 04"]);
        has(
            &of_command("002A00A8 0A 9A02AABB 9E04 01020304"),
            &["9A input of a signature: AABB", "9E digital signature: 01 02 03 04"],
        );
        has(&of_command("002A00BE 0A 7F4E03010203 5F370100"), &["7F4E certificate body", "5F37 "]);
        has(&of_command("002A90A0 08 9002AABB 8002 CCDD"), &["90 hash: AABB", "80 plain value: CCDD"]);
        has(&of_answer("002A9E9A040102030400", "840201029000"), &["signature: 84 02 01 02"]);
        has(
            &of_command("002A8086 0B A6 09 7F49 06 86 04 04AABBCC 00"),
            &["A6 control reference template for key agreement", "86 public point: 04 AA BB CC"],
        );
    }

    #[test]
    fn a_dynamic_authentication_template_has_its_own_meanings() {
        for command in ["008600000A 7C08 8000 8104 01020304 00", "10860000 0A 7C08 8000 8104 01020304 00"] {
            has(&of_command(command), &["7C dynamic authentication template", "80 witness", "81 challenge"]);
        }
        has(&of_command("00870711 06 7C04 8200 8000 00"), &["82 response"]);
    }

    #[test]
    fn file_control_parameters_hold_access_rules_and_mechanisms() {
        let text =
            response(&octets("6212 AB05 800101 9000 AC09 800101 0604 60860148 9000"), Told::default(), &[]).listing();
        assert!(text.contains("80 access mode: 01") && text.contains("90 security condition: always"), "{text}");
    }
}
