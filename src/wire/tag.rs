//! Names of tags. Families add their own dictionaries; a tag without a name is printed by its number.

use super::tag_more::{CARDS, CONTACTLESS};
use super::tlv::Tag;

/// Tags and what they are called. The first dictionary that knows a tag names it.
pub type Dictionary<'a> = &'a [(Tag, &'a str)];

/// The name in the first of `dictionaries` that knows the tag.
pub fn name_in<'a>(dictionaries: &[Dictionary<'a>], tag: Tag) -> Option<&'a str> {
    dictionaries.iter().flat_map(|dictionary| dictionary.iter()).find(|(known, _)| *known == tag).map(|(_, name)| *name)
}

/// The name in [`COMMON`] and in the tables of contactless kernels and of other cards.
///
/// ```
/// use untorn::wire::{tag, tlv::Tag};
/// assert_eq!(tag::name(Tag(0x9F36)), Some("Application Transaction Counter (ATC)"));
/// ```
pub fn name(tag: Tag) -> Option<&'static str> {
    name_in(&[COMMON, CONTACTLESS, CARDS], tag)
}

macro_rules! dictionary {
    ($($tag:literal $name:literal,)*) => { &[$((Tag($tag), $name),)*] };
}

/// Context-specific tags directly inside file control information (ISO/IEC 7816-4:2020, 7.4.3).
pub const FILE_CONTROL: Dictionary<'static> = dictionary! {
    0x80 "number of data octets in the file",
    0x81 "number of data octets with structural information",
    0x82 "file descriptor",
    0x83 "file identifier",
    0x84 "Dedicated File (DF) name",
    0x85 "proprietary information",
    0x86 "security attribute, proprietary",
    0x87 "identifier of the file with more control information",
    0x88 "short file identifier",
    0x8A "life cycle status",
    0x8B "security attribute, reference to expanded format",
    0x8C "security attribute, compact format",
    0x8D "identifier of the security environment file",
    0xA0 "security attribute template for data objects",
    0xA1 "security attribute template, proprietary",
    0xA5 "proprietary template",
    0xAB "security attribute template, expanded format",
    0xC6 "PIN status template",
    0xAC "cryptographic mechanism identifier template",
};

/// Data objects of secure messaging (ISO/IEC 7816-4:2005, 6.1; 2020, clause 10). An object with an odd tag is under the checksum.
pub const SECURE_MESSAGING: Dictionary<'static> = dictionary! {
    0x80 "plain value", 0x81 "plain value",
    0x82 "cryptogram of secure messaging objects", 0x83 "cryptogram of secure messaging objects",
    0x84 "cryptogram of BER-TLV", 0x85 "cryptogram of BER-TLV",
    0x86 "padding indicator and cryptogram", 0x87 "padding indicator and cryptogram",
    0x89 "command header", 0x8E "cryptographic checksum",
    0x90 "hash", 0x91 "hash", 0x92 "certificate", 0x93 "certificate",
    0x94 "security environment identifier", 0x95 "security environment identifier",
    0x96 "Ne, not under the checksum", 0x97 "Ne",
    0x98 "status word, not under the checksum", 0x99 "status word",
    0x9A "input of a signature", 0x9B "input of a signature", 0x9C "public key", 0x9D "public key",
    0x9E "digital signature",
    0xA0 "template for a hash", 0xA1 "template for a hash", 0xA2 "template for verifying a checksum",
    0xA4 "control reference template for authentication", 0xA5 "control reference template for authentication",
    0xA6 "control reference template for key agreement", 0xA7 "control reference template for key agreement",
    0xA8 "template for verifying a signature",
    0xAA "control reference template for hashes", 0xAB "control reference template for hashes",
    0xAC "template whose values are signed", 0xAD "template whose values are signed",
    0xAE "template whose values are certified", 0xAF "template whose values are certified",
    0xB0 "plain value with secure messaging objects", 0xB1 "plain value with secure messaging objects",
    0xB2 "plain value of BER-TLV", 0xB3 "plain value of BER-TLV",
    0xB4 "control reference template for checksums", 0xB5 "control reference template for checksums",
    0xB6 "control reference template for signatures", 0xB7 "control reference template for signatures",
    0xB8 "control reference template for confidentiality", 0xB9 "control reference template for confidentiality",
    0xBA "response descriptor template", 0xBB "response descriptor template",
    0xBC "template that is signed", 0xBD "template that is signed", 0xBE "template that is certified",
};

/// Interindustry tags (ISO/IEC 7816-4:2020 and 7816-6:2016) and the data elements of EMV 4.4 Book 3, Annex A.
pub const COMMON: Dictionary<'static> = dictionary! {
    0x06 "object identifier",
    0x41 "country code and national data",
    0x42 "Issuer Identification Number (IIN)",
    0x43 "card service data",
    0x44 "initial access data",
    0x45 "card issuer's data",
    0x46 "pre-issuing data",
    0x47 "card capabilities",
    0x48 "status information",
    0x4D "extended header list",
    0x4F "Application Identifier (AID)",
    0x50 "Application Label",
    0x51 "file reference",
    0x52 "command APDU",
    0x53 "discretionary data",
    0x56 "Track 1 Data",
    0x57 "Track 2 Equivalent Data",
    0x5A "Application Primary Account Number (PAN)",
    0x5B "name of an individual",
    0x5C "tag list",
    0x5D "header list",
    0x61 "Application Template",
    0x62 "File Control Parameters (FCP) Template",
    0x63 "wrapper",
    0x64 "File Management Data (FMD) Template",
    0x65 "cardholder related data",
    0x66 "card data",
    0x67 "authentication data",
    0x6E "application related data",
    0x6F "File Control Information (FCI) Template",
    0x70 "READ RECORD Response Message Template",
    0x71 "Issuer Script Template 1",
    0x72 "Issuer Script Template 2",
    0x73 "Directory Discretionary Template",
    0x77 "Response Message Template Format 2",
    0x7C "dynamic authentication template",
    0x7D "secure messaging template",
    0x80 "Response Message Template Format 1",
    0x81 "Amount, Authorised (Binary)",
    0x82 "Application Interchange Profile (AIP)",
    0x83 "Command Template",
    0x84 "Dedicated File (DF) Name",
    0x86 "Issuer Script Command",
    0x87 "Application Priority Indicator",
    0x88 "Short File Identifier (SFI)",
    0x89 "Authorisation Code",
    0x8A "Authorisation Response Code",
    0x8C "Card Risk Management Data Object List 1 (CDOL1)",
    0x8D "Card Risk Management Data Object List 2 (CDOL2)",
    0x8E "Cardholder Verification Method (CVM) List",
    0x8F "Certification Authority Public Key Index",
    0x90 "Issuer Public Key Certificate",
    0x91 "Issuer Authentication Data",
    0x92 "Issuer Public Key Remainder",
    0x93 "Signed Static Application Data",
    0x94 "Application File Locator (AFL)",
    0x95 "Terminal Verification Results (TVR)",
    0x97 "Transaction Certificate Data Object List (TDOL)",
    0x98 "Transaction Certificate (TC) Hash Value",
    0x99 "Transaction PIN Data",
    0x9A "Transaction Date",
    0x9B "Transaction Status Information (TSI)",
    0x9C "Transaction Type",
    0x9D "Directory Definition File (DDF) Name",
    0xA5 "File Control Information (FCI) Proprietary Template",
    0x5F20 "Cardholder Name",
    0x5F24 "Application Expiration Date",
    0x5F25 "Application Effective Date",
    0x5F28 "Issuer Country Code",
    0x5F2A "Transaction Currency Code",
    0x5F2D "Language Preference",
    0x5F30 "Service Code",
    0x5F34 "Application PAN Sequence Number",
    0x5F36 "Transaction Currency Exponent",
    0x5F50 "Issuer URL",
    0x5F53 "International Bank Account Number (IBAN)",
    0x5F54 "Bank Identifier Code (BIC)",
    0x5F55 "Issuer Country Code (alpha 2)",
    0x5F56 "Issuer Country Code (alpha 3)",
    0x7F21 "cardholder certificate",
    0x7F49 "public key template",
    0x7F4E "certificate body",
    0x9F01 "Acquirer Identifier",
    0x9F02 "Amount, Authorised (Numeric)",
    0x9F03 "Amount, Other (Numeric)",
    0x9F04 "Amount, Other (Binary)",
    0x9F05 "Application Discretionary Data",
    0x9F06 "Application Identifier (AID), terminal",
    0x9F07 "Application Usage Control",
    0x9F08 "Application Version Number, card",
    0x9F09 "Application Version Number, terminal",
    0x9F0A "Application Selection Registered Proprietary Data",
    0x9F0B "Cardholder Name Extended",
    0x9F0D "Issuer Action Code - Default",
    0x9F0E "Issuer Action Code - Denial",
    0x9F0F "Issuer Action Code - Online",
    0x9F10 "Issuer Application Data",
    0x9F11 "Issuer Code Table Index",
    0x9F12 "Application Preferred Name",
    0x9F13 "Last Online ATC Register",
    0x9F14 "Lower Consecutive Offline Limit",
    0x9F15 "Merchant Category Code",
    0x9F16 "Merchant Identifier",
    0x9F17 "PIN Try Counter",
    0x9F18 "Issuer Script Identifier",
    0x9F1A "Terminal Country Code",
    0x9F1B "Terminal Floor Limit",
    0x9F1C "Terminal Identification",
    0x9F1D "Terminal Risk Management Data",
    0x9F1E "Interface Device (IFD) Serial Number",
    0x9F1F "Track 1 Discretionary Data",
    0x9F20 "Track 2 Discretionary Data",
    0x9F21 "Transaction Time",
    0x9F22 "Certification Authority Public Key Index, terminal",
    0x9F23 "Upper Consecutive Offline Limit",
    0x9F26 "Application Cryptogram",
    0x9F27 "Cryptogram Information Data (CID)",
    0x9F2D "ICC PIN Encipherment Public Key Certificate",
    0x9F2E "ICC PIN Encipherment Public Key Exponent",
    0x9F2F "ICC PIN Encipherment Public Key Remainder",
    0x9F32 "Issuer Public Key Exponent",
    0x9F33 "Terminal Capabilities",
    0x9F34 "Cardholder Verification Method (CVM) Results",
    0x9F35 "Terminal Type",
    0x9F36 "Application Transaction Counter (ATC)",
    0x9F37 "Unpredictable Number",
    0x9F38 "Processing Options Data Object List (PDOL)",
    0x9F39 "Point-of-Service (POS) Entry Mode",
    0x9F3A "Amount, Reference Currency",
    0x9F3B "Application Reference Currency",
    0x9F3C "Transaction Reference Currency Code",
    0x9F3D "Transaction Reference Currency Exponent",
    0x9F40 "Additional Terminal Capabilities",
    0x9F41 "Transaction Sequence Counter",
    0x9F42 "Application Currency Code",
    0x9F43 "Application Reference Currency Exponent",
    0x9F44 "Application Currency Exponent",
    0x9F45 "Data Authentication Code",
    0x9F46 "ICC Public Key Certificate",
    0x9F47 "ICC Public Key Exponent",
    0x9F48 "ICC Public Key Remainder",
    0x9F49 "Dynamic Data Authentication Data Object List (DDOL)",
    0x9F4A "Static Data Authentication Tag List",
    0x9F4B "Signed Dynamic Application Data",
    0x9F4C "ICC Dynamic Number",
    0x9F4D "Log Entry",
    0x9F4E "Merchant Name and Location",
    0x9F4F "Log Format",
    0xBF0C "File Control Information (FCI) Issuer Discretionary Data",
};

#[cfg(test)]
mod tests {
    use super::super::tag_more::{
        ACCESS, AUTHENTICATION, CONTROL_REFERENCE, DISCRETIONARY, ENVIRONMENT, ISSUER, MECHANISM, PROPRIETARY,
        PUBLIC_KEY, REGISTRY,
    };
    use super::*;
    use crate::wire::tlv;

    #[test]
    fn every_tag_is_one_and_stands_once() {
        let all = [COMMON, CONTACTLESS, CARDS].concat();
        let within = [FILE_CONTROL, SECURE_MESSAGING, DISCRETIONARY, PROPRIETARY, ISSUER, REGISTRY, AUTHENTICATION];
        let further = [PUBLIC_KEY, CONTROL_REFERENCE, MECHANISM, ENVIRONMENT, ACCESS, all.as_slice()];
        for dictionary in within.into_iter().chain(further) {
            for (index, (tag, name)) in dictionary.iter().enumerate() {
                let mut octets = Vec::new();
                tlv::push(&mut octets, *tag, &[]);
                assert_eq!(Tag::parse(&octets).unwrap(), *tag, "{name}");
                assert!(dictionary[..index].iter().all(|(other, _)| other != tag), "{tag} twice");
            }
        }
    }

    #[test]
    fn the_first_dictionary_wins() {
        const FAMILY: Dictionary<'static> = &[(Tag(0xC1), "version and suites"), (Tag(0x84), "name")];
        assert_eq!(name_in(&[FAMILY, COMMON], Tag(0x84)), Some("name"));
        assert_eq!(name_in(&[FAMILY, COMMON], Tag(0x9F36)), name(Tag(0x9F36)));
        assert_eq!(name(Tag(0xDF01)), None);
    }
}
