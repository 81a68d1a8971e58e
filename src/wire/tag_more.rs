//! Names of tags beyond ISO/IEC 7816 and EMV Book 3: contactless kernels, GlobalPlatform, PIV, OpenPGP, UICC, Calypso. Where a tag
//! means one thing in one kernel and another in the next, its name says both.

use super::tag::Dictionary;
use super::tlv::Tag;

macro_rules! dictionary {
    ($($tag:literal $name:literal,)*) => { &[$((Tag($tag), $name),)*] };
}

/// EMV Contactless Books B, C-2 to C-8, EMV 4.4 Books 1 and 3 with Annex B of Book 3, and the payment systems' public tags.
pub(super) const CONTACTLESS: Dictionary<'static> = dictionary! {
    0x5F57 "Account Type",
    0x7F60 "Biometric Information Template",
    0x9F0C "Issuer Identification Number Extended (IINE)",
    0x9F19 "Token Requestor ID",
    0x9F24 "Payment Account Reference (PAR)",
    0x9F25 "Last 4 Digits of PAN",
    0x9F29 "Extended Selection",
    0x9F2A "Kernel Identifier",
    0x9F30 "Biometric Terminal Capabilities",
    0x9F31 "Card BIT Group Template",
    0x9F50 "Offline Accumulator Balance (kernel 2)",
    0x9F51 "DRDOL (kernel 2); Application Currency Code (Visa)",
    0x9F52 "Application Default Action (Visa); Upper Cumulative Offline Amount (Mastercard)",
    0x9F53 "Transaction Category Code (kernel 2); Terminal Interchange Profile (kernel 5); Consecutive Transaction Limit International (Visa)",
    0x9F54 "DS ODS Card (kernel 2); Cumulative Total Transaction Amount Limit (Visa)",
    0x9F55 "Geographic Indicator (Visa)",
    0x9F56 "Issuer Authentication Indicator (Visa)",
    0x9F57 "Issuer Country Code (Visa)",
    0x9F58 "Lower Consecutive Offline Limit (Visa)",
    0x9F59 "Upper Consecutive Offline Limit (Visa)",
    0x9F5A "Application Program Identifier (kernel 3)",
    0x9F5B "Issuer Script Results; DSDOL (kernel 2)",
    0x9F5C "DS Requested Operator ID (kernel 2); Cumulative Total Transaction Amount Upper Limit (Visa)",
    0x9F5D "Application Capabilities Information (kernel 2); Available Offline Spending Amount (kernel 3)",
    0x9F5E "DS ID (kernel 2); Consecutive Transaction International Upper Limit (Visa)",
    0x9F5F "DS Slot Availability (kernel 2)",
    0x9F60 "CVC3 (Track 1) (kernel 2)",
    0x9F61 "CVC3 (Track 2) (kernel 2)",
    0x9F62 "PCVC3 (Track 1) (kernel 2)",
    0x9F63 "PUNATC (Track 1) (kernel 2); Offline Counter Initial Value",
    0x9F64 "NATC (Track 1) (kernel 2)",
    0x9F65 "PCVC3 (Track 2) (kernel 2)",
    0x9F66 "Terminal Transaction Qualifiers (kernels 3, 6, 7); PUNATC (Track 2) (kernel 2)",
    0x9F67 "NATC (Track 2) (kernel 2)",
    0x9F68 "Card Additional Processes (Visa)",
    0x9F69 "UDOL (kernel 2); Card Authentication Related Data (kernel 3)",
    0x9F6A "Unpredictable Number (Numeric) (kernel 2)",
    0x9F6B "Track 2 Data (kernel 2); Card CVM Limit (Visa)",
    0x9F6C "Card Transaction Qualifiers (kernel 3)",
    0x9F6D "Mag-stripe Application Version Number, reader (kernel 2); Contactless Reader Capabilities (kernel 4)",
    0x9F6E "Third Party Data (kernel 2); Form Factor Indicator (kernel 3); Enhanced Contactless Reader Capabilities (kernel 4)",
    0x9F6F "DS Slot Management Control (kernel 2)",
    0x9F70 "Protected Data Envelope 1; life cycle state (GlobalPlatform)",
    0x9F71 "Protected Data Envelope 2; Card Processing Requirements (kernel 6)",
    0x9F72 "Protected Data Envelope 3; Consecutive Transaction Limit International Country (Visa)",
    0x9F73 "Protected Data Envelope 4; Currency Conversion Parameters (Visa)",
    0x9F74 "Protected Data Envelope 5; VLP Issuer Authorisation Code",
    0x9F75 "Unprotected Data Envelope 1",
    0x9F76 "Unprotected Data Envelope 2",
    0x9F77 "Unprotected Data Envelope 3; VLP Funds Limit",
    0x9F78 "Unprotected Data Envelope 4; VLP Single Transaction Limit",
    0x9F79 "Unprotected Data Envelope 5; VLP Available Funds; Electronic Cash Balance (kernel 7)",
    0x9F7A "VLP Terminal Support Indicator; Electronic Cash Terminal Support (kernel 7)",
    0x9F7B "Electronic Cash Terminal Transaction Limit (kernel 7)",
    0x9F7C "Merchant Custom Data (kernel 2); Customer Exclusive Data (kernel 3)",
    0x9F7D "DS Summary 1 (kernel 2); VLP Terminal Transaction Limit",
    0x9F7E "Mobile Support Indicator (kernel 2); Application Life Cycle Data (Mastercard)",
    0x9F7F "Card Production Life Cycle Data (CPLC); DS Unpredictable Number (kernel 2)",
    0xA1 "Biometric Header Template",
    0xBF4C "Biometric Try Counters Template",
    0xBF4E "Biometric Verification Data Template",
    0xBF63 "File Control Information (FCI) data of the payment system (kernels of Interac and others)",
    0xDF60 "VLP data or Visa log entry (proprietary)",
    0xDF61 "offline data authentication parameters (proprietary)",
    0xDF_8101 "DS Summary 2", 0xDF_8102 "DS Summary 3",
    0xDF_8104 "Balance Read Before Gen AC", 0xDF_8105 "Balance Read After Gen AC",
    0xDF_8106 "Data Needed", 0xDF_8107 "CDOL1 Related Data",
    0xDF_8108 "DS AC Type", 0xDF_8109 "DS Input (Term)", 0xDF_810A "DS ODS Info For Reader", 0xDF_810B "DS Summary Status",
    0xDF_810C "Kernel ID", 0xDF_810D "DSVN Term", 0xDF_810E "Post-Gen AC Put Data Status", 0xDF_810F "Pre-Gen AC Put Data Status",
    0xDF_8110 "Proceed To First Write Flag", 0xDF_8111 "PDOL Related Data", 0xDF_8112 "Tags To Read", 0xDF_8113 "DRDOL Related Data",
    0xDF_8114 "Reference Control Parameter", 0xDF_8115 "Error Indication", 0xDF_8116 "User Interface Request Data",
    0xDF_8117 "Card Data Input Capability", 0xDF_8118 "CVM Capability - CVM Required", 0xDF_8119 "CVM Capability - No CVM Required",
    0xDF_811A "Default UDOL", 0xDF_811B "Kernel Configuration", 0xDF_811C "Max Lifetime of Torn Transaction Log Record",
    0xDF_811D "Max Number of Torn Transaction Log Records", 0xDF_811E "Mag-stripe CVM Capability - CVM Required",
    0xDF_811F "Security Capability", 0xDF_8120 "Terminal Action Code - Default", 0xDF_8121 "Terminal Action Code - Denial",
    0xDF_8122 "Terminal Action Code - Online", 0xDF_8123 "Reader Contactless Floor Limit",
    0xDF_8124 "Reader Contactless Transaction Limit (No On-device CVM)",
    0xDF_8125 "Reader Contactless Transaction Limit (On-device CVM)", 0xDF_8126 "Reader CVM Required Limit",
    0xDF_8127 "Time Out Value", 0xDF_8128 "IDS Status", 0xDF_8129 "Outcome Parameter Set", 0xDF_812A "DD Card (Track 1)",
    0xDF_812B "DD Card (Track 2)", 0xDF_812C "Mag-stripe CVM Capability - No CVM Required", 0xDF_812D "Message Hold Time",
    0xDF_8130 "Hold Time Value", 0xDF_8131 "Phone Message Table",
    0xDF_8132 "Minimum Relay Resistance Grace Period", 0xDF_8133 "Maximum Relay Resistance Grace Period",
    0xDF_8134 "Terminal Expected Transmission Time For Relay Resistance C-APDU",
    0xDF_8135 "Terminal Expected Transmission Time For Relay Resistance R-APDU",
    0xDF_8136 "Relay Resistance Accuracy Threshold", 0xDF_8137 "Relay Resistance Transmission Time Mismatch Threshold",
    0xDF_8301 "Terminal Relay Resistance Entropy", 0xDF_8302 "Device Relay Resistance Entropy",
    0xDF_8303 "Min Time For Processing Relay Resistance APDU", 0xDF_8304 "Max Time For Processing Relay Resistance APDU",
    0xDF_8305 "Device Estimated Transmission Time For Relay Resistance R-APDU",
    0xDF_8306 "Measured Relay Resistance Processing Time", 0xDF_8307 "RRP Counter",
    0xFF01 "unpredictable number template (vendor)",
    0xFF0D "Terminal Action Code - Default template (vendor)",
    0xFF0E "Terminal Action Code - Denial template (vendor)",
    0xFF0F "Terminal Action Code - Online template (vendor)",
    0xFF_8101 "Torn Record", 0xFF_8102 "Tags To Write Before Gen AC", 0xFF_8103 "Tags To Write After Gen AC",
    0xFF_8104 "Data To Send", 0xFF_8105 "Data Record", 0xFF_8106 "Discretionary Data",
};

/// GlobalPlatform Card Specification 2.3.1; ICAO Doc 9303-10:2021; NIST SP 800-73; OpenPGP application 3.4; ISO/IEC 7816-6 and -8; ETSI TS 102 221.
pub(super) const CARDS: Dictionary<'static> = dictionary! {
    0x02 "integer", 0x03 "bit string", 0x04 "octet string", 0x05 "null", 0x0A "enumerated", 0x0C "text, UTF-8",
    0x13 "text, printable", 0x16 "text, IA5", 0x17 "time, UTC", 0x18 "time, generalized",
    0x30 "sequence", 0x31 "set",
    0x5E "log-in data",
    0x5F21 "track 1, card", 0x5F22 "track 2, card", 0x5F29 "interchange profile", 0x5F2B "date of birth",
    0x5F2C "cardholder nationality", 0x5F2E "cardholder biometric data", 0x5F2F "PIN usage policy",
    0x5F32 "transaction counter", 0x5F35 "cardholder sex", 0x5F37 "static internal authentication, one step",
    0x5F3D "static internal authentication, two steps", 0x5F42 "address", 0x5F48 "cardholder private key",
    0x5F49 "cardholder public key", 0x5F4A "public key of the certification authority", 0x5F52 "historical octets",
    0x60 "biometric information template", 0x68 "application image template", 0x69 "application image template",
    0x6D "data, local", 0x78 "compatible tag allocation authority", 0x79 "coexistent tag allocation authority",
    0x7A "security support template", 0x7B "security environment template",
    0x7F4C "certificate holder authorisation template", 0x7F48 "cardholder private key template",
    0x7F61 "biometric information group template", 0x7F66 "extended length information", 0x7F74 "general feature management",
    0xC6 "PIN status template (UICC); CA fingerprints (OpenPGP)",
    0xE0 "control reference template or input lengths", 0xE1 "file control parameters (capability container)",
    0xE2 "application data (GlobalPlatform)", 0xE3 "application related data (GlobalPlatform)",
    0xE6 "INSTALL parameters or executable load file (GlobalPlatform)",
    0xEF "system specific parameters (GlobalPlatform)", 0xC9 "application specific parameters (GlobalPlatform)",
    0xC1 "sequence counter (GlobalPlatform); algorithm attributes, signature (OpenPGP)",
    0xCF "key diversification data (GlobalPlatform)",
    0x5F01 "version of the logical data structure (passport)", 0x5F0E "full name (passport)",
    0x5F11 "place of birth (passport)", 0x5F1F "machine readable zone (passport)", 0x5F40 "displayed portrait (passport)",
    0x5F43 "displayed signature (passport)", 0x75 "data group 2, face (passport)", 0x76 "data group 4, iris (passport)",
    0x7F2E "biometric data block",
    0x5F_C101 "card authentication certificate (PIV)", 0x5F_C102 "cardholder unique identifier (PIV)",
    0x5F_C103 "cardholder fingerprints (PIV)", 0x5F_C105 "PIV authentication certificate (PIV)",
    0x5F_C106 "security object (PIV)", 0x5F_C107 "card capability container (PIV)", 0x5F_C108 "facial image (PIV)",
    0x5F_C109 "printed information (PIV)", 0x5F_C10A "digital signature certificate (PIV)",
    0x5F_C10B "key management certificate (PIV)", 0x5F_C10C "key history (PIV)", 0x7E "discovery object (PIV)",
};

/// Inside the directory discretionary template: card recognition data of GlobalPlatform (2.3.1, H.2) and the application's own data of
/// OpenPGP (3.4, 4.4.3).
pub(super) const DISCRETIONARY: Dictionary<'static> = dictionary! {
    0x60 "card management type and version", 0x63 "card identification scheme", 0x64 "secure channel protocol of the issuer's domain",
    0x65 "card configuration details", 0x66 "card and chip details",
    0xC0 "extended capabilities", 0xC1 "algorithm attributes, signature", 0xC2 "algorithm attributes, decryption",
    0xC3 "algorithm attributes, authentication", 0xC4 "password status", 0xC5 "fingerprints", 0xC6 "CA fingerprints",
    0xCD "generation times",
};

/// Inside the proprietary template A5: UICC (ETSI TS 102 221, 11.1.1.4.6) and GlobalPlatform (2.3.1, 11.9.3.1).
pub(super) const PROPRIETARY: Dictionary<'static> = dictionary! {
    0x80 "UICC characteristics", 0x81 "application power consumption", 0x82 "minimum clock frequency",
    0x83 "amount of available memory", 0x84 "file details", 0x85 "reserved file size", 0x86 "maximum file size",
    0x9F65 "maximum length of command data (GlobalPlatform)",
    0x9F6E "application production life cycle data (GlobalPlatform)",
};

/// Inside the issuer's discretionary data: Calypso.
pub(super) const ISSUER: Dictionary<'static> = dictionary! {
    0x53 "startup information (Calypso); discretionary data", 0xC7 "serial number (Calypso)",
};

/// Inside `E3` of GET STATUS (GlobalPlatform 2.3.1, 11.4.3.1).
pub(super) const REGISTRY: Dictionary<'static> = dictionary! {
    0x9F70 "life cycle state", 0xC4 "executable load file", 0xC5 "privileges", 0xCC "associated security domain",
    0xCE "version of the load file", 0xCF "implicit selection parameter", 0x84 "executable module",
};

/// Inside a dynamic authentication template (ISO/IEC 7816-4:2020, 11.5.5); PACE and chip authentication give the same tags other names
/// (ICAO Doc 9303-11:2021, 4.4.4; BSI TR-03110-3 2.21, B.1).
pub(super) const AUTHENTICATION: Dictionary<'static> = dictionary! {
    0x80 "witness; encrypted nonce (PACE), ephemeral public key (chip authentication)", 0x81 "challenge; mapping data (PACE)",
    0x82 "response; mapping data (PACE)", 0x83 "committed challenge; ephemeral public key (PACE)",
    0x84 "authentication code; ephemeral public key (PACE)", 0x85 "exponential; authentication token (PACE)",
    0x86 "authentication token (PACE)", 0x87 "certification authority reference (PACE)",
    0x88 "certification authority reference (PACE)", 0x8A "encrypted chip authentication data (PACE)",
    0xA0 "identification data template",
};

/// Inside a control reference template (ISO/IEC 7816-4:2005, 6.3.1).
pub(super) const CONTROL_REFERENCE: Dictionary<'static> = dictionary! {
    0x80 "cryptographic mechanism reference", 0x81 "file reference", 0x82 "Dedicated File (DF) name",
    0x83 "reference of a secret or public key, or of reference data",
    0x84 "reference of a private key, or of a key for computing a session key", 0x85 "initial value: null block",
    0x86 "initial value: chaining block", 0x87 "initial value block", 0x88 "challenge",
    0x89 "proprietary data element, or its index", 0x8A "proprietary data element, or its index",
    0x8B "proprietary data element, or its index", 0x8C "proprietary data element, or its index",
    0x8D "proprietary data element, or its index", 0x8E "cryptogram content reference", 0x90 "hash",
    0x91 "random number", 0x92 "time stamp", 0x93 "signature counter",
    0x94 "challenge, or data element for deriving a key", 0x95 "usage qualifier", 0xA3 "key usage template",
};

/// Inside a cryptographic mechanism identifier template (ISO/IEC 7816-4:2005, 5.4.2).
pub(super) const MECHANISM: Dictionary<'static> = dictionary! {
    0x80 "cryptographic mechanism reference",
};

/// Inside a security environment template (ISO/IEC 7816-4:2005, 6.3.3), and in what names templates as it does.
pub(super) const ENVIRONMENT: Dictionary<'static> = dictionary! {
    0x80 "security environment identifier", 0x8A "life cycle status",
    0xA4 "control reference template for authentication", 0xA6 "control reference template for key agreement",
    0xAA "control reference template for hashes", 0xAC "cryptographic mechanism identifier template",
    0xB4 "control reference template for checksums", 0xB6 "control reference template for signatures",
    0xB8 "control reference template for confidentiality",
};

/// Inside a security attribute in expanded format (ISO/IEC 7816-4:2005, 5.4.3.2).
pub(super) const ACCESS: Dictionary<'static> = dictionary! {
    0x80 "access mode", 0x81 "access mode: P2", 0x82 "access mode: P1", 0x83 "access mode: P1, P2", 0x84 "access mode: INS",
    0x85 "access mode: INS, P2", 0x86 "access mode: INS, P1", 0x87 "access mode: INS, P1, P2", 0x88 "access mode: CLA",
    0x89 "access mode: CLA, P2", 0x8A "access mode: CLA, P1", 0x8B "access mode: CLA, P1, P2", 0x8C "access mode: CLA, INS",
    0x8D "access mode: CLA, INS, P2", 0x8E "access mode: CLA, INS, P1", 0x8F "access mode: CLA, INS, P1, P2",
    0x90 "security condition: always", 0x97 "security condition: never", 0x9C "access mode: state machine of the card",
    0x9E "security condition", 0xA0 "one of these conditions", 0xA4 "security condition: authentication",
    0xA7 "not this condition", 0xAF "all of these conditions", 0xB4 "security condition: checksum",
    0xB6 "security condition: signature", 0xB8 "security condition: confidentiality",
};

/// Inside a public key template (ISO/IEC 7816-8:2021, table 3).
pub(super) const PUBLIC_KEY: Dictionary<'static> = dictionary! {
    0x81 "modulus, or prime", 0x82 "public exponent, or first coefficient", 0x83 "second coefficient", 0x84 "base point",
    0x85 "order", 0x86 "public point", 0x87 "cofactor",
};
