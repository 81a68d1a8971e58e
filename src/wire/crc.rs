//! The checksums of contactless frames (ISO/IEC 14443-3:2018, annex B): they are sent low octet first.

/// CRC_A, of type A.
pub(crate) fn a(octets: &[u8]) -> u16 {
    crc(octets, 0x6363)
}

/// CRC_B, of type B.
pub(crate) fn b(octets: &[u8]) -> u16 {
    !crc(octets, 0xFFFF)
}

/// Which of the two `checksum`, as it was sent, is of `octets`.
pub(crate) fn name(octets: &[u8], checksum: [u8; 2]) -> Option<&'static str> {
    let checksum = u16::from_le_bytes(checksum);
    match octets {
        [] => None,
        _ if checksum == a(octets) => Some("CRC_A"),
        _ if checksum == b(octets) => Some("CRC_B"),
        _ => None,
    }
}

/// Polynomial x^16 + x^12 + x^5 + 1, lowest bit first.
fn crc(octets: &[u8], start: u16) -> u16 {
    octets.iter().fold(start, |crc, octet| {
        let bits = |crc: u16, _| if crc & 1 == 1 { (crc >> 1) ^ 0x8408 } else { crc >> 1 };
        (0..8).fold(crc ^ u16::from(*octet), bits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of ISO/IEC 14443-3:2018, annex B, and two frames of public recordings: an ATS (Proxmark/proxmark3, issue 670) and
    /// HLTA (the same repository, issue 567).
    #[test]
    fn checksums_of_the_standard_and_of_recordings() {
        assert_eq!((a(&[0x00, 0x00]).to_le_bytes(), a(&[0x12, 0x34]).to_le_bytes()), ([0xA0, 0x1E], [0x26, 0xCF]));
        assert_eq!(
            (b(&[0x00, 0x00, 0x00]).to_le_bytes(), b(&[0x0F, 0xAA, 0xFF]).to_le_bytes()),
            ([0xCC, 0xC6], [0xFC, 0xD1])
        );
        assert_eq!(name(&[0x06, 0x75, 0x77, 0x81, 0x02, 0x80], [0x02, 0xF0]), Some("CRC_A"));
        assert_eq!(name(&[0x50, 0x00], [0x57, 0xCD]), Some("CRC_A"));
        assert_eq!(name(&[0x0A, 0x12, 0x34, 0x56], [0x2C, 0xF6]), Some("CRC_B"));
        assert_eq!(name(&[0x50, 0x00], [0x57, 0xCC]), None);
    }
}
